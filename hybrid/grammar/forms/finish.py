"""The last stage of filling a plan: chords, cadences and themes of every phrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan, Phrase, PlanChord, Section
from hybrid.core.timeline import Metre
from hybrid.grammar.forms import blues
from hybrid.grammar.forms.constrained import constrained_chords, infer_cadence
from hybrid.grammar.forms.dress import Dress, branch, choose, return_variation
from hybrid.grammar.forms.frame import Frame
from hybrid.grammar.forms.gaps import PhraseDraft, SectionDraft
from hybrid.grammar.forms.harmonise import Harmoniser
from hybrid.grammar.forms.realise import PhraseSketch, SectionSketch
from hybrid.grammar.forms.sketches import given_sketch
from hybrid.grammar.forms.styles import pace_of
from hybrid.grammar.forms.wishes import Wish, check_chords, conflict, lay_out


@dataclass
class Work:
    """A plan while it is being filled."""

    plan: FormPlan
    frame: Frame
    constraints: Sequence[Constraint]
    harmony: str = "phrase"
    sections: list[SectionDraft] = field(default_factory=list)
    dresses: list[Dress] = field(default_factory=list)
    derivation: dict[str, Any] = field(default_factory=dict)

    @property
    def is_form(self) -> bool:
        """Whether a form's grammar makes the sections."""
        return not self.plan.sections

    def metre_of(self, section: Section, phrase: Phrase) -> Metre:
        return phrase.metre or section.metre or self.frame.metre

    def spans(self) -> list[tuple[int, int, Metre]]:
        """First bar, last bar and metre of every phrase."""
        found = []
        bar = 1
        for draft in self.sections:
            for phrase in draft.phrases:
                metre = self.metre_of(draft.given, phrase.given)
                found.append((bar, bar + phrase.bars - 1, metre))
                bar += phrase.bars
        return found

    def factor(self, dress: Dress) -> float:
        """A section's factor on the tempo; a tempo that the plan gives holds throughout."""
        return dress.tempo if self.plan.tempo_qpm is None else 1.0


def finish_sections(work: Work, tempo: float, rng: np.random.Generator) -> tuple[Section, ...]:
    """Sections with chords, themes and cadences for every phrase, dressed."""
    frame = work.frame
    harmony = Harmoniser(
        frame.metre,
        frame.style.chords,
        pace_of(frame.style, frame.metre, tempo),
        frame.style.whole_final,
        work.harmony,
    )
    spans = work.spans()
    wishes = lay_out(work.constraints, spans)
    choruses = _Choruses(work, rng)
    sections = []
    index = 0
    heard: dict[str, PhraseSketch] = {}
    for draft, dress in zip(work.sections, work.dresses, strict=True):
        drawn = choose(frame.form.wardrobe.returns, rng)
        own = wishes[index : index + len(draft.phrases)]
        lines = choruses.lines(draft, own)
        section_key = draft.given.key or frame.home
        phrases = []
        for place, phrase in enumerate(draft.phrases):
            wish = own[place]
            first, last, metre = spans[index]
            metre = work.metre_of(draft.given, phrase.given)
            name = f"phrase in bars {first}-{last}"
            sketched = _sketch(work, draft, place, wish, heard, last == spans[-1][1], name, rng)
            if lines is not None:
                sketched = replace(sketched, cadence=lines[place][1])
            if phrase.sketch is None and place and _goes_on(harmony):
                sketched = replace(sketched, opening="free")
            heard.setdefault(sketched.theme, sketched)
            harmony.metre = metre
            harmony.pace = pace_of(
                frame.style,
                metre,
                phrase.given.tempo_qpm or draft.given.tempo_qpm or tempo * work.factor(dress),
            )
            section = SectionSketch(
                draft.given.label, draft.given.role, section_key, (), draft.turn
            )
            variation, steps = return_variation(sketched, section, dress, drawn)
            at = (draft.given.label, place)
            if phrase.given.chords:
                chords = phrase.given.chords
                check_chords(chords, sketched.key, wish, metre.bar_quarters, name)
                harmony.remember(sketched, chords, at)
            elif lines is not None:
                chords = harmony.take(sketched, lines[place][0])
            elif wish.is_empty:
                chords = harmony.chords(sketched, variation, rng, at)
            else:
                cadence_name = wish.cadence[1] if wish.cadence else None
                if phrase.given.cadence:
                    cadence_name = cadence_name or f"cadence {phrase.given.cadence} of the {name}"
                chords, cadence = constrained_chords(
                    sketched,
                    wish,
                    metre,
                    rng,
                    pace=harmony.pace,
                    style=harmony.style,
                    before=harmony.before,
                    cadence_name=cadence_name,
                    whole_final=harmony.whole_final,
                )
                sketched = replace(sketched, cadence=cadence)
                harmony.remember(sketched, chords, at)
            phrases.append(_phrase(phrase, sketched, chords, section_key, variation, steps))
            index += 1
        sections.append(_section(work, draft, dress, tempo, tuple(phrases)))
    trees = [*choruses.trees, *harmony.trees]
    if trees and work.is_form:
        work.derivation["harmony"] = trees
    return tuple(sections)


