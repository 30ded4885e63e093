"""Bands of a sound's middle and side: what the mapper hears, and where its gains are laid.

Spectra of 2048 samples every 512, two of them to a row of 1024 samples, as in the aligned roll.
Bands overlap as triangles that add up to one at every bin, so that gains, in decibels, go from
band to band along straight lines. Low bands are a bin or two wide, as partials of low notes are.

References
----------
Griffin, D., & Lim, J. (1984). Signal estimation from modified short-time Fourier transform.
IEEE Transactions on Acoustics, Speech, and Signal Processing, 32(2), 236-243.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from hybrid.audio_refiner import roll
from hybrid.audio_refiner.roll import SAMPLE_RATE

WINDOW, HOP = 2048, 512
#: Samples of a row.
ROW = roll.HOP
#: Spectra of a row; rows are those of the roll.
PER_ROW = ROW // HOP
N_BINS = WINDOW // 2 + 1
N_BANDS = 96
#: Samples before a spectrum's own `HOP` that its window reaches over.
LEAD = (WINDOW - HOP) // 2
#: Powers under it count as it; a full-scale sine has about -6 dB.
FLOOR_DB = -95.0
# What a squared Hann window adds up to at a hop of a quarter.
_OVERLAP = 1.5


@lru_cache(maxsize=1)
def band_shares() -> Tensor:
    """How far each band reaches into each bin, (bins, bands); a bin's shares add up to one.

    >>> bool(torch.allclose(band_shares().sum(1), torch.ones(N_BINS)))
    True
    """
    mels = np.linspace(_mel(20.0), _mel(SAMPLE_RATE / 2), N_BANDS)
    middles = 700 * (10 ** (mels / 2595) - 1) * WINDOW / SAMPLE_RATE
    for band in range(1, N_BANDS):
        # No two bands between two bins.
        middles[band] = max(middles[band], middles[band - 1] + 1)
    bins = np.arange(N_BINS)
    shares = [np.interp(bins, middles, row) for row in np.eye(N_BANDS)]
    return torch.from_numpy(np.stack(shares, axis=1).astype(np.float32))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


@lru_cache(maxsize=1)
def _means() -> Tensor:
    shares = band_shares()
    means: Tensor = shares / shares.sum(0)
    return means


def middle_and_side(wave: Tensor) -> Tensor:
    """Left and right (2, N) as middle and side, or back with twice the size."""
    return torch.stack([wave[0] + wave[1], wave[0] - wave[1]]) / 2


def row_spectra(wave: Tensor) -> Tensor:
    """Spectra of rows that have neighbours.

    Parameters
    ----------
    wave : Tensor, shape (2, (T + 2) x 1024)
        Middle and side: T rows, and one before and one after them.

    Returns
    -------
    Tensor, shape (2, T x 2, 1025), complex64
        Of a sine with amplitude 1 in the middle of a bin the size is 0.5.
    """
    first = ROW - LEAD
    last = wave.shape[1] - ROW + WINDOW - HOP - LEAD
    frames = wave[:, first:last].unfold(1, WINDOW, HOP)
    result: Tensor = torch.fft.rfft(frames * torch.hann_window(WINDOW)) * (2 / WINDOW)
    return result


def wave_of_spectra(spectra: Tensor) -> Tensor:
    """The inverse of `row_spectra` for the rows that have all of their neighbours.

    Parameters
    ----------
    spectra : Tensor, shape (2, (T + 2) x 2, 1025)

    Returns
    -------
    Tensor, shape (2, T x 1024)
    """
    frames = torch.fft.irfft(spectra * (WINDOW / 2), n=WINDOW) * torch.hann_window(WINDOW)
    n_frames, parts = frames.shape[1], WINDOW // HOP
    blocks = frames.reshape(2, n_frames, parts, HOP)
    total = frames.new_zeros(2, n_frames + parts - 1, HOP)
    for part in range(parts):
        total[:, part : part + n_frames] += blocks[:, :, part]
    wave: Tensor = total.reshape(2, -1)[:, LEAD + ROW : LEAD + n_frames * HOP - ROW] / _OVERLAP
    return wave


def band_powers(spectra: Tensor) -> Tensor:
    """Mean powers of spectra (..., 1025) in each band, (..., 96)."""
    power: Tensor = (spectra.real.square() + spectra.imag.square()) @ _means()
    return power


def cross_powers(spectra: Tensor) -> Tensor:
    """Mean of middle times side of spectra (2, T, 1025), real part, in each band: (T, 96).

    With it left and right follow from middle and side: |M + S|^2 = |M|^2 + |S|^2 + 2 Re(M S*).
    """
    middle, side = spectra
    product: Tensor = (middle.real * side.real + middle.imag * side.imag) @ _means()
    return product


def decibels(power: Tensor) -> Tensor:
    """Powers in dB, softly ending at `FLOOR_DB`."""
    return 10 * (power + 10 ** (FLOOR_DB / 10)).log10()


def over_bins(bands: Tensor) -> Tensor:
    """Values of bands (..., 96) along straight lines over the bins, (..., 1025)."""
    return bands @ band_shares().T
