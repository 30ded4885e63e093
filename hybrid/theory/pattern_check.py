"""Checks of the rules that a set declares by a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING, pitch_name
from hybrid.theory.context import Context, Hit
from hybrid.theory.melody import Line, line_of
from hybrid.theory.motion import find_moves
from hybrid.theory.patterns import Interval, Pattern
from hybrid.theory.pitches import INTERVALS, fifths_between, interval_name
from hybrid.theory.slices import REST

#: Interval names to places on the line of fifths, octaves and unisons as one.
_FIFTHS = {name: place for place, name in INTERVALS.items()}


def check_patterns(context: Context) -> Iterator[Hit]:
    """Every rule of the set that has a pattern."""
    for rule in context.rules.rules.values():
        if rule.pattern is not None:
            yield from _CHECKS[rule.pattern.kind](context, rule.id, rule.pattern)


def _matches(
    pattern: Pattern, semitones: NDArray[np.int64], fifths: NDArray[np.int64], spelled: bool
) -> NDArray[np.bool_]:
    """Whether intervals (sizes, and places on the line of fifths) are among the pattern's."""
    size = np.abs(semitones)
    found = np.zeros(len(size), dtype=bool)
    for interval in pattern.intervals:
        alike = size == interval.semitones
        if interval.is_simple and not pattern.exact:
            alike = (size % 12 == interval.semitones % 12) & (size >= interval.semitones)
        place = _place(interval)
        found |= alike & (fifths == place) if spelled and place is not None else alike
    return found


def _place(interval: Interval) -> int | None:
    """Place of an interval on the line of fifths; None for TT, which any spelling matches."""
    if interval.name == "TT":
        return None
    number = (int(interval.name[1:]) - 1) % 7 + 1
    return _FIFTHS.get(f"{interval.name[0]}{number}")


def _is_spelled(context: Context) -> bool:
    """Whether the score names its notes; else intervals are taken by semitones."""
    return any((voice.notes["spelling"] != NO_SPELLING).any() for voice in context.slices.voices)


def _pairs(context: Context, pattern: Pattern) -> list[tuple[int, int]]:
    """Rows of the voices that a pattern speaks of, two by two."""
    n_voices = context.slices.n_voices
    pairs = list(combinations(range(n_voices), 2))
    if pattern.voices == "outer":
        return [(0, n_voices - 1)] if n_voices > 1 else []
    if pattern.voices == "adjacent":
        return [(upper, lower) for upper, lower in pairs if lower == upper + 1]
    if isinstance(pattern.voices, tuple):
        rows = set(_rows(context, pattern))
        return [pair for pair in pairs if set(pair) <= rows]
    return pairs


def _rows(context: Context, pattern: Pattern) -> list[int]:
    names = [name.lower() for name in context.slices.names]
    if isinstance(pattern.voices, str):
        return list(range(len(names)))
    return [row for row, name in enumerate(names) if name in pattern.voices]


