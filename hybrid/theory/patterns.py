"""Rules that a set declares itself: patterns of intervals, ranges and note values.

A pattern is a table in a rule set's file; ``kind`` says what is looked for.

=========  ====================================================================================
vertical   two voices form one of ``intervals``
melodic    a voice moves by one of ``intervals``, or by more than ``wider_than``
parallel   two voices move in one direction with one of ``intervals`` again, more than
           ``max_in_row`` times
range      a note outside the voice's ``limits``
compass    a voice spans more than ``widest``
values     a note of another length than ``allowed`` (in quarters)
=========  ====================================================================================

Intervals are names: P1 m2 M2 m3 M3 P4 A4 d5 P5 m6 M6 m7 M7 P8, larger ones (m9, P12) and ``TT``
for six semitones however spelled. A name up to P8 means its compounds too, unless ``exact`` is
true. A note without spelling is taken by its semitones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.core.pitch import parse_pitch

#: Kind to the group that its rules belong to.
GROUP_OF_KIND: Final = MappingProxyType(
    {
        "vertical": "motion",
        "melodic": "melody",
        "parallel": "motion",
        "range": "texture",
        "compass": "melody",
        "values": "rhythm",
    }
)
#: Kind to its keys: those that must stand, and those that may.
_KEYS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = MappingProxyType(
    {
        "vertical": (frozenset({"intervals"}), frozenset({"voices", "at", "exact"})),
        "melodic": (
            frozenset(),
            frozenset({"intervals", "wider_than", "direction", "voices", "exact"}),
        ),
        "parallel": (frozenset({"intervals"}), frozenset({"voices", "max_in_row", "exact"})),
        "range": (frozenset({"limits"}), frozenset()),
        "compass": (frozenset({"widest"}), frozenset({"voices"})),
        "values": (frozenset({"allowed"}), frozenset({"voices"})),
    }
)
PAIRS: Final = ("any", "outer", "adjacent")
PLACES: Final = ("attack", "beat", "bar")
DIRECTIONS: Final = ("both", "up", "down")
_INTERVAL: Final = re.compile(r"([PmMAd])([1-9]|1[0-9]|2[0-2])$")
_PLAIN: Final = (0, 2, 4, 5, 7, 9, 11)  # semitones of the major or perfect interval
_PERFECT_NUMBERS: Final = (0, 3, 4)  # unison, fourth, fifth


@dataclass(frozen=True)
class Interval:
    """A named interval.

    Attributes
    ----------
    name : str
    semitones : int
    is_simple : bool
        At most an octave: compounds match too where the pattern is not exact.
    """

    name: str
    semitones: int
    is_simple: bool


@dataclass(frozen=True)
class Pattern:
    """What a rule of a set's own looks for; see the module's description.

    Attributes
    ----------
    kind : str
    intervals : tuple of Interval
    voices : str or tuple of str
        One of `PAIRS`, or names of voices in lower case.
    at : str
        One of `PLACES`: wherever a note begins, on beats, on bar lines.
    exact : bool
        Whether compounds of an interval are left out.
    direction : str
        One of `DIRECTIONS`.
    widest : Interval or None
        Of ``wider_than`` and ``widest``.
    max_in_row : int
    limits : Mapping of str to (int, int)
        Lowest and highest MIDI pitch by voice, in lower case.
    allowed : tuple of Fraction
        Quarters.
    """

    kind: str
    intervals: tuple[Interval, ...] = ()
    voices: str | tuple[str, ...] = "any"
    at: str = "attack"
    exact: bool = False
    direction: str = "both"
    widest: Interval | None = None
    max_in_row: int = 1
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    allowed: tuple[Fraction, ...] = ()

    def describe(self) -> str:
        """One sentence on what is looked for."""
        names = ", ".join(interval.name for interval in self.intervals)
        who = self.voices if isinstance(self.voices, str) else " and ".join(self.voices)
        widest = self.widest.name if self.widest else ""
        where = {"attack": "where a note begins", "beat": "on a beat", "bar": "on a bar line"}
        way = "" if self.direction == "both" else f" {self.direction}"
        moves = f"by {names}" if names else f"by more than {widest}"
        texts = {
            "vertical": f"Voices ({who}) form {names} {where[self.at]}.",
            "melodic": f"A voice ({who}) moves {moves}{way}.",
            "parallel": f"Voices ({who}) move in one direction in {names} more than "
            f"{self.max_in_row} in a row.",
            "range": "A note lies outside its voice's limits.",
            "compass": f"A voice ({who}) spans more than {widest}.",
            "values": f"A note ({who}) is as long as none of "
            f"{', '.join(str(value) for value in self.allowed)} quarters.",
        }
        return texts[self.kind]


def parse_pattern(table: Any, where: str) -> Pattern:
    """Read a pattern from its table.

    Parameters
    ----------
    table : Any
        As TOML gives it.
    where : str
        Named in errors.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or a value is none of those it may have.

    Examples
    --------
    >>> parse_pattern({"kind": "melodic", "wider_than": "P5"}, "here").describe()
    'A voice (any) moves by more than P5.'
    """
    kind: Any = table.get("kind") if isinstance(table, Mapping) else None
    if not isinstance(kind, str) or kind not in _KEYS:
        raise ConfigError(
            f"a pattern must be a table whose kind is one of {', '.join(_KEYS)}, got {table!r} "
            f"({where})"
        )
    needed, free = _KEYS[kind]
    unknown = sorted(set(table) - needed - free - {"kind"})
    missing = sorted(needed - set(table))
    if unknown or missing:
        allowed = ", ".join(sorted(needed | free))
        got = f"{unknown[0]!r}" if unknown else f"no {missing[0]!r}"
        raise ConfigError(f"a pattern of kind {kind} must have of {allowed}, got {got} ({where})")
    if kind == "melodic" and ("intervals" in table) == ("wider_than" in table):
        raise ConfigError(
            f"a melodic pattern must have either intervals or wider_than, got {table!r} ({where})"
        )
    widest = table.get("wider_than", table.get("widest"))
    return Pattern(
        kind=kind,
        intervals=tuple(parse_interval(name, where) for name in _list(table, "intervals", where)),
        voices=_voices(table.get("voices", "any"), kind, where),
        at=_choice(table.get("at", "attack"), PLACES, "at", where),
        exact=_choice(table.get("exact", False), (True, False), "exact", where),
        direction=_choice(table.get("direction", "both"), DIRECTIONS, "direction", where),
        widest=None if widest is None else parse_interval(widest, where),
        max_in_row=_count(table.get("max_in_row", 1), where),
        limits=MappingProxyType(_limits(table.get("limits", {}), where)),
        allowed=tuple(_fraction(value, where) for value in _list(table, "allowed", where)),
    )


def parse_interval(name: Any, where: str) -> Interval:
    """``"m9"`` to an `Interval`.

    Raises
    ------
    ConfigError
        If there is no such interval.
    """
    if name == "TT":
        return Interval("TT", 6, True)
    match = _INTERVAL.match(name) if isinstance(name, str) else None
    if match:
        quality, number = match[1], int(match[2]) - 1
        is_perfect = number % 7 in _PERFECT_NUMBERS
        shifts = {"P": 0, "A": 1, "d": -1} if is_perfect else {"M": 0, "m": -1, "A": 1, "d": -2}
        if quality in shifts:
            semitones = 12 * (number // 7) + _PLAIN[number % 7] + shifts[quality]
            if semitones >= 0:
                return Interval(match[0], semitones, number <= 7)
    raise ConfigError(
        f"an interval must be a quality and a number such as m3 or P12, or TT, got {name!r} "
        f"({where})"
    )


def _list(table: Mapping[str, Any], key: str, where: str) -> list[Any]:
    values = table.get(key, [])
    if not isinstance(values, list) or (key in table and not values):
        raise ConfigError(f"{key} must be a list with at least one item, got {values!r} ({where})")
    return values


def _choice(value: Any, allowed: tuple[Any, ...], key: str, where: str) -> Any:
    if not any(value is one or (isinstance(value, str) and value == one) for one in allowed):
        names = ", ".join(str(one).lower() for one in allowed)
        raise ConfigError(f"{key} must be one of {names}, got {value!r} ({where})")
    return value


def _voices(value: Any, kind: str, where: str) -> str | tuple[str, ...]:
    in_pairs = kind in ("vertical", "parallel")
    if isinstance(value, str) and value in (PAIRS if in_pairs else ("any",)):
        return value
    is_names = isinstance(value, list) and value and all(isinstance(name, str) for name in value)
    if is_names and (not in_pairs or len(value) == 2):
        return tuple(name.lower() for name in value)
    choice = f"one of {', '.join(PAIRS)} or two names" if in_pairs else "any or a list of names"
    raise ConfigError(f"voices must be {choice}, got {value!r} ({where})")


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"max_in_row must be a whole number from 1, got {value!r} ({where})")
    return value


def _limits(table: Any, where: str) -> dict[str, tuple[int, int]]:
    if not isinstance(table, Mapping):
        raise ConfigError(f"limits must be a table of voices, got {table!r} ({where})")
    limits = {}
    for voice, pair in table.items():
        try:
            low, high = (parse_pitch(name)[0] for name in pair)
        except (ScoreError, TypeError, ValueError) as error:
            raise ConfigError(
                f"limits of a voice must be two pitches, got {pair!r}: {error} ({where}, {voice})"
            ) from None
        if low > high:
            raise ConfigError(f"limits must name the lower pitch first, got {pair!r} ({where})")
        limits[voice.lower()] = (low, high)
    return limits


def _fraction(value: Any, where: str) -> Fraction:
    try:
        if not isinstance(value, bool):
            length = Fraction(str(value))
            if length > 0:
                return length
    except (ValueError, ZeroDivisionError):
        pass
    raise ConfigError(f"a note value must be quarters such as 1/2 or 1.5, got {value!r} ({where})")
