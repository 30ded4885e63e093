"""Frames that come in a row, seen through windows: how sound of any length goes through networks.

A layer that looks at its neighbours needs some frames more on either side than it gives. So
every stage takes rows in chunks, keeps as many as its neighbours need, and gives rows in chunks
of one size; whatever the sizes in which they came, the windows are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hybrid.audio_refiner.effects import Samples

#: Tensors of one first dimension, a row for each frame.
Rows = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Window:
    """Some frames with their neighbours.

    Attributes
    ----------
    rows : tuple of Tensor, each (T, ...)
        The frames, ``before`` frames in front of them, and what follows.
    first, count, before : int
        Number of the first frame proper, how many there are, how many stand in front.
    """

    rows: Rows
    first: int
    count: int
    before: int

    def inner(self, rows: Tensor) -> Tensor:
        """Of a row for each frame, those of the frames proper."""
        return rows[self.before : self.before + self.count]


def windows(chunks: Iterable[Rows], count: int, before: int, after: int) -> Iterator[Window]:
    """Windows of ``count`` frames, the last one shorter.

    Parameters
    ----------
    chunks : iterable of tuples of Tensor
        Rows one after another, in chunks of any sizes.
    count, before, after : int
        Frames of a window, and neighbours on either side, as far as there are any.

    Examples
    --------
    >>> rows = [(torch.arange(4),), (torch.arange(4, 7),)]
    >>> [(w.rows[0].tolist(), w.inner(w.rows[0]).tolist()) for w in windows(rows, 3, 1, 2)]
    [([0, 1, 2, 3, 4], [0, 1, 2]), ([2, 3, 4, 5, 6], [3, 4, 5]), ([5, 6], [6])]
    """
    kept: Rows | None = None
    begin = 0  # number of the first row that is kept
    first = 0
    for chunk in chunks:
        kept = chunk if kept is None else _joined(kept, chunk)
        while begin + len(kept[0]) >= first + count + after:
            yield _window(kept, begin, first, count, before, after)
            first += count
            drop = max(0, first - before - begin)
            kept, begin = tuple(each[drop:] for each in kept), begin + drop
    while kept is not None and begin + len(kept[0]) > first:
        left = min(count, begin + len(kept[0]) - first)
        yield _window(kept, begin, first, left, before, after)
        first += left


def _joined(head: Rows, more: Rows) -> Rows:
    return tuple(torch.cat(pair) for pair in zip(head, more, strict=True))


def _window(kept: Rows, begin: int, first: int, count: int, before: int, after: int) -> Window:
    low = max(begin, first - before)
    rows = tuple(each[low - begin : first + count + after - begin] for each in kept)
    return Window(rows, first, count, first - low)


def frame_rows(chunks: Iterable[Samples], frame: int) -> Iterator[Rows]:
    """Sound (2, n) in chunks as rows (t, 2, frame); the last row is filled with silence."""
    left = torch.zeros(2, 0)
    for chunk in chunks:
        joined = torch.cat([left, torch.from_numpy(chunk.copy())], 1)
        whole = joined.shape[1] // frame * frame
        left = joined[:, whole:]
        if whole:
            yield (_rows(joined[:, :whole], frame),)
    if left.shape[1]:
        missing = frame - left.shape[1]
        yield (_rows(torch.nn.functional.pad(left, (0, missing)), frame),)


def _rows(wave: Tensor, frame: int) -> Tensor:
    return wave.reshape(2, -1, frame).transpose(0, 1)  # (t, 2, frame)


def wave_of_rows(rows: Tensor) -> Tensor:
    """Rows (t, 2, frame) as sound (2, t frame)."""
    return rows.transpose(0, 1).reshape(2, -1)
