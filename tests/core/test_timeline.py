from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.timeline import Metre, Tempo, TempoMap, lay_bars


@st.composite
def tempo_maps(draw: st.DrawFn) -> TempoMap:
    ticks = draw(st.lists(st.integers(1, 10_000), unique=True, max_size=5))
    tempos = [Tempo(tick, draw(st.floats(20, 300))) for tick in [0, *sorted(ticks)]]
    return TempoMap(tempos, draw(st.sampled_from([24, 96, 480])))


@given(tempo_maps(), st.lists(st.integers(0, 20_000), min_size=1))
def test_ticks_and_seconds_are_inverse(tempo_map: TempoMap, ticks: list[int]) -> None:
    seconds = tempo_map.to_seconds(ticks)
    np.testing.assert_allclose(tempo_map.to_ticks(seconds), ticks, atol=1e-6)
    order = np.argsort(ticks, kind="stable")
    assert (np.diff(seconds[order]) >= 0).all()


def test_tempo_changes_add_up() -> None:
    tempo_map = TempoMap((Tempo(0, 60), Tempo(480, 120)), 480)
    np.testing.assert_allclose(tempo_map.to_seconds([0, 480, 960]), [0, 1, 1.5])


def test_without_a_tempo_120_holds() -> None:
    assert TempoMap((), 480).seconds(480) == 0.5
    assert TempoMap((Tempo(480, 60),), 480).seconds(960) == 1.5


@pytest.mark.parametrize(
    ("text", "bar", "beat", "beats"),
    [
        ("4/4", 4, 1, 4),
        ("3/4", 3, 1, 3),
        ("6/8", 3, Fraction(3, 2), 2),
        ("3/8", Fraction(3, 2), Fraction(1, 2), 3),
        ("12/8", 6, Fraction(3, 2), 4),
        ("2/2", 4, 2, 2),
        ("5/4", 5, 1, 5),
    ],
)
def test_metres(text: str, bar: Fraction, beat: Fraction, beats: int) -> None:
    metre = Metre.parse(text)
    assert (metre.bar_quarters, metre.beat_quarters, metre.n_beats) == (bar, beat, beats)
    assert metre.name == text


@pytest.mark.parametrize("text", ["4", "4/3", "0/4", "x/4", "4/4/4", "129/4"])
def test_malformed_metres_are_refused(text: str) -> None:
    with pytest.raises(ScoreError, match="got"):
        Metre.parse(text)


def test_accents() -> None:
    four, three, six = Metre.parse("4/4"), Metre.parse("3/4"), Metre.parse("6/8")
    assert [four.accent(Fraction(n, 2)) for n in range(8)] == [3, 0, 1, 0, 2, 0, 1, 0]
    assert [three.accent(Fraction(n)) for n in range(3)] == [3, 1, 1]
    assert [six.accent(Fraction(n, 2)) for n in range(6)] == [3, 0, 0, 1, 0, 0]


def test_bars_follow_metre_changes_and_pickup() -> None:
    metres = (Metre(0, 4, 4), Metre(480 + 1920, 3, 4))
    bars = lay_bars(metres, 480, 480 + 1920 + 2 * 1440, pickup_ticks=480)
    assert [(bar.number, bar.start, bar.end) for bar in bars] == [
        (0, 0, 480),
        (1, 480, 2400),
        (2, 2400, 3840),
        (3, 3840, 5280),
    ]
    assert [bar.is_pickup for bar in bars] == [True, False, False, False]


def test_a_metre_change_cuts_a_bar_short() -> None:
    bars = lay_bars((Metre(0, 4, 4), Metre(960, 2, 4)), 480, 1920)
    assert [(bar.start, bar.end) for bar in bars] == [(0, 960), (960, 1920)]


def test_a_bar_must_be_whole_ticks() -> None:
    with pytest.raises(ScoreError, match="whole number of ticks"):
        Metre.parse("3/64").bar_ticks(2)
