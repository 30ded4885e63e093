"""Style measures: known answers, laws, and the shipped percentiles of the chorales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics import style
from hybrid.theory.slices import slice_score

Q = 480


def line(name: str, notes: list[tuple[int, int]]) -> Track:
    """A track of (pitch, ticks) in a row; pitch 0 is a rest."""
    rows, tick = [], 0
    for pitch, length in notes:
        if pitch:
            rows.append((tick, length, pitch))
        tick += length
    return Track(name, make_notes(rows))


def four_parts() -> Score:
    """I IV V I with one passing note in the soprano and a 4-3 suspension in the tenor."""
    return Score(
        (
            line("soprano", [(76, Q // 2), (74, Q // 2), (72, Q), (71, Q), (72, Q)]),
            line("alto", [(67, Q), (69, Q), (67, Q), (67, Q)]),
            line("tenor", [(60, Q), (65, Q), (62, Q), (64, Q)]),
            line("bass", [(48, Q), (53, Q), (55, Q), (48, Q)]),
        )
    )


def test_density_counts_onsets_per_quarter_and_voice() -> None:
    assert style.style_report(four_parts()).values["note_density"] == pytest.approx(17 / 16)


def test_a_held_note_counts_once() -> None:
    held = Score((line("soprano", [(72, Q), (74, Q)]), line("bass", [(48, 2 * Q)])))
    assert style.style_report(held).values["note_density"] == pytest.approx(3 / 4)


def test_passing_note_is_the_only_nonchord_tone() -> None:
    assert style.style_report(four_parts()).values["nonchord_share"] == pytest.approx(1 / 17)


def test_suspension_is_a_nonchord_tone() -> None:
    score = Score(
        (
            line("soprano", [(72, Q), (72, Q), (71, Q), (72, Q)]),
            line("alto", [(67, Q), (72, 3 * Q // 2), (71, Q // 2), (67, Q)]),
            line("tenor", [(64, Q), (65, Q), (62, Q), (64, Q)]),
            line("bass", [(48, Q), (53, Q), (55, Q), (48, Q)]),
        )
    )
    plain = style.style_report(score)
    assert plain.values["nonchord_share"] == pytest.approx(1 / plain.n_notes)


def test_fewer_than_three_voices_have_no_chords() -> None:
    score = Score((line("soprano", [(72, Q), (73, Q)]), line("bass", [(48, 2 * Q)])))
    assert style.style_report(score).values["nonchord_share"] == 0.0


@pytest.mark.parametrize(
    ("lengths", "bits"),
    [([Q] * 8, 0.0), ([Q, Q // 2] * 4, 1.0), ([Q, Q // 2, Q // 4, 2 * Q] * 2, 2.0)],
)
def test_rhythm_entropy_of_equal_shares(lengths: list[int], bits: float) -> None:
    report = style.style_report(Score((line("soprano", [(72, length) for length in lengths]),)))
    assert report.values["rhythm_entropy"] == pytest.approx(bits)


def test_interval_bins_are_shares_of_the_intervals() -> None:
    pitches = [60, 60, 62, 65, 60, 48, 0, 72, 71]  # 0 is a rest: no interval across it
    report = style.style_report(Score((line("soprano", [(pitch, Q) for pitch in pitches]),)))
    shares = {name: report.values[name] for name in style.INTERVAL_BINS}
    assert shares == pytest.approx(
        {
            "interval_repeat": 1 / 6,
            "interval_step": 2 / 6,
            "interval_third": 1 / 6,
            "interval_fourth_fifth": 1 / 6,
            "interval_wide": 1 / 6,
        }
    )
    assert report.interval_histogram[style.WIDEST - 12] == pytest.approx(1 / 6)


def test_durations_are_named_as_fractions() -> None:
    report = style.style_report(four_parts())
    assert list(report.durations) == ["1", "1/2"]
    assert report.durations["1/2"] == pytest.approx(2 / 17)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [([1, 0], [1, 0], 0.0), ([1, 0], [0, 1], 1.0), ([0.5, 0.5], [1, 0], 0.5579)],
)
def test_jensen_shannon_distance(first: list[float], second: list[float], distance: float) -> None:
    found = style.jensen_shannon_distance(np.array(first), np.array(second))
    assert found == pytest.approx(distance, abs=1e-4)


@given(st.integers(-12, 12), st.integers(0, 3))
def test_transposition_and_time_shift_change_nothing(semitones: int, bars: int) -> None:
    score = four_parts()
    moved = score.transposed(semitones)
    tracks = []
    for track in moved.tracks:
        notes = track.notes.copy()
        notes["onset"] += bars * 4 * Q
        tracks.append(Track(track.name, notes))
    later = style.style_report(Score(tuple(tracks)))
    for name, value in style.style_report(score).values.items():
        assert later.values[name] == pytest.approx(value), name


def test_empty_score_is_refused() -> None:
    with pytest.raises(ScoreError, match="score with notes"):
        style.style_report(Score(()))


def test_single_notes_are_refused() -> None:
    with pytest.raises(ScoreError, match="two notes in a row"):
        style.style_report(Score((line("soprano", [(72, Q)]),)))


def test_shipped_ranges_are_in_order() -> None:
    ranges = style.chorale_ranges()
    assert list(ranges) == list(style.MEASURES)
    for name, found in ranges.items():
        assert found.low <= found.median <= found.high, name
    assert style.chorale_intervals().shape == (25,)
    assert style.chorale_intervals().sum() == pytest.approx(1.0)


def test_block_chords_fall_out_of_the_ranges() -> None:
    """What the ranges are for: a toy of repeated block chords is told from a chorale."""
    chord = [(72, Q), (72, Q), (71, Q), (72, Q)] * 4
    score = Score(
        (
            line("soprano", chord),
            line("alto", [(67, Q), (69, Q), (67, Q), (67, Q)] * 4),
            line("tenor", [(64, Q), (65, Q), (62, Q), (64, Q)] * 4),
            line("bass", [(48, Q), (53, Q), (55, Q), (48, Q)] * 4),
        )
    )
    verdict = style.within_percentiles(style.style_report(score))
    assert list(verdict) == list(style.MEASURES)
    assert not verdict["rhythm_entropy"]
    assert not verdict["nonchord_share"]


def test_shipped_percentiles_are_those_of_the_corpus(shared_data: Path) -> None:
    """The package's figures come from the script that says so."""
    chorales = pytest.importorskip("benchmarks.chorales")
    script = pytest.importorskip("benchmarks.chorale_style")
    if not (shared_data / "roman_numerals" / "bach_chorales").is_dir():
        pytest.skip("needs the corpus roman_numerals")
    scores = chorales.read_chorales(shared_data)
    shipped = Path(style.__file__).with_name("chorale_percentiles.toml")
    assert script.percentiles(scores) == shipped.read_text(encoding="utf-8")


def test_nine_of_ten_chorales_lie_within_each_range(shared_data: Path) -> None:
    chorales = pytest.importorskip("benchmarks.chorales")
    if not (shared_data / "roman_numerals" / "bach_chorales").is_dir():
        pytest.skip("needs the corpus roman_numerals")
    scores = chorales.read_chorales(shared_data)
    average = style.chorale_intervals()
    rows = [style.measure(slice_score(score), average) for score in scores.values()]
    for name, found in style.chorale_ranges().items():
        inside = sum(found.contains(row[name]) for row in rows)
        assert 71 <= inside <= 77, name
