"""What the note models are told: a plan and a score as arrays on 24 ticks a quarter.

One function makes the arrays of a plan, whether a corpus' labels made the plan (training)
or a user wrote it (generation), so that a model sees the same thing both times. Only NumPy
and `hybrid.core` are needed. The columns are described in
`hybrid.symbolic_transformer.tables`; what holds at single moments is told by
`hybrid.symbolic_transformer.moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError, ScoreError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.plan import DYNAMICS, REGISTERS, FormPlan, PlacedPhrase
from hybrid.core.score import Score
from hybrid.core.timeline import Bar
from hybrid.symbolic_transformer.tables import (
    BAR_DTYPE,
    CADENCE_DTYPE,
    CADENCE_KINDS,
    CHORD_DTYPE,
    KEY_DTYPE,
    LABEL_DTYPE,
    MAX_TRACKS,
    MODES,
    NOTE_DTYPE,
    PHRASE_DTYPE,
    QUALITIES,
    ROLES,
    TEXTURE_KINDS,
    TICKS,
    VARIATION_KINDS,
    PhraseMark,
    PlanArrays,
    ScoreArrays,
    quarters_to_grid,
    table,
    to_grid,
)

# --- Score -> arrays -------------------------------------------------------------------------


def score_arrays(
    score: Score,
    tracks: Sequence[int] | None = None,
    timing: Sequence[NDArray[np.int64]] | None = None,
) -> ScoreArrays:
    """Put a score's notes and bars on the grid.

    Parameters
    ----------
    score : Score
        Played music is quantised before (`timing` says how far); here onsets and ends go to the
        nearest 1/24 quarter, and a note shorter than that becomes one tick long.
    tracks : sequence of int, optional
        Track numbers 0..126 for the score's tracks, -1 to leave one out; their order where left
        out.
    timing : sequence of np.ndarray, optional
        For each track the timing column (`NOTE_DTYPE`) of its notes.

    Raises
    ------
    ScoreError
        If the numbers do not fit the tracks.
    """
    numbers = tuple(range(len(score.tracks))) if tracks is None else tuple(tracks)
    if len(numbers) != len(score.tracks) or any(not -1 <= n < MAX_TRACKS for n in numbers):
        raise ScoreError(
            f"tracks must be {len(score.tracks)} numbers in -1..{MAX_TRACKS - 1}, got {numbers}"
        )
    quarter = score.ticks_per_quarter
    parts, n_moved = [], 0
    for index, (number, track) in enumerate(zip(numbers, score.tracks, strict=True)):
        if number < 0:
            continue
        onset = track.notes["onset"]
        end = onset + track.notes["duration"]
        part = np.zeros(len(onset), dtype=NOTE_DTYPE)
        start24, end24 = to_grid(onset, quarter), to_grid(end, quarter)
        off_grid = (start24 * quarter != onset * TICKS) | (end24 * quarter != end * TICKS)
        n_moved += int(off_grid.sum())
        part["onset"], part["duration"] = start24, np.maximum(1, end24 - start24)
        part["pitch"], part["velocity"] = track.notes["pitch"], track.notes["velocity"]
        part["track"] = number
        if timing is not None:
            part["timing"] = np.clip(timing[index], -32768, 32767)
        parts.append(part)
    notes = np.concatenate(parts) if parts else np.empty(0, NOTE_DTYPE)
    # Of notes that fall together the longest stays.
    order = np.lexsort((-notes["duration"], notes["pitch"], notes["track"], notes["onset"]))
    notes = notes[order]
    same = np.zeros(len(notes), dtype=bool)
    if len(notes):
        same[1:] = True
        for name in ("onset", "track", "pitch"):
            same[1:] &= notes[name][1:] == notes[name][:-1]
    bars = [
        _bar_row(bar, *to_grid(np.array([bar.start, bar.end]), quarter).tolist())
        for bar in score.bars
    ]
    length = int(to_grid(np.array([score.length]), quarter)[0])
    notes = notes[~same]
    if len(notes):
        length = max(length, int((notes["onset"] + notes["duration"]).max()))
    return ScoreArrays(length, notes, table(bars, BAR_DTYPE), n_moved, int(same.sum()))


def _bar_row(bar: Bar, start: int, end: int) -> tuple[int, int, int, int, int]:
    return start, end, bar.metre.numerator, bar.metre.denominator, int(bar.is_pickup)


# --- Plan -> arrays --------------------------------------------------------------------------


def plan_arrays(plan: FormPlan, marks: Sequence[PhraseMark] | None = None) -> PlanArrays:
    """Put a plan on the grid.

    Parameters
    ----------
    plan : FormPlan
        Complete (bars, key and metre everywhere); chords, cadences and themes may be missing.
    marks : sequence of PhraseMark, optional
        Where phrases really end, for pieces of corpora; ascending, the last one at the piece's
        end. They then stand in place of the plan's own phrase ends and cadences, which fall on
        bar lines; sections and themes begin where the nearest marked phrase does.

    Returns
    -------
    PlanArrays

    Raises
    ------
    PlanError
        If the plan is not complete.

    Notes
    -----
    A piece with a pickup usually has one before each phrase. Where the plan has a chord that
    fills exactly a pickup's length before the bar line, that chord is taken for the next
    phrase's upbeat: the phrase begins with it, and the cadence is the chord before it.

    Examples
    --------
    >>> from hybrid.core.plan import Phrase, Section, parse_chords
    >>> from hybrid.core.timeline import Metre
    >>> metre = Metre.parse("4/4")
    >>> phrase = Phrase(bars=2, chords=parse_chords("I V | I", metre), cadence="PAC", theme="a")
    >>> sections = (Section(phrases=(phrase,)),)
    >>> arrays = plan_arrays(FormPlan(sections=sections, key=Key.parse("D"), metre=metre))
    >>> arrays.chords["root"].tolist(), arrays.cadences.tolist()
    ([2, 9, 2], [(96, 1)])
    """
    placed = tuple(plan.phrases())
    length = quarters_to_grid(plan.quarters)
    starts = [0] + [quarters_to_grid(_phrase_start(plan, a, b)) for a, b in pairwise(placed)]
    ends = [*starts[1:], length]
    if marks is None:
        phrases = [
            _phrase_row(item, start, end)
            for item, start, end in zip(placed, starts, ends, strict=True)
        ]
        cadences = [
            (tick, phrase[2])
            for item, phrase in zip(placed, phrases, strict=True)
            if phrase[2] and (tick := _last_onset(item, phrase[1])) is not None
        ]
    else:
        phrases, cadences = _marked(placed, starts, marks, length)
        bounds = [phrase[0] for phrase in phrases]
        starts = [0] + [_marked_start(item, bounds) for item in placed[1:]]
        ends = [*starts[1:], length]
    sections = [
        (item.section_index, item.section.label, "none", item.section.role) for item in placed
    ]
    themes = [
        (item.index, item.phrase.theme or "", item.phrase.variation or "none", "")
        for item in placed
    ]
    return PlanArrays(
        length=length,
        bars=table(_plan_bars(plan, placed), BAR_DTYPE),
        keys=table(_plan_keys(placed, length), KEY_DTYPE),
        chords=table(_plan_chords(placed), CHORD_DTYPE),
        cadences=table(cadences, CADENCE_DTYPE),
        phrases=table(phrases, PHRASE_DTYPE),
        sections=table(_labels(sections, starts, ends), LABEL_DTYPE),
        themes=table(_labels(themes, starts, ends), LABEL_DTYPE),
    )


def _phrase_start(plan: FormPlan, before: PlacedPhrase, phrase: PlacedPhrase) -> Fraction:
    """Quarters at which a phrase begins: with its upbeat where the chords show one."""
    chords = before.phrase.chords
    # One chord alone is the cadence's own.
    if plan.pickup_quarters and len(chords) > 1 and chords[-1].duration == plan.pickup_quarters:
        return phrase.start - plan.pickup_quarters
    return phrase.start


def _phrase_row(
    item: PlacedPhrase, start: int, end: int, cadence: str | None = None
) -> tuple[int, int, int, int, int, int, float]:
    shared = item.shared
    kind = cadence if cadence is not None else item.phrase.cadence or "none"
    return (
        start,
        end,
        CADENCE_KINDS.index(kind),
        DYNAMICS.get(shared.dynamics or "", 0),
        TEXTURE_KINDS.index(shared.texture or "none"),
        REGISTERS.get(shared.register or "", 0),
        shared.tempo_qpm or 0.0,
    )


def _last_onset(item: PlacedPhrase, end: int) -> int | None:
    """Tick of the last chord that begins before ``end``; the last bar where there are none."""
    onsets = [quarters_to_grid(item.start + chord.onset) for chord in item.phrase.chords]
    inside = [tick for tick in onsets if tick < end]
    if inside:
        return inside[-1]
    last_bar = quarters_to_grid(item.end - item.metre.bar_quarters)
    return last_bar if last_bar < end else None


def _marked(
    placed: Sequence[PlacedPhrase], starts: Sequence[int], marks: Sequence[PhraseMark], length: int
) -> tuple[list[tuple[Any, ...]], list[tuple[int, int]]]:
    """Phrases and cadences at marked places, with the rest from the plan's phrase there."""
    phrases: list[tuple[Any, ...]] = []
    cadences: list[tuple[int, int]] = []
    begin = 0
    for mark in marks:
        end = length if mark is marks[-1] else min(quarters_to_grid(mark.end), length)
        if end <= begin:
            continue
        at = max(0, int(np.searchsorted(starts, begin, side="right")) - 1)
        phrases.append(_phrase_row(placed[at], begin, end, mark.cadence))
        if mark.cadence != "none" and mark.onset is not None:
            cadences.append((quarters_to_grid(mark.onset), CADENCE_KINDS.index(mark.cadence)))
        begin = end
    return phrases, cadences


