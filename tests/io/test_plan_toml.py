"""Plans as TOML: any part may be left out, mistakes are named with their place."""

from __future__ import annotations

import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import PlanError
from hybrid.core.instruments import ENSEMBLES, INSTRUMENTS
from hybrid.core.pitch import MODE_SCALES, Key
from hybrid.core.plan import (
    CONSTRAINT_KINDS,
    DYNAMICS,
    REGISTERS,
    TEXTURES,
    VARIATIONS,
    Constraint,
    FormPlan,
    Phrase,
    PlanChord,
    Section,
)
from hybrid.core.timeline import Metre
from hybrid.io.plan_loader import (
    CHORD_KEYS,
    CONSTRAINT_KEYS,
    PHRASE_KEYS,
    PLAN_KEYS,
    SECTION_KEYS,
)
from hybrid.io.plan_toml import (
    format_plan,
    parse_plan,
    plan_from_dict,
    plan_to_dict,
    read_plan,
    write_plan,
)

# Reading ----------------------------------------------------------------------------------


def test_an_empty_file_is_a_plan() -> None:
    assert parse_plan("") == FormPlan()


def test_what_is_left_out_stays_left_out() -> None:
    plan = parse_plan('key = "G minor"\n[[sections]]\nbars = 8\n')
    assert plan.key == Key.parse("g")
    assert plan.metre is None
    assert plan.sections == (Section(bars=8),)


def test_chords_are_read_in_the_metre_in_force() -> None:
    text = """
    metre = "4/4"
    [[sections]]
    metre = "3/4"
    [[sections.phrases]]
    chords = "I | IV:2 V:1"
    [[sections.phrases]]
    metre = "6/8"
    chords = "I V"
    """
    first, second = parse_plan(text).sections[0].phrases
    assert [chord.duration for chord in first.chords] == [3, 2, 1]
    assert first.bars == 2
    assert [chord.duration for chord in second.chords] == [Fraction(3, 2), Fraction(3, 2)]


def test_chords_without_a_metre_are_in_four_four() -> None:
    plan = parse_plan('[[sections]]\n[[sections.phrases]]\nchords = "I | IV V"')
    assert plan.metre == Metre(0, 4, 4)
    assert parse_plan("[[sections]]\n[[sections.phrases]]\nbars = 2").metre is None


def test_chord_lines_may_be_broken() -> None:
    plan = parse_plan('[[sections]]\n[[sections.phrases]]\nchords = """\nI | IV |\nV | I"""')
    assert [chord.numeral for chord in plan.sections[0].phrases[0].chords] == ["I", "IV", "V", "I"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", Fraction(1)),
        ("0.5", Fraction(1, 2)),
        ('"3/2"', Fraction(3, 2)),
        ("0.1", Fraction(1, 10)),
    ],
)
def test_quarters_may_be_numbers_or_fractions(text: str, expected: Fraction) -> None:
    assert parse_plan(f"pickup_quarters = {text}").pickup_quarters == expected


def test_bars_of_a_constraint_may_be_one_number() -> None:
    text = '[[constraints]]\nkind = "cadence"\nvalue = "PAC"\nbars = '
    assert parse_plan(text + "8").constraints[0].bars == (8, 8)
    assert parse_plan(text + "[5, 8]").constraints[0].bars == (5, 8)


def test_plain_values_are_enough() -> None:
    plan = plan_from_dict({"sections": [{"label": "A", "phrases": [{"bars": 4}]}]})
    assert plan.sections[0].phrases[0].bars == 4


# Mistakes ---------------------------------------------------------------------------------

