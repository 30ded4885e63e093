"""Figures between the chords: passing and neighbour notes, suspensions, ties, skips.

The skeleton has one note for each voice and event. Here every voice takes one figure for each
event; the figures are drawn jointly for all voices, event after event, among those that break
no rule on the surface: no parallels between any two attacks, no crossing, no clash of two
dissonances, suspensions prepared and resolved, tendency tones still resolved. Plain notes are
always among the figures, so the draw cannot fail where the skeleton is sound.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading, ch. 21-24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.rules import weights as w
from hybrid.rules.figures import Figure, Habits, Skeleton, options_of, parts_of
from hybrid.rules.harmony import Chord, Event
from hybrid.rules.lattice import draw_path
from hybrid.rules.voicings import SILENT

__all__ = ["Figure", "Habits", "Skeleton", "draw_figures", "fits", "parts_of"]

MAX_COMBINATIONS = 96
Costs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Segment:
    """All joint figures of an event: sums of the voices' figures that fit each other."""

    figures: tuple[tuple[Figure, ...], ...]  # by voice
    choice: NDArray[np.int64]  # (n, V): which figure each voice takes
    cost: Costs  # (n,)
    first: NDArray[np.int64]  # (n, V) pitch at the event's start
    last: NDArray[np.int64]  # (n, V) pitch at its end
    last_spelling: NDArray[np.int64]
    first_spelling: NDArray[np.int64]
    attack: NDArray[np.bool_]  # (n, V) whether the first note is struck


def draw_figures(
    skeleton: Skeleton,
    rng: np.random.Generator,
    habits: Habits,
    wanted: Sequence[tuple[str, ...] | None] = (),
    temperature: float = 1.0,
    tail: tuple[NDArray[np.int64], NDArray[np.int64], bool] | None = None,
) -> tuple[tuple[tuple[Figure, ...], ...], int]:
    """Draw a figure for every voice in every event.

    Parameters
    ----------
    wanted : sequence of tuple of str or None
        Kinds that the voices had when this music was heard before, where it was; they cost
        less then.
    tail : (np.ndarray, np.ndarray, bool) or None
        Pitches and spellings, (1, V), of the voices right before the first event, and whether
        a pause stands between.

    Returns
    -------
    (figures, int)
        Figures by event and voice, and how many combinations were looked at.
    """
    segments = []
    for place in range(len(skeleton.events)):
        like = wanted[place] if place < len(wanted) else None
        segments.append(_segment(skeleton, place, habits, like))
    unary = [segment.cost for segment in segments]
    if tail is not None:
        struck = np.ones(tail[0].shape, dtype=bool)
        none = np.zeros(1)
        ended = _Segment((), tail[0], none, tail[0], tail[0], tail[1], tail[1], struck)
        unary[0] = unary[0] + _joint(ended, segments[0], tail[2])[0]

    def step(place: int) -> Costs:
        return _joint(segments[place - 1], segments[place], skeleton.breaks[place])

    path = draw_path(unary, step, rng, temperature)
    chosen = []
    for segment, index in zip(segments, path.index, strict=True):
        picks = segment.choice[index]
        chosen.append(tuple(segment.figures[voice][int(pick)] for voice, pick in enumerate(picks)))
    return tuple(chosen), sum(len(costs) for costs in unary)


def _segment(
    skeleton: Skeleton, place: int, habits: Habits, like: tuple[str, ...] | None
) -> _Segment:
    n_voices = skeleton.pitch.shape[1]
    figures = tuple(options_of(skeleton, place, voice, habits) for voice in range(n_voices))
    event = skeleton.events[place]
    parts = parts_of(event)
    grids = [_grid(options, parts) for options in figures]
    shape = tuple(len(options) for options in figures)
    total = np.zeros(shape)
    for voice, options in enumerate(figures):
        cost = np.array([figure.cost for figure in options])
        if like is not None and len(options) > 1:
            cost = cost - 3.0 * np.array([figure.kind == like[voice] for figure in options])
        total += cost.reshape([-1 if axis == voice else 1 for axis in range(n_voices)])
    for upper, lower in combinations(range(n_voices), 2):
        if skeleton.pitch[place, upper] == SILENT or skeleton.pitch[place, lower] == SILENT:
            continue
        pair = _together(grids[upper], grids[lower], event.chord, lower == n_voices - 1)
        view = [1] * n_voices
        view[upper], view[lower] = pair.shape
        total = total + pair.reshape(view)
    flat = total.ravel()
    order = np.argsort(flat, kind="stable")
    order = order[np.isfinite(flat[order])][:MAX_COMBINATIONS]
    plain = 0  # figure 0 of each voice is the plain one
    if plain not in order:
        order = np.append(order, plain)
    choice = np.stack(np.unravel_index(order, shape), axis=1)

    def gather(which: int, column: int) -> NDArray[np.int64]:
        return np.stack(
            [grids[voice][which][choice[:, voice], column] for voice in range(n_voices)], axis=1
        )

    cost = flat[order]
    # The skeleton itself was found sound: a plain combination is never shut out here.
    cost = np.where(np.isfinite(cost), cost, 30.0)
    return _Segment(
        figures,
        choice,
        cost,
        gather(0, 0),
        gather(0, -1),
        gather(1, -1),
        gather(1, 0),
        gather(2, 0).astype(bool),
    )


