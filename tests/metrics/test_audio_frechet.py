"""Distances between sets, on Gaussians whose distances are known, and on folders of sound."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hybrid.cli import main
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_compare import compare_audio
from hybrid.metrics.audio_frechet import (
    MelStatistics,
    embed_set,
    frechet_distance,
    frechet_infinite,
    gaussian_distance,
    kernel_distance,
    median_distance,
)

RATE = 16000
D = 6


def gaussians(
    n_rows: int, seed: int, shift: float = 0.0, scale: float = 1.0
) -> NDArray[np.float64]:
    return shift + scale * np.random.default_rng(seed).standard_normal((n_rows, D))


def test_distance_of_known_gaussians() -> None:
    one = np.eye(3)
    assert gaussian_distance(np.zeros(3), one, np.zeros(3), one) == pytest.approx(0, abs=1e-9)
    # |m|^2 + sum of (s1 - s2)^2 for covariances that share their axes.
    found = gaussian_distance(np.zeros(3), one, np.array([1.0, 2, 2]), np.diag([4.0, 9, 1]))
    assert found == pytest.approx(9 + 1 + 4 + 0)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    turned = rotation @ np.diag([4.0, 9, 1]) @ rotation.T
    assert gaussian_distance(np.zeros(3), one, np.zeros(3), turned) == pytest.approx(5)
    # Covariances that do not commute: against the root by scipy.
    from scipy.linalg import sqrtm

    other = np.diag([1.0, 2.0, 0.5])
    wanted = np.trace(turned + other - 2 * np.real(sqrtm(turned @ other)))
    assert gaussian_distance(np.zeros(3), turned, np.zeros(3), other) == pytest.approx(wanted)


def test_frechet_distance_of_samples() -> None:
    # Shift 0.5 in 6 dimensions and scale 1.5: 6 * 0.25 + 6 * 0.25 = 3.
    found = frechet_distance(gaussians(20_000, 0), gaussians(20_000, 1, 0.5, 1.5))
    assert found == pytest.approx(3.0, rel=0.03)
    narrow = np.random.default_rng(0).normal(size=(50, 1))
    assert frechet_distance(narrow, narrow + 2) == pytest.approx(4.0)


def test_the_endless_sample_is_nearer_to_the_truth() -> None:
    reference = gaussians(20_000, 0)
    plain, endless = [], []
    for seed in range(1, 7):
        found = frechet_infinite(reference, gaussians(60, seed), np.random.default_rng(seed))
        plain.append(found.distance)
        endless.append(found.infinite)
        assert found.fit <= 1
    # The truth is 0; of 60 rows in 6 dimensions the plain distance is far above it.
    assert np.mean(plain) > 0.15
    assert abs(np.mean(endless)) < 0.3 * np.mean(plain)
    same = [
        frechet_infinite(reference, gaussians(60, 3), np.random.default_rng(5)) for _ in range(2)
    ]
    assert same[0] == same[1]


def test_kernel_distance_of_known_gaussians() -> None:
    width, shift, scale = 2.0, 0.4, 1.3

    def expected(variance: float, apart: float) -> float:
        # E exp(-|x - y|^2 / 2 s^2) for x - y ~ N(apart, variance I).
        ratio = width**2 / (width**2 + variance)
        return float(ratio ** (D / 2)) * math.exp(-D * apart**2 / (2 * (width**2 + variance)))

    wanted = expected(2, 0) + expected(2 * scale**2, 0) - 2 * expected(1 + scale**2, shift)
    found = kernel_distance(gaussians(1500, 0), gaussians(1200, 1, shift, scale), width)
    assert found == pytest.approx(wanted, rel=0.15)
    assert abs(kernel_distance(gaussians(900, 0), gaussians(900, 1))) < 4e-3


def test_kernel_distance_is_the_sum_over_pairs() -> None:
    a, b = gaussians(7, 0), gaussians(5, 1, 1.0)

    def mean(rows: NDArray[np.float64], others: NDArray[np.float64], same: bool) -> float:
        values = [
            math.exp(-((x - y) ** 2).sum() / 2)
            for i, x in enumerate(rows)
            for j, y in enumerate(others)
            if not (same and i == j)
        ]
        return sum(values) / len(values)

    wanted = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    assert kernel_distance(a, b, 1.0) == pytest.approx(wanted)
    apart = [math.dist(a[i], a[j]) for i in range(7) for j in range(i)]
    assert median_distance(a) == pytest.approx(np.median(apart))


@pytest.mark.parametrize(
    ("reference", "estimate", "message"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "two rows"),
        (np.zeros((5, 3)), np.zeros((5, 4)), "one width, got 3 and 4"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), "must be finite"),
        (np.zeros(5), np.zeros(5), "two rows"),
    ],
)
def test_rows_that_are_refused(
    reference: NDArray[np.float64], estimate: NDArray[np.float64], message: str
) -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ConfigError, match=message):
            distance(reference, estimate)
    with pytest.raises(ConfigError, match="bandwidth must be over 0"):
        kernel_distance(gaussians(5, 0), gaussians(5, 1), 0.0)
    with pytest.raises(ConfigError, match="10 rows"):
        frechet_infinite(gaussians(5, 0), gaussians(5, 1), np.random.default_rng(0))


# --- Sound --------------------------------------------------------------------------------------


def music(seed: int, seconds: float = 3.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    sound = np.zeros((2, len(times)))
    for at in np.arange(0, seconds, 0.2):
        age = times - at
        tone = np.sin(2 * np.pi * 110 * 2 ** (rng.integers(0, 36) / 12) * age) * np.exp(-5 * age)
        sound += np.where(age >= 0, tone, 0.0) * rng.uniform(0.05, 0.2, (2, 1))
    return sound


def test_the_embedding_ranks_graded_noise_and_low_passes() -> None:
    from scipy.signal import butter, sosfilt

    def rows(change: object = None) -> NDArray[np.float64]:
        sounds = []
        for seed in range(3):
            sound = music(seed)
            if isinstance(change, float):
                sound = sound + change * np.random.default_rng(99).standard_normal(sound.shape)
            if isinstance(change, int):
                sound = sosfilt(butter(4, change, fs=RATE, output="sos"), sound)
            sounds.append(Audio(sound.astype(np.float32), RATE))
        return embed_set(sounds, MelStatistics())

    reference = rows()
    assert reference.shape == (9, 96)
    for distance in (frechet_distance, kernel_distance):
        by_noise = [distance(reference, rows(level)) for level in (0.0001, 0.003, 0.1)]
        assert by_noise == sorted(by_noise)
        by_filter = [distance(reference, rows(hertz)) for hertz in (6000, 3000, 1000)]
        assert by_filter == sorted(by_filter)


def test_mono_and_other_lengths_are_compared() -> None:
    sound = music(1).astype(np.float32)
    mono = Audio(sound[:1], RATE)
    both = Audio(np.tile(sound[:1], (2, 1))[:, :-500], RATE)
    found = compare_audio(mono, both)
    assert found.stft_distance == 0
    assert found.to_dict()["si_sdr_db"] is None  # infinite
    assert found.seconds == pytest.approx((sound.shape[1] - 500) / RATE)
    short = compare_audio(Audio(sound[:, :1], RATE), Audio(sound[:, :1], RATE))
    assert math.isnan(short.loudness_difference_lu)
    with pytest.raises(ConfigError, match="one sample rate, got 16000 and 8000"):
        compare_audio(mono, Audio(sound, 8000))
    with pytest.raises(ConfigError, match="at least one sample"):
        compare_audio(mono, Audio(sound[:, :0], RATE))


def test_evaluate_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, gain in zip(folders, (1.0, 0.5), strict=True):
        folder.mkdir()
        for seed in range(4):
            soundfile.write(folder / f"{seed}.wav", gain * music(seed).T, RATE, subtype="FLOAT")
    files = [str(folder / "0.wav") for folder in folders]
    assert main(["evaluate", "audio", *files, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["loudness_difference_lu"] == pytest.approx(-6.02, abs=0.01)
    assert values["onset_shift_ms"] == pytest.approx(0, abs=0.1)
    assert values["pitch_offset_cents"] == pytest.approx(0, abs=0.05)
    assert main(["evaluate", "audio", *map(str, folders), "--json"]) == 0
    sets = json.loads(capsys.readouterr().out)
    assert sets["embedding"] == "listener"
    assert sets["n_reference"] == 12
    assert sets["frechet"] > 0
    assert set(sets["pairs"]) == {"0", "1", "2", "3"}
    assert main(["evaluate", "audio", *map(str, folders)]) == 0
    assert "frechet_infinite" in capsys.readouterr().out
    assert main(["evaluate", "audio", files[0], str(folders[1])]) == 2
    assert "file with file or folder with folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", "audio", str(folders[0]), str(tmp_path / "empty")]) == 2
    assert "must have sound files" in capsys.readouterr().err
