"""Draw docs/images/drums.png: what the groove model plays for a small plan.

``python tools/drum_picture.py`` from the top of the checkout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section
from hybrid.core.seeds import stage_rng
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.drums import plan_bars, write_drums
from hybrid.symbolic_transformer.drums.kit import DRUMS, N_DRUMS, drum_of

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "drums.png"
#: From the feet up.
ROWS = (
    "kick",
    "snare",
    "low tom",
    "mid tom",
    "high tom",
    "closed hat",
    "open hat",
    "ride",
    "crash",
)
STYLE, SEED = "rock", 7


def example() -> FormPlan:
    """Four bars each of A, B and A."""
    return FormPlan(
        key=Key.parse("C major"),
        metre=Metre.parse("4/4"),
        tempo_qpm=108.0,
        instruments=("drums",),
        sections=tuple(Section(label=x, phrases=(Phrase(bars=4, theme=x),)) for x in "ABA"),
    )


def main() -> None:
    """Draw a row of bars for each section; height of a bar is velocity, its place the onset."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plan = example()
    notes = write_drums(plan, stage_rng(SEED, "drums"), style=STYLE).notes
    tasks = plan_bars(plan, style=STYLE)
    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1)
    rows = np.array([ROWS.index(DRUMS[drum]) for drum in range(N_DRUMS)])
    for number, axes in enumerate(panels):
        # A stroke ahead of the section's first bar line belongs to that bar.
        low, high = 4 * number * 1920, 4 * (number + 1) * 1920
        shown = notes[(notes["onset"] >= low - 60) & (notes["onset"] < high - 60)]
        at = (shown["onset"] - low) / 480
        row = np.array([rows[drum_of(int(pitch))] for pitch in shown["pitch"]])
        height = 0.85 * shown["velocity"] / 127
        colours = [f"C{drum_of(int(pitch))}" for pitch in shown["pitch"]]
        axes.bar(at, height, width=0.09, bottom=row, align="edge", color=colours)
        for quarter in range(17):
            axes.axvline(quarter, color="0.35" if quarter % 4 == 0 else "0.85", lw=0.8, zorder=0)
        for sixteenth in range(64):
            axes.axvline(sixteenth / 4, color="0.94", lw=0.5, zorder=-1)
        axes.set_yticks(np.arange(N_DRUMS), ROWS)
        axes.set_ylim(-0.1, N_DRUMS)
        axes.set_xlim(-0.2, 16.05)
        axes.set_xticks(np.arange(0, 16, 4), [f"bar {4 * number + bar + 1}" for bar in range(4)])
        section = plan.sections[number].label
        said = ", ".join(
            "last stroke"
            if task.task == "end"
            else f"{task.place}{' (fill)' * (task.role == 'fill')}"
            for task in tasks[4 * number : 4 * number + 4]
        )
        returned = " again" if number == 2 else ""
        axes.set_title(f"section {section}{returned}: {said}", loc="left", fontsize=10)
    figure.supxlabel("height of a mark: velocity; grey lines: sixteenths", fontsize=9)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, format="png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
