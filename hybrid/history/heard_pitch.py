"""Whether the pitch that was asked for is heard: its strength beside its neighbours'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.history.panels import Bars
from hybrid.history.words import note_name

#: A pitch is held against its neighbours, so many semitones to either side.
NEAR = 3


@dataclass(frozen=True)
class Heard:
    """Strengths of a pitch and of its neighbours, from ``pitch - NEAR`` to ``pitch + NEAR``."""

    pitch: int
    strengths: tuple[float, ...]

    @property
    def place(self) -> int:
        """Which is the strongest."""
        return int(np.argmax(self.strengths))

    @property
    def is_right(self) -> bool:
        return self.place == NEAR

    @property
    def name(self) -> str:
        """The note that is heard."""
        return note_name(self.pitch - NEAR + self.place)

    def others(self, unit: str = "") -> list[str]:
        """The neighbours and their strengths, the strongest first."""
        order = sorted(range(len(self.strengths)), key=lambda place: -self.strengths[place])
        return [
            f"{note_name(self.pitch - NEAR + place)}: {self.strengths[place]:.3g}{unit}"
            for place in order
            if place != NEAR
        ]


def ear_panel(alt: str) -> Bars:
    """Bars for what is heard of one note."""
    return Bars(
        "ear",
        "Which pitch is heard?",
        alt,
        labels=tuple(
            f"{near:+d} semitones" if near else "asked for" for near in range(-NEAR, NEAR + 1)
        ),
    )


def heard_in(samples: NDArray[np.float32], rate: int, pitch: int) -> Heard:
    """What is heard in samples (N,) where a pitch was asked for."""
    near = range(pitch - NEAR, pitch + NEAR + 1)
    return Heard(pitch, tuple(pitch_strength(samples, rate, other) for other in near))


def pitch_strength(samples: NDArray[np.float32], rate: int, pitch: int) -> float:
    """How strongly a pitch sounds: the magnitudes of its first three harmonics, added.

    Parameters
    ----------
    samples : np.ndarray, shape (N,)
    rate : int
        Hertz.
    pitch : int
        MIDI.
    """
    window = np.hanning(len(samples))
    time = np.arange(len(samples)) / rate
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    waves = np.exp(-2j * np.pi * hertz * time * np.arange(1, 4)[:, None])
    return float(np.abs(waves @ (samples * window)).sum() / max(window.sum(), 1e-9))


def share_right(heard: Sequence[Heard]) -> float:
    """Share of the notes whose own pitch is the strongest."""
    return sum(one.is_right for one in heard) / len(heard)
