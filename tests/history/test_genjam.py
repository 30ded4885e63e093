"""GenJam: the examples of Biles's paper, and the laws of its breeding.

Known answers: table 3 of Biles (1994) for the phrase 57 57 11 38, and the paper's example of the
note 12 transposed up by 3, which becomes 13.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ConfigError
from hybrid.history.exhibit import Demonstration
from hybrid.history.genjam_band import (
    BOTTOM,
    KINDS,
    TUNES,
    Chord,
    play,
    read_tune,
    tick_of,
)
from hybrid.history.genjam_genes import (
    EVENT_BITS,
    INDEX_BITS,
    N_MEASURES,
    N_PHRASES,
    Family,
    Genes,
    Population,
    breed,
    commonest,
    cross,
    decode,
    encode,
    first_measures,
    first_phrases,
    invert,
    mutate_measure,
    mutate_phrase,
    rotate,
    sort_notes,
    transpose,
)
from hybrid.history.genjam_listeners import LISTENERS, listen, mean_interval, nobody
from hybrid.history.panels import Population as Panel
from hybrid.history.registry import load_exhibit, run_exhibit

MEASURE = st.lists(st.integers(0, 15), min_size=8, max_size=8).map(tuple)
PHRASE: Genes = (57, 57, 11, 38)


class Scripted:
    """Draws what it is told to, as a generator would."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def integers(self, *_: object, **__: object) -> object:
        return self.values.pop(0)


def mutated(which: int, by: int = 3, other: int = 29) -> tuple[str, Genes]:
    phrases = [PHRASE, (57, 1, 2, 3)]
    fitness = [0] * N_MEASURES
    fitness[38] = -4
    rng = Scripted(by, other, which)
    return mutate_phrase(PHRASE, phrases, fitness, rng)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("which", "other", "name", "result"),
    [
        (0, 29, "reverse", (38, 11, 57, 57)),
        (1, 29, "rotate by 3", (57, 11, 38, 57)),
        (2, 29, "genetic repair", (57, 57, 11, 29)),
        (4, 31, "lick thinner", (31, 57, 11, 38)),
    ],
)
def test_the_papers_table_of_phrase_mutations(
    which: int, other: int, name: str, result: Genes
) -> None:
    assert mutated(which, other=other) == (name, result)


def test_a_note_transposed_past_the_bound_is_reflected_as_in_the_paper() -> None:
    assert transpose((12,), 3) == (13,)


def test_super_phrases_are_of_winners_and_orphans_of_what_is_least_used() -> None:
    rng = np.random.default_rng(1)
    fitness = list(range(N_MEASURES))
    phrases = [(index, index, 0, 0) for index in range(32, 64)]
    kinds: dict[str, list[Genes]] = {}
    for _ in range(600):
        name, genes = mutate_phrase((1, 2, 3, 4), phrases, fitness, rng)
        kinds.setdefault(name, []).append(genes)
    assert np.mean(kinds["super phrase"]) > 44
    # Measures 1 to 31 are in no phrase, 0 is in all of them.
    orphans = [index for genes in kinds["orphan phrase"] for index in genes]
    assert np.mean([0 < index < 32 for index in orphans]) > 0.75
    assert 0 not in orphans


@given(MEASURE)
def test_bits_come_back(genes: Genes) -> None:
    bits = encode(genes, EVENT_BITS)
    assert len(bits) == 32
    assert decode(bits, EVENT_BITS) == genes


@given(MEASURE, MEASURE, st.integers(1, 31))
def test_children_have_the_bits_of_their_parents(one: Genes, other: Genes, point: int) -> None:
    children = cross(one, other, EVENT_BITS, point)
    for place in range(32):
        parents = [encode(genes, EVENT_BITS)[place] for genes in (one, other)]
        bits = [encode(genes, EVENT_BITS)[place] for genes in children]
        assert bits == (parents if place < point else parents[::-1])
    assert cross(*children, EVENT_BITS, point) == (one, other)


