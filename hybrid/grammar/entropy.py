"""Measures of a probabilistic grammar: consistency, expected length, entropy, bits per token.

References
----------
Booth, T. L. and Thompson, R. A. (1973). Applying probability measures to abstract languages.
IEEE Transactions on Computers C-22(5), 442-450. doi:10.1109/T-C.1973.223746
Grenander, U. (1967). Syntax-controlled probabilities. Technical report, Brown University.
Chi, Z. (1999). Statistical properties of probabilistic context-free grammars. Computational
Linguistics 25(1), 131-160.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.compiled import FloatArray, compile_grammar, make_weights
from hybrid.grammar.parse import Parser

CRITICAL = 1e-9  # a spectral radius this close to 1 counts as 1


def mean_matrix(grammar: Grammar) -> FloatArray:
    """Expected number of each nonterminal on the right side of each.

    Returns
    -------
    np.ndarray, shape (nonterminals, nonterminals), float64
        Row: left side; both in the grammar's order.
    """
    index = {name: number for number, name in enumerate(grammar.nonterminals)}
    matrix = np.zeros((len(index), len(index)))
    for rule in grammar.rules:
        for symbol in rule.symbols:
            if not symbol.terminal:
                matrix[index[rule.lhs], index[symbol.name]] += rule.probability
    return matrix


def rule_entropies(grammar: Grammar) -> dict[str, float]:
    """Entropy of the choice among each nonterminal's rules, in bits.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> rule_entropies(read_grammar("S -> (0.5) a | (0.5) A\\nA -> b"))
    {'S': 1.0, 'A': 0.0}
    """
    return {
        name: _entropy([rule.probability for rule in grammar.alternatives(name)])
        for name in grammar.nonterminals
    }


def _entropy(probabilities: Sequence[float]) -> float:
    return abs(-math.fsum(p * math.log2(p) for p in probabilities if p > 0))


@dataclass(frozen=True)
class Measures:
    """What holds on average over a grammar's derivations.

    Attributes
    ----------
    spectral_radius : float
        Of the mean matrix of the symbols that can be reached. Below 1 derivations end with
        certainty and have a finite expected size.
    end_probability : float
        That a derivation ends at all; 1 for consistent grammars.
    expected_tokens : float
        Expected number of terminals; ``inf`` from a spectral radius of 1 on.
    expected_length : float
        The same with each terminal's length (1 where it has none).
    derivation_entropy : float
        Bits of a whole derivation; ``inf`` as above.
    expected_uses : dict of str to float
        Expected number of nodes of each nonterminal in a derivation.
    """

    spectral_radius: float
    end_probability: float
    expected_tokens: float
    expected_length: float
    derivation_entropy: float
    expected_uses: dict[str, float]

    @property
    def is_consistent(self) -> bool:
        """Whether the probabilities of all strings add up to 1, with finite expected length."""
        return self.spectral_radius < 1 - CRITICAL


def measures(grammar: Grammar) -> Measures:
    """Solve for a grammar's averages.

    The expected uses of the nonterminals solve ``u = e + u M``, with ``e`` the start symbol and
    ``M`` the mean matrix; lengths and entropies follow by adding up over uses.

    Raises
    ------
    GrammarError
        If the grammar is temporal.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> found = measures(read_grammar("S -> (0.25) S S | (0.75) a"))
    >>> found.is_consistent, round(found.expected_tokens, 6), round(found.derivation_entropy, 4)
    (True, 1.5, 1.6226)
    """
    compiled = compile_grammar(grammar)
    everything = range(len(compiled.terminals))
    ends = float(make_weights(compiled, zero=everything).null[compiled.start])
    names = grammar.nonterminals
    active = [number for number, name in enumerate(names) if name in grammar.reachable]
    matrix = mean_matrix(grammar)[np.ix_(active, active)]
    radius = float(np.max(np.abs(np.linalg.eigvals(matrix)))) if len(active) else 0.0
    if radius >= 1 - CRITICAL:
        uses = dict.fromkeys((names[a] for a in active), math.inf)
        return Measures(radius, ends, math.inf, math.inf, math.inf, uses)
    begin = np.zeros(len(active))
    begin[active.index(compiled.start)] = 1.0
    visits = np.linalg.solve(np.eye(len(active)) - matrix.T, begin)
    uses = {names[a]: float(x) for a, x in zip(active, visits, strict=True)}
    tokens = length = 0.0
    for rule in grammar.rules:
        weight = uses.get(rule.lhs, 0.0) * rule.probability
        ends_here = [part for part in rule.rhs if part.symbol.terminal]
        tokens += weight * len(ends_here)
        lengths = (Fraction(1) if p.length is None else p.length for p in ends_here)
        length += weight * float(sum(lengths))
    entropies = rule_entropies(grammar)
    bits = math.fsum(count * entropies[name] for name, count in uses.items())
    return Measures(radius, ends, tokens, length, bits, uses)


@dataclass(frozen=True)
class Score:
    """How well a grammar foretells strings.

    Attributes
    ----------
    bits_per_token : float
        Minus the base-2 logarithm of all parsed strings' probabilities, over their tokens and,
        where ends count, one end for each string.
    perplexity : float
        Two to that power.
    n_strings, n_tokens : int
        What was counted.
    failed : tuple of int
        Strings (by index) with probability 0.
    """

    bits_per_token: float
    n_strings: int
    n_tokens: int
    failed: tuple[int, ...]

    @property
    def perplexity(self) -> float:
        """Number of equally likely choices that would be as hard to foretell."""
        return 2.0**self.bits_per_token if math.isfinite(self.bits_per_token) else math.inf


def evaluate(
    grammar: Grammar,
    strings: Sequence[Sequence[str]],
    *,
    count_ends: bool = True,
    skip_failed: bool = False,
) -> Score:
    """Bits per token of (held-out) strings.

    Parameters
    ----------
    grammar : Grammar
    strings : sequence of sequences of str
    count_ends : bool
        Whether each string's end is a token too. A grammar gives probabilities to whole strings,
        length included, so compare with n-gram models that foretell an end symbol, and count it
        there as well.
    skip_failed : bool
        Leave strings of probability 0 out (they are listed) instead of answering infinity.

    Raises
    ------
    GrammarError
        If there is nothing to count.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> evaluate(read_grammar("S -> (0.5) a | (0.5) a S"), [["a"], ["a", "a"]]).bits_per_token
    0.6
    """
    values = Parser(grammar).log_likelihoods(strings)
    failed = tuple(int(number) for number in np.flatnonzero(~np.isfinite(values)))
    counted = [n for n in range(len(strings)) if not (skip_failed and n in set(failed))]
    n_tokens = sum(len(strings[number]) + count_ends for number in counted)
    if not n_tokens:
        raise GrammarError("evaluate needs at least one string that counts, got none")
    bits = -float(values[counted].sum()) / math.log(2) / n_tokens
    return Score(bits, len(counted), n_tokens, failed)
