from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import PlanError
from hybrid.core.instruments import ENSEMBLES, INSTRUMENTS, expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import (
    Constraint,
    FormPlan,
    Phrase,
    PlanChord,
    Section,
    format_chords,
    parse_chords,
)
from hybrid.core.timeline import Metre

FOUR = Metre.parse("4/4")


def phrase(bars: int = 2, **values: object) -> Phrase:
    chords = parse_chords(" | ".join(["I"] * (bars - 1) + ["V7 I"]), FOUR)
    fields = {"bars": bars, "chords": chords, "cadence": "PAC", "theme": "a", **values}
    return Phrase(**fields)  # type: ignore[arg-type]


def plan(*phrases: Phrase, **values: object) -> FormPlan:
    fields = {
        "sections": (Section(label="A", phrases=phrases or (phrase(),)),),
        "key": Key.parse("C"),
        "metre": FOUR,
        "tempo_qpm": 120.0,
        "texture": "chorale",
        "dynamics": "mf",
        "instruments": ("soprano", "alto", "tenor", "bass"),
        **values,
    }
    return FormPlan(**fields)  # type: ignore[arg-type]


def test_values_are_inherited_unless_set_below() -> None:
    inner = phrase(key=Key.parse("g"), dynamics="p")
    first, second = plan(phrase(), inner).phrases()
    assert (first.key.name, first.shared.dynamics) == ("C major", "mf")
    assert (second.key.name, second.shared.dynamics) == ("G minor", "p")
    assert (second.first_bar, second.last_bar, second.start) == (3, 4, Fraction(8))


def test_lengths_add_up() -> None:
    made = plan(phrase(4), phrase(6), pickup_quarters=Fraction(1))
    assert made.n_bars == 10
    assert made.quarters == 41
    assert made.seconds == 20.5
    assert made.is_ready


@pytest.mark.parametrize("missing", ["chords", "cadence", "theme"])
def test_a_plan_without_a_part_is_not_ready(missing: str) -> None:
    hollow: dict[str, Any] = {missing: () if missing == "chords" else None}
    made = plan(replace(phrase(), **hollow))
    assert made.is_complete
    assert not made.is_ready


def test_an_incomplete_plan_has_no_places() -> None:
    with pytest.raises(PlanError, match="complete it"):
        list(plan(replace(phrase(), bars=None)).phrases())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plan(phrase(3, chords=parse_chords("I | V", FOUR))), "chords must fill 3 bars"),
        (lambda: phrase(cadence="half"), "cadence must be one of PAC"),
        (lambda: phrase(variation="inverted"), "variation must be one of"),
        (lambda: phrase(texture="disco"), "texture must be one of"),
        (lambda: plan(dynamics="loud"), "dynamics must be one of"),
        (lambda: plan(tempo_qpm=5.0), "tempo_qpm must be in 10..400, got 5.0"),
        (lambda: Phrase(bars=0), "bars must be in 1..1024, got 0"),
        (lambda: Section(label=""), "label must not be empty"),
        (lambda: Section(label="A", bars=9, phrases=(phrase(4),)), "sum of its phrases' bars 4"),
        (lambda: Constraint("loudness"), "kind must be one of range"),
        (lambda: Constraint("range", bars=(4, 2)), "first and last bar"),
        (lambda: plan(constraints=(Constraint("key", "C", bars=(1, 99)),)), "within the plan's 2"),
        (lambda: PlanChord(Fraction(0), Fraction(0), "I"), "last longer than 0"),
        (
            lambda: Phrase(chords=(PlanChord(Fraction(1), Fraction(1), "I"),)),
            "without a gap, expected onset 0",
        ),
    ],
)
def test_contradictions_are_named(make: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I | V:3", "must fill bar 2"),
        ("I |  | V", "none in bar 2"),
        (". | I", "must not start with"),
        ("I:2 V", "all have lengths or none"),
        ("I:x V:1", "must be quarters"),
        ("I | X", "Roman numeral"),
    ],
)
def test_malformed_chord_lines_are_refused(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_chords(text, FOUR)


def test_chord_lines_hold_and_change_key() -> None:
    chords = parse_chords("I IV | . V7@G | I@e:3 V:1", FOUR)
    assert [(c.numeral, str(c.onset), str(c.duration)) for c in chords] == [
        ("I", "0", "2"),
        ("IV", "2", "4"),
        ("V7", "6", "2"),
        ("I", "8", "3"),
        ("V", "11", "1"),
    ]
    assert [c.key.name if c.key else None for c in chords][2:4] == ["G major", "E minor"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["I", "V7", "ii65", "viio7/V"]),
            st.integers(1, 12),
            st.sampled_from([None, "G", "f#", "D dorian"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_chord_lines_round_trip(rows: list[tuple[str, int, str | None]]) -> None:
    position = Fraction(0)
    chords = []
    for index, (numeral, eighths, key) in enumerate(rows):
        length = Fraction(eighths, 2)
        if index == len(rows) - 1:
            length += -(position + length) % 4  # fill the last bar
        chords.append(PlanChord(position, length, numeral, Key.parse(key) if key else None))
        position += length
    assert parse_chords(format_chords(tuple(chords), FOUR), FOUR) == tuple(chords)


def test_constraints_describe_themselves() -> None:
    made = Constraint("pitch", "A5", bars=(3, 3), voices=("soprano",), beat=Fraction(2))
    assert made.name == "pitch soprano bar 3 beat 2 = A5"
    assert made.covers(3)
    assert not made.covers(4)


def test_ensembles_name_known_instruments() -> None:
    for members in ENSEMBLES.values():
        assert set(members) <= set(INSTRUMENTS)
    assert expand_ensemble(("quartet", "flute")) == ("violin", "violin", "viola", "cello", "flute")
    with pytest.raises(PlanError, match="instrument must be one of"):
        expand_ensemble(("kazoo",))
