"""The checker on Bach: shipped rates, the published count, and every error looked up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from hybrid.core.score import Score
from hybrid.theory.checker import RULES, check
from hybrid.theory.explain import bach_rate
from hybrid.theory.slices import slice_score

PUBLISHED = {
    "parallel octaves": 0.0,
    "parallel fifths": 1.5,
    "direct fifths and octaves": 5.7,
    "range": 7.2,
    "tritone and seventh leaps": 13.7,
    "spacing": 20.9,
    "crossing": 31.3,
    "overlap": 68.1,
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    module: ModuleType = pytest.importorskip("benchmarks.bach_rates")
    return module


@pytest.fixture(scope="module")
def chorales(shared_data: Path) -> dict[str, Score]:
    module = pytest.importorskip("benchmarks.chorales")
    if not (shared_data / "roman_numerals" / "bach_chorales").is_dir():
        pytest.skip("needs the corpus roman_numerals")
    scores: dict[str, Score] = module.read_chorales(shared_data)
    return scores


def test_there_are_80_chorales_of_5980_slices(chorales: dict[str, Score]) -> None:
    assert len(chorales) == 80
    assert sum(len(slice_score(score)) for score in chorales.values()) == 5980


def test_published_figures_are_found_again(chorales: dict[str, Score], script: ModuleType) -> None:
    """By their own definitions, counted without the checker."""
    counts = script.count_as_published(chorales)
    found = {name: round(1000 * counts[name] / 5980, 1) for name in PUBLISHED}
    assert found == PUBLISHED


def test_shipped_rates_and_errors(chorales: dict[str, Score], script: ModuleType) -> None:
    findings = {name: check(score) for name, score in chorales.items()}
    counts = Counter(found.rule for group in findings.values() for found in group)
    for rule in RULES:
        assert bach_rate(rule) == pytest.approx(1000 * counts[rule] / 5980), rule
    errors = [(name, found.rule) for name, found in script.errors(findings)]
    assert sorted(errors) == sorted(script.VERDICTS)


def test_severity_follows_bach() -> None:
    """An error is what Bach does less than once in a thousand slices."""
    for rule in RULES.values():
        if rule.severity == "error":
            assert bach_rate(rule.id) < 1.0, rule.id


@pytest.mark.slow
def test_inferred_chords_agree_with_people(chorales: dict[str, Score], script: ModuleType) -> None:
    shares = script.chord_agreement(chorales)
    assert shares["held_out_root"] > 0.9
    assert shares["held_out_root_and_quality"] > 0.8