def _vertical(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    slices = context.slices
    spelled = _is_spelled(context)
    accent = {"attack": 0, "beat": 1, "bar": 3}[pattern.at]
    for upper, lower in _pairs(context, pattern):
        rows = slices.pitch[upper], slices.pitch[lower]
        where = (rows[0] != REST) & (rows[1] != REST) & (slices.accent >= accent)
        if pattern.at == "attack":
            where &= slices.attack[upper] | slices.attack[lower]
        fifths = fifths_between(rows[1], slices.spelling[lower], rows[0], slices.spelling[upper])
        where &= _matches(pattern, rows[0] - rows[1], fifths, spelled)
        for slot in np.flatnonzero(where).tolist():
            distance = int(rows[0][slot] - rows[1][slot])
            name = interval_name(distance, int(fifths[slot]) if spelled else None)
            yield Hit(rule, slot, (upper, lower), f"{_two(context, upper, lower, slot)}, {name}")


def _melodic(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    spelled = _is_spelled(context)
    for row in _rows(context, pattern):
        line = line_of(context, row)
        if len(line.at) < 2:
            continue
        step = np.diff(line.pitch)
        fifths = fifths_between(
            line.pitch[:-1], line.spelling[:-1], line.pitch[1:], line.spelling[1:]
        )
        if pattern.widest is not None:
            where = np.abs(step) > pattern.widest.semitones
        else:
            where = _matches(pattern, step, fifths, spelled)
        if pattern.direction != "both":
            where &= (step > 0) if pattern.direction == "up" else (step < 0)
        for note in np.flatnonzero(where & line.joined).tolist():
            yield _leap(line, rule, note, int(step[note]), int(fifths[note]) if spelled else None)


def _leap(line: Line, rule: str, note: int, step: int, fifths: int | None) -> Hit:
    text = f"{line.name(note)} to {line.name(note + 1)}, {interval_name(step, fifths)}"
    return Hit(rule, int(line.at[note + 1]), (line.row,), text)


def _parallel(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    slices = context.slices
    spelled = _is_spelled(context)
    for upper, lower in _pairs(context, pattern):
        moves = find_moves(context, upper, lower)
        sizes = []
        for at, distance in ((moves.before, moves.distance), (moves.after, moves.next_distance)):
            fifths = fifths_between(
                slices.pitch[lower, at],
                slices.spelling[lower, at],
                slices.pitch[upper, at],
                slices.spelling[upper, at],
            )
            sizes.append(_matches(pattern, distance, fifths, spelled))
        alike = sizes[0] & sizes[1] & moves.similar & ~moves.keeps_pitch_classes
        run = 1
        for index in range(len(alike)):
            joined = index > 0 and moves.before[index] == moves.after[index - 1]
            run = (run + 1 if joined else 2) if alike[index] else 1
            if alike[index] and run > pattern.max_in_row:
                before, after = int(moves.before[index]), int(moves.after[index])
                text = f"{_two(context, upper, lower, before)} to "
                text += _two(context, upper, lower, after)
                yield Hit(rule, after, (upper, lower), text)


def _range(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    pitch, attack = context.slices.pitch, context.slices.attack
    for row, name in enumerate(context.slices.names):
        if name.lower() not in pattern.limits:
            continue
        lowest, highest = pattern.limits[name.lower()]
        outside = attack[row] & ((pitch[row] < lowest) | (pitch[row] > highest))
        for slot in np.flatnonzero(outside).tolist():
            limits = f"{pitch_name(lowest)}..{pitch_name(highest)}"
            yield Hit(rule, slot, (row,), f"{_one(context, row, slot)} lies outside {limits}")


def _compass(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    assert pattern.widest is not None
    for row in _rows(context, pattern):
        line = line_of(context, row)
        low, high = int(np.argmin(line.pitch)), int(np.argmax(line.pitch))
        span = int(line.pitch[high] - line.pitch[low])
        if span > pattern.widest.semitones:
            # The later of the two ends is where the limit is passed at the latest.
            slot = int(line.at[max(low, high)])
            text = f"{line.name(low)} to {line.name(high)}, {pattern.widest.name} at most"
            yield Hit(rule, slot, (row,), text)


def _values(context: Context, rule: str, pattern: Pattern) -> Iterator[Hit]:
    tpq = context.slices.score.ticks_per_quarter
    allowed = {value * tpq for value in pattern.allowed}
    for row in _rows(context, pattern):
        at = np.flatnonzero(context.slices.attack[row])
        notes = context.slices.voices[row].notes
        for slot in at.tolist():
            duration = int(notes["duration"][context.slices.note[row, slot]])
            if duration not in allowed:
                text = f"{_one(context, row, slot)} lasts {Fraction(duration, tpq)} quarters"
                yield Hit(rule, slot, (row,), text)


def _one(context: Context, row: int, slot: int) -> str:
    slices = context.slices
    return pitch_name(int(slices.pitch[row, slot]), int(slices.spelling[row, slot]))


def _two(context: Context, upper: int, lower: int, slot: int) -> str:
    return f"{_one(context, lower, slot)}-{_one(context, upper, slot)}"


_CHECKS = {
    "vertical": _vertical,
    "melodic": _melodic,
    "parallel": _parallel,
    "range": _range,
    "compass": _compass,
    "values": _values,
}

__all__ = ["check_patterns"]
