"""Twelve-bar blues by Steedman's grammar of chord sequences.

The axiom is the plain blues, two bars each of I, I7, IV, I, V7, I. Rules (1) and (2) halve a
chord, rules (3) to (6) put another chord in the place of one, looking at its neighbours; none
changes the total, so every derivation lasts 12 bars.

Provenance: the axiom and rules (1), (3) and (4) are as a source here quotes them; rules (2), (5)
and (6) are from memory of the publication. Ours are: all probabilities; that the supertonic and
mediant triads of rules (5) and (6) are minor, as in the scale; that rule (3) spares the first
chord and the goal of a seventh chord before it (so that every seventh can resolve); that roots
stay within six fifths of the tonic; and the minor blues, whose axiom takes minor triads.

References
----------
Steedman, M. J. (1984). A generative grammar for jazz chord sequences. Music Perception, 2(1),
52-77. doi:10.2307/40285282
Steedman, M. (1996). The blues and the abstract truth: music and mental models. In A. Garnham &
J. Oakhill (Eds.), Mental Models in Cognitive Science (305-318). Erlbaum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import ROMAN, RomanNumeral
from hybrid.core.pitch import Key, spelling_name
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Part, Rule, Symbol
from hybrid.grammar.trees import Tree

BARS = 12
#: Roots on the line of fifths above the tonic; qualities: "" and "7" major, "m" and "m7" minor.
AXIOM = ((0, ""), (0, "7"), (-1, ""), (0, ""), (1, "7"), (0, ""))
MINOR_AXIOM = ((0, "m"), (0, "m7"), (-1, "m"), (0, "m"), (1, "7"), (0, "m"))
WIDEST = 6
DOMINANT, SUBDOMINANT, SUPERTONIC, MEDIANT, FLAT_SECOND, SHARP = 1, -1, 2, 4, -5, 7
_DEGREES = {0: "I", 1: "V", 2: "II", 3: "VI", 4: "III", 5: "VII", -1: "IV"}


@dataclass(frozen=True)
class Chances:
    """Probabilities of the rules; ours.

    Attributes
    ----------
    split : float
        (1) That a chord longer than the shortest is halved.
    subdominant : float
        (2) That a major triad's second half becomes its subdominant, given that it is halved.
    dominant : float
        (3) That the chord before a seventh chord becomes its dominant.
    minor_dominant : float
        (3) That this dominant is a minor seventh chord (before a major one).
    tritone : float
        (4) That a dominant is replaced by the chord on the flat second degree of its goal.
    supertonic : float
        (5) That three equal triads become x, St, M.
    diminished : float
        (6) That x x St gets its passing diminished chord.
    """

    split: float = 0.75
    subdominant: float = 0.25
    dominant: float = 0.55
    minor_dominant: float = 0.5
    tritone: float = 0.15
    supertonic: float = 0.2
    diminished: float = 0.5


@dataclass
class _Node:
    """A chord while it is being derived."""

    place: int
    quality: str
    bars: Fraction
    rule: str = ""
    chance: float = 1.0
    children: list[_Node] = field(default_factory=list)
    fixed: bool = False

    @property
    def name(self) -> str:
        return chord_name(self.place, self.quality)

    def leaves(self) -> list[_Node]:
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]

    @property
    def is_seventh(self) -> bool:
        return self.quality in ("7", "m7")

    @property
    def is_triad(self) -> bool:
        return self.quality in ("", "m")


@dataclass(frozen=True)
class Derivation:
    """A derivation.

    Attributes
    ----------
    tree : Tree
        Durations are in bars; leaves are the chords.
    chords : tuple of (int, str, Fraction)
        Root above the tonic on the line of fifths, quality, bars.
    steps : tuple of str
        Each use of a rule: ``(3) IV I7 -> V7 I7``.
    """

    tree: Tree
    chords: tuple[tuple[int, str, Fraction], ...]
    steps: tuple[str, ...]

    @property
    def bars(self) -> Fraction:
        return sum((bars for _, _, bars in self.chords), Fraction(0))

    def symbols(self, key: Key) -> tuple[str, ...]:
        """Chord symbols such as ``C``, ``G7``, ``Dm7``, ``C#°7``."""
        return tuple(
            spelling_name(key.tonic + place) + quality for place, quality, _ in self.chords
        )

    def numerals(self, key: Key) -> tuple[str, ...]:
        """Numerals in the notation of `hybrid.core.numerals`."""
        return tuple(numeral_of(place, quality, key) for place, quality, _ in self.chords)

    def plan_chords(self, key: Key, metre: Metre) -> tuple[PlanChord, ...]:
        """The chords on the bars of a metre; equal neighbours are joined."""
        found: list[PlanChord] = []
        onset = Fraction(0)
        for numeral, (_, _, bars) in zip(self.numerals(key), self.chords, strict=True):
            length = bars * metre.bar_quarters
            if found and found[-1].numeral == numeral:
                last = found.pop()
                found.append(PlanChord(last.onset, last.duration + length, numeral))
            else:
                found.append(PlanChord(onset, length, numeral))
            onset += length
        return tuple(found)


