"""Weights of the analyser in a safetensors file, with all that is needed to build it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hybrid.core.errors import FormatError
from hybrid.harmony.labels import Vocabulary
from hybrid.harmony.model import HarmonyConfig, HarmonyModel
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

FORMAT = "hybrid-harmony-1"


def save_model(path: str | Path, model: HarmonyModel, is_half: bool = True) -> None:
    """Write a model; ``is_half`` stores 16-bit floats."""
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
    """Read a model, ready to analyse (32-bit, on the processor).

    Raises
    ------
    FormatError
        If the file is missing or holds something else.
    """
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{path} must be weights in safetensors: {error}") from error
    if metadata.get("format") != FORMAT:
        raise FormatError(
            f"{path} must be of the format {FORMAT}, got {metadata.get('format', 'none')!r}"
        )
    config = HarmonyConfig(**json.loads(metadata["config"]))
    vocabulary = Vocabulary.from_rows(json.loads(metadata["vocabulary"]))
    model = HarmonyModel(config, vocabulary)
    model.load_state_dict(tensors)
    return model.eval()
