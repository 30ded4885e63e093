"""The whole state of a training run in one safetensors file, so that it goes on to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hybrid.core.errors import ConfigError
from hybrid.io.atomic import atomic_file


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, tuple[torch.optim.Optimizer, nn.Module]],
    tensors: Mapping[str, Tensor],
    record: Mapping[str, Any],
) -> None:
    """Write a run's state, whole or not at all.

    Parameters
    ----------
    modules : mapping
        Whose parameters and buffers are kept, by name; also those buffers that weights leave out.
    optimisers : mapping
        Each with the module whose parameters it moves.
    tensors : mapping
        Whatever else is to be kept, random states among them.
    record : mapping
        Plain values; goes into the file's header.
    """
    held: dict[str, Tensor] = {f"other/{name}": value for name, value in tensors.items()}
    for name, module in modules.items():
        for key, value in [*module.named_parameters(), *module.named_buffers()]:
            held[f"module/{name}/{key}"] = value
    for name, (optimiser, module) in optimisers.items():
        for key, parameter in module.named_parameters():
            for part, value in optimiser.state.get(parameter, {}).items():
                held[f"optimiser/{name}/{key}/{part}"] = value
    with atomic_file(path) as place:
        save_file(
            {name: value.detach().cpu().contiguous().clone() for name, value in held.items()},
            str(place),
            {"record": json.dumps(record)},
        )


def load_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, tuple[torch.optim.Optimizer, nn.Module]],
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Put a state back; returns the other tensors and the record.

    Raises
    ------
    ConfigError
        If the file cannot be read or belongs to other modules.
    """
    try:
        with safe_open(str(path), "pt") as file:
            record: dict[str, Any] = json.loads(file.metadata()["record"])
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"cannot read the checkpoint {path}: {error}") from error
    try:
        for name, module in modules.items():
            for key, value in [*module.named_parameters(), *module.named_buffers()]:
                with torch.no_grad():
                    value.copy_(held[f"module/{name}/{key}"])
        for name, (optimiser, module) in optimisers.items():
            for key, parameter in module.named_parameters():
                prefix = f"optimiser/{name}/{key}/"
                state = {
                    full.removeprefix(prefix): value
                    if full.endswith("/step")
                    else value.to(parameter.device)
                    for full, value in held.items()
                    if full.startswith(prefix)
                }
                if state:
                    optimiser.state[parameter] = state
    except (KeyError, RuntimeError) as error:
        raise ConfigError(f"the checkpoint {path} belongs to another model: {error}") from error
    others = {
        name.removeprefix("other/"): value
        for name, value in held.items()
        if name.startswith("other/")
    }
    return others, record
