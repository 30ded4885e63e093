"""How probable each total length is: inside probabilities over lengths and depths.

The inside probability of symbol A and length n is the sum of the probabilities of all derivations
from A whose terminals' lengths add up to n. Everything is kept in natural logarithms, so nothing
underflows and minus infinity means impossible, not small.

References
----------
Baker, J. K. (1979). Trainable grammars for speech recognition. Proceedings of the 97th Meeting of
the Acoustical Society of America, 547-550. (Inside probabilities; here over lengths, not spans.)
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.compiled import (
    Compiled,
    FloatArray,
    IntArray,
    compile_grammar,
    make_weights,
)

Length = int | Fraction
Lengths = Mapping[str, Length]
MAX_DEPTH = 256  # how deep error messages search for a depth that would do


def log(values: FloatArray) -> FloatArray:
    """Natural logarithm with ``log 0 = -inf`` and no warning."""
    with np.errstate(divide="ignore"):
        result: FloatArray = np.log(values)
    return result


def log_sum(values: FloatArray, axis: int = -1) -> FloatArray:
    """Logarithm of the sum of exponentials along an axis; -inf where all are -inf."""
    if values.shape[axis] == 0:
        return np.full(np.delete(values.shape, axis), -np.inf)
    top = np.max(values, axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    total: FloatArray = log(np.sum(np.exp(values - safe), axis=axis)) + np.squeeze(safe, axis)
    return total


def measure(compiled: Compiled, lengths: Lengths | None) -> tuple[Fraction, NDArray[np.int64]]:
    """The greatest unit all terminals' lengths are multiples of, and each length in it.

    Parameters
    ----------
    compiled : Compiled
    lengths : mapping of terminal name to length, optional
        Takes the place of lengths in the grammar. A terminal without any has length 1.

    Raises
    ------
    GrammarError
        If a length is negative, no number, or for a name that is no terminal.
    """
    given = dict(lengths or {})
    names = {part.symbol.name for part in compiled.terminals}
    for name, value in given.items():
        if name not in names:
            raise GrammarError(f"lengths names {name!r}, which is no terminal of the grammar")
        if isinstance(value, bool) or not isinstance(value, int | Fraction) or value < 0:
            raise GrammarError(
                f"length of {name!r} must be a whole number or Fraction of 0 or more, got {value!r}"
            )
    values = []
    for part in compiled.terminals:
        own = Fraction(1) if part.length is None else part.length
        values.append(Fraction(given.get(part.symbol.name, own)))
    denominator = lcm(*(value.denominator for value in values)) if values else 1
    whole = [int(value * denominator) for value in values]
    divisor = gcd(*whole) or 1
    return Fraction(divisor, denominator), np.array(whole, dtype=np.int64) // divisor


class Tables:
    """Log inside probabilities of every symbol and length, for no depth bound or for each depth.

    Parameters
    ----------
    compiled : Compiled
    ticks : np.ndarray, shape (T,), int
        Length of each terminal in units.
    """

    def __init__(self, compiled: Compiled, ticks: NDArray[np.int64]) -> None:
        c = compiled
        self.compiled = c
        self.ticks = ticks
        p = c.probabilities()
        self.log_binary = log(p[c.binary_rule])
        self.log_unary = log(p[c.unary_rule])
        self.log_lexical = log(p[c.lexical_rule])
        self.log_epsilon = log(p[c.epsilon_rule])
        self.groups: IntArray = np.unique(c.binary_lhs)
        self.starts = np.searchsorted(c.binary_lhs, self.groups)
        self.weights = make_weights(c, p, zero=np.flatnonzero(ticks == 0).tolist())
        self.log_closure = log(self.weights.closure)
        self.table = log(self.weights.null)[:, None]  # (V, N + 1), grown on demand
        # Helpers hold shorter remainders; these must be known first.
        self.helpers = sorted(c.helper_parts, key=lambda number: len(c.helper_parts[number]))
        self.by_depth: list[FloatArray] = []
        self.depth_size = -1

    def _binary(self, sums: FloatArray) -> FloatArray:
        """Add up rules over pairs: (P,) to (V,)."""
        out = np.full(self.compiled.n_symbols, -np.inf)
        if not len(self.groups):
            return out
        terms = self.log_binary + sums[self.compiled.binary_pair]
        top = np.maximum.reduceat(terms, self.starts)
        safe = np.where(np.isfinite(top), top, 0.0)
        counts = np.diff(np.append(self.starts, len(terms)))
        total = np.add.reduceat(np.exp(terms - np.repeat(safe, counts)), self.starts)
        out[self.groups] = log(total) + safe
        return out

    def _scatter(self, out: FloatArray, where: IntArray, values: FloatArray) -> FloatArray:
        np.logaddexp.at(out, where, values)
        return out

    def grow(self, size: int) -> FloatArray:
        """Log inside probabilities without a depth bound, shape (V, size + 1) or more."""
        c = self.compiled
        known = self.table.shape[1]
        if known > size:
            return self.table
        table = np.full((c.n_symbols, size + 1), -np.inf)
        table[:, :known] = self.table
        for n in range(known, size + 1):
            # Both halves longer than 0; empty halves are in the closure.
            sums = log_sum(table[c.pair_left, 1:n] + table[c.pair_right, n - 1 : 0 : -1])
            base = self._binary(sums)
            fits = self.ticks[c.lexical_terminal] == n
            self._scatter(base, c.lexical_lhs[fits], self.log_lexical[fits])
            if np.isfinite(base).any():
                table[:, n] = log_sum(self.log_closure + base[None, :])
        self.table = table
        return table

    def grow_depth(self, depth: int, size: int) -> list[FloatArray]:
        """Tables (V, size + 1) for derivations of at most 0, 1, ..., depth rules deep."""
        c = self.compiled
        if size > self.depth_size:
            self.by_depth, self.depth_size = [], size
        size = self.depth_size
        while len(self.by_depth) <= depth:
            table = np.full((c.n_symbols, size + 1), -np.inf)
            if self.by_depth:
                below = self.by_depth[-1]
                for n in range(size + 1):
                    column = table[:, n]
                    left, right = below[c.pair_left, : n + 1], below[c.pair_right, n::-1]
                    column[:] = self._binary(log_sum(left + right))
                    self._scatter(column, c.unary_lhs, self.log_unary + below[c.unary_child, n])
                    fits = self.ticks[c.lexical_terminal] == n
                    self._scatter(column, c.lexical_lhs[fits], self.log_lexical[fits])
                self._scatter(table[:, 0], c.epsilon_lhs, self.log_epsilon)
            table[len(c.index) :] = -np.inf
            for helper in self.helpers:  # a helper is as deep as its parts: no rule of its own
                self._helper(table, helper)
            self.by_depth.append(table)
        return self.by_depth

    def _helper(self, table: FloatArray, helper: int) -> None:
        c = self.compiled
        for at in np.flatnonzero(c.lexical_lhs == helper):
            tick = self.ticks[c.lexical_terminal[at]]
            if tick < table.shape[1]:
                table[helper, tick] = 0.0
        for at in np.flatnonzero(c.binary_lhs == helper):
            pair = c.binary_pair[at]
            left, right = table[c.pair_left[pair]], table[c.pair_right[pair]]
            for n in range(table.shape[1]):
                table[helper, n] = log_sum(left[: n + 1] + right[n::-1])


def length_distribution(
    grammar: Grammar,
    longest: Length,
    *,
    lengths: Lengths | None = None,
    start: str | None = None,
) -> dict[Fraction, float]:
    """Probability of every total length up to ``longest`` that can occur.

    Parameters
    ----------
    grammar : Grammar
    longest : int or Fraction
        In the terminals' unit (bars, say), 0 or more.
    lengths : mapping of terminal name to length, optional
        Instead of those in the grammar.
    start : str, optional
        Nonterminal to start from instead of the grammar's.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("S -> (0.5) a[8] | (0.5) a[8] S")
    >>> {int(n): round(p, 6) for n, p in length_distribution(grammar, 32).items()}
    {8: 0.5, 16: 0.25, 24: 0.125, 32: 0.0625}
    """
    compiled = compile_grammar(grammar)
    symbol = start_symbol(compiled, start)
    unit, ticks = measure(compiled, lengths)
    size = int(Fraction(longest) / unit)
    row = Tables(compiled, ticks).grow(size)[symbol]
    return {n * unit: float(np.exp(row[n])) for n in range(size + 1) if np.isfinite(row[n])}


def start_symbol(compiled: Compiled, start: str | None) -> int:
    """Number of a start symbol given by name, or of the grammar's own."""
    if start is None:
        return compiled.start
    if start not in compiled.index:
        raise GrammarError(f"start must be a nonterminal of the grammar, got {start!r}")
    return compiled.index[start]


def nearest(row: FloatArray, wanted: float) -> tuple[int | None, int | None]:
    """The feasible lengths (in units) next below and next above one that is not."""
    feasible = np.flatnonzero(np.isfinite(row))
    below, above = feasible[feasible < wanted], feasible[feasible > wanted]
    return (
        int(below[-1]) if len(below) else None,
        int(above[0]) if len(above) else None,
    )
