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
from hybrid.core.pitch import pitch_name
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase
from hybrid.core.score import NOTE_DTYPE, Articulation, Score
from hybrid.core.seeds import stage_rng
from hybrid.core.trace import Trace, TraceEntry
from hybrid.rules.accompany_constrained import draw_accompanied
from hybrid.rules.asked import Asked
from hybrid.rules.assemble import velocity
from hybrid.rules.chain import Chain, Stretch, runs_of
from hybrid.rules.conflicts import check_harmony
from hybrid.rules.constrained import draw_phrase
from hybrid.rules.constraints import HARMONIC, ask, bar_start, check_values
from hybrid.rules.exact import Edge
from hybrid.rules.given import (
    beside,
    check_given,
    edge_at,
    given_lines,
    notes_of,
    own_notes,
    writable_voices,
)
from hybrid.rules.harmony import to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote
from hybrid.rules.moments import GIVEN
from hybrid.rules.parts import PartTable, Voice
from hybrid.rules.phrases import Context
from hybrid.rules.themes import invent
from hybrid.rules.voicings import SILENT


def fill_region(
    plan: FormPlan,
    seed: int,
    demands: Sequence[Constraint],
    given: Score,
    region: Region,
    stretches: Sequence[Stretch],
    table: PartTable,
) -> tuple[Score, Trace]:
    """Notes for the region; everything else of ``given`` as it is.

    Raises
    ------
    PlanError
        If the region lies outside the plan, names no voice of it, or ``given`` has not the
        plan's tracks and ticks.
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
    check_given(given, table)
    writable = {item.placed.index: writable_voices(region, item, table) for item in inside}
    made: list[tuple[Stretch, tuple[LineNote, ...]]] = []
    dropped: set[str] = set()
    edge = edge_at(given, table, inside[0], low, stretches, at_end=True)
    before, _ = beside(given, table, inside[0], low, high)
    state = _state(inside[0], edge)
    runs = runs_of(inside)
    for run in runs:
        asked: list[Asked] = []
        for item in run:
            own = writable[item.placed.index]
            asked += given_lines(given, table, item, own, low, high)
            for demand in demands:
                if demand.kind not in HARMONIC:
                    found = only(ask(demand, plan, item.placed, item.voices, table), own)
                    asked.append(_unless_reached(found, given, table, item, low, high))
        # Only at the region's own edges is it known what stands beside a run.
        last: Edge | None = None
        after: tuple[LineNote, ...] = ()
        if run is runs[-1]:
            last = edge_at(given, table, run[-1], high, stretches, at_end=False)
            _, after = beside(given, table, run[-1], low, high)
        silent = frozenset(i.placed.index for i in run if 0 not in writable[i.placed.index])
        chain = Chain(plan, run, asked, (low, high), edge, last, silent)
        chain.settle()
        dropped |= set(chain.dropped)
        written, state = _write(chain, seed, state, edge, before, after)
        made += written
        edge, before = None, made[-1][1]
    rows = [
        (item, note)
        for item, notes in made
        for note in notes
        if GIVEN not in note.maker and _column(item.voices, note) in writable[item.placed.index]
    ]
    score = _joined(given, table, inside, writable, rows, (low, high))
    return score, _trace(table, region, rows, low, sorted(dropped))


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


def _write(
    chain: Chain,
    seed: int,
    state: Context,
    edge: Edge | None,
    before: Sequence[LineNote],
    after: Sequence[LineNote],
) -> tuple[list[tuple[Stretch, tuple[LineNote, ...]]], Context]:
    """Notes for a run of phrases, and what they leave behind.

    Parameters
    ----------
    state : Context
        What is before the run.
    edge : Edge or None
        The given notes right before it.
    before, after : sequence of LineNote
        What sounds right before and after it.
    """
    made: list[tuple[Stretch, tuple[LineNote, ...]]] = []
    code = 0
    for number, item in enumerate(chain.stretches):
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
        context = replace(state, voices=item.voices, pause=item.pause, upbeat=item.upbeat)
        try:
            if item.scheme is None:
                filled, _, code = draw_phrase(
                    chain, number, shape, None, context, code, streams, edge
                )
            else:
                last = number + 1 == len(chain.stretches)
                around = (*_last_of(before), *(after if last else ()))
                filled, _, code = draw_accompanied(
                    chain, number, shape, None, context, code, streams, edge, around
                )
        except Blocked as error:
            where = f"chords of bars {placed.first_bar}-{placed.last_bar}"
            raise ConflictError(f"the {where} cannot be joined to given", (where,)) from error
        state = Context(
            item.voices, filled.tail, filled.last_chord, filled.pause, strands=filled.strands
        )
        edge, before = None, filled.notes
        made.append((item, filled.notes))
    return made, state


def _state(item: Stretch, edge: Edge | None) -> Context:
    """The given notes before a region as a phrase's surroundings."""
    if edge is None:
        return Context(item.voices)
    tail = {
        (voice.part, voice.number): (int(edge.pitch[0, v]), int(edge.spelling[0, v]))
        for v, voice in enumerate(item.voices)
        if edge.pitch[0, v] != SILENT
    }
    return Context(item.voices, tail, edge.chord, edge.breaks)


def _last_of(notes: Sequence[LineNote]) -> tuple[LineNote, ...]:
    """The last note of each line."""
    ends: dict[tuple[int, int], LineNote] = {}
    for note in sorted(notes, key=lambda n: n.onset):
        ends[note.part, note.number] = note
    return tuple(ends.values())


def _column(voices: Sequence[Voice], note: LineNote) -> int:
    return next(column for column, voice in enumerate(voices) if voice.name == note.voice)


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
                    gone |= within & own_notes(track, voice, item.voices)
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
