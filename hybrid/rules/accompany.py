"""A melody over an accompaniment: the theme sings, strands of chords move under it.

The melody is drawn first (`hybrid.rules.song`), over the phrase's chords. Then one path of
chords is drawn for the strands (`hybrid.rules.strands`), which the texture's pattern plays
(`hybrid.rules.playing`).
"""

from __future__ import annotations

import numpy as np

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.endings import barred_pitches
from hybrid.rules.harmony import Chord, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Filled, last_notes, line_moves
from hybrid.rules.melody import MelodyNote
from hybrid.rules.phrases import Context, remembered, tonic_staff_step
from hybrid.rules.playing import Scheme, chord_spans, play
from hybrid.rules.song import (
    draw_song,
    melody_notes,
    plainer,
    sing_again,
    wanted_step,
)
from hybrid.rules.song_guide import SongGuide
from hybrid.rules.strands import StrandMemory, draw_strands, first_column
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.voicings import Voicings
from hybrid.rules.walking import walk_bass


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
    tonic_step = tonic_staff_step(placed, *context.voices[0].range)
    drawn = draw_song(placed, chords, shape, theme, context, tonic_step, rngs[0])
    spans = chord_spans(placed, chords)
    guide = context.guide if isinstance(context.guide, SongGuide) else None
    whole = [guide.held] if guide is not None else []
    playing = play(placed, spans, scheme, context.voices, chords[-1], *whole)
    wanted = tuple(wanted_step(span, shape, placed, tonic_step) for span in spans)
    # Under the melody as it is, then under its chord tones, then with the melody set free;
    # each time closely voiced and complete first, then less so.
    tunes: list[tuple[MelodyNote, ...] | None] = [None]
    if drawn is not None:
        tunes = [drawn, *plainer(drawn, spans, context), None]
    if context.insist or (guide is not None and guide.tunes):
        tunes = [drawn]
        if drawn is None:
            raise Blocked(0)
    chosen: Voicings | None = None
    looked = 0
    for tune in tunes:
        for loose in range(3):
            try:
                chosen, looked = draw_strands(
                    playing, tune, wanted, memory, context, rngs[1], loose
                )
                break
            except Blocked:
                if tune is tunes[-1] and loose == 2:
                    raise
        if chosen is None:
            continue
        if tune is None:
            melody = first_column(spans, chosen)
            chosen = Voicings(chosen.pitch[:, 1:], chosen.spelling[:, 1:], chosen.cost)
            fixed = {note.onset: (note.pitch, note.spelling) for note in melody}
            strands = playing.notes(chosen)
            moves = line_moves(strands)
            ends = {line: note[0] for line, note in last_notes(strands, spans[-1].end).items()}
            lead = context.voices[0]
            barred = barred_pitches((lead.part, lead.number), ends, context.barred)
            sung = sing_again(
                placed, chords, shape, theme, context, tonic_step, fixed, moves, barred, rngs[0]
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
    notes = melody_notes(placed, context, melody, shape)
    under = playing.notes(chosen)
    if scheme.texture == "walking_bass":
        under = walk_bass(placed, chords, notes, under, context, rngs[2])
    notes.extend(under)
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
        playing.last_strands(chosen),
    )
    return filled, heights or tuple(shape.notes)
