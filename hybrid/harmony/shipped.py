"""The weights that ship with the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.decode import DecodeConfig


def load_analyser(weights: Sequence[Path] = ()) -> Analyser:
    """The analyser with the shipped weights, or with others.

    Raises
    ------
    ConfigError
        If no weights ship and none are named.
    FormatError
        If a file is missing or is none of ours.
    """
    if weights:
        return Analyser.load(weights)
    folder = resource_path("harmony", "trained")
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ConfigError("analysing needs weights: none ship with this version, name some")
    decoding = folder / "decoding.json"
    config = DecodeConfig(**json.loads(decoding.read_text(encoding="utf-8")))
    return Analyser.load(paths, config)
