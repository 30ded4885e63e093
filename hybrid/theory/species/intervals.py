"""Intervals between two tones as counterpoint counts them: spelled where the score spells."""

from __future__ import annotations

from typing import Final

from hybrid.theory.pitches import INTERVALS, SEMITONE_NAMES
from hybrid.theory.species.cantus import Tone

PERFECT: Final = frozenset({"P1", "P5"})
IMPERFECT: Final = frozenset({"m3", "M3", "m6", "M6"})
#: Consonant between two upper voices, though not above the lowest one.
UPPER_ONLY: Final = frozenset({"P4", "A4", "d5", "TT"})
#: Number of an interval by semitones modulo 12, where no spelling tells.
_NUMBERS: Final = (1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7)


def simple_name(low: Tone, high: Tone) -> str:
    """Name of the interval without octaves: ``P1`` (octaves too), ``m3``, ``A4``; ``TT``.

    Tones that are out of order (``low`` above ``high``) are measured from the lower pitch.
    """
    if low.pitch > high.pitch:
        low, high = high, low
    if low.spelling is not None and high.spelling is not None:
        return spelled_name(low.spelling, high.spelling)
    return SEMITONE_NAMES[(high.pitch - low.pitch) % 12]


def spelled_name(low: int, high: int) -> str:
    """Name of the interval between two spellings: ``x5`` for one altered twice or more.

    >>> spelled_name(8, -5)  # G sharp up to D flat
    'x5'
    """
    fifths = high - low
    # A fifth is four steps up.
    return INTERVALS.get(fifths) or f"x{4 * fifths % 7 + 1}"


def number(low: Tone, high: Tone) -> int:
    """Number of the interval, 1..7: a tenth is 3, an octave 1."""
    name = simple_name(low, high)
    if name == "TT":
        return _NUMBERS[6]
    return 1 + (int(name[1:]) - 1) % 7


def is_perfect(low: Tone, high: Tone) -> bool:
    """Unison, fifth, octave and their compounds."""
    return simple_name(low, high) in PERFECT


def is_imperfect(low: Tone, high: Tone) -> bool:
    """Thirds, sixths and their compounds."""
    return simple_name(low, high) in IMPERFECT


def is_consonant(low: Tone, high: Tone, above_lowest: bool = True) -> bool:
    """Whether two tones agree.

    Parameters
    ----------
    low, high : Tone
    above_lowest : bool
        Whether ``low`` is the lowest tone that sounds; if not, fourths and tritones pass.
    """
    name = simple_name(low, high)
    return name in PERFECT or name in IMPERFECT or (not above_lowest and name in UPPER_ONLY)
