"""A drawn skeleton as notes: one for each voice and moment, tied where it only goes on.

Counts of notes are kept by tying repeated notes, repeating held ones and dividing long ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.asked import Asked, Count, source_of
from hybrid.rules.chorale import maker_of
from hybrid.rules.decorate import Figure, parts_of
from hybrid.rules.exact import Lattice, Skeletal
from hybrid.rules.harmony import accent_at
from hybrid.rules.lines import LineNote
from hybrid.rules.moments import Moment
from hybrid.rules.parts import Voice
from hybrid.rules.voicings import SILENT


def plain_figures(
    lattice: Lattice, moments: Sequence[Moment], path: Skeletal, active: Sequence[Asked]
) -> tuple[tuple[Figure, ...], ...]:
    """One note for each voice and moment, tied where it only goes on."""
    rows: list[list[Figure]] = []
    for place, moment in enumerate(moments):
        row = []
        for voice in range(path.pitch.shape[1]):
            note = (int(path.pitch[place, voice]), int(path.spelling[place, voice]))
            same = place > 0 and path.pitch[place - 1, voice] == note[0] != SILENT
            if lattice.bound(active, moment, voice):
                held = same and not lattice.struck(active, moment, voice)
            else:
                no_repeats = any(
                    0 in moves.forbidden and moves.voice == voice
                    for item in active
                    for moves in item.moves
                    if moves.start <= moment.event.onset < moves.end
                )
                goes_on = moment.extra or voice in moment.still
                held = same and (goes_on or (no_repeats and not moment.event.first))
            # Where a fixed line ends its last note does too, whatever follows.
            held &= not lattice.ends_line(active, moment, voice)
            row.append(Figure("plain", ((0, *note),), held))
        rows.append(row)
    for item in active:
        for count in item.counts:
            for voice in count.voices:
                _count_out(moments, rows, voice, count, lattice, active)
    return tuple(tuple(row) for row in rows)


def line_notes(
    placed: PlacedPhrase,
    voices: Sequence[Voice],
    moments: Sequence[Moment],
    figures: Sequence[Sequence[Figure]],
    made_by: str,
    active: Sequence[Asked],
) -> tuple[LineNote, ...]:
    """The notes of some figures; one that a constraint asks for names it as its maker."""
    notes: list[LineNote] = []
    for column, voice in enumerate(voices):
        row: list[LineNote] = []
        for moment, chosen in zip(moments, figures, strict=True):
            event, figure = moment.event, chosen[column]
            unit = event.ticks // parts_of(event)
            for number, (part, pitch, spelling) in enumerate(figure.notes):
                if pitch == SILENT:
                    continue
                onset = event.onset + part * unit
                final = number + 1 == len(figure.notes)
                end = event.end if final else event.onset + figure.notes[number + 1][0] * unit
                if number == 0 and figure.tied and row and row[-1].end == onset:
                    row[-1] = replace(row[-1], end=end)
                    continue
                wanted = source_of(active, column, onset, end)
                maker = f"constraint {wanted}" if wanted else maker_of(event, figure, number)
                if column == 0 and not wanted and number == 0:
                    maker = made_by
                row.append(
                    LineNote(
                        voice.part,
                        voice.number,
                        voice.name,
                        onset,
                        end,
                        pitch,
                        spelling,
                        maker,
                        accent_at(placed, onset),
                    )
                )
        notes += row
    return tuple(notes)


def _count_out(
    moments: Sequence[Moment],
    rows: list[list[Figure]],
    voice: int,
    count: Count,
    lattice: Lattice,
    active: Sequence[Asked],
) -> None:
    """Tie repeated notes, or repeat held ones, until a bar has as many as it may."""
    start, end, fewest, most = count.start, count.end, count.fewest, count.most
    inside = [n for n, m in enumerate(moments) if start <= m.event.onset < end]
    free = [n for n in inside if not lattice.bound(active, moments[n], voice)]

    def number() -> int:
        found = 0
        for place in inside:
            figure = rows[place][voice]
            found += sum(note[1] != SILENT for note in figure.notes) - int(figure.tied)
        return found

    for place in reversed(free):
        figure = rows[place][voice]
        if number() > most and place and not figure.tied and not moments[place].event.first:
            before = rows[place - 1][voice].notes[-1]
            if before[1] == figure.notes[0][1]:
                rows[place][voice] = replace(figure, tied=True)
    for place in sorted(free, key=lambda n: (moments[n].extra, n)):
        if number() < fewest and rows[place][voice].tied:
            rows[place][voice] = replace(rows[place][voice], tied=False)
    for pieces in (2, 4):
        for place in sorted(free, key=lambda n: (-moments[n].event.ticks, n)):
            figure, parts = rows[place][voice], parts_of(moments[place].event)
            lacks = fewest - number()
            pieces_here = pieces if parts == 4 or pieces == 2 else 3
            now = len(figure.notes)
            if lacks <= 0 or figure.notes[0][1] == SILENT:
                continue
            wanted = min(pieces_here, now + lacks)
            if wanted <= now:
                continue
            _, pitch, spelling = figure.notes[0]
            grid = sorted({number * parts // wanted for number in range(wanted)})
            notes = tuple((part, pitch, spelling) for part in grid)
            rows[place][voice] = replace(figure, notes=notes)
