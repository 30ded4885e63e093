"""Chords and phrases from a line of text, for the tests of the engine's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, PlacedPhrase, Section, parse_chords
from hybrid.core.timeline import Metre
from hybrid.rules.harmony import Chord, plan_chords

PhraseMaker = Callable[..., "Placed"]


@dataclass(frozen=True)
class Placed:
    """A phrase that starts at tick 0, and its chords."""

    phrase: PlacedPhrase
    chords: tuple[Chord, ...]


def make_phrase(
    chords: str,
    key: str = "C major",
    metre: str = "4/4",
    cadence: str = "none",
    texture: str = "homophonic",
    instruments: tuple[str, ...] = ("piano",),
    variation: str | None = None,
    steps: int = 0,
) -> Placed:
    """``I:2 V7 . | I`` as in plans: bars are divided by bars, lengths are quarters."""
    counted = Metre.parse(metre)
    bars = chords.count("|") + 1
    only = Phrase(
        bars=bars,
        chords=parse_chords(chords, counted, bars),
        cadence=cadence,
        theme="a",
        variation=variation,
        variation_steps=steps,
    )
    plan = FormPlan(
        title="",
        key=Key.parse(key),
        metre=counted,
        tempo_qpm=90.0,
        texture=texture,
        dynamics="mf",
        instruments=instruments,
        sections=(Section(label="A", phrases=(only,)),),
    )
    ((placed, found),) = plan_chords(plan)
    return Placed(placed, found)


@pytest.fixture(scope="session")
def phrase_of() -> PhraseMaker:
    return make_phrase
