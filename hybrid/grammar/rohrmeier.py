"""Phrases by Rohrmeier's generative syntax of tonal harmony.

``forms/rohrmeier-major.txt`` and ``-minor.txt`` are the rules. Phrases (P) rewrite to a tonic
region; regions (TR, DR, SR) to regions and functions; functions to functions and degrees;
degrees to chords. A function may become the tonic of a new key: a rule such as ``tp -> TR@VI``
is written out as a copy of the whole grammar in that key, whose chords read ``i@VI``. So it is
one context-free grammar, and each derivation parses again.

Provenance: the symbols, ``piece -> P+``, ``P -> TR``, ``TR -> TR DR``, ``TR -> DR t``, ``DR ->
SR d``, ``XR -> XR XR``, ``TR -> t``, ``DR -> d``, ``SR -> s``, modulation, ``t -> tp | tcp``,
``s -> sp``, ``d -> dp`` and the parallels' degrees are as a source here quotes them (its
numbering of the rule X -> D(X) X could not be verified); the degrees of t, s and d and the form
of D(X) are from memory of the publication. Ours are: all probabilities; that modulations do not
nest; that in minor ``iio`` stands for the subdominant; and that only those degrees have applied
dominants whose chords the tables know.

References
----------
Rohrmeier, M. (2011). Towards a generative syntax of tonal harmony. Journal of Mathematics and
Music, 5(1), 35-53. doi:10.1080/17459737.2011.573676
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.resources import resource_path
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.chords_functions import Degree, reduce_numeral, voice_degrees
from hybrid.grammar.chords_habits import PLAIN, Before, ChordStyle
from hybrid.grammar.chords_rhythm import draw_slots
from hybrid.grammar.keys import degree_key
from hybrid.grammar.notation import load_grammar
from hybrid.grammar.parse import Parse, Parser
from hybrid.grammar.rule import Part, Rule, Symbol
from hybrid.grammar.trees import Tree

#: The degrees on which a phrase of each cadence ends; there is no plagal rule in this grammar.
CADENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "major": {"PAC": ("V", "I"), "IAC": ("V", "I"), "HC": ("V",), "DC": ("V", "vi"), "none": ()},
    "minor": {"PAC": ("V", "i"), "IAC": ("V", "i"), "HC": ("V",), "DC": ("V", "VI"), "none": ()},
}


def _mode(key: Key) -> str:
    return "minor" if key.is_minor else "major"


@lru_cache(maxsize=2)
def rules(mode: str) -> Grammar:
    """The rules of a mode as the text file has them, modulations as parts with a degree."""
    return load_grammar(resource_path("grammar", "forms", f"rohrmeier-{mode}.txt"))


@lru_cache(maxsize=2)
def rohrmeier_grammar(mode: str) -> Grammar:
    """The grammar of ``major`` or ``minor`` as one context-free grammar.

    Every degree to which a function may modulate gets a copy of the rules of that key's mode,
    its symbols and chords marked with the degree, without further modulations.

    Examples
    --------
    >>> grammar = rohrmeier_grammar("major")
    >>> grammar.kind, "i@VI" in grammar.terminals, "V/V" in grammar.terminals
    ('probabilistic', True, True)
    """
    own = rules(mode)
    found = [_unmarked(rule) for rule in own.rules]
    degrees = dict.fromkeys(part.degree for rule in own.rules for part in rule.rhs if part.degree)
    home = Key(0, mode)
    for degree in degrees:
        target = rules(_mode(degree_key(home, degree)))
        found += _copy(target, degree)
    return Grammar(tuple(found), own.start, source=f"rohrmeier-{mode}")


def _unmarked(rule: Rule) -> Rule:
    """A rule whose modulating part names the copy of the grammar in its key."""
    parts = tuple(
        part if part.degree is None else Part(Symbol(f"{part.symbol.name}@{part.degree}"))
        for part in rule.rhs
    )
    return replace(rule, rhs=parts)


def _copy(grammar: Grammar, degree: str) -> list[Rule]:
    """The rules below TR in a key, without modulations; what remains shares their probability."""
    copies = []
    for name in grammar.nonterminals:
        if name in ("piece", "P"):
            continue
        kept = [r for r in grammar.alternatives(name) if all(p.degree is None for p in r.rhs)]
        total = sum(rule.probability for rule in kept)
        for rule in kept:
            parts = tuple(
                Part(Symbol(f"{part.symbol.name}@{degree}", part.symbol.terminal))
                for part in rule.rhs
            )
            copies.append(Rule(f"{name}@{degree}", parts, rule.probability / total))
    return copies


@lru_cache(maxsize=4)
def _parser(mode: str, start: str) -> Parser:
    return Parser(rohrmeier_grammar(mode), start=start)


@dataclass(frozen=True)
class Derivation:
    """A derivation of a phrase or a piece.

    Attributes
    ----------
    tree : Tree
    key : Key
    """

    tree: Tree
    key: Key

    @property
    def tokens(self) -> tuple[str, ...]:
        """Chords as the grammar names them: ``V``, ``V/ii``, ``i@VI``."""
        return self.tree.tokens()

    @property
    def degrees(self) -> tuple[tuple[str, Key], ...]:
        """Each chord's degree and the key it is read in."""
        found = []
        for token in self.tokens:
            name, _, degree = token.partition("@")
            found.append((name, degree_key(self.key, degree) if degree else self.key))
        return tuple(found)


