"""The benchmark's evaluator: known answers, what it refuses, and models that cheat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hybrid.core.errors import ScoreError
from hybrid.metrics.chorale_nll import (
    TokenByToken,
    assert_agrees,
    assert_causal,
    evaluate,
    evaluate_grids,
    opening,
)
from hybrid.metrics.grids import SYMBOLS, Grid, check_grid, symbols_of

N = len(SYMBOLS)


def piece(n_rows: int, seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    return check_grid(np.repeat(rng.integers(40, 80, size=(n_rows // 2, 4)), 2, axis=0))


class Uniform:
    def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> np.ndarray:
        return np.full(N, -np.log(N))


class Holds:
    """0.9 on the voice's previous token, the rest shared; uniform at the start."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> np.ndarray:
        self.asked.append((len(history), len(chosen)))
        if not len(history):
            return np.full(N, -np.log(N))
        p = np.full(N, 0.1 / (N - 1))
        p[SYMBOLS.index(int(history[-1, len(chosen)]))] = 0.9
        logs: np.ndarray = np.log(p)
        return logs


class HoldsAtOnce:
    """The same, a whole piece at a time."""

    def grid_log_probs(self, grid: Grid) -> np.ndarray:
        p = np.full((*grid.shape, N), 0.1 / (N - 1))
        before = symbols_of(grid)[:-1, :, None]
        np.put_along_axis(p[1:], before, 0.9, axis=2)
        p[0] = 1 / N
        logs: np.ndarray = np.log(p)
        return logs


def test_uniform_model_has_the_entropy_of_47_symbols() -> None:
    report = evaluate(Uniform(), {"train": [], "valid": [piece(8, 1), piece(4, 2)]})
    assert report.nats_per_token("valid") == pytest.approx(np.log(47))
    assert [p.n_tokens for p in report.pieces] == [32, 16]


def test_every_token_counts_once_and_pieces_by_their_length() -> None:
    pieces = [piece(4, 1), piece(8, 2)]
    model = Holds()
    report = evaluate(model, {"train": [], "valid": pieces})
    assert model.asked == [(t, v) for g in pieces for t in range(len(g)) for v in range(4)]
    hits = sum(int((g[1:] == g[:-1]).sum()) for g in pieces)
    misses = sum(4 * (len(g) - 1) for g in pieces) - hits
    nats = 8 * np.log(47) - hits * np.log(0.9) - misses * np.log(0.1 / 46)
    assert report.nats_per_token("valid") == pytest.approx(nats / 48)
    fast = evaluate_grids(HoldsAtOnce(), {"train": [], "valid": pieces})
    assert [p.nats for p in fast.pieces] == pytest.approx([p.nats for p in report.pieces])


def test_a_model_is_handed_a_copy_of_the_past_only() -> None:
    grid = piece(6, 3)

    class Spoils:
        def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> np.ndarray:
            assert history.base is None
            assert history.shape[1] == 4
            history[:] = 40
            return np.full(N, -np.log(N))

    kept = grid.copy()
    evaluate(Spoils(), {"train": [], "valid": [grid]})
    assert (grid == kept).all()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.full(N, -np.log(N) + 0.01), "add up to probability 1, got 1.01005 .valid 0, row 0"),
        (np.full(N, np.nan), "got nan"),
        (np.full(46, -np.log(46)), "shape .47,., got .46,."),
    ],
)
def test_what_is_no_distribution_is_refused(answer: np.ndarray, says: str) -> None:
    class Fixed:
        def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> np.ndarray:
            return answer

    with pytest.raises(ScoreError, match=says):
        evaluate(Fixed(), {"train": [], "valid": [piece(4, 1)]})


def test_impossible_tokens_cost_everything() -> None:
    class Never:
        def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> np.ndarray:
            with np.errstate(divide="ignore"):
                logs: np.ndarray = np.log(np.eye(N)[0])
                return logs

    report = evaluate(Never(), {"train": [], "valid": [piece(4, 1)]})
    assert report.nats_per_token("valid") == np.inf


def test_pieces_that_share_an_opening_are_told_apart() -> None:
    known = piece(60, 1)
    other = piece(60, 2)
    tuned = np.array(known)
    tuned[:, 1:] = piece(60, 3)[:, 1:]
    tuned[:, 0] += 1
    report = evaluate_grids(
        HoldsAtOnce(), {"train": [known], "valid": [check_grid(tuned), other]}, ("train", "valid")
    )
    assert [p.shares_opening for p in report.pieces] == [False, True, False]
    unshared = report.of("valid", unshared=True)
    assert [p.index for p in unshared] == [1]
    assert report.nats_per_token("valid", unshared=True) == unshared[0].nats_per_token
    assert report.to_dict()["valid"]["unshared_pieces"] == 1
    with pytest.raises(ScoreError, match="got 'test'"):
        report.nats_per_token("test")
    with pytest.raises(ScoreError, match="among train, valid, got 'best'"):
        evaluate_grids(HoldsAtOnce(), {"train": [], "valid": []}, ("best",))


def test_an_opening_has_20_intervals_and_ignores_length() -> None:
    line = np.repeat(np.arange(40, 70), 3)
    grid = np.stack([line] * 4, axis=1)
    assert opening(grid) == (1,) * 20


class Peeks:
    """Knows a later token: ``ahead`` tokens after the one it is asked for."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def grid_log_probs(self, grid: Grid) -> np.ndarray:
        flat = np.append(symbols_of(grid).reshape(-1), np.zeros(self.ahead, dtype=np.int64))
        p = np.full((grid.size, N), 0.1 / (N - 1))
        p[np.arange(grid.size), flat[self.ahead :]] = 0.9
        result: np.ndarray = np.log(p).reshape(*grid.shape, N)
        return result


class KnowsTheLength:
    def grid_log_probs(self, grid: Grid) -> np.ndarray:
        p = np.full((*grid.shape, N), 1.0)
        p[:, :, 0] = len(grid)
        result: np.ndarray = np.log(p / p.sum(axis=-1, keepdims=True))
        return result


@pytest.mark.parametrize("model", [Peeks(0), Peeks(1), Peeks(3), Peeks(9), KnowsTheLength()])
def test_look_ahead_is_found(model: Any) -> None:
    with pytest.raises(AssertionError, match="must not depend on what follows"):
        assert_causal(model, piece(16, 5), np.random.default_rng(1))


def test_models_that_do_not_look_ahead_pass() -> None:
    grid = piece(16, 5)
    for model in (HoldsAtOnce(), TokenByToken(Holds())):
        assert_causal(model, grid, np.random.default_rng(1))
    assert_agrees(HoldsAtOnce(), Holds(), grid)
    with pytest.raises(AssertionError, match="scored as a whole"):
        assert_agrees(HoldsAtOnce(), Uniform(), grid)
