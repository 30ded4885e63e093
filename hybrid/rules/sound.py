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
PERFECT = (0, 7)


def parallels(
    old: NDArray[np.int64], new: NDArray[np.int64], pairs: Iterable[tuple[int, int]]
) -> Mask:
    """Which steps make parallel fifths, octaves or unisons between some pairs of voices; (n, m)."""
    bad = np.zeros((len(old), len(new)), dtype=bool)
    for upper, lower in pairs:
        a, b, c, d = old[:, upper], old[:, lower], new[:, upper], new[:, lower]
        interval = np.where((a != SILENT) & (b != SILENT), np.abs(a - b) % 12, -1)
        after = np.where((c != SILENT) & (d != SILENT), np.abs(c - d) % 12, -1)
        for perfect in PERFECT:
            rows, columns = np.flatnonzero(interval == perfect), np.flatnonzero(after == perfect)
            up = np.sign(c[None, columns] - a[rows, None])
            down = np.sign(d[None, columns] - b[rows, None])
            bad[np.ix_(rows, columns)] |= up * down > 0
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
        for voice in np.flatnonzero(loose.any(axis=0)).tolist():
            move = np.abs(after.pitch[None, :, voice] - before.pitch[:, None, voice])
            keep &= ~loose[:, None, voice] | (move <= 2)
    if breaks:
        return keep
    pairs = [p for p in combinations(range(n_voices), 2) if not set(p) <= given]
    keep &= ~parallels(before.pitch, after.pitch, pairs)
    for voice in range(n_voices):
        if voice not in given | own:
            inner = 0 < voice < n_voices - 1
            keep &= _own_steps(before, after, voice, chords, inner)
    return keep


def _own_steps(
    before: Voicings, after: Voicings, voice: int, chords: tuple[Chord, Chord], inner: bool
) -> Mask:
    """Steps of one voice: no augmented second, and what has to move on goes where it has to."""
    due = link_between(chords[0], chords[1]).due
    # The voice has few notes of its own: judge those, then look each candidate's note up.
    notes, place = np.unique(
        np.stack([before.pitch[:, voice], before.spelling[:, voice]]), axis=1, return_inverse=True
    )
    onward, place_after = np.unique(
        np.stack([after.pitch[:, voice], after.spelling[:, voice]]), axis=1, return_inverse=True
    )
    old, new = notes[0][:, None], onward[0][None, :]
    sounds = (old != SILENT) & (new != SILENT)
    move = np.where(sounds, new - old, 0)
    fifths = onward[1][None, :] - notes[1][:, None]
    keep = ~(sounds & (np.abs(move) == 3) & (np.where(move > 0, fifths, -fifths) > 6))
    if due.leading is not None:
        good = (move == 1) | ((move == 0) & (due.leading in chords[1].classes))
        if inner:
            good |= (move == -4) & (new % 12 == chords[1].classes[2])
        keep &= ~(sounds & (old % 12 == due.leading)) | good
    if due.seventh is not None:
        good = (move == -1) | (move == -2) | ((move == 0) & due.seventh_may_stay)
        tone = chords[0].seventh
        if tone is not None and tone + 7 in chords[1].tones:
            good |= move == 1
        keep &= ~(sounds & (old % 12 == due.seventh)) | good
    return np.asarray(keep[np.ix_(place.ravel(), place_after.ravel())])
