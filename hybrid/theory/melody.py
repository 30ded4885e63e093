"""What one voice does: leaps, augmented and diminished intervals, repetition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import pitch_name
from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import fifths_between, interval_name, is_step

#: A rest longer than this (quarters) ends a melodic line: no interval is counted across it.
LONG_REST_QUARTERS = 1.0


@dataclass(frozen=True, eq=False)
class Line:
    """A voice as notes in a row: slices at which they begin, pitches, spellings, ends (ticks).

    ``joined[i]`` tells whether note i + 1 follows note i without a phrase break or long rest.
    """

    row: int
    at: NDArray[np.int64]
    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    end: NDArray[np.int64]
    joined: NDArray[np.bool_]

    def name(self, note: int) -> str:
        return pitch_name(int(self.pitch[note]), int(self.spelling[note]))


def line_of(context: Context, row: int) -> Line:
    """A voice of the slices as a `Line`."""
    slices = context.slices
    at = np.flatnonzero(slices.attack[row])
    end = context.note_end[row, at]
    rest = slices.tick[at[1:]] - end[:-1]
    joined = (rest <= LONG_REST_QUARTERS * slices.score.ticks_per_quarter) & (
        context.phrase[at[1:]] == context.phrase[at[:-1]]
    )
    return Line(row, at, slices.pitch[row, at], slices.spelling[row, at], end, joined)


def check_melody(context: Context) -> Iterator[Hit]:
    """All melodic rules, voice by voice."""
    n_voices = context.slices.n_voices
    for row in range(n_voices):
        line = line_of(context, row)
        if len(line.at) < 2:
            continue
        step = np.diff(line.pitch)
        size = np.abs(step)
        fifths = fifths_between(
            line.pitch[:-1], line.spelling[:-1], line.pitch[1:], line.spelling[1:]
        )
        yield from _intervals(context, line, step, size, fifths)
        yield from _diminished(line, step, size, fifths)
        yield from _recovery(context, line, step, size, is_bass=row == n_voices - 1 and row > 0)
        yield from _consecutive(context, line, step, size)
        if 0 < row < n_voices - 1 and context.wants("inner_leap"):
            limit = context.params("inner_leap")["max_leap"]
            for note in np.flatnonzero(line.joined & (size > limit)).tolist():
                yield _leap(line, "inner_leap", note, int(step[note]), int(fifths[note]))
        yield from _repeats(context, line)


def _intervals(
    context: Context,
    line: Line,
    step: NDArray[np.int64],
    size: NDArray[np.int64],
    fifths: NDArray[np.int64],
) -> Iterator[Hit]:
    widest = context.params("wide_leap").get("max_leap", 12)
    forgiven = np.zeros(len(step), dtype=bool)
    if context.params("tritone_leap").get("forgive_recovered_diminished_fifth", False):
        forgiven = (fifths == -6) & _turns_back(step)
    for rule, where in (
        ("augmented_second", (size == 3) & (fifths == 9)),
        ("augmented_leap", (size > 3) & (fifths > 6)),
        ("tritone_leap", (size == 6) & ~forgiven),
        ("seventh_leap", (size == 10) | (size == 11)),
        ("wide_leap", size > widest),
    ):
        for note in np.flatnonzero(line.joined & where).tolist():
            yield _leap(line, rule, note, int(step[note]), int(fifths[note]))


def _leap(line: Line, rule: str, note: int, step: int, fifths: int) -> Hit:
    text = f"{line.name(note)} to {line.name(note + 1)}, {interval_name(step, fifths)}"
    return Hit(rule, int(line.at[note + 1]), (line.row,), text)


def _next_moves(step: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each step the next one that is not zero, 0 where there is none."""
    following = np.zeros_like(step)
    last = 0
    for note in range(len(step) - 1, -1, -1):
        following[note] = last
        if step[note]:
            last = int(step[note])
    return following


def _turns_back(step: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the next different note lies a step back."""
    following = _next_moves(step)
    result: NDArray[np.bool_] = (following * step < 0) & is_step(following)
    return result


def _diminished(
    line: Line, step: NDArray[np.int64], size: NDArray[np.int64], fifths: NDArray[np.int64]
) -> Iterator[Hit]:
    leap = line.joined & (fifths <= -6) & (fifths >= -10) & (size >= 2)
    ends = np.append(~line.joined[1:], True)  # the phrase or the piece stops after the leap
    for note in np.flatnonzero(leap & ~_turns_back(step) & ~ends).tolist():
        yield _leap(line, "diminished_leap", note, int(step[note]), int(fifths[note]))


def _recovery(
    context: Context,
    line: Line,
    step: NDArray[np.int64],
    size: NDArray[np.int64],
    is_bass: bool,
) -> Iterator[Hit]:
    if is_bass or not context.wants("large_leap_recovery"):
        return
    leap = line.joined & (size >= context.params("large_leap_recovery")["min_leap"])
    onward = _next_moves(step) * step > 0
    ends = np.append(~line.joined[1:], True)
    for note in np.flatnonzero(leap & onward & ~ends).tolist():
        text = f"{line.name(note)} to {line.name(note + 1)}, then on in the same direction"
        yield Hit("large_leap_recovery", int(line.at[note + 1]), (line.row,), text)


def _consecutive(
    context: Context, line: Line, step: NDArray[np.int64], size: NDArray[np.int64]
) -> Iterator[Hit]:
    if not context.wants("consecutive_leaps") or len(step) < 2:
        return
    params = context.params("consecutive_leaps")
    both = line.joined[:-1] & line.joined[1:] & (step[:-1] * step[1:] > 0)
    smaller = np.minimum(size[:-1], size[1:])
    span = size[:-1] + size[1:]
    wide = (smaller >= params["fourth"]) | (span > params["max_span"])
    for note in np.flatnonzero(both & (smaller >= params["min_leap"]) & wide).tolist():
        text = " ".join(line.name(note + i) for i in range(3))
        yield Hit("consecutive_leaps", int(line.at[note + 2]), (line.row,), f"leaps {text}")


def _repeats(context: Context, line: Line) -> Iterator[Hit]:
    """Rows of one pitch: too many strokes, or too long a time."""
    slices = context.slices
    changes = np.flatnonzero(np.diff(line.pitch)) + 1
    starts = np.concatenate([[0], changes])
    stops = np.concatenate([changes, [len(line.at)]])
    if context.wants("repeated_notes"):
        limit = context.params("repeated_notes")["max_repeats"]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            if stop - start > limit:
                text = f"{line.name(start)} {stop - start} times, {limit} at most"
                yield Hit("repeated_notes", int(line.at[start + limit]), (line.row,), text)
    if context.wants("static_voice"):
        longest = context.params("static_voice")["max_quarters"]
        ticks = longest * slices.score.ticks_per_quarter
        onset = slices.tick[line.at]
        # A rest ends the row here: a voice that pauses is not held.
        silent = np.flatnonzero(onset[1:] > line.end[:-1]) + 1
        starts = np.unique(np.concatenate([starts, silent]))
        stops = np.append(starts[1:], len(line.at))
        held = line.end[stops - 1] - onset[starts]
        for index in np.flatnonzero(held > ticks).tolist():
            quarters = held[index] / slices.score.ticks_per_quarter
            start = int(starts[index])
            text = f"{line.name(start)} for {quarters:g} quarters, {longest:g} at most"
            yield Hit("static_voice", int(line.at[start]), (line.row,), text)


__all__ = ["Line", "check_melody", "line_of"]
