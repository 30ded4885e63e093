"""White notes by rejection: the rules of the Illiac Suite's first two experiments.

Notes are drawn evenly from two octaves of white keys and thrown away while any rule in force is
broken; after too many failures the whole piece is begun again, as the machine did it.

References
----------
Hiller, L. A., & Isaacson, L. M. (1959). Experimental Music: Composition with an Electronic
Computer. McGraw-Hill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core.errors import ConfigError

#: Fifteen white keys from a C on, in semitones above it.
WHITE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19, 21, 23, 24)
#: Voices from the lowest, with the C that their fifteen keys begin on.
VOICES: dict[str, int] = {"cello": 36, "viola": 48, "violin II": 60, "violin I": 60}
#: Draws for one note before the chord is given up, and chords before the piece is.
TRIES_A_NOTE, TRIES_A_CHORD = 40, 25
#: Pieces begun before we give up: far more than any setting needs.
MAX_RESTARTS = 200_000

#: Semitones, octaves apart the same.
_WITH_BASS = frozenset({0, 3, 4, 7, 8, 9})
_HARSH = frozenset({1, 2, 10, 11})
_PERFECT = frozenset({0, 7})


@dataclass
class Moment:
    """Where a note is to stand: what came before in all voices, what stands under it already."""

    lines: list[list[int]]
    """Each voice so far, from the lowest; voices below the one asked for have this chord's note."""
    voice: int
    place: int
    length: int
    pitch: int

    @property
    def line(self) -> list[int]:
        return self.lines[self.voice]

    @property
    def is_last(self) -> bool:
        return self.place == self.length - 1

    @property
    def below(self) -> list[int]:
        """Notes of this chord in the voices below."""
        return [self.lines[voice][self.place] for voice in range(self.voice)]

    @property
    def is_alone(self) -> bool:
        return len(self.lines) == 1


@dataclass(frozen=True)
class Rule:
    """A rule: ``breaks`` is true where a note may not stand."""

    name: str
    words: str
    grounds: str
    breaks: Callable[[Moment], bool]
    is_melodic: bool = True


def _span(now: Moment) -> bool:
    notes = [*now.line, now.pitch]
    return max(notes) - min(notes) > 12


def _ends(now: Moment) -> bool:
    if 0 < now.place < now.length - 1:
        return False
    if now.is_alone:
        return now.pitch != 60
    return now.pitch % 12 != 0 if now.voice == 0 else now.pitch % 12 not in (0, 4, 7)


def _leap(now: Moment) -> int:
    return abs(now.pitch - now.line[-1]) if now.line else 0


def _tritone(now: Moment) -> bool:
    return _leap(now) == 6


def _seventh(now: Moment) -> bool:
    return _leap(now) in (10, 11)


def _after_skip(now: Moment) -> bool:
    if len(now.line) < 2 or abs(now.line[-1] - now.line[-2]) < 3:
        return False
    return _leap(now) > 2


def _repeats(now: Moment) -> bool:
    return len(now.line) >= 2 and now.line[-1] == now.line[-2] == now.pitch


def _crossing(now: Moment) -> bool:
    return bool(now.below) and now.pitch < now.below[-1]


def _dissonance(now: Moment) -> bool:
    if not now.below:
        return False
    bass = now.below[0]
    # A fourth above the bass is the six-four chord's, so it falls with the dissonances.
    if (now.pitch - bass) % 12 not in _WITH_BASS:
        return True
    chord = {(pitch - bass) % 12 for pitch in (*now.below, now.pitch)}
    if any((now.pitch - pitch) % 12 in _HARSH for pitch in now.below[1:]):
        return True
    # Fifth and sixth above one bass clash; three notes are one triad or its first inversion.
    return bool(chord & {7}) and bool(chord & {8, 9})


def _parallels(now: Moment) -> bool:
    if not now.line or not now.below:
        return False
    mine = now.pitch - now.line[-1]
    for voice, pitch in enumerate(now.below):
        before = now.lines[voice][now.place - 1]
        interval = (now.pitch - pitch) % 12
        was = (now.line[-1] - before) % 12
        if mine and pitch != before and interval in _PERFECT and interval == was:
            return True
    return False


def _similar(now: Moment) -> bool:
    # Between the outer voices only.
    if not now.line or not now.below or now.voice != len(now.lines) - 1:
        return False
    bass, before = now.below[0], now.lines[0][now.place - 1]
    up, under = now.pitch - now.line[-1], bass - before
    return up * under > 0 and (now.pitch - bass) % 12 in _PERFECT and abs(up) > 2


