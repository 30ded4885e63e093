"""The event serialisation: bars and notes in order, one event each.

A piece becomes a row of events sorted by onset, then track, then pitch: an event for every bar
line and one for every note, which carries its place in the bar, track, pitch, duration, velocity
and timing together. A model predicts the parts of an event one after another (place, track,
pitch, duration, velocity, timing), so a note costs one position and not six.

References
----------
Huang, Y.-S., Yang, Y.-H. (2020). Pop Music Transformer. ACM Multimedia. arXiv:2002.00212.
    Bars and places in them as time.
Hsiao, W.-Y., Liu, J.-Y., Yeh, Y.-C., Yang, Y.-H. (2021). Compound Word Transformer. AAAI.
    arXiv:2101.02402. The parts of a note in one position.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.symbolic_transformer.tables import NOTE_DTYPE, TICKS, PlanArrays, ScoreArrays

N_TRACKS = 4
#: Tracks beyond the notes': a bar line, and the time before the piece.
BAR, START = N_TRACKS, N_TRACKS + 1
#: Longest bar in ticks of 1/24 quarter (4/2); places are 0..MAX_BAR - 1.
MAX_BAR = 8 * TICKS
#: Place that says: nothing more in this bar.
NEXT_BAR = MAX_BAR
N_PLACES = MAX_BAR + 1
LOWEST, HIGHEST = 21, 108
#: 0 is no pitch, then the piano's keys.
N_PITCHES = HIGHEST - LOWEST + 2
#: Durations in ticks: each up to a whole note, then half quarters up to four, then that.
DURATIONS = (*range(1, 97), *range(108, 385, 12))
N_DURATIONS = len(DURATIONS) + 1
#: Velocities in steps of 8 from 1.
N_VELOCITIES = 17
#: Timing in steps of 8/480 quarter from -16 steps; 0 is not known.
TIMING_STEP, TIMING_REACH = 8, 16
N_TIMINGS = 2 * TIMING_REACH + 2

EVENT_DTYPE = np.dtype(
    [
        ("tick", np.int32),
        ("track", np.int16),
        ("place", np.int16),
        ("pitch", np.int16),
        ("duration", np.int16),
        ("velocity", np.int16),
        ("timing", np.int16),
    ]
)

_EDGES = np.array([(a + b) / 2 for a, b in pairwise(DURATIONS)])


def encode_events(score: ScoreArrays, plan: PlanArrays, with_timing: bool = False) -> NDArray[Any]:
    """Events of a score under the bars of its plan.

    Parameters
    ----------
    score : ScoreArrays
        Tracks 0..3, pitches 21..108.
    plan : PlanArrays
        Its bars give places; the piece ends where they do.
    with_timing : bool
        Whether the timing column means something.

    Returns
    -------
    np.ndarray, shape (n_bars + n_notes,), `EVENT_DTYPE`
        Pitch, duration, velocity and timing are places in their vocabularies, 0 for none.

    Raises
    ------
    ScoreError
        If a bar is longer than `MAX_BAR`, or a track or a pitch lies outside.
    """
    bars, notes = plan.bars, score.notes
    lengths = 4 * TICKS * bars["numerator"].astype(int) // bars["denominator"]
    if len(lengths) and lengths.max() > MAX_BAR:
        raise ScoreError(
            f"bars must have {MAX_BAR} ticks of 1/24 quarter at most, got {lengths.max()}"
        )
    for name, low, high in (("track", 0, N_TRACKS - 1), ("pitch", LOWEST, HIGHEST)):
        values = notes[name]
        if len(values) and not (low <= values.min() and values.max() <= high):
            wrong = values[(values < low) | (values > high)][0]
            raise ScoreError(f"{name} must be in {low}..{high} for events, got {wrong}")
    notes = notes[notes["onset"] < bars["end"][-1]]
    made = np.zeros(len(bars) + len(notes), EVENT_DTYPE)
    head, tail = made[: len(bars)], made[len(bars) :]
    head["tick"], head["track"] = bars["start"], BAR
    tail["pitch"] = notes["pitch"].astype(np.int16) - LOWEST + 1
    tail["tick"], tail["track"] = notes["onset"], notes["track"]
    tail["duration"] = duration_class(notes["duration"])
    tail["velocity"] = velocity_class(notes["velocity"])
    if with_timing:
        tail["timing"] = timing_class(notes["timing"])
    # Bars come before the notes on their line.
    order = np.lexsort(
        (made["pitch"], np.where(made["track"] == BAR, -1, made["track"]), made["tick"])
    )
    made = made[order]
    made["place"] = places_in_bars(plan, made["tick"])
    return made


def places_in_bars(plan: PlanArrays, ticks: NDArray[Any]) -> NDArray[np.int64]:
    """Ticks since the bar line; in a pickup counted so that it ends on the next one."""
    bars = plan.bars
    at = np.maximum(0, np.searchsorted(bars["start"], ticks, side="right") - 1)
    full = 4 * TICKS * bars["numerator"].astype(int) // bars["denominator"]
    # A pickup may be as long as a bar or longer; it then begins like one.
    short = np.maximum(0, full - (bars["end"] - bars["start"]))
    missing = np.where(bars["is_pickup"] == 1, short, 0)
    result: NDArray[np.int64] = np.asarray(ticks) - bars["start"][at] + missing[at]
    return result


def decode_events(events: NDArray[Any]) -> NDArray[Any]:
    """Notes of events, as rows of `NOTE_DTYPE`; durations and velocities are the classes'."""
    rows = events[events["track"] < N_TRACKS]
    notes = np.zeros(len(rows), NOTE_DTYPE)
    notes["onset"], notes["track"] = rows["tick"], rows["track"]
    notes["pitch"] = rows["pitch"] + LOWEST - 1
    notes["duration"] = np.array((0, *DURATIONS))[rows["duration"]]
    notes["velocity"] = np.clip(8 * rows["velocity"].astype(int) - 4, 1, 127)
    known = rows["timing"] > 0
    steps = rows["timing"].astype(int) - TIMING_REACH - 1
    notes["timing"] = np.where(known, steps * TIMING_STEP, 0)
    return notes


def duration_class(ticks: NDArray[Any]) -> NDArray[np.int64]:
    """Place of the nearest of `DURATIONS`, from 1.

    >>> duration_class(np.array([1, 24, 100, 2000])).tolist()
    [1, 24, 96, 120]
    """
    result: NDArray[np.int64] = 1 + np.searchsorted(_EDGES, np.asarray(ticks), side="left")
    return result


def velocity_class(velocity: NDArray[Any]) -> NDArray[np.int64]:
    """Class 1..16 of a velocity 1..127, eight to a class."""
    result: NDArray[np.int64] = 1 + np.asarray(velocity).astype(np.int64) // 8
    return result


def timing_class(timing: NDArray[Any]) -> NDArray[np.int64]:
    """Class of a timing in 1/480 quarters, from 1; beyond the reach it counts as the reach."""
    steps = np.rint(np.asarray(timing) / TIMING_STEP).astype(np.int64)
    result: NDArray[np.int64] = np.clip(steps, -TIMING_REACH, TIMING_REACH) + TIMING_REACH + 1
    return result
