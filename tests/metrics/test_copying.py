"""Copied music: planted copies, an exact slow search beside the hashed one, and the file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, FormatError, ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics.copying import CopyIndex
from hybrid.metrics.grids import Grid, check_grid, score_of_grid
from hybrid.metrics.lines import lines_of
from hybrid.metrics.patterns import PATTERN_NOTES, hash_rows, note_patterns


def walk(n_rows: int, seed: int) -> Grid:
    """Four voices that move by steps every sixteenth or eighth."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([-4, -3, -2, -1, 0, 0, 1, 2, 3, 4], size=(n_rows, 4))
    return check_grid(np.clip(np.array([72, 67, 60, 50]) + np.cumsum(steps, axis=0), 36, 81))


def melody(pitches: list[int], length: int = 480) -> Score:
    notes = make_notes([(i * length, length, pitch) for i, pitch in enumerate(pitches)])
    return Score((Track("flute", notes),))


TUNE = [60, 62, 64, 60, 67, 65, 64, 62, 60, 64, 67, 72, 71, 69, 67, 65, 64]


def test_a_whole_piece_is_found_in_any_key() -> None:
    grid = walk(64, 1)
    index = CopyIndex.build("test", [("other", walk(64, 2)), ("itself", grid)])
    for piece in (grid, check_grid(grid - 3), score_of_grid(grid)):
        found = index.measure(piece)
        assert found["notes"].share == found["texture"].share == 1.0
        assert found["notes"].source == found["texture"].source == "itself"
        assert found["texture"].longest == 64
        assert found["texture"].longest_quarters == 16.0
        assert found["notes"].longest == max(len(line) for line in lines_of(grid))


def test_other_music_is_not_found() -> None:
    index = CopyIndex.build("test", [(str(seed), walk(64, seed)) for seed in range(5)])
    found = index.measure(walk(64, 9))
    assert (found["notes"].share, found["notes"].longest, found["notes"].source) == (0.0, 0, "")
    assert found["texture"].share == 0.0
    assert found["notes"].n_patterns > 100


def test_a_planted_passage_is_found_where_it_is() -> None:
    source, piece = walk(64, 1), np.array(walk(80, 2))
    piece[33:57] = source[10:34] + 2
    found = CopyIndex.build("test", [("source", source)]).measure(check_grid(piece))["texture"]
    assert found.longest == 24
    assert found.longest_quarters == 6.0
    assert found.at_quarter == 33 / 4
    assert found.share == pytest.approx((24 - 7) / (80 - 7))


def test_the_rhythm_counts_and_the_tempo_of_the_grid_does_not() -> None:
    index = CopyIndex.build("test", [("tune", melody(TUNE))])
    assert index.measure(melody(TUNE))["notes"].longest == len(TUNE)
    assert index.measure(melody(TUNE, 240))["notes"].longest == 0
    finer = Score(
        (Track("flute", make_notes([(i * 960, 960, p) for i, p in enumerate(TUNE)])),), 960
    )
    assert index.measure(finer)["notes"].longest == len(TUNE)


def test_what_repeats_itself_is_no_pattern() -> None:
    drone = melody([60, 61] + [62] * 20)
    scale = melody(list(range(50, 80)))
    index = CopyIndex.build("test", [("a", drone), ("b", scale)], merge_repeats=False)
    assert index.measure(scale)["notes"].n_patterns == 0
    assert index.measure(drone)["notes"].n_patterns == 2
    assert index.measure(melody([60] * 40))["texture"].n_patterns == 0


def test_repeated_notes_count_where_they_are_told_apart() -> None:
    pitches = [60, 60, 62, 62, 64, 64, 65, 65, 67, 67]
    apart = CopyIndex.build("test", [("a", melody(pitches))], merge_repeats=False)
    assert apart.measure(melody(pitches))["notes"].longest == 10
    merged = CopyIndex.build("test", [("a", melody(pitches))])
    assert merged.measure(melody(pitches))["notes"].longest == 0
    with pytest.raises(ConfigError, match="merge_repeats"):
        apart.measure(walk(8, 1))


def slow_figures(piece: Grid, corpus: list[Grid]) -> tuple[float, int]:
    """Share of patterns and longest run of notes, by comparing everything with everything."""

    def steps(grid: Grid) -> list[list[tuple[int, int]]]:
        return [
            [
                (int(p2 - p1), int(o2 - o1))
                for (p1, o1), (p2, o2) in pairwise(zip(x.pitch, x.onset, strict=True))
            ]
            for x in lines_of(grid)
        ]

    n = PATTERN_NOTES - 1
    theirs = [line for grid in corpus for line in steps(grid)]
    known = {tuple(line[i : i + n]) for line in theirs for i in range(len(line) - n + 1)}
    mine = [
        tuple(line[i : i + n])
        for line in steps(piece)
        for i in range(len(line) - n + 1)
        if len(set(line[i : i + n])) > 1
    ]
    longest = 0
    for a in steps(piece):
        for b in theirs:
            for i in range(len(a)):
                for j in range(len(b)):
                    k = 0
                    while i + k < len(a) and j + k < len(b) and a[i + k] == b[j + k]:
                        k += 1
                    longest = max(longest, k + 1)
    return sum(pattern in known for pattern in mine) / len(mine), longest


