"""Keys and chords together: a Viterbi path through 24 keys and the chords of each.

Every frame is scored against every chord of every key: the scale degrees that sound and
the lowest one, by how often they were counted with that chord in that mode. Between frames
a chord stays; or another follows in the same key, by how often it was counted to follow;
or the key changes, and the chord before is read anew in the new key (a pivot), or, where
the new key has no such chord, forgotten. Counts are in `hybrid.theory.extract.habits`.

A simplified reading: naive Bayes over frames (frames that follow from each other are
weighed down by `EVIDENCE`), the lowest note of a beat as the bass, no pedal points.

References
----------
Raphael, C., & Stoddard, J. (2004). Functional harmonic analysis using probabilistic
models. Computer Music Journal, 28(3), 45-52. (chords and keys in one hidden Markov model;
counting on labelled scores, pivots and inversions are ours)
Temperley, D. (2007). Music and Probability. MIT Press.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.score import Score
from hybrid.theory.extract.grid import NO_BASS, Grid, lay_grid
from hybrid.theory.extract.habits import MODES, SHAPE_NAMES, Habits, load_habits
from hybrid.theory.extract.naming import name_chords

#: Share of the log probability of notes that counts: frames repeat each other.
EVIDENCE = 1.0
#: The same for the lowest note of a beat.
BASS_EVIDENCE = 0.3
#: Nats a quarter for the fit of a key to the written signature.
SIGNATURE_WEIGHT = 0.1
#: Notes beyond this much in a frame, in quarters of single notes a quarter, add no evidence.
MAX_LOUDNESS = 6.0
#: Nats that forgetting the chord before costs beside what the chords themselves cost.
FORGETTING = -2.0
#: How often keys change beside what was counted.
MODULATION = 1.5
_NEVER = np.float32(-1e9)


@dataclass(frozen=True, eq=False)
class _Model:
    """Habits on arrays: chords of both modes behind each other, R in all.

    ``identity`` names what a chord sounds like above its key's tonic: shape * 12 + root.
    """

    mode: NDArray[np.int64]
    root: NDArray[np.int64]
    shape: NDArray[np.int64]
    start: NDArray[np.float32]
    follow: NDArray[np.float32]
    degrees: NDArray[np.float64]
    bass: NDArray[np.float64]


def find_harmony(
    score: Score, grid: Grid | None = None
) -> tuple[tuple[ChordSpan, ...], tuple[KeySpan, ...]]:
    """Chords and local keys of a score of any texture.

    Parameters
    ----------
    score : Score
    grid : Grid, optional
        The score's grid, where it is at hand.

    Returns
    -------
    (tuple of ChordSpan, tuple of KeySpan)
        Each contiguous from tick 0 to the end of the last bar; chords are split where the
        bass moves to another chord tone on a beat. ``probability`` is the share of the
        sounding time that belongs to the chord. Both empty without pitched notes.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> rows = [(960 * i, 960, p) for i, c in enumerate(
    ...     [(48, 64, 67), (53, 65, 69), (43, 62, 71), (48, 64, 67)]) for p in c]
    >>> chords, keys = find_harmony(Score((Track("piano", make_notes(rows)),)))
    >>> [chord.numeral for chord in chords], [key.key.name for key in keys]
    (['I', 'IV', 'V', 'I'], ['C major'])
    """
    if not any(len(track.notes) for track in score.tracks if not track.is_drum):
        return (), ()
    grid = lay_grid(score) if grid is None else grid
    model = _model()
    emission = _emission(grid, model)
    path = _decode(emission, grid, model)
    return name_chords(grid, model.mode[path % len(model.mode)], *_places(path, model))


def find_keys(score: Score) -> tuple[KeySpan, ...]:
    """Local keys of a score; see `find_harmony`."""
    return find_harmony(score)[1]


def find_chords(score: Score) -> tuple[ChordSpan, ...]:
    """Chords of a score; see `find_harmony`."""
    return find_harmony(score)[0]


def _places(
    path: NDArray[np.int64], model: _Model
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Tonic, root and shape of each frame's state."""
    tonic, chord = np.divmod(path, len(model.mode))
    return tonic, (tonic + model.root[chord]) % 12, model.shape[chord]


