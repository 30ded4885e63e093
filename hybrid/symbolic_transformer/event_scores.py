"""Between scores and the events of a style's four tracks: reading given notes, writing new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.plan import DYNAMICS, FormPlan, PlacedPhrase
from hybrid.core.score import (
    NOTE_DTYPE,
    TICKS_PER_QUARTER,
    KeySignature,
    Marker,
    Score,
    Track,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.symbolic_transformer.event_parts import Seat, Seating
from hybrid.symbolic_transformer.events import HIGHEST, LOWEST, decode_events
from hybrid.symbolic_transformer.tables import NOTE_DTYPE as GRID_NOTE_DTYPE
from hybrid.symbolic_transformer.tables import TICKS, to_grid

UNIT = TICKS_PER_QUARTER // TICKS
#: The middle of the velocities each style learned from; what differs from it is kept.
LEVELS = {"chorale": 80.0, "quartet": 80.0, "pop": 84.0}
#: Where the source had no dynamics: added by the strength of the onset, and towards the middle
#: of a phrase.
ACCENTS = {3: 6, 2: 3, 1: 0, 0: -4}
SWELL = 7.0


@dataclass(frozen=True)
class NewNote:
    """A note of the model in a score's own units.

    Attributes
    ----------
    seat : Seat
    event : int
        Index of its event.
    onset, end : int
        Ticks of 1/480 quarter.
    pitch : int
        As it sounds.
    velocity : int
    phrase : PlacedPhrase
    """

    seat: Seat
    event: int
    onset: int
    end: int
    pitch: int
    velocity: int
    phrase: PlacedPhrase


def to_ticks(quarters: Any) -> int:
    """Quarters on a score's ticks."""
    return round(quarters * TICKS_PER_QUARTER)


def phrase_at(placed: Sequence[PlacedPhrase], tick: int) -> PlacedPhrase:
    """The phrase in which a tick of 1/480 quarter lies; the first one for a pickup."""
    found = placed[0]
    for item in placed:
        if to_ticks(item.start) <= tick:
            found = item
    return found


def new_notes(
    events: NDArray[Any],
    plan: FormPlan,
    seating: Seating,
    exact: Mapping[tuple[int, int], int],
    span: tuple[int, int],
) -> list[NewNote]:
    """Notes of events that begin in a span of ticks (1/480 quarter), none sounding past it.

    A line that plays one note at a time ends each note where the next begins; a key that is
    struck anew ends what it held.

    Parameters
    ----------
    exact : mapping
        Ticks of 1/24 quarter of notes whose lengths the events only come near, by track and
        (onset * 128 + pitch's place).
    """
    placed = tuple(plan.phrases())
    numbers = np.flatnonzero(events["pitch"] > 0)
    notes = decode_events(events)
    made = []
    for number, note in zip(numbers.tolist(), notes, strict=True):
        onset = int(note["onset"]) * UNIT
        if not span[0] <= onset < span[1]:
            continue
        phrase = phrase_at(placed, onset)
        seat = seating.find(phrase.index, int(note["track"]))
        assert seat is not None, "a resting track wrote a note"
        key = int(note["onset"]) * 128 + int(note["pitch"]) - LOWEST + 1
        length = exact.get((seat.track, key), int(note["duration"])) * UNIT
        made.append(
            NewNote(
                seat,
                number,
                onset,
                min(onset + length, span[1]),
                int(note["pitch"]) + seat.shift,
                _velocity(int(note["velocity"]), onset, phrase, seating.style),
                phrase,
            )
        )
    return _trimmed(made)


def _velocity(model: int, onset: int, phrase: PlacedPhrase, style: str) -> int:
    """The model's velocity around its usual level, moved to the dynamics that the plan sets."""
    base = DYNAMICS[phrase.shared.dynamics or "mf"]
    value = base * model / LEVELS[style]
    if style != "pop":
        start, end = to_ticks(phrase.start), to_ticks(phrase.end)
        along = min(max((onset - start) / max(1, end - start), 0.0), 1.0)
        swell = float(np.sin(np.pi * along**0.8))
        from fractions import Fraction

        bar = to_ticks(phrase.metre.bar_quarters)
        late = Fraction((onset - start) % bar, TICKS_PER_QUARTER)
        value += ACCENTS[phrase.metre.accent(late)] + SWELL * (swell - 0.5)
    return int(np.clip(round(value), 1, 127))


