"""Words and signs of the page: keys, numerals, times, shortened labels."""

from __future__ import annotations

import re

from hybrid.core.pitch import Key, spelling_name
from hybrid.grammar.draw import text_width

CADENCE_NAMES = {
    "PAC": "perfect authentic cadence",
    "IAC": "imperfect authentic cadence",
    "HC": "half cadence",
    "PC": "plagal cadence",
    "DC": "deceptive cadence",
}


def key_name(key: Key) -> str:
    """``B♭ major``."""
    return f"{signs(spelling_name(key.tonic))} {key.mode}"


def signs(name: str) -> str:
    """A pitch name with real accidentals: ``Bb4`` gives ``B♭4``."""
    return name[:1] + name[1:].replace("b", "♭").replace("#", "♯")


def numeral_text(numeral: str) -> str:
    """A Roman numeral with real signs; its figures stay digits, which the page raises.

    >>> numeral_text("V65/ii"), numeral_text("bVII"), numeral_text("ii%65")
    ('V65/ii', '♭VII', 'iiø65')
    """
    text = re.sub(r"(?<![A-Za-z])b(?=[IViv])", "♭", numeral)
    text = re.sub(r"#(?=[IViv])", "♯", text)
    return text.replace("%", "ø").replace("o", "°")


def title_text(title: str) -> str:
    """A title whose key has real signs.

    >>> title_text("Rondo in Eb major")
    'Rondo in E♭ major'
    """
    return re.sub(
        r"\b([A-Ga-g])([b#])(?= (?:major|minor)\b)",
        lambda match: match[1] + {"b": "♭", "#": "♯"}[match[2]],
        title,
    )


def clock(seconds: float) -> str:
    """Minutes and seconds: ``2:05``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def fit(text: str, width: float, size: float) -> str:
    """``text``, shortened with an ellipsis where it is wider than ``width`` pixels; may be empty.

    >>> fit("antecedent", 40, 12)
    'ante…'
    """
    if text_width(text, size) <= width:
        return text
    for length in range(len(text) - 1, 0, -1):
        shortened = text[:length].rstrip() + "…"
        if text_width(shortened, size) <= width:
            return shortened
    return ""
