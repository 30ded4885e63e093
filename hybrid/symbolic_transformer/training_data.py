"""Training data read from files, as pools on the device.

Styles come from what `hybrid corpora build` writes (``chorale.npz`` ...). The benchmark's grids
come from jsb-chorales' own file, and from ``polyphony.npz``: other polyphony as grids, one array
a piece, its corpus before a slash in its name (``python -m benchmarks.polyphony`` writes it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, CorpusError, ScoreError
from hybrid.symbolic_transformer.corpus import load_pieces
from hybrid.symbolic_transformer.event_columns import EventColumns, read_events
from hybrid.symbolic_transformer.event_model import STYLES
from hybrid.symbolic_transformer.events import encode_events
from hybrid.symbolic_transformer.grid import encode_grid
from hybrid.symbolic_transformer.pools import EventPool, GridPool
from hybrid.symbolic_transformer.train import GRID_STYLES, Corpora, Share
from hybrid.symbolic_transformer.train_config import TrainConfig

BENCHMARK_FILE = "Jsb16thSeparated.json"
POLYPHONY_FILE = "polyphony.npz"
#: Pieces with fewer notes teach nothing that lasts.
FEWEST_NOTES = 32


def read_corpora(
    config: TrainConfig, folder: Path, device: torch.device, progress: Share | None = None
) -> Corpora:
    """The pools of a run.

    Parameters
    ----------
    config : TrainConfig
    folder : Path
        Holds the files; see above.
    device : torch.device
    progress : callable, optional

    Raises
    ------
    CorpusError
        If a file is missing or cannot be used.
    """
    if config.kind == "grid":
        return _grids(Path(folder), device)
    return _events(config.mixture, Path(folder), device, progress)


def columns_of(
    path: Path, style: str, split: str, progress: Share | None = None
) -> list[EventColumns]:
    """Columns of a style's pieces that the event model can hold."""
    found = []
    pieces = load_pieces(path, split)
    for number, piece in enumerate(pieces):
        try:
            events = encode_events(piece.score, piece.plan, with_timing=style == "pop")
        except ScoreError:
            continue  # bars longer than any place: a handful of pieces in 9/4 and the like
        if len(events) - len(piece.plan.bars) >= FEWEST_NOTES:
            found.append(read_events(events, piece.plan))
        if progress is not None:
            progress((number + 1) / len(pieces))
    if not found:
        raise CorpusError(f"{path} must hold pieces to train on in its part {split}, got none")
    return found


def _events(
    mixture: Mapping[str, float], folder: Path, device: torch.device, progress: Share | None
) -> Corpora:
    unknown = [name for name in mixture if name not in STYLES]
    if unknown:
        raise ConfigError(f"mixture must name styles {', '.join(STYLES)}, got {unknown[0]!r}")
    pools: dict[str, dict[str, EventPool]] = {"train": {}, "valid": {}}
    jobs = [(style, split) for style in mixture for split in pools]
    for number, (style, split) in enumerate(jobs):
        path = folder / f"{style}.npz"
        if not path.is_file():
            raise CorpusError(
                f"there must be a file {path}; `hybrid corpora build {style} -o {path}` makes it"
            )

        def share(done: float, number: int = number) -> None:
            if progress is not None:
                progress((number + done) / len(jobs))

        columns = columns_of(path, style, split, share)
        pools[split][style] = EventPool(columns, STYLES.index(style), device)
    return Corpora(pools["train"], pools["valid"])


def read_benchmark(path: Path) -> dict[str, list[NDArray[np.int64]]]:
    """The benchmark's pieces as symbols, by split.

    Raises
    ------
    CorpusError
        If the file is missing or another one.
    """
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
        return {
            split: [encode_grid(np.array(piece)) for piece in splits[split]]
            for split in ("train", "valid", "test")
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"cannot read the chorales of the benchmark: {path}: {error}") from error


def read_polyphony(path: Path) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Other polyphony as symbols, and the style of each piece (place in `GRID_STYLES`).

    Raises
    ------
    CorpusError
        If the file is missing or another one.
    """
    known = {"palestrina": 1, "quartet": 2}
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = sorted(archive.files)
            grids = [encode_grid(archive[name]) for name in names]
    except (OSError, ValueError) as error:
        raise CorpusError(f"cannot read other polyphony: {path}: {error}") from error
    if not grids:
        raise CorpusError(f"{path} must hold pieces, got none")
    others = GRID_STYLES.index("others")
    return grids, [known.get(name.partition("/")[0], others) for name in names]


def _grids(folder: Path, device: torch.device) -> Corpora:
    chorales = read_benchmark(folder / BENCHMARK_FILE)
    train = {"chorales": GridPool(chorales["train"], [0] * len(chorales["train"]), device)}
    polyphony, styles = read_polyphony(folder / POLYPHONY_FILE)
    train["polyphony"] = GridPool(polyphony, styles, device)
    valid = {"chorales": GridPool(chorales["valid"], [0] * len(chorales["valid"]), device)}
    return Corpora(train, valid)


__all__ = [
    "BENCHMARK_FILE",
    "POLYPHONY_FILE",
    "columns_of",
    "read_benchmark",
    "read_corpora",
    "read_polyphony",
]
