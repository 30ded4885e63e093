"""Which style of production is heard: a linear classifier of simple features of a sound.

It hears a sound beside the plain render of the large SoundFont, which the targets are made of:
without that, instruments and notes outweigh the production. It is trained on targets of the
training set, and says little unless it is right about targets of other pieces. Features are
statistics of mel bands that do not follow level: timbre, how fast bands fall, their softest
level against their mean (room, hiss), and how wide they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.metrics.audio_spectra import mel_filters, spectra

_N_FFT, _HOP, _BANDS = 2048, 512, 24
_LAG = 8  # frames over which the fall of a band is looked at: 93 ms
_PENALTY = 3e-3


def features(audio: Audio) -> NDArray[np.float64]:
    """Features of a sound by itself, shape (D,)."""
    left, right = audio.samples[0], audio.samples[-1]
    sides = np.stack([(left + right) / 2, (left - right) / 2])
    filters = mel_filters(audio.sample_rate, _N_FFT, _BANDS).T
    parts = [
        np.square(np.abs(part) * (2 / _N_FFT)) @ filters for part in spectra(sides, _N_FFT, _HOP)
    ]
    power = np.maximum(np.concatenate(parts, axis=1), 1e-11)  # (2, T, bands)
    levels = 10 * np.log10(power)
    mean = levels.mean(axis=1)  # (2, bands)
    whole = 10 * np.log10(power[0].mean(axis=0))  # of the mid
    moved = levels[0, _LAG:] - levels[0, :-_LAG]
    rows = [
        mean[0] - mean[0].mean(),
        mean[1] - mean[0],
        np.percentile(levels[0], 2, axis=0) - mean[0],
        np.percentile(levels[0], 15, axis=0) - mean[0],
        np.percentile(levels[0], 98, axis=0) - mean[0],
        np.percentile(levels[1], 2, axis=0) - mean[0],
        np.percentile(moved, 5, axis=0),
        np.percentile(moved, 30, axis=0),
        np.percentile(moved, 97, axis=0),
        whole - whole.max(),
        [np.corrcoef(left, right)[0, 1] if left.any() and right.any() else 1.0],
    ]
    made: NDArray[np.float64] = np.concatenate([np.asarray(row, np.float64) for row in rows])
    return made


def features_beside(audio: Audio, plain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features of a sound and how they differ from those of the plain render, shape (2 D,)."""
    own = features(audio)
    return np.concatenate([own - plain, own])


@dataclass(frozen=True, eq=False)
class StyleClassifier:
    """Multinomial logistic regression on standardised features.

    Attributes
    ----------
    names : tuple of str
    centre, scale : np.ndarray, shape (D,)
    weights : np.ndarray, shape (D + 1, styles)
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.float64], styles: Sequence[str]) -> StyleClassifier:
        """Learn from features (N, D) and the style of each; a convex problem, no chance in it."""
        from scipy.optimize import minimize

        names = tuple(sorted(set(styles)))
        centre, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
        given = _with_one((rows - centre) / scale)
        wanted = np.eye(len(names))[[names.index(style) for style in styles]]
        shape = (given.shape[1], len(names))

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = flat.reshape(shape)
            logits = given @ weights
            logits -= logits.max(axis=1, keepdims=True)
            logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            slope = given.T @ (np.exp(logs) - wanted) / len(given) + 2 * _PENALTY * weights
            value = -(wanted * logs).sum() / len(given) + _PENALTY * np.square(weights).sum()
            return float(value), slope.ravel()

        found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B")
        return cls(names, centre, scale, found.x.reshape(shape))

    def __call__(self, rows: NDArray[np.float64]) -> list[str]:
        """The likeliest style of each row of features (N, D)."""
        logits = _with_one((rows - self.centre) / self.scale) @ self.weights
        return [self.names[at] for at in logits.argmax(axis=1).tolist()]


def _with_one(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
