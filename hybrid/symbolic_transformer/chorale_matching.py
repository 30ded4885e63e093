"""Which piece of the JSB Chorales benchmark a four-part score is, told by its notes.

Titles and numbers differ between editions, and so do keys, accidentals, pickups, written
out repeats and note values. So the benchmark's pieces are compared by sound: chords of four
voices on sixteenths. Patterns of soprano and bass name the likely pieces; for those the
score is laid along the piece from every place, in the key that fits best, and what counts is
the share of voices that agree around each moment.

Two harmonisations of one tune are two pieces: their sopranos agree, the lower voices do not.
They are told as ``tune`` matches.

References
----------
Boulanger-Lewandowski, N., Bengio, Y., & Vincent, P. (2012). Modeling temporal dependencies in
high-dimensional sequences. ICML. (the split)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.core.score import Score

Grid = NDArray[np.int16]
"""Pitches of soprano, alto, tenor and bass on sixteenths, shape (T, 4); -1 is silence."""

BENCHMARK_SPLITS = ("train", "valid", "test")
SAME_PIECE = 0.72  # share of voices that agree from which on it is one piece
SAME_TUNE = 0.72  # the same for the soprano alone
WINDOW = 24  # sixteenths around a moment that have to agree together
_PATTERN = 3  # chords in a pattern
_TUNE_PATTERN = 6  # intervals in a pattern of the soprano
_CANDIDATES = 6
_CERTAIN = 0.9  # no other piece comes near: stop looking


@dataclass(frozen=True, eq=False)
class BenchmarkPiece:
    """A piece of the benchmark: its split, its number there from 0, its notes."""

    split: str
    number: int
    grid: Grid

    @property
    def id(self) -> str:
        """Split and number, such as ``valid/12``."""
        return f"{self.split}/{self.number}"


@dataclass(frozen=True)
class Match:
    """The piece of the benchmark that a score is most like.

    Attributes
    ----------
    split, number
        Of `BenchmarkPiece`.
    similarity : float
        Share of voices that agree, 0..1, over the shorter of the two.
    tune : float
        The same for the soprano alone.
    semitones : int
        What to add to the score's pitches to get the benchmark's, -5..6, octaves aside.
    scale : (int, int)
        Lengths of the benchmark over the score's: (2, 1) has doubled note values.
    """

    split: str
    number: int
    similarity: float
    tune: float
    semitones: int
    scale: tuple[int, int] = (1, 1)

    @property
    def id(self) -> str:
        """As `BenchmarkPiece.id`."""
        return f"{self.split}/{self.number}"

    @property
    def is_same(self) -> bool:
        """Whether it is one piece, harmony and all."""
        return self.similarity >= SAME_PIECE

    @property
    def is_same_tune(self) -> bool:
        """Whether the tune is the same, whatever is sung under it."""
        return self.is_same or self.tune >= SAME_TUNE


def read_benchmark(text: str | bytes) -> tuple[BenchmarkPiece, ...]:
    """Read ``Jsb16thSeparated.json``.

    Raises
    ------
    FormatError
        If it is not {split: [piece: [step: [S, A, T, B]]]}.
    """
    try:
        data = json.loads(text)
        pieces = [
            BenchmarkPiece(split, number, np.array(piece, dtype=np.int16).reshape(-1, 4))
            for split in BENCHMARK_SPLITS
            for number, piece in enumerate(data[split])
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"the benchmark must hold train, valid and test with steps of four pitches: {error}"
        ) from None
    return tuple(pieces)


def score_grid(score: Score, voices: Sequence[str] | None = None) -> Grid:
    """A four-part score on sixteenths.

    Parameters
    ----------
    score : Score
    voices : sequence of str, optional
        Names of the four tracks, soprano first; the first four tracks where left out.

    Raises
    ------
    FormatError
        If it has fewer than four tracks.
    """
    tracks = score.tracks if voices is None else tuple(score.track(name) for name in voices)
    if len(tracks) < 4:
        raise FormatError(f"a chorale must have four voices, got {len(tracks)} tracks")
    step = score.ticks_per_quarter / 4
    grid = np.full((int(np.ceil(score.length / step)), 4), -1, dtype=np.int16)
    for voice, track in enumerate(tracks[:4]):
        for note in track.notes:
            start = int(np.ceil(note["onset"] / step))
            end = int(np.ceil((note["onset"] + note["duration"]) / step))
            grid[start:end, voice] = note["pitch"]
    return grid


def match_chorales(
    grids: Mapping[str, Grid],
    benchmark: Iterable[BenchmarkPiece],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Match]:
    """The piece of the benchmark that each score is, or else the one with the likest tune.

    Whether it *is* that piece is told by `Match.is_same`. Scores that share no pattern with any
    piece have none.
    """
    pieces = tuple(benchmark)
    index = _Index(pieces)
    found: dict[str, Match] = {}
    for number, (name, grid) in enumerate(grids.items(), 1):
        best: Match | None = None
        for at in index.candidates(grid):
            best = _better(_compare(grid, pieces[at]), best)
            if best.similarity >= _CERTAIN:
                break
        if best is not None:
            found[name] = best
        if progress is not None:
            progress(number, len(grids))
    return found


def _better(match: Match, other: Match | None) -> Match:
    """The one that is the same piece, else the more similar tune; of equals the first."""
    if other is None or _rank(match) > _rank(other):
        return match
    return other


def _rank(match: Match) -> tuple[bool, float, float]:
    if match.is_same:
        return True, match.similarity, match.tune
    return False, match.tune, match.similarity


def split_of(match: Match | None) -> str:
    """Split of the benchmark that a score belongs to, harmony and all; ``none`` for none."""
    return match.split if match is not None and match.is_same else "none"


# --- Likely pieces ---------------------------------------------------------------------------


class _Index:
    """Patterns of the benchmark's pieces, and which pieces have them."""

    def __init__(self, pieces: Sequence[BenchmarkPiece]) -> None:
        self._owners: dict[tuple[int, ...], list[int]] = {}
        self._sizes: list[int] = []
        for at, piece in enumerate(pieces):
            patterns = _patterns(piece.grid)
            self._sizes.append(max(1, len(patterns)))
            for pattern in patterns:
                self._owners.setdefault(pattern, []).append(at)

    def candidates(self, grid: Grid) -> list[int]:
        """Numbers of the pieces that share most patterns, likeliest first."""
        patterns = _patterns(grid)
        shared: Counter[int] = Counter()
        for pattern in patterns:
            shared.update(self._owners.get(pattern, ()))
        share = {at: count / min(len(patterns), self._sizes[at]) for at, count in shared.items()}
        return sorted(share, key=lambda at: (-share[at], at))[:_CANDIDATES]


