"""Figures that one voice may take in one event, between the notes of a skeleton.

Passing and neighbour notes, skips, suspensions and ties; the plain note always among them.
What voices' figures do together is for `hybrid.rules.decorate`.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading, ch. 21-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step, letter_and_alteration
from hybrid.rules.harmony import Chord, Event, due_between
from hybrid.rules.scales import pitches_of, scale_of
from hybrid.rules.voicings import SILENT

SHORTEST = 240  # ticks: a shorter event takes no figure
Note = tuple[int, int]  # pitch and spelling


@dataclass(frozen=True)
class Figure:
    """What a voice does during an event.

    Attributes
    ----------
    kind : str
    notes : tuple of (int, int, int)
        First part of the event's grid, pitch, spelling; ascending from 0.
    tied : bool
        Whether the first note goes on from the event before.
    cost : float
    strange : tuple of int
        Numbers of the notes that are no chord tones.
    """

    kind: str
    notes: tuple[tuple[int, int, int], ...]
    tied: bool = False
    cost: float = 0.0
    strange: tuple[int, ...] = ()


@dataclass(frozen=True)
class Habits:
    """How much a texture decorates; costs in nats of one figure against a plain note.

    Attributes
    ----------
    passing, double, neighbour, skip, suspension, tie : float
    fixed : tuple of bool
        Voices that keep their notes as they are.
    """

    passing: float = -2.9
    double: float = 4.0
    neighbour: float = 0.5
    skip: float = 3.2
    suspension: float = 0.6
    tie: float = 4.6
    fixed: tuple[bool, ...] = ()


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Events and what the voices have in them.

    Attributes
    ----------
    events : tuple of Event
    pitch, spelling : np.ndarray, shape (n, V)
        `SILENT` where a voice rests.
    lines : mapping of voice to figures
        Ready figures of voices whose notes are given (a melody): one for each event, None where
        the voice is free.
    open_events : frozenset of int
        Events in which a ready line, too, may take another figure.
    breaks : tuple of bool
        Whether a pause stands before the event.
    ranges : tuple of (int, int)
        Lowest and highest pitch of each voice.
    ready : mapping of (event, voice) to Figure
        The only figure there: what constraints have decided.
    permits : callable or None
        ``permits(event, voice, figure)`` says whether a figure that is not plain may stand.
    """

    events: tuple[Event, ...]
    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    breaks: tuple[bool, ...]
    ranges: tuple[tuple[int, int], ...]
    lines: dict[int, tuple[Figure | None, ...]] = field(default_factory=dict)
    open_events: frozenset[int] = frozenset()
    ready: Mapping[tuple[int, int], Figure] = field(default_factory=dict)
    permits: Callable[[int, int, Figure], bool] | None = None


def parts_of(event: Event) -> int:
    """How many equal parts the grid of an event has: 6 where beats divide in three, else 4."""
    return 6 if event.ticks % 720 == 0 else 4


def _late(event: Event, parts: int) -> int:
    """Part at which a note between two chords begins: the second half, at most a quarter long."""
    if parts == 6:
        return 4
    return 2 if event.ticks < 1920 else 3


