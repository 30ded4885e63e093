"""The published chorale benchmark, measured slowly and beyond doubt.

The task: the chorales of ``Jsb16thSeparated.json`` in their canonical split, read in time
order, within a row soprano, alto, tenor, bass. Every voice of every row is one token out of
47 (`hybrid.metrics.grids.SYMBOLS`): a pitch, which repeats while a note is held, or silence.
The figure is the mean of -ln p(token | all tokens before it), in nats, over all tokens of
all pieces of a split: each counts once, nothing is padded, and where a piece ends is not a
token.

`evaluate` asks a model for one token at a time and hands it a copy of what came before, and
nothing else. So a model cannot look ahead, whatever its inside. Fast models score whole
pieces at once (`evaluate_grids`); `assert_causal` and `assert_agrees` show that they may.

References
----------
Huang, C.-Z. A., Vaswani, A., Uszkoreit, J., Shazeer, N., Simon, I., Hawthorne, C., Dai, A. M.,
Hoffman, M. D., Dinculescu, M., & Eck, D. (2019). Music Transformer. ICLR. arXiv:1809.04281
(Table 2: 0.417, 0.357 and 0.335 nats on the validation split).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.metrics.grids import SYMBOLS, VOICES, Grid, symbols_of

Progress = Callable[[float], None]

#: How far the probabilities of one token may add up to something else than 1.
SUM_TOLERANCE = 1e-4
OPENING_INTERVALS = 20


class NextToken(Protocol):
    """A model that gives one token's distribution at a time."""

    def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> NDArray[Any]:
        """Natural logarithms of the probabilities of `SYMBOLS`, for the next token.

        Parameters
        ----------
        history : np.ndarray, shape (t, 4), int64
            All rows before this one: MIDI pitches, -1 for silence. A new array each time.
        chosen : tuple of int
            The pitches (or -1) of this row's voices before this one: 0 to 3 of them.

        Returns
        -------
        np.ndarray, shape (47,)
        """
        ...


class WholeGrid(Protocol):
    """A model that gives the distributions of all tokens of a piece at once."""

    def grid_log_probs(self, grid: Grid) -> NDArray[Any]:
        """Natural logarithms; entry [t, v] may depend on earlier tokens only.

        Parameters
        ----------
        grid : np.ndarray, shape (T, 4), int64

        Returns
        -------
        np.ndarray, shape (T, 4, 47)
        """
        ...


@dataclass(frozen=True)
class PieceNll:
    """One piece's figure.

    Attributes
    ----------
    split : str
    index : int
        Its place in the split.
    n_tokens : int
    nats : float
        Sum over its tokens.
    shares_opening : bool
        Whether a training piece has the same `opening`.
    """

    split: str
    index: int
    n_tokens: int
    nats: float
    shares_opening: bool

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.n_tokens


@dataclass(frozen=True)
class NllReport:
    """Figures of all pieces that were measured."""

    pieces: tuple[PieceNll, ...]

    def of(self, split: str, *, unshared: bool = False) -> tuple[PieceNll, ...]:
        """The pieces of a split; with ``unshared`` those whose opening is in no training piece."""
        return tuple(
            piece
            for piece in self.pieces
            if piece.split == split and not (unshared and piece.shares_opening)
        )

    def nats_per_token(self, split: str, *, unshared: bool = False) -> float:
        """The benchmark's figure: all nats of a split over all its tokens.

        Raises
        ------
        ScoreError
            If no such piece was measured.
        """
        pieces = self.of(split, unshared=unshared)
        if not pieces:
            raise ScoreError(f"nats_per_token needs a split that was measured, got {split!r}")
        return sum(piece.nats for piece in pieces) / sum(piece.n_tokens for piece in pieces)

    def to_dict(self) -> dict[str, Any]:
        """Figures and counts by split, for tables and JSON."""
        splits = dict.fromkeys(piece.split for piece in self.pieces)
        result: dict[str, Any] = {}
        for split in splits:
            pieces, unshared = self.of(split), self.of(split, unshared=True)
            result[split] = {
                "nats_per_token": self.nats_per_token(split),
                "pieces": len(pieces),
                "tokens": sum(piece.n_tokens for piece in pieces),
                "unshared_pieces": len(unshared),
                "unshared_nats_per_token": self.nats_per_token(split, unshared=True)
                if unshared
                else None,
                "per_piece": [piece.nats_per_token for piece in pieces],
            }
        return result


