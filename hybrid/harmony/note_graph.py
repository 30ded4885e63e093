"""The note graph for people: a networkx graph with names, and GraphML for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import pitch_name
from hybrid.core.score import Score
from hybrid.harmony.annotations import score_notes, with_spelling
from hybrid.harmony.corpus import TICKS_PER_QUARTER
from hybrid.harmony.graph import Index, NoteGraph, build_graph

if TYPE_CHECKING:
    import networkx as nx

#: One direction of each relation: the other says the same to people.
SHOWN = ("onset", "during", "consecutive", "silence")


@dataclass(frozen=True, eq=False)
class ScoreGraph:
    """The note graph of a score as arrays. N notes.

    Attributes
    ----------
    notes : np.ndarray of `corpus.NOTES`, shape (N,)
        By onset, then pitch, without drums; 480 ticks a quarter; every note is spelled.
    places : np.ndarray, shape (N, 2), int64
        Track, and number in the track, of each note.
    edges : NoteGraph
    """

    notes: NDArray[Any]
    places: NDArray[np.int64]
    edges: NoteGraph

    def shown(self) -> Iterator[tuple[str, Index, Index]]:
        """Relation, sources and targets, each edge in one direction."""
        for name in SHOWN:
            source, target = self.edges.of(name)
            # Notes that start together are joined once.
            keep = source < target if name == "onset" else np.ones(len(source), bool)
            yield name, source[keep], target[keep]


def score_graph(score: Score) -> ScoreGraph:
    """Notes and edges as the network reads them."""
    notes, places = score_notes(score)
    notes = with_spelling(notes)
    return ScoreGraph(notes, places, build_graph(notes["onset"], notes["end"]))


def note_graph(score: Score, first_bar: int | None = None, last_bar: int | None = None) -> nx.Graph:
    """The notes of a score, or of some bars, and how they follow and overlap.

    Parameters
    ----------
    score : Score
        Drums are left out.
    first_bar, last_bar : int, optional
        Printed bar numbers, both included; notes that start in them are taken.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes 0.. with ``pitch`` (a name such as F#4), ``bar``, ``onset_quarters``,
        ``duration_quarters`` and ``track``; edges with ``relation``.
    """
    import networkx as nx

    whole = score_graph(score)
    notes = whole.notes
    names = [track.name for track in score.tracks]
    scale = Fraction(score.ticks_per_quarter, TICKS_PER_QUARTER)
    graph: Any = nx.MultiDiGraph()
    for place, note in enumerate(notes):
        bar = score.bar_at(round(int(note["onset"]) * scale)).number
        if (first_bar is not None and bar < first_bar) or (last_bar is not None and bar > last_bar):
            continue
        graph.add_node(
            place,
            pitch=pitch_name(int(note["pitch"]), int(note["spelling"])),
            bar=bar,
            onset_quarters=float(note["onset"] / TICKS_PER_QUARTER),
            duration_quarters=float((note["end"] - note["onset"]) / TICKS_PER_QUARTER),
            track=names[int(note["track"])],
        )
    for name, sources, targets in whole.shown():
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            if source in graph and target in graph:
                graph.add_edge(source, target, relation=name)
    return graph


def write_graphml(graph: nx.Graph, path: Path) -> None:
    """Write a graph as GraphML, whole or not at all."""
    import networkx as nx

    from hybrid.io.atomic import write_text

    write_text(path, "\n".join(nx.generate_graphml(graph)) + "\n")
