"""The analyser: notes -> relational graph network -> frames -> sequence layers -> key and chord.

The network is equivariant: a transposed piece gives the same numbers, moved. Notes carry
vectors that no transposition changes. Each frame (an eighth note) collects them by their place
on the line of fifths; twelve candidate tonics then look at the collection, each from its own
place, and all share one set of weights. The candidates see one another along the circle of
fifths, so that they can compare. The answer is a local key for each frame, and a chord within
that key: one joint label, from which root, quality and inversion follow.

References
----------
Karystinaios, E., & Widmer, G. (2023). Roman numeral analysis with graph neural networks:
onset-wise predictions from note-wise features. ISMIR. (Notes, graph, contraction. Departures:
frames are eighths instead of onsets, and chords are one joint label within a candidate key
instead of independent heads.)
Schlichtkrull, M., et al. (2018). Modeling relational data with graph convolutional networks.
ESWC. (The relational layer; here with a learned term for the interval along each edge.)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid.harmony.config import (
    MAX_PLACE,
    MIN_PLACE,
    N_BINS,
    N_PAIR_FLOATS,
    N_TONICS,
    N_WINDOW,
    WINDOW_ABOVE,
    WINDOW_BELOW,
    HarmonyConfig,
    chord_parts,
)
from hybrid.harmony.features import N_ACCENTS, N_DURATIONS, N_PLACES, N_STEPS
from hybrid.harmony.graph import RELATIONS
from hybrid.harmony.labels import Vocabulary


def _table(n: int, size: int, spread: float) -> nn.Embedding:
    """Embeddings that begin with a given standard deviation."""
    table = nn.Embedding(n, size)
    nn.init.normal_(table.weight, std=spread)
    return table


class RelationalLayer(nn.Module):
    """One step of messages along the edges of the note graph.

    A note takes from itself ``W0 h`` and, from each relation, the mean over its edges of
    ``(W_r h_source) * (1 + g_e) + b_e``, where ``g_e`` and ``b_e`` are learned for each
    relation, interval and direction.
    """

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.send = nn.Linear(size, len(RELATIONS) * size, bias=False)
        self.stay = nn.Linear(size, size)
        n_kinds = len(RELATIONS) * N_PLACES * 3
        self.gain = _table(n_kinds, size, 0.02)
        self.shift = _table(n_kinds, size, 0.1)
        self.widen = nn.Linear(size, 2 * size)
        self.narrow = nn.Linear(2 * size, size)
        self.norm2 = nn.LayerNorm(size)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, source: Tensor, target: Tensor, kind: Tensor) -> Tensor:
        n, size = h.shape
        x = self.norm(h)
        relation = kind // (N_PLACES * 3)
        sent = self.send(x).view(n * len(RELATIONS), size)  # (N R, D)
        message = sent.index_select(0, source * len(RELATIONS) + relation)  # (E, D)
        message = message * (1 + self.gain(kind)) + self.shift(kind)
        slot = target * len(RELATIONS) + relation
        count = torch.bincount(slot, minlength=n * len(RELATIONS)).clamp(min=1)
        weight = (1.0 / count)[slot].unsqueeze(1)
        total = torch.zeros(n, size, dtype=torch.float32, device=h.device)
        total = total.index_add(0, target, (message * weight).float())
        h = h + self.drop(F.gelu(self.stay(x) + total.to(x.dtype)))
        h = h + self.drop(self.narrow(F.gelu(self.widen(self.norm2(h)))))
        return h


class NoteEncoder(nn.Module):
    """Vectors of notes from their own values and their neighbours in the graph."""

    def __init__(self, config: HarmonyConfig) -> None:
        super().__init__()
        size = config.note_size
        sizes = (N_PLACES, N_DURATIONS, N_ACCENTS, N_STEPS, N_STEPS, 4)
        self.tables = nn.ModuleList(_table(n, size, 0.3) for n in sizes)
        self.floats = nn.Linear(4, size)
        self.layers = nn.ModuleList(
            RelationalLayer(size, config.dropout / 2) for _ in range(config.note_layers)
        )
        self.norm = nn.LayerNorm(size)

    def forward(
        self, ints: Tensor, floats: Tensor, source: Tensor, target: Tensor, kind: Tensor
    ) -> Tensor:
        h = self.floats(floats)
        for column, table in enumerate(self.tables):
            h = h + table(ints[:, column])
        for layer in self.layers:
            h = layer(h, source, target, kind)
        out: Tensor = self.norm(h)
        return out


class Compare(nn.Module):
    """Mixing of the twelve candidates along the circle of fifths, the same from each place."""

    turn: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(N_TONICS, size) * 0.05)
        self.bias = nn.Parameter(torch.zeros(size))
        place = torch.arange(N_TONICS)
        self.register_buffer("turn", (place[None, :] - place[:, None]) % N_TONICS, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # x: (B, T, 12, D); weight[j - i]: what candidate i takes from candidate j.
        table = self.weight[self.turn]  # (12, 12, D)
        return torch.einsum("btjd,ijd->btid", x, table.to(x.dtype)) + self.bias.to(x.dtype)


class ConvolutionLayer(nn.Module):
    """Depthwise convolution over time, comparison over candidates, then a gated layer."""

    def __init__(self, config: HarmonyConfig, dilation: int) -> None:
        super().__init__()
        size = config.frame_size
        self.dilation = dilation
        self.norm = nn.LayerNorm(size)
        self.time = nn.Parameter(torch.randn(config.kernel, size) / config.kernel**0.5)
        self.compare = Compare(size)
        self.widen = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(2 * size, size)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        t = h.shape[1]
        x = _working(self.norm(h) * mask[:, :, None, None])
        time = self.time.to(x.dtype)
        reach = self.dilation * (len(time) // 2)
        padded = F.pad(x, (0, 0, 0, 0, reach, reach))
        # A sum of shifted copies: faster here than a grouped convolution, and no transposing.
        taps = range(len(time))
        shifted = (padded[:, k * self.dilation : k * self.dilation + t] for k in taps)
        x = sum((part * time[k] for k, part in enumerate(shifted)), torch.zeros_like(x))
        x = x + self.compare(x)
        value, gate = self.widen(x).chunk(2, dim=-1)
        out: Tensor = h + self.drop(self.narrow(value * F.silu(gate)))
        return out


def _working(x: Tensor) -> Tensor:
    """``x`` in the type of autocast, where that is on: sums of few terms need no more."""
    device = x.device.type
    if torch.is_autocast_enabled(device):
        return x.to(torch.get_autocast_dtype(device))
    return x


def rotate(x: Tensor) -> Tensor:
    """Rotary positions on (B, H, T, D): distances in time, not places, enter attention."""
    t, d = x.shape[-2], x.shape[-1]
    rate = 1.0 / 1000 ** (torch.arange(0, d, 2, device=x.device) / d)
    angle = torch.arange(t, device=x.device)[:, None] * rate  # (T, D / 2)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


class AttentionLayer(nn.Module):
    """Self-attention over time for each candidate, then a gated layer with comparison."""

    def __init__(self, config: HarmonyConfig) -> None:
        super().__init__()
        size = config.frame_size
        self.heads = config.heads
        self.norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.norm2 = nn.LayerNorm(size)
        self.compare = Compare(size)
        self.widen = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(2 * size, size)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        b, t, p, d = h.shape
        x = self.norm(h).permute(0, 2, 1, 3).reshape(b * p, t, d)
        qkv = self.qkv(x).view(b * p, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = rotate(qkv[0]), rotate(qkv[1]), qkv[2]  # (B 12, H, T, D / H)
        allowed = mask.bool().repeat_interleave(p, 0)[:, None, None, :]
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        x = x.transpose(1, 2).reshape(b, p, t, d).permute(0, 2, 1, 3)
        h = h + self.drop(self.out(x))
        x = self.norm2(h)
        x = x + self.compare(x)
        value, gate = self.widen(x).chunk(2, dim=-1)
        out: Tensor = h + self.drop(self.narrow(value * F.silu(gate)))
        return out


class ChordTable(nn.Module):
    """Embeddings of all chords, each the sum of its parts, so that rare chords share."""

    parts: Tensor

    def __init__(self, vocabulary: Vocabulary, size: int) -> None:
        super().__init__()
        columns = chord_parts(vocabulary)
        self.register_buffer("parts", torch.tensor(columns), persistent=False)  # (10, V)
        self.tables = nn.ModuleList(_table(max(column) + 1, size, 0.3) for column in columns)
        self.biases = nn.ModuleList(_table(max(column) + 1, 1, 0.0) for column in columns)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Embeddings (V, D) and biases (V,)."""
        parts = self.parts
        rows = sum(table(parts[i]) for i, table in enumerate(self.tables))
        bias = sum(table(parts[i]) for i, table in enumerate(self.biases))
        assert isinstance(rows, Tensor)
        assert isinstance(bias, Tensor)
        return rows, bias[:, 0]


