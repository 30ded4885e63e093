"""Dynamic marks for notes that have velocities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from hybrid.core.plan import DYNAMICS
from hybrid.core.score import Track
from hybrid.core.timeline import Bar

#: A mark is written where the bars' usual velocity leaves the last one's by so much.
_STEP = 10


def dynamics_by_bar(track: Track, bars: Sequence[Bar]) -> dict[int, str]:
    """Dynamic marks by bar: the nearest to the velocities of this bar and the next."""
    if not len(track.notes):
        return {}
    starts = np.array([bar.start for bar in bars])
    at = np.searchsorted(starts, track.notes["onset"], side="right") - 1
    order = np.argsort(at, kind="stable")
    edges = np.searchsorted(at[order], np.arange(len(bars) + 1))
    velocities = track.notes["velocity"][order].astype(np.float64)
    levels = [
        float(np.median(velocities[low:high])) if high > low else None
        for low, high in pairwise(edges.tolist())
    ]
    marks: dict[int, str] = {}
    last = ""
    current: float | None = None
    sounding = [index for index, level in enumerate(levels) if level is not None]
    for index, follower in pairwise([*sounding, sounding[-1]]):
        level, later = levels[index], levels[follower]
        assert level is not None
        assert later is not None
        changes = current is None or (
            min(abs(level - current), abs(later - current)) >= _STEP
            and (level > current) == (later > current)
        )
        if changes:
            name = nearest_dynamics(level)
            if name != last:
                marks[index] = name
            last, current = name, float(DYNAMICS[name])
    return marks


def nearest_dynamics(velocity: float) -> str:
    return min(DYNAMICS, key=lambda mark: abs(DYNAMICS[mark] - velocity))
