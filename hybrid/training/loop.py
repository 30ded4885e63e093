"""The loop of a training: its rate, averaged weights, checkpoints to go on from."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from hybrid.core.errors import ConfigError
from hybrid.training.checkpoints import load_state, save_state

#: Called with the share that is done, 0..1, and the figures of a check.
Progress = Callable[[float, dict[str, float]], None]


class LoopSettings(Protocol):
    """The settings that the loop reads."""

    @property
    def updates(self) -> int: ...
    @property
    def warmup(self) -> int: ...
    @property
    def average(self) -> float: ...
    @property
    def check_every(self) -> int: ...
    @property
    def save_every(self) -> int: ...
    @property
    def seed(self) -> int: ...


class TrainingLoop(ABC):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    loop : LoopSettings
    path : Path
        Checkpoint; one that is there is continued.
    device : torch.device, optional
        The processor where left out.
    """

    def __init__(self, loop: LoopSettings, path: Path, device: torch.device | None) -> None:
        self.loop, self.path = loop, path
        self.device = device or torch.device("cpu")
        torch.manual_seed(loop.seed)
        self.draws = torch.Generator(device=self.device).manual_seed(loop.seed)
        self.update = 0
        self.history: list[dict[str, float]] = []

    def run(
        self,
        stop_at: int | None = None,
        minutes: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Train up to update ``stop_at`` or for so many minutes, then save."""
        loop = self.loop
        last = loop.updates if stop_at is None else min(stop_at, loop.updates)
        until = math.inf if minutes is None else time.monotonic() + 60 * minutes
        while self.update < last and time.monotonic() < until:
            row = self._step()
            self.update += 1
            if self.update % loop.check_every == 0 or self.update == loop.updates:
                self.history.append({"update": float(self.update)} | row | self.measure())
                if progress is not None:
                    progress(self.update / loop.updates, self.history[-1])
            if self.update % loop.save_every == 0:
                self._save()
        self._save()

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """Figures on what is held out, with the averaged weights."""

    @abstractmethod
    def _step(self) -> dict[str, float]:
        """One update; what is to be told of it."""

    @abstractmethod
    def _modules(self) -> dict[str, nn.Module]:
        """Whose parameters and buffers a checkpoint keeps."""

    @abstractmethod
    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, nn.Module]]:
        """Each with the module that it moves."""

    @abstractmethod
    def _record(self) -> dict[str, Any]:
        """Configuration and settings, as plain values; a run goes on with the same only."""

    def _rate_share(self) -> float:
        """Share of the highest learning rate: up along a line, down along a cosine."""
        rise = min(1.0, (self.update + 1) / max(1, self.loop.warmup))
        fall = 0.5 * (1 + math.cos(math.pi * self.update / self.loop.updates))
        return rise * (0.02 + 0.98 * fall)

    @torch.no_grad()
    def _follow(self, average: nn.Module, live: nn.Module) -> None:
        """Move averaged weights; quickly early on, or they would keep the first, random ones."""
        keep = min(self.loop.average, (1 + self.update) / (10 + self.update))
        for kept, value in zip(average.parameters(), live.parameters(), strict=True):
            kept.lerp_(value, 1 - keep)

    def _save(self) -> None:
        record = self._record() | {"update": self.update, "history": self.history}
        random = {"random": torch.get_rng_state(), "draws": self.draws.get_state()}
        save_state(self.path, self._modules(), self._optimisers(), random, record)

    def _load(self) -> None:
        random, record = load_state(self.path, self._modules(), self._optimisers())
        mine = self._record()
        if {name: record.get(name) for name in mine} != mine:
            raise ConfigError(
                f"a run must go on with the settings it began with, got others than in {self.path}"
            )
        self.update, self.history = record["update"], record["history"]
        torch.set_rng_state(random["random"])
        self.draws.set_state(random["draws"])
