"""Motifs from L-systems: a contour from a turtle's walk, a rhythm from a dividing bar.

Two readings are used. *Contour*: a space-filling or fractal curve is walked by a turtle; its
steps to the side are notes, its steps up and down are steps of the scale (Prusinkiewicz
1986). A motif is a window on that walk. *Rhythm*: a parametric, stochastic L-system divides a
bar into shorter and shorter values.

References
----------
Prusinkiewicz, P. (1986). Score generation with L-systems. Proc. ICMC, 455-457.
Worth, P., & Stepney, S. (2005). Growing music: musical interpretations of L-systems.
    EvoMUSART, 545-550.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np

from hybrid.grammar.lsystem_notation import parse_lsystem

#: Curves by name: axiom, rules and how often they are rewritten.
CURVES: dict[str, tuple[str, int]] = {
    "hilbert": ("axiom: L\nL -> +RF-LFL-FR+\nR -> -LF+RFR+FL-", 3),
    "dragon": ("axiom: FX\nX -> X+YF+\nY -> -FX-Y", 6),
    "koch": ("axiom: F\nF -> F+F-F-F+F", 3),
    "peano": ("axiom: X\nX -> XFYFX+F+YFXFY-F-XFYFX\nY -> YFXFY-F-XFYFX+F+YFXFY", 2),
    "levy": ("axiom: FF\nF -> +F-F-F+F", 3),
    "island": ("axiom: F\nF -> F+F-F-FF+F+F-F", 2),
}
_HEADINGS = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Contour:
    """Heights of a melody's notes in scale steps, the first one 0, and where they are from."""

    steps: tuple[int, ...]
    source: str


@lru_cache(maxsize=32)
def walk(name: str) -> tuple[int, ...]:
    """Heights at which the turtle of a curve steps to the side.

    >>> walk("koch")[:6]
    (0, 1, 0, 1, 2, 3)
    """
    text, steps = CURVES[name]
    x = y = heading = 0
    heights = []
    for symbol in parse_lsystem(text, name).text(steps):
        if symbol == "F":
            dx, dy = _HEADINGS[heading]
            x, y = x + dx, y + dy
            if dx:
                heights.append(y)
        elif symbol in "+-":
            heading = (heading + (1 if symbol == "+" else -1)) % 4
    return tuple(heights)


def draw_contour(rng: np.random.Generator, avoid: tuple[str, ...], n_notes: int) -> Contour:
    """A window of ``n_notes`` on a curve, one of a curve not in ``avoid`` where possible.

    Windows that stand still or span more than an octave are passed over; among the others
    the more varied ones are likelier.
    """
    names = [name for name in CURVES if name not in avoid] or list(CURVES)
    name = names[int(rng.integers(len(names)))]
    heights = walk(name)
    sign = 1 if rng.random() < 0.5 else -1
    windows = []
    weights = []
    for start in range(len(heights) - n_notes + 1):
        window = tuple(sign * (h - heights[start]) for h in heights[start : start + n_notes])
        span = max(window) - min(window)
        n_still = sum(a == b for a, b in pairwise(window))
        if 2 <= span <= 7 and n_still <= n_notes // 2:
            windows.append(window)
            weights.append(1.0 + len(set(window)) - 0.7 * n_still)
    if not windows:
        return Contour(tuple(range(n_notes)), "scale")
    chance = np.maximum(np.array(weights), 0.05) ** 2
    place = int(rng.choice(len(windows), p=chance / chance.sum()))
    return Contour(windows[place], name)


