"""Scores from outside: the plan is read from the notes, and as little as can be is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import SEVERITIES, Finding
from hybrid.core.engine import Engine
from hybrid.core.errors import ConfigError, PlanError
from hybrid.core.plan import FormPlan
from hybrid.core.score import Marker, Score
from hybrid.core.trace import Trace
from hybrid.repair.loop import Mended, RepairSettings, mend
from hybrid.repair.reading import Basis
from hybrid.repair.records import Change, Repair, compare_notes
from hybrid.theory import RuleSet, check, infer_chords, load_rule_set

if TYPE_CHECKING:
    from hybrid.harmony.analyse import Analyser


@dataclass(frozen=True, eq=False)
class MendedFile:
    """A score from outside before and after.

    Attributes
    ----------
    plan : FormPlan or None
        Read from the notes; None where nothing was to be mended.
    given, score : Score
        Before and after, with the file's own names of tracks.
    steps : tuple of Score
        The score after each repair that was taken.
    mended : Mended or None
    before, after : tuple of Finding
        All findings of the rule set, harmony read anew from the notes each time.
    rules : RuleSet
    names : mapping of str to str
        The file's names of tracks by the plan's.
    severities : tuple of str
        That were to be mended.
    """

    plan: FormPlan | None
    given: Score
    score: Score
    steps: tuple[Score, ...]
    mended: Mended | None
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    rules: RuleSet
    names: dict[str, str]
    severities: tuple[str, ...]

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """All tries, those that failed too."""
        return self.mended.repairs if self.mended else ()

    @property
    def taken(self) -> tuple[Repair, ...]:
        """Those that changed the score, in order."""
        return tuple(repair for repair in self.repairs if repair.is_mended)

    @property
    def left(self) -> tuple[Finding, ...]:
        """Findings that were to be mended and are still there."""
        return tuple(item for item in self.after if item.severity in self.severities)

    @property
    def n_changed(self) -> int:
        """Notes that differ between the first score and the last."""
        old, new, _ = compare_notes(self.given, self.score)
        return max(len(old), len(new))

    def own_names(self, text: str) -> str:
        """A text with the file's names of tracks in place of the plan's."""
        for planned, own in sorted(self.names.items(), key=lambda item: -len(item[0])):
            if planned != own:
                text = text.replace(planned, own)
        return text

    def changes(self, repair: Repair) -> tuple[Change, ...]:
        """Changes of a repair, tracks called as in the file."""
        return tuple(
            replace(item, track=self.names.get(item.track, item.track)) for item in repair.changes
        )

    def table(self) -> list[tuple[str, str, int, int]]:
        """Rule, severity, findings before and after, for each rule that was ever found."""
        was = Counter(item.rule for item in self.before)
        now = Counter(item.rule for item in self.after)
        rows = [
            (rule.id, rule.severity, was[rule.id], now[rule.id])
            for rule in self.rules.rules.values()
            if was[rule.id] or now[rule.id]
        ]
        return sorted(rows, key=lambda row: SEVERITIES.index(row[1]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rules": self.rules.name,
            "findings": [
                {"rule": rule, "severity": severity, "before": was, "after": now}
                for rule, severity, was, now in self.table()
            ],
            "notes_changed": self.n_changed,
            "repairs": [
                {
                    **repair.to_dict(),
                    "reason": self.own_names(repair.failure.message),
                    "changes": [str(change) for change in self.changes(repair)],
                }
                for repair in self.repairs
            ],
            "left": [str(item) for item in self.left],
        }


def mend_score(
    score: Score,
    engines: Sequence[Engine],
    rules: str | RuleSet = "chorale",
    seed: int = 1,
    *,
    severities: tuple[str, ...] = ("error",),
    budget: int = 32,
    candidates: int = 2,
    hear: Callable[[], Analyser | None] | None = None,
    progress: Callable[[float], None] | None = None,
) -> MendedFile:
    """Mend a score from outside with the smallest change that can be found.

    Parameters
    ----------
    score : Score
    engines : sequence of Engine
        That write bars anew where one or two other pitches do not help.
    rules : str or RuleSet
    seed : int
    severities : tuple of str
        Findings of these are mended.
    budget : int
        Findings that are tried.
    candidates : int
        Of an engine in each step.
    hear : callable, optional
        Gives the learned analyser, which chooses among equals.
    progress : callable, optional

    Raises
    ------
    ConfigError
        If a rule set or a severity is unknown.
    ScoreError
        If there are findings to mend but no plan can be read.
    """
    rule_set = rules if isinstance(rules, RuleSet) else load_rule_set(rules)
    unknown = [name for name in severities if name not in SEVERITIES]
    if unknown:
        raise ConfigError(f"severity must be one of {', '.join(SEVERITIES)}, got {unknown[0]!r}")
    before = check(score, rule_set)
    if not any(item.severity in severities for item in before):
        return MendedFile(None, score, score, (), None, before, before, rule_set, {}, severities)
    plan, given, names, writers = _prepared(score, engines)
    # The rules are told what `check` finds out by itself, so that both see the same faults.
    basis = Basis(infer_chords(given), ())
    settings = RepairSettings(
        budget=budget,
        candidates=candidates,
        severities=severities,
        with_plan=False,
        nearest=True,
    )
    mended = mend(
        plan,
        given,
        Trace(),
        writers,
        rule_set,
        seed,
        settings,
        hear,
        basis=basis,
        progress=progress,
    )
    steps = tuple(
        _restored(repair.score, score, names)
        for repair in mended.repairs
        if repair.score is not None
    )
    last = steps[-1] if steps else score
    after = check(last, rule_set) if steps else before
    return MendedFile(plan, score, last, steps, mended, before, after, rule_set, names, severities)


def _prepared(
    score: Score, engines: Sequence[Engine]
) -> tuple[FormPlan, Score, dict[str, str], Sequence[Engine]]:
    """The plan of a score, the score as engines know it, and those that can write in it."""
    from hybrid.symbolic_transformer.rewriting import plan_of, to_length
    from hybrid.theory.extract import extract_plan

    try:
        plan, given, names = plan_of(score, None)
    except PlanError:
        # Tracks that no plan seats: small changes are still possible, engines are of no use.
        return extract_plan(score), score, {}, ()
    return plan, to_length(given, plan), names, engines


def _restored(made: Score, score: Score, names: dict[str, str]) -> Score:
    """A score with the names, the length and the tracks' order of the one it came from."""
    tracks = tuple(replace(track, name=names.get(track.name, track.name)) for track in made.tracks)
    last = max((track.end for track in tracks), default=0)
    return replace(made, tracks=tracks, length=max(score.length, last))


def with_markers(file: MendedFile) -> Score:
    """The mended score with a marker for each change, for editors and players."""
    markers = list(file.score.markers)
    for number, repair in enumerate(file.taken, start=1):
        for change in file.changes(repair)[:1]:
            markers.append(Marker(change.tick, f"mended {number}: {change}"))
    return replace(file.score, markers=tuple(sorted(markers, key=lambda item: item.tick)))
