"""Melodies by exact sampling: pitches for given onsets, near a wanted contour.

A melody is a path through the notes of the chords' scales. What it costs depends on three
notes in a row, so that leaps turn back, passing notes pass and suspensions resolve; the path
is drawn as in `hybrid.rules.lattice`, with pairs of notes as states. Tendency tones over a
chord that resolves, augmented seconds and unprepared dissonances are not in the search.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading, ch. 5 and 21.
Huron, D. (2006). Sweet Anticipation, ch. 5. MIT Press. (steps, arches, post-skip reversal)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid.core.pitch import diatonic_step
from hybrid.rules import weights as w
from hybrid.rules.harmony import Chord
from hybrid.rules.lattice import Blocked
from hybrid.rules.melody_costs import (
    Candidates,
    Costs,
    candidates_of,
    edge_cost,
    pair_cost,
    triple_cost,
)
from hybrid.rules.slots import Manner, MelodyNote, Slot

__all__ = ["Manner", "MelodyNote", "Slot", "draw_melody"]


def draw_melody(
    slots: Sequence[Slot],
    limits: tuple[int, int],
    rng: np.random.Generator,
    manner: Manner,
    before: tuple[int, int] | None = None,
    before_chord: Chord | None = None,
    temperature: float = w.TEMPERATURE,
) -> tuple[MelodyNote, ...]:
    """Draw a melody for some slots.

    Parameters
    ----------
    slots : sequence of Slot
        Contiguous or with rests between.
    limits : (int, int)
        Lowest and highest pitch.
    rng : np.random.Generator
    manner : Manner
    before : (int, int) or None
        Pitch and spelling of the note right before the first slot.
    before_chord : Chord or None
        The chord under it, where its tendency tones are to be resolved; None after a pause.

    Raises
    ------
    Blocked
        If no melody keeps the hard rules; ``at`` is the slot.
    """
    sets = [candidates_of(slot, limits, manner) for slot in slots]
    if before is not None:
        first = slots[0]
        inside = np.array([True])
        lone = Candidates(
            np.array([before[0]]),
            np.array([before[1]]),
            np.array([diatonic_step(*before)]),
            inside,
            ~inside,
            np.zeros(1),
        )
        sets = [lone, *sets]
        slots = [Slot(first.onset, first.onset, before_chord or first.chord), *slots]
    for place, found in enumerate(sets):
        if not np.isfinite(found.cost).any():
            raise Blocked(place - (before is not None))
    free = before is not None and before_chord is None
    index, chance = _sample(slots, sets, rng, manner, temperature, before is not None, free)
    notes = []
    for place, slot in enumerate(slots):
        if before is not None and place == 0:
            continue
        choice = index[place]
        found = sets[place]
        notes.append(
            MelodyNote(
                slot.onset,
                slot.end,
                int(found.pitch[choice]),
                int(found.spelling[choice]),
                bool(found.inside[choice]),
                chance[place],
            )
        )
    return tuple(notes)


def _sample(
    slots: Sequence[Slot],
    sets: Sequence[Candidates],
    rng: np.random.Generator,
    manner: Manner,
    temperature: float,
    has_before: bool,
    free: bool,
) -> tuple[list[int], list[float]]:
    """Second-order forward filtering, backward sampling."""
    n = len(sets)
    if n == 1:
        place, chance = _pick(-sets[0].cost / temperature, rng)
        return [place], [chance]
    offset = int(has_before)
    # log weight of the pair (set place-1, set place), all that comes before summed out.
    pairs: list[Costs] = [np.empty(0)]
    triples: list[Costs | None] = [None, None]
    start = -sets[0].cost[:, None] - sets[1].cost[None, :]
    first = pair_cost(slots, sets, 1, manner, free)
    first = first + edge_cost(sets[0], sets[1], has_before)
    pairs.append((start - first) / temperature)
    if not np.isfinite(pairs[1]).any():
        raise Blocked(1 - offset)
    for place in range(2, n):
        base = pair_cost(slots, sets, place, manner, False)
        fresh = slots[place].fresh or slots[place - 1].fresh
        three = np.zeros((1, 1, 1)) if fresh else triple_cost(slots, sets, place, manner)
        three = np.broadcast_to(
            three, (len(sets[place - 2].cost), len(sets[place - 1].cost), len(sets[place].cost))
        )
        triples.append(three)
        weight = pairs[place - 1][:, :, None] - three / temperature
        top = weight.max(axis=0)
        safe = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            summed = np.log(np.exp(weight - safe[None]).sum(axis=0)) + safe
        pairs.append(summed - (base + sets[place].cost[None, :]) / temperature)
        if not np.isfinite(pairs[place]).any():
            raise Blocked(place - offset)
    # The last note must be a chord tone: nothing comes that could resolve it.
    final = np.where(sets[-1].inside[None, :], pairs[-1], -np.inf)
    if not np.isfinite(final).any():
        raise Blocked(n - 1 - offset)
    index = [0] * n
    chances = [0.0] * n
    flat, probability = _pick(final.ravel(), rng)
    index[n - 2], index[n - 1] = divmod(flat, final.shape[1])
    chances[n - 1] = chances[n - 2] = probability
    for place in range(n - 1, 1, -1):
        before = triples[place]
        assert before is not None
        column = pairs[place - 1][:, index[place - 1]]
        column = column - before[:, index[place - 1], index[place]] / temperature
        index[place - 2], chances[place - 2] = _pick(column, rng)
    return index, chances


def _pick(weight: Costs, rng: np.random.Generator) -> tuple[int, float]:
    mass = np.exp(weight - weight.max())
    total = np.cumsum(mass)
    place = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    place = min(place, len(mass) - 1)
    return place, float(mass[place] / total[-1])
