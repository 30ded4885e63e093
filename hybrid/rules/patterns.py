"""Accompaniment patterns: which strand of the chord sounds when.

Strands are numbered from the top: 0 is the highest accompanying tone, the last one the bass.
A pattern says, for an event of a chord in a metre, which strands are struck at which moments.
Patterns with one line (`LINEAR`) are broken chords: their notes form a single melodic line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import beat_ticks, to_ticks

#: Textures whose accompaniment is one broken line, where one player has all strands.
LINEAR = frozenset({"alberti", "arpeggio"})
#: Order of strands in broken chords by number of notes; B bass, then rising strands.
ALBERTI = {2: "BU", 3: "BMU", 4: "BUMU", 6: "BUMUMU", 8: "BUMUBUMU", 12: "BUMUBUMUBUMU"}
ARPEGGIO = {2: "BU", 3: "BMU", 4: "BLMU", 6: "BLMUML", 8: "BLMUBLMU", 12: "BLMUMLBLMUML"}
#: Ways to repeat or hold chords under a melody; one is chosen for each section label.
HOMOPHONIC = ("held", "beats", "after-beats", "half-bars")


@dataclass(frozen=True)
class Stroke:
    """A struck strand: ticks from the piece's start, and how loud it is beside the rest."""

    onset: int
    end: int
    strand: int
    weight: float = 1.0


def n_strands(texture: str, n_players: int) -> int:
    """How many strands a texture has under its melody."""
    if texture == "arpeggio":
        return 4
    if texture == "alberti" and n_players >= 4:
        return 4
    return 3


def strokes(
    texture: str,
    variant: str,
    placed: PlacedPhrase,
    onset: int,
    end: int,
    strands: int,
    mode: str,
    separate: bool,
) -> tuple[Stroke, ...]:
    """Strokes of one chord.

    Parameters
    ----------
    variant : str
        One of `HOMOPHONIC`, for that texture.
    onset, end : int
        Ticks of the chord.
    strands : int
    mode : str
        ``held`` where the chord is struck once, ``anchored`` where its bass is held through
        (at cadences, so that the bass is heard), else ``flowing``.
    separate : bool
        Whether several players share the strands, so that a broken line has its own player.
    """
    beat = beat_ticks(placed.metre)
    every = range(strands)
    if mode == "held" or texture == "pad":
        return _block(onset, end, every)
    anchored = mode == "anchored"
    if texture == "homophonic":
        return _homophonic(variant, placed, onset, end, strands, beat)
    if texture == "walking_bass":
        return _comping(placed, onset, end, strands, beat)
    if texture == "alberti":
        return _broken(ALBERTI, placed, onset, end, strands, beat, separate or anchored)
    if texture == "arpeggio":
        return _broken(ARPEGGIO, placed, onset, end, strands, beat, separate or anchored)
    pattern = {"waltz": _waltz, "march": _march}[texture]
    found = pattern(placed, onset, end, strands, beat)
    if anchored:
        upper = tuple(stroke for stroke in found if stroke.strand != strands - 1)
        return (Stroke(onset, end, strands - 1, 1.05), *upper)
    return found


def _block(onset: int, end: int, strands: Sequence[int], weight: float = 1.0) -> tuple[Stroke, ...]:
    return tuple(Stroke(onset, end, strand, weight) for strand in strands)


