"""The note graph against a slow one that follows the definitions word by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.score import Score, Track, make_notes
from hybrid.harmony.graph import RELATIONS, build_graph, expand_ranges
from hybrid.harmony.note_graph import note_graph, write_graphml


def naive_edges(onset: list[int], end: list[int]) -> set[tuple[str, int, int]]:
    edges = set()
    n = len(onset)
    for a in range(n):
        rests = not any(onset[c] <= end[a] < end[c] for c in range(n))
        later = [onset[c] for c in range(n) if onset[c] > end[a]]
        follows = any(onset[c] == end[a] for c in range(n))
        for b in range(n):
            if a != b and onset[a] == onset[b]:
                edges.add(("onset", a, b))
            if onset[a] < onset[b] < end[a]:
                edges |= {("during", a, b), ("during-back", b, a)}
            if end[a] == onset[b]:
                edges |= {("consecutive", a, b), ("consecutive-back", b, a)}
            if rests and not follows and later and onset[b] == min(later):
                edges |= {("silence", a, b), ("silence-back", b, a)}
    return edges


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=0, max_size=12))
def test_graph_is_that_of_the_definitions(notes: list[tuple[int, int]]) -> None:
    notes = sorted(notes)
    onset = [start for start, _ in notes]
    end = [start + length for start, length in notes]
    graph = build_graph(np.array(onset, np.int64), np.array(end, np.int64))
    found = list(
        zip(
            [RELATIONS[r] for r in graph.relation],
            graph.source.tolist(),
            graph.target.tolist(),
            strict=True,
        )
    )
    assert len(found) == len(set(found))
    assert set(found) == naive_edges(onset, end)
    assert np.all(np.diff(graph.target) >= 0)


def test_onsets_must_ascend() -> None:
    with pytest.raises(ValueError, match=r"onsets must ascend, got 0 after 5 \(note 1\)"):
        build_graph(np.array([5, 0]), np.array([6, 1]))


def test_ranges_may_be_empty() -> None:
    rows, members = expand_ranges(np.array([2, 5, 7]), np.array([2, 7, 6]))
    assert rows.tolist() == [1, 1]
    assert members.tolist() == [5, 6]


def test_the_graph_for_people_names_notes_and_bars(tmp_path: Path) -> None:
    import networkx as nx

    rows = [(0, 960, 60), (0, 480, 64), (480, 480, 65), (960, 480, 61, 80, 0, 7), (1920, 480, 62)]
    score = Score(tracks=(Track("upper", make_notes(rows)),))
    graph = note_graph(score)
    # Sorted by onset and pitch: C4 E4 | F4 | C#4 | (rest) D4 in the second bar.
    assert [graph.nodes[n]["pitch"] for n in graph] == ["C4", "E4", "F4", "C#4", "D4"]
    assert [graph.nodes[n]["bar"] for n in graph] == [1, 1, 1, 1, 2]
    assert {(a, b, d["relation"]) for a, b, d in graph.edges(data=True)} == {
        (0, 1, "onset"),
        (0, 2, "during"),
        (1, 2, "consecutive"),
        (0, 3, "consecutive"),
        (2, 3, "consecutive"),
        (3, 4, "silence"),
    }
    assert list(note_graph(score, 2, 2)) == [4]
    write_graphml(score, tmp_path / "a.graphml")
    again = nx.read_graphml(tmp_path / "a.graphml", node_type=int)
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert sorted(again.edges(data="relation")) == sorted(graph.edges(data="relation"))