def _cadence(now: Moment) -> bool:
    if now.place != now.length - 2:
        return False
    if now.is_alone:
        return now.pitch not in (59, 62)
    kind = now.pitch % 12
    if now.voice == 0:
        return kind not in (2, 7)
    return kind not in ((2, 5, 11) if now.below[0] % 12 == 2 else (2, 7, 11))


#: In the order in which they are switched on.
RULES = (
    Rule("octave", "no line spans more than an octave", "source", _span),
    Rule("ends on C", "begin and end on middle C, or on a chord of C", "source", _ends),
    Rule("no tritone", "no leap of a tritone", "source", _tritone),
    Rule("no seventh", "no skip of a seventh", "source", _seventh),
    Rule("skip then step", "a skip is followed by a repeat or a step", "source", _after_skip),
    Rule("one repeat", "no more than one repeat in succession", "source", _repeats),
    Rule("no crossing", "voices do not cross", "ours", _crossing, False),
    Rule("consonance", "consonances only, and no six-four chord", "memory", _dissonance, False),
    Rule("no parallels", "no parallel unisons, fifths or octaves", "memory", _parallels, False),
    Rule(
        "similar motion",
        "no leap in similar motion into a fifth or octave between the outer voices",
        "memory",
        _similar,
        False,
    ),
    Rule("cadence", "close with V or VII6 to C", "memory", _cadence),
)


@dataclass
class Written:
    """A finished piece: notes by voices, and for each note what was thrown away before it."""

    lines: list[list[int]]
    rejected: list[list[list[tuple[int, str]]]]
    draws: int = 0
    restarts: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    """How often each rule threw a note away, over all beginnings."""


def write_piece(
    rng: np.random.Generator,
    length: int,
    bases: Sequence[int],
    rules: Sequence[Rule] = RULES,
) -> Written:
    """Write voices of ``length`` notes each, by rejection.

    Parameters
    ----------
    rng : np.random.Generator
    length : int
        Notes of each voice, 3 or more.
    bases : sequence of int
        MIDI pitch of the C that each voice's fifteen keys begin on, from the lowest.
    rules : sequence of Rule
        Those in force.

    Raises
    ------
    ConfigError
        If no piece was found in `MAX_RESTARTS` beginnings.
    """
    made = Written([], [])
    for made.restarts in range(MAX_RESTARTS):
        made.lines = [[] for _ in bases]
        made.rejected = [[] for _ in bases]
        if all(_write_chord(made, place, length, bases, rules, rng) for place in range(length)):
            return made
    raise ConfigError(
        f"length must leave the rules a way, got {length} notes with no way in "
        f"{MAX_RESTARTS} beginnings"
    )


def _write_chord(
    made: Written,
    place: int,
    length: int,
    bases: Sequence[int],
    rules: Sequence[Rule],
    rng: np.random.Generator,
) -> bool:
    """Write the notes of one moment from the lowest up; False where it was given up."""
    n_voices = len(bases)
    for _ in range(TRIES_A_CHORD if n_voices > 1 else 1):
        fallen: list[list[tuple[int, str]]] = []
        for voice, base in enumerate(bases):
            pitch, rejected = _draw(made, voice, place, length, base, rules, rng)
            fallen.append(rejected)
            if pitch is None:
                break
            made.lines[voice].append(pitch)
        else:
            for voice, rejected in enumerate(fallen):
                made.rejected[voice].append(rejected)
            return True
        for line in made.lines:
            del line[place:]
    return False


def _draw(
    made: Written,
    voice: int,
    place: int,
    length: int,
    base: int,
    rules: Sequence[Rule],
    rng: np.random.Generator,
) -> tuple[int | None, list[tuple[int, str]]]:
    """Draw white keys until one breaks no rule; the key, and those that fell."""
    rejected: list[tuple[int, str]] = []
    now = Moment(made.lines, voice, place, length, 0)
    for key in rng.integers(0, len(WHITE), size=TRIES_A_NOTE):
        made.draws += 1
        now.pitch = base + WHITE[key]
        broken = next((rule.name for rule in rules if rule.breaks(now)), None)
        if broken is None:
            return now.pitch, rejected
        rejected.append((now.pitch, broken))
        made.broken[broken] = made.broken.get(broken, 0) + 1
    return None, rejected
