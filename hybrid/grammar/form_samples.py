"""Forms and chord progressions drawn from the grammars that were learned from songs.

The grammars ship as text files in ``hybrid/grammar/learned`` (``docs/learned-forms.md``); they can
be edited, and sampled and parsed as any grammar.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.plan import PlanChord, format_chords
from hybrid.core.resources import resource_path
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Grammar, Part
from hybrid.grammar.lengths import log_sum
from hybrid.grammar.notation import load_grammar
from hybrid.grammar.sample import Sampler

CHORDS = "-chords-"
GROUPS = ("verse", "chorus", "bridge", "prechorus", "intro", "solo", "outro")
QUARTERS = 4  # of a bar: the places where chords change
Step = tuple[float, str | None, int, str | None]


def learned_grammars() -> tuple[str, ...]:
    """Names of all learned grammars, forms and chords, in alphabetical order."""
    return tuple(sorted(path.stem for path in resource_path("grammar", "learned").glob("*.txt")))


def learned_forms() -> tuple[str, ...]:
    """Names for `sample_form`.

    >>> "billboard-form" in learned_forms()
    True
    """
    return tuple(name for name in learned_grammars() if CHORDS not in name)


@lru_cache(maxsize=32)
def load_learned(name: str) -> Grammar:
    """Read one of `learned_grammars`.

    Raises
    ------
    GrammarError
        If there is none of that name.
    """
    if name not in learned_grammars():
        known = ", ".join(learned_grammars())
        raise GrammarError(f"learned grammar must be one of {known}, got {name!r}")
    return load_grammar(resource_path("grammar", "learned", f"{name}.txt"))


@lru_cache(maxsize=64)
def _form_sampler(name: str, bars: int | None) -> Sampler:
    return Sampler(load_learned(name), length=bars)


def sample_form(
    name: str, rng: np.random.Generator, bars: int | None = None
) -> tuple[tuple[str, int | None], ...]:
    """Draw a form: section labels with bars.

    Parameters
    ----------
    name : str
        One of `learned_forms`.
    rng : np.random.Generator
    bars : int, optional
        Exact total. The draw is from the learned distribution given that total.

    Returns
    -------
    tuple of (str, int or None)
        Label and bars; None for SALAMI, which has no bars.

    Raises
    ------
    GrammarError
        If the name is unknown, the total has no derivation (the nearest that have one are
        named), or a total is asked of a grammar without bars.

    Examples
    --------
    >>> form = sample_form("billboard-form", np.random.default_rng(1), bars=80)
    >>> sum(bars for _, bars in form)
    80
    """
    if name not in learned_forms():
        raise GrammarError(f"form must be one of {', '.join(learned_forms())}, got {name!r}")
    has_bars = any(p.length is not None for rule in load_learned(name).rules for p in rule.rhs)
    if bars is not None and not has_bars:
        raise GrammarError(f"bars must be left out for {name}, whose corpus has none, got {bars}")
    leaves = _form_sampler(name, bars).sample(rng).leaves()
    return tuple(
        (leaf.symbol.name, None if leaf.duration is None or not has_bars else int(leaf.duration))
        for leaf in leaves
    )


def sample_chords(
    function: str,
    rng: np.random.Generator,
    bars: int,
    metre: str = "4/4",
    *,
    mode: str = "major",
    corpus: str = "billboard",
    longest: int = 2,
) -> str:
    """Draw a progression for a section as a chord line of `hybrid.core.plan.parse_chords`.

    Parameters
    ----------
    function : str
        One of `GROUPS`; ``phrase`` for POP909, which has letters only.
    rng : np.random.Generator
    bars : int
        Exact number, 1 or more.
    metre : str
        The corpora are used in 4/4. In other metres chords last whole bars.
    mode : str
        ``major`` or ``minor``: the key in which the numerals are to be read.
    corpus : str
        ``billboard`` or ``pop909``.
    longest : int
        Most bars of one chord, 1 or more. Many songs stay on one chord for eight bars and longer;
        16 allows that.

    Returns
    -------
    str
        Such as ``"I | IV V | vi | ."``.

    Raises
    ------
    GrammarError
        If an argument is none of these, or nothing of that length can be derived.

    Notes
    -----
    The draw is from the learned distribution given the total, the longest chord, and where in a
    bar chords may change: a chord shorter than a bar does not cross a bar line, and one that
    starts within a bar ends at its line or before.

    Examples
    --------
    >>> from hybrid.core.plan import parse_chords
    >>> line = sample_chords("chorus", np.random.default_rng(2), 8)
    >>> sum(chord.duration for chord in parse_chords(line, Metre.parse("4/4")))
    Fraction(32, 1)
    """
    if bars < 1:
        raise GrammarError(f"bars must be 1 or more, got {bars}")
    if longest < 1:
        raise GrammarError(f"longest must be 1 or more, got {longest}")
    name = f"{corpus}{CHORDS}{mode}"
    groups = GROUPS if corpus == "billboard" else ("phrase",)
    if name not in learned_grammars():
        known = ", ".join(n for n in learned_grammars() if CHORDS in n)
        raise GrammarError(f"corpus and mode must be those of {known}, got {name}")
    if function not in groups:
        raise GrammarError(f"function must be one of {', '.join(groups)}, got {function!r}")
    measure = Metre.parse(metre)
    walk = _chord_walk(name, measure.name == "4/4", longest, bars)
    start = next(symbol for symbol in (f"any {function}", function) if symbol in walk.steps)
    chords: list[PlanChord] = []
    at = Fraction(0)
    for numeral, quarters in walk.draw(start, rng):
        length = Fraction(quarters, QUARTERS) * measure.bar_quarters
        if chords and chords[-1].numeral == numeral:
            chords[-1] = replace(chords[-1], duration=chords[-1].duration + length)
        else:
            chords.append(PlanChord(at, length, numeral))
        at += length
    return format_chords(tuple(chords), measure)


@lru_cache(maxsize=64)
def _chord_walk(name: str, divided: bool, longest: int, bars: int) -> _Walk:
    return _Walk(load_learned(name), divided, longest, bars)


class _Walk:
    """Draws from a right-linear grammar, given a total and where in a bar chords may change.

    The place in the bar follows from what is left, so one table of symbols by what is left
    holds all conditions: the draw is exact, and nothing is drawn in vain.
    """

    def __init__(self, grammar: Grammar, divided: bool, longest: int, bars: int) -> None:
        self.grammar, self.total = grammar, bars * QUARTERS
        tokens = _Tokens(grammar)
        # Rule by rule: log probability, token or None, its length in quarters, what follows.
        self.steps: dict[str, list[Step]] = {}
        for name in grammar.nonterminals:
            if tokens.is_token(name):
                continue
            steps: list[Step] = []
            for rule in grammar.alternatives(name):
                if rule.probability <= 0:
                    continue
                head = rule.rhs[0] if rule.rhs and tokens.is_head(rule.rhs[0]) else None
                then = rule.rhs[1:] if head else rule.rhs
                after = then[0].symbol.name if then else None
                for part, share in tokens.of_part(head) if head else [(None, 1.0)]:
                    length = 0 if part is None else int(Fraction(part.length or 0) * QUARTERS)
                    text = None if part is None else part.symbol.name
                    if length <= longest * QUARTERS and share > 0:
                        steps.append((math.log(rule.probability * share), text, length, after))
            self.steps[name] = steps
        self.divided = divided
        self.order = self._order()
        self.logs: list[dict[str | None, float]] = []
        for left in range(self.total + 1):
            row: dict[str | None, float] = {None: 0.0 if left == 0 else -math.inf}
            self.logs.append(row)
            for name in self.order:
                row[name] = float(log_sum(np.array([-math.inf, *self._options(name, left)])))

    def _order(self) -> list[str]:
        """Symbols after all that they become without taking time."""
        order: list[str] = []
        state: dict[str, bool] = {}
        stack = [(name, False) for name in reversed(self.steps)]
        while stack:
            name, done = stack.pop()
            if done:
                state[name] = True
                order.append(name)
            elif name not in state:
                state[name] = False
                stack.append((name, True))
                for _, _, length, after in self.steps[name]:
                    if length == 0 and after is not None and not state.get(after, False):
                        if after in state:
                            raise GrammarError(
                                f"{self.grammar.source}: {after} must take time before it returns"
                            )
                        stack.append((after, False))
        return order

    def _options(self, name: str, left: int) -> list[float]:
        """Log weight of each step of a symbol with so many quarters left."""
        place = (self.total - left) % QUARTERS
        return [
            chance + self.logs[left - length][after]
            if length <= left and _fits(place, length, self.divided)
            else -math.inf
            for chance, _, length, after in self.steps[name]
        ]

    def draw(self, start: str, rng: np.random.Generator) -> list[tuple[str, int]]:
        """Tokens with their lengths in quarters of a bar."""
        left, symbol = self.total, start
        if not math.isfinite(self.logs[left][start]):
            raise GrammarError(
                f"{self.grammar.source}: {start} has no derivation of "
                f"{self.total // QUARTERS} bars with these bounds"
            )
        found: list[tuple[str, int]] = []
        after: str | None = symbol
        while after is not None:
            logs = np.array(self._options(after, left))
            weights = np.cumsum(np.exp(logs - logs.max()))
            at = int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
            _, text, length, after = self.steps[after][min(at, len(logs) - 1)]
            if text is not None and length:
                found.append((text, length))
            left -= length
        return found


def _fits(place: int, length: int, divided: bool) -> bool:
    """Whether a chord of so many quarters of a bar may start at this quarter of it."""
    if length == 0:
        return True
    if not divided:
        return length % QUARTERS == 0
    if place == 0:
        return length < QUARTERS or length % 2 == 0
    # Halves start at the half; nothing that starts within a bar crosses its line.
    return place + length <= QUARTERS and (length != 2 or place == 2)


class _Tokens:
    """Symbols of a grammar that derive single terminals only, with what they derive."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.known: dict[str, bool] = {}

    def is_token(self, name: str) -> bool:
        """Whether every derivation of this symbol is one terminal."""
        if name not in self.known:
            self.known[name] = False  # cycles are no tokens
            self.known[name] = all(
                len(rule.rhs) == 1
                and (rule.rhs[0].symbol.terminal or self.is_token(rule.rhs[0].symbol.name))
                for rule in self.grammar.alternatives(name)
            )
        return self.known[name]

    def is_head(self, part: Part) -> bool:
        """Whether a part is a terminal, or derives just one."""
        return part.symbol.terminal or self.is_token(part.symbol.name)

    def of_part(self, part: Part) -> list[tuple[Part | None, float]]:
        """Terminals with their probabilities."""
        if part.symbol.terminal:
            return [(part, 1.0)]
        found: list[tuple[Part | None, float]] = []
        for rule in self.grammar.alternatives(part.symbol.name):
            found += [(p, rule.probability * share) for p, share in self.of_part(rule.rhs[0])]
        return found
