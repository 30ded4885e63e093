"""The piano roll: every note as a bar, coloured by track."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from hybrid.core.pitch import pitch_name
from hybrid.core.score import Score
from hybrid.report import svg
from hybrid.report.axis import WIDTH, Axis
from hybrid.report.colours import TRACKS_LIGHT
from hybrid.report.words import clock, signs

HEIGHT = 320.0
HEAD, FOOT = 22.0, 8.0
_BLACK = frozenset((1, 3, 6, 8, 10))


def piano_roll_svg(score: Score, *, height: float = HEIGHT, name: str = "roll") -> str:
    """Draw the notes of a score.

    Parameters
    ----------
    score : Score
        Drum tracks are drawn like others, by their key numbers.
    height : float
        Of the picture; it is `hybrid.report.axis.WIDTH` wide.
    name : str
        Begins the ids, which must differ where a page has several pictures.

    Returns
    -------
    str
        An SVG without outside references, one path for each track, so that its size is
        linear and small.
    """
    notes = [track.notes for track in score.tracks if len(track.notes)]
    length = Fraction(max(score.length, 1), score.ticks_per_quarter)
    x = Axis(length)
    pitches = np.concatenate([part["pitch"] for part in notes]) if notes else np.array([60])
    low, high = int(pitches.min()) - 2, int(pitches.max()) + 2
    row = (height - HEAD - FOOT) / (high - low + 1)

    def y(pitch: int) -> float:
        return HEAD + (high - pitch) * row

    body = ['<g stroke="none">']
    body += [
        svg.rect(x(Fraction(0)), y(pitch), x.span, row, fill="currentColor", opacity="0.06")
        for pitch in range(low, high + 1)
        if pitch % 12 in _BLACK
    ]
    body.append("</g>")
    body += _bar_lines(score, x, height)
    for number, track in enumerate(score.tracks):
        if not len(track.notes):
            continue
        colour = TRACKS_LIGHT[number % len(TRACKS_LIGHT)]
        parts = []
        for onset, duration, pitch, *_ in track.notes.tolist():
            left = x(Fraction(onset, score.ticks_per_quarter))
            right = x(Fraction(onset + duration, score.ticks_per_quarter))
            width = max(right - left - 0.4, 0.8)
            parts.append(
                f"M{left:.2f} {y(pitch):.1f}h{width:.2f}v{max(row - 0.6, 1):.1f}h{-width:.2f}z"
            )
        body.append(f'<g fill="{colour}">{svg.title(track.name or f"track {number + 1}")}')
        body.append(f'<path d="{"".join(parts)}"/></g>')
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            body.append(svg.text(2.0, y(pitch) + row, signs(pitch_name(pitch)), 10.0))
    return svg.document(
        WIDTH,
        height,
        body,
        name=name,
        label=f"Piano roll of {score.title or 'the piece'}",
        description=describe_notes(score),
        data=x.data,
    )


def _bar_lines(score: Score, x: Axis, height: float) -> list[str]:
    bars = score.bars
    step = 1
    while x.span / len(bars) * step < 34:
        step *= 2
    drawn = ['<g stroke="currentColor" stroke-width="0.6" opacity="0.35">']
    labels = ['<g stroke="none" opacity="0.8">']
    for bar in bars:
        if bar.number % step and bar.number != 1:
            continue
        place = x(Fraction(bar.start, score.ticks_per_quarter))
        drawn.append(svg.line(place, HEAD, place, height - FOOT))
        labels.append(svg.text(place, HEAD - 7, str(bar.number), 11.0, text_anchor="middle"))
    return [*drawn, "</g>", *labels, "</g>"]


def describe_notes(score: Score) -> str:
    """Tracks, their ranges and numbers of notes, in words."""
    parts = []
    for number, track in enumerate(score.tracks, start=1):
        name = track.name or f"track {number}"
        if not len(track.notes):
            parts.append(f"{name}: no notes")
            continue
        pitches = track.notes["pitch"]
        lowest, highest = (signs(pitch_name(int(p))) for p in (pitches.min(), pitches.max()))
        parts.append(f"{name}: {len(track.notes)} notes from {lowest} to {highest}")
    return f"{score.n_notes} notes in {clock(score.seconds)}. " + "; ".join(parts) + "."
