"""Constraints as hints to the usual way of writing an accompanied phrase, and a check of it.

The melody's slots take the onsets, pitches and fixed tunes that are asked for; strands lose the
voicings and steps that are forbidden, and are held where one of them has to sound at a moment
that the texture's pattern might leave out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid.rules.asked import Asked, Line, Reach
from hybrid.rules.guide import Guide, parallel
from hybrid.rules.harmony import Chord, accent_at
from hybrid.rules.lines import LineNote
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.voicings import SILENT, Voicings

if TYPE_CHECKING:
    from hybrid.rules.chain import Stretch
    from hybrid.rules.phrases import Context
    from hybrid.rules.playing import Span

SHORTEST = 120  # ticks of the shortest note that a density divides a note into


class SongGuide(Guide):
    """What some constraints ask of one accompanied phrase.

    Parameters
    ----------
    item : Stretch
    active : sequence of Asked
    wanted : sequence of Reach
        Highest and lowest notes that no phrase has had yet.
    """

    def __init__(self, item: Stretch, active: Sequence[Asked], wanted: Sequence[Reach]) -> None:
        super().__init__(item, active)
        self.wanted = [reach for reach in wanted if self._inside(reach.start, reach.end)]
        self.lines = [s for a in active for s in a.lines if self._inside(s.start, s.end)]
        self.onsets = [s for a in active for s in a.onsets if self._inside(s.start, s.end)]
        self.counts = [s for a in active for s in a.counts if self._inside(s.start, s.end)]

    @property
    def helps(self) -> bool:
        """Whether the usual way can keep what is asked: patterns have no rhythms of their own."""
        fixed = {line.voice for line in self.lines} | {found.voice for found in self.onsets}
        return not any(fixed) and not any(0 in m.forbidden and m.voice for m in self.moves)

    @property
    def tunes(self) -> list[Line]:
        """Stretches that the melody has to sing note by note."""
        return sorted((line for line in self.lines if line.voice == 0), key=lambda s: s.start)

    # the melody

    def sing(
        self,
        slots: Sequence[Slot],
        limits: tuple[int, int],
        rng: np.random.Generator,
        manner: Manner,
        before: tuple[int, int] | None,
        before_chord: Chord | None,
    ) -> tuple[MelodyNote, ...]:
        """A melody for some slots as in `draw_melody`, with the fixed tunes in their places.

        Raises
        ------
        Blocked
            If the slots between fixed tunes have no melody.
        """
        free, manner = self.fitted(slots), self.manner(manner)
        if not self.tunes:
            return draw_melody(free, limits, rng, manner, before, before_chord)
        for line in self.tunes:
            free = [piece for slot in free for piece in self._outside(slot, line)]
        sung: dict[int, MelodyNote] = {}
        position: float = -inf
        for start, end, fixed in [*((s.start, s.end, s.notes) for s in self.tunes), (inf, inf, ())]:
            group = [slot for slot in free if position <= slot.onset < start]
            if group:
                found = draw_melody(group, limits, rng, manner, before, before_chord)
                sung |= {note.onset: note for note in found}
                before, before_chord = (found[-1].pitch, found[-1].spelling), group[-1].chord
            for onset, stop, pitch, spelling in fixed:
                if pitch == SILENT:
                    before_chord = None
                    continue
                before_chord = self._chord(onset)
                inside = pitch % 12 in before_chord.classes
                sung[onset] = MelodyNote(onset, stop, pitch, spelling, inside, 1.0)
                before = (pitch, spelling)
            position = end
        return tuple(sung[onset] for onset in sorted(sung))

    def fitted(self, slots: Sequence[Slot]) -> list[Slot]:
        """Slots with the onsets, pitches and chord tones that are asked of the melody."""
        found = self._retimed(slots)
        found = [self._pinned(slot) for slot in found]
        self._pin_peaks(found)
        return list(self.slots(found))

    def between(self, slots: Sequence[Slot], low: int, high: int) -> list[Slot]:
        """The parts of slots within [low, high) that no fixed tune takes."""
        found = []
        for slot in slots:
            start, end = max(slot.onset, low), min(slot.end, high)
            if start < end:
                found.append(self._recut([slot], start, end))
        for line in self.tunes:
            found = [piece for slot in found for piece in self._outside(slot, line)]
        return found

    def _retimed(self, slots: Sequence[Slot]) -> list[Slot]:
        ticks = [slot.onset for slot in slots]
        for count in self.counts:
            if 0 in count.voices:
                last = slots[-1].end
                ticks = self._counted(ticks, last, count.start, count.end, count.fewest, count.most)
        for onsets in self.onsets:
            if onsets.voice == 0:
                rest = [tick for tick in ticks if not onsets.start <= tick < onsets.end]
                ticks = sorted({*rest, *onsets.ticks})
        if ticks == [slot.onset for slot in slots]:
            return list(slots)
        ends = [*ticks[1:], slots[-1].end]
        return [self._recut(slots, a, b) for a, b in zip(ticks, ends, strict=True) if a < b]

    def _counted(
        self, ticks: list[int], last: int, start: int, end: int, fewest: int, most: int
    ) -> list[int]:
        """Onsets with weak ones left out, or long notes divided, until a bar has enough."""
        ticks = sorted(ticks)

        def length(tick: int) -> int:
            return min((t for t in ticks if t > tick), default=last) - tick

        while len(inside := [t for t in ticks if start <= t < end]) > most:
            weak = min(inside, key=lambda t: (accent_at(self.item.placed, t), length(t), -t))
            ticks.remove(weak)
        while len(inside := [t for t in ticks if start <= t < end]) < fewest:
            long = max(inside or [start], key=lambda t: (min(length(t), end - t), -t))
            half = min(length(long), end - long) // 2
            half -= half % SHORTEST
            if not inside:
                ticks = sorted([*ticks, start])
            elif half < SHORTEST:
                break
            else:
                ticks = sorted([*ticks, long + half])
        return ticks

    def _recut(self, slots: Sequence[Slot], onset: int, end: int) -> Slot:
        """The slot that sounds at a tick, from there to another tick."""
        base = next((s for s in reversed(slots) if s.onset <= onset), slots[0])
        if (base.onset, base.end) == (onset, end):
            return base
        chords = self.item.chords
        whole = base.onset == onset
        return replace(
            base,
            onset=onset,
            end=end,
            chord=self._chord(onset),
            later=tuple(chord for chord in chords if onset < chord.onset < end),
            accent=accent_at(self.item.placed, onset),
            structural=any(c.onset == onset for c in chords) or end - onset > 480,
            pinned=base.pinned if whole else (),
            barred=base.barred if whole else frozenset(),
            tones=base.tones if end >= base.end else (),
            fresh=base.fresh and whole,
            limits=base.limits if whole else None,
        )

    def _outside(self, slot: Slot, line: Line) -> list[Slot]:
        """What a fixed tune leaves of a slot."""
        if slot.end <= line.start or line.end <= slot.onset:
            return [slot]
        pieces = []
        if slot.onset < line.start:
            pieces.append(self._recut([slot], slot.onset, line.start))
        if line.end < slot.end:
            pieces.append(self._recut([slot], line.end, slot.end))
        return pieces

    def _pinned(self, slot: Slot) -> Slot:
        """A slot with the note that has to sound at some moment of it."""
        for mask in self.masks:
            if mask.voice or not mask.must_sound or not slot.onset <= mask.start < slot.end:
                continue
            lead = self.item.voices[0]
            low, high = (lead.lowest, lead.highest) if len(mask.pinned) == 1 else lead.range
            allowed = tuple(note for note in mask.pinned if low <= note[0] <= high)
            if slot.tones:
                allowed = tuple(note for note in allowed if note[1] in dict(slot.tones)) or allowed
            slot = replace(slot, pinned=allowed, tones=(), barred=frozenset())
        return slot

    def _pin_peaks(self, slots: list[Slot]) -> None:
        """Put a highest or lowest note that is still to come where the theme has its peak."""
        for reach in self.wanted:
            if 0 not in reach.voices:
                continue
            spelled = {}
            for number, slot in enumerate(slots):
                fits = slot.onset < reach.end and reach.start < slot.end
                chords = (slot.chord, *slot.later)
                tones = [t for t in slot.chord.tones if (7 * t - reach.pitch) % 12 == 0]
                fits &= all(reach.pitch % 12 in chord.classes for chord in chords)
                fits &= not slot.tones or any(t in dict(slot.tones) for t in tones)
                if fits and not any(line.at(slot.onset) for line in self.tunes):
                    spelled[number] = tones[0]
            if not spelled:
                continue
            middle = sum(self.item.voices[0].range) / 2
            sign = 1 if reach.pitch >= middle else -1
            best = max(spelled, key=lambda n: (sign * (slots[n].height or 0), slots[n].ticks, -n))
            note = (reach.pitch, spelled[best])
            slots[best] = replace(slots[best], pinned=(note,), tones=(), barred=frozenset())

    def _chord(self, tick: int) -> Chord:
        chords = self.item.chords
        return next((c for c in chords if c.onset <= tick < c.end), chords[-1])

    # the strands

    def kept_strands(self, found: Voicings, start: int, end: int, first: int) -> Voicings:
        """Candidates of a span that the masks allow; column 0 is voice number ``first``."""
        keep = np.ones(len(found), dtype=bool)
        for mask in self.masks:
            if mask.voice >= first and mask.start < end and start < mask.end:
                if mask.voice == 0 and mask.must_sound:
                    continue  # the melody is sung anew between the spans' first notes
                keep &= np.isin(found.pitch[:, mask.voice - first], sorted(mask.pitches))
        return found if keep.all() else found.take(keep)

    def strand_steps(
        self, before: NDArray[np.int64], after: NDArray[np.int64], onset: int
    ) -> NDArray[np.float64]:
        """Cost of steps of the strands' pitches into a tick, inf where forbidden; (n, m)."""
        bad = np.zeros((len(before), len(after)), dtype=bool)
        shift = len(self.item.voices) - after.shape[1]
        for moves in self.moves:
            if moves.voice < max(shift, 1) or not moves.covers(onset):
                continue
            a, b = before[:, None, moves.voice - shift], after[None, :, moves.voice - shift]
            table = np.array([not moves.allows(size) for size in range(128)])
            size = np.minimum(np.abs(b - a), 127)
            bad |= (a != SILENT) & (b != SILENT) & (size > 0) & table[size]
        return np.where(bad, inf, 0.0)

    def whole(self, start: int, end: int) -> frozenset[int]:
        """Strands that sound all through a span, as they have to at a moment of it."""
        return frozenset(
            mask.voice - 1
            for mask in self.masks
            if mask.voice and mask.must_sound and start <= mask.start < end
        )

    def held(self, span: Span) -> frozenset[int]:
        """`whole` of a span of the accompaniment."""
        return self.whole(span.onset, span.end)

    # the result

    def keeps(self, notes: Sequence[LineNote], context: Context) -> bool:
        """Whether the notes of the phrase keep all that can be judged in it."""
        if not super().keeps(notes, context):
            return False
        rows = self.rows(notes)
        for line in self.lines:
            own = [n for n in rows[line.voice] if n.onset < line.end and line.start < n.end]
            wanted = [(a, b, p) for a, b, p, _ in line.notes if p != SILENT]
            if [(n.onset, n.end, n.pitch) for n in own] != wanted:
                return False
        for onsets in self.onsets:
            inside = [n for n in rows[onsets.voice] if onsets.start <= n.onset < onsets.end]
            if [n.onset for n in inside] != sorted(onsets.ticks):
                return False
        for count in self.counts:
            for voice in count.voices:
                number = sum(count.start <= n.onset < count.end for n in rows[voice])
                if not count.fewest <= number <= count.most:
                    return False
        return not self._sounds_parallel(notes)

    def _sounds_parallel(self, notes: Sequence[LineNote]) -> bool:
        """Parallels between lines as they sound, where strands of a broken chord share one."""
        for item in self.active:
            for span in item.no_parallels:
                names = {self.item.voices[voice].name for voice in span.voices}
                found: dict[tuple[int, int], list[LineNote]] = {}
                for note in sorted(notes, key=lambda n: n.onset):
                    if note.voice in names:
                        found.setdefault((note.part, note.number), []).append(note)
                if any(
                    parallel(one, two, span.start, span.end)
                    for one, two in combinations(found.values(), 2)
                ):
                    return True
        return False
