"""New textures for annotated harmony: each analysis sounded in ways its composer did not choose.

Every label becomes a bass note and the tones above it, laid out as blocks, repeated chords,
arpeggios, broken basses or off-beat chords; the top voice takes neighbour notes of the key.
The labels stay as they are, so every texture is a further example of the same harmony.

References
----------
Nápoles López, N., Gotham, M., & Fujinaga, I. (2021). AugmentedNet: a Roman numeral analysis
network with synthetic training examples and additional tonal tasks. ISMIR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import MODE_SCALES
from hybrid.harmony.corpus import NOTES, TICKS_PER_QUARTER
from hybrid.harmony.labels import MODES, QUALITIES, QUALITY_TONES

#: Order of voices (0 lowest of the upper ones, -1 all, -2 rest) on successive steps.
_PATTERNS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (-1,)),  # a block for the whole label
    (0, (-1,)),
    (TICKS_PER_QUARTER, (-1,)),
    (TICKS_PER_QUARTER // 2, (-2, -1)),
    (TICKS_PER_QUARTER, (-2, -1)),
    (TICKS_PER_QUARTER // 2, (0, 1, 2, 3)),
    (TICKS_PER_QUARTER // 2, (0, 2, 1, 2)),
    (TICKS_PER_QUARTER // 4, (0, 2, 1, 2)),
    (TICKS_PER_QUARTER // 4, (0, 1, 2, 3, 2, 1)),
    (TICKS_PER_QUARTER // 4, (3, 2, 1, 0)),
    (TICKS_PER_QUARTER // 3, (0, 1, 2)),
    (TICKS_PER_QUARTER // 2, (-1, 0, 1, 0)),
)
_P_NEW_PATTERN = 0.12  # at each label
_P_NEIGHBOUR = 0.3
_P_SPLIT_BASS = 0.3


def texturise(spans: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Notes that sound the labels in a random texture.

    Parameters
    ----------
    spans : np.ndarray of `corpus.SPANS`
    rng : np.random.Generator

    Returns
    -------
    np.ndarray of `corpus.NOTES`
        Sorted by onset, then pitch; spelled as the labels say.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    height = int(rng.integers(55, 68))
    floor = int(rng.integers(33, 46))
    for span in spans:
        if rng.random() < _P_NEW_PATTERN:
            pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
            height = int(rng.integers(55, 68))
        onset, end = int(span["onset"]), int(span["end"])
        tonic = int(span["tonic"])
        tones = QUALITY_TONES[QUALITIES[int(span["quality"])]]
        root = tonic + int(span["of"]) + int(span["degree"])
        places = [root + tone for tone in tones]
        bass = places[int(span["inversion"])]
        low = floor + (7 * bass - floor) % 12
        rows += _bass(onset, end, low, bass, rng)
        upper = _stack(places, max(height, low + 3), rng)
        rows += _upper(onset, end, upper, pattern)
        rows += _top(onset, end, upper, tonic, int(span["mode"]), rng)
    notes = np.zeros(len(rows), NOTES)
    for place, (first, last, pitch, spelling, track) in enumerate(rows):
        notes[place] = (first, last, pitch, spelling, spelling, track, 1)
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def _bass(
    onset: int, end: int, pitch: int, spelling: int, rng: np.random.Generator
) -> list[tuple[int, int, int, int, int]]:
    if end - onset < 2 * TICKS_PER_QUARTER or rng.random() > _P_SPLIT_BASS:
        return [(onset, end, pitch, spelling, 2)]
    starts = range(onset, end, TICKS_PER_QUARTER)
    jump = 12 * int(rng.random() < 0.5)
    return [
        (start, min(start + TICKS_PER_QUARTER, end), pitch + jump * (at % 2), spelling, 2)
        for at, start in enumerate(starts)
    ]


def _stack(places: list[int], height: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pitch and spelling of the upper voices, low to high."""
    chosen = list(places)
    if len(chosen) == 4 and rng.random() < 0.3:
        # The fifth of a seventh chord is what is left out most easily.
        chosen.pop(2)
    pitches = sorted((height + (7 * place - height) % 12, place) for place in chosen)
    if rng.random() < 0.5:
        low, spelling = pitches[0]
        pitches.append((low + 12, spelling))
    return pitches


def _upper(
    onset: int, end: int, upper: list[tuple[int, int]], pattern: tuple[int, tuple[int, ...]]
) -> list[tuple[int, int, int, int, int]]:
    step, voices = pattern
    if step == 0 or end - onset <= step:
        return [(onset, end, pitch, spelling, 1) for pitch, spelling in upper]
    rows = []
    for at, start in enumerate(range(onset, end, step)):
        voice = voices[at % len(voices)]
        last = min(start + step, end)
        if voice == -2:
            continue
        sounding = upper if voice == -1 else [upper[voice % len(upper)]]
        rows += [(start, last, pitch, spelling, 1) for pitch, spelling in sounding]
    return rows


def _top(
    onset: int,
    end: int,
    upper: list[tuple[int, int]],
    tonic: int,
    mode: int,
    rng: np.random.Generator,
) -> list[tuple[int, int, int, int, int]]:
    """A melody over the chord: its top note, perhaps with a neighbour of the key."""
    pitch, spelling = upper[int(rng.integers(len(upper)))]
    while pitch < 67:
        pitch += 12
    half = TICKS_PER_QUARTER // 2
    if end - onset < 2 * half or rng.random() > _P_NEIGHBOUR:
        return [(onset, end, pitch, spelling, 0)]
    scale = [tonic + place for place in MODE_SCALES[MODES[mode]]]
    near = []
    for place in scale:
        move = (7 * place - pitch + 6) % 12 - 6
        if 0 < abs(move) <= 2:
            near.append((pitch + move, place))
    if not near:
        return [(onset, end, pitch, spelling, 0)]
    other, place = near[int(rng.integers(len(near)))]
    if rng.random() < 0.5:
        # On the beat, resolving: an appoggiatura or suspension.
        return [(onset, onset + half, other, place, 0), (onset + half, end, pitch, spelling, 0)]
    return [(onset, end - half, pitch, spelling, 0), (end - half, end, other, place, 0)]
