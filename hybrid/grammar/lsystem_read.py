"""One door to the readings of an L-system: by name, as events or as plain rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem import Derivation
from hybrid.grammar.lsystem_readings import NoteEvent, contour, tokens
from hybrid.grammar.lsystem_readings_time import (
    ChordEvent,
    RhythmEvent,
    SectionEvent,
    chords,
    form,
    rhythm,
)

Event = NoteEvent | RhythmEvent | ChordEvent | SectionEvent

READERS: dict[str, Callable[[Derivation, Mapping[str, str] | None], tuple[Event, ...]]] = {
    "contour": contour,
    "tokens": tokens,
    "chords": chords,
    "rhythm": rhythm,
    "form": form,
}


def read(
    derivation: Derivation, reading: str, options: Mapping[str, str] | None = None
) -> tuple[Event, ...]:
    """Read a derivation.

    Parameters
    ----------
    derivation : Derivation
    reading : str
        ``contour``, ``tokens``, ``chords``, ``rhythm`` or ``form``.
    options : mapping of str to str, optional
        Over those of the system's file; each reading's docstring lists its own.

    Raises
    ------
    GrammarError
        If there is no such reading, or as the reading itself.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> len(read(load_lsystem("aaba").derive(1), "form"))
    4
    """
    if reading not in READERS:
        raise GrammarError(f"reading must be one of {', '.join(READERS)}; got {reading!r}")
    return READERS[reading](derivation, options)


def rows(events: tuple[Event, ...]) -> list[dict[str, Any]]:
    """Events as dictionaries for tables and JSON; fractions become text such as ``3/4``."""
    return [
        {
            part.name: str(value)
            if isinstance(value := getattr(event, part.name), Fraction)
            else value
            for part in fields(event)
        }
        for event in events
    ]
