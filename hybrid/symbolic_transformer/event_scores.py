"""Between scores and the events of a style's four tracks: reading given notes, writing new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.pitch import Key
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
        Ticks of the score.
    pitch : int
        As it sounds.
    velocity, spelling : int
    phrase : PlacedPhrase
    """

    seat: Seat
    event: int
    onset: int
    end: int
    pitch: int
    velocity: int
    spelling: int
    phrase: PlacedPhrase


def phrase_at(placed: Sequence[PlacedPhrase], quarters: Fraction) -> PlacedPhrase:
    """The phrase in which a moment lies; the first one for a pickup."""
    found = placed[0]
    for item in placed:
        if item.start <= quarters:
            found = item
    return found


def unit_of(score: Score) -> int:
    """Ticks of a score in 1/24 quarter.

    Raises
    ------
    PlanError
        If they are no whole number.
    """
    if score.ticks_per_quarter % TICKS:
        raise PlanError(
            f"given must have a multiple of {TICKS} ticks per quarter, "
            f"got {score.ticks_per_quarter}"
        )
    return score.ticks_per_quarter // TICKS


def new_notes(
    events: NDArray[Any],
    plan: FormPlan,
    seating: Seating,
    exact: Mapping[tuple[int, int], int],
    span: tuple[int, int],
    unit: int,
) -> list[NewNote]:
    """Notes of events that begin in a span, none sounding past it.

    A line that plays one note at a time ends each note where the next begins; a key that is
    struck anew ends what it held.

    Parameters
    ----------
    exact : mapping
        Ticks of 1/24 quarter of notes whose lengths the events only come near, by track and
        (onset * 128 + pitch's place).
    span : (int, int)
        Ticks of 1/24 quarter.
    unit : int
        Ticks of the score in one of these.
    """
    placed = tuple(plan.phrases())
    numbers = np.flatnonzero(events["pitch"] > 0)
    notes = decode_events(events)
    made = []
    for number, note in zip(numbers.tolist(), notes, strict=True):
        onset = int(note["onset"])
        if not span[0] <= onset < span[1]:
            continue
        quarters = Fraction(onset, TICKS)
        phrase = phrase_at(placed, quarters)
        seat = seating.find(phrase.index, int(note["track"]))
        assert seat is not None, "a resting track wrote a note"
        key = onset * 128 + int(note["pitch"]) - LOWEST + 1
        length = exact.get((seat.track, key), int(note["duration"]))
        pitch = int(note["pitch"]) + seat.shift
        made.append(
            NewNote(
                seat,
                number,
                onset * unit,
                min(onset + length, span[1]) * unit,
                pitch,
                _velocity(int(note["velocity"]), quarters, phrase, seating.style),
                _key_at(phrase, quarters).spell(pitch),
                phrase,
            )
        )
    return _trimmed(made)


def _key_at(phrase: PlacedPhrase, quarters: Fraction) -> Key:
    """The key of the chord at a moment."""
    chords = [c for c in phrase.phrase.chords if phrase.start + c.onset <= quarters]
    return phrase.key_of(chords[-1]) if chords else phrase.key


def _velocity(model: int, quarters: Fraction, phrase: PlacedPhrase, style: str) -> int:
    """The model's velocity around its usual level, moved to the dynamics that the plan sets."""
    base = DYNAMICS[phrase.shared.dynamics or "mf"]
    value = base * model / LEVELS[style]
    if style != "pop":
        late = quarters - phrase.start
        along = min(max(float(late / phrase.quarters), 0.0), 1.0)
        swell = float(np.sin(np.pi * along**0.8))
        value += ACCENTS[phrase.metre.accent(late % phrase.metre.bar_quarters)]
        value += SWELL * (swell - 0.5)
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


def rows_of(notes: Sequence[NewNote], part: int) -> NDArray[Any]:
    """New notes of a score's track as rows of its notes."""
    rows = [
        (n.onset, n.end - n.onset, n.pitch, n.velocity, n.seat.voice, n.spelling)
        for n in notes
        if n.seat.part == part
    ]
    return np.array(rows, dtype=NOTE_DTYPE)


