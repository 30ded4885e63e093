"""Quartets: movements, pickups, four tracks, composers in one split each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid.core.errors import CorpusError, FormatError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.midi import score_to_midi
from hybrid.symbolic_transformer.quartet_corpus import (
    COMPOSER_SPLITS,
    QuartetCounts,
    composer_split,
    cut_movements,
    find_pickup,
    four_tracks,
    movement_starts,
    read_quartets,
    with_pickups,
)

Q = 480


def quartet(first: int = 48, second: int = 48, held: bool = False) -> Score:
    """Two movements of so many quarters, 4/4 and 3/4; a held note may join them."""
    tracks = []
    for voice, low in enumerate((67, 60, 55, 43)):
        rows = [(Q * at, Q, low + at % 5) for at in range(first + second)]
        if held:
            rows[first - 1] = (Q * (first - 1), 2 * Q, low + 12)
        tracks.append(Track(f"part {voice}", make_notes(rows)))
    return Score(
        tuple(tracks),
        metres=(Metre(0, 4, 4), Metre(first * Q, 3, 4)),
        tempos=(Tempo(0, 120.0), Tempo(first * Q, 80.0)),
        keys=(KeySignature(0, Key(0)), KeySignature(first * Q, Key(-1))),
    )


def test_movements_begin_at_tick_0_with_their_own_metre_key_and_tempo() -> None:
    first, second = cut_movements(quartet())
    assert (first.length, second.length) == (48 * Q, 48 * Q)
    assert [metre.name for metre in second.metres] == ["3/4"]
    assert second.metres[0].tick == second.tempos[0].tick == second.keys[0].tick == 0
    assert second.tempos[0].qpm == pytest.approx(80.0, abs=0.01)
    assert second.keys[0].key == Key(-1)
    assert second.tracks[0].notes["onset"][0] == 0
    assert first.n_notes + second.n_notes == quartet().n_notes


def test_a_held_note_or_a_short_passage_begins_no_movement() -> None:
    assert movement_starts(quartet(held=True)) == [0]
    assert movement_starts(quartet(second=16)) == [0]
    assert movement_starts(quartet(first=16)) == [0]
    metre_alone = Score(quartet().tracks, metres=(Metre(0, 4, 4), Metre(48 * Q, 3, 4)))
    assert movement_starts(metre_alone) == [0]


def test_a_divided_cello_is_one_track() -> None:
    score = quartet()
    divided = Score((*score.tracks, Track("cello 2", make_notes([(0, Q, 36)]))))
    found = four_tracks(divided)
    assert [track.name for track in found.tracks] == ["violin 1", "violin 2", "viola", "cello"]
    assert found.tracks[3].notes["pitch"][0] == 36
    assert found.n_notes == score.n_notes + 1
    with pytest.raises(FormatError, match="sq1: a quartet must have four tracks, got 3"):
        four_tracks(Score(score.tracks[:3]), "sq1")


def minuet(pickup: int, bars: int = 12) -> Score:
    """Long notes on bar lines after a pickup of so many quarters."""
    rows: list[list[tuple[int, int, int]]]
    rows = [[(0, pickup * Q, pitch)] if pickup else [] for pitch in (67, 60, 55, 43)]
    for bar in range(bars):
        at = (pickup + 3 * bar) * Q
        for voice in rows[:3]:
            voice += [(at, 2 * Q, 64), (at + 2 * Q, Q, 65)]
        rows[3].append((at, 3 * Q, 43))
    tracks = tuple(Track(str(n), make_notes(voice)) for n, voice in enumerate(rows))
    return Score(tracks, metres=(Metre(0, 3, 4),))


@pytest.mark.parametrize("pickup", [0, 1])
def test_a_pickup_is_read_from_long_and_low_notes(pickup: int) -> None:
    ticks, clear = find_pickup(minuet(pickup))
    assert ticks == pickup * Q
    assert clear > 1.5 if pickup else clear == 1.0


@pytest.mark.parametrize(("spare", "pickups"), [(0, [0, 0, 0]), (1, [0, 0, Q]), (3, [Q, 0, Q])])
def test_there_are_no_more_pickups_than_measures_to_spare(spare: int, pickups: list[int]) -> None:
    movements = [minuet(1, bars=4), minuet(0), minuet(1, bars=20)]
    whole = sum(len(movement.bars) for movement in movements)
    found = with_pickups(movements, whole + spare)
    assert [movement.pickup_ticks for movement in found] == pickups


def test_a_metre_that_misses_its_bar_line_by_a_few_ticks_is_put_on_it() -> None:
    score = quartet(first=96, second=48)
    metres = (Metre(0, 4, 4), Metre(40 * Q + 3, 2, 4), Metre(60 * Q + 4, 4, 4))
    drifted = Score(score.tracks, metres=metres)
    [movement] = cut_movements(drifted)
    assert [metre.tick for metre in movement.metres] == [0, 40 * Q, 60 * Q]


def test_no_composer_is_in_two_splits() -> None:
    named = [name for names in COMPOSER_SPLITS.values() for name in names]
    assert len(named) == len(set(named))
    assert composer_split("Mendelssohn,_Felix") == "test"
    assert composer_split("Schubert,_Franz") == "valid"
    assert composer_split("Haydn,_Joseph") == "train"


def test_quartets_become_pieces(corpora: Callable[..., Path]) -> None:
    data = score_to_midi(quartet())[0]
    head = "id\tsource_path\tmeasures\n"
    rows = "sq2\tscores/Schubert,_Franz/Q/s.mxl\t28\nsq1\tscores/Haydn,_Joseph/Q/s.mxl\t28\n"
    folder = corpora(
        {
            "openscore-string-quartets": {
                "index.tsv": head + rows + "sq3\tscores/Wolf,_Hugo/Q/s.mxl\t28\n",
                "openscore-string-quartets/sq1.mid": data,
                "openscore-string-quartets/sq2.mid": data,
            }
        }
    )
    counts = QuartetCounts()
    pieces = list(read_quartets(folder, counts))
    assert [(p.name, p.split) for p in pieces] == [
        ("quartets/sq1/1", "train"),
        ("quartets/sq1/2", "train"),
        ("quartets/sq2/1", "valid"),
        ("quartets/sq2/2", "valid"),
    ]
    assert counts.refused == ["sq3: a quartet of the index must have a file, got none"]
    assert counts.notes == sum(len(p.score.notes) for p in pieces) == 2 * 4 * 96
    assert pieces[1].plan.bars["numerator"].tolist() == [3] * len(pieces[1].plan.bars)


def test_the_real_table_splits_the_notes_about_80_10_10(shared_data: Path) -> None:
    index = shared_data / "openscore-string-quartets" / "index.tsv"
    if not index.is_file():
        pytest.skip(f"needs the corpus openscore-string-quartets in {shared_data}")
    notes = {"train": 0, "valid": 0, "test": 0}
    composers = set()
    for line in index.read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split("\t")
        composers.add(fields[1].split("/")[1])
        notes[composer_split(fields[1].split("/")[1])] += int(fields[6])
    assert {name for names in COMPOSER_SPLITS.values() for name in names} <= composers
    total = sum(notes.values())
    assert notes["train"] / total == pytest.approx(0.8, abs=0.02)
    assert notes["valid"] / total == pytest.approx(0.1, abs=0.02)


def test_a_corpus_without_an_index_is_refused(corpora: Callable[..., Path]) -> None:
    folder = corpora({"openscore-string-quartets": {"openscore-string-quartets/a.mid": b"x"}})
    with pytest.raises(CorpusError, match=r"index\.tsv"):
        list(read_quartets(folder))
