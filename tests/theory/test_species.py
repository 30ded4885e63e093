"""Species counterpoint: Fux's own exercises pass, and each rule finds its mistake in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from benchmarks.fux import CANTUS, Exercise, read_exercises, score_of
from hybrid.core.errors import ScoreError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import Score, Track
from hybrid.theory.checker import check
from hybrid.theory.ruleset import load_rule_set
from hybrid.theory.slices import slice_score
from hybrid.theory.species import SPECIES_CHECKS, find_cantus

WHOLE = 4 * 480
SETS = ("fux1", "fux2", "fux3", "fux4", "fux5")
EXERCISES = {item.figure: item for item in read_exercises()}
TWO_VOICES = [item for item in EXERCISES.values() if item.n_voices == 2 and len(item.species) == 1]


class Plant(NamedTuple):
    """A mistake in a figure by Fux: words of a voice from one on, and the bar of the finding."""

    rule: str
    figure: str
    at: int
    words: str
    bar: int
    voice: int = 0
    species: int | None = None


PLANTS = [
    Plant("dissonance", "5", 3, "G4", 4),
    Plant("dissonance", "5", 4, "C5", 5),  # a fourth above the lowest voice
    Plant("dissonance", "5", 3, "A#4", 4),  # an augmented fifth
    Plant("parallel_fifths", "5", 2, "B4 A4", 4),
    Plant("parallel_octaves", "5", 6, "A5 G5", 8),
    Plant("parallel_unisons", "5", 2, "E4 D4", 4),
    Plant("direct_perfect", "5", 2, "C5", 4),
    Plant("joint_leap", "5", 3, "F4 B4", 5),
    Plant("imperfect_run", "5", 4, "B4 A4 C5 B4", 8),
    Plant("inner_unison", "5", 3, "D4", 4),
    Plant("crossing", "5", 3, "B3", 4),
    Plant("distance", "5", 3, "B5", 4),
    Plant("melodic_interval", "5", 3, "F5", 4),  # a seventh
    Plant("melodic_interval", "5", 3, "G#4", 4),  # a chromatic step
    Plant("melodic_interval", "5", 3, "F4 B4", 5),  # a tritone
    Plant(
        "melodic_interval", "5", 2, "G#4 Db5", 4
    ),  # a fifth diminished twice, as wide as a fourth
    Plant("dissonance", "5", 3, "Cbb5", 4),  # as wide as a minor sixth is, and none
    Plant("falling_sixth", "5", 6, "F5 A4", 8),
    Plant("leap_turn", "5", 2, "C4 A4 B4", 4),
    Plant("two_leaps", "5", 2, "C4 A4 E5", 5),
    Plant("repeated_tone", "5", 2, "A4", 3),
    Plant("compass", "5", 2, "C4 A4 B4 C5 C5 B4 A5", 3),
    Plant("summit", "5", 3, "D5", 9),
    Plant("tritone_outline", "5", 2, "F4 G4 B4 A4", 5),
    Plant("opening", "5", 0, "B4", 1),
    Plant("opening", "6", 0, "G3", 1, voice=1),  # a fifth below the cantus
    Plant("closing", "5", 10, "A4", 11),
    Plant("clausula", "5", 9, "C5", 11),  # the seventh degree is not raised
    Plant("clausula", "6", 9, "A3", 11, voice=1),
    Plant("note_values", "5", 3, "A4:2 C5:2", 4),
    Plant("note_values", "5", 0, "A4", 1, species=2),
    Plant("inner_rest", "5", 4, "R", 6),
    Plant("note_values", "33", 6, "A4:1 B4:1 A4:2", 4),
    Plant("repeated_tone", "33", 1, "A4:2", 1),
    Plant("strong_dissonance", "33", 2, "B4:2", 2),
    Plant("weak_dissonance", "33", 11, "B4:2", 6),
    Plant("weak_dissonance", "33", 7, "G4:2", 4),
    Plant("bar_parallels", "33", 4, "B4:2 G4:2 A4:2", 4),
    Plant("note_values", "55", 4, "A4:2", 2),
    Plant("strong_dissonance", "55", 8, "F5:1", 3),
    Plant("weak_dissonance", "55", 6, "F5:1", 2),
    Plant("accented_leap", "55", 1, "F4:1", 1),
    Plant("strong_dissonance", "73", 6, "B4:2", 6),
    Plant("suspension_preparation", "73", 7, "G5", 7),
    Plant("suspension_resolution", "73", 3, "E5", 3),
    Plant("ligature", "73", 1, "A4:2 C5:2", 2),
    Plant("cadence_suspension", "73", 10, "D5:2 B4:2", 10),
    Plant("eighths", "82", 19, "E5:1/2 C5:1/2", 8),
    Plant("suspension_resolution", "82", 19, "D5:1/2 C5:1/2 C5:3", 8),
    Plant("rhythm_variety", "55", 0, "D4:1", 3, species=5),
    Plant("opening_chord", "101", 0, "B3", 1, voice=1),
    Plant("closing_chord", "101", 10, "F4", 11, voice=1),
    Plant("direct_perfect_outer", "101", 4, "G3", 5, voice=2),
]
#: Lines of our own for rules that Fux's figures give no room for; the cantus is the last one.
OTHERS = [
    ("contrary_fifths", 1, ("A4 D5 C#5 D5", "D4 G3 E4 D4"), 2),
    ("contrary_octaves", 1, ("D4 A4 C#5 D5", "D4 A3 E4 D4"), 2),
    ("similar_motion", 1, ("F5 E5 D5 C5 B4 A4 G4 C#5 D5", "D4 C4 B3 A3 G3 F3 E3 E4 D4"), 1),
    ("tie_values", 5, ("R:2 A4:2 D4:1 E4:1 F4:1 A4:3 G4:2 C#5 D5", "D4 F4 E4 E4 D4"), 2),
    ("suspension_interval", 4, ("A4 B4 C5 B4 A4", "R:2 A3:2 G3:2 D4 C4 G#3:2 A3"), 3),
]
#: What looks like a mistake and is none: rule, species, counterpoint, cantus.
ALLOWED = [
    ("weak_dissonance", 2, "A4:2 B4:2 C5:2 B4:2 A4:2 C#5:2 D5", "F4 E4 E4 D4"),  # passing
    ("weak_dissonance", 3, "A4:1 B4:1 A4:1 C5:1 C5:1 B4:1 C5:1 C#5:1 D5", "F4 E4 D4"),  # neighbour
    ("weak_dissonance", 3, "E5:1 D5:1 B4:1 C5:1 G4:1 A4:1 B4:1 C#5:1 D5", "E4 E4 D4"),  # cambiata
    ("weak_dissonance", 3, "C5:1 D5:1 B4:1 C5:1 G4:1 A4:1 B4:1 C#5:1 D5", "A4 E4 D4"),  # double
    ("bar_parallels", 2, "B4:2 E4:2 A4:2 C5:2 C#5 D5", "E4 D4 E4 D4"),  # saved by a fourth
    ("suspension_resolution", 5, "R:2 A4 G4:2 D5:3 A4:1 C#5:2 D5", "D4 F4 E4 D4"),  # ornament
    ("inner_unison", 2, "A4:2 B4:2 C5:2 E4:2 B4:2 C#5:2 D5", "F4 E4 E4 D4"),  # on a weak place
]


def edited(plant: Plant) -> Score:
    """The figure with the plant's words in place of as many of its own."""
    exercise = EXERCISES[plant.figure]
    voices = list(exercise.lines)
    cells, words = voices[plant.voice].split(), plant.words.split()
    cells[plant.at : plant.at + len(words)] = words
    voices[plant.voice] = " ".join(cells)
    return score_of(voices, exercise.cantus)


