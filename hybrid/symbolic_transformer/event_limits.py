"""Hard limits on the next event: which places, tracks, pitches and durations are open to a row.

Each limit has a name, which is told when limits leave nothing; it answers for all rows at once.
A limit that asks for a note in time says until when (`due`), so that no row writes past the
moment at which the note would still have been possible.

All times are ticks of 1/24 quarter from the piece's start; pitches are places in the events'
vocabulary (0: none), unless a name says MIDI.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.events import (
    DURATIONS,
    LOWEST,
    N_DURATIONS,
    N_PITCHES,
    N_TRACKS,
    duration_class,
)

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
#: Later than any piece.
NEVER = 1 << 40
#: Lengths in ticks of the duration classes.
LENGTHS = np.array((0, *DURATIONS))
#: Ticks that notes which a bar still needs are given each, at the least where there is room.
ROOM = 6


@dataclass(frozen=True)
class Span:
    """A bar on ticks, and what a place of the vocabulary must exceed its tick by.

    ``missing`` is what a pickup lacks, so that place = tick - start + missing.
    """

    index: int
    start: int
    end: int
    missing: int = 0


@dataclass
class Standing:
    """Where B rows stand while they choose the parts of their next events.

    ``tick``, ``track`` and ``pitch`` are those of the next event, as far as they are chosen;
    ``here`` is the newest event's tick, ``own`` has `OWN_COLUMNS` once the track is chosen.
    """

    rows: EventRows
    bar: Span
    here: Ints
    tick: Ints
    track: Ints
    pitch: Ints
    own: Ints

    @property
    def every(self) -> Ints:
        return np.arange(len(self.here))


class Limit:
    """A limit that forbids nothing; children say what they forbid."""

    def __init__(self, name: str) -> None:
        self.name = name

    def due(self, at: Standing) -> tuple[Ints, int] | None:
        """Tick until which each row must write a note, and its track; `NEVER` for no need."""
        return None

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        """Tracks that may begin a note at each of P ticks, (B, P, N_TRACKS); None for all."""
        return None

    def pitches(self, at: Standing) -> Mask | None:
        """Pitches open to the next track, (B, N_PITCHES); None for all."""
        return None

    def durations(self, at: Standing) -> Mask | None:
        """Durations open to the next pitch, (B, N_DURATIONS); None for all."""
        return None


def all_tracks(at: Standing, ticks: Ints) -> Mask:
    """Every track open at every tick, (B, P, N_TRACKS)."""
    return np.ones((len(at.here), len(ticks), N_TRACKS), dtype=bool)


def shorter_than(ticks: Ints) -> Mask:
    """Durations of at most so many ticks, (B, N_DURATIONS); the shortest is always open."""
    found: Mask = np.maximum(ticks, 1)[:, None] >= LENGTHS
    return found


def midi_set(pitches: Iterable[int]) -> Mask:
    """MIDI pitches as a row over the vocabulary."""
    made = np.zeros(N_PITCHES, dtype=bool)
    for pitch in pitches:
        if 1 <= pitch - LOWEST + 1 < N_PITCHES:
            made[pitch - LOWEST + 1] = True
    return made


class Pitches(Limit):
    """While a span lasts, some tracks sound pitches of a set only."""

    def __init__(
        self, name: str, tracks: Sequence[int], spans: Sequence[tuple[int, int, Mask]]
    ) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        order = sorted(spans, key=lambda span: span[0])
        self.start = np.array([span[0] for span in order], np.int64)
        self.end = np.array([span[1] for span in order], np.int64)
        self.open = np.array([span[2] for span in order], dtype=bool).reshape(-1, N_PITCHES)

    def pitches(self, at: Standing) -> Mask | None:
        if not len(self.start):
            return None
        number = np.searchsorted(self.start, at.tick, side="right") - 1
        inside = (number >= 0) & (at.tick < self.end[np.maximum(number, 0)])
        inside &= self.own[at.track]
        if not inside.any():
            return None
        found: Mask = np.where(inside[:, None], self.open[np.maximum(number, 0)], True)
        return found

    def durations(self, at: Standing) -> Mask | None:
        if not len(self.start) or not self.own[at.track].any():
            return None
        shut = ~self.open[:, at.pitch].T & (self.start > at.tick[:, None])
        first = np.where(shut, self.start, NEVER).min(1)
        return shorter_than(np.where(self.own[at.track], first - at.tick, NEVER))


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
        return np.searchsorted(self.keys, np.maximum(last + 1, at.here * 128))

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


class Steps(Limit):
    """Some tracks move by intervals of a set only, into notes that begin inside a span.

    ``widest`` in semitones or None, ``sizes`` those that are forbidden; steps count into notes
    that begin after ``since``.
    """

    def __init__(
        self,
        name: str,
        tracks: Sequence[int],
        span: tuple[int, int],
        since: int,
        widest: int | None = None,
        sizes: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        self.span, self.since = span, since
        interval = np.arange(N_PITCHES)
        self.open = np.ones(N_PITCHES, dtype=bool)
        if widest is not None:
            self.open &= interval <= widest
        self.open &= ~np.isin(interval, sorted(sizes))

    def pitches(self, at: Standing) -> Mask | None:
        low, high = self.span
        mine = self.own[at.track] & (low <= at.tick) & (at.tick < high) & (at.tick > self.since)
        last = at.rows.last_pitch[at.every, at.track]
        mine &= last > 0
        if not mine.any():
            return None
        size = np.abs(np.arange(N_PITCHES) - last[:, None])
        found: Mask = ~mine[:, None] | self.open[size]
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


class Parallels(Limit):
    """No parallel fifths and octaves between some tracks, not even across a rest."""

    def __init__(self, name: str, tracks: Sequence[int], span: tuple[int, int], since: int) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        self.numbers = tuple(tracks)
        self.span, self.since = span, since

    def pitches(self, at: Standing) -> Mask | None:
        rows, pitches = at.rows, np.arange(N_PITCHES)
        low, high = self.span
        mine = self.own[at.track] & (low <= at.tick) & (at.tick < high) & (at.tick > self.since)
        last = rows.last_pitch[at.every, at.track]
        # A second note at one tick has its voice's earlier note before it.
        again = rows.last_tick[at.every, at.track] == at.tick
        last = np.where(again, rows.before_pitch[at.every, at.track], last)
        mine &= last > 0
        if not mine.any():
            return None
        shut = np.zeros((len(at.tick), N_PITCHES), dtype=bool)
        for other in self.numbers:
            now, before = rows.last_pitch[:, other], rows.before_pitch[:, other]
            # Only a voice that moves at this very tick can move in parallel.
            moves = (rows.last_tick[:, other] == at.tick) & (before > 0) & (now != before)
            moves &= mine & (at.track != other)
            was = np.abs(last - before) % 12
            perfect = moves & ((was == 0) | (was == 7))
            if perfect.any():
                size = np.abs(pitches - now[:, None]) % 12
                shut |= perfect[:, None] & (size == was[:, None]) & (pitches != last[:, None])
        return ~shut


class OneAtATime(Limit):
    """Some tracks begin one note at a tick at most."""

    def __init__(self, name: str, tracks: Sequence[int]) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        has = at.rows.last_pitch > 0
        again = has[:, None] & (at.rows.last_tick[:, None] == ticks[:, None])
        found: Mask = ~(again & self.own)
        return found


class Silent(Limit):
    """Some tracks begin no notes while a span lasts."""

    def __init__(self, name: str, tracks: Sequence[int], span: tuple[int, int]) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        self.span = span

    def tracks(self, at: Standing, ticks: Ints) -> Mask | None:
        inside = (self.span[0] <= ticks) & (ticks < self.span[1])
        return ~np.broadcast_to(inside[:, None] & self.own, (len(at.here), len(ticks), N_TRACKS))


class EndsBy(Limit):
    """Some tracks' notes that begin before a tick end there at the latest."""

    def __init__(self, name: str, tracks: Sequence[int], tick: int) -> None:
        super().__init__(name)
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        self.tick = tick

    def durations(self, at: Standing) -> Mask | None:
        bound = self.own[at.track] & (at.tick < self.tick)
        return shorter_than(np.where(bound, self.tick - at.tick, NEVER))


__all__ = [
    "Counts",
    "Covered",
    "EndsBy",
    "Limit",
    "Line",
    "OneAtATime",
    "Onsets",
    "Parallels",
    "Pitches",
    "Reach",
    "Silent",
    "Span",
    "Standing",
    "Steps",
    "midi_set",
    "shorter_than",
]
