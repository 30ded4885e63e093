"""A clean chorale passage, and the same with a mistake in it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo

TPQ = 480
#: Four bars without a finding, a beat each, the last one two.
PASSAGE = {
    "soprano": "C5 D5 E5 D5 D5 C5 C5:1/2 D5:1/2 E5 F5 E5 D5 C5 C5 B4 C5:2",
    "alto": "E4 G4 G4 F4 D4 E4 A4 G4 A4 G4 A4 F4 E4 D4 E4:2",
    "tenor": "G3 G3 G3 A3 B3 C4 C4 C4 C4 C4 A3 A3 G3 G3 G3:2",
    "bass": "C3 B2 C3 F3 G3 C3 F3 E3 D3 E3 F3 F3 G3 G2 C3:2",
}
CHORDS = "I V6 I ii6 | V I IV I6 | ii7 I6 ii6 IV | Cad64:1 V:1 I:2"


def make_passage(**other: str) -> Score:
    """The passage; a voice's line may be given anew."""
    tracks = []
    for voice, text in (PASSAGE | other).items():
        rows, tick = [], 0
        for word in text.split():
            name, _, length = word.partition(":")
            pitch, spelling = parse_pitch(name)
            ticks = int(Fraction(length or "1") * TPQ)
            rows.append((tick, ticks, pitch, 80, 1, spelling))
            tick += ticks
        tracks.append(Track(voice, make_notes(rows), program=52))
    return Score(
        tuple(tracks),
        TPQ,
        tempos=(Tempo(0, 80.0),),
        metres=(Metre(0, 4, 4),),
        keys=(KeySignature(0, Key.parse("C major")),),
    )


@pytest.fixture
def clean() -> Score:
    return make_passage()


@pytest.fixture
def fifths() -> Score:
    """Parallel fifths between tenor and bass at beat 4, and nothing else new of weight."""
    return make_passage(tenor=PASSAGE["tenor"].replace("G3 G3 G3 A3", "G3 G3 G3 C4", 1))


@pytest.fixture
def plan() -> FormPlan:
    metre = Metre.parse("4/4")
    phrase = Phrase(bars=4, chords=parse_chords(CHORDS, metre, 4), cadence="PAC", theme="a")
    return FormPlan(
        title="Passage",
        style="chorale",
        key=Key.parse("C major"),
        metre=metre,
        tempo_qpm=80.0,
        texture="chorale",
        dynamics="mf",
        instruments=("soprano", "alto", "tenor", "bass"),
        sections=(Section(label="A", phrases=(phrase,)),),
    )


@pytest.fixture
def moved() -> Score:
    """The passage with other names of tracks, as a file might have them."""
    score = make_passage(tenor=PASSAGE["tenor"].replace("G3 G3 G3 A3", "G3 G3 G3 C4", 1))
    names = ("Cantus", "Altus", "Tenor part", "Bassus")
    tracks = [replace(track, name=name) for track, name in zip(score.tracks, names, strict=True)]
    return replace(score, tracks=tuple(tracks))
