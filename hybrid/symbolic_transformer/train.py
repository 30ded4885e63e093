"""Training a note model, resumable to the bit.

A killed run that is started again with the same settings ends in the same bytes as one that was
not killed (on one machine and thread count): the checkpoint holds the weights, their moving
average, the optimiser and both random states.

References
----------
Loshchilov, I., Hutter, F. (2019). Decoupled Weight Decay Regularization. ICLR. arXiv:1711.05101.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hybrid.core.errors import ConfigError
from hybrid.io.atomic import atomic_file
from hybrid.symbolic_transformer.event_model import (
    PARTS,
    EventConfig,
    EventTransformer,
    part_losses,
)
from hybrid.symbolic_transformer.grid_model import GridConfig, GridTransformer
from hybrid.symbolic_transformer.pools import EventBatch, EventPool, GridBatch, GridPool
from hybrid.symbolic_transformer.pools import joined_batches as joined
from hybrid.symbolic_transformer.train_config import TrainConfig

#: Called with the share that is done, 0..1.
Share = Callable[[float], None]
#: The grid model's styles: the corpus of the benchmark, then those it is prepared with.
GRID_STYLES = ("chorales", "palestrina", "quartets", "others")


@dataclass(frozen=True)
class Corpora:
    """What a run learns from and is measured on: pools by the mixture's names."""

    train: Mapping[str, Any]
    valid: Mapping[str, Any]


class Task(ABC):
    """A model with its batches and its loss."""

    model: nn.Module

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The model's configuration, as plain values."""

    @abstractmethod
    def loss(self, batches: list[Any]) -> Tensor:
        """Mean nats of a note (events) or a symbol (grid) of a mixed batch."""

    @abstractmethod
    def measure(self, pools: Mapping[str, Any], window: int) -> dict[str, float]:
        """Nats of a note or a symbol on held-out pieces, by corpus (and part)."""


