"""A small piece for the tests of the report: a pickup, two tempi, two metres, a tie."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.analysis import Analysis, ChordSpan, Deviation, Finding, KeySpan
from hybrid.core.audio import Audio
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import KeySignature, Marker, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.core.trace import Trace, TraceEntry
from hybrid.io.files import write_score

QUARTER = 480
HOME, AWAY = Key.parse("Eb major"), Key.parse("C minor")


@dataclass(frozen=True)
class Example:
    """What `build_page` takes."""

    plan: FormPlan
    score: Score
    analysis: Analysis
    trace: Trace
    musicxml: str
    audio: Audio


def make_plan() -> FormPlan:
    """Pickup of a quarter, two bars of 4/4 in E flat major, two bars of 3/4 in C minor."""
    four, three = Metre.parse("4/4"), Metre.parse("3/4")
    first = Phrase(
        bars=2, chords=parse_chords("I V65/ii | ii65 V7", four), cadence="HC", theme="A.a"
    )
    second = Phrase(
        bars=2,
        chords=parse_chords("i | V", three),
        cadence="PAC",
        theme="A.a",
        variation="inversion",
    )
    derivation = {
        "symbol": "Piece",
        "bars": 4,
        "key": "Eb major",
        "rule": "Piece -> (0.25) A:refrain B:episode",
        "probability": 0.25,
        "children": [
            {
                "symbol": "A:refrain",
                "bars": 2,
                "rule": "A:refrain -> 'basic_idea a'",
                "probability": 1.0,
                "children": [{"symbol": "basic_idea a -", "bars": 2}],
            },
            {"symbol": "ThemePeriod8", "bars": 2, "children": []},
        ],
    }
    return FormPlan(
        sections=(
            Section(label="A", role="refrain", phrases=(first,), metre=four, tempo_qpm=60.0),
            Section(
                label="B",
                role="<episode> & more",
                phrases=(second,),
                key=AWAY,
                metre=three,
                tempo_qpm=120.0,
            ),
        ),
        key=HOME,
        title="Piece in Eb major </script><b>",
        form="binary",
        style="test",
        texture="chorale",
        instruments=("soprano", "bass"),
        pickup_quarters=Fraction(1),
        derivation=derivation,
    )


def make_score() -> Score:
    """Fifteen quarters for two voices."""
    upper = [(i * QUARTER, QUARTER, 67 + (i % 3), 80, 1) for i in range(15)]
    # The third note and the last cross bar lines: each is written as two, tied.
    lower = [
        (0, QUARTER, 51, 80, 1),
        (QUARTER, 3 * QUARTER, 48, 80, 1),
        (4 * QUARTER, 2 * QUARTER, 50, 80, 1),
        (6 * QUARTER, 3 * QUARTER, 46, 80, 1),
        (9 * QUARTER, 6 * QUARTER, 48, 80, 1),
    ]
    return Score(
        (
            Track("soprano", make_notes(upper), program=52),
            Track("bass </script>", make_notes(lower), program=32),
        ),
        tempos=(Tempo(0, 60.0), Tempo(9 * QUARTER, 120.0)),
        metres=(Metre(0, 4, 4), Metre(9 * QUARTER, 3, 4)),
        keys=(KeySignature(0, HOME), KeySignature(9 * QUARTER, AWAY)),
        markers=(Marker(0, "A"), Marker(9 * QUARTER, "B")),
        pickup_ticks=QUARTER,
    )


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The piece with everything known of it, and a second of sound for each of its seconds."""
    plan, score = make_plan(), make_score()
    chords = (
        ChordSpan(0, 3 * QUARTER, "V65/ii", HOME, 5, "dominant-seventh", 1, 0),
        ChordSpan(3 * QUARTER, 9 * QUARTER, "I", HOME, 1, "major", 0, -3),
        ChordSpan(9 * QUARTER, 15 * QUARTER, "i", AWAY, 1, "minor", 0, 0),
    )
    analysis = Analysis(
        chords=chords,
        keys=(KeySpan(0, 9 * QUARTER, HOME), KeySpan(9 * QUARTER, 15 * QUARTER, AWAY)),
        findings=(
            Finding("parallel_fifths", "error", 1, 2.0, 2 * QUARTER, ("soprano",), "Bb4-Eb3 <i>"),
            Finding("large_leap", "warning", 2, 1.0, 5 * QUARTER, ("soprano",), "leaps A4 B4"),
            Finding("unheard_of", "info", 3, 1.0, 9 * QUARTER, (), "a remark"),
        ),
        deviations=(Deviation("cadence", 2, "HC", "none"),),
    )
    entries = [TraceEntry("form", "grammar:binary", "two sections", probability=0.25)]
    entries.append(TraceEntry("phrase", "rules", "phrase <one>", parent=0))
    entries += [
        TraceEntry(
            "note",
            "rules:theme a",
            "chosen",
            tick=int(note["onset"]),
            track="soprano",
            pitch=int(note["pitch"]),
            probability=0.123456,
            parent=1,
            rejected=("C5: too high",),
        )
        for note in score.tracks[0].notes
    ]
    folder = tmp_path_factory.mktemp("example")
    write_score(score, folder / "piece.musicxml")
    rate = 44100
    times = np.arange(int(score.seconds * rate)) / rate
    wave = (0.1 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    return Example(
        plan,
        score,
        analysis,
        Trace(tuple(entries), {"candidates": 12345}),
        (folder / "piece.musicxml").read_text(encoding="utf-8"),
        Audio(np.stack([wave, wave]), rate),
    )


@pytest.fixture(scope="session")
def sound_file(tmp_path_factory: pytest.TempPathFactory, example: Example) -> Path:
    """The example's sound as a file."""
    import soundfile

    path = tmp_path_factory.mktemp("sound") / "piece.wav"
    soundfile.write(path, example.audio.samples.T, example.audio.sample_rate, subtype="PCM_24")
    return path
