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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step, pitch_class
from hybrid.rules import weights as w
from hybrid.rules.harmony import Chord, due_between
from hybrid.rules.lattice import Blocked
from hybrid.rules.scales import pitches_of, scale_of

Costs = NDArray[np.float64]


@dataclass(frozen=True)
class Slot:
    """A note of a melody before it has a pitch.

    Attributes
    ----------
    onset, end : int
        Ticks.
    chord : Chord
        Sounds at the onset.
    later : tuple of Chord
        Chords that come in while the note sounds.
    height : float or None
        Wanted staff position; None where the melody is free.
    weight : float
        Cost of each step away from it.
    accent : int
    structural : bool
        Whether it must be a chord tone.
    tones : tuple of (int, float)
        Tonal pitch classes that are allowed here and their cost; empty for the scale.
    pinned : tuple of (int, int)
        (pitch, spelling) pairs, one of which it must be; empty for no such demand.
    barred : frozenset of int
        Pitches that are forbidden.
    fresh : bool
        Whether a pause stands before it, so that nothing joins it to the note before.
    open_to : frozenset of int or None
        Pitches that the voices under it can harmonise; None where any will do.
    joins : frozenset of (int, int) or None
        Pitches of the note before and of this one that they can harmonise in a row.
    against : tuple of (int, int)
        Other lines that move at the same moment: from which pitch to which.
    prepared : bool
        Whether it may be held into a chord to which it does not belong (a suspension).
    limits : (int, int) or None
        Lowest and highest pitch of this note, where they differ from the melody's.
    """

    onset: int
    end: int
    chord: Chord
    later: tuple[Chord, ...] = ()
    height: float | None = None
    weight: float = 0.5
    accent: int = 0
    structural: bool = True
    tones: tuple[tuple[int, float], ...] = ()
    pinned: tuple[tuple[int, int], ...] = ()
    barred: frozenset[int] = frozenset()
    fresh: bool = False
    open_to: frozenset[int] | None = None
    joins: frozenset[tuple[int, int]] | None = None
    against: tuple[tuple[int, int], ...] = ()
    prepared: bool = True
    limits: tuple[int, int] | None = None

    @property
    def ticks(self) -> int:
        return self.end - self.onset


@dataclass(frozen=True)
class Manner:
    """Habits of a kind of melody; costs in nats.

    Attributes
    ----------
    shape : float
        Of each step by which an interval differs from the wanted one.
    dissonance : float
        Of a non-chord tone between beats.
    accented : float
        Of one on a beat (appoggiatura, suspension, accented passing note).
    repeat : float
        Of a repeated note.
    leap : float
        Factor on the cost of leaps.
    peak : float or None
        Staff position above which a note costs 2 for each step.
    max_leap : int or None
        Widest leap in semitones that is allowed at all.
    forbidden : frozenset of int
        Sizes of steps in semitones that are forbidden.
    """

    shape: float = 0.55
    dissonance: float = 0.5
    accented: float = 2.2
    repeat: float = 1.3
    leap: float = 1.0
    peak: float | None = None
    max_leap: int | None = None
    forbidden: frozenset[int] = frozenset()


@dataclass(frozen=True)
class MelodyNote:
    """A note of a drawn melody; ``figure`` names the figure that added or moved it."""

    onset: int
    end: int
    pitch: int
    spelling: int
    is_chord_tone: bool
    probability: float
    figure: str = ""


@dataclass(frozen=True, eq=False)
class _Set:
    """Candidates of a slot."""

    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    step: NDArray[np.int64]
    inside: NDArray[np.bool_]  # a chord tone at its onset
    down: NDArray[np.bool_]  # has to go down by step: a suspension over a later chord
    cost: Costs


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
    sets = [_candidates(slot, limits, manner) for slot in slots]
    if before is not None:
        first = slots[0]
        inside = np.array([True])
        lone = _Set(
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


def _candidates(slot: Slot, limits: tuple[int, int], manner: Manner) -> _Set:
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
    return _Set(pitch, spelling, step, inside, down, cost)


def _pair(
    slots: Sequence[Slot], sets: Sequence[_Set], place: int, manner: Manner, free: bool
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
    slot: Slot, after: Slot, a: _Set, b: _Set, move: NDArray[np.int64]
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


def _minor_steps(slot: Slot, after: Slot, a: _Set, b: _Set, move: NDArray[np.int64]) -> Costs:
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
    a: _Set,
    b: _Set,
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


def _triple(slots: Sequence[Slot], sets: Sequence[_Set], place: int, manner: Manner) -> Costs:
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


def _sample(
    slots: Sequence[Slot],
    sets: Sequence[_Set],
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
    first = _pair(slots, sets, 1, manner, free)
    first = first + _edge(sets[0], sets[1], has_before)
    pairs.append((start - first) / temperature)
    if not np.isfinite(pairs[1]).any():
        raise Blocked(1 - offset)
    for place in range(2, n):
        base = _pair(slots, sets, place, manner, False)
        fresh = slots[place].fresh or slots[place - 1].fresh
        three = np.zeros((1, 1, 1)) if fresh else _triple(slots, sets, place, manner)
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


def _edge(first: _Set, second: _Set, has_before: bool) -> Costs:
    """The first note of a melody is a chord tone, or a step leads on from it."""
    if has_before:
        return np.zeros((len(first.cost), len(second.cost)))
    move = np.abs(second.pitch[None, :] - first.pitch[:, None])
    strange = ~first.inside[:, None] & ~((move >= 1) & (move <= 2))
    return np.where(strange, np.inf, 0.0)


def _pick(weight: Costs, rng: np.random.Generator) -> tuple[int, float]:
    mass = np.exp(weight - weight.max())
    total = np.cumsum(mass)
    place = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    place = min(place, len(mass) - 1)
    return place, float(mass[place] / total[-1])
