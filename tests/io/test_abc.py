"""ABC notation: reading by the standard, writing, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key, pitch_name
from hybrid.core.score import Grace, KeySignature, Lyric, Repeat, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.abc import abc_to_score, read_abc, score_to_abc, write_abc
from hybrid.io.abc_fields import Staves, parse_key, parse_metre, parse_tempo, parse_unit

Q = 480
Rows = Callable[..., list[tuple[int, ...]]]
Content = Callable[[Score], Any]


def tune(music: str, metre: str = "4/4", key: str = "C", unit: str = "1/4") -> str:
    return f"X:1\nT:Test\nM:{metre}\nL:{unit}\nK:{key}\n{music}\n"


def words(score: Score, track: int = 0) -> str:
    """Notes as ``name:length@place`` in quarters."""
    quarter = score.ticks_per_quarter
    return " ".join(
        f"{pitch_name(int(note['pitch']), int(note['spelling']))}:"
        f"{note['duration'] / quarter:g}@{note['onset'] / quarter:g}"
        for note in score.tracks[track].notes
    )


def read(music: str, **options: str) -> Score:
    reading = abc_to_score(tune(music, **options))
    assert reading.losses == ()
    return reading.score


# Reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C c c' C, |", "C4:1@0 C5:1@1 C6:1@2 C3:1@3"),
        ("C2 C/ C/2 C3/4 C// |", "C4:2@0 C4:0.5@2 C4:0.5@2.5 C4:0.75@3 C4:0.25@3.75"),
        ("^F _B =F ^^C |", "F#4:1@0 Bb4:1@1 F4:1@2 C##4:1@3"),
        # Accidentals hold for their bar and octave.
        ("^F F f F | F4 |", "F#4:1@0 F#4:1@1 F5:1@2 F#4:1@3 F4:4@4"),
        # A tie carries one over the bar line, and no further.
        ("z3 ^F- | F F2 z |", "F#4:2@3 F4:2@5"),
        ("z3 C- | C4 |", "C4:5@3"),
        ("[CEG]2 [C2E2] |", "C4:2@0 E4:2@0 G4:2@0 C4:2@2 E4:2@2"),
        ("[C-E]2 [CF]2 |", "C4:4@0 E4:2@0 F4:2@2"),
        ("[CE]2- [CE]2 |", "C4:4@0 E4:4@0"),
        ("A>B c<d |", "A4:1.5@0 B4:0.5@1.5 C5:0.5@2 D5:1.5@2.5"),
        ("A>>B c2 |", "A4:1.75@0 B4:0.25@1.75 C5:2@2"),
        ("(3:2:3C/D/E/ c3 |", "C4:0.333333@0 D4:0.333333@0.333333 E4:0.333333@0.666667 C5:3@1"),
        ("(3C/D/E/ c3 |", "C4:0.333333@0 D4:0.333333@0.333333 E4:0.333333@0.666667 C5:3@1"),
        ("(3:2:2C D/ c3 |", "C4:0.666667@0 D4:0.333333@0.666667 C5:3@1"),
        (
            "(5:4:5C/4D/4E/4F/4G/4 c3 |",
            "C4:0.2@0 D4:0.2@0.2 E4:0.2@0.4 F4:0.2@0.6 G4:0.2@0.8 C5:3@1",
        ),
        ("C2 z2 | Z | x2 y C2 |", "C4:2@0 C4:2@10"),
        ("Z2 | C4 |", "C4:4@8"),
        # Overlays: the same bar once more.
        ("C4 & E2 G2 | c4 |", "C4:4@0 E4:2@0 G4:2@2 C5:4@4"),
        # Inline changes.
        ("C [L:1/8] C2 C C [K:D] F4 |", "C4:1@0 C4:1@1 C4:0.5@2 C4:0.5@2.5 F#4:2@3"),
        ("`C`C\\\nC2|", "C4:1@0 C4:1@1 C4:2@2"),
        ("C4 % a remark\n| D4 |", "C4:4@0 D4:4@4"),
    ],
)
def test_notes(music: str, expected: str) -> None:
    assert words(read(music)) == expected


def test_tuplets_follow_the_metre() -> None:
    score = read("(2C D E2 |", metre="6/8", unit="1/8")
    assert words(score) == "C4:0.75@0 D4:0.75@0.75 E4:1@1.5"


def test_accidentals_may_hold_for_all_octaves() -> None:
    text = "%%propagate-accidentals pitch\n"
    score = abc_to_score(tune("^F f2 F |").replace("K:C\n", text + "K:C\n")).score
    assert words(score) == "F#4:1@0 F#5:2@1 F#4:1@3"


@pytest.mark.parametrize(
    ("text", "name", "sharp"),
    [
        ("C", "C major", 0),
        ("Am", "A minor", 0),
        ("F#m", "F# minor", 1),
        ("Ador", "A dorian", 1),
        ("G Mixolydian", "G mixolydian", 0),
        ("Bb maj clef=bass", "Bb major", 0),
        ("DMIX", "D mixolydian", 1),
        ("Emin", "E minor", 1),
        ("D", "D major", 1),
        ("Hp", "D major", 1),
    ],
)
def test_keys(text: str, name: str, sharp: int) -> None:
    key = parse_key(text)
    assert key.key is not None
    assert key.key.name == name
    assert key.alteration("F") == sharp


def test_keys_with_accidentals_of_their_own() -> None:
    key = parse_key("D =c ^g")
    assert [key.alteration(letter) for letter in "FCG"] == [1, 0, 1]
    assert parse_key("none").key is None
    with pytest.raises(FormatError, match=r"a key must be a tonic and a mode .* got 'Cfoo'"):
        parse_key("Cfoo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("C", "4/4"), ("C|", "2/2"), ("6/8", "6/8"), ("2+3/8", "5/8"), ("(2+2+3)/16", "7/16")],
)
def test_metres(text: str, expected: str) -> None:
    metre = parse_metre(text)
    assert metre is not None
    assert metre.name == expected
    assert parse_metre("none") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/4=120", 120.0),
        ("3/8=60", 90.0),
        ("1/2=60", 120.0),
        ("120", 60.0),
        ("C=100", 50.0),
        ('"Allegro" 1/4=132', 132.0),
        ("1/4 1/8=60", 90.0),
        ('"Allegro"', None),
    ],
)
def test_tempi(text: str, expected: float | None) -> None:
    assert parse_tempo(text, parse_unit("1/8")) == expected


def test_default_unit_lengths() -> None:
    for metre, expected in (("2/4", 0.25), ("3/4", 0.5), ("6/8", 0.5)):
        text = f"X:1\nM:{metre}\nK:C\nC|\n"
        track = abc_to_score(text).score.tracks[0]
        assert track.notes["duration"][0] == expected * Q


def test_pickup_repeats_and_endings() -> None:
    score = read("G |: C4 | D4 |1 E4 :|2 F4 || G4 |: A4 ::| B4 |]")
    assert score.pickup_ticks == Q
    assert score.repeats == (
        Repeat(Q, 17 * Q, 2, ((9 * Q, 13 * Q, (1,)), (13 * Q, 17 * Q, (2,)))),
        Repeat(21 * Q, 25 * Q, 3),
    )


def test_repeats_without_a_beginning_and_double_signs() -> None:
    score = read("C4 :| D4 :: E4 :| F4 |")
    assert [(repeat.start // Q, repeat.end // Q) for repeat in score.repeats] == [
        (0, 4),
        (4, 8),
        (8, 12),
    ]


def test_lyrics_align_with_notes() -> None:
    score = read("C D E F | G2 G2 |\nw: A-ve ma~ri- * | a_\nw: two * * * | x")
    ticks = [(lyric.tick // Q, lyric.text, lyric.verse) for lyric in score.tracks[0].lyrics]
    assert ticks == [
        (0, "A-", 1),
        (0, "two", 2),
        (1, "ve", 1),
        (2, "ma ri-", 1),
        (4, "a", 1),
        (4, "x", 2),
    ]


def test_graces_slurs_and_marks() -> None:
    score = read("{/ga}(.C TD) HE !accent!F |")
    track = score.tracks[0]
    assert [(grace.tick, grace.pitch, grace.index) for grace in track.graces] == [
        (0, 79, 0),
        (0, 81, 1),
    ]
    assert [(slur.start, slur.end) for slur in track.slurs] == [(0, Q)]
    assert [mark.kind for mark in track.articulations] == ["staccato", "trill", "fermata", "accent"]


def test_voices_parts_and_staves() -> None:
    text = (
        'X:1\nM:4/4\nL:1/4\n%%score S {(R1 R2) L}\nV:S name="Flute"\n%%MIDI program 73\n'
        "V:R1 name=Piano\nV:R2\nV:L clef=bass\nK:C\n"
        "[V:S] c4|\n[V:R1] G4|[V:R2] E4|\n[V:L] C,4|\n"
    )
    reading = abc_to_score(text)
    assert reading.losses == ()
    flute, piano = reading.score.tracks
    assert (flute.name, flute.program) == ("Flute", 73)
    assert piano.name == "Piano"
    assert [(int(n["pitch"]), int(n["voice"])) for n in piano.notes] == [(48, 5), (64, 2), (67, 1)]


def test_groups_of_voices() -> None:
    assert Staves.parse("(1 2) {3 (4 5)} [6 | 7]").parts == [
        [["1", "2"]],
        [["3"], ["4", "5"]],
        [["6"]],
        [["7"]],
    ]


def test_octaves_and_transposition_of_a_voice() -> None:
    text = "X:1\nL:1/4\nV:1 octave=-1\nV:2 transpose=-2\nK:C\nV:1\nC4|\nV:2\nC4|\n"
    low, moved = abc_to_score(text).score.tracks
    assert low.notes["pitch"].tolist() == [48]
    assert moved.notes["pitch"].tolist() == [58]


def test_remains_of_mail_are_left_out_and_named() -> None:
    reading = abc_to_score(tune("C2 =\nD2 |=20\nE4 |"))
    assert words(reading.score) == "C4:2@0 D4:2@2 E4:4@4"
    assert reading.losses == ("2 remains of e-mail encoding: left out",)


def test_one_tune_of_many() -> None:
    text = tune("C4|") + "\n" + tune("D4|").replace("X:1", "X:7") + "\nSome words.\n"
    reading = abc_to_score(text)
    assert words(reading.score) == "C4:4@0"
    assert reading.losses == ("1 further tune in the file: left out",)
    assert words(abc_to_score(text, 7).score) == "D4:4@0"
    with pytest.raises(FormatError, match="the file has no tune X:3"):
        abc_to_score(text, 3)


def test_what_a_score_has_no_place_for_is_named() -> None:
    text = tune('"Am"C "^above"D uE !coda!F | G4- |').replace("K:C", 'Q:"Allegro"\nK:C')
    assert abc_to_score(text).losses == (
        "1 chord symbol: a score has no place for it",
        "1 annotation: a score has no place for it",
        "1 mark u: a score has no place for it",
        "1 mark !coda!: a score has no place for it",
        "1 tempo word: left out: it names no number",
        "1 tie to nowhere: left out",
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Dear Sir", "must have a tune that begins with 'X:', got none"),
        ("X:1\nT:x\n", "must have a key"),
        (tune("C4 | D4 = E"), r"music must be ABC, got '= E' \(line 6, column 9\)"),
        (tune("C4 | [e2c2(3ABc |"), r"music must be ABC, got '\[e2c2"),
        (tune("C0 D4"), r"a note must have a length above 0 \(line 6\)"),
        (tune("C1/0"), r"must not be divided by 0, got '1/0'"),
        (tune("c''''''''''"), r"a pitch must be in 0..127, got \"c''''''''''\" = 192 \(line 6\)"),
        (tune("C").replace("M:4/4", "M:4/3"), r"denominator .* got 3 \(line 3\)"),
        (tune("C").replace("L:1/4", "L:x"), r"unit note length must be such as 1/8, got 'x'"),
        (tune(">C"), r"'>' must stand between two notes"),
        (tune("(1C"), r"a tuplet must have 2 notes or more"),
    ],
)
def test_what_is_no_abc_is_refused(text: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.abc"
    path.write_text(text)
    with pytest.raises(FormatError, match=rule) as caught:
        read_abc(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


# Round trip -------------------------------------------------------------------------------


def test_a_notated_score_survives(rich_score: Score, content: Content) -> None:
    text, losses = score_to_abc(rich_score)
    reading = abc_to_score(text)
    again = reading.score
    assert losses == ()
    assert reading.losses == ()
    assert content(again) == content(rich_score)
    for before, after in zip(rich_score.tracks, again.tracks, strict=True):
        assert after.notes["voice"].tolist() == before.notes["voice"].tolist()
        for name in ("name", "program", "lyrics", "slurs"):
            assert getattr(after, name) == getattr(before, name), name
        assert set(after.articulations) == set(before.articulations)
        assert set(after.graces) == set(before.graces)
    for name in ("tempos", "metres", "markers", "repeats", "pickup_ticks", "title", "composer"):
        assert getattr(again, name) == getattr(rich_score, name), name
    assert [item.key for item in again.keys] == [item.key for item in rich_score.keys]
    assert again.bars == rich_score.bars
    assert score_to_abc(again)[0] == text


def test_changes_survive(rows_of: Rows, content: Content) -> None:
    score = Score(
        (Track("x", make_notes(rows_of("C#5:4 C5:3 Eb5:3 Fb5:1 C##5:2 Bb4:7/2")), program=9),),
        metres=(Metre(0, 4, 4), Metre(4 * Q, 3, 4), Metre(13 * Q, 7, 8)),
        keys=(KeySignature(0, Key.parse("D")), KeySignature(7 * Q, Key.parse("F mixolydian"))),
        tempos=(Tempo(0, 60.0), Tempo(7 * Q, 72.5)),
        repeats=(Repeat(4 * Q, 10 * Q, 3),),
    )
    text, _ = score_to_abc(score)
    again = abc_to_score(text).score
    assert content(again) == content(score)
    assert again.metres == score.metres
    assert [(item.tick, item.key) for item in again.keys] == [
        (item.tick, item.key) for item in score.keys
    ]
    assert again.tempos == score.tempos
    assert again.repeats == score.repeats


def test_after_an_accidental_no_reader_can_differ(rows_of: Rows, content: Content) -> None:
    """Octave or pitch propagation: the same notes."""
    score = Score((Track("x", make_notes(rows_of("F#5:1 F4:1 F#4:1 F5:1 F4:4"))),))
    text, _ = score_to_abc(score)
    assert "^f2 =F2 ^F2 =f2 | F8 |]" in text
    other = text.replace("V:1 ", "%%propagate-accidentals pitch\nV:1 ", 1)
    assert content(abc_to_score(other).score) == content(abc_to_score(text).score)


def test_drums_and_channels_survive(content: Content) -> None:
    tracks = (
        Track("Kit", make_notes([(0, Q, 36), (Q, Q, 42)]), is_drum=True, midi_channel=9),
        Track("Bass", make_notes([(0, Q, 36, 80, 1, 0)]), program=33, midi_channel=4),
    )
    again = abc_to_score(score_to_abc(Score(tracks))[0]).score
    assert [track.is_drum for track in again.tracks] == [True, False]
    assert [track.midi_channel for track in again.tracks] == [9, 4]
    assert again.tracks[1].program == 33
    assert content(again) == content(Score(tracks))


def test_what_abc_cannot_hold_is_named(played_score: Score, rows_of: Rows) -> None:
    text = "\n".join(score_to_abc(played_score)[1])
    assert "2 tracks with velocities that differ: ABC has no place for them" in text
    assert "3 controller events" in text
    assert "lie on no written place" in text
    track = Track(
        "x",
        make_notes(rows_of("C###5:4")),
        lyrics=(Lyric(1, "la"),),
        graces=(Grace(7, 60),),
    )
    assert score_to_abc(Score((track,)))[1] == (
        "1 grace note: no note begins there",
        "1 syllable: no note begins there",
        "1 triple accidental: ABC has none: another name for it",
    )


def test_a_score_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must have a voice"):
        write_abc(Score((), length=Q), tmp_path / "x.abc")
    assert list(tmp_path.iterdir()) == []


def test_odd_texts_survive(rows_of: Rows) -> None:
    track = Track(
        'Say "hi"',
        make_notes(rows_of("C5:1 D5:1 E5:2")),
        lyrics=(Lyric(0, "well-"), Lyric(Q, "known words"), Lyric(2 * Q, "100%")),
    )
    score = replace(Score((track,)), title="50% of\nit")
    again = abc_to_score(score_to_abc(score)[0]).score
    assert again.tracks[0].name == "Say 'hi'"
    assert [lyric.text for lyric in again.tracks[0].lyrics] == ["well-", "known words", "100%"]
    assert again.title == "50% of it"
