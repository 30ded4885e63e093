"""CAMUS: the Game of Life gives triads, a cyclic space instruments, neighbours the times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Machine, Step, Table, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import class_name, note_name

Grid = NDArray[np.int64]

EIGHTH = TICKS_PER_QUARTER // 2
#: One name and General MIDI program for each state of the cyclic space.
INSTRUMENTS = (
    ("vibraphone", 11),
    ("clarinet", 71),
    ("harp", 46),
    ("cello", 42),
    ("flute", 73),
    ("marimba", 12),
    ("horn", 60),
    ("celesta", 8),
    ("guitar", 24),
)
#: Four bits to the order of the lowest (a), middle (d) and highest (n) note; notes in one group
#: come together. Ten codes: of two that mirror each other only one is listed.
ORDERS = {
    "0000": ("a", "dn"),
    "0001": ("adn",),
    "0010": ("a", "d", "n"),
    "0011": ("d", "n", "a"),
    "0101": ("a", "n", "d"),
    "0110": ("d", "a", "n"),
    "0111": ("n", "a", "d"),
    "1001": ("d", "an"),
    "1011": ("n", "d", "a"),
    "1111": ("n", "ad"),
}
#: Neighbours as (rows down, columns right): above, below, right, left; then the corners.
SIDES = {"a": (-1, 0), "b": (1, 0), "c": (0, 1), "d": (0, -1)}
CORNERS = {"m": (-1, -1), "n": (1, 1), "o": (-1, 1), "p": (1, -1)}
STARTS = {
    "glider": ((0, 1), (1, 2), (2, 0), (2, 1), (2, 2)),
    "r-pentomino": ((0, 1), (0, 2), (1, 0), (1, 1), (2, 1)),
    "blinker": ((1, 0), (1, 1), (1, 2)),
}
COMBINE = ("or", "and", "either")


def life(grid: Grid) -> Grid:
    """The next generation of the Game of Life on a torus.

    Parameters
    ----------
    grid : array of int, shape (rows, columns)
        1 is alive, 0 dead.

    Returns
    -------
    array of int, shape (rows, columns)

    Examples
    --------
    >>> blinker = np.zeros((5, 5), dtype=np.int64)
    >>> blinker[2, 1:4] = 1
    >>> life(blinker)[:, 2].tolist()
    [0, 1, 1, 1, 0]
    """
    around = sum(
        np.roll(grid, (down, right), axis=(0, 1))
        for down, right in (*SIDES.values(), *CORNERS.values())
    )
    return np.asarray((around == 3) | ((grid == 1) & (around == 2)), dtype=np.int64)


def demon(grid: Grid, n_states: int) -> Grid:
    """The next generation of the cyclic space on a torus.

    A cell in state s becomes s + 1 (after the last state, 0) if one of its four neighbours at the
    sides is there already.

    Parameters
    ----------
    grid : array of int, shape (rows, columns)
        States 0..n_states - 1.
    n_states : int

    Returns
    -------
    array of int, shape (rows, columns)

    Examples
    --------
    >>> demon(np.array([[0, 1, 2], [0, 0, 0], [0, 0, 0]]), 4).tolist()
    [[1, 2, 2], [0, 1, 0], [0, 1, 0]]
    """
    after = (grid + 1) % n_states
    is_eaten = np.zeros(grid.shape, dtype=bool)
    for shift in SIDES.values():
        is_eaten |= np.roll(grid, shift, axis=(0, 1)) == after
    return np.where(is_eaten, after, grid)


def temporal_code(bits: str, combine: str) -> str:
    """Four neighbours to a code of `ORDERS`.

    Parameters
    ----------
    bits : str
        The states of four neighbours, such as ``0010``.
    combine : str
        ``or``, ``and``: bit by bit with the same four read backwards; ``either``: as they are, or
        backwards, whichever of the two has an order.

    Examples
    --------
    >>> [temporal_code("0010", how) for how in ("or", "and", "either")]
    ['0110', '0000', '0010']
    """
    back = bits[::-1]
    if combine == "either":
        return min(bits, back)
    pairs = zip(bits, back, strict=True)
    if combine == "or":
        return "".join(max(pair) for pair in pairs)
    return "".join(min(pair) for pair in pairs)


def ranks(code: str) -> dict[str, int]:
    """Place in the order of each note of the triad: a, d, n.

    >>> ranks("0110"), ranks("1111")
    ({'d': 0, 'a': 1, 'n': 2}, {'n': 0, 'a': 1, 'd': 1})
    """
    return {note: place for place, group in enumerate(ORDERS[code]) for note in group}


def order_text(code: str) -> str:
    """The order of a code; notes that come together are in brackets.

    >>> order_text("1001")
    'd [an]'
    """
    return " ".join(group if len(group) == 1 else f"[{group}]" for group in ORDERS[code])


def first_grid(start: str, size: int, density: float, rng: np.random.Generator) -> Grid:
    """The first generation: a known figure near the middle, or cells at random.

    Raises
    ------
    ConfigError
        If no cell is alive.
    """
    grid = np.zeros((size, size), dtype=np.int64)
    if start == "random":
        grid[rng.random((size, size)) < density] = 1
    else:
        for row, column in STARTS[start]:
            grid[size // 2 - 1 + row, size // 2 - 1 + column] = 1
    if not grid.any():
        raise ConfigError(f"density must leave a cell alive, got {density} and none in {size}²")
    return grid


@dataclass(frozen=True)
class _Cell:
    """What a live cell says."""

    row: int
    column: int
    sides: str
    corners: str
    start: str
    end: str
    """Codes of the order in which the notes start and end."""


def _read(grid: Grid, row: int, column: int, combine: str) -> _Cell:
    def bits(around: dict[str, tuple[int, int]]) -> str:
        rows, columns = grid.shape
        return "".join(
            str(grid[(row + down) % rows, (column + right) % columns])
            for down, right in around.values()
        )

    sides, corners = bits(SIDES), bits(CORNERS)
    return _Cell(
        row,
        column,
        sides,
        corners,
        temporal_code(sides, combine),
        temporal_code(corners, combine),
    )


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Grow both grids; play every live cell, column by column."""
    stage = _Stage(rng, values)
    size = values.integer("size")
    alive = first_grid(values.text("start"), size, values.number("density"), rng)
    states = rng.integers(0, stage.n_states, size=(size, size))
    for _ in range(values.integer("settle")):
        states = demon(states, stage.n_states)
    lengths = []
    generation = 0
    while stage.left > 0 and alive.any():
        lengths.append(int(alive.sum()))
        stage.play(generation, alive, states)
        alive, states = life(alive), demon(states, stage.n_states)
        generation += 1
    score, trace = stage.ledger.close(
        title="Life in triads",
        qpm=values.number("tempo"),
        metre="6/8",
        counts={"generations": generation, "cells played": stage.n_played},
    )
    facts = (
        ("Live cells", " ".join(map(str, lengths))),
        ("Lowest notes, in turn", " ".join(class_name(pitch) for pitch in stage.bases)),
        (
            "Ends because",
            "the cells are played" if stage.left == 0 else "no cell is left alive",
        ),
    )
    panels = (stage.life, stage.space, stage.codes, stage.log)
    return Demonstration(score, trace, Machine(panels, tuple(stage.steps)), facts)


