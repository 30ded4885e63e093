"""One view of scores and grids for measures that read melodic lines.

Times are in twelfths of a quarter: fine enough for sixteenths and for triplets. What a score
has between is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.metrics.grids import ROWS_PER_QUARTER, Grid, check_grid, note_runs
from hybrid.theory.voices import find_voices

UNITS_PER_QUARTER = 12


@dataclass(frozen=True, eq=False)
class Line:
    """The notes of one voice in order.

    ``onset``, ``duration`` (twelfths of a quarter) and ``pitch`` (MIDI), each of shape (n,).
    """

    onset: NDArray[np.int64]
    duration: NDArray[np.int64]
    pitch: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.onset)


def lines_of(piece: Score | Grid, *, merge_repeats: bool = True) -> tuple[Line, ...]:
    """The voices of a piece, highest first; voices without notes are left out.

    Parameters
    ----------
    piece : Score or np.ndarray, shape (T, V)
        Drums are left out.
    merge_repeats : bool
        Whether notes of one pitch that touch become one, as they are in a grid.
    """
    if not isinstance(piece, Score):
        grid = check_grid(piece)
        unit = UNITS_PER_QUARTER // ROWS_PER_QUARTER
        runs = [note_runs(grid[:, v]) for v in range(grid.shape[1])]
        return tuple(Line(r[:, 0] * unit, r[:, 1] * unit, r[:, 2]) for r in runs if len(r))
    lines = []
    for voice in find_voices(piece):
        notes = voice.notes
        onset, end = (
            np.round(ticks * UNITS_PER_QUARTER / piece.ticks_per_quarter).astype(np.int64)
            for ticks in (notes["onset"], notes["onset"] + notes["duration"])
        )
        pitch = notes["pitch"].astype(np.int64)
        if merge_repeats:
            joined = (pitch[1:] == pitch[:-1]) & (onset[1:] <= end[:-1])
            starts = np.flatnonzero(np.append(True, ~joined))
            onset, pitch = onset[starts], pitch[starts]
            end = end[np.append(starts[1:] - 1, len(end) - 1)]
        lines.append(Line(onset, np.maximum(end - onset, 0), pitch))
    return tuple(lines)
