"""The infinity series against OEIS A004718, and what it says of itself."""

from __future__ import annotations

import pytest

from hybrid.history.infinity_series import term
from hybrid.history.registry import load_exhibit, run_exhibit

#: The first 64 terms as OEIS A004718 lists them.
A004718 = [
    *(0, 1, -1, 2, 1, 0, -2, 3, -1, 2, 0, 1, 2, -1, -3, 4),
    *(1, 0, -2, 3, 0, 1, -1, 2, -2, 3, 1, 0, 3, -2, -4, 5),
    *(-1, 2, 0, 1, 2, -1, -3, 4, 0, 1, -1, 2, 1, 0, -2, 3),
    *(2, -1, -3, 4, -1, 2, 0, 1, -3, 4, 2, -1, 4, -3, -5, 6),
]


def test_terms_are_those_of_the_encyclopedia() -> None:
    assert [term(number) for number in range(64)] == A004718


@pytest.mark.parametrize("interval", [-2, 1, 2])
def test_every_fourth_is_the_series_and_every_second_its_inversion(interval: int) -> None:
    for number in range(200):
        assert term(4 * number, interval) == term(number, interval)
        assert term(2 * number, interval) == -term(number, interval)


def test_slow_voices_are_the_fast_one_in_octaves() -> None:
    made = run_exhibit(load_exhibit("infinity-series"), 1)[0]
    fast, fourth, sixteenth = (track.notes for track in made.score.tracks)
    assert len(fast) == 128
    assert len(fourth) == 32
    assert (fourth["pitch"].astype(int) + 12 == fast["pitch"][:32]).all()
    assert (sixteenth["pitch"].astype(int) + 24 == fast["pitch"][:8]).all()
    assert (fourth["duration"] == 4 * fast["duration"][:32]).all()
    assert dict(made.facts)["Every note number 4"].startswith("32 of 32 as the melody")


def test_thirds_are_not_in_the_melody() -> None:
    made = run_exhibit(load_exhibit("infinity-series"), 1, {"layers": "thirds"})[0]
    same, _, length = dict(made.facts)["Every note number 3"].split()[:3]
    assert int(same) < int(length) // 2


@pytest.mark.parametrize("interval", ["-2", "2"])
@pytest.mark.parametrize("centre", ["60", "79"])
def test_the_widest_settings_stay_within_the_pitches(interval: str, centre: str) -> None:
    wide = {"terms": "512", "scale": "major", "interval": interval, "centre": centre}
    for layers in ("halves", "thirds"):
        made = run_exhibit(load_exhibit("infinity-series"), 1, {**wide, "layers": layers})[0]
        assert made.score.n_notes > 512