def _patterns(grid: Grid) -> set[tuple[int, ...]]:
    """Runs of outer voices without durations or key, and longer runs of the soprano."""
    outer = _changes(grid[:, [0, 3]])
    found: set[tuple[int, ...]] = set()
    for at in range(len(outer) - _PATTERN + 1):
        run = outer[at : at + _PATTERN].astype(np.int64)
        steps = np.diff(run[:, 0]).tolist()
        found.add((*steps, *((run[:, 0] - run[:, 1]) % 12).tolist()))
    tune = _changes(grid[:, :1])[:, 0]
    for at in range(len(tune) - _TUNE_PATTERN):
        found.add(tuple(np.diff(tune[at : at + _TUNE_PATTERN + 1].astype(np.int64)).tolist()))
    return found


def _changes(voices: Grid) -> Grid:
    """Rows without silence that differ from the row before."""
    rows = voices[(voices >= 0).all(axis=1)]
    if not len(rows):
        return rows
    new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    changed: Grid = rows[new]
    return changed


# --- Comparison ------------------------------------------------------------------------------


def _compare(grid: Grid, piece: BenchmarkPiece) -> Match:
    best: Match | None = None
    for scale in _scales(len(grid), len(piece.grid)):
        scaled = np.repeat(grid, scale[0], axis=0)
        other = np.repeat(piece.grid, scale[1], axis=0)
        for semitones in _likely_keys(scaled, other):
            agreement = voice_agreement(scaled, other, semitones)
            similarity = _similarity(agreement.mean(axis=2))
            tune = _similarity(agreement[:, :, 0])
            match = Match(piece.split, piece.number, similarity, tune, semitones, scale)
            best = _better(match, best)
            if best.similarity >= _CERTAIN:
                return best
    assert best is not None
    return best


