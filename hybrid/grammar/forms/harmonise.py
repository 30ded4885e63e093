"""Chords for the phrases of a form: what is repeated keeps its harmony, the rest is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise, takewhile
from typing import Any, TypeVar

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar import harmony_tgg, rohrmeier
from hybrid.grammar.chords import chord_table
from hybrid.grammar.chords_habits import Before, ChordStyle, join_weights
from hybrid.grammar.chords_phrase import phrase_chords, slot_at
from hybrid.grammar.chords_rhythm import Slot, split_slot
from hybrid.grammar.chords_walk import PhraseTask, draw_chords
from hybrid.grammar.forms.realise import PhraseSketch, respell
from hybrid.grammar.trees import Tree, format_tree

#: What can draw the chords of new phrases.
SOURCES = ("phrase", "rohrmeier", "temporal")
#: The diatonic circle of fifths, to the tonic; diminished triads stand in first inversion.
CIRCLE = {
    "major": ("I", "IV", "viio6", "iii", "vi", "ii", "V", "I"),
    "minor": ("i", "iv", "VII", "III", "VI", "iio6", "V", "i"),
}
_Name = TypeVar("_Name")


@dataclass(frozen=True)
class Heard:
    """A phrase as it was first harmonised."""

    phrase: PhraseSketch
    chords: tuple[PlanChord, ...]
    metre: Metre


@dataclass
class Harmoniser:
    """Gives phrases their chords, one after the other.

    Attributes
    ----------
    metre : Metre
    style : ChordStyle
    pace : float
        Beats per chord.
    whole_final : float
        Chance that a cadence's last chord takes its whole bar.
    source : str
        One of `SOURCES`: what draws the chords of new phrases. The grammars of Rohrmeier and
        of functions in time know phrases in one major or minor key without plagal cadences;
        the phrase model draws the others.
    trees : list
        Derivations of these grammars, for display.
    """

    metre: Metre
    style: ChordStyle
    pace: float
    whole_final: float
    source: str = "phrase"
    trees: list[Mapping[str, Any]] = field(default_factory=list)
    heard: dict[str, Heard] = field(default_factory=dict)
    variants: dict[tuple[str, int, str], Heard] = field(default_factory=dict)
    places: dict[tuple[str, int], Heard] = field(default_factory=dict)
    before: Before | None = None

    def chords(
        self,
        phrase: PhraseSketch,
        variation: str | None,
        rng: np.random.Generator,
        place: tuple[str, int] | None = None,
    ) -> tuple[PlanChord, ...]:
        """Chords of the next phrase.

        Parameters
        ----------
        phrase : PhraseSketch
        variation : str or None
            As it will stand in the plan.
        rng : np.random.Generator
        place : (str, int), optional
            Label of its section and its number there: a returning section takes up the
            harmony it had at that place, before that of the theme's first appearance.
        """
        found: tuple[PlanChord, ...] | None = None
        if phrase.function == "standing on V":
            found = self._standing(phrase)
        elif phrase.function == "circle":
            found = self._circle(phrase, rng)
        same = (phrase.theme, phrase.bars, phrase.cadence)
        first = self._known(same, self.variants) or self._known(phrase.theme, self.heard)
        if found is None and place is not None:
            earlier = self._known(place, self.places)
            found = None if earlier is None else self._copy(phrase, earlier)
        if found is None and first is not None:
            found = self._again(phrase, first, variation, rng)
        if found is None:
            found = self._fresh(phrase, rng)
        return self.remember(phrase, found, place)

    def _known(self, name: _Name, memory: dict[_Name, Heard]) -> Heard | None:
        """What was heard under a name, if it was in the metre of now."""
        found = memory.get(name)
        return found if found is not None and found.metre == self.metre else None

    def remember(
        self,
        phrase: PhraseSketch,
        chords: tuple[PlanChord, ...],
        place: tuple[str, int] | None = None,
    ) -> tuple[PlanChord, ...]:
        """Take chords for a phrase, and keep them for its theme's returns."""
        heard = Heard(phrase, chords, self.metre)
        self.heard.setdefault(phrase.theme, heard)
        self.variants.setdefault((phrase.theme, phrase.bars, phrase.cadence), heard)
        if place is not None:
            self.places.setdefault(place, heard)
        return self.take(phrase, chords)

    def take(self, phrase: PhraseSketch, chords: tuple[PlanChord, ...]) -> tuple[PlanChord, ...]:
        """Note that a phrase has these chords, so that the next one can follow them."""
        last = chords[-1]
        self.before = Before(last.numeral, last.key or phrase.key, phrase.cadence)
        return chords

    # -- ways to come by chords ----------------------------------------------------------------

    def _fresh(
        self,
        phrase: PhraseSketch,
        rng: np.random.Generator,
        head: Sequence[PlanChord] = (),
        preferred: Sequence[PlanChord] = (),
    ) -> tuple[PlanChord, ...]:
        if self.source != "phrase" and not head and not preferred:
            found = self._derived(phrase, rng)
            if found is not None:
                return found
        return phrase_chords(
            phrase.key,
            self.metre,
            phrase.bars,
            rng,
            cadence=phrase.cadence,
            end_key=phrase.end_key,
            pace=self.pace,
            style=self.style,
            before=self.before,
            opening=phrase.opening,
            whole_final=self.whole_final,
            head=head,
            preferred=preferred,
        )

    def _derived(
        self, phrase: PhraseSketch, rng: np.random.Generator
    ) -> tuple[PlanChord, ...] | None:
        """Chords by a harmony grammar, None where it does not know such phrases."""
        plain = phrase.key == phrase.end_key and phrase.key.mode in ("major", "minor")
        known = phrase.cadence in ("PAC", "IAC", "HC") or (
            self.source == "rohrmeier" and phrase.cadence == "DC"
        )
        if not plain or not known or self.style.harmony != "common":
            return None
        chords: tuple[PlanChord, ...]
        tree: Tree
        if self.source == "rohrmeier":
            chords, derivation = rohrmeier.progression(
                phrase.key,
                self.metre,
                phrase.bars,
                rng,
                cadence=phrase.cadence,
                pace=self.pace,
                style=self.style,
                before=self.before,
            )
            tree = derivation.tree
        else:
            chords, timed = harmony_tgg.progression(
                phrase.key,
                self.metre,
                phrase.bars,
                rng,
                cadence=phrase.cadence,
                style=self.style,
                before=self.before,
            )
            tree = timed.tree
        self.trees.append({"theme": phrase.theme, "tree": format_tree(tree)})
        return chords

    def _standing(self, phrase: PhraseSketch) -> tuple[PlanChord, ...]:
        """Dominant pedal: V, the six-four above it on the bar lines between, V."""
        bar = self.metre.bar_quarters
        if phrase.bars < 3 or self.style.harmony != "common":
            return (PlanChord(Fraction(0), phrase.bars * bar, "V", None),)
        middle = phrase.bars // 2
        lengths = ((Fraction(0), "V"), (middle * bar, "Cad64"), ((middle + 1) * bar, "V"))
        ends = [onset for onset, _ in lengths[1:]] + [phrase.bars * bar]
        return tuple(
            PlanChord(onset, end - onset, numeral)
            for (onset, numeral), end in zip(lengths, ends, strict=True)
        )

    def _circle(
        self, phrase: PhraseSketch, rng: np.random.Generator
    ) -> tuple[PlanChord, ...] | None:
        """Roots that fall by fifths through the scale, two a bar, to the dominant or beyond."""
        if phrase.key.mode not in CIRCLE or self.style.harmony != "common":
            return None
        bar = self.metre.bar_quarters
        slots = []
        for number in range(phrase.bars):
            whole = slot_at(number * bar, bar, self.metre)
            closes = number == phrase.bars - 1
            slots += [whole] if closes else split_slot(whole, self.metre)
        line = CIRCLE[phrase.key.mode]
        end = len(line) if phrase.cadence in ("PAC", "IAC") else len(line) - 1
        while len(slots) > end:  # a longer phrase moves more slowly
            slots = [*join_first(slots)]
        names = line[end - len(slots) : end]
        task = PhraseTask(
            phrase.key,
            tuple(slots),
            phrase.cadence,
            style=self.style,
            before=self.before,
            fixed={place: (name, phrase.key) for place, name in enumerate(names)},
            loose=True,
        )
        try:
            return draw_chords(task, rng)
        except PlanError:  # another cadence than the circle can make
            return None

    def _copy(self, phrase: PhraseSketch, first: Heard) -> tuple[PlanChord, ...] | None:
        """The same chords, if the phrase does the same thing in the same mode."""
        old = first.phrase
        if (old.bars, old.cadence, old.key.mode) != (phrase.bars, phrase.cadence, phrase.key.mode):
            return None
        if _interval(old) != _interval(phrase):
            return None
        moved = move_chords(first.chords, old.key, phrase.key)
        return moved if self._follows(moved[0], phrase) else None

    def _again(
        self,
        phrase: PhraseSketch,
        first: Heard,
        variation: str | None,
        rng: np.random.Generator,
    ) -> tuple[PlanChord, ...] | None:
        """The chords of a theme that was heard before, as far as they fit."""
        old = first.phrase
        same_mode = old.key.mode == phrase.key.mode
        if old.bars == phrase.bars and old.cadence == phrase.cadence:
            if variation == "sequence":
                steps = shifted(first.chords, phrase.variation_steps, phrase.key, self.style)
                fits = steps is not None and self._follows(steps[0], phrase)
                return steps if fits else None
            wanted = self._copy(phrase, first)
            if wanted is not None:
                return wanted
            stays = old.key == old.end_key and phrase.key == phrase.end_key
            if not same_mode and stays:
                mapped = other_mode(first.chords, phrase.key, self.style)
                try:
                    return self._fresh(phrase, rng, preferred=mapped)
                except PlanError:
                    return None
        if not same_mode:
            return None
        return self._headed(phrase, first, rng)

    def _headed(
        self, phrase: PhraseSketch, first: Heard, rng: np.random.Generator
    ) -> tuple[PlanChord, ...] | None:
        """The first half as it was heard, then on to another cadence."""
        bars = min(phrase.bars, first.phrase.bars) // 2
        cut = bars * self.metre.bar_quarters
        head = move_chords(
            tuple(chord for chord in first.chords if chord.end <= cut), first.phrase.key, phrase.key
        )
        contiguous = list(takewhile(lambda chord: chord.key is None, head))
        if not contiguous or not self._follows(contiguous[0], phrase):
            return None
        while contiguous:
            try:
                return self._fresh(phrase, rng, head=contiguous)
            except PlanError:  # the head leads where this cadence cannot be reached: shorten it
                contiguous.pop()
        return None

    def _follows(self, chord: PlanChord, phrase: PhraseSketch) -> bool:
        if self.before is None:
            return True
        table = chord_table(self.style.harmony, phrase.key)
        index = table.index.get(chord.numeral)
        if index is None or chord.key is not None:
            return False
        return bool(join_weights(table, phrase.key, self.before)[index] > 0)


