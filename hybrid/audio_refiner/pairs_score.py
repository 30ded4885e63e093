"""Short scores for training pairs: an excerpt of a piece with instruments drawn anew.

An excerpt begins in silence, so that what is heard is what its notes say; notes that would
outlast it are cut. Its clock is plain: a tick is a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.roll import DRUMS, ROLL_DTYPE, notes_of_score
from hybrid.core.errors import ScoreError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import NOTE_DTYPE, Score, Track
from hybrid.core.timeline import Tempo

TICKS_PER_QUARTER = 480
QPM = 125.0  # 480 ticks in 480 ms
MIN_NOTES = 12
_TRIES = 8
#: Share of excerpts whose tracks get programs of their own; of the others all get one program,
#: or keep those that the piece came with.
OWN_PROGRAMS, ONE_PROGRAM = 0.6, 0.2
#: Share of excerpts without drums that get drums from another piece.
WITH_DRUMS = 0.35
#: Share of excerpts that end a while before the sound does, so that tails are heard out.
WITH_TAIL, TAIL_SECONDS = 0.25, 2.0
_MOST_LEAD = 0.2  # seconds of silence before the first note
_MAX_SHIFT = 4  # semitones
_RATES = (0.85, 1.2)


class ProgramDeck:
    """Programs drawn so that all families come equally often: a deck of cards, dealt out."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._families: list[int] = []

    def draw(self) -> int:
        """A General MIDI program."""
        if not self._families:
            self._families = self._rng.permutation(DRUMS).tolist()
        return 8 * self._families.pop() + int(self._rng.integers(8))


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Notes of an excerpt.

    Attributes
    ----------
    notes : np.ndarray, `ROLL_DTYPE`
        Milliseconds from its beginning.
    start_seconds : float
        Where it begins in the piece.
    """

    notes: NDArray[Any]
    start_seconds: float

    def score(self) -> Score:
        """The score that is rendered: a track for each track, at a tick a millisecond."""
        return score_of_notes(self.notes)


def score_of_notes(notes: NDArray[Any]) -> Score:
    """A score of notes, `ROLL_DTYPE`, whose ticks are milliseconds."""
    tracks = []
    for number in np.unique(notes["track"]).tolist():
        own = notes[notes["track"] == number]
        made = np.zeros(len(own), NOTE_DTYPE)
        made["onset"], made["duration"] = own["onset"], own["end"] - own["onset"]
        made["pitch"], made["velocity"] = own["pitch"], own["velocity"]
        made["spelling"] = NO_SPELLING
        is_drum = bool(own["family"][0] == DRUMS)
        tracks.append(Track(f"{number + 1}", made, program=int(own["program"][0]), is_drum=is_drum))
    return Score(tuple(tracks), ticks_per_quarter=TICKS_PER_QUARTER, tempos=(Tempo(0, QPM),))


def draw_excerpt(
    score: Score,
    seconds: float,
    rng: np.random.Generator,
    deck: ProgramDeck,
    drums: Score | None = None,
) -> Excerpt:
    """Cut an excerpt out of a piece and give it instruments, pitch, speed and dynamics of its own.

    Parameters
    ----------
    score : Score
    seconds : float
        Length of the excerpt.
    rng : np.random.Generator
    deck : ProgramDeck
        Deals the programs.
    drums : Score, optional
        A drum track that is laid under it, bar lines on bar lines where both have one metre.

    Raises
    ------
    ScoreError
        If no place with enough notes is found.
    """
    piece = score if drums is None else _with_drums(score, drums)
    notes = notes_of_score(piece)
    if not len(notes):
        raise ScoreError(f"a piece must have notes to be cut, got none ({score.title!r})")
    rate = float(np.exp(rng.uniform(*np.log(_RATES))))
    heard = seconds - (TAIL_SECONDS if rng.random() < WITH_TAIL else 0.0)
    lead = 1000 * rng.uniform(0.0, _MOST_LEAD) * rate
    span = 1000 * heard * rate - lead  # of the piece
    last = max(0.0, float(notes["end"].max()) - span)
    for _ in range(_TRIES):
        start = float(rng.uniform(0, last))
        inside = notes[(notes["onset"] >= start) & (notes["onset"] < start + span - 30)]
        if len(inside) >= MIN_NOTES:
            break
    else:
        raise ScoreError(
            f"an excerpt must have {MIN_NOTES} notes, got {len(inside)} ({score.title!r})"
        )
    made = inside.copy()
    # It begins with the first note, but for a short silence.
    start = float(made["onset"].min()) - lead
    made["onset"] = np.round((inside["onset"] - start) / rate)
    made["end"] = np.minimum(np.round((inside["end"] - start) / rate), 1000 * heard)
    made["end"] = np.maximum(made["end"], made["onset"] + 10)
    _reshape(made, rng, deck)
    return Excerpt(made, start / 1000)


def _reshape(notes: NDArray[Any], rng: np.random.Generator, deck: ProgramDeck) -> None:
    """Draw programs, a transposition and dynamics; in place."""
    shift = int(rng.integers(-_MAX_SHIFT, _MAX_SHIFT + 1))
    way = rng.random()
    one = deck.draw() if OWN_PROGRAMS <= way < OWN_PROGRAMS + ONE_PROGRAM else None
    level = rng.uniform(0.75, 1.2)
    for number in np.unique(notes["track"]).tolist():
        own = notes["track"] == number
        own_level = level * rng.uniform(0.8, 1.15)
        velocity = np.round(notes["velocity"][own] * own_level)
        notes["velocity"][own] = np.clip(velocity, 1, 127)
        if notes["family"][own][0] == DRUMS:
            continue
        pitch = notes["pitch"][own].astype(int) + shift
        notes["pitch"][own] = np.where(
            pitch > 127, pitch - 12, np.where(pitch < 0, pitch + 12, pitch)
        )
        if way < OWN_PROGRAMS + ONE_PROGRAM:
            program = deck.draw() if one is None else one
            notes["program"][own], notes["family"][own] = program, program // 8


def _with_drums(score: Score, drums: Score) -> Score:
    """The score with the drums under it, again and again until its end."""
    parts = [track.notes for track in drums.tracks if track.is_drum]
    if not parts or any(track.is_drum for track in score.tracks):
        return score
    hits = np.concatenate(parts).copy()
    scale = score.ticks_per_quarter / drums.ticks_per_quarter
    hits["onset"] = np.round(hits["onset"] * scale)
    hits["duration"] = np.maximum(1, np.round(hits["duration"] * scale))
    bar = drums.metres[0].bar_ticks(drums.ticks_per_quarter) * scale
    length = max(1, round(-(-hits["onset"].max() // bar) * bar))
    n_times = -(-score.length // length)
    copies = []
    for time in range(n_times):
        copy = hits.copy()
        copy["onset"] += time * length
        copies.append(copy[copy["onset"] + copy["duration"] <= score.length])
    track = Track("drums", np.concatenate(copies), is_drum=True)
    return replace(score, tracks=(*score.tracks, track))


__all__ = [
    "MIN_NOTES",
    "ROLL_DTYPE",
    "Excerpt",
    "ProgramDeck",
    "draw_excerpt",
    "score_of_notes",
]
