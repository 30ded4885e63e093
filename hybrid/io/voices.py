"""Notes of a track to voices: rows of chords, one after another.

Voices that the score names are kept. Notes without one are put into as few voices as their
overlaps need, each note near the last one of its voice. A keyboard part whose notes lie far
apart gets two staves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hybrid.core.score import Score, Track

#: Programs of instruments that are written on two staves: pianos, celesta, organs, harp.
KEYBOARDS = frozenset((*range(0, 9), 15, *range(16, 21), 46))
MIDDLE_C = 60
FIRST_VOICE_OF_LOWER_STAFF = 5


@dataclass(frozen=True)
class Chord:
    """Notes that begin and end together: ticks, and their indices in the track, low to high."""

    start: int
    end: int
    notes: tuple[int, ...]
    low: int
    high: int


@dataclass
class Voice:
    """A row of chords on one staff (1 or 2)."""

    number: int
    staff: int
    chords: list[Chord] = field(default_factory=list)
    is_named: bool = False


def has_two_staves(track: Track) -> bool:
    """Whether a part is written as a grand staff."""
    if track.is_drum or track.clef or not len(track.notes):
        return False
    if (track.notes["voice"] >= FIRST_VOICE_OF_LOWER_STAFF).any():
        return True
    if track.program not in KEYBOARDS:
        return False
    pitches = track.notes["pitch"]
    return bool((pitches < 55).mean() > 0.04 and (pitches > 64).mean() > 0.04)


def separate(track: Track) -> list[Voice]:
    """The voices of a track, staff by staff, upper ones first.

    No chord of a voice begins before the one before it has ended.
    """
    notes = track.notes
    groups: dict[int, list[int]] = defaultdict(list)
    for index, voice in enumerate(notes["voice"].tolist()):
        groups[voice].append(index)
    two = has_two_staves(track)
    upper: list[Voice] = []
    lower: list[Voice] = []
    for number in sorted(groups):
        indices = groups[number]
        if number == 0:
            parts = hands(track, indices) if two else (indices, [])
            for hand, voices in zip(parts, (upper, lower), strict=True):
                voices += [Voice(0, 1, chords) for chords in _pack(_chords(track, hand))]
            continue
        rows = _pack(_chords(track, indices))
        is_low = two and _is_low(track, indices, number)
        for row, chords in enumerate(rows):
            voice = Voice(number if row == 0 else 0, 1, chords, is_named=row == 0)
            (lower if is_low else upper).append(voice)
    for voices, staff in ((upper, 1), (lower, 2)):
        for voice in voices:
            voice.staff = staff
    _number(upper, lower)
    return [*upper, *lower]


def _is_low(track: Track, indices: list[int], number: int) -> bool:
    if (track.notes["voice"] >= FIRST_VOICE_OF_LOWER_STAFF).any():
        return number >= FIRST_VOICE_OF_LOWER_STAFF
    return float(track.notes["pitch"][indices].mean()) < MIDDLE_C


def _chords(track: Track, indices: list[int]) -> list[Chord]:
    """Notes with the same onset and end as chords, in order of onset, higher ones first."""
    notes = track.notes
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    onsets, lengths = notes["onset"].tolist(), notes["duration"].tolist()
    pitches = notes["pitch"].tolist()
    for index in indices:
        found[onsets[index], onsets[index] + lengths[index]].append(index)
    chords = []
    for (start, end), members in found.items():
        members.sort(key=lambda index: pitches[index])
        # Unisons of one voice are two note heads of one chord only if they differ.
        unique: list[list[int]] = []
        for index in members:
            for row in unique:
                if pitches[row[-1]] != pitches[index]:
                    row.append(index)
                    break
            else:
                unique.append([index])
        chords += [
            Chord(start, end, tuple(row), pitches[row[0]], pitches[row[-1]]) for row in unique
        ]
    return sorted(chords, key=lambda chord: (chord.start, -chord.high, -chord.end))


def _pack(chords: list[Chord]) -> list[list[Chord]]:
    """Chords in as few rows as their overlaps need, highest row first."""
    rows: list[list[Chord]] = []
    for chord in chords:
        free = [row for row in rows if row[-1].end <= chord.start]
        if free:
            centre = chord.low + chord.high
            best = min(free, key=lambda row: abs(row[-1].low + row[-1].high - centre))
            best.append(chord)
        else:
            rows.append([chord])

    def mean_pitch(row: list[Chord]) -> float:
        return sum(chord.high + chord.low for chord in row) / len(row)

    return sorted(rows, key=mean_pitch, reverse=True)


def hands(track: Track, indices: list[int]) -> tuple[list[int], list[int]]:
    """Notes of the right and of the left hand.

    Notes that begin together stay in one hand if they span less than an octave and the
    larger part lies on its side of middle C; otherwise middle C divides them.
    """
    notes = track.notes
    by_onset: dict[int, list[int]] = defaultdict(list)
    for index in indices:
        by_onset[int(notes["onset"][index])].append(index)
    right: list[int] = []
    left: list[int] = []
    for members in by_onset.values():
        pitches = [int(notes["pitch"][index]) for index in members]
        if max(pitches) - min(pitches) < 12:
            side = right if sum(pitches) / len(pitches) >= MIDDLE_C else left
            side += members
            continue
        for index, pitch in zip(members, pitches, strict=True):
            (right if pitch >= MIDDLE_C else left).append(index)
    return right, left


def _number(upper: list[Voice], lower: list[Voice]) -> None:
    """Numbers for voices that have none: 1 to 4 above, from 5 on below, skipping taken ones."""
    taken = {voice.number for voice in (*upper, *lower) if voice.number}
    for voices, first in ((upper, 1), (lower, FIRST_VOICE_OF_LOWER_STAFF)):
        number = first
        for voice in voices:
            if voice.number:
                continue
            while number in taken:
                number += 1
            voice.number = number
            taken.add(number)


def clef_of(track: Track, pitches: list[int]) -> str:
    """The clef for a staff: the track's own, the instrument's, or by the middle of its notes.

    Examples
    --------
    >>> from hybrid.core.score import Track, make_notes
    >>> clef_of(Track("x", make_notes([(0, 480, 40)]), program=56), [40])
    'bass'
    """
    if track.is_drum:
        return "percussion"
    if track.clef:
        return track.clef
    ordered = sorted(pitches)
    middle = ordered[len(ordered) // 2] if ordered else MIDDLE_C
    if track.program == 41 and 50 <= middle <= 72:
        return "alto"
    if 24 <= track.program <= 31:
        return "treble8vb"
    if track.name.lower() == "tenor" and middle < 64:
        return "treble8vb"
    return "treble" if middle >= MIDDLE_C - 1 else "bass"


def spelling_of_track(score: Score, track: Track) -> list[int]:
    """The tonal pitch class of each note: its own, else the likeliest in the key signature."""
    from hybrid.core.pitch import NO_SPELLING, Key

    plain = Key(0)
    spelled = []
    for onset, pitch, spelling in zip(
        track.notes["onset"].tolist(),
        track.notes["pitch"].tolist(),
        track.notes["spelling"].tolist(),
        strict=True,
    ):
        if spelling != NO_SPELLING:
            spelled.append(spelling)
        else:
            spelled.append((score.key_at(onset) or plain).spell(pitch))
    return spelled
