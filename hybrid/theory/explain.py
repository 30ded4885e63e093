"""Rules in words, for teachers and students, and Bach's own rate beside a piece's.

Examples
--------
>>> one_line("parallel_octaves")
'Parallel octaves: move one voice contrary or oblique, or double another tone in one of the chords.'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from hybrid.core.analysis import Finding
from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.theory.ruleset import Rule, RuleSet
from hybrid.theory.tables import CHORALE


@dataclass(frozen=True)
class RateRow:
    """How often a piece breaks a rule, beside Bach; findings per 1,000 onset slices."""

    rule: str
    name: str
    severity: str
    hard: bool
    findings: int
    rate: float
    bach: float


def one_line(rule: str, rules: RuleSet = CHORALE) -> str:
    """A rule's name and how to mend it."""
    found = _rule(rule, rules)
    return f"{found.name}: {found.mend[0].lower()}{found.mend[1:]}"


def explain(rule: str, rules: RuleSet = CHORALE) -> str:
    """What is looked for, why, how to mend it, how often Bach does it, and where it is written.

    Parameters
    ----------
    rule : str
        Id of a rule.
    rules : RuleSet
        The set it belongs to.

    Raises
    ------
    ConfigError
        If the set has no such rule.
    """
    found = _rule(rule, rules)
    lines = [
        f"{found.name} ({found.id}; {found.severity}{', hard' if found.hard else ''})",
        f"  What: {found.checks}",
        f"  Why:  {found.why}",
        f"  Mend: {found.mend}",
    ]
    if found.params:
        values = ", ".join(f"{name} = {_plain(value)}" for name, value in found.params.items())
        lines.append(f"  With: {values}")
    if rule in _bach()["findings"]:
        lines.append(f"  Bach: {_frequency(bach_rate(rule))}")
    lines.append(f"  From: {found.source}")
    return "\n".join(lines)


def _frequency(rate: float) -> str:
    if rate == 0:
        return f"never in {_bach()['pieces']} chorales"
    return f"{rate:.1f} times in 1,000 onset slices ({_bach()['pieces']} chorales)"


def _plain(value: Any) -> str:
    return "-".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _rule(rule: str, rules: RuleSet) -> Rule:
    if rule not in rules.rules:
        raise ConfigError(f"rule must be in the set {rules.name!r}, got {rule!r}")
    return rules.rules[rule]


def bach_rate(rule: str, with_labels: bool = False) -> float:
    """Findings of a rule in 80 chorales by Bach, per 1,000 onset slices.

    Parameters
    ----------
    rule : str
        Id of a rule of the set ``chorale``.
    with_labels : bool
        For rules of harmony: the rate where chords are people's and not inferred. Compare
        a piece whose chords were handed to the checker with this one.

    Raises
    ------
    ConfigError
        If the rule was not counted.
    """
    data = _bach()
    if rule not in data["findings"]:
        raise ConfigError(f"rule must be one that was counted in Bach, got {rule!r}")
    counts = {**data["findings"], **(data["findings_with_labels"] if with_labels else {})}
    return float(1000.0 * counts[rule] / data["slices"])


def beside_bach(
    findings: Iterable[Finding],
    n_slices: int,
    rules: RuleSet = CHORALE,
    with_labels: bool = False,
) -> tuple[RateRow, ...]:
    """A row for every rule that the piece or Bach breaks, in the order of the set.

    Parameters
    ----------
    findings : iterable of Finding
        From `hybrid.theory.checker.check`.
    n_slices : int
        Onset slices of the piece: ``len(slice_score(score))``.
    rules : RuleSet
    with_labels : bool
        As in `bach_rate`.

    Examples
    --------
    >>> next(row.bach for row in beside_bach((), 100) if row.rule == "crossing") > 20
    True
    """
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    rows = []
    for rule in rules.rules.values():
        bach = bach_rate(rule.id, with_labels) if rule.id in _bach()["findings"] else 0.0
        count = counts.get(rule.id, 0)
        if count or bach:
            rate = 1000.0 * count / max(1, n_slices)
            rows.append(RateRow(rule.id, rule.name, rule.severity, rule.hard, count, rate, bach))
    return tuple(rows)


@lru_cache(maxsize=1)
def _bach() -> Mapping[str, Any]:
    text = resource_path("theory", "bach_rates.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