def _resolution(event: Event, parts: int) -> int:
    """Part at which a suspension resolves: after half the event, at the latest after a quarter."""
    unit = event.ticks // parts
    if event.ticks == 720:
        return 4
    return max(1, min(parts // 2, 480 // unit))


def options_of(skeleton: Skeleton, place: int, voice: int, habits: Habits) -> tuple[Figure, ...]:
    """Figures that a voice may take in an event, the plain or the given one first."""
    if (place, voice) in skeleton.ready:
        return (skeleton.ready[place, voice],)
    found = _free_options(skeleton, place, voice, habits)
    permits = skeleton.permits
    if permits is None:
        return found
    return found[:1] + tuple(figure for figure in found[1:] if permits(place, voice, figure))


def _free_options(skeleton: Skeleton, place: int, voice: int, habits: Habits) -> tuple[Figure, ...]:
    if voice not in skeleton.lines:
        return _figures(skeleton, place, voice, habits)
    ready = skeleton.lines[voice][place]
    if ready is None:
        return _figures(skeleton, place, voice, habits)
    if place not in skeleton.open_events or voice:
        return (ready,)
    others = _figures(skeleton, place, voice, habits)[1:]
    kept = (f for f in others if f.kind in ("passing", "neighbour") or f.strange)
    return (ready, *kept)


def _figures(skeleton: Skeleton, place: int, voice: int, habits: Habits) -> tuple[Figure, ...]:
    """Figures that a voice may take in an event, the plain note first, within its range."""
    low, high = skeleton.ranges[voice]
    plain, *others = _all_figures(skeleton, place, voice, habits)
    return (
        plain,
        *(f for f in others if all(low <= pitch <= high for _, pitch, _ in f.notes)),
    )


def _all_figures(skeleton: Skeleton, place: int, voice: int, habits: Habits) -> tuple[Figure, ...]:
    event = skeleton.events[place]
    here = _note(skeleton, place, voice)
    plain = Figure("plain", ((0, *here),))
    if here[0] == SILENT:
        return (Figure("rest", ((0, SILENT, SILENT),)),)
    if (habits.fixed and habits.fixed[voice]) or event.ticks < SHORTEST:
        return (plain,)
    parts = parts_of(event)
    late = _late(event, parts)
    is_bass = voice == skeleton.pitch.shape[1] - 1
    found = [plain]
    last = place + 1 == len(skeleton.events)
    after = None if last or skeleton.breaks[place + 1] else _note(skeleton, place + 1, voice)
    if after is not None and after[0] == SILENT:
        after = None
    chord = event.chord
    if after is not None and not event.last:
        following = skeleton.events[place + 1].chord
        found.extend(_between(here, after, chord, following, parts, late, habits, is_bass))
    joined = place > 0 and not skeleton.breaks[place]
    before = _note(skeleton, place - 1, voice) if joined else None
    if before is None or before[0] == SILENT:
        return tuple(found)
    if before == here and not event.first:
        # A note held over: on a weak beat best, never over the whole of a long event twice.
        price = habits.tie + (0.8 if event.accent >= 2 else 0.0)
        if skeleton.events[place - 1].ticks + event.ticks <= 1920:
            found.extend(
                Figure(f"tied {f.kind}", f.notes, True, f.cost + price, f.strange)
                for f in list(found)
            )
    fall = before[0] - here[0]
    if fall in (1, 2) and event.accent >= 1 and before[1] not in chord.tones:
        steps = diatonic_step(*before) - diatonic_step(*here)
        if steps == 1:
            above = (before[0] - int(skeleton.pitch[place, -1])) % 12
            name = _suspension(above, is_bass)
            if event.last and (name in ("7-6", "2-3") or chord.numeral.inversion):
                name = ""  # where a phrase rests its chord is to be heard as what it is
            weight = habits.suspension + (0.0 if event.accent >= 2 else 0.5)
            if name:
                notes = ((0, *before), (_resolution(event, parts), *here))
                found.append(Figure(f"suspension {name}", notes, True, weight, (0,)))
    return tuple(found)


def _suspension(above: int, is_bass: bool) -> str:
    """Name of a suspension by the interval above the bass, empty where it is not one."""
    if is_bass:
        return "2-3"
    return {5: "4-3", 10: "7-6", 11: "7-6", 1: "9-8", 2: "9-8"}.get(above, "")


def _note(skeleton: Skeleton, place: int, voice: int) -> Note:
    return int(skeleton.pitch[place, voice]), int(skeleton.spelling[place, voice])


def _between(
    here: Note,
    after: Note,
    chord: Chord,
    following: Chord,
    parts: int,
    late: int,
    habits: Habits,
    is_bass: bool,
) -> list[Figure]:
    """Notes that lead from one chord tone to the next."""
    found: list[Figure] = []
    steps = diatonic_step(*after) - diatonic_step(*here)
    sign = 1 if steps > 0 else -1
    if abs(steps) == 2:
        for note in _on_step(here, sign, chord, sign):
            if _sound(here, note, after, chord, following):
                strange = () if note[1] in chord.tones else (1,)
                notes = ((0, *here), (late, *note))
                found.append(Figure("passing", notes, False, habits.passing, strange))
    elif abs(steps) == 3:
        for one in _on_step(here, sign, chord, sign):
            for two in _on_step(here, 2 * sign, chord, sign):
                if _melodic(one, two) and _sound(here, one, after, chord, following, two):
                    foreign = tuple(
                        number
                        for number, note in ((1, one), (2, two))
                        if note[1] not in chord.tones
                    )
                    three = ((0, *here), (late, *one), (late + (parts - late) // 2, *two))
                    found.append(Figure("passing", three, False, habits.double, foreign))
    elif steps == 0 and here == after:
        for way in (1, -1):
            for note in _on_step(here, way, chord, -way if way > 0 else 1):
                if note[1] in chord.tones or not _sound(here, note, after, chord, following):
                    continue
                if (
                    way < 0
                    and here[0] - note[0] == 2
                    and chord.key.is_minor
                    and (here[1] == chord.key.tonic)
                ):
                    continue  # the tonic's lower neighbour in minor is the leading tone
                notes = ((0, *here), (late, *note))
                found.append(Figure("neighbour", notes, False, habits.neighbour, (1,)))
    if habits.skip < 9 and chord.stacked:
        found.extend(_skips(here, after, chord, following, late, habits, is_bass))
    return found


def _on_step(here: Note, way: int, chord: Chord, direction: int) -> list[Note]:
    """Notes a number of staff steps away, in the form that the direction asks for in minor."""
    target = diatonic_step(*here) + way
    low, high = here[0] - 6, here[0] + 6
    options = [
        note
        for note in pitches_of(scale_of(chord), low, high)
        if diatonic_step(*note) == target and note[0] != here[0]
    ]
    if len(options) > 1:
        options.sort(key=lambda note: letter_and_alteration(note[1])[1])
        options = [options[-1] if direction > 0 else options[0]]
    return options


def _melodic(one: Note, two: Note) -> bool:
    """Whether a step is neither augmented nor wider than a whole tone."""
    return 1 <= abs(one[0] - two[0]) <= 2 and one[1] != two[1]


def _sound(
    here: Note,
    note: Note,
    after: Note,
    chord: Chord,
    following: Chord,
    second: Note | None = None,
) -> bool:
    """Whether notes between two chord tones step well and leave tendency tones resolved."""
    line = [here, note, *([second] if second else []), after]
    if any(not _melodic(a, b) for a, b in pairwise(line)):
        return False
    if chord.index == following.index:
        return True
    due = due_between(chord, following)
    inside = [n for n in line[:-1] if n[1] in chord.tones]
    exit_ = inside[-1]
    onward = line[line.index(exit_) + 1][0] - exit_[0]
    if due.leading is not None and exit_[0] % 12 == due.leading and onward != 1:
        return False
    return not (due.seventh is not None and exit_[0] % 12 == due.seventh and onward not in (-1, -2))


def _skips(
    here: Note,
    after: Note,
    chord: Chord,
    following: Chord,
    late: int,
    habits: Habits,
    is_bass: bool,
) -> list[Figure]:
    """To another tone of the chord and on, by step if possible."""
    tendency = {tone for tone in (chord.leading, chord.seventh, *chord.altered) if tone is not None}
    if here[1] in tendency or chord.numeral.is_cadential:
        return []
    tones = chord.tones[:2] if is_bass else chord.tones[:3]
    found = []
    for note in pitches_of(
        tones, here[0] - (12 if is_bass else 5), here[0] + (12 if is_bass else 5)
    ):
        if note[0] == here[0] or note[1] in tendency or note == after:
            continue
        leap, onward = note[0] - here[0], after[0] - note[0]
        if abs(leap) in (6, 8, 9, 10, 11) or abs(onward) > 5 or abs(onward) == 6:
            continue
        fifths = (after[1] - note[1]) * (1 if onward > 0 else -1)
        if abs(onward) == 3 and fifths > 6:
            continue
        price = habits.skip + (0.0 if abs(onward) in (1, 2) else 1.0) + (1.0 if not is_bass else 0)
        if onward == 0 or (leap * onward > 0 and abs(leap) > 2 and abs(onward) > 2):
            price += 1.0
        found.append(Figure("skip", ((0, *here), (late, *note)), False, price, ()))
    return found
