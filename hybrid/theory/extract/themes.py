"""Theme labels: which phrases are the same music, and what became of it.

A phrase takes the label of the earlier theme that it is most like, if it is like enough;
else it gets a new one. Likeness is the F-measure of the pairs (place in the phrase, pitch)
that two leading lines share, above their tonics, mixed with the likeness of the harmony.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.core.pitch import Key, pitch_class
from hybrid.theory.extract.lead import BarPairs, Lead

#: From here on two phrases are the same theme.
SAME = 0.48
#: From here on a transformed line is the theme: it must be clear to be heard as such.
TRANSFORMED = 0.6
LITERAL = 0.97
#: An ornamented theme keeps this share of the theme's pairs and adds this many more notes.
ORNAMENT_KEPT, ORNAMENT_ADDED = 0.75, 1.25
#: Fewest notes of a line that can be told by its shape.
MIN_NOTES = 5
#: Lengths of the shorter and the longer phrase must be in this proportion.
MIN_LENGTH_RATIO = 0.6

Pair = tuple[int, int]


@dataclass(frozen=True)
class ThemeUse:
    """A phrase's theme, and what it does to it (of `hybrid.core.plan.VARIATIONS`)."""

    label: str
    variation: str | None = None
    steps: int = 0


@dataclass(frozen=True)
class _Line:
    """A phrase's leading line: notes as (sixteenth in the phrase, pitch), and its tonic."""

    notes: tuple[Pair, ...]
    key: Key
    first: int
    stop: int

    @property
    def bars(self) -> int:
        return self.stop - self.first

    def above_tonic(self) -> set[Pair]:
        tonic = pitch_class(self.key.tonic)
        return {(at, (pitch - tonic) % 12) for at, pitch in self.notes}

    def steps(self) -> tuple[Pair, ...]:
        """Notes with scale steps instead of pitches; chromatic notes take the step below."""
        tonic = pitch_class(self.key.tonic)
        scale = [(pitch_class(tone) - tonic) % 12 for tone in self.key.scale]
        found = []
        for at, pitch in self.notes:
            octave, above = divmod(pitch - tonic, 12)
            step = max((i for i, tone in enumerate(scale) if tone <= above), default=0)
            found.append((at, 7 * octave + step))
        return tuple(found)


def name_themes(
    phrases: Sequence[tuple[int, int]],
    keys: Sequence[Key],
    lead: Lead,
    pairs: BarPairs,
    slots: Sequence[int],
) -> list[ThemeUse]:
    """Labels of phrases in order of appearance: a, b, c ...

    Parameters
    ----------
    phrases : sequence of (int, int)
        First bar and the bar after the last, as indices.
    keys : sequence of Key
        Of the phrases.
    lead : Lead
    pairs : BarPairs
    slots : sequence of int
        Sixteenths in each bar.
    """
    lines = [
        _line(first, stop, key, lead, slots)
        for (first, stop), key in zip(phrases, keys, strict=True)
    ]
    uses: list[ThemeUse] = []
    models: dict[str, _Line] = {}
    for line in lines:
        use = _recognise(line, models, pairs)
        if use is None:
            use = ThemeUse(_letter(len(models)))
            models[use.label] = line
        uses.append(use)
    return uses


def _line(first: int, stop: int, key: Key, lead: Lead, slots: Sequence[int]) -> _Line:
    offset = np.concatenate([[0], np.cumsum(slots[first:stop])])
    inside = np.flatnonzero((lead.bar >= first) & (lead.bar < stop))
    at = lead.slot[inside] + offset[lead.bar[inside] - first]
    return _Line(
        tuple(zip(at.tolist(), lead.pitch[inside].tolist(), strict=True)), key, first, stop
    )


def _letter(index: int) -> str:
    """a .. z, then aa, ab ..."""
    name = ""
    index += 1
    while index:
        index, place = divmod(index - 1, 26)
        name = chr(ord("a") + place) + name
    return name


def likeness(line: _Line, model: _Line, pairs: BarPairs) -> float:
    """How much two phrases are the same music in their keys, 0..1."""
    shorter, longer = sorted((line.bars, model.bars))
    if shorter < MIN_LENGTH_RATIO * longer:
        return 0.0
    a, b = np.arange(shorter) + line.first, np.arange(shorter) + model.first
    return float(pairs.alike[a, b].mean()) * shorter / longer


def _recognise(line: _Line, models: dict[str, _Line], pairs: BarPairs) -> ThemeUse | None:
    ranked = sorted(
        ((likeness(line, model, pairs), label) for label, model in models.items()),
        key=lambda item: -item[0],
    )
    if ranked and ranked[0][0] >= SAME:
        return _variation(line, models[ranked[0][1]], ranked[0][1])
    if len(line.notes) < MIN_NOTES:
        return None
    for label, model in models.items():
        if len(model.notes) >= MIN_NOTES:
            use = _transformation(line, model, label)
            if use is not None:
                return use
    return None


def _variation(line: _Line, model: _Line, label: str) -> ThemeUse:
    own, theme = set(line.notes), set(model.notes)
    moved, home = line.above_tonic(), model.above_tonic()
    if own == theme or f_measure(own, theme) >= LITERAL:
        return ThemeUse(label, "literal")
    if line.key.tonic != model.key.tonic and f_measure(moved, home) > f_measure(own, theme):
        return ThemeUse(label, "transposed")
    kept = len(moved & home) >= ORNAMENT_KEPT * len(home) > 0
    if kept and len(line.notes) >= ORNAMENT_ADDED * len(model.notes):
        return ThemeUse(label, "ornament")
    return ThemeUse(label, "varied")


def f_measure(first: set[Pair], second: set[Pair]) -> float:
    """Twice the common pairs by all pairs, 0..1; 0 where both are empty."""
    total = len(first) + len(second)
    return 2 * len(first & second) / total if total else 0.0


def _transformation(line: _Line, model: _Line, label: str) -> ThemeUse | None:
    """A theme's shape on other steps, upside down, backwards, slower or faster."""
    theme = model.steps()
    own = set(line.steps())
    start, last = theme[0][0], theme[-1][0]
    here = line.steps()[0]
    found = {
        "inversion": {(at, -step) for at, step in theme},
        "retrograde": {(last - at, step) for at, step in theme},
        "augmentation": {(2 * (at - start), step) for at, step in theme},
        "diminution": {((at - start) // 2, step) for at, step in theme if (at - start) % 2 == 0},
    }
    for steps in (*range(-7, 0), *range(1, 8)):
        if f_measure(own, {(at, step + steps) for at, step in theme}) >= TRANSFORMED:
            return ThemeUse(label, "sequence", steps)
    for name, shape in found.items():
        # On whatever step it begins.
        first = min(shape)
        moved = {(at - first[0] + here[0], step - first[1] + here[1]) for at, step in shape}
        if f_measure(own, moved) >= TRANSFORMED:
            return ThemeUse(label, name)
    return None
