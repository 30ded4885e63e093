"""Four-part phrases under constraints: drawn by the exact search, then given figures.

Figures are added where no constraint speaks of a voice's onsets or steps, and only such as
every constraint permits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hybrid.core.pitch import diatonic_step
from hybrid.rules.chain import Chain, Drawn, edge_of
from hybrid.rules.chorale import HABITS, fill_chorale
from hybrid.rules.decorate import Figure, Skeleton, draw_figures
from hybrid.rules.exact import Edge
from hybrid.rules.guide import Guide, permitted
from hybrid.rules.harmony import to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Filled
from hybrid.rules.phrases import Context, tail_arrays, tonic_staff_step
from hybrid.rules.plain import line_notes, plain_figures
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.underneath import Memory

GUIDED_TRIES = 3
Written = tuple[Filled, tuple[ShapeNote, ...], int]  # and what the constraints remember
Streams = tuple[np.random.Generator, np.random.Generator, np.random.Generator]


def draw_phrase(
    chain: Chain,
    number: int,
    shape: Shape,
    theme: Theme | None,
    context: Context,
    code: int,
    rngs: Streams,
    edge: Edge | None = None,
) -> Written:
    """Write one phrase by the exact search.

    Returns
    -------
    (Filled, tuple of ShapeNote, int)
        As `hybrid.rules.chorale.fill_chorale`, and what the constraints remember.

    Raises
    ------
    Blocked
        If nothing follows the notes before.
    """
    drawn = chain.draw(number, shape, theme, context, code, rngs[1], edge)
    item, moments, path, active = drawn.item, drawn.moments, drawn.path, drawn.active
    placed, voices = item.placed, item.voices
    tonic_step = tonic_staff_step(placed, *voices[0].range)
    figures = _figures(drawn, plain_figures(chain.lattice, moments, path, active), rngs[2], context)
    notes = line_notes(placed, voices, moments, figures, shape.made_by, active)
    start = to_ticks(placed.start)
    rest = to_ticks(placed.end) - item.upbeat
    if item.pause:
        notes = tuple(replace(n, articulation="fermata") if n.end == rest else n for n in notes)
    last = {
        (voice.part, voice.number): (int(path.pitch[-1, v]), int(path.spelling[-1, v]))
        for v, voice in enumerate(voices)
    }
    heights = tuple(
        ShapeNote(
            note.onset - start,
            note.end - note.onset,
            diatonic_step(note.pitch, note.spelling) - tonic_step,
            upbeat=note.onset >= rest,
        )
        for note in notes
        if (note.part, note.number) == (voices[0].part, voices[0].number)
    )
    kept = Memory(
        tuple(m.event.onset - start for m in moments),
        tuple(m.event.chord.numeral.text for m in moments),
        path.pitch - placed.key.tonic * 7 % 12,
        tuple(tuple(figure.kind for figure in row) for row in figures),
    )
    looked = {"voicings looked at": sum(len(c.found) for c in chain.lattice.choices)}
    filled = Filled(
        placed,
        voices,
        notes,
        last,
        item.chords[-1],
        item.pause and not item.upbeat,
        f"{shape.made_by}, under constraints",
        looked,
        kept,
    )
    return filled, heights or tuple(shape.notes), path.code


def _figures(
    drawn: Drawn,
    plain: tuple[tuple[Figure, ...], ...],
    rng: np.random.Generator,
    context: Context,
) -> tuple[tuple[Figure, ...], ...]:
    moments, path, active = drawn.moments, drawn.path, drawn.active
    n_voices = path.pitch.shape[1]
    start, end = moments[0].event.onset, moments[-1].event.end
    tied_down: set[int] = set()
    for item in active:
        spans = [(s.voice, s.start, s.end) for s in item.lines]
        spans += [(s.voice, s.start, s.end) for s in item.moves]
        spans += [(s.voice, s.start, s.end) for s in item.onsets]
        spans += [(voice, s.start, s.end) for s in item.counts for voice in s.voices]
        tied_down |= {voice for voice, a, b in spans if a < end and start < b}
    ready: dict[tuple[int, int], Figure] = {}
    for place, moment in enumerate(moments):
        for voice in range(n_voices):
            foreign = int(path.pitch[place, voice]) % 12 not in moment.event.chord.classes
            if voice in tied_down or moment.extra or foreign:
                ready[place, voice] = plain[place][voice]

    def permits(place: int, voice: int, figure: Figure) -> bool:
        return permitted(moments[place].event, voice, figure, active)

    breaks = (False, *(m.breaks for m in moments[1:]))
    skeleton = Skeleton(
        tuple(m.event for m in moments),
        path.pitch,
        path.spelling,
        breaks,
        tuple(voice.range for voice in moments[0].voices),
        ready=ready,
        permits=permits,
    )
    try:
        figures, _ = draw_figures(skeleton, rng, HABITS, (), tail=tail_arrays(context))
    except Blocked:
        # Fixed lines may clash by themselves: then nothing is added to them.
        return plain
    return figures


def write_phrase(
    chain: Chain,
    number: int,
    context: Context,
    code: int,
    guide: Guide,
    usual: Callable[[Context], tuple[Filled, tuple[ShapeNote, ...]]],
    exact: Callable[[], Written],
) -> Written:
    """Write a phrase of a chain.

    As ever, guided by the constraints, where that keeps them and the rest can follow; else by
    the exact search, which finds notes wherever there are some.
    """
    for _ in range(GUIDED_TRIES if guide.helps else 0):
        try:
            filled, heights = usual(replace(context, guide=guide))
        except Blocked:
            if context.insist:
                raise  # another ending of the phrase before may let the theme return
            break
        if not guide.keeps(filled.notes, context):
            continue
        after_code = chain.code_after(code, chain.stretches[number], filled.notes)
        if number + 1 == len(chain.stretches):
            if chain.accepts(after_code):
                return filled, heights, after_code
            continue
        after = Context(
            chain.stretches[number + 1].voices,
            filled.tail,
            filled.last_chord,
            filled.pause,
            strands=filled.strands,
        )
        edge = edge_of(after)
        if edge is not None and chain.leads_on(number + 1, edge, after_code):
            return filled, heights, after_code
    return exact()


def write_in_parts(
    chain: Chain,
    number: int,
    shape: Shape,
    theme: Theme | None,
    memory: Memory | None,
    context: Context,
    code: int,
    rngs: Streams,
) -> Written:
    """Write a phrase in equal parts under its chain's constraints."""
    item = chain.stretches[number]
    guide = Guide(item, chain.in_force)

    def usual(guided: Context) -> tuple[Filled, tuple[ShapeNote, ...]]:
        return fill_chorale(item.placed, item.chords, shape, theme, memory, guided, rngs)

    def exact() -> Written:
        return draw_phrase(chain, number, shape, theme, context, code, rngs)

    return write_phrase(chain, number, context, code, guide, usual, exact)
