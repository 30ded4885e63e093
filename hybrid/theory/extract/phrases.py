"""Phrases: the bars are parted where rests, long notes, cadences and repeats say so.

Dynamic programming over bar lines. Each line has points for what happens there; each
length has points of its own, for phrases of four and eight bars are the most common.

References
----------
Temperley, D. (2001). The Cognition of Basic Musical Structures. MIT Press, ch. 3. (gaps,
length and parallelism as preference rules; cadences and bar lines are ours)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.theory.extract.endings import RestPoints
from hybrid.theory.extract.lead import BarPairs

#: Points of a cadence.
CADENCE_POINTS = {"PAC": 1.2, "IAC": 0.7, "HC": 0.5, "PC": 0.4, "DC": 0.2}
FERMATA_POINTS = 8.0
MARK_POINTS = 6.0  # section mark, repeat sign, change of metre or signature at the bar line
GAP_POINTS = 1.5  # a gap in the lead of twice the piece's usual longest one a bar
SILENCE_POINTS = 0.5
BEGIN_POINTS = 2.0  # music that is also elsewhere begins at the bar line
END_POINTS = 1.0  # such music ends there
CONTRAST_POINTS = 0.5
#: Points of a phrase of so many bars; longer ones lose `LONG_POINTS` a bar.
LENGTH_POINTS = {1: -3.0, 2: -1.0, 3: -1.2, 4: 1.2, 5: -0.4, 6: 0.2, 7: -0.4, 8: 1.6}
LONG_POINTS = -0.5
MAX_BARS = 16
#: Bars over which a return is compared.
RETURN_BARS = 4


@dataclass(frozen=True, eq=False)
class Lines:
    """Points of every bar line for a new phrase; line b stands before bar b; (N + 1,).

    ``forced`` are lines where a phrase must end, because the metre changes.
    """

    points: NDArray[np.float64]
    forced: NDArray[np.bool_]


def weigh_lines(
    score: Score, points: RestPoints, closes: Sequence[str | None], pairs: BarPairs
) -> Lines:
    """What speaks for a new phrase at each bar line."""
    n_bars = len(score.bars)
    total = np.zeros(n_bars + 1)
    usual = float(np.median(points.gap[points.gap > 0])) if (points.gap > 0).any() else 1.0
    ratio = np.clip(np.log2(np.maximum(points.gap, 1e-3) / max(usual, 1e-3)), -2.0, 2.0)
    total[1:] += GAP_POINTS * ratio
    total[1:] += SILENCE_POINTS * np.minimum(points.silence, 4.0) / max(usual, 0.5)
    total[1:] += FERMATA_POINTS * points.fermata
    total[1:] += [CADENCE_POINTS.get(kind or "", 0.0) for kind in closes]
    begins, ends = returns(pairs.alike)
    total[:n_bars] += BEGIN_POINTS * begins
    total[1:] += END_POINTS * ends
    total[:-1] += CONTRAST_POINTS * _contrast(points.gap)
    starts = [bar.start for bar in score.bars]
    marks = {marker.tick for marker in score.markers if marker.tick}
    marks |= {item.tick for item in score.keys[1:]}
    marks |= {tick for repeat in score.repeats for tick in (repeat.start, repeat.end)}
    for tick in marks:
        line = int(np.argmin(np.abs(np.array([*starts, score.bars[-1].end]) - tick)))
        total[line] += MARK_POINTS
    forced = np.zeros(n_bars + 1, dtype=bool)
    forced[[0, n_bars]] = True
    shapes = [(bar.metre.name, bar.end - bar.start, bar.is_pickup) for bar in score.bars]
    forced[1:n_bars] = [shapes[i] != shapes[i + 1] for i in range(n_bars - 1)]
    return Lines(total, forced)


def _contrast(gap: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.zeros(len(gap))


def returns(alike: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each bar begins, and ends, a passage that is also elsewhere; 0..1; each (N,).

    A diagonal of likeness that starts at a bar, and not before, speaks for a new phrase at
    both of its places; so does one that stops.
    """
    n_bars = len(alike)
    length = min(RETURN_BARS, n_bars)
    # run[a, b] is the mean likeness of the bars a, a+1, ... with b, b+1, ...
    padded = np.zeros((n_bars + length, n_bars + length), dtype=np.float32)
    padded[:n_bars, :n_bars] = alike
    run = np.mean([padded[i : i + n_bars, i : i + n_bars] for i in range(length)], axis=0)
    before, after = np.zeros_like(run), np.zeros_like(run)
    before[1:, 1:] = alike[:-1, :-1]
    after[:-1, :-1] = alike[1:, 1:]
    ended = np.zeros_like(run)
    ended[length - 1 :, length - 1 :] = run[: n_bars - length + 1, : n_bars - length + 1]
    distance = np.abs(np.arange(n_bars)[:, None] - np.arange(n_bars)[None, :])
    apart = distance >= 2
    begins = np.where(apart, run - before, 0.0).max(axis=1)
    ends = np.where(apart, ended - after, 0.0).max(axis=1)
    return np.clip(begins, 0.0, 1.0).astype(np.float64), np.clip(ends, 0.0, 1.0).astype(np.float64)


def part_bars(lines: Lines) -> list[tuple[int, int]]:
    """First and last-but-one bar (index) of each phrase, for the most points."""
    n_bars = len(lines.points) - 1
    best = np.full(n_bars + 1, -np.inf)
    back = np.zeros(n_bars + 1, dtype=np.int64)
    best[0] = 0.0
    last_forced = 0
    for line in range(1, n_bars + 1):
        first = max(last_forced, line - 4 * MAX_BARS)
        lengths = line - np.arange(first, line)
        value = best[first:line] + _length_points(lengths) + lines.points[line]
        at = int(np.argmax(value))
        best[line], back[line] = value[at], first + at
        if lines.forced[line]:
            last_forced = line
    found: list[tuple[int, int]] = []
    line = n_bars
    while line > 0:
        found.append((int(back[line]), line))
        line = int(back[line])
    return found[::-1]


def _length_points(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    table = np.array([0.0, *LENGTH_POINTS.values()])
    longest = len(table) - 1
    short: NDArray[np.float64] = table[np.minimum(lengths, longest)]
    return np.where(lengths <= longest, short, LONG_POINTS * (lengths - longest))
