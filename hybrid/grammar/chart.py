"""Inside and outside probabilities of strings, batched over strings of equal length.

The inside value of a cell (symbol, first token, number of tokens) is the sum of the probabilities
of all derivations of these tokens from the symbol. Every cell keeps its own scale, so long strings
do not underflow. The outside pass is the derivative of the log likelihood with respect to the
inside values, which gives posterior rule counts directly.

References
----------
Lari, K. and Young, S. J. (1990). The estimation of stochastic context-free grammars using the
inside-outside algorithm. Computer Speech and Language 4, 35-56. doi:10.1016/0885-2308(90)90022-X
Eisner, J. (2016). Inside-outside and forward-backward algorithms are just backprop. Proceedings of
the Workshop on Structured Prediction for NLP, 1-17. doi:10.18653/v1/W16-5901
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid.grammar.compiled import HELPER, Compiled, FloatArray, IntArray, Weights, null_steps

TINY = 1e-150  # a symbol this much less likely than the cell's best is taken for impossible
BATCH_BYTES = 64 * 2**20

Classes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Strings as numbers of token classes, grouped by length.

    Attributes
    ----------
    classes : tuple of tuple of int
        For each class the terminals its token stands for.
    groups : tuple of (indices, array)
        For each length: which strings, shape (B,), and their classes, shape (B, N).
    n_strings : int
    """

    classes: Classes
    groups: tuple[tuple[IntArray, IntArray], ...]
    n_strings: int

    def lexical(self, weights: Weights) -> FloatArray:
        """Probability of each symbol giving each class, shape (classes, V)."""
        rows = [weights.lexical[list(numbers)].sum(axis=0) for numbers in self.classes]
        return np.array(rows).reshape(len(rows), weights.lexical.shape[1])


def encode(strings: Sequence[Sequence[tuple[int, ...]]]) -> Encoded:
    """Group strings, given as the terminals that each token stands for."""
    known: dict[tuple[int, ...], int] = {}
    by_length: dict[int, tuple[list[int], list[list[int]]]] = {}
    for number, string in enumerate(strings):
        row = [known.setdefault(token, len(known)) for token in string]
        indices, rows = by_length.setdefault(len(row), ([], []))
        indices.append(number)
        rows.append(row)
    groups = tuple(
        (np.array(indices, dtype=np.intp), np.array(rows, dtype=np.intp).reshape(len(rows), n))
        for n, (indices, rows) in sorted(by_length.items())
    )
    return Encoded(tuple(known), groups, len(strings))


