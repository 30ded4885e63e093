"""Learning grammars of forms from annotated songs, and the n-grams they are measured against.

Every grammar here is right-linear with one nonterminal for each *use* of a label:
``Verse1 -> 'verse' Chorus1 | ...``, ``Verse2 -> 'verse' Bridge1 | ...``. Labels are seen and uses
are not, so the uses are found by expectation maximisation from random starts, as in
grammars with split symbols; since the grammar is right-linear, inside and outside probabilities
are a forward and a backward pass. What is learned is written as a grammar in the ordinary notation
and measured as such (`hybrid.grammar.entropy.evaluate`).

References
----------
Petrov, S., Barrett, L., Thibaux, R. and Klein, D. (2006). Learning accurate, compact, and
interpretable tree annotation. ACL, 433-440. doi:10.3115/1220175.1220230
Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech
recognition. Proceedings of the IEEE 77(2), 257-286. doi:10.1109/5.18626
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.grammar.form_learning_ngrams import (
    END,
    NGram,
    String,
    Strings,
    best_ngram,
    split_of,
    split_strings,
    token_parts,
    train_ngram,
)

__all__ = [
    "END",
    "NGram",
    "Prior",
    "String",
    "Strings",
    "Uses",
    "best_ngram",
    "encode_strings",
    "forward_backward",
    "learn_uses",
    "share_uses",
    "split_of",
    "split_strings",
    "token_parts",
    "train_ngram",
    "uses_bits",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Uses:
    """A right-linear grammar in arrays: S uses of labels, T tokens.

    Attributes
    ----------
    labels : tuple of str, length S
        The label each use stands for.
    tokens : tuple of str, length T
    first : np.ndarray, shape (S,)
        Probability of a string beginning with each use.
    step : np.ndarray, shape (S, S + 1)
        From each use to the next; the last column is the end.
    emit : np.ndarray, shape (S, T)
        Token of each use: one for labels without lengths, else that label's lengths.
    """

    labels: tuple[str, ...]
    tokens: tuple[str, ...]
    first: FloatArray
    step: FloatArray
    emit: FloatArray


@dataclass(frozen=True, eq=False)
class Prior:
    """Pseudo-counts that pull rare uses towards what their label does.

    Attributes
    ----------
    step, length : float
        Pseudo-counts for each use's next symbol, and for its length.
    """

    step: float = 4.0
    length: float = 4.0


def encode_strings(
    strings: Sequence[Sequence[str]], tokens: Sequence[str]
) -> tuple[IntArray, FloatArray]:
    """Distinct strings as numbers, (N, longest) padded with -1, and how often each occurs, (N,)."""
    index = {token: number for number, token in enumerate(tokens)}
    counts = Counter(tuple(string) for string in strings)
    rows = sorted(counts)
    table = np.full((len(rows), max(map(len, rows))), -1, dtype=np.intp)
    for row, string in enumerate(rows):
        table[row, : len(string)] = [index[token] for token in string]
    return table, np.array([counts[row] for row in rows], dtype=np.float64)


def forward_backward(
    uses: Uses, table: IntArray, many: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Expected counts of first, step and emit, and each string's log likelihood, (N,)."""
    n, longest = table.shape
    size = len(uses.labels)
    shows = np.where((table >= 0)[:, :, None], uses.emit.T[table], 0.0)  # (N, L, S)
    ends = (table >= 0).sum(axis=1)
    ahead = np.zeros((n, longest, size))
    scale = np.ones((n, longest))
    step, stop = uses.step[:, :-1], uses.step[:, -1]
    for at in range(longest):
        live = ends > at
        value = (uses.first if at == 0 else ahead[:, at - 1] @ step) * shows[:, at]
        total = value.sum(axis=1)
        scale[live, at] = total[live]
        ahead[live, at] = value[live] / total[live, None]
    last = ahead[np.arange(n), ends - 1] @ stop
    with np.errstate(divide="ignore"):
        logs = np.log(scale).sum(axis=1) + np.log(last)
    # What follows, divided by the same scales: ahead * behind is the posterior of each place.
    behind = np.zeros((n, longest, size))
    steps = np.zeros((size, size + 1))
    for at in range(longest - 1, -1, -1):
        final, inner = ends == at + 1, ends > at + 1
        behind[final, at] = stop / last[final, None]
        steps[:, -1] += (many[final, None] * ahead[final, at] * behind[final, at]).sum(axis=0)
        if inner.any():
            after = shows[inner, at + 1] * behind[inner, at + 1] / scale[inner, at + 1][:, None]
            behind[inner, at] = after @ step.T
            steps[:, :-1] += step * ((many[inner, None] * ahead[inner, at]).T @ after)
    posterior = ahead * behind * many[:, None, None]
    emits = np.zeros_like(uses.emit)
    seen = table >= 0
    np.add.at(emits.T, table[seen], posterior[seen])
    return posterior[:, 0].sum(axis=0), steps, emits, logs


