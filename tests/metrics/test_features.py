"""Features of pieces: known answers, and what does not change them."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ScoreError
from hybrid.core.score import Score
from hybrid.metrics.features import FEATURES, features_of
from hybrid.metrics.grids import Grid, check_grid, score_of_grid

BY_HEIGHT = ("ranges",)  # the only feature that a transposition moves


def walk(n_rows: int, seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    steps = rng.choice([-2, -1, 0, 0, 0, 1, 2], size=(n_rows, 4))
    grid = np.clip(np.array([72, 67, 60, 50]) + np.cumsum(steps, axis=0), 42, 78)
    grid[rng.random(grid.shape) < 0.05] = -1
    return check_grid(grid)


def quarters(*pitches: int) -> np.ndarray:
    return np.repeat(np.array(pitches), 4)


def value(name: str, grid: np.ndarray) -> list[float]:
    return [round(float(x), 6) for x in features_of(grid)[name]]


def test_every_feature_is_finite_and_transposition_moves_only_the_ranges() -> None:
    here, there = (features_of(piece) for piece in (walk(160, 1), walk(160, 1) + 0))
    grid = walk(160, 1)
    there = features_of(np.where(grid < 0, -1, grid + 3))
    assert set(here) == {feature.name for feature in FEATURES}
    for feature in FEATURES:
        assert np.isfinite(here[feature.name]).all()
        if feature.name not in BY_HEIGHT:
            assert here[feature.name] == pytest.approx(there[feature.name]), feature.name
    assert there["ranges"] - here["ranges"] == pytest.approx(3.0)


def test_a_score_and_its_grid_have_the_same_features() -> None:
    grid = walk(160, 2)
    score = score_of_grid(grid)
    for name, values in features_of(grid).items():
        assert features_of(score)[name] == pytest.approx(values), name


def test_shares_add_up() -> None:
    found = features_of(walk(160, 3))
    for feature in FEATURES:
        if feature.scale == "shares":
            assert found[feature.name].sum() == pytest.approx(1.0), feature.name


def two_voices(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    return np.stack([upper, lower], axis=1)


def test_known_answers() -> None:
    # C4 and D4 in turn over a held C3, for 32 quarters.
    grid = two_voices(quarters(*[60, 62] * 16), quarters(*[48] * 32))
    assert value("note_density", grid) == [33 / 64]
    assert value("onset_places", grid) == [1.0, 0, 0, 0]
    assert value("groove", grid) == [1.0]
    assert value("onsets_together", grid) == [round((33 / 32) / 2, 6)]
    assert value("silence", grid) == [0.0]
    sonorities = value("sonorities", grid)
    assert (sonorities[0], sonorities[2]) == (0.5, 0.5)
    intervals = value("intervals", grid)
    assert (intervals[10], intervals[14]) == (round(15 / 31, 6), round(16 / 31, 6))
    # Pitch classes: C three quarters, D one.
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert value("pitch_class_entropy", grid) == [round(entropy, 6)]
    durations = value("durations", grid)
    assert (durations[3], durations[8]) == (round(32 / 33, 6), round(1 / 33, 6))
    assert value("ranges", grid) == [60, 61, 62, 48, 48, 48]
    assert value("spacing", grid) == [13, 1]
    # Even lags meet the same quarter again; at odd ones C C faces C D.
    assert value("self_similarity", grid)[1:] == [1, 1, 1, 1]
    assert value("self_similarity", grid)[0] == round(np.sqrt(0.5), 6)
    assert value("repetition", grid) == [1.0]


def test_syncopation_and_rests_are_seen() -> None:
    line = np.roll(quarters(*range(60, 80)), 1)
    assert value("onset_places", line[:, None])[1] == pytest.approx(20 / 21)
    rests = np.where(np.arange(80) % 8 < 4, -1, 60)
    assert value("silence", np.stack([rests, np.repeat([50, 51], 40)], axis=1)) == [0.25]


def test_bars_that_differ_lower_the_groove() -> None:
    even = quarters(*[60, 62] * 8)
    busy = np.tile([60, 62], 8)
    grid = np.concatenate([even[:16], busy, even[:16], busy, even[:16]])[:, None]
    assert value("groove", grid) == [0.25]


def test_what_is_too_short_or_silent_is_refused() -> None:
    with pytest.raises(ScoreError, match="17 quarters or more, got 4"):
        features_of(walk(16, 1))
    with pytest.raises(ScoreError, match="two notes"):
        features_of(np.full((80, 4), 60))
    with pytest.raises(ScoreError):
        features_of(Score(()))
