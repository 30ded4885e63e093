"""Arithmetic in the parameters, conditions and probabilities of L-systems.

A small recursive-descent parser and an evaluator; nothing is ever handed to Python's own
``eval``. Values are exact fractions wherever the operation allows it, so that musical
durations stay exact: ``1/3 + 1/6`` is ``1/2``.

From loosest to tightest binding::

    ||  or                  logical or
    &&  &  and              logical and
    !   not                 logical not
    <  <=  >  >=  ==  =  != comparison (one per operand pair, not chained)
    +  -                    sum, difference
    *  /  %                 product, quotient, remainder
    -x                      sign
    ^  **                   power, right-associative
    f(x, ...)               abs ceil cos exp floor log max min round sin sqrt

Truth is a number: 1 for true, 0 for false; any value but 0 is true. Angles are degrees.

References
----------
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, section 1.10.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hybrid.core.errors import GrammarError

Number = Fraction | float

MAX_EXPONENT = 1024
MAX_DEPTH = 64
MAX_CHARACTERS = 500
# Fractions grow in digits with every product; past 64 bits they become floats.
MAX_EXACT = 2**63

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.\d*|\.\d+|\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|\|\||&&|<=|>=|==|!=|[-+*/%^<>=!&(),]))"
)
_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_ALIASES = {"&": "&&", "=": "==", "**": "^"}


def _sqrt(value: Number) -> Number:
    # The root of a square fraction stays exact.
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


# name: (fewest arguments, most arguments, function)
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Number]]] = {
    "abs": (1, 1, abs),
    "ceil": (1, 1, lambda x: Fraction(math.ceil(x))),
    "cos": (1, 1, lambda x: math.cos(math.radians(x))),
    "exp": (1, 1, math.exp),
    "floor": (1, 1, lambda x: Fraction(math.floor(x))),
    "log": (1, 1, math.log),
    "max": (1, 16, max),
    "min": (1, 16, min),
    # Halves go up, as musicians quantise, not to the even neighbour.
    "round": (1, 1, lambda x: Fraction(math.floor(x + Fraction(1, 2)))),
    "sin": (1, 1, lambda x: math.sin(math.radians(x))),
    "sqrt": (1, 1, _sqrt),
}
RESERVED = frozenset(_FUNCTIONS) | frozenset(_WORDS)


@dataclass(frozen=True)
class _Node:
    """One operation: ``kind`` is an operator, a function name, ``number`` or ``name``."""

    kind: str
    parts: tuple[_Node, ...] = ()
    value: Fraction = Fraction(0)
    name: str = ""


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes
    ----------
    source : str
        Its text, spaces stripped at both ends. Two expressions are equal if their texts are.
    names : frozenset of str
        The variables it reads.
    """

    source: str
    names: frozenset[str] = field(compare=False, default=frozenset())
    _root: _Node = field(compare=False, repr=False, default=_Node("number"))

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression.

        Raises
        ------
        GrammarError
            If ``text`` is not in the notation above.

        Examples
        --------
        >>> Expression.parse("x * 3/2 + 1").evaluate({"x": Fraction(1, 3)})
        Fraction(3, 2)
        """
        parser = _Parser(text)
        root = parser.parse()
        return cls(text.strip(), frozenset(parser.names), root)

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        """Compute the value.

        Parameters
        ----------
        values : mapping of str to Fraction or float
            A value for each of `names`.

        Raises
        ------
        GrammarError
            If a name has no value, or the result is not a finite real number.
        """
        try:
            result = _evaluate(self._root, values)
        except KeyError as error:
            raise GrammarError(f"expression {self.source!r} reads unknown name {error}") from None
        except (ArithmeticError, ValueError, TypeError) as error:
            raise GrammarError(f"expression {self.source!r} has no value: {error}") from None
        if isinstance(result, float) and not math.isfinite(result):
            raise GrammarError(f"expression {self.source!r} must be finite, got {result}")
        return result

    def __str__(self) -> str:
        return self.source


def format_number(value: Number) -> str:
    """Write a number so that `Expression.parse` reads the same value.

    Examples
    --------
    >>> format_number(Fraction(8, 7)), format_number(Fraction(4)), format_number(0.1)
    ('8/7', '4', '0.1')
    """
    if isinstance(value, Fraction):
        return str(value)
    # The notation has no exponents.
    return format(Decimal(repr(float(value))), "f")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.tokens = self._tokens()
        self.place = 0
        self.depth = 0

    def _tokens(self) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        place, end = 0, len(self.text.rstrip())
        while place < end:
            match = _TOKEN.match(self.text, place)
            if match is None:
                raise self._error(f"unexpected {self.text[place:].strip()[0]!r}")
            kind = str(match.lastgroup)
            word = match.group(kind)
            if word in _WORDS:
                kind, word = "sign", _WORDS[word]
            tokens.append((kind, _ALIASES.get(word, word)))
            place = match.end()
        return tokens

    def _error(self, what: str) -> GrammarError:
        return GrammarError(f"expression {self.text.strip()!r}: {what}")

    def _peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def _take(self, *signs: str) -> str:
        if self.place < len(self.tokens):
            kind, word = self.tokens[self.place]
            if kind == "sign" and word in signs:
                self.place += 1
                return word
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"expected {sign!r}, got {self._peek() or 'the end'!r}")

    def parse(self) -> _Node:
        if not self.tokens:
            raise self._error("must not be empty")
        # Long sums make deep trees; the bound keeps the recursion far from Python's limit.
        if len(self.text) > MAX_CHARACTERS:
            raise GrammarError(
                f"an expression may have {MAX_CHARACTERS} characters, got {len(self.text)}"
            )
        root = self._or()
        if self.place < len(self.tokens):
            raise self._error(f"unexpected {self._peek()!r}")
        return root

    def _left(self, below: Callable[[], _Node], *signs: str) -> _Node:
        node = below()
        while sign := self._take(*signs):
            node = _Node(sign, (node, below()))
        return node

    def _or(self) -> _Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH}")
        node = self._left(self._and, "||")
        self.depth -= 1
        return node

    def _and(self) -> _Node:
        return self._left(self._not, "&&")

    def _not(self) -> _Node:
        negations = 0
        while self._take("!"):
            negations += 1
        node = self._comparison()
        for _ in range(negations):
            node = _Node("!", (node,))
        return node

    def _comparison(self) -> _Node:
        node = self._sum()
        if sign := self._take(*_COMPARISONS):
            node = _Node(sign, (node, self._sum()))
            if self._peek() in _COMPARISONS:
                raise self._error("comparisons cannot be chained; join them with &&")
        return node

    def _sum(self) -> _Node:
        return self._left(self._product, "+", "-")

    def _product(self) -> _Node:
        return self._left(self._sign, "*", "/", "%")

    def _sign(self) -> _Node:
        negative = False
        while sign := self._take("-", "+"):
            negative ^= sign == "-"
        node = self._power()
        return _Node("negate", (node,)) if negative else node

    def _power(self) -> _Node:
        base = self._atom()
        if not self._take("^"):
            return base
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH}")
        node = _Node("^", (base, self._sign()))
        self.depth -= 1
        return node

    def _atom(self) -> _Node:
        if self._take("("):
            node = self._or()
            self._expect(")")
            return node
        if self.place >= len(self.tokens):
            raise self._error("ends too early")
        kind, word = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return _Node("number", value=Fraction(word))
        if kind == "sign":
            raise self._error(f"unexpected {word!r}")
        if not self._take("("):
            if word in RESERVED:
                raise self._error(f"{word!r} is a function and needs arguments")
            self.names.add(word)
            return _Node("name", name=word)
        if word not in _FUNCTIONS:
            raise self._error(f"unknown function {word!r}; known: {', '.join(sorted(_FUNCTIONS))}")
        arguments = [self._or()]
        while self._take(","):
            arguments.append(self._or())
        self._expect(")")
        fewest, most, _ = _FUNCTIONS[word]
        if not fewest <= len(arguments) <= most:
            raise self._error(f"{word} takes {fewest}..{most} arguments, got {len(arguments)}")
        return _Node("call", tuple(arguments), name=word)


def _settle(value: Number) -> Number:
    if isinstance(value, Fraction):
        if abs(value.numerator) > MAX_EXACT or value.denominator > MAX_EXACT:
            return float(value)
        return value
    return float(value)


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        if abs(exponent) > MAX_EXPONENT:
            raise ValueError(f"exponent must be in -{MAX_EXPONENT}..{MAX_EXPONENT}")
        # Whether the power fits is known beforehand, so no huge integers are made.
        if isinstance(base, Fraction):
            digits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if digits * abs(int(exponent)) > 64:
                return math.pow(base, exponent)
        power: Number = base ** int(exponent)
        return power
    if exponent == Fraction(1, 2):
        return _sqrt(base)
    if base < 0:
        raise ValueError("a negative number has no real fractional power")
    return math.pow(base, exponent)


def _evaluate(node: _Node, values: Mapping[str, Number]) -> Number:
    kind = node.kind
    if kind == "number":
        return node.value
    if kind == "name":
        return values[node.name]
    first = _evaluate(node.parts[0], values)
    # The second operand is not computed where the first decides.
    if kind == "&&":
        return Fraction(bool(first) and bool(_evaluate(node.parts[1], values)))
    if kind == "||":
        return Fraction(bool(first) or bool(_evaluate(node.parts[1], values)))
    if kind == "!":
        return Fraction(not first)
    if kind == "negate":
        return -first
    if kind == "call":
        rest = [_evaluate(part, values) for part in node.parts[1:]]
        return _settle(_FUNCTIONS[node.name][2](first, *rest))
    second = _evaluate(node.parts[1], values)
    if kind in _COMPARISONS:
        return Fraction(_COMPARISONS[kind](first, second))
    if kind == "+":
        return _settle(first + second)
    if kind == "-":
        return _settle(first - second)
    if kind == "*":
        return _settle(first * second)
    if kind == "/":
        return _settle(first / second)
    if kind == "%":
        return _settle(first % second)
    return _settle(_power(first, second))
