"""Tempo, metre and bars: the maps between ticks, seconds and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid.core.errors import ScoreError


@dataclass(frozen=True, order=True)
class Tempo:
    """From ``tick`` on, ``qpm`` quarters per minute."""

    tick: int
    qpm: float

    def __post_init__(self) -> None:
        if self.tick < 0:
            raise ScoreError(f"Tempo.tick must not be negative, got {self.tick}")
        if not 1 <= self.qpm <= 1000:
            raise ScoreError(f"Tempo.qpm must be in 1..1000, got {self.qpm} (tick {self.tick})")


@dataclass(frozen=True, order=True)
class Metre:
    """From ``tick`` on, bars of ``numerator`` notes of 1/``denominator``."""

    tick: int
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.tick < 0:
            raise ScoreError(f"Metre.tick must not be negative, got {self.tick}")
        if not 1 <= self.numerator <= 128:
            raise ScoreError(f"Metre.numerator must be in 1..128, got {self.numerator}")
        if self.denominator not in (1, 2, 4, 8, 16, 32, 64):
            raise ScoreError(
                f"Metre.denominator must be a power of two in 1..64, got {self.denominator}"
            )

    @classmethod
    def parse(cls, text: str, tick: int = 0) -> Metre:
        """Read ``"3/4"``."""
        parts = text.split("/")
        if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
            raise ScoreError(f"a metre must be two numbers such as 3/4, got {text!r}")
        return cls(tick, int(parts[0]), int(parts[1]))

    @property
    def name(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def bar_quarters(self) -> Fraction:
        """Length of a bar in quarters."""
        return Fraction(4 * self.numerator, self.denominator)

    @property
    def is_compound(self) -> bool:
        """Whether beats divide in three: 6/8, 9/8, 12/8, 6/16 ... (not 3/8)."""
        return self.numerator % 3 == 0 and self.numerator > 3 and self.denominator >= 8

    @property
    def beat_quarters(self) -> Fraction:
        """Length of a beat in quarters: a dotted value in compound metres."""
        unit = Fraction(4, self.denominator)
        return 3 * unit if self.is_compound else unit

    @property
    def n_beats(self) -> int:
        return int(self.bar_quarters / self.beat_quarters)

    def bar_ticks(self, ticks_per_quarter: int) -> int:
        """Length of a bar in ticks.

        Raises
        ------
        ScoreError
            If the bar is no whole number of ticks.
        """
        ticks = self.bar_quarters * ticks_per_quarter
        if ticks.denominator != 1:
            raise ScoreError(
                f"a bar of {self.name} must be a whole number of ticks, "
                f"got {ticks} at {ticks_per_quarter} ticks a quarter"
            )
        return int(ticks)

    def accent(self, position: Fraction) -> int:
        """Metrical strength of a position in the bar: 3 downbeat, 2 strong beat, 1 beat, 0 other.

        ``position`` is in quarters from the bar line. A strong beat is the half bar of a
        metre with an even number of beats above two.
        """
        if position == 0:
            return 3
        beat = position / self.beat_quarters
        if beat.denominator != 1:
            return 0
        if self.n_beats >= 4 and self.n_beats % 2 == 0 and 2 * beat == self.n_beats:
            return 2
        return 1


class TempoMap:
    """Piecewise linear map between ticks and seconds.

    Parameters
    ----------
    tempos : sequence of Tempo
        Ascending; before the first one 120 quarters a minute hold, as in MIDI.
    ticks_per_quarter : int

    Examples
    --------
    >>> TempoMap((Tempo(0, 60.0),), 480).seconds(960)
    2.0
    """

    def __init__(self, tempos: Sequence[Tempo], ticks_per_quarter: int) -> None:
        points = list(tempos)
        if not points or points[0].tick > 0:
            points.insert(0, Tempo(0, 120.0))
        self._ticks = np.array([point.tick for point in points], dtype=np.float64)
        self._seconds_per_tick = np.array(
            [60.0 / (point.qpm * ticks_per_quarter) for point in points], dtype=np.float64
        )
        steps = np.diff(self._ticks) * self._seconds_per_tick[:-1]
        self._starts = np.concatenate([[0.0], np.cumsum(steps)])

    def to_seconds(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Seconds of each tick."""
        values = np.asarray(ticks, dtype=np.float64)
        index = np.clip(np.searchsorted(self._ticks, values, side="right") - 1, 0, None)
        result: NDArray[np.float64] = (
            self._starts[index] + (values - self._ticks[index]) * self._seconds_per_tick[index]
        )
        return result

    def to_ticks(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """Ticks, not rounded, of each second; the inverse of `to_seconds`."""
        values = np.asarray(seconds, dtype=np.float64)
        index = np.clip(np.searchsorted(self._starts, values, side="right") - 1, 0, None)
        result: NDArray[np.float64] = (
            self._ticks[index] + (values - self._starts[index]) / self._seconds_per_tick[index]
        )
        return result

    def seconds(self, tick: float) -> float:
        """Seconds of one tick."""
        return float(self.to_seconds(tick))


@dataclass(frozen=True)
class Bar:
    """One bar: its number as printed (a pickup is 0), start and end ticks, and metre."""

    number: int
    start: int
    end: int
    metre: Metre
    is_pickup: bool = False


def lay_bars(
    metres: Sequence[Metre], ticks_per_quarter: int, end: int, pickup_ticks: int = 0
) -> tuple[Bar, ...]:
    """Bars that cover ticks 0..``end``; a metre change inside a bar cuts that bar short.

    Parameters
    ----------
    metres : sequence of Metre
        Ascending; 4/4 holds where none is given.
    end : int
        Tick up to which bars are wanted; the last bar may reach beyond.
    pickup_ticks : int
        Length of an incomplete first bar, 0 for none.
    """
    changes = list(metres)
    if not changes or changes[0].tick > 0:
        changes.insert(0, Metre(0, 4, 4))
    bars: list[Bar] = []
    number = 1
    tick = 0
    if pickup_ticks:
        bars.append(Bar(0, 0, pickup_ticks, changes[0], is_pickup=True))
        tick = pickup_ticks
    index = 0
    while tick < end:
        while index + 1 < len(changes) and changes[index + 1].tick <= tick:
            index += 1
        stop = tick + changes[index].bar_ticks(ticks_per_quarter)
        if index + 1 < len(changes) and changes[index + 1].tick < stop:
            stop = changes[index + 1].tick
        bars.append(Bar(number, tick, stop, changes[index]))
        number += 1
        tick = stop
    return tuple(bars)
