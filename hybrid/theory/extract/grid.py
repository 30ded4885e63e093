"""A score on a grid: what sounds in each eighth, and where the eighth stands in its bar.

The finders of keys, chords, phrases and themes read this instead of single notes, so a
long piece costs a few array operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.core.timeline import Bar
from hybrid.theory.agreement import pitched_notes

#: Length of a frame; the unit of the metre where that is shorter.
FRAME_QUARTERS = Fraction(1, 2)
#: A note that starts off the beat and ends within a frame counts this much: it is often
#: a passing or neighbouring note.
SHORT_WEIGHT = 0.75
NO_BASS = -1


@dataclass(frozen=True, eq=False)
class Grid:
    """Frames of a score. F frames, of n_bars bars with the pickup.

    Attributes
    ----------
    score : Score
    notes : np.ndarray, shape (n,), `NOTE_DTYPE`
        All pitched notes by onset.
    edges : np.ndarray, shape (F + 1,), int64
        Ticks; frame f lasts from ``edges[f]`` to ``edges[f + 1]``.
    bar : np.ndarray, shape (F,), int64
        Index into ``score.bars``.
    accent : np.ndarray, shape (F,), int64
        3 bar line, 2 half bar, 1 beat, 0 between.
    """

    score: Score
    notes: NDArray[Any]
    edges: NDArray[np.int64]
    bar: NDArray[np.int64]
    accent: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bar)

    def step(self, bar: int) -> Fraction:
        """Length in quarters of the frames of a bar (the last one may be cut)."""
        return _step(self.score.bars[bar])

    @cached_property
    def bar_frames(self) -> NDArray[np.int64]:
        """First frame of each bar, and the number of frames; (n_bars + 1,)."""
        found: NDArray[np.int64] = np.searchsorted(self.bar, np.arange(len(self.score.bars) + 1))
        return found

    @cached_property
    def _parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Note index, frame and quarters of every piece of a note that lies in one frame."""
        onset = self.notes["onset"]
        end = np.minimum(onset + self.notes["duration"], self.edges[-1])
        first = np.searchsorted(self.edges, onset, side="right") - 1
        last = np.maximum(np.searchsorted(self.edges, end, side="left"), first + 1)
        count = last - first
        note = np.repeat(np.arange(len(onset)), count)
        frame = np.arange(len(note)) - np.repeat(np.cumsum(count) - count, count) + first[note]
        start = np.maximum(self.edges[frame], onset[note])
        stop = np.minimum(self.edges[frame + 1], end[note])
        return note, frame, np.maximum(stop - start, 0) / self.score.ticks_per_quarter

    @cached_property
    def sounding(self) -> NDArray[np.float64]:
        """How much each pitch class says in each frame: quarters, doublings added; (F, 12)."""
        note, frame, quarters = self._parts
        onset = self.notes["onset"]
        home = np.searchsorted(self.edges, onset, side="right") - 1
        within = onset + self.notes["duration"] <= self.edges[home + 1]
        off = (onset != self.edges[home]) | (self.accent[home] == 0)
        weight = np.where(within & off, SHORT_WEIGHT, 1.0)
        cell = 12 * frame + self.notes["pitch"][note] % 12
        total = np.zeros(12 * len(self))
        np.add.at(total, cell, quarters * weight[note])
        return total.reshape(len(self), 12)

    @cached_property
    def lowest(self) -> NDArray[np.int64]:
        """Lowest pitch of each frame, `NO_BASS` in silence; (F,)."""
        note, frame, quarters = self._parts
        heard = quarters > 0
        low = np.full(len(self), 128, dtype=np.int64)
        np.minimum.at(low, frame[heard], self.notes["pitch"][note[heard]])
        return np.where(low == 128, NO_BASS, low)

    @cached_property
    def highest(self) -> NDArray[np.int64]:
        """Highest pitch of each frame, `NO_BASS` in silence; (F,)."""
        note, frame, quarters = self._parts
        heard = quarters > 0
        high = np.full(len(self), NO_BASS, dtype=np.int64)
        np.maximum.at(high, frame[heard], self.notes["pitch"][note[heard]])
        return high

    @cached_property
    def attack(self) -> NDArray[np.int64]:
        """What starts in each frame: 0 nothing, 1 notes, 2 another lowest note; (F,)."""
        home = np.searchsorted(self.edges, self.notes["onset"], side="right") - 1
        found = np.zeros(len(self), dtype=np.int64)
        found[home] = 1
        moved = np.diff(self.lowest, prepend=NO_BASS) != 0
        found[moved & (found == 1) & (self.lowest != NO_BASS)] = 2
        return found

    @cached_property
    def quarters(self) -> NDArray[np.float64]:
        """Length of each frame; (F,)."""
        result: NDArray[np.float64] = np.diff(self.edges) / self.score.ticks_per_quarter
        return result


def _step(bar: Bar) -> Fraction:
    return min(FRAME_QUARTERS, Fraction(4, bar.metre.denominator))


def lay_grid(score: Score) -> Grid:
    """Cut a score into frames that never cross a bar line.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> grid = lay_grid(Score((Track("a", make_notes([(0, 960, 60), (960, 960, 64)])),)))
    >>> grid.accent.tolist(), grid.lowest.tolist()
    ([3, 0, 1, 0, 2, 0, 1, 0], [60, 60, 60, 60, 64, 64, 64, 64])
    """
    edges: list[int] = []
    bars: list[int] = []
    accents: list[int] = []
    for index, bar in enumerate(score.bars):
        length = _step(bar) * score.ticks_per_quarter
        # A pickup is the end of a bar whose start is missing.
        missing = Fraction(0)
        if bar.is_pickup:
            whole = bar.metre.bar_quarters * score.ticks_per_quarter
            missing = max(Fraction(0), whole - (bar.end - bar.start))
        count = max(1, -(-Fraction(bar.end - bar.start) // length))
        for frame in range(int(count)):
            edge = bar.start + round(frame * length)
            if edges and edge <= edges[-1]:
                continue  # too few ticks a quarter to tell the frames apart
            edges.append(edge)
            bars.append(index)
            place = (missing + frame * length) / score.ticks_per_quarter
            accents.append(bar.metre.accent(place))
    edges.append(score.bars[-1].end)
    return Grid(score, pitched_notes(score), np.array(edges), np.array(bars), np.array(accents))
