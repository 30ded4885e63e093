"""Loudness and true peak of a sound that comes in chunks, in bounded memory.

pyloudnorm measures a whole array. Its K-weighting filters are linear, so they can go on
from chunk to chunk; and of a sound of any length only the energies between the edges of
the 400 ms blocks are needed for the gates. The result is that of pyloudnorm (a test says
so), but for sounds under 400 ms, which it refuses: they are measured as one block.

References
----------
ITU-R BS.1770-4 (2015). Algorithms to measure audio programme loudness and true-peak level.
Steinmetz, C. J., & Reiss, J. D. (2021). pyloudnorm: A simple yet flexible loudness meter in
Python. 150th AES Convention.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_SECONDS = 0.4
ABSOLUTE_GATE = -70.0
RELATIVE_GATE = -10.0
_CALIBRATION = -0.691

OVERSAMPLING = 4
TAPS = 12  # of each of the four phases, as in the recommendation's annex 2
# Sound is looked at in pieces of this many frames, so that quiet ones can be passed over, and
# within a piece in rows of so many windows.
_PIECE, _ROW = 256, 16


def to_db(amplitude: float) -> float:
    """Decibels of an amplitude; minus infinity of 0."""
    return 20.0 * math.log10(amplitude) if amplitude > 0 else -math.inf


def from_db(level_db: float) -> float:
    """Amplitude of a level in decibels."""
    return float(10.0 ** (level_db / 20.0))


def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """Second-order sections (2, 6) of K-weighting, with pyloudnorm's own parameters."""
    from pyloudnorm.iirfilter import IIRfilter

    stages = (
        IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, sample_rate, "high_shelf"),
        IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
    )
    # Passband gains are part of both filters; 1 in these two.
    return np.array([[*stage.b * stage.passband_gain, *stage.a] for stage in stages])


class LoudnessMeter:
    """Integrated loudness (LUFS) of chunks in a row.

    Parameters
    ----------
    sample_rate : int
    n_channels : int
        1 or 2: the weights of surround channels are left out.
    """

    def __init__(self, sample_rate: int, n_channels: int = 2) -> None:
        self._rate = sample_rate
        self._sections = k_weighting(sample_rate)
        self._state = np.zeros((len(self._sections), n_channels, 2))
        self._n_samples = 0
        self._energies: list[float] = []
        self._open = 0.0
        # Samples at which a block begins or ends: multiples of a quarter of a block.
        self._next_edge = self._edge(1)

    def _edge(self, index: int) -> int:
        return int(BLOCK_SECONDS * (index * 0.25) * self._rate)

    def add(self, samples: NDArray[Any]) -> None:
        """Take the next chunk, shape (C, n)."""
        from scipy.signal import sosfilt

        if not samples.shape[1]:
            return
        weighted, self._state = sosfilt(self._sections, samples, axis=1, zi=self._state)
        power = np.einsum("cn,cn->n", weighted, weighted)
        begin = 0
        while self._n_samples + len(power) - begin >= self._next_edge:
            stop = begin + self._next_edge - self._n_samples
            self._energies.append(self._open + float(power[begin:stop].sum()))
            self._open = 0.0
            self._n_samples += stop - begin
            begin = stop
            self._next_edge = self._edge(len(self._energies) + 1)
        self._open += float(power[begin:].sum())
        self._n_samples += len(power) - begin

    @property
    def lufs(self) -> float:
        """Loudness so far; minus infinity for silence."""
        if not self._n_samples:
            return -math.inf
        length = BLOCK_SECONDS * self._rate
        if self._n_samples < length:
            powers = np.array([(sum(self._energies) + self._open) / self._n_samples])
        else:
            # A block that the end cuts by less than half a step counts, as in pyloudnorm.
            seconds = self._n_samples / self._rate
            step = 0.25 * BLOCK_SECONDS
            n_blocks = int(np.round((seconds - BLOCK_SECONDS) / step) + 1)
            energies = np.array([*self._energies, self._open, 0.0, 0.0, 0.0])
            powers = np.array([energies[at : at + 4].sum() for at in range(n_blocks)]) / length
        with np.errstate(divide="ignore"):
            levels = _CALIBRATION + 10.0 * np.log10(powers)
        powers = powers[levels >= ABSOLUTE_GATE]
        if not len(powers):
            return -math.inf
        gate = _CALIBRATION + 10.0 * math.log10(powers.mean()) + RELATIVE_GATE
        powers = powers[_CALIBRATION + 10.0 * np.log10(powers) > gate]
        return _CALIBRATION + 10.0 * math.log10(powers.mean())


