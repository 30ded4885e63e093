"""Keys and chords read from notes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score, Track, make_notes
from hybrid.theory.chords import QUALITIES, infer_chords, numeral_for
from hybrid.theory.keys import find_keys, key_at

Q = 480
ScoreMaker = Callable[..., Score]


@pytest.mark.parametrize("name", ["C major", "A minor", "F# minor", "Ab major", "D dorian"])
@pytest.mark.parametrize("quality", QUALITIES)
def test_every_chord_has_a_numeral_that_means_it(name: str, quality: str) -> None:
    key = Key.parse(name)
    for root in range(12):
        for inversion in range(len(QUALITIES[quality])):
            numeral = numeral_for(key, root, quality, inversion)
            assert pitch_class(numeral.root(key)) == root
            assert numeral.quality(key) == quality
            assert numeral.inversion == inversion
            tones = {pitch_class(tone) for tone in numeral.tones(key)}
            assert tones == {(root + above) % 12 for above in QUALITIES[quality]}


@pytest.mark.parametrize(
    ("key", "root", "quality", "inversion", "text"),
    [
        ("C major", 0, "major", 0, "I"),
        ("C major", 7, "dominant-seventh", 1, "V65"),
        ("C major", 2, "dominant-seventh", 1, "V65/V"),
        ("C major", 2, "minor-seventh", 1, "ii65"),
        ("C major", 11, "diminished", 1, "viio6"),
        ("C major", 1, "major", 1, "N6"),
        ("A minor", 4, "major", 0, "V"),
        ("A minor", 4, "minor", 0, "v"),
        ("A minor", 8, "diminished-seventh", 0, "viio7"),
        ("A minor", 0, "augmented", 1, "III+6"),
        ("A minor", 11, "half-diminished-seventh", 1, "iiø65"),
        ("A minor", 9, "major", 0, "I"),
    ],
)
def test_numerals(key: str, root: int, quality: str, inversion: int, text: str) -> None:
    assert numeral_for(Key.parse(key), root, quality, inversion).text == text


def progression(text: str, key: str) -> Score:
    """Block chords in close position over their bass, a half note each."""
    parsed = Key.parse(key)
    rows: list[list[tuple[int, int, int]]] = [[], [], [], []]
    for number, word in enumerate(text.split()):
        numeral = RomanNumeral.parse(word)
        classes = [pitch_class(tone) for tone in numeral.tones(parsed)]
        bass = pitch_class(numeral.bass(parsed))
        # A seventh chord gives its bass tone to the bass alone, a triad doubles it.
        upper = [60 + pc for pc in classes if len(classes) == 3 or pc != bass]
        for row, pitch in enumerate([*sorted(upper, reverse=True), 48 + bass]):
            rows[row].append((number * 2 * Q, 2 * Q, pitch))
    return Score(tuple(Track(f"part {n}", make_notes(row)) for n, row in enumerate(rows)))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("I IV V I", "C major"),
        ("I vi ii6 V7 I", "Eb major"),
        ("i iv V i", "A minor"),
        ("i iiø65 V7 i", "F# minor"),
        ("I V6 I V42 I6 ii65 Cad64 V7 I", "D major"),
    ],
)
def test_plain_progressions_are_read(text: str, key: str) -> None:
    score = progression(text, key)
    spans = (KeySpan(0, score.length, Key.parse(key)),)
    assert " ".join(span.numeral for span in infer_chords(score, keys=spans)) == text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("I IV V I ii V7 I I", "C major"),
        ("I IV V I ii V7 I I", "B major"),
        ("i iv V i iio6 V7 i i", "C minor"),
        ("i iv V i iio6 V7 i i", "E minor"),
    ],
)
def test_keys_are_found_without_a_signature(text: str, key: str) -> None:
    found = find_keys(progression(text, key))
    lengths: dict[str, int] = {}
    for span in found:
        tonic, mode = pitch_class(span.key.tonic), span.key.mode
        name = f"{tonic} {mode}"
        lengths[name] = lengths.get(name, 0) + span.end - span.onset
    expected = Key.parse(key)
    assert max(lengths, key=lambda name: lengths[name]) == (
        f"{pitch_class(expected.tonic)} {expected.mode}"
    )


def test_a_modulation_is_heard() -> None:
    home = progression("I IV V I I IV V7 I", "C major")
    away = progression("I IV V I I IV V7 I", "E major")
    tracks = []
    for first, second in zip(home.tracks, away.tracks, strict=True):
        rows = [(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in first.notes]
        rows += [
            (int(n["onset"]) + home.length, int(n["duration"]), int(n["pitch"]))
            for n in second.notes
        ]
        tracks.append(Track(first.name, make_notes(rows)))
    spans = find_keys(Score(tuple(tracks)))
    names = [key_at(spans, tick) for tick in (home.length // 2, home.length + away.length // 2)]
    assert [key.name for key in names if key] == ["C major", "E major"]


def test_passing_notes_do_not_change_the_chord(score_of: ScoreMaker) -> None:
    score = score_of(
        "E5:1/2 D5:1/2 C5 B4 C5", "G4 A4 G4 G4", "C4 F4 D4 E4", "C3 F3 G3 C3", key="C major"
    )
    assert [span.numeral for span in infer_chords(score)] == ["I", "IV", "V", "I"]


def test_diminished_sevenths_are_named_by_their_spelling(score_of: ScoreMaker) -> None:
    """B D F Ab in C, and the same keys as G# B D F in A minor."""
    spans = (KeySpan(0, 10_000, Key.parse("C minor")),)
    score = score_of("Ab4:2 G4:2", "F4:2 Eb4:2", "D4:2 C4:2", "B2:2 C3:2")
    assert [c.numeral for c in infer_chords(score, keys=spans)] == ["viio7", "i"]
    spans = (KeySpan(0, 10_000, Key.parse("A minor")),)
    score = score_of("G#4:2 A4:2", "F4:2 E4:2", "D4:2 C4:2", "B2:2 A2:2")
    assert [c.numeral for c in infer_chords(score, keys=spans)] == ["viio65", "i"]


