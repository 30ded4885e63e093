"""The grid model's weights: safetensors of 16 or 8 bits with configuration and notes inside.

In 8 bits a matrix is whole numbers -127..127 with one scale a row, half as large as in 16.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hybrid.core.errors import ConfigError, FormatError
from hybrid.io.atomic import write_bytes
from hybrid.symbolic_transformer.grid_model import GridConfig, GridTransformer

FORMAT = "hybrid grid model 1"
#: Ends the names of the scales of matrices in 8 bits.
SCALE = "/scale"


@dataclass(frozen=True, eq=False)
class GridWeights:
    """A model and what its maker noted: windows it learned with, figures, command."""

    model: GridTransformer
    notes: Mapping[str, Any]


def save_grid_model(
    path: Path,
    config: GridConfig,
    weights: Mapping[str, Tensor],
    notes: Mapping[str, Any] | None = None,
    bits: int = 16,
) -> None:
    """Write weights, whole or not at all; the same weights, the same bytes.

    Parameters
    ----------
    bits : int
        16, or 8 for matrices.
    """
    if bits not in (8, 16):
        raise ConfigError(f"bits must be 8 or 16, got {bits}")
    stored: dict[str, Tensor] = {}
    for name, value in weights.items():
        plain = value.detach().cpu().float()
        if bits == 8 and plain.dim() == 2:
            scale = (plain.abs().amax(1, keepdim=True) / 127).clamp(min=1e-8).half()
            stored[f"{name}{SCALE}"] = scale
            stored[name] = (plain / scale.float()).round().clamp(-127, 127).to(torch.int8)
        else:
            stored[name] = plain.half().contiguous()
    record = {"format": FORMAT, "config": config.to_dict(), "notes": dict(notes or {})}
    # One key: the format keeps no order among several, and the same weights are the same bytes.
    write_bytes(path, save(stored, {"record": json.dumps(record, sort_keys=True)}))


def load_grid_model(path: Path) -> GridWeights:
    """The model of a file, in 32 bits and ready to be read from.

    Raises
    ------
    FormatError
        If the file is missing, or no such model.
    """
    try:
        with safe_open(str(path), "pt") as file:
            record = json.loads((file.metadata() or {}).get("record", "{}"))
            stored = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise FormatError(f"cannot read the weights of a grid model: {path}: {error}") from error
    if record.get("format") != FORMAT:
        raise FormatError(
            f"weights must be of the format {FORMAT!r}, got {record.get('format')!r} ({path})"
        )
    tensors = {
        name: value * stored[f"{name}{SCALE}"] if f"{name}{SCALE}" in stored else value
        for name, value in stored.items()
        if not name.endswith(SCALE)
    }
    try:
        model = GridTransformer(GridConfig.from_dict(record["config"]))
        model.load_state_dict(tensors)
        notes = record["notes"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FormatError(f"weights do not fit their configuration: {error} ({path})") from error
    return GridWeights(model.eval().requires_grad_(False), notes)


__all__ = ["FORMAT", "GridWeights", "load_grid_model", "save_grid_model"]
