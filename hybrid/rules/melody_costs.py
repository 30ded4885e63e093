"""What one, two and three notes of a melody in a row cost, and which may not stand at all.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading, ch. 5 and 21.
Huron, D. (2006). Sweet Anticipation, ch. 5. MIT Press. (steps, arches, post-skip reversal)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step, pitch_class
from hybrid.rules import weights as w
from hybrid.rules.harmony import Chord, due_between
from hybrid.rules.scales import pitches_of, scale_of
from hybrid.rules.slots import Manner, Slot

Costs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates of a slot."""

    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    step: NDArray[np.int64]
    inside: NDArray[np.bool_]  # a chord tone at its onset
    down: NDArray[np.bool_]  # has to go down by step: a suspension over a later chord
    cost: Costs


def candidates_of(slot: Slot, limits: tuple[int, int], manner: Manner) -> Candidates:
    chord = slot.chord
    limits = slot.limits or limits
    wanted = dict(slot.tones)
    tones = tuple(wanted) if wanted else scale_of(chord)
    notes = tuple(slot.pinned) if slot.pinned else pitches_of(tones, *limits)
    pitch = np.array([p for p, _ in notes], dtype=np.int64)
    spelling = np.array([s for _, s in notes], dtype=np.int64)
    step = np.array([diatonic_step(*note) for note in notes], dtype=np.int64)
    inside = np.isin(spelling, chord.tones)
    cost = np.array([wanted.get(s, 0.0) for _, s in notes], dtype=np.float64)
    if slot.height is not None:
        cost += slot.weight * np.abs(step - slot.height)
    for tone, price in slot.ahead:
        cost[spelling == tone] += price
    if manner.peak is not None:
        cost += 2.0 * np.maximum(step - manner.peak, 0.0)
    if not slot.pinned:
        # A tendency tone at the edge of the range could not go where it has to.
        if chord.leading is not None:
            cost[(spelling == chord.leading) & (pitch >= limits[1])] = np.inf
        if chord.seventh is not None:
            cost[(spelling == chord.seventh) & (pitch < limits[0] + 2)] = np.inf
    if slot.barred:
        cost[np.isin(pitch, sorted(slot.barred))] = np.inf
    if slot.open_to is not None:
        cost[~np.isin(pitch, sorted(slot.open_to))] = np.inf
    # A tendency tone that the bass has already is not doubled.
    if not slot.pinned and slot.structural:
        for tendency in (chord.leading, chord.seventh):
            if tendency is not None and tendency == chord.bass:
                cost[spelling == tendency] += 8.0
    down = np.zeros(len(notes), dtype=bool)
    for after in slot.later:
        stays = np.isin(spelling, after.tones)
        due = due_between(chord, after)
        if due.leading is not None:
            cost[pitch % 12 == due.leading] = np.inf  # held, it could no longer rise in time
        down |= ~stays
        if not slot.prepared:
            cost[~stays] = np.inf
        cost += np.where(stays, 0.0, manner.accented)
    if not slot.pinned:
        outside = ~inside
        if slot.structural:
            cost[outside] = np.inf
        else:
            cost += np.where(outside, manner.accented if slot.accent else manner.dissonance, 0.0)
        # A dissonance does not last: not beyond a quarter, nor into another chord.
        if slot.ticks > 480 or slot.later:
            cost[outside] = np.inf
    return Candidates(pitch, spelling, step, inside, down, cost)


