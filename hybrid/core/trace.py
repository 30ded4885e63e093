"""Trace: for each part of a piece, what made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class TraceEntry:
    """One decision.

    Attributes
    ----------
    kind : str
        ``form``, ``section``, ``phrase``, ``chord``, ``note``, ``repair`` ...
    maker : str
        The rule, model or person that decided: ``grammar:rondo``, ``rules:suspension``.
    bar : int or None
        As printed.
    tick, track, pitch : optional
        The note or the place, where the decision is about one.
    choice : str
        What was decided, readable.
    probability : float or None
        Of the choice, where it was sampled.
    parent : int or None
        Index of the entry that this one follows from.
    rejected : tuple of str
        Other candidates and why they fell.
    """

    kind: str
    maker: str
    choice: str
    bar: int | None = None
    tick: int | None = None
    track: str | None = None
    pitch: int | None = None
    probability: float | None = None
    parent: int | None = None
    rejected: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields that are set."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["rejected"] = list(self.rejected)
        return {name: value for name, value in values.items() if value not in (None, [])}


@dataclass(frozen=True)
class Trace:
    """Decisions in the order in which they were taken, and counts over the whole run.

    ``repairs`` has a record in plain values for each place that was mended or could not be.
    """

    entries: tuple[TraceEntry, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    repairs: tuple[Mapping[str, Any], ...] = ()

    def __add__(self, other: Trace) -> Trace:
        """Both traces in a row; parents of the second are moved along."""
        base = len(self.entries)
        moved = tuple(
            entry if entry.parent is None else replace(entry, parent=entry.parent + base)
            for entry in other.entries
        )
        counts = dict(self.counts)
        for name, value in other.counts.items():
            counts[name] = counts.get(name, 0) + value
        return Trace(self.entries + moved, counts, self.repairs + other.repairs)

    def of_kind(self, kind: str) -> tuple[TraceEntry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {
            "counts": dict(self.counts),
            "entries": [entry.to_dict() for entry in self.entries],
        }
        if self.repairs:
            values["repairs"] = [dict(repair) for repair in self.repairs]
        return values


def trace_of(entries: Iterable[TraceEntry], **counts: int) -> Trace:
    """A trace from entries and counts."""
    return Trace(tuple(entries), counts)
