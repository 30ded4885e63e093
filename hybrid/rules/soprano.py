"""A soprano that can be harmonised: slots that know what the voices under them can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hybrid.rules.decorate import Figure, parts_of
from hybrid.rules.harmony import Chord, Event
from hybrid.rules.joins import pairs_from, soprano_pairs, sopranos
from hybrid.rules.lines import Moves
from hybrid.rules.melody import MelodyNote, Slot
from hybrid.rules.phrases import Context, breaks_between, centres_of, entry_range, tail_arrays
from hybrid.rules.voicings import Limits, Voicings


def at_cadence(slot: Slot, chords: Sequence[Chord]) -> Slot:
    """Over the last two chords a note between the beats is one of theirs, or the passing seventh.

    So the cadence is heard as what it is.
    """
    last = slot.later[-1] if slot.later else slot.chord
    if last.index < chords[-1].index - 1 or slot.accent or slot.structural or slot.tones:
        return slot
    tones = dict.fromkeys(slot.chord.tones, 0.0)
    if slot.chord.leading is not None:
        tones.setdefault(slot.chord.tones[0] - 2, 0.0)
    return replace(slot, tones=tuple(tones.items()), prepared=False)


def voice_limits(context: Context, slack: bool = False, entry: bool = False) -> Limits:
    return Limits(
        tuple(
            entry_range(voice, context.tail) if entry else voice.range for voice in context.voices
        ),
        slack=slack,
        centres=centres_of(context.voices),
    )


def harmonisable(
    slots: tuple[Slot, ...], events: tuple[Event, ...], context: Context
) -> tuple[Slot, ...]:
    """The slots with what the voices under them can do with each note, and two in a row."""
    limits = voice_limits(context)
    entry = voice_limits(context, entry=True)
    tail = tail_arrays(context)
    slots = tuple(piece for slot in slots for piece in cut_slot(slot, events, limits))
    result = []
    for number, slot in enumerate(slots):
        inside = [e for e in events if slot.onset <= e.onset < slot.end]
        if not inside:
            result.append(slot)
            continue
        open_to = frozenset.intersection(
            *(sopranos(event, entry if event is events[0] else limits) for event in inside)
        )
        joins = None
        place = events.index(inside[0])
        if place == 0 and tail is not None and context.last_chord is not None:
            last = Voicings(tail[0], tail[1], np.zeros(1))
            joins = pairs_from(last, context.last_chord, events[0], tail[2], entry)
        elif place > 0 and breaks_between(events[place - 1], events[place], context):
            joins = None
        elif place > 0 and slots[number - 1].onset <= events[place - 1].onset:
            joins = soprano_pairs(events[place - 1], inside[0], limits)
        # A note held over several events has to fit each change under it.
        for one, two in pairwise(inside):
            pairs = soprano_pairs(one, two, limits)
            open_to &= frozenset(a for a, b in pairs if a == b)
        first = context.voices[0]
        span = entry_range(first, context.tail) if place == 0 else None
        result.append(replace(slot, open_to=open_to, joins=joins, limits=span))
    return tuple(result)


def cut_slot(slot: Slot, events: tuple[Event, ...], limits: Limits) -> tuple[Slot, ...]:
    """A note cut where the chords under it share no tone that could be held."""
    inside = [e for e in events if slot.onset <= e.onset < slot.end]
    cuts = []
    common: frozenset[int] | None = None
    if inside and inside[0].onset > slot.onset:
        common = frozenset(range(128))  # it began between events, on any note
    for place, event in enumerate(inside):
        here = sopranos(event, limits)
        if place and common is not None:
            pairs = soprano_pairs(inside[place - 1], event, limits)
            held = common & here & frozenset(a for a, b in pairs if a == b)
        else:
            held = here if common is None else common & here
        if common is not None and not held:
            cuts.append(event.onset)
            held = here
        common = held
    if not cuts:
        return (slot,)
    starts = [slot.onset, *cuts]
    pieces = []
    for start, end in zip(starts, [*cuts, slot.end], strict=True):
        chord = next(e.chord for e in events if e.onset <= start < e.end)
        later = tuple(
            dict.fromkeys(e.chord for e in events if start < e.onset < end and e.chord != chord)
        )
        first = start == slot.onset
        pieces.append(
            replace(
                slot,
                onset=start,
                end=end,
                chord=chord,
                later=later,
                structural=slot.structural if first else True,
                tones=slot.tones if end == slot.end else (),
                fresh=slot.fresh and first,
            )
        )
    return tuple(pieces)


def soprano_before(context: Context) -> tuple[tuple[int, int] | None, Chord | None]:
    if context.tail is None:
        return None, None
    soprano = context.voices[0]
    note = context.tail.get((soprano.part, soprano.number))
    return note, None if context.after_pause or note is None else context.last_chord


def wanted_steps_of(slots: Sequence[Slot], events: tuple[Event, ...]) -> tuple[float, ...]:
    """The shape's staff position at each event."""
    wanted = []
    for event in events:
        sounding = [slot for slot in slots if slot.onset <= event.onset] or [slots[0]]
        wanted.append(float(sounding[-1].height or 0.0))
    return tuple(wanted)