def derive(
    key: Key, n_chords: int, rng: np.random.Generator, *, cadence: str = "PAC", start: str = "P"
) -> Derivation:
    """Draw a derivation of so many chords that ends in a cadence.

    The draw is exact: the grammar's own distribution given number of chords, the tonic as first
    chord, and the cadence's degrees as the last ones.

    Parameters
    ----------
    key : Key
        Modes count as major or minor by their third.
    n_chords : int
        3 or more; 2 for a half cadence; 1 where there is no cadence.
    rng : np.random.Generator
    cadence : str
        ``PAC``, ``IAC``, ``HC``, ``DC`` or ``none``.
    start : str
        ``P`` for a phrase, ``piece`` for one or more.

    Raises
    ------
    GrammarError
        If no derivation does that.

    Examples
    --------
    >>> derivation = derive(Key.parse("C"), 8, np.random.default_rng(5))
    >>> derivation.tokens[0], derivation.tokens[-2:], len(derivation.tokens)
    ('I', ('V', 'I'), 8)
    """
    mode = _mode(key)
    if cadence not in CADENCES[mode]:
        known = ", ".join(CADENCES[mode])
        raise GrammarError(f"cadence must be one of {known} in this grammar, got {cadence!r}")
    ending = CADENCES[mode][cadence]
    if n_chords < len(ending) + (cadence != "none"):
        raise GrammarError(f"n_chords must leave room for {cadence}, got {n_chords}")
    free: list[str | None] = [None] * (n_chords - len(ending))
    if free:
        free[0] = "i" if mode == "minor" else "I"
    return Derivation(_parser(mode, start).sample([*free, *ending], rng), key)


def analyse(chords: Sequence[PlanChord], key: Key, *, start: str = "piece") -> Parse:
    """The most probable derivation of a progression.

    Chords are reduced to their degrees; those in another key must be in one to which a function
    of ``key`` can modulate.

    Raises
    ------
    GrammarError
        If the grammar does not derive it; names the first chord that cannot follow.
    """
    mode = _mode(key)
    tokens = []
    names = {
        degree_key(key, part.degree): part.degree
        for rule in rules(mode).rules
        for part in rule.rhs
        if part.degree
    }
    for chord in chords:
        token = reduce_numeral(chord.numeral)
        if chord.key is not None and chord.key != key:
            if chord.key not in names:
                raise GrammarError(f"no function of {key.name} modulates to {chord.key.name}")
            token = f"{token}@{names[chord.key]}"
        tokens.append(token)
    return _parser(mode, start).parse(tokens)


def progression(
    key: Key,
    metre: Metre,
    bars: int,
    rng: np.random.Generator,
    *,
    cadence: str = "PAC",
    pace: float = 2.0,
    style: ChordStyle = PLAIN,
    before: Before | None = None,
) -> tuple[tuple[PlanChord, ...], Derivation]:
    """A phrase of so many bars: harmonic rhythm, a derivation, and chords four voices can have.

    Parameters are those of `hybrid.grammar.chords_phrase.phrase_chords`.
    """
    least = max(len(CADENCES[_mode(key)].get(cadence, ())) + 1, 1)
    slots = draw_slots(metre, bars, pace, rng, cadence=cadence, minimum=least)
    derivation = derive(key, len(slots), rng, cadence=cadence)
    degrees = [
        Degree(name, local, slot.duration)
        for (name, local), slot in zip(derivation.degrees, slots, strict=True)
    ]
    chords = voice_degrees(degrees, key, metre, rng, cadence=cadence, style=style, before=before)
    return chords, derivation
