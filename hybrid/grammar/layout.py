"""Tidy places for the nodes of a tree whose labels differ in width.

Every subtree keeps its outline: the leftmost and rightmost place on each row. Siblings are pushed
apart until no outlines overlap, once from the left and once from the right; the mean of both
placements overlaps nowhere either and treats both sides alike. Parents stand over the middle of
their outer children.

References
----------
Reingold, E. M. and Tilford, J. S. (1981). Tidier drawings of trees. IEEE Transactions on Software
Engineering SE-7(2), 223-228. doi:10.1109/TSE.1981.234519
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be placed: a label's width, the row it is on, and its children's numbers."""

    width: float
    row: int
    children: tuple[int, ...]


@dataclass(slots=True)
class _Outline:
    """Leftmost and rightmost places from ``first`` row on, relative to the subtree's root."""

    first: int
    left: list[float]
    right: list[float]


def tidy(boxes: Sequence[Box], gap: float, *, trunk: float = 2.0) -> list[float]:
    """Horizontal centre of every box.

    Parameters
    ----------
    boxes : sequence of Box
        Children after their parents; box 0 is the root. A child may stand several rows below its
        parent; the line to it, ``trunk`` wide, is kept free.
    gap : float
        Least free space between neighbours on a row.

    Returns
    -------
    list of float
        The leftmost edge of all boxes is at 0.

    Examples
    --------
    >>> tidy([Box(10, 0, (1, 2)), Box(10, 1, ()), Box(20, 1, ())], gap=5)
    [15.0, 5.0, 25.0]
    """
    parent_row = [0] * len(boxes)
    for box in boxes:
        for child in box.children:
            parent_row[child] = box.row
    shift = [0.0] * len(boxes)  # relative to the parent
    outlines: dict[int, _Outline] = {}
    for number in range(len(boxes) - 1, -1, -1):
        box = boxes[number]
        parts = [outlines.pop(child) for child in box.children]
        places = _spread(parts, gap)
        middle = (places[0] + places[-1]) / 2 if places else 0.0
        for child, place in zip(box.children, places, strict=True):
            shift[child] = place - middle
        # Rows between the parent and this box hold the line down to it.
        above = max(0, box.row - parent_row[number] - 1)
        half, line = box.width / 2, trunk / 2
        outline = _Outline(box.row - above, [-line] * above + [-half], [line] * above + [half])
        for part, place in zip(parts, places, strict=True):
            _widen(outline, part, place - middle)
        outlines[number] = outline
    centres = [0.0] * len(boxes)
    for number, box in enumerate(boxes):
        for child in box.children:
            centres[child] = centres[number] + shift[child]
    edge = min(centre - box.width / 2 for centre, box in zip(centres, boxes, strict=True))
    return [centre - edge for centre in centres]


def _spread(parts: Sequence[_Outline], gap: float) -> list[float]:
    """Places of siblings' roots."""
    if not parts:
        return []
    from_left = [0.0]
    merged = _Outline(parts[0].first, list(parts[0].left), list(parts[0].right))
    for part in parts[1:]:
        place = max(right - left + gap for right, left in _facing(merged, part))
        from_left.append(place)
        _widen(merged, part, place)
    places = [from_left[-1]]
    merged = _Outline(parts[-1].first, list(parts[-1].left), list(parts[-1].right))
    _move(merged, from_left[-1])
    for part in reversed(parts[:-1]):
        place = min(left - right - gap for right, left in _facing(part, merged))
        places.append(place)
        _widen(merged, part, place)
    places.reverse()
    return [(a + b) / 2 for a, b in zip(from_left, places, strict=True)]


def _facing(one: _Outline, other: _Outline) -> list[tuple[float, float]]:
    """Right edge of one and left edge of the other on the rows that both have."""
    first = max(one.first, other.first)
    last = min(one.first + len(one.left), other.first + len(other.left))
    return [
        (one.right[row - one.first], other.left[row - other.first]) for row in range(first, last)
    ]


def _move(outline: _Outline, by: float) -> None:
    outline.left = [value + by for value in outline.left]
    outline.right = [value + by for value in outline.right]


def _widen(outline: _Outline, part: _Outline, place: float) -> None:
    """Take a part standing at ``place`` into an outline; rows are contiguous."""
    for index, (left, right) in enumerate(zip(part.left, part.right, strict=True)):
        row = part.first + index - outline.first
        if row < len(outline.left):
            outline.left[row] = min(outline.left[row], left + place)
            outline.right[row] = max(outline.right[row], right + place)
        else:
            outline.left.append(left + place)
            outline.right.append(right + place)
