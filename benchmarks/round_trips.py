"""Round trips of real files: what is kept, what is named as lost, and how long it takes.

    python -m benchmarks.round_trips [--files 50] [--data ../shared/data]

MusicXML, ABC and kern files come from music21's corpus, spread evenly over it; MIDI files
from four corpora, where they are at hand. Each is read, written in its own format, and read
again. Files that are refused are counted, with the reason.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks._table import write_table
from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.files import FORMATS, read_score, write_score
from hybrid.io.midi import midi_to_score

SUFFIXES = {"musicxml": (".mxl", ".xml"), "abc": (".abc",), "kern": (".krn",)}
ARCHIVES = ("openscore-string-quartets", "pop909", "nottingham", "groove")


def _corpus(name: str, count: int) -> list[Path]:
    from music21 import common

    root = Path(common.getCorpusFilePath())
    files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES[name])
    return [files[at * len(files) // count] for at in range(count)]


def _midi(folder: Path, count: int, target: Path) -> list[Path]:
    """MIDI files unpacked into ``target``, spread evenly over the archives."""
    found = []
    for number, name in enumerate(ARCHIVES):
        share = count // len(ARCHIVES) + (number < count % len(ARCHIVES))
        with tarfile.open(folder / name / f"{name}.tar.xz") as archive:
            members = [item for item in archive if item.name.endswith(".mid")]
            for at in range(share):
                stream = archive.extractfile(members[at * len(members) // share])
                assert stream is not None
                path = target / f"{name}-{at}.mid"
                path.write_bytes(stream.read())
                found.append(path)
    return found


def _content(score: Score) -> list[Counter[tuple[Fraction, Fraction, int]]]:
    quarter = score.ticks_per_quarter
    return [
        Counter(
            (
                Fraction(int(note["onset"]), quarter),
                Fraction(int(note["duration"]), quarter),
                int(note["pitch"]),
            )
            for note in track.notes
        )
        for track in score.tracks
        if len(track.notes)
    ]


def _read(path: Path) -> tuple[Score, str]:
    """The score, and why the file was refused at first."""
    try:
        return read_score(path).score, ""
    except FormatError as error:
        if "duration of 1 tick or more" in str(error):
            return midi_to_score(path.read_bytes(), zero_length="drop").score, "notes of no length"
        raise


def _measure(name: str, files: list[Path], folder: Path) -> dict[str, Any]:
    target = folder / f"again{FORMATS[name].suffixes[0]}"
    kept = notes = 0
    reading = writing = 0.0
    losses: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for path in files:
        try:
            start = time.perf_counter()
            before, fault = _read(path)
            reading += time.perf_counter() - start
        except FormatError as error:
            refused[str(error).rpartition(": ")[2]] += 1
            continue
        if fault:
            refused[f"{fault} (read without them)"] += 1
        start = time.perf_counter()
        for loss in write_score(before, target):
            losses[loss.partition(": ")[0].lstrip("0123456789 ")] += 1
        writing += time.perf_counter() - start
        kept += _content(read_score(target).score) == _content(before)
        notes += before.n_notes
    return {
        "format": name,
        "files": len(files),
        "kept exactly": kept,
        "notes": notes,
        "refused": "; ".join(f"{count} x {why}" for why, count in refused.items()) or "none",
        "named as lost in writing": ", ".join(f"{loss} ({n})" for loss, n in losses.items())
        or "nothing",
        "notes read a second": notes / reading if reading else 0.0,
        "notes written a second": notes / writing if writing else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50)
    default = os.environ.get("HYBRID_SHARED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in SUFFIXES:
            rows.append(_measure(name, _corpus(name, options.files), folder))
            print(rows[-1], flush=True)
        if options.data.is_dir():
            rows.append(_measure("midi", _midi(options.data, options.files, folder), folder))
            print(rows[-1], flush=True)
    text, _ = write_table(
        "round_trips",
        rows,
        [
            "Kept exactly: every onset, duration and pitch of every track.",
            "MusicXML, ABC and kern: music21's corpus, every n-th file of the sorted list. MIDI: "
            f"{', '.join(ARCHIVES)}.",
            "MusicXML is read through music21, which takes nearly all of its time.",
        ],
        title="Round trips of real files",
        packages=("music21", "numpy"),
    )
    print(text)


if __name__ == "__main__":
    main()
