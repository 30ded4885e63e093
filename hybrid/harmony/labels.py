"""Harmonic labels: a Roman numeral as numbers that do not change under transposition.

A label is a local key and, within it, a `Chord`: the degree that is tonicised, the root above
that degree, the quality and the inversion. Distances are places on the line of fifths, so
that a raised sixth and a flat seventh stay apart.

How the figures of RomanText fall together:

=====================  ==========================================================================
written                counted as
=====================  ==========================================================================
``Cad64``              ``I64`` in major, ``i64`` in minor: root 1, second inversion
``It6``                root +6 (raised fourth degree), ``italian-sixth``, inversion 1
``Ger65 Ger6 Ger7``    root +6, ``german-sixth``; inversion by the bass (``Ger65``: 1)
``Fr43 Fr6``           root +2 (second degree), ``french-sixth``; inversion by the bass (2)
``N6``                 ``bII6``
``V9 V7b9 V742 ...``   the seventh chord below the ninth
``V54 V4``             ``suspended``
``[no3] [add6] ...``   left out: omitted and added tones are not compared
``V7/v``, ``V7/V``     the same: the tonicised degree counts, not its mode
no label               a span before the first numeral is not compared
=====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import MODE_SCALES, Key

#: Tones above the root on the line of fifths, in thirds.
QUALITY_TONES: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 1),
    "minor": (0, -3, 1),
    "diminished": (0, -3, -6),
    "augmented": (0, 4, 8),
    "dominant-seventh": (0, 4, 1, -2),
    "major-seventh": (0, 4, 1, 5),
    "minor-seventh": (0, -3, 1, -2),
    "half-diminished-seventh": (0, -3, -6, -2),
    "diminished-seventh": (0, -3, -6, -9),
    "minor-major-seventh": (0, -3, 1, 5),
    "augmented-seventh": (0, 4, 8, -2),
    "augmented-major-seventh": (0, 4, 8, 5),
    "italian-sixth": (0, -10, -6),
    "german-sixth": (0, -10, -6, -9),
    "french-sixth": (0, 4, -6, -2),
    "suspended": (0, -1, 1),
    "suspended-seventh": (0, -1, 1, -2),
}
QUALITIES = tuple(QUALITY_TONES)
MODES = ("major", "minor")
ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII")
_UPPER = {"major", "augmented", "dominant-seventh", "major-seventh", "augmented-seventh"}
_UPPER |= {"augmented-major-seventh", "suspended", "suspended-seventh"}
_MARKS = {
    "diminished": "o",
    "diminished-seventh": "o",
    "half-diminished-seventh": "ø",
    "augmented": "+",
    "augmented-seventh": "+",
    "augmented-major-seventh": "+",
}
_TRIAD_FIGURES = ("", "6", "64")
_SEVENTH_FIGURES = ("7", "65", "43", "42")
_SIXTHS = {
    "italian-sixth": ("It", ("6", "6", "6")),
    "german-sixth": ("Ger", ("7", "65", "43", "42")),
    "french-sixth": ("Fr", ("7", "65", "43", "42")),
}


@dataclass(frozen=True, order=True)
class Chord:
    """A chord within a key of ``mode``.

    Attributes
    ----------
    mode : int
        Index into `MODES`, of the local key.
    of : int
        The tonicised degree above the tonic, on the line of fifths; 0 for none.
    degree : int
        The root above the tonicised degree, on the line of fifths.
    quality : int
        Index into `QUALITIES`.
    inversion : int
        0..3: which tone of the third-stacked chord is in the bass.
    """

    mode: int
    of: int
    degree: int
    quality: int
    inversion: int

    def __post_init__(self) -> None:
        if not 0 <= self.quality < len(QUALITIES):
            raise ScoreError(
                f"Chord.quality must be in 0..{len(QUALITIES) - 1}, got {self.quality}"
            )
        if not 0 <= self.inversion < len(QUALITY_TONES[QUALITIES[self.quality]]):
            raise ScoreError(
                f"Chord.inversion must name a tone of a {QUALITIES[self.quality]} chord, "
                f"got {self.inversion}"
            )

    @property
    def root(self) -> int:
        """The root above the tonic of the local key, on the line of fifths."""
        return self.of + self.degree

    @property
    def tones(self) -> tuple[int, ...]:
        """Chord tones above the tonic of the local key, root first."""
        return tuple(self.root + tone for tone in QUALITY_TONES[QUALITIES[self.quality]])

    @property
    def bass(self) -> int:
        """The tone in the bass, above the tonic of the local key."""
        return self.tones[self.inversion]

    @property
    def figure(self) -> str:
        """The Roman numeral in RomanText.

        >>> Chord(0, 1, 1, QUALITIES.index("dominant-seventh"), 1).figure
        'V65/V'
        """
        return _figure(self)


def _roman(interval: int, mode: str, is_upper: bool) -> str:
    """Numeral of a root ``interval`` above the tonic, with what alters it."""
    step = (4 * interval) % 7
    scale = list(MODE_SCALES[mode])
    if mode == "minor" and not is_upper:
        # Lower-case vi and vii stand on the raised degrees in minor.
        scale[5], scale[6] = 3, 5
    shift = (interval - scale[step]) // 7
    text = ROMANS[step] if is_upper else ROMANS[step].lower()
    return ("#" * shift if shift > 0 else "b" * -shift) + text


def target_mode(of: int, mode: str) -> str:
    """Mode of a tonicised degree: that of the triad the key has on it, else major."""
    scale = MODE_SCALES[mode]
    step = (4 * of) % 7
    third = scale[(step + 2) % 7] - scale[step]
    return "minor" if scale[step] == of and third == -3 else "major"


@lru_cache(maxsize=8192)
def _figure(chord: Chord) -> str:
    quality = QUALITIES[chord.quality]
    mode = MODES[chord.mode]
    local = target_mode(chord.of, mode) if chord.of else mode
    if quality in _SIXTHS and chord.degree == (2 if quality == "french-sixth" else 6):
        name, figures = _SIXTHS[quality]
        text = name + figures[chord.inversion]
    else:
        # An augmented sixth on another root has no numeral; it is written as what it sounds like.
        if quality in _SIXTHS:
            quality = "dominant-seventh"
        is_upper = quality in _UPPER
        text = _roman(chord.degree, local, is_upper) + _MARKS.get(quality, "")
        if quality == "suspended":
            text += "54"
        else:
            has_seventh = len(QUALITY_TONES[quality]) == 4
            figures = _SEVENTH_FIGURES if has_seventh else _TRIAD_FIGURES
            figure = figures[chord.inversion]
            if has_seventh:
                # The seventh is the last number of a figure.
                figure = figure[:-1] + _seventh_mark(chord, quality, local) + figure[-1]
            text += figure
    if chord.of:
        text += "/" + _roman(chord.of, mode, target_mode(chord.of, mode) == "major")
    return text


def _seventh_mark(chord: Chord, quality: str, mode: str) -> str:
    """What alters a seventh that the scale has otherwise; in the bass it stays unmarked."""
    if quality not in ("dominant-seventh", "minor-major-seventh") or chord.inversion == 3:
        return ""
    scale = MODE_SCALES[mode]
    step = (4 * chord.degree) % 7
    if scale[step] != chord.degree:
        return ""
    written = scale[(step + 6) % 7] - chord.degree
    return {-7: "b", 7: "#"}.get(QUALITY_TONES[quality][3] - written, "")


@dataclass(frozen=True)
class Vocabulary:
    """The chords a model can name.

    Attributes
    ----------
    chords : tuple of Chord
    """

    chords: tuple[Chord, ...]

    def index(self) -> dict[Chord, int]:
        """Place of each chord."""
        return {chord: place for place, chord in enumerate(self.chords)}

    def rows(self) -> list[list[int]]:
        """Plain numbers for a file."""
        return [[c.mode, c.of, c.degree, c.quality, c.inversion] for c in self.chords]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> Vocabulary:
        """The inverse of `rows`."""
        return cls(tuple(Chord(*map(int, row)) for row in rows))


def key_of(tonic: int, mode: int) -> Key:
    """The key of a tonic on the line of fifths and an index into `MODES`."""
    return Key(tonic, MODES[mode])
