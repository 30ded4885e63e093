"""Discrete diffusion of melodies: cells are masked one after another, a network fills them again.

The forward process replaces tokens by a mask, each at a random time, and leaves them masked; at
the end all are. Going back, the network names the chances of every masked token given those that
are left, and some are drawn. Tokens are joined by fours before attention, as the source does with
a strided convolution, so that a bar is four places.

With the time of each token's masking uniform, the loss per token is the mean, over the number k of
masked tokens (1 .. T, each as likely), of the mean cross entropy of the masked ones. It is a bound
on the negative log likelihood, and the loss of autoregression in a random order.

References
----------
Austin, J., Johnson, D. D., Ho, J., Tarlow, D., & van den Berg, R. (2021). Structured denoising
diffusion models in discrete state-spaces. NeurIPS. arXiv:2107.03006.
Plasser, M., Peter, S., & Widmer, G. (2023). Discrete diffusion probabilistic models for symbolic
music generation. IJCAI. arXiv:2305.09489.
Hoogeboom, E., et al. (2022). Autoregressive diffusion models. ICLR. arXiv:2110.02037.
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

BARS = 8
STEPS = BARS * PER_BAR
MASK = N_TOKENS
JOINED = 4


@dataclass(frozen=True)
class MaskedConfig:
    """Sizes: of a token's vector, of a joined place's, layers and heads of attention."""

    d_token: int = 40
    d_model: int = 80
    layers: int = 3
    heads: int = 4

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class _Near(nn.Module):
    """A convolution over five sixteenths, added to what came in."""

    def __init__(self, d_token: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_token)
        self.near = nn.Conv1d(d_token, d_token, 5, padding=2)
        self.out = nn.Linear(d_token, d_token)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to the same."""
        heard = self.near(self.norm(x).transpose(1, 2)).transpose(1, 2)
        result: Tensor = x + self.out(functional.gelu(heard))
        return result


class Far(nn.Module):
    """Attention over the joined places, and a layer for each."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(d_model)
        self.asked = nn.Linear(d_model, 3 * d_model)
        self.joined = nn.Linear(d_model, d_model)
        self.within = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 2 * d_model),
            nn.GELU(),
            nn.Linear(2 * d_model, d_model),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, P, D) to the same."""
        n, places, width = x.shape
        parts = self.asked(self.norm(x)).view(n, places, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, H, P, D / H)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.joined(mixed.transpose(1, 2).reshape(n, places, width))
        result: Tensor = x + self.within(x)
        return result


class MaskedMelody(nn.Module):
    """Chances of the masked tokens.

    It is not told how many are masked: it can see that.

    Parameters
    ----------
    config : MaskedConfig
    """

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(N_TOKENS + 1, config.d_token)
        self.places = nn.Parameter(0.1 * torch.randn(PER_BAR, config.d_token))
        self.before = nn.Sequential(_Near(config.d_token), _Near(config.d_token))
        self.join = nn.Linear(JOINED * config.d_token, config.d_model)
        self.bars = nn.Parameter(0.1 * torch.randn(STEPS // JOINED, config.d_model))
        self.far = nn.Sequential(*(Far(config.d_model, config.heads) for _ in range(config.layers)))
        self.part = nn.Linear(config.d_model, JOINED * config.d_token)
        self.after = nn.Sequential(_Near(config.d_token), _Near(config.d_token))
        self.norm = nn.LayerNorm(config.d_token)
        self.out = nn.Linear(config.d_token, N_TOKENS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, STEPS, N_TOKENS) of tokens (B, STEPS), some of them `MASK`."""
        n = len(tokens)
        x = self.before(self.tokens(tokens) + self.places.repeat(BARS, 1))
        joined = self.join(x.reshape(n, STEPS // JOINED, -1)) + self.bars
        x = x + self.part(self.far(joined)).reshape(x.shape)
        result: Tensor = self.out(self.norm(self.after(x)))
        return result


def mask_some(tokens: Tokens, rng: np.random.Generator) -> tuple[Tokens, NDArray[np.bool_]]:
    """Mask a random number of tokens of each piece, 1 .. T alike; the tokens, and which."""
    count, length = tokens.shape
    # Numbers that are spread over 1 .. T make the mean of few pieces steadier.
    numbers = 1 + (np.arange(count) * length // count + rng.integers(length)) % length
    rank = rng.random(tokens.shape).argsort(axis=1).argsort(axis=1)
    masked = rank < rng.permutation(numbers)[:, None]
    return np.where(masked, MASK, tokens), masked


def masked_loss(model: MaskedMelody, tokens: Tokens, rng: np.random.Generator) -> Tensor:
    """The bound in nats a token, estimated with one mask for each piece."""
    seen, masked = mask_some(tokens, rng)
    logits = model(torch.from_numpy(seen)).transpose(1, 2)
    loss = functional.cross_entropy(logits, torch.from_numpy(tokens), reduction="none")
    hidden = torch.from_numpy(masked)
    result: Tensor = ((loss * hidden).sum(dim=1) / hidden.sum(dim=1)).mean()
    return result


@torch.no_grad()
def bound_per_token(
    model: MaskedMelody, tokens: Tokens, rng: np.random.Generator, times: int = 8
) -> float:
    """The bound in nats a token, with so many masks for each piece."""
    return float(np.mean([float(masked_loss(model, tokens, rng)) for _ in range(times)]))


@dataclass(frozen=True, eq=False)
class Fill:
    """One cell that was filled: its place, its token, the chances (N_TOKENS,) it was drawn by."""

    place: int
    token: int
    chances: NDArray[np.float64]


@torch.no_grad()
def denoise(
    model: MaskedMelody,
    given: Tokens,
    steps: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> list[list[Fill]]:
    """Fill masked cells in so many steps, those of each step at once, in a random order.

    Parameters
    ----------
    model : MaskedMelody
    given : Tokens, shape (STEPS,)
        `MASK` where a cell is to be filled.
    steps : int
        Fewer than there are cells draw several at once, as if they did not hang together.
    rng : np.random.Generator
    temperature : float
        Of the draws.

    Returns
    -------
    list of list of Fill
        The cells of each step.
    """
    now = given.copy()
    order = rng.permutation(np.flatnonzero(given == MASK))
    result: list[list[Fill]] = []
    for cells in np.array_split(order, min(steps, max(1, len(order)))):
        if not len(cells):
            continue
        logits = model(torch.from_numpy(now[None]))[0, cells].double().numpy() / temperature
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        draws = rng.random(len(cells))
        fills = []
        for place, share, draw in zip(cells.tolist(), shares, draws, strict=True):
            token = min(int((share.cumsum() < draw).sum()), N_TOKENS - 1)
            now[place] = token
            fills.append(Fill(place, token, share))
        result.append(fills)
    return result


def make_masked(config: Mapping[str, Any]) -> MaskedMelody:
    """A network with fresh weights."""
    return MaskedMelody(MaskedConfig(**config))


def load_masked(path: Path | None = None) -> tuple[MaskedMelody, dict[str, Any], str]:
    """The shipped network (or that of a file), the notes of its training, its hash."""
    place = path or resource_path("history", "trained", "symbolic_diffusion.safetensors")
    return load_network(make_masked, "discrete diffusion of melodies", place)


__all__ = [
    "BARS",
    "MASK",
    "STEPS",
    "Far",
    "Fill",
    "MaskedConfig",
    "MaskedMelody",
    "bound_per_token",
    "denoise",
    "load_masked",
    "make_masked",
    "mask_some",
    "masked_loss",
]
