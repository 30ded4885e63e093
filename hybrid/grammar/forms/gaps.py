"""What a plan leaves out of its structure: sections without phrases, phrases without bars.

A plan with gaps is a grammar with one rule: its sections in a row, those with equal labels one
and the same unless the plan says otherwise. So a wanted total length conditions the gaps just
as it conditions a form (`hybrid.grammar.forms.derive`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.derive import FormSampler, convolve
from hybrid.grammar.forms.realise import PhraseSketch, section_phrases
from hybrid.grammar.forms.registry import form_grammar

FloatArray = NDArray[np.float64]

#: Which start symbol of ``section.txt`` makes a section of a role; ``*:main`` makes the others.
STARTS = {
    **dict.fromkeys(("coda", "codetta", "outro", "tag", "postlude", "ending", "amen"), "*:ending"),
    **dict.fromkeys(
        ("introduction", "intro", "transition", "retransition", "bridge", "pre-chorus",
         "development", "digression", "prelude", "build"),
        "*:open",
    ),
    **dict.fromkeys(("contrast", "episode", "couplet", "middle", "trio"), "*:contrast"),
    **dict.fromkeys(("verse", "chorus", "hook"), "*:song"),
    **dict.fromkeys(("stollen", "abgesang", "chorale", "line"), "*:lines"),
}  # fmt: skip
#: How many bars a phrase has whose length is left out.
PHRASE_BARS = {
    1: 0.01, 2: 0.15, 3: 0.03, 4: 0.55, 5: 0.03, 6: 0.05, 7: 0.01, 8: 0.14, 10: 0.01, 12: 0.01,
    16: 0.01,
}  # fmt: skip
#: Factor from one length to the next beyond 16, so that every total can be had.
TAIL = 0.6


@lru_cache(maxsize=1)
def section_sampler() -> FormSampler:
    """The sampler of single sections."""
    return FormSampler(form_grammar("section"))


def start_symbol(role: str, style: str) -> str:
    """The start symbol of ``section.txt`` for a role."""
    default = "*:lines" if style == "chorale" else "*:main"
    return STARTS.get(role.lower().replace("_", " "), default)


def phrase_table(longest: int) -> FloatArray:
    """Log weight of each length of a phrase, 0..longest."""
    table = np.full(longest + 1, -np.inf)
    for bars, weight in PHRASE_BARS.items():
        if bars <= longest:
            table[bars] = np.log(weight)
    filled = np.arange(1, longest + 1)
    floor = np.log(1e-4) + np.maximum(filled - 16, 0) * np.log(TAIL)
    table[1:] = np.maximum(table[1:], floor)
    return table


@dataclass
class PhraseDraft:
    """A phrase on its way to completion.

    Attributes
    ----------
    given : Phrase
        As the plan has it; empty for a phrase that a grammar added.
    sketch : PhraseSketch or None
        As the grammar made it; None for a phrase of the plan.
    bars : int
        0 while unknown.
    """

    given: Phrase = field(default_factory=Phrase)
    sketch: PhraseSketch | None = None
    bars: int = 0

    @property
    def is_ours(self) -> bool:
        """Whether a grammar added it, so that it may be divided."""
        return self.sketch is not None


@dataclass
class SectionDraft:
    """A section on its way; ``turn`` counts its label's earlier appearances."""

    given: Section
    phrases: list[PhraseDraft]
    turn: int = 0


@dataclass(frozen=True)
class _Gap:
    """Something whose length is open: a start symbol, or a phrase ('')."""

    symbol: str
    times: int

    def table(self, longest: int) -> FloatArray:
        own = (
            section_sampler().lengths(longest, self.symbol)
            if self.symbol
            else phrase_table(longest)
        )
        spread = np.full(longest + 1, -np.inf)
        spread[:: self.times] = own[: len(spread[:: self.times])]
        return spread


def bars_of_chords(phrase: Phrase, metre: Metre) -> int:
    """Bars that a phrase's chords fill.

    Raises
    ------
    PlanError
        If they fill no whole number of bars.
    """
    bars = phrase.chords[-1].end / metre.bar_quarters
    if bars.denominator != 1:
        raise PlanError(
            f"chords must fill whole bars of {metre.name}, got {phrase.chords[-1].end} quarters "
            f"(phrase {phrase.theme or phrase.chords[0].numeral!r})"
        )
    return int(bars)


