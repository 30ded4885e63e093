"""The refiner's network: dry sound, written notes and a style in, the produced sound's tokens out.

One network of two uses. In one pass it says which values the decoder should get.
As a token model it fills in masked tokens, a group of books at a time, from coarse to fine:
the first books in several passes, the most certain tokens first, the later ones in one pass
each.

References
----------
Chang, H. et al. (2022). MaskGIT: masked generative image transformer. CVPR. arXiv:2202.04200.
Borsos, Z. et al. (2023). SoundStorm: efficient parallel audio generation. arXiv:2305.09636.
García, H. F. et al. (2023). VampNet: music generation via masked acoustic token modeling. ISMIR.
Su, J. et al. (2021). RoFormer: enhanced transformer with rotary position embedding.
arXiv:2104.09864.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid.core.errors import ConfigError

#: Token of a place that is still to be filled.
MASK = -1


@dataclass(frozen=True)
class RefinerConfig:
    """Sizes of a refiner.

    Attributes
    ----------
    size, n_layers, n_heads : int
        Of the transformer.
    latent : int
        Dimensions of the codec's values.
    n_roll : int
        Rows of the roll: what is written, by instrument family.
    n_styles : int
        Production styles; one more row stands for "any style", for guidance.
    n_books, n_entries : int
        Of the codec.
    groups : tuple of int
        How many books are filled in together, from the first on; they add up to ``n_books``.
    window : int
        Frames on either side that a frame attends to.
    rank : int
        Inner dimension of the heads.
    """

    size: int = 320
    n_layers: int = 5
    n_heads: int = 5
    latent: int = 272
    n_roll: int = 51
    n_styles: int = 6
    n_books: int = 12
    n_entries: int = 1024
    groups: tuple[int, ...] = (1, 1, 2, 4, 4)
    window: int = 64
    rank: int = 64

    def __post_init__(self) -> None:
        if sum(self.groups) != self.n_books or min(self.groups) < 1:
            raise ConfigError(
                f"groups must be positive and add up to {self.n_books} books, got {self.groups}"
            )
        if self.size % (2 * self.n_heads):
            raise ConfigError(
                f"size must be an even multiple of n_heads ({self.n_heads}), got {self.size}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"groups": list(self.groups)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RefinerConfig:
        """The configuration of plain values.

        Raises
        ------
        ConfigError
            If a name is unknown.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(
                    f"a refiner's setting must be one of {sorted(known)}, got {name!r}"
                )
        held = dict(values)
        if "groups" in held:
            held["groups"] = tuple(held["groups"])
        return cls(**held)

    def books_of(self, group: int) -> tuple[int, int]:
        """First book of a group, and the one after its last."""
        first = sum(self.groups[:group])
        return first, first + self.groups[group]


