"""The yardstick: annotated and predicted labels compared at every 32nd note.

Six figures: key (tonic as spelled, and mode), degree (primary and secondary), quality,
inversion, root (as spelled), and full: key, degree, quality and inversion right at once. Each
is given in three averages, which are not the same: pooled over frames, the mean over readings
of pieces, and the mean over groups of what is pooled in each group. How figures such as
``Cad64`` and ``Ger65`` count is written in `hybrid.harmony.labels`. Frames before the first
annotated label are left out; frames without a prediction count as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.harmony.corpus import TICKS_PER_QUARTER

FIGURES = ("key", "degree", "quality", "inversion", "root", "full")
STEP_TICKS = TICKS_PER_QUARTER // 8  # a 32nd note


@dataclass(frozen=True)
class Comparison:
    """Right frames of each of `FIGURES` and compared frames, for one reading of one piece."""

    name: str
    group: str
    right: tuple[int, ...]
    frames: int


def compare(
    reference: NDArray[Any], predicted: NDArray[Any], name: str = "", group: str = ""
) -> Comparison:
    """Compare two rows of label spans.

    Parameters
    ----------
    reference, predicted : np.ndarray of `corpus.SPANS`
        Ascending, not overlapping.

    Raises
    ------
    ScoreError
        If either is out of order.
    """
    for what, spans in (("reference", reference), ("predicted", predicted)):
        if np.any(spans["onset"][1:] < spans["end"][:-1]):
            at = int(np.argmax(spans["onset"][1:] < spans["end"][:-1])) + 1
            raise ScoreError(
                f"{what} spans must ascend without overlap, got one at tick "
                f"{spans['onset'][at]} before the end {spans['end'][at - 1]} ({name})"
            )
    if not len(reference):
        return Comparison(name, group, (0,) * len(FIGURES), 0)
    ticks = np.arange(0, int(reference["end"][-1]), STEP_TICKS)
    one, has_one = _at(reference, ticks)
    other, has_other = _at(predicted, ticks)
    both = has_one & has_other

    def same(*names: str) -> NDArray[np.bool_]:
        equal = both.copy()
        for field in names:
            equal &= one[field] == other[field]
        return equal

    key = same("tonic", "mode")
    degree = same("of", "degree")
    quality = same("quality")
    inversion = same("inversion")
    root = both & (_root(one) == _root(other))
    full = key & degree & quality & inversion
    right = tuple(int(part.sum()) for part in (key, degree, quality, inversion, root, full))
    return Comparison(name, group, right, int(has_one.sum()))


def _root(spans: NDArray[Any]) -> NDArray[np.int64]:
    root: NDArray[np.int64] = spans["tonic"].astype(np.int64) + spans["of"] + spans["degree"]
    return root


def _at(spans: NDArray[Any], ticks: NDArray[np.integer]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The span at each tick, and whether there is one."""
    if not len(spans):
        return np.zeros(len(ticks), spans.dtype), np.zeros(len(ticks), bool)
    place = np.searchsorted(spans["onset"], ticks, side="right") - 1
    rows = spans[np.maximum(place, 0)]
    return rows, (place >= 0) & (ticks < rows["end"])


@dataclass(frozen=True)
class Summary:
    """Shares 0..1 of each figure.

    Attributes
    ----------
    pooled, pieces, groups : dict
        Figure to share: over all frames, mean over readings, mean over groups.
    by_group : dict
        Group to figure to share, pooled within the group; ``n`` its readings.
    """

    pooled: dict[str, float]
    pieces: dict[str, float]
    groups: dict[str, float]
    by_group: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "pooled over frames": self.pooled,
            "mean over pieces": self.pieces,
            "mean over groups": self.groups,
            "groups": self.by_group,
        }

    def table(self) -> str:
        """Per cent, one row for each group and each average."""
        names = [*self.by_group, "pooled over frames", "mean over pieces", "mean over groups"]
        rows = [*self.by_group.values(), self.pooled, self.pieces, self.groups]
        width = max(len(name) for name in names)
        lines = [" " * width + "".join(f"{figure:>10}" for figure in FIGURES)]
        for name, row in zip(names, rows, strict=True):
            cells = "".join(f"{100 * row[figure]:10.1f}" for figure in FIGURES)
            lines.append(f"{name:<{width}}{cells}")
        return "\n".join(lines)


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """Average comparisons in the three ways.

    Raises
    ------
    ScoreError
        If nothing was compared.
    """
    used = [item for item in comparisons if item.frames]
    if not used:
        raise ScoreError("there must be at least one labelled frame to compare, got none")
    right = np.array([item.right for item in used], np.float64)
    frames = np.array([item.frames for item in used], np.float64)
    groups = [item.group for item in used]
    by_group: dict[str, dict[str, float]] = {}
    for group in sorted(set(groups)):
        rows = np.array([name == group for name in groups])
        by_group[group] = {
            **_named(right[rows].sum(axis=0) / frames[rows].sum()),
            "n": float(rows.sum()),
        }
    means = np.array([[row[figure] for figure in FIGURES] for row in by_group.values()])
    return Summary(
        pooled=_named(right.sum(axis=0) / frames.sum()),
        pieces=_named((right / frames[:, None]).mean(axis=0)),
        groups=_named(means.mean(axis=0)),
        by_group=by_group,
    )


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return {figure: float(value) for figure, value in zip(FIGURES, values, strict=True)}
