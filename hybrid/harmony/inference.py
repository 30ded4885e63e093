"""The analyser's network in NumPy: what it does when it reads a score, without torch.

The same numbers as `hybrid.harmony.model` in evaluation mode (a test holds them together), but
ready in a fraction of the time that torch takes to load. Layers work on blocks of frames that
stay in the processor's cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.harmony.config import (
    MARGIN_FRAMES,
    MAX_PLACE,
    MIN_PLACE,
    N_BINS,
    N_TONICS,
    WINDOW_ABOVE,
    WINDOW_BELOW,
    WINDOW_FRAMES,
    HarmonyConfig,
    chord_parts,
)
from hybrid.harmony.features import N_PLACES, PieceArrays
from hybrid.harmony.graph import RELATIONS
from hybrid.harmony.labels import Vocabulary
from hybrid.harmony.weights import read_weights

Floats = NDArray[np.float32]
#: Frames in a block.
BLOCK_FRAMES = 32
MAX_THREADS = 4
# Abramowitz & Stegun (1964), 7.1.26: the error function to 1.5e-7.
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


class HarmonyNetwork:
    """Weights that read a piece.

    Parameters
    ----------
    config : HarmonyConfig
    vocabulary : Vocabulary
        The chords it can name.
    tensors : dict of str to np.ndarray
        As `hybrid.harmony.weights.read_weights` gives them.
    """

    def __init__(
        self, config: HarmonyConfig, vocabulary: Vocabulary, tensors: dict[str, Floats]
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.tensors = tensors
        self.chord_mode = np.array([chord.mode for chord in vocabulary.chords])
        parts = chord_parts(vocabulary)
        self._chords = sum(
            (tensors[f"chords.tables.{i}.weight"][column] for i, column in enumerate(parts)),
            np.zeros((1, 1), np.float32),
        )
        self._chord_bias = sum(
            (tensors[f"chords.biases.{i}.weight"][column, 0] for i, column in enumerate(parts)),
            np.zeros(1, np.float32),
        )

    @classmethod
    def load(cls, path: str | Path) -> HarmonyNetwork:
        """Read weights.

        Raises
        ------
        FormatError
            If the file is missing or is none of ours.
        """
        return cls(*read_weights(path))

    def read(self, arrays: PieceArrays) -> tuple[Floats, Floats, Floats]:
        """States and logits of a whole piece of T frames.

        Returns
        -------
        state : np.ndarray, shape (T, 12, D), float32
        key : np.ndarray, shape (T, 12, 2), float32
            Logits of the candidate tonics and modes.
        change : np.ndarray, shape (T, 2), float32
            Logits of a new chord and of a new key.
        """
        start = self._frames(self._notes(arrays), arrays)
        n = arrays.n_frames
        state = np.empty_like(start)

        def read_window(window: tuple[int, int, slice]) -> None:
            first, last, kept = window
            inner = slice(kept.start - first, kept.stop - first)
            state[kept] = self._sequence(start[first:last])[inner]

        # Windows know nothing of each other, and NumPy lets other threads run while it computes.
        with ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), MAX_THREADS)) as pool:
            list(pool.map(read_window, _windows(n)))
        state = self._norm(state, "norm")
        pooled = np.concatenate([state.mean(axis=1), state.max(axis=1)], axis=-1)
        return state, self._linear(state, "key"), self._linear(pooled, "change")

    def chord_log_probabilities(self, state: Floats, mode: NDArray[np.int64]) -> Floats:
        """Of every chord of the mode (...,) for candidate states (..., D): (..., V)."""
        hidden = _gelu(self._linear(state, "query.0"))
        logits = self._linear(hidden, "query.3") @ self._chords.T + self._chord_bias
        logits[mode[..., None] != self.chord_mode] = -1e9
        return log_softmax(logits)

    # Layers ---------------------------------------------------------------------------

    def _linear(self, x: Floats, name: str) -> Floats:
        out: Floats = x @ self.tensors[f"{name}.weight"].T
        bias = self.tensors.get(f"{name}.bias")
        if bias is not None:
            out += bias
        return out

    def _norm(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=-1, keepdims=True)
        scale = 1 / np.sqrt(np.einsum("...d,...d->...", x, x) / x.shape[-1] + 1e-5)
        x *= scale[..., None]
        x *= self.tensors[f"{name}.weight"]
        x += self.tensors[f"{name}.bias"]
        return x

    def _notes(self, arrays: PieceArrays) -> Floats:
        """Vectors of notes after the relational layers, shape (N, d)."""
        h = self._linear(arrays.note_floats, "notes.floats")
        for column in range(arrays.note_ints.shape[1]):
            h += self.tensors[f"notes.tables.{column}.weight"][arrays.note_ints[:, column]]
        for layer in range(self.config.note_layers):
            h = self._relate(h, arrays, f"notes.layers.{layer}")
        return self._norm(h, "notes.norm")

    def _relate(self, h: Floats, arrays: PieceArrays, name: str) -> Floats:
        n, size = h.shape
        x = self._norm(h, f"{name}.norm")
        total = np.zeros((n, size), np.float32)
        if len(arrays.source):
            kind = arrays.kind.astype(np.int64)
            relation = kind // (N_PLACES * 3)
            sent = self._linear(x, f"{name}.send").reshape(n * len(RELATIONS), size)
            message = sent[arrays.source.astype(np.int64) * len(RELATIONS) + relation]
            message *= 1 + self.tensors[f"{name}.gain.weight"][kind]
            message += self.tensors[f"{name}.shift.weight"][kind]
            slot = arrays.target.astype(np.int64) * len(RELATIONS) + relation
            count = np.maximum(np.bincount(slot, minlength=n * len(RELATIONS)), 1)
            message *= (1 / count)[slot, None].astype(np.float32)
            # Edges are sorted by target.
            total = _sums(message, arrays.target, n)
        h = h + _gelu(self._linear(x, f"{name}.stay") + total)
        x = _gelu(self._linear(self._norm(h, f"{name}.norm2"), f"{name}.widen"))
        return h + self._linear(x, f"{name}.narrow")

    def _frames(self, notes: Floats, arrays: PieceArrays) -> Floats:
        """Contract notes to frames and look at each from the twelve tonics: (T, 12, D)."""
        n = arrays.n_frames
        size = self.config.collect_size
        third = size // 3
        given = self._linear(notes, "give")[arrays.pair_note]  # (P, C)
        floats = arrays.pair_floats
        given[:, : size - 2 * third] *= floats[:, :1]
        given[:, size - 2 * third : size - third] *= floats[:, 1:2]
        given[:, size - third :] *= floats[:, 2:3]
        rows = np.concatenate([given, floats], axis=1)
        place = arrays.spelling[arrays.pair_note].astype(np.int64)
        place = np.clip(place, MIN_PLACE, MAX_PLACE) - MIN_PLACE
        slot = arrays.pair_frame.astype(np.int64) * N_BINS + place
        order = np.argsort(slot, kind="stable")
        bins = _sums(rows[order], slot[order], n * N_BINS)
        whole = self._linear(bins.reshape(n, N_BINS, -1).sum(axis=1), "whole")  # (T, D)
        window = np.arange(-WINDOW_BELOW, WINDOW_ABOVE + 1)
        tonics = arrays.tonics.astype(np.int64)
        out = np.empty((n, N_TONICS, self.config.frame_size), np.float32)
        for at in range(0, n, BLOCK_FRAMES):
            part = slice(at, min(at + BLOCK_FRAMES, n))
            index = np.clip(tonics[part, :, None] + window - MIN_PLACE, 0, N_BINS - 1)
            index += np.arange(part.start, part.stop)[:, None, None] * N_BINS
            seen = bins[index].reshape(part.stop - at, N_TONICS, -1)  # (t, 12, W C)
            h = self._linear(seen, "look") + whole[part, None, :]
            h += self.tensors["accent.weight"][arrays.frame_accent[part], None, :]
            out[part] = h + self._compare(h, "first")
        return out

    def _compare(self, x: Floats, name: str) -> Floats:
        """What each candidate takes from the others along the circle of fifths."""
        weight = self.tensors[f"{name}.weight"]  # (12, D)
        round_trip = np.concatenate([x, x[:, : N_TONICS - 1]], axis=1)
        out: Floats = x * weight[0]
        for step in range(1, N_TONICS):
            out += round_trip[:, step : step + N_TONICS] * weight[step]
        out += self.tensors[f"{name}.bias"]
        return out

    def _gated(self, x: Floats, name: str) -> Floats:
        x = x + self._compare(x, f"{name}.compare")
        value, gate = np.split(self._linear(x, f"{name}.widen"), 2, axis=-1)
        return self._linear(value * (gate / (1 + np.exp(-gate))), f"{name}.narrow")

    def _sequence(self, h: Floats) -> Floats:
        for number, word in enumerate(self.config.layers.split()):
            name = f"layers.{number}"
            h = self._attend(h, name) if word == "a" else self._convolve(h, name, int(word[1:]))
        return h

    def _convolve(self, h: Floats, name: str, dilation: int) -> Floats:
        time = self.tensors[f"{name}.time"]  # (kernel, D)
        reach = dilation * (len(time) // 2)
        t = len(h)
        padded = np.zeros((t + 2 * reach, *h.shape[1:]), np.float32)

        def norm(part: slice) -> Floats:
            return self._norm(h[part], f"{name}.norm")

        _by_blocks(norm, padded[reach : reach + t])

        def layer(part: slice) -> Floats:
            length = part.stop - part.start
            x = padded[part.start : part.start + length] * time[0]
            for tap in range(1, len(time)):
                at = part.start + tap * dilation
                x += padded[at : at + length] * time[tap]
            return h[part] + self._gated(x, name)

        return _by_blocks(layer, np.empty_like(h))

    def _attend(self, h: Floats, name: str) -> Floats:
        t, _, size = h.shape
        heads = self.config.heads
        attended = np.empty_like(h)
        turn = _angles(t, size // heads)
        for candidate in range(N_TONICS):
            x = self._norm(h[:, candidate], f"{name}.norm")
            qkv = self._linear(x, f"{name}.qkv").reshape(t, 3, heads, size // heads)
            q, k, v = qkv.transpose(1, 2, 0, 3)  # each (H, T, D / H)
            q = _rotate(q, turn) * np.float32((size // heads) ** -0.5)
            scores = q @ _rotate(k, turn).transpose(0, 2, 1)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            x = (scores @ v) / scores.sum(axis=-1, keepdims=True)
            attended[:, candidate] = x.transpose(1, 0, 2).reshape(t, size)

        def layer(part: slice) -> Floats:
            x = h[part] + self._linear(attended[part], f"{name}.out")
            return x + self._gated(self._norm(x, f"{name}.norm2"), name)

        return _by_blocks(layer, np.empty_like(h))


def log_softmax(x: Floats) -> Floats:
    """Log probabilities along the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return x


