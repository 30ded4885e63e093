"""Temporal grammars: time is neither made nor lost, keys are handed down, sharing is identity."""

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
from hybrid.core.pitch import Key
from hybrid.core.seeds import stage_rng
from hybrid.grammar.cfg import Part, Rule, Symbol
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.temporal import choices, derive, divide, unfold
from hybrid.grammar.trees import Tree

# The rules of the literature's running example, with probabilities of our own.
HARMONY = """
%minimum 1/4
%key C major
P  -> (0.5) let x = I/2 in x x | (0.5) let x = I/4 in x V/2 x
I  -> (0.4) II:1/4 V:1/4 I:1/2 | (0.3) I/2 I/2 | (0.3) 'i'
V  -> (0.4) IV V | (0.3) VI/2 V/2 | (0.3) 'v'
II -> (0.5) 'ii' | (0.5, >= 1) V/2@II II/2
IV -> 'iv'
VI -> (0.5) I @ VI | (0.5) 'vi'
"""
HALVES = "%minimum 1/8\nT -> (0.6) T/2 T/2 | (0.4) D/2 T/2\nD -> (0.5) D/2 D/2 | (0.5) 'd'"


@given(st.integers(0, 10**9), st.sampled_from(["4", "6", "12", "7/3"]))
def test_the_leaves_last_as_long_as_the_whole(seed: int, duration: str) -> None:
    tree = derive(read_grammar(HARMONY), np.random.default_rng(seed), duration=Fraction(duration))
    assert sum(leaf.duration or 0 for leaf in tree.leaves()) == Fraction(duration)
    for node in tree.preorder():
        assert node.duration is not None
        assert node.duration >= Fraction(1, 4)
        if node.children:
            assert sum(child.duration or 0 for child in node.children) == node.duration


@given(st.integers(0, 10**9), st.integers(1, 12))
def test_halves_stay_exact_halves(seed: int, bars: int) -> None:
    tree = derive(read_grammar(HALVES), np.random.default_rng(seed), duration=bars)
    for node in tree.preorder():
        assert node.duration is not None
        ratio = bars / node.duration
        assert ratio.denominator == 1
        assert ratio.numerator & (ratio.numerator - 1) == 0  # a power of two
    # T has no terminal of its own: it is divided until its halves would be too short.
    assert all(
        leaf.duration is not None and leaf.duration < Fraction(1, 4)
        for leaf in tree.leaves()
        if leaf.symbol == Symbol("T")
    )


def test_parts_without_a_share_divide_what_is_left() -> None:
    rules = read_grammar("S -> a[3] b/4 C D\nC -> c\nD -> d").rules
    assert divide(rules[0], Fraction(12)) == (Fraction(3),) * 4
    assert divide(rules[0], Fraction(4)) is None  # nothing would be left
    exact = read_grammar("%temporal\nS -> A[3] B[5]\nA -> a\nB -> b").rules[0]
    assert divide(exact, Fraction(8)) == (Fraction(3), Fraction(5))
    assert divide(exact, Fraction(9)) is None


def test_what_is_not_available_leaves_its_probability_to_the_rest() -> None:
    grammar = read_grammar("T -> (0.5) T/2 T/2 | (0.2) T/4 T:3/4 | (0.2, < 2) 'a' | (0.1) 'b'")
    found = choices(grammar, "T", Fraction(1), Fraction(1, 2))
    assert [(c.rule.body(), round(c.probability, 6)) for c in found] == [
        ("T/2 T/2", 0.625),
        ("'a'", 0.25),
        ("'b'", 0.125),
    ]
    assert [c.rule.body() for c in choices(grammar, "T", Fraction(2), Fraction(2))] == ["'b'"]
    assert choices(grammar, "T", Fraction(1), Fraction(2)) == ()


def test_choices_are_made_with_their_probabilities() -> None:
    grammar = read_grammar("T -> (0.2) a/2 a/2 | (0.3) b/3 b/3 b/3 | (0.5) c")
    rng = stage_rng(1, "temporal")
    counts = Counter(derive(grammar, rng).tokens() for _ in range(2000))
    for tokens, p in {("a",) * 2: 0.2, ("b",) * 3: 0.3, ("c",): 0.5}.items():
        assert counts[tokens] / 2000 == pytest.approx(p, abs=0.05)


