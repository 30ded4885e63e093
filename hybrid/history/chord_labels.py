"""Chord labels that can be compared: of templates and chains, and of the learned analyser."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybrid.core.pitch import Key, pitch_class, spelling_name
from hybrid.history.chord_templates import N_QUALITIES, QUALITIES, Beats
from hybrid.history.words import chord_name

if TYPE_CHECKING:
    from hybrid.core.analysis import Analysis, ChordSpan

#: What follows the root's name; qualities that the templates do not have are told from these.
MARKS = {
    "major": "",
    "minor": "m",
    "diminished": "o",
    "augmented": "+",
    "dominant-seventh": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "half-diminished-seventh": "ø7",
    "diminished-seventh": "o7",
    "minor-major-seventh": "m(maj7)",
    "augmented-seventh": "+7",
    "augmented-major-seventh": "+maj7",
    "italian-sixth": " It",
    "german-sixth": " Ger",
    "french-sixth": " Fr",
    "suspended": "sus",
    "suspended-seventh": "7sus",
}
#: Semitones of third and fifth to the triad's family.
FAMILIES = {(4, 7): "major", (3, 7): "minor", (3, 6): "diminished"}


@dataclass(frozen=True)
class Label:
    """A chord's name at a beat.

    Attributes
    ----------
    root : int
        Pitch class.
    family : str
        Of its triad: major, minor, diminished, or the quality's own name.
    name : str
        Chord symbol.
    tones : tuple of int
        Tonal pitch classes, root first.
    numeral : str
        Roman numeral with its key; empty where no key is known.
    probability : float
    """

    root: int
    family: str
    name: str
    tones: tuple[int, ...]
    numeral: str = ""
    probability: float = 1.0


def root_spelling(chord: int, key: Key) -> int:
    """Tonal pitch class of the root of a template's chord in a key.

    Diminished chords are spelled as on the leading tone of the note above.

    >>> spelling_name(root_spelling(1 * N_QUALITIES + 4, Key(-1, "major")))
    'C#'
    """
    root, kind = divmod(chord, N_QUALITIES)
    if QUALITIES[kind].family == "diminished":
        return key.spell(61 + root) + 5
    return key.spell(60 + root)


def label_of(chord: int, key: Key) -> Label:
    """The label of a template's chord, spelled in a key."""
    root, kind = divmod(chord, N_QUALITIES)
    quality, spelling = QUALITIES[kind], root_spelling(chord, key)
    return Label(
        root,
        quality.family,
        chord_name(spelling_name(spelling)) + quality.mark,
        tuple(spelling + fifth for fifth in quality.fifths),
    )


def network_label(span: ChordSpan) -> Label:
    """The label of a chord of the learned analyser."""
    from hybrid.harmony.labels import QUALITY_TONES

    tones = QUALITY_TONES[span.quality]
    triad = (pitch_class(tones[1]), pitch_class(tones[2]))
    return Label(
        pitch_class(span.root),
        FAMILIES.get(triad, span.quality),
        chord_name(spelling_name(span.root)) + MARKS[span.quality],
        tuple(span.root + tone for tone in tones),
        f"{chord_name(span.numeral)} in {span.key.name}",
        float(span.probability),
    )


def per_beat(analysis: Analysis, beats: Beats) -> list[Label]:
    """Of each beat the chord that fills most of it; between equals the earlier one."""
    found = []
    for start, end in zip(beats.starts, beats.ends, strict=True):
        shares = [min(end, span.end) - max(start, span.onset) for span in analysis.chords]
        found.append(network_label(analysis.chords[shares.index(max(shares))]))
    return found


def is_same(one: Label, other: Label) -> bool:
    """Whether root and triad are the same."""
    return (one.root, one.family) == (other.root, other.family)


def agreement(ones: Sequence[Label], others: Sequence[Label]) -> tuple[float, float]:
    """Share of beats with the same root, and with the same root and triad; 0..1."""
    pairs = list(zip(ones, others, strict=True))
    return (
        sum(one.root == other.root for one, other in pairs) / len(pairs),
        sum(is_same(one, other) for one, other in pairs) / len(pairs),
    )


def changes_of(labels: Sequence[Label]) -> int:
    """How often the name differs from the one before."""
    return sum(one.name != other.name for one, other in itertools.pairwise(labels))
