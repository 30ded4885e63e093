"""The loop: analyse, name what failed, write only that anew, and go round until nothing fails.

For each failure candidates come in steps, from the smallest change to the largest: one note,
two notes, the failing voices' bar by the engine, all voices of it and of the bar before. The
first step with a candidate that mends the failure and breaks nothing else ends the search; if
there is none, the best of all that are better than before is taken. Findings that are to be mended
and departures from the plan never become more: one is not bought with the other.

References
----------
Ebcioğlu, K. (1990). An expert system for harmonizing chorales in the style of J. S. Bach.
Journal of Logic Programming, 8(1-2). (Generate and test, with the heuristics ranked.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hybrid.core.engine import Engine, Region
from hybrid.core.errors import ConfigError, HybridError
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed, stage_rng
from hybrid.core.trace import Trace
from hybrid.repair.failures import HEARD, Failure, name_failures, widened
from hybrid.repair.judge import Judge, Verdict
from hybrid.repair.nudges import MAX_SINGLES, Nudge, nudge_notes, nudge_pairs, single_nudges
from hybrid.repair.reading import Basis, Reading, plan_basis, read_score
from hybrid.repair.records import Repair, compare_notes, mended_trace
from hybrid.theory import RuleSet, load_rule_set
from hybrid.theory.voices import find_voices

if TYPE_CHECKING:
    from hybrid.harmony.analyse import Analyser

MAX_BUDGET = 10_000


@dataclass(frozen=True)
class RepairSettings:
    """How the loop works.

    Attributes
    ----------
    budget : int
        Failures that are tried in all, 0..10,000.
    candidates : int
        That an engine writes in each step, 1 or more.
    severities : tuple of str
        Findings of these are mended.
    with_plan : bool
        Whether departures from the plan are mended too.
    nearest : bool
        Prefer the fewest changed notes to what the learned parts like best.
    finalists : int
        Of the equals under the rules, how many the learned parts weigh.
    """

    budget: int = 32
    candidates: int = 3
    severities: tuple[str, ...] = ("error",)
    with_plan: bool = True
    nearest: bool = False
    finalists: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.budget <= MAX_BUDGET:
            raise ConfigError(f"repairs must be in 0..{MAX_BUDGET}, got {self.budget}")
        if self.candidates < 1:
            raise ConfigError(f"candidates must be 1 or more, got {self.candidates}")


@dataclass(frozen=True, eq=False)
class Mended:
    """What came of it.

    Attributes
    ----------
    score : Score
    before, after : Reading
    repairs : tuple of Repair
        Those that were taken and those that failed, in order.
    left : tuple of Failure
        What still fails.
    trace : Trace
    """

    score: Score
    before: Reading
    after: Reading
    repairs: tuple[Repair, ...]
    left: tuple[Failure, ...]
    trace: Trace

    @property
    def n_changed(self) -> int:
        """Notes changed by all repairs together."""
        return sum(repair.n_changed for repair in self.repairs if repair.is_mended)


@dataclass(eq=False)
class _Candidate:
    score: Score
    maker: str
    verdict: Verdict
    cost: float
    n_changed: int
    touches_lead: bool
    order: int


@dataclass(eq=False)
class _Try:
    """What has been found for one failure."""

    failure: Failure
    span: tuple[int, int]
    before: Verdict
    lead: frozenset[tuple[int, int, int]]
    found: list[_Candidate] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    n: int = 0


def mend(
    plan: FormPlan,
    score: Score,
    trace: Trace,
    engines: Sequence[Engine],
    rules: str | RuleSet,
    seed: int,
    settings: RepairSettings | None = None,
    hear: Callable[[], Analyser | None] | None = None,
    always_hear: bool = False,
    reading: Reading | None = None,
    basis: Basis | None = None,
    progress: Callable[[float], None] | None = None,
) -> Mended:
    """Mend a score under its plan.

    Parameters
    ----------
    plan : FormPlan
        Ready for engines.
    score : Score
        With the plan's tracks.
    trace : Trace
        What made the notes so far.
    engines : sequence of Engine
        Asked in turn; the first one is the one that wrote the piece.
    rules : str or RuleSet
    seed : int
        The same seed gives the same repairs.
    settings : RepairSettings, optional
    hear : callable, optional
        Gives the learned analyser. It is called only where something is to be weighed.
    always_hear : bool
        Also where no rule is broken, to find what only the analyser hears.
    reading : Reading, optional
        Of the score, where it was read before.
    basis : Basis, optional
        What the rules are told; the plan's chords and phrases where left out.
    progress : callable, optional
        Called with the share of the budget that is spent.

    Raises
    ------
    ConfigError
        If the rule set is unknown.
    """
    return _Loop(
        plan,
        tuple(engines),
        rules if isinstance(rules, RuleSet) else load_rule_set(rules),
        check_seed(seed),
        settings or RepairSettings(),
        hear,
        basis or plan_basis(plan, score),
        progress or (lambda share: None),
    ).run(score, trace, always_hear, reading)


class _Loop:
    def __init__(
        self,
        plan: FormPlan,
        engines: tuple[Engine, ...],
        rules: RuleSet,
        seed: int,
        settings: RepairSettings,
        hear: Callable[[], Analyser | None] | None,
        basis: Basis,
        progress: Callable[[float], None],
    ) -> None:
        self.plan, self.engines, self.rules, self.seed = plan, engines, rules, seed
        self.settings, self.hear, self.basis = settings, hear, basis
        self.progress = progress
        self.analyser: Analyser | None = None
        self.was_heard = False
        self.locked = tuple(item for item in plan.constraints if item.hard)

    def run(self, score: Score, trace: Trace, always_hear: bool, reading: Reading | None) -> Mended:
        if always_hear:
            self._analyser()
        if reading is None or (self.analyser is not None and not reading.analysis.heard):
            reading = self._read(score)
        before = reading
        repairs: list[Repair] = []
        tried: set[tuple[str, str, int, tuple[str, ...]]] = set()
        judge: Judge | None = None
        budget = self.settings.budget
        while len(repairs) < budget:
            failures = self._failures(reading, score)
            failure = next((item for item in failures if item.identity not in tried), None)
            if failure is None:
                break
            if not self.was_heard and self._analyser() is not None:
                # Something is to be mended, so the learned part is worth its loading.
                reading = self._read(score)
                before = before if before.analysis.heard else reading
                continue
            tried.add(failure.identity)
            judge = judge or self._judge(reading, score)
            repair, mended = self._mend_one(failure, score, reading, judge, len(repairs))
            repairs.append(repair)
            if repair.score is not None and mended is not None:
                score, reading = repair.score, mended
            self.progress(len(repairs) / budget)
        left = self._failures(reading, score)
        remarks = [str(doubt) for doubt in reading.doubts if doubt.agrees]
        return Mended(
            score, before, reading, tuple(repairs), left, mended_trace(trace, repairs, remarks)
        )

    def _analyser(self) -> Analyser | None:
        if not self.was_heard:
            self.was_heard = True
            self.analyser = self.hear() if self.hear is not None else None
        return self.analyser

    def _read(self, score: Score) -> Reading:
        return read_score(self.plan, score, self.rules, self.analyser, self.basis)

    def _failures(self, reading: Reading, score: Score) -> tuple[Failure, ...]:
        return name_failures(
            reading, self.plan, score, self.settings.severities, self.settings.with_plan
        )

    def _judge(self, reading: Reading, score: Score) -> Judge:
        weigh = getattr(self.engines[0], "weigh", None) if self.engines else None
        asked: Callable[[Score, tuple[int, int]], float | None] | None = None
        if weigh is not None:
            asked = lambda music, span: weigh(self.plan, music, span)  # noqa: E731
        return Judge(
            self.plan,
            self.rules,
            self.settings.severities,
            reading.analysis.chords,
            reading.analysis.keys,
            self.basis,
            self._analyser,
            asked,
        )

    # One failure ----------------------------------------------------------------------------

    def _mend_one(
        self, failure: Failure, score: Score, reading: Reading, judge: Judge, number: int
    ) -> tuple[Repair, Reading | None]:
        wide = widened(failure, self.plan)
        span = judge.window(score, wide.first_bar, wide.last_bar)
        work = _Try(failure, span, judge.look(score, span), _leading_notes(score))
        for step in self._steps(work, score, judge, number):
            for candidate in step:
                work.found.append(candidate)
            if any(self._is_clean(item, work) and not item.touches_lead for item in work.found):
                break
        for candidate in self._ranked(work, judge):
            changed = self._read(candidate.score)
            if not self._is_better(changed, candidate.score, reading, score, failure):
                work.refused.append(f"{candidate.maker}: the whole piece would be no better")
                continue
            before = judge.listen(work.before, score, span)
            old, new, changes = compare_notes(score, candidate.score)
            repair = Repair(
                failure,
                candidate.maker,
                (wide.first_bar, wide.last_bar),
                failure.voices,
                work.n,
                tuple(work.refused),
                before,
                candidate.verdict,
                changes,
                old,
                new,
                candidate.score,
            )
            return repair, changed
        if work.n and not work.refused:
            work.refused.append("no candidate was better than what stands there")
        bars = (wide.first_bar, wide.last_bar)
        return (
            Repair(failure, "", bars, failure.voices, work.n, tuple(work.refused), work.before),
            None,
        )

    def _steps(
        self, work: _Try, score: Score, judge: Judge, number: int
    ) -> Iterator[Iterator[_Candidate]]:
        failure = work.failure
        if failure.kind != "cadence" and not self._is_locked(failure):
            chords, keys = judge.chords, judge.keys
            singles = single_nudges(score, failure, chords, keys)
            yield self._nudged(work, score, judge, [(item,) for item in singles[:MAX_SINGLES]])
            yield self._nudged(work, score, judge, list(nudge_pairs(singles)))
        wide = widened(failure, self.plan)
        tracks = tuple(dict.fromkeys(name.split("/")[0] for name in failure.voices))
        for place, engine in enumerate(self.engines):
            if tracks:
                region = Region(failure.first_bar, failure.last_bar, tracks)
                yield self._refilled(work, score, judge, engine, region, (number, place, 0))
            region = Region(failure.first_bar, failure.last_bar)
            yield self._refilled(work, score, judge, engine, region, (number, place, 1))
            if wide.first_bar < failure.first_bar:
                region = Region(wide.first_bar, wide.last_bar)
                yield self._refilled(work, score, judge, engine, region, (number, place, 2))

    def _is_locked(self, failure: Failure) -> bool:
        """Whether a user's hard constraint speaks of the bars: only engines know to keep those."""
        bars = range(max(1, failure.first_bar - 1), failure.last_bar + 1)
        return any(item.covers(bar) for item in self.locked for bar in bars)

    def _nudged(
        self, work: _Try, score: Score, judge: Judge, choices: Sequence[tuple[Nudge, ...]]
    ) -> Iterator[_Candidate]:
        for choice in choices:
            made = nudge_notes(score, choice)
            work.n += 1
            verdict = judge.look(made, work.span)
            if self._mends(verdict, work):
                cost = sum(item.cost for item in choice)
                yield self._candidate(work, score, made, "nudge", verdict, cost)

    def _refilled(
        self,
        work: _Try,
        score: Score,
        judge: Judge,
        engine: Engine,
        region: Region,
        names: tuple[int, int, int],
    ) -> Iterator[_Candidate]:
        for attempt in range(self.settings.candidates):
            rng = stage_rng(self.seed, "repair", *names, attempt)
            try:
                made, _ = engine.fill(self.plan, rng, (), given=score, region=region)
            except HybridError as error:
                work.refused.append(f"{engine.name}: {error}")
                return
            work.n += 1
            verdict = judge.look(made, work.span)
            if self._mends(verdict, work):
                yield self._candidate(work, score, made, engine.name, verdict)

    @staticmethod
    def _candidate(
        work: _Try, score: Score, made: Score, maker: str, verdict: Verdict, cost: float = 0.0
    ) -> _Candidate:
        old, new, _ = compare_notes(score, made)
        n_changed = max(len(old), len(new))
        touched = any((row[0], row[1], row[3]) in work.lead for row in old)
        return _Candidate(made, maker, verdict, cost or n_changed, n_changed, touched, work.n)

    # Comparing ------------------------------------------------------------------------------

    @staticmethod
    def _mends(verdict: Verdict, work: _Try) -> bool:
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
    def _is_clean(candidate: _Candidate, work: _Try) -> bool:
        return candidate.verdict.everything <= work.before.everything

    def _ranked(self, work: _Try, judge: Judge) -> list[_Candidate]:
        """The best first.

        After what must hold comes the leading voice, which stays if it can. Then those are
        nearest that change the fewest notes, where that is asked for; then come the other
        findings, and among equals the learned parts decide.
        """
        nearest = self.settings.nearest

        def key(item: _Candidate) -> tuple[object, ...]:
            failing, astray, others, remarks = item.verdict.rank
            must = (not self._is_clean(item, work), failing, astray, item.touches_lead)
            near = (item.n_changed,) if nearest else ()
            return (*must, *near, others, remarks, *item.verdict.liking, item.cost, item.order)

        finalists = sorted(work.found, key=key)[: self.settings.finalists]
        for item in finalists:
            item.verdict = judge.listen(item.verdict, item.score, work.span)
        return sorted(finalists, key=key)

    def _is_better(
        self, after: Reading, new: Score, before: Reading, old: Score, failure: Failure
    ) -> bool:
        """The last word, on the whole piece: the failure is gone and nothing got worse."""
        left = self._failures(after, new)
        if failure.identity in {item.identity for item in left}:
            return False
        was = self._counts(before, self._failures(before, old))
        now = self._counts(after, left)
        if now[0] > was[0] or now[1] > was[1]:
            return False
        return now <= was if failure.kind == HEARD else now < was

    def _counts(self, reading: Reading, failures: Sequence[Failure]) -> tuple[int, int, int]:
        rules = sum(item.kind == "rule" for item in failures)
        warnings = sum(
            finding.severity != "info" and finding.severity not in self.settings.severities
            for finding in reading.analysis.findings
        )
        basses = sum(not fit.has_bass for fit in reading.fits)
        return rules, len(reading.analysis.deviations), warnings + basses


def _leading_notes(score: Score) -> frozenset[tuple[int, int, int]]:
    """Track, onset and pitch of the notes of the highest voice."""
    voices = find_voices(score)
    if not voices:
        return frozenset()
    lead = voices[0]
    rows = zip(lead.notes["onset"].tolist(), lead.notes["pitch"].tolist(), strict=True)
    return frozenset((lead.track, onset, pitch) for onset, pitch in rows)
