"""Rows of events that grow one at a time, and the columns the model is told of them.

What `hybrid.symbolic_transformer.event_columns.read_events` computes for a finished piece is
computed here for the newest event of many rows at once: a row is a particle, a piece that may
yet become something else than its neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_columns import (
    ASK_COLUMNS,
    EVENT_COLUMNS,
    OWN_COLUMNS,
    PLAN_COLUMNS,
    READ_COLUMNS,
    PlanColumns,
    order_key,
    span_class,
)
from hybrid.symbolic_transformer.events import (
    BAR,
    DURATIONS,
    EVENT_DTYPE,
    N_PITCHES,
    N_TRACKS,
)
from hybrid.symbolic_transformer.tables import PlanArrays

Ints = NDArray[np.int64]
#: Keys of different rows lie this far apart.
_APART = 1 << 44
_LENGTHS = np.array((0, *DURATIONS))
_FIELDS = ("tick", "track", "place", "pitch", "duration", "velocity", "timing")
_PLAN, _STATE = len(PLAN_COLUMNS), 4


class EventRows:
    """Events of B rows under one plan.

    Attributes
    ----------
    events : np.ndarray, shape (B, capacity), `EVENT_DTYPE`
    count : np.ndarray, shape (B,), int64
        Events of each row.
    last_pitch, last_tick, last_end : np.ndarray, shape (B, N_TRACKS), int64
        Of each track's newest note; pitch 0 where there is none yet.
    before_pitch : np.ndarray, shape (B, N_TRACKS), int64
        What each track sounded before the tick of its newest note; 0 where nothing.
    bar_notes : np.ndarray, shape (B, N_TRACKS), int64
        Notes of each track since the newest bar line.
    """

    def __init__(self, plan: PlanArrays, n_rows: int, capacity: int = 1024) -> None:
        self.told = PlanColumns(plan)
        self.events = np.zeros((n_rows, capacity), EVENT_DTYPE)
        self.count = np.zeros(n_rows, np.int64)
        self.last_pitch = np.zeros((n_rows, N_TRACKS), np.int64)
        self.last_tick = np.zeros((n_rows, N_TRACKS), np.int64)
        self.last_end = np.zeros((n_rows, N_TRACKS), np.int64)
        self.before_pitch = np.zeros((n_rows, N_TRACKS), np.int64)
        self.bar_notes = np.zeros((n_rows, N_TRACKS), np.int64)
        self._n_notes = np.zeros(n_rows, np.int64)
        # Keys of notes, each row's above the one before, so that one search serves all rows.
        self._base = np.arange(n_rows)[:, None] * _APART
        self._keys = np.repeat(self._base + _APART - 1, capacity, axis=1)
        self._source = np.zeros((n_rows, capacity), np.int64)  # event of each key

    @property
    def n_rows(self) -> int:
        return len(self.count)

    # --- Growing ---------------------------------------------------------------------------

    def append(self, rows: Ints, **fields: Any) -> None:
        """Add an event to each of some rows; fields of `EVENT_DTYPE` left out are 0."""
        if (self.count[rows] >= self.events.shape[1]).any():
            self._grow()
        at = self.count[rows]
        values = {name: np.broadcast_to(fields.get(name, 0), rows.shape) for name in _FIELDS}
        for name in _FIELDS:
            self.events[name][rows, at] = values[name]
        tick, track, pitch = (values[n].astype(np.int64) for n in ("tick", "track", "pitch"))
        notes = track < N_TRACKS
        mine, own = rows[notes], track[notes]
        later = self.last_tick[mine, own] < tick[notes]
        before = np.where(later, self.last_pitch[mine, own], self.before_pitch[mine, own])
        self.before_pitch[mine, own] = before
        self.bar_notes[rows[track == BAR]] = 0
        self.bar_notes[mine, own] += 1
        self.last_pitch[mine, own] = pitch[notes]
        self.last_tick[mine, own] = tick[notes]
        self.last_end[mine, own] = tick[notes] + _LENGTHS[values["duration"][notes]]
        place = self._n_notes[mine]
        self._keys[mine, place] = mine * _APART + order_key(tick[notes], own, pitch[notes])
        self._source[mine, place] = at[notes]
        self._n_notes[mine] += 1
        self.count[rows] += 1

    def _grow(self) -> None:
        more = self.events.shape[1]
        self.events = np.pad(self.events, ((0, 0), (0, more)))
        far = np.repeat(self._base + _APART - 1, more, axis=1)
        self._keys = np.concatenate([self._keys, far], 1)
        self._source = np.pad(self._source, ((0, 0), (0, more)))

    def load(self, events: NDArray[Any]) -> None:
        """Begin all rows, which must be empty, with the same events."""
        every = np.arange(self.n_rows)
        for event in events:
            self.append(every, **{name: int(event[name]) for name in _FIELDS})

    def select(self, rows: Ints) -> None:
        """Keep the given rows in their order; a row may come more than once."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[rows])
        base = np.arange(len(rows))[:, None] * _APART
        self._keys += base - self._base
        self._base = base

    def take_back(self, count: Ints) -> None:
        """Forget the events of each row from ``count`` on."""
        self.count = np.minimum(self.count, count)
        for row, n in enumerate(self.count.tolist()):
            events = self.events[row, :n]
            notes = np.flatnonzero(events["track"] < N_TRACKS)
            bars = np.flatnonzero(events["track"] == BAR)[-1:]
            self._n_notes[row] = len(notes)
            self._keys[row, len(notes) :] = (row + 1) * _APART - 1
            for track in range(N_TRACKS):
                own = notes[events["track"][notes] == track]
                last = events[own[-1]] if len(own) else np.zeros(1, EVENT_DTYPE)[0]
                earlier = own[events["tick"][own] < last["tick"]]
                before = events["pitch"][earlier[-1]] if len(earlier) else 0
                self.before_pitch[row, track] = before
                self.bar_notes[row, track] = (own > max(bars, default=-1)).sum()
                self.last_pitch[row, track] = last["pitch"]
                self.last_tick[row, track] = last["tick"]
                self.last_end[row, track] = last["tick"] + _LENGTHS[last["duration"]]

    def newest(self, name: str) -> Ints:
        """A field of each row's newest event."""
        found: Ints = self.events[name][np.arange(self.n_rows), self.count - 1].astype(np.int64)
        return found

    # --- Columns ---------------------------------------------------------------------------

    def _search(self, keys: Ints, side: Any) -> tuple[Ints, NDArray[np.bool_]]:
        """Event of the first note from a key on, or after it; and whether there is one."""
        rows = np.arange(self.n_rows)
        at = np.searchsorted(self._keys.ravel(), np.maximum(keys, -1) + rows * _APART, side=side)
        at = at - rows * self._keys.shape[1]
        found = at < self._n_notes
        return self._source[rows, np.where(found, at, 0)], found

    def _home(self, tick: Ints) -> tuple[Ints, Ints]:
        """Tick that each tick returns to (-1: none), and semitones from there."""
        here = np.minimum(tick, len(self.told.table) - 1)
        return self.told.reference[here], self.told.shift[here]

    def reference_next(self) -> tuple[NDArray[np.bool_], Ints, Ints]:
        """The note that follows in the music each row returns to.

        Returns
        -------
        (np.ndarray, np.ndarray, np.ndarray), each shape (B,)
            Whether there is one, its event in the row, and its tick moved to here.
        """
        tick, track, pitch = (self.newest(name) for name in ("tick", "track", "pitch"))
        home, shift = self._home(tick)
        is_note = track < N_TRACKS
        after = np.where(
            is_note,
            order_key(home, track, pitch - shift),
            order_key(home, 0 * track, 0 * pitch) - 1,
        )
        chosen, found = self._search(after, "right")
        there = self.events["tick"][np.arange(self.n_rows), chosen].astype(np.int64)
        has = found & (home >= 0) & (there < tick)
        return has, chosen, there - home + tick

    def kept_share(self, n: int) -> NDArray[np.float64]:
        """Share of each row's newest ``n`` events' notes that stand where the music returned to
        has them too, onset, track and pitch; nan for a row whose newest events do not return.
        """
        rows = np.arange(self.n_rows)[:, None]
        at = self.count[:, None] - 1 - np.arange(n)
        events = self.events[rows, np.maximum(at, 0)]
        tick, track, pitch = (events[name].astype(np.int64) for name in ("tick", "track", "pitch"))
        home, shift = self._home(tick)
        counts = (at >= 0) & (track < N_TRACKS) & (home >= 0)
        keys = np.maximum(order_key(home, track, pitch - shift), -1) + rows * _APART
        flat = self._keys.ravel()
        found = flat[np.minimum(np.searchsorted(flat, keys), len(flat) - 1)] == keys
        number = counts.sum(1)
        share = (counts & found).sum(1) / np.maximum(number, 1)
        return np.where(number > 0, share, np.nan)

    def read(self) -> NDArray[np.int64]:
        """What the decoder reads of each row's newest event, (B, len(READ_COLUMNS))."""
        rows = np.arange(self.n_rows)
        newest = self.events[rows, self.count - 1]
        tick = newest["tick"].astype(np.int64)
        _, shift = self._home(tick)
        has, chosen, there = self.reference_next()
        source = self.events[rows, chosen]
        left = len(EVENT_COLUMNS)
        made = np.zeros((self.n_rows, len(READ_COLUMNS)), np.int64)
        for number, name in enumerate(("track", "pitch", "duration", "velocity", "timing")):
            made[:, number] = newest[name]
        made[:, 5] = span_class(np.where(has, there - tick, -1))
        made[:, 6] = np.where(has, source["track"] + 1, 0)
        made[:, 7] = np.where(has, _shifted(source["pitch"].astype(np.int64), shift), 0)
        made[:, left:] = self.told.at(tick)
        return made

    def ask(self, tick: Ints) -> NDArray[np.int64]:
        """What is asked with at each row's next tick; the own track's columns are still 0."""
        made = np.zeros((self.n_rows, len(ASK_COLUMNS)), np.int64)
        made[:, :_PLAN] = self.told.at(tick)
        home, _ = self._home(tick)
        known = self.last_pitch > 0
        since = np.where(known, tick[:, None] - self.last_tick, -1)
        until = np.where(known, np.maximum(self.last_end - tick[:, None], 0), -1)
        for track in range(N_TRACKS):
            at = _PLAN + _STATE * track
            made[:, at] = self.last_pitch[:, track]
            made[:, at + 1] = span_class(since[:, track])
            made[:, at + 2] = span_class(until[:, track])
            made[:, at + 3] = self.returns(tick, home, track)
        return made

    def returns(self, tick: Ints, home: Ints, track: int) -> Ints:
        """Whether the music returned to begins a note of a track at each row's tick."""
        low = order_key(home, np.full(self.n_rows, track), np.zeros(self.n_rows, np.int64))
        chosen, found = self._search(low, "left")
        rows = np.arange(self.n_rows)
        there = self.events[rows, chosen]
        begins = found & (home >= 0) & (home < tick)
        begins &= (there["tick"] == home) & (there["track"] == track)
        result: Ints = begins.astype(np.int64)
        return result

    def own(self, tick: Ints, track: Ints) -> NDArray[np.int64]:
        """The columns of the next event's own track, (B, len(OWN_COLUMNS))."""
        rows = np.arange(self.n_rows)
        made = np.zeros((self.n_rows, len(OWN_COLUMNS)), np.int64)
        last = self.last_pitch[rows, track]
        known = last > 0
        made[:, 0] = last
        made[:, 1] = span_class(np.where(known, tick - self.last_tick[rows, track], -1))
        left = np.maximum(self.last_end[rows, track] - tick, 0)
        made[:, 2] = span_class(np.where(known, left, -1))
        home, shift = self._home(tick)
        same = (tick == self.newest("tick")) & (track == self.newest("track"))
        low = order_key(home, track, np.where(same, self.newest("pitch") - shift, 0))
        chosen, found = self._search(low, "right")
        source = self.events[rows, chosen]
        found &= (home >= 0) & (home < tick)
        found &= (source["tick"] == home) & (source["track"] == track)
        made[:, 3] = np.where(found, _shifted(source["pitch"].astype(np.int64), shift), 0)
        made[:, 4] = np.where(found, source["duration"], 0)
        return made

    def floor(self) -> NDArray[np.int64]:
        """Lowest place, track and pitch that may follow, (B, 3), as in `EventColumns`."""
        track = self.newest("track")
        is_note = track < N_TRACKS
        return np.stack(
            [
                self.newest("place"),
                np.where(is_note, track, 0),
                np.where(is_note, self.newest("pitch") + 1, 0),
            ],
            1,
        )


def _shifted(pitch: Ints, shift: Ints) -> Ints:
    return np.where(pitch > 0, np.clip(pitch + shift, 1, N_PITCHES - 1), 0)


__all__ = ["BAR", "EventRows"]
