"""A drum kit for all players of a plan, or for none."""

from __future__ import annotations

from dataclasses import replace

from hybrid.core.errors import PlanError
from hybrid.core.instruments import INSTRUMENTS, expand_ensemble
from hybrid.core.plan import FormPlan

KIT = "drums"


def ask_for_drums(plan: FormPlan, wanted: bool) -> FormPlan:
    """The plan with a drum kit among the instruments of every phrase, or of none.

    Parameters
    ----------
    plan : FormPlan
        Complete: instruments for every phrase.
    wanted : bool

    Raises
    ------
    PlanError
        If only drums would play, or nobody.
    """

    def players(names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            return names  # as above
        every = expand_ensemble(names)
        pitched = tuple(name for name in every if not INSTRUMENTS[name].is_drum)
        if not pitched:
            raise PlanError(f"instruments must name a pitched one, got {', '.join(names)}")
        if not wanted:
            return names if len(pitched) == len(every) else pitched
        return names if len(pitched) < len(every) else (*names, KIT)

    sections = tuple(
        replace(
            section,
            instruments=players(section.instruments),
            phrases=tuple(
                replace(phrase, instruments=players(phrase.instruments))
                for phrase in section.phrases
            ),
        )
        for section in plan.sections
    )
    return replace(plan, instruments=players(plan.instruments), sections=sections)


__all__ = ["ask_for_drums"]