def join_first(slots: list[Slot]) -> list[Slot]:
    """Join the first two neighbours that are the shortest ones together."""
    pairs = range(len(slots) - 1)
    place = min(pairs, key=lambda i: (slots[i].duration + slots[i + 1].duration, i))
    one, two = slots[place], slots[place + 1]
    joined = Slot(one.onset, one.duration + two.duration, one.strength)
    return [*slots[:place], joined, *slots[place + 2 :]]


def _interval(phrase: PhraseSketch) -> tuple[int, str]:
    return (phrase.end_key.tonic - phrase.key.tonic) % 12, phrase.end_key.mode


def move_chords(chords: tuple[PlanChord, ...], old: Key, new: Key) -> tuple[PlanChord, ...]:
    """Numerals stay, keys of single chords move with the key of the phrase."""
    if old == new:
        return chords
    shift = new.tonic - old.tonic
    return tuple(
        chord if chord.key is None else replace(chord, key=respell(_moved(chord.key, shift)))
        for chord in chords
    )


def _moved(key: Key, shift: int) -> Key:
    tonic = key.tonic + shift
    offset = -3 if key.mode == "minor" else 0
    while tonic + offset > 15:
        tonic -= 12
    while tonic + offset < -15:
        tonic += 12
    return Key(tonic, key.mode)


