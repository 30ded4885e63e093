"""Settings of a training run, and the presets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hybrid.harmony.config import HarmonyConfig
from hybrid.harmony.examples import Mixture


@dataclass(frozen=True)
class Thinning:
    """What is left out of an excerpt at random.

    Attributes
    ----------
    note : float
        Probability that an excerpt loses notes; then a share up to ``share`` of them.
    share : float
    track : float
        Probability that a track is left out where others remain.
    register : float
        Standard deviation of the shift of register, in octaves.
    """

    note: float = 0.5
    share: float = 0.25
    track: float = 0.1
    register: float = 0.5


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes
    ----------
    excerpts, frames : int
        Excerpts in a batch, and frames (eighths) in an excerpt.
    rate, decay : float
        Peak learning rate and weight decay of AdamW.
    warmup_steps : int
    smoothing : float
        Of chord labels.
    key_weight, chord_weight, change_weight, tone_weight : float
        Of the four losses.
    with_gpl : bool
        Whether groups under the GPL take part; never for weights that are shipped.
    """

    model: HarmonyConfig = field(default_factory=HarmonyConfig)
    mixture: Mixture = field(default_factory=Mixture)
    thinning: Thinning = field(default_factory=Thinning)
    excerpts: int = 32
    frames: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    warmup_steps: int = 100
    smoothing: float = 0.05
    key_weight: float = 1.0
    chord_weight: float = 1.0
    change_weight: float = 0.3
    tone_weight: float = 0.2
    with_gpl: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


#: Runs worth trying, by name.
PRESETS: dict[str, TrainConfig] = {
    "base": TrainConfig(),
    "wide": TrainConfig(model=HarmonyConfig(note_size=64, frame_size=128, dropout=0.3)),
    "plain": TrainConfig(mixture=Mixture(textures=0.0, n_textures=0)),
    "conv": TrainConfig(model=HarmonyConfig(layers="c1 c2 c4 c8 c16 c1 c4")),
    "dropout": TrainConfig(model=HarmonyConfig(dropout=0.35)),
    # For going on from trained weights on a processor: many small steps.
    "small": TrainConfig(excerpts=4, rate=5e-4),
    "long": TrainConfig(excerpts=16, frames=512),
    "even": TrainConfig(mixture=Mixture(balance=0.3)),
    "gpl": TrainConfig(with_gpl=True),
    "smoke": TrainConfig(
        model=HarmonyConfig(
            note_size=16, collect_size=12, frame_size=16, layers="c1 a", heads=2, label_size=16
        ),
        mixture=Mixture(n_textures=1),
        excerpts=4,
        frames=64,
        warmup_steps=5,
    ),
}
