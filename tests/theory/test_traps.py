"""What other checkers get wrong, each with the mistake that it must not hide."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score
from hybrid.theory.checker import check

ScoreMaker = Callable[..., Score]
ChordMaker = Callable[..., tuple[ChordSpan, ...]]
PARALLELS = {"parallel_fifths", "parallel_octaves", "parallel_unisons"}


def rules(score: Score, chords: tuple[ChordSpan, ...] = ()) -> set[str]:
    return {finding.rule for finding in check(score, chords=chords)}


@pytest.mark.parametrize(
    "voices",
    [
        ("C5 C4", "C4 C3"),  # both an octave down
        ("C4 C5", "C3 C4"),
        ("G4 G5", "C4 C5"),  # a fifth, both an octave up
        ("C4 C5", "C4 C5"),  # unison
        ("C5 C6", "C3 C5"),  # one octave and two octaves
    ],
)
def test_octave_leap_in_both_voices_is_no_parallel(
    score_of: ScoreMaker, voices: tuple[str, str]
) -> None:
    assert not rules(score_of(*voices)) & PARALLELS


def test_octaves_after_an_octave_leap_are_found(score_of: ScoreMaker) -> None:
    assert "parallel_octaves" in rules(score_of("C5 C4 D4", "C4 C3 D3"))


def test_doubled_dominant_is_no_leading_tone(score_of: ScoreMaker, chords_of: ChordMaker) -> None:
    score = score_of("D5 C5", "G4 G4", "B3 C4", "G3 C3")
    found = rules(score, chords_of("V I"))
    assert "doubled_leading_tone" not in found
    assert "unresolved_leading_tone" not in found


def test_doubled_leading_tone_beside_it_is_found(
    score_of: ScoreMaker, chords_of: ChordMaker
) -> None:
    assert "doubled_leading_tone" in rules(
        score_of("B4 C5", "G4 G4", "B3 C4", "G3 C3"), chords_of("V I")
    )


@pytest.mark.parametrize(
    ("voices", "chords"),
    [
        (("B4:2 C5", "D4 F4 E4", "G3 D4 C4", "G3:2 C3"), "V V7 I"),
        (("B4 B4 C5", "D4 D4 E4", "G3 F3 E3", "G3 G3 C3"), "V V7 I"),
        (("B4:2 C5", "G4 F4 E4", "D4:2 C4", "G3 B2 C3"), "V V65 I"),
        (("B4:2 C5", "G4 F4 G4", "D4:2 E4", "G3 Ab3 G3"), "V viio7 I64"),
    ],
)
def test_leading_tone_held_over_a_prolonged_dominant(
    score_of: ScoreMaker, chords_of: ChordMaker, voices: tuple[str, ...], chords: str
) -> None:
    found = check(score_of(*voices), chords=chords_of(chords))
    left = {"unresolved_leading_tone", "frustrated_leading_tone"}
    assert not [f for f in found if f.rule in left and "soprano" in f.voices]


def test_leading_tone_left_at_the_end_of_the_prolongation_is_found(
    score_of: ScoreMaker, chords_of: ChordMaker
) -> None:
    score = score_of("B4:2 G4", "D4 F4 E4", "G3 D4 C4", "G3:2 C3")
    assert "unresolved_leading_tone" in rules(score, chords_of("V V7 I"))


@pytest.mark.parametrize(
    ("key", "up", "down"),
    [("A minor", "A4", "E4"), ("A major", "A4", "E4")],
)
def test_leading_tone_of_minor_is_the_raised_one(
    score_of: ScoreMaker, chords_of: ChordMaker, key: str, up: str, down: str
) -> None:
    tonic = "i" if key.endswith("minor") else "I"
    third = "C4" if tonic == "i" else "C#4"
    for end, expected in ((up, False), (down, True)):
        score = score_of(f"G#4 {end}", "E4 E4", f"B3 {third}", "E3 A2", key=key)
        found = rules(score, chords_of(f"V {tonic}", key))
        assert ("unresolved_leading_tone" in found) == expected


def test_minor_key_is_inferred_where_nobody_says_so(score_of: ScoreMaker) -> None:
    """The signature of C major, the notes of A minor, no chords: the fall of G# is found."""
    score = score_of(
        "A4 B4 C5 B4 A4 G#4 E4:2",
        "E4 E4 E4 E4 F4 E4 C4:2",
        "C4 G#3 A3 E3 D4 B3 A3:2",
        "A2 E3 A2 G#3 D3 E3 A2:2",
        key="C major",
    )
    found = [f for f in check(score) if f.rule == "unresolved_leading_tone"]
    assert [(f.bar, f.beat, f.voices) for f in found] == [(2, 3.0, ("soprano",))]


