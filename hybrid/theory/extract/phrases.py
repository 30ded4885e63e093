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
GAP_POINTS = 1.0  # for each octave by which the lead's gap is longer than is usual in a bar
SILENCE_POINTS = 0.5  # for silence of the lead, in usual gaps
BEGIN_POINTS = 2.4  # music that is also elsewhere begins at the bar line
END_POINTS = 0.5  # such music ends there
#: What a standard deviation of these points within the piece is worth.
EVIDENCE_POINTS = 1.5
#: What speaks for itself: a fermata; a section mark, repeat sign or change of signature.
FERMATA_POINTS, MARK_POINTS = 8.0, 6.0
#: Usual lengths of phrases in bars that are tried, and what speaks for each beforehand.
SCALES = {2: -0.1, 4: 0.0, 8: 0.15}
#: Points lost for each octave by which a phrase is shorter or longer than usual, and where
#: its length is odd.
SHORTER_POINTS, LONGER_POINTS, ODD_POINTS = 2.7, 3.0, 0.5
#: Longest phrase in usual lengths.
MAX_LENGTHS = 8
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
    ratio = np.clip(np.log2(np.maximum(points.gap, 1e-3) / usual), -2.0, 2.0)
    total[1:] += GAP_POINTS * ratio
    total[1:] += SILENCE_POINTS * np.minimum(points.silence / usual, 4.0)
    total[1:] += [CADENCE_POINTS.get(kind or "", 0.0) for kind in closes]
    begins, ends = returns(pairs.alike)
    total[:n_bars] += BEGIN_POINTS * begins
    total[1:] += END_POINTS * ends
    inner = total[1:n_bars]
    if len(inner) and inner.std() > 0:
        total = EVIDENCE_POINTS * (total - inner.mean()) / inner.std()
    total[1:] += FERMATA_POINTS * points.fermata
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
    """First bar of each phrase and the bar after its last, as indices.

    Every usual length of `SCALES` is tried; the parting with the most points is taken.
    Points are relative to the piece's mean, so that many lines are no better than few.
    """
    found = [(_part(lines, scale), bonus) for scale, bonus in SCALES.items()]
    return max(found, key=lambda item: item[0][0] + item[1] * len(lines.points))[0][1]


def _part(lines: Lines, scale: int) -> tuple[float, list[tuple[int, int]]]:
    """The best parting into phrases of about ``scale`` bars, and its points."""
    n_bars = len(lines.points) - 1
    best = np.full(n_bars + 1, -np.inf)
    back = np.zeros(n_bars + 1, dtype=np.int64)
    best[0] = 0.0
    last_forced = 0
    for line in range(1, n_bars + 1):
        first = max(last_forced, line - MAX_LENGTHS * scale)
        lengths = line - np.arange(first, line)
        value = best[first:line] + length_points(lengths, scale) + lines.points[line]
        at = int(np.argmax(value))
        best[line], back[line] = value[at], first + at
        if lines.forced[line]:
            last_forced = line
    found: list[tuple[int, int]] = []
    line = n_bars
    while line > 0:
        found.append((int(back[line]), line))
        line = int(back[line])
    return float(best[n_bars]), found[::-1]


def length_points(lengths: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
    """Points, none above 0, of phrases of so many bars where ``scale`` is usual."""
    octaves = np.log2(lengths / scale)
    slope = np.where(octaves < 0, SHORTER_POINTS, -LONGER_POINTS)
    result: NDArray[np.float64] = slope * octaves - ODD_POINTS * (lengths % 2)
    return result
