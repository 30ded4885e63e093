"""Weights of the networks of sound in a file: half precision, the configuration in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from hybrid.core.errors import ConfigError
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

Network = TypeVar("Network", bound=nn.Module)


def save_network(
    network: nn.Module, config: Mapping[str, Any], path: Path, notes: Mapping[str, Any]
) -> None:
    """Write weights as float16; the same weights, the same bytes."""
    state = {
        name: value.detach().cpu().to(torch.float16).contiguous()
        for name, value in network.state_dict().items()
    }
    header = {
        "config": json.dumps(config, sort_keys=True),
        "notes": json.dumps(notes, sort_keys=True),
    }
    write_bytes(path, in_order(save(state, header)))


def load_network(
    make: Callable[[dict[str, Any]], Network], what: str, path: Path
) -> tuple[Network, dict[str, Any], str]:
    """A network in evaluation mode, the notes of its training, the SHA-256 of its file.

    Parameters
    ----------
    make : callable
        A network with fresh weights of a configuration as plain values.
    what : str
        Name of the network, for messages.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no such network.
    """
    try:
        data = path.read_bytes()
        with safe_open(str(path), "pt") as file:
            header = file.metadata()
            network = make(json.loads(header["config"]))
            notes: dict[str, Any] = json.loads(header["notes"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(state)
    except FileNotFoundError:
        raise ConfigError(f"no weights of a {what} at {path}") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} must hold a {what}'s weights: {error}") from None
    return network.eval(), notes, hashlib.sha256(data).hexdigest()
