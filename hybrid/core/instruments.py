"""Instruments: names, General MIDI programs and the ranges they are comfortable in.

Ranges are the usual written ones in sounding pitch, after Adler (2016) for the
orchestra, and the four voices' usual chorale ranges (Aldwell, Schachter & Cadwallader
2011).

References
----------
Adler, S. (2016). The Study of Orchestration (4th ed.). Norton.
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading (4th ed.).
"""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.core.errors import PlanError


@dataclass(frozen=True)
class Instrument:
    """A named instrument: General MIDI program 0..127 and range in MIDI pitches."""

    name: str
    program: int
    lowest: int
    highest: int
    family: str
    clef: str = "treble"
    is_drum: bool = False


_ROWS = (
    ("soprano", 52, 60, 81, "voice", "treble"),
    ("alto", 52, 53, 74, "voice", "treble"),
    ("tenor", 52, 48, 69, "voice", "treble8vb"),
    ("bass", 52, 40, 62, "voice", "bass"),
    ("piano", 0, 21, 108, "keyboard", "treble"),
    ("harpsichord", 6, 29, 89, "keyboard", "treble"),
    ("electric piano", 4, 28, 103, "keyboard", "treble"),
    ("organ", 19, 24, 96, "keyboard", "treble"),
    ("celesta", 8, 60, 108, "keyboard", "treble"),
    ("glockenspiel", 9, 79, 108, "percussion", "treble"),
    ("vibraphone", 11, 53, 89, "percussion", "treble"),
    ("marimba", 12, 45, 96, "percussion", "treble"),
    ("guitar", 24, 40, 83, "plucked", "treble8vb"),
    ("steel guitar", 25, 40, 84, "plucked", "treble8vb"),
    ("electric guitar", 27, 40, 86, "plucked", "treble8vb"),
    ("harp", 46, 24, 103, "plucked", "treble"),
    ("acoustic bass", 32, 28, 60, "bass", "bass"),
    ("electric bass", 33, 28, 60, "bass", "bass"),
    ("violin", 40, 55, 96, "string", "treble"),
    ("viola", 41, 48, 84, "string", "alto"),
    ("cello", 42, 36, 76, "string", "bass"),
    ("double bass", 43, 28, 60, "string", "bass"),
    ("strings", 48, 36, 96, "string", "treble"),
    ("choir", 52, 40, 81, "voice", "treble"),
    ("trumpet", 56, 55, 82, "brass", "treble"),
    ("trombone", 57, 40, 72, "brass", "bass"),
    ("tuba", 58, 28, 58, "brass", "bass"),
    ("horn", 60, 41, 77, "brass", "treble"),
    ("soprano saxophone", 64, 56, 87, "reed", "treble"),
    ("alto saxophone", 65, 49, 80, "reed", "treble"),
    ("tenor saxophone", 66, 44, 75, "reed", "treble"),
    ("oboe", 68, 58, 91, "reed", "treble"),
    ("english horn", 69, 52, 81, "reed", "treble"),
    ("bassoon", 70, 34, 72, "reed", "bass"),
    ("clarinet", 71, 50, 91, "reed", "treble"),
    ("piccolo", 72, 74, 102, "pipe", "treble"),
    ("flute", 73, 60, 96, "pipe", "treble"),
    ("recorder", 74, 60, 86, "pipe", "treble"),
    ("pad", 88, 36, 96, "synth", "treble"),
    ("synth lead", 80, 48, 96, "synth", "treble"),
)
INSTRUMENTS: dict[str, Instrument] = {row[0]: Instrument(*row) for row in _ROWS}
INSTRUMENTS["drums"] = Instrument("drums", 0, 35, 81, "drums", "percussion", is_drum=True)

#: Named groups, highest part first.
ENSEMBLES: dict[str, tuple[str, ...]] = {
    "choir": ("soprano", "alto", "tenor", "bass"),
    "quartet": ("violin", "violin", "viola", "cello"),
    "winds": ("flute", "oboe", "clarinet", "bassoon"),
    "brass": ("trumpet", "horn", "trombone", "tuba"),
    "piano": ("piano",),
    "organ": ("organ",),
    "harpsichord": ("harpsichord",),
    "guitar": ("guitar",),
    "duo": ("flute", "guitar"),
    "band": ("synth lead", "electric piano", "electric bass", "drums"),
    "jazz": ("tenor saxophone", "piano", "acoustic bass", "drums"),
}


def instrument(name: str) -> Instrument:
    """The instrument of a name.

    Raises
    ------
    PlanError
        If it is not in the table.
    """
    try:
        return INSTRUMENTS[name]
    except KeyError:
        raise PlanError(
            f"an instrument must be one of {', '.join(INSTRUMENTS)}, got {name!r}"
        ) from None


def expand_ensemble(names: tuple[str, ...]) -> tuple[str, ...]:
    """Instrument names with every ensemble's name replaced by its members."""
    expanded: list[str] = []
    for name in names:
        expanded.extend(ENSEMBLES.get(name, (name,)))
    for name in expanded:
        instrument(name)
    return tuple(expanded)
