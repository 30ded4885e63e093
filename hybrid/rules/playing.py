"""How strands of chords are played: spans, strokes, and the lines that sound.

A chord is voiced once for each bar that it lasts in. The texture's pattern says when each
strand is struck, and in which voice of which track it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, accent_at, to_ticks
from hybrid.rules.lines import LineNote, Strands
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


def mode_of(scheme: Scheme, placed: PlacedPhrase, last: Chord, span: Span) -> str:
    """How a chord is played: ``held`` at a close, ``anchored`` at cadences, else ``flowing``.

    ``last`` is the phrase's last chord.
    """
    if span.chord == last and scheme.closing:
        return "held"
    if placed.phrase.cadence == "none":
        return "flowing"
    return "anchored" if span.chord.index >= last.index - 1 else "flowing"


@dataclass(frozen=True)
class Lines:
    """The lines that sound in a phrase: the melody first, then the accompaniment's.

    ``broken`` are those of the others in which several strands sound in turn.
    """

    all: tuple[tuple[Sound, ...], ...]
    broken: tuple[tuple[Sound, ...], ...]


@dataclass(frozen=True)
class Playing:
    """How the chords of a phrase are played.

    Attributes
    ----------
    placed : PlacedPhrase
    scheme : Scheme
    voices : tuple of Voice
        The melody first, then the strands.
    spans : tuple of Span
    modes : tuple of str
        ``held``, ``anchored`` or ``flowing`` for each span (`mode_of`).
    strokes : tuple of tuple of Stroke
        For each span; strands are numbered from 0.
    """

    placed: PlacedPhrase
    scheme: Scheme
    voices: tuple[Voice, ...]
    spans: tuple[Span, ...]
    modes: tuple[str, ...]
    strokes: tuple[tuple[Stroke, ...], ...]

    def place(self, strand: int, mode: str) -> tuple[int, int]:
        """Track and voice number in which a strand's note is written.

        The strands of a broken chord share the highest strand's voice: all of them where one
        player has them and the bass is not held, else the highest two.
        """
        broken = self.scheme.texture in LINEAR and mode != "held"
        alone = mode == "flowing" and not self.scheme.separate
        if broken and (alone or strand == 1):
            strand = 0
        voice = self.voices[strand + 1]
        return voice.part, voice.number

    def lines(self, melody: Sequence[MelodyNote] | None, context: Context) -> Lines:
        """The lines of a phrase, each begun by the note that its voice had last.

        Without a melody that line is open, one note for each span: column 0 of the voicings,
        and the strands are those after it.
        """
        lead = self.voices[0]
        tail = context.tail or {}
        shift = int(melody is None)

        def start_of(key: tuple[int, int]) -> list[Sound]:
            note = tail.get(key)
            return [] if note is None or context.after_pause else [Sound(-1, 0, Known(*note))]

        first = start_of((lead.part, lead.number))
        if melody is None:
            first.extend(Sound(s.onset, s.end, (event, 0)) for event, s in enumerate(self.spans))
        else:
            first.extend(Sound(n.onset, n.end, Known(n.pitch, n.spelling)) for n in melody)
        rows: dict[tuple[int, int], list[Sound]] = {}
        for event, (mode, hits) in enumerate(zip(self.modes, self.strokes, strict=True)):
            for hit in sorted(hits, key=lambda s: (s.onset, -s.strand)):
                key = self.place(hit.strand, mode)
                line = rows.setdefault(key, start_of(key))
                line.append(Sound(hit.onset, hit.end, (event, hit.strand + shift)))
        shared = {self.place(strand, "flowing") for strand in (0, 1)}
        linear = self.scheme.texture in LINEAR
        broken = [tuple(rows[key]) for key in rows if linear and key in shared]
        return Lines((tuple(first), *(tuple(line) for line in rows.values())), tuple(broken))

    def ends(
        self, melody: Sequence[MelodyNote] | None, found: Voicings
    ) -> dict[tuple[int, int], NDArray[np.int64]]:
        """Pitch with which each line ends, for every candidate of the last span."""
        lead = self.voices[0]
        shift = int(melody is None)
        ends = {
            self.place(hit.strand, self.modes[-1]): found.pitch[:, hit.strand + shift]
            for hit in sorted(self.strokes[-1], key=lambda hit: hit.end)
        }
        if melody is None:
            ends[lead.part, lead.number] = found.pitch[:, 0]
        elif melody:
            ends[lead.part, lead.number] = np.full(len(found), melody[-1].pitch)
        return ends

    def last_strands(self, chosen: Voicings) -> Strands:
        """The strands' last notes where broken chords sound in one line."""
        if self.scheme.texture not in LINEAR:
            return {}
        return {
            (voice.part, voice.number): (
                self.place(strand, self.modes[-1]),
                int(chosen.pitch[-1, strand]),
                int(chosen.spelling[-1, strand]),
            )
            for strand, voice in enumerate(self.voices[1:])
        }

    def notes(self, chosen: Voicings) -> list[LineNote]:
        """The strands' notes; rows of the voicings are spans."""
        notes = []
        for row, (span, mode, hits) in enumerate(
            zip(self.spans, self.modes, self.strokes, strict=True)
        ):
            for hit in hits:
                part, number = self.place(hit.strand, mode)
                notes.append(
                    LineNote(
                        part,
                        number,
                        self.voices[hit.strand + 1].name,
                        hit.onset,
                        hit.end,
                        int(chosen.pitch[row, hit.strand]),
                        int(chosen.spelling[row, hit.strand]),
                        f"{self.scheme.texture} {span.chord.numeral.text}",
                        accent_at(self.placed, hit.onset),
                        float(chosen.cost[row]),
                        "",
                        hit.weight,
                    )
                )
        return notes


def _none(_: Span) -> frozenset[int]:
    return frozenset()


def play(
    placed: PlacedPhrase,
    spans: Sequence[Span],
    scheme: Scheme,
    voices: tuple[Voice, ...],
    last: Chord,
    whole: Callable[[Span], frozenset[int]] = _none,
) -> Playing:
    """The texture's pattern over a phrase's spans.

    Parameters
    ----------
    last : Chord
        The phrase's last one.
    whole : callable
        Strands that sound all through a span, whatever the pattern says.
    """
    modes, rows = [], []
    for span in spans:
        mode, held = mode_of(scheme, placed, last, span), whole(span)
        if held and scheme.texture in LINEAR and mode != "held":
            # Strands of the broken line sound on only where it is no line.
            mode = "held" if held & {0, 1} else "anchored"
        hits = strokes(
            scheme.texture,
            scheme.variant,
            placed,
            span.onset,
            span.end,
            len(voices) - 1,
            mode,
            scheme.separate,
        )
        if held:
            hits = tuple(hit for hit in hits if hit.strand not in held)
            hits += tuple(Stroke(span.onset, span.end, strand) for strand in sorted(held))
        modes.append(mode)
        rows.append(hits)
    return Playing(placed, scheme, voices, tuple(spans), tuple(modes), tuple(rows))
