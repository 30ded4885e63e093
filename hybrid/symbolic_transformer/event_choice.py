"""Drawing one part of the next event for all rows: what limits leave, what wishes prefer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
#: A limit's name and what it leaves open, (B, V).
Named = tuple[str, Mask]


@dataclass(frozen=True)
class Choice:
    """What was drawn.

    Attributes
    ----------
    value : np.ndarray, shape (B,), int64
        Without meaning where nothing was open.
    weight : np.ndarray, shape (B,), float64
        Logarithm of the probability mass that limits leave, each value's mass multiplied by
        what wishes say of it; minus infinity where nothing is open.
    probability : np.ndarray, shape (B,), float64
        Of the value under the model alone, at the temperature.
    rejected : np.ndarray, shape (B,), int64
        Values of the model's own nucleus that limits shut.
    """

    value: Ints
    weight: Floats
    probability: Floats
    rejected: Ints


def choose(
    logits: NDArray[np.floating],
    possible: Mask,
    limits: Sequence[Named],
    wishes: Sequence[Floats],
    draws: Floats,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Choice:
    """Draw a value for each row.

    Parameters
    ----------
    logits : np.ndarray, shape (B, V)
    possible : np.ndarray, shape (B, V), bool
        Other values are none at this place (they come before in the order of events) and take
        no probability. One or more a row.
    limits : sequence of (str, np.ndarray of shape (B, V), bool)
    wishes : sequence of np.ndarray, shape (B, V), float64
        Added to the logits.
    draws : np.ndarray, shape (B,), float64
        Uniform in [0, 1).
    temperature, top_p : float
        The distribution is sharpened, then cut to its fewest values that hold ``top_p``. The
        weight is that of the uncut distribution.

    Examples
    --------
    >>> logits = np.log([[0.5, 0.3, 0.2]])
    >>> shut_first = ("range", np.array([[False, True, True]]))
    >>> made = choose(logits, logits < 0, [shut_first], [], np.array([0.9]))
    >>> int(made.value[0]), round(float(np.exp(made.weight[0])), 6), int(made.rejected[0])
    (2, 0.5, 1)
    """
    scores = logits.astype(np.float64) / temperature
    values = np.arange(scores.shape[1])
    scores = np.where(possible, scores, -np.inf)
    scores -= scores.max(1, keepdims=True)
    mass = np.exp(scores)
    mass /= mass.sum(1, keepdims=True)
    open_ = possible
    for _, mask in limits:
        open_ = open_ & mask
    shaped = mass
    for wish in wishes:
        shaped = shaped * np.exp(wish)
    shaped = np.where(open_, shaped, 0.0)
    total = shaped.sum(1)
    alive = total > 0
    share = shaped / np.where(alive, total, 1.0)[:, None]
    kept = np.where(nucleus(share, top_p), share, 0.0)
    along = kept.cumsum(1)
    value = (along <= (draws * along[:, -1])[:, None]).sum(1)
    value = np.minimum(value, len(values) - 1)
    every = np.arange(len(value))
    with np.errstate(divide="ignore"):
        weight = np.where(alive, np.log(total), -np.inf)
    rejected = np.zeros(len(value), np.int64)
    shut = possible & ~open_ if limits else None
    if shut is not None and shut.any():
        rejected = (nucleus(mass, top_p) & shut).sum(1)
    return Choice(value, weight, mass[every, value], rejected)


def nucleus(share: Floats, top_p: float) -> Mask:
    """The fewest values of each row that hold a share of its mass, (B, V)."""
    if top_p >= 1:
        return share > 0
    order = np.sort(share, 1)[:, ::-1]
    before = order.cumsum(1) - order
    # The least of the values that come before the share is full.
    last = np.where(before < top_p, order, np.inf).min(1)
    found: Mask = (share >= last[:, None]) & (share > 0)
    return found


def blame(row: int, possible: Mask, limits: Sequence[Named]) -> tuple[str, ...]:
    """Names of limits that together leave a row nothing, none of them needlessly.

    Examples
    --------
    >>> a, b = ("a", np.array([[True, False]])), ("b", np.array([[False, True]]))
    >>> blame(0, a[1] | b[1], [("c", np.array([[True, True]])), a, b])
    ('a', 'b')
    """
    kept = list(limits)

    def leaves(some: Sequence[Named]) -> bool:
        open_ = possible[row]
        for _, mask in some:
            open_ = open_ & mask[row]
        return bool(open_.any())

    if not limits or leaves(kept):
        return ()
    for item in list(limits):
        fewer = [other for other in kept if other is not item]
        if not leaves(fewer):
            kept = fewer
    return tuple(dict.fromkeys(name for name, _ in kept))


def effective(weights: Floats) -> float:
    """Effective number of rows: how many equal ones would say as much.

    References
    ----------
    Kong, A., Liu, J. S., Wong, W. H. (1994). Sequential imputations and Bayesian missing data
        problems. Journal of the American Statistical Association, 89, 278-288.
    """
    top = weights.max()
    if not np.isfinite(top):
        return 0.0
    share = np.exp(weights - top)
    share /= share.sum()
    return float(1.0 / (share**2).sum())


def resample(weights: Floats, n_rows: int, draw: float) -> Ints:
    """Rows drawn anew by their weights, systematically: as evenly as one draw allows.

    References
    ----------
    Doucet, A., Johansen, A. M. (2009). A tutorial on particle filtering and smoothing: fifteen
        years later. Handbook of Nonlinear Filtering.
    """
    share = np.exp(weights - weights.max())
    along = share.cumsum() / share.sum()
    places = (np.arange(n_rows) + draw) / n_rows
    found: Ints = np.minimum(np.searchsorted(along, places, side="right"), len(weights) - 1)
    return found


__all__ = ["Choice", "Named", "blame", "choose", "effective", "nucleus", "resample"]
