"""Derivation trees as self-contained SVG pictures."""

from __future__ import annotations

import colorsys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from hybrid.grammar.layout import Box, tidy
from hybrid.grammar.rule import EPSILON
from hybrid.grammar.trees import Tree

FONT = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
INK = "#1c2430"
FAINT = "#5b6673"
LINE = "#8d99a6"
LABEL_SIZE = 15.0
DETAIL_SIZE = 11.0
PADDING = 8.0
GAP = 12.0
ROW_GAP = 34.0
MARGIN = 20.0

# Widths in em of a sans-serif face, on the wide side so that no label leaves its box.
_NARROW = frozenset("iljtfrI.,:;'|!()[]{} °-")
_WIDE = frozenset("mwMW@%")


def text_width(text: str, size: float) -> float:
    """Estimate a text's width in pixels, rather too wide than too narrow."""
    em = 0.0
    for character in text:
        if unicodedata.east_asian_width(character) in "WF":
            em += 1.05
        elif character in _NARROW:
            em += 0.38
        elif character in _WIDE:
            em += 0.98
        elif character.isupper() or ord(character) > 127:
            em += 0.78
        else:
            em += 0.62
    return em * size


@dataclass(frozen=True, slots=True)
class _Node:
    """A box of the picture."""

    tree: Tree | None  # None: the sign for "nothing" below an epsilon node
    label: str
    details: tuple[str, ...]
    row: int
    span: tuple[int, int]
    onset: Fraction | None
    children: tuple[int, ...]

    @property
    def width(self) -> float:
        widths = [text_width(self.label, LABEL_SIZE)]
        widths += [text_width(detail, DETAIL_SIZE) for detail in self.details]
        return max(max(widths) + 2 * PADDING, 28.0)


def draw_tree(
    tree: Tree,
    *,
    title: str = "Derivation tree",
    description: str | None = None,
    align_leaves: bool = False,
    probabilities: bool = True,
    durations: bool = True,
    keys: bool = True,
    id_prefix: str = "tree",
) -> str:
    """Draw a derivation tree.

    Parameters
    ----------
    tree : Tree
    title, description : str
        For screen readers and tooltips; the description tells size and leaves when left out.
    align_leaves : bool
        Put all leaves on the lowest row, so that they read as the derived string.
    probabilities : bool
        Write the probability of each choice below its symbol, where it is not 1.
    durations, keys : bool
        Write durations and keys where nodes have them; a key where it differs from the parent's.
    id_prefix : str
        Begins all ids, for pages with several pictures.

    Returns
    -------
    str
        An SVG document without outside references, in pixels. Each node is a group of class
        ``node`` with ``data-node`` (preorder number), ``data-span`` (leaves, end exclusive) and,
        where known, ``data-onset`` and ``data-duration``.

    Examples
    --------
    >>> from hybrid.grammar.trees import read_tree
    >>> draw_tree(read_tree("(S (NP she) (VP runs))")).startswith("<svg xmlns=")
    True
    """
    nodes = _nodes(tree, align_leaves, probabilities, durations, keys)
    centres = tidy([Box(node.width, node.row, node.children) for node in nodes], GAP)
    heights: dict[int, float] = {}
    for node in nodes:
        heights[node.row] = max(heights.get(node.row, 0.0), _height(node))
    tops = {0: MARGIN}
    for row in range(1, max(heights) + 1):
        tops[row] = tops[row - 1] + heights.get(row - 1, 0.0) + ROW_GAP
    right = max(x + node.width / 2 for x, node in zip(centres, nodes, strict=True))
    width = right + 2 * MARGIN
    height = tops[max(heights)] + heights[max(heights)] + MARGIN
    if description is None:
        description = _describe(tree)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_px(width)} {_px(height)}" '
        f'width="{_px(width)}" height="{_px(height)}" role="img" '
        f'aria-labelledby="{id_prefix}-title {id_prefix}-desc" font-family="{FONT}">',
        f'<title id="{id_prefix}-title">{escape(title)}</title>',
        f'<desc id="{id_prefix}-desc">{escape(description)}</desc>',
        f'<rect width="{_px(width)}" height="{_px(height)}" fill="#ffffff"/>',
        f'<g fill="none" stroke="{LINE}" stroke-width="1.4" stroke-linejoin="round">',
    ]
    for number, node in enumerate(nodes):
        for child in node.children:
            bottom = tops[node.row] + _height(node)
            lines.append(
                _edge(
                    MARGIN + centres[number],
                    (bottom, tops[node.row] + heights[node.row]),
                    MARGIN + centres[child],
                    (tops[node.row + 1], tops[nodes[child].row]),
                    shared=nodes[child].tree is not None and _label(nodes[child]) is not None,
                )
            )
    lines.append("</g>")
    colours: dict[str, int] = {}
    for number, (node, x) in enumerate(zip(nodes, centres, strict=True)):
        lines += _draw_node(number, node, MARGIN + x, tops[node.row], colours)
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _label(node: _Node) -> str | None:
    return None if node.tree is None else node.tree.label


