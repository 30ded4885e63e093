"""Counting as a yardstick: an interpolated n-gram model of four voices on a grid.

A model that has learned something must be better than counting. This one knows, for each
token, what followed the same circumstances in training: the voice, its previous pitch, the
place within the quarter, how long the pitch has been held, and the last tokens before this
one in reading order (its neighbours). Witten and Bell's estimate mixes the longer contexts
with the shorter ones: with c tokens of a kind, N in all and T different ones after a
context,

    p(token | context) = (c + T p(token | shorter context)) / (N + T).

The shortest context of all is none: every one of the 47 symbols has the same probability.
Training pieces are counted in every transposition from -5 to +6 semitones.

References
----------
Witten, I. H., & Bell, T. C. (1991). The zero-frequency problem: Estimating the probabilities
of novel events in adaptive text compression. IEEE Transactions on Information Theory, 37(4),
1085-1094. doi:10.1109/18.87000 (their method C).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.metrics.grids import (
    ROWS_PER_QUARTER,
    SILENCE,
    SYMBOLS,
    VOICES,
    Grid,
    symbols_of,
    transposed,
)

TRANSPOSITIONS = tuple(range(-5, 7))
HOLD_CAP = 8  # rows; longer holds count as this long

#: What a context may hold, and how many values each has. Pitches are 0 before the piece, 1
#: for silence, else the pitch plus 2.
_PITCH_CODES = 130
FEATURES = {
    "voice": len(VOICES),
    "previous": _PITCH_CODES,
    "place": ROWS_PER_QUARTER,
    "hold": HOLD_CAP + 1,
    "neighbour_1": _PITCH_CODES,
    "neighbour_2": _PITCH_CODES,
    "neighbour_3": _PITCH_CODES,
}
#: Contexts grow by one feature at a time in this order.
THREE_NEIGHBOURS = tuple(FEATURES)
TWO_NEIGHBOURS = THREE_NEIGHBOURS[:-1]
_BEFORE = 0


@dataclass(frozen=True, eq=False)
class _Level:
    """Counts after all contexts of one length.

    ``keys`` (K,) ascend; the tokens seen after ``keys[i]`` are ``symbols[starts[i]:starts[i + 1]]``
    and ``counts`` says how often.
    """

    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    symbols: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]


class WittenBell:
    """An interpolated count model; a `NextToken` and a `WholeGrid` of `chorale_nll`.

    Parameters
    ----------
    pieces : sequence of np.ndarray, shape (T, 4), int64
        To be counted.
    features : sequence of str
        Of `FEATURES`, the most telling first.
    transpositions : sequence of int
        Semitones by which every piece is counted. Tokens that leave 36..81 are not counted,
        but stand in contexts.

    Raises
    ------
    ConfigError
        If a feature is unknown or named twice, or there is nothing to count.
    """

    def __init__(
        self,
        pieces: Sequence[Grid],
        *,
        features: Sequence[str] = THREE_NEIGHBOURS,
        transpositions: Sequence[int] = TRANSPOSITIONS,
    ) -> None:
        for name in features:
            if name not in FEATURES or list(features).count(name) > 1:
                known = ", ".join(FEATURES)
                raise ConfigError(f"features must be different ones of {known}, got {name!r}")
        if not pieces or not transpositions or not features:
            raise ConfigError("WittenBell must be given pieces, transpositions and features")
        self.features = tuple(features)
        moved = [transposed(piece, by) for by in transpositions for piece in pieces]
        values = np.concatenate([context_values(piece) for piece in moved], axis=1)
        tokens = np.concatenate([_token_symbols(piece) for piece in moved])
        counted = tokens >= 0
        self._levels = self._count(values[:, counted], tokens[counted])

    def _count(self, values: NDArray[np.int64], tokens: NDArray[np.int64]) -> tuple[_Level, ...]:
        levels = []
        for keys in self._context_keys(values):
            unique, index = np.unique(keys, return_inverse=True)
            pairs, counts = np.unique(index * len(SYMBOLS) + tokens, return_counts=True)
            context, symbols = np.divmod(pairs, len(SYMBOLS))
            starts = np.searchsorted(context, np.arange(len(unique) + 1))
            totals = np.bincount(index, minlength=len(unique))
            levels.append(_Level(unique, starts, symbols, counts, totals))
        return tuple(levels)

    def _context_keys(self, values: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """A number for each token's context of 1, 2, ... features; no two contexts share one."""
        names = list(FEATURES)
        key = np.zeros(values.shape[1], dtype=np.int64)
        result = []
        for name in self.features:
            key = key * FEATURES[name] + values[names.index(name)]
            result.append(key)
        return result

    def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> NDArray[np.float64]:
        """Natural logarithms of the next token's probabilities; (47,). See `NextToken`."""
        p = np.full(len(SYMBOLS), 1 / len(SYMBOLS))
        values = dict(zip(FEATURES, _next_values(history, chosen), strict=True))
        key = 0
        for name, level in zip(self.features, self._levels, strict=True):
            key = key * FEATURES[name] + values[name]
            at = int(np.searchsorted(level.keys, key))
            if at == len(level.keys) or level.keys[at] != key:
                break  # a longer context has not been seen either
            start, stop = level.starts[at], level.starts[at + 1]
            p *= stop - start
            p[level.symbols[start:stop]] += level.counts[start:stop]
            p /= level.totals[at] + (stop - start)
        logs: NDArray[np.float64] = np.log(p)
        return logs

    def grid_log_probs(self, grid: Grid) -> NDArray[np.float64]:
        """The same for all tokens of a piece; (T, 4, 47). See `WholeGrid`."""
        p = np.full((grid.size, len(SYMBOLS)), 1 / len(SYMBOLS))
        for level, keys in zip(self._levels, self._context_keys(context_values(grid)), strict=True):
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            rows = np.flatnonzero(level.keys[at] == keys)
            starts, types = level.starts[at[rows]], np.diff(level.starts)[at[rows]]
            p[rows] *= types[:, None]
            # One entry for every token seen after the context of every row.
            owner = np.repeat(rows, types)
            entry = np.arange(types.sum()) + np.repeat(starts - np.cumsum(types) + types, types)
            p[owner, level.symbols[entry]] += level.counts[entry]
            p[rows] /= (level.totals[at[rows]] + types)[:, None]
        logs: NDArray[np.float64] = np.log(p).reshape(*grid.shape, len(SYMBOLS))
        return logs

    def sample(self, n_rows: int, rng: np.random.Generator) -> Grid:
        """Draw a piece from its beginning, token by token.

        Parameters
        ----------
        n_rows : int
            Sixteenths, 1 or more. The model knows no end: the piece stops there.
        rng : np.random.Generator

        Returns
        -------
        np.ndarray, shape (n_rows, 4), int64
        """
        if n_rows < 1:
            raise ConfigError(f"n_rows must be 1 or more, got {n_rows}")
        grid = np.full((n_rows, len(VOICES)), SILENCE, dtype=np.int64)
        draws = rng.random(grid.shape)
        for t in range(n_rows):
            for v in range(len(VOICES)):
                p = np.exp(self.log_probs(grid[:t], tuple(grid[t, :v].tolist())))
                total = np.cumsum(p)
                symbol = int(np.searchsorted(total, draws[t, v] * total[-1], side="right"))
                grid[t, v] = SYMBOLS[min(symbol, len(SYMBOLS) - 1)]
        return grid


