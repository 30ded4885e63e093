"""The text notation: what every course writes reads as written, and comes back the same."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol
from hybrid.grammar.notation import format_grammar, load_grammar, read_grammar

ENGLISH = """
S -> NP VP
NP -> Det N | Det N PP | 'I'
VP -> V NP | VP PP
PP -> P NP
Det -> 'an' | 'my'
N -> 'elephant' | 'pajamas'
V -> 'shot'
P -> 'in'
"""
MELODY = """
Melody   -> (0.4) Phrase | (0.6) Phrase Melody
Phrase   -> (0.5) Pitch Duration | (0.5) Pitch Pitch Duration
Pitch    -> (0.25) C | (0.25) D | (0.25) E | (0.25) G
Duration -> (0.5) quarter | (0.5) half
"""


def test_the_english_sentence_grammar_reads_as_written() -> None:
    grammar = read_grammar(ENGLISH)
    assert grammar.kind == "plain"
    assert grammar.start == "S"
    assert grammar.nonterminals == ("S", "NP", "VP", "PP", "Det", "N", "V", "P")
    assert grammar.terminals == ("I", "an", "my", "elephant", "pajamas", "shot", "in")
    assert [r.probability for r in grammar.alternatives("NP")] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(
    "line",
    ["S -> NP VP [0.6] | VP [0.4]", "S → (0.6) NP VP | (0.4) VP", "S ::= (3/5) NP VP|(2/5) VP"],
)
def test_the_probabilistic_english_form_reads_in_every_usual_spelling(line: str) -> None:
    grammar = read_grammar(f"{line}\nNP -> she\nVP -> sings")
    assert grammar.kind == "probabilistic"
    assert [r.probability for r in grammar.alternatives("S")] == [0.6, 0.4]
    assert [s.name for s in grammar.rules[0].symbols] == ["NP", "VP"]


def test_the_melody_grammar_reads_as_written() -> None:
    grammar = read_grammar(MELODY)
    phrase = grammar.alternatives("Phrase")
    assert [r.probability for r in phrase] == [0.5, 0.5]
    assert [s.name for s in phrase[1].symbols] == ["Pitch", "Pitch", "Duration"]
    assert grammar.terminals == ("C", "D", "E", "G", "quarter", "half")


def test_unquoted_symbols_are_terminals_only_if_they_stand_left_of_no_arrow() -> None:
    grammar = read_grammar("A -> 'A' A b | b")
    assert grammar.rules[0].symbols == (Symbol("A", True), Symbol("A"), Symbol("b", True))


def test_deterministic_and_plain_and_probabilistic_are_told_apart() -> None:
    assert read_grammar("S -> A A\nA -> a").kind == "deterministic"
    assert read_grammar("S -> a | b").kind == "plain"
    assert read_grammar("S -> (0.5) a | (0.5) b").kind == "probabilistic"
    assert read_grammar("S -> a/2 a/2").kind == "temporal"


def test_lines_continue_after_a_bar_before_a_bar_and_when_indented() -> None:
    one = read_grammar("S -> (0.2) a b | (0.3) c | (0.5) ε")
    for text in (
        "S -> (0.2) a b |\n  (0.3) c\n  | (0.5) ε",
        "S -> (0.2) a\n   b\n| (0.3) c  # a comment\n\n| (0.5) ''",
        "S ->\n | (0.2) a b\n | (0.3) c\n | (0.5) ε",
        'S -> (0.2) a b\nS -> (0.3) c | (0.5) ""',
    ):
        assert read_grammar(text) == one


def test_comments_and_sharps_are_told_apart() -> None:
    grammar = read_grammar("# head\nS -> F# '#4' # a tail\n  # more\n")
    assert grammar.terminals == ("F#", "#4")


def test_names_of_music_need_no_quotes() -> None:
    grammar = read_grammar("A' -> V7 bII i° A'' x-y C:7")
    assert grammar.start == "A'"
    assert grammar.terminals == ("V7", "bII", "i°", "A''", "x-y", "C:7")


def test_lengths_shares_keys_conditions_and_lets_are_read() -> None:
    grammar = read_grammar(
        """%minimum 1/4
        %duration 12
        %key A minor
        I -> (0.5) II:1/4 V/4 I@VI/2 | (0.5, >= 1, < 8) let x = I/2 in x x
        """.replace("I@VI/2", "I/2 @ VI")
        + "II -> ii[3/2]\nV -> v"
    )
    first, second = grammar.alternatives("I")
    assert [p.share for p in first.rhs] == [Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)]
    assert first.rhs[2].degree == "VI"
    assert (second.at_least, second.below) == (Fraction(1), Fraction(8))
    assert [p.label for p in second.rhs] == ["x", "x"]
    assert grammar.alternatives("II")[0].rhs[0].length == Fraction(3, 2)
    assert (grammar.minimum, grammar.duration, grammar.key) == (
        Fraction(1, 4),
        Fraction(12),
        "A minor",
    )


def test_two_variables_may_stand_in_one_let() -> None:
    grammar = read_grammar("S -> let x = A/4 ; y = 'b'/4 in x y x y\nA -> a")
    assert [p.label for p in grammar.rules[0].rhs] == ["x", "y", "x", "y"]
    assert grammar.rules[0].rhs[1].symbol == Symbol("b", True)


def test_weights_are_normalised_only_when_asked() -> None:
    grammar = read_grammar("%weights\nS -> (3) a | (1) b")
    assert [r.probability for r in grammar.rules] == [0.75, 0.25]
    with pytest.raises(GrammarError, match=r"line 1: probability must be in 0..1, got 3"):
        read_grammar("S -> (3) a | (1) b")


def test_a_start_symbol_can_be_named() -> None:
    assert read_grammar("%start B\nA -> a\nB -> A A").start == "B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S -> (0.5) a | (0.4) b", r"line 1: probabilities of S must add up to 1, got 0\.9"),
        ("S -> T\nT -> (0.5) a\n   | (0.6) b", r"line 2: probabilities of T .* got 1\.1"),
        ("S -> (0.5) a | b", r"line 1: either all alternatives of S carry a probability"),
        ("S -> (x) a", r"line 1: probability must be a number or a fraction, got 'x'"),
        ("S -> (-1) a | (2) b", r"line 1: weight must be 0 or more, got -1 for S"),
        ("S -> a | ", r"line 1: alternative of S is empty; write ε"),
        ("S -> a\nT ->\nU -> b", r"line 2: alternative of T is empty"),
        ("S -> | a", r"line 1: alternative of S is empty"),
        ("S a b", r"line 1: a rule needs an arrow '->', got 'S a b'"),
        ("S T -> a b", r"line 1: a rule needs one symbol left of '->', got 'S T -> a b'"),
        ("S -> (0.5 a", r"line 1: parenthesis is never closed in '\(0.5'"),
        ("S -> <a b", r"line 1: angle bracket is never closed in '<a'"),
        ("S -> 'a b", r"line 1: quote is never closed"),
        ("S -> <X> a", r"line 1: nonterminal X has no rule"),
        ("S -> S a", r"line 1: every symbol must derive a string .* but S derives none"),
        ("S -> a | T\nT -> U\nU -> T", r"line 2: every symbol .* but T, U derive none"),
        ("S -> a | b | a", r"S has the same alternative twice: 'a'"),
        ("S -> a ε", r"line 1: ε must stand alone"),
        ("S -> a (0.5) b", r"line 1: a probability must stand first"),
        ("S -> [8]", r"line 1: '\[8\]' must follow a symbol without a space"),
        ("S -> a[x]", r"line 1: length of a must be a number or a fraction, got 'x'"),
        ("S -> a[-1]", r"line 1: length must be 0 or more"),
        ("S -> a/2 b/3", r"line 1: shares must add up to 1, got 5/6 in 'a'/2 'b'/3"),
        ("S -> a:2/3 b:2/3 c", r"line 1: shares must leave something .* unmarked parts, got 4/3"),
        ("S -> a/2[4] b/2", r"line 1: give a share or a length, not both"),
        ("S -> let x a", r"line 1: 'let' must read on one line|line 1: alternative of S is empty"),
        ("S -> (0.5, > 2) a | (0.5) b", r"line 1: condition must read '>= 2' or '< 2', got '> 2'"),
        ("%foo\nS -> a", r"line 1: directive must be one of %start, .* got '%foo'"),
        ("%minimum x\nS -> a", r"line 1: %minimum must be a number"),
        ("%key H\nS -> a", r"line 1: key must read like 'Eb major' or 'g', got 'H'"),
        ("%minimum 0\nS -> a", r"%minimum must be above 0, got 0"),
        ("%start X\nS -> a", r"start symbol must stand left of an arrow, got 'X'"),
        ("%terminals a b\nS -> a c", r"line 2: symbol c has no rule and is not among"),
        ("", r"a grammar needs at least one rule"),
        ("# nothing\n", r"a grammar needs at least one rule"),
        ("S -> I @", r"line 1: '@' must follow a symbol and name a degree"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        read_grammar(text)


def test_unreachable_symbols_are_named() -> None:
    assert read_grammar("S -> a\nT -> U\nU -> b").unreachable == ("T", "U")


def test_a_grammar_is_checked_when_built_by_hand_too() -> None:
    with pytest.raises(GrammarError, match="only a temporal grammar"):
        Grammar((Rule("S", (Part(Symbol("a", True), share=Fraction(1)),)),), "S")
    rules = (Rule("S", (), 0.4), Rule("S", (Part(Symbol("a", True)),), 0.6))
    with pytest.raises(GrammarError, match="a plain grammar's alternatives of S must be equal"):
        Grammar(rules, "S", probabilistic=False)


def test_a_missing_file_gives_one_line(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GrammarError, match="cannot be read"):
        load_grammar(tmp_path / "none.txt")
    path = tmp_path / "form.txt"
    path.write_text("S -> (0.5) a\n", encoding="utf-8")
    with pytest.raises(GrammarError, match=r"form\.txt, line 1: probabilities of S"):
        load_grammar(path)


def test_long_rules_are_written_on_several_lines() -> None:
    grammar = read_grammar(
        "%weights\nS -> " + " | ".join(f"({n}) 'section {n}'" for n in range(1, 12))
    )
    text = format_grammar(grammar, header="Sections\nof songs")
    assert text.startswith("# Sections\n# of songs\nS -> ")
    assert len(text.splitlines()) == 13
    assert read_grammar(text) == grammar


def test_rounded_numbers_are_written_as_weights() -> None:
    grammar = read_grammar("S -> (1/3) a | (1/3) b | (1/3) c")
    text = format_grammar(grammar, digits=2)
    assert text == "%weights\nS -> (0.33) 'a' | (0.33) 'b' | (0.33) 'c'\n"
    again = read_grammar(text)
    assert [r.probability for r in again.rules] == pytest.approx([1 / 3] * 3)
    assert "%weights" not in format_grammar(read_grammar("S -> a | b"), digits=2)
    with pytest.raises(GrammarError, match="digits must be 1 or more, got 0"):
        format_grammar(grammar, digits=0)


# -- the round trip ------------------------------------------------------------------------------

# Any sign but line ends and those that quote names.
LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
signs = st.characters(codec="utf-8", exclude_characters="<>'\"" + LINE_ENDS)
names = st.text(signs, min_size=1, max_size=4)
fractions = st.fractions(min_value=Fraction(1, 8), max_value=16, max_denominator=8)


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    """Grammars of every kind whose symbols all derive something."""
    symbols = draw(st.lists(names.map(str.strip).filter(bool), min_size=1, max_size=4, unique=True))
    temporal = draw(st.booleans())
    rules: list[Rule] = []
    for index, name in enumerate(symbols):
        bodies: dict[tuple[Part, ...], None] = {}
        for _ in range(draw(st.integers(1, 3))):
            parts = []
            for _ in range(draw(st.integers(0, 3))):
                below = draw(st.sampled_from([None, *symbols[index + 1 :]]))
                symbol = Symbol(draw(names), True) if below is None else Symbol(below)
                length = draw(st.none() | fractions) if symbol.terminal else None
                parts.append(Part(symbol, length=length))
            if temporal and parts and draw(st.booleans()):
                share = Fraction(1, len(parts))
                degree = draw(st.sampled_from([None, "V", "bVI"]))
                parts = [Part(p.symbol, share=share, degree=degree) for p in parts]
            bodies[tuple(parts)] = None
        weights = [draw(st.integers(1, 9)) for _ in bodies]
        rules += [Rule(name, b, w / sum(weights)) for b, w in zip(bodies, weights, strict=True)]
    return Grammar(tuple(rules), symbols[0], temporal=temporal)


@given(grammars())
def test_reading_what_was_written_gives_the_same_grammar(grammar: Grammar) -> None:
    assert read_grammar(format_grammar(grammar)) == grammar


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        MELODY,
        "%start B\nA -> a\nB -> A A | ε",
        "%key C major\n%duration 8\nI -> (0.5, >= 2) let x = I/2 in x x | (0.5) I@VI",
        "%temporal\nT -> T T",
    ],
)
def test_writing_what_was_read_reads_the_same(text: str) -> None:
    grammar = read_grammar(text)
    again = read_grammar(format_grammar(grammar))
    assert again == grammar
    assert format_grammar(again) == format_grammar(grammar)
