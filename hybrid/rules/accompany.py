"""A melody over an accompaniment: the theme sings, strands of chords move under it.

The melody is drawn first, over the phrase's chords. Then one path of chords is drawn for the
strands: smooth, complete with what the melody has, and without parallels on the surface,
where the strands sound one after the other as the texture's pattern says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules import weights as w
from hybrid.rules.endings import shut_out
from hybrid.rules.harmony import Chord, accent_at, to_ticks
from hybrid.rules.lattice import Blocked, draw_path
from hybrid.rules.leading import link_between, transition
from hybrid.rules.lines import Filled, LineNote, last_notes, line_moves
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.parts import Voice
from hybrid.rules.patterns import LINEAR, Stroke, strokes
from hybrid.rules.phrases import (
    Context,
    entry_range,
    final_tones,
    melody_slots,
    remembered,
    tonic_staff_step,
    within,
)
from hybrid.rules.revive import revive
from hybrid.rules.surface import (
    Check,
    Known,
    Sound,
    check_cost,
    find_checks,
    inner_cost,
    joint_cost,
)
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.voicings import SILENT, Limits, Voicings, voicings
from hybrid.rules.walking import walk_bass

SONG = Manner(shape=0.55, dissonance=0.35, accented=1.8, repeat=0.9, leap=0.8)
UNLIKE = 1.2  # cost of each strand that differs from the remembered one
ABOVE_MELODY = 3.0


@dataclass(frozen=True)
class Scheme:
    """How a phrase is accompanied.

    Attributes
    ----------
    texture, variant : str
    closing : bool
        Whether the last chord ends a section and is held.
    separate : bool
        Whether several players share the strands.
    """

    texture: str
    variant: str
    closing: bool
    separate: bool

    @property
    def is_linear(self) -> bool:
        """Whether the strands sound as one broken line."""
        return self.texture in LINEAR and not self.separate


@dataclass(frozen=True)
class Span:
    """A chord, or the part of it within a bar, that is voiced once."""

    onset: int
    end: int
    chord: Chord


@dataclass(frozen=True)
class StrandMemory:
    """Chords of a phrase for its return."""

    onsets: tuple[int, ...]
    numerals: tuple[str, ...]
    degrees: NDArray[np.int64]


def chord_spans(placed: PlacedPhrase, chords: Sequence[Chord]) -> tuple[Span, ...]:
    """The phrase's chords, cut at bar lines."""
    bar = to_ticks(placed.metre.bar_quarters)
    start = to_ticks(placed.start)
    spans = []
    for chord in chords:
        tick = chord.onset
        while tick < chord.end:
            stop = min(chord.end, tick + bar - (tick - start) % bar)
            spans.append(Span(tick, stop, chord))
            tick = stop
    return tuple(spans)