@lru_cache(maxsize=1)
def _model() -> _Model:
    modes, _ = load_habits()
    parts: list[Habits] = [modes[mode] for mode in MODES]
    sizes = [len(part.numerals) for part in parts]
    follow = np.full((sum(sizes), sum(sizes)), _NEVER, dtype=np.float32)
    follow[: sizes[0], : sizes[0]] = parts[0].follow
    follow[sizes[0] :, sizes[0] :] = parts[1].follow
    return _Model(
        mode=np.repeat(np.arange(2), sizes),
        root=np.concatenate([part.root for part in parts]),
        shape=np.concatenate([part.shape for part in parts]),
        start=np.concatenate([part.start for part in parts]).astype(np.float32),
        follow=follow,
        degrees=np.concatenate([part.degrees for part in parts]),
        bass=np.concatenate([part.bass for part in parts]),
    )


def beat_bass(grid: Grid) -> NDArray[np.int64]:
    """Lowest pitch of the beat that each frame belongs to, `NO_BASS` in silence; (F,)."""
    beat = np.cumsum(grid.accent > 0)
    low = np.where(grid.lowest == NO_BASS, 128, grid.lowest)
    lowest = np.full(int(beat[-1]) + 1, 128, dtype=np.int64)
    np.minimum.at(lowest, beat, low)
    found = lowest[beat]
    return np.where(found == 128, NO_BASS, found)


def _emission(grid: Grid, model: _Model) -> NDArray[np.float32]:
    """Log probability of each frame in each state; (F, 12 tonics, R)."""
    sounding = grid.sounding
    loudness = sounding.sum(axis=1, keepdims=True)
    limit = MAX_LOUDNESS * grid.quarters[:, None]
    evidence = EVIDENCE * sounding * np.minimum(1.0, limit / np.maximum(loudness, 1e-9))
    bass = beat_bass(grid)
    low = np.zeros((len(grid), 12))
    heard = np.flatnonzero(bass != NO_BASS)
    low[heard, bass[heard] % 12] = BASS_EVIDENCE * grid.quarters[heard] * 2
    # Row t of a rolled table reads pitch classes as semitones above tonic t.
    turn = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12  # (tonic, pitch class)
    degrees = model.degrees[:, turn]  # (R, tonic, pitch class)
    basses = model.bass[:, turn]
    table = np.concatenate([degrees, basses], axis=2).reshape(-1, 24)
    seen = np.concatenate([2 * evidence, low], axis=1)
    score = (seen @ table.T).reshape(len(grid), len(model.mode), 12).transpose(0, 2, 1)
    score = score + _signature(grid, model)
    return np.ascontiguousarray(score, dtype=np.float32)


def _signature(grid: Grid, model: _Model) -> Any:
    """How well each key fits the written signature; broadcasts to (F, 12, R)."""
    signatures = grid.score.keys
    if not signatures:
        return 0.0
    _, keys = load_habits()
    ticks = np.array([item.tick for item in signatures])
    homes = np.array([7 * item.key.fifths % 12 for item in signatures])
    at = np.searchsorted(ticks, grid.edges[:-1], side="right") - 1
    above = (np.arange(12)[None, :] - homes[at][:, None]) % 12  # (F, tonic)
    fit = keys.signature[:, above]  # (mode, F, tonic)
    fit[:, at < 0] = 0.0
    weight = SIGNATURE_WEIGHT * grid.quarters[:, None]
    result: NDArray[np.float64] = np.stack([weight * fit[m] for m in (0, 1)], axis=-1)
    return result[:, :, model.mode]


@dataclass(frozen=True, eq=False)
class _Moves:
    """Tables for changes of key.

    Attributes
    ----------
    to : np.ndarray, shape (24, 24)
        Log probability of a new key (column) after an old one; keys are mode * 12 + tonic.
    identity : np.ndarray, shape (12, R)
        What each chord of each tonic sounds like: shape * 12 + root.
    """

    to: NDArray[np.float32]
    identity: NDArray[np.int64]


@lru_cache(maxsize=1)
def _moves() -> _Moves:
    model = _model()
    _, keys = load_habits()
    up = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12
    to = np.zeros((24, 24), dtype=np.float32)
    for old in (0, 1):
        for new in (0, 1):
            block = keys.to[old, new][up]
            to[12 * old : 12 * old + 12, 12 * new : 12 * new + 12] = block
    root = (model.root[None, :] + np.arange(12)[:, None]) % 12
    return _Moves(to, model.shape[None, :] * 12 + root)


