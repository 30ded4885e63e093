"""Variations: what a later phrase makes of a theme, after the plan's word for it.

References
----------
Schoenberg, A. (1967). Fundamentals of Musical Composition, ch. 3 and 17.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, to_ticks
from hybrid.rules.themes import Shape, ShapeNote, Theme, final_height, with_final

#: Share of the notes that change where a theme is varied over its own chords, and share of notes
#: over other chords from which on these chords are variation enough.
CHANGED, CHANGES = 0.1, 0.25


def take_up(
    theme: Theme,
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    rng: np.random.Generator,
    upbeat: int = 0,
) -> Shape:
    """What a later phrase makes of a theme, after the plan's word for it."""
    variation = placed.phrase.variation or "varied"
    length = to_ticks(placed.quarters)
    bar_ticks = to_ticks(placed.metre.bar_quarters)
    notes = tuple(note for note in theme.notes if not note.upbeat)
    # Where the first appearance led on with an upbeat, its last note is taken for as long.
    notes = (*notes[:-1], replace(notes[-1], duration=theme.ticks - notes[-1].onset))
    if bar_ticks != theme.bar_ticks:
        notes = _rescaled(notes, Fraction(bar_ticks, theme.bar_ticks))
    made_by = f"theme {theme.label} {variation}"
    strict = variation in ("literal", "transposed", "sequence", "varied")
    if variation == "sequence":
        steps = placed.phrase.variation_steps
        notes = tuple(replace(note, height=note.height + steps) for note in notes)
        made_by += f" {steps:+d} steps"
    elif variation == "inversion":
        axis = notes[0].height
        notes = tuple(replace(note, height=2 * axis - note.height) for note in notes)
        notes = _recentred(notes)
    elif variation == "retrograde":
        end = notes[-1].onset + notes[-1].duration
        notes = tuple(
            replace(note, onset=end - note.onset - note.duration) for note in reversed(notes)
        )
    elif variation == "augmentation":
        notes = tuple(
            replace(note, onset=2 * note.onset, duration=2 * note.duration) for note in notes
        )
    elif variation == "diminution":
        notes = _diminished(notes)
    elif variation == "ornament":
        notes = _ornamented(notes, rng)
    if variation not in ("literal", "varied", "transposed"):
        notes = tuple(replace(note, exact=None) for note in notes)
    notes = _fitted(notes, length, theme.ticks)
    notes = _where_harmony_holds(notes, theme, placed, chords)
    weight = 6.0 if strict else 1.6
    notes = tuple(replace(note, weight=note.weight if note.ornament else weight) for note in notes)
    final = notes[-1].height
    if variation not in ("literal", "varied", "transposed", "ornament"):
        final = final_height(placed, rng)
    shaped = with_final(list(notes), placed, chords, final, upbeat)
    if variation in ("literal", "varied", "transposed", "ornament"):
        weight = 2.5 if variation != "literal" else 6.0
        last = max(number for number, note in enumerate(shaped) if not note.upbeat)
        shaped[last] = replace(shaped[last], weight=weight)
        # An upbeat is taken up with the rest where the phrase has the same length.
        for number in range(last + 1, len(shaped)):
            old = [n for n in theme.notes if n.upbeat and n.onset == shaped[number].onset]
            if old:
                shaped[number] = replace(shaped[number], height=old[0].height, weight=weight)
    changed: frozenset[int] = frozenset()
    if variation == "varied" and sum(n.exact is None for n in notes) < CHANGES * len(notes):
        # Where other chords do not change it of themselves.
        changed = _changes(shaped, rng)
        shaped = [
            replace(note, weight=0.5, exact=None) if number in changed else note
            for number, note in enumerate(shaped)
        ]
    return Shape(tuple(shaped), made_by, strict=strict, changed=changed)


def _where_harmony_holds(
    notes: tuple[ShapeNote, ...],
    theme: Theme,
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
) -> tuple[ShapeNote, ...]:
    """Remembered notes stay exact where mode and chords are those of the first time."""
    start = to_ticks(placed.start)
    here = {chord.onset - start: chord.numeral.text for chord in chords}
    there = dict(theme.numerals)

    def numeral(table: dict[int, str], tick: int) -> str:
        onsets = [onset for onset in table if onset <= tick]
        return table[max(onsets)] if onsets else ""

    same_mode = placed.key.mode == theme.mode
    kept = []
    for note in notes:
        last = note.onset + note.duration - 1
        holds = same_mode and all(
            numeral(here, tick) == numeral(there, tick) for tick in (note.onset, last)
        )
        kept.append(note if holds else replace(note, exact=None))
    return tuple(kept)


