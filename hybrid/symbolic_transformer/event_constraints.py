"""A user's constraints as limits on events, or as wishes where they are soft.

The kinds and their meaning are those of docs/constraints.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import ConflictError, HybridError, PlanError
from hybrid.core.pitch import Key, parse_pitch, parse_spelling, pitch_class
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase, parse_chords
from hybrid.symbolic_transformer.event_limits import (
    Counts,
    Covered,
    Limit,
    Line,
    Onsets,
    Parallels,
    Pitches,
    Reach,
    Standing,
    Steps,
    midi_set,
)
from hybrid.symbolic_transformer.event_parts import Seating
from hybrid.symbolic_transformer.event_wishes import Climax, Towards, Wish
from hybrid.symbolic_transformer.events import N_PLACES, N_TRACKS, NEXT_BAR
from hybrid.symbolic_transformer.tables import PlanArrays, quarters_to_grid

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
HARMONIC = ("chord", "key", "cadence")
#: What breaking a soft constraint costs, in nats.
SOFT = 4.0
#: What each step away from a coming pitch costs that a line cannot make up for in time.
PULL = 0.5


@dataclass(frozen=True)
class Demands:
    """Constraints made ready.

    ``lines`` holds the notes of given melodies by track: (tick, MIDI pitch as the model writes
    it, ticks), with their exact lengths.
    """

    limits: tuple[Limit, ...]
    wishes: tuple[Wish, ...]
    lines: dict[tuple[int, int], int]


@dataclass(frozen=True)
class _Place:
    """A track in a span of a phrase: what is meant by a constraint's bars and voices."""

    track: int
    shift: int
    start: int
    end: int


class Soft(Wish):
    """A limit that costs instead of shutting."""

    def __init__(self, limit: Limit, cost: float = SOFT) -> None:
        self.limit, self.cost = limit, cost

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        due = self.limit.due(at)
        if due is None:
            return None
        made = np.zeros((len(at.here), N_PLACES))
        made[:, :NEXT_BAR] = -self.cost * (ticks > due[0][:, None])
        made[:, NEXT_BAR] = -self.cost * (due[0] < at.bar.end)
        return made

    def tracks(self, at: Standing) -> Floats | None:
        made = np.zeros((len(at.here), N_TRACKS))
        for row, tick in enumerate(at.tick):
            mask = self.limit.tracks(at, np.array([tick]))
            if mask is not None:
                made[row] = -self.cost * ~mask[row, 0]
        return made

    def pitches(self, at: Standing) -> Floats | None:
        mask = self.limit.pitches(at)
        return None if mask is None else np.asarray(-self.cost * ~mask)

    def durations(self, at: Standing) -> Floats | None:
        mask = self.limit.durations(at)
        return None if mask is None else np.asarray(-self.cost * ~mask)


def demand(
    plan: FormPlan,
    arrays: PlanArrays,
    seating: Seating,
    constraints: Sequence[Constraint],
) -> Demands:
    """Limits and wishes of constraints.

    Raises
    ------
    PlanError
        If a value cannot be read, or a voice or bar is not in the plan.
    ConflictError
        If the plan's chords, keys or cadences are not those of a hard constraint.
    """
    limits: list[Limit] = []
    wishes: list[Wish] = []
    lines: dict[tuple[int, int], int] = {}
    placed = tuple(plan.phrases())
    known = {name for seats in seating.seats for seat in seats for name in seat.names}
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
        if item.kind in HARMONIC:
            check_harmony(plan, item)
            continue
        found = _READERS[item.kind](item, _Frame(plan, placed, arrays, seating, item))
        if not item.hard:
            wishes += [Soft(limit) for limit in found]
            continue
        limits += found
        for limit in found:
            if isinstance(limit, Reach):
                wishes.append(Climax(limit))
            elif isinstance(limit, Line):
                for key, length in zip(limit.keys.tolist(), limit.exact.tolist(), strict=True):
                    lines[limit.track, key] = length
            elif isinstance(limit, Pitches) and item.kind in ("pitch", "pitch_class"):
                for tick, open_ in zip(limit.start.tolist(), limit.open, strict=True):
                    for track in np.flatnonzero(limit.own).tolist():
                        wishes.append(Towards(track, tick, open_, PULL))
    return Demands(tuple(limits), tuple(wishes), lines)