def _marked_start(item: PlacedPhrase, bounds: Sequence[int]) -> int:
    """The marked start that belongs to a plan's phrase: the last one in the bar before it."""
    line = quarters_to_grid(item.start)
    bar = quarters_to_grid(item.metre.bar_quarters)
    inside = [tick for tick in bounds if line - bar < tick <= line]
    return inside[-1] if inside else line


def _plan_bars(plan: FormPlan, placed: Sequence[PlacedPhrase]) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = []
    if plan.pickup_quarters:
        metre = placed[0].metre
        rows.append(
            (0, quarters_to_grid(plan.pickup_quarters), metre.numerator, metre.denominator, 1)
        )
    for item in placed:
        bar = item.metre.bar_quarters
        for number in range(item.bars):
            start, end = (quarters_to_grid(item.start + (number + more) * bar) for more in (0, 1))
            rows.append((start, end, item.metre.numerator, item.metre.denominator, 0))
    return rows


def _plan_keys(placed: Sequence[PlacedPhrase], length: int) -> list[tuple[int, int, int, int]]:
    changes: list[tuple[int, int, int]] = []
    for item in placed:
        spans = [(item.start + chord.onset, item.key_of(chord)) for chord in item.phrase.chords]
        for at, key in spans or [(item.start, item.key)]:
            row = (quarters_to_grid(at), pitch_class(key.tonic), MODES.index(key.mode))
            if changes and changes[-1][0] == row[0]:
                changes.pop()
            if not changes or changes[-1][1:] != row[1:]:
                changes.append(row)
    changes[0] = (0, *changes[0][1:])
    ends = [*(row[0] for row in changes[1:]), length]
    return [
        (start, end, tonic, mode) for (start, tonic, mode), end in zip(changes, ends, strict=True)
    ]


