"""The grid model: a decoder over symbols of four voices that weighs pitches and intervals.

What a symbol may be depends as much on how far it lies from the notes around it as on its
height, so logits are sums of one term for the pitch and one for its interval to the last pitch
of each voice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hybrid.symbolic_transformer.grid import (
    LOWEST,
    N_BACK,
    N_SYMBOLS,
    N_VOICES,
    NOTHING,
    SILENCE,
    GridFeatures,
    read_grid,
)
from hybrid.symbolic_transformer.trunk import Cache, Places, Trunk, TrunkConfig

#: Widest interval told apart, in semitones; wider ones count as this.
REACH = 36
#: Symbols after which a duration shares its bucket with others.
LONGEST = 24
#: Place of no interval (one of the two is silent) in tables of intervals.
NO_INTERVAL = 2 * REACH + 1
MIDDLE_C = 60 - LOWEST + 1


@dataclass(frozen=True)
class GridConfig:
    """Sizes and habits of the grid model.

    Attributes
    ----------
    trunk : TrunkConfig
    slot : int
        Features of one thing a position knows.
    n_styles : int
        Corpora that are told apart.
    history, metre, intervals, relative_output : bool
        What the model may use: notes before the last ones; places in beat and bar; intervals
        between voices; logits by interval. All on but in ablations.
    """

    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    slot: int = 32
    n_styles: int = 4
    history: bool = True
    metre: bool = True
    intervals: bool = True
    relative_output: bool = True
    slot_dropout: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> GridConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "trunk": TrunkConfig(**values["trunk"])})


def interval(of: Tensor, to: Tensor) -> Tensor:
    """Place of the interval from one symbol to another in tables of intervals, 0..NO_INTERVAL."""
    sounding = (of != SILENCE) & (of != NOTHING) & (to != SILENCE) & (to != NOTHING)
    return torch.where(sounding, (to - of).clamp(-REACH, REACH) + REACH, NO_INTERVAL)


def duration_bucket(steps: Tensor) -> Tensor:
    """Bucket of a duration in steps, 0..LONGEST: one each up to 16, then wider ones."""
    return torch.where(steps <= 16, steps, 16 + (steps - 9) // 8).clamp(0, LONGEST)


def look_up(table: nn.Embedding, index: Tensor) -> Tensor:
    """Rows of a table; on a GPU as a product, whose gradient needs no sorting of indices."""
    if not index.is_cuda or not torch.is_grad_enabled():
        return table(index)  # type: ignore[no-any-return]
    kind = torch.bfloat16 if torch.is_autocast_enabled("cuda") else table.weight.dtype
    chosen = nn.functional.one_hot(index, table.num_embeddings).to(kind)
    return chosen @ table.weight.to(kind)


class GridTransformer(nn.Module):
    """Predicts each symbol of a grid from all symbols before it."""

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.config = config
        slot, width = config.slot, config.trunk.width
        half = slot // 2
        self.voices = nn.Embedding(N_VOICES, slot)
        self.pitches = nn.Embedding(N_SYMBOLS + 1, slot)
        self.steps_between = nn.Embedding(NO_INTERVAL + 1, slot)
        self.durations = nn.Embedding(LONGEST + 1, half)
        self.places = nn.Embedding(16 + 12, slot)
        self.openings = nn.Embedding(33, half)
        self.styles = nn.Embedding(config.n_styles, half)
        n_slots = slot + half  # voice, style
        n_slots += N_VOICES * (slot + half)  # pitches and durations
        n_slots += 2 * 12  # pitch classes that sound, as they are and from the own pitch
        if config.intervals:
            n_slots += (N_VOICES - 1) * slot
        if config.history:
            n_slots += (N_BACK + N_VOICES - 1) * (slot + half)
        if config.metre:
            n_slots += 2 * slot + half
        self.enter = nn.Linear(n_slots, width)
        self.trunk = Trunk(config.trunk)
        self.by_pitch = nn.Linear(width, N_SYMBOLS)
        self.by_interval = nn.Linear(width, N_VOICES * (NO_INTERVAL + 1), bias=False)
        for weight in (self.by_pitch.weight, self.by_interval.weight):
            nn.init.normal_(weight, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.5)

    def forward(self, symbols: Tensor, start: Tensor, style: Tensor) -> Tensor:
        """Logits of every symbol.

        Parameters
        ----------
        symbols : Tensor, shape (B, S, 4), int64
        start : Tensor, shape (B,), int64
            Steps of the piece before the first row.
        style : Tensor, shape (B,), int64

        Returns
        -------
        Tensor, shape (B, S, 4, N_SYMBOLS)
            Those of (s, v) depend on the rows before s and the voices before v in row s alone.
        """
        features = read_grid(symbols, start)
        n_batch, n_steps = symbols.shape[:2]
        x = self.embed(features, style).view(n_batch, n_steps * N_VOICES, -1)
        hidden = self.trunk(x, self.stand(features))
        hidden = hidden.view(n_batch, n_steps, N_VOICES, -1)
        return self.score(hidden, features.recent)

    def stand(self, features: GridFeatures) -> Places:
        """Where the positions stand in time and pitch, in the order in which they are read."""
        own = features.recent[..., 0]
        newest = features.recent[..., -1]  # the voice before: the symbol read last
        n_batch, n_steps, _ = own.shape
        time = features.time[..., None].expand(-1, -1, N_VOICES)

        def heights(symbols: Tensor) -> Tensor:
            sounding = (symbols != SILENCE) & (symbols != NOTHING)
            height = torch.where(sounding, symbols - MIDDLE_C, 0)
            return height.reshape(n_batch, n_steps * N_VOICES).float()

        return Places(time.reshape(n_batch, -1).float(), heights(own), heights(newest))

    def embed(self, features: GridFeatures, style: Tensor) -> Tensor:
        """What each position knows, as (B, S, 4, D)."""
        config = self.config
        recent = features.recent
        n_batch, n_steps = recent.shape[:2]
        shape = (n_batch, n_steps, N_VOICES)
        voice = torch.arange(N_VOICES, device=recent.device)
        slots = [
            self.voices(voice).expand(*shape, -1),
            self.styles(style)[:, None, None].expand(*shape, -1),
            look_up(self.pitches, recent).flatten(-2),
            look_up(self.durations, duration_bucket(features.held)).flatten(-2),
            *self._pitch_classes(recent),
        ]
        own = recent[..., :1]
        if config.intervals:
            between = interval(own, recent[..., 1:])
            slots.append(look_up(self.steps_between, between).flatten(-2))
        if config.history:
            back, lasted = features.back, features.back_held
            # All that is remembered of the own voice, the last note of each other one.
            led = torch.cat([back[..., 0, :], back[..., 1:, 0]], -1)
            now = torch.cat([own.expand(*shape, N_BACK), recent[..., 1:]], -1)
            times = torch.cat([lasted[..., 0, :], lasted[..., 1:, 0]], -1)
            slots.append(look_up(self.steps_between, interval(now, led)).flatten(-2))
            slots.append(look_up(self.durations, duration_bucket(times)).flatten(-2))
        if config.metre:
            time = features.time[..., None].expand(shape)
            slots.append(look_up(self.places, time % 16))
            slots.append(look_up(self.places, 16 + time % 12))
            slots.append(look_up(self.openings, time.clamp(max=32)))
        kind = torch.bfloat16 if torch.is_autocast_enabled(recent.device.type) else slots[0].dtype
        joined = torch.cat([slot.to(kind) for slot in slots], -1)
        if config.slot_dropout and self.training:
            keep = torch.rand(*joined.shape[:3], joined.shape[-1] // 8, device=joined.device)
            kept = (keep >= config.slot_dropout).repeat_interleave(8, -1)
            joined = joined * kept / (1 - config.slot_dropout)
        entered: Tensor = self.enter(joined)
        return entered

    def _pitch_classes(self, recent: Tensor) -> tuple[Tensor, Tensor]:
        """Which pitch classes sound, from C up and from the own voice's up, each (..., 12)."""
        sounding = (recent != SILENCE) & (recent != NOTHING)
        pitch = recent + LOWEST - 1
        classes = torch.arange(12, device=recent.device)
        own = pitch - pitch[..., :1]
        plain, turned = (
            ((heights[..., None] % 12 == classes) & sounding[..., None]).any(-2)
            for heights in (pitch, own)
        )
        return plain.to(self.enter.weight.dtype), turned.to(self.enter.weight.dtype)

    def score(self, hidden: Tensor, recent: Tensor) -> Tensor:
        """Logits from features: (..., D) and the last symbols (..., 4) to (..., N_SYMBOLS)."""
        logits = self.by_pitch(hidden)
        if not self.config.relative_output:
            return logits  # type: ignore[no-any-return]
        # In 32 bits, whose sums over shared places are fast and exact enough.
        terms = self.by_interval(hidden).float().view(*hidden.shape[:-1], N_VOICES, NO_INTERVAL + 1)
        symbols = torch.arange(N_SYMBOLS, device=hidden.device)
        at = interval(recent[..., None], symbols)  # (..., 4, N_SYMBOLS)
        return logits + terms.gather(-1, at).sum(-2)  # type: ignore[no-any-return]

    def make_cache(self, n_batch: int, n_steps: int, dtype: torch.dtype = torch.float32) -> Cache:
        """A cache for ``n_steps`` steps of ``n_batch`` grids."""
        return self.trunk.make_cache(n_batch, n_steps * N_VOICES, dtype)
