"""Harmonic errors planted in chorales that break no rule of part-writing.

A span of one chord (or a few) gets other pitches in the same rhythm: of another chord, of the
same chord on another bass, of a chord that does not close where a cadence was, or of another
key's scale. A plant is taken only where the checker finds no error and no warning that was not
there before, and where the chord that now sounds is not the annotated one any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import NO_SPELLING, Key, pitch_class
from hybrid.core.score import Score
from hybrid.repair.excerpts import excerpt
from hybrid.theory import check, find_cadences
from hybrid.theory.agreement import fit_chords

KINDS = ("wrong chord", "wrong inversion", "missed cadence", "stray modulation")
TRIES = 24
#: Numerals that another chord is drawn from, by the key's mode.
OTHERS = {
    False: ("I", "ii", "iii", "IV", "V", "vi", "I6", "ii6", "IV6", "V6", "V65", "viio6", "vi6"),
    True: ("i", "iio6", "III", "iv", "V", "VI", "i6", "iv6", "V6", "V65", "viio6", "VII", "III6"),
}


@dataclass(frozen=True, eq=False)
class Plant:
    """An error in its place.

    Attributes
    ----------
    kind, piece : str
    score : Score
        With the error.
    spans : tuple of ChordSpan
        The annotated chords of the place.
    n_changed : int
        Notes.
    """

    kind: str
    piece: str
    score: Score
    spans: tuple[ChordSpan, ...]
    n_changed: int


def window(score: Score, spans: Sequence[ChordSpan], bars: int = 3) -> tuple[int, int]:
    """Ticks of the spans with some bars around them."""
    all_bars = score.bars
    first = max(0, _bar_index(score, spans[0].onset) - bars)
    last = min(len(all_bars) - 1, _bar_index(score, spans[-1].end - 1) + bars)
    return (all_bars[first].start if first else 0), min(all_bars[last].end, score.length)


def _bar_index(score: Score, tick: int) -> int:
    return max(0, sum(bar.start <= tick for bar in score.bars) - 1)


def faults(score: Score, span: tuple[int, int]) -> set[tuple[str, int, tuple[str, ...]]]:
    """Errors and warnings of the chorale rules in a passage, harmony read from its notes."""
    return {
        (item.rule, item.tick, item.voices)
        for item in check(excerpt(score, *span))
        if item.severity != "info"
    }


def plant(
    kind: str,
    piece: str,
    score: Score,
    chords: Sequence[ChordSpan],
    closes: Sequence[tuple[int, str]],
    at: int,
    rng: np.random.Generator,
) -> Plant | None:
    """One error at a chord; None where none was found that breaks no rule.

    Parameters
    ----------
    closes : sequence of (int, str)
        Ends and kinds of the cadences.
    at : int
        Index of the chord.
    """
    spans = [chords[at]]
    if kind == "stray modulation":
        spans = list(chords[at : at + 3])
        if len(spans) < 3 or spans[0].key != spans[-1].key:
            return None
    end = next((end for end, _ in closes if spans[0].onset < end <= spans[0].end), None)
    if (kind == "missed cadence") != (end is not None) and kind != "stray modulation":
        return None
    around = window(score, spans, 1)
    before = faults(score, around)
    for _ in range(TRIES):
        made = _drawn(kind, score, spans, rng)
        if made is None:
            continue
        n_changed = _n_changed(score, made)
        least = 2 if kind == "stray modulation" else 1
        if n_changed < least or not _is_wrong(kind, made, spans):
            continue
        if not faults(made, around) <= before:
            continue
        # Once more with more of the piece around, which the harmony is read from.
        wide = window(score, spans)
        if not faults(made, wide) <= faults(score, wide):
            continue
        if kind == "missed cadence":
            assert end is not None
            if find_cadences(made, ends=[end], keys=spans[0].key):
                continue
        return Plant(kind, piece, made, tuple(spans), n_changed)
    return None


def _is_wrong(kind: str, made: Score, spans: Sequence[ChordSpan]) -> bool:
    fits = fit_chords(spans, made)
    if kind == "wrong inversion":
        return not fits[0].has_bass
    if kind == "stray modulation":
        return True
    return fits[0].share < 0.75


def _n_changed(score: Score, made: Score) -> int:
    return sum(
        int((old.notes["pitch"] != new.notes["pitch"]).sum())
        for old, new in zip(score.tracks, made.tracks, strict=True)
    )


def _drawn(
    kind: str, score: Score, spans: Sequence[ChordSpan], rng: np.random.Generator
) -> Score | None:
    span = spans[0]
    numeral = RomanNumeral.parse(span.numeral)
    old = [pitch_class(tone) for tone in numeral.tones(span.key)]
    if kind == "stray modulation":
        return _altered(score, spans, rng)
    if kind == "wrong inversion":
        bass = pitch_class(numeral.bass(span.key))
        others = [tone for tone in old[:3] if tone != bass]
        return _voiced(score, span, old, others[int(rng.integers(len(others)))], rng)
    choices = OTHERS[span.key.is_minor]
    other = RomanNumeral.parse(choices[int(rng.integers(len(choices)))])
    new = [pitch_class(tone) for tone in other.tones(span.key)]
    if len(set(new) & set(old)) > 1:
        return None
    return _voiced(score, span, new, pitch_class(other.bass(span.key)), rng)


def _voiced(
    score: Score, span: ChordSpan, tones: Sequence[int], bass: int, rng: np.random.Generator
) -> Score:
    """The notes that begin in a span moved to a chord's tones, the lowest track to its bass."""
    tracks = list(score.tracks)
    for index, track in enumerate(tracks):
        notes = track.notes.copy()
        inside = (notes["onset"] >= span.onset) & (notes["onset"] < span.end)
        wanted = [bass] if index == len(tracks) - 1 else list(tones)
        for at in np.flatnonzero(inside).tolist():
            pitch = int(notes["pitch"][at])
            near = [p for p in range(pitch - 7, pitch + 8) if p % 12 in wanted]
            near.sort(key=lambda p: abs(p - pitch))
            choice = near[min(int(rng.geometric(0.6)) - 1, len(near) - 1)]
            notes["pitch"][at] = choice
            notes["spelling"][at] = span.key.spell(choice)
        tracks[index] = replace(track, notes=notes)
    return replace(score, tracks=tuple(tracks))


def _altered(score: Score, spans: Sequence[ChordSpan], rng: np.random.Generator) -> Score | None:
    """The notes of some chords as they would be in a key two or more places away.

    One or two degrees of the scale get the accidentals of the other key, everywhere in the span.
    """
    key = spans[0].key
    shift = int(rng.choice([-3, -2, 2, 3]))
    other = Key(key.tonic + shift, key.mode)
    moved: dict[int, int] = {}
    by_letter = {tone % 7: tone for tone in other.scale}
    for tone in key.scale:
        new = by_letter.get(tone % 7)
        if new is not None and new != tone:
            moved[pitch_class(tone)] = (new - tone) // 7
    tracks = list(score.tracks)
    low, high = spans[0].onset, spans[-1].end
    for index, track in enumerate(tracks):
        notes: NDArray[np.void] = track.notes.copy()
        inside = (notes["onset"] >= low) & (notes["onset"] < high)
        for at in np.flatnonzero(inside).tolist():
            step = moved.get(int(notes["pitch"][at]) % 12)
            if step is None:
                continue
            notes["pitch"][at] += step
            if notes["spelling"][at] != NO_SPELLING:
                notes["spelling"][at] += 7 * step
        tracks[index] = replace(track, notes=notes)
    return replace(score, tracks=tuple(tracks))
