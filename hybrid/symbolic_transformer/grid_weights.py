"""The grid model's weights: 16-bit safetensors with configuration and temperature inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hybrid.core.errors import FormatError
from hybrid.io.atomic import write_bytes
from hybrid.symbolic_transformer.grid_model import GridConfig, GridTransformer

FORMAT = "hybrid grid model 1"


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
) -> None:
    """Write weights in 16 bits, whole or not at all; the same weights, the same bytes."""
    halves = {name: value.detach().cpu().half().contiguous() for name, value in weights.items()}
    record = {"format": FORMAT, "config": config.to_dict(), "notes": dict(notes or {})}
    # One key: the format keeps no order among several, and the same weights are the same bytes.
    write_bytes(path, save(halves, {"record": json.dumps(record, sort_keys=True)}))


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
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise FormatError(f"cannot read the weights of a grid model: {path}: {error}") from error
    if record.get("format") != FORMAT:
        raise FormatError(
            f"weights must be of the format {FORMAT!r}, got {record.get('format')!r} ({path})"
        )
    try:
        model = GridTransformer(GridConfig.from_dict(record["config"]))
        model.load_state_dict(tensors)
        notes = record["notes"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FormatError(f"weights do not fit their configuration: {error} ({path})") from error
    return GridWeights(model.eval().requires_grad_(False), notes)


__all__ = ["FORMAT", "GridWeights", "load_grid_model", "save_grid_model"]
