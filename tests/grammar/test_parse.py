"""Parsing: against NLTK's parsers, against enumeration, and in cases these cannot do."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.cfg import Grammar, Part
from hybrid.grammar.earley import furthest
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.parse import Parser, parse
from hybrid.grammar.sample import Sampler

ENGLISH = """
S   -> (1.0) NP VP
NP  -> (0.4) Det N | (0.2) NP PP | (0.3) 'I' | (0.1) 'John'
VP  -> (0.4) V NP | (0.3) VP PP | (0.2) 'slept' | (0.1) V NP PP
PP  -> (1.0) P NP
Det -> (0.5) 'the' | (0.3) 'an' | (0.2) 'my'
N   -> (0.4) 'elephant' | (0.3) 'pajamas' | (0.2) 'man' | (0.1) 'telescope'
V   -> (0.6) 'shot' | (0.4) 'saw'
P   -> (0.7) 'in' | (0.3) 'with'
"""
SENTENCES = [
    "I slept",
    "John saw the man",
    "I shot an elephant in my pajamas",
    "I saw the man with the telescope in my pajamas",
    "the man in my pajamas with an elephant slept",
]
# Left recursion, a unit cycle, empty right sides, and a right side of four.
HARD = """
S -> (0.2) S S | (0.2) T | (0.1) ε | (0.4) a | (0.1) U T a U
T -> (0.4) S | (0.6) b U
U -> (0.3) ε | (0.7) c
"""


def as_nltk(grammar: Grammar):  # type: ignore[no-untyped-def]
    """The same grammar for NLTK."""
    from nltk.grammar import PCFG, Nonterminal, ProbabilisticProduction

    productions = [
        ProbabilisticProduction(
            Nonterminal(r.lhs),
            [s.name if s.terminal else Nonterminal(s.name) for s in r.symbols],
            prob=r.probability,
        )
        for r in grammar.rules
    ]
    return PCFG(Nonterminal(grammar.start), productions)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_viterbi_agrees_with_nltk(sentence: str) -> None:
    from nltk.parse import InsideChartParser, ViterbiParser

    grammar = read_grammar(ENGLISH)
    found = parse(grammar, sentence.split())
    best = next(iter(ViterbiParser(as_nltk(grammar)).parse(sentence.split()))).prob()
    assert found.log_probability == pytest.approx(math.log(best), abs=1e-12)
    trees = InsideChartParser(as_nltk(grammar)).parse(sentence.split())
    # More than one where trees are equally probable.
    winners = [" ".join(str(t).split()) for t in trees if math.isclose(t.prob(), best)]
    assert str(found.tree) in {winner.split(" (p=")[0] for winner in winners}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_inside_probability_and_ambiguity_agree_with_nltk(sentence: str) -> None:
    from nltk.parse import InsideChartParser

    grammar = read_grammar(ENGLISH)
    trees = list(InsideChartParser(as_nltk(grammar)).parse(sentence.split()))
    parser = Parser(grammar)
    total = math.fsum(tree.prob() for tree in trees)
    assert parser.log_likelihood(sentence.split()) == pytest.approx(math.log(total), abs=1e-12)
    assert parser.count(sentence.split()) == len(trees)


def test_random_grammars_agree_with_nltk() -> None:
    from nltk.parse import InsideChartParser

    rng = stage_rng(1, "grammars")
    for _ in range(8):
        p = rng.dirichlet(np.ones(4), size=3)
        text = "\n".join(
            f"{name} -> ({float(row[0])!r}) {left} {right} {name2} | ({float(row[1])!r}) {left} b "
            f"| ({float(row[2])!r}) a | ({float(row[3])!r}) b"
            for name, row, (left, right, name2) in zip(
                "SXY", p, [("X", "Y", "a"), ("Y", "X", "Y"), ("X", "a", "b")], strict=True
            )
        )
        grammar = read_grammar(text)
        parser = Parser(grammar)
        oracle = InsideChartParser(as_nltk(grammar))
        for tokens in itertools.product("ab", repeat=5):
            trees = list(oracle.parse(list(tokens)))
            assert parser.count(tokens) == len(trees)
            expected = math.fsum(tree.prob() for tree in trees)
            found = np.exp(parser.log_likelihoods([tokens])[0])
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_ambiguity_of_a_binary_grammar_is_catalan() -> None:
    parser = Parser(read_grammar("S -> S S | a"))
    assert [parser.count(["a"] * n) for n in range(1, 9)] == [1, 1, 2, 5, 14, 42, 132, 429]
    assert parser.count(["a"] * 30) == math.comb(58, 29) // 30
    assert Parser(read_grammar("S -> S S | a | b")).count(["a", "b", "a"]) == 2


def test_ambiguity_is_infinite_only_where_a_cycle_takes_part() -> None:
    parser = Parser(read_grammar("S -> A | b\nA -> S | a"))
    assert parser.count(["a"]) == math.inf
    rules = "S -> x A | y B\nA -> A | a\nB -> b | b E b | E E b\nE -> ε"
    mixed = Parser(read_grammar(rules))
    assert mixed.count(["x", "a"]) == math.inf
    assert mixed.count(["y", "b"]) == 2
    assert mixed.count(["y", "b", "b"]) == 1
    assert mixed.count(["b"]) == 0
    empty = Parser(read_grammar("S -> S S | ε | a"))
    assert empty.count([]) == math.inf


def all_trees(grammar: Grammar, tokens: tuple[str, ...], depth: int) -> dict[str, float]:
    """Trees of a string up to a depth, with their probabilities: slow and obvious."""
    known: dict[tuple[str, tuple[str, ...], int], dict[str, float]] = {}

    def expand(name: str, words: tuple[str, ...], deep: int) -> dict[str, float]:
        key = (name, words, deep)
        if deep == 0:
            return {}
        if key not in known:
            known[key] = {}
            for rule in grammar.alternatives(name):
                for text, p in split(rule.rhs, words, deep - 1):
                    whole = f"({name}{text})"
                    known[key][whole] = known[key].get(whole, 0.0) + p * rule.probability
        return known[key]

    def split(
        parts: tuple[Part, ...], words: tuple[str, ...], deep: int
    ) -> Iterator[tuple[str, float]]:
        if not parts:
            if not words:
                yield "", 1.0
            return
        for k in range(len(words) + 1):
            first = parts[0].symbol
            if first.terminal:
                heads = {first.name: 1.0} if words[:k] == (first.name,) else {}
            else:
                heads = expand(first.name, words[:k], deep)
            if heads:
                for tail, q in split(parts[1:], words[k:], deep):
                    for head, p in heads.items():
                        yield f" {head}{tail}", p * q

    return expand(grammar.start, tokens, depth)


@pytest.mark.parametrize("tokens", ["", "a", "ab", "bca", "abac", "cbac"])
def test_cycles_and_empty_right_sides_are_summed_and_maximised_exactly(tokens: str) -> None:
    grammar = read_grammar(HARD)
    parser = Parser(grammar)
    if tokens in ("", "a", "ab", "bca"):
        trees = all_trees(grammar, tuple(tokens), 5)
        best = max(trees.values())
        found = parser.parse(list(tokens))
        assert math.exp(found.log_probability) == pytest.approx(best, rel=1e-12)
        assert trees[str(found.tree)] == pytest.approx(best)
        # Deeper trees add to the sum; it is the limit from below.
        assert math.fsum(trees.values()) < math.exp(found.log_likelihood)
    else:
        assert parser.parse(list(tokens)).tree.tokens() == tuple(tokens)


def test_a_sum_over_ever_deeper_trees_converges_to_the_inside_probability() -> None:
    grammar = read_grammar(
        """
        S -> (0.1) T | (0.2) ε | (0.7) a
        T -> (0.3) S U | (0.7) b
        U -> (0.5) S | (0.5) ε
        """
    )
    parser = Parser(grammar)
    for tokens in [(), ("a",), ("b",), ("a", "b")]:
        exact = math.exp(parser.log_likelihood(tokens))
        sums = [math.fsum(all_trees(grammar, tokens, depth).values()) for depth in (3, 5, 7)]
        assert sums == sorted(sums)
        assert sums[-1] == pytest.approx(exact, rel=0.01)
        assert sums[-1] <= exact + 1e-12


def test_unit_chains_with_probability_one_do_not_trap_the_best_parse() -> None:
    grammar = read_grammar("S -> (1) A\nA -> (0.9999999999999999) B | (1e-16) a\nB -> (1) A")
    found = parse(grammar, ["a"])
    assert str(found.tree) == "(S (A a))"


@given(st.integers(0, 10**6))
def test_the_viterbi_tree_is_at_least_as_probable_as_the_sampled_one(seed: int) -> None:
    grammar = read_grammar(ENGLISH)
    tree = Sampler(grammar, length=(2, 12)).sample(np.random.default_rng(seed))
    found = parse(grammar, tree.tokens())
    assert found.tree.tokens() == tree.tokens()
    assert found.log_probability >= tree.log_probability() - 1e-9
    assert found.log_likelihood >= found.log_probability - 1e-9
    assert 0 < found.posterior <= 1


def test_outside_times_inside_is_the_likelihood_wherever_a_symbol_must_stand() -> None:
    grammar = read_grammar(ENGLISH)
    tokens = SENTENCES[3].split()
    chart = Parser(grammar).chart(tokens)
    assert chart.log_outside("S", 0, len(tokens)) == pytest.approx(0.0, abs=1e-12)
    assert chart.log_inside("S", 0, len(tokens)) == pytest.approx(chart.log_likelihood)
    for at, name in [(1, "V"), (2, "Det"), (4, "P")]:
        assert chart.posterior(name, at, at + 1) == pytest.approx(1.0)
    readings = [
        chart.posterior("PP", 4, 7),
        chart.posterior("NP", 2, 7),
        chart.posterior("VP", 1, 7),
    ]
    assert all(0 < value <= 1 for value in readings)
    assert chart.posterior("NP", 0, 2) == 0.0


@pytest.mark.parametrize(
    ("text", "tokens"), [(ENGLISH, SENTENCES[2].split()), (HARD, list("abac"))]
)
def test_posterior_rule_counts_are_the_derivative_of_the_likelihood(
    text: str, tokens: list[str]
) -> None:
    grammar = read_grammar(text)
    parser = Parser(grammar)
    counts = parser.chart(tokens).rule_counts
    base = parser.compiled.probabilities()
    for number in range(len(grammar.rules)):
        values = []
        for step in (1e-6, -1e-6):
            moved = Parser(grammar)
            moved.probabilities = base.copy()
            moved.probabilities[number] *= 1 + step
            values.append(moved.log_likelihood(tokens))
        assert counts[number] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-4)


def test_posterior_counts_are_averages_over_posterior_samples() -> None:
    grammar = read_grammar(HARD)
    parser = Parser(grammar)
    counts = parser.chart(list("abac")).rule_counts
    rng = stage_rng(3, "posterior")
    seen = Counter[object]()
    for _ in range(2000):
        tree = parser.sample(list("abac"), rng)
        assert tree.tokens() == tuple("abac")
        seen.update(node.rule for node in tree.nonterminals())
    for rule, expected in zip(grammar.rules, counts, strict=True):
        assert seen[rule] / 2000 == pytest.approx(expected, abs=0.2)


def test_unknown_tokens_can_be_filled_in() -> None:
    grammar = read_grammar(ENGLISH)
    parser = Parser(grammar)
    rng = stage_rng(4, "fill")
    tokens = ["I", None, None, None, "in", None, "pajamas"]
    filled = [parser.sample(tokens, rng).tokens() for _ in range(300)]
    assert all(a == b for row in filled for a, b in zip(tokens, row, strict=True) if a is not None)
    assert all(parser.accepts(row) for row in filled)
    # Nouns come with the grammar's own frequencies: the determiner says nothing about them.
    share = sum(row[5] == "the" for row in filled) / 300
    assert share == pytest.approx(0.5, abs=0.12)


def test_lengths_are_part_of_a_token_or_left_open() -> None:
    grammar = read_grammar("S -> (0.25) a[8] B | (0.75) a[16] B\nB -> b")
    assert str(parse(grammar, ["a[8]", "b"]).tree) == "(S a[8] (B b))"
    assert str(parse(grammar, ["a", "b"]).tree) == "(S a[16] (B b))"
    assert parse(grammar, ["a", "b"]).log_likelihood == pytest.approx(0.0)


def test_long_strings_do_not_underflow() -> None:
    words = " | ".join(f"(0.05) w{i}" for i in range(20))
    grammar = read_grammar(f"S -> (0.3) S S | (0.7) W\nW -> {words}")
    tokens = [f"w{i % 20}" for i in range(150)]
    expected = (
        math.log(math.comb(298, 149) // 150) + 149 * math.log(0.3) + 150 * math.log(0.7 * 0.05)
    )
    assert Parser(grammar).log_likelihood(tokens) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("I sleeps", r"token 2 must be a terminal of the grammar, got 'sleeps'"),
        ("I shot shot", r"token 3 \('shot'\) cannot follow the 2 before it; expected I, John, the"),
        ("slept", r"token 1 \('slept'\) cannot follow the 0 before it"),
        ("I shot an", r"S does not derive this string: it ends too early; expected elephant"),
        ("", r"it ends too early; expected I, John, the, an, my"),
    ],
)  # fmt: skip
def test_what_is_not_derived_is_refused_with_the_place(tokens: str, message: str) -> None:
    grammar = read_grammar(ENGLISH)
    with pytest.raises(GrammarError, match=message):
        parse(grammar, tokens.split())
    assert not Parser(grammar).accepts(tokens.split())
    assert Parser(grammar).log_likelihoods([tokens.split(), ["I", "slept"]])[0] == -math.inf


def test_a_string_instead_of_tokens_is_refused() -> None:
    with pytest.raises(GrammarError, match="tokens must be a sequence of strings"):
        parse(read_grammar("S -> a"), "a")


def test_the_end_may_be_all_that_is_expected() -> None:
    grammar = read_grammar("S -> a b")
    assert furthest(grammar, ["a", "b", "a"]) == (2, ())
    with pytest.raises(GrammarError, match=r"token 3 \('a'\) cannot follow .* expected the end"):
        parse(grammar, ["a", "b", "a"])


@given(st.lists(st.sampled_from("abc"), max_size=6))
def test_how_far_a_reader_gets_is_how_long_a_prefix_can_be_completed(tokens: list[str]) -> None:
    grammar = read_grammar("S -> a S b | T\nT -> ε | c T c")
    sentences = {("a",) * n + ("c",) * (2 * m) + ("b",) * n for n in range(8) for m in range(8)}
    count, _ = furthest(grammar, tokens)
    longest = max(
        k for k in range(len(tokens) + 1) if any(s[:k] == tuple(tokens[:k]) for s in sentences)
    )
    assert count == longest
    assert Parser(grammar).accepts(tokens) == (tuple(tokens) in sentences)
