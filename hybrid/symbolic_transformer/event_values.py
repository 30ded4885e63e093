"""Values of constraints read, and what a plan says about harmonic ones.

The kinds and their meaning are those of docs/constraints.md.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import ConflictError, HybridError, PlanError
from hybrid.core.pitch import Key, parse_pitch, parse_spelling, pitch_class
from hybrid.core.plan import Constraint, FormPlan, parse_chords


def wrong(item: Constraint, rule: str) -> PlanError:
    """The error for a value that breaks a rule."""
    return PlanError(f"constraint {item.name!r}: {rule}, got {item.value!r}")


def read_pitch(item: Constraint, value: Any) -> int:
    """A pitch as MIDI number."""
    try:
        return parse_pitch(str(value))[0]
    except HybridError:
        raise wrong(item, "value must be a pitch such as 'F#4'") from None


def read_class(item: Constraint) -> int:
    """A pitch class 0..11."""
    try:
        return pitch_class(parse_spelling(str(item.value)))
    except HybridError:
        raise wrong(item, "value must be a pitch class such as 'F#'") from None


def read_whole(item: Constraint, value: Any, most: int) -> int:
    """A whole number 0..most."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise wrong(item, f"value must be a whole number in 0..{most}")
    return value


def read_quarters(item: Constraint, text: str) -> Fraction:
    """A length above 0 in quarters."""
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if found <= 0:
        raise wrong(item, f"a length must be quarters above 0 such as 1/2, not {text!r}")
    return found


def read_pair(item: Constraint, what: str) -> tuple[Any, Any]:
    """Two values."""
    value = item.value
    if not isinstance(value, tuple) or len(value) != 2:
        raise wrong(item, f"value must be {what}")
    return value[0], value[1]


def read_melody(item: Constraint) -> list[tuple[int | None, Fraction]]:
    """Pitches (None for rests) and quarters of a melody."""
    notes: list[tuple[int | None, Fraction]] = []
    for word in str(item.value or "").split():
        name, colon, length = word.partition(":")
        quarters = read_quarters(item, length) if colon else Fraction(1)
        notes.append((None if name == "R" else read_pitch(item, name), quarters))
    if not any(pitch is not None for pitch, _ in notes):
        raise wrong(item, "value must have notes such as 'C5:1 D5:1/2 R:1/2'")
    return notes


def check_harmony(plan: FormPlan, item: Constraint) -> None:
    """Make sure that the plan keeps a constraint on chords, key or cadence.

    Raises
    ------
    ConflictError
        If it does not and the constraint is hard; it names what the plan has instead.
    PlanError
        If the value cannot be read.
    """
    first, last = item.bars or (1, plan.n_bars)
    if item.kind == "cadence" and item.value not in CADENCES:
        raise wrong(item, f"value must be one of {', '.join(CADENCES)}")
    if item.kind == "chord" and (item.bars is None or not isinstance(item.value, str)):
        raise wrong(item, "a chord constraint needs bars and a value such as 'I | V7 I'")
    wanted_key = None
    if item.kind == "key":
        try:
            wanted_key = Key.parse(str(item.value))
        except HybridError:
            raise wrong(item, "value must be a key such as 'G minor'") from None
    instead = ""
    for phrase in plan.phrases():
        low, high = max(first, phrase.first_bar), min(last, phrase.last_bar)
        if low > high:
            continue
        bar = phrase.metre.bar_quarters
        start, end = (low - phrase.first_bar) * bar, (high + 1 - phrase.first_bar) * bar
        inside = [c for c in phrase.phrase.chords if c.onset < end and c.end > start]
        if item.kind == "key" and any(phrase.key_of(c) != wanted_key for c in inside):
            instead = f"keys of bars {low}-{high}"
        elif item.kind == "cadence" and low <= last <= high:
            has = phrase.phrase.cadence if last == phrase.last_bar else "none"
            if has != item.value:
                instead = f"cadence {has} bar {last}"
        elif item.kind == "chord":
            chords = parse_chords(str(item.value), phrase.metre)
            shift = (phrase.first_bar - first) * bar
            for chord in inside:
                along = max(chord.onset, start) + shift
                meant = next((c for c in chords if c.onset <= along < c.end), None)
                if meant is None or meant.numeral != chord.numeral:
                    instead = f"chords of bars {low}-{high}"
    if instead and item.hard:
        raise ConflictError(
            f"these cannot all hold in bars {first}-{last}: {item.name}; {instead} "
            "(complete the plan with the constraint)",
            (item.name, instead),
        )


__all__ = [
    "check_harmony",
    "read_class",
    "read_melody",
    "read_pair",
    "read_pitch",
    "read_quarters",
    "read_whole",
    "wrong",
]
