"""Scores from a line of text, for the tests of the rules."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import Articulation, KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre

TPQ = 480
NAMES = {2: ("soprano", "bass"), 3: ("soprano", "tenor", "bass")}
FOUR = ("soprano", "alto", "tenor", "bass")

Voices = tuple[str, ...]
ScoreMaker = Callable[..., Score]
ChordMaker = Callable[..., tuple[ChordSpan, ...]]


def _tokens(text: str) -> list[tuple[str, int]]:
    """``C5 B4:1/2`` to names and ticks; a quarter where no length stands."""
    found = []
    for word in text.split():
        name, _, length = word.partition(":")
        found.append((name, int(Fraction(length or "1") * TPQ)))
    return found


def make_score(
    *voices: str,
    names: Voices | None = None,
    key: str | None = None,
    metre: str = "4/4",
    pickup: int = 0,
) -> Score:
    """A track for each line, highest first; ``R`` rests, ``!`` after a name sets a fermata."""
    names = names or NAMES.get(len(voices)) or FOUR[: len(voices)]
    tracks = []
    for name, text in zip(names, voices, strict=True):
        rows, marks, tick = [], [], 0
        for word, length in _tokens(text):
            if word != "R":
                pitch, spelling = parse_pitch(word.rstrip("!"))
                rows.append((tick, length, pitch, 80, 1, spelling))
                if word.endswith("!"):
                    marks.append(Articulation(tick, pitch, "fermata"))
            tick += length
        tracks.append(Track(name, make_notes(rows), program=52, articulations=tuple(marks)))
    keys = (KeySignature(0, Key.parse(key)),) if key else ()
    return Score(tuple(tracks), TPQ, metres=(Metre.parse(metre),), keys=keys, pickup_ticks=pickup)


def make_chords(text: str, key: str = "C major") -> tuple[ChordSpan, ...]:
    """``I V7:2 I`` to spans, a quarter each where no length stands; ``G:V7`` changes the key."""
    spans, tick = [], 0
    here = Key.parse(key)
    for word in text.split():
        name, *rest = word.split(":")
        if rest and rest[0] and not rest[0][0].isdigit():
            here = Key.parse(name)
            name, *rest = rest
        length = int(Fraction(rest[0] if rest else "1") * TPQ)
        numeral = RomanNumeral.parse(name)
        spans.append(
            ChordSpan(
                tick,
                tick + length,
                name,
                here,
                numeral.degree,
                numeral.quality(here),
                numeral.inversion,
                numeral.root(here),
            )
        )
        tick += length
    return tuple(spans)


@pytest.fixture(scope="session")
def score_of() -> ScoreMaker:
    return make_score


@pytest.fixture(scope="session")
def chords_of() -> ChordMaker:
    return make_chords
