"""Training: settings, excerpts, and runs that are killed and go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hybrid.core.errors import ConfigError, CorpusError
from hybrid.symbolic_transformer.event_columns import READ_COLUMNS
from hybrid.symbolic_transformer.event_model import transpose
from hybrid.symbolic_transformer.grid import N_SYMBOLS, encode_grid
from hybrid.symbolic_transformer.grid_model import GridConfig, GridTransformer
from hybrid.symbolic_transformer.grid_nll import (
    log_probabilities,
    negative_log_likelihoods,
    windows,
)
from hybrid.symbolic_transformer.grid_weights import load_grid_model, save_grid_model
from hybrid.symbolic_transformer.pools import GridPool, Spans
from hybrid.symbolic_transformer.train import (
    Corpora,
    Trainer,
    first_share,
    rate_share,
    shortened,
)
from hybrid.symbolic_transformer.train_config import TrainConfig, presets, read_train_config
from hybrid.symbolic_transformer.training_data import read_benchmark
from hybrid.symbolic_transformer.trunk import TrunkConfig

CPU = torch.device("cpu")
TRUNK: dict[str, Any] = {
    "width": 32,
    "layers": 1,
    "heads": 1,
    "hidden": 16,
    "dropout": 0.1,
    "reach": 8,
}


def _pieces(n: int, seed: int, length: int = 24) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [encode_grid(rng.integers(40, 80, (length + 3 * at, 4))) for at in range(n)]


def _config(**changes: object) -> TrainConfig:
    values = {
        "kind": "grid",
        "mixture": {"chorales": 1.0, "polyphony": 1.0},
        "model": {"trunk": TRUNK, "slot": 16},
        "updates": 6,
        "batch": 4,
        "window": 8,
        "warmup": 2,
        "check_every": 3,
        "save_every": 3,
        "epochs": 2.0,
    }
    return TrainConfig(**{**values, **changes})  # type: ignore[arg-type]


def _corpora() -> Corpora:
    train = {
        "chorales": GridPool(_pieces(3, 1), [0, 0, 0], CPU),
        "polyphony": GridPool(_pieces(4, 2), [1, 1, 2, 3], CPU),
    }
    return Corpora(train, {"chorales": GridPool(_pieces(2, 3), [0, 0], CPU)})


def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    whole = Trainer(_config(), _corpora(), tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    whole.run()
    (tmp_path / "killed").mkdir()
    Trainer(_config(), _corpora(), tmp_path / "killed").run(stop_at=3)
    torch.manual_seed(99)  # another process has another state
    resumed = Trainer(_config(), _corpora(), tmp_path / "killed")
    assert resumed.update == 3
    resumed.run()
    first, second = (
        (tmp_path / name / "checkpoint.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert first == second
    assert whole.history == resumed.history
    assert [row["update"] for row in whole.history] == [3, 6]


def test_a_run_does_not_go_on_with_other_settings(tmp_path: Path) -> None:
    Trainer(_config(), _corpora(), tmp_path).run(stop_at=3)
    with pytest.raises(ConfigError, match="configuration it began with"):
        Trainer(_config(rate=0.5), _corpora(), tmp_path)


def test_training_learns(tmp_path: Path) -> None:
    config = _config(updates=60, check_every=20, rate=3e-3, window=16, average=0.5)
    trainer = Trainer(config, _corpora(), tmp_path)
    trainer.run()
    assert trainer.history[-1]["train"] < trainer.history[0]["train"]


def test_the_first_corpus_is_seen_as_often_as_asked() -> None:
    config = _config(updates=500, epochs=3.0, batch=8, early=0.2, turn=0.5)
    n_positions = 1000
    rows = sum(first_share(update, config, n_positions) * config.batch for update in range(500))
    assert rows * config.window / n_positions == pytest.approx(3.0, rel=0.02)
    assert first_share(0, config, n_positions) < first_share(499, config, n_positions)


def test_the_rate_rises_and_falls() -> None:
    config = _config(updates=100, warmup=10)
    shares = [rate_share(update, config) for update in range(100)]
    assert shares[0] < shares[9] > shares[50] > shares[99] >= 0.02


def test_excerpts_are_parts_of_pieces_in_some_key() -> None:
    pieces = _pieces(3, 5)
    pool = GridPool(pieces, [0, 1, 2], CPU)
    batch = pool.draw(40, 8, torch.Generator().manual_seed(1))
    assert int(batch.symbols.max()) < N_SYMBOLS
    for row, start, style in zip(batch.symbols, batch.start, batch.style, strict=True):
        piece = pieces[int(style)][int(start) : int(start) + 8]
        moved = row.numpy() - piece
        assert len(set(moved.ravel().tolist())) == 1
        assert -5 <= moved[0, 0] <= 6


def test_transpositions_stay_inside_the_vocabulary() -> None:
    spans = Spans([10, 10], [1, 3], [88, 60], 88, CPU)
    piece, _, shift = spans.draw(200, 4, torch.Generator().manual_seed(2))
    assert set(shift[piece == 0].tolist()) == {0}
    assert set(shift[piece == 1].tolist()) == set(range(-2, 7))


def test_transposing_columns_up_and_down_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    columns = np.stack([rng.integers(0, c.size, 50) for c in READ_COLUMNS], -1)
    for index, column in enumerate(READ_COLUMNS):
        if column.kind == "pitch":
            columns[:, index] = np.clip(columns[:, index], 10, 70)
    values = torch.from_numpy(columns)[None]
    there = transpose(values, READ_COLUMNS, torch.tensor([5]))
    assert not torch.equal(there, values)
    assert torch.equal(transpose(there, READ_COLUMNS, torch.tensor([-5])), values)


@pytest.mark.parametrize(("length", "window"), [(1, 4), (4, 4), (5, 4), (17, 8), (64, 8)])
def test_windows_count_every_step_once(length: int, window: int) -> None:
    counted = [0] * length
    for start, end, counts in windows(length, window):
        assert end - start <= window
        assert counts == 0 or counts - start >= window // 2
        for step in range(counts, end):
            counted[step] += 1
    assert counted == [1] * length


def test_likelihoods_of_windows_are_those_of_whole_pieces_where_one_window_holds_them() -> None:
    torch.manual_seed(0)
    model = GridTransformer(GridConfig(trunk=TrunkConfig(**TRUNK), slot=16)).eval()
    pieces = _pieces(2, 7)
    allowed = np.ones(N_SYMBOLS, dtype=bool)
    allowed[:5] = False
    scores = log_probabilities(model, pieces, window=64, allowed=allowed)
    nats = negative_log_likelihoods(scores, pieces)
    for piece, score, loss in zip(pieces, scores, nats, strict=True):
        assert loss.shape == piece.shape
        torch.testing.assert_close(score.exp().sum(-1), torch.ones(piece.shape), atol=1e-5, rtol=0)
        assert bool((score[..., :5] == float("-inf")).all())
    # Short windows see less, but score every symbol all the same.
    short = negative_log_likelihoods(log_probabilities(model, pieces, window=8), pieces)
    assert all(np.isfinite(loss).all() for loss in short)


def test_presets_are_complete_and_unknown_keys_fail(tmp_path: Path) -> None:
    assert {"notes", "notes-small", "chorale-benchmark"} <= set(presets())
    for name in presets():
        assert read_train_config(name).updates > 0
    with pytest.raises(ConfigError, match="preset must be one of"):
        read_train_config("nothing")
    place = tmp_path / "own.toml"
    place.write_text('kind = "grid"\nmixture = { chorales = 1 }\nupdate = 3\n')
    with pytest.raises(ConfigError, match="unknown key 'update'"):
        read_train_config(place)
    with pytest.raises(ConfigError, match="batch must be 1 or more, got 0"):
        _config(batch=0)


def test_fewer_updates_keep_the_proportions() -> None:
    small = shortened(read_train_config("notes"), 60)
    assert (small.updates, small.warmup, small.check_every) == (60, 2, 5)


def test_grid_weights_come_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = GridTransformer(GridConfig(trunk=TrunkConfig(**TRUNK), slot=16))
    place = tmp_path / "grid.safetensors"
    save_grid_model(place, model.config, dict(model.named_parameters()), {"window": 8})
    again = load_grid_model(place)
    assert again.notes == {"window": 8}
    for name, value in again.model.named_parameters():
        torch.testing.assert_close(value, dict(model.named_parameters())[name].half().float())
    first = place.read_bytes()
    save_grid_model(place, model.config, dict(model.named_parameters()), {"window": 8})
    assert place.read_bytes() == first


def test_grid_weights_in_8_bits_are_near_and_half_as_large(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = GridTransformer(GridConfig(trunk=TrunkConfig(**TRUNK), slot=16))
    sizes = {}
    for bits in (8, 16):
        place = tmp_path / f"{bits}.safetensors"
        save_grid_model(place, model.config, dict(model.named_parameters()), bits=bits)
        sizes[bits] = place.stat().st_size
    assert sizes[8] < 0.65 * sizes[16]
    again = dict(load_grid_model(tmp_path / "8.safetensors").model.named_parameters())
    for name, value in model.named_parameters():
        step = value.abs().max() / 127
        assert (again[name] - value).abs().max() <= step
    with pytest.raises(ConfigError, match="bits must be 8 or 16, got 4"):
        save_grid_model(place, model.config, {}, bits=4)


def test_bad_benchmark_files_are_named(tmp_path: Path) -> None:
    place = tmp_path / "Jsb16thSeparated.json"
    with pytest.raises(CorpusError, match="cannot read the chorales"):
        read_benchmark(place)
    place.write_text(json.dumps({"train": [], "valid": []}))
    with pytest.raises(CorpusError, match="cannot read the chorales"):
        read_benchmark(place)
