"""Constraints as hints to the usual way of writing a phrase, and a check of what came out.

Melody, voicings and figures are drawn one after the other. A guide takes from each what the
constraints forbid; what only shows in the result (steps of inner voices, notes against each
other) is looked for there. Phrases whose lines, onsets or counts are fixed are left to
`hybrid.rules.constrained`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from hybrid.rules.asked import ALL_PITCHES, Asked, source_of
from hybrid.rules.decorate import Figure, parts_of
from hybrid.rules.harmony import Chord, Event, to_ticks
from hybrid.rules.lines import LineNote
from hybrid.rules.melody import Manner, Slot
from hybrid.rules.voicings import Voicings

if TYPE_CHECKING:
    from hybrid.rules.chain import Stretch
    from hybrid.rules.phrases import Context


class Guide:
    """What some constraints ask of one phrase."""

    def __init__(self, item: Stretch, active: Sequence[Asked]) -> None:
        self.item = item
        self.active = tuple(active)
        self.start, self.end = to_ticks(item.placed.start), to_ticks(item.placed.end)
        if item.placed.index == 0:
            self.start = 0
        self.masks = [m for a in active for m in a.masks if self._inside(m.start, m.end)]
        self.moves = [m for a in active for m in a.moves if self._inside(m.start, m.end)]
        self.consonant = [m for a in active for m in a.consonant if self._inside(m.start, m.end)]

    def _inside(self, start: int, end: int) -> bool:
        return start < self.end and self.start < end

    @property
    def helps(self) -> bool:
        """Whether the usual way can keep what is asked."""
        return not any(
            replace(item, masks=(), moves=(), reaches=(), consonant=(), no_parallels=()).within(
                self.start, self.end
            )
            for item in self.active
        )

    def slots(self, slots: Sequence[Slot]) -> tuple[Slot, ...]:
        """The melody's slots without the pitches that are forbidden."""
        result = []
        for slot in slots:
            barred = slot.barred | self.barred(0, slot.onset, slot.end)
            strict = slot.structural or self._is_consonant(0, slot.onset, slot.end)
            result.append(replace(slot, barred=barred, structural=strict))
        return tuple(result)

    def barred(self, voice: int, start: int, end: int) -> frozenset[int]:
        """Pitches that a voice may not have anywhere in [start, end)."""
        found: frozenset[int] = frozenset()
        for mask in self.masks:
            if mask.voice == voice and mask.start < end and start < mask.end:
                found |= ALL_PITCHES - mask.pitches
        return found

    def sounds(self, voice: int, start: int, end: int) -> bool:
        """Whether a note of a voice is asked for at a moment of [start, end)."""
        return any(
            mask.voice == voice and mask.must_sound and start <= mask.start < end
            for mask in self.masks
        )

    def manner(self, manner: Manner, voice: int = 0) -> Manner:
        """A line's habits within the steps that are allowed."""
        own = [m for m in self.moves if m.voice == voice and m.start <= self.start]
        widths = [m.widest for m in own if m.widest is not None]
        forbidden = frozenset(size for m in own for size in m.forbidden)
        if not widths and not forbidden:
            return manner
        return replace(manner, max_leap=min(widths) if widths else None, forbidden=forbidden)

    def kept(self, found: Voicings, event: Event) -> Voicings:
        """Candidates that the masks allow while an event lasts."""
        keep = np.ones(len(found), dtype=bool)
        for mask in self.masks:
            # The melody has its own notes inside the event.
            if mask.voice and mask.start < event.end and event.onset < mask.end:
                keep &= np.isin(found.pitch[:, mask.voice], sorted(mask.pitches))
        return found if keep.all() else found.take(keep)

    def permits(self, events: Sequence[Event]) -> Callable[[int, int, Figure], bool]:
        """Which figures may stand."""

        def permit(place: int, voice: int, figure: Figure) -> bool:
            return permitted(events[place], voice, figure, self.active)

        return permit

    def _is_consonant(self, voice: int, start: int, end: int) -> bool:
        return any(voice in s.voices and s.start < end and start < s.end for s in self.consonant)

    def source(self, voice: int, onset: int, end: int) -> str:
        """Name of the constraint that asks for a note, empty where none does."""
        return source_of(self.active, voice, onset, end)

    def keeps(self, notes: Sequence[LineNote], context: Context) -> bool:
        """Whether the notes of the phrase keep all that can be judged in it."""
        lines = self.rows(notes)
        for mask in self.masks:
            sounding = [n for n in lines[mask.voice] if n.onset < mask.end and mask.start < n.end]
            if any(n.pitch not in mask.pitches for n in sounding):
                return False
            if mask.must_sound and not sounding:
                return False
        for moves in self.moves:
            row = [(n.onset, n.pitch) for n in lines[moves.voice]]
            before, _ = context.before(self.item.voices[moves.voice])
            if before >= 0:
                row.insert(0, (self.start - 1, before))
            for (_, old), (onset, new) in pairwise(row):
                if moves.covers(onset) and not moves.allows(abs(new - old)):
                    return False
        for span in self.consonant:
            for column in span.voices:
                inside = [n for n in lines[column] if n.onset < span.end and span.start < n.end]
                if not all(_inside_chords(note, self.item.chords) for note in inside):
                    return False
        return all(
            not parallel(lines[one], lines[two], span.start, span.end)
            for item in self.active
            for span in item.no_parallels
            for one, two in combinations(span.voices, 2)
        ) and not self._breaks_badly(lines, context)

    def rows(self, notes: Sequence[LineNote]) -> list[list[LineNote]]:
        """The notes of each voice in turn."""
        return [
            sorted((n for n in notes if n.voice == voice.name), key=lambda n: n.onset)
            for voice in self.item.voices
        ]

    def _breaks_badly(self, lines: Sequence[Sequence[LineNote]], context: Context) -> bool:
        """Parallels over the pause before the phrase, where they are to be avoided even there."""
        for item in self.active:
            for span in item.no_parallels:
                if not span.covers(self.start):
                    continue
                for one, two in combinations(span.voices, 2):
                    voices = self.item.voices[one], self.item.voices[two]
                    old = [context.before(voice)[0] for voice in voices]
                    new = [lines[c][0].pitch if lines[c] else -1 for c in (one, two)]
                    if min(*old, *new) >= 0 and _perfect(old[0], old[1], new[0], new[1]):
                        return True
        return False


