"""Learning grammars of forms from annotated songs, and the n-grams they are measured against.

Every grammar here is right-linear with one nonterminal for each *use* of a label:
``Verse1 -> 'verse' Chorus1 | ...``, ``Verse2 -> 'verse' Bridge1 | ...``. Labels are seen and uses
are not, so the uses are found by expectation maximisation from random starts, as in
grammars with split symbols; since the grammar is right-linear, inside and outside probabilities are a forward and a backward pass.
What is learned is written as a grammar in the ordinary notation and measured as such
(`hybrid.grammar.entropy.evaluate`).

References
----------
Petrov, S., Barrett, L., Thibaux, R. and Klein, D. (2006). Learning accurate, compact, and
interpretable tree annotation. ACL, 433-440. doi:10.3115/1220175.1220230
Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech
recognition. Proceedings of the IEEE 77(2), 257-286. doi:10.1109/5.18626
Chen, S. F. and Goodman, J. (1999). An empirical study of smoothing techniques for language
modeling. Computer Speech and Language 13(4), 359-394. doi:10.1006/csla.1999.0128
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import GrammarError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
String = tuple[str, ...]
END = ""  # no token has this name
SHARES = (("test", 0.1), ("valid", 0.2))  # upper bounds of a song's hash; the rest is training


def split_of(song: str) -> str:
    """``train`` (80%), ``valid`` or ``test`` (10% each), by a hash of the song's key.

    All annotations of one song fall on one side, in whatever order and number they are read.

    >>> split_of("a song/a band")
    'train'
    """
    digest = hashlib.sha256(song.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((name for name, bound in SHARES if place < bound), "train")


@dataclass(frozen=True)
class Strings:
    """Strings of tokens, split by song.

    Attributes
    ----------
    train, valid, test : tuple of tuple of str
    replaced : float
        Share of all tokens that were replaced to close the vocabulary.
    """

    train: tuple[String, ...]
    valid: tuple[String, ...]
    test: tuple[String, ...]
    replaced: float = 0.0

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary, in alphabetical order."""
        return tuple(sorted({token for string in self.train for token in string}))


def token_parts(token: str) -> tuple[str, float | None]:
    """A token's label and length: ``verse[8]`` is ``("verse", 8.0)``."""
    label, bracket, rest = token.partition("[")
    if not bracket:
        return token, None
    top, _, bottom = rest.removesuffix("]").partition("/")
    return label, int(top) / int(bottom or 1)


def split_strings(
    rows: Sequence[tuple[str, Sequence[str]]], *, least: int = 5, other: str = "other"
) -> Strings:
    """Split strings by song and close their vocabulary.

    A token that training shows fewer than ``least`` times is replaced, in all three parts alike,
    so that no model needs a rule of its own for unknown tokens: by the token of its label with the
    nearest length, where tokens have lengths, else by ``other``.

    Parameters
    ----------
    rows : sequence of (song key, tokens)
        Empty strings are left out.
    least : int
    other : str
        Token for rare labels (with lengths: ``other[8]``).

    Raises
    ------
    GrammarError
        If a part has no string.

    Examples
    --------
    >>> rows = [(f"song {n}", ["a[8]", "a[9]" if n == 3 else "a[4]"]) for n in range(40)]
    >>> split_strings(rows).tokens
    ('a[4]', 'a[8]')
    """
    parts: dict[str, list[String]] = {"train": [], "valid": [], "test": []}
    for song, tokens in rows:
        if tokens:
            parts[split_of(song)].append(tuple(tokens))
    for name, strings in parts.items():
        if not strings:
            raise GrammarError(f"{name} must hold at least one string, got none")
    counts = Counter(token for string in parts["train"] for token in string)
    known = {token: n for token, n in counts.items() if n >= least}
    by_label: dict[str, list[tuple[float, str]]] = {}
    for token in sorted(known):
        label, length = token_parts(token)
        by_label.setdefault(label, []).append((length or 0.0, token))
    names: dict[str, str] = {}
    everything = [token for strings in parts.values() for string in strings for token in string]
    for token in sorted(set(everything)):
        label, length = token_parts(token)
        near = by_label.get(label)
        if token in known:
            names[token] = token
        elif length is None:
            names[token] = other
        elif near:
            names[token] = _nearest(near, length)
        else:
            names[token] = f"{other}[{token.partition('[')[2]}"
    # What became `other` may still be new to training: then its nearest length there.
    renamed = Counter(names[t] for string in parts["train"] for t in string)
    rest = sorted((token_parts(t)[1] or 0.0, t) for t in renamed if token_parts(t)[0] == other)
    for token, name in names.items():
        if name not in renamed:
            if not rest:  # training has no rare label: the most frequent token takes its place
                names[token] = max(sorted(renamed), key=lambda t: renamed[t])
            else:
                names[token] = _nearest(rest, token_parts(name)[1] or 0.0)
    changed = sum(names[token] != token for token in everything) / len(everything)
    closed = {
        part: tuple(tuple(names[t] for t in string) for string in strings)
        for part, strings in parts.items()
    }
    return Strings(closed["train"], closed["valid"], closed["test"], changed)


