"""Distances between two sounds, on sounds of which they are known."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_signal import (
    loudness,
    mel_distance,
    si_sdr,
    stereo_correlation,
    stft_distance,
)
from hybrid.metrics.audio_spectra import mel_filters, spectra
from hybrid.metrics.audio_timing import onset_shift, pitch_shift

RATE = 22050
Sound = NDArray[np.float32]


def noise(seconds: float = 1.0, seed: int = 0, channels: int = 2) -> Sound:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, (channels, int(seconds * RATE))).astype(np.float32)


def tones(cents: float = 0.0, seconds: float = 2.0) -> NDArray[np.float64]:
    times = np.arange(int(seconds * RATE)) / RATE
    factor = 2 ** (cents / 1200)
    chord = sum(np.sin(2 * np.pi * hertz * factor * times) for hertz in (220, 554, 1330, 2900))
    return np.asarray(0.1 * chord)[None]


def plucks(shift_ms: float = 0.0) -> NDArray[np.float64]:
    """A note every quarter of a second, all of them late by ``shift_ms``."""
    times = np.arange(3 * RATE) / RATE
    sound = np.zeros_like(times)
    for index in range(10):
        age = times - 0.2 - 0.25 * index - shift_ms / 1000
        tone = np.sin(2 * np.pi * (300 + 90 * index) * age) * np.exp(-12 * age)
        sound += np.where(age >= 0, tone, 0.0)
    return 0.3 * sound[None]


def test_spectra_are_those_of_the_whole_sound() -> None:
    sound = noise(2.0, channels=1)
    joined = np.concatenate(list(spectra(sound, 256, 64)), axis=1)[0]
    assert joined.shape == (1 + sound.shape[1] // 64, 129)
    padded = np.pad(sound[0], 128)
    for frame in (0, 1, 511, 512, 513, 600):
        part = padded[frame * 64 : frame * 64 + 256] * np.hanning(257)[:-1]
        np.testing.assert_allclose(joined[frame], np.fft.rfft(part), atol=1e-5)


def test_mel_filters_are_means_over_bins() -> None:
    filters = mel_filters(RATE, 1024, 60)
    np.testing.assert_allclose(filters.sum(axis=1), 1.0, rtol=1e-5)
    centres = (filters * np.fft.rfftfreq(1024, 1 / RATE)).sum(axis=1)
    assert (np.diff(centres) > 0).all()


@pytest.mark.parametrize("ratio_db", [-10.0, 0.0, 25.0])
def test_si_sdr_of_a_known_ratio(ratio_db: float) -> None:
    reference = noise(seed=1).astype(np.float64)
    other = noise(seed=2).astype(np.float64)
    # What is orthogonal to the reference is distortion, whatever the scale.
    other -= reference * (other * reference).sum() / (reference**2).sum()
    other *= math.sqrt((reference**2).sum() / (other**2).sum()) * 10 ** (-ratio_db / 20)
    assert si_sdr(reference, 3.0 * (reference + other)) == pytest.approx(ratio_db, abs=1e-6)


def test_si_sdr_at_its_ends() -> None:
    sound = noise()
    assert si_sdr(sound, 0.3 * sound) > 100
    assert si_sdr(sound, np.zeros_like(sound)) == -math.inf
    assert math.isnan(si_sdr(np.zeros_like(sound), sound))


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_distances_of_a_gain(gain: float) -> None:
    sound = noise()
    assert stft_distance(sound, sound) == 0
    assert mel_distance(sound, sound, RATE) == 0
    wanted = abs(1 - gain) + abs(math.log(gain))
    assert stft_distance(sound, gain * sound) == pytest.approx(wanted, rel=0.01)
    wanted = abs(20 * math.log10(gain))
    assert mel_distance(sound, gain * sound, RATE) == pytest.approx(wanted, rel=0.01)


def test_distances_grow_with_the_change() -> None:
    sound, other = noise(seed=1), noise(seed=2)
    near, far = sound + 0.1 * other, sound + other
    assert 0 < stft_distance(sound, near) < stft_distance(sound, far)
    assert 0 < mel_distance(sound, near, RATE) < mel_distance(sound, far, RATE)


def test_a_side_that_is_lost_is_heard() -> None:
    sound = noise()
    mono = np.tile(sound.mean(axis=0), (2, 1))
    assert stft_distance(sound, mono) > 0.5
    silence = np.zeros_like(sound)
    assert stft_distance(silence, silence) == 0
    assert math.isfinite(stft_distance(silence, sound))


def test_loudness_is_that_of_pyloudnorm() -> None:
    sound = noise(1.0)
    wanted = pyloudnorm.Meter(RATE).integrated_loudness(sound.T.astype(np.float64))
    assert loudness(sound, RATE) == pytest.approx(wanted)
    assert loudness(np.zeros((2, RATE), np.float32), RATE) == -math.inf
    assert math.isnan(loudness(sound[:, :100], RATE))


def test_stereo_correlation_of_known_sounds() -> None:
    left, right = noise(seed=1, channels=1), noise(seed=2, channels=1)
    both = np.concatenate([left, left])
    assert stereo_correlation(left) == 1
    assert stereo_correlation(both) == pytest.approx(1)
    assert stereo_correlation(both * np.array([[1], [-1]])) == pytest.approx(-1)
    assert abs(stereo_correlation(np.concatenate([left, right]))) < 0.03
    assert math.isnan(stereo_correlation(np.concatenate([left, 0 * left])))


@pytest.mark.parametrize("cents", [-7.0, 0.0, 1.5, 20.0])
def test_pitch_offset_in_cents(cents: float) -> None:
    found = pitch_shift(tones(), tones(cents), RATE)
    assert found.offset_cents == pytest.approx(cents, abs=0.05)
    assert found.drift_cents < 0.3  # the first and last frames are cut
    assert found.n_frames > 50


def test_pitch_drift_of_a_slow_wander() -> None:
    # The speed wanders by 4 cents, four seconds a turn: half a second's mean nearly follows.
    times = np.arange(8 * RATE) / RATE
    depth = 2 ** (4 / 1200) - 1
    omega = 2 * np.pi / 4
    moved = times + depth / omega * np.sin(omega * times)
    sound = 0.1 * sum(np.sin(2 * np.pi * hertz * times) for hertz in (440, 1330))
    other = 0.1 * sum(np.sin(2 * np.pi * hertz * moved) for hertz in (440, 1330))
    found = pitch_shift(np.asarray(sound)[None], np.asarray(other)[None], RATE)
    assert found.offset_cents == pytest.approx(0, abs=0.5)
    assert found.drift_cents == pytest.approx(4, abs=0.4)


def test_no_pitch_in_silence() -> None:
    silence = np.zeros((1, RATE))
    found = pitch_shift(silence, silence, RATE)
    assert math.isnan(found.offset_cents)
    assert found.n_frames == 0


@pytest.mark.parametrize("late", [-12.0, 0.0, 3.0, 20.0])
def test_onsets_that_are_late(late: float) -> None:
    onsets = [0.2 + 0.25 * index for index in range(10)]
    found = onset_shift(plucks(), plucks(late), RATE, onsets)
    assert found.shift_ms == pytest.approx(late, abs=0.5)
    assert found.median_ms == pytest.approx(abs(late), abs=1.0)
    assert found.p90_ms < abs(late) + 2.0


def test_no_onset_in_silence() -> None:
    silence = np.zeros((1, RATE))
    assert math.isnan(onset_shift(silence, silence, RATE).shift_ms)


def test_sounds_that_cannot_be_compared() -> None:
    sound = noise()
    with pytest.raises(ConfigError, match="must have one shape"):
        si_sdr(sound, sound[:, :-1])
    with pytest.raises(ConfigError, match="must have one shape"):
        stft_distance(sound[:, :0], sound[:, :0])
    with pytest.raises(ConfigError, match="low_hz must be in"):
        mel_filters(8000, 512, 20, 5000.0)
