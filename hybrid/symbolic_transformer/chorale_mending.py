"""Wrong accidentals in the chorales of ``bach_chorales``, found and mended by the benchmark's.

Upstream warns of many. Each note is held against the pitches of the benchmark's piece at the
same place (`hybrid.symbolic_transformer.chorale_matching`). A note a semitone off, for most
of its length, has a wrong accidental: it gets the benchmark's pitch and keeps its letter.
Larger differences are other readings; they are counted and left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import MAX_SPELLING, MIN_SPELLING, NO_SPELLING
from hybrid.core.score import Score
from hybrid.symbolic_transformer.chorale_matching import (
    Grid,
    Match,
    along_diagonals,
    score_grid,
    voice_agreement,
)

MIN_AROUND = 0.6  # share of voices that have to agree around a place before it is compared
MIN_SHARE = 0.75  # of a note's length
#: Share of the compared notes that must agree after mending for a chorale to be kept.
MIN_AGREEMENT = 0.9


@dataclass(frozen=True)
class Mending:
    """Notes of a chorale: in all, compared, equal at once, mended, and different for good."""

    notes: int
    compared: int
    equal: int
    mended: int
    different: int

    @property
    def agreement(self) -> float:
        """Share of the compared notes that agree after mending; 0 without any."""
        return (self.equal + self.mended) / self.compared if self.compared else 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the chorale may be trained on."""
        return self.agreement >= MIN_AGREEMENT and 2 * self.compared >= self.notes


def mend(score: Score, match: Match, grid: Grid) -> tuple[Score, Mending]:
    """Mend a chorale by the benchmark's piece that it is.

    Parameters
    ----------
    score : Score
        Four tracks, soprano first.
    match : Match
    grid : Grid
        The piece's.
    """
    step = score.ticks_per_quarter / 4 / match.scale[0]
    theirs = _laid_under(score, match, grid)
    tracks = []
    counts = np.zeros(5, dtype=np.int64)
    for voice, track in enumerate(score.tracks[:4]):
        notes = track.notes.copy()
        for note in notes:
            counts[0] += 1
            start = int(np.ceil(note["onset"] / step))
            end = int(np.ceil((note["onset"] + note["duration"]) / step))
            known = theirs[start:end, voice]
            known = known[known >= 0] - match.semitones
            if 2 * len(known) < end - start or not len(known):
                continue
            counts[1] += 1
            off = (known - int(note["pitch"]) + 6) % 12 - 6
            if (off == 0).mean() >= 0.5:
                counts[2] += 1
                continue
            values, times = np.unique(off, return_counts=True)
            most = int(values[np.argmax(times)])
            spelling = int(note["spelling"])
            moved = spelling + 7 * most
            fits = spelling == NO_SPELLING or MIN_SPELLING <= moved <= MAX_SPELLING
            if abs(most) == 1 and times.max() >= MIN_SHARE * (end - start) and fits:
                note["pitch"] += most
                if spelling != NO_SPELLING:
                    note["spelling"] = moved
                counts[3] += 1
            else:
                counts[4] += 1
        tracks.append(replace(track, notes=notes))
    mending = Mending(*(int(count) for count in counts))
    return replace(score, tracks=(*tracks, *score.tracks[4:])), mending


def _laid_under(score: Score, match: Match, grid: Grid) -> NDArray[np.int64]:
    """The benchmark's pitches at each step of the score, -1 where the two do not agree.

    A step belongs to the place of the benchmark around which most voices agree.
    """
    ours = np.repeat(score_grid(score), match.scale[0], axis=0)
    other = np.repeat(grid, match.scale[1], axis=0)
    around = along_diagonals(voice_agreement(ours, other, match.semitones).mean(axis=2))
    best = around.argmax(axis=1)
    sure = around[np.arange(len(best)), best] >= MIN_AROUND
    result: NDArray[np.int64] = np.where(sure[:, None], other[best], -1).astype(np.int64)
    return result


__all__ = ["MIN_AGREEMENT", "Mending", "mend"]
