"""How good a score is around some bars, in an order of criteria, so that candidates compare.

First what must hold: findings that are to be mended, then departures from the plan, then other
findings. Only among equals do the learned parts speak: the analyser on the planned chords, the
engine on its own notes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.repair.excerpts import cut_chords, cut_keys, excerpt
from hybrid.repair.reading import Basis
from hybrid.theory import RuleSet, check, find_cadences
from hybrid.theory.agreement import cadence_place, fit_chords, ticks

if TYPE_CHECKING:
    from hybrid.harmony.analyse import Analyser

#: Bars heard before and after those that change.
MARGIN_BARS = 2
#: Nats a chord that the analyser's means must differ by to count as different.
STEP_NATS = 0.05

Identity = tuple[str, str, int, tuple[str, ...]]


@dataclass(frozen=True)
class Verdict:
    """What was found in a passage.

    Attributes
    ----------
    failing : frozenset
        Identities of findings that are to be mended.
    others : frozenset
        Of warnings and errors that are not, and of planned basses that are not the lowest.
    astray : frozenset
        Of planned chords and cadences that are not kept.
    n_remarks : int
        Findings of the least severity.
    analyser : float or None
        Mean log probability of the planned chords, nats a chord.
    engine : float or None
        Mean log probability of the notes under the engine's model, nats a note.
    """

    failing: frozenset[Identity]
    others: frozenset[Identity]
    astray: frozenset[Identity]
    n_remarks: int = 0
    analyser: float | None = None
    engine: float | None = None

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Counts in the order in which they matter; less is better."""
        return len(self.failing), len(self.astray), len(self.others), self.n_remarks

    @property
    def everything(self) -> frozenset[Identity]:
        return self.failing | self.others | self.astray

    @property
    def liking(self) -> tuple[float, float]:
        """What the learned parts say, less is better: analyser in steps, then engine."""
        steps = 0.0 if self.analyser is None else -round(self.analyser / STEP_NATS)
        return float(steps), 0.0 if self.engine is None else -self.engine

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "failing": len(self.failing),
            "off_plan": len(self.astray),
            "other_findings": len(self.others),
            "analyser_nats": None if self.analyser is None else round(self.analyser, 4),
            "engine_nats": None if self.engine is None else round(self.engine, 4),
        }


@dataclass(eq=False)
class Judge:
    """Weighs passages of one piece under its plan.

    Attributes
    ----------
    plan : FormPlan
    rules : RuleSet
    severities : collection of str
        Findings of these are to be mended.
    chords, keys : sequences of spans
        The plan's, on the score's ticks.
    basis : Basis
        What the rules are told.
    hear : callable, optional
        Gives the analyser; called when it is first needed.
    weigh : callable, optional
        The engine's own mean log probability of bars of a score.
    """

    plan: FormPlan
    rules: RuleSet
    severities: Collection[str]
    chords: Sequence[ChordSpan]
    keys: Sequence[KeySpan]
    basis: Basis
    hear: Callable[[], Analyser | None] | None = None
    weigh: Callable[[Score, tuple[int, int]], float | None] | None = None
    looks: int = field(default=0, init=False)

    def window(self, score: Score, first_bar: int, last_bar: int) -> tuple[int, int]:
        """Ticks of some bars of the plan, from 1, with a margin."""
        whole = [bar for bar in score.bars if not bar.is_pickup]
        last = len(whole) - 1
        low = whole[min(max(first_bar - 1 - MARGIN_BARS, 0), last)].start
        high = whole[min(last_bar - 1 + MARGIN_BARS, last)].end
        if first_bar - 1 - MARGIN_BARS <= 0:
            low = 0
        return low, max(low + 1, min(high, score.length))

    def look(self, score: Score, span: tuple[int, int], with_cadences: bool = True) -> Verdict:
        """Findings, chords and cadences of a passage."""
        self.looks += 1
        low, high = span
        part = excerpt(score, low, high)
        chords = cut_chords(self.chords, low, high)
        told = cut_chords(self.basis.chords, low, high)
        starts = [tick - low for tick in self.basis.starts if low <= tick < high]
        found = check(part, self.rules, chords=told, phrase_starts_at=starts)
        failing: set[Identity] = set()
        others: set[Identity] = set()
        n_remarks = 0
        for item in found:
            identity = ("rule", item.rule, item.tick + low, item.voices)
            if item.severity in self.severities:
                failing.add(identity)
            elif item.severity == "info":
                n_remarks += 1
            else:
                others.add(identity)
        fits = fit_chords(chords, part)
        astray: set[Identity] = {
            ("chord", "chord", fit.span.onset + low, ()) for fit in fits if not fit.kept
        }
        others |= {("bass", "bass", fit.span.onset + low, ()) for fit in fits if not fit.has_bass}
        if with_cadences:
            astray |= self._cadences(score, part, span)
        return Verdict(frozenset(failing), frozenset(others), frozenset(astray), n_remarks)

    def _cadences(self, score: Score, part: Score, span: tuple[int, int]) -> set[Identity]:
        low, high = span
        keys = cut_keys(self.keys, low, high)
        ends, wanted = [], []
        for placed in self.plan.phrases():
            start, end = cadence_place(placed, score)
            if low <= start and end <= high:
                ends.append(end - low)
                if placed.phrase.cadence not in (None, "none"):
                    chords = placed.phrase.chords[-2:]
                    tick = ticks(placed.start + chords[0].onset, score)
                    wanted.append((start - low, end - low, str(placed.phrase.cadence), tick))
        if not wanted:
            return set()
        heard = find_cadences(part, ends=ends, keys=keys)
        return {
            ("cadence", kind, tick, ())
            for start, end, kind, tick in wanted
            if kind not in {item.kind for item in heard if start <= item.tick < end}
        }

    def listen(self, verdict: Verdict, score: Score, span: tuple[int, int]) -> Verdict:
        """The verdict with what the learned parts say."""
        analyser = self.hear() if self.hear is not None else None
        mean = None
        if analyser is not None:
            mean = self._likelihood(analyser, score, span)
        own = self.weigh(score, span) if self.weigh is not None else None
        return replace(verdict, analyser=mean, engine=own)

    def _likelihood(self, analyser: Analyser, score: Score, span: tuple[int, int]) -> float | None:
        from hybrid.harmony.likelihood import chord_likelihoods

        part = excerpt(score, *span)
        if not any(len(track.notes) and not track.is_drum for track in part.tracks):
            return None
        spans = cut_chords(self.chords, *span)
        if not spans:
            return None
        return float(np.mean(chord_likelihoods(analyser, part, spans)))
