"""The learned grammars that ship: they load, end, fit their table, and keep exact bars."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.plan import parse_chords
from hybrid.core.resources import resource_path
from hybrid.core.timeline import Metre
from hybrid.grammar.entropy import measures
from hybrid.grammar.form_samples import (
    GROUPS,
    _Walk,
    learned_forms,
    learned_grammars,
    load_learned,
    sample_chords,
    sample_form,
)
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.parse import Parser
from hybrid.grammar.sample import Sampler

FORMS = ("billboard-form", "pop909-form", "salami-functions", "salami-letters")
CHORDS = (
    "billboard-chords-major",
    "billboard-chords-minor",
    "pop909-chords-major",
    "pop909-chords-minor",
)
FIGURES = re.compile(
    r"test part, ends counted: ([\d.]+); unigram ([\d.]+), trigram (\d+\.\d+)", re.DOTALL
)


def test_names() -> None:
    assert learned_forms() == FORMS
    assert set(learned_grammars()) == {*FORMS, *CHORDS}


@pytest.mark.parametrize("name", [*FORMS, *CHORDS])
def test_grammars_end(name: str) -> None:
    found = measures(load_learned(name))
    assert found.is_consistent
    assert found.spectral_radius < 1


def test_all_together_are_small() -> None:
    files = list(resource_path("grammar", "learned").glob("*.txt"))
    assert sum(path.stat().st_size for path in files) < 200 * 1024


@pytest.mark.parametrize("name", [*FORMS, *CHORDS])
def test_figures_are_those_of_the_table(name: str, repository: Path) -> None:
    table = json.loads(
        (repository / "benchmarks" / "results" / "form_grammar.json").read_text(encoding="utf-8")
    )
    test = {
        row["model"]: row["bits per token, test"] for row in table["rows"] if row["corpus"] == name
    }
    text = resource_path("grammar", "learned", f"{name}.txt").read_text(encoding="utf-8")
    match = FIGURES.search(text)
    assert match is not None
    expected = [test["uses, as shipped"], test["unigram"], test["trigram"]]
    assert list(match.groups()) == [f"{value:.3f}" for value in expected]


@pytest.mark.parametrize("name", FORMS)
def test_form_grammars_beat_both_baselines(name: str, repository: Path) -> None:
    table = json.loads(
        (repository / "benchmarks" / "results" / "form_grammar.json").read_text(encoding="utf-8")
    )
    rows = [row for row in table["rows"] if row["corpus"] == name]
    shipped = next(row for row in rows if row["model"] == "uses, as shipped")
    assert shipped["not derived (test)"] == 0
    for row in rows:
        if row["model"] in ("unigram", "trigram"):
            assert shipped["bits per token, test"] < row["bits per token, test"]


@pytest.mark.parametrize("name", ["billboard-form", "pop909-form"])
@pytest.mark.parametrize("bars", [48, 81, 128])
def test_forms_have_exactly_the_bars(name: str, bars: int) -> None:
    form = sample_form(name, np.random.default_rng(bars), bars)
    assert sum(length or 0 for _, length in form) == bars
    assert form == sample_form(name, np.random.default_rng(bars), bars)
    assert form != sample_form(name, np.random.default_rng(bars + 1), bars)


def test_salami_has_labels_without_bars() -> None:
    form = sample_form("salami-functions", np.random.default_rng(3))
    assert form
    assert all(length is None for _, length in form)
    with pytest.raises(GrammarError, match="corpus has none"):
        sample_form("salami-functions", np.random.default_rng(3), 64)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("function", GROUPS)
def test_chords_fill_the_bars(function: str, mode: str) -> None:
    for metre, bars in (("4/4", 8), ("3/4", 4)):
        line = sample_chords(function, np.random.default_rng(7), bars, metre, mode=mode)
        chords = parse_chords(line, Metre.parse(metre), bars)
        assert chords[-1].end == bars * Metre.parse(metre).bar_quarters
        assert all(a.numeral != b.numeral for a, b in pairwise(chords))
        if metre == "3/4":
            assert all(chord.onset % 3 == 0 for chord in chords)


def test_short_chords_do_not_cross_bar_lines() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        for chord in parse_chords(sample_chords("verse", rng, 8), Metre.parse("4/4")):
            start = chord.onset % 4
            assert start == 0 or start + chord.duration <= 4 or chord.duration > 4


def test_pop909_phrases_have_chords() -> None:
    line = sample_chords("phrase", np.random.default_rng(1), 4, corpus="pop909")
    assert len(parse_chords(line, Metre.parse("4/4"))) >= 1


@pytest.mark.parametrize("name", CHORDS)
def test_every_chord_is_a_roman_numeral(name: str) -> None:
    for rule in load_learned(name).rules:
        for part in rule.rhs:
            if part.symbol.terminal and part.length:
                RomanNumeral.parse(part.symbol.name)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("nothing", 8), "function must be"),
        (("verse", 0), "bars must be 1"),
        (("phrase", 8), "function must be"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, int], match: str) -> None:
    with pytest.raises(GrammarError, match=match):
        sample_chords(arguments[0], np.random.default_rng(0), arguments[1])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(GrammarError, match="form must be one of"):
        sample_form("billboard-chords-major", np.random.default_rng(0))
    with pytest.raises(GrammarError, match="learned grammar must be"):
        load_learned("nothing")
    with pytest.raises(GrammarError, match="corpus and mode"):
        sample_chords("verse", np.random.default_rng(0), 8, corpus="salami")


def test_no_chord_is_longer_than_asked() -> None:
    line = sample_chords("verse", np.random.default_rng(5), 8, longest=1)
    chords = parse_chords(line, Metre.parse("4/4"))
    assert max(chord.duration for chord in chords) <= 4
    with pytest.raises(GrammarError, match="longest must be 1"):
        sample_chords("verse", np.random.default_rng(5), 8, longest=0)


def test_the_walk_has_the_samplers_probabilities() -> None:
    # Without conditions on places, both sum the same derivations of a total.
    grammar = read_grammar(
        """
        Section -> (0.5) Verse | (0.5) <any chord>
        Verse -> 'verse'[0] <any chord>
        <any chord> -> (0.7) One | (0.3) Four
        One -> <One bars> <One next>
        <One next> -> (0.6) Four | (0.2) One | (0.2) ε
        <One bars> -> (0.5) 'I'[1] | (0.5) <bars of I>
        <bars of I> -> (0.5) 'I'[2] | (0.5) 'I'[4]
        Four -> (0.8) 'IV'[1] <any chord> | (0.2) 'IV'[1]
        """
    )
    walk = _Walk(grammar, divided=False, longest=16, bars=7)
    exact = Sampler(grammar, length=7).log_evidence
    assert walk.logs[walk.total]["Section"] == pytest.approx(exact)
    rng = np.random.default_rng(0)
    drawn = Counter(tuple(walk.draw("Section", rng)) for _ in range(3000))
    parser = Parser(grammar)
    for tokens, count in drawn.most_common(3):
        text = [f"{name}[{length // 4}]" for name, length in tokens]
        plain, opened = (parser.log_likelihood(row) for row in (text, ["verse[0]", *text]))
        expected = np.exp(np.logaddexp(plain, opened) - exact)
        assert count / 3000 == pytest.approx(expected, abs=0.025)


def test_a_grammar_that_returns_without_time_is_refused() -> None:
    grammar = read_grammar("S -> (0.5) A | (0.5) 'x'[1]\nA -> (0.5) S | (0.5) 'y'[1] S")
    with pytest.raises(GrammarError, match="must take time"):
        _Walk(grammar, divided=False, longest=4, bars=2)