@given(MEASURE, st.integers(1, 7), st.integers(-4, 4))
def test_mutations_keep_what_they_must(genes: Genes, by: int, steps: int) -> None:
    assert rotate(rotate(genes, by), 8 - by) == genes
    assert invert(invert(genes)) == genes
    for down in (False, True):
        ordered = sort_notes(genes, down)
        assert Counter(ordered) == Counter(genes)
        notes = [gene for gene in ordered if 0 < gene < 15]
        assert notes == sorted(notes, reverse=down)
    for one, other in ((genes, sort_notes(genes)), (genes, transpose(genes, steps))):
        # Rests and holds stay where they are.
        assert [g if g in (0, 15) else -1 for g in one] == [
            g if g in (0, 15) else -1 for g in other
        ]
    assert all(0 <= gene <= 15 for gene in transpose(genes, steps))


def test_first_populations_have_their_sizes_and_shares() -> None:
    rng = np.random.default_rng(4)
    measures, phrases = first_measures(rng), first_phrases(rng)
    assert (len(measures.genes), len(measures.genes[0]), measures.width) == (64, 8, 4)
    assert (len(phrases.genes), len(phrases.genes[0]), phrases.width) == (48, 4, 6)
    assert all(0 <= index < 64 for genes in phrases.genes for index in genes)
    many = [gene for _ in range(20) for genes in first_measures(rng).genes for gene in genes]
    assert many.count(0) / len(many) == pytest.approx(5 / 24, abs=0.01)
    assert many.count(15) / len(many) == pytest.approx(7 / 24, abs=0.012)


@pytest.mark.parametrize(
    ("count", "width", "length"), [(N_MEASURES, EVENT_BITS, 8), (N_PHRASES, INDEX_BITS, 4)]
)
def test_families_keep_their_rules(count: int, width: int, length: int) -> None:
    rng = np.random.default_rng(count)
    genes = [tuple(row) for row in rng.integers(0, 2**width, size=(count, length)).tolist()]
    fitness = rng.integers(-9, 10, size=count).tolist()
    population = Population(list(genes), width, list(fitness))
    families: list[Family] = breed(population, lambda child: ("nothing", child), rng)
    members = [number for family in families for number in (*family.parents, *family.children)]
    assert sorted(members) == list(range(count))
    for family in families:
        assert min(fitness[number] for number in family.parents) >= max(
            fitness[number] for number in family.children
        )
        for number in family.parents:
            assert (population.genes[number], population.fitness[number]) == (
                genes[number],
                fitness[number],
            )
        children = tuple(population.genes[number] for number in family.children)
        one, other = (genes[number] for number in family.parents)
        assert children == cross(one, other, width, family.point)
        assert [population.fitness[number] for number in family.children] == [0, 0]
        assert family.before == tuple(genes[number] for number in family.children)
    assert len(families) == count // 4


def test_ladders_are_fourteen_notes_of_the_scale() -> None:
    for kind, (_, scale, tones) in KINDS.items():
        ladder = Chord.parse(f"Eb{kind}").ladder()
        assert len(ladder) == 14
        assert ladder[0][0] >= BOTTOM
        assert {spelling for _, spelling in ladder} == {-3 + step for step in scale}
        assert [pitch for pitch, _ in ladder] == sorted({pitch for pitch, _ in ladder})
        assert set(tones) <= set(scale)


def test_holds_go_on_over_the_bar_and_rests_end_them() -> None:
    chord = Chord.parse("C7")
    notes = play([(15, 1, 15, 0, 15, 2, 0, 3), (15, 15, 0, 0, 0, 0, 0, 0)], [(chord, chord)] * 2)
    assert [(note.bar, note.event, note.length) for note in notes] == [
        (0, 1, 2),
        (0, 5, 1),
        (0, 7, 3),
    ]
    assert tick_of(0, 7 + 3, "swing") == tick_of(1, 2, "swing")


def test_tunes_are_whole_phrases_of_known_chords() -> None:
    assert {name: len(read_tune(text)) for name, text in TUNES.items()} == {
        "blues": 12,
        "minor": 16,
    }
    assert all(chord.kind in KINDS for t in TUNES.values() for bar in read_tune(t) for chord in bar)


