"""Themes that return: varied, inverted, backwards, slower, faster, elsewhere, ornamented.

What a row wrote at the theme's first appearance is transformed by scale steps, fitted to the new
harmony, and becomes the line that the melody is drawn to. Where a theme is only varied, some of its
notes are let go. The accompaniment stays free, or is drawn to what it was by
`hybrid.symbolic_transformer.event_wishes.Returns`.

References
----------
Schoenberg, A. (1967). Fundamentals of Musical Composition, ch. 3 and 17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import MODE_SCALES, Key, pitch_class
from hybrid.core.plan import FormPlan
from hybrid.symbolic_transformer.event_cadences import closes_of
from hybrid.symbolic_transformer.event_limits import LENGTHS, NEVER, Standing
from hybrid.symbolic_transformer.event_wishes import Wish
from hybrid.symbolic_transformer.events import (
    LOWEST,
    N_DURATIONS,
    N_PITCHES,
    N_PLACES,
    N_TRACKS,
    NEXT_BAR,
    duration_class,
)
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import (
    MODES,
    TICKS,
    VARIATION_KINDS,
    PlanArrays,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
KINDS = ("ornament", "inversion", "retrograde", "augmentation", "diminution", "sequence")
#: Kinds that bring the theme's own notes back, some of them changed.
PLAIN = ("none", "varied", "transposed", "literal")
#: Share of a plain return's notes that change, where its chords are those of the first time.
CHANGED = 0.15
#: How strongly the melody is drawn to the transformed theme, in nats.
PULL = 4.0


@dataclass(frozen=True)
class Note:
    """A note of a theme: ticks from the phrase's start, ticks, scale steps from the tonic in
    octave 0 (7 an octave), and semitones beside the scale.
    """

    onset: int
    duration: int
    height: int
    beside: int = 0


@dataclass(frozen=True)
class _Return:
    """A phrase that transforms a theme: its ticks, the first appearance's, kind and keys."""

    start: int
    end: int
    source: int
    source_end: int
    kind: str
    steps: int
    here: Key
    there: Key


def steps_of(pitch: int, key: Key) -> tuple[int, int]:
    """Scale steps of a MIDI pitch above the tonic of octave 0, and semitones beside the scale.

    >>> steps_of(62, Key.parse("C")), steps_of(61, Key.parse("C"))
    ((36, 0), (35, 1))
    """
    tonic = pitch_class(key.tonic)
    scale = [(pitch_class(tone) - tonic) % 12 for tone in key.scale]
    octave, above = divmod(pitch - tonic, 12)
    degree = max(number for number, tone in enumerate(scale) if tone <= above)
    return 7 * octave + degree, above - scale[degree]


def pitch_of(height: int, key: Key, beside: int = 0) -> int:
    """The inverse of `steps_of`."""
    tonic = pitch_class(key.tonic)
    octave, degree = divmod(height, 7)
    return 12 * octave + tonic + (pitch_class(key.scale[degree]) - tonic) % 12 + beside


