"""Notes as they are heard: seconds, keys and velocities, and the score that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import NOTE_DTYPE, Score, Track, sort_notes
from hybrid.core.timeline import Tempo
from hybrid.transcription.features import LOWEST, N_KEYS

#: One note: onset and end in seconds, pitch 0..127, velocity 1..127, whether it is a drum's.
HEARD_DTYPE = np.dtype(
    [
        ("onset", np.float64),
        ("end", np.float64),
        ("pitch", np.uint8),
        ("velocity", np.uint8),
        ("drum", np.bool_),
    ]
)
#: Drums that are told apart: name, and General MIDI keys of which the first is written.
DRUMS = (
    ("kick", (36, 35)),
    ("snare", (38, 40, 37, 39)),
    ("low tom", (45, 41, 43)),
    ("high tom", (48, 47, 50)),
    ("closed hi-hat", (42, 44)),
    ("open hi-hat", (46,)),
    ("crash", (49, 52, 55, 57)),
    ("ride", (51, 53, 59)),
)
#: Drum of each General MIDI key; -1 for those that are not told.
DRUM_OF_KEY = np.full(128, -1, np.int8)
for _number, (_, _keys) in enumerate(DRUMS):
    DRUM_OF_KEY[list(_keys)] = _number

TICKS_PER_QUARTER, QPM = 480, 125.0  # a tick is a millisecond


def sorted_notes(rows: list[tuple[float, float, int, int, bool]]) -> NDArray[Any]:
    """Rows by onset, then pitch, as `HEARD_DTYPE`."""
    made = np.array(rows, HEARD_DTYPE)
    return made[np.lexsort((made["pitch"], made["drum"], made["onset"]))]


def heard_of_score(score: Score) -> NDArray[Any]:
    """Notes of a score as `HEARD_DTYPE`; the pedal is not read."""
    rows = []
    for track in score.tracks:
        starts = score.tempo_map.to_seconds(track.notes["onset"])
        ends = score.tempo_map.to_seconds(track.notes["onset"] + track.notes["duration"])
        rows += [
            (float(start), float(end), int(note["pitch"]), int(note["velocity"]), track.is_drum)
            for start, end, note in zip(starts, ends, track.notes, strict=True)
        ]
    return sorted_notes(rows)


def flattened(notes: NDArray[Any], within: float = 0.05) -> NDArray[Any]:
    """What one keyboard could play: notes of the 88 keys, each key once at a time.

    Two notes of one pitch that begin within 50 ms of each other, as where instruments double,
    cannot be heard apart; they become one with the later end and the higher velocity. Drums are
    treated alike, by the drum of their key; those that are not told apart are left out.
    """
    rows: list[tuple[float, float, int, int, bool]] = []
    last: dict[tuple[int, bool], int] = {}
    for note in np.sort(notes, order="onset"):
        pitch, drum = int(note["pitch"]), bool(note["drum"])
        if drum:
            number = int(DRUM_OF_KEY[pitch])
            if number < 0:
                continue
            pitch = DRUMS[number][1][0]
        elif not LOWEST <= pitch < LOWEST + N_KEYS:
            continue
        row = (float(note["onset"]), float(note["end"]), pitch, int(note["velocity"]), drum)
        at = last.get((pitch, drum))
        if at is not None and row[0] - rows[at][0] <= within:
            before = rows[at]
            rows[at] = (before[0], max(before[1], row[1]), pitch, max(before[3], row[3]), drum)
        else:
            last[pitch, drum] = len(rows)
            rows.append(row)
    return sorted_notes(rows)


def tracks_of(
    notes: NDArray[Any], to_ticks: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[Track, ...]:
    """A track of keys, and one of drums if any; ``to_ticks`` turns seconds into ticks."""
    tracks = []
    for name, is_drum in (("keys", False), ("drums", True)):
        own = notes[notes["drum"] == is_drum]
        if not len(own) and is_drum:
            continue
        made = np.zeros(len(own), NOTE_DTYPE)
        made["onset"] = np.round(to_ticks(own["onset"]))
        made["duration"] = np.maximum(1, np.round(to_ticks(own["end"])) - made["onset"])
        made["pitch"], made["velocity"] = own["pitch"], own["velocity"]
        made["spelling"] = NO_SPELLING
        tracks.append(Track(name, sort_notes(made), is_drum=is_drum))
    return tuple(tracks)


def score_of(notes: NDArray[Any], title: str = "") -> Score:
    """A score of notes, at a tick a millisecond.

    Tempo and metre are not heard; bar lines mean nothing.
    """
    return Score(
        tracks_of(notes, lambda seconds: 1000 * seconds),
        ticks_per_quarter=TICKS_PER_QUARTER,
        tempos=(Tempo(0, QPM),),
        title=title,
    )
