"""What two voices of a counterpoint do together, bar by bar and from move to move."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from hybrid.theory.context import Context, Hit
from hybrid.theory.species.cantus import Counterpoint, Tone, view_counterpoint
from hybrid.theory.species.intervals import is_imperfect, is_perfect, number, simple_name

LEAP = 3  # semitones


def check_together(context: Context) -> Iterator[Hit]:
    """Direct perfects, perfects from bar to bar, unisons, runs, similar motion, distance."""
    view = view_counterpoint(context)
    for upper, lower in combinations(range(view.n_voices), 2):
        yield from _moves(view, upper, lower)
        yield from _bars(view, upper, lower)
        if view.n_voices == 2:
            yield from _runs(view, upper, lower)
            yield from _unisons(view, upper, lower)
            yield from _distance(view, upper, lower)


def _joint_moves(view: Counterpoint, upper: int, lower: int) -> Iterator[tuple[Tone, ...]]:
    """Both voices go to their next tones at once: upper, lower, next upper, next lower."""
    for first, second in view.steps(upper):
        there = view.tone_at(lower, second.slice)
        if there is None or there.slice != second.slice:
            continue
        here = view.before(there)
        if here is not None:
            yield first, here, second, there


def _moves(view: Counterpoint, upper: int, lower: int) -> Iterator[Hit]:
    rule = "direct_perfect" if view.n_voices == 2 else "direct_perfect_outer"
    outer = (upper, lower) == (0, view.n_voices - 1)
    n_similar = n_moves = 0
    leap = view.context.params("joint_leap").get("min_leap", 5)
    for first, here, second, there in _joint_moves(view, upper, lower):
        step, other = second.pitch - first.pitch, there.pitch - here.pitch
        n_moves += bool(step or other)
        if step * other <= 0:
            continue
        n_similar += 1
        pair = f"{here.name}-{first.name} to {there.name}-{second.name}"
        if outer and is_perfect(there, second) and not _same_perfect(here, first, there, second):
            yield Hit(rule, second.slice, (upper, lower), pair)
        if outer and min(abs(step), abs(other)) >= leap and (step % 12 or other % 12):
            yield Hit("joint_leap", second.slice, (upper, lower), pair)
    params = view.context.params("similar_motion")
    if view.n_voices != 2 or not params or n_moves < params["min_moves"]:
        return
    if n_similar > params["max_share"] * n_moves:
        text = f"{n_similar} of {n_moves} moves in the same direction"
        yield Hit("similar_motion", 0, (upper, lower), text)


def _same_perfect(low: Tone, high: Tone, next_low: Tone, next_high: Tone) -> bool:
    """Parallels, which have rules of their own."""
    return simple_name(low, high) == simple_name(next_low, next_high)


def _bars(view: Counterpoint, upper: int, lower: int) -> Iterator[Hit]:
    """The same perfect interval at the start of two bars, with other tones between."""
    context = view.context
    if not context.wants("bar_parallels"):
        return
    saving = context.params("bar_parallels")["saving_leap"]
    for bar, (first, second) in enumerate(pairwise(view.bar_slices)):
        tones = [view.tone_at(row, slot) for slot in (first, second) for row in (upper, lower)]
        if any(tone is None for tone in tones):
            continue
        high, low, next_high, next_low = (tone for tone in tones if tone is not None)
        # A tone that is held over belongs to the bar before.
        if high.slice != first or next_high.slice != second:
            continue
        if low.slice != first or next_low.slice != second:
            continue
        step, other = next_high.pitch - high.pitch, next_low.pitch - low.pitch
        if step * other <= 0 or not step % 12 or not is_perfect(low, high):
            continue
        if simple_name(low, high) != simple_name(next_low, next_high):
            continue
        between = [tone for row in (upper, lower) for tone in view.lines[row] if tone.bar == bar]
        if len(between) <= 2:
            continue  # the voices move together: parallels, found as such
        if _saved(view, upper, bar, saving) or _saved(view, lower, bar, saving):
            continue
        text = f"{low.name}-{high.name} and {next_low.name}-{next_high.name}"
        yield Hit("bar_parallels", second, (upper, lower), text)


def _saved(view: Counterpoint, row: int, bar: int, saving: int) -> bool:
    """Whether a voice leaps wide enough within the bar to hide the parallels."""
    return any(
        first.bar == bar and abs(second.pitch - first.pitch) >= saving
        for first, second in view.steps(row)
        if second.bar == bar
    )


def _runs(view: Counterpoint, upper: int, lower: int) -> Iterator[Hit]:
    """The same imperfect consonance in bar after bar."""
    context = view.context
    if not context.wants("imperfect_run"):
        return
    longest = context.params("imperfect_run")["max_run"]
    run, kind = 0, 0
    for slot in view.bar_slices:
        high, low = view.tone_at(upper, slot), view.tone_at(lower, slot)
        here = number(low, high) if high and low and is_imperfect(low, high) else 0
        run = run + 1 if here and here == kind else 1
        kind = here
        if here and run == longest + 1:
            name = {3: "thirds", 6: "sixths"}[here]
            yield Hit("imperfect_run", slot, (upper, lower), f"{run} {name} in a row")


def _unisons(view: Counterpoint, upper: int, lower: int) -> Iterator[Hit]:
    for bar, slot in enumerate(view.bar_slices):
        high, low = view.tone_at(upper, slot), view.tone_at(lower, slot)
        if high is None or low is None or high.pitch != low.pitch:
            continue
        if 0 < bar < view.n_bars - 1:
            yield Hit("inner_unison", slot, (upper, lower), f"both have {high.name}")


def _distance(view: Counterpoint, upper: int, lower: int) -> Iterator[Hit]:
    context = view.context
    if not context.wants("distance"):
        return
    widest = context.params("distance")["max_semitones"]
    wide = False
    for slot in range(len(view.slices)):
        high, low = view.tone_at(upper, slot), view.tone_at(lower, slot)
        was, wide = wide, bool(high and low and abs(high.pitch - low.pitch) > widest)
        if wide and not was and high and low:
            apart = abs(high.pitch - low.pitch)
            yield Hit("distance", slot, (upper, lower), f"{apart} semitones, {widest} at most")
