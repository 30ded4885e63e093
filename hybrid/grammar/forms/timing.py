"""How many bars at which tempo: the wanted minutes, exactly where the tempo is free."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.styles import Style, tempo_range

SLOWEST, FASTEST = 40.0, 208.0  # quarters per minute, where the tempo is ours to choose
SPREAD = 0.07  # of the number of bars around the drawn tempo's, in natural logarithms
WIDEN = 1.2  # how far beyond its style's range a tempo may go
TOLERANCE = 0.1  # share of the wanted minutes by which a given tempo may miss them
MAX_BARS = 20_000

Lengths = Callable[[int], NDArray[np.float64]]


def _near(feasible: NDArray[np.int_], wanted: float) -> str:
    below, above = feasible[feasible < wanted], feasible[feasible > wanted]
    near = [str(int(x)) for x in ([below[-1]] if len(below) else [])]
    near += [str(int(above[0]))] if len(above) else []
    return " and ".join(near) if near else "none"


def check_bars(form: str, bars: int, lengths: Lengths) -> None:
    """Make sure a form can have exactly ``bars`` bars.

    Raises
    ------
    PlanError
        Otherwise; it names the nearest numbers of bars that are possible.
    """
    if not 1 <= bars <= MAX_BARS:
        raise PlanError(f"bars must be in 1..{MAX_BARS}, got {bars}")
    table = lengths(2 * bars + 128)
    if not np.isfinite(table[bars]):
        feasible = np.flatnonzero(np.isfinite(table))
        raise PlanError(
            f"bars must be a length that {form} can have, got {bars}; "
            f"nearest: {_near(feasible, bars)}"
        )


def choose_length(
    form: str,
    lengths: Lengths,
    style: Style,
    metre: Metre,
    rng: np.random.Generator,
    *,
    minutes: float,
    tempo_qpm: float | None = None,
) -> int:
    """Choose the number of bars for a duration.

    Parameters
    ----------
    lengths : callable
        Log probability of each number of bars up to its argument.
    minutes : float
    tempo_qpm : float or None
        Where it is given, the possible length nearest to ``minutes`` is taken. Where it is free,
        one is drawn from the style's range, and the number of bars from the form's own
        distribution around it; the exact tempo then follows from both.

    Raises
    ------
    PlanError
        If no length comes near; it names the nearest ones.
    """
    bar = float(metre.bar_quarters)
    if tempo_qpm is not None:
        wanted = minutes * tempo_qpm / bar
        table = lengths(_longest(wanted))
        feasible = np.flatnonzero(np.isfinite(table))
        best = _nearest(feasible, wanted)
        if best is None or abs(best - wanted) > max(1.0, TOLERANCE * wanted):
            raise PlanError(
                f"minutes must give a length that {form} can have at {tempo_qpm:g} quarters a "
                f"minute, got {minutes:g} = {wanted:.1f} bars of {metre.name}; "
                f"nearest: {_near(feasible, wanted)}"
            )
        return best
    slow, fast = tempo_range(style, metre)
    drawn = slow * (fast / slow) ** float(rng.beta(2.0, 2.0))
    table = lengths(_longest(minutes * FASTEST / bar))
    feasible = np.flatnonzero(np.isfinite(table))
    tempi = feasible * bar / minutes
    for low, high in ((slow, fast), (slow / WIDEN, fast * WIDEN), (SLOWEST, FASTEST)):
        fits = feasible[(tempi >= low) & (tempi <= high)]
        if len(fits):
            distance = np.log(fits * bar / minutes / drawn)
            spread = SPREAD if np.min(np.abs(distance)) < 3 * SPREAD else np.min(np.abs(distance))
            logs = 0.5 * _level(fits, table[fits]) - distance**2 / (2 * spread**2)
            weights = np.cumsum(np.exp(logs - logs.max()))
            at = int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
            return int(fits[min(at, len(fits) - 1)])
    nearest = _near(feasible, minutes * drawn / bar)
    raise PlanError(
        f"minutes must give a length that {form} can have in {metre.name} at {SLOWEST:g} to "
        f"{FASTEST:g} quarters a minute, got {minutes:g}; nearest lengths in bars: {nearest}"
    )


def _level(bars: NDArray[np.int_], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log probabilities without their linear trend, which only says that short is likelier."""
    if len(bars) < 3:
        return logs
    slope, offset = np.polyfit(bars, logs, 1)
    return np.asarray(logs - slope * bars - offset, dtype=np.float64)


def can_last(lengths: Lengths, style: Style, metre: Metre, minutes: float) -> bool:
    """Whether some length of a form lasts so long at a tempo of its style in a metre."""
    slow, fast = tempo_range(style, metre)
    bar = float(metre.bar_quarters)
    low, high = minutes * slow / WIDEN / bar, minutes * fast * WIDEN / bar
    table = lengths(_longest(high))
    return bool(np.isfinite(table[ceil(low) : int(high) + 1]).any())


def _longest(wanted: float) -> int:
    if wanted > MAX_BARS:
        raise PlanError(f"minutes must stay within {MAX_BARS} bars, got {wanted:.0f}")
    return ceil(1.1 * wanted) + 32


def _nearest(feasible: NDArray[np.int_], wanted: float) -> int | None:
    if not len(feasible):
        return None
    return int(feasible[int(np.argmin(np.abs(feasible - wanted)))])
