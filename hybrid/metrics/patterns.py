"""Patterns of a piece in any transposition, as 32 bits of a hash each.

Two kinds:

notes
    Eight notes in a row of one voice: the seven intervals and the seven distances in time.
texture
    Two quarters of all voices together: the pitches that sound in each of eight sixteenths.

Patterns in which nothing happens are left out: notes that go on by one interval and one
length (a repeated note, a chromatic scale), and half notes of one chord.

References
----------
Steele, G. L., Lea, D., & Flood, C. H. (2014). Fast splittable pseudorandom number generators.
OOPSLA, 453-472. doi:10.1145/2660193.2660195 (the mixing function, SplitMix64's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.core.score import Score
from hybrid.metrics.grids import ROWS_PER_QUARTER, SILENCE, Grid, check_grid, grid_of_score
from hybrid.metrics.lines import UNITS_PER_QUARTER, Line, lines_of

KINDS = ("notes", "texture")
PATTERN_NOTES = 8
PATTERN_ROWS = 2 * ROWS_PER_QUARTER
LONGEST_WAIT = 8 * UNITS_PER_QUARTER  # longer distances between notes count as this long
#: Places left between lines and between pieces, so that no run goes from one into the next.
GAP = 10_000


@dataclass(frozen=True, eq=False)
class Patterns:
    """Patterns of one or many pieces, in order.

    Arrays of shape (n,): ``hashes`` (uint32); ``places``, which go up by one from a pattern
    to the next of its line, and by `GAP` or more between lines; ``onsets`` and ``lasts``, the first
    and the last onset in units; ``lines``, the number of the line.
    """

    hashes: NDArray[np.uint32]
    places: NDArray[np.int64]
    onsets: NDArray[np.int64]
    lasts: NDArray[np.int64]
    lines: NDArray[np.int64]


def patterns_of(kind: str, piece: Score | Grid, merge_repeats: bool) -> Patterns:
    """All patterns of a kind (of `KINDS`) of a piece.

    Raises
    ------
    ConfigError
        If a grid comes without ``merge_repeats``: it does not show repeated notes.
    ScoreError
        If there are no notes.
    """
    if not isinstance(piece, Score):
        piece = check_grid(piece, "piece")
        if not merge_repeats:
            raise ConfigError("merge_repeats must hold for a grid, which shows no repeated notes")
    if kind == "texture":
        grid = grid_of_score(piece, None)[0] if isinstance(piece, Score) else piece
        return texture_patterns(grid)
    lines = lines_of(piece, merge_repeats=merge_repeats)
    if not lines:
        raise ScoreError("copying is measured on notes, got a piece without any")
    return note_patterns(lines)


def note_patterns(lines: Sequence[Line]) -> Patterns:
    """Patterns of eight notes of every line."""
    width = PATTERN_NOTES - 1
    parts = []
    place = 0
    for number, line in enumerate(lines):
        intervals = np.diff(line.pitch)
        waits = np.minimum(np.diff(line.onset), LONGEST_WAIT)
        n = len(intervals) - width + 1
        if n > 0:
            tokens = (intervals + 128) * (LONGEST_WAIT + 1) + waits
            windows = np.lib.stride_tricks.sliding_window_view(tokens, width)
            keep = np.flatnonzero((windows != windows[:, :1]).any(axis=1))
            parts.append(
                Patterns(
                    hash_rows(windows[keep]),
                    place + keep,
                    line.onset[keep],
                    line.onset[keep + width],
                    np.full(len(keep), number),
                )
            )
        place += max(n, 0) + GAP
    return concatenate(parts)


def texture_patterns(grid: Grid) -> Patterns:
    """Patterns of two quarters of all voices, one from every row; (T, V) to at most T - 7."""
    if len(grid) < PATTERN_ROWS:
        return concatenate([])
    windows = np.lib.stride_tricks.sliding_window_view(grid, PATTERN_ROWS, axis=0)
    windows = windows.transpose(0, 2, 1)  # (n, rows, voices)
    # Pitches count from the lowest one of the first row that sounds. Voices are not told
    # apart: a texture is what is heard.
    silent = windows == SILENCE
    lowest = np.where(silent, 128, windows).min(axis=2)  # (n, rows)
    sounds = lowest < 128
    first = np.argmax(sounds, axis=1)
    base = np.take_along_axis(lowest, first[:, None], axis=1)[:, :, None]
    # One number for the pitches of a row, whatever their order and whatever is silent beside.
    each = np.where(silent, np.uint64(0), _mix((windows - base).astype(np.uint64)))
    chords = each.sum(axis=2, dtype=np.uint64)  # (n, rows)
    moves = (chords != chords[:, :1]).any(axis=1)
    keep = np.flatnonzero(moves & sounds.any(axis=1))
    row = UNITS_PER_QUARTER // ROWS_PER_QUARTER
    return Patterns(
        hash_rows(chords[keep]),
        keep,
        keep * row,
        (keep + PATTERN_ROWS) * row,
        np.zeros(len(keep), dtype=np.int64),
    )


def hash_rows(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """32 bits for each row of whole numbers; (n, k) to (n,)."""
    state = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        state = _mix(state + column.astype(np.uint64))
    return (state >> np.uint64(32)).astype(np.uint32)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64: one step of its counter, then its mixing function."""
    state = values + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def concatenate(parts: Sequence[Patterns]) -> Patterns:
    """Patterns one after the other, their places as they are."""
    names = ("hashes", "places", "onsets", "lasts", "lines")
    empty = {name: np.empty(0, dtype=np.int64) for name in names[1:]}
    if not parts:
        return Patterns(np.empty(0, dtype=np.uint32), **empty)
    return Patterns(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
