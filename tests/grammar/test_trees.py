"""Derivation trees: brackets, graphs, measures, and depth without recursion."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.cfg import Symbol
from hybrid.grammar.notation import read_grammar
from hybrid.grammar.parse import parse
from hybrid.grammar.sample import sample
from hybrid.grammar.temporal import derive
from hybrid.grammar.trees import Tree, format_tree, graph_attributes, read_tree, to_graph


def test_a_bracket_string_reads_as_a_tree() -> None:
    tree = read_tree("(S (NP she)(VP (V sings) 'to me' (E)))")
    assert tree.symbol == Symbol("S")
    assert tree.tokens() == ("she", "sings", "to me")
    assert tree.depth() == 3
    assert str(tree) == "(S (NP she) (VP (V sings) 'to me' (E)))"


names = st.text(st.characters(codec="utf-8", exclude_characters="'\"\n"), min_size=1, max_size=5)
leaves = st.builds(
    lambda name, length: Tree(Symbol(name, True), duration=length),
    names,
    st.none() | st.fractions(min_value=0, max_value=8, max_denominator=6),
)
trees = st.recursive(
    st.builds(lambda name: Tree(Symbol(name)), names) | leaves,
    lambda below: st.builds(
        lambda name, children: Tree(Symbol(name), tuple(children)),
        names,
        st.lists(below, max_size=4),
    ),
    max_leaves=12,
)


@given(names, st.lists(trees, max_size=3))
def test_reading_a_written_tree_gives_the_same_text(name: str, below: list[Tree]) -> None:
    tree = Tree(Symbol(name), tuple(below))
    text = format_tree(tree)
    again = read_tree(text)
    assert format_tree(again) == text
    assert read_tree(format_tree(again)) == again
    assert [n.symbol for n in again.preorder()] == [n.symbol for n in tree.preorder()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(S (NP she)", "never closed"),
        ("(S a))", "cannot be read at column 6"),
        ("S", "must start with '\\(', got 'S'"),
        (") a", "closes too often at column 1"),
        ("(S a) b", "cannot be read at column 6"),
        ("(S a[x])", "length of a must be a number"),
        ("", "is empty"),
        ("( )", "cannot be read at column 1"),
    ],
)
def test_bad_brackets_are_refused(text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        read_tree(text)


def test_durations_add_up_from_the_leaves() -> None:
    tree = read_tree("(Form (A a[8] (E)) (B b[4] b[7/2]))")
    assert tree.duration == Fraction(31, 2)
    assert [child.duration for child in tree.children] == [8, Fraction(15, 2)]
    assert [(leaf.symbol.name, int(onset)) for leaf, onset in tree.onsets()] == [
        ("a", 0),
        ("b", 8),
        ("b", 12),
    ]
    assert read_tree("(S a[8] b)").duration is None
    with pytest.raises(GrammarError, match="leaf 'b' has no duration"):
        read_tree("(S a[8] b)").onsets()


def test_tokens_with_lengths_are_what_the_parser_reads() -> None:
    grammar = read_grammar("S -> (0.5) a[8] S | (0.25) a[16] | (0.25) b")
    tree = sample(grammar, stage_rng(1, "tree"), length=33)
    assert parse(grammar, tree.tokens(lengths=True)).tree == tree


def test_probability_and_depth_of_a_tree() -> None:
    grammar = read_grammar("S -> (0.5) A S | (0.5) A\nA -> (0.25) a | (0.75) b")
    tree = parse(grammar, ["a", "b"]).tree
    assert tree.log_probability() == pytest.approx(math.log(0.5 * 0.25 * 0.5 * 0.75))
    assert tree.depth() == 3
    assert len(tree.nonterminals()) == 4


def test_trees_as_deep_as_a_thousand_rules_are_no_trouble() -> None:
    text = "(S a " * 3000 + ")" * 3000
    tree = read_tree(text)
    again = read_tree(str(tree))
    assert tree == again
    assert hash(tree) == hash(again)
    assert tree.depth() == 3000
    assert nx.dag_longest_path_length(to_graph(tree)) == 3000


def test_the_graph_is_a_tree_with_the_nodes_attributes() -> None:
    grammar = read_grammar(
        "S -> (1) NP VP\nNP -> (1) she[1]\nVP -> (0.5) V NP | (0.5) V\nV -> (1) sees[2]"
    )
    graph = to_graph(parse(grammar, ["she", "sees", "she"]).tree)
    assert nx.is_arborescence(graph)
    assert graph.nodes[0] == {
        "symbol": "S",
        "terminal": False,
        "rule": "S -> (1) NP VP",
        "probability": 1.0,
        "span": (0, 3),
        "onset": Fraction(0),
        "duration": Fraction(4),
        "key": None,
    }
    rows = {d["symbol"]: d for _, d in graph.nodes(data=True)}
    assert rows["VP"]["span"] == (1, 3)
    assert rows["VP"]["onset"] == 1
    assert rows["VP"]["probability"] == 0.5
    assert [graph.edges[e]["order"] for e in graph.out_edges(0)] == [(0,), (1,)]
    assert json.loads(json.dumps(graph_attributes(graph)))[0]["duration"] == "4"


def test_a_shared_sub_derivation_is_one_node_of_the_graph() -> None:
    grammar = read_grammar("S -> let x = A/4 in x B/2 x\nA -> a b\nB -> c")
    tree = derive(grammar, stage_rng(1, "tree"), duration=8)
    full, shared = to_graph(tree), to_graph(tree, shared=True)
    assert len(full) == 9
    assert len(shared) == 6
    assert shared.edges[0, 1]["order"] == (0, 2)
    assert shared.nodes[0]["span"] == (0, 5)
    assert graph_attributes(shared)[0]["children"] == [1, 4, 1]
    onsets = [full.nodes[n]["onset"] for n in full if full.nodes[n]["symbol"] == "A"]
    assert onsets == [0, 6]
