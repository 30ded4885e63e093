"""The decoder one position at a time, for rows that have come to different lengths.

Rows that write music side by side do not write equally many notes to a bar. So each row has its
own length in the cache, waits without writing, and can be taken back. The cache is a ring: it
holds the last ``window`` positions of each row, so a piece of any length needs the same memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hybrid.symbolic_transformer.trunk import (
    Attention,
    Block,
    Cache,
    Places,
    Trunk,
    turn,
    turn_angles,
)


@dataclass
class RingCache:
    """Keys and values of the last positions of each row.

    Attributes
    ----------
    keys, values : list of Tensor, shape (B, H, window, D / H)
        One a layer; position p of a row stands in slot p % window.
    tables : list of Tensor or None, shape (window, H, D / H)
        Vectors of the distances, where the layer has them.
    written : np.ndarray, shape (B,), int64
        Positions of each row so far.
    oldest : np.ndarray, shape (B,), int64
        First position that a row still holds. A row that was taken back has lost those that
        were written over since.
    """

    keys: list[Tensor]
    values: list[Tensor]
    tables: list[Tensor | None]
    written: NDArray[np.int64]
    oldest: NDArray[np.int64]

    @property
    def window(self) -> int:
        return int(self.keys[0].shape[2])

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep the given rows in their order; a row may come more than once."""
        at = torch.from_numpy(rows)
        self.keys = [tensor[at] for tensor in self.keys]
        self.values = [tensor[at] for tensor in self.values]
        self.written, self.oldest = self.written[rows], self.oldest[rows]

    def take_back(self, written: NDArray[np.int64]) -> None:
        """Forget all positions of each row from ``written`` on."""
        self.written = np.minimum(self.written, written)

    def load(self, cache: Cache) -> None:
        """Begin all rows with the last positions of a plain cache of one row."""
        kept = min(cache.length, self.window)
        span = slice(cache.length - kept, cache.length)
        for mine, theirs in ((self.keys, cache.keys), (self.values, cache.values)):
            for tensor, source in zip(mine, theirs, strict=True):
                tensor[:, :, :kept] = source[:, :, span].to(tensor.dtype)
        self.written[:], self.oldest[:] = kept, 0


def make_ring(trunk: Trunk, n_rows: int, window: int) -> RingCache:
    """An empty ring for ``n_rows`` rows, in the decoder's own type."""
    config, weight = trunk.config, trunk.norm.weight
    shape = (n_rows, config.heads, window, config.head_width)

    def room() -> list[Tensor]:
        return [torch.zeros(shape, dtype=weight.dtype) for _ in range(config.layers)]

    tables: list[Tensor | None] = []
    with torch.inference_mode():
        for module in trunk.blocks:
            table = cast(Block, module).attention.table
            tables.append(None if table is None else table(window).to(weight.dtype))
    nothing = np.zeros(n_rows, dtype=np.int64)
    return RingCache(room(), room(), tables, nothing, nothing.copy())


def step(
    trunk: Trunk, x: Tensor, places: Places, cache: RingCache, active: NDArray[np.bool_]
) -> Tensor:
    """Run one more position of each active row through the decoder.

    Parameters
    ----------
    x : Tensor, shape (B, 1, D)
    places : Places
        Of these positions.
    cache : RingCache
        Extended by one position in the active rows; the others stay as they are.
    active : np.ndarray, shape (B,), bool

    Returns
    -------
    Tensor, shape (B, 1, D)
        As `Trunk` gives it at that position, as long as the row has not outgrown the window;
        without meaning in rows that wait.
    """
    window = cache.window
    if (cache.written > cache.oldest + window - 1).any():
        full = active & (cache.written > cache.oldest + window - 1)
        cache.oldest[full] = cache.written[full] - window + 1
    used = min(int(cache.written.max()) + 1, window)
    distance = (cache.written[:, None] - np.arange(used)) % window
    distances = torch.from_numpy(distance)
    seen = torch.from_numpy(distance <= (cache.written - cache.oldest)[:, None])
    hidden = torch.zeros(seen.shape, dtype=x.dtype).masked_fill(~seen, float("-inf"))
    rows = torch.from_numpy(np.flatnonzero(active))
    slots = torch.from_numpy(cache.written[active] % window)
    turns = None
    if trunk.config.rotary:
        angles = turn_angles(places, trunk.config.head_width)
        turns = [part[:, None].to(x.dtype) for a in angles for part in (a.cos(), a.sin())]
    for layer, module in enumerate(trunk.blocks):
        block = cast(Block, module)
        normed = block.attention_norm(x)
        query, key, value = _split(block.attention, normed)
        if turns is not None:
            query = turn(query, turns[0], turns[1])
            key = turn(key, turns[2], turns[3])
        keys, values = cache.keys[layer], cache.values[layer]
        keys[rows, :, slots] = key[rows, :, 0]
        values[rows, :, slots] = value[rows, :, 0]
        table = cache.tables[layer]
        bias = hidden[:, None, None]
        if table is not None:
            scaled = query[:, :, 0] * trunk.config.head_width**-0.5
            products = torch.einsum("bhd,nhd->bhn", scaled, table)
            at = distances[:, None].expand(-1, products.shape[1], -1)
            bias = bias + products.gather(-1, at)[:, :, None]
        mixed = F.scaled_dot_product_attention(
            query, keys[:, :, :used], values[:, :, :used], attn_mask=bias
        )
        x = x + block.attention.out(mixed.transpose(1, 2).flatten(2))
        gate, lift = block.up(block.feed_norm(x)).chunk(2, -1)
        x = x + block.down(F.silu(gate) * lift)
    cache.written = cache.written + active
    features: Tensor = trunk.norm(x)
    return features


def _split(attention: Attention, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of one position, each (B, H, 1, D / H)."""
    heads, size = attention.config.heads, attention.config.head_width
    parts = attention.project(x).view(x.shape[0], 1, 3, heads, size)
    query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
    return query, key, value
