"""Training the network of the exhibit ``performance-rnn``, resumable to the bit.

    python -m hybrid.history.performance_rnn_training --data DIR -o RUN [--minutes 9]

DIR holds the corpus ``groove``. Every update sees stretches of performances, slower or faster by
up to a tenth and louder or softer by a step or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hybrid.history.counted import Codes, Counted
from hybrid.history.performance_events import (
    BEGIN,
    N_EVENTS,
    VELOCITY,
    Events,
    Groove,
    encode,
    held_out_grooves,
    read_grooves,
    stretched,
)
from hybrid.history.performance_rnn_model import (
    PerformanceConfig,
    PerformanceRNN,
    save_performance_rnn,
    stream_losses,
)
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop

#: Factors of the lengths of time.
STRETCHES = (0.9, 0.95, 1.0, 1.05, 1.1)
#: Levels of loudness that are added.
MOST_LOUDER = 2
#: Events that the counted model remembers.
ORDER = 2


@dataclass(frozen=True)
class PerformanceTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch : int
        Stretches of an update.
    length : int
        Events of a stretch.
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    decay : float
        Of the weights.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 200
    batch: int = 16
    length: int = 192
    rate: float = 8e-3
    warmup: int = 20
    decay: float = 0.01
    average: float = 0.95
    check_every: int = 25
    save_every: int = 25
    seed: int = 0


class PerformanceTrainer(NetworkLoop[PerformanceRNN]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : PerformanceConfig
    settings : PerformanceTraining
    train, valid : sequence of Groove
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: PerformanceConfig,
        settings: PerformanceTraining,
        train: Sequence[Groove],
        valid: Sequence[Groove],
        folder: Path,
    ) -> None:
        super().__init__(
            config,
            settings,
            folder / "performance_rnn_run.safetensors",
            lambda: PerformanceRNN(config),
        )
        self.config, self.settings = config, settings
        streams = [
            [np.append(BEGIN, encode(stretched(groove.hits, factor))) for factor in STRETCHES]
            for groove in train
        ]
        self.train = [row for row in streams if min(map(len, row)) > settings.length]
        # Longer performances are drawn more often.
        self.shares = torch.tensor([float(len(row[0])) for row in self.train])
        self.valid = [encode(groove.hits)[: 4 * settings.length] for groove in valid]
        self.begin(
            torch.optim.AdamW(
                self.model.parameters(), lr=settings.rate, weight_decay=settings.decay
            )
        )

    def _draw(self) -> Tensor:
        settings = self.settings
        rows = torch.multinomial(self.shares, settings.batch, True, generator=self.draws)
        parts = []
        for row in rows.tolist():
            chance = torch.rand(3, generator=self.draws).tolist()
            stream = self.train[row][int(chance[0] * len(STRETCHES))]
            first = int(chance[1] * (len(stream) - settings.length))
            part = stream[first : first + settings.length + 1].copy()
            louder = int(chance[2] * (2 * MOST_LOUDER + 1)) - MOST_LOUDER
            levels = (part >= VELOCITY) & (part < N_EVENTS)
            part[levels] = np.clip(part[levels] + louder, VELOCITY, N_EVENTS - 1)
            parts.append(torch.from_numpy(part))
        return torch.stack(parts)

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        events = self._draw()
        logits, _ = self.model(events[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), events[:, 1:].flatten())
        return loss, {"loss": float(loss.detach())}

    def measure(self) -> dict[str, float]:
        """Nats for each event of the performances for validation."""
        self.average.eval()
        return {"valid": network_loss(self.average, self.valid)}


# --- Measures --------------------------------------------------------------------------------


def network_loss(network: PerformanceRNN, streams: Sequence[Events]) -> float:
    """Mean nats for each event."""
    return float(np.concatenate([stream_losses(network, events) for events in streams]).mean())


def _contexts(streams: Sequence[Events]) -> tuple[Codes, Codes]:
    """The events before each, none to `ORDER` of them, as codes (N, ORDER + 1), and the events."""
    rows = []
    for events in streams:
        code = np.zeros(len(events), dtype=np.int64)
        columns = [code]
        for back in range(1, ORDER + 1):
            before = np.concatenate([np.full(back, BEGIN), events])[: len(events)]
            code = code * (N_EVENTS + 1) + before
            columns.append(code)
        rows.append(np.stack(columns, axis=1))
    return np.concatenate(rows), np.concatenate(streams)


def counted_model(grooves: Sequence[Groove]) -> Counted:
    """Witten-Bell counts of an event given the two before, from the same stretched performances."""
    streams = [encode(stretched(groove.hits, factor)) for groove in grooves for factor in STRETCHES]
    return Counted(*_contexts(streams), N_EVENTS)


def counted_loss(model: Counted, streams: Sequence[Events]) -> float:
    """Mean nats for each event."""
    return float(model.losses(*_contexts(streams)).mean())


def train_performance_rnn(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    settings = PerformanceTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    train, valid = (list(read_grooves(data, split)) for split in ("train", "validation"))
    print(f"{len(train)} performances, {len(valid)} held out", flush=True)
    trainer = PerformanceTrainer(PerformanceConfig(), settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "performance_rnn.safetensors"
    trainer.average.eval()
    held_out = [encode(groove.hits) for groove in held_out_grooves().values()]
    model = counted_model(train)
    name = f"the {ORDER} events before"
    notes = {
        "updates": trainer.update,
        "performances": len(train),
        "hours": round(sum(groove.seconds for groove in train) / 3600, 2),
        "curve": trainer.columns("update", "loss", "valid"),
        "counted": {name: counted_loss(model, held_out)},
        "counted_valid": {name: counted_loss(model, trainer.valid)},
        "held_out": network_loss(trainer.average, held_out),
    }
    save_performance_rnn(trainer.average, weights, notes)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder of corpora", train_performance_rnn, arguments)


if __name__ == "__main__":
    main()
