"""Folders of analysed scores: ``GROUP/PIECE/score.mxl`` with ``analysis*.txt`` beside it.

``python -m hybrid.harmony.folders DIR --out DIR`` turns such a folder, with its
``manifest.csv``, into the two archives that training reads.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.harmony.annotations import (
    lay_spans,
    measure_starts,
    read_numerals,
    score_arrays,
)
from hybrid.harmony.corpus import Piece, save_pieces
from hybrid.harmony.evaluation import Comparison, compare
from hybrid.harmony.labels import Chord


def find_pieces(folder: Path) -> list[Path]:
    """Folders below ``folder`` that hold a score and an analysis, in order.

    Raises
    ------
    FormatError
        If there is none.
    """
    found = sorted(
        path.parent for path in folder.rglob("score.mxl") if any(path.parent.glob("analysis*.txt"))
    )
    if not found:
        raise FormatError(
            f"{folder} must hold folders with score.mxl and analysis*.txt, it holds none"
        )
    return found


def read_manifest(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Rows of ``manifest.csv`` in the folder or above it, by group and piece; empty without one."""
    for place in (folder, folder.resolve().parent):
        path = place / "manifest.csv"
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                return {(row["group"], row["id"]): row for row in csv.DictReader(file)}
    return {}


def read_piece(folder: Path, row: Mapping[str, str] | None = None) -> Piece:
    """Read one piece with all its readings.

    Parameters
    ----------
    folder : Path
    row : mapping, optional
        Its row of the manifest, whose ``align`` says how score and analysis run together:
        ``offset`` counts quarters from the start, ``measure`` from each measure's beginning.
        Without it the rule is taken under which more of the notes are chord tones.

    Raises
    ------
    FormatError
        If a file cannot be read.
    """
    from hybrid.io.files import read_score

    score = read_score(folder / "score.mxl").score
    notes, bars = score_arrays(score)
    end = int(notes["end"].max(initial=0))
    wanted = (row or {}).get("align", "")
    starts = None if wanted == "offset" else measure_starts(folder / "score.mxl")
    readings = []
    for path in sorted(folder.glob("analysis*.txt")):
        numerals = read_numerals(path)
        ways = {"offset": None, "measure": starts}
        tried = [wanted] if wanted in ways else list(ways)
        laid = [lay_spans(numerals, end, ways[way]) for way in tried]
        readings.append(max(laid, key=lambda spans: coverage(notes, spans)))
    licence = ""
    if row:
        licence = f"score {row['score_licence']}; analysis {row['analysis_licence']}"
    return Piece(folder.name, folder.parent.name, licence, notes, bars, tuple(readings))


def coverage(notes: NDArray[Any], spans: NDArray[Any]) -> float:
    """Share of the notes' durations, 0..1, whose pitch class belongs to the label they start in."""
    if not len(spans) or not len(notes):
        return 0.0
    tones = np.zeros((len(spans), 12), bool)
    for place, span in enumerate(spans):
        names = ("mode", "of", "degree", "quality", "inversion")
        for tone in Chord(*(int(span[name]) for name in names)).tones:
            tones[place, 7 * (int(span["tonic"]) + tone) % 12] = True
    at = np.searchsorted(spans["onset"], notes["onset"], side="right") - 1
    inside = at >= 0
    length = np.minimum(notes["end"], spans["end"][at]) - notes["onset"]
    length = np.maximum(length, 0)
    hit = tones[at, notes["pitch"] % 12]
    return float((length * hit)[inside].sum() / max(length[inside].sum(), 1))


def agreement(pieces: Sequence[Piece]) -> list[Comparison]:
    """How far a second analyst agrees with the first, for pieces that have two."""
    return [
        compare(piece.readings[0], piece.readings[1], piece.name, piece.group)
        for piece in pieces
        if len(piece.readings) > 1
    ]


def build(folder: Path, out: Path, log: Callable[[str], None] = print) -> None:
    """Write ``harmony_train.npz`` and ``harmony_valid.npz`` as the manifest splits them."""
    manifest = read_manifest(folder)
    pieces: dict[str, list[Piece]] = {"train": [], "validation": []}
    for place in find_pieces(folder):
        row = manifest.get((place.parent.name, place.name))
        if row is None:
            raise FormatError(f"{place} must stand in manifest.csv, it does not")
        pieces[row["split"]].append(read_piece(place, row))
        log(f"{place.parent.name}/{place.name}")
    out.mkdir(parents=True, exist_ok=True)
    save_pieces(out / "harmony_train.npz", pieces["train"])
    save_pieces(out / "harmony_valid.npz", pieces["validation"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Turn analysed scores into training archives.")
    parser.add_argument("folder", type=Path, help="GROUP/PIECE/score.mxl, and manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for the .npz files")
    options = parser.parse_args(arguments)
    build(options.folder, options.out)


if __name__ == "__main__":
    main()
