"""Repairs stand in the page of the piece."""

from __future__ import annotations

from hybrid.core.trace import Trace, TraceEntry
from hybrid.report.repairs import repairs_list

RECORD = {
    "mended": True,
    "reason": "error: parallel_fifths at bar 1 beat 4 (tenor, bass): C3-G3 to F3-C4",
    "maker": "nudge",
    "candidates": 12,
    "changes": ["tenor bar 1: C4 -> Bb3", *(f"alto bar {n}: C4 -> D4" for n in range(2, 9))],
}


def test_repairs_are_named_with_their_changes() -> None:
    failed = {**RECORD, "mended": False, "reason": "cadence <PAC>", "changes": []}
    text = repairs_list(Trace(repairs=(RECORD, failed)))
    assert "1 of 2 places mended" in text
    assert "single pitches, 12 candidates: tenor bar 1: C4 -&gt; B♭3" in text
    assert "2 more" in text
    assert "cadence &lt;PAC&gt;<br><span class=remark>not mended" in text


def test_what_the_analyser_hears_otherwise_is_named() -> None:
    trace = Trace((TraceEntry("remark", "analyser", "bar 3: the analyser hears vi"),))
    assert "Places that the analyser hears otherwise: 1" in repairs_list(trace)


def test_a_piece_without_repairs_has_no_list() -> None:
    assert repairs_list(Trace()) == ""