def on_events(melody: Sequence[MelodyNote], events: tuple[Event, ...]) -> tuple[MelodyNote, ...]:
    """The melody without the notes that begin between events."""
    onsets = {event.onset for event in events}
    kept = [note for note in melody if note.onset in onsets or note is melody[0]]
    ends = [note.onset for note in kept[1:]] + [melody[-1].end]
    return tuple(replace(note, end=end) for note, end in zip(kept, ends, strict=True))


def lower_moves(events: tuple[Event, ...], chosen: Voicings) -> Moves:
    """How the voices under the soprano move, by tick."""
    moves: dict[int, tuple[tuple[int, int], ...]] = {}
    for place, event in enumerate(events[1:], start=1):
        rows = chosen.pitch[place - 1, 1:].tolist(), chosen.pitch[place, 1:].tolist()
        moves[event.onset] = tuple((a, b) for a, b in zip(*rows, strict=True) if a != b)
    return moves


def melody_through(events: tuple[Event, ...], chosen: Voicings) -> tuple[MelodyNote, ...]:
    """The melody of a soprano that the voicings have chosen: one note for each event."""
    notes: list[MelodyNote] = []
    for row, event in enumerate(events):
        pitch, spelling = int(chosen.pitch[row, 0]), int(chosen.spelling[row, 0])
        notes.append(MelodyNote(event.onset, event.end, pitch, spelling, True, 1.0))
    return tuple(notes)


def embellished(
    melody: Sequence[MelodyNote],
    events: tuple[Event, ...],
    figures: tuple[tuple[Figure, ...], ...],
) -> tuple[MelodyNote, ...]:
    """The melody with the figures that its notes took."""
    taken = {
        event.onset: (event, chosen[0])
        for event, chosen in zip(events, figures, strict=True)
        if chosen[0].kind != "melody"
    }
    notes: list[MelodyNote] = []
    for note in melody:
        if note.onset not in taken:
            notes.append(note)
            continue
        event, figure = taken[note.onset]
        unit = event.ticks // parts_of(event)
        ends = [event.onset + part * unit for part, _, _ in figure.notes[1:]] + [event.end]
        for number, ((part, pitch, spelling), end) in enumerate(
            zip(figure.notes, ends, strict=True)
        ):
            if number == 0 and figure.tied:
                notes[-1] = replace(notes[-1], end=end, figure=figure.kind)
                continue
            name = "" if number == 0 else figure.kind
            strange = number in figure.strange
            onset = event.onset + part * unit
            notes.append(
                MelodyNote(onset, end, pitch, spelling, not strange, note.probability, name)
            )
    return tuple(notes)
