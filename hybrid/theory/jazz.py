"""Voicings of jazz: guide tones, minor ninths, avoid notes, low intervals.

Checks of the rule set ``jazz``. Chords are read as everywhere (`hybrid.theory.chord_view`):
handed in, or inferred from the notes; inferred chords have no tensions, so a ninth or a
thirteenth in the voicing is a tone beside the chord there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from hybrid.core.pitch import parse_pitch, pitch_name
from hybrid.theory.chord_view import ChordView, Exit, leave, view_chords
from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import SEMITONE_NAMES
from hybrid.theory.slices import REST

MINOR_NINTH = 13
SEVENTH = 3  # place of the seventh among a chord's members
STEP = 2  # semitones


def check_guide_tones(context: Context) -> Iterator[Hit]:
    """Third and seventh where the root falls by a fifth or a semitone; chords that lack one."""
    views = view_chords(context)
    for chord in views:
        if context.wants("missing_guide_tone"):
            yield from _missing(context, chord)
    if not context.wants("guide_tones"):
        return
    for chord, after in pairwise(views):
        falls = (chord.members[0] - after.members[0]) % 12
        if not _has_seventh(chord) or not after.has_thirds or falls not in (1, 7):
            continue
        if context.new_phrase[chord.first + 1 : after.first + 1].any():
            continue
        for place, name in ((1, "third"), (SEVENTH, "seventh")):
            yield from _unresolved(context, chord, chord.members[place], name)


def _has_seventh(chord: ChordView) -> bool:
    return chord.has_thirds and len(chord.members) > SEVENTH


def _unresolved(context: Context, chord: ChordView, tone: int, name: str) -> Iterator[Hit]:
    """The voices that leave a guide tone by leap, if no voice that has it goes as it should."""
    holders: list[tuple[int, Exit]] = []
    for row in range(context.slices.n_voices):
        exit_ = leave(context, row, chord)
        if exit_ is not None and exit_.pitch % 12 == tone and exit_.path:
            holders.append((row, exit_))
    for _, exit_ in holders:
        step = exit_.path[0] - exit_.pitch
        # Seventh: stays or goes down. Third: stays or goes either way.
        if exit_.path_at[0] > chord.stop or -STEP <= step <= (0 if name == "seventh" else STEP):
            return
    for row, exit_ in holders[:1]:
        spelling = context.slices.spelling[row]
        here = pitch_name(exit_.pitch, int(spelling[exit_.slice]))
        there = pitch_name(exit_.path[0], int(spelling[exit_.path_at[0]]))
        text = f"{name} {here} of {chord.span.numeral} in {chord.span.key} goes to {there}"
        yield Hit("guide_tones", exit_.path_at[0], (row,), text)


def _missing(context: Context, chord: ChordView) -> Iterator[Hit]:
    if not _has_seventh(chord):
        return
    within = context.slices.pitch[:, chord.first : chord.stop]
    if int((within != REST).sum(axis=0).max()) < context.params("missing_guide_tone")["min_voices"]:
        return
    heard = set(np.unique(within[within != REST] % 12).tolist())
    suspended = (chord.members[0] + 5) % 12
    lost = [
        name
        for place, name in ((1, "third"), (SEVENTH, "seventh"))
        if chord.members[place] not in heard and not (place == 1 and suspended in heard)
    ]
    if lost:
        rows = tuple(range(context.slices.n_voices))
        text = f"{chord.span.numeral} in {chord.span.key} has no {' and no '.join(lost)}"
        yield Hit("missing_guide_tone", chord.first, rows, text)


def _is_dominant_sound(chord: ChordView) -> bool:
    """Major third and minor seventh, whatever the chord does."""
    if not _has_seventh(chord):
        return False
    root = chord.members[0]
    return (chord.members[1] - root) % 12 == 4 and (chord.members[SEVENTH] - root) % 12 == 10


def _chord_by_slice(context: Context) -> dict[int, ChordView]:
    return {
        slot: chord for chord in view_chords(context) for slot in range(chord.first, chord.stop)
    }


def check_minor_ninths(context: Context) -> Iterator[Hit]:
    """Minor ninths between two voices, but over the root of a dominant seventh chord."""
    slices = context.slices
    chords = _chord_by_slice(context)
    for upper, lower in combinations(range(slices.n_voices), 2):
        pitch, other = slices.pitch[upper], slices.pitch[lower]
        both = (pitch != REST) & (other != REST)
        distance = np.abs(pitch - other)
        clash = both & (distance % 12 == 1) & (distance >= MINOR_NINTH)
        clash &= slices.attack[upper] | slices.attack[lower]
        for slot in np.flatnonzero(clash).tolist():
            chord = chords.get(slot)
            low = int(min(pitch[slot], other[slot]))
            if chord and _is_dominant_sound(chord) and low % 12 == chord.members[0]:
                continue
            names = [
                pitch_name(int(slices.pitch[row, slot]), int(slices.spelling[row, slot]))
                for row in (lower, upper)
            ]
            yield Hit("minor_ninth", slot, (upper, lower), "-".join(names))


def check_avoid_notes(context: Context) -> Iterator[Hit]:
    """Tones beside the chord, a semitone above one of its tones, held on a beat."""
    slices = context.slices
    chords = _chord_by_slice(context)
    shortest = context.params("avoid_note")["min_quarters"] * slices.score.ticks_per_quarter
    for row, voice in enumerate(slices.voices):
        for slot in np.flatnonzero(slices.attack[row] & (slices.accent >= 1)).tolist():
            chord = chords.get(slot)
            duration = int(voice.notes["duration"][slices.note[row, slot]])
            pc = int(slices.pitch[row, slot] % 12)
            if chord is None or not chord.has_thirds or duration < shortest:
                continue
            if pc in chord.members or (pc - 1) % 12 not in chord.members:
                continue
            # A dominant takes every tension but the fourth over its third.
            if _is_dominant_sound(chord) and (pc - 1) % 12 != chord.members[1]:
                continue
            name = pitch_name(int(slices.pitch[row, slot]), int(slices.spelling[row, slot]))
            text = f"{name} over {chord.span.numeral} in {chord.span.key}"
            yield Hit("avoid_note", slot, (row,), text)


def check_low_intervals(context: Context) -> Iterator[Hit]:
    """Intervals of the two lowest tones under the limit for their size, and seconds on top."""
    slices = context.slices
    limits = low_limits(context.params("low_interval"))
    close = context.params("close_top").get("min_semitones", 0)
    for slot in range(len(slices)):
        rows = np.flatnonzero(slices.pitch[:, slot] != REST)
        if len(rows) < 2 or not slices.attack[rows, slot].any():
            continue
        order = rows[np.argsort(slices.pitch[rows, slot], kind="stable")]
        pitch = slices.pitch[order, slot].tolist()
        names = [
            pitch_name(p, int(slices.spelling[r, slot])) for p, r in zip(pitch, order, strict=True)
        ]
        name = SEMITONE_NAMES[(pitch[1] - pitch[0]) % 12]
        pair = (int(order[0]), int(order[1]))
        if pitch[1] - pitch[0] < 12 and pitch[0] < limits.get(name, 0):
            limit = pitch_name(limits[name])
            text = f"{names[0]}-{names[1]}, {name} not under {limit}"
            yield Hit("low_interval", slot, tuple(sorted(pair)), text)
        top = (int(order[-2]), int(order[-1]))
        if len(rows) > 2 and 0 < pitch[-1] - pitch[-2] < close:
            yield Hit("close_top", slot, tuple(sorted(top)), f"{names[-2]}-{names[-1]}")


def low_limits(params: Mapping[str, Any]) -> dict[str, int]:
    """Lowest pitch allowed for the lower tone of each interval, by name."""
    return {name: parse_pitch(pitch)[0] for name, pitch in params.items()}


__all__ = [
    "check_avoid_notes",
    "check_guide_tones",
    "check_low_intervals",
    "check_minor_ninths",
]
