"""The weights that ship with the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.decode import DecodeConfig

#: Name of the weights that hear only keys.
_KEYS = "keys"


def load_analyser(weights: Sequence[Path] = ()) -> Analyser:
    """The analyser with the shipped weights, or with others; both read in the shipped way.

    Raises
    ------
    ConfigError
        If no weights ship and none are named.
    FormatError
        If a file is missing or is none of ours.
    """
    paths = list(weights) or _shipped_networks()
    if not paths:
        raise ConfigError("analysing needs weights: none ship with this version, name some")
    decoding = resource_path("harmony", "trained") / "decoding.json"
    config = DecodeConfig(**json.loads(decoding.read_text(encoding="utf-8")))
    keys = [path for path in shipped_weights() if path.stem == _KEYS]
    return Analyser.load(paths, config, keys[0] if keys else None)


def shipped_weights() -> list[Path]:
    """Files of all weights that ship, in order: the analyser's, and those that hear only keys."""
    return sorted(resource_path("harmony", "trained").glob("*.safetensors"))


def _shipped_networks() -> list[Path]:
    return [path for path in shipped_weights() if path.stem != _KEYS]
