"""From a derivation to phrases: keys, themes, cadences, and what happens to themes that return.

References
----------
Caplin, W. E. (1998). Classical Form. Oxford University Press.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import GrammarError
from hybrid.core.pitch import Key
from hybrid.core.plan import VARIATIONS
from hybrid.grammar.forms.derive import is_section
from hybrid.grammar.keys import degree_key
from hybrid.grammar.trees import Tree

OPENING_WORDS = {"V": "dominant", "free": "free", "I": "tonic"}
#: Labels for sections written ``*:role``, in order; then A1, B1, ... ``V*:role`` counts V1, V2.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_SIGNATURE = 7


@dataclass(frozen=True)
class PhraseSketch:
    """A phrase before it has chords and a dress.

    Attributes
    ----------
    function : str
        Formal function: antecedent, continuation, codetta ...
    theme, cadence : str
    bars : int
    key, end_key : Key
    opening : str
        As in `hybrid.grammar.chords_phrase.PhraseTask`.
    variation : str or None
        What becomes of the theme; None where this is its first appearance.
    variation_steps : int
    returns : bool
        Whether the theme was heard in an earlier section or an earlier round of this one.
    exact : bool
        Whether key, cadence and bars are those of the theme's first appearance, so that the
        same notes can stand here.
    """

    function: str
    theme: str
    cadence: str
    bars: int
    key: Key
    end_key: Key
    opening: str = "tonic"
    variation: str | None = None
    variation_steps: int = 0
    returns: bool = False
    exact: bool = False


@dataclass(frozen=True)
class SectionSketch:
    """A section before its dress."""

    label: str
    role: str
    key: Key
    phrases: tuple[PhraseSketch, ...]
    round: int = 0  # 0 on its label's first appearance


def related_key(key: Key, degree: str) -> Key:
    """The key of a degree, ``V`` or ``V/III`` (in major/in minor), respelled within 7 accidentals.

    Degrees as in `hybrid.grammar.keys.degree_key`: ``VI`` of C major is A minor, ``i`` C minor.

    >>> related_key(Key.parse("C"), "V/III").name, related_key(Key.parse("c"), "V/III").name
    ('G major', 'Eb major')
    """
    major, _, minor = degree.partition("/")
    wanted = (minor or major) if key.is_minor else major
    mode = "minor" if key.is_minor else "major"
    return respell(degree_key(Key(key.tonic, mode), wanted))


def respell(key: Key) -> Key:
    """The same key with at most 7 accidentals: G sharp major becomes A flat major."""
    if key.fifths > MAX_SIGNATURE:
        return Key(key.tonic - 12, key.mode)
    if key.fifths < -MAX_SIGNATURE:
        return Key(key.tonic + 12, key.mode)
    return key


@dataclass
class _Reader:
    """State of reading one derivation."""

    home: Key
    letters: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    rounds: dict[str, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    heard: dict[str, PhraseSketch] = field(default_factory=dict)
    sections: list[SectionSketch] = field(default_factory=list)

    def label_of(self, node: Tree) -> str:
        if id(node) in self.labels:
            return self.labels[id(node)]
        label = node.symbol.name.partition(":")[0]
        if label == "*":
            while True:
                turn, place = divmod(self.letters, len(LETTERS))
                label = LETTERS[place] + (str(turn) if turn else "")
                self.letters += 1
                if label not in self.used:
                    break
        elif label.endswith("*"):
            stem = label.removesuffix("*")
            self.numbers[stem] = self.numbers.get(stem, 0) + 1
            label = f"{stem}{self.numbers[stem]}"
        self.used.add(label)
        self.labels[id(node)] = label
        return label


def sketch(tree: Tree, home: Key) -> tuple[SectionSketch, ...]:
    """Read sections and phrases off a derivation.

    Parameters
    ----------
    tree : Tree
        From `hybrid.grammar.forms.derive.FormSampler`.
    home : Key

    Raises
    ------
    GrammarError
        If a phrase stands outside every section, or its words cannot be read.
    """
    reader = _Reader(home)
    names = [node.symbol.name.partition(":")[0] for node in _section_nodes(tree)]
    reader.used.update(name for name in names if name != "*")
    stack: list[tuple[Tree, Key]] = [(tree, home)]
    while stack:
        node, key = stack.pop()
        if node.symbol.terminal:
            raise GrammarError(f"phrase {node.symbol.name!r} must stand inside a section")
        if is_section(node.symbol.name):
            _read_section(reader, node, key)
            continue
        stack += reversed([(child, _key_of(node, i, key)) for i, child in enumerate(node.children)])
    return tuple(reader.sections)


def _section_nodes(tree: Tree) -> list[Tree]:
    return [node for node in tree.preorder() if is_section(node.symbol.name)]


def _key_of(node: Tree, place: int, key: Key) -> Key:
    assert node.rule is not None
    degree = node.rule.rhs[place].degree
    return key if degree is None else related_key(key, degree)


def _read_section(reader: _Reader, node: Tree, key: Key) -> None:
    role = node.symbol.name.partition(":")[2].partition(".")[0].replace("_", " ")
    label = reader.label_of(node)
    turn = reader.rounds.get(label, 0)
    reader.rounds[label] = turn + 1
    phrases = _section_phrases(reader, node, key, label)
    reader.sections.append(SectionSketch(label, role, key, phrases, turn))


def _section_phrases(reader: _Reader, node: Tree, key: Key, label: str) -> tuple[PhraseSketch, ...]:
    phrases: list[PhraseSketch] = []
    before = dict(reader.heard)
    current = key
    for leaf, scope, local in _phrases(node, key, {}):
        phrase = _read_phrase(reader, leaf, label, scope, current if local is None else local, key)
        if phrase.theme in before:
            phrase = replace(phrase, returns=True)
        phrases.append(phrase)
        current = phrase.end_key
    return tuple(phrases)


def section_phrases(tree: Tree, home: Key, key: Key, label: str) -> tuple[PhraseSketch, ...]:
    """Phrases of one section's derivation (a tree whose root is a section symbol).

    Parameters
    ----------
    tree : Tree
    home, key : Key
        Of the piece and of the section.
    label : str
        Of the section; its themes are named after it.
    """
    return _section_phrases(_Reader(home), tree, key, label)


def _phrases(node: Tree, key: Key, scopes: dict[int, int]) -> list[tuple[Tree, int, Key | None]]:
    """Leaves of a section with the number of their theme scope; a key where one is set by ``@``."""
    found: list[tuple[Tree, int, Key | None]] = []
    stack: list[tuple[Tree, int, Key, bool]] = [(node, 1, key, False)]
    while stack:
        here, scope, local, is_set = stack.pop()
        if here.symbol.terminal:
            found.append((here, scope, local if is_set else None))
            continue
        if here is not node and is_section(here.symbol.name):
            raise GrammarError(f"section {here.symbol.name} must not stand inside another section")
        if here.symbol.name.startswith("Theme"):
            scope = scopes.setdefault(id(here), len(scopes) + 1)
        entries = []
        for place, child in enumerate(here.children):
            assert here.rule is not None
            changed = here.rule.rhs[place].degree is not None
            entries.append((child, scope, _key_of(here, place, local), is_set or changed))
        stack += reversed(entries)
    return found


def _read_phrase(
    reader: _Reader, leaf: Tree, label: str, scope: int, key: Key, section_key: Key
) -> PhraseSketch:
    words = leaf.symbol.name.split()
    if len(words) < 3 or leaf.duration is None:
        raise GrammarError(
            f"a phrase must read 'function theme cadence words'[bars], got {leaf.symbol.name!r}"
        )
    function, theme, cadence, *rest = words
    cadence = "none" if cadence == "-" else cadence
    if cadence not in (*CADENCES, "none"):
        raise GrammarError(f"cadence of {leaf.symbol.name!r} must be - or one of {CADENCES}")
    values: dict[str, Any] = {}
    for word in rest:
        name, _, value = word.partition("=")
        if name == "key":
            key = _named(reader, value, section_key)
        elif name == "mod":
            values["end_key"] = value
        elif name == "open":
            values["opening"] = OPENING_WORDS[value]
        elif name.startswith("sequence"):
            values["variation"] = "sequence"
            values["variation_steps"] = int(name.removeprefix("sequence") or "1")
        elif name in VARIATIONS:
            values["variation"] = name
        else:
            raise GrammarError(f"word {word!r} of {leaf.symbol.name!r} has no meaning")
    end_key = values.pop("end_key", None)
    end = key if end_key is None else _named(reader, end_key, section_key)
    if theme[0].islower():
        theme = f"{label}.{theme}" if scope == 1 else f"{label}{scope}.{theme}"
    phrase = PhraseSketch(
        function.replace("_", " "), theme, cadence, int(leaf.duration), key, end,
        **values,
    )  # fmt: skip
    first = reader.heard.setdefault(theme, phrase)
    if first is phrase:
        return replace(phrase, variation=None, variation_steps=0)
    exact = (phrase.key, phrase.end_key, phrase.cadence, phrase.bars) == (
        first.key, first.end_key, first.cadence, first.bars,
    )  # fmt: skip
    return replace(phrase, variation=_variation(phrase, first), exact=exact)


def _variation(phrase: PhraseSketch, first: PhraseSketch) -> str:
    """What a theme's return does to it, where the grammar says nothing or too much."""
    same_end = phrase.cadence == first.cadence and phrase.bars == first.bars
    if phrase.variation in ("literal", "transposed", None) and phrase.key != first.key:
        return "transposed" if same_end and phrase.key.mode == first.key.mode else "varied"
    if phrase.variation in ("literal", "transposed") and not same_end:
        return "varied"
    if phrase.variation == "transposed":
        return "literal"
    return phrase.variation or "varied"


