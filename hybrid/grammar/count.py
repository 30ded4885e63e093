"""How many derivation trees a string has, in exact whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.grammar.compiled import Compiled

Number = int | float  # whole, or math.inf


def _times(a: Number, b: Number) -> Number:
    return 0 if a == 0 or b == 0 else a * b


class _Counter:
    """Fills a chart with numbers of trees, span by span.

    Over one span (and for the empty string) symbols lead to symbols by unit rules and empty
    halves. Where these steps form a cycle among symbols that derive the span at all, every symbol
    that leads into the cycle has infinitely many trees.
    """

    def __init__(self, compiled: Compiled, tokens: Sequence[tuple[int, ...]]) -> None:
        self.c = compiled
        self.tokens = tokens
        p = compiled.probabilities()
        c = compiled
        self.binary = [
            (int(a), int(c.pair_left[q]), int(c.pair_right[q]))
            for a, q, r in zip(c.binary_lhs, c.binary_pair, c.binary_rule, strict=True)
            if p[r] > 0
        ]
        self.unary = [
            (int(a), int(b))
            for a, b, r in zip(c.unary_lhs, c.unary_child, c.unary_rule, strict=True)
            if p[r] > 0
        ]
        self.lexical = [
            (int(a), int(t))
            for a, t, r in zip(c.lexical_lhs, c.lexical_terminal, c.lexical_rule, strict=True)
            if p[r] > 0
        ]
        self.epsilon = [
            int(a) for a, r in zip(c.epsilon_lhs, c.epsilon_rule, strict=True) if p[r] > 0
        ]
        self.null = self._null()

    def _null(self) -> list[Number]:
        """Trees of the empty string for each symbol."""
        v = self.c.n_symbols
        able = np.zeros(v, dtype=bool)
        able[self.epsilon] = True
        while True:
            new = able.copy()
            for a, b in self.unary:
                new[a] |= able[b]
            for a, b, c in self.binary:
                new[a] |= able[b] and able[c]
            if np.array_equal(new, able):
                break
            able = new
        edges = [(a, b) for a, b in self.unary if able[b]]
        edges += [(a, x) for a, b, c in self.binary if able[b] and able[c] for x in (b, c)]
        endless = _leading_to_cycles(v, edges)
        counts: list[Number] = [math.inf if x else 0 for x in endless & able]
        # Without cycles the number of rounds is at most the number of symbols.
        while True:
            fresh: list[Number] = [0] * v
            for a in self.epsilon:
                fresh[a] += 1
            for a, b in self.unary:
                fresh[a] += counts[b]
            for a, b, c in self.binary:
                fresh[a] += _times(counts[b], counts[c])
            fresh = [math.inf if endless[s] and able[s] else fresh[s] for s in range(v)]
            if fresh == counts:
                return counts
            counts = fresh

    def close(self, base: list[Number]) -> list[Number]:
        """Add what unit rules and empty halves make of a span's trees."""
        v = self.c.n_symbols
        steps: dict[tuple[int, int], Number] = {}
        for a, b in self.unary:
            steps[a, b] = steps.get((a, b), 0) + 1
        for a, b, c in self.binary:
            if self.null[c]:
                steps[a, b] = steps.get((a, b), 0) + self.null[c]
            if self.null[b]:
                steps[a, c] = steps.get((a, c), 0) + self.null[b]
        if not steps:
            return base
        able = np.array([x > 0 for x in base])
        while True:
            new = able.copy()
            for a, b in steps:
                new[a] |= able[b]
            if np.array_equal(new, able):
                break
            able = new
        live = [(a, b) for a, b in steps if able[b]]
        endless = _leading_to_cycles(v, live)
        counts = [math.inf if endless[s] else base[s] for s in range(v)]
        while True:
            fresh = list(base)
            for a, b in live:
                fresh[a] += _times(steps[a, b], counts[b])
            fresh = [math.inf if endless[s] else fresh[s] for s in range(v)]
            if fresh == counts:
                return counts
            counts = fresh

    def run(self, start: int) -> Number:
        n, v = len(self.tokens), self.c.n_symbols
        if n == 0:
            return self.null[start]
        cells: dict[tuple[int, int], list[Number]] = {}
        by_lhs = [(a, b, c) for a, b, c in self.binary]
        for span in range(1, n + 1):
            for at in range(n - span + 1):
                base: list[Number] = [0] * v
                if span == 1:
                    for a, terminal in self.lexical:
                        base[a] += terminal in self.tokens[at]
                for k in range(1, span):
                    left, right = cells[at, k], cells[at + k, span - k]
                    for a, b, c in by_lhs:
                        if left[b] and right[c]:
                            base[a] += left[b] * right[c]
                cells[at, span] = self.close(base)
        return cells[0, n][start]


def _leading_to_cycles(size: int, edges: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Nodes from which a cycle can be reached."""
    ways = np.zeros((size, size), dtype=bool)
    for a, b in edges:
        ways[a, b] = True
    for _ in range(max(1, math.ceil(math.log2(size + 1)))):
        ways = ways | (ways @ ways)
    cyclic = np.diag(ways)
    result: NDArray[np.bool_] = cyclic | (ways @ cyclic)
    return result


def count_derivations(compiled: Compiled, tokens: Sequence[tuple[int, ...]], start: int) -> Number:
    """Number of derivation trees of a string, ``math.inf`` if there is no end of them.

    Rules of probability 0 make no trees. Plain Python whole numbers, so it is exact, and slow
    beyond some fifty tokens.
    """
    return _Counter(compiled, tokens).run(start)
