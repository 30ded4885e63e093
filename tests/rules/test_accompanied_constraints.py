"""Constraints over accompanied textures, kind by kind: kept if just possible, else named.

Four players have the voices, so that the oracle can read each of them from its own track.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.plan import CONSTRAINT_KINDS, Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.core.trace import Trace
from hybrid.pipeline import analyse
from hybrid.rules import RulesEngine

_SPEC = importlib.util.spec_from_file_location(
    "constraint_oracle", Path(__file__).parent / "constraint_oracle.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
oracle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(oracle)

C = Constraint
Items = tuple[Constraint, ...]
TEXTURES: tuple[str, ...] = oracle.TEXTURES
M, U, B = ("melody",), ("upper",), ("bass",)
#: Something that never stands in the way.
EASY = C("range", ["C4", "E7"], voices=M)

#: What holds by a narrow margin over I V6 | I IV | ii6 V | I in G major, by kind.
POSSIBLE: tuple[Items, ...] = (
    # One pitch left; a range beyond the strand's usual one.
    (C("range", ["G5", "G5"], (4, 4), M), C("range", ["G3", "C4"], (4, 4), B)),
    # The leading tone where it rises; a bass that sounds on at a beat the patterns leave out.
    (
        C("pitch", "F#5", (3, 3), M, beat=Fraction(4)),
        C("pitch", "D3", (3, 3), B, beat=Fraction(4)),
    ),
    (C("pitch_class", "A", (3, 3), U), C("pitch_class", "B", (2, 2), M, beat=Fraction(2))),
    # A tune whose leading tone falls; a bass line.
    (C("melody", "B4:1 D5:1 A5:1 D5:1/2 F#5:1/2 D5:2 E5:2 E5:1 C5:1 A5:1/2 F#5:1/2 D5:1 G5:4"),),
    (C("melody", "G3:2 F#3:1 F#3:1 G3:1 B3:1 C4:2", voices=B),),
    # Everything but the chord's own tones is shut.
    tuple(C("avoid_pitch_class", name, (4, 4)) for name in ("A", "C", "E", "F#")),
    (C("max_leap", 2, voices=M), C("max_leap", 5, voices=B)),
    (C("forbidden_interval", [0, 3, 4], voices=M), C("forbidden_interval", 7, voices=U)),
    (C("highest", "E6"), C("highest", "B4", (1, 3), U)),
    (C("lowest", "G2"), C("lowest", "B4", (1, 4), M)),
    (C("rhythm", "1 1/2 1/2 2", (1, 3), M), C("rhythm", "1 1/2 1/2 2", (1, 2), B)),
    (C("density", [6, 7], (1, 3), M), C("density", [3, 3], (1, 3), B)),
    (C("no_parallels"),),
    (C("dissonance", "none"), C("pitch", "D6", (2, 2), M)),
)

#: What cannot hold there, by kind, beside something easy.
IMPOSSIBLE: tuple[Items, ...] = (
    (C("range", ["G4", "B4"], (1, 2), M), EASY, C("range", ["C5", "G5"], (2, 3), M)),
    # No flute plays it.
    (EASY, C("pitch", "G2", (2, 2), M)),
    (C("pitch_class", "B", (2, 2), M), EASY, C("pitch_class", "D", (2, 2), M)),
    (C("melody", "G4:1 A4:1 B4:2", (1, 1), M), EASY, C("range", ["G4", "A4"], (1, 1), M)),
    # Octaves between a tune and a bass line that are both fixed.
    (
        C("melody", "C5:2 D5:2", (3, 3), M),
        C("no_parallels"),
        C("melody", "C3:2 D3:2", (3, 3), B),
    ),
    # The planned bass.
    (EASY, C("avoid_pitch_class", "G", (4, 4), B)),
    (C("max_leap", 0, (1, 2), B), EASY),
    (C("forbidden_interval", [1, 11, 13, 23], (1, 1), B), EASY),
    (C("highest", "E5"), EASY, C("pitch", "G5", (2, 2), M)),
    (C("lowest", "A0"), EASY),
    (C("rhythm", "1 1 2", (1, 2), B), EASY, C("rhythm", "2 2", (2, 2), B)),
    (C("rhythm", "1 1/2 1/2 1 1", (1, 2), U), EASY, C("density", [1, 4], (2, 2), U)),
    (C("dissonance", "none", (2, 2)), EASY, C("pitch", "A4", (2, 2), M)),
    # The plan's cadence.
    (C("melody", "B4:4", (4, 4), M), EASY),
)


def fill(plan: FormPlan, items: Items, seed: int = 1) -> tuple[Score, Trace]:
    return RulesEngine().fill(plan, stage_rng(seed, "fill"), items)


def kept(score: Score, items: Items, plan: FormPlan) -> list[bool]:
    voices = oracle.band_voices(plan.texture)
    return [oracle.keeps(score, item, plan, voices) for item in items]


def _cases(rows: tuple[Items, ...], turns: tuple[int, ...]) -> list[object]:
    """Each row in a texture or two at once, in the others with the slow tests."""
    found: list[object] = []
    for number, items in enumerate(rows):
        for place, texture in enumerate(TEXTURES):
            soon = (place - number) % len(TEXTURES) in turns
            marks = [] if soon else [pytest.mark.slow]
            name = f"{texture}-{number}-{items[0].kind}"
            found.append(pytest.param(texture, items, marks=marks, id=name))
    return found


def test_rows_cover_every_kind_of_note() -> None:
    harmonic = {"chord", "key", "cadence"}
    assert {item.kind for item in chain(*POSSIBLE)} | harmonic == set(CONSTRAINT_KINDS)
    assert {item.kind for item in chain(*IMPOSSIBLE)} | harmonic == set(CONSTRAINT_KINDS)


@pytest.mark.parametrize(("texture", "items"), _cases(POSSIBLE, (0, 3)))
def test_just_possible(texture: str, items: Items) -> None:
    plan = oracle.band_plan(texture)
    score, _ = fill(plan, items)
    assert [
        item.name for item, held in zip(items, kept(score, items, plan), strict=True) if not held
    ] == []
    analysis, _ = analyse(plan, score)
    assert analysis.count("error") == 0


@pytest.mark.parametrize(("texture", "items"), _cases(IMPOSSIBLE, (1,)))
def test_impossible(texture: str, items: Items) -> None:
    plan = oracle.band_plan(texture)
    with pytest.raises(ConflictError) as caught:
        fill(plan, items)
    named = tuple(item for item in items if item.name in caught.value.conflict)
    assert named
    assert EASY not in named
    # By brute force: subsets that have all of the named ones are impossible, and those that
    # lack any one of these are not (no two conflicts are hidden in these rows).
    for size in range(len(items) + 1):
        for some in combinations(items, size):
            if set(named) <= set(some):
                with pytest.raises(ConflictError):
                    fill(plan, some)
            else:
                score, _ = fill(plan, some)
                assert all(kept(score, some, plan))


@pytest.mark.parametrize("texture", TEXTURES)
def test_patterns_go_on_around_a_fixed_tune(texture: str) -> None:
    plan = oracle.band_plan(texture)
    tune = C("melody", "B4:1 D5:1 A5:2 G5:2 E5:2 A5:1 C6:1 D6:1 A5:1 G5:4", name="tune")
    score, trace = fill(plan, (tune,))
    assert all(kept(score, (tune,), plan))
    free, _ = fill(plan, ())
    rhythm, usual = ([n[:2] for n in oracle.rows(s)["viola"]] for s in (score, free))
    assert rhythm == usual
    made = [entry.track for entry in trace.entries if entry.maker == "rules:constraint tune"]
    assert made == ["flute"] * 10


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    texture=st.sampled_from(TEXTURES),
    steps=st.lists(st.integers(-3, 3), min_size=15, max_size=15),
    seed=st.integers(0, 99),
)
def test_any_tune_is_sung_or_named(texture: str, steps: list[int], seed: int) -> None:
    scale = ("D4", "E4", "F#4", "G4", "A4", "B4", "C5", "D5", "E5", "F#5", "G5", "A5", "B5", "C6")
    place, names = 7, []
    for step in steps:
        place = min(max(place + step, 0), len(scale) - 1)
        names.append(scale[place])
    # Twelve quarters, then home by a half note, as the cadence wants.
    tune = " ".join(f"{name}:{'1/2' if n > 8 else '1'}" for n, name in enumerate(names))
    plan = oracle.band_plan(texture)
    item = C("melody", f"{tune} G4:4", voices=M)
    try:
        score, _ = fill(plan, (item,), seed)
    except ConflictError as error:
        named = error.conflict
    else:
        named = (item.name,) if all(kept(score, (item,), plan)) else ()
    assert item.name in named


def test_one_player_sings_a_given_tune_with_the_right_hand() -> None:
    plan = replace(oracle.band_plan("alberti"), instruments=("piano",))
    tune = C("melody", "B4:1 D5:1 A5:2 G5:2 E5:2 A5:1 C6:1 D6:1 A5:1 G5:4")
    score, _ = fill(plan, (tune,))
    assert oracle.rows(score, voice=1)["piano"][:3] == [
        (0, 480, 71),
        (480, 960, 74),
        (960, 1920, 81),
    ]
    assert len(score.tracks[0].notes) > 30


def test_soft_constraints_give_way() -> None:
    plan = oracle.band_plan("march")
    hard = C("pitch", "D5", (2, 2), M)
    lost = C("pitch", "B4", (2, 2), M, hard=False)
    kept_one = C("range", ["D3", "C4"], voices=B, hard=False)
    score, trace = fill(plan, (lost, kept_one, hard))
    assert kept(score, (hard, kept_one, lost), plan) == [True, True, False]
    assert trace.counts["soft constraints left"] == 1


def test_voices_that_do_not_sound_are_no_silent_success() -> None:
    plan = oracle.band_plan("pad")
    item = C("max_leap", 4, voices=("tenor",))
    with pytest.raises(PlanError, match="voices must be pitched and sound in bars 1-4"):
        fill(plan, (item,))
    _, trace = fill(plan, (replace(item, hard=False),))
    assert trace.counts["soft constraints left"] == 1


def test_a_high_point_is_reached_in_one_of_several_textures() -> None:
    plan = oracle.band_plan("waltz")
    section = plan.sections[0]
    first, second = section.phrases[0], replace(section.phrases[0], texture="arpeggio")
    plan = plan.with_sections((replace(section, phrases=(first, second)),))
    # Only the second half, where the constraint on the first one ends, may have it.
    items = (C("highest", "E6"), C("range", ["C4", "A5"], (1, 4), M))
    score, _ = fill(plan, items)
    row = oracle.rows(score)["flute"]
    assert max(pitch for _, _, pitch in row) == 88
    assert max(pitch for onset, _, pitch in row if onset < 4 * oracle.BAR) <= 81


def test_same_seed_same_notes() -> None:
    plan = oracle.band_plan("alberti")
    items = (C("highest", "E6"), C("pitch", "D3", (3, 3), B, beat=Fraction(4)))
    one, two = (fill(plan, items, seed=5)[0] for _ in range(2))
    assert oracle.rows(one) == oracle.rows(two)