def fill_accompanied(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    memory: StrandMemory | None,
    context: Context,
    scheme: Scheme,
    rngs: tuple[np.random.Generator, np.random.Generator, np.random.Generator],
) -> tuple[Filled, tuple[ShapeNote, ...]]:
    """Fill a phrase with a melody and its accompaniment.

    Raises
    ------
    Blocked
        If no chords of the strands join under the rules.
    """
    lead = context.voices[0]
    tonic_step = tonic_staff_step(placed, *lead.range)
    drawn = _melody(placed, chords, shape, theme, context, tonic_step, rngs[0])
    spans = chord_spans(placed, chords)
    played = _strokes(placed, spans, scheme, len(context.voices) - 1)
    wanted = tuple(_wanted(span, shape, placed, tonic_step) for span in spans)
    # Under the melody as it is, then under its chord tones, then with the melody set free;
    # each time closely voiced and complete first, then less so.
    tunes: list[tuple[MelodyNote, ...] | None] = [None]
    if drawn is not None:
        tunes = [drawn, *_plainer(drawn, spans, context), None]
    if context.insist:
        tunes = [drawn]
        if drawn is None:
            raise Blocked(0)
    chosen: Voicings | None = None
    looked = 0
    for tune in tunes:
        for loose in range(3):
            try:
                chosen, looked = _chords(
                    placed, spans, played, tune, wanted, memory, context, scheme, rngs[1], loose
                )
                break
            except Blocked:
                if tune is tunes[-1] and loose == 2:
                    raise
        if chosen is None:
            continue
        if tune is None:
            melody = _first_column(spans, chosen)
            chosen = Voicings(chosen.pitch[:, 1:], chosen.spelling[:, 1:], chosen.cost)
            strands = _strand_notes(placed, spans, played, chosen, context, scheme)
            slots = _slots(placed, chords, shape, theme, context, tonic_step)
            fixed = {note.onset: (note.pitch, note.spelling) for note in melody}
            manner = _manner(shape, tonic_step)
            before, before_chord = _before(context)
            moves = line_moves(strands)
            sung = revive(
                slots, fixed, moves, chords, lead.range, rngs[0], manner, before, before_chord
            )
            melody = sung or melody
        else:
            melody = tune
        break
    assert chosen is not None
    counts = {
        "melody notes": len(melody),
        "voicings looked at": looked,
        "phrases relaxed": int(melody is not drawn),
    }
    notes = _melody_notes(placed, context, melody, shape)
    strand_notes = _strand_notes(placed, spans, played, chosen, context, scheme)
    if scheme.texture == "walking_bass":
        strand_notes = walk_bass(placed, chords, notes, strand_notes, context, rngs[2])
    notes.extend(strand_notes)
    tail = last_notes(notes, to_ticks(placed.end))
    start = to_ticks(placed.start)
    rest = to_ticks(placed.end) - context.upbeat
    heights = remembered(placed, melody, tonic_step, rest)
    kept = StrandMemory(
        tuple(span.onset - start for span in spans),
        tuple(span.chord.numeral.text for span in spans),
        chosen.pitch - placed.key.tonic * 7 % 12,
    )
    filled = Filled(
        placed,
        context.voices,
        tuple(notes),
        tail,
        chords[-1],
        False,
        shape.made_by,
        counts,
        kept,
    )
    return filled, heights


def _melody(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    context: Context,
    tonic_step: int,
    rng: np.random.Generator,
) -> tuple[MelodyNote, ...] | None:
    lead = context.voices[0]
    slots = _slots(placed, chords, shape, theme, context, tonic_step)
    before, before_chord = _before(context)
    manner = _manner(shape, tonic_step)
    # If need be with chord tones alone; if there is no way then either, the chords are drawn
    # with an open melody.
    free = [replace(slot, pinned=()) for slot in slots]
    plain = [replace(slot, structural=True, barred=frozenset()) for slot in free]
    for tries in (slots,) if context.insist else (slots, free, plain):
        try:
            return draw_melody(tries, lead.range, rng, manner, before, before_chord)
        except Blocked:
            continue
    return None


def _before(context: Context) -> tuple[tuple[int, int] | None, Chord | None]:
    """The melody's last note, and the chord under it where no pause stands between."""
    if context.tail is None:
        return None, None
    lead = context.voices[0]
    note = context.tail.get((lead.part, lead.number))
    return note, None if context.after_pause or note is None else context.last_chord


def _manner(shape: Shape, tonic_step: int) -> Manner:
    peak = tonic_step + max(note.height for note in shape.notes) + 0.5
    return replace(SONG, peak=float(peak))


def _slots(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    shape: Shape,
    theme: Theme | None,
    context: Context,
    tonic_step: int,
) -> list[Slot]:
    """Slots of the melody: chord tones where chords begin, on long notes and at cadences."""
    onsets = {chord.onset for chord in chords}
    slots = [
        replace(slot, structural=slot.onset in onsets or slot.ticks > 480)
        if not shape.strict
        else slot
        for slot in melody_slots(placed, chords, shape, tonic_step, theme, context.after_pause)
    ]
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


def _plainer(
    melody: Sequence[MelodyNote], spans: Sequence[Span], context: Context
) -> list[tuple[MelodyNote, ...]]:
    """The melody with one chord tone for each span; none where that leaves a tone unresolved."""
    kept: list[MelodyNote] = []
    slots = []
    for span in spans:
        inside = [n for n in melody if span.onset <= n.onset < span.end and n.is_chord_tone]
        kept.extend(inside[:1])
        pinned = tuple((note.pitch, note.spelling) for note in inside[:1])
        slots.extend([Slot(span.onset, span.end, span.chord, pinned=pinned)] if pinned else [])
    ends = [note.onset for note in kept[1:]] + [melody[-1].end]
    lead = context.voices[0]
    try:
        draw_melody(slots, lead.range, np.random.default_rng(0), SONG)
    except Blocked:
        return []
    return [tuple(replace(note, end=end) for note, end in zip(kept, ends, strict=True))]


