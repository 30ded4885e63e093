"""Noise by dice: which dice are rolled, and slopes of the spectra.

The dice are those of Gardner (1978); slopes 0, -1 and -2 are what white, 1/f and brown noise mean
(Voss & Clarke 1978). Long runs are measured, none of the exhibit's own.
"""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.history.fractal_noise import series_of, slope, throw, voss_rolls
from hybrid.history.registry import load_exhibit, run_exhibit


def test_dice_are_rolled_when_their_bit_changes() -> None:
    counts = np.zeros(4, dtype=int)
    for number in range(64):
        for die in voss_rolls(number, 4):
            counts[die] += 1
            assert number == 0 or (number >> die & 1) != ((number - 1) >> die & 1)
    # Each die is rolled half as often as the one before it.
    assert counts.tolist() == [64, 32, 16, 8]


def test_a_die_that_is_not_rolled_lies_still() -> None:
    rolls = throw("1/f", 5, 22, np.random.default_rng(2))
    before = next(rolls)
    for _ in range(200):
        after = next(rolls)
        for die in set(range(5)) - set(after.rolled):
            assert after.faces[die] == before.faces[die]
        assert 0 <= after.place < 22
        before = after


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("kind", "ideal"), [("white", 0.0), ("1/f", -1.0), ("brown", -2.0)])
def test_spectra_fall_as_they_should(kind: str, ideal: float, seed: int) -> None:
    run = series_of(kind, 1 << 14, np.random.default_rng(seed))
    assert slope(run) == pytest.approx(ideal, abs=0.25)


def test_the_measure_of_slopes_knows_exact_noise() -> None:
    """Noise shaped in the spectrum itself, not by dice."""
    rng = np.random.default_rng(7)
    frequencies = np.fft.rfftfreq(1 << 15)
    frequencies[0] = 1.0
    for exponent in (0.0, -1.0, -2.0):
        bins = np.exp(2j * np.pi * rng.random(len(frequencies)))
        shaped = np.fft.irfft(bins * frequencies ** (exponent / 2))
        assert slope(shaped) == pytest.approx(exponent, abs=0.1)


def test_brown_moves_by_steps_and_white_leaps() -> None:
    made = run_exhibit(load_exhibit("fractal-noise"), 6, {"scale": "chromatic"})[0]
    pitches = made.score.tracks[0].notes["pitch"].astype(int)
    moves = np.abs(np.diff(pitches))
    white, pink, brown = moves[:39], moves[40:79], moves[80:]
    assert brown.max() == 1
    assert white.mean() > pink.mean() > brown.mean()
