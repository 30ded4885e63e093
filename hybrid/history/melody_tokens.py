"""One-part melodies as tokens on a grid of sixteenths: a pitch begins, holds, or ends.

    0            nothing begins or ends: what sounded, or was silent, goes on
    1            the note ends, silence begins
    2 .. 38      a note begins, of MIDI pitch token + 50 (52 E3 .. 88 E6)

This is MusicVAE's alphabet of melodies (128 pitches, note off, no event) with the range that the
training melodies use.

References
----------
Roberts, A., Engel, J., Raffel, C., Hawthorne, C., & Eck, D. (2018). A hierarchical latent vector
model for learning long-term structure in music. ICML. arXiv:1803.05428.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, HybridError
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.melodies import Melody, load_held_out, load_melodies, read_notes
from hybrid.history.words import note_name

#: (T,) of tokens.
Tokens = NDArray[np.int64]

HOLD, REST, FIRST = 0, 1, 2
LOW, HIGH = 52, 88
N_TOKENS = FIRST + HIGH - LOW + 1
SIXTEENTH = TICKS_PER_QUARTER // 4
PER_BAR = 16
#: How well each pitch class, C first, fits C major, and A minor (Krumhansl & Kessler).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17, 6.33, 2.68, 3.52)
#: Melodies are moved to about this pitch on the average.
MIDDLE = 67


def encode(notes: Iterable[tuple[int, int, int]], n_steps: int) -> Tokens:
    """Tokens of notes (onset, length, MIDI pitch), in sixteenths.

    Of notes that begin together the highest is taken; a new note ends the one before.

    Raises
    ------
    ConfigError
        If a pitch is outside ``LOW..HIGH``.
    """
    tokens = np.zeros(n_steps, dtype=np.int64)
    end = 0
    highest: dict[int, tuple[int, int]] = {}
    for onset, length, pitch in notes:
        if not LOW <= pitch <= HIGH:
            raise ConfigError(f"a melody's pitch must be in {LOW}..{HIGH}, got {pitch}")
        if 0 <= onset < n_steps and pitch > highest.get(onset, (0, 0))[0]:
            highest[onset] = (pitch, length)
    for onset, (pitch, length) in sorted(highest.items()):
        if end < onset and end > 0:
            tokens[end] = REST
        tokens[onset] = FIRST + pitch - LOW
        end = onset + max(1, length)
    if 0 < end < n_steps:
        tokens[end] = REST
    return tokens


def decode(tokens: Sequence[int] | Tokens) -> list[tuple[int, int, int]]:
    """Notes (onset, length, MIDI pitch), in sixteenths; the inverse of `encode`."""
    notes: list[tuple[int, int, int]] = []
    start, pitch = 0, -1
    for step, token in enumerate([*map(int, tokens), REST]):
        if token == HOLD:
            continue
        if pitch >= 0:
            notes.append((start, step - start, pitch))
        start, pitch = step, token - FIRST + LOW if token >= FIRST else -1
    return notes


def token_name(token: int) -> str:
    """``hold``, ``rest`` or a note's name."""
    if token < FIRST:
        return ("hold", "rest")[token]
    return note_name(token - FIRST + LOW)


def in_c(notes: Sequence[tuple[int, int, int]]) -> int:
    """Semitones by which to move notes (onset, length, pitch) to C major or A minor.

    The interval with which the pitch classes, by their lengths, are likest the key's profile; of
    those that come within a hundredth, the smallest. Then by octaves towards `MIDDLE`, as far as
    the range allows.

    References
    ----------
    Krumhansl, C. L., & Kessler, E. J. (1982). Tracing the dynamic changes in perceived tonal
    organization. Psychological Review 89, 334-368. (the profiles)
    """
    heard = np.zeros(12)
    for _, length, pitch in notes:
        heard[pitch % 12] += length
    moves = sorted(range(-6, 6), key=abs)
    fits = []
    for by in moves:
        moved = np.roll(heard, by)
        fits.append(max(np.corrcoef(moved, profile)[0, 1] for profile in (MAJOR, MINOR)))
    best = next(by for by, fit in zip(moves, fits, strict=True) if fit > max(fits) - 0.01)
    pitches = [pitch + best for _, _, pitch in notes]
    mean = float(np.average(pitches, weights=[length for _, length, _ in notes]))
    octave = 12 * round((MIDDLE - mean) / 12)
    while octave > 0 and max(pitches) + octave > HIGH:
        octave -= 12
    while octave < 0 and min(pitches) + octave < LOW:
        octave += 12
    return best + octave


def windows(tokens: Tokens, bars: int, hop: int = 1) -> list[Tokens]:
    """Pieces of so many bars that have a note in every two bars, from every ``hop``-th bar."""
    size = bars * PER_BAR
    found = []
    for start in range(0, len(tokens) - size + 1, hop * PER_BAR):
        piece = tokens[start : start + size]
        if ((piece.reshape(-1, 2 * PER_BAR) >= FIRST).sum(axis=1) >= 2).all():
            found.append(piece)
    return found


def melody_tokens(melody: Melody) -> Tokens:
    """Tokens of one of the package's tunes, whole; these are in C already."""
    notes, now = [], 0
    for pitch, ticks in melody.notes:
        notes.append((now // SIXTEENTH, ticks // SIXTEENTH, pitch))
        now += ticks
    return encode(notes, now // SIXTEENTH)


def held_out_pieces(bars: int) -> Tokens:
    """(B, T): pieces of so many bars of the package's tunes, which no network was trained on.

    Those of `load_melodies` and of `load_held_out`, cut without overlap.
    """
    tunes = [*load_melodies().values(), *load_held_out().values()]
    return np.stack([piece for tune in tunes for piece in windows(melody_tokens(tune), bars, bars)])


def read_tune(text: str, what: str = "tune") -> Melody:
    """A tune by its name in `hybrid.history.melodies`, or written out: ``C4/4 D4/4 E4/2``.

    ``what`` is the setting's name, for messages.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    tunes = load_melodies() | load_held_out()
    if text in tunes:
        return tunes[text]
    if "/" not in text:
        raise ConfigError(f"{what} must be notes or one of {', '.join(tunes)}, got {text!r}")
    try:
        return Melody("own", "Your tune", read_notes(text))
    except HybridError as error:
        raise ConfigError(f"{what} must be bars of notes, got {text!r}: {error}") from None


__all__ = [
    "FIRST",
    "HIGH",
    "HOLD",
    "LOW",
    "N_TOKENS",
    "PER_BAR",
    "REST",
    "SIXTEENTH",
    "Tokens",
    "decode",
    "encode",
    "held_out_pieces",
    "in_c",
    "melody_tokens",
    "read_tune",
    "token_name",
    "windows",
]
