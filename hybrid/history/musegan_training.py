"""Training MuseGAN (`hybrid.history.musegan_model`), resumable to the bit.

    python -m hybrid.history.musegan_training --data DIR -o RUN [--minutes 20]

Wasserstein's loss with the slope's penalty. The first third is trained on chances, the rest on
binary cells, as Dong and Yang did in two stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.history.musegan_corpus import read_phrases
from hybrid.history.musegan_metrics import figures_distance, summary
from hybrid.history.musegan_model import (
    BARS,
    PARTS,
    PER_BAR,
    PITCHES,
    GanConfig,
    MuseCritic,
    MuseGenerator,
    Rolls,
    bernoulli,
    binary,
    draw_latents,
    make_phrases,
    slope_penalty,
)
from hybrid.io.network_weights import save_network
from hybrid.training.command import tell, training_command
from hybrid.training.loop import TrainingLoop


@dataclass(frozen=True)
class GanTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch : int
        Of the generator.
    critics : int
        Updates of the critic for each.
    rate : float
        Highest learning rate.
    penalty : float
        Weight of the slope's penalty.
    soft : float
        Share of the updates that are trained on chances.
    warmup : int
        Updates of rising rate.
    average : float
        Decay of the generator's moving average.
    check_every, save_every, seed : int
    """

    updates: int = 1200
    batch: int = 16
    critics: int = 2
    rate: float = 1e-3
    penalty: float = 10.0
    soft: float = 0.33
    warmup: int = 40
    average: float = 0.99
    check_every: int = 40
    save_every: int = 200
    seed: int = 0


class _Album(nn.Module):
    """What one draw of noise gave at each check."""

    pages: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        shape = (count, len(PARTS), BARS, PER_BAR, PITCHES)
        self.register_buffer("pages", torch.zeros(shape, dtype=torch.uint8))

    def texts(self, count: int) -> list[tuple[int, str]]:
        """Number of the check and packed bits of so many pages, spread over all."""
        picked = np.unique(np.linspace(0, len(self.pages) - 1, count).astype(int)).tolist()
        return [(n, np.packbits(self.pages[n].numpy()).tobytes().hex()) for n in picked]


class GanTrainer(TrainingLoop):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : GanConfig
    settings : GanTraining
    train, valid : Rolls
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self, config: GanConfig, settings: GanTraining, train: Rolls, valid: Rolls, folder: Path
    ) -> None:
        super().__init__(settings, Path(folder) / "musegan_run.safetensors", None)
        self.config, self.settings = config, settings
        self.train, self.true = train, summary(valid)
        self.model, self.average = MuseGenerator(config), MuseGenerator(config)
        # For the baseline that goes with the weights.
        self.model.marginals.copy_(torch.from_numpy(train.mean(axis=(0, 2))))
        self.average.load_state_dict(self.model.state_dict())
        self.critic = MuseCritic(config)
        self.album = _Album(max(1, settings.updates // settings.check_every))
        moments = (0.5, 0.9)
        self.learner = torch.optim.Adam(self.model.parameters(), settings.rate, moments)
        self.judge = torch.optim.Adam(self.critic.parameters(), settings.rate, moments)
        if self.path.exists():
            self._load()

    def _made(self, rng: np.random.Generator) -> Tensor:
        chances: Tensor = self.model(draw_latents(self.settings.batch, self.config, rng))
        is_soft = self.update < self.settings.soft * self.settings.updates
        return chances if is_soft else binary(chances)

    def _step(self) -> dict[str, float]:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, self.update])
        for optimiser in (self.learner, self.judge):
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * self._rate_share()
        apart = 0.0
        for _ in range(settings.critics):
            which = rng.integers(len(self.train), size=settings.batch)
            true = torch.from_numpy(self.train[which]).float()
            with torch.no_grad():
                made = self._made(rng)
            gap = self.critic(true).mean() - self.critic(made).mean()
            share = torch.from_numpy(rng.random(settings.batch)).float()
            loss = settings.penalty * slope_penalty(self.critic, true, made, share) - gap
            self.judge.zero_grad(set_to_none=True)
            loss.backward()
            self.judge.step()
            apart += float(gap.detach()) / settings.critics
        loss = -self.critic(self._made(rng)).mean()
        self.learner.zero_grad(set_to_none=True)
        loss.backward()
        self.learner.step()
        self._follow(self.average, self.model)
        return {"critic": apart, "generator": float(loss.detach())}

    def measure(self) -> dict[str, float]:
        """How far the figures are from those held out, with the averaged weights."""
        latents = draw_latents(128, self.config, np.random.default_rng(0))
        rolls, _ = make_phrases(self.average, latents)
        page = min(self.update // self.loop.check_every, len(self.album.pages)) - 1
        if page >= 0:
            self.album.pages[page] = torch.from_numpy(rolls[0].astype(np.uint8))
        return {"figures": figures_distance(rolls, self.true), "cells": float(rolls.mean())}

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "model": self.model,
            "average": self.average,
            "critic": self.critic,
            "album": self.album,
        }

    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, nn.Module]]:
        return {"learner": (self.learner, self.model), "judge": (self.judge, self.critic)}

    def _record(self) -> dict[str, Any]:
        return {"model": self.config.to_dict(), "settings": asdict(self.settings)}


