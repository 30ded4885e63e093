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
CODEC_FILE, REFINER_FILE = "codec.safetensors", "refiner.safetensors"
MAPPER_FILE, RECORD_FILE = "mapper.safetensors", "refiner.json"

#: What can refine sound, with the weights that it needs: a chain of plain effects; a network's
#: gains before the same chain; a network that writes a codec's tokens.
WEIGHTS_OF: dict[str, tuple[str, ...]] = {
    "effects": (),
    "mapper": (MAPPER_FILE,),
    "tokens": (CODEC_FILE, REFINER_FILE),
}
MODES = tuple(WEIGHTS_OF)
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
        If the record is no such thing, or is of other weights than those beside it. Only the best
        mode's weights must be there.
    """
    place = folder or FOLDER
    path = place / RECORD_FILE
    if not path.exists():
        return MODES[0]
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        best = str(record["best"])
        weights = {str(mode): dict(each) for mode, each in record["weights"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} must be a record of refiners: {error!r}") from None
    if best not in MODES:
        raise ConfigError(f"{path}: best must be one of {', '.join(MODES)}, got {best!r}")
    for file in WEIGHTS_OF[best]:
        found = sha256_of(place / file) if (place / file).exists() else "no file"
        wanted = str(weights.get(best, {}).get(file.partition(".")[0]))
        if wanted != found:
            raise ConfigError(
                f"{path}: the record must be of the weights beside it, got {found[:12]} for "
                f"{file}, which was {wanted[:12]}"
            )
    return best
