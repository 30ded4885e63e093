"""The two-sample classifier: what it must tell apart, what it cannot, and its fairness."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.metrics.classifier import (
    WINDOW_ROWS,
    ClassifierConfig,
    n_codes,
    two_sample_test,
    wilson,
    window_codes,
)
from hybrid.metrics.grids import Grid, check_grid

SMALL = ClassifierConfig(
    n_folds=2,
    n_epochs=12,
    width=16,
    windows_per_piece=2,
    batch=4,
    dropout=0.1,
    learning_rate=1e-2,
)
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def tonal(seed: int, n_rows: int = 80) -> Grid:
    """Voices that walk on a major scale of any key."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.choice([-1, 0, 1], size=(n_rows // 2, 4)), axis=0)
    steps = np.clip(steps, -6, 6) + np.array([7, 4, 2, 0])
    grid = 12 * (steps // 7) + SCALE[steps % 7] + np.array([60, 58 - 3, 48, 48]) // 12 * 12
    return check_grid(np.repeat(grid, 2, axis=0) + rng.integers(-5, 7))


def chromatic(seed: int, n_rows: int = 80) -> Grid:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.choice([-2, 0, 2, 1, -1], size=(n_rows // 2, 4)), axis=0)
    grid = np.clip(steps, -11, 11) + np.array([72, 67, 60, 50])
    return check_grid(np.repeat(grid, 2, axis=0))


def test_keyless_music_is_told_from_music_with_a_key() -> None:
    result = two_sample_test(
        [chromatic(seed) for seed in range(16)],
        [tonal(seed) for seed in range(16)],
        np.random.default_rng(1),
        SMALL,
    )
    assert result.accuracy > 0.85
    assert result.piece_accuracy > 0.85
    assert result.low <= result.accuracy <= result.high
    assert result.piece_low <= result.piece_accuracy <= result.piece_high
    assert (result.n_pieces, result.n_windows) == (16, 2 * 16 * 2)


def test_music_of_one_kind_cannot_be_told_apart() -> None:
    result = two_sample_test(
        [tonal(seed) for seed in range(20)],
        [tonal(seed) for seed in range(100, 120)],
        np.random.default_rng(1),
        SMALL,
    )
    assert 0.3 < result.accuracy < 0.7


def test_the_same_seed_gives_the_same_figures_and_leaves_torch_alone() -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    threads = torch.get_num_threads()
    config = ClassifierConfig(n_folds=2, n_epochs=2, width=8, windows_per_piece=2)
    made, real = [chromatic(s) for s in range(8)], [tonal(s) for s in range(12)]
    first, second = (
        two_sample_test(made, real, np.random.default_rng(5), config) for _ in range(2)
    )
    assert first == second
    assert first.n_pieces == 8
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads


def test_what_the_network_is_told_does_not_depend_on_the_key() -> None:
    grid = np.array(tonal(3))
    grid[10:20, 1] = -1
    grid[:4, 0] = -1
    for start in (0, 8):
        here = window_codes(check_grid(grid), [start])[0]
        there = window_codes(check_grid(np.where(grid < 0, -1, grid + 5)), [start])[0]
        assert here.shape[0] == WINDOW_ROWS
        assert (here == there).all()
        assert here.min() >= 0
        assert here.max() < n_codes(4)


def test_each_fact_has_numbers_of_its_own() -> None:
    rng = np.random.default_rng(0)
    wild = np.where(rng.random((WINDOW_ROWS, 4)) < 0.2, -1, rng.integers(0, 128, (WINDOW_ROWS, 4)))
    columns = [set(column) for column in window_codes(check_grid(wild), [0])[0].T.tolist()]
    for i, column in enumerate(columns):
        for other in columns[i + 1 :]:
            assert not column & other


def test_what_cannot_be_judged_is_refused() -> None:
    good = [tonal(seed) for seed in range(10)]
    rng = np.random.default_rng(1)
    with pytest.raises(ConfigError, match="10 pieces of each kind, got 9 and 10"):
        two_sample_test(good[:9], good, rng)
    with pytest.raises(ScoreError, match="64 rows"):
        two_sample_test([*good[:9], good[9][:60]], good, rng)
    with pytest.raises(ScoreError, match="4 voices"):
        two_sample_test(good, [*good[:9], good[9][:, :3]], rng)
    with pytest.raises(ConfigError, match="dropout"):
        ClassifierConfig(dropout=1.0)
    with pytest.raises(ConfigError, match="n_folds"):
        ClassifierConfig(n_folds=1)


def test_wilsons_interval_stays_within_0_and_1() -> None:
    assert wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    low, high = wilson(8, 10)
    assert low < 0.8 < high
