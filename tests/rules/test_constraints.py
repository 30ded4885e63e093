"""Constraints are kept, kind by kind, as an oracle that reads only the notes sees them."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import pytest

from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.plan import CONSTRAINT_KINDS, Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import analyse
from hybrid.rules import RulesEngine


def _sibling(name: str):  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle = _sibling("constraint_oracle")
plans = _sibling("plans")


def fill(plan: FormPlan, *items: Constraint, seed: int = 1) -> Score:
    score, _ = RulesEngine().fill(plan, stage_rng(seed, "fill"), items)
    return score


KEPT = [
    Constraint("range", ["E4", "D5"], voices=("soprano",)),
    Constraint("range", ["C3", "G3"], voices=("bass",)),
    Constraint("pitch", "D5", (2, 2), ("soprano",)),
    Constraint("pitch", "E5", (2, 2), ("soprano",), beat=Fraction(2)),
    Constraint("pitch", "C4", (3, 3), ("tenor",), beat=Fraction(2)),
    Constraint("pitch_class", "A", (3, 3), ("alto",)),
    Constraint("melody", "B4:1 A4:1/2 G4:1/2 A4:1 A4:1 B4:2 C5:2", voices=("melody",)),
    Constraint("melody", "G3:2 F#3:1 F#3:1 G3:1 B3:1 C4:2", voices=("bass",)),
    Constraint("melody", "R:1 D4:1 D4:2 D4:2 E4:1/2 D4:1/2 C4:1", voices=("alto",)),
    Constraint("avoid_pitch_class", "B", (4, 4), ("soprano", "tenor")),
    Constraint("max_leap", 2, voices=("alto",)),
    Constraint("max_leap", 2, voices=("soprano", "alto", "tenor")),
    Constraint("forbidden_interval", 0, voices=("soprano",)),
    Constraint("forbidden_interval", [3, 4, 5], voices=("tenor",)),
    Constraint("highest", "E5"),
    Constraint("highest", "B4", voices=("alto",)),
    Constraint("lowest", "G2"),
    Constraint("lowest", "D3", voices=("tenor",)),
    Constraint("rhythm", "1 1/2 1/2 2", voices=("soprano",)),
    Constraint("rhythm", "2 2", (1, 3)),
    Constraint("rhythm", "4/3 2/3 2", (1, 2), ("alto",)),
    Constraint("density", [1, 2], (1, 3), ("soprano",)),
    Constraint("density", [6, 7], voices=("tenor",)),
    Constraint("density", [10, 12], (2, 2), ("alto",)),
    Constraint("no_parallels"),
    Constraint("dissonance", "none"),
]


@pytest.mark.parametrize("item", KEPT, ids=lambda item: item.name)
def test_kind_is_kept(item: Constraint) -> None:
    plan = oracle.small_plan()
    for seed in (1, 2):
        score = fill(plan, item, seed=seed)
        assert oracle.keeps(score, item, plan)
        analysis, _ = analyse(plan, score)
        assert analysis.count("error") == 0


def test_oracle_and_tables_cover_every_kind() -> None:
    # The rest speaks of the plan's harmony and has tests of its own below.
    assert {item.kind for item in KEPT} | {"chord", "key", "cadence"} == set(CONSTRAINT_KINDS)


@pytest.mark.parametrize("item", KEPT, ids=lambda item: item.name)
def test_oracle_tells_music_without_the_constraint_apart(item: Constraint) -> None:
    if item.kind in ("no_parallels", "dissonance"):
        pytest.skip("music without the constraint may keep it by itself")
    plan = oracle.small_plan()
    verdicts = {oracle.keeps(score, item, plan) for score in _unconstrained()}
    assert False in verdicts


@lru_cache(maxsize=1)
def _unconstrained() -> tuple[Score, ...]:
    return tuple(fill(oracle.small_plan(), seed=seed) for seed in range(1, 13))


def test_plans_own_constraints_count() -> None:
    item = Constraint("pitch", "D5", (2, 2), ("soprano",))
    plan = replace(oracle.small_plan(), constraints=(item,))
    assert oracle.keeps(fill(plan), item, plan)


def test_several_constraints_hold_together() -> None:
    plan = plans.chorale()
    items = (
        Constraint("highest", "F#5"),
        Constraint("range", ["A2", "C4"], voices=("bass",)),
        Constraint("max_leap", 7),
        Constraint("pitch", "B4", (1, 1), ("soprano",)),
        Constraint("avoid_pitch_class", "C#", (1, 8)),
    )
    score = fill(plan, *items[:2], items[3], items[4])
    for item in (*items[:2], items[3], items[4]):
        assert oracle.keeps(score, item, plan)
    analysis, _ = analyse(plan, score)
    assert analysis.count("error") == 0


def test_same_seed_same_notes() -> None:
    plan = oracle.small_plan()
    one, two = (fill(plan, KEPT[0], KEPT[2], seed=5) for _ in range(2))
    assert oracle.rows(one) == oracle.rows(two)


def test_soft_constraint_gives_way() -> None:
    plan = oracle.small_plan()
    hard = Constraint("pitch", "D5", (2, 2), ("soprano",))
    lost = Constraint("pitch", "B4", (2, 2), ("soprano",), hard=False)
    kept = Constraint("range", ["C4", "E5"], voices=("soprano",), hard=False)
    score, trace = RulesEngine().fill(plan, stage_rng(1, "fill"), (lost, kept, hard))
    assert oracle.keeps(score, hard, plan)
    assert oracle.keeps(score, kept, plan)
    assert not oracle.keeps(score, lost, plan)
    assert trace.counts["soft constraints left"] == 1


def test_notes_name_the_constraint_that_asked_for_them() -> None:
    item = Constraint("melody", "B4:1 C5:1 D5:2", voices=("soprano",), name="tune")
    _, trace = RulesEngine().fill(oracle.small_plan(), stage_rng(1, "fill"), (item,))
    made = [entry for entry in trace.entries if entry.maker == "rules:constraint tune"]
    assert [entry.choice for entry in made] == ["B4", "C5", "D5"]


@pytest.mark.parametrize(
    "item",
    [
        Constraint("chord", "I:2 IV:2", (2, 2)),
        Constraint("key", "G major"),
        Constraint("cadence", "PAC", (4, 4)),
    ],
)
def test_harmony_that_the_plan_has(item: Constraint) -> None:
    plan = oracle.small_plan()
    assert fill(plan, item).n_notes == fill(plan).n_notes


@pytest.mark.parametrize(
    ("item", "named"),
    [
        (Constraint("chord", "vi:2 IV:2", (2, 2)), "chords of bars 2-2"),
        (Constraint("key", "C major", (1, 2)), "chords of bars 1-2"),
        (Constraint("cadence", "HC", (4, 4)), "cadence PAC bar 4"),
        (Constraint("cadence", "PAC", (2, 2)), "cadence none bar 2"),
    ],
)
def test_harmony_that_the_plan_has_not(item: Constraint, named: str) -> None:
    with pytest.raises(ConflictError, match="cannot all hold") as caught:
        fill(oracle.small_plan(), item)
    assert caught.value.conflict == (item.name, named)


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        (Constraint("range", ["G4"]), r"\[lowest, highest\]"),
        (Constraint("range", ["G5", "C4"]), "the lower one first"),
        (Constraint("pitch", "H4", (1, 1)), "must be a pitch"),
        (Constraint("pitch", "G4", (1, 1), beat=Fraction(5)), "beat must lie within a bar"),
        (Constraint("pitch_class", "G4", (1, 1)), "must be a pitch class"),
        (Constraint("avoid_pitch_class", 3), "must be a pitch class"),
        (Constraint("melody", "G4:0"), "quarters above 0"),
        (Constraint("melody", "R:4"), "must have notes"),
        (Constraint("melody", "G4:20"), "must fit bars 1-4"),
        (Constraint("melody", "G4:1", voices=("alto", "bass")), "must name one voice"),
        (Constraint("max_leap", "far"), "whole number"),
        (Constraint("forbidden_interval", [1, -2]), "whole number"),
        (Constraint("highest", 70), "must be a pitch"),
        (Constraint("lowest", None), "must be a pitch"),
        (Constraint("rhythm", "1 x"), "durations"),
        (Constraint("rhythm", "1 1"), "fill a bar of 4 quarters"),
        (Constraint("density", [3, 2]), "the smaller one first"),
        (Constraint("dissonance", "some"), "must be 'none'"),
        (Constraint("cadence", "XYZ"), "must be one of"),
        (Constraint("key", "H major"), "must be a key"),
        (Constraint("chord", "I"), "needs bars"),
        (Constraint("no_parallels", voices=("tuba",)), "voices must be tracks or voices"),
        (Constraint("no_parallels", bars=(3, 9)), "within the plan's 4"),
    ],
)
def test_values_that_cannot_be_read(item: Constraint, rule: str) -> None:
    with pytest.raises(PlanError, match=rule):
        fill(oracle.small_plan(), item)


def test_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "constraints.md"
    text = page.read_text(encoding="utf-8")
    exec(compile(text.split("```python\n")[1].split("```")[0], str(page), "exec"), {})
    assert capsys.readouterr().out == "('pitch soprano bar 1 beat 1 = C7',)\n"
    assert all(f"`{kind}`" in text for kind in CONSTRAINT_KINDS)
