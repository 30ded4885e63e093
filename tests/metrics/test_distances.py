"""Distances of sets: known answers, the corpus's own floor, and sets that are off."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.metrics.distances import (
    compare_sets,
    energy_distance,
    overlapping_area,
    pairwise_distances,
    wasserstein,
)
from hybrid.metrics.features import FEATURES

SIZES = {"shares": 6, "each": 3, "own": 1}


def pieces(n: int, seed: int, *, shift: float = 0.0) -> list[dict[str, np.ndarray]]:
    """Made-up features; ``shift`` moves all of them, histograms by unevenness."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(n):
        values = {}
        for feature in FEATURES:
            if feature.scale == "shares":
                raw = rng.gamma(5.0, size=SIZES["shares"]) * np.exp(shift * np.arange(6))
                values[feature.name] = raw / raw.sum()
            else:
                values[feature.name] = rng.normal(shift, 1.0, size=SIZES[feature.scale])
        result.append(values)
    return result


def test_wasserstein_by_hand() -> None:
    assert wasserstein(np.array([0.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(0.5)
    assert wasserstein(np.array([0.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    x = np.random.default_rng(1).normal(size=50)
    assert wasserstein(x, x) == 0.0
    assert wasserstein(x, x + 3) == pytest.approx(3.0)


def energy(x: np.ndarray, y: np.ndarray) -> float:
    return energy_distance(
        pairwise_distances(x, x), pairwise_distances(x, y), pairwise_distances(y, y)
    )


def overlap(x: np.ndarray, y: np.ndarray) -> float:
    return overlapping_area(pairwise_distances(x, y), pairwise_distances(y, y))


def test_energy_distance_by_hand() -> None:
    # Two points a distance d apart: sqrt(2 d).
    assert energy(np.zeros((1, 2)), np.array([[3.0, 4.0]])) == pytest.approx(10**0.5)
    x = np.random.default_rng(1).normal(size=(20, 3))
    assert energy(x, x) == pytest.approx(0.0, abs=1e-6)


def test_overlapping_area_is_one_for_the_same_and_none_for_far_sets() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(200, 1)), rng.normal(size=(200, 1))
    assert overlap(x, y) > 0.95
    assert overlap(x + 20, y) < 0.01
    assert overlap(np.ones((5, 1)), np.ones((5, 1))) == 1.0


def test_overlapping_area_of_two_normal_densities() -> None:
    # Distances |x - y| do not make normal densities, so these are handed in as they are:
    # N(0, 1) and N(2, 1) overlap by 2 Phi(-1) = 0.317.
    rng = np.random.default_rng(4)
    within = rng.normal(10.0, 1.0, size=(120, 120))
    between = rng.normal(12.0, 1.0, size=(90, 90))
    assert overlapping_area(between, within) == pytest.approx(0.317, abs=0.02)


def test_a_set_like_the_corpus_has_ratios_about_one() -> None:
    rows = compare_sets(pieces(40, 1), pieces(80, 2), np.random.default_rng(3), n_draws=20)
    assert [row.feature for row in rows] == [feature.name for feature in FEATURES]
    assert 0.7 < np.mean([row.ratio for row in rows]) < 1.4
    assert sum(row.ratio_low <= 1.0 <= row.ratio_high for row in rows) >= len(rows) - 2
    for row in rows:
        assert row.n_pieces == 40
        assert row.ratio_low <= row.ratio <= row.ratio_high
        assert row.ratio == pytest.approx(row.distance / row.floor)
        assert row.overlap == pytest.approx(row.floor_overlap, abs=0.1)


@pytest.mark.parametrize("shift", [2.0, -2.0])
def test_a_set_that_is_off_either_way_is_far(shift: float) -> None:
    rows = compare_sets(
        pieces(20, 1, shift=shift), pieces(40, 2), np.random.default_rng(3), n_draws=10
    )
    for row in rows:
        assert row.ratio_low > max(row.floor_high, 2.0), row.feature
        assert row.overlap < row.floor_overlap


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (
        compare_sets(pieces(10, 1), pieces(30, 2), np.random.default_rng(3), n_draws=5)
        for _ in range(2)
    )
    assert first == second


def test_features_by_voice_need_as_many_voices() -> None:
    made = pieces(10, 1)
    for values in made:
        values["ranges"] = np.zeros(6)
    rows = compare_sets(made, pieces(30, 2), np.random.default_rng(3), n_draws=5)
    names = [row.feature for row in rows]
    assert "ranges" not in names
    assert "spacing" in names
    made[0]["durations"] = np.ones(3)
    with pytest.raises(ConfigError, match="durations"):
        compare_sets(made, pieces(30, 2), np.random.default_rng(3), n_draws=5)


def test_where_the_corpus_is_all_alike_any_difference_is_infinite() -> None:
    corpus, made = pieces(20, 1), pieces(10, 2)
    for values in corpus:
        values["silence"] = np.zeros(1)
    rows = {
        row.feature: row for row in compare_sets(made, corpus, np.random.default_rng(3), n_draws=5)
    }
    assert rows["silence"].ratio == np.inf
    for values in made:
        values["silence"] = np.zeros(1)
    rows = {
        row.feature: row for row in compare_sets(made, corpus, np.random.default_rng(3), n_draws=5)
    }
    assert rows["silence"].ratio == 1.0


def test_too_few_pieces_are_refused() -> None:
    with pytest.raises(ConfigError, match="5 generated pieces and 10 of the corpus, got 4 and 30"):
        compare_sets(pieces(4, 1), pieces(30, 2), np.random.default_rng(3))
    with pytest.raises(ConfigError, match="got 30 and 9"):
        compare_sets(pieces(30, 1), pieces(9, 2), np.random.default_rng(3))