#: Rules by which a bar divides. D is a value that may divide, N one that stands. ``fine`` and
#: ``plain`` are the shares of eighth pairs and of undivided values.
_RHYTHM = {
    "chorale": """
axiom: D({bar})
D(t) : t >= 5 -> D(2) D(t - 2)
D(t) : t == 4 -> D(2) D(2)
D(t) : t == 3 -> (0.45) D(1) D(1) D(1)
D(t) : t == 3 -> (0.35) D(2) D(1)
D(t) : t == 3 -> (0.2) D(1) D(2)
D(t) : t == 2 -> (0.89) D(1) D(1)
D(t) : t == 2 -> (0.06) N(3/2) N(1/2)
D(t) : t == 2 -> (0.05) N(2)
D(t) : t == 1 -> (0.80) N(1)
D(t) : t == 1 -> (0.20) N(1/2) N(1/2)
D(t) : t == 3/2 -> (0.4) N(1) N(1/2)
D(t) : t == 3/2 -> (0.4) N(3/2)
D(t) : t == 3/2 -> (0.2) N(1/2) N(1/2) N(1/2)
D(t) : t == 5/2 -> D(1) D(3/2)
D(t) : t == 7/2 -> D(2) D(3/2)
D(t) : t == 9/2 -> D(3) D(3/2)
""",
    "song": """
axiom: D({bar})
D(t) : t >= 5 -> D(2) D(t - 2)
D(t) : t == 4 -> (0.8) D(2) D(2)
D(t) : t == 4 -> (0.2) N(3) D(1)
D(t) : t == 3 -> (0.35) D(1) D(1) D(1)
D(t) : t == 3 -> (0.4) D(2) D(1)
D(t) : t == 3 -> (0.1) N(1) N(2)
D(t) : t == 3 -> (0.15) N(3/2) N(1/2) D(1)
D(t) : t == 2 -> (0.5) D(1) D(1)
D(t) : t == 2 -> (0.26) N(3/2) N(1/2)
D(t) : t == 2 -> (0.2) N(2)
D(t) : t == 2 -> (0.04) N(1/2) N(1) N(1/2)
D(t) : t == 1 -> (0.42) N(1)
D(t) : t == 1 -> (0.46) N(1/2) N(1/2)
D(t) : t == 1 -> (0.06) N(3/4) N(1/4)
D(t) : t == 1 -> (0.06) N(1/2) N(1/4) N(1/4)
D(t) : t == 3/2 -> (0.4) N(1) N(1/2)
D(t) : t == 3/2 -> (0.6) N(1/2) N(1/2) N(1/2)
D(t) : t == 5/2 -> D(1) D(3/2)
D(t) : t == 7/2 -> D(2) D(3/2)
D(t) : t == 9/2 -> D(3) D(3/2)
""",
    "compound": """
axiom: D({bar})
D(t) : t > 3/2 -> D(t - 3/2) D(3/2)
D(t) : t == 3/2 -> (0.32) N(1) N(1/2)
D(t) : t == 3/2 -> (0.38) N(1/2) N(1/2) N(1/2)
D(t) : t == 3/2 -> (0.2) N(3/2)
D(t) : t == 3/2 -> (0.1) N(3/4) N(1/4) N(1/2)
""",
}


def draw_rhythm(
    rng: np.random.Generator, kind: str, bar_quarters: Fraction, n_notes: tuple[int, int]
) -> tuple[Fraction, ...]:
    """Durations in quarters that fill a bar, from a dividing L-system.

    Parameters
    ----------
    kind : str
        ``chorale``, ``song`` or ``compound``.
    n_notes : (int, int)
        Fewest and most notes wanted; of twelve bars drawn the first that has as many is
        taken, else the nearest.
    """
    system = parse_lsystem(_RHYTHM[kind].format(bar=bar_quarters), f"rhythm {kind}")
    best: tuple[int, tuple[Fraction, ...]] | None = None
    for _ in range(12):
        modules = system.derive(8, rng).last
        values = tuple(Fraction(module.params[0]) for module in modules)
        miss = max(n_notes[0] - len(values), len(values) - n_notes[1], 0)
        if best is None or miss < best[0]:
            best = (miss, values)
        if miss == 0:
            break
    assert best is not None
    return best[1]
