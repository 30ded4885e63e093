"""How busy, dissonant, varied and stepwise a piece is, beside 80 chorales by Bach.

Every measure is read from the notes alone, in the same way for a chorale of Bach and for
a piece that an engine wrote: its plan is not consulted, and chords are always those of
`hybrid.theory.chords.infer_chords`.

Measures
--------
note_density
    Notes that begin per quarter of the piece and per voice. A held or tied note counts once.
nonchord_share
    Share, 0..1, of the notes that are outside the chord in some slice that they sound in:
    passing and neighbour notes, suspensions, anticipations.
rhythm_entropy
    Shannon entropy in bits of the notes' durations (as exact fractions of a quarter), all
    voices together.
interval_repeat, interval_step, interval_third, interval_fourth_fifth, interval_wide
    Interval histogram in five bins: shares of the melodic intervals of 0, 1-2, 3-4, 5-7,
    and 8 or more semitones, up or down. A rest between two notes, of whatever length,
    leaves their interval out.
interval_distance
    Jensen-Shannon distance, 0..1, of the histogram of all signed intervals (-12..12, wider
    ones put at the ends) from the average of the chorales. Only its upper bound means
    anything, so its lower one is 0.

Drums are left out; other tracks are read as voices by `hybrid.theory.voices`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import pitch_class
from hybrid.core.resources import resource_path
from hybrid.core.score import Score
from hybrid.theory.chords import QUALITIES, infer_chords
from hybrid.theory.slices import REST, Slices, slice_score

INTERVAL_BINS = {
    "interval_repeat": (0, 0),
    "interval_step": (1, 2),
    "interval_third": (3, 4),
    "interval_fourth_fifth": (5, 7),
    "interval_wide": (8, 127),
}
WIDEST = 12  # semitones; wider intervals fall into the outermost bins of the histogram
MEASURES = (
    "note_density",
    "nonchord_share",
    "rhythm_entropy",
    *INTERVAL_BINS,
    "interval_distance",
)


@dataclass(frozen=True, eq=False)
class StyleReport:
    """The measures of one piece.

    Attributes
    ----------
    values : Mapping of str to float
        One for each of `MEASURES`; see the module's description.
    interval_histogram : np.ndarray, shape (25,), float64
        Shares of the melodic intervals of -12..12 semitones; adds up to 1.
    durations : Mapping of str to float
        Share of each duration, as a fraction of a quarter such as ``1/2``, longest first.
    n_notes, n_voices : int
    n_quarters : float
        The piece's length.
    """

    values: Mapping[str, float]
    interval_histogram: NDArray[np.float64]
    durations: Mapping[str, float]
    n_notes: int
    n_voices: int
    n_quarters: float


@dataclass(frozen=True)
class StyleRange:
    """5th, 50th and 95th percentile of a measure over the reference pieces."""

    low: float
    median: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value lies within the 5th to the 95th percentile, ends included."""
        return self.low <= value <= self.high


def style_report(score: Score, voices: Sequence[str] | None = None) -> StyleReport:
    """Measure a piece.

    Parameters
    ----------
    score : Score
    voices : sequence of str, optional
        Only these voices, as in `hybrid.theory.voices.find_voices`.

    Raises
    ------
    ScoreError
        If no voice has a note, or none has two in a row.

    Examples
    --------
    >>> from hybrid.core.score import Track, make_notes
    >>> scale = make_notes([(480 * i, 480, p) for i, p in enumerate((60, 62, 64, 65))])
    >>> report = style_report(Score((Track("soprano", scale),)))
    >>> report.values["note_density"], report.values["interval_step"]
    (1.0, 1.0)
    """
    slices = slice_score(score, voices)
    if not len(slices):
        raise ScoreError("style_report must be given a score with notes, got one without")
    return StyleReport(
        values=MappingProxyType(measure(slices, chorale_intervals())),
        interval_histogram=interval_histogram(melodic_intervals(slices)),
        durations=MappingProxyType(duration_shares(slices)),
        n_notes=int(slices.attack.sum()),
        n_voices=slices.n_voices,
        n_quarters=_quarters(slices),
    )


def measure(slices: Slices, average: NDArray[np.float64]) -> dict[str, float]:
    """Every one of `MEASURES`, intervals compared with an average histogram, (25,).

    Raises
    ------
    ScoreError
        If no voice has two notes in a row.
    """
    intervals = melodic_intervals(slices)
    if not len(intervals):
        raise ScoreError("style_report needs a voice with two notes in a row, got none")
    durations = np.array(list(duration_shares(slices).values()))
    size = np.abs(intervals)
    return {
        "note_density": int(slices.attack.sum()) / (_quarters(slices) * slices.n_voices),
        "nonchord_share": nonchord_share(slices),
        "rhythm_entropy": entropy_bits(durations),
        **{
            name: float(((size >= low) & (size <= high)).mean())
            for name, (low, high) in INTERVAL_BINS.items()
        },
        "interval_distance": jensen_shannon_distance(interval_histogram(intervals), average),
    }


