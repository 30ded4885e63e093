"""The n-gram: Witten and Bell's formula by hand, one token against many, and sampling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.metrics.chorale_nll import assert_agrees, assert_causal, evaluate_grids
from hybrid.metrics.grids import SYMBOLS, Grid, check_grid, read_benchmark
from hybrid.metrics.ngram import FEATURES, THREE_NEIGHBOURS, TWO_NEIGHBOURS, WittenBell


def walk(n_rows: int, seed: int) -> Grid:
    """Four voices that move by steps, with rests."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([-2, -1, 0, 0, 0, 1, 2], size=(n_rows, 4))
    grid = np.clip(np.array([72, 67, 60, 50]) + np.cumsum(steps, axis=0), 36, 81)
    grid[rng.random(grid.shape) < 0.05] = -1
    return check_grid(grid)


def test_the_formula_by_hand() -> None:
    grid = check_grid([[60, 50, 50, 50], [62, 50, 50, 50], [62, 50, 50, 50], [60, 50, 50, 50]])
    model = WittenBell([grid], features=["voice", "previous"], transpositions=[0])
    p = np.exp(model.log_probs(np.array([[62, 50, 50, 50]]), ()))
    # Soprano: 60 twice and 62 twice of 4; after 62: 62 once and 60 once of 2.
    plain = (2 + 2 / 47) / (4 + 2)
    assert p[SYMBOLS.index(60)] == pytest.approx((1 + 2 * plain) / (2 + 2))
    unseen = (2 / 47) / (4 + 2)
    assert p[SYMBOLS.index(70)] == pytest.approx(2 * unseen / (2 + 2))
    assert p.sum() == pytest.approx(1)


@pytest.mark.parametrize("features", [TWO_NEIGHBOURS, THREE_NEIGHBOURS, ("hold", "place")])
def test_one_token_at_a_time_agrees_with_a_whole_piece(features: tuple[str, ...]) -> None:
    model = WittenBell([walk(40, seed) for seed in range(4)], features=features)
    assert_agrees(model, model, walk(30, 9), tolerance=1e-9)
    assert_causal(model, walk(30, 9), np.random.default_rng(0))


def test_transposing_the_training_pieces_makes_them_known_elsewhere() -> None:
    train, other = [walk(60, 1)], check_grid(np.where(walk(60, 1) < 0, -1, walk(60, 1) - 3))
    plain = WittenBell(train, transpositions=[0])
    moved = WittenBell(train)
    scores = [
        evaluate_grids(model, {"valid": [other]}).nats_per_token("valid")
        for model in (plain, moved)
    ]
    assert scores[1] < scores[0] / 2


def test_samples_come_from_the_seed() -> None:
    model = WittenBell([walk(60, seed) for seed in range(3)])
    first, second, third = (model.sample(24, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (24, 4)
    assert (first == second).all()
    assert (first != third).any()
    assert set(np.unique(first)) <= set(SYMBOLS)


def test_samples_follow_the_distribution() -> None:
    model = WittenBell([check_grid([[60, 55, 50, 45], [62, 55, 50, 45]] * 4)], transpositions=[0])
    rng = np.random.default_rng(3)
    first = [int(model.sample(1, rng)[0, 0]) for _ in range(400)]
    p = np.exp(model.log_probs(np.empty((0, 4), dtype=np.int64), ()))
    for pitch in (60, 62):
        assert first.count(pitch) / 400 == pytest.approx(p[SYMBOLS.index(pitch)], abs=0.08)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ConfigError, match="got 'colour'"):
        WittenBell([walk(8, 1)], features=["colour"])
    with pytest.raises(ConfigError, match="pieces"):
        WittenBell([])
    with pytest.raises(ConfigError, match="n_rows must be 1 or more, got 0"):
        WittenBell([walk(8, 1)]).sample(0, np.random.default_rng(1))


def test_contexts_of_any_pitch_are_told_apart() -> None:
    # The largest key must fit in 64 bits.
    assert np.prod([float(size) for size in FEATURES.values()]) < 2**63


def test_the_yardstick_reaches_its_published_figure(shared_data: Path) -> None:
    # Untransposed, so that it takes seconds; benchmarks/chorale_ngram.py has the rest.
    data = read_benchmark(shared_data / "jsb-chorales" / "Jsb16thSeparated.json")
    model = WittenBell(data["train"], features=TWO_NEIGHBOURS, transpositions=[0])
    report = evaluate_grids(model, data)
    assert report.nats_per_token("valid") < 0.659
    assert len(report.of("valid", unshared=True)) == 76 - 11
