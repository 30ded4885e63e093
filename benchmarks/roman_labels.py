"""Scores with human Roman-numeral analyses: the corpus ``roman_numerals`` as spans on ticks.

Analyses are read by music21's RomanText parser, scores by `hybrid.io`. The manifest says
how the two are aligned: by offset, or by measure number and offset inside the measure.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chorales import data_folder
from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.files import read_score

#: Copyleft licence (GPL-3): evaluated on, never learned from.
NOT_LEARNED_FROM = ("bps_fh",)


@dataclass(frozen=True)
class Label:
    """A human chord label.

    Attributes
    ----------
    onset, end : int
        Ticks of the score.
    figure : str
        As written, without the key.
    tonic : int
        Pitch class of the local key's tonic.
    mode : str
        ``major`` or ``minor``.
    root, bass : int
        Pitch classes.
    tones : tuple of int
        Pitch classes, ascending.
    inversion : int
    """

    onset: int
    end: int
    figure: str
    tonic: int
    mode: str
    root: int
    bass: int
    tones: tuple[int, ...]
    inversion: int


@dataclass(frozen=True, eq=False)
class LabelledPiece:
    """A score and one or two analyses of it."""

    group: str
    id: str
    score: Score
    analyses: tuple[tuple[Label, ...], ...]


def list_pieces(split: str, folder: Path | None = None) -> list[tuple[str, str, str]]:
    """(group, id, align) of every piece of a split.

    Raises
    ------
    FormatError
        If the corpus is not there.
    """
    place = (folder or data_folder()) / "roman_numerals"
    if not (place / "splits.json").is_file():
        raise FormatError(f"the corpus roman_numerals must be in the data folder, got {place}")
    wanted = set(json.loads((place / "splits.json").read_text())[split])
    with (place / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["group"], row["id"], row["align"]) for row in csv.DictReader(file)]
    return [row for row in rows if f"{row[0]}/{row[1]}" in wanted]


def read_piece(group: str, name: str, align: str, folder: Path | None = None) -> LabelledPiece:
    """A piece with its analyses."""
    place = (folder or data_folder()) / "roman_numerals" / group / name
    score = read_score(place / "score.mxl").score
    measures = _measure_starts(place / "score.mxl") if align == "measure" else None
    analyses = tuple(
        _read_analysis(path, score, measures) for path in sorted(place.glob("analysis*.txt"))
    )
    return LabelledPiece(group, name, score, analyses)


def _measure_starts(path: Path) -> dict[int, float]:
    """Offset in quarters at which each numbered measure starts; the first of equal numbers."""
    import music21

    part: Any = music21.converter.parse(path).parts[0]
    starts: dict[int, float] = {}
    for measure in part.getElementsByClass("Measure"):
        starts.setdefault(measure.number, float(measure.offset))
    return starts


def _read_analysis(
    path: Path, score: Score, measures: dict[int, float] | None
) -> tuple[Label, ...]:
    import music21

    stream: Any = music21.converter.parse(path, format="romantext")
    rows = []
    for roman in stream.recurse().getElementsByClass("RomanNumeral"):
        if roman.key is None:  # a chord before any key is named
            continue
        offset = float(roman.getOffsetInHierarchy(stream))
        if measures is not None:
            if roman.measureNumber not in measures:
                continue
            offset = measures[roman.measureNumber] + float(roman.offset)
        rows.append((round(offset * score.ticks_per_quarter), roman))
    rows.sort(key=lambda row: row[0])
    labels = []
    for index, (onset, roman) in enumerate(rows):
        end = rows[index + 1][0] if index + 1 < len(rows) else score.length
        if not 0 <= onset < end:
            continue
        labels.append(
            Label(
                onset=onset,
                end=min(end, score.length),
                figure=str(roman.figure),
                tonic=int(roman.key.tonic.pitchClass),
                mode=str(roman.key.mode),
                root=int(roman.root().pitchClass),
                bass=int(roman.bass().pitchClass),
                tones=tuple(sorted({int(pitch.pitchClass) for pitch in roman.pitches})),
                inversion=int(roman.inversion()),
            )
        )
    return tuple(label for label in labels if label.onset < label.end)
