"""Scores with Roman-numeral analyses as flat arrays: built once, read in a second.

A folder holds one piece: ``score.mxl`` and ``analysis.txt`` (or ``analysis_A.txt``,
``analysis_B.txt`` where there are two readings). The arrays of many pieces stand one behind
the other; ``*_first`` columns of the piece table say where each begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError

TICKS_PER_QUARTER = 480

#: Ticks (480 a quarter), MIDI pitch, tonal pitch class as written, the same guessed from the
#: pitches alone, track and voice.
NOTES = np.dtype(
    [
        ("onset", np.int32),
        ("end", np.int32),
        ("pitch", np.uint8),
        ("spelling", np.int8),
        ("guess", np.int8),
        ("track", np.uint8),
        ("voice", np.uint8),
    ]
)
#: One bar: its first tick and its metre.
BARS = np.dtype([("start", np.int32), ("numerator", np.uint8), ("denominator", np.uint8)])
#: One label: ticks, the local key's tonic (line of fifths), and a `labels.Chord`.
SPANS = np.dtype(
    [
        ("onset", np.int32),
        ("end", np.int32),
        ("tonic", np.int8),
        ("mode", np.int8),
        ("of", np.int8),
        ("degree", np.int8),
        ("quality", np.int8),
        ("inversion", np.int8),
    ]
)


@dataclass(frozen=True, eq=False)
class Piece:
    """One score and its readings.

    Attributes
    ----------
    name, group, licence : str
        ``licence`` names those of score and analysis.
    notes : np.ndarray of `NOTES`
        Sorted by onset, then pitch.
    bars : np.ndarray of `BARS`
    readings : tuple of np.ndarray of `SPANS`
        One for each analyst.
    """

    name: str
    group: str
    licence: str
    notes: NDArray[Any]
    bars: NDArray[Any]
    readings: tuple[NDArray[Any], ...]

    @property
    def end(self) -> int:
        """Tick at which the last note ends."""
        return int(self.notes["end"].max(initial=0))


def save_pieces(path: str | Path, pieces: Sequence[Piece]) -> None:
    """Write pieces into one compressed ``.npz`` (plain arrays, nothing pickled)."""
    table = [
        {
            "name": piece.name,
            "group": piece.group,
            "licence": piece.licence,
            "notes": len(piece.notes),
            "bars": len(piece.bars),
            "readings": [len(reading) for reading in piece.readings],
        }
        for piece in pieces
    ]
    columns: dict[str, NDArray[Any]] = {}
    for kind, dtype, rows in (
        ("notes", NOTES, [piece.notes for piece in pieces]),
        ("bars", BARS, [piece.bars for piece in pieces]),
        ("spans", SPANS, [reading for piece in pieces for reading in piece.readings]),
    ):
        whole = np.concatenate([np.empty(0, dtype), *rows])
        for name in dtype.names or ():
            columns[f"{kind}_{name}"] = whole[name]
    text = np.frombuffer(json.dumps(table).encode(), dtype=np.uint8)
    np.savez_compressed(path, table=text, **columns)  # type: ignore[arg-type]


def load_pieces(path: str | Path) -> tuple[Piece, ...]:
    """Read what `save_pieces` wrote.

    Raises
    ------
    FormatError
        If the file is missing or is none of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            table = json.loads(data["table"].tobytes().decode())
            whole = {
                kind: _joined(data, kind, dtype)
                for kind, dtype in (("notes", NOTES), ("bars", BARS), ("spans", SPANS))
            }
    except (OSError, KeyError, ValueError) as error:
        raise FormatError(f"{path} must be an archive of analysed pieces: {error}") from error
    return tuple(_pieces(table, whole))


def _joined(data: Any, kind: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    names = dtype.names or ()
    first = data[f"{kind}_{names[0]}"]
    rows = np.empty(len(first), dtype)
    for name in names:
        rows[name] = data[f"{kind}_{name}"]
    return rows


def _pieces(table: Iterable[dict[str, Any]], whole: dict[str, NDArray[Any]]) -> Iterator[Piece]:
    at = dict.fromkeys(whole, 0)

    def take(kind: str, count: int) -> NDArray[Any]:
        rows = whole[kind][at[kind] : at[kind] + count]
        at[kind] += count
        return rows

    for row in table:
        yield Piece(
            row["name"],
            row["group"],
            row["licence"],
            take("notes", row["notes"]),
            take("bars", row["bars"]),
            tuple(take("spans", count) for count in row["readings"]),
        )
