"""A context-free grammar: its rules, checked once and for all.

A :class:`Grammar` is checked once, on construction, and trusted afterwards. It is

* *deterministic* when every nonterminal has one rule,
* *plain* (a CFG) when it was given without probabilities: alternatives are then equally likely,
* *probabilistic* (a PCFG) when each rule carries a probability,
* *temporal* when parts carry durations or change the key (see :mod:`hybrid.grammar.temporal`).

References
----------
Booth, T. L. and Thompson, R. A. (1973). Applying probability measures to abstract languages.
IEEE Transactions on Computers C-22(5), 442-450. doi:10.1109/T-C.1973.223746
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from hybrid.core.errors import GrammarError
from hybrid.grammar.rule import Part, Rule, Symbol

__all__ = ["Grammar", "Part", "Rule", "Symbol", "useful"]

SUM_TOLERANCE = 1e-6  # "(0.333333) x | (0.333333) y | (0.333334) z" is meant well


@dataclass(frozen=True)
class Grammar:
    """A context-free grammar, its start symbol and, if temporal, its defaults.

    Parameters
    ----------
    rules : tuple of Rule
        Kept grouped by left side, in order of first appearance.
    start : str
        Name of the start symbol.
    probabilistic : bool
        False when it was written without probabilities; they are then uniform.
    temporal : bool
        Whether durations and keys are handed down (:mod:`hybrid.grammar.temporal`).
    minimum, duration : Fraction or None
        Temporal: shortest duration a rule may give, and the start symbol's default duration.
    key : str or None
        Temporal: default key, such as ``"C major"``.
    source : str
        File name for messages.

    Raises
    ------
    GrammarError
        If the start symbol or a nonterminal of a right side has no rule, an alternative stands
        twice, the probabilities of a symbol do not add up to 1, shares do not add up to 1, a
        symbol that can be reached derives no string, or a rule is temporal and the grammar not.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("S -> (0.75) 'a' S | (0.25) 'b'")
    >>> grammar.kind, grammar.nonterminals, grammar.terminals
    ('probabilistic', ('S',), ('a', 'b'))
    """

    rules: tuple[Rule, ...]
    start: str
    probabilistic: bool = True
    temporal: bool = False
    minimum: Fraction | None = None
    duration: Fraction | None = None
    key: str | None = None
    source: str = field(default="<grammar>", compare=False, repr=False)

    def __post_init__(self) -> None:
        groups: dict[str, list[Rule]] = {}
        for rule in self.rules:
            groups.setdefault(rule.lhs, []).append(rule)
        if not groups:
            raise GrammarError(f"{self.source}: a grammar needs at least one rule, got none")
        if self.start not in groups:
            raise GrammarError(
                f"{self.source}: start symbol must stand left of an arrow, got {self.start!r}"
            )
        normal = []
        for name, rules in groups.items():
            self._check_name(name, rules[0])
            self._check_alternatives(name, rules)
            normal += self._check_sum(name, rules)
        object.__setattr__(self, "rules", tuple(normal))
        for rule in self.rules:
            self._check_rule(rule, groups)
        for what in ("minimum", "duration"):
            value = getattr(self, what)
            if value is not None and value <= 0:
                raise GrammarError(f"{self.source}: %{what} must be above 0, got {value}")
        barren = [] if self.temporal else [n for n in self.reachable if n not in self.productive]
        if barren:
            line = groups[barren[0]][0].line
            raise GrammarError(
                f"{self._place(line)}: every symbol must derive a string of terminals, "
                f"but {', '.join(barren)} derive{'s' if len(barren) == 1 else ''} none"
            )

    def _place(self, line: int | None) -> str:
        return self.source if line is None else f"{self.source}, line {line}"

    def _check_name(self, name: str, rule: Rule) -> None:
        if not name or ">" in name or "\n" in name:
            raise GrammarError(
                f"{self._place(rule.line)}: a nonterminal's name must be one line without '>', "
                f"got {name!r}"
            )

    def _check_alternatives(self, name: str, rules: Sequence[Rule]) -> None:
        seen: dict[tuple[object, ...], Rule] = {}
        for rule in rules:
            identity = (rule.rhs, rule.at_least, rule.below)
            if identity in seen:
                raise GrammarError(
                    f"{self._place(rule.line)}: {name} has the same alternative twice: "
                    f"{rule.body()}"
                )
            seen[identity] = rule

    def _check_sum(self, name: str, rules: Sequence[Rule]) -> list[Rule]:
        for rule in rules:
            if not 0.0 <= rule.probability <= 1.0 + SUM_TOLERANCE:
                raise GrammarError(
                    f"{self._place(rule.line)}: probability must be in 0..1, "
                    f"got {rule.probability:g} in {rule}"
                )
        total = math.fsum(rule.probability for rule in rules)
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise GrammarError(
                f"{self._place(rules[0].line)}: probabilities of {name} must add up to 1, "
                f"got {total:.10g}"
            )
        if not self.probabilistic and any(
            abs(r.probability * len(rules) - 1) > 1e-9 for r in rules
        ):
            raise GrammarError(
                f"{self.source}: a plain grammar's alternatives of {name} must be equal"
            )
        if abs(total - 1.0) <= 1e-12:  # leave the numbers as written where rounding explains it
            return list(rules)
        return [replace(rule, probability=rule.probability / total) for rule in rules]

    def _check_rule(self, rule: Rule, groups: Mapping[str, list[Rule]]) -> None:
        place = self._place(rule.line)
        if rule.is_temporal and not self.temporal:
            raise GrammarError(f"{place}: only a temporal grammar (temporal=True) can hold {rule}")
        for part in rule.rhs:
            name = part.symbol.name
            if part.symbol.terminal and (not name or "\n" in name or ("'" in name and '"' in name)):
                raise GrammarError(
                    f"{place}: a terminal's name must be one line without both kinds of quotes, "
                    f"got {name!r}"
                )
            if not part.symbol.terminal and part.symbol.name not in groups:
                raise GrammarError(f"{place}: nonterminal {part.symbol} has no rule")
            if part.length is not None and part.length < 0:
                raise GrammarError(f"{place}: length must be 0 or more, got {part}")
            if part.share is not None and part.length is not None:
                raise GrammarError(f"{place}: give a share or a length, not both, got {part}")
            if part.share is not None and not 0 < part.share <= 1:
                raise GrammarError(f"{place}: share must be above 0 and at most 1, got {part}")
        shares = [part.share for part in rule.rhs if part.share is not None]
        open_parts = sum(part.share is None for part in rule.rhs)
        total = sum(shares, Fraction(0))
        if shares and (total > 1 or (total == 1) != (open_parts == 0)):
            want = "add up to 1" if open_parts == 0 else "leave something for the unmarked parts"
            raise GrammarError(f"{place}: shares must {want}, got {total} in {rule.body()}")

    # -- what is in it ---------------------------------------------------------------------

    @cached_property
    def nonterminals(self) -> tuple[str, ...]:
        """Names of the nonterminals, in order of their first rule."""
        return tuple(dict.fromkeys(rule.lhs for rule in self.rules))

    @cached_property
    def terminals(self) -> tuple[str, ...]:
        """Names of the terminals, in order of appearance."""
        parts = (part for rule in self.rules for part in rule.rhs if part.symbol.terminal)
        return tuple(dict.fromkeys(part.symbol.name for part in parts))

    @cached_property
    def _alternatives(self) -> dict[str, tuple[Rule, ...]]:
        groups: dict[str, list[Rule]] = {name: [] for name in self.nonterminals}
        for rule in self.rules:
            groups[rule.lhs].append(rule)
        return {name: tuple(rules) for name, rules in groups.items()}

    def alternatives(self, name: str) -> tuple[Rule, ...]:
        """The rules of one nonterminal.

        Raises
        ------
        GrammarError
            If it has none.
        """
        if name not in self._alternatives:
            raise GrammarError(f"{self.source}: nonterminal {name!r} has no rule")
        return self._alternatives[name]

    @property
    def kind(self) -> str:
        """``"deterministic"``, ``"plain"``, ``"probabilistic"`` or ``"temporal"``."""
        if self.temporal:
            return "temporal"
        if len(self.rules) == len(self.nonterminals):
            return "deterministic"
        return "probabilistic" if self.probabilistic else "plain"

    @cached_property
    def reachable(self) -> tuple[str, ...]:
        """Nonterminals that some derivation from the start symbol holds, breadth first."""
        found = {self.start: None}
        queue = [self.start]
        for name in queue:
            for rule in self._alternatives[name]:
                for symbol in rule.symbols:
                    if not symbol.terminal and symbol.name not in found:
                        found[symbol.name] = None
                        queue.append(symbol.name)
        return tuple(found)

    @cached_property
    def productive(self) -> frozenset[str]:
        """Nonterminals that derive at least one string of terminals."""
        found: set[str] = set()
        while True:
            new = {
                rule.lhs
                for rule in self.rules
                if rule.lhs not in found
                and rule.probability > 0
                and all(symbol.terminal or symbol.name in found for symbol in rule.symbols)
            }
            if not new:
                return frozenset(found)
            found |= new

    @cached_property
    def unreachable(self) -> tuple[str, ...]:
        """Nonterminals with rules that no derivation from the start symbol ever uses."""
        return tuple(name for name in self.nonterminals if name not in self.reachable)

    # -- new grammars from this one ------------------------------------------------------------

    def with_probabilities(self, probabilities: Iterable[float]) -> Grammar:
        """The same rules with other probabilities, one per rule in order of :attr:`rules`."""
        values = [float(value) for value in probabilities]
        if len(values) != len(self.rules):
            raise GrammarError(
                f"probabilities must be one per rule ({len(self.rules)}), got {len(values)}"
            )
        rules = tuple(replace(r, probability=p) for r, p in zip(self.rules, values, strict=True))
        return replace(self, rules=rules, probabilistic=True)

    def pruned(self, threshold: float) -> Grammar:
        """Drop rules less probable than ``threshold``, then what became useless; renormalise.

        A symbol's most probable rule always stays, unless it derives nothing any more.
        """
        rules = list(self.rules)
        best: dict[str, float] = {}
        for rule in rules:
            best[rule.lhs] = max(best.get(rule.lhs, 0.0), rule.probability)
        rules = [r for r in rules if r.probability >= min(threshold, best[r.lhs])]
        return useful(rules, self)


def useful(rules: Iterable[Rule], like: Grammar) -> Grammar:
    """Keep rules whose symbols are productive and reachable, renormalise, make a grammar.

    Raises
    ------
    GrammarError
        If the start symbol derives nothing with these rules.
    """
    kept = [rule for rule in rules if rule.probability > 0]
    productive: set[str] = set()
    while True:
        new = {
            r.lhs
            for r in kept
            if r.lhs not in productive
            and all(s.terminal or s.name in productive for s in r.symbols)
        }
        if not new:
            break
        productive |= new
    if like.start not in productive:
        raise GrammarError(f"{like.source}: start symbol {like.start} derives nothing")
    kept = [r for r in kept if all(s.terminal or s.name in productive for s in r.symbols)]
    reachable = {like.start}
    queue = [like.start]
    for name in queue:
        for rule in kept:
            if rule.lhs == name:
                for symbol in rule.symbols:
                    if not symbol.terminal and symbol.name not in reachable:
                        reachable.add(symbol.name)
                        queue.append(symbol.name)
    kept = [rule for rule in kept if rule.lhs in reachable]
    totals: dict[str, list[float]] = {}
    for rule in kept:
        totals.setdefault(rule.lhs, []).append(rule.probability)
    sums = {name: math.fsum(values) for name, values in totals.items()}
    normal = tuple(replace(r, probability=r.probability / sums[r.lhs]) for r in kept)
    return replace(like, rules=normal, probabilistic=True)
