"""A drawn skeleton set in an accompanied texture: the theme's rhythm above, the pattern below.

The exact search (`hybrid.rules.exact`) draws one note for each voice and moment. Here the
melody takes up the theme's rhythm again around those notes, and the strands are played as the
texture's pattern says. Where that would break a rule or a constraint, a chord is struck and
held instead, and at last every voice keeps the plain notes of the skeleton, which break none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np

from hybrid.rules.chain import Drawn
from hybrid.rules.harmony import Chord, due_between
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote, line_moves
from hybrid.rules.moments import GIVEN
from hybrid.rules.patterns import LINEAR
from hybrid.rules.phrases import Context, tonic_staff_step
from hybrid.rules.playing import Playing, Span, chord_spans, play
from hybrid.rules.revive import revive
from hybrid.rules.song import melody_notes, note_before, song_manner, song_slots
from hybrid.rules.song_guide import SongGuide
from hybrid.rules.surface import is_augmented_second
from hybrid.rules.themes import Shape, Theme
from hybrid.rules.voicings import SILENT, Voicings
from hybrid.rules.walking import walk_bass

Streams = tuple[np.random.Generator, np.random.Generator, np.random.Generator]


@dataclass(frozen=True, eq=False)
class Setting:
    """A phrase set in its texture; ``playing`` and ``chosen`` are its strands as played."""

    notes: tuple[LineNote, ...]
    playing: Playing
    chosen: Voicings


def settings(
    drawn: Drawn,
    plain: Sequence[LineNote],
    guide: SongGuide,
    shape: Shape,
    theme: Theme | None,
    context: Context,
    around: Sequence[LineNote],
    rngs: Streams,
) -> Iterator[Setting]:
    """Ways to set a skeleton, the richest first; none breaks a rule on the surface but the last.

    Parameters
    ----------
    plain : sequence of LineNote
        The skeleton's own notes.
    around : sequence of LineNote
        Notes that stand right before and after, against which the new ones are judged.
    """
    lead = drawn.item.voices[0].name
    bound = _bound(drawn, guide)
    sung = _sung(drawn, plain, guide, shape, theme, context, bound, rngs[0])
    tunes = [[note for note in plain if note.voice == lead]]
    if sung is not None:
        tunes.insert(0, sung)
    spans, chosen = _spans(drawn, bound)
    for tune in tunes:
        held: frozenset[int] = frozenset()
        while True:
            playing = _play(drawn, spans, bound, held, guide)
            under = [
                *playing.notes(chosen),
                *(note for note in plain if note.voice != lead and _column(drawn, note) in bound),
            ]
            walks = drawn.item.scheme is not None and drawn.item.scheme.texture == "walking_bass"
            bass = len(drawn.item.voices) - 2
            if walks and bass not in bound and not held:
                under = walk_bass(
                    drawn.item.placed,
                    drawn.item.chords,
                    tune,
                    under,
                    replace(context, guide=guide),
                    rngs[2],
                )
            notes = (*tune, *under)
            bad = faults((*around, *notes), drawn)
            if not bad:
                yield Setting(notes, playing, chosen)
            more = held | _to_hold(spans, bad, held)
            if more == held:
                break
            held = more
    # Every chord struck once and held: the skeleton as it is.
    every = frozenset(range(len(spans)))
    yield Setting(tuple(plain), _play(drawn, spans, bound, every, guide), chosen)


def _column(drawn: Drawn, note: LineNote) -> int:
    """Number of the strand that has a note; -1 for the melody."""
    return [voice.name for voice in drawn.item.voices].index(note.voice) - 1


def _bound(drawn: Drawn, guide: SongGuide) -> frozenset[int]:
    """Strands whose onsets are asked for, so that they leave the texture's pattern."""
    lines = [found.voice for found in guide.lines] + [found.voice for found in guide.onsets]
    counts = [voice for count in guide.counts for voice in count.voices]
    repeats = [moves.voice for moves in guide.moves if 0 in moves.forbidden]
    return frozenset(voice - 1 for voice in (*lines, *counts, *repeats) if voice)


