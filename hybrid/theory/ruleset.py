"""Rules and sets of rules as data: read from TOML, checked, immutable.

A set is a file in ``hybrid/theory/rulesets`` or anywhere else. A set may extend another
one and then names only what differs::

    name = "school"
    extends = "chorale"

    [rules.crossing]
    severity = "error"

    [rules.overlap]
    off = true

    [rules.range.params]
    soprano = ["C4", "G5"]

Examples
--------
>>> chorale = load_rule_set("chorale")
>>> chorale.rules["parallel_fifths"].severity
'error'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid.core.analysis import SEVERITIES
from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path

GROUPS = ("texture", "motion", "melody", "harmony")
NEEDS = ("notes", "key", "chords")
_TEXTS = ("name", "group", "needs", "severity", "checks", "why", "mend", "source")
_FIELDS = frozenset({*_TEXTS, "hard", "params", "off"})
_SET_FIELDS = frozenset({"name", "title", "extends", "sources", "rules"})


@dataclass(frozen=True)
class Rule:
    """One rule of a set.

    Attributes
    ----------
    id : str
        What findings name: ``parallel_fifths``.
    name : str
        What people call it.
    group : str
        One of `GROUPS`.
    needs : str
        One of `NEEDS`: what must be known for the rule to be checked.
    severity : str
        One of `hybrid.core.analysis.SEVERITIES`.
    hard : bool
        Whether the engine ``rules`` may never break it.
    checks, why, mend, source : str
        What is looked for, the reason, the remedy, book and chapter.
    params : Mapping
        Thresholds; semitones unless the name says otherwise.
    """

    id: str
    name: str
    group: str
    needs: str
    severity: str
    hard: bool
    checks: str
    why: str
    mend: str
    source: str
    params: Mapping[str, Any]

    def __post_init__(self) -> None:
        for field, allowed in (("group", GROUPS), ("needs", NEEDS), ("severity", SEVERITIES)):
            value = getattr(self, field)
            if value not in allowed:
                raise ConfigError(
                    f"Rule.{field} must be one of {', '.join(allowed)}, got {value!r} "
                    f"(rule {self.id})"
                )
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))


@dataclass(frozen=True)
class RuleSet:
    """Rules that are checked together, in the order of their file.

    Attributes
    ----------
    name, title : str
    rules : Mapping of str to Rule
        By id.
    references : tuple of str
        The books and papers that the rules cite, in full.
    """

    name: str
    title: str
    rules: Mapping[str, Rule]
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", MappingProxyType(dict(self.rules)))
        object.__setattr__(self, "references", tuple(self.references))

    @property
    def hard(self) -> tuple[str, ...]:
        """Ids of the rules that may never be broken."""
        return tuple(rule.id for rule in self.rules.values() if rule.hard)

    def only(self, *ids: str) -> RuleSet:
        """The set of the named rules alone.

        Raises
        ------
        ConfigError
            If the set lacks one of them.
        """
        for rule in ids:
            if rule not in self.rules:
                raise ConfigError(f"rule must be in the set {self.name!r}, got {rule!r}")
        return replace(self, rules={rule: self.rules[rule] for rule in ids})


def load_rule_set(name: str | Path) -> RuleSet:
    """Read a set by its name or from a TOML file.

    Parameters
    ----------
    name : str or Path
        ``"chorale"`` or another set that ships with the package, or a path that ends in
        ``.toml``.

    Raises
    ------
    ConfigError
        If there is no such set, or the file has unknown keys or values.
    """
    if isinstance(name, Path) or str(name).endswith(".toml"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"rule set must be a readable TOML file, got {path}: {error}"
            ) from None
        return _build(text, str(path), ())
    return _shipped(str(name))


def shipped_rule_sets() -> tuple[str, ...]:
    """Names of the sets that ship with the package."""
    return tuple(sorted(path.stem for path in resource_path("theory", "rulesets").glob("*.toml")))


@lru_cache(maxsize=32)
def _shipped(name: str, seen: tuple[str, ...] = ()) -> RuleSet:
    if name not in shipped_rule_sets():
        raise ConfigError(
            f"rule set must be one of {', '.join(shipped_rule_sets())} or a .toml file, "
            f"got {name!r}"
        )
    path = resource_path("theory", "rulesets", f"{name}.toml")
    return _build(path.read_text(encoding="utf-8"), name, seen)


def _build(text: str, where: str, seen: tuple[str, ...]) -> RuleSet:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"rule set must be valid TOML, got {error} ({where})") from None
    _known(data, _SET_FIELDS, where)
    base: RuleSet | None = None
    if "extends" in data:
        if data["extends"] in seen:
            raise ConfigError(f"rule set must not extend itself, got {data['extends']!r} ({where})")
        base = _shipped(data["extends"], (*seen, where))
    rules = dict(base.rules) if base else {}
    sources = _sources(data.get("sources", {}), where)
    for rule_id, values in data.get("rules", {}).items():
        _known(values, _FIELDS, f"{where}, rule {rule_id}")
        if "source" in values:
            values["source"] = _cite(values["source"], sources)
        if values.get("off", False):
            rules.pop(rule_id, None)
        elif rule_id in rules:
            changes = {key: value for key, value in values.items() if key not in ("off", "params")}
            params = {**rules[rule_id].params, **values.get("params", {})}
            rules[rule_id] = replace(rules[rule_id], **changes, params=params)
        else:
            missing = [key for key in _TEXTS if key not in values]
            if missing:
                raise ConfigError(
                    f"a new rule must have {', '.join(_TEXTS)}, got none of "
                    f"{', '.join(missing)} ({where}, rule {rule_id})"
                )
            fields = {key: values[key] for key in _TEXTS}
            rules[rule_id] = Rule(
                id=rule_id,
                hard=values.get("hard", False),
                params=values.get("params", {}),
                **fields,
            )
    title = data.get("title", base.title if base else "")
    references = (*(base.references if base else ()), *(full for _, full in sources.values()))
    return RuleSet(data.get("name", Path(where).stem), title, rules, references)


def _sources(table: Mapping[str, Any], where: str) -> dict[str, tuple[str, str]]:
    """Abbreviation to short and full citation."""
    sources = {}
    for name, value in table.items():
        if not isinstance(value, list) or len(value) != 2:
            raise ConfigError(
                f"a source must be a short and a full citation, got {value!r} ({where}, {name})"
            )
        sources[name] = (str(value[0]), str(value[1]))
    return sources


def _cite(text: str, sources: Mapping[str, tuple[str, str]]) -> str:
    """A rule's source with short citations instead of abbreviations: ``ASC ch. 6``."""
    cited = []
    for part in text.split("; "):
        first, _, place = part.partition(" ")
        name = first.rstrip(",")
        short = sources[name][0] + "," * bool(place) if name in sources else first
        cited.append(f"{short} {place}".strip())
    return "; ".join(cited)


def _known(values: Mapping[str, Any], allowed: frozenset[str], where: str) -> None:
    unknown = sorted(set(values) - allowed)
    if unknown:
        raise ConfigError(
            f"rule set keys must be among {', '.join(sorted(allowed))}, "
            f"got {', '.join(unknown)} ({where})"
        )
