"""Scores as written: voices, staves, bars, ties, beams, quantising."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.score import (
    Articulation,
    Grace,
    Lyric,
    Repeat,
    Score,
    Slur,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre
from hybrid.io.drum_staff import DRUMS, drum_name, drum_place
from hybrid.io.notation import Part, beam_groups, notate
from hybrid.io.quantise import is_written, quantise
from hybrid.io.voices import clef_of, has_two_staves, separate

Q = 480
Rows = Callable[..., list[tuple[int, ...]]]


def part_of(rows: list[tuple[int, ...]], **options: object) -> Part:
    """The one part of a score of one track."""
    fields = {"program": 40, **{k: v for k, v in options.items() if k in ("program", "clef")}}
    rest = {k: v for k, v in options.items() if k not in fields}
    track = Track("x", make_notes(rows), **fields)  # type: ignore[arg-type]
    return notate(Score((track,), **rest)).parts[0]  # type: ignore[arg-type]


# Voices -----------------------------------------------------------------------------------


def test_named_voices_are_kept(rows_of: Rows) -> None:
    rows = [*rows_of("C5:4 D5:4", voice=2), *rows_of("E4:2 F4:6", voice=1)]
    voices = separate(Track("x", make_notes(rows)))
    assert [(voice.number, len(voice.chords)) for voice in voices] == [(1, 2), (2, 2)]
    assert all(voice.is_named for voice in voices)


def test_overlaps_in_a_named_voice_get_another_one(rows_of: Rows) -> None:
    rows = [*rows_of("C5:4", voice=1), *rows_of("R:1 E5:1", voice=1)]
    voices = separate(Track("x", make_notes(rows)))
    assert sorted(len(voice.chords) for voice in voices) == [1, 1]
    assert sorted(voice.number for voice in voices) == [1, 2]


def test_unnamed_notes_are_put_into_few_voices() -> None:
    # Two lines that overlap: highest first, each near its own last note.
    rows = [(0, 480, 72), (480, 480, 74), (0, 960, 60), (960, 480, 62), (960, 960, 76)]
    voices = separate(Track("x", make_notes(rows)))
    pitches = [[chord.low for chord in voice.chords] for voice in voices]
    assert pitches == [[72, 74, 76], [60, 62]]


def test_chords_are_notes_that_begin_and_end_together() -> None:
    voices = separate(Track("x", make_notes([(0, 480, 60), (0, 480, 64), (0, 480, 67)])))
    assert [chord.notes for chord in voices[0].chords] == [(0, 1, 2)]


def test_a_unison_needs_two_voices() -> None:
    voices = separate(Track("x", make_notes([(0, 480, 60), (0, 480, 60)])))
    assert len(voices) == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(1, 12),
            st.integers(40, 80),
            st.just(80),
            st.integers(0, 3),
        ),
        max_size=40,
    ),
    st.sampled_from([0, 40]),
)
def test_every_note_is_in_one_voice(rows: list[tuple[int, ...]], program: int) -> None:
    track = Track("x", make_notes(rows), program=program)
    voices = separate(track)
    indices = sorted(note for voice in voices for chord in voice.chords for note in chord.notes)
    assert indices == list(range(len(rows)))
    numbers = [voice.number for voice in voices]
    assert len(set(numbers)) == len(numbers)
    assert 0 not in numbers
    for voice in voices:
        for before, after in zip(voice.chords, voice.chords[1:], strict=False):
            assert before.end <= after.start
        for chord in voice.chords:
            for note in chord.notes:
                assert chord.start == track.notes["onset"][note]
                assert chord.end == chord.start + track.notes["duration"][note]


# Staves and clefs -------------------------------------------------------------------------


def test_a_wide_keyboard_part_has_two_staves(rows_of: Rows) -> None:
    rows = rows_of("C3+E5:4 G2+G5:4", voice=0)
    part = part_of(rows, program=0)
    assert part.clefs == ("treble", "bass")
    assert [voice.staff for voice in part.voices] == [1, 2]
    assert part_of(rows, program=40).n_staves == 1
    assert part_of(rows_of("C5:4 G5:4", voice=0), program=0).n_staves == 1


def test_hands_keep_close_notes_together(rows_of: Rows) -> None:
    rows = rows_of("C3+E3+G3:2 G3+C4+E4:2 C5+G5:2 C2:2", voice=0)
    part = part_of(rows, program=0)
    lower = [chord.high for voice in part.voices if voice.staff == 2 for chord in voice.chords]
    assert max(lower) == 64  # G3 C4 E4 lies mostly under middle C and stays whole


def test_voices_from_five_on_are_the_lower_staff(rows_of: Rows) -> None:
    rows = [*rows_of("C5:4", voice=1), *rows_of("C3:4", voice=5)]
    part = part_of(rows, program=0)
    assert [(voice.number, voice.staff) for voice in part.voices] == [(1, 1), (5, 2)]


@pytest.mark.parametrize(
    ("name", "program", "pitch", "expected"),
    [
        ("x", 40, 76, "treble"),
        ("x", 42, 45, "bass"),
        ("x", 41, 60, "alto"),
        ("x", 24, 52, "treble8vb"),
        ("Tenor", 52, 55, "treble8vb"),
        ("bass", 52, 48, "bass"),
    ],
)
def test_clefs_by_instrument_and_range(name: str, program: int, pitch: int, expected: str) -> None:
    track = Track(name, make_notes([(0, Q, pitch)]), program=program)
    assert clef_of(track, [pitch]) == expected
    assert clef_of(replace(track, clef="tenor"), [pitch]) == "tenor"
    assert not has_two_staves(track)


def test_drums_have_their_places() -> None:
    assert drum_place(38) == ("C", 5, "normal")
    assert drum_name(42) == "Closed Hi-Hat"
    assert drum_place(99) == ("B", 4, "x")
    assert drum_name(99) == "Percussion 99"
    assert all(27 <= pitch <= 87 for pitch in DRUMS)


# Bars -------------------------------------------------------------------------------------


def test_notes_are_tied_over_bar_lines(rows_of: Rows) -> None:
    part = part_of(rows_of("C5:3 D5:2 E5:3"))
    first, second = (bar[0].events for bar in part.bars)
    assert [event.tied_on for event in first] == [False, True]
    assert [(event.tied_back, event.tied_on) for event in second] == [(True, False), (False, False)]


def test_an_empty_bar_is_one_rest(rows_of: Rows) -> None:
    part = part_of(rows_of("C5:4 R:4 C5:4"))
    (event,) = part.bars[1][0].events
    assert event.fills_bar
    assert event.ticks == 4 * Q


def test_a_short_bar_has_rests_of_its_own_length(rows_of: Rows) -> None:
    metres = (Metre(0, 4, 4), Metre(3 * Q, 4, 4))
    part = part_of(rows_of("R:3 C5:4"), metres=metres)
    assert [int(event.value) for event in part.bars[0][0].events] == [2, 1]


def test_a_pickup_is_the_end_of_a_bar(rows_of: Rows) -> None:
    part = part_of(
        rows_of("C5:1/2 C5:1/2 C5:1/2 D5:4"), metres=(Metre(0, 4, 4),), pickup_ticks=3 * Q // 2
    )
    beams = [event.beams for event in part.bars[0][0].events]
    assert beams == [(), ("begin",), ("end",)]  # beat 3 1/2, then beat 4


def test_the_last_bar_completes_the_pickup(rows_of: Rows) -> None:
    track = Track("x", make_notes(rows_of("C5:1 D5:4 E5:3")))
    bars = notate(Score((track,), pickup_ticks=Q)).bars
    assert [(bar.number, bar.end - bar.start) for bar in bars] == [
        (0, Q),
        (1, 4 * Q),
        (2, 3 * Q),
    ]


def test_a_repeat_inside_a_bar_cuts_it(rows_of: Rows) -> None:
    track = Track("x", make_notes(rows_of("C5:4 D5:4 E5:4")))
    score = Score((track,), repeats=(Repeat(0, 7 * Q), Repeat(7 * Q, 12 * Q)))
    notation = notate(score)
    assert [(bar.number, bar.start // Q) for bar in notation.bars] == [
        (1, 0),
        (2, 4),
        (2, 7),
        (3, 8),
    ]
    assert [notation.is_continued(at) for at in range(4)] == [False, False, True, False]


# Beams ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metre", "ends"),
    [
        ("4/4", ["1", "2", "3", "4"]),
        ("3/8", ["3/2"]),
        ("6/8", ["3/2", "3"]),
        ("5/8", ["3/2", "5/2"]),
        ("7/8", ["1", "2", "7/2"]),
        ("2/2", ["2", "4"]),
    ],
)
def test_where_beams_end(metre: str, ends: list[str]) -> None:
    assert beam_groups(Metre.parse(metre)) == [Fraction(end) for end in ends]


@pytest.mark.parametrize(
    ("metre", "music", "beams"),
    [
        # Four eighths of a half bar share a beam, two and a rest do not.
        ("4/4", "C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:2", "b c c e -"),
        ("4/4", "C5:1/2 C5:1/2 R:1/2 C5:1/2 C5:2", "b e - - -"),
        ("4/4", "C5:1 C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:1", "- b e b e -"),
        ("3/4", "C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:1", "b e b e -"),
        ("6/8", "C5:1/2 C5:1/2 C5:1/2 C5:1 C5:1/2", "b c e - -"),
        ("2/4", "C5:3/4 C5:1/4 C5:1/4 C5:1/2 C5:1/4", "b e/B b/f c e/B"),
        ("2/4", "C5:1/4 C5:1/4 C5:1/4 C5:1/4 C5:1", "b/b c/c c/c e/e -"),
        ("2/4", "C5:1/3 C5:1/3 C5:1/3 C5:1", "b c e -"),
    ],
)
def test_beams(metre: str, music: str, beams: str, rows_of: Rows) -> None:
    part = part_of(rows_of(music), metres=(Metre.parse(metre),))
    names = {"begin": "b", "continue": "c", "end": "e", "forward hook": "f", "backward hook": "B"}
    found = [
        "/".join(names[beam] for beam in event.beams) or "-" for event in part.bars[0][0].events
    ]
    assert found == beams.split()


# Quantising -------------------------------------------------------------------------------


def test_places_that_notation_reaches() -> None:
    ticks = np.array([0, 15, 120, 160, 96, 480, 37, 239])
    expected = [True, True, True, True, True, True, False, False]
    assert is_written(ticks, 480).tolist() == expected


def test_a_written_score_is_left_alone(rich_score: Score) -> None:
    score, loss = quantise(rich_score)
    assert score is rich_score
    assert loss == ""


def test_quintuplets_inside_triplets_are_written(rows_of: Rows) -> None:
    rows = rows_of("C5:1/3 " + "D5:2/15 " * 5 + "E5:3")
    score = Score((Track("x", make_notes(rows)),))
    assert quantise(score) == (score, "")
    events = notate(score).parts[0].bars[0][0].events
    assert {event.tuplet for event in events} == {(15, 8), None}
    assert [event.tied_on for event in events[:2]] == [True, False]


def test_a_performance_is_moved_to_the_grid() -> None:
    rng = np.random.default_rng(3)
    written = [(240 * at, 240, 60 + at % 5) for at in range(64)]
    played = [
        (max(0, start + int(rng.integers(-12, 13))), int(rng.integers(190, 239)), pitch)
        for start, _, pitch in written
    ]
    track = Track(
        "x",
        make_notes(played),
        lyrics=(Lyric(sorted(played)[1][0], "la"),),
        articulations=(Articulation(*sorted(played)[1][::2], kind="accent"),),
        graces=(Grace(sorted(played)[2][0], 70),),
        slurs=(Slur(sorted(played)[3][0], sorted(played)[4][0]),),
    )
    score, loss = quantise(Score((track,)))
    moved = score.tracks[0]
    assert moved.notes["onset"].tolist() == [start for start, _, _ in written]
    assert set(moved.notes["duration"].tolist()) <= {120, 240}
    assert "of 64 notes lie on no written place: moved by up to" in loss
    # Marks go with their notes.
    assert moved.lyrics[0].tick == moved.articulations[0].tick == 240
    assert moved.graces[0].tick == 480
    assert (moved.slurs[0].start, moved.slurs[0].end) == (720, 960)


def test_played_triplets_become_triplets() -> None:
    rng = np.random.default_rng(3)
    rows = [(max(0, 160 * at + int(rng.integers(-7, 8))), 130, 60 + at % 7) for at in range(48)]
    score, _ = quantise(Score((Track("x", make_notes(rows)),)))
    assert sorted(score.tracks[0].notes["onset"].tolist()) == [160 * at for at in range(48)]


def test_one_odd_bar_does_not_move_the_others(rows_of: Rows) -> None:
    # Quintuplets stay where they are; the last bar is played.
    rows = rows_of("C5:1/5 D5:1/5 E5:1/5 F5:1/5 G5:1/5 A5:3 " * 15)
    odd = (60 * Q + 37, 401, 60, 80, 1, 0)
    score, loss = quantise(Score((Track("x", make_notes([*rows, odd])),)))
    assert loss.startswith("1 of 91 notes")
    assert np.array_equal(score.tracks[0].notes[:90], make_notes(rows))


@given(
    st.lists(
        st.tuples(st.integers(0, 9000), st.integers(1, 3000), st.integers(40, 80)),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["4/4", "6/8", "5/8"]),
)
def test_quantised_scores_can_be_written(rows: list[tuple[int, ...]], metre: str) -> None:
    track = Track("x", make_notes(rows))
    score, _ = quantise(Score((track,), metres=(Metre.parse(metre),)))
    assert score.n_notes == len(rows)
    again, loss = quantise(score)
    assert loss == ""
    notation = notate(again)
    for part in notation.parts:
        for bar, voices in zip(notation.bars, part.bars, strict=True):
            for voice in voices:
                assert voice.events[0].start == bar.start
                assert voice.events[-1].end == bar.end
