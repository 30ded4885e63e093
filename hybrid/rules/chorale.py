"""Four voices: a theme in the soprano, voicings under it, figures between them.

For each phrase a melody is drawn that follows the theme's shape, then a path of voicings
under that melody, then figures. Where no voicing fits the melody, the soprano is set free
at a cost, spacing is relaxed at a cost, and what the search finds becomes the melody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step, letter_and_alteration, pitch_at_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules import weights as w
from hybrid.rules.decorate import Figure, Habits, Skeleton, draw_figures, parts_of
from hybrid.rules.echo import Echo, find_echo, ready_figure
from hybrid.rules.endings import Ending, shut_out
from hybrid.rules.guide import Guide
from hybrid.rules.harmony import Chord, Event, accent_at, beat_events, beat_ticks, to_ticks
from hybrid.rules.joins import pairs_from, soprano_pairs, sopranos
from hybrid.rules.lattice import Blocked, draw_path
from hybrid.rules.leading import Link, link_between, transition
from hybrid.rules.lines import Filled, LineNote, Moves, Tail
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.parts import Voice
from hybrid.rules.revive import revive
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.voicings import SILENT, Limits, Voicings, voicings

UNPINNED = 1.6  # cost of each staff step between a free soprano and its theme
MANNER = Manner()
HABITS = Habits()
#: Independent lines move more: fewer plain notes, more ties and suspensions.
LIVELY = Habits(passing=-3.2, double=0.5, neighbour=0.3, skip=1.0, suspension=-0.9, tie=0.8)


@dataclass(frozen=True)
class Memory:
    """What a phrase sounded like, for its return: lower voices and figures by event."""

    onsets: tuple[int, ...]  # from the phrase's start
    numerals: tuple[str, ...]
    degrees: NDArray[np.int64]  # (n, V) pitch above the key's tonic
    kinds: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Context:
    """What surrounds a phrase.

    Attributes
    ----------
    voices : tuple of Voice
    tail : Tail or None
        How the lines before end; None at the start.
    last_chord : Chord or None
    after_pause : bool
    pause : bool
        Whether this phrase ends with a pause.
    upbeat : int
        Ticks after the phrase's last note that lead to the next phrase.
    guide : Guide or None
        What constraints ask of the phrase.
    barred : tuple of Ending
        Endings that the next phrase could not follow.
    insist : bool
        Whether the phrase shall rather not be written than depart from its theme.
    """

    voices: tuple[Voice, ...]
    tail: Tail | None = None
    last_chord: Chord | None = None
    after_pause: bool = False
    pause: bool = False
    upbeat: int = 0
    guide: Guide | None = None
    barred: tuple[Ending, ...] = ()
    insist: bool = False


def melody_slots(
    placed: PlacedPhrase,
    chords: Sequence[Chord],
    shape: Shape,
    tonic_step: int,
    theme: Theme | None,
    fresh: bool,
    pause: bool = False,
) -> tuple[Slot, ...]:
    """Slots for the notes of a shape over a phrase's chords."""
    start = to_ticks(placed.start)
    slots = []
    onsets = {chord.onset for chord in chords}
    base = tonic_pitch(placed, tonic_step)
    final_number = max(n for n, note in enumerate(shape.notes) if not note.upbeat)
    for number, note in enumerate(shape.notes):
        onset = start + note.onset
        end = onset + note.duration
        chord = next(c for c in chords if c.onset <= onset < c.end)
        later = tuple(c for c in chords if onset < c.onset < end)
        accent = accent_at(placed, onset)
        final = number == final_number
        structural = accent > 0 or onset in onsets or note.duration > 480
        tones = final_tones(placed, chord) if final else ()
        barred: frozenset[int] = frozenset()
        if number in shape.changed and theme is not None and number < len(theme.notes):
            # A changed note differs: the remembered height is shut out in every octave form.
            barred = frozenset(
                pitch
                for pitch in range(0, 128)
                if diatonic_step(pitch, placed.key.spell(pitch))
                == tonic_step + round(theme.notes[number].height)
            )
        slots.append(
            Slot(
                onset,
                end,
                chord,
                later,
                None if note.upbeat and not note.weight else tonic_step + note.height,
                note.weight,
                accent,
                structural and not note.ornament,
                tones,
                _exact(note, base, placed, tones),
                barred,
                (fresh and number == 0) or (pause and number == final_number + 1),
            )
        )
    return tuple(slots)


