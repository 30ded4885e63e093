"""The plan's chords as the search needs them: spelled tones, bass, and tones that want to move.

Times are ticks from the piece's start. A `Chord` is one chord of the plan; an `Event` is a
moment at which voices may move: a chord's onset, or a beat inside a chord that lasts longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from hybrid.core.errors import PlanError
from hybrid.core.numerals import AUGMENTED_SIXTHS, RomanNumeral
from hybrid.core.pitch import Key, letter_and_alteration, pitch_class
from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.core.timeline import Metre


def to_ticks(quarters: Fraction, what: str = "a planned time") -> int:
    """Ticks of a time in quarters.

    Raises
    ------
    PlanError
        If it is no whole number of ticks.
    """
    ticks = quarters * TICKS_PER_QUARTER
    if ticks.denominator != 1:
        raise PlanError(
            f"{what} must be a whole number of 1/{TICKS_PER_QUARTER} quarters, got {quarters}"
        )
    return int(ticks)


@dataclass(frozen=True)
class Chord:
    """A chord of the plan.

    Attributes
    ----------
    index : int
        Over the whole piece.
    phrase : int
        Index of its phrase.
    onset, end : int
        Ticks.
    numeral : RomanNumeral
    key : Key
        In which the numeral is read.
    """

    index: int
    phrase: int
    onset: int
    end: int
    numeral: RomanNumeral
    key: Key

    @cached_property
    def tones(self) -> tuple[int, ...]:
        """Tonal pitch classes, root first (the bass first in augmented sixths)."""
        return self.numeral.tones(self.key)

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Pitch classes of `tones`."""
        return tuple(pitch_class(tone) for tone in self.tones)

    @cached_property
    def bass(self) -> int:
        """Tonal pitch class of the planned bass."""
        return self.numeral.bass(self.key)

    @cached_property
    def local(self) -> Key:
        """The key that the numeral speaks of: that of a tonicised degree, or `key`."""
        return self.numeral.local_key(self.key)

    @property
    def stacked(self) -> bool:
        """Whether the tones are stacked in thirds."""
        return self.numeral.triad not in AUGMENTED_SIXTHS and self.numeral.triad != "suspended"

    @cached_property
    def leading(self) -> int | None:
        """Tonal pitch class of the leading tone where the chord is a dominant, else None."""
        tone = self.local.leading_tone
        place = {5: 1, 7: 0}.get(self.numeral.degree)
        if place is None or not self.stacked or self.tones[place] != tone:
            return None
        return tone

    @cached_property
    def seventh(self) -> int | None:
        """Tonal pitch class of the chord seventh, None without one."""
        return self.numeral.seventh_tone(self.key)

    @cached_property
    def altered(self) -> tuple[int, ...]:
        """Tones above the key's tone of the same letter, augmented sixths' outer tones."""
        scale = dict(letter_and_alteration(tone) for tone in self.key.scale)
        raised = []
        for tone in self.tones:
            letter, alteration = letter_and_alteration(tone)
            if alteration > scale[letter]:
                raised.append(tone)
        if self.numeral.triad in AUGMENTED_SIXTHS:
            raised.append(self.tones[0])
        return tuple(raised)

    def is_tonic_of(self, tonic: int) -> bool:
        """A major or minor chord on a tonic (tonal pitch class), no cadential six-four."""
        return (
            self.stacked
            and not self.numeral.is_cadential
            and pitch_class(self.tones[0]) == pitch_class(tonic)
            and self.numeral.triad in ("major", "minor")
        )

    @property
    def is_dominant(self) -> bool:
        """A dominant, or the cadential six-four that stands before one."""
        return self.leading is not None or self.numeral.is_cadential

    def __str__(self) -> str:
        return f"{self.numeral.text} in {self.key.name}"


@dataclass(frozen=True)
class Due:
    """What a chord's tendency tones have to do when another chord comes.

    Attributes
    ----------
    leading : int or None
        Pitch class that must rise by a semitone.
    seventh : int or None
        Pitch class that must fall by a step.
    seventh_may_stay : bool
        Whether the next chord has the seventh, so that it may be held.
    """

    leading: int | None = None
    seventh: int | None = None
    seventh_may_stay: bool = False


