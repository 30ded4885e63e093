"""Training the network of the exhibit ``deepbach``, resumable to the bit.

    python -m hybrid.history.deepbach_training --data DIR -o RUN [--minutes 9]

DIR holds the corpora ``bach_chorales`` and ``jsb-chorales``. Every update sees stretches of
chorales, transposed as far as each voice's range allows, and learns every voice at every
sixteenth from all that is around it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from hybrid.history.chorale_grids import ChoraleGrid, held_out_grids, kept_grids
from hybrid.history.deepbach_measures import (
    counted_losses,
    counted_models,
    harmonisations,
    network_loss,
)
from hybrid.history.deepbach_model import (
    EDGE,
    DeepBach,
    DeepBachConfig,
    encode,
    save_deepbach,
    sounding,
)
from hybrid.io.atomic import write_text
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop

#: Held-out chorales whose sopranos are harmonised to be judged, and how: as the exhibit does.
JUDGED, SWEEPS, TEMPERATURE = 6, 12, 1.0


@dataclass(frozen=True)
class DeepBachTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch : int
        Stretches of an update.
    length : int
        Sixteenths of a stretch.
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    tables : float
        Learning rate of the tables of intervals, as a multiple.
    decay : float
        Of the weights but the tables.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 1000
    batch: int = 16
    length: int = 64
    rate: float = 6e-3
    warmup: int = 50
    tables: float = 25.0
    decay: float = 0.01
    average: float = 0.98
    check_every: int = 100
    save_every: int = 100
    seed: int = 0


Piece = tuple[Tensor, Tensor, Tensor]


def tensors(grid: ChoraleGrid) -> Piece:
    """Symbols, what sounds, metadata."""
    symbols, metadata = encode(grid)
    return (
        torch.from_numpy(symbols),
        torch.from_numpy(sounding(symbols)),
        torch.from_numpy(metadata),
    )


class DeepBachTrainer(NetworkLoop[DeepBach]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : DeepBachConfig
    settings : DeepBachTraining
    train, valid : sequence of ChoraleGrid
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    start : Path, optional
        Weights to begin with.
    """

    def __init__(
        self,
        config: DeepBachConfig,
        settings: DeepBachTraining,
        train: Sequence[ChoraleGrid],
        valid: Sequence[ChoraleGrid],
        folder: Path,
        start: Path | None = None,
    ) -> None:
        super().__init__(
            config, settings, folder / "deepbach_run.safetensors", lambda: DeepBach(config)
        )
        self.config, self.settings = config, settings
        self.train = [
            [tensors(grid.moved(by)) for by in range(grid.room[0], grid.room[1] + 1)]
            for grid in train
        ]
        # Longer chorales are drawn more often.
        self.shares = torch.tensor([float(len(grid)) for grid in train])
        self.valid = [tensors(grid) for grid in valid]
        if start is not None:
            weights = load_file(str(start))
            # A network without tables of intervals begins with tables of zeros.
            for network in (self.model, self.average):
                found = network.state_dict() | {
                    name: value.float() for name, value in weights.items()
                }
                network.load_state_dict(found)
        tables = [self.model.intervals, self.model.motions]
        others = [
            value
            for value in self.model.parameters()
            if all(value is not table for table in tables)
        ]
        self.begin(
            torch.optim.AdamW(
                [
                    {"params": others, "weight_decay": settings.decay, "share": 1.0},
                    {"params": tables, "weight_decay": 0.0, "share": settings.tables},
                ],
                lr=settings.rate,
            )
        )

    def _draw(self) -> Piece:
        settings = self.settings
        rows = torch.multinomial(self.shares, settings.batch, True, generator=self.draws)
        parts: list[Piece] = []
        for row in rows.tolist():
            moves = self.train[row]
            chance = torch.rand(2, generator=self.draws)
            piece = moves[int(chance[0] * len(moves))]
            first = int(chance[1] * (len(piece[0]) - settings.length + 1))
            a, b, c = (part[first : first + settings.length] for part in piece)
            parts.append((a, b, c))
        symbols, sounds, metadata = (torch.stack(column) for column in zip(*parts, strict=True))
        return symbols, sounds, metadata

    @staticmethod
    def _nats(network: DeepBach, piece: Piece) -> Tensor:
        logits = network(*piece)
        target = piece[0][:, 1:-1]
        loss: Tensor = functional.cross_entropy(
            logits.flatten(0, 2), target.flatten().clone(), ignore_index=EDGE
        )
        return loss

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        loss = self._nats(self.model, self._draw())
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Nats for each voice and sixteenth of the chorales for validation."""
        network = self.average.eval()
        total = count = 0.0
        for piece in self.valid:
            symbols, sounds, metadata = (part[None] for part in piece)
            n_targets = int((symbols != EDGE).sum())
            total += float(self._nats(network, (symbols, sounds, metadata))) * n_targets
            count += n_targets
        return {"valid": total / count}


def train_deepbach(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Weights ``start.safetensors`` in the folder of the run are begun with, at a third of the rate.

    Returns
    -------
    Path
        The weights as they are now.
    """
    settings = DeepBachTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    train, valid = (kept_grids(data, split, output) for split in ("train", "valid"))
    print(f"{len(train)} chorales, {len(valid)} held out", flush=True)
    start = output / "start.safetensors"
    if start.exists():
        settings = replace(settings, rate=settings.rate / 3)
    trainer = DeepBachTrainer(
        DeepBachConfig(), settings, train, valid, output, start if start.exists() else None
    )
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "deepbach.safetensors"
    trainer.average.eval()
    held_out = list(held_out_grids().values())
    notes = {
        "updates": trainer.update,
        "chorales": len(train),
        "sixteenths": int(np.sum([len(grid) for grid in train])),
        "curve": trainer.columns("update", "loss", "valid"),
        "counted": counted_losses(counted_models(train), held_out),
        "held_out": network_loss(trainer.average, held_out),
        "findings": harmonisations(trainer.average, held_out[:JUDGED], SWEEPS, TEMPERATURE),
    }
    save_deepbach(trainer.average, weights, notes)
    write_text(output / "deepbach_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder of corpora", train_deepbach, arguments)


if __name__ == "__main__":
    main()