def _token_symbols(grid: Grid) -> NDArray[np.int64]:
    """Index into `SYMBOLS` of every token in reading order, -1 for a pitch that has none."""
    flat = grid.reshape(-1)
    inside = (flat == SILENCE) | ((flat >= SYMBOLS[1]) & (flat <= SYMBOLS[-1]))
    symbols = np.full(flat.shape, -1, dtype=np.int64)
    symbols[inside] = symbols_of(flat[inside, None])[:, 0]
    return symbols


def _codes(pitches: Grid) -> NDArray[np.int64]:
    return np.where(pitches == SILENCE, 1, pitches + 2)


def context_values(grid: Grid) -> NDArray[np.int64]:
    """The value of each of `FEATURES` for every token in reading order; (features, T * 4)."""
    codes = _codes(grid)
    n_rows, n_voices = grid.shape
    shape = (n_rows, n_voices)
    previous = np.full(shape, _BEFORE, dtype=np.int64)
    previous[1:] = codes[:-1]
    hold = np.zeros(shape, dtype=np.int64)
    for t in range(1, n_rows):
        hold[t] = np.where(previous[t] == previous[t - 1], hold[t - 1] + 1, 1)
    stream = codes.reshape(-1)
    neighbours = []
    for back in (1, 2, 3):
        moved = np.full(stream.shape, _BEFORE, dtype=np.int64)
        moved[back:] = stream[:-back]
        neighbours.append(moved)
    rows = np.arange(n_rows)[:, None]
    return np.stack(
        [
            np.tile(np.arange(n_voices), n_rows),
            previous.reshape(-1),
            np.broadcast_to(rows % ROWS_PER_QUARTER, shape).reshape(-1),
            np.minimum(hold, HOLD_CAP).reshape(-1),
            *neighbours,
        ]
    )


def _next_values(history: Grid, chosen: tuple[int, ...]) -> list[int]:
    """`context_values` of the token after these, without a look at the rest."""
    voice, t = len(chosen), len(history)
    column = history[-HOLD_CAP:, voice].tolist()
    hold = 0
    while hold < len(column) and column[-1 - hold] == column[-1]:
        hold += 1
    before = [*history[-1].tolist(), *chosen] if t else list(chosen)
    codes = [_BEFORE] * 3 + [1 if pitch == SILENCE else pitch + 2 for pitch in before]
    previous = _BEFORE if not column else 1 if column[-1] == SILENCE else column[-1] + 2
    return [voice, previous, t % ROWS_PER_QUARTER, hold, codes[-1], codes[-2], codes[-3]]
