"""Four-part phrases under constraints: drawn by the exact search, then given figures.

A `Chain` is a row of four-part phrases with all that constraints ask of them. Its lattice tells
whether they can hold together at all, and for every phrase which voicings leave the later
ones a way. Figures are added where no constraint speaks of a voice's onsets or steps, and
only such as every constraint permits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.rules.chorale import HABITS, fill_chorale, maker_of
from hybrid.rules.conflicts import explain, soft_kept
from hybrid.rules.constraints import Asked, Count, Mask, together
from hybrid.rules.decorate import Figure, Skeleton, draw_figures, parts_of
from hybrid.rules.endings import shut_out
from hybrid.rules.exact import Edge, Lattice, Reached, Skeletal
from hybrid.rules.guide import Guide, permitted
from hybrid.rules.harmony import Chord, accent_at, beat_events, beat_ticks, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Filled, LineNote
from hybrid.rules.moments import GIVEN, Choices, Moment, cut
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import (
    Context,
    final_tones,
    melody_slots,
    tail_arrays,
    tonic_staff_step,
)
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.underneath import UNPINNED, Memory
from hybrid.rules.voicings import SILENT

GUIDED_TRIES = 3
Streams = tuple[np.random.Generator, np.random.Generator, np.random.Generator]


@dataclass(frozen=True)
class Stretch:
    """A phrase of a chain."""

    placed: PlacedPhrase
    chords: tuple[Chord, ...]
    voices: tuple[Voice, ...]
    pause: bool
    upbeat: int


class Chain:
    """Phrases in a row, what is asked of them, and the search over them."""

    def __init__(
        self,
        plan: FormPlan,
        stretches: Sequence[Stretch],
        asked: Sequence[Asked],
        region: tuple[int, int] | None = None,
        before: Edge | None = None,
        after: Edge | None = None,
        uncadenced: frozenset[int] = frozenset(),
    ) -> None:
        self.plan = plan
        self.stretches = tuple(stretches)
        cadences = [_cadence(i) for i in stretches if i.placed.index not in uncadenced]
        self.asked = tuple(together([*asked, *cadences]).values())
        moments: list[Moment] = []
        for number, item in enumerate(self.stretches):
            events = beat_events(
                item.placed, item.chords, beat_ticks(item.placed.metre), item.upbeat
            )
            breaks = [False] * len(events)
            for place in range(1, len(events)):
                pauses = events[place].upbeat and not events[place - 1].upbeat
                breaks[place] = item.pause and pauses
            if number:
                last = self.stretches[number - 1]
                breaks[0] = last.pause and not last.upbeat
            cuts = list(self.asked)
            if region is not None:
                cuts.append(_edges(region))
            moments += cut(events, cuts, number, item.voices, breaks)
        if region is not None:
            low, high = region
            moments = [m for m in moments if low <= m.event.onset < high]
        self.lattice = Lattice(moments, self.asked, before, after)
        self.hard = tuple(item.name for item in self.asked if item.hard and item.name != GIVEN)
        self.soft = tuple(item.name for item in self.asked if not item.hard)
        self.active: tuple[str, ...] = ()
        self.dropped: tuple[str, ...] = ()

    def settle(self) -> None:
        """Make sure that the hard constraints hold together, and choose the soft ones to keep.

        Raises
        ------
        ConflictError
            Naming a minimal conflicting subset.
        """
        # First with notes on the beats and where constraints ask for them, then anywhere.
        if not self.lattice.feasible(self.hard):
            self.lattice.wide = True
        error = explain(self.lattice, self.hard, self._bars)
        if error is not None:
            raise error
        kept = soft_kept(self.lattice, self.hard, self.soft)
        self.active = (*self.hard, *kept)
        self.dropped = tuple(name for name in self.soft if name not in kept)

    def _bars(self, moment: Moment) -> tuple[int, int]:
        placed = self.stretches[moment.phrase].placed
        return placed.first_bar, placed.last_bar

    def number(self, index: int) -> int:
        """Place in the chain of a phrase of the piece."""
        return index - self.stretches[0].placed.index

    def code_after(self, code: int, item: Stretch, notes: Sequence[LineNote]) -> int:
        """What the constraints remember after a phrase that was written otherwise."""
        result, radix = 0, 1
        for machine in self.lattice._machines(self.lattice._active(self.active)):
            value = 0
            if isinstance(machine, Reached):
                value = code // radix % machine.size
                for reach in machine.reaches:
                    for voice in reach.voices:
                        own = item.voices[voice] if voice < len(item.voices) else None
                        value |= any(
                            own is not None
                            and (note.part, note.number) == (own.part, own.number)
                            and note.pitch == reach.pitch
                            and note.onset < reach.end
                            and reach.start < note.end
                            for note in notes
                        )
            result += radix * value
            radix *= machine.size
        return result

    def accepts(self, code: int) -> bool:
        """Whether the chain may end in a code."""
        machines = self.lattice._machines(self.lattice._active(self.active))
        return dict(self.lattice._all_codes(machines)).get(code, False)

    def leads_on(self, number: int, edge: Edge, code: int) -> bool:
        """Whether the phrases from ``number`` on can be met from some last notes."""
        if number >= len(self.stretches):
            return True
        lattice = self.lattice
        active = lattice._active(self.active)
        viable = lattice._viable(active)
        place = next(n for n, m in enumerate(lattice.moments) if m.phrase == number)
        found = lattice._entries(active, viable, code, place, edge)
        return any(mask.any() for mask in found.values())

    def fill(
        self,
        number: int,
        shape: Shape,
        theme: Theme | None,
        memory: Memory | None,
        context: Context,
        code: int,
        rngs: Streams,
        edge: Edge | None = None,
    ) -> tuple[Filled, tuple[ShapeNote, ...], int]:
        """Write one phrase.

        Returns
        -------
        (Filled, tuple of ShapeNote, int)
            As `hybrid.rules.chorale.fill_chorale`, and what the constraints remember.

        Raises
        ------
        Blocked
            If nothing follows the notes before.
        """
        item = self.stretches[number]
        placed, voices = item.placed, item.voices
        tonic_step = tonic_staff_step(placed, *voices[0].range)
        slots = melody_slots(placed, item.chords, shape, tonic_step, theme, False, item.pause)
        moments = [m for m in self.lattice.moments if m.phrase == number]

        def prefer(place: int, found: Choices) -> NDArray[np.float64]:
            return near_theme(place, found) + not_barred(place, found)

        def not_barred(place: int, found: Choices) -> NDArray[np.float64]:
            if place != places[-1] or not context.barred:
                return np.zeros(len(found.found))
            ends = {(v.part, v.number): found.found.pitch[:, n] for n, v in enumerate(voices)}
            return shut_out(ends, context.barred, len(found.found))

        def near_theme(place: int, found: Choices) -> NDArray[np.float64]:
            onset = self.lattice.moments[place].event.onset
            sounding = [slot for slot in slots if slot.onset <= onset] or [slots[0]]
            height = sounding[-1].height
            if height is None:
                return np.zeros(len(found.found))
            pitch, spelling = found.found.pitch[:, 0], found.found.spelling[:, 0]
            steps = [
                diatonic_step(p, s) if p != SILENT else height
                for p, s in zip(pitch.tolist(), spelling.tolist(), strict=True)
            ]
            return UNPINNED * np.abs(np.array(steps) - height)

        edge = edge or edge_of(context)
        places = [n for n, m in enumerate(self.lattice.moments) if m.phrase == number]
        if not places:
            raise Blocked(0)
        active = self.lattice._active(self.active)
        viable = self.lattice._viable(active)
        entries = self.lattice._entries(active, viable, code, places[0], edge)
        if not any(mask.any() for mask in entries.values()):
            raise Blocked(0)
        path = self.lattice.draw(self.active, rngs[1], number, prefer, edge, code)
        figures = self._figures(moments, path, active, rngs[2], context)
        notes = self._notes(item, moments, figures, shape, active)
        last = {
            (voice.part, voice.number): (int(path.pitch[-1, v]), int(path.spelling[-1, v]))
            for v, voice in enumerate(voices)
        }
        start = to_ticks(placed.start)
        rest = to_ticks(placed.end) - item.upbeat
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
        looked = {"voicings looked at": sum(len(c.found) for c in self.lattice.choices)}
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
        self,
        moments: Sequence[Moment],
        path: Skeletal,
        active: Sequence[Asked],
        rng: np.random.Generator,
        context: Context,
    ) -> tuple[tuple[Figure, ...], ...]:
        n_voices = path.pitch.shape[1]
        plain = self._plain(moments, path, active)
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

    def _plain(
        self, moments: Sequence[Moment], path: Skeletal, active: Sequence[Asked]
    ) -> tuple[tuple[Figure, ...], ...]:
        """One note for each voice and moment, tied where it only goes on."""
        lattice = self.lattice
        rows: list[list[Figure]] = []
        for place, moment in enumerate(moments):
            row = []
            for voice in range(path.pitch.shape[1]):
                note = (int(path.pitch[place, voice]), int(path.spelling[place, voice]))
                same = place > 0 and path.pitch[place - 1, voice] == note[0] != SILENT
                if lattice.bound(active, moment, voice):
                    held = same and not lattice.struck(active, moment, voice)
                else:
                    no_repeats = any(
                        0 in moves.forbidden and moves.voice == voice
                        for item in active
                        for moves in item.moves
                        if moves.start <= moment.event.onset < moves.end
                    )
                    held = same and (moment.extra or (no_repeats and not moment.event.first))
                row.append(Figure("plain", ((0, *note),), held))
            rows.append(row)
        for item in active:
            for count in item.counts:
                for voice in count.voices:
                    _count_out(moments, rows, voice, count, lattice, active)
        return tuple(tuple(row) for row in rows)

    def _notes(
        self,
        item: Stretch,
        moments: Sequence[Moment],
        figures: Sequence[Sequence[Figure]],
        shape: Shape,
        active: Sequence[Asked],
    ) -> tuple[LineNote, ...]:
        notes: list[LineNote] = []
        rests = to_ticks(item.placed.end) - item.upbeat
        for column, voice in enumerate(item.voices):
            row: list[LineNote] = []
            for moment, chosen in zip(moments, figures, strict=True):
                event, figure = moment.event, chosen[column]
                unit = event.ticks // parts_of(event)
                for number, (part, pitch, spelling) in enumerate(figure.notes):
                    if pitch == SILENT:
                        continue
                    onset = event.onset + part * unit
                    final = number + 1 == len(figure.notes)
                    end = event.end if final else event.onset + figure.notes[number + 1][0] * unit
                    if number == 0 and figure.tied and row and row[-1].end == onset:
                        row[-1] = replace(row[-1], end=end)
                        continue
                    wanted = _source(active, column, onset, end)
                    maker = f"constraint {wanted}" if wanted else maker_of(event, figure, number)
                    if column == 0 and not wanted and number == 0:
                        maker = shape.made_by
                    row.append(
                        LineNote(
                            voice.part,
                            voice.number,
                            voice.name,
                            onset,
                            end,
                            pitch,
                            spelling,
                            maker,
                            accent_at(item.placed, onset),
                        )
                    )
            notes += row
        if item.pause:
            notes = [replace(n, articulation="fermata") if n.end == rests else n for n in notes]
        return tuple(notes)


def edge_of(context: Context) -> Edge | None:
    """The notes before a phrase as the exact search reads them."""
    tail = tail_arrays(context)
    if tail is None or context.last_chord is None:
        return None
    return Edge(tail[0], tail[1], context.last_chord, tail[2])


def _cadence(item: Stretch) -> Asked:
    """What a phrase's cadence asks of its highest voice, as a demand of the plan."""
    placed = item.placed
    name = f"cadence {placed.phrase.cadence} bar {placed.last_bar}"
    if placed.phrase.cadence in (None, "none"):
        return Asked(name)
    allowed = {7 * tone % 12 for tone, _ in final_tones(placed, item.chords[-1])}
    events = beat_events(placed, item.chords, beat_ticks(placed.metre), item.upbeat)
    last = next(event for event in events if event.last)
    pitches = frozenset(p for p in range(128) if p % 12 in allowed)
    return Asked(name, masks=(Mask(0, last.end - 1, last.end, pitches, cuts=False),))


