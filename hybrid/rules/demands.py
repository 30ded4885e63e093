"""Constraints laid out on the phrases of a plan, as chains that can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hybrid.core.errors import PlanError
from hybrid.core.plan import Constraint, FormPlan
from hybrid.rules.asked import Asked
from hybrid.rules.chain import Chain, Stretch, runs_of
from hybrid.rules.conflicts import check_harmony
from hybrid.rules.constraints import HARMONIC, ask, check_values
from hybrid.rules.parts import PartTable

Run = tuple[Stretch, ...]


def lay_out(
    plan: FormPlan, table: PartTable, stretches: Sequence[Stretch], demands: Sequence[Constraint]
) -> tuple[dict[int, Chain], int]:
    """Chains of phrases under constraints, after making sure that these can hold together.

    Returns
    -------
    dict of int to Chain
        By the index of each phrase of which something is asked, or of a phrase in its row.
    int
        How many soft constraints are not kept.

    Raises
    ------
    PlanError
        If one cannot be read, or a hard one names no voice of its bars.
    ConflictError
        If hard ones cannot hold.
    """
    check_values(demands, plan, table)
    left = set(check_harmony(plan, demands))
    notes = [item for item in demands if item.kind not in HARMONIC]
    runs = runs_of(stretches)
    asked: dict[int, list[Asked]] = {item.placed.index: [] for item in stretches}
    for demand in notes:
        found = {
            item.placed.index: ask(demand, plan, item.placed, item.voices, table)
            for item in stretches
        }
        if all(one.is_empty for one in found.values()):
            if demand.hard:
                raise _unheard(demand, plan, stretches)
            left.add(demand.name)
        for index, one in found.items():
            asked[index].append(one)
    asked = _reach_once(plan, runs, asked)
    chains: dict[int, Chain] = {}
    for run in runs:
        wanted = [one for item in run for one in asked[item.placed.index]]
        if all(one.is_empty for one in wanted):
            continue
        chain = Chain(plan, run, wanted)
        chain.settle()
        left |= set(chain.dropped)
        chains |= {item.placed.index: chain for item in run}
    return chains, len(left)


def _reach_once(
    plan: FormPlan, runs: Sequence[Run], asked: Mapping[int, list[Asked]]
) -> dict[int, list[Asked]]:
    """Highest and lowest notes asked of the first row of phrases only that can have them.

    Rows of phrases in different textures are searched one by one, and one of them is enough.
    """
    result = {index: list(found) for index, found in asked.items()}
    for number in range(max((len(found) for found in asked.values()), default=0)):
        having = [
            run for run in runs if any(result[item.placed.index][number].reaches for item in run)
        ]
        if len(having) < 2:
            continue
        chosen = next((run for run in having if _can_reach(plan, run, result, number)), having[0])
        for run in having:
            if run is not chosen:
                for item in run:
                    found = result[item.placed.index]
                    found[number] = replace(found[number], reaches=())
    return result


def _can_reach(plan: FormPlan, run: Run, asked: Mapping[int, Sequence[Asked]], number: int) -> bool:
    name = asked[run[0].placed.index][number].name
    wanted = [
        one
        for item in run
        for place, one in enumerate(asked[item.placed.index])
        if one.hard or place == number
    ]
    chain = Chain(plan, run, wanted)
    chain.lattice.wide = True
    return chain.lattice.feasible({*chain.hard, name})


def _unheard(demand: Constraint, plan: FormPlan, stretches: Sequence[Stretch]) -> PlanError:
    """The error for a constraint that speaks of no voice of its bars."""
    first, last = demand.bars or (1, plan.n_bars)
    names = {
        voice.name
        for item in stretches
        if item.placed.first_bar <= last and first <= item.placed.last_bar
        for voice in item.voices
    }
    return PlanError(
        f"constraint {demand.name!r}: voices must be pitched and sound in bars {first}-{last} "
        f"({', '.join(sorted(names))}), got {', '.join(demand.voices)}"
    )
