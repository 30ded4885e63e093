"""Training the continuous diffusion (`hybrid.history.symbolic_diffusion_latent`).

    python -m hybrid.history.symbolic_diffusion_latent_training --data DIR -o RUN

MusicVAE (the shipped weights) encodes eight bars of melody as four points; the network learns to
name the noise in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hybrid.history import musicvae_model as vae_model
from hybrid.history.melody_corpus import Excerpts, read_melodies
from hybrid.history.melody_tokens import Tokens
from hybrid.history.symbolic_diffusion_latent import (
    POINTS,
    LatentConfig,
    LatentDenoiser,
    bound_per_token,
    noise_loss,
    points_bound,
)
from hybrid.history.symbolic_diffusion_model import BARS
from hybrid.io.network_weights import save_network
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop


@dataclass(frozen=True)
class LatentTraining:
    """Settings of a run.

    Attributes
    ----------
    pieces : int
        Excerpts of eight bars that are encoded, each moved by a chance interval.
    updates, batch : int
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    pieces: int = 2000
    updates: int = 300
    batch: int = 64
    rate: float = 2e-3
    warmup: int = 40
    average: float = 0.98
    check_every: int = 60
    save_every: int = 300
    seed: int = 0


@torch.no_grad()
def encode_pieces(vae: vae_model.MusicVae, tokens: Tokens) -> tuple[Tensor, Tensor]:
    """Means and deviations (B, POINTS, D) of pieces (B, STEPS)."""
    means, deviations = [], []
    for part in np.array_split(tokens.reshape(-1, vae_model.STEPS), max(1, len(tokens) // 64)):
        mean, log_variance = vae.encode(torch.from_numpy(part))
        means.append(mean)
        deviations.append((0.5 * log_variance).exp())
    shape = (len(tokens), POINTS, -1)
    return torch.cat(means).view(shape), torch.cat(deviations).view(shape)


class LatentTrainer(NetworkLoop[LatentDenoiser]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : LatentConfig
    settings : LatentTraining
    train, valid : pair of Tensor, (B, POINTS, D)
        Means and deviations.
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: LatentConfig,
        settings: LatentTraining,
        train: tuple[Tensor, Tensor],
        valid: tuple[Tensor, Tensor],
        folder: Path,
    ) -> None:
        super().__init__(
            config,
            settings,
            folder / "symbolic_diffusion_latent_run.safetensors",
            lambda: LatentDenoiser(config),
        )
        self.config, self.settings = config, settings
        self.train, self.valid = train, valid
        self.model.centre.copy_(train[0].mean(dim=(0, 1)))
        # Rounded as in the file of weights, so that the bound is the same with those.
        self.model.centre.copy_(self.model.centre.half().float())
        spread = (train[0].var(dim=(0, 1)) + (train[1] ** 2).mean(dim=(0, 1))).sqrt()
        self.model.scale.copy_(spread.half().float())
        self.begin(torch.optim.AdamW(self.model.parameters(), lr=settings.rate, weight_decay=0.01))

    def _points(self, held: tuple[Tensor, Tensor], which: Tensor) -> Tensor:
        mean, deviation = held[0][which], held[1][which]
        noise = torch.randn(mean.shape, generator=self.draws)
        return (mean + deviation * noise - self.model.centre) / self.model.scale

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        which = torch.randint(len(self.train[0]), (settings.batch,), generator=self.draws)
        loss = noise_loss(self.model, self._points(self.train, which), self.draws)
        return loss, {"train": float(loss.detach())}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Bound on the points' negative log density, nats a number, with the averaged weights."""
        mean, deviation = self.valid
        rng = np.random.default_rng(0)
        noise = torch.from_numpy(rng.standard_normal(mean.shape)).float()
        points = (mean + deviation * noise - self.average.centre) / self.average.scale
        bound = points_bound(self.average, points, rng).mean() / points[0].numel()
        return {"density": float(bound)}


def train_latent(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = LatentTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    vae = vae_model.load_vae()[0]
    melodies = read_melodies(data, output / "melodies.npz")
    held = {split: Excerpts(melodies[split], BARS).pieces[::BARS] for split in ("valid", "test")}
    drawn = Excerpts(melodies["train"], BARS).draw(
        settings.pieces, np.random.default_rng(settings.seed)
    )
    train = encode_pieces(vae, drawn)
    print(f"{len(train[0])} excerpts", flush=True)
    valid = encode_pieces(vae, held["valid"][:24])
    config = LatentConfig(d_latent=vae.config.d_latent)
    trainer = LatentTrainer(config, settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    test = bound_per_token(trainer.average, vae, held["test"][::10], np.random.default_rng(0))
    notes = {
        "updates": trainer.update,
        "test": {name: round(value, 4) for name, value in test.items()},
        "history": trainer.rounded_history(),
    }
    weights = output / "symbolic_diffusion_latent.safetensors"
    save_network(trainer.average, trainer.config.to_dict(), weights, notes)
    print(test, flush=True)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__ or "", "folder of the corpora", train_latent, arguments)


if __name__ == "__main__":
    main()
