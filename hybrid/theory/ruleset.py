"""Rules and sets of rules as data: read from TOML, checked, immutable.

A set is a file in ``hybrid/theory/rulesets`` or anywhere else. A set may extend another
one, of which it may keep some rules only, and then names what differs; it may take rules from
other shipped sets, and have rules of its own by a pattern (`hybrid.theory.patterns`)::

    name = "school"
    extends = "chorale"

    [rules.crossing]
    severity = "error"

    [rules.overlap]
    off = true

    [rules.range.params]
    soprano = ["C4", "G5"]

    [rules.leap_turn]
    from = "fux1"

    [rules.no_bare_fourths]
    severity = "warning"
    pattern = { kind = "vertical", intervals = ["P4"], voices = "outer", at = "bar" }

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
from hybrid.core.errors import ConfigError, ScoreError
from hybrid.core.pitch import parse_pitch
from hybrid.core.resources import resource_path
from hybrid.theory.patterns import GROUP_OF_KIND, Pattern, parse_pattern

GROUPS = ("texture", "motion", "melody", "harmony", "dissonance", "rhythm", "frame")
NEEDS = ("notes", "key", "chords", "cantus")
#: Where a rule of species counterpoint or of jazz stands: in the cited treatise, in the
#: teaching that followed it. Rules of other sets say nothing (``""``).
BASES = ("", "treatise", "convention")
_TEXTS = ("name", "group", "needs", "severity", "checks", "why", "mend", "source")
_FIELDS = frozenset({*_TEXTS, "basis", "hard", "params", "off", "from", "pattern"})
_SET_FIELDS = frozenset({"name", "title", "extends", "only", "sources", "rules"})


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
    basis : str
        One of `BASES`.
    pattern : Pattern or None
        Of a rule that a set declares itself; None where a check of ours decides the rule.
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
    basis: str = ""
    pattern: Pattern | None = None

    def __post_init__(self) -> None:
        for field, allowed in (
            ("group", GROUPS),
            ("needs", NEEDS),
            ("severity", SEVERITIES),
            ("basis", BASES),
        ):
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
    for field in ("name", "title", "extends"):
        _typed(data.get(field, ""), str, field, where)
    base: RuleSet | None = None
    if "extends" in data:
        if data["extends"] in seen:
            raise ConfigError(f"rule set must not extend itself, got {data['extends']!r} ({where})")
        base = _shipped(data["extends"], (*seen, where))
    rules = dict(base.rules) if base else {}
    if "only" in data:
        rules = _only(data["only"], rules, where)
    sources = _sources(data.get("sources", {}), where)
    for rule_id, values in _typed(data.get("rules", {}), dict, "rules", where).items():
        place = f"{where}, rule {rule_id}"
        _known(_typed(values, dict, f"rules.{rule_id}", where), _FIELDS, place)
        if "source" in values:
            values["source"] = _cite(_typed(values["source"], str, "source", place), sources)
        if _typed(values.get("off", False), bool, "off", place):
            if rule_id not in rules:
                raise ConfigError(f"off must be said of a rule that the set has ({place})")
            rules.pop(rule_id)
            continue
        if "from" in values:
            rules[rule_id] = _taken(values["from"], rule_id, (*seen, where), place)
        if rule_id in rules:
            rules[rule_id] = _changed(rules[rule_id], values, place)
        elif "pattern" in values:
            rules[rule_id] = _own(rule_id, values, place)
        else:
            rules[rule_id] = _defined(rule_id, values, where in shipped_rule_sets(), place)
    title = data.get("title", base.title if base else "")
    references = (*(base.references if base else ()), *(full for _, full in sources.values()))
    name = data.get("name", Path(where).stem)
    return RuleSet(name, title, rules, tuple(dict.fromkeys(references)))


def _only(ids: Any, rules: Mapping[str, Rule], where: str) -> dict[str, Rule]:
    """The named rules of the set that is extended."""
    for rule_id in _typed(ids, list, "only", where):
        if rule_id not in rules:
            raise ConfigError(
                f"only must name rules of the set that is extended, got {rule_id!r} ({where})"
            )
    return {rule_id: rules[rule_id] for rule_id in ids}


def _taken(name: Any, rule_id: str, seen: tuple[str, ...], place: str) -> Rule:
    """A rule of another shipped set."""
    if _typed(name, str, "from", place) in seen:
        raise ConfigError(f"from must name another set, got {name!r} ({place})")
    other = _shipped(name, seen)
    if rule_id not in other.rules:
        raise ConfigError(f"from must name a set that has the rule, got {name!r} ({place})")
    return other.rules[rule_id]


def _changed(rule: Rule, values: Mapping[str, Any], place: str) -> Rule:
    """A rule with other texts, severity or thresholds."""
    if "pattern" in values:
        raise ConfigError(f"a pattern must have an id of its own, got one that is taken ({place})")
    changes = {key: value for key, value in values.items() if key not in ("off", "params", "from")}
    _check_types(changes, place)
    params = _typed(values.get("params", {}), dict, "params", place)
    _check_params(rule, params, place)
    return replace(rule, **changes, params={**rule.params, **params})


def _own(rule_id: str, values: Mapping[str, Any], place: str) -> Rule:
    """A rule that the set declares by a pattern; what it leaves out is filled in."""
    if "severity" not in values:
        raise ConfigError(f"a rule with a pattern must have a severity, got none ({place})")
    if "params" in values:
        raise ConfigError(f"a rule with a pattern must have no params, got some ({place})")
    pattern = parse_pattern(values["pattern"], place)
    fields = {
        "name": rule_id.replace("_", " ").capitalize(),
        "group": GROUP_OF_KIND[pattern.kind],
        "needs": "notes",
        "checks": pattern.describe(),
        "why": "A rule of this set.",
        "mend": "Write it otherwise.",
        "source": "this set",
        **{key: value for key, value in values.items() if key != "pattern"},
    }
    _check_types(fields, place)
    return Rule(id=rule_id, hard=fields.pop("hard", False), params={}, pattern=pattern, **fields)


def _defined(rule_id: str, values: Mapping[str, Any], is_shipped: bool, place: str) -> Rule:
    """A rule of a shipped set, which a check of ours decides."""
    if not is_shipped:
        raise ConfigError(
            "a rule must be one of the set that is extended, be taken from a set (from) or have "
            f"a pattern, got {rule_id!r} ({place})"
        )
    missing = [key for key in _TEXTS if key not in values]
    if missing:
        raise ConfigError(
            f"a new rule must have {', '.join(_TEXTS)}, got none of {', '.join(missing)} ({place})"
        )
    return Rule(
        id=rule_id,
        hard=values.get("hard", False),
        params=values.get("params", {}),
        basis=values.get("basis", ""),
        **{key: values[key] for key in _TEXTS},
    )


def _check_types(values: Mapping[str, Any], place: str) -> None:
    for key, value in values.items():
        _typed(value, bool if key == "hard" else str, key, place)


def _check_params(rule: Rule, params: Mapping[str, Any], place: str) -> None:
    """Names and types of thresholds are those of the rule; ranges are pairs of pitches."""
    for key, value in params.items():
        if rule.id == "range":
            _check_range(value, key, place)
            continue
        if key not in rule.params:
            known = ", ".join(rule.params) or "none"
            raise ConfigError(f"params must be among {known}, got {key!r} ({place})")
        old = rule.params[key]
        kind: type | tuple[type, ...] = type(old)
        if kind in (int, float):
            kind = (int, float)
        _typed(value, kind, f"params.{key}", place)
        if isinstance(old, list) and old:
            for item in value:
                _typed(item, type(old[0]), f"params.{key}", place)


def _check_range(value: Any, key: str, place: str) -> None:
    if not isinstance(value, list) or len(value) != 2:
        raise ConfigError(f"a range must be two pitches, got {value!r} ({place}, {key})")
    try:
        low, high = (parse_pitch(str(pitch))[0] for pitch in value)
    except ScoreError as error:
        raise ConfigError(f"{error} ({place}, {key})") from None
    if low > high:
        raise ConfigError(f"a range must name the lower pitch first, got {value!r} ({place})")


def _typed(value: Any, kind: type | tuple[type, ...], key: str, place: str) -> Any:
    """The value, if it is of a kind (a truth value is no number)."""
    is_bool = isinstance(value, bool)
    if not isinstance(value, kind) or (is_bool and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(_KINDS[one] for one in kinds)
        raise ConfigError(f"{key} must be {names}, got {value!r} ({place})")
    return value


_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


def _sources(table: Mapping[str, Any], where: str) -> dict[str, tuple[str, str]]:
    """Abbreviation to short and full citation."""
    sources = {}
    for name, value in _typed(table, dict, "sources", where).items():
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
