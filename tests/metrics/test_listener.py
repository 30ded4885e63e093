"""Our own trained embedding: shapes, sameness, and whether its distances rank damage rightly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_embeddings import embedding_by_name
from hybrid.metrics.audio_frechet import embed_set, frechet_distance, kernel_distance
from hybrid.metrics.damage import add_noise, add_room, clip, coarse, high_pass, low_pass
from hybrid.metrics.listener import (
    FLOOR_DB,
    FRAMES,
    Listener,
    ListenerConfig,
    ListenerEmbedding,
    mel_levels,
    rows_of,
    save_listener,
)

RATE = 44100


def music(seed: int, seconds: float = 2.1) -> NDArray[np.float32]:
    """Plucked chords with a click at every onset, each side a little its own."""
    rng = np.random.default_rng(seed)
    made = np.zeros((2, int(seconds * RATE)))
    since = np.arange(int(0.6 * RATE)) / RATE
    for first in range(2000, made.shape[1] - len(since), int(0.3 * RATE)):
        chord = np.exp(-since * 60) * rng.standard_normal((2, len(since))) * 0.5
        for pitch in rng.integers(48, 80, 3):
            hertz = 440 * 2 ** ((pitch - 69) / 12)
            for partial in range(1, 17):
                phases = rng.uniform(0, 6.28, (2, 1))
                tone = np.sin(2 * np.pi * partial * hertz * since + phases)
                chord += np.exp(-since * (2 + 0.8 * partial)) * tone / partial**1.2
        made[:, first : first + len(since)] += chord
    scaled: NDArray[np.float32] = (0.3 * made / np.abs(made).max()).astype(np.float32)
    return scaled


@pytest.fixture(scope="module")
def listener() -> ListenerEmbedding:
    return ListenerEmbedding()


@pytest.fixture(scope="module")
def sounds() -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    return [music(seed) for seed in range(8)], [music(seed) for seed in range(8, 16)]


def rows(embedding: ListenerEmbedding, parts: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    return embed_set((Audio(part, RATE) for part in parts), embedding)


@pytest.mark.parametrize(
    ("kind", "grades"),
    [
        ("noise", (40.0, 25.0, 10.0, 0.0)),
        ("low-pass", (10000.0, 5000.0, 2500.0, 1200.0)),
        ("room", (-15.0, -8.0, -1.0, 6.0)),
    ],
)
def test_ranks_damage(
    listener: ListenerEmbedding,
    sounds: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]],
    kind: str,
    grades: tuple[float, ...],
) -> None:
    rng = np.random.default_rng(0)
    damage: Callable[[NDArray[np.float32], float], NDArray[np.float32]] = {
        "noise": lambda sound, grade: add_noise(sound, grade, rng),
        "low-pass": lambda sound, grade: low_pass(sound, RATE, grade),
        "room": lambda sound, grade: add_room(sound, RATE, grade, rng),
    }[kind]
    reference = rows(listener, sounds[0])
    versions = [rows(listener, [damage(sound, grade) for sound in sounds[1]]) for grade in grades]
    for distance in (frechet_distance, kernel_distance):
        plain = distance(reference, rows(listener, sounds[1]))
        found = [distance(reference, version) for version in versions]
        assert (np.diff(found) > 0).all(), (distance.__name__, found)
        assert found[1] > plain
        assert found[-1] > plain + 0.1 * abs(plain)


def test_same_sound_same_rows(listener: ListenerEmbedding) -> None:
    sound = Audio(music(1), RATE)
    first = listener(sound)
    assert first.shape == (2, 128)
    assert first.tobytes() == ListenerEmbedding()(sound).tobytes()
    assert np.isfinite(first).all()


def test_hears_any_sound(listener: ListenerEmbedding) -> None:
    assert listener(Audio(np.zeros((2, 1), np.float32), RATE)).shape == (1, 128)
    assert listener(Audio(np.zeros((1, RATE * 3), np.float32), RATE)).shape == (3, 128)
    rng = np.random.default_rng(0)
    for rate in (8000, 11025, 44101, 192000):
        found = listener(Audio(rng.standard_normal((1, rate)).astype(np.float32) * 0.1, rate))
        assert found.shape[1] == 128
        assert np.isfinite(found).all()
    with pytest.raises(ConfigError, match="mono or stereo"):
        listener(Audio(np.zeros((3, RATE), np.float32), RATE))


def test_levels_of_a_sine() -> None:
    time = np.arange(RATE) / RATE
    sine = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    found = mel_levels(Audio(np.stack([sine, sine]), RATE))
    assert found.shape == (2, 1 + RATE // 1024, 64)
    # Left and right alike: the side is silent.
    assert (found[1] == FLOOR_DB).all()
    assert found[0].max(axis=1)[5:-5].std() < 0.5
    assert rows_of(found).shape == (1, 2, FRAMES, 64)


def test_damage_is_what_it_says() -> None:
    sound = music(3)
    rng = np.random.default_rng(0)
    noise = add_noise(sound, 20, rng) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) == pytest.approx(20, abs=0.1)
    spectrum = [np.abs(np.fft.rfft(each[0])) for each in (sound, low_pass(sound, RATE, 2000))]
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    assert np.allclose(spectrum[0][hertz < 1000], spectrum[1][hertz < 1000], rtol=0.02, atol=0.05)
    assert spectrum[1][hertz > 6000].max() < 0.01 * spectrum[0][hertz > 6000].max()
    assert np.abs(high_pass(sound, RATE, 500) + low_pass(sound, RATE, 500)).max() < 1
    wet = add_room(sound, RATE, -6, rng) - sound
    assert 10 * np.log10(np.sum(wet**2) / np.sum(sound**2)) == pytest.approx(-6, abs=2)
    assert np.abs(clip(sound, 12)).max() == pytest.approx(np.abs(sound).max() / 10 ** (12 / 20))
    assert len(np.unique(coarse(sound, 4))) <= 17
    with pytest.raises(ConfigError, match="over 0"):
        add_room(sound, RATE, 0, rng, seconds=0)


def test_weights_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "listener.safetensors"
    network = Listener(ListenerConfig(width=4, n_out=5)).eval()
    save_listener(network, path, {"updates": 1})
    again = embedding_by_name("listener", path)
    assert again(Audio(music(0), RATE)).shape == (2, 5 + 64)
    with pytest.raises(ConfigError, match="no weights of a listener"):
        embedding_by_name("listener", tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="embedding must be one of"):
        embedding_by_name("ears")
