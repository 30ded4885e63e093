"""What the event model is told at each event, as columns of small whole numbers.

Three groups: the event itself and the plan at its tick (what the decoder reads), the plan and the
state of the tracks at the next event's tick (what the parts of that event are asked with), and
the parts themselves. Each column says how transposition changes it, so a trainer can transpose
whole batches on its device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.plan import DYNAMICS
from hybrid.symbolic_transformer.events import (
    BAR,
    DURATIONS,
    LOWEST,
    N_DURATIONS,
    N_PITCHES,
    N_PLACES,
    N_TIMINGS,
    N_TRACKS,
    N_VELOCITIES,
    NEXT_BAR,
)
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import (
    CADENCE_KINDS,
    MODES,
    QUALITIES,
    ROLES,
    TEXTURE_KINDS,
    TICKS,
    VARIATION_KINDS,
    PlanArrays,
)

#: Edges of spans of ticks told apart; before the first: not known.
SPAN_EDGES = np.array([0, 1, 7, 13, 25, 49, 73, 97, 145, 193, 289, 385, 577, 769, 1537])
N_SPANS = len(SPAN_EDGES) + 1
TEMPO_EDGES = np.array([1, 50, 66, 80, 96, 112, 132, 160])
METRES = ((4, 4), (3, 4), (2, 4), (6, 8), (2, 2), (3, 8), (12, 8), (9, 8), (3, 2), (4, 2), (6, 4))
_MARKS = np.array(sorted(DYNAMICS.values()))
NO_CLASS = 12
N_OCCURRENCES = 5


@dataclass(frozen=True)
class Column:
    """A column: its name, how many values it has, and what transposition does to it.

    ``kind``: ``plain`` stays; ``pitch`` moves (0 is none); ``class`` turns by pitch classes
    (12 is none); ``mask`` turns the 12 bits.
    """

    name: str
    size: int
    kind: str = "plain"


PLAN_COLUMNS = (
    Column("place", N_PLACES),
    Column("metre", len(METRES) + 1),
    Column("tonic", 13, "class"),
    Column("mode", len(MODES) + 1),
    Column("root", 13, "class"),
    Column("bass", 13, "class"),
    Column("mask", 4096, "mask"),
    Column("quality", len(QUALITIES)),
    Column("next_root", 13, "class"),
    Column("to_next_chord", N_SPANS),
    Column("cadence", len(CADENCE_KINDS)),
    Column("to_cadence", N_SPANS),
    Column("in_phrase", N_SPANS),
    Column("to_phrase_end", N_SPANS),
    Column("section_occurrence", N_OCCURRENCES),
    Column("role", len(ROLES)),
    Column("theme_occurrence", N_OCCURRENCES),
    Column("variation", len(VARIATION_KINDS)),
    Column("texture", len(TEXTURE_KINDS)),
    Column("register", 4),
    Column("dynamics", len(_MARKS) + 1),
    Column("tempo", len(TEMPO_EDGES) + 1),
)
EVENT_COLUMNS = (
    Column("track", N_TRACKS + 2),
    Column("pitch", N_PITCHES, "pitch"),
    Column("duration", N_DURATIONS),
    Column("velocity", N_VELOCITIES),
    Column("timing", N_TIMINGS),
    Column("reference_wait", N_SPANS),
    Column("reference_track", N_TRACKS + 1),
    Column("reference_pitch", N_PITCHES, "pitch"),
)
#: Of each track: its last pitch, ticks since that began, ticks until it ends; whether the
#: reference begins a note at this tick.
STATE_COLUMNS = tuple(
    Column(f"{name}_{track}", size, kind)
    for track in range(N_TRACKS)
    for name, size, kind in (
        ("last", N_PITCHES, "pitch"),
        ("since", N_SPANS, "plain"),
        ("until", N_SPANS, "plain"),
        ("reference", 2, "plain"),
    )
)
#: Of the next event's own track.
OWN_COLUMNS = (
    Column("own_last", N_PITCHES, "pitch"),
    Column("own_since", N_SPANS),
    Column("own_until", N_SPANS),
    Column("own_reference", N_PITCHES, "pitch"),
    Column("own_reference_duration", N_DURATIONS),
)
PART_COLUMNS = (
    Column("place", N_PLACES),
    Column("track", N_TRACKS),
    Column("pitch", N_PITCHES, "pitch"),
    Column("duration", N_DURATIONS),
    Column("velocity", N_VELOCITIES),
    Column("timing", N_TIMINGS),
)
READ_COLUMNS = EVENT_COLUMNS + PLAN_COLUMNS
ASK_COLUMNS = PLAN_COLUMNS + STATE_COLUMNS + OWN_COLUMNS

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EventColumns:
    """Columns of a piece's N events.

    Attributes
    ----------
    read : np.ndarray, shape (N, len(READ_COLUMNS)), int16
        Of event i.
    ask : np.ndarray, shape (N, len(ASK_COLUMNS)), int16
        At event i + 1.
    parts : np.ndarray, shape (N, len(PART_COLUMNS)), int16
        Of event i + 1; place `NEXT_BAR` where it is a bar line or the end, the rest then 0.
    floor : np.ndarray, shape (N, 3), int16
        Lowest place, track and pitch that may follow event i in the order of events: the track's
        holds at the same place, the pitch's at the same place and track.
    tick : np.ndarray, shape (N,), int32
    """

    read: NDArray[np.int16]
    ask: NDArray[np.int16]
    parts: NDArray[np.int16]
    floor: NDArray[np.int16]
    tick: NDArray[np.int32]


def span_class(ticks: NDArray[np.integer]) -> Rows:
    """Class of a span of ticks; 0 for a negative one, which is not known."""
    found: Rows = np.searchsorted(SPAN_EDGES, ticks, side="right")
    return found


class PlanColumns:
    """The plan's columns at any tick, and the tick of the first appearance each returns to."""

    def __init__(self, plan: PlanArrays) -> None:
        self.plan = plan
        ticks = np.arange(plan.length + 1)
        found = conditions_at(plan, ticks)
        phrase = np.maximum(found.phrase, 0)

        def of_phrase(name: str) -> Rows:
            if not len(plan.phrases):
                return np.zeros(len(ticks), dtype=np.int64)
            values = plan.phrases[name][phrase].astype(np.int64)
            return np.where(found.phrase >= 0, values, 0)

        metre = np.zeros(len(ticks), dtype=np.int64)
        for number, (numerator, denominator) in enumerate(METRES, 1):
            metre[(found.numerator == numerator) & (found.denominator == denominator)] = number
        dynamics = of_phrase("dynamics")
        columns = {
            "place": np.minimum(found.in_bar, NEXT_BAR - 1),
            "metre": metre,
            "tonic": np.where(found.tonic < 0, NO_CLASS, found.tonic),
            "mode": np.where(found.tonic < 0, 0, found.mode + 1),
            "root": np.where(found.root < 0, NO_CLASS, found.root),
            "bass": np.where(found.bass < 0, NO_CLASS, found.bass),
            "mask": found.mask,
            "quality": found.quality,
            "next_root": np.where(found.next_root < 0, NO_CLASS, found.next_root),
            "to_next_chord": span_class(found.to_next_chord),
            "cadence": found.cadence,
            "to_cadence": span_class(found.to_cadence),
            "in_phrase": span_class(found.in_phrase),
            "to_phrase_end": span_class(found.to_phrase_end),
            "section_occurrence": np.clip(found.section_occurrence + 1, 0, N_OCCURRENCES - 1),
            "role": found.role,
            "theme_occurrence": np.clip(found.theme_occurrence + 1, 0, N_OCCURRENCES - 1),
            "variation": found.variation,
            "texture": of_phrase("texture"),
            "register": np.clip(of_phrase("register") // 12 + 2, 1, 3),
            "dynamics": np.where(
                dynamics > 0, 1 + np.searchsorted(_MARKS, dynamics, side="right") - 1, 0
            ).clip(0, len(_MARKS)),
            "tempo": np.searchsorted(TEMPO_EDGES, of_phrase("tempo"), side="right"),
        }
        self.table = np.stack([columns[column.name] for column in PLAN_COLUMNS], 1).astype(np.int16)
        theme, section = found.theme_reference, found.section_reference
        #: First appearance of the music at each tick, -1 where there is none.
        self.reference = np.where(theme >= 0, theme, section).astype(np.int64)
        tonic = found.tonic.astype(np.int64)
        there = tonic[np.clip(self.reference, 0, len(ticks) - 1)]
        moved = (tonic - there + 5) % 12 - 5
        #: Semitones from there to here, where both keys are known.
        self.shift = np.where((tonic < 0) | (there < 0) | (self.reference < 0), 0, moved)

    def at(self, ticks: NDArray[np.integer]) -> NDArray[np.int16]:
        """Rows of `PLAN_COLUMNS` at ticks (the last one beyond the end)."""
        rows: NDArray[np.int16] = self.table[np.minimum(ticks, len(self.table) - 1)]
        return rows


def order_key(tick: Rows, track: Rows, pitch: Rows) -> Rows:
    """Numbers that ascend in the order of events."""
    return (tick * 8 + track) * 128 + pitch


def read_events(events: NDArray[np.void], plan: PlanArrays) -> EventColumns:
    """Compute the columns of a piece.

    Parameters
    ----------
    events : np.ndarray, shape (N,), `EVENT_DTYPE`
        As `encode_events` makes them.
    plan : PlanArrays
    """
    told = PlanColumns(plan)
    n = len(events)
    tick = events["tick"].astype(np.int64)
    track = events["track"].astype(np.int64)
    pitch = events["pitch"].astype(np.int64)
    is_note = track < N_TRACKS
    following = np.minimum(np.arange(n) + 1, n - 1)
    next_tick = tick[following]
    asked = is_note[following] & (np.arange(n) < n - 1)
    last_tick = len(told.table) - 1

    # The reference's next note after each event, and its note for each next event.
    order = np.flatnonzero(is_note)
    keys = order_key(tick[order], track[order], pitch[order])
    here = np.minimum(tick, last_tick)
    home, shift = told.reference[here], told.shift[here]
    after = np.where(
        is_note, order_key(home, track, pitch - shift), order_key(home, 0 * track, 0 * pitch) - 1
    )
    pointer = np.searchsorted(keys, after, side="right")
    # Only what sounded before now can be returned to.
    has = (home >= 0) & (pointer < len(keys))
    chosen = order[np.minimum(pointer, max(len(order) - 1, 0))] if len(order) else np.zeros(n, int)
    has &= tick[chosen] < tick
    wait = np.where(has, tick[chosen] - home, -1)
    read = {
        "track": track,
        "pitch": pitch,
        "duration": events["duration"],
        "velocity": events["velocity"],
        "timing": events["timing"],
        "reference_wait": span_class(wait),
        "reference_track": np.where(has, track[chosen] + 1, 0),
        "reference_pitch": np.where(has, _shifted(pitch[chosen], shift), 0),
    }
    states, own = _states(events, next_tick, track[following])
    there = np.minimum(next_tick, last_tick)
    home, shift = told.reference[there], told.shift[there]
    for number in range(N_TRACKS):
        low = order_key(home, np.full(n, number), np.zeros(n, np.int64))
        at = np.searchsorted(keys, low, side="left")
        found = at < len(keys)
        at = np.minimum(at, max(len(keys) - 1, 0))
        begins = found & (home >= 0) & (home < next_tick)
        if len(keys):
            begins &= keys[at] < low + 128
        else:
            begins[:] = False
        states[f"reference_{number}"] = begins.astype(np.int64)
    next_track = track[following]
    same = (next_tick == tick) & (next_track == track)
    low = order_key(home, next_track, np.where(same, pitch - shift, 0))
    at = np.searchsorted(keys, low, side="right")
    inside = at < len(keys)
    at = np.minimum(at, max(len(keys) - 1, 0))
    if len(keys):
        top = order_key(home, next_track + 1, np.zeros(n, np.int64))
        inside &= (home >= 0) & (home < next_tick) & (keys[at] < top) & asked
        source = order[at]
        own["own_reference"] = np.where(inside, _shifted(pitch[source], shift), 0)
        own["own_reference_duration"] = np.where(inside, events["duration"][source], 0)
    else:
        own["own_reference"] = own["own_reference_duration"] = np.zeros(n, np.int64)

    parts = np.zeros((n, len(PART_COLUMNS)), np.int16)
    for index, column in enumerate(PART_COLUMNS):
        empty = NEXT_BAR if column.name == "place" else 0
        parts[:, index] = np.where(asked, events[column.name][following], empty)
    place = events["place"].astype(np.int64)
    floor = np.stack([place, np.where(is_note, track, 0), np.where(is_note, pitch + 1, 0)], 1)
    left = np.stack([read[column.name] for column in EVENT_COLUMNS], 1).astype(np.int16)
    right = [
        *(states[column.name] for column in STATE_COLUMNS),
        *(own[column.name] for column in OWN_COLUMNS),
    ]
    return EventColumns(
        read=np.concatenate([left, told.at(tick)], 1),
        ask=np.concatenate([told.at(next_tick), np.stack(right, 1).astype(np.int16)], 1),
        parts=parts,
        floor=floor.astype(np.int16),
        tick=tick.astype(np.int32),
    )


def _shifted(pitch: Rows, shift: Rows) -> Rows:
    """Pitch classes of the vocabulary moved by semitones, kept inside it."""
    return np.where(pitch > 0, np.clip(pitch + shift, 1, N_PITCHES - 1), 0)


def _states(
    events: NDArray[np.void], next_tick: Rows, next_track: Rows
) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """What each track sounded last when the next event comes, and the next event's own track."""
    n = len(events)
    index = np.arange(n)
    tick, track = events["tick"].astype(np.int64), events["track"]
    length = np.array((0, *DURATIONS))[events["duration"]]
    states: dict[str, Rows] = {}
    own = {name: np.zeros(n, np.int64) for name in ("own_last", "own_since", "own_until")}
    for number in range(N_TRACKS):
        last = np.maximum.accumulate(np.where(track == number, index, -1))
        known = last >= 0
        at = np.maximum(last, 0)
        left = np.maximum(tick[at] + length[at] - next_tick, 0)
        values = {
            "last": np.where(known, events["pitch"][at], 0).astype(np.int64),
            "since": span_class(np.where(known, next_tick - tick[at], -1)),
            "until": span_class(np.where(known, left, -1)),
        }
        mine = next_track == number
        for name, column in values.items():
            states[f"{name}_{number}"] = column
            own[f"own_{name}"] = np.where(mine, column, own[f"own_{name}"])
    return states, own


__all__ = [
    "ASK_COLUMNS",
    "BAR",
    "LOWEST",
    "OWN_COLUMNS",
    "PART_COLUMNS",
    "PLAN_COLUMNS",
    "READ_COLUMNS",
    "STATE_COLUMNS",
    "TICKS",
    "Column",
    "EventColumns",
    "PlanColumns",
    "order_key",
    "read_events",
    "span_class",
]
