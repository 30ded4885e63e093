"""How far a set of generated pieces lies from a corpus, feature by feature.

Closeness to the corpus is what is measured: a set whose entropy is higher than the corpus's
is as far off as one whose entropy is lower by as much.

A distance between two sets is never 0, not even between two halves of one corpus. So each
distance stands beside the corpus's own: k pieces of it are drawn at random, k others beside
them, and both these and k generated pieces are compared with the first k; again and again.
The ratio of the two distances is about 1 for a set that could be the corpus's.

For one number a piece the distance is Wasserstein's (how far the values must be moved on
average), in standard deviations of the corpus. For rows of numbers it is the energy distance
after Székely and Rizzo. Beside it stands the overlapping area after Yang and Lerch: of the
density of distances within the corpus and of that of distances from the set to the corpus,
1 where they agree.

References
----------
Yang, L.-C., & Lerch, A. (2018). On the evaluation of generative models in music. Neural
Computing and Applications, 32, 4773-4784. doi:10.1007/s00521-018-3849-7.
Székely, G. J., & Rizzo, M. L. (2013). Energy statistics: A class of statistics based on
distances. Journal of Statistical Planning and Inference, 143(8), 1249-1272.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.metrics.features import FEATURES, Feature

Values = Mapping[str, NDArray[np.float64]]

FEWEST_PIECES = 5
_KDE_BINS = 256


@dataclass(frozen=True)
class FeatureDistance:
    """One feature of a set beside a corpus.

    Attributes
    ----------
    feature : str
    distance, floor : float
        Mean over the draws, of the set to the corpus and of the corpus to itself.
    ratio, ratio_low, ratio_high : float
        Distance over the mean floor, and the 2.5th and 97.5th percentile over the draws.
    floor_high : float
        97.5th percentile of the floor over its mean: ratios below it say nothing.
    overlap, floor_overlap : float
        Overlapping area, 0..1; mean over the draws.
    n_pieces : int
        k, the pieces in each of the sets compared.
    """

    feature: str
    distance: float
    floor: float
    ratio: float
    ratio_low: float
    ratio_high: float
    floor_high: float
    overlap: float
    floor_overlap: float
    n_pieces: int


def compare_sets(
    generated: Sequence[Values],
    corpus: Sequence[Values],
    rng: np.random.Generator,
    *,
    n_draws: int = 50,
) -> tuple[FeatureDistance, ...]:
    """Compare a set of pieces with a corpus.

    Parameters
    ----------
    generated, corpus : sequence of mappings
        Of pieces, each from `hybrid.metrics.features.features_of`.
    rng : np.random.Generator
        Draws the pieces.
    n_draws : int

    Returns
    -------
    tuple of FeatureDistance
        In the order of `FEATURES`; features by voice only where all pieces have the same
        number of voices.

    Raises
    ------
    ConfigError
        If there are fewer than 5 generated pieces or 10 of the corpus.
    """
    k = min(len(generated), len(corpus) // 2)
    if k < FEWEST_PIECES:
        raise ConfigError(
            f"compare_sets needs {FEWEST_PIECES} generated pieces and {2 * FEWEST_PIECES} of the "
            f"corpus, got {len(generated)} and {len(corpus)}"
        )
    orders = [rng.permutation(len(corpus)) for _ in range(n_draws)]
    chosen = [rng.choice(len(generated), size=k, replace=False) for _ in range(n_draws)]
    results = []
    for feature in FEATURES:
        made = [values[feature.name] for values in generated]
        real = [values[feature.name] for values in corpus]
        if len({len(row) for row in (*made, *real)}) > 1:
            if feature.by_voice:
                continue
            raise ConfigError(f"{feature.name} must have one length in all pieces")
        x, y = scaled(feature, np.stack(made), np.stack(real))
        # All distances once; draws only pick from them.
        xx, xy, yy = (pairwise_distances(*pair) for pair in ((x, x), (x, y), (y, y)))
        rows = []
        for order, picked in zip(orders, chosen, strict=True):
            first, second = order[:k], order[k : 2 * k]
            within = yy[np.ix_(first, first)]
            made_between, real_between = xy[np.ix_(picked, first)], yy[np.ix_(second, first)]
            if feature.scale == "own":
                distance = wasserstein(x[picked, 0], y[first, 0])
                floor = wasserstein(y[second, 0], y[first, 0])
            else:
                distance = energy_distance(xx[np.ix_(picked, picked)], made_between, within)
                floor = energy_distance(yy[np.ix_(second, second)], real_between, within)
            rows.append(
                (
                    distance,
                    floor,
                    overlapping_area(made_between, within),
                    overlapping_area(real_between, within),
                )
            )
        table = np.array(rows)
        distance, floor, overlap, floor_overlap = table.mean(axis=0).tolist()
        # Where the corpus is all alike (no piece has a rest), any difference is infinite.
        ratios = table[:, 0] / floor if floor else np.where(table[:, 0] > 0, np.inf, 1.0)
        results.append(
            FeatureDistance(
                feature=feature.name,
                distance=distance,
                floor=floor,
                ratio=float(ratios.mean()),
                ratio_low=float(np.quantile(ratios, 0.025, method="lower")),
                ratio_high=float(np.quantile(ratios, 0.975, method="higher")),
                floor_high=float(np.percentile(table[:, 1], 97.5)) / floor if floor else 1.0,
                overlap=overlap,
                floor_overlap=floor_overlap,
                n_pieces=k,
            )
        )
    return tuple(results)


def scaled(
    feature: Feature, made: NDArray[np.float64], real: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of both sets, (n, D), in the feature's scale; units are the corpus's."""
    if feature.scale == "shares":
        return np.sqrt(made), np.sqrt(real)
    deviation = real.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return made / deviation, real / deviation


