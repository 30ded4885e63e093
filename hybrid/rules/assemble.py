"""Lines to a score: velocities, marks, signatures, markers, and the trace of every note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hybrid.core.pitch import pitch_name
from hybrid.core.plan import DYNAMICS, FormPlan, PlacedPhrase
from hybrid.core.score import (
    Articulation,
    KeySignature,
    Marker,
    Score,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.core.trace import Trace, TraceEntry
from hybrid.rules.harmony import to_ticks
from hybrid.rules.lines import Filled, LineNote
from hybrid.rules.parts import PartTable

#: Added to a note's velocity by the strength of its onset.
ACCENTS = {3: 6, 2: 3, 1: 0, 0: -4}
PHRASE_SWELL = 7  # from a phrase's edges to its middle
#: Added for the leading line: a melody above its accompaniment more than a soprano.
LEADING_LINE = {"melody": 6, "soprano": 2}


def velocity(placed: PlacedPhrase, note: LineNote) -> int:
    """MIDI velocity from the dynamics in force, the metre and the place in the phrase."""
    base = DYNAMICS[placed.shared.dynamics or "mf"]
    start, end = to_ticks(placed.start), to_ticks(placed.end)
    along = (note.onset - start) / max(1, end - start)
    # A phrase swells to about three fifths of its length and dies away.
    swell = np.sin(np.pi * np.clip(along, 0.0, 1.0) ** 0.8)
    value = base * note.weight + ACCENTS[note.accent] + PHRASE_SWELL * (float(swell) - 0.5)
    value += LEADING_LINE.get(note.voice, 0)
    return int(np.clip(round(value), 1, 127))


def make_score(plan: FormPlan, table: PartTable, phrases: Sequence[Filled]) -> Score:
    """The score of all filled phrases."""
    rows: list[list[tuple[int, int, int, int, int, int]]] = [[] for _ in table.parts]
    marks: list[list[Articulation]] = [[] for _ in table.parts]
    for filled in phrases:
        for note in filled.notes:
            rows[note.part].append(
                (
                    note.onset,
                    note.end - note.onset,
                    note.pitch,
                    velocity(filled.placed, note),
                    note.number,
                    note.spelling,
                )
            )
            if note.articulation:
                marks[note.part].append(Articulation(note.onset, note.pitch, note.articulation))
    tracks = tuple(
        Track(
            part.name,
            make_notes(row),
            program=part.instrument.program,
            is_drum=part.instrument.is_drum,
            articulations=tuple(sorted(set(found))),
            clef=part.clef,
        )
        for part, row, found in zip(table.parts, rows, marks, strict=True)
    )
    tempos: list[Tempo] = []
    metres: list[Metre] = []
    keys: list[KeySignature] = []
    markers: list[Marker] = []
    section = -1
    for placed in plan.phrases():
        tick = to_ticks(placed.start) if placed.index else 0
        qpm = float(placed.shared.tempo_qpm or 120.0)
        if not tempos or tempos[-1].qpm != qpm:
            tempos.append(Tempo(tick, qpm))
        metre = placed.metre
        if not metres or metres[-1].name != metre.name:
            metres.append(Metre(tick, metre.numerator, metre.denominator))
        if not keys or keys[-1].key != placed.key:
            keys.append(KeySignature(tick, placed.key))
        if placed.section_index != section:
            section = placed.section_index
            name = placed.section.label
            if placed.section.role:
                name += f" ({placed.section.role})"
            markers.append(Marker(tick, name))
    return Score(
        tracks,
        tempos=tuple(tempos),
        metres=tuple(metres),
        keys=tuple(keys),
        markers=tuple(markers),
        pickup_ticks=to_ticks(plan.pickup_quarters),
        title=plan.title,
        length=to_ticks(plan.quarters),
    )


def make_trace(
    table: PartTable, phrases: Sequence[Filled], extra: Mapping[str, int] | None = None
) -> Trace:
    """What made every phrase and every note; notes point at their phrase."""
    entries: list[TraceEntry] = []
    counts: dict[str, int] = dict(extra or {})
    for filled in phrases:
        placed = filled.placed
        looked = ", ".join(f"{name} {value}" for name, value in filled.counts.items())
        entries.append(
            TraceEntry(
                kind="phrase",
                maker="rules",
                choice=(
                    f"{placed.shared.texture}, {filled.made_by}, cadence {placed.phrase.cadence}"
                ),
                bar=placed.first_bar,
                tick=to_ticks(placed.start),
                rejected=(looked,) if looked else (),
            )
        )
        parent = len(entries) - 1
        for name, value in filled.counts.items():
            counts[name] = counts.get(name, 0) + value
        bar_ticks = to_ticks(placed.metre.bar_quarters)
        start = to_ticks(placed.start)
        for note in sorted(filled.notes, key=lambda n: (n.onset, n.part, n.number, n.pitch)):
            entries.append(
                TraceEntry(
                    kind="note",
                    maker=f"rules:{note.maker}",
                    choice=pitch_name(note.pitch, note.spelling)
                    if not table.parts[note.part].instrument.is_drum
                    else str(note.pitch),
                    bar=placed.first_bar + max(0, note.onset - start) // bar_ticks,
                    tick=note.onset,
                    track=table.parts[note.part].name,
                    pitch=note.pitch,
                    probability=None if note.probability is None else round(note.probability, 6),
                    parent=parent,
                )
            )
    counts["notes"] = sum(len(filled.notes) for filled in phrases)
    return Trace(tuple(entries), counts)
