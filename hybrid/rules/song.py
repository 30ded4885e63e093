"""The melody of an accompanied phrase: slots of its theme, drawn over the chords."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, accent_at, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote, Moves
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.phrases import (
    Context,
    entry_range,
    goes_on_by_step,
    melody_slots,
    sounding,
    within,
)
from hybrid.rules.playing import Span
from hybrid.rules.revive import revive
from hybrid.rules.song_guide import SongGuide
from hybrid.rules.themes import Shape, Theme

SONG = Manner(shape=0.55, dissonance=0.35, accented=1.8, repeat=0.9, leap=0.8)


def draw_song(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    context: Context,
    tonic_step: int,
    rng: np.random.Generator,
) -> tuple[MelodyNote, ...] | None:
    """A melody of the theme's shape; None where no melody keeps the rules over the chords."""
    lead = context.voices[0]
    slots = song_slots(placed, chords, shape, theme, context, tonic_step)
    before, before_chord = note_before(context)
    manner = song_manner(shape, tonic_step)
    # If need be with chord tones alone; if there is no way then either, the chords are drawn
    # with an open melody.
    free = [replace(slot, pinned=()) for slot in slots]
    plain = [replace(slot, structural=True, barred=frozenset()) for slot in free]
    for tries in (slots,) if context.insist else (slots, free, plain):
        try:
            if isinstance(context.guide, SongGuide):
                return context.guide.sing(tries, lead.range, rng, manner, before, before_chord)
            return draw_melody(tries, lead.range, rng, manner, before, before_chord)
        except Blocked:
            continue
    return None


def sing_again(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    context: Context,
    tonic_step: int,
    fixed: Mapping[int, tuple[int, int]],
    moves: Moves,
    barred: Collection[int],
    rng: np.random.Generator,
) -> tuple[MelodyNote, ...] | None:
    """The theme's rhythm laid over notes that are fixed at some ticks (`revive`).

    It does not end on ``barred`` pitches.
    """
    lead = context.voices[0]
    slots = song_slots(placed, chords, shape, theme, context, tonic_step)
    slots[-1] = replace(slots[-1], barred=slots[-1].barred.union(barred))
    manner = song_manner(shape, tonic_step)
    if isinstance(context.guide, SongGuide):
        slots, manner = context.guide.fitted(slots), context.guide.manner(manner)
    before, before_chord = note_before(context)
    return revive(slots, fixed, moves, chords, lead.range, rng, manner, before, before_chord)


def note_before(context: Context) -> tuple[tuple[int, int] | None, Chord | None]:
    """The melody's last note, and the chord under it where no pause stands between."""
    if context.tail is None:
        return None, None
    lead = context.voices[0]
    note = context.tail.get((lead.part, lead.number))
    return note, None if context.after_pause or note is None else context.last_chord


def song_manner(shape: Shape, tonic_step: int) -> Manner:
    """The habits of such a melody, which rises no higher than its theme."""
    peak = tonic_step + max(note.height for note in shape.notes) + 0.5
    return replace(SONG, peak=float(peak))


def song_slots(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    context: Context,
    tonic_step: int,
) -> list[Slot]:
    """Slots of the melody: chord tones where chords begin, on long notes and at cadences.

    A remembered note that goes on by step may lean on the chord instead.
    """
    onsets = {chord.onset for chord in chords}
    found = melody_slots(
        placed,
        chords,
        shape,
        tonic_step,
        theme,
        context.after_pause,
        returns=context.returns,
    )
    slots = []
    for slot, after in zip(found, (*found[1:], None), strict=True):
        leans = shape.strict and after is not None and goes_on_by_step(slot, after)
        structural = slot.ticks > 480 or (slot.onset in onsets and not leans)
        slots.append(replace(slot, structural=structural))
    # A transposed theme may lie where the instrument cannot follow: there its notes are free.
    slots = [within(slot, context.voices[0]) for slot in slots]
    if placed.phrase.cadence != "none":
        slots = [_at_cadence(slot, chords) for slot in slots]
    slots = [piece for slot in slots for piece in _cut_held(slot, chords)]
    if context.tail is not None:
        slots[0] = replace(slots[0], limits=entry_range(context.voices[0], context.tail))
    return slots


