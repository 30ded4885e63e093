"""Learning rules and probabilities: from trees by counting, from plain strings by EM.

References
----------
Charniak, E. (1996). Tree-bank grammars. Proceedings of AAAI-96, 1031-1036.
Lari, K. and Young, S. J. (1990). The estimation of stochastic context-free grammars using the
inside-outside algorithm. Computer Speech and Language 4, 35-56. doi:10.1016/0885-2308(90)90022-X
Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via
the EM algorithm. Journal of the Royal Statistical Society B 39(1), 1-38.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part, Rule, useful
from hybrid.grammar.chart import Counts, Encoded, Pairing, batches, encode, inside, outside
from hybrid.grammar.compiled import Compiled, FloatArray, make_weights
from hybrid.grammar.parse import Parser
from hybrid.grammar.trees import Tree, rules_of


def estimate(
    trees: Iterable[Tree],
    *,
    smoothing: float = 0.0,
    grammar: Grammar | None = None,
    start: str | None = None,
) -> Grammar:
    """Read rules off trees and their probabilities off how often they occur.

    Parameters
    ----------
    trees : iterable of Tree
        Sampled, parsed, or read from brackets.
    smoothing : float
        Added to the count of every rule of a symbol, 0 or more.
    grammar : Grammar, optional
        Its rules take part even where the trees do not show them (with ``smoothing`` as their
        count), and they come first. Without it the rules are those the trees show.
    start : str, optional
        Start symbol; by default ``grammar``'s, else the symbol of the roots.

    Raises
    ------
    GrammarError
        If there is no tree, the roots differ and no start is given, or smoothing is negative.

    Examples
    --------
    >>> from hybrid.grammar.notation import format_grammar
    >>> from hybrid.grammar.trees import read_tree
    >>> trees = [read_tree("(S (A a) (A a))"), read_tree("(S (A b) (A a))")]
    >>> print(format_grammar(estimate(trees)), end="")
    S -> (1) A A
    A -> (0.75) 'a' | (0.25) 'b'
    """
    if not 0 <= smoothing < np.inf:
        raise GrammarError(f"smoothing must be 0 or more, got {smoothing}")
    counts: dict[Rule, float] = {}
    if grammar is not None:
        counts = {replace(rule, probability=1.0): 0.0 for rule in grammar.rules}
    roots: dict[str, None] = {}
    for tree in trees:
        roots.setdefault(tree.symbol.name)
        for rule in rules_of(tree):
            counts[rule] = counts.get(rule, 0.0) + 1.0
    if not roots:
        raise GrammarError("estimate needs at least one tree, got none")
    if start is None and grammar is None and len(roots) > 1:
        raise GrammarError(f"trees must share one root symbol, got {', '.join(roots)}")
    if start is None:
        start = grammar.start if grammar is not None else next(iter(roots))
    totals: dict[str, float] = {}
    for rule, count in counts.items():
        totals[rule.lhs] = totals.get(rule.lhs, 0.0) + count + smoothing
    # A symbol of the given grammar that no tree holds keeps its own probabilities.
    own = {} if grammar is None else {replace(r, probability=1.0): r for r in grammar.rules}
    rules = tuple(
        replace(rule, probability=(count + smoothing) / totals[rule.lhs])
        if totals[rule.lhs] > 0
        else own[rule]
        for rule, count in counts.items()
    )
    if grammar is not None:
        return replace(grammar, rules=rules, start=start, probabilistic=True)
    return Grammar(rules, start, temporal=any(rule.is_temporal for rule in rules))


@dataclass(frozen=True, eq=False)
class Fit:
    """What EM found.

    Attributes
    ----------
    grammar : Grammar
    log_likelihoods : tuple of float
        Of all strings together (natural logarithm), before each iteration and after the last.
    objectives : tuple of float
        What EM maximises: the log likelihood, plus the log prior where ``prior`` is not 0. Never
        falls.
    counts : np.ndarray, shape (rules,)
        Expected uses of each rule under the grammar of the last iteration but one.
    """

    grammar: Grammar
    log_likelihoods: tuple[float, ...]
    objectives: tuple[float, ...]
    counts: FloatArray


def fit(
    grammar: Grammar,
    strings: Sequence[Sequence[str]],
    *,
    iterations: int = 50,
    tolerance: float = 1e-5,
    prior: float = 0.0,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit a grammar's probabilities to plain strings by expectation maximisation.

    Parameters
    ----------
    grammar : Grammar
        Its rules are kept, its probabilities are the starting point; a rule of probability 0
        stays at 0.
    strings : sequence of sequences of str
        Tokens; equal strings are computed once.
    iterations : int
        At most, 0 or more.
    tolerance : float
        Stop when the objective rises by less than this per token.
    prior : float
        Pseudo-count added to each rule of positive probability (a Dirichlet prior with parameter
        ``1 + prior``); 0 gives maximum likelihood.
    progress : callable, optional
        Called with the iteration and the log likelihood.

    Raises
    ------
    GrammarError
        If a string holds an unknown token or is not derived (named by its number), or there is
        none.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> result = fit(read_grammar("S -> (0.5) S S | (0.4) a | (0.1) b"), [["a", "b", "a"]])
    >>> [round(rule.probability, 3) for rule in result.grammar.rules]
    [0.4, 0.4, 0.2]
    """
    if not strings:
        raise GrammarError("fit needs at least one string, got none")
    if not 0 <= prior < np.inf:
        raise GrammarError(f"prior must be 0 or more, got {prior}")
    if iterations < 0:
        raise GrammarError(f"iterations must be 0 or more, got {iterations}")
    parser = Parser(grammar)
    unique: dict[tuple[str, ...], int] = {}
    for tokens in strings:
        unique[tuple(tokens)] = unique.get(tuple(tokens), 0) + 1
    for number, tokens in enumerate(strings):
        try:
            parser.encode(tokens)
        except GrammarError as error:
            raise GrammarError(f"string {number + 1}: {error}") from None
    problem = _Problem(
        parser.compiled,
        parser.pairing,
        encode([parser.encode(tokens) for tokens in unique]),
        np.array(list(unique.values()), dtype=np.float64),
        parser.start,
    )
    n_tokens = max(1, sum(len(tokens) for tokens in strings))
    owner = np.array([parser.compiled.index[rule.lhs] for rule in grammar.rules])
    probabilities = parser.probabilities.copy()
    allowed = probabilities[:-1] > 0
    counts = np.zeros(len(grammar.rules))
    likelihoods: list[float] = []
    objectives: list[float] = []
    for iteration in range(iterations + 1):
        last = iteration == iterations
        new_counts, by_string = problem.expect(probabilities, count=not last)
        if not np.all(np.isfinite(by_string)):
            _raise_first(parser, unique, by_string, strings)
        likelihood = float(problem.multiplicity @ by_string)
        likelihoods.append(likelihood)
        log_prior = prior * float(np.log(probabilities[:-1][allowed]).sum()) if prior else 0.0
        objectives.append(likelihood + log_prior)
        if progress is not None:
            progress(iteration, likelihood)
        if last:
            break
        if iteration and objectives[-1] - objectives[-2] < tolerance * n_tokens:
            break
        counts = new_counts
        probabilities[:-1] = _maximise(counts + prior * allowed, owner, probabilities[:-1])
    return Fit(
        grammar.with_probabilities(probabilities[:-1]),
        tuple(likelihoods),
        tuple(objectives),
        counts,
    )


