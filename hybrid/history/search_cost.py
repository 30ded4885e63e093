"""One cost of a harmonisation, for every search that wants to lower it.

A harmonisation is an array of places: for each note of a tune, where alto, tenor and bass stand on
their scales. Each term of the cost counts faults at a chord or between two; the cost is their
weighted sum, and a harmonisation without a fault costs nothing. Nothing is forbidden, only dear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import Key
from hybrid.history.choral_chords import RANGES

Places = NDArray[np.int64]
Array = NDArray[np.float64]

#: Chords as semitones above the tonic: root, third, fifth (and seventh of the dominant).
MAJOR = (
    (0, 4, 7), (2, 5, 9), (4, 7, 11), (5, 9, 0), (7, 11, 2), (9, 0, 4), (11, 2, 5), (7, 11, 2, 5),
)  # fmt: skip
MINOR = (
    (0, 3, 7), (2, 5, 8), (3, 7, 10), (5, 8, 0), (7, 11, 2), (8, 0, 3), (11, 2, 5), (7, 11, 2, 5),
)  # fmt: skip
DEGREES = np.array([1, 2, 3, 4, 5, 6, 7, 5])
#: Degrees that a degree may go to (Kostka, Payne & Almén 2013, ch. 7).
GOES_TO = {
    1: (1, 2, 3, 4, 5, 6, 7),
    2: (2, 5, 7),
    3: (3, 4, 6),
    4: (1, 2, 4, 5, 7),
    5: (1, 5, 6, 7),
    6: (2, 3, 4, 5, 6),
    7: (1, 5, 7),
}
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@dataclass(frozen=True, eq=False)
class Voicing:
    """Many harmonisations as the terms read them; P of them, n chords, voices from the soprano.

    Attributes
    ----------
    pitch : array of int, shape (P, n, 4)
    chord : array of int, shape (P, n)
        The chord that fits best, by its place in `MAJOR` or `MINOR`.
    misfit : array of float, shape (P, n)
        How ill it fits: tones outside it, and one for a lacking root or third.
    """

    pitch: NDArray[np.int64]
    chord: NDArray[np.int64]
    misfit: Array
    tonic: int
    chords: tuple[tuple[int, ...], ...]
    ends: NDArray[np.bool_]
    """Which chords end a phrase, (n,)."""

    @property
    def degree(self) -> NDArray[np.int64]:
        """Of each chord, (P, n)."""
        return DEGREES[self.chord]

    @property
    def step(self) -> NDArray[np.int64]:
        """Semitones from chord to chord, (P, n, 4); 0 at the first one."""
        step = np.zeros_like(self.pitch)
        step[:, 1:] = np.diff(self.pitch, axis=1)
        return step


@dataclass(frozen=True)
class Term:
    """A kind of fault: its weight, and how many there are at each chord."""

    name: str
    words: str
    source: str
    weight: float
    count: Callable[[Voicing], Array]


def _misfit(at: Voicing) -> Array:
    return at.misfit


def _spacing(at: Voicing) -> Array:
    gap = -np.diff(at.pitch, axis=2)
    crossed = (gap < 0).sum(axis=2)
    wide = (gap[:, :, :2] > 12).sum(axis=2) + (gap[:, :, 2] > 19)
    faults: Array = (crossed + wide).astype(np.float64)
    return faults


def _doubling(at: Voicing) -> Array:
    leading = (at.pitch - at.tonic) % 12 == 11
    faults: Array = np.maximum(0, leading.sum(axis=2) - 1).astype(np.float64)
    return faults


def _parallels(at: Voicing) -> Array:
    faults = np.zeros(at.pitch.shape[:2])
    step = at.step
    for upper, lower in PAIRS:
        size = (at.pitch[:, :, upper] - at.pitch[:, :, lower]) % 12
        perfect = (size[:, 1:] == 0) | (size[:, 1:] == 7)
        moving = (step[:, 1:, upper] != 0) & (step[:, 1:, lower] != 0)
        faults[:, 1:] += perfect & (size[:, 1:] == size[:, :-1]) & moving
    return faults


def _leaps(at: Voicing) -> Array:
    size = np.abs(at.step)
    inner = np.maximum(0, size[:, :, 1:3] - 4).sum(axis=2)
    bass = np.maximum(0, size[:, :, 3] - 7)
    faults: Array = (inner + bass) / 4.0
    return faults


def _progression(at: Voicing) -> Array:
    degree = at.degree
    faults = np.zeros(degree.shape)
    allowed = np.zeros((8, 8), dtype=bool)
    for one, others in GOES_TO.items():
        allowed[one, list(others)] = True
    inside = ~at.ends[:-1]
    faults[:, 1:] = ~allowed[degree[:, :-1], degree[:, 1:]] & inside
    return faults


def _leading_tone(at: Voicing) -> Array:
    faults = np.zeros(at.degree.shape)
    leading = (at.pitch[:, :-1] - at.tonic) % 12 == 11
    to_tonic = (at.degree[:, :-1] == 5) & (at.degree[:, 1:] == 1)
    falls = leading & (at.step[:, 1:] != 1)
    faults[:, 1:] = (falls[:, :, 1:].any(axis=2)) & to_tonic
    return faults


def _inversion(at: Voicing) -> Array:
    fifths = np.array([chord[2] for chord in at.chords])
    bass = (at.pitch[:, :, 3] - at.tonic) % 12
    faults: Array = (bass == fifths[at.chord]).astype(np.float64)
    return faults


def _cadence(at: Voicing) -> Array:
    """Phrases end on I, V or vi in root position; the tune begins on I and ends V-I."""
    roots = np.array([chord[0] for chord in at.chords])
    is_root = (at.pitch[:, :, 3] - at.tonic) % 12 == roots[at.chord]
    degree = at.degree
    faults = np.zeros(degree.shape)
    ends = np.flatnonzero(at.ends)
    faults[:, ends] = ~(np.isin(degree[:, ends], (1, 5, 6)) & is_root[:, ends])
    faults[:, 0] += degree[:, 0] != 1
    faults[:, -1] += degree[:, -1] != 1
    faults[:, -2] += ~((degree[:, -2] == 5) & is_root[:, -2])
    return faults


def _together(at: Voicing) -> Array:
    step = at.step
    faults: Array = np.logical_or((step > 0).all(axis=2), (step < 0).all(axis=2)) * 1.0
    return faults


def _standing(at: Voicing) -> Array:
    """A bass that stays, and a chord that stays."""
    faults = np.zeros(at.degree.shape)
    inside = ~at.ends[:-1]
    faults[:, 1:] = ((at.step[:, 1:, 3] == 0) & inside) * 0.5
    faults[:, 1:] += ((at.chord[:, 1:] == at.chord[:, :-1]) & inside) * 0.5
    return faults


TERMS = (
    Term("no chord", "tones outside the best chord, no root, no third", "KP ch. 5", 3.0, _misfit),
    Term("spacing", "voices crossed or too far apart", "ASC ch. 6", 2.0, _spacing),
    Term("leading tone twice", "the leading tone doubled", "ASC ch. 6", 2.0, _doubling),
    Term("parallels", "fifths or octaves in a row", "ASC ch. 6; Fux", 4.0, _parallels),
    Term("leaps", "quarters of a semitone beyond a third, in the bass a fifth", "H", 1.0, _leaps),
    Term("progression", "degrees in an unusual order", "KP ch. 7", 1.5, _progression),
    Term("leading tone falls", "below the tune it does not rise", "KP ch. 5", 2.0,
         _leading_tone),
    Term("six-four", "the fifth in the bass", "ASC ch. 11", 1.5, _inversion),
    Term("cadence", "a phrase or the tune does not close", "KP ch. 10", 3.0, _cadence),
    Term("all together", "four voices in one direction", "KP ch. 5", 1.5, _together),
    Term("standing still", "bass or chord stays", "ASC ch. 3", 0.5, _standing),
)  # fmt: skip


class HarmonyCost:
    """The cost of harmonisations of a tune.

    Parameters
    ----------
    soprano : sequence of int
        MIDI pitches, three or more.
    key : Key
    ends : sequence of bool
        Which notes end a phrase.

    Attributes
    ----------
    sizes : array of int, shape (n, 3)
        Places on the scales of alto, tenor and bass: those of the key in the voice's range, in
        minor with the raised seventh.

    Examples
    --------
    >>> cost = HarmonyCost([72, 71, 72], Key.parse("C major"), [False, False, True])
    >>> best = cost.places([[[67, 64, 48], [67, 62, 43], [67, 64, 48]]])
    >>> float(cost(best)[0])
    0.0
    """

    def __init__(self, soprano: list[int], key: Key, ends: list[bool]) -> None:
        self.soprano = np.array(soprano, dtype=np.int64)
        self.key = key
        self.tonic = key.tonic * 7 % 12
        self.ends = np.array(ends, dtype=bool)
        scale = {tone * 7 % 12 for tone in key.scale} | {(self.tonic + 11) % 12}
        self.scales = tuple(
            np.array([pitch for pitch in range(low, high + 1) if pitch % 12 in scale])
            for low, high in RANGES[1:]
        )
        self.n_chords = len(soprano)
        self.sizes = np.tile([len(scale) for scale in self.scales], (self.n_chords, 1))
        self.chords = MINOR if key.is_minor else MAJOR
        # (chord, pitch class): is it a member?
        self.members = np.zeros((len(self.chords), 12), dtype=bool)
        for row, chord in enumerate(self.chords):
            self.members[row, [(self.tonic + tone) % 12 for tone in chord]] = True
        self.roots = np.array([(self.tonic + chord[0]) % 12 for chord in self.chords])
        self.thirds = np.array([(self.tonic + chord[1]) % 12 for chord in self.chords])

    def pitches(self, places: Places) -> NDArray[np.int64]:
        """MIDI pitches of all four voices, (P, n, 4), from places (P, n, 3)."""
        rows = [np.broadcast_to(self.soprano, places.shape[:2])]
        rows += [scale[places[:, :, voice]] for voice, scale in enumerate(self.scales)]
        return np.stack(rows, axis=2)

    def places(self, pitches: list[list[list[int]]]) -> Places:
        """Places (P, n, 3) of alto, tenor and bass from MIDI pitches that are on the scales."""
        return np.array(
            [
                [
                    [
                        int(np.flatnonzero(scale == p)[0])
                        for scale, p in zip(self.scales, row, strict=True)
                    ]
                    for row in rows
                ]
                for rows in pitches
            ]
        )

    def voicing(self, places: Places) -> Voicing:
        """What the terms read."""
        pitch = self.pitches(places)
        classes = pitch % 12
        present = np.zeros((*pitch.shape[:2], 12), dtype=bool)
        for voice in range(4):
            np.put_along_axis(present, classes[:, :, voice : voice + 1], True, axis=2)
        # (P, n, chord): voices outside, then what lacks.
        foreign = 4 - self.members[:, classes].sum(axis=3).transpose(1, 2, 0)
        misfit = (foreign + ~present[:, :, self.roots] + ~present[:, :, self.thirds]).astype(
            np.float64
        )
        # Of chords that fit alike the one with its root in the bass is meant.
        at_root = classes[:, :, 3:4] == self.roots
        chord = (misfit - 0.1 * at_root).argmin(axis=2)
        best = np.take_along_axis(misfit, chord[:, :, None], axis=2)[:, :, 0]
        return Voicing(pitch, chord, best, self.tonic, self.chords, self.ends)

    def faults(self, places: Places) -> Array:
        """Weighted faults of each term at each chord, (P, terms, n)."""
        voicing = self.voicing(places)
        return np.stack([term.weight * term.count(voicing) for term in TERMS], axis=1)

    def __call__(self, places: Places) -> Array:
        """Costs (P,) of harmonisations (P, n, 3)."""
        total: Array = self.faults(places).sum(axis=(1, 2))
        return total
