"""What the transcriber hears: levels on a logarithmic scale of frequency, 86 times a second.

Two pictures of the sound lie over each other. The sharp one has long windows for low tones, to tell
neighbouring semitones apart; the quick one has short windows, to place beginnings. Both have three
bins a semitone, so that a tone's harmonics lie at the same distances wherever it is: what
constant-Q transforms are for (Brown, 1991), made here of four plain spectra.

References
----------
Brown, J. C. (1991). Calculation of a constant Q spectral transform. Journal of the Acoustical
Society of America, 89(1), 425-434. doi:10.1121/1.400476.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22050
HOP = 256
#: Frames in a second: 86.13.
FRAME_RATE = SAMPLE_RATE / HOP
LOWEST, N_KEYS = 21, 88  # the piano's: A0 to C8
BINS_A_SEMITONE = 3
#: Bins reach over the highest key, for the harmonics of lower ones.
N_BINS = 306
FLOOR_DB = -90.0
#: Level of a value of 255; steps are (TOP_DB - FLOOR_DB) / 255.
TOP_DB = 12.0
#: Windows in samples, longest first.
WINDOWS = (8192, 4096, 2048, 1024)
_LONGEST = WINDOWS[0]
#: Which window shows a bin: below how many hertz, for the sharp and the quick picture.
_SHARP = ((350.0, 8192), (900.0, 4096), (math.inf, 2048))
_QUICK = ((250.0, 2048), (math.inf, 1024))


def bin_hertz() -> NDArray[np.float64]:
    """Frequency of each bin; every third is that of a key."""
    keys = LOWEST + np.arange(N_BINS) / BINS_A_SEMITONE
    hertz: NDArray[np.float64] = 440.0 * 2.0 ** ((keys - 69) / 12)
    return hertz


@lru_cache(maxsize=1)
def _filters() -> tuple[tuple[int, NDArray[np.float32], tuple[NDArray[np.intp], ...]], ...]:
    """For each window: its length, weights (F, bins), the bins of both pictures it shows."""
    hertz = bin_hertz()
    made = []
    for window in WINDOWS:
        shown = []
        for table in (_SHARP, _QUICK):
            limits = [limit for limit, _ in table]
            chosen = np.array([table[at][1] for at in np.searchsorted(limits, hertz, "right")])
            shown.append(np.flatnonzero(chosen == window))
        used = np.unique(np.concatenate(shown))
        spacing = SAMPLE_RATE / window
        grid = np.arange(window // 2 + 1) * spacing
        # Triangles as wide as a bin of the scale, or as the spectrum's own where those are wider.
        half = np.maximum(hertz[used] * (2 ** (1 / (12 * BINS_A_SEMITONE)) - 1), spacing)
        weights = np.maximum(0.0, 1 - np.abs(grid[:, None] - hertz[used]) / half)
        weights /= weights.sum(axis=0)
        places = tuple(np.searchsorted(used, rows) for rows in shown)
        made.append((window, weights.astype(np.float32), (*shown, *places)))
    return tuple(made)


def n_frames(n_samples: int) -> int:
    """Frames of so many samples; frame t is centred on sample t x HOP."""
    return 1 + n_samples // HOP


def levels(
    sound: NDArray[np.float32], first: int = 0, count: int | None = None
) -> NDArray[np.uint8]:
    """Levels of some frames.

    Parameters
    ----------
    sound : np.ndarray, shape (N,), float32
        At 22.05 kHz; silence surrounds it.
    first, count : int
        Frames that are wanted; all that follow where ``count`` is left out.

    Returns
    -------
    np.ndarray, shape (2, count, 306), uint8
        Sharp and quick picture; 0 is -90 dB or less, 255 is 12 dB; 0 dB is a sine of full scale.
    """
    from scipy import fft

    wanted = n_frames(len(sound)) - first if count is None else count
    made = np.zeros((2, wanted, N_BINS), np.uint8)
    if wanted <= 0:
        return made
    start = first * HOP - _LONGEST // 2
    stop = start + (wanted - 1) * HOP + _LONGEST
    part = sound[max(0, start) : max(0, stop)].astype(np.float32)
    part = np.pad(part, (max(0, -start), stop - max(0, start) - len(part)))
    for window, weights, (sharp, quick, sharp_at, quick_at) in _filters():
        skip = (_LONGEST - window) // 2
        inner = part[skip : len(part) - skip]
        frames = np.lib.stride_tricks.sliding_window_view(inner, window)[::HOP]
        shape = np.hanning(window + 1)[:-1].astype(np.float32) * np.float32(4 / window)
        for begin in range(0, wanted, 256):
            piece = fft.rfft(frames[begin : begin + 256] * shape, axis=1)
            power = np.square(np.abs(piece)) @ weights
            decibels = 10 * np.log10(np.maximum(power, 1e-10))
            scaled = np.round((decibels - FLOOR_DB) * (255 / (TOP_DB - FLOOR_DB)))
            found = scaled.clip(0, 255).astype(np.uint8)
            made[0, begin : begin + 256, sharp] = found[:, sharp_at].T
            made[1, begin : begin + 256, quick] = found[:, quick_at].T
    return made