class PeakMeter:
    """Sample peak and true peak (four times oversampled) of chunks in a row."""

    def __init__(self, n_channels: int = 2) -> None:
        self._phases = interpolator()
        # The filter's largest gain for any signal: its phase with the largest absolute sum.
        self._most = float(np.abs(self._phases).sum(axis=1).max())
        # Column w * phases + p holds phase p at window w of a row.
        banded = np.zeros((_ROW + TAPS - 1, _ROW * OVERSAMPLING), dtype=np.float32)
        for window in range(_ROW):
            columns = slice(window * OVERSAMPLING, (window + 1) * OVERSAMPLING)
            banded[window : window + TAPS, columns] = self._phases.T
        self._banded = banded
        # Before the first sample was silence.
        self._kept = np.zeros((n_channels, TAPS - 1), dtype=np.float32)
        self.sample_peak = 0.0
        self.true_peak = 0.0

    def add(self, samples: NDArray[Any]) -> None:
        """Take the next chunk, shape (C, n)."""
        extended = np.concatenate([self._kept, samples], axis=1, dtype=np.float32)
        # Whole pieces only; what is left over waits for the next chunk.
        n_pieces = max(0, (extended.shape[1] - (TAPS - 1)) // _PIECE)
        self._look(extended, n_pieces)
        self._kept = extended[:, n_pieces * _PIECE :].copy()

    def finish(self) -> None:
        """Let the last samples ring out of the filter into silence."""
        self.add(np.zeros((len(self._kept), _PIECE + TAPS - 1), dtype=np.float32))

    def _look(self, sound: NDArray[np.float32], n_pieces: int) -> None:
        if not n_pieces:
            return
        # (C, pieces, frames): each piece with the frames after it that its last windows reach.
        pieces = np.lib.stride_tricks.as_strided(
            sound,
            (len(sound), n_pieces, _PIECE + TAPS - 1),
            (sound.strides[0], _PIECE * sound.itemsize, sound.itemsize),
            writeable=False,
        )
        peaks = np.maximum(pieces.max(axis=2), -pieces.min(axis=2))  # (C, pieces)
        self.sample_peak = max(self.sample_peak, float(peaks.max()))
        self.true_peak = max(self.true_peak, self.sample_peak)
        # The loudest first; it lifts the mark under which all others can be passed over.
        loudest = peaks == peaks.max()
        self.true_peak = max(self.true_peak, self._interpolate(pieces[loudest]))
        rest = (peaks * self._most > self.true_peak) & ~loudest
        self.true_peak = max(self.true_peak, self._interpolate(pieces[rest]))

    def _interpolate(self, pieces: NDArray[np.float32]) -> float:
        """Largest value between the samples of pieces (n, frames)."""
        if not len(pieces):
            return 0.0
        # Rows of `_ROW` windows each, so that one product of matrices does all phases.
        n_rows = _PIECE // _ROW
        rows = np.lib.stride_tricks.as_strided(
            pieces,
            (len(pieces), n_rows, _ROW + TAPS - 1),
            (pieces.strides[0], _ROW * pieces.itemsize, pieces.itemsize),
            writeable=False,
        )
        flat = np.ascontiguousarray(rows).reshape(-1, _ROW + TAPS - 1)
        values = flat @ self._banded  # (rows, windows x phases)
        return float(max(values.max(), -values.min()))


def interpolator() -> NDArray[np.float64]:
    """Four phases of a windowed-sinc interpolator of 48 taps, each with gain 1 at 0 Hz.

    The recommendation's table is one such filter; this one is a sinc under a Kaiser window
    (beta 5), flat within 0.1 dB up to 0.39 of the sample rate.
    """
    n_taps = OVERSAMPLING * TAPS
    times = (np.arange(n_taps) - (n_taps - 1) / 2) / OVERSAMPLING
    taps = np.sinc(times) * np.kaiser(n_taps, 5.0)
    phases = taps.reshape(TAPS, OVERSAMPLING).T
    result: NDArray[np.float64] = phases / phases.sum(axis=1, keepdims=True)
    return result
