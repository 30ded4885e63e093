"""The leading line of a score on sixteenths, and how much bars are alike.

The lead is the highest line of the first track that plays most of the time. Bars are
compared by the pairs (place in the bar, pitch class) that they share, and by their harmony.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.theory.extract.grid import Grid

#: Places in a quarter at which onsets are told apart.
SLOTS_PER_QUARTER = 4
#: A track leads if it has notes in this share of the bars.
LEAD_SHARE = 0.5
#: Bars of silence after which the highest line of all tracks leads instead.
SOLO_BARS = 2
#: What the lead weighs beside the harmony when bars are compared.
LEAD_WEIGHT = 0.6
#: Parts of a bar whose harmony is compared apart.
HARMONY_PARTS = 2


@dataclass(frozen=True, eq=False)
class Lead:
    """Notes of the leading line, ascending, one at a time.

    Attributes
    ----------
    tick : np.ndarray, shape (n,), int64
        Onsets as played.
    end : np.ndarray, shape (n,), int64
        Where the note ends or the next one starts.
    pitch : np.ndarray, shape (n,), int64
    bar : np.ndarray, shape (n,), int64
        Index into ``score.bars``; an onset just before a bar line belongs to the next bar.
    slot : np.ndarray, shape (n,), int64
        Sixteenths from the bar's start, rounded.
    """

    tick: NDArray[np.int64]
    end: NDArray[np.int64]
    pitch: NDArray[np.int64]
    bar: NDArray[np.int64]
    slot: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tick)


def find_lead(grid: Grid) -> Lead:
    """The leading line; see the module's description."""
    score = grid.score
    starts = np.array([bar.start for bar in score.bars])
    notes = _leading_notes(score, starts, grid.notes)
    slot_ticks = score.ticks_per_quarter / SLOTS_PER_QUARTER
    # Sixteenths from each bar's start; what rounds up to the next bar line belongs there.
    bar = np.searchsorted(starts, notes["onset"], side="right") - 1
    slot = np.round((notes["onset"] - starts[bar]) / slot_ticks).astype(np.int64)
    lengths = np.round((np.append(starts[1:], score.bars[-1].end) - starts) / slot_ticks)
    over = (slot >= np.maximum(lengths[bar], 1)) & (bar + 1 < len(starts))
    bar, slot = np.where(over, bar + 1, bar), np.where(over, 0, slot)
    # The highest note of each place, unless a higher one still sounds from before.
    order = np.lexsort((-notes["pitch"], slot, bar))
    notes, bar, slot = notes[order], bar[order], slot[order]
    first = np.ones(len(notes), dtype=bool)
    first[1:] = (np.diff(bar) != 0) | (np.diff(slot) != 0)
    notes, bar, slot = notes[first], bar[first], slot[first]
    keep = _uncovered(notes, slot_ticks)
    notes, bar, slot = notes[keep], bar[keep], slot[keep]
    tick = notes["onset"].astype(np.int64)
    end = tick + notes["duration"]
    if len(tick):
        end[:-1] = np.minimum(end[:-1], np.maximum(tick[1:], tick[:-1] + 1))
    return Lead(tick, end, notes["pitch"].astype(np.int64), bar, slot)


def _leading_notes(
    score: Score, starts: NDArray[np.int64], everything: NDArray[Any]
) -> NDArray[Any]:
    """Notes of the first track if it leads; of all tracks in bars in which it is silent."""
    first = next(track for track in score.tracks if not track.is_drum and len(track.notes))
    bar = np.searchsorted(starts, first.notes["onset"], side="right") - 1
    led = np.zeros(len(starts), dtype=bool)
    led[bar] = True
    if led.mean() < LEAD_SHARE:
        return everything
    # A rest of a bar inside the melody is a rest; from `SOLO_BARS` on others take over.
    edge = np.flatnonzero(np.diff(led.astype(int), prepend=1, append=1))
    for start, stop in zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True):
        led[start:stop] = stop - start < SOLO_BARS
    where = np.searchsorted(starts, everything["onset"], side="right") - 1
    others = everything[~led[where]]
    return np.concatenate([first.notes, others])


def _uncovered(notes: NDArray[Any], slot_ticks: float) -> NDArray[np.bool_]:
    """Notes during whose onset no higher note sounds on for a sixteenth or more."""
    keep = np.ones(len(notes), dtype=bool)
    held: list[tuple[int, int]] = []  # end and pitch of notes that may cover later ones
    rows = zip(
        notes["onset"].tolist(), notes["duration"].tolist(), notes["pitch"].tolist(), strict=True
    )
    for index, (onset, duration, pitch) in enumerate(rows):
        held = [(end, high) for end, high in held if end >= onset + slot_ticks]
        keep[index] = all(high <= pitch for _, high in held)
        held.append((onset + duration, pitch))
    return keep


@dataclass(frozen=True, eq=False)
class BarPairs:
    """How bars compare. N bars, the pickup included.

    Attributes
    ----------
    common, moved : np.ndarray, shape (N, N)
        Shared pairs of place and pitch class; in ``moved`` above each bar's own tonic.
    size : np.ndarray, shape (N,)
        Pairs in each bar.
    harmony : np.ndarray, shape (N, N)
        Cosine of the bars' pitch-class contents above their tonics, 0..1.
    """

    common: NDArray[np.float32]
    moved: NDArray[np.float32]
    size: NDArray[np.float32]
    harmony: NDArray[np.float32]

    @cached_property
    def alike(self) -> NDArray[np.float32]:
        """Likeness of two bars, 0..1, leads in whatever key; (N, N)."""
        total = self.size[:, None] + self.size[None, :]
        common = np.maximum(self.common, self.moved)
        lead = np.where(total > 0, 2 * common / np.maximum(total, 1), self.harmony)
        result: NDArray[np.float32] = LEAD_WEIGHT * lead + (1 - LEAD_WEIGHT) * self.harmony
        return result


def compare_bars(grid: Grid, lead: Lead, tonics: NDArray[np.int64]) -> BarPairs:
    """Compare every bar with every other.

    Parameters
    ----------
    grid : Grid
    lead : Lead
    tonics : np.ndarray, shape (N,), int64
        Pitch class of each bar's tonic.
    """
    n_bars = len(grid.score.bars)
    n_slots = int(lead.slot.max()) + 1 if len(lead) else 1
    own = np.zeros((n_bars, n_slots, 12), dtype=np.float32)
    own[lead.bar, lead.slot, lead.pitch % 12] = 1.0
    moved = np.zeros_like(own)
    moved[lead.bar, lead.slot, (lead.pitch - tonics[lead.bar]) % 12] = 1.0
    here: NDArray[np.float32] = own.reshape(n_bars, -1)
    there: NDArray[np.float32] = moved.reshape(n_bars, -1)
    chroma = np.zeros((n_bars, HARMONY_PARTS, 12), dtype=np.float32)
    first = grid.bar_frames
    inside = np.arange(len(grid)) - first[grid.bar]
    part = inside * HARMONY_PARTS // np.maximum(first[grid.bar + 1] - first[grid.bar], 1)
    turn = (np.arange(12)[None, :] + tonics[grid.bar][:, None]) % 12
    np.add.at(chroma, (grid.bar, part), np.take_along_axis(grid.sounding, turn, axis=1))
    flat = np.sqrt(chroma.reshape(n_bars, -1))
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return BarPairs(here @ here.T, there @ there.T, here.sum(axis=1), flat @ flat.T)
