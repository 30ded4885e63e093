"""The yardstick on spans written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.harmony.corpus import SPANS
from hybrid.harmony.evaluation import FIGURES, Comparison, compare, summarise


def spans(*rows: tuple[int, ...]) -> NDArray[Any]:
    return np.array(list(rows), SPANS)


# onset, end, tonic, mode, of, degree, quality, inversion: C: I, then V7 (480 ticks each)
REFERENCE = spans((0, 480, 0, 0, 0, 0, 0, 0), (480, 960, 0, 0, 0, 1, 4, 0))


def shares(other: NDArray[Any], reference: NDArray[Any] = REFERENCE) -> dict[str, float]:
    result = compare(reference, other)
    return {
        figure: right / result.frames for figure, right in zip(FIGURES, result.right, strict=True)
    }


def test_equal_readings_agree_everywhere() -> None:
    assert compare(REFERENCE, REFERENCE).frames == 16
    assert set(shares(REFERENCE).values()) == {1.0}


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        # A wrong inversion of the second chord costs half of two figures.
        ((480, 960, 0, 0, 0, 1, 4, 1), {"inversion", "full"}),
        # G: I7 for C: V7 names the same root and quality in another key.
        ((480, 960, 1, 0, 0, 0, 4, 0), {"key", "degree", "full"}),
        # I/V for V: another degree, the same root.
        ((480, 960, 0, 0, 1, 0, 4, 0), {"degree", "full"}),
        # The parallel minor.
        ((480, 960, 0, 1, 0, 1, 4, 0), {"key", "full"}),
        # The same key spelled otherwise: C as D double flat.
        ((480, 960, -12, 0, 0, 1, 4, 0), {"key", "root", "full"}),
    ],
)
def test_each_figure_counts_its_own_fault(changed: tuple[int, ...], wrong: set[str]) -> None:
    found = shares(spans((0, 480, 0, 0, 0, 0, 0, 0), changed))
    assert {figure for figure, share in found.items() if share == 0.5} == wrong
    assert all(found[figure] == 1.0 for figure in FIGURES if figure not in wrong)


def test_unlabelled_frames_are_left_out_and_missing_predictions_are_wrong() -> None:
    late = spans((240, 480, 0, 0, 0, 0, 0, 0))
    assert compare(late, REFERENCE).frames == 4
    assert shares(late)["full"] == 0.25


def test_the_three_averages_differ() -> None:
    comparisons = [
        Comparison("a", "one", (80,) * 6, 100),
        Comparison("b", "one", (0,) * 6, 20),
        Comparison("c", "two", (10,) * 6, 10),
    ]
    summary = summarise(comparisons)
    assert summary.pooled["full"] == pytest.approx(90 / 130)
    assert summary.pieces["full"] == pytest.approx((0.8 + 0 + 1) / 3)
    assert summary.groups["full"] == pytest.approx((80 / 120 + 1) / 2)
    assert summary.by_group["one"]["n"] == 2
    assert "mean over groups" in summary.table()


def test_overlap_and_emptiness_are_refused() -> None:
    overlapping = spans((0, 480, 0, 0, 0, 0, 0, 0), (240, 960, 0, 0, 0, 0, 0, 0))
    with pytest.raises(ScoreError, match="tick 240 before the end 480"):
        compare(overlapping, REFERENCE)
    with pytest.raises(ScoreError, match="at least one labelled frame"):
        summarise([])
