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
from hybrid.theory.ruleset import Rule, RuleSet, load_rule_set, shipped_rule_sets
from hybrid.theory.tables import CHORALE

#: What is said of a rule's basis.
BASES = {"treatise": "stated there", "convention": "a convention of teaching"}


@dataclass(frozen=True)
class RateRow:
    """How often a piece breaks a rule, beside Bach; findings per 1,000 onset slices.

    ``bach`` is None for rules that were not counted in his chorales.
    """

    rule: str
    name: str
    severity: str
    hard: bool
    findings: int
    rate: float
    bach: float | None


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
    basis = f" ({BASES[found.basis]})" if found.basis else ""
    lines.append(f"  From: {found.source}{basis}")
    return "\n".join(lines)


def list_rule_sets() -> str:
    """The sets that ship with the package, one a line: name, number of rules, title."""
    lines = ["set           rules  what"]
    for name in shipped_rule_sets():
        rules = load_rule_set(name)
        lines.append(f"{name:<14}{len(rules.rules):>5}  {rules.title}")
    return "\n".join(lines)


def list_rules_of(rules: RuleSet) -> str:
    """The rules of a set, one a line: id, severity, basis (or hard), name."""
    width = max((len(rule) for rule in rules.rules), default=0) + 2
    lines = [f"{rules.name}: {rules.title}".rstrip(": ")]
    for rule in rules.rules.values():
        remark = rule.basis or ("hard" if rule.hard else "")
        lines.append(f"{rule.id:<{width}}{rule.severity:<9}{remark:<12}{rule.name}")
    return "\n".join(lines)


def _frequency(rate: float) -> str:
    if rate == 0:
        return f"never in {_bach()['pieces']} chorales"
    return f"{rate:.1f} times in 1,000 onset slices ({_bach()['pieces']} chorales)"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        is_range = len(value) == 2 and all(str(item)[:1] in "ABCDEFG" for item in value)
        return ("-" if is_range else " ").join(str(item) for item in value) or "none"
    return str(value)


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
    >>> next(round(row.bach) for row in beside_bach((), 100) if row.rule == "crossing")
    27
    """
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    rows = []
    for rule in rules.rules.values():
        bach = bach_rate(rule.id, with_labels) if rule.id in _bach()["findings"] else None
        count = counts.get(rule.id, 0)
        if count or bach:
            rate = 1000.0 * count / max(1, n_slices)
            rows.append(RateRow(rule.id, rule.name, rule.severity, rule.hard, count, rate, bach))
    return tuple(rows)


@lru_cache(maxsize=1)
def _bach() -> Mapping[str, Any]:
    text = resource_path("theory", "bach_rates.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
