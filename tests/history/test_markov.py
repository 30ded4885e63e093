"""Markov chain: counts made by hand, and the stationary distribution of a textbook.

Known answers: the chain of two states with chances a and b keeps (b, a) / (a + b), as one sees
from pi P = pi (Norris 1997, chapter 1); in loops every context is entered as often as it is left,
so the shares of the tunes are kept; Frère Jacques was counted by hand.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, FormatError
from hybrid.history.markov import (
    TUNES,
    count_transitions,
    longest_quotation,
    stationary,
    transition_matrix,
)
from hybrid.history.melodies import load_melodies, read_notes
from hybrid.history.registry import load_exhibit, run_exhibit

C, D, E, F, G, A, LOW_G = 60, 62, 64, 65, 67, 69, 55


def test_frere_jacques_as_counted_by_hand() -> None:
    counts = count_transitions([load_melodies()["frere-jacques"].pitches], 1)
    assert counts[(C,)] == {D: 2, C: 4, E: 1, G: 1, LOW_G: 2}
    assert counts[(D,)] == {E: 2}
    assert counts[(E,)] == {C: 4, F: 2}
    assert counts[(G,)] == {E: 1, G: 1, A: 2, F: 2}
    assert counts[(LOW_G,)] == {C: 2}


def test_contexts_of_higher_order() -> None:
    assert count_transitions(["abab", "abac"], 2) == {
        ("a", "b"): Counter("aaa"),
        ("b", "a"): Counter("bbc"),
        ("a", "c"): Counter("a"),
        ("c", "a"): Counter("b"),
    }
    assert count_transitions(["aab"], 0) == {(): Counter("aab")}


def test_stationary_of_two_states() -> None:
    a, b = 0.3, 0.1
    kept = stationary(np.array([[1 - a, a], [b, 1 - b]]))
    assert kept == pytest.approx([b / (a + b), a / (a + b)])
    with pytest.raises(ConfigError, match="one stationary distribution"):
        stationary(np.eye(3))


def test_loops_keep_the_shares_of_the_tunes() -> None:
    loops = [load_melodies()[name].pitches for name in TUNES]
    shares = Counter(pitch for loop in loops for pitch in loop)
    pitches = sorted(shares)
    matrix = transition_matrix(count_transitions(loops, 1), pitches)
    expected = [shares[pitch] / shares.total() for pitch in pitches]
    assert stationary(matrix) == pytest.approx(expected)


def test_draws_come_as_often_as_counted() -> None:
    made, _ = run_exhibit(
        load_exhibit("markov"), 2, {"order": 1, "unit": "pitch", "tunes": "haenschen-klein",
                                    "notes": 400}
    )  # fmt: skip
    line = [int(pitch) for pitch in made.score.tracks[0].notes["pitch"]]
    counts = count_transitions([load_melodies()["haenschen-klein"].pitches], 1)
    after = Counter(pairwise(line))
    for (one,), options in counts.items():
        leaving = sum(number for (left, _), number in after.items() if left == one)
        for other, number in options.items():
            chance = number / options.total()
            # Four standard deviations of a binomial draw.
            spread = 4 * np.sqrt(chance * (1 - chance) / leaving)
            assert after[one, other] / leaving == pytest.approx(chance, abs=spread + 1e-9)
    assert all(other in counts[(one,)] for one, other in after)


def test_high_order_copies() -> None:
    quoted = {}
    for order in (0, 8):
        made, _ = run_exhibit(load_exhibit("markov"), 5, {"order": order})
        quoted[order] = int(dict(made.facts)["Longest quotation of a tune"].split()[0])
    assert quoted[0] < 12 < quoted[8]
    assert longest_quotation("xbca", ["abc"]) == 3


def test_bars_of_the_tunes_are_full() -> None:
    assert set(load_melodies()) == set(TUNES)
    with pytest.raises(FormatError, match="four quarters"):
        read_notes("C4/4 C4/2")
    with pytest.raises(FormatError, match="written as C4/4"):
        read_notes("C4")
