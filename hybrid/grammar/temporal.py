"""Temporal grammars: symbols last for a duration and stand in a key, and hand both down.

A rule ``I -> (0.5) II/4 V/4 I/2`` divides the time of its left side, so the leaves of a derivation
always last exactly as long as its root. ``VI -> I@VI`` derives in the key of VI. ``let x = X/2 in
x x`` derives ``x`` once and uses it twice, which makes the derivation a graph.

Notes
-----
This is the idea of Quick and Hudak's probabilistic temporal graph grammar, not their program.
Alternatives that would make a part shorter than the minimum, and those whose condition fails, are
not available; the others share their probability in proportion. A symbol with no alternative left
stays in the derivation as a leaf. Rewriting stops when nothing can be rewritten or, as in the
paper, after a number of generations.

References
----------
Quick, D. and Hudak, P. (2013). A temporal generative graph grammar for harmonic and metrical
structure. Proceedings of the International Computer Music Conference.
Melkonian, O. (2019). Music as language: putting probabilistic temporal graph grammars to good use.
Proceedings of the 7th ACM SIGPLAN International Workshop on Functional Art, Music, Modeling, and
Design, 1-10. doi:10.1145/3331543.3342576
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol
from hybrid.grammar.keys import degree_key, read_key
from hybrid.grammar.lengths import Length
from hybrid.grammar.parse import Parser
from hybrid.grammar.sample import Sampler
from hybrid.grammar.trees import Tree, build

MAX_NODES = 1_000_000
MAX_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Choice:
    """An alternative that is available for a symbol of some duration.

    Attributes
    ----------
    rule : Rule
    probability : float
        After the unavailable alternatives' share has gone to the others.
    durations : tuple of Fraction
        Of the parts of the right side; they add up to the symbol's.
    """

    rule: Rule
    probability: float
    durations: tuple[Fraction, ...]


def divide(rule: Rule, duration: Fraction) -> tuple[Fraction, ...] | None:
    """Durations of the parts of a right side, or None where they cannot add up.

    Parts with a share get it, parts with a length get that, and the parts with neither divide
    what is left equally.
    """
    fixed = [duration * part.share if part.share is not None else part.length for part in rule.rhs]
    rest = duration - sum((value for value in fixed if value is not None), Fraction(0))
    n_open = sum(value is None for value in fixed)
    if rest < 0 or (rest > 0) != (n_open > 0):
        return None
    return tuple(rest / n_open if value is None else value for value in fixed)


def choices(
    grammar: Grammar, symbol: str, duration: Fraction, minimum: Fraction | None
) -> tuple[Choice, ...]:
    """The alternatives of a symbol that are available at a duration; empty if there are none."""
    found: list[Choice] = []
    for rule in grammar.alternatives(symbol):
        if rule.at_least is not None and duration < rule.at_least:
            continue
        if rule.below is not None and duration >= rule.below:
            continue
        durations = divide(rule, duration)
        if durations is None or rule.probability <= 0:
            continue
        if minimum is not None and any(value < minimum for value in durations):
            continue
        found.append(Choice(rule, rule.probability, durations))
    total = math.fsum(choice.probability for choice in found)
    return tuple(replace(choice, probability=choice.probability / total) for choice in found)


@dataclass(frozen=True)
class _Setting:
    """Duration, key and minimum with the grammar's defaults filled in."""

    duration: Fraction
    key: Key
    minimum: Fraction | None

    @staticmethod
    def of(
        grammar: Grammar, duration: Length | None, key: Key | str | None, minimum: Length | None
    ) -> _Setting:
        whole = grammar.duration if duration is None else Fraction(duration)
        whole = Fraction(1) if whole is None else whole
        least = grammar.minimum if minimum is None else Fraction(minimum)
        if whole <= 0:
            raise GrammarError(f"duration must be above 0, got {whole}")
        if least is not None and not 0 < least <= whole:
            raise GrammarError(f"minimum must be above 0 and at most {whole}, got {least}")
        if key is None:
            key = grammar.key or "C major"
        return _Setting(whole, read_key(key) if isinstance(key, str) else key, least)