PHRASE = "[[sections]]\n[[sections.phrases]]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('keey = "G"', r"unknown key 'keey'; did you mean 'key'\? \(line 1\)"),
        ("zzz = 1", r"unknown key 'zzz'; it can be title, style"),
        (
            "[[sections]]\n" + PHRASE + "bars = 4\n[[sections.phrases]]\ncadance = 'PAC'",
            r"'cadance'; did you mean 'cadence'\? \(line 6, \[\[sections\]\] 2 \[\[phrases\]\] 2\)",
        ),
        ("\n\nkey = 'H minor'", r"key: a pitch name must be A..G .* got 'H' \(line 3\)"),
        ("metre = '4/3'", r"Metre.denominator must be a power of two .* got 3 \(line 1\)"),
        ("metre = 4", r"metre must be text in quotes, got 4 \(line 1\)"),
        ("tempo_qpm = 'fast'", r"tempo_qpm must be a number, got 'fast' \(line 1\)"),
        ("tempo_qpm = true", r"tempo_qpm must be a number, got True"),
        ("tempo_qpm = 1000", r"tempo_qpm must be in 10..400, got 1000"),
        ("texture = 'disco'", r"texture must be one of chorale, .* got 'disco'"),
        ("instruments = ['kazoo']", r"an instrument must be one of .* got 'kazoo' \(line 1\)"),
        ("instruments = [1]", r"instruments must be a list of texts, got \[1\]"),
        ("pickup_quarters = 'one'", r"must be a number or a fraction such as '1/2', got 'one'"),
        ("sections = 3", r"sections must be a list of tables \(\[\[sections\]\]\), got 3"),
        ("sections = [3]", r"sections must be a table, got 3"),
        ("key = \n", r"Invalid value \(at line 1, column 7\)"),
        (PHRASE + "bars = 0", r"Phrase.bars must be in 1..1024, got 0 .*\(line 2"),
        (PHRASE + "bars = 1.5", r"bars must be a whole number, got 1.5 \(line 3"),
        (PHRASE + "chords = 'I | IV X'", r"chords: .* got 'X' \(line 3"),
        (PHRASE + "chords = 'I:3'", r"chords must fill bar 1 of 4 quarters, got 3"),
        (PHRASE + "bars = 2\nchords = 'I'", r"chords must have 2 bars, got 1"),
        (PHRASE + "chords = 5", r"chords must be a line such as 'I \| IV V' or a list"),
        (PHRASE + "chords = [{onset = 0, numeral = 'I'}]", r"a chord must have duration"),
        (PHRASE + "cadence = 'XX'", r"cadence must be one of PAC"),
        ("[[sections]]\nbars = 3\n[[sections.phrases]]\nbars = 4", r"sum of its phrases' bars 4"),
        ("[[constraints]]\nvalue = 1", r"a constraint must have a kind \(line 1"),
        ("[[constraints]]\nkind = 'rnge'", r"kind must be one of .* got 'rnge' \(line 1"),
        ("[[constraints]]\nkind = 'key'\nbars = 'all'", r"a number or \[first, last\], got 'all'"),
        ("[[constraints]]\nkind = 'key'\nbars = [1, 2, 3]", r"a number or \[first, last\]"),
        ("[[constraints]]\nkind = 'key'\nhard = 1", r"hard must be true or false, got 1"),
        ("[[constraints]]\nkind = 'key'\nbeat = 0", r"beat must be 1 or more, got '0'"),
        ("[derivation]\ntree = 'x'", r"tree must be JSON text"),
        ("[derivation]\nleaf = 'x'", r"unknown key 'leaf'"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        parse_plan(text, "piece.toml")
    assert str(caught.value).startswith("piece.toml: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_bad_text(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"cannot read the plan .*none\.toml: No such file"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(PlanError, match=r"bad\.toml: a plan must be UTF-8 text, byte 9 is not"):
        read_plan(tmp_path / "bad.toml")


# Round trip -------------------------------------------------------------------------------

keys = st.builds(Key, st.integers(-6, 6), st.sampled_from(sorted(MODE_SCALES)))
metres = st.sampled_from([Metre(0, 4, 4), Metre(0, 3, 4), Metre(0, 6, 8), Metre(0, 5, 8)])
texts = st.text(max_size=12)
names = st.sampled_from(sorted(set(INSTRUMENTS) | set(ENSEMBLES)))
shared = {
    "key": st.none() | keys,
    "metre": st.none() | metres,
    "tempo_qpm": st.none() | st.floats(10, 400).map(lambda value: round(value, 3)),
    "texture": st.none() | st.sampled_from(sorted(TEXTURES)),
    "dynamics": st.none() | st.sampled_from(sorted(DYNAMICS)),
    "register": st.none() | st.sampled_from(sorted(REGISTERS)),
    "instruments": st.lists(names, max_size=3).map(tuple),
}
numerals = st.sampled_from(["I", "V7", "ii%65", "V65/ii", "bVI", "Cad64", "Ger65"])


@st.composite
def chord_rows(draw: st.DrawFn) -> tuple[PlanChord, ...]:
    chords: list[PlanChord] = []
    at = Fraction(0)
    for _ in range(draw(st.integers(0, 5))):
        length = draw(st.sampled_from([Fraction(4), Fraction(3, 2), Fraction(2), Fraction(1, 3)]))
        chords.append(PlanChord(at, length, draw(numerals), draw(st.none() | keys)))
        at += length
    return tuple(chords)


phrases = st.builds(
    Phrase,
    **shared,
    bars=st.none() | st.integers(1, 4),
    chords=chord_rows(),
    cadence=st.none() | st.sampled_from([*CADENCES, "none"]),
    theme=st.none() | texts,
    variation=st.none() | st.sampled_from(sorted(VARIATIONS)),
    variation_steps=st.integers(-7, 7),
)
sections = st.builds(
    Section,
    **shared,
    label=texts.filter(bool),
    role=texts,
    phrases=st.lists(phrases, max_size=3).map(tuple),
)
values = (
    st.none()
    | texts
    | st.integers(-100, 100)
    | st.lists(texts | st.integers(0, 127), min_size=1, max_size=3).map(tuple)
)
constraints = st.builds(
    Constraint,
    kind=st.sampled_from(sorted(CONSTRAINT_KINDS)),
    value=values,
    bars=st.none() | st.tuples(st.integers(1, 4), st.integers(4, 9)),
    voices=st.lists(texts, max_size=2).map(tuple),
    hard=st.booleans(),
    beat=st.sampled_from([Fraction(1), Fraction(5, 2), Fraction(3)]),
    name=texts,
)


@st.composite
def plans(draw: st.DrawFn) -> FormPlan:
    fields: dict[str, Any] = {name: draw(strategy) for name, strategy in shared.items()}
    for name in ("title", "style", "form"):
        fields[name] = draw(texts)
    fields["pickup_quarters"] = draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)]))
    fields["sections"] = tuple(draw(st.lists(sections, max_size=3)))
    fields["constraints"] = tuple(draw(st.lists(constraints, max_size=3)))
    fields["derivation"] = draw(st.just({}) | st.just({"symbol": "A", "children": [{"x": "ü'"}]}))
    try:
        return FormPlan(**fields)
    except PlanError:
        # Complete by chance, and then its chords do not fill its bars.
        return FormPlan(**{**fields, "sections": ()})


