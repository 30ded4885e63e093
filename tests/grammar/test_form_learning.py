"""Learning uses of labels: splits, n-grams, EM, and the grammar that is written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hybrid.core.errors import GrammarError
from hybrid.grammar.entropy import evaluate, measures
from hybrid.grammar.form_corpora import ChordSpan, PopForm
from hybrid.grammar.form_learning import (
    END,
    Prior,
    Strings,
    best_ngram,
    learn_uses,
    share_uses,
    split_of,
    split_strings,
    token_parts,
    train_ngram,
    uses_bits,
)
from hybrid.grammar.form_learning_data import pop909_chords, pop909_phrases
from hybrid.grammar.form_learning_export import (
    Pruning,
    as_grammar,
    describe_uses,
    grammar_text,
    rounded,
    use_names,
)
from hybrid.grammar.notation import read_grammar


def _songs(n: int, lengths: bool = False) -> list[tuple[str, list[str]]]:
    """Songs in which the first verse leads to a chorus and the second to a bridge."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(n):
        labels = ["intro", "verse", "chorus", "verse", "bridge", "chorus"]
        labels += ["chorus"] * int(rng.integers(2))
        if lengths:
            labels = [f"{x}[{4 if x == 'intro' else rng.choice([8, 16])}]" for x in labels]
        rows.append((f"song {number}", labels))
    return rows


@pytest.fixture(scope="module")
def strings() -> Strings:
    return split_strings(_songs(200))


def test_the_split_depends_on_the_song_alone() -> None:
    parts = [split_of(f"song {n}") for n in range(2000)]
    assert parts == [split_of(f"song {n}") for n in range(2000)]
    assert 0.77 < parts.count("train") / 2000 < 0.83
    assert 0.07 < parts.count("test") / 2000 < 0.13


def test_all_annotations_of_a_song_fall_on_one_side() -> None:
    # Two annotations each, in two separate rounds: every part must get both or neither.
    rows = [(f"song {n}", ["a"] * (n + 1)) for _ in range(2) for n in range(60)]
    found = split_strings(rows, least=1)
    for part in (found.train, found.valid, found.test):
        assert all(part.count(string) == 2 for string in part)
    assert len(found.train) + len(found.valid) + len(found.test) == 120


def test_the_vocabulary_is_that_of_training() -> None:
    rows = _songs(100, lengths=True)
    rows += [(f"odd {n}", ["verse[9]", "gong[3]"]) for n in range(40)]
    found = split_strings(rows, least=36)
    seen = {t for part in (found.valid, found.test) for string in part for t in string}
    assert seen <= set(found.tokens)
    assert {"verse[8]", "other[3]"} <= set(found.tokens)
    assert 0 < found.replaced < 0.2


def test_no_strings_in_a_part_is_refused() -> None:
    with pytest.raises(GrammarError, match="at least one string"):
        split_strings([("one song", ["a"])])


@pytest.mark.parametrize("discount", [None, 0.5, 0.9])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_ngrams_are_distributions(strings: Strings, order: int, discount: float | None) -> None:
    size = len(strings.tokens) + 1
    model = train_ngram(strings.train, order, size, discount)
    contexts = [("<",) * (order - 1), ("verse", "chorus")[: order - 1], ("new",) * (order - 1)]
    for context in contexts:
        total = sum(model.probability(context, token) for token in (*strings.tokens, END))
        assert total == pytest.approx(1.0)


def test_a_unigram_agrees_with_counting() -> None:
    model = train_ngram([("a", "a", "b")] * 3, order=1, size=3)
    # Counts a 6, b 3, end 3; three kinds share a third each by Witten-Bell.
    assert model.probability((), "a") == pytest.approx((6 + 3 / 3) / (12 + 3))


def test_uses_foretell_what_a_trigram_cannot() -> None:
    # Whether x or y ends the string is told four tokens before.
    rows = [(f"song {n}", ["xy"[n % 2], "a", "a", "a", "xy"[n % 2]]) for n in range(300)]
    found = split_strings(rows)
    uses = learn_uses(found, 12, np.random.default_rng(4), prior=Prior(0.2, 0.2), iterations=200)
    assert uses_bits(uses, found.test) < best_ngram(found, 3).bits(found.test) - 0.1


