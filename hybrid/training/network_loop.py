"""The loop of a training of one network: its average beside it, one optimiser, one loss."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from hybrid.training.loop import LoopSettings, TrainingLoop

Network = TypeVar("Network", bound=nn.Module)


class NetworkSettings(LoopSettings, Protocol):
    """The settings that the loop reads."""

    @property
    def rate(self) -> float: ...


class NetworkLoop(TrainingLoop, Generic[Network]):
    """One run; `run` does what is left of it.

    A class of its own says what the loss of an update is, and what is measured. It makes the
    networks with `__init__`, then calls `begin` with the optimiser.

    Parameters
    ----------
    config : dataclass
        Of the network; goes into the checkpoint with the settings.
    settings : dataclass, `NetworkSettings`
    path : Path
        Checkpoint; one that is there is continued.
    make : callable
        A network with fresh weights of the configuration.
    device : torch.device, optional

    Attributes
    ----------
    model, average : Network
        The one that learns, and the moving average of its weights.
    clip : float
        Longest gradient; longer ones are scaled down.
    """

    clip = 1.0

    def __init__(
        self,
        config: Any,
        settings: NetworkSettings,
        path: Path,
        make: Callable[[], Network],
        device: torch.device | None = None,
    ) -> None:
        super().__init__(settings, path, device)
        self._config, self._settings = config, settings
        self.model: Network = make().to(self.device)
        self.average: Network = make().to(self.device)

    def begin(self, optimiser: torch.optim.Optimizer) -> None:
        """Learn with an optimiser of the model's parameters; go on with a checkpoint, if any.

        A group of parameters with a ``share`` learns at that multiple of the rate.
        """
        self.optimiser = optimiser
        self.average.load_state_dict(self.model.state_dict())
        if self.path.exists():
            self._load()

    @abstractmethod
    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        """Loss of one update, and what is to be told of it."""

    def _step(self) -> dict[str, float]:
        rate = self._settings.rate * self._rate_share()
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.model.train()
        loss, row = self._loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        self._follow(self.average, self.model)
        return row

    def rounded_history(self, digits: int = 4) -> list[dict[str, float]]:
        """The checks so far, for the notes that go with weights."""
        return [{name: round(value, digits) for name, value in row.items()} for row in self.history]

    def columns(self, *names: str, digits: int = 4) -> dict[str, list[float]]:
        """The same by name, for curves."""
        return {name: [round(row[name], digits) for row in self.history] for name in names}

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "average": self.average}

    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, nn.Module]]:
        return {"optimiser": (self.optimiser, self.model)}

    def _record(self) -> dict[str, Any]:
        record = {"network": asdict(self._config), "settings": asdict(self._settings)}  # type: ignore[call-overload]
        # As it comes back from a file: tuples as lists.
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain
