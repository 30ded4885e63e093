"""Throwing dice for bars: what the dice games share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history import panels
from hybrid.history.barbook import BarNote, Staff, Table, n_texts
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter
from hybrid.history.words import note_name

_LIST = re.compile(r"\d+(\s*,\s*\d+)*$")


@dataclass(frozen=True)
class Throw:
    """Faces, their total, and how likely that total was."""

    faces: tuple[int, ...]
    total: int
    probability: float | None

    @property
    def text(self) -> str:
        return " + ".join(map(str, self.faces)) + (
            f" = {self.total}" if len(self.faces) > 1 else ""
        )


def dice_parameter(n_dice: int, n_bars: int, name: str = "dice") -> Parameter:
    """``dice``: thrown, drawn evenly, or given."""
    low, high = n_dice, 6 * n_dice
    words = [f"{n_dice}d6", *(["uniform"] if n_dice > 1 else [])]

    def check(text: str) -> None:
        if text in words:
            return
        numbers = [int(part) for part in text.split(",")] if _LIST.match(text) else []
        wrong = [number for number in numbers if not low <= number <= high]
        if wrong or len(numbers) not in (1, n_bars):
            raise ConfigError(f"{name} must be {allowed}, got {text!r}")

    allowed = (
        f"{' or '.join(words)}, or {n_bars} totals in {low}..{high} with commas between, "
        "or one for all bars"
    )
    return Parameter(
        name,
        words[0],
        "How the rows of the table are found: thrown"
        + (", drawn evenly," if n_dice > 1 else "")
        + " or given.",
        check=check,
        allowed=allowed,
    )


def throw(text: str, n_dice: int, n_bars: int, rng: np.random.Generator) -> list[Throw]:
    """Throw for each bar; ``text`` as `dice_parameter` allows."""
    if text == f"{n_dice}d6":
        thrown = rng.integers(1, 7, size=(n_bars, n_dice))
        return [_throw(tuple(int(face) for face in faces)) for faces in thrown]
    if text == "uniform":
        totals = rng.integers(n_dice, 6 * n_dice + 1, size=n_bars)
        return [
            Throw(_split(int(total), n_dice), int(total), 1 / (5 * n_dice + 1)) for total in totals
        ]
    totals_given = [int(part) for part in text.split(",")]
    if len(totals_given) == 1:
        totals_given *= n_bars
    return [Throw(_split(total, n_dice), total, None) for total in totals_given]


def _throw(faces: tuple[int, ...]) -> Throw:
    return Throw(faces, sum(faces), odds(len(faces))[sum(faces) - len(faces)])


def _split(total: int, n_dice: int) -> tuple[int, ...]:
    """Faces that show a total that was not thrown."""
    if n_dice == 1:
        return (total,)
    first = min(6, total - (n_dice - 1))
    return (first, *_split(total - first, n_dice - 1))


def odds(n_dice: int) -> list[float]:
    """Chance of each total of some dice, from the lowest.

    >>> [round(36 * chance) for chance in odds(2)]
    [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1]
    """
    chances = np.array([1.0])
    for _ in range(n_dice):
        chances = np.convolve(chances, np.full(6, 1 / 6))
    return [float(chance) for chance in chances]


def n_pieces(table: Table, bars: dict[int, tuple[Staff, ...]]) -> int:
    """How many different pieces a table can give: bars with one text count once."""
    return prod(n_texts(table, bars, column) for column in range(table.n_columns))


class Player:
    """Writes bars of a book into a ledger, bar after bar, and the steps of the machine.

    Parameters
    ----------
    ledger : Ledger
        With the tracks of ``staves``.
    staves : sequence of str
        Track of each staff.
    bar_ticks : int
        Length of a bar.
    """

    def __init__(self, ledger: Ledger, staves: Sequence[str], bar_ticks: int) -> None:
        self.ledger, self.staves, self.bar_ticks = ledger, staves, bar_ticks
        self.now = 0
        self.steps: list[panels.Step] = []
        self._past: dict[str, list[tuple[int, int]]] = {}

    def roll(self, thrown: Throw, maker: str, tick: int) -> int:
        """Write down a throw."""
        return self.ledger.decide(
            "roll", maker, thrown.text, tick=tick, probability=thrown.probability
        )

    def bar(
        self,
        number: int,
        staves: Sequence[Staff],
        parent: int | None,
        rejected: Sequence[str] = (),
        ending: int = 0,
        at: int | None = None,
        maker: str = "table",
    ) -> None:
        """Write a printed bar at ``now`` (or ``at``) and the choice that led to it."""
        tick = self.now if at is None else at
        choice = self.ledger.decide(
            "bar", maker, f"bar {number}", tick=tick, parent=parent, rejected=rejected
        )
        for track, staff in zip(self.staves, staves, strict=True):
            for note in staff[min(ending, len(staff) - 1)]:
                self._note(track, tick, note, number, choice)

    def _note(self, track: str, tick: int, note: BarNote, number: int, parent: int) -> None:
        name = f"{note_name(note.pitch, note.spelling)} as bar {number} has it"
        self.ledger.note(
            track,
            tick + note.onset,
            note.duration,
            note.pitch,
            maker=f"bar {number}",
            choice=name,
            voice=note.voice,
            spelling=note.spelling,
            articulation="trill" if note.trill else "",
            parent=parent,
        )
        for index, (pitch, spelling) in enumerate(note.graces):
            self.ledger.grace(track, tick + note.onset, pitch, spelling, index)

    def step(
        self,
        thrown: Throw,
        table: panels.Table,
        numbers: Table,
        column: int,
        caption: str,
        odds_panel: panels.Bars | None = None,
    ) -> None:
        """Show a throw and where it leads; the bar at ``now`` is what it wrote."""
        place = (thrown.total - numbers.first, column)
        past = self._past.setdefault(table.name, [])
        states = {
            "dice": panels.Dice("dice", "", "").show(
                thrown.faces,
                f"{'total' if len(thrown.faces) > 1 else 'face'} {thrown.total}",
            ),
            table.name: table.mark(chosen=[place], past=past),
        }
        if odds_panel is not None:
            states[odds_panel.name] = odds_panel.show(
                odds(len(thrown.faces)), chosen=thrown.total - len(thrown.faces)
            )
        past.append(place)
        self.steps.append(panels.Step(caption, states, self.now, self.now + self.bar_ticks))


def number_table(name: str, title: str, numbers: Table) -> panels.Table:
    """The panel of a table of numbers."""
    return panels.Table(
        name,
        title,
        f"Table of bar numbers: a row for each total {numbers.first} to {numbers.last}, a column "
        "for each bar of the piece; the bar that was chosen is marked.",
        columns=tuple(str(column + 1) for column in range(numbers.n_columns)),
        rows=tuple(tuple(map(str, row)) for row in numbers.rows),
        names=tuple(str(numbers.first + row) for row in range(len(numbers.rows))),
    )


def dice_panels(n_dice: int) -> tuple[panels.Dice, panels.Bars]:
    """The dice, and the chances of their totals."""
    return (
        panels.Dice("dice", "Dice", "The dice as they fell."),
        panels.Bars(
            "odds",
            "Chance of each total",
            "Bars for the chance of each total of the dice; the one thrown is marked.",
            labels=tuple(str(total) for total in range(n_dice, 6 * n_dice + 1)),
        ),
    )