def final_tones(placed: PlacedPhrase, chord: Chord) -> tuple[tuple[int, float], ...]:
    """Tones on which the melody may end, by cadence, with costs."""
    cadence = placed.phrase.cadence or "none"
    root, third, fifth = chord.tones[:3]
    if cadence == "PAC":
        return ((root, 0.0),)
    if cadence == "IAC":
        free = chord.numeral.inversion > 0
        return ((third, 0.0), (fifth, 0.6), *(((root, 0.4),) if free else ()))
    if cadence == "HC":
        return ((fifth, 0.0), (third, 0.4), (root, 0.9))
    if cadence == "DC":
        return ((third, 0.0), (root, 0.8))
    if cadence == "PC":
        return ((root, 0.0), (third, 1.2), (fifth, 1.2))
    return tuple((tone, 0.0) for tone in chord.tones)


def tonic_staff_step(placed: PlacedPhrase, low: int, high: int) -> int:
    """Staff step of the tonic from which a theme's heights count: themes lie 0..7 above it."""
    tonic = placed.key.tonic
    centre = (low + high) / 2 - 4.0
    options = [
        (abs(pitch - centre), diatonic_step(pitch, tonic))
        for pitch in range(low - 12, high + 1)
        if (7 * tonic - pitch) % 12 == 0
    ]
    return min(options)[1]


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
    before, before_chord = _soprano_before(context)
    slots = melody_slots(
        placed, chords, shape, tonic_step, theme, context.after_pause, context.pause
    )
    if placed.phrase.cadence != "none":
        slots = tuple(_at_cadence(slot, chords) for slot in slots)
    if context.guide is not None:
        slots = context.guide.slots(slots)
    slots = _harmonisable(slots, events, context)
    peak = tonic_step + max(note.height for note in shape.notes) + 0.5
    manner = replace(MANNER, peak=float(peak))
    if context.guide is not None:
        manner = context.guide.manner(manner)
    wanted_steps = _wanted_steps(slots, events)
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
        ways = [(melody, None), (_on_events(melody, events), None), (None, None)]
        close = _sounding(melody, to_ticks(placed.end) - context.upbeat - 1)
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
    counts: dict[str, int] = {}
    # First under the melody as it is (with a voice that imitates it, where there is one), then
    # without its notes between the events, then with the soprano set free at a cost; each
    # time within the spacing limits, then beyond them.
    relaxed = 0
    for tune, echo in ways:
        for slack in (False, True):
            try:
                chosen, n_looked = _voices_under(
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
        melody = _melody_through(events, chosen)
        if context.guide is None:
            fixed = {note.onset: (note.pitch, note.spelling) for note in melody}
            moves = _lower_moves(events, chosen)
            melody = (
                revive(
                    slots,
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
        tail=_tail_arrays(context),
    )
    counts["figures looked at"] = n_figures
    melody = _embellished(melody, events, figures)
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


def _exact(
    note: ShapeNote, base: int, placed: PlacedPhrase, tones: tuple[tuple[int, float], ...]
) -> tuple[tuple[int, int], ...]:
    """The remembered note as a pinned one, where the cadence lets the melody end on it."""
    if note.exact is None:
        return ()
    pitch, spelling = base + note.exact[0], placed.key.tonic + note.exact[1]
    if tones and spelling not in dict(tones):
        return ()
    return ((pitch, spelling),)


def tonic_pitch(placed: PlacedPhrase, tonic_step: int) -> int:
    """Pitch of the tonic at a staff step."""
    letter, _ = letter_and_alteration(placed.key.tonic)
    return pitch_at_step(tonic_step, {letter: placed.key.tonic})[0]


def remembered(
    placed: PlacedPhrase, melody: Sequence[MelodyNote], tonic_step: int, rest: int
) -> tuple[ShapeNote, ...]:
    """A melody as a theme keeps it; notes from tick ``rest`` on are upbeats."""
    start = to_ticks(placed.start)
    base = tonic_pitch(placed, tonic_step)
    return tuple(
        ShapeNote(
            note.onset - start,
            note.end - note.onset,
            diatonic_step(note.pitch, note.spelling) - tonic_step,
            upbeat=note.onset >= rest,
            exact=(note.pitch - base, note.spelling - placed.key.tonic),
        )
        for note in melody
    )


def _at_cadence(slot: Slot, chords: Sequence[Chord]) -> Slot:
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


def entry_range(voice: Voice, tail: Tail | None) -> tuple[int, int]:
    """A voice's range at a phrase's start: as far as a step from where it was.

    Where a section lies in another register, tendency tones still find their resolution.
    """
    note = (tail or {}).get((voice.part, voice.number))
    if note is None:
        return voice.range
    low, high = min(voice.low, note[0] - 2), max(voice.high, note[0] + 2)
    return max(low, voice.lowest), min(high, voice.highest)


def _limits(context: Context, slack: bool = False, entry: bool = False) -> Limits:
    return Limits(
        tuple(
            entry_range(voice, context.tail) if entry else voice.range for voice in context.voices
        ),
        slack=slack,
        centres=_centres(context.voices),
    )


def _harmonisable(
    slots: tuple[Slot, ...], events: tuple[Event, ...], context: Context
) -> tuple[Slot, ...]:
    """The slots with what the voices under them can do with each note, and two in a row."""
    limits = _limits(context)
    entry = _limits(context, entry=True)
    tail = _tail_arrays(context)
    slots = tuple(piece for slot in slots for piece in _split(slot, events, limits))
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
        elif place > 0 and _breaks(events[place - 1], events[place], context):
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


def _split(slot: Slot, events: tuple[Event, ...], limits: Limits) -> tuple[Slot, ...]:
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


def _soprano_before(context: Context) -> tuple[tuple[int, int] | None, Chord | None]:
    if context.tail is None:
        return None, None
    soprano = context.voices[0]
    note = context.tail.get((soprano.part, soprano.number))
    return note, None if context.after_pause or note is None else context.last_chord


def _tail_arrays(context: Context) -> tuple[NDArray[np.int64], NDArray[np.int64], bool] | None:
    """Last pitches and spellings of the voices before, and whether a pause stands between."""
    if context.tail is None:
        return None
    found = [
        context.tail.get((voice.part, voice.number), (SILENT, SILENT)) for voice in context.voices
    ]
    pitch = np.array([[note[0] for note in found]], dtype=np.int64)
    spelling = np.array([[note[1] for note in found]], dtype=np.int64)
    return pitch, spelling, context.after_pause


def _sounding(melody: Sequence[MelodyNote], tick: int) -> MelodyNote:
    """The melody's note at a tick: the last one that has begun."""
    found = melody[0]
    for note in melody:
        if note.onset > tick:
            break
        found = note
    return found


def _voices_under(
    placed: PlacedPhrase,
    events: tuple[Event, ...],
    melody: Sequence[MelodyNote] | None,
    wanted_steps: Sequence[float],
    context: Context,
    memory: Memory | None,
    rng: np.random.Generator,
    slack: bool,
    echo: Echo | None = None,
) -> tuple[Voicings, int]:
    """Draw voicings for a phrase's events; rows of the result are events.

    Without a melody the soprano is free, and costs what it differs from ``wanted_steps``.
    """
    usual, entry = _limits(context, slack), _limits(context, slack, entry=True)
    sets: list[Voicings] = []
    exits: list[tuple[tuple[int, int] | None, ...]] = []
    for number, event in enumerate(events):
        limits = usual if number else entry
        if melody is not None:
            note = _sounding(melody, event.onset)
            found = voicings(event.chord, event.bass, limits, (), (note.pitch, note.spelling))
        else:
            found = voicings(event.chord, event.bass, limits)
            steps = [_step(p, s) for p, s in zip(*_soprano_of(found), strict=True)]
            away = np.abs(np.array(steps, dtype=np.float64) - wanted_steps[number])
            found = found.plus(UNPINNED * away)
            found = _ending(placed, event, found)
        if echo is not None:
            found = found.plus(echo.cost(found, event))
        if memory is not None:
            found = found.plus(_unlike(placed, event, found, memory))
        if context.guide is not None:
            found = context.guide.kept(found, event)
        if number + 1 == len(events):
            found = found.plus(_shut(found, melody, context))
        sets.append(found)
        exit_ = None
        if melody is not None and number + 1 < len(events):
            last = _sounding(melody, events[number + 1].onset - 1)
            if (last.pitch, last.spelling) != (note.pitch, note.spelling):
                exit_ = (last.pitch, last.spelling)
        row: list[tuple[int, int] | None] = [exit_, *(None for _ in context.voices[1:])]
        if echo is not None and number + 1 < len(events):
            row[echo.voice] = echo.exit(event, events[number + 1])
        exits.append(tuple(row))
    links = [
        link_between(a.chord, b.chord, _breaks(a, b, context), exits[place])
        for place, (a, b) in enumerate(pairwise(events))
    ]
    first_link: Link | None = None
    tail = _tail_arrays(context)
    if tail is not None and context.last_chord is not None:
        first_link = link_between(context.last_chord, events[0].chord, breaks=tail[2])
        links.insert(0, first_link)
        sets.insert(0, Voicings(tail[0], tail[1], np.zeros(1)))

    def step(place: int) -> NDArray[np.float64]:
        return transition(sets[place - 1], sets[place], links[place - 1])

    path = draw_path([found.cost for found in sets], step, rng, w.TEMPERATURE)
    skip = int(first_link is not None)
    rows = list(zip(sets, path.index, strict=True))[skip:]
    chosen = Voicings(
        np.stack([found.pitch[index] for found, index in rows]),
        np.stack([found.spelling[index] for found, index in rows]),
        np.array(path.probability[skip:]),
    )
    return chosen, sum(len(found) for found in sets)


def _shut(
    found: Voicings, melody: Sequence[MelodyNote] | None, context: Context
) -> NDArray[np.float64]:
    """What the last voicings cost for endings that are barred."""
    if not context.barred:
        return np.zeros(len(found))
    ends = {
        (voice.part, voice.number): found.pitch[:, column]
        for column, voice in enumerate(context.voices)
    }
    if melody is not None:
        soprano = context.voices[0]
        ends[soprano.part, soprano.number] = np.full(len(found), melody[-1].pitch)
    return shut_out(ends, context.barred, len(found))


def _breaks(before: Event, after: Event, context: Context) -> bool:
    """Whether a pause stands between two events of the phrase."""
    return context.pause and after.upbeat and not before.upbeat


def _centres(voices: tuple[Voice, ...]) -> tuple[float, ...]:
    """Where voices like to lie: inner voices a little above the middle of their ranges."""
    return tuple((voice.low + voice.high) / 2 for voice in voices)


def _soprano_of(found: Voicings) -> tuple[list[int], list[int]]:
    return found.pitch[:, 0].tolist(), found.spelling[:, 0].tolist()


def _step(pitch: int, spelling: int) -> int:
    return diatonic_step(pitch, spelling)


def _ending(placed: PlacedPhrase, event: Event, found: Voicings) -> Voicings:
    """A free soprano still ends as the cadence asks."""
    if not event.last:
        return found
    allowed = final_tones(placed, event.chord)
    wanted = np.isin(found.spelling[:, 0], [tone for tone, _ in allowed])
    return found.plus(np.where(wanted, 0.0, np.inf))


def _unlike(
    placed: PlacedPhrase, event: Event, found: Voicings, memory: Memory
) -> NDArray[np.float64]:
    """Cost of lower voices that differ from those remembered, where the chord is the same."""
    onset = event.onset - to_ticks(placed.start)
    if onset not in memory.onsets:
        return np.zeros(len(found))
    row = memory.onsets.index(onset)
    if memory.numerals[row] != event.chord.numeral.text:
        return np.zeros(len(found))
    tonic = placed.key.tonic * 7 % 12
    if memory.degrees.shape[1] != found.pitch.shape[1]:
        return np.zeros(len(found))
    differs = found.pitch[:, 1:] - tonic != memory.degrees[row, 1:][None, :]
    result: NDArray[np.float64] = 1.2 * differs.sum(axis=1)
    return result


def _wanted_steps(slots: Sequence[Slot], events: tuple[Event, ...]) -> tuple[float, ...]:
    """The shape's staff position at each event."""
    wanted = []
    for event in events:
        sounding = [slot for slot in slots if slot.onset <= event.onset] or [slots[0]]
        wanted.append(float(sounding[-1].height or 0.0))
    return tuple(wanted)


def _on_events(melody: Sequence[MelodyNote], events: tuple[Event, ...]) -> tuple[MelodyNote, ...]:
    """The melody without the notes that begin between events."""
    onsets = {event.onset for event in events}
    kept = [note for note in melody if note.onset in onsets or note is melody[0]]
    ends = [note.onset for note in kept[1:]] + [melody[-1].end]
    return tuple(replace(note, end=end) for note, end in zip(kept, ends, strict=True))


def _lower_moves(events: tuple[Event, ...], chosen: Voicings) -> Moves:
    """How the voices under the soprano move, by tick."""
    moves: dict[int, tuple[tuple[int, int], ...]] = {}
    for place, event in enumerate(events[1:], start=1):
        rows = chosen.pitch[place - 1, 1:].tolist(), chosen.pitch[place, 1:].tolist()
        moves[event.onset] = tuple((a, b) for a, b in zip(*rows, strict=True) if a != b)
    return moves


def _melody_through(events: tuple[Event, ...], chosen: Voicings) -> tuple[MelodyNote, ...]:
    """The melody of a soprano that the voicings have chosen: one note for each event."""
    notes: list[MelodyNote] = []
    for row, event in enumerate(events):
        pitch, spelling = int(chosen.pitch[row, 0]), int(chosen.spelling[row, 0])
        notes.append(MelodyNote(event.onset, event.end, pitch, spelling, True, 1.0))
    return tuple(notes)


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
        alone = (inside[0].onset, inside[-1].end) == (event.onset, event.end)
        if alone and len(inside) == 1 and not shape.strict and not event.last:
            open_events.append(place)
        lines.append(ready_figure(event, inside, "melody"))
    ready: dict[int, tuple[Figure | None, ...]] = {0: tuple(lines)}
    if echo is not None:
        ready[echo.voice] = tuple(echo.figure(event) for event in events)
    breaks = (False, *(_breaks(a, b, context) for a, b in pairwise(events)))
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


def _embellished(
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
                        _maker(event, figure, number),
                        accent_at(placed, onset),
                    )
                )
        notes.extend(row)
    if rests is not None:
        notes = [
            replace(note, articulation="fermata") if note.end == rests else note for note in notes
        ]
    return tuple(notes)


def _maker(event: Event, figure: Figure, number: int) -> str:
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
