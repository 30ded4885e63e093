"""Exact search and exact sampling on a row of candidate sets.

A path takes one candidate of each set; its cost is the sum of what its candidates and its
steps cost. Forward sums and backward draws give a path with probability proportional to
exp(-cost / temperature) among the paths without a forbidden step: no luck is needed to find
one, and none is found only where none exists.

References
----------
Rabiner, L. (1989). A tutorial on hidden Markov models. Proc. IEEE, 77(2), 257-286.
Fruhwirth-Schnatter, S. (1994). Data augmentation and dynamic linear models. J. Time Series
Analysis, 15(2), 183-202. (forward filtering, backward sampling)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]


@dataclass(frozen=True)
class Path:
    """A drawn path.

    Attributes
    ----------
    index : tuple of int
        Candidate taken in each set.
    probability : tuple of float
        Of each candidate given the ones after it.
    cost : float
        Sum of all costs of the path.
    """

    index: tuple[int, ...]
    probability: tuple[float, ...]
    cost: float


class Blocked(Exception):
    """No path exists; ``at`` is the first set that none reaches."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no way into event {at}")
        self.at = at


def draw_path(
    unary: Sequence[Costs],
    step: Callable[[int], Costs],
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> Path:
    """Draw a path from the Gibbs distribution of its cost.

    Parameters
    ----------
    unary : sequence of np.ndarray
        Cost of each candidate of each set; inf forbids it.
    step : callable
        ``step(i)`` gives the cost of each candidate of set i - 1 with each of set i.
    rng : np.random.Generator
    temperature : float
        Above 0; the smaller, the closer to the cheapest path.

    Raises
    ------
    Blocked
        If there is no path.
    """
    forward: list[Costs] = []
    steps: list[Costs | None] = [None]
    for place, costs in enumerate(unary):
        local = -costs / temperature
        if place:
            pair = step(place)
            steps.append(pair)
            local = local + _log_sum(forward[-1][:, None] - pair / temperature)
        if not len(local) or not np.isfinite(local).any():
            raise Blocked(place)
        forward.append(local)
    index = [0] * len(unary)
    chance = [0.0] * len(unary)
    weight = forward[-1]
    total = 0.0
    for place in range(len(unary) - 1, -1, -1):
        onward = steps[place + 1] if place < len(unary) - 1 else None
        if onward is not None:
            weight = forward[place] - onward[:, index[place + 1]] / temperature
        index[place], chance[place] = _draw(weight, rng)
        total += float(unary[place][index[place]])
        if onward is not None:
            total += float(onward[index[place], index[place + 1]])
    return Path(tuple(index), tuple(chance), total)


def _log_sum(values: Costs) -> Costs:
    """log of the sum of exponentials over axis 0."""
    top = values.max(axis=0)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        result: Costs = np.log(np.exp(values - safe[None, :]).sum(axis=0)) + safe
    return result


def _draw(weight: Costs, rng: np.random.Generator) -> tuple[int, float]:
    mass = np.exp(weight - weight.max())
    total = np.cumsum(mass)
    place = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    place = min(place, len(mass) - 1)
    return place, float(mass[place] / total[-1])


def reachable(unary: Sequence[Costs], step: Callable[[int], Costs]) -> list[NDArray[np.bool_]]:
    """Candidates of each set that lie on some path; all False where there is none."""
    steps: list[NDArray[np.bool_] | None] = [None]
    masks = [np.isfinite(costs) for costs in unary]
    for place in range(1, len(unary)):
        allowed = np.isfinite(step(place))
        steps.append(allowed)
        masks[place] &= (masks[place - 1][:, None] & allowed).any(axis=0)
    for place in range(len(unary) - 2, -1, -1):
        allowed_next = steps[place + 1]
        assert allowed_next is not None
        masks[place] &= (allowed_next & masks[place + 1][None, :]).any(axis=1)
    return masks
