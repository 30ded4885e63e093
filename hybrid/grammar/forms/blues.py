"""Blues choruses: the chords of twelve bars from Steedman's grammar, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.realise import SectionSketch
from hybrid.grammar.steedman import BARS, Derivation, derive
from hybrid.grammar.trees import Tree


def is_chorus(section: SectionSketch) -> bool:
    """Whether a section is a chorus of twelve bars."""
    return section.role in ("head", "solo") and sum(p.bars for p in section.phrases) == BARS


def chorus(
    section: SectionSketch, metre: Metre, rng: np.random.Generator
) -> tuple[SectionSketch, list[tuple[PlanChord, ...]], Mapping[str, Any]]:
    """Derive a chorus.

    Returns
    -------
    section : SectionSketch
        With the cadences that the chords make: a line that does not end IV-I is no PC.
    chords : list of tuple of PlanChord
        One tuple a phrase.
    tree : mapping
        The derivation, for display.
    """
    shortest = Fraction(1, 2) if metre.n_beats % 2 == 0 else Fraction(1)
    derivation = derive(rng, minor=section.key.is_minor, shortest=shortest, plain_close=True)
    whole = derivation.plan_chords(section.key, metre)
    chords: list[tuple[PlanChord, ...]] = []
    phrases = []
    start = Fraction(0)
    for phrase in section.phrases:
        end = start + phrase.bars * metre.bar_quarters
        line = tuple(
            replace(
                chord,
                onset=max(chord.onset, start) - start,
                duration=min(chord.end, end) - max(chord.onset, start),
            )
            for chord in whole
            if chord.onset < end and chord.end > start
        )
        if phrase.cadence == "PC" and not _is_plagal(line):
            phrase = replace(phrase, cadence="none")
        phrases.append(phrase)
        chords.append(line)
        start = end
    return replace(section, phrases=tuple(phrases)), chords, _plain(derivation)


def _is_plagal(line: tuple[PlanChord, ...]) -> bool:
    names = [chord.numeral.lower() for chord in line[-2:]]
    return names == ["iv", "i"]


def _plain(derivation: Derivation) -> Mapping[str, Any]:
    value = _node(derivation.tree)
    return {**value, "steps": list(derivation.steps)}


def _node(tree: Tree) -> dict[str, Any]:
    value: dict[str, Any] = {"symbol": tree.symbol.name, "bars": str(tree.duration)}
    if tree.rule is not None:
        value["rule"] = str(tree.rule)
        value["probability"] = tree.probability
        value["children"] = [_node(child) for child in tree.children]
    return value
