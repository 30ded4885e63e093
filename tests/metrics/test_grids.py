"""Grids: what they refuse, what they keep of a score, and the benchmark's file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics import grids

pitches = st.one_of(st.just(-1), st.integers(30, 90))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([[60, 128]], "pitches 0..127, got 128 .row 0, voice 1"),
        ([[60, -2]], "got -2"),
        ([60, 62], "shape"),
        ([], "shape"),
        ([[60.5]], "whole numbers"),
        ([[60], [60, 62]], "rows that differ"),
    ],
)
def test_what_is_no_grid_is_refused(value: object, says: str) -> None:
    with pytest.raises(ScoreError, match=says):
        grids.check_grid(value)


def test_symbols_are_silence_and_the_pitches_36_to_81() -> None:
    assert len(grids.SYMBOLS) == 47
    grid = grids.check_grid([[-1, 36, 60, 81]])
    assert grids.symbols_of(grid).tolist() == [[0, 1, 25, 46]]
    assert [grids.SYMBOLS[i] for i in (0, 1, 25, 46)] == [-1, 36, 60, 81]
    with pytest.raises(ScoreError, match=r"got 82 .row 0, voice 0"):
        grids.symbols_of(grids.check_grid([[82, 60, 60, 60]]))


@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.just(4)), elements=pitches))
def test_a_grid_survives_as_a_score(grid: np.ndarray) -> None:
    if (grid == -1).all(axis=0).any():
        return  # a voice without notes is no voice of a score
    back, losses = grids.grid_of_score(grids.score_of_grid(grid))
    assert losses == ()
    until = int(np.flatnonzero((grid != -1).any(axis=1))[-1]) + 1
    assert back.tolist() == grid[:until].tolist()


def test_losses_are_counted() -> None:
    notes = [(0, 240, 60), (240, 240, 60), (500, 60, 62), (570, 20, 64)]
    score = Score((Track("flute", make_notes(notes)),))
    grid, losses = grids.grid_of_score(score, n_voices=1)
    assert grid[:, 0].tolist() == [60, 60, 60, 60, -1]
    assert losses == (
        "2 notes off the grid of sixteenths",
        "2 notes too short to be seen",
        "1 repeated notes that look held",
    )
    with pytest.raises(ScoreError, match="4 voices, got 1"):
        grids.grid_of_score(score)


def test_the_benchmarks_file_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "Jsb16thSeparated.json"
    path.write_text(json.dumps({name: [[[72, 67, 64, 48]] * 2] for name in grids.SPLITS}))
    found = grids.read_benchmark(path, verify=False)
    assert {name: len(pieces) for name, pieces in found.items()} == dict.fromkeys(grids.SPLITS, 1)
    assert found["valid"][0].shape == (2, 4)
    with pytest.raises(FormatError, match="SHA-256"):
        grids.read_benchmark(path)
    with pytest.raises(FormatError, match="cannot be read"):
        grids.read_benchmark(tmp_path / "none")
    path.write_text("{}")
    with pytest.raises(FormatError, match="train"):
        grids.read_benchmark(path, verify=False)
    path.write_text(json.dumps({name: [[[72, 67]]] for name in grids.SPLITS}))
    with pytest.raises(FormatError, match="four voices, got 2"):
        grids.read_benchmark(path, verify=False)


def test_the_published_file(shared_data: Path) -> None:
    found = grids.read_benchmark(shared_data / "jsb-chorales" / "Jsb16thSeparated.json")
    assert [len(found[name]) for name in grids.SPLITS] == [229, 76, 77]
    assert [sum(g.size for g in found[name]) for name in grids.SPLITS] == [220912, 73632, 75600]
    for name in grids.SPLITS:
        for grid in found[name]:
            grids.symbols_of(grid)
