"""Phrases follow each other: no plan of the form grammars is refused, and no rule is broken."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.core.errors import ConflictError
from hybrid.core.plan import PlacedPhrase
from hybrid.core.seeds import stage_rng
from hybrid.grammar.forms import FORMS, plan_form
from hybrid.pipeline import analyse
from hybrid.rules import RulesEngine
from hybrid.rules.chorale import fill_chorale
from hybrid.rules.endings import Ending, blame, has_ending, shut_out
from hybrid.rules.lattice import Blocked

_SPEC = importlib.util.spec_from_file_location("plans", Path(__file__).parent / "plans.py")
assert _SPEC is not None
assert _SPEC.loader is not None
plans = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plans)

QUARTET: dict[str, Any] = {
    "texture": "chorale",
    "instruments": ("violin", "violin", "viola", "cello"),
}


def faults(form: str, seed: int, minutes: float, **more: Any) -> list[str]:
    """Hard errors and missing cadences in the music for a plan of a form grammar."""
    plan = plan_form(form, stage_rng(seed, "form"), minutes=minutes, **more)
    score, _ = RulesEngine().fill(plan, stage_rng(seed, "fill", "rules"))
    analysis, agreement = analyse(plan, score)
    found = [str(item) for item in analysis.findings if item.severity == "error"]
    if agreement.cadences < 1:
        found.extend(str(item) for item in analysis.deviations)
    return [f"{form} {seed}: {text}" for text in found]


@pytest.mark.parametrize(
    ("form", "seed", "more"),
    [
        ("period", 11, {}),
        ("rounded-binary", 7, {}),  # the soprano ended on a leading tone it could not resolve
        ("rounded-binary", 8, {}),
        ("rondo", 0, {}),  # melody and bass both ended on the leading tone
        ("rondo", 6, {}),
        ("rondo", 9, {}),
        ("ternary", 4, QUARTET),  # an upbeat as long as the last bar
        ("rondo", 1, QUARTET),  # inner voices at the edges of their ranges
        ("blues", 1, QUARTET),
        ("blues", 6, QUARTET | {"minutes": 1.0}),
    ],
)
def test_phrase_follows(form: str, seed: int, more: dict[str, Any]) -> None:
    assert faults(form, seed, **{"minutes": 2.0, **more}) == []


def test_upbeats_are_shorter_than_the_rest_before_them() -> None:
    assert faults("binary", 3, 2.0, **QUARTET) == []


@pytest.mark.parametrize(
    ("form", "seed"), [("aaba", 10), ("sonata", 10), ("strophic", 10), ("blues", 13)]
)
def test_short_plans(form: str, seed: int) -> None:
    assert faults(form, seed, 1.0) == []


def test_conflict_names_the_chords_that_cannot_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def fill(placed: PlacedPhrase, *rest: Any) -> Any:
        begun.append(placed.index)
        if placed.index == 2:
            raise Blocked(0)
        return fill_chorale(placed, *rest)

    monkeypatch.setattr("hybrid.rules.engine.fill_chorale", fill)
    with pytest.raises(ConflictError, match=r"chords of bars 9-12 .*D major: I V43 I6 IV"):
        RulesEngine().fill(plans.chorale(), stage_rng(1, "fill", "rules"))
    # No ending is to blame, so none is tried anew.
    assert begun.count(1) == 1


def test_endings_are_shut_out_until_one_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    soprano, bass = (0, 1), (3, 1)
    ended: list[int] = []

    def fill(placed: PlacedPhrase, chords: Any, *rest: Any) -> Any:
        context = rest[3]
        tail = context.tail or {}
        if placed.index == 2 and soprano in tail and tail.get(bass, (0, 0))[0] > 45:
            raise Blocked(0)
        found = fill_chorale(placed, chords, *rest)
        if placed.index == 1:
            ended.append(found[0].tail[bass][0])
        return found

    monkeypatch.setattr("hybrid.rules.engine.fill_chorale", fill)
    _, trace = RulesEngine().fill(plans.chorale(), stage_rng(1, "fill", "rules"))
    assert ended[-1] <= 45
    assert trace.counts["phrases written anew"] == len(ended) - 1


def test_blame_finds_a_least_set() -> None:
    tail = {(0, line): (60 + line, 0) for line in range(1, 6)}
    wanted = {(0, 2), (0, 5)}
    found = blame(tail, lambda rest: wanted <= set(rest))
    assert found == frozenset({((0, 2), 62), ((0, 5), 65)})
    assert has_ending(tail, found)
    assert blame(tail, lambda rest: True) == frozenset()


def test_shut_out_bars_whole_endings_only() -> None:
    ends = {(0, 1): np.array([67, 67, 72]), (0, 2): np.array([55, 60, 55])}
    barred: tuple[Ending, ...] = (
        frozenset({((0, 1), 67), ((0, 2), 55)}),
        frozenset({((0, 3), 50)}),  # a line that is silent here
    )
    assert shut_out(ends, barred, 3).tolist() == [np.inf, 0.0, 0.0]


def test_same_seed_same_notes_where_endings_are_shut_out() -> None:
    plan = plan_form("rondo", stage_rng(1, "form"), minutes=2.0, **QUARTET)
    scores = [RulesEngine().fill(plan, stage_rng(1, "fill", "rules"))[0] for _ in range(2)]
    for one, two in zip(scores[0].tracks, scores[1].tracks, strict=True):
        assert one.notes.tobytes() == two.notes.tobytes()


@pytest.mark.parametrize("seed", range(10))
def test_chorale_stays_in_range(seed: int) -> None:
    plan = plans.chorale()
    score, _ = RulesEngine().fill(plan, stage_rng(seed, "fill", "rules"))
    analysis, _ = analyse(plan, score)
    assert [str(f) for f in analysis.findings if f.severity == "error"] == []
    assert score.tracks[-1].notes["pitch"].min() >= 40


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [1.0, 2.0])
@pytest.mark.parametrize("form", tuple(FORMS))
def test_every_form_can_be_written(form: str, minutes: float) -> None:
    found = [fault for seed in range(20) for fault in faults(form, seed, minutes)]
    assert found == []
