"""What chords do in their key, their symbols, and how often they change."""

from __future__ import annotations

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.chord_symbols import chord_symbol, chord_tones
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, spelling_name
from hybrid.core.score import Score, Track, make_notes
from hybrid.harmony.functions import chord_functions
from hybrid.harmony.rhythm import harmonic_rhythm

C = Key.parse("C major")
A = Key.parse("A minor")


def span(numeral: str, key: Key = C, onset: int = 0) -> ChordSpan:
    roman = RomanNumeral.parse(numeral)
    return ChordSpan(
        onset,
        onset + 480,
        numeral,
        key,
        roman.degree,
        roman.quality(key),
        roman.inversion,
        roman.root(key),
    )


@pytest.mark.parametrize(
    ("numerals", "functions"),
    [
        ("I IV V7 I", "tonic predominant dominant tonic"),
        ("ii6 I64 V7 vi", "predominant dominant dominant tonic"),
        ("I64 IV I", "tonic predominant tonic"),
        ("I V7/V V", "tonic applied dominant"),
        ("I64 V7/V", "tonic applied"),
        ("Ger65 N6 viio7 iii", "predominant predominant dominant tonic"),
    ],
)
def test_functions(numerals: str, functions: str) -> None:
    found = chord_functions([span(numeral) for numeral in numerals.split()])
    assert found == functions.split()


@pytest.mark.parametrize(
    ("numeral", "key", "symbol", "tones"),
    [
        ("I", C, "C", "C E G"),
        ("V65/V", C, "D7/F#", "D F# A C"),
        ("viiø7", C, "Bm7b5", "B D F A"),
        ("viio7", A, "G#dim7", "G# B D F"),
        ("i6", A, "Am/C", "A C E"),
        ("IVM7", C, "Fmaj7", "F A C E"),
        ("Ger65", A, "F7", "F A C D#"),
        ("Fr43", A, "F7b5", "F A B D#"),
        ("It6", A, "F7", "F A D#"),
        ("bVI", C, "Ab", "Ab C Eb"),
        ("V+", C, "G+", "G B D#"),
    ],
)
def test_symbols_are_those_of_lead_sheets(numeral: str, key: Key, symbol: str, tones: str) -> None:
    chord = span(numeral, key)
    assert str(chord_symbol(chord)) == symbol
    assert {spelling_name(tone) for tone in chord_tones(chord)} == set(tones.split())
    # The same tones as the numeral's own.
    assert set(chord_tones(chord)) == set(RomanNumeral.parse(numeral).tones(key))


def test_a_new_name_alone_is_no_change() -> None:
    score = Score(tracks=(Track("a", make_notes([(0, 3 * 1920, 60)])),))
    chords = [
        span("I", onset=0),
        span("V", onset=960),
        # The same chord in another key.
        span("I", Key.parse("G"), onset=1440),
        span("IV", Key.parse("G"), onset=1920),
    ]
    rhythm = harmonic_rhythm(chords, score)
    assert [(item.bar, item.changes) for item in rhythm] == [(1, 2), (2, 1), (3, 0)]
