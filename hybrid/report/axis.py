"""The axis of musical time that the pictures of the form share."""

from __future__ import annotations

from fractions import Fraction

from hybrid.report.svg import px

WIDTH = 1200.0
#: Left and right of the lanes: the first and the last bar number stand over the edge.
MARGIN = 14.0


class Axis:
    """Quarters from the beginning to the picture's x.

    >>> Axis(Fraction(100))(Fraction(0))
    14.0
    """

    def __init__(self, length: Fraction, width: float = WIDTH) -> None:
        self.quarters = max(length, Fraction(1))
        self.width = width
        self.span = width - 2 * MARGIN

    def __call__(self, quarters: Fraction) -> float:
        return MARGIN + float(quarters / self.quarters) * self.span

    @property
    def data(self) -> dict[str, str]:
        """What a script needs to go the other way: length and both ends of the lanes."""
        return {
            "quarters": str(float(self.quarters)),
            "left": px(MARGIN),
            "right": px(self.width - MARGIN),
        }
