"""Learning: counting divides, EM never lowers its objective, latent grammars find structure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.entropy import evaluate
from hybrid.grammar.latent import latent_grammar, learn_latent, prune_safely, terminal_part
from hybrid.grammar.learn import estimate, fit, merge_symbols
from hybrid.grammar.notation import format_grammar, read_grammar
from hybrid.grammar.parse import Parser
from hybrid.grammar.sample import Sampler
from hybrid.grammar.temporal import derive
from hybrid.grammar.trees import read_tree

# Left recursion, a unit cycle, empty right sides, and a right side of four.
HARD = """
S -> (0.2) S S | (0.2) T | (0.1) ε | (0.4) a | (0.1) U T a U
T -> (0.4) S | (0.6) b U
U -> (0.3) ε | (0.7) c
"""


def probabilities(grammar: Grammar) -> list[float]:
    return [rule.probability for rule in grammar.rules]


# -- counting ---------------------------------------------------------------------------------


def test_counting_gives_relative_frequencies() -> None:
    trees = [read_tree("(S (NP she) (VP sings))"), read_tree("(S (NP (Det a) (N man)) (VP sings))")]
    grammar = estimate(trees)
    assert grammar == read_grammar(
        "S -> (1) NP VP\nNP -> (0.5) 'she' | (0.5) Det N\nVP -> (1) 'sings'\n"
        "Det -> (1) 'a'\nN -> (1) 'man'"
    )


def test_smoothing_adds_to_every_rule_of_a_symbol() -> None:
    grammar = read_grammar(
        "S -> (0.2) A A | (0.8) A\nA -> (0.1) a | (0.9) b\nB -> (0.3) b | (0.7) c"
    )
    found = estimate([read_tree("(S (A a) (A a))")], grammar=grammar, smoothing=0.5)
    # S: 1.5 : 0.5; A: 2.5 : 0.5; B was never seen: smoothing alone makes it even.
    assert probabilities(found) == pytest.approx([0.75, 0.25, 5 / 6, 1 / 6, 0.5, 0.5])
    bare = estimate([read_tree("(S (A a))")], grammar=grammar)
    assert probabilities(bare) == pytest.approx([0.0, 1.0, 1.0, 0.0, 0.3, 0.7])


def test_counting_many_samples_finds_the_grammar_again() -> None:
    grammar = read_grammar(HARD)
    sampler = Sampler(grammar)
    rng = stage_rng(1, "trees")
    found = estimate((sampler.sample(rng) for _ in range(3000)), grammar=grammar)
    assert probabilities(found) == pytest.approx(probabilities(grammar), abs=0.03)


def test_counting_keeps_lengths_and_temporal_rules() -> None:
    grammar = read_grammar("S -> (0.5) a[8] S | (0.5) b[4]")
    sampler = Sampler(grammar)
    rng = stage_rng(2, "trees")
    found = estimate([sampler.sample(rng) for _ in range(400)])
    assert {str(r.rhs[0]) for r in found.rules} == {"'a'[8]", "'b'[4]"}
    temporal = read_grammar("%minimum 1/8\nT -> (0.5) let x = T/2 in x x | (0.5) t@V")
    trees = [derive(temporal, rng) for _ in range(500)]
    again = estimate(trees, grammar=temporal)
    assert again.temporal
    assert {str(r.body()) for r in again.rules} == {"let x = T/2 in x x", "'t'@V"}


@pytest.mark.parametrize(
    ("trees", "options", "message"),
    [
        ([], {}, "estimate needs at least one tree"),
        (["(S a)", "(T a)"], {}, "trees must share one root symbol, got S, T"),
        (["(S a)"], {"smoothing": -1}, "smoothing must be 0 or more"),
    ],
)
def test_counting_refuses(trees: list[str], options: dict[str, float], message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        estimate([read_tree(tree) for tree in trees], **options)  # type: ignore[arg-type]


# -- EM ------------------------------------------------------------------------------------------


def strings_of(text: str, count: int, seed: int = 1, longest: int = 8) -> list[tuple[str, ...]]:
    sampler = Sampler(read_grammar(text), length=(0, longest))
    rng = stage_rng(seed, "strings")
    return [sampler.sample(rng).tokens() for _ in range(count)]


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 1.0]))
def test_em_never_lowers_what_it_maximises(seed: int, prior: float) -> None:
    rng = np.random.default_rng(seed)
    grammar = read_grammar(HARD)
    start = grammar.with_probabilities(
        np.concatenate([rng.dirichlet(np.ones(len(grammar.alternatives(n)))) for n in "STU"])
    )
    result = fit(start, strings_of(HARD, 25, seed), iterations=8, tolerance=0.0, prior=prior)
    steps = np.diff(result.objectives)
    assert (steps >= -1e-9).all()
    if prior == 0:
        assert result.objectives == result.log_likelihoods


def test_one_em_step_is_the_ratio_of_expected_counts() -> None:
    """Against expectations summed over NLTK's list of all trees."""
    from nltk.grammar import PCFG, Nonterminal, ProbabilisticProduction
    from nltk.parse import InsideChartParser

    grammar = read_grammar("S -> (0.3) S S | (0.1) S S S | (0.4) a | (0.2) b")
    nltk_grammar = PCFG(
        Nonterminal("S"),
        [
            ProbabilisticProduction(
                Nonterminal("S"),
                [s.name if s.terminal else Nonterminal(s.name) for s in r.symbols],
                prob=r.probability,
            )
            for r in grammar.rules
        ],
    )
    counts = np.zeros(4)
    strings = [list("abab"), list("aab"), list("b")]
    for tokens in strings:
        trees = list(InsideChartParser(nltk_grammar).parse(tokens))
        total = math.fsum(tree.prob() for tree in trees)
        for tree in trees:
            for production in tree.productions():
                kind = {("S", "S"): 0, ("S", "S", "S"): 1, ("a",): 2, ("b",): 3}
                rule = kind[tuple(str(symbol) for symbol in production.rhs())]
                counts[rule] += tree.prob() / total
    result = fit(grammar, strings, iterations=1)
    assert result.counts == pytest.approx(counts)
    assert probabilities(result.grammar) == pytest.approx(list(counts / counts.sum()))


