"""The checker beside slow, plain definitions of the same rules that share no code with it.

The benchmarks do this on hundreds of edits; here a handful shows that both still agree.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._plain_rules import PLAIN_RULES
from benchmarks.bach_rates import labelled_chords
from benchmarks.chorales import read_chorale
from benchmarks.fux import read_exercises
from hybrid.core.seeds import stage_rng
from hybrid.theory.checker import RULES
from hybrid.theory.ruleset import load_rule_set


def test_species_agree_on_edited_lines() -> None:
    module = pytest.importorskip("benchmarks.planted_species")
    exercises = [
        module.two_of(item)
        for item in read_exercises()
        if item.n_voices == 2 and len(item.species) == 1
    ]
    n_wrong = 0
    for kind, function in module.EDITS.items():
        rng = stage_rng(2, "plain definitions", kind)
        for _ in range(8):
            two = exercises[int(rng.integers(len(exercises)))]
            edited = module.Two(two.cantus, function(two, rng), two.species)
            known = load_rule_set(module.SETS[two.species]).rules
            plain = {item for item in module.wrongs(edited) if item.rule in known}
            found = {item for item in module.checked(edited) if item.rule in module.DECIDED}
            assert found == plain, edited
            n_wrong += len(plain)
    assert n_wrong > 40


def test_chorales_agree_on_edited_bars(shared_data: Path) -> None:
    module = pytest.importorskip("benchmarks.planted_mistakes")
    if not (shared_data / "roman_numerals" / "bach_chorales").is_dir():
        pytest.skip("needs the corpus roman_numerals")
    folder = shared_data / "roman_numerals" / "bach_chorales"
    files = sorted(folder.glob("*/score.mxl"))[:12:4]
    pieces = []
    for file in files:
        name = file.parent.name.rsplit("_", 1)[-1]
        score = read_chorale(file)
        pieces.append(module.Piece.of(name, score, labelled_chords(name, score)))
    for kind, function in module.RANDOM_EDITS.items():
        rng = stage_rng(2, "plain definitions", kind)
        edit = None
        while edit is None:
            edit = function(pieces[0], pieces, rng)
        found = {item for item in module.checked(edit.piece) if item.rule in module.DECIDED}
        assert found == module.plain_findings(edit.piece), kind


def test_plain_definitions_are_of_rules_that_are_there() -> None:
    assert set(RULES) >= PLAIN_RULES
