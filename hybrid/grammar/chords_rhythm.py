"""Harmonic rhythm: where in the bars of a phrase the chords change.

Chords start on beats. One that starts on a weak beat never lasts past a stronger one, so the
harmony is never syncopated; bars before a cadence move faster (harmonic acceleration).

References
----------
Swain, J. P. (2002). Harmonic Rhythm: Analysis and Interpretation. Oxford University Press.
Caplin, W. E. (1998). Classical Form. Oxford University Press. (Acceleration: ch. 3.)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np

from hybrid.core.timeline import Metre

#: Spread of a bar's chord length around the wanted pace, in natural logarithms.
SPREAD = 0.45
MAX_BEATS = 12


@dataclass(frozen=True)
class Slot:
    """A place for one chord.

    Attributes
    ----------
    onset, duration : Fraction
        Quarters, from the phrase's start.
    strength : int
        3 bar line, 2 strong beat, 1 beat, 0 off the beat.
    """

    onset: Fraction
    duration: Fraction
    strength: int

    @property
    def end(self) -> Fraction:
        return self.onset + self.duration


@lru_cache(maxsize=256)
def beats(metre: Metre) -> tuple[tuple[Fraction, int], ...]:
    """Position (quarters from the bar line) and strength of each beat.

    As `Metre.accent`, and in metres of 5 and 7 the second group's first beat is strong: 3+2
    and, for 7, 4+3 in quarters and 2+2+3 in eighths.
    """
    n, beat = metre.n_beats, metre.beat_quarters
    strong: tuple[int, ...] = {5: (3,), 7: (4,) if metre.denominator <= 4 else (2, 4)}.get(n, ())
    if n >= 8 and n % 2 == 0:
        strong = tuple(range(2, n, 2))
    return tuple(
        (place * beat, max(metre.accent(place * beat), 2 if place in strong else 0))
        for place in range(n)
    )


@lru_cache(maxsize=256)
def bar_patterns(metre: Metre) -> tuple[tuple[int, ...], ...]:
    """Every set of beats (numbers from 0) on which the chords of one bar may start.

    >>> bar_patterns(Metre.parse("3/4"))
    ((0,), (0, 1), (0, 2), (0, 1, 2))
    """
    strengths = [strength for _, strength in beats(metre)]
    if len(strengths) > MAX_BEATS:  # too many to list: strong beats only, or the bar
        places = tuple(place for place, strength in enumerate(strengths) if strength >= 2)
        return ((0,), places) if len(places) > 1 else ((0,),)
    rest = range(1, len(strengths))
    patterns = []
    for count in range(len(strengths)):
        for chosen in combinations(rest, count):
            starts = (0, *chosen)
            ends = (*starts[1:], len(strengths))
            if all(
                all(strengths[inner] <= strengths[start] for inner in range(start + 1, end))
                for start, end in zip(starts, ends, strict=True)
            ):
                patterns.append(starts)
    return tuple(patterns)


def _slots_of(pattern: tuple[int, ...], metre: Metre, bar: int) -> list[Slot]:
    places = beats(metre)
    start = bar * metre.bar_quarters
    ends = [places[place][0] for place in pattern[1:]] + [metre.bar_quarters]
    return [
        Slot(start + places[place][0], end - places[place][0], places[place][1])
        for place, end in zip(pattern, ends, strict=True)
    ]


def _weight(pattern: tuple[int, ...], metre: Metre, pace: float, uneven: float) -> float:
    """How well a pattern keeps the pace (beats per chord); changes on strong beats preferred."""
    strengths = [strength for _, strength in beats(metre)]
    n = len(strengths)
    length = n / len(pattern)
    fit = float(np.exp(-((np.log(length / pace)) ** 2) / (2 * SPREAD**2)))
    top = max(strengths[1:], default=1)
    weak = sum(strengths[place] < top for place in pattern[1:])
    # Fast harmony changes on weak beats as well.
    penalty = min(0.95, max(0.6, 1.3 - 0.35 * pace))
    lengths = {end - start for start, end in pairwise((*pattern, n))}
    return fit * penalty**weak * (uneven if len(lengths) > 1 else 1.0) + 1e-9


def split_slot(slot: Slot, metre: Metre) -> list[Slot]:
    """Halve a slot at its strongest inner beat, or in the middle."""
    bar = slot.onset // metre.bar_quarters * metre.bar_quarters
    inside = [
        (strength, -abs(2 * (bar + place) - slot.onset - slot.end), bar + place)
        for place, strength in beats(metre)
        if slot.onset < bar + place < slot.end
    ]
    if inside:
        strength, _, middle = max(inside)
    elif slot.end > bar + metre.bar_quarters:
        strength, middle = 3, bar + metre.bar_quarters
    else:
        strength, middle = 0, slot.onset + slot.duration / 2
    return [
        Slot(slot.onset, middle - slot.onset, slot.strength),
        Slot(middle, slot.end - middle, strength),
    ]


def draw_slots(
    metre: Metre,
    bars: int,
    pace: float,
    rng: np.random.Generator,
    *,
    cadence: str = "none",
    minimum: int = 1,
    whole_final: float = 0.8,
    uneven: float = 1.0,
) -> list[Slot]:
    """Draw the places of a phrase's chords.

    Parameters
    ----------
    metre : Metre
    bars : int
    pace : float
        Beats per chord that are aimed at, above 0; more than a bar's beats lets chords last
        over bar lines, from odd bars into even ones.
    rng : np.random.Generator
    cadence : str
        Anything but ``none``: the last chord starts on a strong beat of the last bar and the
        bar before moves faster.
    minimum : int
        Fewest chords; slots are halved until there are as many.
    whole_final : float
        Chance that the cadence's last chord takes the whole last bar.
    uneven : float
        Factor on bars whose chords are not equally long.
    """
    options = bar_patterns(metre)
    slots: list[Slot] = []
    n_beats = len(beats(metre))
    closing = cadence != "none"
    for bar in range(bars):
        last = bar == bars - 1
        if last and closing and (bars > 1 or minimum < 2):
            pattern = _final_pattern(metre, pace, rng, whole_final)
        else:
            wanted = min(pace, 1.6 * n_beats)
            if closing and bar == bars - 2:
                wanted = min(max(1.0, pace / 1.8), max(1.0, n_beats / 1.5))
            weights = np.array([_weight(option, metre, wanted, uneven) for option in options])
            pattern = options[_draw(weights, rng)]
        new = _slots_of(pattern, metre, bar)
        hold = 1 - n_beats / pace if pace > n_beats else 0.0
        free = not (closing and bar >= bars - 2)
        if bar % 2 and free and len(new) == 1 and rng.random() < hold:
            slots[-1] = Slot(
                slots[-1].onset, slots[-1].duration + new[0].duration, slots[-1].strength
            )
        else:
            slots += new
    while len(slots) < minimum:
        slots = _divide(slots, metre, keep_last=closing and bars > 1)
    return slots


def _final_pattern(
    metre: Metre, pace: float, rng: np.random.Generator, whole: float
) -> tuple[int, ...]:
    """The last bar of a cadence: one chord, or one that comes on its strong beat after others."""
    strengths = [strength for _, strength in beats(metre)]
    strong = [place for place, strength in enumerate(strengths) if strength == 2]
    if not strong or rng.random() < whole:
        return (0,)
    goal = strong[len(strong) // 2]
    before = [p for p in bar_patterns(metre) if goal in p and p[-1] == goal]
    weights = np.array([_weight(option, metre, pace, 1.0) for option in before])
    return before[_draw(weights, rng)]


def _divide(slots: list[Slot], metre: Metre, keep_last: bool) -> list[Slot]:
    """Halve the longest slot; of equal ones the last. The final chord stays whole if it can."""
    places = range(len(slots) - 1) if keep_last and len(slots) > 1 else range(len(slots))
    place = max(places, key=lambda index: (slots[index].duration, index))
    return [*slots[:place], *split_slot(slots[place], metre), *slots[place + 1 :]]


def _draw(weights: np.ndarray, rng: np.random.Generator) -> int:
    total = np.cumsum(weights)
    return min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(total) - 1)
