"""Markov chain of any order over old tunes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import Melody, load_melodies
from hybrid.history.panels import Bars, Graph, Machine, Step, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

S = TypeVar("S", bound=Hashable)

#: Most notes that are added so that the melody ends on C.
MOST_EXTRA = 64
TUNES = (
    "ah-vous-dirai-je",
    "frere-jacques",
    "ode-to-joy",
    "au-clair-de-la-lune",
    "haenschen-klein",
    "london-bridge",
)
UNITS = {"pitch": "pitches, all in quarters", "note": "notes: pitch and length together"}


def count_transitions(loops: Sequence[Sequence[S]], order: int) -> dict[tuple[S, ...], Counter[S]]:
    """How often each state follows each context in sequences that begin again at their end.

    Parameters
    ----------
    loops : sequence of sequences
        States; the first follows the last, so that every context has a continuation.
    order : int
        Length of a context, from 0.

    Returns
    -------
    dict
        Context to counts of what follows it.

    References
    ----------
    Norris, J. R. (1997). Markov Chains. Cambridge University Press, chapter 1.
    """
    counts: dict[tuple[S, ...], Counter[S]] = {}
    for loop in loops:
        for at, state in enumerate(loop):
            context = tuple(loop[(at - back) % len(loop)] for back in range(order, 0, -1))
            counts.setdefault(context, Counter())[state] += 1
    return counts


def transition_matrix(
    counts: dict[tuple[S, ...], Counter[S]], states: Sequence[S]
) -> NDArray[np.float64]:
    """Probabilities of a chain of the first order, shape (states, states); rows add up to 1."""
    matrix = np.array([[float(counts[(one,)][other]) for other in states] for one in states])
    probabilities: NDArray[np.float64] = matrix / matrix.sum(axis=1, keepdims=True)
    return probabilities


def stationary(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distribution that a chain keeps: pi P = pi, shape (states,), sum 1.

    Parameters
    ----------
    matrix : np.ndarray, shape (states, states)
        Row-stochastic.

    Raises
    ------
    ConfigError
        If there is more than one, since the chain falls into parts.
    """
    size = len(matrix)
    equations = np.vstack([matrix.T - np.eye(size), np.ones(size)])
    if np.linalg.matrix_rank(equations) < size:
        raise ConfigError("a chain must have one stationary distribution, got one in parts")
    right = np.append(np.zeros(size), 1.0)
    solution: NDArray[np.float64] = np.linalg.lstsq(equations, right, rcond=None)[0]
    return solution


def longest_quotation(made: Sequence[S], loops: Sequence[Sequence[S]]) -> int:
    """Length of the longest run of ``made`` that stands in one of the loops."""
    best = 0
    for loop in loops:
        # Runs that end at each place of the loop; going round once more closes it.
        runs = [0] * len(loop)
        for state in made:
            runs = [runs[at - 1] + 1 if loop[at] == state else 0 for at in range(len(loop))]
            best = max(best, *runs)
    return best


@dataclass(frozen=True)
class _State:
    pitch: int
    ticks: int = TICKS_PER_QUARTER

    @property
    def name(self) -> str:
        if self.ticks == TICKS_PER_QUARTER:
            return note_name(self.pitch)
        return f"{note_name(self.pitch)} ({self.ticks / TICKS_PER_QUARTER:g})"


