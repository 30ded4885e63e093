"""Passages cut out of a score, so that judging a few bars does not cost the whole piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.score import KeySignature, Score, Track
from hybrid.core.timeline import Metre


def excerpt(score: Score, start: int, end: int) -> Score:
    """The notes of start..end as a score that begins at tick 0.

    Parameters
    ----------
    score : Score
    start, end : int
        Ticks; ``start`` is a bar line, or 0.

    Notes
    -----
    What sounds over the edges is cut there. Tempo and all marks but fermatas are left out: they
    say nothing about harmony or part-writing.
    """
    tracks = []
    for track in score.tracks:
        notes = track.notes
        onset = np.maximum(notes["onset"], start)
        stop = np.minimum(notes["onset"] + notes["duration"], end)
        inside = stop > onset
        part = notes[inside].copy()
        part["onset"] = onset[inside] - start
        part["duration"] = (stop - onset)[inside]
        marks = tuple(
            replace(mark, tick=mark.tick - start)
            for mark in track.articulations
            if mark.kind == "fermata" and start <= mark.tick < end
        )
        tracks.append(Track(track.name, part, track.program, track.is_drum, articulations=marks))
    first = score.bar_at(start).metre
    metres = [Metre(0, first.numerator, first.denominator)]
    metres += [
        replace(item, tick=item.tick - start) for item in score.metres if start < item.tick < end
    ]
    held = score.key_at(start)
    keys = [KeySignature(0, held)] if held is not None else []
    keys += [
        KeySignature(item.tick - start, item.key) for item in score.keys if start < item.tick < end
    ]
    return Score(
        tuple(tracks),
        ticks_per_quarter=score.ticks_per_quarter,
        metres=tuple(metres),
        keys=tuple(keys),
        pickup_ticks=score.pickup_ticks if start == 0 else 0,
        length=min(end, max(score.length, start + 1)) - start,
    )


def cut_chords(spans: Sequence[ChordSpan], start: int, end: int) -> tuple[ChordSpan, ...]:
    """The spans that sound in start..end, on the ticks of `excerpt`."""
    return tuple(
        replace(span, onset=max(span.onset, start) - start, end=min(span.end, end) - start)
        for span in spans
        if span.onset < end and span.end > start
    )


def cut_keys(spans: Sequence[KeySpan], start: int, end: int) -> tuple[KeySpan, ...]:
    """The same for keys."""
    return tuple(
        replace(span, onset=max(span.onset, start) - start, end=min(span.end, end) - start)
        for span in spans
        if span.onset < end and span.end > start
    )
