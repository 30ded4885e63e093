"""Derivations of form grammars, conditioned on their exact number of bars.

A form grammar is a text in the notation of `hybrid.grammar.notation` whose terminals are phrases
with their bars (``'antecedent a HC'[4]``). Two things go beyond a context-free grammar:

* ``let a = Theme in a Middle a``: both ``a`` are one sub-derivation, so its length counts twice;
* a section symbol (``A:refrain``) that occurs twice without a ``let`` is one sub-derivation too.
  All its derivations must have the same length, so that sharing leaves the lengths' distribution
  as it was; symbols whose label ends in ``*`` (``*:episode``) are new each time instead.

Inside probabilities by length make the draw exact, nothing is drawn and thrown away.
Recursion is linear (one recursive symbol in a right side), which keeps long pieces cheap: for N
bars a table costs O(N k), k being the lengths that one part of a rule can have.

References
----------
Lari, K., & Young, S. J. (1990). The estimation of stochastic context-free grammars using the
inside-outside algorithm. Computer Speech and Language 4, 35-56.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol
from hybrid.grammar.trees import Tree, build

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Group:
    """A symbol of a right side and how often it occurs there as one and the same thing."""

    part: Part
    times: int


def _groups(rule: Rule) -> tuple[_Group, ...]:
    labelled: dict[str, int] = {}
    found: list[_Group] = []
    for part in rule.rhs:
        if part.label is not None and part.label in labelled:
            place = labelled[part.label]
            found[place] = replace(found[place], times=found[place].times + 1)
            continue
        if part.label is not None:
            labelled[part.label] = len(found)
        found.append(_Group(part, 1))
    return tuple(found)


def is_section(name: str) -> bool:
    """Whether a nonterminal opens a section: ``LABEL:role`` or ``LABEL:role.kind``."""
    label, colon, role = name.partition(":")
    return bool(label and colon and role)


def is_new_each_time(name: str) -> bool:
    """Whether a section symbol is a new section each time: its label ends in ``*``."""
    return name.partition(":")[0].endswith("*")


class FormSampler:
    """Inside tables of a form grammar and exact draws from it.

    Parameters
    ----------
    grammar : Grammar
        Terminals have whole lengths (bars) of 1 or more.

    Raises
    ------
    GrammarError
        If a terminal lacks its length, recursion is not linear, or a section that is shared
        without a ``let`` can have different lengths.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.groups = {id(rule): _groups(rule) for rule in grammar.rules}
        self.recursive = self._find_recursion()
        for rule in grammar.rules:
            self._check(rule)
        self.order = self._order()
        self._size = -1
        self._tables: dict[str, FloatArray] = {}
        self._tails: dict[tuple[int, int], FloatArray] = {}
        self._check_sections()

    # -- structure ---------------------------------------------------------------------------

    def _children(self, name: str) -> list[str]:
        rules = self.grammar.alternatives(name)
        return [s.name for rule in rules for s in rule.symbols if not s.terminal]

    def _reach(self, name: str) -> set[str]:
        found: set[str] = set()
        queue = self._children(name)
        while queue:
            child = queue.pop()
            if child not in found:
                found.add(child)
                queue += self._children(child)
        return found

    def _find_recursion(self) -> dict[str, frozenset[str]]:
        """For each nonterminal those that derive it and that it derives."""
        reach = {name: self._reach(name) for name in self.grammar.nonterminals}
        return {
            name: frozenset(other for other in reach[name] if name in reach[other])
            for name in self.grammar.nonterminals
        }

    def _check(self, rule: Rule) -> None:
        place = f"{self.grammar.source}, line {rule.line}"
        for part in rule.rhs:
            if part.symbol.terminal and (
                part.length is None or part.length < 1 or part.length.denominator != 1
            ):
                raise GrammarError(
                    f"{place}: a phrase needs whole bars of 1 or more, as in {part.symbol}[4]"
                )
        loops = [
            group
            for group in self.groups[id(rule)]
            if not group.part.symbol.terminal and group.part.symbol.name in self.recursive[rule.lhs]
        ]
        if len(loops) > 1 or any(group.times > 1 for group in loops):
            raise GrammarError(
                f"{place}: recursion must be linear, one recursive symbol a rule, in '{rule}'"
            )
        if loops and len(self.groups[id(rule)]) == 1:
            raise GrammarError(f"{place}: a recursive rule must add bars, '{rule}' does not")

    def _order(self) -> list[str]:
        """Nonterminals so that each one comes after those it needs, loops aside."""
        order: list[str] = []
        done: set[str] = set()
        stack: list[tuple[str, bool]] = [
            (name, False) for name in reversed(self.grammar.nonterminals)
        ]
        while stack:
            name, ready = stack.pop()
            if ready:
                order.append(name)
            elif name not in done:
                done.add(name)
                stack.append((name, True))
                stack += [(child, False) for child in reversed(self._children(name))]
        return order

    def _check_sections(self) -> None:
        """Sections that may occur twice without a let have one length."""
        for name in self.grammar.reachable:
            if not is_section(name) or is_new_each_time(name):
                continue
            if not self._may_repeat(name):
                continue
            lengths = np.flatnonzero(np.isfinite(self.tables(256)[name]))
            if len(lengths) != 1:
                raise GrammarError(
                    f"{self.grammar.source}: section {name} can occur more than once, so all its "
                    f"derivations must be equally long, got {lengths[:6].tolist()}"
                )

    def _may_repeat(self, name: str) -> bool:
        users = [
            rule.lhs
            for rule in self.grammar.rules
            if rule.lhs in self.grammar.reachable
            for group in self.groups[id(rule)]
            if group.part.symbol == Symbol(name)
        ]
        if any(self.recursive[user] for user in users):
            return True
        return any(
            sum(g.part.symbol == Symbol(name) for g in self.groups[id(rule)]) > 1
            for rule in self.grammar.rules
        )

    # -- tables ------------------------------------------------------------------------------

    def tables(self, size: int) -> dict[str, FloatArray]:
        """Log probability of each nonterminal having each length 0..size or more."""
        if size <= self._size:
            return self._tables
        self._size, self._tables, self._tails = size, {}, {}
        done: set[str] = set()
        for name in self.order:
            if name in done:
                continue
            loop = self.recursive[name]
            if not loop:
                rules = [self._rule_table(rule, size) for rule in self.grammar.alternatives(name)]
                self._tables[name] = np.logaddexp.reduce(np.array(rules), axis=0)
                done.add(name)
            elif all(
                child in done or child in loop for other in loop for child in self._children(other)
            ):
                self._loop_tables(sorted(loop), size)
                done |= loop
        for name in self.order:  # loops whose other symbols came later in the order
            if name not in done:
                self._loop_tables(sorted(self.recursive[name]), size)
                done |= self.recursive[name]
        return self._tables

    def _part_table(self, group: _Group, size: int) -> FloatArray:
        """Log probability of the lengths that a group of equal parts takes up together."""
        table = np.full(size + 1, -np.inf)
        part = group.part
        if part.symbol.terminal:
            assert part.length is not None
            total = int(part.length) * group.times
            if total <= size:
                table[total] = 0.0
            return table
        own = self._tables[part.symbol.name]
        table[:: group.times] = own[: len(table[:: group.times])]
        return table

    def _rule_table(self, rule: Rule, size: int, without: str | None = None) -> FloatArray:
        table = np.full(size + 1, -np.inf)
        table[0] = np.log(rule.probability) if rule.probability > 0 else -np.inf
        for group in self.groups[id(rule)]:
            if group.part.symbol.terminal or group.part.symbol.name != without:
                table = convolve(self._part_table(group, size), table)
        return table

    def _loop_tables(self, names: list[str], size: int) -> None:
        constant = {name: np.full(size + 1, -np.inf) for name in names}
        steps: dict[str, list[tuple[str, NDArray[np.intp], FloatArray]]] = {n: [] for n in names}
        for name in names:
            for rule in self.grammar.alternatives(name):
                inner = [s.name for s in rule.symbols if not s.terminal and s.name in names]
                rest = self._rule_table(rule, size, without=inner[0] if inner else None)
                if inner:
                    lengths = np.flatnonzero(np.isfinite(rest))
                    steps[name].append((inner[0], lengths, rest[lengths]))
                else:
                    constant[name] = np.logaddexp(constant[name], rest)
        tables = constant
        for n in range(size + 1):
            for name in names:
                values = [tables[name][n]]
                for inner_name, lengths, logs in steps[name]:
                    fits = lengths[(lengths <= n)]
                    if len(fits):
                        sums = logs[: len(fits)] + tables[inner_name][n - fits]
                        values.append(np.logaddexp.reduce(sums))
                tables[name][n] = np.logaddexp.reduce(values)
        self._tables.update(tables)

    # -- lengths -----------------------------------------------------------------------------

    def lengths(self, longest: int, start: str | None = None) -> FloatArray:
        """Log probability of each number of bars 0..longest, from the start symbol or another."""
        return self.tables(longest)[start or self.grammar.start][: longest + 1]

    # -- draws -------------------------------------------------------------------------------

    def _tail(self, rule: Rule, place: int) -> FloatArray:
        """Log probability of the lengths of a rule's groups from ``place`` on."""
        groups = self.groups[id(rule)]
        key = (id(rule), place)
        if key not in self._tails:
            if place == len(groups):
                table = np.full(self._size + 1, -np.inf)
                table[0] = 0.0
            else:
                table = convolve(
                    self._part_table(groups[place], self._size), self._tail(rule, place + 1)
                )
            self._tails[key] = table
        return self._tails[key]

    def sample(self, bars: int, rng: np.random.Generator, start: str | None = None) -> Tree:
        """Draw a derivation of exactly ``bars`` bars, from the start symbol or another.

        Raises
        ------
        GrammarError
            If there is none.
        """
        start = start or self.grammar.start
        if bars < 1 or not np.isfinite(self.lengths(bars, start)[bars]):
            raise GrammarError(f"{start} has no derivation of {bars} bars")
        nodes: list[tuple[Tree, list[int]]] = []
        sections: dict[str, int] = {}
        # Entries: symbol, bars, parent's number, place among its children, rule's part.
        stack: list[tuple[str, int, int, list[int]]] = [(start, bars, -1, [0])]
        while stack:
            name, length, parent, places = stack.pop()
            if name in sections:  # the same section again
                if nodes[sections[name]][0].duration != length:
                    raise GrammarError(
                        f"{self.grammar.source}: section {name} occurs with two lengths; "
                        "share it with a let, or write its label with a *"
                    )
                for place in places:
                    nodes[parent][1][place] = sections[name]
                continue
            number = len(nodes)
            if parent >= 0:
                for place in places:
                    nodes[parent][1][place] = number
            rule = self._draw_rule(name, length, rng)
            nodes.append(
                (
                    Tree(
                        Symbol(name),
                        rule=rule,
                        probability=rule.probability,
                        duration=Fraction(length),
                    ),
                    [-1] * len(rule.rhs),
                )
            )
            if is_section(name) and not is_new_each_time(name):
                sections[name] = number
            entries = []
            left = length
            for place, group in enumerate(self.groups[id(rule)]):
                own = self._draw_length(rule, place, left, rng)
                left -= own * group.times
                where = [i for i, part in enumerate(rule.rhs) if _same(part, group.part)]
                where = where if group.part.label is not None else [self._at(rule, place)]
                if group.part.symbol.terminal:
                    for index in where:
                        nodes[number][1][index] = len(nodes)
                    nodes.append((Tree(group.part.symbol, duration=Fraction(own)), []))
                else:
                    entries.append((group.part.symbol.name, own, number, where))
            stack += reversed(entries)
        return build(_in_order(nodes))

    def _at(self, rule: Rule, place: int) -> int:
        """Index in the right side of a group without label."""
        seen: set[str] = set()
        count = -1
        for index, part in enumerate(rule.rhs):
            if part.label is not None:
                if part.label in seen:
                    continue
                seen.add(part.label)
            count += 1
            if count == place:
                return index
        raise AssertionError(place)

    def _draw_rule(self, name: str, length: int, rng: np.random.Generator) -> Rule:
        rules = [rule for rule in self.grammar.alternatives(name) if rule.probability > 0]
        logs = np.array([np.log(rule.probability) + self._tail(rule, 0)[length] for rule in rules])
        return rules[_draw(logs, rng)]

    def _draw_length(self, rule: Rule, place: int, left: int, rng: np.random.Generator) -> int:
        group = self.groups[id(rule)][place]
        if group.part.symbol.terminal:
            assert group.part.length is not None
            return int(group.part.length)
        own = self._tables[group.part.symbol.name][: left // group.times + 1]
        rest = self._tail(rule, place + 1)[left - group.times * np.arange(len(own))]
        return _draw(own + rest, rng)


def _same(part: Part, other: Part) -> bool:
    return part is other or (part.label is not None and part.label == other.label)


def _in_order(nodes: list[tuple[Tree, list[int]]]) -> list[tuple[Tree, list[int]]]:
    """Renumber so that children come after their parents, as `build` wants it."""
    rank = [0] * len(nodes)  # longest way from the root
    changed = True
    while changed:
        changed = False
        for number, (_, children) in enumerate(nodes):
            for child in children:
                if rank[child] <= rank[number]:
                    rank[child] = rank[number] + 1
                    changed = True
    order = sorted(range(len(nodes)), key=lambda number: (rank[number], number))
    place = {number: index for index, number in enumerate(order)}
    return [(nodes[number][0], [place[child] for child in nodes[number][1]]) for number in order]


def _draw(logs: FloatArray, rng: np.random.Generator) -> int:
    weights = np.cumsum(np.exp(logs - logs.max()))
    at = int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
    return min(at, len(weights) - 1)


def convolve(sparse: FloatArray, dense: FloatArray) -> FloatArray:
    """Log of the distribution of a sum of two independent lengths, cut to their common size."""
    few, many = sorted((sparse, dense), key=lambda table: int(np.isfinite(table).sum()))
    result = np.full(len(many), -np.inf)
    for length in np.flatnonzero(np.isfinite(few)):
        end = len(many) - length
        result[length:] = np.logaddexp(result[length:], few[length] + many[:end])
    return result