def test_uses_are_distributions_and_agree_with_their_grammar() -> None:
    found = split_strings(_songs(150, lengths=True))
    prior = Prior(2.0, 2.0)
    uses = learn_uses(found, 10, np.random.default_rng(1), prior=prior, iterations=30)
    np.testing.assert_allclose(uses.step.sum(axis=1), 1.0)
    np.testing.assert_allclose(uses.emit.sum(axis=1), 1.0)
    names = use_names(uses, found.train)
    assert len(set(names)) == len(uses.labels)
    grammar = as_grammar(uses, found, names, prior, Pruning(gain=0.0, least_use=0.0))
    ours, theirs = uses_bits(uses, found.test), evaluate(grammar, found.test)
    # The grammar has shares of uses by frequency where EM's prior has equal ones, and one more
    # round of counts: near, not equal.
    assert theirs.bits_per_token == pytest.approx(ours, abs=0.05)
    assert not theirs.failed
    assert measures(grammar).is_consistent


def test_the_same_seed_gives_the_same_text(strings: Strings) -> None:
    def text() -> str:
        uses = learn_uses(strings, 9, np.random.default_rng(3), iterations=12)
        names = use_names(uses, strings.train)
        grammar = as_grammar(uses, strings, names, Prior(), Pruning())
        return grammar_text(grammar, "Title", describe_uses(uses, strings.train, names))

    assert text() == text()
    assert text().startswith("# Title\n%weights\nSong -> ")


def test_pruning_keeps_every_string_derivable(strings: Strings) -> None:
    uses = learn_uses(strings, 12, np.random.default_rng(0), iterations=15)
    names = use_names(uses, strings.train)
    sizes = []
    for gain in (0.0, 5.0, 1e6):
        grammar = rounded(as_grammar(uses, strings, names, Prior(), Pruning(gain=gain)), 2)
        sizes.append(len(grammar.rules))
        odd = [("chorus", "intro", "bridge", "bridge"), ("verse",)]
        assert not evaluate(grammar, [*strings.test, *odd]).failed
    assert sizes[0] > sizes[1] > sizes[2]


def test_text_reads_back(strings: Strings) -> None:
    uses = learn_uses(strings, 12, np.random.default_rng(0), iterations=15)
    names = use_names(uses, strings.train)
    grammar = as_grammar(uses, strings, names, Prior(), Pruning())
    again = read_grammar(grammar_text(grammar, digits=6))
    before = {(r.lhs, r.rhs): r.probability for r in grammar.rules}
    after = {(r.lhs, r.rhs): r.probability for r in again.rules}
    assert before.keys() == after.keys()
    assert all(after[key] == pytest.approx(value, rel=1e-4) for key, value in before.items())


def test_uses_are_dealt_by_frequency() -> None:
    found = share_uses([("v[8]", "v[8]", "v[4]", "c[8]")], 3)
    assert found == ("c", "v", "v")
    assert token_parts("v[3/4]") == ("v", 0.75)


def test_more_restarts_do_not_change_the_likelihood_of_one_label() -> None:
    # One label, one use: the length of strings is geometric, whatever the start.
    found = split_strings([(f"song {n}", ["a"] * (1 + n % 3)) for n in range(200)])
    a, b = (learn_uses(found, 1, np.random.default_rng(seed)) for seed in (1, 2))
    assert uses_bits(a, found.test) == pytest.approx(uses_bits(b, found.test))
    assert math.isfinite(uses_bits(a, found.test))


def test_pop_songs_become_phrases_and_chords() -> None:
    forms = [
        PopForm(
            f"{n:03}",
            ((("A", 2), ("B", 2)), (("A", 4),)),
            ("G:maj",),
            tuple(ChordSpan(s, 1) for s in ("G:maj", "D:7", "E:min", "C:maj")),  # type: ignore[arg-type]
        )
        for n in range(200)
    ]
    phrases = pop909_phrases(forms)
    assert set(phrases.tokens) == {"A[2]", "B[2]", "A[4]"}
    chords = pop909_chords(forms)["major"].strings
    assert set(chords.train) == {
        ("phrase[0]", "I[1]", "V7[1]"),
        ("phrase[0]", "vi[1]", "IV[1]"),
    }
