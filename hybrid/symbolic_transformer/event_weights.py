"""The note model's weights: reading what is shipped, and making that from a checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.errors import ConfigError, FormatError, HybridError

if TYPE_CHECKING:
    from hybrid.symbolic_transformer.event_model import EventTransformer

#: Shipped with the package.
DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "notes.safetensors"
FORMAT = "hybrid event model 1"


@dataclass(frozen=True)
class WeightsInfo:
    """What a file of weights is: its name, hash, configuration and what its maker noted."""

    name: str
    sha256: str
    config: Mapping[str, Any]
    notes: Mapping[str, Any]


def load_event_model(path: str | Path | None = None) -> EventTransformer:
    """The note model, on the CPU, ready to be asked.

    Parameters
    ----------
    path : str or Path, optional
        A file that `save_event_model` wrote; what is shipped where left out.

    Returns
    -------
    EventTransformer
        In float32 and evaluation mode. Its attribute ``info`` is the file's `WeightsInfo`, for
        provenance.

    Raises
    ------
    ConfigError
        If the file is missing.
    FormatError
        If it is no such file, or its weights do not fit its configuration.
    """
    place = Path(path) if path is not None else DEFAULT_WEIGHTS
    if not place.is_file():
        what = "" if path is not None else " (weights of the note model are not installed)"
        raise ConfigError(f"weights must be a file, got {place}{what}")
    return _load(place.resolve(), place.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _load(place: Path, changed: int) -> EventTransformer:
    del changed  # part of the key only
    import torch
    from safetensors import SafetensorError, safe_open

    from hybrid.symbolic_transformer.event_model import EventConfig, EventTransformer

    try:
        with safe_open(str(place), framework="pt") as archive:
            header = json.loads((archive.metadata() or {}).get("hybrid", "{}"))
            state = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"cannot read weights from {place}: {error}") from error
    if header.get("format") != FORMAT:
        raise FormatError(
            f"weights must be of the format {FORMAT!r}, got {header.get('format')!r} ({place})"
        )
    try:
        config = header["config"]
        model = EventTransformer(EventConfig.from_dict(config))
        model.load_state_dict({name: value.to(torch.float32) for name, value in state.items()})
    except (KeyError, TypeError, ValueError, RuntimeError, HybridError) as error:
        raise FormatError(f"weights do not fit their configuration: {error} ({place})") from error
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    model.info = WeightsInfo(place.name, digest, config, header.get("notes", {}))
    return model.eval().requires_grad_(False)


def save_event_model(
    model: EventTransformer, path: str | Path, notes: Mapping[str, Any] | None = None
) -> str:
    """Write a model's weights as float16, whole or not at all.

    Returns
    -------
    str
        The file's sha256.
    """
    import torch
    from safetensors.torch import save

    from hybrid.io.atomic import write_bytes

    state = {
        name: value.detach().to(torch.float16).contiguous()
        for name, value in model.state_dict().items()
    }
    header = {"format": FORMAT, "config": model.config.to_dict(), "notes": dict(notes or {})}
    # One entry: several would come in any order, and the same weights as other bytes.
    metadata = {"hybrid": json.dumps(header, sort_keys=True)}
    content = save(state, metadata)
    write_bytes(Path(path), content)
    return hashlib.sha256(content).hexdigest()


def convert_checkpoint(
    checkpoint: str | Path, path: str | Path, notes: Mapping[str, Any] | None = None
) -> str:
    """Make a file of weights from a training checkpoint.

    Parameters
    ----------
    checkpoint : str or Path
        What `torch.save` wrote: a dict with ``config`` (`EventConfig.to_dict`) and ``state``
        (parameters by name).
    path : str or Path
    notes : mapping, optional
        Kept in the file: training figures, data, licence.

    Returns
    -------
    str
        The file's sha256.

    Raises
    ------
    FormatError
        If the checkpoint cannot be read or does not fit its configuration.
    """
    import torch

    from hybrid.symbolic_transformer.event_model import EventConfig, EventTransformer

    try:
        found = torch.load(Path(checkpoint), map_location="cpu", weights_only=True)
        model = EventTransformer(EventConfig.from_dict(found["config"]))
        state = {name: value.to(torch.float32) for name, value in found["state"].items()}
        model.load_state_dict(state)
    except Exception as error:
        raise FormatError(f"cannot read a checkpoint from {checkpoint}: {error}") from error
    return save_event_model(model, path, notes)


__all__ = [
    "DEFAULT_WEIGHTS",
    "WeightsInfo",
    "convert_checkpoint",
    "load_event_model",
    "save_event_model",
]
