"""Scores taken further: what is given stays, what is new stands where it was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, PlanError, ScoreError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from hybrid.symbolic_transformer.rewriting import extend, infill, set_melody
from tests.symbolic_transformer.event_pieces import tiny_model

BAR = 1920
CHORDS = ((72, 67, 64, 48), (72, 69, 65, 53), (71, 67, 62, 55), (72, 67, 64, 48))


def engine() -> TransformerEngine:
    return TransformerEngine(tiny_model(), SampleSettings(n_particles=4))


def four_bars() -> Score:
    """Four chords a bar each in four tracks of a file's own names, on 960 ticks a quarter."""
    rows = zip(*CHORDS, strict=True)
    tracks = tuple(
        Track(
            f"line {number}",
            make_notes((2 * BAR * bar, 2 * BAR, pitch) for bar, pitch in enumerate(line)),
            program=52,
        )
        for number, line in enumerate(rows)
    )
    return Score(tracks, ticks_per_quarter=960, keys=(KeySignature(0, Key(0)),))


def melody() -> Score:
    rows = [(480 * n, 480, p) for n, p in enumerate([72, 74, 76, 77, 79, 76, 74, 74])]
    notes = make_notes([*rows, (2 * BAR, BAR, 72), (2 * BAR, BAR, 64)])
    return Score((Track("tune", notes, program=73),), keys=(KeySignature(0, Key(0)),))


def test_infill_keeps_the_tracks_and_the_rest() -> None:
    score = four_bars()
    made = infill(score, (2, 3), engine(), np.random.default_rng(1), voices=("line 1",))
    assert [track.name for track in made.score.tracks] == [f"line {n}" for n in range(4)]
    assert made.score.ticks_per_quarter == 960
    for number, (before, after) in enumerate(zip(score.tracks, made.score.tracks, strict=True)):
        if number == 1:
            assert before.notes.tobytes() != after.notes.tobytes()
            assert before.notes[[0, 3]].tobytes() in after.notes.tobytes() or (
                after.notes[0].tobytes() == before.notes[0].tobytes()
                and after.notes[-1].tobytes() == before.notes[-1].tobytes()
            )
        else:
            assert before.notes.tobytes() == after.notes.tobytes()
    with pytest.raises(PlanError, match="got 3-9"):
        infill(score, (3, 9), engine(), np.random.default_rng(1))


def test_a_score_goes_on() -> None:
    score = four_bars()
    made = extend(score, 3, engine(), np.random.default_rng(1))
    assert made.plan.n_bars == 7
    assert (made.first_bar, made.last_bar) == (5, 7)
    assert made.score.length == 7 * 2 * BAR
    for before, after in zip(score.tracks, made.score.tracks, strict=True):
        assert after.notes[:4].tobytes() == before.notes.tobytes()
    assert made.score.n_notes > score.n_notes
    with pytest.raises(ConfigError, match=r"1\.\.400, got 0"):
        extend(score, 0, engine(), np.random.default_rng(1))


@pytest.mark.parametrize("chords", [None, "I IV | V | ."])
def test_a_melody_is_harmonised(chords: str | None) -> None:
    made = set_melody(
        melody(),
        engine(),
        np.random.default_rng(1),
        texture="chorale",
        instruments=("choir",),
        chords=chords,
    )
    names = [track.name for track in made.score.tracks]
    assert names == ["soprano", "alto", "tenor", "bass"]
    soprano = made.score.tracks[0].notes
    # The highest of the notes that begin together, as they were.
    assert soprano["pitch"].tolist() == [72, 74, 76, 77, 79, 76, 74, 74, 72]
    assert soprano["onset"].tolist() == [*range(0, 2 * BAR, 480), 2 * BAR]
    if chords:
        found = [c.numeral for p in made.plan.phrases() for c in p.phrase.chords]
        assert found == ["I", "IV", "V"]


def test_an_accompaniment_leaves_the_melody() -> None:
    made = set_melody(
        melody(),
        engine(),
        np.random.default_rng(1),
        texture="homophonic",
        instruments=("flute", "piano", "acoustic bass"),
        chords="I | V | I",
    )
    assert [track.name for track in made.score.tracks] == ["flute", "piano", "acoustic bass"]
    assert len(made.score.tracks[0].notes) == 9
    assert {e.track for e in made.trace.of_kind("note")} <= {"piano", "acoustic bass"}


def test_melodies_that_cannot_be_set_are_refused() -> None:
    drums = replace(melody().tracks[0], is_drum=True)
    for score, chords, error, message in (
        (replace(melody(), tracks=(drums,)), "I | V | I", ScoreError, "must have notes"),
        (melody(), "I | V", PlanError, "3 bars, got 2"),
    ):
        with pytest.raises(error, match=message):
            set_melody(
                score,
                engine(),
                np.random.default_rng(1),
                texture="chorale",
                instruments=("choir",),
                chords=chords,
            )
