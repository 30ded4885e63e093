"""Fields of ABC notation: keys, metres, lengths, tempi, voices and their grouping."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.pitch import Key, parse_spelling
from hybrid.core.timeline import Metre

_MODES = {
    "": "major",
    "maj": "major",
    "ion": "major",
    "m": "minor",
    "min": "minor",
    "aeo": "minor",
    "mix": "mixolydian",
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "loc": "locrian",
}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_ALTERED = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")
_ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_TEMPO = re.compile(r"((?:\d+/\d+\s*)+|[A-G]?\s*)=?\s*(\d+(?:\.\d+)?)")
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*("[^"]*"|\S+)')
_CLEFS = {
    "treble": "treble",
    "g": "treble",
    "bass": "bass",
    "f": "bass",
    "alto": "alto",
    "c": "alto",
    "tenor": "tenor",
    "treble-8": "treble8vb",
}


@dataclass(frozen=True)
class AbcKey:
    """A key and the letters whose alteration differs from its signature."""

    key: Key | None
    explicit: tuple[tuple[str, int], ...] = ()

    def alteration(self, letter: str) -> int:
        for name, value in self.explicit:
            if name == letter:
                return value
        if self.key is None:
            return 0
        return signature_alteration(self.key, letter)


def signature_alteration(key: Key, letter: str) -> int:
    """Alteration in semitones that a key signature gives a letter.

    >>> signature_alteration(Key.parse("D major"), "F")
    1
    """
    # The signature with n sharps shifts the seven letters F..B by n places of the line.
    return (key.fifths + 5 - parse_spelling(letter)) // 7


def parse_key(text: str) -> AbcKey:
    """Read the value of a ``K:`` field; what follows the key (a clef, say) is left alone.

    >>> parse_key("Ador").key.name, parse_key("Em").alteration("F")
    ('A dorian', 1)
    """
    value = text.strip()
    explicit = tuple(
        (letter.upper(), _ALTERATIONS[sign]) for sign, letter in _ALTERED.findall(value)
    )
    if value.startswith("HP"):
        return AbcKey(None, explicit)
    if value.startswith("Hp"):
        return AbcKey(Key.parse("D major"), explicit)
    match = _KEY.match(value)
    if not match or value.lower().startswith(("clef", "none")):
        return AbcKey(None, explicit)
    tonic = parse_spelling(match[1] + match[2])
    word = match[3]
    if word.lower() in ("clef", "treble", "bass", "alto", "tenor", "octave", "middle", "exp"):
        word = ""
    name = "m" if word == "m" else word.lower()[:3]
    if name == "m" and word.startswith("M"):
        name = ""
    if name not in _MODES:
        raise FormatError(f"a key must be a tonic and a mode such as 'Ador', got {value!r}")
    if "exp" in value.split():
        return AbcKey(None, explicit)
    try:
        return AbcKey(Key(tonic, _MODES[name]), explicit)
    except ScoreError as error:
        raise FormatError(str(error)) from error


def parse_metre(text: str) -> Metre | None:
    """Read the value of an ``M:`` field; None for free metre."""
    value = text.strip()
    if value in ("C", "c"):
        return Metre(0, 4, 4)
    if value in ("C|", "c|"):
        return Metre(0, 2, 2)
    if value.lower() in ("none", ""):
        return None
    # (2+3)/8 counts 5.
    match = re.fullmatch(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)", value)
    if not match:
        raise FormatError(f"a metre must be such as 3/4 or C, got {value!r}")
    numerator = sum(int(part) for part in match[1].split("+"))
    try:
        return Metre(0, numerator, int(match[2]))
    except ScoreError as error:
        raise FormatError(str(error)) from error


def parse_unit(text: str) -> Fraction:
    """Read the value of an ``L:`` field, in quarters."""
    match = re.match(r"\s*(\d+)\s*(?:/\s*(\d+))?", text)
    if not match or int(match[2] or 1) == 0 or int(match[1]) == 0:
        raise FormatError(f"a unit note length must be such as 1/8, got {text.strip()!r}")
    return 4 * Fraction(int(match[1]), int(match[2] or 1))


def default_unit(metre: Metre | None) -> Fraction:
    """The unit note length where no ``L:`` says: a 16th in metres under 3/4, else an eighth."""
    if metre is not None and metre.bar_quarters < 3:
        return Fraction(1, 4)
    return Fraction(1, 2)


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Quarters a minute of a ``Q:`` field; None where it names no number."""
    value = re.sub(r'"[^"]*"', "", text).strip()
    match = _TEMPO.match(value)
    if not match:
        return None
    beats = re.findall(r"(\d+)/(\d+)", match[1])
    length = sum((4 * Fraction(int(n), int(d)) for n, d in beats if int(d)), Fraction(0))
    return float(match[2]) * float(length or unit if match[1].strip() else unit)


@dataclass
class VoiceField:
    """A ``V:`` field: the voice's name in the file, and what it says of it."""

    ident: str
    name: str | None = None
    clef: str | None = None
    octaves: int = 0
    semitones: int = 0


def parse_voice(text: str) -> VoiceField:
    """Read the value of a ``V:`` field.

    >>> parse_voice('1 name="Flute 1" clef=treble')
    VoiceField(ident='1', name='Flute 1', clef='treble', octaves=0, semitones=0)
    """
    words = text.split(None, 1)
    found = VoiceField(words[0] if words else "1")
    rest = words[1] if len(words) > 1 else ""
    for name, raw in _PARAMETER.findall(rest):
        value = raw.strip('"')
        if name in ("name", "nm"):
            found.name = value
        elif name == "clef":
            found.clef = clef_of(value)
        elif name == "octave" and re.fullmatch(r"[+-]?\d", value):
            found.octaves = int(value)
        elif name == "transpose" and re.fullmatch(r"[+-]?\d+", value):
            found.semitones = int(value)
    for word in _PARAMETER.sub("", rest).split():
        found.clef = found.clef or (clef_of(word) or None)
    return found


def clef_of(text: str) -> str:
    """Our name of an ABC clef; ``percussion`` for drums, empty for one we do not have."""
    name = text.lower()
    return "percussion" if name.startswith("perc") else _CLEFS.get(name, "")


@dataclass
class Staves:
    """How voices are grouped: parts, each a list of staves, each a list of voice names."""

    parts: list[list[list[str]]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Staves:
        """Read ``%%score``: braces join the staves of a part, parentheses voices of a staff.

        >>> Staves.parse("[S {(R1 R2) L}]").parts
        [[['S']], [['R1', 'R2'], ['L']]]
        """
        found = cls()
        part: list[list[str]] | None = None
        staff: list[str] | None = None
        for token in re.findall(r"[\[\](){}]|[^\s\[\](){}|*]+", text):
            if token == "{":
                part = []
            elif token == "}":
                if part:
                    found.parts.append(part)
                part = None
            elif token == "(":
                staff = []
            elif token == ")":
                if staff:
                    found._add(part, staff)
                staff = None
            elif token not in "[]":
                if staff is not None:
                    staff.append(token)
                else:
                    found._add(part, [token])
        return found

    def _add(self, part: list[list[str]] | None, staff: list[str]) -> None:
        if part is None:
            self.parts.append([staff])
        else:
            part.append(staff)


def spelled(letter: str, alteration: int) -> int:
    """Tonal pitch class of an upper-case letter and its alteration."""
    return parse_spelling(letter) + 7 * alteration
