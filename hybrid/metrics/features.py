"""What a piece is like, in numbers that do not depend on its key: one vector a feature.

Distances between sets of pieces are made of these (`hybrid.metrics.distances`). All are read
from the notes alone, in one way for a score and for a grid. Where a measure needs bars, they
are stretches of four quarters from the beginning, because grids have no bar lines.

References
----------
Yang, L.-C., & Lerch, A. (2018). On the evaluation of generative models in music. Neural
Computing and Applications, 32, 4773-4784. doi:10.1007/s00521-018-3849-7.
Wu, S.-L., & Yang, Y.-H. (2020). The Jazz Transformer on the front line: Exploring the
shortcomings of AI-composed music through quantitative measures. ISMIR. arXiv:2008.01307
(pitch-class entropy, grooving pattern similarity).
Amiot, E. (2016). Music through Fourier Space. Springer. doi:10.1007/978-3-319-45581-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.score import Score
from hybrid.metrics.grids import ROWS_PER_QUARTER, SILENCE, Grid, check_grid, grid_of_score
from hybrid.metrics.lines import UNITS_PER_QUARTER, Line, lines_of
from hybrid.metrics.patterns import texture_patterns
from hybrid.metrics.style import entropy_bits, interval_histogram

BAR_ROWS = 4 * ROWS_PER_QUARTER
#: Lags, in quarters, at which a piece is compared with itself.
LAGS = (1, 2, 4, 8, 16)
SHORTEST_QUARTERS = max(LAGS) + 1
#: Upper ends of the classes of durations, in quarters; longer notes make the last class.
DURATIONS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece as the features read it."""

    grid: Grid
    lines: tuple[Line, ...]

    @property
    def n_quarters(self) -> float:
        return len(self.grid) / ROWS_PER_QUARTER


@dataclass(frozen=True)
class Feature:
    """A measure.

    Attributes
    ----------
    name : str
    says : str
        What it is, in a line.
    scale : str
        How its values are compared: ``own`` (a number, in standard deviations), ``each`` (a
        row of numbers, each in standard deviations) or ``shares`` (a histogram, by the
        square roots of its shares).
    read : callable
        `Piece` to np.ndarray of shape (D,).
    by_voice : bool
        Whether D depends on the number of voices.
    """

    name: str
    says: str
    scale: str
    read: Callable[[Piece], NDArray[np.float64]]
    by_voice: bool = False


def read_piece(piece: Score | Grid) -> Piece:
    """A piece ready for the features.

    Raises
    ------
    ScoreError
        If it is shorter than `SHORTEST_QUARTERS`, or no voice has two notes.
    """
    grid = grid_of_score(piece, None)[0] if isinstance(piece, Score) else check_grid(piece)
    lines = lines_of(piece)
    if len(grid) < SHORTEST_QUARTERS * ROWS_PER_QUARTER:
        raise ScoreError(
            f"features need a piece of {SHORTEST_QUARTERS} quarters or more, "
            f"got {len(grid) / ROWS_PER_QUARTER:g}"
        )
    if all(len(line) < 2 for line in lines):
        raise ScoreError("features need a voice with two notes or more, got none")
    return Piece(grid, lines)


def features_of(piece: Score | Grid) -> dict[str, NDArray[np.float64]]:
    """All of `FEATURES` of a piece, by name.

    Repeated notes count as one, so that scores and grids can be compared.

    Examples
    --------
    >>> scale = np.repeat([60, 62, 64, 65, 67, 69, 71, 72] * 3, 4)[:, None]
    >>> float(features_of(scale)["note_density"][0])
    1.0
    """
    read = read_piece(piece)
    return {feature.name: feature.read(read) for feature in FEATURES}


def _number(value: float) -> NDArray[np.float64]:
    return np.array([value], dtype=np.float64)


def _shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = counts / max(float(counts.sum()), 1e-12)
    return result


def _pitch_classes(piece: Piece) -> NDArray[np.float64]:
    """Share of the sounding time of each pitch class; (12,)."""
    sounding = piece.grid[piece.grid != SILENCE]
    return _shares(np.bincount(sounding % 12, minlength=12).astype(np.float64))


def _pitch_class_entropy(piece: Piece) -> NDArray[np.float64]:
    return _number(entropy_bits(_pitch_classes(piece)))


def _pitch_class_fourier(piece: Piece) -> NDArray[np.float64]:
    magnitudes: NDArray[np.float64] = np.abs(np.fft.fft(_pitch_classes(piece)))[1:7]
    return magnitudes


def _intervals(piece: Piece) -> NDArray[np.float64]:
    return interval_histogram(np.concatenate([np.diff(line.pitch) for line in piece.lines]))


def _durations(piece: Piece) -> NDArray[np.float64]:
    quarters = np.concatenate([line.duration for line in piece.lines]) / UNITS_PER_QUARTER
    classes = np.searchsorted(DURATIONS, quarters)
    return _shares(np.bincount(classes, minlength=len(DURATIONS) + 1).astype(np.float64))


def _onset_rows(piece: Piece) -> NDArray[np.int64]:
    """How many voices begin a note in each row; (T,). Onsets off the grid go to the row before."""
    unit = UNITS_PER_QUARTER // ROWS_PER_QUARTER
    rows = np.concatenate([line.onset for line in piece.lines]) // unit
    return np.bincount(rows, minlength=len(piece.grid))[: len(piece.grid)]


