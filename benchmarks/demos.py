"""How long the exhibits of the history take, each by itself and all with their index.

    python -m benchmarks.demos [--seed 1] [--workers 2]

Processor time is given beside the clock's, because other programs on the machine slow the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._table import write_table
from hybrid.history.registry import exhibit_names

#: Seconds for all exhibits on two cores, and for the list.
GOAL_ALL, GOAL_LIST = 300.0, 0.5


def _measured(arguments: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of the processor that ``hybrid demo`` takes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "hybrid", "demo", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return end - start, used


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as top:
        best = min((_measured(["list"]) for _ in range(5)), key=lambda pair: pair[0])
        rows.append({"what": "list (best of 5)", "seconds": best[0], "processor seconds": best[1]})
        for name in exhibit_names():
            folder = Path(top) / name
            clock, used = _measured([name, "--seed", str(chosen.seed), "-o", str(folder)])
            size = (folder / "index.html").stat().st_size / 2**20
            rows.append(
                {
                    "what": name,
                    "seconds": clock,
                    "processor seconds": used,
                    "page, MiB": size,
                }
            )
        clock, used = _measured(
            [
                "all",
                "--seed",
                str(chosen.seed),
                "--workers",
                str(chosen.workers),
                "-o",
                str(Path(top) / "all"),
            ]
        )
        rows.append(
            {
                "what": f"all, {chosen.workers} at a time",
                "seconds": clock,
                "processor seconds": used,
            }
        )
    load = os.getloadavg()[0]
    paths = write_table(
        "demos",
        rows,
        [
            f"A process each: notes, MIDI, MusicXML, WAV and page; seed {chosen.seed}.",
            f"Goal: all under {GOAL_ALL:g} s on two cores, the list under {GOAL_LIST:g} s.",
            f"Load average of the machine at the end: {load:.1f}; where it is above the number of "
            "workers, other programs were running.",
        ],
        title="The exhibits of the history",
        packages=("numpy", "verovio", "pyfluidsynth", "soundfile", "music21"),
    )
    print(*paths, sep="\n")


if __name__ == "__main__":
    main()