def _plan_chords(placed: Sequence[PlacedPhrase]) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = []
    for item in placed:
        for chord in item.phrase.chords:
            start, end = (
                quarters_to_grid(item.start + chord.onset),
                quarters_to_grid(item.start + chord.end),
            )
            # Shorter than half a tick: no room for it.
            if end > start:
                rows.append((start, end, *chord_row(chord.numeral, item.key_of(chord))))
    return rows


@lru_cache(maxsize=16384)
def chord_row(numeral: str, key: Key) -> tuple[int, int, int, int]:
    """Root and bass pitch class, 12-bit mask of chord tones and quality id of a numeral in a key.

    The root of an augmented sixth is its raised fourth degree, as in `hybrid.core.numerals`.

    >>> root, bass, mask, quality = chord_row("V65", Key.parse("C"))
    >>> root, bass, [pc for pc in range(12) if mask >> pc & 1], QUALITIES[quality]
    (7, 11, [2, 5, 7, 11], 'dominant-seventh')
    """
    roman = RomanNumeral.parse(numeral)
    mask = 0
    for tone in roman.tones(key):
        mask |= 1 << pitch_class(tone)
    quality = roman.quality(key)
    if quality not in QUALITIES:
        raise PlanError(f"chord quality must be one of {', '.join(QUALITIES)}, got {quality!r}")
    return (
        pitch_class(roman.root(key)),
        pitch_class(roman.bass(key)),
        mask,
        QUALITIES.index(quality),
    )


def _labels(
    spans: Sequence[tuple[int, str, str, str]], starts: Sequence[int], ends: Sequence[int]
) -> list[tuple[int, ...]]:
    """Rows of `LABEL_DTYPE` from (group, label, variation, role) of each phrase.

    Neighbours of one group are one span; an empty label gives none.
    """
    rows: list[list[int]] = []
    numbers: dict[str, int] = {}
    seen: dict[str, list[int]] = {}
    before = None
    for (group, label, variation, role), start, end in zip(spans, starts, ends, strict=True):
        if label and group == before:
            rows[-1][1] = end
        elif label:
            number = numbers.setdefault(label, len(numbers))
            earlier = seen.setdefault(label, [])
            reference = earlier[0] if earlier else -1
            how = VARIATION_KINDS.index(variation)
            rows.append([start, end, number, len(earlier), reference, how, _role(role)])
            earlier.append(start)
        before = group
    return [tuple(row) for row in rows]


def _role(text: str) -> int:
    if not text:
        return 0
    return ROLES.index(text) if text in ROLES else ROLES.index("other")


__all__ = ["chord_row", "plan_arrays", "score_arrays"]
