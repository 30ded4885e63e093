"""A bass that walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hybrid.core.pitch import parse_pitch
from hybrid.rules.lines import LineNote
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import Context
from hybrid.rules.walking import walk_bass

Q = 480
PhraseMaker = Callable[..., Any]
VOICES = (Voice("melody", 0, 1, 60, 81), Voice("upper", 1, 1, 52, 69), Voice("bass", 2, 1, 36, 55))
CHORDS = "I:4 | IV:4 | V7:4 | I:4"
OUTLINE = "C3 F2 G2 C3"
TUNE = "E5 D5 C5 E5 F5 A5 G5 F5 D5 F5 D5 B4 C5 C5 C5 C5"


def line(voice: Voice, names: str, quarters: int) -> list[LineNote]:
    return [
        LineNote(
            voice.part,
            voice.number,
            voice.name,
            place * quarters * Q,
            (place + 1) * quarters * Q,
            *parse_pitch(name),
            "test",
        )
        for place, name in enumerate(names.split())
    ]


def walked(
    phrase_of: PhraseMaker, seed: int, cadence: str = "none", context: Context | None = None
) -> list[LineNote]:
    made = phrase_of(CHORDS, cadence=cadence, texture="walking_bass")
    return walk_bass(
        made.phrase,
        made.chords,
        line(VOICES[0], TUNE, 1),
        [*line(VOICES[1], "G4 A4 F4 E4", 4), *line(VOICES[2], OUTLINE, 4)],
        context or Context(VOICES),
        np.random.default_rng(seed),
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_bass_walks_in_beats_from_each_chord_s_bass(phrase_of: PhraseMaker, seed: int) -> None:
    found = walked(phrase_of, seed)
    bass = [note for note in found if note.voice == "bass"]
    assert [(n.onset, n.end) for n in bass] == [(b * Q, (b + 1) * Q) for b in range(16)]
    assert [n.pitch for n in bass[::4]] == [parse_pitch(name)[0] for name in OUTLINE.split()]
    assert [n for n in found if n.voice == "upper"] == line(VOICES[1], "G4 A4 F4 E4", 4)
    assert all(36 <= n.pitch <= 60 for n in bass)
    assert len({n.pitch for n in bass}) > 4


@pytest.mark.parametrize("seed", range(12))
def test_no_parallels_with_the_melody(phrase_of: PhraseMaker, seed: int) -> None:
    bass = [note for note in walked(phrase_of, seed) if note.voice == "bass"]
    tune = line(VOICES[0], TUNE, 1)
    for (a, c), (b, d) in zip(pairwise(tune), pairwise(bass), strict=True):
        up, down = c.pitch - a.pitch, d.pitch - b.pitch
        perfect = (a.pitch - b.pitch) % 12 in (0, 7)
        same = (a.pitch - b.pitch) % 12 == (c.pitch - d.pitch) % 12
        assert not (perfect and same and up * down > 0)


def test_at_a_cadence_the_bass_stands(phrase_of: PhraseMaker) -> None:
    bass = [note for note in walked(phrase_of, 3, "PAC") if note.voice == "bass"]
    assert {n.pitch for n in bass if n.onset >= 8 * Q and n.onset < 12 * Q} == {43}
    assert {n.pitch for n in bass if n.onset >= 12 * Q} == {48}
    assert len({n.pitch for n in bass if n.onset < 8 * Q}) > 2


def test_a_chord_is_not_left_with_a_tendency_tone_in_the_bass(phrase_of: PhraseMaker) -> None:
    """The strands have leading tone and seventh of V7; the bass's last beat has neither."""
    for seed in range(20):
        last = next(n for n in walked(phrase_of, seed) if n.voice == "bass" and n.onset == 11 * Q)
        assert last.pitch % 12 not in (11, 5)


def test_where_none_fits_the_outline_stays(phrase_of: PhraseMaker) -> None:
    """A range of B flat alone has no note of C major for the other beats."""
    narrow = (*VOICES[:2], replace(VOICES[2], low=70, high=65))
    found = walked(phrase_of, 0, context=Context(narrow))
    bass = [note for note in found if note.voice == "bass"]
    assert bass == line(VOICES[2], OUTLINE, 4)
