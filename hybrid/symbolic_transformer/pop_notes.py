"""The notes of a song of POP909-CL as MELODY, BRIDGE, PIANO and BASS on a written grid.

POP909-CL has the bar lines, POP909 the tracks: the songs have the same notes, so a note of
the one is found in the other by pitch, velocity and order. The bass is split off from the
piano's lowest line. Onsets go to sixteenths or eighth triplets, whichever the beat is nearer
to; how far each note was played from there is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import CorpusError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import NOTE_DTYPE, Score

TRACKS = ("MELODY", "BRIDGE", "PIANO", "BASS")
MELODY, BRIDGE, PIANO, BASS = range(4)
MIN_FOUND = 0.98  # share of a song's notes that have to be found in POP909
# The bass: the piano's notes up to here ...
HIGHEST_BASS = 54
# ... that are the lowest within so many ticks before (a quarter) ...
BASS_MEMORY = 480
# ... at least this far below what is struck with them ...
BASS_GAP = 5
# ... while nothing lower goes on sounding for so many ticks.
BASS_HOLD = 240
_MANY = 64  # notes looked back at for what goes on sounding
#: Grids of a beat in parts of a quarter, and what each costs in ticks of mean distance.
_GRIDS = ((4, 0.0), (3, 10.0))
_QUARTER = 480


@dataclass(frozen=True, eq=False)
class PopNotes:
    """Notes of the four tracks, in `TRACKS`' order.

    Attributes
    ----------
    tracks : tuple of np.ndarray, `NOTE_DTYPE`
        On the written grid, 480 ticks a quarter.
    timing : tuple of np.ndarray
        Played minus written onset of each note, ticks.
    found : float
        Share of the notes whose track is known from POP909; the rest go to the piano.
    n_far : int
        Notes played more than 40 ticks (a twelfth of a quarter) from where they are written.
    """

    tracks: tuple[NDArray[Any], ...]
    timing: tuple[NDArray[np.int64], ...]
    found: float
    n_far: int


def separate_tracks(merged: Score, parts: Score, name: str = "") -> PopNotes:
    """Notes of a POP909-CL song in four tracks.

    Parameters
    ----------
    merged : Score
        Of POP909-CL; its tracks that are not called ``chords`` hold the notes. 480 ticks a
        quarter.
    parts : Score
        Of POP909, with tracks ``MELODY``, ``BRIDGE`` and ``PIANO``.
    name : str
        For messages.

    Raises
    ------
    CorpusError
        If the two do not have the same notes.
    """
    notes = note_rows(merged, name)
    owner = _owners(notes, parts)
    found = float((owner >= 0).mean()) if len(notes) else 0.0
    if found < MIN_FOUND:
        raise CorpusError(
            f"{name}: the notes of POP909-CL must be those of POP909, got {found:.0%} of them"
        )
    owner[owner < 0] = PIANO
    played = notes["onset"].copy()
    notes["onset"] = quantise_onsets(played)
    order = np.lexsort((notes["duration"], notes["pitch"], notes["onset"]))
    notes, played, owner = notes[order], played[order], owner[order]
    piano = np.flatnonzero(owner == PIANO)
    owner[piano[is_bass(notes[piano])]] = BASS
    tracks, timing, n_far = [], [], 0
    for number in range(len(TRACKS)):
        mine = np.flatnonzero(owner == number)
        part = notes[mine]
        late = played[mine] - part["onset"]
        part["duration"] = _without_overlap(part, number == BASS)
        # Cut notes may have changed places.
        order = np.lexsort((part["duration"], part["pitch"], part["onset"]))
        tracks.append(part[order])
        timing.append(late[order])
        n_far += int((np.abs(late) > 40).sum())
    return PopNotes(tuple(tracks), tuple(timing), found, n_far)


def note_rows(merged: Score, name: str = "") -> NDArray[Any]:
    """All notes but the chords', by onset and pitch.

    Raises
    ------
    CorpusError
        If there are none.
    """
    found = [track.notes for track in merged.tracks if not is_chord_track(track.name)]
    notes = np.concatenate([np.empty(0, NOTE_DTYPE), *found])
    if not len(notes):
        raise CorpusError(f"{name}: a song must have notes besides its chords, got none")
    notes["voice"], notes["spelling"] = 0, NO_SPELLING
    return notes[np.lexsort((notes["duration"], notes["pitch"], notes["onset"]))]


def is_chord_track(name: str) -> bool:
    """Whether a track of POP909-CL holds the chords: it has one of two names."""
    return name.strip() in ("chords", "MIDI 01")


def _owners(notes: NDArray[Any], parts: Score) -> NDArray[np.int64]:
    """Track number of each note, -1 where POP909 has no such note."""
    owner = np.full(len(notes), -1, dtype=np.int64)
    theirs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number, track in enumerate(TRACKS[:3]):
        for part in parts.tracks:
            if part.name.strip() != track:
                continue
            for note in part.notes:
                key = int(note["pitch"]), int(note["velocity"])
                theirs.setdefault(key, []).append((int(note["onset"]), number))
    ours: dict[tuple[int, int], list[int]] = {}
    for at, note in enumerate(notes):
        ours.setdefault((int(note["pitch"]), int(note["velocity"])), []).append(at)
    pairs: list[tuple[int, int]] = []
    for key, mine in ours.items():
        others = sorted(theirs.get(key, ()))
        # Of equal numbers the n-th is the n-th.
        if len(others) == len(mine):
            for at, (onset, number) in zip(mine, others, strict=True):
                owner[at] = number
                pairs.append((onset, int(notes["onset"][at])))
    if not pairs:
        return owner
    known = np.array(sorted(pairs), dtype=np.float64)
    for key, mine in ours.items():
        others = sorted(theirs.get(key, ()))
        if not others or len(others) == len(mine):
            continue
        places = np.interp([onset for onset, _ in others], known[:, 0], known[:, 1])
        for one in mine:
            nearest = int(np.argmin(np.abs(places - notes["onset"][one])))
            owner[one] = others[nearest][1]
    return owner


def is_bass(piano: NDArray[Any]) -> NDArray[np.bool_]:
    """Which notes of a piano, sorted by onset and pitch, are its bass line.

    A note is bass that is no higher than `HIGHEST_BASS`, the lowest of all that were struck
    in the quarter before it or with it, at least `BASS_GAP` semitones below what is struck
    with it, and not above a note that is held for another eighth. What the left hand breaks
    upwards from the bass, or plays in close chords, stays in the piano.
    """
    onset, pitch = piano["onset"].astype(np.int64), piano["pitch"].astype(np.int64)
    end = onset + piano["duration"]
    bass = np.zeros(len(piano), dtype=bool)
    for at in range(len(piano)):
        if pitch[at] > HIGHEST_BASS or (at and onset[at] == onset[at - 1]):
            continue  # too high, or struck with a lower one
        first = int(np.searchsorted(onset, onset[at] - BASS_MEMORY, side="right"))
        stop = int(np.searchsorted(onset, onset[at], side="right"))
        lowest = pitch[first:at].min() >= pitch[at] if first < at else True
        alone = pitch[at + 1 : stop].min() - pitch[at] >= BASS_GAP if stop > at + 1 else True
        before = slice(max(0, at - _MANY), at)
        held = (end[before] >= onset[at] + BASS_HOLD) & (pitch[before] < pitch[at])
        bass[at] = lowest and alone and not held.any()
    return bass


def quantise_onsets(onsets: NDArray[Any]) -> NDArray[np.int64]:
    """Onsets on the sixteenths or the eighth triplets of their quarter, 480 ticks a quarter.

    Triplets have to be 10 ticks nearer on the average, so that one late sixteenth makes none.
    """
    ticks = np.asarray(onsets, dtype=np.int64)
    # A note a little before a beat belongs to it.
    beat = (ticks + _QUARTER // 8) // _QUARTER
    n_beats = int(beat.max()) + 1 if len(beat) else 0
    counts = np.maximum(1, np.bincount(beat, minlength=n_beats))
    best = np.full(n_beats, np.inf)
    parts = np.full(n_beats, _GRIDS[0][0], dtype=np.int64)
    for grid, price in _GRIDS:
        step = _QUARTER // grid
        distance = np.abs(ticks - (2 * ticks + step) // (2 * step) * step)
        cost = np.bincount(beat, weights=distance, minlength=n_beats) / counts + price
        parts = np.where(cost < best, grid, parts)
        best = np.minimum(cost, best)
    steps = _QUARTER // parts[beat]
    result: NDArray[np.int64] = (2 * ticks + steps) // (2 * steps) * steps
    return result


def _without_overlap(notes: NDArray[Any], monophonic: bool) -> NDArray[np.int64]:
    """Durations that end where the same pitch, or in a single line any note, starts again."""
    end = notes["onset"] + notes["duration"]
    keys: Sequence[int] = [0] if monophonic else np.unique(notes["pitch"]).tolist()
    for pitch in keys:
        mine = np.arange(len(notes)) if monophonic else np.flatnonzero(notes["pitch"] == pitch)
        onset = notes["onset"][mine]
        later = np.searchsorted(onset, onset, side="right")
        following = np.append(onset, np.iinfo(np.int64).max)[later]
        end[mine] = np.minimum(end[mine], following)
    result: NDArray[np.int64] = np.maximum(end - notes["onset"], 1)
    return result


__all__ = [
    "BASS",
    "BRIDGE",
    "MELODY",
    "PIANO",
    "TRACKS",
    "PopNotes",
    "is_bass",
    "is_chord_track",
    "note_rows",
    "quantise_onsets",
    "separate_tracks",
]
