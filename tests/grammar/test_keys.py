"""Keys: names, degrees, spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.grammar.keys import Key, read_key

KEYS = st.builds(Key, st.integers(-20, 20), st.sampled_from(["major", "minor"]))


@pytest.mark.parametrize(
    ("text", "name", "pitch_class"),
    [
        ("C major", "C major", 0),
        ("a", "A minor", 9),
        ("F# minor", "F# minor", 6),
        ("Eb", "Eb major", 3),
        ("bb", "Bb minor", 10),
        ("b", "B minor", 11),
        ("Gb:maj", "Gb major", 6),
        ("c♯ min", "C# minor", 1),
        ("D m", "D minor", 2),
        ("d M", "D major", 2),
        ("Cb", "Cb major", 11),
    ],
)
def test_keys_are_read_in_the_usual_spellings(text: str, name: str, pitch_class: int) -> None:
    assert str(read_key(text)) == name
    assert read_key(text).pitch_class == pitch_class


@pytest.mark.parametrize("text", ["", "H", "C dorian", "Cb#", "major"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(GrammarError, match=r"key must read like|mode must be one of"):
        read_key(text)


@pytest.mark.parametrize(
    ("key", "degree", "expected"),
    [
        ("C major", "II", "D minor"),
        ("C major", "III", "E minor"),
        ("C major", "IV", "F major"),
        ("C major", "V", "G major"),
        ("C major", "VI", "A minor"),
        ("C major", "VII", "B minor"),
        ("A minor", "III", "C major"),
        ("A minor", "IV", "D minor"),
        ("A minor", "V", "E minor"),
        ("A minor", "VM", "E major"),
        ("A minor", "VI", "F major"),
        ("A minor", "VII", "G major"),
        ("Eb major", "iv", "Ab minor"),
        ("E major", "bII", "F major"),
        ("A minor", "bII", "Bb major"),
        ("C major", "#iv", "F# minor"),
        ("F# major", "V", "C# major"),
        ("C minor", "bIII", "Eb major"),
        ("C major", "Im", "C minor"),
    ],
)
def test_the_key_of_a_degree(key: str, degree: str, expected: str) -> None:
    assert str(read_key(key).degree(degree)) == expected


@pytest.mark.parametrize("degree", ["VIII", "X", "bb", "5", "Iv", ""])
def test_what_is_no_degree_is_refused(degree: str) -> None:
    with pytest.raises(GrammarError, match="degree must be a Roman numeral from I to VII"):
        Key().degree(degree)


@given(KEYS)
def test_a_keys_name_reads_as_the_key(key: Key) -> None:
    assert read_key(str(key)) == key


@given(KEYS, st.sampled_from(["II", "iv", "bVI", "#iv", "V"]), st.integers(-6, 6))
def test_transposing_before_or_after_gives_the_same_key(key: Key, degree: str, by: int) -> None:
    there = Key(key.fifths + by, key.mode).degree(degree)
    assert there.fifths == key.degree(degree).fifths + by
    assert there.mode == key.degree(degree).mode


def test_the_tonic_is_its_own_first_degree() -> None:
    assert Key(3, "minor").degree("I") == Key(3, "minor")


def test_another_mode_is_refused() -> None:
    with pytest.raises(GrammarError, match="mode must be one of major, minor, got 'dorian'"):
        Key(0, "dorian")
