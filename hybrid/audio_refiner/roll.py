"""The aligned roll: which family of instruments plays which pitch in which frame of a codec.

Notes are kept as a short table; the dense roll is made from it when it is needed, and only for the
frames that are asked for. A frame t is the samples t x hop to (t + 1) x hop - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score

#: General MIDI's families of eight programs, in order, then the drums.
FAMILIES = (
    "piano",
    "chromatic percussion",
    "organ",
    "guitar",
    "bass",
    "strings",
    "ensemble",
    "brass",
    "reed",
    "pipe",
    "synth lead",
    "synth pad",
    "synth effects",
    "ethnic",
    "percussive",
    "sound effects",
    "drums",
)
DRUMS = 16
N_PITCHES = 128
SAMPLE_RATE, HOP = 44100, 1024

#: One note: onset and end in milliseconds, pitch 0..127, velocity 1..127, General MIDI program
#: 0..127 (of drums 0), family as an index of `FAMILIES`, and the track it is of.
ROLL_DTYPE = np.dtype(
    [
        ("onset", np.int32),
        ("end", np.int32),
        ("pitch", np.uint8),
        ("velocity", np.uint8),
        ("program", np.uint8),
        ("family", np.uint8),
        ("track", np.uint8),
    ]
)


@dataclass(frozen=True, eq=False)
class Roll:
    """A dense roll.

    Attributes
    ----------
    onset : np.ndarray, shape (17, 128, T), bool
        A note begins in the frame.
    sustain : np.ndarray, shape (17, 128, T), bool
        A note is held in the frame, its first one included.
    velocity : np.ndarray, shape (17, 128, T), uint8
        Of the loudest note that is held; 0 for none.
    """

    onset: NDArray[np.bool_]
    sustain: NDArray[np.bool_]
    velocity: NDArray[np.uint8]


def notes_of_score(score: Score) -> NDArray[Any]:
    """Notes of a score by their time, `ROLL_DTYPE`; the pedal is not read.

    Raises
    ------
    ConfigError
        If there are more than 255 tracks.
    """
    if len(score.tracks) > 255:
        raise ConfigError(f"a roll holds at most 255 tracks, got {len(score.tracks)}")
    parts = []
    for number, track in enumerate(score.tracks):
        part = np.empty(len(track.notes), ROLL_DTYPE)
        onset = track.notes["onset"]
        seconds = score.tempo_map.to_seconds(onset)
        ends = score.tempo_map.to_seconds(onset + track.notes["duration"])
        part["onset"] = np.round(1000 * seconds)
        part["end"] = np.maximum(np.round(1000 * ends), part["onset"] + 1)
        part["pitch"], part["velocity"] = track.notes["pitch"], track.notes["velocity"]
        part["program"] = 0 if track.is_drum else track.program
        part["family"] = DRUMS if track.is_drum else track.program // 8
        part["track"] = number
        parts.append(part)
    return _sorted(np.concatenate([np.empty(0, ROLL_DTYPE), *parts]))


def notes_of_midi(midi: Any) -> NDArray[Any]:
    """Notes of a `pretty_midi.PrettyMIDI`, `ROLL_DTYPE`."""
    rows = [
        (
            round(1000 * note.start),
            max(round(1000 * note.end), round(1000 * note.start) + 1),
            note.pitch,
            note.velocity,
            0 if instrument.is_drum else instrument.program,
            DRUMS if instrument.is_drum else instrument.program // 8,
            number,
        )
        for number, instrument in enumerate(midi.instruments)
        for note in instrument.notes
    ]
    return _sorted(np.array(rows, dtype=ROLL_DTYPE))


def _sorted(notes: NDArray[Any]) -> NDArray[Any]:
    order = np.lexsort((notes["end"], notes["pitch"], notes["track"], notes["onset"]))
    return notes[order]


def make_roll(
    notes: NDArray[Any],
    n_frames: int,
    first_frame: int = 0,
    *,
    hop: int = HOP,
    sample_rate: int = SAMPLE_RATE,
) -> Roll:
    """The dense roll of some frames.

    Parameters
    ----------
    notes : np.ndarray, `ROLL_DTYPE`
    n_frames, first_frame : int
        Frames that are wanted. Notes that begin before them and are still held are there without
        their onset.
    hop, sample_rate : int
        Samples of a frame and in a second; 1024 at 44.1 kHz is 43.07 frames a second.

    Examples
    --------
    >>> notes = np.array([(100, 200, 60, 90, 40, 5, 0)], dtype=ROLL_DTYPE)
    >>> made = make_roll(notes, 10)
    >>> [int(frame) for frame in np.flatnonzero(made.sustain[5, 60])]
    [4, 5, 6, 7, 8]
    >>> [int(frame) for frame in np.flatnonzero(made.onset[5, 60])]
    [4]
    """
    if n_frames < 0 or hop < 1:
        raise ConfigError(f"a roll must have 0 frames or more of 1 sample, got {n_frames}, {hop}")
    shape = (len(FAMILIES), N_PITCHES, n_frames)
    onset = np.zeros(shape, dtype=np.bool_)
    velocity = np.zeros(shape, dtype=np.uint8)
    frames_a_ms = sample_rate / (1000 * hop)
    starts = np.floor(notes["onset"] * frames_a_ms).astype(np.int64) - first_frame
    # The last frame that the note reaches into.
    stops = np.ceil(notes["end"] * frames_a_ms).astype(np.int64) - first_frame
    for at in np.flatnonzero((stops > 0) & (starts < n_frames)).tolist():
        family, pitch = int(notes["family"][at]), int(notes["pitch"][at])
        start, stop = int(starts[at]), int(stops[at])
        if start >= 0:
            onset[family, pitch, start] = True
        held = velocity[family, pitch, max(0, start) : max(start + 1, stop)]
        np.maximum(held, notes["velocity"][at], out=held)
    return Roll(onset, velocity > 0, velocity)
