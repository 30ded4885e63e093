"""The plain way to hear notes, without any training: peaks of the spectrum that rise.

The baseline that the trained transcriber has to beat; it reads the same spectra.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.transcription.decoding import Thresholds, decode
from hybrid.transcription.features import (
    BINS_A_SEMITONE,
    FLOOR_DB,
    N_KEYS,
    TOP_DB,
    levels,
)
from hybrid.transcription.network import N_DRUMS
from hybrid.transcription.sound import MemorySource, MonoReader

_STEP_DB = (TOP_DB - FLOOR_DB) / 255
#: How far under a moment's loudest a peak may lie, and by how much it rises where a note begins:
#: the best of a few values on renders held out for validation.
_RANGE_DB, _RISE_DB, _BACK = 12.0, 12.0, 4
#: A peak this close to a louder one's harmonic, at most this much louder than it, is that harmonic.
_HARMONICS = (12, 19, 24, 28, 31, 34, 36)
_HARMONIC_DB = 3.0


def pick_peaks(audio: Audio) -> NDArray[Any]:
    """Notes of a sound, `hybrid.transcription.notes.HEARD_DTYPE`; no drums.

    A key sounds where its bin is a peak within 12 dB of the moment's loudest and no harmonic of a
    lower key that sounds; it begins where its level rises by 12 dB within 46 ms.
    """
    reader = MonoReader(MemorySource(audio))
    found = levels(reader.read(0, reader.n_samples)).astype(np.float32) * _STEP_DB + FLOOR_DB
    sharp, quick = found
    centre = slice(0, N_KEYS * BINS_A_SEMITONE, BINS_A_SEMITONE)
    level = sharp[:, centre]  # (T, 88)
    wide = np.pad(sharp, ((0, 0), (2, 2)), constant_values=FLOOR_DB)
    width = sharp.shape[1]
    near = np.max([wide[:, at : at + width] for at in range(5)], axis=0)[:, centre]
    peak = (level >= near) & (level > level.max(axis=1, keepdims=True) - _RANGE_DB)
    peak &= level > FLOOR_DB + 20
    sounding = np.zeros_like(peak)
    for key in range(N_KEYS):
        below = [key - step for step in _HARMONICS if key >= step]
        masked = np.zeros(len(level), np.bool_)
        for lower in below:
            masked |= sounding[:, lower] & (level[:, key] < level[:, lower] + _HARMONIC_DB)
        sounding[:, key] = peak[:, key] & ~masked
    fast = quick[:, centre]
    before = np.concatenate([np.full((_BACK, N_KEYS), FLOOR_DB, np.float32), fast[:-_BACK]])
    rise = np.clip((fast - before[: len(fast)]) / (2 * _RISE_DB), 0.0, 1.0)
    # Long windows show a key some frames before it begins and after.
    soon = np.max([np.roll(sounding, shift, axis=0) for shift in range(-6, 3)], axis=0)
    onset = rise * soon
    keys = np.stack([onset, sounding.astype(np.float32), np.zeros_like(onset), 0.5 + 0 * onset])
    return decode(keys, np.zeros((N_DRUMS, len(level)), np.float32), Thresholds())
