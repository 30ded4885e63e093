"""From what the network hears at every moment to notes, a stretch of time after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.transcription.features import FRAME_RATE, LOWEST, N_KEYS
from hybrid.transcription.notes import DRUMS, sorted_notes

_DRUM_SECONDS = 0.1  # length that is written for a drum
_SHORTEST = 3  # frames


@dataclass(frozen=True)
class Thresholds:
    """From which probability on something counts, 0..1.

    Attributes
    ----------
    onset, sounding, end, drums : float
        A note begins; still sounds; ends; a drum is struck.

    Raises
    ------
    ConfigError
        If one is not between 0 and 1.
    """

    onset: float = 0.6
    sounding: float = 0.6
    end: float = 0.7
    drums: float = 0.4

    def __post_init__(self) -> None:
        for name in ("onset", "sounding", "end", "drums"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ConfigError(f"{name} must be between 0 and 1, got {getattr(self, name)}")


class NoteDecoder:
    """Takes probabilities piece by piece; `finish` gives the notes.

    A note begins where the onset's probability has a peak over its threshold, between frames at
    the tip of a parabola through the peak. It ends where the next one of its key begins, an end is
    probable, or it no longer sounds.
    """

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self._rows: list[tuple[float, float, int, int, bool]] = []
        self._frame = 0  # number of the middle one of the three frames that are held
        self._held: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self._onset = np.full(N_KEYS, -1.0)  # frames; -1: no note is open
        self._velocity = np.zeros(N_KEYS, np.int64)

    def add(self, keys: NDArray[Any], drums: NDArray[Any]) -> None:
        """Take the next frames.

        Parameters
        ----------
        keys : np.ndarray, shape (4, T, 88)
            Probabilities of onset, sounding and end; velocities, 1 for 127.
        drums : np.ndarray, shape (8, T)
            Probabilities of onsets.
        """
        if not self._held and keys.shape[1]:
            # Before the beginning nothing is struck.
            self._held.append((np.zeros_like(keys[:, 0]), np.zeros_like(drums[:, 0])))
            self._frame = -1
        for at in range(keys.shape[1]):
            self._next(keys[:, at], drums[:, at])

    def finish(self) -> NDArray[Any]:
        """All notes, `hybrid.transcription.notes.HEARD_DTYPE`."""
        if self._held:
            # Something silent after the last frame, so that this one is looked at too.
            self._next(np.zeros_like(self._held[-1][0]), np.zeros_like(self._held[-1][1]))
        for key in np.flatnonzero(self._onset >= 0).tolist():
            self._close(key, float(self._frame))
        self._held, self._frame = [], 0
        rows, self._rows = self._rows, []
        return sorted_notes(rows)

    def _next(self, keys: NDArray[Any], drums: NDArray[Any]) -> None:
        self._held.append((keys, drums))
        self._frame += 1
        if len(self._held) < 3:
            return
        (before, before_drums), (now, now_drums), (after, after_drums) = self._held
        frame = self._frame - 1
        limits = self.thresholds
        struck = (now[0] >= limits.onset) & (now[0] > before[0]) & (now[0] >= after[0])
        silent = (now[1] < limits.sounding) | (now[2] >= limits.end)
        since = frame - self._onset
        over = (self._onset >= 0) & ~struck & silent & (since >= _SHORTEST)
        for key in np.flatnonzero(over).tolist():
            self._close(key, float(frame))
        for key in np.flatnonzero(struck).tolist():
            tip = frame + _tip(before[0, key], now[0, key], after[0, key])
            if self._onset[key] >= 0:
                if tip - self._onset[key] < _SHORTEST:
                    continue
                self._close(key, tip)
            self._onset[key] = max(0.0, tip)
            self._velocity[key] = np.clip(round(127 * float(now[3, key])), 1, 127)
        hit = (now_drums >= limits.drums) & (now_drums > before_drums) & (now_drums >= after_drums)
        for drum in np.flatnonzero(hit).tolist():
            tip = frame + _tip(before_drums[drum], now_drums[drum], after_drums[drum])
            start = max(0.0, tip) / FRAME_RATE
            self._rows.append((start, start + _DRUM_SECONDS, DRUMS[drum][1][0], 96, True))
        del self._held[0]

    def _close(self, key: int, frame: float) -> None:
        onset = self._onset[key]
        end = max(frame, onset + 1)
        self._rows.append(
            (onset / FRAME_RATE, end / FRAME_RATE, LOWEST + key, int(self._velocity[key]), False)
        )
        self._onset[key] = -1.0


def _tip(before: float, now: float, after: float) -> float:
    """Where a parabola through three values in a row is highest, from the middle one: -0.5..0.5."""
    bend = float(before) - 2 * float(now) + float(after)
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def decode(
    keys: NDArray[Any], drums: NDArray[Any], thresholds: Thresholds | None = None
) -> NDArray[Any]:
    """Notes of probabilities that are there as a whole; shapes as in `NoteDecoder.add`."""
    decoder = NoteDecoder(thresholds)
    decoder.add(keys, drums)
    return decoder.finish()