class Structure:
    """The sections and phrases of a plan, with what is still open.

    Parameters
    ----------
    plan : FormPlan
        With one section or more.
    metre : Metre
        That holds where a section or a phrase names none.
    style : str
    """

    def __init__(self, plan: FormPlan, metre: Metre, style: str) -> None:
        self.plan, self.metre, self.style = plan, metre, style
        self.sections: list[SectionDraft] = []
        turns: dict[str, int] = {}
        for section in plan.sections:
            turn = turns.get(section.label, 0)
            turns[section.label] = turn + 1
            drafts = [self._draft(section, phrase) for phrase in section.phrases]
            self.sections.append(SectionDraft(section, drafts, turn))
        self._open_bars: dict[int, int] = {}  # sections whose length was chosen
        self._copies: dict[int, int] = {}  # section that takes another one's phrases
        self._gaps: list[tuple[_Gap, list[tuple[int, int]]]] = []
        self._find_gaps()

    def _draft(self, section: Section, phrase: Phrase) -> PhraseDraft:
        bars = phrase.bars or 0
        if not bars and phrase.chords:
            bars = bars_of_chords(phrase, self.metre_of(section, phrase))
        return PhraseDraft(phrase, None, bars)

    def metre_of(self, section: Section, phrase: Phrase) -> Metre:
        """The metre in force for a phrase."""
        return phrase.metre or section.metre or self.plan.metre or self.metre

    def _find_gaps(self) -> None:
        """Group what is open: equal labels are the same material, equal themes equally long."""
        first: dict[str, int] = {}
        open_sections: dict[str, list[int]] = {}
        open_themes: dict[str, list[tuple[int, int]]] = {}
        for number, draft in enumerate(self.sections):
            section = draft.given
            if section.phrases:
                first.setdefault(section.label, number)
                self._find_open_phrases(number, draft, open_themes)
            elif self._copyable(section, first.get(section.label)):
                self._copies[number] = first[section.label]
            elif section.bars is None:
                open_sections.setdefault(section.label, []).append(number)
            else:
                first.setdefault(section.label, number)
        for numbers in open_sections.values():
            role = self.sections[numbers[0]].given.role
            gap = _Gap(start_symbol(role, self.style), len(numbers))
            self._gaps.append((gap, [(number, -1) for number in numbers]))
        known = self._theme_bars()
        for theme, places in open_themes.items():
            if theme in known:
                for number, place in places:
                    self.sections[number].phrases[place].bars = known[theme]
            else:
                copies = list(self._copies.values())
                times = sum(1 + copies.count(number) for number, _ in places)
                self._gaps.append((_Gap("", times), places))

    def _copyable(self, section: Section, first: int | None) -> bool:
        """Whether a section without phrases may take those of its label's first appearance."""
        if first is None:
            return False
        source = self.sections[first].given
        return section.bars is None or section.bars == source.bars

    def _theme_bars(self) -> dict[str, int]:
        known: dict[str, int] = {}
        for draft in self.sections:
            for phrase in draft.phrases:
                if phrase.given.theme and phrase.bars:
                    known.setdefault(phrase.given.theme, phrase.bars)
        return known

    def _find_open_phrases(
        self, number: int, draft: SectionDraft, themes: dict[str, list[tuple[int, int]]]
    ) -> None:
        missing = [place for place, phrase in enumerate(draft.phrases) if not phrase.bars]
        if not missing:
            return
        if draft.given.bars is not None:
            self._fill_section(draft, missing)
            return
        for place in missing:
            theme = draft.phrases[place].given.theme or f"#{number}.{place}"
            themes.setdefault(theme, []).append((number, place))

    def _fill_section(self, draft: SectionDraft, missing: list[int]) -> None:
        """Divide what is left of a section's bars among its open phrases, as equally as can be."""
        assert draft.given.bars is not None
        left = draft.given.bars - sum(phrase.bars for phrase in draft.phrases)
        if left < len(missing):
            raise PlanError(
                f"section {draft.given.label!r} must have a bar or more for each phrase, got "
                f"{left} for {len(missing)} phrases"
            )
        size, more = divmod(left, len(missing))
        for rank, place in enumerate(missing):
            # The longer ones last: a consequent is extended rather than an antecedent.
            draft.phrases[place].bars = size + (rank >= len(missing) - more)

    # -- lengths -------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether any length is still to be chosen."""
        return bool(self._gaps)

    @property
    def known_bars(self) -> Fraction:
        """What is fixed already, in bars of the plan's metre."""
        total = Fraction(0)
        open_sections = {number for _, places in self._gaps for number, at in places if at < 0}
        for number, draft in enumerate(self.sections):
            if number in open_sections or number in self._copies:
                continue
            if draft.given.bars is not None and not draft.given.phrases:
                metre = self.metre_of(draft.given, Phrase())
                total += draft.given.bars * metre.bar_quarters / self.metre.bar_quarters
            for phrase in draft.phrases:
                metre = self.metre_of(draft.given, phrase.given)
                total += phrase.bars * metre.bar_quarters / self.metre.bar_quarters
        for source in self._copies.values():
            draft = self.sections[source]
            bars = draft.given.bars or sum(phrase.bars for phrase in draft.phrases)
            total += bars
        return total

    def lengths(self, longest: int) -> FloatArray:
        """Log weight of each total, in bars of the plan's metre (fractions are rounded)."""
        table = np.full(longest + 1, -np.inf)
        known = round(self.known_bars)
        if known <= longest:
            table[known] = 0.0
        for gap, _ in self._gaps:
            table = convolve(gap.table(longest), table)
        return table

    def choose(self, total: int | None, rng: np.random.Generator, fewest: int = 0) -> None:
        """Choose all open lengths.

        Parameters
        ----------
        total : int or None
            Bars of the whole piece; None draws each length by itself.
        rng : np.random.Generator
        fewest : int
            Fewest bars of the whole, where ``total`` is None.

        Raises
        ------
        PlanError
            If the total cannot be had.
        """
        if total is None:
            longest = max(
                round(self.known_bars) + 32 * sum(gap.times for gap, _ in self._gaps), 2 * fewest
            )
            logs = self.lengths(longest)
            logs[:fewest] = -np.inf
            total = _draw(logs, rng)
        left = total - round(self.known_bars)
        tables = [gap.table(max(left, 0)) for gap, _ in self._gaps]
        rests = _suffix_sums(tables, max(left, 0))
        if left < 0 or not np.isfinite(rests[0][left]):
            raise PlanError(
                f"bars must leave room for the plan's sections, got {total} with "
                f"{self.known_bars} bars already planned"
            )
        for place, (gap, where) in enumerate(self._gaps):
            own = tables[place][: left + 1 : gap.times]
            bars = _draw(own + rests[place + 1][left - gap.times * np.arange(len(own))], rng)
            left -= bars * gap.times
            for number, phrase in where:
                if phrase < 0:
                    self._open_bars[number] = bars
                else:
                    self.sections[number].phrases[phrase].bars = bars

    # -- phrases -------------------------------------------------------------------------------

    def fill(self, home: Key, rng: np.random.Generator) -> list[SectionDraft]:
        """Give every section its phrases; all lengths are chosen by now."""
        made: dict[tuple[str, int], tuple[PhraseSketch, ...]] = {}
        for number, draft in enumerate(self.sections):
            section = draft.given
            if section.phrases:
                continue
            if number in self._copies:
                self._copy(draft, self.sections[self._copies[number]])
                continue
            bars = self._open_bars.get(number) or section.bars
            assert bars is not None
            key = section.key or home
            name = (section.label, bars)
            if name not in made:
                symbol = start_symbol(section.role, self.style)
                tree = section_sampler().sample(bars, rng, symbol)
                made[name] = section_phrases(tree, home, key, section.label)
            sketches = made[name]
            if draft.turn:
                sketches = tuple(
                    replace(sketch, returns=True, variation=sketch.variation or "varied")
                    for sketch in sketches
                )
            draft.phrases = [PhraseDraft(Phrase(), sketch, sketch.bars) for sketch in sketches]
        return self.sections

    def _copy(self, draft: SectionDraft, source: SectionDraft) -> None:
        """The phrases of the label's first appearance: lengths, themes and cadences."""
        for phrase in source.phrases:
            if phrase.sketch is not None:
                again = replace(
                    phrase.sketch, returns=True, variation=phrase.sketch.variation or "varied"
                )
                draft.phrases.append(PhraseDraft(Phrase(), again, phrase.bars))
            else:
                given = replace(
                    phrase.given,
                    chords=phrase.given.chords if self._same_frame(draft, source) else (),
                    variation=None,
                )
                draft.phrases.append(PhraseDraft(given, None, phrase.bars))

    def _same_frame(self, draft: SectionDraft, source: SectionDraft) -> bool:
        one, other = draft.given, source.given
        return (one.metre, one.key) == (other.metre, other.key)


def _suffix_sums(tables: Sequence[FloatArray], longest: int) -> list[FloatArray]:
    """Log weights of the sum of all lengths from each place on; a last row for none."""
    last = np.full(longest + 1, -np.inf)
    last[0] = 0.0
    rows = [last]
    for table in reversed(tables):
        rows.append(convolve(table, rows[-1]))
    return rows[::-1]


def _draw(logs: FloatArray, rng: np.random.Generator) -> int:
    weights = np.cumsum(np.exp(logs - logs.max()))
    at = int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
    return min(at, len(weights) - 1)
