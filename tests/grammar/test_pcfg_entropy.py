"""Measures of grammars, against closed forms and against samples."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.entropy import evaluate, mean_matrix, measures, rule_entropies
from hybrid.grammar.lengths import length_distribution
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.sample import Sampler

HARD = """
S -> (0.2) S S | (0.2) T | (0.1) ε | (0.4) a | (0.1) U T a U
T -> (0.4) S | (0.6) b U
U -> (0.3) ε | (0.7) c
"""


def test_a_geometric_grammar_has_the_geometric_distributions_measures() -> None:
    p = 0.3
    found = measures(read_grammar("S -> (0.7) a S | (0.3) a"))
    assert found.spectral_radius == pytest.approx(1 - p)
    assert found.is_consistent
    assert found.end_probability == pytest.approx(1.0)
    assert found.expected_tokens == pytest.approx(1 / p)
    choice = -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
    assert found.derivation_entropy == pytest.approx(choice / p)
    assert found.expected_uses == {"S": pytest.approx(1 / p)}


@pytest.mark.parametrize(
    ("p", "radius", "ends"), [(0.25, 0.5, 1.0), (0.5, 1.0, 1.0), (0.75, 1.5, 1 / 3)]
)
def test_branching_below_at_and_above_the_critical_point(
    p: float, radius: float, ends: float
) -> None:
    found = measures(read_grammar(f"S -> ({p}) S S | ({1 - p}) a"))
    assert found.spectral_radius == pytest.approx(radius)
    assert found.end_probability == pytest.approx(ends, abs=1e-6)
    assert found.is_consistent == (radius < 1)
    assert math.isinf(found.expected_tokens) == (radius >= 1)


def test_expectations_agree_with_samples_and_with_the_length_distribution() -> None:
    grammar = read_grammar(HARD)
    found = measures(grammar)
    lengths = length_distribution(grammar, 300)
    mean = math.fsum(float(n) * p for n, p in lengths.items())
    assert found.expected_tokens == pytest.approx(mean, rel=1e-6)
    sampler = Sampler(grammar)
    rng = stage_rng(1, "entropy")
    trees = [sampler.sample(rng) for _ in range(3000)]
    bits = [-tree.log_probability() / math.log(2) for tree in trees]
    error = float(np.std(bits)) / math.sqrt(len(bits))
    assert abs(found.derivation_entropy - float(np.mean(bits))) < 5 * error
    uses = np.mean([len(tree.nonterminals()) for tree in trees])
    assert sum(found.expected_uses.values()) == pytest.approx(uses, rel=0.1)


def test_the_entropy_of_a_finite_language_is_that_of_its_trees() -> None:
    grammar = read_grammar("S -> (0.5) A A | (0.5) A\nA -> (0.25) a | (0.75) b")
    trees = [0.5 * p * q for p in (0.25, 0.75) for q in (0.25, 0.75)] + [0.125, 0.375]
    entropy = -math.fsum(p * math.log2(p) for p in trees)
    assert measures(grammar).derivation_entropy == pytest.approx(entropy)


def test_lengths_of_terminals_enter_the_expected_length() -> None:
    found = measures(read_grammar("S -> (0.5) a[8] S | (0.5) b[4] c"))
    assert found.expected_tokens == pytest.approx(1 + 2)
    assert found.expected_length == pytest.approx(8 + 5)


def test_unreachable_symbols_do_not_count() -> None:
    found = measures(read_grammar("S -> (1) a\nX -> (0.9) X X | (0.1) b"))
    assert found.is_consistent
    assert found.expected_uses == {"S": 1.0}


def test_choices_and_means_by_symbol() -> None:
    grammar = read_grammar(HARD)
    assert rule_entropies(grammar)["U"] == pytest.approx(
        -(0.3 * math.log2(0.3) + 0.7 * math.log2(0.7))
    )
    matrix = mean_matrix(grammar)
    assert matrix == pytest.approx(np.array([[0.4, 0.3, 0.2], [0.4, 0, 0.6], [0, 0, 0]]))


def test_bits_per_token_with_and_without_ends() -> None:
    grammar = read_grammar("S -> (0.5) a | (0.25) b | (0.25) a S")
    strings = [["a"], ["a", "b"], ["a", "a"]]
    # 1 + 4 + 3 bits over 5 tokens, or 8 with the ends.
    assert evaluate(grammar, strings).bits_per_token == pytest.approx(8 / 8)
    score = evaluate(grammar, strings, count_ends=False)
    assert score.bits_per_token == pytest.approx(8 / 5)
    assert score.perplexity == pytest.approx(2**1.6)
    assert (score.n_strings, score.n_tokens, score.failed) == (3, 5, ())


def test_strings_without_a_parse_are_named() -> None:
    grammar = read_grammar("S -> (0.5) a | (0.5) b")
    score = evaluate(grammar, [["a"], ["a", "a"], ["x"]])
    assert score.bits_per_token == math.inf
    assert score.perplexity == math.inf
    assert score.failed == (1, 2)
    kept = evaluate(grammar, [["a"], ["a", "a"], ["x"]], skip_failed=True)
    assert (kept.bits_per_token, kept.n_strings, kept.failed) == (0.5, 1, (1, 2))
    with pytest.raises(GrammarError, match="at least one string"):
        evaluate(grammar, [["x"]], skip_failed=True)


def test_fractions_of_lengths_are_exact() -> None:
    found = length_distribution(read_grammar("S -> (0.5) a[1/3] | (0.5) b[1/2] a[1/3]"), 1)
    assert found == {Fraction(1, 3): pytest.approx(0.5), Fraction(5, 6): pytest.approx(0.5)}
