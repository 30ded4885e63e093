"""The network of Performance RNN: a recurrent layer that reads events and says which comes next.

References
----------
Simon, I., & Oore, S. (2017). Performance RNN: generating music with expressive timing and dynamics.
https://magenta.tensorflow.org/performance-rnn
Hochreiter, S., & Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.resources import resource_path
from hybrid.history.performance_events import (
    BEGIN,
    N_EVENTS,
    STEP_MS,
    TIME_SHIFT,
    VELOCITY,
    Events,
)
from hybrid.io.network_weights import load_network, save_network

#: Events that are told of beside the drawn one.
MOST_OTHERS = 4
#: So many events without a wait are stopped: no drummer has so many hands.
MOST_AT_ONCE = 12


@dataclass(frozen=True)
class PerformanceConfig:
    """Sizes.

    Attributes
    ----------
    embedding, hidden : int
    dropout : float
    """

    embedding: int = 48
    hidden: int = 192
    dropout: float = 0.1


class PerformanceRNN(nn.Module):
    """One long short-term memory layer between an embedding and a choice of the next event."""

    def __init__(self, config: PerformanceConfig) -> None:
        super().__init__()
        self.config = config
        self.event = nn.Embedding(N_EVENTS + 1, config.embedding)
        self.memory = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.next = nn.Linear(config.hidden, N_EVENTS)

    def forward(
        self, events: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits (B, T, N_EVENTS) of what follows each of the events (B, T), and the memory."""
        heard, state = self.memory(self.event(events), state)
        logits: Tensor = self.next(self.dropout(heard))
        return logits, state


@torch.no_grad()
def stream_losses(network: PerformanceRNN, events: Events) -> NDArray[np.float64]:
    """Minus the log chance of each event of a stream given those before, in nats; shape (T,)."""
    inputs = torch.from_numpy(np.append(BEGIN, events[:-1]))[None]
    logits, _ = network(inputs)
    target = torch.from_numpy(events)
    found: NDArray[np.float64] = functional.cross_entropy(
        logits[0].double(), target, reduction="none"
    ).numpy()
    return found


@dataclass(frozen=True)
class Choice:
    """One event: its chance, the likeliest others with theirs, and chances by kind.

    ``kinds`` has one share for each drum, then waiting, then loudness.
    """

    event: int
    chance: float
    others: tuple[tuple[int, float], ...]
    kinds: tuple[float, ...]
    is_given: bool


@dataclass
class Played:
    """A stream of events and how each was chosen."""

    choices: list[Choice] = field(default_factory=list)

    @property
    def events(self) -> list[int]:
        """The events alone."""
        return [choice.event for choice in self.choices]


@torch.no_grad()
def play(
    network: PerformanceRNN,
    primer: Sequence[int],
    seconds: float,
    temperature: float,
    rng: np.random.Generator,
) -> Played:
    """Read a primer, then draw event after event.

    Parameters
    ----------
    network : PerformanceRNN
    primer : sequence of int
        Events that are given; may be empty.
    seconds : float
        Drawn after the primer.
    temperature : float
        Below 1 likelier events are favoured.
    rng : np.random.Generator
    """
    played = Played()
    state: tuple[Tensor, Tensor] | None = None
    event, left, at_once = BEGIN, round(1000 * seconds / STEP_MS), 0
    while left > 0:
        logits, state = network(torch.tensor([[event]]), state)
        row = logits[0, 0].double().numpy().copy()
        is_given = len(played.choices) < len(primer)
        if not is_given and at_once >= MOST_AT_ONCE:
            row[:TIME_SHIFT] = row[VELOCITY:] = -np.inf
        weights = np.exp((row - row.max()) / (1.0 if is_given else temperature))
        chances = weights / weights.sum()
        if is_given:
            event = int(primer[len(played.choices)])
        else:
            event = int(rng.choice(N_EVENTS, p=chances))
        played.choices.append(_choice(event, chances, is_given))
        is_wait = TIME_SHIFT <= event < VELOCITY
        at_once = 0 if is_wait else at_once + 1
        if is_wait and not is_given:
            left -= event - TIME_SHIFT + 1
    return played


def _choice(event: int, chances: NDArray[np.float64], is_given: bool) -> Choice:
    order = np.argsort(-chances, kind="stable")[: MOST_OTHERS + 1].tolist()
    others = tuple((other, float(chances[other])) for other in order if other != event)
    kinds = (
        *chances[:TIME_SHIFT].tolist(),
        float(chances[TIME_SHIFT:VELOCITY].sum()),
        float(chances[VELOCITY:].sum()),
    )
    return Choice(event, float(chances[event]), others[:MOST_OTHERS], kinds, is_given)


# --- Weights ---------------------------------------------------------------------------------


def make_network(values: Mapping[str, Any]) -> PerformanceRNN:
    """With fresh weights, of a configuration as plain values."""
    return PerformanceRNN(PerformanceConfig(**values))


def load_performance_rnn(path: Path | None = None) -> tuple[PerformanceRNN, dict[str, Any], str]:
    """The network, the notes of its training, the SHA-256 of its file; by default the shipped one.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    place = path or resource_path("history", "trained", "performance_rnn.safetensors")
    return load_network(make_network, "performance network", place)


def save_performance_rnn(network: PerformanceRNN, path: Path, notes: Mapping[str, Any]) -> None:
    """Write the weights."""
    save_network(network, asdict(network.config), path, notes)
