"""Five ways to read an L-system's string as music; here the two that give notes.

=========  ====================================================  ===================
reading    what the string becomes                               gives
=========  ====================================================  ===================
contour    a turtle's curve: runs are notes, height is pitch     `NoteEvent`
tokens     commands to a player; branches are further voices     `NoteEvent`
rhythm     a span of time divided at every step                  `RhythmEvent`
chords     Roman numerals                                        `ChordEvent`
form       sections with bars                                    `SectionEvent`
=========  ====================================================  ===================

The last three are in `hybrid.grammar.lsystem_readings_time`. All give plain events in
scale steps, quarters and bars; no key, metre or instrument is decided here. Every event
has ``source``, the index of its module in the last string, from which
`Derivation.ancestry` leads back to the axiom.

References
----------
Prusinkiewicz, P. (1986). Score generation with L-systems. Proceedings of the International
    Computer Music Conference, 455-457.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem import Derivation
from hybrid.grammar.lsystem_expression import Expression
from hybrid.grammar.lsystem_rules import Module
from hybrid.grammar.lsystem_turtle import TurtleConfig, TurtlePath, turtle_path

# Lengths that are no whole number of these parts of a step are rounded to one.
PARTS_OF_A_STEP = 12


@dataclass(frozen=True)
class NoteEvent:
    """A note in scale steps.

    Attributes
    ----------
    onset, duration : Fraction
        Quarters.
    step : int
        Scale steps above the first degree of wherever it is put.
    voice : int
        From 0.
    source : int
        Index of the (first) module it comes from.
    """

    onset: Fraction
    duration: Fraction
    step: int
    voice: int
    source: int


def reading_options(
    derivation: Derivation, reading: str, options: Mapping[str, str] | None
) -> dict[str, str]:
    """Options of a reading: those given, over those in the system's file."""
    return {**derivation.system.readings.get(reading, {}), **(options or {})}


def fraction_option(options: Mapping[str, str], name: str, default: Fraction) -> Fraction:
    """A positive number among the options."""
    if name not in options:
        return default
    value = Expression.parse(options[name]).evaluate({})
    if value <= 0:
        raise GrammarError(f"option {name} must be positive, got {options[name]!r}")
    return value if isinstance(value, Fraction) else Fraction(value).limit_denominator(960)


# --- Contour ------------------------------------------------------------------


def contour(
    derivation: Derivation, options: Mapping[str, str] | None = None
) -> tuple[NoteEvent, ...]:
    """Read a curve as a melody.

    The curve is walked from its beginning; steps in one direction make a run, a run is a
    note. Its height above the start is the pitch in scale steps (rounded; the mean height
    where a run rises), its length the duration.

    Parameters
    ----------
    derivation : Derivation
    options : mapping, optional
        Over the ``contour:`` and ``turtle:`` lines of the file. ``unit``: quarters for a
        step of the turtle (default 1/2). ``runs``: ``horizontal`` (default), as in the
        paper, where vertical runs only lead from pitch to pitch; or ``all``, for curves
        that have no right angles. ``height``: turtle steps for a scale step (default 1).
        And those of the turtle.

    Returns
    -------
    tuple of NoteEvent
        One voice. Steps without a line become rests (gaps) of their length.

    Raises
    ------
    GrammarError
        If an option is unknown, or no run makes a note.

    Notes
    -----
    The paper plays space-filling curves with right angles. ``all``, rests, and the rounding
    of lengths to twelfths of a step are additions.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> notes = contour(load_lsystem("hilbert").derive(2))
    >>> [(note.step, str(note.duration)) for note in notes[:4]]
    [(0, '1/2'), (1, '1/2'), (3, '1/2'), (2, '1/2')]
    """
    chosen = reading_options(derivation, "contour", None)
    turtle = reading_options(derivation, "turtle", None)
    for name, value in (options or {}).items():
        (chosen if name in ("unit", "runs", "height") else turtle)[name] = value
    for name in chosen:
        if name not in ("unit", "runs", "height"):
            raise GrammarError(f"contour option must be unit, runs or height, got {name!r}")
    runs = chosen.get("runs", "horizontal")
    if runs not in ("horizontal", "all"):
        raise GrammarError(f"contour option runs must be horizontal or all, got {runs!r}")
    unit = fraction_option(chosen, "unit", Fraction(1, 2))
    height = float(fraction_option(chosen, "height", Fraction(1)))
    path = turtle_path(derivation.last, TurtleConfig.from_options(turtle))
    notes: list[NoteEvent] = []
    now = Fraction(0)
    for first, last in _runs(path):
        length = Fraction(round(float(path.length[first : last + 1].sum()) * PARTS_OF_A_STEP))
        duration = length / PARTS_OF_A_STEP * unit
        flat = abs(float(path.end[last, 1] - path.start[first, 1])) < 1e-6
        if duration == 0 or (runs == "horizontal" and not flat):
            continue
        if path.drawn[first]:
            middle = float(path.start[first, 1] + path.end[last, 1]) / 2 / height
            step = math.floor(middle + 0.5)
            notes.append(NoteEvent(now, duration, step, 0, int(path.source[first])))
        now += duration
    if not notes:
        raise GrammarError(
            f"contour of L-system {derivation.system.name!r} must have a {runs} run, got none"
        )
    return tuple(notes)