def _nearest(rows: Sequence[tuple[float, str]], length: float) -> str:
    return min(rows, key=lambda row: (abs(row[0] - length), row[1]))[1]


# -- n-grams ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NGram:
    """An interpolated n-gram over a closed vocabulary and the end of a string.

    Attributes
    ----------
    order : int
        1 unigram, 3 trigram.
    discount : float or None
        Kneser-Ney's absolute discount; None for Witten-Bell.
    size : int
        Outcomes: the vocabulary and the end.
    counts : mapping of context to counts of what follows
    """

    order: int
    discount: float | None
    size: int
    counts: Mapping[String, Mapping[str, float]]

    def probability(self, context: Sequence[str], token: str) -> float:
        """Of one token (or `END`) after others."""
        value = 1.0 / self.size
        shown = tuple(context)
        for n in range(self.order):
            key = shown[len(shown) - n :] if n else ()
            if len(key) < n or key not in self.counts:
                break
            found = self.counts[key]
            total, kinds = sum(found.values()), len(found)
            count = found.get(token, 0.0)
            if self.discount is None:
                value = (count + kinds * value) / (total + kinds)
            else:
                value = (max(count - self.discount, 0) + self.discount * kinds * value) / total
        return value

    def bits(self, strings: Sequence[Sequence[str]]) -> float:
        """Bits per token, ends counted as tokens."""
        total, n = 0.0, 0
        for string in strings:
            shown = ["<"] * (self.order - 1)
            for token in (*string, END):
                total -= math.log2(self.probability(shown[len(shown) - self.order + 1 :], token))
                shown.append(token)
                n += 1
        return total / n


def train_ngram(
    strings: Sequence[Sequence[str]], order: int, size: int, discount: float | None = None
) -> NGram:
    """Count an n-gram: Witten-Bell, or Kneser-Ney where a discount is given.

    >>> model = train_ngram([("a", "b")] * 8 + [("a",)], order=3, size=3)
    >>> total = sum(model.probability(("<", "a"), token) for token in ("a", "b", END))
    >>> round(total, 9)
    1.0
    """
    tables: dict[String, dict[str, float]] = {}
    for string in strings:
        shown = ["<"] * (order - 1)
        for token in (*string, END):
            for n in range(order):
                key = tuple(shown[len(shown) - n :]) if n else ()
                table = tables.setdefault(key, {})
                table[token] = table.get(token, 0.0) + 1.0
            shown.append(token)
    if discount is not None:
        # Lower orders count in how many contexts a token stands, not how often.
        lower: dict[String, dict[str, float]] = {}
        for key, table in tables.items():
            if key:
                target = lower.setdefault(key[1:], {})
                for token in table:
                    target[token] = target.get(token, 0.0) + 1.0
        for key in tables:
            if len(key) < order - 1 and (key not in lower or "<" in key):
                lower[key] = tables[key]
        tables = {k: lower[k] if len(k) < order - 1 else t for k, t in tables.items()}
    return NGram(order, discount, size, tables)


def best_ngram(strings: Strings, order: int) -> NGram:
    """Witten-Bell or Kneser-Ney with a discount of 0.1 ... 0.95, by bits on the validation part."""
    size = len(strings.tokens) + 1
    choices: list[float | None] = [None, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    models = [train_ngram(strings.train, order, size, choice) for choice in choices]
    return min(models, key=lambda model: model.bits(strings.valid))


# -- split symbols ------------------------------------------------------------------------------


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
