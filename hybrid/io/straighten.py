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

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score, Track, sort_notes
from hybrid.io.drum_staff import straightened
from hybrid.io.quantise import beats_of, choose_grids, snap, with_marks_moved
from hybrid.io.voices import FIRST_VOICE_OF_LOWER_STAFF, hands, has_two_staves

#: (parts of a beat, price in parts of a beat): coarse grids unless notes lie clearly elsewhere.
_GRIDS = ((1, 0.0), (2, 0.004), (4, 0.008), (3, 0.03), (6, 0.06), (8, 0.06))
_DOTTED_GRIDS = ((3, 0.0), (6, 0.008), (2, 0.03))
#: Share of onsets and ends off thirty-seconds and sextuplets from which on a track is played.
_PLAYED = 0.05
#: A rest is written if it is this share of the way to the next onset, and an eighth, at least.
_REST = 0.4


def engravable(
    score: Score, span: tuple[int, int] | None = None, given: Sequence[Track] = ()
) -> Score:
    """The score with played tracks straightened; scores that are written stay as they are.

    Parameters
    ----------
    score : Score
    span : (int, int), optional
        First tick, and the one after the last: only notes that begin in it are straightened.
    given : sequence of Track
        Tracks that have the notes of one of these stay as they are.

    Examples
    --------
    >>> from hybrid.core.score import make_notes
    >>> track = Track("flute", make_notes([(20, 410, 72), (500, 430, 74), (960, 880, 76)]))
    >>> engravable(Score((track,), ticks_per_quarter=480)).tracks[0].notes["onset"].tolist()
    [0, 480, 960]
    """
    if span is None:
        score = straightened(score)
    if not score.tracks:
        return score
    low, high = span or (0, score.length)
    starts = np.array([bar.start for bar in score.bars], dtype=np.int64)
    beats, is_dotted, _ = beats_of(score, starts, np.ones(len(starts), dtype=bool))
    tracks = []
    for track in score.tracks:
        inside = (track.notes["onset"] >= low) & (track.notes["onset"] < high)
        is_given = any(np.array_equal(track.notes, each.notes) for each in given)
        if not (track.is_drum or is_given) and _is_played(track.notes[inside], score, starts):
            track = _straight(track, inside, (low, high), score, beats, is_dotted)
        tracks.append(track)
    return replace(score, tracks=tuple(tracks))


def _is_played(notes: NDArray[Any], score: Score, starts: NDArray[np.int64]) -> bool:
    if not len(notes):
        return False
    onsets = notes["onset"].astype(np.int64)
    ticks = np.concatenate([onsets, onsets + notes["duration"]])
    bar = np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)
    inside = ticks - starts[bar]
    quarter = score.ticks_per_quarter
    off = (inside * 8 % quarter != 0) & (inside * 6 % quarter != 0)
    return bool(off.mean() > _PLAYED)


def _straight(
    track: Track,
    inside: NDArray[np.bool_],
    span: tuple[int, int],
    score: Score,
    beats: NDArray[np.int64],
    is_dotted: NDArray[np.bool_],
) -> Track:
    onsets = track.notes["onset"].astype(np.int64)
    grid = choose_grids(onsets[inside], beats, is_dotted, _GRIDS, _DOTTED_GRIDS)
    everywhere = np.ones(len(grid), dtype=bool)
    # What lies closer to the end than to the last place may not open a bar of its own.
    step = score.ticks_per_quarter // 4
    latest = (min(span[1], score.length) - 1) // step * step
    placed = onsets.copy()
    placed[inside] = np.clip(snap(onsets[inside], beats, grid, everywhere), span[0], latest)
    rows = track.notes.copy()
    rows["onset"] = placed
    ends = snap(onsets + rows["duration"], beats, np.maximum(grid, 2), everywhere)
    two = has_two_staves(track)
    new = np.flatnonzero(inside).tolist()
    written = [rows[~inside]]
    for indices, voice in zip(
        hands(track, new) if two else (new, []), (1, FIRST_VOICE_OF_LOWER_STAFF), strict=True
    ):
        if indices:
            hand = _hand(rows[indices], ends[indices], min(span[1], score.length), score, beats)
            if two:
                hand["voice"] = voice
            written.append(hand)
    return with_marks_moved(track, sort_notes(np.concatenate(written)), onsets, placed)


def _hand(
    rows: NDArray[Any],
    ends: NDArray[np.int64],
    last: int,
    score: Score,
    beats: NDArray[np.int64],
) -> NDArray[Any]:
    """One hand's notes as chords one after another, each note once.

    Parameters
    ----------
    rows : np.ndarray of NOTE_DTYPE
        With onsets as written.
    ends : np.ndarray
        Where they end on the grid, as far as fingers go.
    last : int
        Tick that nothing reaches past.
    """
    order = np.lexsort((-ends, rows["pitch"], rows["onset"]))
    rows, ends = rows[order], ends[order]
    same = (rows["onset"][1:] == rows["onset"][:-1]) & (rows["pitch"][1:] == rows["pitch"][:-1])
    once = np.append(True, ~same)
    rows, ends = rows[once].copy(), ends[once]
    places, chord = np.unique(rows["onset"].astype(np.int64), return_inverse=True)
    following = np.append(places[1:], last)
    room = following - places
    eighth, sixteenth = score.ticks_per_quarter // 2, score.ticks_per_quarter // 4
    # One length for a chord: its longest note's.
    until = places + sixteenth
    np.maximum.at(until, chord, ends)
    # A rest begins on an eighth: sixteenth rests in a row say no more and read badly.
    beat = beats[np.searchsorted(beats, until, side="right") - 1]
    until += np.where(((until - beat) % eighth != 0) & (room > eighth), sixteenth, 0)
    is_short = following - until < np.maximum(eighth, _REST * room)
    is_short[-1] = False  # nothing follows the last chord
    lengths = np.where(is_short, room, np.minimum(until, following) - places)
    rows["duration"] = np.maximum(1, lengths)[chord]
    return rows
