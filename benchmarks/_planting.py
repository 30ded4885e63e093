"""Mistakes planted in chorales: edits of notes, and short passages set in place of Bach's.

A piece is four lists of notes (`benchmarks._plain_rules.Note`) with its chord labels. Every
edit gives a new piece and the ticks it touched. Nothing here comes from ``hybrid.theory``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from benchmarks._plain_rules import Note, Plain
from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, letter_and_alteration, parse_pitch, spelling_of
from hybrid.core.score import Articulation, Score, Track, make_notes

Voices = tuple[tuple[Note, ...], ...]
NAMES = ("soprano", "alto", "tenor", "bass")


@dataclass(frozen=True, eq=False)
class Piece:
    """A chorale that can be edited.

    ``fermatas`` are ticks of soprano notes under a fermata.
    """

    name: str
    score: Score
    voices: Voices
    beats: frozenset[int]
    chords: tuple[ChordSpan, ...]
    fermatas: tuple[int, ...] = ()

    @classmethod
    def of(cls, name: str, score: Score, chords: Sequence[ChordSpan]) -> Piece:
        plain = Plain.of(score)
        return cls(name, score, plain.voices, plain.beats, tuple(chords))

    def to_score(self) -> Score:
        """The piece as a score for the checker."""
        tracks = []
        for track, notes in zip(self.score.tracks, self.voices, strict=True):
            rows = [(n.on, n.end - n.on, n.pitch, 80, 1, n.tone) for n in notes]
            marks = [Articulation(n.on, n.pitch, "fermata") for n in notes if n.on in self.fermatas]
            tracks.append(
                Track(
                    track.name,
                    make_notes(rows),
                    program=track.program,
                    articulations=tuple(marks) if track.name == NAMES[0] else (),
                )
            )
        return replace(self.score, tracks=tuple(tracks))

    @cached_property
    def plain(self) -> Plain:
        """What the plain rules read."""
        return Plain(self.voices, self.beats, self.score.ticks_per_quarter)

    def with_notes(self, changes: Mapping[tuple[int, int], tuple[int, int]]) -> Piece:
        """Other pitches and tones for notes, by voice and index."""
        voices = [list(notes) for notes in self.voices]
        for (voice, index), (pitch, tone) in changes.items():
            voices[voice][index] = voices[voice][index]._replace(pitch=pitch, tone=tone)
        return replace(self, voices=tuple(tuple(notes) for notes in voices))


class Edit(NamedTuple):
    """A piece with something wrong in it, and first and last tick that were touched."""

    piece: Piece
    start: int
    end: int


# --- Edits at random -----------------------------------------------------------------------


def spell(piece: Piece, tick: int, pitch: int) -> int:
    """Tone of a pitch in the key of the signature."""
    return (piece.score.key_at(tick) or Key.parse("C")).spell(pitch)


def step(piece: Piece, note: Note, steps: int) -> tuple[int, int]:
    """Pitch and tone of the note's neighbour in the scale of the signature."""
    key = piece.score.key_at(note.on) or Key.parse("C")
    alteration = dict(letter_and_alteration(tone) for tone in key.scale)
    letters = "CDEFGAB"
    letter, own = letter_and_alteration(note.tone)
    place = letters.index(letter) + steps
    new = letters[place % 7]
    plain = (0, 2, 4, 5, 7, 9, 11)
    octave = (note.pitch - own) // 12 + place // 7
    pitch = 12 * octave + plain[place % 7] + alteration[new]
    return pitch, spelling_of(new, alteration[new])


def bars_of(piece: Piece, voice: int) -> list[list[int]]:
    """Indices of the notes of each bar that no note of the voice enters or leaves held."""
    found = []
    for bar in piece.score.bars:
        inside = [i for i, n in enumerate(piece.voices[voice]) if bar.start <= n.on < bar.end]
        notes = [piece.voices[voice][i] for i in inside]
        if notes and notes[0].on == bar.start and notes[-1].end <= bar.end:
            found.append(inside)
    return found