class _Frame:
    """Where a constraint speaks: bars on ticks, tracks phrase by phrase."""

    def __init__(
        self,
        plan: FormPlan,
        placed: Sequence[PlacedPhrase],
        arrays: PlanArrays,
        seating: Seating,
        item: Constraint,
    ) -> None:
        self.placed, self.arrays, self.seating, self.item = placed, arrays, seating, item
        self.first, self.last = item.bars or (1, plan.n_bars)
        self.start, self.end = self.bar(self.first), self.bar(self.last + 1)
        #: Steps count into notes after this one: into the bars, not into their first notes.
        self.since = self.start

    def bar(self, number: int) -> int:
        """Tick at which a bar begins; the end for the one after the last."""
        for phrase in self.placed:
            if phrase.first_bar <= number <= phrase.last_bar:
                late = (number - phrase.first_bar) * phrase.metre.bar_quarters
                return quarters_to_grid(phrase.start + late)
        return quarters_to_grid(self.placed[-1].end)

    def places(self) -> list[_Place]:
        """Tracks and spans that are meant; a pickup belongs to the first bar."""
        found = []
        for phrase in self.placed:
            low, high = max(self.first, phrase.first_bar), min(self.last, phrase.last_bar)
            if low > high:
                continue
            start, end = self.bar(low), self.bar(high + 1)
            if low == 1:
                start = 0
            seats = self.seating.seats[phrase.index]
            names = {name.lower() for name in self.item.voices}
            if names:
                chosen = [seat for seat in seats if names & set(seat.names)]
            elif self.item.kind in ("melody", "highest"):
                chosen = [seats[0]]
            else:
                chosen = [seats[-1]] if self.item.kind == "lowest" else list(seats)
            found += [_Place(seat.track, seat.shift, start, end) for seat in chosen]
        return found

    def by_track(self) -> dict[int, list[_Place]]:
        found: dict[int, list[_Place]] = {}
        for place in self.places():
            found.setdefault(place.track, []).append(place)
        return found

    def bars(self, place: _Place) -> list[tuple[int, int, PlacedPhrase]]:
        """Start, end and phrase of the bars inside a place, without a pickup."""
        found = []
        for phrase in self.placed:
            for number in range(phrase.first_bar, phrase.last_bar + 1):
                start, end = self.bar(number), self.bar(number + 1)
                if self.first <= number <= self.last and place.start <= start < place.end:
                    found.append((start, end, phrase))
        return found


# --- Values ----------------------------------------------------------------------------------


def _wrong(item: Constraint, rule: str) -> PlanError:
    return PlanError(f"constraint {item.name!r}: {rule}, got {item.value!r}")


def _pitch(item: Constraint, value: Any) -> int:
    try:
        return parse_pitch(str(value))[0]
    except HybridError:
        raise _wrong(item, "value must be a pitch such as 'F#4'") from None


def _class(item: Constraint) -> int:
    try:
        return pitch_class(parse_spelling(str(item.value)))
    except HybridError:
        raise _wrong(item, "value must be a pitch class such as 'F#'") from None