def _trimmed(notes: Sequence[NewNote]) -> list[NewNote]:
    following: dict[tuple[int, int, int], int] = {}
    made = []
    for note in sorted(notes, key=lambda n: (-n.onset, n.event)):
        seat = note.seat
        key = (seat.part, seat.voice, -1 if seat.one_at_a_time else note.pitch)
        after = following.get(key, note.end)
        made.append(replace(note, end=min(note.end, after) if after > note.onset else note.end))
        following[key] = note.onset
    return sorted(made, key=lambda n: n.event)


def rows_of(notes: Sequence[NewNote], plan: FormPlan, part: int) -> NDArray[Any]:
    """New notes of a score's track as rows of its notes."""
    del plan
    rows = []
    for note in notes:
        if note.seat.part != part:
            continue
        chord = next(
            (
                c
                for c in reversed(note.phrase.phrase.chords)
                if to_ticks(note.phrase.start + c.onset) <= note.onset
            ),
            None,
        )
        key = note.phrase.key_of(chord) if chord is not None else note.phrase.key
        rows.append(
            (
                note.onset,
                note.end - note.onset,
                note.pitch,
                note.velocity,
                note.seat.voice,
                key.spell(note.pitch),
            )
        )
    return np.array(rows, dtype=NOTE_DTYPE)


def make_score(plan: FormPlan, seating: Seating, notes: Sequence[NewNote]) -> Score:
    """A score of new notes alone."""
    tracks = tuple(
        Track(
            part.name,
            rows_of(notes, plan, number),
            program=part.instrument.program,
            is_drum=part.instrument.is_drum,
            clef=part.clef,
        )
        for number, part in enumerate(seating.parts)
    )
    tempos: list[Tempo] = []
    metres: list[Metre] = []
    keys: list[KeySignature] = []
    markers: list[Marker] = []
    section = -1
    for item in plan.phrases():
        tick = to_ticks(item.start) if item.index else 0
        qpm = float(item.shared.tempo_qpm or 120.0)
        if not tempos or tempos[-1].qpm != qpm:
            tempos.append(Tempo(tick, qpm))
        if not metres or metres[-1].name != item.metre.name:
            metres.append(Metre(tick, item.metre.numerator, item.metre.denominator))
        if not keys or keys[-1].key != item.key:
            keys.append(KeySignature(tick, item.key))
        if item.section_index != section:
            section = item.section_index
            role = f" ({item.section.role})" if item.section.role else ""
            markers.append(Marker(tick, item.section.label + role))
    return Score(
        tracks,
        tempos=tuple(tempos),
        metres=tuple(metres),
        keys=tuple(keys),
        markers=tuple(markers),
        pickup_ticks=to_ticks(plan.pickup_quarters),
        title=plan.title,
        length=to_ticks(plan.quarters),
    )


# --- Given notes -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Given:
    """The notes of a given score that belong to the style's tracks.

    Attributes
    ----------
    notes : np.ndarray, shape (n,), `tables.NOTE_DTYPE`
        On ticks of 1/24 quarter, pitches as the model writes them, sorted as events are.
    owner : list of np.ndarray
        For each track of the score, the model's track of each of its notes (-1: none).
    """

    notes: NDArray[Any]
    owner: list[NDArray[np.int64]]


