"""`hybrid check` with the sets that ship and with sets of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid.cli import main
from hybrid.core.pitch import parse_pitch
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.io.files import write_score

CANTUS = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
FUX = "A4 A4 G4 A4 B4 C5 C5 B4 D5 C#5 D5"


def written(folder: Path, *voices: str) -> Path:
    """A MIDI file of whole notes; tracks are called ``part 1`` and so on."""
    tracks = []
    for number, text in enumerate(voices, start=1):
        pitches = [parse_pitch(name)[0] for name in text.split()]
        rows = [(1920 * index, 1920, pitch) for index, pitch in enumerate(pitches)]
        tracks.append(Track(f"part {number}", make_notes(rows)))
    path = folder / "exercise.mid"
    write_score(Score(tuple(tracks), 480, metres=(Metre.parse("4/4"),)), path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_fux_passes_his_own_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, "check", "--rules", "fux1", written(tmp_path, FUX, CANTUS))
    assert status == 0
    assert text.endswith("\n0 errors, 0 findings shown\n")


def test_a_mistake_is_named_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, FUX.replace("C#5", "C5"), CANTUS)
    status, text, _ = run(capsys, "check", "--rules", "fux1", "--explain", file)
    assert status == 1
    assert "error: clausula at bar 11 beat 1" in text
    assert "Why:  The two steps close the mode" in text


def test_rates_that_bach_has_none_of_are_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, FUX.replace("C#5", "C5"), CANTUS)
    _, text, _ = run(capsys, "check", "--rules", "fux1", "--json", file)
    assert json.loads(text)["rates_per_1000_slices"]["clausula"]["bach"] is None


def test_the_cantus_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "A4 C5 B4 C5", "D4 E4 E4 F4")
    status, _, error = run(capsys, "check", "--rules", "fux1", file)
    assert (status, error.count("\n")) == (2, 1)
    assert "--cantus" in error
    status, text, _ = run(capsys, "check", "--rules", "fux1", "--cantus", "part 2", file)
    assert status == 1
    assert "clausula" in text
    status, _, error = run(capsys, "check", "--rules", "fux1", "--cantus", "tenor", file)
    assert (status, "got 'tenor'" in error) == (2, True)


def test_a_set_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "own.toml"
    rules.write_text(
        "[rules.thirds]\nseverity = 'error'\n"
        "pattern = { kind = 'vertical', intervals = ['m3', 'M3'] }\n",
        encoding="utf-8",
    )
    file = written(tmp_path, FUX, CANTUS)
    status, text, _ = run(capsys, "check", "--rules", rules, file)
    assert status == 1
    assert "error: thirds at bar 2 beat 1 (part 1, part 2): F4-A4, M3" in text
    rules.write_text("[rules.thirds]\nseverity = 'error'\n", encoding="utf-8")
    status, _, error = run(capsys, "check", "--rules", rules, file)
    assert (status, error.count("\n")) == (2, 1)
    assert "have a pattern, got 'thirds'" in error


def test_rule_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, "check", "--list-rules", "--rules", "fux4")
    assert status == 0
    for name in ("chorale", "accompanied", "fux1", "fux5", "jazz", "suspension_resolution"):
        assert name in text


def test_a_file_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, error = run(capsys, "check")
    assert (status, error.count("\n")) == (2, 1)
    assert "got no FILE" in error
