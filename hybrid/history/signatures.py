"""Signatures: patterns of the outer voices that come in several works, found by matching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.history.chorales import Beat

#: Most intervals of a pattern that may differ, and by how many semitones at most.
INTERVALS_OFF = 1
AMOUNT_OFF = 1


@dataclass(frozen=True)
class Signature:
    """A pattern that several works have.

    Attributes
    ----------
    soprano, bass : tuple of int
        Semitones from each beat to the next, as in the place that has most others like it; the
        bass's within -5..6, octaves left out.
    places : tuple of (int, int)
        Chorale and index of the first beat of each place; no two places share a beat.
    at_ends : int
        How many of them end a phrase.
    """

    soprano: tuple[int, ...]
    bass: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    at_ends: int

    @property
    def works(self) -> int:
        """How many works have it."""
        return len({chorale for chorale, _ in self.places})

    @property
    def beats(self) -> int:
        return len(self.soprano) + 1


def windows(
    works: Mapping[int, Sequence[Beat]], size: int
) -> tuple[list[tuple[int, int]], NDArray[np.int8]]:
    """All runs of ``size`` beats: where they are, and how soprano and bass go in them.

    Returns
    -------
    places : list of (int, int)
        Chorale and index of the first beat.
    steps : array of int8, shape (windows, 2 * (size - 1))
        Semitones from beat to beat: the soprano's, then the bass's within -5..6.
    """
    places, rows = [], []
    for number, beats in works.items():
        lines = np.array([(beat.start[0], beat.start[-1]) for beat in beats])
        steps = np.diff(lines, axis=0)
        # A fifth down and a fourth up are one step to the bass.
        steps[:, 1] = (steps[:, 1] + 5) % 12 - 5
        for first in range(len(beats) - size + 1):
            # A pattern does not reach over the end of a phrase.
            if any(beat.is_end for beat in beats[first : first + size - 1]):
                continue
            places.append((number, first))
            rows.append(steps[first : first + size - 1].T.ravel())
    found = np.array(rows, dtype=np.int8).reshape(len(rows), 2 * (size - 1))
    return places, found


def is_like(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two patterns match: at most `INTERVALS_OFF` differ, by `AMOUNT_OFF` at most.

    >>> is_like((2, 2, -5), (2, 1, -5)), is_like((2, 2, -5), (2, 0, -5))
    (True, False)
    """
    gaps = [abs(a - b) for a, b in zip(one, other, strict=True)]
    return max(gaps, default=0) <= AMOUNT_OFF and sum(gap > 0 for gap in gaps) <= INTERVALS_OFF


def find_signatures(
    works: Mapping[int, Sequence[Beat]], size: int, least_works: int, most: int
) -> list[Signature]:
    """Patterns that come in at least so many works, those of the most works first.

    Patterns without any movement of the outer voices do not count. Each beat belongs to one
    signature at most: what the more common one has taken is left out of the others.

    Parameters
    ----------
    works : mapping
        Number of each work to its beats.
    size : int
        Beats of a pattern, 2 or more.
    least_works, most : int
        Fewest works, and how many signatures are wanted at most.
    """
    places, steps = windows(works, size)
    numbers = np.array([place[0] for place in places])
    patterns, kind, counts = np.unique(steps, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    moving = (patterns != 0).any(axis=1)
    gaps = np.abs(patterns[:, None].astype(np.int16) - patterns[None])
    alike = (gaps.max(axis=2) <= AMOUNT_OFF) & ((gaps > 0).sum(axis=2) <= INTERVALS_OFF)
    free = np.ones(len(places), dtype=bool)
    work_ids = {number: row for row, number in enumerate(works)}
    found: list[Signature] = []
    taken: set[tuple[int, int]] = set()
    # In which works each pattern is, (patterns, works).
    has = np.zeros((len(patterns), len(work_ids)), dtype=bool)
    has[kind, [work_ids[number] for number in numbers]] = True
    totals = np.array([has[alike[row]].any(axis=0).sum() for row in range(len(patterns))])
    order = np.lexsort((-counts, -totals))
    used = np.zeros(len(patterns), dtype=bool)
    for row in order:
        if len(found) == most or totals[row] < least_works:
            break
        if used[row] or not moving[row]:
            continue
        members = np.flatnonzero(alike[row][kind] & free)
        chosen = []
        for member in members.tolist():
            number, first = places[member]
            beats = [(number, first + step) for step in range(size)]
            if not taken.intersection(beats):
                taken.update(beats)
                chosen.append((number, first))
                free[member] = False
        if len({number for number, _ in chosen}) < least_works:
            taken.difference_update(
                (number, first + step) for number, first in chosen for step in range(size)
            )
            continue
        used |= alike[row]
        half = size - 1
        found.append(
            Signature(
                tuple(patterns[row][:half].tolist()),
                tuple(patterns[row][half:].tolist()),
                tuple(chosen),
                sum(works[number][first + size - 1].is_end for number, first in chosen),
            )
        )
    return sorted(found, key=lambda signature: -signature.works)
