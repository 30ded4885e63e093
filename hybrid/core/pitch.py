"""Pitch spelling on the line of fifths, and keys.

A spelling is a *tonal pitch class*: a place on the line of fifths with C at 0, so
... Bb = -2, F = -1, C = 0, G = 1, D = 2 ... (Temperley 2001, ch. 5). Together with a
MIDI pitch it names one note: pitch 61 is C sharp with spelling 7 and D flat with -5.

References
----------
Temperley, D. (2001). The Cognition of Basic Musical Structures. MIT Press.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from hybrid.core.errors import ScoreError

FIFTHS_LETTERS = "FCGDAEB"
STEP_LETTERS = "CDEFGAB"
STEP_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
NO_SPELLING = -128  # the value of the field `spelling` where a source names none
MIN_SPELLING, MAX_SPELLING = -22, 26  # triple flats to triple sharps: F--- .. B+++

# Tonal pitch class of degrees 1..7, relative to the tonic.
MODE_SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, -1, 1, 3, 5),
    "minor": (0, 2, -3, -1, 1, -4, -2),
    "dorian": (0, 2, -3, -1, 1, 3, -2),
    "phrygian": (0, -5, -3, -1, 1, -4, -2),
    "lydian": (0, 2, 4, 6, 1, 3, 5),
    "mixolydian": (0, 2, 4, -1, 1, 3, -2),
    "locrian": (0, -5, -3, -1, -6, -4, -2),
}
# Sharps (positive) or flats of the signature, relative to the tonic's place on the line.
MODE_FIFTHS = {
    "major": 0,
    "minor": -3,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "locrian": -5,
}

_NAME = re.compile(r"([A-Ga-g])(#{0,3}|b{0,3}|-{0,3}|♯{0,3}|♭{0,3}|x)$")
_PITCH = re.compile(r"([A-Ga-g])(#{0,3}|b{0,3}|♯{0,3}|♭{0,3}|x)(-?\d+)$")


def _alteration(accidental: str) -> int:
    if accidental == "x":
        return 2
    return len(accidental) if accidental[:1] in ("#", "♯") else -len(accidental)


def spelling_of(letter: str, alteration: int) -> int:
    """Tonal pitch class of a letter A..G and an alteration in semitones.

    >>> spelling_of("C", 1), spelling_of("B", -1)
    (7, -2)
    """
    return FIFTHS_LETTERS.index(letter.upper()) - 1 + 7 * alteration


def parse_spelling(name: str) -> int:
    """Tonal pitch class of a name such as ``F#``, ``Bb``, ``E--`` or ``A♭``.

    Raises
    ------
    ScoreError
        If ``name`` is not a letter A..G with at most three equal accidentals.
    """
    match = _NAME.match(name)
    if not match:
        raise ScoreError(f"a pitch name must be A..G with #'s or b's, got {name!r}")
    return spelling_of(match[1], _alteration(match[2]))


def letter_and_alteration(spelling: int) -> tuple[str, int]:
    """Letter and alteration in semitones of a tonal pitch class.

    >>> letter_and_alteration(7)
    ('C', 1)
    """
    return FIFTHS_LETTERS[(spelling + 1) % 7], (spelling + 1) // 7


def spelling_name(spelling: int) -> str:
    """Name of a tonal pitch class with ``#`` and ``b``: 7 gives ``C#``."""
    letter, alteration = letter_and_alteration(spelling)
    return letter + ("#" * alteration if alteration > 0 else "b" * -alteration)


def pitch_class(spelling: int) -> int:
    """Pitch class 0..11 of a tonal pitch class."""
    return 7 * spelling % 12


def parse_pitch(name: str) -> tuple[int, int]:
    """MIDI pitch and spelling of a name with its octave; middle C is ``C4`` = 60.

    >>> parse_pitch("Bb3")
    (58, -2)

    Raises
    ------
    ScoreError
        If the name is malformed or the pitch is outside 0..127.
    """
    match = _PITCH.match(name)
    if not match:
        raise ScoreError(f"a pitch must be a name and an octave such as F#4, got {name!r}")
    alteration = _alteration(match[2])
    step = STEP_LETTERS.index(match[1].upper())
    pitch = 12 * (int(match[3]) + 1) + STEP_SEMITONES[step] + alteration
    if not 0 <= pitch <= 127:
        raise ScoreError(f"a pitch must be in 0..127 (C-1..G9), got {name!r} = {pitch}")
    return pitch, spelling_of(match[1], alteration)


def octave_of(pitch: int, spelling: int) -> int:
    """Octave number in which a spelled pitch is written (B sharp 3 is pitch 60)."""
    return (pitch - letter_and_alteration(spelling)[1]) // 12 - 1


