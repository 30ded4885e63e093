"""The model: causality, the order within a step, the NumPy player, training and resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.core.errors import ConfigError, FormatError
from hybrid.symbolic_transformer.drums.batches import (
    LISTED,
    Batch,
    Table,
    Window,
    cut_windows,
    epoch_batches,
    make_batch,
    make_table,
)
from hybrid.symbolic_transformer.drums.conditions import COLUMNS, Levels, unknown
from hybrid.symbolic_transformer.drums.config import STEP_FEATURES, DrumConfig
from hybrid.symbolic_transformer.drums.model import DrumModel
from hybrid.symbolic_transformer.drums.player import DRAWS, Player, Step
from hybrid.symbolic_transformer.drums.train import TrainConfig, Trainer, load_model, score, train
from hybrid.symbolic_transformer.drums.weights import Weights, read_weights, write_weights
from tests.symbolic_transformer.drums.drum_examples import TINY, tiny_corpus

LEVELS = Levels((0.2, 0.4, 0.6, 0.8), (40.0, 60.0, 80.0, 100.0))


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table(tiny_corpus().splits["train"])


def model_of(config: DrumConfig = TINY) -> DrumModel:
    torch.manual_seed(3)
    return DrumModel(config).eval()


def losses(model: DrumModel, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        found = model(*batch.arguments())
    return np.stack([part.numpy() for part in (found.hits, found.velocities, found.timings)])


def changed_after(table: Table, step: int) -> Table:
    """The table with every stroke from ``step`` on shuffled."""
    order = np.arange(len(table.hits))
    order[step:] = np.random.default_rng(5).permutation(order[step:])
    return replace(
        table,
        features=table.features[order],
        hits=table.hits[order],
        velocities=table.velocities[order],
        timings=table.timings[order],
    )


@pytest.mark.parametrize("body", ["transformer", "gru"])
def test_shuffling_the_future_changes_nothing_before_it(table: Table, body: str) -> None:
    model = model_of(replace(TINY, body=body))
    window = Window(0, 96, reference=2)
    before = losses(model, make_batch(table, [window]))
    after = losses(model, make_batch(changed_after(table, 70), [window]))
    assert np.array_equal(before[..., :70], after[..., :70])
    assert not np.array_equal(before[..., 71:], after[..., 71:])


def test_a_drum_does_not_know_those_after_it_in_its_step() -> None:
    model = model_of()
    state = torch.randn(1, 1, TINY.width)
    hits = torch.zeros(1, 1, 9)
    other = hits.clone()
    other[..., 5] = 1
    with torch.no_grad():
        first = model.hit(state, model._hit_known(hits))[0, 0, :, 0]
        second = model.hit(state, model._hit_known(other))[0, 0, :, 0]
    assert torch.equal(first[:6], second[:6])
    assert not torch.isclose(first[6:], second[6:]).any()


def test_hits_of_a_step_are_a_distribution_over_all_patterns() -> None:
    model = model_of()
    patterns = torch.tensor([[(n >> d) & 1 for d in range(9)] for n in range(512)]).float()
    state = torch.randn(1, 1, TINY.width).expand(512, 1, -1)
    with torch.no_grad():
        logits = model.hit(state, model._hit_known(patterns[:, None]))[..., 0]
        signs = 2 * patterns[:, None] - 1
        shares = torch.nn.functional.logsigmoid(signs * logits).sum(-1).exp()
    assert float(shares.sum()) == pytest.approx(1.0, abs=1e-5)


def test_attention_reaches_as_far_back_as_the_window_and_no_farther(table: Table) -> None:
    model = model_of(replace(TINY, layers=1))
    batch = make_batch(table, [Window(0, 96)])
    inputs = batch.inputs.clone().requires_grad_()
    state = model.states(inputs, batch.conditions, batch.position, batch.tempo)[0, 60]
    torch.autograd.backward(state.sum())
    assert inputs.grad is not None
    reached = inputs.grad[0].abs().sum(-1).nonzero()[:, 0]
    assert reached.min() == 60 - TINY.window + 1
    assert reached.max() == 60


def test_sources_are_the_step_before_a_bar_ago_and_the_reference(table: Table) -> None:
    size = STEP_FEATURES + 1
    shown = make_batch(table, [Window(64, 96, reference=3)]).inputs[0].numpy()
    for number, back in enumerate((1, 16, 48)):
        source = shown[:, number * size : (number + 1) * size]
        assert np.array_equal(source[:, :-1], table.features[64 - back : 96 - back])
        assert source[:, -1].all()
    fresh = make_batch(table, [Window(64, 96, forget=True)]).inputs[0].numpy()
    assert not fresh[0, :size].any()
    assert not fresh[:16, size : 2 * size].any()
    assert fresh[16:, 2 * size - 1].all()
    assert not fresh[:, 2 * size :].any()


def test_conditions_that_are_not_told_are_unknown(table: Table) -> None:
    shown = make_batch(table, [Window(0, 16, told=LISTED)]).conditions[0]
    for column, name in enumerate(COLUMNS):
        told = name in ("style", "metre")
        assert (shown[:, column] == unknown(name)).all() != told


def test_windows_of_an_epoch_hold_every_step_once(table: Table) -> None:
    for seed in range(5):
        windows = cut_windows(table, 48, np.random.default_rng(seed))
        steps = np.concatenate([np.arange(w.start, w.end) for w in windows])
        assert np.array_equal(np.sort(steps), np.arange(len(table.hits)))
        batches = epoch_batches(table, 48, 96, np.random.default_rng(seed))
        assert sum(len(batch) for batch in batches) == len(windows)


@pytest.mark.parametrize("body", ["transformer", "gru"])
def test_the_player_computes_what_the_model_does(table: Table, body: str) -> None:
    model = model_of(replace(TINY, body=body))
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    player = Player(Weights(model.config, LEVELS, arrays))
    batch = make_batch(table, [Window(0, 120, reference=1)])
    with torch.no_grad():
        wanted = model.states(batch.inputs, batch.conditions, batch.position, batch.tempo)[0]
    for step in range(120):
        found = player.state(
            batch.inputs[0, step].numpy(),
            tuple(batch.conditions[0, step].tolist()),
            int(batch.position[0, step]),
            float(batch.tempo[0, step]),
        )
        assert np.abs(found - wanted[step].numpy()).max() < 1e-5


def test_the_player_draws_from_the_models_distributions() -> None:
    model = model_of()
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    player = Player(Weights(TINY, LEVELS, arrays))
    state = torch.randn(1, 1, TINY.width, generator=torch.Generator().manual_seed(2))
    given = Step()
    for drum in (0, 2, 6):
        given.put(drum, 80, 0)
    rng = np.random.default_rng(1)
    drawn = [player.play(state[0, 0].numpy(), rng.random(DRAWS), given=given) for _ in range(4000)]
    loud = np.array([step.velocities for step in drawn]) // 4
    hits = torch.from_numpy(given.hits).float()[None, None]
    with torch.no_grad():
        zeros = torch.zeros(1, 1, 9, dtype=torch.int64)
        logits = model.velocity(state, model._velocity_known(hits, zeros))[0, 0, 0]
    wanted = logits.softmax(-1).numpy()
    found = np.bincount(loud[:, 0], minlength=32) / len(drawn)
    assert np.abs(found - wanted).max() < 0.02
    assert (np.array([step.hits for step in drawn]) == given.hits).all()


def test_a_killed_run_that_goes_on_ends_in_the_same_bytes(tmp_path: Path) -> None:
    corpus = tiny_corpus()
    config = TrainConfig(
        model=replace(TINY, dropout=0.2),
        updates=6,
        batch_steps=64,
        window_steps=32,
        warmup=2,
        check_every=3,
        save_every=2,
    )
    whole = train(corpus, config, tmp_path / "whole")
    tables = tuple(make_table(corpus.splits[name]) for name in ("train", "validation"))
    # Killed after three updates: the last checkpoint is of the second.
    Trainer(config, tables[0], tables[1], tmp_path / "cut").run(stop_at=3)
    again = train(corpus, config, tmp_path / "cut")
    assert again.history == whole.history
    names = ["groove.safetensors", "checkpoint.safetensors", "history.json", "groove.png"]
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_run_does_not_go_on_with_another_configuration(tmp_path: Path, table: Table) -> None:
    config = TrainConfig(model=TINY, updates=2, batch_steps=64, window_steps=32, save_every=1)
    Trainer(config, table, table, tmp_path).run(stop_at=1)
    with pytest.raises(ConfigError, match="the configuration it began with"):
        Trainer(replace(config, updates=3), table, table, tmp_path)


@pytest.mark.parametrize("body", ["transformer", "gru"])
def test_a_tiny_model_learns_a_steady_groove(tmp_path: Path, table: Table, body: str) -> None:
    model = replace(TINY, width=32, body=body, dropout=0.0)
    config = TrainConfig(
        model=model, updates=60, batch_steps=256, window_steps=64, warmup=5, rate=1e-2
    )
    trainer = Trainer(config, table, table, tmp_path)
    untrained = score(trainer.averaged(), table).hits
    trainer.run()
    assert score(trainer.averaged(), table).hits < 0.25 * untrained


def test_scoring_in_windows_gives_what_one_long_window_gives(table: Table) -> None:
    model = model_of()
    whole = losses(model, make_batch(table, [Window(*span) for span in table.spans]))
    mask = make_batch(table, [Window(*span) for span in table.spans]).mask.numpy()
    found = score(model, table)
    assert found.total == pytest.approx((whole.sum(0) * mask).sum() / mask.sum(), rel=1e-5)
    # Windows shorter than a performance, with all the context that can matter.
    from hybrid.symbolic_transformer.drums.batches import scoring_windows

    reach = TINY.layers * (TINY.window - 1)
    total = 0.0
    for window, skip in scoring_windows(table, reach, (True,) * len(COLUMNS), size=48):
        total += losses(model, make_batch(table, [window]))[..., skip:].sum()
    assert total == pytest.approx((whole.sum(0) * mask).sum(), rel=1e-5)


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    model = model_of()
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    path = tmp_path / "w.safetensors"
    write_weights(Weights(TINY, LEVELS, arrays), path)
    first = path.read_bytes()
    write_weights(Weights(TINY, LEVELS, arrays), path)
    assert path.read_bytes() == first
    found = read_weights(path)
    assert (found.config, found.levels) == (TINY, LEVELS)
    for name, array in arrays.items():
        assert np.array_equal(found.arrays[name], array.astype(np.float16).astype(np.float32))
    again, _ = load_model(path)
    assert torch.equal(again.hit.own, torch.from_numpy(found.arrays["hit.own"]))


def test_files_and_sizes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(FormatError, match="weights of a groove model"):
        read_weights(path)
    with pytest.raises(ConfigError, match="body must be one of transformer, gru"):
        DrumConfig(body="lstm")
    with pytest.raises(ConfigError, match="multiple of heads"):
        DrumConfig(width=30, heads=4)
