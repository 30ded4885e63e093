"""L-systems: known answers from the literature, contexts, chance, growth, limits."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.core.seeds import stage_rng
from hybrid.grammar.lsystem import LSystem
from hybrid.grammar.lsystem_notation import load_lsystem, lsystem_names, parse_lsystem
from hybrid.grammar.lsystem_rules import Module, join_symbols
from hybrid.grammar.lsystem_turtle import TurtleConfig, TurtlePath, turtle_path


def strings(system: LSystem, steps: int) -> list[str]:
    return [
        join_symbols(str(module) for module in generation)
        for generation in system.derive(steps).generations
    ]


def steps_forward(name: str, order: int) -> int:
    return sum(module.symbol == "F" for module in load_lsystem(name).derive(order).last)


def walk(name: str, order: int) -> TurtlePath:
    system = load_lsystem(name)
    config = TurtleConfig.from_options(system.readings.get("turtle", {}))
    return turtle_path(system.derive(order).last, config)


# --- Known answers ------------------------------------------------------------


def test_algae_strings_and_fibonacci_lengths() -> None:
    algae = load_lsystem("algae")
    assert strings(algae, 5) == ["A", "AB", "ABA", "ABAAB", "ABAABABA", "ABAABABAABAAB"]
    derived = [len(generation) for generation in algae.derive(20).generations]
    fibonacci = [1, 2]
    while len(fibonacci) < 101:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert derived == fibonacci[:21]
    # Without deriving: string 100 has 9 * 10^20 symbols.
    assert list(algae.lengths(100)) == fibonacci


def test_anabaena_filament() -> None:
    assert strings(load_lsystem("anabaena"), 4) == [
        "ar",
        "al br",
        "bl ar ar",
        "al al br al br",
        "bl ar bl ar ar bl ar ar",
    ]


def test_parametric_system_derived_by_hand_in_the_book() -> None:
    assert strings(load_lsystem("parametric_example"), 5) == [
        "B(2)A(4,4)",
        "B(1)B(4)A(1,0)",
        "B(0)B(3)A(2,1)",
        "CB(2)A(4,3)",
        "CB(1)A(8,7)",
        "CB(0)B(8)A(8/7,0)",
    ]


def test_signal_runs_along_the_string() -> None:
    assert strings(load_lsystem("signal"), 4) == [
        "baaaaaaaa",
        "abaaaaaaa",
        "aabaaaaaa",
        "aaabaaaaa",
        "aaaabaaaa",
    ]


def test_signals_climb_and_descend_a_branching_structure() -> None:
    assert strings(load_lsystem("signal_up"), 3) == [
        "B[+A]A[-A]A[+A]A",
        "B[+B]B[-A]A[+A]A",
        "B[+B]B[-B]B[+A]A",
        "B[+B]B[-B]B[+B]B",
    ]
    assert strings(load_lsystem("signal_down"), 3) == [
        "A[+A]A[-A]A[+A]B",
        "A[+A]A[-A]B[+A]B",
        "A[+A]B[-A]B[+A]B",
        "B[+A]B[-A]B[+A]B",
    ]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_hilbert_curve_has_4_to_the_n_less_1_steps_and_visits_every_point_once(order: int) -> None:
    assert steps_forward("hilbert", order) == 4**order - 1
    path = walk("hilbert", order)
    points = {(0.0, 0.0), *(tuple(point) for point in path.end.tolist())}
    assert points == {(float(x), float(y)) for x in range(2**order) for y in range(2**order)}


@pytest.mark.parametrize(
    ("name", "order", "steps"),
    [
        ("peano", 2, 9**2 - 1),
        ("peano", 3, 9**3 - 1),
        ("dragon", 6, 2**6),
        ("koch_curve", 4, 4**4),
        ("koch_island", 3, 4 * 8**3),
        ("sierpinski", 5, 3**5),
        ("plant", 4, 5**4),
    ],
)
def test_forward_steps_of_classical_curves(name: str, order: int, steps: int) -> None:
    assert steps_forward(name, order) == steps


def test_dragon_curve_never_takes_one_edge_twice() -> None:
    path = walk("dragon", 9)
    ends = zip(path.start.tolist(), path.end.tolist(), strict=True)
    edges = Counter(frozenset((tuple(a), tuple(b))) for a, b in ends)
    assert max(edges.values()) == 1


def test_koch_island_is_closed_and_keeps_its_area() -> None:
    for order in range(3):
        path = walk("koch_island", order)
        assert path.end[-1].tolist() == path.start[0].tolist()
        x, y = path.start[:, 0], path.start[:, 1]
        area = abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
        # Each step is replaced by one that spans 4 of its own, what it adds outside it
        # takes away inside.
        assert area == pytest.approx(16**order)


def test_row_of_trees_grows_by_the_factor_of_its_rule() -> None:
    path = walk("row_of_trees", 4)
    assert float(path.length.sum()) == pytest.approx((1 + 2 * 0.21**0.5) ** 4)
    # The base line keeps its length: the turtle ends where the axiom ends.
    flat = turtle_path(load_lsystem("row_of_trees").derive(0).last)
    assert flat.end[-1].tolist() == [1.0, 0.0]


def test_thue_morse_is_free_of_cubes() -> None:
    text = load_lsystem("thue_morse").text(9)
    assert text.startswith("ABBABAABBAABABBA")
    for size in range(1, 40):
        for start in range(len(text) - 3 * size):
            word = text[start : start + size]
            assert text[start : start + 3 * size] != word * 3


def test_cantor_string_mirrors_itself() -> None:
    text = load_lsystem("cantor").text(4)
    assert text == text[::-1]
    assert text.count("A") == 2**4


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("aaba", ["A", "AABA", "AABAAABABAABA"]),
        ("rondo", ["A", "ABA", "ABACA", "ABACABA"]),
        ("arch", ["", "AA", "ABBA", "ABCCBA", "ABCDCBA"]),
    ],
)
def test_form_systems(name: str, labels: list[str]) -> None:
    forms = strings(load_lsystem(name), len(labels) - 1)
    assert ["".join(symbol for symbol in text if symbol in "ABCD") for text in forms] == labels


# --- Contexts -----------------------------------------------------------------


def rewritten(string: str, rule: str, ignore: str = "") -> str:
    head = f"ignore: {ignore}\n" if ignore else ""
    return parse_lsystem(f"axiom: {string}\n{head}{rule}").text(1)


def test_context_of_the_book_skips_branches() -> None:
    before = "ABC[DE][SG[HI[JK]L]MNO]"
    assert rewritten(before, "BC < S > G[H]M -> X") == "ABC[DE][XG[HI[JK]L]MNO]"
    for other in ("AC < S", "S > GH", "S > G[I]M", "S > G[HJ]M", "S > GMO", "DE < S"):
        assert rewritten(before, f"{other} -> X") == before


@pytest.mark.parametrize(
    ("string", "rule", "after"),
    [
        ("AB", "A < B -> X", "AX"),
        ("A[B]C", "A < C -> X", "A[B]X"),
        ("A[B]C", "A < B -> X", "A[X]C"),
        ("A[B]C", "B < C -> X", "A[B]C"),
        ("[A]B", "A < B -> X", "[A]B"),
        ("A[B]", "A > B -> X", "A[B]"),
        ("A[B]", "A > [B] -> X", "X[B]"),
        ("A[B][C]D", "A > [C]D -> X", "X[B][C]D"),
        ("A[B][C]D", "A > [C][B]D -> X", "A[B][C]D"),
        ("A[B[C]D]", "A > [BD] -> X", "X[B[C]D]"),
        ("A[B[C]D]", "B > [C]D -> X", "A[X[C]D]"),
        ("AA", "A < A -> B", "AB"),
    ],
)
def test_contexts_in_branches(string: str, rule: str, after: str) -> None:
    assert rewritten(string, rule) == after


def test_ignored_symbols_are_invisible_to_contexts() -> None:
    assert rewritten("A+B-C", "A < B > C -> X", "+ -") == "A+X-C"
    assert rewritten("A+B-C", "A < B > C -> X") == "A+B-C"


def test_context_parameters_are_bound() -> None:
    system = parse_lsystem("axiom: A(1)B(2)C(3)\nA(x) < B(y) > C(z) : x + y == z -> B(x*100+z)")
    assert system.text(1) == "A(1)B(103)C(3)"


def test_longer_contexts_go_first_whatever_the_order() -> None:
    text = "axiom: BAC\nA -> X\nB < A -> Y\nB < A > C -> Z"
    assert parse_lsystem(text).text(1) == "BZC"
    assert parse_lsystem(text.replace("BAC", "BAA")).text(1) == "BYX"


def test_conditions_are_tried_in_the_order_of_the_file() -> None:
    system = parse_lsystem("axiom: A(5)\nA(x) : x > 3 -> B\nA(x) : x > 1 -> C\nA(x) -> D")
    assert [system.text(1), parse_lsystem("axiom: A(2)\nA(x) : x > 3 -> B").text(1)] == [
        "B",
        "A(2)",
    ]


def test_modules_match_on_the_number_of_parameters() -> None:
    system = parse_lsystem("axiom: A A(1) A(1,2)\nA(x) -> B(x)")
    assert system.text(1) == "AB(1)A(1,2)"


@given(st.integers(0, 2**31), st.integers(1, 60))
def test_left_context_agrees_with_a_tree(seed: int, size: int) -> None:
    """The nearest left neighbour, found by building the tree the string stands for."""
    rng = np.random.default_rng(seed)
    text, depth = "a", 0
    for _ in range(size):
        choice = int(rng.integers(4))
        if choice == 0:
            text, depth = text + "[", depth + 1
        elif choice == 1 and depth:
            text, depth = text + "]", depth - 1
        text += "ab"[int(rng.integers(2))]
    text += "]" * depth
    expected = ""
    node: str | None = None
    saved: list[str | None] = []
    for symbol in text:
        if symbol == "[":
            saved.append(node)
        elif symbol == "]":
            node = saved.pop()
        else:
            expected += "x" if node == "a" and symbol == "b" else symbol
            node = symbol
            continue
        expected += symbol
    assert rewritten(text, "a < b -> x") == expected


# --- Chance -------------------------------------------------------------------


def test_same_seed_same_string_and_chance_follows_the_probabilities() -> None:
    system = parse_lsystem("axiom: A\nA -> (0.2) B\nA -> (0.3) C\nA -> (0.5) D")
    one = parse_lsystem(f"axiom: {'A' * 6000}\nA -> (0.2) B\nA -> (0.3) C\nA -> (0.5) D")
    texts = [one.text(1, stage_rng(4, "test")) for _ in range(2)]
    assert texts[0] == texts[1]
    shares = [texts[0].count(symbol) / 6000 for symbol in "BCD"]
    # Four standard deviations of a binomial share are at most 0.026.
    assert shares == pytest.approx([0.2, 0.3, 0.5], abs=0.026)
    assert system.is_stochastic


def test_probabilities_may_read_parameters() -> None:
    text = "axiom: A(p)\ndefine: p = VALUE\nA(x) -> (x) B\nA(x) -> (1 - x) C"
    for value, expected in (("0", "C"), ("1", "B")):
        system = parse_lsystem(text.replace("VALUE", value))
        assert system.text(1, stage_rng(1, "x")) == expected
    with pytest.raises(GrammarError, match="add up to 1"):
        parse_lsystem(text.replace("VALUE", "2")).text(1, stage_rng(1, "x"))


def test_expected_lengths_of_a_stochastic_system() -> None:
    system = parse_lsystem("axiom: A\nA -> (0.5) AA\nA -> (0.5) A")
    assert system.lengths(3) == pytest.approx((1, 1.5, 2.25, 3.375))
    drawn = [len(system.derive(3, stage_rng(seed, "x")).last) for seed in range(400)]
    assert float(np.mean(drawn)) == pytest.approx(3.375, abs=0.4)


# --- Growth and history -------------------------------------------------------


@pytest.mark.parametrize("name", ["algae", "hilbert", "dragon", "bush", "koch_island", "rondo"])
def test_matrix_lengths_equal_derived_lengths(name: str) -> None:
    system = load_lsystem(name)
    derived = [len(generation) for generation in system.derive(4).generations]
    assert list(system.lengths(4)) == derived


def test_growth_rate_of_algae_is_the_golden_ratio() -> None:
    symbols, matrix = load_lsystem("algae").growth_matrix()
    assert symbols == ("A", "B")
    assert matrix.tolist() == [[1, 1], [1, 0]]
    rate = max(abs(np.linalg.eigvals(matrix.astype(float))))
    assert rate == pytest.approx((1 + 5**0.5) / 2)


def test_every_module_leads_back_to_the_axiom_by_its_rules() -> None:
    system = load_lsystem("stochastic_plant")
    derivation = system.derive(3, stage_rng(8, "plant"))
    for step, (before, after) in enumerate(pairwise(derivation.generations)):
        parents, rules = derivation.parents[step], derivation.rules[step]
        assert len(parents) == len(rules) == len(after)
        assert np.all(np.diff(parents) >= 0)
        for place, module in enumerate(before):
            made = [after[child].symbol for child in np.flatnonzero(parents == place)]
            rule = int(rules[np.flatnonzero(parents == place)[0]])
            if rule < 0:
                assert made == [module.symbol]
            else:
                assert system.rules[rule].strict.symbol == module.symbol
                assert [part.symbol for part in system.rules[rule].successor] == made
    assert derivation.ancestry(len(derivation.last) - 1)[0] == len(system.axiom) - 1


def test_growth_is_bounded() -> None:
    system = parse_lsystem("name: bang\naxiom: A\nA -> AAAAAAAAAA")
    with pytest.raises(GrammarError, match=r"'bang' must stay within max_symbols 5000.*step 4"):
        system.derive(50, max_symbols=5000)
    assert len(system.derive(3, max_symbols=5000).last) == 1000


@pytest.mark.parametrize("steps", [-1, 10_001])
def test_steps_out_of_range(steps: int) -> None:
    with pytest.raises(GrammarError, match=rf"steps must be in 0..10000, got {steps}"):
        load_lsystem("algae").derive(steps)


def test_stochastic_system_needs_a_generator() -> None:
    with pytest.raises(GrammarError, match="needs a random generator"):
        load_lsystem("stochastic_plant").derive(1)


def test_growth_matrix_refuses_contexts_and_parameters() -> None:
    for name in ("signal", "parametric_example"):
        with pytest.raises(GrammarError, match="free of contexts and parameters"):
            load_lsystem(name).growth_matrix()


def test_steps_compose() -> None:
    """n + m steps are m steps on the string of n steps."""
    system = load_lsystem("bush")
    first = system.derive(2).last
    again = LSystem(first, system.rules)
    assert again.derive(2).last == system.derive(4).last


def test_kinds() -> None:
    kinds = {
        name: "".join(
            letter
            for letter, holds in zip(
                "scpb",
                (
                    system.is_stochastic,
                    system.is_context_sensitive,
                    system.is_parametric,
                    system.is_bracketed,
                ),
                strict=True,
            )
            if holds
        )
        for name in lsystem_names()
        for system in (load_lsystem(name),)
    }
    assert kinds["algae"] == ""
    assert kinds["stochastic_plant"] == "sb"
    assert kinds["signal_up"] == "cb"
    assert kinds["row_of_trees"] == "p"
    assert kinds["parametric_rhythm"] == "sp"
    assert len(kinds) >= 25


def test_module_prints_exact_numbers() -> None:
    assert str(Module("F", (Fraction(1, 3), 0.5))) == "F(1/3,0.5)"
