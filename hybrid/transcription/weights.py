"""The transcriber's weights in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.io.network_weights import load_network, save_network
from hybrid.transcription.network import Transcriber, TranscriberConfig

WEIGHTS = Path(__file__).parent / "trained" / "transcriber.safetensors"


def load_transcriber(path: Path | None = None) -> tuple[Transcriber, dict[str, Any], str]:
    """The network in evaluation mode, notes of its training, the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no transcriber.
    """
    return load_network(
        lambda values: Transcriber(TranscriberConfig.from_dict(values)),
        "transcriber",
        path or WEIGHTS,
    )


def save_transcriber(network: Transcriber, path: Path, notes: Mapping[str, Any]) -> None:
    """Write weights as float16; the same weights, the same bytes."""
    save_network(network, network.config.to_dict(), path, notes)
