"""The rules of the set ``chorale`` once more, slow and plain, to hold the checker against.

Each is written from its text in ``docs/rules.md`` as loops over four lists of notes. Nothing here
comes from ``hybrid.theory``: no slices, no tables, no helper. The rules that the notes alone
decide are all here; ``_plain_chords.py`` and ``_plain_harmony.py`` have rules of harmony, and
the rest of these is planted at known places instead (``benchmarks/planted_mistakes.py``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import NamedTuple

from hybrid.core.score import Score

LIMITS = ((60, 81), (53, 74), (48, 69), (40, 62))  # C4-A5, F3-D5, C3-A4, E2-D4
LETTERS = "FCGDAEB"


class Note(NamedTuple):
    """Ticks, MIDI pitch and tonal pitch class (C is 0, G is 1)."""

    on: int
    end: int
    pitch: int
    tone: int

    @property
    def letter(self) -> str:
        return LETTERS[(self.tone + 1) % 7]

    @property
    def staff(self) -> int:
        """Steps above C of octave -1."""
        natural = self.pitch - (self.tone + 1) // 7
        return 7 * (natural // 12) + "CDEFGAB".index(self.letter)


class Broken(NamedTuple):
    """A rule that does not hold: its id, where, and in which voices (0 is the soprano)."""

    rule: str
    tick: int
    voices: frozenset[int]


@dataclass(frozen=True, eq=False)
class Plain:
    """Four voices as lists of notes, the soprano first, with the beats of the score.

    ``beats`` are ticks of all beats; ``quarter`` is a quarter in ticks.
    """

    voices: tuple[tuple[Note, ...], ...]
    beats: frozenset[int]
    quarter: int

    @classmethod
    def of(cls, score: Score) -> Plain:
        """A chorale's notes, copied out of its tracks."""
        voices = tuple(
            tuple(
                Note(int(n["onset"]), int(n["onset"] + n["duration"]), int(n["pitch"]), int(tone))
                for n, tone in zip(track.notes, track.notes["spelling"], strict=True)
            )
            for track in score.tracks
        )
        beats: set[int] = set()
        for bar in score.bars:
            whole = bar.metre.bar_ticks(score.ticks_per_quarter)
            beat = whole // bar.metre.n_beats
            first = bar.end - whole if bar.is_pickup else bar.start
            beats |= {tick for tick in range(first, bar.end, beat) if tick >= bar.start}
        return cls(voices, frozenset(beats), score.ticks_per_quarter)

    @cached_property
    def starts(self) -> tuple[list[int], ...]:
        """Ticks at which the notes of each voice begin."""
        return tuple([note.on for note in voice] for voice in self.voices)

    @cached_property
    def times(self) -> list[int]:
        """Every moment at which a note begins."""
        return sorted({note.on for voice in self.voices for note in voice})

    def number(self, voice: int, tick: int) -> int | None:
        """Index of the note that a voice sounds at a moment."""
        index = bisect_right(self.starts[voice], tick) - 1
        if index < 0 or self.voices[voice][index].end <= tick:
            return None
        return index

    def at(self, voice: int, tick: int) -> Note | None:
        """The note that a voice sounds at a moment."""
        index = self.number(voice, tick)
        return None if index is None else self.voices[voice][index]

    def begins(self, voice: int, tick: int) -> bool:
        """Whether a note of the voice begins then."""
        note = self.at(voice, tick)
        return note is not None and note.on == tick


def broken_rules(plain: Plain, rule: str | None = None) -> set[Broken]:
    """Every place at which a rule of this module does not hold, or one rule alone."""
    found: set[Broken] = set()
    for function, rules in FUNCTIONS.items():
        if rule is None or rule in rules:
            found |= set(function(plain))
    return found if rule is None else {broken for broken in found if broken.rule == rule}


def broken_at(rule: str, tick: int, *voices: int) -> Broken:
    """A finding of these rules."""
    return Broken(rule, tick, frozenset(voices))


