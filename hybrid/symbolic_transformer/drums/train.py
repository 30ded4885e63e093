"""Training the groove model, resumable to the bit.

    python -m hybrid.symbolic_transformer.drums.train DATA -o FOLDER

A killed run that is started again ends in the same bytes as one that was not killed: the
checkpoint holds the weights, their moving average, the optimiser, both random states and the
place in the order of the data.

References
----------
Loshchilov, I., & Hutter, F. (2019). Decoupled Weight Decay Regularization. arXiv:1711.05101.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hybrid.core.errors import ConfigError
from hybrid.io.atomic import atomic_file, write_text
from hybrid.symbolic_transformer.drums.batches import (
    LISTED,
    Table,
    Window,
    epoch_batches,
    make_batch,
    make_table,
    scoring_windows,
)
from hybrid.symbolic_transformer.drums.conditions import COLUMNS, Levels
from hybrid.symbolic_transformer.drums.config import DrumConfig
from hybrid.symbolic_transformer.drums.data import Corpus, read_corpus
from hybrid.symbolic_transformer.drums.model import DrumModel
from hybrid.symbolic_transformer.drums.weights import Weights, read_weights, write_weights

#: Called with the share that is done, 0..1.
Share = Callable[[float], None]


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes
    ----------
    model : DrumConfig
    updates : int
        Steps of the optimiser.
    batch_steps : int
        Grid steps a batch, about.
    window_steps : int
        Longest window.
    rate : float
        Highest learning rate; it rises for ``warmup`` updates, then falls along a cosine that
        would be 0 at update ``horizon`` (by default the last one).
    warmup : int
    horizon : int or None
    cool : int
        Updates at the end in which the rate also falls in a line to 0, for a run that ends
        before its horizon.
    decay : float
        Weight decay.
    average : float
        Of the moving average of the weights, which is what is kept.
    clip : float
        Greatest norm of the gradient.
    seed : int
    check_every, save_every : int
        Updates between measurements on the validation split, and between checkpoints.
    """

    model: DrumConfig = field(default_factory=DrumConfig)
    updates: int = 2000
    batch_steps: int = 3072
    window_steps: int = 192
    rate: float = 3e-3
    warmup: int = 100
    horizon: int | None = None
    cool: int = 0
    decay: float = 0.02
    average: float = 0.995
    clip: float = 1.0
    seed: int = 1
    check_every: int = 200
    save_every: int = 100

    def __post_init__(self) -> None:
        for name in ("updates", "batch_steps", "window_steps", "check_every", "save_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not 0 <= self.average < 1:
            raise ConfigError(f"average must be in 0..1, got {self.average}")
        if self.rate <= 0:
            raise ConfigError(f"rate must be above 0, got {self.rate}")


@dataclass(frozen=True)
class Score:
    """Negative log-likelihoods in nats over a split.

    Attributes
    ----------
    hits : float
        For a step: all nine drums.
    velocity, timing : float
        For a stroke, in bins of 4 velocities and of 1/24 step.
    total : float
        For a step: everything.
    """

    hits: float
    velocity: float
    timing: float
    total: float


class Trainer:
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : TrainConfig
    train, validation : Table
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(self, config: TrainConfig, train: Table, validation: Table, folder: Path) -> None:
        self.config = config
        self.train_table, self.validation_table = train, validation
        self.path = Path(folder) / "checkpoint.safetensors"
        torch.manual_seed(config.seed)
        self.model = DrumModel(config.model)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.rate, betas=(0.9, 0.98), weight_decay=config.decay
        )
        self.order = np.random.Generator(np.random.PCG64(config.seed))
        self.update = 0
        self.history: list[dict[str, float]] = []
        #: Losses since the last row of the history.
        self.recent: list[float] = []
        self._begin_epoch()
        if self.path.exists():
            self._load()

    def run(self, stop_at: int | None = None, progress: Share | None = None) -> None:
        """Train up to update ``stop_at`` (all of them by default)."""
        last = self.config.updates if stop_at is None else min(stop_at, self.config.updates)
        began = time.perf_counter()
        while self.update < last:
            self.recent.append(self._step())
            self.update += 1
            done = self.update == self.config.updates
            if self.update % self.config.check_every == 0 or done:
                found = score(self.averaged(), self.validation_table, told=LISTED, context=0)
                loss = sum(self.recent) / len(self.recent)
                self.recent = []
                self.history.append(
                    {"update": self.update, "train": loss, **_prefixed("validation", found)}
                )
                print(
                    f"update {self.update}: training {loss:.3f}, validation {found.total:.3f} "
                    f"nats a step, {time.perf_counter() - began:.0f} s",
                    flush=True,
                )
            if self.update % self.config.save_every == 0 or done:
                self._save()
            if progress is not None:
                progress(self.update / self.config.updates)

    def averaged(self) -> DrumModel:
        """The model with the moving average of the weights."""
        model = DrumModel(self.config.model)
        model.load_state_dict(self.average)
        return model.eval()

    def _begin_epoch(self) -> None:
        self.epoch_state = self.order.bit_generator.state
        self.batches = epoch_batches(
            self.train_table, self.config.window_steps, self.config.batch_steps, self.order
        )
        self.place = 0

    def _step(self) -> float:
        if self.place == len(self.batches):
            self._begin_epoch()
        batch = make_batch(self.train_table, self.batches[self.place])
        self.place += 1
        rate = self.config.rate * schedule(self.update, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        losses = self.model(*batch.arguments())
        total = losses.hits + losses.velocities + losses.timings
        loss = (total * batch.mask).sum() / batch.mask.sum()
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        # Early on the average follows quickly, or it would keep the first, random weights.
        keep = min(self.config.average, (1 + self.update) / (10 + self.update))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    def _save(self) -> None:
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        names = [name for name, _ in self.model.named_parameters()]
        for number, state in self.optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser/{names[number]}/{key}"] = value
        tensors["random/torch"] = torch.get_rng_state()
        record = {
            "config": asdict(self.config),
            "update": self.update,
            "place": self.place,
            "epoch_state": self.epoch_state,
            "history": self.history,
            "recent": self.recent,
        }
        with atomic_file(self.path) as place:
            save_file(
                {name: value.contiguous().clone() for name, value in tensors.items()},
                str(place),
                {"record": json.dumps(record)},
            )

    def _load(self) -> None:
        with safe_open(str(self.path), "pt") as file:
            record = json.loads(file.metadata()["record"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if record["config"] != asdict(self.config):
            raise ConfigError(
                f"a run must go on with the configuration it began with, "
                f"got another one than in {self.path}"
            )
        self.model.load_state_dict(_below(tensors, "model/"))
        self.average = _below(tensors, "average/")
        state = self.optimiser.state_dict()
        state["state"] = {
            number: _below(tensors, f"optimiser/{name}/")
            for number, (name, _) in enumerate(self.model.named_parameters())
        }
        self.optimiser.load_state_dict(state)
        self.update, self.history = record["update"], record["history"]
        self.recent = record["recent"]
        self.order.bit_generator.state = record["epoch_state"]
        self._begin_epoch()
        self.place = record["place"]
        torch.set_rng_state(tensors["random/torch"])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _prefixed(prefix: str, found: Score) -> dict[str, float]:
    return {f"{prefix} {name}": value for name, value in asdict(found).items()}


def schedule(update: int, config: TrainConfig) -> float:
    """Share of the highest learning rate, 0..1."""
    if update < config.warmup:
        return (update + 1) / config.warmup
    horizon = config.horizon or config.updates
    done = (update - config.warmup) / max(1, horizon - config.warmup)
    cooled = min(1.0, (config.updates - update) / config.cool) if config.cool else 1.0
    return cooled * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@torch.no_grad()
def score(
    model: DrumModel,
    table: Table,
    *,
    told: tuple[bool, ...] = (True,) * len(COLUMNS),
    context: int | None = None,
) -> Score:
    """Likelihood of held-out performances, every step counted once.

    Parameters
    ----------
    told : tuple of bool
        Conditions that the model is told; `LISTED` are those that the data's list gives.
    context : int, optional
        Steps before a window that the model also sees. By default all that can matter to it
        (for a GRU, which remembers without bound, 1,024).
    """
    model.eval()
    config = model.config
    if context is None:
        reach = config.layers * (config.window - 1)
        context = reach if config.body == "transformer" else 1024
    sums = np.zeros(3)
    n_steps = n_hits = 0.0
    for group in _grouped(list(scoring_windows(table, context, told))):
        batch = make_batch(table, [window for window, _ in group])
        losses = model(*batch.arguments())
        counted = batch.mask.clone()
        for row, (_, skip) in enumerate(group):
            counted[row, :skip] = 0
        parts = (losses.hits, losses.velocities, losses.timings)
        sums += [float((part * counted).double().sum()) for part in parts]
        n_steps += float(counted.sum())
        n_hits += float((batch.hits.sum(-1) * counted).sum())
    return Score(sums[0] / n_steps, sums[1] / n_hits, sums[2] / n_hits, sums.sum() / n_steps)


def _grouped(items: list[tuple[Window, int]], size: int = 8) -> list[list[tuple[Window, int]]]:
    ranked = sorted(items, key=lambda item: item[0].end - item[0].start)
    return [ranked[at : at + size] for at in range(0, len(ranked), size)]


def load_model(path: Path) -> tuple[DrumModel, Levels]:
    """The model of a weights file, ready to be read from.

    Raises
    ------
    FormatError
        If the file is none.
    """
    weights = read_weights(path)
    model = DrumModel(weights.config)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.arrays.items()})
    return model.eval(), weights.levels


def draw_history(history: list[dict[str, float]], path: Path) -> None:
    """Draw the learning curve as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    updates = [row["update"] for row in history]
    axes.plot(
        updates,
        [row["train"] for row in history],
        label="training (mean since the point before, dropout on)",
    )
    axes.plot(
        updates,
        [row["validation total"] for row in history],
        label="validation (style, metre, tempo told)",
    )
    axes.set_xlabel("update")
    axes.set_ylabel("nats a step: hits, velocity, timing")
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_file(path) as place:
        figure.savefig(place, format="png", dpi=110, metadata={"Software": None})


def train(
    corpus: Corpus, config: TrainConfig, folder: Path, progress: Share | None = None
) -> Trainer:
    """Train, or go on training, and write weights, history and learning curve into a folder."""
    trainer = Trainer(
        config,
        make_table(corpus.splits["train"]),
        make_table(corpus.splits["validation"]),
        folder,
    )
    trainer.run(progress=progress)
    averaged = {name: value.numpy() for name, value in trainer.average.items()}
    write_weights(Weights(config.model, corpus.levels, averaged), folder / "groove.safetensors")
    write_text(folder / "history.json", json.dumps(trainer.history, indent=1) + "\n")
    draw_history(trainer.history, folder / "groove.png")
    return trainer


def main() -> None:
    """Command line; see the module."""
    import argparse

    parser = argparse.ArgumentParser(description="Train the groove model.")
    parser.add_argument("data", type=Path, help="groove.tar.xz, or the folder it unpacks to")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--body", default="transformer", help="transformer or gru")
    parser.add_argument("--width", type=int, default=DrumConfig.width)
    parser.add_argument("--layers", type=int, default=DrumConfig.layers)
    parser.add_argument("--dropout", type=float, default=DrumConfig.dropout)
    parser.add_argument("--updates", type=int, default=TrainConfig.updates)
    parser.add_argument("--horizon", type=int, default=TrainConfig.horizon)
    parser.add_argument("--cool", type=int, default=TrainConfig.cool)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    options = parser.parse_args()
    # One thread: sums in a fixed order, and the other cores stay free.
    torch.set_num_threads(1)
    model = replace(
        DrumConfig(),
        body=options.body,
        width=options.width,
        layers=options.layers,
        dropout=options.dropout,
    )
    config = TrainConfig(
        model=model,
        updates=options.updates,
        horizon=options.horizon,
        cool=options.cool,
        seed=options.seed,
    )
    train(read_corpus(options.data), config, options.output)


if __name__ == "__main__":
    main()
