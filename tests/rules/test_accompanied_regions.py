"""Regions of accompanied textures: only their bars and voices change, and all joins."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.engine import Region
from hybrid.core.errors import ConflictError
from hybrid.core.pitch import parse_pitch
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import analyse
from hybrid.rules import RulesEngine

_SPEC = importlib.util.spec_from_file_location(
    "constraint_oracle", Path(__file__).parent / "constraint_oracle.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
oracle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(oracle)

BAR = 1920
STRANDS = ("upper", "middle", "low", "bass")
TEXTURES: tuple[str, ...] = oracle.TEXTURES


@lru_cache(maxsize=8)
def made(texture: str, instruments: tuple[str, ...] = oracle.BAND) -> tuple[FormPlan, Score]:
    """Eight bars: a phrase and its return."""
    plan = oracle.band_plan(texture)
    section = plan.sections[0]
    plan = plan.with_sections((replace(section, phrases=section.phrases * 2),))
    plan = replace(plan, instruments=instruments)
    score, _ = RulesEngine().fill(plan, stage_rng(3, "fill"))
    return plan, score


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


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize(
    "region",
    [Region(2, 3), Region(3, 6, ("melody",)), Region(2, 6, STRANDS), Region(8, 8)],
    ids=str,
)
def test_only_the_region_changes(texture: str, region: Region) -> None:
    plan, given = made(texture)
    seeds = [refill(plan, given, region, seed=seed) for seed in (4, 5, 8)]
    tracks = {"melody": ("flute",)}.get("".join(region.voices), oracle.BAND)
    if region.voices == STRANDS:
        tracks = oracle.BAND[1:]
    changed = 0
    for score in seeds:
        for name in oracle.BAND:
            old_inside, old_rest = _split(given, region, name)
            new_inside, new_rest = _split(score, region, name)
            assert old_rest.tobytes() == new_rest.tobytes()
            if name not in tracks:
                assert score.track(name) is given.track(name)
                continue
            assert len(new_inside)
            assert (new_inside["onset"] + new_inside["duration"]).max() <= region.last_bar * BAR
            changed += old_inside.tobytes() != new_inside.tobytes()
        analysis, _ = analyse(plan, score)
        before, _ = analyse(plan, given)
        assert analysis.count("error") <= before.count("error")
    assert changed


@pytest.mark.parametrize("texture", ["alberti", "march", "walking_bass"])
def test_one_player_shares_its_lines(texture: str) -> None:
    plan, given = made(texture, ("piano",))
    score = refill(plan, given, Region(2, 5, ("melody",)))
    old, new = given.track("piano").notes, score.track("piano").notes
    # A keyboard's left hand has the voices from number 5 on.
    assert old[old["voice"] > 4].tobytes() == new[new["voice"] > 4].tobytes()
    assert old[old["voice"] == 1].tobytes() != new[new["voice"] == 1].tobytes()


def test_the_pattern_goes_on_in_new_chords() -> None:
    plan, given = made("alberti")
    region = Region(2, 3, ("upper",))
    score = refill(plan, given, region)
    rows = [oracle.rows(s)["violin"] for s in (given, score)]
    ticks = [[n[:2] for n in row if BAR <= n[0] < 3 * BAR] for row in rows]
    # Both strands of the broken line are new, and sound in turn as before where no rule breaks.
    assert len(ticks[1]) >= len(ticks[0]) // 2
    assert [end - onset for onset, end in ticks[1][-8:]] == [240] * 8


def test_a_tune_and_a_pitch_in_the_region() -> None:
    plan, given = made("waltz")
    items = (
        Constraint("melody", "G5:1 E5:1 C6:1 A5:1", (6, 6), ("melody",)),
        Constraint("pitch", "D3", (7, 7), ("bass",), beat=oracle.Fraction(4)),
    )
    score = refill(plan, given, Region(6, 7), *items)
    assert all(oracle.keeps(score, item, plan, oracle.band_voices("waltz")) for item in items)


def test_given_notes_are_named_where_they_take_part() -> None:
    plan, given = made("pad")
    # The strand above stays; a lower one may not come over it.
    upper = oracle.rows(given)["violin"][0][2]
    name = next(n for n in ("D4", "G4", "B4", "D5") if parse_pitch(n)[0] > upper)
    item = Constraint("pitch", name, (1, 1), ("middle",))
    with pytest.raises(ConflictError, match="the given notes") as caught:
        refill(plan, given, Region(1, 1, ("middle",)), item)
    assert caught.value.conflict == (item.name, "the given notes")


def test_same_seed_same_notes() -> None:
    plan, given = made("arpeggio")
    one, two = (refill(plan, given, Region(3, 5), seed=9) for _ in range(2))
    assert oracle.rows(one) == oracle.rows(two)
