"""Weights of the analyser in a safetensors file, with all that is needed to build it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hybrid.core.errors import FormatError
from hybrid.harmony.config import HarmonyConfig
from hybrid.harmony.labels import Vocabulary
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

if TYPE_CHECKING:
    from hybrid.harmony.model import HarmonyModel

FORMAT = "hybrid-harmony-1"


def save_model(path: str | Path, model: HarmonyModel, is_half: bool = True) -> None:
    """Write a model; ``is_half`` stores 16-bit floats."""
    import torch
    from safetensors.torch import save

    kind = torch.float16 if is_half else torch.float32
    tensors = {
        name: value.detach().to("cpu", kind).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(model.config.to_dict()),
        "vocabulary": json.dumps(model.vocabulary.rows()),
    }
    write_bytes(Path(path), in_order(save(tensors, metadata)))


def load_model(path: str | Path) -> HarmonyModel:
    """Read a model for training or for a device (32-bit, on the processor).

    Raises
    ------
    FormatError
        If the file is missing or holds something else.
    """
    import torch

    from hybrid.harmony.model import HarmonyModel

    config, vocabulary, tensors = read_weights(path)
    model = HarmonyModel(config, vocabulary)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.eval()


def read_weights(
    path: str | Path,
) -> tuple[HarmonyConfig, Vocabulary, dict[str, NDArray[np.float32]]]:
    """Shape, chords and 32-bit tensors of a file, without torch.

    Raises
    ------
    FormatError
        If the file is missing or holds something else.
    """
    try:
        with safe_open(str(path), "np") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in names}
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{path} must be weights in safetensors: {error}") from error
    if metadata.get("format") != FORMAT:
        raise FormatError(
            f"{path} must be of the format {FORMAT}, got {metadata.get('format', 'none')!r}"
        )
    config = HarmonyConfig(**json.loads(metadata["config"]))
    return config, Vocabulary.from_rows(json.loads(metadata["vocabulary"])), tensors
