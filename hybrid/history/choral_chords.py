"""The vocabulary of the chord skeleton: which chords there are, and how four voices sing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.history.choral_rules import RuleBook

VOICES = ("soprano", "alto", "tenor", "bass")
RANGES = tuple((INSTRUMENTS[voice].lowest, INSTRUMENTS[voice].highest) for voice in VOICES)

BOOK = RuleBook("skeleton", "K")


@BOOK.production("triads of the key in root position", "KP ch. 3 and 7")
def root_positions(key: Key) -> tuple[str, ...]:
    if key.is_minor:
        return ("i", "III", "iv", "V", "VI", "VII")
    return ("I", "ii", "iii", "IV", "V", "vi")


@BOOK.production("triads of the key in first inversion", "KP ch. 8; ASC ch. 10")
def sixth_chords(key: Key) -> tuple[str, ...]:
    if key.is_minor:
        return ("i6", "iio6", "III6", "iv6", "V6", "VI6", "viio6")
    return ("I6", "ii6", "IV6", "V6", "vi6", "viio6")


@BOOK.production("the dominant seventh and its inversions", "KP ch. 13; ASC ch. 9")
def dominant_sevenths(key: Key) -> tuple[str, ...]:
    return ("V7", "V65", "V43", "V42")


@BOOK.production("sevenths that prepare the dominant, and the leading-tone seventh", "KP ch. 14")
def other_sevenths(key: Key) -> tuple[str, ...]:
    if key.is_minor:
        return ("iiø7", "iiø65", "iiø43", "viio7", "viio65")
    return ("ii7", "ii65", "IV7", "vi7", "viiø7", "viiø65")


@BOOK.production("the cadential six-four", "ASC ch. 11; KP ch. 9")
def cadential_six_four(key: Key) -> tuple[str, ...]:
    return ("Cad64",)


@BOOK.production("dominants of other degrees, so that a phrase may close there", "KP ch. 16-17")
def applied_dominants(key: Key) -> tuple[str, ...]:
    targets = ("III", "iv", "V", "VI", "VII") if key.is_minor else ("ii", "iii", "IV", "V", "vi")
    figures = ("V", "V6", "V7", "V65", "V43", "V42", "viio6")
    return tuple(f"{figure}/{target}" for target in targets for figure in figures)


@BOOK.production("in minor, the major subdominant on the way up to the dominant", "KP ch. 4")
def raised_sixth(key: Key) -> tuple[str, ...]:
    return ("IV", "IV6") if key.is_minor else ()


@BOOK.production("in minor, the major tonic for the very last chord", "KP ch. 4; P")
def picardy_third(key: Key) -> tuple[str, ...]:
    return ("I",) if key.is_minor else ()


@dataclass(frozen=True, eq=False)
class Chord:
    """A chord sung by four voices, the highest first.

    Attributes
    ----------
    number : int
        Of the candidate within its slot.
    numeral : RomanNumeral
    members : tuple of int
        Pitch classes, root first.
    spelled : tuple of int
        The same as tonal pitch classes.
    pitches, spellings : tuple of int
        MIDI pitches and tonal pitch classes of soprano, alto, tenor, bass.
    target : int
        Pitch class of the local tonic: of the key, or of the degree that is tonicised.
    leading, seventh : int or None
        Pitch classes of the leading tone of a dominant and of a chord's seventh.
    raised : tuple of int
        Pitch classes that are raised against the key's scale.
    is_tonic_like : bool
        A major or minor triad, with or without a seventh, that no six-four is.
    """

    number: int
    numeral: RomanNumeral
    members: tuple[int, ...]
    spelled: tuple[int, ...]
    pitches: tuple[int, int, int, int]
    spellings: tuple[int, int, int, int]
    classes: tuple[int, int, int, int]
    target: int
    leading: int | None
    seventh: int | None
    raised: tuple[int, ...]
    is_tonic_like: bool

    @property
    def text(self) -> str:
        return self.numeral.text

    @property
    def root(self) -> int:
        return self.members[0]

    @property
    def inversion(self) -> int:
        return self.numeral.inversion

    @property
    def is_applied(self) -> bool:
        return self.numeral.of is not None

    @property
    def bass(self) -> int:
        return self.pitches[3]

    def leads_to(self, other: Chord) -> bool:
        """Whether this is a dominant and the other its tonic."""
        return self.leading is not None and other.is_tonic_like and other.root == self.target


@dataclass(frozen=True)
class _Kind:
    """What all positions of a numeral have in common."""

    numeral: RomanNumeral
    members: tuple[int, ...]
    spelled: tuple[int, ...]
    target: int
    leading: int | None
    seventh: int | None
    raised: tuple[int, ...]


def numerals(key: Key) -> tuple[str, ...]:
    """Every chord that the productions name for a key."""
    made: list[str] = []
    for rule in BOOK.of_kind("production"):
        made += [text for text in rule.test(key) if text not in made]
    return tuple(made)


@lru_cache(maxsize=256)
def _kinds(key: Key) -> tuple[_Kind, ...]:
    kinds = []
    scale = {(tone + 1) % 7: tone for tone in key.scale}
    for text in numerals(key):
        numeral = RomanNumeral.parse(text)
        spelled = numeral.tones(key)
        local = numeral.local_key(key)
        tone = local.leading_tone
        place = {5: 1, 7: 0}.get(numeral.degree)
        leading = pitch_class(tone) if place is not None and spelled[place] == tone else None
        seventh = numeral.seventh_tone(key)
        raised = tuple(pitch_class(tone) for tone in spelled if tone > scale[(tone + 1) % 7])
        kinds.append(
            _Kind(
                numeral,
                tuple(pitch_class(tone) for tone in spelled),
                spelled,
                pitch_class(local.tonic),
                leading,
                None if seventh is None else pitch_class(seventh),
                raised,
            )
        )
    return tuple(kinds)


@lru_cache(maxsize=1024)
def stock(key: Key, pitch: int, spelling: int) -> tuple[Chord, ...]:
    """Every chord in every position that has a note in the soprano.

    Voices stay in their ranges and do not cross; nothing else is asked of them here.
    """
    made: list[Chord] = []
    for kind in _kinds(key):
        if spelling not in kind.spelled:
            continue
        names = dict(zip(kind.members, kind.spelled, strict=True))
        numeral = kind.numeral
        like = numeral.triad in ("major", "minor") and not numeral.is_cadential
        for alto, tenor, bass in _positions(kind, pitch):
            pitches = (pitch, alto, tenor, bass)
            classes = (pitch % 12, alto % 12, tenor % 12, bass % 12)
            made.append(
                Chord(
                    len(made),
                    numeral,
                    kind.members,
                    kind.spelled,
                    pitches,
                    (spelling, names[classes[1]], names[classes[2]], names[classes[3]]),
                    classes,
                    kind.target,
                    kind.leading,
                    kind.seventh,
                    kind.raised,
                    like,
                )
            )
    return tuple(made)


def _positions(kind: _Kind, soprano: int) -> Iterator[tuple[int, int, int]]:
    members = set(kind.members)
    low = kind.members[kind.numeral.inversion]
    for alto in range(RANGES[1][0], min(RANGES[1][1], soprano) + 1):
        if alto % 12 not in members:
            continue
        for tenor in range(RANGES[2][0], min(RANGES[2][1], alto) + 1):
            if tenor % 12 not in members:
                continue
            for bass in range(RANGES[3][0], min(RANGES[3][1], tenor) + 1):
                if bass % 12 == low:
                    yield alto, tenor, bass
