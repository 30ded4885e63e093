"""The mapper's weights in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.audio_refiner.mapper_model import Mapper, MapperConfig
from hybrid.audio_refiner.shipped import MAPPER_FILE, weights_file
from hybrid.io.network_weights import load_network, save_network


def save_mapper(mapper: Mapper, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a mapper's weights as float16."""
    save_network(mapper, mapper.config.to_dict(), path, notes)


def load_mapper(path: Path | None = None) -> tuple[Mapper, dict[str, Any], str]:
    """A mapper in evaluation mode, the notes of its training, the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no mapper.
    """
    return load_network(
        lambda values: Mapper(MapperConfig.from_dict(values)),
        "mapper",
        path or weights_file(MAPPER_FILE),
    )
