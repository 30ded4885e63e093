"""Commands that write under what is given: files out, one-line errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.cli import main
from hybrid.io.files import read_score
from hybrid.symbolic_transformer import event_weights
from tests.symbolic_transformer.event_pieces import tiny_model

TUNE = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:G\nGABc|d2B2|cBAF|G4|]\n"


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    path = tmp_path / "tune.abc"
    path.write_text(TUNE, encoding="utf-8")
    return path


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tiny.safetensors"
    event_weights.save_event_model(tiny_model(), path)
    monkeypatch.setattr(event_weights, "DEFAULT_WEIGHTS", path)
    return path


@pytest.mark.usefixtures("weights")
def test_a_tune_is_harmonised_and_then_infilled(
    tune: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chorale, again = tmp_path / "chorale.mid", tmp_path / "again.mid"
    assert main(["harmonise", str(tune), "--chords", "I | V | V7 | I", "-o", str(chorale)]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{chorale}: bars 1-4, ")
    assert "hybrid: notes ..." in shown.err
    before = read_score(chorale).score
    assert [track.name for track in before.tracks] == ["soprano", "alto", "tenor", "bass"]
    assert before.tracks[0].notes["pitch"].tolist() == [67, 69, 71, 72, 74, 71, 72, 71, 69, 66, 67]
    options = ["--bars", "2-3", "--voices", "bass", "-o", str(again), "-q"]
    assert main(["infill", str(chorale), *options]) == 0
    after = read_score(again).score
    for old, new in zip(before.tracks[:3], after.tracks[:3], strict=True):
        assert old.notes["pitch"].tolist() == new.notes["pitch"].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["infill", "TUNE", "--bars", "4-2"], "first and last bar, such as 9-12, got '4-2'"),
        (["infill", "TUNE", "--bars", "3-9"], "within the plan's 4 bars, got 3-9"),
        (["continue", "TUNE", "--bars", "0"], "bars must be in 1..400, got 0"),
        (["harmonise", "TUNE", "--chords", "I | V"], "4 bars, got 2"),
        (["accompany", "TUNE", "--key", "H"], "got 'H'"),
        (["accompany", "TUNE", "--texture", "fog"], "texture must be one of"),
        (["accompany", "TUNE", "-o", "tune.png"], "tune.png"),
        (["harmonise", "none.abc"], "none.abc"),
        (["infill", "TUNE", "--bars", "1", "--engine", "hand"], "engine must be one of"),
    ],
)
@pytest.mark.usefixtures("weights")
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tune: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tune) if word == "TUNE" else word for word in arguments]
    assert main([*arguments, "-q"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("hybrid: error: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_missing_weights_are_one_line(
    tune: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(event_weights, "DEFAULT_WEIGHTS", tmp_path / "no" / "notes.safetensors")
    assert main(["harmonise", str(tune), "-q"]) == 2
    assert "weights must be a file" in capsys.readouterr().err
    assert not tune.with_name("tune-new.mid").exists()
