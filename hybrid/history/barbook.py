"""Books of printed bars, and the tables of numbers that lead to them: what dice games play from.

The files lie in ``hybrid/history/data``; each says at its head what it is and how it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from hybrid.core.errors import FormatError
from hybrid.core.pitch import parse_pitch
from hybrid.core.resources import resource_path
from hybrid.core.score import TICKS_PER_QUARTER

_TOKEN = re.compile(r"(?:(~)(\S+)|([A-G][^/]*|[rs])/(\d+)(\.?)(_?)(t?))$")


@dataclass(frozen=True)
class BarNote:
    """A note of a printed bar: ticks from the bar's beginning, MIDI pitch, spelling, voice."""

    onset: int
    duration: int
    pitch: int
    spelling: int
    voice: int
    trill: bool = False
    graces: tuple[tuple[int, int], ...] = ()
    """(pitch, spelling) of the grace notes before it."""


#: A staff of a bar; more than one where endings differ (the first, the second).
Staff = tuple[tuple[BarNote, ...], ...]


@dataclass(frozen=True)
class Table:
    """Numbers of bars: a row for each total, a column for each bar of the piece."""

    first: int
    rows: tuple[tuple[int, ...], ...]

    @property
    def last(self) -> int:
        """Highest total."""
        return self.first + len(self.rows) - 1

    @property
    def n_columns(self) -> int:
        return len(self.rows[0])

    def bar(self, total: int, column: int) -> int:
        """The bar that ``total`` leads to in a column, from 0."""
        return self.rows[total - self.first][column]


@cache
def load_tables() -> dict[str, Table]:
    """Every table of numbers."""
    rows: dict[str, list[list[int]]] = {}
    for cells in _lines("dice_tables.tsv"):
        rows.setdefault(cells[0], []).append([int(cell) for cell in cells[1:]])
    return {
        name: Table(found[0][0], tuple(tuple(row[1:]) for row in found))
        for name, found in rows.items()
    }


@cache
def load_bars(name: str) -> dict[int, tuple[Staff, ...]]:
    """Bars of ``dice_<name>.tsv``: number to staves, highest first."""
    return {
        int(cells[0]): tuple(_read_staff(cell) for cell in cells[1:])
        for cells in _lines(f"dice_{name}.tsv")
    }


def _lines(name: str) -> list[list[str]]:
    text = resource_path("history", "data", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]


def _read_staff(cell: str) -> Staff:
    return tuple(_read_ending(part) for part in cell.split(" || "))


def _read_ending(text: str) -> tuple[BarNote, ...]:
    notes: list[BarNote] = []
    for voice, part in enumerate(text.split(" | "), start=1):
        notes += _read_voice(part, voice)
    return tuple(sorted(notes, key=lambda note: (note.onset, note.pitch, note.voice)))


def _read_voice(text: str, voice: int) -> list[BarNote]:
    notes: list[BarNote] = []
    graces: list[tuple[int, int]] = []
    now, held = 0, 0
    for token in text.split():
        match = _TOKEN.match(token)
        if match is None:
            raise FormatError(f"a note must be written as C4/8, got {token!r} in {text!r}")
        if match[1]:
            graces.append(parse_pitch(match[2]))
            continue
        length = Fraction(4 * TICKS_PER_QUARTER, int(match[4])) * (
            Fraction(3, 2) if match[5] else 1
        )
        if length.denominator != 1:
            raise FormatError(f"a length must be whole ticks, got {token!r}")
        if match[3] not in ("r", "s"):
            for pitch, spelling in map(parse_pitch, match[3].split("+")):
                if held:
                    # The second note of a tie: the first one grows.
                    at = max(i for i, note in enumerate(notes) if note.pitch == pitch)
                    old = notes[at]
                    notes[at] = BarNote(
                        old.onset, old.duration + int(length), pitch, spelling, voice
                    )
                else:
                    notes.append(
                        BarNote(
                            now, int(length), pitch, spelling, voice, bool(match[7]), tuple(graces)
                        )
                    )
                    graces = []
        held = bool(match[6])
        now += int(length)
    return notes


def n_texts(table: Table, bars: dict[int, tuple[Staff, ...]], column: int) -> int:
    """How many different musics a column of a table leads to."""
    return len({bars[row[column]] for row in table.rows})
