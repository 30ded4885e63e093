"""Chord symbols of the corpora (Harte's syntax) as Roman numerals of `hybrid.core.numerals`.

What the notation can say is kept: triads, sevenths, ninths as sevenths, suspended fourths, and
inversions on a chord tone. What it cannot is merged and counted: sixths, added and altered tones
are dropped; a bass that is no chord tone is dropped; power chords, single notes and suspended
seconds become the triad of the key on their root. ``N`` is no chord.

References
----------
Harte, C., Sandler, M., Abdallah, S. and Gomez, E. (2005). Symbolic representation of musical
chords: a proposed syntax for text annotations. ISMIR, 66-71.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hybrid.core.errors import FormatError, PlanError
from hybrid.core.numerals import ROMAN, RomanNumeral
from hybrid.core.pitch import Key

_SYMBOL = re.compile(r"(?P<root>[A-G][b#]*):?(?P<quality>[^/]*)(?P<bass>/.*)?")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES = (0, 2, 4, 5, 7, 9, 11)
# Longest names first: (beginning of the symbol's quality, our quality, exact).
_QUALITIES = (
    ("minmaj7", "minor-major-seventh"),
    ("sus4(b7", "suspended-seventh"),
    ("hdim7", "half-diminished-seventh"),
    ("dim7", "diminished-seventh"),
    ("maj13", "major-seventh"),
    ("maj11", "major-seventh"),
    ("maj9", "major-seventh"),
    ("maj7", "major-seventh"),
    ("min13", "minor-seventh"),
    ("min11", "minor-seventh"),
    ("min9", "minor-seventh"),
    ("min7", "minor-seventh"),
    ("maj6(b7", "dominant-seventh"),
    ("aug(b7", "augmented-seventh"),
    ("sus4", "suspended"),
    ("maj", "major"),
    ("min", "minor"),
    ("dim", "diminished"),
    ("aug", "augmented"),
    ("13", "dominant-seventh"),
    ("11", "dominant-seventh"),
    ("9", "dominant-seventh"),
    ("7", "dominant-seventh"),
)
_EXACT = frozenset(
    [
        "maj",
        "min",
        "dim",
        "aug",
        "sus4",
        "7",
        "maj7",
        "min7",
        "minmaj7",
        "hdim7",
        "dim7",
        "sus4(b7)",
        "aug(b7)",
    ]
)
#: Semitones of third, fifth and seventh above the root.
TONES = {
    "major": (4, 7),
    "minor": (3, 7),
    "diminished": (3, 6),
    "augmented": (4, 8),
    "suspended": (5, 7),
    "dominant-seventh": (4, 7, 10),
    "major-seventh": (4, 7, 11),
    "minor-seventh": (3, 7, 10),
    "minor-major-seventh": (3, 7, 11),
    "half-diminished-seventh": (3, 6, 10),
    "diminished-seventh": (3, 6, 9),
    "augmented-seventh": (4, 8, 10),
    "suspended-seventh": (5, 7, 10),
}
#: Case of the numeral, mark after it, and figures to try for each quality.
_WRITTEN = {
    "major": (True, "", ("",)),
    "minor": (False, "", ("",)),
    "diminished": (False, "o", ("",)),
    "augmented": (True, "+", ("",)),
    "suspended": (True, "sus4", ("",)),
    "dominant-seventh": (True, "", ("7", "d7")),
    "major-seventh": (True, "", ("7", "M7")),
    "minor-seventh": (False, "", ("7", "d7")),
    "minor-major-seventh": (False, "", ("M7",)),
    "half-diminished-seventh": (False, "ø", ("7",)),
    "diminished-seventh": (False, "o", ("7",)),
    "augmented-seventh": (True, "+", ("7", "d7")),
    "suspended-seventh": (True, "sus4", ("7", "d7")),
}
_FIGURES = {False: ("", "6", "64"), True: ("7", "65", "43", "42")}


@dataclass(frozen=True)
class Reading:
    """A chord symbol read in a key.

    Attributes
    ----------
    numeral : str
        In the notation of `hybrid.core.numerals`; empty for no chord.
    exact : bool
        Whether nothing was merged or dropped.
    """

    numeral: str
    exact: bool


def pitch_class(name: str) -> int:
    """0..11 of a note name.

    >>> pitch_class("Gb")
    6
    """
    return (_STEPS[name[0]] + name.count("#") - name.count("b")) % 12


@lru_cache(maxsize=8192)
def read_chord(symbol: str, tonic: str, mode: str = "major") -> Reading:
    """Read a chord symbol as a Roman numeral.

    Parameters
    ----------
    symbol : str
        Such as ``G:7/3``, or ``N``.
    tonic : str
        Note name.
    mode : str
        ``major`` or ``minor``: the key the numeral is written in.

    Raises
    ------
    FormatError
        If the root cannot be read.

    Examples
    --------
    >>> [read_chord(s, "C").numeral for s in ("G:7/3", "Bb:maj", "A:min7", "C:7", "F#:hdim7")]
    ['V65', 'bVII', 'vi7', 'Id7', '#ivø7']
    >>> [read_chord(s, "A", "minor").numeral for s in ("F:maj", "E:7", "G:maj", "A:min")]
    ['VI', 'V7', 'VII', 'i']
    """
    if symbol.startswith(("N", "X")):
        return Reading("", symbol in ("N", "X"))
    match = _SYMBOL.fullmatch(symbol.split("\x01")[0])
    if match is None:
        raise FormatError(f"chord must read such as C:min7/b3, got {symbol!r}")
    place = (pitch_class(match["root"]) - pitch_class(tonic)) % 12
    written = match["quality"]
    found = next((ours for start, ours in _QUALITIES if written.startswith(start)), None)
    exact = written in _EXACT
    if found is None:  # power chords, single notes, suspended seconds
        found = _triad_of_key(place, mode)
    inversion = 0
    if match["bass"]:
        above = _bass(match["bass"])
        tones = (0, *TONES[found])
        if above in tones:
            inversion = tones.index(above)
        else:
            exact = False
    numeral = numeral_of(place, found, inversion, mode)
    if not numeral and inversion:
        numeral, exact = numeral_of(place, found, 0, mode), False
    return Reading(numeral, exact and bool(numeral))


def _bass(text: str) -> int | None:
    match = re.match(r"/([b#]*)(\d+)", text)
    if match is None:
        return None
    degree = _DEGREES[(int(match[2]) - 1) % 7]
    return (degree + match[1].count("#") - match[1].count("b")) % 12


def _triad_of_key(place: int, mode: str) -> str:
    minor = (2, 4, 9) if mode == "major" else (0, 5)
    diminished = 11 if mode == "major" else 2
    if place in minor:
        return "minor"
    # A power chord on the leading note has a perfect fifth; on minor's second degree as well.
    return "minor" if place == diminished else "major"


@lru_cache(maxsize=2048)
def numeral_of(place: int, quality: str, inversion: int, mode: str) -> str:
    """The plainest numeral with these tones, found by reading what is written; or empty.

    Parameters
    ----------
    place : int
        Semitones from the tonic up to the root, 0..11.
    quality : str
        A key of `TONES`.
    inversion : int
    mode : str
        ``major`` or ``minor``.

    Examples
    --------
    >>> numeral_of(7, "suspended", 0, "major"), numeral_of(2, "minor-seventh", 1, "major")
    ('Vsus4', 'ii65')
    """
    key = Key.parse("C" if mode == "major" else "c")
    upper, mark, figures = _WRITTEN[quality]
    wanted = {place, *((place + tone) % 12 for tone in TONES[quality])}
    # Raised degrees rather than lowered ones: #iv in both modes, #III, #VI and #VII in minor.
    dark = quality.startswith(("diminished", "half", "minor"))
    raised = (place == 6 and dark) or (mode == "minor" and place in (4, 9, 11))
    for shift in ("", "#", "b") if raised else ("", "b", "#"):
        for roman in ROMAN:
            for figure in figures:
                prefix, seventh = figure[:-1], bool(figure)
                end = _FIGURES[seventh][inversion] if inversion or seventh else ""
                text = f"{shift}{roman if upper else roman.lower()}{mark}{prefix}{end}"
                try:
                    parsed = RomanNumeral.parse(text)
                    tones = {_semitones(tone) for tone in parsed.tones(key)}
                    root, bass = _semitones(parsed.root(key)), _semitones(parsed.bass(key))
                except (PlanError, IndexError, KeyError):
                    continue
                low = (place + (0, *TONES[quality])[inversion]) % 12
                if tones == wanted and root == place and bass == low:
                    return text
    return ""


def _semitones(tonal_pitch_class: int) -> int:
    """Line of fifths (C is 0) to semitones above C."""
    return tonal_pitch_class * 7 % 12
