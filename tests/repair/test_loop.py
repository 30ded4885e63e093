"""The loop mends what fails, changes nothing else, and takes nothing that is worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hybrid.core.engine import Region
from hybrid.core.errors import ConfigError, ConflictError
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace, TraceEntry
from hybrid.pipeline import compose
from hybrid.repair.loop import Mended, RepairSettings, mend
from hybrid.rules import RulesEngine


class Writer:
    """An engine that gives what it is told to give, and remembers what it was asked."""

    name = "writer"

    def __init__(self, answer: Score | None = None) -> None:
        self.answer = answer
        self.regions: list[Region | None] = []

    def fill(
        self,
        plan: FormPlan,
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
        given: Score | None = None,
        region: Region | None = None,
    ) -> tuple[Score, Trace]:
        self.regions.append(region)
        if self.answer is None:
            raise ConflictError("nothing fits", ("nothing",))
        return self.answer, Trace()


def never() -> None:
    raise AssertionError("the analyser must not be loaded for a clean piece")


def run(plan: FormPlan, score: Score, *engines: Writer, **settings: object) -> Mended:
    return mend(
        plan,
        score,
        Trace(),
        engines or (RulesEngine(),),
        "chorale",
        7,
        RepairSettings(**settings),  # type: ignore[arg-type]
    )


def same_notes(one: Score, two: Score) -> bool:
    return all(
        a.notes.tobytes() == b.notes.tobytes() for a, b in zip(one.tracks, two.tracks, strict=True)
    )


def test_a_clean_piece_stays_and_costs_no_analyser(plan: FormPlan, clean: Score) -> None:
    trace = Trace((TraceEntry("form", "grammar:x", "x"),))
    done = mend(plan, clean, trace, [Writer()], "chorale", 1, hear=never)
    assert done.score is clean
    assert done.repairs == () == done.left
    assert done.trace.to_dict() == trace.to_dict()
    assert done.before is done.after


def test_one_pitch_mends_parallel_fifths(plan: FormPlan, fifths: Score) -> None:
    writer = Writer()
    done = run(plan, fifths, writer)
    [repair] = done.repairs
    assert repair.failure.name == "parallel_fifths"
    assert repair.is_mended
    assert repair.maker == "nudge"
    assert repair.n_changed == 1
    assert writer.regions == []
    assert done.left == ()
    assert done.after.analysis.count("error") == 0
    assert repair.to_dict()["gone"][0].startswith("parallel_fifths at tick 1440")
    # Rhythm and the other voices are as they were.
    for before, after in zip(fifths.tracks, done.score.tracks, strict=True):
        assert before.notes["onset"].tolist() == after.notes["onset"].tolist()
        assert before.notes["duration"].tolist() == after.notes["duration"].tolist()
    changed = [
        track.name
        for track, other in zip(fifths.tracks, done.score.tracks, strict=True)
        if track.notes.tobytes() != other.notes.tobytes()
    ]
    assert len(changed) == 1
    assert changed[0] in ("tenor", "bass")


def test_the_trace_has_the_repair_and_no_note_that_is_gone(plan: FormPlan, fifths: Score) -> None:
    notes = [
        TraceEntry(
            "note", "x", "?", tick=int(row["onset"]), track=track.name, pitch=int(row["pitch"])
        )
        for track in fifths.tracks
        for row in track.notes
    ]
    trace = Trace((TraceEntry("phrase", "x", "a"), *(replace(note, parent=0) for note in notes)))
    done = mend(plan, fifths, trace, [RulesEngine()], "chorale", 7)
    entries = done.trace.entries
    placed = {
        (track.name, int(row["onset"]), int(row["pitch"]))
        for track in done.score.tracks
        for row in track.notes
    }
    traced = [(item.track, item.tick, item.pitch) for item in done.trace.of_kind("note")]
    assert set(traced) == placed
    assert len(traced) == len(placed)
    [repair] = done.trace.of_kind("repair")
    new = next(item for item in entries if item.maker == "repair:nudge" and item.kind == "note")
    assert new.parent is not None
    assert entries[new.parent] is repair
    [record] = done.trace.to_dict()["repairs"]
    assert record["mended"]
    assert record["before"]["failing"] == 1
    assert record["after"]["failing"] == 0
    assert record["candidates"] > 0


def test_the_same_seed_gives_the_same_repairs(plan: FormPlan, fifths: Score) -> None:
    one, two = run(plan, fifths), run(plan, fifths)
    assert same_notes(one.score, two.score)
    assert one.trace.to_dict() == two.trace.to_dict()


def test_an_engine_is_asked_where_a_hard_constraint_holds(plan: FormPlan, fifths: Score) -> None:
    locked = replace(plan, constraints=(Constraint("range", ("C3", "A5"), voices=("soprano",)),))
    writer = Writer()
    done = run(locked, fifths, writer)
    regions = [region for region in writer.regions if region is not None]
    assert [(r.first_bar, r.last_bar, r.voices) for r in regions] == [
        (1, 1, ("tenor", "bass")),
        (1, 1, ()),
    ]
    assert same_notes(done.score, fifths)
    [repair] = done.repairs
    assert not repair.is_mended
    assert repair.refused[0] == "writer: nothing fits"
    assert [item.name for item in done.left] == ["parallel_fifths"]
    assert done.trace.to_dict()["repairs"][0]["after"] is None


def test_an_engine_s_bar_is_taken_where_it_is_better(
    plan: FormPlan, fifths: Score, clean: Score
) -> None:
    locked = replace(plan, constraints=(Constraint("range", ("C3", "A5"), voices=("soprano",)),))
    done = run(locked, fifths, Writer(clean))
    assert done.repairs[0].maker == "writer"
    assert same_notes(done.score, clean)


def test_nothing_worse_is_ever_taken(plan: FormPlan, fifths: Score) -> None:
    # The candidate has no parallels any more, and no music either.
    tracks = tuple(replace(track, notes=track.notes[-1:]) for track in fifths.tracks)
    empty = replace(fifths, tracks=tracks)
    locked = replace(plan, constraints=(Constraint("range", ("C3", "A5"), voices=("soprano",)),))
    done = run(locked, fifths, Writer(empty))
    assert done.score is fifths
    assert not done.repairs[0].is_mended


def test_the_budget_is_kept(plan: FormPlan, fifths: Score) -> None:
    done = run(plan, fifths, budget=0)
    assert done.score is fifths
    assert [item.name for item in done.left] == ["parallel_fifths"]


def test_a_chord_that_is_not_the_plan_s_is_written_anew(plan: FormPlan, clean: Score) -> None:
    chords = list(plan.sections[0].phrases[0].chords)
    chords[6] = replace(chords[6], numeral="viio")  # F A C A stands there
    phrase = replace(plan.sections[0].phrases[0], chords=tuple(chords))
    other = plan.with_sections((replace(plan.sections[0], phrases=(phrase,)),))
    done = run(other, clean)
    first = done.repairs[0]
    assert first.failure.kind == "chord"
    assert "viio" in first.failure.message
    assert len(done.after.analysis.deviations) <= len(done.before.analysis.deviations)
    if first.is_mended:
        assert not any(item.kind == "chord" for item in done.left)


@pytest.mark.parametrize("budget", [-1, 10_001])
def test_a_budget_out_of_range_is_refused(budget: int) -> None:
    with pytest.raises(ConfigError, match="repairs must be in"):
        RepairSettings(budget=budget)


def test_compose_mends_by_itself_and_can_be_told_not_to(plan: FormPlan, fifths: Score) -> None:
    writer = Writer(fifths)
    left = compose(plan=plan, engine=writer, repairs=0)
    assert left.score is not None
    assert same_notes(left.score, fifths)
    assert left.trace.repairs == ()
