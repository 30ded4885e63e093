"""A performance as a person would write it down: plain note values, few rests, two hands.

A learned or recorded player's notes begin a little early or late and end where a finger
left the key. Written out to the letter they are full of tiny rests and tuplets. Here onsets go to
sixteenths (or triplets, where most of a beat's notes lie there), a note lasts up to the next
one where little is missing, and a keyboard part is divided between two hands of two voices at most.
Sound is made of the score as it was; only what is engraved is straightened.

References
----------
Cambouropoulos, E. (2000). From MIDI to traditional musical notation. AAAI Workshop on
Artificial Intelligence and Music. (grids by beat, lengths up to the next onset)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score, Track, sort_notes
from hybrid.io.drum_staff import straightened
from hybrid.io.quantise import beats_of, choose_grids, snap, with_marks_moved
from hybrid.io.voices import FIRST_VOICE_OF_LOWER_STAFF, hands, has_two_staves

#: (parts of a beat, price in parts of a beat): coarse grids unless notes lie clearly elsewhere.
_GRIDS = ((1, 0.0), (2, 0.004), (4, 0.008), (3, 0.03))
_DOTTED_GRIDS = ((3, 0.0), (6, 0.008), (2, 0.03))
#: Share of onsets and ends off sixteenths and triplets from which on a track counts as played.
_PLAYED = 0.05
#: A rest is written if it is this share of the way to the next onset, and an eighth, at least.
_REST = 0.4


def engravable(score: Score) -> Score:
    """The score with played tracks straightened; scores that are written stay as they are.

    Examples
    --------
    >>> from hybrid.core.score import make_notes
    >>> track = Track("flute", make_notes([(20, 410, 72), (500, 430, 74), (960, 880, 76)]))
    >>> engravable(Score((track,), ticks_per_quarter=480)).tracks[0].notes["onset"].tolist()
    [0, 480, 960]
    """
    score = straightened(score)
    if not score.tracks:
        return score
    starts = np.array([bar.start for bar in score.bars], dtype=np.int64)
    tracks = tuple(
        _straight(track, score, starts) if _is_played(track, score, starts) else track
        for track in score.tracks
    )
    return replace(score, tracks=tracks)


def _is_played(track: Track, score: Score, starts: NDArray[np.int64]) -> bool:
    if track.is_drum or not len(track.notes):
        return False
    onsets = track.notes["onset"].astype(np.int64)
    ticks = np.concatenate([onsets, onsets + track.notes["duration"]])
    bar = np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)
    inside = ticks - starts[bar]
    quarter = score.ticks_per_quarter
    off = (inside * 4 % quarter != 0) & (inside * 3 % quarter != 0)
    return bool(off.mean() > _PLAYED)


def _straight(track: Track, score: Score, starts: NDArray[np.int64]) -> Track:
    everywhere = np.ones(len(starts), dtype=bool)
    beats, is_dotted, _ = beats_of(score, starts, everywhere)
    onsets = track.notes["onset"].astype(np.int64)
    grid = choose_grids(onsets, beats, is_dotted, _GRIDS, _DOTTED_GRIDS)
    mend = np.ones(len(grid), dtype=bool)
    placed = snap(onsets, beats, grid, mend)
    # What lies closer to the end than to the last place may not open a bar of its own.
    step = score.ticks_per_quarter // 4
    placed = np.minimum(placed, (score.length - 1) // step * step)
    rows = track.notes.copy()
    rows["onset"] = placed
    two = has_two_staves(track)
    parts = hands(track, list(range(len(rows)))) if two else (list(range(len(rows))), [])
    written = []
    for indices, voice in zip(parts, (1, FIRST_VOICE_OF_LOWER_STAFF), strict=True):
        if indices:
            hand = _hand(rows[indices], track.notes["onset"][indices], score, beats, grid)
            if two:
                hand["voice"] = voice
            written.append(hand)
    notes = sort_notes(np.concatenate(written))
    return with_marks_moved(track, notes, onsets, placed)


def _hand(
    rows: NDArray[Any],
    played: NDArray[Any],
    score: Score,
    beats: NDArray[np.int64],
    grid: NDArray[np.int64],
) -> NDArray[Any]:
    """One hand's notes as chords one after another, each note once.

    Parameters
    ----------
    rows : np.ndarray of NOTE_DTYPE
        With onsets as written and durations as played.
    played : np.ndarray
        Onsets as played.
    """
    order = np.lexsort((-rows["duration"].astype(np.int64), rows["pitch"], rows["onset"]))
    rows, played = rows[order], played[order].astype(np.int64)
    same = (rows["onset"][1:] == rows["onset"][:-1]) & (rows["pitch"][1:] == rows["pitch"][:-1])
    once = np.append(True, ~same)
    rows, played = rows[once].copy(), played[once]
    ends = snap(
        played + rows["duration"], beats, np.maximum(grid, 2), np.ones(len(grid), dtype=bool)
    )
    places, chord = np.unique(rows["onset"], return_inverse=True)
    following = np.append(places[1:], score.length)
    eighth, sixteenth = score.ticks_per_quarter // 2, score.ticks_per_quarter // 4
    for number, (place, after) in enumerate(zip(places.tolist(), following.tolist(), strict=True)):
        members = chord == number
        # One length for a chord: its longest note's.
        end = max(int(ends[members].max()), place + sixteenth)
        # A rest begins on an eighth: sixteenth rests in a row say no more and read badly.
        beat = int(beats[np.searchsorted(beats, end, side="right") - 1])
        if (end - beat) % eighth and after - place > eighth:
            end += sixteenth
        gap = after - end
        if gap < max(eighth, _REST * (after - place)) and number + 1 < len(places):
            end = after
        rows["duration"][members] = max(1, min(end, after) - place)
    return rows
