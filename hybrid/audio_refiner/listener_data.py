"""What the listener learns from: levels of recordings of all kinds, plain, produced and damaged.

Of every excerpt of the pairs there are three recordings (the plain SoundFont, the large one, the
produced target), and each once more with noise, a low-pass or a room added.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.pairs_file import PairBatch, read_pairs
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.production_run import produce
from hybrid.audio_refiner.roll import FAMILIES
from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError
from hybrid.core.seeds import stage_rng
from hybrid.io.atomic import write_bytes
from hybrid.metrics.damage import add_noise, add_room, low_pass
from hybrid.metrics.listener import FLOOR_DB, HOP, SAMPLE_RATE, mel_levels

#: Seconds of each excerpt that are used.
SECONDS = 6.0
#: Levels are kept in steps of half a dB.
STEP_DB = 0.5
#: Kinds of recordings: plain SoundFont, large SoundFont, styles of production.
KINDS = ("plain", "large", *style_names())

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class ListenerSet:
    """Recordings of a set.

    Attributes
    ----------
    levels : np.ndarray, shape (R, 2, T, 64), uint8
        Steps of `STEP_DB` over `hybrid.metrics.listener.FLOOR_DB`.
    families : np.ndarray, shape (R, 17, T), bool
        Which families sound in a frame, as written.
    kind : np.ndarray, shape (R,), int64
        Index of `KINDS`.
    damage : np.ndarray, shape (R, 3), float32
        How much noise, low-pass and room was added, each 0..1.
    """

    levels: NDArray[np.uint8]
    families: NDArray[np.bool_]
    kind: NDArray[np.int64]
    damage: NDArray[np.float32]


def listener_set(
    files: Iterable[Path], cache: Path, seed: int = 0, progress: Progress = lambda share: None
) -> ListenerSet:
    """Recordings of files of pairs; each file's are kept in the folder ``cache``.

    Raises
    ------
    FormatError
        If a file is damaged.
    """
    listed = tuple(files)
    parts = []
    for number, path in enumerate(listed):
        kept = cache / f"{path.stem}.npz"
        if not kept.exists():
            made = _of_batch(read_pairs(path), stage_rng(seed, "listener", path.stem))
            data = io.BytesIO()
            np.savez_compressed(
                data,
                levels=made.levels,
                families=made.families,
                kind=made.kind,
                damage=made.damage,
            )
            write_bytes(kept, data.getvalue())
        parts.append(_read(kept))
        progress((number + 1) / len(listed))
    return ListenerSet(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.families for part in parts]),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.damage for part in parts]),
    )


def _read(path: Path) -> ListenerSet:
    try:
        with np.load(path, allow_pickle=False) as held:
            return ListenerSet(held["levels"], held["families"], held["kind"], held["damage"])
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"{path} must be a cache of levels: {error}; remove it") from error


def _of_batch(batch: PairBatch, rng: np.random.Generator) -> ListenerSet:
    n_samples = round(SECONDS * SAMPLE_RATE)
    n_frames = 1 + n_samples // HOP
    levels, families, kinds, damages = [], [], [], []
    for index, entry in enumerate(batch.entries):
        large = batch.large[index][:, :n_samples]
        target, _ = produce(
            Audio(large, batch.sample_rate), style=entry.style, seed=entry.chain_seed
        )
        sounding = _sounding(batch.notes_of(index), n_frames)
        for kind, sound in (
            ("plain", batch.dry[index][:, :n_samples]),
            ("large", large),
            (entry.style, target.samples[:, :n_samples]),
        ):
            damaged, amounts = _damaged(sound, rng)
            for version, amount in ((sound, np.zeros(3)), (damaged, amounts)):
                found = mel_levels(Audio(version, SAMPLE_RATE))
                levels.append(np.round((found - FLOOR_DB) / STEP_DB).clip(0, 255).astype(np.uint8))
                families.append(sounding)
                kinds.append(KINDS.index(kind))
                damages.append(amount)
    return ListenerSet(
        np.stack(levels),
        np.stack(families),
        np.array(kinds, np.int64),
        np.array(damages, np.float32),
    )


def _sounding(notes: NDArray[Any], n_frames: int) -> NDArray[np.bool_]:
    found = np.zeros((len(FAMILIES), n_frames), np.bool_)
    a_frame = 1000 * HOP / SAMPLE_RATE
    for note in notes:
        # Short notes are heard for a while after their end.
        end = max(int(note["end"]), int(note["onset"]) + 250)
        found[note["family"], int(note["onset"] / a_frame) : int(end / a_frame) + 1] = True
    return found


def _damaged(
    sound: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The sound with one kind of damage, and how much of each kind."""
    amounts = np.zeros(3)
    which, amount = int(rng.integers(3)), float(rng.uniform(0.1, 1.0))
    amounts[which] = amount
    if which == 0:
        return add_noise(sound, 50 - 50 * amount, rng), amounts
    if which == 1:
        return low_pass(sound, SAMPLE_RATE, 16000 * 16 ** (-amount)), amounts
    room = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    return add_room(sound, SAMPLE_RATE, 30 * amount - 25, rng, room), amounts
