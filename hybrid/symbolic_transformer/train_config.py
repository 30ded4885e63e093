"""How to train a note model: the settings of a run, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path

KINDS = ("events", "grid")
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run.

    Attributes
    ----------
    kind : str
        ``events`` (`EventTransformer`) or ``grid`` (`GridTransformer`).
    mixture : mapping
        Corpora, and the share of a batch that each gets. Where ``epochs`` is set, the first
        corpus' share follows it and the others share the rest.
    model : mapping
        Fields of `EventConfig` or `GridConfig`; ``trunk`` holds those of `TrunkConfig`.
    updates : int
        Steps of the optimiser.
    batch, window : int
        Pieces a batch, and events or steps of each.
    rate : float
        Highest learning rate; it rises for ``warmup`` updates, then falls along a cosine.
    warmup : int
    decay : float
        Weight decay of matrices.
    average : float
        Of the moving average of the weights, which is what is kept.
    clip : float
        Greatest norm of the gradient.
    check_every, save_every : int
        Updates between measurements and between checkpoints.
    seed : int
    precision : str
        ``bf16`` computes products in 16 bits where the processor is quick at it.
    epochs : float
        How often the first corpus is seen in all; 0 to go by its share.
    early, turn : float
        Its share before the part ``turn`` of the run, as a part of the last share, which it
        then approaches along a line.
    """

    kind: str
    mixture: Mapping[str, float]
    model: Mapping[str, Any] = field(default_factory=dict)
    updates: int = 2000
    batch: int = 16
    window: int = 256
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.1
    average: float = 0.998
    clip: float = 1.0
    check_every: int = 200
    save_every: int = 200
    seed: int = 1
    precision: str = "fp32"
    epochs: float = 0.0
    early: float = 1.0
    turn: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}"
            )
        for name in ("updates", "batch", "window", "check_every", "save_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("average", "early", "turn"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if self.rate <= 0:
            raise ConfigError(f"rate must be above 0, got {self.rate}")
        if not self.mixture or any(share <= 0 for share in self.mixture.values()):
            raise ConfigError(f"mixture must give shares above 0, got {dict(self.mixture)}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "configuration") -> TrainConfig:
        """Settings from plain values.

        Raises
        ------
        ConfigError
            If a key is unknown or missing, or a value out of range.
        """
        known = {item.name: item for item in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(f"{where}: unknown key {name!r}; known are {', '.join(known)}")
        for name, item in known.items():
            required = item.default is MISSING and item.default_factory is MISSING
            if required and name not in values:
                raise ConfigError(f"{where}: {name} must be given")
        return cls(**values)


def read_train_config(source: str | Path) -> TrainConfig:
    """Settings from a preset's name or a TOML file.

    Raises
    ------
    ConfigError
        If there is none, or it cannot be used.

    Examples
    --------
    >>> read_train_config("notes").kind
    'events'
    """
    text = str(source)
    path = Path(source) if text.endswith(".toml") else None
    if path is None:
        if text not in presets():
            raise ConfigError(f"preset must be one of {', '.join(presets())}, got {text!r}")
        path = resource_path("symbolic_transformer", "presets", f"{text}.toml")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    return TrainConfig.from_dict(values, str(path))


def presets() -> tuple[str, ...]:
    """Names of the presets that ship with the package."""
    folder = resource_path("symbolic_transformer", "presets")
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


__all__ = ["KINDS", "TrainConfig", "presets", "read_train_config"]
