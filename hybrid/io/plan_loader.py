"""Plain values, as TOML has them, to a FormPlan: every check, and the place of every fault."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

from hybrid.core.errors import PlanError, ScoreError
from hybrid.core.instruments import expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan, Phrase, PlanChord, Section, Shared, parse_chords
from hybrid.core.timeline import Metre

T = TypeVar("T")

_SHARED = ("key", "metre", "tempo_qpm", "texture", "dynamics", "register", "instruments")
PLAN_KEYS = (
    "title",
    "style",
    "form",
    *_SHARED,
    "pickup_quarters",
    "sections",
    "constraints",
    "derivation",
)
SECTION_KEYS = ("label", "role", *_SHARED, "bars", "phrases")
PHRASE_KEYS = (
    *_SHARED,
    "bars",
    "chords",
    "cadence",
    "theme",
    "variation",
    "variation_steps",
)
CHORD_KEYS = ("onset", "duration", "numeral", "key")
CONSTRAINT_KEYS = ("kind", "value", "bars", "voices", "hard", "beat", "name")
#: The metre in which chord lines are read where a plan names none.
DEFAULT_METRE = Metre(0, 4, 4)

#: Names and indices that lead to a value.
Place = tuple[str | int, ...]


class PlanLoader:
    """Checks plain values and builds a plan; knows the line of every key."""

    def __init__(self, source: str, lines: Mapping[Place, int]) -> None:
        self.source = source
        self.lines = lines

    def fail(self, rule: str, place: Place) -> PlanError:
        return PlanError(f"{self.source}: {rule}{self._where(place)}")

    def _where(self, place: Place) -> str:
        parts = []
        for depth in range(len(place), 0, -1):
            if place[:depth] in self.lines:
                parts.append(f"line {self.lines[place[:depth]]}")
                break
        table = [
            f"[[{name}]] {index + 1}"
            for name, index in pairwise(place)
            if isinstance(name, str) and isinstance(index, int)
        ]
        if table:
            parts.append(" ".join(table))
        return f" ({', '.join(parts)})" if parts else ""

    def build(self, make: Callable[[], T], place: Place) -> T:
        """Call a constructor and add the place to what it raises."""
        try:
            return make()
        except (PlanError, ScoreError) as error:
            name = place[-1] if place else ""
            text = f"{name}: {error}" if isinstance(name, str) and name else str(error)
            raise self.fail(text, place) from error

    def check_keys(self, values: Any, known: Sequence[str], place: Place) -> None:
        if not isinstance(values, Mapping):
            raise self.fail(f"{_label(place)} must be a table, got {values!r}", place)
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"it can be {', '.join(known)}"
                raise self.fail(f"unknown key {name!r}; {hint}", (*place, name))

    # Values --------------------------------------------------------------------------

    def text(self, values: Mapping[str, Any], name: str, place: Place) -> str | None:
        value = values.get(name)
        if value is not None and not isinstance(value, str):
            raise self.fail(f"{name} must be text in quotes, got {value!r}", (*place, name))
        return value

    def whole(self, values: Mapping[str, Any], name: str, place: Place) -> int | None:
        value = values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.fail(f"{name} must be a whole number, got {value!r}", (*place, name))
        return value

    def fraction(self, value: Any, name: str, place: Place) -> Fraction:
        """A number, or text such as ``"1/2"``."""
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError
            # Decimal text of a float, so that 0.1 is 1/10.
            return Fraction(str(value).replace(" ", ""))
        except (ValueError, ZeroDivisionError):
            raise self.fail(
                f"{name} must be a number or a fraction such as '1/2', got {value!r}", place
            ) from None

    def texts(self, values: Mapping[str, Any], name: str, place: Place) -> tuple[str, ...]:
        value = values.get(name, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list | tuple) or not all(isinstance(i, str) for i in value):
            raise self.fail(f"{name} must be a list of texts, got {value!r}", (*place, name))
        return tuple(value)

    def tables(self, values: Mapping[str, Any], name: str, place: Place) -> list[Any]:
        value = values.get(name, [])
        if not isinstance(value, list | tuple):
            raise self.fail(
                f"{name} must be a list of tables ([[{name}]]), got {value!r}", (*place, name)
            )
        return list(value)

    def shared(self, values: Mapping[str, Any], place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        key, metre = self.text(values, "key", place), self.text(values, "metre", place)
        if key is not None:
            found["key"] = self.build(lambda: Key.parse(key), (*place, "key"))
        if metre is not None:
            found["metre"] = self.build(lambda: Metre.parse(metre), (*place, "metre"))
        tempo = values.get("tempo_qpm")
        if tempo is not None:
            if isinstance(tempo, bool) or not isinstance(tempo, int | float):
                raise self.fail(f"tempo_qpm must be a number, got {tempo!r}", (*place, "tempo_qpm"))
            found["tempo_qpm"] = float(tempo)
        for name in ("texture", "dynamics", "register"):
            found[name] = self.text(values, name, place)
        found["instruments"] = names = self.texts(values, "instruments", place)
        self.build(lambda: expand_ensemble(names), (*place, "instruments"))
        self.build(lambda: Shared(**found)._check_shared(""), place)
        return found

    # Tables --------------------------------------------------------------------------

    def plan(self, values: Mapping[str, Any]) -> FormPlan:
        self.check_keys(values, PLAN_KEYS, ())
        shared = Shared(**self.shared(values, ()))
        sections = self.tables(values, "sections", ())
        if shared.metre is None and _any_line_without_metre(sections):
            # Chord lines have no meaning without a metre.
            shared = replace(shared, metre=DEFAULT_METRE)
        pickup = values.get("pickup_quarters", 0)
        fields: dict[str, Any] = {name: getattr(shared, name) for name in _SHARED}
        for name in ("title", "style", "form"):
            fields[name] = self.text(values, name, ()) or ""
        fields["pickup_quarters"] = self.fraction(pickup, "pickup_quarters", ("pickup_quarters",))
        fields["sections"] = tuple(
            self.section(item, ("sections", index), shared) for index, item in enumerate(sections)
        )
        fields["constraints"] = tuple(
            self.constraint(item, ("constraints", index))
            for index, item in enumerate(self.tables(values, "constraints", ()))
        )
        fields["derivation"] = self.derivation(values.get("derivation"))
        return self.build(lambda: FormPlan(**fields), ())

    def section(self, values: Any, place: Place, above: Shared) -> Section:
        self.check_keys(values, SECTION_KEYS, place)
        shared = Shared(**self.shared(values, place))
        inherited = shared.inherit(above)
        fields: dict[str, Any] = {name: getattr(shared, name) for name in _SHARED}
        label = self.text(values, "label", place)
        fields["label"] = "A" if label is None else label
        fields["role"] = self.text(values, "role", place) or ""
        fields["bars"] = self.whole(values, "bars", place)
        fields["phrases"] = tuple(
            self.phrase(item, (*place, "phrases", index), inherited)
            for index, item in enumerate(self.tables(values, "phrases", place))
        )
        return self.build(lambda: Section(**fields), place)

    def phrase(self, values: Any, place: Place, above: Shared) -> Phrase:
        self.check_keys(values, PHRASE_KEYS, place)
        shared = Shared(**self.shared(values, place))
        metre = shared.inherit(above).metre
        fields: dict[str, Any] = {name: getattr(shared, name) for name in _SHARED}
        for name in ("cadence", "theme", "variation"):
            fields[name] = self.text(values, name, place)
        fields["variation_steps"] = self.whole(values, "variation_steps", place) or 0
        bars = self.whole(values, "bars", place)
        chords = values.get("chords", [])
        if isinstance(chords, str):
            assert metre is not None
            used = metre
            if bars is None:
                bars = chords.strip().strip("|").count("|") + 1
            fields["chords"] = self.build(
                lambda: parse_chords(chords, used, bars), (*place, "chords")
            )
        elif isinstance(chords, list | tuple):
            fields["chords"] = tuple(
                self.chord(item, (*place, "chords", index)) for index, item in enumerate(chords)
            )
        else:
            raise self.fail(
                f"chords must be a line such as 'I | IV V' or a list of tables, got {chords!r}",
                (*place, "chords"),
            )
        fields["bars"] = bars
        return self.build(lambda: Phrase(**fields), place)

    def chord(self, values: Any, place: Place) -> PlanChord:
        self.check_keys(values, CHORD_KEYS, place)
        for needed in ("onset", "duration", "numeral"):
            if needed not in values:
                raise self.fail(f"a chord must have {needed}", place)
        onset = self.fraction(values["onset"], "onset", place)
        duration = self.fraction(values["duration"], "duration", place)
        numeral, key = self.text(values, "numeral", place) or "", self.text(values, "key", place)
        return self.build(
            lambda: PlanChord(onset, duration, numeral, Key.parse(key) if key else None), place
        )

    def constraint(self, values: Any, place: Place) -> Constraint:
        self.check_keys(values, CONSTRAINT_KEYS, place)
        kind = self.text(values, "kind", place)
        if kind is None:
            raise self.fail("a constraint must have a kind", place)
        fields: dict[str, Any] = {"kind": kind, "value": values.get("value")}
        fields["bars"] = self.bars(values.get("bars"), (*place, "bars"))
        fields["voices"] = self.texts(values, "voices", place)
        hard = values.get("hard", True)
        if not isinstance(hard, bool):
            raise self.fail(f"hard must be true or false, got {hard!r}", (*place, "hard"))
        fields["hard"] = hard
        fields["beat"] = self.fraction(values.get("beat", 1), "beat", (*place, "beat"))
        fields["name"] = self.text(values, "name", place) or ""
        return self.build(lambda: Constraint(**fields), place)

    def bars(self, value: Any, place: Place) -> tuple[int, int] | None:
        """One bar as a number, or the first and the last one."""
        if value is None:
            return None
        pair = [value, value] if isinstance(value, int) else value
        if (
            not isinstance(pair, list | tuple)
            or len(pair) != 2
            or any(isinstance(bar, bool) or not isinstance(bar, int) for bar in pair)
        ):
            raise self.fail(f"bars must be a number or [first, last], got {value!r}", place)
        return pair[0], pair[1]

    def derivation(self, value: Any) -> Mapping[str, Any]:
        if value is None:
            return {}
        self.check_keys(value, ("tree",), ("derivation",))
        place: Place = ("derivation", "tree")
        try:
            tree = json.loads(value.get("tree", "{}"))
        except (TypeError, ValueError) as error:
            raise self.fail(f"tree must be JSON text: {error}", place) from error
        if not isinstance(tree, dict):
            raise self.fail(f"tree must be a JSON object, got {tree!r}", place)
        return tree


def _any_line_without_metre(sections: Sequence[Any]) -> bool:
    for section in sections:
        if not isinstance(section, Mapping) or section.get("metre") is not None:
            continue
        phrases = section.get("phrases", [])
        for phrase in phrases if isinstance(phrases, list | tuple) else ():
            if (
                isinstance(phrase, Mapping)
                and isinstance(phrase.get("chords"), str)
                and phrase.get("metre") is None
            ):
                return True
    return False


def _label(place: Place) -> str:
    names = [str(part) for part in place if isinstance(part, str)]
    return names[-1] if names else "a plan"


# Lines ----------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\s\"'-]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*=")


def line_numbers(text: str) -> dict[Place, int]:
    """The line of each key and table, for messages (tomllib tells none).

    Values over several lines may hold what looks like a key; that can only add places
    which no message asks for.
    """
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            names = [part.strip(" \"'") for part in header[2].split(".")]
            table = ()
            for depth, name in enumerate(names):
                table = (*table, name)
                if header[1] == "[[" and depth == len(names) - 1:
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = (*table, counts[table])
            lines[table] = number
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            lines.setdefault((*table, assignment[1].strip("\"'")), number)
    return lines
