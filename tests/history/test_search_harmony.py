"""Harmony by search: every term of the cost, the purse, and each search against random draws.

Known answers: faults counted by hand in two or three chords; Metropolis's rule at its ends (cold:
never worse, hot: everything taken); one-point crossover, which brings no new gene; a slow count of
parallels beside the quick one.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.pitch import Key
from hybrid.history.choral_tune import load_tunes
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.history.search_cost import TERMS, HarmonyCost
from hybrid.history.search_harmony import some_phrases
from hybrid.history.search_methods import METHODS, Purse, SpentError, draw, run_method

C = Key.parse("C major")
NAMES = [term.name for term in TERMS]


def faults(
    *chords: tuple[int, int, int, int], ends: tuple[int, ...] = ()
) -> dict[str, list[float]]:
    """Unweighted faults of each term, chord by chord; the last chord ends a phrase."""
    is_end = [place in ends or place == len(chords) - 1 for place in range(len(chords))]
    cost = HarmonyCost([chord[0] for chord in chords], C, is_end)
    found = cost.faults(cost.places([[list(chord[1:]) for chord in chords]]))[0]
    return {
        term.name: [float(value) / term.weight for value in row]
        for term, row in zip(TERMS, found, strict=True)
    }


TONIC, DOMINANT, SIXTH = (72, 67, 64, 48), (71, 67, 62, 43), (72, 67, 60, 52)


def test_a_cadence_without_fault_costs_nothing() -> None:
    found = faults((72, 67, 64, 48), (71, 67, 62, 43), (72, 67, 64, 48))
    assert all(value == [0, 0, 0] for value in found.values())


#: Term, chords, and its faults at each of them.
KNOWN = [
    ("no chord", [TONIC, (71, 67, 60, 41), TONIC], [0, 1, 0]),
    ("no chord", [TONIC, (71, 67, 62, 41), TONIC], [0, 0, 0]),
    ("no chord", [TONIC, (71, 65, 60, 50), TONIC], [0, 1, 0]),
    ("spacing", [TONIC, (71, 57, 57, 43), TONIC], [0, 1, 0]),
    ("spacing", [TONIC, (71, 62, 67, 43), TONIC], [0, 2, 0]),
    ("leading tone twice", [TONIC, (71, 62, 59, 43), TONIC], [0, 1, 0]),
    ("parallels", [TONIC, (74, 69, 65, 50), TONIC], [0, 2, 2]),
    ("parallels", [TONIC, DOMINANT, TONIC], [0, 0, 0]),
    ("leaps", [TONIC, (71, 67, 55, 43), TONIC], [0, 1.25, 1.25]),
    ("leaps", [TONIC, (71, 67, 62, 55), TONIC], [0, 0, 0]),
    ("progression", [DOMINANT, (69, 65, 60, 53), DOMINANT], [0, 1, 0]),
    ("progression", [TONIC, DOMINANT, TONIC], [0, 0, 0]),
    ("leading tone falls", [(74, 71, 67, 55), TONIC, TONIC], [0, 1, 0]),
    ("leading tone falls", [(74, 71, 67, 55), (74, 72, 64, 48), TONIC], [0, 0, 0]),
    ("six-four", [TONIC, (72, 67, 64, 55), TONIC], [0, 1, 0]),
    ("six-four", [TONIC, SIXTH, TONIC], [0, 0, 0]),
    ("cadence", [DOMINANT, DOMINANT, TONIC], [1, 0, 0]),
    ("cadence", [TONIC, TONIC, TONIC], [0, 1, 0]),
    ("cadence", [TONIC, DOMINANT, SIXTH], [0, 0, 1]),
    ("all together", [TONIC, (74, 69, 65, 50), TONIC], [0, 1, 1]),
    ("standing still", [TONIC, TONIC, DOMINANT], [0, 1, 0]),
]


@pytest.mark.parametrize(("name", "chords", "expected"), KNOWN)
def test_each_term(
    name: str, chords: list[tuple[int, int, int, int]], expected: list[float]
) -> None:
    assert faults(*chords)[name] == pytest.approx(expected)


@cache
def problem() -> HarmonyCost:
    tune = load_tunes()["christus-der-ist-mein-leben"]
    slots = some_phrases(tune, 2)
    return HarmonyCost([slot.pitch for slot in slots], tune.key, [s.is_fermata for s in slots])


def test_parallels_against_a_slow_count() -> None:
    cost = problem()
    places = draw(cost, 40, np.random.default_rng(1))
    quick = cost.faults(places)[:, NAMES.index("parallels")].sum(axis=1) / 4.0
    for number, rows in enumerate(cost.pitches(places).tolist()):
        slow = 0
        for before, after in pairwise(rows):
            for upper, lower in combinations(range(4), 2):
                was, now = before[upper] - before[lower], after[upper] - after[lower]
                moved = before[upper] != after[upper] and before[lower] != after[lower]
                slow += moved and was % 12 == now % 12 and now % 12 in (0, 7)
        assert quick[number] == slow


def test_one_alone_costs_what_it_costs_among_others() -> None:
    cost = problem()
    places = draw(cost, 20, np.random.default_rng(2))
    assert np.array_equal(cost(places), [cost(places[n : n + 1])[0] for n in range(20)])
    assert cost(places) == pytest.approx(cost.faults(places).sum(axis=(1, 2)))


# --- The searches ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_each_uses_its_purse_to_the_last(name: str) -> None:
    cost = problem()
    purse = run_method(name, cost, 777, np.random.default_rng(1))
    assert purse.used == len(purse.curve) == 777
    assert (np.diff(purse.curve) <= 0).all()
    assert purse.best is not None
    assert cost(purse.best[None])[0] == purse.best_cost
    assert (purse.best >= 0).all()
    assert (purse.best < cost.sizes).all()
    again = run_method(name, cost, 777, np.random.default_rng(1))
    assert again.curve == purse.curve


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["ga", "pso", "sa"])
def test_each_beats_random_search_at_equal_evaluations(name: str, seed: int) -> None:
    cost = problem()
    found = run_method(name, cost, 2500, np.random.default_rng(seed))
    drawn = run_method("random", cost, 2500, np.random.default_rng(seed))
    assert found.used == drawn.used
    assert found.best_cost < 0.8 * drawn.best_cost


def test_the_purse_pays_for_what_is_looked_at() -> None:
    cost = problem()
    members = draw(cost, 6, np.random.default_rng(3))
    purse = Purse(cost, 8)
    taken, value = purse.first_taken(members, lambda costs: np.arange(len(costs)) == 2)
    assert (taken, purse.used) == (2, 3)
    assert value == cost(members)[2]
    assert purse.first_taken(members[:1], lambda costs: costs < 0) == (-1, 0.0)
    costs = purse.evaluate(members)
    assert purse.used == 8
    assert np.isinf(costs[4:]).all()
    assert np.isfinite(costs[:4]).all()
    with pytest.raises(SpentError):
        purse.evaluate(members)


def test_annealing_at_its_ends() -> None:
    cost = problem()
    frozen = run_method("sa", cost, 600, np.random.default_rng(1), hot=1e-9, cold=1e-9)
    states = [float(cost(look.members[:1])[0]) for look in frozen.looks]
    assert states == sorted(states, reverse=True), "never worse"
    boiling = run_method("sa", cost, 600, np.random.default_rng(1), hot=1e12, cold=1e12)
    taken = int(boiling.looks[-1].words.split(", ")[1].split()[0])
    assert taken == boiling.looks[-1].evaluations - 1, "every change is taken"


def test_breeding_without_mutation_brings_no_new_gene() -> None:
    cost = problem()
    rng = np.random.default_rng(4)
    first = draw(cost, 30, np.random.default_rng(4))
    purse = run_method("ga", cost, 2000, rng, size=30, mutation=0.0)
    for member in purse.looks[-1].members:
        assert (first == member[None]).any(axis=0).all()
    assert purse.looks[-1].looseness < 0.2, "it has grown alike"


def test_one_search_alone_is_what_it_is_among_all() -> None:
    exhibit = load_exhibit("search-harmony")
    settings = {"evaluations": 400}
    alone = run_exhibit(exhibit, 5, {**settings, "method": "pso"})[0]
    among = run_exhibit(exhibit, 5, settings)[0]
    facts = dict(among.facts)
    assert dict(alone.facts)["Cost, particle swarm"] == facts["Cost, particle swarm"]
    assert dict(alone.facts)["Cost, random search"] == facts["Cost, random search"]
    assert len(alone.score.markers) == 1
    assert [marker.text for marker in among.score.markers] == [
        words for words, _ in METHODS.values()
    ]


def test_too_short_a_tune_is_refused() -> None:
    tune = load_tunes()["christus-der-ist-mein-leben"]
    assert len(some_phrases(tune, 1)) == 7
    assert len(some_phrases(tune, 12)) == len(tune.slots)
    with pytest.raises(ConfigError, match=r"^soprano must be"):
        run_exhibit(load_exhibit("search-harmony"), 1, {"soprano": "C major: C4/4"})
