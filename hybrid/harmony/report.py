"""Analyses as files (RomanText, MusicXML, JSON, GraphML), and the evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.core.analysis import Analysis
from hybrid.core.errors import ScoreError
from hybrid.core.score import Score
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.corpus import TICKS_PER_QUARTER, Piece
from hybrid.harmony.decode import decode, path_spans
from hybrid.harmony.evaluation import Summary, compare, summarise
from hybrid.harmony.examples import known_spelling
from hybrid.harmony.features import FRAME_TICKS
from hybrid.harmony.folders import agreement, find_pieces, read_manifest, read_piece
from hybrid.harmony.note_graph import write_graphml
from hybrid.harmony.romantext import romantext
from hybrid.harmony.tables import analysis_record


def write_analysis(analysis: Analysis, score: Score, folder: Path, name: str) -> list[Path]:
    """Write NAME.rntxt, .musicxml, .json and .graphml; the paths that were written."""
    from hybrid.io.atomic import write_text
    from hybrid.io.musicxml import write_musicxml

    paths = [folder / f"{name}.{suffix}" for suffix in ("rntxt", "musicxml", "json", "graphml")]
    write_text(paths[0], romantext(analysis, score))
    write_musicxml(score, paths[1], analysis)
    write_text(paths[2], json.dumps(analysis_record(analysis, score), indent=1) + "\n")
    write_graphml(score, paths[3])
    return paths


@dataclass(frozen=True)
class Evaluation:
    """The analyser against people, and people against people where a piece has two analyses."""

    analyser: Summary
    people: Summary | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        people = self.people.to_dict() if self.people else None
        return {"analyser": self.analyser.to_dict(), "second analyst": people}

    def table(self) -> str:
        """Per cent."""
        text = self.analyser.table()
        if self.people:
            text += f"\n\nsecond analyst against the first\n{self.people.table()}"
        return text


def evaluate_pieces(
    pieces: list[Piece], analyser: Analyser, log: Callable[[str], None] | None = None
) -> Evaluation:
    """Compare the analyser with every reading of every piece."""
    comparisons = []
    for piece in pieces:
        scores = analyser.scores(piece.notes, piece.bars, known_spelling(piece), piece.end)
        path = decode(scores, analyser.decoding)
        vocabulary = analyser.models[0].vocabulary
        spans = path_spans(scores, path, vocabulary, FRAME_TICKS, piece.end)
        comparisons += [
            compare(reading, spans, piece.name, piece.group) for reading in piece.readings
        ]
        if log is not None:
            log(f"{piece.group}/{piece.name}: {piece.end / TICKS_PER_QUARTER:g} quarters")
    second = agreement(pieces)
    return Evaluation(summarise(comparisons), summarise(second) if second else None)


def evaluate_folder(
    folder: Path, analyser: Analyser, split: str = "", log: Callable[[str], None] | None = None
) -> Evaluation:
    """`evaluate_pieces` on a folder (see `hybrid.harmony.folders`).

    Parameters
    ----------
    split : str
        Only pieces of this split of the folder's manifest; all where it is empty.

    Raises
    ------
    FormatError
        If the folder holds no pieces.
    ScoreError
        If the split is empty.
    """
    manifest = read_manifest(folder)
    pieces = []
    for place in find_pieces(folder):
        row = manifest.get((place.parent.name, place.name))
        if split and (row or {}).get("split") != split:
            continue
        pieces.append(read_piece(place, row))
    if not pieces:
        raise ScoreError(f"the split must have pieces in {folder}, got none of {split!r}")
    return evaluate_pieces(pieces, analyser, log)
