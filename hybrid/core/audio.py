"""Audio: float32 samples with their rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import RenderError


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound.

    Attributes
    ----------
    samples : np.ndarray, shape (C, N), float32
        Read-only; full scale is -1..1, but intermediate stages may exceed it.
    sample_rate : int
        Hertz.

    Raises
    ------
    RenderError
        If the shape, the dtype or the rate is wrong, or a sample is not finite.
    """

    samples: NDArray[Any]
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.ndim != 2 or not 1 <= samples.shape[0] <= 32:
            raise RenderError(f"Audio.samples must have the shape (C, N), got {samples.shape}")
        if samples.dtype != np.float32:
            raise RenderError(f"Audio.samples must be float32, got {samples.dtype}")
        if not np.isfinite(samples).all():
            raise RenderError("Audio.samples must be finite, got nan or inf")
        if not 1000 <= self.sample_rate <= 768_000:
            raise RenderError(f"Audio.sample_rate must be in 1000..768000, got {self.sample_rate}")
        if samples.flags.writeable:
            # A view keeps a gigabyte from being copied; the caller hands the array over.
            samples = samples.view()
            samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    @property
    def n_channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest absolute sample; 0 for no samples."""
        return float(np.abs(self.samples).max()) if self.samples.size else 0.0
