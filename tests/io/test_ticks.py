"""The view in ticks: scores through miditoolkit and back."""

from __future__ import annotations

import miditoolkit
import pytest

from hybrid.core.errors import FormatError
from hybrid.core.score import Marker, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.ticks import from_miditoolkit, to_miditoolkit


def test_there_and_back() -> None:
    tracks = (
        Track("violin", make_notes([(0, 480, 72, 90), (480, 240, 74, 70)]), program=40),
        Track("drums", make_notes([(0, 120, 36, 100)]), is_drum=True),
    )
    score = Score(
        tracks,
        ticks_per_quarter=480,
        tempos=(Tempo(0, 96.0), Tempo(480, 72.0)),
        metres=(Metre(0, 3, 4),),
        markers=(Marker(0, "A"),),
    )
    midi, losses = to_miditoolkit(score)
    assert losses == ()
    assert midi.ticks_per_beat == 480
    assert [(part.name, part.program, part.is_drum) for part in midi.instruments] == [
        ("violin", 40, False),
        ("drums", 0, True),
    ]
    assert [round(change.tempo, 3) for change in midi.tempo_changes] == [96.0, 72.0]
    again = from_miditoolkit(midi).score
    for before, after in zip(score.tracks, again.tracks, strict=True):
        for field in ("onset", "duration", "pitch", "velocity"):
            assert before.notes[field].tolist() == after.notes[field].tolist()
    assert [round(tempo.qpm, 3) for tempo in again.tempos] == [96.0, 72.0]
    assert again.metres == score.metres
    assert again.markers == score.markers


def test_what_midi_cannot_hold_is_named() -> None:
    notes = make_notes([(0, 480, 72)])
    _, losses = to_miditoolkit(Score((Track("x", notes),), tempos=(Tempo(0, 2.0),)))
    assert losses == ("tempo 2 at tick 0: written as 3.58, the slowest of MIDI",)


def test_notes_that_are_none_are_refused() -> None:
    midi = miditoolkit.MidiFile(ticks_per_beat=480)
    part = miditoolkit.Instrument(program=0)
    part.notes.append(miditoolkit.Note(64, 300, 0, 480))
    midi.instruments.append(part)
    with pytest.raises(FormatError, match="must fit into a MIDI file"):
        from_miditoolkit(midi)