def _windows(n: int) -> list[tuple[int, int, slice]]:
    """First and last frame of each window, and the frames that are read from it."""
    size = min(WINDOW_FRAMES, n)
    starts = [0]
    while starts[-1] + size < n:
        starts.append(min(starts[-1] + WINDOW_FRAMES - 2 * MARGIN_FRAMES, n - size))
    # Each frame is read from the window in whose middle it lies best.
    edges = [0, *((a + b + size) // 2 for a, b in pairwise(starts)), n]
    return [
        (start, start + size, slice(edges[at], edges[at + 1])) for at, start in enumerate(starts)
    ]


def _by_blocks(layer: Callable[[slice], Floats], out: Floats) -> Floats:
    """Fill ``out`` block by block."""
    for at in range(0, len(out), BLOCK_FRAMES):
        part = slice(at, min(at + BLOCK_FRAMES, len(out)))
        out[part] = layer(part)
    return out


def _sums(rows: Floats, slot: NDArray[np.integer], n: int) -> Floats:
    """Sums of rows that share a slot, shape (n, C); slots ascend."""
    out = np.zeros((n, rows.shape[1]), np.float32)
    if len(rows):
        first = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
        out[slot[first]] = np.add.reduceat(rows, first, axis=0)
    return out


def _angles(t: int, size: int) -> tuple[Floats, Floats]:
    rate = 1.0 / 1000 ** (np.arange(0, size, 2) / size)
    angle = np.arange(t)[:, None] * rate  # (T, D / 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _rotate(x: Floats, turn: tuple[Floats, Floats]) -> Floats:
    cos, sin = turn
    out = np.empty(x.shape, np.float32)
    even, odd = x[..., 0::2], x[..., 1::2]
    out[..., 0::2] = even * cos - odd * sin
    out[..., 1::2] = even * sin + odd * cos
    return out


def _gelu(x: Floats) -> Floats:
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    total = np.full_like(t, _ERF[0])
    for coefficient in _ERF[1:]:
        total = total * t + np.float32(coefficient)
    erf = np.sign(x) * (1 - total * t * np.exp(-z * z))
    out: Floats = 0.5 * x * (1 + erf)
    return out