def test_two_voices_say_too_little(score_of: ScoreMaker) -> None:
    assert infer_chords(score_of("C5 D5", "C4 B3")) == ()


def test_chords_cover_the_piece(score_of: ScoreMaker) -> None:
    score = score_of("C5 R D5 E5", "G4 R G4 G4", "E4 R B3 C4", "C3 R G3 C3")
    chords = infer_chords(score)
    assert chords[0].onset == 0
    assert chords[-1].end == score.length
    for before, after in pairwise(chords):
        assert before.end == after.onset
    assert all(0 <= chord.probability <= 1 for chord in chords)


@given(st.integers(-6, 6))
def test_transposition_moves_roots_and_no_numerals(semitones: int) -> None:
    score = progression("I vi IV ii6 V7 I", "D major")
    keys = (KeySpan(0, score.length, Key.parse("D major")),)
    fifths = (7 * semitones + 5) % 12 - 5
    moved_keys = (KeySpan(0, score.length, Key(keys[0].key.tonic + fifths, "major")),)
    before = infer_chords(score, keys=keys)
    after = infer_chords(score.transposed(semitones), keys=moved_keys)
    assert [chord.numeral for chord in after] == [chord.numeral for chord in before]
    assert [chord.root - fifths for chord in after] == [chord.root for chord in before]


def test_numerals_of_foreign_notation_are_left_out(score_of: ScoreMaker) -> None:
    """An analyser's label that our notation lacks silences the rules there, nothing more."""
    from hybrid.theory.checker import check

    score = score_of("B4 G4", "D4 E4", "G3 C4", "G3 C3")
    key = Key.parse("C")
    odd = tuple(
        ChordSpan(i * Q, (i + 1) * Q, text, key, 1, "major", 0, 0)
        for i, text in enumerate(("Dominant!", "I"))
    )
    assert "unresolved_leading_tone" not in {found.rule for found in check(score, chords=odd)}
