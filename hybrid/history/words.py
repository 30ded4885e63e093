"""Names of notes as they are read: with real accidentals."""

from __future__ import annotations

import re

from hybrid.core.pitch import NO_SPELLING, pitch_name

_FLAT = re.compile(r"(?<=[A-G])b|b(?=[IViv])")


def note_name(pitch: int, spelling: int = NO_SPELLING) -> str:
    """Name with octave.

    >>> note_name(61), note_name(70, -2)
    ('C♯4', 'B♭4')
    """
    name = pitch_name(pitch, spelling)
    return name[0] + name[1:].replace("b", "♭").replace("#", "♯")


def class_name(pitch_class: int) -> str:
    """Name of a pitch class 0..11.

    >>> [class_name(pitch_class) for pitch_class in (0, 1, 10)]
    ['C', 'C♯', 'B♭']
    """
    return note_name(60 + pitch_class)[:-1]


def chord_name(name: str) -> str:
    """A chord symbol or a Roman numeral with real accidentals.

    >>> chord_name("Bb7"), chord_name("bVI7"), chord_name("#IV7 F#m7")
    ('B♭7', '♭VI7', '♯IV7 F♯m7')
    """
    return _FLAT.sub("♭", name).replace("#", "♯")
