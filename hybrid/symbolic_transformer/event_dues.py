"""Limits that ask for notes in time: fixed moments, rhythms, melodies, numbers, high points.

What they leave open in time, `Limit.due` says; see `hybrid.symbolic_transformer.event_limits`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_limits import (
    LENGTHS,
    NEVER,
    Ints,
    Limit,
    Mask,
    Standing,
    all_tracks,
    shorter_than,
)
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.events import LOWEST, N_DURATIONS, N_PITCHES, duration_class

#: Ticks that notes which a bar still needs are given each, where there is room.
ROOM = 6


class Covered(Limit):
    """A track sounds at each of some ticks: a note holds over it or begins there."""

    def __init__(self, name: str, track: int, ticks: Sequence[int]) -> None:
        super().__init__(name)
        self.track = track
        self.ticks = np.array([*sorted(set(ticks)), NEVER], np.int64)

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        until = np.maximum(at.here, at.rows.last_end[:, self.track])
        return self.ticks[np.searchsorted(self.ticks, until)], self.track


class Onsets(Limit):
    """Inside spans a track begins notes at given ticks, at each of them and nowhere else."""

    def __init__(
        self, name: str, track: int, spans: Sequence[tuple[int, int]], ticks: Sequence[int]
    ) -> None:
        super().__init__(name)
        self.track = track
        self.start = np.array([span[0] for span in spans], np.int64)
        self.end = np.array([span[1] for span in spans], np.int64)
        self.ticks = np.array([*sorted(set(ticks)), NEVER], np.int64)

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        rows = at.rows
        has = rows.last_pitch[:, self.track] > 0
        after = np.where(has, rows.last_tick[:, self.track] + 1, 0)
        return self.ticks[np.searchsorted(self.ticks, np.maximum(at.here, after))], self.track

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        inside = ((self.start <= ticks[:, None]) & (ticks[:, None] < self.end)).any(1)
        listed = self.ticks[np.searchsorted(self.ticks, ticks)] == ticks
        done = at.rows.last_pitch[:, self.track] > 0
        done = done[:, None] & (at.rows.last_tick[:, self.track, None] == ticks)
        made = all_tracks(at, ticks)
        made[:, :, self.track] = ~inside | (listed & ~done)
        return made


class Line(Limit):
    """A track has exactly these notes while a span lasts; several may begin together.

    Parameters
    ----------
    notes : np.ndarray, shape (n, 3), int
        Tick, MIDI pitch and ticks of each note, ascending.
    """

    def __init__(
        self, name: str, track: int, spans: Sequence[tuple[int, int]], notes: NDArray[np.integer]
    ) -> None:
        super().__init__(name)
        self.track = track
        self.start = np.array([span[0] for span in spans], np.int64)
        self.end = np.array([span[1] for span in spans], np.int64)
        rows = np.asarray(notes, np.int64).reshape(-1, 3)
        pitch = rows[:, 1] - LOWEST + 1
        order = np.lexsort((pitch, rows[:, 0]))
        self.keys = np.append((rows[:, 0] * 128 + pitch)[order], NEVER)
        self.lengths = np.append(duration_class(rows[:, 2])[order], 0)
        #: Ticks of each note as given, which the classes may only come near.
        self.exact = np.append(rows[:, 2][order], 0)

    def _next(self, at: Standing) -> Ints:
        """Place of the first note that a row has not written yet."""
        rows = at.rows
        last = rows.last_tick[:, self.track] * 128 + rows.last_pitch[:, self.track]
        last = np.where(rows.last_pitch[:, self.track] > 0, last, -1)
        found: Ints = np.searchsorted(self.keys, np.maximum(last + 1, at.here * 128))
        return found

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        return self.keys[self._next(at)] // 128, self.track

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        made = all_tracks(at, ticks)
        inside = ((self.start <= ticks[:, None]) & (ticks[:, None] < self.end)).any(1)
        following = self.keys[self._next(at)] // 128
        made[:, :, self.track] = ~inside | (following[:, None] == ticks)
        return made

    def _mine(self, at: Standing) -> Mask:
        inside = ((self.start <= at.tick[:, None]) & (at.tick[:, None] < self.end)).any(1)
        found: Mask = (at.track == self.track) & inside
        return found

    def pitches(self, at: Standing) -> Mask | None:
        mine = self._mine(at)
        if not mine.any():
            return None
        wanted = self.keys[self._next(at)]
        wanted = np.where(wanted // 128 == at.tick, wanted % 128, -1)
        found: Mask = ~mine[:, None] | (np.arange(N_PITCHES) == wanted[:, None])
        return found

    def durations(self, at: Standing) -> Mask | None:
        mine = self._mine(at)
        # What sounds into the span from before ends where it begins.
        ahead = np.where(self.start > at.tick[:, None], self.start, NEVER)
        left = ahead.min(1, initial=NEVER) - at.tick
        open_ = shorter_than(np.where(at.track == self.track, left, NEVER))
        key = at.tick * 128 + at.pitch
        place = np.searchsorted(self.keys, key)
        exact = np.arange(N_DURATIONS) == self.lengths[place][:, None]
        found: Mask = np.where(mine[:, None], exact, open_)
        return found


class Counts(Limit):
    """A track begins no fewer and no more notes than so many in each of some bars."""

    def __init__(self, name: str, track: int, span: tuple[int, int], least: int, most: int) -> None:
        super().__init__(name)
        self.track, self.span = track, span
        self.least, self.most = least, most

    def _inside(self, at: Standing) -> bool:
        return self.span[0] < at.bar.end and at.bar.start < self.span[1]

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        if not self._inside(at):
            return None
        need = self.least - at.rows.bar_notes[:, self.track]
        left = at.bar.end - at.here
        room = np.minimum(ROOM, left // np.maximum(need, 1))
        tick = np.maximum(at.bar.end - need * np.maximum(room, 1), at.here)
        return np.where(need > 0, tick, NEVER), self.track

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        if not self._inside(at):
            return None
        made = all_tracks(at, ticks)
        made[:, :, self.track] = (at.rows.bar_notes[:, self.track] < self.most)[:, None]
        return made


class Reach(Limit):
    """One of some tracks sounds a pitch once or more while a span lasts.

    In the span's last bar the first of the tracks has to begin a note with room to spare, and a
    note in the last quarter is that pitch where none has been it before.
    """

    def __init__(
        self, name: str, tracks: Sequence[int], span: tuple[int, int], midi_pitch: int
    ) -> None:
        super().__init__(name)
        self.own = tuple(tracks)
        self.span, self.pitch = span, midi_pitch - LOWEST + 1
        self.last_call = span[1] - 24

    def missing(self, rows: EventRows) -> Mask:
        """Rows that have not sounded the pitch yet."""
        events = rows.events
        hit = (events["pitch"] == self.pitch) & np.isin(events["track"], self.own)
        end = events["tick"] + LENGTHS[events["duration"]]
        hit &= (end > self.span[0]) & (events["tick"] < self.span[1])
        hit &= np.arange(events.shape[1]) < rows.count[:, None]
        found: Mask = ~hit.any(1)
        return found

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        if not at.bar.start < self.span[1] <= at.bar.end:
            return None
        tick = np.maximum(self.last_call, at.here)
        return np.where(self.missing(at.rows), tick, NEVER), self.own[0]

    def pitches(self, at: Standing) -> Mask | None:
        if not (at.bar.start < self.span[1] <= at.bar.end):
            return None
        forced = (at.tick >= self.last_call) & (at.track == self.own[0])
        if not forced.any():
            return None
        forced &= self.missing(at.rows)
        found: Mask = ~forced[:, None] | (np.arange(N_PITCHES) == self.pitch)
        return found


__all__ = ["Counts", "Covered", "Line", "Onsets", "Reach"]
