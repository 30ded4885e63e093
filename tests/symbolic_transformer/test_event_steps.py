"""The model asked for one event at a time gives what it gives for whole pieces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hybrid.symbolic_transformer.event_columns import PlanColumns, read_events
from hybrid.symbolic_transformer.event_model import EventTransformer
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.event_sampler import DEFAULT_WINDOW, window_of
from hybrid.symbolic_transformer.event_steps import MOST_TICKS, EventSteps
from hybrid.symbolic_transformer.event_weights import load_event_model
from hybrid.symbolic_transformer.trunk_steps import make_ring
from tests.symbolic_transformer.event_pieces import random_events, small_arrays, tiny_model

FIELDS = ("tick", "track", "place", "pitch", "duration", "velocity", "timing")


def variants() -> list[EventTransformer]:
    """The tiny model as it is, without rotations, without distances, with a period."""
    config = tiny_model().config
    models = [tiny_model()]
    for changed in ({"rotary": False}, {"relative": False}, {"period": 2}):
        torch.manual_seed(3)
        trunk = replace(config.trunk, **changed)
        models.append(EventTransformer(replace(config, trunk=trunk)).eval())
    return models


@pytest.mark.parametrize("which", range(4))
def test_each_part_is_as_in_the_whole_piece(which: int) -> None:
    model, plan, style = variants()[which], small_arrays(), 1
    piece = random_events(plan, 4, 50)
    columns = read_events(piece, plan)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int64))[None]

    with torch.inference_mode():
        wanted = model(
            tensor(columns.read),
            tensor(columns.ask),
            tensor(columns.parts),
            tensor(columns.tick),
            torch.tensor([style]),
        )
        rows, ring = EventRows(plan, 2), make_ring(model.trunk, 2, 64)
        steps = EventSteps(model, rows.told, style)
        every = np.ones(2, dtype=bool)
        for number, event in enumerate(piece):
            rows.append(np.arange(2), **{name: int(event[name]) for name in FIELDS})
            hidden = steps.hear(rows, ring, every)
            ask = np.repeat(columns.ask[number : number + 1].astype(np.int64), 2, 0)
            _, track, pitch, duration, velocity, _ = (
                np.repeat(part, 2) for part in columns.parts[number].astype(np.int64)
            )
            after = piece[min(number + 1, len(piece) - 1)]
            tick = np.full(2, int(after["tick"]))
            known = hidden + steps.stand(ask, tick)
            found = {"place": steps.places(hidden), "track": steps.tracks(known)}
            asked, found["pitch"] = steps.pitches(known, ask, track)
            asked, found["duration"] = steps.durations(asked, ask, pitch)
            asked, found["velocity"] = steps.velocities(asked, duration)
            found["timing"] = steps.timings(asked, velocity)
            # A finished piece asks for nothing after its last event.
            parts = found if number + 1 < len(piece) else {"place": found["place"]}
            for name, logits in parts.items():
                torch.testing.assert_close(
                    logits, wanted[name][0, number].expand(2, -1), atol=1e-4, rtol=1e-3, msg=name
                )


def test_forgotten_ticks_are_computed_anew() -> None:
    model, plan = tiny_model(), small_arrays()
    steps = EventSteps(model, PlanColumns(plan), 0)
    ask = np.zeros((3, EventRows(plan, 3).ask(np.zeros(3, np.int64)).shape[1]), np.int64)
    with torch.inference_mode():
        before = steps.stand(ask, np.array([5, 6, 5]))
        torch.testing.assert_close(before[0], before[2])
        for start in range(0, MOST_TICKS + 600, 300):
            steps.stand(ask[:1].repeat(300, 0), start + np.arange(300))
        assert len(steps._known) <= MOST_TICKS
        torch.testing.assert_close(steps.stand(ask, np.array([5, 6, 5])), before)


def test_the_window_is_that_of_training() -> None:
    assert window_of(tiny_model()) == DEFAULT_WINDOW
    model = load_event_model()
    assert model.info is not None
    assert window_of(model) == model.info.notes["window"] == 256
