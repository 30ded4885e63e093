"""A small plan, pieces under it and a tiny model, for the tests of the event engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_model import EventConfig, EventTransformer
from hybrid.symbolic_transformer.events import encode_events
from hybrid.symbolic_transformer.tables import NOTE_DTYPE, PlanArrays, ScoreArrays
from hybrid.symbolic_transformer.trunk import TrunkConfig

G_MAJOR = Key(1)


def small_plan(
    texture: str = "chorale",
    instruments: tuple[str, ...] = ("choir",),
    variation: str = "varied",
    second: Key = G_MAJOR,
    **more: Any,
) -> FormPlan:
    """Two phrases of two bars, the second of which returns to the first a fifth higher."""
    metre = Metre.parse("4/4")
    first = Phrase(
        bars=2, chords=parse_chords("I IV | V7 I", metre), cadence="PAC", theme="a", key=Key(0)
    )
    later = Phrase(
        bars=2,
        chords=parse_chords("I IV | V7 I", metre),
        cadence="PAC",
        theme="a",
        variation=variation,
        key=second,
    )
    return FormPlan(
        sections=(Section(phrases=(first, later)),),
        key=Key(0),
        metre=metre,
        tempo_qpm=100.0,
        texture=texture,
        dynamics="mf",
        instruments=instruments,
        **more,
    )


def random_events(plan: PlanArrays, seed: int, n_notes: int = 60) -> NDArray[Any]:
    """Events of notes anywhere, chords and clashes included."""
    rng = np.random.default_rng(seed)
    notes = np.zeros(n_notes, NOTE_DTYPE)
    notes["onset"] = rng.integers(0, plan.length // 6, n_notes) * 6
    notes["track"] = rng.integers(0, 4, n_notes)
    notes["pitch"] = rng.integers(40, 84, n_notes)
    notes["duration"] = rng.choice([6, 12, 24, 48, 200], n_notes)
    notes["velocity"] = rng.integers(1, 128, n_notes)
    notes["timing"] = rng.integers(-60, 60, n_notes)
    order = np.lexsort((notes["pitch"], notes["track"], notes["onset"]))
    notes = notes[order]
    keys = notes[["onset", "track", "pitch"]]
    notes = notes[np.concatenate([[True], keys[1:] != keys[:-1]])]
    score = ScoreArrays(plan.length, notes, plan.bars)
    return encode_events(score, plan, with_timing=True)


def tiny_model(seed: int = 1) -> EventTransformer:
    """A model of two layers with random weights, ready to be asked."""
    torch.manual_seed(seed)
    trunk = TrunkConfig(
        width=56, layers=2, heads=2, hidden=64, reach=16, period=0, relative_layers=1, dropout=0.0
    )
    return EventTransformer(EventConfig(trunk=trunk, hidden=32)).eval()


def small_arrays() -> PlanArrays:
    return plan_arrays(small_plan())
