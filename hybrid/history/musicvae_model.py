"""MusicVAE, small: two bars of melody to a point in a space of few dimensions, and back.

A recurrent network reads the beats both ways and names a Gaussian; a point is drawn from it. A
conductor, a second recurrent network that begins from the point, gives out a plan for each half
bar, and a third writes the tokens of the half bar from its plan. This one begins anew in every
half bar, knowing nothing of those before but their last token: what holds the bars together has
to go through the point. That is the paper's hierarchical decoder, on a smaller scale.

References
----------
Roberts, A., Engel, J., Raffel, C., Hawthorne, C., & Eck, D. (2018). A hierarchical latent vector
model for learning long-term structure in music. ICML. arXiv:1803.05428.
Kingma, D. P., & Welling, M. (2014). Auto-encoding variational Bayes. ICLR. arXiv:1312.6114.
"""

from __future__ import annotations

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
from hybrid.history.melody_tokens import N_TOKENS, PER_BAR, Tokens
from hybrid.io.network_weights import load_network

BARS = 2
STEPS = BARS * PER_BAR
#: Sixteenths that the encoder reads as one, and that the decoder writes from one plan.
BEAT, PART = 4, 8
PARTS = STEPS // PART
#: What stands before the first token.
START = N_TOKENS


@dataclass(frozen=True)
class VaeConfig:
    """Sizes: of a token's and a place's vector, the three recurrent networks, the latent space."""

    d_token: int = 32
    d_place: int = 12
    d_encoder: int = 96
    d_conductor: int = 96
    d_decoder: int = 128
    d_latent: int = 24

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class MusicVae(nn.Module):
    """Encoder, conductor and decoder.

    Parameters
    ----------
    config : VaeConfig
    """

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(N_TOKENS + 1, config.d_token)
        self.places = nn.Embedding(PART, config.d_place)
        self.encoder = nn.GRU(
            BEAT * config.d_token, config.d_encoder, batch_first=True, bidirectional=True
        )
        self.to_latent = nn.Linear(2 * config.d_encoder, 2 * config.d_latent)
        # Straight ways beside the recurrent ones: what they can tell is learnt in few updates.
        self.straight_in = nn.Linear(STEPS * config.d_token, 2 * config.d_latent)
        self.straight_out = nn.Linear(config.d_latent, STEPS * N_TOKENS, bias=False)
        self.begin = nn.Linear(config.d_latent, config.d_conductor)
        self.conductor = nn.GRU(config.d_latent, config.d_conductor, batch_first=True)
        self.begin_part = nn.Linear(config.d_conductor, config.d_decoder)
        n_in = config.d_token + config.d_place + config.d_conductor
        self.decoder = nn.GRU(n_in, config.d_decoder, batch_first=True)
        self.out = nn.Linear(config.d_decoder, N_TOKENS)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of variances, each (B, D), of tokens (B, STEPS)."""
        beats = self.tokens(tokens).reshape(len(tokens), STEPS // BEAT, -1)
        _, last = self.encoder(beats)
        found = self.to_latent(torch.cat([last[0], last[1]], dim=1))
        mean, log_variance = (found + self.straight_in(beats.flatten(1))).chunk(2, dim=1)
        return mean, log_variance.clamp(-8.0, 4.0)

    def plans(self, latent: Tensor) -> Tensor:
        """A plan for each half bar, (B, PARTS, d_conductor), of points (B, D)."""
        state = torch.tanh(self.begin(latent))[None]
        result: Tensor = self.conductor(latent[:, None].expand(-1, PARTS, -1), state)[0]
        return result

    def logits(self, latent: Tensor, tokens: Tensor) -> Tensor:
        """Of each token (B, STEPS, N_TOKENS), given those before it and the point (B, D)."""
        before = torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], dim=1)
        plans = self.plans(latent).flatten(0, 1)  # (B PARTS, d_conductor)
        seen = torch.cat(
            [
                self.tokens(before.view(-1, PART)),
                self.places.weight.expand(len(plans), -1, -1),
                plans[:, None].expand(-1, PART, -1),
            ],
            dim=2,
        )
        hidden, _ = self.decoder(seen, torch.tanh(self.begin_part(plans))[None])
        straight = self.straight_out(latent).view(len(tokens), STEPS, N_TOKENS)
        result: Tensor = self.out(hidden).view(straight.shape) + straight
        return result

    @torch.no_grad()
    def write(
        self, latent: Tensor, temperature: float = 0.0, draws: Tensor | None = None
    ) -> tuple[Tokens, NDArray[np.float64]]:
        """Decode points (B, D), token after token.

        Parameters
        ----------
        latent : Tensor
        temperature : float
            0 takes the likeliest token.
        draws : Tensor, shape (B, STEPS), optional
            Uniform numbers in 0..1, for other temperatures.

        Returns
        -------
        tokens : (B, STEPS)
        chances : (B, STEPS, N_TOKENS)
            Those they were taken by.
        """
        plans = self.plans(latent)
        straight = self.straight_out(latent).view(-1, STEPS, N_TOKENS)
        token = torch.full((len(latent),), START)
        tokens, chances = [], []
        for step in range(STEPS):
            plan = plans[:, step // PART]
            if step % PART == 0:
                state = torch.tanh(self.begin_part(plan))[None]
            place = self.places.weight[step % PART].expand(len(latent), -1)
            seen = torch.cat([self.tokens(token), place, plan], dim=1)
            hidden, state = self.decoder(seen[:, None], state)
            logits = self.out(hidden[:, 0]) + straight[:, step]
            share = functional.softmax(logits / (temperature or 1.0), dim=1)
            if temperature and draws is not None:
                passed = (share.cumsum(dim=1) < draws[:, step, None]).sum(dim=1)
                token = passed.clamp(max=N_TOKENS - 1)
            else:
                token = share.argmax(dim=1)
            tokens.append(token)
            chances.append(share)
        return torch.stack(tokens, 1).numpy(), torch.stack(chances, 1).double().numpy()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of a Gaussian from the standard one in each dimension, nats."""
    return 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance)


