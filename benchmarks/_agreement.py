"""Figures of agreement between two readings of one piece: spans, boundaries, labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np


class Span(Protocol):
    """Anything with an onset and an end."""

    @property
    def onset(self) -> int: ...

    @property
    def end(self) -> int: ...


def overlaps(first: Sequence[Span], second: Sequence[Span]) -> Iterator[tuple[int, int, int]]:
    """Indices into two ascending lists of spans, and how long both hold, in ticks."""
    i = j = 0
    while i < len(first) and j < len(second):
        length = min(first[i].end, second[j].end) - max(first[i].onset, second[j].onset)
        if length > 0:
            yield i, j, length
        if first[i].end <= second[j].end:
            i += 1
        else:
            j += 1


def boundary_f(found: Sequence[int], wanted: Sequence[int], tolerance: int) -> float:
    """F-measure of boundaries, each matched once, the nearest first; 1 where both are none."""
    if not found and not wanted:
        return 1.0
    near = sorted(
        (abs(a - b), i, j)
        for i, a in enumerate(found)
        for j, b in enumerate(wanted)
        if abs(a - b) <= tolerance
    )
    left, right = set(range(len(found))), set(range(len(wanted)))
    hits = 0
    for _, i, j in near:
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            hits += 1
    return 2 * hits / (len(found) + len(wanted))


def pairwise_f(found: Sequence[str], wanted: Sequence[str]) -> float:
    """F-measure of the pairs of bars that share a label (Levy & Sandler 2008)."""
    n_bars = min(len(found), len(wanted))
    same = []
    for labels in (found, wanted):
        number = np.unique(np.array(labels[:n_bars]), return_inverse=True)[1]
        pairs = number[:, None] == number[None, :]
        np.fill_diagonal(pairs, False)
        same.append(pairs)
    total = int(same[0].sum() + same[1].sum())
    return 2 * int((same[0] & same[1]).sum()) / total if total else 1.0
