"""Played time to written time: onsets and ends onto a grid of note values.

Scores that come from notation are written exactly as they are. A performance is moved:
for each beat of each track the grid (sixteenths, triplets, thirty-seconds) is taken that
lies nearest to its onsets, with a price for fine grids, and how far notes moved is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score, Track

#: Parts of a quarter that notation reaches: binary, then tuplets of 3, 5, 7, 9, 11, 13, 17 ...
#: and quintuplets in triplets, but only coarse ones (240 would take every second tick of 480
#: for written).
_WRITTEN = (64, 48, 80, 112, 72, 176, 208, 136, 152, 168, 184, 30)
#: (parts of a beat, price in parts of a beat) of the grids for plain and dotted beats.
_GRIDS = ((1, 0.0), (2, 0.006), (4, 0.012), (3, 0.03), (8, 0.05), (6, 0.06))
_DOTTED_GRIDS = ((3, 0.0), (6, 0.008), (2, 0.03), (12, 0.04))
#: Share of bars off the grid from which on a score counts as played as a whole.
_PLAYED = 0.1


def is_written(ticks: NDArray[Any], ticks_per_quarter: int) -> NDArray[np.bool_]:
    """Which places, counted from the bar line, notation can reach exactly."""
    found = np.zeros(len(ticks), dtype=bool)
    for parts in _WRITTEN:
        found |= ticks * parts % ticks_per_quarter == 0
    return found


def quantise(score: Score) -> tuple[Score, str]:
    """The score with every onset and end where notation can write it.

    Returns
    -------
    score : Score
        The same object if nothing had to move.
    loss : str
        How many notes moved, and how far; empty for none.
    """
    starts = np.array([bar.start for bar in score.bars], dtype=np.int64)
    bad = np.zeros(len(starts), dtype=bool)
    for track in score.tracks:
        onsets, ends = _spans(track)
        for ticks in (onsets, ends):
            bar = np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)
            wrong = ~is_written(ticks - starts[bar], score.ticks_per_quarter)
            bad[bar[wrong]] = True
    if not bad.any():
        return score, ""
    if bad.mean() > _PLAYED:
        bad[:] = True
    tracks = []
    n_moved, farthest = 0, 0
    for track in score.tracks:
        moved, distance = _quantise_track(track, score, starts, bad)
        n_moved += int((distance > 0).sum())
        farthest = max(farthest, int(distance.max(initial=0)))
        tracks.append(moved)
    length = max(score.length, max(track.end for track in tracks))
    loss = (
        f"{n_moved} of {score.n_notes} notes lie on no written place: moved by up to "
        f"{Fraction(farthest, score.ticks_per_quarter)} quarters"
    )
    return replace(score, tracks=tuple(tracks), length=length), loss


def _spans(track: Track) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    onsets = track.notes["onset"]
    return onsets, onsets + track.notes["duration"]


def _quantise_track(
    track: Track, score: Score, starts: NDArray[np.int64], bad: NDArray[np.bool_]
) -> tuple[Track, NDArray[np.int64]]:
    """A track with its notes in bad bars moved, and how far each note moved."""
    if not len(track.notes):
        return track, np.zeros(0, dtype=np.int64)
    onsets, ends = _spans(track)
    beats, is_dotted, beat_is_bad = beats_of(score, starts, bad)
    grid = choose_grids(onsets, beats, is_dotted)
    new_onsets = snap(onsets, beats, grid, beat_is_bad)
    new_ends = snap(ends, beats, grid, beat_is_bad)
    # A note keeps at least one unit of its beat's grid.
    index = np.clip(np.searchsorted(beats, new_onsets, side="right") - 1, 0, len(grid) - 1)
    unit = np.maximum(1, (beats[index + 1] - beats[index]) // grid[index])
    short = new_ends <= new_onsets
    new_ends[short] = new_onsets[short] + unit[short]
    notes = track.notes.copy()
    notes["onset"], notes["duration"] = new_onsets, new_ends - new_onsets
    distance = np.maximum(np.abs(new_onsets - onsets), np.abs(new_ends - ends))
    return with_marks_moved(track, notes, onsets, new_onsets), distance


def beats_of(
    score: Score, starts: NDArray[np.int64], bad: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Ticks of all beats (and the last one's end), which are dotted, and which to mend."""
    ticks: list[int] = []
    dotted: list[bool] = []
    mend: list[bool] = []
    quarter = score.ticks_per_quarter
    for bar, wrong in zip(score.bars, bad.tolist(), strict=True):
        beat = bar.metre.beat_quarters * quarter
        count = max(1, -(-(bar.end - bar.start) // beat))
        ticks += [bar.start + int(beat * number) for number in range(int(count))]
        dotted += [bar.metre.is_compound] * int(count)
        mend += [wrong] * int(count)
    ticks.append(max(score.bars[-1].end, ticks[-1] + 1))
    return np.array(ticks, dtype=np.int64), np.array(dotted), np.array(mend)


def choose_grids(
    onsets: NDArray[np.int64],
    beats: NDArray[np.int64],
    is_dotted: NDArray[np.bool_],
    plain_grids: Sequence[tuple[int, float]] = _GRIDS,
    dotted_grids: Sequence[tuple[int, float]] = _DOTTED_GRIDS,
) -> NDArray[np.int64]:
    """Parts into which each beat is divided: the cheapest grid for the onsets in it.

    Parameters
    ----------
    onsets : np.ndarray
        Ticks.
    beats : np.ndarray
        Ticks of the beats, and of the last one's end.
    is_dotted : np.ndarray of bool
        One for each beat.
    plain_grids, dotted_grids : sequence of (parts, price)
        The price is in parts of a beat that onsets may lie off on average.
    """
    n_beats = len(beats) - 1
    index = np.clip(np.searchsorted(beats, onsets, side="right") - 1, 0, n_beats - 1)
    phase = (onsets - beats[index]) / (beats[index + 1] - beats[index])
    counts = np.bincount(index, minlength=n_beats)
    chosen = np.where(is_dotted, 6, 4).astype(np.int64)
    for grids, mask in ((plain_grids, ~is_dotted), (dotted_grids, is_dotted)):
        best = np.full(n_beats, np.inf)
        for parts, price in grids:
            error = np.abs(phase - np.round(phase * parts) / parts)
            total = np.bincount(index, weights=error, minlength=n_beats)
            cost = np.divide(total, counts, out=np.zeros(n_beats), where=counts > 0) + price
            better = mask & (counts > 0) & (cost < best)
            best[better] = cost[better]
            chosen[better] = parts
    return chosen


def snap(
    ticks: NDArray[np.int64],
    beats: NDArray[np.int64],
    grid: NDArray[np.int64],
    beat_is_bad: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Ticks at the nearest place of their beat's grid, in the beats that are to be mended."""
    index = np.clip(np.searchsorted(beats, ticks, side="right") - 1, 0, len(grid) - 1)
    span = (beats[index + 1] - beats[index]).astype(np.float64)
    # An end reaches into a beat that has no onset of its own: sixteenths will do there.
    parts = grid[index]
    snapped = beats[index] + np.round(
        np.round((ticks - beats[index]) / span * parts) * span / parts
    )
    inside = ticks <= beats[-1]
    return np.where(beat_is_bad[index] & inside, snapped.astype(np.int64), ticks)


def with_marks_moved(
    track: Track,
    notes: NDArray[Any],
    onsets: NDArray[np.int64],
    new_onsets: NDArray[np.int64],
) -> Track:
    """The track with new notes; marks that sit on notes go with them."""
    place = dict(zip(onsets.tolist(), new_onsets.tolist(), strict=True))
    return replace(
        track,
        notes=notes,
        articulations=tuple(
            replace(mark, tick=place.get(mark.tick, mark.tick)) for mark in track.articulations
        ),
        graces=tuple(replace(item, tick=place.get(item.tick, item.tick)) for item in track.graces),
        lyrics=tuple(replace(item, tick=place.get(item.tick, item.tick)) for item in track.lyrics),
        slurs=tuple(
            replace(
                slur,
                start=place.get(slur.start, slur.start),
                end=place.get(slur.end, slur.end),
            )
            for slur in track.slurs
        ),
    )
