"""The fill-in view: passing notes, neighbours and suspensions between two chords.

A figure belongs to the joint of two chords. Passing notes and neighbours take the last eighth of
the first chord; a suspension holds a note of the first chord into the second and steps down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from hybrid.core.pitch import Key, diatonic_step, pitch_at_step
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.choral_chords import RANGES, VOICES, Chord
from hybrid.history.choral_rules import RuleBook
from hybrid.history.choral_tune import Slot

BOOK = RuleBook("fill", "F")

EIGHTH = TICKS_PER_QUARTER // 2
#: At most so many voices have a figure at one joint.
MOST_FIGURES = 2


@dataclass(frozen=True)
class Figure:
    """What a lower voice does at a joint: ``plain``, ``passing``, ``neighbour``, ``suspension``.

    ``pitch`` is the inessential note; for a suspension it is the note that is held.
    """

    kind: str = "plain"
    pitch: int = 0
    spelling: int = 0


PLAIN = Figure()


@dataclass(frozen=True, eq=False)
class Joint:
    """What may be written between two chords: a figure for alto, tenor and bass."""

    figures: tuple[Figure, Figure, Figure]

    def figure(self, voice: int) -> Figure:
        """Of a voice 1..3."""
        return self.figures[voice - 1]

    @property
    def text(self) -> str:
        """Such as ``passing tenor, suspension alto``."""
        named = [
            f"{figure.kind} {VOICES[voice]}"
            for voice, figure in enumerate(self.figures, 1)
            if figure.kind != "plain"
        ]
        return ", ".join(named) or "plain"


@dataclass(slots=True)
class Gap:
    """A joint that is being tested, between two chords, with the joint before it."""

    now: Joint
    first: Chord
    second: Chord
    slot: Slot
    """Of the first chord."""
    next_slot: Slot
    before: Joint | None
    """Of the chord before the first and the first, None where a phrase begins."""
    key: Key

    def slices(self) -> list[tuple[int, int, int, int]]:
        """All four voices by eighths, from the first chord to the resolution in the second."""
        rows = chord_slices(self.first, self.slot, self.before, self.now)
        held = chord_slices(self.second, self.next_slot, self.now, None)
        n_held = min(len(held), 1 + held_eighths(self.next_slot))
        return rows + held[:n_held]


def held_eighths(slot: Slot) -> int:
    """Eighths for which a suspension is held into a chord."""
    return 1 if slot.duration < 2 * TICKS_PER_QUARTER else 2


def chord_slices(
    chord: Chord, slot: Slot, before: Joint | None, after: Joint | None
) -> list[tuple[int, int, int, int]]:
    """What sounds in every eighth of a chord, with the joints on its two sides."""
    n_eighths = max(1, slot.duration // EIGHTH)
    rows = []
    for eighth in range(n_eighths):
        tick = slot.onset + eighth * EIGHTH
        top = next(n.pitch for n in reversed(slot.notes) if n.onset <= tick)
        row = [top]
        for voice in (1, 2, 3):
            pitch = chord.pitches[voice]
            if before is not None and eighth < held_eighths(slot):
                figure = before.figure(voice)
                pitch = figure.pitch if figure.kind == "suspension" else pitch
            if after is not None and eighth == n_eighths - 1:
                figure = after.figure(voice)
                pitch = figure.pitch if figure.kind in ("passing", "neighbour") else pitch
            row.append(pitch)
        rows.append((row[0], row[1], row[2], row[3]))
    return rows


# --- What may be written -----------------------------------------------------------------------


def _scale_note(step: int, key: Key, chord: Chord, rising_to: int | None) -> tuple[int, int]:
    """The note on a staff step: as the chord has it, else as the key has it.

    In minor the sixth is raised on its way up to the raised seventh.
    """
    letters = {_letter(tone): tone for tone in key.scale}
    letters |= {_letter(tone): tone for tone in chord.spelled}
    if key.is_minor and rising_to == key.leading_tone:
        letters[_letter(key.tonic + 3)] = key.tonic + 3
    return pitch_at_step(step, letters)


def _letter(tone: int) -> str:
    return "FCGDAEB"[(tone + 1) % 7]


@BOOK.production("a voice that leaps a third may pass through the note between", "KP ch. 11")
def passing_note(voice: int, first: Chord, second: Chord, key: Key) -> Iterator[Figure]:
    start = diatonic_step(first.pitches[voice], first.spellings[voice])
    goal = diatonic_step(second.pitches[voice], second.spellings[voice])
    if abs(goal - start) == 2:
        pitch, tone = _scale_note(
            (start + goal) // 2, key, first, second.spellings[voice] if goal > start else None
        )
        yield Figure("passing", pitch, tone)


@BOOK.production("a voice that repeats its note may touch its neighbours", "KP ch. 11")
def neighbour_note(voice: int, first: Chord, second: Chord, key: Key) -> Iterator[Figure]:
    if first.pitches[voice] == second.pitches[voice]:
        start = diatonic_step(first.pitches[voice], first.spellings[voice])
        for step in (start - 1, start + 1):
            pitch, tone = _scale_note(step, key, first, None)
            yield Figure("neighbour", pitch, tone)


@BOOK.production("a voice that steps down may come late: a suspension", "KP ch. 12; F book II")
def suspension(voice: int, first: Chord, second: Chord, key: Key) -> Iterator[Figure]:
    step = second.pitches[voice] - first.pitches[voice]
    if step in (-1, -2) and first.classes[voice] not in second.members:
        yield Figure("suspension", first.pitches[voice], first.spellings[voice])


def joints(first: Chord, second: Chord, key: Key) -> list[Joint]:
    """Every joint of two chords with at most `MOST_FIGURES` figures."""
    rows = []
    for voice in (1, 2, 3):
        row = [PLAIN]
        for rule in BOOK.of_kind("production"):
            row += rule.test(voice, first, second, key)
        rows.append(row)
    return [
        Joint((alto, tenor, bass))
        for alto, tenor, bass in product(*rows)
        if sum(figure.kind != "plain" for figure in (alto, tenor, bass)) <= MOST_FIGURES
    ]


# --- What may not stand ------------------------------------------------------------------------


def voices_with(at: Gap, *kinds: str) -> list[int]:
    return [voice for voice in (1, 2, 3) if at.now.figure(voice).kind in kinds]


@BOOK.constraint("no figure joins two phrases", "E90m; ASC ch. 6")
def figure_across_phrases(at: Gap) -> bool:
    return at.next_slot.starts_phrase and bool(
        voices_with(at, "passing", "neighbour", "suspension")
    )


@BOOK.constraint("a figure needs a chord of a quarter or more", "KP ch. 11")
def too_short(at: Gap) -> bool:
    quick = at.slot.duration < TICKS_PER_QUARTER and voices_with(at, "passing", "neighbour")
    return bool(quick) or bool(
        at.next_slot.duration < TICKS_PER_QUARTER and voices_with(at, "suspension")
    )


@BOOK.constraint(
    "a note that resolves a suspension in the last eighth does not move on", "ours", depth=1
)
def busy_voice(at: Gap) -> bool:
    if at.before is None or at.slot.duration >= 2 * TICKS_PER_QUARTER:
        return False
    return any(
        at.before.figure(voice).kind == "suspension" and at.now.figure(voice).kind != "plain"
        for voice in (1, 2, 3)
    )


@BOOK.constraint("inessential notes stay in their voice's range", "ASC ch. 6")
def figure_range(at: Gap) -> bool:
    for voice in voices_with(at, "passing", "neighbour", "suspension"):
        low, high = RANGES[voice]
        if not low <= at.now.figure(voice).pitch <= high:
            return True
    return False


@BOOK.constraint("no figure makes an augmented step", "ASC ch. 6; E90m")
def augmented_step(at: Gap) -> bool:
    for voice in voices_with(at, "passing", "neighbour"):
        figure = at.now.figure(voice)
        for pitch, tone in (
            (at.first.pitches[voice], at.first.spellings[voice]),
            (at.second.pitches[voice], at.second.spellings[voice]),
        ):
            step = abs(figure.pitch - pitch)
            if step not in (1, 2) or abs(figure.spelling - tone) > 5:
                return True
    return False


@BOOK.constraint("a suspension stands on an accented beat", "F book II; KP ch. 12")
def weak_suspension(at: Gap) -> bool:
    if not voices_with(at, "suspension"):
        return False
    return at.next_slot.accent < at.slot.accent and at.next_slot.accent == 1


@BOOK.constraint("what a suspension resolves to sounds in no other upper voice", "KP ch. 12; E90m")
def anticipated_resolution(at: Gap) -> bool:
    for voice in voices_with(at, "suspension"):
        goal = at.second.classes[voice]
        others = [at.second.classes[other] for other in (0, 1, 2) if other != voice]
        if goal in others:
            return True
    return False


@BOOK.constraint("a suspended voice does not double what another voice strikes", "KP ch. 12")
def doubled_suspension(at: Gap) -> bool:
    for voice in voices_with(at, "suspension"):
        held = at.now.figure(voice).pitch
        for other in range(4):
            if other != voice and (at.second.pitches[other] - held) % 12 == 0:
                return True
    return False


@BOOK.constraint("a bass that is suspended resolves into a chord in first inversion", "ASC ch. 19")
def suspended_bass(at: Gap) -> bool:
    return 3 in voices_with(at, "suspension") and at.second.inversion != 1


@BOOK.constraint("a leading tone or a seventh is not left by a neighbour", "ours")
def disturbed_tendency(at: Gap) -> bool:
    return any(
        at.first.classes[voice] in (at.first.leading, at.first.seventh)
        for voice in voices_with(at, "neighbour")
    )


@BOOK.constraint("the cadential six-four and its dominant stay plain in the bass", "ASC ch. 11")
def disturbed_six_four(at: Gap) -> bool:
    is_cadential = at.first.numeral.is_cadential or at.second.numeral.is_cadential
    return is_cadential and at.now.figure(3).kind != "plain"


# --- What is liked -----------------------------------------------------------------------------


def _n_figures(at: Gap) -> int:
    return sum(figure.kind != "plain" for figure in at.now.figures)


@BOOK.heuristic("some voice keeps the eighths going", "E90m", 1.5)
def running_eighths(at: Gap) -> float:
    moves = len(at.slot.notes) > 1 or bool(voices_with(at, "passing", "neighbour"))
    carries = at.before is not None and any(f.kind == "suspension" for f in at.before.figures)
    return float(moves or carries)


@BOOK.heuristic("a suspension at a cadence", "E90m; KP ch. 12", 2.5)
def cadential_suspension(at: Gap) -> float:
    return float(bool(voices_with(at, "suspension")) and at.second.leading is not None)


@BOOK.heuristic("a suspension anywhere", "E90m", 1.2)
def any_suspension(at: Gap) -> float:
    return float(bool(voices_with(at, "suspension")))


@BOOK.heuristic("after a suspension another one in the same voice", "E90m", 1.0)
def chain_of_suspensions(at: Gap) -> float:
    if at.before is None:
        return 0.0
    return float(
        any(
            at.before.figure(voice).kind == at.now.figure(voice).kind == "suspension"
            for voice in (1, 2, 3)
        )
    )


@BOOK.heuristic("two voices pass in thirds or sixths", "E90m", 0.8)
def passing_in_thirds(at: Gap) -> float:
    moving = voices_with(at, "passing")
    if len(moving) != 2:
        return 0.0
    size = (at.now.figure(moving[0]).pitch - at.now.figure(moving[1]).pitch) % 12
    return float(size in (3, 4, 8, 9))


@BOOK.heuristic("neighbours less than passing notes", "ours", -0.9)
def neighbours(at: Gap) -> float:
    return float(len(voices_with(at, "neighbour")))


@BOOK.heuristic("not too much at once", "ours", -0.5)
def crowd(at: Gap) -> float:
    return float(max(0, _n_figures(at) - 1) + (len(at.slot.notes) > 1) * _n_figures(at))


@BOOK.heuristic("the bass passes by step", "E90m", 0.4)
def passing_bass(at: Gap) -> float:
    return float(at.now.figure(3).kind == "passing")
