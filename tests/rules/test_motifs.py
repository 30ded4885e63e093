"""Contours from a turtle's walk and rhythms from a dividing bar."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.rules.motifs import CURVES, draw_contour, draw_rhythm, walk

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("curve", "start"),
    [
        # Walked by hand: F+F-F-F+F goes right, up, right, down, right.
        ("koch", (0, 1, 0, 1, 2, 3)),
        # F+F-F-FF+F+F-F goes right, up, right, down, down, right, up, right.
        ("island", (0, 1, -1, 0)),
    ],
)
def test_walks_begin_as_drawn_by_hand(curve: str, start: tuple[int, ...]) -> None:
    assert walk(curve)[: len(start)] == start


@pytest.mark.parametrize(
    ("curve", "lowest", "highest"), [("hilbert", 0, 7), ("peano", 0, 8), ("koch", 0, 13)]
)
def test_walks_stay_on_their_curve(curve: str, lowest: int, highest: int) -> None:
    """Hilbert of order 3 fills 8 rows, Peano of order 2 nine, Koch of order 3 rises to 13."""
    assert (min(walk(curve)), max(walk(curve))) == (lowest, highest)


def test_a_hilbert_curve_steps_aside_in_every_row() -> None:
    """Of its 63 steps those up or down are no notes; all eight rows are met."""
    heights = walk("hilbert")
    assert len(heights) < 63
    assert set(heights) == set(range(8))


@given(seeds, st.integers(3, 8), st.sets(st.sampled_from(sorted(CURVES))))
def test_a_contour_is_a_window_of_a_walk_upright_or_mirrored(
    seed: int, n_notes: int, avoid: set[str]
) -> None:
    found = draw_contour(np.random.default_rng(seed), tuple(avoid), n_notes)
    assert len(found.steps) == n_notes
    assert found.steps[0] == 0
    if found.source == "scale":
        assert found.steps == tuple(range(n_notes))
        return
    assert found.source not in avoid or avoid == set(CURVES)
    heights = walk(found.source)
    windows = {
        tuple(sign * (h - heights[start]) for h in heights[start : start + n_notes])
        for start in range(len(heights) - n_notes + 1)
        for sign in (1, -1)
    }
    assert found.steps in windows
    assert 2 <= max(found.steps) - min(found.steps) <= 7


BARS = {
    "chorale": (Fraction(2), Fraction(3), Fraction(4), Fraction(6)),
    "song": (Fraction(2), Fraction(3), Fraction(4), Fraction(5), Fraction(7, 2)),
    "compound": (Fraction(3), Fraction(9, 2), Fraction(6)),
}


@given(seeds, st.sampled_from([(kind, bar) for kind in BARS for bar in BARS[kind]]))
def test_rhythms_fill_their_bar(seed: int, case: tuple[str, Fraction]) -> None:
    kind, bar = case
    found = draw_rhythm(np.random.default_rng(seed), kind, bar, (2, 6))
    assert sum(found) == bar
    assert min(found) >= Fraction(1, 4)


@pytest.mark.parametrize(("kind", "wanted"), [("song", (3, 5)), ("chorale", (3, 6))])
def test_rhythms_have_as_many_notes_as_wanted_where_twelve_draws_find_them(
    kind: str, wanted: tuple[int, int]
) -> None:
    counts = [
        len(draw_rhythm(np.random.default_rng(seed), kind, Fraction(4), wanted))
        for seed in range(60)
    ]
    assert all(wanted[0] <= count <= wanted[1] for count in counts)
    assert len(set(counts)) > 1


def test_a_wish_that_nothing_meets_gives_the_nearest() -> None:
    """A bar of two quarters has at most six notes."""
    found = draw_rhythm(np.random.default_rng(0), "song", Fraction(2), (40, 50))
    assert sum(found) == 2
    assert 1 <= len(found) <= 8


def test_same_seed_same_motif() -> None:
    one, two = (
        (draw_contour(rng, (), 5), draw_rhythm(rng, "song", Fraction(4), (3, 6)))
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    )
    assert one == two
