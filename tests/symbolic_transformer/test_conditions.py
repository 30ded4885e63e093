"""Plans and scores as arrays: what each column holds, and the same thing at single moments."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.errors import PlanError, ScoreError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.grammar.complete import complete
from hybrid.symbolic_transformer.conditions import chord_row, plan_arrays, score_arrays
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import (
    CADENCE_KINDS,
    QUALITIES,
    ROLES,
    TICKS,
    VARIATION_KINDS,
    PhraseMark,
    to_grid,
)

FOUR = Metre.parse("4/4")


def phrase(chords: str, cadence: str, theme: str, variation: str | None = None) -> Phrase:
    found = parse_chords(chords, FOUR)
    return Phrase(
        bars=int(found[-1].end / 4),
        chords=found,
        cadence=cadence,
        theme=theme,
        variation=variation,
        dynamics="f",
        texture="chorale",
        register="high",
        tempo_qpm=72.0,
    )


@pytest.fixture
def plan() -> FormPlan:
    """Three sections, the third the first one's return, in D major and B minor."""
    first = phrase("I V | I", "PAC", "a")
    middle = phrase("i@b V7@b | i@b", "HC", "b")
    return FormPlan(
        key=Key.parse("D"),
        metre=FOUR,
        sections=(
            Section(label="A", role="verse", phrases=(first,)),
            Section(label="B", role="something else", phrases=(middle,)),
            Section(label="A", phrases=(phrase("I V | I", "none", "a", "varied"),)),
        ),
    )


def test_bars_keys_and_chords_stand_on_ticks(plan: FormPlan) -> None:
    arrays = plan_arrays(plan)
    assert arrays.length == 6 * 4 * TICKS
    assert arrays.bars["start"].tolist() == [96 * bar for bar in range(6)]
    assert arrays.bars[0].tolist() == (0, 96, 4, 4, 0)
    assert arrays.keys.tolist() == [(0, 192, 2, 0), (192, 384, 11, 1), (384, 576, 2, 0)]
    assert arrays.chords["start"].tolist() == [0, 48, 96, 192, 240, 288, 384, 432, 480]
    assert arrays.chords["root"].tolist() == [2, 9, 2, 11, 6, 11, 2, 9, 2]
    names = [QUALITIES[quality] for quality in arrays.chords["quality"]]
    assert names[3:5] == ["minor", "dominant-seventh"]


def test_cadences_and_phrases(plan: FormPlan) -> None:
    arrays = plan_arrays(plan)
    kinds = [(int(tick), CADENCE_KINDS[kind]) for tick, kind in arrays.cadences]
    assert kinds == [(96, "PAC"), (288, "HC")]
    assert arrays.phrases["end"].tolist() == [192, 384, 576]
    assert arrays.phrases[0].tolist() == (0, 192, 1, 90, 1, 12, 72.0)


def test_labels_count_occurrences_and_name_their_first(plan: FormPlan) -> None:
    arrays = plan_arrays(plan)
    assert arrays.sections["label"].tolist() == [0, 1, 0]
    assert arrays.sections["occurrence"].tolist() == [0, 0, 1]
    assert arrays.sections["reference"].tolist() == [-1, -1, 0]
    assert [ROLES[role] for role in arrays.sections["role"]] == ["verse", "other", "none"]
    assert [VARIATION_KINDS[kind] for kind in arrays.themes["variation"]] == [
        "none",
        "none",
        "varied",
    ]


@pytest.mark.parametrize(
    ("numeral", "key", "root", "bass", "tones"),
    [
        ("I", "C", 0, 0, {0, 4, 7}),
        ("V65", "g", 2, 6, {2, 6, 9, 0}),
        ("Cad64", "a", 9, 4, {9, 0, 4}),
        ("Ger65", "C", 6, 8, {8, 0, 3, 6}),
        ("viio7/V", "C", 6, 6, {6, 9, 0, 3}),
        ("Vsus4", "F", 0, 0, {0, 5, 7}),
    ],
)
def test_chord_rows(numeral: str, key: str, root: int, bass: int, tones: set[int]) -> None:
    found = chord_row(numeral, Key.parse(key))
    assert found[:2] == (root, bass)
    assert {pc for pc in range(12) if found[2] >> pc & 1} == tones
    assert QUALITIES[found[3]] == RomanNumeral.parse(numeral).quality(Key.parse(key))


def test_a_chord_as_long_as_the_pickup_is_the_next_phrases_upbeat() -> None:
    sections = (
        Section(
            phrases=(
                phrase("I V | I:3 V:1", "PAC", "a"),
                phrase("I V | I", "PAC", "b"),
                phrase("I V | I:3 V:1", "HC", "c"),
            )
        ),
    )
    plan = FormPlan(key=Key.parse("C"), metre=FOUR, sections=sections, pickup_quarters=Fraction(1))
    arrays = plan_arrays(plan)
    assert arrays.bars[0].tolist() == (0, 24, 4, 4, 1)
    # The first phrase ends before its last chord, the second with its bar.
    assert arrays.phrases["start"].tolist() == [0, 24 + 192 - 24, 24 + 2 * 192]
    assert arrays.cadences["tick"].tolist() == [24 + 96, 24 + 288, 24 + 2 * 192 + 96 + 72]
    assert arrays.keys["start"][0] == 0
    assert arrays.chords["start"][0] == 24