def _scales(length: int, other: int) -> list[tuple[int, int]]:
    """(times our lengths, times the benchmark's) to try."""
    scales = [(1, 1)]
    if length * 3 <= other * 2:
        scales.append((2, 1))
    if other * 3 <= length * 2:
        scales.append((1, 2))
    return scales


def _likely_keys(grid: Grid, other: Grid) -> list[int]:
    """The three transpositions, -5..6, that bring most pitch classes of each voice together."""
    score = np.zeros(12)
    for voice in range(4):
        ours, theirs = (_histogram(part[:, voice]) for part in (grid, other))
        for semitones in range(12):
            score[semitones] += np.minimum(np.roll(ours, semitones), theirs).sum()
    order = np.argsort(-score, kind="stable")[:3]
    return [int((semitones + 5) % 12 - 5) for semitones in order]


def _histogram(pitches: NDArray[Any]) -> NDArray[np.float64]:
    sounding = pitches[pitches >= 0]
    counts = np.bincount(sounding % 12, minlength=12).astype(np.float64)
    shares: NDArray[np.float64] = counts / max(1.0, float(counts.sum()))
    return shares


def voice_agreement(grid: Grid, other: Grid, semitones: int = 0) -> NDArray[np.bool_]:
    """Which voices have one pitch class at each pair of moments.

    Returns
    -------
    np.ndarray, shape (T, U, 4), bool
    """
    ours = np.where(grid >= 0, (grid + semitones) % 12, -1)
    theirs = np.where(other >= 0, other % 12, -1)
    result: NDArray[np.bool_] = ours[:, None, :] == theirs[None, :, :]
    return result


def _similarity(agreement: NDArray[Any]) -> float:
    """Mean of the best agreement around each moment, over the shorter of the two; 0..1."""
    around = along_diagonals(agreement)
    ours = float(around.max(axis=1).mean())
    theirs = float(around.max(axis=0).mean())
    rows, columns = agreement.shape
    return ours if rows <= columns else theirs


def along_diagonals(agreement: NDArray[Any], window: int = WINDOW) -> NDArray[np.float32]:
    """Mean over ``window`` steps along each diagonal, centred; shape (T, U).

    Steps beyond an end are left out, but count as half a disagreement where fewer than half
    the window is left.
    """
    rows, columns = agreement.shape
    # Row i moved right by rows - i puts every diagonal into a column.
    sheared = np.zeros((rows + window, rows + columns), dtype=np.float32)
    inside = np.zeros((rows + window, rows + columns), dtype=np.float32)
    for row in range(rows):
        start = rows - row
        sheared[row, start : start + columns] = agreement[row]
        inside[row, start : start + columns] = 1.0
    half = window // 2
    total, count = (_moving_sum(values, window)[half : half + rows] for values in (sheared, inside))
    around = total / np.maximum(count, 0.75 * window)
    result = np.zeros((rows, columns), dtype=np.float32)
    for row in range(rows):
        start = rows - row
        result[row] = around[row, start : start + columns]
    return result


def _moving_sum(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Row r holds the sum of rows r - window + 1 .. r."""
    total = np.cumsum(values, axis=0, dtype=np.float32)
    total[window:] -= total[:-window].copy()
    return total


__all__ = [
    "BENCHMARK_SPLITS",
    "SAME_PIECE",
    "SAME_TUNE",
    "BenchmarkPiece",
    "Grid",
    "Match",
    "along_diagonals",
    "match_chorales",
    "read_benchmark",
    "score_grid",
    "split_of",
    "voice_agreement",
]
