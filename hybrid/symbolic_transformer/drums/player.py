"""The groove model played step by step, in NumPy.

A step is a few products of small matrices: a hundred bars are played in less time than torch
needs to be imported. The tests hold the results against `DrumModel`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.drums.conditions import COLUMNS
from hybrid.symbolic_transformer.drums.config import STEP_FEATURES
from hybrid.symbolic_transformer.drums.grid import (
    N_TIMINGS,
    STEP_UNITS,
    TIMING_VALUES,
    TIMING_WIDTH,
    VELOCITY_VALUES,
    VELOCITY_WIDTH,
)
from hybrid.symbolic_transformer.drums.kit import N_DRUMS
from hybrid.symbolic_transformer.drums.stepping import Array, gelu, make_body
from hybrid.symbolic_transformer.drums.weights import Weights

#: Random numbers that every step takes, whatever is played, so that a stroke that is given
#: leaves the rest as it was: hit, velocity, timing, and where in their bins, of nine drums.
DRAWS = (5, N_DRUMS)


class Step:
    """Strokes of one step: hits, velocities 1..127, timings -60..59, each of shape (9,)."""

    __slots__ = ("features", "hits", "timings", "velocities")

    def __init__(self) -> None:
        self.hits = np.zeros(N_DRUMS, dtype=np.bool_)
        self.velocities = np.zeros(N_DRUMS, dtype=np.int16)
        self.timings = np.zeros(N_DRUMS, dtype=np.int16)
        #: What the model reads of it, shape (27,).
        self.features = np.zeros(STEP_FEATURES, dtype=np.float32)

    def put(self, drum: int, velocity: int, timing: int) -> None:
        """Add a stroke."""
        self.hits[drum] = True
        self.velocities[drum], self.timings[drum] = velocity, timing
        at = (timing + STEP_UNITS // 2) // TIMING_WIDTH
        self.features[drum] = 1.0
        self.features[N_DRUMS + drum] = VELOCITY_VALUES[velocity // VELOCITY_WIDTH]
        self.features[2 * N_DRUMS + drum] = TIMING_VALUES[at]


class Player:
    """State of the model while it plays.

    Parameters
    ----------
    weights : Weights
    """

    def __init__(self, weights: Weights) -> None:
        self.config = weights.config
        self._arrays = arrays = weights.arrays
        self._body = make_body(weights.config, arrays)
        self._tables = [arrays[f"tables.{name}.weight"] for name in COLUMNS]
        self._forms: dict[tuple[int, ...], Array] = {}

    def forget(self) -> None:
        """Begin as if nothing had been played."""
        self._body.forget()

    def state(
        self, inputs: Array, conditions: tuple[int, ...], position: int, tempo: float
    ) -> Array:
        """State after one more step; arguments as one step of `DrumModel.states`."""
        arrays = self._arrays
        x = arrays["strokes.weight"] @ inputs
        x += arrays["position.weight"][position]
        x += self._conditions(conditions, tempo)
        return self._body.step(x)

    def _conditions(self, conditions: tuple[int, ...], tempo: float) -> Array:
        """What conditions and tempo add to a step, and the biases; the same for whole bars."""
        key = (*conditions, round(tempo * 1e6))
        found = self._forms.get(key)
        if found is None:
            arrays = self._arrays
            found = arrays["strokes.bias"] + arrays["tempo.bias"]
            for table, value in zip(self._tables, conditions, strict=True):
                found = found + table[value]
            found = found + arrays["tempo.weight"] @ np.array([tempo, tempo**2], np.float32)
            self._forms[key] = found
        return found

    def play(
        self,
        state: Array,
        draws: NDArray[np.float64],
        temperature: float = 1.0,
        given: Step | None = None,
    ) -> Step:
        """Draw the strokes of a step.

        Parameters
        ----------
        state : np.ndarray, shape (width,)
        draws : np.ndarray, shape `DRAWS`
            Uniform in [0, 1).
        temperature : float
            Of hits; below 1 plays what is likely. Velocities and timings are drawn as they are.
        given : Step, optional
            Hits that are settled; velocities and timings are drawn for them.
        """
        step = Step()
        hits = given.hits if given is not None else self._hits(state, draws[0], temperature)
        if not hits.any():
            return step
        self._shade(step, state, hits, draws)
        return step

    def _hits(
        self, state: Array, draws: NDArray[np.float64], temperature: float
    ) -> NDArray[np.bool_]:
        """Which drums are hit, each knowing those before it.

        All drums are asked at once as if no other were hit; only after a hit are those that
        follow it asked again. That is the same as asking one by one, and most steps are done
        with one or two questions.
        """
        arrays = self._arrays
        inner = arrays["hit.state.weight"] @ state + arrays["hit.state.bias"] + arrays["hit.own"]
        readout, bias = arrays["hit.readout"][:, 0], arrays["hit.bias"][:, 0]
        # A drum is hit where its draw is below its probability, its logit above this.
        bounds = temperature * (np.log(np.maximum(draws, 1e-300)) - np.log1p(-draws))
        hits = np.zeros(N_DRUMS, dtype=np.bool_)
        first = 0
        while first < N_DRUMS:
            logits = (gelu(inner[first:]) * readout[first:]).sum(1) + bias[first:]
            struck = np.flatnonzero(logits > bounds[first:])
            if not len(struck):
                break
            drum = first + int(struck[0])
            hits[drum] = True
            inner += arrays["hit_of_hit"][drum]
            first = drum + 1
        return hits

    def _shade(
        self, step: Step, state: Array, hits: NDArray[np.bool_], draws: NDArray[np.float64]
    ) -> None:
        """Velocity and timing of the drums that are hit."""
        arrays = self._arrays
        played = np.flatnonzero(hits)
        loud = arrays["velocity.state.weight"] @ state + arrays["velocity.state.bias"]
        loud = loud + arrays["velocity_of_hit"][played].sum(0)
        late = arrays["timing.state.weight"] @ state + arrays["timing.state.bias"]
        late = late + arrays["timing_of_hit"][played].sum(0)
        last = N_TIMINGS
        for drum in played:
            logits = (
                arrays["velocity.readout"][drum] @ gelu(loud + arrays["velocity.own"][drum])
                + arrays["velocity.bias"][drum]
            )
            bin_ = _pick(logits, draws[1, drum])
            velocity = max(1, bin_ * VELOCITY_WIDTH + int(draws[3, drum] * VELOCITY_WIDTH))
            value = VELOCITY_VALUES[bin_]
            loud = loud + value * arrays["velocity_of_velocity"][drum]
            inner = (
                late
                + arrays["timing.own"][drum]
                + value * arrays["timing_of_velocity"]
                + arrays["timing_of_last.weight"][last]
            )
            last = _pick(
                arrays["timing.readout"][drum] @ gelu(inner) + arrays["timing.bias"][drum],
                draws[2, drum],
            )
            timing = last * TIMING_WIDTH + int(draws[4, drum] * TIMING_WIDTH) - STEP_UNITS // 2
            step.put(int(drum), velocity, timing)


def _pick(logits: Array, draw: Any) -> int:
    """The bin in which ``draw`` falls."""
    shares = np.exp((logits - logits.max()).astype(np.float64)).cumsum()
    return min(int(np.searchsorted(shares, draw * shares[-1], side="right")), len(logits) - 1)
