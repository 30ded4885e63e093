"""What a rule of the CHORAL-style system is, and how rules are kept: by view and by kind.

A production says what may be written, a constraint throws a candidate away, a heuristic says which
of those that are left is tried first. Rules are plain functions; a decorator gives each its id,
what it says and where that is taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

VIEWS = {
    "skeleton": "chord skeleton",
    "fill": "fill-in",
    "slice": "time slice",
    "string": "melodic string",
    "schenker": "Schenkerian analysis",
}
KINDS = ("production", "constraint", "heuristic")

#: What the rules cite, in full.
SOURCES = {
    "E90": "Ebcioğlu, K. (1990). An expert system for harmonizing chorales in the style of "
    "J. S. Bach. Journal of Logic Programming 8(1-2), 145-185.",
    "E90m": "the same paper, from memory of it and unchecked",
    "E86": "Ebcioğlu, K. (1986). An expert system for chorale harmonization. Proceedings of "
    "AAAI-86, 784-788.",
    "ASC": "Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading "
    "(4th ed.). Schirmer.",
    "KP": "Kostka, S., Payne, D., & Almén, B. (2013). Tonal Harmony (7th ed.). McGraw-Hill.",
    "P": "Piston, W., & DeVoto, M. (1987). Harmony (5th ed.). Norton.",
    "F": "Fux, J. J. (1725). Gradus ad Parnassum. Transl. A. Mann (1965). Norton.",
    "H": "Huron, D. (2016). Voice Leading: The Science behind a Musical Art. MIT Press.",
    "S": "Schenker, H. (1935). Der freie Satz. Transl. E. Oster (1979), Free Composition.",
}


#: How a page names them.
AUTHORS = {
    "E90": "Ebcioğlu 1990",
    "E90m": "Ebcioğlu 1990 (from memory)",
    "E86": "Ebcioğlu 1986",
    "ASC": "Aldwell",
    "KP": "Kostka",
    "P": "Piston",
    "F": "Fux",
    "H": "Huron",
    "S": "Schenker",
}


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes
    ----------
    id : str
        A letter for the view, one for the kind, and a number: ``KC3``.
    view : str
        A key of `VIEWS`.
    kind : str
        One of `KINDS`.
    words : str
        What it says, in one sentence without a full stop.
    source : str
        Abbreviations of `SOURCES` with chapters; ``ours`` where nobody taught it so.
    test : callable
        Of a constraint: True where it is broken. Of a heuristic: a number, by which its weight is
        multiplied. Of a production: what may be written.
    depth : int
        How many chords back it looks; 0 for the candidate alone.
    weight : float
        Of a heuristic.
    reads : str
        Of a constraint on a phrase: which of its chords it looks at.
    """

    id: str
    view: str
    kind: str
    words: str
    source: str
    test: Callable[..., Any]
    depth: int = 0
    weight: float = 0.0
    reads: str = ""

    @property
    def name(self) -> str:
        """The function's name in words: ``parallel fifths``."""
        return self.test.__name__.strip("_").replace("_", " ")

    @property
    def cited(self) -> str:
        """The source with the authors' names: ``Kostka ch. 5; Fux book II``."""
        parts = [part.partition(" ") for part in self.source.split("; ")]
        return "; ".join(f"{AUTHORS.get(word, word)} {rest}".strip() for word, _, rest in parts)


F = TypeVar("F", bound=Callable[..., Any])


class RuleBook:
    """Collects the rules of one view as they are written down."""

    def __init__(self, view: str, letter: str) -> None:
        self.view, self.letter = view, letter
        self.rules: list[Rule] = []

    def _add(self, kind: str, words: str, source: str, **more: Any) -> Callable[[F], F]:
        def add(function: F) -> F:
            number = 1 + sum(rule.kind == kind for rule in self.rules)
            name = f"{self.letter}{kind[0].upper()}{number}"
            self.rules.append(Rule(name, self.view, kind, words, source, function, **more))
            return function

        return add

    def production(self, words: str, source: str) -> Callable[[F], F]:
        """The function gives what may be written."""
        return self._add("production", words, source)

    def constraint(
        self, words: str, source: str, depth: int = 0, reads: str = ""
    ) -> Callable[[F], F]:
        """The function is true where a candidate may not stand."""
        return self._add("constraint", words, source, depth=depth, reads=reads)

    def heuristic(self, words: str, source: str, weight: float, depth: int = 0) -> Callable[[F], F]:
        """The function says how much of a virtue (or, by its weight, a vice) a candidate has."""
        return self._add("heuristic", words, source, weight=weight, depth=depth)

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        """Rules of a kind, in their order."""
        return tuple(rule for rule in self.rules if rule.kind == kind)
