"""Training the discrete diffusion (`hybrid.history.symbolic_diffusion_model`).

    python -m hybrid.history.symbolic_diffusion_training --data DIR -o RUN [--minutes 20]

The loss is the bound itself: a random number of tokens masked, each number as likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hybrid.history.melody_corpus import Excerpts, read_melodies
from hybrid.history.melody_ngram import count_ngram
from hybrid.history.melody_tokens import Tokens
from hybrid.history.symbolic_diffusion_model import (
    BARS,
    MaskedConfig,
    MaskedMelody,
    bound_per_token,
    masked_loss,
)
from hybrid.io.network_weights import save_network
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop


@dataclass(frozen=True)
class MaskedTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch : int
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 600
    batch: int = 16
    rate: float = 3e-3
    warmup: int = 40
    average: float = 0.98
    check_every: int = 75
    save_every: int = 300
    seed: int = 0


class MaskedTrainer(NetworkLoop[MaskedMelody]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : MaskedConfig
    settings : MaskedTraining
    train : Excerpts
    valid : Tokens, shape (B, STEPS)
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: MaskedConfig,
        settings: MaskedTraining,
        train: Excerpts,
        valid: Tokens,
        folder: Path,
    ) -> None:
        super().__init__(
            config,
            settings,
            folder / "symbolic_diffusion_run.safetensors",
            lambda: MaskedMelody(config),
        )
        self.config, self.settings = config, settings
        self.train, self.valid = train, valid
        self.begin(torch.optim.AdamW(self.model.parameters(), lr=settings.rate, weight_decay=0.01))

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, self.update])
        loss = masked_loss(self.model, self.train.draw(settings.batch, rng), rng)
        return loss, {"train": float(loss.detach())}

    def measure(self) -> dict[str, float]:
        """The bound on what is held out, with the averaged weights."""
        return {"bound": bound_per_token(self.average, self.valid, np.random.default_rng(0), 1)}


def train_masked(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = MaskedTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    melodies = read_melodies(data, output / "melodies.npz")
    held = {split: Excerpts(melodies[split], BARS).pieces[::BARS] for split in ("valid", "test")}
    train = Excerpts(melodies["train"], BARS)
    print(f"{len(train.pieces)} excerpts", flush=True)
    trainer = MaskedTrainer(MaskedConfig(), settings, train, held["valid"][:64], output)
    trainer.run(minutes=minutes, progress=tell)
    ngram = count_ngram(train.pieces)
    test = {
        "bound": bound_per_token(trainer.average, held["test"], np.random.default_rng(0), 4),
        "order 1": ngram.nats(held["test"], 1),
        "order 2": ngram.nats(held["test"], 2),
    }
    notes = {
        "updates": trainer.update,
        "test": {name: round(value, 4) for name, value in test.items()},
        "history": trainer.rounded_history(),
    }
    weights = output / "symbolic_diffusion.safetensors"
    save_network(trainer.average, trainer.config.to_dict(), weights, notes)
    print(test, flush=True)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__ or "", "folder of the corpora", train_masked, arguments)


if __name__ == "__main__":
    main()
