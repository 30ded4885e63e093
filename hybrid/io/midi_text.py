"""Text events that carry what MIDI has no field for, in words that people can read too."""

from __future__ import annotations

import re
from fractions import Fraction

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key
from hybrid.core.timeline import Metre

_COMPOSER = re.compile(r"Composer: (.+)", re.DOTALL)
_PICKUP = re.compile(r"Pickup: (\d+(?:/\d+)?) quarters? of (\d+/\d+)")
_KEY = re.compile(r"Key: ([A-G](?:#{0,3}|b{0,3}) [a-z]+)")


def composer_text(name: str) -> str:
    return f"Composer: {name}"


def parse_composer(text: str) -> str | None:
    match = _COMPOSER.fullmatch(text)
    return match[1] if match else None


def pickup_text(quarters: Fraction, metre: Metre) -> str:
    """
    >>> pickup_text(Fraction(3, 2), Metre(0, 4, 4))
    'Pickup: 3/2 quarters of 4/4'
    """
    return f"Pickup: {quarters} quarter{'' if quarters == 1 else 's'} of {metre.name}"


def parse_pickup(text: str) -> tuple[Fraction, Metre] | None:
    """The inverse of `pickup_text`; None for any other text."""
    match = _PICKUP.fullmatch(text)
    if not match:
        return None
    try:
        return Fraction(match[1]), Metre.parse(match[2])
    except (ScoreError, ZeroDivisionError):
        return None


def key_text(key: Key) -> str:
    return f"Key: {key.name}"


def parse_key(text: str) -> Key | None:
    match = _KEY.fullmatch(text)
    if not match:
        return None
    try:
        return Key.parse(match[1])
    except ScoreError:
        return None
