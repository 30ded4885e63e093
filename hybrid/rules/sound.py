"""The hard rules between two voicings, as masks on all pairs of candidates."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.rules.harmony import Chord
from hybrid.rules.leading import link_between
from hybrid.rules.voicings import SILENT, Voicings

Mask = NDArray[np.bool_]


def parallels(
    old: NDArray[np.int64], new: NDArray[np.int64], pairs: Iterable[tuple[int, int]]
) -> Mask:
    bad = np.zeros((len(old), len(new)), dtype=bool)
    for upper, lower in pairs:
        a, b = old[:, None, upper], old[:, None, lower]
        c, d = new[None, :, upper], new[None, :, lower]
        up, down = c - a, d - b
        interval, after = np.abs(a - b) % 12, np.abs(c - d) % 12
        sounds = (a != SILENT) & (b != SILENT) & (c != SILENT) & (d != SILENT)
        bad |= sounds & (up * down > 0) & (interval == after) & ((after == 0) | (after == 7))
    return bad


def sound_steps(
    found: tuple[Voicings, Voicings],
    chords: tuple[Chord, Chord],
    breaks: bool,
    given: frozenset[int],
    loose: NDArray[np.bool_] | None,
    own: frozenset[int] = frozenset(),
) -> Mask:
    """Which candidates may follow which under the hard rules.

    Parameters
    ----------
    given : frozenset of int
        Voices that are fixed on both sides; what they do among themselves is not judged.
    loose : np.ndarray or None
        Notes of the first candidates that have to go on by step or be held.
    own : frozenset of int
        Voices whose steps are not judged by themselves, only against the others.
    """
    before, after = found
    n_voices = before.pitch.shape[1]
    keep = np.ones((len(before), len(after)), dtype=bool)
    if loose is not None:
        for voice in range(n_voices):
            move = np.abs(after.pitch[None, :, voice] - before.pitch[:, None, voice])
            keep &= ~loose[:, None, voice] | (move <= 2)
    if breaks:
        return keep
    pairs = [p for p in combinations(range(n_voices), 2) if not set(p) <= given]
    keep &= ~parallels(before.pitch, after.pitch, pairs)
    due = link_between(chords[0], chords[1]).due
    for voice in range(n_voices):
        if voice in given | own:
            continue
        old, new = before.pitch[:, None, voice], after.pitch[None, :, voice]
        sounds = (old != SILENT) & (new != SILENT)
        move = np.where(sounds, new - old, 0)
        fifths = after.spelling[None, :, voice] - before.spelling[:, None, voice]
        keep &= ~(sounds & (np.abs(move) == 3) & (np.where(move > 0, fifths, -fifths) > 6))
        if due.leading is not None:
            good = (move == 1) | ((move == 0) & (due.leading in chords[1].classes))
            if 0 < voice < n_voices - 1:
                good |= (move == -4) & (new % 12 == chords[1].classes[2])
            keep &= ~(sounds & (old % 12 == due.leading)) | good
        if due.seventh is not None:
            good = (move == -1) | (move == -2) | ((move == 0) & due.seventh_may_stay)
            tone = chords[0].seventh
            if tone is not None and tone + 7 in chords[1].tones:
                good |= move == 1
            keep &= ~(sounds & (old % 12 == due.seventh)) | good
    return keep
