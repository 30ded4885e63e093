"""Derivations of form grammars: exact lengths, shared sections, keys."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.resources import resource_path
from hybrid.grammar.forms import FORMS, form_sampler
from hybrid.grammar.forms.derive import FormSampler, convolve, is_section
from hybrid.grammar.forms.realise import display, related_key, respell, sketch
from hybrid.grammar.forms.registry import find_form, form_grammar
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.trees import format_tree

SMALL = """
S -> (0.6) let a = A:first in a B:second a | (0.4) A:first B:second
A:first -> (0.7) 'x a PAC'[2] | (0.3) 'x a PAC'[3]
B:second -> (0.5) 'y a HC'[1] | (0.5) 'y a HC'[4]
"""


def sampler(text: str) -> FormSampler:
    return FormSampler(read_grammar(text))


def test_lengths_of_a_small_grammar_are_those_of_enumeration() -> None:
    exact: Counter[int] = Counter()
    for (times, p), (a, pa), (b, pb) in product(
        ((2, 0.6), (1, 0.4)), ((2, 0.7), (3, 0.3)), ((1, 0.5), (4, 0.5))
    ):
        exact[times * a + b] += p * pa * pb  # type: ignore[assignment]
    found = np.exp(sampler(SMALL).lengths(12))
    assert {n: pytest.approx(found[n]) for n in np.flatnonzero(found)} == exact
    assert found.sum() == pytest.approx(1)


def test_draws_follow_the_grammar_given_their_length() -> None:
    """7 bars: two threes and a one, or a three and a four."""
    s = sampler(SMALL)
    rng = np.random.default_rng(1)
    shapes = Counter(len(s.sample(7, rng).leaves()) for _ in range(3000))
    three = 0.6 * 0.3 * 0.5
    assert shapes[3] / 3000 == pytest.approx(three / (three + 0.4 * 0.3 * 0.5), abs=0.03)


def test_shared_parts_are_one_object() -> None:
    tree = sampler(SMALL).sample(10, np.random.default_rng(0))
    first, _, again = tree.children
    assert first is again


@pytest.mark.parametrize("form", FORMS)
def test_the_lengths_of_a_form_add_up_to_one(form: str) -> None:
    """All but the tail of forms that go on as long as one likes."""
    total = np.exp(form_sampler(form).lengths(1024)).sum()
    assert total == pytest.approx(1, abs=2e-3)


@settings(max_examples=60)
@given(
    form=st.sampled_from(list(FORMS)),
    seed=st.integers(0, 2**32),
    wish=st.integers(1, 200),
    key=st.sampled_from(["C", "g", "F#", "eb", "B dorian"]),
)
def test_every_feasible_length_is_hit_exactly(form: str, seed: int, wish: int, key: str) -> None:
    lengths = FORMS[form].allowed_bars(256)
    bars = min(lengths, key=lambda n: abs(n - wish))
    tree = form_sampler(form).sample(bars, np.random.default_rng(seed))
    home = Key.parse(key)
    sections = sketch(tree, home)
    assert sum(phrase.bars for section in sections for phrase in section.phrases) == bars
    assert all(section.phrases for section in sections)
    assert all(phrase.bars >= 1 for section in sections for phrase in section.phrases)
    value = display(tree, home)
    assert value["bars"] == bars
    assert value["key"] == home.name
    # Whatever happens between, a piece ends at home (its mode may brighten).
    assert sections[-1].phrases[-1].end_key.tonic == home.tonic


@pytest.mark.parametrize("form", FORMS)
def test_an_impossible_length_has_no_derivation(form: str) -> None:
    with pytest.raises(GrammarError, match="has no derivation of 1 bars"):
        form_sampler(form).sample(1, np.random.default_rng(0))


@pytest.mark.parametrize("form", FORMS)
def test_the_same_generator_gives_the_same_tree(form: str) -> None:
    bars = FORMS[form].allowed_bars(128)[-1]
    trees = [form_sampler(form).sample(bars, np.random.default_rng(4)) for _ in range(2)]
    assert format_tree(trees[0]) == format_tree(trees[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S -> A:x\nA:x -> 'a a PAC'", "a phrase needs whole bars"),
        ("S -> A:x\nA:x -> 'a a PAC'[1/2]", "a phrase needs whole bars"),
        ("S -> (0.5) S A:x S | (0.5) A:x\nA:x -> 'a a PAC'[4]", "recursion must be linear"),
        ("S -> (0.5) T | (0.5) A:x\nT -> S\nA:x -> 'a a PAC'[4]", "must add bars"),
        (
            "S -> A:x A:x\nA:x -> (0.5) 'a a PAC'[4] | (0.5) 'a a PAC'[5]",
            "all its derivations must be equally long",
        ),
    ],
)
def test_grammars_that_are_no_form_grammars_are_refused(text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        sampler(text)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ("'a b'[4]", "a phrase must read"),
        ("'a b XC'[4]", "cadence of"),
        ("'a b PAC nonsense'[4]", "has no meaning"),
    ],
)
def test_phrases_that_cannot_be_read_are_refused(leaf: str, message: str) -> None:
    tree = sampler(f"S -> A:x\nA:x -> {leaf}").sample(4, np.random.default_rng(0))
    with pytest.raises(GrammarError, match=message):
        sketch(tree, Key.parse("C"))


def test_phrases_stand_in_sections_and_sections_not_in_each_other() -> None:
    lone = sampler("S -> 'a a PAC'[4]").sample(4, np.random.default_rng(0))
    with pytest.raises(GrammarError, match="must stand inside a section"):
        sketch(lone, Key.parse("C"))
    nested = sampler("S -> A:x\nA:x -> B:y\nB:y -> 'a a PAC'[4]").sample(
        4, np.random.default_rng(0)
    )
    with pytest.raises(GrammarError, match="must not stand inside another"):
        sketch(nested, Key.parse("C"))


def test_words_of_a_phrase_are_read() -> None:
    text = """
    S -> A:first *:new *:new V*:var V*:var
    A:first -> ThemeOne ThemeOne
    ThemeOne -> 'antecedent a HC'[4] 'consequent a PAC mod=V/III'[4]
    *:new -> 'retransition r - key=VI/VI mod=home open=free'[2]
    V*:var -> 'x A.a PAC ornament'[8]
    """
    tree = sampler(text).sample(36, np.random.default_rng(0))
    first, b, c, v1, v2 = sketch(tree, Key.parse("C"))
    assert [s.label for s in (first, b, c, v1, v2)] == ["A", "B", "C", "V1", "V2"]
    one, two, three, four = first.phrases
    assert (one.theme, two.theme, three.theme) == ("A.a", "A.a", "A2.a")
    assert (one.cadence, one.variation, two.variation) == ("HC", None, "varied")
    assert (two.key.name, two.end_key.name) == ("C major", "G major")
    assert three.key.name == "G major"
    assert four.end_key.name == "G major"
    way = b.phrases[0]
    assert (way.key.name, way.end_key.name, way.cadence) == ("A minor", "C major", "none")
    assert way.opening == "free"
    assert v1.phrases[0].variation == "ornament"
    assert v1.phrases[0].returns


@pytest.mark.parametrize(
    ("home", "degree", "wanted"),
    [
        ("C", "V/III", "G major"),
        ("c", "V/III", "Eb major"),
        ("C", "i/IM", "C minor"),
        ("c", "i/IM", "C major"),
        ("D dorian", "IV/iv", "G minor"),
        ("C# major", "V/III", "Ab major"),
        ("Ab minor", "VI/VI", "E major"),
        ("Gb major", "i/IM", "F# minor"),
    ],
)
def test_related_keys(home: str, degree: str, wanted: str) -> None:
    assert related_key(Key.parse(home), degree).name == wanted


@given(fifths=st.integers(-15, 15), mode=st.sampled_from(("major", "minor")))
def test_respelling_keeps_the_sound(fifths: int, mode: str) -> None:
    key = Key.from_fifths(fifths, mode)
    again = respell(key)
    assert abs(again.fifths) <= 7
    assert (again.tonic - key.tonic) % 12 == 0


def test_convolution_adds_lengths() -> None:
    one = np.log(np.array([0.5, 0.0, 0.5, 0.0, 0.0]) + 1e-300)
    one[one < -500] = -np.inf
    assert np.exp(convolve(one, one)).tolist() == pytest.approx([0.25, 0, 0.5, 0, 0.25])


def test_names_of_forms() -> None:
    assert find_form("Theme and Variations").name == "variations"
    assert find_form("rounded_binary").name == "rounded-binary"
    with pytest.raises(PlanError, match="form must be one of period"):
        find_form("fugue")


@pytest.mark.parametrize("form", FORMS)
def test_every_rule_of_a_form_can_be_used(form: str) -> None:
    """Nothing in a form's own file is unreachable."""
    grammar = form_grammar(form)
    own = {
        line.split(" ->")[0].strip()
        for line in _text(form).splitlines()
        if " -> " in line and line[0] not in "# "
    }
    assert own <= set(grammar.reachable)
    assert any(is_section(name) for name in own)


def _text(form: str) -> str:
    return resource_path("grammar", "forms", f"{form}.txt").read_text(encoding="utf-8")
