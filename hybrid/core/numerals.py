"""Roman numerals: text such as ``V65/ii`` to spelled chord tones.

The notation is that of RomanText (Tymoczko, Gotham, Cuthbert & Ariza 2019): upper case
major, lower case minor, ``o`` diminished, ``%`` or ``ø`` half-diminished, ``+`` augmented;
figured-bass inversions; ``b`` and ``#`` before the numeral move the root by a semitone;
``/x`` names the degree that is tonicised. Sevenths are diatonic in the (tonicised) key,
except ``o7`` (diminished), ``ø7`` (minor over a diminished triad), ``M7`` or ``maj7``
(major) and ``d7`` (minor seventh over any triad: the blues ``Id7``). In minor the roots
of lower-case ``vi`` and ``vii`` (with or without ``o``) are raised, those of ``VI`` and
``VII`` are not. ``Cad64``, ``N6``, ``It6``, ``Ger65`` and ``Fr43`` have their usual
meaning; ``sus4`` and ``9`` extend the notation for popular styles.

References
----------
Tymoczko, D., Gotham, M., Cuthbert, M. S., & Ariza, C. (2019). The RomanText format. ISMIR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hybrid.core.errors import PlanError
from hybrid.core.pitch import Key

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII")
# Figures to (inversion, has seventh, has ninth).
FIGURES: dict[str, tuple[int, bool, bool]] = {
    "": (0, False, False),
    "5": (0, False, False),
    "53": (0, False, False),
    "6": (1, False, False),
    "63": (1, False, False),
    "64": (2, False, False),
    "7": (0, True, False),
    "65": (1, True, False),
    "43": (2, True, False),
    "42": (3, True, False),
    "2": (3, True, False),
    "9": (0, True, True),
}
# Intervals above the root as steps on the line of fifths.
MINOR_THIRD, MAJOR_THIRD, FOURTH = -3, 4, -1
DIMINISHED_FIFTH, FIFTH, AUGMENTED_FIFTH = -6, 1, 8
DIMINISHED_SEVENTH, MINOR_SEVENTH, MAJOR_SEVENTH = -9, -2, 5
TRIADS = {
    "major": (MAJOR_THIRD, FIFTH),
    "minor": (MINOR_THIRD, FIFTH),
    "diminished": (MINOR_THIRD, DIMINISHED_FIFTH),
    "augmented": (MAJOR_THIRD, AUGMENTED_FIFTH),
    "suspended": (FOURTH, FIFTH),
}
SEVENTH_QUALITIES = {
    ("major", MINOR_SEVENTH): "dominant-seventh",
    ("major", MAJOR_SEVENTH): "major-seventh",
    ("minor", MINOR_SEVENTH): "minor-seventh",
    ("minor", MAJOR_SEVENTH): "minor-major-seventh",
    ("diminished", MINOR_SEVENTH): "half-diminished-seventh",
    ("diminished", DIMINISHED_SEVENTH): "diminished-seventh",
    ("augmented", MINOR_SEVENTH): "augmented-seventh",
    ("augmented", MAJOR_SEVENTH): "augmented-major-seventh",
    ("suspended", MINOR_SEVENTH): "suspended-seventh",
    ("suspended", MAJOR_SEVENTH): "suspended-major-seventh",
}
# Augmented sixths: tones above the tonic on the line of fifths, bass (b6) first.
AUGMENTED_SIXTHS = {
    "It": (-4, 0, 6),
    "Ger": (-4, 0, -3, 6),
    "Fr": (-4, 0, 2, 6),
}
AUGMENTED_SIXTH_QUALITIES = {
    "It": "italian-sixth",
    "Ger": "german-sixth",
    "Fr": "french-sixth",
}

_NUMERAL = re.compile(
    r"(?P<shift>b{0,2}|#{0,2})"
    r"(?P<roman>VII|III|VI|IV|II|V|I|vii|iii|vi|iv|ii|v|i)"
    r"(?P<quality>o|°|%|ø|\+)?"
    r"(?P<sus>sus4?)?"
    r"(?P<seventh>M|maj|d)?"
    r"(?P<figure>\d*)"
)
_SPECIAL = re.compile(r"(?P<name>Cad|N|It|Ger|Fr)(?P<figure>\d*)")


@dataclass(frozen=True)
class RomanNumeral:
    """A chord relative to a key.

    Attributes
    ----------
    text : str
        As written.
    degree : int
        1..7, the root's scale degree in the (tonicised) key; 4 for augmented sixths (#4).
    shift : int
        Alteration of the root in semitones, relative to the scale.
    triad : str
        A key of `TRIADS`, the name of an augmented sixth in `AUGMENTED_SIXTHS`, or ``tonic``
        for the cadential six-four, whose third follows the mode.
    has_seventh, has_ninth : bool
        Whether the figure asks for one.
    seventh : int or None
        Seventh above the root on the line of fifths where the text fixes it (``o7``, ``ø7``,
        ``M7``, ``d7``); None where it is the scale's.
    inversion : int
        0..3.
    of : RomanNumeral or None
        The degree that is tonicised.
    """

    text: str
    degree: int
    shift: int
    triad: str
    has_seventh: bool
    seventh: int | None
    has_ninth: bool
    inversion: int
    is_cadential: bool = False
    of: RomanNumeral | None = None

    @classmethod
    def parse(cls, text: str) -> RomanNumeral:
        """Read a Roman numeral.

        Raises
        ------
        PlanError
            If ``text`` is not in the notation above.

        Examples
        --------
        >>> [numeral.inversion for numeral in map(RomanNumeral.parse, ("V65/ii", "Cad64"))]
        [1, 2]
        """
        return _parse(text)

    def local_key(self, key: Key) -> Key:
        """The key in which the numeral is read: that of the tonicised degree, or ``key``."""
        if self.of is None:
            return key
        target = self.of
        mode = "minor" if target.triad in ("minor", "diminished") else "major"
        return Key(target.root(key), mode)

    def root(self, key: Key) -> int:
        """Tonal pitch class of the root (of the lowest third-stacked tone in augmented sixths)."""
        local = self.local_key(key)
        if self.triad in AUGMENTED_SIXTHS:
            return local.tonic + 6
        root = local.scale[self.degree - 1]
        if self.triad == "major" and self.text.startswith("N"):
            return local.tonic - 5
        if local.is_minor and self.degree in (6, 7) and self._is_lower and self.shift == 0:
            root = local.tonic + (3 if self.degree == 6 else 5)
        return root + 7 * self.shift

    def _triad_in(self, local: Key) -> str:
        # The cadential six-four is major or minor with its key; N is flat II in both modes.
        if self.triad == "tonic":
            return "minor" if local.is_minor else "major"
        return self.triad

    @property
    def _is_lower(self) -> bool:
        return self.triad in ("minor", "diminished")

    def tones(self, key: Key) -> tuple[int, ...]:
        """Tonal pitch classes, root first (bass first in augmented sixths).

        >>> from hybrid.core.pitch import spelling_name
        >>> [spelling_name(tone) for tone in RomanNumeral.parse("V7").tones(Key.parse("g"))]
        ['D', 'F#', 'A', 'C']
        """
        local = self.local_key(key)
        if self.triad in AUGMENTED_SIXTHS:
            return tuple(local.tonic + place for place in AUGMENTED_SIXTHS[self.triad])
        root = self.root(key)
        tones = [root, *(root + interval for interval in TRIADS[self._triad_in(local)])]
        if self.has_seventh:
            tones.append(root + self._seventh_above(root, local))
        if self.has_ninth:
            ninth = local.scale[self.degree % 7]
            tones.append(root + 2 if self.shift else ninth)
        return tuple(tones)

    def _seventh_above(self, root: int, local: Key) -> int:
        if self.seventh is not None:
            return self.seventh
        interval = local.scale[(self.degree + 5) % 7] - root
        if (self.triad, interval) in SEVENTH_QUALITIES:
            return interval
        # A chromatic root leaves the scale's seventh out of reach: take the common one.
        return DIMINISHED_SEVENTH if self.triad == "diminished" else MINOR_SEVENTH

    def bass(self, key: Key) -> int:
        """Tonal pitch class of the bass."""
        tones = self.tones(key)
        if self.triad in AUGMENTED_SIXTHS:
            return tones[0]
        return tones[self.inversion]

    def quality(self, key: Key) -> str:
        """Chord quality: ``major`` ... ``half-diminished-seventh``, ``german-sixth`` ..."""
        if self.triad in AUGMENTED_SIXTHS:
            return AUGMENTED_SIXTH_QUALITIES[self.triad]
        local = self.local_key(key)
        if not self.has_seventh:
            return self._triad_in(local)
        return SEVENTH_QUALITIES[self.triad, self._seventh_above(self.root(key), local)]

    def seventh_tone(self, key: Key) -> int | None:
        """Tonal pitch class of the chord seventh, None without one."""
        if not self.has_seventh or self.triad in AUGMENTED_SIXTHS:
            return None
        return self.tones(key)[3]

    @property
    def function(self) -> str:
        """``tonic``, ``subdominant``, ``dominant`` or ``other`` (a simplified reading).

        A cadential six-four counts as dominant, applied chords and augmented sixths as
        what they are relative to their target: ``dominant`` or ``subdominant``.
        """
        if self.is_cadential:
            return "dominant"
        if self.triad in AUGMENTED_SIXTHS:
            return "subdominant"
        return {1: "tonic", 6: "tonic", 3: "tonic", 2: "subdominant", 4: "subdominant"}.get(
            self.degree, "dominant"
        )

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def _parse(text: str) -> RomanNumeral:
    head, *rest = text.split("/")
    if len(rest) > 1:
        # V/V/ii tonicises V/ii.
        return _with_target(head, "/".join(rest), text)
    if rest:
        return _with_target(head, rest[0], text)
    special = _SPECIAL.fullmatch(head)
    if special:
        return _special(special["name"], special["figure"], text)
    match = _NUMERAL.fullmatch(head)
    if not match or match["figure"] not in FIGURES:
        raise PlanError(
            f"chord must be a Roman numeral such as I, V65/ii, viio7, Cad64 or Ger65, got {text!r}"
        )
    roman = match["roman"]
    inversion, has_seventh, has_ninth = FIGURES[match["figure"]]
    mark = match["quality"]
    triad = "major" if roman.isupper() else "minor"
    seventh: int | None = None
    if mark in ("o", "°"):
        triad = "diminished"
        seventh = DIMINISHED_SEVENTH if has_seventh else None
    elif mark in ("%", "ø"):
        triad, seventh = "diminished", MINOR_SEVENTH
        if not has_seventh:
            raise PlanError(f"a half-diminished chord must have a seventh, got {text!r}")
    elif mark == "+":
        triad = "augmented"
    if match["sus"]:
        triad = "suspended"
    if match["seventh"]:
        if not has_seventh:
            raise PlanError(f"M and d must stand before a seventh's figure, got {text!r}")
        seventh = MINOR_SEVENTH if match["seventh"] == "d" else MAJOR_SEVENTH
    shift = match["shift"]
    return RomanNumeral(
        text=text,
        degree=ROMAN.index(roman.upper()) + 1,
        shift=len(shift) if shift[:1] == "#" else -len(shift),
        triad=triad,
        has_seventh=has_seventh,
        seventh=seventh,
        has_ninth=has_ninth,
        inversion=inversion,
    )


def _with_target(head: str, target: str, text: str) -> RomanNumeral:
    chord, of = _parse(head), _parse(target)
    values = {name: getattr(chord, name) for name in chord.__dataclass_fields__}
    return RomanNumeral(**{**values, "text": text, "of": of})


def _special(name: str, figure: str, text: str) -> RomanNumeral:
    allowed = {
        "Cad": ("64",),
        "N": ("", "6", "53"),
        "It": ("", "6"),
        "Ger": ("", "65", "6"),
        "Fr": ("", "43", "6"),
    }[name]
    if figure not in allowed:
        raise PlanError(f"{name} must have a figure of {allowed}, got {text!r}")
    if name == "Cad":
        return RomanNumeral(text, 1, 0, "tonic", False, None, False, 2, is_cadential=True)
    if name == "N":
        return RomanNumeral(text, 2, -1, "major", False, None, False, FIGURES[figure][0])
    return RomanNumeral(text, 4, 1, name, False, None, False, 0)