def _at_cadence(slot: Slot, chords: Sequence[Chord]) -> Slot:
    """Over the last two chords only short notes pass: the cadence is heard as what it is."""
    last = slot.later[-1] if slot.later else slot.chord
    if last.index < chords[-1].index - 1:
        return slot
    strict = slot.accent > 0 or slot.ticks >= 240
    return replace(slot, structural=slot.structural or strict, prepared=False)


def _cut_held(slot: Slot, chords: Sequence[Chord]) -> list[Slot]:
    """A note cut where the chords under it share no tone."""
    pieces = []
    start, chord = slot.onset, slot.chord
    common = set(chord.tones)
    later: list[Chord] = []
    for after in slot.later:
        if common & set(after.tones):
            common &= set(after.tones)
            later.append(after)
            continue
        pieces.append((start, after.onset, chord, tuple(later)))
        start, chord, later = after.onset, after, []
        common = set(after.tones)
    pieces.append((start, slot.end, chord, tuple(later)))
    return [
        replace(
            slot,
            onset=onset,
            end=end,
            chord=here,
            later=rest,
            structural=slot.structural or number > 0,
            tones=slot.tones if end == slot.end else (),
            fresh=slot.fresh and number == 0,
        )
        for number, (onset, end, here, rest) in enumerate(pieces)
    ]


def plainer(
    melody: Sequence[MelodyNote], spans: Sequence[Span], context: Context
) -> list[tuple[MelodyNote, ...]]:
    """The melody with one chord tone for each span; none where that leaves a tone unresolved."""
    kept: list[MelodyNote] = []
    slots = []
    close = sounding(melody, spans[-1].end - context.upbeat - 1)
    for span in spans:
        inside = [n for n in melody if span.onset <= n.onset < span.end and n.is_chord_tone]
        # What the melody rests on is kept as well, or the cadence would be another one.
        chosen = inside[:1] + [note for note in inside[1:] if note is close]
        for number, note in enumerate(chosen):
            end = chosen[number + 1].onset if number + 1 < len(chosen) else span.end
            slots.append(Slot(note.onset, end, span.chord, pinned=((note.pitch, note.spelling),)))
        kept.extend(chosen)
    ends = [note.onset for note in kept[1:]] + [melody[-1].end]
    lead = context.voices[0]
    try:
        draw_melody(slots, lead.range, np.random.default_rng(0), SONG)
    except Blocked:
        return []
    return [tuple(replace(note, end=end) for note, end in zip(kept, ends, strict=True))]


def wanted_step(span: Span, shape: Shape, placed: PlacedPhrase, tonic_step: int) -> float:
    """Staff position that the shape has at a span's start."""
    at = span.onset - to_ticks(placed.start)
    sounding = [note for note in shape.notes if note.onset <= at] or [shape.notes[0]]
    return tonic_step + sounding[-1].height


def melody_notes(
    placed: PlacedPhrase, context: Context, melody: Sequence[MelodyNote], shape: Shape
) -> list[LineNote]:
    """The melody's notes with what made them."""
    lead = context.voices[0]
    cadence = placed.phrase.cadence or "none"
    rest = to_ticks(placed.end) - context.upbeat
    row = []
    for note in melody:
        maker = shape.made_by
        wanted = context.guide.source(0, note.onset, note.end) if context.guide else ""
        if wanted:
            maker = f"constraint {wanted}"
        elif note.end == rest and cadence != "none":
            maker = f"cadence {cadence}"
        elif note.onset >= rest:
            maker = "upbeat"
        elif not note.is_chord_tone:
            maker = f"{shape.made_by}, non-chord tone"
        accent = accent_at(placed, note.onset)
        row.append(
            LineNote(
                lead.part,
                lead.number,
                lead.name,
                note.onset,
                note.end,
                note.pitch,
                note.spelling,
                maker,
                accent,
                note.probability,
            )
        )
    return row
