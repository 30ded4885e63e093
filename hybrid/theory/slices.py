"""Onset slices: what every voice has at each moment at which any note begins.

The arrays are (V, S): voices, highest first, by slices. A held note appears in every
slice that it sounds in; `Slices.attack` tells where it begins. (A "Salami slice" also
begins where a note ends; here an end alone makes none.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import COMMON_SPELLINGS, NO_SPELLING, Key
from hybrid.core.score import Score
from hybrid.core.timeline import Metre
from hybrid.theory.voices import Voice, find_voices

REST = -1


@dataclass(frozen=True, eq=False)
class Slices:
    """A score seen as a row of chords of V voices.

    Attributes
    ----------
    score : Score
    voices : tuple of Voice
        Highest first.
    tick : np.ndarray, shape (S,), int64
        Onset of every slice.
    end : np.ndarray, shape (S,), int64
        The next slice's onset; the piece's end for the last one.
    pitch : np.ndarray, shape (V, S), int64
        MIDI pitch, `REST` where the voice is silent.
    spelling : np.ndarray, shape (V, S), int64
        Tonal pitch class; guessed from the key where the note has none; `NO_SPELLING` at rests.
    attack : np.ndarray, shape (V, S), bool
        Whether the voice's note begins here.
    note : np.ndarray, shape (V, S), int64
        Index into the voice's notes, -1 at rests.
    """

    score: Score
    voices: tuple[Voice, ...]
    tick: NDArray[np.int64]
    end: NDArray[np.int64]
    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    attack: NDArray[np.bool_]
    note: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(voice.name for voice in self.voices)

    @property
    def n_voices(self) -> int:
        return len(self.voices)

    def __len__(self) -> int:
        return len(self.tick)

    @cached_property
    def bar_starts(self) -> NDArray[np.int64]:
        return np.array([bar.start for bar in self.score.bars], dtype=np.int64)

    @cached_property
    def accent(self) -> NDArray[np.int64]:
        """Metrical strength of each slice: 3 bar line, 2 strong beat, 1 beat, 0 between; (S,)."""
        bars = self.score.bars
        full, beat = np.array(
            [_bar_and_beat(bar.metre, self.score.ticks_per_quarter) for bar in bars]
        ).T
        # A pickup is the end of a bar whose start is missing.
        missing = np.array(
            [
                whole - (bar.end - bar.start) if bar.is_pickup else 0
                for bar, whole in zip(bars, full.tolist(), strict=True)
            ]
        )
        index = np.clip(np.searchsorted(self.bar_starts, self.tick, side="right") - 1, 0, None)
        position = self.tick - self.bar_starts[index] + missing[index]
        full, beat = full[index], beat[index]
        n_beats = full // beat
        is_half = (n_beats >= 4) & (n_beats % 2 == 0) & (2 * position == full)
        accents = np.where(position == 0, 3, np.where(is_half, 2, 1))
        accents[position % beat != 0] = 0
        return accents

    def place(self, tick: int) -> tuple[int, float]:
        """Bar number as printed, and beat (1 is the bar line), of a tick."""
        index = max(0, int(np.searchsorted(self.bar_starts, tick, side="right")) - 1)
        bar = self.score.bars[index]
        full = bar.metre.bar_ticks(self.score.ticks_per_quarter)
        position = tick - bar.start
        if bar.is_pickup:
            position += full - (bar.end - bar.start)
        return bar.number, round(1 + position * bar.metre.n_beats / full, 3)


@lru_cache(maxsize=256)
def _bar_and_beat(metre: Metre, ticks_per_quarter: int) -> tuple[int, int]:
    """Lengths of a whole bar and of a beat in ticks."""
    full = metre.bar_ticks(ticks_per_quarter)
    return full, full // metre.n_beats


def key_by_slice(score: Score, ticks: NDArray[np.int64]) -> list[Key | None]:
    """The key signature's key at each tick; None where none is set."""
    starts = np.array([item.tick for item in score.keys], dtype=np.int64)
    index = np.searchsorted(starts, ticks, side="right") - 1
    return [score.keys[i].key if i >= 0 else None for i in index.tolist()]


def slice_score(score: Score, names: Sequence[str] | None = None) -> Slices:
    """Cut a score into onset slices.

    Parameters
    ----------
    score : Score
    names : sequence of str, optional
        Voices to read, as in `find_voices`.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> upper = Track("upper", make_notes([(0, 480, 72), (480, 480, 71)]))
    >>> lower = Track("lower", make_notes([(0, 960, 60)]))
    >>> slice_score(Score((upper, lower))).pitch.tolist()
    [[72, 71], [60, 60]]
    """
    voices = find_voices(score, names)
    if not voices:
        empty = np.empty(0, dtype=np.int64)
        none = np.empty((0, 0), dtype=np.int64)
        return Slices(score, (), empty, empty, none, none, none.astype(bool), none)
    tick = np.unique(np.concatenate([voice.notes["onset"] for voice in voices]))
    end = np.append(tick[1:], max(score.length, int(tick[-1]) + 1))
    shape = (len(voices), len(tick))
    pitch = np.full(shape, REST, dtype=np.int64)
    spelling = np.full(shape, NO_SPELLING, dtype=np.int64)
    note = np.full(shape, -1, dtype=np.int64)
    attack = np.zeros(shape, dtype=bool)
    for row, voice in enumerate(voices):
        onsets = voice.notes["onset"]
        index = np.searchsorted(onsets, tick, side="right") - 1
        held = np.maximum(index, 0)
        sounds = (index >= 0) & (tick < onsets[held] + voice.notes["duration"][held])
        pitch[row, sounds] = voice.notes["pitch"][held[sounds]]
        spelling[row, sounds] = _spelled(score, voice)[held[sounds]]
        note[row, sounds] = held[sounds]
        attack[row] = sounds & (onsets[held] == tick)
    for array in (tick, end, pitch, spelling, attack, note):
        array.flags.writeable = False
    return Slices(score, voices, tick, end, pitch, spelling, attack, note)


def _spelled(score: Score, voice: Voice) -> NDArray[np.int64]:
    """Spellings of a voice's notes; the key, or the commonest name, where a note has none."""
    spelling = voice.notes["spelling"].astype(np.int64)
    missing = np.flatnonzero(spelling == NO_SPELLING)
    if len(missing):
        keys = key_by_slice(score, voice.notes["onset"][missing])
        for slot, key in zip(missing.tolist(), keys, strict=True):
            pitch = int(voice.notes["pitch"][slot])
            spelling[slot] = COMMON_SPELLINGS[pitch % 12] if key is None else key.spell(pitch)
    return spelling
