"""Symbols, right sides and rules of a grammar, and how each is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

EPSILON = "ε"
ARROW = "->"
KEYWORDS = frozenset({"let", "in", "=", ";", EPSILON, ARROW, "→", "::="})

# A name that can be written without quotes or angle brackets: it starts with no sign of the
# notation, holds none, and does not end like a share ("T/2", "II:1/4").
_PLAIN = re.compile(r"(?![#%('\"<\[])[^\s|@\[\]]+")
_SHARE_END = re.compile(r".+?(?:/\d+|:\d+/\d+)")


def is_plain(name: str) -> bool:
    """Tell whether ``name`` needs no quotes in a text grammar."""
    return (
        name not in KEYWORDS
        and _PLAIN.fullmatch(name) is not None
        and _SHARE_END.fullmatch(name) is None
        and not any(arrow in name for arrow in (ARROW, "→", "::=", ";"))
    )


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A terminal or a nonterminal.

    ``Symbol("A")`` and ``Symbol("A", terminal=True)`` are different: a rule ``A -> 'A'`` is fine.
    """

    name: str
    terminal: bool = False

    def __str__(self) -> str:
        if self.terminal:
            return quote(self.name)
        return self.name if is_plain(self.name) else f"<{self.name}>"


def quote(name: str) -> str:
    """Write a terminal's name between quotes of the kind it does not hold."""
    return f'"{name}"' if "'" in name else f"'{name}'"


@dataclass(frozen=True, slots=True)
class Part:
    """One symbol on a right side, with what the rule says about it there.

    Attributes
    ----------
    symbol : Symbol
    share : Fraction or None
        Share of the parent's duration, written ``T/2`` or ``T:3/4``.
    length : Fraction or None
        Absolute length, written ``a[8]``. On terminals it is what exact total lengths count.
    degree : str or None
        The part stands in the key of this degree of the parent's key, written ``I@VI``.
    label : str or None
        Parts of one rule with the same label are one and the same sub-derivation, written
        ``let x = X/2 in x x``.
    """

    symbol: Symbol
    share: Fraction | None = None
    length: Fraction | None = None
    degree: str | None = None
    label: str | None = None

    @property
    def text(self) -> str:
        """The terminal's token as parsers read it: ``a``, or ``a[8]`` where it has a length."""
        return self.symbol.name if self.length is None else f"{self.symbol.name}[{self.length}]"

    def __str__(self) -> str:
        text = str(self.symbol)
        if self.share is not None:
            one = self.share.numerator == 1 and self.share != 1
            text += f"/{self.share.denominator}" if one else f":{_ratio(self.share)}"
        if self.length is not None:
            text += f"[{self.length}]"
        if self.degree is not None:
            text += f"@{self.degree}"
        return text


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


@dataclass(frozen=True, slots=True)
class Rule:
    """``lhs -> (probability) rhs``.

    Attributes
    ----------
    lhs : str
        Name of the nonterminal on the left.
    rhs : tuple of Part
        Empty for an epsilon rule.
    probability : float
        In 0..1.
    at_least, below : Fraction or None
        Temporal grammars only: the rule holds for durations ``at_least <= d < below``.
    line : int or None
        Where it was written; no part of the rule's identity.
    """

    lhs: str
    rhs: tuple[Part, ...]
    probability: float = 1.0
    at_least: Fraction | None = None
    below: Fraction | None = None
    line: int | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "probability", float(self.probability))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The right side without lengths, shares and keys."""
        return tuple(part.symbol for part in self.rhs)

    @property
    def is_temporal(self) -> bool:
        """Whether the rule says anything that only a temporal grammar understands."""
        guarded = self.at_least is not None or self.below is not None
        return guarded or any(
            part.share is not None
            or part.degree is not None
            or part.label is not None
            or (part.length is not None and not part.symbol.terminal)
            for part in self.rhs
        )

    def body(self) -> str:
        """The right side as text, without its probability."""
        if not self.rhs:
            return EPSILON
        labelled = {part.label: part for part in self.rhs if part.label is not None}
        words = [part.label if part.label is not None else str(part) for part in self.rhs]
        if not labelled:
            return " ".join(words)
        lets = " ; ".join(f"{label} = {part}" for label, part in labelled.items())
        return f"let {lets} in {' '.join(words)}"

    def chance(self, digits: int | None = None) -> str:
        """The probability and its condition as text, ``(0.5)`` or ``(0.5, >= 2, < 8)``."""
        words = [format_number(self.probability, digits)]
        if self.at_least is not None:
            words.append(f">= {self.at_least}")
        if self.below is not None:
            words.append(f"< {self.below}")
        return f"({', '.join(words)})"

    def __str__(self) -> str:
        return f"{Symbol(self.lhs)} {ARROW} {self.chance()} {self.body()}"


def format_number(value: float, digits: int | None = None) -> str:
    """Write a float so that reading it gives the same float, without a needless ``.0``.

    With ``digits``, so many significant digits are enough.
    """
    text = repr(float(value)) if digits is None else f"{value:.{digits}g}"
    return text.removesuffix(".0")
