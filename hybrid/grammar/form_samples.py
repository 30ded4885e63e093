"""Forms and chord progressions drawn from the grammars that were learned from songs.

The grammars ship as text files in ``hybrid/grammar/learned`` (``docs/learned-forms.md``); they can
be edited, and sampled and parsed as any grammar.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.plan import PlanChord, format_chords
from hybrid.core.resources import resource_path
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol, useful
from hybrid.grammar.notation import load_grammar
from hybrid.grammar.sample import Sampler

CHORDS = "-chords-"
GROUPS = ("verse", "chorus", "bridge", "prechorus", "intro", "solo", "outro")
PHASES = tuple(Fraction(n, 4) for n in range(4))  # places in a bar where chords change


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
    The grammar knows lengths and not places in the bar. Here it is crossed with the places: a
    chord shorter than a bar may not cross a bar line, and one that starts within a bar ends at
    its line or before. What remains at a place shares the probability in proportion, so this is
    close to the learned distribution, not that distribution under a condition.

    Examples
    --------
    >>> from hybrid.core.plan import parse_chords
    >>> line = sample_chords("chorus", np.random.default_rng(2), 8)
    >>> sum(chord.duration for chord in parse_chords(line, Metre.parse("4/4")))
    Fraction(32, 1)
    """
    if bars < 1:
        raise GrammarError(f"bars must be 1 or more, got {bars}")
    name = f"{corpus}{CHORDS}{mode}"
    groups = GROUPS if corpus == "billboard" else ("phrase",)
    if name not in learned_grammars():
        known = ", ".join(n for n in learned_grammars() if CHORDS in n)
        raise GrammarError(f"corpus and mode must be those of {known}, got {name}")
    if function not in groups:
        raise GrammarError(f"function must be one of {', '.join(groups)}, got {function!r}")
    measure = Metre.parse(metre)
    sampler = _chord_sampler(name, function, measure.name == "4/4", bars)
    chords: list[PlanChord] = []
    at = Fraction(0)
    for leaf in sampler.sample(rng).leaves():
        length = Fraction(leaf.duration or 0) * measure.bar_quarters
        if length == 0:
            continue
        if chords and chords[-1].numeral == leaf.symbol.name:
            chords[-1] = replace(chords[-1], duration=chords[-1].duration + length)
        else:
            chords.append(PlanChord(at, length, leaf.symbol.name))
        at += length
    return format_chords(tuple(chords), measure)


@lru_cache(maxsize=256)
def _chord_sampler(name: str, function: str, divided: bool, bars: int) -> Sampler:
    return Sampler(_crossed(name, function, divided), length=bars)


@lru_cache(maxsize=64)
def _crossed(name: str, function: str, divided: bool) -> Grammar:
    """A chord grammar from one function on, crossed with places in the bar (see Notes above)."""
    grammar = load_learned(name)
    rules = {lhs: grammar.alternatives(lhs) for lhs in grammar.nonterminals}
    tokens = _Tokens(grammar)
    choices_of = (f"any {function}", function)
    first = next((name for name in choices_of if name in rules), grammar.start)
    made: list[Rule] = []
    queue = [(first, Fraction(0))]
    seen = set(queue)
    for symbol, place in queue:
        lhs = _placed(symbol, place)
        for rule in rules[symbol]:
            names = [part.symbol for part in rule.rhs]
            if names and (names[0].terminal or tokens.is_token(names[0].name)):
                choices = tokens.of_part(rule.rhs[0])
                then = rule.rhs[1:]
            else:
                choices, then = [(None, 1.0)], rule.rhs
            for part, share in choices:
                length = Fraction(0) if part is None else Fraction(part.length or 0)
                if not _fits(place, length, divided):
                    continue
                after = (place + length) % 1
                rhs = [] if part is None else [part]
                for node in then:
                    rhs.append(Part(Symbol(_placed(node.symbol.name, after))))
                    if (node.symbol.name, after) not in seen:
                        seen.add((node.symbol.name, after))
                        queue.append((node.symbol.name, after))
                made.append(Rule(lhs, tuple(rhs), rule.probability * share))
    merged: dict[tuple[str, tuple[Part, ...]], float] = {}
    for rule in made:
        key = (rule.lhs, rule.rhs)
        merged[key] = merged.get(key, 0.0) + rule.probability
    flat = [Rule(lhs, rhs, weight) for (lhs, rhs), weight in merged.items()]
    heads = {rule.lhs for rule in flat}
    flat = [r for r in flat if all(s.terminal or s.name in heads for s in r.symbols)]
    start = _placed(first, Fraction(0))
    blank = Grammar((Rule(start, (), 1.0),), start)
    return useful(flat, blank)


def _placed(name: str, place: Fraction) -> str:
    return f"{name} at {place}"


def _fits(place: Fraction, length: Fraction, divided: bool) -> bool:
    if length == 0:
        return True
    if not divided:
        return place == 0 and length.denominator == 1
    if place == 0:
        return length < 1 or (length * 2).denominator == 1
    # Halves start at the half; nothing that starts within a bar crosses its line.
    return place + length <= 1 and (length != Fraction(1, 2) or place == Fraction(1, 2))


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

    def of_part(self, part: Part) -> list[tuple[Part | None, float]]:
        """Terminals with their probabilities."""
        if part.symbol.terminal:
            return [(part, 1.0)]
        found: list[tuple[Part | None, float]] = []
        for rule in self.grammar.alternatives(part.symbol.name):
            found += [(p, rule.probability * share) for p, share in self.of_part(rule.rhs[0])]
        return found
