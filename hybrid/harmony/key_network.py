"""A small network that hears keys only, over whole notes, in NumPy.

The analyser's network has 857,539 parameters and learns the keys of its training pieces by heart.
This one has 17,738, sees how much of each tonal pitch class sounds in every whole note, above and
in the bass, and no notes; so it hears long keys better and short ones not at all. Its
probabilities are averaged with the analyser's in long pieces (`hybrid.harmony.frame_scores`).
Twelve candidate tonics look at the same collection with the same weights, as there: a transposed
piece gives the same answer, moved. `hybrid.harmony.key_model` trains it; a test holds the two
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hybrid.core.errors import FormatError
from hybrid.harmony.config import N_TONICS
from hybrid.harmony.features import PieceArrays, candidate_tonics, centres
from hybrid.harmony.inference import log_softmax

Floats = NDArray[np.float32]
FORMAT = "hybrid-keys-1"
#: Frames (eighth notes) in a unit.
UNIT_FRAMES = 8
MIN_PLACE, MAX_PLACE = -28, 32  # bins of the line of fifths
WINDOW_BELOW, WINDOW_ABOVE = 9, 12  # places around a candidate tonic that it sees
N_INPUTS = 2 * (WINDOW_BELOW + WINDOW_ABOVE + 1)
DILATIONS = (1, 2, 4, 8)  # of the layers, in units
KERNEL = 5


def key_inputs(arrays: PieceArrays) -> tuple[Floats, NDArray[np.int64]]:
    """What the network reads of a piece of T frames, in U = ceil(T / 8) units.

    Returns
    -------
    collection : np.ndarray, shape (U, 12, 44), float32
        For each candidate tonic (column j has pitch class ``7 j mod 12``) the logs of how long
        each place around it sounds, and how long as the lowest note; the two stand side by side.
    accent : np.ndarray, shape (U,), int64
        Metrical strength of the unit's start.
    """
    n = -(-arrays.n_frames // UNIT_FRAMES)
    unit = arrays.pair_frame.astype(np.int64) // UNIT_FRAMES
    share = arrays.pair_floats[:, 0].astype(np.float64) / UNIT_FRAMES
    lowest = arrays.pair_floats[:, 2].astype(np.float64) / UNIT_FRAMES
    n_bins = MAX_PLACE - MIN_PLACE + 1
    place = np.clip(arrays.spelling[arrays.pair_note], MIN_PLACE, MAX_PLACE) - MIN_PLACE
    slot = unit * n_bins + place
    bins = np.stack(
        [np.bincount(slot, weight, n * n_bins).reshape(n, n_bins) for weight in (share, lowest)],
        axis=-1,
    )
    tonics = candidate_tonics(centres(arrays.spelling, arrays.pair_note, unit, share, n))
    seen = tonics[:, :, None] + np.arange(-WINDOW_BELOW, WINDOW_ABOVE + 1) - MIN_PLACE
    collection = np.log1p(2 * bins)[np.arange(n)[:, None, None], np.clip(seen, 0, n_bins - 1)]
    accent = arrays.frame_accent[::UNIT_FRAMES].astype(np.int64)
    return collection.reshape(n, N_TONICS, N_INPUTS).astype(np.float32), accent


@dataclass(frozen=True, eq=False)
class KeyNetwork:
    """Weights of one or more runs that hear keys.

    Attributes
    ----------
    runs : tuple of dict of str to np.ndarray
        Tensors of each run; the probabilities of all are averaged.
    """

    runs: tuple[dict[str, Floats], ...]

    @classmethod
    def load(cls, path: str | Path) -> KeyNetwork:
        """Read weights that `hybrid.harmony.key_model.save_keys` wrote.

        Raises
        ------
        FormatError
            If the file is missing or is none of ours.
        """
        try:
            with safe_open(str(path), "np") as file:
                metadata = file.metadata() or {}
                stacked = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise FormatError(f"{path} must be weights in safetensors: {error}") from error
        if metadata.get("format") != FORMAT:
            raise FormatError(
                f"{path} must be of the format {FORMAT}, got {metadata.get('format', 'none')!r}"
            )
        n = min(len(value) for value in stacked.values())
        return cls(
            tuple(
                {name: value[at].astype(np.float32) for name, value in stacked.items()}
                for at in range(n)
            )
        )

    def frame_keys(self, arrays: PieceArrays) -> Floats:
        """Log probabilities of the keys (candidate column times 2 plus mode), shape (T, 24).

        All frames of a unit have those of the unit.
        """
        collection, accent = key_inputs(arrays)
        parts = [log_softmax(_logits(run, collection, accent)) for run in self.runs]
        mean = np.logaddexp.reduce(np.stack(parts), axis=0) - np.float32(np.log(len(parts)))
        out: Floats = mean[np.arange(arrays.n_frames) // UNIT_FRAMES]
        return out


def _logits(run: dict[str, Floats], collection: Floats, accent: NDArray[np.int64]) -> Floats:
    """Of the keys in every unit, shape (U, 24)."""
    h = collection @ run["input.weight"].T + run["input.bias"]
    h += run["accent.weight"][accent][:, None]
    h += _around(h, run["circle"])
    t = len(h)
    for layer, dilation in enumerate(DILATIONS):
        name = f"layers.{layer}"
        reach = KERNEL // 2 * dilation
        padded = np.pad(_norm(h, run, f"{name}.norm"), ((reach, reach), (0, 0), (0, 0)))
        x = np.zeros_like(h)
        for tap in range(KERNEL):
            x += padded[tap * dilation : tap * dilation + t] * run[f"{name}.time"][tap]
        x += _around(x, run[f"{name}.circle"])
        x = x @ run[f"{name}.widen.weight"].T + run[f"{name}.widen.bias"]
        value, gate = np.split(x, 2, axis=-1)
        value = value * gate / (1 + np.exp(-gate))
        h = h + value @ run[f"{name}.narrow.weight"].T + run[f"{name}.narrow.bias"]
    h = _norm(h, run, "norm") @ run["key.weight"].T + run["key.bias"]
    return h.reshape(t, -1)


def _around(h: Floats, weights: Floats) -> Floats:
    """Each tonic adds up all, weighed by their distance along the circle of fifths."""
    column = np.arange(N_TONICS)
    table = weights[(column[None, :] - column[:, None]) % N_TONICS]  # to, from, channel
    mixed = table.transpose(2, 0, 1) @ h.transpose(2, 1, 0)  # channel, to, unit
    out: Floats = mixed.transpose(2, 1, 0)
    return out


def _norm(h: Floats, run: dict[str, Floats], name: str) -> Floats:
    h = h - h.mean(axis=-1, keepdims=True)
    h /= np.sqrt(np.square(h).mean(axis=-1, keepdims=True) + 1e-5)
    out: Floats = h * run[f"{name}.weight"] + run[f"{name}.bias"]
    return out
