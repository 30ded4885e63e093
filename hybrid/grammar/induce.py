"""Rules from plain strings: by pairing neighbours, and by merging symbols that behave alike.

Both steps shorten one description, that of the rules together with the strings under them, and
stop where nothing shortens it any more. What comes out is a grammar of some dozens of rules that
people can read and edit, where the latent grammars of :mod:`hybrid.grammar.latent` have thousands.
Its probabilities are counts; :func:`hybrid.grammar.learn.fit` refines them.

Notes
-----
A step either replaces a pair of neighbours by a new symbol wherever it stands (Re-Pair's step) or
makes two symbols one (model merging). Every sign of a rule costs the logarithm of the number of
symbols; the choices made in deriving the strings cost their marginal likelihood under a uniform
Dirichlet prior. Steps are greedy: Stolcke and Omohundro look several merges ahead, here only the
best next one counts, and of the pairs only the most frequent are weighed.

References
----------
Larsson, N. J. and Moffat, A. (2000). Off-line dictionary-based compression. Proceedings of the
IEEE 88(11), 1722-1732. doi:10.1109/5.892708
Nevill-Manning, C. G. and Witten, I. H. (1997). Identifying hierarchical structure in sequences: a
linear-time algorithm. Journal of Artificial Intelligence Research 7, 67-82.
Stolcke, A. and Omohundro, S. (1994). Inducing probabilistic grammars by Bayesian model merging.
Grammatical Inference and Applications, LNCS 862, 106-118. doi:10.1007/3-540-58473-0_141
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hybrid.core.errors import GrammarError
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol
from hybrid.grammar.latent import terminal_part

Body = tuple[int, ...]
Moves = dict[tuple[int, Body], int]  # rules, and how often more or less they are used
START, REST = 0, 1
WEIGHED_PAIRS = 60
LEAST_GAIN = 1e-6  # bits; less is rounding


@dataclass(frozen=True, eq=False)
class Induction:
    """A grammar found from strings, and how.

    Attributes
    ----------
    grammar : Grammar
        Probabilities are the relative frequencies of rules in the derivations the steps left.
    bits : tuple of float
        Description length at the beginning and after each step; falls.
    steps : tuple of str
        What each step did.
    """

    grammar: Grammar
    bits: tuple[float, ...]
    steps: tuple[str, ...]


@dataclass
class _Sums:
    """What a symbol's description needs to know of its rules."""

    n_rules: int = 0
    total: int = 0
    log_factorials: float = 0.0
    signs: int = 0  # right sides, each with its left side and end

    def move(self, body: Body, old: int, new: int) -> None:
        """A right side is used ``new`` times instead of ``old``."""
        present = (new > 0) - (old > 0)
        self.n_rules += present
        self.signs += present * (len(body) + 2)
        self.total += new - old
        self.log_factorials += math.lgamma(new + 1) - math.lgamma(old + 1)

    def bits(self) -> float:
        """Choices among the rules: minus the log marginal likelihood."""
        if self.n_rules == 0:
            return 0.0
        odds = math.lgamma(self.total + self.n_rules) - math.lgamma(self.n_rules)
        return (odds - self.log_factorials) / math.log(2)


