"""What a groove is conditioned on, and how it is read from a performance.

Known from the data's list: style, metre, tempo, and whether a file is a beat or a fill.
Measured in each bar: density (strokes a step), intensity (mean velocity), both as fifths of
the training bars. Derived, as nobody has labelled them: feel, fills inside long beats, and
the places where sections begin and end. The rules of derivation are `feels`, `find_fills`
and `places`; they are ours and simple.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.symbolic_transformer.drums.grid import STEP_UNITS, Grid
from hybrid.symbolic_transformer.drums.kit import CRASH, HIGH_TOM, LOW_TOM, SNARE

STYLES = (
    "afrobeat",
    "afrocuban",
    "blues",
    "country",
    "dance",
    "funk",
    "gospel",
    "highlife",
    "hiphop",
    "jazz",
    "latin",
    "middleeastern",
    "neworleans",
    "pop",
    "punk",
    "reggae",
    "rock",
    "soul",
)
#: Metres that were played, with the steps of a bar.
METRES = {"4/4": 16, "3/4": 12, "6/8": 12, "5/4": 20, "5/8": 10}
LONGEST_BAR = max(METRES.values())
FEELS = ("straight", "triplet")
ROLES = ("beat", "fill")
PLACES = ("start", "middle", "end")
N_LEVELS = 5
#: Each column of a bar's conditions, with the number of its values; one more means "not given".
COLUMNS = {
    "style": len(STYLES),
    "metre": len(METRES),
    "feel": len(FEELS),
    "role": len(ROLES),
    "place": len(PLACES),
    "density": N_LEVELS,
    "intensity": N_LEVELS,
}
#: Measured or derived from the bar's own strokes: telling them tells something of the notes.
MEASURED = ("feel", "role", "place", "density", "intensity")
#: Bars on each side that a bar is compared with.
NEIGHBOURS = 4
#: Least share of a bar's strokes (its own and the usual ones) that must differ in a fill ...
FILL_NOVELTY = 0.6
#: ... and least strokes on toms and snare that it has beyond the usual bar.
FILL_EXTRA = 3.0
#: A crash on the downbeat opens a section where at most this share of the bars around has one.
RARE_CRASH = 0.25


def unknown(column: str) -> int:
    """The value that says a condition is not given."""
    return COLUMNS[column]


@dataclass(frozen=True)
class Levels:
    """Bounds of the five levels of density and intensity, from the training bars.

    Attributes
    ----------
    density : tuple of 4 floats
        Strokes a step, ascending.
    intensity : tuple of 4 floats
        Mean velocity, ascending.
    """

    density: tuple[float, ...]
    intensity: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("density", "intensity"):
            bounds = getattr(self, name)
            if len(bounds) != N_LEVELS - 1 or list(bounds) != sorted(bounds):
                raise ConfigError(f"Levels.{name} must be 4 ascending bounds, got {bounds}")

    @classmethod
    def fit(cls, density: NDArray[np.float64], intensity: NDArray[np.float64]) -> Levels:
        """Bounds that cut the given bars into fifths."""
        shares = np.arange(1, N_LEVELS) / N_LEVELS
        return cls(
            tuple(float(value) for value in np.quantile(density, shares)),
            tuple(float(value) for value in np.quantile(intensity, shares)),
        )

    def density_level(self, value: float | NDArray[np.float64]) -> NDArray[np.int64]:
        """Level 0..4 of strokes a step."""
        return np.searchsorted(self.density, value, side="right").astype(np.int64)

    def intensity_level(self, value: float | NDArray[np.float64]) -> NDArray[np.int64]:
        """Level 0..4 of a mean velocity."""
        return np.searchsorted(self.intensity, value, side="right").astype(np.int64)


def densities(grid: Grid, n_steps: int) -> NDArray[np.float64]:
    """Strokes a step of each bar; ``n_steps`` is a bar's length."""
    per_bar = grid.hits.reshape(-1, n_steps * grid.hits.shape[1])
    result: NDArray[np.float64] = per_bar.sum(1) / n_steps
    return result


