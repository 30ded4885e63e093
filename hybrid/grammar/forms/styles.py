"""Styles: what a plan wears. Textures, instruments, tempo, pace of harmony, dynamics.

The tables are set by hand; they are habits, not rules, and no corpus stands behind the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybrid.core.errors import PlanError
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_habits import ChordStyle


@dataclass(frozen=True)
class Style:
    """Habits of a kind of music.

    Attributes
    ----------
    name, description : str
    textures : mapping of texture to weight
        For main sections.
    contrasts : mapping of texture to weight
        For sections that contrast with them.
    ensembles : tuple of (instruments, weight)
    metres : mapping of metre to weight
    keys : mapping of mode to weight
    beats_per_minute : (float, float)
        Range of tempi, in beats of a metre such as 4/4; see `tempo_range`.
    chord_seconds : float
        How long a chord lasts on average: with the tempo this sets the harmonic rhythm.
    chords : ChordStyle
    whole_final : float
        Chance that the last chord of a phrase takes its whole bar.
    """

    name: str
    description: str
    textures: Mapping[str, float]
    contrasts: Mapping[str, float]
    ensembles: tuple[tuple[tuple[str, ...], float], ...]
    metres: Mapping[str, float]
    beats_per_minute: tuple[float, float]
    chord_seconds: float
    keys: Mapping[str, float] = field(default_factory=lambda: {"major": 0.6, "minor": 0.4})
    chords: ChordStyle = field(default_factory=ChordStyle)
    whole_final: float = 0.85


_QUARTET = ("violin", "violin", "viola", "cello")
_CHOIR = ("soprano", "alto", "tenor", "bass")
_BAND = ("synth lead", "electric piano", "electric bass", "drums")
_JAZZ = ("tenor saxophone", "piano", "acoustic bass", "drums")

STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style(
            "chorale",
            "four voices in the manner of a Lutheran chorale, a chord a beat",
            {"chorale": 1.0},
            {"chorale": 1.0},
            ((_CHOIR, 0.7), (("organ",), 0.3)),
            {"4/4": 0.75, "3/4": 0.25},
            (66, 92),
            0.85,
            keys={"major": 0.52, "minor": 0.48},
            whole_final=0.45,
        ),
        Style(
            "classical",
            "melody and accompaniment, or four strings, after Haydn and Mozart",
            {"homophonic": 0.4, "alberti": 0.35, "chorale": 0.1, "counterpoint": 0.15},
            {"counterpoint": 0.35, "arpeggio": 0.3, "chorale": 0.2, "homophonic": 0.15},
            ((("piano",), 0.5), (_QUARTET, 0.35), (("flute", "oboe", "clarinet", "bassoon"), 0.15)),
            {"4/4": 0.4, "3/4": 0.25, "2/4": 0.2, "6/8": 0.15},
            (76, 132),
            1.7,
            keys={"major": 0.7, "minor": 0.3},
        ),
        Style(
            "quartet",
            "string quartet in four parts",
            {"homophonic": 0.45, "chorale": 0.25, "counterpoint": 0.3},
            {"counterpoint": 0.6, "chorale": 0.25, "homophonic": 0.15},
            ((_QUARTET, 1.0),),
            {"4/4": 0.45, "3/4": 0.3, "2/4": 0.15, "6/8": 0.1},
            (72, 126),
            1.5,
            keys={"major": 0.65, "minor": 0.35},
        ),
        Style(
            "romantic",
            "piano song without words: arpeggios, chromatic harmony",
            {"arpeggio": 0.6, "homophonic": 0.25, "waltz": 0.15},
            {"chorale": 0.35, "counterpoint": 0.25, "homophonic": 0.4},
            ((("piano",), 0.8), (("cello", "piano"), 0.2)),
            {"4/4": 0.35, "3/4": 0.3, "6/8": 0.25, "9/8": 0.1},
            (60, 104),
            1.8,
            keys={"major": 0.5, "minor": 0.5},
            chords=ChordStyle(chromatic=2.2),
        ),
        Style(
            "dance",
            "waltzes, marches and country dances",
            {"waltz": 0.5, "march": 0.5},
            {"homophonic": 0.5, "arpeggio": 0.3, "march": 0.2},
            ((("piano",), 0.6), (("flute", "guitar"), 0.4)),
            {"3/4": 0.45, "2/4": 0.4, "6/8": 0.15},
            (108, 168),
            1.6,
            keys={"major": 0.75, "minor": 0.25},
            chords=ChordStyle(chromatic=0.4, uneven=0.5),
        ),
        Style(
            "folk",
            "a tune with plain chords",
            {"homophonic": 0.5, "arpeggio": 0.5},
            {"arpeggio": 0.6, "homophonic": 0.4},
            ((("flute", "guitar"), 0.6), (("guitar",), 0.4)),
            {"4/4": 0.4, "3/4": 0.3, "6/8": 0.3},
            (84, 126),
            1.8,
            keys={"major": 0.65, "minor": 0.35},
            chords=ChordStyle(chromatic=0.08, uneven=0.3),
        ),
        Style(
            "pop",
            "verses and choruses over loops of triads",
            {"homophonic": 0.5, "pad": 0.25, "arpeggio": 0.25},
            {"pad": 0.6, "arpeggio": 0.4},
            ((_BAND, 1.0),),
            {"4/4": 0.95, "3/4": 0.05},
            (88, 128),
            2.0,
            keys={"major": 0.65, "minor": 0.35},
            chords=ChordStyle(harmony="pop", chromatic=0.5, inner_cadence=0.7, uneven=0.03),
        ),
        Style(
            "jazz",
            "blues and standards over a walking bass",
            {"walking_bass": 1.0},
            {"walking_bass": 0.7, "homophonic": 0.3},
            ((_JAZZ, 0.8), (("piano",), 0.2)),
            {"4/4": 1.0},
            (104, 168),
            1.6,
            keys={"major": 0.8, "minor": 0.2},
            chords=ChordStyle(harmony="jazz", inner_cadence=0.8, uneven=0.3),
        ),
    )
}


def find_style(name: str) -> Style:
    """The style of a name.

    Raises
    ------
    PlanError
        If there is none.
    """
    if name not in STYLES:
        raise PlanError(f"style must be one of {', '.join(STYLES)}, got {name!r}")
    return STYLES[name]


def tempo_range(style: Style, metre: Metre) -> tuple[float, float]:
    """Slowest and fastest tempo in quarters per minute.

    Beats of compound metres and half notes are slower than quarters, eighths faster.
    """
    slow, fast = style.beats_per_minute
    beat = float(metre.beat_quarters)
    # A beat twice as long is taken at about two thirds of the speed, not at half of it.
    factor = beat**-0.6
    return slow * factor * beat, fast * factor * beat


def pace_of(style: Style, metre: Metre, tempo_qpm: float) -> float:
    """Beats per chord that the style aims at."""
    beat_seconds = 60.0 / tempo_qpm * float(metre.beat_quarters)
    pace = style.chord_seconds / beat_seconds
    return min(max(pace, 1.0), 2.0 * metre.n_beats)
