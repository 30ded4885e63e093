"""Lengths as written: note values, dots, ties and tuplets.

A voice's bar comes in as a row of segments (notes or rests) that fill it, and goes out as
a row of written values: cut where a value would hide a beat (Gould 2011, pp. 166-171), and
bracketed where lengths are no power of two. Every cut keeps the sum, so nothing is rounded.

Tuplets inside tuplets are written as one (a quintuplet inside a triplet as 15:8).

References
----------
Gould, E. (2011). Behind Bars: The Definitive Guide to Music Notation. Faber.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import lcm

from hybrid.core.timeline import Metre

#: Names of note values by their length in quarters.
VALUES: dict[Fraction, str] = {
    Fraction(16): "long",
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    Fraction(1, 8): "32nd",
    Fraction(1, 16): "64th",
    Fraction(1, 32): "128th",
    Fraction(1, 64): "256th",
    Fraction(1, 128): "512th",
    Fraction(1, 256): "1024th",
}
#: The finest place in a bar without a tuplet; inside one, written values are shorter still.
SHORTEST = Fraction(1, 64)
_TUPLETS = (3, 5, 7, 9, 11, 13, 17, 19, 21, 23)


@dataclass(frozen=True)
class Segment:
    """A note, chord or rest from ``start`` to ``end`` (quarters from the bar line).

    ``item`` says which one; a segment without an item is a rest.
    """

    start: Fraction
    end: Fraction
    item: int | None = None

    @property
    def length(self) -> Fraction:
        return self.end - self.start


@dataclass(frozen=True)
class Written:
    """A segment, or a tied part of one, with the value that is printed.

    Attributes
    ----------
    start, end : Fraction
        Quarters from the bar line.
    item : int or None
    value : Fraction
        Printed note value in quarters, a key of `VALUES`.
    dots : int
    tuplet : (int, int) or None
        Actual and normal notes: (3, 2) for a triplet.
    opens, closes : bool
        Whether a tuplet's bracket begins or ends here.
    goes_on : bool
        Whether the next written value is tied to this one, as part of the same segment.
    """

    start: Fraction
    end: Fraction
    item: int | None
    value: Fraction
    dots: int = 0
    tuplet: tuple[int, int] | None = None
    opens: bool = False
    closes: bool = False
    goes_on: bool = False


@lru_cache(maxsize=65536)
def notated(length: Fraction, most_dots: int = 1) -> tuple[Fraction, int] | None:
    """Value and dots of a length in quarters; None where it needs a tie or a tuplet.

    >>> notated(Fraction(3)), notated(Fraction(5, 2))
    ((Fraction(2, 1), 1), None)
    """
    for dots in range(most_dots + 1):
        value = length / (2 - Fraction(1, 2**dots))
        if value in VALUES:
            return value, dots
    return None


@lru_cache(maxsize=65536)
def strength(position: Fraction, metre: Metre) -> int:
    """Metrical weight of a place in the bar: 3 bar line, 2 half bar, 1 beat, then 0, -1 ...

    Below the beat each halving (the first of a dotted beat: thirding) counts one less.
    """
    position %= metre.bar_quarters
    accent = metre.accent(position)
    if accent:
        return accent
    unit = metre.beat_quarters / (3 if metre.is_compound else 2)
    level = 0
    while position % unit:
        unit /= 2
        level -= 1
        if level < -12:
            break
    return level


def is_dyadic(position: Fraction) -> bool:
    """Whether a place can be reached without tuplets."""
    denominator = position.denominator
    return denominator & (denominator - 1) == 0 and denominator <= SHORTEST.denominator


def write_bar(segments: Sequence[Segment], metre: Metre) -> list[Written]:
    """Written values of a voice's bar.

    Parameters
    ----------
    segments : sequence of Segment
        In order and without gaps, from the bar line on.
    metre : Metre

    Returns
    -------
    list of Written
        Their lengths add up to the segments'.

    Examples
    --------
    >>> bar = [Segment(Fraction(0), Fraction(5, 2), 0), Segment(Fraction(5, 2), Fraction(4), 1)]
    >>> [(str(w.value), w.dots, w.goes_on) for w in write_bar(bar, Metre(0, 4, 4))]
    [('2', 0, True), ('1/2', 0, False), ('1', 1, False)]
    """
    written: list[Written] = []
    at = 0
    while at < len(segments):
        if is_dyadic(segments[at].start) and is_dyadic(segments[at].end):
            written += _cut(segments[at], metre)
            at += 1
            continue
        stop = at
        while stop + 1 < len(segments) and not is_dyadic(segments[stop].end):
            stop += 1
        written += _write_run(list(segments[at : stop + 1]), metre)
        at = stop + 1
    return written


# Plain values ---------------------------------------------------------------------------


def _cut(segment: Segment, metre: Metre) -> list[Written]:
    """Tied values of a segment between dyadic places."""
    places = _split(segment.start, segment.end, segment.item is None, metre)
    parts = []
    for start, end in pairwise(places):
        found = notated(end - start, 2)
        assert found is not None
        parts.append(Written(start, end, segment.item, *found, goes_on=True))
    parts[-1] = replace(parts[-1], goes_on=False)
    return parts


@lru_cache(maxsize=65536)
def _split(start: Fraction, end: Fraction, is_rest: bool, metre: Metre) -> tuple[Fraction, ...]:
    """Places at which a note or rest is cut, with both its ends."""
    if _stands(start, end, is_rest, metre):
        return (start, end)
    cut = _strongest_inside(start, end, metre)
    if cut is None:
        # Too fine to be cut at a beat: the longest value first.
        cut = start + max(v for v in VALUES if v < end - start)
    return (
        *_split(start, cut, is_rest, metre)[:-1],
        *_split(cut, end, is_rest, metre),
    )


def _stands(start: Fraction, end: Fraction, is_rest: bool, metre: Metre) -> bool:
    """Whether a single value may reach from ``start`` to ``end``."""
    length = end - start
    found = notated(length, 2)
    if found is None:
        return False
    value, dots = found
    at_start, at_end = strength(start, metre), strength(end, metre)
    if dots == 2 and (is_rest or value < 1 or at_start < 1):
        return False
    crossed = _strongest_inside(start, end, metre)
    if crossed is None:
        return True
    over = strength(crossed, metre)
    if metre.is_compound:
        # A dotted beat is not hidden: what crosses one begins and ends on beats.
        if over >= 1:
            return at_start >= 1 and at_end >= 1 and (not is_rest or at_start >= over)
        return at_start >= over or at_end >= over
    if is_rest:
        # A half rest never stands in three-four (Gould 2011, p. 162).
        fits = metre.n_beats != 3 or over < 1
        return fits and at_start > over and (dots == 0 or value < metre.beat_quarters)
    if at_start >= over or at_end >= over:
        return True
    # Syncopation around a beat: short-long-short.
    return dots == 0 and start + length / 2 == crossed and over < 3


@lru_cache(maxsize=65536)
def _strongest_inside(start: Fraction, end: Fraction, metre: Metre) -> Fraction | None:
    """The strongest place strictly between two, the first of equals."""
    bar = metre.bar_quarters
    beat = metre.beat_quarters
    best: Fraction | None = None
    for unit in (bar, bar / 2 if metre.n_beats % 2 == 0 else bar, beat):
        inside = (start // unit + 1) * unit
        while inside < end:
            if best is None or strength(inside, metre) > strength(best, metre):
                best = inside
            inside += unit
        if best is not None:
            return best
    unit = beat / (3 if metre.is_compound else 2)
    while unit >= SHORTEST:
        inside = (start // unit + 1) * unit
        if inside < end:
            return inside
        unit /= 2
    return None


# Tuplets --------------------------------------------------------------------------------


def _write_run(run: list[Segment], metre: Metre) -> list[Written]:
    """Written values of segments that need tuplets, from one dyadic place to the next."""
    ratio = _ratio(run)
    if ratio is not None and _is_regular(run, ratio):
        return _bracket(run, ratio)
    cut = _cut_at_beats(run, metre)
    if len(cut) > len(run):
        return _rejoin(write_bar(cut, metre))
    return _bracket(run, ratio or _ratio_of_unit(run))


def _ratio(run: Sequence[Segment]) -> tuple[int, int] | None:
    """Actual and normal notes of the tuplet that holds a run; None where none does."""
    start, length = run[0].start, run[-1].end - run[0].start
    if not is_dyadic(run[-1].end):
        return None
    actual = 1
    for segment in run:
        actual = lcm(actual, ((segment.end - start) / length).denominator)
    while actual % 2 == 0:
        actual //= 2
    if actual == 1:
        return None
    # length = odd * 2**k quarters: the bracket holds odd * 2**i in the time of `actual`.
    odd = length.numerator
    while odd % 2 == 0:
        odd //= 2
    normal = odd
    while normal * 2 < actual:
        normal *= 2
    while normal > 2 * actual and normal % 2 == 0:
        normal //= 2
    return actual, normal


def _ratio_of_unit(run: Sequence[Segment]) -> tuple[int, int]:
    """The ratio where a run ends inside a tuplet, as in a pickup of one triplet eighth."""
    actual = 1
    for segment in run:
        actual = lcm(actual, segment.start.denominator, segment.end.denominator)
    while actual % 2 == 0:
        actual //= 2
    normal = 1
    while normal * 2 < actual:
        normal *= 2
    return actual, normal


def _is_regular(run: Sequence[Segment], ratio: tuple[int, int]) -> bool:
    if ratio[0] not in _TUPLETS:
        return False
    scale = Fraction(*ratio)
    return all(notated(segment.length * scale) is not None for segment in run)


def _cut_at_beats(run: Sequence[Segment], metre: Metre) -> list[Segment]:
    """The run with every segment cut at the beats it crosses."""
    beat = metre.beat_quarters
    parts = []
    for segment in run:
        start = segment.start
        inside = (start // beat + 1) * beat
        while inside < segment.end:
            parts.append(Segment(start, inside, segment.item))
            start = inside
            inside += beat
        parts.append(Segment(start, segment.end, segment.item))
    return parts


def _rejoin(written: list[Written]) -> list[Written]:
    """Tie again what was cut: neighbours of one note belong together."""
    joined = []
    for index, value in enumerate(written):
        follower = written[index + 1] if index + 1 < len(written) else None
        tied = follower is not None and value.item is not None and follower.item == value.item
        joined.append(replace(value, goes_on=value.goes_on or tied))
    return joined


def _bracket(run: Sequence[Segment], ratio: tuple[int, int]) -> list[Written]:
    scale = Fraction(*ratio)
    written: list[Written] = []
    for segment in run:
        pieces = _pieces(segment.length * scale)
        start = segment.start
        for index, (value, dots) in enumerate(pieces):
            end = start + value * (2 - Fraction(1, 2**dots)) / scale
            goes_on = index + 1 < len(pieces)
            written.append(Written(start, end, segment.item, value, dots, ratio, goes_on=goes_on))
            start = end
    written[0] = replace(written[0], opens=True)
    written[-1] = replace(written[-1], closes=True)
    return written


def _pieces(length: Fraction) -> list[tuple[Fraction, int]]:
    """A written length as tied values, longest first.

    Raises
    ------
    ValueError
        If the length is no sum of note values.
    """
    pieces = []
    while length > 0:
        found = notated(length)
        if found is None:
            fitting = [value for value in VALUES if value <= length]
            if not fitting:
                raise ValueError(f"{length} quarters are shorter than the shortest note value")
            found = (max(fitting), 0)
        pieces.append(found)
        length -= found[0] * (2 - Fraction(1, 2 ** found[1]))
    return pieces
