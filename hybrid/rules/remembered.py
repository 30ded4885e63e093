"""What a search under constraints has to remember from moment to moment.

Whether a highest note was reached, how many notes a bar has had: small machines that take a
number from each candidate to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.rules.asked import Count, Reach
from hybrid.rules.moments import Choices, Moment

Codes = NDArray[np.int64]
DEAD = -1


class Reached:
    """Remembers whether a pitch was reached."""

    size = 2

    def __init__(self, reaches: Sequence[Reach]) -> None:
        self.reaches = reaches

    def into(self, value: int, here: Moment, before: Choices | None, after: Choices) -> Codes:
        event = here.event
        hit = np.zeros(len(after.found), dtype=bool)
        for reach in self.reaches:
            if reach.start < event.end and event.onset < reach.end:
                hit |= (after.found.pitch[:, list(reach.voices)] == reach.pitch).any(axis=1)
        return np.where(hit | bool(value), 1, 0)[None, :]

    def accepts(self, value: int) -> bool:
        return value == 1


class Counted:
    """Counts the moments of a bar at which some voices begin notes."""

    def __init__(self, counts: Sequence[Count], struck: Callable[[Moment, int], bool]) -> None:
        self.counts = counts
        self.struck = struck
        self.size = max(count.most for count in counts) + 1

    def into(self, value: int, here: Moment, before: Choices | None, after: Choices) -> Codes:
        event = here.event
        count = next((c for c in self.counts if c.start < event.end and event.onset < c.end), None)
        if count is None:
            return np.zeros((1, 1), dtype=np.int64)
        if event.onset <= count.start or before is None:
            return np.ones((1, 1), dtype=np.int64)
        own = list(count.voices)
        moved = (before.found.pitch[:, None, own] != after.found.pitch[None, :, own]).any(axis=2)
        moved |= any(self.struck(here, voice) for voice in own)
        result = np.where(moved, value + 1, value)
        return np.where(result > count.most, DEAD, result)

    def accepts(self, value: int) -> bool:
        return True