def _beats(placed: PlacedPhrase, onset: int, end: int, beat: int) -> list[tuple[int, int, int]]:
    """(onset, end, number within the bar) of each beat that the span touches."""
    bar = to_ticks(placed.metre.bar_quarters)
    start = to_ticks(placed.start)
    found = []
    tick = onset
    while tick < end:
        within = (tick - start) % bar
        stop = min(end, tick + beat - within % beat)
        found.append((tick, stop, within // beat))
        tick = stop
    return found


def _homophonic(
    variant: str, placed: PlacedPhrase, onset: int, end: int, strands: int, beat: int
) -> tuple[Stroke, ...]:
    upper, bass = range(strands - 1), strands - 1
    if variant == "held" or end - onset <= beat:
        return _block(onset, end, range(strands))
    if variant == "half-bars":
        found: list[Stroke] = []
        for tick in range(onset, end, 2 * beat):
            found.extend(_block(tick, min(end, tick + 2 * beat), range(strands)))
        return tuple(found)
    found = [Stroke(onset, end, bass)]
    for number, (tick, stop, _) in enumerate(_beats(placed, onset, end, beat)):
        if variant == "after-beats" and number == 0:
            continue
        found.extend(_block(tick, stop, upper, 0.9))
    return tuple(found)


def _waltz(
    placed: PlacedPhrase, onset: int, end: int, strands: int, beat: int
) -> tuple[Stroke, ...]:
    """Bass on the first beat, chords on the others; in compound metres within each beat."""
    upper, bass = range(strands - 1), strands - 1
    found: list[Stroke] = []
    unit = beat // 3 if placed.metre.is_compound else beat
    pulses = _beats(placed, onset, end, unit)
    for number, (tick, stop, place) in enumerate(pulses):
        first = number == 0 or (place % 3 == 0 if placed.metre.is_compound else place == 0)
        if first:
            found.append(Stroke(tick, stop, bass, 1.05))
            if len(pulses) == 1:
                found.extend(_block(tick, stop, upper, 0.85))
        else:
            found.extend(_block(tick, stop, upper, 0.85))
    return tuple(found)


def _march(
    placed: PlacedPhrase, onset: int, end: int, strands: int, beat: int
) -> tuple[Stroke, ...]:
    """Bass and chord in turn, by beats, or by half beats where a bar has one or two."""
    upper, bass = range(strands - 1), strands - 1
    if placed.metre.is_compound:
        unit = beat // 3
    else:
        unit = beat // 2 if placed.metre.n_beats <= 2 else beat
    found: list[Stroke] = []
    pulses = _beats(placed, onset, end, unit)
    for number, (tick, stop, _) in enumerate(pulses):
        turn = number % 3 if placed.metre.is_compound else number % 2
        if turn == 0:
            found.append(Stroke(tick, stop, bass, 1.05))
            if len(pulses) == 1:
                found.extend(_block(tick, stop, upper, 0.9))
        elif not placed.metre.is_compound or turn == 2:
            found.extend(_block(tick, stop, upper, 0.9))
    return tuple(found)


def _comping(
    placed: PlacedPhrase, onset: int, end: int, strands: int, beat: int
) -> tuple[Stroke, ...]:
    """The bass as an outline (it walks later); chords on the second half of some beats."""
    upper, bass = range(strands - 1), strands - 1
    found = [Stroke(onset, end, bass)]
    half = beat // 2 if not placed.metre.is_compound else 2 * beat // 3
    beats = _beats(placed, onset, end, beat)
    for number, (tick, stop, _) in enumerate(beats):
        if len(beats) == 1:
            found.extend(_block(tick, stop, upper, 0.85))
        elif number == 0:
            # The push: after the first beat, held into the next one.
            last = beats[1][0] + half if len(beats) > 1 else stop
            found.extend(_block(tick + half, min(last, end), upper, 0.85))
        elif number % 2 == 1 and number > 1:
            found.extend(_block(tick, stop, upper, 0.8))
    return tuple(found)


def _broken(
    table: dict[int, str],
    placed: PlacedPhrase,
    onset: int,
    end: int,
    strands: int,
    beat: int,
    anchored: bool,
) -> tuple[Stroke, ...]:
    """A broken chord in eighths (a third of a beat in compound metres)."""
    unit = beat // 3 if placed.metre.is_compound else beat // 2
    bass = strands - 1
    found: list[Stroke] = []
    if anchored:
        # The bass and a middle strand hold; the highest two alternate.
        found.append(Stroke(onset, end, bass))
        found.extend(Stroke(onset, end, strand, 0.9) for strand in range(2, bass))
        names = {"B": 1, "L": 1, "M": 1, "U": 0}
    else:
        names = {"B": bass, "L": min(2, bass - 1), "M": 1, "U": 0}
    start = to_ticks(placed.start)
    bar = to_ticks(placed.metre.bar_quarters)
    tick = onset
    while tick < end:
        # A figure runs to the end of the bar at most.
        stop = min(end, tick + bar - (tick - start) % bar)
        count = max(1, (stop - tick) // unit)
        word = _word(table, count)
        for number in range(count):
            first = tick + number * unit
            last = stop if number == count - 1 else first + unit
            strand = number % 2 if anchored else names[word[number]]
            found.append(Stroke(first, last, strand, 1.0 if number == 0 else 0.85))
        tick = stop
    return tuple(found)


def _word(table: dict[int, str], count: int) -> str:
    """The figure for a number of notes: from the table, or put together from fours and threes."""
    if count in table:
        return table[count]
    if count == 1:
        return "B"
    word = table[4] * (count // 4)
    rest = count - len(word)
    return word + (table[rest] if rest > 1 else "U" * rest)
