"""Strokes <-> a grid of sixteenths with velocity and microtiming.

Every stroke stands on the step nearest to it and keeps its distance from that step, so the
grid loses no timing of its own: a swung eighth, 320 ticks after the beat, is the fourth
sixteenth 40 ticks early; the two inner strokes of a triplet are the second sixteenth 40
late and the fourth 40 early. A bar of 6/8 has twelve steps.

Two strokes of one drum on one step (flams, rolls in thirty-seconds) become the louder one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import NOTE_DTYPE, sort_notes
from hybrid.symbolic_transformer.drums.kit import DRUM_OF, N_DRUMS, PITCHES, drum_of

#: Timing is measured in these, 120 to a step (480 to a quarter where a step is a sixteenth).
STEP_UNITS = 120
#: Timing bins of 5 units (5.2 ms at 120 quarters a minute), -60..59 units.
N_TIMINGS = 24
TIMING_WIDTH = STEP_UNITS // N_TIMINGS
#: Velocity bins of 4: 1..127 falls into 0..31.
N_VELOCITIES = 32
VELOCITY_WIDTH = 4


@dataclass(frozen=True, eq=False)
class Grid:
    """Drums on steps.

    Attributes
    ----------
    hits : np.ndarray, shape (T, 9), bool
    velocities : np.ndarray, shape (T, 9), int16
        1..127 where there is a hit, else 0.
    timings : np.ndarray, shape (T, 9), int16
        -60..59, in 1/120 of a step after it; 0 where there is no hit.

    Raises
    ------
    ScoreError
        If shapes differ or a value leaves its range.
    """

    hits: NDArray[np.bool_]
    velocities: NDArray[np.int16]
    timings: NDArray[np.int16]

    def __post_init__(self) -> None:
        shape = self.hits.shape
        if len(shape) != 2 or shape[1] != N_DRUMS:
            raise ScoreError(f"Grid.hits must have the shape (T, {N_DRUMS}), got {shape}")
        for name in ("velocities", "timings"):
            values = getattr(self, name)
            if values.shape != shape:
                raise ScoreError(f"Grid.{name} must have the shape {shape}, got {values.shape}")
            if np.any(values[~self.hits] != 0):
                raise ScoreError(f"Grid.{name} must be 0 where nothing is hit")
        played = self.velocities[self.hits]
        if played.size and not (played.min() >= 1 and played.max() <= 127):
            raise ScoreError(
                f"Grid.velocities must be in 1..127, got {played.min()}..{played.max()}"
            )
        half = STEP_UNITS // 2
        if self.timings.size and not (self.timings.min() >= -half and self.timings.max() < half):
            raise ScoreError(
                f"Grid.timings must be in {-half}..{half - 1}, "
                f"got {self.timings.min()}..{self.timings.max()}"
            )
        for array in (self.hits, self.velocities, self.timings):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.hits)


def encode(
    notes: NDArray[Any], step_ticks: int, n_steps: int, *, skip_unknown: bool = False
) -> tuple[Grid, int]:
    """Put strokes on a grid.

    Parameters
    ----------
    notes : np.ndarray, `NOTE_DTYPE`
        Onsets in ticks from step 0. Strokes nearer to a step outside the grid are left out.
    step_ticks : int
    n_steps : int
    skip_unknown : bool
        Leave out keys that are no part of the kit instead of refusing them.

    Returns
    -------
    Grid
    int
        Strokes lost: those that share drum and step with a louder one, and those left out.

    Raises
    ------
    ScoreError
        If a key is no part of the kit.
    """
    if not skip_unknown:
        for pitch in np.unique(notes["pitch"]):
            drum_of(int(pitch))
    else:
        notes = notes[np.isin(notes["pitch"], list(DRUM_OF))]
    # In units, so that the rounding is the same for every resolution of the file.
    units = np.rint(notes["onset"] * (STEP_UNITS / step_ticks)).astype(np.int64)
    steps = (units + STEP_UNITS // 2) // STEP_UNITS
    drums = np.array([DRUM_OF[int(pitch)] for pitch in notes["pitch"]], dtype=np.int64)
    inside = (steps >= 0) & (steps < n_steps)
    # The louder of two is written last and stays.
    order = np.flatnonzero(inside)[np.argsort(notes["velocity"][inside], kind="stable")]
    shape = (n_steps, N_DRUMS)
    hits = np.zeros(shape, dtype=np.bool_)
    velocities = np.zeros(shape, dtype=np.int16)
    timings = np.zeros(shape, dtype=np.int16)
    place = (steps[order], drums[order])
    hits[place] = True
    velocities[place] = notes["velocity"][order]
    timings[place] = (units - steps * STEP_UNITS)[order]
    return Grid(hits, velocities, timings), len(inside) - int(hits.sum())


def decode(grid: Grid, step_ticks: int) -> NDArray[Any]:
    """Strokes of a grid, the inverse of `encode`.

    Returns
    -------
    np.ndarray, `NOTE_DTYPE`
        Each lasts one step, but not into the next stroke of its drum. A stroke ahead of
        tick 0 is moved onto it.
    """
    steps, drums = np.nonzero(grid.hits)
    notes = np.zeros(len(steps), dtype=NOTE_DTYPE)
    units = steps * STEP_UNITS + grid.timings[steps, drums]
    notes["onset"] = np.maximum(np.rint(units * (step_ticks / STEP_UNITS)).astype(np.int64), 0)
    notes["pitch"] = np.array(PITCHES)[drums]
    notes["velocity"] = grid.velocities[steps, drums]
    notes["spelling"] = NO_SPELLING
    notes["voice"] = 1
    return shorten(sort_notes(notes), step_ticks)


def shorten(notes: NDArray[Any], longest: int) -> NDArray[Any]:
    """Give strokes a duration: ``longest`` ticks, or up to the next stroke of the drum."""
    notes = notes.copy()
    notes["duration"] = longest
    for pitch in np.unique(notes["pitch"]):
        at = np.flatnonzero(notes["pitch"] == pitch)
        gaps = np.diff(notes["onset"][at])
        notes["duration"][at[:-1]] = np.clip(gaps, 1, longest)
    return notes


def velocity_bin(velocity: NDArray[Any]) -> NDArray[np.int64]:
    """Bins 0..31 of velocities 0..127."""
    return np.asarray(velocity, dtype=np.int64) // VELOCITY_WIDTH


def timing_bin(timing: NDArray[Any]) -> NDArray[np.int64]:
    """Bins 0..23 of timings -60..59."""
    return (np.asarray(timing, dtype=np.int64) + STEP_UNITS // 2) // TIMING_WIDTH


#: What a model reads of a stroke: velocity 0..1 and timing -1..1, at the centre of its bin, so
#: that it reads the same in training and when it plays.
VELOCITY_VALUES = ((np.arange(N_VELOCITIES) + 0.5) * VELOCITY_WIDTH / 128).astype(np.float32)
TIMING_VALUES = (
    ((np.arange(N_TIMINGS) + 0.5) * TIMING_WIDTH - STEP_UNITS / 2) / (STEP_UNITS / 2)
).astype(np.float32)
