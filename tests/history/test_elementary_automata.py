"""Elementary automata against rows that are known.

Rule 90 from one cell is Pascal's triangle modulo 2 (Wolfram 1983). Rows of rules 30 and 110 read as
binary numbers are OEIS A110240 and A117999 (from memory); the centre of rule 30 is A051023.
"""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from hybrid.history.elementary_automata import DRUMS, evolve, neighbourhoods
from hybrid.history.registry import load_exhibit, run_exhibit


def rows_from_one_cell(rule: int, n: int) -> list[str]:
    """Rows as texts of 0 and 1, row k trimmed to the 2k + 1 cells that it can reach."""
    row = np.zeros(2 * n + 3, dtype=np.int64)
    row[n + 1] = 1
    found = []
    for number in range(n):
        reach = row[n + 1 - number : n + 2 + number]
        found.append("".join(map(str, reach.tolist())))
        row = evolve(row, rule)
    return found


def test_rule_30_grows_as_is_known() -> None:
    rows = rows_from_one_cell(30, 20)
    assert [int(row, 2) for row in rows[:8]] == [1, 7, 25, 111, 401, 1783, 6409, 28479]
    centre = "".join(row[len(row) // 2] for row in rows)
    assert centre == "11011100110001011001"


def test_rule_90_is_pascals_triangle_of_odd_numbers() -> None:
    for number, row in enumerate(rows_from_one_cell(90, 32)):
        assert row[::2] == "".join(str(comb(number, k) % 2) for k in range(number + 1))
        assert set(row[1::2]) <= {"0"}


def test_rule_110_grows_to_the_left_only() -> None:
    rows = rows_from_one_cell(110, 9)
    assert [int(row[: n + 1], 2) for n, row in enumerate(rows)] == [
        *(1, 3, 7, 13, 31, 49, 115, 215, 509),
    ]
    assert all(set(row[n + 1 :]) <= {"0"} for n, row in enumerate(rows))


@pytest.mark.parametrize("rule", [0, 30, 90, 110, 184, 255])
def test_each_cell_follows_from_its_three(rule: int) -> None:
    row = np.random.default_rng(rule).integers(0, 2, size=16)
    after = evolve(row, rule)
    bits = f"{rule:08b}"
    for place in range(16):
        three = f"{row[place - 1]}{row[place]}{row[(place + 1) % 16]}"
        assert neighbourhoods(row)[place] == int(three, 2)
        assert str(after[place]) == bits[7 - int(three, 2)]


def test_rule_184_keeps_the_number_of_strokes() -> None:
    """Cars neither appear nor vanish."""
    row = np.random.default_rng(8).integers(0, 2, size=16)
    counts = set()
    for _ in range(20):
        counts.add(int(row.sum()))
        row = evolve(row, 184)
    assert len(counts) == 1


def test_rule_90_on_sixteen_cells_is_silent_after_eight_rows() -> None:
    """On a ring of 2^k cells rule 90 dies after 2^(k-1) steps (Martin, Odlyzko & Wolfram 1984)."""
    made = run_exhibit(load_exhibit("elementary-automata"), 1, {"rule": "90", "start": "one"})[0]
    onsets = made.score.tracks[0].notes["onset"]
    bars = np.bincount(onsets // 1920, minlength=9)
    assert (bars[:8] > 0).all()
    assert bars[8:].sum() == 0


def test_the_case_that_made_a_cell_picks_its_drum() -> None:
    made = run_exhibit(load_exhibit("elementary-automata"), 1, {"rule": "30"})[0]
    strokes = [note for note in made.score.tracks[0].notes if note["onset"] >= 1920]
    assert {int(note["pitch"]) for note in strokes} == {DRUMS[k][1] for k in (1, 2, 3, 4)}
