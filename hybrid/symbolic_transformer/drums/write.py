"""Plan -> a track of drums, played by the groove model.

from hybrid.core.seeds import stage_rng
from hybrid.symbolic_transformer.drums import write_drums

track = write_drums(plan, stage_rng(7, "drums"), style="funk")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.plan import DYNAMICS, FormPlan
from hybrid.core.score import (
    NOTE_DTYPE,
    TICKS_PER_QUARTER,
    Marker,
    Score,
    Track,
    sort_notes,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.symbolic_transformer.drums.bars import (
    DEFAULT_DENSITY,
    DEFAULT_QPM,
    SIXTEENTH,
    BarTask,
    Cell,
    plan_bars,
)
from hybrid.symbolic_transformer.drums.conditions import (
    COLUMNS,
    FEELS,
    LONGEST_BAR,
    METRES,
    PLACES,
    ROLES,
    STYLES,
    unknown,
)
from hybrid.symbolic_transformer.drums.config import STEP_FEATURES
from hybrid.symbolic_transformer.drums.grid import STEP_UNITS, shorten
from hybrid.symbolic_transformer.drums.kit import CRASH, KICK, PITCHES
from hybrid.symbolic_transformer.drums.player import DRAWS, Player, Step
from hybrid.symbolic_transformer.drums.weights import Weights, read_weights

#: Of hits; measured in benchmarks/drums.py.
TEMPERATURE = 0.9
#: Share of the training bars after a fill that open with a crash (of the other bars: 0.08).
CRASH_AFTER_FILL = 0.38


@lru_cache(maxsize=1)
def shipped_weights() -> Weights:
    """The weights that ship, read once."""
    return read_weights()


def write_drums(
    plan: FormPlan,
    rng: np.random.Generator,
    *,
    style: str | None = None,
    feel: str = "straight",
    density: int | Mapping[str, int] | None = DEFAULT_DENSITY,
    fills: str = "sections",
    temperature: float = TEMPERATURE,
    weights: Weights | None = None,
    ticks_per_quarter: int = TICKS_PER_QUARTER,
    name: str = "drums",
) -> Track:
    """Write the drums of a plan.

    Parameters
    ----------
    plan : FormPlan
        Complete: bars, metre and key of every phrase. Tempo and dynamics are read where set.
    rng : np.random.Generator
        The same state gives the same track.
    style : str, optional
        One of `STYLES`; by default after the plan's style.
    feel : str
        Whether quarters divide ``straight`` or in ``triplet``; ``free`` leaves it to the model.
        Dotted beats (9/8, 12/8) are in triplets anyway.
    density : int or mapping of section label to int, optional
        Level 0 (sparse) .. 4 of strokes a bar, 2 by default; None leaves it to the model, and a
        mapping does for labels it lacks. It is asked of the model, not forced on it, and not of
        fills.
    fills : str
        At the end of ``sections``, of ``phrases``, or ``none``.
    temperature : float
        0.1..2; below 1 plays what is likely.
    weights : Weights, optional
        By default those that ship.
    ticks_per_quarter : int
        A multiple of 4.
    name : str
        Of the track.

    Returns
    -------
    Track
        ``is_drum``; General MIDI keys. Onsets carry the microtiming; a stroke ahead of tick 0
        is moved onto it.

    Raises
    ------
    ConfigError, PlanError
        If an argument is out of range, the plan is not complete or a metre has no drums.
    """
    if not 0.1 <= temperature <= 2:
        raise ConfigError(f"temperature must be in 0.1..2, got {temperature:g}")
    if ticks_per_quarter < 4 or ticks_per_quarter % 4:
        raise ConfigError(f"ticks_per_quarter must be a multiple of 4, got {ticks_per_quarter}")
    found = weights or shipped_weights()
    loud = {
        mark: int(found.levels.intensity_level(float(value))) for mark, value in DYNAMICS.items()
    }
    tasks = plan_bars(plan, style=style, feel=feel, density=density, fills=fills, intensity_of=loud)
    bars = play_bars(tasks, rng, found, temperature)
    return Track(name, to_notes(tasks, bars, ticks_per_quarter), is_drum=True)


@dataclass(frozen=True, eq=False)
class PlayedBar:
    """Steps of a bar, cell after cell."""

    steps: tuple[Step, ...]


def play_bars(
    tasks: Sequence[BarTask],
    rng: np.random.Generator,
    weights: Weights,
    temperature: float = 1.0,
) -> list[PlayedBar]:
    """Play bars one after the other; see `plan_bars`.

    The downbeat after a fill has a crash as often as in the data, `CRASH_AFTER_FILL`: a section
    forgets the fill before it, so the model alone would play fewer. Where there is a reference
    it says whether there is a crash.

    A bar with a reference is shown it twice: as the reference, and in place of the bar before,
    which the model has learned to stay close to.
    """
    player = Player(weights)
    nothing = np.zeros(STEP_FEATURES + 1, dtype=np.float32)
    played: list[PlayedBar] = []
    # The step before, and the last step that was played at each place of a bar.
    before: Step | None = None
    bar_ago: dict[tuple[str, int], Step] = {}
    after_fill = False
    for task in tasks:
        # Drawn for every bar, so that the rule moves no other draw.
        crashes = rng.random() < CRASH_AFTER_FILL and after_fill and task.role == "beat"
        crashes = crashes and task.reference is None
        after_fill = task.role == "fill" and task.task != "rest"
        if task.fresh or task.task == "rest":
            player.forget()
            before, bar_ago = None, {}
        reference = None if task.reference is None else played[task.reference].steps
        steps: list[Step] = []
        for cell in task.cells:
            conditions = _conditions(task, cell)
            tempo = float(np.log2(task.qpm * float(SIXTEENTH / cell.step_quarters) / 120.0))
            metre = list(METRES).index(cell.metre) * LONGEST_BAR
            for number in range(cell.first, cell.first + cell.steps):
                # Drawn even where a rule decides, so that the bars after it stay as they were.
                draws = rng.random(DRAWS)
                place = (cell.metre, number)
                like = None if reference is None else reference[len(steps)]
                if task.task == "rest":
                    steps.append(Step())
                    continue
                inputs = np.concatenate(
                    [
                        _read(before, nothing),
                        _read(bar_ago.get(place) if like is None else like, nothing),
                        _read(like, nothing),
                    ]
                )
                state = player.state(inputs, conditions, metre + number, tempo)
                if task.task == "repeat":
                    assert like is not None
                    step = like
                elif task.task == "end":
                    step = _last_stroke(task) if not steps else Step()
                else:
                    step = player.play(state, draws, temperature)
                    if crashes and not steps:
                        _add_crash(step, task.loudness)
                steps.append(step)
                before = bar_ago[place] = step
        played.append(PlayedBar(tuple(steps)))
    return played


def to_notes(
    tasks: Sequence[BarTask], bars: Sequence[PlayedBar], ticks_per_quarter: int
) -> NDArray[Any]:
    """Played bars as notes on ticks, each a step long or up to the next stroke of its drum."""
    loudest: dict[tuple[int, int], int] = {}
    for task, bar in zip(tasks, bars, strict=True):
        start = task.start
        number = 0
        for cell in task.cells:
            for step in range(cell.first, cell.first + cell.steps):
                played = bar.steps[number]
                for drum in np.flatnonzero(played.hits):
                    timing = int(played.timings[drum])
                    late = _in_thirds(step, timing) if cell.is_swung else timing
                    onset = start + Fraction(late, STEP_UNITS) * cell.step_quarters
                    key = max(0, round(onset * ticks_per_quarter)), PITCHES[drum]
                    # Two strokes that fall on one tick are one, as loud as the louder.
                    loudest[key] = max(loudest.get(key, 0), int(played.velocities[drum]))
                start += cell.step_quarters
                number += 1
    longest = ticks_per_quarter // 4
    rows = [
        (onset, longest, pitch, velocity, 1, NO_SPELLING)
        for (onset, pitch), velocity in loudest.items()
    ]
    return shorten(sort_notes(np.array(rows, dtype=NOTE_DTYPE)), longest)


#: Units from each of the four steps of a dotted beat to the third that stands for it.
_TO_THIRD = (0, STEP_UNITS // 3, 2 * STEP_UNITS // 3, -STEP_UNITS // 3)

#: Farthest from its third that a stroke of a dotted beat is played: a sixth of a step.
_LOOSEST = STEP_UNITS // 6


def _in_thirds(step: int, timing: int) -> int:
    """Timing, in units from the step, of a stroke in a dotted beat.

    The other parts of 9/8 and 12/8 move in thirds of the beat, so the drums must. The second
    step goes to the second third, the third and fourth go to the last, as eighths are swung.
    What a stroke is off the place it was meant for, a fourth or a third of the beat, it keeps up
    to `_LOOSEST`.
    """
    third = _TO_THIRD[step % 4]
    meant = third if step % 2 and abs(timing - third) < abs(timing) else 0
    return third + min(max(timing - meant, -_LOOSEST), _LOOSEST)


def _read(step: Step | None, nothing: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is read of a step, and a flag that it is there."""
    return nothing if step is None else np.append(step.features, np.float32(1.0))


