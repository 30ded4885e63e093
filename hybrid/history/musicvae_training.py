"""Training MusicVAE (`hybrid.history.musicvae_model`), resumable to the bit.

    python -m hybrid.history.musicvae_training --data DIR -o RUN [--minutes 20]

The loss is the reconstruction's and, times ``beta``, as much of the divergence as is above some
free nats; ``beta`` rises along a line at first, or the decoder learns to do without the point.

References
----------
Bowman, S. R., et al. (2016). Generating sentences from a continuous space. CoNLL.
arXiv:1511.06349. (the divergence's rising weight)
Kingma, D. P., et al. (2016). Improving variational inference with inverse autoregressive flow.
NeurIPS. arXiv:1606.04934. (free bits)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hybrid.history.melody_corpus import Excerpts, read_melodies
from hybrid.history.melody_ngram import count_ngram
from hybrid.history.melody_tokens import Tokens
from hybrid.history.musicvae_model import (
    BARS,
    STEPS,
    MusicVae,
    VaeConfig,
    bound_per_token,
    divergence,
)
from hybrid.io.network_weights import save_network
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop


@dataclass(frozen=True)
class VaeTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch : int
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    beta : float
        Highest weight of the divergence.
    rise : int
        Updates over which it rises from 0.
    free : float
        Nats of divergence a melody that cost nothing.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 600
    batch: int = 48
    rate: float = 5e-3
    warmup: int = 30
    beta: float = 0.2
    rise: int = 150
    free: float = 12.0
    average: float = 0.98
    check_every: int = 100
    save_every: int = 300
    seed: int = 0


class VaeTrainer(NetworkLoop[MusicVae]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : VaeConfig
    settings : VaeTraining
    train : Excerpts
    valid : Tokens, shape (B, STEPS)
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    clip = 20.0

    def __init__(
        self,
        config: VaeConfig,
        settings: VaeTraining,
        train: Excerpts,
        valid: Tokens,
        folder: Path,
    ) -> None:
        super().__init__(
            config, settings, folder / "musicvae_run.safetensors", lambda: MusicVae(config)
        )
        self.config, self.settings = config, settings
        self.train, self.valid = train, valid
        self.begin(torch.optim.Adam(self.model.parameters(), lr=settings.rate))

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        tokens = torch.from_numpy(
            self.train.draw(settings.batch, np.random.default_rng([settings.seed, self.update]))
        )
        mean, log_variance = self.model.encode(tokens)
        noise = torch.randn(mean.shape, generator=self.draws)
        logits = self.model.logits(mean + noise * (0.5 * log_variance).exp(), tokens)
        told = functional.cross_entropy(logits.transpose(1, 2), tokens) * STEPS
        kl = divergence(mean, log_variance).sum(dim=1).mean()
        beta = settings.beta * min(1.0, (self.update + 1) / settings.rise)
        loss: Tensor = told + beta * (kl - settings.free).clamp(min=0.0)
        return loss, {"train": float(told.detach()) / STEPS, "train KL": float(kl.detach()) / STEPS}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Held-out figures with the averaged weights, and tokens that come back the same."""
        figures = bound_per_token(self.average, self.valid, np.random.default_rng(0), 1)
        mean, _ = self.average.encode(torch.from_numpy(self.valid))
        again, _ = self.average.write(mean)
        return figures | {"same": float((again == self.valid).mean())}


def some(melodies: list[Tokens], bars: int, count: int) -> Tokens:
    """So many excerpts, spread evenly over all that do not overlap."""
    pieces = Excerpts(melodies, bars).pieces[::bars]
    result: Tokens = pieces[np.linspace(0, len(pieces) - 1, min(count, len(pieces))).astype(int)]
    return result


def train_vae(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = VaeTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    melodies = read_melodies(data, output / "melodies.npz")
    train = Excerpts(melodies["train"], BARS)
    print(f"{len(train.pieces)} excerpts", flush=True)
    trainer = VaeTrainer(VaeConfig(), settings, train, some(melodies["valid"], BARS, 128), output)
    trainer.run(minutes=minutes, progress=tell)
    held = some(melodies["test"], BARS, 2000)
    ngram = count_ngram(train.pieces)
    test = bound_per_token(trainer.average, held, np.random.default_rng(0))
    test |= {f"order {order}": ngram.nats(held, order) for order in (1, 2)}
    notes = {
        "updates": trainer.update,
        "test": {name: round(value, 4) for name, value in test.items()},
        "history": trainer.rounded_history(),
    }
    weights = output / "musicvae.safetensors"
    save_network(trainer.average, trainer.config.to_dict(), weights, notes)
    print(test, flush=True)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__ or "", "folder of the corpora", train_vae, arguments)


if __name__ == "__main__":
    main()
