"""What every reader of scores gives back, and how losses are worded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.score import Score


@dataclass(frozen=True, eq=False)
class Reading:
    """A score, and what the file said that the score does not hold.

    Attributes
    ----------
    score : Score
    losses : tuple of str
        One line each, empty where nothing was lost.
    """

    score: Score
    losses: tuple[str, ...] = ()


def count_of(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count_of(1, "slur"), count_of(3, "entry", "entries")
    ('1 slur', '3 entries')
    """
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def read_source(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises
    ------
    FormatError
        If it cannot be read; the message names it and the reason.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from error


def decode_text(data: bytes) -> str:
    """Text of unknown encoding: UTF-8 where it is valid, else Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


class Losses:
    """Collects what a reader or a writer cannot keep; equal kinds are counted together."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, number: int, singular: str, why: str, plural: str = "") -> None:
        """Count ``number`` things of a kind; 0 adds nothing."""
        if number:
            kind = (singular, plural, why)
            self._counts[kind] = self._counts.get(kind, 0) + number

    def say(self, line: str) -> None:
        """Add a line as it stands."""
        self._counts[("", "", line)] = 1

    def lines(self) -> tuple[str, ...]:
        """One line for each kind, in the order of their first appearance."""
        return tuple(
            why if not singular else f"{count_of(number, singular, plural)}: {why}"
            for (singular, plural, why), number in self._counts.items()
        )