def _wanted(span: Span, shape: Shape, placed: PlacedPhrase, tonic_step: int) -> float:
    """Staff position that the shape has at a span's start."""
    at = span.onset - to_ticks(placed.start)
    sounding = [note for note in shape.notes if note.onset <= at] or [shape.notes[0]]
    return tonic_step + sounding[-1].height


def _first_column(spans: Sequence[Span], chosen: Voicings) -> tuple[MelodyNote, ...]:
    return tuple(
        MelodyNote(
            span.onset,
            span.end,
            int(chosen.pitch[row, 0]),
            int(chosen.spelling[row, 0]),
            True,
            float(chosen.cost[row]),
        )
        for row, span in enumerate(spans)
    )


def _strokes(
    placed: PlacedPhrase, spans: Sequence[Span], scheme: Scheme, n_strands: int
) -> list[tuple[Stroke, ...]]:
    return [
        strokes(
            scheme.texture,
            scheme.variant,
            placed,
            span.onset,
            span.end,
            n_strands,
            _mode(scheme, placed, spans, span),
            scheme.separate,
        )
        for span in spans
    ]


def _mode(scheme: Scheme, placed: PlacedPhrase, spans: Sequence[Span], span: Span) -> str:
    """How a chord is played: ``held`` at a close, ``anchored`` at cadences, else ``flowing``."""
    if span.chord == spans[-1].chord and scheme.closing:
        return "held"
    if placed.phrase.cadence == "none":
        return "flowing"
    return "anchored" if span.chord.index >= spans[-1].chord.index - 1 else "flowing"


def _place(strand: int, mode: str, scheme: Scheme, strands: Sequence[Voice]) -> tuple[int, int]:
    """Track and voice number in which a strand's note is written.

    The strands of a broken chord share the highest strand's voice: all of them where one
    player has them and the bass is not held, else the highest two.
    """
    broken = scheme.texture in LINEAR and mode != "held"
    alone = mode == "flowing" and not scheme.separate
    if broken and (alone or strand == 1):
        strand = 0
    return strands[strand].part, strands[strand].number


@dataclass(frozen=True)
class Lines:
    """The lines that sound in a phrase: the melody first, then the accompaniment's.

    ``broken`` are those of the others in which several strands sound in turn.
    """

    all: tuple[tuple[Sound, ...], ...]
    broken: tuple[tuple[Sound, ...], ...]


def _lines(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    played: Sequence[tuple[Stroke, ...]],
    melody: Sequence[MelodyNote] | None,
    context: Context,
    scheme: Scheme,
) -> Lines:
    """The lines of a phrase, each begun by the note that its voice had last.

    Without a melody that line is open, one note for each span: column 0 of the voicings, and
    the strands are those after it.
    """
    lead, *strands = context.voices
    tail = context.tail or {}
    shift = int(melody is None)

    def start_of(key: tuple[int, int]) -> list[Sound]:
        note = tail.get(key)
        return [] if note is None or context.after_pause else [Sound(-1, 0, Known(*note))]

    first = start_of((lead.part, lead.number))
    if melody is None:
        first.extend(Sound(s.onset, s.end, (event, 0)) for event, s in enumerate(spans))
    else:
        first.extend(Sound(n.onset, n.end, Known(n.pitch, n.spelling)) for n in melody)
    rows: dict[tuple[int, int], list[Sound]] = {}
    for event, (span, hits) in enumerate(zip(spans, played, strict=True)):
        mode = _mode(scheme, placed, spans, span)
        for hit in sorted(hits, key=lambda s: (s.onset, -s.strand)):
            key = _place(hit.strand, mode, scheme, strands)
            line = rows.setdefault(key, start_of(key))
            line.append(Sound(hit.onset, hit.end, (event, hit.strand + shift)))
    shared = {_place(strand, "flowing", scheme, strands) for strand in (0, 1)}
    broken = [tuple(rows[key]) for key in rows if scheme.texture in LINEAR and key in shared]
    return Lines((tuple(first), *(tuple(line) for line in rows.values())), tuple(broken))


