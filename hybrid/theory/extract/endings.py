"""Where a bar comes to rest, and which cadence closes there.

A bar's resting point is the lead's note with the longest way to the next one. The
cadences are those of `hybrid.theory.cadences`, read from given chords instead of notes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.pitch import Key, pitch_class
from hybrid.theory.extract.grid import Grid
from hybrid.theory.extract.lead import Lead

_MAJOR = ("major", "dominant-seventh")
_DIMINISHED = ("diminished", "diminished-seventh", "half-diminished-seventh")


@dataclass(frozen=True, eq=False)
class RestPoints:
    """Where each bar rests; N bars.

    Attributes
    ----------
    tick : np.ndarray, shape (N,), int64
        Onset of the resting note; the bar's start where the lead is silent.
    gap : np.ndarray, shape (N,)
        Quarters from there to the lead's next onset.
    silence : np.ndarray, shape (N,)
        Quarters of them in which the lead is silent.
    pitch : np.ndarray, shape (N,), int64
        Of the resting note, -1 where the lead is silent.
    fermata : np.ndarray, shape (N,), bool
    """

    tick: NDArray[np.int64]
    gap: NDArray[np.float64]
    silence: NDArray[np.float64]
    pitch: NDArray[np.int64]
    fermata: NDArray[np.bool_]


def find_rest_points(grid: Grid, lead: Lead) -> RestPoints:
    """The resting point of every bar; a fermata's note where there is one."""
    score = grid.score
    n_bars = len(score.bars)
    tick = np.array([bar.start for bar in score.bars])
    gap, silence = np.zeros(n_bars), np.zeros(n_bars)
    pitch = np.full(n_bars, -1)
    fermata = np.zeros(n_bars, dtype=bool)
    quarter = score.ticks_per_quarter
    if len(lead):
        following = np.append(lead.tick[1:], score.length)
        length = np.maximum(following - lead.tick, 0)
        # By bar, then by length: the last of each bar is its longest, the later of equals.
        order = np.lexsort((lead.tick, length, lead.bar))
        bars, last = np.unique(lead.bar[order][::-1], return_index=True)
        chosen = order[::-1][last]
        tick[bars], pitch[bars] = lead.tick[chosen], lead.pitch[chosen]
        gap[bars] = length[chosen] / quarter
        silence[bars] = np.maximum(following[chosen] - lead.end[chosen], 0) / quarter
        empty = np.setdiff1d(np.arange(n_bars), bars)
        for bar in empty.tolist():
            at = int(np.searchsorted(lead.tick, tick[bar]))
            until = int(lead.tick[at]) if at < len(lead) else score.length
            gap[bar] = silence[bar] = max(0.0, (until - int(tick[bar])) / quarter)
    starts = np.array([bar.start for bar in score.bars])
    for track in score.tracks:
        for mark in track.articulations:
            if mark.kind == "fermata":
                bar = int(np.searchsorted(starts, mark.tick, side="right")) - 1
                fermata[bar] = True
                tick[bar] = mark.tick
                heard = np.searchsorted(lead.tick, mark.tick, side="right") - 1
                pitch[bar] = lead.pitch[heard] if heard >= 0 else mark.pitch
    return RestPoints(tick, gap, silence, pitch, fermata)


def find_closes(chords: Sequence[ChordSpan], points: RestPoints) -> list[str | None]:
    """The cadence that each bar could end with: one of `CADENCES`, or None; length N."""
    starts = [chord.onset for chord in chords]
    found: list[str | None] = []
    for tick, pitch in zip(points.tick.tolist(), points.pitch.tolist(), strict=True):
        at = bisect_right(starts, tick) - 1
        found.append(_kind(chords, at, pitch) if at >= 0 else None)
    return found


def _kind(chords: Sequence[ChordSpan], at: int, pitch: int) -> str | None:
    last = chords[at]
    first = at
    while first > 0 and chords[first - 1].root == last.root and not _six_four(chords[first - 1]):
        first -= 1  # changes of inversion or of an added seventh do not part a harmony
    before = chords[first - 1] if first > 0 else None
    if before is not None and before.key != last.key:
        # The last chord may belong to the key before it, however the next phrase hears it.
        kind = _kind_in(before.key, before, last, pitch)
        if kind in ("PAC", "IAC"):
            return kind
    return _kind_in(last.key, before, last, pitch)


def _kind_in(key: Key, before: ChordSpan | None, last: ChordSpan, pitch: int) -> str | None:
    tonic = pitch_class(key.tonic)
    degree = (pitch_class(last.root) - tonic) % 12
    closes = ("major", "minor") if key.is_minor else ("major",)
    if degree == 0 and last.quality in closes and not _six_four(last) and before is not None:
        if _is_dominant(before, tonic):
            rooted = _is_five(before, tonic) and before.inversion == 0 and last.inversion == 0
            return "PAC" if rooted and pitch % 12 == tonic else "IAC"
        if (pitch_class(before.root) - tonic) % 12 == 5 and before.quality in ("major", "minor"):
            return "PC"
    if degree == 7 and last.quality in _MAJOR and last.inversion == 0:
        return "HC"
    sixth = (8,) if key.is_minor else (8, 9)
    on_sixth = degree in sixth and last.inversion == 0 and last.quality in ("major", "minor")
    if on_sixth and before is not None and _is_five(before, tonic):
        return "DC"
    return None


def _six_four(chord: ChordSpan) -> bool:
    return chord.numeral == "Cad64"


def _is_five(chord: ChordSpan, tonic: int) -> bool:
    return (pitch_class(chord.root) - tonic) % 12 == 7 and chord.quality in _MAJOR


def _is_dominant(chord: ChordSpan, tonic: int) -> bool:
    degree = (pitch_class(chord.root) - tonic) % 12
    return _is_five(chord, tonic) or (degree == 11 and chord.quality in _DIMINISHED)
