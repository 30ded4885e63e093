"""Reading MIDI: ours against pretty_midi, miditoolkit and symusic.

    python -m benchmarks.midi_reading [--notes 100000] [--rounds 5]

All read the same bytes of a file on disk into their own objects, in turn, in one run; the
best time of the rounds is taken. Two files: one track of many notes, and sixteen tracks with
controllers and tempo changes. Whether all find the same notes is checked as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import write_table
from hybrid.core.score import CONTROL_DTYPE, NOTE_DTYPE, Score, Track
from hybrid.core.timeline import Tempo
from hybrid.io.midi import read_midi, write_midi


def _notes(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
    notes = np.zeros(count, dtype=NOTE_DTYPE)
    notes["onset"] = np.cumsum(rng.integers(20, 120, count))
    # No overlaps of one pitch: readers disagree on those.
    notes["duration"] = 15
    notes["pitch"] = rng.integers(36, 90, count)
    notes["velocity"] = rng.integers(30, 120, count)
    notes["spelling"] = -128
    return notes


def _scores(count: int) -> dict[str, Score]:
    rng = np.random.default_rng(0)
    tracks = []
    for number in range(16):
        notes = _notes(rng, count // 16)
        controls = np.zeros(len(notes) // 4, dtype=CONTROL_DTYPE)
        controls["tick"] = notes["onset"][: len(controls)]
        controls["number"], controls["value"] = 11, rng.integers(0, 128, len(controls))
        tracks.append(Track(f"track {number}", notes, program=number, controls=controls))
    tempos = tuple(Tempo(960 * at, float(60 + at % 90)) for at in range(500))
    return {
        "one track": Score((Track("melody", _notes(rng, count)),)),
        "16 tracks, controllers, tempo changes": Score(tuple(tracks), tempos=tempos),
    }


def _readers() -> dict[str, Callable[[str], int]]:
    """Readers that give the number of notes."""
    import miditoolkit
    import pretty_midi
    import symusic

    def ours(path: str) -> int:
        return read_midi(path).score.n_notes

    def by_pretty_midi(path: str) -> int:
        return sum(len(item.notes) for item in pretty_midi.PrettyMIDI(path).instruments)

    def by_miditoolkit(path: str) -> int:
        return sum(len(item.notes) for item in miditoolkit.MidiFile(path).instruments)

    def by_symusic(path: str) -> int:
        return int(symusic.Score(path).note_num())

    return {
        "hybrid": ours,
        "symusic": by_symusic,
        "miditoolkit": by_miditoolkit,
        "pretty_midi": by_pretty_midi,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    readers = _readers()
    with tempfile.TemporaryDirectory() as folder:
        for name, score in _scores(options.notes).items():
            path = str(Path(folder) / "file.mid")
            write_midi(score, path)
            best = dict.fromkeys(readers, float("inf"))
            for _ in range(options.rounds):
                for reader, read in readers.items():
                    start = time.perf_counter()
                    found = read(path)
                    best[reader] = min(best[reader], time.perf_counter() - start)
                    assert found == score.n_notes, (reader, found, score.n_notes)
            size = Path(path).stat().st_size
            for reader, seconds in best.items():
                rows.append(
                    {
                        "file": f"{name}, {score.n_notes} notes, {size / 1e6:.1f} MB",
                        "reader": reader,
                        "seconds": seconds,
                        "notes a second": score.n_notes / seconds,
                        "time relative to hybrid": seconds / best["hybrid"],
                    }
                )
                print(f"{name}: {reader} {seconds:.3f} s", flush=True)
    text, _ = write_table(
        "midi_reading",
        rows,
        [
            f"Best of {options.rounds} rounds; the readers take turns within a round.",
            "symusic parses in C++: it is what bulk reading of corpora should use. It makes two "
            "tracks of one whose program changes, takes its lyrics to a third, and names no "
            "place of an error.",
            "hybrid scans the bytes in Python and pairs notes in NumPy; the other two make a "
            "Python object of every message.",
        ],
        title="Reading MIDI files",
        packages=("numpy", "symusic", "miditoolkit", "pretty_midi", "mido"),
    )
    print(text)


if __name__ == "__main__":
    main()
