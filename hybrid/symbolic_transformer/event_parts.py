"""Which of a style's four tracks plays on which of a plan's instruments, and how high and low.

The models know three styles of four tracks: soprano, alto, tenor, bass; the four players of a
string quartet; melody, bridge, piano, bass. A plan names instruments. A seat joins the two, and
moves a line by octaves where an instrument lies elsewhere than what the style learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.core.errors import PlanError
from hybrid.core.instruments import INSTRUMENTS, Instrument, expand_ensemble
from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.symbolic_transformer.events import HIGHEST, LOWEST
from hybrid.theory.tables import RANGES, VOICES

#: Textures written in independent parts.
IN_PARTS = ("chorale", "counterpoint")
#: Lowest and highest MIDI pitch that each style's tracks usually have.
HABITS: dict[str, tuple[tuple[int, int], ...]] = {
    "chorale": tuple(RANGES[voice] for voice in VOICES),
    "quartet": ((55, 96), (55, 91), (48, 81), (36, 69)),
    "pop": ((55, 86), (53, 88), (45, 76), (33, 55)),
}
#: What the tracks are called where constraints speak of voices.
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "chorale": (("soprano", "melody"), ("alto",), ("tenor",), ("bass",)),
    "quartet": (("soprano", "melody"), ("alto",), ("tenor",), ("bass",)),
    "pop": (("melody", "soprano"), ("upper", "bridge"), ("middle", "piano"), ("bass",)),
}
#: Families that play more than one note at a time.
CHORDAL = frozenset({"keyboard", "plucked", "synth", "percussion"})
TWO_HANDS = frozenset({"piano", "harpsichord", "electric piano", "organ", "celesta", "harp"})
#: Numbers of a left hand's voices begin after this one.
LEFT_HAND = 4
#: An instrument that reaches less of a track's habit than this moves it by octaves.
LEAST_REACH = 12


@dataclass(frozen=True)
class Part:
    """A track of the score."""

    name: str
    instrument: Instrument
    clef: str = ""


@dataclass(frozen=True)
class Seat:
    """A track of the style on an instrument.

    Attributes
    ----------
    track : int
        Of the model, 0..3.
    part : int
        Index of the score's track.
    voice : int
        Number in it, from 1.
    low, high : int
        MIDI pitches that may sound.
    shift : int
        Semitones by which it sounds higher than the model writes.
    names : tuple of str
        What constraints may call it, lower case.
    one_at_a_time : bool
    """

    track: int
    part: int
    voice: int
    low: int
    high: int
    shift: int
    names: tuple[str, ...]
    one_at_a_time: bool


@dataclass(frozen=True)
class Seating:
    """A plan's score tracks, its style, and the seats of each phrase by its index."""

    style: str
    parts: tuple[Part, ...]
    seats: tuple[tuple[Seat, ...], ...]

    def find(self, phrase: int, track: int) -> Seat | None:
        """The seat of a model's track in a phrase; None where it rests."""
        return next((seat for seat in self.seats[phrase] if seat.track == track), None)


