"""Tablature: fingerings that a hand can play, as text."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ConfigError, FormatError, ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.io.fingering import HAND_SPAN, TUNINGS, Fretboard, Strum, choose_fingerings
from hybrid.io.tablature import tablature

Rows = Callable[..., list[tuple[int, ...]]]


def strums(*chords: tuple[int, ...]) -> list[Strum]:
    return [
        Strum(480 * at, 480 * at + 480, tuple(sorted(pitches)), f"bar {at}")
        for at, pitches in enumerate(chords)
    ]


# Fingering --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TUNINGS))
def test_tunings_are_pitches(name: str) -> None:
    board = Fretboard.parse(name)
    assert len(board.strings) == len(board.names)
    assert Fretboard.parse(TUNINGS[name]) == board


def test_open_chords_are_played_open() -> None:
    # E minor and C major as every beginner plays them.
    chosen = choose_fingerings(
        strums((40, 47, 52, 55, 59, 64), (48, 52, 55, 60, 64)), Fretboard.parse("standard")
    )
    assert chosen[0] == ((0, 0), (1, 2), (2, 2), (3, 0), (4, 0), (5, 0))
    assert chosen[1] == ((1, 3), (2, 2), (3, 0), (4, 1), (5, 0))


def test_a_scale_stays_in_one_position() -> None:
    board = Fretboard.parse("standard")
    chosen = choose_fingerings(strums(*((p,) for p in (69, 71, 72, 74, 76, 77, 79))), board)
    frets = [fret for ((_, fret),) in chosen if fret]
    assert max(frets) - min(frets) <= 5


def test_a_capo_counts_from_itself() -> None:
    (fingering,) = choose_fingerings(strums((42,)), Fretboard.parse("standard", 2))
    assert fingering == ((0, 0),)


@given(
    st.lists(
        st.lists(st.integers(40, 80), min_size=1, max_size=4, unique=True).map(tuple),
        min_size=1,
        max_size=6,
    )
)
def test_every_fingering_can_be_held(chords: list[tuple[int, ...]]) -> None:
    board = Fretboard.parse("standard")
    try:
        chosen = choose_fingerings(strums(*chords), board)
    except FormatError as error:
        assert "one note a string" in str(error)  # noqa: PT017 - some chords cannot be held
        return
    for pitches, fingering in zip(chords, chosen, strict=True):
        played = sorted(board.strings[string] + fret for string, fret in fingering)
        assert played == sorted(pitches)
        assert len({string for string, _ in fingering}) == len(pitches)
        frets = [fret for _, fret in fingering if fret]
        assert not frets or max(frets) - min(frets) < HAND_SPAN


def test_the_path_is_the_cheapest_of_all() -> None:
    """Dynamic programming against every row of fingerings, on a short melody."""
    from hybrid.io import fingering as module

    board = Fretboard.parse("standard")
    melody = strums((64,), (67,), (71,), (76,), (64,))
    options = [module._candidates(strum, board) for strum in melody]

    def cost(row: tuple[module.Fingering, ...]) -> float:
        hand = module._hand(row[0], 1)
        total = module._strain(row[0]) + 0.1 * hand
        for before, after in pairwise(row):
            moved = module._hand(after, hand)
            total += module._strain(after) + abs(moved - hand) + module._skip(before, after)
            hand = moved
        return total

    best = min(cost(row) for row in product(*options))
    assert cost(tuple(choose_fingerings(melody, board))) == pytest.approx(best)


@pytest.mark.parametrize(
    ("tuning", "capo", "rule"),
    [
        ("banjo", 0, "tuning must be one of standard, .* got 'banjo'"),
        ("E2 A2 H3", 0, "tuning must be one of"),
        ("", 0, "tuning must have 1 to 12 strings, got 0"),
        ("standard", 13, "capo must be in 0..12, got 13"),
        ("standard", -1, "capo must be in 0..12, got -1"),
    ],
)
def test_tunings_that_do_not_exist(tuning: str, capo: int, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        Fretboard.parse(tuning, capo)


# Text -------------------------------------------------------------------------------------


def guitar(rows: list[tuple[int, ...]], **options: object) -> Score:
    return Score((Track("guitar", make_notes(rows), program=24),), **options)  # type: ignore[arg-type]


def test_a_page(rows_of: Rows) -> None:
    rows = rows_of("E2+B2+E3+G3+B3+E4:1 G4:1/2 E4:1/2 F#4:1/3 E4:1/3 D4:1/3 R:1 C4:3 A3:2")
    text = tablature(guitar(rows, title="Try"), width=60)
    assert text.splitlines()[0] == "Try - guitar (E2 A2 D3 G3 B3 E4)"
    assert text.splitlines()[3] == "bar 1"
    rhythm, *strings = text.splitlines()[4:11]
    assert rhythm.split() == ["Q", "E", "E", "E3", "E3", "E3", "q", "H.", "Q", "+Q", "q", "h"]
    assert [line[0] for line in strings] == ["e", "B", "G", "D", "A", "E"]
    assert len({len(line) for line in strings}) == 1
    assert strings[0].startswith("e|-0---3--0--2--0--")
    assert strings[5].startswith("E|-0---")
    assert all(line.count("|") == 4 for line in strings)


def test_lines_are_wrapped_at_bars(rows_of: Rows) -> None:
    text = tablature(guitar(rows_of("E4:1 F4:1 G4:1 A4:1 " * 9)), width=60)
    lines = text.splitlines()
    assert max(len(line) for line in lines[3:]) <= 60
    assert [line for line in lines if line.startswith("bar ")] == [
        "bar 1",
        "bar 4",
        "bar 7",
    ]


def test_a_note_over_the_bar_line_is_struck_once(rows_of: Rows) -> None:
    text = tablature(guitar(rows_of("R:2 E4:4"), metres=(Metre(0, 3, 4),)))
    lines = text.splitlines()
    assert lines[4].split() == ["q", "q", "Q", "+H."]
    assert sum(char.isdigit() for char in lines[5]) == 1


def test_the_guitar_is_taken_by_itself(rows_of: Rows) -> None:
    score = Score(
        (
            Track("drums", make_notes([(0, 480, 36)]), is_drum=True),
            Track("flute", make_notes(rows_of("C5:1")), program=73),
            Track("strum", make_notes(rows_of("E4:1")), program=25),
        )
    )
    assert "strum (" in tablature(score)
    assert "flute (" in tablature(score, track="flute")
    assert "flute (" in tablature(score, track=score.tracks[1])
    with pytest.raises(FormatError, match="must have pitches for tablature: it is drums"):
        tablature(score, track="drums")
    with pytest.raises(ScoreError, match="no track 'lute'"):
        tablature(score, track="lute")
    with pytest.raises(FormatError, match="must be one of the score's"):
        tablature(score, track=Track("x", make_notes([])))


def test_other_instruments_and_capo(rows_of: Rows) -> None:
    text = tablature(guitar(rows_of("E1:4")), tuning="bass")
    assert [line[:3] for line in text.splitlines()[5:9]] == ["G|-", "D|-", "A|-", "E|-"]
    assert "capo 3" in tablature(guitar(rows_of("G2:4")), capo=3)


@pytest.mark.parametrize(
    ("music", "rule"),
    [
        ("E2:4 D2:4", r"a note must be in E2..D6 for this tuning, got D2 \(bar 2\)"),
        ("E2:4 E6:4", r"a note must be in E2..D6 for this tuning, got E6 \(bar 2\)"),
        ("E2+F2:4", r"a chord must have one note a string within 5 frets, got E2 F2 \(bar 1\)"),
        ("F2+A2+C3+Eb3+F3+A3+C4:4", "one note a string"),
    ],
)
def test_what_cannot_be_played_is_named(music: str, rule: str, rows_of: Rows) -> None:
    with pytest.raises(FormatError, match=rule):
        tablature(guitar(rows_of(music)))


def test_nothing_to_write() -> None:
    with pytest.raises(FormatError, match="a track with pitches for tablature, got none"):
        tablature(Score((Track("x", make_notes([])),), length=480))
    with pytest.raises(FormatError, match="width must be 24 characters or more, got 10"):
        tablature(guitar([(0, 480, 60)]), width=10)
