"""A long piece by the note model: does it drift, does its memory grow?

    python -m benchmarks.symbolic_long [--minutes M] [--styles STYLE ...] [--particles N]

Writes ``benchmarks/results/symbolic_long.md`` and ``.json``: density, register and range of a piece
minute by minute, the largest memory of the process while each minute was written, and how a
minute's figures go with its number.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from benchmarks._table import write_table
from benchmarks.symbolic_control import STYLES
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import make_plan
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from hybrid.symbolic_transformer.event_weights import load_event_model

#: Minutes whose memory is compared.
MARKS = (1, 2, 5, 10)


def peak_mib() -> float:
    """Most memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(style: str, minutes: float, particles: int) -> tuple[Score, float, dict[int, float], int]:
    """A piece, its length in minutes, the peak memory at each written minute, processor seconds."""
    plan = make_plan(seed=1, minutes=minutes, **STYLES[style])
    length = plan.seconds / 60
    peaks: dict[int, float] = {}

    def watch(share: float) -> None:
        # Bars are about as long as each other, so a share of bars is one of the time.
        for minute in range(1, int(share * length + 1e-6) + 1):
            peaks.setdefault(minute, peak_mib())

    settings = SampleSettings(n_particles=particles)
    engine = TransformerEngine(load_event_model(), settings, progress=watch)
    begin = time.process_time()
    score, _ = engine.fill(plan, stage_rng(1, "fill", engine.name))
    return score, length, peaks, round(time.process_time() - begin)


def minute_rows(style: str, score: Score, length: float, peaks: dict[int, float]) -> list[Any]:
    """Figures of each whole minute."""
    pitched = [track for track in score.tracks if not track.is_drum]
    onset = np.concatenate([track.notes["onset"] for track in pitched])
    pitch = np.concatenate([track.notes["pitch"] for track in pitched]).astype(int)
    duration = np.concatenate([track.notes["duration"] for track in pitched])
    per_minute = score.length / length
    rows = []
    for minute in range(1, int(length + 0.5) + 1):
        inside = (onset >= (minute - 1) * per_minute) & (onset < minute * per_minute)
        quarters = per_minute / score.ticks_per_quarter
        low, middle, high = np.percentile(pitch[inside], [2.5, 50, 97.5])
        rows.append(
            {
                "style": style,
                "minute": minute,
                "notes a quarter": round(float(inside.sum() / quarters), 2),
                "sounding at once": round(float(duration[inside].sum() / per_minute), 2),
                "pitch, 2.5%": low,
                "pitch, median": middle,
                "pitch, 97.5%": high,
                "peak memory, MiB": round(peaks.get(minute, peak_mib())),
            }
        )
    return rows


def drift_rows(rows: list[Any]) -> list[Any]:
    """Slope a minute of each figure, and its correlation with the minute."""
    found = []
    for style in dict.fromkeys(row["style"] for row in rows):
        mine = [row for row in rows if row["style"] == style]
        minute = np.array([row["minute"] for row in mine], dtype=float)
        for name in ("notes a quarter", "pitch, 2.5%", "pitch, median", "pitch, 97.5%"):
            values = np.array([row[name] for row in mine], dtype=float)
            slope = float(np.polyfit(minute, values, 1)[0])
            spread = float(values.std())
            related = float(np.corrcoef(minute, values)[0, 1]) if spread else 0.0
            found.append(
                {
                    "style": style,
                    "figure": name,
                    "mean": round(float(values.mean()), 2),
                    "standard deviation of minutes": round(spread, 2),
                    "slope a minute": round(slope, 3),
                    "correlation with the minute": round(related, 2),
                }
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Write long pieces and look for drift.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--styles", nargs="+", default=list(STYLES), choices=list(STYLES))
    parser.add_argument("--particles", type=int, default=8)
    given = parser.parse_args()
    rows: list[Any] = []
    notes = [
        f"One piece a style of {given.minutes:g} minutes, {given.particles} particles, seed 1. The "
        "plan's sections and dynamics differ, so minutes do; drift would be a slope that goes on.",
        "Correlation: with ten minutes, up to 0.63 either way is chance (5% level).",
        "Peak memory: of the whole process until the minute was written, libraries and weights "
        "included; a style after the first begins where the one before it ended.",
    ]
    for style in given.styles:
        score, length, peaks, seconds = write(style, given.minutes, given.particles)
        rows += minute_rows(style, score, length, peaks)
        at = ", ".join(f"{peaks[mark]:.0f} MiB at {mark}" for mark in MARKS if mark in peaks)
        notes.append(f"{style}: {seconds} processor seconds; peak memory {at} minutes.")
        print(notes[-1], flush=True)
    text, _ = write_table(
        "symbolic_long",
        rows,
        notes,
        title="A long piece, minute by minute",
        packages=("torch", "numpy"),
        sections={"Drift": drift_rows(rows)},
    )
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
