"""Naming one moment's chord by templates: evidence for, evidence against, tones that miss.

References
----------
Pardo, B., & Birmingham, W. P. (2002). Algorithms for chordal analysis. Computer Music Journal
26(2), 27-49.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """A kind of chord.

    Attributes
    ----------
    mark : str
        Behind the root's name.
    tones : tuple of int
        Semitones above the root.
    family : str
        Its triad.
    fifths : tuple of int
        The same tones on the line of fifths.
    """

    mark: str
    tones: tuple[int, ...]
    family: str
    fifths: tuple[int, ...]


#: In the order that decides between equals, the commonest first. The minor seventh is ours.
QUALITIES = (
    Quality("", (0, 4, 7), "major", (0, 4, 1)),
    Quality("7", (0, 4, 7, 10), "major", (0, 4, 1, -2)),
    Quality("m", (0, 3, 7), "minor", (0, -3, 1)),
    Quality("m7", (0, 3, 7, 10), "minor", (0, -3, 1, -2)),
    Quality("o7", (0, 3, 6, 9), "diminished", (0, -3, -6, -9)),
    Quality("ø7", (0, 3, 6, 10), "diminished", (0, -3, -6, -2)),
    Quality("o", (0, 3, 6), "diminished", (0, -3, -6)),
)
N_QUALITIES = len(QUALITIES)
#: Chords: ``root * N_QUALITIES + quality``.
N_CHORDS = 12 * N_QUALITIES


def _masks() -> Array:
    found = np.zeros((12, N_QUALITIES, 12))
    for root in range(12):
        for place, quality in enumerate(QUALITIES):
            found[root, place, [(root + tone) % 12 for tone in quality.tones]] = 1.0
    return found.reshape(N_CHORDS, 12)


#: 1 where a chord (row) has a pitch class (column), shape (`N_CHORDS`, 12).
MASKS = _masks()


@dataclass(frozen=True, eq=False)
class Beats:
    """What sounds in each of T beats.

    Attributes
    ----------
    starts, ends : tuple of int
        Ticks.
    segments : np.ndarray, shape (T, 12), float64
        For each pitch class the number of notes in each minimal segment, added up over the beat's
        segments. A minimal segment lies between two places where a note begins or ends.
    quarters : np.ndarray, shape (T, 12), float64
        For each pitch class how long its notes sound, in quarters.
    bass : tuple of int
        Lowest pitch of the beat as a pitch class; -1 in silence.
    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    segments: Array
    quarters: Array
    bass: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts)


def beats_of(score: Score) -> Beats:
    """Cut a score at its beats and count what sounds; drums are left out."""
    notes = [
        (int(note["onset"]), int(note["onset"] + note["duration"]), int(note["pitch"]))
        for track in score.tracks
        if not track.is_drum
        for note in track.notes
    ]
    last = max((end for _, end, _ in notes), default=0)
    starts = []
    for bar in score.bars:
        step = max(1, round(bar.metre.beat_quarters * score.ticks_per_quarter))
        starts += [tick for tick in range(bar.start, bar.end, step) if tick < last]
    ends = [*starts[1:], last]
    segments, quarters = np.zeros((len(starts), 12)), np.zeros((len(starts), 12))
    bass = []
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        here = [
            (max(on, start), min(off, end), pitch)
            for on, off, pitch in notes
            if on < end and off > start
        ]
        cuts = sorted({tick for on, off, _ in here for tick in (on, off)})
        for on, off, pitch in here:
            segments[row, pitch % 12] += cuts.index(off) - cuts.index(on)
            quarters[row, pitch % 12] += (off - on) / score.ticks_per_quarter
        bass.append(min((pitch for _, _, pitch in here), default=-1))
    classes = tuple(pitch % 12 if pitch >= 0 else -1 for pitch in bass)
    return Beats(tuple(starts), tuple(ends), segments, quarters, classes)


@dataclass(frozen=True)
class Sum:
    """How one template does: ``for_`` and ``against`` are weights, ``missing`` counts tones."""

    chord: int
    for_: float
    against: float
    missing: int

    @property
    def total(self) -> float:
        """P - (N + M)."""
        return self.for_ - self.against - self.missing


def template_sums(weights: Array, bass: int = -1, count: int = N_CHORDS) -> list[Sum]:
    """The templates' sums, the best first.

    Between equal sums the one whose root weighs more comes first, then the one whose root is
    in the bass, then the commoner kind.

    Parameters
    ----------
    weights : np.ndarray, shape (12,), float64
        Of each pitch class, as in `Beats.segments`.
    bass : int
        Pitch class; -1 where there is none.
    count : int
        How many of the `N_CHORDS` are wanted.

    Examples
    --------
    >>> chord_of(np.bincount([7, 11, 2, 5], minlength=12).astype(float))
    'G7'
    """
    positive = MASKS @ weights
    negative = weights.sum() - positive
    missing = MASKS @ (weights == 0).astype(float)
    roots, kinds = np.divmod(np.arange(N_CHORDS), N_QUALITIES)
    keys = (roots, kinds, roots != bass, -weights[roots], negative + missing - positive)
    return [
        Sum(int(chord), float(positive[chord]), float(negative[chord]), int(missing[chord]))
        for chord in np.lexsort(keys)[:count]
    ]


def label_by_templates(beats: Beats) -> list[int]:
    """Each beat's best template; a silent beat keeps the chord before (the first: C major)."""
    labels: list[int] = []
    for weights, bass in zip(beats.segments, beats.bass, strict=True):
        if weights.any():
            labels.append(template_sums(weights, bass, 1)[0].chord)
        else:
            labels.append(labels[-1] if labels else 0)
    return labels


def symbol(chord: int, roots: Sequence[str] = ()) -> str:
    """Name of a chord; ``roots`` name the twelve pitch classes.

    >>> symbol(0), symbol(9 * N_QUALITIES + 3)
    ('C', 'Am7')
    """
    root, quality = divmod(chord, N_QUALITIES)
    names = roots or ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
    return names[root] + QUALITIES[quality].mark


def chord_of(weights: Array, bass: int = -1) -> str:
    """Symbol of the best template."""
    return symbol(template_sums(weights, bass, 1)[0].chord)


def changes(labels: Sequence[int]) -> int:
    """How often a label differs from the one before."""
    return sum(one != other for one, other in itertools.pairwise(labels))
