"""Accompaniment patterns: which strand sounds when."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.patterns import (
    ALBERTI,
    ARPEGGIO,
    HOMOPHONIC,
    LINEAR,
    Stroke,
    _word,
    n_strands,
    strokes,
)

TEXTURES = ("homophonic", "walking_bass", "alberti", "arpeggio", "waltz", "march", "pad")
METRES = {"4/4": (1920, 480), "3/4": (1440, 480), "6/8": (1440, 720), "2/2": (1920, 960)}
PhraseMaker = Callable[..., Any]


def placed_in(phrase_of: PhraseMaker, metre: str) -> PlacedPhrase:
    found: PlacedPhrase = phrase_of("I | V", metre=metre).phrase
    return found


def by_strand(found: tuple[Stroke, ...], unit: int) -> dict[int, list[tuple[float, float]]]:
    rows: dict[int, list[tuple[float, float]]] = {}
    for stroke in found:
        rows.setdefault(stroke.strand, []).append((stroke.onset / unit, stroke.end / unit))
    return rows


@pytest.mark.parametrize(
    ("texture", "n_players", "wanted"),
    [("arpeggio", 1, 4), ("alberti", 1, 3), ("alberti", 4, 4), ("waltz", 4, 3), ("pad", 2, 3)],
)
def test_number_of_strands(texture: str, n_players: int, wanted: int) -> None:
    assert n_strands(texture, n_players) == wanted


@pytest.mark.parametrize(
    ("texture", "variant", "metre", "wanted"),
    [
        ("waltz", "", "3/4", {2: [(0, 1)], 0: [(1, 2), (2, 3)], 1: [(1, 2), (2, 3)]}),
        (
            "march",
            "",
            "4/4",
            {2: [(0, 1), (2, 3)], 0: [(1, 2), (3, 4)], 1: [(1, 2), (3, 4)]},
        ),
        ("homophonic", "held", "4/4", {0: [(0, 4)], 1: [(0, 4)], 2: [(0, 4)]}),
        (
            "homophonic",
            "half-bars",
            "4/4",
            {0: [(0, 2), (2, 4)], 1: [(0, 2), (2, 4)], 2: [(0, 2), (2, 4)]},
        ),
        (
            "homophonic",
            "after-beats",
            "3/4",
            {2: [(0, 3)], 0: [(1, 2), (2, 3)], 1: [(1, 2), (2, 3)]},
        ),
        (
            "homophonic",
            "beats",
            "3/4",
            {2: [(0, 3)], 0: [(0, 1), (1, 2), (2, 3)], 1: [(0, 1), (1, 2), (2, 3)]},
        ),
        ("pad", "", "3/4", {0: [(0, 3)], 1: [(0, 3)], 2: [(0, 3)]}),
    ],
)
def test_patterns_of_a_bar(
    phrase_of: PhraseMaker,
    texture: str,
    variant: str,
    metre: str,
    wanted: dict[int, list[tuple[float, float]]],
) -> None:
    bar, beat = METRES[metre]
    placed = placed_in(phrase_of, metre)
    found = strokes(texture, variant, placed, 0, bar, 3, "flowing", False)
    assert by_strand(found, beat) == wanted


@pytest.mark.parametrize(
    ("texture", "metre", "strands", "wanted"),
    [
        ("alberti", "4/4", 3, [2, 0, 1, 0, 2, 0, 1, 0]),
        ("alberti", "3/4", 3, [2, 0, 1, 0, 1, 0]),
        ("alberti", "6/8", 3, [2, 0, 1, 0, 1, 0]),
        ("arpeggio", "4/4", 4, [3, 2, 1, 0, 3, 2, 1, 0]),
        ("arpeggio", "3/4", 4, [3, 2, 1, 0, 1, 2]),
    ],
)
def test_broken_chords(
    phrase_of: PhraseMaker, texture: str, metre: str, strands: int, wanted: list[int]
) -> None:
    bar, _ = METRES[metre]
    placed = placed_in(phrase_of, metre)
    found = strokes(texture, "", placed, 0, bar, strands, "flowing", False)
    assert [stroke.strand for stroke in found] == wanted
    assert [s.end for s in found] == [*(s.onset for s in found[1:]), bar]


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("metre", sorted(METRES))
@pytest.mark.parametrize("mode", ["held", "anchored", "flowing"])
@pytest.mark.parametrize("separate", [False, True])
def test_strokes_lie_within_their_chord_and_no_strand_overlaps_itself(
    phrase_of: PhraseMaker, texture: str, metre: str, mode: str, separate: bool
) -> None:
    bar, beat = METRES[metre]
    placed = placed_in(phrase_of, metre)
    strands = n_strands(texture, 4 if separate else 1)
    spans = ((0, bar), (bar, bar + beat), (beat, bar), (0, beat), (bar - beat, 2 * bar))
    for variant, (onset, end) in product(HOMOPHONIC, spans):
        found = strokes(texture, variant, placed, onset, end, strands, mode, separate)
        assert min(stroke.onset for stroke in found) == onset
        for rows in by_strand(found, 1).values():
            ordered = sorted(rows)
            assert all(onset <= a < b <= end for a, b in ordered)
            assert all(one[1] <= two[0] for one, two in pairwise(ordered))
        bass = sorted(s.onset for s in found if s.strand == strands - 1)
        assert bass[0] == onset  # the chord's bass is heard with the chord
        if mode == "held" or texture == "pad":
            assert len(found) == strands


@pytest.mark.parametrize("texture", [*LINEAR, "waltz", "march"])
def test_at_cadences_the_bass_is_held_through(phrase_of: PhraseMaker, texture: str) -> None:
    placed = placed_in(phrase_of, "4/4")
    strands = n_strands(texture, 1)
    found = strokes(texture, "", placed, 0, 1920, strands, "anchored", False)
    bass = [(s.onset, s.end) for s in found if s.strand == strands - 1]
    assert bass == [(0, 1920)]


@pytest.mark.parametrize("table", [ALBERTI, ARPEGGIO])
def test_figures_of_any_length_begin_with_the_bass(table: dict[int, str]) -> None:
    for count in range(1, 25):
        word = _word(table, count)
        assert len(word) == count
        assert word[0] == "B"
        assert set(word) <= set("BLMU")