def _key_rows(model: _Model) -> NDArray[np.int64]:
    """Key number (mode * 12 + tonic) of every state; (12, R)."""
    rows: NDArray[np.int64] = model.mode[None, :] * 12 + np.arange(12)[:, None]
    return rows


def _reread(before: NDArray[np.float32], model: _Model) -> NDArray[np.float32]:
    """Best score of each chord when it is read anew in another key; (12, R)."""
    moves = _moves()
    key = _key_rows(model)
    sounds = np.full((24, 12 * len(SHAPE_NAMES)), _NEVER, dtype=np.float32)
    sounds[key, moves.identity] = before
    heard = (sounds[:, None, :] + moves.to[:, :, None]).max(axis=0)  # (new key, identity)
    result: NDArray[np.float32] = heard[key, moves.identity]
    return result


def _forget(before: NDArray[np.float32], model: _Model) -> NDArray[np.float32]:
    """Best score of any chord of each other key before this one; (12, R) for the new chord."""
    best = np.empty(24, dtype=np.float32)
    for mode in (0, 1):
        best[12 * mode : 12 * mode + 12] = before[:, model.mode == mode].max(axis=1)
    moved = (best[:, None] + _moves().to).max(axis=0)
    result: NDArray[np.float32] = moved[_key_rows(model)] + model.start + np.float32(FORGETTING)
    return result


def _decode(emission: NDArray[np.float32], grid: Grid, model: _Model) -> NDArray[np.int64]:
    """Best path; state = tonic * R + chord; (F,)."""
    _, keys = load_habits()
    n_frames, _, n_chords = emission.shape
    rates = np.clip(keys.change, 1e-3, 0.95)
    stay, change = np.log1p(-rates).astype(np.float32), np.log(rates).astype(np.float32)
    remain = np.float32(np.log1p(-MODULATION * keys.modulation))
    modulate = np.float32(np.log(MODULATION * keys.modulation))
    split = int((model.mode == 0).sum())
    blocks = (slice(0, split), slice(split, n_chords))
    follow = [np.ascontiguousarray(model.follow[b, b]) for b in blocks]
    best = np.empty_like(emission)
    prior = model.start - np.float32(np.log(12.0))
    best[0] = emission[0] + prior
    for frame in range(1, n_frames):
        rate = grid.accent[frame], grid.attack[frame]
        before = best[frame - 1]
        pivot = np.maximum(before + remain, _reread(before, model) + modulate)
        moved = _forget(before, model) + modulate
        for block, table in zip(blocks, follow, strict=True):
            into = (pivot[:, block, None] + table).max(axis=1)
            np.maximum(moved[:, block], into, out=moved[:, block])
        best[frame] = np.maximum(before + stay[rate], moved + change[rate]) + emission[frame]
    return _trace_back(best, grid, model, stay, change, remain, modulate)


def _trace_back(
    best: NDArray[np.float32],
    grid: Grid,
    model: _Model,
    stay: NDArray[np.float32],
    change: NDArray[np.float32],
    remain: np.float32,
    modulate: np.float32,
) -> NDArray[np.int64]:
    """The path behind the best last state: each step's choices are weighed once more."""
    moves, key = _moves(), _key_rows(model)
    n_frames, _, n_chords = best.shape
    path = np.zeros(n_frames, dtype=np.int64)
    state = int(best[-1].argmax())
    path[-1] = state
    for frame in range(n_frames - 1, 0, -1):
        before, rate = best[frame - 1], (grid.accent[frame], grid.attack[frame])
        tonic, chord = divmod(state, n_chords)
        here = key[tonic, chord]
        held = before[tonic, chord] + stay[rate]
        # From every chord of the same key, and of other keys by way of a pivot.
        same = np.where(key == here, before + remain + model.follow[:, chord], _NEVER)
        arrive = before + moves.to[key, here]
        as_heard = np.full(12 * len(SHAPE_NAMES), _NEVER, dtype=np.float32)
        in_key = model.mode == model.mode[chord]
        as_heard[moves.identity[tonic, in_key]] = model.follow[in_key, chord]
        pivot = arrive + modulate + as_heard[moves.identity]
        forget = arrive + modulate + model.start[chord] + np.float32(FORGETTING)
        options = np.maximum(np.maximum(same, pivot), forget) + change[rate]
        top = int(options.argmax())
        if options.flat[top] > held:
            state = top
        path[frame - 1] = state
    return path
