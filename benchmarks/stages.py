"""Time per stage for 1, 4, 16 and 64 minutes of music: the cost must grow linearly.

    python -m benchmarks.stages [--minutes 1 4 16 64]

Every length runs in a process of its own, so that no length profits from what another left
loaded, and the peak memory is its own. The last row is the exponent of a power law through
the points of each stage: 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import write_table

STAGES = ("plan", "notes", "check", "files", "sound", "page")
FORMS = ("rondo",)


def measure(form: str, minutes: float, seed: int) -> dict[str, Any]:
    """Seconds per stage of one piece, in this process."""
    from hybrid.pipeline import compose
    from hybrid.saving import SaveOptions, save

    starts: list[tuple[str, float]] = []

    def note(stage: str, share: float) -> None:
        if not starts or starts[-1][0] != stage:
            starts.append((stage, time.perf_counter()))

    piece = compose(form=form, minutes=minutes, seed=seed, progress=note)
    with tempfile.TemporaryDirectory() as folder:
        save(piece, Path(folder) / "out", SaveOptions(), progress=note)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    starts.append(("end", time.perf_counter()))
    row: dict[str, Any] = {"form": form, "minutes": minutes, "bars": piece.plan.n_bars}
    assert piece.score is not None
    row["notes written"] = piece.score.n_notes
    for (stage, begin), (_, end) in pairwise(starts):
        row[f"{stage} (s)"] = round(row.get(f"{stage} (s)", 0.0) + end - begin, 3)
    row["all (s)"] = round(starts[-1][1] - starts[0][1], 3)
    row["times real time"] = round(minutes * 60 / row["all (s)"], 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row["peak memory (MiB)"] = round(peak / 1024)
    row["files (MiB)"] = round(size / 2**20, 1)
    return row


def in_own_process(form: str, minutes: float, seed: int) -> dict[str, Any]:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.stages", "--one", form, str(minutes), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def exponents(rows: Sequence[dict[str, Any]], form: str) -> dict[str, Any]:
    """Exponent of time over minutes, by least squares on logarithms."""
    mine = [row for row in rows if row["form"] == form]
    minutes = np.log([row["minutes"] for row in mine])
    result: dict[str, Any] = {"form": f"{form}: growth exponent"}
    for name in (*(f"{stage} (s)" for stage in STAGES), "all (s)"):
        seconds = np.log([max(row.get(name, 0.0), 1e-3) for row in mine])
        result[name] = round(float(np.polyfit(minutes, seconds, 1)[0]), 2)
    return result


def main(show: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        form, minutes, seed = options.one
        show(json.dumps(measure(form, float(minutes), int(seed))))
        return
    rows = []
    for form in FORMS:
        for minutes in options.minutes:
            rows.append(in_own_process(form, minutes, options.seed))
            show(json.dumps(rows[-1]))
        if len(options.minutes) > 1:
            rows.append(exponents(rows, form))
    notes = [
        "Each length in a process of its own; imports are inside the stage that needs them "
        "first, so short pieces look dear.",
        "The growth exponent is that of a power law through the points: 1 is linear, below 1 "
        "is start-up being shared out.",
        "Absolute times are those of a shared machine: read the ratios.",
    ]
    packages = ("numpy", "pyfluidsynth", "verovio", "soundfile")
    text, _ = write_table(
        "stages", rows, notes, title="Time per stage by length", packages=packages
    )
    show(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