class _Model:
    """Rules with the number of their uses, and the description length of all.

    Strings are lists of items: ``START -> item REST | item``, and ``REST`` likewise. Symbols are
    numbers: those two, one for each terminal, then pairs; terminals themselves are negative.
    """

    def __init__(self, strings: Sequence[Sequence[str]]) -> None:
        self.terminals = sorted({token for string in strings for token in string})
        index = {token: number + 2 for number, token in enumerate(self.terminals)}
        self.next = 2 + len(self.terminals)
        self.groups: dict[int, dict[Body, int]] = {s: {} for s in range(self.next)}
        self.sums: dict[int, _Sums] = {s: _Sums() for s in range(self.next)}
        self.where: dict[int, dict[tuple[int, Body], None]] = {}
        self.strings: dict[Body, int] = {}
        self.signs = 0
        moves: Moves = {}
        for string in strings:
            body = tuple(index[token] for token in string)
            self.strings[body] = self.strings.get(body, 0) + 1
            for symbol in body:
                _add(moves, symbol, (1 - symbol,), 1)
        for body, count in self.strings.items():
            _add_string(moves, body, count)
        self.apply(moves)

    def alphabet(self, change: int = 0) -> float:
        """Bits of one sign: symbols, terminals, and the end of a right side."""
        return math.log2(len(self.groups) + len(self.terminals) + 1 + change)

    def bits(self) -> float:
        """Description length."""
        return self.signs * self.alphabet() + math.fsum(s.bits() for s in self.sums.values())

    def apply(self, moves: Moves) -> None:
        """Change how often rules are used."""
        for (lhs, body), by in moves.items():
            group = self.groups[lhs]
            old = group.get(body, 0)
            new = old + by
            before = self.sums[lhs].signs
            self.sums[lhs].move(body, old, new)
            self.signs += self.sums[lhs].signs - before
            if new:
                group[body] = new
            else:
                group.pop(body, None)
            for symbol in dict.fromkeys(body):
                places = self.where.setdefault(symbol, {})
                if new:
                    places[lhs, body] = None
                else:
                    places.pop((lhs, body), None)

    def gain(self, moves: Moves, symbols: int, gone: int | None = None) -> float:
        """Bits saved by changes that make ``symbols`` symbols more, one of them ``gone``."""
        sums: dict[int, _Sums] = {}
        for (lhs, body), by in moves.items():
            if lhs not in sums:
                sums[lhs] = replace(self.sums[lhs]) if lhs in self.sums else _Sums()
            old = self.groups[lhs].get(body, 0) if lhs in self.groups else 0
            sums[lhs].move(body, old, old + by)
        old_signs = sum(self.sums[s].signs for s in sums if s in self.sums)
        signs = self.signs - old_signs + sum(s.signs for s in sums.values())
        before = self.signs * self.alphabet()
        before += math.fsum(self.sums[s].bits() for s in sums if s in self.sums)
        after = signs * self.alphabet(symbols)
        after += math.fsum(s.bits() for lhs, s in sums.items() if lhs != gone)
        return before - after

    # -- pairing -------------------------------------------------------------------------------

    def frequent_pairs(self) -> list[tuple[int, int]]:
        """Neighbours in strings and right sides, the most frequent first."""
        counts: dict[tuple[int, int], int] = {}
        for body, count in self.strings.items():
            for pair in pairwise(body):
                counts[pair] = counts.get(pair, 0) + count
        for lhs, group in self.groups.items():
            for body in group:
                if lhs > REST and len(body) > 2:
                    for pair in pairwise(body):
                        counts[pair] = counts.get(pair, 0) + 1
        order = sorted(counts, key=lambda pair: (-counts[pair], pair))
        return [pair for pair in order[:WEIGHED_PAIRS] if counts[pair] > 1]

    def pair_moves(self, pair: tuple[int, int]) -> tuple[Moves, dict[Body, Body]]:
        """Changes that put a new symbol for a pair, and the strings that become others."""
        moves: Moves = {}
        uses = 0
        renewed: dict[Body, Body] = {}
        for body, count in self.strings.items():
            if pair[0] in body:
                new, found = _replace(body, pair, self.next)
                if found:
                    renewed[body] = new
                    uses += found * count
                    _add_string(moves, body, -count)
                    _add_string(moves, new, count)
        for lhs, body in self.where.get(pair[0], {}):
            if lhs > REST and len(body) > 2:
                new, found = _replace(body, pair, self.next)
                if found:
                    count = self.groups[lhs][body]
                    uses += found * count
                    _add(moves, lhs, body, -count)
                    _add(moves, lhs, new, count)
        _add(moves, self.next, pair, uses)
        return moves, renewed

    def best_pair(self) -> tuple[float, tuple[int, int]] | None:
        """The pair whose replacement shortens the description most, and by how many bits."""
        found = [(self.gain(self.pair_moves(p)[0], 1), p) for p in self.frequent_pairs()]
        return max(found, key=lambda row: (row[0], row[1]), default=None)

    def replace_pair(self, pair: tuple[int, int]) -> None:
        """Make a symbol for a pair and put it everywhere the pair stands."""
        moves, renewed = self.pair_moves(pair)
        self.groups[self.next], self.sums[self.next] = {}, _Sums()
        self.next += 1
        self.apply(moves)
        self._renew(renewed)

    def _renew(self, renewed: Mapping[Body, Body]) -> None:
        counts: dict[Body, int] = {}
        for body, count in self.strings.items():
            new = renewed.get(body, body)
            counts[new] = counts.get(new, 0) + count
        self.strings = counts

    # -- merging -------------------------------------------------------------------------------

    def merge_moves(self, keep: int, drop: int) -> Moves:
        """Changes that make ``drop`` the same symbol as ``keep``."""
        moves: Moves = {}
        rows = dict.fromkeys((drop, body) for body in self.groups[drop])
        rows |= self.where.get(drop, {})
        for lhs, body in rows:
            count = self.groups[lhs][body]
            renamed = tuple(keep if symbol == drop else symbol for symbol in body)
            target = keep if lhs == drop else lhs
            _add(moves, lhs, body, -count)
            if renamed != (target,):  # "X -> X" says nothing
                _add(moves, target, renamed, count)
        return moves

    def best_merge(self) -> tuple[float, int, int] | None:
        """The merge that shortens the description most: bits, symbol kept, symbol dropped."""
        places = {s: len(self.where.get(s, {})) + len(g) for s, g in self.groups.items()}
        # The symbol with fewer places is rewritten, which makes it cheap to try all pairs.
        order = sorted((s for s in self.groups if s > REST), key=lambda s: (-places[s], s))
        best: tuple[float, int, int] | None = None
        for number, drop in enumerate(order):
            for keep in order[:number]:
                gain = self.gain(self.merge_moves(keep, drop), -1, gone=drop)
                if best is None or gain > best[0] + LEAST_GAIN:
                    best = (gain, keep, drop)
        return best

    def merge(self, keep: int, drop: int) -> None:
        """Make two symbols one."""
        self.apply(self.merge_moves(keep, drop))
        del self.groups[drop], self.sums[drop]
        self.where.pop(drop, None)
        rename = {drop: keep}
        self._renew({b: tuple(rename.get(s, s) for s in b) for b in self.strings if drop in b})

    def name(self, symbol: int) -> str:
        """For the list of steps."""
        known = symbol - 2 < len(self.terminals)
        return self.terminals[symbol - 2] if known else f"#{symbol}"


