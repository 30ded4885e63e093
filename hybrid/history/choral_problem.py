"""A tune as a problem for the search: steps of the views in turn, with all the rules in force.

The views take turns as in Ebcioğlu's system: a chord is chosen, then what fills the joint that
leads to it; when a phrase is finished, its Schenkerian reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.history import (
    choral_chords,
    choral_fill,
    choral_motion,
    choral_schenker,
    choral_skeleton,
    choral_slices,
    choral_strings,
    choral_taste,
)
from hybrid.history.choral_chords import Chord, stock
from hybrid.history.choral_fill import Gap, Joint, joints
from hybrid.history.choral_rules import Rule
from hybrid.history.choral_schenker import Phrase, Reading
from hybrid.history.choral_search import Broken
from hybrid.history.choral_skeleton import Moment
from hybrid.history.choral_tune import Tune

Item = Chord | Joint | Reading

#: All rules, by views. The modules of `_WRITTEN` write into the book of `choral_chords`.
RULES: tuple[Rule, ...] = (
    *choral_chords.BOOK.rules,
    *choral_strings.BOOK.rules,
    *choral_fill.BOOK.rules,
    *choral_slices.BOOK.rules,
    *choral_schenker.BOOK.rules,
)
BY_ID = {rule.id: rule for rule in RULES}
_WRITTEN = (choral_skeleton, choral_motion, choral_taste)


def _of(view: str, kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if (rule.view, rule.kind) == (view, kind))


_ALONE = tuple(rule for rule in _of("skeleton", "constraint") if rule.depth == 0)
_PAIRS = tuple(
    rule
    for rule in (*_of("skeleton", "constraint"), *_of("string", "constraint"))
    if rule.depth == 1
)
_DEEP = tuple(
    rule
    for rule in (*_of("skeleton", "constraint"), *_of("string", "constraint"))
    if rule.depth > 1
)
#: Heuristics by how far back they look.
_TASTE = tuple(
    tuple(
        rule
        for rule in (*_of("skeleton", "heuristic"), *_of("string", "heuristic"))
        if rule.depth == depth
    )
    for depth in (0, 1, 2)
)
_FILL = (*_of("fill", "constraint"), *_of("slice", "constraint"))
_FILL_TASTE = _of("fill", "heuristic")
_LINES = _of("schenker", "constraint")
_LINE_TASTE = _of("schenker", "heuristic")


@dataclass(frozen=True)
class Step:
    """A step of the search: a view at a slot."""

    view: str
    slot: int


class Harmonisation:
    """The steps, candidates and tests of a tune.

    Parameters
    ----------
    tune : Tune
    rng : np.random.Generator
        Draws how much each candidate is liked beyond the heuristics.
    variety : float
        How much that may be, in the heuristics' units; 0 for none.

    Attributes
    ----------
    slots : tuple of Slot
    steps : list of Step
        In the order in which the views take turns.
    n_written : int
        Chords that the productions wrote, over all slots.
    discarded : dict
        How many of them each constraint threw away that looks at a chord alone.
    """

    def __init__(self, tune: Tune, rng: np.random.Generator, variety: float) -> None:
        self.tune = tune
        self.slots = tune.slots
        self.steps: list[Step] = []
        for slot in self.slots:
            self.steps.append(Step("skeleton", slot.index))
            if slot.index:
                self.steps.append(Step("fill", slot.index))
            if slot.is_fermata:
                self.steps.append(Step("schenker", slot.index))
        self.n_steps = len(self.steps)
        self._where = {(step.view, step.slot): n for n, step in enumerate(self.steps)}
        self.discarded: dict[str, int] = {}
        self.n_written = 0
        self._stock = [self._survivors(slot.index) for slot in self.slots]
        self._liking = [
            variety * rng.random(1 + max((c.number for c in row), default=0)) for row in self._stock
        ]
        self._joint_liking = variety * rng.random((len(self.slots), 128))
        self._paths: dict[int, list[Chord]] = {}
        self._pair: dict[tuple[int, int, int], str | None] = {}
        self._scores: tuple[dict[tuple[int, ...], float], ...] = ({}, {}, {})

    def _survivors(self, index: int) -> list[Chord]:
        """Chords of a slot that stand on their own."""
        slot = self.slots[index]
        kept = []
        for chord in stock(self.tune.key, slot.pitch, slot.notes[0].spelling):
            self.n_written += 1
            moment = Moment(chord, (), slot, self.tune.key)
            broken = next((rule.id for rule in _ALONE if rule.test(moment)), None)
            if broken is None:
                kept.append(chord)
            else:
                self.discarded[broken] = self.discarded.get(broken, 0) + 1
        return kept

    def n_choices(self, index: int) -> int:
        """Chords of a slot that stand on their own."""
        return len(self._stock[index])

    # --- What the search asks --------------------------------------------------------------

    def candidates(self, chosen: Sequence[Item]) -> tuple[Sequence[Item], Iterable[int]]:
        """See `hybrid.history.choral_search.Problem`."""
        step = self.steps[len(chosen)]
        if step.view == "skeleton":
            path = self.chords(chosen)
            self._paths[len(chosen)] = path
            return self._ranked(step.slot, path), ()
        if step.view == "fill":
            gaps = self._gaps(chosen, step.slot)
            ranked = sorted(enumerate(gaps), key=lambda item: -self._joint_score(step.slot, *item))
            reads = (self._where["skeleton", step.slot - 1], self._where["skeleton", step.slot])
            return [gap.now for _, gap in ranked], reads
        phrases = [self._phrase(chosen, reading) for reading in self._readings(step.slot)]
        phrases.sort(key=lambda phrase: -score(_LINE_TASTE, phrase))
        return [phrase.now for phrase in phrases], ()

    def test(self, chosen: Sequence[Item], candidate: Item) -> Broken | None:
        """See `hybrid.history.choral_search.Problem`."""
        step = self.steps[len(chosen)]
        if isinstance(candidate, Chord):
            return self._test_chord(len(chosen), step.slot, candidate)
        if isinstance(candidate, Joint):
            return self._test_joint(chosen, step.slot, candidate)
        return self._test_reading(chosen, candidate)

    def chords(self, chosen: Sequence[Item]) -> list[Chord]:
        """The chords among what is chosen, in order."""
        return [item for item in chosen if isinstance(item, Chord)]

    # --- The chord skeleton ----------------------------------------------------------------

    def _ranked(self, index: int, path: list[Chord]) -> list[Chord]:
        slot = self.slots[index]
        was = path[-1].number if path else -1
        before = path[-2].number if len(path) > 1 else -1
        liking = self._liking[index]

        def liked(chord: Chord) -> float:
            moment = Moment(chord, path, slot, self.tune.key)
            key = (index, chord.number, was, before)
            total = float(liking[chord.number])
            for depth, rules in enumerate(_TASTE):
                kept = self._scores[depth]
                short = key[: 2 + depth]
                if short not in kept:
                    kept[short] = score(rules, moment)
                total += kept[short]
            return total

        return sorted(self._stock[index], key=lambda chord: -liked(chord))

    def _test_chord(self, at: int, index: int, chord: Chord) -> Broken | None:
        path = self._paths[at]
        moment = Moment(chord, path, self.slots[index], self.tune.key)
        if path:
            key = (index, path[-1].number, chord.number)
            if key not in self._pair:
                self._pair[key] = next((rule.id for rule in _PAIRS if rule.test(moment)), None)
            broken = self._pair[key]
            if broken is not None:
                return Broken(broken, frozenset({self._where["skeleton", index - 1]}))
        for rule in _DEEP:
            if rule.test(moment):
                first = max(0, index - rule.depth)
                return Broken(
                    rule.id,
                    frozenset(self._where["skeleton", place] for place in range(first, index)),
                )
        return None

    # --- The fill-in -----------------------------------------------------------------------

    def _gaps(self, chosen: Sequence[Item], index: int) -> list[Gap]:
        path = self.chords(chosen)
        made = joints(path[index - 1], path[index], self.tune.key)
        return [self._gap(chosen, index, joint) for joint in made]

    def _gap(self, chosen: Sequence[Item], index: int, joint: Joint) -> Gap:
        first = chosen[self._where["skeleton", index - 1]]
        second = chosen[self._where["skeleton", index]]
        assert isinstance(first, Chord)
        assert isinstance(second, Chord)
        before = chosen[self._where["fill", index - 1]] if index > 1 else None
        assert before is None or isinstance(before, Joint)
        return Gap(
            joint,
            first,
            second,
            self.slots[index - 1],
            self.slots[index],
            before,
            self.tune.key,
        )

    def _joint_score(self, index: int, number: int, gap: Gap) -> float:
        return score(_FILL_TASTE, gap) + float(self._joint_liking[index, number % 128])

    def _test_joint(self, chosen: Sequence[Item], index: int, joint: Joint) -> Broken | None:
        gap = self._gap(chosen, index, joint)
        for rule in _FILL:
            if rule.test(gap):
                places = {
                    self._where["skeleton", index - 1],
                    self._where["skeleton", index],
                }
                if rule.depth and index > 1:
                    places.add(self._where["fill", index - 1])
                return Broken(rule.id, frozenset(places))
        return None

    # --- The Schenkerian readings ----------------------------------------------------------

    def _first(self, index: int) -> int:
        """First slot of the phrase that ends at a slot."""
        return next(n for n in range(index, -1, -1) if self.slots[n].starts_phrase)

    def _readings(self, index: int) -> list[Reading]:
        slots = self.slots[self._first(index) : index + 1]
        return [reading for rule in _of("schenker", "production") for reading in rule.test(slots)]

    def _phrase(self, chosen: Sequence[Item], reading: Reading) -> Phrase:
        last = reading.slots[-1]
        return Phrase(reading, self.slots[self._first(last) : last + 1], self.chords(chosen))

    def _test_reading(self, chosen: Sequence[Item], reading: Reading) -> Broken | None:
        phrase = self._phrase(chosen, reading)
        for rule in _LINES:
            if rule.test(phrase):
                places = phrase.read_by(rule.reads)
                return Broken(
                    rule.id, frozenset(self._where["skeleton", place] for place in places)
                )
        return None


def score(rules: Iterable[Rule], moment: object) -> float:
    """Sum of the heuristics, each by its weight."""
    return float(sum(rule.weight * rule.test(moment) for rule in rules))