def test_em_on_unambiguous_strings_is_counting() -> None:
    grammar = read_grammar("S -> (0.5) a S | (0.3) b S | (0.2) c")
    result = fit(grammar, [list("aabc"), list("c")], iterations=1)
    assert probabilities(result.grammar) == pytest.approx([2 / 5, 1 / 5, 2 / 5])
    assert result.log_likelihoods[1] == pytest.approx(
        2 * math.log(2 / 5) + math.log(1 / 5) + 2 * math.log(2 / 5)
    )


def test_em_stands_still_at_what_it_found() -> None:
    strings = strings_of(HARD, 40)
    found = fit(read_grammar(HARD), strings, iterations=400, tolerance=1e-9).grammar
    again = fit(found, strings, iterations=1)
    assert probabilities(again.grammar) == pytest.approx(probabilities(found), abs=2e-3)


def test_equal_strings_count_as_often_as_they_occur() -> None:
    grammar = read_grammar("S -> (0.5) S S | (0.2) a | (0.3) b")
    many = fit(grammar, [["a"], ["a"], ["a", "b"]], iterations=1)
    assert many.counts == pytest.approx([1, 3, 1])
    assert many.log_likelihoods[0] == pytest.approx(2 * math.log(0.2) + math.log(0.5 * 0.2 * 0.3))


def test_a_rule_of_probability_zero_stays_out() -> None:
    grammar = read_grammar("S -> (0.5) a | (0.5) b | (0) S S")
    assert probabilities(fit(grammar, [["a"]], prior=0.5).grammar) == pytest.approx([0.75, 0.25, 0])


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    strings = strings_of(HARD, 60)
    whole = fit(read_grammar(HARD), strings, iterations=3)
    monkeypatch.setattr("hybrid.grammar.chart.BATCH_BYTES", 1)
    single = fit(read_grammar(HARD), strings, iterations=3)
    assert probabilities(single.grammar) == pytest.approx(probabilities(whole.grammar), rel=1e-10)


@pytest.mark.parametrize(
    ("strings", "options", "message"),
    [
        ([], {}, "fit needs at least one string"),
        ([["a"], ["x"]], {}, "string 2: token 1 must be a terminal of the grammar, got 'x'"),
        ([["a"], ["b", "a"]], {}, r"string 2: S does not derive .* token 2 \('a'\) cannot follow"),
        ([["a"]], {"prior": -1.0}, "prior must be 0 or more"),
    ],
)
def test_em_refuses(strings: list[list[str]], options: dict[str, float], message: str) -> None:
    grammar = read_grammar("S -> (0.5) a S | (0.2) a | (0.3) b")
    with pytest.raises(GrammarError, match=message):
        fit(grammar, strings, **options)  # type: ignore[arg-type]


# -- latent grammars ---------------------------------------------------------------------------


