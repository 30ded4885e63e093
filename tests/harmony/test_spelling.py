"""Guessed spellings: scales, leading tones in upbeats, what is known stays."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.pitch import NO_SPELLING, parse_spelling
from hybrid.harmony.spelling import guess_spellings

#: Bach, chorale 16 of the BCMH corpus: the upbeat and the first bar, in B minor.
UPBEAT = (
    ("F#3", "A#3", "F#4", "C#5"),
    ("B3", "B3", "F#4", "D5"),
    ("A3", "C#4", "F#4", "C#5"),
    ("G3", "E4", "G4", "B4"),
    ("F#3", "A3", "A4", "C#5"),
)


def _row(name: str) -> tuple[int, int]:
    place = parse_spelling(name[:-1])
    steps = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
    sharps = name.count("#") - name[1:].count("b")
    return 12 * (int(name[-1]) + 1) + steps[name[0]] + sharps, place


def _guess(
    chords: tuple[tuple[str, ...], ...], move: int = 0, known: np.ndarray | None = None
) -> tuple[list[int], list[int]]:
    """Guessed and written spellings of chords of a quarter each, moved by semitones."""
    rows = [_row(name) for chord in chords for name in chord]
    onset = np.repeat(np.arange(len(chords)), [len(chord) for chord in chords]).astype(float)
    pitches = np.array([row[0] + move for row in rows])
    guessed = guess_spellings(onset, np.ones(len(rows)), pitches, known)
    assert ((7 * guessed) % 12 == pitches % 12).all()
    return guessed.tolist(), [row[1] for row in rows]


def test_a_leading_tone_in_an_upbeat_is_raised() -> None:
    guessed, written = _guess(UPBEAT)
    assert guessed == written


@pytest.mark.parametrize("move", range(12))
def test_intervals_do_not_depend_on_the_key(move: int) -> None:
    guessed, written = _guess(UPBEAT, move)
    assert {one - other for one, other in zip(guessed, written, strict=True)} in (
        {(7 * move) % 12 - 12},
        {(7 * move) % 12},
    )


def test_an_augmented_sixth_is_left_as_the_key_has_it() -> None:
    # C minor: the augmented sixth above the flat sixth degree is no third of a triad.
    chords = (
        ("C3", "Eb4", "G4"),
        ("Ab2", "C4", "F#4"),
        ("G2", "B3", "G4"),
        ("C3", "C4", "Eb4"),
    )
    guessed, written = _guess(chords)
    assert guessed == written


def test_known_spellings_are_kept() -> None:
    known = np.full(20, NO_SPELLING)
    known[1] = parse_spelling("Bb")
    guessed, written = _guess(UPBEAT, known=known)
    assert guessed[1] == parse_spelling("Bb")
    assert guessed[2:] == written[2:]


def test_nothing_has_no_spelling() -> None:
    empty = np.zeros(0)
    assert guess_spellings(empty, empty, np.zeros(0, np.int64)).shape == (0,)
