"""What chords do in keys: counts from analysed scores, as logarithms of probabilities.

``habits.toml``, written by ``benchmarks/chord_habits.py``, has for each mode the chords
that were met often enough, how often each follows each, which scale degrees sound in it
and in the bass, and how keys follow keys. Nothing else in the finder of chords is learned.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class

MODES = ("major", "minor")
#: Qualities of the finder: those of `hybrid.theory.chords`, the French sixth, and the
#: cadential six-four, which sounds like a tonic and behaves like a dominant.
SHAPES: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant-seventh": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11),
    "minor-seventh": (0, 3, 7, 10),
    "half-diminished-seventh": (0, 3, 6, 10),
    "diminished-seventh": (0, 3, 6, 9),
    "french-sixth": (0, 4, 6, 10),
    "cadential": (0, 4, 7),
}
SHAPE_NAMES = tuple(SHAPES)
TEMPLATE_WEIGHT = 20.0  # frames that a chord's plain shape counts for beside the counted ones
FOLLOW_WEIGHT = 80.0  # changes that a chord's general frequency counts for


@dataclass(frozen=True, eq=False)
class Habits:
    """Logarithms of probabilities in one mode; R chords.

    Attributes
    ----------
    numerals : tuple of str
        Roots in root position.
    root : np.ndarray, shape (R,), int64
        Semitones above the tonic.
    shape : np.ndarray, shape (R,), int64
        Index into `SHAPE_NAMES`.
    start : np.ndarray, shape (R,)
        Of a chord, whatever came before.
    follow : np.ndarray, shape (R, R)
        Of the next chord given this one.
    degrees, bass : np.ndarray, shape (R, 12)
        Of the semitones above the tonic that sound, and that the bass has.
    """

    numerals: tuple[str, ...]
    root: NDArray[np.int64]
    shape: NDArray[np.int64]
    start: NDArray[np.float64]
    follow: NDArray[np.float64]
    degrees: NDArray[np.float64]
    bass: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KeyHabits:
    """How keys and chords change.

    Attributes
    ----------
    change : np.ndarray, shape (4, 3)
        Probability that a chord starts in a frame of accent 0..3 in which nothing starts,
        notes start, or another lowest note starts.
    modulation : float
        Probability that a change of chord is one of key.
    to : np.ndarray, shape (2, 2, 12)
        Log probability of a new key: old mode, new mode, semitones up.
    signature : np.ndarray, shape (2, 12)
        Log probability of a key given the written signature: mode, semitones above the
        tonic of the signature's major key.
    """

    change: NDArray[np.float64]
    modulation: float
    to: NDArray[np.float64]
    signature: NDArray[np.float64]


@lru_cache(maxsize=1)
def load_habits() -> tuple[dict[str, Habits], KeyHabits]:
    """The shipped habits of both modes, and those of keys."""
    text = (resources.files("hybrid.theory.extract") / "habits.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    modes = {mode: _read_mode(values[mode], mode) for mode in MODES}
    keys = values["keys"]
    to = np.array([[keys[f"{old}_to_{new}"] for new in MODES] for old in MODES], dtype=np.float64)
    to += 0.5
    to[0, 0, 0] = to[1, 1, 0] = 1e-9  # the same key is no new key
    signature = np.array([keys[f"signature_{mode}"] for mode in MODES], dtype=np.float64) + 1.0
    frames, starts = np.array(keys["frames"]), np.array(keys["changes"])
    change = (starts + 1.0) / (frames + 10.0)
    return modes, KeyHabits(
        change=change,
        modulation=keys["modulations"] / starts.sum(),
        to=np.log(to / to.sum(axis=(1, 2), keepdims=True)),
        signature=np.log(signature / signature.sum()),
    )


def numeral_place(numeral: str, mode: str) -> tuple[int, str]:
    """Semitones above the tonic, and shape, of a numeral in root position.

    >>> numeral_place("V7/V", "major")
    (2, 'dominant-seventh')
    """
    key = Key(0, mode)
    roman = RomanNumeral.parse(numeral)
    if roman.is_cadential:
        return 0, "cadential"
    if roman.triad == "Fr":
        return 8, "french-sixth"
    if roman.triad in ("Ger", "It"):
        return 8, "dominant-seventh"
    return pitch_class(roman.root(key)), roman.quality(key)


def _read_mode(values: dict[str, dict[str, str]], mode: str) -> Habits:
    numerals = tuple(values["degrees"])
    places = [numeral_place(numeral, mode) for numeral in numerals]
    n_chords = len(numerals)
    at = {numeral: index for index, numeral in enumerate(numerals)}
    pairs = np.zeros((n_chords, n_chords))
    for numeral, line in values["follow"].items():
        words = line.split()
        for name, count in zip(words[::2], words[1::2], strict=True):
            pairs[at[numeral], at[name]] = float(count)
    total = pairs.sum(axis=0) + 1.0
    share = total / total.sum()
    follow = pairs + FOLLOW_WEIGHT * share
    np.fill_diagonal(follow, 1e-6)
    degrees = np.array(
        [[float(word) for word in line.split()] for line in values["degrees"].values()]
    )
    bass = np.array([[float(values["bass"][n].split()[d]) for d in range(12)] for n in numerals])
    general = degrees.sum(axis=0) + 1.0
    general /= general.sum()
    for index, (root, shape) in enumerate(places):
        tones = [(root + above) % 12 for above in SHAPES[shape]]
        template = 0.12 * general
        template[tones] += 0.88 / len(tones)
        degrees[index] += TEMPLATE_WEIGHT * template
        # The root is the commonest bass, the rest share what is left.
        low = 0.1 * general
        low[tones] += 0.4 / (len(tones) - 1)
        low[tones[0]] += 0.5 - 0.4 / (len(tones) - 1)
        bass[index] += TEMPLATE_WEIGHT / 4 * low
    return Habits(
        numerals,
        np.array([root for root, _ in places]),
        np.array([SHAPE_NAMES.index(shape) for _, shape in places]),
        np.log(share),
        np.log(follow / follow.sum(axis=1, keepdims=True)),
        np.log(degrees / degrees.sum(axis=1, keepdims=True)),
        np.log(bass / bass.sum(axis=1, keepdims=True)),
    )
