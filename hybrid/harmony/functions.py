"""The function of a chord in its key: tonic, predominant, dominant, or applied to another degree.

Simplified: the scale degree decides, and context only for the cadential six-four, which is a
dominant where the dominant follows in the same key.

===========  =======================================================================
function     chords
===========  =======================================================================
tonic        I, iii, vi and their variants
predominant  ii, IV, the Neapolitan, augmented sixths
dominant     V, vii, the subtonic VII, the cadential six-four
applied      whatever is read in a tonicised degree: ``V7/V``, ``viio7/ii``
===========  =======================================================================

References
----------
Laitz, S. G. (2012). The Complete Musician (3rd ed.). Oxford University Press. (The phrase
model tonic - predominant - dominant - tonic.)
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core.analysis import ChordSpan

FUNCTIONS = ("tonic", "predominant", "dominant", "applied")
_BY_DEGREE = {
    1: "tonic",
    2: "predominant",
    3: "tonic",
    4: "predominant",
    5: "dominant",
    6: "tonic",
    7: "dominant",
}


def chord_functions(chords: Sequence[ChordSpan]) -> list[str]:
    """One of `FUNCTIONS` for each chord of an analysis, in order."""
    found = []
    for place, chord in enumerate(chords):
        after = chords[place + 1] if place + 1 < len(chords) else None
        found.append(_function(chord, after))
    return found


def _function(chord: ChordSpan, after: ChordSpan | None) -> str:
    if "/" in chord.numeral:
        return "applied"
    if chord.quality.endswith("-sixth"):
        return "predominant"
    if chord.degree == 1 and chord.inversion == 2 and chord.quality in ("major", "minor"):
        resolves = after is not None and after.key == chord.key and after.degree == 5
        if resolves and after is not None and "/" not in after.numeral:
            return "dominant"
    return _BY_DEGREE[chord.degree]
