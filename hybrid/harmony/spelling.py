"""Pitch spelling where a file has none: keys along the piece, then each note within its key.

Chroma of half a bar's length or so is matched with the 24 keys; a Viterbi path that pays for
the distance between keys on the line of fifths smooths them; tonics are spelled so that
successive keys stand close; every note then takes the place that its key gives its pitch
class (`hybrid.core.pitch.Key.spell`). Last, what sounds as the third between a root and its fifth
is spelled as their third: so a dominant in an upbeat keeps its leading tone where the key around
does not have it yet.

References
----------
Temperley, D. (2001). The Cognition of Basic Musical Structures. MIT Press, ch. 5 and 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.harmony.graph import expand_ranges

#: Weights of the scale degrees 0..11 semitones above the tonic (Temperley 2001, ch. 7).
_MAJOR = np.array([5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0])
_MINOR = np.array([5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0])
SEGMENT_QUARTERS = 2.0
_MOVE = 0.5  # cost of a step on the line of fifths between keys of successive segments


def _profiles() -> NDArray[np.float64]:
    rows = []
    for profile in (_MAJOR, _MINOR):
        unit = (profile - profile.mean()) / profile.std()
        rows += [np.roll(unit, 7 * place % 12) for place in range(12)]
    return np.array(rows)


_PROFILES = _profiles()  # (24, 12); row 12 m + j: mode m, tonic 7 j mod 12


def guess_spellings(
    onset_quarters: NDArray[np.float64],
    duration_quarters: NDArray[np.float64],
    pitches: NDArray[np.integer],
    known: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Tonal pitch class of every note.

    Parameters
    ----------
    onset_quarters, duration_quarters : np.ndarray, shape (n,), float64
    pitches : np.ndarray, shape (n,), int
        MIDI pitch.
    known : np.ndarray, shape (n,), int, optional
        Spellings; those that are not `NO_SPELLING` are kept.

    Returns
    -------
    np.ndarray, shape (n,), int64
        Places on the line of fifths; ``7 * place % 12`` is the pitch class.
    """
    n = len(pitches)
    classes = pitches.astype(np.int64) % 12
    if n == 0:
        return np.zeros(0, np.int64)
    segment = (onset_quarters / SEGMENT_QUARTERS).astype(np.int64)
    chroma = np.zeros((int(segment.max()) + 1, 12))
    np.add.at(chroma, (segment, classes), np.minimum(duration_quarters, SEGMENT_QUARTERS))
    # A key is heard with its neighbours: a window of five segments.
    window = np.array([0.25, 0.6, 1.0, 0.6, 0.25])
    padded = np.pad(chroma, ((2, 2), (0, 0)))
    chroma = np.sum([w * padded[i : i + len(chroma)] for i, w in enumerate(window)], axis=0)
    tables = np.array([key._spellings for key in _path(chroma)])
    spelled = _as_thirds(
        onset_quarters, onset_quarters + duration_quarters, classes, tables[segment, classes]
    )
    if known is not None:
        keep = known != NO_SPELLING
        spelled[keep] = known[keep]
    return spelled.astype(np.int64)


def _as_thirds(
    onset: NDArray[np.float64],
    end: NDArray[np.float64],
    classes: NDArray[np.int64],
    spelled: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Spellings in which the third of every major triad that sounds is a major third."""
    moments = np.unique(onset)
    note, moment = expand_ranges(np.searchsorted(moments, onset), np.searchsorted(moments, end))
    nothing = np.iinfo(np.int64).min // 2
    sounding = np.full((len(moments), 12), nothing)
    sounding[moment, classes[note]] = spelled[note]
    root = sounding[moment, (classes[note] - 4) % 12]
    fifth = sounding[moment, (classes[note] + 3) % 12]
    is_third = (root > nothing) & (fifth == root + 1)
    spelled = spelled.copy()
    spelled[note[is_third]] = root[is_third] + 4
    return spelled


def _path(chroma: NDArray[np.float64]) -> list[Key]:
    """The key of each segment."""
    root = np.sqrt(chroma)
    centred = root - root.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=1, keepdims=True)) + 1e-6
    fit = 4.0 * (centred / scale) @ _PROFILES.T / 12  # (T, 24)
    # Signature of key 12 m + j: j fifths, less three in minor; distance round the circle.
    signature = np.concatenate([np.arange(12), np.arange(12) - 3])
    around = np.abs(signature[:, None] - signature[None, :]) % 12
    distance = np.minimum(around, 12 - around) + 0.5 * (
        np.arange(24)[:, None] // 12 != np.arange(24)[None, :] // 12
    )
    cost = _MOVE * distance
    total = fit[0]
    back = np.zeros((len(fit), 24), np.int64)
    for step in range(1, len(fit)):
        ways = total[:, None] - cost  # (from, to)
        back[step] = ways.argmax(axis=0)
        total = ways.max(axis=0) + fit[step]
    state = int(total.argmax())
    states = [state]
    for step in range(len(fit) - 1, 0, -1):
        state = int(back[step, state])
        states.append(state)
    return _spelled_keys(states[::-1])


def _spelled_keys(states: list[int]) -> list[Key]:
    keys: list[Key] = []
    before: float = 0.0
    for state in states:
        mode, place = divmod(state, 12)
        signature = place - 3 * mode
        if not keys:
            before = float((signature + 5) % 12 - 5)
        # Of the enharmonic signatures the one nearest to where the music is.
        signature += 12 * round((before - signature) / 12)
        # Beyond seven sharps or flats a score changes its side.
        if signature > 7:
            signature -= 12
        elif signature < -7:
            signature += 12
        keys.append(Key(signature + 3 * mode, ("major", "minor")[mode]))
        before = 0.9 * signature + 0.1 * before
    return keys
