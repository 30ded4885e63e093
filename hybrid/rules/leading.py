"""From one voicing to the next: which steps the rules forbid, and what the others cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.numerals import AUGMENTED_SIXTHS
from hybrid.core.pitch import pitch_class
from hybrid.rules import weights as w
from hybrid.rules.harmony import Chord, Due, due_between
from hybrid.rules.voicings import SILENT, Voicings
from hybrid.theory.tables import DIRECT_LEAP

FIFTH, OCTAVE = 7, 0
#: Names of the built-in rule groups, as conflicts show them.
GROUPS = ("parallels", "tendency tones", "augmented steps")


@dataclass(frozen=True)
class Link:
    """What lies between two events.

    Attributes
    ----------
    chord, after : Chord
    due : Due
        What the first chord's tendency tones have to do.
    breaks : bool
        Whether a phrase ends here with a pause, so that parallels are not heard.
    exits : tuple of (int, int) or None
        Pitch and spelling of each voice right before the second event where that differs
        from the first event's voicing; None where it does not.
    frustrated : bool
        Whether an inner voice's leading tone may fall to the fifth.
    off : frozenset of str
        Rule groups that are switched off (only to explain conflicts).
    """

    chord: Chord
    after: Chord
    due: Due
    breaks: bool = False
    exits: tuple[tuple[int, int] | None, ...] = ()
    frustrated: bool = True
    off: frozenset[str] = frozenset()


def link_between(
    chord: Chord,
    after: Chord,
    breaks: bool = False,
    exits: tuple[tuple[int, int] | None, ...] = (),
    frustrated: bool = True,
    off: frozenset[str] = frozenset(),
) -> Link:
    """The link of two chords of the plan."""
    due = Due() if breaks else due_between(chord, after)
    return Link(chord, after, due, breaks, exits, frustrated, off)


def transition(before: Voicings, after: Voicings, link: Link) -> NDArray[np.float64]:
    """Cost of going from each candidate to each candidate; inf where a hard rule forbids it.

    Returns
    -------
    np.ndarray, shape (len(before), len(after)), float64
    """
    n_voices = before.pitch.shape[1]
    pitch = [before.pitch[:, None, v] for v in range(n_voices)]  # (n, 1)
    spelling = [before.spelling[:, None, v] for v in range(n_voices)]
    held = list(pitch)  # at the first event itself
    for voice, exit_ in enumerate(link.exits):
        if exit_ is not None:
            pitch[voice] = np.full_like(pitch[voice], exit_[0])
            spelling[voice] = np.full_like(spelling[voice], exit_[1])
    nxt = [after.pitch[None, :, v] for v in range(n_voices)]  # (1, m)
    nxt_spelling = [after.spelling[None, :, v] for v in range(n_voices)]
    sounds = [(pitch[v] != SILENT) & (nxt[v] != SILENT) for v in range(n_voices)]
    step = [np.where(sounds[v], nxt[v] - pitch[v], 0) for v in range(n_voices)]
    shape = (len(before), len(after))
    cost = np.zeros(shape)
    forbidden = np.zeros(shape, dtype=bool)
    if not link.breaks:
        if "parallels" not in link.off:
            forbidden |= _parallels(pitch, nxt, step, cost)
        _outer(pitch, nxt, step, cost)
        _overlap(held, nxt, step, sounds, cost)
        _cross_relations(before, after, link, sounds, cost)
    for voice in range(n_voices):
        forbidden |= _melodic(voice, n_voices, step, spelling, nxt_spelling, link, cost)
        if not link.breaks and "tendency tones" not in link.off:
            forbidden |= _tendency(voice, n_voices, pitch, nxt, step, sounds, link, cost)
    still = np.ones(shape, dtype=bool)
    for voice in range(n_voices):
        still &= nxt[voice] == held[voice]
    cost += w.SAME_VOICING * still
    _six_four(pitch, step, link, cost)
    cost[forbidden] = np.inf
    return cost


def _parallels(
    pitch: list[NDArray[np.int64]],
    nxt: list[NDArray[np.int64]],
    step: list[NDArray[np.int64]],
    cost: NDArray[np.float64],
) -> NDArray[np.bool_]:
    forbidden = np.zeros(cost.shape, dtype=bool)
    for upper, lower in combinations(range(len(pitch)), 2):
        interval = np.abs(pitch[upper] - pitch[lower]) % 12
        next_interval = np.abs(nxt[upper] - nxt[lower]) % 12
        both = (step[upper] != 0) & (step[lower] != 0)
        same = both & (interval == next_interval) & ((interval == FIFTH) | (interval == OCTAVE))
        similar = (step[upper] > 0) == (step[lower] > 0)
        forbidden |= same & similar
        cost += w.CONTRARY_PERFECT * (same & ~similar)
        unison = both & similar & (nxt[upper] == nxt[lower])
        cost += w.DIRECT_UNISON * unison
    return forbidden


def _outer(
    pitch: list[NDArray[np.int64]],
    nxt: list[NDArray[np.int64]],
    step: list[NDArray[np.int64]],
    cost: NDArray[np.float64],
) -> None:
    upper, lower = step[0], step[-1]
    similar = upper * lower > 0
    next_interval = (nxt[0] - nxt[-1]) % 12
    into = similar & ((next_interval == FIFTH) | (next_interval == OCTAVE))
    leap = np.abs(upper) >= DIRECT_LEAP
    cost += w.DIRECT_OUTER * (into & leap) + w.DIRECT_STEPWISE * (into & ~leap)
    cost += w.CONTRARY_OUTER * (upper * lower < 0)
    if len(step) >= 4:
        up = np.ones(cost.shape, dtype=bool)
        down = up.copy()
        for move in step:
            up &= move > 0
            down &= move < 0
        cost += w.ALL_SIMILAR * (up | down)
    # A diminished fifth over the bass that rises to a perfect one.
    for voice in range(len(step) - 1):
        tritone = (pitch[voice] - pitch[-1]) % 12 == 6
        rises = (step[voice] > 0) & (step[-1] > 0) & ((nxt[voice] - nxt[-1]) % 12 == FIFTH)
        cost += w.UNEQUAL_FIFTHS * (tritone & rises)


def _overlap(
    held: list[NDArray[np.int64]],
    nxt: list[NDArray[np.int64]],
    step: list[NDArray[np.int64]],
    sounds: list[NDArray[np.bool_]],
    cost: NDArray[np.float64],
) -> None:
    for upper in range(len(held) - 1):
        lower = upper + 1
        both = sounds[upper] & sounds[lower] & (step[upper] != 0) & (step[lower] != 0)
        passed = (nxt[lower] > held[upper]) | (nxt[upper] < held[lower])
        cost += w.OVERLAP * (both & passed)


def _melodic(
    voice: int,
    n_voices: int,
    step: list[NDArray[np.int64]],
    spelling: list[NDArray[np.int64]],
    nxt_spelling: list[NDArray[np.int64]],
    link: Link,
    cost: NDArray[np.float64],
) -> NDArray[np.bool_]:
    move = step[voice]
    size = np.minimum(np.abs(move), 63)
    table = w.STEP_INNER
    if voice == 0:
        table = w.STEP_SOPRANO
    elif voice == n_voices - 1:
        table = w.STEP_BASS
    factor = 0.4 if link.breaks else 1.0
    cost += factor * table[size]
    fifths = np.where(move > 0, 1, -1) * (nxt_spelling[voice] - spelling[voice])
    augmented = (fifths > 6) & (move != 0)
    cost += factor * w.AUGMENTED_LEAP * (augmented & (size > 3))
    second: NDArray[np.bool_] = augmented & (size == 3)
    if "augmented steps" in link.off or link.breaks:
        return np.zeros_like(second)
    return second


def _tendency(
    voice: int,
    n_voices: int,
    pitch: list[NDArray[np.int64]],
    nxt: list[NDArray[np.int64]],
    step: list[NDArray[np.int64]],
    sounds: list[NDArray[np.bool_]],
    link: Link,
    cost: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Leading tones that do not rise and sevenths that do not fall."""
    forbidden = np.zeros(cost.shape, dtype=bool)
    due, move = link.due, step[voice]
    is_inner = 0 < voice < n_voices - 1
    if due.leading is not None:
        has = sounds[voice] & (pitch[voice] % 12 == due.leading)
        rises = move == 1
        # Into I7 it may stay: there it is the seventh.
        stays = (move == 0) & (due.leading in link.after.classes) & (voice > 0)
        # It may also slide down where the next chord lowers it (V7/V to V7).
        lowered = link.chord.leading is not None and link.chord.leading - 7 in link.after.tones
        stays |= (move == -1) & lowered
        falls = np.zeros_like(rises)
        if is_inner and link.frustrated:
            falls = (move == -4) & (nxt[voice] % 12 == link.after.classes[2])
            cost += w.FRUSTRATED_LEADING * (has & falls)
        forbidden |= has & ~(rises | stays | falls)
    if due.seventh is not None:
        has = sounds[voice] & (pitch[voice] % 12 == due.seventh)
        falls = (move == -1) | (move == -2)
        stays = (move == 0) & due.seventh_may_stay
        # A chromatic step up on the same letter (IV7 to I7 in a blues) is the usual exception.
        rises = (move == 1) & _same_letter(link, due.seventh)
        forbidden |= has & ~(falls | stays | rises)
    return forbidden