def pitch_name(pitch: int, spelling: int = NO_SPELLING) -> str:
    """Name with octave; without a spelling the commonest one (C# Eb F# Ab Bb) is taken."""
    if spelling == NO_SPELLING:
        spelling = COMMON_SPELLINGS[pitch % 12]
    return f"{spelling_name(spelling)}{octave_of(pitch, spelling)}"


def diatonic_step(pitch: int, spelling: int) -> int:
    """Staff position counted in steps, C0 = 0, D0 = 1 ... C4 = 28."""
    letter, _ = letter_and_alteration(spelling)
    return 7 * octave_of(pitch, spelling) + STEP_LETTERS.index(letter)


def pitch_at_step(step: int, spelling_by_letter: dict[str, int]) -> tuple[int, int]:
    """Pitch and spelling at a staff position, given the spelling of each letter."""
    octave, letter = divmod(step, 7)
    name = STEP_LETTERS[letter]
    spelling = spelling_by_letter[name]
    pitch = 12 * (octave + 1) + STEP_SEMITONES[letter] + letter_and_alteration(spelling)[1]
    return pitch, spelling


COMMON_SPELLINGS = tuple(
    parse_spelling(name)
    for name in ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
)


@dataclass(frozen=True)
class Key:
    """A tonic (tonal pitch class) and a mode of `MODE_SCALES`.

    >>> Key.parse("Bb major").fifths, Key.parse("f#").name
    (-2, 'F# minor')
    """

    tonic: int
    mode: str = "major"

    def __post_init__(self) -> None:
        if self.mode not in MODE_SCALES:
            raise ScoreError(f"Key.mode must be one of {', '.join(MODE_SCALES)}, got {self.mode!r}")
        if not -15 <= self.fifths <= 15:
            raise ScoreError(
                f"Key must need at most 15 sharps or flats, got {self.name} = {self.fifths}"
            )

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``"G minor"``, ``"Eb major"``, ``"D dorian"``, ``"Bb"`` or ``"c#"``.

        A lone lower-case letter is a minor key, a lone upper-case one a major key.
        """
        words = text.replace("_", " ").split()
        if not words or len(words) > 2:
            raise ScoreError(f"a key must be a tonic and a mode such as 'G minor', got {text!r}")
        mode = (
            words[1].lower() if len(words) == 2 else ("minor" if words[0][0].islower() else "major")
        )
        mode = {"maj": "major", "min": "minor"}.get(mode, mode)
        return cls(parse_spelling(words[0]), mode)

    @classmethod
    def from_fifths(cls, fifths: int, mode: str = "major") -> Key:
        """The key of ``mode`` whose signature has ``fifths`` sharps (flats if negative)."""
        if mode not in MODE_FIFTHS:
            raise ScoreError(f"Key.mode must be one of {', '.join(MODE_FIFTHS)}, got {mode!r}")
        return cls(fifths - MODE_FIFTHS[mode], mode)

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the key signature."""
        return self.tonic + MODE_FIFTHS[self.mode]

    @property
    def name(self) -> str:
        return f"{spelling_name(self.tonic)} {self.mode}"

    @property
    def is_minor(self) -> bool:
        """Whether the third above the tonic is minor."""
        return MODE_SCALES[self.mode][2] == -3

    @cached_property
    def scale(self) -> tuple[int, ...]:
        """Tonal pitch classes of degrees 1..7 (natural minor in minor)."""
        return tuple(self.tonic + place for place in MODE_SCALES[self.mode])

    @property
    def leading_tone(self) -> int:
        """Tonal pitch class a diatonic semitone under the tonic, raised where the mode lacks it."""
        return self.tonic + 5

    def spell(self, pitch: int) -> int:
        """Likeliest tonal pitch class of a MIDI pitch in this key.

        Scale notes, then in minor the raised sixth and seventh, then the place nearest
        to the centre of the scale on the line of fifths (sharp fourth over flat fifth).
        """
        return self._spellings[pitch % 12]

    @cached_property
    def _spellings(self) -> tuple[int, ...]:
        table: dict[int, int] = {}
        raised = (self.tonic + 5, self.tonic + 3) if self.is_minor else ()
        # From b2 (-5) to #4 (+6) every pitch class occurs exactly once.
        chromatic = tuple(self.tonic + place for place in range(-5, 7))
        for spelling in (*self.scale, *raised, *chromatic):
            table.setdefault(pitch_class(spelling), spelling)
        return tuple(table[pc] for pc in range(12))

    def __str__(self) -> str:
        return self.name
