"""Best derivations and draws of derivations, from a filled chart.

Both walk down a chart of natural logarithms and choose at every node among the rules and splits
that lead to it: the best one in a chart of maxima (Viterbi), one in proportion to its probability
in a chart of sums (a draw from the posterior).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hybrid.grammar.compiled import HELPER, Compiled, FloatArray
from hybrid.grammar.lengths import log
from hybrid.grammar.rule import Symbol
from hybrid.grammar.trees import Tree, build, with_durations

Token = tuple[int, ...]  # the terminals a token stands for


class LogRules:
    """Logarithms of rule probabilities, laid out by left side."""

    def __init__(self, compiled: Compiled, probabilities: FloatArray) -> None:
        c = self.compiled = compiled
        self.epsilon = log(probabilities[c.epsilon_rule])
        self.lexical = log(probabilities[c.lexical_rule])
        self.unary = log(probabilities[c.unary_rule])
        self.binary = log(probabilities[c.binary_rule])
        self.groups = np.unique(c.binary_lhs)
        self.starts = np.searchsorted(c.binary_lhs, self.groups)

    def rows(self, symbol: int) -> tuple[slice, np.ndarray, np.ndarray, np.ndarray]:
        """Rows of a symbol's binary, unary, lexical and epsilon rules."""
        c = self.compiled
        first, last = np.searchsorted(c.binary_lhs, [symbol, symbol + 1])
        return (
            slice(int(first), int(last)),
            np.flatnonzero(c.unary_lhs == symbol),
            np.flatnonzero(c.lexical_lhs == symbol),
            np.flatnonzero(c.epsilon_lhs == symbol),
        )


def best_null(rules: LogRules) -> FloatArray:
    """Log probability of each symbol's best derivation of the empty string, (V,)."""
    c = rules.compiled
    best = np.full(c.n_symbols, -np.inf)
    np.maximum.at(best, c.epsilon_lhs, rules.epsilon)
    if not np.isfinite(best).any():
        return best
    while True:
        new = best.copy()
        np.maximum.at(new, c.unary_lhs, rules.unary + best[c.unary_child])
        pairs = best[c.pair_left] + best[c.pair_right]
        np.maximum.at(new, c.binary_lhs, rules.binary + pairs[c.binary_pair])
        if np.array_equal(new, best):
            return best
        best = new


def best_closure(rules: LogRules, null: FloatArray) -> FloatArray:
    """Log probability of the best chain of rules from symbol to symbol over one span, (V, V)."""
    c = rules.compiled
    step = np.full((c.n_symbols, c.n_symbols), -np.inf)
    np.maximum.at(step, (c.unary_lhs, c.unary_child), rules.unary)
    if np.isfinite(null).any():
        left, right = c.pair_left[c.binary_pair], c.pair_right[c.binary_pair]
        np.maximum.at(step, (c.binary_lhs, left), rules.binary + null[right])
        np.maximum.at(step, (c.binary_lhs, right), rules.binary + null[left])
    np.fill_diagonal(step, 0.0)  # no chain is more probable than none
    for middle in np.flatnonzero(np.isfinite(step).sum(axis=0) > 1):
        step = np.maximum(step, step[:, middle, None] + step[None, middle, :])
    return step


def viterbi_chart(
    compiled: Compiled, probabilities: FloatArray, tokens: Sequence[Token]
) -> tuple[FloatArray, FloatArray]:
    """Log probability of the best derivation of every cell.

    Returns
    -------
    cells : np.ndarray, shape (N + 1, N, V)
        ``cells[l, i]``: of the ``l`` tokens from ``i``.
    null : np.ndarray, shape (V,)
        Of the empty string.
    """
    c = compiled
    rules = LogRules(c, probabilities)
    null = best_null(rules)
    closure = best_closure(rules, null)
    chains = np.isfinite(closure).sum() > c.n_symbols
    n = len(tokens)
    cells = np.full((n + 1, n, c.n_symbols), -np.inf)
    for span in range(1, n + 1):
        width = n - span + 1
        base = np.full((width, c.n_symbols), -np.inf)
        if span == 1:
            for at, token in enumerate(tokens):
                fits = np.isin(c.lexical_terminal, token)
                np.maximum.at(base[at], c.lexical_lhs[fits], rules.lexical[fits])
        elif len(rules.groups):
            best = np.full((width, len(c.pair_left)), -np.inf)
            for k in range(1, span):
                left = cells[k, :width][:, c.pair_left]
                right = cells[span - k, k : k + width][:, c.pair_right]
                np.maximum(best, left + right, out=best)
            scores = best[:, c.binary_pair] + rules.binary
            base[:, rules.groups] = np.maximum.reduceat(scores, rules.starts, axis=1)
        if chains:
            for at in range(width):
                if np.isfinite(base[at]).any():
                    cells[span, at] = np.max(closure + base[at], axis=1)
        else:
            cells[span, :width] = base
    return cells, null