def _runs(path: TurtlePath) -> list[tuple[int, int]]:
    """First and last step of each run: one direction, drawn or not, without a jump."""
    runs: list[tuple[int, int]] = []
    for n in range(len(path)):
        if runs and runs[-1][1] == n - 1:
            turn = abs(path.direction[n] - path.direction[n - 1]) % 360
            straight = min(turn, 360 - turn) < 1e-6
            joined = np.array_equal(path.start[n], path.end[n - 1])
            if straight and joined and path.drawn[n] == path.drawn[n - 1]:
                runs[-1] = (runs[-1][0], n)
                continue
        runs.append((n, n))
    return runs


# --- Tokens -------------------------------------------------------------------

_ACTIONS = ("note", "rest", "up", "down", "to", "longer", "shorter")


@dataclass(frozen=True)
class _State:
    now: Fraction
    step: int
    value: Fraction
    line: int


def tokens(
    derivation: Derivation, options: Mapping[str, str] | None = None
) -> tuple[NoteEvent, ...]:
    """Read symbols as commands to a player.

    Parameters
    ----------
    derivation : Derivation
    options : mapping, optional
        Over the ``tokens:`` line of the file. ``unit``: quarters of a note (default 1/2).
        Every other name is a symbol, its value an action: ``note k`` (play k steps above
        the present one; k may be left out), ``rest``, ``up k``, ``down k`` (move the
        present step; k is 1 if left out), ``to k``, ``longer``, ``shorter`` (values double
        or halve). A parameter multiplies the length of a note or rest and replaces the k
        of ``up`` and ``down``. Symbols without an action are passed over.

    Returns
    -------
    tuple of NoteEvent
        Ordered by onset, then voice. A branch starts a voice of its own at the moment of
        its bracket, with the step and the value of that moment; what follows the branch
        goes on from the same moment. A branch takes the lowest voice that is free.

    Raises
    ------
    GrammarError
        If the system has no ``tokens:`` line and no options are given, an action is
        unknown, or no note is played.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> notes = tokens(load_lsystem("plant").derive(1))
    >>> [(note.voice, str(note.onset), note.step) for note in notes]
    [(0, '0', 0), (0, '1/2', 0), (1, '1/2', 2), (0, '1', 0), (1, '1', -1)]
    """
    chosen = reading_options(derivation, "tokens", options)
    unit = fraction_option(chosen, "unit", Fraction(1, 2))
    table = {symbol: _action(symbol, text) for symbol, text in chosen.items() if symbol != "unit"}
    if not table:
        raise GrammarError(f"L-system {derivation.system.name!r} has no tokens reading; give one")
    state = _State(Fraction(0), 0, unit, 0)
    saved: list[_State] = []
    events: list[NoteEvent] = []
    lines = 1
    for place, module in enumerate(derivation.last):
        if module.symbol == "[":
            saved.append(state)
            state = replace(state, line=lines)
            lines += 1
        elif module.symbol == "]":
            state = saved.pop()
        elif module.symbol in table:
            state = _play(state, module, table[module.symbol], place, events)
    if not events:
        raise GrammarError(
            f"tokens of L-system {derivation.system.name!r} must play a note, got none"
        )
    return _voices(events)


def _action(symbol: str, text: str) -> tuple[str, int]:
    word, _, number = text.partition(" ")
    if word not in _ACTIONS:
        raise GrammarError(
            f"tokens: action of {symbol!r} must be one of {', '.join(_ACTIONS)}; got {text!r}"
        )
    default = 1 if word in ("up", "down") else 0
    try:
        return word, int(number) if number.strip() else default
    except ValueError:
        raise GrammarError(
            f"tokens: {word} of {symbol!r} needs a whole number, got {number!r}"
        ) from None


def _play(
    state: _State, module: Module, action: tuple[str, int], place: int, events: list[NoteEvent]
) -> _State:
    word, number = action
    if word in ("up", "down"):
        steps = round(module.params[0]) if module.params else number
        return replace(state, step=state.step + (steps if word == "up" else -steps))
    if word == "to":
        return replace(state, step=number)
    if word in ("longer", "shorter"):
        return replace(state, value=state.value * (2 if word == "longer" else Fraction(1, 2)))
    duration = state.value
    if module.params:
        duration *= Fraction(module.params[0]).limit_denominator(960)
    if duration <= 0:
        raise GrammarError(f"tokens: '{module}' must last longer than 0 (module {place})")
    if word == "note":
        # The line stands in for the voice until all lines are known.
        events.append(NoteEvent(state.now, duration, state.step + number, state.line, place))
    return replace(state, now=state.now + duration)


def _voices(events: Sequence[NoteEvent]) -> tuple[NoteEvent, ...]:
    spans: dict[int, tuple[Fraction, Fraction]] = {}
    for event in events:
        start, end = spans.get(event.voice, (event.onset, event.onset))
        spans[event.voice] = (start, max(end, event.onset + event.duration))
    free_at: list[Fraction] = []
    voice_of: dict[int, int] = {}
    # The trunk first, so that it keeps voice 0 whatever branches leave its first note.
    for line, (start, end) in sorted(spans.items(), key=lambda item: (item[0] > 0, item[1][0])):
        for voice, free in enumerate(free_at):
            if free <= start:
                free_at[voice] = end
                voice_of[line] = voice
                break
        else:
            voice_of[line] = len(free_at)
            free_at.append(end)
    placed = [replace(event, voice=voice_of[event.voice]) for event in events]
    return tuple(sorted(placed, key=lambda event: (event.onset, event.voice)))
