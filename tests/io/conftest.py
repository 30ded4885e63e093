"""Scores that the tests of this room share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import (
    BEND_DTYPE,
    CONTROL_DTYPE,
    PROGRAM_DTYPE,
    Articulation,
    Grace,
    KeySignature,
    Lyric,
    Marker,
    Repeat,
    Score,
    Slur,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo

QUARTER = 480


def rows_of(text: str, voice: int = 1, velocity: int = 80) -> list[tuple[int, ...]]:
    """Note rows from words such as ``C4:1``, ``C4+E4:3/2`` and ``R:1`` (lengths in quarters)."""
    rows: list[tuple[int, ...]] = []
    at = Fraction(0)
    for word in text.split():
        names, _, length = word.partition(":")
        ticks = Fraction(length) * QUARTER
        for name in names.split("+") if names != "R" else ():
            pitch, spelling = parse_pitch(name)
            rows.append((int(at), int(ticks), pitch, velocity, voice, spelling))
        at += ticks
    return rows


def content(score: Score, spelled: bool = True) -> list[Counter[tuple[object, ...]]]:
    """Onset, duration (in quarters), pitch and spelling of the notes of each track."""
    quarter = score.ticks_per_quarter
    found = []
    for track in score.tracks:
        notes: Counter[tuple[object, ...]] = Counter()
        for note in track.notes:
            onset = Fraction(int(note["onset"]), quarter)
            length = Fraction(int(note["duration"]), quarter)
            key: tuple[object, ...] = (onset, length, int(note["pitch"]))
            notes[(*key, int(note["spelling"])) if spelled else key] += 1
        found.append(notes)
    return found


@pytest.fixture
def rich_score() -> Score:
    """Everything a notation can hold: voices, tuplets, ties, pickup, repeats, lyrics, marks."""
    soprano = rows_of(
        "D5:1 G5:1 F#5:1/2 Eb5:1/2 D5:2 C5:1/3 Bb4:1/3 A4:1/3 Bb4:1/5 C5:1/5 D5:1/5 Eb5:1/5 "
        "F5:1/5 G5:5/2 F#5:1/4 G5:1/4 R:1 Bb4:2"
    )
    piano = [
        *rows_of("R:1 Bb3+D4+G4:3 A3+D4+F#4:3 Bb3+D4+G4:3 G3+Bb3+D4:2 R:1", voice=1),
        *rows_of("R:1 G2:1 D3:1 G2:1 D2:3 G2:1/2 A2:1/2 Bb2:3/2 A2:1/2 G2:3", voice=5),
    ]
    flute = rows_of("R:1 D6:4 C6:4/3 Bb5:2/3 A5:1 G5:2 R:1/2 G5:1/2 G5:1")
    return Score(
        tracks=(
            Track(
                "Soprano",
                make_notes(soprano),
                program=52,
                lyrics=(
                    Lyric(0, "Glo-"),
                    Lyric(480, "ri-"),
                    Lyric(480, "se-", 2),
                    Lyric(960, "a"),
                    Lyric(960, "cond", 2),
                ),
                articulations=(
                    Articulation(480, 79, "accent"),
                    Articulation(0, 74, "staccato"),
                    Articulation(5280, 70, "fermata"),
                ),
                slurs=(Slur(480, 1440, 1),),
                graces=(Grace(480, 81, 0, 1, 3), Grace(480, 82, 1, 1, -2)),
                clef="treble",
            ),
            Track("Flute", make_notes(flute), program=73, clef="treble"),
            Track("Piano", make_notes(piano), program=0),
        ),
        tempos=(Tempo(0, 84.0), Tempo(480 + 1440, 97.3)),
        metres=(Metre(0, 3, 4),),
        keys=(KeySignature(0, Key.parse("G minor")),),
        markers=(Marker(480, "A"), Marker(480 + 2880, "B")),
        repeats=(Repeat(480, 480 + 2880),),
        pickup_ticks=480,
        title="Rich & Strange",
        composer="N. N.",
        length=480 + 4 * 1440,
    )


@pytest.fixture
def played_score() -> Score:
    """Everything a performance can hold: controllers, bends, programs, odd lengths, drums."""
    keys = Track(
        "Keys",
        make_notes([(7, 233, 60, 71), (7, 233, 64, 64), (251, 1000, 67, 99), (251, 40, 67, 12)]),
        program=4,
        midi_channel=2,
        controls=np.array([(0, 7, 100), (3, 64, 127), (240, 64, 0)], dtype=CONTROL_DTYPE),
        bends=np.array([(10, -8192), (20, 8191), (30, 0)], dtype=BEND_DTYPE),
        programs=np.array([(200, 5), (900, 11)], dtype=PROGRAM_DTYPE),
        lyrics=(Lyric(7, "la"),),
    )
    drums = Track("Drums", make_notes([(0, 60, 36, 110), (240, 60, 38, 90)]), is_drum=True)
    return Score(
        (keys, drums),
        ticks_per_quarter=480,
        tempos=(Tempo(0, 120.0), Tempo(240, 91.25)),
        metres=(Metre(0, 4, 4), Metre(1920, 7, 8)),
        keys=(KeySignature(0, Key.parse("Eb")), KeySignature(1920, Key.parse("D dorian"))),
        markers=(Marker(0, "Intro"), Marker(1920, "Ünïsono")),
        title="Take 1",
        length=3600,
    )


@pytest.fixture(name="content")
def content_fixture() -> Callable[..., list[Counter[tuple[object, ...]]]]:
    return content


@pytest.fixture(name="rows_of")
def rows_of_fixture() -> Callable[..., list[tuple[int, ...]]]:
    return rows_of
