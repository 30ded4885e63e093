"""Tones that want to move: the leading tone, the chord seventh, the cadential six-four."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from hybrid.core.pitch import pitch_name
from hybrid.theory.chord_view import ChordView, Exit, leave, view_chords, voices_with
from hybrid.theory.context import Context, Hit
from hybrid.theory.slices import REST

ORNAMENT_QUARTERS = 1.0  # a note between tone and resolution may be this long


def check_leading_tone(context: Context) -> Iterator[Hit]:
    """Leading tones where a dominant, however long, gives way to its tonic."""
    views = view_chords(context)
    for chord, after in pairwise(views):
        tone = chord.leading_tone
        if tone is None or not after.is_tonic_of(chord.tonic):
            continue  # another dominant of the same tonic comes, or no tonic at all
        if context.new_phrase[chord.first + 1 : after.first + 1].any():
            continue
        for row in range(context.slices.n_voices):
            exit_ = leave(context, row, chord)
            if exit_ is None or exit_.pitch % 12 != tone or not exit_.path:
                continue
            if _leading_tone_resolves(context, row, exit_, after):
                continue
            hidden = _is_inner(context, row, exit_) and _falls_to_fifth(exit_)
            rule = "frustrated_leading_tone" if hidden else "unresolved_leading_tone"
            yield _tone_hit(context, rule, row, exit_, chord)


def _is_inner(context: Context, row: int, exit_: Exit) -> bool:
    """Whether a line is neither highest nor lowest, by its place or by what sounds around it.

    Lines of broken chords change places, and a melody may dip to the line below it.
    """
    if 0 < row < context.slices.n_voices - 1:
        return True
    column = context.slices.pitch[:, exit_.slice]
    others = column[(np.arange(len(column)) != row) & (column != REST)]
    return bool((others > exit_.pitch).any() and (others < exit_.pitch).any())


def _falls_to_fifth(exit_: Exit) -> bool:
    """A third down to the fifth of the tonic, with or without the passing note between."""
    steps = [pitch - exit_.pitch for pitch in exit_.path]
    return steps[0] == -4 or (len(steps) > 1 and steps[0] in (-1, -2) and steps[1] == -4)


def _leading_tone_resolves(context: Context, row: int, exit_: Exit, after: ChordView) -> bool:
    steps = [pitch - exit_.pitch for pitch in exit_.path]
    if steps[0] == 1:
        return True
    if steps[0] == -1 and _is_chromatic(context, row, exit_):
        return True
    if exit_.path_at[0] >= after.stop:
        return True  # it stays through the tonic chord as a tone of its own (I7) or a suspension
    return len(steps) > 1 and steps[1] == 1 and _is_ornament(context, row, exit_, after)


def _is_chromatic(context: Context, row: int, exit_: Exit) -> bool:
    """Whether the voice keeps the letter and changes the accidental."""
    spelling = context.slices.spelling[row]
    return bool((spelling[exit_.path_at[0]] - spelling[exit_.slice]) % 7 == 0)


def _is_ornament(context: Context, row: int, exit_: Exit, after: ChordView) -> bool:
    """Whether the first note after the tone is short, so that the second one resolves it."""
    length = context.slices.tick[exit_.path_at[1]] - context.slices.tick[exit_.path_at[0]]
    quarters = length / context.slices.score.ticks_per_quarter
    return bool(quarters <= ORNAMENT_QUARTERS and exit_.path_at[1] < after.stop)


def check_seventh(context: Context) -> Iterator[Hit]:
    """Chord sevenths where the chord gives way to one with another root."""
    views = view_chords(context)
    for chord, after in pairwise(views):
        tone = chord.seventh
        if tone is None or (after.members[0] == chord.members[0] and tone in after.members):
            continue
        if context.new_phrase[chord.first + 1 : after.first + 1].any():
            continue
        exits = [leave(context, row, chord) for row in range(context.slices.n_voices)]
        holders = [
            (row, exit_)
            for row, exit_ in enumerate(exits)
            if exit_ is not None and exit_.pitch % 12 == tone and exit_.path
        ]
        resolved = {row for row, exit_ in holders if _steps_down(context, row, exit_, after)}
        for row, exit_ in holders:
            if row in resolved or resolved:
                continue  # where the seventh is doubled, one resolution is enough here
            if _stays(context, exit_, tone, after):
                continue
            rises = exit_.path[0] - exit_.pitch in (1, 2)
            if rises and _is_chromatic(context, row, exit_):
                continue
            passing = chord.leading_tone is not None and chord.numeral.inversion == 2
            to_sixth = after.is_tonic_of(chord.tonic) and after.numeral.inversion == 1
            rule = "rising_seventh" if rises and passing and to_sixth else "unresolved_seventh"
            yield _tone_hit(context, rule, row, exit_, chord)


def _steps_down(context: Context, row: int, exit_: Exit, after: ChordView) -> bool:
    steps = [pitch - exit_.pitch for pitch in exit_.path]
    if steps[0] in (-1, -2):
        return True
    return len(steps) > 1 and steps[1] in (-1, -2) and _is_ornament(context, row, exit_, after)


def _stays(context: Context, exit_: Exit, tone: int, after: ChordView) -> bool:
    """The next chord has the tone: the voice keeps it, or another voice takes it over."""
    if tone not in after.members:
        return False
    kept = exit_.path_at[0] > after.first
    return kept or bool(voices_with(context, after.first, tone))


def check_six_four_resolution(context: Context) -> Iterator[Hit]:
    """Sixth and fourth of a cadential six-four; one voice of each has to step as it should."""
    views = view_chords(context)
    for chord, after in pairwise(views):
        if not chord.numeral.is_cadential or after.leading_tone is None:
            continue
        # Above the bass (the fifth of the tonic chord): root is the fourth, third the sixth.
        for member, allowed in ((0, (-1, -2)), (1, (-1, -2, 1, 2))):
            exits = [
                (row, exit_)
                for row in range(context.slices.n_voices)
                if (exit_ := leave(context, row, chord)) is not None
                and exit_.pitch % 12 == chord.members[member]
                and exit_.path
            ]
            if exits and not any(
                exit_.path[0] - exit_.pitch in allowed
                or (len(exit_.path) > 1 and exit_.path[1] - exit_.pitch in allowed)
                for _, exit_ in exits
            ):
                row, exit_ = exits[0]
                yield _tone_hit(context, "six_four_resolution", row, exit_, chord)


def _tone_hit(context: Context, rule: str, row: int, exit_: Exit, chord: ChordView) -> Hit:
    spelling = context.slices.spelling[row]
    here = pitch_name(exit_.pitch, int(spelling[exit_.slice]))
    there = pitch_name(exit_.path[0], int(spelling[exit_.path_at[0]]))
    text = f"{here} of {chord.span.numeral} in {chord.span.key} goes to {there}"
    return Hit(rule, exit_.path_at[0], (row,), text)
