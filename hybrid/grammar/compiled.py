"""Grammars as arrays: what sampling, parsing and learning compute with.

Right sides longer than two are split from the left, ``A -> X <Y Z>`` and ``<Y Z> -> Y Z``, equal
remainders sharing one helper symbol; terminals beside other symbols get a helper of their own.
Trees are given back without these helpers. Unit rules, unit cycles, left recursion and epsilon
rules stay as they are: what they add to every span is a linear system, solved once.

References
----------
Stolcke, A. (1995). An efficient probabilistic context-free parsing algorithm that computes prefix
probabilities. Computational Linguistics 21(2), 165-201.
Etessami, K. and Yannakakis, M. (2009). Recursive Markov chains, stochastic grammars, and monotone
systems of nonlinear equations. Journal of the ACM 56(1), article 1. doi:10.1145/1462153.1462154
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
HELPER = -1  # in place of a rule's number: a helper's only rule, probability 1


@dataclass(frozen=True, eq=False)
class Compiled:
    """The rules of a grammar in arrays. V symbols, P pairs, R rules; all arrays are read-only.

    Attributes
    ----------
    grammar : Grammar
    n_symbols : int
        V: nonterminals first, in the grammar's order, then helpers.
    helper_parts : dict of int to tuple of Part
        What each helper stands for.
    terminals : tuple of Part
        Distinct terminals; one name with two lengths is two terminals.
    epsilon_lhs, epsilon_rule : shape (E,)
    unary_lhs, unary_child, unary_rule : shape (U,)
    lexical_lhs, lexical_terminal, lexical_rule : shape (L,)
        Rules with one terminal alone on the right.
    binary_lhs, binary_pair, binary_rule : shape (B,)
        Sorted by ``binary_lhs``.
    pair_left, pair_right : shape (P,)
        The distinct pairs of symbols on right sides.
    """

    grammar: Grammar
    n_symbols: int
    helper_parts: dict[int, tuple[Part, ...]]
    terminals: tuple[Part, ...]
    epsilon_lhs: IntArray
    epsilon_rule: IntArray
    unary_lhs: IntArray
    unary_child: IntArray
    unary_rule: IntArray
    lexical_lhs: IntArray
    lexical_terminal: IntArray
    lexical_rule: IntArray
    binary_lhs: IntArray
    binary_pair: IntArray
    binary_rule: IntArray
    pair_left: IntArray
    pair_right: IntArray
    index: dict[str, int] = field(repr=False)

    @property
    def start(self) -> int:
        """Number of the start symbol."""
        return self.index[self.grammar.start]

    def probabilities(self) -> FloatArray:
        """The grammar's rule probabilities, shape (R + 1,); the last is the helpers', 1."""
        values = [rule.probability for rule in self.grammar.rules]
        return np.array([*values, 1.0])

    def matches(self, token: str) -> list[int]:
        """Numbers of the terminals a token stands for.

        A token is a terminal's text (``a``, ``a[8]``); where no terminal has that text, a bare
        name stands for the terminals of this name with any length.
        """
        exact = self._by_text.get(token)
        return [exact] if exact is not None else self._by_name.get(token, [])

    _by_text: dict[str, int] = field(default_factory=dict, repr=False)
    _by_name: dict[str, list[int]] = field(default_factory=dict, repr=False)


class _Builder:
    def __init__(self, grammar: Grammar) -> None:
        self.index = {name: number for number, name in enumerate(grammar.nonterminals)}
        self.helpers: dict[tuple[Part, ...], int] = {}
        self.terminals: dict[tuple[str, Fraction | None], int] = {}
        self.terminal_parts: list[Part] = []
        self.pairs: dict[tuple[int, int], int] = {}
        self.epsilon: list[tuple[int, int]] = []
        self.unary: list[tuple[int, int, int]] = []
        self.lexical: list[tuple[int, int, int]] = []
        self.binary: list[tuple[int, int, int]] = []
        for number, rule in enumerate(grammar.rules):
            self.add(self.index[rule.lhs], rule.rhs, number)

    def add(self, lhs: int, parts: tuple[Part, ...], rule: int) -> None:
        if not parts:
            self.epsilon.append((lhs, rule))
        elif len(parts) == 1 and parts[0].symbol.terminal:
            self.lexical.append((lhs, self.terminal(parts[0]), rule))
        elif len(parts) == 1:
            self.unary.append((lhs, self.index[parts[0].symbol.name], rule))
        else:
            pair = (self.symbol(parts[:1]), self.symbol(parts[1:]))
            self.binary.append((lhs, self.pairs.setdefault(pair, len(self.pairs)), rule))

    def terminal(self, part: Part) -> int:
        key = (part.symbol.name, part.length)
        if key not in self.terminals:
            self.terminals[key] = len(self.terminals)
            self.terminal_parts.append(Part(part.symbol, length=part.length))
        return self.terminals[key]

    def symbol(self, parts: tuple[Part, ...]) -> int:
        """The number of one nonterminal, or of the helper for a remainder."""
        if len(parts) == 1 and not parts[0].symbol.terminal:
            return self.index[parts[0].symbol.name]
        if parts not in self.helpers:
            number = len(self.index) + len(self.helpers)
            self.helpers[parts] = number
            self.add(number, parts, HELPER)
        return self.helpers[parts]


def compile_grammar(grammar: Grammar) -> Compiled:
    """Put a grammar's rules into arrays.

    Raises
    ------
    GrammarError
        If the grammar is temporal: its symbols mean different things at different durations.
    """
    if grammar.temporal:
        raise GrammarError(
            f"{grammar.source}: a temporal grammar must be unfolded first "
            "(hybrid.grammar.temporal.unfold)"
        )
    builder = _Builder(grammar)

    def columns(rows: Sequence[tuple[int, ...]], width: int) -> list[IntArray]:
        table = np.array(rows, dtype=np.intp).reshape(-1, width)
        arrays = [np.ascontiguousarray(table[:, k]) for k in range(width)]
        for array in arrays:
            array.flags.writeable = False
        return arrays

    binary = sorted(builder.binary, key=lambda row: row[0])
    epsilon, unary = columns(builder.epsilon, 2), columns(builder.unary, 3)
    lexical, binary_columns = columns(builder.lexical, 3), columns(binary, 3)
    pairs = columns(list(builder.pairs), 2)
    by_name: dict[str, list[int]] = {}
    for number, part in enumerate(builder.terminal_parts):
        by_name.setdefault(part.symbol.name, []).append(number)
    return Compiled(
        grammar=grammar,
        n_symbols=len(builder.index) + len(builder.helpers),
        helper_parts={number: parts for parts, number in builder.helpers.items()},
        terminals=tuple(builder.terminal_parts),
        epsilon_lhs=epsilon[0],
        epsilon_rule=epsilon[1],
        unary_lhs=unary[0],
        unary_child=unary[1],
        unary_rule=unary[2],
        lexical_lhs=lexical[0],
        lexical_terminal=lexical[1],
        lexical_rule=lexical[2],
        binary_lhs=binary_columns[0],
        binary_pair=binary_columns[1],
        binary_rule=binary_columns[2],
        pair_left=pairs[0],
        pair_right=pairs[1],
        index=builder.index,
        _by_text={part.text: n for n, part in enumerate(builder.terminal_parts)},
        _by_name=by_name,
    )


@dataclass(frozen=True, eq=False)
class Weights:
    """A compiled grammar's probabilities in the shape the charts use.

    Attributes
    ----------
    pair : np.ndarray, shape (P, V)
        Probability of each symbol being rewritten as each pair.
    unary : np.ndarray, shape (V, V)
        From symbol (row) to symbol (column).
    lexical : np.ndarray, shape (T, V)
        Probability of each symbol (column) being rewritten as each terminal (row).
    null : np.ndarray, shape (V,)
        Probability of each symbol deriving the empty string.
    step : np.ndarray, shape (V, V)
        Probability that a symbol becomes another one over the same span in one rule: by a unit
        rule, or by a pair whose other half is empty.
    closure : np.ndarray, shape (V, V)
        The sum of all powers of ``step``.
    """

    pair: FloatArray
    unary: FloatArray
    lexical: FloatArray
    null: FloatArray
    step: FloatArray
    closure: FloatArray


def make_weights(
    compiled: Compiled, probabilities: FloatArray | None = None, zero: Iterable[int] = ()
) -> Weights:
    """Shape rule probabilities for the charts.

    Parameters
    ----------
    compiled : Compiled
    probabilities : np.ndarray, shape (R + 1,), optional
        Per rule, then 1 for helpers; the grammar's own when left out.
    zero : iterable of int
        Terminals that count as empty (those of length zero, or all of them when only whether a
        derivation ends matters).
    """
    c = compiled
    p = c.probabilities() if probabilities is None else probabilities
    v = c.n_symbols
    pair = np.zeros((len(c.pair_left), v))
    np.add.at(pair, (c.binary_pair, c.binary_lhs), p[c.binary_rule])
    unary = np.zeros((v, v))
    np.add.at(unary, (c.unary_lhs, c.unary_child), p[c.unary_rule])
    lexical = np.zeros((len(c.terminals), v))
    np.add.at(lexical, (c.lexical_terminal, c.lexical_lhs), p[c.lexical_rule])
    constant = np.zeros(v)
    np.add.at(constant, c.epsilon_lhs, p[c.epsilon_rule])
    empty = list(zero)
    if empty:
        constant += lexical[empty].sum(axis=0)
        lexical[empty] = 0.0
    null = null_probabilities(c, constant, unary, pair)
    step = unary + null_steps(c, pair, null)
    filled = fillable(c, lexical, unary, pair, null)
    closure = star(np.where(filled[None, :] & filled[:, None], step, 0.0))
    return Weights(pair, unary, lexical, null, step, closure)


def null_steps(compiled: Compiled, pair: FloatArray, null: FloatArray) -> FloatArray:
    """Probability of each symbol keeping one half of a pair, the other being empty, (V, V)."""
    steps = np.zeros((compiled.n_symbols, compiled.n_symbols))
    if not null.any():
        return steps
    left, right = compiled.pair_left, compiled.pair_right
    np.add.at(steps, left, pair * null[right][:, None])  # transposed: child, lhs
    np.add.at(steps, right, pair * null[left][:, None])
    return steps.T.copy()


def null_probabilities(
    compiled: Compiled, constant: FloatArray, unary: FloatArray, pair: FloatArray
) -> FloatArray:
    """Least solution of ``x = constant + unary x + sum of pair x x``, shape (V,).

    Newton's method from 0 over the symbols that can be empty; it rises monotonically to the least
    solution (Etessami and Yannakakis).
    """
    left, right = compiled.pair_left, compiled.pair_right
    x = np.zeros(compiled.n_symbols)
    if not constant.any():
        return x
    able = _least_set(compiled, constant > 0, unary, pair)
    keep = np.flatnonzero(able)
    if not len(left) and not unary[np.ix_(keep, keep)].any():
        return constant.copy()
    identity = np.eye(len(keep))
    for _ in range(200):
        value = constant + unary @ x + (x[left] * x[right]) @ pair
        residual = (value - x)[keep]
        jacobian = (unary + null_steps(compiled, pair, x))[np.ix_(keep, keep)]
        try:
            move = np.linalg.solve(identity - jacobian, residual)
        except np.linalg.LinAlgError:  # critical grammar: fall back to plain iteration
            move = residual
        if not np.all(np.isfinite(move)):
            move = residual
        new = np.clip(x[keep] + np.maximum(move, residual), 0.0, 1.0)
        change = np.max(np.abs(new - x[keep]), initial=0.0)
        x[keep] = new
        if change < 1e-15:
            break
    return x


def _least_set(
    compiled: Compiled, seed: NDArray[np.bool_], unary: FloatArray, pair: FloatArray
) -> NDArray[np.bool_]:
    """Symbols that derive something from ``seed`` symbols alone."""
    able = seed.copy()
    while True:
        both = able[compiled.pair_left] & able[compiled.pair_right]
        new = able | ((unary > 0) @ able) | (both @ (pair > 0))
        if np.array_equal(new, able):
            return able
        able = new


def fillable(
    compiled: Compiled,
    lexical: FloatArray,
    unary: FloatArray,
    pair: FloatArray,
    null: FloatArray,
) -> NDArray[np.bool_]:
    """Symbols that derive a string that is not empty, shape (V,)."""
    able: NDArray[np.bool_] = np.any(lexical > 0, axis=0)
    ends: NDArray[np.bool_] = able | (null > 0)
    # What ends at all: needed for the other half of a pair.
    while True:
        both = ends[compiled.pair_left] & ends[compiled.pair_right]
        new = ends | ((unary > 0) @ ends) | (both @ (pair > 0))
        if np.array_equal(new, ends):
            break
        ends = new
    while True:
        left, right = compiled.pair_left, compiled.pair_right
        either = (able[left] & ends[right]) | (ends[left] & able[right])
        new = able | ((unary > 0) @ able) | (either @ (pair > 0))
        if np.array_equal(new, able):
            return able
        able = new


def star(step: FloatArray) -> FloatArray:
    """``I + step + step² + ...`` with exact zeros where no way leads, shape (V, V)."""
    size = len(step)
    ways = np.eye(size, dtype=bool) | (step > 0)
    if not step.any():
        return np.eye(size)
    for _ in range(max(1, math.ceil(math.log2(size + 1)))):
        ways = ways @ ways
    total = np.linalg.inv(np.eye(size) - step)
    return np.where(ways, np.maximum(total, 0.0), 0.0)
