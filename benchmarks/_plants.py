"""What is planted on purpose: for each rule of the chorale, notes or a passage that break it.

`PROPOSALS` are for rules with a plain definition, which says of each proposal whether it broke
the rule; `PASSAGES` break one rule of harmony by the way they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks._planting import Edit, Passage, Piece, spell
from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import parse_pitch

Changes = dict[tuple[int, int], tuple[int, int]]


def _pairs(piece: Piece, upper: int, lower: int) -> list[tuple[int, int]]:
    """Indices of notes of two voices that begin together, as those before and after them do."""
    found = []
    starts = {note.on: index for index, note in enumerate(piece.voices[lower])}
    for index, note in enumerate(piece.voices[upper][2:-2], start=2):
        other = starts.get(note.on)
        if other is None or not 1 < other < len(piece.voices[lower]) - 2:
            continue
        if piece.voices[upper][index - 1].on == piece.voices[lower][other - 1].on:
            found.append((index, other))
    return found


def two_intervals(
    upper: int, lower: int, first: int, second: int, up: int | None = None, low: int | None = None
) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """Two voices get an interval and then another; their steps too, where these are given."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        pairs = _pairs(piece, upper, lower)
        if not pairs:
            return None
        index, other = pairs[int(rng.integers(len(pairs)))]
        line = piece.voices[lower]
        base = line[other - 1].pitch
        # Where no step of the lower voice is asked for, Bach's own stays.
        step = line[other].pitch - base if low is None else low
        goal = base + first + up if up is not None else base + step + second
        changes = {
            (lower, other): base + step,
            (upper, index - 1): base + first,
            (upper, index): goal,
        }
        return _edited(piece, changes)

    return plant


def _edited(piece: Piece, pitches: dict[tuple[int, int], int]) -> Edit | None:
    notes = {where: piece.voices[where[0]][where[1]] for where in pitches}
    if not all(36 <= pitch <= 88 for pitch in pitches.values()):
        return None
    changes: Changes = {
        where: (pitch, spell(piece, notes[where].on, pitch)) for where, pitch in pitches.items()
    }
    start = min(note.on for note in notes.values())
    return Edit(piece.with_notes(changes), start, max(note.end for note in notes.values()))


def line(
    voice: int, *steps: int, tones: Sequence[str] = ()
) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """A voice goes on from one of its notes by the steps; or has the tones in a row."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        size = len(tones) or len(steps)
        index = int(rng.integers(2, max(3, len(notes) - size - 2)))
        if index + size >= len(notes):
            return None
        if not tones:
            pitches = (notes[index - 1].pitch + np.cumsum(steps)).tolist()
            return _edited(piece, {(voice, index + i): p for i, p in enumerate(pitches)})
        changes: Changes = {}
        for place, name in enumerate(tones):
            pitch, tone = parse_pitch(name)
            changes[voice, index + place] = pitch, tone
        return Edit(piece.with_notes(changes), notes[index].on, notes[index + size - 1].end)

    return plant


def height(voice: int, other: int | None, above: int) -> Callable[..., Edit | None]:
    """A note of a voice at a distance from another voice's, or at a pitch."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        index = int(rng.integers(2, len(notes) - 2))
        base = 0
        if other is not None:
            sounding = piece.plain.at(other, notes[index].on)
            if sounding is None:
                return None
            base = sounding.pitch
        return _edited(piece, {(voice, index): base + above})

    return plant


def row(voice: int, n_notes: int) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """A voice has one pitch for a number of notes."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        if len(notes) < n_notes + 4:
            return None
        index = int(rng.integers(2, len(notes) - n_notes - 1))
        pitch = notes[index].pitch
        return _edited(piece, {(voice, index + i): pitch for i in range(n_notes)})

    return plant


def chord_tone(place: int) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """Two voices get the same member of a chord where it begins (1 is the third)."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        chord = piece.chords[int(rng.integers(1, len(piece.chords) - 1))]
        try:
            tones = RomanNumeral.parse(chord.numeral).tones(chord.key)
        except PlanError:
            return None
        if len(tones) <= place:
            return None
        pitches: dict[tuple[int, int], int] = {}
        for voice in rng.permutation(4)[:2].tolist():
            starts = [i for i, n in enumerate(piece.voices[voice]) if n.on == chord.onset]
            if not starts:
                return None
            old = piece.voices[voice][starts[0]].pitch
            tone = 7 * tones[place] % 12
            pitches[voice, starts[0]] = old + (tone - old + 6) % 12 - 6
        return _edited(piece, pitches)

    return plant


