"""``hybrid drums`` from a plan's file to MIDI."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid.cli.app import app
from hybrid.core.errors import ConfigError
from hybrid.io.midi import read_midi

PLAN = """
metre = "3/4"
tempo_qpm = 96.0
key = "F major"
instruments = ["piano", "drums"]

[[sections]]
label = "A"
bars = 4

[[sections]]
label = "B"
bars = 4
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def test_a_plans_drums_are_written_the_same_for_the_same_seed(plan: Path, tmp_path: Path) -> None:
    written = []
    for name in ("one.mid", "two.mid"):
        target = tmp_path / name
        done = CliRunner().invoke(app, ["drums", str(plan), "-o", str(target), "--style", "jazz"])
        assert done.exit_code == 0, done.output
        assert "8 bars" in done.output
        written.append(target.read_bytes())
    assert written[0] == written[1]
    score = read_midi(tmp_path / "one.mid").score
    assert [track.is_drum for track in score.tracks] == [True]
    assert [metre.name for metre in score.metres] == ["3/4"]
    assert [marker.text for marker in score.markers] == ["A", "B"]
    assert score.tempos[0].qpm == pytest.approx(96.0, abs=0.01)


def test_drums_go_to_midi_only(plan: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["drums", str(plan), "-o", str(tmp_path / "a.musicxml")])
    assert isinstance(done.exception, ConfigError)
    assert "written as MIDI" in str(done.exception)
