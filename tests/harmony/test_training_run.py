"""Training by command: what a run leaves, and that a run cut off goes on as if it had not been."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hybrid.cli.app import app
from hybrid.core.errors import ConfigError, FormatError
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.corpus import BARS, SPANS, Piece, save_pieces
from hybrid.harmony.textures import texturise
from hybrid.harmony.train import Progress
from hybrid.harmony.training_run import RunOptions, train_analyser

# C: I V7 | I IV | V7 I | vi V, half bars
CHORDS = [(0, 0, 0), (1, 4, 0), (0, 0, 0), (-1, 0, 0), (1, 4, 0), (0, 0, 0), (3, 1, 0), (1, 0, 0)]


def make_piece(seed: int, group: str = "made") -> Piece:
    rows = [(i * 960, (i + 1) * 960, seed, 0, 0, *chord) for i, chord in enumerate(CHORDS)]
    spans = np.array(rows, SPANS)
    notes = texturise(spans, np.random.default_rng(seed))
    bars = np.array([(i * 1920, 4, 4) for i in range(4)], BARS)
    return Piece(f"piece {seed}", group, "CC0", notes, bars, (spans,))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # One process: forks are not what is tested here.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    save_pieces(tmp_path / "harmony_train.npz", [make_piece(n) for n in range(3)])
    save_pieces(tmp_path / "harmony_valid.npz", [make_piece(3)])
    return tmp_path


def test_the_command_leaves_weights_curve_and_card(data: Path) -> None:
    out = data / "run"
    command = ["train", "analyser", "--data", str(data), "-o", str(out)]
    command += ["--preset", "smoke", "--updates", "3", "-q"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    names = [Path(line).name for line in result.stdout.splitlines()]
    assert names == ["harmony.safetensors", "card.md", "curve.png", "run.json"]
    assert all((out / name).stat().st_size for name in names)
    record = json.loads((out / "run.json").read_text())
    assert [row["step"] for row in record["curve"]] == [1, 2, 3]
    assert "--updates 3" in (out / "card.md").read_text()
    assert "| made | 3 | CC0 |" in (out / "card.md").read_text()
    Analyser.load([out / "harmony.safetensors"])


def test_a_run_cut_off_ends_in_the_same_bytes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = RunOptions("smoke", updates=4)
    train_analyser(data, data / "whole", options)
    add = Progress.add

    def stop_at_two(self: Progress, parts: dict) -> None:  # type: ignore[type-arg]
        add(self, parts)
        if self.step == 2:
            self.save()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", stop_at_two)
        with pytest.raises(KeyboardInterrupt):
            train_analyser(data, data / "cut", options)
    train_analyser(data, data / "cut", options)
    whole, cut = (data / name / "harmony.safetensors" for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"preset": "none"}, "preset must be one of base"),
        ({"updates": 0}, "updates must be 1 or more, got 0"),
        ({"minutes": -1.0}, "minutes must be positive, got -1"),
        ({"device": "tpu"}, "device must be cpu or cuda"),
        ({"threads": 0}, "threads must be 1 or more"),
    ],
)
def test_options_are_checked(values: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        RunOptions(**values)  # type: ignore[arg-type]


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must be a folder, it is none"):
        train_analyser(tmp_path / "none", tmp_path / "out", RunOptions("smoke", updates=1))