class EventTask(Task):
    """The event model."""

    def __init__(self, values: Mapping[str, Any], device: torch.device) -> None:
        self.settings = EventConfig.from_dict({**EventConfig().to_dict(), **values})
        self.model = EventTransformer(self.settings).to(device)

    def config(self) -> dict[str, Any]:
        return self.settings.to_dict()

    def _parts(self, batch: EventBatch) -> tuple[dict[str, Tensor], Tensor]:
        logits = self.model(batch.read, batch.ask, batch.parts, batch.tick, batch.style)
        losses = part_losses(logits, batch.parts, batch.floor, batch.valid)
        return losses, ((batch.parts[..., 2] > 0) & batch.valid).sum()

    def loss(self, batches: list[EventBatch]) -> Tensor:
        losses, n_notes = self._parts(joined(batches))
        total = torch.stack([part.sum() for part in losses.values()]).sum()
        return total / n_notes.clamp(min=1)

    @torch.no_grad()
    def measure(self, pools: Mapping[str, EventPool], window: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, pool in pools.items():
            sums, n_notes = dict.fromkeys(PARTS, 0.0), 0
            for piece, first in _excerpts(pool.spans.length, window):
                still = torch.zeros_like(piece)
                losses, notes = self._parts(pool.excerpts(piece, first, window, still))
                for part, values in losses.items():
                    sums[part] += float(values.sum())
                n_notes += int(notes)
            found[name] = sum(sums.values()) / n_notes
            found |= {f"{name} {part}": value / n_notes for part, value in sums.items()}
        return found


class GridTask(Task):
    """The grid model."""

    def __init__(self, values: Mapping[str, Any], device: torch.device) -> None:
        self.settings = GridConfig.from_dict({**GridConfig().to_dict(), **values})
        self.model = GridTransformer(self.settings).to(device)

    def config(self) -> dict[str, Any]:
        return self.settings.to_dict()

    def _nats(self, batch: GridBatch) -> Tensor:
        logits = self.model(batch.symbols, batch.start, batch.style).float()
        nats = nn.functional.cross_entropy(
            logits.flatten(0, 2), batch.symbols.flatten(), reduction="none"
        )
        return nats.view_as(batch.symbols)[batch.valid]

    def loss(self, batches: list[GridBatch]) -> Tensor:
        return self._nats(joined(batches)).mean()

    @torch.no_grad()
    def measure(self, pools: Mapping[str, GridPool], window: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, pool in pools.items():
            total, n_symbols = 0.0, 0
            for piece, first in _excerpts(pool.spans.length, window):
                at, valid = pool.spans.rows(piece, first, window)
                rows = pool.symbols[at].long() * valid[..., None]
                nats = self._nats(GridBatch(rows, first, pool.styles[piece], valid))
                total += float(nats.double().sum())
                n_symbols += nats.numel()
            found[name] = total / n_symbols
        return found


def _excerpts(length: Tensor, window: int, batch: int = 8) -> list[tuple[Tensor, Tensor]]:
    """Excerpts that cover pieces once, in batches of (piece, first position)."""
    rows = [
        (piece, first)
        for piece, n in enumerate(length.tolist())
        for first in range(0, int(n), window)
    ]
    table = torch.tensor(rows, device=length.device)
    return [(part[:, 0], part[:, 1]) for part in torch.split(table, batch)]


def make_task(config: TrainConfig, device: torch.device) -> Task:
    """The task of a configuration, with fresh weights."""
    if config.kind == "events":
        return EventTask(config.model, device)
    return GridTask(config.model, device)


def rate_share(update: int, config: TrainConfig) -> float:
    """Share of the highest learning rate: up along a line, down along a cosine to a fiftieth."""
    rise = min(1.0, (update + 1) / max(1, config.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * update / config.updates))
    return rise * (0.02 + 0.98 * fall)


def first_share(update: int, config: TrainConfig, n_positions: int) -> float:
    """Share of the first corpus in a batch so that all of it is seen ``epochs`` times in all.

    Parameters
    ----------
    n_positions : int
        Of the corpus, in what a window counts.
    """
    done = update / config.updates
    early, turn = config.early, config.turn
    height = early if done < turn else early + (1 - early) * (done - turn) / max(1e-9, 1 - turn)
    area = early * turn + (1 - turn) * (1 + early) / 2
    rows = config.epochs * n_positions / config.window / config.updates * height / area
    return min(0.9, rows / config.batch)


class Trainer:
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : TrainConfig
    corpora : Corpora
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    device : torch.device
    """

    def __init__(
        self,
        config: TrainConfig,
        corpora: Corpora,
        folder: Path,
        device: torch.device | None = None,
    ) -> None:
        self.config, self.corpora = config, corpora
        self.device = device or torch.device("cpu")
        self.path = Path(folder) / "checkpoint.safetensors"
        torch.manual_seed(config.seed)
        self.draws = torch.Generator(device=self.device).manual_seed(config.seed)
        self.task = make_task(config, self.device)
        self.model = self.task.model
        self.average = [value.detach().clone() for value in self.model.parameters()]
        matrices = [value for value in self.model.parameters() if value.dim() > 1]
        others = [value for value in self.model.parameters() if value.dim() <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=config.rate,
            betas=(0.9, 0.98),
        )
        self.update = 0
        self.history: list[dict[str, float]] = []
        if self.path.exists():
            self._load()

    def run(self, stop_at: int | None = None, progress: Share | None = None) -> None:
        """Train up to update ``stop_at`` (all of them by default)."""
        config = self.config
        last = config.updates if stop_at is None else min(stop_at, config.updates)
        while self.update < last:
            loss = self._step()
            self.update += 1
            done = self.update == config.updates
            if self.update % config.check_every == 0 or done:
                row = {"update": float(self.update), "train": loss}
                self.history.append(row | self.measure())
            if self.update % config.save_every == 0 or done:
                self._save()
            if progress is not None:
                progress(self.update / config.updates)

    def measure(self) -> dict[str, float]:
        """Nats on the held-out pieces with the averaged weights."""
        live = [value.detach().clone() for value in self.model.parameters()]
        self._put(self.average)
        self.model.eval()
        with self._precision():
            found = self.task.measure(self.corpora.valid, self.config.window)
        self._put(live)
        return found

    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights by name."""
        names = [name for name, _ in self.model.named_parameters()]
        return dict(zip(names, self.average, strict=True))

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bf16"
        )

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.model.parameters(), values, strict=True):
            weight.copy_(value)

    def _counts(self) -> dict[str, int]:
        """How many excerpts of a batch each corpus gives."""
        config = self.config
        names = list(config.mixture)
        shares = dict(config.mixture)
        if config.epochs:
            first = self.corpora.train[names[0]]
            n_positions = int(first.spans.length.sum())
            share = first_share(self.update, config, n_positions)
            rest = sum(shares[name] for name in names[1:])
            shares = {name: (1 - share) * shares[name] / rest for name in names[1:]}
            shares = {names[0]: share, **shares} if rest else {names[0]: 1.0}
        total = sum(shares.values())
        weights = torch.tensor([shares[name] / total for name in names], device=self.device)
        drawn = torch.multinomial(weights, config.batch, replacement=True, generator=self.draws)
        return {name: int((drawn == index).sum()) for index, name in enumerate(names)}

    def _step(self) -> float:
        config = self.config
        batches = [
            self.corpora.train[name].draw(count, config.window, self.draws)
            for name, count in self._counts().items()
            if count
        ]
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate * rate_share(self.update, config)
        self.model.train()
        with self._precision():
            loss = self.task.loss(batches)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimiser.step()
        # Early on the average follows quickly, or it would keep the first, random weights.
        keep = min(config.average, (1 + self.update) / (10 + self.update))
        with torch.no_grad():
            for kept, value in zip(self.average, self.model.parameters(), strict=True):
                kept.lerp_(value, 1 - keep)
        return float(loss.detach())

    # --- Checkpoints --------------------------------------------------------------------------

    def _save(self) -> None:
        names = [name for name, _ in self.model.named_parameters()]
        tensors: dict[str, Tensor] = {
            f"model/{name}": value for name, value in self.model.named_parameters()
        }
        tensors |= {f"average/{name}": value for name, value in self.averaged().items()}
        order = {id(value): name for name, value in self.model.named_parameters()}
        for value, state in self.optimiser.state.items():
            for key, held in state.items():
                tensors[f"optimiser/{order[id(value)]}/{key}"] = held
        tensors["random/torch"] = torch.get_rng_state()
        tensors["random/draws"] = self.draws.get_state()
        if self.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.device)
        record = {
            "config": self.config.to_dict(),
            "update": self.update,
            "history": self.history,
            "names": names,
        }
        with atomic_file(self.path) as place:
            save_file(
                {
                    name: value.detach().cpu().contiguous().clone()
                    for name, value in tensors.items()
                },
                str(place),
                {"record": json.dumps(record)},
            )

    def _load(self) -> None:
        try:
            with safe_open(str(self.path), "pt") as file:
                record = json.loads(file.metadata()["record"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"cannot read the checkpoint {self.path}: {error}") from error
        if record["config"] != json.loads(json.dumps(self.config.to_dict())):
            raise ConfigError(
                "a run must go on with the configuration it began with, "
                f"got another one than in {self.path}"
            )
        for index, (name, value) in enumerate(self.model.named_parameters()):
            with torch.no_grad():
                value.copy_(tensors[f"model/{name}"])
            self.average[index] = tensors[f"average/{name}"].to(self.device)
            prefix = f"optimiser/{name}/"
            self.optimiser.state[value] = {
                key.removeprefix(prefix): held.to(self.device) if "step" not in key else held
                for key, held in tensors.items()
                if key.startswith(prefix)
            }
        self.update, self.history = record["update"], record["history"]
        torch.set_rng_state(tensors["random/torch"])
        self.draws.set_state(tensors["random/draws"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)


def shortened(config: TrainConfig, updates: int) -> TrainConfig:
    """The same settings for fewer or more updates; warm-up and checks in proportion."""
    by = updates / config.updates
    return replace(
        config,
        updates=updates,
        warmup=max(1, round(config.warmup * by)),
        check_every=max(1, round(config.check_every * by)),
        save_every=max(1, round(config.save_every * by)),
    )


__all__ = [
    "GRID_STYLES",
    "Corpora",
    "Share",
    "Task",
    "Trainer",
    "first_share",
    "make_task",
    "rate_share",
    "shortened",
]
