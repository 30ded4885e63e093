"""The event model: a decoder over bars and notes that asks for a note's parts one by one.

The decoder reads the events so far. The next event's place is predicted from its features;
track, pitch, duration, velocity and timing are then asked in turn, each with what the plan says
at that place (the chord above all), with the state of the tracks, and with the parts already
chosen. So a note is always written knowing the harmony under it, and one decoder position
writes a whole note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid.symbolic_transformer.event_columns import (
    ASK_COLUMNS,
    OWN_COLUMNS,
    PART_COLUMNS,
    PLAN_COLUMNS,
    READ_COLUMNS,
    STATE_COLUMNS,
    Column,
)
from hybrid.symbolic_transformer.events import (
    LOWEST,
    N_DURATIONS,
    N_PITCHES,
    N_PLACES,
    N_TIMINGS,
    N_TRACKS,
    N_VELOCITIES,
    NEXT_BAR,
)
from hybrid.symbolic_transformer.tables import TICKS
from hybrid.symbolic_transformer.trunk import Cache, Places, Trunk, TrunkConfig

if TYPE_CHECKING:
    from hybrid.symbolic_transformer.event_weights import WeightsInfo

#: Widest interval told apart, in semitones; the last place says that one of the two is missing.
REACH = 36
N_INTERVALS = 2 * REACH + 2
NO_INTERVAL = N_INTERVALS - 1
NO_CLASS = 12
STYLES = ("chorale", "quartet", "pop")
PARTS = tuple(column.name for column in PART_COLUMNS)

_PLAN_WIDTH = len(PLAN_COLUMNS)
_STATE_WIDTH = len(STATE_COLUMNS)
_MASK = [column.name for column in PLAN_COLUMNS].index("mask")
_TONIC, _ROOT, _BASS, _NEXT = (
    [column.name for column in PLAN_COLUMNS].index(name)
    for name in ("tonic", "root", "bass", "next_root")
)
_PITCH = [column.name for column in READ_COLUMNS].index("pitch")
_READ_PLAN = len(READ_COLUMNS) - _PLAN_WIDTH
_LASTS = [
    _PLAN_WIDTH + index
    for index, column in enumerate(STATE_COLUMNS)
    if column.name.startswith("last_")
]
_OWN = _PLAN_WIDTH + _STATE_WIDTH
_OWN_LAST, _OWN_REFERENCE = _OWN, _OWN + 3


@dataclass(frozen=True)
class EventConfig:
    """Sizes of the event model.

    Attributes
    ----------
    trunk : TrunkConfig
    n_styles : int
    hidden : int
        Features inside the layers that ask for the parts.
    """

    trunk: TrunkConfig = field(
        default_factory=lambda: TrunkConfig(reach=64, period=0, relative_layers=2)
    )
    n_styles: int = len(STYLES)
    hidden: int = 384

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EventConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "trunk": TrunkConfig(**values["trunk"])})


def transpose(values: Tensor, columns: Sequence[Column], semitones: Tensor) -> Tensor:
    """Columns of a batch moved by semitones.

    Parameters
    ----------
    values : Tensor, shape (B, T, C), int64
    columns : sequence of C Column
    semitones : Tensor, shape (B,), int64
        Pitches that would leave the vocabulary are kept at its ends; a caller avoids that.
    """
    moved = values.clone()
    by = semitones[:, None]
    for index, column in enumerate(columns):
        one = values[..., index]
        if column.kind == "pitch":
            moved[..., index] = torch.where(one > 0, (one + by).clamp(1, N_PITCHES - 1), one)
        elif column.kind == "class":
            moved[..., index] = torch.where(one < NO_CLASS, (one + by) % 12, one)
        elif column.kind == "mask":
            turn = by % 12
            moved[..., index] = ((one << turn) | (one >> (12 - turn))) & 4095
    return moved


def interval(of: Tensor, to: Tensor) -> Tensor:
    """Place of the interval between two pitches of the vocabulary, 0 for none of either."""
    steps = (to - of).clamp(-REACH, REACH) + REACH
    return torch.where((of > 0) & (to > 0), steps, NO_INTERVAL)


def degree(pitch: Tensor, tonic: Tensor) -> Tensor:
    """Semitones of a pitch (vocabulary) above a pitch class, 0..11; 12 where one is missing."""
    steps = (pitch + LOWEST - 1 - tonic) % 12
    return torch.where((pitch > 0) & (tonic < NO_CLASS), steps, NO_CLASS)


def between(low: Tensor, high: Tensor) -> Tensor:
    """Semitones from one pitch class up to another, 0..11; 12 where one is missing."""
    return torch.where((low < NO_CLASS) & (high < NO_CLASS), (high - low) % 12, NO_CLASS)


class Columns(nn.Module):
    """The sum of a vector for each column's value, as one product with a row of ones."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("starts", starts, persistent=False)
        self.weight = nn.Parameter(torch.randn(sum(sizes), width) * (width * len(sizes)) ** -0.5)
        self.starts: Tensor

    def forward(self, values: Tensor) -> Tensor:
        """(..., C) whole numbers to (..., D)."""
        at = values + self.starts
        weight = self.weight
        if not values.is_cuda:
            rows = at.flatten(0, -2)
            return F.embedding_bag(rows, weight, mode="sum").view(*at.shape[:-1], -1)
        kind = torch.bfloat16 if torch.is_autocast_enabled("cuda") else weight.dtype
        ones = torch.zeros(*at.shape[:-1], len(weight), dtype=kind, device=at.device)
        return ones.scatter_(-1, at, 1.0) @ weight.to(kind)