def _named(reader: _Reader, name: str, section_key: Key) -> Key:
    return reader.home if name == "home" else related_key(section_key, name)


def display(tree: Tree, home: Key) -> Mapping[str, Any]:
    """The derivation as nested plain values: symbol, rule, probability, bars, key, children.

    A symbol that goes on with itself (``Rest -> Couplet A Rest``) is drawn flat, its parts side
    by side, so that long pieces do not nest deeply.
    """
    return _display(tree, home, 0)


def _display(node: Tree, key: Key, depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {
        "symbol": node.symbol.name,
        "bars": None if node.duration is None else int(node.duration),
        "key": key.name,
    }
    if node.rule is None:
        return value
    value["rule"] = str(node.rule)
    value["probability"] = node.probability
    children: list[dict[str, Any]] = []
    # Entries: node, its place in its parent's rule is already in the key.
    stack = [(child, _key_of(node, i, key)) for i, child in enumerate(node.children)][::-1]
    names = {node.symbol.name}
    while stack:
        child, child_key = stack.pop()
        flat = not child.symbol.terminal and child.symbol.name in names and child.rule is not None
        if flat:
            parts = [(c, _key_of(child, i, child_key)) for i, c in enumerate(child.children)]
            stack += reversed(parts)
        else:
            children.append(_display(child, child_key, depth + 1))
    value["children"] = children
    return value
