"""Harmonic rhythm: how many chords begin in each bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score


@dataclass(frozen=True)
class BarChanges:
    """Chord changes within one bar.

    Attributes
    ----------
    bar : int
        As printed; a pickup is bar 0.
    changes : int
    """

    bar: int
    changes: int


def is_change(before: ChordSpan | None, chord: ChordSpan) -> bool:
    """Whether a chord sounds otherwise than the one before; a new name alone is no change."""
    if before is None:
        return True
    names = ("root", "quality", "inversion")
    return any(getattr(before, name) != getattr(chord, name) for name in names)


def harmonic_rhythm(chords: Sequence[ChordSpan], score: Score) -> tuple[BarChanges, ...]:
    """Chord changes in every bar of the score; the first chord counts as one."""
    befores = [None, *chords[:-1]]
    onsets = [
        chord.onset
        for before, chord in zip(befores, chords, strict=True)
        if is_change(before, chord)
    ]
    starts = np.array([bar.start for bar in score.bars], np.int64)
    at = np.clip(np.searchsorted(starts, onsets, side="right") - 1, 0, None)
    counts = np.bincount(at, minlength=len(starts))
    return tuple(
        BarChanges(bar.number, int(count)) for bar, count in zip(score.bars, counts, strict=True)
    )


def describe_rhythm(rhythm: Sequence[BarChanges]) -> str:
    """One line: mean, median and the busiest bar.

    >>> describe_rhythm([BarChanges(1, 2), BarChanges(2, 4)])
    'harmonic rhythm: 3.0 chord changes a bar (median 3; most 4, in bar 2)'
    """
    if not rhythm:
        return "harmonic rhythm: no bars"
    changes = [item.changes for item in rhythm]
    most = max(rhythm, key=lambda item: item.changes)
    return (
        f"harmonic rhythm: {sum(changes) / len(changes):.1f} chord changes a bar "
        f"(median {median(changes):g}; most {most.changes}, in bar {most.bar})"
    )
