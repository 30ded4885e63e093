"""Grooves and fills, and where a piece's drums play which."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.rules import drums
from hybrid.rules.drums import CLOSED_HAT, CRASH, KICK, PEDAL_HAT, RIDE, RIM, SNARE
from hybrid.rules.engine import RulesEngine

_SPEC = importlib.util.spec_from_file_location("plans", Path(__file__).parent / "plans.py")
assert _SPEC is not None
assert _SPEC.loader is not None
plans = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plans)

BAR, BEAT = 1920, 480


def places(rows: tuple[drums.Stroke, ...], drum: int) -> list[float]:
    return [float(place) for place, found, _ in rows if found == drum]


@pytest.mark.parametrize(
    ("kind", "n_beats", "drum", "wanted"),
    [
        ("rock", 4, KICK, [0, 2, 2.5]),
        ("rock", 4, SNARE, [1, 3]),
        ("rock", 4, CLOSED_HAT, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]),
        ("rock", 3, KICK, [0]),
        ("rock", 3, SNARE, [1, 2]),
        ("jazz", 4, RIDE, [0, 1, 1.5, 2, 3, 3.5]),
        ("jazz", 4, PEDAL_HAT, [1, 3]),
        ("soft", 3, RIM, [2]),
        ("march", 2, KICK, [0]),
        ("march", 2, SNARE, [0, 0.5, 1, 1.5]),
    ],
)
def test_grooves(kind: str, n_beats: int, drum: int, wanted: list[float]) -> None:
    assert places(drums.groove(kind, n_beats, False), drum) == wanted


@pytest.mark.parametrize("kind", ["rock", "jazz", "soft", "march"])
@pytest.mark.parametrize("n_beats", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("compound", [False, True])
def test_a_groove_lies_within_its_bar_and_strikes_no_drum_twice_at_once(
    kind: str, n_beats: int, compound: bool
) -> None:
    rows = drums.groove(kind, n_beats, compound)
    assert all(0 <= place < n_beats for place, _, _ in rows)
    assert len({(place, drum) for place, drum, _ in rows}) == len(rows)
    assert list(rows) == sorted(rows)
    assert any(place == 0 for place, _, _ in rows)


def test_a_march_keeps_the_louder_of_two_strokes_that_coincide() -> None:
    weights = {place: w for place, drum, w in drums.groove("march", 2, False) if drum == SNARE}
    assert weights == {Fraction(0): 0.6, Fraction(1, 2): 0.6, Fraction(1): 0.9, Fraction(3, 2): 0.6}


@pytest.mark.parametrize(
    ("n_beats", "first", "count"), [(4, 2, 8), (3, 2, 4), (2, 1, 4), (1, 0, 4)]
)
def test_a_fill_leads_down_the_drums_to_the_bar_line(n_beats: int, first: int, count: int) -> None:
    rows = drums.fill(n_beats)
    assert [place for place, _, _ in rows] == [first + Fraction(i, 4) for i in range(count)]
    toms = [drum for _, drum, _ in rows if drum != SNARE]
    assert toms == sorted(toms, reverse=True)
    assert [weight for _, _, weight in rows] == sorted(weight for _, _, weight in rows)


@pytest.fixture(scope="module")
def plan() -> FormPlan:
    made: FormPlan = replace(
        plans.chorale(), texture="homophonic", instruments=("piano", "acoustic bass", "drums")
    )
    return made


@pytest.fixture(scope="module")
def score(plan: FormPlan) -> Score:
    made, _ = RulesEngine().fill(plan, np.random.default_rng(1))
    return made


def bars(score: Score) -> Iterator[tuple[int, list[tuple[float, int]]]]:
    notes = next(track for track in score.tracks if track.is_drum).notes
    for number in range(score.length // BAR):
        inside = notes[notes["onset"] // BAR == number]
        yield (
            number + 1,
            sorted(((int(note["onset"]) % BAR) / BEAT, int(note["pitch"])) for note in inside),
        )


def test_bars_have_the_groove_between_crash_fill_and_last_stroke(score: Score) -> None:
    """Sections begin with bars 1 and 9; the sixteenth is the last."""
    groove = [(float(place), drum) for place, drum, _ in drums.groove("rock", 4, False)]
    for number, found in bars(score):
        if number == 16:
            assert found == sorted([(0.0, KICK), (0.0, CRASH)])
        elif number == 8:
            led = [(float(place), drum) for place, drum, _ in drums.fill(4)]
            assert found == sorted([row for row in groove if row[0] < 2] + led)
        elif number == 9:
            assert found == sorted([*groove, (0.0, CRASH)])
        else:
            assert found == groove, number


def test_drum_notes_end_within_their_bar(score: Score) -> None:
    notes = next(track for track in score.tracks if track.is_drum).notes
    ends = notes["onset"] + notes["duration"]
    assert (notes["duration"] > 0).all()
    assert (ends <= (notes["onset"] // BAR + 1) * BAR).all()


def test_a_plan_without_drums_gets_none(plan: FormPlan) -> None:
    quiet, _ = RulesEngine().fill(
        replace(plan, instruments=("piano", "acoustic bass")), np.random.default_rng(1)
    )
    assert not any(track.is_drum for track in quiet.tracks)
