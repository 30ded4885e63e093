"""What the network should have said: written notes as pictures of its size.

Onsets and ends are triangles over some frames, highest at the true moment, so that a peak between
frames can be told (Kong et al., 2021).

References
----------
Kong, Q., et al. (2021). High-resolution piano transcription with pedals by regressing onset and
offset times. IEEE/ACM TASLP, 29, 3707-3717. arXiv:2010.01815.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.transcription.features import FRAME_RATE, LOWEST, N_KEYS
from hybrid.transcription.notes import DRUM_OF_KEY, DRUMS

#: Frames from a triangle's tip to its foot.
REACH = 3.0


def targets(notes: NDArray[Any], n_frames: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures of notes (`hybrid.transcription.notes.HEARD_DTYPE`).

    Returns
    -------
    keys : np.ndarray, shape (4, n_frames, 88), uint8
        Onset, sounding and end, 255 for certain; velocity, 0..127.
    drums : np.ndarray, shape (8, n_frames), uint8
    """
    keys = np.zeros((4, n_frames, N_KEYS), np.uint8)
    drums = np.zeros((len(DRUMS), n_frames), np.uint8)
    for note in notes:
        onset, end = float(note["onset"]) * FRAME_RATE, float(note["end"]) * FRAME_RATE
        if note["drum"]:
            number = int(DRUM_OF_KEY[note["pitch"]])
            if number >= 0:
                _triangle(drums[number], onset)
            continue
        key = int(note["pitch"]) - LOWEST
        if not 0 <= key < N_KEYS:
            continue
        _triangle(keys[0, :, key], onset)
        _triangle(keys[2, :, key], end)
        first = min(max(0, round(onset)), n_frames)
        last = min(max(first + 1, round(end)), n_frames)
        keys[1, first:last, key] = 255
        start = max(0, round(onset - REACH))
        held = keys[3, start:last, key]
        np.maximum(held, note["velocity"], out=held)
    return keys, drums


def _triangle(row: NDArray[np.uint8], tip: float) -> None:
    start, stop = max(0, int(np.ceil(tip - REACH))), int(np.floor(tip + REACH)) + 1
    part = row[start:stop]
    shape = 255 * np.maximum(0.0, 1 - np.abs(np.arange(start, start + len(part)) - tip) / REACH)
    np.maximum(part, np.round(shape).astype(np.uint8), out=part)
