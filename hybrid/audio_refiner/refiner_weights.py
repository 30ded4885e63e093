"""The refiner's weights in a file: half precision, the configuration in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hybrid.audio_refiner.refiner_model import Refiner, RefinerConfig
from hybrid.core.errors import ConfigError
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

SHIPPED = Path(__file__).parent / "weights" / "refiner.safetensors"


def save_refiner(refiner: Refiner, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a refiner's weights as float16; ``notes["codec"]`` is the SHA-256 of its codec."""
    state = {
        name: value.detach().cpu().to(torch.float16).contiguous()
        for name, value in refiner.state_dict().items()
    }
    header = {
        "config": json.dumps(refiner.config.to_dict(), sort_keys=True),
        "notes": json.dumps(notes, sort_keys=True),
    }
    write_bytes(path, in_order(save(state, header)))


def load_refiner(path: Path | None = None) -> tuple[Refiner, dict[str, Any], str]:
    """A refiner in evaluation mode, the notes of its training, the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no refiner.
    """
    path = SHIPPED if path is None else path
    try:
        data = path.read_bytes()
        with safe_open(str(path), "pt") as file:
            header = file.metadata()
            config = RefinerConfig.from_dict(json.loads(header["config"]))
            notes: dict[str, Any] = json.loads(header["notes"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        refiner = Refiner(config)
        refiner.load_state_dict(state)
    except FileNotFoundError:
        raise ConfigError(f"no weights of a refiner at {path}") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} must hold a refiner's weights: {error}") from None
    return refiner.eval(), notes, hashlib.sha256(data).hexdigest()