def make_score(plan: FormPlan, seating: Seating, notes: Sequence[NewNote]) -> Score:
    """A score of new notes alone."""
    tracks = tuple(
        Track(
            part.name,
            rows_of(notes, number),
            program=part.instrument.program,
            is_drum=part.instrument.is_drum,
            clef=part.clef,
        )
        for number, part in enumerate(seating.parts)
    )

    def to_ticks(quarters: Fraction) -> int:
        return round(quarters * TICKS_PER_QUARTER)

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
    unit_of(given)
    names = [track.name for track in given.tracks]
    for part in seating.parts:
        if names.count(part.name) != 1:
            raise PlanError(
                f"given must have one track {part.name!r} of the plan, "
                f"it has {', '.join(repr(name) for name in names)}"
            )
    numbers = {part.name: number for number, part in enumerate(seating.parts)}
    placed = tuple(plan.phrases())
    quarter = given.ticks_per_quarter
    rows, owners = [], []
    for track in given.tracks:
        owner = np.full(len(track.notes), -1, np.int64)
        number = numbers.get(track.name)
        if number is not None and not track.is_drum:
            for item in placed:
                start, end = (round(q * quarter) for q in (item.start, item.end))
                start = start if item.index else 0
                inside = (track.notes["onset"] >= start) & (track.notes["onset"] < end)
                seats = [seat for seat in seating.seats[item.index] if seat.part == number]
                if not seats or not inside.any():
                    continue
                at = np.flatnonzero(inside)
                own = _assign(track.notes[at], seats)
                owner[at] = own
                for note, mine in zip(track.notes[at], own.tolist(), strict=True):
                    seat = next(seat for seat in seats if seat.track == mine)
                    rows.append(_grid_note(note, seat, track.name, quarter))
        owners.append(owner)
    notes = np.array(rows, dtype=GRID_NOTE_DTYPE) if rows else np.empty(0, GRID_NOTE_DTYPE)
    order = np.lexsort((-notes["duration"], notes["pitch"], notes["track"], notes["onset"]))
    notes = notes[order]
    if len(notes):
        keys = notes[["onset", "track", "pitch"]]
        notes = notes[np.append(True, keys[1:] != keys[:-1])]
    return Given(notes, owners)


def _grid_note(note: Any, seat: Seat, name: str, quarter: int) -> tuple[int, ...]:
    pitch = int(note["pitch"]) - seat.shift
    if not LOWEST <= pitch <= HIGHEST:
        raise PlanError(
            f"given notes must be in {LOWEST + seat.shift}..{HIGHEST + seat.shift}, "
            f"got {note['pitch']} (track {name!r}, tick {note['onset']})"
        )
    onset, end = int(note["onset"]), int(note["onset"] + note["duration"])
    start24, end24 = to_grid(np.array([onset, end]), quarter).tolist()
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
    seating: Seating,
    notes: Sequence[NewNote],
    tracks: frozenset[int],
    span: tuple[int, int],
) -> Score:
    """The given score with new notes in place of what some tracks began in a span.

    Parameters
    ----------
    tracks : frozenset of int
        The model's tracks that are new.
    span : (int, int)
        Ticks of the score.
    """
    numbers = {part.name: number for number, part in enumerate(seating.parts)}
    made = []
    for track, owner in zip(given.tracks, found.owner, strict=True):
        part = numbers.get(track.name)
        onset = track.notes["onset"]
        gone = (onset >= span[0]) & (onset < span[1]) & np.isin(owner, sorted(tracks))
        fresh = rows_of(notes, part) if part is not None else track.notes[:0]
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
    "Given",
    "NewNote",
    "joined",
    "make_score",
    "new_notes",
    "phrase_at",
    "read_given",
    "unit_of",
]
