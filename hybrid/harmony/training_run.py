"""A whole training run of the analyser: data, training, weights, learning curve, model card."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import hybrid
from hybrid.core.errors import ConfigError, FormatError
from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.corpus import Piece, load_pieces
from hybrid.harmony.examples import plain_example
from hybrid.harmony.folders import build
from hybrid.harmony.train import run
from hybrid.harmony.train_config import PRESETS
from hybrid.harmony.train_runs import prepare
from hybrid.harmony.training_curves import draw_curves
from hybrid.harmony.validation import Validation
from hybrid.io.atomic import write_text

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]
_ARCHIVES = ("harmony_train.npz", "harmony_valid.npz")
#: Rows of the learning curve that a run of a known length leaves.
_ROWS = 20


@dataclass(frozen=True)
class RunOptions:
    """What a training run may choose.

    Attributes
    ----------
    preset : str
        One of `hybrid.harmony.train_config.PRESETS`.
    updates : int, optional
        Updates in all.
    minutes : float, optional
        Time in all; 60 where neither is given.
    seed : int
    start : Path, optional
        Weights to begin with.
    device : str
        ``cpu`` or ``cuda``.
    threads : int
        Of the processor; with 1 and a number of updates the same settings give the same bytes.
    """

    preset: str = "base"
    updates: int | None = None
    minutes: float | None = None
    seed: int = 0
    start: Path | None = None
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigError(f"preset must be one of {', '.join(PRESETS)}, got {self.preset!r}")
        if self.updates is not None and self.updates < 1:
            raise ConfigError(f"updates must be 1 or more, got {self.updates}")
        if self.minutes is not None and self.minutes <= 0:
            raise ConfigError(f"minutes must be positive, got {self.minutes:g}")
        if self.device not in ("cpu", "cuda"):
            raise ConfigError(f"device must be cpu or cuda, got {self.device!r}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("device cuda must be there, got a machine without one")
        if self.threads < 1:
            raise ConfigError(f"threads must be 1 or more, got {self.threads}")

    @property
    def seconds(self) -> float:
        """Limit of time; 0 for none."""
        if self.minutes is None:
            return 0.0 if self.updates is not None else 3600.0
        return 60 * self.minutes

    @property
    def command(self) -> str:
        """The command that does the same."""
        words = ["hybrid train analyser --data DATA -o OUTPUT --preset", shlex.quote(self.preset)]
        if self.updates is not None:
            words.append(f"--updates {self.updates}")
        if self.minutes is not None:
            words.append(f"--minutes {self.minutes:g}")
        if self.start is not None:
            words.append("--start WEIGHTS")
        return " ".join([*words, f"--seed {self.seed}"])


def train_analyser(
    data: Path,
    output: Path,
    options: RunOptions | None = None,
    progress: Progress = lambda stage, share: None,
    log: Callable[[str], None] = lambda text: None,
) -> tuple[Path, ...]:
    """Train the analyser, or go on training it.

    Parameters
    ----------
    data : Path
        A folder with `harmony_train.npz` and `harmony_valid.npz`, or one of analysed scores with
        a manifest (`hybrid.harmony.folders`), from which the two are first made in ``output``.
    output : Path
        Folder of the run; one that is there goes on.
    options : RunOptions, optional
    progress : callable
    log : callable
        Called with lines: the learning curve as it grows, and the figures at the end.

    Returns
    -------
    tuple of Path
        Weights, card, learning curve, record of the run.

    Raises
    ------
    ConfigError, FormatError
        If settings or data cannot be used.
    """
    options = options or RunOptions()
    torch.set_num_threads(options.threads)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    progress("data", 0.0)
    train, valid = (load_pieces(path) for path in _archives(Path(data), output))
    config = PRESETS[options.preset]
    device = torch.device(options.device)
    examples, vocabulary = prepare(train, config.mixture, config.with_gpl)
    pool = ExcerptPool(examples, vocabulary, device)
    checked = [plain_example(piece) for piece in valid]
    validation = Validation.of(valid, checked, vocabulary, device)
    progress("train", 0.0)
    _, result = run(
        config,
        pool,
        vocabulary,
        validation,
        output,
        options.seconds,
        options.seed,
        max_steps=options.updates or 0,
        resume=True,
        start=options.start,
        log=log,
        log_steps=max(1, options.updates // _ROWS) if options.updates else 100,
        progress=lambda share: progress("train", share),
    )
    card, curve = output / "card.md", output / "curve.png"
    draw_curves(result["curve"], curve)
    used = [piece for piece in train if config.with_gpl or piece.group != "bps_fh"]
    write_text(card, model_card(options, result, used))
    return output / "harmony.safetensors", card, curve, output / "run.json"


def _archives(data: Path, output: Path) -> tuple[Path, ...]:
    paths = tuple(data / name for name in _ARCHIVES)
    if all(path.exists() for path in paths):
        return paths
    if not data.is_dir():
        raise FormatError(f"{data} must be a folder, it is none")
    made = tuple(output / "data" / name for name in _ARCHIVES)
    if not all(path.exists() for path in made):
        build(data, output / "data", lambda text: None)
    return made


def model_card(options: RunOptions, result: dict[str, Any], pieces: Sequence[Piece]) -> str:
    """The card's Markdown: what the weights are, from what, and how good."""
    counts = Counter((piece.group, piece.licence) for piece in pieces)
    means = result["validation"]
    lines = [
        "# Harmony analyser",
        "",
        f"Trained by `{options.command}` with hybrid {hybrid.__version__}: {result['steps']} "
        f"updates, {result['parameters']:,} parameters.",
        "",
        "## Data",
        "",
        "| group | pieces | licence |",
        "|---|--:|---|",
        *(f"| {group} | {n} | {licence} |" for (group, licence), n in sorted(counts.items())),
        "",
        "## Validation pieces, every 32nd note, per cent",
        "",
        "| | key | full |",
        "|---|--:|--:|",
    ]
    rows = {**means["groups"]}
    rows |= {name: means[name] for name in means if name != "groups"}
    for name, row in rows.items():
        lines.append(f"| {name} | {100 * row['key']:.1f} | {100 * row['full']:.1f} |")
    return "\n".join(lines) + "\n"
