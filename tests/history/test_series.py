"""Codes, rows, modes and weights: the techniques of 1949 to 1957."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.history.illiac_markov import HARMONIC, NAMES, PROXIMITY, weights
from hybrid.history.illiac_rhythm import pattern
from hybrid.history.mode_de_valeurs import DIVISIONS, THIRTY_SECOND, make_mode
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.history.rows import check_row, row_form, row_matrix
from hybrid.history.total_serialism import order_matrix

#: The row of Schoenberg's Suite op. 25 and its inversion, as every textbook has them.
OP_25 = (4, 5, 7, 1, 6, 3, 8, 2, 11, 0, 9, 10)
OP_25_INVERTED = (4, 3, 1, 7, 2, 5, 0, 6, 9, 8, 11, 10)


def test_forms_of_a_known_row() -> None:
    assert row_form(OP_25, "I") == OP_25_INVERTED
    assert row_form(OP_25, "R") == OP_25[::-1]
    assert row_form(OP_25, "RI") == OP_25_INVERTED[::-1]
    matrix = row_matrix(OP_25)
    assert matrix[0] == OP_25
    assert tuple(line[0] for line in matrix) == OP_25_INVERTED
    assert len({matrix[place][place] for place in range(12)}) == 1, "the diagonal is one note"


def test_order_numbers_make_latin_squares() -> None:
    for form in ("P", "I"):
        matrix = order_matrix(OP_25, form)
        for line in (*matrix, *zip(*matrix, strict=True)):
            assert sorted(line) == list(range(1, 13))
    assert order_matrix(OP_25, "P")[0] == tuple(range(1, 13))


def test_a_row_has_each_note_once() -> None:
    with pytest.raises(ConfigError, match=r"numbers 0\.\.11, each once"):
        check_row([0] * 12)
    with pytest.raises(ConfigError, match=r"row must be random, or the twelve numbers"):
        run_exhibit(load_exhibit("total-serialism"), 1, {"row": "0,1,2"})


def test_one_row_orders_pitches_and_durations() -> None:
    text = ",".join(map(str, OP_25))
    made, _ = run_exhibit(load_exhibit("total-serialism"), 1, {"row": text, "sections": 12})
    for track in made.score.tracks:
        notes = track.notes
        for at in range(0, len(notes), 12):
            line = notes[at : at + 12]
            assert sorted(line["pitch"] % 12) == list(range(12))
            assert sorted(line["duration"] // THIRTY_SECOND) == list(range(1, 13))
            assert len(set(line["velocity"])) == 1
    # Each of the twelve transpositions is used once by piano I.
    firsts = [int(pitch) % 12 for pitch in made.score.tracks[0].notes["pitch"][::12]]
    assert sorted(firsts) == list(range(12))


@pytest.mark.parametrize("seed", range(5))
def test_a_mode_binds_36_pitches_to_24_durations(seed: int) -> None:
    mode = make_mode(np.random.default_rng(seed))
    assert len({note.units for division in mode for note in division}) == 24
    for division, (_, unit, _) in zip(mode, DIVISIONS, strict=True):
        assert sorted(note.pitch % 12 for note in division) == list(range(12))
        assert [note.units for note in division] == [unit * n for n in range(1, 13)]
        pitches = [note.pitch for note in division]
        assert pitches == sorted(pitches, reverse=True), "longer as they fall"
        assert sorted(note.attack for note in division) == list(range(12))
        assert len({note.dynamic for note in division}) == 7
    ranges = [{note.pitch for note in division} for division in mode]
    assert min(ranges[0]) < max(ranges[1])
    assert min(ranges[1]) < max(ranges[2]), "registers overlap"


def test_a_pitch_never_sounds_otherwise() -> None:
    made, _ = run_exhibit(load_exhibit("mode-de-valeurs"), 4)
    for track in made.score.tracks:
        kinds = {
            (int(note["pitch"]), int(note["duration"]), int(note["velocity"]))
            for note in track.notes
        }
        assert len(kinds) == len({pitch for pitch, *_ in kinds}) == 12


def test_weights_go_from_thirteen_to_one() -> None:
    assert sorted(HARMONIC) == sorted(PROXIMITY) == list(range(1, 14))
    assert HARMONIC.sum() == 91
    by_weight = " ".join(NAMES[at] for at in np.argsort(-HARMONIC))
    assert by_weight == "unison octave P5 P4 M3 m6 m3 M6 M2 m7 m2 M7 tritone"
    assert weights("harmonic")[0] / 91 == pytest.approx(1 / 7)
    assert weights("both").sum() == 182
    # First order: after a tritone a fifth is likelier than after a unison.
    near, far = weights("first", last=6), weights("first", last=0)
    assert near[7] / near.sum() > far[7] / far.sum()


@pytest.mark.parametrize("model", ["harmonic", "proximity", "both"])
def test_intervals_come_as_often_as_their_weights_say(model: str) -> None:
    exhibit = load_exhibit("illiac-markov")
    counts = np.zeros(13)
    for seed in range(4):
        made, _ = run_exhibit(exhibit, seed, {"model": model, "notes": 400})
        for entry in made.trace.of_kind("note"):
            counts[NAMES.index(entry.choice.split()[0])] += 1
    expected = weights(model) / weights(model).sum() * counts.sum()
    # Chi-squared with 12 degrees of freedom: 32.9 is passed once in a thousand.
    assert ((counts - expected) ** 2 / expected).sum() < 32.9


@pytest.mark.parametrize(
    ("code", "attacks"),
    [
        (0b1111, [(0, 1), (1, 1), (2, 1), (3, 1)]),
        (0b1000, [(0, 4)]),
        (0b0101, [(1, 2), (3, 1)]),
        (0b0001, [(3, 1)]),
        (0b0000, []),
    ],
)
def test_four_bits_are_a_rhythm(code: int, attacks: list[tuple[int, int]]) -> None:
    assert pattern(code) == attacks


def test_rows_follow_the_chromatic_half() -> None:
    made, _ = run_exhibit(load_exhibit("illiac-rhythm"), 3)
    half = made.score.markers[1].tick
    assert made.score.markers[1].text == "Rows"
    for track in made.score.tracks:
        late = [int(note["pitch"]) % 12 for note in track.notes if note["onset"] >= half]
        for at in range(0, len(late) - 11, 12):
            assert len(set(late[at : at + 12])) == 12
    early = [
        int(note["pitch"]) % 12
        for track in made.score.tracks
        for note in track.notes
        if note["onset"] < half
    ]
    assert any(len(set(early[at : at + 12])) < 12 for at in range(0, len(early) - 11, 12))
