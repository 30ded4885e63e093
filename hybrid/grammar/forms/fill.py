"""From a plan with gaps to a plan that is ready: structure, dress, harmony, tempo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.plan import Constraint, FormPlan, Phrase, Section
from hybrid.grammar.forms.dress import branch, dress_sections
from hybrid.grammar.forms.finish import Work, finish_sections
from hybrid.grammar.forms.frame import DEFAULT_MINUTES, Stretch, make_frame, solve_tempo
from hybrid.grammar.forms.gaps import PhraseDraft, SectionDraft, Structure
from hybrid.grammar.forms.harmonise import SOURCES
from hybrid.grammar.forms.realise import SectionSketch, display, sketch
from hybrid.grammar.forms.registry import form_sampler
from hybrid.grammar.forms.sketches import divide
from hybrid.grammar.forms.timing import check_bars, choose_length
from hybrid.grammar.forms.wishes import cadence_bars, conflict, last_bar


def fill_plan(
    plan: FormPlan,
    rng: np.random.Generator,
    constraints: Sequence[Constraint] = (),
    *,
    minutes: float | None = None,
    bars: int | None = None,
    harmony: str = "phrase",
) -> FormPlan:
    """Fill what a plan leaves out.

    Parameters
    ----------
    plan : FormPlan
    rng : np.random.Generator
    constraints : sequence of Constraint
        Of the kinds ``chord``, ``key`` and ``cadence``; all of them are kept.
    minutes : float, optional
        Wanted duration; 2 where a form's grammar makes the sections and neither this nor
        ``bars`` is given.
    bars : int, optional
        Exact total number of bars.
    harmony : str
        What draws the chords of new phrases, one of `hybrid.grammar.forms.harmonise.SOURCES`.

    Returns
    -------
    FormPlan
        ``is_ready``; what ``plan`` says stands in it unchanged.

    Raises
    ------
    PlanError
        If lengths, keys or names do not fit.
    ConflictError
        If constraints contradict each other or the plan.
    """
    if harmony not in SOURCES:
        raise PlanError(f"harmony must be one of {', '.join(SOURCES)}, got {harmony!r}")
    names = ("frame", "length", "form", "dress", "tempo", "chords")
    stages = {name: branch(rng) for name in names}
    wanted = minutes
    if not plan.sections and minutes is None and bars is None:
        wanted = DEFAULT_MINUTES
    free = wanted if bars is None and plan.tempo_qpm is None else None
    frame = make_frame(plan, stages["frame"], constraints, free)
    work = Work(plan, frame, constraints, harmony)
    if work.is_form:
        _by_form(work, stages, wanted, bars)
    else:
        _by_hand(work, stages, wanted, bars)
    _make_cadences(work)
    sketches = [
        SectionSketch(draft.given.label, draft.given.role, draft.given.key or frame.home, (), turn)
        for draft, turn in zip(work.sections, _turns(work.sections), strict=True)
    ]
    work.dresses = dress_sections(
        sketches,
        frame.style,
        frame.form.wardrobe,
        frame.metre,
        frame.players,
        stages["dress"],
        plan.texture,
    )
    tempo = _solve(work, wanted, stages["tempo"])
    sections = finish_sections(work, tempo, stages["chords"])
    first = work.dresses[0]
    return replace(
        plan,
        key=plan.key or frame.home,
        metre=plan.metre or frame.metre,
        tempo_qpm=plan.tempo_qpm or tempo,
        texture=plan.texture or first.texture,
        dynamics=plan.dynamics or first.dynamics,
        instruments=plan.instruments or frame.players,
        sections=sections,
        title=plan.title or f"{frame.form.title} in {frame.home.name}",
        style=plan.style or frame.style.name,
        form=frame.form.name if work.is_form else plan.form,
        derivation=work.derivation or plan.derivation,
    )


def _turns(sections: Sequence[SectionDraft]) -> list[int]:
    seen: dict[str, int] = {}
    turns = []
    for draft in sections:
        turns.append(seen.get(draft.given.label, 0))
        seen[draft.given.label] = turns[-1] + 1
    return turns


# -- structure -------------------------------------------------------------------------------


def _by_form(
    work: Work,
    stages: Mapping[str, np.random.Generator],
    minutes: float | None,
    bars: int | None,
) -> None:
    frame, plan = work.frame, work.plan
    sampler = form_sampler(frame.form.name)
    fewest = last_bar(work.constraints)

    def lengths(longest: int) -> NDArray[np.float64]:
        table = sampler.lengths(longest).copy()
        table[:fewest] = -np.inf
        return table

    if bars is not None:
        check_bars(frame.form.name, bars, lengths)
    else:
        bars = choose_length(
            frame.form.name,
            lengths,
            frame.style,
            frame.metre,
            stages["length"],
            minutes=DEFAULT_MINUTES if minutes is None else minutes,
            tempo_qpm=plan.tempo_qpm,
        )
    tree = sampler.sample(bars, stages["form"])
    work.derivation = dict(display(tree, frame.home))
    for section in sketch(tree, frame.home):
        shell = Section(label=section.label, role=section.role, key=section.key)
        drafts = [PhraseDraft(Phrase(), phrase, phrase.bars) for phrase in section.phrases]
        work.sections.append(SectionDraft(shell, drafts, section.round))


def _by_hand(
    work: Work,
    stages: Mapping[str, np.random.Generator],
    minutes: float | None,
    bars: int | None,
) -> None:
    frame, plan = work.frame, work.plan
    structure = Structure(plan, frame.metre, frame.style.name)
    fewest = last_bar(work.constraints)

    def lengths(longest: int) -> NDArray[np.float64]:
        table = structure.lengths(longest)
        table[:fewest] = -np.inf
        return table

    if structure.is_open:
        total = bars
        if total is None and minutes is not None:
            total = choose_length(
                "the plan",
                lengths,
                frame.style,
                frame.metre,
                stages["length"],
                minutes=minutes,
                tempo_qpm=plan.tempo_qpm,
            )
        structure.choose(total, stages["length"], fewest)
    work.sections = structure.fill(frame.home, stages["form"])
    found = sum(phrase.bars for draft in work.sections for phrase in draft.phrases)
    if bars is not None and found != bars:
        raise PlanError(f"bars must agree with the plan's {found} bars, got {bars}")


def _make_cadences(work: Work) -> None:
    """Let a phrase end wherever a constraint wants a cadence."""
    n_bars = work.spans()[-1][1]
    for bar, item in sorted(cadence_bars(work.constraints, n_bars).items()):
        start = 1
        for draft in work.sections:
            for place, phrase in enumerate(draft.phrases):
                end = start + phrase.bars - 1
                if start <= bar < end:
                    if phrase.sketch is None:
                        name = f"phrase in bars {start}-{end}"
                        raise conflict(item.name, name, f"no phrase ends with bar {bar}")
                    one, two = divide(phrase.sketch, bar - start + 1, str(item.value))
                    draft.phrases[place : place + 1] = [
                        PhraseDraft(Phrase(), one, one.bars),
                        PhraseDraft(Phrase(), two, two.bars),
                    ]
                    break
                start = end + 1
            else:
                continue
            break


# -- tempo -----------------------------------------------------------------------------------


def _solve(work: Work, minutes: float | None, rng: np.random.Generator) -> float:
    stretches = []
    pickup = float(work.plan.pickup_quarters)
    for draft, dress in zip(work.sections, work.dresses, strict=True):
        for phrase in draft.phrases:
            metre = work.metre_of(draft.given, phrase.given)
            own = phrase.given.tempo_qpm or draft.given.tempo_qpm
            quarters = float(phrase.bars * metre.bar_quarters) + pickup
            stretches.append(Stretch(quarters, own, work.factor(dress)))
            pickup = 0.0
    frame = work.frame
    return solve_tempo(stretches, work.plan.tempo_qpm, minutes, frame.style, frame.metre, rng)
