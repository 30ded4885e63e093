"""What fillers hand back: notes of lines with what made them, and how the lines end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord
from hybrid.rules.parts import Voice


@dataclass(frozen=True)
class LineNote:
    """A note of a voice.

    Attributes
    ----------
    part, number : int
        Track and voice number in it.
    voice : str
        soprano, melody, bass ...
    onset, end : int
        Ticks.
    pitch, spelling : int
    maker : str
        What made it: ``theme a``, ``voicing V7``, ``passing``, ``suspension 4-3`` ...
    accent : int
        Metrical strength of its onset.
    probability : float or None
        With which it was drawn, where known.
    articulation : str
        One of the score's articulations, or empty.
    weight : float
        How loud beside the phrase's dynamics; 1 is as they are.
    """

    part: int
    number: int
    voice: str
    onset: int
    end: int
    pitch: int
    spelling: int
    maker: str
    accent: int = 0
    probability: float | None = None
    articulation: str = ""
    weight: float = 1.0


Tail = Mapping[tuple[int, int], tuple[int, int]]  # (part, number) to pitch and spelling
#: By part and number: the line that a strand of a broken chord sounds in, its pitch, spelling.
Strands = Mapping[tuple[int, int], tuple[tuple[int, int], int, int]]
Moves = Mapping[int, tuple[tuple[int, int], ...]]  # tick to the pitches that lines leave and reach


def line_moves(notes: Iterable[LineNote]) -> Moves:
    """By tick: from which pitch to which lines move there."""
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    lines: dict[tuple[int, int], list[LineNote]] = {}
    for note in notes:
        lines.setdefault((note.part, note.number), []).append(note)
    for line in lines.values():
        line.sort(key=lambda n: n.onset)
        for one, two in pairwise(line):
            if one.pitch != two.pitch:
                found[two.onset] = (*found.get(two.onset, ()), (one.pitch, two.pitch))
    return found


def last_notes(notes: Iterable[LineNote], end: int, silence: int = 480) -> Tail:
    """How lines end at a tick: those that have not been silent for longer than ``silence``."""
    tail: dict[tuple[int, int], tuple[int, int]] = {}
    for note in sorted(notes, key=lambda n: n.end):
        if note.end >= end - silence:
            tail[note.part, note.number] = (note.pitch, note.spelling)
    return tail


@dataclass(frozen=True)
class Filled:
    """A filled phrase.

    Attributes
    ----------
    placed : PlacedPhrase
    voices : tuple of Voice
    notes : tuple of LineNote
    tail : mapping
        Last sounding pitch and spelling of each (part, voice number).
    last_chord : Chord
    pause : bool
        Whether a pause (a fermata) ends the phrase.
    made_by : str
        How its melody came about.
    counts : mapping
        Search statistics.
    memory : object
        What a later phrase with the same theme may want to hear again; the filler's own.
    strands : mapping
        Last notes of strands that sound in turn in one line.
    """

    placed: PlacedPhrase
    voices: tuple[Voice, ...]
    notes: tuple[LineNote, ...]
    tail: Tail
    last_chord: Chord
    pause: bool
    made_by: str
    counts: Mapping[str, int] = field(default_factory=dict)
    memory: object = None
    strands: Strands = field(default_factory=dict)