def derive(
    grammar: Grammar,
    rng: np.random.Generator,
    *,
    duration: Length | None = None,
    key: Key | str | None = None,
    minimum: Length | None = None,
    generations: int | None = None,
    start: str | None = None,
) -> Tree:
    """Draw a derivation in which every node has a duration and a key.

    Parameters
    ----------
    grammar : Grammar
        Any grammar; one without durations divides time equally.
    rng : np.random.Generator
    duration : int or Fraction, optional
        Of the whole, in any unit; the grammar's ``%duration``, else 1, when left out.
    key : Key or str, optional
        Of the whole; the grammar's ``%key``, else C major.
    minimum : int or Fraction, optional
        Shortest duration a rule may give; the grammar's ``%minimum``, else none.
    generations : int, optional
        Most rules on any way from the root to a leaf.
    start : str, optional
        Nonterminal to start from instead of the grammar's.

    Returns
    -------
    Tree
        Leaves are terminals, or nonterminals that could not be divided or were left when the
        generations were over. Parts under one ``let`` variable are the same object.

    Raises
    ------
    GrammarError
        If a value is out of range, a key has no such degree, or the derivation grows past a
        million nodes (give a minimum or generations).

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("T -> (0.5) T/2 T/2 | (0.5) D/2 T/2\\nD -> 'd'\\n%minimum 1/4")
    >>> tree = derive(grammar, np.random.default_rng(4), duration=2)
    >>> sum(leaf.duration for leaf in tree.leaves())
    Fraction(2, 1)
    """
    setting = _Setting.of(grammar, duration, key, minimum)
    if generations is not None and generations < 0:
        raise GrammarError(f"generations must be 0 or more, got {generations}")
    root = Tree(Symbol(start or grammar.start), duration=setting.duration, key=setting.key)
    nodes: list[tuple[Tree, list[int]]] = [(root, [])]
    stack = [(0, 0)]
    known: dict[tuple[str, Fraction], tuple[Choice, ...]] = {}
    while stack:
        number, depth = stack.pop()
        node, children = nodes[number]
        if node.symbol.terminal or depth == generations:
            continue
        assert node.duration is not None
        assert node.key is not None
        state = (node.symbol.name, node.duration)
        if state not in known:
            known[state] = choices(grammar, *state, setting.minimum)
        options = known[state]
        if not options:
            continue
        cumulative = np.cumsum([choice.probability for choice in options])
        at = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
        choice = options[min(int(at), len(options) - 1)]
        nodes[number] = (
            replace(node, rule=choice.rule, probability=choice.probability),
            children,
        )
        by_label: dict[str, int] = {}
        for part, time in zip(choice.rule.rhs, choice.durations, strict=True):
            if part.label is not None and part.label in by_label:
                children.append(by_label[part.label])
                continue
            below = node.key if part.degree is None else degree_key(node.key, part.degree)
            children.append(len(nodes))
            if part.label is not None:
                by_label[part.label] = len(nodes)
            nodes.append((Tree(part.symbol, duration=time, key=below, label=part.label), []))
        stack.extend((child, depth + 1) for child in reversed(list(dict.fromkeys(children))))
        if len(nodes) > MAX_NODES:
            raise GrammarError(
                f"derivation grew past {MAX_NODES} nodes; give a minimum duration or generations"
            )
    return build(nodes)


# -- unfolding into a plain grammar ---------------------------------------------------------------

State = tuple[str, Fraction, Key]


