"""The note graph: notes joined by how they follow and overlap, built without loops over pairs.

Relations, for notes a and b:

============  ====================================================
onset         a and b start together
during        b starts while a sounds
consecutive   b starts where a ends
silence       a ends, nothing sounds, and b is among the next notes
============  ====================================================

``onset`` joins both ways at once; the others are kept in both directions.

References
----------
Karystinaios, E., & Widmer, G. (2023). Roman numeral analysis with graph neural networks:
onset-wise predictions from note-wise features. ISMIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Directed relations: an edge carries a message from its source to its target.
RELATIONS = (
    "onset",
    "during",
    "during-back",
    "consecutive",
    "consecutive-back",
    "silence",
    "silence-back",
)
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NoteGraph:
    """Edges between the rows of a note array.

    Attributes
    ----------
    source, target : np.ndarray, shape (n_edges,), int64
        Sorted by target.
    relation : np.ndarray, shape (n_edges,), int64
        Index into `RELATIONS`.
    """

    source: Index
    target: Index
    relation: Index

    def of(self, name: str) -> tuple[Index, Index]:
        """Sources and targets of one relation."""
        keep = self.relation == RELATIONS.index(name)
        return self.source[keep], self.target[keep]


def expand_ranges(first: Index, last: Index) -> tuple[Index, Index]:
    """Rows and members of the ranges ``first[i] .. last[i] - 1``, one after the other.

    >>> rows, members = expand_ranges(np.array([3, 7]), np.array([5, 8]))
    >>> rows.tolist(), members.tolist()
    ([0, 0, 1], [3, 4, 7])
    """
    counts = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(first)), counts)
    starts = np.cumsum(counts) - counts
    members = np.arange(int(counts.sum())) - np.repeat(starts - first, counts)
    return rows, members


def build_graph(onset: NDArray[Any], end: NDArray[Any]) -> NoteGraph:
    """Edges of the note graph.

    Parameters
    ----------
    onset, end : np.ndarray, shape (n,), int
        Ticks; ``onset`` ascends and ``end > onset``.

    Raises
    ------
    ValueError
        If ``onset`` does not ascend.
    """
    onset = np.asarray(onset, np.int64)
    end = np.asarray(end, np.int64)
    if np.any(np.diff(onset) < 0):
        at = int(np.argmax(np.diff(onset) < 0)) + 1
        raise ValueError(f"onsets must ascend, got {onset[at]} after {onset[at - 1]} (note {at})")
    group_first = np.searchsorted(onset, onset, side="left")
    group_last = np.searchsorted(onset, onset, side="right")
    pairs: list[tuple[Index, Index]] = []

    one, other = expand_ranges(group_first, group_last)
    keep = one != other
    pairs.append((one[keep], other[keep]))

    at_end = np.searchsorted(onset, end, side="left")
    after_end = np.searchsorted(onset, end, side="right")
    one, other = expand_ranges(group_last, at_end)
    pairs += [(one, other), (other, one)]

    one, other = expand_ranges(at_end, after_end)
    pairs += [(one, other), (other, one)]

    # Silence: no note starts at the end of a, and every note begun before has ended by then.
    if len(onset):
        latest = np.maximum.accumulate(end)
        next_note = np.minimum(at_end, len(onset) - 1)
        rests = (at_end < len(onset)) & (at_end == after_end) & (latest[at_end - 1] <= end)
        stop = np.where(rests, group_last[next_note], at_end)
        one, other = expand_ranges(at_end, stop)
    pairs += [(one, other), (other, one)]

    source = np.concatenate([pair[0] for pair in pairs])
    target = np.concatenate([pair[1] for pair in pairs])
    relation = np.repeat(np.arange(len(pairs)), [len(pair[0]) for pair in pairs])
    order = np.lexsort((source, relation, target))
    return NoteGraph(source[order], target[order], relation[order])
