"""Turtle graphics: an L-system's string as a line in the plane, and the line as SVG.

The turtle obeys ``F`` (or any symbol in ``draw``: a step forward that leaves a line), ``f``
(or any in ``move``: a step without one), ``+`` and ``-`` (turn left, turn right), ``|``
(turn round), ``[`` and ``]`` (remember the place, go back to it). A parameter replaces the
step or the angle. Every other symbol is passed over.

References
----------
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, sections 1.3 and 1.6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem_expression import Expression
from hybrid.grammar.lsystem_rules import Module


@dataclass(frozen=True)
class TurtleConfig:
    """How the turtle moves.

    Attributes
    ----------
    angle : float
        Degrees turned by ``+`` and ``-`` without a parameter.
    heading : float
        Degrees at the start; 0 looks right, 90 up.
    draw, move : tuple of str
        Symbols that step forward with and without a line.
    """

    angle: float = 90.0
    heading: float = 0.0
    draw: tuple[str, ...] = ("F", "G")
    move: tuple[str, ...] = ("f", "g")

    def __post_init__(self) -> None:
        for symbol in self.draw:
            if symbol in self.move:
                raise GrammarError(f"turtle symbol {symbol!r} must draw or move, not both")

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> TurtleConfig:
        """Read the ``turtle:`` line of an L-system's file.

        Examples
        --------
        >>> TurtleConfig.from_options({"angle": "60", "draw": "A B"}).draw
        ('A', 'B')
        """
        known = ("angle", "heading", "draw", "move")
        for key in options:
            if key not in known:
                raise GrammarError(f"turtle option must be one of {', '.join(known)}; got {key!r}")
        numbers = {
            key: float(Expression.parse(options[key]).evaluate({}))
            for key in ("angle", "heading")
            if key in options
        }
        draw = tuple(options["draw"].split()) if "draw" in options else cls.draw
        move = tuple(options["move"].split()) if "move" in options else cls.move
        return cls(numbers.get("angle", 90.0), numbers.get("heading", 0.0), draw, move)


@dataclass(frozen=True, eq=False)
class TurtlePath:
    """The turtle's steps.

    Attributes
    ----------
    start, end : ndarray, shape (N, 2), float64
        Ends of each step, x to the right and y up, in steps.
    length : ndarray, shape (N,), float64
        In steps, not negative.
    direction : ndarray, shape (N,), float64
        Degrees, 0 <= direction < 360.
    drawn : ndarray, shape (N,), bool
    depth : ndarray, shape (N,), int64
        Number of open brackets.
    source : ndarray, shape (N,), int64
        Index of the module in the string.
    """

    start: np.ndarray
    end: np.ndarray
    length: np.ndarray
    direction: np.ndarray
    drawn: np.ndarray
    depth: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.length)


def _unit(direction: float) -> tuple[float, float]:
    # Sines and cosines of right angles would be 1e-16 off, and curves would not close.
    x, y = math.cos(math.radians(direction)), math.sin(math.radians(direction))
    return round(x, 12) + 0.0, round(y, 12) + 0.0


def turtle_path(modules: Iterable[Module], config: TurtleConfig | None = None) -> TurtlePath:
    """Let the turtle walk.

    Parameters
    ----------
    modules : iterable of Module
    config : TurtleConfig or None
        The defaults if None.

    Examples
    --------
    >>> path = turtle_path([Module("F"), Module("+"), Module("F")])
    >>> path.end[-1].tolist()
    [1.0, 1.0]
    """
    config = config or TurtleConfig()
    draw, move = frozenset(config.draw), frozenset(config.move)
    x = y = 0.0
    direction = config.heading % 360
    saved: list[tuple[float, float, float]] = []
    rows: list[tuple[float, float, float, float, float, float]] = []
    marks: list[tuple[bool, int, int]] = []
    for place, module in enumerate(modules):
        symbol = module.symbol
        if symbol in draw or symbol in move:
            length = float(module.params[0]) if module.params else 1.0
            # Backwards is forwards the other way; lengths stay positive.
            facing = direction if length >= 0 else (direction + 180) % 360
            dx, dy = _unit(facing)
            ahead = (round(x + abs(length) * dx, 9), round(y + abs(length) * dy, 9))
            rows.append((x, y, *ahead, abs(length), facing))
            marks.append((symbol in draw, len(saved), place))
            x, y = ahead
        elif symbol in "+-":
            turn = float(module.params[0]) if module.params else config.angle
            direction = (direction + (turn if symbol == "+" else -turn)) % 360
        elif symbol == "|":
            direction = (direction + 180) % 360
        elif symbol == "[":
            saved.append((x, y, direction))
        elif symbol == "]":
            x, y, direction = saved.pop()
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    flags = np.array(marks, dtype=np.int64).reshape(-1, 3)
    arrays = (
        table[:, :2].copy(),
        table[:, 2:4].copy(),
        table[:, 4].copy(),
        table[:, 5].copy(),
        flags[:, 0].astype(bool),
        flags[:, 1].copy(),
        flags[:, 2].copy(),
    )
    for array in arrays:
        array.flags.writeable = False
    return TurtlePath(*arrays)


def turtle_svg(path: TurtlePath, title: str = "L-system", size: int = 480) -> str:
    """Draw a path as an SVG document.

    Parameters
    ----------
    path : TurtlePath
    title : str
        Read out by screen readers and shown as a tooltip.
    size : int
        Longer side in pixels, 16..10,000.

    Returns
    -------
    str
        The same bytes for the same path. The line runs from violet to amber, so that the
        order in which the curve is played can be seen.

    Raises
    ------
    GrammarError
        If nothing is drawn or ``size`` is out of range.
    """
    if not 16 <= size <= 10_000:
        raise GrammarError(f"size must be in 16..10000 pixels, got {size}")
    if not path.drawn.any():
        raise GrammarError("the turtle must draw at least one line, got none")
    corners = np.concatenate([path.start[path.drawn], path.end[path.drawn]])
    low, high = corners.min(axis=0), corners.max(axis=0)
    extent = float(max(high - low)) or 1.0
    margin = 0.04 * size
    scale = (size - 2 * margin) / extent
    width, height = (high - low) * scale + 2 * margin
    strokes = [
        f'<polyline points="{_points(line, low, high, scale, margin)}" stroke="{colour}"/>'
        for line, colour in _coloured(_lines(path))
    ]
    pen = max(0.75, min(3.0, scale * 0.18))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.2f} {height:.2f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" fill="none" '
        f'stroke-width="{pen:.2f}" stroke-linecap="round" stroke-linejoin="round">'
        f"<title>{escape(title)}</title>{''.join(strokes)}</svg>\n"
    )


def _lines(path: TurtlePath) -> list[list[np.ndarray]]:
    """Join steps that follow one another into polylines of at most 64 points."""
    lines: list[list[np.ndarray]] = []
    for n in np.flatnonzero(path.drawn):
        start, end = path.start[n], path.end[n]
        if lines and len(lines[-1]) < 64 and np.array_equal(lines[-1][-1], start):
            lines[-1].append(end)
        else:
            lines.append([start, end])
    return lines


def _coloured(lines: Sequence[list[np.ndarray]]) -> Iterable[tuple[list[np.ndarray], str]]:
    first, last = np.array([91, 63, 160]), np.array([217, 119, 6])
    for number, line in enumerate(lines):
        share = number / max(len(lines) - 1, 1)
        red, green, blue = np.rint(first + share * (last - first)).astype(int)
        yield line, f"#{red:02x}{green:02x}{blue:02x}"


def _points(
    line: Sequence[np.ndarray], low: np.ndarray, high: np.ndarray, scale: float, margin: float
) -> str:
    # SVG's y runs downwards.
    return " ".join(
        f"{(x - low[0]) * scale + margin:.2f},{(high[1] - y) * scale + margin:.2f}" for x, y in line
    )
