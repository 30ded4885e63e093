"""Grammars and L-systems as exhibits: what they give parses again, and known strings come out."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.grammar.harmony_tgg import derive as derive_temporal
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.parse import Parser
from hybrid.grammar.rohrmeier import rohrmeier_grammar
from hybrid.grammar.steedman import derive as derive_blues
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.exhibit import Demonstration
from hybrid.history.grammar_melody import DETERMINISTIC, PROBABILISTIC
from hybrid.history.lsystem import SYSTEMS
from hybrid.history.registry import load_exhibit, run_exhibit


def run(name: str, seed: int = 1, **settings: str | int | float | bool) -> Demonstration:
    return run_exhibit(load_exhibit(name), seed, settings)[0]


def facts(made: Demonstration) -> dict[str, str]:
    return dict(made.facts)


# --- Melody --------------------------------------------------------------------------------


@pytest.mark.parametrize("bars", ["8", "24"])
def test_a_melody_is_as_long_as_asked_and_parses_again(bars: str) -> None:
    parser = Parser(read_grammar(PROBABILISTIC))
    # Parsing takes the cube of the length.
    for seed in range(3 if bars == "8" else 1):
        made = run("grammar-melody", seed, bars=bars)
        notes = made.score.tracks[0].notes
        assert made.score.length == int(bars) * 4 * TICKS_PER_QUARTER
        names = [entry.choice.split()[0] for entry in made.trace.entries if entry.kind == "note"]
        quarters = [Fraction(int(note["duration"]), TICKS_PER_QUARTER) for note in notes]
        words = [f"{name}[{length}]" for name, length in zip(names, quarters, strict=True)]
        assert parser.accepts(words)
    assert not parser.accepts(words[:-1])


def test_a_deterministic_grammar_has_one_string() -> None:
    first, second = (
        run("grammar-melody", 1, kind="deterministic"),
        run("grammar-melody", 2, kind="deterministic"),
    )
    assert np.array_equal(first.score.tracks[0].notes, second.score.tracks[0].notes)
    # Song, Period, Phrase, Rise, Fall, Open, Turn, Half, by hand.
    opening = "C5 D5 E5 G5 F5 E5 D5 E5 F5 E5 D5 E5 D5 B4".split()  # noqa: SIM905
    names = [entry.choice.split()[0] for entry in first.trace.entries if entry.kind == "note"]
    assert names[: len(opening)] == opening
    assert facts(first)["Probability of this tree"] == "1"
    assert read_grammar(DETERMINISTIC).kind == "deterministic"


# --- Blues ---------------------------------------------------------------------------------

_PLACES = {"I": 0, "V": 1, "II": 2, "VI": 3, "III": 4, "VII": 5, "IV": -1}


def place(name: str) -> int:
    """Root on the line of fifths above the tonic, read off a chord's name."""
    match = re.match(r"([b#]*)(VII|VI|IV|V|III|II|I)", name)
    assert match is not None
    return _PLACES[match[2]] + 7 * (match[1].count("#") - match[1].count("b"))


@pytest.mark.parametrize("seed", range(12))
def test_a_blues_has_twelve_bars_and_rules_that_hold(seed: int) -> None:
    derivation = derive_blues(np.random.default_rng(seed))
    assert sum(bars for _, _, bars in derivation.chords) == 12
    for bars in (bars for _, _, bars in derivation.chords):
        assert bars.denominator in (1, 2)
    for step in derivation.steps:
        rule, before, after = re.match(r"\((\d)\) (.*) -> (.*)", step).groups()  # type: ignore[union-attr]
        old, new = before.split(), after.split()
        if rule == "1":
            assert place(new[0]) == place(new[1]) == place(old[0])
        elif rule == "2":
            assert place(new[1]) == place(old[0]) - 1, "the second half is the subdominant"
        elif rule == "3":
            assert place(new[0]) == place(old[1]) + 1, "a fifth above the chord after it"
            assert old[1].endswith("7")
        elif rule == "4":
            assert place(new[0]) == place(old[1]) - 5, "a half tone above its goal"
        else:
            assert rule in ("5", "6")


