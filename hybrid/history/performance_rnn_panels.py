"""Performance RNN made visible: the stream of events, and how the chances divide at each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid.history.learning_curve import learning_curve
from hybrid.history.panels import MAX_STEPS, Bars, Curve, Machine, Step, Text
from hybrid.history.performance_events import (
    STEP_MS,
    TIME_SHIFT,
    VELOCITY,
    decode,
    event_name,
)
from hybrid.history.performance_rnn import STROKE_MS, tick_of
from hybrid.history.performance_rnn_model import Choice, Played
from hybrid.symbolic_transformer.drums.kit import DRUMS, N_DRUMS

#: Events of the list that are shown before the one at work.
BEFORE = 10
#: Points of the curve of surprise: means over so many events.
MEAN_OVER = 16


def told(choice: Choice) -> str:
    """An event in one line."""
    others = ", ".join(f"{event_name(other)} {chance:.2f}" for other, chance in choice.others)
    return f"{event_name(choice.event)} ({choice.chance:.2f}; {others})"


class Stage:
    """Panels and steps of a performance.

    Parameters
    ----------
    played : Played
    qpm : float
        Quarters a minute of the score.
    notes : mapping
        Of the training, as in the file of weights.
    """

    def __init__(self, played: Played, qpm: float, notes: Mapping[str, Any]) -> None:
        self.played, self.qpm = played, qpm
        self.stream = Text(
            "events",
            "The stream of events",
            "The last events, each with its chance and the likeliest others; the one at work is "
            "lit.",
        )
        self.kinds = Bars(
            "chances",
            "How the chances divide",
            "Chances of the next event by kind: each drum, any wait, any change of loudness.",
            labels=(*DRUMS, "wait", "velocity"),
        )
        losses = -np.log([choice.chance for choice in played.choices])
        groups = [losses[at : at + MEAN_OVER] for at in range(0, len(losses), MEAN_OVER)]
        places = tuple(float(min(len(losses), (n + 1) * MEAN_OVER)) for n in range(len(groups)))
        self.surprise = Curve(
            "surprise",
            "Surprise at each event",
            "Mean nats of surprise at the events, the primer's first, then the network's own.",
            x_name="event",
            y_name="nats",
            series=(("surprise", places, tuple(float(group.mean()) for group in groups)),),
        )
        self.training = learning_curve(
            "Nats for each event while training, of performances learnt from and of those for "
            "validation, with a model that only counts, on the latter.",
            notes["curve"],
            notes["counted_valid"],
        )
        self.last_update = float(notes["curve"]["update"][-1])

    def machine(self) -> Machine:
        """A step for each stroke."""
        choices = self.played.choices
        steps: list[Step] = []
        strokes = list(decode(self.played.events))[:MAX_STEPS]
        first = 0
        for place, (step, drum, velocity) in strokes:
            choice = choices[place]
            begin = max(0, min(first, place - BEFORE))
            lines = [told(other) for other in choices[begin : place + 1]]
            kind = drum if choice.event < TIME_SHIFT else N_DRUMS + (choice.event >= VELOCITY)
            states = {
                "events": self.stream.say(lines, range(first - begin, len(lines))),
                "chances": self.kinds.show(choice.kinds, chosen=kind),
                "surprise": self.surprise.at(place + 1),
            }
            if not steps:
                states["training"] = self.training.at(self.last_update)
            who = "The drummer plays" if choice.is_given else "The network plays"
            tick = tick_of(step, self.qpm)
            steps.append(
                Step(
                    f"{who} {DRUMS[drum]} at {step * STEP_MS / 1000:.2f} s, velocity {velocity}.",
                    states,
                    tick,
                    tick + max(1, tick_of(STROKE_MS // STEP_MS, self.qpm)),
                )
            )
            first = place + 1
        return Machine((self.stream, self.kinds, self.surprise, self.training), tuple(steps))
