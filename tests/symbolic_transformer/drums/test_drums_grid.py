"""Strokes on the grid and back, and the reduction to nine drums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.score import make_notes
from hybrid.symbolic_transformer.drums.grid import (
    N_TIMINGS,
    N_VELOCITIES,
    Grid,
    decode,
    encode,
    timing_bin,
    velocity_bin,
)
from hybrid.symbolic_transformer.drums.kit import DRUMS, N_DRUMS, PITCHES, drum_of

#: Keys of the Roland kit and what Gillick et al. (2019) count them as, in General MIDI keys.
REDUCTION = {
    36: 36, 38: 38, 40: 38, 37: 38, 48: 50, 50: 50, 45: 47, 47: 47, 43: 43, 58: 43, 46: 46,
    26: 46, 42: 42, 22: 42, 44: 42, 49: 49, 55: 49, 57: 49, 52: 49, 51: 51, 59: 51, 53: 51,
}  # fmt: skip


@pytest.mark.parametrize(("key", "reduced"), REDUCTION.items())
def test_keys_of_the_roland_kit_count_as_published(key: int, reduced: int) -> None:
    assert PITCHES[drum_of(key)] == reduced


@pytest.mark.parametrize("pitch", PITCHES)
def test_a_drum_is_written_with_a_key_that_counts_as_itself(pitch: int) -> None:
    assert PITCHES[drum_of(pitch)] == pitch


def test_a_key_outside_the_kit_is_refused_by_name() -> None:
    with pytest.raises(ScoreError, match="got 60"):
        drum_of(60)
    with pytest.raises(ScoreError, match="got 60"):
        encode(make_notes([(0, 60, 60, 80)]), 120, 16)
    grid, lost = encode(make_notes([(0, 60, 60, 80), (0, 60, 36, 80)]), 120, 16, skip_unknown=True)
    assert grid.hits.sum() == 1
    assert lost == 0


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """A grid of any strokes that leave tick 0 alone."""
    n_steps = draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    hits = rng.random((n_steps, N_DRUMS)) < draw(st.floats(0, 0.6))
    velocities = np.where(hits, rng.integers(1, 128, hits.shape), 0).astype(np.int16)
    timings = np.where(hits, rng.integers(-60, 60, hits.shape), 0).astype(np.int16)
    timings[0] = np.maximum(timings[0], 0)
    return Grid(hits, velocities, timings)


@given(grids(), st.sampled_from([120, 240, 480]))
def test_decoding_then_encoding_gives_the_same_grid(grid: Grid, step_ticks: int) -> None:
    again, lost = encode(decode(grid, step_ticks), step_ticks, len(grid))
    assert lost == 0
    assert np.array_equal(again.hits, grid.hits)
    assert np.array_equal(again.velocities, grid.velocities)
    assert np.array_equal(again.timings, grid.timings)


@given(grids())
def test_bins_keep_velocity_within_two_and_timing_within_half_a_bin(grid: Grid) -> None:
    loud, late = velocity_bin(grid.velocities), timing_bin(grid.timings)
    assert loud.min() >= 0
    assert loud.max() < N_VELOCITIES
    assert late.min() >= 0
    assert late.max() < N_TIMINGS
    assert np.abs(loud * 4 + 2 - grid.velocities).max() <= 2
    assert np.abs(late * 5 - 60 + 2.5 - grid.timings).max() <= 2.5


def test_a_triplet_stands_on_three_steps_with_its_distances() -> None:
    grid, lost = encode(make_notes([(t, 60, 42, 80) for t in (0, 160, 320)]), 120, 4)
    steps, drums = np.nonzero(grid.hits)
    assert lost == 0
    assert steps.tolist() == [0, 1, 3]
    assert grid.timings[steps, drums].tolist() == [0, 40, -40]
    assert decode(grid, 120)["onset"].tolist() == [0, 160, 320]


def test_of_two_strokes_on_one_step_the_louder_stays_and_the_loss_is_told() -> None:
    grid, lost = encode(make_notes([(120, 10, 38, 90), (150, 10, 38, 40)]), 120, 4)
    assert lost == 1
    assert grid.velocities[1, DRUMS.index("snare")] == 90
    assert grid.timings[1, DRUMS.index("snare")] == 0


def test_a_stroke_before_the_bar_line_belongs_to_the_downbeat() -> None:
    grid, _ = encode(make_notes([(1900, 10, 36, 90)]), 120, 17)
    assert grid.hits[16, 0]
    assert grid.timings[16, 0] == -20


def test_strokes_do_not_sound_into_the_next_of_their_drum() -> None:
    hits = np.zeros((2, N_DRUMS), dtype=np.bool_)
    hits[:, 2] = True
    timings = np.zeros((2, N_DRUMS), dtype=np.int16)
    timings[0, 2], timings[1, 2] = 59, -60
    notes = decode(Grid(hits, 80 * hits.astype(np.int16), timings), 120)
    assert notes["onset"].tolist() == [59, 60]
    assert notes["duration"].tolist() == [1, 120]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("velocities", 128, "1..127, got 128"), ("timings", 60, "-60..59, got")],
)
def test_a_grid_refuses_values_out_of_range(name: str, value: int, message: str) -> None:
    hits = np.ones((1, N_DRUMS), dtype=np.bool_)
    arrays = {
        "velocities": np.full((1, N_DRUMS), 80, dtype=np.int16),
        "timings": np.zeros((1, N_DRUMS), dtype=np.int16),
    }
    arrays[name] = np.full((1, N_DRUMS), value, dtype=np.int16)
    with pytest.raises(ScoreError, match=message):
        Grid(hits, **arrays)
