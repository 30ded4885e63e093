"""Lengths as written: values, ties, tuplets and rests."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.timeline import Metre
from hybrid.io.durations import VALUES, Segment, Written, notated, strength, write_bar

F = Fraction


def segments(lengths: str) -> list[Segment]:
    """Segments of lengths in quarters; an ``r`` before one makes it a rest."""
    found, at = [], F(0)
    for index, word in enumerate(lengths.split()):
        end = at + F(word.lstrip("r"))
        found.append(Segment(at, end, None if word.startswith("r") else index))
        at = end
    return found


def shown(written: list[Written]) -> str:
    """Values as words: ``quarter.``, ``3:2[eighth`` ..., ``~`` for a tie."""
    words = []
    for item in written:
        word = "r" if item.item is None else ""
        if item.opens and item.tuplet:
            word += f"{item.tuplet[0]}:{item.tuplet[1]}["
        word += VALUES[item.value] + "." * item.dots
        word += "]" if item.closes else ""
        words.append(word + ("~" if item.goes_on and item.item is not None else ""))
    return " ".join(words)


@pytest.mark.parametrize(
    ("metre", "lengths", "expected"),
    [
        ("4/4", "4", "whole"),
        ("4/4", "3 1", "half. quarter"),
        ("4/4", "1 3", "quarter half."),
        ("4/4", "7/2 1/2", "half.. eighth"),
        # The middle of the bar is shown, except in a syncopation around it.
        ("4/4", "3/2 3/2 1", "quarter. eighth~ quarter quarter"),
        ("4/4", "1 2 1", "quarter half quarter"),
        ("4/4", "1/2 1 1/2 2", "eighth quarter eighth half"),
        ("4/4", "1/2 2 3/2", "eighth quarter.~ eighth quarter."),
        ("4/4", "5/2 3/2", "half~ eighth quarter."),
        ("3/4", "3/4 9/4", "eighth. 16th~ half"),
        ("3/4", "1/4 1/2 1/4 2", "16th eighth 16th half"),
        # A dotted beat is shown as well.
        ("6/8", "1 1 1", "quarter eighth~ eighth quarter"),
        ("6/8", "3", "half."),
        ("6/8", "2 1", "quarter.~ eighth quarter"),
        ("12/8", "3 3", "half. half."),
        ("7/8", "7/4 1/4 3/2", "quarter.. 16th quarter."),
        # Rests hide nothing.
        ("4/4", "1/2 r7/2", "eighth reighth rquarter rhalf"),
        ("4/4", "r1 2 r1", "rquarter half rquarter"),
        ("3/4", "1 r2", "quarter rquarter rquarter"),
        ("3/4", "r2 1", "rquarter rquarter quarter"),
        ("6/8", "r3/2 3/2", "rquarter. quarter."),
        ("6/8", "1/2 r1 3/2", "eighth rquarter quarter."),
        # Tuplets.
        ("4/4", "1/3 1/3 1/3 3", "3:2[eighth eighth eighth] half."),
        ("4/4", "2/3 2/3 2/3 2", "3:2[quarter quarter quarter] half"),
        ("4/4", "2/3 1/3 r1/3 2/3 2", "3:2[quarter eighth] r3:2[eighth quarter] half"),
        ("4/4", "4/3 4/3 4/3", "3:2[half half half]"),
        ("4/4", "1/5 1/5 1/5 1/5 1/5 3", "5:4[16th 16th 16th 16th 16th] half."),
        ("2/4", "2/7 4/7 2/7 4/7 2/7", "7:4[eighth quarter eighth quarter eighth]"),
        ("6/8", "3/4 3/4 3/2", "eighth. eighth. quarter."),
        ("6/8", "3/10 3/10 3/10 3/10 3/10 3/2", "5:3[eighth eighth eighth eighth eighth] quarter."),
        # A note that leaves its triplet is cut at the beat.
        ("4/4", "1/3 5/3 2", "3:2[eighth quarter]~ quarter half"),
        # A bar that ends inside a triplet.
        ("4/4", "1/3", "3:2[eighth]"),
    ],
)
def test_spelling_of_lengths(metre: str, lengths: str, expected: str) -> None:
    assert shown(write_bar(segments(lengths), Metre.parse(metre))) == expected


@pytest.mark.parametrize(
    ("length", "dots", "expected"),
    [
        ("1", 1, (F(1), 0)),
        ("3/2", 1, (F(1), 1)),
        ("7/4", 1, None),
        ("7/4", 2, (F(1), 2)),
        ("5/4", 2, None),
        ("16", 0, (F(16), 0)),
        ("1/3", 2, None),
    ],
)
def test_single_values(length: str, dots: int, expected: object) -> None:
    assert notated(F(length), dots) == expected


@pytest.mark.parametrize(
    ("metre", "expected"),
    [
        ("4/4", [3, -1, 0, -1, 1, -1, 0, -1, 2, -1, 0, -1, 1, -1, 0, -1]),
        ("3/4", [3, -1, 0, -1, 1, -1, 0, -1, 1, -1, 0, -1]),
        ("6/8", [3, -1, 0, -1, 0, -1, 1, -1, 0, -1, 0, -1]),
    ],
)
def test_strength_of_sixteenths(metre: str, expected: list[int]) -> None:
    parsed = Metre.parse(metre)
    assert [strength(F(at, 4), parsed) for at in range(len(expected))] == expected


metres = st.sampled_from(["4/4", "3/4", "2/2", "6/8", "5/4", "7/8", "12/8", "3/8"])


@st.composite
def bars(draw: st.DrawFn) -> tuple[Metre, list[Segment]]:
    metre = Metre.parse(draw(metres))
    bar = metre.bar_quarters
    grid = draw(st.sampled_from([4, 8, 16, 3, 6, 12, 5, 7]))
    places = st.integers(1, int(bar * grid) - 1).map(lambda number: F(number, grid))
    cuts = sorted({F(0), bar, *draw(st.lists(places, max_size=12))})
    rests = draw(st.lists(st.booleans(), min_size=len(cuts), max_size=len(cuts)))
    return metre, [
        Segment(start, end, None if rests[index] else index)
        for index, (start, end) in enumerate(pairwise(cuts))
    ]


@given(bars())
def test_nothing_is_rounded(bar: tuple[Metre, list[Segment]]) -> None:
    metre, given_segments = bar
    written = write_bar(given_segments, metre)
    # Values follow each other without gaps, and each has the length it takes up.
    ends = list(
        accumulate(
            item.value
            * (2 - F(1, 2**item.dots))
            * (F(item.tuplet[1], item.tuplet[0]) if item.tuplet else 1)
            for item in written
        )
    )
    assert [item.end for item in written] == ends
    assert [item.start for item in written] == [F(0), *ends[:-1]]
    # Together the parts of a segment are the segment.
    for segment in given_segments:
        if segment.item is None:
            continue
        parts = [item for item in written if item.item == segment.item]
        assert (parts[0].start, parts[-1].end) == (segment.start, segment.end)
        assert all(part.goes_on for part in parts[:-1])
        assert not parts[-1].goes_on
    # Brackets open and close in turn.
    depth = 0
    for item in written:
        depth += item.opens
        assert depth == (item.tuplet is not None)
        depth -= item.closes
    assert depth == 0