def test_hashes_find_what_a_full_comparison_finds() -> None:
    rng = np.random.default_rng(4)

    def simple(seed: int) -> Grid:
        # Few steps to choose from, so that much is shared.
        steps = np.random.default_rng(seed).choice([-1, 1], p=[0.3, 0.7], size=(30, 4))
        return check_grid(60 + np.cumsum(steps, axis=0))

    corpus = [simple(seed) for seed in range(4)]
    piece = np.array(simple(99))
    piece[5:25, 2] = corpus[2][8:28, 1] + int(rng.integers(1, 5))
    share, longest = slow_figures(check_grid(piece), corpus)
    found = CopyIndex.build("test", [(str(i), g) for i, g in enumerate(corpus)]).measure(
        check_grid(piece)
    )["notes"]
    assert 0 < share < 1
    assert found.share == pytest.approx(share)
    assert found.longest == longest


def test_some_patterns_stand_for_all() -> None:
    corpus = [(str(seed), walk(200, seed)) for seed in range(6)]
    whole, part = CopyIndex.build("a", corpus), CopyIndex.build("a", corpus, keep=4)
    for kind in ("notes", "texture"):
        assert part.n_patterns(kind) == pytest.approx(whole.n_patterns(kind) / 4, rel=0.15)
    piece = np.array(walk(400, 50))
    piece[100:250] = corpus[3][1][20:170]
    full, estimate = (index.measure(check_grid(piece)) for index in (whole, part))
    for kind in ("notes", "texture"):
        assert estimate[kind].share == pytest.approx(full[kind].share, abs=0.1)
        assert 0.7 * full[kind].longest <= estimate[kind].longest <= full[kind].longest
        assert estimate[kind].source == "3"


def test_runs_do_not_go_from_one_voice_or_piece_into_the_next() -> None:
    index = CopyIndex.build("test", [("a", melody(TUNE)), ("b", melody(TUNE[::-1]))])
    both = melody(TUNE + TUNE[::-1])
    assert index.measure(both)["notes"].longest == len(TUNE)


def test_hashes_are_spread_evenly() -> None:
    # Close rows must not collide: 500,000 of them collide 29 times on average.
    rows = np.stack([np.arange(500_000) // 700, np.arange(500_000) % 700], axis=1)
    hashes = hash_rows(rows)
    assert len(hashes) - len(np.unique(hashes)) < 60
    counts = np.bincount(hashes % 64, minlength=64)
    assert counts.min() > 0.95 * 500_000 / 64


def test_a_file_keeps_everything_and_has_the_same_bytes(tmp_path: Path) -> None:
    index = CopyIndex.build("test", [(str(seed), walk(64, seed)) for seed in range(3)])
    index = index.with_reference([walk(64, 7), walk(64, 8)])
    index.save(tmp_path / "a.npz")
    back = CopyIndex.load(tmp_path / "a.npz")
    assert back.to_bytes() == index.to_bytes()
    piece = np.array(walk(64, 5))
    piece[10:40] = walk(64, 2)[20:50]
    assert back.record(check_grid(piece)) == index.record(check_grid(piece))
    record = back.record(check_grid(piece))
    assert record["piece"]["texture"]["source"] == "2"
    assert record["held_out_pieces"]["pieces"] == 2
    assert record["held_out_pieces"]["notes"]["share"]["max"] == 0.0


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no index")
    with pytest.raises(FormatError, match=r"a\.npz: must be an index"):
        CopyIndex.load(tmp_path / "a.npz")
    with pytest.raises(FormatError, match="cannot be read"):
        CopyIndex.load(tmp_path / "b.npz")
    with pytest.raises(ConfigError, match="got none"):
        CopyIndex.build("test", [])
    with pytest.raises(ConfigError, match="keep must be 1 or more, got 0"):
        CopyIndex.build("test", [("a", walk(8, 1))], keep=0)
    with pytest.raises(ScoreError):
        CopyIndex.build("test", [("a", Score(()))])


def test_a_short_line_has_no_patterns() -> None:
    assert len(note_patterns(lines_of(walk(7, 1))).hashes) == 0
    found = CopyIndex.build("test", [("a", walk(64, 1))]).measure(walk(4, 1))
    assert found["texture"].n_patterns == found["notes"].n_patterns == 0
