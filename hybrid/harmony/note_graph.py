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
    graph: Any = nx.MultiDiGraph()
    for place, values in enumerate(_note_values(whole, score)):
        bar = values["bar"]
        if (first_bar is not None and bar < first_bar) or (last_bar is not None and bar > last_bar):
            continue
        graph.add_node(place, **values)
    for name, sources, targets in whole.shown():
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            if source in graph and target in graph:
                graph.add_edge(source, target, relation=name)
    return graph


def _note_values(graph: ScoreGraph, score: Score) -> Iterator[dict[str, Any]]:
    """What stands at each node."""
    names = [track.name for track in score.tracks]
    scale = Fraction(score.ticks_per_quarter, TICKS_PER_QUARTER)
    for note in graph.notes.tolist():
        onset, end, pitch, spelling, _, track, _ = note
        yield {
            "pitch": pitch_name(pitch, spelling),
            "bar": score.bar_at(round(onset * scale)).number,
            "onset_quarters": onset / TICKS_PER_QUARTER,
            "duration_quarters": (end - onset) / TICKS_PER_QUARTER,
            "track": names[track],
        }


#: Names of the nodes' values and their types in GraphML.
_NODE_KEYS = {
    "pitch": "string",
    "bar": "long",
    "onset_quarters": "double",
    "duration_quarters": "double",
    "track": "string",
}


def write_graphml(score: Score, path: Path) -> None:
    """Write the graph of `note_graph` as GraphML, whole or not at all.

    Written straight as text: networkx takes seconds for a sonata movement.
    """
    from xml.sax.saxutils import escape

    from hybrid.io.atomic import write_text

    graph = score_graph(score)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        *(
            f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>'
            for name, kind in _NODE_KEYS.items()
        ),
        '<key id="relation" for="edge" attr.name="relation" attr.type="string"/>',
        '<graph edgedefault="directed">',
    ]
    for place, values in enumerate(_note_values(graph, score)):
        data = "".join(
            f'<data key="{name}">{escape(str(value))}</data>' for name, value in values.items()
        )
        lines.append(f'<node id="{place}">{data}</node>')
    number = 0
    for name, sources, targets in graph.shown():
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            lines.append(
                f'<edge id="{number}" source="{source}" target="{target}">'
                f'<data key="relation">{name}</data></edge>'
            )
            number += 1
    lines += ["</graph>", "</graphml>"]
    write_text(path, "\n".join(lines) + "\n")