def test_keys_are_handed_down_and_changed_where_rules_say_so() -> None:
    grammar = read_grammar("I -> I2/2 V/2@VI\nI2 -> V@V\nV -> v/2 x/2@bII")
    tree = derive(grammar, stage_rng(1, "temporal"), key="Eb major")
    assert [(leaf.symbol.name, str(leaf.key)) for leaf in tree.leaves()] == [
        ("v", "Bb major"),
        ("x", "Cb major"),
        ("v", "C minor"),
        ("x", "Db major"),
    ]
    assert tree.key == Key(-3)


def test_what_let_shares_is_the_same_object_with_the_same_music() -> None:
    grammar = read_grammar(HARMONY)
    rng = stage_rng(2, "temporal")
    for _ in range(40):
        tree = derive(grammar, rng, duration=8)
        first, last = tree.children[0], tree.children[-1]
        assert first is last
        assert first.label == "x"
        timed = [(leaf.symbol.name, leaf.duration, leaf.key) for leaf in first.leaves()]
        n = len(timed)
        whole = [(leaf.symbol.name, leaf.duration, leaf.key) for leaf in tree.leaves()]
        assert whole[:n] == whole[-n:] == timed


def test_a_shared_choice_counts_once_in_the_probability() -> None:
    grammar = read_grammar("S -> let x = A/2 in x x\nA -> (0.25) a | (0.75) b")
    tree = derive(grammar, stage_rng(3, "temporal"))
    p = 0.25 if tree.tokens()[0] == "a" else 0.75
    assert tree.log_probability() == pytest.approx(math.log(p))


def test_generations_stop_rewriting_like_the_papers() -> None:
    grammar = read_grammar("T -> T/2 T/2")
    for n in range(5):
        tree = derive(grammar, stage_rng(1, "temporal"), generations=n)
        assert len(tree.leaves()) == 2**n
        assert {leaf.duration for leaf in tree.leaves()} == {Fraction(1, 2**n)}


def test_the_grammars_defaults_are_used_and_can_be_overruled() -> None:
    grammar = read_grammar("%duration 8\n%key g\n%minimum 2\nT -> T T")
    tree = derive(grammar, stage_rng(1, "temporal"))
    assert (len(tree.leaves()), str(tree.key)) == (4, "G minor")
    tree = derive(grammar, stage_rng(1, "temporal"), duration=3, key=Key(0), minimum=1)
    assert (len(tree.leaves()), str(tree.key)) == (2, "C major")
    assert derive(grammar, stage_rng(1, "temporal"), start="T").tokens() == ("T",) * 4


def test_one_seed_gives_one_derivation() -> None:
    grammar = read_grammar(HARMONY)
    one, two = (derive(grammar, stage_rng(4, "temporal"), duration=16) for _ in range(2))
    assert one == two
    assert one != derive(grammar, stage_rng(5, "temporal"), duration=16)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("T -> T T", {"duration": 0}, "duration must be above 0, got 0"),
        ("T -> T T", {"minimum": 2}, "minimum must be above 0 and at most 1, got 2"),
        ("T -> T T", {"generations": -1}, "generations must be 0 or more, got -1"),
        ("T -> t@X", {}, "degree must be a Roman numeral from I to VII, got 'X'"),
        ("T -> T T", {"key": "H"}, "key must read like"),
        ("T -> T T", {"start": "X"}, "nonterminal 'X' has no rule"),
    ],
)
def test_bad_values_are_refused(text: str, options: dict[str, object], message: str) -> None:
    grammar = read_grammar(text + ("" if "@" in text else "\n%temporal"))
    with pytest.raises(GrammarError, match=message):
        derive(grammar, stage_rng(1, "temporal"), **options)  # type: ignore[arg-type]


def test_an_endless_derivation_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid.grammar.temporal.MAX_NODES", 1000)
    with pytest.raises(GrammarError, match="give a minimum duration or generations"):
        derive(read_grammar("%temporal\nT -> T T"), stage_rng(1, "temporal"))


# -- unfolding -----------------------------------------------------------------------------------


