"""Intervals of spelled pitches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.pitch import parse_pitch
from hybrid.theory.pitches import (
    consonant_above_bass,
    fifths_between,
    interval_name,
    is_augmented,
    is_diminished,
    is_step,
)

TABLE = [
    ("C4", "C4", "P1"),
    ("C4", "C#4", "A1"),
    ("C4", "Db4", "m2"),
    ("C4", "D4", "M2"),
    ("F4", "G#4", "A2"),
    ("C4", "Eb4", "m3"),
    ("C4", "E4", "M3"),
    ("G#4", "C5", "d4"),
    ("C4", "F4", "P4"),
    ("F4", "B4", "A4"),
    ("B3", "F4", "d5"),
    ("C4", "G4", "P5"),
    ("C4", "G#4", "A5"),
    ("C4", "Ab4", "m6"),
    ("C4", "A4", "M6"),
    ("C#4", "Bb4", "d7"),
    ("C4", "Bb4", "m7"),
    ("C4", "B4", "M7"),
    ("C4", "C5", "P8"),
    ("C4", "Eb5", "m10"),
    ("C3", "G4", "P12"),
]


def distance(first: str, second: str) -> tuple[int, int]:
    low, high = parse_pitch(first), parse_pitch(second)
    return high[0] - low[0], int(fifths_between(low[0], low[1], high[0], high[1]))


@pytest.mark.parametrize(("first", "second", "name"), TABLE)
def test_interval_names(first: str, second: str, name: str) -> None:
    if name == "P8":  # without a number of its own it is a unison an octave up
        assert interval_name(12, 0) == "P8"
        return
    semitones, fifths = distance(first, second)
    assert interval_name(semitones, fifths) == name
    back, fifths = distance(second, first)
    assert interval_name(back, fifths) == name


@pytest.mark.parametrize(("first", "second", "name"), TABLE)
def test_augmented_and_diminished(first: str, second: str, name: str) -> None:
    _, fifths = distance(first, second)
    assert bool(is_augmented(fifths)) == name.startswith("A")
    assert bool(is_diminished(fifths)) == name.startswith("d")


@pytest.mark.parametrize(
    ("semitones", "name"), [(6, "TT"), (7, "P5"), (-3, "m3"), (18, "TT+1 8ve")]
)
def test_names_without_spelling(semitones: int, name: str) -> None:
    assert interval_name(semitones).replace("8ve", " 8ve") == name


@given(st.integers(-40, 40))
def test_steps_are_one_or_two_semitones(semitones: int) -> None:
    assert bool(is_step(semitones)) == (abs(semitones) in (1, 2))


@given(st.integers(0, 60))
def test_consonance_repeats_at_the_octave(semitones: int) -> None:
    assert bool(consonant_above_bass(semitones)) == bool(consonant_above_bass(semitones + 12))
    assert bool(consonant_above_bass(semitones)) == (semitones % 12 in (0, 3, 4, 7, 8, 9))
