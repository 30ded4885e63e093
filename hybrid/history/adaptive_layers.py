"""Layers over what is written: they enter and leave by the bar, as tension and mood glide.

This is the vertical half of adaptive music; a layer takes its notes from the chords that sound,
so that it fits whatever was planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import NO_SPELLING, Key, pitch_class
from hybrid.core.score import TICKS_PER_QUARTER

BAR = 4 * TICKS_PER_QUARTER
EIGHTH = TICKS_PER_QUARTER // 2
#: A layer leaves only when the value is so far on the other side, so that it does not flutter.
HOLD = 0.05


@dataclass(frozen=True)
class Layer:
    """A layer and when it plays.

    Attributes
    ----------
    name : str
        Of its track.
    program : int
        General MIDI program.
    rule : str
        In words.
    tension, mood : (float, float)
        It enters where both values lie in these ranges.
    """

    name: str
    program: int
    rule: str
    tension: tuple[float, float] = (0.0, 1.0)
    mood: tuple[float, float] = (0.0, 1.0)
    is_drum: bool = False

    def plays(self, tension: float, mood: float, was: bool) -> bool:
        """Whether it plays in a bar; ``was``: in the bar before."""
        slack = HOLD if was else 0.0
        return all(
            low - slack <= value <= high + slack
            for value, (low, high) in ((tension, self.tension), (mood, self.mood))
        )


LAYERS = (
    Layer("shimmer", 8, "mood from 0.55, tension to 0.6", tension=(0.0, 0.6), mood=(0.55, 1.0)),
    Layer("brass", 61, "tension from 0.8", tension=(0.8, 1.0)),
    Layer("ostinato", 45, "tension from 0.4", tension=(0.4, 1.0)),
    Layer("drone", 89, "mood to 0.35", mood=(0.0, 0.35)),
    Layer("drums", 0, "tension from 0.6", tension=(0.6, 1.0), is_drum=True),
)
CLEFS = {"shimmer": "treble", "brass": "treble", "ostinato": "bass", "drone": "bass"}
#: Drums by eighths of a bar: General MIDI keys of the low toms and the bass drum.
LIGHT = ((0, 36), (3, 45), (6, 45))
HEAVY = ((0, 36), (1, 45), (2, 45), (3, 48), (4, 36), (5, 45), (6, 48), (7, 45))
ROLL, CRASH = 45, 49


@dataclass(frozen=True)
class Written:
    """A note before it is entered: ticks, MIDI pitch, spelling, and the rule that made it."""

    track: str
    onset: int
    duration: int
    pitch: int
    velocity: int
    voice: int
    spelling: int
    maker: str
    choice: str


@dataclass(frozen=True)
class BarPlan:
    """What a layer must know of a bar: its tick, key, and the chords of its two halves."""

    tick: int
    key: Key
    chords: tuple[str, str]
    tension: float
    mood: float
    is_last: bool = False
    is_new: bool = False
    joins_next: bool = False


def which_play(values: Sequence[tuple[float, float]]) -> list[frozenset[str]]:
    """Names of the layers that play in each bar."""
    found: list[frozenset[str]] = []
    before: frozenset[str] = frozenset()
    for tension, mood in values:
        before = frozenset(
            layer.name for layer in LAYERS if layer.plays(tension, mood, layer.name in before)
        )
        found.append(before)
    return found


def near(spelling: int, above: int) -> int:
    """The lowest MIDI pitch of a spelled pitch class from ``above`` up."""
    return above + (pitch_class(spelling) - above) % 12


def write_layers(bar: BarPlan, playing: frozenset[str]) -> list[Written]:
    """The notes of all layers that play in a bar, and the drum roll into a join."""
    notes: list[Written] = []
    for layer in LAYERS:
        if layer.name in playing:
            notes += _WRITERS[layer.name](bar)
    if bar.joins_next:
        swell = [(4 + eighth, 40 + 14 * eighth) for eighth in range(4)]
        for eighth, loud in swell:
            for half in (0, EIGHTH // 2):
                notes.append(
                    _hit(bar, eighth * EIGHTH + half, ROLL, loud, EIGHTH // 2, "roll into a join")
                )
    if bar.is_new:
        notes.append(_hit(bar, 0, CRASH, 50 + round(50 * bar.tension), BAR, "crash on a join"))
    return _without_doubles(notes)


def _without_doubles(notes: list[Written]) -> list[Written]:
    kept: dict[tuple[str, int, int], Written] = {}
    for note in notes:
        kept.setdefault((note.track, note.onset, note.pitch), note)
    return list(kept.values())


def _hit(bar: BarPlan, at: int, drum: int, velocity: int, length: int, why: str) -> Written:
    return Written(
        "drums", bar.tick + at, length, drum, velocity, 1, NO_SPELLING, "layer drums", why
    )


def _note(
    bar: BarPlan, name: str, at: int, length: int, spelling: int, above: int, loud: int, why: str
) -> Written:
    pitch = near(spelling, above)
    return Written(name, bar.tick + at, length, pitch, loud, 1, spelling, f"layer {name}", why)


def _tones(bar: BarPlan, half: int) -> tuple[int, ...]:
    return RomanNumeral.parse(bar.chords[half]).tones(bar.key)


def _shimmer(bar: BarPlan) -> list[Written]:
    if bar.is_last:
        return [
            _note(bar, "shimmer", 0, BAR, _tones(bar, 0)[0], 84, 50, f"the root of {bar.chords[0]}")
        ]
    notes = []
    for place, eighth in enumerate((1, 3, 5, 7)):
        tones = _tones(bar, eighth // 4)
        tone = tones[(place + 1) % 3]
        why = f"off the beat, a note of {bar.chords[eighth // 4]}"
        notes.append(_note(bar, "shimmer", eighth * EIGHTH, EIGHTH, tone, 79, 48, why))
    return notes


def _brass(bar: BarPlan) -> list[Written]:
    loud = 70 + round(28 * bar.tension)
    same = bar.chords[0] == bar.chords[1]
    notes = []
    for half in (0,) if same or bar.is_last else (0, 1):
        length = BAR if same or bar.is_last else BAR // 2
        for tone in _tones(bar, half)[:4]:
            why = f"holds {bar.chords[half]}"
            notes.append(_note(bar, "brass", half * BAR // 2, length, tone, 53, loud, why))
    return notes


def _ostinato(bar: BarPlan) -> list[Written]:
    loud = 52 + round(36 * bar.tension)
    notes = []
    for eighth in (0,) if bar.is_last else range(8):
        root, third, fifth = _tones(bar, eighth // 4)[:3]
        tone = (root, fifth, root, third)[eighth % 4]
        accent = 8 if eighth in (0, 3, 6) else 0
        why = f"eighths over {bar.chords[eighth // 4]}"
        length = BAR if bar.is_last else EIGHTH
        notes.append(_note(bar, "ostinato", eighth * EIGHTH, length, tone, 43, loud + accent, why))
    return notes


def _drone(bar: BarPlan) -> list[Written]:
    return [_note(bar, "drone", 0, BAR, bar.key.tonic, 33, 58, f"the tonic of {bar.key.name}")]


def _drums(bar: BarPlan) -> list[Written]:
    if bar.is_last:
        return [_hit(bar, 0, 36, 96, BAR, "the last stroke")]
    pattern, name = (HEAVY, "heavy") if bar.tension >= 0.85 else (LIGHT, "light")
    loud = 44 + round(44 * bar.tension)
    return [
        _hit(bar, at * EIGHTH, drum, loud + (10 if at % 4 == 0 else 0), EIGHTH, f"{name} pattern")
        for at, drum in pattern
    ]


_WRITERS = {
    "shimmer": _shimmer,
    "brass": _brass,
    "ostinato": _ostinato,
    "drone": _drone,
    "drums": _drums,
}
