"""Continuous diffusion in MusicVAE's space: eight bars are four points, and noise becomes music.

The forward process mixes the points with ever more Gaussian noise. Going back, a network says what
part of them is noise, and a little of it is taken away; two hundred times. The points are then
decoded. Points of bars that are given are put back at every step, with as much noise as there is
then.

References
----------
Mittal, G., Engel, J., Hawthorne, C., & Simon, I. (2021). Symbolic music generation with diffusion
models. ISMIR. arXiv:2103.16091.
Ho, J., Jain, A., & Abbeel, P. (2020). Denoising diffusion probabilistic models. NeurIPS.
arXiv:2006.11239.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.resources import resource_path
from hybrid.history import musicvae_model as vae_model
from hybrid.history.melody_tokens import Tokens
from hybrid.history.symbolic_diffusion_model import BARS, STEPS, Far
from hybrid.io.network_weights import load_network

#: Points of eight bars.
POINTS = BARS // vae_model.BARS
NOISE_STEPS = 200


@dataclass(frozen=True)
class LatentConfig:
    """Sizes: of a point, inside, layers and heads of attention."""

    d_latent: int = 24
    d_model: int = 80
    layers: int = 3
    heads: int = 4

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def noise_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``beta`` of each step, added variance, and ``kept``, the share of variance of the music.

    A line from 0.0005 to 0.1: Ho et al.'s, for a fifth of their steps.
    """
    beta = np.linspace(5e-4, 0.1, NOISE_STEPS)
    kept: NDArray[np.float64] = np.cumprod(1 - beta, dtype=np.float64)
    return beta, kept


class LatentDenoiser(nn.Module):
    """Names the noise in points.

    Parameters
    ----------
    config : LatentConfig
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.config = config
        self.read = nn.Linear(config.d_latent, config.d_model)
        self.places = nn.Parameter(0.1 * torch.randn(POINTS, config.d_model))
        self.level = nn.Sequential(
            nn.Linear(32, config.d_model), nn.GELU(), nn.Linear(config.d_model, config.d_model)
        )
        self.far = nn.Sequential(*(Far(config.d_model, config.heads) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(config.d_model)
        self.out = nn.Linear(config.d_model, config.d_latent)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("centre", torch.zeros(config.d_latent))
        self.register_buffer("scale", torch.ones(config.d_latent))

    def forward(self, points: Tensor, steps: Tensor) -> Tensor:
        """The noise (B, POINTS, D) in noisy points, at steps (B,) of 0 .. `NOISE_STEPS` - 1."""
        rates = torch.exp(-math.log(1000.0) * torch.arange(16) / 15)
        angles = steps[:, None].float() * rates
        level = self.level(torch.cat([angles.sin(), angles.cos()], dim=1))
        x = self.read(points) + self.places + level[:, None]
        kept = torch.from_numpy(noise_table()[1]).float()[steps][:, None, None]
        # What is best for points that are independent Gaussians; the network says what differs.
        plain = (1 - kept).sqrt() * points
        result: Tensor = plain + kept.sqrt() * self.out(self.norm(self.far(x)))
        return result


def noisy(points: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
    """Points after so many steps of the forward process."""
    kept = torch.from_numpy(noise_table()[1]).float()[steps][:, None, None]
    return kept.sqrt() * points + (1 - kept).sqrt() * noise


def noise_loss(net: LatentDenoiser, points: Tensor, generator: torch.Generator) -> Tensor:
    """Ho et al.'s simple loss: the mean square of what was not recognised of the noise."""
    steps = torch.randint(NOISE_STEPS, (len(points),), generator=generator)
    noise = torch.randn(points.shape, generator=generator)
    return functional.mse_loss(net(noisy(points, steps, noise), steps), noise)


@torch.no_grad()
def points_bound(net: LatentDenoiser, points: Tensor, rng: np.random.Generator) -> Tensor:
    """Upper bound (B,) on the negative log density of normalised points, nats; all steps summed.

    Steps back have the variance ``beta``, the better of Ho et al.'s two for points that are
    smooth at a small scale, as these are.
    """
    beta, kept = noise_table()
    flat = points.flatten(1)
    n, size = flat.shape
    left = float(kept[-1])
    # How far the end of the forward process is from pure noise.
    total = 0.5 * (left * flat**2 + (1 - left) - 1 - math.log(1 - left)).sum(dim=1)
    for step in range(NOISE_STEPS):
        noise = torch.from_numpy(rng.standard_normal(points.shape)).float()
        steps = torch.full((n,), step)
        missed = ((net(noisy(points, steps, noise), steps) - noise) ** 2).flatten(1).sum(dim=1)
        alpha, b, k = 1 - beta[step], beta[step], kept[step]
        total = total + b / (2 * alpha * (1 - k)) * missed
        if step:
            # The forward process's variance, given the music, against that of the step back.
            share = (1 - kept[step - 1]) / (1 - k)
            total = total + 0.5 * size * (share - 1 - math.log(share))
        else:
            # The first step is a density: a Gaussian of variance beta around the guess.
            total = total + 0.5 * size * math.log(2 * math.pi * b)
    return total


