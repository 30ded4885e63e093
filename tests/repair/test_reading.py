"""One analysis: rules, plan and analyser; and when the analyser is not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.harmony.shipped import load_analyser
from hybrid.repair.excerpts import cut_chords, excerpt
from hybrid.repair.failures import name_failures
from hybrid.repair.reading import Doubt, Reading, read_score


def test_an_analysis_joins_rules_plan_and_analyser(plan: FormPlan, fifths: Score) -> None:
    reading = read_score(plan, fifths, "chorale", load_analyser())
    analysis = reading.analysis
    assert [item.rule for item in analysis.findings if item.severity == "error"] == [
        "parallel_fifths"
    ]
    assert [(item.kind, item.bar) for item in analysis.planned_cadences] == [("PAC", 4)]
    assert [(item.kind, item.tick) for item in analysis.cadences] == [
        ("PAC", analysis.planned_cadences[0].tick)
    ]
    assert len(reading.fits) == len(analysis.chords) == 15
    assert all(0 < chord.probability <= 1 for chord in analysis.heard)
    assert analysis.heard[0].numeral == "I"
    assert reading.likelihood is not None
    assert -2 < reading.likelihood < 0
    values = analysis.to_dict()
    assert {"planned_cadences", "heard"} <= set(values)
    assert values["planned_cadences"][0]["key"] == "C major"


def test_without_an_analyser_nothing_is_heard(plan: FormPlan, clean: Score) -> None:
    reading = read_score(plan, clean, "chorale")
    assert reading.analysis.heard == ()
    assert reading.likelihood is None
    assert reading.doubts == ()


def doubtful(plan: FormPlan, score: Score, agrees: bool) -> Reading:
    reading = read_score(plan, score, "chorale")
    span = reading.analysis.chords[3]
    heard = replace(span, numeral="IV", inversion=0, probability=0.9)
    doubt = Doubt(span, heard, -4.0, agrees, 1)
    return replace(reading, doubts=(doubt,))


def test_good_music_is_not_rewritten_for_the_analyser_s_sake(plan: FormPlan, clean: Score) -> None:
    reading = doubtful(plan, clean, agrees=True)
    assert name_failures(reading, plan, clean) == ()
    assert "so it stays" in str(reading.doubts[0])


def test_a_doubt_that_the_notes_bear_out_is_a_failure(plan: FormPlan, clean: Score) -> None:
    reading = doubtful(plan, clean, agrees=False)
    [failure] = name_failures(reading, plan, clean)
    assert (failure.kind, failure.first_bar, failure.last_bar) == ("heard", 1, 1)
    assert name_failures(reading, plan, clean, with_plan=False) == ()


@pytest.mark.parametrize(("start", "end"), [(0, 7680), (1920, 5760), (1920, 7680)])
def test_an_excerpt_has_the_notes_of_its_span(clean: Score, start: int, end: int) -> None:
    part = excerpt(clean, start, end)
    assert part.length == end - start
    for track, cut in zip(clean.tracks, part.tracks, strict=True):
        inside = (track.notes["onset"] >= start) & (track.notes["onset"] < end)
        assert (cut.notes["onset"] + start).tolist() == track.notes["onset"][inside].tolist()
        assert cut.notes["pitch"].tolist() == track.notes["pitch"][inside].tolist()
    assert part.metres[0].name == "4/4"


def test_what_sounds_over_an_edge_is_cut_there(plan: FormPlan, clean: Score) -> None:
    part = excerpt(clean, 1920, 7680 - 480)
    assert part.tracks[0].end == part.length
    chords = read_score(plan, clean, "chorale").analysis.chords
    spans = cut_chords(chords, 1920, 7200)
    assert spans[0].onset == 0
    assert spans[-1].end == 7200 - 1920
