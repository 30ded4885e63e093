"""Analysis: chords, keys, cadences, rule findings and departures from a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key

SEVERITIES = ("error", "warning", "info")
CADENCES = ("PAC", "IAC", "HC", "PC", "DC")  # perfect, imperfect authentic, half, plagal, deceptive


@dataclass(frozen=True)
class ChordSpan:
    """A chord that holds over onset..end (ticks).

    ``root`` is a tonal pitch class; ``probability`` the analyser's, 1 where it is no model.
    """

    onset: int
    end: int
    numeral: str
    key: Key
    degree: int
    quality: str
    inversion: int
    root: int
    probability: float = 1.0


@dataclass(frozen=True)
class KeySpan:
    """A local key that holds over onset..end (ticks)."""

    onset: int
    end: int
    key: Key
    probability: float = 1.0


@dataclass(frozen=True)
class Cadence:
    """A cadence (of `CADENCES`) whose last chord starts at ``tick`` in ``bar``."""

    tick: int
    bar: int
    kind: str
    key: Key


@dataclass(frozen=True)
class Finding:
    """A rule that does not hold at a place.

    Attributes
    ----------
    rule : str
        Its id in ``hybrid/theory``.
    severity : str
        One of `SEVERITIES`.
    bar : int
        As printed; a pickup is bar 0.
    beat : float
        1 is the bar line.
    tick : int
    voices : tuple of str
    message : str
        What was found, with the values.
    """

    rule: str
    severity: str
    bar: int
    beat: float
    tick: int
    voices: tuple[str, ...]
    message: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ScoreError(
                f"Finding.severity must be one of {', '.join(SEVERITIES)}, got {self.severity!r}"
            )

    def __str__(self) -> str:
        where = f"bar {self.bar} beat {self.beat:g}"
        return f"{self.severity}: {self.rule} at {where} ({', '.join(self.voices)}): {self.message}"


@dataclass(frozen=True)
class Deviation:
    """What the plan asked for and the score does not have."""

    kind: str
    bar: int
    expected: str
    found: str


@dataclass(frozen=True)
class Analysis:
    """All that is known about a score, on the score's own ticks.

    Attributes
    ----------
    chords, keys : tuple
        The plan's where there is one, else what was read from the notes.
    cadences, planned_cadences : tuple of Cadence
        Found in the notes, and asked for by the plan.
    findings : tuple of Finding
    deviations : tuple of Deviation
    heard : tuple of ChordSpan
        Chords that the learned analyser read from the notes, with its probability; empty
        where it was not asked.
    """

    chords: tuple[ChordSpan, ...] = ()
    keys: tuple[KeySpan, ...] = ()
    cadences: tuple[Cadence, ...] = ()
    findings: tuple[Finding, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    planned_cadences: tuple[Cadence, ...] = ()
    heard: tuple[ChordSpan, ...] = ()

    def count(self, severity: str, rules: Sequence[str] | None = None) -> int:
        """Findings of a severity, of some rules only where they are named."""
        return sum(
            finding.severity == severity and (rules is None or finding.rule in rules)
            for finding in self.findings
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; keys by name."""
        return {
            name: [_plain(item) for item in getattr(self, name)]
            for name in self.__dataclass_fields__
        }


def _plain(item: Any) -> dict[str, Any]:
    values = asdict(item)
    if isinstance(getattr(item, "key", None), Key):
        values["key"] = item.key.name
    return values
