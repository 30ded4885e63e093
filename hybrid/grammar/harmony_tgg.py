"""Phrases by a temporal graph grammar: functions that divide their time.

``forms/temporal-major.txt`` and ``-minor.txt`` are the rules; `hybrid.grammar.temporal` draws
derivations. A duration is handed down and divided, so a phrase fills its bars exactly; a ``let``
uses one sub-derivation twice, which makes the derivation a graph; ``VI -> I@VI`` changes the
key. The idea is Quick and Hudak's; which regions divide how, the closing and opening symbols and
all probabilities are ours.

References
----------
Quick, D., & Hudak, P. (2013). A temporal generative graph grammar for harmonic and metrical
structure. Proceedings of the International Computer Music Conference.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.resources import resource_path
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.chords_functions import Degree, voice_degrees
from hybrid.grammar.chords_habits import PLAIN, Before, ChordStyle
from hybrid.grammar.notation import load_grammar
from hybrid.grammar.temporal import derive as derive_temporal
from hybrid.grammar.trees import Tree

#: Start symbol for each cadence; the other cadences are not in this grammar.
STARTS = {"PAC": "Closed", "IAC": "Closed", "HC": "Open", "none": "T"}
#: Regions too short to be divided stand for their chord.
_REGIONS = {
    "major": dict(T="I", D="V", S="IV", I="I", V="V", VI="vi", IV="IV", II="ii"),
    "minor": dict(T="i", D="V", S="iv", I="i", V="V", VI="VI", IV="iv", II="iio"),
}


@lru_cache(maxsize=2)
def temporal_grammar(mode: str) -> Grammar:
    """The rules for ``major`` or ``minor``."""
    return load_grammar(resource_path("grammar", "forms", f"temporal-{mode}.txt"))


def _mode(key: Key) -> str:
    return "minor" if key.is_minor else "major"


@dataclass(frozen=True)
class TemporalDerivation:
    """A derivation, every node of which has a duration in quarters and a key."""

    tree: Tree
    key: Key

    @property
    def degrees(self) -> tuple[Degree, ...]:
        """The chords in order; equal neighbours count as one."""
        found: list[Degree] = []
        for leaf in self.tree.leaves():
            assert leaf.duration is not None
            local = leaf.key or self.key
            name = leaf.symbol.name
            if not leaf.symbol.terminal:
                name = _REGIONS[_mode(local)][name]
            elif (name, _mode(local)) in _IN_OTHER_MODE:
                name = _IN_OTHER_MODE[name, _mode(local)]
            if found and (found[-1].name, found[-1].key) == (name, local):
                last = found.pop()
                found.append(Degree(name, local, last.duration + leaf.duration))
            else:
                found.append(Degree(name, local, leaf.duration))
        return tuple(found)


#: Terminals of one mode's rules in a key of the other mode.
_IN_OTHER_MODE = {
    ("I", "minor"): "i", ("IV", "minor"): "iv", ("ii", "minor"): "iio", ("vi", "minor"): "VI",
    ("i", "major"): "I", ("iv", "major"): "IV", ("iio", "major"): "ii", ("VI", "major"): "vi",
}  # fmt: skip


def derive(
    key: Key,
    quarters: Fraction | int,
    rng: np.random.Generator,
    *,
    cadence: str = "PAC",
    shortest: Fraction | int = 1,
) -> TemporalDerivation:
    """Draw a derivation that lasts exactly ``quarters``.

    Parameters
    ----------
    key : Key
    quarters : Fraction
    rng : np.random.Generator
    cadence : str
        ``PAC``, ``IAC``, ``HC`` or ``none``.
    shortest : Fraction
        Nothing is divided below so many quarters; at most an eighth of the whole.

    Raises
    ------
    GrammarError
        If the cadence is not in this grammar.

    Examples
    --------
    >>> derivation = derive(Key.parse("C"), 16, np.random.default_rng(3))
    >>> sum(degree.duration for degree in derivation.degrees), derivation.degrees[-1].name
    (Fraction(16, 1), 'I')
    """
    if cadence not in STARTS:
        raise GrammarError(
            f"cadence must be one of {', '.join(STARTS)} in this grammar, got {cadence!r}"
        )
    whole = Fraction(quarters)
    tree = derive_temporal(
        temporal_grammar(_mode(key)),
        rng,
        duration=whole,
        key=key,
        minimum=min(Fraction(shortest), whole / 8),
        start=STARTS[cadence],
    )
    return TemporalDerivation(tree, key)


def progression(
    key: Key,
    metre: Metre,
    bars: int,
    rng: np.random.Generator,
    *,
    cadence: str = "PAC",
    style: ChordStyle = PLAIN,
    before: Before | None = None,
) -> tuple[tuple[PlanChord, ...], TemporalDerivation]:
    """A phrase of so many bars with chords four voices can have.

    In metres whose bar does not halve into beats the shortest chord is a bar.
    """
    shortest = metre.beat_quarters if metre.n_beats % 2 == 0 else metre.bar_quarters
    derivation = derive(key, bars * metre.bar_quarters, rng, cadence=cadence, shortest=shortest)
    chords = voice_degrees(
        derivation.degrees, key, metre, rng, cadence=cadence, style=style, before=before
    )
    return chords, derivation
