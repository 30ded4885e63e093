"""Four searches with one purse: random draws, a genetic algorithm, a swarm, annealing.

Each gets the same number of evaluations of the cost, and every evaluation counts, the first ones as
well. What a search looks like now and then is kept for the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hybrid.history.search_cost import Array, HarmonyCost, Places

#: Harmonisations shown at a look, and looks at each search.
SHOWN, LOOKS = 12, 40
#: Most changes that annealing works out at once.
BATCH = 64


@dataclass(frozen=True, eq=False)
class Look:
    """A search at one moment.

    Attributes
    ----------
    evaluations : int
        So far.
    members : array of int, shape (m, n, 3)
        At most `SHOWN` of what it holds: draws, a population, a swarm, the last states.
    looseness : float
        How far it is from frozen, as a share of the beginning: the spread of a population, the
        temperature of annealing.
    words : str
        A few words on its state.
    """

    evaluations: int
    members: Places
    looseness: float
    words: str


class SpentError(Exception):
    """The purse is empty."""


@dataclass(eq=False)
class Purse:
    """Evaluations that a search may still use, and the best that came of them.

    Attributes
    ----------
    cost : HarmonyCost
    allowed : int
    best : array of int, shape (n, 3), or None
    curve : list of float
        The best cost after each evaluation.
    """

    cost: HarmonyCost
    allowed: int
    best: Places | None = None
    curve: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    @property
    def used(self) -> int:
        """Evaluations so far."""
        return len(self.curve)

    @property
    def best_cost(self) -> float:
        """The least cost so far."""
        return self.curve[-1] if self.curve else float("inf")

    def evaluate(self, places: Places) -> Array:
        """Costs of harmonisations; what goes beyond the purse is not looked at and costs infinity.

        Raises
        ------
        SpentError
            If nothing is left.
        """
        left = self.allowed - self.used
        if left <= 0:
            raise SpentError
        costs = np.full(len(places), np.inf)
        costs[:left] = self.cost(places[:left])
        for row, value in enumerate(costs[:left].tolist()):
            if value < self.best_cost:
                self.best = places[row].copy()
            self.curve.append(min(value, self.best_cost))
        return costs

    def first_taken(
        self, places: Places, takes: Callable[[Array], NDArray[np.bool_]]
    ) -> tuple[int, float]:
        """Look at harmonisations one after another until one is taken.

        Their costs are worked out together, for that is quicker; only those up to the one that is
        taken are looked at and paid for.

        Parameters
        ----------
        places : array of int, shape (P, n, 3)
        takes : callable
            Costs (P,) to whether each would be taken.

        Returns
        -------
        (int, float)
            Which one, -1 for none, and its cost.

        Raises
        ------
        SpentError
            If nothing is left.
        """
        left = self.allowed - self.used
        if left <= 0:
            raise SpentError
        costs = self.cost(places[:left])
        taken = np.flatnonzero(takes(costs))
        n_seen = int(taken[0]) + 1 if len(taken) else len(costs)
        for row, value in enumerate(costs[:n_seen].tolist()):
            if value < self.best_cost:
                self.best = places[row].copy()
            self.curve.append(min(value, self.best_cost))
        return (n_seen - 1, float(costs[n_seen - 1])) if len(taken) else (-1, 0.0)

    def look(self, members: Places, looseness: float, words: str) -> None:
        """Keep a look, if one is due."""
        if self.used * LOOKS >= len(self.looks) * self.allowed:
            self.looks.append(Look(self.used, members[:SHOWN].copy(), looseness, words))


def draw(cost: HarmonyCost, number: int, rng: np.random.Generator) -> Places:
    """Harmonisations at random, (number, n, 3): each voice anywhere on its scale."""
    return rng.integers(0, cost.sizes, size=(number, *cost.sizes.shape))


def _spread(places: Places) -> float:
    """Mean deviation of the members' places."""
    return float(places.std(axis=0).mean())


def random_search(purse: Purse, rng: np.random.Generator, size: int = 100) -> None:
    """Draw again and again; the baseline."""
    while True:
        members = draw(purse.cost, size, rng)
        purse.evaluate(members)
        purse.look(members, 1.0, "all drawn anew")


def genetic_algorithm(
    purse: Purse, rng: np.random.Generator, size: int = 80, mutation: float = 1.0
) -> None:
    """Tournaments of three, one cut between two chords, mutation by steps; the two best live on.

    Parameters
    ----------
    purse : Purse
    rng : np.random.Generator
    size : int
        Of the population.
    mutation : float
        Mean number of genes that change in a child.

    References
    ----------
    Holland, J. H. (1975). Adaptation in Natural and Artificial Systems. University of Michigan
    Press.
    McIntyre, R. A. (1994). Bach in a box: the evolution of four part baroque harmony using the
    genetic algorithm. Proc. IEEE Conference on Evolutionary Computation, 852-857.
    """
    cost = purse.cost
    members = draw(cost, size, rng)
    costs = purse.evaluate(members)
    start = _spread(members)
    generation = 0
    while True:
        order = np.argsort(costs, kind="stable")
        share = _spread(members) / start
        words = f"generation {generation}, mean cost {np.mean(costs[np.isfinite(costs)]):.1f}"
        purse.look(members[order], share, words)
        rivals = rng.integers(0, size, size=(2, size - 2, 3))
        parents = np.take_along_axis(rivals, costs[rivals].argmin(axis=2)[:, :, None], axis=2)
        mother, father = members[parents[0, :, 0]], members[parents[1, :, 0]]
        cut = rng.integers(1, cost.n_chords, size=size - 2)
        is_left = np.arange(cost.n_chords)[None, :, None] < cut[:, None, None]
        children = np.where(is_left, mother, father)
        change = rng.random(children.shape) < mutation / (cost.sizes.size)
        # Half of the mutations are steps, half go anywhere.
        steps = children + rng.integers(-2, 3, size=children.shape)
        anywhere = rng.integers(0, cost.sizes, size=children.shape)
        changed = np.where(rng.random(children.shape) < 0.5, steps, anywhere)
        children = np.clip(np.where(change, changed, children), 0, cost.sizes - 1)
        members = np.concatenate([members[order[:2]], children])
        # The two best are known; only children are paid for.
        costs = np.concatenate([costs[order[:2]], purse.evaluate(children)])
        generation += 1