def pair_cost(
    slots: Sequence[Slot], sets: Sequence[Candidates], place: int, manner: Manner, free: bool
) -> Costs:
    """Cost of each candidate of slot ``place - 1`` with each of slot ``place``; (n, m)."""
    a, b = sets[place - 1], sets[place]
    slot, after = slots[place - 1], slots[place]
    move = b.pitch[None, :] - a.pitch[:, None]
    size = np.minimum(np.abs(move), 63)
    table = w.STEP_SOPRANO * manner.leap
    cost: Costs = table[size].copy()
    repeats = move == 0
    cost[repeats] = manner.repeat + (2.5 if min(slot.ticks, after.ticks) <= 240 else 0.0)
    if slot.height is not None and after.height is not None:
        wanted = after.height - slot.height
        cost += manner.shape * np.abs((b.step[None, :] - a.step[:, None]) - wanted)
    fifths = np.sign(move) * (b.spelling[None, :] - a.spelling[:, None])
    forbidden = (fifths > 6) & (size == 3)
    cost += w.AUGMENTED_LEAP * ((fifths > 6) & (size > 3))
    chromatic = (np.abs(fifths) == 7) & (size <= 1)
    cost += 1.5 * chromatic
    if manner.max_leap is not None:
        forbidden |= size > manner.max_leap
    for banned in sorted(manner.forbidden):
        forbidden |= size == banned
    if after.joins is not None:
        codes = sorted(128 * one + two for one, two in after.joins)
        forbidden |= ~np.isin(128 * a.pitch[:, None] + b.pitch[None, :], codes)
    for old, new in after.against:
        interval = np.abs(a.pitch - old)[:, None] % 12
        next_interval = np.abs(b.pitch - new)[None, :] % 12
        same = (interval == next_interval) & ((interval == 0) | (interval == 7)) & (move != 0)
        forbidden |= same & ((move > 0) == (new > old))
        cost += w.CONTRARY_PERFECT * same
    if after.fresh:
        cost *= 0.4
        cost[forbidden] = np.inf
        return cost
    # What was held into a dissonance resolves down by step.
    forbidden |= a.down[:, None] & ~((move == -1) | (move == -2))
    if not free:
        forbidden |= _unresolved(slot, after, a, b, move)
        cost += _minor_steps(slot, after, a, b, move)
        cost += _against_bass(slot, after, a, b, move, size)
    cost[forbidden] = np.inf
    return cost


def _last_chord(slot: Slot) -> Chord:
    return slot.later[-1] if slot.later else slot.chord