class HarmonyModel(nn.Module):
    """Scores of keys, chords within keys, chord changes and chord tones.

    Parameters
    ----------
    config : HarmonyConfig
    vocabulary : Vocabulary
        The chords it can name.
    """

    chord_mode: Tensor

    def __init__(self, config: HarmonyConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary
        size = config.frame_size
        self.notes = NoteEncoder(config)
        # Three shares of what a note gives: while it sounds, where it starts, as the bass.
        self.give = nn.Linear(config.note_size, config.collect_size)
        third = config.collect_size // 3
        self.split = (config.collect_size - 2 * third, third, third)
        channels = config.collect_size + N_PAIR_FLOATS
        self.look = nn.Linear(N_WINDOW * channels, size)
        self.whole = nn.Linear(channels, size)
        self.accent = _table(N_ACCENTS, size, 0.3)
        self.first = Compare(size)
        self.drop = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            AttentionLayer(config) if word == "a" else ConvolutionLayer(config, int(word[1:]))
            for word in config.layers.split()
        )
        self.norm = nn.LayerNorm(size)
        self.key = nn.Linear(size, 2)
        self.change = nn.Linear(2 * size, 2)
        self.query = nn.Sequential(
            nn.Linear(size, 2 * size),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * size, config.label_size),
        )
        self.chords = ChordTable(vocabulary, config.label_size)
        self.is_tone = nn.Linear(config.note_size, 1)
        self.register_buffer(
            "chord_mode", torch.tensor([c.mode for c in vocabulary.chords]), persistent=False
        )

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Encode a batch.

        Parameters
        ----------
        batch : mapping
            ``note_ints`` (N, 6), ``note_floats`` (N, 4), ``spelling`` (N,), ``source``,
            ``target``, ``kind`` (E,), ``pair_note``, ``pair_frame`` (P,), ``pair_floats``
            (P, 4), ``frame_accent``, ``mask`` (B, T), ``tonics`` (B, T, 12). Frames of
            ``pair_frame`` count through the batch: ``b * T + t``.

        Returns
        -------
        dict
            ``state`` (B, T, 12, D), ``key`` (B, T, 12, 2) logits, ``change`` (B, T, 2) logits
            of a new chord and a new key, ``tone`` (N,) logits of being a chord tone.
        """
        accent, mask = batch["frame_accent"], batch["mask"]
        b, t = accent.shape
        notes = self.notes(
            batch["note_ints"],
            batch["note_floats"],
            batch["source"],
            batch["target"],
            batch["kind"],
        )
        h = self._frames(notes, batch)
        h = h + self.accent(accent)[:, :, None, :]
        h = h + self.first(h)
        h = self.drop(h)
        for layer in self.layers:
            h = layer(h, mask)
        h = self.norm(h)
        pooled = torch.cat([h.mean(dim=2), h.amax(dim=2)], dim=-1)
        return {
            "state": h,
            "key": self.key(h).float(),
            "change": self.change(pooled).float().view(b, t, 2),
            "tone": self.is_tone(notes).float()[:, 0],
        }

    def _frames(self, notes: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Contract notes to frames and look at each from the twelve tonics: (B, T, 12, D)."""
        tonics = batch["tonics"]
        b, t, _ = tonics.shape
        given = self.give(notes).index_select(0, batch["pair_note"])  # (P, C)
        floats = batch["pair_floats"].to(given.dtype)
        share, starts, low = floats[:, :1], floats[:, 1:2], floats[:, 2:3]
        one, two, three = given.split(self.split, dim=1)
        rows = torch.cat([one * share, two * starts, three * low, floats], dim=1)
        place = batch["spelling"][batch["pair_note"]].clamp(MIN_PLACE, MAX_PLACE) - MIN_PLACE
        bins = torch.zeros(b * t * N_BINS, rows.shape[1], dtype=torch.float32, device=rows.device)
        bins = bins.index_add(0, batch["pair_frame"] * N_BINS + place, rows.float())
        whole = self.whole(bins.view(b, t, N_BINS, -1).sum(dim=2))  # (B, T, D)
        window = torch.arange(-WINDOW_BELOW, WINDOW_ABOVE + 1, device=rows.device)
        index = (tonics[..., None] + window - MIN_PLACE).clamp(0, N_BINS - 1)  # (B, T, 12, W)
        frame = torch.arange(b * t, device=rows.device).view(b, t, 1, 1)
        seen = bins.index_select(0, (frame * N_BINS + index).flatten())
        seen = seen.view(b, t, N_TONICS, -1)  # (B, T, 12, W C)
        out: Tensor = self.look(seen) + whole[:, :, None, :]
        return out

    def chord_logits(self, state: Tensor, mode: Tensor | None = None) -> Tensor:
        """Logits of every chord for candidate states (..., D): (..., V).

        ``mode`` (...,) shuts out the chords of the other mode.
        """
        rows, bias = self.chords()
        query: Tensor = self.query(state)
        logits: Tensor = (query @ rows.T.to(query.dtype)).float() + bias.float()
        if mode is not None:
            wrong = self.chord_mode != mode[..., None]
            logits = logits.masked_fill(wrong, -1e9)
        return logits
