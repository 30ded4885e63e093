"""Constraints are kept by a model that knows nothing, as the oracle of the rules engine sees it."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.core.engine import Region
from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.plan import CONSTRAINT_KINDS, Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from tests.symbolic_transformer.event_pieces import tiny_model

_SPEC = importlib.util.spec_from_file_location(
    "constraint_oracle", Path(__file__).parents[1] / "rules" / "constraint_oracle.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
oracle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(oracle)

S, A, B = ("soprano",), ("alto",), ("bass",)
EVERY = ("soprano", "alto", "tenor", "bass")
ASKED = (
    Constraint("range", ["D4", "F5"], voices=S),
    Constraint("pitch", "G4", (2, 3), S, beat=Fraction(3)),
    Constraint("pitch_class", "B", (2, 2), ("alto", "tenor"), beat=Fraction(2)),
    Constraint("melody", "D5:1 B4:1/2 C5:1/2 R:1 D5:1 E5:2", (1, 2), S),
    Constraint("avoid_pitch_class", "C"),
    Constraint("max_leap", 3),
    Constraint("forbidden_interval", [0, 1, 2, 5], voices=B),
    Constraint("highest", "E5", voices=S),
    Constraint("lowest", "A2", (2, 4)),
    Constraint("rhythm", "1 1/2 1/2 2", (2, 3), A),
    Constraint("density", [3, 4], voices=EVERY),
    Constraint("no_parallels"),
    Constraint("dissonance", "none"),
)


def engine(**settings: Any) -> TransformerEngine:
    return TransformerEngine(tiny_model(), SampleSettings(n_particles=4, **settings))


def fill(item: Constraint, *more: Constraint, seed: int = 1) -> tuple[FormPlan, Score]:
    plan = oracle.small_plan()
    score, _ = engine().fill(plan, np.random.default_rng(seed), (item, *more))
    return plan, score


@pytest.mark.parametrize("item", ASKED, ids=lambda item: item.kind)
def test_each_kind_is_kept(item: Constraint) -> None:
    plan, score = fill(item)
    assert score.n_notes
    assert oracle.keeps(score, item, plan), oracle.rows(score)


def test_every_kind_of_notes_is_asked() -> None:
    assert {item.kind for item in ASKED} == set(CONSTRAINT_KINDS) - {"chord", "key", "cadence"}


def test_several_are_kept_together() -> None:
    items = (ASKED[0], ASKED[2], ASKED[3], ASKED[9], Constraint("density", [2, 5], voices=B))
    plan, score = fill(*items)
    for item in items:
        assert oracle.keeps(score, item, plan), item.name


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([Constraint("pitch", "C6", (2, 2), S), Constraint("range", ["C4", "G5"])], 2),
        ([Constraint("melody", "C5:1", (3, 3), S), Constraint("highest", "B4", voices=S)], 2),
        ([Constraint("rhythm", "1 1 1 1", (2, 2), B), Constraint("density", [1, 3], voices=B)], 2),
    ],
    ids=["pitch", "melody", "rhythm"],
)
def test_impossible_constraints_are_named(items: list[Constraint], named: int) -> None:
    plan = oracle.small_plan()
    small = engine(most_particles=4, back_up=(1,), budget=2)
    with pytest.raises(ConflictError) as caught:
        small.fill(plan, np.random.default_rng(1), items)
    assert set(caught.value.conflict) == {item.name for item in items}
    assert len(caught.value.conflict) == named
    assert all(item.name in str(caught.value) for item in items)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Constraint("range", "C4"), "lowest, highest"),
        (Constraint("pitch", "H4", voices=S), "must be a pitch"),
        (Constraint("pitch", "C5", voices=("kazoo",)), "got 'kazoo'"),
        (Constraint("rhythm", "1 1"), "must fill a bar of 4"),
        (Constraint("max_leap", -1), "whole number in 0..127"),
        (Constraint("density", [4, 2]), "smaller one first"),
        (Constraint("melody", "C5:9", (1, 1)), "must fit bars 1-1"),
        (Constraint("pitch", "C5", beat=Fraction(5)), "beat must lie within a bar"),
        (Constraint("dissonance", "some"), "must be 'none'"),
        (Constraint("range", ["C4", "C5"], (3, 9)), "within the plan's 4"),
    ],
)
def test_values_that_cannot_be_read_are_refused(item: Constraint, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        fill(item)


def test_harmonic_constraints_are_held_against_the_plan() -> None:
    fill(Constraint("cadence", "PAC", (3, 4)), Constraint("key", "G major"))
    with pytest.raises(ConflictError, match="cadence PAC bar 4") as caught:
        fill(Constraint("cadence", "HC", (3, 4), name="ends open"))
    assert caught.value.conflict == ("ends open", "cadence PAC bar 4")
    with pytest.raises(ConflictError, match="chords of bars 2-2"):
        fill(Constraint("chord", "I V", (2, 2)))


def test_a_soft_constraint_weighs_and_does_not_shut() -> None:
    soft = Constraint("avoid_pitch_class", "G", hard=False)
    plan = oracle.small_plan()
    counts = []
    many = Constraint("density", [4, 6], voices=EVERY)
    for items in ((many,), (many, soft)):
        score, _ = engine().fill(plan, np.random.default_rng(3), items)
        notes = np.concatenate([track.notes["pitch"] for track in score.tracks])
        counts.append((notes % 12 == 7).mean())
    assert counts[1] < counts[0]
    # What the melody asks for stands against it.
    hard = Constraint("melody", "G4:4 G4:4", (1, 2), S)
    plan, score = fill(hard, soft)
    assert oracle.keeps(score, hard, plan)


def test_limits_hold_over_the_edge_of_a_region() -> None:
    """The first given note after a region may be no wider a leap than is asked."""
    item = Constraint("max_leap", 2, voices=S)
    plan, score = fill(item, Constraint("density", [4, 6], voices=S))
    again, _ = engine().fill(
        plan, np.random.default_rng(9), (item,), given=score, region=Region(2, 3, S)
    )
    assert oracle.keeps(again, item, plan)
    assert oracle.rows(again) != oracle.rows(score)
