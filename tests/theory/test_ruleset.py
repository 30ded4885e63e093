"""Rule sets: what ships, what a file may say, and what it may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid.core.analysis import SEVERITIES
from hybrid.core.errors import ConfigError
from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.score import Score, Track, make_notes
from hybrid.theory import tables
from hybrid.theory.checker import CHECKS, RULES, check
from hybrid.theory.ruleset import GROUPS, NEEDS, load_rule_set, shipped_rule_sets

ScoreMaker = Callable[..., Score]

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


def test_pop_has_the_hard_rules_between_lines_alone() -> None:
    pop, accompanied = load_rule_set("pop"), load_rule_set("accompanied")
    assert set(pop.rules) == set(accompanied.rules)
    assert pop.hard == accompanied.hard
    melody = Track("melody", make_notes([(0, 480, 76), (480, 480, 77)]))
    chords = [(0, 480, p) for p in (64, 67, 72)] + [(480, 480, p) for p in (65, 69, 72)]
    bass = {
        "doubled": Track("bass", make_notes([(0, 480, 40), (480, 480, 41)])),
        "own": Track("bass", make_notes([(0, 480, 48), (480, 480, 41)])),
    }

    def found(rules: str, lower: str) -> set[tuple[str, ...]]:
        score = Score((melody, Track("piano", make_notes(chords)), bass[lower]))
        hits = check(score, rules=rules, chords=())
        return {hit.voices for hit in hits if hit.rule == "parallel_octaves"}

    # The piano doubles the melody an octave below: meant so. A bass that does is a lost line.
    assert found("accompanied", "own") == {("melody", "piano/3")}
    assert found("pop", "own") == set()
    assert ("melody", "bass") in found("accompanied", "doubled")
    assert found("pop", "doubled") == {("melody", "bass")}


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
    shipped = {rule for name in shipped_rule_sets() for rule in load_rule_set(name).rules}
    assert sorted(decided) == sorted(shipped)


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
        ("[rules.new]\nname = 'New'", "a rule must be one of the set .* got 'new' .*rule new"),
        ("extends = 'chorale'\nonly = ['range', 'rang']", "only must name .* got 'rang'"),
        ("extends = 'chorale'\nonly = 'range'", "only must be a list, got 'range'"),
        ("extends = ['chorale']", "extends must be a text"),
        ("[rules.range]\nfrom = 'baroque'", "must be one of .* got 'baroque'"),
        ("[rules.range]\nfrom = 'fux1'", "from must name a set that has the rule, got 'fux1'"),
        ("[rules.range]\noff = true", "off must be said of a rule that the set has"),
        ("extends = 'chorale'\n[rules.range]\noff = 'yes'", "off must be true or false"),
        ("extends = 'chorale'\n[rules.range]\nname = 3", "name must be a text, got 3"),
        ("rules = 3", "rules must be a table, got 3"),
        ("rules = { range = 3 }", "rules.range must be a table, got 3"),
        (
            "extends = 'chorale'\n[rules.spacing.params]\nmax_uper = 3",
            "params must be among max_upper, got 'max_uper'",
        ),
        (
            "extends = 'chorale'\n[rules.spacing.params]\nmax_upper = 'P8'",
            "params.max_upper must be a whole number or a number, got 'P8'",
        ),
        (
            "extends = 'fux1'\n[rules.closing.params]\nabove = [1]",
            "params.above must be a text, got 1",
        ),
        (
            "extends = 'chorale'\n[rules.range.params]\nsoprano = ['G5', 'C4']",
            "a range must name the lower pitch first",
        ),
        ("extends = 'chorale'\n[rules.range.params]\nalto = ['H5', 'C4']", "got 'H5'"),
        ("extends = 'chorale'\n[rules.range.params]\nalto = 'C4'", "a range must be two pitches"),
        (
            "extends = 'chorale'\n[rules.range]\npattern = { kind = 'range' }",
            "a pattern must have an id of its own",
        ),
        ("[rules.x]\npattern = { kind = 'melodic', wider_than = 'P5' }", "must have a severity"),
        ("[rules.x]\nseverity = 'info'\npattern = 3", "a pattern must be a table whose kind"),
        (
            "[rules.x]\nseverity = 'info'\nparams = {}\n"
            "pattern = { kind = 'melodic', wider_than = 'P5' }",
            "must have no params",
        ),
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


# --- The example of docs/rule-sets.md -------------------------------------------------------


@pytest.fixture(scope="module")
def documented(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first TOML block of the page, as a file."""
    page = (repository / "docs" / "rule-sets.md").read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert block
    file = tmp_path_factory.mktemp("rules") / "school.toml"
    file.write_text(block[1], encoding="utf-8")
    return file


def test_the_documented_set_says_what_the_page_says(documented: Path) -> None:
    school = load_rule_set(documented)
    assert list(school.rules) == [
        *("range", "spacing", "crossing", "parallel_fifths", "parallel_octaves"),
        *("wide_leap", "unresolved_leading_tone", "leap_turn"),
        *("bare_fourths", "parallel_fourths", "rising_sixth"),
    ]
    assert school.rules["crossing"].severity == "error"
    assert school.rules["spacing"].params["max_upper"] == 10
    assert school.rules["range"].params["bass"] == ["F2", "C4"]
    assert school.rules["leap_turn"].severity == "warning"
    assert school.rules["bare_fourths"].checks == "Soprano and bass form a fourth on the bar line."
    assert "alto and tenor" in school.rules["parallel_fourths"].checks


def test_the_documented_set_finds_what_it_names(documented: Path, score_of: ScoreMaker) -> None:
    score = score_of("F4:4 D5 C5:3", "E4:4 E4:2 D4:2", "G3:4 B3:2 A3:2", "C3:4 C3:4")
    rules = load_rule_set(documented).only("spacing", "bare_fourths", "rising_sixth")
    assert [(found.rule, found.bar) for found in check(score, rules, chords=())] == [
        ("bare_fourths", 1),
        ("rising_sixth", 2),
    ]


def test_the_page_names_every_shipped_set(repository: Path) -> None:
    page = (repository / "docs" / "rule-sets.md").read_text(encoding="utf-8")
    for name in shipped_rule_sets():
        assert f"`{name}`" in page or name in ("fux2", "fux3", "fux4")