def _turned(values: Tensor, angle: Tensor) -> Tensor:
    """Rotary positions: pairs of numbers of (B, H, T, D) turned by angles (T, D / 2)."""
    first, second = values.chunk(2, -1)
    cosine, sine = angle.cos(), angle.sin()
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class Layer(nn.Module):
    """Attention to the frames nearby, then a gated feed-forward; both after a norm."""

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__()
        size = config.size
        self.n_heads = config.n_heads
        self.norm = nn.LayerNorm(size)
        self.ask = nn.Linear(size, 3 * size, bias=False)
        self.answer = nn.Linear(size, size, bias=False)
        self.norm_forward = nn.LayerNorm(size)
        hidden = 8 * size // 3 // 8 * 8
        self.up = nn.Linear(size, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, size, bias=False)

    def forward(self, values: Tensor, angle: Tensor, near: Tensor) -> Tensor:
        batch, n_frames, size = values.shape
        parts = self.ask(self.norm(values)).view(batch, n_frames, 3, self.n_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(
            _turned(query, angle), _turned(key, angle), value, attn_mask=near
        )
        values = values + self.answer(heard.transpose(1, 2).reshape(batch, n_frames, size))
        gate, up = self.up(self.norm_forward(values)).chunk(2, -1)
        result: Tensor = values + self.down(F.silu(gate) * up)
        return result


class Refiner(nn.Module):
    """See the module's docstring.

    Frames attend to `RefinerConfig.window` frames on either side in each layer.
    """

    def __init__(self, config: RefinerConfig | None = None) -> None:
        super().__init__()
        self.config = config or RefinerConfig()
        c = self.config
        self.from_dry = nn.Linear(c.latent, c.size)
        self.from_roll = nn.Linear(c.n_roll, c.size)
        self.style = nn.Embedding(c.n_styles + 1, c.size)
        self.from_tokens = nn.Linear(c.latent, c.size)
        # Which books are known in a frame; all that tells a masked token from a silent one.
        self.known = nn.Linear(c.n_books, c.size)
        self.group = nn.Embedding(len(c.groups) + 1, c.size)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.n_layers))
        self.norm = nn.LayerNorm(c.size)
        self.to_rank = nn.Linear(c.size, c.n_books * c.rank)
        self.to_tokens = nn.Parameter(torch.randn(c.n_books, c.rank, c.n_entries) / c.rank**0.5)
        self.to_values = nn.Linear(c.size, c.latent)
        frequency = 1e4 ** (-torch.arange(0, c.size // c.n_heads, 2) / (c.size // c.n_heads))
        self.register_buffer("frequency", frequency, persistent=False)

    frequency: Tensor

    def run(
        self, dry: Tensor, roll: Tensor, style: Tensor, group: int, heard: Tensor, known: Tensor
    ) -> Tensor:
        """The layers: what is known to states (B, T, size)."""
        n_frames = dry.shape[1]
        values = self.from_dry(dry) + self.from_roll(roll) + self.style(style)[:, None]
        values = values + self.from_tokens(heard) + self.known(known)
        values = values + self.group.weight[group]
        place = torch.arange(n_frames, device=dry.device)
        angle = place[:, None] * self.frequency
        near = (place[:, None] - place).abs() <= self.config.window
        for layer in self.layers:
            values = layer(values, angle, near)
        result: Tensor = self.norm(values)
        return result

    def logits(
        self,
        dry: Tensor,
        roll: Tensor,
        style: Tensor,
        group: int,
        heard: Tensor,
        known: Tensor,
    ) -> Tensor:
        """Logits of the books of a group.

        Parameters
        ----------
        dry : Tensor, shape (B, T, latent)
            The codec's values of the dry sound.
        roll : Tensor, shape (B, T, n_roll)
        style : Tensor, shape (B,), int64
            ``n_styles`` for any.
        group : int
        heard : Tensor, shape (B, T, latent)
            Sum of the known tokens' values.
        known : Tensor, shape (B, T, n_books)
            1 where a token is known.

        Returns
        -------
        Tensor, shape (B, T, books of the group, n_entries)
        """
        state = self.run(dry, roll, style, group, heard, known)
        first, last = self.config.books_of(group)
        rank = self.config.rank
        inner = F.linear(
            state,
            self.to_rank.weight[first * rank : last * rank],
            self.to_rank.bias[first * rank : last * rank],
        )
        inner = inner.view(*state.shape[:2], last - first, rank)
        return torch.einsum("btkr,kre->btke", inner, self.to_tokens[first:last])

    def map(self, dry: Tensor, roll: Tensor, style: Tensor) -> Tensor:
        """In one pass, values for the decoder, (B, T, latent)."""
        silent = torch.zeros_like(dry)
        known = dry.new_zeros(*dry.shape[:2], self.config.n_books)
        state = self.run(dry, roll, style, len(self.config.groups), silent, known)
        result: Tensor = dry + self.to_values(state)
        return result


def mask_share(progress: float) -> float:
    """Share of the tokens still masked after a share of the passes: a quarter of a cosine."""
    return math.cos(math.pi / 2 * progress)
