"""Plans from form grammars."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.grammar.forms import FORMS, plan_form

METRES = ("2/4", "3/4", "4/4", "6/8", "3/8", "9/8", "12/8", "2/2", "5/4")


def plan(form: str, seed: int, **options: object) -> FormPlan:
    return plan_form(form, np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def check_chords(piece: FormPlan) -> None:
    for placed in piece.phrases():
        position = Fraction(0)
        for chord in placed.phrase.chords:
            assert chord.onset == position
            position = chord.end
            RomanNumeral.parse(chord.numeral).tones(placed.key_of(chord))
        assert position == placed.quarters


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_is_ready_and_lasts_two_minutes(form: str, seed: int) -> None:
    piece = plan(form, seed)
    assert piece.is_ready
    assert piece.seconds == pytest.approx(120, abs=0.01)
    check_chords(piece)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_seed_gives_the_same_plan(form: str) -> None:
    assert plan(form, 5, minutes=1.5) == plan(form, 5, minutes=1.5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("metre", METRES)
def test_every_metre_works(form: str, metre: str) -> None:
    piece = plan(form, 11, metre=metre, key=Key.from_fifths(len(metre) - 4, "minor"))
    assert piece.metre is not None
    assert piece.metre.name == metre
    check_chords(piece)


@pytest.mark.parametrize("form", FORMS)
def test_an_impossible_length_names_possible_ones(form: str) -> None:
    fewest = FORMS[form].minimum_bars
    with pytest.raises(PlanError, match=f"nearest: {fewest}"):
        plan(form, 0, bars=fewest - 1)
