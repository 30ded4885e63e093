"""The decoder one position at a time, for rows that have come to different lengths.

Rows that write music side by side do not write equally many notes to a bar. So each row has its
own length in the cache, waits without writing, and can be taken back. The cache is a ring: it
holds the last ``window`` positions of each row, so a piece of any length needs the same memory.

A position of a few rows is little work, most of which would be spent on calling small operations.
So the weights are put together beforehand: norms and scales into the products that follow them,
and beside queries and keys their quarter turns, so that a rotation is one product and one sum.
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
    Block,
    Cache,
    Norm,
    Places,
    Trunk,
    distance_buckets,
    turn_angles,
)


@dataclass(frozen=True)
class _Layer:
    """A block's weights, put together; inputs are divided by their length alone.

    Attributes
    ----------
    project : Tensor, shape (3 * D or 5 * D, D)
        Queries, keys, values; with rotations also queries and keys a quarter turn on.
    out, down : Tensor, shape (D, D) and (hidden, D)
        Transposed.
    up : Tensor, shape (2 * hidden, D)
    table : Tensor or None, shape (H, D / H, buckets + 1)
        Vectors of the distances; the last one, of what is not to be seen, is 0.
    """

    project: Tensor
    out: Tensor
    up: Tensor
    down: Tensor
    table: Tensor | None


@dataclass
class RingCache:
    """Keys and values of the last positions of each row.

    Attributes
    ----------
    keys : list of Tensor, shape (B, H, D / H, window)
        One a layer; position p of a row stands in slot p % window.
    values : list of Tensor, shape (B, H, window, D / H)
    layers : list of _Layer
    final : Tensor, shape (D,)
        Scale of the last norm.
    buckets : np.ndarray, shape (window,), int64
        Place of each distance in the layers' tables.
    shut : Tensor, shape (buckets + 1,)
        0, and minus infinity for what is not to be seen.
    written : np.ndarray, shape (B,), int64
        Positions of each row so far.
    oldest : np.ndarray, shape (B,), int64
        First position that a row still holds. A row that was taken back has lost those that
        were written over since.
    """

    keys: list[Tensor]
    values: list[Tensor]
    layers: list[_Layer]
    final: Tensor
    buckets: NDArray[np.int64]
    shut: Tensor
    written: NDArray[np.int64]
    oldest: NDArray[np.int64]

    @property
    def window(self) -> int:
        return int(self.values[0].shape[2])

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
        for keys, source in zip(self.keys, cache.keys, strict=True):
            keys[..., :kept] = source[:, :, span].transpose(2, 3).to(keys.dtype)
        for values, source in zip(self.values, cache.values, strict=True):
            values[:, :, :kept] = source[:, :, span].to(values.dtype)
        self.written[:], self.oldest[:] = kept, 0


def make_ring(trunk: Trunk, n_rows: int, window: int) -> RingCache:
    """An empty ring for ``n_rows`` rows, in the decoder's own type."""
    config, kind = trunk.config, trunk.norm.weight.dtype
    heads, size = config.heads, config.head_width
    buckets = distance_buckets(window, config.reach).clamp(max=config.reach + 4 * 8 - 1)
    if config.period:
        # Each distance has a vector of its own, its place in beat and bar being part of it.
        buckets = torch.arange(window)
    with torch.inference_mode():
        layers = [_put_together(cast(Block, block), window, buckets) for block in trunk.blocks]
        final = trunk.norm.weight * config.width**0.5
        shut = torch.zeros(int(buckets[-1]) + 2, dtype=kind)
        shut[-1] = -torch.inf
    nothing = np.zeros(n_rows, dtype=np.int64)
    every = range(config.layers)
    return RingCache(
        [torch.zeros((n_rows, heads, size, window), dtype=kind) for _ in every],
        [torch.zeros((n_rows, heads, window, size), dtype=kind) for _ in every],
        layers,
        final,
        buckets.numpy(),
        shut,
        nothing,
        nothing.copy(),
    )


def _put_together(block: Block, window: int, buckets: Tensor) -> _Layer:
    attention = block.attention
    config = attention.config
    heads, size, width = config.heads, config.head_width, config.width

    def after(norm: Norm, weight: Tensor) -> Tensor:
        scaled: Tensor = weight * (norm.weight * width**0.5)
        return scaled

    parts = list(after(block.attention_norm, attention.project.weight).chunk(3))
    parts[0] = parts[0] * size**-0.5  # so that products of queries need no scale
    if config.rotary:
        parts += [_quarter_turn(part, heads) for part in parts[:2]]
    table = None
    if attention.table is not None:
        rows = attention.table(window)  # (window, H, D / H)
        first = np.unique(buckets.numpy(), return_index=True)[1]
        shown = torch.zeros(int(buckets[-1]) + 2, heads, size, dtype=rows.dtype)
        shown[buckets[torch.from_numpy(first)]] = rows[torch.from_numpy(first)]
        table = shown.permute(1, 2, 0).contiguous()
    return _Layer(
        torch.cat(parts).contiguous(),
        attention.out.weight.t().contiguous(),
        after(block.feed_norm, block.up.weight).contiguous(),
        block.down.weight.t().contiguous(),
        table,
    )