@dataclass(frozen=True, eq=False)
class Unfolded:
    """A temporal grammar written out for one duration, key and minimum.

    Every symbol at every duration and key it can have becomes a nonterminal of a plain
    probabilistic grammar, so that bounds, parsing and all else work exactly. Terminals keep their
    name and get their duration as length: the token of a quarter-bar ``d`` is ``d[1/4]``.

    Attributes
    ----------
    grammar : Grammar
        The plain grammar; its symbols are named like ``T 1/2 A minor``.
    temporal : Grammar
        What it was made from.
    """

    grammar: Grammar
    temporal: Grammar
    _states: dict[str, State]
    _sources: dict[tuple[str, tuple[Part, ...]], Choice]

    def sample(
        self,
        rng: np.random.Generator,
        *,
        n_leaves: int | tuple[int, int] | None = None,
        max_depth: int | None = None,
    ) -> Tree:
        """Draw a derivation with exactly so many leaves, or so many at least and at most.

        Raises
        ------
        GrammarError
            If there is none; names the nearest numbers that would do.
        """
        ones = dict.fromkeys(self.grammar.terminals, 1)
        sampler = Sampler(self.grammar, length=n_leaves, max_depth=max_depth, lengths=ones)
        return self.fold(sampler.sample(rng))

    def parse(self, tokens: Sequence[str | None]) -> Tree:
        """Most probable derivation of a sequence of tokens such as ``d[1/4]``.

        Raises
        ------
        GrammarError
            As :meth:`hybrid.grammar.parse.Parser.parse`.
        """
        return self.fold(Parser(self.grammar).parse(tokens).tree)

    def fold(self, tree: Tree) -> Tree:
        """A derivation of the plain grammar as one of the temporal grammar."""
        name, duration, key = self._states[tree.symbol.name]
        nodes: list[tuple[Tree, list[int]]] = [(Tree(Symbol(name), duration=duration, key=key), [])]
        stack = [(tree, 0)]
        while stack:
            plain, number = stack.pop()
            assert plain.rule is not None
            choice = self._sources.get((plain.rule.lhs, plain.rule.rhs))
            if choice is None:  # a symbol that could not be divided
                continue
            node, children = nodes[number]
            assert node.key is not None
            nodes[number] = (
                replace(node, rule=choice.rule, probability=choice.probability),
                children,
            )
            rows = zip(choice.rule.rhs, choice.durations, plain.children, strict=True)
            for part, time, child in rows:
                below = node.key if part.degree is None else degree_key(node.key, part.degree)
                children.append(len(nodes))
                if child.rule is not None:
                    stack.append((child, len(nodes)))
                nodes.append((Tree(part.symbol, duration=time, key=below), []))
        return build(nodes)


def unfold(
    grammar: Grammar,
    *,
    duration: Length | None = None,
    key: Key | str | None = None,
    minimum: Length | None = None,
) -> Unfolded:
    """Write a temporal grammar out as a plain one.

    Parameters are those of :func:`derive`.

    Raises
    ------
    GrammarError
        If a rule shares sub-derivations (that is not context-free), if there are too many
        symbols (no minimum), or if some symbol never comes to an end.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> grammar = read_grammar("T -> (0.5) T/2 T/2 | (0.5) 't'")
    >>> plain = unfold(grammar, duration=1, minimum=Fraction(1, 8))
    >>> tree = plain.sample(np.random.default_rng(0), n_leaves=3)
    >>> sorted(str(leaf.duration) for leaf in tree.leaves())
    ['1/2', '1/4', '1/4']
    """
    shared = next((r for r in grammar.rules if any(part.label for part in r.rhs)), None)
    if shared is not None:
        raise GrammarError(f"a grammar that shares cannot be unfolded, got {shared}")
    setting = _Setting.of(grammar, duration, key, minimum)
    first: State = (grammar.start, setting.duration, setting.key)
    names: dict[State, str] = {first: _state_name(first)}
    queue = [first]
    chances: dict[tuple[str, tuple[Part, ...]], float] = {}
    sources: dict[tuple[str, tuple[Part, ...]], Choice] = {}
    for state in queue:
        name, time, here = state
        options = choices(grammar, name, time, setting.minimum)
        for choice in options:
            parts = []
            for part, length in zip(choice.rule.rhs, choice.durations, strict=True):
                if part.symbol.terminal:
                    parts.append(Part(part.symbol, length=length))
                    continue
                below = here if part.degree is None else degree_key(here, part.degree)
                child: State = (part.symbol.name, length, below)
                if child not in names:
                    names[child] = _state_name(child)
                    queue.append(child)
                parts.append(Part(Symbol(names[child])))
            row = (names[state], tuple(parts))
            # Two ways of writing one division ("T T" and "T/2 T/2") are one rule here.
            chances[row] = chances.get(row, 0.0) + choice.probability
            sources.setdefault(row, choice)
        if not options:
            whole = (Part(Symbol(name, terminal=True), length=time),)
            chances[names[state], whole] = 1.0
        if len(names) > MAX_STATES:
            raise GrammarError(
                f"unfolding gives more than {MAX_STATES} symbols; give a longer minimum duration"
            )
    rules = tuple(Rule(lhs, rhs, chance) for (lhs, rhs), chance in chances.items())
    plain = Grammar(rules, names[first], source=grammar.source)
    return Unfolded(plain, grammar, {name: state for state, name in names.items()}, sources)


def _state_name(state: State) -> str:
    name, duration, key = state
    return f"{name} {duration} {key}"
