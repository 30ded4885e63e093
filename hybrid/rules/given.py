"""What is given around and inside a region: the lines that stay, and the notes beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.core.engine import Region
from hybrid.core.errors import PlanError
from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.core.score import TICKS_PER_QUARTER, Score, Track
from hybrid.rules.asked import Asked, Line
from hybrid.rules.chain import Stretch
from hybrid.rules.exact import Edge
from hybrid.rules.harmony import Chord, to_ticks
from hybrid.rules.lines import LineNote
from hybrid.rules.moments import GIVEN
from hybrid.rules.parts import PartTable, Voice
from hybrid.rules.patterns import LINEAR
from hybrid.rules.voicings import SILENT

SILENCE = 480  # ticks for which a pattern's line is still heard, or is not missed yet
Note = tuple[int, int, int, int]  # onset, end, pitch, spelling


def check_given(given: Score, table: PartTable) -> None:
    """Make sure that a score has the plan's tracks and ticks.

    Raises
    ------
    PlanError
    """
    if given.ticks_per_quarter != TICKS_PER_QUARTER:
        raise PlanError(
            f"given must have {TICKS_PER_QUARTER} ticks per quarter, got {given.ticks_per_quarter}"
        )
    names = [track.name for track in given.tracks]
    for part in table.parts:
        if names.count(part.name) != 1:
            raise PlanError(
                f"given must have one track {part.name!r} of the plan, "
                f"it has {', '.join(repr(name) for name in names)}"
            )


def writable_voices(region: Region, item: Stretch, table: PartTable) -> tuple[int, ...]:
    """Numbers of the voices of a phrase that a region has written anew.

    Strands of a broken chord that sound in one line are written anew together.

    Raises
    ------
    PlanError
        If it names none.
    """
    voices = item.voices
    names = {name.lower() for name in region.voices}
    found = tuple(
        column
        for column, voice in enumerate(voices)
        if not names
        or voice.name in names
        or table.parts[voice.part].name.lower() in names
        or (column == 0 and "melody" in names)
    )
    if not found:
        raise PlanError(
            f"region.voices must name voices or tracks of the plan, got {', '.join(region.voices)}"
        )
    shared = shared_strands(item)
    return tuple(sorted({*found, *shared})) if shared & set(found) else found


def shared_strands(item: Stretch) -> frozenset[int]:
    """Numbers of the voices that sound in one line, as strands of a broken chord."""
    if item.scheme is None or item.scheme.texture not in LINEAR:
        return frozenset()
    return frozenset(range(1, len(item.voices))) if item.scheme.is_linear else frozenset({1, 2})


def notes_of(
    given: Score, table: PartTable, voice: Voice, voices: Sequence[Voice]
) -> tuple[Note, ...]:
    """The notes of a voice in a score, one after the other, the highest one of a chord."""
    track = given.track(table.parts[voice.part].name)
    rows = track.notes[own_notes(track, voice, voices)]
    found: list[Note] = []
    for row in sorted(rows.tolist(), key=lambda r: (r[0], -r[2])):
        onset, duration, pitch, _, _, spelling = row
        if found and found[-1][0] == onset:
            continue
        if found and found[-1][1] > onset:
            found[-1] = (found[-1][0], onset, *found[-1][2:])
        if spelling == NO_SPELLING:
            key = given.key_at(onset) or Key(0)
            spelling = key.spell(pitch)
        found.append((onset, onset + duration, pitch, spelling))
    return tuple(found)


def own_notes(track: Track, voice: Voice, voices: Sequence[Voice]) -> NDArray[np.bool_]:
    """Which notes of a track are those of a voice."""
    alone = sum(other.part == voice.part for other in voices) == 1
    if alone:
        return np.ones(len(track.notes), dtype=bool)
    return np.asarray(track.notes["voice"] == voice.number)


def given_lines(
    given: Score, table: PartTable, item: Stretch, own: tuple[int, ...], low: int, high: int
) -> list[Asked]:
    """The lines of voices that stay, and of notes that last into the region."""
    start, end = to_ticks(item.placed.start), to_ticks(item.placed.end)
    start = 0 if item.placed.index == 0 else start
    start, end = max(low, start), min(high, end)
    lines = []
    for column, voice in enumerate(item.voices):
        notes = notes_of(given, table, voice, item.voices)
        if column in own:
            notes = tuple(note for note in notes if note[0] < low)
        row: list[Note] = []
        tick = start
        for onset, stop, pitch, spelling in notes:
            if stop <= start or onset >= end:
                continue
            if onset > tick:
                row.append((tick, onset, SILENT, SILENT))
            row.append((max(onset, start), min(stop, end), pitch, spelling))
            tick = min(stop, end)
        if tick < end and column not in own:
            row.append((tick, end, SILENT, SILENT))
        if row:
            lines.append(Line(column, tuple(row), given=True))
    return [Asked(GIVEN, lines=tuple(lines))]


def edge_at(
    given: Score,
    table: PartTable,
    item: Stretch,
    tick: int,
    stretches: Sequence[Stretch],
    at_end: bool,
) -> Edge | None:
    """The notes right before a tick, or those that begin or sound at it.

    Of strands that sound in turn in one line it is not known where they are.
    """
    voices, shared = item.voices, shared_strands(item)
    moment = tick - 1 if at_end else tick
    chord: Chord | None = None
    for other in stretches:
        for found in other.chords:
            if found.onset <= moment < found.end:
                chord = found
    if chord is None:
        return None
    pitches, spellings = [], []
    for column, voice in enumerate(voices):
        row = () if column in shared else notes_of(given, table, voice, voices)
        # Patterns rest between their strokes: there the nearest note is what is heard.
        reach = SILENCE if item.scheme is not None else 0
        start, end = (moment - reach, moment) if at_end else (moment, moment + reach)
        near = [n for n in row if n[0] <= end and start < n[1]]
        note = (near[-1] if at_end else near[0]) if near else None
        pitches.append(note[2] if note else SILENT)
        spellings.append(note[3] if note else SILENT)
    breaks = any(
        to_ticks(one.placed.end) == tick and one.pause and not one.upbeat for one in stretches
    )
    return Edge(np.array([pitches]), np.array([spellings]), chord, breaks, given=True)


def beside(
    given: Score, table: PartTable, item: Stretch, low: int, high: int
) -> tuple[tuple[LineNote, ...], tuple[LineNote, ...]]:
    """What each voice has last before a region, and first after it."""
    before, after = [], []
    for voice in item.voices:
        row = notes_of(given, table, voice, item.voices)
        notes = [LineNote(voice.part, voice.number, voice.name, *note, GIVEN) for note in row]
        before += [note for note in notes if note.onset < low][-1:]
        after += [note for note in notes if note.onset >= high][:1]
    return tuple(before), tuple(after)