def all_derivations(tree_rules: str, duration: Fraction, minimum: Fraction) -> dict[str, float]:
    """Every derivation with its probability, by plain recursion."""
    grammar = read_grammar(tree_rules)

    def expand(symbol: str, time: Fraction) -> list[tuple[str, float]]:
        options = choices(grammar, symbol, time, minimum)
        if not options:
            return [(f"({symbol}[{time}])", 1.0)]
        found = []
        for choice in options:
            below = [
                [(f"{part.symbol.name}[{d}]", 1.0)]
                if part.symbol.terminal
                else expand(part.symbol.name, d)
                for part, d in zip(choice.rule.rhs, choice.durations, strict=True)
            ]
            for row in itertools.product(*below):
                p = choice.probability * math.prod(item[1] for item in row)
                found.append((f"({symbol} {' '.join(item[0] for item in row)})", p))
        return found

    return dict(expand(grammar.start, duration))


def test_an_unfolded_grammar_gives_every_derivation_its_probability() -> None:
    everything = all_derivations(HALVES, Fraction(1), Fraction(1, 4))
    assert math.fsum(everything.values()) == pytest.approx(1.0)
    plain = unfold(read_grammar(HALVES), duration=1, minimum=Fraction(1, 4))
    rng = stage_rng(6, "temporal")
    for _ in range(50):
        tree = plain.sample(rng)
        assert everything[str(tree)] == pytest.approx(math.exp(tree.log_probability()))
        direct = derive(read_grammar(HALVES), rng, duration=1, minimum=Fraction(1, 4))
        assert everything[str(direct)] == pytest.approx(math.exp(direct.log_probability()))


def test_the_number_of_leaves_can_be_asked_for_exactly() -> None:
    everything = all_derivations(HALVES, Fraction(1), Fraction(1, 4))
    three = {t: p for t, p in everything.items() if t.count("[") == 3}
    mass = math.fsum(three.values())
    plain = unfold(read_grammar(HALVES), duration=1, minimum=Fraction(1, 4))
    rng = stage_rng(7, "temporal")
    counts = Counter(str(plain.sample(rng, n_leaves=3)) for _ in range(1000))
    assert set(counts) == set(three)
    for tree, p in three.items():
        assert counts[tree] / 1000 == pytest.approx(p / mass, abs=0.07)
    with pytest.raises(GrammarError, match="nearest feasible: 4"):
        plain.sample(rng, n_leaves=9)


def test_a_derivation_is_found_again_from_its_leaves() -> None:
    text = HARMONY.replace("let x = I/2 in x x", "I/2 I/2").replace(
        "let x = I/4 in x V/2 x", "I/4 V/2 I/4"
    )
    grammar = read_grammar(text)
    plain = unfold(grammar, duration=4, minimum=Fraction(1, 2))
    rng = stage_rng(8, "temporal")
    for _ in range(10):
        tree = plain.sample(rng, n_leaves=(5, 8))
        best = plain.parse(tree.tokens(lengths=True))
        assert [(x.symbol, x.duration) for x in best.leaves()] == [
            (x.symbol, x.duration) for x in tree.leaves()
        ]
        assert best.log_probability() >= tree.log_probability() - 1e-9
        assert all(isinstance(node.key, Key) for node in best.preorder())
        assert {node.rule for node in best.nonterminals()} <= set(grammar.rules)


def test_equal_divisions_written_twice_are_one_when_unfolded() -> None:
    grammar = read_grammar("T -> (0.25) a/2 b/2 | (0.25) a b | (0.5) c")
    plain = unfold(grammar)
    assert [rule.probability for rule in plain.grammar.rules] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HARMONY, "a grammar that shares cannot be unfolded, got P -> "),
        ("T -> (0.5) T/2 T:1/2@V | (0.5) 't'", "unfolding gives more than 20000 symbols"),
        ("%temporal\nT -> T", "every symbol must derive a string"),
    ],
)
def test_what_cannot_be_unfolded(text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        unfold(read_grammar(text))


def test_a_tree_made_by_hand_can_carry_a_temporal_rule() -> None:
    rule = Rule("T", (Part(Symbol("t", True), share=Fraction(1, 2)),) * 2)
    tree = Tree(Symbol("T"), (Tree(Symbol("t", True)),) * 2, rule, duration=Fraction(1))
    assert str(tree.rule) == "T -> (1) 't'/2 't'/2"
