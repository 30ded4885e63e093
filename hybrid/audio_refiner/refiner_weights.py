"""The refiner's weights in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.audio_refiner.refiner_model import Refiner, RefinerConfig
from hybrid.audio_refiner.shipped import REFINER_FILE, weights_file
from hybrid.io.network_weights import load_network, save_network


def save_refiner(refiner: Refiner, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a refiner's weights as float16; ``notes["codec"]`` is the SHA-256 of its codec."""
    save_network(refiner, refiner.config.to_dict(), path, notes)


def load_refiner(path: Path | None = None) -> tuple[Refiner, dict[str, Any], str]:
    """A refiner in evaluation mode, the notes of its training, the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no refiner.
    """
    return load_network(
        lambda values: Refiner(RefinerConfig.from_dict(values)),
        "refiner",
        path or weights_file(REFINER_FILE),
    )