def _same_letter(link: Link, seventh: int) -> bool:
    tone = link.chord.seventh
    assert tone is not None
    assert pitch_class(tone) == seventh
    return tone + 7 in link.after.tones


def _cross_relations(
    before: Voicings,
    after: Voicings,
    link: Link,
    sounds: list[NDArray[np.bool_]],
    cost: NDArray[np.float64],
) -> None:
    clashes = [
        (tone, other)
        for tone in link.chord.tones
        for other in link.after.tones
        if tone != other and (tone - other) % 7 == 0
    ]
    for tone, other in clashes:
        old = before.spelling == tone  # (n, V)
        new = after.spelling == other  # (m, V)
        # One voice takes the alteration itself: then the step is chromatic, not crossed.
        own = (old[:, None, :] & new[None, :, :]).any(axis=2)
        both = old.any(axis=1)[:, None] & new.any(axis=1)[None, :]
        cost += w.CROSS_RELATION * (both & ~own)


def _six_four(
    pitch: list[NDArray[np.int64]],
    step: list[NDArray[np.int64]],
    link: Link,
    cost: NDArray[np.float64],
) -> None:
    """Sixth and fourth of a cadential six-four step down; augmented sixths open outward."""
    if link.chord.numeral.is_cadential and link.after.leading is not None:
        root, third = link.chord.classes[0], link.chord.classes[1]
        for voice in range(len(pitch) - 1):
            falls = (step[voice] == -1) | (step[voice] == -2)
            near = np.abs(step[voice]) <= 2
            cost += w.SIX_FOUR * ((pitch[voice] % 12 == root) & ~falls)
            cost += w.SIX_FOUR * ((pitch[voice] % 12 == third) & ~near)
    if link.chord.numeral.triad in AUGMENTED_SIXTHS and link.after.index != link.chord.index:
        low, high = link.chord.classes[0], pitch_class(link.chord.local.tonic + 6)
        for voice in range(len(pitch)):
            cost += 4.0 * ((pitch[voice] % 12 == low) & (step[voice] != -1))
            cost += 4.0 * ((pitch[voice] % 12 == high) & (step[voice] != 1))
