"""Particles: rows of events with what the decoder remembers of them, and their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.symbolic_transformer.event_columns import read_events
from hybrid.symbolic_transformer.event_model import EventTransformer
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.event_steps import EventSteps
from hybrid.symbolic_transformer.events import BAR
from hybrid.symbolic_transformer.tables import PlanArrays
from hybrid.symbolic_transformer.trunk_steps import make_ring

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Particles:
    """B pieces that may yet become different ones.

    Parameters
    ----------
    model : EventTransformer
    plan : PlanArrays
    style : int
        Place in `STYLES`.
    n_rows : int
    window : int
        Events that the model looks back on.
    given : np.ndarray, shape (n,), `EVENT_DTYPE`
        All rows begin with these events; none may be given.

    Attributes
    ----------
    rows : EventRows
    weight : np.ndarray, shape (B,), float64
        Logarithms; minus infinity for a row that found no way.
    hidden : Tensor, shape (B, 1, D)
        The decoder's features of each row's newest event.
    probability, rejected : np.ndarray, shape (B, capacity)
        Of each event: its probability under the model (nan where it was not drawn), and how
        many candidates limits shut.
    bar_counts : np.ndarray, shape (B, n_bars + 1), int64
        Events of each row before each bar line.
    """

    def __init__(
        self,
        model: EventTransformer,
        plan: PlanArrays,
        style: int,
        n_rows: int,
        window: int,
        given: NDArray[Any],
    ) -> None:
        self.model, self.plan = model, plan
        self.style = torch.full((n_rows,), style)
        self.rows = EventRows(plan, n_rows)
        self.ring = make_ring(model.trunk, n_rows, window)
        self.steps = EventSteps(model, self.rows.told, style)
        self.weight = np.zeros(n_rows)
        self.hidden: Tensor = torch.empty(0)
        self.probability = np.full((n_rows, 64), np.nan)
        self.rejected = np.zeros((n_rows, 64), np.int64)
        self.bar_counts = np.zeros((n_rows, len(plan.bars) + 1), np.int64)
        if len(given):
            self.rows.load(given)
            self._room()
            self._prefill(given)
            starts = np.flatnonzero(given["track"] == BAR)
            self.bar_counts[:, : len(starts)] = starts

    @property
    def n_rows(self) -> int:
        return self.rows.n_rows

    @property
    def every(self) -> Ints:
        return np.arange(self.n_rows)

    def _prefill(self, given: NDArray[Any]) -> None:
        """Run what is given through the decoder at once."""
        columns = read_events(given, self.plan)
        late = slice(max(0, len(given) - self.ring.window), None)
        read = torch.from_numpy(columns.read[late].astype(np.int64))[None]
        tick = torch.from_numpy(columns.tick[late].astype(np.int64))[None]
        trunk = self.model.trunk
        with torch.inference_mode():
            cache = trunk.make_cache(1, read.shape[1], trunk.norm.weight.dtype)
            self.model.listen(read, tick, self.style[:1], cache)
        self.ring.load(cache)

    def _room(self) -> None:
        """Give the notes about events as much room as the events have."""
        more = self.rows.events.shape[1] - self.probability.shape[1]
        if more > 0:
            self.probability = np.pad(self.probability, ((0, 0), (0, more)), constant_values=np.nan)
            self.rejected = np.pad(self.rejected, ((0, 0), (0, more)))

    def append(self, which: Ints, **fields: Any) -> None:
        """Add an event to some rows; the decoder hears it with `hear`."""
        self.rows.append(which, **fields)
        self._room()

    def note(self, which: Ints, probability: Floats, rejected: Ints) -> None:
        """Keep what was found out about the newest events of some rows."""
        newest = self.rows.count[which] - 1
        self.probability[which, newest] = probability
        self.rejected[which, newest] = rejected

    def hear(self, active: Mask) -> None:
        """Run the newest event of the active rows through the decoder; the others wait."""
        self.hidden = self.steps.hear(self.rows, self.ring, active)[:, None]

    def select(self, which: Ints) -> None:
        """Keep the given rows in their order; a row may come more than once."""
        if len(which) == self.n_rows and (which == self.every).all():
            return
        self.rows.select(which)
        self.ring.select(which)
        at = torch.from_numpy(which)
        self.style, self.hidden = self.style[at], self.hidden[at]
        self.weight = self.weight[which]
        self.probability, self.rejected = self.probability[which], self.rejected[which]
        self.bar_counts = self.bar_counts[which]

    def take_back(self, bar: int) -> bool:
        """Forget all rows' events from a bar line on, if the decoder can.

        False, and nothing is forgotten, where too much of what it should then remember has been
        written over.
        """
        count = self.bar_counts[:, bar]
        written = self.ring.written - (self.rows.count - count)
        if (written - self.ring.oldest < np.minimum(written, self.ring.window // 2)).any():
            return False
        self.rows.take_back(count)
        self.ring.take_back(written)
        lost = np.arange(self.probability.shape[1]) >= count[:, None]
        self.probability[lost] = np.nan
        self.rejected[lost] = 0
        self.weight = np.zeros(self.n_rows)
        return True


__all__ = ["Particles"]
