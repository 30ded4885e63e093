"""The last stage: one gain to a loudness, and a limiter that keeps true peaks under a ceiling.

While the sound passes for the first time, the energy after K-weighting and the true peak are
kept for every 64 samples. From these alone the gain is found with which the limited sound has the
loudness that is wanted, so a second pass can write it. The limiter's gain is slow against the
64 samples, which is why the loudness is right to some hundredths.

References
----------
ITU-R BS.1770-4 (2015). Algorithms to measure audio programme loudness and true-peak level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import Samples
from hybrid.render.loudness import (
    ABSOLUTE_GATE,
    BLOCK_SECONDS,
    OVERSAMPLING,
    RELATIVE_GATE,
    TAPS,
    from_db,
    interpolator,
    k_weighting,
    to_db,
)

HOP = 64
#: Most that the limiter takes away from any peak; beyond it the whole stays quieter.
MAX_LIMITING_DB = 9.0
LOOK_AHEAD_SECONDS = 0.0015
RELEASE_SECONDS = 0.08
#: How far below the ceiling peaks are kept, for what moving the gain adds between samples.
MARGIN_DB = 0.1
_CALIBRATION = -0.691
_EXACT_ENOUGH = 0.005
_MOST_ROUNDS = 12


class LevelMeter:
    """Energy after K-weighting and true peak of every `HOP` samples of blocks in a row.

    Parameters
    ----------
    sample_rate : int
    n_channels : int
        1 or 2.
    """

    def __init__(self, sample_rate: int, n_channels: int = 2) -> None:
        self._rate = sample_rate
        self._sections = k_weighting(sample_rate)
        self._state = np.zeros((len(self._sections), n_channels, 2))
        self._energies: list[NDArray[np.float64]] = []
        self._peaks: list[NDArray[np.float32]] = []
        self._left = np.zeros((n_channels, 0), dtype=np.float32)
        self._before = np.zeros((n_channels, TAPS), dtype=np.float32)
        self._banded = _interpolation()
        self.n_samples = 0

    def add(self, block: Samples) -> None:
        """Take the next block, shape (C, n)."""
        self.n_samples += block.shape[1]
        joined = np.concatenate([self._left, block], axis=1)
        n_whole = joined.shape[1] // HOP * HOP
        self._left = joined[:, n_whole:]
        self._measure(joined[:, :n_whole])

    def finish(self) -> Levels:
        """What was measured; nothing may be added afterwards."""
        n_left = self._left.shape[1]
        # A hop of silence after the end lets the last samples' true peaks be seen.
        self._measure(np.pad(self._left, ((0, 0), (0, (-n_left) % HOP + HOP))))
        energies = np.concatenate([np.zeros(0), *self._energies])
        peaks = np.concatenate([np.zeros(0, np.float32), *self._peaks])
        n_hops = -(-self.n_samples // HOP)
        if len(peaks) > n_hops:
            # What rings on after the last sample belongs to the last hop.
            peaks[n_hops - 1] = peaks[max(0, n_hops - 1) :].max() if n_hops else 0.0
        return Levels(energies[:n_hops], peaks[:n_hops], self.n_samples, self._rate)

    def _measure(self, sound: Samples) -> None:
        from scipy.signal import sosfilt

        if not sound.shape[1]:
            return
        weighted, self._state = sosfilt(
            self._sections, sound.astype(np.float64), axis=1, zi=self._state
        )
        power = np.einsum("cn,cn->n", weighted, weighted)
        self._energies.append(power.reshape(-1, HOP).sum(axis=1))
        extended = np.concatenate([self._before, sound], axis=1)
        self._before = extended[:, -TAPS:]
        # (C, hops, HOP + taps): each hop with the samples before it that its windows reach.
        rows = np.lib.stride_tricks.sliding_window_view(extended, HOP + TAPS, axis=1)[:, ::HOP]
        peaks = np.maximum(rows.max(axis=2), -rows.min(axis=2))  # (C, hops)
        loud = peaks > 1e-4
        between = rows[loud] @ self._banded
        if len(between):
            peaks[loud] = np.maximum(
                peaks[loud], np.maximum(between.max(axis=1), -between.min(axis=1))
            )
        # Windows lie half their length behind: a peak may be that of the hop before as well.
        self._peaks.append(peaks.max(axis=0))


@dataclass(frozen=True, eq=False)
class Levels:
    """What a `LevelMeter` found.

    Attributes
    ----------
    energies : np.ndarray, shape (hops,), float64
        Sum of the squares after K-weighting, over channels.
    peaks : np.ndarray, shape (hops,), float32
        True peak in the hop or just before it.
    n_samples, sample_rate : int
    """

    energies: NDArray[np.float64]
    peaks: NDArray[np.float32]
    n_samples: int
    sample_rate: int

    @property
    def lufs(self) -> float:
        """Integrated loudness; minus infinity for silence."""
        return self.loudness(None)

    def cut(self, n_samples: int) -> Levels:
        """Those of the first samples alone."""
        n_hops = -(-n_samples // HOP)
        return Levels(self.energies[:n_hops], self.peaks[:n_hops], n_samples, self.sample_rate)

    def loudness(self, gains: NDArray[np.float64] | None) -> float:
        """Integrated loudness of the sound with a gain for each hop (None: 1)."""
        energies = self.energies if gains is None else self.energies * gains**2
        summed = np.concatenate([[0.0], np.cumsum(energies)])
        edges = np.minimum(np.arange(len(summed)) * HOP, self.n_samples)
        length = BLOCK_SECONDS * self.sample_rate
        if not self.n_samples:
            return -math.inf
        if self.n_samples < length:
            powers = np.array([summed[-1] / self.n_samples])
        else:
            seconds = self.n_samples / self.sample_rate
            n_blocks = int(np.round((seconds - BLOCK_SECONDS) / (BLOCK_SECONDS / 4)) + 1)
            starts = np.arange(n_blocks) * length / 4
            inside = np.interp(starts + length, edges, summed) - np.interp(starts, edges, summed)
            powers = inside / length
        with np.errstate(divide="ignore"):
            heard = powers[_CALIBRATION + 10 * np.log10(powers) >= ABSOLUTE_GATE]
        if not len(heard):
            return -math.inf
        gate = _CALIBRATION + 10 * math.log10(heard.mean()) + RELATIVE_GATE
        heard = heard[_CALIBRATION + 10 * np.log10(heard) > gate]
        return _CALIBRATION + 10 * math.log10(heard.mean())


@dataclass(frozen=True, eq=False)
class LevelPlan:
    """Gain of each hop, and what it leads to.

    Attributes
    ----------
    gains : np.ndarray, shape (hops,), float64
    lufs : float
        Loudness that is expected.
    limiting_db : float
        Most that the limiter takes away.
    limited_by : str
        ``loudness``: the target is reached; ``peak``: it would take more than `MAX_LIMITING_DB`;
        ``nothing``: there is no loudness to be matched.
    """

    gains: NDArray[np.float64]
    lufs: float
    limiting_db: float
    limited_by: str


def plan_levels(levels: Levels, target_lufs: float | None, ceiling_db: float) -> LevelPlan:
    """Find the gains that bring a sound to a loudness under a ceiling.

    Parameters
    ----------
    levels : Levels
    target_lufs : float or None
        None leaves the gain at 1 and only keeps peaks under the ceiling.
    ceiling_db : float
        True peak, dB relative to full scale.
    """
    before = levels.lufs
    peak = float(levels.peaks.max(initial=0.0))
    measurable = target_lufs is not None and math.isfinite(before) and peak > 0
    gain_db = 0.0
    room_db = ceiling_db - MARGIN_DB - to_db(peak) if peak else math.inf
    limited_by = "nothing"
    if target_lufs is not None and measurable:
        gain_db, limited_by = target_lufs - before, "loudness"
        most = room_db + MAX_LIMITING_DB
        for _ in range(_MOST_ROUNDS):
            gain_db = min(gain_db, most)
            miss = target_lufs - levels.loudness(_gains(levels, gain_db, ceiling_db))
            if abs(miss) < _EXACT_ENOUGH:
                break
            gain_db += miss
        if gain_db >= most:
            gain_db, limited_by = most, "peak"
    gains = _gains(levels, gain_db, ceiling_db)
    limiting = float(-20 * np.log10(gains.min(initial=np.inf) / from_db(gain_db)))
    after = levels.loudness(gains)
    return LevelPlan(gains, after, max(0.0, limiting) if len(gains) else 0.0, limited_by)


def _gains(levels: Levels, gain_db: float, ceiling_db: float) -> NDArray[np.float64]:
    """Gain of each hop: the overall one, less where a peak would rise over the ceiling."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    gain = from_db(gain_db)
    ceiling = from_db(ceiling_db - MARGIN_DB)
    allowed = np.minimum(1.0, ceiling / np.maximum(gain * levels.peaks.astype(np.float64), 1e-9))
    if not len(allowed) or allowed.min() >= 1.0:
        return np.full(len(allowed), gain)
    # A peak that stands in a hop's windows may lie in the hop before.
    allowed[:-1] = np.minimum(allowed[:-1], allowed[1:])
    ahead = max(1, math.ceil(LOOK_AHEAD_SECONDS * levels.sample_rate / HOP))
    held = _released(allowed, math.exp(-HOP / (RELEASE_SECONDS * levels.sample_rate)))
    # The mean over a window of minima over a wider one: never above what any of its hops
    # allows, also on the line between two neighbours.
    held = minimum_filter1d(held, 2 * (ahead + 1) + 1, mode="nearest")
    smooth: NDArray[np.float64] = uniform_filter1d(held, 2 * ahead + 1, mode="nearest")
    return gain * np.minimum(smooth, 1.0)


