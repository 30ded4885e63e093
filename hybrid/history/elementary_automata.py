"""Elementary cellular automata as drummers: one row of cells, one rule of eight bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Machine, Step, Table, Text
from hybrid.history.parameters import Parameter, Values

Row = NDArray[np.int64]

SIXTEENTH = TICKS_PER_QUARTER // 4
#: A drum for each neighbourhood 000..111: name and General MIDI pitch. What is common in a rule
#: should not be the loudest.
DRUMS = (
    ("cowbell", 56),
    ("closed hi-hat", 42),
    ("bass drum", 36),
    ("rim shot", 37),
    ("snare drum", 38),
    ("open hi-hat", 46),
    ("low tom", 45),
    ("high tom", 50),
)
#: A drum for each column, from the left, when columns are drums.
KIT = (36, 38, 42, 46, 45, 50, 37, 56)
READINGS = ("bars", "columns")


def evolve(row: Row, rule: int) -> Row:
    """The next row of an elementary automaton, on a ring.

    Parameters
    ----------
    row : array of int, shape (cells,)
        0 or 1.
    rule : int
        Wolfram's number 0..255: bit k is what follows the neighbourhood (left, self, right) whose
        three bits read k.

    Returns
    -------
    array of int, shape (cells,)

    References
    ----------
    Wolfram, S. (1983). Statistical mechanics of cellular automata. Reviews of Modern Physics 55.

    Examples
    --------
    >>> evolve(np.array([0, 0, 1, 0, 0]), 30).tolist()
    [0, 1, 1, 1, 0]
    """
    return np.asarray(rule >> neighbourhoods(row) & 1, dtype=np.int64)


def neighbourhoods(row: Row) -> Row:
    """The number 0..7 of each cell's neighbourhood, on a ring.

    >>> neighbourhoods(np.array([0, 0, 1, 1])).tolist()
    [4, 1, 3, 6]
    """
    return np.asarray(4 * np.roll(row, 1) + 2 * row + np.roll(row, -1), dtype=np.int64)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Evolve the row and strike a drum for each live cell."""
    stage = _Stage(values)
    row = np.zeros(stage.width, dtype=np.int64)
    if values.text("start") == "one":
        row[stage.width // 2] = 1
    else:
        row[rng.random(stage.width) < values.number("density")] = 1
    rows = [row]
    while len(rows) < stage.height:
        rows.append(evolve(rows[-1], stage.rule))
    stage.write(rows)
    score, trace = stage.ledger.close(
        title=f"Rule {stage.rule}",
        qpm=values.number("tempo"),
        counts={"rows": len(rows), "strokes": stage.n_strokes},
    )
    first = next(
        (n for n, later in enumerate(rows) if any((later == r).all() for r in rows[:n])), 0
    )
    facts = (
        ("Rule in bits, 111 to 000", f"{stage.rule:08b}"),
        ("First row heard before", f"row {first + 1}" if first else "none"),
        ("Live cells", f"{100 * float(np.mean(rows)):.0f} %"),
    )
    machine = Machine((stage.cells, stage.table, stage.log), tuple(stage.steps))
    return Demonstration(score, trace, machine, facts)


class _Stage:
    """Writes row after row."""

    def __init__(self, values: Values) -> None:
        self.rule = values.integer("rule")
        self.reading = values.text("reading")
        self.is_bars = self.reading == "bars"
        # A bar of sixteenths, or a drum for each cell.
        self.width = 16 if self.is_bars else len(KIT)
        self.height = values.integer("bars") * (1 if self.is_bars else 16)
        self.ledger = Ledger()
        self.ledger.track("drums", is_drum=True)
        self.steps: list[Step] = []
        self.n_strokes = 0
        #: Rows that the panel holds at once.
        self.window = min(self.height, 12)
        names = dict(((pitch, name) for name, pitch in DRUMS))
        self.cells = Cells(
            "cells",
            "The row in time, downwards",
            "Grid of the automaton: every row comes from the one above it; the last row is the one "
            "that sounds.",
            width=self.width,
            height=self.window,
            legend=("dead", "alive"),
            column_names=tuple(str(n + 1) for n in range(16))
            if self.is_bars
            else tuple("".join(w[0] for w in names[pitch].split()) for pitch in KIT),
        )
        self.table = Table(
            "rule",
            f"Rule {self.rule}",
            "Table of the rule: each neighbourhood of three cells, what follows, and its drum.",
            columns=("above", "below", "drum"),
            rows=tuple(
                (f"{k:03b}", str(self.rule >> k & 1), DRUMS[k][0] if self.is_bars else "–")
                for k in range(7, -1, -1)
            ),
        )
        self.log = Text("log", "The row that sounds", "The strokes of this row.")

    def write(self, rows: list[Row]) -> None:
        """Strike every live cell of every row, and a step for each row."""
        height = 16 * SIXTEENTH if self.is_bars else SIXTEENTH
        parent: int | None = None
        for number, row in enumerate(rows):
            tick = number * height
            # The first row comes from nowhere: its cells are read as their own neighbourhood.
            above = rows[number - 1] if number else row
            kinds = neighbourhoods(above)
            parent = self.ledger.decide(
                "row",
                f"rule {self.rule}" if number else "first row",
                "".join(map(str, row.tolist())),
                tick=tick,
                track="drums",
                parent=parent,
            )
            strokes = []
            for place in np.flatnonzero(row).tolist():
                strokes.append(self._stroke(tick, place, int(kinds[place]), parent, number > 0))
            shown = rows[max(0, number + 1 - self.window) : number + 1]
            grid = [line.tolist() for line in shown]
            grid += [[0] * self.width] * (self.window - len(grid))
            lit = [(len(shown) - 1, place) for place in range(self.width)]
            live = sorted({7 - int(kinds[place]) for place in np.flatnonzero(row).tolist()})
            rest = sorted({7 - int(kind) for kind in kinds} - set(live)) if number else []
            self.steps.append(
                Step(
                    f"Row {number + 1}: {len(strokes)} live cells.",
                    {
                        "cells": self.cells.show(grid, lit),
                        "rule": self.table.mark(
                            chosen=[(at, 1) for at in live] if number else (),
                            past=[(at, 1) for at in rest],
                        ),
                        "log": self.log.say(
                            ["".join("█" if cell else "·" for cell in row.tolist()), *strokes[:16]]
                        ),
                    },
                    tick,
                    tick + height,
                )
            )

    def _stroke(self, tick: int, place: int, kind: int, parent: int, has_parent: bool) -> str:
        """One stroke, and a line that tells of it."""
        name, pitch = DRUMS[kind]
        if not self.is_bars:
            pitch = KIT[place]
            name = next(word for word, number in DRUMS if number == pitch)
        at = tick + place * SIXTEENTH if self.is_bars else tick
        source = f"{kind:03b} above" if has_parent else "first row"
        is_accent = self.is_bars and place % 4 == 0
        self.ledger.note(
            "drums",
            at,
            SIXTEENTH,
            pitch,
            maker=f"rule {self.rule}" if has_parent else "first row",
            choice=f"{name}: cell {place + 1}, {source}",
            velocity=100 if is_accent else 76,
            parent=parent,
        )
        self.n_strokes += 1
        return f"{place + 1:>2}  {source}: {name}"


EXHIBIT = Exhibit(
    name="elementary-automata",
    title="Elementary automata: drums by a rule of eight bits",
    year="1983",
    people=("Stephen Wolfram",),
    summary="A row of cells is renewed by a rule of eight bits; live cells strike drums.",
    story=(
        "A row of cells, each dead or alive. The next row looks at each cell and its two "
        "neighbours: eight cases, and a rule says for each what follows. Eight bits are a number "
        "from 0 to 255; Stephen Wolfram gave the rules these numbers in 1983 and sorted what they "
        "do: dying out, repeating, chaos, and something between.",
        "Here a row is a bar of sixteen sixteenths. A live cell is a stroke, and the case that "
        "made it picks the drum: with rule 30 the cases 001, 010, 011 and 100, so four drums. "
        "Read by columns instead, each cell is a drum and each row a sixteenth.",
        "Rule 90 gives Pascal's triangle, odd numbers alive; rule 30 looks random; rule 110 can "
        "compute anything (Cook 2004). On a ring of sixteen cells every rule comes round in the "
        "end. Listen for when.",
    ),
    parameters=(
        Parameter("rule", 30, "Wolfram's number of the rule.", low=0, high=255),
        Parameter("reading", "bars", "Rows are bars, or columns are drums.", choices=READINGS),
        Parameter(
            "start", "random", "One live cell, or cells at random.", choices=("random", "one")
        ),
        Parameter("density", 0.3, "Chance of a live cell at the start.", low=0.05, high=1.0),
        Parameter("bars", 16, "Bars of 4/4.", low=4, high=64),
        Parameter("tempo", 112.0, "Quarters a minute.", low=30.0, high=240.0),
    ),
    make=make,
    fidelity=(
        Fidelity("rules and numbers", "faithful", "memory", "Wolfram's coding of three cells."),
        Fidelity("known rows", "faithful", "computed", "Rule 90 is Pascal's triangle modulo 2."),
        Fidelity("ring of cells", "simplified", "ours", "Sixteen or eight cells, not a long row."),
        Fidelity("drums", "invented", "ours", "No historical mapping: many were tried by many."),
    ),
    citations=(
        "Wolfram, S. (1983). Statistical mechanics of cellular automata. Reviews of Modern "
        "Physics 55, 601-644.",
        "Beyls, P. (1989). The musical universe of cellular automata. Proceedings of the "
        "International Computer Music Conference, 34-41.",
        "Cook, M. (2004). Universality in elementary cellular automata. Complex Systems 15, 1-40.",
    ),
    exercises=(
        "Set `rule=90 start=one`. After how many bars is there silence, and why?",
        "Set `rule=30`, then 45, 110, 184. Which ones repeat, and after how many bars?",
        "Set `rule=184 density=0.5`. What does it do with the strokes? (It models traffic.)",
        "Set `reading=columns rule=110`. Which drum is heard most?",
    ),
)