def transform(notes: Sequence[Note], kind: str, length: int, steps: int = 0) -> list[Note]:
    """A theme transformed, cut where the phrase ends.

    Parameters
    ----------
    notes : sequence of Note
        Ascending, one at a time.
    kind : str
        One of `KINDS`; others leave the notes as they are.
    length : int
        Ticks of the phrase, and of the theme's first appearance where that matters.
    steps : int
        Scale steps of a ``sequence``.

    Examples
    --------
    >>> theme = [Note(0, 24, 0), Note(24, 24, 1), Note(48, 48, 4)]
    >>> [note.height for note in transform(theme, "inversion", 96)]
    [0, -1, -4]
    >>> [(note.onset, note.height) for note in transform(theme, "retrograde", 96)]
    [(0, 4), (48, 1), (72, 0)]
    """
    if not notes:
        return []
    made = list(notes)
    if kind == "sequence":
        made = [replace(note, height=note.height + steps) for note in notes]
    elif kind == "inversion":
        axis = 2 * notes[0].height
        made = [replace(note, height=axis - note.height, beside=0) for note in notes]
    elif kind == "retrograde":
        end = notes[-1].onset + notes[-1].duration
        turned = [replace(note, onset=end - note.onset - note.duration) for note in notes]
        made = turned[::-1]
    elif kind == "augmentation":
        made = [replace(n, onset=2 * n.onset, duration=2 * n.duration) for n in notes]
    elif kind == "diminution":
        half = [replace(n, onset=n.onset // 2, duration=max(1, n.duration // 2)) for n in notes]
        # The rest of the phrase has it once more, a step higher, as the engine `rules` does.
        again = [replace(n, onset=n.onset + length // 2, height=n.height + 1) for n in half]
        made = [note for note in half if note.onset < length // 2] + again
    elif kind == "ornament":
        made = _ornamented(notes)
    return [
        replace(note, duration=min(note.duration, length - note.onset))
        for note in made
        if 0 <= note.onset < length
    ]


def _ornamented(notes: Sequence[Note]) -> list[Note]:
    """Passing notes, and upper neighbours, in the second half of notes of a quarter or more."""
    made: list[Note] = []
    for number, note in enumerate(notes):
        if number + 1 == len(notes) or note.duration < TICKS or note.duration % 2:
            made.append(note)
            continue
        way = notes[number + 1].height - note.height
        between = note.height + (int(np.sign(way)) if abs(way) > 1 else 1)
        half = note.duration // 2
        made.append(replace(note, duration=half))
        made.append(Note(note.onset + half, half, between))
    return made


class Transformed(Wish):
    """A line is drawn to its theme as the plan's variation transforms it.

    Parameters
    ----------
    plan, arrays : FormPlan and PlanArrays
    track : int
        The line's.
    pull : float
    low, high : int
        MIDI pitches that the line may have, as the model writes them.
    seed : int
        Chooses the notes that a plain return changes.
    """

    def __init__(
        self,
        plan: FormPlan,
        arrays: PlanArrays,
        track: int = 0,
        pull: float = PULL,
        low: int = 0,
        high: int = 127,
        seed: int = 0,
    ) -> None:
        self.seed = seed
        self.track, self.pull, self.low, self.high = track, pull, low, high
        self.returns = _returns(plan, arrays)
        found = conditions_at(arrays, np.arange(arrays.length + 1))
        has = found.mask > 0
        self.tone = ((found.mask[:, None] >> np.arange(12)) & 1).astype(bool) | ~has[:, None]
        self.number = np.full(arrays.length + 1, -1, np.int64)
        for number, item in enumerate(self.returns):
            self.number[item.start : item.end] = number
        # A phrase's last chord is its cadence's.
        for close in closes_of(arrays):
            if close.is_last:
                self.number[close.start : close.end] = -1
        self._known: dict[tuple[int, bytes], Ints] = {}

    def _number(self, tick: int) -> int:
        return int(self.number[min(tick, len(self.number) - 1)])

    def target(self, at: Standing, row: int, number: int) -> Ints:
        """The line that a row is drawn to in a phrase: (n, 4) ticks, pitches (places of the
        vocabulary), duration classes and whether the pitch is to change, closed by a row that
        never comes.
        """
        item, rows = self.returns[number], at.rows
        events = rows.events[row, : rows.count[row]]
        mine = (events["track"] == self.track) & (events["tick"] >= item.source)
        source = events[mine & (events["tick"] < item.source_end)]
        kept = np.stack([source[name].astype(np.int64) for name in ("tick", "pitch", "duration")])
        key = number, kept.tobytes()
        if key not in self._known:
            self._known[key] = self._made(item, kept)
        return self._known[key]

    def _made(self, item: _Return, source: Ints) -> Ints:
        theme: list[Note] = []
        for tick, pitch, duration in source.T.tolist():
            height, beside = steps_of(pitch + LOWEST - 1, item.there)
            length = min(int(LENGTHS[duration]), item.source_end - tick)
            if theme and theme[-1].onset + theme[-1].duration > tick - item.source:
                theme[-1] = replace(
                    theme[-1], duration=max(1, tick - item.source - theme[-1].onset)
                )
            theme.append(Note(tick - item.source, length, height, beside))
        line = transform(theme, item.kind, item.end - item.start, item.steps)
        line = self._centred(line, theme, item)
        line = [note for note in line if self._number(item.start + note.onset) >= 0]
        free = self._changed(item, len(line))
        rows = [
            (
                item.start + note.onset,
                self._fitted(item, note) - LOWEST + 1,
                int(duration_class(np.array([note.duration]))[0]),
                int(number in free),
            )
            for number, note in enumerate(line)
        ]
        return np.array([*rows, (NEVER, 0, 0, 0)], np.int64)

    def _changed(self, item: _Return, n_notes: int) -> frozenset[int]:
        """Notes of a plain return that change, none of them the first."""
        if item.kind not in ("none", "varied") or n_notes < 4:
            return frozenset()
        chance = np.random.default_rng((self.seed, item.start))
        chosen = 1 + chance.permutation(n_notes - 1)[: max(1, round(CHANGED * n_notes))]
        return frozenset(chosen.tolist())

    def _centred(self, line: list[Note], theme: list[Note], item: _Return) -> list[Note]:
        """Moved by octaves to where the theme lies, and into the range."""
        if not line:
            return line
        pitches = [pitch_of(note.height, item.here, note.beside) for note in line]
        before = np.mean([pitch_of(n.height, item.there, n.beside) for n in theme])
        octaves = round((before - float(np.mean(pitches))) / 12)
        while min(pitches) + 12 * octaves < self.low:
            octaves += 1
        while max(pitches) + 12 * octaves > self.high:
            octaves -= 1
        return [replace(note, height=note.height + 7 * octaves) for note in line]

    def _fitted(self, item: _Return, note: Note) -> int:
        """The note's pitch; on a beat, or a quarter long, the nearest one of the chord."""
        pitch = int(np.clip(pitch_of(note.height, item.here, note.beside), 22, 107))
        tick = item.start + note.onset
        tones = self.tone[min(tick, len(self.tone) - 1)]
        if item.kind in PLAIN:
            turn = pitch_class(item.here.tonic) - pitch_class(item.there.tonic)
            before = np.roll(self.tone[item.source + note.onset], turn)
            if (before == tones).all():
                return pitch
        if tones[pitch % 12] or (note.duration < TICKS and note.onset % TICKS):
            return pitch
        near = [p for p in range(pitch - 4, pitch + 5) if tones[p % 12]] or [pitch]
        return min(near, key=lambda other: (abs(other - pitch), other))

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        due = np.full(len(at.here), NEVER)
        for row, here in enumerate(at.here.tolist()):
            number = self._number(here)
            if number >= 0:
                written = int(at.rows.last_tick[row, self.track])
                has = at.rows.last_pitch[row, self.track] > 0
                first = max(here, written + 1 if has else 0)
                line = self.target(at, row, number)
                due[row] = line[np.searchsorted(line[:, 0], first), 0]
        if (due >= at.bar.end).all():
            return None
        made = np.zeros((len(due), N_PLACES))
        made[:, :NEXT_BAR] = -self.pull * (ticks > due[:, None])
        made[:, NEXT_BAR] = -self.pull * (due < at.bar.end)
        return made

    def _here(self, at: Standing) -> tuple[NDArray[np.bool_], Ints]:
        """Rows at whose next tick the line is known, and its note there (pitch, duration, whether
        the pitch is to change; 0 for none).
        """
        inside = np.zeros(len(at.tick), dtype=bool)
        notes = np.zeros((len(at.tick), 3), np.int64)
        for row, tick in enumerate(at.tick.tolist()):
            number = self._number(tick)
            if number < 0:
                continue
            line = self.target(at, row, number)
            # Nothing to return to: the line is free.
            inside[row] = len(line) > 1
            place = int(np.searchsorted(line[:, 0], tick))
            if line[place, 0] == tick:
                notes[row] = line[place, 1:]
        return inside, notes

    def tracks(self, at: Standing) -> Floats | None:
        inside, notes = self._here(at)
        if not inside.any():
            return None
        made = np.zeros((len(inside), N_TRACKS))
        wanted = notes[:, 0] > 0
        done = at.rows.last_tick[:, self.track] == at.tick
        made[inside & ~wanted, self.track] = -self.pull
        made[(inside & wanted & ~done)[:, None] & (np.arange(N_TRACKS) > self.track)] = -self.pull
        return made

    def pitches(self, at: Standing) -> Floats | None:
        inside, notes = self._here(at)
        mine = inside & (at.track == self.track) & (notes[:, 0] > 0)
        if not mine.any():
            return None
        pull = self.pull * np.where(notes[:, 2] > 0, -0.5, 1.0)[:, None]
        return np.asarray(pull * (mine[:, None] & (np.arange(N_PITCHES) == notes[:, :1])))

    def durations(self, at: Standing) -> Floats | None:
        inside, notes = self._here(at)
        mine = inside & (at.track == self.track) & (notes[:, 0] > 0)
        if not mine.any():
            return None
        return np.asarray(self.pull * (mine[:, None] & (np.arange(N_DURATIONS) == notes[:, 1:2])))


def _returns(plan: FormPlan, arrays: PlanArrays) -> tuple[_Return, ...]:
    steps = [item.phrase.variation_steps for item in plan.phrases()]
    starts = arrays.phrases["start"].tolist()
    rows = arrays.themes
    made = []
    for row in rows:
        kind = VARIATION_KINDS[row["variation"]]
        if row["reference"] < 0 or kind not in (*KINDS, *PLAIN):
            continue
        first = rows[np.flatnonzero(rows["start"] == row["reference"])[0]]
        here, there = (_key(arrays, int(item["start"])) for item in (row, first))
        number = starts.index(int(row["start"]))
        span = int(row["start"]), int(row["end"]), int(first["start"]), int(first["end"])
        made.append(_Return(*span, kind, steps[number], here, there))
    return tuple(made)


def _key(arrays: PlanArrays, tick: int) -> Key:
    found = conditions_at(arrays, np.array([tick]))
    mode = MODES[int(found.mode[0])]
    assert mode in MODE_SCALES
    tonic = max(int(found.tonic[0]), 0)
    return Key((7 * tonic + 5) % 12 - 5, mode)


__all__ = ["KINDS", "Note", "Transformed", "pitch_of", "steps_of", "transform"]