def test_without_dominants_the_blues_stays_plain() -> None:
    made = run("steedman-blues", 3, dominants=0.0, tritones=0.0)
    assert made.score.length == 24 * 4 * TICKS_PER_QUARTER
    makers = {entry.maker for entry in made.trace.entries if entry.kind == "rule"}
    assert not makers & {"rule 3", "rule 4"}
    always = run("steedman-blues", 3, dominants=1.0)
    assert any(entry.maker == "rule 3" for entry in always.trace.entries)


# --- Harmony -------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "mode"), [("C major", "major"), ("A minor", "minor")])
def test_a_tonal_sentence_parses_again_and_closes(key: str, mode: str) -> None:
    parser = Parser(rohrmeier_grammar(mode), start="piece")
    tonic = "i" if mode == "minor" else "I"
    for seed in range(4):
        made = run("rohrmeier", seed, key=key, chords=12)
        chords = facts(made)["Chords"].split()
        assert len(chords) == 12
        assert chords[0] == tonic
        assert chords[-2:] == ["V", tonic]
        assert parser.accepts(chords)
    assert not parser.accepts([tonic, "V", "IV"])


@pytest.mark.parametrize("bars", [4, 16, 32])
def test_time_is_handed_down_without_loss(bars: int) -> None:
    made = run("temporal-grammar", 5, bars=bars)
    assert made.score.length == bars * 4 * TICKS_PER_QUARTER
    tree = derive_temporal(Key.parse("C major"), 4 * bars, np.random.default_rng(5)).tree
    for node in tree.preorder():
        if node.children:
            assert sum(child.duration or 0 for child in node.children) == node.duration


def test_a_let_sounds_twice() -> None:
    for seed in range(60):
        made = run("temporal-grammar", seed)
        if made.trace.counts["nodes under a let"]:
            return
    pytest.fail("no seed of sixty used a let")


def test_chords_stay_near_each_other() -> None:
    player = ChordPlayer()
    first = player.position((0, 4, 1))
    assert [pitch % 12 for pitch, _ in first] == [0, 4, 7]
    second = player.position((-1, 3, 0))
    assert {pitch % 12 for pitch, _ in second} == {5, 9, 0}
    moves = [abs(a - b) for (a, _), (b, _) in zip(first, second, strict=True)]
    assert max(moves) <= 2
    assert bass_note(-2) == (46, -2)


# --- L-systems -----------------------------------------------------------------------------


def test_algae_grow_by_fibonacci() -> None:
    lengths = facts(run("lsystem", system="algae"))["Lengths of the strings"].split()
    # Lindenmayer 1968.
    assert [int(length) for length in lengths] == [1, 2, 3, 5, 8, 13, 21, 34, 55]


def test_a_cantor_set_has_two_to_the_n_strokes() -> None:
    made = run("lsystem", system="cantor", steps=3)
    onsets = made.score.tracks[0].notes["onset"]
    unit = int(made.score.tracks[0].notes["duration"][0])
    # Numbers below 27 whose ternary digits are 0 and 2 only.
    assert [int(onset) // unit for onset in onsets] == [0, 2, 6, 8, 18, 20, 24, 26]


def test_the_hilbert_curve_is_heard_as_it_is_walked() -> None:
    made = run("lsystem", system="hilbert", steps=2, key="C major")
    steps = [int(entry.choice.split()[2]) for entry in made.trace.entries if entry.kind == "note"]
    # By hand, from the curve of order 2: heights of its horizontal segments.
    assert steps[:4] == [0, 1, 3, 2]
    curve = next(panel for panel in made.machine.panels if panel.kind == "curve")
    assert len(curve.to_dict()["series"][0][1]) == 4**2, "4 ** n points, 4 ** n - 1 steps"


def test_every_system_is_heard() -> None:
    for name in SYSTEMS:
        made = run("lsystem", system=name, steps=2)
        assert made.score.n_notes > 0, name
