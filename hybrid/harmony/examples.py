"""Training examples from analysed pieces: as written, at other speeds, in new textures."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING
from hybrid.harmony.corpus import Piece
from hybrid.harmony.features import PieceArrays, piece_arrays
from hybrid.harmony.labels import Chord, Vocabulary
from hybrid.harmony.textures import texturise

GPL_GROUPS = ("bps_fh",)


@dataclass(frozen=True, eq=False)
class Example:
    """One version of a piece: its arrays, its labels, and how often it is drawn."""

    arrays: PieceArrays
    tracks: NDArray[np.integer]
    readings: tuple[NDArray[Any], ...]
    weight: float


@dataclass(frozen=True)
class Mixture:
    """Shares of the versions of a piece, and how groups weigh.

    Attributes
    ----------
    guessed, slower, faster, textures : float
        How often each version is drawn, against 1 for the piece as it is.
    n_textures : int
        Textures made of each reading.
    balance : float
        Groups are drawn as their frames to this power: 1 as they come, 0 all alike.
    """

    guessed: float = 0.15
    slower: float = 0.1
    faster: float = 0.1
    textures: float = 0.4
    n_textures: int = 2
    balance: float = 0.6


def collect_vocabulary(pieces: Sequence[Piece], at_least: int = 1) -> Vocabulary:
    """Chords that occur in the readings ``at_least`` so often, the commonest first."""
    counts: Counter[Chord] = Counter()
    for piece in pieces:
        for reading in piece.readings:
            for row in reading:
                names = ("mode", "of", "degree", "quality", "inversion")
                counts[Chord(*(int(row[name]) for name in names))] += 1
    chosen = sorted(
        (chord for chord, count in counts.items() if count >= at_least),
        key=lambda chord: (-counts[chord], chord),
    )
    return Vocabulary(tuple(chosen))


def make_examples(pieces: Sequence[Piece], mixture: Mixture, seed: int) -> list[Example]:
    """All versions of all pieces, with their weights; made on all processors at once."""
    frames = Counter[str]()
    for piece in pieces:
        frames[piece.group] += piece.end
    weights = [piece.end * frames[piece.group] ** (mixture.balance - 1) for piece in pieces]
    jobs = [
        (piece, mixture, w, [seed, at])
        for at, (piece, w) in enumerate(zip(pieces, weights, strict=True))
    ]
    n_processes = min(len(os.sched_getaffinity(0)), len(jobs))
    if n_processes < 2:
        made = [_versions(*job) for job in jobs]
    else:
        with multiprocessing.get_context("fork").Pool(n_processes) as workers:
            made = workers.starmap(_versions, jobs, chunksize=4)
    return [example for versions in made for example in versions]


def known_spelling(piece: Piece) -> NDArray[np.int64]:
    """Spelling of every note, guessed where the file has none."""
    written = piece.notes["spelling"].astype(np.int64)
    return np.where(written == NO_SPELLING, piece.notes["guess"].astype(np.int64), written)


def plain_example(piece: Piece, weight: float = 1.0, is_guessed: bool = False) -> Example:
    """A piece as it is; ``is_guessed``: as if the file had no spelling."""
    spelling = piece.notes["guess"].astype(np.int64) if is_guessed else known_spelling(piece)
    arrays = piece_arrays(piece.notes, piece.bars, spelling, piece.end)
    return Example(arrays, piece.notes["track"], piece.readings, weight)


def _versions(piece: Piece, mixture: Mixture, weight: float, seed: list[int]) -> list[Example]:
    rng = np.random.default_rng(seed)
    result = [plain_example(piece, weight)]
    if mixture.guessed:
        result.append(plain_example(piece, weight * mixture.guessed, is_guessed=True))
    for share, factor in ((mixture.slower, 2), (mixture.faster, -2)):
        if share:
            scaled = scale_time(piece, factor)
            result.append(plain_example(scaled, weight * share))
    if mixture.textures and mixture.n_textures:
        share = weight * mixture.textures / (mixture.n_textures * len(piece.readings))
        for reading in piece.readings:
            for _ in range(mixture.n_textures):
                if len(reading):
                    result.append(_texture(piece, reading, share, rng))
    return result


def _texture(
    piece: Piece, reading: NDArray[Any], weight: float, rng: np.random.Generator
) -> Example:
    notes = texturise(reading, rng)
    arrays = piece_arrays(notes, piece.bars, notes["spelling"].astype(np.int64), piece.end)
    return Example(arrays, notes["track"], (reading,), weight)


def scale_time(piece: Piece, factor: int) -> Piece:
    """The piece written in doubled (2) or halved (-2) note values."""
    notes, bars = scale_rows(piece.notes, piece.bars, factor)
    readings = []
    for reading in piece.readings:
        spans = _scaled(reading, factor, "onset", "end")
        readings.append(spans[spans["end"] > spans["onset"]])
    return Piece(piece.name, piece.group, piece.licence, notes, bars, tuple(readings))


def scale_rows(
    notes: NDArray[Any], bars: NDArray[Any], factor: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Notes and bars written in doubled (2) or halved (-2) note values."""
    bars = _scaled(bars, factor, "start")
    denominator = bars["denominator"].astype(np.int64)
    wanted = denominator // 2 if factor > 0 else denominator * 2
    # Whole notes as units have no shorter name: the metre stays and only the tempo changes.
    bars["denominator"] = np.clip(wanted, 1, 64)
    notes = _scaled(notes, factor, "onset", "end")
    notes["end"] = np.maximum(notes["end"], notes["onset"] + 1)
    return notes, bars


def _scaled(rows: NDArray[Any], factor: int, *names: str) -> NDArray[Any]:
    rows = rows.copy()
    for name in names:
        rows[name] = rows[name] * 2 if factor > 0 else rows[name] // 2
    return rows
