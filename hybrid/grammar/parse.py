"""Parsing strings of tokens: best tree, probability, ambiguity, posterior counts, draws.

A token is a terminal's name, or its text with a length (``a[8]``); a bare name fits the terminals
of that name with any length. ``None`` stands for any token, so that a string that is known in
part only can be parsed and filled in.

References
----------
Jelinek, F., Lafferty, J. D. and Mercer, R. L. (1992). Basic methods of probabilistic context free
grammars. In: Speech Recognition and Understanding, NATO ASI Series F75, 345-360.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.chart import Counts, Inside, Pairing, batches, encode, inside, outside
from hybrid.grammar.compiled import FloatArray, Weights, compile_grammar, make_weights
from hybrid.grammar.count import count_derivations
from hybrid.grammar.earley import furthest
from hybrid.grammar.lengths import log, start_symbol
from hybrid.grammar.trees import Tree
from hybrid.grammar.viterbi import Token, Walk, choose_best, choose_randomly, viterbi_chart

Tokens = Sequence[str | None]


@dataclass(frozen=True, eq=False)
class Parse:
    """The most probable derivation of a string.

    Attributes
    ----------
    tree : Tree
    log_probability : float
        Natural logarithm of the tree's probability.
    log_likelihood : float
        Natural logarithm of the string's, over all its derivations.
    """

    tree: Tree
    log_probability: float
    log_likelihood: float

    @property
    def posterior(self) -> float:
        """Probability of this tree given the string, 0..1."""
        return min(1.0, math.exp(self.log_probability - self.log_likelihood))


@dataclass(frozen=True, eq=False)
class Chart:
    """Inside and outside probabilities of one string, by symbol name and token positions."""

    parser: Parser
    log_likelihood: float
    _inside: FloatArray  # (N + 1, N, V), natural logarithms
    _outside: FloatArray
    _counts: FloatArray

    def _look(self, table: FloatArray, symbol: str, start: int, end: int) -> float:
        n = table.shape[1]
        if not 0 <= start < end <= n:
            raise GrammarError(f"span must lie within 0..{n} and hold a token, got {start}..{end}")
        return float(table[end - start, start, start_symbol(self.parser.compiled, symbol)])

    def log_inside(self, symbol: str, start: int, end: int) -> float:
        """Log probability that ``symbol`` derives tokens ``start`` to ``end`` (exclusive)."""
        return self._look(self._inside, symbol, start, end)

    def log_outside(self, symbol: str, start: int, end: int) -> float:
        """Log probability of all outside that span, with ``symbol`` in its place."""
        return self._look(self._outside, symbol, start, end)

    def posterior(self, symbol: str, start: int, end: int) -> float:
        """Expected number of nodes of this symbol over this span, given the string.

        At most 1 unless unit cycles let a symbol stand above itself.
        """
        inside_, outside_ = (f(symbol, start, end) for f in (self.log_inside, self.log_outside))
        return math.exp(inside_ + outside_ - self.log_likelihood)

    @property
    def rule_counts(self) -> FloatArray:
        """Expected number of uses of each rule given the string, shape (rules,)."""
        return self._counts


class Parser:
    """Parses strings of tokens with one grammar.

    Parameters
    ----------
    grammar : Grammar
        Deterministic, plain or probabilistic; cycles, left recursion and epsilon are fine.
    start : str, optional
        Nonterminal to start from instead of the grammar's.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> parser = Parser(read_grammar("S -> (0.25) S S | (0.75) a"))
    >>> parser.count(["a"] * 4)
    5
    >>> parse = parser.parse(["a", "a"])
    >>> str(parse.tree), round(float(np.exp(parse.log_probability)), 6)
    ('(S (S a) (S a))', 0.140625)
    """

    def __init__(self, grammar: Grammar, *, start: str | None = None) -> None:
        self.grammar = grammar
        self.compiled = compile_grammar(grammar)
        self.start = start_symbol(self.compiled, start)
        self.probabilities = self.compiled.probabilities()
        self.pairing = Pairing(self.compiled)

    @cached_property
    def weights(self) -> Weights:
        """Rule probabilities in the shape the inside pass uses."""
        return make_weights(self.compiled, self.probabilities)

    # -- tokens --------------------------------------------------------------------------------

    def encode(self, tokens: Tokens) -> list[Token]:
        """The terminals each token stands for.

        Raises
        ------
        GrammarError
            At the first token that is no terminal of the grammar; names its position.
        """
        if isinstance(tokens, str):
            raise GrammarError(f"tokens must be a sequence of strings, got the string {tokens!r}")
        everything = tuple(range(len(self.compiled.terminals)))
        result = []
        for position, token in enumerate(tokens):
            found = everything if token is None else tuple(self.compiled.matches(token))
            if not found:
                raise GrammarError(
                    f"token {position + 1} must be a terminal of the grammar, got {token!r}"
                )
            result.append(found)
        return result

    def _no_parse(self, tokens: Tokens) -> GrammarError:
        name = self.grammar.nonterminals[self.start]
        count, expected = furthest(self.grammar, tokens, name)
        listed = ", ".join(expected[:12]) + (", ..." if len(expected) > 12 else "")
        wanted = f"expected {listed}" if expected else "expected the end"
        if count == len(tokens):
            cells, null = viterbi_chart(self.compiled, self.probabilities, self.encode(tokens))
            if np.isfinite(cells[len(tokens), 0, self.start] if tokens else null[self.start]):
                return GrammarError(
                    f"probabilities from {name} span too wide a range for this string's chart"
                )
            return GrammarError(f"{name} does not derive this string: it ends too early; {wanted}")
        return GrammarError(
            f"{name} does not derive this string: token {count + 1} ({tokens[count]!r}) "
            f"cannot follow the {count} before it; {wanted}"
        )

    # -- one string ------------------------------------------------------------------------------

    def _inside(self, tokens: Tokens) -> tuple[Inside, np.ndarray, tuple[Token, ...]]:
        encoded = encode([self.encode(tokens)])
        rows = encoded.groups[0][1]
        chart = inside(
            self.compiled,
            self.weights,
            self.pairing,
            encoded.lexical(self.weights),
            rows,
            self.start,
        )
        if not np.isfinite(chart.log_likelihood[0]):
            raise self._no_parse(tokens)
        return chart, rows, encoded.classes

    def parse(self, tokens: Tokens) -> Parse:
        """The most probable derivation (Viterbi).

        Raises
        ------
        GrammarError
            If a token is unknown, or the grammar does not derive the string; it then says how far
            a left-to-right reader gets and what it would accept there.
        """
        likelihood = self.log_likelihood(tokens)
        encoded = self.encode(tokens)
        cells, null = viterbi_chart(self.compiled, self.probabilities, encoded)
        walk = Walk(self.compiled, self.probabilities, encoded, cells, null)
        tree = walk.tree(self.start, choose_best, best=True)
        return Parse(tree, tree.log_probability(), likelihood)

    def log_likelihood(self, tokens: Tokens) -> float:
        """Natural logarithm of the string's probability; raises as :meth:`parse` does."""
        return float(self._inside(tokens)[0].log_likelihood[0])

    def accepts(self, tokens: Tokens) -> bool:
        """Whether the grammar derives the string; unknown tokens are simply not accepted."""
        if any(token is not None and not self.compiled.matches(token) for token in tokens):
            return False
        return bool(np.isfinite(self.log_likelihoods([tokens])[0]))

    def count(self, tokens: Tokens) -> int | float:
        """How many derivation trees the string has; ``math.inf`` where a cycle allows any number.

        0 for strings the grammar does not derive.
        """
        return count_derivations(self.compiled, self.encode(tokens), self.start)

    def sample(self, tokens: Tokens, rng: np.random.Generator) -> Tree:
        """Draw a derivation of the string in proportion to its probability.

        With None for some tokens, this fills them in: an exact draw of the whole given the part.
        """
        chart, _, _ = self._inside(tokens)
        with np.errstate(invalid="ignore"):
            cells = log(chart.values[0]) + chart.scales[0][:, :, None]
        cells = np.where(np.isnan(cells), -np.inf, cells)
        walk = Walk(
            self.compiled, self.probabilities, self.encode(tokens), cells, log(self.weights.null)
        )
        return walk.tree(self.start, choose_randomly(rng), best=False)

    def chart(self, tokens: Tokens) -> Chart:
        """Inside, outside and posterior probabilities of all spans of a string."""
        chart, rows, classes = self._inside(tokens)
        counts = Counts(self.compiled, len(classes))
        keep = np.zeros_like(chart.values)
        outside(self.weights, self.pairing, chart, rows, self.start, np.ones(1), counts, keep)
        with np.errstate(invalid="ignore"):
            scales = chart.scales[0][:, :, None]
            inner = log(chart.values[0]) + scales
            outer = log(keep[0]) - scales + chart.log_likelihood[0]
        inner, outer = (np.where(np.isnan(x) | np.isposinf(x), -np.inf, x) for x in (inner, outer))
        rules = counts.rules(self.weights, classes, self.probabilities)
        return Chart(self, float(chart.log_likelihood[0]), inner, outer, rules)

    # -- many strings ------------------------------------------------------------------------------

    def log_likelihoods(self, strings: Sequence[Tokens]) -> FloatArray:
        """Natural logarithms of many strings' probabilities, shape (strings,).

        -inf where a string is not derived or holds an unknown token.
        """
        result = np.full(len(strings), -np.inf)
        known = [
            number
            for number, tokens in enumerate(strings)
            if all(token is None or self.compiled.matches(token) for token in tokens)
        ]
        encoded = encode([self.encode(strings[number]) for number in known])
        lexical = encoded.lexical(self.weights)
        for indices, rows in batches(self.compiled, encoded, self.pairing):
            chart = inside(self.compiled, self.weights, self.pairing, lexical, rows, self.start)
            for index, value in zip(indices, chart.log_likelihood, strict=True):
                result[known[index]] = value
        return result


def parse(grammar: Grammar, tokens: Tokens) -> Parse:
    """The most probable derivation of one string; see :meth:`Parser.parse`."""
    return Parser(grammar).parse(tokens)