def _nodes(
    tree: Tree, align: bool, probabilities: bool, durations: bool, keys: bool
) -> list[_Node]:
    """Boxes in preorder."""
    deepest = max(row + _is_empty(node) for node, row, _ in _walk(tree))
    result: list[_Node] = []
    children: list[list[int]] = []
    spans: list[list[int]] = []
    leaf_count = 0
    now: Fraction | None = Fraction(0)
    path: list[int] = []  # ancestors of the current node
    for node, row, parent_key in _walk(tree):
        del path[row:]
        number = len(result)
        if path:
            children[path[-1]].append(number)
        path.append(number)
        children.append([])
        spans.append([leaf_count, leaf_count])
        details = _details(node, parent_key, probabilities, durations, keys)
        place = deepest if align and node.is_leaf else row
        result.append(_Node(node, node.symbol.name, details, place, (0, 0), now, ()))
        if node.is_leaf:
            leaf_count += 1
            now = None if now is None or node.duration is None else now + node.duration
            for ancestor in path:
                spans[ancestor][1] = leaf_count
        elif _is_empty(node):
            children[number].append(len(result))
            children.append([])
            spans.append([leaf_count, leaf_count])
            result.append(_Node(None, EPSILON, (), row + 1, (0, 0), now, ()))
    return [
        _Node(n.tree, n.label, n.details, n.row, (span[0], max(span)), n.onset, tuple(below))
        for n, span, below in zip(result, spans, children, strict=True)
    ]


def _is_empty(node: Tree) -> bool:
    """Whether the node derives nothing, which a sign below it shows."""
    return not node.children and not node.is_leaf


def _walk(tree: Tree) -> Iterator[tuple[Tree, int, str | None]]:
    """Nodes in preorder with their row and their parent's key."""
    stack: list[tuple[Tree, int, str | None]] = [(tree, 0, None)]
    while stack:
        node, row, key = stack.pop()
        yield node, row, key
        own = None if node.key is None else str(node.key)
        stack.extend((child, row + 1, own) for child in reversed(node.children))


def _details(
    node: Tree, parent_key: str | None, probabilities: bool, durations: bool, keys: bool
) -> tuple[str, ...]:
    found = []
    if keys and node.key is not None and str(node.key) != parent_key:
        found.append(str(node.key))
    words = []
    if node.label is not None:
        words.append(f"{node.label} =")
    if durations and node.duration is not None:
        words.append(f"[{node.duration}]")
    if probabilities and node.rule is not None and node.probability < 1:
        words.append(f"p {_probability(node.probability)}")
    if words:
        found.append(" ".join(words))
    return tuple(found)


def _probability(value: float) -> str:
    text = f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _describe(tree: Tree) -> str:
    leaves = tree.leaves()
    shown = " ".join(leaf.symbol.name for leaf in leaves[:40])
    more = " ..." if len(leaves) > 40 else ""
    return (
        f"{len(leaves)} leaves, {tree.depth()} rules deep, from {tree.symbol.name}: {shown}{more}"
    )


def _height(node: _Node) -> float:
    return LABEL_SIZE + 12.0 + (DETAIL_SIZE + 2.0) * len(node.details)


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _edge(
    x: float, leave: tuple[float, float], to_x: float, arrive: tuple[float, float], *, shared: bool
) -> str:
    """A line from parent to child that slants only between rows, where no box can stand.

    ``leave`` holds the bottom of the parent and of its row, ``arrive`` the top of the next row
    and of the child.
    """
    points = [(x, leave[0]), (x, leave[1]), (to_x, arrive[0]), (to_x, arrive[1])]
    text = " ".join(f"{_px(a)},{_px(b)}" for a, b in dict.fromkeys(points))
    dash = ' stroke-dasharray="5 3"' if shared else ""
    return f'<polyline points="{text}"{dash}/>'


def _colour(number: int) -> tuple[str, str]:
    """Fill and border: hues by the golden angle, so that neighbours in number differ most."""
    hue = (0.58 + number * 0.381966) % 1.0

    def hexed(lightness: float, saturation: float) -> str:
        rgb = colorsys.hls_to_rgb(hue, lightness, saturation)
        return "#" + "".join(f"{round(255 * value):02x}" for value in rgb)

    # Symbols past a dozen get a deeper shade, as the hues come near to earlier ones.
    return hexed(0.91 - 0.05 * min(number // 12, 2), 0.75), hexed(0.40, 0.45)


def _draw_node(
    number: int, node: _Node, x: float, top: float, colours: dict[str, int]
) -> list[str]:
    width, height = node.width, _height(node)
    terminal = node.tree is None or node.tree.symbol.terminal
    data = f'data-node="{number}" data-span="{node.span[0]} {node.span[1]}"'
    if node.onset is not None and node.tree is not None and node.tree.duration is not None:
        data += f' data-onset="{node.onset}" data-duration="{node.tree.duration}"'
    lines = [f'<g class="node" {data} text-anchor="middle">']
    if node.tree is not None and node.tree.rule is not None:
        lines.append(f"<title>{escape(str(node.tree.rule))}</title>")
    if terminal:
        fill, border, radius = "#ffffff", "#c3cad2", "3"
    else:
        fill, border = _colour(colours.setdefault(node.label, len(colours)))
        radius = "8"
    if node.tree is not None:
        dash = ' stroke-dasharray="5 3"' if node.tree.label is not None else ""
        lines.append(
            f'<rect x="{_px(x - width / 2)}" y="{_px(top)}" width="{_px(width)}" '
            f'height="{_px(height)}" rx="{radius}" fill="{fill}" stroke="{border}" '
            f'stroke-width="1.3"{dash}/>'
        )
    baseline = top + 6 + LABEL_SIZE * 0.82
    weight = "" if terminal else ' font-weight="600"'
    ink = FAINT if node.tree is None else INK
    lines.append(
        f'<text x="{_px(x)}" y="{_px(baseline)}" font-size="{_px(LABEL_SIZE)}" '
        f"fill={quoteattr(ink)}{weight}>{escape(node.label)}</text>"
    )
    for row, detail in enumerate(node.details):
        y = baseline + 4 + (DETAIL_SIZE + 2.0) * row + DETAIL_SIZE
        lines.append(
            f'<text x="{_px(x)}" y="{_px(y)}" font-size="{_px(DETAIL_SIZE)}" '
            f'fill="{FAINT}">{escape(detail)}</text>'
        )
    lines.append("</g>")
    return lines
