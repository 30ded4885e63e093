"""What holds for a whole piece: style, home key, metre, players, and the tempo that fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.instruments import expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.dress import branch, choose
from hybrid.grammar.forms.registry import FORMS, Form, find_form, form_sampler
from hybrid.grammar.forms.styles import Style, find_style, tempo_range
from hybrid.grammar.forms.timing import FASTEST, SLOWEST, can_last

DEFAULT_FORM = "ternary"
DEFAULT_MINUTES = 2.0
#: A plan by hand that names no form we know.
FREE = Form("", "Piece", "sections as the plan has them", "")
#: Accidentals of home keys that are chosen here, with weights.
SIGNATURES = {0: 3.0, 1: 3.0, -1: 3.0, 2: 2.5, -2: 2.5, 3: 1.5, -3: 1.5, 4: 0.6, -4: 0.8}


@dataclass(frozen=True)
class Frame:
    """What holds for a whole piece."""

    form: Form
    style: Style
    home: Key
    metre: Metre
    players: tuple[str, ...]


def make_frame(
    plan: FormPlan,
    rng: np.random.Generator,
    constraints: Sequence[Constraint] = (),
    minutes: float | None = None,
) -> Frame:
    """Take what a plan says, and choose the rest.

    Parameters
    ----------
    plan : FormPlan
    rng : np.random.Generator
    constraints : sequence of Constraint
        One of kind ``key`` for all bars gives the home key.
    minutes : float, optional
        A metre is chosen among those in which the form can last so long.

    Raises
    ------
    PlanError
        If form, style or an instrument is unknown.
    """
    draws = {name: branch(rng) for name in ("key", "metre", "players")}
    form = _form(plan)
    style = find_style(plan.style or _usual_style(plan, form))
    return Frame(
        form,
        style,
        plan.key or _hinted_key(plan, constraints) or _draw_key(style, draws["key"]),
        plan.metre or _hinted_metre(plan) or _draw_metre(form, style, draws["metre"], minutes),
        expand_ensemble(plan.instruments) or _draw_players(style, draws["players"]),
    )


def _form(plan: FormPlan) -> Form:
    if not plan.sections:
        return find_form(plan.form or DEFAULT_FORM)
    try:
        return find_form(plan.form)
    except PlanError:
        return FREE


def _usual_style(plan: FormPlan, form: Form) -> str:
    if form is FREE and plan.texture == "chorale":
        return "chorale"
    return form.style


def _hinted_key(plan: FormPlan, constraints: Sequence[Constraint]) -> Key | None:
    """The key of the first thing that has one."""
    for item in constraints:
        if item.kind == "key" and item.bars is None:
            return item.value if isinstance(item.value, Key) else Key.parse(str(item.value))
    for section in plan.sections[:1]:
        if section.key:
            return section.key
        if section.phrases and section.phrases[0].key:
            return section.phrases[0].key
    return None


def _hinted_metre(plan: FormPlan) -> Metre | None:
    for section in plan.sections[:1]:
        if section.metre:
            return section.metre
        if section.phrases and section.phrases[0].metre:
            return section.phrases[0].metre
    return None


def _draw_key(style: Style, rng: np.random.Generator) -> Key:
    mode = choose(style.keys, rng)
    signature = choose({str(n): weight for n, weight in SIGNATURES.items()}, rng)
    return Key.from_fifths(int(signature), mode)


def _draw_metre(form: Form, style: Style, rng: np.random.Generator, minutes: float | None) -> Metre:
    weights = dict.fromkeys(form.metres, 1.0) if form.metres else dict(style.metres)
    if minutes is not None and form.name in FORMS:
        lengths = form_sampler(form.name).lengths
        fits = {
            name: weight
            for name, weight in weights.items()
            if can_last(lengths, style, Metre.parse(name), minutes)
        }
        weights = fits or weights
    return Metre.parse(choose(weights, rng))


def _draw_players(style: Style, rng: np.random.Generator) -> tuple[str, ...]:
    weights = {str(place): weight for place, (_, weight) in enumerate(style.ensembles)}
    return style.ensembles[int(choose(weights, rng))][0]


@dataclass(frozen=True)
class Stretch:
    """A phrase's length and tempo: its own, or a factor on the piece's."""

    quarters: float
    tempo_qpm: float | None = None
    factor: float = 1.0


def solve_tempo(
    stretches: Iterable[Stretch],
    given: float | None,
    minutes: float | None,
    style: Style,
    metre: Metre,
    rng: np.random.Generator,
) -> float:
    """The piece's tempo: as given, or such that the minutes come out, or drawn.

    Raises
    ------
    PlanError
        If no playable tempo gives the wanted minutes, or the given one misses them.
    """
    items = list(stretches)
    fixed = sum(item.quarters / item.tempo_qpm for item in items if item.tempo_qpm)
    free = sum(item.quarters / item.factor for item in items if not item.tempo_qpm)
    bar = float(metre.bar_quarters)
    if given is not None:
        lasts = fixed + free / given
        if minutes is not None and abs(lasts - minutes) > max(1.01 * bar / given, 0.1 * minutes):
            raise PlanError(
                f"minutes must agree with the plan's bars and tempo, got {minutes:g} and a plan "
                f"of {lasts:.2f}"
            )
        return float(given)
    slow, fast = tempo_range(style, metre)
    if minutes is None or not free:
        return float(round(float(slow * (fast / slow) ** float(rng.beta(2.0, 2.0)))))
    left = minutes - fixed
    tempo = free / left if left > 0 else float("inf")
    if not SLOWEST / 2 <= tempo <= FASTEST * 1.5:
        total = sum(item.quarters for item in items) / bar
        raise PlanError(
            f"minutes must give a playable tempo, got {minutes:g} for {total:g} bars of "
            f"{metre.name} = {tempo:.1f} quarters a minute"
        )
    return round(float(tempo), 3)
