"""Dissonances of species counterpoint: which tone makes them, and by which figure it may.

Where two voices clash, one of them answers for it. At the start of a bar (a note of the
cantus) it is the voice that holds a tone over, which makes the clash a suspension; everywhere
else it is the voice that moves. In counterpoint of three voices and more, intervals are
counted from the lowest tone; between upper voices fourths and tritones agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import is_step
from hybrid.theory.species.cantus import Counterpoint, Tone, view_counterpoint
from hybrid.theory.species.intervals import is_consonant, number, simple_name

HALF = Fraction(1, 2)
SUSPENSIONS = ("suspension_preparation", "suspension_resolution", "suspension_interval")


class Clash(NamedTuple):
    """Two tones that do not agree: where, who answers for it, and the other one."""

    slice: int
    tone: Tone
    other: Tone
    strong: bool
    held: bool


def find_clashes(view: Counterpoint) -> Iterator[Clash]:
    """Every clash where it begins, lower tones first."""
    strong_slices = frozenset(view.bar_slices)
    before: set[tuple[int, int]] = set()
    for slot in range(len(view.slices)):
        tones = view.sounding(slot)
        now: set[tuple[int, int]] = set()
        for low, high in combinations(tones, 2):
            if _consonant(view, slot, low, high, tones[0]):
                continue
            pair = (low.row, high.row)
            now.add(pair)
            starts = [tone for tone in (low, high) if tone.slice == slot]
            if not starts and pair in before:
                continue  # told where it began
            strong = slot in strong_slices
            answers = _answers(view, low, high, starts, strong)
            other = high if answers is low else low
            yield Clash(slot, answers, other, strong, strong and answers.slice < slot)
        before = now


def _consonant(view: Counterpoint, slot: int, low: Tone, high: Tone, lowest: Tone) -> bool:
    """Whether two tones of a slice agree, given its lowest tone."""
    if is_consonant(low, high, above_lowest=low is lowest):
        return True
    # At the close of fuller writing Fux lets the leading tone carry its diminished fifth.
    is_close = view.bounds[-3] <= view.slices.tick[slot] < view.bounds[-2]
    return bool(view.n_voices > 2 and is_close and simple_name(low, high) in ("d5", "TT"))


def _answers(view: Counterpoint, low: Tone, high: Tone, starts: list[Tone], strong: bool) -> Tone:
    """The tone that is judged: the held one at a bar's start, else the one that moves."""
    free = [tone for tone in (low, high) if tone.row != view.cantus]
    if len(starts) == 1:
        held = low if starts[0] is high else high
        mover = held if strong else starts[0]
        if mover in free:
            return mover
    # Both begin, or neither: the shorter one moves; of equals the upper voice.
    return min(free, key=lambda tone: (tone.length, tone.row))


def check_dissonance(context: Context) -> Iterator[Hit]:
    """All rules on dissonance: strong and weak ones, and suspensions."""
    view = view_counterpoint(context)
    told: set[tuple[str, int, int]] = set()
    for clash in find_clashes(view):
        for hit in _judge(view, clash):
            key = (hit.rule, hit.slice, clash.tone.row)
            if key not in told:
                told.add(key)
                yield hit


def _judge(view: Counterpoint, clash: Clash) -> Iterator[Hit]:
    context = view.context
    if clash.held and any(context.wants(rule) for rule in SUSPENSIONS):
        yield from _suspension(view, clash)
        return
    rule = "strong_dissonance" if clash.strong else "weak_dissonance"
    if not context.wants(rule):
        rule = "dissonance"
    figures = context.params(rule).get("figures", ())
    if not any(FIGURES[name](view, clash.tone) for name in figures):
        yield _hit(rule, clash)


def _hit(rule: str, clash: Clash, text: str = "") -> Hit:
    name = _interval(clash)
    rows = tuple(sorted((clash.tone.row, clash.other.row)))
    low, high = sorted((clash.tone, clash.other), key=lambda tone: tone.pitch)
    return Hit(rule, clash.slice, rows, text or f"{low.name}-{high.name}, {name}")


def _interval(clash: Clash) -> str:
    return simple_name(clash.other, clash.tone)


# --- Figures: how a dissonance on a weak place may be joined to its neighbours ----------------


