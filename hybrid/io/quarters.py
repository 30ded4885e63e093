"""A score in quarters, as readers collect it, on its way to ticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from hybrid.core.pitch import Key
from hybrid.core.score import (
    TICKS_PER_QUARTER,
    Articulation,
    Grace,
    KeySignature,
    Lyric,
    Marker,
    Repeat,
    Score,
    Slur,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.reading import Losses

MAX_TICKS_PER_QUARTER = 32767


@dataclass
class Signatures:
    """Everything in quarters from the start.

    ``metres`` holds a bar's metre where it changes, and again where a bar does not begin
    where the metre says: that is how `hybrid.core.timeline` keeps short and long bars.
    """

    metres: list[tuple[Fraction, Metre]] = field(default_factory=list)
    keys: list[tuple[Fraction, Key]] = field(default_factory=list)
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    markers: list[tuple[Fraction, str]] = field(default_factory=list)
    repeats: list[
        tuple[Fraction, Fraction, int, list[tuple[Fraction, Fraction, tuple[int, ...]]]]
    ] = field(default_factory=list)
    pickup: Fraction = Fraction(0)
    length: Fraction = Fraction(0)
    title: str = ""
    composer: str = ""

    def places(self) -> list[Fraction]:
        """Every place, for the choice of a tick."""
        found = [self.pickup, self.length]
        for items in (self.metres, self.keys, self.tempos, self.markers):
            found += [item[0] for item in items]
        for start, end, _, endings in self.repeats:
            found += [start, end, *(place for ending in endings for place in ending[:2])]
        return found

    def lay_bars(self, bars: Sequence[tuple[Fraction, Fraction, Metre]]) -> None:
        """Set metres and pickup from measures: (start, end, metre in force) of each.

        Short measures that together make one bar, as where a repeat sign cuts it, stay one.
        """
        line = Fraction(0)  # where the next bar line falls by the metre
        before = bars[0][2]
        for index, (start, end, metre) in enumerate(bars):
            if index == 0:
                self.metres.append((Fraction(0), metre))
                if end - start < metre.bar_quarters and len(bars) > 1:
                    self.pickup = line = end - start
                else:
                    line = metre.bar_quarters
                continue
            while metre == before and line + metre.bar_quarters <= start:
                line += metre.bar_quarters  # inside a measure that is several bars long
            if metre == before and start < line and end <= line:
                continue
            if metre != before or start != line:
                self.metres.append((start, metre))
            line = start + metre.bar_quarters
            before = metre


@dataclass
class Note:
    onset: Fraction
    end: Fraction
    pitch: int
    velocity: int
    voice: int
    spelling: int


@dataclass
class Part:
    """A part, its times in quarters."""

    name: str = ""
    program: int = 0
    is_drum: bool = False
    midi_channel: int | None = None
    clef: str = ""
    notes: list[Note] = field(default_factory=list)
    graces: list[tuple[Fraction, int, int, int, int]] = field(default_factory=list)
    lyrics: list[tuple[Fraction, str, int]] = field(default_factory=list)
    articulations: list[tuple[Fraction, int, str]] = field(default_factory=list)
    slurs: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)

    def places(self) -> Iterator[Fraction]:
        for note in self.notes:
            yield note.onset
            yield note.end
        for items in (self.graces, self.lyrics):
            for item in items:
                yield item[0]


def ticks_per_quarter(parts: list[Part], signatures: Signatures, losses: Losses) -> int:
    """A number of ticks that holds every place exactly: 480 or a multiple if it can be."""
    needed = 1
    for place in (*signatures.places(), *(place for part in parts for place in part.places())):
        needed = lcm(needed, place.denominator)
    for _, metre in signatures.metres:
        needed = lcm(needed, metre.bar_quarters.denominator)
    for candidate in (lcm(TICKS_PER_QUARTER, needed), needed):
        if candidate <= MAX_TICKS_PER_QUARTER:
            return candidate
    # 27720 = lcm(1..12): holds every tuplet up to 12.
    losses.say("some lengths are no whole number of ticks at 27720 a quarter: rounded")
    return 27720


def build(parts: list[Part], signatures: Signatures, quarter: int) -> Score:
    def ticks(place: Fraction) -> int:
        return round(place * quarter)

    tracks = tuple(_track(part, quarter) for part in parts)
    last = max(track.end for track in tracks)
    return Score(
        tracks=tracks,
        ticks_per_quarter=quarter,
        tempos=tuple(Tempo(ticks(p), q) for p, q in signatures.tempos) or (Tempo(0, 120.0),),
        metres=tuple(
            Metre(ticks(p), metre.numerator, metre.denominator) for p, metre in signatures.metres
        )
        or (Metre(0, 4, 4),),
        keys=tuple(KeySignature(ticks(p), key) for p, key in signatures.keys),
        markers=tuple(Marker(ticks(p), text) for p, text in signatures.markers),
        repeats=tuple(
            Repeat(
                ticks(start),
                ticks(end),
                times,
                tuple((ticks(a), ticks(b), numbers) for a, b, numbers in endings),
            )
            for start, end, times, endings in signatures.repeats
        ),
        pickup_ticks=ticks(signatures.pickup),
        title=signatures.title,
        composer=signatures.composer,
        length=max(last, ticks(signatures.length)),
    )


def _track(part: Part, quarter: int) -> Track:
    def ticks(place: Fraction) -> int:
        return round(place * quarter)

    rows = [
        (
            ticks(note.onset),
            max(1, ticks(note.end) - ticks(note.onset)),
            note.pitch,
            note.velocity,
            note.voice,
            note.spelling,
        )
        for note in part.notes
    ]
    return Track(
        name=part.name,
        notes=make_notes(rows),
        program=part.program,
        is_drum=part.is_drum,
        midi_channel=part.midi_channel,
        lyrics=tuple(
            Lyric(ticks(p), text, verse)
            for p, text, verse in sorted(part.lyrics, key=lambda item: (item[0], item[2]))
        ),
        articulations=tuple(
            sorted(Articulation(ticks(p), pitch, kind) for p, pitch, kind in part.articulations)
        ),
        slurs=tuple(
            sorted(Slur(ticks(start), ticks(end), voice) for start, end, voice in part.slurs)
        ),
        graces=tuple(
            Grace(ticks(p), pitch, rank, voice, spelling)
            for p, pitch, rank, voice, spelling in sorted(
                part.graces, key=lambda item: (item[0], item[3], item[2])
            )
        ),
        clef=part.clef if not part.is_drum else "",
    )