def test_marks_stand_in_place_of_the_plans_phrase_ends(plan: FormPlan) -> None:
    marks = (
        PhraseMark(Fraction(7), "PAC", Fraction(6)),
        PhraseMark(Fraction(15), "none"),
        PhraseMark(Fraction(23), "HC", Fraction(22)),
    )
    arrays = plan_arrays(plan, marks)
    assert arrays.phrases["end"].tolist() == [168, 360, 576]
    assert arrays.phrases["cadence"].tolist() == [1, 0, 3]
    assert arrays.cadences.tolist() == [(144, 1), (528, 3)]
    assert arrays.themes["start"].tolist() == [0, 168, 360]


def test_an_incomplete_plan_is_refused() -> None:
    with pytest.raises(PlanError, match="complete"):
        plan_arrays(FormPlan())


def test_moments_agree_with_the_tables(plan: FormPlan) -> None:
    arrays = plan_arrays(plan)
    ticks = np.arange(arrays.length)
    found = conditions_at(arrays, ticks)
    for tick in range(0, arrays.length, 7):
        [chord] = [c for c in arrays.chords if c["start"] <= tick < c["end"]]
        [key] = [k for k in arrays.keys if k["start"] <= tick < k["end"]]
        later = [c for c in arrays.chords if c["start"] > tick]
        ahead = [c for c in arrays.cadences if c["tick"] >= tick]
        assert found.root[tick] == chord["root"]
        assert found.mask[tick] == chord["mask"]
        assert found.tonic[tick] == key["tonic"]
        assert found.to_next_chord[tick] == (later[0]["start"] - tick if later else -1)
        assert found.to_cadence[tick] == (ahead[0]["tick"] - tick if ahead else -1)
        assert found.in_bar[tick] == tick % 96
        returns = tick >= 384
        assert found.theme_reference[tick] == (tick - 384 if returns else -1)
        assert found.section_occurrence[tick] == int(returns)
    assert found.to_phrase_end[0] == 192


def test_moments_of_a_plan_with_a_pickup_and_without_chords() -> None:
    sections = (Section(phrases=(Phrase(bars=2, theme="a"),)),)
    plan = FormPlan(key=Key.parse("C"), metre=FOUR, sections=sections, pickup_quarters=Fraction(1))
    found = conditions_at(plan_arrays(plan), np.array([0, 23, 24, 500]))
    assert found.in_bar.tolist() == [72, 95, 0, 500 - 120]
    assert found.root.tolist() == [-1] * 4
    assert found.cadence.tolist() == [0] * 4
    assert found.phrase.tolist() == [0, 0, 0, -1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["rondo", "ternary", "sonata"])
def test_plans_of_the_grammars_are_covered_without_gaps(form: str, seed: int) -> None:
    plan = complete(FormPlan(form=form, key=Key.parse("g")), np.random.default_rng(seed))
    arrays = plan_arrays(plan)
    for name in ("bars", "keys", "phrases", "sections", "themes"):
        rows = getattr(arrays, name)
        assert rows["start"][0] == 0
        assert rows["end"][-1] == arrays.length
        assert (rows["start"][1:] == rows["end"][:-1]).all()
    assert len(arrays.cadences) == sum(p.phrase.cadence != "none" for p in plan.phrases())
    roots = [
        pitch_class(chord.roman.root(placed.key_of(chord)))
        for placed in plan.phrases()
        for chord in placed.phrase.chords
    ]
    assert arrays.chords["root"].tolist() == roots
    assert not arrays.chords.flags.writeable


def test_score_arrays_round_merge_and_count() -> None:
    upper = Track("a", make_notes([(0, 480, 60), (3, 240, 60), (160, 5, 64), (487, 473, 67)]))
    lower = Track("b", make_notes([(0, 960, 48)]))
    left_out = Track("c", make_notes([(0, 100, 50)]))
    arrays = score_arrays(Score((upper, lower, left_out)), tracks=(0, 1, -1))
    rows = arrays.notes[["onset", "duration", "pitch", "track"]].tolist()
    assert rows == [(0, 24, 60, 0), (0, 48, 48, 1), (8, 1, 64, 0), (24, 24, 67, 0)]
    assert arrays.n_moved == 3
    assert arrays.n_merged == 1
    assert arrays.length == 48
    with pytest.raises(ScoreError, match="3 numbers"):
        score_arrays(Score((upper, lower, left_out)), tracks=(0, 1))


def test_timing_goes_with_its_notes() -> None:
    track = Track("a", make_notes([(480, 240, 60), (0, 240, 62)]))
    arrays = score_arrays(Score((track,)), timing=[np.array([-20, 15])])
    assert arrays.notes["timing"].tolist() == [-20, 15]


@pytest.mark.parametrize("grid", [6, 4, 8, 3])
def test_thirty_seconds_and_triplets_lie_on_the_grid(grid: int) -> None:
    ticks = np.arange(0, 480 * 4, 480 * grid // TICKS)
    assert (to_grid(ticks, 480) * 480 == ticks * TICKS).all()