def _chords(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    played: Sequence[tuple[Stroke, ...]],
    melody: Sequence[MelodyNote] | None,
    wanted_steps: Sequence[float],
    memory: StrandMemory | None,
    context: Context,
    scheme: Scheme,
    rng: np.random.Generator,
    loose: int,
) -> tuple[Voicings, int]:
    """Draw the strands' chords; rows of the result are spans.

    Without a melody its notes are drawn along, one for each span, as the first column.
    """
    usual = _limits(context, loose, melody is None)
    entry = _limits(context, loose, melody is None, entry=True)
    # Strands of a broken chord are no voices of their own: what holds between them by
    # preference gives way where it has to; the line itself is checked in any case.
    off = frozenset({"parallels"}) if scheme.is_linear and loose else frozenset()
    lines = _lines(placed, spans, played, melody, context, scheme)
    checks: dict[int, list[Check]] = {}
    for check in find_checks(lines.all):
        checks.setdefault(check.event, []).append(check)
    sets = []
    for number, span in enumerate(spans):
        limits = usual if number else entry
        if melody is None:
            found = _open_candidates(placed, span, spans, wanted_steps[number], limits)
        else:
            found = _candidates(placed, span, melody, limits, memory)
        local = [c for c in checks.get(number, []) if not c.reaches_back]
        if local:
            found = found.plus(check_cost(local, number, None, found)[0])
        for line in lines.broken:
            found = found.plus(inner_cost(line, number, found))
        if number + 1 == len(spans) and context.barred:
            ends = _ends(placed, spans, played[-1], melody, found, context, scheme)
            found = found.plus(shut_out(ends, context.barred, len(found)))
        sets.append(found)
    if context.tail is not None and context.last_chord is not None and not context.after_pause:
        tail = _tail(context, scheme, melody is None)
        link = link_between(context.last_chord, spans[0].chord, frustrated=False)
        sets[0] = sets[0].plus(transition(tail, sets[0], link)[0])
        for line in lines.broken:
            sets[0] = sets[0].plus(joint_cost(line, 0, link.due, None, sets[0])[0])

    def step(place: int) -> NDArray[np.float64]:
        before, after = sets[place - 1], sets[place]
        chord, following = spans[place - 1].chord, spans[place].chord
        link = link_between(chord, following, frustrated=not scheme.is_linear, off=off)
        cost = transition(before, after, link)
        back = [c for c in checks.get(place, []) if c.reaches_back]
        if back:
            cost = cost + check_cost(back, place, before, after)
        for line in lines.broken:
            cost = cost + joint_cost(line, place, link.due, before, after)
        return cost

    path = draw_path([found.cost for found in sets], step, rng, w.TEMPERATURE)
    rows = list(zip(sets, path.index, strict=True))
    chosen = Voicings(
        np.stack([found.pitch[index] for found, index in rows]),
        np.stack([found.spelling[index] for found, index in rows]),
        np.array(path.probability),
    )
    return chosen, sum(len(found) for found in sets)


def _ends(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    hits: Sequence[Stroke],
    melody: Sequence[MelodyNote] | None,
    found: Voicings,
    context: Context,
    scheme: Scheme,
) -> dict[tuple[int, int], NDArray[np.int64]]:
    """Pitch with which each line ends, for every candidate of the last span."""
    lead, *strands = context.voices
    shift = int(melody is None)
    mode = _mode(scheme, placed, spans, spans[-1])
    ends = {
        _place(hit.strand, mode, scheme, strands): found.pitch[:, hit.strand + shift]
        for hit in sorted(hits, key=lambda hit: hit.end)
    }
    ends[lead.part, lead.number] = (
        found.pitch[:, 0] if melody is None else np.full(len(found), melody[-1].pitch)
    )
    return ends


def _limits(context: Context, loose: int, with_melody: bool, entry: bool = False) -> Limits:
    voices = context.voices if with_melody else context.voices[1:]
    n_inner = len(context.voices) - 3
    spacing = (12,) * n_inner + (19,) if loose else (9,) * n_inner + (14,)
    if with_melody:
        spacing = (36, *spacing)
    return Limits(
        tuple(
            _union(voice.widened(4 * loose), entry_range(voice, context.tail))
            if entry
            else voice.widened(4 * loose)
            for voice in voices
        ),
        spacing=spacing,
        distinct=True,
        centres=tuple((voice.low + voice.high) / 2 for voice in voices),
        slack=loose > 1,
        complete=0 if loose > 1 else 1,
    )


