"""What tape and cheap converters do: uneven speed, hiss, coarse steps.

The speed wanders by two sines, slow (wow) and fast (flutter). Their depth is the largest
departure of the pitch, in cents, and is bounded so that both together stay within two.

References
----------
Laakso, T. I., Välimäki, V., Karjalainen, M., & Laine, U. K. (1996). Splitting the unit delay.
IEEE Signal Processing Magazine, 13(1), 30-60. doi:10.1109/79.482137.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import Effect, Samples, Settings
from hybrid.audio_refiner.effects_eq import Band, Equaliser

_TAPS = 16
_PHASES = 512
_OFF_DB = -120.0
_SILENCE_DB = -119.9


@dataclass(frozen=True)
class WobbleSettings(Settings):
    """How the speed wanders.

    Attributes
    ----------
    wow_hz, flutter_hz : float
        Rate of each.
    wow_cents, flutter_cents : float
        Largest departure of the pitch by each.
    """

    kind: ClassVar[str] = "wobble"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "wow_hz": (0.3, 3.0),
        "wow_cents": (0.0, 1.2),
        "flutter_hz": (4.0, 15.0),
        "flutter_cents": (0.0, 0.8),
    }

    wow_hz: float
    wow_cents: float
    flutter_hz: float = 8.0
    flutter_cents: float = 0.0

    def scaled(self, strength: float) -> Self:
        return replace(
            self,
            wow_cents=self.wow_cents * strength,
            flutter_cents=self.flutter_cents * strength,
        )

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Wobble(self, sample_rate, rng)


class Wobble:
    """A delay that wanders around a fixed one, which is the latency."""

    tail = 0

    def __init__(
        self, settings: WobbleSettings, sample_rate: int, rng: np.random.Generator
    ) -> None:
        self._steps = (
            2 * math.pi * settings.wow_hz / sample_rate,
            2 * math.pi * settings.flutter_hz / sample_rate,
        )
        cents = (settings.wow_cents, settings.flutter_cents)
        # The speed departs by the delay's derivative: depth times angular frequency.
        self.depths = tuple(
            (2 ** (cent / 1200) - 1) / step for cent, step in zip(cents, self._steps, strict=True)
        )
        self._phases = rng.uniform(0, 2 * math.pi, 2)
        self._moves = any(cents)
        self.latency = math.ceil(sum(self.depths)) + _TAPS // 2 if self._moves else 0
        self._kept = np.zeros((2, 2 * self.latency + _TAPS), dtype=np.float32)
        self._at = 0
        self._table = _fractions()

    def delays(self, first: int, n_samples: int) -> NDArray[np.float64]:
        """Delay of each sample against the latency, in samples."""
        frames = np.arange(first, first + n_samples)
        total = np.zeros(n_samples)
        for depth, step, phase in zip(self.depths, self._steps, self._phases, strict=True):
            total += depth * np.sin(step * frames + phase)
        return total

    def process(self, block: Samples) -> Samples:
        if not self._moves:
            return block
        n_samples = block.shape[1]
        around = np.concatenate([self._kept, block], axis=1)
        self._kept = around[:, n_samples:]
        # Sample i of the block lies at `offset` + i; it is read `latency` + delay before that.
        offset = self._kept.shape[1]
        # The delay belongs to the sound that comes out, which is `latency` behind.
        delay = self.delays(self._at - self.latency, n_samples)
        self._at += n_samples
        place = offset - self.latency + np.arange(n_samples) - delay
        whole = np.floor(place).astype(np.int64)
        phase = (place - whole) * _PHASES
        low = phase.astype(np.int64)
        share = (phase - low).astype(np.float32)[:, None]
        taps = self._table[low] * (1 - share) + self._table[low + 1] * share  # (n, taps)
        first = whole - (_TAPS // 2 - 1)
        windows = np.lib.stride_tricks.sliding_window_view(around, _TAPS, axis=1)
        result: Samples = np.stack([(windows[c][first] * taps).sum(axis=1) for c in range(2)])
        return result


def _fractions() -> NDArray[np.float32]:
    """Windowed sincs for delays of 0..1 samples in `_PHASES` steps, each with gain 1 at 0 Hz."""
    shift = np.arange(_PHASES + 1)[:, None] / _PHASES
    times = np.arange(_TAPS) - (_TAPS // 2 - 1) - shift
    window = np.i0(7.0 * np.sqrt(np.maximum(0, 1 - (times / (_TAPS / 2)) ** 2))) / np.i0(7.0)
    taps = np.sinc(times) * window
    table: NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return table


@dataclass(frozen=True)
class HissSettings(Settings):
    """Noise under the sound.

    Attributes
    ----------
    level_db : float
        RMS of the noise before its shelf, dB relative to full scale at the chain's working
        loudness; -120 is off.
    tilt_db : float
        High shelf at 4 kHz.
    """

    kind: ClassVar[str] = "hiss"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "level_db": (_OFF_DB, -30.0),
        "tilt_db": (-12.0, 12.0),
    }

    level_db: float
    tilt_db: float = 3.0

    def scaled(self, strength: float) -> Self:
        level = self.level_db + 20 * math.log10(strength) if strength else _OFF_DB
        return replace(self, level_db=max(_OFF_DB, level))

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Hiss(self, sample_rate, rng)


class Hiss:
    """Noise that swells within 50 ms and fades a quarter of a second after the sound."""

    latency = 0

    def __init__(self, settings: HissSettings, sample_rate: int, rng: np.random.Generator) -> None:
        self._gain = np.float32(10 ** (settings.level_db / 20))
        self._silent = settings.level_db < _SILENCE_DB
        self.tail = 0 if self._silent else sample_rate // 4
        self._filter = Equaliser([Band("high_shelf", 4000.0, settings.tilt_db)], sample_rate)
        self._rng = rng
        self._rise = max(1, sample_rate // 20)
        self._at = 0

    def process(self, block: Samples) -> Samples:
        if self._silent:
            return block
        noise = self._filter.process(self._rng.standard_normal(block.shape, dtype=np.float32))
        if self._at < self._rise:
            frames = self._at + np.arange(block.shape[1])
            noise = noise * np.minimum(1.0, frames / self._rise).astype(np.float32)
        self._at += block.shape[1]
        result: Samples = block + self._gain * noise
        return result


@dataclass(frozen=True)
class CrushSettings(Settings):
    """Coarse steps.

    Attributes
    ----------
    bits : float
        Steps of 2 ** (1 - bits) of full scale, dithered: 16 is a CD, 8 an old sampler; 24 is
        off.
    """

    kind: ClassVar[str] = "crush"
    limits: ClassVar[dict[str, tuple[float, float]]] = {"bits": (4.0, 24.0)}

    bits: float

    def scaled(self, strength: float) -> Self:
        return replace(self, bits=24.0 - (24.0 - self.bits) * strength)

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Crush(self, rng)


class Crush:
    """Rounding to steps with triangular dither, which makes the error noise, not distortion.

    Blocks of silence stay silent.
    """

    latency = 0
    tail = 0

    def __init__(self, settings: CrushSettings, rng: np.random.Generator) -> None:
        self._step = np.float32(2.0 ** (1 - settings.bits))
        self._off = settings.bits >= 24
        self._rng = rng

    def process(self, block: Samples) -> Samples:
        if self._off:
            return block
        dither = self._rng.random(block.shape, dtype=np.float32)
        dither -= self._rng.random(block.shape, dtype=np.float32)
        if not block.any():
            return block
        result: Samples = np.round(block / self._step + dither) * self._step
        return result