def _quarters(slices: Slices) -> float:
    """From the first note to the end of the piece."""
    return (int(slices.end[-1]) - int(slices.tick[0])) / slices.score.ticks_per_quarter


def melodic_intervals(slices: Slices) -> NDArray[np.int64]:
    """Semitones from each note to the next one of its voice that follows without a rest; (n,)."""
    found = []
    for voice in slices.voices:
        notes = voice.notes
        joined = notes["onset"][1:] <= notes["onset"][:-1] + notes["duration"][:-1]
        found.append(np.diff(notes["pitch"].astype(np.int64))[joined])
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def interval_histogram(intervals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the intervals -12..12; wider ones count at the ends; (25,)."""
    clipped = np.clip(intervals, -WIDEST, WIDEST) + WIDEST
    counts = np.bincount(clipped, minlength=2 * WIDEST + 1)
    result: NDArray[np.float64] = counts / max(1, counts.sum())
    return result


def duration_shares(slices: Slices) -> dict[str, float]:
    """Share of each duration among all notes, named as a fraction of a quarter, longest first."""
    ticks = np.concatenate([voice.notes["duration"] for voice in slices.voices])
    values, counts = np.unique(ticks, return_counts=True)
    shares = {}
    quarter = slices.score.ticks_per_quarter
    for value, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        common = gcd(value, quarter)
        above, below = value // common, quarter // common
        shares[f"{above}/{below}" if below > 1 else str(above)] = count / len(ticks)
    return shares


def nonchord_share(slices: Slices) -> float:
    """Share of the notes that lie outside the inferred chord in some slice; 0 without chords."""
    chords = infer_chords(slices.score, slices)
    if not chords:
        return 0.0
    belongs = np.zeros((len(slices), 12), dtype=bool)
    for chord in chords:
        first = int(np.searchsorted(slices.tick, chord.onset))
        stop = int(np.searchsorted(slices.tick, chord.end))
        above = QUALITIES[chord.quality]
        belongs[first:stop, [(pitch_class(chord.root) + step) % 12 for step in above]] = True
    outside = 0
    for row in range(slices.n_voices):
        sounds = np.flatnonzero(slices.pitch[row] != REST)
        strange = ~belongs[sounds, slices.pitch[row, sounds] % 12]
        outside += len(np.unique(slices.note[row, sounds[strange]]))
    return outside / int(slices.attack.sum())


def entropy_bits(shares: NDArray[np.float64]) -> float:
    """Shannon entropy in bits of shares that add up to 1."""
    positive = shares[shares > 0]
    return float(-(positive * np.log2(positive)).sum()) + 0.0


def jensen_shannon_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Square root of the Jensen-Shannon divergence to base 2: 0 for equal, 1 for disjoint.

    References
    ----------
    Endres, D. M., & Schindelin, J. E. (2003). A new metric for probability distributions.
    IEEE Transactions on Information Theory, 49(7), 1858-1860.
    """
    middle = (first + second) / 2
    divergence = entropy_bits(middle) - (entropy_bits(first) + entropy_bits(second)) / 2
    return float(np.sqrt(max(0.0, divergence)))


@lru_cache(maxsize=1)
def _reference() -> tuple[Mapping[str, StyleRange], NDArray[np.float64]]:
    text = resource_path("metrics", "chorale_percentiles.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    ranges = {name: StyleRange(**data["measures"][name]) for name in MEASURES}
    intervals = np.array(data["intervals"]["mean_shares"], dtype=np.float64)
    intervals = intervals / intervals.sum()
    intervals.flags.writeable = False
    return MappingProxyType(ranges), intervals


def chorale_ranges() -> Mapping[str, StyleRange]:
    """Percentiles of each measure over 80 chorales, from the package's data."""
    return _reference()[0]


def chorale_intervals() -> NDArray[np.float64]:
    """Average interval histogram of 80 chorales; (25,), adds up to 1."""
    return _reference()[1]


def within_percentiles(report: StyleReport) -> dict[str, bool]:
    """Whether each measure lies within the 5th to the 95th percentile of 80 chorales.

    Nine measures at once are a strict test: each holds for nine of ten chorales, all
    together hold for fewer (the package's data say how many).
    """
    ranges = chorale_ranges()
    return {name: ranges[name].contains(report.values[name]) for name in MEASURES}
