"""The decoder under every note model: causal self-attention that knows relative time and pitch.

Music repeats at intervals: the same beat a bar later, the same motif a third higher. So a
position attends by how far back another one lies (a learned table, shared by all positions
through skewing) and, through rotations of queries and keys, by differences of musical time and
of pitch.

References
----------
Huang, C.-Z. A., Vaswani, A., Uszkoreit, J. et al. (2019). Music Transformer. ICLR.
    arXiv:1809.04281. Relative global attention and its skewing.
Shaw, P., Uszkoreit, J., Vaswani, A. (2018). Self-Attention with Relative Position
    Representations. NAACL. arXiv:1803.02155.
Su, J. et al. (2021). RoFormer: Enhanced Transformer with Rotary Position Embedding.
    arXiv:2104.09864.
Zhang, B., Sennrich, R. (2019). Root Mean Square Layer Normalization. NeurIPS.
Shazeer, N. (2020). GLU Variants Improve Transformer. arXiv:2002.05202.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid.core.errors import ConfigError

#: Steps after which a rotation of musical time comes round: beats, bars of two to four beats,
#: then ever longer spans.
TIME_PERIODS = (4.0, 8.0, 12.0, 16.0, 32.0, 48.0, 128.0, 512.0)
#: Semitones after which a rotation of pitch comes round: the octave and its parts, then spans
#: that tell octaves apart.
PITCH_PERIODS = (12.0, 6.0, 4.0, 2.4, 40.0, 96.0)


@dataclass(frozen=True)
class TrunkConfig:
    """Sizes of the decoder.

    Attributes
    ----------
    width : int
        Features of a position, D; a multiple of ``heads``.
    layers, heads : int
    hidden : int
        Features inside a feed-forward layer.
    dropout : float
        0..1, on embeddings, on what each sublayer adds, and inside feed-forward layers. None on
        attention weights, which would turn off the fast kernels.
    reach : int
        Distances told apart one by one, in positions; longer ones share logarithmic buckets.
    period : int
        Positions in one step of musical time (4 voices a step: 4); 0 where positions are not
        evenly spaced in time.
    relative : bool
        The learned table of distances. Without it only the rotations tell places.
    relative_layers : int
        How many layers, from the first, have one.
    rotary : bool
        The rotations by time and pitch.
    """

    width: int = 256
    layers: int = 6
    heads: int = 8
    hidden: int = 512
    dropout: float = 0.2
    reach: int = 256
    period: int = 4
    relative: bool = True
    relative_layers: int = 64
    rotary: bool = True

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(
                f"TrunkConfig.width must be a multiple of heads {self.heads}, got {self.width}"
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"TrunkConfig.dropout must be in 0..1, got {self.dropout}")
        pairs = self.head_width // 2
        if self.rotary and pairs < len(TIME_PERIODS) + len(PITCH_PERIODS):
            raise ConfigError(
                f"TrunkConfig.width / heads must be {2 * (len(TIME_PERIODS) + len(PITCH_PERIODS))} "
                f"or more with rotations, got {self.head_width}"
            )

    @property
    def head_width(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True)
class Places:
    """Where the positions of a batch stand.

    Attributes
    ----------
    time : Tensor, shape (B, T), float32
        Steps from the piece's start.
    query_pitch, key_pitch : Tensor, shape (B, T), float32
        Semitones from middle C: what a position compares others with (the pitch its voice comes
        from), and the pitch that others find there.
    """

    time: Tensor
    query_pitch: Tensor
    key_pitch: Tensor


def distance_buckets(n: int, reach: int) -> Tensor:
    """Bucket of each distance 0..n-1: one each up to ``reach``, then four for each doubling.

    Examples
    --------
    >>> distance_buckets(33, 16)[[15, 16, 17, 32]].tolist()
    [15, 16, 16, 20]
    """
    distance = torch.arange(n)
    far = torch.log2(distance.clamp(min=reach).float() / reach) * 4
    return torch.where(distance < reach, distance, reach + far.long())


def skew(logits: Tensor) -> Tensor:
    """Turn products with a table of distances into products with positions.

    Parameters
    ----------
    logits : Tensor, shape (..., T, T)
        Entry (i, T - 1 - d) belongs to the distance d back from position i.

    Returns
    -------
    Tensor, shape (..., T, T)
        Entry (i, j) belongs to position j for j <= i; the rest is of no meaning.

    Notes
    -----
    The procedure of Huang et al. (2019), section 3.4.1: pad a column on the left, read the
    memory as rows one entry longer, drop the first row.
    """
    *lead, rows, columns = logits.shape
    padded = F.pad(logits, (1, 0))
    return padded.view(*lead, columns + 1, rows)[..., 1:, :]


class DistanceTable(nn.Module):
    """A vector for each distance, put together from its bucket and its place in beat and bar."""

    within: nn.Parameter | None
    thirds: nn.Parameter | None

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        size = config.heads * config.head_width
        self.near = nn.Parameter(torch.zeros(config.reach + 4 * 8, size))
        # Distances that are whole beats or bars are alike, however long.
        self.within = self.thirds = None
        if config.period:
            self.within = nn.Parameter(torch.zeros(16 * config.period, size))
            self.thirds = nn.Parameter(torch.zeros(12 * config.period, size))
        for table in self.parameters():
            nn.init.normal_(table, std=0.02)

    def forward(self, n: int) -> Tensor:
        """Vectors of the distances 0..n-1, shape (n, H, D / H)."""
        device = self.near.device
        distance = torch.arange(n, device=device)
        bucket = distance_buckets(n, self.config.reach).to(device)
        bucket = bucket.clamp(max=self.near.shape[0] - 1)
        rows = self.near[bucket]
        for table in (self.within, self.thirds):
            if table is not None:
                rows = rows + table[distance % table.shape[0]]
        return rows.view(n, self.config.heads, self.config.head_width)


def turn_angles(places: Places, head_width: int) -> tuple[Tensor, Tensor]:
    """Angles by which queries and keys turn, each shape (B, T, head_width / 2)."""
    time = 2 * math.pi / torch.tensor(TIME_PERIODS, device=places.time.device)
    pitch = 2 * math.pi / torch.tensor(PITCH_PERIODS, device=places.time.device)
    still = head_width // 2 - len(time) - len(pitch)
    parts = []
    for heights in (places.query_pitch, places.key_pitch):
        angles = torch.cat([places.time[..., None] * time, heights[..., None] * pitch], -1)
        parts.append(F.pad(angles, (0, still)))
    return parts[0], parts[1]


def turn(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs of (B, H, T, D/H) by angles whose cosines are (B, 1, T, D/2H)."""
    first, second = vectors.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


