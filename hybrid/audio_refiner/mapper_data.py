"""Pairs as the mapper's training reads them: band powers of two renders, and the notes.

What is learnt is the way from the plain SoundFont to the large one, both without production:
the effects come after the mapper, and so one mapper serves all styles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.audio_refiner.mapper_bands import (
    PER_ROW,
    ROW,
    band_powers,
    cross_powers,
    middle_and_side,
    row_spectra,
)
from hybrid.audio_refiner.mapper_notes import note_features
from hybrid.audio_refiner.pairs_file import read_pairs
from hybrid.audio_refiner.production import WORKING_LUFS
from hybrid.io.atomic import atomic_file
from hybrid.render.loudness import LoudnessMeter, from_db

#: Powers of two renders in one array: middle, side and their product of the plain render; left,
#: right, middle and side of the large one.
VIEWS = ("dry middle", "dry side", "dry cross", "left", "right", "middle", "side")
# Powers are kept as their fourth roots: half precision then reaches from 0 to -140 dB.
_ROOT = 4

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class MapperSet:
    """Excerpts of one length.

    Attributes
    ----------
    roots : np.ndarray, shape (E, T, 7, 96), float16
        Fourth roots of band powers of `VIEWS` with their signs, means over a row's spectra, both
        renders at -20 LUFS.
    notes : np.ndarray, shape (E, T, N_NOTES), uint8
    """

    roots: NDArray[np.float16]
    notes: NDArray[np.uint8]


def powers_of_roots(roots: Tensor) -> Tensor:
    """Band powers, with the sign of products, of what a `MapperSet` keeps."""
    return roots.sign() * roots.square().square()


def _roots(powers: Tensor) -> NDArray[np.float16]:
    kept: NDArray[np.float16] = (powers.sign() * powers.abs().sqrt().sqrt()).half().numpy()
    return kept


def plain_spectra(wave: NDArray[np.float32]) -> Tensor:
    """Spectra (2, 2 T, bins) of the middle and side of a sound (2, N), N filled up to T rows."""
    both = middle_and_side(torch.from_numpy(wave))
    missing = -wave.shape[1] % ROW
    return row_spectra(torch.nn.functional.pad(both, (ROW, ROW + missing)))


def excerpt_roots(dry: NDArray[np.float32], large: NDArray[np.float32]) -> NDArray[np.float16]:
    """Two renders (2, N) of one excerpt as `MapperSet.roots` has them, (T, 7, 96)."""
    one, other = (plain_spectra(_levelled(wave)) for wave in (dry, large))
    middle, side = band_powers(other)
    twice = 2 * cross_powers(other)
    powers = [*band_powers(one), cross_powers(one)]
    powers += [middle + side + twice, middle + side - twice, middle, side]
    joined = torch.stack(powers, 1)  # (2 T, 7, 96)
    return _roots(joined.reshape(-1, PER_ROW, *joined.shape[1:]).mean(1))


def _levelled(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """At the loudness at which effects work; silence as it is."""
    meter = LoudnessMeter(44100)
    meter.add(wave)
    if not np.isfinite(meter.lufs):
        return wave
    levelled: NDArray[np.float32] = wave * np.float32(from_db(WORKING_LUFS - meter.lufs))
    return levelled


def mapper_set(files: Iterable[Path], cache: Path, progress: Progress | None = None) -> MapperSet:
    """All excerpts of some files of pairs; what was worked out of a file is kept in ``cache``."""
    listed = list(files)
    roots, notes = [], []
    for number, path in enumerate(listed):
        kept = cache / f"{path.stem}.npz"
        if not kept.exists():
            _write(path, kept)
        with np.load(kept) as held:
            roots.append(held["roots"])
            notes.append(held["notes"])
        if progress is not None:
            progress((number + 1) / len(listed))
    return MapperSet(np.concatenate(roots), np.concatenate(notes))


def _write(path: Path, kept: Path) -> None:
    batch = read_pairs(path)
    count = len(batch.entries)
    roots = np.stack([excerpt_roots(batch.dry[at], batch.large[at]) for at in range(count)])
    notes = np.stack([note_features(batch.notes_of(at), roots.shape[1]) for at in range(count)])
    held: dict[str, Any] = {"roots": roots, "notes": notes}
    with atomic_file(kept) as place, open(place, "wb") as file:
        np.savez(file, **held)
