"""The file of a trained groove model: 16-bit safetensors with sizes and levels in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.core.resources import resource_path
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order
from hybrid.symbolic_transformer.drums.conditions import Levels
from hybrid.symbolic_transformer.drums.config import DrumConfig

#: The weights that ship, beside this file with their card.
SHIPPED = ("symbolic_transformer", "drums", "groove.safetensors")


@dataclass(frozen=True, eq=False)
class Weights:
    """What is learned.

    Attributes
    ----------
    config : DrumConfig
    levels : Levels
        Bounds of density and intensity that the model was trained with.
    arrays : mapping of name to np.ndarray, float32
        Names as in `DrumModel.state_dict`.
    """

    config: DrumConfig
    levels: Levels
    arrays: Mapping[str, NDArray[np.float32]]


def write_weights(weights: Weights, path: Path) -> None:
    """Write a file, whole or not at all; the same weights, the same bytes."""
    from safetensors.numpy import save

    header = {
        "config": json.dumps(weights.config.to_dict(), sort_keys=True),
        "levels": json.dumps(asdict(weights.levels), sort_keys=True),
    }
    halves = {name: array.astype(np.float16) for name, array in weights.arrays.items()}
    write_bytes(path, in_order(save(halves, header)))


def read_weights(path: str | Path | None = None) -> Weights:
    """Read a file of `write_weights`; by default the weights that ship.

    Raises
    ------
    FormatError
        If the file is none.
    """
    from safetensors import SafetensorError, safe_open

    place = resource_path(*SHIPPED) if path is None else Path(path)
    try:
        with safe_open(str(place), "np") as file:
            header: Mapping[str, Any] = file.metadata() or {}
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        config = DrumConfig(**json.loads(header["config"]))
        levels = Levels(**{k: tuple(v) for k, v in json.loads(header["levels"]).items()})
    except (OSError, KeyError, ValueError, TypeError, SafetensorError) as error:
        reason = str(error) or type(error).__name__
        raise FormatError(f"{place} must hold the weights of a groove model ({reason})") from None
    return Weights(config, levels, arrays)
