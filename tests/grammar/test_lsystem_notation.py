"""The text form of L-systems: round trips, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.lsystem_notation import (
    format_lsystem,
    load_lsystem,
    lsystem_names,
    lsystem_text,
    parse_lsystem,
    read_lsystem,
)
from hybrid.grammar.lsystem_read import read


@pytest.mark.parametrize("name", lsystem_names())
def test_library_reads_writes_and_runs(name: str) -> None:
    system = load_lsystem(name)
    assert system.name == name
    assert system.title
    assert system.source
    again = parse_lsystem(format_lsystem(system))
    assert again == system
    derivation = system.derive(system.steps, stage_rng(3, name))
    assert again.derive(system.steps, stage_rng(3, name)).last == derivation.last
    for reading in system.readings:
        if reading not in ("turtle", "motif"):
            assert read(derivation, reading)


def test_every_part_of_a_rule() -> None:
    where = "A(x) < B(y) > [C(z)]D : x*y > c"
    head = "axiom: A(1)\ndefine: c = 1/2\nignore: + -"
    text = f"{head}\n{where} -> (1/4) B(z)[F+]\n{where} -> (3/4) ε"
    rule = parse_lsystem(text).rules[0]
    assert str(rule) == "A(x) < B(y) > [C(z)]D : x*y > c -> (1/4) B(z)[F+]"
    assert [str(pattern) for pattern in rule.right] == ["[", "C(z)", "]", "D"]
    assert rule.line == 4


def test_stars_stand_for_nothing() -> None:
    plain = parse_lsystem("axiom: A\nA -> B")
    assert parse_lsystem("axiom: A\n* < A > * : * -> B") == plain


@pytest.mark.parametrize("successor", ["", "ε"])
def test_empty_successor_erases(successor: str) -> None:
    assert parse_lsystem(f"axiom: ABA\nA -> {successor}").text(1) == "B"


def test_words_and_comments() -> None:
    system = parse_lsystem("# a song\nsymbols: words\naxiom: Verse[Bridge] # end\nVerse -> V7 I")
    assert [module.symbol for module in system.derive(1).last] == ["V7", "I", "[", "Bridge", "]"]


def test_signs_are_symbols() -> None:
    system = parse_lsystem("axiom: F-F|\nF -> F-F\n- -> +")
    assert system.text(1) == "F-F+F-F|"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("A -> B", "must have a line 'axiom"),
        ("axiom: A\naxiom: B", "line 2: 'axiom' is given twice"),
        ("axiom:", "line 1: 'axiom' must have a value"),
        ("axiom: A\nA = B", "line 2: expected 'key: value'"),
        ("axiom: A\n-> B", "line 2: a rule must have a symbol"),
        ("axiom: A\nAB -> C", "line 2: a rule rewrites exactly one symbol, got 'AB'"),
        ("axiom: A\n < A -> C", "line 2: the left context must not be empty"),
        ("axiom: A\nA(x -> C", "line 2: expected '->' outside parentheses"),
        ("axiom: A\nA(x) -> C(x", "line 2: unclosed parenthesis"),
        ("axiom: A\nA(x) -> C(x,)", "line 2: a parameter is missing"),
        ("axiom: A\nA(2) -> C", "line 2: a parameter name must be"),
        ("axiom: A\nA(min) -> C", "line 2: a parameter name must be an unreserved"),
        ("axiom: A\nA(x,x) -> C", "line 2: .*'x' is named twice"),
        ("axiom: A\nA -> C(y)", "line 2: .*reads unknown name 'y'"),
        ("axiom: A\nA -> [B", "line 2: .*brackets must be balanced"),
        ("axiom: A]\nA -> B", "axiom: brackets must be balanced"),
        ("axiom: A\n[ -> B", "line 2: .*a bracket cannot be rewritten"),
        ("axiom: A\nB[ < A -> B", "line 2: .*left context cannot have brackets"),
        ("axiom: A\nA > [B -> C", "line 2: .*right context: brackets must be balanced"),
        ("axiom: A\nA -> (0.5) B", "line 2: probabilities of 'A' .* got 0.5 = 0.5"),
        ("axiom: A\nA -> B\nA -> C", "add up to 1, got 1 \\+ 1 = 2"),
        ("axiom: A\nA -> (1.5) B\nA -> (0 - 0.5) C", "must be in 0..1"),
        ("axiom: A\nA : x > -> B", "line 2: .*ends too early"),
        ("axiom: A\nconstants: A\nA -> B", "constant 'A' must have no rule"),
        ("axiom: A\nconstants: B\nA -> C", "symbol 'C' must be a constant or have a rule"),
        ("axiom: A\ndefine: x = 1\nA(x) -> B", "'x' is also a defined number"),
        ("axiom: A\ndefine: x", "line 2: define must be 'name = value"),
        ("axiom: A\nsteps: many", "line 2: steps must be a whole number"),
        ("axiom: A\nsymbols: runes", "line 2: symbols must be one of letters, words"),
        ("axiom: A(1/0)", "line 1: axiom: .*has no value"),
        ("axiom: A\nA -> B>C", "line 2: unexpected '>'"),
        ("axiom: A\nform: A = A, A = B", "line 2: form: 'A' is given twice"),
    ],
)
def test_malformed_text_names_the_line(text: str, match: str) -> None:
    with pytest.raises(GrammarError, match=match):
        parse_lsystem(text, "test.txt")


def test_unknown_name_lists_the_library() -> None:
    with pytest.raises(GrammarError, match=r"one of aaba, .*hilbert.*; got 'nothing'"):
        lsystem_text("nothing")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(lsystem_text("algae"), encoding="utf-8")
    assert read_lsystem(path) == load_lsystem("algae")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GrammarError, match="must be readable UTF-8"):
        read_lsystem(path)
    with pytest.raises(GrammarError, match="must be readable"):
        read_lsystem(tmp_path / "absent.txt")
