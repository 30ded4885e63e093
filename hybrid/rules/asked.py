"""What constraints ask of the voices of phrases, as the searches read it.

Masks of pitches over spans of ticks, fixed lines, limits on steps, onsets, counts. Ticks count
from the piece's start, voices from the highest one of their phrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hybrid.core.plan import Constraint

Pitches = frozenset[int]
ALL_PITCHES: Pitches = frozenset(range(128))


@dataclass(frozen=True)
class Mask:
    """Notes of a voice that sound anywhere in [start, end) have one of some pitches."""

    voice: int
    start: int
    end: int
    pitches: Pitches
    pinned: tuple[tuple[int, int], ...] = ()  # notes that may stand outside the chord for it
    must_sound: bool = False
    cuts: bool = True  # whether the voice may move where it begins and ends


@dataclass(frozen=True)
class Line:
    """A voice sings exactly these notes (onset, end, pitch, spelling; `SILENT` for rests)."""

    voice: int
    notes: tuple[tuple[int, int, int, int], ...]
    given: bool = False

    @property
    def start(self) -> int:
        return self.notes[0][0]

    @property
    def end(self) -> int:
        return self.notes[-1][1]

    def at(self, tick: int) -> tuple[int, int, int, int] | None:
        """The note or rest at a tick, None outside the line."""
        for note in self.notes:
            if note[0] <= tick < note[1]:
                return note
        return None


@dataclass(frozen=True)
class Moves:
    """Steps of a voice into notes that begin in [start, end), after ``since``."""

    voice: int
    start: int
    end: int
    widest: int | None = None
    forbidden: frozenset[int] = frozenset()
    since: int = 0

    def covers(self, onset: int) -> bool:
        """Whether it speaks of a step into a note that begins at a tick."""
        return self.start <= onset < self.end and onset > self.since

    def allows(self, size: int) -> bool:
        """Whether a step of so many semitones may be taken."""
        return size not in self.forbidden and (self.widest is None or size <= self.widest)


@dataclass(frozen=True)
class Onsets:
    """A voice begins notes at exactly some ticks of [start, end)."""

    voice: int
    start: int
    end: int
    ticks: frozenset[int]


@dataclass(frozen=True)
class Count:
    """Each voice begins ``fewest`` to ``most`` notes in a bar [start, end)."""

    voices: tuple[int, ...]
    start: int
    end: int
    fewest: int
    most: int


@dataclass(frozen=True)
class Reach:
    """One of some voices has a pitch once or more in [start, end)."""

    voices: tuple[int, ...]
    start: int
    end: int
    pitch: int


@dataclass(frozen=True)
class Span:
    """Some voices in [start, end); steps count into notes that begin after ``since``."""

    voices: tuple[int, ...]
    start: int
    end: int
    since: int = 0

    def covers(self, onset: int) -> bool:
        """Whether it speaks of a step into notes that begin at a tick."""
        return self.start <= onset < self.end and onset > self.since


@dataclass(frozen=True)
class Asked:
    """All that one constraint asks of some phrases; ticks from the piece's start."""

    name: str
    masks: tuple[Mask, ...] = ()
    lines: tuple[Line, ...] = ()
    moves: tuple[Moves, ...] = ()
    onsets: tuple[Onsets, ...] = ()
    counts: tuple[Count, ...] = ()
    reaches: tuple[Reach, ...] = ()
    consonant: tuple[Span, ...] = ()
    no_parallels: tuple[Span, ...] = ()
    hard: bool = True
    source: Constraint | None = field(default=None, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether it asks nothing."""
        return not (
            self.masks
            or self.lines
            or self.moves
            or self.onsets
            or self.counts
            or self.reaches
            or self.consonant
            or self.no_parallels
        )

    def within(self, start: int, end: int) -> bool:
        """Whether it asks anything in [start, end)."""
        groups: tuple[Sequence[Mask | Line | Moves | Onsets | Count | Reach | Span], ...] = (
            self.masks,
            self.lines,
            self.moves,
            self.onsets,
            self.counts,
            self.reaches,
            self.consonant,
            self.no_parallels,
        )
        return any(s.start < end and start < s.end for group in groups for s in group)

    def __add__(self, other: Asked) -> Asked:
        """The same constraint over more phrases."""
        return replace(
            self,
            masks=self.masks + other.masks,
            lines=self.lines + other.lines,
            moves=self.moves + other.moves,
            onsets=self.onsets + other.onsets,
            counts=self.counts + other.counts,
            reaches=self.reaches + other.reaches,
            consonant=self.consonant + other.consonant,
            no_parallels=self.no_parallels + other.no_parallels,
        )


def together(asked: Sequence[Asked]) -> dict[str, Asked]:
    """Constraints by name, what they ask of several phrases joined; in order."""
    found: dict[str, Asked] = {}
    for item in asked:
        if not item.is_empty:
            found[item.name] = found[item.name] + item if item.name in found else item
    return found


def source_of(active: Sequence[Asked], voice: int, onset: int, end: int) -> str:
    """Name of the constraint that asks for a note, empty where none does."""
    for item in active:
        for line in item.lines:
            if line.voice == voice and line.at(onset) is not None:
                return item.name
        for mask in item.masks:
            if mask.must_sound and mask.voice == voice and onset <= mask.start < end:
                return item.name
    return ""
