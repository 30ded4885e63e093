"""Sampling derivations, exactly conditioned on total length and depth.

Nothing is drawn and thrown away: the inside probabilities of :mod:`hybrid.grammar.lengths` give,
at every node, the probability of each rule and split among the derivations that keep the bounds.
The result is a sample from the grammar's own distribution conditioned on them.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Symbol
from hybrid.grammar.compiled import HELPER, FloatArray, compile_grammar
from hybrid.grammar.lengths import (
    MAX_DEPTH,
    Length,
    Lengths,
    Tables,
    log_sum,
    measure,
    nearest,
    start_symbol,
)
from hybrid.grammar.trees import Tree, build, with_durations

MAX_NODES = 1_000_000


class Sampler:
    """Draws derivation trees under bounds; build it once, draw often.

    Parameters
    ----------
    grammar : Grammar
        Deterministic, plain or probabilistic.
    length : int, Fraction, (shortest, longest) or None
        Exact total length, or a closed range, in the terminals' unit: their lengths
        (``a[8]``), or 1 for each terminal without one. None: any.
    max_depth : int or None
        Most rules on any way from the root to a leaf.
    lengths : mapping of terminal name to length, optional
        Instead of those in the grammar, for instance ``{"verse": 16, "chorus": 8}``.
    start : str, optional
        Nonterminal to start from instead of the grammar's.

    Raises
    ------
    GrammarError
        If no derivation keeps the bounds; it names the nearest lengths, or the least depth, that
        would do.

    Notes
    -----
    Cost is about V n² numbers for length n in units (the greatest common divisor of the
    terminals' lengths), times the depth where depth is bounded. Where nothing is bounded, the
    sample is conditioned on the derivation ending at all, which is certain for consistent
    grammars.

    Examples
    --------
    >>> import numpy as np
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("Form -> (0.9) Form Form | (0.1) a[8] | (0.0) b[4]")
    >>> tree = Sampler(grammar, length=64).sample(np.random.default_rng(1))
    >>> len(tree.leaves()), tree.duration
    (8, Fraction(64, 1))
    """

    def __init__(
        self,
        grammar: Grammar,
        *,
        length: Length | tuple[Length, Length] | None = None,
        max_depth: int | None = None,
        lengths: Lengths | None = None,
        start: str | None = None,
    ) -> None:
        compiled = compile_grammar(grammar)
        self.compiled = compiled
        self.symbol = start_symbol(compiled, start)
        self.unit, self.ticks = measure(compiled, lengths)
        self.own_lengths = lengths or {}
        if max_depth is not None and max_depth < 1:
            raise GrammarError(f"max_depth must be 1 or more, got {max_depth}")
        if length is None:
            self.ticks = np.zeros_like(self.ticks)  # lengths do not matter
            low, high = Fraction(0), Fraction(0)
        else:
            low, high = (
                Fraction(x) for x in (length if isinstance(length, tuple) else [length] * 2)
            )
            if not 0 <= low <= high:
                raise GrammarError(f"length must be 0 or more, shortest first, got {length}")
        self.max_depth = max_depth
        self.tables = Tables(compiled, self.ticks)
        first = -int(-low // self.unit)  # rounded up
        last = int(high // self.unit)
        row = self._row(last)
        self.choices = np.arange(first, last + 1)
        self.choice_logs = row[first : last + 1]
        if not np.isfinite(self.choice_logs).any():
            raise self._infeasible(low, high)
        self._cache: dict[tuple[int, int, int], tuple[FloatArray, list[tuple[int, int, int]]]] = {}
        self._by_symbol()

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the probability that an unbounded sample keeps the bounds."""
        return float(log_sum(self.choice_logs))

    def _row(self, size: int) -> FloatArray:
        if self.max_depth is None:
            table = self.tables.grow(size)
        else:
            table = self.tables.grow_depth(self.max_depth, size)[self.max_depth]
        row: FloatArray = table[self.symbol]
        return row

    def _infeasible(self, low: Fraction, high: Fraction) -> GrammarError:
        name = self.compiled.grammar.nonterminals[self.symbol]
        what = f"length {low}" if low == high else f"length {low} to {high}"
        first, last = -int(-low // self.unit), int(high // self.unit)
        if self.max_depth is not None:
            free = self.tables.grow(last)[self.symbol][first : last + 1]
            if np.isfinite(free).any():
                depth = self._least_depth(first, last)
                least = f"the least depth is {depth}" if depth else f"{MAX_DEPTH} is not enough"
                return GrammarError(
                    f"max_depth must allow {what} from {name}, got {self.max_depth}; {least}"
                )
        size = 2 * last + 64
        below, above = nearest(self._row(size), float(low / self.unit))
        if self.max_depth is not None:  # the bound may be what forbids every length near it
            what += f" within depth {self.max_depth}"
        near = [str(n * self.unit) for n in (below, above) if n is not None]
        nearby = f"nearest feasible: {' and '.join(near)}" if near else "no length is feasible"
        return GrammarError(f"{name} has no derivation of {what}; {nearby}")

    def _least_depth(self, first: int, last: int) -> int | None:
        assert self.max_depth is not None
        for depth in range(self.max_depth + 1, MAX_DEPTH + 1):
            row = self.tables.grow_depth(depth, last)[depth][self.symbol]
            if np.isfinite(row[first : last + 1]).any():
                return depth
        return None

    def _by_symbol(self) -> None:
        """Rules of each symbol as rows of the compiled arrays."""
        c = self.compiled
        self.rows: list[dict[str, list[int]]] = [
            {"epsilon": [], "lexical": [], "unary": [], "binary": []} for _ in range(c.n_symbols)
        ]
        for kind, lhs in (
            ("epsilon", c.epsilon_lhs),
            ("lexical", c.lexical_lhs),
            ("unary", c.unary_lhs),
            ("binary", c.binary_lhs),
        ):
            for row, symbol in enumerate(lhs.tolist()):
                self.rows[symbol][kind].append(row)

    def _options(
        self, symbol: int, n: int, budget: int
    ) -> tuple[FloatArray, list[tuple[int, int, int]]]:
        """Cumulative weights and (kind, row, split) of everything a symbol can become."""
        known = self._cache.get((symbol, n, budget))
        if known is not None:
            return known
        c, t, rows = self.compiled, self.tables, self.rows[symbol]
        below = t.table if self.max_depth is None else t.by_depth[budget]
        options: list[tuple[int, int, int]] = []
        logs: list[FloatArray] = []
        if n == 0 and rows["epsilon"]:
            options += [(0, row, 0) for row in rows["epsilon"]]
            logs.append(t.log_epsilon[rows["epsilon"]])
        fits = [row for row in rows["lexical"] if self.ticks[c.lexical_terminal[row]] == n]
        if fits:
            options += [(1, row, 0) for row in fits]
            logs.append(t.log_lexical[fits])
        if rows["unary"]:
            options += [(2, row, 0) for row in rows["unary"]]
            logs.append(t.log_unary[rows["unary"]] + below[c.unary_child[rows["unary"]], n])
        if rows["binary"]:
            pairs = c.binary_pair[rows["binary"]]
            splits = below[c.pair_left[pairs], : n + 1] + below[c.pair_right[pairs], n::-1]
            splits = splits + t.log_binary[rows["binary"]][:, None]
            row_at, split_at = np.nonzero(np.isfinite(splits))
            options += [
                (3, rows["binary"][row], split)
                for row, split in zip(row_at.tolist(), split_at.tolist(), strict=True)
            ]
            logs.append(splits[row_at, split_at])
        values = np.concatenate(logs)
        weights = np.cumsum(np.exp(values - values.max()))
        self._cache[symbol, n, budget] = (weights, options)
        return weights, options

    def sample(self, rng: np.random.Generator) -> Tree:
        """Draw one derivation tree.

        Raises
        ------
        GrammarError
            If it grows past a million nodes, which only unbounded derivations can.
        """
        c, grammar = self.compiled, self.compiled.grammar
        weights = np.cumsum(np.exp(self.choice_logs - self.choice_logs.max()))
        n = int(self.choices[_draw(weights, rng)])
        budget = 0 if self.max_depth is None else self.max_depth
        nodes: list[tuple[Tree, list[int]]] = []
        # Entries: symbol, length, budget for it, number of the parent's node.
        stack = [(self.symbol, n, budget, -1)]
        while stack:
            symbol, n, budget, parent = stack.pop()
            helper = symbol in c.helper_parts
            below = budget if helper or self.max_depth is None else budget - 1
            cumulative, options = self._options(symbol, n, below)
            kind, row, split = options[_draw(cumulative, rng)]
            number = (c.epsilon_rule, c.lexical_rule, c.unary_rule, c.binary_rule)[kind][row]
            if number != HELPER:
                rule = grammar.rules[number]
                parent = self._append(
                    nodes, Tree(Symbol(rule.lhs), rule=rule, probability=rule.probability), parent
                )
            if kind == 1:
                self._append(nodes, self._leaf(int(c.lexical_terminal[row])), parent)
            elif kind == 2:
                stack.append((int(c.unary_child[row]), n, below, parent))
            elif kind == 3:
                pair = c.binary_pair[row]
                stack.append((int(c.pair_right[pair]), n - split, below, parent))
                stack.append((int(c.pair_left[pair]), split, below, parent))
            if len(nodes) > MAX_NODES:
                raise GrammarError(
                    f"derivation grew past {MAX_NODES} nodes; bound its length or max_depth"
                )
        return with_durations(build(nodes))

    def _append(self, nodes: list[tuple[Tree, list[int]]], tree: Tree, parent: int) -> int:
        if parent >= 0:
            nodes[parent][1].append(len(nodes))
        nodes.append((tree, []))
        return len(nodes) - 1

    def _leaf(self, terminal: int) -> Tree:
        part = self.compiled.terminals[terminal]
        own = self.own_lengths.get(part.symbol.name)
        return Tree(part.symbol, duration=part.length if own is None else Fraction(own))


def _draw(cumulative: FloatArray, rng: np.random.Generator) -> int:
    """Index drawn in proportion to the differences of a cumulative sum."""
    at = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
    return min(int(at), len(cumulative) - 1)


def sample(
    grammar: Grammar,
    rng: np.random.Generator,
    *,
    length: Length | tuple[Length, Length] | None = None,
    max_depth: int | None = None,
    lengths: Lengths | None = None,
    start: str | None = None,
) -> Tree:
    """Draw one derivation tree; the parameters are :class:`Sampler`'s.

    Examples
    --------
    >>> import numpy as np
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("S -> (0.5) a S | (0.5) b")
    >>> sample(grammar, np.random.default_rng(0), length=4).tokens()
    ('a', 'a', 'a', 'b')
    """
    sampler = Sampler(grammar, length=length, max_depth=max_depth, lengths=lengths, start=start)
    return sampler.sample(rng)
