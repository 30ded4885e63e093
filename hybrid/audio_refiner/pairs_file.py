"""Files of training pairs: two recordings of the same excerpts, with their notes.

A file is a ZIP archive, stored without further compression, that holds

- ``about.json``: what made it, the sample rate and the length of every excerpt;
- ``excerpts.tsv``: a line for each excerpt: piece, place, style, seed of the chain, loudness;
- ``notes.npy``: notes of all excerpts, `hybrid.audio_refiner.roll.ROLL_DTYPE`;
- ``dry.ogg`` and ``large.ogg``: Ogg Vorbis, the excerpts one after another: the plain render
  that the refiner hears, and the large SoundFont's, plain as well.

The target is not stored: it is the large render after the production chain of its style and
seed, made when the file is read. So one file serves every style.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.production_run import produce
from hybrid.audio_refiner.roll import ROLL_DTYPE
from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError
from hybrid.io.atomic import write_bytes
from hybrid.render.loudness import LoudnessMeter

VERSION = 1
SUFFIX = ".pairs"
_MEMBERS = ("about.json", "excerpts.tsv", "notes.npy", "dry.ogg", "large.ogg")
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP knows; the same bytes every day
_BLOCK = 1 << 16  # longer writes overflow the stack of libsndfile's Vorbis encoder
_SERIAL = 1


@dataclass(frozen=True)
class PairEntry:
    """One excerpt.

    Attributes
    ----------
    piece : str
        ``source/piece``.
    start_seconds : float
        Where the excerpt begins in the piece.
    style : str
    chain_seed : int
        Of the target's chain.
    loudness : float
        Of the dry render with what sounds on after the excerpt, LUFS.
    first_note, n_notes : int
        Rows of ``notes.npy``.
    """

    piece: str
    start_seconds: float
    style: str
    chain_seed: int
    loudness: float
    first_note: int
    n_notes: int


@dataclass(frozen=True, eq=False)
class PairBatch:
    """What a file of pairs holds.

    Attributes
    ----------
    about : mapping
        ``split``, ``sample_rate``, ``n_samples`` of an excerpt, what made it.
    entries : tuple of PairEntry
    notes : np.ndarray, `ROLL_DTYPE`
    dry, large : np.ndarray, shape (E, 2, N), float32
    """

    about: Mapping[str, Any]
    entries: tuple[PairEntry, ...]
    notes: NDArray[Any]
    dry: NDArray[np.float32]
    large: NDArray[np.float32]

    @property
    def sample_rate(self) -> int:
        return int(self.about["sample_rate"])

    def notes_of(self, index: int) -> NDArray[Any]:
        """Notes of an excerpt."""
        entry = self.entries[index]
        return self.notes[entry.first_note : entry.first_note + entry.n_notes]

    def target(
        self, index: int, style: str | None = None, chain_seed: int | None = None
    ) -> NDArray[np.float32]:
        """The large render, produced, at the dry excerpt's loudness; shape (2, N).

        Parameters
        ----------
        index : int
            Of the excerpt.
        style : str, optional
            Another style than the excerpt's own.
        chain_seed : int, optional
            Another draw from the style's ranges.
        """
        entry = self.entries[index]
        level = LoudnessMeter(self.sample_rate)
        level.add(self.dry[index])
        made, _ = produce(
            Audio(self.large[index], self.sample_rate),
            style=style or entry.style,
            seed=entry.chain_seed if chain_seed is None else chain_seed,
            loudness_lufs=float(np.clip(level.lufs, -70.0, 0.0)),
        )
        return made.samples[:, : self.large.shape[2]]


def write_pairs(path: str | Path, batch: PairBatch, quality: float = 0.4) -> None:
    """Write a file of pairs, whole or not at all; the same pairs, the same bytes.

    Parameters
    ----------
    quality : float
        Of Vorbis, 0..1; 0.4 is about 80 kbit/s for these sounds.
    """
    table = io.StringIO()
    names = [field.name for field in fields(PairEntry)]
    writer = csv.DictWriter(table, names, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in batch.entries)
    notes = io.BytesIO()
    np.save(notes, batch.notes)
    about = json.dumps({"version": VERSION, **batch.about}, indent=1) + "\n"
    contents = (
        about.encode(),
        table.getvalue().encode(),
        notes.getvalue(),
        encode_ogg(batch.dry, batch.sample_rate, quality),
        encode_ogg(batch.large, batch.sample_rate, quality),
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, data in zip(_MEMBERS, contents, strict=True):
            target.writestr(zipfile.ZipInfo(name, _DATE), data)
    write_bytes(path, archive.getvalue())


def read_pairs(path: str | Path, *, dry_only: bool = False) -> PairBatch:
    """Read a file of pairs.

    Parameters
    ----------
    path : path
    dry_only : bool
        Leave the large SoundFont's sound out: ``large`` is then empty.

    Raises
    ------
    FormatError
        If it is none, or is damaged.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            about_, table, notes_, dry_, large_ = (archive.read(name) for name in _MEMBERS)
        about = json.loads(about_)
        if about.get("version") != VERSION:
            raise FormatError(f"{path}: version must be {VERSION}, got {about.get('version')!r}")
        rows = csv.DictReader(io.StringIO(table.decode()), delimiter="\t")
        entries = tuple(
            PairEntry(
                row["piece"],
                float(row["start_seconds"]),
                row["style"],
                int(row["chain_seed"]),
                float(row["loudness"]),
                int(row["first_note"]),
                int(row["n_notes"]),
            )
            for row in rows
        )
        notes = np.load(io.BytesIO(notes_), allow_pickle=False)
        if notes.dtype != ROLL_DTYPE:
            raise FormatError(f"{path}: notes must have the fields {ROLL_DTYPE.names}")
        shape = (len(entries), 2, int(about["n_samples"]))
        dry = decode_ogg(dry_, shape, path)
        large = np.empty((0, 2, 0), np.float32) if dry_only else decode_ogg(large_, shape, path)
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} must be a file of pairs: {error}") from error
    return PairBatch(about, entries, notes, dry, large)


