"""The key of a degree: mode, spelling, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.grammar.keys import degree_key, read_key

KEYS = st.builds(Key, st.integers(-3, 3), st.sampled_from(["major", "minor"]))


@pytest.mark.parametrize("text", ["", "H", "C lokrian", "Cb#", "major"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(GrammarError, match="key must read like"):
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
    assert degree_key(read_key(key), degree).name == expected


@pytest.mark.parametrize("degree", ["VIII", "X", "bb", "5", "Iv", ""])
def test_what_is_no_degree_is_refused(degree: str) -> None:
    with pytest.raises(GrammarError, match="degree must be a Roman numeral from I to VII"):
        degree_key(Key(0), degree)


@given(KEYS, st.sampled_from(["II", "iv", "bVI", "#iv", "V"]), st.integers(-4, 4))
def test_transposing_before_or_after_gives_the_same_key(key: Key, degree: str, by: int) -> None:
    there = degree_key(Key(key.tonic + by, key.mode), degree)
    assert there.tonic == degree_key(key, degree).tonic + by
    assert there.mode == degree_key(key, degree).mode


@given(KEYS, st.lists(st.sampled_from(["V", "III", "#iv", "bII"]), max_size=30))
def test_keys_stay_writable_however_far_they_wander(key: Key, degrees: list[str]) -> None:
    for degree in degrees:
        key = degree_key(key, degree)
    assert abs(key.fifths) <= 15
    assert read_key(key.name) == key


def test_the_tonic_is_its_own_first_degree() -> None:
    assert degree_key(Key(3, "minor"), "I") == Key(3, "minor")
