"""The codec's weights in a file: half precision, the configuration in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.core.errors import ConfigError
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

SHIPPED = Path(__file__).parent / "weights" / "codec.safetensors"


def save_codec(codec: Codec, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a codec's weights as float16; the same weights, the same bytes."""
    state = {
        name: value.detach().cpu().to(torch.float16).contiguous()
        for name, value in codec.state_dict().items()
    }
    header = {
        "config": json.dumps(codec.config.to_dict(), sort_keys=True),
        "notes": json.dumps(notes, sort_keys=True),
    }
    write_bytes(path, in_order(save(state, header)))


def load_codec(path: Path | None = None) -> tuple[Codec, str]:
    """A codec in evaluation mode and the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no codec.
    """
    path = SHIPPED if path is None else path
    try:
        data = path.read_bytes()
        with safe_open(str(path), "pt") as file:
            config = CodecConfig.from_dict(json.loads(file.metadata()["config"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        codec = Codec(config)
        codec.load_state_dict(state)
    except FileNotFoundError:
        raise ConfigError(f"no weights of a codec at {path}") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} must hold a codec's weights: {error}") from None
    return codec.eval(), hashlib.sha256(data).hexdigest()
