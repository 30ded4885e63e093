"""Plans from form grammars."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.grammar.forms import FORMS, STYLES, plan_form

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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tempo", [72.0, 120.0])
def test_a_given_tempo_holds_and_the_length_comes_near(form: str, tempo: float) -> None:
    piece = plan(form, 1, tempo_qpm=tempo, minutes=3, metre="4/4")
    assert piece.tempo_qpm == tempo
    assert all(item.shared.tempo_qpm == tempo for item in piece.phrases())
    bar = 240 / tempo
    # Blues and songs of whole choruses step by more than a bar.
    steps = 6 if form == "blues" else 1.01
    assert abs(piece.seconds - 180) <= steps * bar


@pytest.mark.parametrize("form", FORMS)
def test_bars_and_minutes_give_the_tempo(form: str) -> None:
    bars = FORMS[form].allowed_bars(120)[-1]
    piece = plan(form, 2, bars=bars, minutes=3.5, metre="3/4")
    assert piece.n_bars == bars
    assert piece.seconds == pytest.approx(210, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bars": 40, "minutes": 2, "tempo_qpm": 90}, "give two of tempo_qpm, minutes and bars"),
        ({"bars": 40, "minutes": 0.1}, "minutes must give a playable tempo"),
        ({"minutes": -1}, "minutes must be above 0"),
        ({"minutes": 0.02}, "minutes must give a length that ternary can have"),
        ({"minutes": 0.05, "tempo_qpm": 60}, "at 60 quarters a minute, got 0.05"),
        ({"tempo_qpm": 5}, "tempo_qpm must be in 10..400"),
        ({"style": "dubstep"}, "style must be one of chorale"),
        ({"texture": "fog"}, "texture must be one of"),
        ({"harmony": "random"}, "harmony must be one of phrase"),
        ({"instruments": ("kazoo",)}, "an instrument must be one of"),
        ({"key": "B locrian"}, "key must be in a mode that has a chord table"),
        ({"bars": 10**6}, "bars must be in 1..20000"),
    ],
)
def test_bad_requests_are_one_clear_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        plan("ternary", 0, **options)
    assert "\n" not in str(caught.value)


def test_an_unknown_form_is_named() -> None:
    with pytest.raises(PlanError, match=r"form must be one of period, .* got 'fugue'"):
        plan("fugue", 0)


def test_what_is_asked_for_stands_in_the_plan() -> None:
    piece = plan(
        "rondo", 3, key="g", metre="6/8", texture="alberti", title="Chasse", style="romantic",
        instruments=("duo",), bars=70,
    )  # fmt: skip
    assert (piece.key, piece.title, piece.style) == (Key.parse("g"), "Chasse", "romantic")
    assert piece.instruments == ("flute", "guitar")
    assert {item.shared.texture for item in piece.phrases()} == {"alberti"}
    assert plan("rondo", 3, key="g").title == "Rondo in G minor"


def test_the_metre_is_chosen_so_that_the_form_fits() -> None:
    """A sonata in a minute and a quarter needs short bars."""
    for seed in range(4):
        assert plan("sonata", seed, minutes=1.25).seconds == pytest.approx(75, abs=0.05)


@pytest.mark.parametrize("fifths", range(-7, 8))
@pytest.mark.parametrize("mode", ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian"])
def test_every_key_works(fifths: int, mode: str) -> None:
    form = tuple(FORMS)[(fifths + 7) % len(FORMS)]
    piece = plan(form, fifths + 50, key=Key.from_fifths(fifths, mode), minutes=3)
    assert piece.is_ready
    check_chords(piece)
    for placed in piece.phrases():
        assert abs(placed.key.fifths) <= 7


@pytest.mark.parametrize("form", ["period", "rondo", "strophic", "variations", "chorale", "blues"])
def test_an_hour_is_no_trouble(form: str) -> None:
    piece = plan(form, 0, minutes=64, metre="4/4")
    assert piece.seconds == pytest.approx(3840, abs=1)
    assert len(json.dumps(piece.derivation)) > 1000  # nests no deeper than JSON allows


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_two_hundred_seeds(form: str) -> None:
    """Bars as asked, chords without gaps, first and last chords at home."""
    lengths = [bars for bars in FORMS[form].allowed_bars(160) if bars >= 16]
    for seed in range(200):
        bars = lengths[seed * 7 % len(lengths)]
        key = Key.from_fifths(seed % 15 - 7, ("major", "minor")[seed % 2])
        metre = METRES[seed % len(METRES)]
        style = tuple(STYLES)[seed % len(STYLES)] if seed % 3 else None
        piece = plan(form, seed, bars=bars, key=key, metre=metre, style=style)
        assert piece.n_bars == bars
        assert piece.is_ready
        check_chords(piece)
        last = list(piece.phrases())[-1]
        # A tonic major or minor of more than 7 accidentals is respelled.
        assert (last.key_of(last.phrase.chords[-1]).tonic - key.tonic) % 12 == 0
