"""Interpretations and bar lines of kern: bars, metre, key, tempo, sections, repeats."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from hybrid.core.pitch import Key, parse_spelling
from hybrid.core.timeline import Metre
from hybrid.io.quarters import Signatures
from hybrid.io.reading import Losses

_CLEFS = {
    "G2": "treble",
    "F4": "bass",
    "C3": "alto",
    "C4": "tenor",
    "Gv2": "treble8vb",
    "X": "percussion",
}
_KEY = re.compile(r"\*([A-Ga-g])(#{0,2}|-{0,2}):(dor|phr|lyd|mix|loc|ion|aeo)?$")
_MODES = {
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "mix": "mixolydian",
    "loc": "locrian",
    "ion": "major",
    "aeo": "minor",
}
_SIGNATURE = re.compile(r"\*k\[((?:[a-g](?:#|-|n)*)*)\]$")
_METRE = re.compile(r"\*M(\d+)/(\d+)(?:%\d+)?$")
_TEMPO = re.compile(r"\*MM\[?(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?\]?$")
# Interpretations that say how it looks, or again what is known.
_SILENT = re.compile(
    r"\*$|\*(tandem|staff|part|group|above|below|head|stem|Xstem|tuplet|Xtuplet|brackettup|"
    r"beam|Xbeam|cue|Xcue|pan|vol|IC|IG|I'|I#|oh|ohx|lig|Xlig|col|Xcol|tstrt|tend|ITr|tb|ped|"
    r"bracket|Xbracket|rep|Xrep|tacet|strophe|S/|S-|8va|X8va|15ma|X15ma|8ba|X8ba|grp|line)"
)


class Spine(Protocol):
    """What interpretations say of one spine."""

    name: str
    code: str
    part: str
    clef: str


@dataclass
class BarLine:
    place: Fraction
    closes: bool
    opens: bool


@dataclass
class KernSigns:
    """Collects what holds for all spines; the first that speaks of a place is believed."""

    losses: Losses
    bars: list[BarLine] = field(default_factory=list)
    metres: dict[Fraction, Metre] = field(default_factory=dict)
    keys: dict[Fraction, Key] = field(default_factory=dict)
    signatures: dict[Fraction, int] = field(default_factory=dict)
    tempos: dict[Fraction, float] = field(default_factory=dict)
    markers: list[tuple[Fraction, str]] = field(default_factory=list)

    def bar_line(self, token: str, place: Fraction) -> None:
        """A bar line such as ``=12:|!``: dots before it end a repeat, after it begin one."""
        body = token.lstrip("=").lstrip("0123456789abcdefghijklmnopqrstuvwxyz-")
        strokes = [at for at, char in enumerate(body) if char in "|!"]
        closes = ":" in (body[: strokes[0]] if strokes else "")
        opens = ":" in (body[strokes[-1] :] if strokes else "")
        self.bars.append(BarLine(place, closes, opens))

    def label(self, text: str, place: Fraction) -> None:
        if "[" in text:
            self.losses.add(
                1, "list of sections", "left out: sections stand once", "lists of sections"
            )
        else:
            self.markers.append((place, text))

    def read(self, token: str, spine: Spine, place: Fraction) -> None:
        key, signature = _KEY.match(token), _SIGNATURE.match(token)
        metre, tempo = _METRE.match(token), _TEMPO.match(token)
        if key:
            mode = _MODES[key[3]] if key[3] else ("minor" if key[1].islower() else "major")
            self.keys.setdefault(place, Key(parse_spelling(key[1] + key[2]), mode))
        elif signature:
            fifths = signature[1].count("#") - signature[1].count("-")
            self.signatures.setdefault(place, fifths)
        elif metre:
            self.metres.setdefault(place, Metre(0, int(metre[1]), int(metre[2])))
        elif tempo:
            self.tempos.setdefault(place, float(tempo[1]))
        elif token.startswith("*clef"):
            name = _CLEFS.get(token[5:], "")
            if spine.clef and name != spine.clef and place > 0:
                self.losses.add(1, "clef change", "a score has one clef for a part")
            spine.clef = spine.clef or name
        elif token.startswith('*I"'):
            spine.name = spine.name or token[3:].strip()
        elif re.match(r"\*I[a-z]", token):
            spine.code = spine.code or token[2:]
        elif token.startswith("*part"):
            spine.part = token[5:]
        elif not _SILENT.match(token) and not token.startswith("*>"):
            name = re.sub(r"[\d:].*", "", token)
            self.losses.add(1, f"interpretation {name}", "left out", f"interpretations {name}")

    def give_to(self, found: Signatures, end: Fraction) -> None:
        """Bars, metres, keys, tempi and repeats of the whole score."""
        places = sorted({Fraction(0), end, *(bar.place for bar in self.bars)})
        measures = []
        for start, stop in pairwise(places):
            metre = Metre(0, 4, 4)
            for place, value in sorted(self.metres.items()):
                if place <= start:
                    metre = value
            measures.append((start, stop, metre))
        if measures:
            found.lay_bars(measures)
        found.length = end
        for place, fifths in self.signatures.items():
            if place not in self.keys:
                self.keys[place] = Key.from_fifths(fifths)
                self.losses.add(
                    1,
                    "key signature without a mode",
                    "read as the major key",
                    "key signatures without a mode",
                )
        found.keys = sorted(self.keys.items())
        found.tempos = sorted(self.tempos.items())
        found.markers = sorted(self.markers, key=lambda item: item[0])
        start = Fraction(0)
        for bar in self.bars:
            if bar.closes and bar.place > start:
                found.repeats.append((start, bar.place, 2, []))
                start = bar.place
            if bar.opens:
                start = bar.place
