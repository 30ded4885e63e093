"""Themes that know where they will come back."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.plan import FormPlan, Section
from hybrid.core.timeline import Metre
from hybrid.rules.engine import RulesEngine
from hybrid.rules.foresight import MAX_RETURNS, PASSING, STRANGE, returns_of, strangeness
from hybrid.rules.harmony import plan_chords
from hybrid.theory.agreement import theme_similarity

_SPEC = importlib.util.spec_from_file_location("plans", Path(__file__).parent / "plans.py")
assert _SPEC is not None
assert _SPEC.loader is not None
plans = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plans)

METRE = Metre.parse("4/4")
G, C, D, E, A = 1, 0, 2, 4, 3  # tonal pitch classes


def _plan(*phrases: object, texture: str = "homophonic") -> FormPlan:
    base = plans.chorale("C major")
    section = Section(label="A", phrases=phrases)  # type: ignore[arg-type]
    return replace(  # type: ignore[no-any-return]
        base, sections=(section,), texture=texture, instruments=("piano",), form="period"
    )


def _two(first: str, second: str, variation: str | None = "varied") -> FormPlan:
    return _plan(
        plans.phrase(first, "HC", "a", METRE),
        plans.phrase(second, "PAC", "a", METRE, variation=variation),
    )


def test_returns_are_later_phrases_with_the_same_label_mode_and_length() -> None:
    plan = _plan(
        plans.phrase("I:4 | V:4", "HC", "a", METRE),
        plans.phrase("I:4 | V:4", "HC", "b", METRE),
        plans.phrase("I:4 | V:4", "HC", "a", METRE, variation="varied"),
        plans.phrase("I:4 | V:4", "HC", "a", METRE, variation="inversion"),
        plans.phrase("I:4 | IV:4 | V:4", "HC", "a", METRE),
        plans.phrase("i:4 | V:4", "HC", "a", METRE, "A minor"),
        plans.phrase("I:4 | V:4", "HC", "a", METRE, "G major", "transposed"),
    )
    phrases = plan_chords(plan)
    assert [later.index for later, _ in returns_of(phrases, 0)] == [2, 6]
    assert returns_of(phrases, 1) == ()
    assert returns_of(phrases, 2) == ()  # no new theme


def test_only_so_many_returns_are_looked_at() -> None:
    plan = _plan(*(plans.phrase("I:4 | V:4", "HC", "a", METRE) for _ in range(10)))
    assert len(returns_of(plan_chords(plan), 0)) == MAX_RETURNS


@pytest.mark.parametrize(
    ("second", "structural", "wanted"),
    [
        ("I:4 | V7:2 I:2", True, {}),  # the same chord: nothing costs anything
        # Over IV only C is left of the triad; F and A cost nothing either.
        ("IV:4 | V7:2 I:2", True, {G: STRANGE, D: STRANGE, E: STRANGE, 5: STRANGE}),
        ("IV:4 | V7:2 I:2", False, {G: PASSING, D: PASSING, E: PASSING, 5: PASSING}),
    ],
)
def test_tones_that_a_return_lacks_cost(
    second: str, structural: bool, wanted: dict[int, float]
) -> None:
    phrases = plan_chords(_two("I:4 | V:4", second))
    placed, chords = phrases[0]
    found = strangeness(placed, chords[0], 0, structural, returns_of(phrases, 0))
    assert dict(found) == wanted


def test_tones_are_compared_from_the_tonic() -> None:
    """I in C, then I in G under a transposed theme: C there is G here, and costs nothing."""
    plan = _plan(
        plans.phrase("I:4 | V:4", "HC", "a", METRE),
        plans.phrase("I6:4 | V:4", "HC", "a", METRE, "G major", "transposed"),
    )
    phrases = plan_chords(plan)
    placed, chords = phrases[0]
    cost = dict(strangeness(placed, chords[0], 0, True, returns_of(phrases, 0)))
    assert not {C, E, G} & set(cost)
    assert {D, A} <= set(cost)


def test_costs_are_means_over_the_returns() -> None:
    plan = _plan(
        plans.phrase("I:4 | V:4", "HC", "a", METRE),
        plans.phrase("I:4 | V:4", "HC", "a", METRE),
        plans.phrase("IV:4 | V:4", "HC", "a", METRE),
    )
    phrases = plan_chords(plan)
    placed, chords = phrases[0]
    assert dict(strangeness(placed, chords[0], 0, True, returns_of(phrases, 0)))[G] == STRANGE / 2


def test_a_theme_shares_more_with_its_return_for_being_written_with_it_in_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = _two("I:4 | I6:2 V6:2 | I:4 | V:4", "vi:4 | IV6:2 V:2 | vi:2 IV:2 | V7:2 I:2")

    def likeness() -> float:
        values = []
        for seed in range(12):
            score, _ = RulesEngine().fill(plan, np.random.default_rng(seed))
            values.append(theme_similarity(plan, score)[0])
        return float(np.mean(values))

    with_it = likeness()
    monkeypatch.setattr("hybrid.rules.engine.returns_of", lambda phrases, number: ())
    assert with_it > likeness() + 0.05
