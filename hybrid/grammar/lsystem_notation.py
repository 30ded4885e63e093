"""The text form of L-systems, and the library of named ones.

A file has ``key: value`` lines and rules, one a line; ``#`` starts a comment at the
beginning of a line or after a space::

    name: algae
    title: Lindenmayer's algae
    source: Lindenmayer 1968
    axiom: A
    steps: 7
    rhythm: A = note, B = note
    A -> AB
    B -> A

Keys
    ``axiom`` (needed), ``name``, ``title``, ``source``, ``steps`` (a suggestion),
    ``symbols`` (``letters``, the default: every character is a symbol; or ``words``:
    symbols have spaces between them), ``constants`` (symbols without rules), ``ignore``
    (symbols that contexts do not see), ``define`` (``name = number, ...``), and one key
    for each reading (``contour``, ``turtle``, ``tokens``, ``chords``, ``rhythm``,
    ``form``, ``motif``) with options ``name = value, ...``.
Rules
    ``left < X(a, b) > right : condition -> (p) successor``. ``*`` stands for no context
    or no condition, ``ε`` or nothing for the empty successor. Parameters in a predecessor
    are names, in a successor and in the axiom expressions.

References
----------
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, sections 1.7 to 1.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from hybrid.core.errors import GrammarError
from hybrid.core.resources import resource_path
from hybrid.grammar.lsystem import LSystem
from hybrid.grammar.lsystem_expression import RESERVED, Expression, Number, format_number
from hybrid.grammar.lsystem_rules import (
    BRACKETS,
    ONE,
    LRule,
    Module,
    Pattern,
    Template,
    join_symbols,
)

LIBRARY = ("grammar", "lsystem_library")
READINGS = ("contour", "turtle", "tokens", "chords", "rhythm", "form", "motif")
_TEXT_KEYS = ("name", "title", "source")
_KEYS = (*_TEXT_KEYS, "axiom", "steps", "symbols", "constants", "ignore", "define", *READINGS)
_HEADER = re.compile(rf"({'|'.join(_KEYS)})\s*:(.*)")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
# Characters with a meaning of their own in the notation.
_MARKS = frozenset("()<>:,*")


@dataclass(frozen=True)
class _Symbol:
    """A symbol and the raw texts of its arguments."""

    symbol: str
    arguments: tuple[str, ...]


def parse_lsystem(text: str, origin: str = "L-system") -> LSystem:
    """Read an L-system from its text form.

    Parameters
    ----------
    text : str
    origin : str
        What messages call the text: a file name.

    Raises
    ------
    GrammarError
        Naming origin, line and rule broken.

    Examples
    --------
    >>> system = parse_lsystem("axiom: baaa\\nb < a -> b\\nb -> a")
    >>> [system.text(n) for n in range(3)]
    ['baaa', 'abaa', 'aaba']
    """
    return _Reader(text, origin).read()


def format_lsystem(system: LSystem) -> str:
    """Write an L-system so that `parse_lsystem` reads the same one."""
    head = {"name": system.name, "title": system.title, "source": system.source}
    lines = [f"{key}: {value}" for key, value in head.items() if value]
    words = system.words
    if words:
        lines.append("symbols: words")
    lines.append(f"axiom: {_join(map(str, system.axiom), words)}")
    lines.append(f"steps: {system.steps}")
    for key in ("constants", "ignore"):
        if symbols := getattr(system, key):
            lines.append(f"{key}: {' '.join(sorted(symbols))}")
    if system.defines:
        pairs = (f"{name} = {format_number(value)}" for name, value in system.defines.items())
        lines.append(f"define: {', '.join(pairs)}")
    for reading, options in system.readings.items():
        lines.append(f"{reading}: {', '.join(f'{key} = {text}' for key, text in options.items())}")
    for rule in system.rules:
        if words:
            successor = _join(map(str, rule.successor), words) or "ε"
            chance = "" if rule.probability == ONE else f"({rule.probability}) "
            lines.append(f"{rule.predecessor} -> {chance}{successor}")
        else:
            lines.append(str(rule))
    return "\n".join(lines) + "\n"


def _join(symbols: Iterator[str], words: bool) -> str:
    return " ".join(symbols) if words else join_symbols(symbols)


def read_lsystem(path: str | Path) -> LSystem:
    """Read an L-system from a UTF-8 text file.

    Raises
    ------
    GrammarError
        If the file cannot be read or is malformed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GrammarError(f"L-system file {str(path)!r} must be readable UTF-8: {error}") from None
    return parse_lsystem(text, Path(path).name)


def lsystem_names() -> tuple[str, ...]:
    """Names of the systems that come with the package, sorted.

    Examples
    --------
    >>> "hilbert" in lsystem_names()
    True
    """
    return tuple(sorted(path.stem for path in resource_path(*LIBRARY).glob("*.txt")))


