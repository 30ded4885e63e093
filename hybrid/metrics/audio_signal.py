"""How far one sound lies from another of the same music, sample by sample and in spectrum.

All take a reference and an estimate of one shape, (C, N), at one rate.

References
----------
Le Roux, J., Wisdom, S., Erdogan, H., & Hershey, J. R. (2019). SDR - half-baked or well done?
ICASSP. arXiv:1811.02508.
Yamamoto, R., Song, E., & Kim, J.-M. (2020). Parallel WaveGAN: A fast waveform generation model
based on generative adversarial networks with multi-resolution spectrogram. ICASSP.
arXiv:1910.11480.
ITU-R BS.1770-4 (2015). Algorithms to measure audio programme loudness and true-peak level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_spectra import mel_filters, spectra, with_mid_and_side

#: FFT sizes of `stft_distance`; hops are a quarter of them.
RESOLUTIONS = (512, 1024, 2048, 4096)
_FLOOR = 1e-5  # of magnitudes before logarithms: -100 dB
_MEL_FFT, _MEL_HOP, _MEL_BANDS = 2048, 512, 80


def check_pair(reference: NDArray[Any], estimate: NDArray[Any]) -> None:
    """Refuse sounds that cannot be compared.

    Raises
    ------
    ConfigError
        If their shapes differ, are not (C, N), or there is no sample.
    """
    if reference.ndim != 2 or reference.shape != estimate.shape or not reference.size:
        raise ConfigError(
            f"sounds that are compared must have one shape (C, N), got {reference.shape} and "
            f"{estimate.shape}"
        )


def si_sdr(reference: NDArray[Any], estimate: NDArray[Any]) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, one scale for all channels.

    Returns
    -------
    float
        Plus infinity for the reference at any level, minus infinity for what has nothing of it;
        nan where the reference is silent.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) * 0.3)[None]
    >>> noise = np.cos(np.arange(8000) * 0.3)[None]
    >>> round(si_sdr(tone, 0.5 * tone + 0.05 * noise), 1)
    20.0
    """
    check_pair(reference, estimate)
    truth, guess = reference.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    power = float(truth @ truth)
    if not power:
        return math.nan
    target = (float(guess @ truth) / power) * truth
    rest = guess - target
    wanted, error = float(target @ target), float(rest @ rest)
    if error <= 1e-15 * wanted:
        return math.inf if wanted else -math.inf
    return 10 * math.log10(wanted / error) if wanted else -math.inf


def stft_distance(
    reference: NDArray[Any], estimate: NDArray[Any], sizes: Sequence[int] = RESOLUTIONS
) -> float:
    """Multi-resolution STFT distance: spectral convergence plus the mean difference of log
    magnitudes (natural), meaned over resolutions and over left, right, mid and side.

    Channels that are silent in both sounds are left out. 0 for the same sound.
    """
    check_pair(reference, estimate)
    truth, guess = with_mid_and_side(reference), with_mid_and_side(estimate)
    heard = truth.any(axis=1) | guess.any(axis=1)
    if not heard.any():
        return 0.0
    truth, guess = truth[heard], guess[heard]
    total = 0.0
    for size in sizes:
        apart, whole, logs = (np.zeros(len(truth)) for _ in range(3))
        n_values = 0
        pairs = zip(spectra(truth, size, size // 4), spectra(guess, size, size // 4), strict=True)
        for wanted, made in pairs:
            a, b = np.abs(wanted), np.abs(made)
            apart += np.square(a - b, dtype=np.float64).sum(axis=(1, 2))
            whole += np.square(a, dtype=np.float64).sum(axis=(1, 2))
            scale = 2 / size  # so that the floor is one of amplitudes
            a, b = np.maximum(a * scale, _FLOOR), np.maximum(b * scale, _FLOOR)
            logs += np.abs(np.log(a) - np.log(b)).sum(axis=(1, 2), dtype=np.float64)
            n_values += a.shape[1] * a.shape[2]
        # A channel that only the estimate has is wholly apart.
        convergence = np.sqrt(apart / np.where(whole > 0, whole, np.maximum(apart, 1e-30)))
        total += float((convergence + logs / n_values).mean())
    return total / len(sizes)


def mel_distance(reference: NDArray[Any], estimate: NDArray[Any], sample_rate: int) -> float:
    """Mean absolute difference of mel spectra in dB, over left, right, mid and side.

    80 bands, spectra of 2048 samples every 512; levels under -100 dB count as -100.
    """
    check_pair(reference, estimate)
    total, n_values = 0.0, 0
    pairs = zip(
        _mel_db(with_mid_and_side(reference), sample_rate),
        _mel_db(with_mid_and_side(estimate), sample_rate),
        strict=True,
    )
    for wanted, made in pairs:
        total += float(np.abs(wanted - made).sum(dtype=np.float64))
        n_values += wanted.size
    return total / n_values


def _mel_db(sound: NDArray[Any], sample_rate: int) -> Any:
    filters = mel_filters(sample_rate, _MEL_FFT, _MEL_BANDS).T
    for part in spectra(sound, _MEL_FFT, _MEL_HOP):
        power = np.square(np.abs(part) * (2 / _MEL_FFT)) @ filters  # (C, T, bands)
        yield 10 * np.log10(np.maximum(power, _FLOOR**2))


def loudness(sound: NDArray[Any], sample_rate: int) -> float:
    """Integrated loudness in LUFS; minus infinity for silence, nan under 0.4 s."""
    from pyloudnorm import Meter

    if sound.shape[1] < 0.4 * sample_rate:
        return math.nan
    if not sound.any():
        return -math.inf
    # Gates that nothing passes are warned of; the result says so too.
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(Meter(sample_rate).integrated_loudness(sound.T.astype(np.float64)))


def stereo_correlation(sound: NDArray[Any]) -> float:
    """Correlation of left and right, -1..1: 1 for mono, nan where a side is silent."""
    if sound.shape[0] == 1:
        return 1.0
    left, right = sound[0].astype(np.float64), sound[1].astype(np.float64)
    power = float(left @ left) * float(right @ right)
    return float(left @ right) / math.sqrt(power) if power else math.nan