def _changes(notes: list[ShapeNote], rng: np.random.Generator) -> frozenset[int]:
    """Some of the notes, one at least, none of them the first or the last two."""
    inner = range(1, sum(not note.upbeat for note in notes) - 2)
    if not len(inner):
        return frozenset()
    count = max(1, round(CHANGED * len(notes)))
    chosen = rng.permutation(len(inner))[:count]
    return frozenset(inner[int(place)] for place in chosen)


def _recentred(notes: tuple[ShapeNote, ...]) -> tuple[ShapeNote, ...]:
    """Moved by octaves of steps so that the line's middle is nearest to the third degree."""
    middle = float(np.mean([note.height for note in notes]))
    shift = 7 * round((2.5 - middle) / 7)
    return tuple(replace(note, height=note.height + shift) for note in notes)


def _rescaled(notes: tuple[ShapeNote, ...], factor: Fraction) -> tuple[ShapeNote, ...]:
    """Onsets stretched to bars of another length, on the nearest sixteenth of a quarter."""
    grid = 120
    result: list[ShapeNote] = []
    for note in notes:
        onset = int(note.onset * factor) // grid * grid
        if result and result[-1].onset == onset:
            continue
        result.append(replace(note, onset=onset))
    ends = [note.onset for note in result[1:]]
    ends.append(int((notes[-1].onset + notes[-1].duration) * factor) // grid * grid)
    return tuple(
        replace(note, duration=max(grid, end - note.onset))
        for note, end in zip(result, ends, strict=True)
    )


def _diminished(notes: tuple[ShapeNote, ...]) -> tuple[ShapeNote, ...]:
    """Every value halved; what is left of the phrase has the same once more, a step higher."""
    half = [
        replace(note, onset=note.onset // 2, duration=max(1, note.duration // 2)) for note in notes
    ]
    length = half[-1].onset + half[-1].duration
    again = [replace(note, onset=note.onset + length, height=note.height + 1) for note in half]
    return tuple(half + again)


def _ornamented(notes: tuple[ShapeNote, ...], rng: np.random.Generator) -> tuple[ShapeNote, ...]:
    """Passing notes, neighbours and turns between the theme's notes, which keep their places."""
    result: list[ShapeNote] = []
    for number, note in enumerate(notes):
        after = notes[number + 1] if number + 1 < len(notes) else None
        divides = after is not None and note.duration >= 240 and note.duration % 240 == 0
        if not divides or rng.random() > 0.7:
            result.append(note)
            continue
        assert after is not None
        step = after.height - note.height
        half = note.duration // 2
        if abs(step) >= 1.5:
            between = note.height + np.sign(step)
        else:
            between = note.height + (1.0 if rng.random() < 0.6 else -1.0)
        if note.duration >= 960 and rng.random() < 0.5:
            quarter = note.duration // 4
            result.append(replace(note, duration=2 * quarter))
            result.append(ShapeNote(note.onset + 2 * quarter, quarter, note.height + 1, 0.9, True))
            result.append(ShapeNote(note.onset + 3 * quarter, quarter, note.height - 1, 0.9, True))
            continue
        result.append(replace(note, duration=half))
        result.append(ShapeNote(note.onset + half, note.duration - half, between, 0.9, True))
    return tuple(result)


def _fitted(notes: tuple[ShapeNote, ...], length: int, theme_ticks: int) -> tuple[ShapeNote, ...]:
    """Cut at the phrase's end; where the phrase is longer the theme starts again, a step up."""
    result = list(notes)
    end = max(result[-1].onset + result[-1].duration, theme_ticks)
    shift = 1
    while end < length:
        result.extend(
            replace(note, onset=note.onset + end, height=note.height + shift) for note in notes
        )
        end += max(notes[-1].onset + notes[-1].duration, theme_ticks)
        shift += 1
    kept = [note for note in result if note.onset < length]
    last = kept[-1]
    if last.onset + last.duration > length:
        kept[-1] = replace(last, duration=length - last.onset)
    return tuple(kept)
