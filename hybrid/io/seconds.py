"""The view in seconds: pretty_midi objects and piano rolls.

pretty_midi knows seconds only, so the way back needs a tempo: the object's own tempo map
where it has one, so that a score survives the round trip to the tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, FormatError, ScoreError
from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.core.score import (
    BEND_DTYPE,
    CONTROL_DTYPE,
    NOTE_DTYPE,
    KeySignature,
    Lyric,
    Marker,
    Score,
    Track,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.reading import Losses, Reading

if TYPE_CHECKING:
    import pretty_midi

#: pretty_midi's key numbers: 0..11 major from C, 12..23 minor; the signatures commonly meant.
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


def to_pretty_midi(score: Score) -> tuple[pretty_midi.PrettyMIDI, tuple[str, ...]]:
    """A score as pretty_midi has it: notes with start and end in seconds.

    Returns
    -------
    pm : pretty_midi.PrettyMIDI
        With the score's resolution and tempo map, so that `from_pretty_midi` finds every
        tick again.
    losses : tuple of str
        What it cannot hold, one line for each kind.

    Notes
    -----
    pretty_midi counts a metre's changes in seconds and has one program for an instrument:
    program changes, markers, spelling, voices and marks are lost, and named.
    """
    import pretty_midi

    losses = Losses()
    pm = pretty_midi.PrettyMIDI(resolution=score.ticks_per_quarter, initial_tempo=120.0)
    tempos = {0: 120.0} | {tempo.tick: tempo.qpm for tempo in score.tempos}
    scale = 60.0 / score.ticks_per_quarter
    pm._tick_scales = [(tick, scale / qpm) for tick, qpm in sorted(tempos.items())]
    pm._update_tick_to_time(score.length + 1)
    seconds = score.tempo_map.seconds
    for metre in score.metres:
        pm.time_signature_changes.append(
            pretty_midi.TimeSignature(metre.numerator, metre.denominator, seconds(metre.tick))
        )
    for signature in score.keys:
        key = signature.key
        number = 7 * key.tonic % 12 + (12 if key.is_minor else 0)
        if key.mode not in ("major", "minor"):
            losses.add(
                1,
                "mode other than major and minor",
                "taken by its third",
                "modes other than major and minor",
            )
        pm.key_signature_changes.append(pretty_midi.KeySignature(number, seconds(signature.tick)))
    for track in score.tracks:
        pm.instruments.append(_instrument(track, score, losses))
        pm.lyrics += [pretty_midi.Lyric(lyric.text, seconds(lyric.tick)) for lyric in track.lyrics]
    _name_losses(score, losses)
    return pm, losses.lines()


def _instrument(track: Track, score: Score, losses: Losses) -> Any:
    import pretty_midi

    found = pretty_midi.Instrument(track.program, is_drum=track.is_drum, name=track.name)
    notes = track.notes
    starts = score.tempo_map.to_seconds(notes["onset"]).tolist()
    ends = score.tempo_map.to_seconds(notes["onset"] + notes["duration"]).tolist()
    found.notes = [
        pretty_midi.Note(velocity, pitch, start, end)
        for velocity, pitch, start, end in zip(
            notes["velocity"].tolist(), notes["pitch"].tolist(), starts, ends, strict=True
        )
    ]
    assert track.controls is not None
    assert track.bends is not None
    assert track.programs is not None
    for tick, number, value in track.controls.tolist():
        found.control_changes.append(
            pretty_midi.ControlChange(number, value, score.tempo_map.seconds(tick))
        )
    for tick, value in track.bends.tolist():
        found.pitch_bends.append(pretty_midi.PitchBend(value, score.tempo_map.seconds(tick)))
    losses.add(len(track.programs), "program change", "pretty_midi has one program a track")
    return found


def _name_losses(score: Score, losses: Losses) -> None:
    many = "pretty_midi has no place for them"
    losses.add(len(score.markers), "marker", many)
    losses.add(len(score.repeats), "repeat", "the notes stand once")
    if score.pickup_ticks:
        losses.say("the pickup: pretty_midi counts bars from the first note")
    spelled = sum(int((track.notes["spelling"] != NO_SPELLING).sum()) for track in score.tracks)
    losses.add(spelled, "spelling of a note", many, "spellings of notes")
    for singular, name in (
        ("slur", "slurs"),
        ("articulation", "articulations"),
        ("grace note", "graces"),
    ):
        losses.add(sum(len(getattr(track, name)) for track in score.tracks), singular, many)


def from_pretty_midi(pm: pretty_midi.PrettyMIDI) -> Reading:
    """A score from a pretty_midi object, on its own resolution and tempo map.

    Returns
    -------
    Reading
        Lyrics go to the first track, because pretty_midi does not say whose they are.

    Raises
    ------
    FormatError
        If a note or a signature is one that cannot be; the message names it.
    """
    losses = Losses()
    quarter = int(pm.resolution)
    try:
        tempos = tuple(
            Tempo(int(tick), _rounded(60.0 / (scale * quarter))) for tick, scale in pm._tick_scales
        )
        metres = {
            pm.time_to_tick(item.time): Metre(
                pm.time_to_tick(item.time), item.numerator, item.denominator
            )
            for item in pm.time_signature_changes
        }
        keys = {
            pm.time_to_tick(item.time): _key(item.key_number) for item in pm.key_signature_changes
        }
        tracks = [_track(instrument, pm, losses) for instrument in pm.instruments]
        lyrics = tuple(Lyric(pm.time_to_tick(item.time), item.text) for item in pm.lyrics)
        if tracks and lyrics:
            first = tracks[0]
            tracks[0] = Track(
                first.name,
                first.notes,
                first.program,
                first.is_drum,
                controls=first.controls,
                bends=first.bends,
                lyrics=lyrics,
            )
        markers = tuple(
            Marker(pm.time_to_tick(item.time), item.text) for item in getattr(pm, "text_events", ())
        )
        score = Score(
            tracks=tuple(tracks),
            ticks_per_quarter=quarter,
            tempos=tempos,
            metres=tuple(metres[tick] for tick in sorted(metres)) or (Metre(0, 4, 4),),
            keys=tuple(KeySignature(tick, keys[tick]) for tick in sorted(keys)),
            markers=markers,
        )
    except ScoreError as error:
        raise FormatError(str(error)) from error
    return Reading(score, losses.lines())


def _track(instrument: Any, pm: Any, losses: Losses) -> Track:
    notes = np.empty(len(instrument.notes), dtype=NOTE_DTYPE)
    starts = [pm.time_to_tick(note.start) for note in instrument.notes]
    ends = [pm.time_to_tick(note.end) for note in instrument.notes]
    notes["onset"] = starts
    notes["duration"] = np.asarray(ends, dtype=np.int64) - notes["onset"]
    notes["pitch"] = [note.pitch for note in instrument.notes]
    notes["velocity"] = [note.velocity for note in instrument.notes]
    notes["voice"], notes["spelling"] = 0, NO_SPELLING
    short = notes["duration"] < 1
    losses.add(
        int(short.sum()), "note shorter than a tick", "left out", "notes shorter than a tick"
    )
    controls = np.array(
        [
            (pm.time_to_tick(item.time), item.number, item.value)
            for item in instrument.control_changes
        ],
        dtype=CONTROL_DTYPE,
    )
    bends = np.array(
        [(pm.time_to_tick(item.time), item.pitch) for item in instrument.pitch_bends],
        dtype=BEND_DTYPE,
    )
    return Track(
        name=instrument.name,
        notes=notes[~short],
        program=int(instrument.program),
        is_drum=bool(instrument.is_drum),
        controls=controls,
        bends=bends,
    )


def _key(number: int) -> Key:
    name = _MINOR[number - 12] if number >= 12 else _MAJOR[number]
    return Key.parse(f"{name} {'minor' if number >= 12 else 'major'}")


def _rounded(qpm: float) -> float:
    """A tempo without the dust of the division that stored it."""
    near = round(qpm, 6)
    return near if abs(near - qpm) < 1e-9 * qpm else qpm


def piano_roll(score: Score, fps: float = 100.0) -> NDArray[np.float32]:
    """Velocity of every pitch over time.

    Parameters
    ----------
    score : Score
    fps : float
        Frames a second, above 0 and at most 1000.

    Returns
    -------
    np.ndarray, shape (128, n_frames), float32
        Velocity 0..127 at the beginning of each frame; the loudest note where several of a
        pitch sound. Drums are left out. A note is seen for one frame at least.

    Raises
    ------
    ConfigError
        If ``fps`` is out of range.

    Notes
    -----
    pretty_midi's own roll adds velocities up and adds the pedal; this one does neither.
    """
    if not 0 < fps <= 1000:
        raise ConfigError(f"fps must be above 0 and at most 1000, got {fps:g}")
    n_frames = int(np.ceil(score.seconds * fps - 1e-9))
    roll = np.zeros((128, n_frames), dtype=np.float32)
    for track in score.tracks:
        if track.is_drum:
            continue
        notes = track.notes
        starts = score.tempo_map.to_seconds(notes["onset"]) * fps
        ends = score.tempo_map.to_seconds(notes["onset"] + notes["duration"]) * fps
        # A frame shows what sounds at its beginning.
        first = np.ceil(starts - 1e-9).astype(np.int64)
        last = np.maximum(np.ceil(ends - 1e-9).astype(np.int64), first + 1)
        for pitch, velocity, low, high in zip(
            notes["pitch"].tolist(),
            notes["velocity"].tolist(),
            first.tolist(),
            last.tolist(),
            strict=True,
        ):
            row = roll[pitch, low:high]
            np.maximum(row, velocity, out=row)
    return roll