def test_a_latent_grammar_holds_every_rule_in_normal_form() -> None:
    grammar = latent_grammar(3, ["a", "b[8]"], stage_rng(1, "latent"))
    assert len(grammar.rules) == 3 + 3 * (9 + 2)
    assert str(terminal_part("b[8]")) in {str(p) for r in grammar.rules for p in r.rhs}
    assert grammar == latent_grammar(3, ["a", "b[8]"], stage_rng(1, "latent"))
    assert sum(r.probability for r in grammar.alternatives("N1") if len(r.rhs) == 2) == (
        pytest.approx(0.4)
    )


def test_dense_and_sparse_charts_agree() -> None:
    grammar = latent_grammar(4, ["a", "b"], stage_rng(2, "latent"))
    dense, sparse = Parser(grammar), Parser(grammar)
    assert dense.pairing.dense
    chain = "".join(f"A{i} -> B{i} A{i + 1}\nB{i} -> b{i}\n" for i in range(9)) + "A9 -> end"
    assert not Parser(read_grammar(chain)).pairing.dense
    sparse.pairing.dense = False
    for tokens in ["a", "ab", "abbab", "aababbb"]:
        one, other = dense.chart(list(tokens)), sparse.chart(list(tokens))
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
        assert one.rule_counts == pytest.approx(other.rule_counts, rel=1e-10)


def test_a_latent_grammar_learns_nesting_that_bigrams_cannot_hold() -> None:
    strings = [list("a" * n + "b" * n) for n in (1, 2, 3, 4) for _ in range(5)]
    result = learn_latent(strings, 4, stage_rng(3, "latent"), restarts=4, iterations=150)
    assert (np.diff(result.objectives) >= -1e-9).all()
    parser = Parser(result.grammar)
    good = parser.log_likelihoods([list("aabb"), list("aaabbb")])
    bad = parser.log_likelihoods([list("aaab"), list("abab"), list("abbb")])
    assert good.min() > bad.max() + 3
    assert len(result.grammar.rules) < 4 + 4 * (16 + 2)


def test_a_learned_grammar_reads_back_as_text_with_the_same_scores() -> None:
    strings = strings_of(HARD, 30, seed=5)
    strings = [s for s in strings if s]
    result = learn_latent(strings, 3, stage_rng(4, "latent"), iterations=10)
    again = read_grammar(format_grammar(result.grammar))
    assert (
        evaluate(again, strings).bits_per_token == evaluate(result.grammar, strings).bits_per_token
    )


def test_one_seed_learns_one_grammar() -> None:
    strings = [list("abab"), list("ab"), list("aab")]
    first, second = (
        learn_latent(strings, 3, stage_rng(5, "latent"), iterations=5).grammar for _ in range(2)
    )
    assert first == second


def test_pruning_keeps_every_training_string() -> None:
    grammar = read_grammar("S -> (0.9) a | (0.0999) b | (0.0001) c")
    assert len(prune_safely(grammar, [["a"], ["b"]], 0.01).rules) == 2
    assert len(prune_safely(grammar, [["a"], ["c"]], 0.01).rules) == 3
    assert prune_safely(grammar, [["a"]], 0.2).rules[0].probability == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: latent_grammar(0, ["a"], rng), "needs symbols and terminals"),
        (lambda rng: latent_grammar(2, ["a", "a"], rng), "terminals must be distinct"),
        (lambda rng: latent_grammar(2, ["a"], rng, split=0.9), r"split must be in 0\.\.0\.5"),
        (lambda rng: learn_latent([["a"], []], 2, rng), "strings must not be empty"),
        (lambda rng: learn_latent([["a"]], 2, rng, restarts=0), "restarts must be 1 or more"),
    ],
)
def test_latent_learning_refuses(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GrammarError, match=message):
        call(stage_rng(1, "latent"))


def test_merging_symbols_adds_up_equal_rules() -> None:
    grammar = read_grammar("S -> (0.5) A | (0.5) B\nA -> (0.6) a | (0.4) S\nB -> (0.2) a | (0.8) b")
    merged = merge_symbols(grammar, {"B": "A"})
    assert merged == read_grammar("S -> (1) A\nA -> (0.4) 'a' | (0.2) S | (0.4) 'b'")


@pytest.mark.slow
def test_em_over_a_thousand_strings_and_forty_symbols_rises() -> None:
    rng = stage_rng(6, "latent")
    truth = latent_grammar(6, list("abcdefgh"), rng, concentration=0.1)
    sampler = Sampler(truth, length=(13, 30))
    strings = [sampler.sample(rng).tokens() for _ in range(1000)]
    start = latent_grammar(40, list("abcdefgh"), rng)
    result = fit(start, strings, iterations=5)
    assert (np.diff(result.objectives) > 0).all()
