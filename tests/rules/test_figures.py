"""Figures of one voice, and which figures of two voices may sound together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from hybrid.core.pitch import parse_pitch
from hybrid.rules.decorate import draw_figures, fits
from hybrid.rules.figures import Figure, Habits, Skeleton, options_of, parts_of
from hybrid.rules.harmony import Event, beat_events
from hybrid.rules.voicings import SILENT

Q = 480
PhraseMaker = Callable[..., Any]


def skeleton(
    phrase_of: PhraseMaker, chords: str, *voices: str, key: str = "C major", **more: Any
) -> Skeleton:
    """A note for each voice and quarter; ``R`` rests."""
    made = phrase_of(chords, key=key)
    events = beat_events(made.phrase, made.chords, Q)
    rows = [
        [(SILENT, SILENT) if word == "R" else parse_pitch(word) for word in line.split()]
        for line in voices
    ]
    assert {len(row) for row in rows} == {len(events)}
    pitch = np.array([[p for p, _ in row] for row in rows]).T
    spelling = np.array([[s for _, s in row] for row in rows]).T
    breaks = tuple(False for _ in events)
    ranges = tuple((36, 84) for _ in rows)
    return Skeleton(events, pitch, spelling, breaks, ranges, **more)


def kinds(found: tuple[Figure, ...]) -> dict[str, list[list[int]]]:
    rows: dict[str, list[list[int]]] = {}
    for figure in found:
        rows.setdefault(figure.kind, []).append([pitch for _, pitch, _ in figure.notes])
    return rows


@pytest.mark.parametrize(
    ("line", "kind", "notes"),
    [
        ("E5 C5 C5 C5", "passing", [[76, 74]]),  # a third is filled
        ("C5 F5 F5 F5", "passing", [[72, 74, 76]]),  # a fourth by two notes
        ("C5 C5 C5 C5", "neighbour", [[72, 74], [72, 71]]),  # above and below
        ("C5 D5 D5 D5", "passing", []),  # a step has nothing between
        ("C5 G5 G5 G5", "passing", []),
    ],
)
def test_notes_between(
    phrase_of: PhraseMaker, line: str, kind: str, notes: list[list[int]]
) -> None:
    bones = skeleton(phrase_of, "I:4", line, "C3 C3 C3 C3")
    found = kinds(options_of(bones, 0, 0, Habits(skip=99.0)))
    assert found.get(kind, []) == notes
    assert found["plain"] == [[bones.pitch[0, 0]]]


def test_minor_rises_over_the_raised_sixth_and_falls_over_the_lowered_one(
    phrase_of: PhraseMaker,
) -> None:
    up = skeleton(phrase_of, "V:1 i:3", "E5 A5 A5 A5", "E3 A3 A3 A3", key="A minor")
    down = skeleton(phrase_of, "i:1 V:3", "A5 E5 E5 E5", "A3 E3 E3 E3", key="A minor")
    assert kinds(options_of(up, 0, 0, Habits(skip=99.0)))["passing"] == [[76, 78, 80]]
    assert kinds(options_of(down, 0, 0, Habits(skip=99.0)))["passing"] == [[81, 79, 77]]


@pytest.mark.parametrize(
    ("chords", "upper", "bass", "name"),
    [
        ("IV:2 I:2", "F5 F5 E5 E5", "F3 F3 C3 C3", ""),  # F over C falls to E: 4-3
        ("V:2 I6:2", "D5 D5 C5 C5", "G3 G3 E3 E3", "7-6"),
        ("V:2 I:2", "D5 D5 C5 C5", "G3 G3 C3 C3", "9-8"),
    ],
)
def test_suspensions_are_named_by_the_bass(
    phrase_of: PhraseMaker, chords: str, upper: str, bass: str, name: str
) -> None:
    bones = skeleton(phrase_of, chords, upper, bass)
    found = [f for f in options_of(bones, 2, 0, Habits()) if f.kind.startswith("suspension")]
    assert [f.kind for f in found] == [f"suspension {name or '4-3'}"]
    (figure,) = found
    assert figure.tied
    assert figure.strange == (0,)
    assert [pitch for _, pitch, _ in figure.notes] == [bones.pitch[1, 0], bones.pitch[2, 0]]


def test_a_bass_suspends_its_second(phrase_of: PhraseMaker) -> None:
    bones = skeleton(phrase_of, "I:2 V6:2", "E5 E5 D5 D5", "C3 C3 B2 B2")
    found = [f.kind for f in options_of(bones, 2, 1, Habits()) if "suspension" in f.kind]
    assert found == ["suspension 2-3"]


def test_a_leading_tone_gets_no_figure_that_leaves_it(phrase_of: PhraseMaker) -> None:
    """B to C is a step already; B may not skip away on the way there."""
    bones = skeleton(phrase_of, "V:1 I:3", "B4 C5 C5 C5", "G3 C3 C3 C3")
    assert set(kinds(options_of(bones, 0, 0, Habits()))) == {"plain"}


def test_ranges_fixed_voices_rests_and_given_figures(phrase_of: PhraseMaker) -> None:
    bones = skeleton(phrase_of, "I:4", "C5 C5 C5 C5", "R R R R")
    narrow = replace(bones, ranges=((72, 73), (36, 84)))
    assert [72, 74] not in kinds(options_of(narrow, 0, 0, Habits())).get("neighbour", [])
    fixed = Habits(fixed=(True, False))
    assert set(kinds(options_of(bones, 1, 0, fixed))) == {"plain"}
    assert set(kinds(options_of(bones, 0, 1, Habits()))) == {"rest"}
    given = Figure("given", ((0, 72, 0), (2, 74, 2)))
    assert options_of(replace(bones, ready={(0, 0): given}), 0, 0, Habits()) == (given,)
    none = replace(bones, permits=lambda place, voice, figure: False)
    assert set(kinds(options_of(none, 0, 0, Habits()))) == {"plain"}


def expanded(figure: Figure, parts: int) -> list[tuple[int, int, bool, bool]]:
    """Pitch, spelling, whether struck and whether strange, part by part."""
    rows = []
    for part in range(parts):
        number = max(n for n, (start, _, _) in enumerate(figure.notes) if start <= part)
        start, pitch, spelling = figure.notes[number]
        struck = start == part and not (number == 0 and figure.tied)
        rows.append((pitch, spelling, struck, number in figure.strange))
    return rows


def may_sound(upper: Figure, lower: Figure, event: Event) -> bool:
    """The rules in plain words, part by part."""
    one, two = (expanded(figure, parts_of(event)) for figure in (upper, lower))
    for (a, tone_a, _, odd_a), (b, tone_b, _, odd_b) in zip(one, two, strict=True):
        if a < b:
            return False  # crossing
        if tone_a != tone_b and (tone_a - tone_b) % 7 == 0:
            return False  # one letter in two forms
        if odd_a and odd_b and (a - b) % 12 in (1, 2, 6, 10, 11):
            return False  # two dissonances that clash
    for ((a, *_), (c, _, struck_c, _)), ((b, *_), (d, _, struck_d, _)) in zip(
        pairwise(one), pairwise(two), strict=True
    ):
        if struck_c and struck_d and a != c and b != d:
            if (a - b) % 12 == (c - d) % 12 and (a - b) % 12 in (0, 7):
                return False
            if c == d:
                return False
    return True


SKELETONS = [
    ("I:1 IV:1 V7:1 I:1", "C major", "G4 A4 F4 E4", "E4 F4 D4 C4", "C4 C4 B3 C4"),
    ("I:1 I6:1 ii65:1 V:1", "C major", "C5 C5 D5 B4", "G4 G4 A4 G4", "E4 C4 C4 D4"),
    ("i:1 V6:1 i:1 iv:1", "A minor", "A4 B4 C5 A4", "E4 E4 E4 F4", "C4 E4 A3 D4"),
    ("i:2 VI:1 V:1", "A minor", "E5 C5 C5 B4", "C5 A4 A4 G#4", "A4 E4 F4 E4"),
]


@pytest.mark.parametrize(("chords", "key", "one", "two", "three"), SKELETONS)
def test_what_may_sound_together_is_what_the_rules_say(
    phrase_of: PhraseMaker, chords: str, key: str, one: str, two: str, three: str
) -> None:
    bones = skeleton(phrase_of, chords, one, two, three, key=key)
    tried = 0
    for place, event in enumerate(bones.events):
        rows = [options_of(bones, place, voice, Habits()) for voice in range(3)]
        for upper, lower in combinations(rows, 2):
            for a in upper:
                for b in lower:
                    tried += 1
                    assert fits(a, b, event) == may_sound(a, b, event), (a, b)
    assert tried > 60


@pytest.mark.parametrize(("chords", "key", "one", "two", "three"), SKELETONS)
@pytest.mark.parametrize("seed", range(6))
def test_drawn_figures_fit_and_join(
    phrase_of: PhraseMaker, chords: str, key: str, one: str, two: str, three: str, seed: int
) -> None:
    """No clash within an event, no parallels from one event's last part into the next."""
    bones = skeleton(phrase_of, chords, one, two, three, key=key)
    lively = Habits(passing=-6.0, neighbour=-6.0, skip=-3.0, suspension=-6.0, tie=-2.0)
    drawn, looked = draw_figures(bones, np.random.default_rng(seed), lively)
    assert looked > len(bones.events)
    kinds_drawn = set()
    for event, row in zip(bones.events, drawn, strict=True):
        kinds_drawn |= {figure.kind for figure in row}
        assert all(may_sound(a, b, event) for a, b in combinations(row, 2))
    assert kinds_drawn != {"plain"}
    for before, after in pairwise(zip(bones.events, drawn, strict=True)):
        ends = [expanded(figure, parts_of(before[0]))[-1][0] for figure in before[1]]
        starts = [expanded(figure, parts_of(after[0]))[0] for figure in after[1]]
        for (a, (c, _, struck_c, _)), (b, (d, _, struck_d, _)) in combinations(
            list(zip(ends, starts, strict=True)), 2
        ):
            if not struck_c:
                assert a == c  # a tie goes on with the note it is tied to
            if struck_c and struck_d and (c - a) * (d - b) > 0:
                assert not ((a - b) % 12 == (c - d) % 12 and (a - b) % 12 in (0, 7))


def test_remembered_kinds_come_back(phrase_of: PhraseMaker) -> None:
    bones = skeleton(phrase_of, "I:4", "C5 C5 C5 C5", "E4 E4 E4 E4", "C3 C3 C3 C3")
    wanted = [("neighbour", "plain", "plain")] * 3 + [("plain", "plain", "plain")]
    shy = Habits(neighbour=2.0, skip=9.0, tie=9.0)

    def count(like: Sequence[tuple[str, ...]]) -> int:
        total = 0
        for seed in range(20):
            drawn, _ = draw_figures(bones, np.random.default_rng(seed), shy, like)
            total += sum(row[0].kind == "neighbour" for row in drawn)
        return total

    assert count(wanted) > 2 * count([])
