"""Stereo width: the difference of both channels louder or softer than their sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from hybrid.audio_refiner.effects import Effect, Samples, Settings
from hybrid.audio_refiner.effects_eq import Band, Equaliser

_OFF_HZ = 10.0


@dataclass(frozen=True)
class WidthSettings(Settings):
    """How wide the sound is.

    Attributes
    ----------
    width : float
        Gain of the side (L - R) / 2: 0 is mono, 1 changes nothing.
    low_mono_hz : float
        Below it the side is taken away (12 dB an octave); 10 is off.
    """

    kind: ClassVar[str] = "width"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "width": (0.0, 2.0),
        "low_mono_hz": (_OFF_HZ, 500.0),
    }

    width: float
    low_mono_hz: float = _OFF_HZ

    def scaled(self, strength: float) -> Self:
        cut = _OFF_HZ * (self.low_mono_hz / _OFF_HZ) ** strength
        return replace(self, width=1 + (self.width - 1) * strength, low_mono_hz=cut)

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Width(self, sample_rate)


class Width:
    """Mid and side at work. The mid is not touched, so a mono sound stays as it is."""

    latency = 0
    tail = 0

    def __init__(self, settings: WidthSettings, sample_rate: int) -> None:
        self._gain = np.float32(settings.width)
        bands = [Band("high_pass", settings.low_mono_hz)] if settings.low_mono_hz > _OFF_HZ else []
        self._filter = Equaliser(bands, sample_rate)

    def process(self, block: Samples) -> Samples:
        mid = (block[0] + block[1]) * np.float32(0.5)
        side = (block[0] - block[1]) * np.float32(0.5)
        # The filter has two channels; the second idles.
        side = self._filter.process(np.stack([side, np.zeros_like(side)]))[0] * self._gain
        return np.stack([mid + side, mid - side])
