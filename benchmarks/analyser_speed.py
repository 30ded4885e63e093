"""How long the harmony analyser takes for a movement of about 200 bars, part by part.

    python -m benchmarks.analyser_speed [SCORE] [--rounds 3]

Without a score it is the first movement of Beethoven's op. 22, 200 bars, of the corpus
``roman_numerals``. Every part is done ``--rounds`` times, the best counts. The commands run in
processes of their own, start and imports included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.harmony.annotations import score_arrays, with_spelling
from hybrid.harmony.decode import decode
from hybrid.harmony.features import piece_arrays
from hybrid.harmony.graph import build_graph
from hybrid.harmony.report import write_analysis
from hybrid.harmony.shipped import load_analyser
from hybrid.io.files import read_score
from hybrid.io.musicxml import score_to_musicxml
from hybrid.report.harmony_page import build_harmony_page

#: A movement of 200 bars; the sonatas took no part in training.
PIECE = ("bps_fh", "beethoven_sonata11_mvt1")


def times(rounds: int, do: Callable[[], Any]) -> tuple[float, float, Any]:
    """Best wall and processor time of some rounds, and the last result."""
    wall, own, result = [], [], None
    for _ in range(rounds):
        begun, used = time.perf_counter(), time.process_time()
        result = do()
        wall.append(time.perf_counter() - begun)
        own.append(time.process_time() - used)
    return min(wall), min(own), result


def command(arguments: list[str], rounds: int) -> tuple[float, float]:
    """Best wall and processor time of a command."""
    wall, own = [], []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "hybrid", *arguments], check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall.append(time.perf_counter() - begun)
        own.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(wall), min(own)


def main() -> None:
    """Measure and write ``results/analyser_speed.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("score", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    path = options.score or data_folder().joinpath("roman_numerals", *PIECE, "score.mxl")
    rounds = options.rounds
    rows: list[dict[str, Any]] = []

    def note(name: str, measured: tuple[float, float, Any]) -> Any:
        wall, own, result = measured
        rows.append({"part": name, "wall (s)": wall, "processor (s)": own})
        print(rows[-1], flush=True)
        return result

    score = note("read the score (music21 loaded)", times(rounds, lambda: read_score(path).score))
    analyser = note("load the weights", times(rounds, load_analyser))
    notes, bars = note("notes, spelling", times(rounds, lambda: score_arrays(score)))
    notes = with_spelling(notes)
    note("graph", times(rounds, lambda: build_graph(notes["onset"], notes["end"])))
    note(
        "features, graph included",
        times(rounds, lambda: piece_arrays(notes, bars, notes["spelling"])),
    )
    scores = note(
        "features and network, both readings",
        times(rounds, lambda: analyser.scores(notes, bars, notes["spelling"])),
    )
    note("path", times(rounds, lambda: decode(scores, analyser.decoding)))
    analysis = note(
        "analyse, all of the above but reading", times(rounds, lambda: analyser.analyse(score))
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        note(
            "write RomanText, MusicXML, JSON, GraphML",
            times(rounds, lambda: write_analysis(analysis, score, place, "a")),
        )
        musicxml, _ = score_to_musicxml(score, analysis)
        note(
            "page",
            times(rounds, lambda: build_harmony_page(score, analysis, musicxml=musicxml)),
        )
        for name, more in (
            ("command: hybrid analyse FILE", []),
            ("command: hybrid analyse FILE -o DIR --no-page", ["-o", folder, "--no-page"]),
            ("command: hybrid analyse FILE -o DIR", ["-o", folder]),
        ):
            note(name, (*command(["analyse", str(path), *more], rounds), None))
    n_edges = len(build_graph(notes["onset"], notes["end"]).source)
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    write_table(
        "analyser_speed",
        rows,
        title="Time of an analysis, part by part",
        notes=[
            f"{score.title or path.parent.name}: {sum(not bar.is_pickup for bar in score.bars)} "
            f"bars, {len(notes)} notes, {n_edges} directed edges, "
            f"{len(scores.key)} frames, {len(analysis.chords)} chords found.",
            f"Best of {rounds} rounds. Processes per core that wanted to run meanwhile: "
            f"{load:.1f}; above 1 the wall times say little, and processor times are longer than "
            "alone.",
            "Goals: analysed in under 2 s once started, the whole command under 5 s.",
            f"Threads of NumPy's library: {os.environ.get('OMP_NUM_THREADS', 'as many as cores')}.",
        ],
        packages=("numpy", "music21", "verovio"),
    )
    assert np.isfinite(scores.log_probability).all()


if __name__ == "__main__":
    main()