def texture(plain: Plain) -> Iterator[Broken]:
    """Range, spacing, crossing, overlap."""
    for voice, (low, high) in enumerate(LIMITS):
        for note in plain.voices[voice]:
            if not low <= note.pitch <= high:
                yield broken_at("range", note.on, voice)
    times = plain.times
    for upper in range(3):
        lower = upper + 1
        for before, tick in zip([None, *times], times, strict=False):
            one, two = plain.at(upper, tick), plain.at(lower, tick)
            moves = plain.begins(upper, tick), plain.begins(lower, tick)
            if one and two and any(moves):
                if one.pitch - two.pitch > (19 if lower == 3 else 12):
                    yield broken_at("spacing_bass" if lower == 3 else "spacing", tick, upper, lower)
                if one.pitch < two.pitch:
                    yield broken_at("crossing", tick, upper, lower)
            if before is None or not all(moves) or one is None or two is None:
                continue
            old_one, old_two = plain.at(upper, before), plain.at(lower, before)
            if old_one is None or old_two is None:
                continue
            if two.pitch > old_one.pitch or one.pitch < old_two.pitch:
                yield broken_at("overlap", tick, upper, lower)


class Move(NamedTuple):
    """Two voices that go on together: old and new note of each."""

    tick: int
    old_up: Note
    old_low: Note
    up: Note
    low: Note


def joint_moves(plain: Plain, upper: int, lower: int) -> Iterator[Move]:
    """Where both voices begin another note than they had, over at most a quarter of silence."""
    for index, note in enumerate(plain.voices[upper]):
        other = plain.number(lower, note.on)
        if not index or not other or plain.voices[lower][other].on != note.on:
            continue
        old_up, old_low = plain.voices[upper][index - 1], plain.voices[lower][other - 1]
        low = plain.voices[lower][other]
        together = max(old_up.on, old_low.on) < min(old_up.end, old_low.end)
        silence = note.on - min(old_up.end, old_low.end)
        changed = old_up.pitch != note.pitch and old_low.pitch != low.pitch
        if together and changed and silence <= plain.quarter:
            yield Move(note.on, old_up, old_low, note, low)


def motion(plain: Plain) -> Iterator[Broken]:
    """Parallels, contrary and direct motion, unisons, unequal fifths."""
    for upper, lower in combinations(range(4), 2):
        for move in joint_moves(plain, upper, lower):
            for rule in _motion_rules(move, (upper, lower)):
                yield broken_at(rule, move.tick, upper, lower)


def _motion_rules(move: Move, pair: tuple[int, int]) -> Iterator[str]:
    up = move.up.pitch - move.old_up.pitch
    low = move.low.pitch - move.old_low.pitch
    old = move.old_up.pitch - move.old_low.pitch
    new = move.up.pitch - move.low.pitch
    kinds = abs(old) % 12, abs(new) % 12
    same_way, against = up * low > 0, up * low < 0
    register = up % 12 == 0 and low % 12 == 0
    exchanged = old * new < 0
    if kinds == (7, 7) and not register:
        if same_way:
            yield "parallel_fifths"
        elif against and not exchanged:
            yield "contrary_fifths"
    if kinds == (0, 0) and not register:
        if same_way:
            yield "parallel_unisons" if 0 in (old, new) else "parallel_octaves"
        elif against and not exchanged:
            yield "contrary_octaves"
    if same_way and new == 0 and kinds[0] != 0:
        yield "direct_unison"
    if pair == (0, 3) and same_way and abs(up) >= 3:
        if kinds[1] == 7 and kinds[0] != 7:
            yield "direct_fifths"
        if kinds[1] == 0 and kinds[0] != 0:
            yield "direct_octaves"
    diminished = old > 0 and kinds[0] == 6 and move.old_up.tone - move.old_low.tone == -6
    if pair[1] == 3 and diminished and kinds[1] == 7 and up > 0 and low > 0:
        yield "unequal_fifths"


