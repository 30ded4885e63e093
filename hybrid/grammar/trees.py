"""Derivation trees: frozen nodes, bracket strings, networkx graphs.

Trees of left-recursive grammars are as deep as their strings are long, so nothing here recurses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hybrid.core.errors import GrammarError
from hybrid.grammar.rule import Part, Rule, Symbol

if TYPE_CHECKING:
    import networkx

    from hybrid.core.pitch import Key


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A node of a derivation tree with everything below it.

    Attributes
    ----------
    symbol : Symbol
        A terminal for leaves, a nonterminal for the rest. A nonterminal without children is an
        epsilon node, or, in temporal derivations, a symbol that was too short to be divided.
    children : tuple of Tree
    rule : Rule or None
        The rule that made the children.
    probability : float
        With which the rule was chosen here: the rule's own, unless some alternatives were not
        available (temporal grammars) and the rest shared theirs.
    duration : Fraction or None
        Temporal derivations: of every node. Otherwise of terminals with a length, and of nodes
        above such terminals only.
    key : Key or None
        Temporal derivations: the key the node stands in.
    label : str or None
        The variable of a ``let``; siblings with one label are the same object.
    """

    symbol: Symbol
    children: tuple[Tree, ...] = ()
    rule: Rule | None = None
    probability: float = 1.0
    duration: Fraction | None = None
    key: Key | None = None
    label: str | None = None

    def preorder(self) -> Iterator[Tree]:
        """Every node, parents before children, left to right."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def _identity(self) -> tuple[object, ...]:
        return tuple(
            (node.symbol, len(node.children), node.rule, node.duration, node.key, node.label)
            for node in self.preorder()
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __str__(self) -> str:
        return format_tree(self)

    @property
    def is_leaf(self) -> bool:
        """Whether the node is a terminal, or a symbol of a temporal derivation left as it is."""
        undivided = self.rule is None and self.duration is not None
        return not self.children and (self.symbol.terminal or undivided)

    @property
    def text(self) -> str:
        """A leaf's token as parsers read it: ``a``, or ``a[8]`` where it has a length."""
        return Part(self.symbol, length=self.duration).text

    def leaves(self) -> tuple[Tree, ...]:
        """The leaves from left to right; epsilon nodes are none."""
        return tuple(node for node in self.preorder() if node.is_leaf)

    def tokens(self, lengths: bool = False) -> tuple[str, ...]:
        """Names of the leaves, or their texts with lengths (``a[8]``)."""
        return tuple(leaf.text if lengths else leaf.symbol.name for leaf in self.leaves())

    def nonterminals(self) -> tuple[Tree, ...]:
        """Nodes that a rule was applied to, in preorder."""
        return tuple(node for node in self.preorder() if node.rule is not None)

    def log_probability(self) -> float:
        """Sum of the natural logarithms of the probabilities of the rules used.

        A shared sub-derivation is chosen once and counts once.
        """
        seen: set[int] = set()
        total = 0.0
        stack = [self]
        while stack:
            node = stack.pop()
            if node.label is not None:
                if id(node) in seen:
                    continue
                seen.add(id(node))
            if node.rule is not None:
                if node.probability <= 0:
                    return -math.inf
                total += math.log(node.probability)
            stack.extend(reversed(node.children))
        return total

    def depth(self) -> int:
        """Rules applied on the longest way from the root to a leaf; 0 for a lone leaf."""
        deepest = 0
        stack = [(self, 0)]
        while stack:
            node, depth = stack.pop()
            depth += node.rule is not None or bool(node.children)
            deepest = max(deepest, depth)
            stack.extend((child, depth) for child in node.children)
        return deepest

    def onsets(self) -> tuple[tuple[Tree, Fraction], ...]:
        """Each leaf with its onset, the sum of the durations of the leaves before it.

        Raises
        ------
        GrammarError
            If a leaf has no duration.
        """
        now = Fraction(0)
        result = []
        for leaf in self.leaves():
            if leaf.duration is None:
                raise GrammarError(f"leaf {leaf.symbol} has no duration")
            result.append((leaf, now))
            now += leaf.duration
        return tuple(result)


