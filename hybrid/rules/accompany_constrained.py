"""Accompanied phrases under constraints.

Written as ever under a guide; where that does not keep the constraints, drawn by the exact search
and set in the texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hybrid.rules.accompany import fill_accompanied
from hybrid.rules.chain import Chain, Drawn, Stretch, edge_of
from hybrid.rules.constrained import Streams, Written, write_phrase
from hybrid.rules.exact import Edge
from hybrid.rules.harmony import to_ticks
from hybrid.rules.lines import Filled, LineNote, last_notes
from hybrid.rules.phrases import Context, remembered, tonic_staff_step
from hybrid.rules.plain import line_notes, plain_figures
from hybrid.rules.setting import Setting, faults, settings
from hybrid.rules.song_guide import SongGuide
from hybrid.rules.strands import StrandMemory
from hybrid.rules.themes import Shape, ShapeNote, Theme

MAX_DRAWS = 6  # skeletons that are drawn until one can be set without a fault


def write_accompanied(
    chain: Chain,
    number: int,
    shape: Shape,
    theme: Theme | None,
    memory: StrandMemory | None,
    context: Context,
    code: int,
    rngs: Streams,
) -> Written:
    """Write an accompanied phrase under its chain's constraints.

    Raises
    ------
    Blocked
        If nothing follows the notes before.
    """
    item = chain.stretches[number]
    scheme = item.scheme
    assert scheme is not None
    guide = SongGuide(item, chain.in_force, chain.unreached(code))

    def usual(guided: Context) -> tuple[Filled, tuple[ShapeNote, ...]]:
        return fill_accompanied(
            item.placed, item.chords, shape, theme, memory, guided, scheme, rngs
        )

    def exact() -> Written:
        return draw_accompanied(chain, number, shape, theme, context, code, rngs)

    return write_phrase(chain, number, context, code, guide, usual, exact)


def draw_accompanied(
    chain: Chain,
    number: int,
    shape: Shape,
    theme: Theme | None,
    context: Context,
    code: int,
    rngs: Streams,
    edge: Edge | None = None,
    around: Sequence[LineNote] = (),
) -> Written:
    """Write one phrase by the exact search, and set it in its texture.

    Parameters
    ----------
    edge : Edge, optional
        The voices' notes before, where they are not those of ``context``.
    around : sequence of LineNote
        Notes right before and after the new ones, as they sound.

    Raises
    ------
    Blocked
        If nothing follows the notes before.
    """
    if not around:
        around = _tail_notes(context)
    for last in (*(False,) * (MAX_DRAWS - 1), True):
        drawn = chain.draw(number, shape, theme, context, code, rngs[1], edge)
        setting = _set(chain, drawn, number, shape, theme, context, code, around, rngs, last)
        if setting is not None:
            break
    assert setting is not None
    item, placed, voices = drawn.item, drawn.item.placed, drawn.item.voices
    notes = setting.notes
    start, rest = to_ticks(placed.start), to_ticks(placed.end) - item.upbeat
    tonic_step = tonic_staff_step(placed, *voices[0].range)
    melody = [note for note in notes if note.voice == voices[0].name]
    heights = remembered(placed, melody, tonic_step, rest)
    spans = setting.playing.spans
    kept = StrandMemory(
        tuple(span.onset - start for span in spans),
        tuple(span.chord.numeral.text for span in spans),
        setting.chosen.pitch - placed.key.tonic * 7 % 12,
    )
    filled = Filled(
        placed,
        voices,
        notes,
        last_notes(notes, to_ticks(placed.end)),
        item.chords[-1],
        False,
        f"{shape.made_by}, under constraints",
        {"voicings looked at": sum(len(found.found) for found in chain.lattice.choices)},
        kept,
        setting.playing.last_strands(setting.chosen),
    )
    return filled, heights or tuple(shape.notes), drawn.path.code


def _set(
    chain: Chain,
    drawn: Drawn,
    number: int,
    shape: Shape,
    theme: Theme | None,
    context: Context,
    code: int,
    around: Sequence[LineNote],
    rngs: Streams,
    last: bool,
) -> Setting | None:
    """The richest setting of a skeleton that breaks no rule, keeps all, and can go on.

    None where not even the skeleton's plain notes are clean (they can clash with a broken chord
    before or after them); they are taken nevertheless where this is the ``last`` skeleton.
    """
    item = drawn.item
    guide = SongGuide(item, drawn.active, chain.unreached(code))
    figures = plain_figures(chain.lattice, drawn.moments, drawn.path, drawn.active)
    plain = line_notes(
        item.placed, item.voices, drawn.moments, figures, shape.made_by, drawn.active
    )
    due = set(chain.unreached(drawn.path.code))
    guided = replace(context, guide=guide, voices=item.voices)
    setting = None
    for setting in settings(drawn, plain, guide, shape, theme, guided, around, rngs):
        code_after = chain.code_after(code, item, setting.notes)
        if set(chain.unreached(code_after)) <= due and guide.keeps(setting.notes, context):
            after = _ahead(chain, number, setting, item)
            if after is None or chain.leads_on(number + 1, after, drawn.path.code):
                break
    if setting is None or last or not faults((*around, *setting.notes), drawn):
        return setting
    return None


def _ahead(chain: Chain, number: int, setting: Setting, item: Stretch) -> Edge | None:
    """A setting's last notes as the next phrase of the chain finds them; None at the end."""
    if number + 1 >= len(chain.stretches):
        return None
    tail = last_notes(setting.notes, to_ticks(item.placed.end))
    strands = setting.playing.last_strands(setting.chosen)
    voices = chain.stretches[number + 1].voices
    return edge_of(Context(voices, tail, item.chords[-1], strands=strands))


def _tail_notes(context: Context) -> tuple[LineNote, ...]:
    """The lines' last notes before a phrase, as notes that end where it begins."""
    if context.tail is None or context.after_pause:
        return ()
    return tuple(
        LineNote(part, number, "", -1, 0, pitch, spelling, "")
        for (part, number), (pitch, spelling) in context.tail.items()
    )
