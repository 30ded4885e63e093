"""How strands of chords are played: spans, strokes, and the lines that sound.

A chord is voiced once for each bar that it lasts in. The texture's pattern says when each
strand is struck, and in which voice of which track it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, accent_at, to_ticks
from hybrid.rules.lines import LineNote
from hybrid.rules.melody import MelodyNote
from hybrid.rules.parts import Voice
from hybrid.rules.patterns import LINEAR, Stroke, strokes
from hybrid.rules.phrases import Context
from hybrid.rules.surface import Known, Sound
from hybrid.rules.voicings import Voicings


@dataclass(frozen=True)
class Scheme:
    """How a phrase is accompanied.

    Attributes
    ----------
    texture, variant : str
    closing : bool
        Whether the last chord ends a section and is held.
    separate : bool
        Whether several players share the strands.
    """

    texture: str
    variant: str
    closing: bool
    separate: bool

    @property
    def is_linear(self) -> bool:
        """Whether the strands sound as one broken line."""
        return self.texture in LINEAR and not self.separate


@dataclass(frozen=True)
class Span:
    """A chord, or the part of it within a bar, that is voiced once."""

    onset: int
    end: int
    chord: Chord


def chord_spans(placed: PlacedPhrase, chords: Sequence[Chord]) -> tuple[Span, ...]:
    """The phrase's chords, cut at bar lines."""
    bar = to_ticks(placed.metre.bar_quarters)
    start = to_ticks(placed.start)
    spans = []
    for chord in chords:
        tick = chord.onset
        while tick < chord.end:
            stop = min(chord.end, tick + bar - (tick - start) % bar)
            spans.append(Span(tick, stop, chord))
            tick = stop
    return tuple(spans)


def played_strokes(
    placed: PlacedPhrase, spans: Sequence[Span], scheme: Scheme, n_strands: int
) -> list[tuple[Stroke, ...]]:
    return [
        strokes(
            scheme.texture,
            scheme.variant,
            placed,
            span.onset,
            span.end,
            n_strands,
            mode_of(scheme, placed, spans, span),
            scheme.separate,
        )
        for span in spans
    ]


def mode_of(scheme: Scheme, placed: PlacedPhrase, spans: Sequence[Span], span: Span) -> str:
    """How a chord is played: ``held`` at a close, ``anchored`` at cadences, else ``flowing``."""
    if span.chord == spans[-1].chord and scheme.closing:
        return "held"
    if placed.phrase.cadence == "none":
        return "flowing"
    return "anchored" if span.chord.index >= spans[-1].chord.index - 1 else "flowing"


def place_of(strand: int, mode: str, scheme: Scheme, strands: Sequence[Voice]) -> tuple[int, int]:
    """Track and voice number in which a strand's note is written.

    The strands of a broken chord share the highest strand's voice: all of them where one
    player has them and the bass is not held, else the highest two.
    """
    broken = scheme.texture in LINEAR and mode != "held"
    alone = mode == "flowing" and not scheme.separate
    if broken and (alone or strand == 1):
        strand = 0
    return strands[strand].part, strands[strand].number


@dataclass(frozen=True)
class Lines:
    """The lines that sound in a phrase: the melody first, then the accompaniment's.

    ``broken`` are those of the others in which several strands sound in turn.
    """

    all: tuple[tuple[Sound, ...], ...]
    broken: tuple[tuple[Sound, ...], ...]


def lines_of(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    played: Sequence[tuple[Stroke, ...]],
    melody: Sequence[MelodyNote] | None,
    context: Context,
    scheme: Scheme,
) -> Lines:
    """The lines of a phrase, each begun by the note that its voice had last.

    Without a melody that line is open, one note for each span: column 0 of the voicings, and
    the strands are those after it.
    """
    lead, *strands = context.voices
    tail = context.tail or {}
    shift = int(melody is None)

    def start_of(key: tuple[int, int]) -> list[Sound]:
        note = tail.get(key)
        return [] if note is None or context.after_pause else [Sound(-1, 0, Known(*note))]

    first = start_of((lead.part, lead.number))
    if melody is None:
        first.extend(Sound(s.onset, s.end, (event, 0)) for event, s in enumerate(spans))
    else:
        first.extend(Sound(n.onset, n.end, Known(n.pitch, n.spelling)) for n in melody)
    rows: dict[tuple[int, int], list[Sound]] = {}
    for event, (span, hits) in enumerate(zip(spans, played, strict=True)):
        mode = mode_of(scheme, placed, spans, span)
        for hit in sorted(hits, key=lambda s: (s.onset, -s.strand)):
            key = place_of(hit.strand, mode, scheme, strands)
            line = rows.setdefault(key, start_of(key))
            line.append(Sound(hit.onset, hit.end, (event, hit.strand + shift)))
    shared = {place_of(strand, "flowing", scheme, strands) for strand in (0, 1)}
    broken = [tuple(rows[key]) for key in rows if scheme.texture in LINEAR and key in shared]
    return Lines((tuple(first), *(tuple(line) for line in rows.values())), tuple(broken))


def line_ends(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    hits: Sequence[Stroke],
    melody: Sequence[MelodyNote] | None,
    found: Voicings,
    context: Context,
    scheme: Scheme,
) -> dict[tuple[int, int], NDArray[np.int64]]:
    """Pitch with which each line ends, for every candidate of the last span."""
    lead, *strands = context.voices
    shift = int(melody is None)
    mode = mode_of(scheme, placed, spans, spans[-1])
    ends = {
        place_of(hit.strand, mode, scheme, strands): found.pitch[:, hit.strand + shift]
        for hit in sorted(hits, key=lambda hit: hit.end)
    }
    ends[lead.part, lead.number] = (
        found.pitch[:, 0] if melody is None else np.full(len(found), melody[-1].pitch)
    )
    return ends


def strand_notes(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    played: Sequence[tuple[Stroke, ...]],
    chosen: Voicings,
    context: Context,
    scheme: Scheme,
) -> list[LineNote]:
    strands = context.voices[1:]
    notes = []
    for row, (span, hits) in enumerate(zip(spans, played, strict=True)):
        mode = mode_of(scheme, placed, spans, span)
        for hit in hits:
            part, number = place_of(hit.strand, mode, scheme, strands)
            notes.append(
                LineNote(
                    part,
                    number,
                    strands[hit.strand].name,
                    hit.onset,
                    hit.end,
                    int(chosen.pitch[row, hit.strand]),
                    int(chosen.spelling[row, hit.strand]),
                    f"{scheme.texture} {span.chord.numeral.text}",
                    accent_at(placed, hit.onset),
                    float(chosen.cost[row]),
                    "",
                    hit.weight,
                )
            )
    return notes