def chord_name(place: int, quality: str) -> str:
    """Name of a chord relative to the tonic: ``I``, ``IIm7``, ``bII7``, ``#I°7``.

    >>> chord_name(0, ""), chord_name(2, "m7"), chord_name(-5, "7"), chord_name(7, "°7")
    ('I', 'IIm7', 'bII7', '#I°7')
    """
    letter = (place + 1) % 7 - 1
    alteration = (place + 1) // 7
    sign = "#" * alteration if alteration > 0 else "b" * -alteration
    return sign + _DEGREES[letter] + quality


def numeral_of(place: int, quality: str, key: Key) -> str:
    """The Roman numeral of a chord in a key.

    Raises
    ------
    GrammarError
        If the notation has none: minor chords on the natural sixth and seventh degree of minor,
        whose lower-case numerals mean the raised degrees. No derivation has them.

    >>> numeral_of(2, "m7", Key.parse("C")), numeral_of(0, "7", Key.parse("C"))
    ('ii7', 'Id7')
    """
    letter = (place + 1) % 7 - 1
    degree = ROMAN.index(_DEGREES[letter])
    lower = quality in ("m", "m7", "°7")
    in_scale = (key.scale[degree] - key.tonic + 1) // 7
    if key.is_minor and lower and degree in (5, 6):
        in_scale = 0  # lower-case vi and vii stand on the raised degrees in minor
    shift = (place + 1) // 7 - in_scale
    if lower and key.is_minor and degree in (5, 6) and shift < 0:
        raise GrammarError(f"{chord_name(place, quality)} has no numeral in {key.name}")
    sign = "#" * shift if shift > 0 else "b" * -shift
    roman = ROMAN[degree].lower() if lower else ROMAN[degree]
    if quality == "°7":
        return f"{sign}{roman}o7"
    if quality in ("", "m"):
        return sign + roman
    plain = f"{sign}{roman}7"
    wanted = "minor-seventh" if lower else "dominant-seventh"
    return plain if RomanNumeral.parse(plain).quality(key) == wanted else f"{sign}{roman}d7"


def derive(
    rng: np.random.Generator,
    *,
    minor: bool = False,
    shortest: Fraction | int = Fraction(1, 2),
    chances: Chances = Chances(),
    plain_close: bool = False,
) -> Derivation:
    """Draw a derivation.

    Parameters
    ----------
    rng : np.random.Generator
    minor : bool
        Take the minor axiom.
    shortest : Fraction
        No chord is halved below so many bars.
    chances : Chances
    plain_close : bool
        Leave the last V7 as it is (or halve it only) and the last I whole, so that the chorus
        ends in an authentic cadence.

    Examples
    --------
    >>> derivation = derive(np.random.default_rng(7))
    >>> derivation.bars, derivation.chords[0][:2]
    (Fraction(12, 1), (0, ''))
    """
    axiom = MINOR_AXIOM if minor else AXIOM
    root = _Node(0, "", Fraction(BARS), "axiom")
    root.children = [_Node(place, quality, Fraction(2)) for place, quality in axiom]
    if plain_close:
        root.children[-1].fixed = True
    steps: list[str] = []
    for child in root.children:
        _halve(child, Fraction(shortest), chances, minor, rng, steps)
    if plain_close:
        for leaf in root.children[-2].leaves()[-1:]:
            leaf.fixed = True
    _dominants(root, chances, rng, steps)
    _tritones(root, chances, rng, steps)
    if not minor:  # the supertonic and mediant triads of a minor key are no minor triads
        _passing(root, chances, rng, steps)
    leaves = root.leaves()
    return Derivation(
        _tree(root, "S"),
        tuple((leaf.place, leaf.quality, leaf.bars) for leaf in leaves),
        tuple(steps),
    )


def _halve(
    node: _Node,
    shortest: Fraction,
    chances: Chances,
    minor: bool,
    rng: np.random.Generator,
    steps: list[str],
) -> None:
    """Rules (1) and (2); in minor the subdominant of V is the minor tonic."""
    if node.fixed or node.bars / 2 < shortest or rng.random() >= chances.split:
        return
    half = node.bars / 2
    seventh = node.is_seventh
    first = node.quality.removesuffix("7") if seventh else node.quality
    node.rule, node.chance = "1", chances.split
    one, two = _Node(node.place, first, half), _Node(node.place, node.quality, half)
    if node.quality == "" and rng.random() < chances.subdominant:
        node.rule, node.chance = "2", chances.split * chances.subdominant
        two.place = node.place + SUBDOMINANT
        two.quality = "m" if minor else ""
    elif node.quality == "":
        node.chance = chances.split * (1 - chances.subdominant)
    node.children = [one, two]
    steps.append(f"({node.rule}) {node.name} -> {one.name} {two.name}")
    _halve(one, shortest, chances, minor, rng, steps)
    _halve(two, shortest, chances, minor, rng, steps)


