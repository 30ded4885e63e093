"""A FormPlan from a score: what a composer could have written down before the notes.

Metre, tempo, keys, chords, cadences, phrases, themes, sections, textures, dynamics,
registers and instruments, each read by a file of its own beside this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.plan import FormPlan, Phrase, PlanChord, Section
from hybrid.core.score import Score
from hybrid.core.timeline import Bar, Metre
from hybrid.theory.extract.dress import (
    mean_tempo,
    name_dynamics,
    name_instruments,
    name_register,
    name_texture,
)
from hybrid.theory.extract.endings import find_closes, find_rest_points
from hybrid.theory.extract.grid import Grid, lay_grid
from hybrid.theory.extract.harmony import find_harmony
from hybrid.theory.extract.lead import SLOTS_PER_QUARTER, compare_bars, find_lead
from hybrid.theory.extract.phrases import part_bars, weigh_lines
from hybrid.theory.extract.sections import name_sections, part_phrases
from hybrid.theory.extract.themes import name_themes

#: A tempo that is this much off the piece's, as a share, stands in the plan.
TEMPO_TOLERANCE = 0.03
_DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)

T = TypeVar("T", bound=Hashable)


def extract_plan(score: Score, chords: Sequence[ChordSpan] | None = None) -> FormPlan:
    """Read the plan of a score.

    Parameters
    ----------
    score : Score
        With pitched notes; its bar lines are taken as they are.
    chords : sequence of ChordSpan, optional
        Ascending, with the local key of each; found by `find_harmony` where left out. A
        chord holds until the next one, the first one also before it; what lies in a
        pickup is left out, for a plan's chords begin with bar 1.

    Returns
    -------
    FormPlan
        Ready for engines: every phrase has chords, a cadence or ``none``, a theme and all
        shared values. Phrases are whole bars, so a phrase that ends inside a bar, before
        an upbeat, ends with that bar. Bar n of the plan is bar n of the score.

    Raises
    ------
    ScoreError
        If there are no pitched notes outside the pickup, or a bar's length fits no metre.
    PlanError
        If a given chord's numeral is not in the notation of `hybrid.core.numerals`.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> rows = [(960 * i, 960, p) for i, c in enumerate(
    ...     [(48, 64, 67), (53, 65, 69), (43, 62, 71), (48, 64, 67)]) for p in c]
    >>> plan = extract_plan(Score((Track("piano", make_notes(rows)),)))
    >>> [phrase.bars for section in plan.sections for phrase in section.phrases], plan.key.name
    ([2], 'C major')
    """
    pitched = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    if not pitched or max(track.end for track in pitched) <= score.pickup_ticks:
        raise ScoreError(
            "a score must have pitched notes after its pickup, or it has no plan, "
            f"got {score.n_notes} notes in {len(score.tracks)} tracks"
        )
    grid = lay_grid(score)
    found = tuple(find_harmony(score, grid)[0] if chords is None else chords)
    if not found:
        raise ScoreError("chords must name one chord or more, got none")
    return _Reader(score, grid, found).plan()


class _Reader:
    """What is known of one score while its plan is made."""

    def __init__(self, score: Score, grid: Grid, chords: tuple[ChordSpan, ...]) -> None:
        self.score = score
        self.grid = grid
        self.chords = chords
        self.bars = score.bars
        self.metres = [_metre_of(bar, score.ticks_per_quarter) for bar in self.bars]
        self.starts = np.array([chord.onset for chord in chords])
        # First frame of each chord: the edge nearest to its onset.
        edges = grid.edges
        near = np.searchsorted(edges, self.starts)
        lower = np.maximum(near - 1, 0)
        near = np.minimum(near, len(edges) - 1)
        closer = self.starts - edges[lower] < edges[near] - self.starts
        self.frames = np.where(closer, lower, near)
        # The chord of every frame.
        which = np.searchsorted(self.frames, np.arange(len(grid)), side="right") - 1
        self.chord_of = np.maximum(which, 0)

    def plan(self) -> FormPlan:
        lead = find_lead(self.grid)
        tonics = self._tonics()
        pairs = compare_bars(self.grid, lead, tonics)
        points = find_rest_points(self.grid, lead)
        closes = find_closes(self.chords, points)
        lines = weigh_lines(self.score, points, closes, pairs)
        phrases = [part for part in part_bars(lines) if not self.bars[part[0]].is_pickup]
        keys = [self._key(*part) for part in phrases]
        slots = [
            max(1, round((bar.end - bar.start) * SLOTS_PER_QUARTER / self.score.ticks_per_quarter))
            for bar in self.bars
        ]
        themes = name_themes(phrases, keys, lead, pairs, slots)
        cadences = [closes[stop - 1] or "none" for _, stop in phrases]
        lengths = [stop - first for first, stop in phrases]
        marked = [self._is_marked(first) for first, _ in phrases]
        parts = part_phrases(lengths, themes, cadences, marked)
        labels = name_sections(parts, lengths, themes)
        players = name_instruments(self.score)
        sections = []
        for (first, stop), label in zip(parts, labels, strict=True):
            start, end = self._ticks(phrases[first][0], phrases[stop - 1][1])
            made = tuple(
                Phrase(
                    bars=lengths[i],
                    key=keys[i],
                    metre=self.metres[phrases[i][0]],
                    tempo_qpm=mean_tempo(self.score, *self._ticks(*phrases[i])),
                    dynamics=name_dynamics(self.grid, *self._ticks(*phrases[i])),
                    chords=self._chords(*phrases[i], keys[i]),
                    cadence=cadences[i],
                    theme=themes[i].label,
                    variation=themes[i].variation,
                    variation_steps=themes[i].steps,
                )
                for i in range(first, stop)
            )
            sections.append(
                Section(
                    label=label,
                    texture=name_texture(self.grid, start, end),
                    register=name_register(self.grid, players, start, end),
                    phrases=made,
                )
            )
        return _lift(self._frame(players), tuple(sections), self.score)

    def _frame(self, players: tuple[str, ...]) -> FormPlan:
        return FormPlan(
            title=self.score.title,
            instruments=players,
            pickup_quarters=Fraction(self.score.pickup_ticks, self.score.ticks_per_quarter),
        )

    def _ticks(self, first: int, stop: int) -> tuple[int, int]:
        """Ticks of bars first..stop; the last bar ends where the piece does."""
        end = self.bars[stop - 1].end
        start = self.bars[first].start
        return start, max(start + 1, min(end, self.score.length))

    def _tonics(self) -> NDArray[np.int64]:
        """Pitch class of the tonic that holds longest in each bar; (N,)."""
        tonic = np.array([pitch_class(chord.key.tonic) for chord in self.chords])
        weight = np.zeros((len(self.bars), 12))
        np.add.at(weight, (self.grid.bar, tonic[self.chord_of]), self.grid.quarters)
        result: NDArray[np.int64] = weight.argmax(axis=1)
        return result

    def _frames(self, first: int, stop: int) -> range:
        edges = self.grid.bar_frames
        return range(int(edges[first]), int(edges[stop]))

    def _key(self, first: int, stop: int) -> Key:
        """The key that holds longest in a phrase; the later one of equals."""
        heard: Counter[Key] = Counter()
        for frame in self._frames(first, stop)[::-1]:
            heard[self.chords[self.chord_of[frame]].key] += self.grid.quarters[frame]
        return heard.most_common(1)[0][0]

    def _is_marked(self, first: int) -> bool:
        """Whether a section mark, a repeat sign, or a new signature or metre stands there."""
        tick = self.bars[first].start
        marks = {marker.tick for marker in self.score.markers}
        marks |= {item.tick for item in self.score.keys[1:]}
        marks |= {metre.tick for metre in self.score.metres[1:]}
        marks |= {edge for repeat in self.score.repeats for edge in (repeat.start, repeat.end)}
        return tick in marks

    def _chords(self, first: int, stop: int, home: Key) -> tuple[PlanChord, ...]:
        """The chords of a phrase in quarters from its start; equal neighbours are one."""
        found: list[PlanChord] = []
        starts = list(
            accumulate((m.bar_quarters for m in self.metres[first:stop]), initial=Fraction(0))
        )
        end = starts[-1]
        last: tuple[str, Key] | None = None
        onsets: list[Fraction] = []
        chosen: list[ChordSpan] = []
        for frame in self._frames(first, stop):
            chord = self.chords[self.chord_of[frame]]
            if last == (chord.numeral, chord.key):
                continue
            last = chord.numeral, chord.key
            bar = int(self.grid.bar[frame])
            within = frame - int(self.grid.bar_frames[bar])
            onsets.append(starts[bar - first] + within * self.grid.step(bar))
            chosen.append(chord)
        for onset, until, chord in zip(onsets, [*onsets[1:], end], chosen, strict=True):
            key = None if chord.key == home else chord.key
            found.append(PlanChord(onset, until - onset, chord.numeral, key))
        return tuple(found)


def _metre_of(bar: Bar, ticks_per_quarter: int) -> Metre:
    """The metre of a bar as long as it is: its own, or a shorter one where it is cut."""
    length = Fraction(bar.end - bar.start, ticks_per_quarter)
    metre = Metre(0, bar.metre.numerator, bar.metre.denominator)
    if bar.is_pickup or length == metre.bar_quarters:
        return metre
    for denominator in _DENOMINATORS:
        beats = length * denominator / 4
        if denominator >= metre.denominator and beats.denominator == 1 and beats <= 128:
            return Metre(0, int(beats), denominator)
    raise ScoreError(
        f"a bar must be as long as a metre can say, got {length} quarters (bar {bar.number}, "
        f"cut short by a change of metre)"
    )


def _commonest(values: Iterable[tuple[T, float]]) -> T:
    """The value with the most weight; the first of equals."""
    weights: dict[T, float] = {}
    for value, weight in values:
        weights[value] = weights.get(value, 0.0) + weight
    return max(weights, key=lambda value: weights[value])


def _lift(frame: FormPlan, sections: tuple[Section, ...], score: Score) -> FormPlan:
    """The same plan with what is common at the top, and below only what differs from it."""
    flat = [(section, phrase) for section in sections for phrase in section.phrases]
    bars = [float(phrase.bars or 0) for _, phrase in flat]
    key = _commonest((phrase.key, n) for (_, phrase), n in zip(flat, bars, strict=True))
    metre = _commonest((phrase.metre, n) for (_, phrase), n in zip(flat, bars, strict=True))
    dynamics = _commonest((phrase.dynamics, n) for (_, phrase), n in zip(flat, bars, strict=True))
    texture = _commonest((section.texture, n) for (section, _), n in zip(flat, bars, strict=True))
    register = _commonest((section.register, n) for (section, _), n in zip(flat, bars, strict=True))
    tempo = mean_tempo(score, 0, score.length)

    def own_tempo(phrase: Phrase) -> float | None:
        assert phrase.tempo_qpm is not None
        close = abs(phrase.tempo_qpm - tempo) <= TEMPO_TOLERANCE * tempo
        return None if close else phrase.tempo_qpm

    lifted = tuple(
        replace(
            section,
            texture=None if section.texture == texture else section.texture,
            register=None if section.register == register else section.register,
            phrases=tuple(
                replace(
                    phrase,
                    key=None if phrase.key == key else phrase.key,
                    metre=None if phrase.metre == metre else phrase.metre,
                    dynamics=None if phrase.dynamics == dynamics else phrase.dynamics,
                    tempo_qpm=own_tempo(phrase),
                )
                for phrase in section.phrases
            ),
        )
        for section in sections
    )
    return replace(
        frame,
        key=key,
        metre=metre,
        tempo_qpm=tempo,
        texture=texture,
        dynamics=dynamics,
        register=register,
        sections=lifted,
    )
