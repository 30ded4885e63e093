"""From scores of keys and chords to one consistent reading.

For every frame the likeliest keys, and within each the likeliest chords, are states. A path
through them is chosen (Viterbi): it pays for each change of chord or key what the model thinks
of a change there, so labels neither flicker nor contradict one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.harmony.corpus import SPANS
from hybrid.harmony.labels import Vocabulary


@dataclass(frozen=True, eq=False)
class FrameScores:
    """What the model says of every frame. T frames, K states.

    Attributes
    ----------
    key : np.ndarray, shape (T, K), int64
        Candidate column times 2 plus mode.
    chord : np.ndarray, shape (T, K), int64
        Place in the vocabulary.
    log_probability : np.ndarray, shape (T, K), float64
        Of key and chord together.
    change : np.ndarray, shape (T, 2), float64
        Log odds that a chord, that a key begins at the frame.
    key_log_probability : np.ndarray, shape (T, 24), float64
    tonics : np.ndarray, shape (T, 12), int64
        Spelled candidate tonics.
    """

    key: NDArray[np.int64]
    chord: NDArray[np.int64]
    log_probability: NDArray[np.float64]
    change: NDArray[np.float64]
    key_log_probability: NDArray[np.float64]
    tonics: NDArray[np.int64]


@dataclass(frozen=True)
class DecodeConfig:
    """How the path is chosen.

    Attributes
    ----------
    weight : float
        Of the frames' log probabilities against the changes'.
    chord_change, key_change : float
        Added cost of a change, nats.
    odds : float
        Weight of the model's own log odds of a change.
    halved : float
        Weight of a second reading in halved note values, where the first has 1; 0 for none.
    keys : float
        Weight of the network that hears only keys, where the readings have 1; 0 for none.
    keys_from : int
        Frames (eighth notes) from which on a piece is long enough for that network.
    """

    weight: float = 0.5
    chord_change: float = 0.0
    key_change: float = 1.0
    odds: float = 0.5
    halved: float = 0.0
    keys: float = 0.0
    keys_from: int = 0

    def __post_init__(self) -> None:
        for name in ("halved", "keys", "keys_from"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    f"DecodeConfig.{name} must not be negative, got {getattr(self, name)}"
                )
        if self.weight <= 0:
            raise ConfigError(f"DecodeConfig.weight must be positive, got {self.weight}")


def decode(scores: FrameScores, config: DecodeConfig | None = None) -> NDArray[np.int64]:
    """The chosen state of every frame, shape (T,)."""
    config = config or DecodeConfig()
    n, k = scores.key.shape
    if n == 0:
        return np.zeros(0, np.int64)
    emission = config.weight * scores.log_probability
    odds = config.odds * scores.change
    # Cost of a change and of none: -log p and -log (1 - p) of the weighted odds.
    change = np.logaddexp(0, -odds) + np.array([config.chord_change, config.key_change])
    stay = np.logaddexp(0, odds)
    total = emission[0]
    back = np.zeros((n, k), np.int64)
    for step in range(1, n):
        same_key = scores.key[step - 1][:, None] == scores.key[step][None, :]
        same = same_key & (scores.chord[step - 1][:, None] == scores.chord[step][None, :])
        cost = np.where(same, stay[step, 0], change[step, 0])
        cost = cost + np.where(same_key, stay[step, 1], change[step, 1])
        ways = total[:, None] - cost
        back[step] = ways.argmax(axis=0)
        total = ways.max(axis=0) + emission[step]
    state = int(total.argmax())
    path = np.zeros(n, np.int64)
    for step in range(n - 1, -1, -1):
        path[step] = state
        state = int(back[step, state])
    return path


def path_spans(
    scores: FrameScores,
    path: NDArray[np.int64],
    vocabulary: Vocabulary,
    frame_ticks: int,
    end_ticks: int,
) -> NDArray[Any]:
    """Label spans of a path; equal neighbours become one span."""
    rows = np.arange(len(path))
    key = scores.key[rows, path]
    chord = scores.chord[rows, path]
    tonic = _steady_tonics(key, scores.tonics)
    fresh = np.ones(len(path), bool)
    fresh[1:] = (key[1:] != key[:-1]) | (chord[1:] != chord[:-1]) | (tonic[1:] != tonic[:-1])
    starts = np.flatnonzero(fresh)
    spans = np.zeros(len(starts), SPANS)
    spans["onset"] = starts * frame_ticks
    spans["end"] = np.append(starts[1:] * frame_ticks, end_ticks)
    spans["tonic"] = tonic[starts]
    table = np.array(vocabulary.rows())[chord[starts]]
    for column, name in enumerate(("mode", "of", "degree", "quality", "inversion")):
        spans[name] = table[:, column]
    return spans[spans["end"] > spans["onset"]]


def _steady_tonics(key: NDArray[np.int64], tonics: NDArray[np.int64]) -> NDArray[np.int64]:
    """The spelled tonic of each frame: one spelling for as long as a key lasts."""
    spelled = tonics[np.arange(len(key)), key // 2].copy()
    edges = np.flatnonzero(np.diff(key, prepend=key[:1] - 1, append=key[-1:] + 1))
    for first, last in pairwise(edges):
        values, counts = np.unique(spelled[first:last], return_counts=True)
        spelled[first:last] = values[counts.argmax()]
    return spelled
