"""Four voices: a theme in the soprano, voicings under it, figures between them.

For each phrase a melody is drawn that follows the theme's shape, then a path of voicings
under that melody, then figures. Where no voicing fits the melody, the soprano is set free
at a cost, spacing is relaxed at a cost, and what the search finds becomes the melody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.decorate import Figure, Habits, Skeleton, draw_figures, parts_of
from hybrid.rules.echo import Echo, find_echo, ready_figure
from hybrid.rules.endings import barred_pitches
from hybrid.rules.harmony import Chord, Event, accent_at, beat_events, beat_ticks, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Filled, LineNote
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import (
    Context,
    breaks_between,
    melody_slots,
    remembered,
    sounding,
    tail_arrays,
    tonic_staff_step,
    within,
)
from hybrid.rules.revive import revive
from hybrid.rules.soprano import (
    at_cadence,
    embellished,
    harmonisable,
    lower_moves,
    melody_through,
    on_events,
    soprano_before,
    wanted_steps_of,
)
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.underneath import Memory, voices_under
from hybrid.rules.voicings import SILENT, Voicings

MANNER = Manner(repeat=1.8)


HABITS = Habits()


#: Independent lines move more: fewer plain notes, more ties and suspensions.
LIVELY = Habits(passing=-3.2, double=0.5, neighbour=0.3, skip=1.0, suspension=-0.9, tie=0.8)


def fill_chorale(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    memory: Memory | None,
    context: Context,
    rngs: tuple[np.random.Generator, np.random.Generator, np.random.Generator],
    habits: Habits | None = None,
) -> tuple[Filled, tuple[ShapeNote, ...]]:
    """Fill a phrase in four parts, or in as many as the context has voices.

    In the texture ``counterpoint`` a lower voice imitates the head of the theme where the
    harmony lets it, and figures are livelier.

    Returns
    -------
    (Filled, tuple of ShapeNote)
        The phrase, and its melody as heights above the tonic, to remember.

    Raises
    ------
    Blocked
        If no voicings join the chords.
    """
    soprano = context.voices[0]
    tonic_step = tonic_staff_step(placed, *soprano.range)
    events = beat_events(placed, chords, beat_ticks(placed.metre), context.upbeat)
    before, before_chord = soprano_before(context)
    slots = melody_slots(
        placed,
        chords,
        shape,
        tonic_step,
        theme,
        context.after_pause,
        context.pause,
        context.returns,
    )
    slots = tuple(within(slot, context.voices[0]) for slot in slots)
    if placed.phrase.cadence != "none":
        slots = tuple(at_cadence(slot, chords) for slot in slots)
    if context.guide is not None:
        slots = context.guide.slots(slots)
    slots = harmonisable(slots, events, context)
    peak = tonic_step + max(note.height for note in shape.notes) + 0.5
    manner = replace(MANNER, peak=float(peak))
    if context.guide is not None:
        manner = context.guide.manner(manner)
    wanted_steps = wanted_steps_of(slots, events)
    is_counterpoint = placed.shared.texture == "counterpoint"
    if habits is None:
        habits = LIVELY if is_counterpoint else HABITS
    ways: list[tuple[tuple[MelodyNote, ...] | None, Echo | None]] = [(None, None)]
    freer = tuple(replace(slot, joins=None) for slot in slots)
    unpinned = [tuple(replace(slot, pinned=()) for slot in row) for row in (slots, freer)]
    if context.insist or not any(slot.pinned for slot in slots):
        unpinned = []
    for less in (slots, freer, *unpinned):
        try:
            melody = draw_melody(less, soprano.range, rngs[0], manner, before, before_chord)
        except Blocked:
            continue
        ways = [(melody, None), (on_events(melody, events), None), (None, None)]
        close = sounding(melody, to_ticks(placed.end) - context.upbeat - 1)
        if close.onset not in {event.onset for event in events}:
            del ways[1]  # it would lose the note that it closes with
        if is_counterpoint and context.guide is None:
            answer = find_echo(placed, chords, events, melody, context.voices, rngs[0])
            ways = [(melody, answer), *ways] if answer is not None else ways
        break
    if context.insist:
        ways = [way for way in ways if way[0] is not None][: 1 + int(is_counterpoint)]
        if not ways:
            raise Blocked(0)
    if context.plain:
        ways = [(None, None)]
    counts: dict[str, int] = {}
    # First under the melody as it is (with a voice that imitates it, where there is one), then
    # without its notes between the events, then with the soprano set free at a cost; each
    # time within the spacing limits, then beyond them.
    relaxed = 0
    for tune, echo in ways:
        for slack in (False, True):
            try:
                chosen, n_looked = voices_under(
                    placed, events, tune, wanted_steps, context, memory, rngs[1], slack, echo
                )
                break
            except Blocked:
                relaxed += int(echo is None)
                if slack and (tune, echo) == ways[-1]:
                    raise
        else:
            continue
        if tune is not None:
            melody = tune
            break
        melody = melody_through(events, chosen)
        if context.guide is None and not context.plain:
            fixed = {note.onset: (note.pitch, note.spelling) for note in melody}
            moves = lower_moves(events, chosen)
            melody = (
                revive(
                    _ending_freely(slots, chosen, context),
                    fixed,
                    moves,
                    chords,
                    soprano.range,
                    rngs[0],
                    manner,
                    before,
                    before_chord,
                )
                or melody
            )
        break
    counts["melody notes"] = len(melody)
    counts["voicings looked at"] = n_looked
    counts["phrases relaxed"] = int(relaxed > 1)
    counts["imitations"] = int(echo is not None)
    skeleton = _skeleton(events, chosen, melody, context, shape, echo)
    wanted = _wanted_kinds(placed, events, memory)
    figures, n_figures = draw_figures(
        skeleton,
        rngs[2],
        habits,
        wanted,
        tail=tail_arrays(context),
    )
    counts["figures looked at"] = n_figures
    melody = embellished(melody, events, figures)
    rests = to_ticks(placed.end) - context.upbeat if context.pause else None
    notes = _notes(placed, context.voices, skeleton, figures, melody, shape, rests)
    tail = {
        (voice.part, voice.number): (
            int(chosen.pitch[-1, column]),
            int(chosen.spelling[-1, column]),
        )
        for column, voice in enumerate(context.voices)
    }
    # The soprano's very last note may lie after the last event's first.
    tail[soprano.part, soprano.number] = (melody[-1].pitch, melody[-1].spelling)
    start = to_ticks(placed.start)
    rest = to_ticks(placed.end) - context.upbeat
    heights = remembered(placed, melody, tonic_step, rest)
    kept = Memory(
        tuple(event.onset - start for event in events),
        tuple(event.chord.numeral.text for event in events),
        chosen.pitch - placed.key.tonic * 7 % 12,
        tuple(tuple(figure.kind for figure in row) for row in figures),
    )
    filled = Filled(
        placed,
        context.voices,
        notes,
        tail,
        chords[-1],
        context.pause and not context.upbeat,
        shape.made_by,
        counts,
        kept,
    )
    return filled, heights


def _ending_freely(slots: tuple[Slot, ...], chosen: Voicings, context: Context) -> tuple[Slot, ...]:
    """The slots with the last one kept from endings that the next phrase could not follow."""
    keys = [(voice.part, voice.number) for voice in context.voices]
    lower = dict(zip(keys[1:], chosen.pitch[-1, 1:].tolist(), strict=True))
    barred = slots[-1].barred | barred_pitches(keys[0], lower, context.barred)
    return (*slots[:-1], replace(slots[-1], barred=barred))


def _skeleton(
    events: tuple[Event, ...],
    chosen: Voicings,
    melody: Sequence[MelodyNote],
    context: Context,
    shape: Shape,
    echo: Echo | None = None,
) -> Skeleton:
    """The voicings with the melody's own notes as ready figures of the soprano.

    A new melody's notes as long as an event may still be embellished; one that is taken up
    again is what it was.
    """
    lines: list[Figure | None] = []
    open_events = []
    for place, event in enumerate(events):
        inside = [n for n in melody if n.end > event.onset and n.onset < event.end]
        if not inside:
            # A pickup before the theme: the soprano waits on its first note's harmony.
            lines.append(None)
            continue
        alone = (inside[0].onset, inside[-1].end) == (event.onset, event.end)
        if alone and len(inside) == 1 and not shape.strict and not event.last:
            open_events.append(place)
        lines.append(ready_figure(event, inside, "melody"))
    ready: dict[int, tuple[Figure | None, ...]] = {0: tuple(lines)}
    if echo is not None:
        ready[echo.voice] = tuple(echo.figure(event) for event in events)
    breaks = (False, *(breaks_between(a, b, context) for a, b in pairwise(events)))
    ranges = tuple(voice.range for voice in context.voices)
    return Skeleton(
        events,
        chosen.pitch,
        chosen.spelling,
        breaks,
        ranges,
        ready,
        frozenset(open_events),
        permits=context.guide.permits(events) if context.guide is not None else None,
    )


def _wanted_kinds(
    placed: PlacedPhrase, events: tuple[Event, ...], memory: Memory | None
) -> tuple[tuple[str, ...] | None, ...]:
    if memory is None:
        return ()
    start = to_ticks(placed.start)
    by_onset = dict(zip(memory.onsets, memory.kinds, strict=True))
    return tuple(by_onset.get(event.onset - start) for event in events)


def _notes(
    placed: PlacedPhrase,
    voices: tuple[Voice, ...],
    skeleton: Skeleton,
    figures: tuple[tuple[Figure, ...], ...],
    melody: Sequence[MelodyNote],
    shape: Shape,
    rests: int | None,
) -> tuple[LineNote, ...]:
    """All notes of a phrase, ties joined; fermatas on the notes that end at ``rests``."""
    notes: list[LineNote] = []
    for voice, column in zip(voices, range(len(voices)), strict=True):
        if column == 0:
            notes.extend(_melody_notes(placed, voice, melody, shape))
            continue
        row: list[LineNote] = []
        for event, chosen in zip(skeleton.events, figures, strict=True):
            figure = chosen[column]
            unit = event.ticks // parts_of(event)
            for number, (part, pitch, spelling) in enumerate(figure.notes):
                if pitch == SILENT:
                    continue
                onset = event.onset + part * unit
                last = number + 1 == len(figure.notes)
                end = event.end if last else event.onset + figure.notes[number + 1][0] * unit
                if number == 0 and figure.tied and row:
                    kind = figure.kind if figure.strange[:1] == (0,) else row[-1].maker
                    row[-1] = replace(row[-1], end=end, maker=kind)
                    continue
                row.append(
                    LineNote(
                        voice.part,
                        voice.number,
                        voice.name,
                        onset,
                        end,
                        pitch,
                        spelling,
                        maker_of(event, figure, number),
                        accent_at(placed, onset),
                    )
                )
        notes.extend(row)
    if rests is not None:
        notes = [
            replace(note, articulation="fermata") if note.end == rests else note for note in notes
        ]
    return tuple(notes)


def maker_of(event: Event, figure: Figure, number: int) -> str:
    if figure.kind.startswith("imitation"):
        return figure.kind
    if number == 0 or figure.kind == "skip":
        return f"voicing {event.chord.numeral.text}"
    if figure.kind.startswith("suspension"):
        return f"resolution of {figure.kind}"
    return figure.kind.removeprefix("tied ")


def _melody_notes(
    placed: PlacedPhrase, voice: Voice, melody: Sequence[MelodyNote], shape: Shape
) -> list[LineNote]:
    cadence = placed.phrase.cadence or "none"
    row = []
    rest = to_ticks(placed.end) - sum(n.duration for n in shape.notes if n.upbeat)
    for note in melody:
        maker = shape.made_by
        if note.end == rest and cadence != "none":
            maker = f"cadence {cadence}"
        elif note.onset >= rest:
            maker = "upbeat"
        elif note.figure:
            maker = f"{shape.made_by}, {note.figure}"
        elif not note.is_chord_tone:
            maker = f"{shape.made_by}, non-chord tone"
        row.append(
            LineNote(
                voice.part,
                voice.number,
                voice.name,
                note.onset,
                note.end,
                note.pitch,
                note.spelling,
                maker,
                accent_at(placed, note.onset),
                note.probability,
            )
        )
    return row
