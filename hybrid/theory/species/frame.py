"""How a counterpoint begins and ends."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid.theory.context import Context, Hit
from hybrid.theory.species.cantus import Counterpoint, Tone, view_counterpoint
from hybrid.theory.species.intervals import simple_name


def check_frame(context: Context) -> Iterator[Hit]:
    """First sound, last sound, and the two steps into it."""
    view = view_counterpoint(context)
    for row in view.others:
        yield from _opening(view, view.lines[row][0])
    yield from _closing(view)
    if context.wants("clausula"):
        yield from _clausula(view)


def _opening(view: Counterpoint, tone: Tone) -> Iterator[Hit]:
    """A voice's first tone against the lowest one; where it is the lowest, against the cantus."""
    rule = "opening" if view.n_voices == 2 else "opening_chord"
    params = view.context.params(rule)
    if not params or tone.bar:
        return  # what enters later does not begin the piece
    lowest = view.sounding(tone.slice)[0]
    below = lowest is tone
    other = view.tone_at(view.cantus, tone.slice) if below else lowest
    if other is None:
        return
    name = simple_name(other, tone)
    if name not in params["below" if below else "above"]:
        text = f"{tone.name} {'under' if below else 'over'} {other.name}, {name}"
        yield Hit(rule, tone.slice, tuple(sorted((tone.row, other.row))), text)


def _closing(view: Counterpoint) -> Iterator[Hit]:
    rule = "closing" if view.n_voices == 2 else "closing_chord"
    params = view.context.params(rule)
    slot = len(view.slices) - 1
    tones = view.sounding(slot)
    if not params or not tones:
        return
    final = view.lines[view.cantus][-1]
    lowest = tones[0]
    if simple_name(lowest, final) != "P1":
        rows = tuple(sorted({lowest.row, final.row}))
        yield Hit(rule, slot, rows, f"{lowest.name} in the lowest voice under {final.name}")
        return
    for tone in tones[1:]:
        name = simple_name(lowest, tone)
        if name not in params["above"]:
            yield Hit(rule, slot, tuple(sorted((lowest.row, tone.row))), f"{name} at the end")


def _clausula(view: Counterpoint) -> Iterator[Hit]:
    """Two voices step to the final from both sides, one by a semitone, one by a whole tone."""
    final = view.lines[view.cantus][-1]
    ways: set[int] = set()
    for row in range(view.n_voices):
        last = view.lines[row][-1]
        before = view.before(last)
        if before is not None and (last.pitch - final.pitch) % 12 == 0:
            ways.add(last.pitch - before.pitch)
    if not ({-2, 1} <= ways or {-1, 2} <= ways):
        rows = tuple(range(view.n_voices))
        slot = view.lines[view.cantus][-1].slice
        text = f"no two voices step to {final.name} from both sides"
        yield Hit("clausula", slot, rows, text)
