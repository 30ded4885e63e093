"""How far a set of sounds lies from another, in the space of an embedding.

Any function that turns sound into rows of numbers can be the embedding; the distances take the
rows.

References
----------
Kilgour, K., Zuluaga, M., Roblek, D., & Sharifi, M. (2019). Fréchet audio distance: A
reference-free metric for evaluating music enhancement algorithms. Interspeech.
arXiv:1812.08466.
Chong, M. J., & Forsyth, D. (2020). Effectively unbiased FID and inception score and where to
find them. CVPR. arXiv:1911.07023.
Gui, A., Gamper, H., Braun, S., & Emmanouilidou, D. (2024). Adapting Fréchet audio distance for
generative music evaluation. ICASSP. arXiv:2311.01616.
Chung, Y., Eu, P., Lee, J., Choi, K., Nam, J., & Chon, B. S. (2025). KAD: No more FAD! An
effective and efficient evaluation metric for audio generation. arXiv:2502.15602.
Gretton, A., et al. (2012). A kernel two-sample test. Journal of Machine Learning Research, 13.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_spectra import mel_filters, spectra

_ROWS = 2048  # of the kernel's matrix at a time


class Embedding(Protocol):
    """Turns sound into rows of numbers.

    Attributes
    ----------
    name : str
        Stands beside every distance: distances in different embeddings cannot be compared.
    """

    name: str

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        """Rows (T, D), one for each stretch of the sound."""


class MelStatistics:
    """Mean and deviation of 48 log-mel bands over each second: what needs no training.

    It hears timbre and level, nothing of music; it is neither VGGish nor learned.
    """

    name = "mel-statistics"
    _N_FFT, _HOP, _BANDS = 2048, 512, 48

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        filters = mel_filters(audio.sample_rate, self._N_FFT, self._BANDS).T
        mono = audio.samples.mean(axis=0, keepdims=True)
        parts = [
            np.square(np.abs(part[0]) * (2 / self._N_FFT)) @ filters
            for part in spectra(mono, self._N_FFT, self._HOP)
        ]
        levels = 10 * np.log10(np.maximum(np.concatenate(parts), 1e-10))  # (frames, bands)
        length = max(1, round(audio.sample_rate / self._HOP))
        n_rows = max(1, len(levels) // length)
        groups = np.array_split(levels[: max(n_rows * length, 1)], n_rows)
        return np.array(
            [np.concatenate([group.mean(axis=0), group.std(axis=0)]) for group in groups],
            dtype=np.float64,
        )


def embed_set(sounds: Iterable[Audio], embedding: Embedding) -> NDArray[np.float64]:
    """Rows of all sounds, one under the other.

    Raises
    ------
    ConfigError
        If there is no sound.
    """
    rows = [embedding(sound) for sound in sounds]
    if not rows:
        raise ConfigError("a set must have at least one sound, got none")
    return np.concatenate(rows)


def frechet_distance(reference: NDArray[Any], estimate: NDArray[Any]) -> float:
    """Fréchet distance (squared 2-Wasserstein) of two Gaussians fitted to rows.

    Parameters
    ----------
    reference, estimate : np.ndarray, shapes (N, D) and (M, D)
        At least two rows each. With few rows against D the distance comes out too large
        (`frechet_infinite`).

    Raises
    ------
    ConfigError
        If there are too few rows, the widths differ, or a value is not finite.
    """
    _check_rows(reference, estimate)
    return gaussian_distance(
        reference.mean(axis=0),
        np.cov(reference, rowvar=False).reshape(reference.shape[1], -1),
        estimate.mean(axis=0),
        np.cov(estimate, rowvar=False).reshape(estimate.shape[1], -1),
    )


def gaussian_distance(
    mean: NDArray[Any], covariance: NDArray[Any], mean_2: NDArray[Any], covariance_2: NDArray[Any]
) -> float:
    """|m - m2|^2 + tr(S + S2 - 2 (S S2)^(1/2)); never under 0."""
    # The square root of S S2 has the trace of that of R S2 R, with R the root of S: symmetric.
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ covariance_2 @ root)
    cross = np.sqrt(np.maximum(inner, 0)).sum()
    apart = np.asarray(mean) - np.asarray(mean_2)
    traces = np.trace(covariance) + np.trace(covariance_2)
    return max(0.0, float(apart @ apart + traces - 2 * cross))


@dataclass(frozen=True)
class FrechetEstimate:
    """A Fréchet distance with that of an endless sample.

    Attributes
    ----------
    distance : float
        Of all rows there are.
    infinite : float
        Where the line over 1/n ends at 0; may be under 0 by chance.
    fit : float
        Share of the variance that the line explains, 0..1; a bad fit says that the line says
        little.
    """

    distance: float
    infinite: float
    fit: float


def frechet_infinite(
    reference: NDArray[Any],
    estimate: NDArray[Any],
    rng: np.random.Generator,
    n_points: int = 15,
) -> FrechetEstimate:
    """Distance of an endless sample of the estimate to the reference as it is.

    Subsets of the estimate of growing size n are drawn; the distance falls as a + b / n.

    Parameters
    ----------
    reference, estimate : np.ndarray, shapes (N, D) and (M, D)
    rng : np.random.Generator
        Draws the subsets.
    n_points : int
        Sizes, from a fifth of the rows (or 2 D, where that is more and there are as many) to all.

    Raises
    ------
    ConfigError
        As `frechet_distance`, or with fewer than 10 rows or 3 points.
    """
    _check_rows(reference, estimate)
    if len(estimate) < 10 or n_points < 3:
        raise ConfigError(
            f"frechet_infinite must have 10 rows and 3 points, got {len(estimate)}, {n_points}"
        )
    smallest = max(len(estimate) // 5, min(2 * estimate.shape[1], len(estimate) // 2), 2)
    # Evenly spaced in 1/n, so that no end of the line outweighs the other.
    sizes = np.round(1 / np.linspace(1 / smallest, 1 / len(estimate), n_points)).astype(int)
    distances = np.array(
        [
            frechet_distance(reference, estimate[rng.choice(len(estimate), size, replace=False)])
            for size in sizes.tolist()
        ]
    )
    slope, end = np.polyfit(1 / sizes, distances, 1)
    spread = float(np.square(distances - distances.mean()).sum())
    rest = float(np.square(distances - (end + slope / sizes)).sum())
    fit = 1 - rest / spread if spread else 1.0
    return FrechetEstimate(frechet_distance(reference, estimate), float(end), fit)


def kernel_distance(
    reference: NDArray[Any], estimate: NDArray[Any], bandwidth: float | None = None
) -> float:
    """Unbiased squared maximum mean discrepancy under a Gaussian kernel exp(-|x-y|^2 / 2 s^2).

    Parameters
    ----------
    reference, estimate : np.ndarray, shapes (N, D) and (M, D)
        At least two rows each.
    bandwidth : float, optional
        s; the median distance of the reference's rows where left out.

    Returns
    -------
    float
        About 0 for two samples of one distribution, below it by chance; not scaled.

    Raises
    ------
    ConfigError
        As `frechet_distance`, or if the bandwidth is not over 0.
    """
    _check_rows(reference, estimate)
    width = median_distance(reference) if bandwidth is None else bandwidth
    if not width > 0:
        raise ConfigError(f"bandwidth must be over 0, got {width}")
    n, m = len(reference), len(estimate)
    # A row's kernel with itself is 1 and does not count.
    inside = (_kernel_sum(reference, reference, width) - n) / (n * (n - 1))
    inside += (_kernel_sum(estimate, estimate, width) - m) / (m * (m - 1))
    return inside - 2 * _kernel_sum(reference, estimate, width) / (n * m)


def median_distance(rows: NDArray[Any], most: int = 2000) -> float:
    """Median Euclidean distance between rows, of at most ``most`` evenly chosen ones."""
    chosen = rows[:: max(1, -(-len(rows) // most))]
    apart = _squares(chosen, chosen)[np.triu_indices(len(chosen), 1)]
    return float(np.sqrt(np.median(apart)))


def _kernel_sum(rows: NDArray[Any], others: NDArray[Any], width: float) -> float:
    total = 0.0
    for start in range(0, len(rows), _ROWS):
        part = _squares(rows[start : start + _ROWS], others)
        total += float(np.exp(part / (-2 * width * width)).sum())
    return total


def _squares(rows: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    rows, others = rows.astype(np.float64), others.astype(np.float64)
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * rows @ others.T
    apart: NDArray[np.float64] = np.maximum(squares, 0.0)
    return apart


def _check_rows(reference: NDArray[Any], estimate: NDArray[Any]) -> None:
    for rows in (reference, estimate):
        if rows.ndim != 2 or len(rows) < 2:
            raise ConfigError(f"a set must have two rows (T, D) or more, got {rows.shape}")
        if not np.isfinite(rows).all():
            raise ConfigError("rows of an embedding must be finite, got nan or inf")
    if reference.shape[1] != estimate.shape[1]:
        raise ConfigError(
            f"both sets must have rows of one width, got {reference.shape[1]} and "
            f"{estimate.shape[1]}"
        )
