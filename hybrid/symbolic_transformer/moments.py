"""What a plan says at single moments: the rows of its tables looked up tick by tick."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.tables import TICKS, PlanArrays


@dataclass(frozen=True, eq=False)
class Conditions:
    """What holds at each of N moments; every array has shape (N,), int32.

    Attributes
    ----------
    tick : moments in 1/24 quarters
    bar : number of the bar from 0 (a pickup counts); ``in_bar`` ticks since its line (in a
        pickup counted so that it ends on the bar line), ``bar_length`` ticks of a full bar;
        ``numerator``, ``denominator``
    tonic, mode : local key; tonic -1 where none is known
    root, bass, mask, quality : chord; -1, -1, 0, 0 without one
    next_root, to_next_chord : the chord that follows and ticks until it; -1 and -1 at the last
    cadence, to_cadence : kind of the next cadence at or after this moment, and ticks until its
        last chord; 0 and -1 after the last one
    phrase, in_phrase, to_phrase_end : number, ticks since its start, ticks until its end
    section, section_occurrence, role : label, how often it came before, `ROLES`; -1, -1, 0
        without
    theme, theme_occurrence, variation : likewise; `VARIATION_KINDS`
    theme_reference : the moment of the theme's first appearance that this one returns to (same
        distance from the start, -1 where this is the first or the first one was shorter)
    section_reference : likewise for sections
    """

    tick: NDArray[Any]
    bar: NDArray[Any]
    in_bar: NDArray[Any]
    bar_length: NDArray[Any]
    numerator: NDArray[Any]
    denominator: NDArray[Any]
    tonic: NDArray[Any]
    mode: NDArray[Any]
    root: NDArray[Any]
    bass: NDArray[Any]
    mask: NDArray[Any]
    quality: NDArray[Any]
    next_root: NDArray[Any]
    to_next_chord: NDArray[Any]
    cadence: NDArray[Any]
    to_cadence: NDArray[Any]
    phrase: NDArray[Any]
    in_phrase: NDArray[Any]
    to_phrase_end: NDArray[Any]
    section: NDArray[Any]
    section_occurrence: NDArray[Any]
    section_reference: NDArray[Any]
    role: NDArray[Any]
    theme: NDArray[Any]
    theme_occurrence: NDArray[Any]
    theme_reference: NDArray[Any]
    variation: NDArray[Any]

    def __post_init__(self) -> None:
        for item in fields(self):
            values = np.ascontiguousarray(getattr(self, item.name), dtype=np.int32)
            if values.base is not None or values.flags.writeable:
                values = values.copy()
                values.flags.writeable = False
            object.__setattr__(self, item.name, values)


def conditions_at(arrays: PlanArrays, ticks: NDArray[Any]) -> Conditions:
    """What the plan says at each of some moments.

    Parameters
    ----------
    arrays : PlanArrays
    ticks : np.ndarray, shape (N,), int
        Moments in 1/24 quarters, 0 or later, in any order.
    """
    tick = np.asarray(ticks, dtype=np.int64)
    bars = arrays.bars
    bar = np.maximum(0, np.searchsorted(bars["start"], tick, side="right") - 1)
    numerator, denominator = (_at(bars, name, bar, 4) for name in ("numerator", "denominator"))
    full = 4 * TICKS * numerator // denominator
    start, end, pickup = (_at(bars, name, bar, 0) for name in ("start", "end", "is_pickup"))
    key = _span(arrays.keys, tick)
    chord = _span(arrays.chords, tick)
    following = np.searchsorted(arrays.chords["start"], tick, side="right")
    following = np.where(following < len(arrays.chords), following, -1)
    cadence = np.searchsorted(arrays.cadences["tick"], tick, side="left")
    cadence = np.where(cadence < len(arrays.cadences), cadence, -1)
    phrase = _span(arrays.phrases, tick)
    section, theme = _span(arrays.sections, tick), _span(arrays.themes, tick)
    return Conditions(
        tick=tick,
        bar=bar,
        in_bar=tick - start + np.where(pickup == 1, np.maximum(0, full - (end - start)), 0),
        bar_length=full,
        numerator=numerator,
        denominator=denominator,
        tonic=_at(arrays.keys, "tonic", key, -1),
        mode=_at(arrays.keys, "mode", key, 0),
        root=_at(arrays.chords, "root", chord, -1),
        bass=_at(arrays.chords, "bass", chord, -1),
        mask=_at(arrays.chords, "mask", chord, 0),
        quality=_at(arrays.chords, "quality", chord, 0),
        next_root=_at(arrays.chords, "root", following, -1),
        to_next_chord=_until(arrays.chords, "start", following, tick),
        cadence=_at(arrays.cadences, "kind", cadence, 0),
        to_cadence=_until(arrays.cadences, "tick", cadence, tick),
        phrase=phrase,
        in_phrase=np.where(phrase >= 0, tick - _at(arrays.phrases, "start", phrase, 0), -1),
        to_phrase_end=_until(arrays.phrases, "end", phrase, tick),
        section=_at(arrays.sections, "label", section, -1),
        section_occurrence=_at(arrays.sections, "occurrence", section, -1),
        section_reference=_reference(arrays.sections, section, tick),
        role=_at(arrays.sections, "role", section, 0),
        theme=_at(arrays.themes, "label", theme, -1),
        theme_occurrence=_at(arrays.themes, "occurrence", theme, -1),
        theme_reference=_reference(arrays.themes, theme, tick),
        variation=_at(arrays.themes, "variation", theme, 0),
    )


def _span(rows: NDArray[Any], tick: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the span that holds each tick, -1 for none."""
    if not len(rows):
        return np.full(len(tick), -1, dtype=np.int64)
    index = np.searchsorted(rows["start"], tick, side="right") - 1
    inside = (index >= 0) & (tick < rows["end"][np.maximum(index, 0)])
    result: NDArray[np.int64] = np.where(inside, index, -1)
    return result


def _at(rows: NDArray[Any], name: str, index: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
    if not len(rows):
        return np.full(len(index), missing, dtype=np.int64)
    values = rows[name][np.maximum(index, 0)].astype(np.int64)
    result: NDArray[np.int64] = np.where(index >= 0, values, missing)
    return result


def _until(
    rows: NDArray[Any], name: str, index: NDArray[np.int64], tick: NDArray[np.int64]
) -> NDArray[np.int64]:
    result: NDArray[np.int64] = np.where(index >= 0, _at(rows, name, index, 0) - tick, -1)
    return result


def _reference(
    rows: NDArray[Any], index: NDArray[np.int64], tick: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Moment in the first span of the same label, -1 for none."""
    first = _at(rows, "reference", index, -1)
    place = first + tick - _at(rows, "start", index, 0)
    home = _span(rows, np.maximum(place, 0))
    same = _at(rows, "start", home, -2) == first
    result: NDArray[np.int64] = np.where((index >= 0) & (first >= 0) & same, place, -1)
    return result


__all__ = ["Conditions", "conditions_at"]
