"""Recombination: Cope's own figures for SPEAC, and what must hold of every new chorale.

Known answers: figure 7.12 of Cope's Computer Models of Musical Creativity (2005), with the tensions
and labels that the program published with the book states for it.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, FormatError
from hybrid.history.chorales import (
    VOICES,
    Beat,
    Note,
    cut,
    load_chorales,
    read_chorale,
    semitones_to_c,
)
from hybrid.history.emi_panels import PLACES
from hybrid.history.exhibit import Demonstration
from hybrid.history.recombination import ARCS, STATES, Composer, Database, Walk, runs
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.history.signatures import find_signatures, is_like
from hybrid.history.speac import (
    INTERVALS,
    RULES,
    chords,
    derive,
    label,
    leaves_of,
    root,
    tensions,
    ways,
)

#: Soprano, alto, tenor, bass of each quarter of figure 7.12, from a fourth quarter on.
FIGURE = (
    ((73,), (69,), (64,), (45,)),
    ((73, 74), (69,), (64,), (57,)),
    ((76,), (71,), (64,), (56,)),
    ((73,), (69,), (64,), (57,)),
    ((69,), (69,), (64, 62), (54,)),
    ((71,), (67, 66), (62,), (55,)),
    ((73,), (64,), (57,), (57,)),
    ((74,), (66,), (57,), (50,)),
)


def beat(voices: tuple[tuple[int, ...], ...], index: int = 0, work: int = 1) -> Beat:
    notes: tuple[tuple[Note, ...], ...] = tuple(
        tuple(
            (480 // len(voice) * at, 480 // len(voice), pitch, 0) for at, pitch in enumerate(voice)
        )
        for voice in voices
    )
    start = tuple(voice[0] for voice in voices)
    place = (index + 3) % 4
    return Beat(work, index, 1, place, 1, start, start, notes, 0, False, 0)


def test_tensions_and_labels_of_the_figure_are_copes() -> None:
    beats = [beat(voices, index) for index, voices in enumerate(FIGURE)]
    found = tensions(beats)
    assert [item.vertical for item in found] == [0.3, 0.3, 0.5, 0.3, 0.5, 0.3, 0.3, 0.3]
    assert [item.metric for item in found] == [0.2, 0.05, 0.1, 0.05, 0.2, 0.05, 0.1, 0.05]
    assert [item.duration for item in found] == [0.06, 0.06, 0.08, 0.06, 0.08, 0.06, 0.06, 0.06]
    assert [item.approach for item in found] == [0, 0, 0.1, 0.1, 0.55, 0.1, 0.8, 0.1]
    totals = [item.total for item in found]
    assert totals == pytest.approx([0.56, 0.41, 0.78, 0.51, 1.33, 0.51, 1.26, 0.51])
    assert label(totals) == "PESEACAC"


def test_roots_of_the_figure_are_copes() -> None:
    beats = [beat(voices, index) for index, voices in enumerate(FIGURE)]
    best = [
        min(chords(item.voices), key=lambda chord: tensions([item])[0].vertical) for item in beats
    ]
    assert root(best[0]) == 45
    # In the fifth beat the second eighth, D major, is the more consonant: root D, as in the book.
    assert root((54, 62, 69, 69)) == 62
    roots = (45, 57, 64, 57, 62, 55, 57, 50)
    assert [INTERVALS[abs(a - b) % 12] for a, b in pairwise(roots)] == [
        0,
        0.1,
        0.1,
        0.55,
        0.1,
        0.8,
        0.1,
    ]


def all_leaves(letter: str, count: int) -> list[str]:
    """Leaves of every tree, by trying every rule."""
    if count == 1:
        return [letter]
    found = []
    for body in RULES[letter]:
        for shares in product(range(1, count), repeat=len(body)):
            if sum(shares) == count:
                parts = [
                    all_leaves(child, share) for child, share in zip(body, shares, strict=True)
                ]
                found += ["".join(words) for words in product(*parts)]
    return found


def test_trees_are_all_and_equally_likely() -> None:
    for letter in RULES:
        for count in range(1, 5):
            assert ways(letter, count) == len(all_leaves(letter, count))
    expected = Counter(all_leaves("S", 3))
    rng = np.random.default_rng(2)
    drawn = Counter(leaves_of(derive(rng, 3)) for _ in range(1500))
    assert set(drawn) == set(expected)
    for words, number in expected.items():
        assert drawn[words] / 1500 == pytest.approx(number / 15, abs=0.045)


def test_every_rule_of_a_tree_is_in_the_grammar() -> None:
    nodes = derive(np.random.default_rng(5), 9)
    for place, node in enumerate(nodes):
        body = "".join(child.letter for child in nodes if child.parent == place)
        assert body in RULES[node.letter] if body else node.leaf >= 0
    with pytest.raises(ConfigError, match="leaves must be 1 or more, got 0"):
        derive(np.random.default_rng(5), 0)


def test_chorales_are_cut_without_loss_and_end_on_c() -> None:
    for chorale in load_chorales().values():
        beats = list(cut(chorale))
        shift = semitones_to_c(chorale.key)
        start = {0: 0}
        for item in beats:
            start[item.index + 1] = start[item.index] + 480 * item.quarters
        for number, voice in enumerate(chorale.voices):
            again = tuple(
                (start[item.index] + onset, length, pitch - shift, spelling + chorale.key.tonic)
                for item in beats
                for onset, length, pitch, spelling in item.voices[number]
            )
            assert again == voice
        assert beats[-1].voices[-1][-1][2] % 12 == 0
        for one, other in pairwise(beats):
            assert one.destination == other.start


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\tx", "a chorale must have 9 fields, got 2: '1'"),
        ("1\tx\tC major\t0\t4\tC4\tC4\tC4\tC4 C4", "the voices of chorale 1 must end together"),
        ("1\tx\tC major\t0\t4\tC4:x\tC4\tC4\tC4", "must be written as C4 or C4:2, got 'C4:x'"),
    ],
)
def test_a_wrong_line_is_refused(line: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_chorale(line)


def test_a_planted_signature_is_found_and_its_likes() -> None:
    rng = np.random.default_rng(3)
    works = {}
    for work in range(1, 6):
        # Leaps of a tritone and more, so that nothing else is alike.
        tops = [int(60 + 7 * rng.integers(-2, 3) + 3 * work * at % 5) for at in range(8)]
        lows = [int(40 + 11 * at * work % 9) for at in range(8)]
        tops[3:6] = [72, 70 - (work == 5), 69]
        lows[3:6] = [48, 53, 55]
        works[work] = [
            beat(((top,), (60,), (55,), (low,)), index, work)
            for index, (top, low) in enumerate(zip(tops, lows, strict=True))
        ]
    found = find_signatures(works, 3, 4, 5)
    assert (found[0].soprano, found[0].bass) == ((-2, -1), (5, 2))
    # In the fifth work two intervals of the soprano differ, which is one too many.
    assert not is_like((-3, 0, 5, 2), (-2, -1, 5, 2))
    assert found[0].places == ((1, 3), (2, 3), (3, 3), (4, 3))


@cache
def piece(mode: str, seed: int, run: int = 3) -> tuple[Demonstration, list[Beat], list[int]]:
    """A run, the beats it says it took, and the tick of each."""
    made = run_exhibit(load_exhibit("emi"), seed, {"mode": mode, "run": run})[0]
    works = {number: list(cut(chorale)) for number, chorale in load_chorales(mode).items()}
    beats, ticks = [], []
    for entry in made.trace.entries:
        if entry.kind == "beat":
            place = re.match(r"No\. (\d+), beat (\d+) ", entry.choice)
            assert place
            beats.append(works[int(place[1])][int(place[2]) - 1])
            ticks.append(entry.tick or 0)
    return made, beats, ticks


CASES = [("major", 1, 3), ("major", 2, 4), ("minor", 1, 3), ("minor", 5, 6)]


@pytest.mark.parametrize(("mode", "seed", "run"), CASES)
def test_every_note_is_its_source_transposed(mode: str, seed: int, run: int) -> None:
    made, beats, ticks = piece(mode, seed, run)
    moves = set()
    for number, name in enumerate(VOICES):
        expected = [
            (tick + onset, length, pitch)
            for item, tick in zip(beats, ticks, strict=True)
            for onset, length, pitch, _ in item.voices[number]
        ]
        notes = made.score.tracks[number].notes
        assert made.score.tracks[number].name == name
        assert notes["onset"].tolist() == [onset for onset, _, _ in expected]
        assert notes["duration"].tolist() == [length for _, length, _ in expected]
        moves |= set((notes["pitch"] - np.array([pitch for _, _, pitch in expected])).tolist())
    assert len(moves) == 1


@pytest.mark.parametrize(("mode", "seed", "run"), CASES)
def test_each_beat_begins_where_the_last_one_went(mode: str, seed: int, run: int) -> None:
    _, beats, ticks = piece(mode, seed, run)
    for one, other in pairwise(beats):
        assert other.start == one.destination
        assert other.place == (one.place + one.quarters) % 4
    assert [b - a for a, b in pairwise(ticks)] == [480 * item.quarters for item in beats[:-1]]
    assert beats[-1].start[-1] % 12 == 0


@pytest.mark.parametrize(("mode", "seed", "run"), CASES)
def test_never_more_than_k_in_a_row(mode: str, seed: int, run: int) -> None:
    made, beats, _ = piece(mode, seed, run)
    assert max(length for _, length in runs(beats)) <= run
    # By the notes too, against every chorale, whatever a beat's name says.
    texts = [
        [(item.voices, item.quarters) for item in cut(chorale)]
        for chorale in load_chorales(mode).values()
    ]
    new = [(item.voices, item.quarters) for item in beats]
    longest = 0
    for size in range(1, run + 2):
        known = (
            {
                tuple(text[first : first + size])
                for text in texts
                for first in range(len(text) - size + 1)
            }
            if size < 3
            else {
                window
                for text in texts
                for first in range(len(text) - size + 1)
                if (window := tuple(text[first : first + size]))[0] in new
            }
        )
        if any(tuple(new[first : first + size]) in known for first in range(len(new) - size + 1)):
            longest = size
    assert longest <= run
    assert dict(made.facts)["Longest stretch as in a source"] == f"{longest} beats"


@pytest.mark.parametrize(("mode", "seed", "run"), CASES)
def test_signatures_and_cadences_stay_whole(mode: str, seed: int, run: int) -> None:
    _, beats, _ = piece(mode, seed, run)
    works = {number: list(cut(chorale)) for number, chorale in load_chorales(mode).items()}
    database = Database(works, find_signatures(works, 3, 8, 14))
    rows = [database.place[item.chorale, item.index] for item in beats]
    assert any(database.signature_at(row) >= 0 for row in rows)
    for at, row in enumerate(rows):
        if row in database.group:
            first, last, _, _ = database.group[row]
            whole = rows[at - (row - first) : at + last - row + 1]
            assert whole == list(range(first, last + 1))
    assert all(database.state_of(row) == "cadence" for row in rows if database.beats[row].is_end)


@pytest.mark.parametrize(("mode", "seed", "run"), CASES)
def test_phrases_end_with_cadences_and_the_network_has_every_arc(
    mode: str, seed: int, run: int
) -> None:
    made, beats, _ = piece(mode, seed, run)
    assert sum(item.is_end for item in beats) == 6
    assert len(PLACES) == len(STATES)
    lit = [step.states["network"]["edges"] for step in made.machine.steps]
    assert all((STATES[one], STATES[two]) in ARCS for edges in lit for one, two in edges)
    assert lit[-1][-1] == [STATES.index("cadence"), STATES.index("end")]


def test_a_walk_that_finds_nothing_is_as_it_was() -> None:
    works = {number: list(cut(load_chorales("major")[number])) for number in (26, 27)}
    database = Database(works, [])
    composer = Composer(database, 3, np.random.default_rng(1))
    walk = Walk()
    composer.open(walk, [0])
    assert not composer.phrase(walk, set(), 8)
    assert not composer.phrase(walk, {row for row, b in enumerate(database.beats) if b.is_last}, 3)
    assert (len(walk.choices), len(walk.stands)) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"signature": "4", "run": "3", "works": "4"},
            "run must be 4 or more, so that a signature",
        ),
        ({"run": "1"}, r"run must be a whole number in 2\.\.12, got 1"),
        ({"mode": "dorian"}, "mode must be one of major, minor, got 'dorian'"),
    ],
)
def test_wrong_settings_get_one_line(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_exhibit(load_exhibit("emi"), 1, dict(settings))


def test_one_phrase_and_a_free_place_work() -> None:
    made = run_exhibit(load_exhibit("emi"), 1, {"phrases": 1, "place": False, "works": 40})[0]
    assert "signatures" not in {panel.name for panel in made.machine.panels}
    assert made.score.n_notes > 20