def read_given(given: Score, plan: FormPlan, seating: Seating) -> Given:
    """Take a score's notes for the style's tracks, as the plan seats them.

    Raises
    ------
    PlanError
        If the score has not the plan's tracks and ticks, or notes out of the model's reach.
    """
    if given.ticks_per_quarter != TICKS_PER_QUARTER:
        raise PlanError(
            f"given must have {TICKS_PER_QUARTER} ticks per quarter, got {given.ticks_per_quarter}"
        )
    names = [track.name for track in given.tracks]
    for part in seating.parts:
        if names.count(part.name) != 1:
            raise PlanError(
                f"given must have one track {part.name!r} of the plan, "
                f"it has {', '.join(repr(name) for name in names)}"
            )
    numbers = {part.name: number for number, part in enumerate(seating.parts)}
    placed = tuple(plan.phrases())
    rows, owners = [], []
    for track in given.tracks:
        owner = np.full(len(track.notes), -1, np.int64)
        part = numbers.get(track.name)
        if part is not None and not track.is_drum:
            for item in placed:
                start = to_ticks(item.start) if item.index else 0
                inside = (track.notes["onset"] >= start) & (
                    track.notes["onset"] < to_ticks(item.end)
                )
                seats = [seat for seat in seating.seats[item.index] if seat.part == part]
                if not seats or not inside.any():
                    continue
                at = np.flatnonzero(inside)
                own = _assign(track.notes[at], seats)
                owner[at] = own
                for note, number in zip(track.notes[at], own.tolist(), strict=True):
                    seat = next(seat for seat in seats if seat.track == number)
                    rows.append(_grid_note(note, seat, track.name))
        owners.append(owner)
    notes = np.array(rows, dtype=GRID_NOTE_DTYPE) if rows else np.empty(0, GRID_NOTE_DTYPE)
    order = np.lexsort((-notes["duration"], notes["pitch"], notes["track"], notes["onset"]))
    notes = notes[order]
    if len(notes):
        keys = notes[["onset", "track", "pitch"]]
        notes = notes[np.append(True, keys[1:] != keys[:-1])]
    return Given(notes, owners)


def _grid_note(note: Any, seat: Seat, name: str) -> tuple[int, ...]:
    pitch = int(note["pitch"]) - seat.shift
    if not LOWEST <= pitch <= HIGHEST:
        raise PlanError(
            f"given notes must be in {LOWEST + seat.shift}..{HIGHEST + seat.shift}, "
            f"got {note['pitch']} (track {name!r}, tick {note['onset']})"
        )
    onset, end = int(note["onset"]), int(note["onset"] + note["duration"])
    start24, end24 = to_grid(np.array([onset, end]), TICKS_PER_QUARTER).tolist()
    return start24, max(1, end24 - start24), pitch, int(note["velocity"]), seat.track, 0


def _assign(notes: NDArray[Any], seats: Sequence[Seat]) -> NDArray[np.int64]:
    """Model's track of each note: by its voice number, else by its rank among those at a time."""
    tracks = np.array([seat.track for seat in seats])
    if len(seats) == 1:
        return np.full(len(notes), tracks[0])
    made = np.full(len(notes), -1, np.int64)
    for seat in seats:
        made[notes["voice"] == seat.voice] = seat.track
    for onset in np.unique(notes["onset"][made < 0]):
        group = np.flatnonzero((made < 0) & (notes["onset"] == onset))
        group = group[np.argsort(-notes["pitch"][group], kind="stable")]
        for rank, at in enumerate(group.tolist()):
            last = len(group) > 1 and rank == len(group) - 1
            made[at] = tracks[-1] if last else tracks[min(rank, len(tracks) - 1)]
    return made


def joined(
    given: Score,
    found: Given,
    plan: FormPlan,
    seating: Seating,
    notes: Sequence[NewNote],
    tracks: frozenset[int],
    span: tuple[int, int],
) -> Score:
    """The given score with new notes in place of what some tracks began in a span."""
    numbers = {part.name: number for number, part in enumerate(seating.parts)}
    made = []
    for track, owner in zip(given.tracks, found.owner, strict=True):
        part = numbers.get(track.name)
        onset = track.notes["onset"]
        gone = (onset >= span[0]) & (onset < span[1]) & np.isin(owner, sorted(tracks))
        fresh = rows_of(notes, plan, part) if part is not None else track.notes[:0]
        if not gone.any() and not len(fresh):
            made.append(track)
            continue
        kept = track.notes[~gone]
        rows = np.concatenate([kept, fresh])
        stay = set(zip(kept["onset"].tolist(), kept["pitch"].tolist(), strict=True))
        left = set(zip(onset[gone].tolist(), track.notes["pitch"][gone].tolist(), strict=True))
        marks = tuple(m for m in track.articulations if (m.tick, m.pitch) not in left - stay)
        made.append(replace(track, notes=rows, articulations=marks))
    return replace(given, tracks=tuple(made))


__all__ = [
    "NO_SPELLING",
    "Given",
    "NewNote",
    "joined",
    "make_score",
    "new_notes",
    "phrase_at",
    "read_given",
    "to_ticks",
]
