"""Voicings against every combination of notes, and what the tables of doubling prefer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.rules.harmony import Chord
from hybrid.rules.voicings import SILENT, Limits, Voicings, _member_cost, voicings

FOUR = ((67, 79), (60, 70), (52, 62), (43, 55))
NUMERALS = ("I", "I6", "V", "V7", "V65", "V43", "V42", "ii65", "viio6", "vi", "Cad64", "V7/V", "N6")


def chord_of(numeral: str, key: str = "C major") -> Chord:
    return Chord(0, 0, 0, 1920, RomanNumeral.parse(numeral), Key.parse(key))


def rows(found: Voicings) -> set[tuple[int, ...]]:
    return {tuple(row) for row in found.pitch.tolist()}


def by_hand(chord: Chord, limits: Limits) -> set[tuple[int, ...]]:
    """Every combination of pitches in the ranges, sieved by the rules in plain words."""
    classes = {pitch_class(tone): place for place, tone in reversed(list(enumerate(chord.tones)))}
    voices = [
        [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]
        for low, high in limits.ranges
    ]
    numeral = chord.numeral
    sevenths = len(chord.tones) == 4
    kept = set()
    for row in product(*voices):
        if row[-1] % 12 != pitch_class(chord.bass):
            continue
        gaps = [upper - lower for upper, lower in pairwise(row)]
        if any(gap < 0 or gap > wide for gap, wide in zip(gaps, limits.spacing, strict=True)):
            continue
        has = Counter(classes[pitch % 12] for pitch in row)
        # All tones sound, but for the fifth in root position.
        needed = [place for place in range(len(chord.tones)) if place != 2 or numeral.inversion]
        if any(not has[place] for place in needed):
            continue
        if sevenths and has[3] > 1:
            continue
        if chord.leading is not None and has[chord.tones.index(chord.leading)] > 1:
            continue
        kept.add(row)
    return kept


@pytest.mark.parametrize("key", ["C major", "A minor", "Eb major"])
@pytest.mark.parametrize("numeral", NUMERALS)
def test_voicings_are_all_that_the_rules_leave(numeral: str, key: str) -> None:
    chord = chord_of(numeral, key)
    limits = Limits(FOUR)
    assert rows(voicings(chord, (chord.bass,), limits)) == by_hand(chord, limits)


@pytest.mark.parametrize(
    ("numeral", "best"),
    [
        ("I", 0),  # the root of a triad in root position
        ("V", 0),
        ("Cad64", 2),  # the bass of a six-four, the fifth
        ("viio6", 1),  # the third of a diminished triad: root and fifth have to resolve
    ],
)
def test_doubling_costs_least_where_the_books_advise_it(numeral: str, best: int) -> None:
    chord = chord_of(numeral)
    doubled = np.ones((3, 3), dtype=int) + np.eye(3, dtype=int)  # each tone in turn
    cost, keep = _member_cost(chord, doubled, 4, Limits(FOUR))
    cost = np.where(keep, cost, np.inf)
    assert int(np.argmin(cost)) == best
    assert cost[best] == 0.0
    assert (np.delete(cost, best) > 0).all()


def test_tendency_tones_are_never_doubled() -> None:
    chord = chord_of("V7")
    found = voicings(chord, (chord.bass,), Limits(FOUR))
    for tone in (5, 11):
        assert ((found.pitch % 12 == tone).sum(axis=1) <= 1).all()


@given(st.sampled_from(NUMERALS), st.integers(-6, 6))
def test_transposition_moves_voicings(numeral: str, fifths: int) -> None:
    """All keys have the same voicings, a number of semitones away."""
    shift = 7 * fifths % 12
    shift -= 12 * (shift > 6)
    home, away = (
        chord_of(numeral),
        Chord(0, 0, 0, 1920, RomanNumeral.parse(numeral), Key(fifths, "major")),
    )
    moved = tuple((low + shift, high + shift) for low, high in FOUR)
    one = voicings(home, (home.bass,), Limits(FOUR))
    two = voicings(away, (away.bass,), Limits(moved))
    assert {tuple(p + shift for p in row) for row in rows(one)} == rows(two)
    assert sorted(one.cost.round(9)) == sorted(two.cost.round(9))


def test_a_pinned_voice_has_its_pitch_and_the_rest_is_as_before() -> None:
    chord = chord_of("I")
    limits = Limits(FOUR)
    free = voicings(chord, (chord.bass,), limits)
    pinned = voicings(chord, (chord.bass,), limits.pinned(0, 72))
    assert rows(pinned) == {row for row in rows(free) if row[0] == 72}
    price = {tuple(row): cost for row, cost in zip(free.pitch.tolist(), free.cost, strict=True)}
    for row, cost in zip(pinned.pitch.tolist(), pinned.cost, strict=True):
        assert cost == pytest.approx(price[tuple(row)])


def test_voices_that_rest_are_silent() -> None:
    chord = chord_of("I")
    found = voicings(chord, (chord.bass,), Limits(FOUR), (True, False, True, True))
    assert len(found)
    assert (found.pitch[:, 1] == SILENT).all()
    assert (found.pitch[:, [0, 2, 3]] != SILENT).all()


def test_a_guest_stands_above_whatever_the_chord() -> None:
    """D over I: a suspension; the other three have the chord."""
    chord = chord_of("I")
    found = voicings(chord, (chord.bass,), Limits(FOUR), (), (74, 2))
    assert len(found)
    assert (found.pitch[:, 0] == 74).all()
    assert (found.spelling[:, 0] == 2).all()
    assert np.isin(found.pitch[:, 1:] % 12, [0, 4, 7]).all()


def test_what_a_melody_has_need_not_be_had_again() -> None:
    """Strands under a melody's leading tone do without it: they may not double it."""
    chord = chord_of("V7")
    limits = Limits(((55, 67), (50, 62), (43, 55)), (9, 14), distinct=True, complete=1)
    alone = voicings(chord, (chord.bass,), limits)
    under = voicings(chord, (chord.bass,), limits, (), None, (chord.leading or 0,))
    assert (alone.pitch % 12 == 11).any(axis=1).all()
    assert not (under.pitch % 12 == 11).any()


def test_spacing_may_be_broken_only_where_slack_is_given_and_at_a_cost() -> None:
    chord = chord_of("I")
    wide = ((72, 84), (48, 58), (43, 50), (36, 48))
    assert not len(voicings(chord, (chord.bass,), Limits(wide)))
    assert len(voicings(chord, (chord.bass,), Limits(wide, slack=True)))
    tight = voicings(chord, (chord.bass,), Limits(FOUR))
    slack = voicings(chord, (chord.bass,), Limits(FOUR, slack=True))
    assert rows(tight) < rows(slack)


def test_ranges_too_narrow_leave_nothing() -> None:
    chord = chord_of("V7")
    assert not len(voicings(chord, (chord.bass,), Limits(((67, 68), (65, 66), (60, 60), (43, 43)))))