def is_passing(view: Counterpoint, tone: Tone) -> bool:
    """Reached and left by step in one direction."""
    before, after = view.before(tone), view.after(tone)
    if before is None or after is None:
        return False
    step, next_step = tone.pitch - before.pitch, after.pitch - tone.pitch
    return bool(is_step(step) and is_step(next_step) and step * next_step > 0)


def is_neighbour(view: Counterpoint, tone: Tone) -> bool:
    """Reached and left by step, back to the tone before."""
    before, after = view.before(tone), view.after(tone)
    if before is None or after is None:
        return False
    return bool(before.pitch == after.pitch and is_step(tone.pitch - before.pitch))


def is_cambiata(view: Counterpoint, tone: Tone) -> bool:
    """A step down to the tone, a third down from it, a step up after that."""
    before, after = view.before(tone), view.after(tone)
    last = view.after(after) if after else None
    if before is None or after is None or last is None:
        return False
    return bool(
        before.pitch - tone.pitch in (1, 2)
        and tone.pitch - after.pitch in (3, 4)
        and last.pitch - after.pitch in (1, 2)
    )


def is_double_neighbour(view: Counterpoint, tone: Tone) -> bool:
    """One of the two middle tones of four: both neighbours of a tone between its two strokes."""
    before, after = view.before(tone), view.after(tone)
    if before is None or after is None:
        return False
    for first, one, two in ((before, tone, after), (view.before(before), before, tone)):
        last = view.after(two)
        if first is None or last is None or first.pitch != last.pitch:
            continue
        up, down = one.pitch - first.pitch, two.pitch - first.pitch
        if is_step(up) and is_step(down) and up * down < 0:
            return True
    return False


def is_suspension(view: Counterpoint, tone: Tone) -> bool:
    """Held over the start of a bar from a consonance, and going down by step to one."""
    after = view.after(tone)
    is_over = after is not None and after.bar > tone.bar
    return is_over and _agrees(view, tone, tone.slice) and _resolves(view, tone, ornaments=False)


FIGURES = {
    "suspension": is_suspension,
    "passing": is_passing,
    "neighbour": is_neighbour,
    "cambiata": is_cambiata,
    "double_neighbour": is_double_neighbour,
}


# --- Suspensions -------------------------------------------------------------------------


def _suspension(view: Counterpoint, clash: Clash) -> Iterator[Hit]:
    """A tone held into a clash: it was consonant when it began, and steps down to agree."""
    tone = clash.tone
    context = view.context
    if not _agrees(view, tone, tone.slice):
        yield _hit("suspension_preparation", clash, f"{tone.name} clashes where it begins")
    params = context.params("suspension_interval")
    upper = tone.pitch > clash.other.pitch
    allowed = params.get("above" if upper else "below")
    found = number(clash.other, tone)
    if allowed is not None and found not in allowed and _is_outer(view, clash):
        where = "above" if upper else "below"
        yield _hit("suspension_interval", clash, f"a suspended {_interval(clash)} {where}")
    ornaments = bool(context.params("suspension_resolution").get("ornaments", False))
    if not _resolves(view, tone, ornaments):
        after = view.after(tone)
        there = after.name if after else "a rest"
        yield _hit("suspension_resolution", clash, f"{tone.name} goes to {there}")


def _is_outer(view: Counterpoint, clash: Clash) -> bool:
    """Whether the clash is with the lowest tone, from which intervals are counted."""
    lowest = view.sounding(clash.slice)[0]
    return clash.tone is lowest or clash.other is lowest


def _agrees(view: Counterpoint, tone: Tone, slot: int) -> bool:
    """Whether a tone is consonant with all others that sound in a slice."""
    tones = view.sounding(slot)
    for other in tones:
        if other.row == tone.row:
            continue
        low, high = (tone, other) if tones.index(tone) < tones.index(other) else (other, tone)
        if not _consonant(view, slot, low, high, tones[0]):
            return False
    return True


def _resolves(view: Counterpoint, tone: Tone, ornaments: bool) -> bool:
    """A step down to a tone that agrees; with ornaments by the bar's middle at the latest."""
    after = view.after(tone)
    bar_end = tone.end
    while after is not None:
        if tone.pitch - after.pitch in (1, 2) and _agrees(view, after, after.slice):
            return True
        if not ornaments:
            return False
        # A tone between: short, and over before the middle of the bar.
        following = view.after(after)
        if following is None or after.length > Fraction(1, 4) or following.place > HALF:
            return False
        if following.bar != after.bar or following.end < bar_end:
            return False
        after = following
    return False
