"""Rules in words, Bach's rates, and the page of the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.analysis import Finding
from hybrid.core.errors import ConfigError
from hybrid.theory.checker import RULES
from hybrid.theory.explain import (
    bach_rate,
    beside_bach,
    explain,
    list_rule_sets,
    list_rules_of,
    one_line,
)
from hybrid.theory.ruleset import load_rule_set, shipped_rule_sets


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_explained(rule: str) -> None:
    text = explain(rule)
    assert text.startswith(f"{RULES[rule].name} ({rule}; {RULES[rule].severity}")
    for part in ("What:", "Why:", "Mend:", "Bach:", "From:"):
        assert f"\n  {part}" in text
    line = one_line(rule)
    assert line.startswith(RULES[rule].name)
    assert "\n" not in line


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="rule must be in the set 'chorale', got 'jazz'"):
        explain("jazz")
    with pytest.raises(ConfigError, match="counted in Bach, got 'jazz'"):
        bach_rate("jazz")


def test_rates_are_per_thousand_slices() -> None:
    assert bach_rate("parallel_octaves") == 0.0
    assert bach_rate("crossing") == pytest.approx(1000 * 159 / 5980)
    assert bach_rate("crossing", with_labels=True) == bach_rate("crossing")
    assert bach_rate("missing_third", with_labels=True) != bach_rate("missing_third")


def test_a_piece_stands_beside_bach() -> None:
    finding = Finding("parallel_octaves", "error", 1, 1.0, 0, ("soprano", "bass"), "C3-C5")
    rows = {row.rule: row for row in beside_bach([finding] * 2, n_slices=500)}
    assert (rows["parallel_octaves"].findings, rows["parallel_octaves"].rate) == (2, 4.0)
    assert rows["parallel_octaves"].bach == 0.0
    assert rows["crossing"].findings == 0
    assert "unequal_fifths" not in rows  # neither the piece nor Bach breaks it
    assert list(rows) == [rule for rule in RULES if rule in rows]


def test_the_pages_of_the_rules_are_fresh(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))
    import rules_table  # type: ignore[import-not-found]

    pages = rules_table.pages()
    for name, text in pages.items():
        on_disk = (repository / "docs" / name).read_text(encoding="utf-8")
        assert on_disk == text, f"{name}: run python tools/rules_table.py"
    shipped = {rule for name in shipped_rule_sets() for rule in load_rule_set(name).rules}
    whole = "".join(pages.values())
    assert [rule for rule in shipped if f"### {rule}\n" not in whole] == []


def test_sets_and_rules_are_listed() -> None:
    listed = list_rule_sets().splitlines()
    assert [line.split()[0] for line in listed[1:]] == list(shipped_rule_sets())
    assert any("  12  Voicings of jazz" in line for line in listed)
    lines = list_rules_of(load_rule_set("fux1")).splitlines()
    assert lines[0].startswith("fux1: Species counterpoint")
    assert ["clausula", "error", "treatise", "Clausula"] in [line.split() for line in lines]


def test_rules_that_bach_was_not_counted_for_have_no_rate_of_his() -> None:
    rules = load_rule_set("fux1")
    finding = Finding("clausula", "error", 1, 1.0, 0, ("a", "b"), "text")
    (row,) = [row for row in beside_bach([finding], 10, rules) if row.rule == "clausula"]
    assert (row.rate, row.bach) == (100.0, None)


def test_the_basis_of_a_rule_is_explained() -> None:
    text = explain("falling_sixth", load_rule_set("fux1"))
    assert text.endswith("he differs from Fux here (a convention of teaching)")
    assert "values = 1/2 1@1/2" in explain("note_values", load_rule_set("fux4"))