def transplant(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Edit | None:
    """A voice's bar takes the notes of another chorale's bar of the same length."""
    voice = int(rng.integers(4))
    other = others[int(rng.integers(len(others)))]
    mine, theirs = bars_of(piece, voice), bars_of(other, voice)
    if not mine or not theirs or other is piece:
        return None
    old = mine[int(rng.integers(len(mine)))]
    new = theirs[int(rng.integers(len(theirs)))]
    notes, given = piece.voices[voice], other.voices[voice]
    start, end = notes[old[0]].on, notes[old[-1]].end
    first = given[new[0]].on
    if given[new[-1]].end - first != end - start:
        return None
    moved = [
        n._replace(on=n.on - first + start, end=n.end - first + start)
        for n in (given[i] for i in new)
    ]
    line = (*notes[: old[0]], *moved, *notes[old[-1] + 1 :])
    voices = tuple(line if v == voice else piece.voices[v] for v in range(4))
    return Edit(replace(piece, voices=voices), start, end)


def shift(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Edit | None:
    """A voice's bar goes up or down by a step or an octave."""
    voice = int(rng.integers(4))
    bars = bars_of(piece, voice)
    if not bars:
        return None
    inside = bars[int(rng.integers(len(bars)))]
    steps = (-7, -1, 1, 7)[int(rng.integers(4))]
    notes = piece.voices[voice]
    changes = {
        (voice, i): (notes[i].pitch + 12 * (steps // 7), notes[i].tone)
        if abs(steps) == 7
        else step(piece, notes[i], steps)
        for i in inside
    }
    return Edit(piece.with_notes(changes), notes[inside[0]].on, notes[inside[-1]].end)


def swap(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Edit | None:
    """Two notes in a row change places, or the notes of two voices that begin together."""
    voice = int(rng.integers(4))
    notes = piece.voices[voice]
    index = int(rng.integers(1, len(notes)))
    if rng.random() < 0.5:
        pair = (voice, index - 1), (voice, index)
    else:
        other = int(rng.integers(4))
        same = [i for i, n in enumerate(piece.voices[other]) if n.on == notes[index].on]
        if other == voice or not same:
            return None
        pair = (voice, index), (other, same[0])
    first, second = (piece.voices[v][i] for v, i in pair)
    if first.pitch == second.pitch:
        return None
    changes = {pair[0]: (second.pitch, second.tone), pair[1]: (first.pitch, first.tone)}
    ends = max(first.end, second.end)
    return Edit(piece.with_notes(changes), min(first.on, second.on), ends)


RANDOM_EDITS = {"transplant a bar": transplant, "shift a bar": shift, "swap two notes": swap}


# --- Passages in place of Bach's -----------------------------------------------------------


class Passage(NamedTuple):
    """A few beats in four parts that break one rule of harmony.

    ``voices`` and ``chords`` are written in C major or A minor, a quarter where no length
    stands (``C5:1/2``), a half note at the end; ``at`` is the quarter of the finding, from 0.
    ``starts`` is the beat of the bar it has to begin on (0 is the bar line), None for any;
    ``is_last`` puts it at the end of the piece.
    """

    rule: str
    voices: tuple[str, str, str, str]
    chords: str
    at: float
    key: str = "C"
    starts: int | None = None
    is_last: bool = False


def lengths(text: str) -> Iterator[tuple[str, Fraction]]:
    """``C5 B4:1/2`` to names and quarters."""
    for word in text.split():
        name, _, length = word.partition(":")
        yield name, Fraction(length or "1")


def insert(piece: Piece, passage: Passage, rng: np.random.Generator) -> Edit | None:
    """The passage in the local key of a place; what it covers, notes and labels, goes."""
    quarter = piece.score.ticks_per_quarter
    total = int(sum(length for _, length in lengths(passage.chords)) * quarter)
    ends = [n[-1].end for n in piece.voices]
    starts = [
        tick
        for tick in sorted({note.on for notes in piece.voices for note in notes})
        if _fits(piece, passage, tick, total, min(ends))
    ]
    if not starts:
        return None
    start = starts[int(rng.integers(len(starts)))]
    key = next(c.key for c in piece.chords if c.onset <= start < c.end)
    home = Key.parse("C" if passage.key == "C" else "a")
    tones = key.tonic - home.tonic
    semitones = (7 * tones + 5) % 12 - 5  # the nearer way
    end = start + total
    voices = []
    for notes, text in zip(piece.voices, passage.voices, strict=True):
        before = [n._replace(end=min(n.end, start)) for n in notes if n.on < start]
        after = [n for n in notes if n.on >= end]
        new, tick = [], start
        for name, length in lengths(text):
            ticks = int(length * quarter)
            pitch, tone = parse_pitch(name)
            new.append(Note(tick, tick + ticks, pitch + semitones, tone + tones))
            tick += ticks
        voices.append((*before, *new, *after))
    chords, tick = [], start
    for name, length in lengths(passage.chords):
        numeral = RomanNumeral.parse(name)
        ticks = int(length * quarter)
        chords.append(
            ChordSpan(
                tick,
                tick + ticks,
                name,
                key,
                numeral.degree,
                numeral.quality(key),
                numeral.inversion,
                numeral.root(key),
            )
        )
        tick += ticks
    kept = [replace(c, end=min(c.end, start)) for c in piece.chords if c.onset < start] + [
        replace(c, onset=max(c.onset, end)) for c in piece.chords if c.end > end
    ]
    spans = sorted([*kept, *chords], key=lambda c: c.onset)
    return Edit(replace(piece, voices=tuple(voices), chords=tuple(spans)), start, end)


def _fits(piece: Piece, passage: Passage, tick: int, total: int, end: int) -> bool:
    """Whether a passage may begin at a tick: on a beat, in a key of its mode, inside the piece."""
    quarter = piece.score.ticks_per_quarter
    bar = next((b for b in piece.score.bars if b.start <= tick < b.end), None)
    chord = next((c for c in piece.chords if c.onset <= tick < c.end), None)
    if bar is None or chord is None or bar.is_pickup or bar.metre.n_beats != 4:
        return False
    if (tick - bar.start) % quarter or tick + total > end:
        return False
    if passage.starts is not None and tick - bar.start != passage.starts * quarter:
        return False
    if passage.is_last != (tick + total == end):
        return False
    # No note may stick out at the end of the passage.
    if any(n.on < tick + total < n.end for notes in piece.voices for n in notes):
        return False
    return chord.key.mode == ("major" if passage.key == "C" else "minor")
