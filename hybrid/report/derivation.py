"""How a grammar derived the form: nested blocks under the timeline, and the tree itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hybrid.core.plan import FormPlan
from hybrid.report import svg
from hybrid.report.axis import WIDTH, Axis
from hybrid.report.colours import INK
from hybrid.report.words import fit, signs

ROW = 26.0
ROW_GAP = 3.0
#: Beyond this many nodes the tree of boxes is left out: it would be wider than any screen.
MAX_TREE_NODES = 600
_FILLS = ("#e3e7ee", "#d5dfee", "#c7d8ee", "#d3e6e0", "#e4e8cf", "#efe3cb", "#f0dbd0", "#ecd6e0")


@dataclass(frozen=True)
class Node:
    """A node with its place: quarters from the start, row from 0."""

    label: str
    start: Fraction
    end: Fraction
    row: int
    bars: int
    rule: str
    probability: float | None
    key: str
    is_leaf: bool


def place_nodes(plan: FormPlan) -> tuple[Node, ...]:
    """Nodes of the plan's derivation in preorder, with their place in musical time.

    Empty where the plan has no derivation, or one whose lengths are not the plan's.
    """
    root = plan.derivation
    if not root or "symbol" not in root:
        return ()
    # Quarters at each bar line: nodes are measured in bars, and metres may change.
    lines = [plan.pickup_quarters]
    for placed in plan.phrases():
        lines += [placed.start + n * placed.metre.bar_quarters for n in range(1, placed.bars + 1)]
    if _bars(root) != len(lines) - 1:
        return ()
    nodes: list[Node] = []
    stack: list[tuple[Mapping[str, Any], int, int]] = [(root, 0, 0)]
    while stack:
        node, bar, row = stack.pop()
        n_bars = _bars(node)
        children = list(node.get("children", ()))
        if bar + n_bars >= len(lines) + 1:
            return ()
        probability = node.get("probability")
        nodes.append(
            Node(
                label=readable(str(node["symbol"])),
                start=lines[bar],
                end=lines[bar + n_bars],
                row=row,
                bars=n_bars,
                rule=str(node.get("rule", "")),
                probability=None if probability is None else float(probability),
                key=str(node.get("key", "")),
                is_leaf=not children,
            )
        )
        at = bar
        below = []
        for child in children:
            below.append((child, at, row + 1))
            at += _bars(child)
        stack.extend(reversed(below))
    return tuple(nodes)


def _bars(node: Mapping[str, Any]) -> int:
    return int(node.get("bars") or 0)


def readable(symbol: str) -> str:
    """A grammar's symbol as words.

    >>> readable("ThemeSentenceClosed8"), readable("basic_idea a -")
    ('Theme Sentence Closed 8', 'basic idea a')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", symbol.strip("'").replace("_", " "))
    return " ".join(word for word in words.split() if word != "-" and "=" not in word)


def derivation_svg(plan: FormPlan) -> str:
    """Draw the derivation as nested blocks on the axis of `timeline_svg`.

    Each block is a symbol; what it was rewritten to stands below it, over the same bars.

    Returns
    -------
    str
        An SVG, or an empty string where `place_nodes` has no nodes.
    """
    nodes = place_nodes(plan)
    if not nodes:
        return ""
    x = Axis(plan.quarters)
    body = ["<g>"]
    for node in nodes:
        left = x(node.start)
        width = x(node.end) - left
        top = node.row * (ROW + ROW_GAP)
        fill = "#ffffff" if node.is_leaf else _FILLS[node.row % len(_FILLS)]
        body.append(f'<g class="seek" data-quarter="{float(node.start)}">')
        body.append(svg.title(_words(node)))
        body.append(
            svg.rect(
                left + 0.7,
                top,
                width - 1.4,
                ROW,
                rx=3.0,
                fill=fill,
                stroke="#8b95a5",
                stroke_width="0.8",
            )
        )
        shown = fit(node.label, width - 6, 11.5)
        if shown:
            body.append(
                svg.text(
                    left + width / 2,
                    top + 17,
                    shown,
                    11.5,
                    text_anchor="middle",
                    fill=INK,
                    pointer_events="none",
                    font_style="italic" if node.is_leaf else None,
                )
            )
        body.append("</g>")
    body.append("</g>")
    n_rows = max(node.row for node in nodes) + 1
    return svg.document(
        WIDTH,
        n_rows * (ROW + ROW_GAP),
        body,
        name="derivation",
        label="Derivation of the form",
        description=f"{len(nodes)} symbols in {n_rows} rows, from {nodes[0].label}; each row "
        "shows what the symbols above it were rewritten to.",
        data=x.data,
    )


def _words(node: Node) -> str:
    parts = [f"{node.label} ({node.bars} bars{f', {signs(node.key)}' if node.key else ''})"]
    if node.rule:
        parts.append(node.rule)
    if node.probability is not None:
        parts.append(f"chosen with probability {node.probability:.2g}")
    return "\n".join(parts)


def tree_svg(plan: FormPlan) -> str:
    """The derivation tree with a box for each symbol; empty without one, or if it is too large."""
    from hybrid.grammar.draw import draw_tree
    from hybrid.grammar.rule import Symbol
    from hybrid.grammar.trees import Tree, build

    root = plan.derivation
    if not root or "symbol" not in root:
        return ""
    flat: list[tuple[Tree, list[int]]] = []
    stack: list[tuple[Mapping[str, Any], int | None]] = [(root, None)]
    while stack:
        node, parent = stack.pop()
        number = len(flat)
        if number >= MAX_TREE_NODES:
            return ""
        if parent is not None:
            flat[parent][1].append(number)
        children = list(node.get("children", ()))
        duration = Fraction(_bars(node)) if node.get("bars") else None
        tree = Tree(
            Symbol(readable(str(node["symbol"])), not children),
            probability=float(node.get("probability") or 1.0),
            duration=duration,
        )
        flat.append((tree, []))
        stack.extend((child, number) for child in reversed(children))
    return draw_tree(build(flat), title="Derivation tree of the form", id_prefix="dtree")
