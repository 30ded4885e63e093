"""Rule sets: what ships, what a file may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.analysis import SEVERITIES
from hybrid.core.errors import ConfigError
from hybrid.core.instruments import INSTRUMENTS
from hybrid.theory import tables
from hybrid.theory.checker import CHECKS, RULES, check
from hybrid.theory.ruleset import GROUPS, NEEDS, load_rule_set, shipped_rule_sets

SCHOOL = """
name = "school"
title = "First year"
extends = "chorale"

[rules.crossing]
severity = "error"

[rules.overlap]
off = true

[rules.range.params]
soprano = ["C4", "G5"]
"""


def test_chorale_ships() -> None:
    assert "chorale" in shipped_rule_sets()
    assert dict(load_rule_set("chorale").rules) == RULES


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_says_everything(rule: object) -> None:
    for field in ("name", "checks", "why", "mend", "source"):
        text = getattr(rule, field)
        assert text
        assert text == text.strip()
    assert getattr(rule, "severity") in SEVERITIES  # noqa: B009
    assert getattr(rule, "group") in GROUPS  # noqa: B009
    assert getattr(rule, "needs") in NEEDS  # noqa: B009


def test_every_rule_is_decided_by_one_check() -> None:
    decided = [rule for _, rules in CHECKS for rule in rules]
    assert sorted(decided) == sorted(RULES)


def test_hard_rules_are_those_of_the_engine() -> None:
    assert set(tables.HARD_RULES) == {
        "range",
        "parallel_fifths",
        "parallel_octaves",
        "parallel_unisons",
        "augmented_second",
        "unresolved_leading_tone",
        "unresolved_seventh",
    }


def test_parallels_are_errors() -> None:
    for rule in ("parallel_fifths", "parallel_octaves", "parallel_unisons"):
        assert tables.SEVERITY[rule] == "error"


@pytest.mark.parametrize("voice", tables.VOICES)
def test_ranges_are_those_of_the_instruments(voice: str) -> None:
    instrument = INSTRUMENTS[voice]
    assert tables.RANGES[voice] == (instrument.lowest, instrument.highest)


def test_sources_are_cited_in_words() -> None:
    assert RULES["parallel_fifths"].source.startswith(
        "Aldwell, Schachter & Cadwallader (2011), ch. 6"
    )
    assert any("Fux" in reference for reference in load_rule_set("chorale").references)


def test_a_set_may_extend_another(tmp_path: Path) -> None:
    file = tmp_path / "school.toml"
    file.write_text(SCHOOL, encoding="utf-8")
    school = load_rule_set(file)
    assert (school.name, school.title) == ("school", "First year")
    assert school.rules["crossing"].severity == "error"
    assert "overlap" not in school.rules
    assert school.rules["range"].params["soprano"] == ["C4", "G5"]
    assert school.rules["range"].params["bass"] == ["E2", "D4"]
    assert load_rule_set("chorale").rules["crossing"].severity == "warning"


def test_a_set_decides_what_is_found(tmp_path: Path, score_of: object) -> None:
    file = tmp_path / "school.toml"
    file.write_text(SCHOOL, encoding="utf-8")
    score = score_of("A5 G5", "G4 A4", "E4 F4", "C3 D3")  # type: ignore[operator]
    plain = {found.rule: found.severity for found in check(score, chords=())}
    school = {found.rule: found.severity for found in check(score, rules=file, chords=())}
    assert "range" not in plain
    assert school["range"] == "warning"


def test_a_set_may_be_cut_down() -> None:
    small = load_rule_set("chorale").only("crossing", "range")
    assert list(small.rules) == ["crossing", "range"]
    assert small.hard == ("range",)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('nam = "x"', "keys must be among .* got nam"),
        ("[rules.crossing]\nseverty = 'error'", "got severty .*rule crossing"),
        ("extends = 'chorale'\n[rules.crossing]\nseverity = 'fatal'", "severity must be one of"),
        ("extends = 'baroque'", "rule set must be one of .* got 'baroque'"),
        ("[rules.new]\nname = 'New'", "a new rule must have .* rule new"),
        ("name = ", "must be valid TOML"),
        ("[sources]\nASC = 'a book'", "short and a full citation"),
    ],
)
def test_bad_sets_are_refused(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=match):
        load_rule_set(file)


@pytest.mark.parametrize("name", ["nonsense", "../chorale", ""])
def test_unknown_sets_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="rule set must be one of"):
        load_rule_set(name)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"readable TOML file, got .*none\.toml"):
        load_rule_set(tmp_path / "none.toml")


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="rule must be in the set 'chorale', got 'jazz'"):
        load_rule_set("chorale").only("jazz")
