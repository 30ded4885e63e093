"""A score as it is written: parts, staves, voices, bars, and in them values, ties and beams.

This is what the writers of MusicXML, ABC and kern share. Onsets and ends must lie where
notation can write them (`hybrid.io.quantise` sees to that).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hybrid.core.score import Score, Track
from hybrid.core.timeline import Bar, Metre
from hybrid.io.durations import Segment, write_bar
from hybrid.io.voices import Voice, clef_of, separate, spelling_of_track


@dataclass(frozen=True)
class Event:
    """A written note, chord or rest.

    Attributes
    ----------
    start, end : int
        Ticks.
    notes : tuple of int
        Indices into the track's notes, low to high; empty for a rest.
    value : Fraction
        Printed value in quarters; 0 for a rest that fills its bar.
    dots : int
    tuplet : (int, int) or None
        Actual and normal notes.
    opens, closes : bool
        Whether a tuplet's bracket begins or ends here.
    tied_back, tied_on : bool
        Whether the notes continue from the event before, and into the next.
    beams : tuple of str
        One for each level: ``begin``, ``continue``, ``end``, ``forward hook`` or
        ``backward hook``.
    """

    start: int
    end: int
    notes: tuple[int, ...]
    value: Fraction
    dots: int = 0
    tuplet: tuple[int, int] | None = None
    opens: bool = False
    closes: bool = False
    tied_back: bool = False
    tied_on: bool = False
    beams: tuple[str, ...] = ()

    @property
    def ticks(self) -> int:
        return self.end - self.start

    @property
    def is_rest(self) -> bool:
        return not self.notes

    @property
    def fills_bar(self) -> bool:
        return self.value == 0


@dataclass(frozen=True)
class VoiceBar:
    """What a voice has in one bar; ``is_empty`` if it has no note there."""

    voice: int
    staff: int
    events: tuple[Event, ...]

    @property
    def is_empty(self) -> bool:
        return all(event.is_rest for event in self.events)


@dataclass(frozen=True)
class Part:
    """A track as written.

    Attributes
    ----------
    track : Track
    spellings : tuple of int
        Tonal pitch class of each note.
    clefs : tuple of str
        One for each staff.
    voices : tuple of Voice
    bars : tuple of tuple of VoiceBar
        One row for each bar of the score; in it every voice, upper staff first.
    """

    track: Track
    spellings: tuple[int, ...]
    clefs: tuple[str, ...]
    voices: tuple[Voice, ...]
    bars: tuple[tuple[VoiceBar, ...], ...]

    @property
    def n_staves(self) -> int:
        return len(self.clefs)


@dataclass(frozen=True)
class Notation:
    """A score as written: its bars, with the ends they have on paper, and its parts."""

    bars: tuple[Bar, ...]
    parts: tuple[Part, ...]

    def is_continued(self, index: int) -> bool:
        """Whether a printed bar is the rest of one that a repeat sign cut."""
        return index > 0 and self.bars[index].number == self.bars[index - 1].number


def notate(score: Score) -> Notation:
    """Write a score out in bars, voices, values and ties."""
    bars = _printed_bars(score)
    return Notation(bars, tuple(_part(score, track, bars) for track in score.tracks))


def _printed_bars(score: Score) -> tuple[Bar, ...]:
    """The bars; one that a repeat sign cuts is two, with the same number.

    A last bar that a pickup completes ends with the music.
    """
    bars = list(score.bars)
    last = bars[-1]
    cut = last.end - score.length
    if score.pickup_ticks and cut == score.pickup_ticks and len(bars) > 1:
        bars[-1] = replace(last, end=score.length)
    signs = sorted(
        {
            place
            for repeat in score.repeats
            for start, end in (
                (repeat.start, repeat.end),
                *((ending[0], ending[1]) for ending in repeat.endings),
            )
            for place in (start, end)
        }
    )
    printed: list[Bar] = []
    for bar in bars:
        start = bar.start
        for sign in signs:
            if start < sign < bar.end:
                printed.append(replace(bar, start=start, end=sign))
                start = sign
        printed.append(replace(bar, start=start))
    return tuple(printed)


def _places_in_metre(bars: Sequence[Bar], quarter: int) -> tuple[Fraction, ...]:
    """How far into its metre each bar begins: a pickup is the end of a whole bar."""
    places: list[Fraction] = []
    for index, bar in enumerate(bars):
        length = Fraction(bar.end - bar.start, quarter)
        place = Fraction(0)
        if index and bars[index - 1].number == bar.number and not bars[index - 1].is_pickup:
            before = bars[index - 1]
            place = places[-1] + Fraction(before.end - before.start, quarter)
        elif bar.is_pickup:
            place = max(bar.metre.bar_quarters - length, Fraction(0))
        if place.denominator & (place.denominator - 1):
            place = Fraction(0)  # a pickup of a triplet's part begins nowhere in particular
        places.append(place)
    return tuple(places)


def _part(score: Score, track: Track, bars: Sequence[Bar]) -> Part:
    voices = separate(track) or [Voice(1, 1)]
    n_staves = max(voice.staff for voice in voices)
    if n_staves == 2 and not any(voice.staff == 1 for voice in voices):
        voices.insert(0, Voice(1, 1))
    clefs = []
    for staff in range(1, n_staves + 1):
        pitches = [
            pitch
            for voice in voices
            if voice.staff == staff
            for chord in voice.chords
            for pitch in (chord.low, chord.high)
        ]
        clefs.append(clef_of(track, pitches))
    if n_staves == 2 and not any(voice.chords for voice in voices if voice.staff == 2):
        clefs[1] = "bass"
    places = _places_in_metre(bars, score.ticks_per_quarter)
    written = [_write_voice(voice, bars, places, score.ticks_per_quarter) for voice in voices]
    return Part(
        track=track,
        spellings=tuple(spelling_of_track(score, track)),
        clefs=tuple(clefs),
        voices=tuple(voices),
        bars=tuple(zip(*written, strict=True)),
    )


def _write_voice(
    voice: Voice, bars: Sequence[Bar], places: Sequence[Fraction], quarter: int
) -> list[VoiceBar]:
    """A voice in bars, its gaps filled with rests."""
    written = []
    first = 0  # the first chord that may reach into the bar
    for bar, place in zip(bars, places, strict=True):
        while first < len(voice.chords) and voice.chords[first].end <= bar.start:
            first += 1
        segments: list[Segment] = []
        at = bar.start
        index = first
        while index < len(voice.chords) and voice.chords[index].start < bar.end:
            chord = voice.chords[index]
            start, end = max(chord.start, bar.start), min(chord.end, bar.end)
            if start > at:
                segments.append(_segment(bar, at, start, quarter))
            segments.append(_segment(bar, start, end, quarter, index))
            at = end
            index += 1
        is_whole = Fraction(bar.end - bar.start, quarter) == bar.metre.bar_quarters
        if not segments and is_whole:
            rest = Event(bar.start, bar.end, (), Fraction(0))
            written.append(VoiceBar(voice.number, voice.staff, (rest,)))
            continue
        if at < bar.end:
            segments.append(_segment(bar, at, bar.end, quarter))
        segments = [
            replace(segment, start=segment.start + place, end=segment.end + place)
            for segment in segments
        ]
        events = _beamed(_events(voice, bar, segments, quarter), bar, place, quarter)
        written.append(VoiceBar(voice.number, voice.staff, tuple(events)))
    return written


def _segment(bar: Bar, start: int, end: int, quarter: int, item: int | None = None) -> Segment:
    return Segment(Fraction(start - bar.start, quarter), Fraction(end - bar.start, quarter), item)


def _events(voice: Voice, bar: Bar, segments: list[Segment], quarter: int) -> list[Event]:
    shift = segments[0].start
    events = []
    open_item: int | None = None
    for value in write_bar(segments, bar.metre):
        start = bar.start + int((value.start - shift) * quarter)
        end = bar.start + int((value.end - shift) * quarter)
        notes: tuple[int, ...] = ()
        back = on = False
        if value.item is not None:
            chord = voice.chords[value.item]
            notes = chord.notes
            back = value.item == open_item or chord.start < start
            on = value.goes_on or chord.end > end
        open_item = value.item
        events.append(
            Event(
                start,
                end,
                notes,
                value.value,
                value.dots,
                value.tuplet,
                value.opens,
                value.closes,
                back,
                on,
            )
        )
    return events


# Beams ----------------------------------------------------------------------------------


def beam_groups(metre: Metre) -> list[Fraction]:
    """Places in the bar, in quarters, at which beams end."""
    bar = metre.bar_quarters
    if metre.numerator in (5, 7) and metre.denominator >= 8:
        unit = Fraction(4, metre.denominator)
        groups = (3, 2) if metre.numerator == 5 else (2, 2, 3)
        return [unit * sum(groups[: index + 1]) for index in range(len(groups))]
    step = bar if metre.name in ("3/8", "3/16") else max(metre.beat_quarters, Fraction(1))
    places = [step]
    while places[-1] < bar:
        places.append(min(places[-1] + step, bar))
    return places


def _beamed(events: list[Event], bar: Bar, place: Fraction, quarter: int) -> list[Event]:
    """The events with their beams; the bar begins at ``place`` in its metre."""
    groups = _beam_rows(events, bar, place, quarter)
    beamed = list(events)
    for row in groups:
        if len(row) < 2:
            continue
        levels = [_levels(events[index].value) for index in row]
        for rank, index in enumerate(row):
            beams = [_beam(levels, rank, level) for level in range(1, levels[rank] + 1)]
            beamed[index] = replace(events[index], beams=tuple(beams))
    return beamed


def _beam_rows(events: list[Event], bar: Bar, place: Fraction, quarter: int) -> list[list[int]]:
    """Indices of the events that share a beam."""
    metre = bar.metre
    ends = beam_groups(metre)

    def group_of(event: Event) -> int:
        at = Fraction(event.start - bar.start, quarter) + place
        return next((number for number, end in enumerate(ends) if at < end), len(ends))

    rows: list[list[int]] = []
    last: int | None = None
    for index, event in enumerate(events):
        if event.is_rest or not _levels(event.value):
            last = None
            continue
        group = group_of(event)
        inside = event.tuplet is not None and not event.opens
        if last is not None and (group == last or inside):
            rows[-1].append(index)
        else:
            rows.append([index])
        last = group
    return _join_eighths(rows, events, metre, group_of)


def _join_eighths(
    rows: list[list[int]], events: list[Event], metre: Metre, group_of: Callable[[Event], int]
) -> list[list[int]]:
    """In 2/4 and 4/4 four plain eighths of a half bar share one beam."""
    if metre.denominator not in (2, 4) or metre.beat_quarters * metre.n_beats % 2:
        return rows
    joined: list[list[int]] = []
    for row in rows:
        before = joined[-1] if joined else []
        both = [*before, *row]
        if (
            len(before) == len(row) == 2
            and before[-1] + 1 == row[0]
            and group_of(events[row[0]]) == group_of(events[before[0]]) + 1
            and group_of(events[row[0]]) % 2 == 1
            and all(
                events[index].value == Fraction(1, 2)
                and not events[index].dots
                and events[index].tuplet is None
                for index in both
            )
        ):
            joined[-1] = both
        else:
            joined.append(row)
    return joined


def _levels(value: Fraction) -> int:
    """How many beams a value has."""
    levels = 0
    while 0 < value < 1:
        value *= 2
        levels += 1
    return levels


def _beam(levels: list[int], place: int, level: int) -> str:
    before = place > 0 and levels[place - 1] >= level
    after = place + 1 < len(levels) and levels[place + 1] >= level
    if before and after:
        return "continue"
    if after:
        return "begin"
    if before:
        return "end"
    return "backward hook" if place > 0 else "forward hook"
