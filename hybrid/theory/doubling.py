"""Which members of a chord the voices have: doubled, missing, incomplete."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybrid.core.pitch import letter_and_alteration, pitch_class, spelling_name
from hybrid.theory.chord_view import ChordView, view_chords, voices_with
from hybrid.theory.context import Context, Hit
from hybrid.theory.slices import REST

MEMBER_NAMES = ("root", "third", "fifth", "seventh", "ninth")


def check_doubling(context: Context) -> Iterator[Hit]:
    """Leading tone, seventh, altered tones and thirds that two voices have at a chord's onset."""
    views = view_chords(context)
    for index, chord in enumerate(views):
        slot = chord.first
        before = views[index - 1] if index else None
        tone = chord.leading_tone
        if tone is not None:
            yield from _doubled(context, "doubled_leading_tone", slot, tone, "leading tone", chord)
        if chord.seventh is not None:
            yield from _doubled(context, "doubled_seventh", slot, chord.seventh, "seventh", chord)
        for altered in _raised_tones(chord):
            if pitch_class(altered) != tone:
                name = spelling_name(altered)
                yield from _doubled(
                    context, "doubled_altered_tone", slot, pitch_class(altered), name, chord
                )
        yield from _doubled_third(context, chord, before)


def _doubled(
    context: Context, rule: str, slot: int, pc: int, what: str, chord: ChordView
) -> Iterator[Hit]:
    rows = voices_with(context, slot, pc)
    if len(rows) > 1:
        yield Hit(rule, slot, rows, f"{what} of {chord.span.numeral} in {chord.span.key} twice")


def _raised_tones(chord: ChordView) -> tuple[int, ...]:
    """Chord tones above the key's tone of the same letter."""
    scale = dict(letter_and_alteration(tone) for tone in chord.span.key.scale)
    raised = []
    for tone in chord.numeral.tones(chord.span.key):
        letter, alteration = letter_and_alteration(tone)
        if alteration > scale[letter]:
            raised.append(tone)
    return tuple(raised)


def _doubled_third(context: Context, chord: ChordView, before: ChordView | None) -> Iterator[Hit]:
    numeral = chord.numeral
    if numeral.triad != "major" or numeral.has_seventh or numeral.inversion:
        return
    deceptive = before is not None and before.leading_tone is not None and numeral.degree == 6
    slot = chord.first
    thirds = voices_with(context, slot, chord.members[1])
    if len(thirds) > 1 and len(voices_with(context, slot, chord.members[0])) < 2 and not deceptive:
        text = f"third of {chord.span.numeral} in {chord.span.key} twice, root once"
        yield Hit("doubled_third", slot, thirds, text)


def check_completeness(context: Context) -> Iterator[Hit]:
    """Chords without their third, and incomplete ones, while enough voices sound."""
    pitch = context.slices.pitch
    for chord in view_chords(context):
        if not chord.has_thirds:
            continue
        within = pitch[:, chord.first : chord.stop]
        n_sounding = int((within != REST).sum(axis=0).max())
        heard = set(np.unique(within[within != REST] % 12).tolist())
        suspended = (chord.members[0] + 5) % 12  # a fourth stands for the third
        name = f"{chord.span.numeral} in {chord.span.key}"
        rows = tuple(range(context.slices.n_voices))
        third_missing = chord.members[1] not in heard
        enough = n_sounding >= context.params("missing_third").get("min_voices", 3)
        if third_missing and suspended not in heard and enough:
            yield Hit("missing_third", chord.first, rows, f"{name} has no third")
        if n_sounding < context.params("incomplete_chord").get("min_voices", 4):
            continue
        missing = [i for i, pc in enumerate(chord.members[:4]) if pc not in heard]
        optional = {1} | ({2} if chord.numeral.inversion == 0 else set())
        lost = [MEMBER_NAMES[i] for i in missing if i not in optional]
        if lost:
            yield Hit("incomplete_chord", chord.first, rows, f"{name} has no {', '.join(lost)}")
