"""The loop: analyse, name what failed, write only that anew, and go round until nothing fails.

For each failure candidates come from `hybrid.repair.search`. The best of those that are better is
taken. Findings that are to be mended and departures from the plan never become more: one is not
bought with the other.

References
----------
Ebcioğlu, K. (1990). An expert system for harmonizing chorales in the style of J. S. Bach.
Journal of Logic Programming, 8(1-2). (Generate and test, with the heuristics ranked.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hybrid.core.engine import Engine
from hybrid.core.errors import ConfigError
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed
from hybrid.core.trace import Trace
from hybrid.repair.failures import HEARD, Failure, name_failures
from hybrid.repair.judge import Judge
from hybrid.repair.reading import Basis, Reading, plan_basis, read_score
from hybrid.repair.records import Repair, compare_notes, mended_trace
from hybrid.repair.search import Search
from hybrid.theory import RuleSet, load_rule_set

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

    def run(self, score: Score, trace: Trace, always_hear: bool, reading: Reading | None) -> Mended:
        if always_hear:
            self._analyser()
        if reading is None or (self.analyser is not None and not reading.analysis.heard):
            reading = self._read(score)
        before = reading
        repairs: list[Repair] = []
        tried: set[tuple[str, str, int, tuple[str, ...]]] = set()
        search: Search | None = None
        budget = self.settings.budget
        while len(repairs) < budget:
            failures = self._failures(reading, score)
            failure = next((item for item in failures if item.identity not in tried), None)
            if failure is None:
                if self._is_unheard(reading):
                    reading = self._read(score)
                    continue
                break
            if not self.was_heard and self._analyser() is not None:
                # Something is to be mended, so the learned part is worth its loading.
                reading = self._read(score)
                before = before if before.analysis.heard else reading
                continue
            tried.add(failure.identity)
            search = search or self._search(reading)
            repair, mended = self._mend_one(failure, score, reading, search, len(repairs))
            repairs.append(repair)
            if repair.score is not None and mended is not None:
                score, reading = repair.score, mended
            self.progress(len(repairs) / budget)
        if self._is_unheard(reading):
            reading = self._read(score)
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

    def _is_unheard(self, reading: Reading) -> bool:
        """Whether the analyser has not heard the score since it was changed."""
        sounds = any(fit.sounding for fit in reading.fits)
        return self.analyser is not None and reading.likelihood is None and sounds

    def _reread(self, made: Score, score: Score, reading: Reading, failure: Failure) -> Reading:
        """The reading of a changed score.

        The analyser hears the whole piece again when nothing else is left to mend; until then
        its doubts stand wherever nothing changed.
        """
        if failure.kind == HEARD:
            return self._read(made)
        plain = read_score(self.plan, made, self.rules, None, self.basis)
        old, new, _ = compare_notes(score, made)
        low = min(row[1] for row in (*old, *new))
        high = max(row[2] for row in (*old, *new))
        doubts = tuple(
            doubt for doubt in reading.doubts if doubt.span.end <= low or doubt.span.onset >= high
        )
        return replace(plain, doubts=doubts)

    def _failures(self, reading: Reading, score: Score) -> tuple[Failure, ...]:
        return name_failures(
            reading, self.plan, score, self.settings.severities, self.settings.with_plan
        )

    def _search(self, reading: Reading) -> Search:
        weigh = getattr(self.engines[0], "weigh", None) if self.engines else None
        asked: Callable[[Score, tuple[int, int]], float | None] | None = None
        if weigh is not None:
            asked = lambda music, span: weigh(self.plan, music, span)  # noqa: E731
        judge = Judge(
            self.plan,
            self.rules,
            self.settings.severities,
            reading.analysis.chords,
            reading.analysis.keys,
            self.basis,
            self._analyser,
            asked,
        )
        settings = self.settings
        return Search(
            self.plan,
            self.engines,
            judge,
            self.seed,
            settings.candidates,
            settings.finalists,
            settings.nearest,
        )

    # One failure ----------------------------------------------------------------------------

    def _mend_one(
        self, failure: Failure, score: Score, reading: Reading, search: Search, number: int
    ) -> tuple[Repair, Reading | None]:
        found = search.find(failure, score, number)
        for candidate in found.ranked:
            changed = self._reread(candidate.score, score, reading, failure)
            if not self._is_better(changed, candidate.score, reading, score, failure):
                found.refused.append(f"{candidate.maker}: the whole piece would be no better")
                continue
            old, new, changes = compare_notes(score, candidate.score)
            repair = Repair(
                failure,
                candidate.maker,
                found.bars,
                failure.voices,
                found.n,
                tuple(found.refused),
                search.judge.listen(found.before, score, found.span),
                candidate.verdict,
                changes,
                old,
                new,
                candidate.score,
            )
            return repair, changed
        if found.n and not found.refused:
            found.refused.append("no candidate was better than what stands there")
        refused = tuple(found.refused)
        left = Repair(failure, "", found.bars, failure.voices, found.n, refused, found.before)
        return left, None

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