def shifted(
    chords: tuple[PlanChord, ...], steps: int, key: Key, style: ChordStyle
) -> tuple[PlanChord, ...] | None:
    """Diatonic triads moved by scale steps, if the table allows every one after the other."""
    table = chord_table(style.harmony, key)
    by_degree: dict[tuple[int, int], str] = {}
    for numeral in table.numerals:
        roman = RomanNumeral.parse(numeral)
        if roman.of is None and not roman.has_seventh and roman.shift == 0 and "Cad" not in numeral:
            by_degree.setdefault((roman.degree, roman.inversion), numeral)
    moved: list[PlanChord] = []
    for chord in chords:
        roman = RomanNumeral.parse(chord.numeral)
        if roman.of is not None or chord.key is not None or roman.has_seventh:
            return None
        place = ((roman.degree - 1 + steps) % 7 + 1, roman.inversion)
        if place not in by_degree:
            return None
        moved.append(replace(chord, numeral=by_degree[place]))
    if all(table.allows(one.numeral, two.numeral) for one, two in pairwise(moved)):
        return tuple(moved)
    return None


def other_mode(chords: tuple[PlanChord, ...], key: Key, style: ChordStyle) -> tuple[PlanChord, ...]:
    """The same degrees and figures in the other mode, as wishes: not all of them may fit."""
    table = chord_table(style.harmony, key)
    by_degree: dict[tuple[int, int, bool], str] = {}
    any_form: dict[int, str] = {}
    for numeral in table.numerals:
        roman = RomanNumeral.parse(numeral)
        if roman.of is None and numeral not in ("Cad64", "N6"):
            by_degree.setdefault((roman.degree, roman.inversion, roman.has_seventh), numeral)
            any_form.setdefault(roman.degree, numeral)
    result = []
    for chord in chords:
        roman = RomanNumeral.parse(chord.numeral)
        numeral = chord.numeral
        if numeral not in table.index:
            numeral = by_degree.get((roman.degree, roman.inversion, roman.has_seventh), table.tonic)
        result.append(replace(chord, numeral=numeral, key=None))
    return tuple(result)
