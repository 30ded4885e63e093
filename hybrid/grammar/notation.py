"""Grammars as text: one rule a line, read and written.

``docs/grammar-notation.md`` explains the notation with examples; in short::

    # a comment
    %start Melody
    Melody   -> (0.4) Phrase | (0.6) Phrase Melody
    Phrase   -> (0.5) Pitch Duration | (0.5) Pitch Pitch Duration
    Pitch    -> (0.5) 'C4' | (0.5) 'G4'
    Duration -> 'quarter'

A symbol is a nonterminal when it stands left of an arrow (or between angle brackets), a terminal
when it is quoted or stands left of none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.keys import read_key
from hybrid.grammar.rule import ARROW, EPSILON, Part, Rule, Symbol

DIRECTIVES = ("start", "weights", "terminals", "temporal", "minimum", "duration", "key")
MAX_LINE = 96

_HEAD = re.compile(
    r"\s*(?:<(?P<angle>[^<>]+)>|(?P<word>[^\s#%'\"|]\S*?))\s*(?:->|→|::=)(?P<rest>.*)"
)
_ARROW = re.compile(r"->|→|::=")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<comment>\#.*)
    | (?P<bar>\|)
    | (?P<chance>\([^)]*\))
    | (?P<bracket>\[[^\]]*\])
    | (?P<at>@)
    | (?P<quoted>'[^']*'|"[^"]*")
    | (?P<angle><[^<>]+>)
    | (?P<word>[^\s|@\[\]]+)""",
    re.VERBOSE,
)
_WORD_SHARE = re.compile(r"(?P<name>.+?)(?:/(?P<den>\d+)|:(?P<ratio>\d+/\d+))")
_SHARE = re.compile(r"/(?P<den>\d+)|:(?P<ratio>\d+/\d+)")
_LENGTH = re.compile(r"\[(?P<length>[^\]]*)\]")
_DEGREE = re.compile(r"\s*@\s*(?P<degree>[^\s|@\[\]]+)")
_GUARD = re.compile(r"(?P<sign>>=|<)\s*(?P<value>\S+)")


@dataclass
class _Alternative:
    """A right side while it is being read."""

    line: int
    chance: float | None = None
    at_least: Fraction | None = None
    below: Fraction | None = None
    parts: list[Part] = field(default_factory=list)
    bare: set[int] = field(default_factory=set)  # unquoted: terminal or not is known at the end
    labels: dict[str, tuple[Part, bool]] = field(default_factory=dict)
    epsilon: bool = False
    empty: bool = True


