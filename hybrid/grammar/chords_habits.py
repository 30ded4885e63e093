"""Habits of harmony as data: cadences, approaches, openings, stable stops, styles.

Numerals are written as in major; `in_mode` finds their counterparts in a minor key's table.

References
----------
Caplin, W. E. (1998). Classical Form. Oxford University Press. (Cadences: ch. 2.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.grammar.chords import ChordTable

FloatArray = NDArray[np.float64]

#: The last chords of each cadence, last first: weights by numeral. A position without an entry
#: for a chord forbids it.
ENDINGS: dict[str, tuple[dict[str, float], ...]] = {
    "PAC": ({"I": 1.0}, {"V7": 2.0, "V": 1.0}),
    "IAC": (
        {"I": 1.0, "I6": 0.12},
        {"V7": 3.0, "V": 1.5, "V65": 1.0, "V43": 0.7, "V6": 0.4, "viio6": 0.8, "V42": 1.0},
    ),
    "HC": ({"V": 1.0},),
    "PC": ({"I": 1.0}, {"IV": 3.0, "iv": 1.0, "bIV": 1.0}),
    "DC": ({"vi": 1.0, "VI": 1.0, "bVI": 1.0}, {"V7": 1.5, "V": 1.0}),
}
#: What makes a good chord before the cadence proper.
APPROACH = {
    "ii6": 3.0, "ii65": 3.0, "IV": 2.5, "ii": 2.0, "ii7": 1.5, "Cad64": 5.0, "N6": 1.5,
    "viio7/V": 1.5, "V65/V": 1.2, "V7/V": 1.2, "Ger65": 1.5, "It6": 1.5, "Fr43": 1.5,
    "I": 0.35, "I6": 0.6, "vi": 0.8, "II6": 2.0, "II": 1.0,
}  # fmt: skip
#: Where a phrase without a cadence may stop: chords nothing is left hanging in.
STABLE = {
    "I": 3.0, "I6": 2.0, "V": 3.0, "V6": 1.0, "IV": 1.0, "ii": 0.7, "ii6": 1.0, "vi": 1.0,
    "IV6": 0.3, "III": 0.4, "iii": 0.3, "VII": 0.3, "bVI": 0.3, "bVII": 0.5, "II": 0.6,
}  # fmt: skip
#: How a phrase opens; ``free`` takes whatever follows from the phrase before.
OPENINGS: dict[str, dict[str, float]] = {
    "tonic": {"I": 10.0, "I6": 0.8},
    "dominant": {"V": 6.0, "V65": 1.0, "V43": 0.5, "V6": 1.0},
}
#: What may begin after a close, or in a new key.
OPENERS = {
    "I": 10.0, "I6": 1.0, "V": 1.0, "V6": 0.5, "V65": 0.5, "vi": 0.5, "IV": 0.5, "ii6": 0.3,
}  # fmt: skip
FREE_START = 1e-4
ANY = 1e-6  # lets any other opening happen where nothing better is possible
_CHROMATIC = ("/", "Ger", "It", "Fr", "N6")
_MIXTURE = ("iv", "bVI")


@dataclass(frozen=True)
class ChordStyle:
    """Habits of harmony.

    Attributes
    ----------
    harmony : str
        A key of `hybrid.grammar.chords.HARMONIES`.
    chromatic : float
        Factor on applied dominants, augmented sixths and mixture.
    inner_cadence : float
        Factor on root-position V(7)-I inside a phrase, which would sound like its end.
    uneven : float
        Factor on bars whose chords are not equally long.
    """

    harmony: str = "common"
    chromatic: float = 1.0
    inner_cadence: float = 0.35
    uneven: float = 1.0


PLAIN = ChordStyle()


@dataclass(frozen=True)
class Before:
    """The chord that a phrase follows, its key and the cadence it made."""

    numeral: str
    key: Key
    cadence: str = "none"


def in_mode(table: ChordTable, wanted: Mapping[str, float], default: float = 0.0) -> FloatArray:
    """Weights for a table's chords from names as in major; minor ``i`` answers to ``I``.

    >>> from hybrid.grammar.chords import load_table
    >>> table = load_table("minor")
    >>> [table.numerals[i] for i in in_mode(table, {"I": 1, "ii65": 1}).nonzero()[0]]
    ['i', 'iiø65']
    """
    values = [
        next((wanted[name] for name in (n, _as_major(n)) if name in wanted), default)
        for n in table.numerals
    ]
    return np.array(values, dtype=np.float64)


@lru_cache(maxsize=512)
def _as_major(numeral: str) -> str:
    """The name in major of the chord on the same degree with the same figures."""
    figure = numeral.lstrip("iIvVoø")
    head = numeral[: len(numeral) - len(figure)] if figure else numeral
    return {"i": "I", "iv": "IV", "iio": "ii", "iiø": "ii"}.get(head, head) + figure


def is_chromatic(numeral: str, in_major: bool) -> bool:
    """Whether a chord is an applied dominant, an augmented sixth, Neapolitan or mixture."""
    return any(mark in numeral for mark in _CHROMATIC) or (in_major and numeral in _MIXTURE)


def fewest_chords(cadence: str, modulates: bool = False) -> int:
    """Fewest chords a phrase needs for its cadence, and for turning to another key."""
    return len(ENDINGS.get(cadence, ({},))) + (cadence != "none") + modulates


def fits_ending(numeral: str, cadence: str, back: int) -> bool:
    """Whether any chord, in a table or not, may stand at a place of a cadence.

    Parameters
    ----------
    numeral : str
    cadence : str
        A cadence, or ``none``, which takes every chord.
    back : int
        0 for the last chord, 1 for the one before.

    Examples
    --------
    >>> fits_ending("V9", "PAC", 1), fits_ending("V65", "PAC", 1), fits_ending("V7", "HC", 0)
    (True, False, False)
    """
    if cadence == "none" or back >= len(ENDINGS[cadence]):
        return True
    roman = RomanNumeral.parse(numeral)
    if roman.of is not None:
        return False
    dominant = roman.triad in ("major", "suspended") and roman.degree == 5 and not roman.shift
    root = roman.inversion == 0
    if back == 1:
        if cadence == "PC":
            return roman.degree == 4 and root
        if cadence == "IAC":
            return dominant or (roman.degree == 7 and roman.triad == "diminished")
        return dominant and root
    if cadence == "HC":
        return dominant and root and not roman.has_seventh
    if cadence == "DC":
        return roman.degree == 6 and root
    return roman.degree == 1 and not roman.is_cadential and (root or cadence == "IAC")


def join_weights(table: ChordTable, key: Key, before: Before) -> FloatArray:
    """Weight of each chord of ``key`` as the first one after ``before``.

    After a close, or in another key, anything a piece could start with may come; a half cadence
    is followed by the tonic or by more of the dominant; else the table decides, and the same
    chord may go on.
    """
    openers = in_mode(table, OPENERS)
    if before.key != key or before.numeral not in table.index:
        return openers
    here = table.index[before.numeral]
    row: FloatArray = table.weights[here].copy()
    if before.cadence in ("PAC", "IAC", "PC"):
        return np.add(row, openers)
    # The same chord may go on over the boundary. Where nothing pulls, a new phrase may, if
    # nothing better fits, start with any consonant chord.
    row[here] += 0.3
    roman = RomanNumeral.parse(before.numeral)
    if not (roman.has_seventh or roman.of or key.leading_tone in roman.tones(key)):
        row += FREE_START * table.consonant
    if before.cadence == "DC":
        row[0] += 0.2
    return row
