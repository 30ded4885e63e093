"""Rules of the sets ``fux1`` to ``fux5`` once more, slow and plain, for two voices.

Written from the text of the rules (``docs/rules-counterpoint.md``) as loops over the notes of a
cantus firmus and of one counterpoint. Nothing here comes from ``hybrid.theory``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

LETTERS = "FCGDAEB"
STEPS = {letter: index for index, letter in enumerate("CDEFGAB")}
#: Number of a simple interval to the semitones with which it agrees.
CONSONANT = {1: (0,), 3: (3, 4), 5: (7,), 6: (8, 9)}
#: Steps and semitones that a voice may go.
SUNG = {(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 7), (5, 8), (7, 12)}
HALF, QUARTER, WHOLE = Fraction(1, 2), Fraction(1, 4), Fraction(1)
#: Lengths by species, with the one place that some are bound to.
VALUES: dict[int, set[tuple[Fraction, Fraction | None]]] = {
    1: {(WHOLE, None)},
    2: {(HALF, None)},
    3: {(QUARTER, None)},
    4: {(HALF, None), (WHOLE, HALF)},
    5: {
        (QUARTER / 2, None),
        (QUARTER, None),
        (HALF, Fraction(0)),
        (HALF, HALF),
        (3 * QUARTER, Fraction(0)),
        (3 * QUARTER, HALF),
        (Fraction(5, 8), HALF),
        (WHOLE, HALF),
        (WHOLE, Fraction(0)),
    },
}
CLOSE = {1: set(), 2: {WHOLE}, 3: {WHOLE}, 4: {WHOLE}, 5: {WHOLE}}
FIGURES = {
    2: ("passing",),
    3: ("passing", "neighbour", "cambiata", "double"),
    4: ("passing",),
    5: ("passing", "neighbour", "cambiata", "double"),
}


class Tone(NamedTuple):
    """On and end in notes of the cantus; MIDI pitch; tonal pitch class (C is 0, G is 1)."""

    on: Fraction
    end: Fraction
    pitch: int
    tone: int

    @property
    def bar(self) -> int:
        return int(self.on)

    @property
    def place(self) -> Fraction:
        return self.on - self.bar

    @property
    def length(self) -> Fraction:
        return self.end - self.on

    @property
    def staff(self) -> int:
        """Steps above C of octave -1."""
        alteration = (self.tone + 1) // 7
        letter = LETTERS[(self.tone + 1) % 7]
        return 7 * ((self.pitch - alteration) // 12) + STEPS[letter]


@dataclass(frozen=True)
class Two:
    """A cantus and a counterpoint in a species."""

    cantus: tuple[Tone, ...]
    line: tuple[Tone, ...]
    species: int

    @property
    def is_above(self) -> bool:
        """Whether the counterpoint is the higher of the two for the most part."""
        return _median(self.line) > _median(self.cantus)


def _median(tones: Sequence[Tone]) -> float:
    pitches = sorted(tone.pitch for tone in tones)
    middle = len(pitches) // 2
    return (pitches[middle] + pitches[-middle - 1]) / 2


class Wrong(NamedTuple):
    """A rule that does not hold, and where, in notes of the cantus."""

    rule: str
    at: Fraction


def wrongs(two: Two) -> set[Wrong]:
    """Every place at which a rule of this module does not hold."""
    found: set[Wrong] = set()
    for function in (clashes, together, bars, melody, shape, frame, rhythm):
        found |= set(function(two))
    return found


#: The rules that are decided here.
DECIDED = frozenset(
    """dissonance strong_dissonance weak_dissonance suspension_preparation suspension_resolution
    parallel_fifths parallel_octaves parallel_unisons contrary_fifths contrary_octaves
    direct_perfect joint_leap bar_parallels imperfect_run inner_unison distance melodic_interval
    falling_sixth leap_turn two_leaps repeated_tone compass summit accented_leap opening closing
    clausula note_values ligature cadence_suspension""".split()  # noqa: SIM905
)


def interval(one: Tone, other: Tone) -> tuple[int, int]:
    """Number 1..7 and semitones 0..11, from the lower pitch up."""
    low, high = (one, other) if one.pitch <= other.pitch else (other, one)
    return (high.staff - low.staff) % 7 + 1, (high.pitch - low.pitch) % 12


def agrees(one: Tone, other: Tone) -> bool:
    number, semitones = interval(one, other)
    return semitones in CONSONANT.get(number, ())


def is_perfect(one: Tone, other: Tone) -> bool:
    return agrees(one, other) and interval(one, other)[0] in (1, 5)


def neighbours(line: Sequence[Tone], index: int) -> tuple[Tone | None, Tone | None]:
    """The tones right before and after, None over a rest."""
    before = line[index - 1] if index and line[index - 1].end == line[index].on else None
    after = line[index + 1] if index + 1 < len(line) else None
    return before, after if after and after.on == line[index].end else None


def is_step(first: Tone, second: Tone) -> bool:
    return abs(second.pitch - first.pitch) in (1, 2)


def clashes(two: Two) -> Iterator[Wrong]:
    """Dissonances, by species."""
    strict = two.species == 1
    for index, tone in enumerate(two.line):
        for bar, under in enumerate(two.cantus):
            at = max(tone.on, under.on)
            if at >= min(tone.end, under.end) or agrees(tone, under):
                continue
            if strict:
                yield Wrong("dissonance", at)
            elif at == under.on and tone.on < at:
                yield from _suspension(two, index, bar)
            elif at == under.on:
                yield Wrong("strong_dissonance", at)
            elif not _has_figure(two, index):
                yield Wrong("weak_dissonance", at)


def _has_figure(two: Two, index: int) -> bool:
    line, names = two.line, FIGURES[two.species]
    before, after = neighbours(line, index)
    tone = line[index]
    if before is None or after is None:
        return False
    last = neighbours(line, index + 1)[1]
    first = neighbours(line, index - 1)[0]
    in_, out = tone.pitch - before.pitch, after.pitch - tone.pitch
    steps = abs(in_) in (1, 2), abs(out) in (1, 2)
    if "passing" in names and all(steps) and in_ * out > 0:
        return True
    if "neighbour" in names and steps[0] and in_ == -out:
        return True
    rises = last is not None and last.pitch - after.pitch in (1, 2)
    if "cambiata" in names and rises and in_ in (-1, -2) and out in (-3, -4):
        return True
    if "double" in names:
        for group in ((before, tone, after, last), (first, before, tone, after)):
            one, two_, three, four = group
            if one and two_ and three and four and one.pitch == four.pitch:
                up, down = two_.pitch - one.pitch, three.pitch - one.pitch
                if {abs(up), abs(down)} <= {1, 2} and up * down < 0:
                    return True
    return False


def _suspension(two: Two, index: int, bar: int) -> Iterator[Wrong]:
    tone, at = two.line[index], two.cantus[bar].on
    start = next(under for under in two.cantus if under.on <= tone.on < under.end)
    prepared = agrees(tone, start)
    resolved = False
    for later in range(index + 1, len(two.line)):
        goal, here = two.line[later], two.line[later - 1]
        if goal.on != here.end:
            break
        under = next(note for note in two.cantus if note.on <= goal.on < note.end)
        if tone.pitch - goal.pitch in (1, 2) and agrees(goal, under):
            resolved = True
            break
        # Only florid counterpoint has tones between, short ones, up to the bar's middle.
        following = two.line[later + 1] if later + 1 < len(two.line) else None
        short = goal.length <= QUARTER and following is not None and following.on == goal.end
        if two.species != 5 or not short or following is None:
            break
        if following.place > HALF or following.bar != goal.bar:
            break
    if two.species in (2, 3):
        if not (prepared and resolved):
            yield Wrong("strong_dissonance", at)
        return
    if not prepared:
        yield Wrong("suspension_preparation", at)
    if not resolved:
        yield Wrong("suspension_resolution", at)


def together(two: Two) -> Iterator[Wrong]:
    """Moves of both voices at once."""
    for index in range(1, len(two.line)):
        before, tone = two.line[index - 1], two.line[index]
        if before.end != tone.on or tone.place or tone.bar >= len(two.cantus) or not tone.bar:
            continue
        under, old = two.cantus[tone.bar], two.cantus[tone.bar - 1]
        step, other = tone.pitch - before.pitch, under.pitch - old.pitch
        distances = before.pitch - old.pitch, tone.pitch - under.pitch
        kinds = abs(distances[0]) % 12, abs(distances[1]) % 12
        alike, against = step * other > 0, step * other < 0
        octaves = step % 12 == 0 and other % 12 == 0
        crossed = distances[0] * distances[1] < 0
        for kind, name in ((7, "fifths"), (0, "octaves")):
            if kinds != (kind, kind) or octaves:
                continue
            if alike:
                unison = kind == 0 and 0 in distances
                yield Wrong("parallel_unisons" if unison else f"parallel_{name}", tone.on)
            elif against and not crossed:
                yield Wrong(f"contrary_{name}", tone.on)
        if alike and is_perfect(tone, under) and interval(before, old) != interval(tone, under):
            yield Wrong("direct_perfect", tone.on)
        if alike and min(abs(step), abs(other)) >= 5 and not octaves:
            yield Wrong("joint_leap", tone.on)


def _at(two: Two, when: Fraction) -> Tone | None:
    return next((tone for tone in two.line if tone.on <= when < tone.end), None)


def bars(two: Two) -> Iterator[Wrong]:
    """Starts of bars: unisons, runs, parallels from one to the next; distance."""
    run, kind = 0, 0
    for bar, under in enumerate(two.cantus):
        tone = _at(two, under.on)
        if tone and tone.pitch == under.pitch and 0 < bar < len(two.cantus) - 1:
            yield Wrong("inner_unison", under.on)
        number = interval(tone, under)[0] if tone and agrees(tone, under) else 0
        number = number if number in (3, 6) else 0
        run = run + 1 if number and number == kind else 1
        kind = number
        if two.species == 1 and number and run == 4:
            yield Wrong("imperfect_run", under.on)
    wide = False
    times = sorted({tone.on for tone in (*two.line, *two.cantus)})
    for when in times:
        tone = _at(two, when)
        under_now = next((note for note in two.cantus if note.on <= when < note.end), None)
        was = wide
        wide = bool(tone and under_now and abs(tone.pitch - under_now.pitch) > 19)
        if wide and not was:
            yield Wrong("distance", when)
    if two.species in (2, 3, 5):
        yield from _bar_parallels(two)


def _bar_parallels(two: Two) -> Iterator[Wrong]:
    for old, under in pairwise(two.cantus):
        tone, next_tone = _at(two, old.on), _at(two, under.on)
        if not tone or not next_tone or tone.on != old.on or next_tone.on != under.on:
            continue
        step, other = next_tone.pitch - tone.pitch, under.pitch - old.pitch
        if step * other <= 0 or step % 12 == 0 or not is_perfect(tone, old):
            continue
        if interval(tone, old) != interval(next_tone, under):
            continue
        inside = [item for item in two.line if old.on <= item.on < old.end]
        leaps = [
            abs(second.pitch - first.pitch)
            for first, second in pairwise(inside)
            if first.end == second.on
        ]
        if len(inside) > 1 and max(leaps, default=0) < 5:
            yield Wrong("bar_parallels", under.on)


def melody(two: Two) -> Iterator[Wrong]:
    """Intervals and leaps of the counterpoint."""
    most = {1: 1, 2: 0, 3: 0, 4: 0, 5: 1}[two.species]
    run = 0
    for index, (first, second) in enumerate(pairwise(two.line)):
        if first.end != second.on:
            continue
        step = second.pitch - first.pitch
        is_last = second.bar >= len(two.cantus) - 1 and first.length == 1
        run = run + 1 if step == 0 and not is_last else 0
        if run == most + 1:
            yield Wrong("repeated_tone", second.on)
        low, high = sorted((first, second), key=lambda tone: tone.pitch)
        if step and (high.staff - low.staff, abs(step)) not in SUNG:
            yield Wrong("melodic_interval", second.on)
        if step == -8:
            yield Wrong("falling_sixth", second.on)
        accented = first.length == QUARTER and first.place in (0, HALF)
        if two.species in (3, 5) and accented and step > 2:
            yield Wrong("accented_leap", second.on)
        third = neighbours(two.line, index + 1)[1]
        onward = third.pitch - second.pitch if third else 0
        if third and step * onward > 0:
            if abs(step) >= 8:
                yield Wrong("leap_turn", second.on)
            if min(abs(step), abs(onward)) >= 3 and abs(step + onward) > 12:
                yield Wrong("two_leaps", third.on)


def shape(two: Two) -> Iterator[Wrong]:
    """Compass and summit."""
    pitches = [tone.pitch for tone in two.line]
    top, bottom = max(pitches), min(pitches)
    if top - bottom > 19:
        yield Wrong("compass", next(t.on for t in two.line if t.pitch in (top, bottom)))
    tops = [index for index, pitch in enumerate(pitches) if pitch == top]
    again = [index for index in tops[1:] if pitches[index - 1] != top]
    if again:
        yield Wrong("summit", two.line[again[0]].on)


def frame(two: Two) -> Iterator[Wrong]:
    """Beginning, end, clausula."""
    first = two.line[0]
    if first.on < 1:
        start = two.cantus[0]
        number, semitones = interval(first, start)
        allowed = ((1, 0), (5, 7)) if first.pitch > start.pitch else ((1, 0),)
        # A unison is neither above nor below.
        if (number, semitones) not in allowed:
            yield Wrong("opening", first.on)
    final = two.cantus[-1]
    end = _at(two, max(final.on, two.line[-1].on))
    if end and interval(end, final) != (1, 0):
        yield Wrong("closing", max(final.on, two.line[-1].on))
    ways = {final.pitch - two.cantus[-2].pitch}
    last, before = two.line[-1], neighbours(two.line, len(two.line) - 1)[0]
    if before and (last.pitch - final.pitch) % 12 == 0:
        ways.add(last.pitch - before.pitch)
    if not ({-2, 1} <= ways or {-1, 2} <= ways):
        yield Wrong("clausula", final.on)


def rhythm(two: Two) -> Iterator[Wrong]:
    """Note values, ligatures, the suspension at the close."""
    last = len(two.cantus) - 1
    for tone in two.line:
        if tone.bar >= last:
            if tone.place:
                yield Wrong("note_values", tone.on)
            continue
        fits = any(
            tone.length == length and place in (None, tone.place)
            for length, place in VALUES[two.species]
        )
        closes = tone.bar == last - 1 or tone.on < last - 1 < tone.end
        if closes and tone.length in CLOSE[two.species]:
            # A whole note held into the last bar but one begins in the middle of a bar.
            fits = fits or tone.place in (0, HALF) or tone.bar == last - 1
        if not fits:
            yield Wrong("note_values", tone.on)
    if two.species == 4:
        for bar in range(1, last):
            if any(tone.on == bar for tone in two.line):
                yield Wrong("ligature", Fraction(bar))
    if two.species >= 4 and not any(tone.on < last - 1 < tone.end for tone in two.line):
        yield Wrong("cadence_suspension", Fraction(last - 1))
