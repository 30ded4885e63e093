"""Scores from which training pairs are rendered, each with the split it belongs to.

A source is a list of pieces that are read only when they are chosen. The split is that of the
whole piece, so nothing of a piece is in two splits. Which split a piece is in is said by the
tables of the corpora, which the caller hands over where another room keeps them.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hybrid.core.errors import CorpusError
from hybrid.core.score import Score
from hybrid.io.corpora import open_files
from hybrid.io.midi import midi_to_score

SPLITS = ("train", "valid", "test")
_GROOVE_SPLITS = {"train": "train", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class SourcePiece:
    """A piece that can be read.

    Attributes
    ----------
    name : str
        ``source/piece``.
    split : str
        One of `SPLITS`.
    load : callable
        Gives the score.
    """

    name: str
    split: str
    load: Callable[[], Score]

    @property
    def source(self) -> str:
        return self.name.partition("/")[0]


def hashed_split(name: str) -> str:
    """A split by a piece's name: of a hundred names about 80 train, 10 valid, 10 test.

    >>> hashed_split("engine/1") == hashed_split("engine/1")
    True
    """
    number = hashlib.sha256(name.encode()).digest()[0]
    return "test" if number < 26 else "valid" if number < 52 else "train"


def _midi(data: bytes) -> Callable[[], Score]:
    return lambda: midi_to_score(data, "drop").score


def quartets(location: str | Path | None, split_of: Callable[[str], str]) -> list[SourcePiece]:
    """The OpenScore quartets; ``split_of`` says a composer's split."""
    files: dict[str, bytes] = {}
    index = ""
    for path, stream in open_files("openscore-string-quartets", location):
        name = path.rpartition("/")[2]
        if name.endswith(".mid"):
            files[name.removesuffix(".mid")] = stream.read()
        elif name == "index.tsv":
            index = stream.read().decode("utf-8")
    rows = csv.DictReader(io.StringIO(index), delimiter="\t")
    return sorted(
        (
            SourcePiece(
                f"quartets/{row['id']}",
                split_of(row["source_path"].split("/")[1]),
                _midi(files[row["id"]]),
            )
            for row in rows
            if row["id"] in files
        ),
        key=lambda piece: piece.name,
    )


def pop(location: str | Path | None, split_of: Callable[[int], str]) -> list[SourcePiece]:
    """The songs of POP909; ``split_of`` says a song's split by its number."""
    pieces = []
    for path, stream in open_files("pop909", location, ("POP909/*/*.mid",)):
        number = path.rpartition("/")[2].removesuffix(".mid")
        if number.isdigit():
            pieces.append(
                SourcePiece(f"pop909/{number}", split_of(int(number)), _midi(stream.read()))
            )
    return sorted(pieces, key=lambda piece: piece.name)


def groove(location: str | Path | None) -> list[SourcePiece]:
    """The beats of the Groove MIDI Dataset, in its own splits."""
    files: dict[str, bytes] = {}
    table = ""
    for path, stream in open_files("groove", location):
        if path.endswith(".mid"):
            files[path.removeprefix("groove/")] = stream.read()
        elif path.endswith("info.csv"):
            table = stream.read().decode("utf-8")
    return [
        SourcePiece(
            f"groove/{row['id']}",
            _GROOVE_SPLITS[row["split"]],
            _midi(files[row["midi_filename"]]),
        )
        for row in sorted(csv.DictReader(io.StringIO(table)), key=lambda row: row["id"])
        if row["beat_type"] == "beat" and row["midi_filename"] in files
    ]


def given(name: str, scores: Mapping[str, Score], splits: Mapping[str, str]) -> list[SourcePiece]:
    """Scores that are there already, with a table of their splits; those without one are left out.

    Chorales come this way, with the table in which each is matched to the published benchmark.
    """

    def keep(score: Score) -> Callable[[], Score]:
        return lambda: score

    return [
        SourcePiece(f"{name}/{key}", splits[key], keep(score))
        for key, score in sorted(scores.items())
        if key in splits
    ]


def composed(n_pieces: int, compose: Callable[[int], Score]) -> list[SourcePiece]:
    """Pieces that ``compose`` writes from seeds 1, 2, ...; their splits are by their names."""

    def writer(seed: int) -> Callable[[], Score]:
        return cache(lambda: compose(seed))

    return [
        SourcePiece(f"engine/{seed}", hashed_split(f"engine/{seed}"), writer(seed))
        for seed in range(1, n_pieces + 1)
    ]


def of_split(pieces: Sequence[SourcePiece], split: str) -> dict[str, list[SourcePiece]]:
    """The pieces of a split by their source.

    Raises
    ------
    CorpusError
        If there is no such split, or no piece in it.
    """
    if split not in SPLITS:
        raise CorpusError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    found: dict[str, list[SourcePiece]] = {}
    for piece in pieces:
        if piece.split == split:
            found.setdefault(piece.source, []).append(piece)
    if not found:
        raise CorpusError(f"the split {split!r} must have a piece, got none")
    return found
