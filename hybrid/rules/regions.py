"""Writing anew a part of a score: some bars, some voices; the rest stays as it is.

What stays is read as lines that are given: they are not judged among themselves, but what is
new keeps the rules against them, and joins what stands right before and right after. A note
that begins before the region and lasts into it stays as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hybrid.core.engine import Region
from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.pitch import NO_SPELLING, Key, pitch_name
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase
from hybrid.core.score import NOTE_DTYPE, TICKS_PER_QUARTER, Articulation, Score, Track
from hybrid.core.seeds import stage_rng
from hybrid.core.trace import Trace, TraceEntry
from hybrid.rules.assemble import velocity
from hybrid.rules.conflicts import check_harmony
from hybrid.rules.constrained import Chain, Stretch
from hybrid.rules.constraints import HARMONIC, Asked, Line, ask, bar_start, check_values
from hybrid.rules.exact import Edge
from hybrid.rules.harmony import Chord, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote
from hybrid.rules.moments import GIVEN
from hybrid.rules.parts import PartTable, Voice
from hybrid.rules.phrases import Context
from hybrid.rules.themes import invent
from hybrid.rules.voicings import SILENT

Note = tuple[int, int, int, int]  # onset, end, pitch, spelling


def fill_region(
    plan: FormPlan,
    seed: int,
    demands: Sequence[Constraint],
    given: Score,
    region: Region,
    stretches: Sequence[Stretch],
    table: PartTable,
    textures: Sequence[str],
) -> tuple[Score, Trace]:
    """Notes for the region; everything else of ``given`` as it is.

    Raises
    ------
    PlanError
        If the region lies outside the plan, names no voice of it, ``given`` has not the plan's
        tracks and ticks, or the texture there is not written in parts.
    ConflictError
        If nothing fits.
    """
    if region.last_bar > plan.n_bars:
        raise PlanError(
            f"region must lie within the plan's {plan.n_bars} bars, "
            f"got {region.first_bar}-{region.last_bar}"
        )
    check_values(demands, plan, table)
    check_harmony(plan, demands)
    placed = [item.placed for item in stretches]
    low, high = bar_start(placed, region.first_bar), bar_start(placed, region.last_bar + 1)
    if region.first_bar == 1:
        low = 0
    inside = [
        item
        for item in stretches
        if item.placed.first_bar <= region.last_bar and region.first_bar <= item.placed.last_bar
    ]
    for item in inside:
        if item.placed.shared.texture not in textures:
            raise PlanError(
                f"region can be written anew in {' and '.join(textures)} only, got the texture "
                f"{item.placed.shared.texture!r} in bars {item.placed.first_bar}-"
                f"{item.placed.last_bar}"
            )
    _check_given(given, table)
    asked: list[Asked] = []
    writable: dict[int, tuple[int, ...]] = {}
    for item in inside:
        own = _writable(region, item.voices, table)
        writable[item.placed.index] = own
        asked += _given_lines(given, table, item, own, low, high)
        for demand in demands:
            if demand.kind not in HARMONIC:
                found = only(ask(demand, plan, item.placed, item.voices, table), own)
                asked.append(_unless_reached(found, given, table, item, low, high))
    first, last = inside[0], inside[-1]
    before = _edge(given, table, first.voices, low, stretches, at_end=True)
    after = _edge(given, table, last.voices, high, stretches, at_end=False)
    silent = frozenset(item.placed.index for item in inside if 0 not in writable[item.placed.index])
    chain = Chain(plan, inside, asked, (low, high), before, after, silent)
    chain.settle()
    made = _write(chain, inside, seed, before)
    rows = [
        (item, note)
        for item, notes in made
        for note in notes
        if GIVEN not in note.maker and _column(item.voices, note) in writable[item.placed.index]
    ]
    score = _joined(given, table, inside, writable, rows, (low, high))
    return score, _trace(table, region, rows, low, chain.dropped)


def only(asked: Asked, voices: Sequence[int]) -> Asked:
    """What a constraint asks of some voices."""
    kept = set(voices)
    return replace(
        asked,
        masks=tuple(m for m in asked.masks if m.voice in kept),
        lines=tuple(m for m in asked.lines if m.voice in kept),
        moves=tuple(m for m in asked.moves if m.voice in kept),
        onsets=tuple(m for m in asked.onsets if m.voice in kept),
        counts=tuple(m for m in asked.counts if kept & set(m.voices)),
        reaches=tuple(m for m in asked.reaches if kept & set(m.voices)),
        consonant=tuple(
            replace(m, voices=tuple(v for v in m.voices if v in kept)) for m in asked.consonant
        ),
        no_parallels=tuple(m for m in asked.no_parallels if kept & set(m.voices)),
    )


def _unless_reached(
    asked: Asked, given: Score, table: PartTable, item: Stretch, low: int, high: int
) -> Asked:
    """A highest note that the rest of the score has already need not be reached again."""
    source = asked.source
    if not asked.reaches or source is None:
        return asked
    wanted = asked.reaches[0].pitch
    for column in asked.reaches[0].voices:
        for onset, _, pitch, _ in notes_of(given, table, item.voices[column], item.voices):
            if pitch == wanted and not low <= onset < high:
                return replace(asked, reaches=())
    return asked


def _check_given(given: Score, table: PartTable) -> None:
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


def _writable(region: Region, voices: Sequence[Voice], table: PartTable) -> tuple[int, ...]:
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
    return found


def notes_of(
    given: Score, table: PartTable, voice: Voice, voices: Sequence[Voice]
) -> tuple[Note, ...]:
    """The notes of a voice in a score, one after the other, the highest one of a chord."""
    track = given.track(table.parts[voice.part].name)
    rows = track.notes[_own(track, voice, voices)]
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


def _own(track: Track, voice: Voice, voices: Sequence[Voice]) -> np.ndarray:
    alone = sum(other.part == voice.part for other in voices) == 1
    if alone:
        return np.ones(len(track.notes), dtype=bool)
    return np.asarray(track.notes["voice"] == voice.number)


def _given_lines(
    given: Score, table: PartTable, item: Stretch, own: tuple[int, ...], low: int, high: int
) -> list[Asked]:
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


def _edge(
    given: Score,
    table: PartTable,
    voices: Sequence[Voice],
    tick: int,
    stretches: Sequence[Stretch],
    at_end: bool,
) -> Edge | None:
    """The notes right before a tick, or those that begin or sound at it."""
    moment = tick - 1 if at_end else tick
    chord: Chord | None = None
    for item in stretches:
        for found in item.chords:
            if found.onset <= moment < found.end:
                chord = found
    if chord is None:
        return None
    pitches, spellings = [], []
    for voice in voices:
        note = next(
            (n for n in notes_of(given, table, voice, voices) if n[0] <= moment < n[1]), None
        )
        pitches.append(note[2] if note else SILENT)
        spellings.append(note[3] if note else SILENT)
    breaks = any(
        to_ticks(item.placed.end) == tick and item.pause and not item.upbeat for item in stretches
    )
    return Edge(np.array([pitches]), np.array([spellings]), chord, breaks, given=True)


def _write(
    chain: Chain, inside: Sequence[Stretch], seed: int, before: Edge | None
) -> list[tuple[Stretch, tuple[LineNote, ...]]]:
    made = []
    edge, code = before, 0
    for number, item in enumerate(inside):
        placed = item.placed
        names = ("region", placed.index)
        shape, _, _ = invent(
            placed,
            item.chords,
            stage_rng(seed, "rules", *names, "theme"),
            (),
            frozenset(),
            item.upbeat,
        )
        streams = (
            stage_rng(seed, "rules", *names, "melody"),
            stage_rng(seed, "rules", *names, "voicing"),
            stage_rng(seed, "rules", *names, "figures"),
        )
        context = Context(item.voices, None, None, False, item.pause, item.upbeat)
        if edge is not None:
            tail = {
                (voice.part, voice.number): (int(edge.pitch[0, v]), int(edge.spelling[0, v]))
                for v, voice in enumerate(item.voices)
            }
            context = replace(context, tail=tail, last_chord=edge.chord, after_pause=edge.breaks)
        try:
            filled, _, code = chain.fill(number, shape, None, None, context, code, streams, edge)
        except Blocked as error:
            where = f"chords of bars {placed.first_bar}-{placed.last_bar}"
            raise ConflictError(f"the {where} cannot be joined to given", (where,)) from error
        rows = [filled.tail[voice.part, voice.number] for voice in item.voices]
        edge = Edge(
            np.array([[row[0] for row in rows]]),
            np.array([[row[1] for row in rows]]),
            filled.last_chord,
            filled.pause,
        )
        made.append((item, filled.notes))
    return made


def _column(voices: Sequence[Voice], note: LineNote) -> int:
    return next(
        column
        for column, voice in enumerate(voices)
        if (voice.part, voice.number) == (note.part, note.number)
    )


def _joined(
    given: Score,
    table: PartTable,
    inside: Sequence[Stretch],
    writable: dict[int, tuple[int, ...]],
    rows: Sequence[tuple[Stretch, LineNote]],
    span: tuple[int, int],
) -> Score:
    """The given score with the region's notes in place of what began in it."""
    numbers = {part.name: index for index, part in enumerate(table.parts)}
    tracks = []
    for track in given.tracks:
        part = numbers.get(track.name)
        fresh = [(item, note) for item, note in rows if note.part == part]
        gone = np.zeros(len(track.notes), dtype=bool)
        for item in inside:
            start, end = _span(item.placed, span)
            within = (track.notes["onset"] >= start) & (track.notes["onset"] < end)
            for column in writable[item.placed.index]:
                voice = item.voices[column]
                if voice.part == part:
                    gone |= within & _own(track, voice, item.voices)
        if not fresh and not gone.any():
            tracks.append(track)
            continue
        new = np.array(
            [
                (
                    note.onset,
                    note.end - note.onset,
                    note.pitch,
                    velocity(item.placed, note),
                    note.number,
                    note.spelling,
                )
                for item, note in fresh
            ],
            dtype=NOTE_DTYPE,
        )
        kept = track.notes[~gone]
        notes = np.concatenate([kept, new])
        notes = notes[np.lexsort((notes["voice"], notes["pitch"], notes["onset"]))]
        stay = set(zip(kept["onset"].tolist(), kept["pitch"].tolist(), strict=True))
        left = {
            (onset, pitch)
            for onset, pitch in zip(
                track.notes["onset"][gone].tolist(),
                track.notes["pitch"][gone].tolist(),
                strict=True,
            )
        } - stay
        marks = [mark for mark in track.articulations if (mark.tick, mark.pitch) not in left]
        marks += [
            Articulation(note.onset, note.pitch, note.articulation)
            for _, note in fresh
            if note.articulation
        ]
        tracks.append(replace(track, notes=notes, articulations=tuple(sorted(set(marks)))))
    return replace(given, tracks=tuple(tracks))


def _span(placed: PlacedPhrase, span: tuple[int, int]) -> tuple[int, int]:
    start = 0 if placed.index == 0 else to_ticks(placed.start)
    return max(span[0], start), min(span[1], to_ticks(placed.end))


def _trace(
    table: PartTable,
    region: Region,
    rows: Sequence[tuple[Stretch, LineNote]],
    low: int,
    dropped: Sequence[str],
) -> Trace:
    bars = f"bars {region.first_bar}-{region.last_bar}"
    entries = [TraceEntry("repair", "rules", f"{bars} written anew", region.first_bar, low)]
    for item, note in sorted(rows, key=lambda r: (r[1].onset, r[1].part, r[1].number)):
        bar_ticks = to_ticks(item.placed.metre.bar_quarters)
        start = to_ticks(item.placed.start)
        entries.append(
            TraceEntry(
                kind="note",
                maker=f"rules:{note.maker}",
                choice=pitch_name(note.pitch, note.spelling),
                bar=item.placed.first_bar + max(0, note.onset - start) // bar_ticks,
                tick=note.onset,
                track=table.parts[note.part].name,
                pitch=note.pitch,
                parent=0,
            )
        )
    return Trace(tuple(entries), {"notes": len(rows), "soft constraints left": len(dropped)})
