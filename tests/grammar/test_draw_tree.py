"""Pictures of trees: well-formed, self-contained, and nothing on top of anything else."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.seeds import stage_rng
from hybrid.grammar.draw import draw_tree, text_width
from hybrid.grammar.layout import Box, tidy
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.sample import sample
from hybrid.grammar.temporal import derive
from hybrid.grammar.trees import Tree, read_tree

SVG = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


def boxes(svg: str) -> list[Rectangle]:
    """Left, top, right and bottom of every node's box."""
    found = []
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        if group.get("class") == "node" and rect is not None:
            x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


def segments(svg: str) -> list[tuple[float, float, float, float]]:
    found = []
    for line in ET.fromstring(svg).iter(f"{SVG}polyline"):
        points = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
        found += [(*a, *b) for a, b in itertools.pairwise(points)]
    return found  # type: ignore[return-value]


def inside(box: Rectangle, x: float, y: float) -> bool:
    return box[0] + 0.2 < x < box[2] - 0.2 and box[1] + 0.2 < y < box[3] - 0.2


def check_picture(svg: str) -> None:
    """No box meets another, no line runs through a box, and all is within the picture."""
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    found = boxes(svg)
    for left, top, right, bottom in found:
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
    rows: dict[float, list[Rectangle]] = {}
    for box in found:
        rows.setdefault(box[1], []).append(box)
    for row in rows.values():
        row.sort()
        for one, other in itertools.pairwise(row):
            assert one[2] <= other[0]
    ordered = sorted(rows.items())
    for (_, row), (top, _) in itertools.pairwise(ordered):
        assert max(box[3] for box in row) < top
    for x1, y1, x2, y2 in segments(svg):
        for step in range(41):
            x, y = x1 + (x2 - x1) * step / 40, y1 + (y2 - y1) * step / 40
            assert not any(inside(box, x, y) for box in found)


trees = st.recursive(
    st.sampled_from(["(A)", "x", "'a long terminal'", "y[3/2]"]),
    lambda below: st.builds(
        lambda name, children: f"({name} {' '.join(children)})",
        st.sampled_from(["S", "Phrase", "W"]),
        st.lists(below, min_size=1, max_size=4),
    ),
    max_leaves=25,
).map(lambda text: read_tree(f"(Root {text})"))


@settings(max_examples=25)
@given(trees, st.booleans())
def test_nothing_overlaps_and_nothing_is_cut_off(tree: Tree, align: bool) -> None:
    check_picture(draw_tree(tree, align_leaves=align))


@pytest.mark.parametrize("align", [False, True])
def test_a_tree_of_more_than_a_hundred_leaves_is_still_tidy(align: bool) -> None:
    grammar = read_grammar(
        """
        S -> (0.5) a S | (0.15) b | (0.3) S T S | (0.05) ε
        T -> (0.6) 'long name' | (0.4) T 'x y' T
        """
    )
    tree = sample(grammar, stage_rng(1, "draw"), length=120)
    check_picture(draw_tree(tree, align_leaves=align))


def test_the_picture_says_what_it_shows() -> None:
    grammar = read_grammar(
        """%minimum 1
        %key C major
        S -> let x = I/2 in x x
        I -> (0.25) V@V | (0.75) i&j
        V -> '<v>'"""
    )
    tree = derive(grammar, stage_rng(3, "draw"), duration=8)
    svg = draw_tree(tree, title="A & B", description="two < three", id_prefix="t1")
    root = ET.fromstring(svg)
    assert root.find(f"{SVG}title").text == "A & B"  # type: ignore[union-attr]
    assert root.find(f"{SVG}desc").text == "two < three"  # type: ignore[union-attr]
    assert root.attrib["aria-labelledby"] == "t1-title t1-desc"
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert "C major" in texts
    assert any(text.startswith("x = [4]") for text in texts)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == "node"]
    assert [g.attrib["data-node"] for g in groups] == [str(n) for n in range(len(groups))]
    assert groups[0].attrib["data-span"] == "0 2"
    assert groups[-1].attrib["data-onset"] == "4"
    assert groups[0].find(f"{SVG}title").text == str(tree.rule)  # type: ignore[union-attr]


def test_details_can_be_left_out() -> None:
    tree = sample(read_grammar("S -> (0.5) a[8] | (0.5) b[8]"), stage_rng(1, "draw"), length=8)
    full = draw_tree(tree)
    assert "p .50" in full
    assert "[8]" in full
    bare = draw_tree(tree, probabilities=False, durations=False)
    assert "p .50" not in bare
    assert ">[8]<" not in bare


def test_the_picture_needs_nothing_from_outside() -> None:
    svg = draw_tree(read_tree("(S (NP she) (VP runs) (E))"))
    assert svg.count("http") == 1  # the name space
    for word in ("<script", "<image", "href", "url(", "@import", "<style"):
        assert word not in svg
    assert "ε" in svg


def test_the_same_tree_is_drawn_with_the_same_bytes() -> None:
    tree = read_tree("(S (NP she) (VP runs))")
    assert draw_tree(tree) == draw_tree(read_tree(str(tree)))


def test_aligned_leaves_stand_on_one_row_in_order() -> None:
    svg = draw_tree(read_tree("(S (A a) (B (C (D b)) c) d)"), align_leaves=True)
    bottom = max(box[1] for box in boxes(svg))
    row = [box for box in boxes(svg) if box[1] == bottom]
    assert len(row) == 4
    assert row == sorted(row)


def test_symmetric_trees_are_drawn_symmetrically() -> None:
    places = tidy(
        [Box(10, 0, (1, 4, 5)), Box(10, 1, (2, 3)), Box(10, 2, ()), Box(10, 2, ()), Box(10, 1, ()),
         Box(10, 1, (6, 7)), Box(10, 2, ()), Box(10, 2, ())],
        gap=4,
    )  # fmt: skip
    middle = places[0]
    assert places[4] == pytest.approx(middle)
    for left, right in [(1, 5), (2, 7), (3, 6)]:
        assert places[left] + places[right] == pytest.approx(2 * middle)


def test_deep_trees_are_drawn_without_recursion() -> None:
    svg = draw_tree(read_tree("(S a " * 1500 + ")" * 1500))
    assert len(boxes(svg)) == 3000


def test_wide_signs_are_given_room() -> None:
    assert text_width("漢字", 10) > text_width("ab", 10) > text_width("il", 10)
