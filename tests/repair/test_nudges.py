"""Small changes: near pitches of the chord or the scale, cheapest first, marks kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybrid.core.plan import FormPlan
from hybrid.core.score import NOTE_DTYPE, Articulation, Score
from hybrid.core.trace import Trace, TraceEntry
from hybrid.repair.failures import Failure, name_failures
from hybrid.repair.nudges import (
    MAX_PAIRS,
    Nudge,
    nudge_notes,
    nudge_pairs,
    single_nudges,
)
from hybrid.repair.reading import Reading, read_score
from hybrid.repair.records import compare_notes, mended_trace


@pytest.fixture
def reading(plan: FormPlan, fifths: Score) -> Reading:
    return read_score(plan, fifths, "chorale")


@pytest.fixture
def failure(plan: FormPlan, fifths: Score, reading: Reading) -> Failure:
    [found] = name_failures(reading, plan, fifths)
    return found


def test_singles_move_notes_of_the_voices_at_fault(
    fifths: Score, reading: Reading, failure: Failure
) -> None:
    analysis = reading.analysis
    found = single_nudges(fifths, failure, analysis.chords, analysis.keys)
    assert failure.voices == ("tenor", "bass")
    assert {fifths.tracks[item.track].name for item in found} == {"tenor", "bass"}
    assert [item.cost for item in found] == sorted(item.cost for item in found)
    for item in found:
        row = fifths.tracks[item.track].notes[item.note]
        assert row["onset"] in (960, 1440)  # at the failure, and right before
        assert item.pitch != row["pitch"]
        assert (7 * item.spelling - item.pitch) % 12 == 0
        # Tones of I and of ii6 stay in their chords; C4 is none of ii6 and may move in the scale.
        tones = {0, 4, 7} if row["onset"] == 960 else {2, 5, 9}
        is_foreign = int(row["pitch"]) % 12 not in tones
        assert item.pitch % 12 in ({0, 2, 4, 5, 7, 9, 11} if is_foreign else tones)


def test_pairs_change_two_notes(fifths: Score, reading: Reading, failure: Failure) -> None:
    analysis = reading.analysis
    singles = single_nudges(fifths, failure, analysis.chords, analysis.keys)
    pairs = list(nudge_pairs(singles))
    assert 0 < len(pairs) <= MAX_PAIRS
    assert all((a.track, a.note) != (b.track, b.note) for a, b in pairs)
    costs = [a.cost + b.cost for a, b in pairs]
    assert costs == sorted(costs)


def test_a_fermata_goes_with_its_note(clean: Score) -> None:
    track = clean.tracks[0]
    last = track.notes[-1]
    mark = Articulation(int(last["onset"]), int(last["pitch"]), "fermata")
    marked = replace(track, articulations=(mark,))
    score = replace(clean, tracks=(marked, *clean.tracks[1:]))
    made = nudge_notes(score, [Nudge(0, len(track.notes) - 1, 76, 4, 1.0)])
    assert made.tracks[0].articulations == (replace(mark, pitch=76),)
    assert made.tracks[0].notes["pitch"][-1] == 76
    assert made.tracks[1] is score.tracks[1]
    old, new, [change] = compare_notes(score, made)
    assert (len(old), len(new)) == (1, 1)
    assert str(change) == "soprano bar 4: C5 -> E5"


def test_lengths_are_named_where_they_change(clean: Score) -> None:
    track = clean.tracks[0]
    notes = track.notes.copy()
    notes["duration"][0] = 240
    made = replace(clean, tracks=(replace(track, notes=notes), *clean.tracks[1:]))
    _, _, [change] = compare_notes(clean, made)
    assert str(change) == "soprano bar 1: C5:1 -> C5:0.5"


def test_a_track_without_notes_is_no_trouble(clean: Score) -> None:
    import numpy as np

    silent = replace(clean.tracks[1], notes=np.empty(0, NOTE_DTYPE))
    score = replace(clean, tracks=(clean.tracks[0], silent, *clean.tracks[2:]))
    assert compare_notes(score, score) == ((), (), ())
    _, new, _ = compare_notes(score, clean)
    assert len(new) == len(clean.tracks[1].notes)


def test_what_the_analyser_doubts_stands_in_the_trace() -> None:
    trace = Trace((TraceEntry("form", "x", "x"),), {"notes": 3})
    done = mended_trace(trace, (), ("bar 3: the analyser hears vi",))
    assert done.of_kind("remark")[0].choice == "bar 3: the analyser hears vi"
    assert done.counts == {"notes": 3}
    assert "repairs" not in done.to_dict()
