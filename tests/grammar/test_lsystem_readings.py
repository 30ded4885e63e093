"""Readings of L-systems: contour, tokens, rhythm, chords, form; motifs; pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.seeds import stage_rng
from hybrid.grammar.lsystem_motif import (
    MotifConfig,
    lsystem_motif,
    melodic_systems,
    motif,
)
from hybrid.grammar.lsystem_notation import load_lsystem, parse_lsystem
from hybrid.grammar.lsystem_read import read, rows
from hybrid.grammar.lsystem_readings import NoteEvent, contour, tokens
from hybrid.grammar.lsystem_readings_time import chords, divide, fit_bars, form, rhythm
from hybrid.grammar.lsystem_turtle import TurtleConfig, turtle_path, turtle_svg

HALF = Fraction(1, 2)

# --- Contour ------------------------------------------------------------------


def test_contour_of_the_second_hilbert_curve_by_hand() -> None:
    # Drawn on squared paper: the horizontal runs of the curve of order 2, from (0, 0).
    notes = contour(load_lsystem("hilbert").derive(2), {"unit": "1"})
    assert [note.step for note in notes] == [0, 1, 3, 2, 3, 1, 0]
    assert [note.duration for note in notes] == [1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("order", [2, 3, 4])
def test_contour_plays_every_horizontal_step_once(order: int) -> None:
    derivation = load_lsystem("hilbert").derive(order)
    path = turtle_path(derivation.last)
    flat = int(np.sum(path.start[:, 1] == path.end[:, 1]))
    notes = contour(derivation, {"unit": "1"})
    assert sum(note.duration for note in notes) == flat
    assert all(a.onset + a.duration == b.onset for a, b in pairwise(notes))


def test_contour_all_runs_joins_straight_lines_and_rests_where_the_pen_is_up() -> None:
    derivation = parse_lsystem("axiom: FFfF+FF-F").derive(0)
    notes = contour(derivation, {"runs": "all", "unit": "1"})
    assert [(float(note.onset), float(note.duration), note.step) for note in notes] == [
        (0, 2, 0),
        (3, 1, 0),
        (4, 2, 1),
        (6, 1, 2),
    ]


def test_contour_options_are_checked() -> None:
    derivation = load_lsystem("hilbert").derive(1)
    with pytest.raises(GrammarError, match="runs must be horizontal or all"):
        contour(derivation, {"runs": "some"})
    with pytest.raises(GrammarError, match="unit must be positive"):
        contour(derivation, {"unit": "0"})
    with pytest.raises(GrammarError, match="turtle option must be one of"):
        contour(derivation, {"colour": "red"})
    with pytest.raises(GrammarError, match="must have a horizontal run, got none"):
        contour(load_lsystem("hilbert").derive(0))


# --- Tokens -------------------------------------------------------------------


def test_branches_are_voices() -> None:
    derivation = parse_lsystem("axiom: N[+N[+NN]N]NNN").derive(0)
    notes = tokens(derivation, {"N": "note", "+": "up 2", "unit": "1"})
    assert [(note.voice, float(note.onset), note.step) for note in notes] == [
        (0, 0, 0),
        (0, 1, 0),
        (1, 1, 2),
        (0, 2, 0),
        (1, 2, 2),
        (2, 2, 4),
        (0, 3, 0),
        (2, 3, 4),
    ]


def test_voices_never_overlap_themselves() -> None:
    derivation = load_lsystem("stochastic_plant").derive(3, stage_rng(2, "plant"))
    ends: dict[int, Fraction] = {}
    for note in tokens(derivation):
        assert note.onset >= ends.get(note.voice, Fraction(0))
        ends[note.voice] = note.onset + note.duration
    assert len(ends) >= 2
    assert sorted(ends) == list(range(len(ends)))


def test_actions_and_parameters() -> None:
    derivation = parse_lsystem("axiom: N(3)dNhRuN+(3)Nt").derive(0)
    table = {
        "N": "note", "R": "rest", "u": "note 4", "d": "longer", "h": "shorter",
        "+": "up", "t": "to 7", "unit": "1",
    }  # fmt: skip
    notes = tokens(derivation, table)
    assert [(str(note.onset), str(note.duration), note.step) for note in notes] == [
        ("0", "3", 0),
        ("3", "2", 0),
        ("6", "1", 4),
        ("7", "1", 0),
        ("8", "1", 3),
    ]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "has no tokens reading"),
        ({"A": "jump"}, "action of 'A' must be one of"),
        ({"A": "up high"}, "needs a whole number, got 'high'"),
        ({"A": "rest"}, "must play a note, got none"),
    ],
)
def test_bad_tokens(options: dict[str, str], match: str) -> None:
    with pytest.raises(GrammarError, match=match):
        tokens(load_lsystem("cantor").derive(1), options)


# --- Rhythm -------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
def test_cantor_rhythm_sounds_two_thirds_to_the_n(steps: int) -> None:
    events = rhythm(load_lsystem("cantor").derive(steps), {"total": "27"})
    assert sum(event.duration for event in events) == 27
    sounding = sum(event.duration for event in events if event.sounding)
    assert sounding == 27 * Fraction(2, 3) ** steps


def test_weights_divide_unevenly_and_ties_join() -> None:
    derivation = parse_lsystem("axiom: A\nA -> ABC").derive(1)
    events = rhythm(derivation, {"A": "note", "B": "tie", "C": "rest", "weight A": "2"})
    assert [(float(event.duration), event.sounding) for event in events] == [(3, True), (1, False)]


@given(st.integers(0, 200), st.integers(0, 3))
def test_division_keeps_the_total(seed: int, steps: int) -> None:
    system = load_lsystem("parametric_rhythm")
    events = rhythm(system.derive(steps, stage_rng(seed, "rhythm")), {"total": "7/2"})
    assert sum(event.duration for event in events) == Fraction(7, 2)
    assert events[0].onset == 0
    assert all(a.onset + a.duration == b.onset for a, b in pairwise(events))


def test_parametric_rhythm_keeps_its_own_durations() -> None:
    derivation = load_lsystem("parametric_rhythm").derive(3, stage_rng(1, "rhythm"))
    events = rhythm(derivation)
    assert [event.duration for event in events] == [module.params[0] for module in derivation.last]


def test_erased_time_is_refused() -> None:
    derivation = parse_lsystem("axiom: AB\nB -> ε").derive(1)
    with pytest.raises(GrammarError, match=r"'B' must leave a child that takes time.*step 1"):
        divide(derivation, Fraction(4), {"A": Fraction(1), "B": Fraction(1)})


# --- Chords -------------------------------------------------------------------


def test_chords_of_falling_fifths_end_on_the_tonic_and_fill_the_span() -> None:
    for seed in range(20):
        events = chords(load_lsystem("falling_fifths").derive(3, stage_rng(seed, "x")))
        assert sum(event.duration for event in events) == 16
        assert events[-1].numeral == "I"
        for event in events:
            RomanNumeral.parse(event.numeral)
        line = ["vi7", "ii7", "V7", "I"]
        prepared = [event.numeral for event in events[1:]]
        assert prepared == line[-len(prepared) :]
        assert len(prepared) >= 2


def test_each_chord_lasts_its_parameter() -> None:
    system = parse_lsystem("symbols: words\naxiom: I(2) Q V7 I")
    events = chords(system.derive(0), {"unit": "2"})
    assert [(event.numeral, float(event.onset), float(event.duration)) for event in events] == [
        ("I", 0, 4),
        ("V7", 4, 2),
        ("I", 6, 2),
    ]
    with pytest.raises(GrammarError, match="'Q' must be a Roman numeral, got 'H7'"):
        chords(system.derive(0), {"Q": "H7"})


# --- Form ---------------------------------------------------------------------


def test_form_of_aaba() -> None:
    sections = form(load_lsystem("aaba").derive(1))
    assert [(section.label, section.bar, section.bars) for section in sections] == [
        ("A", 0, 8),
        ("A", 8, 8),
        ("B", 16, 8),
        ("A", 24, 8),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from([4, 8, 16])), min_size=1, max_size=10
    ),
    st.integers(10, 200),
)
def test_fitted_bars_add_up_and_like_sections_stay_alike(
    sections: list[tuple[str, int]], total: int
) -> None:
    lengths = fit_bars(sections, total)
    assert sum(lengths) == total
    assert min(lengths) >= 1
    by_kind: dict[tuple[str, int], int] = {}
    for kind, bars in zip(sections[:-1], lengths[:-1], strict=True):
        assert by_kind.setdefault(kind, bars) == bars


def test_form_errors() -> None:
    derivation = load_lsystem("aaba").derive(2)
    with pytest.raises(GrammarError, match=r"total_bars must be at least 13 .*got 12"):
        form(derivation, total_bars=12)
    with pytest.raises(GrammarError, match="'A' must be 'label bars n'"):
        form(derivation, {"A": "A eight"})
    with pytest.raises(GrammarError, match="no form reading"):
        form(load_lsystem("cantor").derive(1))


def test_verse_chorus_always_ends_with_bridge_chorus_outro() -> None:
    for seed in range(20):
        system = load_lsystem("verse_chorus")
        sections = form(system.derive(system.steps, stage_rng(seed, "song")))
        assert [section.label for section in sections[-3:]] == ["bridge", "chorus", "outro"]


# --- All of them --------------------------------------------------------------


def test_every_event_leads_back_to_its_module() -> None:
    for name, reading in (("hilbert", "contour"), ("canon", "tokens"), ("rondo", "form")):
        derivation = load_lsystem(name).derive(2)
        for event in read(derivation, reading):
            path = derivation.ancestry(event.source)
            assert len(path) == 3
            assert path[-1] == event.source
            assert path[0] < len(derivation.system.axiom)


def test_rows_are_plain() -> None:
    assert rows(read(load_lsystem("cantor").derive(0), "rhythm", {"total": "3/4"})) == [
        {"onset": "0", "duration": "3/4", "sounding": True, "source": 0}
    ]
    with pytest.raises(GrammarError, match="reading must be one of contour"):
        read(load_lsystem("cantor").derive(0), "smell")


# --- Motifs -------------------------------------------------------------------


@pytest.mark.parametrize("name", melodic_systems())
@pytest.mark.parametrize("beats", [2, 3, 4, 8])
def test_motifs_keep_their_bounds(name: str, beats: int) -> None:
    config = MotifConfig(beats=Fraction(beats))
    found = set()
    for seed in range(4):
        theme = lsystem_motif(name, config, stage_rng(seed, "motif"))
        assert theme == lsystem_motif(name, config, stage_rng(seed, "motif"))
        steps = [step for _, step in theme]
        assert sum(duration for duration, _ in theme) == beats
        assert all((duration * 4).denominator == 1 for duration, _ in theme)
        assert steps[0] == 0
        assert max(steps) - min(steps) <= 7
        assert max(abs(b - a) for a, b in pairwise(steps)) <= 4
        assert config.notes[0] <= len(theme) <= config.notes[1]
        found.add(theme)
    assert len(found) > 1


def test_motif_of_a_line_that_has_none() -> None:
    flat = [NoteEvent(Fraction(n), Fraction(1), 0, 0, n) for n in range(12)]
    with pytest.raises(GrammarError, match="no 4 beats of the 12 notes"):
        motif(flat)
    leaps = [NoteEvent(Fraction(n), Fraction(1), 6 * (n % 2), 0, n) for n in range(12)]
    with pytest.raises(GrammarError, match="leaps up to 4"):
        motif(leaps)
    with pytest.raises(GrammarError, match="must have a contour or tokens reading"):
        lsystem_motif("cantor")
    with pytest.raises(GrammarError, match="beats must be a positive multiple"):
        MotifConfig(beats=Fraction(1, 3))


def test_motif_takes_borrowed_values() -> None:
    line = [NoteEvent(n * HALF, HALF, n, 0, n) for n in range(8)]
    values = [Fraction(3, 2), HALF, Fraction(1), Fraction(1)]
    assert motif(line, values=values) == tuple(zip(values, range(4), strict=True))


# --- Turtle -------------------------------------------------------------------


def test_turtle_commands() -> None:
    modules = parse_lsystem("axiom: F(2)+(30)[F]|f(3)-(30)F(0-1)").axiom
    path = turtle_path(modules, TurtleConfig(angle=90))
    assert path.length.tolist() == [2, 1, 3, 1]
    assert path.drawn.tolist() == [True, True, False, True]
    assert path.depth.tolist() == [0, 1, 0, 0]
    assert path.direction.tolist() == [0, 30, 210, 0]
    assert path.start[1].tolist() == path.start[2].tolist() == [2, 0]


def test_svg_is_valid_stable_and_inside_its_box() -> None:
    path = turtle_path(load_lsystem("plant").derive(2).last, TurtleConfig(25.7, 90))
    text = turtle_svg(path, "a <plant>")
    assert text == turtle_svg(path, "a <plant>")
    root = ET.fromstring(text)
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    assert max(width, height) == pytest.approx(480, abs=0.01)
    points = [
        tuple(map(float, pair.split(",")))
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
        for pair in line.attrib["points"].split()
    ]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    assert root[0].text == "a <plant>"


def test_turtle_errors() -> None:
    with pytest.raises(GrammarError, match="must draw at least one line"):
        turtle_svg(turtle_path([]))
    with pytest.raises(GrammarError, match="must draw or move, not both"):
        TurtleConfig(draw=("F",), move=("F",))
    path = turtle_path(load_lsystem("plant").derive(1).last)
    with pytest.raises(GrammarError, match=r"size must be in 16\.\.10000"):
        turtle_svg(path, size=3)