def _become(node: _Node, rule: str, chance: float, place: int, quality: str) -> None:
    node.rule, node.chance = rule, chance
    node.children = [_Node(place, quality, node.bars)]


def _resolves_into(before: _Node, goal: _Node) -> bool:
    """Whether a seventh chord has ``goal`` as its goal: a fifth or a semitone below."""
    down = before.place - goal.place
    return (before.is_seventh and down in (DOMINANT, FLAT_SECOND)) or before.quality == "°7"


def _dominants(root: _Node, chances: Chances, rng: np.random.Generator, steps: list[str]) -> None:
    """Rule (3), from the end to the beginning, so that dominants of dominants pile up."""
    leaves = root.leaves()
    for place in range(len(leaves) - 1, 1, -1):
        before, w, x = leaves[place - 2], leaves[place - 1], leaves[place]
        if not x.is_seventh or w.fixed or abs(x.place + DOMINANT) > WIDEST:
            continue
        if w.is_seventh or _resolves_into(before, w) or (before.is_seventh and not w.is_triad):
            continue
        if rng.random() >= chances.dominant:
            continue
        minor = x.quality == "7" and rng.random() < chances.minor_dominant
        share = chances.minor_dominant if minor else 1 - chances.minor_dominant
        chance = chances.dominant * (share if x.quality == "7" else 1.0)
        text = f"(3) {w.name} {x.name} -> "
        _become(w, "3", chance, x.place + DOMINANT, "m7" if minor else "7")
        leaves[place - 1] = w.children[0]
        steps.append(f"{text}{leaves[place - 1].name} {x.name}")


def _tritones(root: _Node, chances: Chances, rng: np.random.Generator, steps: list[str]) -> None:
    """Rule (4): D(x)7 x -> bII(x) x, with its seventh before x7."""
    leaves = root.leaves()
    for place in range(len(leaves) - 1):
        node, x = leaves[place], leaves[place + 1]
        if node.fixed or node.quality != "7" or node.place - x.place != DOMINANT:
            continue
        quality = "7" if x.is_seventh else ""
        # bII7 has the goal of the seventh before it (its own seventh); bII alone has not.
        if place and quality == "" and _resolves_into(leaves[place - 1], node):
            continue
        if abs(x.place + FLAT_SECOND) > WIDEST or rng.random() >= chances.tritone:
            continue
        text = f"(4) {node.name} {x.name} -> "
        _become(node, "4", chances.tritone, x.place + FLAT_SECOND, quality)
        leaves[place] = node.children[0]
        steps.append(f"{text}{leaves[place].name} {x.name}")


def _passing(root: _Node, chances: Chances, rng: np.random.Generator, steps: list[str]) -> None:
    """Rules (5) and (6) on runs of one major triad."""
    leaves = root.leaves()
    for place in range(len(leaves) - 2):
        run = leaves[place : place + 3]
        if any(node.fixed or node.quality != "" or node.place != run[0].place for node in run):
            continue
        if rng.random() >= chances.supertonic:
            continue
        x = run[0]
        before = " ".join(node.name for node in run)
        _become(run[1], "5", chances.supertonic, x.place + SUPERTONIC, "m")
        _become(run[2], "5", 1.0, x.place + MEDIANT, "m")
        leaves[place + 1], leaves[place + 2] = run[1].children[0], run[2].children[0]
        steps.append(f"(5) {before} -> {' '.join(n.name for n in leaves[place : place + 3])}")
    for place in range(len(leaves) - 2):
        x, same, after = leaves[place : place + 3]
        is_st = after.quality in ("m", "m7") and after.place - x.place == SUPERTONIC
        if not is_st or x.quality or same.quality or same.place != x.place or same.fixed:
            continue
        if rng.random() >= chances.diminished:
            continue
        text = f"(6) {x.name} {same.name} {after.name} -> "
        _become(same, "6", chances.diminished, x.place + SHARP, "°7")
        leaves[place + 1] = same.children[0]
        steps.append(f"{text}{x.name} {leaves[place + 1].name} {after.name}")


def _tree(node: _Node, name: str | None = None) -> Tree:
    label = name or node.name
    if not node.children:
        return Tree(Symbol(label, terminal=True), duration=node.bars)
    share: Callable[[_Node], Fraction] = lambda child: child.bars / node.bars  # noqa: E731
    rule = Rule(
        label,
        tuple(
            Part(Symbol(child.name, terminal=not child.children), share=share(child))
            for child in node.children
        ),
        node.chance,
    )
    return Tree(
        Symbol(label),
        tuple(_tree(child) for child in node.children),
        rule=rule,
        probability=node.chance,
        duration=node.bars,
    )


def format_derivation(derivation: Derivation) -> str:
    """The tree as indented text with durations in bars."""
    lines: list[str] = []
    stack: list[tuple[Tree, int]] = [(derivation.tree, 0)]
    while stack:
        node, depth = stack.pop()
        lines.append(f"{'  ' * depth}{node.symbol.name} [{node.duration}]")
        stack += [(child, depth + 1) for child in reversed(node.children)]
    return "\n".join(lines)
