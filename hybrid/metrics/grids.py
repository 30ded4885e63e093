"""Music on a grid of sixteenths: one row a sixteenth, one column a voice, highest first.

The form of the published chorale benchmark: a number is a MIDI pitch, -1 is silence. A held
note repeats from row to row, so a held and a repeated note look the same: whatever is
measured on grids takes both for one note.

References
----------
Boulanger-Lewandowski, N., Bengio, Y., & Vincent, P. (2012). Modeling temporal dependencies
in high-dimensional sequences. ICML. arXiv:1206.6392.
Huang, C.-Z. A., Cooijmans, T., Roberts, A., Courville, A., & Eck, D. (2017). Counterpoint by
convolution. ISMIR. arXiv:1903.07227.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.theory.voices import find_voices

Grid = NDArray[np.int64]

SILENCE = -1
ROWS_PER_QUARTER = 4
VOICES = ("soprano", "alto", "tenor", "bass")
LOWEST, HIGHEST = 36, 81
#: What a token of the benchmark can be: index 0 is silence, then the pitches 36..81 upwards.
SYMBOLS: tuple[int, ...] = (SILENCE, *range(LOWEST, HIGHEST + 1))
SPLITS = ("train", "valid", "test")
#: Of ``Jsb16thSeparated.json`` as published.
BENCHMARK_SHA256 = "79294cc374f9252e95ef4b703161524c1c53dc1f712c236f00f1c1f5d54af5a7"
CHOIR_PROGRAM = 52
TICKS_PER_ROW = 120


def check_grid(grid: Any, where: str = "grid") -> Grid:
    """Give a grid back as a read-only array of its own.

    Parameters
    ----------
    grid : array_like, shape (T, V), int
    where : str
        What the message calls it.

    Raises
    ------
    ScoreError
        If it is empty, not two-dimensional, not whole numbers, or a value is neither -1 nor
        in 0..127.

    Examples
    --------
    >>> check_grid([[72, 67, 64, 48], [72, 67, 65, -1]]).shape
    (2, 4)
    """
    try:
        array = np.array(grid)
    except ValueError as error:
        raise ScoreError(f"{where} must be an array, got rows that differ: {error}") from None
    if array.ndim != 2 or not array.size or array.dtype.kind not in "iu":
        raise ScoreError(
            f"{where} must be whole numbers of shape (T, V), got {array.dtype} {array.shape}"
        )
    array = array.astype(np.int64)
    wrong = (array < SILENCE) | (array > 127)
    if wrong.any():
        row, voice = np.argwhere(wrong)[0].tolist()
        raise ScoreError(
            f"{where} must hold -1 or pitches 0..127, got {array[row, voice]} "
            f"(row {row}, voice {voice})"
        )
    array.flags.writeable = False
    return array


def symbols_of(grid: Grid, where: str = "grid") -> Grid:
    """Index into `SYMBOLS` of every token; same shape.

    Raises
    ------
    ScoreError
        If a pitch is outside 36..81.
    """
    wrong = (grid != SILENCE) & ((grid < LOWEST) | (grid > HIGHEST))
    if wrong.any():
        row, voice = np.argwhere(wrong)[0].tolist()
        raise ScoreError(
            f"{where} must hold -1 or pitches {LOWEST}..{HIGHEST}, got {grid[row, voice]} "
            f"(row {row}, voice {voice})"
        )
    return np.where(grid == SILENCE, 0, grid - LOWEST + 1)


def transposed(grid: Grid, semitones: int) -> Grid:
    """The same music ``semitones`` higher; silence stays."""
    return np.where(grid == SILENCE, SILENCE, grid + semitones)


def read_benchmark(path: str | Path, *, verify: bool = True) -> Mapping[str, tuple[Grid, ...]]:
    """Read the chorales of ``Jsb16thSeparated.json`` by split.

    Parameters
    ----------
    path : path
    verify : bool
        Whether the file must be the published one, byte for byte.

    Returns
    -------
    mapping of str to tuple of np.ndarray, shape (T, 4), int64
        For each of `SPLITS`.

    Raises
    ------
    FormatError
        If the file is missing, not the published one, or not of its form.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    if verify and hashlib.sha256(data).hexdigest() != BENCHMARK_SHA256:
        raise FormatError(f"{path}: must be the published file, got another SHA-256")
    try:
        found = json.loads(data)
        splits = {name: found[name] for name in SPLITS}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: must be JSON with {', '.join(SPLITS)}: {error}") from None
    result = {}
    for name, pieces in splits.items():
        grids = [check_grid(piece, f"{path}: {name} {i}") for i, piece in enumerate(pieces)]
        for index, grid in enumerate(grids):
            if grid.shape[1] != len(VOICES):
                raise FormatError(
                    f"{path}: a piece must have four voices, got {grid.shape[1]} ({name} {index})"
                )
        result[name] = tuple(grids)
    return result


