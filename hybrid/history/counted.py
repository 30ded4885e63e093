"""Counts with Witten-Bell smoothing: the plain models that learned exhibits must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Losses = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Level:
    """Contexts of one length: the codes seen, their counts, kinds of symbols, pairs."""

    contexts: Codes
    counts: Codes
    kinds: Codes
    pairs: Codes
    pair_counts: Codes


class Counted:
    """Chances of a symbol by what stood around it in training.

    Each context hands on to the one before it the share that Witten-Bell smoothing leaves for
    what it has not seen; the first to a uniform choice.

    Parameters
    ----------
    contexts : np.ndarray, shape (N, K), int64
        Codes of the K contexts of each symbol, the most general first.
    symbols : np.ndarray, shape (N,), int64
        0 .. ``n_symbols`` - 1.
    n_symbols : int

    References
    ----------
    Witten, I. H., & Bell, T. C. (1991). The zero-frequency problem. IEEE Transactions on
    Information Theory 37(4), 1085-1094.

    Examples
    --------
    >>> seen = Counted(np.zeros((3, 1), int), np.array([0, 0, 1]), 4)
    >>> np.exp(-seen.losses(np.zeros((2, 1), int), np.array([0, 3]))).round(3).tolist()
    [0.5, 0.1]
    """

    def __init__(self, contexts: Codes, symbols: Codes, n_symbols: int) -> None:
        self.n_symbols = n_symbols
        self._levels = []
        for column in contexts.T:
            pairs, pair_counts = np.unique(column * n_symbols + symbols, return_counts=True)
            own, counts = np.unique(column, return_counts=True)
            kinds = np.unique(pairs // n_symbols, return_counts=True)[1]
            self._levels.append(_Level(own, counts, kinds, pairs, pair_counts))

    def losses(self, contexts: Codes, symbols: Codes) -> Losses:
        """Minus the log chance of each symbol, in nats; shape (N,)."""
        chance = np.full(len(symbols), 1.0 / self.n_symbols)
        for level, column in zip(self._levels, contexts.T, strict=True):
            count = _found(level.contexts, level.counts, column)
            kinds = _found(level.contexts, level.kinds, column)
            pairs = _found(level.pairs, level.pair_counts, column * self.n_symbols + symbols)
            # Where a context was never seen, what came before it stands.
            total = np.maximum(count + kinds, 1)
            chance = np.where(count > 0, (pairs + kinds * chance) / total, chance)
        found: Losses = -np.log(chance)
        return found


def _found(keys: Codes, values: Codes, wanted: Codes) -> Codes:
    """Values of the wanted keys, 0 where there is none."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Codes = np.where(keys[at] == wanted, values[at], 0)
    return found
