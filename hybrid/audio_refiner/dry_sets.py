"""Plain renders with their notes: what the transcriber learns from, and is measured on.

Excerpts are drawn as for the pairs (`hybrid.audio_refiner.pairs`), but played with the plain
SoundFont alone: no produced sound is among them. Every file depends only on the seed, its split
and its number.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.pairs import PairOptions, draw_played
from hybrid.audio_refiner.pairs_file import read_pairs
from hybrid.audio_refiner.pairs_score import ProgramDeck
from hybrid.audio_refiner.pairs_sources import SourcePiece, of_split
from hybrid.audio_refiner.roll import ROLL_DTYPE
from hybrid.audio_refiner.split_files import check_splits, find_files, make_files
from hybrid.core.errors import FormatError
from hybrid.core.seeds import stage_rng
from hybrid.io.atomic import write_bytes
from hybrid.render import SoundFont, default_soundfont

SUFFIX = ".dry"
#: Excerpts of a file.
PER_FILE = 25
_FULL_SCALE = 32767.0

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class DryBatch:
    """What a file holds.

    Attributes
    ----------
    sound : np.ndarray, shape (E, N), int16
        Mean of left and right.
    sample_rate : int
    notes : tuple of np.ndarray, `ROLL_DTYPE`
        Of each excerpt.
    """

    sound: NDArray[np.int16]
    sample_rate: int
    notes: tuple[NDArray[Any], ...]


def build_dry(
    pieces: Sequence[SourcePiece],
    folder: str | Path,
    files: Mapping[str, int],
    options: PairOptions | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Render sets; files that are there already are left as they are.

    Parameters
    ----------
    pieces : sequence of SourcePiece
        Of all splits.
    folder : path
        Takes ``SPLIT-NNN.dry``.
    files : mapping
        Number of files by split.
    options : PairOptions, optional
        Seed and length are used.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Raises
    ------
    ConfigError, CorpusError
        If a split is unknown, or has no pieces.
    RenderError
        If the player is missing.
    """
    chosen = options or PairOptions()
    font = default_soundfont()
    check_splits(files)

    def make(path: Path, split: str, number: int, _: Progress) -> None:
        write_dry(path, _make(of_split(pieces, split), split, number, font, chosen))

    return make_files(folder, SUFFIX, files, make, progress)


def _make(
    pieces: Mapping[str, Sequence[SourcePiece]],
    split: str,
    number: int,
    font: SoundFont,
    options: PairOptions,
) -> DryBatch:
    rng = stage_rng(options.seed, "dry", split, number)
    deck = ProgramDeck(rng)
    sound = np.zeros((PER_FILE, options.n_samples), np.int16)
    notes = []
    for index in range(PER_FILE):
        drawn = draw_played(pieces, rng, deck, (font,), options)
        mono = np.clip(drawn.sounds[0].mean(axis=0), -1.0, 1.0)
        sound[index] = np.round(mono * _FULL_SCALE)
        notes.append(drawn.notes)
    return DryBatch(sound, options.sample_rate, tuple(notes))


def write_dry(path: Path, batch: DryBatch) -> None:
    """Write a file, whole or not at all; the same renders, the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, values in (
            ("sound", batch.sound),
            ("sample_rate", np.array(batch.sample_rate)),
            ("notes", np.concatenate([np.empty(0, ROLL_DTYPE), *batch.notes])),
            ("counts", np.array([len(each) for each in batch.notes])),
        ):
            data = io.BytesIO()
            np.save(data, values)
            target.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue())
    write_bytes(path, archive.getvalue())


def read_dry(path: str | Path) -> DryBatch:
    """Read a file of plain renders.

    Raises
    ------
    FormatError
        If it is none, or is damaged.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as held:
            sound, notes, counts = held["sound"], held["notes"], held["counts"]
            rate = int(held["sample_rate"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} must be a file of plain renders: {error}") from error
    if len(counts) != len(sound) or int(counts.sum()) != len(notes):
        raise FormatError(f"{path} must have as many notes as it says, got {len(notes)}")
    edges = np.cumsum(counts)[:-1]
    return DryBatch(sound, rate, tuple(np.split(notes, edges)))


def dry_side(path: str | Path) -> DryBatch:
    """The plain side of a file of pairs.

    Raises
    ------
    FormatError
        If it is none, or is damaged.
    """
    batch = read_pairs(path, dry_only=True)
    mono = np.clip(batch.dry.mean(axis=1), -1.0, 1.0)
    sound = np.round(mono * _FULL_SCALE).astype(np.int16)
    notes = tuple(batch.notes_of(index) for index in range(len(batch.entries)))
    return DryBatch(sound, batch.sample_rate, notes)


def dry_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Files of a split, in order.

    Raises
    ------
    ConfigError
        If there are none.
    """
    return find_files(folder, SUFFIX, split, "hybrid corpora renders")