@dataclass
class Cache:
    """Keys and values of the positions so far, each (B, H, capacity, D / H); one a layer."""

    keys: list[Tensor]
    values: list[Tensor]
    length: int = 0

    def select(self, rows: Tensor) -> None:
        """Keep the given rows of the batch, in their order (particles that were drawn anew)."""
        used = slice(0, self.length)
        for tensors in (self.keys, self.values):
            for tensor in tensors:
                tensor[:, :, used] = tensor[rows, :, used]


class Norm(nn.RMSNorm):
    """Root-mean-square normalisation in the type that comes in, which is the fused kernel's."""

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Causal self-attention with relative distances."""

    def __init__(self, config: TrunkConfig, layer: int = 0) -> None:
        super().__init__()
        self.config = config
        self.project = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        has_table = config.relative and layer < config.relative_layers
        self.table = DistanceTable(config) if has_table else None

    def forward(
        self,
        x: Tensor,
        turns: tuple[Tensor, Tensor, Tensor, Tensor] | None,
        cache: Cache | None = None,
        layer: int = 0,
    ) -> Tensor:
        """(B, T, D) to (B, T, D); with a cache, T new positions after those it holds."""
        n_batch, n_new, width = x.shape
        heads, size = self.config.heads, self.config.head_width
        parts = self.project(x).view(n_batch, n_new, 3, heads, size)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # (B, H, T, D/H)
        if turns is not None:
            query = turn(query, turns[0], turns[1])
            key = turn(key, turns[2], turns[3])
        before = 0
        if cache is not None:
            before = cache.length
            cache.keys[layer][:, :, before : before + n_new] = key
            cache.values[layer][:, :, before : before + n_new] = value
            key = cache.keys[layer][:, :, : before + n_new]
            value = cache.values[layer][:, :, : before + n_new]
        bias = self._bias(query, before, n_new)
        if bias is None:
            if before == 0:
                mixed = F.scaled_dot_product_attention(query, key, value, is_causal=n_new > 1)
            else:
                seen = _seen(before, n_new, query.device) if n_new > 1 else None
                mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        joined: Tensor = self.out(mixed.transpose(1, 2).reshape(n_batch, n_new, width))
        return joined

    def _bias(self, query: Tensor, before: int, n_new: int) -> Tensor | None:
        """Logits of the distances, (B, H, T_new, T_all), with minus infinity on the future."""
        if self.table is None:
            return None
        n_all = before + n_new
        rows = self.table(n_all).to(query.dtype).flip(0)  # distance n_all-1 first
        scaled = query * self.config.head_width**-0.5
        products = torch.einsum("bhtd,nhd->bhtn", scaled, rows)
        if n_new == 1:
            return products
        if before == 0:
            bias = skew(products)
        else:
            # Position before + i sees key j at distance before + i - j.
            i = torch.arange(n_new, device=query.device)[:, None] + before
            j = torch.arange(n_all, device=query.device)[None, :]
            at = (n_all - 1 - (i - j)).clamp(0, n_all - 1)
            bias = products.gather(-1, at.expand(*products.shape[:2], -1, -1))
        return bias.masked_fill(~_seen(before, n_new, query.device), float("-inf"))


def _seen(before: int, n_new: int, device: torch.device) -> Tensor:
    """Which keys each new position may look at, shape (n_new, before + n_new)."""
    return torch.ones(n_new, before + n_new, dtype=torch.bool, device=device).tril(before)


class Block(nn.Module):
    """Attention, then a gated feed-forward layer, each added to what comes in."""

    def __init__(self, config: TrunkConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = Norm(config.width)
        self.attention = Attention(config, layer)
        self.feed_norm = Norm(config.width)
        self.up = nn.Linear(config.width, 2 * config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        turns: tuple[Tensor, Tensor, Tensor, Tensor] | None,
        cache: Cache | None,
        layer: int,
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), turns, cache, layer))
        gate, value = self.up(self.feed_norm(x)).chunk(2, -1)
        x = x + self.dropout(self.down(self.dropout(F.silu(gate) * value)))
        return x


class Trunk(nn.Module):
    """Decoder: embedded positions in, features of each position out."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = Norm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and ".table." not in name:
                nn.init.normal_(weight, std=config.width**-0.5)
                if name.endswith(("out.weight", "down.weight")):
                    nn.init.normal_(weight, std=(2 * config.layers * config.width) ** -0.5)

    def forward(self, x: Tensor, places: Places, cache: Cache | None = None) -> Tensor:
        """Run the decoder.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
        places : Places
            Of the same T positions.
        cache : Cache, optional
            Of the positions before; it is extended.

        Returns
        -------
        Tensor, shape (B, T, D)
            Position i depends on positions 0..i alone.
        """
        turns = None
        if self.config.rotary:
            angles = turn_angles(places, self.config.head_width)
            turns = tuple(
                part[:, None].to(x.dtype) for angle in angles for part in (angle.cos(), angle.sin())
            )
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, turns, cache, layer)
        if cache is not None:
            cache.length += x.shape[1]
        normed: Tensor = self.norm(x)
        return normed

    def make_cache(self, n_batch: int, capacity: int, dtype: torch.dtype) -> Cache:
        """An empty cache for up to ``capacity`` positions."""
        weight = self.norm.weight
        shape = (n_batch, self.config.heads, capacity, self.config.head_width)

        def room() -> list[Tensor]:
            return [
                torch.zeros(shape, dtype=dtype, device=weight.device)
                for _ in range(self.config.layers)
            ]

        return Cache(room(), room())
