"""Heard notes under heard bar lines: a score whose tempo follows the beats of the sound.

Every beat of the sound is a quarter of 480 ticks, at the tempo that makes it last as long as it
lasted; so notes keep their times, and bar lines stand where bars begin.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.core.timeline import Metre, Tempo, TempoMap
from hybrid.transcription.bars import Bars
from hybrid.transcription.notes import TICKS_PER_QUARTER, score_of, tracks_of

#: A first beat that comes sooner is the sound's beginning, in seconds.
_AT_ONCE = 0.1
#: Tempos within these limits are written; beats that are closer or further apart are mistakes.
_SLOWEST, _FASTEST = 10.0, 999.0


def barred_score(notes: NDArray[Any], bars: Bars, title: str = "") -> Score:
    """A score of heard notes.

    Parameters
    ----------
    notes : np.ndarray, `hybrid.transcription.notes.HEARD_DTYPE`
    bars : Bars
        Without beats in it notes are laid down a tick a millisecond, as `score_of` does.
    title : str

    Returns
    -------
    Score
        A note's time by the tempo map is the heard one to a thousandth of a beat. The bar
        before the first bar line is a pickup where it is not whole.
    """
    if len(bars.beats) < 2:
        return score_of(notes, title)
    lead = _lead(bars.beats)
    times = np.concatenate([np.linspace(0.0, bars.beats[0], lead, endpoint=False), bars.beats])
    tempos = _tempos(times)
    clock = TempoMap(tempos, TICKS_PER_QUARTER)
    pickup, metres = _metres(bars, lead)
    return Score(
        tracks_of(notes, clock.to_ticks),
        ticks_per_quarter=TICKS_PER_QUARTER,
        tempos=tempos,
        metres=metres,
        pickup_ticks=pickup,
        title=title,
    )


def _lead(beats: NDArray[np.float64]) -> int:
    """Beats before the first one that was found, so that the sound's beginning is tick 0."""
    if beats[0] < _AT_ONCE:
        return 0
    return max(1, round(float(beats[0] / np.median(np.diff(beats)))))


def _tempos(times: NDArray[np.float64]) -> tuple[Tempo, ...]:
    """A tempo for every beat; where the first is at the sound's beginning it is moved to 0."""
    moved = times.copy()
    moved[0] = 0.0
    found: list[Tempo] = []
    for number, length in enumerate(np.diff(moved)):
        qpm = float(np.clip(60 / max(length, 1e-3), _SLOWEST, _FASTEST))
        if not found or abs(found[-1].qpm - qpm) > 1e-9:
            found.append(Tempo(number * TICKS_PER_QUARTER, qpm))
    return tuple(found)


def _metres(bars: Bars, lead: int) -> tuple[int, tuple[Metre, ...]]:
    """Ticks of the pickup, and a metre wherever bars have another number of beats."""
    lines = np.flatnonzero(bars.places == 0) + lead
    pickup = int(lines[0] % bars.n_beats) if len(lines) else 0
    found = [Metre(0, bars.n_beats, 4)]
    for start, stop in itertools.pairwise(lines):
        if stop - start != found[-1].numerator:
            found.append(Metre(int(start) * TICKS_PER_QUARTER, int(stop - start), 4))
    if len(lines) and found[-1].numerator != bars.n_beats:
        found.append(Metre(int(lines[-1]) * TICKS_PER_QUARTER, bars.n_beats, 4))
    return pickup * TICKS_PER_QUARTER, tuple(found)
