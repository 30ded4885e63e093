"""Chord symbols as lead sheets have them (``Gm7/Bb``), and the kinds that MusicXML knows.

An augmented sixth is written by what it sounds like: the German sixth in C minor is ``Ab7``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.analysis import ChordSpan
from hybrid.core.pitch import spelling_name

#: Quality to its suffix, its kind in MusicXML 4.0, and the tones above the root (line of fifths).
_KINDS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "major": ("", "major", (0, 4, 1)),
    "minor": ("m", "minor", (0, -3, 1)),
    "diminished": ("dim", "diminished", (0, -3, -6)),
    "augmented": ("+", "augmented", (0, 4, 8)),
    "dominant-seventh": ("7", "dominant", (0, 4, 1, -2)),
    "major-seventh": ("maj7", "major-seventh", (0, 4, 1, 5)),
    "minor-seventh": ("m7", "minor-seventh", (0, -3, 1, -2)),
    "half-diminished-seventh": ("m7b5", "half-diminished", (0, -3, -6, -2)),
    "diminished-seventh": ("dim7", "diminished-seventh", (0, -3, -6, -9)),
    "minor-major-seventh": ("m(maj7)", "major-minor", (0, -3, 1, 5)),
    "augmented-seventh": ("+7", "augmented-seventh", (0, 4, 8, -2)),
    "augmented-major-seventh": ("+maj7", "other", (0, 4, 8, 5)),
    "suspended": ("sus4", "suspended-fourth", (0, -1, 1)),
    "suspended-seventh": ("7sus4", "other", (0, -1, 1, -2)),
    "suspended-major-seventh": ("maj7sus4", "other", (0, -1, 1, 5)),
    # Of the flat sixth degree, which is the bass of inversion 0 (as in `hybrid.core.numerals`).
    "italian-sixth": ("7", "dominant", (0, 4, 10)),
    "german-sixth": ("7", "dominant", (0, 4, 1, 10)),
    "french-sixth": ("7b5", "dominant", (0, 4, 6, 10)),
}
#: From the flat sixth degree up to the raised fourth, which a span has as its root.
_SIXTH = 10


@dataclass(frozen=True)
class ChordSymbol:
    """A chord symbol in its parts.

    Attributes
    ----------
    root, bass : int
        Tonal pitch classes; they are equal in root position.
    suffix : str
        What stands after the root: ``m7``, empty for a major triad.
    kind : str
        ``kind`` of MusicXML's ``harmony``.
    """

    root: int
    bass: int
    suffix: str
    kind: str

    def __str__(self) -> str:
        over = f"/{spelling_name(self.bass)}" if self.bass != self.root else ""
        return f"{spelling_name(self.root)}{self.suffix}{over}"


def chord_tones(chord: ChordSpan) -> tuple[int, ...]:
    """Tonal pitch classes of a chord; empty for a quality without a symbol.

    >>> from hybrid.core.pitch import Key
    >>> chord_tones(ChordSpan(0, 1, "V65", Key.parse("C"), 5, "dominant-seventh", 1, 1))
    (1, 5, 2, -1)
    """
    if chord.quality not in _KINDS:
        return ()
    return tuple(_lowest(chord) + tone for tone in _KINDS[chord.quality][2])


def _lowest(chord: ChordSpan) -> int:
    return chord.root - _SIXTH if chord.quality.endswith("-sixth") else chord.root


def chord_symbol(chord: ChordSpan) -> ChordSymbol | None:
    """The symbol of a chord; None for a quality without one.

    >>> from hybrid.core.pitch import Key
    >>> key = Key.parse("C minor")
    >>> str(chord_symbol(ChordSpan(0, 1, "V65", key, 5, "dominant-seventh", 1, 1)))
    'G7/B'
    >>> str(chord_symbol(ChordSpan(0, 1, "Ger65", key, 4, "german-sixth", 0, 6)))
    'Ab7'
    """
    if chord.quality not in _KINDS:
        return None
    suffix, kind, tones = _KINDS[chord.quality]
    root = _lowest(chord)
    bass = root + tones[min(chord.inversion, len(tones) - 1)]
    return ChordSymbol(root, bass, suffix, kind)


def chord_symbols(chords: Sequence[ChordSpan]) -> list[str]:
    """Symbols as text, one for each chord; empty where there is none."""
    return [str(symbol) if (symbol := chord_symbol(chord)) else "" for chord in chords]