def wasserstein(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Wasserstein-1 distance of two samples of numbers, of any sizes.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    5.0
    """
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)
    return float((np.abs(cdf_x - cdf_y) * np.diff(points)).sum())


def pairwise_distances(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances of the rows of x, (n, D), and y, (m, D); (n, m)."""
    distances: NDArray[np.float64] = np.linalg.norm(x[:, None, :] - y[None, :, :], axis=2)
    return distances


def energy_distance(
    within_x: NDArray[np.float64], between: NDArray[np.float64], within_y: NDArray[np.float64]
) -> float:
    """Energy distance of two samples from their distances, (n, n), (n, m) and (m, m)."""
    squared = 2 * between.mean() - within_x.mean() - within_y.mean()
    # Of equal samples it is 0, which rounding can miss on either side.
    return float(np.sqrt(max(0.0, squared)))


def overlapping_area(between: NDArray[np.float64], within: NDArray[np.float64]) -> float:
    """Overlap of the densities of distances within a set and to it; 0..1.

    Parameters
    ----------
    between : np.ndarray, shape (n, m)
        From the other set to this one.
    within : np.ndarray, shape (m, m)
        Of this set; each pair counts once and none with itself.

    Notes
    -----
    Densities are Gaussian kernel estimates with Scott's bandwidth, over distances that are
    first counted in 256 bins.
    """
    samples = (within[np.triu_indices(len(within), k=1)], between.reshape(-1))
    low = min(sample.min() for sample in samples)
    high = max(sample.max() for sample in samples)
    if high - low < 1e-12:
        return 1.0
    widths = [max(sample.std() * len(sample) ** -0.2, 1e-3 * high) for sample in samples]
    margin = 4 * max(widths)
    edges = np.linspace(low - margin, high + margin, _KDE_BINS + 1)
    step = edges[1] - edges[0]
    offsets = np.arange(-_KDE_BINS, _KDE_BINS + 1) * step
    shares = []
    for sample, width in zip(samples, widths, strict=True):
        counts, _ = np.histogram(sample, bins=edges)
        kernel = np.exp(-0.5 * (offsets / width) ** 2)
        density = np.convolve(counts, kernel)[_KDE_BINS:-_KDE_BINS]
        shares.append(density / density.sum())
    return float(np.minimum(*shares).sum())