def sorted_parallels(plain: Plain) -> Iterator[Broken]:
    """Parallels of the pitches by height where voices are crossed before or after."""
    for before, tick in pairwise(plain.times):
        then = [plain.at(voice, before) for voice in range(4)]
        now = [plain.at(voice, tick) for voice in range(4)]
        if None in then or None in now:
            continue
        # Of equal pitches the upper voice comes first.
        ranks = [
            sorted(range(4), key=lambda v, notes=notes: (-notes[v].pitch, v))  # type: ignore[misc]
            for notes in (then, now)
        ]
        if ranks[0] == ranks[1] == [0, 1, 2, 3]:
            continue
        for high, low in combinations(range(4), 2):
            notes = [then[ranks[0][high]], then[ranks[0][low]], now[ranks[1][high]]]
            a, b, c = (note.pitch for note in notes if note)
            last = now[ranks[1][low]]
            assert last is not None
            d = last.pitch
            alike = (c - a) * (d - b) > 0 and (c - a) % 12 != 0
            if not alike or (a - b) % 12 not in (0, 7) or (a - b) % 12 != (c - d) % 12:
                continue
            old, new = {ranks[0][high], ranks[0][low]}, {ranks[1][high], ranks[1][low]}
            if old == new and _same_way(then, now, old):
                continue
            yield broken_at("hidden_parallels", tick, *(old | new))


def _same_way(then: Sequence[Note | None], now: Sequence[Note | None], pair: set[int]) -> bool:
    steps = []
    for voice in pair:
        old, new = then[voice], now[voice]
        assert old is not None and new is not None  # noqa: PT018
        steps.append(new.pitch - old.pitch)
    return steps[0] * steps[1] > 0


def beat_parallels(plain: Plain) -> Iterator[Broken]:
    """The same perfect interval on two beats with another note between."""
    beats = [tick for tick in plain.times if tick in plain.beats]
    for upper, lower in combinations(range(4), 2):
        direct = {
            move.tick
            for move in joint_moves(plain, upper, lower)
            if abs(move.old_up.pitch - move.old_low.pitch) % 12
            == abs(move.up.pitch - move.low.pitch) % 12
            and (move.up.pitch - move.old_up.pitch) * (move.low.pitch - move.old_low.pitch) > 0
        }
        for first, second in pairwise(beats):
            if second - first > 2 * plain.quarter or second in direct:
                continue
            numbers = [plain.number(voice, t) for t in (first, second) for voice in (upper, lower)]
            if None in numbers:
                continue
            a, b, c, d = (int(number) for number in numbers if number is not None)
            if c - a < 2 and d - b < 2:
                continue  # nothing stands between
            pitches = [
                plain.voices[voice][number].pitch
                for voice, number in ((upper, a), (lower, b), (upper, c), (lower, d))
            ]
            old, new = abs(pitches[0] - pitches[1]) % 12, abs(pitches[2] - pitches[3]) % 12
            steps = pitches[2] - pitches[0], pitches[3] - pitches[1]
            if old == new and old in (0, 7) and steps[0] * steps[1] > 0 and steps[0] % 12:
                yield broken_at("beat_parallels", second, upper, lower)


def cross_relation(plain: Plain) -> Iterator[Broken]:
    """A letter in one voice, then the same letter otherwise altered in another."""
    for before, tick in pairwise(plain.times):
        chromatic = set()
        for voice in range(4):
            old, new = plain.at(voice, before), plain.at(voice, tick)
            if old and new and old.letter == new.letter and old.tone != new.tone:
                chromatic.add(voice)
        for newer in range(4):
            for older in range(4):
                new, old = plain.at(newer, tick), plain.at(older, before)
                if newer == older or new is None or old is None or new.on != tick:
                    continue
                altered = new.letter == old.letter and new.tone != old.tone
                if altered and not {newer, older} & chromatic:
                    yield broken_at("cross_relation", tick, newer, older)