def _states(melody: Melody, unit: str) -> tuple[_State, ...]:
    if unit == "pitch":
        return tuple(_State(pitch) for pitch in melody.pitches)
    return tuple(_State(pitch, ticks) for pitch, ticks in melody.notes)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Count, then draw a note at a time."""
    tunes = load_melodies()
    chosen = list(TUNES) if values.text("tunes") == "all" else [values.text("tunes")]
    loops = [_states(tunes[name], values.text("unit")) for name in chosen]
    order = values.integer("order")
    counts = count_transitions(loops, order)
    stage = _Stage(loops, values.text("unit"))
    start = int(rng.integers(len(loops)))
    tune = tunes[chosen[start]]
    seed = stage.ledger.decide(
        "start",
        "beginning of a tune",
        f"{order} notes of {tune.title}",
        tick=0,
        probability=1 / len(loops),
    )
    # A tune may be shorter than the order: then it goes round.
    for at in range(order):
        state = loops[start][at % len(loops[start])]
        stage.write(state, Counter({state: 1}), f"given: note {at + 1} of {tune.name}", seed)
    while len(stage.made) < values.integer("notes") + MOST_EXTRA:
        if len(stage.made) >= values.integer("notes") and stage.made[-1].pitch % 12 == 0:
            break
        context = tuple(stage.made[len(stage.made) - order :])
        options = counts[context]
        ranked = sorted(options, key=lambda state: (state.pitch, state.ticks))
        weights = np.array([options[state] for state in ranked], dtype=float)
        state = ranked[int(rng.choice(len(ranked), p=weights / weights.sum()))]
        words = " ".join(item.name for item in context) or "no context"
        stage.write(state, options, f"after {words}", seed)
    score, trace = stage.ledger.close(
        title=f"Melody of order {order}",
        qpm=values.number("tempo"),
        counts={"contexts": len(counts), "notes learned": sum(map(len, loops))},
    )
    certain = sum(len(options) == 1 for options in counts.values())
    facts = (
        ("Contexts of this order", str(len(counts))),
        ("Contexts with one continuation only", f"{certain} ({certain / len(counts):.0%})"),
        ("Longest quotation of a tune", f"{longest_quotation(stage.made, loops)} notes"),
    )
    return Demonstration(score, trace, Machine(stage.panels, tuple(stage.steps)), facts)


class _Stage:
    """Writes notes and shows the chain."""

    def __init__(self, loops: Sequence[Sequence[_State]], unit: str) -> None:
        self.ledger = Ledger()
        self.ledger.track("flute", program=73, clef="treble")
        self.made: list[_State] = []
        self.steps: list[Step] = []
        self.now = 0
        pitches = [[state.pitch for state in loop] for loop in loops]
        self.pitches = sorted({pitch for loop in pitches for pitch in loop})
        first = count_transitions(pitches, 1)
        matrix = transition_matrix(first, self.pitches)
        names = tuple(map(note_name, self.pitches))
        self.graph = Graph(
            "chain",
            "Chain of the first order",
            "A node for each pitch, arrows for what follows it; the arrow just taken is lit.",
            nodes=names,
            edges=tuple(
                (int(one), int(other), round(float(matrix[one, other]), 4))
                for one, other in zip(*np.nonzero(matrix), strict=True)
            ),
        )
        self.bars = Bars(
            "next",
            "Chance of the next pitch",
            "Bars for the chance of each pitch after the last notes; the one drawn is marked.",
            labels=names,
        )
        self.kept = Bars(
            "stationary",
            "In the long run",
            "Bars for the share that each pitch has if the chain of the first order runs for ever.",
            labels=names,
        )
        self.share = stationary(matrix)
        self.log = Text("log", "What was drawn", f"A line for each draw; states are {UNITS[unit]}.")
        self.lines: list[str] = []

    @property
    def panels(self) -> tuple[Graph, Bars, Bars, Text]:
        return self.graph, self.bars, self.kept, self.log

    def write(self, state: _State, options: Counter[_State], why: str, parent: int) -> None:
        """A note, its decision and its step."""
        total = sum(options.values())
        chance = options[state] / total
        others = [
            f"{other.name}: {number} of {total}"
            for other, number in options.most_common()
            if other != state
        ]
        self.ledger.note(
            "flute",
            self.now,
            state.ticks,
            state.pitch,
            maker="chain",
            choice=f"{state.name} {why}",
            parent=parent,
            probability=chance,
            rejected=others[:8],
        )
        by_pitch = Counter[int]()
        for option, number in options.items():
            by_pitch[option.pitch] += number
        place = self.pitches.index(state.pitch)
        edges = [(self.pitches.index(self.made[-1].pitch), place)] if self.made else []
        self.lines.append(f"{why}: {state.name}, {options[state]} of {total}")
        self.steps.append(
            Step(
                f"{state.name} {why}, chance {chance:.2f}.",
                {
                    "chain": self.graph.light([place], edges),
                    "next": self.bars.show(
                        [by_pitch[pitch] / total for pitch in self.pitches], chosen=place
                    ),
                    "stationary": self.kept.show([float(part) for part in self.share], place),
                    "log": self.log.say(self.lines[-10:], [min(len(self.lines), 10) - 1]),
                },
                self.now,
                self.now + state.ticks,
            )
        )
        self.made.append(state)
        self.now += state.ticks


EXHIBIT = Exhibit(
    name="markov",
    title="Markov chain of old tunes",
    year="1956",
    people=("Richard Pinkerton", "Frederick Brooks", "Albert Hopkins", "Peter Neumann"),
    summary="Count what follows what in six old tunes, then draw a new one note by note.",
    story=(
        "In 1956 Richard Pinkerton counted which note follows which in nursery tunes and drew new "
        "ones from the counts. A year later Brooks, Hopkins, Neumann and Wright did so with "
        "hymns, with contexts of up to eight notes.",
        "The order says how many notes the chain remembers. With none, pitches are drawn from a "
        "bag; with one, each step has been heard; with six, most contexts occur once, so the "
        "chain has no choice and copies whole tunes. What sounds best lies between.",
        "Watch the longest quotation at the head of this page as the order grows, and listen for "
        "the moment when one tune slips into another: they share the last notes.",
    ),
    parameters=(
        Parameter("order", 2, "Notes that the chain remembers.", low=0, high=12),
        Parameter("unit", "note", "What a state is.", choices=tuple(UNITS)),
        Parameter("tunes", "all", "What it learns from.", choices=("all", *TUNES)),
        Parameter("notes", 48, "Notes; then it goes on to the next C.", low=16, high=400),
        Parameter("tempo", 126.0, "Quarters a minute.", low=40.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("counts as chances", "faithful", "memory", "What all such chains do."),
        Fidelity("orders", "faithful", "memory", "1 after Pinkerton, up to 8 after Brooks."),
        Fidelity(
            "tunes learned",
            "invented",
            "ours",
            "Six old tunes; they had 39 nursery tunes or 37 hymns, which we have not seen.",
        ),
        Fidelity(
            "tunes as loops",
            "simplified",
            "ours",
            "The first note follows the last, so that the chain never stops short.",
        ),
        Fidelity(
            "place in the bar",
            "simplified",
            "memory",
            "Brooks kept to a frame of beats; here bars may be cut anywhere.",
        ),
        Fidelity(
            "the long run",
            "faithful",
            "computed",
            "The stationary distribution, which for loops is the share in the tunes.",
        ),
    ),
    citations=(
        "Brooks, F. P., Hopkins, A. L., Neumann, P. G., & Wright, W. V. (1957). An experiment in "
        "musical composition. IRE Transactions on Electronic Computers EC-6(3), 175-182.",
        "Pinkerton, R. C. (1956). Information theory and melody. Scientific American 194(2), "
        "77-86.",
    ),
    exercises=(
        "Set `order=0`, then 1, 2, 4, 8. How does the longest quotation grow?",
        "Set `tunes=frere-jacques order=1 unit=pitch` and check the arrows from G4 by counting.",
        "Which arrow of the graph is the least likely that was taken? Look for it in the trace.",
    ),
)
