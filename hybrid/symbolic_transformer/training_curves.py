"""Learning curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hybrid.io.atomic import atomic_file


def draw_curves(history: Sequence[dict[str, float]], path: Path, unit: str) -> None:
    """Draw the loss on training batches and on each held-out corpus as PNG.

    Parameters
    ----------
    history : sequence of dict
        Rows of `hybrid.symbolic_transformer.train.Trainer`: ``update``, ``train`` and a figure
        for each corpus; names of two words (parts of a note) are left out.
    path : Path
    unit : str
        Label of the vertical axis.
    """
    # Loaded here: drawing is the only use of it. It comes with music21.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    updates = [row["update"] for row in history]
    names = [name for name in history[0] if name != "update" and " " not in name] if history else []
    for name in names:
        label = "training batches (dropout on)" if name == "train" else f"held-out {name}"
        axes.plot(updates, [row[name] for row in history], label=label)
    axes.set_xlabel("update")
    axes.set_ylabel(unit)
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_file(path) as place:
        figure.savefig(place, format="png", dpi=110, metadata={"Software": None})


__all__ = ["draw_curves"]