def _unresolved(
    slot: Slot, after: Slot, a: Candidates, b: Candidates, move: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tendency tones that are left otherwise than they ask."""
    chord = _last_chord(slot)
    bad = np.zeros(move.shape, dtype=bool)
    inside = np.isin(b.pitch % 12, chord.classes)[None, :]
    if chord.index == after.chord.index:
        # Still over the chord: a chord tone may follow, any other note must resolve it. A
        # leading tone or seventh that does not go on here is judged at its last note.
        if chord.leading is not None:
            has = (a.pitch % 12 == pitch_class(chord.leading))[:, None]
            bad |= has & ~inside & (move != 1)
        if chord.seventh is not None:
            has = (a.pitch % 12 == pitch_class(chord.seventh))[:, None]
            bad |= has & ~inside & (move != -1) & (move != -2)
        return bad
    due = due_between(chord, after.chord)
    if due.leading is not None:
        has = (a.pitch % 12 == due.leading)[:, None]
        lowered = chord.leading is not None and chord.leading - 7 in after.chord.tones
        bad |= has & (move != 1) & ~((move == -1) & lowered)
    if due.seventh is not None:
        has = (a.pitch % 12 == due.seventh)[:, None]
        falls = (move == -1) | (move == -2)
        stays = (move == 0) & due.seventh_may_stay
        chromatic = np.zeros_like(stays)
        if chord.seventh is not None and chord.seventh + 7 in after.chord.tones:
            chromatic = move == 1
        bad |= has & ~(falls | stays | chromatic)
    return bad


def _minor_steps(
    slot: Slot, after: Slot, a: Candidates, b: Candidates, move: NDArray[np.int64]
) -> Costs:
    """Sixth and seventh degrees of minor go the way they are bent."""
    cost = np.zeros(move.shape)
    key = after.chord.key
    if key.mode != "minor":
        return cost
    sixth, seventh = key.tonic - 4, key.tonic - 2
    raised_sixth, raised_seventh = key.tonic + 3, key.tonic + 5
    here, there = a.spelling[:, None], b.spelling[None, :]
    free_here = ~a.inside[:, None]
    cost += 4.0 * ((here == raised_sixth) & (there != raised_seventh) & (move != 0) & free_here)
    cost += 4.0 * ((there == raised_sixth) & (move < 0) & (here != raised_seventh))
    cost += 3.0 * ((here == seventh) & (move > 0) & free_here)
    cost += 3.0 * ((here == raised_seventh) & (move != 1) & free_here)
    cost += 3.0 * ((here == sixth) & (move > 0) & (there != sixth + 1) & free_here)
    # Both forms right after each other, in whatever order, are a chromatic line.
    cost += 2.0 * ((here == seventh) & (there == raised_seventh))
    return cost


def _against_bass(
    slot: Slot,
    after: Slot,
    a: Candidates,
    b: Candidates,
    move: NDArray[np.int64],
    size: NDArray[np.int64],
) -> Costs:
    """Octaves and fifths with the planned bass from chord to chord."""
    cost = np.zeros(move.shape)
    chord = _last_chord(slot)
    if chord.index == after.chord.index:
        return cost
    bass, next_bass = pitch_class(chord.bass), pitch_class(after.chord.bass)
    if bass == next_bass:
        return cost
    interval = ((a.pitch - bass) % 12)[:, None]
    next_interval = ((b.pitch - next_bass) % 12)[None, :]
    perfect = (next_interval == 0) | (next_interval == 7)
    cost += 9.0 * ((interval == next_interval) & perfect & (move != 0))
    cost += 0.8 * ((interval != next_interval) & perfect & (size >= 3))
    return cost


def triple_cost(
    slots: Sequence[Slot], sets: Sequence[Candidates], place: int, manner: Manner
) -> Costs:
    """Cost of three notes in a row, the middle one of slot ``place - 1``; (i, j, k)."""
    a, b, c = sets[place - 2], sets[place - 1], sets[place]
    into = (b.pitch[None, :] - a.pitch[:, None])[:, :, None]
    out = (c.pitch[None, :] - b.pitch[:, None])[None, :, :]
    size_in, size_out = np.abs(into), np.abs(out)
    same_way = into * out > 0
    cost = np.zeros(np.broadcast_shapes(into.shape, out.shape))
    # Post-skip reversal, leaps in a row.
    cost += 1.6 * ((size_in >= 7) & same_way)
    cost += 0.7 * ((size_in >= 5) & (size_in < 7) & same_way & (size_out > 2))
    cost += 0.5 * ((size_in >= 7) & (out == 0))
    both = (size_in >= 3) & (size_out >= 3) & same_way
    cost += 1.0 * both + 5.0 * (both & (size_in + size_out > 12))
    cost += 3.0 * (both & (size_in >= 5) & (size_out >= 5))
    cost += 1.2 * ((size_in >= 3) & (size_out >= 3) & ~same_way)
    # To and fro on two notes, or three times the same note.
    cost += 0.5 * ((into + out == 0) & (into != 0))
    cost += 1.2 * ((into == 0) & (out == 0))
    fifths = np.sign(into) * (b.spelling[None, :] - a.spelling[:, None])[:, :, None]
    turned = (into * out < 0) & (size_out <= 2)
    cost += 4.0 * ((fifths <= -6) & (size_in > 0) & ~turned)
    cost += 2.0 * ((size_in == 6) & ~turned)
    # The middle note outside its chord: by step on both sides, or a known figure.
    strange = ~b.inside & np.isfinite(b.cost)
    if strange.any():
        step_in, step_out = (size_in <= 2) & (size_in > 0), (size_out <= 2) & (size_out > 0)
        accent = slots[place - 1].accent > 0
        figure = np.full(cost.shape, np.inf)
        figure[step_in & step_out] = 0.0
        prepared = (into == 0) & ((out == -1) | (out == -2))
        figure = np.where(prepared, 0.0, figure)
        turn = 1.8 if accent else 3.0
        appoggiatura = (size_in > 2) & (size_in <= 9) & step_out & ~same_way
        figure = np.where(appoggiatura, np.minimum(figure, turn), figure)
        if not accent and slots[place - 1].ticks <= 240:
            anticipates = (out == 0) & step_in & c.inside[None, None, :]
            figure = np.where(anticipates, np.minimum(figure, 1.5), figure)
            escape = step_in & (size_out > 2) & (size_out <= 4) & ~same_way
            figure = np.where(escape, np.minimum(figure, 2.2), figure)
        cost += np.where(strange[None, :, None], figure, 0.0)
    return cost


def edge_cost(first: Candidates, second: Candidates, has_before: bool) -> Costs:
    """The first note of a melody is a chord tone, or a step leads on from it."""
    if has_before:
        return np.zeros((len(first.cost), len(second.cost)))
    move = np.abs(second.pitch[None, :] - first.pitch[:, None])
    strange = ~first.inside[:, None] & ~((move >= 1) & (move <= 2))
    return np.where(strange, np.inf, 0.0)
