"""A whole training run: data, training, weights, learning curve, model card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import torch

import hybrid
from hybrid.core.errors import ConfigError
from hybrid.io.atomic import write_text
from hybrid.io.corpora import corpus_info
from hybrid.symbolic_transformer.event_model import EventTransformer
from hybrid.symbolic_transformer.event_weights import save_event_model
from hybrid.symbolic_transformer.grid_model import GridTransformer
from hybrid.symbolic_transformer.grid_weights import save_grid_model
from hybrid.symbolic_transformer.train import Trainer, shortened
from hybrid.symbolic_transformer.train_config import TrainConfig, read_train_config
from hybrid.symbolic_transformer.training_curves import draw_curves
from hybrid.symbolic_transformer.training_data import read_corpora

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]
#: Corpora that each name of a mixture is made of, for the card.
SOURCES = {
    "chorale": ("bach_chorales", "roman_numerals"),
    "quartet": ("openscore-string-quartets",),
    "pop": ("pop909", "pop909-cl", "pop909-structure"),
    "chorales": ("jsb-chorales",),
    "polyphony": ("openscore-string-quartets",),
}


def train_symbolic(
    preset: str,
    data: Path,
    output: Path,
    *,
    updates: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    progress: Progress = lambda stage, share: None,
) -> tuple[Path, ...]:
    """Train a note model, or go on training it.

    Parameters
    ----------
    preset : str
        Name of a preset, or a TOML file.
    data : Path
        Folder of the training data; see `hybrid.symbolic_transformer.training_data`.
    output : Path
        Folder of the run.
    updates : int, optional
        Instead of the preset's.
    device : str
        ``cpu`` or ``cuda``.
    threads : int
        Of the processor; with 1 the same settings give the same bytes.
    progress : callable

    Returns
    -------
    tuple of Path
        Weights, card, learning curve, history.

    Raises
    ------
    ConfigError, CorpusError
        If settings or data cannot be used.
    """
    config = read_train_config(preset)
    if updates is not None:
        if updates < 1:
            raise ConfigError(f"updates must be 1 or more, got {updates}")
        config = shortened(config, updates)
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"device must be cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda must be there, got a machine without one")
    if threads < 1:
        raise ConfigError(f"threads must be 1 or more, got {threads}")
    torch.set_num_threads(threads)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    place = torch.device(device)
    corpora = read_corpora(config, data, place, lambda share: progress("data", share))
    trainer = Trainer(config, corpora, output, place)
    trainer.run(progress=lambda share: progress("train", share))
    command = f"hybrid train symbolic --preset {shlex.quote(preset)} --data DATA -o OUTPUT" + (
        f" --updates {updates}" if updates is not None else ""
    )
    return _write(trainer, output, command)


def _write(trainer: Trainer, output: Path, command: str) -> tuple[Path, ...]:
    config = trainer.config
    last = trainer.history[-1]
    notes = {
        "command": command,
        "version": hybrid.__version__,
        "window": config.window,
        "updates": config.updates,
        "held_out": {key: round(value, 4) for key, value in last.items() if key != "update"},
    }
    weights = output / ("notes.safetensors" if config.kind == "events" else "grid.safetensors")
    model = trainer.model
    trainer._put(trainer.average)
    if isinstance(model, GridTransformer):
        save_grid_model(weights, model.config, trainer.averaged(), notes)
    elif isinstance(model, EventTransformer):
        save_event_model(model, weights, notes)
    unit = "nats a note" if config.kind == "events" else "nats a symbol"
    curve, history, card = (output / name for name in ("curve.png", "history.json", "card.md"))
    draw_curves(trainer.history, curve, unit)
    write_text(history, json.dumps(trainer.history, indent=1) + "\n")
    write_text(card, model_card(config, trainer.history, command, unit))
    return weights, card, curve, history


def model_card(
    config: TrainConfig, history: list[dict[str, float]], command: str, unit: str
) -> str:
    """The card's Markdown: what the weights are, from what, and how good."""
    names = list(config.mixture)
    lines = [
        f"# Note model ({config.kind})",
        "",
        f"Trained by `{command}` with hybrid {hybrid.__version__}: {config.updates} updates of "
        f"{config.batch} excerpts of {config.window}, seed {config.seed}.",
        "",
        "## Data",
        "",
        "| corpus | licence | for shipped weights | credit |",
        "|---|---|---|---|",
    ]
    for name in dict.fromkeys(source for item in names for source in SOURCES.get(item, ())):
        corpus = corpus_info(name)
        lines.append(f"| {name} | {corpus.licence} | {corpus.training} | {corpus.credit} |")
    lines += [
        "",
        "Held-out pieces are never trained on; chorales of every corpus are matched by their "
        "notes to the splits of the published benchmark.",
        "",
        f"## Held-out loss, {unit}",
        "",
        "| update | " + " | ".join(names_of(history)) + " |",
        "|---|" + "---|" * len(names_of(history)),
    ]
    for row in history:
        values = " | ".join(f"{row[name]:.3f}" for name in names_of(history))
        lines.append(f"| {int(row['update'])} | {values} |")
    return "\n".join(lines) + "\n"


def names_of(history: list[dict[str, float]]) -> list[str]:
    """The corpora that a history has figures for."""
    return [name for name in history[-1] if name not in ("update", "train") and " " not in name]


__all__ = ["model_card", "train_symbolic"]
