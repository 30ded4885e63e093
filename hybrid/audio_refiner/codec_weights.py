"""The codec's weights in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.shipped import CODEC_FILE, weights_file
from hybrid.io.network_weights import load_network, save_network


def save_codec(codec: Codec, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a codec's weights as float16; the same weights, the same bytes."""
    save_network(codec, codec.config.to_dict(), path, notes)


def load_codec(path: Path | None = None) -> tuple[Codec, str]:
    """A codec in evaluation mode and the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no codec.
    """
    codec, _, digest = load_network(
        lambda values: Codec(CodecConfig.from_dict(values)),
        "codec",
        path or weights_file(CODEC_FILE),
    )
    return codec, digest