def bars(score: Score, rules: str) -> set[tuple[str, int]]:
    """Rules and bars, from 1, of all findings."""
    return {(found.rule, found.tick // WHOLE + 1) for found in check(score, rules)}


@pytest.mark.parametrize("exercise", TWO_VOICES, ids=lambda item: f"figure {item.figure}")
def test_two_voices_by_fux_break_no_rule(exercise: Exercise) -> None:
    """Not one error in 44 exercises."""
    found = check(exercise.score, f"fux{exercise.species[0]}")
    assert [str(item) for item in found if item.severity == "error"] == []


def test_more_voices_by_fux_break_few_rules() -> None:
    """Every error in three and four voices is known and looked up."""
    module = pytest.importorskip("benchmarks.fux_rates")
    errors = {
        exercise.figure
        for exercise in module.single_species()
        for found in module.check_exercise(exercise)
        if found.severity == "error"
    }
    assert errors == set(module.VERDICTS)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.rule} in {plant.figure}")
def test_planted_mistake_is_found(plant: Plant) -> None:
    exercise = EXERCISES[plant.figure]
    rules = f"fux{plant.species or exercise.species[0]}"
    wanted = plant.rule, plant.bar
    assert wanted in bars(edited(plant), rules)
    if plant.species is None:
        assert wanted not in bars(exercise.score, rules)


@pytest.mark.parametrize(("rule", "species", "voices", "bar"), OTHERS, ids=lambda item: str(item))
def test_mistake_in_other_lines_is_found(
    rule: str, species: int, voices: tuple[str, ...], bar: int
) -> None:
    cantus = 0 if rule == "suspension_interval" else len(voices) - 1
    assert (rule, bar) in bars(score_of(voices, cantus), f"fux{species}")


@pytest.mark.parametrize(("rule", "species", "line", "cantus"), ALLOWED)
def test_what_looks_alike_is_free(rule: str, species: int, line: str, cantus: str) -> None:
    assert rule not in {found for found, _ in bars(score_of((line, cantus), 1), f"fux{species}")}


def test_every_rule_has_a_mistake() -> None:
    planted = {plant.rule for plant in PLANTS} | {rule for rule, *_ in OTHERS}
    assert planted == {rule for name in SETS for rule in load_rule_set(name).rules}


def test_every_rule_is_decided_by_the_checks_of_species_or_of_the_chorale() -> None:
    decided = {rule for _, rules in SPECIES_CHECKS for rule in rules}
    for name in SETS:
        own = {rule.id for rule in load_rule_set(name).rules.values() if rule.needs == "cantus"}
        assert own <= decided


@pytest.mark.parametrize("name", SETS)
def test_every_rule_says_what_it_rests_on(name: str) -> None:
    for rule in load_rule_set(name).rules.values():
        assert rule.basis in ("treatise", "convention"), rule.id
        assert "(1" in rule.source, rule.id  # a year: the citation is in words


# --- The cantus firmus ----------------------------------------------------------------------


def unnamed(exercise: Exercise, *names: str) -> Score:
    tracks = exercise.score.tracks
    names = names or tuple(f"part {index}" for index in range(len(tracks)))
    return Score(
        tuple(Track(name, track.notes) for name, track in zip(names, tracks, strict=True)),
        exercise.score.ticks_per_quarter,
        metres=exercise.score.metres,
    )


@pytest.mark.parametrize("figure", ["5", "6", "33", "56", "74", "82", "101", "141", "160", "203"])
def test_the_cantus_is_found(figure: str) -> None:
    """By its whole notes, and among whole notes by its close."""
    exercise = EXERCISES[figure]
    slices = slice_score(unnamed(exercise))
    assert slices.names[find_cantus(slices)] == f"part {exercise.cantus}"


def test_the_cantus_may_be_named() -> None:
    score = unnamed(EXERCISES["5"], "upper", "lower")
    slices = slice_score(score)
    assert slices.names[find_cantus(slices, "UPPER")] == "upper"
    # The other voice then closes the wrong way round for nothing but the outline of the cantus.
    assert check(score, "fux1", cantus="lower") == check(score, "fux1")


@pytest.mark.parametrize(
    ("voices", "cantus", "match"),
    [
        (("A4 B4", "D4 D4"), None, r"must be named .* \(--cantus NAME\)"),
        (("A4 D5", "D4 D4"), "tenor", "cantus must be one of the voices .* got 'tenor'"),
        (("A4:2 B4:2 C#5 D5", "D4 E4 D4"), "voice 1", "equal notes .* 'voice 1'"),
        (("A4 B4 A4",), None, "two voices or more, got 1"),
    ],
)
def test_no_cantus_is_said_in_one_line(
    voices: tuple[str, ...], cantus: str | None, match: str
) -> None:
    with pytest.raises(ScoreError, match=match):
        check(score_of(voices), "fux1", cantus=cantus)


def test_without_spelling_semitones_decide() -> None:
    score = EXERCISES["5"].score
    tracks = []
    for track in score.tracks:
        notes = track.notes.copy()
        notes["spelling"] = NO_SPELLING
        tracks.append(Track(track.name, notes))
    bare = Score(tuple(tracks), score.ticks_per_quarter, metres=score.metres)
    assert {found.rule for found in check(bare, "fux1")} == {
        found.rule for found in check(score, "fux1")
    }


@pytest.mark.parametrize("figure", ["5", "33", "55", "73", "82", "141"])
def test_transposing_and_stretching_changes_nothing(figure: str) -> None:
    exercise = EXERCISES[figure]
    score, rules = exercise.score, f"fux{exercise.species[0]}"
    before = bars(score, rules)
    assert bars(score.transposed(2), rules) == before
    tracks = []
    for track in score.tracks:
        notes = track.notes.copy()
        notes["onset"] *= 2
        notes["duration"] *= 2
        tracks.append(Track(track.name, notes))
    slow = Score(tuple(tracks), score.ticks_per_quarter)
    assert {(rule, (bar + 1) // 2) for rule, bar in bars(slow, rules)} == before


def test_notes_played_short_are_read_as_written() -> None:
    score = EXERCISES["73"].score
    tracks = []
    for track in score.tracks:
        notes = track.notes.copy()
        notes["duration"] -= np.minimum(notes["duration"] // 10, 100)
        tracks.append(Track(track.name, notes))
    played = Score(tuple(tracks), score.ticks_per_quarter, metres=score.metres)
    assert bars(played, "fux4") == bars(score, "fux4")


def test_the_name_of_the_cantus_is_the_one_the_exercises_use() -> None:
    assert CANTUS in {track.name for track in EXERCISES["5"].score.tracks}