def players(names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Instruments with their number among those of one name."""
    expanded = expand_ensemble(names)
    return tuple((name, expanded[:index].count(name)) for index, name in enumerate(expanded))


def style_of(plan: FormPlan) -> str:
    """The style of a plan: parts for voices or winds, parts for strings, or accompanied."""
    placed = tuple(plan.phrases())
    if any(item.shared.texture not in IN_PARTS for item in placed):
        return "pop"
    names = {name for item in placed for name, _ in _pitched(item)}
    if all(INSTRUMENTS[name].family == "string" for name in names):
        return "quartet"
    return "chorale"


def seat_plan(plan: FormPlan, style: str | None = None) -> Seating:
    """Seats for all phrases of a plan.

    Raises
    ------
    PlanError
        If a phrase has no pitched instrument.
    """
    style = style or style_of(plan)
    order: list[tuple[str, int]] = []
    alone: set[tuple[str, int]] = set()
    for item in plan.phrases():
        order += [p for p in players(item.shared.instruments) if p not in order]
        pitched = _pitched(item)
        if not pitched:
            raise PlanError(
                f"instruments must name a pitched one, got {', '.join(item.shared.instruments)} "
                f"(bars {item.first_bar}-{item.last_bar})"
            )
        if len(pitched) == 1 and pitched[0][0] in TWO_HANDS:
            alone.add(pitched[0])
    # Drums stand last in a score.
    order.sort(key=lambda player: INSTRUMENTS[player[0]].is_drum)
    parts = []
    for name, copy in order:
        several = any(other == name and number > 0 for other, number in order)
        instrument = INSTRUMENTS[name]
        # A keyboard that plays alone is written on two staves, which have their own clefs.
        clef = "" if instrument.is_drum or (name, copy) in alone else instrument.clef
        parts.append(Part(f"{name} {copy + 1}" if several else name, instrument, clef))
    seats = tuple(_seats(item, style, order, parts) for item in plan.phrases())
    return Seating(style, tuple(parts), seats)


def _pitched(item: PlacedPhrase) -> list[tuple[str, int]]:
    found = players(item.shared.instruments)
    return [player for player in found if not INSTRUMENTS[player[0]].is_drum]


def _seats(
    item: PlacedPhrase, style: str, order: list[tuple[str, int]], parts: list[Part]
) -> tuple[Seat, ...]:
    chosen = _pitched(item)
    n = len(chosen)
    if style == "pop":
        tracks, owners = _accompanied(n)
    else:
        tracks, owners = _in_parts(n, str(item.shared.texture))
    used: dict[int, int] = {}
    seats = []
    for place, (track, owner) in enumerate(zip(tracks, owners, strict=True)):
        name, _ = chosen[owner]
        player = INSTRUMENTS[name]
        part = order.index(chosen[owner])
        if n == 1 and name in TWO_HANDS and place >= (len(tracks) + 1) // 2:
            used[part] = max(used.get(part, 0), LEFT_HAND)
        used[part] = used.get(part, 0) + 1
        low, high, shift = _reach(HABITS[style][track], player, style)
        names = (*NAMES[style][track], parts[part].name.lower())
        single = style != "pop" or track in (0, 3) or player.family not in CHORDAL
        seats.append(Seat(track, part, used[part], low, high, shift, names, single))
    return tuple(seats)


def _in_parts(n: int, texture: str) -> tuple[tuple[int, ...], list[int]]:
    """Tracks and their players for so many players."""
    n_voices = 4
    if texture == "counterpoint":
        n_voices = 3 if n == 1 else min(n, 4)
    tracks = {4: (0, 1, 2, 3), 3: (0, 1, 3), 2: (0, 3)}[n_voices]
    if n >= n_voices:
        return tracks, [round(i * (n - 1) / (n_voices - 1)) for i in range(n_voices)]
    if n == 1:
        return tracks, [0] * n_voices
    if n == 2:
        return tracks, [0] + [1] * (n_voices - 1)
    return tracks, [0, *[1] * (n_voices - 2), 2]


def _accompanied(n: int) -> tuple[tuple[int, ...], list[int]]:
    """Tracks and their players: a second melody needs a fourth player."""
    if n >= 4:
        return (0, 1, 2, 3), [0, 1, n - 2, n - 1]
    return (0, 2, 3), {1: [0, 0, 0], 2: [0, 1, 1], 3: [0, 1, 2]}[n]


def _reach(habit: tuple[int, int], player: Instrument, style: str) -> tuple[int, int, int]:
    """Lowest and highest pitch that may sound, and the shift by octaves."""
    own = (player.lowest, player.highest)
    if player.name in RANGES:
        own = RANGES[player.name]

    def overlap(shift: int) -> int:
        return min(own[1], habit[1] + shift) - max(own[0], habit[0] + shift)

    wanted = min(LEAST_REACH, own[1] - own[0])
    shift = 0
    if overlap(0) < wanted:
        shift = max((12, -12, 24, -24, 36, -36), key=lambda move: (overlap(move), -abs(move)))
    low, high = own
    if style == "chorale":
        # Voices keep to their own range on an instrument that reaches further.
        low, high = max(own[0], habit[0] + shift - 2), min(own[1], habit[1] + shift + 2)
        if high - low < wanted:
            low, high = own
    return max(low, LOWEST + shift), min(high, HIGHEST + shift), shift


__all__ = ["IN_PARTS", "Part", "Seat", "Seating", "seat_plan", "style_of"]
