"""One Analysis of a score under its plan: rules, chords, cadences, and what the analyser hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import Analysis, Cadence, ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import pitch_class
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.theory import RuleSet, check, find_cadences
from hybrid.theory.agreement import (
    Agreement,
    ChordFit,
    fit_chords,
    measure_agreement,
    planned_chords,
    planned_keys,
    ticks,
)

if TYPE_CHECKING:
    from hybrid.harmony.analyse import Analyser

#: The analyser disagrees with the plan where it gives the planned triad and bass less than this
#: and what it hears instead at least that.
MAX_PLANNED, MIN_HEARD = 0.1, 0.5


@dataclass(frozen=True)
class Doubt:
    """A place where the analyser hears another chord than the plan has.

    Attributes
    ----------
    span : ChordSpan
        The planned chord.
    heard : ChordSpan
        What the analyser hears in most of it, with its probability.
    likelihood : float
        Mean log probability of the planned triad and bass, nats.
    agrees : bool
        Whether the chord tones that sound agree with the plan all the same. Then the analyser is
        not believed: good music is not rewritten for its sake.
    bar : int
        As printed.
    """

    span: ChordSpan
    heard: ChordSpan
    likelihood: float
    agrees: bool
    bar: int

    def __str__(self) -> str:
        text = (
            f"bar {self.bar}: the analyser hears {self.heard.numeral} in {self.heard.key.name} "
            f"({self.heard.probability:.2f}) where the plan has {self.span.numeral} in "
            f"{self.span.key.name}"
        )
        if self.agrees:
            text += "; the chord tones that sound agree with the plan, so it stays"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "bar": self.bar,
            "planned": f"{self.span.numeral} in {self.span.key.name}",
            "heard": f"{self.heard.numeral} in {self.heard.key.name}",
            "probability": round(self.heard.probability, 4),
            "log_likelihood_of_planned": round(self.likelihood, 4),
            "chord_tones_agree": self.agrees,
        }


@dataclass(frozen=True, eq=False)
class Reading:
    """All that is known of a score under a plan.

    Attributes
    ----------
    analysis : Analysis
    agreement : Agreement
    fits : tuple of ChordFit
        One for each planned chord.
    doubts : tuple of Doubt
        Empty where no analyser was asked.
    likelihood : float or None
        Mean over the planned chords of the analyser's log probability of triad and bass, nats.
    """

    analysis: Analysis
    agreement: Agreement
    fits: tuple[ChordFit, ...]
    doubts: tuple[Doubt, ...] = ()
    likelihood: float | None = None


@dataclass(frozen=True)
class Basis:
    """What the rules are told beside the notes.

    Attributes
    ----------
    chords : tuple of ChordSpan
        For the rules of harmony, on the score's ticks.
    starts : tuple of int
        Ticks at which phrases start.
    """

    chords: tuple[ChordSpan, ...]
    starts: tuple[int, ...]


def plan_basis(plan: FormPlan, score: Score) -> Basis:
    """The plan's own chords and phrases."""
    starts = tuple(ticks(item.start, score) for item in plan.phrases())
    return Basis(planned_chords(plan, score), starts)


def planned_cadences(plan: FormPlan, score: Score) -> tuple[Cadence, ...]:
    """The plan's cadences at the onsets of their phrases' last chords."""
    found = []
    for placed in plan.phrases():
        kind = placed.phrase.cadence
        if kind in (None, "none") or not placed.phrase.chords:
            continue
        last = placed.phrase.chords[-1]
        tick = ticks(placed.start + last.onset, score)
        key = placed.key_of(last)
        found.append(Cadence(tick, score.bar_at(tick).number, str(kind), key))
    return tuple(found)


def read_score(
    plan: FormPlan,
    score: Score,
    rules: str | RuleSet,
    analyser: Analyser | None = None,
    basis: Basis | None = None,
) -> Reading:
    """Read a score under its plan.

    Chords and keys are the plan's; cadences and findings are read from the notes, and so is
    what the analyser hears.

    Parameters
    ----------
    plan : FormPlan
        Ready for engines.
    score : Score
    rules : str or RuleSet
    analyser : Analyser, optional
        Learned; costs some tenths of a second for a short piece.
    basis : Basis, optional
        What the rules are told; the plan's chords and phrases where left out.
    """
    basis = basis or plan_basis(plan, score)
    chords, keys = planned_chords(plan, score), planned_keys(plan, score)
    placed = tuple(plan.phrases())
    # The plan says where to listen; what is heard there comes from the notes alone.
    ends = [ticks(item.end, score) for item in placed]
    cadences = find_cadences(score, ends=ends, keys=keys)
    agreement, deviations = measure_agreement(plan, score, cadences)
    analysis = Analysis(
        chords=chords,
        keys=keys,
        cadences=cadences,
        deviations=deviations,
        planned_cadences=planned_cadences(plan, score),
    )
    findings = check(score, rules=rules, chords=basis.chords, phrase_starts_at=basis.starts)
    analysis = replace(analysis, findings=findings)
    fits = tuple(fit_chords(chords, score))
    if analyser is None or not any(fit.sounding for fit in fits):
        return Reading(analysis, agreement, fits)
    return _listened(Reading(analysis, agreement, fits), score, analyser)


def _listened(reading: Reading, score: Score, analyser: Analyser) -> Reading:
    """The reading with what the analyser hears."""
    from hybrid.harmony.likelihood import SoundLikelihood

    heard = analyser.analyse(score).chords
    likelihood = SoundLikelihood(analyser, score)
    doubts = []
    total = 0.0
    sounding = [fit for fit in reading.fits if fit.sounding]
    for fit in sounding:
        # A suspension or a passing note hides a chord for a while; once heard, it is there.
        total += likelihood.of_chord(fit.span)
        best = likelihood.best_frame(fit.span)
        if best >= _LOG_PLANNED:
            continue
        instead = _longest(heard, fit.span)
        if instead is None or instead.probability < MIN_HEARD or _same(instead, fit.span):
            continue
        bar = score.bar_at(fit.span.onset).number
        doubts.append(Doubt(fit.span, instead, best, fit.kept and fit.has_bass, bar))
    return replace(
        reading,
        analysis=replace(reading.analysis, heard=heard),
        doubts=tuple(doubts),
        likelihood=total / max(len(sounding), 1),
    )


_LOG_PLANNED = -2.302585  # natural logarithm of `MAX_PLANNED`


def _longest(heard: Sequence[ChordSpan], span: ChordSpan) -> ChordSpan | None:
    """The chord that is heard for the largest part of a span."""
    shares = [
        (min(item.end, span.end) - max(item.onset, span.onset), -item.onset, item)
        for item in heard
        if item.onset < span.end and item.end > span.onset
    ]
    return max(shares, key=lambda share: share[:2])[2] if shares else None


def _same(heard: ChordSpan, planned: ChordSpan) -> bool:
    """Whether both stand on one root with one bass."""
    if pitch_class(heard.root) != pitch_class(planned.root):
        return False
    return heard.inversion == RomanNumeral.parse(planned.numeral).inversion
