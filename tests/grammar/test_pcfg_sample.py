"""Sampling: the exact conditional distribution, whatever the bounds, shown against enumeration."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.lengths import length_distribution
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.parse import Parser
from hybrid.grammar.sample import Sampler, sample

SIMPLE = "S -> (0.3) S S | (0.3) A | (0.4) 'a'\nA -> (0.5) 'b' S 'b' | (0.5) 'b'"
# Left recursion, a unit cycle, empty right sides, and a right side of four.
HARD = """
S -> (0.2) S S | (0.2) T | (0.1) ε | (0.4) a | (0.1) U T a U
T -> (0.4) S | (0.6) b U
U -> (0.3) ε | (0.7) c
"""
FORM = """
Piece -> (0.5) Part Part | (0.5) Part Piece
Part  -> (0.4) 'A'[8] | (0.3) 'B'[8] | (0.2) 'C'[12] | (0.1) 'D'[3/2] 'D'[5/2]
"""


def enumerate_derivations(
    grammar: Grammar, max_depth: int, max_length: Fraction
) -> list[tuple[str, float, int, Fraction]]:
    """Bracket string, probability, depth and length of all derivations: slow and obvious."""
    known: dict[tuple[str, int], list[tuple[str, float, int, Fraction]]] = {}

    def expand(name: str, depth: int) -> list[tuple[str, float, int, Fraction]]:
        if depth == 0:
            return []
        if (name, depth) in known:
            return known[name, depth]
        found = []
        for rule in grammar.alternatives(name):
            options = []
            for part in rule.rhs:
                if part.symbol.terminal:
                    length = Fraction(1) if part.length is None else part.length
                    options.append([(part.text, 1.0, 0, length)])
                else:
                    options.append(expand(part.symbol.name, depth - 1))
            for row in itertools.product(*options):
                total = sum((item[3] for item in row), Fraction(0))
                if total <= max_length:
                    text = "".join(f" {item[0]}" for item in row)
                    probability = rule.probability * math.prod(item[1] for item in row)
                    deepest = 1 + max((item[2] for item in row), default=0)
                    found.append((f"({name}{text})", probability, deepest, total))
        known[name, depth] = found
        return found

    return expand(grammar.start, max_depth)


def close_to(counts: Counter[str], expected: dict[str, float]) -> None:
    """Frequencies lie within five standard deviations (and three, where these are rare)."""
    n = sum(counts.values())
    assert set(counts) <= set(expected)
    for key, p in expected.items():
        assert abs(counts[key] - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 3, key


@pytest.mark.parametrize(
    ("text", "length", "depth"), [(SIMPLE, 4, None), (SIMPLE, 5, 4), (HARD, 2, 4), (FORM, 24, None)]
)
def test_samples_follow_the_exact_conditional_distribution(
    text: str, length: int, depth: int | None
) -> None:
    grammar = read_grammar(text)
    everything = enumerate_derivations(grammar, depth or 10, Fraction(length))
    fitting = [(tree, p) for tree, p, _, total in everything if total == length]
    mass = math.fsum(p for _, p in fitting)
    sampler = Sampler(grammar, length=length, max_depth=depth)
    assert sampler.log_evidence == pytest.approx(math.log(mass), abs=1e-12)
    rng = stage_rng(1, "test")
    counts = Counter(str(sampler.sample(rng)) for _ in range(3000))
    close_to(counts, {tree: p / mass for tree, p in fitting})


def test_unbounded_samples_follow_the_grammar_itself() -> None:
    rng = stage_rng(2, "test")
    sampler = Sampler(read_grammar("S -> (0.25) a S | (0.75) b"))
    counts = Counter(len(sampler.sample(rng).leaves()) for _ in range(3000))
    few = Counter({str(n): count for n, count in counts.items() if n <= 4})
    few["more"] = sum(count for n, count in counts.items() if n > 4)
    expected = {str(n): 0.75 * 0.25 ** (n - 1) for n in range(1, 5)}
    close_to(few, {**expected, "more": 0.25**4})


def test_a_grammar_that_may_never_end_is_conditioned_on_ending() -> None:
    # The least solution of z = 0.75 z^2 + 0.25 is 1/3; given that it ends, the first rule has
    # probability 0.75 z = 1/4.
    sampler = Sampler(read_grammar("S -> (0.75) S S | (0.25) a"))
    assert math.exp(sampler.log_evidence) == pytest.approx(1 / 3, abs=1e-12)
    rng = stage_rng(3, "test")
    counts = Counter(bool(sampler.sample(rng).children[0].children) for _ in range(3000))
    assert counts[True] / 3000 == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("text", [SIMPLE, HARD])
def test_the_probability_of_a_length_is_that_of_its_strings(text: str) -> None:
    grammar = read_grammar(text)
    parser = Parser(grammar)
    for n, probability in length_distribution(grammar, 5).items():
        strings = list(itertools.product(grammar.terminals, repeat=int(n)))
        assert np.exp(parser.log_likelihoods(strings)).sum() == pytest.approx(probability)


def test_the_probabilities_of_all_strings_of_a_small_grammar_add_up_to_1() -> None:
    finite = read_grammar(
        """
        S -> (0.5) A A | (0.5) A
        A -> (0.25) a | (0.5) b B | (0.25) ε
        B -> (0.5) c | (0.5) d
        """
    )
    assert sum(length_distribution(finite, 4).values()) == pytest.approx(1.0, abs=1e-12)
    strings = [s for n in range(5) for s in itertools.product("abcd", repeat=n)]
    total = np.exp(Parser(finite).log_likelihoods(strings)).sum()
    assert total == pytest.approx(1.0, abs=1e-12)
    endless = read_grammar("S -> (0.4) S S | (0.6) a")
    assert sum(length_distribution(endless, 600).values()) == pytest.approx(1.0, abs=1e-6)


def test_catalan_numbers_come_out() -> None:
    found = length_distribution(read_grammar("S -> (0.5) S S | (0.5) a"), 12)
    for n in range(1, 13):
        catalan = math.comb(2 * n - 2, n - 1) // n
        assert found[Fraction(n)] == pytest.approx(catalan * 0.5 ** (2 * n - 1))


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_every_sample_has_the_length_it_was_asked_for(n: int, seed: int) -> None:
    tree = sample(read_grammar(HARD), np.random.default_rng(seed), length=n)
    assert len(tree.tokens()) == n


def test_lengths_of_several_hundred_bars_are_exact() -> None:
    grammar = read_grammar(FORM)
    tree = sample(grammar, stage_rng(4, "form"), length=600)
    assert tree.duration == 600
    assert sum(leaf.duration or 0 for leaf in tree.leaves()) == 600


def test_a_long_right_recursion_does_not_overflow_anything() -> None:
    tree = sample(read_grammar("S -> (0.001) a S | (0.999) b"), stage_rng(5, "x"), length=900)
    assert tree.depth() == 900
    assert tree.log_probability() == pytest.approx(899 * math.log(0.001) + math.log(0.999))


def test_ranges_of_lengths_are_drawn_in_proportion() -> None:
    grammar = read_grammar("S -> (0.5) a[8] | (0.5) a[8] S")
    rng = stage_rng(6, "x")
    sampler = Sampler(grammar, length=(10, 25))
    assert math.exp(sampler.log_evidence) == pytest.approx(0.25 + 0.125)
    counts = Counter(str(sampler.sample(rng).duration) for _ in range(1000))
    close_to(counts, {"16": 2 / 3, "24": 1 / 3})


def test_lengths_can_be_given_beside_the_grammar() -> None:
    grammar = read_grammar("S -> (0.5) verse chorus | (0.5) verse chorus S")
    lengths: dict[str, int | Fraction] = {"verse": 9, "chorus": Fraction(17, 2)}
    tree = sample(grammar, stage_rng(7, "x"), length=Fraction(105, 2), lengths=lengths)
    assert [leaf.duration for leaf in tree.leaves()] == [9, Fraction(17, 2)] * 3
    with pytest.raises(GrammarError, match="nearest feasible: 35 and 105/2"):
        sample(grammar, stage_rng(7, "x"), length=51, lengths=lengths)


def test_depth_is_bounded_by_conditioning() -> None:
    grammar = read_grammar(SIMPLE)
    rng = stage_rng(8, "x")
    for depth in (1, 2, 3, 5):
        sampler = Sampler(grammar, max_depth=depth)
        assert max(sampler.sample(rng).depth() for _ in range(50)) <= depth
    mass = math.fsum(p for _, p, _, _ in enumerate_derivations(grammar, 3, Fraction(99)))
    assert Sampler(grammar, max_depth=3).log_evidence == pytest.approx(math.log(mass))


def test_zero_lengths_are_markers_that_take_no_time() -> None:
    grammar = read_grammar("S -> (0.5) 'cadence'[0] a[4] S | (0.5) 'end'[0]")
    tree = sample(grammar, stage_rng(9, "x"), length=12)
    assert tree.tokens() == ("cadence", "a") * 3 + ("end",)
    assert tree.duration == 12


def test_one_seed_gives_one_tree() -> None:
    grammar = read_grammar(HARD)
    first = sample(grammar, stage_rng(10, "x"), length=30)
    assert sample(grammar, stage_rng(10, "x"), length=30) == first
    sampler = Sampler(grammar, length=30)
    sampler.sample(stage_rng(11, "x"))
    assert sampler.sample(stage_rng(10, "x")) == first


def test_a_sampler_may_start_elsewhere() -> None:
    assert sample(read_grammar(HARD), stage_rng(1, "x"), start="U", length=1).tokens() == ("c",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 10}, r"Piece has no derivation of length 10; nearest feasible: 8 and 12"),
        ({"length": Fraction(33, 2)}, r"length 33/2; nearest feasible: 16 and 20"),
        ({"length": (0, 7)}, r"no derivation of length 0 to 7; nearest feasible: 8"),
        ({"length": 80, "max_depth": 4}, r"max_depth must allow length 80 .* the least depth is 7"),
        ({"length": -1}, r"length must be 0 or more"),
        ({"length": (9, 8)}, r"shortest first"),
        ({"max_depth": 0}, r"max_depth must be 1 or more, got 0"),
        ({"start": "X"}, r"start must be a nonterminal of the grammar, got 'X'"),
        ({"lengths": {"E": 4}, "length": 8}, r"lengths names 'E', which is no terminal"),
        ({"lengths": {"A": 0.5}, "length": 8}, r"length of 'A' must be a whole number or Fraction"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_could(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(GrammarError, match=message):
        sample(read_grammar(FORM), stage_rng(1, "x"), **options)  # type: ignore[arg-type]


def test_the_nearest_lengths_are_right() -> None:
    grammar = read_grammar("S -> (0.5) a[6] | (0.3) a[10] S | (0.2) a[15] a[1]")
    feasible = {int(n) for n in length_distribution(grammar, 80)}
    for length in set(range(1, 40)) - feasible:
        with pytest.raises(GrammarError) as caught:
            sample(grammar, stage_rng(1, "x"), length=length)
        near = str(caught.value).split("feasible: ")[1].split(" and ")
        below = [str(max(n for n in feasible if n < length))] if length > 6 else []
        assert near == [*below, str(min(n for n in feasible if n > length))]


def test_a_temporal_grammar_is_sent_elsewhere() -> None:
    with pytest.raises(GrammarError, match="must be unfolded first"):
        sample(read_grammar("T -> t/2 t/2"), stage_rng(1, "x"))
