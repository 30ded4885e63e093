"""Chorales are told by their notes, whatever was done to them; other harmonisations are others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import FormatError
from hybrid.core.score import Score, Track, make_notes
from hybrid.symbolic_transformer.chorale_matching import (
    BenchmarkPiece,
    Grid,
    Match,
    along_diagonals,
    match_chorales,
    read_benchmark,
    score_grid,
    split_of,
)
from hybrid.symbolic_transformer.chorale_splits import chorale_splits, format_splits, parse_splits

SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def chorale(seed: int, length: int = 48) -> Grid:
    """Four voices of quarters that walk about in C major."""
    rng = np.random.default_rng(seed)
    columns = []
    for low in (67, 60, 55, 43):
        steps = np.clip(np.cumsum(rng.choice([-2, -1, -1, 0, 1, 1, 2], length)), -6, 7)
        octave, degree = np.divmod(steps, 7)
        columns.append(low + 12 * octave + SCALE[degree])
    return np.repeat(np.stack(columns, axis=1), 4, axis=0).astype(np.int16)


@pytest.fixture(scope="module")
def benchmark() -> tuple[BenchmarkPiece, ...]:
    splits = ("train", "valid", "test")
    return tuple(BenchmarkPiece(splits[n % 3], n // 3, chorale(n)) for n in range(12))


def noisy(grid: Grid) -> Grid:
    """One quarter in twelve with a wrong accidental."""
    rng = np.random.default_rng(99)
    wrong = np.repeat(rng.random((len(grid) // 4, 4)) < 1 / 12, 4, axis=0)
    return np.where(wrong, grid + 1, grid).astype(np.int16)


TRANSFORMS: dict[str, Callable[[Grid], Grid]] = {
    "as it is": lambda grid: grid,
    "a fourth higher": lambda grid: (grid + 5).astype(np.int16),
    "wrong accidentals": noisy,
    "wrong accidentals, lower": lambda grid: (noisy(grid) - 3).astype(np.int16),
    "first half repeated": lambda grid: np.concatenate([grid[:96], grid]),
    "a pickup and an end cut off": lambda grid: grid[4:-24],
    "half a bar of silence before": lambda grid: np.concatenate(
        [np.full((8, 4), -1, np.int16), grid]
    ),
    "doubled note values": lambda grid: np.repeat(grid, 2, axis=0),
    "halved note values": lambda grid: grid[::2],
    "bass an octave lower": lambda grid: (grid - np.array([0, 0, 0, 12])).astype(np.int16),
}


@pytest.mark.parametrize("what", TRANSFORMS)
def test_a_transformed_piece_is_found(what: str, benchmark: tuple[BenchmarkPiece, ...]) -> None:
    grids = {piece.id: TRANSFORMS[what](piece.grid) for piece in benchmark[::4]}
    found = match_chorales(grids, benchmark)
    assert {name: match.id for name, match in found.items()} == {name: name for name in grids}
    assert all(match.is_same for match in found.values())
    assert all(split_of(match) == match.split for match in found.values())


def test_the_key_is_told(benchmark: tuple[BenchmarkPiece, ...]) -> None:
    grids = {str(up): (benchmark[1].grid + up).astype(np.int16) for up in (-5, 2, 6)}
    found = match_chorales(grids, benchmark)
    assert {name: (-match.semitones) % 12 for name, match in found.items()} == {
        "-5": 7,
        "2": 2,
        "6": 6,
    }


def test_another_harmonisation_is_another_piece(benchmark: tuple[BenchmarkPiece, ...]) -> None:
    other = chorale(77)
    other[:, 0] = benchmark[5].grid[:, 0]
    match = match_chorales({"x": other}, benchmark)["x"]
    assert match.id == benchmark[5].id
    assert match.is_same_tune
    assert not match.is_same
    assert split_of(match) == "none"


def test_unrelated_music_is_none_of_them(benchmark: tuple[BenchmarkPiece, ...]) -> None:
    found = match_chorales({"x": chorale(500), "silence": np.full((40, 4), -1)}, benchmark)
    assert "silence" not in found
    assert split_of(found.get("x")) == "none"
    assert split_of(None) == "none"


def test_agreement_along_diagonals_is_a_plain_mean() -> None:
    rng = np.random.default_rng(3)
    values = rng.random((17, 23)).astype(np.float32)
    window = 6
    found = along_diagonals(values, window)
    for row in range(17):
        for column in range(23):
            around = [
                values[row + k, column + k]
                for k in range(-window // 2 + 1, window // 2 + 1)
                if 0 <= row + k < 17 and 0 <= column + k < 23
            ]
            expected = sum(around) / max(len(around), 0.75 * window)
            assert found[row, column] == pytest.approx(expected, abs=1e-5)


def test_scores_become_grids() -> None:
    voices = [Track(name, make_notes([(0, 480, 60), (480, 120, 62)])) for name in "satb"]
    assert score_grid(Score(tuple(voices)))[:, 0].tolist() == [60, 60, 60, 60, 62]
    with pytest.raises(FormatError, match="four voices, got 3"):
        score_grid(Score(tuple(voices[:3])))


def test_the_benchmark_is_read_or_refused() -> None:
    text = '{"train": [[[1, 2, 3, 4]]], "valid": [], "test": [[[5, 6, 7, -1], [5, 6, 7, 8]]]}'
    pieces = read_benchmark(text)
    assert [(piece.id, len(piece.grid)) for piece in pieces] == [("train/0", 1), ("test/0", 2)]
    with pytest.raises(FormatError, match="four pitches"):
        read_benchmark('{"train": [[[1, 2, 3]]]}')


def test_splits_come_back_from_their_table() -> None:
    matches = {
        ("bach_chorales", "001"): Match("valid", 3, 0.987, 0.99, -2),
        ("music21", "bwv1.6"): Match("train", 12, 0.5, 0.75, 5, (2, 1)),
    }
    assert parse_splits(format_splits(matches)) == matches
    with pytest.raises(FormatError, match="line 2"):
        parse_splits(format_splits(matches).splitlines()[0] + "\nbach 1\n")
    with pytest.raises(FormatError, match="begin with corpus"):
        parse_splits("")


def test_the_shipped_table_knows_all_three_corpora() -> None:
    table = chorale_splits()
    counts = {
        corpus: [sum(m.is_same for (name, _), m in table.items() if name == corpus)]
        for corpus in ("bach_chorales", "roman_numerals", "music21")
    }
    assert counts == {"bach_chorales": [350], "roman_numerals": [79], "music21": [393]}
    assert set(chorale_splits(["music21"])) == {key for key in table if key[0] == "music21"}


@pytest.mark.slow
def test_the_shipped_table_agrees_with_the_notes(shared_data: Path) -> None:
    from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus

    for corpus in ("bach_chorales", "jsb-chorales"):
        if not (shared_data / corpus).is_dir():
            pytest.skip(f"needs the corpus {corpus} in {shared_data}")
    benchmark = read_benchmark((shared_data / "jsb-chorales/Jsb16thSeparated.json").read_bytes())
    scores, _ = read_chorale_corpus(shared_data)
    table = chorale_splits(["bach_chorales"])
    # One found at once, one under another harmony, one in another key.
    some = ("001", "045", "014")
    found = match_chorales({name: score_grid(scores[name]) for name in some}, benchmark)
    for name in some:
        known = table["bach_chorales", name]
        assert found[name].id == known.id
        assert found[name].is_same == known.is_same
        assert found[name].similarity == pytest.approx(known.similarity, abs=1e-3)
