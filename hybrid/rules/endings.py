"""Endings after which nothing can follow, and what a phrase has to keep because of them.

Where a phrase cannot be written after the ending of the one before, some of that ending's
notes are to blame. They are found by leaving the others out one by one; an ending that has
them all is then shut out of the phrase before, which is written again. What is learned this
way follows from the plan alone, so it stays true, no ending is tried twice, and a conflict is
reported only where every ending of every phrase before has been shut out.

References
----------
Dechter, R. (1990). Enhancement schemes for constraint processing: backjumping, learning, and
cutset decomposition. Artificial Intelligence, 41(3), 273-312.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.rules.lines import Tail

Line = tuple[int, int]  # part and voice number
#: Pitches in which lines may not all end together.
Ending = frozenset[tuple[Line, int]]


def has_ending(tail: Tail, ending: Ending) -> bool:
    """Whether lines end with all the notes of an ending.

    >>> has_ending({(0, 1): (67, 1), (0, 2): (55, 1)}, frozenset({((0, 1), 67)}))
    True
    """
    return all(line in tail and tail[line][0] == pitch for line, pitch in ending)


def blame(tail: Tail, is_blocked: Callable[[Tail], bool]) -> Ending:
    """Notes of an ending that alone leave no way on; none of them can be left out.

    Parameters
    ----------
    tail : mapping
        An ending after which there is no way.
    is_blocked : callable
        Whether there is none after a part of it either. Fewer notes never block more.

    Examples
    --------
    >>> tail = {(0, 1): (67, 1), (0, 2): (62, 2), (1, 1): (55, 1)}
    >>> sorted(blame(tail, lambda rest: (0, 1) in rest and (1, 1) in rest))
    [((0, 1), 67), ((1, 1), 55)]
    """
    kept = dict(tail)
    for line in sorted(tail):
        rest = {other: note for other, note in kept.items() if other != line}
        if is_blocked(rest):
            kept = rest
    return frozenset((line, note[0]) for line, note in kept.items())


def barred_pitches(line: Line, others: Mapping[Line, int], barred: Sequence[Ending]) -> set[int]:
    """Pitches on which a line may not end where the other lines end as they do.

    Parameters
    ----------
    others : mapping of line to pitch
        How the others end.

    Examples
    --------
    >>> ending = frozenset({((0, 1), 67), ((0, 2), 55)})
    >>> barred_pitches((0, 1), {(0, 2): 55}, [ending])
    {67}
    >>> barred_pitches((0, 1), {(0, 2): 57}, [ending])
    set()
    """
    found = set()
    for ending in barred:
        mine = {pitch for own, pitch in ending if own == line}
        rest = [(own, pitch) for own, pitch in ending if own != line]
        if mine and all(others.get(own) == pitch for own, pitch in rest):
            found |= mine
    return found


def shut_out(
    ends: Mapping[Line, NDArray[np.int64]], barred: Sequence[Ending], n_rows: int
) -> NDArray[np.float64]:
    """Cost of last voicings for the endings that they would make: inf where one is barred.

    Parameters
    ----------
    ends : mapping
        Each line's last pitch, shape (n_rows,) each; lines that are not there are silent.
    barred : sequence of Ending
    n_rows : int

    Returns
    -------
    np.ndarray, shape (n_rows,), float64
    """
    out = np.zeros(n_rows, dtype=bool)
    for ending in barred:
        hit = np.ones(n_rows, dtype=bool)
        for line, pitch in ending:
            hit &= ends[line] == pitch if line in ends else False
        out |= hit
    return np.where(out, np.inf, 0.0)
