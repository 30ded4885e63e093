"""How likely a named chord is: the right one more than any other, in every key."""

from __future__ import annotations

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.harmony.likelihood import SoundLikelihood, chord_likelihoods, code_of, sound_code
from hybrid.harmony.shipped import load_analyser

CHORDS = [(48, 64, 67, 72), (41, 60, 65, 69), (43, 62, 65, 71), (48, 60, 64, 72)]


def span(at: int, text: str, key: str) -> ChordSpan:
    home, numeral = Key.parse(key), RomanNumeral.parse(text)
    return ChordSpan(
        960 * at,
        960 * at + 960,
        text,
        home,
        numeral.degree,
        numeral.quality(home),
        numeral.inversion,
        numeral.root(home),
    )


def cadence(move: int = 0) -> Score:
    rows = [(i * 960, 960, pitch + move) for i, chord in enumerate(CHORDS) for pitch in chord]
    return Score(tracks=(Track("organ", make_notes(rows)),))


@pytest.mark.parametrize(("move", "key"), [(0, "C major"), (3, "Eb major")])
def test_the_chords_that_sound_are_likelier_than_others(move: int, key: str) -> None:
    analyser = load_analyser()
    right = [span(at, text, key) for at, text in enumerate(("I", "IV", "V7", "I"))]
    wrong = [span(at, text, key) for at, text in enumerate(("vi", "ii6", "V6", "iii"))]
    good = chord_likelihoods(analyser, cadence(move), right)
    bad = chord_likelihoods(analyser, cadence(move), wrong)
    assert (good > -1).all()
    assert (bad < -1.5).all()


def test_a_triad_counts_with_its_seventh_and_in_any_key() -> None:
    heard = SoundLikelihood(load_analyser(), cadence())
    assert heard.of_chord(span(2, "V", "C major")) == heard.of_chord(span(2, "V7", "C major"))
    assert heard.of_chord(span(2, "V", "C major")) == heard.of_chord(span(2, "I", "G major"))
    assert heard.best_frame(span(2, "V", "C major")) >= heard.of_chord(span(2, "V", "C major"))
    assert heard.of_key(0, 3840, Key.parse("C major")) > heard.of_key(0, 3840, Key.parse("g"))


def test_codes_name_triad_and_bass() -> None:
    assert code_of("V65", Key.parse("C major")) == sound_code((7, 11, 2), 11)
    assert code_of("V65", Key.parse("C major")) != code_of("V7", Key.parse("C major"))