def particle_swarm(purse: Purse, rng: np.random.Generator, size: int = 40) -> None:
    """Particles fly towards their own best place and the swarm's; places are rounded to the scale.

    With the constriction of Clerc and Kennedy: inertia 0.7298, pulls of 1.4962.

    References
    ----------
    Kennedy, J., & Eberhart, R. (1995). Particle swarm optimization. Proc. IEEE International
    Conference on Neural Networks, 1942-1948.
    Clerc, M., & Kennedy, J. (2002). The particle swarm: explosion, stability, and convergence in a
    multidimensional complex space. IEEE Transactions on Evolutionary Computation 6(1), 58-73.
    """
    cost = purse.cost
    top = cost.sizes - 1e-9
    place = rng.random((size, *cost.sizes.shape)) * cost.sizes
    speed = (rng.random(place.shape) - 0.5) * cost.sizes * 0.5
    own, own_cost = place.copy(), purse.evaluate(place.astype(np.int64))
    start = _spread(place.astype(np.int64))
    flight = 0
    while True:
        leader = int(own_cost.argmin())
        members = place.astype(np.int64)
        share = _spread(members) / start
        purse.look(
            members[np.argsort(own_cost, kind="stable")],
            share,
            f"flight {flight}, mean speed {np.abs(speed).mean():.2f} scale steps",
        )
        pulls = rng.random((2, *place.shape))
        speed = 0.7298 * speed + 1.4962 * (
            pulls[0] * (own - place) + pulls[1] * (own[leader] - place)
        )
        limit = cost.sizes * 0.5
        speed = np.clip(speed, -limit, limit)
        place = place + speed
        # What flies against the end of a scale stops there.
        hit = (place < 0) | (place > top)
        place, speed = np.clip(place, 0, top), np.where(hit, 0.0, speed)
        costs = purse.evaluate(place.astype(np.int64))
        better = costs < own_cost
        own[better], own_cost[better] = place[better], costs[better]
        flight += 1


def simulated_annealing(
    purse: Purse, rng: np.random.Generator, hot: float = 3.0, cold: float = 0.05
) -> None:
    """One harmonisation, one voice changed at a time; worse is taken with chance exp(-more / T).

    The temperature falls by an equal share at every step, from ``hot`` to ``cold`` when the purse
    is empty.

    References
    ----------
    Kirkpatrick, S., Gelatt, C. D., & Vecchi, M. P. (1983). Optimization by simulated annealing.
    Science 220, 671-680.
    """
    cost = purse.cost
    state = draw(cost, 1, rng)[0]
    now = float(purse.evaluate(state[None])[0])
    history = [state]
    n_taken = since = 0
    while True:
        share = purse.used / purse.allowed
        temperature = hot * (cold / hot) ** share
        purse.look(
            np.array(history[::-1]),
            temperature / hot,
            f"temperature {temperature:.2f}, {n_taken} of {purse.used} changes taken",
        )
        number = min(BATCH, 1 + 2 * since)
        changed = np.repeat(state[None], number, axis=0)
        rows = np.arange(number)
        chord = rng.integers(0, cost.n_chords, size=number)
        voice = rng.integers(0, 3, size=number)
        size = cost.sizes[chord, voice]
        sign = np.where(rng.random(number) < 0.5, 1, -1)
        near = changed[rows, chord, voice] + sign * rng.integers(1, 3, size=number)
        is_near = rng.random(number) < 0.5
        place = np.where(is_near, np.clip(near, 0, size - 1), rng.integers(0, size))
        changed[rows, chord, voice] = place
        heat = hot * (cold / hot) ** ((purse.used + rows) / purse.allowed)
        luck = -np.log(rng.random(number)) * heat
        taken, value = purse.first_taken(changed, partial(_takes, now, luck))
        since = since + number if taken < 0 else taken
        if taken >= 0:
            state, now = changed[taken], value
            n_taken += 1
            history = [*history[-(SHOWN - 1) :], state]


def _takes(now: float, luck: Array, costs: Array) -> NDArray[np.bool_]:
    """Whether each cost would be taken: u < exp(-(cost - now) / T), as -T log u > cost - now."""
    result: NDArray[np.bool_] = costs - now <= luck[: len(costs)]
    return result


#: Searches by their short names: what people call them, and how they go.
METHODS: dict[str, tuple[str, Callable[..., None]]] = {
    "random": ("random search", random_search),
    "ga": ("genetic algorithm", genetic_algorithm),
    "pso": ("particle swarm", particle_swarm),
    "sa": ("simulated annealing", simulated_annealing),
}


def run_method(
    name: str, cost: HarmonyCost, evaluations: int, rng: np.random.Generator, **settings: float
) -> Purse:
    """Run a search of `METHODS` until its evaluations are used up.

    Returns
    -------
    Purse
        ``used`` is ``evaluations`` exactly.
    """
    purse = Purse(cost, evaluations)
    with suppress(SpentError):
        METHODS[name][1](purse, rng, **settings)
    return purse
