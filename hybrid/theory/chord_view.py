"""Chords as the rules of harmony see them: members, functions, and what the voices do in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import PlanError
from hybrid.core.numerals import AUGMENTED_SIXTHS, RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.theory.context import Context
from hybrid.theory.slices import REST

#: A silence longer than this (quarters) is a rest, even where no voice begins a note in it;
#: a shorter one is how the note was played.
REST_QUARTERS = 0.5


@dataclass(frozen=True)
class ChordView:
    """A chord of a score, its place in the slices and its members.

    Attributes
    ----------
    span : ChordSpan
    numeral : RomanNumeral
    first, stop : int
        Slices ``first <= s < stop`` sound while the chord lasts; at least one.
    members : tuple of int
        Pitch classes: root, third, fifth, seventh, ninth (bass first in augmented sixths).
    local : Key
        The key in which the numeral is read: that of the tonicised degree.
    """

    span: ChordSpan
    numeral: RomanNumeral
    first: int
    stop: int
    members: tuple[int, ...]
    local: Key

    @property
    def has_thirds(self) -> bool:
        """Whether the members are stacked in thirds: no augmented sixth, nothing suspended."""
        return self.numeral.triad not in AUGMENTED_SIXTHS and self.numeral.triad != "suspended"

    @property
    def tonic(self) -> int:
        """Pitch class of the local tonic."""
        return pitch_class(self.local.tonic)

    @property
    def leading_tone(self) -> int | None:
        """Pitch class of the leading tone where the chord is a dominant, else None.

        A dominant is V with a major third or VII with a diminished triad on the leading
        tone, applied ones as well. Minor v and the subtonic VII are none.
        """
        tone = pitch_class(self.local.leading_tone)
        place = 1 if self.numeral.degree == 5 else 0 if self.numeral.degree == 7 else None
        if place is None or not self.has_thirds or self.members[place] != tone:
            return None
        return tone

    @property
    def is_dominant(self) -> bool:
        """A dominant, or the cadential six-four that stands for one."""
        return self.numeral.is_cadential or self.leading_tone is not None

    @property
    def seventh(self) -> int | None:
        """Pitch class of the chord seventh, None without one."""
        tone = self.numeral.seventh_tone(self.span.key)
        return None if tone is None else pitch_class(tone)

    def is_tonic_of(self, tonic: int) -> bool:
        """A major or minor chord, with a seventh or not, on a pitch class."""
        return (
            self.has_thirds
            and not self.numeral.is_cadential
            and self.members[0] == tonic
            and self.numeral.triad in ("major", "minor")
        )


@lru_cache(maxsize=4096)
def _members(numeral: str, key: Key) -> tuple[tuple[int, ...], Key] | None:
    try:
        parsed = RomanNumeral.parse(numeral)
        tones = parsed.tones(key)
    except PlanError:
        return None
    return tuple(pitch_class(tone) for tone in tones), parsed.local_key(key)


@lru_cache(maxsize=1)
def view_chords(context: Context) -> tuple[ChordView, ...]:
    """The context's chords that our notation can read and that have notes.

    Kept for the last context asked about: every check of harmony asks anew.
    """
    tick = context.slices.tick
    views = []
    for span in context.chords:
        first = max(0, int(np.searchsorted(tick, span.onset, side="right")) - 1)
        stop = int(np.searchsorted(tick, span.end, side="left"))
        found = _members(span.numeral, span.key)
        if found is None or stop <= first or span.end <= tick[0]:
            continue
        members, local = found
        numeral = RomanNumeral.parse(span.numeral)
        views.append(ChordView(span, numeral, first, stop, members, local))
    return tuple(views)


@dataclass(frozen=True)
class Exit:
    """How a voice leaves a chord.

    Attributes
    ----------
    pitch : int
        Its last chord tone.
    slice : int
        Last slice of that tone while the chord lasts.
    path : tuple of int
        The next different pitches of the voice, at most three; shorter at a rest or at the
        end of the phrase.
    path_at : tuple of int
        Slices at which they begin.
    """

    pitch: int
    slice: int
    path: tuple[int, ...]
    path_at: tuple[int, ...]


def leave(context: Context, row: int, chord: ChordView) -> Exit | None:
    """The last tone of the chord that a voice has, and where it goes; None if it has none."""
    pitch = context.slices.pitch[row]
    for slot in range(chord.stop - 1, chord.first - 1, -1):
        if pitch[slot] != REST and pitch[slot] % 12 in chord.members:
            path, path_at = path_from(context, row, slot)
            return Exit(int(pitch[slot]), slot, path, path_at)
    return None


def path_from(
    context: Context, row: int, slot: int, n_pitches: int = 3
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The next different pitches of a voice and their slices, up to a rest or a phrase's end."""
    pitch = context.slices.pitch[row]
    last = int(pitch[slot])
    path: list[int] = []
    at: list[int] = []
    for later in range(slot + 1, len(pitch)):
        if (
            context.new_phrase[later]
            or len(path) == n_pitches
            or is_after_rest(context, row, later)
        ):
            break
        if pitch[later] != last:
            last = int(pitch[later])
            path.append(last)
            at.append(later)
    return tuple(path), tuple(at)


def is_after_rest(context: Context, row: int, slot: int) -> bool:
    """Whether a voice is silent in a slice (not the first one), or was right before it."""
    slices = context.slices
    if slices.pitch[row, slot] == REST or slices.pitch[row, slot - 1] == REST:
        return True
    silence = slices.tick[slot] - context.note_end[row, slot - 1]
    return bool(silence > REST_QUARTERS * slices.score.ticks_per_quarter)


def voices_with(context: Context, slot: int, pc: int) -> tuple[int, ...]:
    """Voices that sound a pitch class in a slice."""
    pitch = context.slices.pitch[:, slot]
    return tuple(np.flatnonzero((pitch != REST) & (pitch % 12 == pc)).tolist())


def lowest(context: Context, slot: int) -> int | None:
    """Pitch of the lowest note in a slice, None in silence."""
    pitch = context.slices.pitch[:, slot]
    sounding = pitch[pitch != REST]
    return int(sounding.min()) if len(sounding) else None
