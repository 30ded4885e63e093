"""A codec and a refiner of the real classes at tiny size with random weights, as files."""

from __future__ import annotations

from pathlib import Path

import torch

from hybrid.audio_refiner.audio_sets import N_ROLL
from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.codec_weights import load_codec, save_codec
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.refiner_model import Refiner, RefinerConfig
from hybrid.audio_refiner.refiner_weights import save_refiner

CODEC = CodecConfig(outer=8, inner=12, n_books=3, n_entries=16, code_size=4, inner_blocks=1)
REFINER = RefinerConfig(
    size=16,
    n_layers=2,
    n_heads=2,
    latent=12,
    n_roll=N_ROLL,
    n_books=3,
    n_entries=16,
    groups=(1, 2),
    window=4,
    rank=4,
)


def write_small_refiner(folder: Path) -> Path:
    """Write ``codec.safetensors`` and ``refiner.safetensors`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_codec(Codec(CODEC), folder / "codec.safetensors", {})
    digest = load_codec(folder / "codec.safetensors")[1]
    notes = {"codec": digest, "styles": list(style_names())}
    save_refiner(Refiner(REFINER), folder / "refiner.safetensors", notes)
    return folder
