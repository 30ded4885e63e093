"""Tokens of Humdrum **kern: one note, chord member or rest, and what is marked on it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from hybrid.core.errors import FormatError
from hybrid.core.pitch import STEP_LETTERS, STEP_SEMITONES, spelling_of

_DURATION = re.compile(r"(\d+)(?:%(\d+))?(\.*)")
_PITCH = re.compile(r"([a-g]+|[A-G]+)(#{1,3}|-{1,3}|n)?")
#: Signs of a note that a score keeps.
MARKS = {
    "'": "staccato",
    "`": "staccatissimo",
    "~": "tenuto",
    "^": "accent",
    ";": "fermata",
    "t": "trill",
    "T": "trill",
}
#: Signs that it has no place for.
UNKEPT = {
    "M": "mordent",
    "m": "mordent",
    "W": "inverted mordent",
    "w": "inverted mordent",
    "S": "turn",
    "$": "inverted turn",
    "O": "ornament",
    "u": "bowing sign",
    "v": "bowing sign",
    '"': "pizzicato sign",
    "s": "spiccato sign",
    "o": "harmonic sign",
    ":": "arpeggio sign",
    ",": "breath mark",
    "{": "phrase mark",
    "@": "tremolo",
    "z": "sforzando sign",
}
# Beams, stems, visibility, editorial and user-defined signs: how it looks, not how it sounds.
_SILENT = frozenset("LJKk/\\XxyYNniIjlpPRUVZ+|<>&?!*%HQ}")


@dataclass(frozen=True)
class KernNote:
    """One note or rest.

    Attributes
    ----------
    length : Fraction or None
        Quarters; None where the token names none.
    pitch, spelling : int
        -1 and 0 for a rest.
    starts_tie, ends_tie : bool
    slurs_open, slurs_close : int
    is_grace : bool
    marks : tuple of str
        Of `hybrid.core.score.ARTICULATIONS`.
    unkept : tuple of str
        Names of signs that a score has no place for.
    """

    length: Fraction | None
    pitch: int
    spelling: int
    starts_tie: bool = False
    ends_tie: bool = False
    slurs_open: int = 0
    slurs_close: int = 0
    is_grace: bool = False
    marks: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()

    @property
    def is_rest(self) -> bool:
        return self.pitch < 0


def parse_token(token: str) -> list[KernNote]:
    """Notes of a data token; members of a chord are separated by spaces.

    Raises
    ------
    FormatError
        If one has neither a pitch nor ``r``, or letters of several pitches.

    Examples
    --------
    >>> [(str(n.length), n.pitch) for n in parse_token("4.c# 8BB-")]
    [('3/2', 61), ('1/2', 46)]
    """
    notes: list[KernNote] = []
    for part in token.split():
        note = _parse_note(part, token)
        if note.length is None and notes and not note.is_grace:
            # Members of a chord may leave out what the first one says.
            note = replace(note, length=notes[0].length)
        notes.append(note)
    return notes


def _parse_note(text: str, token: str) -> KernNote:
    duration = _DURATION.search(text)
    length = None
    if duration:
        length = recip_length(duration[1], duration[2]) * (2 - Fraction(1, 2 ** len(duration[3])))
    rest = text[: duration.start()] + text[duration.end() :] if duration else text
    is_grace = "q" in rest or "Q" in rest
    if "r" in rest:
        return KernNote(length, -1, 0, is_grace=is_grace)
    match = _PITCH.search(rest)
    if not match:
        raise FormatError(f"a kern token must have a pitch or r, got {token!r}")
    letters, sign = match[1], match[2] or ""
    if len(set(letters)) != 1:
        raise FormatError(f"a kern note must have one pitch, got {letters!r} in {token!r}")
    letter = letters[0].upper()
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    alteration = sign.count("#") - sign.count("-")
    step = STEP_LETTERS.index(letter)
    pitch = 12 * (octave + 1) + STEP_SEMITONES[step] + alteration
    if not 0 <= pitch <= 127:
        raise FormatError(f"a pitch must be in 0..127, got {token!r} = {pitch}")
    signs = rest[: match.start()] + rest[match.end() :]
    marks: list[str] = []
    unkept: list[str] = []
    if "^^" in signs:
        marks.append("marcato")
        signs = signs.replace("^^", "")
    for char in signs:
        if char in MARKS:
            marks.append(MARKS[char])
        elif char in UNKEPT:
            unkept.append(UNKEPT[char])
        elif char not in "[]_()q" and char not in _SILENT:
            raise FormatError(f"a kern note must not have the sign {char!r}, got {token!r}")
    return KernNote(
        length,
        pitch,
        spelling_of(letter, alteration),
        starts_tie="[" in signs or "_" in signs,
        ends_tie="]" in signs or "_" in signs,
        slurs_open=signs.count("("),
        slurs_close=signs.count(")"),
        is_grace=is_grace,
        marks=tuple(dict.fromkeys(marks)),
        unkept=tuple(unkept),
    )


def recip_length(number: str, denominator: str | None = None) -> Fraction:
    """Quarters of a reciprocal duration: 4 a quarter, 12 a triplet eighth, 0 a breve.

    >>> [str(recip_length(*args)) for args in (("4",), ("12",), ("0",), ("00",), ("3", "2"))]
    ['1', '1/3', '8', '16', '8/3']
    """
    if set(number) == {"0"}:
        return Fraction(8 * 2 ** (len(number) - 1))
    return Fraction(4 * int(denominator or 1), int(number))
