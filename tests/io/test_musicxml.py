"""MusicXML: what is written, what is read, and that the one is the inverse of the other."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.core.analysis import Analysis, ChordSpan
from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key
from hybrid.core.score import (
    Articulation,
    KeySignature,
    Marker,
    Repeat,
    Score,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.musicxml import (
    musicxml_to_score,
    read_musicxml,
    score_to_musicxml,
    write_musicxml,
)
from hybrid.io.musicxml_notes import key_alteration

Q = 480
Rows = Callable[..., list[tuple[int, ...]]]
Content = Callable[[Score], Any]


def tree_of(score: Score, analysis: Analysis | None = None) -> ET.Element:
    return ET.fromstring(score_to_musicxml(score, analysis)[0])


def one(rows: list[tuple[int, ...]], **options: Any) -> Score:
    return Score((Track("x", make_notes(rows), program=40),), **options)


# Round trip -------------------------------------------------------------------------------


def test_a_notated_score_survives(rich_score: Score, content: Content) -> None:
    text, losses = score_to_musicxml(rich_score)
    reading = musicxml_to_score(text)
    again = reading.score
    assert losses == ()
    assert reading.losses == ()
    assert content(again) == content(rich_score)
    for before, after in zip(rich_score.tracks, again.tracks, strict=True):
        assert after.notes["voice"].tolist() == before.notes["voice"].tolist()
        assert after.notes["velocity"].tolist() == before.notes["velocity"].tolist()
        for name in ("name", "program", "clef", "lyrics", "slurs", "graces"):
            assert getattr(after, name) == getattr(before, name), name
        assert set(after.articulations) == set(before.articulations)
    for name in ("tempos", "metres", "markers", "repeats", "pickup_ticks", "title", "composer"):
        assert getattr(again, name) == getattr(rich_score, name), name
    assert [item.key for item in again.keys] == [item.key for item in rich_score.keys]
    assert again.bars == rich_score.bars
    # A second round changes no byte.
    assert score_to_musicxml(again)[0] == text


def test_drums_keep_their_pitches(content: Content) -> None:
    rows = [(120 * at, 120, pitch) for at, pitch in enumerate((36, 37, 38, 42, 46, 49, 51, 75))]
    drums = Track("Kit", make_notes([*rows, (0, 120, 42)]), is_drum=True, midi_channel=9)
    reading = musicxml_to_score(score_to_musicxml(Score((drums,)))[0])
    assert reading.losses == ()
    track = reading.score.tracks[0]
    assert track.is_drum
    assert track.midi_channel == 9
    assert content(reading.score) == content(Score((drums,)))


def test_endings_survive(rows_of: Rows) -> None:
    repeat = Repeat(4 * Q, 16 * Q, 3, ((8 * Q, 12 * Q, (1, 2)), (12 * Q, 16 * Q, (3,))))
    score = one(rows_of("C5:4 D5:4 E5:4 F5:4 G5:4"), repeats=(repeat, Repeat(16 * Q, 20 * Q)))
    assert musicxml_to_score(score_to_musicxml(score)[0]).score.repeats == score.repeats


def test_a_repeat_inside_a_bar_survives(rows_of: Rows, content: Content) -> None:
    score = one(
        rows_of("C5:3 D5:1 E5:4 F5:3 G5:1 A5:3"),
        repeats=(Repeat(0, 11 * Q), Repeat(11 * Q, 15 * Q)),
        metres=(Metre(0, 4, 4),),
    )
    again = musicxml_to_score(score_to_musicxml(score)[0]).score
    assert again.repeats == score.repeats
    assert content(again) == content(score)
    assert [bar.start for bar in again.bars] == [bar.start for bar in score.bars]


def test_bars_that_are_too_short_or_too_long_survive(rows_of: Rows, content: Content) -> None:
    metres = (Metre(0, 4, 4), Metre(4 * Q, 3, 4), Metre(9 * Q, 3, 4), Metre(12 * Q, 7, 8))
    score = one(rows_of("C5:4 D5:5 E5:3 F5:7/2 G5:7/2"), metres=metres)
    again = musicxml_to_score(score_to_musicxml(score)[0]).score
    assert content(again) == content(score)
    assert [bar.start for bar in again.bars] == [bar.start for bar in score.bars]


@pytest.mark.parametrize(
    "name", ["C", "F# major", "d#", "Gb", "D dorian", "E phrygian", "B locrian"]
)
def test_keys_survive(name: str, rows_of: Rows) -> None:
    keys = (KeySignature(0, Key.parse(name)), KeySignature(6 * Q, Key.parse("F lydian")))
    score = one(rows_of("C5:4 D5:4 E5:4"), keys=keys)
    again = musicxml_to_score(score_to_musicxml(score)[0]).score
    assert [(item.tick, item.key) for item in again.keys] == [
        (item.tick, item.key) for item in keys
    ]


def test_compressed_files_survive_and_are_the_same_bytes(
    rich_score: Score, content: Content, tmp_path: Path
) -> None:
    write_musicxml(rich_score, tmp_path / "a.mxl")
    write_musicxml(rich_score, tmp_path / "b.mxl")
    assert (tmp_path / "a.mxl").read_bytes() == (tmp_path / "b.mxl").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.mxl") as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.testzip() is None
    assert content(read_musicxml(tmp_path / "a.mxl").score) == content(rich_score)


# Writing ----------------------------------------------------------------------------------


def test_the_file_is_the_same_each_time_and_has_no_date(rich_score: Score) -> None:
    text, _ = score_to_musicxml(rich_score)
    assert score_to_musicxml(rich_score)[0] == text
    assert "encoding-date" not in text
    assert "work" not in text.split("<part-list>")[1]


def test_every_note_has_an_id_that_names_it(rich_score: Score) -> None:
    root = tree_of(rich_score)
    ids = [node.get("id") for node in root.iter("note") if node.get("id")]
    assert len(ids) == len(set(ids))
    assert {name for name in ids if name and "-" not in name} == {
        f"t{track}n{note}"
        for track, item in enumerate(rich_score.tracks)
        for note in range(len(item.notes))
    }
    for node in root.iter("note"):
        name = node.get("id") or ""
        tied_back = any(tie.get("type") == "stop" for tie in node.findall("tie"))
        assert ("-" in name) == tied_back


@pytest.mark.parametrize(
    ("key", "music", "shown"),
    [
        ("C", "F#5:1 F#5:1 F5:1 F5:1", "sharp . natural ."),
        ("C", "F#5:1 F#4:1 F5:1 F4:1", "sharp sharp natural natural"),  # octaves for themselves
        ("C", "F#5:4 F5:4", "sharp ."),  # the bar line ends it
        ("C", "F#5:5 F5:3", "sharp . natural"),  # tied over: not shown again
        ("C", "F#5:5 F#5:3", "sharp . sharp"),  # but the next one is
        ("G", "F#5:1 F5:1 F#5:1 Bb5:1", ". natural sharp flat"),
        ("Cb", "Fb5:1 Fbb5:1 F#5:1 Cb5:1", ". flat-flat sharp ."),
        ("C", "F##5:1 Bbbb4:1 A###4:2", "double-sharp triple-flat triple-sharp"),
    ],
)
def test_accidentals_are_shown_where_they_change(
    key: str, music: str, shown: str, rows_of: Rows
) -> None:
    root = tree_of(one(rows_of(music), keys=(KeySignature(0, Key.parse(key)),)))
    found = [node.findtext("accidental", ".") for node in root.iter("note")]
    assert found == shown.split()


def test_accidentals_hold_for_all_voices_of_a_staff(rows_of: Rows) -> None:
    rows = [*rows_of("F#5:1 G5:3", voice=1), *rows_of("D5:2 F#5:2", voice=2)]
    root = tree_of(one(rows))
    accidentals = [node.findtext("accidental") for node in root.iter("note")]
    assert accidentals.count("sharp") == 1


def test_alterations_of_keys() -> None:
    assert [key_alteration(Key.parse("Eb"), letter) for letter in "CDEFGAB"] == [
        0,
        0,
        -1,
        0,
        0,
        -1,
        -1,
    ]
    assert key_alteration(None, "F") == 0


def test_a_keyboard_part_is_a_grand_staff(rich_score: Score) -> None:
    part = tree_of(rich_score).findall("part")[2]
    assert part.findtext("measure/attributes/staves") == "2"
    assert [clef.findtext("sign") for clef in part.iter("clef")] == ["G", "F"]
    staves = {(node.findtext("voice"), node.findtext("staff")) for node in part.iter("note")}
    assert staves == {("1", "1"), ("5", "2")}


def test_voices_and_strings_are_bracketed(rows_of: Rows) -> None:
    notes = make_notes(rows_of("C5:4"))
    tracks = [Track(name, notes, program=52) for name in ("soprano", "alto")]
    tracks += [Track("piano", notes), *(Track("violin", notes, program=40) for _ in range(2))]
    root = tree_of(Score(tuple(tracks)))
    kinds = [node.tag + node.get("type", "") for node in root.findall("part-list/*")]
    assert kinds == [
        "part-groupstart",
        "score-part",
        "score-part",
        "part-groupstop",
        "score-part",
        "part-groupstart",
        "score-part",
        "score-part",
        "part-groupstop",
    ]


def test_an_analysis_stands_around_the_pitched_parts(rows_of: Rows) -> None:
    g = Key.parse("g")
    analysis = Analysis(
        chords=(
            ChordSpan(0, 2 * Q, "i", g, 1, "minor", 0, 1),
            ChordSpan(2 * Q, 4 * Q, "V65", g, 5, "dominant-seventh", 1, 2),
            ChordSpan(4 * Q, 6 * Q, "I", Key.parse("Bb"), 1, "major", 0, -2),
            # Another name for what sounds already.
            ChordSpan(6 * Q, 8 * Q, "IV", Key.parse("F"), 4, "major", 0, -2),
        )
    )
    notes = make_notes(rows_of("C5:4 D5:4"))
    score = Score((Track("a", notes), Track("b", notes), Track("d", notes, is_drum=True)))
    parts = tree_of(score, analysis).findall("part")
    texts = [[kind.get("text") for kind in part.iter("kind")] for part in parts]
    assert texts == [["m", "7", ""], ["g: i", "V65", "B♭: I", "F: IV"], []]
    kinds = [kind.text for kind in parts[0].iter("kind")]
    assert kinds == ["minor", "dominant", "major"]
    assert [bass.findtext("bass-step") for bass in parts[0].iter("bass")] == ["F"]
    assert [bass.findtext("bass-alter") for bass in parts[0].iter("bass")] == ["1"]
    for part, expected in zip(
        parts, (["0", "960", "0"], ["0", "960", "0", "960"], []), strict=True
    ):
        assert [node.findtext("offset", "0") for node in part.iter("harmony")] == expected
        assert len({node.get("placement") for node in part.iter("harmony")}) <= 1


def test_dynamics_are_marked_where_they_change(rows_of: Rows) -> None:
    rows = []
    for bar, velocity in enumerate((50, 52, 76, 74, 110, 75, 118)):
        start = bar * 4 * Q
        rows += [(start + row[0], *row[1:]) for row in rows_of("C5:2 D5:2", velocity=velocity)]
    root = tree_of(one(rows))
    marks = [
        (measure.get("number"), node[0].tag)
        for measure in root.iter("measure")
        for node in measure.iter("dynamics")
    ]
    # The loud bar 5 alone is no change; neither are a few steps of velocity.
    assert marks == [("1", "p"), ("3", "mf"), ("7", "fff")]


def test_tempo_marks(rows_of: Rows) -> None:
    tempos = (Tempo(0, 90.0), Tempo(2 * Q, 91.0), Tempo(4 * Q, 93.3333), Tempo(5 * Q, 120.0))
    score = one(rows_of("C5:3 C5:3 C5:3"), tempos=tempos, metres=(Metre(0, 6, 8),))
    root = tree_of(score)
    assert [node.get("tempo") for node in root.iter("sound")] == ["90", "91", "93.3333", "120"]
    shown = [node.get("print-object") != "no" for node in root.iter("metronome")]
    assert shown == [True, False, False, True]  # a little faster is not worth a mark
    printed = [node.text for node in root.iter("per-minute")]
    assert printed == ["60", "91", "93.33", "80"]  # dotted quarters where they are round
    assert musicxml_to_score(score_to_musicxml(score)[0]).score.tempos == tempos


def test_a_key_that_looks_the_same_is_not_printed_again(rows_of: Rows) -> None:
    keys = [KeySignature(at * Q, Key.parse(name)) for at, name in ((0, "f#"), (4, "A"), (8, "a"))]
    root = tree_of(one(rows_of("C5:4 C5:4 C5:4"), keys=tuple(keys)))
    assert [node.get("print-object") for node in root.iter("key")] == [None, "no", None]


def test_rests_are_printed_in_one_voice(rows_of: Rows) -> None:
    rows = [*rows_of("C5:2 R:2 R:4 R:4", voice=1), *rows_of("G4:2 R:2 R:4 A4:2", voice=2)]
    score = one(rows, length=12 * Q)
    bars = [
        [
            (node.findtext("voice"), node.get("print-object") != "no")
            for node in measure.iter("note")
            if node.find("rest") is not None
        ]
        for measure in tree_of(score).iter("measure")
    ]
    assert bars == [
        [("1", True), ("2", False)],
        [("1", True), ("2", False)],
        [("1", False), ("2", True)],
    ]


def test_text_is_escaped(rows_of: Rows) -> None:
    score = replace(
        one(rows_of("C5:4")),
        title='Tom & "Jerry" <live>\x01',
        markers=(Marker(0, "A & B"),),
    )
    again = musicxml_to_score(score_to_musicxml(score)[0]).score
    assert again.title == 'Tom & "Jerry" <live>'
    assert again.markers == (Marker(0, "A & B"),)


def test_what_musicxml_cannot_hold_is_named(played_score: Score) -> None:
    _, losses = score_to_musicxml(played_score)
    text = "\n".join(losses)
    assert "lie on no written place: moved by up to" in text
    assert "3 controller events: MusicXML has no place for them" in text
    assert "3 pitch bends" in text
    assert "2 program changes" in text
    assert "4 notes without a spelling: spelled by the key signature" in text


def test_marks_without_a_note_are_named(rows_of: Rows) -> None:
    track = Track(
        "x",
        make_notes(rows_of("C5:4")),
        articulations=(Articulation(100, 72, "accent"),),
    )
    score = Score((track,), repeats=(Repeat(0, 8 * Q),), length=4 * Q)
    _, losses = score_to_musicxml(score)
    assert losses == ("1 articulation: no note of its pitch begins there",)


def test_a_score_without_notes_is_rests() -> None:
    score = Score((Track("x", make_notes([])),), length=8 * Q)
    again = musicxml_to_score(score_to_musicxml(score)[0]).score
    assert again.n_notes == 0
    assert again.length == 8 * Q


# Oracles ----------------------------------------------------------------------------------


def test_verovio_plays_what_stands_there(rich_score: Score) -> None:
    """The engraver finds every note at its time, under the id that names it."""
    import verovio

    # Graces take time from their main note there.
    plain = tuple(replace(track, graces=()) for track in rich_score.tracks)
    score = replace(rich_score, repeats=(), tracks=plain)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(score_to_musicxml(score)[0])
    events = toolkit.renderToTimemap({"includeRests": False})
    on: dict[str, float] = {}
    for event in events:
        for name in event.get("on", ()):
            on[name] = float(event["qstamp"])
    for index, track in enumerate(score.tracks):
        for note, row in enumerate(track.notes):
            expected = float(row["onset"]) / Q
            assert on[f"t{index}n{note}"] == pytest.approx(expected, abs=1e-3), (index, note)


# Reading ----------------------------------------------------------------------------------

HEAD = (
    '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>x</part-name>'
    "</score-part></part-list><part id='P1'>"
)


def small(*measures: str) -> str:
    body = "".join(
        f'<measure number="{at}">{text}</measure>' for at, text in enumerate(measures, start=1)
    )
    return f"{HEAD}{body}</part></score-partwise>"


def note(step: str, duration: int, kind: str = "", extra: str = "") -> str:
    kind = f"<type>{kind}</type>" if kind else ""
    return (
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch>"
        f"<duration>{duration}</duration><voice>1</voice>{kind}{extra}</note>"
    )


TRIPLET = (
    "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
    "</time-modification>"
)


def test_rounded_durations_are_made_exact(content: Content) -> None:
    # Three triplet eighths of 2, 3 and 3 of 8 parts.
    divisions = "<attributes><divisions>8</divisions></attributes>"
    triplet = "".join(note("C", length, "eighth", TRIPLET) for length in (2, 3, 3))
    text = small(divisions + triplet + note("D", 8, "quarter") + note("E", 16, "half"))
    reading = musicxml_to_score(text)
    onsets = [str(place) for place, *_ in sorted(content(reading.score)[0])]
    assert onsets == ["0", "1/3", "2/3", "1", "2"]
    assert reading.losses == ("3 rounded durations: taken from the printed note value",)


def test_time_wise_files_are_turned() -> None:
    text = (
        '<score-timewise version="4.0"><part-list><score-part id="P1"><part-name>x</part-name>'
        '</score-part></part-list><measure number="1"><part id="P1"><attributes><divisions>1'
        "</divisions></attributes>" + note("C", 4, "whole") + "</part></measure>"
        '<measure number="2"><part id="P1">' + note("D", 4, "whole") + "</part></measure>"
        "</score-timewise>"
    )
    assert musicxml_to_score(text).score.tracks[0].notes["onset"].tolist() == [0, 4 * Q]


def test_transposing_instruments_sound_as_they_sound() -> None:
    attributes = (
        "<attributes><divisions>1</divisions><transpose><diatonic>-1</diatonic>"
        "<chromatic>-2</chromatic></transpose></attributes>"
    )
    score = musicxml_to_score(small(attributes + note("C", 4, "whole"))).score
    assert score.tracks[0].notes["pitch"].tolist() == [58]
    assert score.tracks[0].notes["spelling"].tolist() == [-2]


def test_parts_that_differ_in_length_are_named() -> None:
    text = small(
        "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
        "</attributes>" + note("C", 4)
    )
    second = text[text.index("<part id") : text.index("</score-partwise>")]
    second = second.replace("P1", "P2").replace("<duration>4", "<duration>5")
    text = text.replace(
        "</part-list>", '<score-part id="P2"><part-name>y</part-name></score-part></part-list>'
    ).replace("</score-partwise>", second + "</score-partwise>")
    assert any("parts differ in length" in loss for loss in musicxml_to_score(text).losses)


def test_what_a_score_has_no_place_for_is_named() -> None:
    words = "<direction><direction-type><words>dolce</words></direction-type></direction>"
    harmony = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    slur = '<notations><slur type="start"/></notations>'
    mordent = "<notations><ornaments><mordent/></ornaments></notations>"
    text = small(
        "<attributes><divisions>1</divisions></attributes>"
        + words
        + harmony
        + note("C", 2, "half", mordent)
        + note("D", 2, "half", slur)
    )
    losses = "\n".join(musicxml_to_score(text).losses)
    assert "1 chord symbol" in losses
    assert "1 marks Mordent" in losses or "1 mark Mordent" in losses


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"<html></html>", "must hold a <score-partwise>, got <html>"),
        (b"<score-partwise>", "well-formed XML: no element found"),
        (b"PK\x03\x04 nothing", "must be a sound archive"),
        (
            small(note("C", 4).replace("<octave>4", "<octave>12")).encode(),
            "a pitch must be in 0..127",
        ),
        (small(note("H", 4)).encode(), "the file must be MusicXML; the parser says"),
        (b'<score-partwise version="4.0"><part-list/></score-partwise>', "must have a part"),
    ],
)
def test_what_is_no_musicxml_is_refused(data: bytes, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.musicxml"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=rule) as caught:
        read_musicxml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_archive_without_a_score_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    path = tmp_path / "bad.mxl"
    path.write_bytes(stream.getvalue())
    with pytest.raises(FormatError, match="must name its score, got no rootfile"):
        read_musicxml(path)
