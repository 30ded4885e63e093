"""Impossible and just-possible constraints, known to be so by how they were made.

Each family has a reason why it cannot hold that any musician can check, and a neighbour that
holds by the narrowest margin. Named conflicts have to be conflicts, and minimal ones.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest

from hybrid.core.errors import ConflictError
from hybrid.core.pitch import Key, parse_pitch, pitch_name
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import analyse
from hybrid.rules import RulesEngine
from hybrid.rules.conflicts import quickxplain

_SPEC = importlib.util.spec_from_file_location(
    "constraint_oracle", Path(__file__).parent / "constraint_oracle.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
oracle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(oracle)

Case = tuple[str, FormPlan, tuple[Constraint, ...]]
C = Constraint
#: Keys and how far they lie above C.
KEYS = (("C major", 0), ("D major", 2), ("F major", 5), ("G major", 7), ("Bb major", -2))
HOME = "I:2 V6:2 | I:2 IV:2 | ii6:2 V:2 | I:4"
ROOTS = "I:2 V:2 | vi:2 IV:2 | ii6:2 V:2 | I:4"
STILL = "I:4 | I:4 | V:4 | I:4"


def up(name: str, shift: int, key: str) -> str:
    """A pitch that is named for C major, in another key."""
    pitch, spelling = parse_pitch(name)
    return pitch_name(pitch + shift, spelling + Key.parse(key).tonic)


def tune(text: str, shift: int, key: str) -> str:
    """A melody that is written for C major, in another key."""
    words = [word.partition(":") for word in text.split()]
    return " ".join(
        f"{name if name == 'R' else up(name, shift, key)}:{length}" for name, _, length in words
    )


def _impossible() -> list[Case]:
    cases: list[Case] = []
    for key, s in KEYS:
        home = oracle.small_plan(HOME, key)

        def p(name: str, shift: int = s, home_key: str = key) -> str:
            return up(name, shift, home_key)

        def t(text: str, shift: int = s, home_key: str = key) -> str:
            return tune(text, shift, home_key)

        other = C("range", ["C4", "E6"], voices=("soprano",))
        cases += [
            # No soprano of a choir sings it.
            ("beyond the voice", home, (other, C("pitch", p("C7"), (2, 2), ("soprano",)))),
            # Outside the only chord that sounds then, where no other notes may be.
            (
                "outside the chord",
                home,
                (
                    C("pitch", p("D5"), (4, 4), ("soprano",)),
                    C("dissonance", "none", (3, 4)),
                    other,
                ),
            ),
            # Both lines move from one octave to the next.
            (
                "parallel octaves",
                home,
                (
                    C("melody", t("F4:2 G4:2"), (3, 3), ("soprano",)),
                    C("melody", t("F3:2 G3:2"), (3, 3), ("bass",)),
                    other,
                ),
            ),
            # The bass of root positions moves and has to stay.
            (
                "a bass that may not move",
                oracle.small_plan(ROOTS, key),
                (C("max_leap", 0, (1, 1), ("bass",)), other),
            ),
            # Two pitches at once in one voice.
            (
                "two pitches at once",
                home,
                (
                    C("pitch", p("E4"), (2, 2), ("alto",)),
                    other,
                    C("pitch", p("G4"), (2, 2), ("alto",)),
                ),
            ),
            # Ranges that do not meet.
            (
                "ranges apart",
                home,
                (
                    C("range", ["C4", "E4"], (1, 2), ("alto",)),
                    C("max_leap", 12),
                    C("range", ["F4", "C5"], (2, 3), ("alto",)),
                ),
            ),
            # The bass has the root, which it may not have.
            (
                "the root forbidden",
                home,
                (other, C("avoid_pitch_class", p("C4")[:-1], (4, 4), ("bass",))),
            ),
            # The leading tone over V falls to the fifth in the highest voice.
            (
                "a leading tone that falls",
                home,
                (C("melody", t("D5:2 D5:1 B4:1 G4:4"), (3, 4), ("soprano",)),),
            ),
            # Two voices on the leading tone.
            (
                "the leading tone doubled",
                home,
                (
                    C("pitch", p("B4"), (3, 3), ("soprano",), beat=Fraction(3)),
                    C("pitch_class", p("B4")[:-1], (3, 3), ("tenor",), beat=Fraction(3)),
                    C("dissonance", "none"),
                ),
            ),
            # Fixed onsets, more than the bar may have.
            (
                "too many onsets",
                home,
                (
                    C("rhythm", "1 1/2 1/2 1 1", (1, 2), ("alto",)),
                    other,
                    C("density", [1, 4], (2, 2), ("alto",)),
                ),
            ),
        ]
    return cases


def _possible() -> list[Case]:
    cases: list[Case] = []
    for key, s in KEYS:
        home = oracle.small_plan(HOME, key)

        def p(name: str, shift: int = s, home_key: str = key) -> str:
            return up(name, shift, home_key)

        def t(text: str, shift: int = s, home_key: str = key) -> str:
            return tune(text, shift, home_key)

        cases += [
            # The only pitch that the range leaves.
            (
                "one pitch left",
                home,
                (C("range", [p("G4"), p("G4")], (1, 1), ("soprano",)),),
            ),
            # A chord tone where only chord tones may be.
            (
                "inside the chord",
                home,
                (
                    C("pitch", p("E4"), (4, 4), ("alto",)),
                    C("dissonance", "none"),
                ),
            ),
            # Outer voices that meet the same octave from both sides.
            (
                "contrary motion into an octave",
                home,
                (
                    C("melody", t("A4:2 G4:2"), (3, 3), ("soprano",)),
                    C("melody", t("F3:2 G3:2"), (3, 3), ("bass",)),
                ),
            ),
            # The bass may go as far as it must, no farther.
            (
                "a bass that just may move",
                oracle.small_plan(ROOTS, key),
                (C("max_leap", 5, voices=("bass",)),),
            ),
            # Two pitches at once in two voices.
            (
                "two pitches in two voices",
                home,
                (
                    C("pitch", p("E4"), (2, 2), ("alto",)),
                    C("pitch", p("G4"), (2, 2), ("soprano",)),
                ),
            ),
            # Ranges that meet in two pitches, one for each chord.
            (
                "ranges that touch",
                home,
                (
                    C("range", [p("C4"), p("F4")], (1, 2), ("alto",)),
                    C("range", [p("E4"), p("C5")], (2, 2), ("alto",)),
                ),
            ),
            # Everything but the chord's own tones is shut.
            (
                "other tones forbidden",
                home,
                tuple(C("avoid_pitch_class", p(n)[:-1], (4, 4)) for n in ("D4", "F4", "A4", "B4")),
            ),
            # The leading tone rises.
            (
                "a leading tone that rises",
                home,
                (C("melody", t("D5:2 D5:1 B4:1 C5:4"), (3, 4), ("soprano",)),),
            ),
            # One voice on the leading tone, as a voice has to be.
            (
                "the leading tone once",
                home,
                (
                    C("pitch", p("B4"), (3, 3), ("soprano",), beat=Fraction(3)),
                    C("avoid_pitch_class", p("B4")[:-1], (3, 3), ("alto", "tenor", "bass")),
                    C("dissonance", "none"),
                ),
            ),
            # Fixed onsets, just as many as the bar may have.
            (
                "just enough onsets",
                home,
                (
                    C("rhythm", "1 1/2 1/2 1 1", (1, 2), ("alto",)),
                    C("density", [5, 5], (2, 2), ("alto",)),
                ),
            ),
        ]
    return cases


IMPOSSIBLE, POSSIBLE = _impossible(), _possible()


def fill(plan: FormPlan, items: tuple[Constraint, ...]) -> Score:
    score, _ = RulesEngine().fill(plan, stage_rng(1, "fill"), items)
    return score


def test_there_are_fifty_of_each() -> None:
    assert (len(IMPOSSIBLE), len(POSSIBLE)) == (50, 50)


def _marked(cases: list[Case]) -> list[object]:
    """The first two keys at once, the others with the slow tests."""
    n_families = len(cases) // len(KEYS)
    return [
        pytest.param(
            *case, marks=[pytest.mark.slow] if n >= 2 * n_families else [], id=f"{case[0]} {n}"
        )
        for n, case in enumerate(cases)
    ]


@pytest.mark.parametrize(("family", "plan", "items"), _marked(IMPOSSIBLE))
def test_impossible(family: str, plan: FormPlan, items: tuple[Constraint, ...]) -> None:
    with pytest.raises(ConflictError) as caught:
        fill(plan, items)
    conflict = caught.value.conflict
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in conflict)
    named = [item for item in items if item.name in conflict]
    assert named
    # A conflict by itself ...
    with pytest.raises(ConflictError):
        fill(plan, tuple(named))
    # ... of which nothing can be spared.
    for item in named:
        rest = tuple(other for other in named if other != item)
        score = fill(plan, rest)
        assert all(oracle.keeps(score, other, plan) for other in rest)


@pytest.mark.parametrize(("family", "plan", "items"), _marked(POSSIBLE))
def test_just_possible(family: str, plan: FormPlan, items: tuple[Constraint, ...]) -> None:
    score = fill(plan, items)
    assert [item.name for item in items if not oracle.keeps(score, item, plan)] == []
    analysis, _ = analyse(plan, score)
    assert analysis.count("error") == 0


EXPECTED = {
    "beyond the voice": 1,
    "parallel octaves": 2,
    "two pitches at once": 2,
    "ranges apart": 2,
    "too many onsets": 2,
}


@pytest.mark.parametrize("family", EXPECTED)
def test_conflicts_without_the_chords_do_not_name_them(family: str) -> None:
    _, plan, items = next(case for case in IMPOSSIBLE if case[0] == family)
    with pytest.raises(ConflictError) as caught:
        fill(plan, items)
    assert len(caught.value.conflict) == EXPECTED[family]
    assert not any(name.startswith("chords") for name in caught.value.conflict)


@pytest.mark.parametrize("family", ["outside the chord", "the root forbidden"])
def test_chords_are_named_where_they_take_part(family: str) -> None:
    _, plan, items = next(case for case in IMPOSSIBLE if case[0] == family)
    with pytest.raises(ConflictError, match="chords of bars 1-4") as caught:
        fill(plan, items)
    assert caught.value.conflict[-1] == "chords of bars 1-4"


def test_cadence_is_named_where_it_takes_part() -> None:
    item = Constraint("pitch", "B4", (4, 4), ("soprano",), beat=Fraction(4))
    with pytest.raises(ConflictError, match="cadence PAC bar 4") as caught:
        fill(oracle.small_plan(), (item, Constraint("dissonance", "none")))
    assert "cadence PAC bar 4" in caught.value.conflict


def test_conflict_is_placed_in_its_phrase() -> None:
    plan = oracle.small_plan(HOME)
    section = plan.sections[0]
    plan = plan.with_sections((replace(section, phrases=section.phrases * 2),))
    item = Constraint("max_leap", 0, (5, 8), ("bass",))
    with pytest.raises(ConflictError, match="bars 5-8") as caught:
        fill(plan, (item,))
    assert caught.value.conflict == (item.name, "chords of bars 5-8")


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_quickxplain_finds_minimal_sets(size: int) -> None:
    names = tuple("abcdefghij")
    for bad in combinations(names, size):
        asked: list[tuple[str, ...]] = []

        def possible(
            kept: Sequence[str],
            wrong: tuple[str, ...] = bad,
            log: list[tuple[str, ...]] = asked,
        ) -> bool:
            log.append(tuple(kept))
            return not set(wrong) <= set(kept)

        assert quickxplain(names, possible) == bad
        assert len(asked) <= 2 + 2 * size * 5


def test_quickxplain_prefers_what_stands_first() -> None:
    def possible(kept: Sequence[str]) -> bool:
        return not ({"a", "b"} <= set(kept) or {"c", "d"} <= set(kept))

    assert quickxplain("abcd", possible) == ("a", "b")
    assert quickxplain("ac", possible) == ()


def test_densities_that_no_number_of_notes_keeps() -> None:
    plan = oracle.small_plan(HOME)
    few = Constraint("density", [1, 4], voices=("alto",))
    many = Constraint("density", [6, 6], (1, 2), ("alto",))
    with pytest.raises(ConflictError) as caught:
        fill(plan, (few, many))
    assert caught.value.conflict == (few.name, many.name)
