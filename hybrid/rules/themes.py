"""Themes: invented once for each label.

A theme is a rhythm and a row of wanted heights, in scale steps from the tonic. On its first
appearance both come from L-systems (`hybrid.rules.motifs`) laid out over the phrase's bars; the
melody that is then drawn is remembered and, transformed, wanted again later
(`hybrid.rules.variations`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, beat_ticks, to_ticks
from hybrid.rules.motifs import draw_contour, draw_rhythm

#: Degrees (0 is the tonic) on which a melody likes to end, by cadence, with weights.
FINAL_DEGREES = {
    "PAC": ((0, 1.0),),
    "IAC": ((2, 0.8), (4, 0.2)),
    "HC": ((1, 0.55), (6, 0.3), (4, 0.15)),
    "DC": ((0, 0.8), (2, 0.2)),
    "PC": ((0, 1.0),),
    "none": ((2, 0.4), (4, 0.3), (0, 0.3)),
}


@dataclass(frozen=True)
class ShapeNote:
    """A wanted note: ticks from the phrase's start, and scale steps from the tonic.

    An ``upbeat`` follows the phrase's last note and leads to the next phrase; its height is not
    the theme's. ``exact`` is a remembered note: semitones from the tonic that heights count
    from, and places from it on the line of fifths.
    """

    onset: int
    duration: int
    height: float
    weight: float = 0.35
    ornament: bool = False
    upbeat: bool = False
    exact: tuple[int, int] | None = None


@dataclass(frozen=True)
class Shape:
    """What a phrase's melody shall look like.

    Attributes
    ----------
    notes : tuple of ShapeNote
    made_by : str
        How it came about, for the trace.
    strict : bool
        Whether the melody is to be the same, note by note, where the harmony lets it.
    changed : frozenset of int
        Numbers of notes that shall differ from the remembered ones.
    """

    notes: tuple[ShapeNote, ...]
    made_by: str
    strict: bool = False
    changed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Theme:
    """A remembered theme.

    Attributes
    ----------
    label : str
    notes : tuple of ShapeNote
        As it sounded first: heights are those of the melody that was drawn.
    curve : str
        The L-system that its contour is from.
    bar_ticks : int
    ticks : int
        Length of the phrase.
    numerals : tuple of (int, str)
        Chords of the phrase it was written for, with their onsets.
    mode : str
    """

    label: str
    notes: tuple[ShapeNote, ...]
    curve: str
    bar_ticks: int
    ticks: int
    numerals: tuple[tuple[int, str], ...] = ()
    mode: str = "major"


def rhythm_kind(placed: PlacedPhrase) -> str:
    """Which dividing L-system a phrase's rhythm comes from."""
    if placed.metre.is_compound:
        return "compound"
    return "chorale" if placed.shared.texture in ("chorale", "counterpoint") else "song"


def invent(
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    rng: np.random.Generator,
    avoid: tuple[str, ...],
    taken: frozenset[tuple[Fraction, ...]],
    upbeat: int = 0,
) -> tuple[Shape, str, tuple[Fraction, ...]]:
    """A new theme for a phrase.

    Parameters
    ----------
    avoid : tuple of str
        Curves that other themes have.
    taken : frozenset
        First bars' rhythms that other themes have.
    upbeat : int
        Ticks at the phrase's end that lead to the next phrase.

    Returns
    -------
    (Shape, str, tuple of Fraction)
        What is wanted, the curve's name and the first bar's rhythm.
    """
    kind = rhythm_kind(placed)
    bar = placed.metre.bar_quarters
    beats = max(1, round(bar / placed.metre.beat_quarters))
    dense = {"chorale": (beats - 1, beats + 2), "song": (beats, 2 * beats - 1)}.get(
        kind, (beats + 1, 3 * beats)
    )
    motif = draw_rhythm(rng, kind, bar, dense)
    for _ in range(6):
        if motif not in taken:
            break
        motif = draw_rhythm(rng, kind, bar, dense)
    answer = draw_rhythm(rng, kind, bar, dense)
    busy = draw_rhythm(rng, kind, bar, (dense[0] + 1, dense[1] + 2))
    rows = _layout(placed.bars, motif, answer, busy)
    n_contour = max(3, min(8, max(len(row) for row in (motif, answer, busy))))
    head = draw_contour(rng, avoid, n_contour)
    tail = draw_contour(rng, tuple(name for name in avoid if name != head.source), n_contour)
    final = final_height(placed, rng)
    start = float(rng.choice([0, 2, 4], p=[0.3, 0.35, 0.35]))
    peak = float(rng.choice([5, 6, 7], p=[0.35, 0.3, 0.35]))
    peak_at = float(rng.uniform(0.45, 0.75))
    notes: list[ShapeNote] = []
    bar_ticks = to_ticks(bar)
    total = placed.bars * bar_ticks
    for number, (row, is_motif) in enumerate(rows):
        steps = head.steps if is_motif else tail.steps
        position = Fraction(0)
        for place, value in enumerate(row):
            onset = number * bar_ticks + to_ticks(position)
            along = onset / total
            arch = _arch(along, start, peak, peak_at, final)
            wiggle = steps[place % len(steps)] - float(np.mean(steps[: len(row)]))
            notes.append(ShapeNote(onset, to_ticks(value), arch + 0.8 * wiggle))
            position += value
    notes = with_final(notes, placed, chords, final, upbeat)
    return (
        Shape(tuple(notes), f"theme {placed.phrase.theme} motif L-system {head.source}"),
        (head.source),
        motif,
    )


