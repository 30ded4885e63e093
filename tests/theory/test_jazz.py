"""The rule set of jazz voicings: what each rule finds, and what looks alike and is free."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score
from hybrid.theory.checker import check
from hybrid.theory.ruleset import load_rule_set

ScoreMaker = Callable[..., Score]
ChordMaker = Callable[..., tuple[ChordSpan, ...]]

#: Rootless and rooted voicings of ii-V-I, led as the books ask.
GOOD = ("F4 F4 E4", "C4 B3 B3", "D3 G2 C3")
CHORDS = "ii7 V7 I7"
CASES = [
    # rule, voices, chords, beat (None: nothing is found)
    ("guide_tones", GOOD, CHORDS, None),
    ("guide_tones", ("F4 F4 E4", "C4 D4 B3", "D3 G2 C3"), CHORDS, 2),  # the seventh rises
    ("guide_tones", ("F4 G4 E4", "C4 B3 B3", "D3 G2 C3"), CHORDS, None),  # a step of the third
    ("guide_tones", ("F4 B4 B4", "C4 B3 B3", "D3 G2 C3"), CHORDS, 2),  # the third leaps
    ("guide_tones", ("F4 F4 E4", "C4 A4 B3", "D3 F3 C3"), "ii7 IV I7", None),  # no fifth
    ("missing_guide_tone", GOOD, CHORDS, None),
    ("missing_guide_tone", ("F4 F4 E4", "A3 D4 B3", "D3 G2 C3"), CHORDS, 1),
    ("missing_guide_tone", ("D4 C4", "F3 F3", "G2 G2"), "V7:2", None),  # suspended, then gone
    ("minor_ninth", GOOD, CHORDS, None),
    ("minor_ninth", ("F5 E5", "E4 D4", "C3 C3"), "I7:2", 1),
    ("minor_ninth", ("Ab4 G4", "F4 F4", "G3 G3"), "V7:2", None),  # the flat ninth over the root
    ("minor_ninth", ("E4 D4", "Eb4 D4", "C3 C3"), "I7:2", None),  # a semitone is no ninth
    ("avoid_note", ("F4 E4", "B3 B3", "C3 C3"), "I7:2", 1),
    ("avoid_note", ("F4:1/2 E4:3/2", "B3:2", "C3:2"), "I7:2", None),  # short
    ("avoid_note", ("D4 D4", "B3 B3", "C3 C3"), "I7:2", None),  # a ninth
    ("avoid_note", ("Ab4 G4", "F4 F4", "G3 G3"), "V7:2", None),  # a tension of the dominant
    ("avoid_note", ("C5 B4", "F4 F4", "G3 G3"), "V7:2", 1),  # its fourth
    ("low_interval", ("G4 G4", "E2 E3", "C2 C3"), "I:2", 1),
    ("low_interval", ("G4 G4", "E3 E3", "C2 C2"), "I:2", None),  # a tenth
    ("close_top", ("C5 C5", "B4 A4", "E3 E3"), "I7:2", 1),
    ("wide_leap", ("C4 E5", "C4 B3", "C3 C3"), "I7:2", 2),
    ("inner_leap", ("C5 C5", "C4 B4", "E3 E3"), "I7:2", 2),
    ("crossing", ("C4 C4", "B3 E4", "C3 C3"), "I7:2", 2),
    ("spacing", ("C5 D5", "B3 C4", "C3 C3"), "I7:2", 1),
    ("range", ("B5 C5", "B4 B4", "C3 C3"), "I7:2", 1),
    ("doubled_seventh", ("B4 C5", "B3 G3", "E3 E3"), "I7:2", 1),
]


@pytest.mark.parametrize(("rule", "voices", "chords", "beat"), CASES)
def test_rules(
    score_of: ScoreMaker,
    chords_of: ChordMaker,
    rule: str,
    voices: tuple[str, ...],
    chords: str,
    beat: float | None,
) -> None:
    found = check(score_of(*voices), "jazz", chords=chords_of(chords))
    beats = [item.tick / 480 + 1 for item in found if item.rule == rule]
    assert beats[:1] == ([] if beat is None else [beat])


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in CASES if case[3]} == set(load_rule_set("jazz").rules)


def test_a_good_progression_is_clean(score_of: ScoreMaker, chords_of: ChordMaker) -> None:
    assert check(score_of(*GOOD), "jazz", chords=chords_of(CHORDS)) == ()


def test_chords_are_inferred_where_none_are_given(score_of: ScoreMaker) -> None:
    score = score_of("F4 F4 E4 E4", "C4 D4 B3 B3", "A3 B3 G3 G3", "D3 G2 C3 C3", key="C major")
    assert ("guide_tones", 480) in {(item.rule, item.tick) for item in check(score, "jazz")}
