"""Intervals between spelled pitches: number, quality and consonance.

The distance of two spellings on the line of fifths, from the lower note up, decides the
interval: +1 is a perfect fifth, +2 a major second, +6 an augmented fourth, -6 a
diminished fifth (Temperley 2001, ch. 5). All functions take arrays as well as numbers.

References
----------
Temperley, D. (2001). The Cognition of Basic Musical Structures. MIT Press.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Distance on the line of fifths, lower to upper note, to the interval's simple name.
INTERVALS = {
    **{0: "P1", 1: "P5", -1: "P4", 2: "M2", 3: "M6", 4: "M3", 5: "M7"},
    **{-2: "m7", -3: "m3", -4: "m6", -5: "m2"},
    **{6: "A4", 7: "A1", 8: "A5", 9: "A2", 10: "A6", 11: "A3", 12: "A7"},
    **{-6: "d5", -7: "d8", -8: "d4", -9: "d7", -10: "d3", -11: "d6", -12: "d2"},
}
#: Semitones modulo 12 to a name where no spelling is known.
SEMITONE_NAMES = ("P1", "m2", "M2", "m3", "M3", "P4", "TT", "P5", "m6", "M6", "m7", "M7")
IMPERFECT_CONSONANCES = frozenset({3, 4, 8, 9})
PERFECT_CONSONANCES = frozenset({0, 7})
DISSONANCES = frozenset({1, 2, 5, 6, 10, 11})  # above the bass; the fourth among them


def fifths_between(
    pitch: ArrayLike, spelling: ArrayLike, next_pitch: ArrayLike, next_spelling: ArrayLike
) -> NDArray[np.int64]:
    """Distance on the line of fifths from the lower to the upper of two notes.

    >>> int(fifths_between(65, -1, 68, 8))  # F4 up to G#4, an augmented second
    9
    >>> int(fifths_between(68, 8, 65, -1))  # and down again
    9
    """
    step = np.asarray(next_spelling, dtype=np.int64) - np.asarray(spelling, dtype=np.int64)
    down = np.asarray(next_pitch) < np.asarray(pitch)
    result: NDArray[np.int64] = np.where(down, -step, step)
    return result


def is_augmented(fifths: ArrayLike) -> NDArray[np.bool_]:
    """Whether a distance from `fifths_between` is augmented (A1 included)."""
    result: NDArray[np.bool_] = np.asarray(fifths) >= 6
    return result


def is_diminished(fifths: ArrayLike) -> NDArray[np.bool_]:
    """Whether a distance from `fifths_between` is diminished."""
    result: NDArray[np.bool_] = np.asarray(fifths) <= -6
    return result


def is_step(semitones: ArrayLike) -> NDArray[np.bool_]:
    """Whether a melodic interval is a semitone or a whole tone, up or down."""
    size = np.abs(np.asarray(semitones))
    result: NDArray[np.bool_] = (size == 1) | (size == 2)
    return result


def interval_name(semitones: int, fifths: int | None = None) -> str:
    """Name of an interval: with octaves added to the number, ``P5``, ``A2``, ``m10``.

    Parameters
    ----------
    semitones : int
        Size, of either sign.
    fifths : int or None
        From `fifths_between`; None where a note has no spelling.

    Examples
    --------
    >>> interval_name(3, 9), interval_name(-19, 1), interval_name(6)
    ('A2', 'P12', 'TT')
    """
    size = abs(semitones)
    simple = INTERVALS.get(fifths, "") if fifths is not None else ""
    simple = simple or SEMITONE_NAMES[size % 12]
    if simple == "TT":
        return "TT" if size < 12 else f"TT+{size // 12}8ve"
    quality, number = simple[0], int(simple[1:])
    plain = (0, 2, 4, 5, 7, 9, 11, 12)[number - 1]
    octaves = round((size - plain) / 12)
    return f"{quality}{number + 7 * max(0, octaves)}"


def consonant_above_bass(semitones: ArrayLike) -> Any:
    """Whether an interval above the bass is consonant (the fourth is not)."""
    classes = np.asarray(semitones) % 12
    return np.isin(classes, sorted(IMPERFECT_CONSONANCES | PERFECT_CONSONANCES))
