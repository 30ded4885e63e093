"""SPEAC: statement, preparation, extension, antecedent, consequent, by tension; and its grammar.

The figures of the tensions and the order of the tests are those of the program that David Cope
published with his book of 2005; the example of its figure 7.12 is a test here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history.chorales import Beat, Note

LABELS = {
    "S": "statement",
    "P": "preparation",
    "E": "extension",
    "A": "antecedent",
    "C": "consequent",
}
#: Tension of an interval above the bass, 0..11 semitones; octaves are left out.
INTERVALS = (0.0, 1.0, 0.8, 0.225, 0.2, 0.55, 0.65, 0.1, 0.275, 0.25, 0.7, 0.9)
#: Intervals from the one that shows a root best to the one that does so least, and whether the
#: root is its lower note.
ROOTS = {7: 0, 5: 1, 4: 0, 8: 1, 3: 0, 9: 1, 2: 1, 10: 0, 1: 1, 11: 0, 0: 0, 6: 1}
#: Tension of the four quarters of a bar.
METRE = (0.05, 0.1, 0.05, 0.2)
#: How near two tensions must be to be taken for the same.
NEAR = 0.2

#: What a label may be made of (Cope 2005).
RULES = {
    "S": ("PS", "AC", "SE"),
    "P": ("PE", "EE", "AC"),
    "E": ("SE", "EE"),
    "A": ("AE", "PA", "PAE", "SEA"),
    "C": ("CE", "PC"),
}


@dataclass(frozen=True)
class Tension:
    """The tension of a beat: its chord, place in the bar, length, and the step of its root."""

    vertical: float
    metric: float
    duration: float
    approach: float

    @property
    def total(self) -> float:
        return self.vertical + self.metric + self.duration + self.approach


def vertical(pitches: Sequence[int]) -> float:
    """Tension of a chord: the sum over its intervals above the bass, octaves left out.

    >>> vertical((64, 71, 80)), vertical((54, 64, 69))
    (0.3, 0.92)
    """
    bass, *others = sorted(pitches)
    classes = {(pitch - bass) % 12 for pitch in others}
    return _round(sum(INTERVALS[interval] for interval in sorted(classes)))


def root(pitches: Sequence[int]) -> int:
    """The root of a chord: that of its best interval, after Hindemith.

    >>> root((56, 64, 71)), root((54, 62, 69))
    (64, 62)
    """
    ordered = sorted(set(pitches))
    order = list(ROOTS)
    best = len(order), ordered[0]
    for place, low in enumerate(ordered):
        for high in ordered[place + 1 :]:
            interval = (high - low) % 12
            rank = order.index(interval)
            if rank < best[0]:
                best = rank, high if ROOTS[interval] else low
    return best[1]


def chords(voices: Sequence[Sequence[Note]]) -> list[list[int]]:
    """Pitches that sound at each place of a beat where a note begins."""
    onsets = sorted({note[0] for voice in voices for note in voice})
    return [
        [
            pitch
            for voice in voices
            for start, length, pitch, _ in voice
            if start <= at < start + length
        ]
        for at in onsets
    ]


def tensions(beats: Sequence[Beat]) -> list[Tension]:
    """Tensions of beats that follow each other.

    Of the chords of a beat the most consonant stands for it.
    """
    found = []
    before: int | None = None
    for beat in beats:
        chord = min(chords(beat.voices), key=vertical)
        tone = root(chord)
        chord_tension = vertical(chord)
        found.append(
            Tension(
                chord_tension,
                METRE[beat.place],
                _round(0.1 * beat.quarters / 4 + 0.1 * chord_tension),
                0.0 if before is None else INTERVALS[abs(tone - before) % 12],
            )
        )
        before = tone
    return found


def label(weights: Sequence[float], near: float = NEAR) -> str:
    """A letter for each tension, by its neighbours and the mean, highest and lowest of all.

    >>> label((0.56, 0.41, 0.78, 0.51, 1.33, 0.51, 1.26, 0.51))
    'PESEACAC'
    """
    mean, highest, lowest = _round(sum(weights) / len(weights)), max(weights), min(weights)

    def is_near(one: float, other: float) -> bool:
        return abs(one - other) < near

    letters = []
    # What was last assigned: the source keeps "statement" where it writes an extension of one.
    assigned = ""
    for place, weight in enumerate(weights):
        following = weights[place + 1] if place + 1 < len(weights) else None
        if place and is_near(weight, weights[place - 1]):
            letter = assigned = "E"
        elif following is not None and is_near(weight, following):
            letter = assigned = "E" if assigned == "P" else "P"
        elif is_near(weight, mean):
            letter, assigned = ("E" if assigned == "S" else "S"), "S"
        elif is_near(weight, highest):
            letter = assigned = "E" if assigned == "A" else "A"
        elif assigned == "A" and is_near(weight, lowest):
            letter = assigned = "C"
        else:
            letter, assigned = ("E" if assigned == "S" else "S"), "S"
        letters.append(letter)
    return "".join(letters)


def _round(value: float) -> float:
    # To the even neighbour, as Lisp does; first without what binary fractions add.
    return round(round(value * 100, 6)) / 100


@dataclass(frozen=True)
class Node:
    """A label in a tree: the number of its parent (-1 at the root), and where it is a leaf."""

    letter: str
    parent: int
    rule: str
    leaf: int = -1


@cache
def ways(letter: str, leaves: int) -> int:
    """How many trees a label has with so many leaves.

    >>> ways("S", 1), ways("S", 2)
    (1, 3)
    """
    if leaves == 1:
        return 1
    return sum(_ways_of(body, leaves) for body in RULES[letter])


@cache
def _ways_of(body: str, leaves: int) -> int:
    total = 0
    for shares in _shares(len(body), leaves):
        count = 1
        for letter, share in zip(body, shares, strict=True):
            count *= ways(letter, share)
        total += count
    return total


def derive(rng: np.random.Generator, leaves: int, axiom: str = "S") -> list[Node]:
    """A tree of the grammar with exactly so many leaves, each as likely as any other.

    Returns
    -------
    list of Node
        Parents before children, from left to right.

    Raises
    ------
    ConfigError
        If ``leaves`` is less than one.
    """
    if leaves < 1:
        raise ConfigError(f"leaves must be 1 or more, got {leaves}")
    nodes: list[Node] = []

    def grow(letter: str, count: int, parent: int) -> None:
        here = len(nodes)
        if count == 1:
            number = sum(node.leaf >= 0 for node in nodes)
            nodes.append(Node(letter, parent, "", number))
            return
        body, shares = _draw(rng, letter, count)
        nodes.append(Node(letter, parent, f"{letter} → {' '.join(body)}"))
        for child, share in zip(body, shares, strict=True):
            grow(child, share, here)

    grow(axiom, leaves, -1)
    return nodes


def _draw(rng: np.random.Generator, letter: str, leaves: int) -> tuple[str, list[int]]:
    """A rule, and how many leaves each of its labels gets."""
    options = [(body, shares) for body in RULES[letter] for shares in _shares(len(body), leaves)]
    counts = np.array(
        [math.prod(map(ways, body, shares)) for body, shares in options], dtype=np.float64
    )
    body, shares = options[int(rng.choice(len(options), p=counts / counts.sum()))]
    return body, list(shares)


@cache
def _shares(parts: int, leaves: int) -> tuple[tuple[int, ...], ...]:
    """All ways to share leaves among parts, one each at least."""
    if parts == 1:
        return ((leaves,),) if leaves else ()
    return tuple(
        (first, *rest)
        for first in range(1, leaves - parts + 2)
        for rest in _shares(parts - 1, leaves - first)
    )


def leaves_of(nodes: Sequence[Node]) -> str:
    """The labels of the leaves, from left to right.

    >>> leaves_of([Node("S", -1, "S → A C"), Node("A", 0, "", 0), Node("C", 0, "", 1)])
    'AC'
    """
    return "".join(node.letter for node in nodes if node.leaf >= 0)
