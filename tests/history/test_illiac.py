"""Illiac Suite: a checker of its own says that no rule is broken.

The rules are those quoted by Hiller & Isaacson (1959) and by secondary sources, see
`hybrid.history.illiac`. The checker reads finished lines as arrays of intervals; it shares no code
with the drawing.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.history.illiac import RULES, WHITE, write_piece
from hybrid.history.registry import load_exhibit, run_exhibit

MELODIC = [rule for rule in RULES if rule.is_melodic]


def broken_in_line(line: NDArray[np.int64]) -> set[str]:
    """Rules that a finished line breaks, whatever its neighbours do."""
    moves = np.diff(line)
    leaps = np.abs(moves)
    found = set()
    if np.ptp(line) > 12:
        found.add("octave")
    if (leaps == 6).any():
        found.add("no tritone")
    if np.isin(leaps, (10, 11)).any():
        found.add("no seventh")
    if (leaps[1:][leaps[:-1] >= 3] >= 3).any():
        found.add("skip then step")
    if ((moves[1:] == 0) & (moves[:-1] == 0)).any():
        found.add("one repeat")
    return found


def broken_between(lines: NDArray[np.int64]) -> set[str]:
    """Rules between voices, from the lowest, that a finished piece breaks; shape (voices, n)."""
    found = set()
    if (np.diff(lines, axis=0) < 0).any():
        found.add("no crossing")
    for above in lines[1:]:
        if not np.isin((above - lines[0]) % 12, (0, 3, 4, 7, 8, 9)).all():
            found.add("consonance")
    for one, other in combinations(range(len(lines)), 2):
        gap = (lines[other] - lines[one]) % 12
        moved = (np.diff(lines[one]) != 0) & (np.diff(lines[other]) != 0)
        same = moved & (gap[1:] == gap[:-1]) & np.isin(gap[1:], (0, 7))
        if same.any():
            found.add("no parallels")
        if one > 0 and np.isin(gap, (1, 2, 10, 11)).any():
            found.add("consonance")
    low, high = np.diff(lines[0]), np.diff(lines[-1])
    hidden = (low * high > 0) & (np.abs(high) > 2)
    if (hidden & np.isin((lines[-1][1:] - lines[0][1:]) % 12, (0, 7))).any():
        found.add("similar motion")
    if set(lines[:, -2] % 12) - {2, 5, 7, 11} or lines[0, -2] % 12 not in (2, 7):
        found.add("cadence")
    if set(lines[:, -1] % 12) - {0, 4, 7} or lines[0, -1] % 12:
        found.add("ends on C")
    return found


def test_a_thousand_lines_break_no_rule() -> None:
    rng = np.random.default_rng(1957)
    n_lines = 0
    for _ in range(1000):
        made = write_piece(rng, 12, [60], MELODIC)
        line = np.array(made.lines[0])
        assert broken_in_line(line) == set()
        assert line[0] == line[-1] == 60
        assert line[-2] in (59, 62)
        assert np.isin(line - 60, WHITE).all()
        n_lines += 1
    assert n_lines == 1000


@pytest.mark.parametrize("bases", [(48, 60), (36, 48, 60), (36, 48, 60, 60)])
def test_pieces_of_more_voices_break_no_rule(bases: tuple[int, ...]) -> None:
    rng = np.random.default_rng(12)
    for _ in range(12):
        made = write_piece(rng, 10, bases)
        lines = np.array(made.lines)
        assert broken_between(lines) == set()
        assert set().union(*map(broken_in_line, lines)) == set()


def test_without_rules_the_checker_finds_them_all_broken() -> None:
    rng = np.random.default_rng(3)
    found: set[str] = set()
    for _ in range(40):
        lines = np.array(write_piece(rng, 10, (36, 48, 60, 60), ()).lines)
        found |= broken_between(lines).union(*map(broken_in_line, lines))
    assert found == {rule.name for rule in RULES}


@pytest.mark.parametrize("number", range(len(RULES)))
def test_each_rule_alone_is_kept(number: int) -> None:
    rule = RULES[number]
    rng = np.random.default_rng(number)
    for _ in range(20):
        lines = np.array(write_piece(rng, 8, (36, 48, 60, 60), (rule,)).lines)
        if rule.name == "consonance":
            # The fourth of the upper voices is no matter; the checker knows that too.
            assert "consonance" not in broken_between(lines)
            continue
        broken = broken_between(lines).union(*map(broken_in_line, lines))
        assert rule.name not in broken


def test_rules_are_heard_one_by_one() -> None:
    made, _ = run_exhibit(load_exhibit("illiac-counterpoint"), 1)
    markers = [marker.text for marker in made.score.markers]
    assert len(markers) == len(RULES) + 1
    assert markers[0] == "no rule"
    assert markers[-1] == "+ cadence (all rules)"
    # What was thrown away stands in the trace with its rule.
    thrown = {text.split(": ")[1] for entry in made.trace.entries for text in entry.rejected}
    assert thrown == {rule.name for rule in RULES}
