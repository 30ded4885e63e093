"""A whole run from built pieces to weights, and its command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid.cli.app import app
from hybrid.core.errors import ConfigError, CorpusError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.forms import plan_form
from hybrid.rules import RulesEngine
from hybrid.symbolic_transformer.conditions import plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece, save_pieces
from hybrid.symbolic_transformer.event_weights import load_event_model
from hybrid.symbolic_transformer.training_run import train_symbolic

PRESET = """
kind = "events"
updates = 4
batch = 2
window = 16
warmup = 1
check_every = 2
save_every = 2
mixture = { chorale = 1.0 }
[model]
hidden = 16
[model.trunk]
width = 32
layers = 1
heads = 1
hidden = 16
reach = 8
period = 0
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pieces of style chorale and a preset."""
    folder = tmp_path_factory.mktemp("data")
    plan = plan_form("chorale", stage_rng(5, "form"), minutes=0.3, texture="chorale")
    score, _ = RulesEngine().fill(plan, stage_rng(5, "fill"))
    piece = CorpusPiece("made/1", "train", score_arrays(score), plan_arrays(plan))
    save_pieces(folder / "chorale.npz", "chorale", [piece, replace(piece, split="valid")])
    (folder / "tiny.toml").write_text(PRESET)
    return folder


def test_a_run_writes_weights_that_load(data: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    written = train_symbolic(
        str(data / "tiny.toml"),
        data,
        tmp_path / "run",
        progress=lambda stage, share: stages.append(stage),
    )
    assert [path.name for path in written] == [
        "notes.safetensors",
        "card.md",
        "curve.png",
        "history.json",
    ]
    assert set(stages) == {"data", "train"}
    assert load_event_model(written[0]).config.trunk.width == 32
    card = written[1].read_text()
    assert "CC0-1.0" in card
    assert "| 4 |" in card
    assert written[2].read_bytes().startswith(b"\x89PNG")
    # The run is over: to go on with it changes nothing.
    before = written[0].read_bytes()
    train_symbolic(str(data / "tiny.toml"), data, tmp_path / "run")
    assert written[0].read_bytes() == before


def test_the_command_trains(data: Path, tmp_path: Path) -> None:
    options = ["--preset", str(data / "tiny.toml"), "--data", str(data), "-q", "--updates", "2"]
    done = CliRunner().invoke(app, ["train", "symbolic", *options, "-o", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "notes.safetensors").is_file()


def test_missing_data_and_bad_options_are_named(data: Path, tmp_path: Path) -> None:
    for style in ("quartet", "waltz"):
        (data / f"{style}.toml").write_text(PRESET.replace("chorale", style))
    with pytest.raises(CorpusError, match=r"there must be a file .*quartet\.npz"):
        train_symbolic(str(data / "quartet.toml"), data, tmp_path / "a")
    with pytest.raises(ConfigError, match="mixture must name styles"):
        train_symbolic(str(data / "waltz.toml"), data, tmp_path / "b")
    with pytest.raises(ConfigError, match="updates must be 1 or more, got 0"):
        train_symbolic(str(data / "tiny.toml"), data, tmp_path / "c", updates=0)
    with pytest.raises(ConfigError, match="device must be cpu or cuda, got 'tpu'"):
        train_symbolic(str(data / "tiny.toml"), data, tmp_path / "d", device="tpu")
