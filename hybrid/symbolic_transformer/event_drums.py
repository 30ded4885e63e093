"""The drum track of a piece that the note model wrote: the groove model plays it.

The two models know nothing of each other's notes. Both follow the plan: sections, metre, tempo,
dynamics. What the drums are asked for beyond that is decided here, by habit.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from hybrid.core.instruments import INSTRUMENTS, expand_ensemble
from hybrid.core.plan import DYNAMICS, FormPlan
from hybrid.core.resources import resource_path
from hybrid.core.score import Score
from hybrid.core.trace import TraceEntry
from hybrid.symbolic_transformer.drums.bars import STYLE_OF, BarTask, plan_bars
from hybrid.symbolic_transformer.drums.weights import SHIPPED
from hybrid.symbolic_transformer.drums.write import write_drums

#: Grooves of textures, where the plan's style has none of its own.
STYLE_OF_TEXTURE = {"walking_bass": "jazz", "waltz": "country", "march": "rock", "pad": "soul"}
#: Strokes a bar, 0 (sparse) to 4, of sections below and from these dynamics on.
QUIET, LOUD = DYNAMICS["mp"], DYNAMICS["f"]
#: One level sparser: long notes and broken chords leave little room.
SPARSE_TEXTURES = frozenset({"pad", "arpeggio", "chorale", "waltz"})


def groove_of(plan: FormPlan) -> str | None:
    """The groove's style: the plan's own, else that of its first phrase's texture.

    None leaves the choice to `plan_bars`, which has one for every plan.
    """
    if plan.style in STYLE_OF:
        return None
    first = next(iter(plan.phrases()))
    return STYLE_OF_TEXTURE.get(str(first.shared.texture))


def density_of(plan: FormPlan) -> dict[str, int]:
    """Strokes a bar, 0..4, of each section label: more where it is loud, fewer over slow textures.

    A label's first section decides, so that what returns has the groove that it had.
    """
    levels: dict[str, int] = {}
    for item in plan.phrases():
        label = item.section.label.rstrip("'′’") or item.section.label
        if label in levels:
            continue
        loud = DYNAMICS[item.shared.dynamics or "mf"]
        level = 1 if loud < QUIET else 3 if loud >= LOUD else 2
        levels[label] = max(0, level - (item.shared.texture in SPARSE_TEXTURES))
    return levels


def with_drums(
    plan: FormPlan,
    score: Score,
    rng: np.random.Generator,
    span: tuple[int, int] | None = None,
) -> tuple[Score, tuple[TraceEntry, ...]]:
    """Fill a score's empty drum track.

    Parameters
    ----------
    plan : FormPlan
        Ready for engines.
    score : Score
        Of the plan; drum tracks that have notes, and all of them where the plan names no drums,
        stay as they are.
    rng : np.random.Generator
        Used only where there is something to play.
    span : (int, int), optional
        Only strokes between these ticks.

    Returns
    -------
    score : Score
        Strokes stand where they are played, some ticks off the beat.
    entries : tuple of TraceEntry
        One a bar.

    Raises
    ------
    PlanError
        If a metre has no drums.
    """
    empty = [number for number, t in enumerate(score.tracks) if t.is_drum and not len(t.notes)]
    players = {name for item in plan.phrases() for name in item.shared.instruments}
    if not empty or not any(INSTRUMENTS[name].is_drum for name in expand_ensemble(tuple(players))):
        return score, ()
    style, density = groove_of(plan), density_of(plan)
    old = score.tracks[empty[0]]
    quarter = score.ticks_per_quarter
    played = write_drums(plan, rng, style=style, density=density, ticks_per_quarter=quarter)
    low, high = span or (0, score.length)
    onsets = played.notes["onset"]
    notes = played.notes[(onsets >= low) & (onsets < high)]
    tracks = list(score.tracks)
    tracks[empty[0]] = replace(old, notes=notes)
    tasks = plan_bars(plan, style=style, density=density)
    entries = tuple(
        _entry(task, number + 1, old.name, quarter)
        for number, task in enumerate(tasks)
        if task.task != "rest" and low <= round(task.start * quarter) < high
    )
    return replace(score, tracks=tuple(tracks)), entries


def _entry(task: BarTask, bar: int, track: str, quarter: int) -> TraceEntry:
    maker, _, choice = task.maker.partition(": ")
    if task.task == "play" and task.density is not None:
        choice += f", density {task.density}"
    tick = round(task.start * quarter)
    return TraceEntry("bar", f"drums:{maker}", choice, bar=bar, tick=tick, track=track)


def groove_hash() -> dict[str, str]:
    """sha256 of the groove model's file, by its name."""
    path = resource_path(*SHIPPED)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}


__all__ = ["density_of", "groove_hash", "groove_of", "with_drums"]
