"""What networks say of every frame of a piece, put together for the decoder.

A piece can be read twice: as it is written, and as if it were written in halved note values.
The second reading sees twice as many bars at once, at half the resolution; it knows more of
keys, and the first more of chords. In a long piece a small network that hears only keys, over
whole notes, has a say in these too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.harmony.blas import one_blas_thread
from hybrid.harmony.decode import FrameScores
from hybrid.harmony.features import PieceArrays
from hybrid.harmony.inference import Floats, HarmonyNetwork, log_softmax

#: States kept for each frame: so many keys, so many chords of each.
N_KEYS, N_CHORDS = 6, 8
# Frames whose chords are scored at once: a table of all chords for each would be large.
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class _Reading:
    """One network's reading, its weight among all, and which of its frames each frame is."""

    network: HarmonyNetwork
    weight: float
    frames: NDArray[np.int64]
    state: Floats
    key: Floats
    change: Floats


def network_scores(
    networks: Sequence[HarmonyNetwork],
    arrays: PieceArrays,
    halved: PieceArrays | None = None,
    halved_weight: float = 0.5,
    n_keys: int = N_KEYS,
    n_chords: int = N_CHORDS,
    more_keys: Floats | None = None,
    more_weight: float = 0.5,
) -> FrameScores:
    """Scores of every frame; the probabilities of all readings are averaged.

    Parameters
    ----------
    networks : sequence of HarmonyNetwork
        With one vocabulary.
    arrays : PieceArrays
        The piece as it is written, of T frames.
    halved : PieceArrays, optional
        The piece in halved note values, of about T / 2 frames.
    halved_weight : float
        Weight of the second reading, where the first has 1.
    n_keys, n_chords : int
        States kept for each frame: the likeliest keys, and of each the likeliest chords.
    more_keys : np.ndarray, shape (T, 24), optional
        Log probabilities of keys by another model (`hybrid.harmony.key_network`).
    more_weight : float
        Their weight, where the readings together have 1.
    """
    with one_blas_thread():
        if more_weight <= 0:
            more_keys = None
        return _scores(
            networks, arrays, halved, halved_weight, n_keys, n_chords, more_keys, more_weight
        )


def _scores(
    networks: Sequence[HarmonyNetwork],
    arrays: PieceArrays,
    halved: PieceArrays | None,
    halved_weight: float,
    n_keys: int,
    n_chords: int,
    more_keys: Floats | None,
    more_weight: float,
) -> FrameScores:
    n = arrays.n_frames
    readings = []
    for network in networks:
        readings.append(_Reading(network, 1.0, np.arange(n), *network.read(arrays)))
        if halved is not None and halved_weight > 0:
            frames = np.minimum(np.arange(n) // 2, halved.n_frames - 1)
            readings.append(_Reading(network, halved_weight, frames, *network.read(halved)))
    weights = [item.weight for item in readings]
    keys = _mean_log(
        [log_softmax(item.key.reshape(len(item.key), -1))[item.frames] for item in readings],
        weights,
    )
    if more_keys is not None:
        keys = _mean_log([keys, more_keys], [1.0, more_weight])
    key = np.argsort(-keys, axis=1, kind="stable")[:, :n_keys]
    best = np.take_along_axis(keys, key, axis=1)
    chords, scores = [], []
    for at in range(0, n, _BLOCK):
        part = slice(at, min(at + _BLOCK, n))
        index = (key[part] // 2)[..., None]
        total = _mean_log(
            [
                item.network.chord_log_probabilities(
                    np.take_along_axis(item.state[item.frames[part]], index, axis=1), key[part] % 2
                )
                for item in readings
            ],
            weights,
        )
        kept = min(n_chords, total.shape[-1])
        chord = np.argpartition(-total, kept - 1, axis=-1)[..., :kept]
        best_first = np.argsort(-np.take_along_axis(total, chord, axis=-1), axis=-1, kind="stable")
        chord = np.take_along_axis(chord, best_first, axis=-1)
        chords.append(chord)
        scores.append(np.take_along_axis(total, chord, axis=-1))
    chord = np.concatenate(chords)
    joint = np.concatenate(scores) + best[..., None]
    wide = np.broadcast_to(key[..., None], chord.shape)
    change = sum(
        (item.weight * item.change[item.frames] for item in readings), np.zeros((n, 2), np.float32)
    )
    return FrameScores(
        key=wide.reshape(n, -1),
        chord=chord.reshape(n, -1),
        log_probability=joint.reshape(n, -1).astype(np.float64),
        change=change.astype(np.float64) / sum(weights),
        key_log_probability=keys.astype(np.float64),
        tonics=arrays.tonics.astype(np.int64),
    )


def _mean_log(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Log of the weighted mean of probabilities that are given by their logs."""
    if len(parts) == 1:
        return parts[0]
    total = parts[0] + np.float32(np.log(weights[0]))
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = np.logaddexp(total, part + np.float32(np.log(weight)))
    out: Floats = total - np.float32(np.log(sum(weights)))
    return out