def _note_density(piece: Piece) -> NDArray[np.float64]:
    n_notes = sum(len(line) for line in piece.lines)
    return _number(n_notes / (piece.n_quarters * len(piece.lines)))


def _onset_places(piece: Piece) -> NDArray[np.float64]:
    onsets = _onset_rows(piece)
    places = np.arange(len(onsets)) % ROWS_PER_QUARTER
    return _shares(np.bincount(places, weights=onsets, minlength=ROWS_PER_QUARTER))


def _groove(piece: Piece) -> NDArray[np.float64]:
    """1 minus the share of places at which the onsets of a bar and of the next differ."""
    onsets = _onset_rows(piece) > 0
    bars = onsets[: len(onsets) // BAR_ROWS * BAR_ROWS].reshape(-1, BAR_ROWS)
    return _number(1.0 - float((bars[1:] != bars[:-1]).mean()))


def _together(piece: Piece) -> NDArray[np.float64]:
    onsets = _onset_rows(piece)
    return _number(float(onsets[onsets > 0].mean()) / len(piece.lines))


def _silence(piece: Piece) -> NDArray[np.float64]:
    return _number(float((piece.grid == SILENCE).mean()))


def _sonorities(piece: Piece) -> NDArray[np.float64]:
    """Share of each interval above the lowest note, modulo the octave; (12,)."""
    grid = piece.grid
    lowest = np.where(grid == SILENCE, 999, grid).min(axis=1, keepdims=True)
    above = (grid != SILENCE) & (grid > lowest)
    intervals = (grid - lowest)[above] % 12
    return _shares(np.bincount(intervals, minlength=12).astype(np.float64))


def _self_similarity(piece: Piece) -> NDArray[np.float64]:
    """Mean cosine of the pitch classes of quarters that lie a lag apart; (lags,)."""
    n_quarters = len(piece.grid) // ROWS_PER_QUARTER
    rows = piece.grid[: n_quarters * ROWS_PER_QUARTER].reshape(n_quarters, -1)
    chroma = np.zeros((n_quarters, 12))
    quarter, _ = np.nonzero(rows != SILENCE)
    np.add.at(chroma, (quarter, rows[rows != SILENCE] % 12), 1.0)
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-12)
    return np.array([float((chroma[lag:] * chroma[:-lag]).sum(axis=1).mean()) for lag in LAGS])


def _repetition(piece: Piece) -> NDArray[np.float64]:
    """Share of the textures of two quarters that come twice or more, in any transposition."""
    hashes = texture_patterns(piece.grid).hashes
    if not len(hashes):
        return _number(0.0)
    _, index, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return _number(float((counts[index] > 1).mean()))


def _voices(piece: Piece) -> list[NDArray[np.int64]]:
    return [column[column != SILENCE] for column in piece.grid.T]


def _ranges(piece: Piece) -> NDArray[np.float64]:
    """5th percentile, mean and 95th percentile of each voice's pitch; (3 V,)."""
    values: list[float] = []
    for pitches in _voices(piece):
        if not len(pitches):
            pitches = np.zeros(1, dtype=np.int64)
        low, high = np.percentile(pitches, [5, 95])
        values += [float(low), float(pitches.mean()), float(high)]
    return np.array(values)


def _spacing(piece: Piece) -> NDArray[np.float64]:
    """Mean and standard deviation of the distance of neighbouring voices; (2 (V - 1),)."""
    values: list[float] = []
    grid = piece.grid
    for upper in range(grid.shape[1] - 1):
        both = (grid[:, upper] != SILENCE) & (grid[:, upper + 1] != SILENCE)
        distance = (grid[both, upper] - grid[both, upper + 1]) if both.any() else np.zeros(1)
        values += [float(distance.mean()), float(distance.std())]
    return np.array(values)


FEATURES: tuple[Feature, ...] = (
    Feature("pitch_class_entropy", "bits, by sounding time", "own", _pitch_class_entropy),
    Feature(
        "pitch_class_fourier",
        "sizes of the six Fourier coefficients of the pitch classes",
        "each",
        _pitch_class_fourier,
    ),
    Feature("intervals", "melodic intervals of -12..12 semitones", "shares", _intervals),
    Feature("sonorities", "intervals above the lowest note", "shares", _sonorities),
    Feature("durations", "nine classes from a sixteenth upwards", "shares", _durations),
    Feature("note_density", "notes per quarter and voice", "own", _note_density),
    Feature("onset_places", "sixteenths of the quarter", "shares", _onset_places),
    Feature("onsets_together", "share of the voices that begin at an onset", "own", _together),
    Feature("groove", "agreement of the onsets of neighbouring bars", "own", _groove),
    Feature("silence", "share of the grid", "own", _silence),
    Feature(
        "self_similarity",
        f"cosine of pitch classes at {', '.join(map(str, LAGS))} quarters",
        "each",
        _self_similarity,
    ),
    Feature("repetition", "two-quarter textures that come back", "own", _repetition),
    Feature("ranges", "low, mean and high of each voice", "each", _ranges, by_voice=True),
    Feature("spacing", "distance of neighbouring voices", "each", _spacing, by_voice=True),
)
