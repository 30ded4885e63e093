"""What is played, as the mapper reads it: programs, drums and registers in each row of the roll.

Two SoundFonts differ program by program, so the mapper hears of programs and not of families
alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.roll import DRUMS, HOP, SAMPLE_RATE

N_PROGRAMS = 128
#: Programs, then the keys of the drum set.
N_SOURCES = 2 * N_PROGRAMS
N_OCTAVES = 11
#: Numbers in a row: sources held, sources beginning, octaves of each family of the pitched ones.
N_NOTES = 2 * N_SOURCES + DRUMS * N_OCTAVES


def note_features(notes: NDArray[Any], n_rows: int, first_row: int = 0) -> NDArray[np.uint8]:
    """Velocities of the notes in rows of 1024 samples at 44.1 kHz.

    Parameters
    ----------
    notes : np.ndarray, `hybrid.audio_refiner.roll.ROLL_DTYPE`
    n_rows, first_row : int
        Rows that are wanted; negative ones are empty.

    Returns
    -------
    np.ndarray, shape (n_rows, `N_NOTES`), uint8
        Sums of velocities, 255 at most: of each program or key of the drum set, held and
        beginning, and of each octave of each family.

    Examples
    --------
    >>> from hybrid.audio_refiner.roll import ROLL_DTYPE
    >>> notes = np.array([(30, 60, 62, 90, 40, 5, 0)], dtype=ROLL_DTYPE)
    >>> found = note_features(notes, 4)
    >>> found[:, 40].tolist(), found[:, N_SOURCES + 40].tolist()
    ([0, 90, 90, 0], [0, 90, 0, 0])
    >>> int(found[1, 2 * N_SOURCES + 5 * N_OCTAVES + 5])
    90
    """
    rows_a_ms = SAMPLE_RATE / (1000 * HOP)
    starts = np.floor(notes["onset"] * rows_a_ms).astype(np.int64) - first_row
    stops = np.ceil(notes["end"] * rows_a_ms).astype(np.int64) - first_row
    drum = notes["family"] == DRUMS
    source = np.where(drum, N_PROGRAMS + notes["pitch"].astype(np.int64), notes["program"])
    octave = 2 * N_SOURCES + notes["family"].astype(np.int64) * N_OCTAVES + notes["pitch"] // 12
    found = np.zeros((n_rows, N_NOTES), np.int32)
    for at in np.flatnonzero((stops > 0) & (starts < n_rows)).tolist():
        start, velocity = int(starts[at]), int(notes["velocity"][at])
        held = slice(max(0, start), max(start + 1, int(stops[at])))
        found[held, source[at]] += velocity
        if start >= 0:
            found[start, N_SOURCES + source[at]] += velocity
        if not drum[at]:
            found[held, octave[at]] += velocity
    return np.minimum(found, 255).astype(np.uint8)