def encode_ogg(sounds: NDArray[np.float32], sample_rate: int, quality: float) -> bytes:
    """Ogg Vorbis of sounds (E, 2, N), one after another, with a fixed serial number."""
    import soundfile

    stream = io.BytesIO()
    joined = np.moveaxis(sounds, 1, 2).reshape(-1, 2)  # (E x N, 2)
    with soundfile.SoundFile(
        stream,
        "w",
        samplerate=sample_rate,
        channels=2,
        format="OGG",
        subtype="VORBIS",
        compression_level=1.0 - quality,
    ) as file:
        for start in range(0, len(joined), _BLOCK):
            file.write(joined[start : start + _BLOCK])
    return with_serial(stream.getvalue(), _SERIAL)


def decode_ogg(
    data: bytes, shape: tuple[int, int, int], path: str | Path = "pairs"
) -> NDArray[np.float32]:
    """The inverse of `encode_ogg`, shape (E, 2, N), but for what Vorbis loses.

    Raises
    ------
    FormatError
        If it is no Ogg Vorbis, or is not as long as it should be.
    """
    import soundfile

    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise FormatError(f"{path}: not Ogg Vorbis: {error.error_string}") from error
    n_sounds, n_channels, n_samples = shape
    if samples.shape != (n_sounds * n_samples, n_channels):
        raise FormatError(
            f"{path}: sound must have {n_sounds * n_samples} frames of {n_channels} channels, "
            f"got {samples.shape}"
        )
    split = samples.reshape(n_sounds, n_samples, n_channels)
    return np.ascontiguousarray(np.moveaxis(split, 2, 1))


# --- Ogg pages ----------------------------------------------------------------------------------

# Ogg's checksum is the CRC-32 of Ethernet with bits in the other order and no inversions.
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _checksum(page: bytes) -> int:
    # zlib inverts before and after; starting from all ones and inverting again undoes both.
    value = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)


def with_serial(data: bytes, serial: int) -> bytes:
    """An Ogg stream with another serial number: libsndfile draws it from the clock.

    Raises
    ------
    FormatError
        If the pages do not follow one another to the end.
    """
    changed = bytearray(data)
    at = 0
    while at < len(changed):
        if changed[at : at + 4] != b"OggS":
            raise FormatError(f"an Ogg page must begin with OggS, got none at byte {at}")
        n_segments = changed[at + 26]
        end = at + 27 + n_segments + sum(changed[at + 27 : at + 27 + n_segments])
        changed[at + 14 : at + 18] = serial.to_bytes(4, "little")
        changed[at + 22 : at + 26] = bytes(4)
        checksum = _checksum(bytes(changed[at:end]))
        changed[at + 22 : at + 26] = checksum.to_bytes(4, "little")
        at = end
    return bytes(changed)


def total_seconds(batches: Sequence[PairBatch]) -> float:
    """Seconds of sound that batches hold, each pair once."""
    return sum(
        len(batch.entries) * int(batch.about["n_samples"]) / batch.sample_rate for batch in batches
    )
