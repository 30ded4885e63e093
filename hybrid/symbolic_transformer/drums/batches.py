"""Windows of performances as tensors, and the order in which training sees them.

All performances stand one after the other in one `Table`; a window is a range of its steps.
What a step reads (the step before, a bar ago, a reference) are indices into the same table,
-1 for "not there".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.drums.conditions import (
    COLUMNS,
    LONGEST_BAR,
    MEASURED,
    METRES,
    unknown,
)
from hybrid.symbolic_transformer.drums.data import Performance
from hybrid.symbolic_transformer.drums.grid import (
    TIMING_VALUES,
    VELOCITY_VALUES,
    Grid,
    timing_bin,
    velocity_bin,
)

if TYPE_CHECKING:
    from torch import Tensor

#: Shares of the training windows that ...
P_REFERENCE = 0.5  # have a reference
P_FORGET = 0.3  # begin like a performance, with nothing before them
P_UNMEASURED = 0.25  # are not told any measured condition
P_DROP = 0.15  # are not told a condition, for each condition apart (never the metre)
#: Bars back to a reference: a multiple of four in this share of the windows.
P_FOURS = 0.7
FARTHEST_REFERENCE = 32


def features(grid: Grid) -> NDArray[np.float32]:
    """What is read of each step, shape (T, 27): hits, velocities 0..1, timings -1..1."""
    hits = grid.hits.astype(np.float32)
    velocities = VELOCITY_VALUES[velocity_bin(grid.velocities)] * hits
    timings = TIMING_VALUES[timing_bin(grid.timings)] * hits
    return np.concatenate([hits, velocities, timings], axis=1)


@dataclass(frozen=True, eq=False)
class Table:
    """Steps of all performances, N in all.

    Attributes
    ----------
    features : np.ndarray, shape (N, 27), float32
    hits : np.ndarray, shape (N, 9), float32
    velocities, timings : np.ndarray, shape (N, 9), int64
        Bins.
    conditions : np.ndarray, shape (N, len(COLUMNS)), int64
    position : np.ndarray, shape (N,), int64
    tempo : np.ndarray, shape (N,), float32
    bar_steps : np.ndarray, shape (N,), int64
        Length of the step's bar.
    first : np.ndarray, shape (N,), int64
        Index of the first step of the step's performance.
    spans : tuple of (int, int)
        First and end index of each performance.
    """

    features: NDArray[np.float32]
    hits: NDArray[np.float32]
    velocities: NDArray[np.int64]
    timings: NDArray[np.int64]
    conditions: NDArray[np.int64]
    position: NDArray[np.int64]
    tempo: NDArray[np.float32]
    bar_steps: NDArray[np.int64]
    first: NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]


def make_table(performances: Sequence[Performance]) -> Table:
    """Lay performances one after the other."""
    spans: list[tuple[int, int]] = []
    start = 0
    for item in performances:
        spans.append((start, start + len(item.grid)))
        start += len(item.grid)
    lengths = [len(item.grid) for item in performances]
    metres = list(METRES)

    def spread(values: Sequence[float], dtype: type) -> NDArray[np.generic]:
        return np.repeat(np.array(values, dtype=dtype), lengths)

    return Table(
        features=np.concatenate([features(item.grid) for item in performances]),
        hits=np.concatenate([item.grid.hits for item in performances]).astype(np.float32),
        velocities=np.concatenate([velocity_bin(item.grid.velocities) for item in performances]),
        timings=np.concatenate([timing_bin(item.grid.timings) for item in performances]),
        conditions=np.concatenate(
            [np.repeat(item.conditions, item.bar_steps, axis=0) for item in performances]
        ),
        position=np.concatenate(
            [
                np.tile(np.arange(item.bar_steps), item.n_bars)
                + LONGEST_BAR * metres.index(item.metre)
                for item in performances
            ]
        ),
        tempo=np.asarray(
            spread([np.log2(item.qpm / 120.0) for item in performances], np.float32),
            dtype=np.float32,
        ),
        bar_steps=np.asarray(spread([item.bar_steps for item in performances], np.int64)),
        first=np.asarray(spread([span[0] for span in spans], np.int64)),
        spans=tuple(spans),
    )


@dataclass(frozen=True)
class Window:
    """Steps ``start``..``end`` of a table, and how they are shown to the model.

    Attributes
    ----------
    start, end : int
    reference : int
        Bars back to the reference; 0 for none.
    forget : bool
        Whether what lies before ``start`` counts as not there.
    told : tuple of bool
        For each column of the conditions.
    """

    start: int
    end: int
    reference: int = 0
    forget: bool = False
    told: tuple[bool, ...] = (True,) * len(COLUMNS)


#: The conditions that the data's list gives: nothing that is read from the strokes.
LISTED = tuple(name not in MEASURED for name in COLUMNS)


@dataclass(frozen=True)
class Batch:
    """Tensors of windows, padded to the longest; see `DrumModel.forward`.

    ``mask`` (B, T) is 1 where a step counts.
    """

    inputs: Tensor
    conditions: Tensor
    position: Tensor
    tempo: Tensor
    hits: Tensor
    velocities: Tensor
    timings: Tensor
    mask: Tensor

    def arguments(self) -> tuple[Tensor, ...]:
        """What the model takes."""
        return (
            self.inputs,
            self.conditions,
            self.position,
            self.tempo,
            self.hits,
            self.velocities,
            self.timings,
        )


def make_batch(table: Table, windows: Sequence[Window]) -> Batch:
    """Gather windows."""
    import torch

    longest = max(window.end - window.start for window in windows)
    index = np.zeros((len(windows), longest), dtype=np.int64)
    mask = np.zeros((len(windows), longest), dtype=np.float32)
    sources = np.full((3, len(windows), longest), -1, dtype=np.int64)
    conditions = np.zeros((len(windows), longest, len(COLUMNS)), dtype=np.int64)
    for row, window in enumerate(windows):
        size = window.end - window.start
        here = np.arange(window.start, window.end)
        index[row, :size] = here
        mask[row, :size] = 1.0
        first = table.first[window.start]
        earliest = window.start if window.forget else first
        bar = table.bar_steps[window.start]
        for source, (back, least) in enumerate(
            ((1, earliest), (bar, earliest), (window.reference * bar, first))
        ):
            if back:
                at = here - back
                sources[source, row, :size] = np.where(at >= least, at, -1)
        told = table.conditions[here].copy()
        for column, name in enumerate(COLUMNS):
            if not window.told[column]:
                told[:, column] = unknown(name)
        conditions[row, :size] = told
    there = sources >= 0
    # (3, B, T, 27), zero where the source is not there, then its flag.
    read = table.features[np.maximum(sources, 0)] * there[..., None]
    read = np.concatenate([read, there[..., None].astype(np.float32)], axis=-1)
    inputs = read.transpose(1, 2, 0, 3).reshape(len(windows), longest, -1)
    hits = table.hits[index] * mask[..., None]
    arrays = (
        inputs.astype(np.float32),
        conditions,
        table.position[index],
        table.tempo[index],
        hits,
        table.velocities[index],
        table.timings[index],
        mask,
    )
    return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def cut_windows(table: Table, steps: int, rng: np.random.Generator) -> list[Window]:
    """Cut every performance into windows of ``steps`` (whole bars), each shown in its own way.

    The first window of a performance is shorter by a random number of bars, so that the cuts
    fall elsewhere in each epoch.
    """
    windows: list[Window] = []
    for first, end in table.spans:
        bar = int(table.bar_steps[first])
        length = max(1, steps // bar) * bar
        n_bars = (end - first) // bar
        cut = first
        size = length - bar * int(rng.integers(0, max(1, min(n_bars, length // bar))))
        while cut < end:
            stop = min(cut + size, end)
            windows.append(_show(cut, stop, (cut - first) // bar, rng))
            cut, size = stop, length
    return windows


def _show(start: int, end: int, bars_before: int, rng: np.random.Generator) -> Window:
    # Every window takes the same draws, whatever they decide.
    wants, forgets, unmeasured, fours = rng.random(4)
    drops = rng.random(len(COLUMNS))
    far = int(rng.integers(1, FARTHEST_REFERENCE + 1))
    distance = 4 * (1 + far % 8) if fours < P_FOURS else far
    told = tuple(
        name == "metre" or (drop >= P_DROP and not (unmeasured < P_UNMEASURED and name in MEASURED))
        for name, drop in zip(COLUMNS, drops, strict=True)
    )
    return Window(
        start,
        end,
        reference=distance if wants < P_REFERENCE and distance <= bars_before + 4 else 0,
        forget=bool(forgets < P_FORGET),
        told=told,
    )


def epoch_batches(
    table: Table, steps: int, batch_steps: int, rng: np.random.Generator
) -> list[list[Window]]:
    """One epoch: windows of alike length together, about ``batch_steps`` steps a batch."""
    windows = cut_windows(table, steps, rng)
    order = rng.permutation(len(windows))
    # Sorted by length within a shuffled list: short files do not pad long ones.
    ranked = sorted(order.tolist(), key=lambda at: windows[at].end - windows[at].start)
    batches: list[list[Window]] = []
    batch: list[Window] = []
    for at in ranked:
        window = windows[at]
        if batch and (len(batch) + 1) * (window.end - window.start) > batch_steps:
            batches.append(batch)
            batch = []
        batch.append(window)
    if batch:
        batches.append(batch)
    return [batches[at] for at in rng.permutation(len(batches))]


def scoring_windows(
    table: Table, context: int, told: tuple[bool, ...], size: int = 512
) -> Iterator[tuple[Window, int]]:
    """Windows that together score every step once, with ``context`` steps before them.

    Gives each window and the index from which its steps count.
    """
    for first, end in table.spans:
        at = first
        while at < end:
            stop = min(at + size, end)
            start = max(first, at - context)
            yield Window(start, stop, told=told), at - start
            at = stop
