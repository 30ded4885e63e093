"""Rules between lines whose notes do not begin together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.rules.harmony import Due
from hybrid.rules.surface import (
    Check,
    Known,
    Sound,
    check_cost,
    find_checks,
    inner_cost,
    joint_cost,
)
from hybrid.rules.voicings import SILENT, Voicings

Q = 480


def one_voicing(*pitches: int, spellings: tuple[int, ...] = ()) -> Voicings:
    spelled = spellings or tuple(0 for _ in pitches)
    return Voicings(np.array([pitches]), np.array([spelled]), np.zeros(1))


def line(*notes: tuple[int, int, int]) -> tuple[Sound, ...]:
    return tuple(Sound(a, b, Known(pitch, 0)) for a, b, pitch in notes)


def strand(*notes: tuple[int, int, int, int]) -> tuple[Sound, ...]:
    return tuple(Sound(a, b, (event, number)) for a, b, event, number in notes)


def test_lines_are_compared_only_where_both_are_struck() -> None:
    melody = line((0, Q, 72), (Q, 2 * Q, 74), (2 * Q, 3 * Q, 76))
    held = strand((0, 2 * Q, 0, 0), (2 * Q, 3 * Q, 1, 0))
    (found,) = find_checks([melody, held])
    assert found == Check(1, (Known(74, 0), (0, 0)), (Known(76, 0), (1, 0)))
    assert found.reaches_back


def test_two_known_lines_and_repeated_tones_need_no_check() -> None:
    melody = line((0, Q, 72), (Q, 2 * Q, 74))
    assert find_checks([melody, line((0, Q, 65), (Q, 2 * Q, 67))]) == []
    again = strand((0, Q, 0, 0), (Q, 2 * Q, 0, 0))
    assert find_checks([melody, again]) == []


def test_a_check_within_a_chord_does_not_reach_back() -> None:
    melody = line((0, Q, 72), (Q, 2 * Q, 74))
    broken = strand((0, Q, 3, 1), (Q, 2 * Q, 3, 0))
    (found,) = find_checks([melody, broken])
    assert (found.event, found.reaches_back) == (3, False)


@pytest.mark.parametrize(
    ("melody", "strand_pitches", "cost"),
    [
        ((72, 74), (65, 67), np.inf),  # parallel fifths
        ((72, 74), (60, 62), np.inf),  # parallel octaves
        ((72, 74), (53, 55), np.inf),  # parallel twelfths
        ((72, 67), (65, 60), np.inf),
        ((72, 74), (65, 55), 3.0),  # fifths by contrary motion
        ((72, 74), (69, 71), 0.0),  # parallel thirds
        ((72, 74), (66, 67), 0.0),  # a diminished fifth before a perfect one
        ((72, 72), (65, 65), 0.0),  # nothing moves
        ((72, 74), (SILENT, 67), 0.0),  # a voice that rests
    ],
)
def test_cost_of_a_check(
    melody: tuple[int, int], strand_pitches: tuple[int, int], cost: float
) -> None:
    check = Check(1, (Known(melody[0], 0), (0, 0)), (Known(melody[1], 0), (1, 0)))
    before, after = (one_voicing(pitch) for pitch in strand_pitches)
    assert check_cost([check], 1, before, after)[0, 0] == cost


rows = st.lists(st.tuples(st.integers(48, 60), st.integers(55, 67)), min_size=1, max_size=6)
steps = st.tuples(st.integers(60, 72), st.integers(60, 72))


@given(rows, rows, steps)
def test_checks_on_all_candidates_at_once_are_those_one_by_one(
    before: list[tuple[int, int]], after: list[tuple[int, int]], melody: tuple[int, int]
) -> None:
    one, two = (
        Voicings(np.array(found), np.zeros((len(found), 2), dtype=int), np.zeros(len(found)))
        for found in (before, after)
    )
    checks = [
        Check(1, (Known(melody[0], 0), (0, column)), (Known(melody[1], 0), (1, column)))
        for column in (0, 1)
    ]
    table = check_cost(checks, 1, one, two)
    for i, old in enumerate(before):
        for j, new in enumerate(after):
            wanted = 0.0
            for column in (0, 1):
                up, down = melody[1] - melody[0], new[column] - old[column]
                interval = abs(melody[0] - old[column]) % 12
                if (
                    up
                    and down
                    and interval in (0, 7)
                    and interval == abs(melody[1] - new[column]) % 12
                ):
                    wanted += np.inf if up * down > 0 else 3.0
            assert table[i, j] == wanted


def test_no_augmented_second_inside_a_broken_chord() -> None:
    """A flat and B in a diminished seventh lie an augmented second apart."""
    broken = strand((0, Q, 0, 1), (Q, 2 * Q, 0, 0))
    bad = one_voicing(71, 68, spellings=(5, -4))
    good = one_voicing(71, 65, spellings=(5, -1))
    assert inner_cost(broken, 0, bad)[0] == np.inf
    assert inner_cost(broken, 0, good)[0] == 0.0


@pytest.mark.parametrize(
    ("following", "length", "allowed"),
    [
        ((72,), Q, True),  # the leading tone rises at once
        ((67,), Q, False),
        ((67, 72), Q // 2, True),  # or on the second note of a quick figure
        ((67, 72), 2 * Q, False),  # which must not come too late
        ((71, 72), Q // 2, False),  # it has not been left in between
    ],
)
def test_a_broken_line_resolves_the_leading_tone_it_ends_on(
    following: tuple[int, ...], length: int, allowed: bool
) -> None:
    last = one_voicing(71, spellings=(5,))
    after = one_voicing(*following)
    row = strand(
        (0, Q, 0, 0), *((Q + n * length, Q + (n + 1) * length, 1, n) for n in range(len(following)))
    )
    cost = joint_cost(row, 1, Due(leading=11), last, after)[0, 0]
    assert np.isfinite(cost) == allowed


def test_a_seventh_falls_and_other_tones_are_free() -> None:
    row = strand((0, Q, 0, 0), (Q, 2 * Q, 1, 0))
    due = Due(leading=11, seventh=5)
    outcomes = {
        (old, new): bool(
            np.isfinite(joint_cost(row, 1, due, one_voicing(old), one_voicing(new))[0, 0])
        )
        for old, new in pairwise((65, 64, 67, 60, 65, 67))
    }
    assert outcomes == {
        (65, 64): True,
        (64, 67): True,
        (67, 60): True,
        (60, 65): True,
        (65, 67): False,
    }