@pytest.mark.parametrize("voices", [("G4 G4", "C4 C4"), ("G4 G4 G4", "C4:3"), ("G5 G5", "C3 C3")])
def test_stationary_fifths_are_no_parallels(score_of: ScoreMaker, voices: tuple[str, str]) -> None:
    assert not rules(score_of(*voices)) & PARALLELS


def test_crossed_voices_hide_no_parallels(score_of: ScoreMaker) -> None:
    """The part called alto lies under the tenor in both chords: still fifths."""
    found = check(score_of("C5 D5", "C4 D4", "G4 A4", "E3 F3"), chords=())
    pairs = [f.voices for f in found if f.rule == "parallel_fifths"]
    assert pairs == [("alto", "tenor")]


def test_a_fourth_between_crossed_voices_is_no_fifth(score_of: ScoreMaker) -> None:
    assert not rules(score_of("C4 D4", "F4 G4")) & PARALLELS


def test_exchanged_voices_are_heard(score_of: ScoreMaker) -> None:
    assert "hidden_parallels" in rules(score_of("G4 D4", "C4 A4"))


@pytest.mark.parametrize(("rest", "expected"), [("1/2", True), ("1", True), ("2", False)])
def test_rests_between(score_of: ScoreMaker, rest: str, expected: bool) -> None:
    """A short rest hides no parallels; after a long one a new line begins."""
    score = score_of(f"G4 R:{rest} A4", f"C4 R:{rest} D4")
    assert ("parallel_fifths" in rules(score)) == expected


def test_other_notes_during_a_rest_part_the_chords(score_of: ScoreMaker) -> None:
    """The upper voice pauses while the lower one goes elsewhere and on."""
    assert not rules(score_of("G4 R A4", "C4 E4 D4")) & PARALLELS


def test_phrase_breaks_are_counted_apart(score_of: ScoreMaker) -> None:
    marked = rules(score_of("G4! A4", "C4 D4"))
    assert "phrase_break_parallels" in marked
    assert not marked & PARALLELS


def test_phrase_starts_may_be_given(score_of: ScoreMaker) -> None:
    score = score_of("G4 A4", "C4 D4")
    found = {f.rule for f in check(score, chords=(), phrase_starts_at=[480])}
    assert "phrase_break_parallels" in found
    assert not found & PARALLELS


def test_a_half_cadence_leaves_its_leading_tone(
    score_of: ScoreMaker, chords_of: ChordMaker
) -> None:
    """The next phrase starts on the tonic; nothing was to be resolved."""
    score = score_of("B4! G4", "D4 E4", "G3 C4", "G3 C3")
    assert "unresolved_leading_tone" not in rules(score, chords_of("V I"))


def test_repeated_octaves_of_a_pedal_are_no_parallels(score_of: ScoreMaker) -> None:
    assert not rules(score_of("C5:1/2 C5:1/2 C5", "C4 C4")) & PARALLELS


def test_inner_is_what_sounds_between_whatever_the_order_of_lines(score_of: ScoreMaker) -> None:
    """Lines of broken chords change places: the lowest line by number may lie in the middle."""
    score = score_of("E5 D5 C5:2", "C5 G5:1 E5:2", "C3 G2 C3:2", "G3 B3 G3:2", key="C major")
    rules = {finding.rule for finding in check(score)}
    assert "frustrated_leading_tone" in rules
    assert "unresolved_leading_tone" not in rules


@pytest.mark.parametrize(("rest", "expected"), [("0", True), ("1/4", True), ("1", False)])
def test_a_rest_in_all_voices_ends_what_was_to_be_resolved(
    score_of: ScoreMaker, chords_of: ChordMaker, rest: str, expected: bool
) -> None:
    """Nothing begins in the silence, so no slice shows it; played short is no rest."""
    pause = "" if rest == "0" else f" R:{rest}"
    length = 2 - Fraction(rest)
    voices = [
        f"{first}:{length}{pause} {second}"
        for first, second in (("B4", "G4"), ("D4", "E4"), ("G3", "C4"), ("G3", "C3"))
    ]
    found = rules(score_of(*voices), chords_of("V:2 I"))
    assert ("unresolved_leading_tone" in found) == expected