def intensities(grid: Grid, n_steps: int) -> NDArray[np.float64]:
    """Mean velocity of each bar; 0 where nothing is hit."""
    width = n_steps * grid.hits.shape[1]
    count = grid.hits.reshape(-1, width).sum(1)
    total = grid.velocities.astype(np.float64).reshape(-1, width).sum(1)
    result: NDArray[np.float64] = total / np.maximum(count, 1)
    return result


def feels(grid: Grid, n_steps: int, steps_per_beat: int = 4) -> NDArray[np.int64]:
    """Whether the strokes around each bar divide the quarter in four or in three.

    Of the strokes within a quarter (not on it) of the bar and four bars on each side, the mean
    distance to the sixteenths is compared with that to the triplets. Bars of a beat of other
    than four steps are straight.
    """
    n_bars = len(grid) // n_steps
    if steps_per_beat != 4:
        return np.zeros(n_bars, dtype=np.int64)
    steps, drums = np.nonzero(grid.hits)
    units = (steps * STEP_UNITS + grid.timings[steps, drums]) % (4 * STEP_UNITS)
    inner = (units > 40) & (units < 440)
    in_four = np.abs(units[:, None] - np.array([120, 240, 360])).min(1)
    in_three = np.abs(units[:, None] - np.array([160, 320])).min(1)
    gain = np.bincount(
        steps[inner] // n_steps, weights=(in_four - in_three)[inner], minlength=n_bars
    )
    around = np.convolve(gain, np.ones(2 * NEIGHBOURS + 1), mode="full")
    # Positive: the triplets are nearer.
    return (around[NEIGHBOURS : NEIGHBOURS + n_bars] > 0).astype(np.int64)


def find_fills(grid: Grid, n_steps: int) -> NDArray[np.bool_]:
    """Bars that leave the groove for the toms or the snare.

    A bar is a fill if it differs from the usual bar around it (the strokes that half of the
    four bars on each side have) in `FILL_NOVELTY` of their strokes together, and has
    `FILL_EXTRA` more strokes on toms and snare. Crashes are not looked at.
    """
    bars = grid.hits.reshape(-1, n_steps, grid.hits.shape[1])
    number = np.arange(len(bars))
    low = np.maximum(number - NEIGHBOURS, 0)
    high = np.minimum(number + NEIGHBOURS + 1, len(bars))
    sums = np.concatenate([np.zeros((1, *bars.shape[1:])), np.cumsum(bars, axis=0)])
    others = high - low - 1
    # How many of the bars around have each stroke, the bar itself left out.
    share = (sums[high] - sums[low] - bars) / np.maximum(others, 1)[:, None, None]
    usual = share >= 0.5
    union = (bars | usual).sum((1, 2))
    novelty = (bars ^ usual).sum((1, 2)) / np.maximum(union, 1)
    loose = [SNARE, *range(LOW_TOM, HIGH_TOM + 1)]
    extra = bars[:, :, loose].sum((1, 2)) - share[:, :, loose].sum((1, 2))
    found: NDArray[np.bool_] = (
        (others >= NEIGHBOURS) & (novelty >= FILL_NOVELTY) & (extra >= FILL_EXTRA)
    )
    return found


def places(
    grid: Grid, n_steps: int, fills: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Place of each bar in its section: 0 start, 1 middle, 2 end.

    A section starts with the performance, after a fill, and with a crash on a downbeat that is
    rare around it. The bar before a start is an end.

    Returns
    -------
    np.ndarray, shape (n_bars,), int64
    np.ndarray, shape (n_bars,), bool
        Bars whose downbeat has a rare crash.
    """
    n_bars = len(grid) // n_steps
    crash = grid.hits[::n_steps, CRASH]
    rare = np.zeros(n_bars, dtype=np.bool_)
    for number in np.flatnonzero(crash):
        around = crash[max(0, number - NEIGHBOURS) : number + NEIGHBOURS + 1]
        rare[number] = (around.sum() - 1) <= RARE_CRASH * max(len(around) - 1, 1)
    starts = rare.copy()
    starts[0] = True
    # Of several bars of fill only the one after the last is a start.
    starts[1:] |= fills[:-1] & ~fills[1:]
    place = np.ones(n_bars, dtype=np.int64)
    place[:-1][starts[1:]] = 2
    place[fills] = 2
    place[starts & ~fills] = 0
    return place, rare
