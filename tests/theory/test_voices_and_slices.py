"""Voices out of any score, and slices against a slow oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.theory.checker import check, count_per_1000_slices
from hybrid.theory.slices import REST, slice_score
from hybrid.theory.voices import MAX_LINES, find_voices

Q = 480
ScoreMaker = Callable[..., Score]


def test_named_voices_stand_in_their_order(score_of: ScoreMaker) -> None:
    score = score_of("C3", "G3", "E4", "C5", names=("bass", "tenor", "alto", "soprano"))
    assert [voice.name for voice in find_voices(score)] == ["soprano", "alto", "tenor", "bass"]


def test_other_voices_stand_by_height(score_of: ScoreMaker) -> None:
    score = score_of("C3 D3", "E4 F4", "C5 D5", names=("cello", "viola", "violin"))
    assert [voice.name for voice in find_voices(score)] == ["violin", "viola", "cello"]


def test_drums_have_no_voice() -> None:
    drums = Track("drums", make_notes([(0, Q, 36)]), is_drum=True)
    flute = Track("flute", make_notes([(0, Q, 72)]))
    assert [voice.name for voice in find_voices(Score((drums, flute)))] == ["flute"]


def test_voices_within_a_track() -> None:
    rows = [(0, 2 * Q, 72, 80, 1), (0, Q, 64, 80, 2), (Q, Q, 65, 80, 2)]
    voices = find_voices(Score((Track("organ", make_notes(rows)),)))
    assert [voice.name for voice in voices] == ["organ/1", "organ/2"]
    assert [voice.notes["pitch"].tolist() for voice in voices] == [[72], [64, 65]]


def test_chords_of_a_track_are_read_as_lines() -> None:
    rows = [(0, Q, p) for p in (48, 55, 64)] + [(Q, Q, p) for p in (47, 55, 62)]
    voices = find_voices(Score((Track("piano", make_notes(rows)),)))
    assert [voice.notes["pitch"].tolist() for voice in voices] == [[64, 62], [55, 55], [48, 47]]


def test_only_the_lines_of_chords_are_a_reading() -> None:
    chords = [(0, Q, p) for p in (48, 55, 64)]
    octaves = [(0, Q, p) for p in (36, 48)] + [(Q, Q, 38)]
    voiced = [(0, 2 * Q, 72, 80, 1), (0, Q, 64, 80, 2), (0, Q, 60, 80, 3)]
    tracks = tuple(
        Track(name, make_notes(rows))
        for name, rows in (("piano", chords), ("bass", octaves), ("organ", voiced))
    )
    read = {voice.name: voice.is_reading for voice in find_voices(Score(tracks))}
    assert {name for name, is_reading in read.items() if is_reading} == {
        "piano/1",
        "piano/2",
        "piano/3",
    }
    assert len(read) == 8


def test_a_thinner_chord_goes_to_the_nearest_lines() -> None:
    rows = [(0, Q, p) for p in (48, 64, 72)] + [(Q, Q, p) for p in (50, 71)]
    voices = find_voices(Score((Track("piano", make_notes(rows)),)))
    assert [voice.notes["pitch"].tolist() for voice in voices] == [[72, 71], [64], [48, 50]]


def test_a_held_note_is_a_line_under_moving_ones() -> None:
    rows = [(0, 2 * Q, 48), (0, Q, 64), (Q, Q, 65)]
    voices = find_voices(Score((Track("piano", make_notes(rows)),)))
    assert [voice.notes["pitch"].tolist() for voice in voices] == [[64, 65], [48]]


def test_legato_overlap_is_one_line() -> None:
    rows = [(0, Q + 30, 60), (Q, Q, 62)]
    (voice,) = find_voices(Score((Track("flute", make_notes(rows)),)))
    assert voice.notes["duration"].tolist() == [Q, Q]


def test_clusters_are_cut_to_the_widest_lines() -> None:
    rows = [(0, Q, 40 + pitch) for pitch in range(20)]
    voices = find_voices(Score((Track("organ", make_notes(rows)),)))
    assert len(voices) == MAX_LINES
    assert voices[-1].notes["pitch"].tolist() == [40]


def test_tracks_of_one_name_are_told_apart(score_of: ScoreMaker) -> None:
    score = score_of("C5", "E4", "C4", names=("violin", "violin", "viola"))
    assert [voice.name for voice in find_voices(score)] == ["violin 1", "violin 2", "viola"]


def test_voices_may_be_chosen(score_of: ScoreMaker) -> None:
    score = score_of("C5 D5", "G4 A4", "E4 F4", "C4 D4")
    assert slice_score(score, ["soprano", "bass"]).names == ("soprano", "bass")
    found = check(score, chords=(), voices=["alto", "bass"])
    assert {finding.voices for finding in found} == {("alto", "bass")}


def test_unknown_voice_is_refused(score_of: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="voices must be among 'soprano', 'bass', got 'flute'"):
        slice_score(score_of("C5", "C4"), ["flute"])


def test_a_score_without_notes_has_no_slices_and_no_findings() -> None:
    empty = Score((Track("soprano", make_notes([])),))
    assert len(slice_score(empty)) == 0
    assert check(empty) == ()
    assert count_per_1000_slices((), empty) == {}


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Two to four lines of notes and rests of random lengths."""
    tracks = []
    for row in range(draw(st.integers(2, 4))):
        rows, tick = [], 0
        for _ in range(draw(st.integers(1, 8))):
            length = draw(st.sampled_from((120, 240, 480, 720)))
            if draw(st.booleans()):
                rows.append((tick, length, draw(st.integers(40, 80))))
            tick += length
        tracks.append(Track(f"part {row}", make_notes(rows)))
    return Score(tuple(tracks))


