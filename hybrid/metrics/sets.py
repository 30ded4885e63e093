"""Sets of generated pieces in files: a folder of scores, or one .npz of grids."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hybrid.core.errors import FormatError, HybridError
from hybrid.io.files import FORMATS, read_score
from hybrid.metrics.grids import VOICES, Grid, check_grid, grid_of_score


def read_set(path: str | Path, n_voices: int = len(VOICES)) -> dict[str, Grid]:
    """Read a set of pieces, by name in alphabetical order.

    Parameters
    ----------
    path : path
        An .npz file with one array (T, V) a piece, or a folder of scores in any format of
        `hybrid.io.files` (other files in it are left alone).
    n_voices : int
        How many every piece must have.

    Raises
    ------
    FormatError
        If there is no piece, or one cannot be read as a grid.
    """
    path = Path(path)
    pieces = _read_folder(path, n_voices) if path.is_dir() else _read_npz(path)
    if not pieces:
        raise FormatError(f"{path}: must hold pieces, got none")
    for name, grid in pieces.items():
        if grid.shape[1] != n_voices:
            raise FormatError(
                f"{path}: a piece must have {n_voices} voices, got {grid.shape[1]} ({name})"
            )
    return pieces


def write_set(pieces: Mapping[str, Grid], path: str | Path) -> None:
    """Write grids as a compressed .npz that `read_set` reads; the same grids, the same bytes."""
    arrays = {name: check_grid(grid, name).astype(np.int8) for name, grid in pieces.items()}
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    Path(path).write_bytes(stream.getvalue())


def _read_folder(path: Path, n_voices: int) -> dict[str, Grid]:
    suffixes = {suffix for form in FORMATS.values() for suffix in form.suffixes}
    pieces = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in suffixes:
            continue
        score = read_score(file).score
        try:
            pieces[file.name] = grid_of_score(score, n_voices)[0]
        except HybridError as error:
            raise FormatError(f"{file}: {error}") from None
    return pieces


def _read_npz(path: Path) -> dict[str, Grid]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in sorted(arrays.files)}
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # zipfile and NumPy each have errors of their own
        raise FormatError(f"{path}: must be an .npz of grids: {error}") from None
    try:
        return {name: check_grid(array, name) for name, array in found.items()}
    except HybridError as error:
        raise FormatError(f"{path}: {error}") from None