def _goes_on(harmony: Harmoniser) -> bool:
    """Whether the phrase before made no cadence."""
    return harmony.before is not None and harmony.before.cadence == "none"


class _Choruses:
    """Choruses of the blues: the same label has the same chords."""

    def __init__(self, work: Work, rng: np.random.Generator) -> None:
        self.work = work
        self.rng = branch(rng)
        self.known: dict[str, list[tuple[tuple[PlanChord, ...], str]]] = {}
        self.trees: list[Mapping[str, Any]] = []

    def lines(
        self, draft: SectionDraft, wishes: Sequence[Wish]
    ) -> list[tuple[tuple[PlanChord, ...], str]] | None:
        """Chords and cadence of each line; None where the phrase model makes the chords."""
        frame = self.work.frame
        sketches = [phrase.sketch for phrase in draft.phrases if phrase.sketch is not None]
        if frame.form.harmony != "steedman" or len(sketches) != len(draft.phrases):
            return None
        if any(not wish.is_empty or wish.cadence for wish in wishes):
            return None
        key = draft.given.key or frame.home
        section = SectionSketch(draft.given.label, draft.given.role, key, tuple(sketches))
        if not blues.is_chorus(section):
            return None
        if section.label not in self.known:
            found, chords, tree = blues.chorus(section, frame.metre, self.rng)
            cadences = [phrase.cadence for phrase in found.phrases]
            self.known[section.label] = list(zip(chords, cadences, strict=True))
            self.trees.append({"section": section.label, "tree": tree})
        return self.known[section.label]


def _sketch(
    work: Work,
    draft: SectionDraft,
    place: int,
    wish: Wish,
    heard: Mapping[str, PhraseSketch],
    is_last: bool,
    name: str,
    rng: np.random.Generator,
) -> PhraseSketch:
    """What a phrase shall be: as its grammar made it, or as the plan has it."""
    phrase = draft.phrases[place]
    asked = {key for _, key, _ in wish.keys}
    whole = len(wish.keys) == phrase.bars and len(asked) == 1
    if phrase.sketch is not None:
        found = phrase.sketch
        if whole:
            key = asked.pop()
            found = replace(found, key=key, end_key=key, exact=False)
    else:
        key = phrase.given.key or draft.given.key or work.frame.home
        if whole and phrase.given.key is None:
            key = asked.pop()
        found = given_sketch(draft, place, key, heard, is_last, branch(rng))
    if phrase.given.chords and not phrase.given.cadence:
        found = replace(found, cadence=infer_cadence(phrase.given.chords, found.key))
    if wish.cadence is not None:
        cadence, asked_by = wish.cadence
        if phrase.given.cadence and phrase.given.cadence != cadence:
            raise conflict(asked_by, name, f"its cadence is {phrase.given.cadence}")
        if phrase.given.chords and found.cadence != cadence:
            raise conflict(asked_by, name, f"its chords make {found.cadence}")
        found = replace(found, cadence=cadence, exact=found.exact and found.cadence == cadence)
    return found


def _phrase(
    draft: PhraseDraft,
    sketched: PhraseSketch,
    chords: tuple[PlanChord, ...],
    section_key: Key,
    variation: str | None,
    steps: int,
) -> Phrase:
    given = draft.given
    values: dict[str, Any] = {
        "bars": sketched.bars,
        "chords": chords,
        "cadence": given.cadence or sketched.cadence,
        "theme": given.theme or sketched.theme,
    }
    if given.key is None and sketched.key != section_key:
        values["key"] = sketched.key
    if draft.sketch is not None:
        values["variation"], values["variation_steps"] = variation, steps
    return replace(given, **values)


def _section(
    work: Work,
    draft: SectionDraft,
    dress: Dress,
    tempo: float,
    phrases: tuple[Phrase, ...],
) -> Section:
    """A section with its phrases, and what it wears where neither it nor the plan says so."""
    plan, given, first = work.plan, draft.given, work.dresses[0]
    values: dict[str, Any] = {}
    for name in ("texture", "dynamics", "register"):
        worn = getattr(dress, name)
        is_open = getattr(plan, name) is None and getattr(given, name) is None
        if is_open and (name == "register" or worn != getattr(first, name)):
            values[name] = worn
    factor = work.factor(dress)
    if factor != 1.0 and given.tempo_qpm is None:
        values["tempo_qpm"] = round(tempo * factor, 3)
    return replace(given, phrases=phrases, **values)
