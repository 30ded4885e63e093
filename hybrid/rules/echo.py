"""Imitation: a lower voice takes up the head of the theme while the soprano goes on.

The head is what the soprano has in the phrase's first bar (or half of a short phrase). A lower
voice answers with it afterwards, at the octave, the fifth or the fourth: the interval whose
notes need the least change over the phrase's chords is taken. Where none comes close, or no
voicings fit both lines, there is no imitation. A strict canon is not attempted.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading, unit 20.
Gauldin, R. (1995). A Practical Approach to Eighteenth-Century Counterpoint, ch. 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules.decorate import Figure, fits, parts_of
from hybrid.rules.harmony import Chord, Event, accent_at, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.parts import Voice
from hybrid.rules.voicings import Voicings

#: Scale steps down from the soprano: octave, octave and fifth, octave and fourth, fifth, fourth.
DISTANCES = ((-7, "octave"), (-11, "twelfth"), (-10, "eleventh"), (-4, "fifth"), (-3, "fourth"))
#: Largest mean number of steps by which an answer may differ from the head.
MAX_CHANGE = 0.34
STRICT = Manner(shape=1.2, dissonance=0.1, accented=3.0, repeat=0.3, leap=0.35)


@dataclass(frozen=True)
class Echo:
    """A line that imitates.

    Attributes
    ----------
    voice : int
        Its column.
    notes : tuple of MelodyNote
    made_by : str
    """

    voice: int
    notes: tuple[MelodyNote, ...]
    made_by: str

    def _at(self, tick: int) -> MelodyNote | None:
        return next((note for note in self.notes if note.onset <= tick < note.end), None)

    def cost(self, found: Voicings, event: Event) -> NDArray[np.float64]:
        """Shuts out voicings that have another note in its voice."""
        note = self._at(event.onset)
        if note is None:
            return np.zeros(len(found))
        return np.where(found.pitch[:, self.voice] == note.pitch, 0.0, np.inf)

    def exit(self, event: Event, after: Event) -> tuple[int, int] | None:
        """Its last note before an event, where that is not the first one of the event before."""
        first, last = self._at(event.onset), self._at(after.onset - 1)
        if last is None or first is None or first is last:
            return None
        return last.pitch, last.spelling

    def figure(self, event: Event) -> Figure | None:
        """Its notes in an event; None where it is silent, so that the voice is free."""
        inside = [n for n in self.notes if n.end > event.onset and n.onset < event.end]
        if not inside or inside[0].onset > event.onset or inside[-1].end < event.end:
            return None
        return ready_figure(event, inside, self.made_by)


def ready_figure(event: Event, inside: Sequence[MelodyNote], kind: str) -> Figure:
    """Given notes of a line as the figure of an event."""
    parts = parts_of(event)
    unit = event.ticks // parts
    notes = []
    strange = []
    for number, note in enumerate(inside):
        part = max(0, -(-(note.onset - event.onset) // unit)) if unit else 0
        notes.append((min(part, parts - 1), note.pitch, note.spelling))
        if note.spelling not in event.chord.tones:
            strange.append(number)
    return Figure(kind, tuple(notes), inside[0].onset < event.onset, 0.0, tuple(strange))


def find_echo(
    placed: PlacedPhrase,
    chords: Sequence[Chord],
    events: Sequence[Event],
    melody: Sequence[MelodyNote],
    voices: Sequence[Voice],
    rng: np.random.Generator,
) -> Echo | None:
    """An answer to a melody's head in one of the inner voices, None where none comes close.

    The bass, whose notes the plan fixes, answers only where there are two voices.
    """
    bar = to_ticks(placed.metre.bar_quarters)
    start = to_ticks(placed.start)
    delay = bar if placed.bars >= 3 else bar // 2
    head = [n for n in melody if n.end <= start + delay]
    onsets = {event.onset for event in events}
    if len(head) < 3 or start + 2 * delay > to_ticks(placed.end) - bar // 2:
        return None
    candidates = range(1, len(voices) - 1) if len(voices) > 2 else range(1, 2)
    moves = {b.onset: ((a.pitch, b.pitch),) for a, b in pairwise(melody) if a.pitch != b.pitch}
    best: tuple[float, Echo] | None = None
    for voice in rng.permutation(np.array(list(candidates))).tolist():
        for distance, name in DISTANCES:
            slots = [
                replace(
                    _answer(n, delay, distance, chords, onsets, placed),
                    against=moves.get(n.onset + delay, ()),
                )
                for n in head
            ]
            limits = voices[voice].range
            try:
                line = draw_melody(slots, limits, rng, STRICT, temperature=0.2)
            except Blocked:
                continue
            steps = [diatonic_step(n.pitch, n.spelling) for n in line]
            wanted = [diatonic_step(n.pitch, n.spelling) + distance for n in head]
            if not _fits(line, melody, events):
                continue
            change = float(np.mean([abs(a - b) for a, b in zip(steps, wanted, strict=True)]))
            if change <= MAX_CHANGE and (best is None or change < best[0]):
                where = "1 bar" if delay == bar else "half a bar"
                text = f"imitation of theme {placed.phrase.theme} at the {name}, {where} later"
                best = change, Echo(voice, line, text)
        if best is not None and best[0] == 0.0:
            break
    return best[1] if best is not None else None


def _fits(
    line: Sequence[MelodyNote], melody: Sequence[MelodyNote], events: Sequence[Event]
) -> bool:
    """Whether the answer goes with what the soprano has meanwhile."""
    for event in events:
        both = [
            [n for n in row if n.end > event.onset and n.onset < event.end]
            for row in (melody, line)
        ]
        if not both[1] or both[1][0].onset > event.onset or both[1][-1].end < event.end:
            continue
        upper, lower = (ready_figure(event, row, "") for row in both)
        if not fits(upper, lower, event):
            return False
    return True


def _answer(
    note: MelodyNote,
    delay: int,
    distance: int,
    chords: Sequence[Chord],
    onsets: set[int],
    placed: PlacedPhrase,
) -> Slot:
    onset, end = note.onset + delay, note.end + delay
    chord = next(c for c in chords if c.onset <= onset < c.end)
    later = tuple(c for c in chords if onset < c.onset < end)
    return Slot(
        onset,
        end,
        chord,
        later,
        float(diatonic_step(note.pitch, note.spelling) + distance),
        4.0,
        accent_at(placed, onset),
        onset in onsets,
        prepared=False,
    )
