"""What failed: at which place, in which voices, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from hybrid.core.analysis import Finding
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.repair.reading import Reading
from hybrid.theory.agreement import cadence_place, chord_deviation, ticks

#: The analyser's disagreement is a failure of this kind, where the notes bear it out.
HEARD = "heard"


@dataclass(frozen=True)
class Failure:
    """Something to mend.

    Attributes
    ----------
    kind : str
        ``rule``, ``chord``, ``cadence`` or ``heard``.
    name : str
        The rule's id, or what was planned.
    tick, end : int
        Where it lies in the score.
    first_bar, last_bar : int
        The plan's bars, from 1, to be written anew.
    voices : tuple of str
        As findings give them; empty for all.
    message : str
    """

    kind: str
    name: str
    tick: int
    end: int
    first_bar: int
    last_bar: int
    voices: tuple[str, ...]
    message: str

    @property
    def identity(self) -> tuple[str, str, int, tuple[str, ...]]:
        """What makes it the same failure before and after a change."""
        return self.kind, self.name, self.tick, self.voices


def name_failures(
    reading: Reading,
    plan: FormPlan,
    score: Score,
    severities: Collection[str] = ("error",),
    with_plan: bool = True,
) -> tuple[Failure, ...]:
    """What failed in a score, by place.

    Parameters
    ----------
    severities : collection of str
        Findings of these are to be mended.
    with_plan : bool
        Whether departures from the plan are to be mended as well.
    """
    found = [
        _of_finding(finding, score, plan)
        for finding in reading.analysis.findings
        if finding.severity in severities
    ]
    if with_plan:
        found += _of_plan(reading, plan, score)
    return tuple(sorted(found, key=lambda item: (item.tick, item.kind, item.name, item.voices)))


def _of_finding(finding: Finding, score: Score, plan: FormPlan) -> Failure:
    bar = _plan_bar(score, finding.tick, plan)
    end = score.bar_at(finding.tick).end
    return Failure("rule", finding.rule, finding.tick, end, bar, bar, finding.voices, str(finding))


def _plan_bar(score: Score, tick: int, plan: FormPlan) -> int:
    """The plan's bar that sounds at a tick; a pickup belongs to bar 1."""
    whole = [bar for bar in score.bars if not bar.is_pickup]
    number = sum(bar.start <= tick for bar in whole)
    return min(max(1, number), plan.n_bars)


def _of_plan(reading: Reading, plan: FormPlan, score: Score) -> list[Failure]:
    found = []
    for fit in reading.fits:
        if not fit.kept:
            deviation = chord_deviation(fit, score.bar_at(fit.span.onset).number)
            message = f"chord {deviation.expected} planned, {deviation.found}"
            found.append(_span_failure("chord", fit.span.onset, fit.span.end, message, plan, score))
    for doubt in reading.doubts:
        # Where the chord tones agree with the plan, the analyser is not believed.
        fit = next(fit for fit in reading.fits if fit.span == doubt.span)
        if doubt.agrees or not fit.kept:
            continue
        found.append(
            _span_failure(HEARD, doubt.span.onset, doubt.span.end, str(doubt), plan, score)
        )
    for placed in plan.phrases():
        wanted = placed.phrase.cadence
        if wanted in (None, "none"):
            continue
        low, high = cadence_place(placed, score)
        kinds = [item.kind for item in reading.analysis.cadences if low <= item.tick < high]
        if wanted not in kinds:
            chords = placed.phrase.chords[-2:]
            start = ticks(placed.start + chords[0].onset, score)
            heard = ", ".join(kinds) or "none"
            message = f"cadence {wanted} planned, {heard} found"
            found.append(_span_failure("cadence", start, high, message, plan, score, str(wanted)))
    return found


def _span_failure(
    kind: str, start: int, end: int, message: str, plan: FormPlan, score: Score, name: str = ""
) -> Failure:
    first, last = _plan_bar(score, start, plan), _plan_bar(score, end - 1, plan)
    return Failure(kind, name or kind, start, end, first, last, (), message)


def widened(failure: Failure, plan: FormPlan) -> Failure:
    """The failure with the bar before it, so that what leads to it can change too."""
    return replace(
        failure,
        first_bar=max(1, failure.first_bar - 1),
        last_bar=min(failure.last_bar, plan.n_bars),
    )
