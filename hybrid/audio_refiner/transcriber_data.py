"""What the transcriber learns from: levels of plain renders, and the notes that were played.

Plain renders only, of files of renders (`dry_sets`) and of the plain side of pairs: the
transcriber, which is to judge produced sound, never hears any in training.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.dry_sets import DryBatch, dry_side, read_dry
from hybrid.audio_refiner.pairs_file import SUFFIX as PAIRS_SUFFIX
from hybrid.audio_refiner.roll import DRUMS
from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError
from hybrid.io.atomic import write_bytes
from hybrid.transcription.features import levels
from hybrid.transcription.notes import HEARD_DTYPE, sorted_notes
from hybrid.transcription.sound import MemorySource, MonoReader
from hybrid.transcription.targets import targets

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class TranscriberSet:
    """Excerpts of a set.

    Attributes
    ----------
    levels : np.ndarray, shape (E, 2, T, 306), uint8
    keys : np.ndarray, shape (E, 4, T, 88), uint8
        `hybrid.transcription.targets`.
    drums : np.ndarray, shape (E, 8, T), uint8
    """

    levels: NDArray[np.uint8]
    keys: NDArray[np.uint8]
    drums: NDArray[np.uint8]


def heard_of_roll(notes: NDArray[Any]) -> NDArray[Any]:
    """Notes of a roll (`hybrid.audio_refiner.roll.ROLL_DTYPE`) as `HEARD_DTYPE`."""
    return sorted_notes(
        [
            (
                int(note["onset"]) / 1000,
                int(note["end"]) / 1000,
                int(note["pitch"]),
                int(note["velocity"]),
                bool(note["family"] == DRUMS),
            )
            for note in notes
        ]
    )


def read_plain(path: Path) -> DryBatch:
    """Plain renders of a file of renders or of pairs."""
    return dry_side(path) if path.suffix == PAIRS_SUFFIX else read_dry(path)


def transcriber_set(
    files: Iterable[Path], cache: Path, progress: Progress = lambda share: None
) -> TranscriberSet:
    """Excerpts of files; the levels of each file are kept in the folder ``cache``.

    Raises
    ------
    FormatError
        If a file is damaged.
    """
    listed = tuple(files)
    parts = []
    for number, path in enumerate(listed):
        kept = cache / f"{path.stem}{path.suffix}.npz"
        if not kept.exists():
            batch = read_plain(path)
            notes = [heard_of_roll(each) for each in batch.notes]
            data = io.BytesIO()
            np.savez(
                data,
                levels=np.stack([_levels(sound, batch.sample_rate) for sound in batch.sound]),
                notes=np.concatenate([np.empty(0, HEARD_DTYPE), *notes]),
                counts=np.array([len(each) for each in notes]),
            )
            write_bytes(kept, data.getvalue())
        parts.append(_read(kept))
        progress((number + 1) / len(listed))
    return TranscriberSet(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.drums for part in parts]),
    )


def _levels(sound: NDArray[np.int16], sample_rate: int) -> NDArray[np.uint8]:
    wave = (sound / np.float32(32767)).astype(np.float32)
    reader = MonoReader(MemorySource(Audio(wave[None], sample_rate)))
    return levels(reader.read(0, reader.n_samples))


def _read(path: Path) -> TranscriberSet:
    try:
        with np.load(path, allow_pickle=False) as held:
            found, notes, counts = held["levels"], held["notes"], held["counts"]
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"{path} must be a cache of levels: {error}; remove it") from error
    pictures = [targets(each, found.shape[2]) for each in np.split(notes, np.cumsum(counts)[:-1])]
    return TranscriberSet(
        found, np.stack([keys for keys, _ in pictures]), np.stack([drums for _, drums in pictures])
    )
