"""Plan -> what the drums are asked for in each bar.

What is decided here are rules, each stated at its place; what is played in a bar is the
model's choice, but for the last stroke of the piece and for literal repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hybrid.core.errors import ConfigError, PlanError
from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.plan import DYNAMICS, FormPlan, PlacedPhrase
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.drums.conditions import FEELS, METRES, N_LEVELS, STYLES

#: The groove's style for the styles of plans; `DEFAULT_STYLE` for others.
STYLE_OF = {"pop": "pop", "jazz": "jazz", "dance": "dance", "folk": "country"}
DEFAULT_STYLE = "rock"
DEFAULT_QPM = 120.0
#: The middle: a groove that begins from nothing is else as often a sparse one as a full one.
DEFAULT_DENSITY = 2
#: How the quarter divides where beats are not dotted: the other parts of a piece are straight,
#: so drums are, unless asked otherwise; ``free`` leaves it to the model.
PLANNED_FEELS = (*FEELS, "free")
#: What a bar is to do.
TASKS = ("play", "repeat", "end", "rest")

SIXTEENTH = Fraction(1, 4)


@dataclass(frozen=True)
class Cell:
    """A stretch of a bar that is played as a stretch of a bar of the data.

    Attributes
    ----------
    metre : str
        One of `METRES`.
    first, steps : int
        Steps of that bar.
    step_quarters : Fraction
        Length of a step; a sixteenth, or a quarter of a dotted beat.
    """

    metre: str
    first: int
    steps: int
    step_quarters: Fraction = SIXTEENTH

    @property
    def is_swung(self) -> bool:
        """Whether the beat is dotted: four steps to it, played in triplets."""
        return self.step_quarters != SIXTEENTH


def _cells(*rows: tuple[str, int, int]) -> tuple[tuple[Cell, ...], ...]:
    return (tuple(Cell(*row) for row in rows),)


def _dotted(metre: str, steps: int) -> tuple[tuple[Cell, ...], ...]:
    return ((Cell(metre, 0, steps, Fraction(3, 8)),),)


#: How the bars of a metre are played; where there are several forms, bars take them in turn.
#: Metres that nobody played are put together: a bar of 2/4 is half a bar of 4/4; the dotted
#: beats of 9/8 and 12/8 are the quarters of 3/4 and 4/4 in triplets; 7/8 loses the last eighth
#: of 4/4.
METRE_CELLS: Mapping[str, tuple[tuple[Cell, ...], ...]] = {
    "4/4": _cells(("4/4", 0, 16)),
    "3/4": _cells(("3/4", 0, 12)),
    "6/8": _cells(("6/8", 0, 12)),
    "5/4": _cells(("5/4", 0, 20)),
    "5/8": _cells(("5/8", 0, 10)),
    "2/4": ((Cell("4/4", 0, 8),), (Cell("4/4", 8, 8),)),
    "2/2": _cells(("4/4", 0, 16)),
    "3/8": ((Cell("6/8", 0, 6),), (Cell("6/8", 6, 6),)),
    "6/4": _cells(("3/4", 0, 12), ("3/4", 0, 12)),
    "7/4": _cells(("4/4", 0, 16), ("3/4", 0, 12)),
    "3/2": _cells(("3/4", 0, 12), ("3/4", 0, 12)),
    "4/2": _cells(("4/4", 0, 16), ("4/4", 0, 16)),
    "7/8": _cells(("4/4", 0, 14)),
    "9/8": _dotted("3/4", 12),
    "12/8": _dotted("4/4", 16),
}


@dataclass(frozen=True)
class BarTask:
    """What is asked of one bar.

    Attributes
    ----------
    task : str
        One of `TASKS`: play by the model, repeat the reference, the piece's last stroke, rest.
    cells : tuple of Cell
    start : Fraction
        Quarters from the piece's start.
    quarters : Fraction
        Length.
    qpm : float
        Quarters a minute.
    style : str
        One of `STYLES`.
    role, place : str
        Of `ROLES` and `PLACES`.
    feel : str
        One of `PLANNED_FEELS`; dotted beats are in triplets whatever it says.
    density, intensity : int or None
        0..4; None leaves it to the model.
    reference : int or None
        Number of the earlier bar that this one is like.
    fresh : bool
        Whether to forget what was played before.
    loudness : int
        Planned velocity, for the last stroke.
    """

    task: str
    cells: tuple[Cell, ...]
    start: Fraction
    quarters: Fraction
    qpm: float
    style: str
    role: str = "beat"
    place: str = "middle"
    feel: str = "straight"
    density: int | None = None
    intensity: int | None = None
    reference: int | None = None
    fresh: bool = False
    loudness: int = DYNAMICS["mf"]

    @property
    def maker(self) -> str:
        """What made the bar, for a trace."""
        if self.task == "play":
            return f"groove model: {self.style} {self.role}, {self.place}"
        return {
            "repeat": "rule: literal repeat of an earlier bar",
            "end": "rule: last stroke",
            "rest": "rule: no drums planned",
        }[self.task]


def metre_cells(metre: Metre) -> tuple[tuple[Cell, ...], ...]:
    """How bars of a metre are played, in turn.

    Raises
    ------
    PlanError
        If the metre is none of `METRE_CELLS`.
    """
    try:
        return METRE_CELLS[metre.name]
    except KeyError:
        raise PlanError(
            f"a metre with drums must be one of {', '.join(METRE_CELLS)}, got {metre.name}"
        ) from None


def plan_bars(
    plan: FormPlan,
    *,
    style: str | None = None,
    feel: str = "straight",
    density: int | Mapping[str, int] | None = None,
    fills: str = "sections",
    intensity_of: Mapping[str, int] | None = None,
) -> tuple[BarTask, ...]:
    """Lay out the drums of a plan.

    Parameters
    ----------
    plan : FormPlan
        Complete.
    style : str, optional
        One of `STYLES`; by default what `STYLE_OF` has for the plan's style.
    feel : str
        One of `PLANNED_FEELS`.
    density : int or mapping of section label to int, optional
        Level 0..4 of strokes a bar; left to the model where not given, and in fills.
    fills : str
        Where fills are: at the end of ``sections``, of ``phrases``, or ``none``.
    intensity_of : mapping of dynamics to int, optional
        Level of each marking; markings that are missing are left to the model.

    Returns
    -------
    tuple of BarTask
        One for each bar; the pickup has none, as nothing is played in it.

    Raises
    ------
    ConfigError, PlanError
        If an argument is out of range, the plan is not complete or a metre unknown.

    Notes
    -----
    Rules: a section of a new label begins with nothing remembered, so that its groove is its
    own; a section whose label was there before (primes aside) begins likewise and takes the
    earlier one as reference, bar by bar, or as it stands where a phrase's variation is
    ``literal``. The last bar of the piece is one stroke of kick and crash. Where some phrases
    of the plan have drums among their instruments, the others rest; where none has, all play.
    """
    chosen = _check_style(style if style is not None else STYLE_OF.get(plan.style, DEFAULT_STYLE))
    if fills not in ("sections", "phrases", "none"):
        raise ConfigError(f"fills must be one of sections, phrases, none, got {fills!r}")
    if feel not in PLANNED_FEELS:
        raise ConfigError(f"feel must be one of {', '.join(PLANNED_FEELS)}, got {feel!r}")
    placed = tuple(plan.phrases())
    silent = _silent(placed)
    known: dict[str, list[int]] = {}
    tasks: list[BarTask] = []
    section, label = -1, ""
    in_section: list[int] = []
    for number, phrase in enumerate(placed):
        opens = phrase.section_index != section
        if opens:
            if label and label not in known:
                known[label] = in_section
            section, in_section = phrase.section_index, []
            label = _base(phrase.section.label)
        after = placed[number + 1] if number + 1 < len(placed) else None
        closes = after is None or after.section_index != section
        forms = metre_cells(phrase.metre)
        for bar in range(phrase.bars):
            last = bar == phrase.bars - 1
            fill = last and (fills == "phrases" or (fills == "sections" and closes))
            earlier = known.get(label)
            task = BarTask(
                task="rest" if number in silent else "play",
                cells=forms[bar % len(forms)],
                start=phrase.start + bar * phrase.metre.bar_quarters,
                quarters=phrase.metre.bar_quarters,
                qpm=phrase.shared.tempo_qpm or DEFAULT_QPM,
                style=chosen,
                feel=feel,
                role="fill" if fill else "beat",
                place=_place(bar == 0 and opens, (last and closes) or fill),
                density=None if fill else _density(density, label),
                intensity=(intensity_of or {}).get(phrase.shared.dynamics or ""),
                reference=earlier[len(in_section) % len(earlier)] if earlier else None,
                fresh=bar == 0 and opens,
                loudness=DYNAMICS[phrase.shared.dynamics or "mf"],
            )
            literal = phrase.phrase.variation == "literal"
            tasks.append(_settle(task, tasks, literal, last and after is None))
            in_section.append(len(tasks) - 1)
    return tuple(tasks)


def _settle(task: BarTask, earlier: Sequence[BarTask], literal: bool, is_last: bool) -> BarTask:
    """The task with its reference kept only where it fits."""
    if task.task == "rest":
        return replace(task, reference=None)
    if is_last:
        return replace(task, task="end", reference=None)
    if task.reference is None:
        return task
    model = earlier[task.reference]
    # A fill is no model for a beat, nor a bar of another length for this one.
    fits = model.task in ("play", "repeat") and model.cells == task.cells
    if not fits or model.role != task.role:
        return replace(task, reference=None)
    return replace(task, task="repeat") if literal else task


def _base(label: str) -> str:
    """A section's label without primes: A' is A again."""
    return label.rstrip("'′’") or label


def _place(opens: bool, closes: bool) -> str:
    if closes:
        return "end"
    return "start" if opens else "middle"


def _check_style(style: str) -> str:
    if style not in STYLES:
        raise ConfigError(f"style of drums must be one of {', '.join(STYLES)}, got {style!r}")
    return style


def _density(density: int | Mapping[str, int] | None, label: str) -> int | None:
    found = density.get(label) if isinstance(density, Mapping) else density
    if found is not None and not 0 <= found < N_LEVELS:
        raise ConfigError(f"density must be in 0..{N_LEVELS - 1}, got {found}")
    return found


def _silent(placed: Sequence[PlacedPhrase]) -> frozenset[int]:
    """Numbers of the phrases that have no drums where others have."""
    drummed = [
        any(INSTRUMENTS[name].is_drum for name in phrase.shared.instruments if name in INSTRUMENTS)
        for phrase in placed
    ]
    if not any(drummed):
        return frozenset()
    return frozenset(number for number, has in enumerate(drummed) if not has)


assert all(cell.metre in METRES for forms in METRE_CELLS.values() for f in forms for cell in f)
