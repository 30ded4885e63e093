"""What ships of the refiner, and which way of refining is the default.

This is the only place that chooses: ``trained/refiner.json``, which `benchmarks/refiner.py` writes,
says which of `MODES` measured best on held-out pieces, and of which weights that was said. Without
it the plain effects are the default.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.core.provenance import sha256_of

#: Weights that ship with the package.
FOLDER = Path(__file__).parent / "trained"
CODEC_FILE, REFINER_FILE, RECORD_FILE = "codec.safetensors", "refiner.safetensors", "refiner.json"

#: What can refine sound: a chain of plain effects, and a network as one-pass mapper or as token
#: model.
MODES = ("effects", "mapper", "tokens")
DEFAULT_PRODUCTION = "chamber-hall"


def weights_file(name: str, folder: Path | None = None) -> Path:
    """A file of weights in a folder, or among those that ship.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    path = (folder or FOLDER) / name
    if path.exists():
        return path
    what = name.partition(".")[0]
    if folder is None:
        raise ConfigError(
            f"no weights of a {what} ship with this version: make them with `make train-audio` and "
            "name them with --weights"
        )
    raise ConfigError(f"no weights of a {what} at {path} (`make train-audio` makes some)")


def default_mode(folder: Path | None = None) -> str:
    """The mode that the shipped record says is best; ``effects`` where there is none.

    Raises
    ------
    ConfigError
        If the record is no such thing, or is of other weights than those beside it.
    """
    place = folder or FOLDER
    path = place / RECORD_FILE
    if not path.exists():
        return MODES[0]
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        best, weights = record["best"], dict(record["weights"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} must be a record of refiners: {error!r}") from None
    if best not in MODES:
        raise ConfigError(f"{path}: best must be one of {', '.join(MODES)}, got {best!r}")
    if best == MODES[0]:
        return MODES[0]
    for name, file in (("codec", CODEC_FILE), ("refiner", REFINER_FILE)):
        found = sha256_of(place / file) if (place / file).exists() else "no file"
        if weights.get(name) != found:
            raise ConfigError(
                f"{path}: the record must be of the weights beside it, got {found[:12]} for "
                f"{file}, which was {str(weights.get(name))[:12]}"
            )
    return str(best)
