"""Saturation that does not alias: the curve works at four times the sample rate.

Only what the curve adds is worked on there; the sound itself passes by untouched, so that its
highest octave is not filtered twice. Both changes of rate are done on the spectrum of a block
and some samples around it, with a smooth low-pass that ends at half the sample rate.

References
----------
Kahles, J., Esqueda, F., & Välimäki, V. (2019). Oversampling for nonlinear waveshaping:
Choosing the right filters. Journal of the Audio Engineering Society, 67(6), 440-449.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import BLOCK, Effect, Samples, Settings

OVERSAMPLING = 4
#: Samples on either side of a block that the filters of each of both changes of rate reach.
MARGIN = 512
#: Share of half the sample rate up to which the low-pass lets everything through.
PASS_SHARE = 0.9
_DC_POLE_HZ = 8.0


@dataclass(frozen=True)
class SaturationSettings(Settings):
    """How hard the curve bends.

    Attributes
    ----------
    drive_db : float
        Gain before the curve, taken back after it: quiet sound keeps its level.
    bias : float
        Shifts the curve, which makes it uneven and adds even harmonics; 0 for odd ones only.
    mix : float
        Share of what the curve adds.
    """

    kind: ClassVar[str] = "saturation"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "drive_db": (-24.0, 30.0),
        "bias": (-1.0, 1.0),
        "mix": (0.0, 1.0),
    }

    drive_db: float
    bias: float = 0.0
    mix: float = 1.0

    def scaled(self, strength: float) -> Self:
        return replace(self, mix=self.mix * strength)

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Saturation(self, sample_rate)

    def added(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the curve adds to samples: (tanh(d x + b) - tanh b) / (d (1 - tanh^2 b)) - x."""
        drive = np.float32(10 ** (self.drive_db / 20))
        shift = math.tanh(self.bias)
        scale = np.float32(1 / (float(drive) * (1 - shift * shift)))
        curve = np.tanh(drive * samples + np.float32(self.bias)) - np.float32(shift)
        result: NDArray[np.float32] = curve * scale - samples
        return result


class Saturation:
    """The curve at work."""

    latency = 2 * MARGIN
    tail = 0

    def __init__(self, settings: SaturationSettings, sample_rate: int) -> None:
        from scipy.fft import next_fast_len

        self._settings = settings
        self._kept = np.zeros((2, 4 * MARGIN), dtype=np.float32)
        self._size = next_fast_len(BLOCK + 4 * MARGIN, real=True)
        self._size += self._size % 2
        # 1 up to PASS_SHARE of half the rate, then half a cosine down to 0.
        place = np.linspace(0, 1, self._size // 2 + 1)
        slope = np.clip((place - PASS_SHARE) / (1 - PASS_SHARE), 0, 1)
        self._low_pass = (0.5 + 0.5 * np.cos(np.pi * slope)).astype(np.float32)
        pole = math.exp(-2 * math.pi * _DC_POLE_HZ / sample_rate)
        self._blocker = np.array([[1.0, -1.0, 0.0, 1.0, -pole, 0.0]])
        self._state = np.zeros((1, 2, 2))

    def process(self, block: Samples) -> Samples:
        around = np.concatenate([self._kept, block], axis=1)
        self._kept = around[:, -4 * MARGIN :]
        # What is wanted begins 2 margins after the first kept sample: that is the latency.
        wanted = slice(2 * MARGIN, 2 * MARGIN + block.shape[1])
        if not self._settings.mix:
            return np.ascontiguousarray(around[:, wanted])
        added = self._added(around)[:, wanted]
        if self._settings.bias:
            # An uneven curve shifts the middle; what is below hearing is taken out of it.
            from scipy.signal import sosfilt

            added, self._state = sosfilt(
                self._blocker, added.astype(np.float64), axis=1, zi=self._state
            )
        result: Samples = around[:, wanted] + np.float32(self._settings.mix) * added.astype(
            np.float32
        )
        return result

    def _added(self, around: Samples) -> Samples:
        from scipy import fft

        n_high = self._size * OVERSAMPLING
        spectrum = fft.rfft(around, self._size, axis=1) * self._low_pass
        high = fft.irfft(spectrum * np.float32(OVERSAMPLING), n_high, axis=1)
        added = fft.rfft(self._settings.added(high), axis=1)[:, : self._size // 2 + 1]
        result: Samples = fft.irfft(
            added * (self._low_pass / np.float32(OVERSAMPLING)), self._size, axis=1
        )
        return result