def uses_bits(uses: Uses, strings: Sequence[Sequence[str]]) -> float:
    """Bits per token of strings, ends counted as tokens."""
    table, many = encode_strings(strings, uses.tokens)
    logs = forward_backward(uses, table, many)[3]
    n = sum(len(string) + 1 for string in strings)
    return float(-(many @ logs) / math.log(2) / n)


@dataclass(frozen=True, eq=False)
class _Target:
    """What each label does, whatever its use: the mean of the prior."""

    first: FloatArray  # (S,)
    step: FloatArray  # (S, S + 1)
    emit: FloatArray  # (S, T)


def _target(strings: Strings, labels: Sequence[str], tokens: Sequence[str]) -> _Target:
    plain = [tuple(token_parts(t)[0] for t in string) for string in strings.train]
    kinds = list(dict.fromkeys(labels))
    bigram = train_ngram(plain, 2, len(kinds) + 1)
    share = np.array([1 / labels.count(label) for label in labels])
    step = np.array(
        [
            [bigram.probability((a,), b) for b in labels] + [bigram.probability((a,), END)]
            for a in labels
        ]
    )
    step[:, :-1] *= share
    first = np.array([bigram.probability(("<",), label) for label in labels]) * share
    counts = Counter(token for string in strings.train for token in string)
    own = np.array([[float(token_parts(t)[0] == label) for t in tokens] for label in labels])
    emit = own * (np.array([counts[token] for token in tokens], dtype=np.float64) + 0.5)
    return _Target(
        first / first.sum(),
        step / step.sum(axis=1, keepdims=True),
        emit / emit.sum(axis=1, keepdims=True),
    )


def share_uses(strings: Sequence[Sequence[str]], n_uses: int) -> tuple[str, ...]:
    """Deal out so many uses to the labels, one each and then in turn to the most frequent.

    A label's claim falls with each use it has (D'Hondt's rule on the square root of its count).

    >>> share_uses([("a", "a", "a", "a", "b")], 4)
    ('a', 'a', 'a', 'b')
    """
    counts = Counter(token_parts(token)[0] for string in strings for token in string)
    have = dict.fromkeys(sorted(counts), 1)
    for _ in range(n_uses - len(have)):
        best = max(have, key=lambda label: counts[label] ** 0.75 / have[label])
        have[best] += 1
    return tuple(label for label, n in have.items() for _ in range(n))


def learn_uses(
    strings: Strings,
    n_uses: int,
    rng: np.random.Generator,
    *,
    prior: Prior | None = None,
    iterations: int = 60,
    patience: int = 6,
) -> Uses:
    """Find the uses of labels by EM from a random start, and stop when validation says so.

    Parameters
    ----------
    strings : Strings
    n_uses : int
        S, at least one for each label.
    rng : np.random.Generator
        Breaks the symmetry between uses of one label.
    prior : Prior
    iterations, patience : int
        Most iterations; and how many without a gain on the validation part before the end.

    Returns
    -------
    Uses
        The best on the validation part.
    """
    prior = prior or Prior()
    tokens, labels = strings.tokens, share_uses(strings.train, n_uses)
    target = _target(strings, labels, tokens)
    size = len(labels)
    step = target.step * rng.gamma(1.0, size=(size, size + 1))
    emit = target.emit * rng.gamma(2.0, size=target.emit.shape)
    first = target.first * rng.gamma(1.0, size=size)
    uses = Uses(
        labels,
        tokens,
        first / first.sum(),
        step / step.sum(axis=1, keepdims=True),
        emit / emit.sum(axis=1, keepdims=True),
    )
    table, many = encode_strings(strings.train, tokens)
    best, best_bits, waited = uses, math.inf, 0
    for iteration in range(iterations):
        firsts, steps, emits, _ = forward_backward(uses, table, many)
        firsts = firsts + prior.step * target.first
        steps = steps + prior.step * target.step
        emits = emits + prior.length * target.emit
        uses = Uses(
            labels,
            tokens,
            firsts / firsts.sum(),
            steps / steps.sum(axis=1, keepdims=True),
            emits / emits.sum(axis=1, keepdims=True),
        )
        if iteration % 3 == 2:
            bits = uses_bits(uses, strings.valid)
            waited = 0 if bits < best_bits - 1e-4 else waited + 3
            if bits < best_bits:
                best, best_bits = uses, bits
            if waited >= patience:
                break
    return best
