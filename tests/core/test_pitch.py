from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import (
    MODE_SCALES,
    Key,
    diatonic_step,
    letter_and_alteration,
    octave_of,
    parse_pitch,
    parse_spelling,
    pitch_class,
    pitch_name,
    spelling_name,
    spelling_of,
)


@pytest.mark.parametrize(
    ("name", "pitch", "spelling"),
    [
        ("C4", 60, 0),
        ("A4", 69, 3),
        ("Bb3", 58, -2),
        ("B#3", 60, 12),
        ("Cb4", 59, -7),
        ("F##5", 79, 13),
        ("C-1", 0, 0),
        ("G9", 127, 1),
        ("e♭2", 39, -3),
        ("Fx4", 67, 13),
    ],
)
def test_pitch_names(name: str, pitch: int, spelling: int) -> None:
    assert parse_pitch(name) == (pitch, spelling)


@pytest.mark.parametrize("name", ["H4", "C", "C#b4", "G#9", "Cb-1", "", "4C", "C####4"])
def test_malformed_pitch_names_are_refused(name: str) -> None:
    with pytest.raises(ScoreError, match="a pitch must be"):
        parse_pitch(name)


@given(st.integers(-15, 19))
def test_spelling_names_round_trip(spelling: int) -> None:
    assert parse_spelling(spelling_name(spelling)) == spelling
    assert spelling_of(*letter_and_alteration(spelling)) == spelling


@given(st.integers(12, 115), st.integers(-15, 19))
def test_pitch_names_round_trip(pitch: int, spelling: int) -> None:
    pitch += (pitch_class(spelling) - pitch) % 12
    assert parse_pitch(pitch_name(pitch, spelling)) == (pitch, spelling)


def test_octave_belongs_to_the_letter_not_the_sound() -> None:
    assert octave_of(60, parse_spelling("B#")) == 3
    assert octave_of(59, parse_spelling("Cb")) == 4
    assert diatonic_step(60, 0) == 28
    assert diatonic_step(60, parse_spelling("B#")) == 27


@pytest.mark.parametrize(
    ("text", "name", "fifths"),
    [
        ("C", "C major", 0),
        ("g", "G minor", -2),
        ("F# minor", "F# minor", 3),
        ("Bb Major", "Bb major", -2),
        ("D dorian", "D dorian", 0),
        ("e_phrygian", "E phrygian", 0),
        ("c#", "C# minor", 4),
    ],
)
def test_keys(text: str, name: str, fifths: int) -> None:
    key = Key.parse(text)
    assert (key.name, key.fifths) == (name, fifths)
    assert Key.from_fifths(fifths, key.mode) == key


@pytest.mark.parametrize("text", ["", "C ionian", "H major", "C major scale"])
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(ScoreError):
        Key.parse(text)


@pytest.mark.parametrize("mode", MODE_SCALES)
def test_scales_use_every_letter_once(mode: str) -> None:
    scale = Key(0, mode).scale
    assert sorted(letter_and_alteration(note)[0] for note in scale) == list("ABCDEFG")


@pytest.mark.parametrize(
    ("key", "pitch", "name"),
    [
        ("C", 61, "Db"),
        ("C", 66, "F#"),
        ("g", 66, "F#"),
        ("g", 64, "E"),
        ("g", 63, "Eb"),
        ("F#", 65, "E#"),
        ("Db", 66, "Gb"),
        ("a", 68, "G#"),
    ],
)
def test_keys_spell_pitches(key: str, pitch: int, name: str) -> None:
    assert spelling_name(Key.parse(key).spell(pitch)) == name


@given(st.integers(-7, 7), st.sampled_from(sorted(MODE_SCALES)), st.integers(0, 127))
def test_spellings_sound_as_the_pitch(tonic: int, mode: str, pitch: int) -> None:
    assert pitch_class(Key(tonic, mode).spell(pitch)) == pitch % 12
