"""What is measured and derived from a performance."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, CorpusError
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.midi import score_to_midi
from hybrid.symbolic_transformer.drums.conditions import (
    COLUMNS,
    FEELS,
    STYLES,
    Levels,
    densities,
    feels,
    find_fills,
    intensities,
    places,
)
from hybrid.symbolic_transformer.drums.data import read_corpus
from hybrid.symbolic_transformer.drums.grid import Grid, encode
from tests.symbolic_transformer.drums.drum_examples import rock


def test_the_bar_of_toms_is_the_fill_and_the_bar_after_it_the_start() -> None:
    grid = rock(16, 1)
    fills = find_fills(grid, 16)
    assert np.flatnonzero(fills).tolist() == [3, 7, 11, 15]
    place, crashed = places(grid, 16, fills)
    assert np.flatnonzero(place == 0).tolist() == [0, 4, 8, 12]
    assert np.flatnonzero(place == 2).tolist() == [3, 7, 11, 15]
    assert np.flatnonzero(crashed).tolist() == [4, 8, 12]


def test_a_steady_groove_has_no_fill_and_one_section() -> None:
    grid = rock(12, 1, every=0)
    fills = find_fills(grid, 16)
    place, _ = places(grid, 16, fills)
    assert not fills.any()
    assert place.tolist() == [0] + 11 * [1]


def test_strokes_in_thirds_are_a_triplet_feel_and_in_fourths_a_straight_one() -> None:
    for inner, name in (
        ((160, 320), "triplet"),
        ((120, 240, 360), "straight"),
        ((320,), "triplet"),
    ):
        rows = [(480 * beat + at, 60, 42, 80) for beat in range(16) for at in (0, *inner)]
        grid, _ = encode(make_notes(rows), 120, 64)
        assert {FEELS[value] for value in feels(grid, 16)} == {name}


def test_density_and_intensity_are_counted_by_hand() -> None:
    grid, _ = encode(make_notes([(0, 9, 36, 100), (0, 9, 42, 50), (1920, 9, 38, 30)]), 120, 32)
    assert densities(grid, 16).tolist() == [2 / 16, 1 / 16]
    assert intensities(grid, 16).tolist() == [75.0, 30.0]


def test_levels_cut_into_fifths_and_refuse_what_is_no_ladder() -> None:
    levels = Levels.fit(np.arange(100.0), np.arange(100.0))
    assert np.bincount(levels.density_level(np.arange(100.0))).tolist() == [20] * 5
    with pytest.raises(ConfigError, match="4 ascending"):
        Levels((3.0, 2.0, 1.0, 0.0), (0.0, 1.0, 2.0, 3.0))


INFO = (
    "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,"
    "duration,split\n"
)


def _archive(path: Path, rows: str, grid: Grid) -> Path:
    from hybrid.symbolic_transformer.drums.grid import decode

    score = Score((Track("drums", decode(grid, 120), is_drum=True),), tempos=(Tempo(0, 100.0),))
    score = Score(score.tracks, tempos=score.tempos, metres=(Metre(0, 4, 4),))
    midi, _ = score_to_midi(score)
    target = path / "groove.tar.xz"
    with tarfile.open(target, "w:xz") as archive:
        for name, data in (("groove/info.csv", (INFO + rows).encode()), ("groove/d/1.mid", midi)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target


def test_an_archive_is_read_with_its_list(tmp_path: Path) -> None:
    row = "drummer1,s,1,funk/groove1,100,beat,4-4,d/1.mid,d/1.wav,9,train\n"
    grid = rock(8, 1)
    corpus = read_corpus(_archive(tmp_path, row, grid))
    (item,) = corpus.splits["train"]
    assert np.array_equal(item.grid.hits, grid.hits)
    assert np.array_equal(item.grid.velocities, grid.velocities)
    assert (item.qpm, item.metre, item.n_bars) == (100.0, "4/4", 8)
    assert set(item.conditions[:, list(COLUMNS).index("style")]) == {STYLES.index("funk")}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("d,s,1,polka,100,beat,4-4,d/1.mid,w,9,train\n", "style must be one of .* got 'polka'"),
        ("d,s,1,funk,100,beat,11-8,d/1.mid,w,9,train\n", "time_signature .* got '11/8'"),
        ("d,s,1,funk,100,beat,4-4,d/2.mid,w,9,train\n", "every file of info.csv.*'d/2.mid'"),
    ],
)
def test_a_list_with_a_wrong_value_is_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_corpus(_archive(tmp_path, row, rock(2, 1)))


@pytest.mark.slow
def test_the_data_are_those_counted(shared_data: Path) -> None:
    corpus = read_corpus(shared_data / "groove" / "groove.tar.xz")
    assert {name: len(items) for name, items in corpus.splits.items()} == {
        "train": 897,
        "validation": 124,
        "test": 129,
    }
    items = [item for split in corpus.splits.values() for item in split]
    strokes = sum(int(item.grid.hits.sum()) + item.lost for item in items)
    # Strokes as counted in the files, but for notes that end where they start.
    assert strokes == 445_495
    after_fill, after_other, opened = 0, 0, np.zeros(2)
    for item in corpus.splits["train"]:
        if not item.is_fill and item.n_bars >= 16:
            fill = item.conditions[:-1, list(COLUMNS).index("role")] == 1
            crash = item.grid.hits[:: item.bar_steps, 7][1:]
            after_fill, after_other = after_fill + fill.sum(), after_other + (~fill).sum()
            opened += [(crash & fill).sum(), (crash & ~fill).sum()]
    # The rule for fills never looks at crashes, yet they follow it four times as often.
    assert opened[0] / after_fill > 4 * opened[1] / after_other
