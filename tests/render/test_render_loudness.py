"""Loudness and peaks measured in chunks, held against pyloudnorm and against theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.render.loudness import LoudnessMeter, PeakMeter, from_db, to_db


def _in_chunks(samples: NDArray[np.float32], rate: int, sizes: list[int]) -> LoudnessMeter:
    meter = LoudnessMeter(rate, samples.shape[0])
    at = index = 0
    while at < samples.shape[1]:
        size = sizes[index % len(sizes)]
        meter.add(samples[:, at : at + size])
        at += size
        index += 1
    return meter


@pytest.mark.parametrize("rate", [44100, 48000, 22050, 11025, 96000])
@pytest.mark.parametrize("seconds", [0.4, 0.449, 0.451, 1.0, 3.37, 12.0])
def test_chunks_give_what_pyloudnorm_gives_for_the_whole(rate: int, seconds: float) -> None:
    import pyloudnorm

    rng = np.random.default_rng(int(seconds * 1000))
    n_samples = math.ceil(seconds * rate)
    swell = np.linspace(0.0, 1.0, n_samples) ** 4
    # Loud, quiet and silent stretches, so that both gates matter.
    sound = (rng.standard_normal((2, n_samples)) * swell * 0.2).astype(np.float32)
    sound[:, n_samples // 2 : n_samples // 2 + n_samples // 5] = 0
    expected = pyloudnorm.Meter(rate).integrated_loudness(sound.T.astype(np.float64))
    assert _in_chunks(sound, rate, [1000, 1, 64, 30_000]).lufs == pytest.approx(expected, abs=1e-6)


def test_a_full_scale_sine_has_the_loudness_of_the_recommendation() -> None:
    # BS.1770: 997 Hz at 0 dBFS in one channel reads -3.01 LKFS. pyloudnorm's filter constants
    # are rounded, hence the tolerance.
    times = np.arange(48000 * 5) / 48000
    sound = np.sin(2 * np.pi * 997 * times)[None, :].astype(np.float32)
    assert _in_chunks(sound, 48000, [4096]).lufs == pytest.approx(-3.01, abs=0.05)


def test_silence_and_nothing_have_no_loudness() -> None:
    assert LoudnessMeter(44100).lufs == -math.inf
    assert _in_chunks(np.zeros((2, 44100), np.float32), 44100, [512]).lufs == -math.inf


def test_a_sound_shorter_than_a_block_is_measured_as_one() -> None:
    times = np.arange(4410) / 44100
    sound = np.sin(2 * np.pi * 997 * times)[None, :].astype(np.float32)
    assert _in_chunks(sound, 44100, [64]).lufs == pytest.approx(-3.0, abs=0.3)


def test_the_true_peak_lies_between_the_samples() -> None:
    # A quarter of the sample rate, sampled 45 degrees from its crests: 3 dB lie between samples.
    times = np.arange(44100)
    sound = np.sin(np.pi / 2 * times + np.pi / 4)[None, :].astype(np.float32)
    meter = PeakMeter(1)
    for at in range(0, 44100, 999):
        meter.add(sound[:, at : at + 999])
    meter.finish()
    assert to_db(meter.sample_peak) == pytest.approx(-3.01, abs=0.01)
    # The sine begins and ends at once, so its edges ring above its steady crest of 0 dB.
    assert -0.1 < to_db(meter.true_peak) < 1.0


@pytest.mark.parametrize("seed", range(6))
def test_passing_quiet_pieces_over_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = (rng.standard_normal((2, 30_000)) * rng.uniform(0, 1, 30_000)).astype(np.float32)
    quick = PeakMeter()
    step = int(rng.integers(1, 9000))
    for at in range(0, 30_000, step):
        quick.add(sound[:, at : at + step])
    quick.finish()
    # The oracle interpolates everything.
    padded = np.pad(sound, ((0, 0), (11, 11)))
    slow = max(
        float(np.abs(np.convolve(channel, phase[::-1], mode="valid")).max())
        for channel in padded
        for phase in quick._phases
    )
    assert quick.true_peak == pytest.approx(max(slow, float(np.abs(sound).max())), rel=1e-5)
    assert quick.sample_peak == pytest.approx(float(np.abs(sound).max()))


def test_decibels_and_back() -> None:
    assert from_db(to_db(0.25)) == pytest.approx(0.25)
    assert to_db(0.0) == -math.inf