@given(scores())
def test_slices_agree_with_a_slow_oracle(score: Score) -> None:
    slices = slice_score(score)
    for row, voice in enumerate(slices.voices):
        for slot, tick in enumerate(slices.tick.tolist()):
            sounding = [
                index
                for index, note in enumerate(voice.notes)
                if note["onset"] <= tick < note["onset"] + note["duration"]
            ]
            if not sounding:
                assert slices.pitch[row, slot] == REST
                assert slices.note[row, slot] == -1
                assert not slices.attack[row, slot]
                continue
            (index,) = sounding
            assert slices.pitch[row, slot] == voice.notes["pitch"][index]
            assert slices.note[row, slot] == index
            assert slices.attack[row, slot] == (voice.notes["onset"][index] == tick)
    onsets = {int(tick) for voice in slices.voices for tick in voice.notes["onset"]}
    assert slices.tick.tolist() == sorted(onsets)


@given(scores())
def test_checking_any_lines_gives_ordered_findings(score: Score) -> None:
    found = check(score)
    ticks = [finding.tick for finding in found]
    assert ticks == sorted(ticks)
    assert check(score) == found
    total = sum(count_per_1000_slices(found, score).values())
    n_slices = len(slice_score(score))
    if n_slices:
        assert total == pytest.approx(1000 * len(found) / n_slices)


@pytest.mark.parametrize(
    ("metre", "pickup", "expected"),
    [
        ("4/4", 0, [3, 0, 1, 0, 2, 0, 1, 0, 3]),
        ("3/4", 0, [3, 0, 1, 0, 1, 0, 3, 0, 1]),
        ("6/8", 0, [3, 0, 0, 1, 0, 0, 3, 0, 0]),
        ("4/4", Q, [1, 0, 3, 0, 1, 0, 2, 0, 1]),
        ("2/2", 0, [3, 0, 0, 0, 1, 0, 0, 0, 3]),
    ],
)
def test_accents(score_of: ScoreMaker, metre: str, pickup: int, expected: list[int]) -> None:
    score = score_of(" ".join(["C5:1/2"] * 9), metre=metre, pickup=pickup)
    assert slice_score(score).accent.tolist() == expected


def test_places_are_bars_and_beats(score_of: ScoreMaker) -> None:
    slices = slice_score(score_of(" ".join(["C5"] * 6), metre="3/4", pickup=Q))
    assert [slices.place(tick) for tick in (0, Q, 2 * Q, 3 * Q + Q // 2)] == [
        (0, 3.0),
        (1, 1.0),
        (1, 2.0),
        (1, 3.5),
    ]


def test_unspelled_notes_are_spelled_by_the_key() -> None:
    track = Track("soprano", make_notes([(0, Q, 68), (Q, Q, 70)]))
    minor = Score((track,), keys=(KeySignature(0, Key.parse("a")),))
    flat = replace(minor, keys=(KeySignature(0, Key.parse("Eb")),))
    assert slice_score(minor).spelling.tolist() == [[8, -2]]
    assert slice_score(flat).spelling.tolist() == [[-4, -2]]


def test_a_large_score_is_cut_at_once() -> None:
    """A hundred thousand slices: the arrays have them all, each note at its tick."""
    n_notes = 100_000
    onset = np.arange(n_notes) * 120
    tracks = []
    for row, pitch in enumerate((72, 64, 55, 48)):
        notes = np.zeros(n_notes, dtype=make_notes([]).dtype)
        notes["onset"], notes["duration"] = onset, 120
        notes["pitch"], notes["velocity"] = pitch + (np.arange(n_notes) + row) % 3, 80
        notes["spelling"] = -128
        tracks.append(Track(f"part {row}", notes))
    slices = slice_score(Score(tuple(tracks), metres=(Metre(0, 4, 4),)))
    assert slices.pitch.shape == (4, n_notes)
    assert slices.attack.all()