class _Reader:
    """State of reading one text."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.rules: list[tuple[str, _Alternative]] = []
        self.heads: dict[str, int] = {}
        self.start: str | None = None
        self.weights = False
        self.temporal = False
        self.declared: set[str] | None = None
        self.values: dict[str, Fraction] = {}
        self.key: str | None = None
        self.current: list[_Alternative] | None = None
        self.open = False  # the last line ended in "|"
        for number, line in enumerate(text.splitlines(), start=1):
            self.read_line(line, number)
        self.close()

    def error(self, line: int, message: str) -> GrammarError:
        return GrammarError(f"{self.source}, line {line}: {message}")

    # -- lines ---------------------------------------------------------------------------------

    def read_line(self, line: str, number: int) -> None:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            return
        if stripped.startswith("%"):
            self.close()
            self.read_directive(stripped, number)
            return
        head = _HEAD.fullmatch(line)
        if head is not None:
            self.close()
            name = head["angle"] or head["word"]
            self.heads.setdefault(name, number)
            if self.start is None:
                self.start = name
            self.current = [_Alternative(number)]
            self.rules.append((name, self.current[0]))
            self.read_right(name, head["rest"], number)
        elif self.current is not None and (self.open or line[0].isspace() or line[0] == "|"):
            self.read_right(self.rules[-1][0], line, number)
        else:
            rule = "one symbol left of" if _ARROW.search(stripped) else "an arrow"
            raise self.error(number, f"a rule needs {rule} '->', got {stripped!r}")

    def close(self) -> None:
        """The rule being read is complete."""
        if self.current is not None and self.current[-1].empty:
            last = self.current[-1]
            raise self.error(
                last.line,
                f"alternative of {self.rules[-1][0]} is empty; write {EPSILON} for nothing",
            )
        self.current = None
        self.open = False

    def read_directive(self, line: str, number: int) -> None:
        words = re.sub(r"\s#.*", "", line[1:]).split()
        name, values = (words[0], words[1:]) if words else ("", [])
        if name not in DIRECTIVES:
            known = ", ".join(f"%{directive}" for directive in DIRECTIVES)
            raise self.error(number, f"directive must be one of {known}, got '%{name}'")
        if name in ("weights", "temporal"):
            if values:
                raise self.error(number, f"%{name} takes no value, got {' '.join(values)!r}")
            setattr(self, name, True)
        elif not values:
            raise self.error(number, f"%{name} needs a value, got none")
        elif name == "terminals":
            self.declared = (self.declared or set()) | {value.strip("'\"") for value in values}
        elif name == "key":
            self.key = " ".join(values)
            try:
                read_key(self.key)
            except GrammarError as error:
                raise self.error(number, str(error)) from None
        elif len(values) > 1:
            raise self.error(number, f"%{name} takes one value, got {' '.join(values)!r}")
        elif name == "start":
            self.start = values[0].strip("<>")
        else:
            self.values[name] = self.number(values[0], number, f"%{name}")
            self.temporal = True

    def number(self, text: str, line: int, what: str) -> Fraction:
        try:
            return Fraction(text.strip())
        except (ValueError, ZeroDivisionError):
            raise self.error(line, f"{what} must be a number or a fraction, got {text!r}") from None

    # -- right sides -----------------------------------------------------------------------------

    def read_right(self, name: str, text: str, line: int) -> None:
        assert self.current is not None
        position = 0
        self.open = False
        binding: str | None = None  # the variable of a "let" whose value comes next
        in_let = False
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                raise self.error(line, f"cannot read {text[position:]!r}")
            position = token.end()
            kind, value = token.lastgroup, token[0]
            now = self.current[-1]
            if kind in ("space", "comment"):
                continue
            if kind == "bar":
                if now.empty:
                    if now.line == line or len(self.current) > 1 or now.chance is not None:
                        raise self.error(
                            line, f"alternative of {name} is empty; write {EPSILON} for nothing"
                        )
                    now.line = line  # "A ->" with all alternatives below it, each after a bar
                    continue
                self.current.append(_Alternative(line))
                self.rules.append((name, self.current[-1]))
                self.open = True
                continue
            self.open = False
            if kind == "chance":
                self.read_chance(now, value, line)
            elif kind == "bracket":
                if now.empty or now.chance is not None:
                    raise self.error(line, f"'{value}' must follow a symbol without a space")
                now.chance = float(self.number(value[1:-1], line, "probability"))
            elif kind == "at":
                raise self.error(line, "'@' must follow a symbol and name a degree, as in I@VI")
            elif kind == "word" and value == "let" and now.empty:
                in_let, now.empty = True, False
            elif in_let and kind == "word":
                if value == "in":
                    if binding is not None or not now.labels:
                        raise self.error(line, "'let' must read: let x = X/2 in x x")
                    in_let, now.empty = False, True
                elif binding is None and value != ";":
                    binding = value
                elif value not in (";", "="):
                    part, bare, position = self.read_part(kind, value, text, position, line)
                    assert binding is not None
                    now.labels[binding] = (replace(part, label=binding), bare)
                    binding = None
            elif in_let:
                part, bare, position = self.read_part(str(kind), value, text, position, line)
                if binding is None:
                    raise self.error(line, "'let' must read: let x = X/2 in x x")
                now.labels[binding] = (replace(part, label=binding), bare)
                binding = None
            elif kind == "word" and value in now.labels:
                self.add(now, *now.labels[value])
            elif value in (EPSILON, "''", '""'):
                now.epsilon, now.empty = True, False
            else:
                part, bare, position = self.read_part(str(kind), value, text, position, line)
                self.add(now, part, bare)
            if now.epsilon and now.parts:
                raise self.error(line, f"{EPSILON} must stand alone, got it beside other symbols")
        if in_let:
            raise self.error(line, "'let' must read on one line: let x = X/2 in x x")

    def add(self, now: _Alternative, part: Part, bare: bool) -> None:
        if bare:
            now.bare.add(len(now.parts))
        now.parts.append(part)
        now.empty = False

    def read_chance(self, now: _Alternative, text: str, line: int) -> None:
        if not now.empty or now.chance is not None:
            raise self.error(line, f"a probability must stand first, got {text} later (quote it?)")
        first, *guards = text[1:-1].split(",")
        now.chance = float(self.number(first, line, "probability"))
        for guard in guards:
            match = _GUARD.fullmatch(guard.strip())
            if match is None:
                raise self.error(
                    line, f"condition must read '>= 2' or '< 2', got {guard.strip()!r}"
                )
            bound = self.number(match["value"], line, "duration")
            if match["sign"] == ">=":
                now.at_least = bound
            else:
                now.below = bound

    def read_part(
        self, kind: str, value: str, text: str, position: int, line: int
    ) -> tuple[Part, bool, int]:
        """Read a symbol and its suffixes; returns the part, whether it was bare, and the place."""
        share = length = degree = None
        if kind == "word":
            if value[0] in "'\"(<":
                what = {"(": "parenthesis", "<": "angle bracket"}.get(value[0], "quote")
                raise self.error(line, f"{what} is never closed in {value!r}")
            match = _WORD_SHARE.fullmatch(value)
            name = match["name"] if match else value
        else:
            name = value[1:-1]
            match = _SHARE.match(text, position)
            if match:
                position = match.end()
        if match:
            share = self.number(match["ratio"] or f"1/{match['den']}", line, "share")
        match = _LENGTH.match(text, position)
        if match:
            position = match.end()
            length = self.number(match["length"], line, f"length of {name}")
        match = _DEGREE.match(text, position)
        if match:
            position = match.end()
            degree = match["degree"]
        part = Part(Symbol(name, terminal=kind == "quoted"), share, length, degree)
        return part, kind == "word", position

    # -- the whole -------------------------------------------------------------------------------

    def grammar(self) -> Grammar:
        if self.start is None:
            raise GrammarError(f"{self.source}: a grammar needs at least one rule, got none")
        rules = [self.finish(name, alternative) for name, alternative in self.rules]
        chances: dict[str, list[_Alternative]] = {}
        for name, alternative in self.rules:
            chances.setdefault(name, []).append(alternative)
        given = any(a.chance is not None for _, a in self.rules)
        scale: dict[str, float] = {}
        for name, alternatives in chances.items():
            missing = [a for a in alternatives if a.chance is None]
            if given and missing and len(alternatives) > 1:
                raise self.error(
                    missing[0].line,
                    f"either all alternatives of {name} carry a probability or no rule does",
                )
            weights = [1.0 if a.chance is None else a.chance for a in alternatives]
            negative = [w for w in weights if w < 0]
            if negative:
                raise self.error(
                    alternatives[0].line,
                    f"weight must be 0 or more, got {negative[0]:g} for {name}",
                )
            total = sum(weights)
            if total <= 0 and self.weights:
                raise self.error(alternatives[0].line, f"weights of {name} must not all be 0")
            scale[name] = 1.0 / total if self.weights or missing else 1.0
        temporal = self.temporal or any(rule.is_temporal for rule in rules)
        return Grammar(
            tuple(replace(rule, probability=rule.probability * scale[rule.lhs]) for rule in rules),
            self.start,
            probabilistic=given,
            temporal=temporal,
            minimum=self.values.get("minimum"),
            duration=self.values.get("duration"),
            key=self.key,
            source=self.source,
        )

    def finish(self, name: str, alternative: _Alternative) -> Rule:
        parts = []
        for index, part in enumerate(alternative.parts):
            symbol = part.symbol
            if index in alternative.bare and symbol.name not in self.heads:
                if self.declared is not None and symbol.name not in self.declared:
                    raise self.error(
                        alternative.line,
                        f"symbol {symbol.name} has no rule and is not among the %terminals",
                    )
                part = replace(part, symbol=Symbol(symbol.name, terminal=True))
            parts.append(part)
        return Rule(
            name,
            tuple(parts),
            1.0 if alternative.chance is None else alternative.chance,
            alternative.at_least,
            alternative.below,
            alternative.line,
        )


def read_grammar(text: str, source: str = "<text>") -> Grammar:
    """Read a grammar from text.

    Parameters
    ----------
    text : str
        One rule a line; see ``docs/grammar-notation.md``.
    source : str
        Name for error messages, as a rule the file's.

    Raises
    ------
    GrammarError
        Naming the line and what is wrong with it.

    Examples
    --------
    >>> print(format_grammar(read_grammar("S -> NP VP\\nNP -> she\\nVP -> runs | sings")), end="")
    S -> NP VP
    NP -> 'she'
    VP -> 'runs' | 'sings'
    """
    return _Reader(text, source).grammar()


def load_grammar(path: str | Path) -> Grammar:
    """Read a grammar file (UTF-8).

    Raises
    ------
    GrammarError
        If the file cannot be read, or as :func:`read_grammar` does.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GrammarError(f"grammar file {str(path)!r} cannot be read: {error}") from error
    return read_grammar(text, source=str(path))