def _layout(
    n_bars: int,
    motif: tuple[Fraction, ...],
    answer: tuple[Fraction, ...],
    busy: tuple[Fraction, ...],
) -> list[tuple[tuple[Fraction, ...], bool]]:
    """A rhythm for every bar, and whether it carries the motif: sentences and their parts.

    Presentation (motif, motif), continuation (busier bars), cadence: Caplin (1998), ch. 3.
    """
    if n_bars == 1:
        return [(motif, True)]
    if n_bars == 2:
        return [(motif, True), (answer, False)]
    if n_bars == 3:
        return [(motif, True), (motif, True), (answer, False)]
    rows: list[tuple[tuple[Fraction, ...], bool]] = []
    while n_bars - len(rows) > 4:
        rows.extend([(motif, True), (answer, False)])
    left = n_bars - len(rows)
    rows.extend([(motif, True), (motif, True), (busy, False), (answer, False)][:left])
    return rows


def _arch(along: float, start: float, peak: float, peak_at: float, final: float) -> float:
    """A smooth line from start over the peak to the end."""
    if along <= peak_at:
        share = along / peak_at
        return start + (peak - start) * (0.5 - 0.5 * float(np.cos(np.pi * share)))
    share = (along - peak_at) / (1 - peak_at)
    return peak + (final - peak) * (0.5 - 0.5 * float(np.cos(np.pi * share)))


def final_height(placed: PlacedPhrase, rng: np.random.Generator) -> float:
    """Scale steps from the tonic on which a melody may end, drawn by the cadence."""
    options = FINAL_DEGREES[placed.phrase.cadence or "none"]
    weights = np.array([weight for _, weight in options])
    degree = options[int(rng.choice(len(options), p=weights / weights.sum()))][0]
    return float(degree if degree < 6 else degree - 7)


def with_final(
    notes: list[ShapeNote],
    placed: PlacedPhrase,
    chords: tuple[Chord, ...],
    final: float,
    upbeat: int,
) -> list[ShapeNote]:
    """Let the last note start with the last chord, a bar before its end at the earliest."""
    start = to_ticks(placed.start)
    end = to_ticks(placed.quarters)
    bar_ticks = to_ticks(placed.metre.bar_quarters)
    rest = end - upbeat
    landing = max(chords[-1].onset - start, rest - bar_ticks)
    if placed.phrase.cadence == "none":
        return [note for note in notes if note.onset < end]
    kept = [note for note in notes if note.onset < landing]
    if kept and kept[-1].onset + kept[-1].duration > landing:
        last = kept[-1]
        kept[-1] = replace(last, duration=landing - last.onset)
    beat = beat_ticks(placed.metre)
    after = [ShapeNote(onset, beat, final, 0.0, upbeat=True) for onset in range(rest, end, beat)]
    exact = next((n.exact for n in notes if n.onset == landing), None)
    closing = ShapeNote(landing, rest - landing, final, weight=1.2, exact=exact)
    return [*kept, closing, *after]