def _edges(region: tuple[int, int]) -> Asked:
    """Cuts at the edges of a region, for all voices."""
    low, high = region
    everything = frozenset(range(128))
    return Asked(GIVEN, masks=tuple(Mask(v, low, high, everything) for v in range(4)))


def _source(active: Sequence[Asked], voice: int, onset: int, end: int) -> str:
    """Name of the constraint that asks for a note, empty where none does."""
    for item in active:
        for line in item.lines:
            if line.voice == voice and line.at(onset) is not None:
                return item.name
        for mask in item.masks:
            if mask.must_sound and mask.voice == voice and onset <= mask.start < end:
                return item.name
    return ""


def _count_out(
    moments: Sequence[Moment],
    rows: list[list[Figure]],
    voice: int,
    count: Count,
    lattice: Lattice,
    active: Sequence[Asked],
) -> None:
    """Tie repeated notes, or repeat held ones, until a bar has as many as it may."""
    start, end, fewest, most = count.start, count.end, count.fewest, count.most
    inside = [n for n, m in enumerate(moments) if start <= m.event.onset < end]
    free = [n for n in inside if not lattice.bound(active, moments[n], voice)]

    def number() -> int:
        found = 0
        for place in inside:
            figure = rows[place][voice]
            found += sum(note[1] != SILENT for note in figure.notes) - int(figure.tied)
        return found

    for place in reversed(free):
        figure = rows[place][voice]
        if number() > most and place and not figure.tied and not moments[place].event.first:
            before = rows[place - 1][voice].notes[-1]
            if before[1] == figure.notes[0][1]:
                rows[place][voice] = replace(figure, tied=True)
    for place in sorted(free, key=lambda n: (moments[n].extra, n)):
        if number() < fewest and rows[place][voice].tied:
            rows[place][voice] = replace(rows[place][voice], tied=False)
    for pieces in (2, 4):
        for place in sorted(free, key=lambda n: (-moments[n].event.ticks, n)):
            figure, parts = rows[place][voice], parts_of(moments[place].event)
            lacks = fewest - number()
            pieces_here = pieces if parts == 4 or pieces == 2 else 3
            now = len(figure.notes)
            if lacks <= 0 or figure.notes[0][1] == SILENT:
                continue
            wanted = min(pieces_here, now + lacks)
            if wanted <= now:
                continue
            _, pitch, spelling = figure.notes[0]
            grid = sorted({number * parts // wanted for number in range(wanted)})
            notes = tuple((part, pitch, spelling) for part in grid)
            rows[place][voice] = replace(figure, notes=notes)


def four_part_runs(
    stretches: Sequence[Stretch], textures: Sequence[str]
) -> tuple[tuple[Stretch, ...], ...]:
    """The longest rows of phrases whose textures are written in four parts."""
    runs: list[list[Stretch]] = []
    open_ = False
    for item in stretches:
        if item.placed.shared.texture not in textures:
            open_ = False
            continue
        if not open_:
            runs.append([])
        runs[-1].append(item)
        open_ = True
    return tuple(tuple(run) for run in runs)


def refuse(
    stretches: Sequence[Stretch],
    textures: Sequence[str],
    asked: Mapping[int, Sequence[Asked]],
) -> None:
    """Raise rather than ignore what is asked of textures that this search does not write.

    Raises
    ------
    PlanError
        If a hard constraint asks something of an accompanied phrase.
    """
    for item in stretches:
        placed = item.placed
        if placed.shared.texture in textures:
            continue
        for found in asked[placed.index]:
            if found.hard and not found.is_empty:
                raise PlanError(
                    f"constraint {found.name!r} cannot be honoured in the texture "
                    f"{placed.shared.texture!r} of bars {placed.first_bar}-{placed.last_bar}: "
                    f"notes can be constrained in {' and '.join(textures)}"
                )


def write_phrase(
    chain: Chain,
    number: int,
    shape: Shape,
    theme: Theme | None,
    memory: Memory | None,
    context: Context,
    code: int,
    rngs: Streams,
) -> tuple[Filled, tuple[ShapeNote, ...], int]:
    """Write a phrase of a chain.

    As ever, guided by the constraints, where that keeps them and the rest can follow; else by
    the exact search, which finds notes wherever there are some.
    """
    item = chain.stretches[number]
    guide = Guide(item, chain.lattice._active(chain.active))
    for _ in range(GUIDED_TRIES if guide.helps else 0):
        try:
            filled, heights = fill_chorale(
                item.placed,
                item.chords,
                shape,
                theme,
                memory,
                replace(context, guide=guide),
                rngs,
            )
        except Blocked:
            break
        if not guide.keeps(filled.notes, context):
            continue
        after_code = chain.code_after(code, item, filled.notes)
        if number + 1 == len(chain.stretches):
            if chain.accepts(after_code):
                return filled, heights, after_code
            continue
        after = Context(
            chain.stretches[number + 1].voices, filled.tail, filled.last_chord, filled.pause
        )
        edge = edge_of(after)
        if edge is not None and chain.leads_on(number + 1, edge, after_code):
            return filled, heights, after_code
    return chain.fill(number, shape, theme, memory, context, code, rngs)
