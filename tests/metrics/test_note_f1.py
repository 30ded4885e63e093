"""Counts of right notes, on notes that are moved by known amounts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.metrics.note_f1 import NoteScores, note_scores, total

pytest.importorskip("mir_eval", reason="mir_eval counts the notes")

DTYPE = [("onset", float), ("end", float), ("pitch", np.uint8)]


def notes(*rows: tuple[float, float, int]) -> NDArray[np.void]:
    return np.array(list(rows), DTYPE)


REFERENCE = notes((0.0, 1.0, 60), (1.0, 2.0, 62), (2.0, 3.0, 64), (3.0, 3.1, 65))


def test_known_counts() -> None:
    assert note_scores(REFERENCE, REFERENCE) == NoteScores(4, 4, 4, 4)
    # One 40 ms late, one 60 ms late, one a semitone up, one too long.
    moved = notes((0.04, 1.0, 60), (1.06, 2.0, 62), (2.0, 3.0, 65), (3.0, 3.4, 65))
    found = note_scores(REFERENCE, moved)
    assert found == NoteScores(4, 4, 2, 1)
    assert found.precision == found.recall == found.f1 == 0.5
    assert found.f1_with_ends == 0.25
    # Each note counts once.
    twice = np.concatenate([REFERENCE, REFERENCE])
    assert note_scores(REFERENCE, twice) == NoteScores(4, 8, 4, 4)
    assert note_scores(REFERENCE, twice).f1 == pytest.approx(2 / 3)


def test_agrees_with_mir_eval() -> None:
    from mir_eval import transcription

    rng = np.random.default_rng(0)
    made = np.zeros(200, DTYPE)
    made["onset"] = np.sort(rng.uniform(0, 30, 200))
    made["end"] = made["onset"] + rng.uniform(0.05, 1, 200)
    made["pitch"] = rng.integers(40, 80, 200)
    guess = made[rng.random(200) < 0.8].copy()
    guess["onset"] += rng.normal(0, 0.04, len(guess))
    guess["end"] = np.maximum(guess["onset"] + 0.01, guess["end"] + rng.normal(0, 0.1, len(guess)))
    found = note_scores(made, guess)
    sides = []
    for each in (made, guess):
        sides += [
            np.stack([each["onset"], each["end"]], 1),
            440 * 2 ** ((each["pitch"] - 69.0) / 12),
        ]
    wanted = transcription.precision_recall_f1_overlap(*sides, offset_ratio=None)
    assert (found.precision, found.recall, found.f1) == pytest.approx(wanted[:3])
    with_ends = transcription.precision_recall_f1_overlap(*sides, offset_ratio=0.2)
    assert found.f1_with_ends == pytest.approx(with_ends[2])


def test_nothing_to_count() -> None:
    empty = notes()
    assert note_scores(REFERENCE, empty).f1 == 0.0
    assert note_scores(empty, REFERENCE).f1 == 0.0
    assert math.isnan(note_scores(empty, empty).f1)
    assert note_scores(empty, empty).to_dict()["f1"] is None
    added = total([note_scores(REFERENCE, REFERENCE), note_scores(REFERENCE, empty)])
    assert (added.n_reference, added.n_estimate, added.recall) == (8, 4, 0.5)
    with pytest.raises(ConfigError, match="must end after they begin"):
        note_scores(REFERENCE, notes((1.0, 0.5, 60)))
