"""Regions: only their bars and voices change, and what is new joins what stays."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.engine import Region
from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan
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
BAR = 1920


@pytest.fixture(scope="module")
def plan() -> FormPlan:
    made: FormPlan = plans.chorale()
    return made


@pytest.fixture(scope="module")
def given(plan: FormPlan) -> Score:
    score, _ = RulesEngine().fill(plan, stage_rng(3, "fill"))
    return score


def refill(
    plan: FormPlan, given: Score, region: Region, *items: Constraint, seed: int = 4
) -> Score:
    score, _ = RulesEngine().fill(plan, stage_rng(seed, "fill"), items, given, region)
    return score


def _split(score: Score, region: Region, name: str) -> tuple[np.ndarray, np.ndarray]:
    notes = score.track(name).notes
    low, high = (region.first_bar - 1) * BAR, region.last_bar * BAR
    inside = (notes["onset"] >= low) & (notes["onset"] < high)
    return notes[inside], notes[~inside]


@pytest.mark.parametrize(
    "region",
    [
        Region(5, 6),
        Region(1, 2),
        Region(16, 16),
        Region(4, 5),
        Region(3, 9, ("alto", "tenor")),
        Region(13, 16, ("bass",)),
        Region(2, 15, ("soprano",)),
        Region(9, 12, ("alto",)),
    ],
    ids=str,
)
def test_only_the_region_changes(plan: FormPlan, given: Score, region: Region) -> None:
    voices = region.voices or oracle.CHOIR
    changed = 0  # a draw may be what was there; three in a row are not
    for seed in (4, 5, 6):
        score = refill(plan, given, region, seed=seed)
        for name in oracle.CHOIR:
            old_inside, old_rest = _split(given, region, name)
            new_inside, new_rest = _split(score, region, name)
            assert old_rest.tobytes() == new_rest.tobytes()
            if name not in voices:
                assert score.track(name) is given.track(name)
                continue
            assert len(new_inside)
            ends = new_inside["onset"] + new_inside["duration"]
            assert ends.max() <= region.last_bar * BAR
            changed += old_inside.tobytes() != new_inside.tobytes()
    assert changed
    assert (score.tempos, score.metres, score.keys, score.markers) == (
        given.tempos,
        given.metres,
        given.keys,
        given.markers,
    )
    # Into the region, inside it and out of it.
    analysis, _ = analyse(plan, score)
    assert analysis.count("error") == 0


def test_voices_do_not_stop_or_overlap(plan: FormPlan, given: Score) -> None:
    score = refill(plan, given, Region(5, 7))
    for row in oracle.rows(score).values():
        assert all(a[1] <= b[0] for a, b in pairwise(row))
        assert sum(n[1] - n[0] for n in row) == 16 * BAR


def test_same_seed_same_notes(plan: FormPlan, given: Score) -> None:
    region = Region(5, 8, ("tenor",))
    one, two = (refill(plan, given, region, seed=9) for _ in range(2))
    assert oracle.rows(one) == oracle.rows(two)
    assert any(
        oracle.rows(refill(plan, given, region, seed=seed)) != oracle.rows(one)
        for seed in range(10, 15)
    )


def test_constraints_hold_in_the_region(plan: FormPlan, given: Score) -> None:
    items = (
        Constraint("pitch", "B4", (6, 6), ("soprano",)),
        Constraint("max_leap", 7, (5, 8), ("alto", "tenor")),
    )
    score = refill(plan, given, Region(5, 8), *items)
    assert all(oracle.keeps(score, item, plan) for item in items)


def test_melody_in_the_region(plan: FormPlan, given: Score) -> None:
    item = Constraint("melody", "G4:1 A4:1 B4:1 G4:1", (5, 5), ("soprano",))
    score = refill(plan, given, Region(4, 8), item)
    assert oracle.keeps(score, item, plan)


def _with_pitch_at(score: Score, name: str, tick: int, pitch: int) -> Score:
    """A score whose voice has another pitch at a tick."""
    track = score.track(name)
    notes = track.notes.copy()
    at = (notes["onset"] <= tick) & (tick < notes["onset"] + notes["duration"])
    notes["pitch"][at] = pitch
    notes["spelling"][at] = Key.parse("G major").spell(pitch)
    changed = replace(track, notes=notes, articulations=())
    return replace(score, tracks=tuple(changed if t is track else t for t in score.tracks))


def test_given_notes_are_named_where_they_take_part(plan: FormPlan, given: Score) -> None:
    # The given soprano lies below the pitch that the alto shall have.
    low = _with_pitch_at(given, "soprano", 4 * BAR, 62)
    low = _with_pitch_at(_with_pitch_at(low, "tenor", 4 * BAR, 59), "bass", 4 * BAR, 43)
    region = Region(5, 5, ("alto",))
    item = Constraint("pitch", "G4", (5, 5), ("alto",))
    with pytest.raises(ConflictError, match="the given notes") as caught:
        refill(plan, low, region, item)
    assert caught.value.conflict == (item.name, "the given notes")
    assert oracle.keeps(refill(plan, given, Region(5, 5), item), item, plan)


def test_conflict_in_the_region(plan: FormPlan, given: Score) -> None:
    item = Constraint("pitch", "C7", (6, 6), ("soprano",))
    with pytest.raises(ConflictError, match="bars 5-8") as caught:
        refill(plan, given, Region(5, 8), item)
    assert caught.value.conflict == (item.name,)


def test_a_note_that_lasts_into_the_region_stays(plan: FormPlan, given: Score) -> None:
    track = given.track("alto")
    notes = track.notes.copy()
    last = int(np.flatnonzero(notes["onset"] < 4 * BAR)[-1])
    start = int(notes["onset"][last])
    notes["duration"][last] = 4 * BAR + 480 - start
    keep = ~((notes["onset"] >= 4 * BAR) & (notes["onset"] < 4 * BAR + 480))
    changed = replace(track, notes=notes[keep])
    held = replace(given, tracks=tuple(changed if t is track else t for t in given.tracks))
    score = refill(plan, held, Region(5, 6, ("alto",)))
    row = oracle.rows(score)["alto"]
    assert (start, 4 * BAR + 480) in [(n[0], n[1]) for n in row]
    assert all(a[1] <= b[0] for a, b in pairwise(row))


def test_region_without_given(plan: FormPlan) -> None:
    with pytest.raises(PlanError, match="region must come with given"):
        RulesEngine().fill(plan, stage_rng(1, "fill"), region=Region(1, 2))


@pytest.mark.parametrize(
    ("region", "rule"),
    [
        (Region(15, 17), "within the plan's 16 bars"),
        (Region(1, 2, ("tuba",)), "must name voices or tracks"),
    ],
)
def test_regions_that_are_not_there(
    plan: FormPlan, given: Score, region: Region, rule: str
) -> None:
    with pytest.raises(PlanError, match=rule):
        refill(plan, given, region)


def test_given_has_the_plans_tracks(plan: FormPlan, given: Score) -> None:
    with pytest.raises(PlanError, match="given must have one track 'bass'"):
        refill(plan, replace(given, tracks=given.tracks[:3]), Region(1, 2))
