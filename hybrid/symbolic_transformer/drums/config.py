"""Sizes of the groove model; readable without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.symbolic_transformer.drums.kit import N_DRUMS

BODIES = ("transformer", "gru")
#: Numbers read of each step: hit, velocity and timing of nine drums.
STEP_FEATURES = 3 * N_DRUMS
#: The steps read: before, a bar ago, the reference; each with a flag that it is there.
N_SOURCES = 3
INPUT_FEATURES = N_SOURCES * (STEP_FEATURES + 1)


@dataclass(frozen=True)
class DrumConfig:
    """Sizes of a `DrumModel`.

    Attributes
    ----------
    body : str
        One of `BODIES`.
    width, layers, heads, hidden : int
        Features of a state, layers, attention heads, inner features of a transformer's layer.
    head_width : int
        Inner features of the chained heads.
    window : int
        Steps that attention reaches back, this one included.
    dropout : float
    """

    body: str = "transformer"
    width: int = 96
    layers: int = 3
    heads: int = 4
    hidden: int = 288
    head_width: int = 64
    window: int = 128
    dropout: float = 0.15

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise ConfigError(f"body must be one of {', '.join(BODIES)}, got {self.body!r}")
        for name in ("width", "layers", "heads", "hidden", "head_width", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"width must be an even multiple of heads {self.heads}, got {self.width}"
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be in 0..1, got {self.dropout}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
