from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key
from hybrid.core.score import (
    Articulation,
    Grace,
    KeySignature,
    Marker,
    Repeat,
    Score,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo


def melody(*pitches: int) -> Track:
    return Track("melody", make_notes([(480 * i, 480, p) for i, p in enumerate(pitches)]))


def test_notes_are_sorted_and_read_only() -> None:
    track = Track("x", make_notes([(480, 480, 64), (0, 480, 67), (0, 240, 60)]))
    assert track.notes["pitch"].tolist() == [60, 67, 64]
    with pytest.raises(ValueError, match="read-only"):
        track.notes["pitch"][0] = 1


def test_a_track_does_not_follow_its_source() -> None:
    notes = make_notes([(0, 480, 60)])
    track = Track("x", notes)
    notes["pitch"][0] = 61
    assert track.notes["pitch"].tolist() == [60]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 480, 200), r"Note.pitch must be in 0..127, got 200 \(track 'bass', tick 0\)"),
        ((960, 480, -1), r"Note.pitch .* got -1 \(track 'bass', tick 960\)"),
        ((0, 0, 60), r"Note.duration must be in 1\.\."),
        ((-1, 480, 60), r"Note.onset must be in 0\.\."),
        ((0, 480, 60, 0), r"Note.velocity must be in 1..127, got 0"),
        ((0, 480, 60, 80, -1), r"Note.voice must be"),
        ((0, 480, 60, 80, 1, 1), r"Note.spelling must name its pitch"),
        ((0, 480, 60, 80, 1, 90), r"Note.spelling must be in"),
    ],
)
def test_notes_out_of_range_are_named(row: tuple[int, ...], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        Track("bass", make_notes([row]))


def test_numbers_beyond_the_array_are_refused() -> None:
    with pytest.raises(ScoreError, match="whole numbers"):
        make_notes([(0, 480, 10**9)])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ticks_per_quarter": 0}, "ticks_per_quarter"),
        ({"tempos": (Tempo(0, 120), Tempo(0, 90))}, "tempos must ascend"),
        ({"metres": (Metre(960, 3, 4), Metre(0, 4, 4))}, "metres must ascend"),
        ({"length": 10}, "length must reach"),
        ({"pickup_ticks": -1}, "pickup_ticks"),
    ],
)
def test_scores_are_checked(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        Score((melody(60),), **fields)  # type: ignore[arg-type]


def test_bars_cover_the_piece() -> None:
    score = Score((melody(60, 62, 64, 65, 67),), metres=(Metre(0, 3, 4),))
    assert [bar.number for bar in score.bars] == [1, 2]
    assert score.bar_at(1439).number == 1
    assert score.bar_at(1440).number == 2
    assert score.bar_at(10**9).number == 2
    assert score.length == 2400
    assert score.seconds == 2.5


def test_an_empty_score_has_one_bar() -> None:
    assert len(Score(()).bars) == 1


def test_keys_hold_until_the_next() -> None:
    keys = (KeySignature(0, Key.parse("C")), KeySignature(960, Key.parse("g")))
    score = Score((melody(60, 62, 64),), keys=keys)
    assert score.key_at(959) == Key.parse("C")
    assert score.key_at(960) == Key.parse("g")
    assert Score((melody(60),)).key_at(0) is None


def test_a_missing_track_names_those_there_are() -> None:
    with pytest.raises(ScoreError, match="no track 'bass'; it has 'melody'"):
        Score((melody(60),)).track("bass")


@given(st.integers(-12, 12))
def test_transposing_up_then_down_changes_nothing(semitones: int) -> None:
    notes = make_notes([(0, 480, 60, 80, 1, 0), (480, 240, 66, 70, 2, 6), (480, 1, 61)])
    score = Score(
        (
            Track(
                "a",
                notes,
                articulations=(Articulation(0, 60, "accent"),),
                graces=(Grace(0, 62, 0, 1, 2),),
            ),
            Track("d", make_notes([(0, 240, 36)]), is_drum=True),
        ),
        keys=(KeySignature(0, Key.parse("C")),),
        markers=(Marker(0, "A"),),
    )
    there = score.transposed(semitones)
    back = there.transposed(-semitones, -((7 * semitones + 5) % 12 - 5))
    for before, after in zip(score.tracks, back.tracks, strict=True):
        assert np.array_equal(before.notes, after.notes)
        assert before.articulations == after.articulations
        assert before.graces == after.graces
    assert back.keys[0].key == score.keys[0].key
    assert np.array_equal(there.tracks[1].notes, score.tracks[1].notes)


def test_repeats_must_run_forward() -> None:
    with pytest.raises(ScoreError, match="start before its end"):
        Repeat(960, 960)
    with pytest.raises(ScoreError, match="times"):
        Repeat(0, 960, times=1)
