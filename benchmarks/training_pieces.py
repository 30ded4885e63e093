"""What the training pieces are like: sizes, how chords and themes fit the notes, phrase ends.

    python -m benchmarks.training_pieces [--built FOLDER]

FOLDER holds chorale.npz, pop.npz and quartet.npz as `hybrid corpora build` writes them; without
it they are built from the data folder first, which takes many minutes. The phrase ends of the
chorales, which their corpus does not have, are held against the fermatas of the same pieces in
music21's corpus.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.symbolic_transformer.build import BUILDERS, build
from hybrid.symbolic_transformer.chorale_splits import chorale_splits
from hybrid.symbolic_transformer.corpus import SOURCES, SPLITS, CorpusPiece, load_pieces
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import TICKS

SURE = 0.9  # similarity from which on two chorales are compared bar by bar
NEAR = 0.51  # quarters between a phrase end and a fermata's


def chord_tone_share(pieces: Sequence[CorpusPiece]) -> float | None:
    """Share of the notes' time whose pitch belongs to the chord at their onset."""
    inside = total = 0
    for piece in pieces:
        notes = piece.score.notes
        masks = conditions_at(piece.plan, notes["onset"]).mask
        known = masks > 0
        belongs = masks >> (notes["pitch"].astype(np.int32) % 12) & 1
        inside += int((belongs * notes["duration"])[known].sum())
        total += int(notes["duration"][known].sum())
    return inside / total if total else None


def theme_likeness(pieces: Sequence[CorpusPiece]) -> tuple[float | None, float | None]:
    """Mean F-measure of the first track's notes between phrases of one theme, and of two."""
    same: list[float] = []
    other: list[float] = []
    for piece in pieces:
        lead = piece.score.notes[piece.score.notes["track"] == 0]
        spans = piece.plan.themes
        lines = [_line(lead, span) for span in spans]
        for at, line in enumerate(lines):
            for before in range(at):
                if min(len(line), len(lines[before])) < 4:
                    continue
                shared = len(line & lines[before])
                likeness = 2 * shared / (len(line) + len(lines[before]))
                equal = spans["label"][at] == spans["label"][before]
                (same if equal else other).append(likeness)
    return (
        float(np.mean(same)) if same else None,
        float(np.mean(other)) if other else None,
    )


def _line(lead: NDArray[Any], span: Any) -> frozenset[tuple[int, int]]:
    inside = lead[(lead["onset"] >= span["start"]) & (lead["onset"] < span["end"])]
    pairs = zip((inside["onset"] - span["start"]).tolist(), inside["pitch"].tolist(), strict=True)
    return frozenset(pairs)


def describe(style: str, path: Path) -> dict[str, Any]:
    """A row of the table."""
    pieces = load_pieces(path)
    row: dict[str, Any] = {"style": style, "pieces": len(pieces)}
    for split in SPLITS:
        row[f"notes, {split}"] = sum(len(p.score.notes) for p in pieces if p.split == split)
    for source in SOURCES:
        share = chord_tone_share([p for p in pieces if p.chord_source == source])
        row[f"chord tones, chords from {source}"] = share
    row["one theme"], row["two themes"] = theme_likeness(pieces)
    row["sections by people"] = sum(p.section_source == "people" for p in pieces)
    row["MiB"] = path.stat().st_size / 2**20
    return row


# --- Phrase ends ---------------------------------------------------------------------------------


def fermatas() -> dict[str, tuple[list[float], float]]:
    """Ends of the soprano's notes under fermatas, and the length, in quarters, by file name."""
    from music21 import corpus, expressions

    found = {}
    for path in corpus.corpora.CoreCorpus().getComposer("bach"):
        name = Path(path).stem
        if not name.startswith("bwv"):
            continue
        stream = corpus.parse(path)
        parts = [p for p in stream.parts if "soprano" in str(p.partName or p.id).lower()]
        if not parts:
            continue
        ends = {
            float(note.offset + note.quarterLength)
            for note in parts[0].flatten().notes
            if any(isinstance(mark, expressions.Fermata) for mark in note.expressions)
        }
        if ends:
            found[name] = sorted(ends), float(parts[0].highestTime)
    return found


def phrase_ends(path: Path) -> dict[str, Any]:
    """How many phrase ends are fermatas, and how many fermatas are found."""
    marked = fermatas()
    table = chorale_splits()
    by_id: dict[str, list[str]] = defaultdict(list)
    for (corpus, name), match in table.items():
        if corpus == "music21" and match.similarity >= SURE and name in marked:
            by_id[match.id].append(name)
    right = found = hit = wanted = n_pieces = 0
    for piece in load_pieces(path):
        match = table["bach_chorales", piece.name.rpartition("/")[2]]
        length = piece.score.length / TICKS
        same = [n for n in by_id[match.id] if abs(marked[n][1] - length) <= 1]
        if not same:
            continue
        truth = marked[same[0]][0]
        # A plan has whole bars; the last phrase ends with the notes.
        ends = np.minimum(piece.plan.phrases["end"], piece.score.length) / TICKS
        right += sum(min(abs(end - tick) for tick in truth) <= NEAR for end in ends)
        hit += sum(min(abs(end - tick) for end in ends) <= NEAR for tick in truth)
        found += len(ends)
        wanted += len(truth)
        n_pieces += 1
    precision, recall = right / found, hit / wanted
    return {
        "chorales": n_pieces,
        "phrase ends": found,
        "fermatas": wanted,
        "ends that are fermatas": precision,
        "fermatas found": recall,
        "F": 2 * precision * recall / (precision + recall),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder: Path = given.built or Path(place)
        if given.built is None:
            for style in BUILDERS:
                build(style, folder / f"{style}.npz", from_dir=data_folder())
        rows = [describe(style, folder / f"{style}.npz") for style in BUILDERS]
        phrases = phrase_ends(folder / "chorale.npz")
    write_table(
        "training_pieces",
        rows,
        [
            "Chord tones: share of the notes' time whose pitch class belongs to the chord at their "
            "onset, by who named the chords.",
            "One theme, two themes: mean F-measure of equal onsets and pitches in the first "
            "track between two phrases that have one label, and two.",
        ],
        title="Training pieces",
        packages=("numpy",),
    )
    write_table(
        "chorale_phrases",
        [phrases],
        [f"Ends within {NEAR} quarters of a fermata's, in pieces that both corpora have."],
        title="Phrase ends of chorales against fermatas",
        packages=("numpy", "music21"),
    )


if __name__ == "__main__":
    main()
