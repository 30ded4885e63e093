"""Which sopranos can be harmonised in a row: against a search by plain rules."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.rules.harmony import Chord, Event, due_between
from hybrid.rules.joins import pairs_from, soprano_pairs, sopranos
from hybrid.rules.voicings import Limits, Voicings, voicings

LIMITS = Limits(((65, 77), (58, 70), (50, 62), (43, 55)))
PROGRESSIONS = [
    ("C major", "I", "IV"),
    ("C major", "IV", "V"),
    ("C major", "V7", "I"),
    ("C major", "V65", "I"),
    ("C major", "V7", "vi"),
    ("C major", "ii65", "V"),
    ("C major", "viio6", "I"),
    ("C major", "V7/V", "V7"),
    ("C major", "Cad64", "V7"),
    ("A minor", "iv", "V"),
    ("A minor", "VI", "V7"),
    ("A minor", "V7", "i"),
    ("A minor", "iio6", "V"),
]


def events(key: str, *numerals: str) -> list[Event]:
    found = []
    for index, text in enumerate(numerals):
        onset, end = index * 480, index * 480 + 480
        chord = Chord(index, 0, onset, end, RomanNumeral.parse(text), Key.parse(key))
        found.append(Event(onset, end, chord, (chord.bass,), 1, index == 0, False))
    return found


def may_follow(
    one: list[tuple[int, int]], two: list[tuple[int, int]], before: Chord, after: Chord
) -> bool:
    """The hard rules, voice by voice and pair by pair; notes are (pitch, spelling)."""
    for (a, _), (b, _), (c, _), (d, _) in (
        (one[i], one[j], two[i], two[j]) for i, j in combinations(range(4), 2)
    ):
        same_way = (c - a) * (d - b) > 0
        if same_way and (a - b) % 12 == (c - d) % 12 and (a - b) % 12 in (0, 7):
            return False
    due = due_between(before, after)
    for voice, ((a, spelled), (b, spelled_after)) in enumerate(zip(one, two, strict=True)):
        inner = voice in (1, 2)
        places = (spelled_after - spelled) * (1 if b > a else -1)
        if abs(b - a) == 3 and places > 6:
            return False  # an augmented second
        if due.leading is not None and a % 12 == due.leading:
            lowered = before.leading is not None and before.leading - 7 in after.tones
            falls = inner and b - a == -4 and b % 12 == after.classes[2]
            stays = voice > 0 and a == b and due.leading in after.classes
            if not (b - a == 1 or falls or stays or (b - a == -1 and lowered)):
                return False
        if due.seventh is not None and a % 12 == due.seventh:
            tone = before.seventh
            chromatic = tone is not None and tone + 7 in after.tones and b - a == 1
            stays = a == b and due.seventh_may_stay
            if not (b - a in (-1, -2) or stays or chromatic):
                return False
    return True


def notes(found: Voicings) -> list[list[tuple[int, int]]]:
    return [
        list(zip(p, s, strict=True))
        for p, s in zip(found.pitch.tolist(), found.spelling.tolist(), strict=True)
    ]


@pytest.mark.parametrize(("key", "first", "second"), PROGRESSIONS)
def test_pairs_are_those_that_some_two_voicings_allow(key: str, first: str, second: str) -> None:
    before, after = events(key, first, second)
    one = notes(voicings(before.chord, before.bass, LIMITS))
    two = notes(voicings(after.chord, after.bass, LIMITS))
    wanted = set()
    for row in one:
        for other in two:
            pair = (row[0][0], other[0][0])
            if pair not in wanted and may_follow(row, other, before.chord, after.chord):
                wanted.add(pair)
    assert soprano_pairs(before, after, LIMITS) == wanted
    assert {a for a, _ in wanted} <= sopranos(before, LIMITS)
    assert {b for _, b in wanted} <= sopranos(after, LIMITS)


def test_a_leading_tone_in_the_soprano_only_rises() -> None:
    before, after = events("C major", "V7", "I")
    assert {b for a, b in soprano_pairs(before, after, LIMITS) if a == 71} == {72}


def test_a_seventh_in_the_soprano_only_falls() -> None:
    before, after = events("C major", "V7", "I")
    assert {b for a, b in soprano_pairs(before, after, LIMITS) if a == 77} == {76}


def test_pairs_from_a_given_ending() -> None:
    """From one voicing of V7: what it cannot reach is not among the pairs of all voicings."""
    before, after = events("C major", "V7", "I")
    tail = Voicings(np.array([[71, 65, 62, 55]]), np.array([[5, -1, 2, 1]]), np.zeros(1))
    found = pairs_from(tail, before.chord, after, False, LIMITS)
    assert found
    assert found <= soprano_pairs(before, after, LIMITS)
    assert {a for a, _ in found} == {71}
    # After a pause nothing is due, so the soprano may go where it likes.
    free = pairs_from(tail, before.chord, after, True, LIMITS)
    assert {b for _, b in free} == sopranos(after, LIMITS)


def test_no_voicing_no_pair() -> None:
    before, after = events("C major", "V7", "I")
    narrow = Limits(((65, 65), (64, 64), (50, 50), (43, 43)))
    assert soprano_pairs(before, after, narrow) == frozenset()
    tail = Voicings(np.array([[71, 65, 62, 55]]), np.array([[5, -1, 2, 1]]), np.zeros(1))
    assert pairs_from(tail, before.chord, after, False, narrow) == frozenset()
