"""Grammars of latent symbols: every rule is there at first, EM finds which ones matter.

References
----------
Lari, K. and Young, S. J. (1990). The estimation of stochastic context-free grammars using the
inside-outside algorithm. Computer Speech and Language 4, 35-56. doi:10.1016/0885-2308(90)90022-X
Carroll, G. and Charniak, E. (1992). Two experiments on learning probabilistic dependency grammars
from corpora. Technical Report CS-92-16, Brown University. (On starting points and local maxima.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol
from hybrid.grammar.learn import Fit, fit
from hybrid.grammar.parse import Parser


def latent_grammar(
    n_symbols: int,
    terminals: Sequence[str],
    rng: np.random.Generator,
    *,
    start: str = "S",
    prefix: str = "N",
    concentration: float = 1.0,
    split: float = 0.4,
) -> Grammar:
    """A fully connected grammar in Chomsky normal form with random probabilities.

    Rules: ``S -> Ni``; ``Ni -> Nj Nk`` for all pairs; ``Ni -> 'x'`` for all terminals.

    Parameters
    ----------
    n_symbols : int
        Latent nonterminals, 1 or more.
    terminals : sequence of str
        Distinct tokens; those of the form ``a[8]`` become terminals with lengths.
    rng : np.random.Generator
    start, prefix : str
        Names: the start symbol, and the latent symbols' beginning (``N0``, ``N1``, ...).
    concentration : float
        Of the Dirichlet distribution that rules are drawn from; lower is more uneven. The
        differences break the symmetry that EM could not leave by itself.
    split : float
        Total probability of a latent symbol's binary rules, in 0..0.5 so that derivations end.

    Raises
    ------
    GrammarError
        If an argument is out of range, or a terminal stands twice.
    """
    if n_symbols < 1 or not terminals:
        raise GrammarError(
            f"latent grammar needs symbols and terminals, got {n_symbols} and {len(terminals)}"
        )
    if len(set(terminals)) != len(terminals):
        raise GrammarError("terminals must be distinct")
    if not 0 < split <= 0.5 or concentration <= 0:
        raise GrammarError(
            f"split must be in 0..0.5 and concentration above 0, got {split}, {concentration}"
        )
    names = [f"{prefix}{number}" for number in range(n_symbols)]
    parts = [Part(Symbol(name)) for name in names]
    leaves = [terminal_part(text) for text in terminals]

    def shares(size: int) -> list[float]:
        values = rng.gamma(concentration, size=size) + 1e-6  # above 0: EM cannot revive a 0
        result: list[float] = (values / values.sum()).tolist()
        return result

    rules = [Rule(start, (part,), p) for part, p in zip(parts, shares(n_symbols), strict=True)]
    for name in names:
        pairs = [(left, right) for left in parts for right in parts]
        rules += [
            Rule(name, pair, split * p) for pair, p in zip(pairs, shares(len(pairs)), strict=True)
        ]
        rules += [
            Rule(name, (leaf,), (1 - split) * p)
            for leaf, p in zip(leaves, shares(len(leaves)), strict=True)
        ]
    return Grammar(tuple(rules), start)


def terminal_part(text: str) -> Part:
    """A terminal from a token's text, ``a`` or ``a[8]``."""
    if text.endswith("]") and "[" in text[1:]:
        name, length = text[:-1].rsplit("[", 1)
        try:
            return Part(Symbol(name, terminal=True), length=Fraction(length))
        except (ValueError, ZeroDivisionError):
            pass
    return Part(Symbol(text, terminal=True))


def learn_latent(
    strings: Sequence[Sequence[str]],
    n_symbols: int,
    rng: np.random.Generator,
    *,
    restarts: int = 1,
    iterations: int = 50,
    tolerance: float = 1e-4,
    prior: float = 0.0,
    threshold: float = 1e-4,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:
    """Learn a grammar from plain strings alone: random start, EM, pruning, EM again.

    Parameters
    ----------
    strings : sequence of sequences of str
    n_symbols : int
    rng : np.random.Generator
    restarts : int
        Random starts, 1 or more; the one with the highest objective is kept.
    iterations, tolerance, prior, progress
        As in :func:`hybrid.grammar.learn.fit`.
    threshold : float
        Rules less probable than this are dropped after EM where every training string can still
        be derived; then EM runs once more. 0 keeps all.

    Returns
    -------
    Fit
        Histories are those of the last EM run.

    Raises
    ------
    GrammarError
        If there are no strings, or one of them is empty: the normal form has no empty string.
    """
    if any(len(tokens) == 0 for tokens in strings):
        raise GrammarError("strings must not be empty for a grammar in Chomsky normal form")
    if restarts < 1:
        raise GrammarError(f"restarts must be 1 or more, got {restarts}")
    terminals = sorted({token for tokens in strings for token in tokens})
    best: Fit | None = None
    for _ in range(restarts):
        first = latent_grammar(n_symbols, terminals, rng)
        result = fit(
            first,
            strings,
            iterations=iterations,
            tolerance=tolerance,
            prior=prior,
            progress=progress,
        )
        if best is None or result.objectives[-1] > best.objectives[-1]:
            best = result
    assert best is not None
    if threshold <= 0:
        return best
    pruned = prune_safely(best.grammar, strings, threshold)
    return fit(
        pruned, strings, iterations=iterations, tolerance=tolerance, prior=prior, progress=progress
    )


def prune_safely(grammar: Grammar, strings: Sequence[Sequence[str]], threshold: float) -> Grammar:
    """Drop rules less probable than ``threshold``, or a tenth of it, ..., that no string needs.

    The threshold is divided by ten until every string can still be derived.
    """
    while threshold > 1e-300:
        try:
            pruned = grammar.pruned(threshold)
        except GrammarError:  # the start symbol would derive nothing
            pass
        else:
            if np.isfinite(Parser(pruned).log_likelihoods(strings)).all():
                return pruned
        threshold /= 10
    return grammar