class Walk:
    """Walks down a chart and builds the tree it chooses.

    Parameters
    ----------
    compiled : Compiled
    probabilities : np.ndarray, shape (R + 1,)
    tokens : sequence of tuple of int
    cells : np.ndarray, shape (N + 1, N, V)
        Natural logarithms.
    null : np.ndarray, shape (V,)
        Natural logarithms.
    """

    def __init__(
        self,
        compiled: Compiled,
        probabilities: FloatArray,
        tokens: Sequence[Token],
        cells: FloatArray,
        null: FloatArray,
    ) -> None:
        self.compiled, self.tokens = compiled, tokens
        self.cells, self.null = cells, null
        self.rules = LogRules(compiled, probabilities)
        self.probabilities = probabilities

    def _value(self, symbols: np.ndarray, at: int, span: int) -> FloatArray:
        values: FloatArray = self.cells[span, at, symbols] if span else self.null[symbols]
        return values

    def _options(
        self, symbol: int, at: int, span: int
    ) -> tuple[FloatArray, list[tuple[int, int, int]]]:
        """Logs and (kind, row, split or terminal) of all that can stand below a node."""
        c = self.compiled
        binary, unary, lexical, epsilon = self.rules.rows(symbol)
        logs: list[FloatArray] = []
        options: list[tuple[int, int, int]] = []
        if span == 0:
            logs.append(self.rules.epsilon[epsilon])
            options += [(0, int(row), 0) for row in epsilon]
        if span == 1:
            fits = [row for row in lexical if c.lexical_terminal[row] in self.tokens[at]]
            logs.append(self.rules.lexical[fits])
            options += [(1, int(row), 0) for row in fits]
        if len(unary):
            logs.append(self.rules.unary[unary] + self._value(c.unary_child[unary], at, span))
            options += [(2, int(row), 0) for row in unary]
        if binary.stop > binary.start:
            pairs = c.binary_pair[binary]
            left, right = c.pair_left[pairs], c.pair_right[pairs]
            for split in range(span + 1):
                halves = self._value(left, at, split)
                halves = halves + self._value(right, at + split, span - split)
                rows = np.flatnonzero(np.isfinite(halves))
                if len(rows):
                    logs.append(self.rules.binary[binary][rows] + halves[rows])
                    options += [(3, binary.start + int(row), split) for row in rows]
        return np.concatenate(logs) if logs else np.zeros(0), options

    def tree(self, start: int, choose: Callable[[FloatArray], int], *, best: bool) -> Tree:
        """Build a tree; ``choose`` picks among options by their logs.

        With ``best``, a chain of rules over one span never comes back to a symbol: no best chain
        does, but where a loop's probability rounds to 1 the logs alone would not show it.
        """
        c = self.compiled
        nodes: list[tuple[Tree, list[int]]] = []
        none: frozenset[int] = frozenset()
        stack = [(start, 0, len(self.tokens), -1, none)]
        while stack:
            symbol, at, span, parent, chain = stack.pop()
            logs, options = self._options(symbol, at, span)
            if best:
                chain |= {symbol}
                logs = logs.copy()
                for place, option in enumerate(options):
                    if any(s in chain and w == span for s, _, w in self._below(option, at, span)):
                        logs[place] = -np.inf
            kind, row, split = options[choose(logs)]
            number = (c.epsilon_rule, c.lexical_rule, c.unary_rule, c.binary_rule)[kind][row]
            if number != HELPER:
                rule = c.grammar.rules[number]
                node = Tree(
                    Symbol(rule.lhs), rule=rule, probability=float(self.probabilities[number])
                )
                parent = _append(nodes, node, parent)
            if kind == 1:
                part = c.terminals[c.lexical_terminal[row]]
                _append(nodes, Tree(part.symbol, duration=part.length), parent)
            for child, where, width in reversed(self._below((kind, row, split), at, span)):
                stack.append((child, where, width, parent, chain if width == span else none))
        return with_durations(build(nodes))

    def _below(
        self, option: tuple[int, int, int], at: int, span: int
    ) -> list[tuple[int, int, int]]:
        """Symbols below an option, each with its first token and number of tokens."""
        c = self.compiled
        kind, row, split = option
        if kind == 2:
            return [(int(c.unary_child[row]), at, span)]
        if kind == 3:
            pair = c.binary_pair[row]
            return [
                (int(c.pair_left[pair]), at, split),
                (int(c.pair_right[pair]), at + split, span - split),
            ]
        return []


def _append(nodes: list[tuple[Tree, list[int]]], tree: Tree, parent: int) -> int:
    if parent >= 0:
        nodes[parent][1].append(len(nodes))
    nodes.append((tree, []))
    return len(nodes) - 1


def choose_best(logs: FloatArray) -> int:
    """The first of the greatest."""
    return int(np.argmax(logs))


def choose_randomly(rng: np.random.Generator) -> Callable[[FloatArray], int]:
    """A choice in proportion to probability."""

    def choose(logs: FloatArray) -> int:
        cumulative = np.cumsum(np.exp(logs - logs.max()))
        at = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
        return min(int(at), len(logs) - 1)

    return choose
