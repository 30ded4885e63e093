from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.analysis import Cadence
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.theory.agreement import RESHAPED, measure_agreement, planned_chords, planned_keys

FOUR = Metre.parse("4/4")
C = Key.parse("C")
TRIADS = {"I": (48, 64, 67), "IV": (53, 65, 69), "V": (43, 62, 67, 71)}


def plan(*themes: str, chords: str = "I | IV | V | I") -> FormPlan:
    phrases = tuple(
        Phrase(bars=4, chords=parse_chords(chords, FOUR), cadence="PAC", theme=theme)
        for theme in themes or ("a",)
    )
    return FormPlan(
        sections=(Section(label="A", phrases=phrases),), key=C, metre=FOUR, tempo_qpm=120.0
    )


def score(*numerals: str, melody: tuple[int, ...] = ()) -> Score:
    rows = [
        (1920 * bar, 1920, pitch)
        for bar, numeral in enumerate(numerals)
        for pitch in TRIADS[numeral]
    ]
    lead = [(1920 * bar, 1920, pitch) for bar, pitch in enumerate(melody)]
    chords = Track("chords", make_notes(rows))
    tracks = (Track("melody", make_notes(lead)), chords) if melody else (chords,)
    return Score(tracks, tempos=(Tempo(0, 120.0),), metres=(FOUR,))


CLOSE = (Cadence(3 * 1920, 4, "PAC", C),)


def test_a_score_that_keeps_its_plan() -> None:
    agreement, deviations = measure_agreement(plan(), score("I", "IV", "V", "I"), CLOSE)
    assert deviations == ()
    assert (agreement.chords, agreement.bass, agreement.cadences) == (1.0, 1.0, 1.0)
    assert (agreement.bars_planned, agreement.bars_found) == (4, 4)


def test_a_wrong_chord_is_named_with_its_bar() -> None:
    agreement, deviations = measure_agreement(plan(), score("I", "V", "V", "I"), CLOSE)
    assert agreement.chords == 0.75
    (deviation,) = deviations
    assert (deviation.kind, deviation.bar) == ("chord", 2)
    assert deviation.expected == "IV in C major"


def test_a_wrong_bass_counts_apart() -> None:
    inverted = plan(chords="I6 | IV | V | I")
    agreement, _ = measure_agreement(inverted, score("I", "IV", "V", "I"), CLOSE)
    assert (agreement.chords, agreement.bass) == (1.0, 0.75)


def test_missing_music_is_named() -> None:
    kinds = {deviation.kind for deviation in measure_agreement(plan(), score("I", "IV"), ())[1]}
    assert kinds == {"bars", "length", "chord", "cadence"}


def test_another_cadence_is_no_cadence() -> None:
    half = (Cadence(3 * 1920, 4, "HC", C),)
    agreement, deviations = measure_agreement(plan(), score("I", "IV", "V", "I"), half)
    assert agreement.cadences == 0.0
    assert [(d.kind, d.expected, d.found) for d in deviations] == [("cadence", "PAC", "HC")]


def test_a_cadence_in_mid_phrase_does_not_count() -> None:
    early = (Cadence(0, 1, "PAC", C),)
    agreement, _ = measure_agreement(plan(), score("I", "IV", "V", "I"), early)
    assert agreement.cadences == 0.0


def test_tempo_and_metre_are_compared() -> None:
    made = score("I", "IV", "V", "I")
    slow = Score(made.tracks, tempos=(Tempo(0, 60.0),), metres=(Metre.parse("2/4"),))
    kinds = [deviation.kind for deviation in measure_agreement(plan(), slow, CLOSE)[1]]
    assert kinds == ["bars", "metre", "tempo"]


def test_themes_that_return_are_alike() -> None:
    bars = ("I", "IV", "V", "I") * 2
    closes = (*CLOSE, Cadence(7 * 1920, 8, "PAC", C))
    tune = (72, 77, 79, 72)
    again, _ = measure_agreement(plan("a", "a"), score(*bars, melody=tune * 2), closes)
    assert again.themes_same == 1.0
    assert np.isnan(again.themes_other)
    other, _ = measure_agreement(
        plan("a", "b"), score(*bars, melody=(*tune, 76, 74, 74, 76)), closes
    )
    assert other.themes_other == 0.0


def test_a_theme_in_the_other_mode_is_alike() -> None:
    made = plan("a", "a")
    first, again = made.sections[0].phrases
    minor = replace(again, key=Key.parse("c"), chords=parse_chords("i | iv | V | i", FOUR))
    turned = replace(made, sections=(Section(label="A", phrases=(first, minor)),))
    tune, in_minor = (72, 76, 71, 72), (72, 75, 70, 72)
    found, _ = measure_agreement(
        turned, score(*("I", "IV", "V", "I") * 2, melody=tune + in_minor), ()
    )
    assert found.themes_same == 1.0


@pytest.mark.parametrize("variation", RESHAPED)
def test_a_theme_turned_round_is_not_measured(variation: str) -> None:
    made = plan("a", "a")
    first, again = made.sections[0].phrases
    section = Section(label="A", phrases=(first, replace(again, variation=variation)))
    bars = ("I", "IV", "V", "I") * 2
    found, _ = measure_agreement(
        replace(made, sections=(section,)), score(*bars, melody=(72, 77, 79, 72) * 2), ()
    )
    assert np.isnan(found.themes_same)


def test_spans_follow_keys_and_pickup() -> None:
    made = FormPlan(
        sections=plan(chords="I V@G | I@G | V | I").sections,
        key=C,
        metre=FOUR,
        pickup_quarters=Fraction(1),
    )
    piece = score("I", "IV", "V", "I")
    spans = planned_chords(made, piece)
    assert [(span.onset, span.root) for span in spans[:3]] == [(480, 0), (1440, 2), (2400, 1)]
    assert [span.key.name for span in planned_keys(made, piece)] == [
        "C major",
        "G major",
        "C major",
    ]
    assert planned_keys(made, piece)[0].end == 1440
    assert spans[-1].end == pytest.approx(480 + 4 * 1920)
