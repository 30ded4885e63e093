"""Drums as notation has them: strokes on sixteenths, inside the score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.score import Score, Track, make_notes
from hybrid.io.drum_staff import straightened

strokes = st.lists(
    st.tuples(st.integers(0, 1910), st.integers(1, 200), st.sampled_from((36, 38, 42))),
    min_size=1,
    max_size=12,
)


@given(strokes)
def test_strokes_stand_on_sixteenths_inside_the_score(rows: list[tuple[int, int, int]]) -> None:
    kit = Track("drums", make_notes(sorted(rows)), is_drum=True)
    score = Score((kit,), ticks_per_quarter=480)
    made = straightened(score)
    notes = made.tracks[0].notes
    assert made.length == score.length
    assert (notes["duration"] > 0).all()
    assert (notes["onset"] + notes["duration"] <= score.length).all()
    if (kit.notes["onset"] % 120).any():
        assert (notes["onset"] % 120 == 0).all()
        assert {row[2] for row in rows} == set(notes["pitch"].tolist())


def test_a_late_last_stroke_opens_no_bar() -> None:
    kit = Track("drums", make_notes([(0, 60, 36), (1910, 10, 38)]), is_drum=True)
    made = straightened(Score((kit,), ticks_per_quarter=480))
    assert made.tracks[0].notes["onset"].tolist() == [0, 1800]