def test_votes_go_to_measure_and_phrase() -> None:
    measures, phrases = (
        first_measures(np.random.default_rng(1)),
        first_phrases(np.random.default_rng(2)),
    )
    heard = listen(
        measures, phrases, read_tune(TUNES["blues"]), LISTENERS["smooth"], list(range(48))
    )
    for number, votes in heard:
        assert phrases.fitness[number] == sum(votes)
    for index in range(64):
        assert measures.fitness[index] == sum(
            vote
            for number, votes in heard
            for place, vote in enumerate(votes)
            if phrases.genes[number][place] == index
        )
    assert nobody.__doc__


@cache
def made(listener: str, seed: int) -> Demonstration:
    return run_exhibit(load_exhibit("genjam"), seed, {"listener": listener})[0]


@pytest.mark.parametrize("listener", ["smooth", "chordal", "lively"])
def test_listeners_get_what_they_like_more_than_chance_gives(listener: str) -> None:
    for seed in (1, 2, 3):
        trained = dict(made(listener, seed).facts)
        first, last = (
            [int(word) for word in trained[name].split(", ")]
            for name in ("g and b, first generation", "g and b, last")
        )
        assert last[0] - last[1] > first[0] - first[1] + 40
        assert dict(made("nobody", seed).facts)["g and b, last"] == "0, 0"


def test_a_smooth_listener_breeds_out_leaps_faster_than_breeding_alone() -> None:
    def last(listener: str) -> float:
        words = [
            dict(made(listener, seed).facts)["Mean interval, first and last"] for seed in (1, 2, 3)
        ]
        return float(np.mean([float(text.split(", ")[1].split()[0]) for text in words]))

    assert last("smooth") < 2.4
    assert last("nobody") > last("smooth") + 0.7
    assert mean_interval([(5, 0, 0, 0, 0, 0, 0, 0)]) == 0.0


def test_solo_notes_are_those_of_the_measures_named() -> None:
    run = made("smooth", 1)
    solo = [entry for entry in run.trace.entries if entry.kind == "note" and entry.track == "solo"]
    assert len(solo) > 60
    tune = read_tune(TUNES["blues"])
    for entry in solo:
        assert entry.tick is not None
        assert entry.parent is not None
        bar, place = divmod(entry.tick, 1920)
        event = place // 240
        gene = int(entry.choice.split(" is ")[1].split(":")[0])
        chord = tune[bar % 12][event // 4]
        assert entry.pitch == chord.ladder()[gene - 1][0]
        assert f" {entry.maker.split()[1]}" in run.trace.entries[entry.parent].choice


def test_the_panel_needs_every_chromosome() -> None:
    panel = Panel("x", "X", "X.", count=2)
    assert panel.show([(1, 2), (3, 4)], [0, -1], {1: "parent"}) == {
        "genes": [[1, 2], [3, 4]],
        "fitness": [0, -1],
        "roles": [[1, "parent"]],
    }
    with pytest.raises(ConfigError, match="'x' must be given 2 chromosomes, got 1 with 1"):
        panel.show([(1,)], [0])


def test_swing_and_one_generation_work_and_wrong_settings_get_one_line() -> None:
    exhibit = load_exhibit("genjam")
    swung = run_exhibit(exhibit, 2, {"feel": "swing", "tune": "minor", "generations": 1})[0]
    onsets = {int(note["onset"]) % 480 for note in swung.score.tracks[0].notes}
    assert onsets <= {0, 320}
    with pytest.raises(
        ConfigError, match="listener must be one of smooth, chordal, lively, nobody"
    ):
        run_exhibit(exhibit, 1, {"listener": "harsh"})
    with pytest.raises(ConfigError, match=r"generations must be a whole number in 1\.\.40, got 0"):
        run_exhibit(exhibit, 1, {"generations": "0"})


def test_mutations_of_measures_are_all_drawn_and_stay_measures() -> None:
    rng = np.random.default_rng(3)
    names: Counter[str] = Counter()
    for _ in range(600):
        name, genes = mutate_measure((9, 7, 0, 5, 7, 15, 15, 0), rng)
        names[name.split()[0] + (" " + name.split()[1] if name.startswith("sort") else "")] += 1
        assert len(genes) == 8
        assert all(0 <= gene <= 15 for gene in genes)
    assert set(names) == {"reverse", "rotate", "invert", "sort up", "sort down", "transpose"}
    assert commonest([PHRASE], PHRASE) == 0
