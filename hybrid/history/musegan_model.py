"""MuseGAN, small: four parts from latents that are shared or a part's own, for a phrase or a bar.

Four kinds of noise: shared by all parts or private to one, and for the whole phrase or, through a
small network of time, for each of its bars. A generator for each part makes a bar from the four.
A critic hears phrases of all parts and gives a number; between true and made phrases the mean
difference is an estimate of Wasserstein's distance, where the critic's slope is held near one.
Cells are made binary by a threshold through which gradients pass as if it were not there.

References
----------
Dong, H.-W., Hsiao, W.-Y., Yang, L.-C., & Yang, Y.-H. (2018). MuseGAN: Multi-track sequential
generative adversarial networks for symbolic music generation and accompaniment. AAAI.
arXiv:1709.06298. (the hybrid model)
Dong, H.-W., & Yang, Y.-H. (2018). Convolutional generative adversarial networks with binary neurons
for polyphonic music generation. ISMIR. arXiv:1804.09399.
Gulrajani, I., et al. (2017). Improved training of Wasserstein GANs. NeurIPS. arXiv:1704.00028.
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
from hybrid.io.network_weights import load_network

PARTS = ("melody", "bridge", "piano", "bass")
#: MIDI pitch of each part's lowest row; two octaves from there.
LOWEST = (60, 55, 52, 36)
BARS = 4
BEATS = 4
PER_BEAT = 4
PER_BAR = BEATS * PER_BEAT
PITCHES = 24

#: (B, parts, bars, sixteenths, pitches), bool.
Rolls = NDArray[np.bool_]


@dataclass(frozen=True)
class GanConfig:
    """Sizes: of each kind of noise, of a generator's layers, of the critic's."""

    d_noise: int = 16
    d_make: int = 64
    d_hear: int = 16

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Latents:
    """Noise of some phrases.

    Attributes
    ----------
    shared : (B, D)
        For all parts and the whole phrase.
    shared_time : (B, D)
        For all parts; a network of time makes one for each bar of it.
    own : (B, parts, D)
        For one part and the whole phrase.
    own_time : (B, parts, D)
        For one part; a network of time makes one for each bar of it.
    """

    shared: Tensor
    shared_time: Tensor
    own: Tensor
    own_time: Tensor


def draw_latents(count: int, config: GanConfig, rng: np.random.Generator) -> Latents:
    """Standard Gaussian noise."""
    d, parts = config.d_noise, len(PARTS)
    shapes = ((count, d), (count, d), (count, parts, d), (count, parts, d))
    return Latents(*(torch.from_numpy(rng.standard_normal(shape)).float() for shape in shapes))


class _Time(nn.Module):
    """One vector to a vector for each bar."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, BARS * d))

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B, BARS, D)."""
        result: Tensor = self.net(x).view(len(x), BARS, -1)
        return result


class _Each(nn.Module):
    """A linear layer for each part, all at once."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        parts = len(PARTS)
        self.weight = nn.Parameter(torch.randn(parts, n_in, n_out) * (2.0 / n_in) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(parts, 1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, parts, rows, n_in) to (B, parts, rows, n_out)."""
        count, parts, rows, _ = x.shape
        # All rows of a part at once: a product for each phrase would copy the weights.
        flat = x.transpose(0, 1).reshape(parts, count * rows, -1)
        result: Tensor = torch.baddbmm(self.bias, flat, self.weight)
        return result.view(parts, count, rows, -1).transpose(0, 1)


class MuseGenerator(nn.Module):
    """Latents to phrases.

    Parameters
    ----------
    config : GanConfig

    Attributes
    ----------
    marginals : Tensor, shape (parts, 16, 24)
        How often each cell of a bar sounds in training, for the baseline of independent cells.
    """

    marginals: Tensor

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        d, c = config.d_noise, config.d_make
        self.config = config
        self.shared_time = _Time(d)
        self.own_time = nn.ModuleList(_Time(d) for _ in PARTS)
        self.begin = _Each(4 * d, 2 * c)
        self.norm = nn.LayerNorm(2 * c)
        self.beats = _Each(2 * c, BEATS * c)
        self.cells = _Each(c, PER_BEAT * PITCHES)
        self.register_buffer("marginals", torch.zeros(len(PARTS), PER_BAR, PITCHES))

    def forward(self, latents: Latents) -> Tensor:
        """Chances (B, parts, bars, 16, 24) in 0..1, before the threshold."""
        n, parts = len(latents.shared), len(PARTS)
        own_time = torch.stack([net(latents.own_time[:, i]) for i, net in enumerate(self.own_time)])
        rows = torch.cat(
            [
                latents.shared[:, None, None].expand(n, parts, BARS, -1),
                self.shared_time(latents.shared_time)[:, None].expand(n, parts, BARS, -1),
                latents.own[:, :, None].expand(n, parts, BARS, -1),
                own_time.transpose(0, 1),
            ],
            dim=3,
        )  # (B, parts, bars, 4 D)
        x = functional.relu(self.norm(self.begin(rows)))
        x = functional.relu(self.beats(x)).view(n, parts, BARS * BEATS, -1)
        result: Tensor = torch.sigmoid(self.cells(x)).view(n, parts, BARS, PER_BAR, PITCHES)
        return result


def binary(chances: Tensor) -> Tensor:
    """1 above a half, else 0; the gradient passes straight through."""
    return (chances > 0.5).float() + chances - chances.detach()


class MuseCritic(nn.Module):
    """A phrase's number: high for true ones, where it is trained.

    Parameters
    ----------
    config : GanConfig
    """

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        c, parts = config.d_hear, len(PARTS)
        self.beat = _Each(PER_BEAT * PITCHES, 2 * c)
        # What begins and ends is heard apart: notes cut up give themselves away.
        self.edges = _Each(PER_BEAT * PITCHES, c)
        self.chroma = nn.Linear(parts * 12, 2 * c)
        self.bar = nn.Linear(BEATS * c * (3 * parts + 2), 5 * c)
        self.phrase = nn.Linear(BARS * 5 * c, 3 * c)
        self.out = nn.Linear(3 * c, 1)

    def forward(self, rolls: Tensor) -> Tensor:
        """(B,) of phrases (B, parts, bars, 16, 24)."""
        n, parts = rolls.shape[:2]
        n_beats = BARS * BEATS
        x = rolls.reshape(n, parts, BARS * PER_BAR, PITCHES)
        moves = x - functional.pad(x, (0, 0, 1, 0))[:, :, :-1]
        shape = (n, parts, n_beats, PER_BEAT * PITCHES)
        heard = torch.cat([self.beat(x.reshape(shape)), self.edges(moves.reshape(shape))], dim=3)
        classes = (x[..., :12] + x[..., 12:]).view(n, parts, n_beats, PER_BEAT, 12).sum(dim=3)
        chroma = self.chroma(classes.transpose(1, 2).reshape(n, n_beats, -1))
        joined = torch.cat([heard.transpose(1, 2).reshape(n, n_beats, -1), chroma], dim=2)
        beats = functional.leaky_relu(joined, 0.2)
        bars = functional.leaky_relu(self.bar(beats.view(n, BARS, -1)), 0.2)
        result: Tensor = self.out(functional.leaky_relu(self.phrase(bars.flatten(1)), 0.2))[:, 0]
        return result


def slope_penalty(critic: MuseCritic, true: Tensor, made: Tensor, share: Tensor) -> Tensor:
    """Mean square of the critic's slope minus one, between true and made phrases.

    ``share`` (B,) in 0..1 says where between.
    """
    weights = share.view(-1, 1, 1, 1, 1)
    between = (weights * true + (1 - weights) * made).detach().requires_grad_(True)
    total = critic(between).sum()
    [slope] = torch.autograd.grad(total, between, create_graph=True)
    result: Tensor = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return result


@torch.no_grad()
def make_phrases(generator: MuseGenerator, latents: Latents) -> tuple[Rolls, NDArray[np.float64]]:
    """Binary phrases, and the chances that the threshold was set to."""
    chances = generator(latents).double().numpy()
    return chances > 0.5, chances


def bernoulli(generator: MuseGenerator, count: int, rng: np.random.Generator) -> Rolls:
    """The trivial baseline: every cell alone, as often as it sounds in training."""
    share = generator.marginals.double().numpy()[None, :, None]
    shape = (count, len(PARTS), BARS, PER_BAR, PITCHES)
    result: Rolls = rng.random(shape) < share
    return result


def make_generator(config: Mapping[str, Any]) -> MuseGenerator:
    """A network with fresh weights."""
    return MuseGenerator(GanConfig(**config))


def load_generator(path: Path | None = None) -> tuple[MuseGenerator, dict[str, Any], str]:
    """The shipped network (or that of a file), the notes of its training, its hash."""
    place = path or resource_path("history", "trained", "musegan.safetensors")
    return load_network(make_generator, "MuseGAN generator", place)


__all__ = [
    "BARS",
    "LOWEST",
    "PARTS",
    "PER_BAR",
    "PITCHES",
    "GanConfig",
    "Latents",
    "MuseCritic",
    "MuseGenerator",
    "Rolls",
    "bernoulli",
    "binary",
    "draw_latents",
    "load_generator",
    "make_generator",
    "make_phrases",
    "slope_penalty",
]
