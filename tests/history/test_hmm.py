"""Hidden Markov model: against brute force, and a textbook's example.

Known answers: the doctor of Wikipedia's article on the Viterbi algorithm (normal, cold, dizzy:
healthy, healthy, fever, chance 0.01512); the sums and the maximum over all paths; the theorem that
Baum-Welch never lowers the likelihood (Baum et al. 1970).
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest

from hybrid.history.hmm import (
    CHORDS,
    TUNES,
    Array,
    Model,
    baum_welch,
    forward_backward,
    guess,
    observe,
    sample,
    viterbi,
)
from hybrid.history.melodies import load_melodies

DOCTOR = Model(
    np.array([0.6, 0.4]),
    np.array([[0.7, 0.3], [0.4, 0.6]]),
    np.array([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]]),
)


def all_paths(model: Model, counts: Array) -> dict[tuple[int, ...], float]:
    chances = {}
    for path in product(range(len(model.start)), repeat=len(counts)):
        chance = model.start[path[0]]
        for one, other in pairwise(path):
            chance *= model.move[one, other]
        for state, row in zip(path, counts, strict=True):
            for symbol, number in enumerate(row):
                chance *= model.emit[state, symbol] ** number
        chances[path] = float(chance)
    return chances


def test_the_doctor() -> None:
    path, log = viterbi(DOCTOR, np.eye(3))
    assert path == [0, 0, 1]
    assert np.exp(log) == pytest.approx(0.01512)


def test_against_all_paths() -> None:
    counts = observe(load_melodies()["frere-jacques"])[6:11]
    chances = all_paths(guess(), counts)
    path, log = viterbi(guess(), counts)
    assert chances[tuple(path)] == pytest.approx(max(chances.values()))
    assert np.exp(log) == pytest.approx(max(chances.values()))
    ahead, behind, _, total = forward_backward(guess(), counts)
    assert np.exp(total) == pytest.approx(sum(chances.values()))
    shares = np.zeros((5, len(CHORDS)))
    for way, chance in chances.items():
        shares[np.arange(5), way] += chance / sum(chances.values())
    assert ahead * behind == pytest.approx(shares)


def test_baum_welch_never_lowers_the_likelihood() -> None:
    songs = [observe(load_melodies()[name]) for name in TUNES]
    model, curve = baum_welch(guess(), songs, 12)
    assert (np.diff(curve) >= -1e-9).all()
    assert curve[-1] > curve[0] + 10
    for part in (model.start, model.move, model.emit):
        assert part.sum(axis=-1) == pytest.approx(np.ones(part.shape[:-1]))


def test_samples_come_as_often_as_they_are_likely() -> None:
    chances = all_paths(DOCTOR, np.eye(3))
    rng = np.random.default_rng(1)
    drawn = Counter(tuple(sample(DOCTOR, np.eye(3), rng)) for _ in range(2000))
    for path, chance in chances.items():
        assert drawn[path] / 2000 == pytest.approx(chance / sum(chances.values()), abs=0.045)
