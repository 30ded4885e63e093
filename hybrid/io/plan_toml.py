"""FormPlan <-> TOML; docs/plan-format.md describes every key.

Any part may be left out. An unknown key fails and names the nearest known one; a value out
of range fails with the table it stands in, and its line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from hybrid.core.errors import PlanError, ScoreError
from hybrid.core.plan import (
    Constraint,
    FormPlan,
    Phrase,
    Section,
    Shared,
    format_chords,
    parse_chords,
)
from hybrid.core.timeline import Metre
from hybrid.io.atomic import write_text
from hybrid.io.plan_loader import PlanLoader, line_numbers

_BARS_A_LINE = 4
_LINE_WIDTH = 80


def read_plan(path: str | Path) -> FormPlan:
    """Read a plan from a TOML file.

    Raises
    ------
    PlanError
        If the file cannot be read, is no TOML, has an unknown key or a value that breaks a
        rule; the message names file, line, table and rule.
    """
    source = Path(path)
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise PlanError(f"cannot read the plan {source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PlanError(
            f"{source}: a plan must be UTF-8 text, byte {error.start} is not"
        ) from error
    return parse_plan(text, str(source))


def parse_plan(text: str, source: str = "plan") -> FormPlan:
    """Read a plan from TOML text; ``source`` names it in errors.

    Examples
    --------
    >>> plan = parse_plan('key = "G minor"\\n[[sections]]\\nbars = 8')
    >>> plan.key.name, plan.sections[0].bars
    ('G minor', 8)
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{source}: {error}") from error
    except RecursionError as error:
        raise PlanError(f"{source}: lists and tables are nested too deeply") from error
    lines = line_numbers(text)
    return PlanLoader(source, lines).plan(values)


def plan_from_dict(values: Mapping[str, Any]) -> FormPlan:
    """A plan from plain values as TOML has them.

    Raises
    ------
    PlanError
        If a key is unknown or a value breaks a rule; the message names the table.
    """
    return PlanLoader("plan", {}).plan(values)


def write_plan(plan: FormPlan, path: str | Path) -> None:
    """Write a plan as TOML, whole or not at all; `read_plan` gives an equal one."""
    write_text(path, format_plan(plan))


def format_plan(plan: FormPlan) -> str:
    """A plan as TOML text, laid out as one would write it by hand."""
    lines: list[str] = []
    _add_table(plan_to_dict(plan), (), lines)
    return "\n".join(lines).strip() + "\n"


def _add_table(values: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    """A table's own values first, then the tables in it under their headers."""
    import tomli_w

    tables = []
    for name, value in values.items():
        if isinstance(value, Mapping) or _is_table_list(value):
            tables.append((name, value))
        elif isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
            lines.append(f"{name} = '{value}'")
        else:
            lines.append(tomli_w.dumps({name: value}, multiline_strings=True).strip())
    for name, value in tables:
        header = ".".join((*path, name))
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"\n[[{header}]]" if isinstance(value, list) else f"\n[{header}]")
            _add_table(item, (*path, name), lines)


def _is_table_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


# Plan -> plain values -------------------------------------------------------------------


def plan_to_dict(plan: FormPlan) -> dict[str, Any]:
    """Plain values as TOML has them; what is left out in the plan is left out here."""
    values: dict[str, Any] = {}
    for name in ("title", "style", "form"):
        if getattr(plan, name):
            values[name] = getattr(plan, name)
    values |= _shared_to_dict(plan)
    if plan.pickup_quarters:
        values["pickup_quarters"] = _number(plan.pickup_quarters)
    if plan.sections:
        values["sections"] = [_section_to_dict(section, plan) for section in plan.sections]
    if plan.constraints:
        values["constraints"] = [_constraint_to_dict(item) for item in plan.constraints]
    if plan.derivation:
        # The tree is deep and only for display: one line of JSON, not hundreds of tables.
        values["derivation"] = {"tree": json.dumps(plan.derivation, separators=(",", ":"))}
    return values


def _shared_to_dict(shared: Shared) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if shared.key is not None:
        values["key"] = shared.key.name
    if shared.metre is not None:
        values["metre"] = shared.metre.name
    for name in ("tempo_qpm", "texture", "dynamics", "register"):
        if getattr(shared, name) is not None:
            values[name] = getattr(shared, name)
    if shared.instruments:
        values["instruments"] = list(shared.instruments)
    return values


def _section_to_dict(section: Section, plan: FormPlan) -> dict[str, Any]:
    values: dict[str, Any] = {"label": section.label}
    if section.role:
        values["role"] = section.role
    values |= _shared_to_dict(section)
    if section.bars is not None:
        values["bars"] = section.bars
    above = section.inherit(plan)
    if section.phrases:
        values["phrases"] = [_phrase_to_dict(phrase, above) for phrase in section.phrases]
    return values


def _phrase_to_dict(phrase: Phrase, above: Shared) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in ("theme", "variation"):
        if getattr(phrase, name) is not None:
            values[name] = getattr(phrase, name)
    if phrase.variation_steps:
        values["variation_steps"] = phrase.variation_steps
    values |= _shared_to_dict(phrase)
    if phrase.bars is not None:
        values["bars"] = phrase.bars
    if phrase.chords:
        values["chords"] = _chords_to_value(phrase, phrase.inherit(above).metre)
    if phrase.cadence is not None:
        values["cadence"] = phrase.cadence
    return values


def _chords_to_value(phrase: Phrase, metre: Metre | None) -> Any:
    """A lead-sheet line where it says exactly the same, else a list of tables."""
    if metre is not None and phrase.bars is not None:
        line = format_chords(phrase.chords, metre)
        try:
            if parse_chords(line, metre, phrase.bars) == phrase.chords:
                return _wrapped(line)
        except (PlanError, ScoreError):
            pass
    chords = []
    for chord in phrase.chords:
        values = {
            "onset": _number(chord.onset),
            "duration": _number(chord.duration),
            "numeral": chord.numeral,
        }
        if chord.key is not None:
            values["key"] = chord.key.name
        chords.append(values)
    return chords


def _wrapped(line: str) -> str:
    """A long chord line on lines of four bars each."""
    if len(line) <= _LINE_WIDTH:
        return line
    bars = line.split(" | ")
    rows = [bars[at : at + _BARS_A_LINE] for at in range(0, len(bars), _BARS_A_LINE)]
    return " |\n".join(" | ".join(row) for row in rows)


def _constraint_to_dict(item: Constraint) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": item.kind}
    if item.value is not None:
        values["value"] = _plain(item.value)
    if item.bars is not None:
        first, last = item.bars
        values["bars"] = first if first == last else [first, last]
    if item.voices:
        values["voices"] = list(item.voices)
    if not item.hard:
        values["hard"] = False
    if item.beat != 1:
        values["beat"] = _number(item.beat)
    if item.name != replace(item, name="").name:
        values["name"] = item.name
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, Fraction) else value


def _number(value: Fraction) -> int | str:
    return int(value) if value.denominator == 1 else str(value)
