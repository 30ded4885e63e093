"""Phrases by Rohrmeier's syntax of tonal harmony (2011)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import parse_chords
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_functions import FORMS_OF, reduce_numeral
from hybrid.grammar.lengths import length_distribution
from hybrid.grammar.parse import Parser
from hybrid.grammar.rohrmeier import (
    CADENCES,
    analyse,
    derive,
    progression,
    rohrmeier_grammar,
    rules,
)

FOUR = Metre.parse("4/4")
KEYS = st.sampled_from([Key.parse(name) for name in ("C", "g", "Ab", "f#")])


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("seed", range(4))
def test_derivations_parse_again(mode: str, seed: int) -> None:
    key = Key(0, mode)
    derivation = derive(key, 9, np.random.default_rng(seed), start="piece")
    parser = Parser(rohrmeier_grammar(mode))
    parse = parser.parse(derivation.tokens)
    assert parse.tree.tokens() == derivation.tokens
    # The sampled tree is one of the string's trees, so none is likelier than the best.
    assert parse.log_probability >= derivation.tree.log_probability() - 1e-9
    assert parse.log_likelihood >= parse.log_probability - 1e-9


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize(
    "rule",
    ["piece -> P piece", "P -> TR", "TR -> TR DR", "TR -> DR t", "DR -> SR d", "TR -> TR TR",
     "DR -> DR DR", "SR -> SR SR", "TR -> t", "DR -> d", "SR -> s", "t -> tp", "t -> tcp",
     "s -> sp"],
)  # fmt: skip
def test_the_rules_of_the_paper_are_there(mode: str, rule: str) -> None:
    left, _, right = rule.partition(" -> ")
    bodies = [item.body() for item in rules(mode).alternatives(left)]
    assert right in bodies


@pytest.mark.parametrize(
    ("mode", "function", "degrees"),
    [
        ("major", "t", {"I", "vi", "iii"}),
        ("major", "s", {"IV", "ii"}),
        ("major", "d", {"V", "viio"}),
        ("minor", "t", {"i", "III", "VI"}),
        ("minor", "s", {"iv", "iio", "VI", "bII"}),
        ("minor", "d", {"V", "viio", "VII"}),
    ],
)
def test_functions_have_the_degrees_of_the_paper(
    mode: str, function: str, degrees: set[str]
) -> None:
    """All single chords that a function derives in its own key."""
    parser = Parser(rohrmeier_grammar(mode), start=function)
    names = {token for token in rohrmeier_grammar(mode).terminals if "@" not in token}
    assert {name for name in names if parser.accepts([name])} == degrees


def test_a_function_becomes_the_tonic_of_a_new_key() -> None:
    parser = Parser(rohrmeier_grammar("major"), start="t")
    assert parser.accepts(["iv@VI", "V@VI", "i@VI"])
    assert not parser.accepts(["iv@VI", "V@VI", "I@IV"])
    # Keys of keys: modulations do not nest.
    assert not any(token.count("@") > 1 for token in rohrmeier_grammar("major").terminals)


def test_applied_dominants_stand_before_what_they_apply_to() -> None:
    for seed in range(60):
        tokens = derive(Key.parse("C"), 10, np.random.default_rng(seed)).tokens
        for one, two in pairwise(tokens):
            if "/" in one:
                of = one.partition("/")[2].partition("@")[0]
                assert two.partition("@")[0] in (of, f"V/{of}", f"viio/{of}")


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("cadence", ["PAC", "IAC", "HC", "DC", "none"])
def test_derivations_end_in_their_cadence(mode: str, cadence: str) -> None:
    for seed in range(5):
        derivation = derive(Key(2, mode), 7, np.random.default_rng(seed), cadence=cadence)
        ending = CADENCES[mode][cadence]
        assert len(derivation.tokens) == 7
        assert derivation.tokens[7 - len(ending) :] == ending
        assert derivation.tokens[0] == ("i" if mode == "minor" else "I")


@settings(max_examples=40)
@given(
    key=KEYS,
    bars=st.integers(1, 6),
    cadence=st.sampled_from(("PAC", "HC", "DC")),
    metre=st.sampled_from(("4/4", "3/4", "6/8")),
    seed=st.integers(0, 2**32),
)
def test_progressions_fill_their_bars_with_forms_of_the_degrees(
    key: Key, bars: int, cadence: str, metre: str, seed: int
) -> None:
    beat = Metre.parse(metre)
    chords, derivation = progression(key, beat, bars, np.random.default_rng(seed), cadence=cadence)
    assert chords[-1].end == bars * beat.bar_quarters
    assert all(one.end == two.onset for one, two in pairwise(chords))
    for chord, (degree, local) in zip(chords, derivation.degrees, strict=True):
        assert chord.numeral in FORMS_OF[degree]
        assert (chord.key or key) == local


def test_a_progression_by_hand_is_analysed() -> None:
    key = Key.parse("C")
    chords = parse_chords("I V65/ii | ii6 V7 | vi ii65 | V7 I", FOUR)
    parse = analyse(chords, key)
    assert parse.tree.tokens() == ("I", "V/ii", "ii", "V", "vi", "ii", "V", "I")
    assert 0 < parse.posterior <= 1


def test_a_modulation_by_hand_is_analysed() -> None:
    chords = parse_chords("I vi | iv@a V7@a | i@a V7 | I", FOUR)
    tokens = analyse(chords, Key.parse("C")).tree.tokens()
    assert tokens == ("I", "vi", "iv@VI", "V@VI", "i@VI", "V", "I")


def test_what_cannot_be_analysed_is_named() -> None:
    with pytest.raises(GrammarError, match="no function of C major modulates to F# major"):
        analyse(parse_chords("I | V@F#", FOUR), Key.parse("C"))
    with pytest.raises(GrammarError, match=r"token 2 \('IV'\) cannot follow|ends too early"):
        analyse(parse_chords("V | IV", FOUR), Key.parse("C"), start="P")


def test_what_the_grammar_does_not_know_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GrammarError, match="cadence must be one of PAC, IAC, HC, DC, none"):
        derive(Key.parse("C"), 5, rng, cadence="PC")
    with pytest.raises(GrammarError, match="n_chords must leave room for PAC, got 2"):
        derive(Key.parse("C"), 2, rng)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_the_grammar_is_consistent(mode: str) -> None:
    """Derivations end: the probabilities of all lengths of a phrase add up to 1, all but a tail."""
    spread = length_distribution(rohrmeier_grammar(mode), 64, start="P")
    assert sum(spread.values()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("degree", FORMS_OF)
def test_forms_stand_on_the_root_of_their_degree(degree: str) -> None:
    minor = degree in ("i", "iio", "bII", "III", "iv", "VI", "VII", "V/III", "V/iv")
    key = Key.parse("d" if minor else "D")
    plain = "N6" if degree == "bII" else degree.replace("iio", "iio6")
    for form in FORMS_OF[degree]:
        assert RomanNumeral.parse(form).root(key) == RomanNumeral.parse(plain).root(key)
        assert reduce_numeral(form) == degree