def _sizes(columns: Sequence[Column]) -> list[int]:
    """Values of each column; the mask is read as bits instead."""
    return [1 if column.kind == "mask" else column.size for column in columns]


def _bits(mask: Tensor) -> Tensor:
    return (mask[..., None] >> torch.arange(12, device=mask.device)) & 1


def _no_mask(values: Tensor, at: int) -> Tensor:
    """The columns with the mask's set to 0, whose vector is the same for all."""
    values = values.clone()
    values[..., at] = 0
    return values


class Ask(nn.Module):
    """A gated layer that turns what is known into what a part is read from."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * hidden)
        self.down = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.up(self.norm(x)).chunk(2, -1)
        added: Tensor = x + self.down(self.dropout(F.silu(gate) * value))
        return added


class EventTransformer(nn.Module):
    """Predicts the parts of each event from all events before it and the plan."""

    #: What file the weights come from, where they come from one.
    info: WeightsInfo | None = None

    def __init__(self, config: EventConfig) -> None:
        super().__init__()
        self.config = config
        width, dropout = config.trunk.width, config.trunk.dropout
        classes, steps = NO_CLASS + 1, N_INTERVALS
        self.read = Columns([*_sizes(READ_COLUMNS), *[classes] * 6, config.n_styles], width)
        self.read_mask = nn.Linear(24, width, bias=False)
        self.trunk = Trunk(config.trunk)
        self.moment = Columns(
            [*_sizes(PLAN_COLUMNS + STATE_COLUMNS), *[classes] * (3 + 2 * N_TRACKS)], width
        )
        self.moment_mask = nn.Linear(24, width, bias=False)
        self.own = Columns([*_sizes(OWN_COLUMNS), N_TRACKS, classes, classes, steps], width)
        self.heard = Columns([N_PITCHES, steps, classes, classes, steps], width)
        self.lasts = Columns([N_DURATIONS], width)
        self.loud = Columns([N_VELOCITIES], width)
        self.ask_track = Ask(width, config.hidden, dropout)
        self.ask_pitch = Ask(width, config.hidden, dropout)
        self.ask_duration = Ask(width, config.hidden, dropout)
        self.ask_velocity = Ask(width, config.hidden // 2, dropout)
        self.place_out = nn.Linear(width, N_PLACES)
        self.track_out = nn.Linear(width, N_TRACKS)
        self.pitch_out = nn.Linear(width, N_PITCHES)
        self.interval_out = nn.Linear(width, (2 + N_TRACKS) * N_INTERVALS, bias=False)
        self.degree_out = nn.Linear(width, 2 * (NO_CLASS + 1), bias=False)
        self.duration_out = nn.Linear(width, N_DURATIONS)
        self.velocity_out = nn.Linear(width, N_VELOCITIES)
        self.timing_out = nn.Linear(width, N_TIMINGS)

    def forward(
        self, read: Tensor, ask: Tensor, parts: Tensor, tick: Tensor, style: Tensor
    ) -> dict[str, Tensor]:
        """Logits of the parts of every next event, each knowing the parts before it.

        Parameters
        ----------
        read : Tensor, shape (B, T, len(READ_COLUMNS)), int64
        ask : Tensor, shape (B, T, len(ASK_COLUMNS)), int64
        parts : Tensor, shape (B, T, len(PART_COLUMNS)), int64
        tick : Tensor, shape (B, T), int64
        style : Tensor, shape (B,), int64

        Returns
        -------
        dict
            By part, (B, T, values of the part).
        """
        hidden = self.listen(read, tick, style)
        logits = {"place": self.place_out(hidden)}
        known = hidden + self.stand(ask)
        logits["track"] = self.track_out(self.ask_track(known))
        track, pitch, duration, velocity = parts[..., 1:5].unbind(-1)
        asked, logits["pitch"] = self.ask_for_pitch(known, ask, track)
        asked, logits["duration"] = self.ask_for_duration(asked, ask, pitch)
        asked, logits["velocity"] = self.ask_for_velocity(asked, duration)
        logits["timing"] = self.ask_for_timing(asked, velocity)
        return logits

    def listen(
        self, read: Tensor, tick: Tensor, style: Tensor, cache: Cache | None = None
    ) -> Tensor:
        """Features of every event, (B, T, D); with a cache, of those after it."""
        x, places = self.embed(read, tick, style)
        features: Tensor = self.trunk(x, places, cache)
        return features

    def embed(self, read: Tensor, tick: Tensor, style: Tensor) -> tuple[Tensor, Places]:
        """What goes into the decoder for each event: its vector, (B, T, D), and its place."""
        pitch, plan = read[..., _PITCH], read[..., _READ_PLAN:]
        root, tonic = plan[..., _ROOT], plan[..., _TONIC]
        derived = [
            degree(pitch, root),
            degree(pitch, tonic),
            between(tonic, root),
            between(root, plan[..., _BASS]),
            between(root, plan[..., _NEXT]),
            degree(pitch, plan[..., _NEXT]),
            style[:, None].expand_as(pitch),
        ]
        mask = plan[..., _MASK]
        values = torch.cat([_no_mask(read, _READ_PLAN + _MASK), torch.stack(derived, -1)], -1)
        x = self.read(values) + self.read_mask(self._masks(mask, root).to(self._kind(read)))
        height = torch.where(pitch > 0, pitch + LOWEST - 1 - 60, 0).float()
        places = Places(tick.float() * 4 / TICKS, height, height)
        return x, places

    def _kind(self, values: Tensor) -> torch.dtype:
        del values
        return self.read_mask.weight.dtype

    def _masks(self, mask: Tensor, root: Tensor) -> Tensor:
        """Chord tones from C up and from the root up, (..., 24)."""
        turn = torch.where(root < NO_CLASS, root, 0)
        turned = ((mask >> turn) | (mask << (12 - turn))) & 4095
        return torch.cat([_bits(mask), _bits(turned)], -1)

    def stand(self, ask: Tensor) -> Tensor:
        """Features of the plan and of the tracks at the next event's tick, (B, T, D)."""
        plan = ask[..., :_OWN]
        root, tonic = plan[..., _ROOT], plan[..., _TONIC]
        lasts = [plan[..., at] for at in _LASTS]
        derived = [
            between(tonic, root),
            between(root, plan[..., _BASS]),
            between(root, plan[..., _NEXT]),
            *(degree(last, root) for last in lasts),
            *(degree(last, tonic) for last in lasts),
        ]
        values = torch.cat([_no_mask(plan, _MASK), torch.stack(derived, -1)], -1)
        bits = self._masks(plan[..., _MASK], root).to(self._kind(plan))
        added: Tensor = self.moment(values) + self.moment_mask(bits)
        return added

    def ask_for_pitch(self, known: Tensor, ask: Tensor, track: Tensor) -> tuple[Tensor, Tensor]:
        """What the pitch is read from, and its logits, once the track is chosen."""
        plan, own = ask[..., :_PLAN_WIDTH], ask[..., _OWN:]
        root, tonic = plan[..., _ROOT], plan[..., _TONIC]
        last, reference = ask[..., _OWN_LAST], ask[..., _OWN_REFERENCE]
        told = [track, degree(last, root), degree(reference, root), interval(last, reference)]
        asked = self.ask_pitch(known + self.own(torch.cat([own, torch.stack(told, -1)], -1)))
        logits = self.pitch_out(asked)
        # How far each pitch lies from what the tracks sounded last, and above root and tonic.
        pitches = torch.arange(N_PITCHES, device=ask.device)
        sources = torch.stack([last, reference, *(ask[..., at] for at in _LASTS)], -1)
        steps = interval(sources[..., None], pitches)
        terms = self.interval_out(asked).float().unflatten(-1, (-1, N_INTERVALS))
        logits = logits + terms.gather(-1, steps).sum(-2)
        grounds = torch.stack([root, tonic], -1)
        degrees = degree(pitches.expand(*grounds.shape, -1), grounds[..., None])
        terms = self.degree_out(asked).float().unflatten(-1, (-1, NO_CLASS + 1))
        return asked, logits + terms.gather(-1, degrees).sum(-2)

    def ask_for_duration(self, asked: Tensor, ask: Tensor, pitch: Tensor) -> tuple[Tensor, Tensor]:
        """What the duration is read from, and its logits, once the pitch is chosen."""
        root, tonic = ask[..., _ROOT], ask[..., _TONIC]
        last, reference = ask[..., _OWN_LAST], ask[..., _OWN_REFERENCE]
        told = [
            pitch,
            interval(last, pitch),
            degree(pitch, root),
            degree(pitch, tonic),
            interval(reference, pitch),
        ]
        asked = self.ask_duration(asked + self.heard(torch.stack(told, -1)))
        return asked, self.duration_out(asked)

    def ask_for_velocity(self, asked: Tensor, duration: Tensor) -> tuple[Tensor, Tensor]:
        """What velocity and timing are read from, and the velocity's logits."""
        asked = self.ask_velocity(asked + self.lasts(duration[..., None]))
        return asked, self.velocity_out(asked)

    def ask_for_timing(self, asked: Tensor, velocity: Tensor) -> Tensor:
        """Logits of the timing, once the velocity is chosen."""
        logits: Tensor = self.timing_out(asked + self.loud(velocity[..., None]))
        return logits


