"""Which beats begin bars, and how many beats a bar has.

A bar tends to begin where the bass enters, where the harmony changes and where much begins. For
bars of two, three and four beats a path through the places of the bar is looked for that lays
most of this on first beats; a path may leave out or repeat a beat now and then, at a price. The
metre whose first beats stand out most from chance is taken; it holds for the whole sound.

References
----------
Goto, M. (2001). An audio-based real-time beat tracking system for music with or without
drum-sounds. Journal of New Music Research, 30(2), 159-171. (chord changes tell bar lines)
Klapuri, A., Eronen, A., & Astola, J. (2006). Analysis of the meter of acoustic musical signals.
IEEE TASLP, 14(1), 342-355.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid.transcription.beats import BeatSettings, onset_strength, rises, track_beats
from hybrid.transcription.features import BINS_A_SEMITONE, FRAME_RATE, LOWEST, N_BINS

Floats = NDArray[np.float64]
#: What a bar of so many beats is worth beforehand.
METRES = {2: -0.4, 3: 0.0, 4: 0.4}
#: Keys up to G2 count as bass: a bass drum does, a snare does not.
_BASS_BINS = BINS_A_SEMITONE * (43 - LOWEST)
_SLIP = 4.0
_WEIGHTS = (1.0, 1.0, 0.25)  # bass, harmony, onsets
_NOTHING = np.zeros(0)


@dataclass(frozen=True, eq=False)
class Bars:
    """Bar lines of a sound.

    Attributes
    ----------
    beats : np.ndarray, shape (N,), float64
        Times of the beats in seconds.
    places : np.ndarray, shape (N,), int64
        Of each beat in its bar; 0 begins one.
    n_beats : int
        In a bar: 2, 3 or 4.
    worth : mapping of int to float
        How far the first beats of each metre stand out, in standard errors; empty where too
        few beats were heard to tell. Where the best is not 1 ahead the metre is a guess.
    """

    beats: Floats
    places: NDArray[np.int64]
    n_beats: int
    worth: Mapping[int, float] = field(default_factory=dict)

    @property
    def first_beats(self) -> Floats:
        """Times at which bars begin."""
        found: Floats = self.beats[self.places == 0]
        return found


class BarEar:
    """Listens to a sound piece by piece, then says its beats and bars.

    It keeps fourteen numbers a frame, 5 kB a second.
    """

    def __init__(self) -> None:
        self._before = np.zeros((2, N_BINS), np.uint8)
        self._parts: list[tuple[Floats, Floats, Floats]] = []

    def add(self, pictures: NDArray[np.uint8]) -> None:
        """Hear the next frames: both pictures of `hybrid.transcription.features.levels`."""
        sharp, quick = pictures
        low = slice(0, _BASS_BINS + 2)
        self._parts.append(
            (rises(quick, self._before), rises(quick[:, low], self._before[:, low]), chroma(sharp))
        )
        self._before = np.concatenate([self._before, quick])[-2:]

    def strength(self) -> Floats:
        """`hybrid.transcription.beats.onset_strength` of all that was heard."""
        return onset_strength(np.concatenate([rise for rise, _, _ in self._parts] or [_NOTHING]))

    def bars(self, settings: BeatSettings | None = None) -> Bars:
        """Beats and bar lines; with fewer than eight beats, bars of four from the first on."""
        strength = self.strength()
        beats = track_beats(strength, settings)
        if len(beats) < 8:
            return Bars(beats, np.arange(len(beats)) % 4, 4)
        bass = onset_strength(np.concatenate([low for _, low, _ in self._parts]))
        harmony = np.concatenate([rows for _, _, rows in self._parts])
        evidence = _evidence(beats, strength, bass, harmony)
        worth = {n: _standing_out(evidence, n) + before for n, before in METRES.items()}
        n_beats = max(worth, key=worth.__getitem__)
        return Bars(beats, _places(evidence, n_beats), n_beats, worth)


def chroma(levels: NDArray[np.uint8]) -> Floats:
    """How loud each pitch class is, (T, 12), from the sharp picture, (T, 306), uint8."""
    n_keys = levels.shape[1] // BINS_A_SEMITONE
    # Thirds of a semitone to either side belong to the key in the middle.
    middle = levels[:, : n_keys * BINS_A_SEMITONE : BINS_A_SEMITONE].astype(np.float64)
    loud = 10 ** ((middle - 255) * (102 / 255) / 40)
    classes = (LOWEST + np.arange(n_keys)) % 12
    made: Floats = np.stack([loud[:, classes == at].sum(axis=1) for at in range(12)], axis=1)
    return made


def by_beat(rows: Floats, beats: Floats) -> Floats:
    """Means of rows (T, D) from each beat to the next, (N, D), each of length 1."""
    edges = np.append(np.round(beats * FRAME_RATE).astype(int), len(rows))
    means = np.array(
        [
            rows[min(first, len(rows) - 1) : max(first + 1, last)].mean(axis=0)
            for first, last in itertools.pairwise(edges)
        ]
    )
    size = np.linalg.norm(means, axis=1, keepdims=True)
    result: Floats = means / np.maximum(size, 1e-9)
    return result


def _evidence(beats: Floats, strength: Floats, bass: Floats, harmony: Floats) -> Floats:
    """How much each beat sounds like the first of a bar, mean 0 and deviation about 1."""
    rows = by_beat(harmony, beats)
    change = np.zeros(len(beats))
    change[1:] = 1 - (rows[1:] * rows[:-1]).sum(axis=1)
    at = np.round(beats * FRAME_RATE).astype(int)
    low, all_ = (
        np.array([curve[max(0, beat - 3) : beat + 5].max(initial=0.0) for beat in at])
        for curve in (bass, strength)
    )
    total = np.zeros(len(beats))
    for weight, row in zip(_WEIGHTS, (low, change, all_), strict=True):
        spread = float(row.std())
        if spread > 1e-9:
            total += weight * np.clip((row - row.mean()) / spread, -2, 2)
    spread = float(total.std())
    result: Floats = total / spread if spread > 1e-9 else total
    return result


def _places(evidence: Floats, n_beats: int) -> NDArray[np.int64]:
    """The best path through the places of a bar."""
    worth = np.full((len(evidence), n_beats), 0.0)
    worth[:, 0] = evidence
    total = worth[0].copy()
    back = []
    for row in worth[1:]:
        ways = np.full((n_beats, n_beats), -_SLIP)  # from, to
        ways[np.arange(n_beats), (np.arange(n_beats) + 1) % n_beats] = 0.0
        ways = ways + total[:, None]
        back.append(ways.argmax(axis=0))
        total = ways.max(axis=0) + row
    path = [int(total.argmax())]
    for chosen in reversed(back):
        path.append(int(chosen[path[-1]]))
    return np.array(path[::-1])


def _standing_out(evidence: Floats, n_beats: int) -> float:
    """Mean evidence of first beats in standard errors of a mean of so many beats."""
    first = evidence[_places(evidence, n_beats) == 0]
    return float(first.sum() / np.sqrt(max(1, len(first))))
