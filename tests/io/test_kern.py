"""Humdrum kern: what is written, what is read, and that the one is the inverse of the other."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key, parse_pitch, pitch_name
from hybrid.core.score import KeySignature, Marker, Repeat, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.kern import kern_to_score, read_kern, score_to_kern, write_kern
from hybrid.io.kern_writer import kern_pitch
from hybrid.io.midi import midi_to_score

Q = 480
Rows = Callable[..., list[tuple[int, ...]]]
Content = Callable[..., Any]


def test_a_notated_score_survives(rich_score: Score, content: Content) -> None:
    text, losses = score_to_kern(rich_score)
    reading = kern_to_score(text)
    again = reading.score
    assert losses == ()
    assert reading.losses == ()
    assert content(again) == content(rich_score)
    for before, after in zip(rich_score.tracks, again.tracks, strict=True):
        assert after.notes["voice"].tolist() == before.notes["voice"].tolist()
        for name in ("name", "program", "clef"):
            assert getattr(after, name) == getattr(before, name), name
        assert {(mark.tick, mark.kind) for mark in after.articulations} == {
            (mark.tick, mark.kind) for mark in before.articulations
        }
        assert [(item.tick, item.pitch) for item in after.graces] == [
            (item.tick, item.pitch) for item in before.graces
        ]
    for name in ("tempos", "metres", "markers", "repeats", "pickup_ticks", "title", "composer"):
        assert getattr(again, name) == getattr(rich_score, name), name
    assert [item.key for item in again.keys] == [item.key for item in rich_score.keys]
    assert again.bars == rich_score.bars
    assert score_to_kern(rich_score)[0] == text


def test_voices_of_a_staff_are_sub_spines(rows_of: Rows, content: Content) -> None:
    rows = [
        *rows_of("C5:2 D5:2 E5:4", voice=1),
        *rows_of("G4:1 A4:3 R:2 B4:2", voice=2),
        *rows_of("R:4 C4:4", voice=3),
    ]
    score = Score(
        (Track("x", make_notes(rows), program=40), Track("y", make_notes(rows_of("C3:8")))),
        metres=(Metre(0, 4, 4),),
        keys=(KeySignature(0, Key.parse("F")),),
    )
    text, _ = score_to_kern(score)
    assert text.count("*^") == 2
    again = kern_to_score(text).score
    assert content(again) == content(score)
    assert again.tracks[0].notes["voice"].tolist() == score.tracks[0].notes["voice"].tolist()
    assert again.metres == score.metres


def test_every_line_has_as_many_tokens_as_spines(rich_score: Score) -> None:
    width = 0
    for line in score_to_kern(rich_score)[0].splitlines():
        if line.startswith("!!!"):
            continue
        tokens = line.split("\t")
        width = width or len(tokens)
        assert len(tokens) == width, line
        splits = tokens.count("*^")
        joins = max(0, tokens.count("*v") - 1)
        width += splits - joins


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C4", "c"),
        ("B3", "B"),
        ("C3", "C"),
        ("C2", "CC"),
        ("F#5", "ff#"),
        ("Bbb4", "b--"),
        ("G6", "ggg"),
    ],
)
def test_pitches(name: str, expected: str) -> None:
    assert kern_pitch(*parse_pitch(name)) == expected


@pytest.mark.parametrize(
    ("music", "tokens"),
    [
        ("C4:4", "1c"),
        ("C4:3 R:1", "2.c 4r"),
        ("C4:1/3 D4:1/3 E4:1/3 F4:3", "12cL 12d 12eJ 2.f"),
        ("C4:4/3 D4:4/3 E4:4/3", "3c 3d 3e"),
        ("C4:8/3 D4:4/3", "3%2c 3d"),
        ("C4:7/2 D4:1/2", "2..c 8d"),
        ("C4+E4:4", "1c 1e"),
    ],
)
def test_tokens(music: str, tokens: str, rows_of: Rows) -> None:
    text, _ = score_to_kern(Score((Track("", make_notes(rows_of(music)), program=40),)))
    data = [line for line in text.splitlines() if line[0] not in "*=!"]
    assert " ".join(data) == tokens


def test_ties_and_bar_lines(rows_of: Rows) -> None:
    score = Score(
        (Track("", make_notes(rows_of("C4:10 R:2 D4:4")), program=40),),
        repeats=(Repeat(4 * Q, 8 * Q), Repeat(8 * Q, 16 * Q)),
    )
    text, _ = score_to_kern(score)
    body = [line for line in text.splitlines() if line[0] not in "*!"]
    assert body == [
        "=1-",
        "[1c",
        "=2!|:",
        "1c_",
        "=3:|!|:",
        "2c]",
        "2r",
        "=4",
        "1d",
        "==:|!",
    ]


def test_changes_survive(rows_of: Rows, content: Content) -> None:
    score = Score(
        (Track("x", make_notes(rows_of("C#5:4 C5:3 Eb5:3 Fb5:1 C##5:2 Bb4:7/2")), program=9),),
        metres=(Metre(0, 4, 4), Metre(4 * Q, 3, 4), Metre(13 * Q, 7, 8)),
        keys=(KeySignature(0, Key.parse("D")), KeySignature(7 * Q, Key.parse("Bb minor"))),
        tempos=(Tempo(0, 60.0), Tempo(7 * Q, 72.5)),
        markers=(Marker(4 * Q, "B"), Marker(7 * Q, "C two")),
    )
    again = kern_to_score(score_to_kern(score)[0]).score
    assert content(again) == content(score)
    assert again.metres == score.metres
    assert [(item.tick, item.key) for item in again.keys] == [
        (item.tick, item.key) for item in score.keys
    ]
    assert again.tempos == score.tempos
    assert again.markers == score.markers


def test_verovio_hears_the_same(rich_score: Score, rows_of: Rows, content: Content) -> None:
    """An independent reader of kern: onset and pitch of every note."""
    import verovio

    rows = [*rows_of("C5:2 D5:2/3 E5:4/3", voice=1), *rows_of("G4:1 A4:3", voice=2)]
    plain = tuple(replace(track, graces=()) for track in rich_score.tracks)
    for score in (
        replace(rich_score, tracks=plain, repeats=(), tempos=(Tempo(0, 120.0),)),
        Score((Track("x", make_notes(rows), program=40),)),
    ):
        toolkit = verovio.toolkit()
        assert toolkit.loadData(score_to_kern(score)[0])
        heard = midi_to_score(base64.b64decode(toolkit.renderToMIDI()), "drop").score

        def notes(found: Score) -> Counter[tuple[float, int]]:
            return Counter(
                (round(float(onset), 2), pitch)
                for track in content(found, spelled=False)
                for onset, _, pitch in track.elements()
            )

        assert notes(heard) == notes(score)


def test_what_kern_cannot_hold_is_named(played_score: Score, rows_of: Rows) -> None:
    losses = "\n".join(score_to_kern(played_score)[1])
    for lost in (
        "lie on no written place",
        "2 tracks with velocities that differ",
        "3 controller events",
        "3 pitch bends",
        "2 program changes",
        "1 program: Humdrum has no code",
        "1 MIDI channel",
    ):
        assert lost in losses
    endings = ((0, 4 * Q, (1, 2)), (4 * Q, 8 * Q, (3,)))
    score = Score(
        (Track("x", make_notes(rows_of("C4:8"))),), repeats=(Repeat(0, 8 * Q, 3, endings),)
    )
    assert score_to_kern(score)[1] == (
        "1 repeat with different endings: the endings stand one after another",
        "1 repeat sounding more than twice: written as a plain repeat",
    )


def test_what_is_left_out_in_reading_is_named() -> None:
    text = (
        "**kern\t**harm\n*>[A,A]\t*>[A,A]\n*M4/4\t*M4/4\n=1\t=1\n1c\tI\n*>x\t*>x\n==\t==\n*-\t*-\n"
    )
    reading = kern_to_score(text)
    assert reading.losses == (
        "1 spine **harm: left out",
        "1 list of sections: left out: sections stand once",
    )
    assert reading.score.markers == (Marker(4 * Q, "x"),)


def read(*rows: str) -> Score:
    """A score from lines whose tokens are separated by single spaces."""
    reading = kern_to_score("".join(row.replace(" ", "\t") + "\n" for row in rows))
    assert reading.losses == ()
    return reading.score


def words(score: Score, track: int = 0) -> str:
    quarter = score.ticks_per_quarter
    return " ".join(
        f"{pitch_name(int(n['pitch']), int(n['spelling']))}:{n['duration'] / quarter:g}"
        f"@{n['onset'] / quarter:g}v{n['voice']}"
        for n in score.tracks[track].notes
    )


def test_spines_split_and_join() -> None:
    score = read(
        "**kern **kern", "4C 4c", "*^ *", "2C 4E 4d", ". 4F 4e", "*v *v *", "4G 4f", "*- *-"
    )
    assert words(score) == "C4:1@0v1 D4:1@1v1 E4:1@2v1 F4:1@3v1"
    assert words(score, 1) == "C3:1@0v1 C3:2@1v1 E3:1@1v2 F3:1@2v2 G3:1@3v1"


def test_spines_change_places_end_and_are_added() -> None:
    score = read(
        "**kern **kern", "4C 4c", "*x *x", "4d 4D", "*- *", "4E", "*+", "* **kern", "4F 4e", "*- *-"
    )
    assert [words(score, at) for at in range(3)] == [
        "E4:1@3v1",
        "C4:1@0v1 D4:1@1v1",
        "C3:1@0v1 D3:1@1v1 E3:1@2v1 F3:1@3v1",
    ]


def test_durations_ties_chords_and_graces() -> None:
    score = read("**kern", "[4.c", "8c]", "12e#", "12f", "12B-", "0GG", "3%2a", "qdd", "00r", "*-")
    assert words(score) == (
        "C4:2@0v1 E#4:0.333333@2v1 F4:0.333333@2.33333v1 Bb3:0.333333@2.66667v1 G2:8@3v1 "
        "A4:2.66667@11v1"
    )
    (grace,) = score.tracks[0].graces
    assert Fraction(grace.tick, score.ticks_per_quarter) == Fraction(41, 3)
    assert grace.pitch == 74
    chord = kern_to_score("**kern\n[4c [4e 4g\n4c] 4e]\n*-\n").score
    assert words(chord) == "C4:2@0v1 E4:2@0v1 G4:1@0v1"


def test_keys_metres_tempi_and_dynamics() -> None:
    reading = kern_to_score(
        "**kern\t**dynam\n*k[f#]\t*\n*G:\t*\n*M3/4\t*M3/4\n*MM90\t*\n4g\tp\n2g\tff\n"
        "=2\t=2\n*e:dor\t*\n*M2/4\t*\n2e\t.\n*-\t*-\n"
    )
    score = reading.score
    assert reading.losses == ()
    assert [item.key.name for item in score.keys] == ["G major", "E dorian"]
    assert score.metres == (Metre(0, 3, 4), Metre(3 * Q, 2, 4))
    assert score.tempos == (Tempo(0, 90.0),)
    assert score.tracks[0].notes["velocity"].tolist() == [50, 104, 104]


def test_words_under_notes() -> None:
    score = kern_to_score(
        "**kern\t**text\t**text\n4c\tGlo-\tse-\n4d\t-ri-\t-cond\n4e\t|\t.\n4f\t-a\t.\n*-\t*-\t*-\n"
    ).score
    assert [(item.tick // Q, item.text, item.verse) for item in score.tracks[0].lyrics] == [
        (0, "Glo-", 1),
        (0, "se-", 2),
        (1, "ri-", 1),
        (1, "cond", 2),
        (3, "a", 1),
    ]


def test_what_is_at_odds_with_itself_is_named() -> None:
    reading = kern_to_score("**kern\t**kern\n4c\t2e\n4d]\t4f\n=1\t=1\n4c[\t4c(\n")
    assert reading.losses == (
        "1 tie from nowhere: left out",
        "1 line whose spines differ in time: each keeps its own",
        "1 bar line at which spines differ in time: the longest spine is believed",
        "the spines do not end with *-",
        "1 slur to nowhere: left out",
        "1 tie to nowhere: left out",
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Dear Sir\n", r"must have a line that begins with '\*\*', got none"),
        ("**text\nla\n*-\n", r"must have a spine \*\*kern, got \*\*text"),
        ("**kern\n*M4/4\n1zzz\n*-\n", r"a pitch or r, got '1zzz' \(line 3\)"),
        ("**kern\n4c&\n4=\n", r"must have a pitch or r, got '4=' \(line 3\)"),
        ("**kern\nc\n", r"a kern note must have a duration, got 'c' \(line 2\)"),
        ("**kern\n4cde\n", r"a kern note must have one pitch, got 'cde'"),
        ("**kern\n4cccccccccc\n", r"a pitch must be in 0..127, got '4cccccccccc' = 168"),
        ("**kern\n4cF\n", r"must not have the sign 'F', got '4cF'"),
        ("**kern\t**kern\n4c\n", r"a token for each of 2 spines, got 1 \(line 2\)"),
        ("**kern\n*M4/3\n", r"denominator .* got 3 \(line 2\)"),
    ],
)
def test_what_is_no_kern_is_refused(text: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.krn"
    path.write_text(text)
    with pytest.raises(FormatError, match=rule) as caught:
        read_kern(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_score_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="the score has no tracks"):
        write_kern(Score((), length=Q), tmp_path / "x.krn")
    assert list(tmp_path.iterdir()) == []
