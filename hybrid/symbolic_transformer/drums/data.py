"""The Groove MIDI Dataset as grids with conditions.

References
----------
Gillick, J., Roberts, A., Engel, J., Eck, D., & Bamman, D. (2019). Learning to Groove with
Inverse Sequence Transformations. ICML. arXiv:1905.06118. Data: CC BY 4.0.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import CorpusError, HybridError
from hybrid.io.midi import midi_to_score
from hybrid.symbolic_transformer.drums.conditions import (
    COLUMNS,
    METRES,
    ROLES,
    STYLES,
    Levels,
    densities,
    feels,
    find_fills,
    intensities,
    places,
)
from hybrid.symbolic_transformer.drums.grid import Grid, encode

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Performance:
    """One file: its grid and the conditions of its bars.

    Attributes
    ----------
    name : str
    grid : Grid
        Whole bars, from the first to the last that has a stroke.
    conditions : np.ndarray, shape (n_bars, len(COLUMNS)), int64
        Columns in the order of `COLUMNS`.
    qpm : float
    metre : str
        One of `METRES`.
    is_fill : bool
        Whether the whole file is a fill, after the data's list.
    lost : int
        Strokes that the grid does not hold.
    """

    name: str
    grid: Grid
    conditions: NDArray[np.int64]
    qpm: float
    metre: str
    is_fill: bool
    lost: int = 0

    @property
    def bar_steps(self) -> int:
        return METRES[self.metre]

    @property
    def n_bars(self) -> int:
        return len(self.conditions)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Performances of each split, and the levels of the training bars."""

    splits: Mapping[str, tuple[Performance, ...]]
    levels: Levels


def read_corpus(path: str | Path) -> Corpus:
    """Read the data: the archive ``groove.tar.xz`` or the folder it unpacks to.

    Raises
    ------
    CorpusError
        If a listed file is missing or a value of the list is unknown.
    """
    rows: list[tuple[str, Mapping[str, str], Grid, int]] = []
    for row, data in _files(Path(path)):
        name = row["midi_filename"]
        metre = row["time_signature"].replace("-", "/")
        style = row["style"].partition("/")[0]
        for what, value, known in (
            ("split", row["split"], SPLITS),
            ("time_signature", metre, METRES),
            ("style", style, STYLES),
            ("beat_type", row["beat_type"], ROLES),
        ):
            if value not in known:
                raise CorpusError(
                    f"{what} must be one of {', '.join(known)}, got {value!r} ({name})"
                )
        try:
            grid, lost = _to_grid(data, METRES[metre])
        except HybridError as error:
            raise CorpusError(f"{name}: {error}") from error
        rows.append((metre, row, grid, lost))
    levels = _fit_levels(rows)
    splits: dict[str, list[Performance]] = {split: [] for split in SPLITS}
    for metre, row, grid, lost in rows:
        splits[row["split"]].append(
            Performance(
                name=row["midi_filename"],
                grid=grid,
                conditions=measure(
                    grid,
                    metre,
                    levels,
                    style=row["style"].partition("/")[0],
                    is_fill=row["beat_type"] == "fill",
                ),
                qpm=float(row["bpm"]),
                metre=metre,
                is_fill=row["beat_type"] == "fill",
                lost=lost,
            )
        )
    return Corpus({split: tuple(items) for split, items in splits.items()}, levels)


def measure(
    grid: Grid, metre: str, levels: Levels, *, style: str, is_fill: bool
) -> NDArray[np.int64]:
    """Conditions of each bar of a grid, shape (n_bars, len(COLUMNS))."""
    n_steps = METRES[metre]
    n_bars = len(grid) // n_steps
    fills = np.ones(n_bars, dtype=np.bool_) if is_fill else find_fills(grid, n_steps)
    place, _ = places(grid, n_steps, fills)
    columns = {
        "style": np.full(n_bars, STYLES.index(style)),
        "metre": np.full(n_bars, list(METRES).index(metre)),
        "feel": feels(grid, n_steps, 4 if metre.endswith("/4") else 2),
        "role": fills.astype(np.int64),
        "place": place,
        "density": levels.density_level(densities(grid, n_steps)),
        "intensity": levels.intensity_level(intensities(grid, n_steps)),
    }
    return np.stack([columns[name] for name in COLUMNS], axis=1).astype(np.int64)


def _files(path: Path) -> Iterator[tuple[Mapping[str, str], bytes]]:
    """Rows of the list, each with the bytes of its MIDI file, in the list's order."""
    contents: dict[str, bytes] = {}
    if path.is_dir():
        root = path / "groove" if (path / "groove").is_dir() else path
        wanted = [root / "info.csv", *root.rglob("*.mid")]
        for file in wanted:
            if file.is_file():
                contents[file.relative_to(root).as_posix()] = file.read_bytes()
    else:
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.isfile() and member.name.endswith((".mid", "info.csv")):
                        stream = archive.extractfile(member)
                        assert stream is not None
                        contents[member.name.partition("/")[2]] = stream.read()
        except (OSError, tarfile.TarError) as error:
            raise CorpusError(f"{path} must be the groove archive, got {error}") from None
    if "info.csv" not in contents:
        raise CorpusError(f"{path} must hold info.csv, got {len(contents)} other files")
    for row in csv.DictReader(io.StringIO(contents["info.csv"].decode("utf-8"))):
        name = row["midi_filename"]
        if name not in contents:
            raise CorpusError(f"{path} must hold every file of info.csv, got none at {name!r}")
        yield row, contents[name]


def _to_grid(data: bytes, bar_steps: int) -> tuple[Grid, int]:
    """Whole bars from the first to the last stroke."""
    score = midi_to_score(data, "drop").score
    notes = np.concatenate([track.notes for track in score.tracks])
    if score.ticks_per_quarter % 4:
        raise CorpusError(f"a sixteenth must be whole ticks, got {score.ticks_per_quarter}/4")
    step = score.ticks_per_quarter // 4
    nearest = (notes["onset"] + step // 2) // step
    first = int(nearest.min()) // bar_steps * bar_steps
    last = int(nearest.max()) // bar_steps * bar_steps + bar_steps
    notes = notes.copy()
    notes["onset"] -= first * step
    return encode(notes, step, last - first)


def _fit_levels(rows: list[tuple[str, Mapping[str, str], Grid, int]]) -> Levels:
    density, intensity = [], []
    for metre, row, grid, _ in rows:
        if row["split"] == "train":
            played = densities(grid, METRES[metre]) > 0
            density.append(densities(grid, METRES[metre])[played])
            intensity.append(intensities(grid, METRES[metre])[played])
    if not density:
        raise CorpusError("the data must have training files, got none")
    return Levels.fit(np.concatenate(density), np.concatenate(intensity))
