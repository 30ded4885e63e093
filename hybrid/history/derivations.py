"""Derivation trees as panels and traces: what the exhibits of grammars share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybrid.history import panels
from hybrid.history.ledger import Ledger
from hybrid.history.words import chord_name

if TYPE_CHECKING:
    from hybrid.grammar.cfg import Grammar
    from hybrid.grammar.rule import Rule
    from hybrid.grammar.trees import Tree

#: Alternatives named in a decision; more would only fill the page.
MAX_REJECTED = 8


@dataclass(frozen=True)
class Grown:
    """A tree laid out for the page.

    Attributes
    ----------
    panel : panels.Tree
    rules : panels.Text
        The rules of the grammar that were used, and their alternatives.
    parents : tuple of int
        Of each node, -1 for the root.
    decisions : tuple of int
        Entry of the trace that made each node.
    leaves : tuple of int
        Node of each leaf, from left to right.
    steps : tuple of panels.Step
        A step for each rule that was applied.
    """

    panel: panels.Tree
    rules: panels.Text
    parents: tuple[int, ...]
    decisions: tuple[int, ...]
    leaves: tuple[int, ...]
    steps: tuple[panels.Step, ...]

    def way(self, node: int) -> list[int]:
        """A node and all above it."""
        found = [node]
        while self.parents[found[-1]] >= 0:
            found.append(self.parents[found[-1]])
        return found


def grow(
    tree: Tree,
    ledger: Ledger,
    grammar: Grammar,
    *,
    maker: str,
    title: str = "Derivation",
) -> Grown:
    """Lay out a derivation, write its rules into the trace, and make a step of each.

    Parameters
    ----------
    tree : Tree
    ledger : Ledger
    grammar : Grammar
        What it was derived with: the alternatives of each rule are named as rejected.
    maker : str
        Of the decisions.
    title : str
        Of the panel.
    """
    used = {node.symbol.name for node in tree.preorder() if node.rule is not None}
    listed = [rule for rule in grammar.rules if rule.lhs in used]
    texts = [_text_of(rule) for rule in listed]
    alternatives: dict[str, list[str]] = {}
    for one, text in zip(listed, texts, strict=True):
        alternatives.setdefault(one.lhs, []).append(text)
    rules = panels.Text(
        "rules",
        "Rules",
        "The rules of the grammar with their probabilities; the one that is applied is marked.",
        lines=tuple(
            f"{one.probability:.2f}  {text}" for one, text in zip(listed, texts, strict=True)
        ),
    )
    nodes: list[tuple[str, int, str]] = []
    parents: list[int] = []
    decisions: list[int] = []
    leaves: list[int] = []
    # Each generation by breadth, so that a step shows a node with all its children.
    order: list[tuple[Tree, int]] = [(tree, -1)]
    at = 0
    children: dict[int, list[int]] = {}
    while at < len(order):
        node, parent = order[at]
        children[at] = []
        if parent >= 0:
            children[parent].append(at)
        order += [(child, at) for child in node.children]
        at += 1
    steps = []
    shown = 1
    for number, (node, parent) in enumerate(order):
        label = _plain(node.symbol.name)
        length = "" if node.duration is None else f", length {node.duration}"
        rule = "" if node.rule is None else f"; {node.rule} (p {node.probability:.2f})"
        nodes.append((label, parent, f"{label}{length}{rule}"))
        parents.append(parent)
        above = decisions[parent] if parent >= 0 else None
        if node.rule is None:
            # A leaf was made by the rule above it.
            decisions.append(above if above is not None else ledger.decide("axiom", maker, label))
            continue
        others = [text for text in alternatives[node.symbol.name] if text != rule_text(node)]
        decisions.append(
            ledger.decide(
                "rule",
                maker,
                rule_text(node),
                parent=above,
                probability=node.probability,
                rejected=others[:MAX_REJECTED],
            )
        )
        below = children[number]
        shown = max(shown, below[-1] + 1 if below else shown)
        steps.append((number, below, shown, rule_text(node), node.probability))
    panel = panels.Tree(
        "tree",
        title,
        "Tree of the derivation: each symbol above what a rule made of it.",
        nodes=tuple(nodes),
    )
    made = tuple(
        panels.Step(
            f"Rule {text} is applied (chance {chance:.2f}).",
            {
                "tree": panel.grow(shown, [number, *below]),
                "rules": rules.upto(len(texts), [texts.index(text)] if text in texts else []),
            },
        )
        for number, below, shown, text, chance in steps
    )
    leaves = _in_order(order, children)
    return Grown(panel, rules, tuple(parents), tuple(decisions), tuple(leaves), made)


def rule_text(node: Tree) -> str:
    """A rule as ``S -> NP VP``, without its probability."""
    right = " ".join(_plain(child.symbol.name) for child in node.children)
    return f"{_plain(node.symbol.name)} → {right}"


def _text_of(rule: Rule) -> str:
    return f"{_plain(rule.lhs)} → {' '.join(_plain(part.symbol.name) for part in rule.rhs)}"


def _plain(name: str) -> str:
    """A symbol's name without the mark that tells a degree from its chord, with real signs."""
    return chord_name(name.replace("!", ""))


def _in_order(order: list[tuple[Tree, int]], children: dict[int, list[int]]) -> list[int]:
    """Leaves from left to right; the nodes themselves are numbered by breadth."""
    found = []
    stack = [0]
    while stack:
        at = stack.pop()
        if order[at][0].is_leaf:
            found.append(at)
        stack += reversed(children[at])
    return found