def _quarter_turn(weight: Tensor, heads: int) -> Tensor:
    """Rows that give the vectors a quarter turn on, as `trunk.turn` pairs them."""
    first, second = weight.view(heads, 2, -1, weight.shape[1]).unbind(1)
    return torch.stack([-second, first], 1).reshape(weight.shape)


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
    turns = None
    if trunk.config.rotary:
        angles = torch.cat(turn_angles(places, trunk.config.head_width), 1)  # (B, 2, D / 2H)
        angles = torch.cat([angles, angles], -1)[:, :, None].to(x.dtype)
        turns = angles.cos(), angles.sin()
    return advance(x[:, 0], turns, cache, active)[:, None]


def advance(
    x: Tensor,
    turns: tuple[Tensor, Tensor] | None,
    cache: RingCache,
    active: NDArray[np.bool_],
) -> Tensor:
    """`step` on (B, D) with the rotations already known.

    Parameters
    ----------
    turns : (Tensor, Tensor) or None, shape (B, 2, 1, D / H)
        Cosines and sines of the angles of queries and keys, each angle for both of its pair.
    """
    window, n_rows = cache.window, len(active)
    if (cache.written > cache.oldest + window - 1).any():
        full = active & (cache.written > cache.oldest + window - 1)
        cache.oldest[full] = cache.written[full] - window + 1
    used = min(int(cache.written.max()) + 1, window)
    distance = (cache.written[:, None] - np.arange(used)) % window
    seen = distance <= (cache.written - cache.oldest)[:, None]
    heads, size = cache.keys[0].shape[1:3]
    width = heads * size
    bucket = np.where(seen, cache.buckets[distance], len(cache.shut) - 1)
    at = torch.from_numpy(bucket)
    # What each head adds to the logits where the layer has no distances, (B * H, 1, used).
    plain: Tensor | None = None
    if not seen.all():
        plain = cache.shut[at][:, None].expand(-1, heads, -1).reshape(n_rows * heads, 1, used)
    by_head = at[None].expand(heads, -1, -1)
    all_active = bool(active.all())
    rows = torch.from_numpy(np.flatnonzero(active))
    slots = torch.from_numpy(cache.written[active] % window)
    for layer, weights in enumerate(cache.layers):
        parts = F.linear(x / _length(x), weights.project)
        pair = parts[:, : 2 * width].view(n_rows, 2, heads, size)
        value = parts[:, 2 * width : 3 * width].view(n_rows, heads, size)
        if turns is not None:
            on = parts[:, 3 * width :].view(n_rows, 2, heads, size)
            pair = torch.addcmul(pair * turns[0], on, turns[1])
        query, key = pair[:, 0], pair[:, 1]
        keys, values = cache.keys[layer], cache.values[layer]
        keys[rows, :, :, slots] = key if all_active else key[rows]
        values[rows, :, slots] = value if all_active else value[rows]
        bias = plain
        if weights.table is not None:
            # Products with the vectors of the distances, then with each key's own distance.
            products = torch.baddbmm(cache.shut, query.transpose(0, 1), weights.table)
            bias = products.gather(-1, by_head).transpose(0, 1).reshape(-1, 1, used)
        asking = query.reshape(-1, 1, size)
        theirs = keys.view(-1, size, window)[..., :used]
        logits = torch.bmm(asking, theirs) if bias is None else torch.baddbmm(bias, asking, theirs)
        mixed = torch.bmm(logits.softmax(-1), values.view(-1, window, size)[:, :used])
        x = torch.addmm(x, mixed.view(n_rows, width), weights.out)
        gate, lift = F.linear(x / _length(x), weights.up).chunk(2, -1)
        x = torch.addmm(x, F.silu(gate) * lift, weights.down)
    cache.written = cache.written + active
    return x / _length(x) * cache.final


def _length(x: Tensor) -> Tensor:
    """Length of each row, (B, 1); the norms' least value matters to no row of a model."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return length


__all__ = ["RingCache", "advance", "make_ring", "step"]