def _released(allowed: NDArray[np.float64], pole: float) -> NDArray[np.float64]:
    """Down at once, back up along an exponential."""
    held = allowed.copy()
    value = 1.0
    for at, target in enumerate(allowed.tolist()):
        risen = 1.0 + pole * (value - 1.0)
        value = target if target < risen else risen
        held[at] = value
    return held


class LevelStage:
    """Applies a `LevelPlan` to the blocks of the sound it was made for, in a row."""

    def __init__(self, plan: LevelPlan) -> None:
        self._gains = plan.gains
        self._even = not len(plan.gains) or bool((plan.gains == plan.gains[0]).all())
        self._at = 0

    def process(self, block: NDArray[Any]) -> Samples:
        """The next block, shape (C, n), of any size."""
        if self._even:
            gain = self._gains[0] if len(self._gains) else 1.0
            return (block * np.float32(gain)).astype(np.float32)
        first = self._at // HOP
        last = (self._at + block.shape[1]) // HOP + 2
        # Straight lines between the middles of hops.
        middles = (np.arange(first - 1, last + 1) + 0.5) * HOP
        near = self._gains[np.clip(np.arange(first - 1, last + 1), 0, len(self._gains) - 1)]
        frames = self._at + np.arange(block.shape[1])
        self._at += block.shape[1]
        made: Samples = block * np.interp(frames, middles, near).astype(np.float32)
        return made


def _interpolation() -> NDArray[np.float32]:
    """Matrix (HOP + taps, HOP x 4) that gives the values between the samples of a hop.

    Column w x 4 + p holds phase p of the interpolator at window w.
    """
    phases = interpolator()
    banded = np.zeros((HOP + TAPS, HOP * OVERSAMPLING), dtype=np.float32)
    for window in range(HOP):
        columns = slice(window * OVERSAMPLING, (window + 1) * OVERSAMPLING)
        banded[window + 1 : window + 1 + TAPS, columns] = phases.T
    return banded
