"""Files of pairs as what the trainings read: recordings for the codec, pairs for the refiner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.audio_pool import FULL_SCALE
from hybrid.audio_refiner.pairs_file import SUFFIX, PairBatch, read_pairs
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.refiner_training import Pair
from hybrid.audio_refiner.roll import FAMILIES, HOP, SAMPLE_RATE, make_roll
from hybrid.audio_refiner.split_files import find_files

#: Numbers in a frame of `roll_features`.
N_ROLL = 3 * len(FAMILIES)
#: Onsets and held notes of one family in a frame that count as full.
MANY = 6.0

Progress = Callable[[float], None]


def roll_features(
    notes: NDArray[Any],
    n_frames: int,
    first_frame: int = 0,
    *,
    hop: int = HOP,
    sample_rate: int = SAMPLE_RATE,
) -> NDArray[np.float32]:
    """What is written in each frame, by instrument family; parameters as in `make_roll`.

    Returns
    -------
    np.ndarray, shape (n_frames, 51), float32
        For each of the 17 families: how many notes begin and how many are held (six or more
        are 1), and the highest velocity of those held, each 0..1.

    Examples
    --------
    >>> from hybrid.audio_refiner.roll import ROLL_DTYPE
    >>> notes = np.array([(0, 40, 60, 127, 40, 5, 0)], dtype=ROLL_DTYPE)
    >>> found = roll_features(notes, 3)
    >>> [[round(float(each), 2) for each in row] for row in found[:, [5, 22, 39]]]
    [[0.17, 0.17, 1.0], [0.0, 0.17, 1.0], [0.0, 0.0, 0.0]]
    """
    roll = make_roll(notes, n_frames, first_frame, hop=hop, sample_rate=sample_rate)
    parts = [
        np.minimum(roll.onset.sum(1) / MANY, 1.0),
        np.minimum(roll.sustain.sum(1) / MANY, 1.0),
        roll.velocity.max(1) / 127.0,
    ]
    return np.concatenate(parts).T.astype(np.float32)


def to_int16(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples as 16-bit numbers; what exceeds full scale is cut."""
    scaled = np.clip(wave, -1.0, 1.0) * FULL_SCALE
    result: NDArray[np.int16] = np.round(scaled).astype(np.int16)
    return result


def pair_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Files of a split, in order.

    Raises
    ------
    ConfigError
        If there are none.
    """
    return find_files(folder, SUFFIX, split, "hybrid corpora pairs")


def recordings(
    files: Iterable[Path], progress: Progress = lambda share: None
) -> list[NDArray[np.int16]]:
    """Dry and produced sound of all excerpts, for the codec: each (2, N)."""
    found: list[NDArray[np.int16]] = []
    for batch, index in _excerpts(files, progress):
        found.append(to_int16(batch.dry[index]))
        found.append(to_int16(batch.target(index)))
    return found


def pairs(files: Iterable[Path], progress: Progress = lambda share: None) -> list[Pair]:
    """Dry and produced sound of all excerpts with their rolls, for the refiner."""
    styles = style_names()
    found = []
    for batch, index in _excerpts(files, progress):
        n_frames = -(-batch.dry.shape[-1] // HOP)
        found.append(
            Pair(
                to_int16(batch.dry[index]),
                to_int16(batch.target(index)),
                roll_features(batch.notes_of(index), n_frames),
                styles.index(batch.entries[index].style),
            )
        )
    return found


def _excerpts(files: Iterable[Path], progress: Progress) -> Iterable[tuple[PairBatch, int]]:
    listed = tuple(files)
    for number, path in enumerate(listed):
        batch = read_pairs(path)
        for index in range(len(batch.entries)):
            yield batch, index
            progress((number + (index + 1) / len(batch.entries)) / len(listed))