def _spans(drawn: Drawn, bound: frozenset[int]) -> tuple[tuple[Span, ...], Voicings]:
    """Spans in which no strand moves that the pattern plays, and its pitches in each."""
    moments, path = drawn.moments, drawn.path
    low, high = moments[0].event.onset, moments[-1].event.end
    free = [v + 1 for v in range(path.pitch.shape[1] - 1) if v not in bound]
    cuts = [
        moment.event.onset
        for place, moment in enumerate(moments)
        if place and (path.pitch[place, free] != path.pitch[place - 1, free]).any()
    ]
    found = []
    for span in chord_spans(drawn.item.placed, drawn.item.chords):
        start, end = max(span.onset, low), min(span.end, high)
        points = [start, *(cut for cut in cuts if start < cut < end), end]
        found += [Span(a, b, span.chord) for a, b in pairwise(points) if a < b]
    rows = [
        next(n for n, m in enumerate(moments) if m.event.onset <= span.onset < m.event.end)
        for span in found
    ]
    chosen = Voicings(path.pitch[rows, 1:], path.spelling[rows, 1:], np.ones(len(rows)))
    return tuple(found), chosen


def _play(
    drawn: Drawn,
    spans: tuple[Span, ...],
    bound: frozenset[int],
    held: frozenset[int],
    guide: SongGuide,
) -> Playing:
    """The pattern over the spans, without bound strands, with some spans' chords held."""
    item = drawn.item
    assert item.scheme is not None
    every = frozenset(range(len(item.voices) - 1))
    places = {span: number for number, span in enumerate(spans)}

    def whole(span: Span) -> frozenset[int]:
        if places[span] in held:
            return every
        own = guide.held(span)
        if item.scheme is not None and item.scheme.texture in LINEAR and bound:
            own |= every if bound & {0, 1} else bound
        return own

    playing = play(item.placed, spans, item.scheme, item.voices, item.chords[-1], whole)
    strokes = tuple(
        tuple(hit for hit in hits if hit.strand not in bound) for hits in playing.strokes
    )
    return replace(playing, strokes=strokes)


def _to_hold(spans: Sequence[Span], bad: Sequence[int], held: frozenset[int]) -> frozenset[int]:
    """The spans in which faults lie, and where those are held already the ones before."""
    found = set()
    for tick in bad:
        place = next((n for n, span in enumerate(spans) if span.onset <= tick < span.end), None)
        if place is None:
            place = 0 if tick < spans[0].onset else len(spans) - 1
        found |= {place} if place not in held else {max(place - 1, 0)}
    return frozenset(found)


# the melody


def _sung(
    drawn: Drawn,
    plain: Sequence[LineNote],
    guide: SongGuide,
    shape: Shape,
    theme: Theme | None,
    context: Context,
    bound: frozenset[int],
    rng: np.random.Generator,
) -> list[LineNote] | None:
    """The theme's rhythm around the skeleton's notes; None where there is no way."""
    item, moments, path = drawn.item, drawn.moments, drawn.path
    low, high = moments[0].event.onset, moments[-1].event.end
    fixed_tunes = [line for line in guide.tunes if line.start < high and low < line.end]
    if any(line.start <= low and high <= line.end for line in fixed_tunes):
        return None
    placed, lead = item.placed, item.voices[0]
    tonic_step = tonic_staff_step(placed, *lead.range)
    slots = guide.between(
        guide.fitted(song_slots(placed, item.chords, shape, theme, context, tonic_step)), low, high
    )
    if not slots:
        return None
    spans, chosen = _spans(drawn, bound)
    starts = {span.onset for span in spans}
    peaks = {reach.pitch for reach in guide.wanted if 0 in reach.voices}
    fixed: dict[int, tuple[int, int]] = {}
    for place, moment in enumerate(moments):
        note = (int(path.pitch[place, 0]), int(path.spelling[place, 0]))
        tick = moment.event.onset
        asked = any(
            mask.must_sound and not mask.voice and tick <= mask.start < moment.event.end
            for mask in guide.masks
        )
        if note[0] != SILENT and (tick in starts or asked or note[0] in peaks):
            fixed[tick] = note
    under = [
        *_play(drawn, spans, bound, frozenset(), guide).notes(chosen),
        *(note for note in plain if note.voice != lead.name and _column(drawn, note) in bound),
    ]
    before, before_chord = note_before(context)
    if before is not None and before[0] == SILENT:
        before = before_chord = None
    try:
        manner = guide.manner(song_manner(shape, tonic_step))
        moves = line_moves(under)
        found = revive(
            slots, fixed, moves, item.chords, lead.range, rng, manner, before, before_chord
        )
    except Blocked:
        return None
    if found is None:
        return None
    guided = replace(context, guide=guide, voices=item.voices)
    notes = melody_notes(placed, guided, found, shape)
    within = [
        note
        for note in plain
        if note.voice == lead.name and any(line.at(note.onset) for line in fixed_tunes)
    ]
    return sorted([*notes, *within], key=lambda note: note.onset)