def _union(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return min(one[0], two[0]), max(one[1], two[1])


def _open_candidates(
    placed: PlacedPhrase,
    span: Span,
    spans: Sequence[Span],
    wanted: float,
    limits: Limits,
) -> Voicings:
    """Chords of melody and strands together; the melody's distance from its shape costs."""
    found = voicings(span.chord, (span.chord.bass,), limits)
    steps = [
        diatonic_step(p, s)
        for p, s in zip(found.pitch[:, 0].tolist(), found.spelling[:, 0].tolist(), strict=True)
    ]
    found = found.plus(1.2 * np.abs(np.array(steps, dtype=np.float64) - wanted))
    if span is spans[-1]:
        tones = [tone for tone, _ in final_tones(placed, span.chord)]
        found = found.plus(np.where(np.isin(found.spelling[:, 0], tones), 0.0, np.inf))
    return found


def _tail(context: Context, scheme: Scheme, with_melody: bool) -> Voicings:
    """Last notes of the strands' voices; a broken line has only its one voice."""
    assert context.tail is not None
    found = []
    for place, voice in enumerate(context.voices):
        if place == 0 and not with_melody:
            continue
        note = context.tail.get((voice.part, voice.number), (SILENT, SILENT))
        broken = scheme.texture in LINEAR and place and (scheme.is_linear or place <= 2)
        found.append((SILENT, SILENT) if broken else note)
    pitch = np.array([[note[0] for note in found]], dtype=np.int64)
    spelling = np.array([[note[1] for note in found]], dtype=np.int64)
    return Voicings(pitch, spelling, np.zeros(1))


def _candidates(
    placed: PlacedPhrase,
    span: Span,
    melody: Sequence[MelodyNote],
    limits: Limits,
    memory: StrandMemory | None,
) -> Voicings:
    over = [note for note in melody if note.end > span.onset and note.onset < span.end]
    outside = tuple(note.spelling for note in over[:1])
    # A tendency tone that the melody leaves the chord with is the melody's to resolve.
    tendency = {span.chord.leading, span.chord.seventh}
    left = [note.spelling for note in over if note.spelling in span.chord.tones][-1:]
    outside += tuple(tone for tone in left if tone in tendency and tone not in outside)
    found = voicings(span.chord, (span.chord.bass,), limits, (), None, outside)
    if over:
        lowest = min(note.pitch for note in over)
        above = np.maximum(found.pitch[:, 0] - lowest + 1, 0)
        found = found.plus(ABOVE_MELODY * np.minimum(above, 3))
    if memory is not None:
        onset = span.onset - to_ticks(placed.start)
        if onset in memory.onsets:
            row = memory.onsets.index(onset)
            same = memory.degrees.shape[1] == found.pitch.shape[1]
            if same and memory.numerals[row] == span.chord.numeral.text:
                tonic = placed.key.tonic * 7 % 12
                differs = found.pitch - tonic != memory.degrees[row][None, :]
                found = found.plus(UNLIKE * differs.sum(axis=1))
    return found


def _melody_notes(
    placed: PlacedPhrase, context: Context, melody: Sequence[MelodyNote], shape: Shape
) -> list[LineNote]:
    lead = context.voices[0]
    cadence = placed.phrase.cadence or "none"
    rest = to_ticks(placed.end) - context.upbeat
    row = []
    for note in melody:
        maker = shape.made_by
        if note.end == rest and cadence != "none":
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


def _strand_notes(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    played: Sequence[tuple[Stroke, ...]],
    chosen: Voicings,
    context: Context,
    scheme: Scheme,
) -> list[LineNote]:
    strands = context.voices[1:]
    notes = []
    for row, (span, hits) in enumerate(zip(spans, played, strict=True)):
        mode = _mode(scheme, placed, spans, span)
        for hit in hits:
            part, number = _place(hit.strand, mode, scheme, strands)
            notes.append(
                LineNote(
                    part,
                    number,
                    strands[hit.strand].name,
                    hit.onset,
                    hit.end,
                    int(chosen.pitch[row, hit.strand]),
                    int(chosen.spelling[row, hit.strand]),
                    f"{scheme.texture} {span.chord.numeral.text}",
                    accent_at(placed, hit.onset),
                    float(chosen.cost[row]),
                    "",
                    hit.weight,
                )
            )
    return notes
