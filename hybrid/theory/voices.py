"""Which notes make a voice: single melodic lines out of the tracks of any score.

A track gives one voice if its notes do not overlap, one for each value of the field
``voice`` if those lines do not overlap, and otherwise as many lines as its chords have
notes: every chord's notes are handed to lines in order of height, by the assignment that
moves the lines least. The last case is a reading, not a fact: it keeps lines from
crossing, so crossings inside such a track are not found.

Drum tracks have no voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.score import Score, Track

MAX_LINES = 8  # lines read out of one chordal track; lower inner notes beyond are left out
CHORDAL = 3  # lines from which on a track plays chords; two may be a line with octaves in it
#: Two notes in a row may overlap by this share of the shorter one (played legato).
LEGATO = 0.2
FOUR_VOICES = ("soprano", "alto", "tenor", "bass")


@dataclass(frozen=True, eq=False)
class Voice:
    """A melodic line.

    Attributes
    ----------
    name : str
        The track's name, with the line's number where the track has several.
    notes : np.ndarray, shape (n,), `NOTE_DTYPE`
        Ascending, without overlap.
    track : int
        Index of its track in the score.
    is_reading : bool
        Whether it is one of three lines or more that a track's chords were split into.
    """

    name: str
    notes: NDArray[Any]
    track: int
    is_reading: bool = False


def find_voices(score: Score, names: Sequence[str] | None = None) -> tuple[Voice, ...]:
    """The voices of a score, highest first.

    Parameters
    ----------
    score : Score
    names : sequence of str, optional
        Only these, in this order: names of voices, or of tracks for all their voices.

    Returns
    -------
    tuple of Voice
        Soprano, alto, tenor, bass in that order where the tracks have these names; else
        by median pitch, highest first.

    Raises
    ------
    ScoreError
        If ``names`` has a name that no voice has.
    """
    voices: list[Voice] = []
    labels = _labels(score)
    for index, track in enumerate(score.tracks):
        if not track.is_drum and len(track.notes):
            voices.extend(_voices_of(track, index, labels[index]))
    if names is not None:
        return _named(voices, names, labels)
    order = [
        FOUR_VOICES.index(voice.name.lower()) if voice.name.lower() in FOUR_VOICES else -1
        for voice in voices
    ]
    if -1 in order:
        medians = [-float(np.median(voice.notes["pitch"])) for voice in voices]
        return tuple(voices[i] for i in np.argsort(medians, kind="stable"))
    return tuple(voices[i] for i in np.argsort(order, kind="stable"))


def _labels(score: Score) -> list[str]:
    """A name for every track: its own, told apart by a number where it is shared or empty."""
    own = [track.name.strip() or "part" for track in score.tracks]
    labels = []
    for index, name in enumerate(own):
        same = own.count(name)
        labels.append(name if same == 1 else f"{name} {own[: index + 1].count(name)}")
    return labels


def _named(voices: list[Voice], names: Sequence[str], labels: list[str]) -> tuple[Voice, ...]:
    chosen: list[Voice] = []
    for name in names:
        found = [voice for voice in voices if voice.name == name]
        found = found or [voice for voice in voices if labels[voice.track] == name]
        if not found:
            known = ", ".join(repr(voice.name) for voice in voices)
            raise ScoreError(f"voices must be among {known}, got {name!r}")
        chosen.extend(voice for voice in found if voice not in chosen)
    return tuple(chosen)


def _voices_of(track: Track, index: int, label: str) -> list[Voice]:
    line = _as_line(track.notes)
    if line is not None:
        return [Voice(label, line, index)]
    numbers = np.unique(track.notes["voice"])
    if len(numbers) > 1:
        lines = [_as_line(track.notes[track.notes["voice"] == number]) for number in numbers]
        if all(line is not None for line in lines):
            return [
                Voice(f"{label}/{number}", line, index)
                for number, line in zip(numbers.tolist(), lines, strict=True)
                if line is not None
            ]
    read = [line for line in _split_chords(track.notes) if len(line)]
    return [
        Voice(f"{label}/{number}", notes, index, is_reading=len(read) >= CHORDAL)
        for number, notes in enumerate(read, start=1)
    ]


def _as_line(notes: NDArray[Any]) -> NDArray[Any] | None:
    """The notes without small overlaps, or None if they are no single line."""
    if len(notes) < 2:
        return notes
    gap = notes["onset"][1:] - (notes["onset"][:-1] + notes["duration"][:-1])
    shorter = np.minimum(notes["duration"][1:], notes["duration"][:-1])
    if (notes["onset"][1:] == notes["onset"][:-1]).any() or (-gap > LEGATO * shorter).any():
        return None
    if (gap >= 0).all():
        return notes
    line = notes.copy()
    line["duration"][:-1] += np.minimum(gap, 0)
    return line


def _split_chords(notes: NDArray[Any]) -> list[NDArray[Any]]:
    """Lines of a chordal track, highest first; see the module's description."""
    onsets, starts = np.unique(notes["onset"], return_index=True)
    chords = np.split(notes, starts[1:])
    n_lines = min(_polyphony(notes), MAX_LINES)
    lines: list[list[Any]] = [[] for _ in range(n_lines)]
    ends = np.zeros(n_lines, dtype=np.int64)
    pitches = np.linspace(float(notes["pitch"].max()), float(notes["pitch"].min()), n_lines)
    for onset, chord in zip(onsets.tolist(), chords, strict=True):
        falling = chord[np.argsort(-chord["pitch"], kind="stable")]
        if len(falling) > n_lines:
            falling = np.concatenate([falling[: n_lines - 1], falling[-1:]])
        chosen = _cheapest_lines(falling["pitch"], pitches, ends > onset)
        for line, note in zip(chosen, falling, strict=True):
            if lines[line] and ends[line] > onset:
                lines[line][-1]["duration"] = onset - lines[line][-1]["onset"]
            lines[line].append(note.copy())
            ends[line] = int(note["onset"] + note["duration"])
            pitches[line] = note["pitch"]
    return [np.array(line, dtype=notes.dtype) for line in lines]


def _polyphony(notes: NDArray[Any]) -> int:
    """How many notes sound together at most; one that ends where another starts has gone."""
    ends = notes["onset"] + notes["duration"]
    ticks = np.concatenate([notes["onset"], ends])
    change = np.concatenate([np.ones(len(notes)), -np.ones(len(notes))])
    order = np.lexsort((change, ticks))
    return int(np.cumsum(change[order]).max())


def _cheapest_lines(
    falling: NDArray[Any], pitches: NDArray[np.float64], busy: NDArray[np.bool_]
) -> list[int]:
    """Lines, ascending, for notes sorted downwards: least movement, busy lines last."""
    choices = _choices(len(pitches), len(falling))
    cost = np.abs(pitches[choices] - falling).sum(axis=1) + 1000.0 * busy[choices].sum(axis=1)
    chosen: list[int] = choices[int(np.argmin(cost))].tolist()
    return chosen


@lru_cache(maxsize=128)
def _choices(n_lines: int, n_notes: int) -> NDArray[np.int64]:
    """Every ascending choice of lines for that many notes; (choices, n_notes)."""
    return np.array(list(combinations(range(n_lines), n_notes)), dtype=np.int64)
