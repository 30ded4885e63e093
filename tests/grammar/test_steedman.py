"""The twelve-bar blues after Steedman (1984)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.timeline import Metre
from hybrid.grammar.steedman import (
    AXIOM,
    MINOR_AXIOM,
    Chances,
    chord_name,
    derive,
    format_derivation,
    numeral_of,
)
from hybrid.grammar.trees import format_tree, read_tree

SEEDS = st.integers(0, 2**32)
NEVER = Chances(0, 0, 0, 0, 0, 0, 0)
SOMETIMES = Chances(0.8, 0.3, 0.4, 0.5, 0.6, 0.6, 0.9)
ALWAYS = Chances(1.0, 0.5, 1.0, 0.5, 0.6, 1.0, 1.0)


@given(seed=SEEDS, minor=st.booleans(), chances=st.sampled_from((Chances(), ALWAYS)))
def test_every_derivation_lasts_twelve_bars(seed: int, minor: bool, chances: Chances) -> None:
    derivation = derive(np.random.default_rng(seed), minor=minor, chances=chances)
    assert derivation.bars == 12
    assert sum(leaf.duration or 0 for leaf in derivation.tree.leaves()) == 12
    # Durations only ever halve.
    assert {bars for _, _, bars in derivation.chords} <= {Fraction(2), Fraction(1), Fraction(1, 2)}


@pytest.mark.parametrize(("minor", "axiom"), [(False, AXIOM), (True, MINOR_AXIOM)])
def test_without_rules_the_axiom_stands(minor: bool, axiom: tuple[tuple[int, str], ...]) -> None:
    derivation = derive(np.random.default_rng(0), minor=minor, chances=NEVER)
    assert [(place, quality) for place, quality, _ in derivation.chords] == list(axiom)
    assert derivation.steps == ()


def test_the_plain_blues_has_its_chord_symbols() -> None:
    derivation = derive(np.random.default_rng(0), chances=NEVER)
    assert derivation.symbols(Key.parse("F")) == ("F", "F7", "Bb", "F", "C7", "F")
    assert derivation.numerals(Key.parse("F")) == ("I", "Id7", "IV", "I", "V7", "I")
    bars = [str(chord.duration) for chord in derivation.plan_chords(Key.parse("F"), Metre(0, 4, 4))]
    assert bars == ["8"] * 6


def steps_of(rule: str) -> set[str]:
    found = set()
    for seed in range(400):
        derivation = derive(np.random.default_rng(seed), chances=SOMETIMES)
        found |= {step for step in derivation.steps if step.startswith(f"({rule})")}
    return found


@pytest.mark.parametrize(
    ("rule", "example"),
    [
        ("1", "(1) I7 -> I I7"),
        ("1", "(1) IV -> IV IV"),
        ("2", "(2) I -> I IV"),
        ("3", "(3) I V7 -> II7 V7"),
        ("3", "(3) I V7 -> IIm7 V7"),
        ("3", "(3) I IIm7 -> VI7 IIm7"),
        ("4", "(4) II7 V7 -> bVI7 V7"),
        ("4", "(4) V7 I -> bII I"),
        ("5", "(5) IV IV IV -> IV Vm VIm"),
        ("6", "(6) IV IV Vm -> IV #IV°7 Vm"),
    ],
)
def test_every_rule_is_used_as_it_reads(rule: str, example: str) -> None:
    assert example in steps_of(rule)


def test_rule_3_never_makes_a_minor_dominant_of_a_minor_seventh() -> None:
    for step in steps_of("3"):
        old, _, new = step.removeprefix("(3) ").partition(" -> ")
        goal = old.split()[1]
        if goal.endswith("m7"):
            assert not new.split()[0].endswith("m7")


@given(seed=SEEDS, minor=st.booleans())
def test_every_seventh_can_resolve(seed: int, minor: bool) -> None:
    """The next chord has the note a step below the seventh, or the seventh itself."""
    key = Key.parse("c" if minor else "C")
    derivation = derive(np.random.default_rng(seed), minor=minor, chances=ALWAYS)
    numerals = [RomanNumeral.parse(numeral) for numeral in derivation.numerals(key)]
    for one, two in pairwise(numerals):
        seventh = one.seventh_tone(key)
        if seventh is None:
            continue
        tones = {pitch_class(tone) for tone in two.tones(key)}
        goals = {(pitch_class(seventh) - down) % 12 for down in (0, 1, 2)}
        assert goals & tones, (one.text, two.text)


@given(seed=SEEDS, minor=st.booleans())
def test_a_plain_close_ends_in_an_authentic_cadence(seed: int, minor: bool) -> None:
    derivation = derive(np.random.default_rng(seed), minor=minor, plain_close=True)
    (place, quality, _), (last, end, bars) = derivation.chords[-2:]
    assert (place, quality) == (1, "7")
    assert (last, end, int(bars)) == (0, "m" if minor else "", 2)


@given(seed=SEEDS)
def test_trees_can_be_printed_and_read_again(seed: int) -> None:
    derivation = derive(np.random.default_rng(seed))
    text = format_tree(derivation.tree)
    assert format_tree(read_tree(text)) == text
    lines = format_derivation(derivation).splitlines()
    assert lines[0] == "S [12]"
    assert len(lines) == sum(1 for _ in derivation.tree.preorder())


NAMELESS = {(place, quality) for place in (-2, -4) for quality in ("m", "m7", "°7")}


@given(place=st.integers(-6, 6), quality=st.sampled_from(("", "7", "m", "m7", "°7")))
@pytest.mark.parametrize("name", ["C", "f#", "Eb", "a"])
def test_numerals_name_the_chord_they_stand_for(name: str, place: int, quality: str) -> None:
    key = Key.parse(name)
    if key.is_minor and (place, quality) in NAMELESS:
        with pytest.raises(GrammarError, match="has no numeral"):
            numeral_of(place, quality, key)
        return
    roman = RomanNumeral.parse(numeral_of(place, quality, key))
    assert roman.root(key) == key.tonic + place
    wanted = {
        "": "major",
        "m": "minor",
        "7": "dominant-seventh",
        "m7": "minor-seventh",
        "°7": "diminished-seventh",
    }
    assert roman.quality(key) == wanted[quality]


def test_names_count_accidentals_from_the_major_scale() -> None:
    assert [chord_name(place, "") for place in (-6, -4, -1, 0, 3, 6)] == [
        "bV", "bVI", "IV", "I", "VI", "#IV",
    ]  # fmt: skip


def test_the_same_generator_gives_the_same_derivation() -> None:
    one, two = (derive(np.random.default_rng(9)) for _ in range(2))
    assert one.chords == two.chords
    assert one.steps == two.steps
