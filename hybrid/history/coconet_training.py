"""Training the network of the exhibit ``coconet``, resumable to the bit.

    python -m hybrid.history.coconet_training --data DIR -o RUN [--minutes 9]

DIR holds the corpora ``bach_chorales`` and ``jsb-chorales``. Every update sees stretches of
chorales, transposed as far as each voice's range allows, with random holes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hybrid.history.chorale_grids import ChoraleGrid, held_out_grids, kept_grids
from hybrid.history.coconet_measures import (
    counted_losses,
    counted_models,
    harmonisations,
    held_out_loss,
    stretches,
)
from hybrid.history.coconet_model import (
    STEP,
    Coconet,
    CoconetConfig,
    eighths,
    hide,
    orderless_loss,
    save_coconet,
)
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop

#: Held-out chorales whose sopranos are harmonised to be judged, and how: as the exhibit does.
JUDGED, STEPS, TEMPERATURE = 6, 96, 0.8


@dataclass(frozen=True)
class CoconetTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch : int
        Stretches of an update.
    length : int
        Eighths of a stretch.
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

    updates: int = 700
    batch: int = 8
    length: int = 32
    rate: float = 6e-3
    warmup: int = 40
    decay: float = 0.01
    average: float = 0.98
    check_every: int = 70
    save_every: int = 70
    seed: int = 0


class CoconetTrainer(NetworkLoop[Coconet]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : CoconetConfig
    settings : CoconetTraining
    train, valid : sequence of ChoraleGrid
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: CoconetConfig,
        settings: CoconetTraining,
        train: Sequence[ChoraleGrid],
        valid: Sequence[ChoraleGrid],
        folder: Path,
    ) -> None:
        super().__init__(
            config, settings, folder / "coconet_run.safetensors", lambda: Coconet(config)
        )
        self.config, self.settings = config, settings
        long = [grid for grid in train if len(grid) >= STEP * settings.length]
        self.train = [(torch.from_numpy(eighths(grid)), grid.room) for grid in long]
        # Longer chorales are drawn more often.
        self.shares = torch.tensor([float(len(grid)) for grid in long])
        self.valid = stretches(valid, settings.length)
        for network in (self.model, self.average):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
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
            piece, (low, high) = self.train[row]
            chance = torch.rand(2, generator=self.draws)
            first = int(chance[0] * (len(piece) - settings.length + 1))
            move = low + int(chance[1] * (high - low + 1))
            parts.append(piece[first : first + settings.length] + move)
        return torch.stack(parts)

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        pitches = self._draw()
        loss = orderless_loss(self.model, pitches, hide(pitches.shape, self.draws))
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def _follow(self, average: nn.Module, live: nn.Module) -> None:
        super()._follow(average, live)
        # Means and deviations inside the network follow those of the live one.
        for kept, value in zip(average.buffers(), live.buffers(), strict=True):
            kept.copy_(value)

    def measure(self) -> dict[str, float]:
        """Nats for each voice and eighth of the chorales for validation, in random orders."""
        return {"valid": held_out_loss(self.average, self.valid[::4], 1)}


def train_coconet(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    settings = CoconetTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    train, valid = (kept_grids(data, split, output) for split in ("train", "valid"))
    print(f"{len(train)} chorales, {len(valid)} held out", flush=True)
    trainer = CoconetTrainer(CoconetConfig(), settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "coconet.safetensors"
    trainer.average.eval()
    held_out = list(held_out_grids().values())
    pieces = stretches(held_out, settings.length)
    notes = {
        "updates": trainer.update,
        "chorales": len(train),
        "curve": trainer.columns("update", "loss", "valid"),
        "counted": counted_losses(counted_models(train), pieces),
        "held_out": held_out_loss(trainer.average, pieces, 8),
        "findings": harmonisations(trainer.average, held_out[:JUDGED], STEPS, TEMPERATURE),
    }
    save_coconet(trainer.average, weights, notes)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder of corpora", train_coconet, arguments)


if __name__ == "__main__":
    main()
