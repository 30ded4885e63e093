"""Names of notes as they are read: with real accidentals."""

from __future__ import annotations

from hybrid.core.pitch import NO_SPELLING, pitch_name


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