def build(nodes: Sequence[tuple[Tree, Sequence[int]]]) -> Tree:
    """Join nodes made top-down: each with the indices of its children, all greater than its own.

    A node that two parents or two places name becomes one shared object.
    """
    made: list[Tree | None] = [None] * len(nodes)
    for index in range(len(nodes) - 1, -1, -1):
        node, children = nodes[index]
        if not children:
            made[index] = node
            continue
        below = tuple(made[child] for child in children)
        assert all(child is not None for child in below)
        made[index] = replace(node, children=below)  # type: ignore[arg-type]
    root = made[0]
    assert root is not None
    return root


def with_durations(tree: Tree) -> Tree:
    """Give inner nodes the sum of their leaves' durations, where all of these have one."""
    order = list(tree.preorder())
    done: dict[int, Tree] = {}
    sums: dict[int, tuple[Fraction, int] | None] = {}  # total and number of leaves below
    for node in reversed(order):
        if id(node) in done:
            continue
        if node.is_leaf:
            done[id(node)] = node
            sums[id(node)] = None if node.duration is None else (node.duration, 1)
            continue
        known = [s for s in (sums[id(child)] for child in node.children) if s is not None]
        total = None
        if len(known) == len(node.children):
            total = (sum((s[0] for s in known), Fraction(0)), sum(s[1] for s in known))
        sums[id(node)] = total
        duration = total[0] if total is not None and total[1] > 0 else None
        children = tuple(done[id(child)] for child in node.children)
        done[id(node)] = replace(node, children=children, duration=duration)
    return done[id(tree)]


# -- bracket strings ---------------------------------------------------------------------------

_BARE = re.compile(r"[^\s()\[\]'\"]+")
_BRACKET = re.compile(
    r"""\s*(?:(?P<close>\))
    | (?P<open>\(?)\s*(?P<name>'[^']*'|"[^"]*"|[^\s()\[\]'"][^\s()\[\]]*)
      (?:\[(?P<length>[^\]]*)\])?)""",
    re.VERBOSE,
)


def _bracket_name(name: str) -> str:
    if _BARE.fullmatch(name):
        return name
    return f'"{name}"' if "'" in name else f"'{name}'"


def format_tree(tree: Tree) -> str:
    """Write a tree as a bracket string, ``(S (NP she) (VP runs))``; lengths as in ``a[8]``.

    Symbols, children and lengths of leaves are kept; rules, probabilities and keys are not.
    """
    words: list[str] = []
    stack: list[Tree | None] = [tree]
    while stack:
        node = stack.pop()
        if node is None:
            words.append(")")
            continue
        gap = " " if words else ""
        length = f"[{node.duration}]" if node.is_leaf and node.duration is not None else ""
        words.append(gap + ("" if node.symbol.terminal else "("))
        words.append(_bracket_name(node.symbol.name) + length)
        if not node.symbol.terminal:
            stack.append(None)
            stack.extend(reversed(node.children))
    return "".join(words)


def read_tree(text: str) -> Tree:
    """Read a bracket string; the inverse of :func:`format_tree`.

    Raises
    ------
    GrammarError
        If brackets do not match, or something stands outside them; names the column.

    Examples
    --------
    >>> read_tree("(S (NP she) (VP runs))").tokens()
    ('she', 'runs')
    """
    nodes: list[tuple[Tree, list[int]]] = []
    stack: list[int] = []
    position, closed = 0, False
    text = text.rstrip()
    while position < len(text):
        match = _BRACKET.match(text, position)
        if match is None or closed:
            raise GrammarError(f"bracket string cannot be read at column {position + 1}")
        position = match.end()
        if match["close"]:
            if not stack:
                raise GrammarError(f"bracket string closes too often at column {position}")
            stack.pop()
            closed = not stack
            continue
        opens = match["open"] == "("
        name = match["name"]
        name = name[1:-1] if name[0] in "'\"" else name
        if not stack and not opens:
            raise GrammarError(f"bracket string must start with '(', got {name!r}")
        length = None
        if match["length"] is not None:
            try:
                length = Fraction(match["length"])
            except (ValueError, ZeroDivisionError):
                raise GrammarError(f"length of {name} must be a number: {match[0]!r}") from None
        if stack:
            nodes[stack[-1]][1].append(len(nodes))
        if opens:
            stack.append(len(nodes))
        nodes.append((Tree(Symbol(name, terminal=not opens), duration=length), []))
    if not closed:
        raise GrammarError("bracket string is never closed" if nodes else "bracket string is empty")
    return with_durations(build(nodes))


