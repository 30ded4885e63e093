"""Plans from form grammars, ready for engines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.instruments import expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.fill import fill_plan
from hybrid.grammar.forms.registry import find_form


def plan_form(
    form: str,
    rng: np.random.Generator,
    *,
    key: Key | str | None = None,
    metre: Metre | str | None = None,
    tempo_qpm: float | None = None,
    minutes: float | None = None,
    bars: int | None = None,
    style: str | None = None,
    instruments: Sequence[str] = (),
    texture: str | None = None,
    title: str | None = None,
    harmony: str = "phrase",
) -> FormPlan:
    """Draw a plan from a form's grammar; what is left out is chosen.

    Parameters
    ----------
    form : str
        A key of `FORMS`.
    rng : np.random.Generator
    key, metre : optional
        Home key and metre.
    tempo_qpm : float, optional
        Quarters per minute. It then holds throughout, and the length comes as near to
        ``minutes`` as whole bars allow; where it is left out it is chosen so that the length is
        ``minutes`` exactly.
    minutes : float, optional
        2 where neither this nor ``bars`` is given.
    bars : int, optional
        Exact total number of bars.
    style : str, optional
        A key of `STYLES`.
    instruments : sequence of str, optional
        Instruments or ensembles, highest part first.
    texture : str, optional
        One texture for the whole piece.
    title : str, optional
    harmony : str
        What draws the chords of new phrases: ``phrase`` (the phrase model), ``rohrmeier``
        (`hybrid.grammar.rohrmeier`) or ``temporal`` (`hybrid.grammar.harmony_tgg`). Choruses of
        the blues always take theirs from `hybrid.grammar.steedman`.

    Returns
    -------
    FormPlan
        ``is_ready``.

    Raises
    ------
    PlanError
        If an argument is unknown or the form cannot have that length; the nearest are named.

    Examples
    --------
    >>> plan = plan_form("rondo", np.random.default_rng(3), key="g", bars=80)
    >>> plan.n_bars, plan.sections[0].role, plan.is_ready
    (80, 'refrain', True)
    """
    if minutes is not None and not 0 < minutes <= 600:
        raise PlanError(f"minutes must be above 0 and at most 600, got {minutes}")
    if tempo_qpm is not None and minutes is not None and bars is not None:
        raise PlanError(
            f"give two of tempo_qpm, minutes and bars, got {tempo_qpm:g}, {minutes:g} and {bars}"
        )
    gaps = FormPlan(
        form=find_form(form).name,
        key=Key.parse(key) if isinstance(key, str) else key,
        metre=_metre(metre),
        tempo_qpm=tempo_qpm,
        style=style or "",
        instruments=expand_ensemble(tuple(instruments)),
        texture=texture,
        title=title or "",
    )
    return fill_plan(gaps, rng, minutes=minutes, bars=bars, harmony=harmony)


def _metre(metre: Metre | str | None) -> Metre | None:
    found = Metre.parse(metre) if isinstance(metre, str) else metre
    return None if found is None else Metre(0, found.numerator, found.denominator)
