"""Which soprano notes can be harmonised: what a melody has to know of the voices under it.

For an event this is the set of sopranos of all its voicings; for two events in a row the pairs
of sopranos for which some two voicings follow each other without breaking a hard rule. A
melody drawn within these sets seldom leaves the lower voices without a way.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.rules.harmony import Chord, Event
from hybrid.rules.leading import link_between, transition
from hybrid.rules.voicings import Limits, Voicings, voicings

Pairs = frozenset[tuple[int, int]]


def sopranos(event: Event, limits: Limits) -> frozenset[int]:
    """Pitches that the top voice has in some voicing of an event."""
    return frozenset(voicings(event.chord, event.bass, limits).pitch[:, 0].tolist())


def soprano_pairs(before: Event, after: Event, limits: Limits) -> Pairs:
    """Pairs of top notes that some two voicings of two events in a row allow."""
    same = before.chord.index == after.chord.index
    return _pairs(
        (before.chord.numeral, before.chord.key, before.bass),
        (after.chord.numeral, after.chord.key, after.bass),
        same,
        limits,
    )


@lru_cache(maxsize=8192)
def _pairs(
    before: tuple[RomanNumeral, Key, tuple[int, ...]],
    after: tuple[RomanNumeral, Key, tuple[int, ...]],
    same: bool,
    limits: Limits,
) -> Pairs:
    first = Chord(0, 0, 0, 1, before[0], before[1])
    second = Chord(0 if same else 1, 0, 0, 1, after[0], after[1])
    a, b = voicings(first, before[2], limits), voicings(second, after[2], limits)
    if not len(a) or not len(b):
        return frozenset()
    allowed = np.isfinite(transition(a, b, link_between(first, second)))
    return _grouped(a, b, allowed)


def pairs_from(tail: Voicings, chord: Chord, event: Event, breaks: bool, limits: Limits) -> Pairs:
    """Pairs of a given last voicing's soprano and those of the event that follows it."""
    found = voicings(event.chord, event.bass, limits)
    if not len(found):
        return frozenset()
    link = link_between(chord, event.chord, breaks=breaks)
    return _grouped(tail, found, np.isfinite(transition(tail, found, link)))


def _grouped(before: Voicings, after: Voicings, allowed: NDArray[np.bool_]) -> Pairs:
    rows, row_of = np.unique(before.pitch[:, 0], return_inverse=True)
    columns, column_of = np.unique(after.pitch[:, 0], return_inverse=True)
    table = np.zeros((len(rows), len(columns)), dtype=bool)
    at = np.nonzero(allowed)
    table[row_of[at[0]], column_of[at[1]]] = True
    found = np.nonzero(table)
    return frozenset(zip(rows[found[0]].tolist(), columns[found[1]].tolist(), strict=True))
