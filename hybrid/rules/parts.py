"""Which voice plays in which track, and how high and low it goes.

Four-part textures have the voices soprano, alto, tenor and bass; accompanied ones a melody
and three or four strands of accompaniment. An instrument that plays alone has all voices; a
keyboard or harp has those of its left hand from voice number 5 on, which stand on its lower
staff. Pitched instruments
beyond four rest in four-part textures.
"""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.core.errors import PlanError
from hybrid.core.instruments import INSTRUMENTS, Instrument, expand_ensemble
from hybrid.core.plan import REGISTERS, FormPlan
from hybrid.theory.tables import RANGES, VOICES

#: Numbers of a left hand's voices begin after this one.
LEFT_HAND = 4
TWO_HANDS = frozenset({"piano", "harpsichord", "electric piano", "organ", "celesta", "harp"})
#: A melody spans at most this many semitones.
MELODY_SPAN = 21


@dataclass(frozen=True)
class Part:
    """An output track."""

    name: str
    instrument: Instrument
    clef: str = ""


@dataclass(frozen=True)
class Voice:
    """A line of the texture.

    Attributes
    ----------
    name : str
        soprano, alto, tenor, bass, or melody, upper, middle, bass.
    part : int
        Index of its track.
    number : int
        Voice number within the track, from 1.
    low, high : int
        MIDI pitches between which it stays.
    lowest, highest : int
        What its instrument can play.
    """

    name: str
    part: int
    number: int
    low: int
    high: int
    lowest: int = 0
    highest: int = 127

    @property
    def range(self) -> tuple[int, int]:
        return self.low, self.high

    def widened(self, semitones: int) -> tuple[int, int]:
        """Its range, wider on both sides as far as the instrument goes."""
        return max(self.lowest, self.low - semitones), min(self.highest, self.high + semitones)


@dataclass(frozen=True)
class PartTable:
    """All tracks of a piece, and where each instrument of a phrase is found."""

    parts: tuple[Part, ...]
    where: dict[tuple[str, int], int]

    def find(self, name: str, copy: int) -> int:
        """Track of the ``copy``-th instrument of a name."""
        return self.where[name, copy]


