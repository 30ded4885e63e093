"""The key of a degree, which temporal and form grammars hand down (``VI -> I@VI``)."""

from __future__ import annotations

import re

from hybrid.core.errors import GrammarError, ScoreError
from hybrid.core.pitch import MODE_FIFTHS, MODE_SCALES, Key

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
MAX_ACCIDENTALS = 15  # of a key's signature, as `hybrid.core.pitch.Key` allows

_DEGREE = re.compile(r"(?P<accidental>[b#♭♯]?)(?P<numeral>[IVX]+|[ivx]+)(?P<mode>[Mm]?)")


def read_key(text: str) -> Key:
    """Read a key such as ``"Eb major"`` or ``"g"``.

    Raises
    ------
    GrammarError
        If it is none.
    """
    try:
        return Key.parse(text)
    except ScoreError:
        raise GrammarError(f"key must read like 'Eb major' or 'g', got {text!r}") from None


def degree_key(key: Key, degree: str) -> Key:
    """The key whose tonic is a degree of a key.

    ``VI`` of C major is A minor: upper case takes the mode of the diatonic triad on that degree
    (minor where it is diminished). Lower case (``iv``) and a final ``m`` ask for minor, a final
    ``M`` for major, and an altered degree (``bII``, counted from the major scale) is major unless
    it says otherwise. A key of more than 15 sharps or flats is respelled.

    Raises
    ------
    GrammarError
        If ``degree`` is no Roman numeral from I to VII.

    Examples
    --------
    >>> [degree_key(Key.parse("C"), degree).name for degree in ("VI", "iv", "bVI")]
    ['A minor', 'F minor', 'Ab major']
    """
    match = _DEGREE.fullmatch(degree)
    numeral = match["numeral"].upper() if match else ""
    if match is None or numeral not in NUMERALS:
        raise GrammarError(f"degree must be a Roman numeral from I to VII, got {degree!r}")
    place = NUMERALS.index(numeral)
    scale = MODE_SCALES["major" if match["accidental"] else key.mode]
    tonic = key.tonic + scale[place]
    has_minor_third = scale[(place + 2) % 7] - scale[place] == -3
    if match["accidental"]:
        tonic += 7 if match["accidental"] in "#♯" else -7
        has_minor_third = False
    asks_minor = match["numeral"].islower() or match["mode"] == "m"
    mode = "minor" if asks_minor or (has_minor_third and match["mode"] != "M") else "major"
    signature = tonic + MODE_FIFTHS[mode]
    if abs(signature) > MAX_ACCIDENTALS:
        tonic -= 12 if signature > 0 else -12
    return Key(tonic, mode)
