"""Strings split by song, over a closed vocabulary, and the n-grams that grammars are held against.

References
----------
Chen, S. F. and Goodman, J. (1999). An empirical study of smoothing techniques for language
modeling. Computer Speech and Language 13(4), 359-394. doi:10.1006/csla.1999.0128
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid.core.errors import GrammarError

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