def format_grammar(grammar: Grammar, header: str = "", *, digits: int | None = None) -> str:
    """Write a grammar as text; :func:`read_grammar` gives the same grammar back.

    Parameters
    ----------
    grammar : Grammar
    header : str
        Put on top as comment lines.
    digits : int, optional
        Write probabilities with so many significant digits, for people to read. They are then
        written as ``%weights``, since what is rounded need not add up to 1: reading the text gives
        the same rules with nearly the same probabilities.

    Raises
    ------
    GrammarError
        If the start symbol's name holds a space and is not the first rule's, or digits is below 1.

    Examples
    --------
    >>> grammar = read_grammar("T -> (0.6) T/2 T/2 | (0.4) D/2 T/2\\nD -> (1) 'd'")
    >>> print(format_grammar(grammar, "Two symbols."), end="")
    # Two symbols.
    T -> (0.6) T/2 T/2 | (0.4) D/2 T/2
    D -> (1) 'd'
    """
    if digits is not None and digits < 1:
        raise GrammarError(f"digits must be 1 or more, got {digits}")
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    if digits is not None and grammar.probabilistic:
        lines.append("%weights")
    if grammar.start != grammar.nonterminals[0]:
        lines.append(f"%start {_directive_name(grammar)}")
    if grammar.temporal and not any(rule.is_temporal for rule in grammar.rules):
        lines.append("%temporal")
    for name in ("minimum", "duration", "key"):
        if getattr(grammar, name) is not None:
            lines.append(f"%{name} {getattr(grammar, name)}")
    for name in grammar.nonterminals:
        lines += _format_rules(name, grammar, digits)
    return "\n".join(lines) + "\n"


def _directive_name(grammar: Grammar) -> str:
    if any(character.isspace() for character in grammar.start):
        raise GrammarError(
            f"a start symbol that is not first must hold no space, got {grammar.start!r}"
        )
    return str(Symbol(grammar.start))


def _format_rules(name: str, grammar: Grammar, digits: int | None) -> list[str]:
    """One symbol's rules on one line, or on a line each where that would be too long."""
    rules = grammar.alternatives(name)
    bodies = [r.body() for r in rules]
    if grammar.probabilistic:
        bodies = [f"{r.chance(digits)} {body}" for r, body in zip(rules, bodies, strict=True)]
    head = f"{Symbol(name)} {ARROW} "
    line = head + " | ".join(bodies)
    if len(line) <= MAX_LINE:
        return [line]
    indent = " " * (len(head) - 2)
    return [head + bodies[0], *(f"{indent}| {body}" for body in bodies[1:])]
