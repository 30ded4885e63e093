"""How likely the event model finds notes that stand in a score, under its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_columns import read_events
from hybrid.symbolic_transformer.event_parts import seat_plan
from hybrid.symbolic_transformer.event_scores import read_given, unit_of
from hybrid.symbolic_transformer.events import encode_events
from hybrid.symbolic_transformer.tables import PlanArrays, ScoreArrays

if TYPE_CHECKING:
    from hybrid.symbolic_transformer.event_model import EventTransformer

#: Events that the model sees at once, as in training, and has before those it judges.
WINDOW, LOOK_BACK = 512, 256
#: Parts of a note that say what it is; velocity and timing say how it is played.
WEIGHED = ("place", "track", "pitch", "duration")


def note_log_probabilities(
    model: EventTransformer,
    arrays: PlanArrays,
    notes: NDArray[Any],
    style: str,
    span: tuple[int, int] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ticks (1/24 quarter) of the notes that begin in a span, and their log probabilities in nats.

    Parameters
    ----------
    model : EventTransformer
    arrays : PlanArrays
    notes : np.ndarray of `tables.NOTE_DTYPE`
        On the model's tracks.
    style : str
    span : (int, int), optional
        Ticks of 1/24 quarter; the whole piece where left out.

    Notes
    -----
    Each note is judged with `LOOK_BACK` events or more before it, where there are so many.
    """
    import torch

    from hybrid.symbolic_transformer.event_model import STYLES, part_losses
    from hybrid.symbolic_transformer.pools import EventPool

    events = encode_events(ScoreArrays(arrays.length, notes, arrays.bars), arrays)
    columns = read_events(events, arrays)
    # The parts at position i are those of the event after it; where that is a note it counts.
    ticks = np.append(columns.tick[1:], arrays.length).astype(np.int64)
    wanted = columns.parts[:, 2] > 0
    if span is not None:
        wanted = wanted & (ticks >= span[0]) & (ticks < span[1])
    places = np.flatnonzero(wanted)
    if not len(places):
        return ticks[:0], np.empty(0)
    pool = EventPool([columns], STYLES.index(style), torch.device("cpu"))
    nats = np.zeros(len(ticks))
    still = torch.zeros(1, dtype=torch.int64)
    model.eval()
    at = int(places[0])
    with torch.inference_mode():
        while at <= places[-1]:
            first = max(0, at - LOOK_BACK)
            window = min(WINDOW, int(places[-1]) + 1 - first)
            batch = pool.excerpts(still, still + first, window, still)
            logits = model(batch.read, batch.ask, batch.parts, batch.tick, batch.style)
            losses = part_losses(logits, batch.parts, batch.floor, batch.valid)
            own = torch.stack([losses[name] for name in WEIGHED]).sum(0)[0].double().numpy()
            nats[at : first + window] = -own[at - first :]
            at = first + window
    return ticks[places], nats[places]


def mean_log_probability(
    model: EventTransformer, plan: FormPlan, score: Score, span: tuple[int, int]
) -> float | None:
    """Mean log probability of the notes that begin in a span of the score, nats a note.

    Returns
    -------
    float or None
        None where no note begins there.

    Raises
    ------
    PlanError
        If the score has not the plan's tracks.
    """
    from hybrid.symbolic_transformer.threads import one_thread

    arrays, seating = plan_arrays(plan), seat_plan(plan)
    given = read_given(score, plan, seating)
    unit = unit_of(score)
    low, high = -(-span[0] // unit), -(-span[1] // unit)
    with one_thread():
        _, nats = note_log_probabilities(model, arrays, given.notes, seating.style, (low, high))
    return float(nats.mean()) if len(nats) else None