def _perfect(a: int, b: int, c: int, d: int) -> bool:
    same = abs(a - b) % 12 == abs(c - d) % 12 and abs(a - b) % 12 in (0, 7)
    return same and (c - a) * (d - b) > 0


def _inside_chords(note: LineNote, chords: Sequence[Chord]) -> bool:
    return all(
        note.pitch % 12 in chord.classes
        for chord in chords
        if chord.onset < note.end and note.onset < chord.end
    )


def parallel(one: Sequence[LineNote], two: Sequence[LineNote], start: int, end: int) -> bool:
    """Parallel fifths or octaves between two lines where both begin notes."""
    after = {note.onset: (old.pitch, note.pitch) for old, note in pairwise(two)}
    return any(
        start < note.onset < end
        and note.onset in after
        and _perfect(old.pitch, after[note.onset][0], note.pitch, after[note.onset][1])
        for old, note in pairwise(one)
    )


def permitted(event: Event, voice: int, figure: Figure, active: Sequence[Asked]) -> bool:
    """Whether constraints allow each note of a figure where it sounds."""
    unit = event.ticks // parts_of(event)
    for number, (part, pitch, _) in enumerate(figure.notes):
        start = event.onset + part * unit
        final = number + 1 == len(figure.notes)
        end = event.end if final else event.onset + figure.notes[number + 1][0] * unit
        for item in active:
            for mask in item.masks:
                hits = mask.voice == voice and mask.start < end and start < mask.end
                if hits and pitch not in mask.pitches:
                    return False
            for span in item.consonant:
                hits = voice in span.voices and span.start < end and start < span.end
                if hits and number in figure.strange:
                    return False
    return True