# -- rules, spans, graphs ------------------------------------------------------------------------


def rules_of(tree: Tree) -> Iterator[Rule]:
    """The rule applied at each node, each with probability 1, for counting.

    Where a node carries no rule (trees read from brackets) it is read off the children; a
    nonterminal without children is then an epsilon rule. A shared sub-derivation counts once.
    """
    seen: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.is_leaf or (node.label is not None and id(node) in seen):
            continue
        seen.add(id(node))
        stack.extend(reversed(node.children))
        if node.rule is not None:
            yield replace(node.rule, probability=1.0, line=None)
            continue
        parts = (
            Part(child.symbol, length=child.duration if child.symbol.terminal else None)
            for child in node.children
        )
        yield Rule(node.symbol.name, tuple(parts))


def to_graph(tree: Tree, *, shared: bool = False) -> networkx.DiGraph:
    """Give the tree as a networkx graph, edges from parents to children.

    Parameters
    ----------
    tree : Tree
    shared : bool
        Whether a sub-derivation that a ``let`` uses twice becomes one node with two parents or
        places (the graph of a graph grammar) instead of being repeated.

    Returns
    -------
    networkx.DiGraph
        Nodes are numbered in preorder from 0 (the root). Node attributes: ``symbol`` (str),
        ``terminal`` (bool), ``rule`` (str or None), ``probability`` (float), ``span`` (leaf
        numbers, end exclusive; the first occurrence's if shared), ``onset`` and ``duration``
        (Fraction or None), ``key`` (str or None). Edge attributes: ``order``, the places among
        the parent's children (a tuple, longer than one if shared).
    """
    import networkx as nx

    graph = nx.DiGraph()
    known: dict[int, int] = {}
    leaf_count = 0
    now: Fraction | None = Fraction(0)
    # Entries: node, parent, place; or the number of a node whose span ends now.
    stack: list[tuple[Tree, int, int] | int] = [(tree, -1, 0)]
    while stack:
        entry = stack.pop()
        if isinstance(entry, int):
            start = graph.nodes[entry]["span"][0]
            graph.nodes[entry]["span"] = (start, leaf_count)
            continue
        node, parent, place = entry
        if shared and node.label is not None and id(node) in known:
            number = known[id(node)]
            places = graph.edges[parent, number]["order"] if graph.has_edge(parent, number) else ()
            graph.add_edge(parent, number, order=(*places, place))
            leaf_count += len(node.leaves())
            if now is not None and node.duration is not None:
                now += node.duration
            continue
        number = graph.number_of_nodes()
        if node.label is not None:
            known[id(node)] = number
        graph.add_node(
            number,
            symbol=node.symbol.name,
            terminal=node.symbol.terminal,
            rule=None if node.rule is None else str(node.rule),
            probability=node.probability,
            span=(leaf_count, leaf_count),
            onset=now,
            duration=node.duration,
            key=None if node.key is None else str(node.key),
        )
        if parent >= 0:
            graph.add_edge(parent, number, order=(place,))
        if node.is_leaf:
            leaf_count += 1
            now = None if now is None or node.duration is None else now + node.duration
        stack.append(number)
        stack.extend((child, number, i) for i, child in reversed(list(enumerate(node.children))))
    return graph


def graph_attributes(graph: networkx.DiGraph) -> list[dict[str, Any]]:
    """Node attributes in order of the node numbers, each with ``id`` and ``children``; for JSON.

    Fractions become strings such as ``"3/2"``.
    """
    rows = []
    for number in sorted(graph.nodes):
        places = [(p, c) for c in graph.successors(number) for p in graph.edges[number, c]["order"]]
        row: dict[str, Any] = {"id": number, "children": [child for _, child in sorted(places)]}
        for name, value in graph.nodes[number].items():
            row[name] = str(value) if isinstance(value, Fraction) else value
        rows.append(row)
    return rows