_Grid = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _grid(options: tuple[Figure, ...], parts: int) -> _Grid:
    """Pitch, spelling, attack and strangeness of every part; each (figures, parts)."""
    pitch = np.full((len(options), parts), SILENT, dtype=np.int64)
    spelling = pitch.copy()
    attack = np.zeros_like(pitch)
    strange = np.zeros_like(pitch)
    for row, figure in enumerate(options):
        for number, (part, note, tone) in enumerate(figure.notes):
            pitch[row, part:] = note
            spelling[row, part:] = tone
            strange[row, part:] = number in figure.strange
            if note != SILENT and (part or not figure.tied):
                attack[row, part] = 1
    return pitch, spelling, attack, strange


def _together(upper: _Grid, lower: _Grid, chord: Chord, is_bass: bool) -> Costs:
    """What two voices' figures cost together inside an event; (figures, figures)."""
    a, b = upper[0][:, None, :], lower[0][None, :, :]
    gap = a - b
    cost = np.zeros(gap.shape[:2])
    bad = (gap < 0).any(axis=2)
    interval = gap % 12
    strange_a, strange_b = upper[3][:, None, :], lower[3][None, :, :]
    both = (strange_a == 1) & (strange_b == 1)
    harsh = (interval == 1) | (interval == 2) | (interval == 10) | (interval == 11)
    harsh |= interval == 6
    if is_bass:
        harsh |= interval == 5
    bad |= (both & harsh).any(axis=2)
    one = (strange_a + strange_b == 1) & ((gap == 1) | (gap == 13) | (gap == 0))
    cost += 1.2 * one.any(axis=2)
    # The same letter in two forms at once.
    tones = upper[1][:, None, :] - lower[1][None, :, :]
    bad |= ((tones % 7 == 0) & (tones != 0)).any(axis=2)
    # A suspension whose resolution another voice already sounds (the bass may).
    moves_a = np.diff(upper[0], axis=1)[:, None, :]
    moves_b = np.diff(lower[0], axis=1)[None, :, :]
    falls_a = (strange_a[..., :-1] == 1) & (moves_a < 0)
    falls_b = (strange_b[..., :-1] == 1) & (moves_b < 0)
    meets_a = falls_a & ((a[..., 1:] - b[..., :-1]) % 12 == 0)
    meets_b = falls_b & ((b[..., 1:] - a[..., :-1]) % 12 == 0)
    cost += (0.8 if is_bass else 3.0) * meets_a.any(axis=2) + 3.0 * meets_b.any(axis=2)
    # Parallels between attacks inside the event.
    struck = (upper[2][:, None, 1:] == 1) & (lower[2][None, :, 1:] == 1)
    moving = struck & (moves_a != 0) & (moves_b != 0)
    same = interval[..., 1:] == interval[..., :-1]
    perfect = (interval[..., 1:] == 0) | (interval[..., 1:] == 7)
    bad |= (moving & same & perfect).any(axis=2)
    unison = moving & (gap[..., 1:] == 0)
    bad |= unison.any(axis=2)
    cost += 0.35 * (moving & ~perfect & (moves_a * moves_b > 0)).any(axis=2)
    cost[bad] = np.inf
    return cost


def _joint(before: _Segment, after: _Segment, breaks: bool) -> Costs:
    """What follows what: ties that go on, no parallels into the event; (n, m)."""
    n_voices = before.last.shape[1]
    cost = np.zeros((len(before.cost), len(after.cost)))
    bad = np.zeros(cost.shape, dtype=bool)
    steps, last, first = [], [], []
    for voice in range(n_voices):
        old, new = before.last[:, None, voice], after.first[None, :, voice]
        struck = after.attack[None, :, voice]
        bad |= ~struck & (new != SILENT) & (old != new)
        # A repeated note that is tied in the one voice and struck in the other is no motion.
        sounds = (old != SILENT) & (new != SILENT)
        move = np.where(sounds & struck, new - old, 0)
        steps.append(move)
        last.append(old)
        first.append(new)
        fifths = after.first_spelling[None, :, voice] - before.last_spelling[:, None, voice]
        fifths = np.where(move > 0, fifths, -fifths)
        bad |= (np.abs(move) == 3) & (fifths > 6) & (not breaks)
        cost += 2.0 * ((np.abs(move) == 6) | (np.abs(move) >= 10) & (np.abs(move) != 12))
    if not breaks:
        for upper, lower in combinations(range(n_voices), 2):
            interval = np.abs(last[upper] - last[lower]) % 12
            next_interval = np.abs(first[upper] - first[lower]) % 12
            moving = (steps[upper] != 0) & (steps[lower] != 0)
            same = moving & (interval == next_interval) & ((interval == 7) | (interval == 0))
            similar = (steps[upper] > 0) == (steps[lower] > 0)
            bad |= same & similar
            cost += w.CONTRARY_PERFECT * (same & ~similar)
            if lower == n_voices - 1:
                tritone = moving & similar & (interval == 6) & (next_interval == 7)
                cost += w.UNEQUAL_FIFTHS * (tritone & (steps[lower] > 0))
    cost[bad] = np.inf
    return cost


def fits(upper: Figure, lower: Figure, event: Event) -> bool:
    """Whether two given figures may sound together in an event."""
    parts = parts_of(event)
    pair = _together(_grid((upper,), parts), _grid((lower,), parts), event.chord, False)
    return bool(np.isfinite(pair).all())
