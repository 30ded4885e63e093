"""What networks say of every frame of a piece, put together for the decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid.harmony.decode import FrameScores
from hybrid.harmony.features import PieceArrays
from hybrid.harmony.inference import Floats, HarmonyNetwork, log_softmax

#: States kept for each frame: so many keys, so many chords of each.
N_KEYS, N_CHORDS = 6, 8
# Frames whose chords are scored at once: a table of all chords for each would be large.
_BLOCK = 256


def network_scores(networks: Sequence[HarmonyNetwork], arrays: PieceArrays) -> FrameScores:
    """Scores of every frame; the probabilities of several networks are averaged.

    Parameters
    ----------
    networks : sequence of HarmonyNetwork
        With one vocabulary.
    arrays : PieceArrays
    """
    readings = [network.read(arrays) for network in networks]
    n = arrays.n_frames
    keys = _mean_log([log_softmax(key.reshape(n, -1)) for _, key, _ in readings])
    key = np.argsort(-keys, axis=1, kind="stable")[:, :N_KEYS]
    best = np.take_along_axis(keys, key, axis=1)
    chords, scores = [], []
    for at in range(0, n, _BLOCK):
        part = slice(at, min(at + _BLOCK, n))
        index = (key[part] // 2)[..., None]
        total = _mean_log(
            [
                network.chord_log_probabilities(
                    np.take_along_axis(state[part], index, axis=1), key[part] % 2
                )
                for network, (state, _, _) in zip(networks, readings, strict=True)
            ]
        )
        kept = min(N_CHORDS, total.shape[-1])
        chord = np.argpartition(-total, kept - 1, axis=-1)[..., :kept]
        chords.append(chord)
        scores.append(np.take_along_axis(total, chord, axis=-1))
    chord = np.concatenate(chords)
    joint = np.concatenate(scores) + best[..., None]
    wide = np.broadcast_to(key[..., None], chord.shape)
    return FrameScores(
        key=wide.reshape(n, -1),
        chord=chord.reshape(n, -1),
        log_probability=joint.reshape(n, -1).astype(np.float64),
        change=np.mean([change for _, _, change in readings], axis=0).astype(np.float64),
        key_log_probability=keys.astype(np.float64),
        tonics=arrays.tonics.astype(np.int64),
    )


def _mean_log(parts: Sequence[Floats]) -> Floats:
    """Log of the mean of probabilities that are given by their logs."""
    if len(parts) == 1:
        return parts[0]
    total = parts[0]
    for part in parts[1:]:
        total = np.logaddexp(total, part)
    out: Floats = total - np.float32(np.log(len(parts)))
    return out