def told_apart(
    train: tuple[Rolls, Rolls], test: tuple[Rolls, Rolls], updates: int = 60, seed: int = 0
) -> float:
    """Share of test phrases that a fresh classifier puts right, true or made; 0.5 is chance.

    Parameters
    ----------
    train, test : pair of Rolls
        True ones and made ones; tests have as many of the one as of the other.

    References
    ----------
    Lopez-Paz, D., & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.
    arXiv:1610.06545.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    judge = MuseCritic(GanConfig())
    learner = torch.optim.Adam(judge.parameters(), 1e-3)
    label = torch.cat([torch.ones(16), torch.zeros(16)])
    for _ in range(updates):
        batch = np.concatenate([rolls[rng.integers(len(rolls), size=16)] for rolls in train])
        loss = functional.binary_cross_entropy_with_logits(
            judge(torch.from_numpy(batch).float()), label
        )
        learner.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        learner.step()
    with torch.no_grad():
        true, made = (judge(torch.from_numpy(rolls).float()) for rolls in test)
    return float((true > 0).float().mean() + (made <= 0).float().mean()) / 2


def train_gan(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = GanTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    phrases = read_phrases(data, output / "phrases.npz")
    train, held = phrases["train"], phrases["test"]
    print(f"{len(train)} phrases", flush=True)
    trainer = GanTrainer(GanConfig(), settings, train, phrases["valid"], output)
    trainer.run(minutes=minutes, progress=tell)
    true = summary(held)
    rng = np.random.default_rng(1)
    count = 600
    made, _ = make_phrases(trainer.average, draw_latents(count, trainer.config, rng))
    drawn = bernoulli(trainer.average, count, rng)
    half = min(len(held), count // 2)
    figures = {
        "made": figures_distance(made, true),
        "independent": figures_distance(drawn, true),
        "train": figures_distance(train, true),
        "made told apart": told_apart((train, made[half:]), (held[:half], made[:half])),
        "independent told apart": told_apart((train, drawn[half:]), (held[:half], drawn[:half])),
    }
    notes = {
        "updates": trainer.update,
        "test": {name: round(value, 4) for name, value in figures.items()},
        "pages": trainer.album.texts(10),
        "true": {name: [round(a, 4), round(b, 4)] for name, (a, b) in true.items()},
        "history": [{name: round(v, 4) for name, v in row.items()} for row in trainer.history],
    }
    weights = output / "musegan.safetensors"
    save_network(trainer.average, trainer.config.to_dict(), weights, notes)
    print(figures, flush=True)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__ or "", "folder of the corpora", train_gan, arguments)


if __name__ == "__main__":
    main()