def opening(grid: Grid) -> tuple[int, ...]:
    """The first 20 intervals of the soprano, in semitones, held notes once.

    A rest is taken for a note, as in the published count of shared openings (11 of 76
    validation and 15 of 77 test pieces).
    """
    soprano = grid[:, 0]
    changes = np.append(True, soprano[1:] != soprano[:-1])
    return tuple(np.diff(soprano[changes])[:OPENING_INTERVALS].tolist())


def evaluate(
    model: NextToken,
    benchmark: Mapping[str, Sequence[Grid]],
    splits: Sequence[str] = ("valid",),
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> NllReport:
    """Measure a model token by token.

    Parameters
    ----------
    model : NextToken
    benchmark : mapping of str to grids
        As from `hybrid.metrics.grids.read_benchmark`; ``train`` tells which openings are
        shared, and nothing of it is handed to the model.
    splits : sequence of str
    limit : int, optional
        Only so many pieces of each split. The figure is then not the benchmark's.
    progress : callable, optional
        Called with the share of the pieces that is done.

    Raises
    ------
    ScoreError
        If the model's answer is not a distribution over 47 symbols, or a split is unknown.
    """

    def measure(grid: Grid, where: str) -> float:
        total = 0.0
        symbols = symbols_of(grid, where)
        for t in range(len(grid)):
            for v in range(len(VOICES)):
                history = np.array(grid[:t])
                chosen = tuple(grid[t, :v].tolist())
                answer = np.asarray(model.log_probs(history, chosen), dtype=np.float64)
                _check_distribution(answer, (len(SYMBOLS),), f"{where}, row {t}, voice {v}")
                total -= float(answer[symbols[t, v]])
        return total

    return _report(measure, benchmark, splits, limit, progress)


def evaluate_grids(
    model: WholeGrid,
    benchmark: Mapping[str, Sequence[Grid]],
    splits: Sequence[str] = ("valid",),
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> NllReport:
    """Measure a model a piece at a time; parameters as in `evaluate`.

    The figure is worth something only where `assert_causal` holds for the model.
    """

    def measure(grid: Grid, where: str) -> float:
        answer = np.asarray(model.grid_log_probs(np.array(grid)), dtype=np.float64)
        _check_distribution(answer, (*grid.shape, len(SYMBOLS)), where)
        symbols = symbols_of(grid, where)
        return -float(np.take_along_axis(answer, symbols[:, :, None], axis=2).sum())

    return _report(measure, benchmark, splits, limit, progress)


def _report(
    measure: Callable[[Grid, str], float],
    benchmark: Mapping[str, Sequence[Grid]],
    splits: Sequence[str],
    limit: int | None,
    progress: Progress | None,
) -> NllReport:
    for split in splits:
        if split not in benchmark:
            known = ", ".join(benchmark)
            raise ScoreError(f"splits must be among {known}, got {split!r}")
    trained = {opening(grid) for grid in benchmark.get("train", ())}
    work = [
        (split, index, grid)
        for split in splits
        for index, grid in enumerate(benchmark[split][:limit])
    ]
    pieces = []
    for done, (split, index, grid) in enumerate(work, start=1):
        nats = measure(grid, f"{split} {index}")
        # A training piece shares its opening with itself, which says nothing.
        shares = split != "train" and opening(grid) in trained
        pieces.append(PieceNll(split, index, grid.size, nats, shares))
        if progress is not None:
            progress(done / len(work))
    return NllReport(tuple(pieces))


def _check_distribution(answer: NDArray[Any], shape: tuple[int, ...], where: str) -> None:
    if answer.shape != shape:
        raise ScoreError(f"log_probs must have shape {shape}, got {answer.shape} ({where})")
    total = np.exp(answer).sum(axis=-1)
    # Not `abs(...) > tolerance`: that would let NaN pass.
    wrong = ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if wrong.any():
        value = float(np.asarray(total)[wrong].flat[0])
        raise ScoreError(f"log_probs must add up to probability 1, got {value:.6g} ({where})")


class TokenByToken:
    """A `NextToken` model as a `WholeGrid` model, which looks ahead as little."""

    def __init__(self, model: NextToken) -> None:
        self.model = model

    def grid_log_probs(self, grid: Grid) -> NDArray[Any]:
        rows = [
            [
                self.model.log_probs(np.array(grid[:t]), tuple(grid[t, :v].tolist()))
                for v in range(grid.shape[1])
            ]
            for t in range(len(grid))
        ]
        return np.array(rows, dtype=np.float64)


def assert_causal(
    model: WholeGrid,
    grid: Grid,
    rng: np.random.Generator,
    *,
    n_cuts: int = 6,
    tolerance: float = 1e-5,
) -> None:
    """Check that changing the future changes no distribution before it.

    At several places all tokens from there on are shuffled, then drawn anew, then cut off;
    each time the distributions up to that place must stay as they were. For tests.

    Parameters
    ----------
    model : WholeGrid
    grid : np.ndarray, shape (T, 4), int64
        A piece of 4 rows or more with two different tokens at its end.
    rng : np.random.Generator
    n_cuts : int
        Places tried, beside the first token.
    tolerance : float
        Largest difference allowed, in nats.

    Raises
    ------
    AssertionError
        If an earlier distribution changes; the message names the token.
    """
    before = np.asarray(model.grid_log_probs(np.array(grid)))
    n_voices = grid.shape[1]
    cuts = [0, *rng.integers(1, grid.size - 2 * n_voices, size=n_cuts).tolist()]
    for cut in cuts:
        flat = grid.reshape(-1)
        for kind in ("shuffled", "redrawn"):
            changed = flat.copy()
            if kind == "shuffled":
                changed[cut:] = rng.permutation(flat[cut:])
            else:
                changed[cut:] = rng.choice(np.array(SYMBOLS), size=grid.size - cut)
            after = np.asarray(model.grid_log_probs(changed.reshape(grid.shape)))
            _assert_same(before, after, cut + 1, n_voices, tolerance, f"{kind} from {cut}")
        # Cut off after the row that holds the token.
        rows = cut // n_voices + 1
        after = np.asarray(model.grid_log_probs(np.array(grid[:rows])))
        _assert_same(before, after, cut + 1, n_voices, tolerance, f"cut off after row {rows - 1}")


def assert_agrees(fast: WholeGrid, slow: NextToken, grid: Grid, *, tolerance: float = 1e-4) -> None:
    """Check that a model scores a whole piece as it does token by token. For tests.

    Raises
    ------
    AssertionError
        If a log probability differs by more than ``tolerance`` nats.
    """
    one = np.asarray(fast.grid_log_probs(np.array(grid)))
    other = TokenByToken(slow).grid_log_probs(grid)
    _assert_same(other, one, grid.size, grid.shape[1], tolerance, "scored as a whole")


def _assert_same(
    before: NDArray[Any],
    after: NDArray[Any],
    n_tokens: int,
    n_voices: int,
    tolerance: float,
    what: str,
) -> None:
    first = before.reshape(-1, before.shape[-1])[:n_tokens]
    second = after.reshape(-1, after.shape[-1])[:n_tokens]
    # Two times minus infinity is no difference, though their difference is not a number.
    same = (first == second) | (np.abs(first - second) <= tolerance)
    if not same.all():
        token = int(np.argwhere(~same.all(axis=1))[0, 0])
        raise AssertionError(
            f"the distribution of row {token // n_voices}, voice {token % n_voices} must not "
            f"depend on what follows, but it changed when the piece was {what}"
        )