def _add(moves: Moves, lhs: int, body: Body, by: int) -> None:
    moves[lhs, body] = moves.get((lhs, body), 0) + by


def _add_string(moves: Moves, body: Body, by: int) -> None:
    """Uses of the rules that list a string's items."""
    for place, item in enumerate(body):
        last = place == len(body) - 1
        _add(moves, START if place == 0 else REST, (item,) if last else (item, REST), by)


def _replace(body: Body, pair: tuple[int, int], new: int) -> tuple[Body, int]:
    """Put ``new`` for a pair, from the left and without overlap; how often it stood there."""
    made: list[int] = []
    at = found = 0
    while at < len(body):
        if body[at : at + 2] == pair:
            made.append(new)
            found += 1
            at += 2
        else:
            made.append(body[at])
            at += 1
    return tuple(made), found


def _as_grammar(
    groups: Mapping[int, Mapping[Body, int]], terminals: Sequence[str], start: str, prefix: str
) -> Grammar:
    """Name the symbols in the order they are met, and leave out those that are one terminal."""
    alone = {
        symbol: body[0]
        for symbol, group in groups.items()
        if symbol > REST and len(group) == 1
        for body in group
        if len(body) == 1 and body[0] < 0
    }
    order = [START]
    for symbol in order:
        for body in sorted(groups[symbol], key=lambda b: (-groups[symbol][b], b)):
            order += [s for s in dict.fromkeys(body) if s > 0 and s not in (*order, *alone)]
    names = {symbol: f"{prefix}{number}" for number, symbol in enumerate(order)}
    names[START] = start
    if REST in names:
        names[REST] = f"{start}{prefix}"

    def part(symbol: int) -> Part:
        symbol = alone.get(symbol, symbol)
        return terminal_part(terminals[-symbol - 1]) if symbol < 0 else Part(Symbol(names[symbol]))

    rules = []
    for symbol in order:
        total = sum(groups[symbol].values())
        bodies = sorted(groups[symbol].items(), key=lambda row: (-row[1], row[0]))
        rules += [
            Rule(names[symbol], tuple(part(s) for s in body), count / total)
            for body, count in bodies
        ]
    return Grammar(tuple(rules), start)


def _check(strings: Sequence[Sequence[str]]) -> None:
    if not strings or not all(len(string) for string in strings):
        raise GrammarError("rules can only be found from one string or more, none of them empty")


