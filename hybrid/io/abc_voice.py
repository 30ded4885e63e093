"""The music lines of one ABC voice: notes, lengths, ties, tuplets, bar lines and lyrics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.errors import FormatError
from hybrid.core.pitch import (
    MAX_SPELLING,
    MIN_SPELLING,
    NO_SPELLING,
    STEP_LETTERS,
    STEP_SEMITONES,
    letter_and_alteration,
    octave_of,
)
from hybrid.core.plan import DYNAMICS
from hybrid.core.timeline import Metre
from hybrid.io.abc_fields import AbcKey, parse_key, parse_metre, parse_tempo, parse_unit, spelled
from hybrid.io.quarters import Note
from hybrid.io.reading import Losses

TOKEN = re.compile(
    r"""
    (?P<inline>\[[A-Za-z]:[^\]]*\])
  | (?P<text>"[^"]*")
  | (?P<deco>![^!\s|]+!|\+[a-zA-Z<>().0-9]+\+)
  | (?P<grace>\{[^}]*\})
  | (?P<tuplet>\(\d+(?::\d*){0,2})
  | (?P<bar>\.?(?:\[\|\]|\[\|:*|:*\|[|:]*\]?:*|::+)(?:\[?\d+(?:[,-]\d+)*)?|\[\d+(?:[,-]\d+)*)
  | (?P<chord>\[(?=[^\]]*[A-Ga-gzx])[^\]]*\](?:\d*(?:/+\d*)?))
  | (?P<note>(?:(?:\^{1,2}|_{1,2}|=)(?:\d*/\d*)?)?[A-Ga-g][,']*(?:\d*(?:/+\d*)?))
  | (?P<rest>[zxZX](?:\d*(?:/+\d*)?))
  | (?P<spacer>y\d*)
  | (?P<broken><+|>+)
  | (?P<tie>\.?-)
  | (?P<open>\.?\()
  | (?P<close>\))
  | (?P<overlay>&+)
  | (?P<short>[.~H-Wh-w])
  | (?P<skip>[\s`$*\\;?@\#]+)
    """,
    re.VERBOSE,
)
_PITCH = re.compile(r"(?:(\^{1,2}|_{1,2}|=)(\d*/\d*)?)?([A-Ga-g])([,']*)(\d*(?:/+\d*)?)")
_MEMBER = re.compile(
    rf"(?:{_PITCH.pattern})(-?)|([.~H-Wh-w]|![^!]+!|\"[^\"]*\")|[zx]\d*/*\d*|\s+|\(|\)"
)
_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_DECORATIONS = {
    "trill": "trill",
    "staccato": "staccato",
    ".": "staccato",
    "wedge": "staccatissimo",
    "tenuto": "tenuto",
    ">": "accent",
    "accent": "accent",
    "emphasis": "accent",
    "^": "marcato",
    "marcato": "marcato",
    "fermata": "fermata",
}
_SHORT = {".": "staccato", "T": "trill", "H": "fermata", "L": "accent"}
#: Notes in the time of which p notes of a tuplet sound; 0: 3 in compound metres, else 2.
_TUPLET_TIMES = {2: 3, 3: 2, 4: 3, 5: 0, 6: 2, 7: 0, 8: 3, 9: 0}
DEFAULT_VELOCITY = 80


@dataclass
class Line:
    """A bar line: its place, whether it repeats (how often) or opens, ends or starts an ending."""

    place: Fraction
    closes: int = 0  # 2 for :|, 3 for ::|
    opens: bool = False
    ending: tuple[int, ...] = ()
    ends_ending: bool = False


class VoiceReader:
    """State of one voice while its lines are read."""

    def __init__(self, metre: Metre | None, unit: Fraction, key: AbcKey, losses: Losses) -> None:
        self.metre, self.unit, self.key = metre, unit, key
        self.losses = losses
        self.at = Fraction(0)
        self.bar_start = Fraction(0)
        self.layer = 0
        self.notes: list[tuple[int, Note]] = []  # layer, note
        self.graces: list[tuple[Fraction, int, int, int]] = []
        self.articulations: list[tuple[Fraction, int, str]] = []
        self.slurs: list[tuple[Fraction, Fraction]] = []
        self.lyrics: list[tuple[Fraction, str, int]] = []
        self.lines: list[Line] = []
        self.metres: list[tuple[Fraction, Metre]] = [(Fraction(0), metre)] if metre else []
        self.keys: list[tuple[Fraction, AbcKey]] = [(Fraction(0), key)]
        self.tempos: list[tuple[Fraction, float]] = []
        self.markers: list[tuple[Fraction, str]] = []
        self.octaves = self.semitones = 0
        self.velocity = DEFAULT_VELOCITY
        self.accidentals: dict[str, int] = {}
        self.propagate = "octave"
        self.ties: dict[tuple[int, int], Note] = {}
        self.tied_letters: dict[tuple[str, int], int] = {}
        self.open_slurs: list[Fraction] = []
        self.waiting_slurs = 0
        self.marks: list[str] = []
        self.waiting_graces: list[tuple[int, int]] = []
        self.tuplet: tuple[Fraction, int] | None = None
        self.broken = Fraction(1)  # factor of the next note, from a < or > before it
        self.last: list[Note] = []  # the notes written last, for ties, < and >
        self.last_letters: dict[tuple[str, int], int] = {}  # (letter, octave) -> alteration
        self.last_length = Fraction(0)
        #: Places of the notes that lyrics align to; None for a bar line.
        self.sung: list[Fraction | None] = []
        self.verse = 0

    # Lines ------------------------------------------------------------------------------

    def music(self, line: str, number: int) -> None:
        """Read one line of music."""
        if self.verse:
            self.sung, self.verse = [], 0
        at = 0
        while at < len(line):
            match = TOKEN.match(line, at)
            if not match or match.end() == at:
                raise FormatError(
                    f"music must be ABC, got {line[at : at + 12]!r} "
                    f"(line {number}, column {at + 1})"
                )
            kind = match.lastgroup
            assert kind is not None
            getattr(self, f"_{kind}")(match[kind], number)
            at = match.end()

    def lyric_line(self, text: str) -> None:
        """Align a ``w:`` line with the notes of the lines before it."""
        self.verse += 1
        at = 0
        for token in re.findall(r"\||[-_*]|(?:\\-|[^\s|_*-])+-?", text):
            if token == "|":
                while at < len(self.sung) and self.sung[at] is not None:
                    at += 1
                at += 1
                continue
            while at < len(self.sung) and self.sung[at] is None:
                at += 1
            place = self.sung[at] if at < len(self.sung) else None
            at += 1
            if token in ("-", "_", "*"):
                continue
            if place is None:
                self.losses.add(1, "syllable", "there is no note for it")
                continue
            syllable = token.replace("\\-", "\N{NON-BREAKING HYPHEN}").replace("~", " ")
            self.lyrics.append((place, syllable, self.verse))

    def field(self, letter: str, value: str) -> None:
        """A field inside the tune, on its own line or in brackets."""
        if letter == "K":
            self.key = parse_key(value)
            self.keys.append((self.at, self.key))
            self.accidentals = {}
        elif letter == "M":
            self.metre = parse_metre(value)
            if self.metre is not None:
                self.metres.append((self.at, self.metre))
        elif letter == "L":
            self.unit = parse_unit(value)
        elif letter == "Q":
            qpm = parse_tempo(value, self.unit)
            if qpm is None:
                self.losses.add(1, "tempo word", "left out: it names no number")
            else:
                self.tempos.append((self.at, qpm))
        elif letter == "P":
            self.markers.append((self.at, value.strip()))
        elif letter not in "rN":
            self.losses.add(
                1, f"field {letter}:", "a score has no place for it", f"fields {letter}:"
            )

    # Tokens -----------------------------------------------------------------------------

    def _inline(self, text: str, number: int) -> None:
        self.field(text[1], text[3:-1])

    def _text(self, text: str, number: int) -> None:
        kind = "annotation" if text[1:2] in "^_<>@" else "chord symbol"
        self.losses.add(1, kind, "a score has no place for it")

    def _deco(self, text: str, number: int) -> None:
        name = text[1:-1]
        if name in DYNAMICS:
            self.velocity = DYNAMICS[name]
        elif name in _DECORATIONS:
            self.marks.append(_DECORATIONS[name])
        else:
            self.losses.add(1, f"mark !{name}!", "a score has no place for it", f"marks !{name}!")

    def _short(self, text: str, number: int) -> None:
        if text in _SHORT:
            self.marks.append(_SHORT[text])
        else:
            self.losses.add(1, f"mark {text}", "a score has no place for it", f"marks {text}")

    def _grace(self, text: str, number: int) -> None:
        for match in _PITCH.finditer(text):
            self.waiting_graces.append(self._pitch(match))

    def _tuplet(self, text: str, number: int) -> None:
        parts = text[1:].split(":")
        p = int(parts[0])
        q = int(parts[1]) if len(parts) > 1 and parts[1] else _TUPLET_TIMES.get(p, 0)
        q = q or (3 if self.metre is not None and self.metre.is_compound else 2)
        r = int(parts[2]) if len(parts) > 2 and parts[2] else p
        if p < 2:
            raise FormatError(f"a tuplet must have 2 notes or more, got {text!r} (line {number})")
        self.tuplet = (Fraction(q, p), r)

    def _open(self, text: str, number: int) -> None:
        self.waiting_slurs += 1

    def _close(self, text: str, number: int) -> None:
        if self.open_slurs and self.last:
            start = self.open_slurs.pop()
            end = self.last[0].onset
            if start < end:
                self.slurs.append((start, end))

    def _tie(self, text: str, number: int) -> None:
        for note in self.last:
            self.ties[self.layer, note.pitch] = note
        self.tied_letters.update(self.last_letters)

    def _skip(self, text: str, number: int) -> None:
        pass

    _spacer = _skip

    def _overlay(self, text: str, number: int) -> None:
        self.at = self.bar_start
        self.layer += 1
        self.accidentals = {}

    def _broken(self, text: str, number: int) -> None:
        if not self.last_length:
            raise FormatError(f"{text!r} must stand between two notes (line {number})")
        short = Fraction(1, 2 ** len(text))
        before, self.broken = (2 - short, short) if text[0] == ">" else (short, 2 - short)
        change = self.last_length * (before - 1)
        for note in self.last:
            note.end += change
        self.last_length += change
        self.at += change

    def _bar(self, text: str, number: int) -> None:
        match = re.fullmatch(r"(.*?)\[?(\d[\d,-]*)?", text)
        assert match is not None
        signs = match[1]
        core = signs.strip(".")
        closes = len(core) - len(core.lstrip(":")) if "|" in core else 0
        opens = "|" in core and core.endswith(":")
        if core and set(core) == {":"}:
            closes, opens = 1, True
        ends = bool(closes or opens or "||" in core or "]" in core or core.startswith("["))
        if core or match[2]:
            self.lines.append(
                Line(
                    self.at,
                    closes + 1 if closes else 0,
                    opens,
                    _numbers(match[2]) if match[2] else (),
                    ends or bool(match[2]),
                )
            )
        if core:
            self.bar_start = self.at
            self.layer = 0
            self.sung.append(None)
            self.accidentals = {}

    def _rest(self, text: str, number: int) -> None:
        if text[0] in "ZX":
            bar = self.metre.bar_quarters if self.metre is not None else 4
            count = int(_length(text[1:]))
            for index in range(count):
                self.at += bar
                if index + 1 < count:
                    self.lines.append(Line(self.at))
            return
        self._advance(_length(text[1:]) * self.unit)
        self.last = []

    def _note(self, text: str, number: int) -> None:
        match = _PITCH.fullmatch(text)
        assert match is not None
        pitch = self._pitch(match, number)
        self._sound([(pitch, False)], _length(match[5]), match[3], number)

    def _chord(self, text: str, number: int) -> None:
        inside, _, outer = text[1:].rpartition("]")
        members: list[tuple[tuple[int, int], bool]] = []
        length: Fraction | None = None
        letters = ""
        for match in _MEMBER.finditer(inside):
            if match[3]:
                members.append((self._pitch(match, number), match[6] == "-"))
                letters += match[3]
                length = length or _length(match[5])
        if not members:
            self._rest("z" + outer, number)
            return
        self._sound(members, (length or Fraction(1)) * _length(outer), letters, number)

    # Notes ------------------------------------------------------------------------------

    def _pitch(self, match: re.Match[str], number: int = 0) -> tuple[int, int]:
        """Pitch and spelling of a written note; its accidental holds for the bar."""
        sign, fraction, letter, marks = match[1], match[2], match[3], match[4]
        if fraction:
            self.losses.add(1, "microtone", "rounded to the semitone")
        octave = (5 if letter.islower() else 4) + marks.count("'") - marks.count(",")
        octave += self.octaves
        name = letter.upper()
        place = name if self.propagate == "pitch" else f"{name}{octave}"
        if sign:
            alteration = _ACCIDENTALS[sign]
            if self.propagate != "not":
                self.accidentals[place] = alteration
        elif (name, octave) in self.tied_letters and place not in self.accidentals:
            alteration = self.tied_letters[name, octave]
        else:
            alteration = self.accidentals.get(place, self.key.alteration(name))
        pitch = 12 * (octave + 1) + STEP_SEMITONES[STEP_LETTERS.index(name)] + alteration
        if not 0 <= pitch + self.semitones <= 127:
            raise FormatError(
                f"a pitch must be in 0..127, got {match[0]!r} = {pitch} (line {number})"
            )
        if self.semitones:
            return pitch + self.semitones, NO_SPELLING
        spelling = spelled(name, alteration)
        return pitch, spelling if MIN_SPELLING <= spelling <= MAX_SPELLING else NO_SPELLING

    def _sound(
        self,
        members: list[tuple[tuple[int, int], bool]],
        length: Fraction,
        letters: str,
        number: int,
    ) -> None:
        start = self.at
        quarters = self._advance(length * self.unit)
        if quarters <= 0:
            raise FormatError(f"a note must have a length above 0 (line {number})")
        self.last, self.last_letters = [], {}
        self.sung.append(start)
        still_tied: dict[tuple[str, int], int] = {}
        is_new = False
        for (pitch, spelling), tied in members:
            before = self.ties.pop((self.layer, pitch), None)
            if before is not None and before.end == start:
                before.end += quarters
                note = before
            else:
                is_new = True
                note = Note(start, start + quarters, pitch, self.velocity, 0, spelling)
                self.notes.append((self.layer, note))
            self.last.append(note)
            if tied:
                self.ties[self.layer, pitch] = note
            if spelling != NO_SPELLING:
                name, octave, alteration = _letter_place(pitch, spelling)
                self.last_letters[name, octave] = alteration
                if tied:
                    still_tied[name, octave] = alteration
        self.tied_letters = still_tied
        if is_new:
            self._place_waiting(start, members[0][0][0])

    def _place_waiting(self, start: Fraction, pitch: int) -> None:
        for rank, (grace, spelling) in enumerate(self.waiting_graces):
            self.graces.append((start, grace, rank, spelling))
        self.articulations += [(start, pitch, mark) for mark in dict.fromkeys(self.marks)]
        self.open_slurs += [start] * self.waiting_slurs
        self.waiting_graces, self.marks, self.waiting_slurs = [], [], 0

    def _advance(self, length: Fraction) -> Fraction:
        """Move on by a note's or rest's length in quarters, tuplets and < > applied."""
        length *= self.broken
        self.broken = Fraction(1)
        if self.tuplet is not None:
            factor, left = self.tuplet
            length *= factor
            self.tuplet = (factor, left - 1) if left > 1 else None
        self.at += length
        self.last_length = length
        return length


def _letter_place(pitch: int, spelling: int) -> tuple[str, int, int]:
    letter, alteration = letter_and_alteration(spelling)
    return letter, octave_of(pitch, spelling), alteration


def _length(text: str) -> Fraction:
    """A length in units: ``3/2``, ``/`` (a half), ``//`` (a quarter).

    >>> [str(_length(text)) for text in ("", "3", "/", "3/4", "//")]
    ['1', '3', '1/2', '3/4', '1/4']
    """
    whole, slash, rest = text.partition("/")
    numerator = int(whole) if whole else 1
    if not slash:
        return Fraction(numerator)
    slashes = 1 + len(rest) - len(rest.lstrip("/"))
    digits = rest.lstrip("/")
    denominator = int(digits) if digits else 2**slashes
    if denominator == 0:
        raise FormatError(f"a length must not be divided by 0, got {text!r}")
    return Fraction(numerator, denominator)


def _numbers(text: str) -> tuple[int, ...]:
    """Numbers of an ending: ``1,3`` or ``1-3``."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.isdigit():
            stop = int(last) if dash and last.isdigit() else int(first)
            found += range(int(first), min(stop, int(first) + 16) + 1)
    return tuple(found)
