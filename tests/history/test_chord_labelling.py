"""Chord labels: textbook chords, brute force, and what a chain should do better than templates.

Known answers: chords as any harmony textbook spells them; the best path, the sum over all paths and
the shares of states by trying every path; Baum-Welch never lowers the likelihood (Baum 1970).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import ConfigError
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.history.chorales import load_chorales
from hybrid.history.chord_chain import (
    Array,
    expect,
    first_moves,
    fit_moves,
    log_seen,
    table_bigrams,
    viterbi,
    wide,
)
from hybrid.history.chord_labelling import PART, chorale_score, read_piece
from hybrid.history.chord_labels import agreement, label_of, network_label, per_beat
from hybrid.history.chord_templates import (
    N_CHORDS,
    N_QUALITIES,
    QUALITIES,
    Beats,
    beats_of,
    changes,
    chord_of,
    label_by_templates,
    template_sums,
)
from hybrid.history.exhibit import Demonstration
from hybrid.history.registry import load_exhibit, run_exhibit


def weights_of(*pitches: int) -> Array:
    return np.bincount([pitch % 12 for pitch in pitches], minlength=12).astype(float)


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ((48, 60, 64, 67), "C"),
        ((52, 60, 64, 67), "C"),
        ((55, 65, 71, 74), "G7"),
        ((53, 62, 69, 72), "Dm7"),
        ((57, 60, 64, 69), "Am"),
        ((59, 62, 65, 71), "Bo"),
        ((59, 62, 65, 69), "Bø7"),
        ((59, 62, 65, 68), "Bo7"),
        ((56, 59, 62, 65), "A♭o7"),
        ((55, 60, 64, 72), "C"),
        ((48, 64, 72), "C"),
    ],
)
def test_templates_name_textbook_chords(pitches: tuple[int, ...], name: str) -> None:
    assert chord_of(weights_of(*pitches), pitches[0] % 12) == name


def test_a_sum_is_for_less_against_less_missing() -> None:
    best = {item.chord: item for item in template_sums(weights_of(60, 64, 67, 67, 62))}
    c_major, g_seventh = best[0], best[7 * N_QUALITIES + 1]
    assert (c_major.for_, c_major.against, c_major.missing, c_major.total) == (4, 1, 0, 3)
    # G G D for, C E against, B F missing.
    assert (g_seventh.for_, g_seventh.against, g_seventh.missing, g_seventh.total) == (3, 2, 2, -1)


def test_beats_count_minimal_segments_and_quarters() -> None:
    notes = make_notes([(0, 960, 48), (0, 240, 64), (240, 240, 65), (480, 480, 67)])
    beats = beats_of(Score((Track("a", notes),), metres=(Metre(0, 2, 4),)))
    assert (beats.starts, beats.ends, beats.bass) == ((0, 480), (480, 960), (0, 0))
    assert beats.segments[0, [0, 4, 5]].tolist() == [2, 1, 1]
    assert beats.quarters[0, [0, 4, 5]].tolist() == [1, 0.5, 0.5]
    assert beats.segments[1, [0, 7]].tolist() == [1, 1]


def test_a_beat_is_the_metres_own() -> None:
    notes = make_notes([(0, 1440, 48)])
    beats = beats_of(Score((Track("a", notes),), metres=(Metre(0, 6, 8),)))
    assert beats.starts == (0, 720)


def test_silence_keeps_the_label() -> None:
    silent = np.zeros((2, 12))
    silent[0] = weights_of(62, 66, 69)
    beats = Beats((0, 480), (480, 960), silent, silent, (2, -1))
    assert label_by_templates(beats) == [2 * N_QUALITIES] * 2
    assert log_seen(beats, 2.0)[1] == pytest.approx(np.zeros(N_CHORDS))


def all_paths(seen: Array, move: Array) -> dict[tuple[int, ...], float]:
    chances = {}
    for path in product(range(len(move)), repeat=len(seen)):
        log = -np.log(len(move)) + sum(seen[at, state] for at, state in enumerate(path))
        log += sum(np.log(move[one, other]) for one, other in pairwise(path))
        chances[path] = float(log)
    return chances


@pytest.mark.parametrize("seed", range(6))
def test_viterbi_and_expectation_against_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    move = rng.dirichlet(np.ones(3), 3)
    songs = [rng.normal(size=(5, 3)), rng.normal(size=(3, 3))]
    shares, moves, log = expect(move, songs)
    total, expected = 0.0, np.zeros((3, 3))
    for song, share in zip(songs, shares, strict=True):
        logs = all_paths(song, move)
        best = max(logs, key=lambda path: logs[path])
        trellis = viterbi(song, move)
        assert trellis.path() == list(best)
        assert trellis.best[-1].max() == pytest.approx(logs[best])
        whole = np.logaddexp.reduce(list(logs.values()))
        total += whole
        by_hand = np.zeros_like(song)
        for path, value in logs.items():
            chance = np.exp(value - whole)
            by_hand[np.arange(len(song)), path] += chance
            for one, other in pairwise(path):
                expected[one, other] += chance
        assert share == pytest.approx(by_hand)
    assert log == pytest.approx(total)
    assert moves == pytest.approx(expected)


def test_survivors_are_the_best_paths_of_what_was_heard() -> None:
    rng = np.random.default_rng(1)
    song, move = rng.normal(size=(8, 4)), rng.dirichlet(np.ones(4), 4)
    trellis = viterbi(song, move)
    for until in range(8):
        assert trellis.path(until) == viterbi(song[: until + 1], move).path()


def test_bigrams_are_the_textbooks_and_know_no_key() -> None:
    bigrams = table_bigrams()
    assert bigrams.sum(axis=(1, 2)) == pytest.approx(np.ones(N_QUALITIES))
    # A dominant seventh falls a fifth more often than it does anything else.
    seventh = bigrams[1].sum(axis=1)
    assert seventh.argmax() == 5
    assert seventh[5] > 0.5
    move = wide(first_moves(0.5))
    assert move.sum(axis=1) == pytest.approx(np.ones(N_CHORDS))
    g_seventh, c_major = 7 * N_QUALITIES + 1, 0
    assert move[g_seventh, c_major] == pytest.approx(
        bigrams[1, 5, 0] * 0.98 * 0.5 + 0.5 * 0.02 / 84
    )
    moved = np.roll(np.roll(move.reshape(12, 7, 12, 7), 3, axis=0), 3, axis=2)
    assert moved.reshape(N_CHORDS, N_CHORDS) == pytest.approx(move)


def songs_of(numbers: list[int]) -> list[Array]:
    return [log_seen(beats_of(chorale_score(load_chorales()[n])), 2.0) for n in numbers]


def test_baum_welch_never_lowers_the_likelihood() -> None:
    move, curve = fit_moves(first_moves(0.5), songs_of(sorted(load_chorales())[:8]), 6)
    assert (np.diff(curve) >= -1e-9).all()
    assert curve[-1] > curve[0] + 10
    assert move.sum(axis=(1, 2)) == pytest.approx(np.ones(N_QUALITIES))


def test_transposed_music_gets_transposed_labels() -> None:
    score = chorale_score(load_chorales()[26])
    found = []
    for piece in (score, score.transposed(3)):
        path = viterbi(log_seen(beats_of(piece), 2.0), wide(first_moves(0.5))).path()
        found.append(path)
    assert [(chord + 3 * N_QUALITIES) % N_CHORDS for chord in found[0]] == found[1]


def test_the_chain_flickers_less_than_templates_on_the_shipped_chorales() -> None:
    move = wide(first_moves(0.5))
    by_templates = by_chain = 0
    for chorale in load_chorales().values():
        beats = beats_of(chorale_score(chorale))
        by_templates += changes(label_by_templates(beats))
        by_chain += changes(viterbi(log_seen(beats, 2.0), move).path())
    assert by_chain < 0.95 * by_templates


def test_the_chain_agrees_with_the_network_more_than_templates_do() -> None:
    from hybrid.harmony.shipped import load_analyser

    analyser, move = load_analyser(), wide(first_moves(0.5))
    templates, chain, network = [], [], []
    for number in sorted(load_chorales())[::28]:
        score = chorale_score(load_chorales()[number])
        beats, key = beats_of(score), score.keys[0].key
        templates += [label_of(chord, key) for chord in label_by_templates(beats)]
        path = viterbi(log_seen(beats, 2.0), move).path()
        chain += [label_of(chord, key) for chord in path]
        network += per_beat(analyser.analyse(score), beats)
    for place in range(2):
        assert agreement(chain, network)[place] > agreement(templates, network)[place] > 0.7


def test_labels_are_compared_by_root_and_triad() -> None:
    key = Key(0, "major")
    seventh = network_label(ChordSpan(0, 480, "V7", key, 5, "dominant-seventh", 0, 1))
    triad = label_of(7 * N_QUALITIES, key)
    minor = label_of(7 * N_QUALITIES + 2, key)
    assert (seventh.name, triad.name, minor.name) == ("G7", "G", "Gm")
    assert agreement([seventh], [triad]) == (1.0, 1.0)
    assert agreement([seventh], [minor]) == (1.0, 0.0)
    german = network_label(ChordSpan(0, 480, "Ger65", key, 4, "german-sixth", 1, 6))
    assert german.family == "german-sixth"
    assert {quality.family for quality in QUALITIES} == {"major", "minor", "diminished"}


@cache
def shown() -> Demonstration:
    return run_exhibit(load_exhibit("chord-labelling"), 1)[0]


def test_the_chorale_is_whole_and_labelled_under_the_harp() -> None:
    made, chorale = shown(), chorale_score(load_chorales()[22])
    for track in chorale.tracks:
        assert np.array_equal(made.score.track(track.name).notes, track.notes)
    harp = made.score.track(PART)
    onsets = set(harp.notes["onset"].tolist())
    assert onsets == set(beats_of(chorale).starts)
    assert {lyric.verse for lyric in harp.lyrics} == {1, 2, 3}
    assert {lyric.tick for lyric in harp.lyrics} <= onsets
    assert [lyric.text for lyric in harp.lyrics if lyric.tick == 0] == ["E♭"] * 3


def test_a_score_from_a_file_is_labelled(tmp_path: Path) -> None:
    from hybrid.io.files import write_score

    path = tmp_path / "cadence.musicxml"
    rows = [
        (beat * 480, 480, pitch)
        for beat, chord in enumerate(
            [(48, 60, 64, 67), (53, 57, 60, 65), (43, 59, 65, 74), (48, 60, 64, 72)]
        )
        for pitch in chord
    ]
    write_score(Score((Track("piano", make_notes(rows)),)), path)
    made = run_exhibit(load_exhibit("chord-labelling"), 1, {"piece": str(path), "rounds": 0})[0]
    hmm = [entry.choice for entry in made.trace.entries if entry.maker == "hmm"]
    assert hmm == ["C", "F", "G7", "C"]


def test_pieces_that_cannot_be_labelled_are_refused_in_one_line(tmp_path: Path) -> None:
    from hybrid.io.files import write_score

    exhibit = load_exhibit("chord-labelling")
    words = tmp_path / "words.musicxml"
    words.write_text("no score", encoding="utf-8")
    long = tmp_path / "long.mid"
    write_score(Score((Track("a", make_notes([(0, 161 * 480, 60)])),)), long)
    cases = [
        ("1", r"^piece must be the number of a shipped chorale \(3, 4, 5, 9, 13 \.\.\. 370"),
        (str(tmp_path), "^piece must be the number"),
        (str(words), "^piece must be a score that can be read, got "),
        (str(long), "^piece must have at most 160 beats, got 161 "),
    ]
    for piece, message in cases:
        with pytest.raises(ConfigError, match=message) as caught:
            run_exhibit(exhibit, 1, {"piece": piece})
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^hold must be a number in 0\.\.0\.95, got 1"):
        run_exhibit(exhibit, 1, {"hold": 1.0})
    assert read_piece("3").title
