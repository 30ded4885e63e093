"""Constraints read: what each one asks of which voice, and when.

A `hybrid.core.plan.Constraint` speaks of bars, beats and names. Here it becomes an `Asked`:
masks of pitches over spans of ticks, fixed lines, limits on steps, onsets, counts.

Voices are named by the voice (soprano, alto, tenor, bass, melody for the highest one) or by the
track, which then means all voices in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import HybridError, PlanError
from hybrid.core.pitch import Key, parse_pitch, parse_spelling, pitch_class
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase
from hybrid.rules.asked import Asked, Count, Line, Mask, Moves, Onsets, Reach, Span
from hybrid.rules.harmony import to_ticks
from hybrid.rules.parts import PartTable, Voice
from hybrid.rules.voicings import SILENT

#: Kinds that speak of the plan's harmony: the plan keeps them, or contradicts them.
HARMONIC = ("chord", "key", "cadence")


def _wrong(item: Constraint, rule: str) -> PlanError:
    return PlanError(f"constraint {item.name!r}: {rule}, got {item.value!r}")


def _pitch(item: Constraint, value: Any) -> tuple[int, int]:
    try:
        return parse_pitch(str(value))
    except HybridError:
        raise _wrong(item, "value must be a pitch such as 'F#4'") from None


def _class(item: Constraint) -> int:
    try:
        return parse_spelling(str(item.value))
    except HybridError:
        raise _wrong(item, "value must be a pitch class such as 'F#'") from None


def _whole(item: Constraint, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _wrong(item, f"value must be a whole number in 0..{most}")
    return value


def read_range(item: Constraint) -> tuple[int, int]:
    """Lowest and highest pitch of a range."""
    value = item.value
    if not isinstance(value, tuple) or len(value) != 2:
        raise _wrong(item, "value must be [lowest, highest] such as ['C4', 'G5']")
    low, high = (_pitch(item, part)[0] for part in value)
    if low > high:
        raise _wrong(item, "value must be [lowest, highest], the lower one first")
    return low, high


def read_melody(item: Constraint) -> tuple[tuple[int, int, Fraction], ...]:
    """Pitch, spelling (`SILENT` for rests) and quarters of each note of a melody."""
    notes = []
    for word in str(item.value or "").split():
        name, colon, length = word.partition(":")
        try:
            quarters = Fraction(length if colon else 1)
        except (ValueError, ZeroDivisionError):
            quarters = Fraction(0)
        if quarters <= 0:
            raise _wrong(item, f"a length must be quarters above 0 such as 1/2 in {word!r}")
        pitch = (SILENT, SILENT) if name == "R" else _pitch(item, name)
        notes.append((*pitch, quarters))
    if not notes or all(note[0] == SILENT for note in notes):
        raise _wrong(item, "value must have notes such as 'C5:1 D5:1/2 R:1/2'")
    return tuple(notes)


def read_rhythm(item: Constraint) -> tuple[Fraction, ...]:
    """Durations of a bar, quarters."""
    words = str(item.value or "").split()
    try:
        lengths = tuple(Fraction(word) for word in words)
    except (ValueError, ZeroDivisionError):
        raise _wrong(item, "value must be durations such as '1 1/2 1/2 2'") from None
    if not lengths or min(lengths) <= 0:
        raise _wrong(item, "value must be durations above 0 such as '1 1/2 1/2 2'")
    return lengths


def read_density(item: Constraint) -> tuple[int, int]:
    """Fewest and most notes of a bar."""
    value = item.value
    if not isinstance(value, tuple) or len(value) != 2:
        raise _wrong(item, "value must be [fewest, most] notes of a bar")
    low, high = (_whole(item, part, 64) for part in value)
    if not 1 <= high >= low:
        raise _wrong(item, "value must be [fewest, most], the smaller one first and most above 0")
    return low, high


def check_values(constraints: Sequence[Constraint], plan: FormPlan, table: PartTable) -> None:
    """Make sure that every value can be read and every voice and bar exists.

    Raises
    ------
    PlanError
        Naming the constraint, the rule and the value.
    """
    known = {part.name.lower() for part in table.parts}
    known |= {"soprano", "alto", "tenor", "bass", "melody", "upper", "middle", "low"}
    for item in constraints:
        for voice in item.voices:
            if voice.lower() not in known:
                raise PlanError(
                    f"constraint {item.name!r}: voices must be tracks or voices of the plan "
                    f"({', '.join(sorted(known))}), got {voice!r}"
                )
        if item.bars is not None and item.bars[1] > plan.n_bars:
            raise PlanError(
                f"constraint {item.name!r}: bars must lie within the plan's {plan.n_bars}, "
                f"got {item.bars[0]}-{item.bars[1]}"
            )
        _check_value(item)
        if item.kind == "melody":
            _check_length(item, plan)


def _check_value(item: Constraint) -> None:
    kind = item.kind
    if kind == "range":
        read_range(item)
    elif kind in ("pitch", "highest", "lowest"):
        _pitch(item, item.value)
    elif kind in ("pitch_class", "avoid_pitch_class"):
        _class(item)
    elif kind == "melody":
        read_melody(item)
    elif kind == "rhythm":
        read_rhythm(item)
    elif kind == "density":
        read_density(item)
    elif kind == "max_leap":
        _whole(item, item.value, 127)
    elif kind == "forbidden_interval":
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        for value in values:
            _whole(item, value, 127)
    elif kind == "dissonance":
        if item.value != "none":
            raise _wrong(item, "value must be 'none'")
    elif kind == "cadence":
        if item.value not in CADENCES:
            raise _wrong(item, f"value must be one of {', '.join(CADENCES)}")
    elif kind == "key":
        try:
            Key.parse(str(item.value))
        except HybridError:
            raise _wrong(item, "value must be a key such as 'G minor'") from None
    elif kind == "chord" and (item.bars is None or not isinstance(item.value, str)):
        raise _wrong(item, "a chord constraint needs bars and a value such as 'I | V7 I'")


def _check_length(item: Constraint, plan: FormPlan) -> None:
    first, last = item.bars or (1, plan.n_bars)
    placed = list(plan.phrases())
    start, end = bar_start(placed, first), bar_start(placed, last + 1)
    total = sum((quarters for _, _, quarters in read_melody(item)), start=Fraction(0))
    if start + to_ticks(total, "a melody's length") > end:
        raise _wrong(
            item,
            f"the melody must fit bars {first}-{last} of "
            f"{Fraction(end - start, to_ticks(Fraction(1)))} quarters, it has {total}",
        )


def bar_start(placed: Sequence[PlacedPhrase], bar: int) -> int:
    """Tick at which a bar of the plan begins; the end for the bar after the last."""
    for phrase in placed:
        if phrase.first_bar <= bar <= phrase.last_bar:
            return to_ticks(phrase.start + (bar - phrase.first_bar) * phrase.metre.bar_quarters)
    return to_ticks(placed[-1].end)


def columns(item: Constraint, voices: Sequence[Voice], table: PartTable) -> tuple[int, ...]:
    """Numbers of the voices of a phrase that a constraint speaks of."""
    if not item.voices:
        if item.kind in ("melody", "highest"):
            return (0,)
        return (len(voices) - 1,) if item.kind == "lowest" else tuple(range(len(voices)))
    names = {name.lower() for name in item.voices}
    return tuple(
        column
        for column, voice in enumerate(voices)
        if voice.name in names
        or table.parts[voice.part].name.lower() in names
        or (column == 0 and names & {"melody", "soprano"})
    )


def ask(
    item: Constraint,
    plan: FormPlan,
    placed: PlacedPhrase,
    voices: Sequence[Voice],
    table: PartTable,
) -> Asked:
    """What a constraint asks of a phrase; an empty `Asked` where it says nothing about it.

    Raises
    ------
    PlanError
        If the value does not fit the phrase's metre.
    """
    asked = Asked(item.name, hard=item.hard, source=item)
    first, last = item.bars or (1, plan.n_bars)
    low, high = max(first, placed.first_bar), min(last, placed.last_bar)
    own = columns(item, voices, table)
    if low > high or not own or item.kind in HARMONIC:
        return asked
    phrases = list(plan.phrases())
    starts = [bar_start(phrases, bar) for bar in range(low, high + 2)]
    starts[-1] = min(starts[-1], to_ticks(placed.end))
    start, end = starts[0], starts[-1]
    if low == 1 == first and placed.index == 0:
        start = 0  # a pickup belongs to the first bar
    since = bar_start(phrases, first)  # steps into a phrase count, not those into the first bar
    kind = item.kind
    if kind == "range":
        lowest, highest = read_range(item)
        return replace(asked, masks=_everywhere(own, start, end, range(lowest, highest + 1)))
    if kind == "avoid_pitch_class":
        shut = pitch_class(_class(item))
        wanted = [pitch for pitch in range(128) if pitch % 12 != shut]
        return replace(asked, masks=_everywhere(own, start, end, wanted))
    if kind in ("pitch", "pitch_class"):
        return replace(asked, masks=_moments(item, placed, own, starts))
    if kind in ("highest", "lowest"):
        pitch, _ = _pitch(item, item.value)
        within = range(pitch + 1) if kind == "highest" else range(pitch, 128)
        return replace(
            asked,
            masks=_everywhere(own, start, end, within),
            reaches=(Reach(own, start, end, pitch),),
        )
    if kind == "melody":
        return replace(asked, lines=_lines(item, own, bar_start(phrases, first), placed))
    if kind == "max_leap":
        widest = _whole(item, item.value, 127)
        return replace(asked, moves=tuple(Moves(v, start, end, widest, since=since) for v in own))
    if kind == "forbidden_interval":
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        sizes = frozenset(int(value) for value in values)
        moves = tuple(Moves(v, start, end, None, sizes, since) for v in own)
        return replace(asked, moves=moves)
    if kind == "rhythm":
        return replace(asked, onsets=_onsets(item, placed, own, starts))
    if kind == "density":
        fewest, most = read_density(item)
        bars = pairwise(starts)
        return replace(asked, counts=tuple(Count(own, a, b, fewest, most) for a, b in bars))
    if kind == "no_parallels":
        return replace(asked, no_parallels=(Span(own, start, end, since),))
    assert kind == "dissonance"
    return replace(asked, consonant=(Span(own, start, end),))


def _everywhere(
    own: tuple[int, ...], start: int, end: int, pitches: Sequence[int]
) -> tuple[Mask, ...]:
    return tuple(Mask(voice, start, end, frozenset(pitches)) for voice in own)


def _moments(
    item: Constraint, placed: PlacedPhrase, own: tuple[int, ...], starts: Sequence[int]
) -> tuple[Mask, ...]:
    late = to_ticks((item.beat - 1) * placed.metre.beat_quarters, "a beat")
    if late >= to_ticks(placed.metre.bar_quarters):
        raise PlanError(
            f"constraint {item.name!r}: beat must lie within a bar of {placed.metre.name}, "
            f"got {item.beat}"
        )
    if item.kind == "pitch":
        pinned = [_pitch(item, item.value)]
    else:
        spelling = _class(item)
        pinned = [(p, spelling) for p in range(128) if p % 12 == pitch_class(spelling)]
    pitches = frozenset(pitch for pitch, _ in pinned)
    return tuple(
        Mask(voice, start + late, start + late + 1, pitches, tuple(pinned), True)
        for voice in own
        for start in starts[:-1]
    )


def _lines(
    item: Constraint, own: tuple[int, ...], start: int, placed: PlacedPhrase
) -> tuple[Line, ...]:
    if len(own) > 1:
        raise PlanError(
            f"constraint {item.name!r}: voices must name one voice, got {', '.join(item.voices)}"
        )
    low, high = to_ticks(placed.start), to_ticks(placed.end)
    notes = []
    tick = start
    for pitch, spelling, quarters in read_melody(item):
        end = tick + to_ticks(quarters, "a melody's length")
        if end > low and tick < high:
            if end > high or tick < low:
                raise PlanError(
                    f"constraint {item.name!r}: no note may sound over the end of a phrase "
                    f"(bars {placed.first_bar}-{placed.last_bar})"
                )
            notes.append((tick, end, pitch, spelling))
        tick = end
    return (Line(own[0], tuple(notes)),) if notes else ()


def _onsets(
    item: Constraint, placed: PlacedPhrase, own: tuple[int, ...], starts: Sequence[int]
) -> tuple[Onsets, ...]:
    lengths = read_rhythm(item)
    bar = placed.metre.bar_quarters
    if sum(lengths) != bar:
        raise _wrong(item, f"value must fill a bar of {bar} quarters (it has {sum(lengths)})")
    places = [
        to_ticks(sum(lengths[:n], start=Fraction(0)), "an onset") for n in range(len(lengths))
    ]
    ticks = frozenset(start + place for start in starts[:-1] for place in places)
    return tuple(Onsets(voice, starts[0], starts[-1], ticks) for voice in own)
