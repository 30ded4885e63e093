"""L-systems: rewriting all symbols of a string at once.

One class covers the whole family: deterministic and stochastic, context-free and
context-sensitive, parametric and bracketed. A rule has the form::

    left < X(params) > right : condition -> (p) successor

and everything but ``X -> successor`` may be left out. `hybrid.grammar.lsystem_notation`
reads and writes the text form, `hybrid.grammar.lsystem_readings` makes music of the
result.

Conventions, after Prusinkiewicz & Lindenmayer (1990):

* A module is a symbol with parameters; rules match on the symbol and on the number of
  parameters. A module that no rule matches is copied.
* Of the rules that match, those with the longest context go first (two sides before one,
  one before none), then the earlier in the file. Rules that differ only in probability
  and successor are alternatives, one of which is drawn; their probabilities must add up
  to 1.
* Brackets mark branches. The left context of a module is the path from it to the root;
  branches on the way are skipped. The right context runs along the module's own axis, and
  branches are skipped unless the rule names them: ``BC < S > G[H]M`` matches ``S`` in
  ``ABC[DE][SG[HI[JK]L]MNO]``.
* Symbols in ``ignore`` are invisible to contexts.

References
----------
Lindenmayer, A. (1968). Mathematical models for cellular interactions in development.
    Journal of Theoretical Biology, 18, 280-315. doi:10.1016/0022-5193(68)90079-9
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, chapter 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem_context import match_left, match_right, pair_brackets
from hybrid.grammar.lsystem_expression import Number
from hybrid.grammar.lsystem_rules import BRACKETS, LRule, Module, check_brackets, join_symbols

MAX_SYMBOLS = 1_000_000
MAX_STEPS = 10_000


@dataclass(frozen=True)
class _Group:
    """Rules that share a predecessor: the alternatives of one draw."""

    rule: LRule
    numbers: tuple[int, ...]
    # Given where nothing needs computing, else None.
    fixed: tuple[Module, ...] | None


@dataclass(frozen=True, eq=False)
class Derivation:
    """Every string from the axiom on, and who came from whom.

    Attributes
    ----------
    generations : tuple of tuple of Module
        Strings 0 .. steps.
    parents : tuple of ndarray, int64
        For each string but the axiom, the index in the string before of each module's
        parent.
    rules : tuple of ndarray, int64
        For each string but the axiom, the number of the rule that made each module; -1
        for a copy.
    """

    system: LSystem
    generations: tuple[tuple[Module, ...], ...]
    parents: tuple[np.ndarray, ...]
    rules: tuple[np.ndarray, ...]

    @property
    def last(self) -> tuple[Module, ...]:
        """The final string."""
        return self.generations[-1]

    def ancestry(self, index: int) -> tuple[int, ...]:
        """Indices of the ancestors of module ``index`` of the last string, axiom first."""
        path = [index]
        for parents in reversed(self.parents):
            path.append(int(parents[path[-1]]))
        return tuple(reversed(path))


@dataclass(frozen=True)
class LSystem:
    """An L-system.

    Attributes
    ----------
    axiom : tuple of Module
    rules : tuple of LRule
    name, title, source : str
        For lists and captions; ``source`` is the publication.
    constants : frozenset of str
        Symbols that have no rules. If there are any, every symbol in use must be a
        constant or have a rule, which catches slips of the pen.
    ignore : frozenset of str
        Symbols that contexts do not see.
    defines : mapping of str to number
        Named numbers that expressions may use.
    readings : mapping of str to (mapping of str to str)
        Options for each reading, as the file has them.
    steps : int
        A number of steps that suits the system.
    words : bool
        Whether symbols are words with spaces between them, not single characters.

    Raises
    ------
    GrammarError
        If a rule reads an unknown name, rewrites a constant, or probabilities do not add
        up to 1.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> algae = load_lsystem("algae")
    >>> [algae.text(n) for n in range(4)]
    ['A', 'AB', 'ABA', 'ABAAB']
    """

    axiom: tuple[Module, ...]
    rules: tuple[LRule, ...]
    name: str = "unnamed"
    title: str = ""
    source: str = ""
    constants: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    defines: Mapping[str, Number] = field(default_factory=dict)
    readings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    steps: int = 4
    words: bool = False
    _index: Mapping[tuple[str, int], tuple[_Group, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.axiom:
            raise GrammarError(f"L-system {self.name!r}: the axiom must not be empty")
        check_brackets([module.symbol for module in self.axiom], f"L-system {self.name!r}, axiom")
        for rule in self.rules:
            self._check(rule)
        object.__setattr__(self, "defines", MappingProxyType(dict(self.defines)))
        readings = {key: MappingProxyType(dict(table)) for key, table in self.readings.items()}
        object.__setattr__(self, "readings", MappingProxyType(readings))
        object.__setattr__(self, "_index", self._group())
        if self.constants:
            known = self.constants | BRACKETS | {rule.strict.symbol for rule in self.rules}
            for symbol in self.alphabet:
                if symbol not in known:
                    raise GrammarError(
                        f"L-system {self.name!r}: symbol {symbol!r} must be a constant "
                        "or have a rule"
                    )

    def _check(self, rule: LRule) -> None:
        place = f"L-system {self.name!r}" + (f", line {rule.line}" if rule.line else "")
        if rule.strict.symbol in self.constants:
            raise GrammarError(f"{place}: constant {rule.strict.symbol!r} must have no rule")
        bound = {name for part in (*rule.left, rule.strict, *rule.right) for name in part.names}
        for name in sorted(bound & self.defines.keys()):
            raise GrammarError(f"{place}: parameter {name!r} is also a defined number")
        used = [rule.probability]
        if rule.condition is not None:
            used.append(rule.condition)
        used += [argument for part in rule.successor for argument in part.arguments]
        for expression in used:
            for name in sorted(expression.names - bound - self.defines.keys()):
                raise GrammarError(f"{place}: rule '{rule}' reads unknown name {name!r}")

    def _group(self) -> Mapping[tuple[str, int], tuple[_Group, ...]]:
        alternatives: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            alternatives.setdefault(rule.predecessor, []).append(number)
        index: dict[tuple[str, int], list[_Group]] = {}
        for predecessor, numbers in alternatives.items():
            rules = [self.rules[number] for number in numbers]
            constant = all(rule.probability.names <= self.defines.keys() for rule in rules)
            if constant:
                self._weights(tuple(numbers), self.defines, predecessor)
            rule = rules[0]
            fixed = None
            if len(rules) == 1 and not any(part.arguments for part in rule.successor):
                fixed = tuple(Module(part.symbol) for part in rule.successor)
            key = (rule.strict.symbol, len(rule.strict.names))
            index.setdefault(key, []).append(_Group(rule, tuple(numbers), fixed))
        for groups in index.values():
            # Stable: within one length of context the file's order stays.
            groups.sort(key=lambda group: -bool(group.rule.left) - bool(group.rule.right))
        return MappingProxyType({key: tuple(groups) for key, groups in index.items()})

    def _weights(
        self, numbers: tuple[int, ...], values: Mapping[str, Number], predecessor: str
    ) -> list[float]:
        weights = [float(self.rules[number].probability.evaluate(values)) for number in numbers]
        if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
            line = self.rules[numbers[0]].line
            place = f"L-system {self.name!r}" + (f", line {line}" if line else "")
            raise GrammarError(
                f"{place}: probabilities of '{predecessor}' must be in 0..1 and add up to 1, "
                f"got {' + '.join(f'{weight:g}' for weight in weights)} = {sum(weights):g}"
            )
        return weights

    # --- What kind it is ------------------------------------------------------

    @property
    def alphabet(self) -> tuple[str, ...]:
        """Every symbol of axiom, rules and constants, in order of appearance, then sorted."""
        seen = [module.symbol for module in self.axiom]
        for rule in self.rules:
            seen += [rule.strict.symbol, *(part.symbol for part in rule.successor)]
        return tuple(dict.fromkeys([*seen, *sorted(self.constants)]))

    @property
    def is_stochastic(self) -> bool:
        """Whether some predecessor has more than one successor."""
        return any(len(group.numbers) > 1 for groups in self._index.values() for group in groups)

    @property
    def is_context_sensitive(self) -> bool:
        """Whether some rule looks at a neighbour."""
        return any(rule.left or rule.right for rule in self.rules)

    @property
    def is_parametric(self) -> bool:
        """Whether modules carry numbers."""
        parts = [part.arguments for rule in self.rules for part in rule.successor]
        return any(module.params for module in self.axiom) or any(parts)

    @property
    def is_bracketed(self) -> bool:
        """Whether strings branch."""
        return "[" in self.alphabet

    # --- Deriving -------------------------------------------------------------

    def derive(
        self,
        steps: int,
        rng: np.random.Generator | None = None,
        max_symbols: int = MAX_SYMBOLS,
    ) -> Derivation:
        """Rewrite the axiom ``steps`` times.

        Parameters
        ----------
        steps : int
            0..10,000.
        rng : numpy.random.Generator or None
            Draws among alternatives; may be None for a deterministic system.
        max_symbols : int
            No string may be longer.

        Raises
        ------
        GrammarError
            If ``steps`` is out of range, a string would grow past ``max_symbols``, or the
            system is stochastic and ``rng`` is None.
        """
        if not 0 <= steps <= MAX_STEPS:
            raise GrammarError(f"steps must be in 0..{MAX_STEPS}, got {steps}")
        if rng is None and self.is_stochastic:
            raise GrammarError(f"L-system {self.name!r} is stochastic and needs a random generator")
        generations = [self.axiom]
        parents: list[np.ndarray] = []
        numbers: list[np.ndarray] = []
        for step in range(1, steps + 1):
            string, parent, number = self._rewrite(generations[-1], rng, step, max_symbols)
            for array in (parent, number):
                array.flags.writeable = False
            generations.append(string)
            parents.append(parent)
            numbers.append(number)
        return Derivation(self, tuple(generations), tuple(parents), tuple(numbers))

    def _rewrite(
        self,
        string: tuple[Module, ...],
        rng: np.random.Generator | None,
        step: int,
        max_symbols: int,
    ) -> tuple[tuple[Module, ...], np.ndarray, np.ndarray]:
        partners = pair_brackets(string) if self.is_context_sensitive else {}
        out: list[Module] = []
        parents: list[int] = []
        numbers: list[int] = []
        for place, module in enumerate(string):
            number, made = self._successor(string, place, partners, rng)
            if made is None:
                made = (module,)
            out.extend(made)
            parents.extend([place] * len(made))
            numbers.extend([number] * len(made))
            if len(out) > max_symbols:
                raise GrammarError(
                    f"L-system {self.name!r} must stay within max_symbols {max_symbols}, "
                    f"passed it at step {step} of the derivation"
                )
        return tuple(out), np.array(parents, np.int64), np.array(numbers, np.int64)

    def _successor(
        self,
        string: tuple[Module, ...],
        place: int,
        partners: Mapping[int, int],
        rng: np.random.Generator | None,
    ) -> tuple[int, tuple[Module, ...] | None]:
        """The rule that rewrites one module and what it makes; (-1, None) for a copy."""
        module = string[place]
        for group in self._index.get((module.symbol, len(module.params)), ()):
            rule = group.rule
            values: dict[str, Number] = dict(zip(rule.strict.names, module.params, strict=True))
            if rule.left:
                found = match_left(string, place, rule.left, self.ignore, partners)
                if found is None:
                    continue
                values |= found
            if rule.right:
                found = match_right(string, place, rule.right, self.ignore, partners)
                if found is None:
                    continue
                values |= found
            if rule.condition is not None and not rule.condition.evaluate(
                {**values, **self.defines}
            ):
                continue
            if group.fixed is not None:
                return group.numbers[0], group.fixed
            values.update(self.defines)
            number = group.numbers[0]
            if rng is not None and len(group.numbers) > 1:
                weights = self._weights(group.numbers, values, rule.predecessor)
                pick = int(
                    np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), "right")
                )
                number = group.numbers[min(pick, len(weights) - 1)]
            parts = self.rules[number].successor
            return number, tuple(
                Module(part.symbol, tuple(arg.evaluate(values) for arg in part.arguments))
                for part in parts
            )
        return -1, None

    def text(self, steps: int, rng: np.random.Generator | None = None) -> str:
        """The string after ``steps`` steps, as text."""
        return join_symbols([str(module) for module in self.derive(steps, rng).last])

    # --- Growth ---------------------------------------------------------------

    def growth_matrix(self) -> tuple[tuple[str, ...], np.ndarray]:
        """How many of each symbol one step makes of each symbol.

        Returns
        -------
        symbols : tuple of str
        matrix : ndarray, shape (n_symbols, n_symbols), object
            Row: before, column: after. Whole Python numbers for a deterministic system,
            so that powers stay exact; the expected numbers (float) for a stochastic one.

        Raises
        ------
        GrammarError
            If the system has contexts or parameters: then counts of symbols do not decide
            the counts after the next step.
        """
        if self.is_context_sensitive or self.is_parametric:
            raise GrammarError(
                f"L-system {self.name!r} must be free of contexts and parameters "
                "for a growth matrix"
            )
        symbols = self.alphabet
        column = {symbol: number for number, symbol in enumerate(symbols)}
        matrix = np.zeros((len(symbols), len(symbols)), dtype=object)
        for row, symbol in enumerate(symbols):
            groups = self._index.get((symbol, 0), ())
            if not groups:
                matrix[row, row] = 1
                continue
            numbers = groups[0].numbers
            weights = self._weights(numbers, self.defines, groups[0].rule.predecessor)
            for number, weight in zip(numbers, weights, strict=True):
                for part in self.rules[number].successor:
                    matrix[row, column[part.symbol]] += 1 if len(numbers) == 1 else weight
        return symbols, matrix

    def lengths(self, steps: int) -> tuple[int | float, ...]:
        """Lengths of strings 0 .. ``steps``, by the growth matrix, without deriving them.

        Exact for a deterministic system, expected values for a stochastic one.

        Examples
        --------
        >>> from hybrid.grammar.lsystem_notation import load_lsystem
        >>> load_lsystem("algae").lengths(7)
        (1, 2, 3, 5, 8, 13, 21, 34)
        """
        symbols, matrix = self.growth_matrix()
        start = [module.symbol for module in self.axiom]
        counts = np.array([start.count(symbol) for symbol in symbols], dtype=object)
        out: list[int | float] = [sum(counts)]
        for _ in range(steps):
            counts = counts @ matrix
            out.append(sum(counts))
        return tuple(out)
