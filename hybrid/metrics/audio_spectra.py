"""Spectra of sound in pieces, so that measures over an hour need bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError

_FRAMES = 512  # spectra at a time


def spectra(sound: NDArray[Any], n_fft: int, hop: int) -> Iterator[NDArray[np.complex64]]:
    """Short-time spectra under a Hann window.

    Parameters
    ----------
    sound : np.ndarray, shape (C, N)
    n_fft, hop : int
        Samples. Frame t is centred on sample t x hop; silence surrounds the sound.

    Yields
    ------
    np.ndarray, shape (C, T, F), complex64
        Some frames after one another; 1 + N // hop in all.
    """
    from scipy import fft

    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    n_frames = 1 + sound.shape[1] // hop
    for first in range(0, n_frames, _FRAMES):
        count = min(_FRAMES, n_frames - first)
        start = first * hop - n_fft // 2
        stop = start + (count - 1) * hop + n_fft
        part = sound[:, max(0, start) : max(0, stop)].astype(np.float32)
        part = np.pad(part, ((0, 0), (max(0, -start), stop - max(0, start) - part.shape[1])))
        frames = np.lib.stride_tricks.sliding_window_view(part, n_fft, axis=1)[:, ::hop]
        yield fft.rfft(frames[:, :count] * window, axis=2)


@lru_cache(maxsize=8)
def mel_filters(
    sample_rate: int, n_fft: int, n_bands: int = 80, low_hz: float = 30.0
) -> NDArray[np.float32]:
    """Triangles of one height, evenly spaced in mel from ``low_hz`` to half the rate.

    Mel are 2595 log10(1 + f / 700).

    Returns
    -------
    np.ndarray, shape (n_bands, F), float32
        Each row sums to 1, so that a band is a mean over its bins. A triangle too narrow to hold a
        bin takes the nearest one.

    Raises
    ------
    ConfigError
        If there is no room between the ends.
    """
    if not 0 < low_hz < sample_rate / 2:
        raise ConfigError(f"low_hz must be in 0..{sample_rate / 2:g}, got {low_hz}")
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (low_hz, sample_rate / 2))
    edges = 700 * (10 ** (np.linspace(low, high, n_bands + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    rise = (bins - edges[:-2, None]) / (edges[1:-1, None] - edges[:-2, None])
    fall = (edges[2:, None] - bins) / (edges[2:, None] - edges[1:-1, None])
    filters = np.maximum(0.0, np.minimum(rise, fall))
    empty = np.flatnonzero(filters.sum(axis=1) == 0)
    filters[empty, np.abs(bins - edges[1:-1][empty, None]).argmin(axis=1)] = 1.0
    made: NDArray[np.float32] = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
    made.flags.writeable = False
    return made


def resampled(sound: NDArray[Any], sample_rate: int, wanted: int) -> NDArray[np.float32]:
    """Sound at another sample rate.

    Parameters
    ----------
    sound : np.ndarray, shape (..., N)
    sample_rate, wanted : int
        Hertz; any whole numbers.

    Returns
    -------
    np.ndarray, shape (..., ceil(N x wanted / sample_rate)), float32
        Sample 0 stays where it is. Over nine tenths of half the lower rate it is cut.
    """
    values = np.ascontiguousarray(sound, np.float32)
    if sample_rate == wanted:
        return values
    from scipy.signal import resample_poly

    shared = math.gcd(sample_rate, wanted)
    made: NDArray[np.float32] = resample_poly(
        values, wanted // shared, sample_rate // shared, axis=-1
    )
    return made.astype(np.float32, copy=False)


def with_mid_and_side(sound: NDArray[Any]) -> NDArray[Any]:
    """Left, right, mid (L + R) / 2 and side (L - R) / 2 of stereo; one channel as it is."""
    if sound.shape[0] != 2:
        return sound
    mid, side = (sound[0] + sound[1]) / 2, (sound[0] - sound[1]) / 2
    return np.stack([*sound, mid, side])
