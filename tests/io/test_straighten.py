"""Played scores as they are engraved: plain values, two hands, nothing lost that is heard anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hybrid.core.score import Score, Track, make_notes
from hybrid.io.musicxml import score_to_musicxml
from hybrid.io.straighten import engravable


def played(seed: int = 0, program: int = 4, pitches: tuple[int, int] = (40, 80)) -> Score:
    """Eight bars of chords that begin and end a twenty-fourth or so off."""
    rng = np.random.default_rng(seed)
    rows = []
    for eighth in range(64):
        if rng.random() < 0.6:
            for pitch in sorted(set(rng.integers(*pitches, size=3).tolist())):
                onset = max(0, eighth * 240 + int(rng.integers(-1, 2)) * 20)
                length = min(int(rng.integers(3, 20)) * 20, 8 * 1920 - onset)
                rows.append((onset, length, pitch))
    track = Track("piano", make_notes(rows), program=program)
    return Score((track,), ticks_per_quarter=480, length=8 * 1920)


def test_notes_go_to_the_places_they_were_played_near() -> None:
    score = played()
    rows = engravable(score).tracks[0].notes
    assert not (rows["onset"] % 240).any()
    wanted = {
        (round(onset / 240) * 240, pitch) for onset, _, pitch, *_ in score.tracks[0].notes.tolist()
    }
    assert {(onset, pitch) for onset, _, pitch, *_ in rows.tolist()} == wanted


@pytest.mark.parametrize("seed", range(5))
def test_a_hand_is_chords_one_after_another(seed: int) -> None:
    rows = engravable(played(seed)).tracks[0].notes
    assert set(rows["voice"].tolist()) == {1, 5}
    for voice in (1, 5):
        hand = rows[rows["voice"] == voice]
        spans = sorted({(onset, onset + length) for onset, length, *_ in hand.tolist()})
        assert all(first[1] <= second[0] for first, second in pairwise(spans))
        assert all(end > onset for onset, end in spans)


def test_few_rests_and_no_tuplets_are_written() -> None:
    score = played()
    before, after = (score_to_musicxml(each)[0] for each in (score, engravable(score)))
    assert "<time-modification>" in before
    assert "<time-modification>" not in after
    assert after.count("<rest") < 0.5 * before.count("<rest")


def test_triplets_that_are_played_as_such_stay() -> None:
    rows = [(160 * number + (20 if number % 5 == 0 else 0), 140, 60) for number in range(24)]
    score = Score((Track("flute", make_notes(rows), program=73),), ticks_per_quarter=480)
    assert engravable(score).tracks[0].notes["onset"].tolist() == [160 * n for n in range(24)]


def test_what_is_written_stays_as_it_is() -> None:
    rows = [(0, 480, 60), (480, 120, 62), (600, 360, 64), (960, 320, 65), (1280, 640, 67)]
    score = Score((Track("flute", make_notes(rows), program=73),), ticks_per_quarter=480)
    assert engravable(score).tracks[0] is score.tracks[0]


def test_nothing_reaches_past_the_end() -> None:
    for seed in range(5):
        score = played(seed)
        rows = engravable(score).tracks[0].notes
        assert int((rows["onset"] + rows["duration"]).max()) <= score.length


@pytest.mark.parametrize("length", [60, 80])
def test_quick_notes_that_are_written_stay(length: int) -> None:
    rows = [(length * number, length, 60 + number % 5) for number in range(40)]
    score = Score((Track("violin", make_notes(rows), program=40),), ticks_per_quarter=480)
    assert engravable(score).tracks[0] is score.tracks[0]


def test_only_the_span_is_straightened() -> None:
    score = played()
    before, after = score.tracks[0].notes, engravable(score, (1920, 3840)).tracks[0].notes
    inside = (before["onset"] >= 1920) & (before["onset"] < 3840)
    kept = {tuple(row)[:3] for row in before[~inside].tolist()}
    new = [row for row in after.tolist() if tuple(row)[:3] not in kept]
    assert len(new) == len(after) - len(kept) > 0
    assert all(1920 <= onset < onset + length <= 3840 for onset, length, *_ in new)
    assert not any(onset % 120 for onset, *_ in new)


def test_what_was_given_stays() -> None:
    score = played()
    assert engravable(score, (0, score.length), score.tracks).tracks[0] is score.tracks[0]