def _whole(item: Constraint, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _wrong(item, f"value must be a whole number in 0..{most}")
    return value


def _quarters(item: Constraint, text: str) -> Fraction:
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if found <= 0:
        raise _wrong(item, f"a length must be quarters above 0 such as 1/2, not {text!r}")
    return found


def _pair(item: Constraint, what: str) -> tuple[Any, Any]:
    value = item.value
    if not isinstance(value, tuple) or len(value) != 2:
        raise _wrong(item, f"value must be {what}")
    return value[0], value[1]


# --- Kinds -----------------------------------------------------------------------------------


def _sounding(item: Constraint, frame: _Frame, midi: Iterable[int]) -> list[Limit]:
    """Only pitches of a set, as they sound, in all the places."""
    wanted = set(midi)
    found: list[Limit] = []
    for track, places in frame.by_track().items():
        spans = [
            (place.start, place.end, midi_set(pitch - place.shift for pitch in wanted))
            for place in places
        ]
        found.append(Pitches(item.name, [track], spans))
    return found


def _range(item: Constraint, frame: _Frame) -> list[Limit]:
    first, second = _pair(item, "[lowest, highest] such as ['C4', 'G5']")
    low, high = _pitch(item, first), _pitch(item, second)
    if low > high:
        raise _wrong(item, "value must be [lowest, highest], the lower one first")
    return _sounding(item, frame, range(low, high + 1))


def _avoid(item: Constraint, frame: _Frame) -> list[Limit]:
    shut = _class(item)
    return _sounding(item, frame, (pitch for pitch in range(128) if pitch % 12 != shut))


def _moments(item: Constraint, frame: _Frame) -> list[Limit]:
    if item.kind == "pitch":
        wanted = [_pitch(item, item.value)]
    else:
        wanted = [pitch for pitch in range(128) if pitch % 12 == _class(item)]
    found: list[Limit] = []
    for track, places in frame.by_track().items():
        spans = []
        for place in places:
            for start, end, phrase in frame.bars(place):
                late = (item.beat - 1) * phrase.metre.beat_quarters
                tick = start + quarters_to_grid(late)
                if tick >= end:
                    raise PlanError(
                        f"constraint {item.name!r}: beat must lie within a bar of "
                        f"{phrase.metre.name}, got {item.beat}"
                    )
                spans.append((tick, tick + 1, midi_set(p - place.shift for p in wanted)))
        found.append(Pitches(item.name, [track], spans))
        found.append(Covered(item.name, track, [tick for tick, _, _ in spans]))
    return found


def read_melody(item: Constraint) -> list[tuple[int | None, Fraction]]:
    """Pitches (None for rests) and quarters of a melody."""
    notes: list[tuple[int | None, Fraction]] = []
    for word in str(item.value or "").split():
        name, colon, length = word.partition(":")
        quarters = _quarters(item, length) if colon else Fraction(1)
        notes.append((None if name == "R" else _pitch(item, name), quarters))
    if not any(pitch is not None for pitch, _ in notes):
        raise _wrong(item, "value must have notes such as 'C5:1 D5:1/2 R:1/2'")
    return notes


def _melody(item: Constraint, frame: _Frame) -> list[Limit]:
    places = frame.places()
    tracks = {place.track for place in places}
    if len(tracks) != 1:
        raise PlanError(
            f"constraint {item.name!r}: voices must name one voice, got {', '.join(item.voices)}"
        )
    rows = []
    along = Fraction(0)
    for pitch, quarters in read_melody(item):
        tick = frame.start + quarters_to_grid(along)
        along += quarters
        end = frame.start + quarters_to_grid(along)
        if pitch is not None:
            rows.append((tick, pitch - places[0].shift, end - tick))
    stop = frame.start + quarters_to_grid(along)
    if stop > frame.end:
        raise _wrong(item, f"the melody must fit bars {frame.first}-{frame.last}")
    line = Line(item.name, places[0].track, [(frame.start, stop)], np.array(rows))
    return [line]


def _steps(item: Constraint, frame: _Frame) -> list[Limit]:
    widest, sizes = None, frozenset[int]()
    if item.kind == "max_leap":
        widest = _whole(item, item.value, 127)
    else:
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        sizes = frozenset(_whole(item, value, 127) for value in values)
    tracks = list(frame.by_track())
    return [Steps(item.name, tracks, (frame.start, frame.end), frame.since, widest, sizes)]


def _extreme(item: Constraint, frame: _Frame) -> list[Limit]:
    pitch = _pitch(item, item.value)
    within = range(pitch + 1) if item.kind == "highest" else range(pitch, 128)
    places = frame.places()
    found = _sounding(item, frame, within)
    tracks = list(dict.fromkeys(place.track for place in places))
    midi = pitch - places[0].shift
    found.append(Reach(item.name, tracks, (frame.start, frame.end), midi))
    return found


def _rhythm(item: Constraint, frame: _Frame) -> list[Limit]:
    lengths = [_quarters(item, word) for word in str(item.value or "").split()]
    found: list[Limit] = []
    for track, places in frame.by_track().items():
        spans, ticks = [], []
        for place in places:
            for start, end, phrase in frame.bars(place):
                if sum(lengths) != phrase.metre.bar_quarters:
                    raise _wrong(
                        item, f"value must fill a bar of {phrase.metre.bar_quarters} quarters"
                    )
                spans.append((start, end))
                for number in range(len(lengths)):
                    late = sum(lengths[:number], start=Fraction(0))
                    ticks.append(start + quarters_to_grid(late))
        found.append(Onsets(item.name, track, spans, ticks))
    return found


def _density(item: Constraint, frame: _Frame) -> list[Limit]:
    first, second = _pair(item, "[fewest, most] notes of a bar")
    least, most = _whole(item, first, 64), _whole(item, second, 64)
    if not 1 <= most >= least:
        raise _wrong(item, "value must be [fewest, most], the smaller one first and most above 0")
    return [
        Counts(item.name, track, (max(frame.start, places[0].start), places[-1].end), least, most)
        for track, places in frame.by_track().items()
    ]


def _parallels(item: Constraint, frame: _Frame) -> list[Limit]:
    return [Parallels(item.name, list(frame.by_track()), (frame.start, frame.end), frame.since)]


def _dissonance(item: Constraint, frame: _Frame) -> list[Limit]:
    if item.value != "none":
        raise _wrong(item, "value must be 'none'")
    found: list[Limit] = []
    for track, places in frame.by_track().items():
        spans = []
        for place in places:
            for chord in frame.arrays.chords:
                start = max(place.start, int(chord["start"]))
                end = min(place.end, int(chord["end"]))
                if start < end and chord["mask"]:
                    tones = [p for p in range(128) if int(chord["mask"]) >> p % 12 & 1]
                    spans.append((start, end, midi_set(p - place.shift for p in tones)))
        found.append(Pitches(item.name, [track], spans))
    return found


_READERS: dict[str, Callable[[Constraint, _Frame], list[Limit]]] = {
    "range": _range,
    "pitch": _moments,
    "pitch_class": _moments,
    "melody": _melody,
    "avoid_pitch_class": _avoid,
    "max_leap": _steps,
    "forbidden_interval": _steps,
    "highest": _extreme,
    "lowest": _extreme,
    "rhythm": _rhythm,
    "density": _density,
    "no_parallels": _parallels,
    "dissonance": _dissonance,
}


def check_harmony(plan: FormPlan, item: Constraint) -> None:
    """Make sure that the plan keeps a constraint on chords, key or cadence.

    Raises
    ------
    ConflictError
        If it does not and the constraint is hard; it names what the plan has instead.
    PlanError
        If the value cannot be read.
    """
    first, last = item.bars or (1, plan.n_bars)
    if item.kind == "cadence" and item.value not in CADENCES:
        raise _wrong(item, f"value must be one of {', '.join(CADENCES)}")
    if item.kind == "chord" and (item.bars is None or not isinstance(item.value, str)):
        raise _wrong(item, "a chord constraint needs bars and a value such as 'I | V7 I'")
    wanted_key = None
    if item.kind == "key":
        try:
            wanted_key = Key.parse(str(item.value))
        except HybridError:
            raise _wrong(item, "value must be a key such as 'G minor'") from None
    instead = ""
    for phrase in plan.phrases():
        low, high = max(first, phrase.first_bar), min(last, phrase.last_bar)
        if low > high:
            continue
        bar = phrase.metre.bar_quarters
        start, end = (low - phrase.first_bar) * bar, (high + 1 - phrase.first_bar) * bar
        inside = [c for c in phrase.phrase.chords if c.onset < end and c.end > start]
        if item.kind == "key" and any(phrase.key_of(c) != wanted_key for c in inside):
            instead = f"keys of bars {low}-{high}"
        elif item.kind == "cadence" and low <= last <= high:
            has = phrase.phrase.cadence if last == phrase.last_bar else "none"
            if has != item.value:
                instead = f"cadence {has} bar {last}"
        elif item.kind == "chord":
            chords = parse_chords(str(item.value), phrase.metre)
            shift = (phrase.first_bar - first) * bar
            for chord in inside:
                along = max(chord.onset, start) + shift
                meant = next((c for c in chords if c.onset <= along < c.end), None)
                if meant is None or meant.numeral != chord.numeral:
                    instead = f"chords of bars {low}-{high}"
    if instead and item.hard:
        raise ConflictError(
            f"these cannot all hold in bars {first}-{last}: {item.name}; {instead} "
            "(complete the plan with the constraint)",
            (item.name, instead),
        )


__all__ = ["Demands", "Soft", "check_harmony", "demand", "read_melody"]
