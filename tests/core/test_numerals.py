from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, spelling_name


def tones(text: str, key: str) -> str:
    return " ".join(spelling_name(tone) for tone in RomanNumeral.parse(text).tones(Key.parse(key)))


@pytest.mark.parametrize(
    ("text", "key", "expected", "bass", "quality"),
    [
        ("I", "C", "C E G", "C", "major"),
        ("ii65", "C", "D F A C", "F", "minor-seventh"),
        ("V7", "g", "D F# A C", "D", "dominant-seventh"),
        ("V42", "C", "G B D F", "F", "dominant-seventh"),
        ("viio7", "c", "B D F Ab", "B", "diminished-seventh"),
        ("viio6", "c", "B D F", "D", "diminished"),
        ("vii%7", "C", "B D F A", "B", "half-diminished-seventh"),
        ("VII", "c", "Bb D F", "Bb", "major"),
        ("VI", "c", "Ab C Eb", "Ab", "major"),
        ("vio", "c", "A C Eb", "A", "diminished"),
        ("N6", "c", "Db F Ab", "F", "major"),
        ("N6", "C", "Db F Ab", "F", "major"),
        ("Cad64", "c", "C Eb G", "G", "minor"),
        ("Cad64", "C", "C E G", "G", "major"),
        ("Ger65", "c", "Ab C Eb F#", "Ab", "german-sixth"),
        ("It6", "C", "Ab C F#", "Ab", "italian-sixth"),
        ("Fr43", "C", "Ab C D F#", "Ab", "french-sixth"),
        ("V7/V", "C", "D F# A C", "D", "dominant-seventh"),
        ("viio7/ii", "C", "C# E G Bb", "C#", "diminished-seventh"),
        ("V/V/ii", "C", "E G# B", "E", "major"),
        ("V65/iv", "c", "C E G Bb", "E", "dominant-seventh"),
        ("bVI", "C", "Ab C Eb", "Ab", "major"),
        ("III+", "c", "Eb G B", "Eb", "augmented"),
        ("IVd7", "C", "F A C Eb", "F", "dominant-seventh"),
        ("IM7", "C", "C E G B", "C", "major-seventh"),
        ("Vsus4", "C", "G C D", "G", "suspended"),
        ("V9", "c", "G B D F Ab", "G", "dominant-seventh"),
        ("i6", "f#", "F# A C#", "A", "minor"),
    ],
)
def test_chord_tones(text: str, key: str, expected: str, bass: str, quality: str) -> None:
    numeral = RomanNumeral.parse(text)
    assert tones(text, key) == expected
    assert spelling_name(numeral.bass(Key.parse(key))) == bass
    assert numeral.quality(Key.parse(key)) == quality


@pytest.mark.parametrize(
    "text", ["", "VIII", "iV", "V8", "H7", "ii%", "Cad6", "VM", "V/", "/V", "N64", "b", "Vd"]
)
def test_malformed_numerals_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="got"):
        RomanNumeral.parse(text)


NUMERALS = ["I", "ii6", "V65", "viio7", "V7/V", "N6", "Ger65", "Cad64", "iv", "bVII", "vi7"]


@given(st.sampled_from(NUMERALS), st.integers(-5, 5), st.sampled_from(["major", "minor"]))
def test_transposition_moves_roots_not_numerals(text: str, fifths: int, mode: str) -> None:
    numeral = RomanNumeral.parse(text)
    home, away = Key(0, mode), Key(fifths, mode)
    moved = tuple(tone + fifths for tone in numeral.tones(home))
    assert numeral.tones(away) == moved
    assert numeral.root(away) == numeral.root(home) + fifths
    assert numeral.quality(away) == numeral.quality(home)


def test_functions() -> None:
    kinds = {text: RomanNumeral.parse(text).function for text in ("I", "ii6", "Cad64", "V7", "It6")}
    assert kinds == {
        "I": "tonic",
        "ii6": "subdominant",
        "Cad64": "dominant",
        "V7": "dominant",
        "It6": "subdominant",
    }
