"""Trainings of the two ears at small size: they learn, and go on to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.audio_refiner.dry_sets import DryBatch, read_dry, write_dry
from hybrid.audio_refiner.listener_data import KINDS, ListenerSet
from hybrid.audio_refiner.listener_training import ListenerTrainer, ListenerTraining
from hybrid.audio_refiner.roll import ROLL_DTYPE
from hybrid.audio_refiner.transcriber_data import TranscriberSet, transcriber_set
from hybrid.audio_refiner.transcriber_training import (
    TranscriberTrainer,
    TranscriberTraining,
    bent,
)
from hybrid.core.errors import ConfigError, FormatError
from hybrid.metrics.listener import BANDS, FRAMES, ListenerConfig
from hybrid.transcription.network import TranscriberConfig


@pytest.fixture(scope="module")
def recordings() -> ListenerSet:
    rng = np.random.default_rng(0)
    count, frames = 12, FRAMES + 20
    kind = np.arange(count) % 3
    levels = rng.integers(60, 100, (count, 2, frames, BANDS))
    for row in range(count):  # each kind has a band of its own
        levels[row, :, :, 20 * kind[row] : 20 * kind[row] + 15] += 90
    families = np.zeros((count, 17, frames), np.bool_)
    families[np.arange(count), kind] = True
    damage = np.zeros((count, 3), np.float32)
    return ListenerSet(levels.astype(np.uint8), families, kind.astype(np.int64), damage)


def test_listener_learns_and_goes_on(recordings: ListenerSet, tmp_path: Path) -> None:
    assert recordings.kind.max() < len(KINDS)
    settings = ListenerTraining(updates=20, batch=8, check_every=20, save_every=10, warmup=3)
    config = ListenerConfig(width=4, n_out=8)

    def run(folder: Path, *stops: int) -> ListenerTrainer:
        folder.mkdir(exist_ok=True)
        for stop in stops:
            trainer = ListenerTrainer(config, settings, recordings, recordings, folder)
            trainer.run(stop_at=stop)
        return trainer

    once = run(tmp_path / "once", 20)
    assert once.measure()["valid kind right"] > 0.6
    finished = once.finished()
    twice = run(tmp_path / "twice", 13, 20)
    for mine, yours in zip(
        finished.state_dict().values(), twice.finished().state_dict().values(), strict=True
    ):
        assert torch.equal(mine, yours)
    with torch.no_grad():
        rows = finished.learnt(once.train.draw(8, torch.Generator().manual_seed(3))[0])
    assert abs(float(rows.mean())) < 0.5
    with pytest.raises(ConfigError, match="settings it began with"):
        ListenerTrainer(
            config,
            ListenerTraining(updates=31, batch=8),
            recordings,
            recordings,
            tmp_path / "once",
        )


def some_renders(count: int = 6, seconds: float = 1.5) -> DryBatch:
    """Tones at three keys, with their notes."""
    rng = np.random.default_rng(0)
    rate = 22050
    time = np.arange(int(seconds * rate)) / rate
    sounds, notes = [], []
    for _ in range(count):
        made = np.zeros(len(time))
        rows = []
        for onset in (100, 500, 900):
            pitch = int(rng.choice([60, 66, 71]))
            struck = (time >= onset / 1000) & (time < onset / 1000 + 0.3)
            made += struck * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
            rows.append((onset, onset + 300, pitch, 100, 0, 0, 0))
        sounds.append(np.round(0.3 * made * 32767))
        notes.append(np.array(rows, ROLL_DTYPE))
    return DryBatch(np.array(sounds).astype(np.int16), rate, tuple(notes))


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> TranscriberSet:
    folder = tmp_path_factory.mktemp("renders")
    write_dry(folder / "train-000.dry", some_renders())
    made = transcriber_set([folder / "train-000.dry"], folder)
    # The second time from the cache.
    again = transcriber_set([folder / "train-000.dry"], folder)
    assert np.array_equal(made.levels, again.levels)
    assert np.array_equal(made.keys, again.keys)
    return made


def test_transcriber_learns_and_goes_on(renders: TranscriberSet, tmp_path: Path) -> None:
    settings = TranscriberTraining(
        updates=24, batch=2, onsets=40, rises=40, check_every=24, save_every=8, warmup=3
    )
    config = TranscriberConfig(hidden=(16,), drum_hidden=(8,))

    def run(folder: Path, *stops: int) -> TranscriberTrainer:
        folder.mkdir(exist_ok=True)
        for stop in stops:
            trainer = TranscriberTrainer(config, settings, renders, renders, folder)
            trainer.run(stop_at=stop)
        return trainer

    once = run(tmp_path / "once", 24)
    fresh = TranscriberTrainer(config, settings, renders, renders, tmp_path / "fresh")
    assert once.measure()["valid onset"] < 0.8 * fresh.measure()["valid onset"]
    twice = run(tmp_path / "twice", 10, 24)
    for mine, yours in zip(
        once.average.state_dict().values(), twice.average.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, yours)


def test_bent_spectra() -> None:
    levels = torch.full((2, 5, 306), 100.0)
    levels[:, 2] = 0
    generator = torch.Generator().manual_seed(0)
    found = bent(levels, 2.0, generator)
    assert not found[:, 2].any()
    assert found.min() >= 0
    assert found.max() <= 255
    assert float((found[:, 0] - 100).abs().mean()) > 1
    # Smooth: neighbours move alike.
    assert float(found[:, 0].diff(dim=-1).abs().max()) < 2


def test_files_of_renders(tmp_path: Path) -> None:
    batch = some_renders(2)
    path = tmp_path / "test-000.dry"
    write_dry(path, batch)
    first = path.read_bytes()
    again = read_dry(path)
    assert np.array_equal(again.sound, batch.sound)
    assert all(map(np.array_equal, again.notes, batch.notes))
    write_dry(path, batch)
    assert path.read_bytes() == first
    path.write_bytes(first[:1000])
    with pytest.raises(FormatError, match="must be a file of plain renders"):
        read_dry(path)
