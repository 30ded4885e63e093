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
    N_PITCHES,
    N_TRACKS,
)

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
#: Later than any piece.
NEVER = 1 << 40
#: Lengths in ticks of the duration classes.
LENGTHS = np.array((0, *DURATIONS))


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
    """A limit that forbids nothing; children say what they forbid.

    ``joins`` says whether it is about steps between notes, so that it also speaks of given notes
    that follow new ones.
    """

    joins = False

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


class Steps(Limit):
    """Some tracks move by intervals of a set only, into notes that begin inside a span.

    ``widest`` in semitones or None, ``sizes`` those that are forbidden; steps count into notes
    that begin after ``since``.
    """

    joins = True

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


class Parallels(Limit):
    """No parallel fifths and octaves between some tracks, not even across a rest."""

    joins = True

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
    "LENGTHS",
    "NEVER",
    "EndsBy",
    "Limit",
    "OneAtATime",
    "Parallels",
    "Pitches",
    "Silent",
    "Span",
    "Standing",
    "Steps",
    "all_tracks",
    "midi_set",
    "shorter_than",
]
