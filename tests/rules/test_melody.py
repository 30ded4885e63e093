"""Melodies: the sampler against every path, and what no path may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.rules.harmony import Chord
from hybrid.rules.lattice import Blocked
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.melody_costs import candidates_of, edge_cost, pair_cost, triple_cost

Q = 480
PLAIN = Manner()
PhraseMaker = Callable[..., Any]


def chords(*numerals: str, key: str = "C major") -> list[Chord]:
    return [
        Chord(n, 0, n * Q, (n + 1) * Q, RomanNumeral.parse(text), Key.parse(key))
        for n, text in enumerate(numerals)
    ]


def slots_over(found: list[Chord], **more: Any) -> list[Slot]:
    """One quarter for each chord."""
    return [Slot(chord.onset, chord.end, chord, **more) for chord in found]


def draw(slots: list[Slot], seed: int = 0, **more: Any) -> tuple[MelodyNote, ...]:
    options: dict[str, Any] = {"limits": (60, 79), "manner": PLAIN, **more}
    limits, manner = options.pop("limits"), options.pop("manner")
    return draw_melody(slots, limits, np.random.default_rng(seed), manner, **options)


def pitches(line: tuple[MelodyNote, ...]) -> list[int]:
    return [note.pitch for note in line]


def path_costs(slots: list[Slot], limits: tuple[int, int]) -> dict[tuple[int, ...], float]:
    """Every path and its cost, summed up one by one."""
    sets = [candidates_of(slot, limits, PLAIN) for slot in slots]
    found = {}
    pairs = [pair_cost(slots, sets, place, PLAIN, False) for place in range(1, len(sets))]
    triples = [triple_cost(slots, sets, place, PLAIN) for place in range(2, len(sets))]
    edge = edge_cost(sets[0], sets[1], False)
    for row in product(*(range(len(s.cost)) for s in sets)):
        cost = sum(s.cost[i] for s, i in zip(sets, row, strict=True)) + edge[row[0], row[1]]
        cost += sum(table[i, j] for table, (i, j) in zip(pairs, pairwise(row), strict=True))
        for place, table in enumerate(triples):
            wide = np.broadcast_to(table, [len(s.cost) for s in sets[place : place + 3]])
            cost += wide[row[place : place + 3]]
        if not sets[-1].inside[row[-1]]:
            cost = np.inf
        if np.isfinite(cost):
            found[tuple(int(s.pitch[i]) for s, i in zip(sets, row, strict=True))] = float(cost)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_path_is_drawn_with_its_share_of_all_paths(seed: int) -> None:
    """The product of the probabilities that the notes carry is exp(-cost / T) / Z."""
    found = chords("I", "V65", "I", "V7", "I")
    slots = [
        replace(slot, height=28.0 + place, structural=place != 1)
        for place, slot in enumerate(slots_over(found))
    ]
    limits, temperature = (59, 69), 0.9
    costs = path_costs(slots, limits)
    assert len(costs) > 20
    line = draw(slots, seed, limits=limits, temperature=temperature)
    weight = {row: np.exp(-cost / temperature) for row, cost in costs.items()}
    wanted = weight[tuple(pitches(line))] / sum(weight.values())
    # The last two notes are drawn together and carry the same probability.
    drawn = np.prod([note.probability for note in line[:-1]])
    assert drawn == pytest.approx(wanted)


def test_only_paths_with_a_finite_cost_are_drawn() -> None:
    slots = slots_over(chords("ii6", "V7", "I"), structural=False)
    known = set(path_costs(slots, (60, 72)))
    seen = {tuple(pitches(draw(slots, seed, limits=(60, 72)))) for seed in range(60)}
    assert seen <= known
    assert len(seen) > 5


NUMERALS = ("I", "ii", "IV", "V", "vi", "V7", "I6", "viio6", "ii65", "V65")
progressions = st.lists(st.sampled_from(NUMERALS), min_size=3, max_size=7).map(
    lambda row: ["I", *row, "I"]
)


@given(progressions, st.integers(0, 999), st.sampled_from(["C major", "E major", "Bb major"]))
def test_laws_of_every_melody(numerals: list[str], seed: int, key: str) -> None:
    found = chords(*numerals, key=key)
    slots = slots_over(found, accent=1)
    try:
        line = draw(slots, seed)
    except Blocked:
        reject()
    for note, slot in zip(line, slots, strict=True):
        assert (note.onset, note.end) == (slot.onset, slot.end)
        assert 60 <= note.pitch <= 79
        assert (note.pitch - 7 * note.spelling) % 12 == 0
        assert note.spelling in slot.chord.tones  # all of them are structural
    for (one, two), (before, after) in zip(pairwise(line), pairwise(found), strict=True):
        step = two.pitch - one.pitch
        places = (two.spelling - one.spelling) * (1 if step > 0 else -1)
        assert not (abs(step) == 3 and places > 6)
        if one.spelling == before.leading and after.is_tonic_of(before.key.tonic):
            assert step == 1
        if one.spelling == before.seventh and after.classes[0] != before.classes[0]:
            assert step in (-1, -2) or (step == 0 and one.spelling in after.tones)


def test_a_passing_note_is_reached_and_left_by_step() -> None:
    (one,) = chords("I")
    long = replace(one, end=4 * Q)
    onsets = [(0, Q), (Q, Q + 240), (Q + 240, 2 * Q), (2 * Q, 3 * Q)]
    slots = [Slot(a, b, long, structural=n != 1) for n, (a, b) in enumerate(onsets)]
    for seed in range(40):
        line = draw(slots, seed, manner=replace(PLAIN, dissonance=-6.0))
        if not line[1].is_chord_tone:
            around = [abs(b.pitch - a.pitch) for a, b in pairwise(line[:3])]
            assert around[1] <= 4  # left by step, or a third after an escape
            assert min(around) <= 2
    assert any(
        not draw(slots, seed, manner=replace(PLAIN, dissonance=-6.0))[1].is_chord_tone
        for seed in range(10)
    )


def test_a_note_held_into_a_dissonance_falls_by_step() -> None:
    """C over IV stays into V: a 4-3 suspension."""
    four, five = chords("IV", "V")
    tied = Slot(0, Q + Q // 2, four, (five,), pinned=((72, 0),))
    after = Slot(Q + Q // 2, 2 * Q, five)
    assert pitches(draw([tied, after])) == [72, 71]
    with pytest.raises(Blocked):
        draw([replace(tied, prepared=False), after])


@pytest.mark.parametrize(
    ("numerals", "first", "second"),
    [(("V7", "I"), (71, 5), 72), (("V7", "I"), (77, -1), 76), (("V7", "vi"), (77, -1), 76)],
)
def test_tendency_tones_go_where_they_must(
    numerals: tuple[str, ...], first: tuple[int, int], second: int
) -> None:
    slots = slots_over(chords(*numerals))
    slots[0] = replace(slots[0], pinned=(first,))
    assert {draw(slots, seed)[1].pitch for seed in range(20)} == {second}


def test_what_a_slot_demands_is_kept() -> None:
    found = chords("I", "IV", "V", "I")
    slots = slots_over(found)
    slots[0] = replace(slots[0], pinned=((67, 1),))
    slots[1] = replace(slots[1], barred=frozenset({65, 69, 72}))
    slots[2] = replace(slots[2], open_to=frozenset({62, 74}))
    slots[3] = replace(slots[3], tones=((0, 0.0),))
    for seed in range(20):
        line = pitches(draw(slots, seed))
        assert line[0] == 67
        assert line[1] not in (65, 69, 72)
        assert line[2] in (62, 74)
        assert line[3] % 12 == 0


def test_joins_name_the_pairs_that_may_follow() -> None:
    slots = slots_over(chords("I", "V"))
    slots[1] = replace(slots[1], joins=frozenset({(64, 62), (67, 74)}))
    seen = {tuple(pitches(draw(slots, seed))) for seed in range(40)}
    assert seen <= {(64, 62), (67, 74)}


def test_no_parallels_with_the_lines_it_moves_against() -> None:
    slots = slots_over(chords("I", "V"))
    slots[0] = replace(slots[0], pinned=((67, 1),))
    free = {draw(slots, seed, temperature=3.0)[1].pitch for seed in range(60)}
    slots[1] = replace(slots[1], against=((60, 67),))  # fifth C-G; G-D would be parallel
    kept = {draw(slots, seed, temperature=3.0)[1].pitch for seed in range(60)}
    assert 74 in free
    assert 74 not in kept


def test_costs_of_what_comes_later_turn_the_choice() -> None:
    slots = slots_over(chords("I", "I", "I"))
    dear = tuple((tone, 9.0) for tone in (4, 1))
    slots = [replace(slot, ahead=dear) for slot in slots]
    line = [p % 12 for seed in range(20) for p in pitches(draw(slots, seed))]
    assert np.mean([p == 0 for p in line]) > 0.95


def test_the_note_before_counts() -> None:
    """After a leading tone over V the melody has to begin on the tonic, but not after a pause."""
    five, one = chords("V", "I")
    slots = [Slot(Q, 2 * Q, one), Slot(2 * Q, 3 * Q, one)]
    joined = {draw(slots, seed, before=(71, 5), before_chord=five)[0].pitch for seed in range(20)}
    apart = {
        draw([replace(slots[0], fresh=True), slots[1]], seed, before=(71, 5))[0].pitch
        for seed in range(40)
    }
    assert joined == {72}
    assert len(apart) > 1


def test_blocked_names_the_slot() -> None:
    slots = slots_over(chords("I", "V7", "I"))
    slots[1] = replace(slots[1], pinned=((77, -1),))
    slots[2] = replace(slots[2], pinned=((72, 0),))
    with pytest.raises(Blocked) as caught:
        draw(slots)
    assert caught.value.at == 2
    slots[1] = replace(slots[1], pinned=(), open_to=frozenset())
    with pytest.raises(Blocked) as caught:
        draw(slots)
    assert caught.value.at == 1


def test_same_seed_same_line() -> None:
    slots = slots_over(chords("I", "ii6", "V7", "I"))
    assert draw(slots, 7) == draw(slots, 7)