@given(plans())
def test_a_plan_survives_its_file(plan: FormPlan) -> None:
    text = format_plan(plan)
    again = parse_plan(text)
    assert again == plan
    assert dict(again.derivation) == dict(plan.derivation)
    assert format_plan(again) == text
    assert plan_from_dict(plan_to_dict(plan)) == plan


def test_a_written_plan_reads_like_one_by_hand(tmp_path: Path) -> None:
    plan = FormPlan(
        key=Key.parse("g"),
        metre=Metre(0, 3, 4),
        sections=(
            Section(
                label="A",
                phrases=(
                    Phrase(
                        bars=2,
                        theme="a",
                        chords=(PlanChord(Fraction(0), Fraction(6), "i"),),
                        cadence="HC",
                    ),
                ),
            ),
        ),
    )
    write_plan(plan, tmp_path / "plan.toml")
    assert (tmp_path / "plan.toml").read_text() == (
        'key = "G minor"\nmetre = "3/4"\n\n[[sections]]\nlabel = "A"\n\n'
        '[[sections.phrases]]\ntheme = "a"\nbars = 2\nchords = "i | ."\ncadence = "HC"\n'
    )


def test_long_chord_lines_are_broken_every_four_bars() -> None:
    row = "I:3 V65/ii:1 | ii | V7 | I"
    plan = parse_plan(f'[[sections]]\n[[sections.phrases]]\nchords = "{row} | {row} | {row}"')
    text = format_plan(plan)
    assert f'"""\n{row} |\n{row} |\n{row}"""' in text
    assert parse_plan(text) == plan


# Documentation ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> str:
    root: Path = request.getfixturevalue("repository")
    return (root / "docs" / "plan-format.md").read_text(encoding="utf-8")


def test_the_page_names_every_key_and_value(page: str) -> None:
    tables = {"sections", "constraints", "derivation", "phrases"}
    for name in {*PLAN_KEYS, *SECTION_KEYS, *PHRASE_KEYS, *CHORD_KEYS, *CONSTRAINT_KEYS} - tables:
        assert f"| `{name}` |" in page, name
    for name in (*TEXTURES, *DYNAMICS, *VARIATIONS, *REGISTERS, *CONSTRAINT_KINDS, *CADENCES):
        assert f"`{name}`" in page, name
    for name, what in TEXTURES.items():
        assert f"| `{name}` | {what} |" in page
    prose = " ".join(page.split())
    for name in INSTRUMENTS:
        assert re.search(rf"\b{name}\b", prose), name
    for name in ENSEMBLES:
        assert f"`{name}`" in page, name


def test_the_examples_of_the_page_are_plans(page: str) -> None:
    blocks = re.findall(r"```toml[^\n]*\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        tomllib.loads(block)
        plan = parse_plan(block)
        assert parse_plan(format_plan(plan)) == plan
    complete = parse_plan(blocks[0])
    assert complete.title == "Evening"
    assert [section.label for section in complete.sections] == ["A", "B", "A"]
    assert complete.constraints[2].name == "a melody that can be sung"
    assert complete.sections[1].phrases[0].chords[-1].key == Key.parse("g")
    # Every key of every table is shown.
    text = blocks[0]
    for name in {*PLAN_KEYS, *SECTION_KEYS, *PHRASE_KEYS} - {"derivation", "phrases"}:
        assert re.search(rf"(^|\[){name}( =|\]\])", text, re.MULTILINE), name
