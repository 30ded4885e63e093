"""Chorales from their tables: reading, mending, phrases, labels, pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer import chorale_pieces
from hybrid.symbolic_transformer.chorale_corpus import read_chorale_tables
from hybrid.symbolic_transformer.chorale_matching import Match, score_grid
from hybrid.symbolic_transformer.chorale_mending import mend
from hybrid.symbolic_transformer.chorale_phrases import find_phrases
from hybrid.symbolic_transformer.chorale_pieces import (
    ChoraleCounts,
    chord_tone_share,
    label_phrases,
    may_use_labels,
    read_chorale_pieces,
)
from hybrid.symbolic_transformer.roman_text import read_roman_text
from hybrid.symbolic_transformer.tables import PhraseMark
from hybrid.theory.extract import find_chords

NOTE_HEAD = "quarterbeats\tstaff\tvoice\tduration\ttied\ttpc\tmidi"
BAR_HEAD = "quarterbeats\tkeysig\ttimesig\tact_dur\tmc_offset\trepeats"
PLACES = (("1", "1"), ("1", "2"), ("2", "1"), ("2", "2"))
# I IV V I, as soprano, alto, tenor, bass with their spelling.
CHORDS = {
    "I": ((72, 0), (67, 1), (64, 4), (48, 0)),
    "IV": ((72, 0), (69, 3), (65, -1), (53, -1)),
    "V": ((71, 5), (67, 1), (62, 2), (55, 1)),
}


def tables(chords: str, quarters: int = 1) -> tuple[str, str]:
    """Note and measure tables of chords of so many quarters, after a pickup of one quarter."""
    rows, bars = [NOTE_HEAD], [BAR_HEAD]
    at = 0
    for numeral in chords.split():
        for (staff, voice), (midi, tpc) in zip(PLACES, CHORDS[numeral], strict=True):
            rows.append(f"{at}\t{staff}\t{voice}\t{quarters}/4\t\t{tpc}\t{midi}")
        at += quarters
    bars.append("0\t0\t4/4\t1/4\t3/4\tfirstMeasure")
    for start in range(1, at, 4):
        length = Fraction(min(4, at - start), 4)
        bars.append(f"{start}\t0\t4/4\t{length}\t0\t")
    return "\n".join(rows) + "\n", "\n".join(bars) + "\n"


def test_pickup_metre_key_and_spelling_are_read() -> None:
    score = read_chorale_tables(*tables("V I IV V I I IV V I"), name="007 Test")
    assert [track.name for track in score.tracks] == ["soprano", "alto", "tenor", "bass"]
    assert (score.pickup_ticks, score.metres[0].name, score.keys[0].key) == (480, "4/4", Key(0))
    assert [bar.number for bar in score.bars] == [0, 1, 2]
    assert score.tracks[3].notes["pitch"].tolist() == [55, 48, 53, 55, 48, 48, 53, 55, 48]
    assert score.tracks[0].notes["spelling"][0] == 5
    assert score.title == "007 Test"


def test_ties_are_one_note_and_graces_none() -> None:
    notes, bars = tables("I I I I I")
    lines = notes.splitlines()
    lines[1] = lines[1].replace("\t\t", "\t1\t")
    lines[5] = lines[5].replace("\t\t", "\t-1\t")
    lines.insert(6, "1\t1\t1\t0\t\t2\t74")
    score = read_chorale_tables("\n".join(lines), bars)
    assert score.tracks[0].notes["duration"].tolist() == [960, 480, 480, 480]
    assert 74 not in score.tracks[0].notes["pitch"]


def test_bars_cut_by_a_repeat_are_one_and_first_endings_are_left_out() -> None:
    notes, _ = tables("I I I I I I I I I")
    bars = "\n".join(
        [
            BAR_HEAD,
            "0\t0\t4/4\t1/4\t3/4\tfirstMeasure",
            "1\t0\t4/4\t3/4\t0\tend",
            "4\t0\t4/4\t1/4\t3/4\t",
            "5\t-1\t4/4\t1\t0\t",
            "\t0\t4/4\t1\t0\tlastMeasure",
        ]
    )
    notes += "\t1\t1\t1/4\t\t0\t72\n"
    score = read_chorale_tables(notes, bars)
    assert [(bar.start, bar.end) for bar in score.bars] == [(0, 480), (480, 2400), (2400, 4320)]
    assert [(repeat.start, repeat.end) for repeat in score.repeats] == [(0, 1920)]
    assert [key.tick for key in score.keys] == [0, 2400]
    assert len(score.tracks[0].notes) == 9


def test_a_bar_of_another_length_gets_a_metre_of_its_own() -> None:
    notes, _ = tables("I I I I I I I I I I I")
    bars = "\n".join(
        [
            BAR_HEAD,
            "0\t0\t4/4\t1\t0\tfirstMeasure",
            "4\t0\t4/4\t3/4\t0\t",
            "7\t0\t4/4\t1\t0\tlastMeasure",
        ]
    )
    score = read_chorale_tables(notes, bars)
    assert [(m.tick // 480, m.name) for m in score.metres] == [(0, "4/4"), (4, "3/4"), (7, "4/4")]


def test_what_has_not_four_voices_is_refused() -> None:
    notes, bars = tables("I I I I I")
    with pytest.raises(FormatError, match="staff 1 voice 3"):
        read_chorale_tables(notes + "0\t1\t3\t1/4\t\t0\t72\n", bars, "150")
    alone = "\n".join(line for line in notes.splitlines() if "\t2\t2\t" not in line)
    with pytest.raises(FormatError, match="one is empty"):
        read_chorale_tables(alone, bars, "150")
    with pytest.raises(FormatError, match="not the tables"):
        read_chorale_tables("nonsense", bars, "150")


def long_score() -> Score:
    chords = "V " + "I IV V I I V IV V I IV I V IV V I V " * 3
    return read_chorale_tables(*tables(chords.strip()))


def test_wrong_accidentals_are_mended_and_other_readings_kept() -> None:
    right = long_score()
    grid = score_grid(right)
    tracks = list(right.tracks)
    alto, bass = tracks[1].notes.copy(), tracks[3].notes.copy()
    alto["pitch"][7] += 1
    alto["spelling"][7] += 7
    bass["pitch"][20] -= 3
    bass["spelling"][20] += 3
    bass["pitch"][30] += 12
    tracks[1] = Track("alto", alto)
    tracks[3] = Track("bass", bass)
    wrong = Score(tuple(tracks), metres=right.metres, pickup_ticks=right.pickup_ticks)
    match = Match("train", 0, 1.0, 1.0, 0)
    mended, mending = mend(wrong, match, grid)
    assert (mending.mended, mending.different) == (1, 1)
    assert mending.compared == mending.notes == 4 * 49
    assert mending.is_sound
    assert (mended.tracks[1].notes == right.tracks[1].notes).all()
    assert mended.tracks[3].notes["pitch"][20] == right.tracks[3].notes["pitch"][20] - 3
    # An octave is no other reading.
    assert mended.tracks[3].notes["pitch"][30] == right.tracks[3].notes["pitch"][30] + 12


def test_mending_finds_its_place_in_another_key_with_a_repeat_written_out() -> None:
    right = long_score()
    grid = np.concatenate([score_grid(right)[:64], score_grid(right)]) - 2
    tenor = right.tracks[2].notes.copy()
    tenor["pitch"][12] -= 1
    tenor["spelling"][12] -= 7
    tracks = (*right.tracks[:2], Track("tenor", tenor), right.tracks[3])
    match = Match("train", 0, 1.0, 1.0, -2)
    mended, mending = mend(Score(tracks), match, grid.astype(np.int16))
    assert mending.mended == 1
    assert (mended.tracks[2].notes["pitch"] == right.tracks[2].notes["pitch"]).all()


def test_a_chorale_that_does_not_agree_is_not_sound() -> None:
    _, mending = mend(long_score(), Match("train", 0, 1, 1, 0), np.full((90, 4), 61, np.int16))
    assert not mending.is_sound


def test_phrases_end_with_long_notes_and_repeats() -> None:
    rows: dict[int, list[tuple[int, int, int]]] = {voice: [] for voice in range(4)}
    at = 0
    for _ in range(4):
        for numeral in ("V", "I", "IV", "V", "I", "IV", "V"):
            for voice, (midi, _) in enumerate(CHORDS[numeral]):
                rows[voice].append((at, 480, midi))
            at += 480
        for voice, (midi, _) in enumerate(CHORDS["I"]):
            rows[voice].append((at, 960, midi))
        at += 960
    tracks = tuple(Track(str(voice), make_notes(found)) for voice, found in rows.items())
    score = Score(tracks, metres=(Metre(0, 3, 4),), pickup_ticks=480)
    marks = find_phrases(score, find_chords(score))
    assert [mark.end for mark in marks] == [9, 18, 27, 36]
    assert {mark.cadence for mark in marks} == {"PAC"}
    assert [mark.onset for mark in marks] == [7, 16, 25, 34]


def test_phrases_become_whole_bars_with_themes_and_sections() -> None:
    score = read_chorale_tables(*tables("V " + "I IV V I " * 6 + "V V V"))
    marks = [PhraseMark(Fraction(quarters)) for quarters in (8, 16, 24, 28)]
    phrases = label_phrases(score, marks)
    assert [phrase.bars for phrase in phrases] == [2, 2, 2, 1]
    assert [phrase.theme for phrase in phrases] == ["a", "a", "a", "b"]
    assert {phrase.label for phrase in phrases} == {"A"}


def test_roman_text_is_laid_on_the_scores_bars() -> None:
    score = read_chorale_tables(*tables("V I IV V I I IV V I"))
    text = "Title: x\n\nm0 b4 C: V\nm1 I b2 IV b2.5 IV6 b3 V b4 I\nm2 a: i\n"
    spans = read_roman_text(text, score, "x")
    assert [(span.onset, span.numeral) for span in spans] == [
        (0, "V"),
        (480, "I"),
        (960, "IV"),
        (1200, "IV6"),
        (1440, "V"),
        (1920, "I"),
        (2400, "i"),
    ]
    assert spans[-1].end == score.length
    assert spans[-1].key == Key.parse("a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m9 C: I", "one of the score's, got m9"),
        ("m1 I", "a key must stand before 'I'"),
        ("m1 C: Q7", "Roman numeral"),
    ],
)
def test_roman_text_that_does_not_fit_is_refused(text: str, message: str) -> None:
    score = read_chorale_tables(*tables("V I IV V I"))
    with pytest.raises(FormatError, match=message):
        read_roman_text(text, score, "x")


def test_chord_tone_share() -> None:
    score = read_chorale_tables(*tables("V I IV V I"))
    right = read_roman_text("m0 b4 C: V\nm1 I b2 IV b3 V b4 I", score)
    assert chord_tone_share(score, right) == 1.0
    wrong = read_roman_text("m0 b4 C: #IV\nm1 #IV", score)
    assert chord_tone_share(score, wrong) == 0.0


@pytest.mark.parametrize(
    ("analysis", "notes", "usable"),
    [
        ("train", "train", True),
        ("train", "valid", True),
        ("validation", "train", False),
        ("validation", "test", True),
    ],
)
def test_labels_of_validation_do_not_go_with_notes_to_train_on(
    analysis: str, notes: str, usable: bool
) -> None:
    assert may_use_labels(analysis, notes) == usable


def test_pieces_are_made_from_three_corpora(
    corpora: Callable[[dict[str, dict[str, str]]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chords = ("V " + "I IV V I I V IV V I IV I V IV V I V " * 3).strip()
    notes, bars = tables(chords)
    score = read_chorale_tables(notes, bars)
    grid = score_grid(score).tolist()
    numerals = chords.split()
    analysis = "m0 b4 C: V\n" + "\n".join(
        f"m{bar + 1} "
        + " ".join(f"b{beat + 1} {numerals[1 + 4 * bar + beat]}" for beat in range(4))
        for bar in range(12)
    )
    folder = corpora(
        {
            "bach_chorales": {
                f"{kind}/{number} x.{kind}.tsv": text
                for number in ("001", "002", "003", "004")
                for kind, text in (("notes", notes), ("measures", bars))
            },
            "jsb-chorales": {
                "Jsb16thSeparated.json": json.dumps({"train": [grid], "valid": [grid], "test": []})
            },
            "roman_numerals": {
                "splits.json": json.dumps({"train": ["bach_chorales/other_number"]}),
                "manifest.csv": "group,id,source\n"
                "bach_chorales,other_number,score: DCMLab/bach_chorales no. 002; analysis: x\n",
                "bach_chorales/other_number/analysis.txt": analysis,
            },
        }
    )
    known = {
        ("bach_chorales", "001"): Match("train", 0, 1.0, 1.0, 0),
        ("bach_chorales", "002"): Match("valid", 0, 1.0, 1.0, 0),
        ("bach_chorales", "003"): Match("valid", 0, 1.0, 1.0, 0),
        ("bach_chorales", "004"): Match("train", 0, 0.5, 1.0, 0),
    }
    monkeypatch.setattr(chorale_pieces, "chorale_splits", lambda names: known)
    counts = ChoraleCounts()
    done: list[int] = []
    pieces = list(read_chorale_pieces(folder, counts, lambda at, whole: done.append(at)))
    assert [(p.name, p.split, p.chord_source) for p in pieces] == [
        ("bach_chorales/001", "train", "notes"),
        ("bach_chorales/002", "valid", "people"),
    ]
    assert (counts.unknown, counts.twice, counts.with_labels) == (1, 1, 1)
    assert done == [0, 1, 2, 3]
    labelled = pieces[1].plan
    roots = {"I": 0, "IV": 5, "V": 7}
    beats = 24 * np.arange(1, 49)
    found = labelled.chords["root"][
        np.searchsorted(labelled.chords["start"], beats, side="right") - 1
    ]
    assert found.tolist() == [roots[numeral] for numeral in numerals[1:]]
    assert labelled.phrases["end"][-1] == labelled.length
    assert counts.lines()[0] == f"2 chorales, {2 * 4 * 49} notes"