def slerp(one: NDArray[np.float64], other: NDArray[np.float64], share: float) -> NDArray[Any]:
    """The point at ``share`` of the way along the arc between two points.

    In many dimensions nearly all of a Gaussian lies at one distance from the middle; a straight
    line between two of its points leads through where hardly any are.

    References
    ----------
    White, T. (2016). Sampling generative networks. arXiv:1609.04468.
    """
    cosine = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-12))
    angle = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    if np.sin(angle) < 1e-6:
        return (1 - share) * one + share * other
    weights = np.sin((1 - share) * angle), np.sin(share * angle)
    result: NDArray[Any] = (weights[0] * one + weights[1] * other) / np.sin(angle)
    return result


@torch.no_grad()
def bound_per_token(
    model: MusicVae, tokens: Tokens, rng: np.random.Generator, times: int = 4
) -> dict[str, float]:
    """Held-out figures in nats a token: ``reconstruction``, ``divergence`` and their sum.

    The sum is the negative evidence lower bound: the model's true loss is no higher.
    """
    held = torch.from_numpy(tokens)
    mean, log_variance = model.encode(held)
    kl = float(divergence(mean, log_variance).sum(dim=1).mean()) / STEPS
    total = 0.0
    for _ in range(times):
        noise = torch.from_numpy(rng.standard_normal(mean.shape)).float()
        logits = model.logits(mean + noise * (0.5 * log_variance).exp(), held)
        total += float(functional.cross_entropy(logits.transpose(1, 2), held)) / times
    return {"reconstruction": total, "divergence": kl, "bound": total + kl}


def make_vae(config: Mapping[str, Any]) -> MusicVae:
    """A network with fresh weights."""
    return MusicVae(VaeConfig(**config))


def load_vae(path: Path | None = None) -> tuple[MusicVae, dict[str, Any], str]:
    """The shipped network (or that of a file), the notes of its training, its hash."""
    place = path or resource_path("history", "trained", "musicvae.safetensors")
    return load_network(make_vae, "MusicVAE", place)


__all__ = [
    "BARS",
    "STEPS",
    "MusicVae",
    "VaeConfig",
    "bound_per_token",
    "divergence",
    "load_vae",
    "make_vae",
    "slerp",
]
