"""What a plan leaves out is filled in; what it says stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import (
    Constraint,
    FormPlan,
    Phrase,
    PlacedPhrase,
    PlanChord,
    Section,
    format_chords,
    parse_chords,
)
from hybrid.core.timeline import Metre
from hybrid.grammar.complete import complete
from hybrid.grammar.forms import FORMS, plan_form
from hybrid.grammar.forms.constrained import infer_cadence
from hybrid.grammar.forms.wishes import minimal_conflict

FOUR = Metre.parse("4/4")


def done(plan: FormPlan, seed: int = 0, **options: float) -> FormPlan:
    return complete(plan, np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def chord_line(placed: PlacedPhrase) -> str:
    return format_chords(placed.phrase.chords, placed.metre)


# -- anything may be left out ------------------------------------------------------------------


def test_nothing_at_all_gives_a_ternary_piece_of_two_minutes() -> None:
    plan = done(FormPlan())
    assert plan.is_ready
    assert plan.form == "ternary"
    assert plan.seconds == pytest.approx(120, abs=0.01)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_name_is_enough(form: str) -> None:
    plan = done(FormPlan(form=form), minutes=2)
    assert plan.is_ready
    assert plan.form == form
    assert plan == plan_form_twin(form)


def plan_form_twin(form: str) -> FormPlan:
    """`plan_form` and `complete` are one thing, up to the generator each starts from."""
    rng = np.random.default_rng(0)
    inner = np.random.Generator(np.random.PCG64(int(rng.integers(0, 2**63, dtype=np.int64))))
    return plan_form(form, inner, minutes=2)


@pytest.mark.parametrize(
    ("role", "cadence"),
    [("", "PAC"), ("introduction", "HC"), ("coda", None), ("chorus", "PAC"), ("bridge", "HC")],
)
def test_sections_without_phrases_get_those_of_their_role(role: str, cadence: str | None) -> None:
    plan = done(FormPlan(sections=(Section(label="A", role=role, bars=8), Section(label="B"))))
    first = [item.phrase for item in plan.phrases() if item.section_index == 0]
    assert sum(phrase.bars or 0 for phrase in first) == 8
    if cadence:
        assert first[-1].cadence == cadence


def test_equal_labels_are_the_same_material() -> None:
    plan = done(FormPlan(sections=(Section(label="A"), Section(label="B"), Section(label="A"))))
    a, _, again = plan.sections
    assert [(p.theme, p.bars, p.cadence) for p in a.phrases] == [
        (p.theme, p.bars, p.cadence) for p in again.phrases
    ]
    assert all(phrase.variation for phrase in again.phrases)
    assert [p.chords for p in a.phrases] == [p.chords for p in again.phrases]


def test_a_repeated_section_of_the_plan_brings_its_phrases_again() -> None:
    phrase = Phrase(bars=4, cadence="HC", theme="x")
    plan = done(FormPlan(sections=(Section(label="A", phrases=(phrase,)), Section(label="A"))))
    assert [p.theme for p in plan.sections[1].phrases] == ["x"]
    assert plan.n_bars == 8


def test_a_theme_that_returns_is_as_long_as_before() -> None:
    phrases = (Phrase(theme="x", bars=5), Phrase(theme="y", bars=4), Phrase(theme="x"))
    plan = done(FormPlan(sections=(Section(phrases=phrases),)))
    assert [item.bars for item in plan.phrases()] == [5, 4, 5]


def test_bars_of_a_section_are_shared_out_among_its_phrases() -> None:
    section = Section(bars=11, phrases=(Phrase(bars=4), Phrase(), Phrase()))
    plan = done(FormPlan(sections=(section,)))
    assert [item.bars for item in plan.phrases()] == [4, 3, 4]


def test_chords_alone_tell_bars_and_cadence() -> None:
    chords = parse_chords("i | iv V | VI", Metre.parse("3/4"))
    section = Section(phrases=(Phrase(chords=chords), Phrase(bars=4)))
    plan = done(FormPlan(key=Key.parse("e"), metre=Metre.parse("3/4"), sections=(section,)))
    first = plan.sections[0].phrases[0]
    assert (first.bars, first.cadence, first.chords) == (3, "DC", chords)


def test_chords_that_end_inside_a_bar_are_refused() -> None:
    section = Section(phrases=(Phrase(chords=(PlanChord(Fraction(0), Fraction(3), "I"),)),))
    with pytest.raises(PlanError, match="chords must fill whole bars of 4/4, got 3"):
        done(FormPlan(metre=FOUR, sections=(section,)))


# -- lengths -----------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0.5, 1, 3.3])
def test_open_lengths_fit_the_minutes(minutes: float) -> None:
    sections = (Section(label="A"), Section(label="B", role="episode", bars=8), Section(label="A"))
    free = done(FormPlan(sections=sections), minutes=minutes)
    assert free.seconds == pytest.approx(60 * minutes, abs=0.05)
    held = done(FormPlan(sections=sections, tempo_qpm=100, metre=FOUR), minutes=minutes)
    # A's bars count twice, so that the total comes within a bar of what is wanted.
    assert held.seconds == pytest.approx(60 * minutes, abs=2 * 2.4)
    assert held.tempo_qpm == 100


@pytest.mark.parametrize("bars", [18, 31, 64])
def test_open_lengths_fit_the_bars(bars: int) -> None:
    sections = (Section(label="A"), Section(label="B"), Section(bars=8, label="C"))
    assert done(FormPlan(sections=sections), bars=bars).n_bars == bars


def test_a_tempo_of_a_section_is_kept_and_reckoned_with() -> None:
    sections = (Section(label="A", bars=16), Section(label="B", bars=8, tempo_qpm=60))
    plan = done(FormPlan(sections=sections, metre=FOUR), minutes=1.5)
    assert plan.sections[1].tempo_qpm == 60
    assert plan.seconds == pytest.approx(90, abs=0.01)


def test_lengths_that_cannot_be_are_refused() -> None:
    fixed = FormPlan(sections=(Section(bars=8),), metre=FOUR, tempo_qpm=120)
    with pytest.raises(PlanError, match=r"minutes must agree with the plan's bars and tempo"):
        done(fixed, minutes=3)
    with pytest.raises(PlanError, match="bars must agree with the plan's 8 bars, got 9"):
        done(fixed, bars=9)
    with pytest.raises(PlanError, match="bars must leave room"):
        done(FormPlan(sections=(Section(bars=8), Section(label="B"))), bars=8)
    with pytest.raises(PlanError, match="minutes must be above 0"):
        done(FormPlan(), minutes=-1)


def test_a_ready_plan_comes_back_as_it_is() -> None:
    plan = plan_form("period", np.random.default_rng(2), bars=16)
    assert done(plan) is plan
    with pytest.raises(PlanError, match="bars must agree with the plan's 16 bars, got 17"):
        done(plan, bars=17)
    with pytest.raises(PlanError, match="minutes must agree with the plan"):
        done(plan, minutes=30)


# -- constraints on harmony --------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bar", [5, 8])
def test_a_cadence_is_where_a_constraint_wants_it(form: str, bar: int) -> None:
    asked = Constraint("cadence", "HC", bars=(bar, bar))
    plan = done(FormPlan(form=form, key=Key.parse("g"), constraints=(asked,)), seed=bar)
    ends = [item for item in plan.phrases() if item.last_bar == bar]
    assert len(ends) == 1
    assert ends[0].phrase.cadence == "HC"
    assert ends[0].phrase.chords[-1].numeral == "V"
    assert plan.is_ready


@pytest.mark.parametrize("form", ["rondo", "chorale", "verse-chorus", "blues"])
def test_chords_stand_where_a_constraint_wants_them(form: str) -> None:
    asked = Constraint("chord", "I | V7:3 I:1 | bVId7", bars=(6, 8))
    plan = done(FormPlan(form=form, metre=FOUR, key=Key.parse("D"), constraints=(asked,)))
    found: dict[int, tuple[str, int]] = {}
    for placed in plan.phrases():
        for chord in placed.phrase.chords:
            found[int(placed.start + chord.onset)] = (chord.numeral, int(chord.duration))
    starts = {20: ("I", 4), 24: ("V7", 3), 27: ("I", 1), 28: ("bVId7", 4)}
    assert {start: found.get(start) for start in starts} == starts


@pytest.mark.parametrize("form", ["ternary", "sonata", "aaba"])
def test_bars_are_in_the_key_a_constraint_wants(form: str) -> None:
    wanted = Key.parse("D minor")
    asked = Constraint("key", "D minor", bars=(3, 6))
    plan = done(FormPlan(form=form, metre=FOUR, key=Key.parse("C"), constraints=(asked,)), 3)
    for placed in plan.phrases():
        for chord in placed.phrase.chords:
            onset, end = placed.start + chord.onset, placed.start + chord.end
            if end > 8 and onset < 24:
                assert placed.key_of(chord) == wanted
    assert plan.key == Key.parse("C")


def test_a_phrase_turns_into_the_key_of_its_last_bars() -> None:
    asked = Constraint("key", "G", bars=(3, 4))
    section = Section(phrases=(Phrase(bars=4, cadence="PAC"),))
    plan = done(FormPlan(key=Key.parse("C"), metre=FOUR, sections=(section,), constraints=(asked,)))
    placed = next(plan.phrases())
    assert placed.key == Key.parse("C")
    last = placed.phrase.chords[-2:]
    assert [placed.key_of(chord).name for chord in last] == ["G major", "G major"]
    assert last[-1].numeral == "I"


def test_all_three_kinds_hold_together() -> None:
    constraints = (
        Constraint("key", "Eb major", bars=(5, 8)),
        Constraint("chord", "ii6 Cad64", bars=(7, 7)),
        Constraint("cadence", "HC", bars=(8, 8)),
        Constraint("range", [60, 72], voices=("soprano",)),
    )
    plan = done(FormPlan(form="ternary", key=Key.parse("c"), metre=FOUR, constraints=constraints))
    last = next(item for item in plan.phrases() if item.last_bar == 8)
    tail = [chord.numeral for chord in last.phrase.chords if last.start + chord.onset >= 24]
    assert tail == ["ii6", "Cad64", "V"]
    assert {last.key_of(c).name for c in last.phrase.chords[-3:]} == {"Eb major"}
    assert plan.constraints == constraints


def test_a_soft_constraint_is_kept_where_it_can_be() -> None:
    soft = Constraint("cadence", "DC", bars=(8, 8), hard=False)
    against = Constraint("cadence", "HC", bars=(8, 8))
    plan = done(FormPlan(form="period", constraints=(soft,)))
    assert [p.phrase.cadence for p in plan.phrases() if p.last_bar == 8] == ["DC"]
    plan = done(FormPlan(form="period", constraints=(soft, against)))
    assert [p.phrase.cadence for p in plan.phrases() if p.last_bar == 8] == ["HC"]


def conflict_of(plan: FormPlan) -> tuple[str, ...]:
    with pytest.raises(ConflictError) as caught:
        done(plan)
    assert "\n" not in str(caught.value)
    return caught.value.conflict


@pytest.mark.parametrize(
    "pair",
    [
        (Constraint("cadence", "HC", bars=(1, 8)), Constraint("cadence", "PAC", bars=(8, 8))),
        (Constraint("key", "D", bars=(1, 4)), Constraint("key", "d", bars=(4, 6))),
        (Constraint("chord", "I | V", bars=(3, 4)), Constraint("chord", "IV", bars=(4, 4))),
        (Constraint("chord", "IV", bars=(8, 8)), Constraint("cadence", "HC", bars=(8, 8))),
        (Constraint("chord", "V@G", bars=(3, 3)), Constraint("key", "d", bars=(2, 4))),
    ],
)
def test_two_constraints_that_contradict_each_other_are_named(
    pair: tuple[Constraint, Constraint],
) -> None:
    innocent = Constraint("chord", "I", bars=(1, 1))
    plan = FormPlan(form="ternary", key=Key.parse("C"), constraints=(innocent, *pair))
    assert set(conflict_of(plan)) == {item.name for item in pair}


@pytest.mark.parametrize(
    ("phrase", "asked", "place"),
    [
        (Phrase(bars=8), Constraint("cadence", "HC", bars=(4, 4)), "phrase in bars 1-8"),
        (Phrase(bars=8, cadence="PAC"), Constraint("cadence", "HC", bars=(8, 8)), "bars 1-8"),
        (
            Phrase(chords=parse_chords("I | V | V7 | I", FOUR)),
            Constraint("chord", "IV", bars=(2, 2)),
            "bars 1-4",
        ),
        (
            Phrase(chords=parse_chords("I | V | V7 | I", FOUR)),
            Constraint("key", "e", bars=(2, 2)),
            "bars 1-4",
        ),
        (
            Phrase(chords=parse_chords("I | V | V7 | I", FOUR)),
            Constraint("cadence", "HC", bars=(4, 4)),
            "bars 1-4",
        ),
        (Phrase(bars=4, cadence="PAC"), Constraint("chord", "V", bars=(4, 4)), "cadence PAC"),
    ],
)
def test_a_constraint_against_the_plan_itself_is_named(
    phrase: Phrase, asked: Constraint, place: str
) -> None:
    plan = FormPlan(
        key=Key.parse("C"), metre=FOUR, sections=(Section(phrases=(phrase,)),), constraints=(asked,)
    )
    names = conflict_of(plan)
    assert asked.name in names
    assert any(place in name for name in names)


def test_a_ready_plan_is_held_to_its_constraints() -> None:
    plan = plan_form("period", np.random.default_rng(2), bars=16, key="C", metre="4/4")
    first = next(plan.phrases())
    wrong = Constraint("chord", "bII", bars=(1, 1))
    assert first.phrase.chords[0].numeral == "I"
    names = conflict_of(replace(plan, constraints=(wrong,)))
    assert names[0] == wrong.name


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (Constraint("cadence", "XAC", bars=(4, 4)), "value must be one of PAC"),
        (Constraint("key", "H minor"), "a pitch name must be"),
        (Constraint("chord", "I"), "needs bars and a value"),
        (Constraint("chord", "I | V", bars=(1, 3)), "value must have 3 bars, got 2"),
        (Constraint("chord", "I:3", bars=(1, 1)), "must fill bar 1"),
    ],
)
def test_values_that_cannot_be_read_are_named(constraint: Constraint, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        done(FormPlan(form="ternary", metre=FOUR, constraints=(constraint,)))


def test_bars_beyond_the_plan_are_refused() -> None:
    asked = Constraint("cadence", "HC", bars=(40, 40))
    with pytest.raises(PlanError, match="within the plan's 8 bars"):
        done(FormPlan(sections=(Section(bars=8),), constraints=(asked,)))


def test_open_lengths_reach_as_far_as_the_constraints() -> None:
    asked = Constraint("cadence", "HC", bars=(40, 40))
    plan = done(FormPlan(sections=(Section(label="A"), Section(label="B")), constraints=(asked,)))
    assert plan.n_bars >= 40
    assert [p.phrase.cadence for p in plan.phrases() if p.last_bar == 40] == ["HC"]


def test_minimal_conflicts_hold_nothing_that_could_be_left_out() -> None:
    def is_possible(names: Sequence[str]) -> bool:
        return not {"b", "d"} <= set(names) and not {"a", "c", "e"} <= set(names)

    found = minimal_conflict("abcde", is_possible)
    assert not is_possible(found)
    assert all(is_possible([n for n in found if n != name]) for name in found)


@pytest.mark.parametrize(
    ("line", "cadence"),
    [
        ("I | V7 | I", "PAC"),
        ("I | V65 | I", "IAC"),
        ("I | IV | I", "PC"),
        ("I | ii6 | V", "HC"),
        ("I | V | vi", "DC"),
        ("I | V7", "none"),
        ("I | V/V V7/V", "none"),
        ("I | viio6 | I6", "IAC"),
    ],
)
def test_cadences_are_read_off_chords(line: str, cadence: str) -> None:
    assert infer_cadence(parse_chords(line, FOUR), Key.parse("C")) == cadence


# -- laws --------------------------------------------------------------------------------------

KEYS = st.sampled_from([Key.parse(name) for name in ("C", "g", "Eb", "f#", "D dorian")])
METRES = st.sampled_from([Metre.parse(name) for name in ("4/4", "3/4", "6/8", "5/4")])


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


SHARED = {
    "key": maybe(KEYS),
    "texture": maybe(st.sampled_from(("chorale", "alberti"))),
    "dynamics": maybe(st.sampled_from(("p", "f"))),
    "register": maybe(st.sampled_from(("low", "high"))),
}
PHRASES = st.builds(
    Phrase,
    bars=maybe(st.integers(1, 9)),
    cadence=maybe(st.sampled_from(("PAC", "IAC", "HC", "PC", "DC", "none"))),
    theme=maybe(st.sampled_from(("x", "y"))),
    variation=maybe(st.sampled_from(("varied", "ornament"))),
    tempo_qpm=maybe(st.sampled_from((60.0, 90.0))),
    **SHARED,
)
SECTIONS = st.builds(
    Section,
    label=st.sampled_from(("A", "B")),
    role=st.sampled_from(("", "coda", "bridge", "chorus")),
    phrases=st.lists(PHRASES, max_size=3).map(tuple),
    metre=maybe(METRES),
    **SHARED,
) | st.builds(Section, label=st.sampled_from(("A", "B")), bars=st.integers(1, 20))
CONSTRAINTS = st.lists(
    st.builds(
        Constraint,
        kind=st.just("cadence"),
        value=st.sampled_from(("HC", "PAC")),
        bars=st.integers(1, 4).map(lambda bar: (bar, bar)),
        hard=st.booleans(),
    ),
    max_size=1,
).map(tuple)
PLANS = st.builds(
    FormPlan,
    sections=st.lists(SECTIONS, max_size=4).map(tuple),
    form=st.sampled_from(("", "rondo", "blues", "chorale")),
    metre=maybe(METRES),
    tempo_qpm=maybe(st.just(100.0)),
    constraints=CONSTRAINTS,
    **SHARED,
)


def kept(given: object, result: object, names: Sequence[str]) -> bool:
    """Whether everything that was said stands unchanged."""
    return all(
        getattr(given, name) in (None, "", (), Fraction(0))
        or getattr(given, name) == getattr(result, name)
        for name in names
    )


def try_to_complete(gaps: FormPlan, seed: int) -> tuple[FormPlan | None, Exception | None]:
    try:
        return done(gaps, seed), None
    except (ConflictError, PlanError) as error:
        return None, error


@settings(max_examples=120)
@given(gaps=PLANS, seed=st.integers(0, 2**32))
def test_completion_keeps_what_is_given_and_is_repeatable(gaps: FormPlan, seed: int) -> None:
    plan, failure = try_to_complete(gaps, seed)
    if plan is None:
        # Only a constraint can fail: against the plan, or behind its last bar.
        assert gaps.constraints
        assert isinstance(failure, ConflictError) or "within the plan's" in str(failure)
        return
    assert plan.is_ready
    assert plan == done(gaps, seed)
    assert done(plan, seed + 1) == plan
    shared = ("key", "metre", "tempo_qpm", "texture", "dynamics", "register", "instruments")
    assert kept(gaps, plan, (*shared, "form", "title", "constraints"))
    if gaps.sections:
        assert len(plan.sections) == len(gaps.sections)
    for given_section, section in zip(gaps.sections, plan.sections, strict=False):
        assert kept(given_section, section, (*shared, "label", "role", "bars"))
        if given_section.phrases:
            assert len(section.phrases) == len(given_section.phrases)
        for phrase, result in zip(given_section.phrases, section.phrases, strict=False):
            names = ("bars", "chords", "cadence", "theme", "variation", "variation_steps")
            assert kept(phrase, result, (*shared, *names))