def induce(
    strings: Sequence[Sequence[str]],
    *,
    start: str = "S",
    prefix: str = "X",
    progress: Callable[[int, float], None] | None = None,
) -> Induction:
    """Find a small grammar that describes strings and strings like them.

    Parameters
    ----------
    strings : sequence of sequences of str
        Tokens; those of the form ``a[8]`` become terminals with lengths. None may be empty.
    start, prefix : str
        Names: the start symbol, and the beginning of the others (``X1``, ``X2``, ...). The rest
        of a list of items has both (``SX``).
    progress : callable, optional
        Called with the number of steps and the description length in bits.

    Raises
    ------
    GrammarError
        If there are no strings, or one is empty.

    Examples
    --------
    >>> from hybrid.grammar.notation import format_grammar
    >>> songs = [f"i {'v c ' * n}o".split() for n in (1, 2, 3, 4)] * 5
    >>> print(format_grammar(induce(songs).grammar, digits=2), end="")
    %weights
    S -> (1) 'i' SX
    SX -> (0.71) X2 SX | (0.29) 'o'
    X2 -> (1) 'v' 'c'
    """
    _check(strings)
    model = _Model(strings)
    bits = [model.bits()]
    steps: list[str] = []
    while True:
        pair, merge = model.best_pair(), model.best_merge()
        gains = [0.0 if found is None else found[0] for found in (pair, merge)]
        if max(gains) <= LEAST_GAIN:
            break
        if pair is not None and gains[0] >= gains[1]:
            steps.append(f"pair {model.name(pair[1][0])} {model.name(pair[1][1])} as #{model.next}")
            model.replace_pair(pair[1])
        else:
            assert merge is not None
            steps.append(f"merge {model.name(merge[2])} into {model.name(merge[1])}")
            model.merge(merge[1], merge[2])
        bits.append(model.bits())
        if progress is not None:
            progress(len(steps), bits[-1])
    grammar = _as_grammar(model.groups, model.terminals, start, prefix)
    return Induction(grammar, tuple(bits), tuple(steps))


def compress(strings: Sequence[Sequence[str]], *, start: str = "S", prefix: str = "X") -> Grammar:
    """A grammar of exactly the given strings in which nothing repeats unnamed (Re-Pair).

    The most frequent pair of neighbours becomes a symbol, again and again until no pair stands
    twice; symbols used only once are put back where they stand. Each string has one derivation,
    which shows what it repeats and at what levels.

    Parameters and errors are those of :func:`induce`.

    Examples
    --------
    >>> from hybrid.grammar.notation import format_grammar
    >>> print(format_grammar(compress(["a a b a a b c".split()])), end="")
    S -> (1) X1 X1 'c'
    X1 -> (1) 'a' 'a' 'b'
    """
    _check(strings)
    terminals = sorted({token for string in strings for token in string})
    index = {token: -number - 1 for number, token in enumerate(terminals)}
    texts: dict[Body, int] = {}
    for string in strings:
        body = tuple(index[token] for token in string)
        texts[body] = texts.get(body, 0) + 1
    rules: dict[int, Body] = {}
    new = REST + 1
    while True:
        counts: dict[tuple[int, int], int] = {}
        for body in (*texts, *rules.values()):
            ended: dict[tuple[int, int], int] = {}  # where the pair ended last: no overlap
            for place, pair in enumerate(pairwise(body)):
                if ended.get(pair, -1) < place:
                    counts[pair] = counts.get(pair, 0) + 1
                    ended[pair] = place + 1
        best = max(counts, key=lambda p: (counts[p], -p[0], -p[1]), default=None)
        if best is None or counts[best] < 2:
            break
        texts = {_replace(body, best, new)[0]: count for body, count in texts.items()}
        rules = {s: _replace(body, best, new)[0] for s, body in rules.items()}
        rules[new] = best
        new += 1
    for symbol in list(rules):
        bodies = (*texts, *rules.values())
        if sum(body.count(symbol) for body in bodies) == 1:
            inside = rules.pop(symbol)
            texts = {_put(body, symbol, inside): count for body, count in texts.items()}
            rules = {s: _put(body, symbol, inside) for s, body in rules.items()}
    groups: dict[int, Mapping[Body, int]] = {START: texts}
    groups |= {symbol: {body: 1} for symbol, body in rules.items()}
    return _as_grammar(groups, terminals, start, prefix)


def _put(body: Body, symbol: int, inside: Body) -> Body:
    return tuple(s for x in body for s in (inside if x == symbol else (x,)))
