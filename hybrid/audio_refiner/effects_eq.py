"""Parametric equaliser: second-order filters one after another.

References
----------
Bristow-Johnson, R. (1998). Cookbook formulae for audio EQ biquad filter coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import Effect, Samples, Settings
from hybrid.core.errors import ConfigError

BAND_KINDS = ("peak", "low_shelf", "high_shelf", "high_pass", "low_pass")
#: Filters at or above this share of the sample rate are left out: there is no sound to shape.
HIGHEST_SHARE = 0.45
# Where a filter that is turned down to nothing has its cut-off.
_LOWEST_HZ, _HIGHEST_HZ = 10.0, 22_000.0


@dataclass(frozen=True)
class Band(Settings):
    """One filter.

    Attributes
    ----------
    shape : str
        One of `BAND_KINDS`.
    frequency_hz : float
        Centre of a peak; middle of a shelf's slope; -3 dB of a pass filter with q 0.707.
    gain_db : float
        At the centre, or of the shelf; must be 0 for pass filters.
    q : float
        Sharpness.
    """

    kind: ClassVar[str] = "eq band"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "frequency_hz": (10.0, 40_000.0),
        "gain_db": (-24.0, 24.0),
        "q": (0.1, 12.0),
    }

    shape: str
    frequency_hz: float
    gain_db: float = 0.0
    q: float = math.sqrt(0.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shape not in BAND_KINDS:
            raise ConfigError(
                f"eq band.shape must be one of {', '.join(BAND_KINDS)}, got {self.shape!r}"
            )
        if self.shape.endswith("pass") and self.gain_db:
            raise ConfigError(f"eq band.gain_db must be 0 for {self.shape}, got {self.gain_db}")

    def scaled(self, strength: float) -> Self:
        """Gains in proportion in decibels; cut-offs of pass filters moved out of the way."""
        frequency = self.frequency_hz
        if self.shape == "high_pass":
            frequency = _LOWEST_HZ * (frequency / _LOWEST_HZ) ** strength
        if self.shape == "low_pass" and frequency < _HIGHEST_HZ:
            frequency = _HIGHEST_HZ * (frequency / _HIGHEST_HZ) ** strength
        return replace(self, frequency_hz=frequency, gain_db=self.gain_db * strength)

    def section(self, sample_rate: int) -> NDArray[np.float64]:
        """Coefficients (b0, b1, b2, 1, a1, a2)."""
        omega = 2 * math.pi * self.frequency_hz / sample_rate
        cos, alpha = math.cos(omega), math.sin(omega) / (2 * self.q)
        root = 10 ** (self.gain_db / 40)
        if self.shape == "peak":
            b = (1 + alpha * root, -2 * cos, 1 - alpha * root)
            a = (1 + alpha / root, -2 * cos, 1 - alpha / root)
        elif self.shape == "low_pass":
            b = ((1 - cos) / 2, 1 - cos, (1 - cos) / 2)
            a = (1 + alpha, -2 * cos, 1 - alpha)
        elif self.shape == "high_pass":
            b = ((1 + cos) / 2, -(1 + cos), (1 + cos) / 2)
            a = (1 + alpha, -2 * cos, 1 - alpha)
        else:
            # A high shelf is a low shelf with the cosine's sign turned, as are its signs below.
            sign = 1.0 if self.shape == "low_shelf" else -1.0
            slope = 2 * math.sqrt(root) * alpha
            less, more = (root - 1) * cos * sign, (root + 1) * cos * sign
            b = (
                root * (root + 1 - less + slope),
                sign * 2 * root * (root - 1 - more),
                root * (root + 1 - less - slope),
            )
            a = (root + 1 + less + slope, sign * -2 * (root - 1 + more), root + 1 + less - slope)
        return np.array([*b, *a]) / a[0]


@dataclass(frozen=True)
class EqSettings(Settings):
    """Filters, all on both channels."""

    kind: ClassVar[str] = "eq"
    limits: ClassVar[dict[str, tuple[float, float]]] = {}

    bands: tuple[Band, ...]

    def scaled(self, strength: float) -> Self:
        kept = self.bands if strength else ()
        return replace(self, bands=tuple(band.scaled(strength) for band in kept))

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Equaliser(self.bands, sample_rate)


class Equaliser:
    """Filters at work, in float64; the phase is that of the filters, without latency."""

    latency = 0
    tail = 0

    def __init__(self, bands: Sequence[Band], sample_rate: int) -> None:
        used = [band for band in bands if band.frequency_hz < HIGHEST_SHARE * sample_rate]
        self.sections = np.array([band.section(sample_rate) for band in used]).reshape(-1, 6)
        self._state: NDArray[Any] = np.zeros((len(used), 2, 2))

    def process(self, block: Samples) -> Samples:
        if not len(self.sections):
            return block
        from scipy.signal import sosfilt

        filtered, self._state = sosfilt(
            self.sections, block.astype(np.float64), axis=1, zi=self._state
        )
        made: Samples = filtered.astype(np.float32)
        return made
