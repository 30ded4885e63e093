"""Plans of corpus pieces whose phrases people have labelled.

What the labels say stands in the plan: phrases, sections and, where people wrote them,
chords and keys. The rest (cadences, dynamics, textures, registers, tempo) is read from the
notes, by the same functions as in `hybrid.theory.extract`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import ScoreError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, PlanChord, Section
from hybrid.core.score import Score
from hybrid.core.timeline import Metre
from hybrid.theory.extract.dress import (
    mean_tempo,
    name_dynamics,
    name_instruments,
    name_register,
    name_texture,
)
from hybrid.theory.extract.endings import find_closes, find_rest_points
from hybrid.theory.extract.grid import lay_grid
from hybrid.theory.extract.lead import find_lead


@dataclass(frozen=True)
class LabelledPhrase:
    """A phrase of ``bars`` bars; neighbours of one ``section`` number make a section.

    ``label`` names the section, ``theme`` the phrase; ``role`` is the section's, or empty.
    """

    bars: int
    theme: str
    section: int
    label: str
    role: str = ""


def chord_span(onset: int, end: int, numeral: str, key: Key) -> ChordSpan:
    """A span with what its numeral says; ticks.

    Raises
    ------
    PlanError
        If the numeral is not in the notation of `hybrid.core.numerals`.
    """
    roman = RomanNumeral.parse(numeral)
    return ChordSpan(
        onset,
        end,
        numeral,
        key,
        roman.degree,
        roman.quality(key),
        roman.inversion,
        roman.root(key),
    )


def labelled_plan(
    score: Score, chords: Sequence[ChordSpan], phrases: Sequence[LabelledPhrase]
) -> FormPlan:
    """The plan that the labels of a piece amount to.

    Parameters
    ----------
    score : Score
        Its bars after the pickup are the phrases' bars; no more and no fewer.
    chords : sequence of ChordSpan
        Ascending, one or more. A chord holds until the next one, the first also before it.
    phrases : sequence of LabelledPhrase
        A phrase inside which the metre changes becomes several, of one theme each.

    Raises
    ------
    ScoreError
        If the bars do not add up.
    """
    bars = [bar for bar in score.bars if not bar.is_pickup]
    if not chords or sum(phrase.bars for phrase in phrases) != len(bars):
        raise ScoreError(
            f"labels must have chords and {len(bars)} bars, got {len(chords)} chords and "
            f"{sum(phrase.bars for phrase in phrases)} bars"
        )
    grid = lay_grid(score)
    closes = find_closes(chords, find_rest_points(grid, find_lead(grid)))
    # The pickup has an entry of its own there.
    closes = closes[len(score.bars) - len(bars) :]
    players = name_instruments(score)
    placed: list[tuple[LabelledPhrase, Phrase, int, int]] = []
    first = 0
    for labelled in phrases:
        stop = first + labelled.bars
        for part, (begin, end) in enumerate(_one_metre([bar.metre for bar in bars], first, stop)):
            ticks = bars[begin].start, min(bars[end - 1].end, max(score.length, 1))
            metre = bars[begin].metre
            key = _key_of(chords, bars[begin].start, bars[end - 1].end)
            phrase = Phrase(
                bars=end - begin,
                key=key,
                metre=Metre(0, metre.numerator, metre.denominator),
                tempo_qpm=mean_tempo(score, *ticks),
                dynamics=name_dynamics(grid, *ticks),
                chords=_plan_chords(
                    chords, bars[begin].start, bars[end - 1].end, key, score.ticks_per_quarter
                ),
                cadence=(closes[end - 1] or "none") if end == stop else "none",
                theme=labelled.theme + ("" if part == 0 else f"-{part + 1}"),
            )
            placed.append((labelled, phrase, *ticks))
        first = stop
    sections = []
    for _, group in groupby(placed, key=lambda item: item[0].section):
        members = list(group)
        start, end = members[0][2], members[-1][3]
        sections.append(
            Section(
                label=members[0][0].label,
                role=members[0][0].role,
                texture=name_texture(grid, start, end),
                register=name_register(grid, players, start, end),
                phrases=tuple(phrase for _, phrase, _, _ in members),
            )
        )
    return FormPlan(
        title=score.title,
        instruments=players,
        pickup_quarters=Fraction(score.pickup_ticks, score.ticks_per_quarter),
        sections=tuple(sections),
    )


def _one_metre(metres: Sequence[Metre], first: int, stop: int) -> list[tuple[int, int]]:
    """Bars first..stop cut where the metre changes."""
    parts = []
    start = first
    for bar in range(first + 1, stop + 1):
        if bar == stop or metres[bar].name != metres[start].name:
            parts.append((start, bar))
            start = bar
    return parts


def _key_of(chords: Sequence[ChordSpan], start: int, end: int) -> Key:
    """The key that holds longest from start to end; the first chord's before it."""
    heard: Counter[Key] = Counter()
    for chord, until in _held(chords, end):
        heard[chord.key] += max(0, min(until, end) - max(chord.onset, start))
    if not any(heard.values()):
        return chords[0].key
    return heard.most_common(1)[0][0]


def _held(chords: Sequence[ChordSpan], end: int) -> list[tuple[ChordSpan, int]]:
    """Each chord with the tick until which it holds."""
    ends = [*(chord.onset for chord in chords[1:]), max(end, chords[-1].end)]
    return list(zip(chords, ends, strict=True))


def _plan_chords(
    chords: Sequence[ChordSpan], start: int, end: int, home: Key, quarter: int
) -> tuple[PlanChord, ...]:
    """The chords from start to end, without a gap; equal neighbours are one."""
    inside: list[tuple[int, ChordSpan]] = []
    for chord, until in _held(chords, end):
        if until <= start or chord.onset >= end:
            continue
        onset = max(chord.onset, start)
        if inside and (inside[-1][1].numeral, inside[-1][1].key) == (chord.numeral, chord.key):
            continue
        inside.append((onset, chord))
    if not inside:
        inside = [(start, chords[0])]
    inside[0] = (start, inside[0][1])
    ends = [*(onset for onset, _ in inside[1:]), end]
    return tuple(
        PlanChord(
            Fraction(onset - start, quarter),
            Fraction(until - onset, quarter),
            chord.numeral,
            None if chord.key == home else chord.key,
        )
        for (onset, chord), until in zip(inside, ends, strict=True)
    )


__all__ = ["LabelledPhrase", "chord_span", "labelled_plan"]
