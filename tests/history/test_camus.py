"""CAMUS: known figures of the Game of Life, the cyclic space, and the codes.

That a glider comes back after four generations, moved by (1, 1), is in Gardner (1970) and
Berlekamp, Conway & Guy, Winning Ways, chapter 25; the first populations of the R-pentomino
are as commonly listed (from memory). The cyclic space is Dewdney's (1989).
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.history.camus import ORDERS, demon, first_grid, life, ranks, temporal_code
from hybrid.history.registry import load_exhibit, run_exhibit

BITS = ["".join(bits) for bits in product("01", repeat=4)]


def test_a_glider_returns_after_four_generations_one_cell_further() -> None:
    grid = first_grid("glider", 8, 0.2, np.random.default_rng(1))
    moved = grid
    seen = []
    for _ in range(4):
        moved = life(moved)
        seen.append(moved)
    assert np.array_equal(moved, np.roll(grid, (1, 1), axis=(0, 1)))
    assert all(int(step.sum()) == 5 for step in seen)
    assert not any(np.array_equal(step, np.roll(grid, (1, 1), axis=(0, 1))) for step in seen[:3])


def test_the_r_pentomino_grows_as_is_known() -> None:
    grid = first_grid("r-pentomino", 32, 0.2, np.random.default_rng(1))
    sizes = []
    for _ in range(9):
        sizes.append(int(grid.sum()))
        grid = life(grid)
    assert sizes == [5, 6, 7, 9, 8, 9, 12, 11, 18]


def test_the_cyclic_space_eats_by_its_rule_and_a_square_of_all_states_turns() -> None:
    states = np.random.default_rng(4).integers(0, 5, size=(9, 7))
    after = demon(states, 5)
    for row, column in np.ndindex(states.shape):
        around = [
            states[(row + down) % 9, (column + right) % 7]
            for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1))
        ]
        following = (states[row, column] + 1) % 5
        assert after[row, column] == (following if following in around else states[row, column])
    # A ring of all states in order is a demon: each cell moves on for ever.
    ring = np.array([[0, 1], [3, 2]])
    assert np.array_equal(demon(ring, 4), (ring + 1) % 4)


def test_or_and_and_reach_four_codes_and_either_all_ten() -> None:
    for how in ("or", "and"):
        assert {temporal_code(bits, how) for bits in BITS} == {"0000", "0110", "1001", "1111"}
    assert {temporal_code(bits, "either") for bits in BITS} == set(ORDERS)
    for code in ORDERS:
        assert set(ranks(code)) == set("adn")


def test_triads_are_the_coordinates_of_the_live_cells() -> None:
    made = run_exhibit(load_exhibit("camus"), 2, {"start": "glider", "cells": "5"})[0]
    notes = [entry for entry in made.trace.entries if entry.kind == "note"]
    assert len(notes) == 15
    found = set()
    for number in range(5):
        low, middle, high = sorted(note.pitch or 0 for note in notes[3 * number : 3 * number + 3])
        found.add((middle - low, high - middle))
    # The glider is set at row and column 6 of the grid of 12; (column, row) are the intervals.
    assert found == {(7, 6), (8, 7), (6, 8), (7, 8), (8, 8)}


def test_notes_start_and_end_in_the_order_of_the_codes() -> None:
    made = run_exhibit(load_exhibit("camus"), 5, {"combine": "either", "start": "random"})[0]
    spans = {
        (track.name, int(note["onset"]), int(note["pitch"])): int(note["onset"] + note["duration"])
        for track in made.score.tracks
        for note in track.notes
    }
    notes = [entry for entry in made.trace.entries if entry.kind == "note"]
    codes = set()
    for number in range(0, len(notes), 3):
        triad = sorted(notes[number : number + 3], key=lambda entry: entry.pitch or 0)
        words = triad[0].choice.split()
        start, end = words[-4].rstrip(","), words[-1]
        codes |= {start, end}
        onsets = [entry.tick or 0 for entry in triad]
        ends = [spans[entry.track or "", entry.tick or 0, entry.pitch or 0] for entry in triad]
        for times, code in ((onsets, start), (ends, end)):
            places = [sorted(set(times)).index(time) for time in times]
            assert dict(zip("adn", places, strict=True)) == ranks(code)
    assert len(codes) >= 6


def test_life_that_dies_ends_the_piece_and_none_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="density must leave a cell alive"):
        first_grid("random", 6, 0.0, np.random.default_rng(1))
    made = run_exhibit(load_exhibit("camus"), 1, {"cells": "7"})[0]
    assert dict(made.facts)["Ends because"] == "the cells are played"
    assert dict(made.facts)["Live cells"] == "5 6"
