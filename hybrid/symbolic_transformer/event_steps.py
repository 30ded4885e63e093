"""The event model asked for one event of each row, with as few operations as it takes.

What `EventTransformer` computes for whole pieces is computed here for the newest event of some
rows. Most of that work would be the calls themselves: so intervals and degrees are looked up
in tables, what depends on the plan and the tick alone is computed once a tick, and the pitch's
three readings are one product. The results are the model's, but for the order of sums.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hybrid.symbolic_transformer.event_columns import (
    EVENT_COLUMNS,
    PLAN_COLUMNS,
    STATE_COLUMNS,
    PlanColumns,
)
from hybrid.symbolic_transformer.event_model import (
    N_INTERVALS,
    NO_CLASS,
    NO_INTERVAL,
    REACH,
    Ask,
    Columns,
    EventTransformer,
)
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.events import LOWEST, N_PITCHES, N_TRACKS
from hybrid.symbolic_transformer.tables import TICKS
from hybrid.symbolic_transformer.trunk import PITCH_PERIODS, TIME_PERIODS
from hybrid.symbolic_transformer.trunk_steps import RingCache, advance

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
#: Ticks whose vectors are kept before all are forgotten, so that memory does not grow.
MOST_TICKS = 4096

_N_PLAN, _N_EVENT = len(PLAN_COLUMNS), len(EVENT_COLUMNS)
_NAMES = [column.name for column in PLAN_COLUMNS]
_TONIC, _ROOT, _BASS, _NEXT, _MASK = (
    _NAMES.index(name) for name in ("tonic", "root", "bass", "next_root", "mask")
)
_LASTS = [_N_PLAN + 4 * track for track in range(N_TRACKS)]
_OWN = _N_PLAN + len(STATE_COLUMNS)

_pitches, _classes = np.arange(N_PITCHES), np.arange(NO_CLASS + 1)
#: Degree of a pitch above a class, (N_PITCHES, 13).
DEGREES: Ints = np.where(
    (_pitches[:, None] > 0) & (_classes < NO_CLASS),
    (_pitches[:, None] + LOWEST - 1 - _classes) % 12,
    NO_CLASS,
)
#: From one class up to another, (13, 13).
BETWEEN: Ints = np.where(
    (_classes[:, None] < NO_CLASS) & (_classes < NO_CLASS),
    (_classes - _classes[:, None]) % 12,
    NO_CLASS,
)
#: Place of the interval from one pitch to another, (N_PITCHES, N_PITCHES).
INTERVALS: Ints = np.where(
    (_pitches[:, None] > 0) & (_pitches > 0),
    np.clip(_pitches - _pitches[:, None], -REACH, REACH) + REACH,
    NO_INTERVAL,
)
_BITS: Floats = ((np.arange(4096)[:, None] >> np.arange(12)) & 1).astype(np.float32)


class _Ask:
    """`Ask` with its weights at hand."""

    def __init__(self, ask: Ask) -> None:
        norm = ask.norm
        self.shape, self.scale, self.shift, self.eps = (
            list(norm.normalized_shape),
            norm.weight,
            norm.bias,
            norm.eps,
        )
        self.up, self.up_bias = ask.up.weight, ask.up.bias
        self.down = ask.down.weight.t().contiguous()
        self.down_bias = ask.down.bias

    def __call__(self, x: Tensor) -> Tensor:
        normed = torch.layer_norm(x, self.shape, self.scale, self.shift, self.eps)
        gate, value = F.linear(normed, self.up, self.up_bias).chunk(2, -1)
        return torch.addmm(x + self.down_bias, F.silu(gate) * value, self.down)


class EventSteps:
    """An event model for rows of one plan and style.

    Parameters
    ----------
    model : EventTransformer
        In evaluation mode, float32, on the CPU.
    told : PlanColumns
    style : int
        Place in `STYLES`.
    """

    def __init__(self, model: EventTransformer, told: PlanColumns, style: int) -> None:
        self.model, self.told, self.style = model, told, style
        config = model.config.trunk
        self.rotary = config.rotary
        self.ask_track, self.ask_pitch = _Ask(model.ask_track), _Ask(model.ask_pitch)
        self.ask_duration, self.ask_velocity = _Ask(model.ask_duration), _Ask(model.ask_velocity)
        outs = (model.pitch_out.weight, model.interval_out.weight, model.degree_out.weight)
        self.pitch_weight = torch.cat(outs)
        empty = torch.zeros(len(self.pitch_weight) - N_PITCHES)
        self.pitch_bias = torch.cat([model.pitch_out.bias, empty])
        # Where each source's intervals and each ground's degrees stand among the outputs.
        first = N_PITCHES + N_INTERVALS * np.arange(2 + N_TRACKS)
        self._intervals = first[:, None]
        last = N_PITCHES + N_INTERVALS * (2 + N_TRACKS)
        self._degrees = last + (NO_CLASS + 1) * np.arange(2)[:, None]
        self._read_starts, self._moment_starts, self._own_starts = (
            columns.starts.numpy() for columns in (model.read, model.moment, model.own)
        )
        self._heard_starts = model.heard.starts.numpy()
        pairs = config.head_width // 2
        speeds = np.zeros((2, pairs), np.float32)
        n_times = len(TIME_PERIODS)
        speeds[0, :n_times] = 2 * math.pi / np.array(TIME_PERIODS)
        speeds[1, n_times : n_times + len(PITCH_PERIODS)] = 2 * math.pi / np.array(PITCH_PERIODS)
        self._speeds = np.concatenate([speeds, speeds], 1)
        self._forget()

    # --- What the plan says at a tick --------------------------------------------------------

    def _forget(self) -> None:
        width = self.model.config.trunk.width
        self._known: dict[int, int] = {}
        self._heard_there = torch.zeros(MOST_TICKS, width)
        self._standing_there = torch.zeros(MOST_TICKS, width)

    def _ticks(self, ticks: Ints) -> Tensor:
        """Places of ticks' vectors in the tables; new ones are computed."""
        wanted = ticks.tolist()
        fresh = sorted({tick for tick in wanted if tick not in self._known})
        if fresh:
            if len(self._known) + len(fresh) > MOST_TICKS:
                self._forget()
                fresh = sorted(set(wanted))
            start = len(self._known)
            self._known |= {tick: start + number for number, tick in enumerate(fresh)}
            plan = self.told.at(np.array(fresh)).astype(np.int64)
            span = slice(start, start + len(fresh))
            self._heard_there[span], self._standing_there[span] = self._of_plan(plan)
        return torch.tensor([self._known[tick] for tick in wanted])

    def _of_plan(self, plan: Ints) -> tuple[Tensor, Tensor]:
        """What the plan's columns add to what is read and to what is asked with, (n, D) each."""
        model = self.model
        root, tonic, mask = plan[:, _ROOT], plan[:, _TONIC], plan[:, _MASK]
        turn = np.where(root < NO_CLASS, root, 0)
        turned = ((mask >> turn) | (mask << (12 - turn))) & 4095
        bits = torch.from_numpy(np.concatenate([_BITS[mask], _BITS[turned]], 1))
        between = [BETWEEN[tonic, root], BETWEEN[root, plan[:, _BASS]]]
        between.append(BETWEEN[root, plan[:, _NEXT]])
        plain = plan.copy()
        plain[:, _MASK] = 0
        values = np.concatenate([plain, np.stack(between, 1)], 1)
        # The derived columns of `embed` begin with two degrees, those of `stand` do not.
        read_at = self._read_starts[_N_EVENT : _N_EVENT + _N_PLAN]
        read_at = np.concatenate([read_at, self._read_starts[_N_EVENT + _N_PLAN + 2 :][:3]])
        stand_at = np.concatenate([self._moment_starts[:_N_PLAN], self._moment_starts[_OWN:][:3]])
        return (
            _sum(model.read, values + read_at) + F.linear(bits, model.read_mask.weight),
            _sum(model.moment, values + stand_at) + F.linear(bits, model.moment_mask.weight),
        )

    # --- The model ---------------------------------------------------------------------------

    def hear(self, rows: EventRows, ring: RingCache, active: NDArray[np.bool_]) -> Tensor:
        """Run the newest event of the active rows through the decoder, (B, D); others wait."""
        read, tick = rows.read(), rows.newest("tick")
        pitch = read[:, 1]
        plan = read[:, _N_EVENT:]
        own = np.concatenate(
            [
                read[:, :_N_EVENT],
                DEGREES[pitch, plan[:, _ROOT]][:, None],
                DEGREES[pitch, plan[:, _TONIC]][:, None],
                DEGREES[pitch, plan[:, _NEXT]][:, None],
                np.full((len(pitch), 1), self.style),
            ],
            1,
        )
        starts = self._read_starts
        derived = starts[_N_EVENT + _N_PLAN :]
        starts = np.concatenate([starts[:_N_EVENT], derived[[0, 1, 5, 6]]])
        x = _sum(self.model.read, own + starts) + self._heard_there[self._ticks(tick)]
        turns = None
        if self.rotary:
            height = np.where(pitch > 0, pitch + LOWEST - 1 - 60, 0)
            place = np.stack([tick * (4 / TICKS), height], 1).astype(np.float32)
            angles = torch.from_numpy(place @ self._speeds)[:, None, None]
            # Queries and keys of an event turn alike.
            turns = angles.cos(), angles.sin()
        return advance(x, turns, ring, active)

    def stand(self, ask: Ints, tick: Ints) -> Tensor:
        """Features of the plan and of the tracks at the next events' ticks, (B, D)."""
        lasts = ask[:, _LASTS]
        root, tonic = ask[:, _ROOT], ask[:, _TONIC]
        values = np.concatenate(
            [ask[:, _N_PLAN:_OWN], DEGREES[lasts, root[:, None]], DEGREES[lasts, tonic[:, None]]], 1
        )
        starts = self._moment_starts
        starts = np.concatenate([starts[_N_PLAN:_OWN], starts[_OWN + 3 :]])
        found: Tensor = _sum(self.model.moment, values + starts)
        return found + self._standing_there[self._ticks(tick)]

    def places(self, hidden: Tensor) -> Tensor:
        """Logits of the places."""
        out = self.model.place_out
        return F.linear(hidden, out.weight, out.bias)

    def tracks(self, known: Tensor) -> Tensor:
        """Logits of the tracks, from features and what stands at the place."""
        out = self.model.track_out
        return F.linear(self.ask_track(known), out.weight, out.bias)

    def pitches(self, known: Tensor, ask: Ints, track: Ints) -> tuple[Tensor, Tensor]:
        """What the pitch is read from, and its logits, once the track is chosen."""
        own = ask[:, _OWN:]
        last, reference = own[:, 0], own[:, 3]
        root, tonic = ask[:, _ROOT], ask[:, _TONIC]
        told = [track, DEGREES[last, root], DEGREES[reference, root], INTERVALS[last, reference]]
        values = np.concatenate([own, np.stack(told, 1)], 1)
        asked = self.ask_pitch(known + _sum(self.model.own, values + self._own_starts))
        terms = F.linear(asked, self.pitch_weight, self.pitch_bias)
        sources = np.concatenate([last[:, None], reference[:, None], ask[:, _LASTS]], 1)
        grounds = np.stack([root, tonic], 1)
        at = np.concatenate(
            [INTERVALS[sources] + self._intervals, DEGREES.T[grounds] + self._degrees], 1
        )  # (B, 8, N_PITCHES)
        added = terms.gather(1, torch.from_numpy(at.reshape(len(at), -1)))
        return asked, terms[:, :N_PITCHES] + added.view(len(at), -1, N_PITCHES).sum(1)

    def durations(self, asked: Tensor, ask: Ints, pitch: Ints) -> tuple[Tensor, Tensor]:
        """What the duration is read from, and its logits, once the pitch is chosen."""
        last, reference = ask[:, _OWN], ask[:, _OWN + 3]
        told = [
            pitch,
            INTERVALS[last, pitch],
            DEGREES[pitch, ask[:, _ROOT]],
            DEGREES[pitch, ask[:, _TONIC]],
            INTERVALS[reference, pitch],
        ]
        heard = _sum(self.model.heard, np.stack(told, 1) + self._heard_starts)
        asked = self.ask_duration(asked + heard)
        out = self.model.duration_out
        return asked, F.linear(asked, out.weight, out.bias)

    def velocities(self, asked: Tensor, duration: Ints) -> tuple[Tensor, Tensor]:
        """What velocity and timing are read from, and the velocity's logits."""
        asked = self.ask_velocity(asked + self.model.lasts.weight[torch.from_numpy(duration)])
        out = self.model.velocity_out
        return asked, F.linear(asked, out.weight, out.bias)

    def timings(self, asked: Tensor, velocity: Ints) -> Tensor:
        """Logits of the timing, once the velocity is chosen."""
        out = self.model.timing_out
        asked = asked + self.model.loud.weight[torch.from_numpy(velocity)]
        return F.linear(asked, out.weight, out.bias)


def _sum(columns: Columns, at: Ints) -> Tensor:
    """Sum of the vectors at places of a table, (B, C) to (B, D)."""
    return F.embedding_bag(torch.from_numpy(at), columns.weight, mode="sum")


__all__ = ["EventSteps"]
