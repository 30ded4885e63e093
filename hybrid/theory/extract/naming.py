"""From frames with a tonic, a mode, a root and a shape to named chords and keys on ticks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.theory.chords import numeral_for
from hybrid.theory.extract.grid import NO_BASS, Grid
from hybrid.theory.extract.habits import MODES, SHAPE_NAMES, SHAPES

#: Line-of-fifths places at which a tonic may be spelled, and signatures a key may have.
_TONICS = range(-9, 13)
_MOST_ACCIDENTALS = 9
#: Semitones by which a bass may rise inside a chord and still be its bass.
BASS_STEP = 7


def name_chords(
    grid: Grid,
    mode: NDArray[np.int64],
    tonic: NDArray[np.int64],
    root: NDArray[np.int64],
    shape: NDArray[np.int64],
) -> tuple[tuple[ChordSpan, ...], tuple[KeySpan, ...]]:
    """Spans of equal frames, with inversions from the bass and spelled keys."""
    keys = _key_spans(grid, tonic, mode)
    spelled = _per_frame(keys, grid)
    bass = _bass_members(grid, root, shape, np.diff(tonic, prepend=-1) != 0)
    new = np.ones(len(grid), dtype=bool)
    new[1:] = (
        (np.diff(root) != 0)
        | (np.diff(shape) != 0)
        | (np.diff(tonic) != 0)
        | (np.diff(mode) != 0)
        | (np.diff(bass) != 0)
    )
    starts = np.flatnonzero(new)
    stops = np.append(starts[1:], len(grid))
    spans = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        key = spelled[start]
        name = SHAPE_NAMES[shape[start]]
        numeral = _numeral(grid, key, int(root[start]), name, int(bass[start]), start, stop)
        tones = [(int(root[start]) + above) % 12 for above in SHAPES[name]]
        heard = grid.sounding[start:stop].sum(axis=0)
        share = float(heard[tones].sum() / heard.sum()) if heard.sum() else 0.0
        spans.append(
            ChordSpan(
                onset=int(grid.edges[start]),
                end=int(grid.edges[stop]),
                numeral=numeral.text,
                key=key,
                degree=numeral.degree,
                quality=numeral.quality(key),
                inversion=numeral.inversion,
                root=numeral.root(key),
                probability=round(share, 4),
            )
        )
    return tuple(spans), keys


def _key_spans(
    grid: Grid, tonic: NDArray[np.int64], mode: NDArray[np.int64]
) -> tuple[KeySpan, ...]:
    written = grid.notes["spelling"]
    known = written[written != NO_SPELLING]
    seen = set(np.unique(known).tolist()) if len(known) else None
    state = 12 * mode + tonic
    starts = np.flatnonzero(np.diff(state, prepend=-1) != 0)
    stops = np.append(starts[1:], len(grid))
    spans: list[KeySpan] = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        onset, end = int(grid.edges[start]), int(grid.edges[stop])
        signature = grid.score.key_at(onset)
        key = _spelled(int(tonic[start]), MODES[mode[start]], signature, seen)
        spans.append(KeySpan(onset, end, key))
    return tuple(spans)


def _spelled(tonic: int, mode: str, signature: Key | None, seen: set[int] | None) -> Key:
    """The key of a tonic's pitch class: with a tonic that is written, near the signature."""
    options = [
        Key(place, mode)
        for place in _TONICS
        if 7 * place % 12 == tonic and abs(Key(place, mode).fifths) <= _MOST_ACCIDENTALS
    ]
    centre = 0 if signature is None else signature.fifths

    def distance(key: Key) -> tuple[bool, int]:
        return seen is not None and key.tonic not in seen, abs(key.fifths - centre)

    return min(options, key=distance)


def _per_frame(keys: tuple[KeySpan, ...], grid: Grid) -> list[Key]:
    starts = np.array([span.onset for span in keys])
    at = np.searchsorted(starts, grid.edges[:-1], side="right") - 1
    return [keys[index].key for index in at.tolist()]


def _bass_members(
    grid: Grid, root: NDArray[np.int64], shape: NDArray[np.int64], new_key: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Which chord tone (0 root, 1 third ...) each frame has in the bass; (F,).

    The lowest chord tone of a beat may be its bass. A chord keeps its bass while it lasts,
    unless a lower tone comes, or one at most `BASS_STEP` higher while the old one does not
    come back: what rises from a bass and falls back to it breaks the chord.
    """
    new = np.ones(len(grid), dtype=bool)
    new[1:] = (np.diff(root) != 0) | (np.diff(shape) != 0) | new_key[1:]
    member = np.zeros(len(grid), dtype=np.int64)
    starts = np.flatnonzero(new)
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(grid)], strict=True):
        tones = SHAPES[SHAPE_NAMES[shape[start]]]
        moves = _bass_moves(grid, start, stop, int(root[start]), tones)
        for index, (frame, pitch) in enumerate(moves):
            # What comes before the first bass tone shares it.
            first = frame if index else start
            member[first:stop] = tones.index((pitch - int(root[start])) % 12)
    return member


def _bass_moves(
    grid: Grid, start: int, stop: int, root: int, tones: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Frames and pitches at which a chord's bass is new."""
    beats = [start, *(np.flatnonzero(grid.accent[start + 1 : stop] > 0) + start + 1).tolist(), stop]
    heard: list[tuple[int, int]] = []
    for first, after in pairwise(beats):
        low = grid.lowest[first:after]
        inside = low[(low != NO_BASS) & np.isin((low - root) % 12, tones)]
        if len(inside):
            heard.append((first, int(inside.min())))
    moves: list[tuple[int, int]] = []
    for index, (frame, pitch) in enumerate(heard):
        if moves:
            current = moves[-1][1]
            comes_back = any(later <= current for _, later in heard[index + 1 :])
            if pitch == current or pitch > current + BASS_STEP:
                continue
            if pitch > current and comes_back:
                continue
        moves.append((frame, pitch))
    return moves


def _numeral(
    grid: Grid, key: Key, root: int, name: str, inversion: int, start: int, stop: int
) -> RomanNumeral:
    if name == "cadential":
        return RomanNumeral.parse("Cad64" if inversion == 2 else _tonic(key, inversion))
    if name == "french-sixth":
        return RomanNumeral.parse("Fr43")
    if name == "dominant-seventh" and (root - 7 * key.tonic) % 12 == 8:
        fifth = grid.sounding[start:stop, (root + 7) % 12].sum()
        return RomanNumeral.parse("Ger65" if fifth > 0 else "It6")
    return numeral_for(key, root, name, inversion)


def _tonic(key: Key, inversion: int) -> str:
    return ("i" if key.is_minor else "I") + ("", "6", "64")[inversion]