#: Proposals for each plain rule; one is kept where the plain rules say that it breaks the rule.
PROPOSALS: dict[str, Callable[[Piece, np.random.Generator], Edit | None]] = {
    "range": height(0, None, 83),
    "spacing": height(0, 1, 14),
    "spacing_bass": height(3, 2, -21),
    "crossing": height(1, 0, 3),
    "overlap": two_intervals(1, 2, 3, 4, low=5),
    "parallel_fifths": two_intervals(1, 3, 19, 19),
    "parallel_octaves": two_intervals(2, 3, 12, 12),
    "parallel_unisons": two_intervals(1, 2, 0, 0, low=2),
    "contrary_fifths": two_intervals(1, 3, 7, 19, low=-5),
    "contrary_octaves": two_intervals(2, 3, 12, 24, low=-5),
    "direct_fifths": two_intervals(0, 3, 16, 19, low=2),
    "direct_octaves": two_intervals(0, 3, 21, 24, low=2),
    "direct_unison": two_intervals(1, 2, 3, 0, low=5),
    "unequal_fifths": two_intervals(1, 3, 6, 7, low=1),
    "hidden_parallels": two_intervals(1, 2, 7, -7, low=9),
    "beat_parallels": two_intervals(0, 3, 19, 19),
    "cross_relation": height(1, None, 66),
    "augmented_second": line(1, tones=("F4", "G#4")),
    "augmented_leap": line(0, tones=("C5", "G#5")),
    "tritone_leap": line(1, 6),
    "seventh_leap": line(1, -10),
    "wide_leap": line(1, 14),
    "diminished_leap": line(0, tones=("F5", "B4", "G4")),
    "large_leap_recovery": line(0, 9, 2),
    "consecutive_leaps": line(0, 5, 5),
    "inner_leap": line(2, 9),
    "repeated_notes": row(2, 8),
    "static_voice": row(2, 12),
    "doubled_leading_tone": chord_tone(1),
    "doubled_seventh": chord_tone(3),
    "missing_third": chord_tone(0),
    "incomplete_chord": chord_tone(1),
}


#: Passages that break one rule of harmony each, in C major or A minor.
PASSAGES = (
    Passage("unresolved_leading_tone", ("B4 G4:2", "D4 E4:2", "G3 C4:2", "G3 C3:2"), "V I:2", 1),
    Passage(
        "unresolved_leading_tone",
        ("G#4 E4:2", "D4 E4:2", "B3 C4:2", "E3 A2:2"),
        "V7 i:2",
        1,
        key="a",
    ),
    Passage("frustrated_leading_tone", ("D5 C5:2", "B4 G4:2", "G4 E4:2", "G3 C3:2"), "V I:2", 1),
    Passage("unresolved_seventh", ("F5 G5:2", "B4 C5:2", "D4 E4:2", "G3 C3:2"), "V7 I:2", 1),
    Passage("unresolved_seventh", ("C5 E5:2", "A4 G4:2", "F4 D4:2", "D3 G3:2"), "ii7 V:2", 1),
    Passage("rising_seventh", ("F5 G5:2", "B4 C5:2", "G4 G4:2", "D3 E3:2"), "V43 I6:2", 1),
    Passage("doubled_altered_tone", ("F#5 G5:2", "A4 B4:2", "F#4 G4:2", "D3 G3:2"), "II V:2", 0),
    Passage("doubled_third", ("E5 D5:2", "G4 G4:2", "E4 D4:2", "C3 B2:2"), "I V6:2", 0),
    Passage("six_four", ("D5 C5 C5", "A4 G4 A4", "F4 E4 F4", "D3 G3 F3"), "ii I64 IV", 1),
    Passage(
        "six_four_resolution",
        ("E5 G5:2 B5", "C5 B4:3", "G4 D4:3", "G3 G3:3"),
        "Cad64 V:3",
        1,
    ),
    Passage("unprepared_dissonance", ("C5 F5 C5", "E4:3", "G3:3", "C3:3"), "I:3", 1),
    Passage("unresolved_suspension", ("C5:2 G4 D4", "A4 G4:3", "F4 D4:3", "F3 G3:3"), "IV V:3", 2),
    Passage(
        "diminished_root_position", ("F4 E4:2", "D4 C4:2", "B3 C4:2", "B2 C3:2"), "viio I:2", 0
    ),
    Passage(
        "harmonic_syncopation",
        ("C5 B4 C5 C5", "E4 D4 F4 F4", "G3 G3 A3 A3", "C3 G3 F3 F3"),
        "I V IV IV",
        3,
        starts=1,
    ),
    Passage("retrogression", ("B4 C5:2", "G4 A4:2", "D4 F4:2", "G3 F3:2"), "V IV:2", 1),
    Passage("final_chord", ("C5 B4", "G4 G4", "E4 D4", "C3 G3"), "I V", 1, is_last=True),
)