class Pairing:
    """Products of left and right halves over the pairs of a grammar, and their adjoints."""

    def __init__(self, compiled: Compiled) -> None:
        self.left, self.right = compiled.pair_left, compiled.pair_right
        self.n = compiled.n_symbols
        self.lefts, self.at_left = np.unique(self.left, return_inverse=True)
        self.rights, self.at_right = np.unique(self.right, return_inverse=True)
        # Matrix products over all left and right symbols pay when most pairs occur.
        self.dense = 4 * len(self.left) >= len(self.lefts) * len(self.rights)
        self.order_left = np.argsort(self.left, kind="stable")
        self.order_right = np.argsort(self.right, kind="stable")
        self.starts_left = np.searchsorted(self.left[self.order_left], self.lefts)
        self.starts_right = np.searchsorted(self.right[self.order_right], self.rights)

    def products(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Sum over splits: (..., K, V) twice to (..., P)."""
        if self.dense:
            a = np.swapaxes(left[..., self.lefts], -1, -2)
            full: FloatArray = a @ right[..., self.rights]
            return full[..., self.at_left, self.at_right]
        total = left[..., 0, :][..., self.left] * right[..., 0, :][..., self.right]
        for k in range(1, left.shape[-2]):
            total += left[..., k, :][..., self.left] * right[..., k, :][..., self.right]
        return total

    def adjoints(
        self, grad: FloatArray, left: FloatArray, right: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Derivatives with respect to both halves, given those of the products, (..., P)."""
        out_left, out_right = np.zeros_like(left), np.zeros_like(right)
        if not len(self.left):
            return out_left, out_right
        if self.dense:
            full = np.zeros((*grad.shape[:-1], len(self.lefts), len(self.rights)))
            full[..., self.at_left, self.at_right] = grad
            out_left[..., self.lefts] = right[..., self.rights] @ np.swapaxes(full, -1, -2)
            out_right[..., self.rights] = left[..., self.lefts] @ full
            return out_left, out_right
        for k in range(left.shape[-2]):
            to_left = (grad * right[..., k, :][..., self.right])[..., self.order_left]
            to_right = (grad * left[..., k, :][..., self.left])[..., self.order_right]
            out_left[..., k, self.lefts] = np.add.reduceat(to_left, self.starts_left, axis=-1)
            out_right[..., k, self.rights] = np.add.reduceat(to_right, self.starts_right, axis=-1)
        return out_left, out_right


@dataclass(frozen=True, eq=False)
class Inside:
    """Inside values of B strings of N tokens.

    Attributes
    ----------
    values : np.ndarray, shape (B, N + 1, N, V)
        ``values[b, l, i]`` for the ``l`` tokens from ``i``, each cell scaled to a maximum of 1.
    scales : np.ndarray, shape (B, N + 1, N)
        Natural logarithm of each cell's scale; -inf where no symbol fits.
    log_likelihood : np.ndarray, shape (B,)
    """

    values: FloatArray
    scales: FloatArray
    log_likelihood: FloatArray
    products: list[FloatArray] = field(default_factory=list, repr=False)


def _halves(n: int, span: int) -> tuple[IntArray, IntArray, IntArray]:
    """Index arrays (starts, 1), (1, splits) for the two halves of all spans of one length."""
    starts = np.arange(n - span + 1)[:, None]
    first = np.arange(1, span)[None, :]
    return starts, first, span - first


def inside(
    compiled: Compiled,
    weights: Weights,
    pairing: Pairing,
    lexical: FloatArray,
    tokens: NDArray[np.intp],
    start: int,
) -> Inside:
    """Fill the inside charts of a batch of strings.

    Parameters
    ----------
    lexical : np.ndarray, shape (classes, V)
    tokens : np.ndarray, shape (B, N)
        Token classes.
    start : int
        Symbol that must cover the whole string.
    """
    batch, n = tokens.shape
    v = compiled.n_symbols
    values = np.zeros((batch, n + 1, n, v))
    scales = np.full((batch, n + 1, n), -np.inf)
    products: list[FloatArray] = [np.zeros(0), np.zeros(0)]
    closure = weights.closure.T
    for span in range(1, n + 1):
        if span == 1:
            base = lexical[tokens]  # (B, N, V)
            shift = np.zeros((batch, n))
        else:
            starts, first, second = _halves(n, span)
            factors = scales[:, first, starts] + scales[:, second, starts + first]  # (B, S, K)
            shift = factors.max(axis=-1)
            shift = np.where(np.isfinite(shift), shift, 0.0)
            left = values[:, first, starts] * np.exp(factors - shift[..., None])[..., None]
            found = pairing.products(left, values[:, second, starts + first])  # (B, S, P)
            products.append(found)
            base = found @ weights.pair
        cells = base @ closure
        top = cells.max(axis=-1)
        safe = np.where(top > 0, top, 1.0)
        cells = cells / safe[..., None]
        cells[cells < TINY] = 0.0
        values[:, span, : n - span + 1] = cells
        with np.errstate(divide="ignore"):
            scales[:, span, : n - span + 1] = np.where(top > 0, shift + np.log(safe), -np.inf)
        if span > 1:
            # Kept in the cell's own scale, as the outside pass needs it.
            products[span] = products[span] / safe[..., None]
    with np.errstate(divide="ignore"):
        likelihood: FloatArray = np.full(batch, float(np.log(weights.null[start])))
        if n:
            likelihood = scales[:, n, 0] + np.log(values[:, n, 0, start])
    return Inside(values, scales, likelihood, products)


class Counts:
    """Posterior sums over strings, from which expected rule counts follow."""

    def __init__(self, compiled: Compiled, n_classes: int) -> None:
        v = compiled.n_symbols
        self.compiled = compiled
        self.pairs = np.zeros((len(compiled.pair_left), v))
        self.classes = np.zeros((n_classes, v))
        self.same_span = np.zeros((v, v))  # outside of A times inside of B over one span
        self.empty = np.zeros(v)  # how often a string's root covers nothing, over its probability

    def rules(self, weights: Weights, classes: Classes, probabilities: FloatArray) -> FloatArray:
        """Expected number of uses of each rule, shape (R,)."""
        c, p = self.compiled, probabilities
        counts = np.zeros(len(c.grammar.rules) + 1)  # the last one collects the helpers'
        by_terminal = np.zeros_like(weights.lexical)
        for number, members in enumerate(classes):
            by_terminal[list(members)] += self.classes[number]
        at = (c.lexical_terminal, c.lexical_lhs)
        np.add.at(counts, c.lexical_rule, p[c.lexical_rule] * by_terminal[at])
        same = self.same_span
        np.add.at(counts, c.unary_rule, p[c.unary_rule] * same[c.unary_lhs, c.unary_child])
        left, right = c.pair_left[c.binary_pair], c.pair_right[c.binary_pair]
        chance, null = p[c.binary_rule], weights.null
        pair = self.pairs[c.binary_pair, c.binary_lhs]
        keep_left, keep_right = same[c.binary_lhs, left], same[c.binary_lhs, right]
        pair = pair + keep_left * null[right] + keep_right * null[left]
        if null.any():
            visits = self._null_visits(weights, chance * keep_left, chance * keep_right)
            pair = pair + visits[c.binary_lhs] * null[left] * null[right]
            np.add.at(counts, c.epsilon_rule, p[c.epsilon_rule] * visits[c.epsilon_lhs])
            into = visits[c.unary_lhs] * null[c.unary_child]
            np.add.at(counts, c.unary_rule, p[c.unary_rule] * into)
        np.add.at(counts, c.binary_rule, chance * pair)
        return counts[:HELPER]

    def _null_visits(
        self, weights: Weights, keep_left: FloatArray, keep_right: FloatArray
    ) -> FloatArray:
        """Outside values, summed over all places, of symbols that derive nothing, (V,)."""
        c = self.compiled
        entries = self.empty.copy()
        np.add.at(entries, c.pair_right[c.binary_pair], keep_left)
        np.add.at(entries, c.pair_left[c.binary_pair], keep_right)
        able = weights.null > 0
        steps = weights.unary + null_steps(c, weights.pair, weights.null)
        steps = np.where(able[:, None] & able[None, :], steps, 0.0)
        entries = np.where(able, entries, 0.0)
        visits = np.linalg.solve(np.eye(len(steps)) - steps.T, entries)
        return visits.astype(np.float64, copy=False)


def outside(
    weights: Weights,
    pairing: Pairing,
    chart: Inside,
    tokens: NDArray[np.intp],
    start: int,
    multiplicity: FloatArray,
    counts: Counts,
    keep: FloatArray | None = None,
) -> None:
    """Add a batch's posterior sums to ``counts``; strings without a parse add nothing.

    Parameters
    ----------
    multiplicity : np.ndarray, shape (B,)
        How often each string counts.
    keep : np.ndarray, shape (B, N + 1, N, V), optional
        Filled with outside values times the cell's scale over the string's probability, so that
        their product with ``chart.values`` is the posterior expected number of that symbol there.
    """
    _batch, n = tokens.shape
    parsed = np.isfinite(chart.log_likelihood)
    if n == 0:
        counts.empty[start] += multiplicity[parsed].sum() / max(weights.null[start], 1e-300)
        return
    values, scales = chart.values, chart.scales
    grads = np.zeros_like(values)
    root = np.where(parsed, values[:, n, 0, start], 1.0)
    grads[:, n, 0, start] = np.where(parsed, multiplicity / root, 0.0)
    v = values.shape[-1]
    for span in range(n, 0, -1):
        here = values[:, span, : n - span + 1]
        base = grads[:, span, : n - span + 1] @ weights.closure  # (B, S, V)
        if keep is not None:
            keep[:, span, : n - span + 1] = base
        counts.same_span += base.reshape(-1, v).T @ here.reshape(-1, v)
        scale = scales[:, span, : n - span + 1]
        finite = np.isfinite(scale)
        if span == 1:
            factor = np.where(finite, np.exp(-np.where(finite, scale, 0.0)), 0.0)
            np.add.at(counts.classes, tokens, base * factor[..., None])
            continue
        found = chart.products[span]
        counts.pairs += found.reshape(-1, found.shape[-1]).T @ base.reshape(-1, v)
        starts, first, second = _halves(n, span)
        factors = scales[:, first, starts] + scales[:, second, starts + first]
        factors = np.exp(factors - np.where(finite, scale, np.inf)[..., None])[..., None]
        left, right = values[:, first, starts], values[:, second, starts + first]
        to_left, to_right = pairing.adjoints(base @ weights.pair.T, left, right)
        grads[:, first, starts] += to_left * factors
        grads[:, second, starts + first] += to_right * factors


def batches(
    compiled: Compiled, encoded: Encoded, pairing: Pairing
) -> list[tuple[IntArray, IntArray]]:
    """Cut the groups of equal length into batches that fit into memory."""
    result = []
    width = 4 * compiled.n_symbols + 3 * len(pairing.left)
    for indices, tokens in encoded.groups:
        n = tokens.shape[1]
        cost = 8 * (n + 1) * max(n, 1) * width // 2 + 1
        size = max(1, BATCH_BYTES // cost)
        for at in range(0, len(indices), size):
            result.append((indices[at : at + size], tokens[at : at + size]))
    return result
