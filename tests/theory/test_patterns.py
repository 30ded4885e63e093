"""Rules that a set declares by a pattern: what each kind finds, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.theory.checker import check
from hybrid.theory.patterns import GROUP_OF_KIND, parse_interval, parse_pattern
from hybrid.theory.ruleset import Rule, RuleSet

ScoreMaker = Callable[..., Score]
TPQ = 480


def rule_set(pattern: dict[str, Any]) -> RuleSet:
    parsed = parse_pattern(pattern, "here")
    texts = ("name", "checks", "why", "mend", "source")
    rule = Rule(
        id="own",
        group=GROUP_OF_KIND[parsed.kind],
        needs="notes",
        severity="warning",
        hard=False,
        params={},
        pattern=parsed,
        **dict.fromkeys(texts, "a text"),
    )
    return RuleSet("own", "", {"own": rule})


@pytest.mark.parametrize(
    ("voices", "pattern", "beats"),
    [
        # --- vertical
        (("G4 F4 E4", "C4 C4 C4"), {"kind": "vertical", "intervals": ["P4"]}, [2]),
        (("G4 F5 E4", "C4 C4 C4"), {"kind": "vertical", "intervals": ["P4"]}, [2]),
        (
            ("G4 F5 E4", "C4 C4 C4"),
            {"kind": "vertical", "intervals": ["P4"], "exact": True},
            [],
        ),
        (("G4 F5 E4", "C4 C4 C4"), {"kind": "vertical", "intervals": ["P11"]}, [2]),
        # A diminished fourth sounds like a major third and is another interval.
        (("Ab4 F4", "E4 F4"), {"kind": "vertical", "intervals": ["M3"]}, []),
        (("Ab4 F4", "E4 F4"), {"kind": "vertical", "intervals": ["d4"]}, [1]),
        (("B4 F5", "F4 B4"), {"kind": "vertical", "intervals": ["TT"]}, [1, 2]),
        (("B4 F5", "F4 B4"), {"kind": "vertical", "intervals": ["A4"]}, [1]),
        (
            ("F4 F4 F4 F4 F4", "C4 C4 C4 C4 C4"),
            {"kind": "vertical", "intervals": ["P4"], "at": "bar"},
            [1, 5],
        ),
        (
            ("F4:1/2 F4:1/2 F4", "C4:1/2 C4:1/2 C4"),
            {"kind": "vertical", "intervals": ["P4"], "at": "beat"},
            [1, 2],
        ),
        (
            ("C5 F4 C5", "E4 D4 F4", "C4 C4 C4"),
            {"kind": "vertical", "intervals": ["P4"], "voices": "outer"},
            [2],
        ),
        (
            ("C5 F4 C5", "E4 D4 F4", "C4 C4 C4"),
            {"kind": "vertical", "intervals": ["P4"], "voices": "adjacent"},
            [3],
        ),
        (
            ("C5 F4 C5", "E4 D4 F4", "C4 C4 C4"),
            {"kind": "vertical", "intervals": ["P4"], "voices": ["Tenor", "bass"]},
            [3],
        ),
        # --- melodic
        (("C4 A4 C4", "C3:3"), {"kind": "melodic", "intervals": ["M6"]}, [2, 3]),
        (
            ("C4 A4 C4", "C3:3"),
            {"kind": "melodic", "intervals": ["M6"], "direction": "down"},
            [3],
        ),
        (("C4 G4 A5", "C3:3"), {"kind": "melodic", "wider_than": "P8"}, [3]),
        (("C4 G4 G5", "C3:3"), {"kind": "melodic", "wider_than": "P8"}, []),
        (
            ("C4 G4 A5", "C3 D4 C3"),
            {"kind": "melodic", "wider_than": "P8", "voices": ["bass"]},
            [2, 3],
        ),
        # --- parallel
        (("F4 G4 A4 B4", "C4 D4 E4 E4"), {"kind": "parallel", "intervals": ["P4"]}, [2, 3]),
        (
            ("F4 G4 A4 B4", "C4 D4 E4 E4"),
            {"kind": "parallel", "intervals": ["P4"], "max_in_row": 2},
            [3],
        ),
        (("E4 F4 G4", "C4 D4 E4"), {"kind": "parallel", "intervals": ["M3"]}, []),
        (
            ("E4 F4 G4", "C4 D4 E4"),
            {"kind": "parallel", "intervals": ["M3", "m3"], "max_in_row": 1},
            [2, 3],
        ),
        (("F4 F5", "C4 C5"), {"kind": "parallel", "intervals": ["P4"]}, []),  # octave leaps
        # --- range, compass, values
        (
            ("C4 D5 E5", "C3:3"),
            {"kind": "range", "limits": {"Soprano": ["D4", "D5"], "flute": ["C4", "C7"]}},
            [1, 3],
        ),
        (("C4 D5 C4", "C3:3"), {"kind": "compass", "widest": "P8"}, [2]),
        (("C4 C5 C4", "C3:3"), {"kind": "compass", "widest": "P8"}, []),
        (("C4 D4:1/2 E4:3/2", "C3:3"), {"kind": "values", "allowed": [1, "1/2", 3]}, [2.5]),
    ],
)
def test_kinds(
    score_of: ScoreMaker, voices: tuple[str, ...], pattern: dict[str, Any], beats: list[float]
) -> None:
    found = check(score_of(*voices), rule_set(pattern), chords=())
    assert [item.tick / TPQ + 1 for item in found] == beats


def test_a_finding_says_what_was_found(score_of: ScoreMaker) -> None:
    (found,) = check(
        score_of("G4 F5", "C4 C4"), rule_set({"kind": "vertical", "intervals": ["P4"]}), chords=()
    )
    assert str(found) == "warning: own at bar 1 beat 2 (soprano, bass): C4-F5, P11"


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ({"kind": "diagonal"}, "kind is one of vertical"),
        ([], "kind is one of vertical"),
        ({"kind": "vertical"}, "must have of .* got no 'intervals'"),
        ({"kind": "vertical", "intervals": []}, "at least one item"),
        ({"kind": "vertical", "intervals": "P4"}, "at least one item"),
        ({"kind": "vertical", "intervals": ["P3"]}, "an interval must be .* got 'P3'"),
        ({"kind": "vertical", "intervals": [5]}, "an interval must be .* got 5"),
        ({"kind": "vertical", "intervals": ["P4"], "at": "dawn"}, "at must be one of attack"),
        ({"kind": "vertical", "intervals": ["P4"], "exact": 1}, "exact must be one of true"),
        ({"kind": "vertical", "intervals": ["P4"], "voices": ["a"]}, "or two names, got"),
        ({"kind": "vertical", "intervals": ["P4"], "voices": "inner"}, "voices must be one of any"),
        ({"kind": "melodic"}, "either intervals or wider_than"),
        ({"kind": "melodic", "intervals": ["P4"], "wider_than": "P4"}, "either intervals or"),
        ({"kind": "melodic", "wider_than": "P5", "voices": "outer"}, "any or a list of names"),
        ({"kind": "melodic", "wider_than": "P5", "direction": "north"}, "direction must be one of"),
        ({"kind": "parallel", "intervals": ["P4"], "max_in_row": 0}, "a whole number from 1"),
        ({"kind": "parallel", "intervals": ["P4"], "max_in_row": True}, "a whole number from 1"),
        ({"kind": "range", "limits": {"a": ["C4"]}}, "two pitches, got"),
        ({"kind": "range", "limits": {"a": ["C5", "C4"]}}, "the lower pitch first"),
        ({"kind": "range", "limits": 3}, "limits must be a table"),
        ({"kind": "values", "allowed": ["long"]}, "a note value must be quarters .* got 'long'"),
        ({"kind": "values", "allowed": [0]}, "a note value must be quarters .* got 0"),
        ({"kind": "values", "allowed": [1], "voice": ["a"]}, "got 'voice'"),
    ],
)
def test_bad_patterns_are_refused_in_one_line(pattern: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        parse_pattern(pattern, "here")
    assert "\n" not in str(caught.value)
    assert "(here" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "semitones"),
    [("P1", 0), ("m2", 1), ("A4", 6), ("d5", 6), ("d7", 9), ("P8", 12), ("m9", 13), ("P12", 19)],
)
def test_intervals(name: str, semitones: int) -> None:
    assert parse_interval(name, "here").semitones == semitones
