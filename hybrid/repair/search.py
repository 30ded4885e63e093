"""Candidates for one failure, from the smallest change to the largest, and their order.

One note, two notes, the failing voices' bar by the engine, all voices of it, and of the bar
before. The first step with a candidate that mends the failure, breaks nothing else and leaves
the leading voice alone ends the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hybrid.core.engine import Engine, Region
from hybrid.core.errors import HybridError
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.repair.failures import HEARD, Failure, widened
from hybrid.repair.judge import Judge, Verdict
from hybrid.repair.nudges import MAX_SINGLES, Nudge, nudge_notes, nudge_pairs, single_nudges
from hybrid.repair.records import compare_notes
from hybrid.theory.voices import find_voices


@dataclass(eq=False)
class Candidate:
    """A score that might stand in for the one that fails.

    Attributes
    ----------
    score : Score
    maker : str
        ``nudge`` or an engine's name.
    verdict : Verdict
    cost : float
        Of the change; less is nearer.
    n_changed : int
        Notes.
    touches_lead : bool
        Whether notes of the leading voice changed.
    order : int
        In which it was made.
    """

    score: Score
    maker: str
    verdict: Verdict
    cost: float
    n_changed: int
    touches_lead: bool
    order: int


@dataclass(eq=False)
class Found:
    """What the search for one failure gave.

    Attributes
    ----------
    failure : Failure
    bars, span : (int, int)
        The plan's bars that may change, and the ticks that were judged.
    before : Verdict
    lead : frozenset
        Track, onset and pitch of the leading voice's notes.
    found, ranked : list of Candidate
        Those that mend the failure; the best of them, best first.
    refused : list of str
        Why makers gave none.
    n : int
        Candidates that were judged.
    """

    failure: Failure
    bars: tuple[int, int]
    span: tuple[int, int]
    before: Verdict
    lead: frozenset[tuple[int, int, int]]
    found: list[Candidate] = field(default_factory=list)
    ranked: list[Candidate] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    n: int = 0


@dataclass(eq=False)
class Search:
    """Looks for candidates in one piece.

    Attributes
    ----------
    plan : FormPlan
    engines : sequence of Engine
        Asked in turn.
    judge : Judge
    seed : int
    candidates, finalists : int
        That an engine writes in each step; that the learned parts weigh.
    nearest : bool
        Prefer the fewest changed notes.
    """

    plan: FormPlan
    engines: Sequence[Engine]
    judge: Judge
    seed: int
    candidates: int
    finalists: int
    nearest: bool

    def find(self, failure: Failure, score: Score, number: int) -> Found:
        """Candidates for a failure; ``number`` tells the draws of one from those of another."""
        wide = widened(failure, self.plan)
        bars = (wide.first_bar, wide.last_bar)
        span = self.judge.window(score, *bars)
        work = Found(failure, bars, span, self.judge.look(score, span), _leading_notes(score))
        for step in self._steps(work, score, number):
            work.found += step
            if any(self._is_clean(item, work) and not item.touches_lead for item in work.found):
                break
        work.ranked = self._ranked(work)
        return work

    def _steps(self, work: Found, score: Score, number: int) -> Iterator[Iterator[Candidate]]:
        failure = work.failure
        if failure.kind != "cadence" and not self._is_locked(failure):
            chords, keys = self.judge.chords, self.judge.keys
            singles = single_nudges(score, failure, chords, keys)
            yield self._nudged(work, score, [(item,) for item in singles[:MAX_SINGLES]])
            yield self._nudged(work, score, list(nudge_pairs(singles)))
        wide = widened(failure, self.plan)
        tracks = tuple(dict.fromkeys(name.split("/")[0] for name in failure.voices))
        for place, engine in enumerate(self.engines):
            if tracks:
                region = Region(failure.first_bar, failure.last_bar, tracks)
                yield self._refilled(work, score, engine, region, (number, place, 0))
            region = Region(failure.first_bar, failure.last_bar)
            yield self._refilled(work, score, engine, region, (number, place, 1))
            if wide.first_bar < failure.first_bar:
                region = Region(wide.first_bar, wide.last_bar)
                yield self._refilled(work, score, engine, region, (number, place, 2))

    def _is_locked(self, failure: Failure) -> bool:
        """Whether a user's hard constraint speaks of the bars: only engines know to keep those."""
        bars = range(max(1, failure.first_bar - 1), failure.last_bar + 1)
        return any(item.hard and item.covers(bar) for item in self.plan.constraints for bar in bars)

    def _nudged(
        self, work: Found, score: Score, choices: Sequence[tuple[Nudge, ...]]
    ) -> Iterator[Candidate]:
        for choice in choices:
            made = nudge_notes(score, choice)
            work.n += 1
            verdict = self.judge.look(made, work.span)
            if self._mends(verdict, work):
                cost = sum(item.cost for item in choice)
                yield self._candidate(work, score, made, "nudge", verdict, cost)

    def _refilled(
        self,
        work: Found,
        score: Score,
        engine: Engine,
        region: Region,
        names: tuple[int, int, int],
    ) -> Iterator[Candidate]:
        for attempt in range(self.candidates):
            rng = stage_rng(self.seed, "repair", *names, attempt)
            try:
                made, _ = engine.fill(self.plan, rng, (), given=score, region=region)
            except HybridError as error:
                work.refused.append(f"{engine.name}: {error}")
                return
            work.n += 1
            verdict = self.judge.look(made, work.span)
            if self._mends(verdict, work):
                yield self._candidate(work, score, made, engine.name, verdict)

    @staticmethod
    def _candidate(
        work: Found, score: Score, made: Score, maker: str, verdict: Verdict, cost: float = 0.0
    ) -> Candidate:
        old, new, _ = compare_notes(score, made)
        n_changed = max(len(old), len(new))
        touched = any((row[0], row[1], row[3]) in work.lead for row in old)
        return Candidate(made, maker, verdict, cost or n_changed, n_changed, touched, work.n)

    # Comparing ------------------------------------------------------------------------------

    @staticmethod
    def _mends(verdict: Verdict, work: Found) -> bool:
        """Whether the failure is gone and neither rules nor plan are kept worse than before.

        One may not be bought with the other; only lesser findings may come in exchange.
        """
        failure, before = work.failure, work.before
        if failure.identity in verdict.failing | verdict.astray:
            return False
        if len(verdict.failing) > len(before.failing) or len(verdict.astray) > len(before.astray):
            return False
        if failure.kind == HEARD:
            # On the analyser's word alone nothing may get worse.
            return verdict.everything <= before.everything
        return verdict.rank < before.rank

    @staticmethod
    def _is_clean(candidate: Candidate, work: Found) -> bool:
        return candidate.verdict.everything <= work.before.everything

    def _ranked(self, work: Found) -> list[Candidate]:
        """The best first.

        After what must hold comes the leading voice, which stays if it can. Then those are
        nearest that change the fewest notes, where that is asked for; then come the other
        findings, and among equals the learned parts decide.
        """
        nearest = self.nearest

        def key(item: Candidate) -> tuple[object, ...]:
            failing, astray, others, remarks = item.verdict.rank
            must = (not self._is_clean(item, work), failing, astray, item.touches_lead)
            near = (item.n_changed,) if nearest else ()
            return (*must, *near, others, remarks, *item.verdict.liking, item.cost, item.order)

        finalists = sorted(work.found, key=key)[: self.finalists]
        for item in finalists:
            item.verdict = self.judge.listen(item.verdict, item.score, work.span)
        return sorted(finalists, key=key)


def _leading_notes(score: Score) -> frozenset[tuple[int, int, int]]:
    """Track, onset and pitch of the notes of the highest voice."""
    voices = find_voices(score)
    if not voices:
        return frozenset()
    lead = voices[0]
    rows = zip(lead.notes["onset"].tolist(), lead.notes["pitch"].tolist(), strict=True)
    return frozenset((lead.track, onset, pitch) for onset, pitch in rows)