def melody(plain: Plain) -> Iterator[Broken]:
    """All rules on one voice."""
    for voice, notes in enumerate(plain.voices):
        for rule, tick in _melody(notes, voice, plain.quarter):
            yield broken_at(rule, tick, voice)


def _melody(notes: Sequence[Note], voice: int, quarter: int) -> Iterator[tuple[str, int]]:
    for index, (first, second) in enumerate(pairwise(notes)):
        if second.on - first.end > quarter:
            continue
        step = second.pitch - first.pitch
        size = abs(step)
        fifths = (second.tone - first.tone) * (1 if step >= 0 else -1)
        if size == 3 and fifths == 9:
            yield "augmented_second", second.on
        if size > 3 and fifths in (7, 8, 10, 11, 12):
            yield "augmented_leap", second.on
        if size == 6:
            yield "tritone_leap", second.on
        if size in (10, 11):
            yield "seventh_leap", second.on
        if size > 12:
            yield "wide_leap", second.on
        if voice in (1, 2) and size > 7:
            yield "inner_leap", second.on
        onward = _next_step(notes, index + 1)
        goes_on = index + 2 < len(notes) and notes[index + 2].on - second.end <= quarter
        if not goes_on:
            continue
        if fifths in (-10, -8, -6, -9) and size >= 2:
            back = onward * step < 0 and abs(onward) in (1, 2)
            if not back:
                yield "diminished_leap", second.on
        if voice < 3 and size >= 8 and onward * step > 0:
            yield "large_leap_recovery", second.on
        then = notes[index + 2].pitch - second.pitch
        smaller = min(size, abs(then))
        if then * step > 0 and smaller >= 3 and (smaller >= 5 or size + abs(then) > 12):
            yield "consecutive_leaps", notes[index + 2].on
    yield from _rows(notes, quarter)


def _next_step(notes: Sequence[Note], index: int) -> int:
    """From a note to the next one of another pitch; 0 without one."""
    for note in notes[index + 1 :]:
        if note.pitch != notes[index].pitch:
            return note.pitch - notes[index].pitch
    return 0


def _rows(notes: Sequence[Note], quarter: int) -> Iterator[tuple[str, int]]:
    """One pitch struck too often, or held too long."""
    run, held = 1, notes[0]
    for first, second in pairwise(notes):
        run = run + 1 if first.pitch == second.pitch else 1
        if run == 7:
            yield "repeated_notes", second.on
        if second.pitch == first.pitch and second.on == first.end:
            continue
        if first.end - held.on > 8 * quarter:
            yield "static_voice", held.on
        held = second
    if notes[-1].end - held.on > 8 * quarter:
        yield "static_voice", held.on


#: Functions of this module and the rules that they decide.
FUNCTIONS: dict[Callable[[Plain], Iterator[Broken]], tuple[str, ...]] = {
    texture: ("range", "spacing", "spacing_bass", "crossing", "overlap"),
    motion: (
        "parallel_fifths",
        "parallel_octaves",
        "parallel_unisons",
        "contrary_fifths",
        "contrary_octaves",
        "direct_fifths",
        "direct_octaves",
        "direct_unison",
        "unequal_fifths",
    ),
    sorted_parallels: ("hidden_parallels",),
    beat_parallels: ("beat_parallels",),
    cross_relation: ("cross_relation",),
    melody: (
        "augmented_second",
        "augmented_leap",
        "tritone_leap",
        "seventh_leap",
        "wide_leap",
        "diminished_leap",
        "large_leap_recovery",
        "consecutive_leaps",
        "inner_leap",
        "repeated_notes",
        "static_voice",
    ),
}
#: All rules that are decided here.
PLAIN_RULES = frozenset(rule for rules in FUNCTIONS.values() for rule in rules)
