"""Twelve-tone rows: forms, matrix, and multiplication tables on pitch classes 0..11."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core.errors import ConfigError

#: Prime, inversion, retrograde, retrograde of the inversion.
FORMS = ("P", "I", "R", "RI")


def check_row(row: Sequence[int]) -> tuple[int, ...]:
    """The row, if it has each of 0..11 once.

    Raises
    ------
    ConfigError
        Otherwise.
    """
    if sorted(row) != list(range(12)):
        raise ConfigError(f"row must be the numbers 0..11, each once, got {list(row)}")
    return tuple(row)


def row_form(row: Sequence[int], form: str, shift: int = 0) -> tuple[int, ...]:
    """A form of a row, moved up by semitones.

    The inversion turns round the first note, as usual.

    >>> row_form(range(12), "I", 2)
    (2, 1, 0, 11, 10, 9, 8, 7, 6, 5, 4, 3)
    """
    first = row[0]
    notes = [(2 * first - pc) % 12 if "I" in form else pc for pc in row]
    moved = [(pc + shift) % 12 for pc in notes]
    return tuple(reversed(moved)) if form.startswith("R") else tuple(moved)


def row_matrix(row: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Transpositions of a row that begin on the notes of its inversion: the usual matrix."""
    return tuple(row_form(row, "P", (start - row[0]) % 12) for start in row_form(row, "I"))
