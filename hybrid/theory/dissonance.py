"""Non-chord tones: how they are reached and left."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import pitch_name
from hybrid.theory.chord_view import is_after_rest, path_from, view_chords
from hybrid.theory.context import Context, Hit
from hybrid.theory.slices import REST

STEP = 2  # semitones


def chord_tone_table(context: Context) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which slices have a chord, and which pitch classes belong to it: (S,), (S, 12)."""
    n_slices = len(context.slices)
    known = np.zeros(n_slices, dtype=bool)
    belongs = np.zeros((n_slices, 12), dtype=bool)
    for chord in view_chords(context):
        known[chord.first : chord.stop] = True
        belongs[chord.first : chord.stop, list(chord.members)] = True
    return known, belongs


def check_dissonance(context: Context) -> Iterator[Hit]:
    """Non-chord tones that no step joins to anything; suspensions that do not resolve."""
    slices = context.slices
    known, belongs = chord_tone_table(context)
    for row in range(slices.n_voices):
        pitch = slices.pitch[row]
        sounds = (pitch != REST) & known
        inside = sounds & belongs[np.arange(len(slices)), pitch % 12]
        at = np.flatnonzero(slices.attack[row])
        for number, slot in enumerate(at.tolist()):
            stop = int(at[number + 1]) if number + 1 < len(at) else len(slices)
            span = slice(slot, stop)
            if inside[span].any() or not sounds[slot]:
                continue
            before = _previous(context, row, slot)
            path, _ = path_from(context, row, slot, 1)
            joined_in = before is not None and abs(before - int(pitch[slot])) <= STEP
            joined_out = bool(path) and abs(path[0] - int(pitch[slot])) <= STEP
            if not joined_in and not joined_out and (before is not None or path):
                name = pitch_name(int(pitch[slot]), int(slices.spelling[row, slot]))
                yield Hit(
                    "unprepared_dissonance",
                    slot,
                    (row,),
                    f"{name} is no chord tone and no step joins it",
                )
        yield from _suspensions(context, row, sounds, inside)


def _previous(context: Context, row: int, slot: int) -> int | None:
    """The pitch right before a slice, None after a rest or at the start of a phrase."""
    if slot == 0 or context.new_phrase[slot] or is_after_rest(context, row, slot):
        return None
    return int(context.slices.pitch[row, slot - 1])


def _suspensions(
    context: Context, row: int, sounds: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> Iterator[Hit]:
    slices = context.slices
    held = (
        sounds[1:]
        & ~slices.attack[row, 1:]
        & inside[:-1]
        & ~inside[1:]
        & (slices.accent[1:] >= 1)
        & ~context.new_phrase[1:]
    )
    for slot in (np.flatnonzero(held) + 1).tolist():
        pitch = int(slices.pitch[row, slot])
        path, at = path_from(context, row, slot, 2)
        if not path:
            continue
        # It may become a chord tone again before it moves (a pedal under passing chords).
        if inside[slot : at[0]].any():
            continue
        if any(0 < abs(following - pitch) <= STEP for following in path):
            continue
        name = pitch_name(pitch, int(slices.spelling[row, slot]))
        there = pitch_name(path[0], int(slices.spelling[row, at[0]]))
        yield Hit("unresolved_suspension", at[0], (row,), f"{name}, held, goes to {there}")
