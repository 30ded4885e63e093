"""What one voice of a counterpoint does: intervals, leaps, repeated tones, compass, summit."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import SEMITONE_NAMES, is_step
from hybrid.theory.species.cantus import Counterpoint, Tone, view_counterpoint
from hybrid.theory.species.intervals import spelled_name

QUARTER = Fraction(1, 4)


def check_line(context: Context) -> Iterator[Hit]:
    """All melodic rules, for every voice but the cantus."""
    view = view_counterpoint(context)
    for row in view.others:
        yield from _intervals(view, row)
        yield from _leaps(view, row)
        if row in view.moving:
            yield from _repeats(view, row)
        yield from _shape(view, row)
        yield from _outline(view, row)
        if context.wants("accented_leap"):
            yield from _accented_leaps(view, row)


def melodic_name(first: Tone, second: Tone) -> str:
    """Name of a melodic interval, octaves reduced save the octave itself: ``m3``, ``P8``, ``m9``.

    Without spelling a tritone is ``TT``.
    """
    size = abs(second.pitch - first.pitch)
    low, high = (first, second) if first.pitch <= second.pitch else (second, first)
    name = SEMITONE_NAMES[size % 12]
    if low.spelling is not None and high.spelling is not None:
        name = spelled_name(low.spelling, high.spelling)
    if name == "P1" and size == 12:
        return "P8"
    return name if size <= 12 or name == "TT" else f"{name[0]}{int(name[1:]) + 7 * (size // 12)}"


def _intervals(view: Counterpoint, row: int) -> Iterator[Hit]:
    params = view.context.params("melodic_interval")
    if not params:
        return
    for first, second in view.steps(row):
        if first.pitch == second.pitch:
            continue
        name = melodic_name(first, second)
        way = "up" if second.pitch > first.pitch else "down"
        if name not in params[way]:
            text = f"{first.name} to {second.name}, {name} {way}"
            yield Hit("melodic_interval", second.slice, (row,), text)
        if second.pitch - first.pitch == -8:
            yield Hit("falling_sixth", second.slice, (row,), f"{first.name} to {second.name}")


def _leaps(view: Counterpoint, row: int) -> Iterator[Hit]:
    """Large leaps that do not turn back, and two leaps in one direction."""
    wide = view.context.params("leap_turn").get("min_leap")
    params = view.context.params("two_leaps")
    for first, second in view.steps(row):
        third = view.after(second)
        if third is None:
            continue
        step, onward = second.pitch - first.pitch, third.pitch - second.pitch
        if step * onward <= 0:
            continue
        names = f"{first.name} {second.name} {third.name}"
        if wide is not None and abs(step) >= wide:
            yield Hit("leap_turn", second.slice, (row,), f"{names}, on in the same direction")
        if params and min(abs(step), abs(onward)) >= 3 and abs(step + onward) > params["max_span"]:
            yield Hit("two_leaps", third.slice, (row,), f"leaps {names}")


def _repeats(view: Counterpoint, row: int) -> Iterator[Hit]:
    params = view.context.params("repeated_tone")
    if not params:
        return
    most = params["max_repeats"]
    run = 0
    for first, second in view.steps(row):
        # A whole note may be struck again as the last one.
        is_last = second.bar == view.n_bars - 1 and first.length == 1
        run = run + 1 if first.pitch == second.pitch and not is_last else 0
        if run == most + 1:
            text = f"{second.name} {run + 1} times in a row"
            yield Hit("repeated_tone", second.slice, (row,), text)


def _shape(view: Counterpoint, row: int) -> Iterator[Hit]:
    """Compass and summit."""
    line = view.lines[row]
    high = max(tone.pitch for tone in line)
    low = min(tone.pitch for tone in line)
    params = view.context.params("compass")
    if params and high - low > params["max_semitones"]:
        slot = next(tone.slice for tone in line if tone.pitch in (high, low))
        text = f"{high - low} semitones, {params['max_semitones']} at most"
        yield Hit("compass", slot, (row,), text)
    tops = [tone for tone in line if tone.pitch == high]
    # A tone struck again at once is one summit.
    again = [tone for tone in tops[1:] if line[tone.index - 1].pitch != high]
    if view.context.wants("summit") and again:
        text = f"{again[0].name}, the highest tone, comes back"
        yield Hit("summit", again[0].slice, (row,), text)


def _outline(view: Counterpoint, row: int) -> Iterator[Hit]:
    """An augmented fourth between two turning points of the line."""
    if not view.context.wants("tritone_outline"):
        return
    line = [tone for tone in view.lines[row]]
    turns = line[:1]
    for first, second, third in zip(line, line[1:], line[2:], strict=False):
        if (second.pitch - first.pitch) * (third.pitch - second.pitch) < 0:
            turns.append(second)
    turns.append(line[-1])
    for first, second in pairwise(turns):
        if second.index - first.index > 1 and melodic_name(first, second) in ("A4", "TT"):
            text = f"{first.name} to {second.name}"
            yield Hit("tritone_outline", second.slice, (row,), text)


def _accented_leaps(view: Counterpoint, row: int) -> Iterator[Hit]:
    """A quarter on a strong place that leaps up."""
    for first, second in view.steps(row):
        accented = first.length == QUARTER and first.place in (0, Fraction(1, 2))
        step = second.pitch - first.pitch
        if accented and step > 2 and not is_step(step):
            text = f"{first.name} to {second.name}"
            yield Hit("accented_leap", second.slice, (row,), text)