class _Stage:
    """Writes cell after cell."""

    def __init__(self, rng: np.random.Generator, values: Values) -> None:
        self.rng = rng
        self.combine = values.text("combine")
        self.long = values.number("long")
        self.left = values.integer("cells")
        self.n_states = values.integer("states")
        self.bases = [values.integer("base") + int(step) for step in rng.permutation(12)]
        self.ledger = Ledger()
        for name, program in INSTRUMENTS[: self.n_states]:
            self.ledger.track(name, program=program)
        self.steps: list[Step] = []
        self.n_played = self.now = 0
        size = values.integer("size")
        numbers = tuple(str(step) for step in range(1, size + 1))
        self.life = Cells(
            "life",
            "The Game of Life: which triads",
            "Grid of live and dead cells; the column is the lower interval in semitones, the row "
            "the upper one.",
            width=size,
            height=size,
            legend=("dead", "alive"),
            row_names=numbers,
            column_names=numbers,
        )
        self.space = Cells(
            "space",
            "The cyclic space: which instrument",
            "Grid of the cyclic space; each colour is an instrument, and each eats the one before.",
            width=size,
            height=size,
            legend=tuple(name for name, _ in INSTRUMENTS[: self.n_states]),
            row_names=numbers,
            column_names=numbers,
        )
        self.order = tuple(ORDERS)
        self.codes = Table(
            "codes",
            "Codes of four neighbours: in what order",
            "Table of the ten codes with the order of the lowest, middle and highest note; the "
            "codes of this cell are marked.",
            columns=("code", "starts in this order", "ends in this order"),
            rows=tuple((code, order_text(code), order_text(code)) for code in self.order),
        )
        self.log = Text("log", "What this cell says", "The reading of the cell that sounds.")

    def play(self, generation: int, alive: Grid, states: Grid) -> None:
        """All live cells of a generation, as long as there are cells left to play."""
        born = self.ledger.decide(
            "generation",
            "Game of Life",
            f"generation {generation}: {int(alive.sum())} live cells",
            tick=self.now,
        )
        # Column by column, from the top.
        for column, row in np.argwhere(alive.T).tolist():
            if self.left == 0:
                return
            self._cell(generation, _read(alive, row, column, self.combine), alive, states, born)

    def _cell(self, generation: int, cell: _Cell, alive: Grid, states: Grid, born: int) -> None:
        base = self.bases[self.n_played % 12]
        # Counted from one, so that no two notes of a triad are the same.
        low, high = cell.column + 1, cell.row + 1
        pitches = {"a": base, "d": base + low, "n": base + low + high}
        is_long = bool(self.rng.random() < self.long)
        unit = EIGHTH if is_long else EIGHTH // 2
        state = int(states[cell.row, cell.column])
        name = INSTRUMENTS[state][0]
        place = f"column {low}, row {high}"
        parent = self.ledger.decide(
            "cell",
            "Game of Life",
            f"{place} of generation {generation}: {low} and {high} semitones",
            tick=self.now,
            track=name,
            parent=born,
        )
        parent = self.ledger.decide(
            "instrument",
            "cyclic space",
            f"state {state}: {name}",
            tick=self.now,
            track=name,
            parent=parent,
        )
        parent = self.ledger.decide(
            "length",
            "chance",
            "six eighths" if is_long else "three eighths",
            tick=self.now,
            track=name,
            parent=parent,
            probability=self.long if is_long else 1 - self.long,
        )
        starts, ends = ranks(cell.start), ranks(cell.end)
        last = max(ends.values())
        words = {"a": "lowest", "d": "middle", "n": "highest"}
        # Starts fall in units 0 to 2 and ends in 4 to 6, so that all three sound together between.
        for note in sorted(pitches, key=lambda key: (starts[key], key)):
            onset = self.now + starts[note] * unit
            end = self.now + (6 - last + ends[note]) * unit
            self.ledger.note(
                name,
                onset,
                end - onset,
                pitches[note],
                maker="cell and codes",
                choice=f"{note_name(pitches[note])}, the {words[note]} of the triad; starts by "
                f"{cell.start}, ends by {cell.end}",
                parent=parent,
            )
        how = {"or": "OR", "and": "AND", "either": "or else"}[self.combine]
        start, end = self.order.index(cell.start), self.order.index(cell.end)
        lit = [(cell.row, cell.column)]
        self.steps.append(
            Step(
                f"Generation {generation}, {place}: "
                + " ".join(note_name(pitches[note]) for note in "adn")
                + f" on the {name}.",
                {
                    "life": self.life.show(alive.tolist(), lit),
                    "space": self.space.show(states.tolist(), lit),
                    "codes": self.codes.mark(chosen=[(start, 0), (start, 1), (end, 0), (end, 2)]),
                    "log": self.log.say(
                        [
                            f"lowest   {note_name(base)}, number {self.n_played % 12 + 1} of 12",
                            f"middle   {low} semitones higher",
                            f"highest  {high} semitones above that",
                            f"start    {cell.sides} {how} {cell.sides[::-1]}: {cell.start}, "
                            f"{order_text(cell.start)}",
                            f"end      {cell.corners} {how} {cell.corners[::-1]}: {cell.end}, "
                            f"{order_text(cell.end)}",
                        ]
                    ),
                },
                self.now,
                self.now + 6 * unit,
                (name,),
            )
        )
        self.now += 6 * unit
        self.n_played += 1
        self.left -= 1


