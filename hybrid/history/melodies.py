"""Old tunes for machines that learn from melodies: a handful, in C major and 4/4."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hybrid.core.errors import FormatError
from hybrid.core.pitch import parse_pitch
from hybrid.core.resources import resource_path
from hybrid.core.score import TICKS_PER_QUARTER

BAR = 4 * TICKS_PER_QUARTER


@dataclass(frozen=True)
class Melody:
    """A tune.

    Attributes
    ----------
    name, title : str
        As it is chosen, as it is called.
    notes : tuple of (pitch, ticks)
        MIDI pitches and lengths, without rests.
    """

    name: str
    title: str
    notes: tuple[tuple[int, int], ...]

    @property
    def pitches(self) -> tuple[int, ...]:
        """MIDI pitches alone."""
        return tuple(pitch for pitch, _ in self.notes)


@cache
def load_melodies() -> dict[str, Melody]:
    """Every tune of ``data/melodies.tsv``, by name.

    Raises
    ------
    FormatError
        If a note cannot be read or a bar is not full.
    """
    return _read_file("melodies.tsv")


@cache
def load_held_out() -> dict[str, Melody]:
    """Further tunes (``data/held_out_tunes.tsv``) that no network of this room was trained on.

    Raises
    ------
    FormatError
        If a note cannot be read or a bar is not full.
    """
    return _read_file("held_out_tunes.tsv")


def _read_file(name: str) -> dict[str, Melody]:
    text = resource_path("history", "data", name).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    return {name: Melody(name, title, read_notes(notes)) for name, title, notes in rows}


def read_notes(text: str) -> tuple[tuple[int, int], ...]:
    """Pitches and ticks of bars written as in the file.

    >>> read_notes("C4/2. D4/4")
    ((60, 1440), (62, 480))

    Raises
    ------
    FormatError
        If a token is no note, or a bar is not four quarters.
    """
    notes: list[tuple[int, int]] = []
    for bar in text.split(" | "):
        found = []
        for token in bar.split():
            name, slash, length = token.partition("/")
            if not slash or not length.rstrip(".").isdigit():
                raise FormatError(f"a note must be written as C4/4, got {token!r} in {bar!r}")
            ticks = BAR // int(length.rstrip("."))
            found.append((parse_pitch(name)[0], ticks * 3 // 2 if "." in length else ticks))
        if sum(ticks for _, ticks in found) != BAR:
            raise FormatError(f"a bar must be four quarters, got {bar!r}")
        notes += found
    return tuple(notes)
