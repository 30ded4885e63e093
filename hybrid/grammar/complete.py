"""What a plan leaves out the grammars fill in; what it says is never changed.

Anything may be left out: all sections (a form's grammar then makes them), a section's phrases,
a phrase's bars, chords, cadence or theme, keys, metre, tempo, textures, dynamics, instruments.
Hard constraints of the kinds ``chord``, ``key`` and ``cadence`` go into the harmony, soft ones
where they can; the other kinds are the engines' business and stay as they are.
"""

from __future__ import annotations

import numpy as np

from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.plan import Constraint, FormPlan
from hybrid.grammar.forms.fill import fill_plan
from hybrid.grammar.forms.wishes import check_plan, check_values, harmonic


def complete(
    plan: FormPlan,
    rng: np.random.Generator,
    *,
    minutes: float | None = None,
    bars: int | None = None,
) -> FormPlan:
    """Fill what a plan leaves out.

    Parameters
    ----------
    plan : FormPlan
        Anything may be missing. With no sections its ``form`` names the grammar that makes
        them (``ternary`` where it is empty).
    rng : np.random.Generator
        One draw is taken from it, so that the same generator state gives the same plan.
    minutes : float, optional
        Wanted duration. Where the tempo is open it is chosen to fit exactly; else open lengths
        are chosen to come as near as whole bars allow.
    bars : int, optional
        Wanted total number of bars.

    Returns
    -------
    FormPlan
        ``is_ready``. Sections and phrases that were given keep their order and every value; a
        plan that is ready comes back as it is.

    Raises
    ------
    PlanError
        If a length cannot be had or a value cannot be read.
    ConflictError
        If hard constraints contradict each other or the plan; it names a minimal subset.

    Notes
    -----
    A cadence constraint inside a phrase of the grammar's making cuts that phrase in two; inside
    a phrase of the plan it is a conflict. A soft constraint is kept if that conflicts with
    nothing, one after the other in the plan's order. The default length of 2 minutes applies
    only where a form's grammar makes the sections.

    Examples
    --------
    >>> from hybrid.core.pitch import Key
    >>> from hybrid.core.plan import Constraint, FormPlan
    >>> half = Constraint("cadence", "HC", bars=(8, 8))
    >>> gaps = FormPlan(form="rondo", key=Key.parse("g"), constraints=(half,))
    >>> plan = complete(gaps, np.random.default_rng(1))
    >>> [p.phrase.cadence for p in plan.phrases() if p.last_bar == 8], plan.is_ready
    (['HC'], True)
    """
    if minutes is not None and not 0 < minutes <= 600:
        raise PlanError(f"minutes must be above 0 and at most 600, got {minutes}")
    check_values(plan.constraints)
    hard = harmonic(plan.constraints, hard=True)
    seed = int(rng.integers(0, 2**63, dtype=np.int64))
    if plan.is_ready:
        check_plan(plan, hard)
        _check_length(plan, minutes, bars)
        return plan
    kept = list(hard)
    result = _fill(plan, seed, kept, minutes, bars)
    for soft in harmonic(plan.constraints, hard=False):
        try:
            result = _fill(plan, seed, [*kept, soft], minutes, bars)
        except (ConflictError, PlanError):
            continue  # it should hold, but cannot beside the others
        kept.append(soft)
    return result


def _fill(
    plan: FormPlan,
    seed: int,
    constraints: list[Constraint],
    minutes: float | None,
    bars: int | None,
) -> FormPlan:
    rng = np.random.Generator(np.random.PCG64(seed))
    return fill_plan(plan, rng, constraints, minutes=minutes, bars=bars)


def _check_length(plan: FormPlan, minutes: float | None, bars: int | None) -> None:
    """A plan that is ready cannot change its length."""
    if bars is not None and bars != plan.n_bars:
        raise PlanError(f"bars must agree with the plan's {plan.n_bars} bars, got {bars}")
    if minutes is not None and abs(plan.seconds / 60 - minutes) > 0.1 * minutes:
        raise PlanError(
            f"minutes must agree with the plan, which lasts {plan.seconds / 60:.2f}, "
            f"got {minutes:g}"
        )
