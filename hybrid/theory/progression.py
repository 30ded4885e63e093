"""Chords in a row: six-fours, chords in weak positions, the way back, the end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybrid.core.pitch import pitch_class
from hybrid.theory.chord_view import ChordView, lowest, view_chords
from hybrid.theory.context import Context, Hit


def check_six_four(context: Context) -> Iterator[Hit]:
    """Six-four chords that are neither cadential, passing, pedal, neighbouring nor arpeggiated."""
    views = view_chords(context)
    for index, chord in enumerate(views):
        numeral = chord.numeral
        if numeral.inversion != 2 or numeral.has_seventh or not chord.has_thirds:
            continue
        bass = lowest(context, chord.first)
        if numeral.is_cadential or bass is None or bass % 12 != chord.members[2]:
            continue
        before = views[index - 1] if index else None
        after = views[index + 1] if index + 1 < len(views) else None
        if not _has_reason(context, before, chord, after, bass):
            rows = (context.slices.n_voices - 1,)
            text = f"{chord.span.numeral} in {chord.span.key}: not cadential, passing or pedal"
            yield Hit("six_four", chord.first, rows, text)


def _has_reason(
    context: Context,
    before: ChordView | None,
    chord: ChordView,
    after: ChordView | None,
    bass: int,
) -> bool:
    root = chord.members[0]
    if (before and before.members[0] == root) or (after and after.members[0] == root):
        return True  # arpeggiated: the same chord in another position beside it
    last = lowest(context, chord.stop - 1)
    earlier = lowest(context, chord.first - 1) if chord.first else None
    later = lowest(context, chord.stop) if chord.stop < len(context.slices) else None
    steps_in = None if earlier is None else bass - earlier
    steps_out = None if later is None or last is None else later - last
    if steps_out is not None and steps_out % 12 == 0:
        # Over a bass that stays: cadential if the bass becomes the root, else a pedal.
        cadential = after is not None and after.members[0] == bass % 12
        return cadential or steps_in is None or steps_in % 12 == 0
    if steps_in is None or steps_out is None:
        return False
    # By step on both sides: onward (passing) or back (neighbouring).
    return 1 <= abs(steps_in) <= 2 and 1 <= abs(steps_out) <= 2


def check_progression(context: Context) -> Iterator[Hit]:
    """Diminished triads in root position, V to IV, and the last chord."""
    views = view_chords(context)
    bass_row = (context.slices.n_voices - 1,)
    for index, chord in enumerate(views):
        numeral = chord.numeral
        if numeral.triad == "diminished" and not numeral.has_seventh and numeral.inversion == 0:
            text = f"{chord.span.numeral} in {chord.span.key}"
            yield Hit("diminished_root_position", chord.first, bass_row, text)
        if index + 1 < len(views):
            yield from _retrogression(context, chord, views[index + 1])
    if views:
        last = views[-1]
        final = last.members[0] == pitch_class(last.span.key.tonic) and last.has_thirds
        if not final or last.numeral.inversion or last.numeral.has_seventh:
            text = f"{last.span.numeral} in {last.span.key}"
            rows = tuple(range(context.slices.n_voices))
            yield Hit("final_chord", last.first, rows, f"the last chord is {text}")


def _retrogression(context: Context, chord: ChordView, after: ChordView) -> Iterator[Hit]:
    roots = chord.numeral.inversion == 0 and after.numeral.inversion == 0
    plain = chord.numeral.of is None and after.numeral.of is None
    back = chord.numeral.degree == 5 and after.numeral.degree in (2, 4) and not after.numeral.shift
    if not (roots and plain and back and chord.leading_tone is not None and after.has_thirds):
        return
    if chord.span.key != after.span.key or context.new_phrase[after.first]:
        return
    text = f"{chord.span.numeral} to {after.span.numeral} in {chord.span.key}"
    yield Hit("retrogression", after.first, (context.slices.n_voices - 1,), text)


def check_harmonic_syncopation(context: Context) -> Iterator[Hit]:
    """A chord that begins on a weak beat and is struck again on the bar line."""
    slices = context.slices
    root = np.full(len(slices), -1, dtype=np.int64)
    names: dict[int, str] = {}
    for chord in view_chords(context):
        root[chord.first : chord.stop] = chord.members[0]
        for slot in range(chord.first, chord.stop):
            names[slot] = f"{chord.span.numeral} in {chord.span.key}"
    for slot in np.flatnonzero(slices.accent == 3).tolist():
        if slot == 0 or root[slot] < 0 or root[slot - 1] != root[slot]:
            continue
        bass, before = lowest(context, slot), lowest(context, slot - 1)
        struck = slices.attack[slices.n_voices - 1, slot]
        if bass is None or before is None or bass % 12 != before % 12 or not struck:
            continue
        start = slot
        while start and root[start - 1] == root[slot] and not context.new_phrase[start]:
            start -= 1
        if slices.accent[start] <= 1 and start and not context.new_phrase[start : slot + 1].any():
            rows = (slices.n_voices - 1,)
            text = f"{names[slot]} begins on a weak beat and goes on over the bar line"
            yield Hit("harmonic_syncopation", slot, rows, text)
