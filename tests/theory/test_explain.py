"""Rules in words, Bach's rates, and the page of the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.analysis import Finding
from hybrid.core.errors import ConfigError
from hybrid.theory.checker import RULES
from hybrid.theory.explain import bach_rate, beside_bach, explain, one_line
from hybrid.theory.ruleset import load_rule_set


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


def test_the_page_of_the_rules_is_fresh(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))
    import rules_table  # type: ignore[import-not-found]

    page = (repository / "docs" / "rules.md").read_text(encoding="utf-8")
    assert page == rules_table.page(load_rule_set("chorale")), "run python tools/rules_table.py"
    for rule in RULES:
        assert f"### {rule}\n" in page