@torch.no_grad()
def bound_per_token(
    net: LatentDenoiser, vae: vae_model.MusicVae, tokens: Tokens, rng: np.random.Generator
) -> dict[str, float]:
    """Nats a token of pieces (B, STEPS): ``bound`` with this density, and with simpler ones.

    All are the reconstruction's loss plus how much the points tell, measured against the
    diffusion's density, the autoencoder's own prior (``plain``), or independent Gaussians with
    the training points' means and deviations (``fitted``).
    """
    held = torch.from_numpy(tokens.reshape(-1, vae_model.STEPS))
    mean, log_variance = vae.encode(held)
    noise = torch.from_numpy(rng.standard_normal(mean.shape)).float()
    latent = mean + noise * (0.5 * log_variance).exp()
    logits = vae.logits(latent, held)
    told = float(functional.cross_entropy(logits.transpose(1, 2), held))
    plain = float(vae_model.divergence(mean, log_variance).sum(dim=1).mean())
    certain = -0.5 * (math.log(2 * math.pi * math.e) + log_variance).sum(dim=1)
    points = ((latent - net.centre) / net.scale).view(-1, POINTS, latent.shape[1])
    unlikely = points_bound(net, points, rng) + POINTS * net.scale.log().sum()
    prior = float(unlikely.mean()) / POINTS + float(certain.mean())
    square = 0.5 * (points**2 + math.log(2 * math.pi)).sum(dim=2).mean() + net.scale.log().sum()
    return {
        "bound": told + prior / vae_model.STEPS,
        "fitted": told + float(square + certain.mean()) / vae_model.STEPS,
        "plain": told + plain / vae_model.STEPS,
        "reconstruction": told,
    }


@torch.no_grad()
def denoise_points(
    net: LatentDenoiser,
    rng: np.random.Generator,
    given: NDArray[np.float64] | None = None,
    fixed: NDArray[np.bool_] | None = None,
) -> list[NDArray[np.float64]]:
    """Sample the four points; those at every step, the noisiest first, in the space's units.

    Parameters
    ----------
    net : LatentDenoiser
    rng : np.random.Generator
    given : np.ndarray, shape (POINTS, D), optional
    fixed : np.ndarray, shape (POINTS,), bool, optional
        Which of the given points are to stay.
    """
    beta, kept = noise_table()
    centre, scale = net.centre.double().numpy(), net.scale.double().numpy()
    now = rng.standard_normal((POINTS, net.config.d_latent))
    held = None if given is None else (given - centre) / scale
    path = [now * scale + centre]
    for step in reversed(range(NOISE_STEPS)):
        if held is not None and fixed is not None:
            noise = rng.standard_normal(held.shape)
            with_noise = np.sqrt(kept[step]) * held + np.sqrt(1 - kept[step]) * noise
            now = np.where(fixed[:, None], with_noise, now)
        steps = torch.tensor([step])
        guess = net(torch.from_numpy(now[None]).float(), steps)[0].double().numpy()
        now = (now - beta[step] / np.sqrt(1 - kept[step]) * guess) / np.sqrt(1 - beta[step])
        if step:
            now = now + np.sqrt(beta[step]) * rng.standard_normal(now.shape)
        elif held is not None and fixed is not None:
            now = np.where(fixed[:, None], held, now)
        path.append(now * scale + centre)
    return path


def make_latent(config: Mapping[str, Any]) -> LatentDenoiser:
    """A network with fresh weights."""
    return LatentDenoiser(LatentConfig(**config))


def load_latent(path: Path | None = None) -> tuple[LatentDenoiser, dict[str, Any], str]:
    """The shipped network (or that of a file), the notes of its training, its hash."""
    place = path or resource_path("history", "trained", "symbolic_diffusion_latent.safetensors")
    return load_network(make_latent, "diffusion of MusicVAE's points", place)


__all__ = [
    "NOISE_STEPS",
    "POINTS",
    "STEPS",
    "LatentConfig",
    "LatentDenoiser",
    "bound_per_token",
    "denoise_points",
    "load_latent",
    "make_latent",
    "noise_loss",
    "noise_table",
    "noisy",
    "points_bound",
]
