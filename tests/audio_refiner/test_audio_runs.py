"""Whole runs on a tiny folder of pairs: codec, then refiner, then both loaded again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.audio_refiner.audio_runs import main, train_codec, train_refiner
from hybrid.audio_refiner.audio_sets import N_ROLL, pair_files, pairs, recordings, roll_features
from hybrid.audio_refiner.codec import CodecConfig
from hybrid.audio_refiner.codec_training import CodecTraining
from hybrid.audio_refiner.codec_weights import load_codec
from hybrid.audio_refiner.pairs_file import PairBatch, PairEntry, write_pairs
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.refiner_model import RefinerConfig
from hybrid.audio_refiner.refiner_training import RefinerTraining
from hybrid.audio_refiner.refiner_weights import load_refiner
from hybrid.core.errors import ConfigError

N_SAMPLES = 44100


def write_folder(folder: Path) -> Path:
    from hybrid.audio_refiner.roll import ROLL_DTYPE

    for number, split in enumerate(("train", "valid")):
        rng = np.random.default_rng(number)
        time = np.arange(N_SAMPLES) / 44100
        pitch = rng.choice([220.0, 330.0], size=(2, 2, 1))
        dry = (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)
        notes = np.array([(0, 900, 57, 80, 40, 5, 0)] * 2, dtype=ROLL_DTYPE)
        entries = tuple(
            PairEntry(f"x/{split}{n}", 0.0, style_names()[n], n, -20.0, n, 1) for n in range(2)
        )
        about = {"split": split, "sample_rate": 44100, "n_samples": N_SAMPLES}
        write_pairs(folder / f"{split}-000.pairs", PairBatch(about, entries, notes, dry, 0.5 * dry))
    return folder


def test_a_folder_of_pairs_trains_both(tmp_path: Path) -> None:
    data = write_folder(tmp_path)
    files = pair_files(data, "train")
    assert len(recordings(files)) == 4
    found = pairs(files)
    assert [pair.style for pair in found] == [0, 1]
    assert found[0].roll.shape == (44, N_ROLL)
    assert found[0].dry.shape == found[0].produced.shape == (2, N_SAMPLES)
    codec_config = CodecConfig(
        outer=8, inner=12, inner_blocks=1, n_books=2, n_entries=8, expansion=2
    )
    settings = CodecTraining(
        updates=2, batch=1, frames=4, check_every=2, critics_from=0.5, critic_size=2
    )
    run = tmp_path / "run"
    weights = train_codec(data, run, device="cpu", config=codec_config, settings=settings)
    codec, digest = load_codec(weights)
    assert codec.config == codec_config
    refiner_config = RefinerConfig(
        size=24, n_layers=1, n_heads=2, n_books=2, groups=(1, 1), window=4, rank=4
    )
    refiner_path = train_refiner(
        data,
        weights,
        run,
        device="cpu",
        config=refiner_config,
        settings=RefinerTraining(updates=2, batch=1, frames=4, check_every=2),
    )
    refiner, notes, _ = load_refiner(refiner_path)
    assert notes["codec"] == digest
    assert notes["styles"] == list(style_names())
    assert refiner.config.n_styles == len(style_names())
    assert refiner.config.latent == 12
    history = json.loads((run / "refiner_history.json").read_text())
    assert history[-1]["update"] == 2
    # Finished runs do nothing more, and give the same weights.
    before = weights.read_bytes()
    train_codec(data, run, device="cpu", config=codec_config, settings=settings)
    assert weights.read_bytes() == before


def test_notes_in_frames() -> None:
    from hybrid.audio_refiner.roll import ROLL_DTYPE

    notes = np.array([(0, 60, 60, 64, 0, 0, 0), (30, 60, 64, 127, 0, 0, 0)], dtype=ROLL_DTYPE)
    found = roll_features(notes, 4)
    assert found.shape == (4, 51)
    np.testing.assert_allclose(found[:, 0], [1 / 6, 1 / 6, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[:, 17], [1 / 6, 2 / 6, 2 / 6, 0], atol=1e-6)
    np.testing.assert_allclose(found[:, 34], [64 / 127, 1, 1, 0], atol=1e-6)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must hold files train-\*\.pairs"):
        train_codec(tmp_path, tmp_path / "run", device="cpu")
    with pytest.raises(ConfigError, match="device must be auto, cpu or cuda"):
        train_codec(tmp_path, tmp_path / "run", device="tpu")
    with pytest.raises(ConfigError, match="--codec must name"):
        main(["refiner", "--data", str(tmp_path), "-o", str(tmp_path / "run")])
    with pytest.raises(ConfigError, match="no weights of a refiner"):
        load_refiner(tmp_path / "none")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="a machine without one"):
            train_codec(tmp_path, tmp_path / "run", device="cuda")