def part_losses(
    logits: dict[str, Tensor], parts: Tensor, floor: Tensor, valid: Tensor
) -> dict[str, Tensor]:
    """Negative log-likelihood of each part, in nats, 0 where the part is not asked for.

    Parameters
    ----------
    logits : dict
        From `EventTransformer`.
    parts : Tensor, shape (B, T, len(PART_COLUMNS)), int64
    floor : Tensor, shape (B, T, 3), int64
        What comes before in the order of events is not possible, and takes no probability.
    valid : Tensor, shape (B, T), bool
        False for padding.

    Returns
    -------
    dict
        By part, (B, T) float32.
    """
    place, track = parts[..., 0], parts[..., 1]
    is_note = valid & (place != NEXT_BAR)
    same_place = place == floor[..., 0]
    same_track = same_place & (track == floor[..., 1])
    lowest = {
        "place": floor[..., 0],
        "track": torch.where(same_place, floor[..., 1], 0),
        "pitch": torch.where(same_track, floor[..., 2], 1).clamp(min=1),
    }
    losses = {}
    for index, name in enumerate(PARTS):
        scores = logits[name].float()
        wanted = parts[..., index]
        asked = valid if name == "place" else is_note
        if name in lowest:
            values = torch.arange(scores.shape[-1], device=scores.device)
            scores = scores.masked_fill(values < lowest[name][..., None], -1e9)
        if name == "timing":
            asked = asked & (wanted > 0)
        nll = F.cross_entropy(scores.flatten(0, -2), wanted.flatten(), reduction="none")
        losses[name] = torch.where(asked, nll.view_as(wanted), 0.0)
    return losses


__all__ = ["ASK_COLUMNS", "STYLES", "EventConfig", "EventTransformer", "part_losses", "transpose"]