def _maximise(counts: FloatArray, owner: np.ndarray, old: FloatArray) -> FloatArray:
    """Normalise counts by left side; a symbol that was never used keeps what it had."""
    totals = np.bincount(owner, weights=counts)
    used = totals[owner] > 0
    return np.where(used, counts / np.where(used, totals[owner], 1.0), old)


def _raise_first(
    parser: Parser,
    unique: dict[tuple[str, ...], int],
    by_string: FloatArray,
    strings: Sequence[Sequence[str]],
) -> None:
    bad = next(t for t, value in zip(unique, by_string, strict=True) if not np.isfinite(value))
    number = next(i for i, tokens in enumerate(strings) if tuple(tokens) == bad)
    try:
        parser.log_likelihood(bad)
    except GrammarError as error:
        raise GrammarError(f"string {number + 1}: {error}") from None
    raise GrammarError(f"string {number + 1} has probability 0")


@dataclass(frozen=True, eq=False)
class _Problem:
    """Strings to fit, each with how often it occurs."""

    compiled: Compiled
    pairing: Pairing
    encoded: Encoded
    multiplicity: FloatArray
    start: int

    def expect(self, probabilities: FloatArray, *, count: bool) -> tuple[FloatArray, FloatArray]:
        """Expected rule counts over all strings, and each string's log likelihood."""
        weights = make_weights(self.compiled, probabilities)
        lexical = self.encoded.lexical(weights)
        counts = Counts(self.compiled, len(self.encoded.classes))
        values = np.empty(self.encoded.n_strings)
        for indices, tokens in batches(self.compiled, self.encoded, self.pairing):
            chart = inside(self.compiled, weights, self.pairing, lexical, tokens, self.start)
            values[indices] = chart.log_likelihood
            if count:
                many = self.multiplicity[indices]
                outside(weights, self.pairing, chart, tokens, self.start, many, counts)
        rules = counts.rules(weights, self.encoded.classes, probabilities)
        return rules, values


def merge_symbols(grammar: Grammar, names: dict[str, str]) -> Grammar:
    """Rename nonterminals, adding up the probabilities of rules that become equal.

    Where several symbols become one, each has equal say in its probabilities.
    """
    counts: dict[tuple[str, tuple[Part, ...]], float] = {}
    for rule in grammar.rules:
        rhs = tuple(
            part
            if part.symbol.terminal
            else replace(
                part,
                symbol=replace(part.symbol, name=names.get(part.symbol.name, part.symbol.name)),
            )
            for part in rule.rhs
        )
        key = (names.get(rule.lhs, rule.lhs), rhs)
        counts[key] = counts.get(key, 0.0) + rule.probability
    start = names.get(grammar.start, grammar.start)
    totals: dict[str, list[float]] = {}
    for (lhs, _), value in counts.items():
        totals.setdefault(lhs, []).append(value)
    rules = [Rule(lhs, rhs, value / math.fsum(totals[lhs])) for (lhs, rhs), value in counts.items()]
    return useful(rules, replace(grammar, rules=tuple(rules), start=start, probabilistic=True))
