"""Onsets that constraints ask for and that contradict each other, whatever the notes are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hybrid.rules.asked import Asked, Count, Line, Onsets
from hybrid.rules.voicings import SILENT


def contradict(active: Sequence[Asked]) -> bool:
    """Whether constraints ask for onsets, or numbers of them, that cannot be the same ones."""
    onsets = [found for item in active for found in item.onsets]
    lines = [line for item in active for line in item.lines]
    counts = [count for item in active for count in item.counts]
    for one, two in combinations(onsets, 2):
        low, high = max(one.start, two.start), min(one.end, two.end)
        if one.voice == two.voice and any(low <= tick < high for tick in one.ticks ^ two.ticks):
            return True
    for line in lines:
        struck = {n[0] for n in line.notes if n[2] != SILENT}
        for one in onsets:
            low, high = max(one.start, line.start), min(one.end, line.end)
            if one.voice == line.voice and any(low <= tick < high for tick in struck ^ one.ticks):
                return True
        for other in lines:
            low, high = max(other.start, line.start), min(other.end, line.end)
            again = {n[0] for n in other.notes if n[2] != SILENT}
            if other.voice == line.voice and any(low <= t < high for t in struck ^ again):
                return True
    for first, second in combinations(counts, 2):
        same = (first.start, first.end) == (second.start, second.end)
        shared = set(first.voices) & set(second.voices)
        if same and shared and max(first.fewest, second.fewest) > min(first.most, second.most):
            return True
    return any(_miscounts(count, onsets, lines) for count in counts)


def _miscounts(count: Count, onsets: Sequence[Onsets], lines: Sequence[Line]) -> bool:
    """Whether a bar whose onsets are all fixed has too few or too many."""
    if count.fewest * 120 > count.end - count.start:
        return True
    for voice in count.voices:
        fixed: set[int] | None = None
        for onset in onsets:
            if onset.voice == voice and onset.start <= count.start and count.end <= onset.end:
                fixed = set(onset.ticks)
        for line in lines:
            if line.voice == voice and line.start <= count.start and count.end <= line.end:
                fixed = {n[0] for n in line.notes if n[2] != SILENT}
        if fixed is not None:
            number = sum(count.start <= tick < count.end for tick in fixed)
            if not count.fewest <= number <= count.most:
                return True
    return False
