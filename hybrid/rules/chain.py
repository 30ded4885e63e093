"""Phrases in a row under constraints: whether they can be kept together, and a draw of notes.

The lattice of a `Chain` tells whether all that is asked of its phrases can hold at all, and for
every phrase which voicings leave the later ones a way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.rules.asked import Asked, Mask, Reach, together
from hybrid.rules.conflicts import explain, soft_kept
from hybrid.rules.endings import shut_out
from hybrid.rules.exact import Edge, Lattice, Skeletal
from hybrid.rules.harmony import Chord, beat_events, beat_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote
from hybrid.rules.moments import GIVEN, Choices, Moment, cut
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import (
    Context,
    final_tones,
    melody_slots,
    tonic_staff_step,
)
from hybrid.rules.playing import Scheme, chord_spans
from hybrid.rules.remembered import Reached
from hybrid.rules.themes import Shape, Theme
from hybrid.rules.underneath import UNPINNED
from hybrid.rules.voicings import SILENT


@dataclass(frozen=True)
class Stretch:
    """A phrase of a chain; ``scheme`` is None where it is written in equal parts."""

    placed: PlacedPhrase
    chords: tuple[Chord, ...]
    voices: tuple[Voice, ...]
    pause: bool
    upbeat: int
    scheme: Scheme | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A phrase as the exact search drew it.

    Attributes
    ----------
    item : Stretch
    moments : tuple of Moment
    path : Skeletal
        A row of pitches for each of them.
    active : tuple of Asked
        The constraints that it keeps.
    """

    item: Stretch
    moments: tuple[Moment, ...]
    path: Skeletal
    active: tuple[Asked, ...]


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
                cuts.append(_edges(region, len(item.voices)))
            found = cut(events, cuts, number, item.voices, breaks)
            if item.scheme is not None:
                found = _under_melody(found, item, self.stretches[number - 1] if number else None)
            moments += found
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
                            and note.voice == own.name
                            and note.pitch == reach.pitch
                            and note.onset < reach.end
                            and reach.start < note.end
                            for note in notes
                        )
            result += radix * value
            radix *= machine.size
        return result

    @property
    def in_force(self) -> tuple[Asked, ...]:
        """The constraints that are kept."""
        return self.lattice._active(self.active)

    def unreached(self, code: int) -> tuple[Reach, ...]:
        """Highest and lowest notes that are asked for and have not come yet."""
        found: list[Reach] = []
        for machine in self.lattice._machines(self.lattice._active(self.active)):
            if isinstance(machine, Reached) and not code % machine.size:
                found.extend(machine.reaches)
            code //= machine.size
        return tuple(found)

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

    def draw(
        self,
        number: int,
        shape: Shape,
        theme: Theme | None,
        context: Context,
        code: int,
        rng: np.random.Generator,
        edge: Edge | None = None,
    ) -> Drawn:
        """Draw the notes of one phrase so that the later ones can still be met.

        Parameters
        ----------
        number : int
            Of the phrase in the chain.
        code : int
            What the constraints remember from the phrases before.
        edge : Edge, optional
            The notes before, where they are not those of ``context``.

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
        path = self.lattice.draw(self.active, rng, number, prefer, edge, code)
        return Drawn(item, tuple(moments), path, active)


def _under_melody(
    moments: Sequence[Moment], item: Stretch, before: Stretch | None
) -> tuple[Moment, ...]:
    """Moments of an accompanied phrase: its strands move where its chords are voiced anew."""
    onsets = {span.onset for span in chord_spans(item.placed, item.chords)}
    strands = frozenset(range(1, len(item.voices)))
    found = [
        replace(
            moment,
            still=frozenset() if moment.event.onset in onsets else strands,
            accompanied=True,
        )
        for moment in moments
    ]
    if before is not None:
        # Where the register changes, tendency tones still find their resolution.
        entry = tuple(
            replace(new, low=max(new.lowest, min(new.low, old.low - 2)), high=reach)
            if (old.low, old.high) != (new.low, new.high)
            else new
            for old, new in zip(before.voices, item.voices, strict=True)
            for reach in [min(new.highest, max(new.high, old.high + 2))]
        )
        found[0] = replace(found[0], voices=entry)
    return tuple(found)


def runs_of(stretches: Sequence[Stretch]) -> tuple[tuple[Stretch, ...], ...]:
    """The longest rows of phrases that are written in the same way in the same voices.

    Equal parts may go to other instruments, if they are as many as before.
    """
    runs: list[list[Stretch]] = []
    before: object = None
    for item in stretches:
        lines = tuple((voice.part, voice.number) for voice in item.voices)
        kind = len(item.voices) if item.scheme is None else lines
        if kind != before:
            runs.append([])
        runs[-1].append(item)
        before = kind
    return tuple(tuple(run) for run in runs)


def edge_of(context: Context) -> Edge | None:
    """The notes before a phrase as the exact search reads them."""
    if context.tail is None or context.last_chord is None:
        return None
    found = [context.before(voice) for voice in context.voices]
    pitch = np.array([[note[0] for note in found]], dtype=np.int64)
    spelling = np.array([[note[1] for note in found]], dtype=np.int64)
    return Edge(pitch, spelling, context.last_chord, context.after_pause)


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


def _edges(region: tuple[int, int], n_voices: int) -> Asked:
    """Cuts at the edges of a region, for all voices."""
    low, high = region
    everything = frozenset(range(128))
    return Asked(GIVEN, masks=tuple(Mask(v, low, high, everything) for v in range(n_voices)))
