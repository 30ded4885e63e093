"""The engine's own likelihood of notes that stand in a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybrid.core.errors import PlanError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.symbolic_transformer import event_likelihood
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_likelihood import note_log_probabilities
from hybrid.symbolic_transformer.event_parts import seat_plan
from hybrid.symbolic_transformer.event_scores import read_given
from hybrid.symbolic_transformer.rewriting import plan_of, to_length
from tests.symbolic_transformer.event_pieces import tiny_model

BAR = 1920
CHORDS = ((72, 67, 64, 48), (72, 69, 65, 53), (71, 67, 62, 55), (72, 67, 64, 48))


def four_bars() -> Score:
    rows = zip(*CHORDS, strict=True)
    tracks = tuple(
        Track(f"line {n}", make_notes((BAR * b, BAR, p) for b, p in enumerate(line)), program=52)
        for n, line in enumerate(rows)
    )
    return Score(tracks, keys=(KeySignature(0, Key(0)),))


def test_each_note_has_a_probability_and_a_span_takes_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan, given, _ = plan_of(four_bars(), None)
    given = to_length(given, plan)
    model, arrays, seating = tiny_model(), plan_arrays(plan), seat_plan(plan)
    notes = read_given(given, plan, seating).notes
    ticks, nats = note_log_probabilities(model, arrays, notes, seating.style)
    assert sorted(ticks.tolist()) == sorted(notes["onset"].tolist())
    assert (nats < 0).all()
    inside, own = note_log_probabilities(model, arrays, notes, seating.style, (96, 288))
    assert set(inside.tolist()) == {96, 192}
    np.testing.assert_allclose(own, nats[(ticks >= 96) & (ticks < 288)], rtol=1e-4)
    # In windows that see less before a note, the first notes have the same numbers.
    monkeypatch.setattr(event_likelihood, "WINDOW", 12)
    monkeypatch.setattr(event_likelihood, "LOOK_BACK", 4)
    again, small = note_log_probabilities(model, arrays, notes, seating.style)
    assert again.tolist() == ticks.tolist()
    np.testing.assert_allclose(small[:8], nats[:8], rtol=1e-4)


def test_the_engine_weighs_a_span_of_a_score() -> None:
    plan, given, _ = plan_of(four_bars(), None)
    given = to_length(given, plan)
    engine = TransformerEngine(tiny_model())
    value = engine.weigh(plan, given, (0, BAR))
    assert value is not None
    assert value < 0
    assert engine.weigh(plan, given, (BAR + 1, BAR + 2)) is None
    with pytest.raises(PlanError, match="track"):
        engine.weigh(plan, replace(given, tracks=given.tracks[:2]), (0, BAR))
