"""The bodies of the groove model, one step at a time, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.drums.config import DrumConfig

Array = NDArray[np.float32]
_EPSILON = np.float32(1e-6)
_GELU = np.float32(np.sqrt(2 / np.pi))
_CUBE = np.float32(0.044715)
_HALF = np.float32(0.5)
_BASE = 10000.0


class Body(Protocol):
    """Something that remembers the steps it has seen."""

    def forget(self) -> None:
        """Begin as if nothing had been seen."""

    def step(self, x: Array) -> Array:
        """State, shape (width,), after one more step."""
        ...


class Attention:
    """The transformer. Keys and values of past steps are kept in a buffer of fixed size."""

    def __init__(self, config: DrumConfig, arrays: Mapping[str, Array]) -> None:
        self.config = config
        self._layers = [
            tuple(
                arrays[f"body.{part.replace('#', str(number))}"]
                for part in (
                    "norms_in.#.weight",
                    "qkv.#.weight",
                    "out.#.weight",
                    "norms_mid.#.weight",
                    "up.#.weight",
                    "up.#.bias",
                    "down.#.weight",
                    "down.#.bias",
                )
            )
            for number in range(config.layers)
        ]
        self._last = arrays["body.norm_out.weight"]
        width = config.width // config.heads
        self._rates = _BASE ** (-np.arange(0, width, 2) / width)
        self._scale = np.float32(width**-0.5)
        # Twice the window, so that the past is moved only once in so many steps.
        self._room = 2 * config.window
        self._kept = np.zeros((config.layers, 2, config.heads, self._room, width), np.float32)
        self.forget()

    def forget(self) -> None:
        self._filled = 0
        self._position = 0

    def step(self, x: Array) -> Array:
        config = self.config
        if self._filled == self._room:
            keep = config.window - 1
            self._kept[:, :, :, :keep] = self._kept[:, :, :, self._room - keep :].copy()
            self._filled = keep
        at = self._filled
        low = max(0, at + 1 - config.window)
        angles = self._position * self._rates
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        half = len(self._rates)
        # Rotation of the two halves of a vector against each other, as one product each.
        cosines, sines = np.concatenate([cos, cos]), np.concatenate([-sin, sin])
        for number, (norm, qkv, out, middle, up, up_bias, down, down_bias) in enumerate(
            self._layers
        ):
            # (3, H, D / H)
            whole = (qkv @ rms_norm(x, norm)).reshape(3, config.heads, 2 * half)
            both = whole[:2]
            turned = both * cosines + np.roll(both, half, axis=2) * sines
            keys, values = self._kept[number]
            keys[:, at], values[:, at] = turned[1], whole[2]
            # (H, past, D / H) @ (H, D / H, 1)
            match = (keys[:, low : at + 1] @ turned[0][:, :, None])[:, :, 0] * self._scale
            match = np.exp(match - match.max(1, keepdims=True))
            match /= match.sum(1, keepdims=True)
            x = x + out @ (match[:, None] @ values[:, low : at + 1]).reshape(-1)
            x = x + down @ gelu(up @ rms_norm(x, middle) + up_bias) + down_bias
        self._filled += 1
        self._position += 1
        return rms_norm(x, self._last)


class Recurrent:
    """The GRU."""

    def __init__(self, config: DrumConfig, arrays: Mapping[str, Array]) -> None:
        self._layers = [
            tuple(
                arrays[f"body.gru.{part}_l{number}"]
                for part in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
            )
            for number in range(config.layers)
        ]
        self._last = arrays["body.norm_out.weight"]
        self._states = np.zeros((config.layers, config.width), dtype=np.float32)

    def forget(self) -> None:
        self._states[:] = 0

    def step(self, x: Array) -> Array:
        width = self._states.shape[1]
        inner = x
        for number, (weight_in, bias_in, weight_state, bias_state) in enumerate(self._layers):
            state = self._states[number]
            given = weight_in @ inner + bias_in
            kept = weight_state @ state + bias_state
            gates = 1 / (1 + np.exp(-(given[: 2 * width] + kept[: 2 * width])))
            reset, update = gates[:width], gates[width:]
            new = np.tanh(given[2 * width :] + reset * kept[2 * width :])
            inner = new + update * (state - new)
            self._states[number] = inner
        return rms_norm(x + inner, self._last)


def make_body(config: DrumConfig, arrays: Mapping[str, Array]) -> Body:
    """The body of a configuration."""
    if config.body == "gru":
        return Recurrent(config, arrays)
    return Attention(config, arrays)


def rms_norm(x: Array, weight: Array) -> Array:
    """``x`` at unit root mean square, times ``weight``."""
    result: Array = x * (weight / np.sqrt((x @ x) / np.float32(len(x)) + _EPSILON))
    return result


def gelu(x: Array) -> Array:
    """The usual approximation by a hyperbolic tangent."""
    result: Array = _HALF * x * (1 + np.tanh(_GELU * (x + _CUBE * (x * x * x))))
    return result
