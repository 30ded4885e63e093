"""Learning curves of the analyser as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hybrid.io.atomic import atomic_file

_SCORES = {"valid_key": "key", "valid_full": "key and chord"}
_LOSSES = ("key", "chord", "change", "tone")


def draw_curves(curve: Sequence[dict[str, float]], path: Path) -> None:
    """Draw training losses (left) and validation scores (right) as PNG.

    Parameters
    ----------
    curve : sequence of dict
        Rows of `hybrid.harmony.train.Progress`.
    path : Path
    """
    # Loaded here: drawing is the only use of it. It comes with music21.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [row["step"] for row in curve]
    for name in _LOSSES:
        left.plot(steps, [row[name] for row in curve], label=name)
    left.set_ylabel("loss on training batches, nats")
    for name, label in _SCORES.items():
        right.plot(steps, [100 * row[name] for row in curve], label=label)
    right.set_ylabel("validation frames right, per cent")
    for axes in (left, right):
        axes.set_xlabel("update")
        if curve:
            axes.legend()
        axes.grid(alpha=0.3)
    with atomic_file(path) as place:
        figure.savefig(place, format="png", dpi=110, metadata={"Software": None})
