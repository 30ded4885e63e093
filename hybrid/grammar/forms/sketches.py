"""Sketches of phrases that a plan has by hand, and of phrases that are cut in two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hybrid.core.pitch import Key
from hybrid.grammar.forms.dress import choose
from hybrid.grammar.forms.gaps import STARTS, SectionDraft
from hybrid.grammar.forms.realise import PhraseSketch

#: Cadences of inner phrases, by whether they are short (two bars or fewer).
INNER = {"HC": 0.5, "IAC": 0.25, "PAC": 0.1, "none": 0.15}
INNER_SHORT = {"none": 0.7, "HC": 0.2, "IAC": 0.1}


def divide(sketch: PhraseSketch, bars: int, cadence: str) -> tuple[PhraseSketch, PhraseSketch]:
    """Cut a phrase after some bars, with a cadence there; what follows is a theme of its own."""
    one = replace(sketch, bars=bars, cadence=cadence, end_key=sketch.key, exact=False)
    two = replace(
        sketch,
        function="continuation",
        theme=f"{sketch.theme}'",
        bars=sketch.bars - bars,
        opening="tonic" if cadence in ("PAC", "IAC", "PC", "HC") else "free",
        variation=None,
        variation_steps=0,
        exact=False,
    )
    return one, two


def given_sketch(
    draft: SectionDraft,
    place: int,
    key: Key,
    heard: Mapping[str, PhraseSketch],
    is_last: bool,
    rng: np.random.Generator,
) -> PhraseSketch:
    """Sketch a phrase of the plan: its theme, cadence and opening where they are left out.

    A phrase at the place of one in an earlier section of the same label takes that one's theme
    and cadence. The last phrase of a section closes (an introduction, a bridge and the like
    stop on the dominant), the ones before ask.

    Parameters
    ----------
    draft : SectionDraft
    place : int
        Of the phrase in its section.
    key : Key
    heard : mapping of theme to PhraseSketch
        Themes of the phrases before.
    is_last : bool
        Whether it is the piece's last phrase.
    rng : np.random.Generator
    """
    given = draft.phrases[place].given
    bars = draft.phrases[place].bars
    label = draft.given.label
    theme = given.theme or theme_name(label, place)
    known = heard.get(theme)
    cadence = given.cadence
    if cadence is None and known is not None and draft.turn and not given.theme:
        cadence = known.cadence
    if cadence is None:
        last_here = place == len(draft.phrases) - 1
        opens = STARTS.get(draft.given.role.lower()) == "*:open"
        if is_last or (last_here and not opens):
            cadence = "PAC"
        elif last_here:
            cadence = "HC"
        else:
            cadence = choose(INNER_SHORT if bars <= 2 else INNER, rng)
    variation = given.variation or (None if known is None else "varied")
    exact = known is not None and (known.key, known.cadence, known.bars) == (key, cadence, bars)
    return PhraseSketch(
        "phrase",
        theme,
        cadence,
        bars,
        key,
        key,
        "tonic",
        variation,
        given.variation_steps,
        known is not None,
        exact,
    )


def theme_name(label: str, place: int) -> str:
    """The theme of a phrase that names none: ``A.a``, ``A.b`` ... ``A.27``.

    >>> theme_name("B", 0), theme_name("B", 30)
    ('B.a', 'B.31')
    """
    letters = "abcdefghijklmnopqrstuvwxyz"
    return f"{label}.{letters[place] if place < len(letters) else place + 1}"
