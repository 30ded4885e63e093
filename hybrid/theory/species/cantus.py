"""A score as species counterpoint: the cantus firmus and what the other voices do in its bars.

A bar here is the time of one note of the cantus, whatever the metre of the score says. The
place of a tone in its bar and its length are fractions of that note: a half note on the weak
half of a whole note has place 1/2 and length 1/2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import NO_SPELLING, pitch_name
from hybrid.theory.context import Context
from hybrid.theory.slices import REST, Slices

#: Names of a voice that call it the cantus firmus.
CANTUS_NAMES = frozenset({"cantus firmus", "cantus", "cf", "c.f.", "c. f."})
#: A note may end this share of its length before the next one without leaving a rest.
DETACHED = 0.25


@dataclass(frozen=True)
class Tone:
    """A note of a voice in its bar.

    Attributes
    ----------
    row, index : int
        Voice, and number of the note in it.
    onset, end : int
        Ticks; ``end`` reaches to the next note where no rest lies between.
    slice : int
        Slice that begins with it.
    pitch : int
    spelling : int or None
        None where the score names none.
    bar : int
        Number of the cantus note during which it begins, from 0.
    place, length : Fraction
        In notes of the cantus; ``place`` is in 0 <= place < 1.
    """

    row: int
    index: int
    onset: int
    end: int
    slice: int
    pitch: int
    spelling: int | None
    bar: int
    place: Fraction
    length: Fraction

    @property
    def name(self) -> str:
        """As findings print it."""
        return pitch_name(self.pitch, NO_SPELLING if self.spelling is None else self.spelling)


@dataclass(frozen=True, eq=False)
class Counterpoint:
    """A score seen from its cantus firmus.

    Attributes
    ----------
    context : Context
    cantus : int
        Row of the cantus firmus.
    bounds : np.ndarray, shape (n + 1,), int64
        Onsets of the n cantus notes, and the end of the last one.
    lines : tuple of tuple of Tone
        The tones of every voice.
    """

    context: Context
    cantus: int
    bounds: NDArray[np.int64]
    lines: tuple[tuple[Tone, ...], ...]

    @property
    def slices(self) -> Slices:
        return self.context.slices

    @property
    def n_bars(self) -> int:
        return len(self.bounds) - 1

    @property
    def n_voices(self) -> int:
        return len(self.lines)

    @cached_property
    def others(self) -> tuple[int, ...]:
        """Rows of all voices but the cantus."""
        return tuple(row for row in range(self.n_voices) if row != self.cantus)

    @cached_property
    def moving(self) -> tuple[int, ...]:
        """Rows of the voices that are judged by the species.

        Of two counterpoints and more, those that mostly have one note to each note of the
        cantus are company; where all have, all are judged.
        """
        rows = []
        for row in self.others:
            tones = self.lines[row][:-1]
            whole = sum(tone.length == 1 and not tone.place for tone in tones)
            if 2 * whole <= len(tones):
                rows.append(row)
        return tuple(rows) or self.others

    @cached_property
    def bar_slices(self) -> tuple[int, ...]:
        """The slice at which each cantus note begins."""
        return tuple(np.searchsorted(self.slices.tick, self.bounds[:-1]).tolist())

    def tone_at(self, row: int, slot: int) -> Tone | None:
        """The tone that a voice has in a slice, None at a rest."""
        index = int(self.slices.note[row, slot])
        return self.lines[row][index] if index >= 0 else None

    def sounding(self, slot: int) -> list[Tone]:
        """All tones of a slice, lowest pitch first."""
        tones = [tone for row in range(self.n_voices) if (tone := self.tone_at(row, slot))]
        # Of a unison the lower voice counts as the lower tone.
        return sorted(tones, key=lambda tone: (tone.pitch, -tone.row))

    def is_held(self, tone: Tone, slot: int) -> bool:
        """Whether a tone began before a slice."""
        return tone.slice < slot

    def before(self, tone: Tone) -> Tone | None:
        """The tone right before, None after a rest."""
        if not tone.index:
            return None
        earlier = self.lines[tone.row][tone.index - 1]
        return earlier if earlier.end == tone.onset else None

    def after(self, tone: Tone) -> Tone | None:
        """The tone right after, None before a rest."""
        line = self.lines[tone.row]
        if tone.index + 1 >= len(line) or line[tone.index + 1].onset != tone.end:
            return None
        return line[tone.index + 1]

    def steps(self, row: int) -> Iterator[tuple[Tone, Tone]]:
        """Tones of a voice in pairs, without those parted by a rest."""
        for first, second in pairwise(self.lines[row]):
            if first.end == second.onset:
                yield first, second


@lru_cache(maxsize=1)
def view_counterpoint(context: Context) -> Counterpoint:
    """The context's score seen from its cantus; kept for the last context asked about.

    Raises
    ------
    ScoreError
        If no cantus firmus is named and none can be told, or if that voice does not move in
        equal notes without rests.
    """
    slices = context.slices
    if slices.n_voices < 2:
        raise ScoreError(f"counterpoint must have two voices or more, got {slices.n_voices}")
    row = find_cantus(slices, context.cantus)
    onsets = slices.voices[row].notes["onset"].astype(np.int64)
    unit = _unit(slices, row)
    if unit is None:
        raise ScoreError(
            "a cantus firmus must have equal notes without rests, got others in voice "
            f"{slices.names[row]!r}"
        )
    end = max(int(context.note_end[:, -1].max()), int(onsets[-1]) + 1)
    bounds = np.append(onsets, end)
    lines = tuple(tuple(_tones(slices, other, bounds, unit)) for other in range(slices.n_voices))
    return Counterpoint(context, row, bounds, lines)


def _tones(slices: Slices, row: int, bounds: NDArray[np.int64], unit: int) -> Iterator[Tone]:
    notes = slices.voices[row].notes
    onset = notes["onset"].astype(np.int64)
    end = onset + notes["duration"]
    # A note that is played short is written up to the next one.
    gap = np.append(onset[1:] - end[:-1], 0)
    length = np.append(np.diff(onset), end[-1] - onset[-1])
    end = np.where((gap > 0) & (gap <= DETACHED * length), onset + length, end)
    bar = np.clip(np.searchsorted(bounds, onset, side="right") - 1, 0, len(bounds) - 2)
    for index in range(len(notes)):
        spelling = int(notes["spelling"][index])
        start = int(onset[index])
        yield Tone(
            row,
            index,
            start,
            int(end[index]),
            int(np.searchsorted(slices.tick, start)),
            int(notes["pitch"][index]),
            None if spelling == NO_SPELLING else spelling,
            int(bar[index]),
            Fraction(start - int(bounds[bar[index]]), unit),
            Fraction(int(end[index]) - start, unit),
        )


def find_cantus(slices: Slices, name: str | None = None) -> int:
    """The row of the cantus firmus.

    Parameters
    ----------
    slices : Slices
    name : str, optional
        Of the voice, or of a track with one voice. Without it the voice that is called
        cantus firmus (`CANTUS_NAMES`); else the only voice in equal notes that are as long as
        any voice has throughout; among several of these the only one that closes by a step
        down to the lowest voice's last pitch class.

    Raises
    ------
    ScoreError
        If no voice has the name, or no rule above points to one voice.
    """
    if name is not None:
        return _named(slices, name)
    called = [row for row, text in enumerate(slices.names) if text.lower() in CANTUS_NAMES]
    if len(called) == 1:
        return called[0]
    units = {row: unit for row in range(slices.n_voices) if (unit := _unit(slices, row))}
    longest = max(units.values(), default=0)
    equal = [row for row, unit in units.items() if unit == longest]
    if len(equal) > 1:
        equal = [row for row in equal if _closes_down(slices, row)]
    if len(equal) != 1:
        found = ", ".join(repr(text) for text in slices.names)
        raise ScoreError(
            "the cantus firmus must be named where it is not the one voice in equal long notes "
            f"that closes by a step down, got voices {found} (--cantus NAME)"
        )
    return equal[0]


def _named(slices: Slices, name: str) -> int:
    tracks = [slices.score.tracks[voice.track].name for voice in slices.voices]
    for names in (slices.names, tracks):
        rows = [row for row, text in enumerate(names) if text.lower() == name.lower()]
        if len(rows) == 1:
            return rows[0]
    known = ", ".join(repr(text) for text in slices.names)
    raise ScoreError(f"cantus must be one of the voices {known}, got {name!r}")


def _unit(slices: Slices, row: int) -> int | None:
    """Length of a voice's notes where all but the last one are equal and no rest lies between."""
    notes = slices.voices[row].notes
    if len(notes) < 2:
        return None
    lengths = np.diff(notes["onset"].astype(np.int64))
    unit = int(lengths[0])
    if (lengths != unit).any() or (notes["duration"][:-1] < (1 - DETACHED) * unit).any():
        return None
    return unit if notes["duration"][-1] >= (1 - DETACHED) * unit else None


def _closes_down(slices: Slices, row: int) -> bool:
    last: Sequence[int] = slices.voices[row].notes["pitch"][-2:].astype(int).tolist()
    final = slices.pitch[:, -1]
    lowest = int(final[final != REST].min())
    return last[0] - last[1] in (1, 2) and last[1] % 12 == lowest % 12
