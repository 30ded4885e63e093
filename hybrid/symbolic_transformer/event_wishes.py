"""What the next event should be: weights on places, tracks, pitches and durations.

A wish is added to the model's logits. It shuts nothing, and what it costs counts into the
particles' weights, so particles that agree with the plan of their own accord outlive others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_limits import Standing

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Wish:
    """A wish for nothing; children say what they prefer, for all B rows at once."""

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        """Logits added to each place and to the next bar, (B, N_PLACES)."""
        return None

    def tracks(self, at: Standing) -> Floats | None:
        """Logits added to the tracks at the next tick, (B, N_TRACKS)."""
        return None

    def pitches(self, at: Standing) -> Floats | None:
        """Logits added to the pitches of the next track, (B, N_PITCHES)."""
        return None

    def durations(self, at: Standing) -> Floats | None:
        """Logits added to the durations of the next pitch, (B, N_DURATIONS)."""
        return None
