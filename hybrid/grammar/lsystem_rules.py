"""The parts of an L-system: modules, patterns, templates, rules.

References
----------
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, chapter 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem_expression import Expression, Number, format_number

BRACKETS = frozenset("[]")
ONE = Expression.parse("1")


@dataclass(frozen=True, slots=True)
class Module:
    """A symbol and its parameters.

    Examples
    --------
    >>> from fractions import Fraction
    >>> print(Module("F", (Fraction(1, 2),)))
    F(1/2)
    """

    symbol: str
    params: tuple[Number, ...] = ()

    def __str__(self) -> str:
        if not self.params:
            return self.symbol
        return f"{self.symbol}({','.join(map(format_number, self.params))})"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A symbol in a rule's predecessor, with a name for each parameter."""

    symbol: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.symbol}({','.join(self.names)})" if self.names else self.symbol


@dataclass(frozen=True, slots=True)
class Template:
    """A symbol in a rule's successor, with an expression for each parameter."""

    symbol: str
    arguments: tuple[Expression, ...] = ()

    def __str__(self) -> str:
        if not self.arguments:
            return self.symbol
        return f"{self.symbol}({','.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class LRule:
    """One production.

    Attributes
    ----------
    strict : Pattern
        The symbol it rewrites.
    successor : tuple of Template
        What replaces it; empty to erase.
    left, right : tuple of Pattern
        Context, in reading order; brackets only to the right.
    condition : Expression or None
        Must be true of the parameters.
    probability : Expression
        In [0, 1]; may read the parameters.
    line : int
        Where it stands in its file, for messages; 0 if it is from no file.
    """

    strict: Pattern
    successor: tuple[Template, ...]
    left: tuple[Pattern, ...] = ()
    right: tuple[Pattern, ...] = ()
    condition: Expression | None = None
    probability: Expression = ONE
    line: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        patterns = (*self.left, self.strict, *self.right)
        names = [name for pattern in patterns for name in pattern.names]
        for name in names:
            if names.count(name) > 1:
                raise GrammarError(f"rule '{self}': parameter {name!r} is named twice")
        if self.strict.symbol in BRACKETS:
            raise GrammarError(f"rule '{self}': a bracket cannot be rewritten")
        if any(pattern.symbol in BRACKETS for pattern in self.left):
            raise GrammarError(f"rule '{self}': the left context cannot have brackets")
        check_brackets([pattern.symbol for pattern in self.right], f"rule '{self}', right context")
        check_brackets([part.symbol for part in self.successor], f"rule '{self}', successor")

    @property
    def predecessor(self) -> str:
        """Everything that decides where the rule applies, as text."""
        text = str(self.strict)
        if self.left:
            text = f"{join_symbols(map(str, self.left))} < {text}"
        if self.right:
            text = f"{text} > {join_symbols(map(str, self.right))}"
        return f"{text} : {self.condition}" if self.condition else text

    def __str__(self) -> str:
        chance = "" if self.probability == ONE else f"({self.probability}) "
        successor = join_symbols(map(str, self.successor)) or "ε"
        return f"{self.predecessor} -> {chance}{successor}"


def join_symbols(symbols: Iterable[str]) -> str:
    """Write symbols side by side: unspaced where every one is a single character.

    Examples
    --------
    >>> join_symbols(["A", "B"]), join_symbols(["Verse", "Chorus"])
    ('AB', 'Verse Chorus')
    """
    words = list(symbols)
    bare = all(len(word.partition("(")[0]) == 1 for word in words)
    return ("" if bare else " ").join(words)


def check_brackets(symbols: Sequence[str], where: str) -> None:
    """Raise GrammarError unless the brackets of ``symbols`` are balanced."""
    depth = 0
    for symbol in symbols:
        depth += (symbol == "[") - (symbol == "]")
        if depth < 0:
            break
    if depth:
        raise GrammarError(f"{where}: brackets must be balanced")
