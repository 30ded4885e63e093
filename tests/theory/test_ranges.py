"""Which range a voice has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hybrid.core.score import Score
from hybrid.theory.context import Context, phrase_starts
from hybrid.theory.slices import slice_score
from hybrid.theory.tables import CHORALE, RANGES
from hybrid.theory.texture import voice_ranges

ScoreMaker = Callable[..., Score]


def ranges(score: Score) -> list[tuple[int, int] | None]:
    slices = slice_score(score)
    return voice_ranges(Context(slices, CHORALE, phrase_starts(score, slices.tick, ())))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("soprano", RANGES["soprano"]),
        ("Soprano", RANGES["soprano"]),
        ("Tenor 2", RANGES["tenor"]),
        ("violin", (55, 96)),
        ("Violin II", (55, 96)),
        ("Violin 1.", (55, 96)),
        ("piano left", (21, 108)),
        ("Piano, right hand", (21, 108)),
        ("acoustic bass", (28, 60)),
        ("Bass clarinet", None),
        ("Track 1", None),
        ("", None),
    ],
)
def test_a_voice_is_known_by_its_name(
    score_of: ScoreMaker, name: str, expected: tuple[int, int] | None
) -> None:
    assert ranges(score_of("C4 D4", names=(name,))) == [expected]


def test_four_voices_without_known_names_are_a_choir(score_of: ScoreMaker) -> None:
    score = score_of("C5", "G4", "E4", "C3", names=("Track 1", "Track 2", "Track 3", "Track 4"))
    assert ranges(score) == list(RANGES.values())


def test_a_quartet_has_the_ranges_of_its_instruments(score_of: ScoreMaker) -> None:
    score = score_of("C6", "G4", "E4", "C3", names=("Violin I", "Violin II", "Viola", "Cello"))
    assert ranges(score) == [(55, 96), (55, 96), (48, 84), (36, 76)]