def note_runs(line: NDArray[np.int64]) -> NDArray[np.int64]:
    """Notes of one voice as rows of (onset, length, pitch), in grid rows; (n, 3).

    >>> note_runs(np.array([60, 60, -1, 62])).tolist()
    [[0, 2, 60], [3, 1, 62]]
    """
    starts = np.flatnonzero(np.append(True, line[1:] != line[:-1]))
    lengths = np.diff(np.append(starts, len(line)))
    runs = np.stack([starts, lengths, line[starts]], axis=1)
    sounding: NDArray[np.int64] = runs[runs[:, 2] != SILENCE]
    return sounding


def score_of_grid(grid: Grid, title: str = "") -> Score:
    """A score with one track a voice, 4/4 from the first row, no key signature.

    Repeated notes come out as one held note: a grid does not tell them apart.
    """
    grid = check_grid(grid)
    names = (
        VOICES if grid.shape[1] == len(VOICES) else [f"voice {i + 1}" for i in range(grid.shape[1])]
    )
    tracks = [
        Track(
            name,
            make_notes((note_runs(grid[:, v]) * [TICKS_PER_ROW, TICKS_PER_ROW, 1]).tolist()),
            program=CHOIR_PROGRAM,
        )
        for v, name in enumerate(names)
    ]
    return Score(
        tuple(tracks),
        ticks_per_quarter=TICKS_PER_ROW * ROWS_PER_QUARTER,
        title=title,
        length=TICKS_PER_ROW * len(grid),
    )


def grid_of_score(score: Score, n_voices: int | None = len(VOICES)) -> tuple[Grid, tuple[str, ...]]:
    """Read what every voice sounds at the beginning of every sixteenth.

    Parameters
    ----------
    score : Score
        Its voices are those of `hybrid.theory.voices.find_voices`; drums are left out.
    n_voices : int or None
        How many it must have; None for any number.

    Returns
    -------
    grid : np.ndarray, shape (T, V), int64
        Until the last note ends.
    losses : tuple of str
        What the grid could not keep, one line a kind: notes off the grid, notes too short to
        be seen, repeated notes that now look held.

    Raises
    ------
    ScoreError
        If the score has another number of voices, or no notes.
    """
    voices = find_voices(score)
    if not voices or len(voices) != (n_voices or len(voices)):
        raise ScoreError(
            f"grid_of_score needs a score of {n_voices or 'some'} voices, got {len(voices)} "
            f"({', '.join(voice.name for voice in voices) or 'no notes'})"
        )
    quarter = score.ticks_per_quarter
    # To the last note's end: formats with bars fill up the last one with rests.
    end_tick = max(int((v.notes["onset"] + v.notes["duration"]).max()) for v in voices)
    n_rows = -(-end_tick * ROWS_PER_QUARTER // quarter)
    ticks = np.arange(n_rows) * quarter / ROWS_PER_QUARTER
    grid = np.full((n_rows, len(voices)), SILENCE, dtype=np.int64)
    n_off = n_unseen = n_merged = 0
    for v, voice in enumerate(voices):
        onset = voice.notes["onset"]
        end = onset + voice.notes["duration"]
        index = np.searchsorted(onset, ticks, side="right") - 1
        held = np.maximum(index, 0)
        sounds = (index >= 0) & (ticks < end[held])
        grid[sounds, v] = voice.notes["pitch"][held[sounds]]
        n_off += int(((onset * ROWS_PER_QUARTER) % quarter != 0).sum())
        n_unseen += len(onset) - len(np.unique(index[sounds]))
        same = voice.notes["pitch"][1:] == voice.notes["pitch"][:-1]
        n_merged += int((same & (onset[1:] == end[:-1])).sum())
    losses = [
        f"{count} {what}"
        for count, what in (
            (n_off, "notes off the grid of sixteenths"),
            (n_unseen, "notes too short to be seen"),
            (n_merged, "repeated notes that look held"),
        )
        if count
    ]
    return grid, tuple(losses)
