"""A user's constraints as limits on events, or as wishes where they are soft.

The kinds and their meaning are those of docs/constraints.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase
from hybrid.symbolic_transformer.event_dues import Counts, Covered, Line, Onsets, Reach
from hybrid.symbolic_transformer.event_limits import (
    Limit,
    Parallels,
    Pitches,
    Standing,
    Steps,
    midi_set,
)
from hybrid.symbolic_transformer.event_parts import Seating
from hybrid.symbolic_transformer.event_values import (
    check_harmony,
    read_class,
    read_melody,
    read_pair,
    read_pitch,
    read_quarters,
    read_whole,
    wrong,
)
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
    first, second = read_pair(item, "[lowest, highest] such as ['C4', 'G5']")
    low, high = read_pitch(item, first), read_pitch(item, second)
    if low > high:
        raise wrong(item, "value must be [lowest, highest], the lower one first")
    return _sounding(item, frame, range(low, high + 1))


def _avoid(item: Constraint, frame: _Frame) -> list[Limit]:
    shut = read_class(item)
    return _sounding(item, frame, (pitch for pitch in range(128) if pitch % 12 != shut))


def _moments(item: Constraint, frame: _Frame) -> list[Limit]:
    if item.kind == "pitch":
        wanted = [read_pitch(item, item.value)]
    else:
        wanted = [pitch for pitch in range(128) if pitch % 12 == read_class(item)]
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
        raise wrong(item, f"the melody must fit bars {frame.first}-{frame.last}")
    line = Line(item.name, places[0].track, [(frame.start, stop)], np.array(rows))
    return [line]


def _steps(item: Constraint, frame: _Frame) -> list[Limit]:
    widest, sizes = None, frozenset[int]()
    if item.kind == "max_leap":
        widest = read_whole(item, item.value, 127)
    else:
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        sizes = frozenset(read_whole(item, value, 127) for value in values)
    tracks = list(frame.by_track())
    return [Steps(item.name, tracks, (frame.start, frame.end), frame.since, widest, sizes)]


def _extreme(item: Constraint, frame: _Frame) -> list[Limit]:
    pitch = read_pitch(item, item.value)
    within = range(pitch + 1) if item.kind == "highest" else range(pitch, 128)
    places = frame.places()
    found = _sounding(item, frame, within)
    tracks = list(dict.fromkeys(place.track for place in places))
    midi = pitch - places[0].shift
    found.append(Reach(item.name, tracks, (frame.start, frame.end), midi))
    return found


def _rhythm(item: Constraint, frame: _Frame) -> list[Limit]:
    lengths = [read_quarters(item, word) for word in str(item.value or "").split()]
    found: list[Limit] = []
    for track, places in frame.by_track().items():
        spans, ticks = [], []
        for place in places:
            for start, end, phrase in frame.bars(place):
                if sum(lengths) != phrase.metre.bar_quarters:
                    raise wrong(
                        item, f"value must fill a bar of {phrase.metre.bar_quarters} quarters"
                    )
                spans.append((start, end))
                for number in range(len(lengths)):
                    late = sum(lengths[:number], start=Fraction(0))
                    ticks.append(start + quarters_to_grid(late))
        found.append(Onsets(item.name, track, spans, ticks))
    return found


def _density(item: Constraint, frame: _Frame) -> list[Limit]:
    first, second = read_pair(item, "[fewest, most] notes of a bar")
    least, most = read_whole(item, first, 64), read_whole(item, second, 64)
    if not 1 <= most >= least:
        raise wrong(item, "value must be [fewest, most], the smaller one first and most above 0")
    return [
        Counts(item.name, track, (max(frame.start, places[0].start), places[-1].end), least, most)
        for track, places in frame.by_track().items()
    ]


def _parallels(item: Constraint, frame: _Frame) -> list[Limit]:
    return [Parallels(item.name, list(frame.by_track()), (frame.start, frame.end), frame.since)]


def _dissonance(item: Constraint, frame: _Frame) -> list[Limit]:
    if item.value != "none":
        raise wrong(item, "value must be 'none'")
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


__all__ = ["Demands", "Soft", "demand"]