EXHIBIT = Exhibit(
    name="camus",
    title="CAMUS: cellular automata as composers",
    year="1993",
    people=("Eduardo Reck Miranda",),
    summary="Live cells of the Game of Life are triads; a second automaton picks instruments.",
    story=(
        "Two automata run side by side. In the Game of Life a cell lives on with two or three "
        "neighbours and is born from three. Each live cell is a triad: its column says how many "
        "semitones the middle note lies above the lowest, its row how many the highest lies above "
        "the middle. The lowest notes come from a fixed list of twelve.",
        "The second grid is Griffeath's cyclic space: a state is eaten by the next one, the last "
        "by the first, so that a random soup turns into spirals. Its state at the cell's place "
        "picks the instrument.",
        "When the notes of a triad start and end is said by the cell's eight neighbours. Four at "
        "the sides give a code for the order of the starts, four at the corners one for the ends. "
        "Listen to a figure that keeps its shape, such as the glider: its triads move by a "
        "semitone in both intervals every four generations, and the order of their notes comes "
        "back.",
    ),
    parameters=(
        Parameter("start", "r-pentomino", "The first generation.", choices=(*STARTS, "random")),
        Parameter("density", 0.2, "Chance of a live cell at random.", low=0.05, high=0.9),
        Parameter("size", 12, "Rows and columns: the widest interval.", low=6, high=16),
        Parameter("cells", 64, "Live cells that are played, at most.", low=1, high=400),
        Parameter("states", 4, "States of the cyclic space: instruments.", low=3, high=9),
        Parameter("settle", 6, "Steps of the cyclic space before the music.", low=0, high=200),
        Parameter(
            "combine",
            "or",
            "How four neighbours and the same four backwards give a code.",
            choices=COMBINE,
        ),
        Parameter("long", 0.3, "Chance that a cell lasts six eighths, not three.", low=0, high=1),
        Parameter("base", 43, "The lowest of the lowest notes, MIDI pitch.", low=24, high=60),
        Parameter("tempo", 126.0, "Quarters a minute.", low=30.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "two automata",
            "faithful",
            "source",
            "Life gives pitches, the cyclic space gives MIDI channels, at most nine.",
        ),
        Fidelity(
            "triads",
            "faithful",
            "source",
            "The lowest note from a list of twelve, the others by the cell's coordinates as "
            "pitch distances.",
        ),
        Fidelity(
            "codes of neighbours",
            "faithful",
            "memory",
            "The source says that neighbours give codes for triggers and durations; which "
            "neighbour is which letter, and OR with the mirror image, are from memory.",
        ),
        Fidelity(
            "table of orders",
            "simplified",
            "memory",
            "Ten codes, one of each pair of mirror images (computed: there are ten such pairs).",
        ),
        Fidelity(
            "either, and",
            "invented",
            "ours",
            "OR reaches only 0000, 0110, 1001 and 1111 (computed), and so does AND; `either` "
            "reaches all ten.",
        ),
        Fidelity(
            "lengths",
            "simplified",
            "ours",
            "The source has a distribution and a speed set by the user; here two lengths.",
        ),
        Fidelity("articulations", "simplified", "ours", "The source has up to 22; here none."),
        Fidelity(
            "list of twelve, instruments, figures",
            "invented",
            "ours",
            "The list is drawn; intervals count from one; cells are read column by column.",
        ),
    ),
    citations=(
        "Miranda, E. R. (1993). Cellular automata music: an interdisciplinary project. Interface "
        "22(1), 3-21.",
        "Miranda, E. R. CAMUS tutorial, appendix III of the report; freeware release of 2001. "
        "(Read for this page.)",
        "Gardner, M. (1970). The fantastic combinations of John Conway's new solitaire game "
        "'life'. Scientific American 223(4).",
        "Dewdney, A. K. (1989). Computer recreations: a cellular universe of debris, droplets, "
        "defects and demons. Scientific American 261(2).",
    ),
    exercises=(
        "Set `start=glider cells=40`. Which triad is heard again, and how has it changed?",
        "Set `start=blinker`. How many different chords are there, and why so few?",
        "Set `combine=or`, then `combine=either`. Count the orders in which notes start.",
        "Set `states=9 settle=0`, then `settle=100`. How long does one instrument keep playing?",
    ),
)
