"""Hard findings per 100 chords: planted faults and the arithmetic of rates."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.metrics.grids import score_of_grid
from hybrid.metrics.part_writing import PartWriting, hard_rate, part_writing


def quarters(*chords: tuple[int, int, int, int]) -> np.ndarray:
    return np.repeat(np.array(chords), 4, axis=0)


GOOD = quarters((72, 67, 64, 48), (72, 69, 65, 53), (71, 67, 62, 55), (72, 67, 64, 48))
#: Soprano and bass a twelfth apart, both up a step; the tenor and the alto stay.
PARALLEL = quarters((67, 64, 60, 48), (69, 64, 60, 50))


def test_hard_findings_are_counted_and_chords_are_onset_slices() -> None:
    assert part_writing(GOOD) == PartWriting(4, {})
    found = part_writing(PARALLEL)
    assert found.n_chords == 2
    assert found.findings["parallel_fifths"] == 1
    assert part_writing(score_of_grid(PARALLEL)) == found


def test_soft_findings_do_not_count() -> None:
    # Alto a fifth above the soprano: crossing is a warning that even Bach earns often.
    crossed = quarters((67, 72, 64, 48), (67, 72, 64, 48), (66, 74, 62, 50))
    assert "crossing" not in part_writing(crossed).findings


def test_rates_by_hand() -> None:
    own = [PartWriting(50, {"range": 2}), PartWriting(50, {"range": 1, "parallel_fifths": 1})]
    bach = [PartWriting(200, {"range": 2})] * 3
    rate = hard_rate(own, bach, np.random.default_rng(1))
    assert rate.per_100 == 4.0
    assert rate.ratio == 4.0
    assert rate.low <= 4.0 <= rate.high
    fifths = hard_rate(own, bach, np.random.default_rng(1), "parallel_fifths")
    assert fifths.per_100 == 1.0
    assert fifths.ratio == np.inf
    assert np.isnan(hard_rate(bach, bach, np.random.default_rng(1), "parallel_fifths").ratio)


def test_the_interval_narrows_with_more_pieces() -> None:
    few = [PartWriting(50, {"range": n}) for n in (0, 4)]
    rates = [hard_rate(few * times, few * times, np.random.default_rng(1)) for times in (2, 50)]
    assert rates[1].high - rates[1].low < (rates[0].high - rates[0].low) / 2
    assert rates[1].ratio_low < 1.0 < rates[1].ratio_high


def test_no_chords_no_rate() -> None:
    with pytest.raises(ConfigError, match="chords"):
        hard_rate([], [PartWriting(4, {})], np.random.default_rng(1))
