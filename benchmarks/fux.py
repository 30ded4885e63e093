"""The exercises of Fux's Gradus ad Parnassum as scores, read from ``fux.toml`` beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from hybrid.core.pitch import parse_pitch
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre

TPQ = 480
WHOLE = 4  # quarters of a note without a length
CANTUS = "cantus firmus"
FILE = Path(__file__).with_name("fux.toml")


@dataclass(frozen=True, eq=False)
class Exercise:
    """One figure of the book.

    Attributes
    ----------
    figure : str
        Its number in Mann's translation.
    species : tuple of int
        Of the counterpoint; several where each voice has its own.
    final : str
        Letter of the mode's final.
    cantus : int
        Index of its line among ``lines``.
    lines : tuple of str
        The voices as text, highest staff first.
    """

    figure: str
    species: tuple[int, ...]
    final: str
    cantus: int
    lines: tuple[str, ...]

    @cached_property
    def score(self) -> Score:
        """A track for each voice; that of the cantus is called `CANTUS`."""
        return score_of(self.lines, self.cantus)

    @property
    def n_voices(self) -> int:
        return len(self.lines)


def read_exercises(path: Path = FILE) -> tuple[Exercise, ...]:
    """All 118 exercises in the order of the book."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    exercises = [
        Exercise(
            item["figure"],
            tuple(item["species"]),
            item["final"],
            item["cantus"],
            tuple(item["voices"]),
        )
        for item in data["exercise"]
    ]
    return tuple(sorted(exercises, key=lambda item: (int(item.figure.rstrip("ab")), item.figure)))


def score_of(voices: Sequence[str], cantus: int | None = None) -> Score:
    """A score in 2/2 from lines of text, highest staff first.

    Parameters
    ----------
    voices : sequence of str
        ``R:2 A4:2 D5``: names with octaves, lengths in quarters, a whole note where none stands.
    cantus : int, optional
        Index of the voice that gets the name `CANTUS`.
    """
    tracks = []
    for index, text in enumerate(voices):
        rows, tick = [], 0
        for word in text.split():
            name, _, length = word.partition(":")
            ticks = int(Fraction(length or WHOLE) * TPQ)
            if name != "R":
                pitch, spelling = parse_pitch(name)
                rows.append((tick, ticks, pitch, 80, 1, spelling))
            tick += ticks
        label = CANTUS if index == cantus else f"voice {index + 1}"
        tracks.append(Track(label, make_notes(rows), program=52))
    return Score(tuple(tracks), TPQ, metres=(Metre.parse("2/2"),))
