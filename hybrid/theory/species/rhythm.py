"""Note values of the species, and what florid counterpoint asks of its rhythm."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from hybrid.core.errors import ConfigError
from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import is_step
from hybrid.theory.species.cantus import Counterpoint, Tone, view_counterpoint

EIGHTH = Fraction(1, 8)
QUARTER = Fraction(1, 4)
HALF = Fraction(1, 2)


def check_rhythm(context: Context) -> Iterator[Hit]:
    """Note values and their places, rests, ligatures, eighths, ties, variety."""
    view = view_counterpoint(context)
    for row in view.moving:
        yield from _values(view, row)
        yield from _rests(view, row)
        if context.wants("ligature"):
            yield from _ligatures(view, row)
        if context.wants("eighths"):
            yield from _eighths(view, row)
        if context.wants("tie_values"):
            yield from _ties(view, row)
        if context.wants("rhythm_variety"):
            yield from _variety(view, row)
    if context.wants("cadence_suspension"):
        yield from _cadence_suspension(view)


def parse_value(text: str) -> tuple[Fraction, Fraction | None]:
    """``"1@1/2"``: a length, and the only place for it; both in notes of the cantus.

    Raises
    ------
    ConfigError
        If the text is malformed.
    """
    length, at, place = text.partition("@")
    try:
        return Fraction(length), Fraction(place) if at else None
    except (ValueError, ZeroDivisionError):
        raise ConfigError(
            f"a note value must be LENGTH or LENGTH@PLACE such as '1/2@1/2', got {text!r}"
        ) from None


def _values(view: Counterpoint, row: int) -> Iterator[Hit]:
    params = view.context.params("note_values")
    if not params:
        return
    allowed = [parse_value(text) for text in params["values"]]
    close = [parse_value(text) for text in params.get("close", ())]
    for tone in view.lines[row]:
        if tone.bar == view.n_bars - 1:
            if tone.place:
                yield Hit("note_values", tone.slice, (row,), f"{tone.name} after the last note")
            continue  # the last note may be of any length
        closes = tone.bar == view.n_bars - 2 or tone.end > view.bounds[-3] > tone.onset
        pool = allowed + (close if closes else [])
        if not any(
            tone.length == length and (place is None or place == tone.place)
            for length, place in pool
        ):
            text = f"{tone.name} of {tone.length} at {tone.place} of its bar"
            yield Hit("note_values", tone.slice, (row,), text)


def _rests(view: Counterpoint, row: int) -> Iterator[Hit]:
    line = view.lines[row]
    for first, second in pairwise(line):
        if first.end < second.onset:
            yield Hit("inner_rest", second.slice, (row,), f"a rest before {second.name}")
    longest = view.context.params("inner_rest").get("max_opening", 1)
    if line[0].bar + line[0].place > longest:
        yield Hit("inner_rest", line[0].slice, (row,), f"{line[0].name} enters late")


def _ligatures(view: Counterpoint, row: int) -> Iterator[Hit]:
    """Bars, the first and the last left out, into which no tone is held."""
    for bar in range(1, view.n_bars - 1):
        slot = view.bar_slices[bar]
        tone = view.tone_at(row, slot)
        if tone is not None and tone.slice == slot:
            yield Hit("ligature", slot, (row,), f"{tone.name} is struck at the start of the bar")


def _eighths(view: Counterpoint, row: int) -> Iterator[Hit]:
    """Eighths come two by two, by step, on the weak half of a half note, once in a bar."""
    line = view.lines[row]
    starts: dict[int, int] = {}
    index = 0
    while index < len(line):
        tone = line[index]
        if tone.length > EIGHTH:
            index += 1
            continue
        after = view.after(tone)
        paired = after is not None and tone.length == after.length == EIGHTH
        if not paired or after is None or tone.place not in (QUARTER, 3 * QUARTER):
            text = f"{tone.name} is no first of two eighths on a weak quarter"
            yield Hit("eighths", tone.slice, (row,), text)
            index += 1
            continue
        if not _by_step(view.after(after), tone, after):
            yield Hit("eighths", tone.slice, (row,), f"{tone.name} {after.name} not joined by step")
        starts[tone.bar] = starts.get(tone.bar, 0) + 1
        if starts[tone.bar] == 2:
            yield Hit("eighths", tone.slice, (row,), "a second pair of eighths in one bar")
        index += 2


def _by_step(following: Tone | None, first: Tone, second: Tone) -> bool:
    """Whether two eighths are joined with each other and with what follows; a leap may lead in."""
    chain = [first, second] if following is None else [first, second, following]
    return all(bool(is_step(b.pitch - a.pitch)) for a, b in pairwise(chain))


def _ties(view: Counterpoint, row: int) -> Iterator[Hit]:
    """A tone held over a bar line is no longer after it than before, and no quarter before."""
    for tone in view.lines[row]:
        before = 1 - tone.place
        after = tone.length - before
        if after > 0 and tone.bar < view.n_bars - 1 and (before < HALF or after > before):
            text = f"{tone.name}: {before} tied to {after}"
            yield Hit("tie_values", tone.slice, (row,), text)


def _variety(view: Counterpoint, row: int) -> Iterator[Hit]:
    """Bars in a row that have nothing but one and the same note value."""
    longest = view.context.params("rhythm_variety")["max_bars"]
    bars: list[frozenset[Fraction]] = [frozenset() for _ in range(view.n_bars)]
    for tone in view.lines[row]:
        bars[tone.bar] |= {tone.length}
    run = 0
    for bar in range(view.n_bars - 1):
        alike = len(bars[bar]) == 1
        run = run + 1 if alike and bar and bars[bar] == bars[bar - 1] else int(alike)
        if run == longest + 1:
            slot = view.bar_slices[bar]
            text = f"{run} bars of one note value"
            yield Hit("rhythm_variety", slot, (row,), text)


def _cadence_suspension(view: Counterpoint) -> Iterator[Hit]:
    """The last bar but one has a tone held over that steps down to the leading tone's side."""
    bar = view.n_bars - 2
    if bar < 1:
        return
    slot = view.bar_slices[bar]
    for row in view.moving:
        tone = view.tone_at(row, slot)
        if tone is not None and tone.slice < slot:
            return
    rows = view.moving
    yield Hit("cadence_suspension", slot, rows, "no tone is held into the last bar but one")