def players(names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Instruments of a phrase with their number among those of the same name."""
    expanded = expand_ensemble(names)
    return tuple((name, expanded[:index].count(name)) for index, name in enumerate(expanded))


def make_parts(plan: FormPlan) -> PartTable:
    """Tracks for all instruments that any phrase names, in order of appearance."""
    order: list[tuple[str, int]] = []
    alone: set[tuple[str, int]] = set()
    for placed in plan.phrases():
        found = players(placed.shared.instruments)
        order.extend(player for player in found if player not in order)
        pitched = [player for player in found if not INSTRUMENTS[player[0]].is_drum]
        if len(pitched) == 1 and pitched[0][0] in TWO_HANDS:
            alone.add(pitched[0])
        if not pitched:
            raise PlanError(
                "instruments must name a pitched one, got "
                f"{', '.join(placed.shared.instruments)} "
                f"(bars {placed.first_bar}-{placed.last_bar})"
            )
    parts: list[Part] = []
    where: dict[tuple[str, int], int] = {}
    # Drums stand last in a score.
    order.sort(key=lambda player: INSTRUMENTS[player[0]].is_drum)
    for name, copy in order:
        instrument = INSTRUMENTS[name]
        several = any(other == name and number > 0 for other, number in order)
        label = f"{name} {copy + 1}" if several else name
        where[name, copy] = len(parts)
        # A keyboard that ever plays alone is written on two staves, which have their own clefs.
        clef = "" if instrument.is_drum or (name, copy) in alone else instrument.clef
        parts.append(Part(label, instrument, clef))
    return PartTable(tuple(parts), where)


def pitched_players(names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """The players that are no drums."""
    return tuple(p for p in players(names) if not INSTRUMENTS[p[0]].is_drum)


def drum_part(table: PartTable, names: tuple[str, ...]) -> int | None:
    """Track of the drums of a phrase, None without."""
    for name, copy in players(names):
        if INSTRUMENTS[name].is_drum:
            return table.find(name, copy)
    return None


def chorale_voices(
    table: PartTable, names: tuple[str, ...], register: str | None, n_voices: int = 4
) -> tuple[Voice, ...]:
    """Soprano, alto, tenor, bass on a phrase's instruments (or the outer ones of them)."""
    chosen = pitched_players(names)
    labels = {4: VOICES, 3: (VOICES[0], VOICES[1], VOICES[3]), 2: (VOICES[0], VOICES[3])}[n_voices]
    # Half the octave: four voices a whole octave away would leave their comfortable ranges.
    shift = REGISTERS[register or "middle"] // 2
    owners = _spread(chosen, n_voices)
    voices = []
    used: dict[int, int] = {}
    for index, (label, owner) in enumerate(zip(labels, owners, strict=True)):
        name, copy = chosen[owner]
        part = table.find(name, copy)
        is_left = len(chosen) == 1 and name in TWO_HANDS and index >= n_voices / 2
        if is_left:
            used[part] = max(used.get(part, 0), LEFT_HAND)
        used[part] = used.get(part, 0) + 1
        player = INSTRUMENTS[name]
        low, high = _fit(RANGES[label], player, shift)
        ends = RANGES.get(name, (player.lowest, player.highest))
        voices.append(Voice(label, part, used[part], low, high, *ends))
    return tuple(voices)


def part_voices(
    table: PartTable, names: tuple[str, ...], register: str | None, texture: str
) -> tuple[Voice, ...]:
    """The voices of a texture in independent parts.

    A chorale has four. Counterpoint has as many as there are players, from two to four, and
    three on one instrument.
    """
    if texture != "counterpoint":
        return chorale_voices(table, names, register)
    n = len(pitched_players(names))
    return chorale_voices(table, names, register, 3 if n == 1 else min(n, 4))


def _spread(chosen: tuple[tuple[str, int], ...], n_voices: int) -> list[int]:
    """Which player has each voice: 1, 2, 3 or more players for so many voices."""
    n = len(chosen)
    if n >= n_voices:
        return [round(i * (n - 1) / (n_voices - 1)) for i in range(n_voices)]
    if n == 1:
        return [0] * n_voices
    if n == 2:
        return [0] + [1] * (n_voices - 1)
    return [0, *[1] * (n_voices - 2), 2]


def _fit(wanted: tuple[int, int], instrument: Instrument, shift: int) -> tuple[int, int]:
    """A voice's range on an instrument: shifted by a register as far as the instrument goes."""
    own = (instrument.lowest, instrument.highest)
    if instrument.name in VOICES or instrument.name == "choir":
        shift = 0 if instrument.name != "choir" else shift
        own = own if instrument.name == "choir" else RANGES[instrument.name]
    for move in (shift, 0, -12, 12, -24, 24):
        low, high = max(own[0], wanted[0] + move), min(own[1], wanted[1] + move)
        if high - low >= 14:
            return low, high
    return max(own[0], wanted[0]), max(own[0], wanted[0]) + 14


def melody_range(instrument: Instrument, register: str | None) -> tuple[int, int]:
    """Where an instrument sings best: at most `MELODY_SPAN`, around c2 where it reaches that."""
    shift = REGISTERS[register or "middle"]
    low, high = instrument.lowest, instrument.highest
    if instrument.name in RANGES:
        low, high = RANGES[instrument.name]
    centre = 72 + shift // 2 if high >= 79 else round(low + 0.62 * (high - low))
    low = max(low, centre - MELODY_SPAN // 2)
    high = min(high, low + MELODY_SPAN)
    return max(instrument.lowest, high - MELODY_SPAN), high


#: Names and ranges of accompanying strands, by their number and whether one hand plays them.
STRANDS: dict[tuple[int, bool], tuple[tuple[str, int, int], ...]] = {
    (3, False): (("upper", 52, 69), ("middle", 48, 65), ("bass", 36, 55)),
    (3, True): (("upper", 50, 69), ("middle", 46, 65), ("bass", 36, 57)),
    (4, False): (("upper", 55, 71), ("middle", 50, 67), ("low", 45, 62), ("bass", 36, 55)),
    (4, True): (("upper", 52, 74), ("middle", 47, 68), ("low", 43, 62), ("bass", 34, 54)),
}


def accompanied_voices(
    table: PartTable,
    names: tuple[str, ...],
    register: str | None,
    n_strands: int,
    compact: bool,
) -> tuple[Voice, ...]:
    """A melody and its strands, highest first, the bass last.

    The first instrument has the melody, the last one of three or more the bass, those
    between the other strands; one instrument alone has all. ``compact`` keeps the strands
    within the reach of one hand.
    """
    chosen = pitched_players(names)
    n = len(chosen)
    first = INSTRUMENTS[chosen[0][0]]
    low, high = melody_range(first, register)
    if n == 1:
        low = max(low, 59)
        high = min(first.highest, low + MELODY_SPAN)
    two_hands = n == 1 and first.name in TWO_HANDS
    ends = RANGES.get(first.name, (first.lowest, first.highest))
    voices = [Voice("melody", table.find(*chosen[0]), 1, low, high, *ends)]
    if n <= 2:
        owners = [n - 1] * n_strands
    elif n == 3:
        owners = [1] * (n_strands - 1) + [2]
    else:
        # The second player has the highest two of four strands.
        owners = [1, n - 2, n - 1] if n_strands == 3 else [1, 1, n - 2, n - 1]
    spans = STRANDS[n_strands, compact]
    # Numbers stay with a strand from texture to texture: highest 1, bass 2, then the others.
    order = {"upper": 1, "bass": 2, "middle": 3, "low": 4}
    found: dict[int, list[str]] = {}
    for (label, *_), owner in zip(spans, owners, strict=True):
        found.setdefault(owner, []).append(label)
    numbers = {
        label: number + (LEFT_HAND if two_hands else int(owner == 0))
        for owner, labels in found.items()
        for number, label in enumerate(sorted(labels, key=lambda name: order[name]), start=1)
    }
    for (label, *wanted), owner in zip(spans, owners, strict=True):
        name, copy = chosen[owner]
        part = table.find(name, copy)
        player = INSTRUMENTS[name]
        low, high = _fit_strand((wanted[0], wanted[1]), player)
        number = numbers[label]
        voices.append(Voice(label, part, number, low, high, player.lowest, player.highest))
    return tuple(voices)


def _fit_strand(wanted: tuple[int, int], instrument: Instrument) -> tuple[int, int]:
    """A strand's range on an instrument: cut to it, else moved by octaves into it."""
    own_low, own_high = instrument.lowest, instrument.highest
    for shift in (0, 12, -12, 24, -24):
        low, high = max(wanted[0] + shift, own_low), min(wanted[1] + shift, own_high)
        if high - low >= 8:
            return low, high
    low = min(max(wanted[0], own_low), own_high - 12)
    return low, low + 12
