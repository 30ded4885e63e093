"""`hybrid evaluate audio --midi`: how many notes are heard, and MIDI that does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid.cli import main
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.midi import write_midi

pytest.importorskip("mir_eval", reason="mir_eval counts the notes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds of four tones, two MIDI files of them, and one that is too long."""
    rate = 22050
    time = np.arange(int(0.5 * rate)) / rate
    for side in ("reference", "estimate", "midi"):
        (tmp_path / side).mkdir()
    for name, pitches in (("one", (60, 64, 67, 72)), ("two", (57, 60, 64, 69))):
        tones = [
            0.3 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * np.exp(-4 * time)
            for pitch in pitches
        ]
        sound = np.concatenate([*tones, np.zeros(rate)])
        for side in ("reference", "estimate"):
            soundfile.write(tmp_path / side / f"{name}.wav", sound, rate)
        notes = make_notes([(at * 480, 460, pitch, 90) for at, pitch in enumerate(pitches)])
        write_midi(Score((Track("tune", notes),)), tmp_path / "midi" / f"{name}.mid")
    late = make_notes([(48000, 480, 60, 90)])
    write_midi(Score((Track("late", late),)), tmp_path / "late.mid")
    return tmp_path


def test_notes_of_files_and_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [str(folder / side / "one.wav") for side in ("reference", "estimate")]
    one = str(folder / "midi" / "one.mid")
    assert main(["evaluate", "audio", *sides, "--midi", one, "--json", "-q"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert set(notes) == {"reference keys", "estimate keys"}
    assert notes["reference keys"]["n_reference"] == 4
    assert notes["reference keys"] == notes["estimate keys"]
    folders = [str(folder / side) for side in ("reference", "estimate")]
    arguments = ["evaluate", "audio", *folders, "--midi", str(folder / "midi"), "-q"]
    assert main([*arguments, "--json", "--embedding", "mel-statistics"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["embedding"] == "mel-statistics"
    assert both["notes"]["estimate keys"]["n_reference"] == 8
    assert main(arguments) == 0
    assert "\nestimate keys\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sides", "midi", "message"),
    [
        (("reference/one.wav", "estimate/one.wav"), "late.mid", "must fit"),
        (("reference/one.wav", "estimate/one.wav"), "midi", "a file for files"),
        (("reference/one.wav", "estimate/one.wav"), "none.mid", "none.mid"),
        (("reference", "estimate"), "reference", "must have MIDI files named as"),
    ],
)
def test_midi_that_does_not_fit(
    sides: tuple[str, str],
    midi: str,
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = [str(folder / side) for side in sides]
    assert main(["evaluate", "audio", *places, "--midi", str(folder / midi), "-q"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("hybrid: error: ")
    assert "\n" not in said
    assert message in said


def test_unknown_embedding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [str(folder / side) for side in ("reference", "estimate")]
    assert main(["evaluate", "audio", *places, "--embedding", "ears"]) == 2
    assert "embedding must be one of listener, mel-statistics" in capsys.readouterr().err