# the surface


def faults(notes: Sequence[LineNote], drawn: Drawn) -> tuple[int, ...]:
    """Ticks at which notes break a rule between the lines that sound, or in a broken chord.

    Parallel fifths and octaves wherever two lines are struck together; augmented seconds and
    tendency tones that go astray where strands sound in one line. What is given is not judged
    against what is given.
    """
    lines: dict[tuple[int, int], list[LineNote]] = {}
    for note in sorted(notes, key=lambda n: (n.onset, n.pitch)):
        lines.setdefault((note.part, note.number), []).append(note)
    found: set[int] = set()
    for one, two in combinations(lines.values(), 2):
        after = {new.onset: (old, new) for old, new in pairwise(two)}
        for old, new in pairwise(one):
            if new.onset not in after:
                continue
            other, onward = after[new.onset]
            if all(GIVEN in note.maker for note in (old, new, other, onward)):
                continue
            if _is_parallel(old.pitch, other.pitch, new.pitch, onward.pitch):
                found.add(new.onset)
    scheme = drawn.item.scheme
    if scheme is not None and scheme.texture in LINEAR:
        upper = drawn.item.voices[1]
        line = lines.get((upper.part, upper.number), [])
        found |= set(_astray(line, drawn.item.chords))
    return tuple(sorted(found))


def _is_parallel(a: int, b: int, c: int, d: int) -> bool:
    same = abs(a - b) % 12 == abs(c - d) % 12 and abs(a - b) % 12 in (0, 7)
    return same and (c - a) * (d - b) > 0


def _astray(line: Sequence[LineNote], chords: Sequence[Chord]) -> Iterator[int]:
    """Where a broken line leaps by an augmented second or leaves a tendency tone."""

    def chord_at(tick: int) -> Chord | None:
        return next((c for c in chords if c.onset <= tick < c.end), None)

    for place, (old, new) in enumerate(pairwise(line)):
        if GIVEN in old.maker and GIVEN in new.maker:
            continue
        step = new.pitch - old.pitch
        if is_augmented_second(step, new.spelling - old.spelling):
            yield new.onset
        chord, after = chord_at(old.onset), chord_at(new.onset)
        if chord is None or after is None or chord.index == after.index:
            continue
        due = due_between(chord, after)
        steps = [note.pitch - old.pitch for note in line[place + 1 : place + 3]]
        short = new.end - new.onset <= 480
        ways: Mapping[int | None, tuple[int, ...]] = {due.leading: (1,), due.seventh: (-1, -2)}
        for tone, good in ways.items():
            if tone is None or old.pitch % 12 != tone or steps[0] in good:
                continue
            if not (short and steps[0] and len(steps) > 1 and steps[1] in good):
                yield new.onset
