"""Endings after which nothing can follow: which notes are to blame, and how they are avoided."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hybrid
from hybrid.pipeline import compose
from hybrid.rules.endings import barred_pitches, blame, has_ending, shut_out
from hybrid.theory.tables import HARD_RULES

LINES = ((0, 1), (0, 2), (1, 1), (1, 2))
tails = st.dictionaries(st.sampled_from(LINES), st.tuples(st.integers(40, 80), st.just(0)))
endings = st.dictionaries(st.sampled_from(LINES), st.integers(40, 80), min_size=1).map(
    lambda notes: frozenset(notes.items())
)


@given(tails, st.lists(endings, max_size=4))
def test_barred_pitches_are_those_that_complete_an_ending(
    tail: dict[tuple[int, int], tuple[int, int]],
    barred: list[frozenset[tuple[tuple[int, int], int]]],
) -> None:
    """The obvious way: try every pitch."""
    line = LINES[0]
    others = {key: note for key, note in tail.items() if key != line}
    free_of_it = any(has_ending(others, ending) for ending in barred)
    tried = {
        pitch
        for pitch in range(40, 81)
        if any(has_ending({**others, line: (pitch, 0)}, ending) for ending in barred)
    }
    found = barred_pitches(line, {key: note[0] for key, note in others.items()}, barred)
    assert found == tried or free_of_it
    assert found <= tried


@given(tails.filter(bool), st.data())
def test_blame_finds_a_smallest_part_that_blocks(
    tail: dict[tuple[int, int], tuple[int, int]], data: st.DataObject
) -> None:
    culprits = data.draw(st.sets(st.sampled_from(sorted(tail))))
    found = blame(tail, lambda rest: culprits <= set(rest))
    assert found == {(line, tail[line][0]) for line in culprits}


def test_shut_out_bars_the_rows_that_make_an_ending() -> None:
    rows = list(combinations((60, 62, 64, 65), 2))
    ends = {LINES[0]: np.array([b for _, b in rows]), LINES[1]: np.array([a for a, _ in rows])}
    barred = [frozenset({(LINES[0], 64), (LINES[1], 60)}), frozenset({(LINES[1], 62)})]
    cost = shut_out(ends, barred, len(rows))
    assert [row for row, price in zip(rows, cost, strict=True) if np.isinf(price)] == [
        (60, 64),
        (62, 64),
        (62, 65),
    ]
    silent = [frozenset({(LINES[3], 50)})]
    assert not shut_out(ends, silent, len(rows)).any()


@pytest.mark.parametrize(("form", "seed"), [("sentence", 56), ("rondo", 33)])
def test_a_theme_sung_again_over_fixed_notes_keeps_off_barred_endings(form: str, seed: int) -> None:
    """These plans were refused: each new draw of the phrase before ended as it must not."""
    piece = hybrid.compose(form=form, seed=seed, minutes=1.0, engine="rules")
    assert piece.agreement is not None
    assert piece.agreement.cadences == 1.0


def test_a_theme_that_leaves_no_figures_gives_way() -> None:
    # Bars 39 and 40 have a theme in ornament that no figures of the lower voices fit; the
    # phrase takes its melody from the voicings then.
    piece = compose(form="rounded-binary", seed=181, minutes=1.5, engine="rules")
    assert piece.score is not None
    assert piece.agreement is not None
    assert piece.agreement.bars_found == piece.agreement.bars_planned
    assert piece.agreement.cadences == 1.0
    assert [finding for finding in piece.analysis.findings if finding.rule in HARD_RULES] == []