def due_between(chord: Chord, after: Chord) -> Due:
    """What `chord`'s tendency tones have to do as ``after`` comes."""
    leading = seventh = None
    may_stay = False
    if chord.leading is not None and after.is_tonic_of(chord.local.tonic):
        leading = pitch_class(chord.leading)
    if chord.seventh is not None and chord.index != after.index:
        tone = pitch_class(chord.seventh)
        same_root = after.classes[0] == chord.classes[0]
        if not (same_root and tone in after.classes):
            seventh = tone
            may_stay = tone in after.classes
    return Due(leading, seventh, may_stay)


@dataclass(frozen=True)
class Event:
    """A moment at which voices may move, and until when.

    Attributes
    ----------
    onset, end : int
        Ticks.
    chord : Chord
    bass : tuple of int
        Tonal pitch classes that the bass may have.
    accent : int
        Metrical strength, 3 bar line .. 0 between beats.
    first, last : bool
        Whether it is the first event of its phrase, or the one in which the phrase rests.
    upbeat : bool
        Whether it comes after the rest of the phrase and leads to the next one.
    """

    onset: int
    end: int
    chord: Chord
    bass: tuple[int, ...]
    accent: int
    first: bool
    last: bool
    upbeat: bool = False

    @property
    def ticks(self) -> int:
        return self.end - self.onset


def plan_chords(plan: FormPlan) -> tuple[tuple[PlacedPhrase, tuple[Chord, ...]], ...]:
    """Each phrase of a plan with its chords on ticks.

    The pickup, where the plan has one, is given to the first phrase's first chord.
    """
    result = []
    index = 0
    for placed in plan.phrases():
        chords = []
        for chord in placed.phrase.chords:
            onset = to_ticks(placed.start + chord.onset, f"chord {chord.numeral}'s onset")
            end = to_ticks(placed.start + chord.end, f"chord {chord.numeral}'s end")
            if index == 0:
                onset = 0
            key = placed.key_of(chord)
            chords.append(Chord(index, placed.index, onset, end, chord.roman, key))
            index += 1
        result.append((placed, tuple(chords)))
    return tuple(result)


def accent_at(placed: PlacedPhrase, tick: int) -> int:
    """Metrical strength of a tick of a phrase, 3 bar line .. 0 between beats."""
    metre = placed.metre
    quarters = Fraction(tick, TICKS_PER_QUARTER) - placed.start
    return metre.accent(quarters % metre.bar_quarters)


def beat_ticks(metre: Metre) -> int:
    """Length of a beat."""
    return to_ticks(metre.beat_quarters, "a beat")


def beat_events(
    placed: PlacedPhrase, chords: Sequence[Chord], step: int, upbeat: int = 0
) -> tuple[Event, ...]:
    """Events of a phrase: chord onsets, and every ``step`` ticks inside longer chords.

    The last chord of a phrase with a cadence is held, up to ``upbeat`` ticks before its end.
    Inside a chord in root position the bass may go to the third, inside a first inversion to
    the root: never to a six-four, and not inside the last two chords, whose bass has to stand.
    """
    start = to_ticks(placed.start)
    moments: list[tuple[int, int, Chord, tuple[int, ...]]] = []
    n_chords = len(chords)
    rests = placed.phrase.cadence != "none"
    for number, chord in enumerate(chords):
        first = chord.onset + step - (chord.onset - start) % step
        cuts = [chord.onset, *range(first, chord.end, step)]
        if rests and number == n_chords - 1:
            cuts = [chord.onset, *(cut for cut in cuts if cut >= chord.end - upbeat)]
        free = number < n_chords - 2
        for cut, stop in zip(cuts, [*cuts[1:], chord.end], strict=True):
            bass = (chord.bass,) if cut == chord.onset else _basses(chord, free)
            moments.append((cut, stop, chord, bass))
    rest = len(moments) - 1 - (upbeat // step if rests else 0)
    return tuple(
        Event(
            onset,
            end,
            chord,
            bass,
            accent_at(placed, onset),
            index == 0,
            index == rest,
            index > rest,
        )
        for index, (onset, end, chord, bass) in enumerate(moments)
    )


def _basses(chord: Chord, free: bool) -> tuple[int, ...]:
    numeral = chord.numeral
    if not free or not chord.stacked or numeral.is_cadential or numeral.inversion > 1:
        return (chord.bass,)
    if numeral.has_seventh or numeral.triad == "diminished":
        return (chord.bass,)
    return chord.tones[:2]


__all__ = [
    "Chord",
    "Due",
    "Event",
    "accent_at",
    "beat_events",
    "beat_ticks",
    "due_between",
    "plan_chords",
    "to_ticks",
]
