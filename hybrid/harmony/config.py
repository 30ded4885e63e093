"""Size and shape of the analyser, and what its tables stand for; read without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.harmony.labels import Vocabulary

MIN_PLACE, MAX_PLACE = -24, 28  # bins of the line of fifths
N_BINS = MAX_PLACE - MIN_PLACE + 1
WINDOW_BELOW, WINDOW_ABOVE = 10, 13  # places around a candidate tonic that it sees
N_WINDOW = WINDOW_BELOW + WINDOW_ABOVE + 1
N_TONICS = 12
#: Windows of the sequence layers, as long as the excerpts in training, and what is left unread
#: on each side where windows overlap. In longer ones the network knows keys less well.
WINDOW_FRAMES, MARGIN_FRAMES = 256, 32
N_PAIR_FLOATS = 4


@dataclass(frozen=True)
class HarmonyConfig:
    """Size and shape of the analyser.

    Attributes
    ----------
    note_size, note_layers : int
        Width and depth of the graph network.
    collect_size : int
        Channels that each note gives to its frames.
    frame_size : int
        Width of the sequence layers.
    layers : str
        Sequence layers, one word each: ``c3`` a convolution over time with dilation 3, ``a``
        self-attention over time.
    heads : int
        Of the self-attention.
    kernel : int
        Frames that a convolution sees.
    dropout : float
    label_size : int
        Width of the chord embeddings.
    """

    note_size: int = 48
    note_layers: int = 2
    collect_size: int = 24
    frame_size: int = 96
    layers: str = "c1 c2 c4 a c1 c8 a"
    heads: int = 4
    kernel: int = 7
    dropout: float = 0.2
    label_size: int = 96

    def __post_init__(self) -> None:
        for name in ("note_size", "note_layers", "collect_size", "frame_size", "label_size"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"HarmonyConfig.{name} must be positive, got {getattr(self, name)}"
                )
        if self.frame_size % (2 * self.heads):
            raise ConfigError(
                f"HarmonyConfig.frame_size must be a multiple of 2 x heads, got {self.frame_size}"
            )
        if self.kernel % 2 == 0:
            raise ConfigError(f"HarmonyConfig.kernel must be odd, got {self.kernel}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"HarmonyConfig.dropout must be in 0..1, got {self.dropout}")
        for word in self.layers.split():
            if word != "a" and not (word[:1] == "c" and word[1:].isdigit() and int(word[1:]) > 0):
                raise ConfigError(f"HarmonyConfig.layers must be words c1.. or a, got {word!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def chord_parts(vocabulary: Vocabulary) -> list[list[int]]:
    """Rows of the ten tables whose sum is the embedding of each chord, shape (10, V)."""
    columns = []
    for column in (
        [c.mode for c in vocabulary.chords],
        [(c.mode, c.of) for c in vocabulary.chords],
        [c.degree for c in vocabulary.chords],
        [c.quality for c in vocabulary.chords],
        [c.inversion for c in vocabulary.chords],
        [c.root for c in vocabulary.chords],
        [(c.root, c.quality) for c in vocabulary.chords],
        [c.bass for c in vocabulary.chords],
        [(c.of, c.degree, c.quality) for c in vocabulary.chords],
        list(vocabulary.chords),
    ):
        names = {value: place for place, value in enumerate(sorted(set(column)))}  # type: ignore[type-var]
        columns.append([names[value] for value in column])
    return columns
