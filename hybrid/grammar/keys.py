"""Keys as temporal grammars hand them down: a spelled tonic, a mode, and the key of a degree.

References
----------
Temperley, D. (2000). The line of fifths. Music Analysis 19(3), 289-319.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hybrid.core.errors import GrammarError

# Line of fifths, C = 0, G = 1, F = -1; a sharp adds 7.
_LETTERS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_MODES = ("major", "minor")
# Fifths above the tonic, and the mode of the key whose tonic triad is the degree's diatonic
# triad. VII of major and II of minor are diminished: as keys they are minor.
_DEGREES: dict[str, dict[str, tuple[int, str]]] = {
    "major": {
        "I": (0, "major"),
        "II": (2, "minor"),
        "III": (4, "minor"),
        "IV": (-1, "major"),
        "V": (1, "major"),
        "VI": (3, "minor"),
        "VII": (5, "minor"),
    },
    "minor": {
        "I": (0, "minor"),
        "II": (2, "minor"),
        "III": (-3, "major"),
        "IV": (-1, "minor"),
        "V": (1, "minor"),
        "VI": (-4, "major"),
        "VII": (-2, "major"),
    },
}
_DEGREE = re.compile(r"(?P<accidental>[b#♭♯]?)(?P<numeral>[IVX]+|[ivx]+)(?P<mode>[Mm]?)")
_KEY = re.compile(
    r"(?P<letter>[A-Ga-g])(?P<accidentals>(?:#+|b+|♯+|♭+)?)(?:[ :]?(?P<mode>[A-Za-z]+))?"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key.

    Attributes
    ----------
    fifths : int
        The tonic on the line of fifths, C = 0, G = 1, E flat = -3.
    mode : str
        ``"major"`` or ``"minor"``.

    Raises
    ------
    GrammarError
        If the mode is another.
    """

    fifths: int = 0
    mode: str = "major"

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise GrammarError(f"mode must be one of {', '.join(_MODES)}, got {self.mode!r}")

    @property
    def tonic(self) -> str:
        """The tonic's name, such as ``"Eb"`` or ``"F#"``."""
        sharps, place = divmod(self.fifths + 1, 7)
        letter = "FCGDAEB"[place]
        return letter + ("#" * sharps if sharps > 0 else "b" * -sharps)

    @property
    def pitch_class(self) -> int:
        """The tonic's pitch class, 0 = C."""
        return self.fifths * 7 % 12

    def degree(self, degree: str) -> Key:
        """The key whose tonic is a degree of this one.

        ``VI`` of C major is A minor: upper case takes the mode of the diatonic triad on that
        degree (minor for the two diminished ones). Lower case (``iv``) and a final ``m`` ask for
        minor, a final ``M`` for major, and an altered degree (``bII``) is major unless it says
        otherwise.

        Raises
        ------
        GrammarError
            If ``degree`` is no Roman numeral from I to VII.

        Examples
        --------
        >>> str(Key().degree("VI")), str(Key().degree("iv")), str(Key().degree("bVI"))
        ('A minor', 'F minor', 'Ab major')
        """
        match = _DEGREE.fullmatch(degree)
        numeral = match["numeral"].upper() if match else ""
        if match is None or numeral not in _DEGREES[self.mode]:
            raise GrammarError(f"degree must be a Roman numeral from I to VII, got {degree!r}")
        # An accidental alters the degree of the major scale, as in bIII or #iv.
        scale = "major" if match["accidental"] else self.mode
        fifths, mode = _DEGREES[scale][numeral]
        if match["accidental"]:
            fifths += 7 if match["accidental"] in "#♯" else -7
            mode = "major"
        if match["numeral"].islower() or match["mode"] == "m":
            mode = "minor"
        elif match["mode"] == "M":
            mode = "major"
        return Key(self.fifths + fifths, mode)

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"


def read_key(text: str) -> Key:
    """Read ``"C major"``, ``"a minor"``, ``"F# minor"``, ``"Eb"`` (major), ``"g"`` (minor).

    Raises
    ------
    GrammarError
        If it is none of these.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise GrammarError(f"key must read like 'Eb major' or 'f# minor', got {text!r}")
    mode = match["mode"]
    if mode is None:
        mode = "minor" if match["letter"].islower() else "major"
    elif mode not in ("M", "m"):
        mode = {"maj": "major", "min": "minor"}.get(mode.lower(), mode.lower())
    else:
        mode = "major" if mode == "M" else "minor"
    accidentals = match["accidentals"]
    alteration = len(accidentals) * (7 if accidentals[:1] in ("#", "♯") else -7)
    return Key(_LETTERS[match["letter"].upper()] + alteration, mode)
