"""Feed-forward compressor with a soft knee, stereo-linked.

The level is looked at in hops of a third of a millisecond: of each hop the largest sample of
both channels. The gain goes along a straight line from hop to hop and reaches a hop's gain at its
end, so nothing is delayed; an attack is heard at most a hop early.

References
----------
Giannoulis, D., Massberg, M., & Reiss, J. D. (2012). Digital dynamic range compressor design: A
tutorial and analysis. Journal of the Audio Engineering Society, 60(6), 399-408.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import BLOCK, Effect, Samples, Settings

#: Hops of this many samples at 44.1 kHz; at other rates the power of two that is as long.
HOP_AT_44K = 16
_FLOOR_DB = -120.0


@dataclass(frozen=True)
class CompressorSettings(Settings):
    """How levels are held together.

    Attributes
    ----------
    threshold_db : float
        Level above which it works, dB relative to full scale at the chain's working loudness.
    ratio : float
        dB in over dB out above the threshold.
    knee_db : float
        Width of the bend around the threshold.
    attack_ms, release_ms : float
        Time constants (63%) of a growing and of a shrinking reduction.
    """

    kind: ClassVar[str] = "compressor"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "threshold_db": (-60.0, 0.0),
        "ratio": (1.0, 20.0),
        "knee_db": (0.0, 24.0),
        "attack_ms": (0.5, 200.0),
        "release_ms": (10.0, 2000.0),
    }

    threshold_db: float
    ratio: float
    knee_db: float = 6.0
    attack_ms: float = 10.0
    release_ms: float = 150.0

    def scaled(self, strength: float) -> Self:
        """The reduction in dB in proportion, which is a lower ratio."""
        return replace(self, ratio=1 / (1 - strength * (1 - 1 / self.ratio)))

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Compressor(self, sample_rate)

    def reduction_db(self, level_db: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gain in dB, 0 or less, for levels held long enough: the static curve."""
        over = level_db - self.threshold_db
        slope = 1 / self.ratio - 1
        curve: NDArray[np.float64] = slope * np.maximum(over, 0.0)
        if self.knee_db:
            inside = np.abs(over) < self.knee_db / 2
            bend = slope * (over + self.knee_db / 2) ** 2 / (2 * self.knee_db)
            curve = np.where(inside, bend, curve)
        return curve


class Compressor:
    """The compressor at work."""

    latency = 0
    tail = 0

    def __init__(self, settings: CompressorSettings, sample_rate: int) -> None:
        self._settings = settings
        exponent = round(math.log2(HOP_AT_44K * sample_rate / 44100))
        self.hop = min(BLOCK, max(1, 2**exponent))
        hops_a_second = sample_rate / self.hop
        self._attack = math.exp(-1000 / (settings.attack_ms * hops_a_second))
        self._release = math.exp(-1000 / (settings.release_ms * hops_a_second))
        self._reduction = 0.0
        # From 1/hop to 1: a hop's own gain is reached with its last sample.
        self._ramp = ((np.arange(self.hop) + 1) / self.hop).astype(np.float32)

    def process(self, block: Samples) -> Samples:
        hops = block.reshape(2, -1, self.hop)
        peaks = np.maximum(hops.max(axis=(0, 2)), -hops.min(axis=(0, 2))).astype(np.float64)
        levels = 20 * np.log10(np.maximum(peaks, 10 ** (_FLOOR_DB / 20)))
        before = self._reduction
        smooth = self._smoothed(self._settings.reduction_db(levels).tolist())
        gains = (10 ** (np.array([before, *smooth]) / 20)).astype(np.float32)
        steps = np.diff(gains)
        curve = gains[:-1, None] + steps[:, None] * self._ramp  # (hops, hop)
        made: Samples = (hops * curve).reshape(2, -1)
        return made

    def _smoothed(self, wanted: list[float]) -> list[float]:
        """One-pole smoothing whose pole is the attack's or the release's, hop by hop."""
        value, attack, release = self._reduction, self._attack, self._release
        found = []
        for target in wanted:
            pole = attack if target < value else release
            value = target + pole * (value - target)
            found.append(value)
        self._reduction = value
        return found
