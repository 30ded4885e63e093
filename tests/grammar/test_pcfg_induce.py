"""Rules found from strings: the description shrinks step by step, and no string is lost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.entropy import evaluate
from hybrid.grammar.induce import LEAST_GAIN, _Model, _Sums, compress, induce
from hybrid.grammar.learn import fit
from hybrid.grammar.notation import format_grammar, read_grammar
from hybrid.grammar.parse import Parser
from hybrid.grammar.sample import Sampler

SONGS = """
Song   -> (0.6) Intro Body Outro | (0.4) Intro Body
Intro  -> (0.7) intro | (0.3) ε
Body   -> (0.5) Verse Chorus Body | (0.3) Verse Chorus | (0.2) Verse Chorus bridge Chorus
Verse  -> (0.7) verse | (0.3) verse pre
Chorus -> (0.8) chorus | (0.2) chorus chorus
Outro  -> (0.5) outro | (0.5) solo outro
"""

texts = st.lists(st.text("abc", min_size=1, max_size=10).map(list), min_size=1, max_size=8)


def songs(count: int, seed: int) -> list[tuple[str, ...]]:
    sampler = Sampler(read_grammar(SONGS), length=(2, 14))
    rng = stage_rng(seed, "songs")
    return [sampler.sample(rng).tokens() for _ in range(count)]


@given(texts)
def test_a_compressed_text_has_its_strings_each_in_one_way(strings: list[list[str]]) -> None:
    grammar = compress(strings)
    parser = Parser(grammar)
    unique = {tuple(string) for string in strings}
    assert all(parser.count(string) == 1 for string in unique)
    total = math.fsum(math.exp(parser.log_likelihood(string)) for string in unique)
    assert total == pytest.approx(1.0)  # nothing else is derived
    for string in unique:
        share = sum(tuple(s) == string for s in strings) / len(strings)
        assert math.exp(parser.log_likelihood(string)) == pytest.approx(share)


@given(texts)
def test_no_pair_of_a_compressed_text_stands_twice(strings: list[list[str]]) -> None:
    bodies = [[str(part) for part in rule.rhs] for rule in compress(strings).rules]
    pairs: list[tuple[str, str]] = []
    for body in bodies:
        at = 0
        while at < len(body) - 1:
            pairs.append((body[at], body[at + 1]))
            # "a a a" holds the pair "a a" once: the places overlap.
            at += 2 if at + 2 < len(body) and body[at] == body[at + 1] == body[at + 2] else 1
    assert len(pairs) == len(set(pairs))


def test_what_a_rondo_repeats_is_named() -> None:
    rondo = ["a", "b", "c", "a", "b", "d", "e", "f", "a", "b", "c"]
    assert format_grammar(compress([rondo])) == (
        "S -> (1) X1 X2 'd' 'e' 'f' X1\nX1 -> (1) X2 'c'\nX2 -> (1) 'a' 'b'\n"
    )


@settings(max_examples=25)
@given(texts)
def test_the_description_shrinks_with_every_step(strings: list[list[str]]) -> None:
    result = induce(strings)
    assert len(result.bits) == len(result.steps) + 1
    assert all(b < a for a, b in zip(result.bits, result.bits[1:], strict=False))
    assert all(Parser(result.grammar).accepts(string) for string in strings)


@settings(max_examples=25)
@given(texts)
def test_gains_are_the_differences_they_promise(strings: list[list[str]]) -> None:
    """The running sums against a description length computed afresh."""

    def afresh(model: _Model) -> float:
        total = 0.0
        for lhs, group in model.groups.items():
            mine = _Sums()
            for body, count in group.items():
                assert count > 0
                mine.move(body, 0, count)
            assert mine.n_rules == model.sums[lhs].n_rules
            total += mine.bits() + mine.signs * model.alphabet()
        return total

    model = _Model(strings)
    for _ in range(4):
        before = model.bits()
        assert before == pytest.approx(afresh(model))
        pair = model.best_pair()
        if pair is not None:
            model.replace_pair(pair[1])
            assert before - model.bits() == pytest.approx(pair[0], abs=1e-6)
            assert model.bits() == pytest.approx(afresh(model))
        before = model.bits()
        merge = model.best_merge()
        if merge is not None:
            model.merge(merge[1], merge[2])
            assert before - model.bits() == pytest.approx(merge[0], abs=1e-6)
            assert model.bits() == pytest.approx(afresh(model))


def test_songs_give_a_small_grammar_that_foretells_other_songs() -> None:
    result = induce(songs(300, 1))
    held_out = songs(150, 2)
    score = evaluate(result.grammar, held_out)
    assert score.failed == ()
    assert len(result.grammar.rules) < 25
    # Between what made the songs and a list of equally likely words (3 bits).
    truth = evaluate(read_grammar(SONGS), held_out).bits_per_token
    assert truth < score.bits_per_token < truth + 0.25
    assert result.bits[-1] < 0.75 * result.bits[0]


def test_em_goes_on_from_an_induced_grammar() -> None:
    strings = songs(100, 3)
    start = induce(strings).grammar
    result = fit(start, strings, iterations=5)
    assert result.log_likelihoods[-1] >= result.log_likelihoods[0] - 1e-9


def test_the_same_strings_give_the_same_grammar() -> None:
    strings = songs(60, 4)
    assert induce(strings).grammar == induce(strings).grammar
    text = format_grammar(induce(strings).grammar)
    assert read_grammar(text) == induce(strings).grammar


def test_progress_and_steps_are_told() -> None:
    seen: list[tuple[int, float]] = []
    strings = [f"i {'v c ' * n}o".split() for n in (1, 2, 3, 4)] * 5
    result = induce(strings, progress=lambda step, bits: seen.append((step, bits)))
    assert seen == list(enumerate(result.bits))[1:]
    assert result.steps[0].startswith("pair v c as #")
    assert result.bits[0] - result.bits[1] > LEAST_GAIN


def test_lengths_and_names_are_kept() -> None:
    grammar = induce([["a[8]", "b[4]"], ["a[8]"]], start="Form", prefix="Part").grammar
    assert grammar.start == "Form"
    assert {str(p) for r in grammar.rules for p in r.rhs if p.symbol.terminal} == {
        "'a'[8]",
        "'b'[4]",
    }


@pytest.mark.parametrize("strings", [[], [["a"], []]])
def test_nothing_comes_from_nothing(strings: list[list[str]]) -> None:
    with pytest.raises(GrammarError, match="one string or more, none of them empty"):
        induce(strings)
    with pytest.raises(GrammarError, match="one string or more, none of them empty"):
        compress(strings)