def lsystem_text(name: str) -> str:
    """The text of a system that comes with the package.

    Raises
    ------
    GrammarError
        If there is none of that name.
    """
    names = lsystem_names()
    if name not in names:
        raise GrammarError(f"L-system name must be one of {', '.join(names)}; got {name!r}")
    return resource_path(*LIBRARY, f"{name}.txt").read_text(encoding="utf-8")


def load_lsystem(name: str) -> LSystem:
    """Load a system that comes with the package; raises as `lsystem_text` does."""
    return parse_lsystem(lsystem_text(name), f"{name}.txt")


class _Reader:
    def __init__(self, text: str, origin: str) -> None:
        self.lines = text.splitlines()
        self.origin = origin
        self.line = 0
        self.headers: dict[str, tuple[int, str]] = {}
        self.words = False

    def _error(self, what: str) -> GrammarError:
        place = f"{self.origin}, line {self.line}" if self.line else self.origin
        return GrammarError(f"{place}: {what}")

    def read(self) -> LSystem:
        rule_lines: list[tuple[int, str]] = []
        for number, raw in enumerate(self.lines, 1):
            self.line = number
            text = re.sub(r"(^|\s)#.*", "", raw).strip()
            if not text:
                continue
            if (match := _HEADER.fullmatch(text)) and "->" not in _first_arrow_part(match):
                self._header(match.group(1), match.group(2).strip())
            elif "->" in text:
                rule_lines.append((number, text))
            else:
                raise self._error(
                    f"expected 'key: value' (keys: {', '.join(_KEYS)}) or a rule with '->', "
                    f"got {text!r}"
                )
        self.line = 0
        if "axiom" not in self.headers:
            raise self._error("an L-system must have a line 'axiom: ...'")
        self.words = self._choice("symbols", ("letters", "words")) == "words"
        defines = self._defines()
        rules = tuple(self._rule(number, text) for number, text in rule_lines)
        axiom = self._axiom(defines)
        steps = self._steps()
        constants, ignore = self._set("constants"), self._set("ignore")
        readings = {key: self._options(key) for key in READINGS if key in self.headers}
        self.line = 0
        try:
            return LSystem(
                axiom,
                rules,
                name=self._value("name") or "unnamed",
                title=self._value("title"),
                source=self._value("source"),
                constants=constants,
                ignore=ignore,
                defines=defines,
                readings=readings,
                steps=steps,
                words=self.words,
            )
        except GrammarError as error:
            raise self._error(str(error)) from None

    # --- Headers --------------------------------------------------------------

    def _header(self, key: str, value: str) -> None:
        if key in self.headers:
            raise self._error(f"{key!r} is given twice (first in line {self.headers[key][0]})")
        if not value:
            raise self._error(f"{key!r} must have a value")
        self.headers[key] = (self.line, value)

    def _value(self, key: str, default: str = "") -> str:
        self.line, value = self.headers.get(key, (0, default))
        return value

    def _choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._value(key, choices[0])
        if value not in choices:
            raise self._error(f"{key} must be one of {', '.join(choices)}; got {value!r}")
        return value

    def _steps(self) -> int:
        value = self._value("steps", "4")
        if not re.fullmatch(r"\d{1,4}", value):
            raise self._error(f"steps must be a whole number in 0..9999, got {value!r}")
        return int(value)

    def _set(self, key: str) -> frozenset[str]:
        if key not in self.headers:
            return frozenset()
        symbols = self._symbols(self._value(key))
        for symbol in symbols:
            if symbol.arguments:
                raise self._error(f"{key} lists symbols without parameters")
        return frozenset(symbol.symbol for symbol in symbols)

    def _options(self, key: str) -> dict[str, str]:
        options: dict[str, str] = {}
        for pair in self._value(key).split(","):
            name, equals, value = (part.strip() for part in pair.partition(" = "))
            if not equals or not name or not value:
                raise self._error(f"{key} must be 'name = value, ...', got {pair.strip()!r}")
            if name in options:
                raise self._error(f"{key}: {name!r} is given twice")
            options[name] = value
        return options

    def _defines(self) -> dict[str, Number]:
        defines: dict[str, Number] = {}
        if "define" not in self.headers:
            return defines
        for name, value in self._options("define").items():
            self._check_name(name)
            defines[name] = _plain(self._expression(value).evaluate(defines))
        return defines

    def _axiom(self, defines: dict[str, Number]) -> tuple[Module, ...]:
        modules = []
        for symbol in self._symbols(self._value("axiom")):
            try:
                params = tuple(
                    _plain(self._expression(text).evaluate(defines)) for text in symbol.arguments
                )
            except GrammarError as error:
                raise self._error(f"axiom: {error}") from None
            modules.append(Module(symbol.symbol, params))
        return tuple(modules)

    # --- Rules ----------------------------------------------------------------

    def _rule(self, line: int, text: str) -> LRule:
        self.line = line
        arrow = _find(text, "->")
        if arrow < 0:
            raise self._error(f"expected '->' outside parentheses in {text!r}")
        predecessor, successor = text[:arrow].strip(), text[arrow + 2 :].strip()
        if len(predecessor) == 0:
            raise self._error("a rule must have a symbol before '->'")
        condition: Expression | None = None
        colon = _find(predecessor, ":")
        if colon >= 0:
            condition_text = predecessor[colon + 1 :].strip()
            predecessor = predecessor[:colon].strip()
            if condition_text != "*":
                condition = self._expression(condition_text)
        left, strict, right = self._contexts(predecessor)
        probability = ONE
        if successor.startswith("("):
            end = _closing(successor)
            if end < 0:
                raise self._error(f"unclosed parenthesis in {successor!r}")
            probability = self._expression(successor[1:end])
            successor = successor[end + 1 :].strip()
        templates: list[Template] = []
        if successor not in ("", "ε"):
            templates = [
                Template(symbol.symbol, tuple(self._expression(arg) for arg in symbol.arguments))
                for symbol in self._symbols(successor)
            ]
        try:
            return LRule(strict, tuple(templates), left, right, condition, probability, line=line)
        except GrammarError as error:
            raise self._error(str(error)) from None

    def _contexts(self, text: str) -> tuple[tuple[Pattern, ...], Pattern, tuple[Pattern, ...]]:
        less, greater = _find(text, "<"), _find(text, ">")
        left_text = text[:less] if less >= 0 else "*"
        right_text = text[greater + 1 :] if greater >= 0 else "*"
        middle = text[less + 1 : greater if greater >= 0 else len(text)]
        strict = self._patterns(middle, "predecessor")
        if len(strict) != 1:
            raise self._error(f"a rule rewrites exactly one symbol, got {middle.strip()!r}")
        return (
            self._patterns(left_text, "left context"),
            strict[0],
            self._patterns(right_text, "right context"),
        )

    def _patterns(self, text: str, what: str) -> tuple[Pattern, ...]:
        text = text.strip()
        if text == "*":
            return ()
        if not text:
            raise self._error(f"the {what} must not be empty")
        patterns = []
        for symbol in self._symbols(text):
            for name in symbol.arguments:
                self._check_name(name)
            patterns.append(Pattern(symbol.symbol, symbol.arguments))
        return tuple(patterns)

    def _check_name(self, name: str) -> None:
        if not _NAME.match(name) or name in RESERVED:
            raise self._error(f"a parameter name must be an unreserved identifier, got {name!r}")

    def _expression(self, text: str) -> Expression:
        try:
            return Expression.parse(text)
        except GrammarError as error:
            raise self._error(str(error)) from None

    def _symbols(self, text: str) -> list[_Symbol]:
        symbols: list[_Symbol] = []
        place = 0
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            end = self._symbol_end(text, place)
            if end == place:
                raise self._error(f"unexpected {text[place]!r} in {text!r}")
            symbol, place = text[place:end], end
            arguments: tuple[str, ...] = ()
            if text[place : place + 1] == "(":
                close = _closing(text[place:])
                if close < 0:
                    raise self._error(f"unclosed parenthesis in {text!r}")
                arguments = tuple(_split(text[place + 1 : place + close]))
                if not all(arguments):
                    raise self._error(f"a parameter is missing in {text!r}")
                place += close + 1
            if arguments and symbol in BRACKETS:
                raise self._error("a bracket takes no parameters")
            symbols.append(_Symbol(symbol, arguments))
        return symbols

    def _symbol_end(self, text: str, start: int) -> int:
        if text[start] in _MARKS:
            return start
        if not self.words or text[start] in BRACKETS:
            return start + 1
        end = start
        while end < len(text) and not (
            text[end].isspace() or text[end] in _MARKS or text[end] in BRACKETS
        ):
            end += 1
        return end


def _plain(value: Number) -> Number:
    """The number that is read back from the text of ``value``: decimals become fractions."""
    return value if isinstance(value, Fraction) else Fraction(format_number(value))


def _first_arrow_part(match: re.Match[str]) -> str:
    """The value of a header line, or nothing where a symbol happens to be named like a key.

    ``form : x > 1 -> A`` in a system of words is a rule for the symbol ``form``; free text
    (a title, a source) may contain an arrow all the same.
    """
    return "" if match.group(1) in _TEXT_KEYS else match.group(2)


def _find(text: str, mark: str) -> int:
    """Place of ``mark`` outside parentheses, or -1."""
    depth = 0
    for place, char in enumerate(text):
        if depth == 0 and text.startswith(mark, place):
            return place
        depth += (char == "(") - (char == ")")
    return -1


def _closing(text: str) -> int:
    """Place of the parenthesis that closes the one at place 0, or -1."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return place
    return -1


def _split(text: str) -> list[str]:
    """Cut at the commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]
