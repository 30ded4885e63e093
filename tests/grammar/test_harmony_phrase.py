"""Chords of single phrases: conditions that must hold, and that every case has an answer."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.chords import DIRECT, HARMONIES, chord_table, pivot_weights, sounding
from hybrid.grammar.chords_habits import (
    APPROACH,
    ENDINGS,
    OPENINGS,
    STABLE,
    Before,
    ChordStyle,
    fewest_chords,
    in_mode,
)
from hybrid.grammar.chords_phrase import phrase_chords
from hybrid.grammar.chords_rhythm import Slot, bar_patterns, beats, draw_slots
from hybrid.grammar.chords_walk import PhraseTask, draw_chords
from hybrid.grammar.forms.realise import related_key

METRES = ("2/4", "3/4", "4/4", "6/8", "3/8", "9/8", "12/8", "2/2", "5/4", "7/8", "1/4", "13/8")
CADENCES = ("PAC", "IAC", "HC", "PC", "DC", "none")
TABLES = [(harmony, mode) for harmony in HARMONIES for mode in HARMONIES[harmony]]
DEGREES = ("V/III", "VI/VI", "IV/iv", "i/IM", "II/III", "iii/VII", "V/v", "VI/iv")


def slots(n: int) -> tuple[Slot, ...]:
    """Alternately strong and weak."""
    return tuple(Slot(Fraction(2 * i), Fraction(2), 3 - i % 2) for i in range(n))


@pytest.mark.parametrize(("harmony", "mode"), TABLES)
@pytest.mark.parametrize("cadence", CADENCES)
def test_after_whatever_came_before_the_shortest_phrases_have_an_answer(
    harmony: str, mode: str, cadence: str
) -> None:
    """So that no plan fails for its harmony."""
    key = Key.parse(f"G {mode}")
    table = chord_table(harmony, key)
    style = ChordStyle(harmony=harmony)
    befores = [
        Before(n, key) for n, w in zip(table.numerals, in_mode(table, STABLE), strict=True) if w
    ]
    befores += [
        Before(name, key, ending)
        for ending in ENDINGS
        for name, weight in zip(table.numerals, in_mode(table, ENDINGS[ending][0]), strict=True)
        if weight
    ]
    befores.append(Before("I", Key.parse("Eb major"), "PAC"))
    for before in befores:
        for n in range(fewest_chords(cadence), fewest_chords(cadence) + 3):
            for opening in ("tonic", "free", "dominant"):
                task = PhraseTask(key, slots(n), cadence, None, style, before, opening)
                assert len(draw_chords(task, np.random.default_rng(n))) == n


@pytest.mark.parametrize(("harmony", "mode"), TABLES)
@pytest.mark.parametrize("cadence", CADENCES)
def test_phrases_turn_to_every_related_key(harmony: str, mode: str, cadence: str) -> None:
    key = Key.parse(f"E {mode}")
    style = ChordStyle(harmony=harmony)
    for degree in DEGREES:
        goal = related_key(key, degree)
        for n in (fewest_chords(cadence, True), fewest_chords(cadence, True) + 3):
            rng = np.random.default_rng(n)
            chords = draw_chords(PhraseTask(key, slots(n), cadence, goal, style), rng)
            keys = [chord.key or key for chord in chords]
            assert keys[-1] == goal
            assert sum(one != two for one, two in pairwise(keys)) == 1


def is_final(chords: tuple[PlanChord, ...], cadence: str, key: Key) -> bool:
    """Cadences by their definition, without the tables."""
    last, before = (RomanNumeral.parse(chord.numeral) for chord in (chords[-1], chords[-2]))
    goes_home = (last.degree, last.inversion, last.has_seventh) == (1, 0, False)
    if cadence == "PAC":
        return goes_home and (before.degree, before.inversion, before.triad) == (5, 0, "major")
    if cadence == "IAC":
        return last.degree == 1 and before.function == "dominant"
    if cadence == "HC":
        return last.text == "V"
    if cadence == "PC":
        return goes_home and before.degree == 4
    if cadence == "DC":
        return last.degree == 6 and before.text in ("V", "V7")
    return not last.has_seventh and last.of is None


@given(
    seed=st.integers(0, 2**32),
    metre=st.sampled_from(METRES),
    mode=st.sampled_from(("major", "minor")),
    cadence=st.sampled_from(CADENCES),
    bars=st.integers(1, 9),
    pace=st.sampled_from((1.0, 2.0, 4.0, 8.0)),
)
def test_phrases_fill_their_bars_and_reach_their_cadence(
    seed: int, metre: str, mode: str, cadence: str, bars: int, pace: float
) -> None:
    key, beat = Key.parse(f"D {mode}"), Metre.parse(metre)
    rng = np.random.default_rng(seed)
    chords = phrase_chords(key, beat, bars, rng, cadence=cadence, pace=pace)
    assert chords[0].onset == 0
    assert all(one.end == two.onset for one, two in pairwise(chords))
    assert chords[-1].end == bars * beat.bar_quarters
    table = chord_table("common", key)
    assert all(table.allows(one.numeral, two.numeral) for one, two in pairwise(chords))
    if cadence != "none":
        assert is_final(chords, cadence, key)
    strengths = dict(beats(beat))
    for one, two in pairwise(chords):
        if one.numeral == "Cad64":
            here, there = (strengths.get(c.onset % beat.bar_quarters, 0) for c in (one, two))
            assert here > there


def test_every_chord_of_a_phrase_comes_with_its_probability() -> None:
    """Draws agree with the exact conditional distribution, computed by enumeration."""
    key = Key.parse("C")
    n, style = 4, ChordStyle(inner_cadence=1.0)
    task = PhraseTask(key, slots(n), "PAC", None, style)
    table = chord_table("common", key)
    rng = np.random.default_rng(0)
    drawn: dict[str, int] = {}
    total = 4000
    for _ in range(total):
        name = draw_chords(task, rng)[1].numeral
        drawn[name] = drawn.get(name, 0) + 1
    first = in_mode(table, OPENINGS["tonic"])
    approach = in_mode(table, APPROACH, default=0.5)
    close = in_mode(table, ENDINGS["PAC"][1])
    last = in_mode(table, ENDINGS["PAC"][0])
    approach[table.index["Cad64"]] = 0.0  # its slot is weaker than the next one
    w = table.weights
    exact = (first @ w) * approach * (w @ (close * (w @ last)))
    exact /= exact.sum()
    for place in np.flatnonzero(exact > 0.05):
        share = drawn.get(table.numerals[place], 0) / total
        assert share == pytest.approx(exact[place], abs=0.03)


@pytest.mark.parametrize("metre", METRES)
def test_no_pattern_of_a_bar_is_syncopated(metre: str) -> None:
    strengths = [strength for _, strength in beats(Metre.parse(metre))]
    for pattern in bar_patterns(Metre.parse(metre)):
        for start, end in pairwise((*pattern, len(strengths))):
            assert max(strengths[start:end]) == strengths[start]


@given(
    seed=st.integers(0, 2**32),
    metre=st.sampled_from(METRES),
    bars=st.integers(1, 8),
    minimum=st.integers(1, 12),
)
def test_slots_are_contiguous(seed: int, metre: str, bars: int, minimum: int) -> None:
    beat = Metre.parse(metre)
    rng = np.random.default_rng(seed)
    found = draw_slots(beat, bars, 2.0, rng, cadence="PAC", minimum=minimum)
    assert len(found) >= minimum
    assert found[0].onset == 0
    assert all(one.end == two.onset for one, two in pairwise(found))
    assert found[-1].end == bars * beat.bar_quarters


def test_pivots_sound_the_same_in_both_keys() -> None:
    one, two = Key.parse("C"), Key.parse("G")
    weights = pivot_weights("common", one, two)
    table = chord_table("common", two)
    home = chord_table("common", one)
    for place in np.flatnonzero(weights.max(axis=0) > DIRECT):
        here = sounding(table.numerals[place], two)
        assert any(sounding(numeral, one) == here for numeral in home.numerals)
    assert weights[:, table.index["ii6"]].sum() > 0


def test_keys_without_a_common_chord_join_directly() -> None:
    weights = pivot_weights("pop", Key.parse("C"), Key.parse("F#"))
    assert 0 < weights.max() <= DIRECT


def test_impossible_chords_are_named() -> None:
    task = PhraseTask(Key.parse("C"), slots(3), "PAC", fixed={1: ("V7/ii", Key.parse("C"))})
    with pytest.raises(PlanError, match=r"no progression of 3 chords.*V7/ii"):
        draw_chords(task, np.random.default_rng(0))


def test_a_mode_without_a_table_is_refused() -> None:
    with pytest.raises(PlanError, match="mode that has a chord table"):
        chord_table("common", Key.parse("B locrian"))
