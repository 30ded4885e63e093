"""Named styles of production: chains of effects with ranges, drawn for a piece from a seed.

A style is a TOML file: a list of effects in the order in which the sound goes through them,
each setting a number or a range ``[low, high]`` from which a piece's own value is drawn. The chain
works at a fixed loudness, so that thresholds and drives mean the same for every piece.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.audio_refiner.effects import Effect, Settings
from hybrid.audio_refiner.effects_dynamics import CompressorSettings
from hybrid.audio_refiner.effects_eq import Band, EqSettings
from hybrid.audio_refiner.effects_reverb import ReverbSettings
from hybrid.audio_refiner.effects_saturation import SaturationSettings
from hybrid.audio_refiner.effects_tape import CrushSettings, HissSettings, WobbleSettings
from hybrid.audio_refiner.effects_width import WidthSettings
from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.core.seeds import stage_rng

#: Loudness at which every chain works, LUFS.
WORKING_LUFS = -20.0

EFFECTS: dict[str, type[Settings]] = {
    settings.kind: settings
    for settings in (
        EqSettings,
        CompressorSettings,
        SaturationSettings,
        ReverbSettings,
        WidthSettings,
        WobbleSettings,
        HissSettings,
        CrushSettings,
    )
}
# Values of these units are drawn evenly over their logarithm.
_LOGARITHMIC = ("_hz", "_ms", "_seconds", "_metres")


@dataclass(frozen=True)
class Style:
    """A style of production.

    Attributes
    ----------
    name : str
    description : str
        One line.
    effects : tuple of (str, mapping)
        Kind of each effect and its settings: numbers or ranges.
    """

    name: str
    description: str
    effects: tuple[tuple[str, Mapping[str, Any]], ...]

    def draw(self, rng: np.random.Generator) -> tuple[Settings, ...]:
        """Settings of one piece: from each range one value."""
        return self._settings(lambda low, high, log: _between(low, high, rng.random(), log))

    def at(self, share: float) -> tuple[Settings, ...]:
        """Settings at the same share of every range: 0 the lower ends, 0.5 the middles."""
        return self._settings(lambda low, high, log: _between(low, high, share, log))

    def _settings(self, choose: Any) -> tuple[Settings, ...]:
        return tuple(_make(EFFECTS[kind], values, choose) for kind, values in self.effects)


def _between(low: float, high: float, share: float, logarithmic: bool) -> float:
    if logarithmic and low > 0:
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)


def _make(made: type[Settings], values: Mapping[str, Any], choose: Any) -> Settings:
    known = {field.name: field for field in fields(made)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(
                f"settings of {made.kind} must be among {', '.join(known)}, got {name!r}"
            )
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise ConfigError(f"{made.kind} must say its {name}")
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name == "bands":
            chosen[name] = tuple(_make(Band, band, choose) for band in _tables(name, value))
        elif isinstance(value, list):
            low, high = _range(made.kind, name, value)
            chosen[name] = choose(low, high, name.endswith(_LOGARITHMIC))
        else:
            chosen[name] = value
    return made(**chosen)


def _tables(name: str, value: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ConfigError(f"{name} must be a list of tables, got {value!r}")
    return value


def _range(kind: str, name: str, value: list[Any]) -> tuple[float, float]:
    numbers = len(value) == 2 and all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    )
    if not numbers or not value[0] <= value[1]:
        raise ConfigError(f"{kind}.{name} must be a number or [low, high], got {value!r}")
    return float(value[0]), float(value[1])


def parse_style(text: str, name: str) -> Style:
    """A style from the text of its file; both ends of every range are checked.

    Raises
    ------
    ConfigError
        If the text is no TOML, or a key or a value is wrong.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"style {name}: must be TOML: {error}") from error
    unknown = set(table) - {"description", "effects"}
    if unknown:
        raise ConfigError(f"style {name}: unknown key {sorted(unknown)[0]!r}")
    description = table.get("description")
    if not isinstance(description, str):
        raise ConfigError(f"style {name}: description must be a text, got {description!r}")
    effects = []
    try:
        for values in _tables("effects", table.get("effects", [])):
            rest = dict(values)
            kind = rest.pop("kind", None)
            if kind not in EFFECTS:
                raise ConfigError(f"kind must be one of {', '.join(EFFECTS)}, got {kind!r}")
            effects.append((kind, rest))
        style = Style(name, description, tuple(effects))
        for share in (0.0, 1.0):
            style.at(share)
    except ConfigError as error:
        raise ConfigError(f"style {name}: {error}") from error
    return style


def style_names() -> tuple[str, ...]:
    """Names of the styles that ship with the package.

    >>> "cathedral" in style_names()
    True
    """
    folder = resource_path("audio_refiner", "styles")
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load_style(name: str | Path) -> Style:
    """A style by its name, or from a file of one's own (``.toml``).

    Raises
    ------
    ConfigError
        If there is none, or its file is wrong.
    """
    text = str(name)
    if text.endswith(".toml"):
        path = Path(text)
        try:
            return parse_style(path.read_text(encoding="utf-8"), path.stem)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise ConfigError(f"cannot read the style {path}: {reason}") from error
    if text not in style_names():
        raise ConfigError(f"production must be one of {', '.join(style_names())}, got {text!r}")
    path = resource_path("audio_refiner", "styles", f"{text}.toml")
    return parse_style(path.read_text(encoding="utf-8"), text)


@dataclass(frozen=True)
class ProductionOptions:
    """How a sound is produced.

    Attributes
    ----------
    style : str or Style
        A name, the path of a TOML file, or a style.
    strength : float
        0..1: how far every effect goes; at 0 only the level may change.
    seed : int
        Draws the chain's settings, its room and its noise.
    loudness_lufs : float or None
        Integrated loudness of the result, -70..0; None is that of the input.
    ceiling_db : float
        True peak that the result must not exceed, dB relative to full scale, -20..0.

    Raises
    ------
    ConfigError
        If a value is out of its range or the style is unknown.
    """

    style: str | Path | Style = "chamber-hall"
    strength: float = 1.0
    seed: int = 1
    loudness_lufs: float | None = None
    ceiling_db: float = -1.0

    def __post_init__(self) -> None:
        ranges = {"strength": (0.0, 1.0), "loudness_lufs": (-70.0, 0.0), "ceiling_db": (-20.0, 0.0)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"{name} must be in {low:g}..{high:g}, got {value}")
        if not isinstance(self.style, Style):
            object.__setattr__(self, "style", load_style(self.style))

    @property
    def chosen(self) -> Style:
        assert isinstance(self.style, Style)  # made so on construction
        return self.style

    def settings(self) -> tuple[Settings, ...]:
        """The chain's settings at this strength."""
        rng = stage_rng(self.seed, "production", self.chosen.name)
        return tuple(drawn.scaled(self.strength) for drawn in self.chosen.draw(rng))

    def chain(self, sample_rate: int) -> list[Effect]:
        """New effects, ready for the first block."""
        return [
            settings.build(sample_rate, stage_rng(self.seed, "production", self.chosen.name, at))
            for at, settings in enumerate(self.settings())
        ]

    def record(self) -> list[dict[str, Any]]:
        """Every effect's kind and settings, for a provenance file."""
        return [
            {"kind": settings.kind, **asdict(settings)}  # type: ignore[call-overload]
            for settings in self.settings()
        ]
