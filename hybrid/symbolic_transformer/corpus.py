"""Training pieces in one file of plain integer arrays, read with NumPy alone.

A file holds the pieces of one style. Each table of `hybrid.symbolic_transformer.tables` is
cut into its columns, and the columns of all pieces stand one after another: ``notes.onset``,
``notes.pitch`` ... with ``notes.offsets`` (n_pieces + 1) saying where each piece begins. So
a file needs no pickle and compresses well. The same pieces give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.io.atomic import write_bytes
from hybrid.symbolic_transformer.tables import NOTE_DTYPE, PLAN_TABLES, PlanArrays, ScoreArrays

VERSION = 1
SPLITS = ("train", "valid", "test")
#: Where a label comes from: read from the notes, or written by people.
SOURCES = ("notes", "people")
_TABLES = {"notes": NOTE_DTYPE, "score_bars": PLAN_TABLES["bars"], **PLAN_TABLES}
_PLAIN: dict[str, type] = {
    "split": np.int8,
    "length": np.int32,
    "plan_length": np.int32,
    "chord_source": np.int8,
    "section_source": np.int8,
}


@dataclass(frozen=True, eq=False)
class CorpusPiece:
    """A piece with its plan, on ticks of 1/24 quarter.

    Attributes
    ----------
    name : str
        Corpus and piece, such as ``bach_chorales/001``.
    split : str
        One of `SPLITS`.
    score : ScoreArrays
    plan : PlanArrays
        On the score's ticks.
    chord_source, section_source : str
        One of `SOURCES`: who says which chords and keys, and which sections, there are.
    """

    name: str
    split: str
    score: ScoreArrays
    plan: PlanArrays
    chord_source: str = "notes"
    section_source: str = "notes"


def pack_pieces(
    style: str, pieces: Sequence[CorpusPiece], sources: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, by name; ``sources`` says in words what it was made from."""
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION, dtype=np.int32),
        "style": np.array(style),
        "sources": np.array(list(sources), dtype=np.str_),
        "name": np.array([piece.name for piece in pieces], dtype=np.str_),
    }
    plain: dict[str, list[int]] = {name: [] for name in _PLAIN}
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _TABLES}
    for piece in pieces:
        plain["split"].append(SPLITS.index(piece.split))
        plain["length"].append(piece.score.length)
        plain["plan_length"].append(piece.plan.length)
        plain["chord_source"].append(SOURCES.index(piece.chord_source))
        plain["section_source"].append(SOURCES.index(piece.section_source))
        for name, rows in _tables_of(piece).items():
            columns[name].append(rows)
    for name, values in plain.items():
        arrays[name] = np.array(values, dtype=_PLAIN[name])
    for name, dtype in _TABLES.items():
        lengths = [len(rows) for rows in columns[name]]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        arrays[f"{name}.offsets"] = offsets.astype(np.int64)
        joined = np.concatenate([np.empty(0, dtype), *columns[name]])
        for field in dtype.names or ():
            arrays[f"{name}.{field}"] = np.ascontiguousarray(joined[field])
    return arrays


def _tables_of(piece: CorpusPiece) -> dict[str, NDArray[Any]]:
    plan = {name: getattr(piece.plan, name) for name in PLAN_TABLES}
    return {"notes": piece.score.notes, "score_bars": piece.score.bars, **plan}


def save_pieces(
    path: str | Path, style: str, pieces: Sequence[CorpusPiece], sources: Sequence[str] = ()
) -> None:
    """Write a file whole or not at all; the same pieces, the same bytes.

    Raises
    ------
    HybridError
        If the system refuses to write.
    """
    buffer = io.BytesIO()
    # np.savez would do the same; here the date and the level of compression are ours.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in pack_pieces(style, pieces, sources).items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue())
    write_bytes(path, buffer.getvalue())


def load_pieces(path: str | Path, split: str | None = None) -> tuple[CorpusPiece, ...]:
    """Read a file.

    Parameters
    ----------
    path : str or Path
    split : str, optional
        One of `SPLITS`: only its pieces.

    Raises
    ------
    FormatError
        If it is no such file, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise FormatError(f"cannot read training pieces from {path}: {error}") from error
    return tuple(_unpack(arrays, split, str(path)))


def _unpack(
    arrays: Mapping[str, NDArray[Any]], split: str | None, path: str
) -> Iterator[CorpusPiece]:
    if "version" not in arrays or int(arrays["version"]) != VERSION:
        found = int(arrays["version"]) if "version" in arrays else "none"
        raise FormatError(f"training pieces must be of version {VERSION}, got {found} ({path})")
    joined = {}
    for name, dtype in _TABLES.items():
        rows = np.empty(int(arrays[f"{name}.offsets"][-1]), dtype)
        for field in dtype.names or ():
            rows[field] = arrays[f"{name}.{field}"]
        joined[name] = rows
    for index, title in enumerate(arrays["name"].tolist()):
        part = SPLITS[int(arrays["split"][index])]
        if split is not None and part != split:
            continue
        cut = {}
        for name, rows in joined.items():
            start, end = arrays[f"{name}.offsets"][index : index + 2]
            cut[name] = rows[start:end]
        score = ScoreArrays(int(arrays["length"][index]), cut.pop("notes"), cut.pop("score_bars"))
        plan = PlanArrays(length=int(arrays["plan_length"][index]), **cut)
        chord, section = (
            SOURCES[int(arrays[f"{what}_source"][index])] for what in ("chord", "section")
        )
        yield CorpusPiece(title, part, score, plan, chord, section)


__all__ = ["SOURCES", "SPLITS", "CorpusPiece", "load_pieces", "pack_pieces", "save_pieces"]
