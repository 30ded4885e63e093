"""All ways in which the voices can have a chord: candidates of the search.

Every combination of chord tones in the voices' ranges, in order of height, within the
spacing limits, with the chord's essential tones, and without doubled tendency tones. So a
path of candidates without forbidden steps exists exactly if the skeleton can be written
at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.numerals import AUGMENTED_SIXTHS
from hybrid.core.pitch import pitch_class
from hybrid.rules import weights as w
from hybrid.rules.harmony import Chord
from hybrid.theory.tables import DOUBLING, SPACING

SILENT = -1
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Voicings:
    """Candidates for one event.

    Attributes
    ----------
    pitch, spelling : np.ndarray, shape (n, V), int64
        Highest voice first; `SILENT` where a voice rests.
    cost : np.ndarray, shape (n,)
        What each one costs by itself.
    """

    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    cost: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.cost)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Voicings:
        """Some of the candidates."""
        return Voicings(self.pitch[index], self.spelling[index], self.cost[index])

    def plus(self, cost: NDArray[np.float64]) -> Voicings:
        """The same candidates with ``cost`` added."""
        return Voicings(self.pitch, self.spelling, self.cost + cost)


@dataclass(frozen=True)
class Limits:
    """What candidates have to keep beside the chord itself.

    Attributes
    ----------
    ranges : tuple of (int, int)
        Lowest and highest pitch of each voice, highest voice first.
    spacing : tuple of int
        Widest gap between neighbours, one fewer than voices.
    distinct : bool
        Whether no two voices may have the same pitch.
    centres : tuple of float
        Where each voice likes to lie; the middle of its range where empty.
    slack : bool
        Whether spacing may be broken at a cost.
    complete : int
        2: chords are as complete as four parts can be; 1: third and seventh, or an augmented
        sixth's outer tones, are enough; 0: the third is.
    """

    ranges: Ranges
    spacing: tuple[int, ...] = SPACING
    distinct: bool = False
    centres: tuple[float, ...] = ()
    slack: bool = False
    complete: int = 2

    def pinned(self, voice: int, pitch: int) -> Limits:
        """The same with one voice on one pitch."""
        ranges = list(self.ranges)
        ranges[voice] = (pitch, pitch)
        centres = self.centres or tuple((low + high) / 2 for low, high in self.ranges)
        return Limits(
            tuple(ranges), self.spacing, self.distinct, centres, self.slack, self.complete
        )


def voicings(
    chord: Chord,
    bass: tuple[int, ...],
    limits: Limits,
    active: tuple[bool, ...] = (),
    guest: tuple[int, int] | None = None,
    outside: tuple[int, ...] = (),
) -> Voicings:
    """Candidates of a chord.

    Parameters
    ----------
    chord : Chord
    bass : tuple of int
        Tonal pitch classes that the lowest sounding voice may have.
    limits : Limits
    active : tuple of bool
        Which voices sound; all where empty.
    guest : (int, int) or None
        Pitch and spelling that the top voice has, chord tone or not (a suspended melody).
    outside : tuple of int
        Tonal pitch classes that a melody beside these voices has: they count as doubled, and
        need not be had again.

    Returns
    -------
    Voicings
        In a fixed order; none where the limits leave nothing.
    """
    active = active or (True,) * len(limits.ranges)
    return _voicings(chord.numeral, chord.key, bass, limits, active, guest, outside)


@lru_cache(maxsize=16384)
def _voicings(
    numeral: object,
    key: object,
    bass: tuple[int, ...],
    limits: Limits,
    active: tuple[bool, ...],
    guest: tuple[int, int] | None,
    outside: tuple[int, ...],
) -> Voicings:
    chord = Chord(0, 0, 0, 1, numeral, key)  # type: ignore[arg-type]
    rows = [voice for voice, sounds in enumerate(active) if sounds]
    n_voices = len(active)
    tones = np.array(chord.tones, dtype=np.int64)
    if not rows:
        silent = np.full((1, n_voices), SILENT, dtype=np.int64)
        return Voicings(silent, silent, np.zeros(1))
    options: list[NDArray[np.int64]] = []
    for voice in rows:
        low, high = limits.ranges[voice]
        allowed = bass if voice == rows[-1] and len(rows) > 1 else chord.tones
        classes = {pitch_class(tone) for tone in allowed}
        options.append(np.array([p for p in range(low, high + 1) if p % 12 in classes], dtype=int))
    if guest is not None and active[0]:
        options[0] = np.array([guest[0]])
    grid = _ordered_product(options, rows, limits)
    if not len(grid):
        empty = np.empty((0, n_voices), dtype=np.int64)
        return Voicings(empty, empty, np.empty(0))
    by_class = np.full(12, -1, dtype=np.int64)
    # Where two tones share a pitch class the first one counts (not so in chords of thirds).
    for index in range(len(tones) - 1, -1, -1):
        by_class[pitch_class(int(tones[index]))] = index
    member = by_class[grid % 12]  # (n, voices that sound); -1 for a guest outside the chord
    counts = np.stack([(member == index).sum(axis=1) for index in range(len(tones))], axis=1)
    inside = [tone for tone in outside if tone in chord.tones]
    for tone in inside:
        counts[:, chord.tones.index(tone)] += 1
    n_sounding = len(rows) + len(inside)
    cost, allowed_rows = _member_cost(chord, counts, n_sounding, limits)
    cost = cost + _shape_cost(grid, rows, limits)
    grid, member, cost = grid[allowed_rows], member[allowed_rows], cost[allowed_rows]
    pitch = np.full((len(grid), n_voices), SILENT, dtype=np.int64)
    spelling = np.full((len(grid), n_voices), SILENT, dtype=np.int64)
    pitch[:, rows] = grid
    spelling[:, rows] = tones[member]
    if guest is not None and active[0]:
        spelling[:, 0] = guest[1]
    for array in (pitch, spelling, cost):
        array.flags.writeable = False
    return Voicings(pitch, spelling, cost)


def _ordered_product(
    options: list[NDArray[np.int64]], rows: list[int], limits: Limits
) -> NDArray[np.int64]:
    """Combinations in order of height within the spacing limits, voice by voice; (n, voices)."""
    grid = options[0][:, None]
    for column in range(1, len(options)):
        wide = sum(limits.spacing[rows[column - 1] : rows[column]])
        if limits.slack:
            wide += 12
        upper = np.repeat(grid, len(options[column]), axis=0)
        lower = np.tile(options[column], len(grid))
        gap = upper[:, -1] - lower
        keep = (gap >= (1 if limits.distinct else 0)) & (gap <= wide)
        grid = np.concatenate([upper[keep], lower[keep, None]], axis=1)
    return grid.astype(np.int64)


def _member_cost(
    chord: Chord,
    counts: NDArray[np.int64],
    n_voices: int,
    limits: Limits,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cost of doublings and gaps of each candidate, and which ones may be used."""
    n_tones = counts.shape[1]
    cost = np.zeros(len(counts))
    keep = np.ones(len(counts), dtype=bool)
    numeral = chord.numeral
    tones = chord.tones
    for tone in {chord.leading, chord.seventh} - {None}:
        keep &= counts[:, tones.index(tone)] <= 1
    optional: set[int]
    if limits.complete < 2:
        # Strands under a melody: what makes the chord what it is, the rest at a cost.
        needed = {1, 3} if n_tones >= 4 and limits.complete else {1}
        if numeral.triad in AUGMENTED_SIXTHS:
            needed = {0, n_tones - 1}
        optional = set(range(n_tones)) - needed
    elif n_voices >= 4:
        optional = set()
        if n_tones > 3 or numeral.inversion == 0:
            optional = {2}
        if n_tones == 4 and numeral.inversion:
            optional = set()
        if numeral.triad in AUGMENTED_SIXTHS or numeral.triad == "suspended":
            optional = set()
        if n_tones == 5:
            optional = {2}
    else:
        optional = set(range(n_tones)) - ({1} if n_tones == 3 else {1, 3})
        if n_voices == 3 and n_tones == 3:
            optional = {2}
        if n_voices <= 2:
            optional = set(range(n_tones))
    for index in range(n_tones):
        missing = counts[:, index] == 0
        if index not in optional:
            keep &= ~missing
        elif index == 2:
            inverted = numeral.inversion > 0 and n_voices >= 4
            cost += missing * (w.MISSING_FIFTH_INVERTED if inverted else w.MISSING_FIFTH)
        else:
            price = (w.MISSING_ROOT, w.MISSING_THIRD, 0.0, 3.0, 1.0)[index]
            cost += missing * (price if n_voices > 2 else 0.3 * price)
    if n_tones == 3 and chord.stacked:
        triad = "major" if numeral.is_cadential else numeral.triad  # minor ones double alike
        order = DOUBLING.get((triad, numeral.inversion), (0, 2, 1))
        for rank, index in enumerate(order):
            cost += w.DOUBLING[rank] * np.maximum(counts[:, index] - 1, 0)
        if numeral.triad == "major":
            cost += w.DOUBLED_MAJOR_THIRD * ((counts[:, 1] > 1) & (counts[:, 0] < 2))
    for tone in chord.altered:
        if tone != chord.leading:
            cost += w.DOUBLED_ALTERED * (counts[:, tones.index(tone)] > 1)
    return cost, keep


def _shape_cost(grid: NDArray[np.int64], rows: list[int], limits: Limits) -> NDArray[np.float64]:
    """Cost of gaps, unisons and of voices far from where they like to be."""
    cost = np.zeros(len(grid))
    n_voices = len(limits.ranges)
    for column in range(1, len(rows)):
        gap = grid[:, column - 1] - grid[:, column]
        if rows[column] < n_voices - 1 or n_voices == 2:
            cost += w.GAP * np.maximum(gap - 9, 0)
        cost += w.UNISON * (gap == 0)
        if limits.slack:
            wide = sum(limits.spacing[rows[column - 1] : rows[column]])
            cost += w.SPACING_BROKEN * (gap > wide)
    for column, voice in enumerate(rows):
        low, high = limits.ranges[voice]
        centre = limits.centres[voice] if limits.centres else (low + high) / 2
        cost += w.TESSITURA * ((grid[:, column] - centre) / 6.0) ** 2
    return cost