def _add_crash(step: Step, loudness: int) -> None:
    """Put a crash on a step: with its loudest stroke, or on the beat as loud as planned."""
    if step.hits[CRASH]:
        return
    loudest = int(np.argmax(step.velocities))
    if step.hits.any():
        step.put(CRASH, int(step.velocities[loudest]), int(step.timings[loudest]))
    else:
        step.put(CRASH, loudness, 0)


def _last_stroke(task: BarTask) -> Step:
    step = Step()
    for drum in (KICK, CRASH):
        step.put(drum, task.loudness, 0)
    return step


def _conditions(task: BarTask, cell: Cell) -> tuple[int, ...]:
    """The bar's conditions in the order of `COLUMNS`."""
    feel = "triplet" if cell.is_swung else task.feel
    values = {
        "style": STYLES.index(task.style),
        "metre": list(METRES).index(cell.metre),
        "feel": FEELS.index(feel) if feel in FEELS else unknown("feel"),
        "role": ROLES.index(task.role),
        "place": PLACES.index(task.place),
        "density": unknown("density") if task.density is None else task.density,
        "intensity": unknown("intensity") if task.intensity is None else task.intensity,
    }
    return tuple(values[name] for name in COLUMNS)


def drum_score(plan: FormPlan, track: Track) -> Score:
    """A score of the drums alone, with the plan's tempi, metres, section names and length."""
    tempos: list[Tempo] = []
    metres: list[Metre] = []
    markers: list[Marker] = []
    section = -1
    for placed in plan.phrases():
        first = placed.index == 0
        tick = 0 if first else round(placed.start * TICKS_PER_QUARTER)
        qpm = placed.shared.tempo_qpm or DEFAULT_QPM
        if first or qpm != tempos[-1].qpm:
            tempos.append(Tempo(tick, qpm))
        if first or placed.metre.name != metres[-1].name:
            metres.append(Metre(tick, placed.metre.numerator, placed.metre.denominator))
        if placed.section_index != section:
            section = placed.section_index
            start = round(placed.start * TICKS_PER_QUARTER)
            markers.append(Marker(start, placed.section.label))
    return Score(
        (track,),
        tempos=tuple(tempos),
        metres=tuple(metres),
        markers=tuple(markers),
        pickup_ticks=round(plan.pickup_quarters * TICKS_PER_QUARTER),
        title=plan.title,
        length=max(round(plan.quarters * TICKS_PER_QUARTER), track.end),
    )
