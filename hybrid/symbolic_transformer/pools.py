"""Training pieces on the device that trains, and random excerpts of them.

All pieces of a corpus lie one after another in a few tensors. An excerpt is drawn, cut and
transposed where the tensors are, so no batch waits for the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.core.errors import ConfigError
from hybrid.symbolic_transformer.event_columns import (
    ASK_COLUMNS,
    PART_COLUMNS,
    READ_COLUMNS,
    EventColumns,
)
from hybrid.symbolic_transformer.event_model import transpose
from hybrid.symbolic_transformer.events import N_PITCHES
from hybrid.symbolic_transformer.grid import N_SYMBOLS, SILENCE

#: Transpositions that are drawn from, in semitones: every key once.
LOWEST_SHIFT, HIGHEST_SHIFT = -5, 6
#: Excerpts may begin this much before a piece, so that beginnings are drawn as often as the rest.
LEAD = 64


class Spans:
    """Where the pieces lie in the joined tensors, and how far each can be transposed."""

    def __init__(
        self,
        lengths: Sequence[int],
        lowest: Sequence[int],
        highest: Sequence[int],
        top: int,
        device: torch.device,
    ) -> None:
        if not lengths or min(lengths) < 1:
            raise ConfigError("a corpus to train on must have pieces that are not empty")
        self.length = torch.tensor(lengths, device=device)
        self.offset = self.length.cumsum(0) - self.length
        low = 1 - torch.tensor(lowest, device=device)
        high = top - torch.tensor(highest, device=device)
        self.low = low.clamp(min=LOWEST_SHIFT).clamp(max=0)
        self.high = high.clamp(max=HIGHEST_SHIFT).clamp(min=0)

    def draw(
        self, n: int, window: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pieces (by length), first positions and transpositions of n excerpts, each (n,)."""
        device = self.length.device
        piece = torch.multinomial(self.length.float(), n, replacement=True, generator=generator)
        room = (self.length[piece] - window).clamp(min=0)
        share = torch.rand(n, device=device, generator=generator)
        first = ((share * (room + LEAD + 1)).long() - LEAD).clamp(min=0).minimum(room)
        share = torch.rand(n, device=device, generator=generator)
        low, high = self.low[piece], self.high[piece]
        shift = (low + (share * (high - low + 1)).long()).minimum(high)
        return piece, first, shift

    def rows(self, piece: Tensor, first: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """Places of excerpts in the joined tensors, (n, window), and which of them are real."""
        step = first[:, None] + torch.arange(window, device=first.device)
        length = self.length[piece][:, None]
        return self.offset[piece][:, None] + step.minimum(length - 1), step < length


@dataclass(frozen=True)
class EventBatch:
    """Excerpts of event columns; see `EventTransformer.forward` for the shapes."""

    read: Tensor
    ask: Tensor
    parts: Tensor
    floor: Tensor
    tick: Tensor
    style: Tensor
    valid: Tensor


class EventPool:
    """Pieces as event columns."""

    def __init__(self, pieces: Sequence[EventColumns], style: int, device: torch.device) -> None:
        def joined(name: str) -> Tensor:
            return torch.from_numpy(np.concatenate([getattr(piece, name) for piece in pieces])).to(
                device
            )

        self.read, self.ask, self.parts = joined("read"), joined("ask"), joined("parts")
        self.floor, self.tick = joined("floor"), joined("tick")
        self.style = style
        pitches = [piece.parts[:, 2][piece.parts[:, 2] > 0] for piece in pieces]
        self.spans = Spans(
            [len(piece.tick) for piece in pieces],
            [int(values.min()) if len(values) else 1 for values in pitches],
            [int(values.max()) if len(values) else 1 for values in pitches],
            N_PITCHES - 1,
            device,
        )

    def draw(self, n: int, window: int, generator: torch.Generator) -> EventBatch:
        """Random excerpts in random keys."""
        piece, first, shift = self.spans.draw(n, window, generator)
        return self.excerpts(piece, first, window, shift)

    def excerpts(self, piece: Tensor, first: Tensor, window: int, shift: Tensor) -> EventBatch:
        """The excerpts of pieces that begin at positions, moved by semitones."""
        at, valid = self.spans.rows(piece, first, window)
        read, ask, parts = (x[at].long() for x in (self.read, self.ask, self.parts))
        floor = self.floor[at].long()
        floor[..., 2] = torch.where(floor[..., 2] > 0, floor[..., 2] + shift[:, None], 0)
        return EventBatch(
            transpose(read, READ_COLUMNS, shift),
            transpose(ask, ASK_COLUMNS, shift),
            transpose(parts, PART_COLUMNS, shift),
            floor,
            self.tick[at].long(),
            torch.full_like(piece, self.style),
            valid,
        )


@dataclass(frozen=True)
class GridBatch:
    """Excerpts of grids; see `GridTransformer.forward` for the shapes."""

    symbols: Tensor
    start: Tensor
    style: Tensor
    valid: Tensor


class GridPool:
    """Pieces as grids of symbols."""

    def __init__(
        self,
        pieces: Sequence[NDArray[np.integer]],
        styles: Sequence[int],
        device: torch.device,
    ) -> None:
        joined = np.concatenate(pieces).astype(np.uint8)
        self.symbols = torch.from_numpy(joined).to(device)
        self.styles = torch.tensor(styles, device=device)
        sounding = [piece[piece != SILENCE] for piece in pieces]
        self.spans = Spans(
            [len(piece) for piece in pieces],
            [int(values.min()) if len(values) else 1 for values in sounding],
            [int(values.max()) if len(values) else 1 for values in sounding],
            N_SYMBOLS - 1,
            device,
        )

    def draw(self, n: int, window: int, generator: torch.Generator) -> GridBatch:
        """Random excerpts in random keys."""
        piece, first, shift = self.spans.draw(n, window, generator)
        at, valid = self.spans.rows(piece, first, window)
        rows = self.symbols[at].long()
        moved = torch.where(rows == SILENCE, rows, rows + shift[:, None, None])
        return GridBatch(moved * valid[..., None], first, self.styles[piece], valid)


Batch = TypeVar("Batch", EventBatch, GridBatch)


def joined_batches(batches: Sequence[Batch]) -> Batch:
    """One batch of all rows."""
    kind = type(batches[0])
    names = [item.name for item in fields(kind)]
    return kind(**{name: torch.cat([getattr(b, name) for b in batches]) for name in names})


__all__ = ["EventBatch", "EventPool", "GridBatch", "GridPool", "Spans", "joined_batches"]
