"""Colours of the pictures: one hue for each section, one for each track, keys by distance.

Text on any fill given here has a contrast of 4.5 or more (WCAG 2.2, AA); tests compute it.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

from hybrid.core.pitch import Key

INK = "#1b2230"

#: Hues of the sections in the order of their first appearance, far apart for every eye: blue,
#: amber, green, violet, rose, teal, olive, brick. Steps on the colour circle, 0..1.
_HUES = (0.59, 0.10, 0.38, 0.76, 0.94, 0.49, 0.17, 0.03)
#: Tracks on a light page and, of the same hue, on a dark one.
TRACKS_LIGHT = (
    "#1d5fb8",
    "#b0440c",
    "#27763a",
    "#8336a3",
    "#a8184f",
    "#0d7178",
    "#76590a",
    "#4a4dbb",
)
TRACKS_DARK = (
    "#7db4ff",
    "#ffa36a",
    "#7fd191",
    "#d89cf2",
    "#ff8fb3",
    "#6ad2d8",
    "#e2c05c",
    "#aab0ff",
)

#: Functions of chords: fill of a block that bears dark text, colour on a light page, on a dark
#: one. Blue, green, vermilion and purple after Okabe and Ito (2008), told apart by colour-blind
#: eyes; a letter always stands beside the colour.
FUNCTION_COLOURS = {
    "tonic": ("#bcd9f2", "#1a56b0", "#7fa9ff"),
    "predominant": ("#b3e3d2", "#0a8050", "#46cfa3"),
    "dominant": ("#f8cba8", "#b84700", "#ff9b5c"),
    "applied": ("#efc6dc", "#a03c76", "#f0a3cc"),
}
FUNCTION_LETTERS = {"tonic": "T", "predominant": "P", "dominant": "D", "applied": "A"}


def _hex(hue: float, lightness: float, saturation: float) -> str:
    rgb = colorsys.hls_to_rgb(hue % 1.0, lightness, saturation)
    return "#" + "".join(f"{round(255 * value):02x}" for value in rgb)


def section_colours(labels: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Fill and border of each section label.

    >>> list(section_colours(["A", "B", "A"]))
    ['A', 'B']
    """
    found: dict[str, tuple[str, str]] = {}
    for label in labels:
        if label not in found:
            hue = _hue(len(found))
            found[label] = (_hex(hue, 0.80, 0.56), _hex(hue, 0.42, 0.50))
    return found


def theme_colours(
    themes: Sequence[tuple[str, str]],
) -> dict[tuple[str, str], tuple[str, str]]:
    """Fill and border of each (section label, theme label): the section's hue in shades."""
    sections: dict[str, int] = {}
    shades: dict[str, int] = {}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for pair in themes:
        if pair in found:
            continue
        section = pair[0]
        hue = _hue(sections.setdefault(section, len(sections)))
        shade = shades.get(section, 0)
        shades[section] = shade + 1
        # Hue moves a little as well, so that neighbours differ in more than lightness.
        found[pair] = (
            _hex(hue + 0.028 * (shade % 4), (0.88, 0.78, 0.93, 0.72)[shade % 4], 0.58),
            _hex(hue, 0.42, 0.40),
        )
    return found


def _hue(number: int) -> float:
    # After the eight chosen ones hues go on by the golden angle.
    return _HUES[number] if number < len(_HUES) else _HUES[number % 8] + 0.381966 * (number // 8)


def key_colour(key: Key, home: Key) -> str:
    """Fill of a key: grey at home, warmer with each sharp away from it, cooler with each flat.

    Minor keys are a shade deeper. Distance is counted between signatures.
    """
    distance = max(-6, min(6, key.fifths - home.fifths))
    lightness = 0.80 if key.is_minor else 0.88
    if distance == 0:
        return _hex(0.6, lightness, 0.10)
    hue = 0.08 if distance > 0 else 0.56
    return _hex(hue, lightness - 0.01 * abs(distance), 0.30 + 0.10 * abs(distance))


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours ``#rrggbb``, 1..21 (WCAG 2.2).

    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
