"""Can generated music be told from real music? A small network is trained to do so.

The two-sample test of Lopez-Paz and Oquab: half of the pieces are real, half generated; a
classifier learns from some of them and judges the rest. Its accuracy is 0.5 where the two
cannot be told apart, and 1 where they always can. The result is worth as much as the
classifier: one that learns nothing finds nothing. So its accuracy on music that anybody
would tell from real (an n-gram's) belongs beside every figure.

The network hears four bars (64 sixteenths) at a time. It is told nothing that depends on the
key: for every sixteenth the motion of each voice, the intervals between all voices, each
voice's degree in the scale that fits the four bars best, and the distances of neighbouring
voices. Two layers of convolution over time read these; their mean and maximum decide. Absolute
pitch is left to `hybrid.metrics.features` (ranges).

Pieces are divided into folds, and all four-bar windows of a piece lie in one fold. From each
judged piece equally many windows count, so both classes weigh the same. Networks are trained
on the CPU with one thread: the same pieces and seed give the same figures on one machine.

References
----------
Lopez-Paz, D., & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.
arXiv:1610.06545.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.metrics.grids import ROWS_PER_QUARTER, SILENCE, Grid, check_grid

if TYPE_CHECKING:
    import torch

WINDOW_ROWS = 64
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
WIDEST_MOTION = 12
WIDEST_DISTANCE = 24


@dataclass(frozen=True)
class ClassifierConfig:
    """How the networks are trained.

    Attributes
    ----------
    n_folds : int
    windows_per_piece : int
        That are judged; training draws others.
    n_epochs : int
        In each of which every training piece gives ``windows_per_piece`` windows.
    width : int
        Channels.
    dropout : float
    learning_rate, weight_decay : float
    batch : int
    """

    n_folds: int = 5
    windows_per_piece: int = 4
    n_epochs: int = 20
    width: int = 48
    dropout: float = 0.3
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch: int = 32

    def __post_init__(self) -> None:
        for name in ("n_folds", "windows_per_piece", "n_epochs", "width", "batch"):
            if getattr(self, name) < (2 if name == "n_folds" else 1):
                raise ConfigError(f"{name} must be larger, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be in 0..1, got {self.dropout}")


@dataclass(frozen=True)
class TwoSample:
    """What the classifier could do.

    Attributes
    ----------
    accuracy, low, high : float
        Share of four-bar windows judged rightly, with its 95% interval: from a bootstrap over
        pieces.
    piece_accuracy, piece_low, piece_high : float
        The same for whole pieces, by the mean of their windows; Wilson's interval.
    n_pieces : int
        Of each class.
    n_windows : int
        Of both.
    """

    accuracy: float
    low: float
    high: float
    piece_accuracy: float
    piece_low: float
    piece_high: float
    n_pieces: int
    n_windows: int


def two_sample_test(
    generated: Sequence[Grid],
    real: Sequence[Grid],
    rng: np.random.Generator,
    config: ClassifierConfig | None = None,
) -> TwoSample:
    """Train classifiers on some pieces of both sets and let them judge the others.

    Parameters
    ----------
    generated, real : sequence of np.ndarray, shape (T, V), int
        Of one number of voices, 64 rows or more each. The larger set is thinned to the size
        of the smaller one.
    rng : np.random.Generator
        Divides the pieces, seeds the networks, draws the windows and the bootstrap.
    config : ClassifierConfig, optional

    Raises
    ------
    ConfigError
        If there are fewer than two pieces a fold in a set.
    ScoreError
        If a piece is too short or has another number of voices.
    """
    config = config or ClassifierConfig()
    sets = [[check_grid(grid) for grid in grids] for grids in (generated, real)]
    n = min(len(grids) for grids in sets)
    if n < 2 * config.n_folds:
        raise ConfigError(
            f"two_sample_test needs {2 * config.n_folds} pieces of each kind, "
            f"got {len(generated)} and {len(real)}"
        )
    n_voices = sets[0][0].shape[1]
    for grid in (*sets[0], *sets[1]):
        if grid.shape[1] != n_voices or len(grid) < WINDOW_ROWS:
            raise ScoreError(
                f"two_sample_test needs pieces of {n_voices} voices and {WINDOW_ROWS} rows, "
                f"got shape {grid.shape}"
            )
    pieces: list[Grid] = []
    folds: list[int] = []
    for grids in sets:
        chosen = rng.permutation(len(grids))[:n]
        pieces += [grids[i] for i in chosen.tolist()]
        folds += [i % config.n_folds for i in range(n)]
    labels = np.repeat([0, 1], n)
    scores = _cross_validate(pieces, labels, np.array(folds), rng, config)
    right = (scores > 0) == (labels[:, None] == 1)  # (pieces, windows)
    whole = (scores.mean(axis=1) > 0) == (labels == 1)
    low, high = _bootstrap(right.mean(axis=1), labels, rng)
    piece_low, piece_high = wilson(int(whole.sum()), 2 * n)
    return TwoSample(
        accuracy=float(right.mean()),
        low=low,
        high=high,
        piece_accuracy=float(whole.mean()),
        piece_low=piece_low,
        piece_high=piece_high,
        n_pieces=n,
        n_windows=right.size,
    )


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share; 95% by default.

    >>> low, high = wilson(50, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(middle - half), float(middle + half)


def _bootstrap(
    by_piece: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """95% interval of the mean over pieces, drawn within each class."""
    draws = []
    for _ in range(1000):
        drawn = [
            by_piece[rng.choice(np.flatnonzero(labels == label), size=int((labels == label).sum()))]
            for label in (0, 1)
        ]
        draws.append(np.concatenate(drawn).mean())
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


# --- What the network is told -------------------------------------------------------------


def n_codes(n_voices: int) -> int:
    """How many different facts `window_codes` tells apart."""
    return (
        n_voices * (2 * WIDEST_MOTION + 4)
        + n_voices * 13
        + len(list(combinations(range(n_voices), 2))) * 13
        + (n_voices - 1) * (WIDEST_DISTANCE + 3)
    )


def window_codes(grid: Grid, starts: Sequence[int]) -> NDArray[np.int32]:
    """Facts about every row of some windows, as numbers; (windows, 64, F).

    Each is in 0..`n_codes` - 1. Transposing the piece changes none of them.
    """
    n_voices = grid.shape[1]
    columns: list[NDArray[np.int64]] = []
    offset = n_voices * 13  # the degrees come first

    def add(values: NDArray[np.int64], size: int) -> None:
        nonlocal offset
        columns.append(values + offset)
        offset += size

    before = np.vstack([grid[:1], grid[:-1]])
    silent, was_silent = grid == SILENCE, before == SILENCE
    motion = np.clip(grid - before, -WIDEST_MOTION, WIDEST_MOTION) + WIDEST_MOTION
    still = 2 * WIDEST_MOTION + 1  # silence goes on, ends, begins
    motion = np.where(was_silent, np.where(silent, still, still + 1), motion)
    motion = np.where(silent & ~was_silent, still + 2, motion)
    for v in range(n_voices):
        add(motion[:, v], still + 3)
    for upper, lower in combinations(range(n_voices), 2):
        rests = silent[:, upper] | silent[:, lower]
        distance = grid[:, upper] - grid[:, lower]
        add(np.where(rests, 12, distance % 12), 13)
        if lower == upper + 1:
            close = np.clip(distance, -1, WIDEST_DISTANCE) + 1
            add(np.where(rests, WIDEST_DISTANCE + 2, close), WIDEST_DISTANCE + 3)
    facts = np.stack(columns, axis=1)
    windows = []
    for start in starts:
        rows = slice(start, start + WINDOW_ROWS)
        degrees = np.where(silent[rows], 12, (grid[rows] - best_scale(grid[rows])) % 12)
        windows.append(np.hstack([degrees + 13 * np.arange(n_voices), facts[rows]]))
    return np.stack(windows).astype(np.int32)


def best_scale(window: Grid) -> int:
    """Tonic, 0..11, of the major scale that holds most of what sounds."""
    sounding = window[window != SILENCE] % 12
    counts = np.bincount(sounding, minlength=12)

    def fit(tonic: int) -> tuple[int, ...]:
        # Equal ones are told apart by what moves along when the music is transposed.
        turned = np.roll(counts, -tonic)
        return (int(turned[list(MAJOR_SCALE)].sum()), *turned.tolist())

    return max(range(12), key=fit)


def _judged_starts(grid: Grid, n: int) -> list[int]:
    """Starts of n windows spread evenly over a piece, on quarters."""
    last = (len(grid) - WINDOW_ROWS) // ROWS_PER_QUARTER
    starts: list[int] = (np.round(np.linspace(0, last, n)).astype(int) * ROWS_PER_QUARTER).tolist()
    return starts


# --- The network --------------------------------------------------------------------------


def _network(n_voices: int, config: ClassifierConfig) -> torch.nn.Module:
    import torch
    from torch import nn

    class Network(nn.Module):
        """(B, 64, F) codes to (B,) scores: above 0 is real."""

        def __init__(self) -> None:
            super().__init__()
            width = config.width
            self.embed = nn.EmbeddingBag(n_codes(n_voices), width, mode="sum")
            nn.init.normal_(self.embed.weight, std=0.1)
            self.first = nn.Conv1d(width, width, 5, padding=2)
            self.second = nn.Conv1d(width, width, 5, padding=2)
            self.drop = nn.Dropout(config.dropout)
            self.out = nn.Linear(2 * width, 1)

        def forward(self, codes: torch.Tensor) -> torch.Tensor:
            size = codes.shape
            x = self.embed(codes.reshape(-1, size[2])).reshape(size[0], size[1], -1)
            x = self.drop(torch.relu(x)).transpose(1, 2)  # (B, D, 64)
            x = torch.relu(self.first(x))
            x = torch.nn.functional.max_pool1d(x, 4)  # (B, D, 16)
            x = torch.relu(self.second(self.drop(x)))
            x = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)  # (B, 2 D)
            scores: torch.Tensor = self.out(self.drop(x)).squeeze(1)
            return scores

    return Network()


@contextmanager
def _one_seeded_thread(seed: int) -> Iterator[None]:
    """Torch with one thread and its own random numbers; both are put back."""
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _cross_validate(
    pieces: Sequence[Grid],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    rng: np.random.Generator,
    config: ClassifierConfig,
) -> NDArray[np.float64]:
    """Scores of the judged windows of all pieces, each by the network that did not see it."""
    scores = np.zeros((len(pieces), config.windows_per_piece))
    judged = np.stack(
        [window_codes(grid, _judged_starts(grid, config.windows_per_piece)) for grid in pieces]
    )  # (pieces, windows, 64, F)
    # All windows that may be drawn, once: coding them costs more than hearing them.
    coded = [
        window_codes(grid, range(0, len(grid) - WINDOW_ROWS + 1, ROWS_PER_QUARTER))
        for grid in pieces
    ]
    for fold in range(config.n_folds):
        with _one_seeded_thread(int(rng.integers(2**31))):
            train = np.flatnonzero(folds != fold)
            test = np.flatnonzero(folds == fold)
            network = _train(
                [coded[i] for i in train], labels[train], pieces[0].shape[1], rng, config
            )
            scores[test] = _scores(network, judged[test])
    return scores


def _train(
    coded: Sequence[NDArray[np.int32]],
    labels: NDArray[np.int64],
    n_voices: int,
    rng: np.random.Generator,
    config: ClassifierConfig,
) -> torch.nn.Module:
    import torch

    network = _network(n_voices, config)
    n_per_epoch = len(coded) * config.windows_per_piece
    steps_per_epoch = -(-n_per_epoch // config.batch)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.n_epochs * steps_per_epoch
    )
    network.train()
    for _ in range(config.n_epochs):
        owners = rng.permutation(np.repeat(np.arange(len(coded)), config.windows_per_piece))
        for at in range(0, len(owners), config.batch):
            batch = owners[at : at + config.batch]
            windows = np.stack([coded[i][rng.integers(len(coded[i]))] for i in batch.tolist()])
            target = torch.from_numpy(labels[batch].astype(np.float32))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network(torch.from_numpy(windows)), target
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return network


def _scores(network: torch.nn.Module, judged: NDArray[Any]) -> NDArray[np.float64]:
    import torch

    network.eval()
    with torch.no_grad():
        rows = [network(torch.from_numpy(windows)).numpy() for windows in judged]
    return np.array(rows, dtype=np.float64)
