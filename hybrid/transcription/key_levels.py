"""How loud each key sounds, from a spectrum: the sum of tones, each with its harmonics.

A spectrum is explained as keys that are pressed more or less hard, each bringing harmonics that
fade by a fixed share. What is left is least when the keys are those that sound, so that the
third harmonic of a bass is not taken for a fifth.

References
----------
Mauch, M., & Dixon, S. (2010). Approximate note transcription for the improved identification of
difficult chords. Proceedings of ISMIR, 135-140. (non-negative least squares chroma)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.transcription.features import (
    BINS_A_SEMITONE,
    FLOOR_DB,
    FRAME_RATE,
    LOWEST,
    N_BINS,
    N_KEYS,
    TOP_DB,
    bin_hertz,
)

Floats = NDArray[np.float64]
#: What a harmonic has of the one below it.
FADE = 0.7
_N_HARMONICS = 12
#: Width of a partial in bins of a third of a semitone, as a standard deviation.
_WIDTH = 0.8
#: Bins on either side over which a spectrum is evened out: an octave and a half.
_REACH = 18 * BINS_A_SEMITONE


@lru_cache(maxsize=4)
def tone_shapes(fade: float = FADE) -> Floats:
    """Spectrum of each key on the bins of the levels, (306, 88); each column adds up to 1."""
    hertz = bin_hertz()
    bins = np.arange(N_BINS)
    made = np.zeros((N_BINS, N_KEYS))
    for key in range(N_KEYS):
        for harmonic in range(1, _N_HARMONICS + 1):
            place = BINS_A_SEMITONE * (key + 12 * np.log2(harmonic))
            if hertz[0] * 2 ** (place / (12 * BINS_A_SEMITONE)) <= hertz[-1]:
                shape = np.exp(-0.5 * ((bins - place) / _WIDTH) ** 2)
                made[:, key] += fade ** (harmonic - 1) * shape
    made /= made.sum(axis=0)
    made.flags.writeable = False
    return made


def evened(levels: NDArray[np.uint8]) -> Floats:
    """Peaks of spectra above what surrounds them, each by its local deviation.

    Parameters
    ----------
    levels : np.ndarray, shape (T, 306), uint8
        The sharp picture of `hybrid.transcription.features.levels`.
    """
    from scipy.ndimage import uniform_filter1d

    decibels = FLOOR_DB + levels.astype(np.float64) * ((TOP_DB - FLOOR_DB) / 255)
    size = 10 ** (decibels / 20)
    size[levels == 0] = 0.0
    mean = uniform_filter1d(size, 2 * _REACH + 1, axis=1, mode="constant")
    square = uniform_filter1d(size * size, 2 * _REACH + 1, axis=1, mode="constant")
    spread = np.sqrt(np.maximum(square - mean * mean, 1e-12))
    result: Floats = np.where(size > mean, (size - mean) / spread, 0.0)
    return result


def key_levels(levels: NDArray[np.uint8], starts: Floats, ends: Floats) -> Floats:
    """How loud each key is in some spans of time.

    Parameters
    ----------
    levels : np.ndarray, shape (T, 306), uint8
        The sharp picture of `hybrid.transcription.features.levels`.
    starts, ends : np.ndarray, shape (N,), float64
        Of the spans, in seconds.

    Returns
    -------
    np.ndarray, shape (N, 88), float64
        At least 0; keys from A0 up. A span without sound has zeros.
    """
    from scipy.optimize import nnls

    shapes = tone_shapes()
    made = np.zeros((len(starts), N_KEYS))
    first = np.clip(np.round(starts * FRAME_RATE).astype(int), 0, max(0, len(levels) - 1))
    last = np.clip(np.round(ends * FRAME_RATE).astype(int), first + 1, None)
    for row, (low, high) in enumerate(zip(first, last, strict=True)):
        part = levels[low:high]
        if part.any():
            made[row] = nnls(shapes, evened(part).mean(axis=0))[0]
    return made


def folded(keys: Floats, low: int = LOWEST, high: int = LOWEST + N_KEYS - 1) -> Floats:
    """Sum of the octaves of each pitch class, (N, 12), over MIDI pitches low..high."""
    pitches = LOWEST + np.arange(N_KEYS)
    made = np.zeros((len(keys), 12))
    for index in np.flatnonzero((pitches >= low) & (pitches <= high)):
        made[:, pitches[index] % 12] += keys[:, index]
    return made
