"""The temporal graph grammar of harmony."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_functions import FORMS_OF
from hybrid.grammar.harmony_tgg import derive, progression, temporal_grammar
from hybrid.grammar.trees import to_graph

KEYS = st.sampled_from([Key.parse(name) for name in ("C", "g", "B", "eb")])
METRES = st.sampled_from([Metre.parse(name) for name in ("4/4", "3/4", "2/4", "6/8", "5/4")])
CADENCES = st.sampled_from(("PAC", "IAC", "HC", "none"))


@settings(max_examples=60)
@given(key=KEYS, metre=METRES, bars=st.integers(1, 8), cadence=CADENCES, seed=st.integers(0, 2**32))
def test_durations_add_up_exactly(
    key: Key, metre: Metre, bars: int, cadence: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    chords, derivation = progression(key, metre, bars, rng, cadence=cadence)
    assert sum(degree.duration for degree in derivation.degrees) == bars * metre.bar_quarters
    assert chords[-1].end == bars * metre.bar_quarters
    assert all(one.end == two.onset for one, two in pairwise(chords))
    for chord, degree in zip(chords, derivation.degrees, strict=True):
        assert chord.numeral in FORMS_OF[degree.name]
        assert chord.duration == degree.duration


@given(seed=st.integers(0, 2**32), key=KEYS)
def test_phrases_close_or_stay_open(seed: int, key: Key) -> None:
    tonic = "i" if key.is_minor else "I"
    closed = derive(key, 16, np.random.default_rng(seed), cadence="PAC").degrees
    assert (closed[-2].name, closed[-1].name) == ("V", tonic)
    still = derive(key, 16, np.random.default_rng(seed), cadence="HC").degrees
    assert still[-1].name == "V"


def test_a_let_makes_the_derivation_a_graph() -> None:
    """Some derivations use a part twice; its node then has two places among its parents'."""
    shared = 0
    for seed in range(40):
        tree = derive(Key.parse("C"), 16, np.random.default_rng(seed)).tree
        graph = to_graph(tree, shared=True)
        shared += any(len(data["order"]) > 1 for _, _, data in graph.edges(data=True))
    assert shared > 5


def test_the_key_changes_below_vi() -> None:
    found = set()
    for seed in range(300):
        for degree in derive(Key.parse("C"), 32, np.random.default_rng(seed)).degrees:
            found.add(degree.key.name)
    assert {"C major", "A minor"} <= found


def test_nothing_is_shorter_than_the_shortest() -> None:
    for seed in range(20):
        degrees = derive(Key.parse("C"), 32, np.random.default_rng(seed), shortest=2).degrees
        assert min(degree.duration for degree in degrees) >= 2


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_the_regions_of_the_paper_are_there(mode: str) -> None:
    grammar = temporal_grammar(mode)
    bodies = {name: [r.body() for r in grammar.alternatives(name)] for name in grammar.nonterminals}
    assert {"T/2 T/2", "T/2 D/2", "D/2 T/2"} <= set(bodies["T"])
    assert {"D/2 D/2", "S/2 D/2"} <= set(bodies["D"])
    assert "II/4 V/4 I/2" in bodies["I"]
    assert "IV/2 V/2" in bodies["V"]
    assert any("let x" in body for body in bodies["T"])
    assert grammar.kind == "temporal"


def test_cadences_it_does_not_know_are_refused() -> None:
    with pytest.raises(GrammarError, match="cadence must be one of PAC, IAC, HC, none"):
        derive(Key.parse("C"), Fraction(16), np.random.default_rng(0), cadence="DC")
