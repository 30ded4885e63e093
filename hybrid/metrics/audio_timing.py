"""Whether sound was moved: pitch in cents and onsets in milliseconds against a reference.

Both compare recordings of the same music, also of other instruments. Pitch is read from how the
phases of spectral peaks that both have turn from one moment to the next; onsets from where
the energy of several bands rises.

References
----------
Flanagan, J. L., & Golden, R. M. (1966). Phase vocoder. Bell System Technical Journal, 45(9).
Bello, J. P., et al. (2005). A tutorial on onset detection in music signals. IEEE Transactions
on Speech and Audio Processing, 13(5), 1035-1047. doi:10.1109/TSA.2005.851998.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.metrics.audio_signal import check_pair
from hybrid.metrics.audio_spectra import mel_filters, spectra

_LOW_HZ, _HIGH_HZ = 100.0, 6000.0
_PEAK_DB = 40.0  # how far under a frame's loudest bin a peak may lie
_FRAME_SECONDS = 0.09
_SOFT_DB = 30.0  # frames so far under the loudest are left out
_SMOOTH_SECONDS = 0.5
_MOST_CENTS = 100.0  # peaks further apart are of different tones
_LAG_MS = 60.0


@dataclass(frozen=True)
class PitchShift:
    """Pitch of an estimate against its reference.

    Attributes
    ----------
    offset_cents : float
        Median over all frames; nan where no tone is in both.
    drift_cents : float
        95th percentile of how far half a second's median lies from the offset; faster wandering
        is heard in part only.
    n_frames : int
        Frames with tones in both that are not soft.
    """

    offset_cents: float
    drift_cents: float
    n_frames: int


def pitch_shift(reference: NDArray[Any], estimate: NDArray[Any], sample_rate: int) -> PitchShift:
    """Measure how far pitch lies and wanders from the reference's.

    Parameters
    ----------
    reference, estimate : np.ndarray, shape (C, N)
        The mean of the channels is looked at.
    sample_rate : int

    Notes
    -----
    In each frame every peak of the reference is set beside the estimate's nearest; each pair gives
    the ratio of both instantaneous frequencies, and the frame their median, weighted by magnitude.
    """
    check_pair(reference, estimate)
    n_fft = 2 ** round(math.log2(_FRAME_SECONDS * sample_rate))
    hop, step = n_fft // 4, n_fft // 16
    cents: list[float] = []
    places: list[int] = []
    levels: list[float] = []
    sounds = np.stack([reference.mean(axis=0), estimate.mean(axis=0)])
    # The same frames a little later: how far phases turn in between is the frequency.
    later = np.concatenate([sounds[:, step:], np.zeros((2, step), sounds.dtype)], axis=1)
    first = 0
    for now, after in zip(spectra(sounds, n_fft, hop), spectra(later, n_fft, hop), strict=True):
        for index in range(now.shape[1]):
            found = _frame_cents(now[:, index], after[:, index], n_fft, step, sample_rate)
            if found is not None:
                cents.append(found)
                places.append(first + index)
                levels.append(float(np.abs(now[0, index]).max()))
        first += now.shape[1]
    if not cents:
        return PitchShift(math.nan, math.nan, 0)
    # In what dies away after the notes a room's old tones outweigh those of the moment.
    loud = np.array(levels) > max(levels) * 10 ** (-_SOFT_DB / 20)
    values = np.array(cents)[loud]
    offset = float(np.median(values))
    # Medians over half a second of those frames that have a value.
    group = np.array(places)[loud] // max(1, round(_SMOOTH_SECONDS * sample_rate / hop))
    middles = [float(np.median(values[group == number])) for number in np.unique(group)]
    drift = float(np.percentile(np.abs(np.array(middles) - offset), 95))
    return PitchShift(offset, drift, len(values))


def _frame_cents(
    now: NDArray[Any], after: NDArray[Any], n_fft: int, step: int, sample_rate: int
) -> float | None:
    level = np.abs(now)  # (2, F)
    inner = level[:, 1:-1]
    peaks = (inner >= level[:, :-2]) & (inner > level[:, 2:]) & (inner > 1e-4)
    peaks &= inner > inner.max(axis=1, keepdims=True) * 10 ** (-_PEAK_DB / 20)
    hertz = np.arange(1, len(level[0]) - 1) * sample_rate / n_fft
    peaks &= (hertz > _LOW_HZ) & (hertz < _HIGH_HZ)
    first, second = (np.flatnonzero(row) + 1 for row in peaks)
    if not len(first) or not len(second):
        return None
    # Each peak with the nearest one of the other sound.
    right = np.clip(np.searchsorted(second, first), 1, max(1, len(second) - 1))
    right = np.minimum(right, len(second) - 1)
    left = np.maximum(right - 1, 0)
    nearer = np.abs(second[left] - first) < np.abs(second[right] - first)
    other = second[np.where(nearer, left, right)]
    found = [
        _frequencies(now[row, bins], after[row, bins], bins, n_fft, step)
        for row, bins in enumerate((first, other))
    ]
    kept = (found[0] > 0) & (found[1] > 0)
    ratio = 1200 * np.log2(found[1][kept] / found[0][kept])
    weight = np.sqrt(level[0, first] * level[1, other])[kept]
    near = np.abs(ratio) < _MOST_CENTS
    if not near.any():
        return None
    ratio, weight = ratio[near], weight[near]
    order = np.argsort(ratio)
    summed = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(summed, summed[-1] / 2)])


def _frequencies(
    now: NDArray[Any], after: NDArray[Any], bins: NDArray[np.intp], n_fft: int, step: int
) -> NDArray[np.float64]:
    """Instantaneous frequency at bins, in radians per ``step`` samples."""
    turned = np.angle(after * np.conj(now)).astype(np.float64)
    expected = 2 * np.pi * bins * step / n_fft
    rest: NDArray[np.float64] = (turned - expected + np.pi) % (2 * np.pi) - np.pi
    return expected + rest


@dataclass(frozen=True)
class OnsetShift:
    """Onsets of an estimate against its reference.

    Attributes
    ----------
    shift_ms : float
        Lag at which both envelopes agree best, positive where the estimate is late; nan where
        one has no onset.
    median_ms, p90_ms : float
        Of the absolute lags around each onset that was given; nan without.
    """

    shift_ms: float
    median_ms: float = math.nan
    p90_ms: float = math.nan


def onset_envelope(sound: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """How much the level of bands rises, every millisecond.

    Returns
    -------
    np.ndarray, shape (T,), float64
        Sum over 24 mel bands of what their levels in dB rise within 10 ms, levels more than 60 dB
        under the loudest left out. Value t belongs to the moment t ms.
    """
    hop = max(1, round(sample_rate / 1000))
    n_fft = 2 ** math.ceil(math.log2(0.01 * sample_rate))
    filters = mel_filters(sample_rate, n_fft, 24, 60.0).T
    mono = sound.mean(axis=0, keepdims=True)
    parts = [np.square(np.abs(part[0])) @ filters for part in spectra(mono, n_fft, hop)]
    level = 10 * np.log10(np.concatenate(parts) + 1e-12)
    level = np.maximum(level, level.max() - 60)
    back = 10
    before = np.concatenate([np.repeat(level[:1], back, axis=0), level[:-back]])
    rise: NDArray[np.float64] = np.maximum(level - before, 0.0).sum(axis=1)
    return rise


def onset_shift(
    reference: NDArray[Any],
    estimate: NDArray[Any],
    sample_rate: int,
    onsets: Sequence[float] = (),
) -> OnsetShift:
    """Measure how far onsets lie from the reference's.

    Parameters
    ----------
    reference, estimate : np.ndarray, shape (C, N)
    sample_rate : int
    onsets : sequence of float
        Seconds at which notes begin; around each its own lag is measured too.
    """
    check_pair(reference, estimate)
    wanted, made = onset_envelope(reference, sample_rate), onset_envelope(estimate, sample_rate)
    a_ms = max(1, round(sample_rate / 1000)) * 1000 / sample_rate  # of a step
    most = round(_LAG_MS / a_ms)
    shift = _lag(wanted, made, most) * a_ms
    lags = []
    for onset in onsets:
        middle = round(1000 * onset / a_ms)
        if middle < most or middle + 2 * most > len(wanted):
            continue
        window = slice(middle - most, middle + 2 * most)
        lag = _lag(wanted[window], made[window], most // 2)
        if math.isfinite(lag):
            lags.append(abs(lag) * a_ms)
    if not lags:
        return OnsetShift(shift)
    return OnsetShift(shift, float(np.median(lags)), float(np.percentile(lags, 90)))


def _lag(wanted: NDArray[Any], made: NDArray[Any], most: int) -> float:
    """Steps by which ``made`` is late, between steps along a parabola; nan for flat envelopes."""
    a, b = wanted - wanted.mean(), made - made.mean()
    if not a.any() or not b.any():
        return math.nan
    size = 2 ** math.ceil(math.log2(len(a) + most + 1))
    product = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    values = np.concatenate([product[-most:], product[: most + 1]])  # lags -most .. most
    best = int(values.argmax())
    if not 0 < best < len(values) - 1:
        return float(best - most)
    before, at, after = values[best - 1 : best + 2]
    bend = before - 2 * at + after
    return float(best - most + (0.5 * (before - after) / bend if bend else 0.0))
