"""Which chord may follow which: the tables of ``chord_tables/*.txt`` as arrays.

A table is a right-linear grammar whose nonterminals are Roman numerals (the notation of
`hybrid.core.numerals`), so a walk through it is a progression. Everything else about chords
(cadences, harmonic rhythm, modulation) stands in `hybrid.grammar.chords_phrase`.

References
----------
Piston, W., & DeVoto, M. (1987). Harmony (5th ed.). Norton.
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading (4th ed.).
Kostka, S., & Payne, D. (2013). Tonal Harmony (7th ed.). McGraw-Hill.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import GrammarError, PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.resources import resource_path
from hybrid.grammar.notation import load_grammar

END = "end"
DIRECT = 1e-5  # weight of a direct change of key, beside pivots of about 0.01 to 1
#: The church modes have one table each.
MODAL = {mode: mode for mode in ("dorian", "phrygian", "lydian", "mixolydian")}
#: Habits of harmony, and the table of each for a mode.
HARMONIES = {
    "common": {"major": "major", "minor": "minor", **MODAL},
    "pop": {"major": "pop", "minor": "pop_minor", **MODAL},
    "jazz": {"major": "jazz", "minor": "jazz_minor", **MODAL},
}


@dataclass(frozen=True, eq=False)
class ChordTable:
    """Chords of one mode and their transitions.

    Attributes
    ----------
    name : str
        File ``chord_tables/<name>.txt``.
    numerals : tuple of str
        S chords.
    weights : np.ndarray, shape (S, S), float64
        Probability of each chord (column) after each chord (row); 0 where not allowed. Rows
        add up to 1 together with the chance to end.
    """

    name: str
    numerals: tuple[str, ...]
    weights: NDArray[np.float64]

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each numeral."""
        return {numeral: place for place, numeral in enumerate(self.numerals)}

    def allows(self, previous: str, following: str) -> bool:
        """Whether ``following`` may come right after ``previous``."""
        index = self.index
        if previous not in index or following not in index:
            return False
        return bool(self.weights[index[previous], index[following]] > 0)

    @cached_property
    def consonant(self) -> NDArray[np.float64]:
        """1 for major and minor triads of the key itself, in root position or first inversion."""
        romans = [RomanNumeral.parse(numeral) for numeral in self.numerals]
        return np.array(
            [
                float(
                    roman.triad in ("major", "minor")
                    and not roman.has_seventh
                    and roman.of is None
                    and roman.inversion < 2
                )
                for roman in romans
            ]
        )

    @property
    def tonic(self) -> str:
        """``I`` or ``i``."""
        return self.numerals[0]


@lru_cache(maxsize=32)
def load_table(name: str) -> ChordTable:
    """Read ``chord_tables/<name>.txt``.

    Raises
    ------
    GrammarError
        If a right side is anything but one chord with a row of its own, or ``'end'``.
    """
    grammar = load_grammar(resource_path("grammar", "chord_tables", f"{name}.txt"))
    numerals = grammar.nonterminals
    index = {numeral: place for place, numeral in enumerate(numerals)}
    weights = np.zeros((len(numerals), len(numerals)))
    for rule in grammar.rules:
        RomanNumeral.parse(rule.lhs)
        target = rule.symbols[0] if len(rule.symbols) == 1 else None
        if target is None or (target.terminal and target.name != END):
            raise GrammarError(
                f"chord_tables/{name}.txt, line {rule.line}: a right side must be one chord that "
                f"has a row, got {rule.body()!r}"
            )
        if not target.terminal:
            weights[index[rule.lhs], index[target.name]] = rule.probability
    weights.flags.writeable = False
    return ChordTable(name, numerals, weights)


def chord_table(harmony: str, key: Key) -> ChordTable:
    """The table for a habit of harmony (a key of `HARMONIES`) in a key.

    Raises
    ------
    PlanError
        If the habit is unknown, or has no table for the key's mode.
    """
    if harmony not in HARMONIES:
        raise PlanError(f"harmony must be one of {', '.join(HARMONIES)}, got {harmony!r}")
    tables = HARMONIES[harmony]
    if key.mode not in tables:
        known = ", ".join(tables)
        raise PlanError(f"key must be in a mode that has a chord table ({known}), got {key.name}")
    return load_table(tables[key.mode])


def sounding(numeral: str, key: Key) -> tuple[int, frozenset[int]]:
    """Bass and all tones of a chord as pitch classes: what makes two chords sound the same."""
    roman = RomanNumeral.parse(numeral)
    tones = frozenset(pitch_class(tone) for tone in roman.tones(key))
    return pitch_class(roman.bass(key)), tones


@lru_cache(maxsize=4096)
def pivot_weights(harmony: str, first: Key, second: Key) -> NDArray[np.float64]:
    """Weights of entering a new key through a chord both keys have.

    Returns
    -------
    np.ndarray, shape (S1, S2), float64
        From a chord of the first key to a pivot, named in the second key: the first table's
        weight of going on to the chord that sounds like it. Dominants of the new key count for
        little, since they announce it rather than turn in it. A direct change between
        consonant chords has next to no weight and happens where there is no other way.
    """
    one, two = chord_table(harmony, first), chord_table(harmony, second)
    by_sound: dict[tuple[int, frozenset[int]], list[int]] = {}
    for place, numeral in enumerate(two.numerals):
        if numeral != "Cad64" and "/" not in numeral:
            by_sound.setdefault(sounding(numeral, second), []).append(place)
    result = np.zeros((len(one.numerals), len(two.numerals)))
    for place, numeral in enumerate(one.numerals):
        if numeral == "Cad64":
            continue
        for match in by_sound.get(sounding(numeral, first), ()):
            dominant = RomanNumeral.parse(two.numerals[match]).function == "dominant"
            result[:, match] += one.weights[:, place] * (0.15 if dominant else 1.0)
    result += DIRECT * np.outer(one.consonant, two.consonant)
    result.flags.writeable = False
    return result
