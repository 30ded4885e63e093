"""The tables that plans and scores become: their columns, units and vocabularies.

24 ticks a quarter hold thirty-seconds (3), sixteenths (6), eighth triplets (8) and sixteenth
triplets (4) exactly. NumPy and `hybrid.core` are all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import CADENCES
from hybrid.core.pitch import MODE_SCALES
from hybrid.core.plan import TEXTURES, VARIATIONS

TICKS = 24  # per quarter
MAX_TRACKS = 127

# --- Vocabularies: an id is the place in the tuple, 0 says nothing or none -------------------

MODES = tuple(MODE_SCALES)  # 0 major, 1 minor, 2 dorian ...
CADENCE_KINDS = ("none", *CADENCES)  # PAC IAC HC PC DC
QUALITIES = (
    "none",
    "major",
    "minor",
    "diminished",
    "augmented",
    "suspended",
    "dominant-seventh",
    "major-seventh",
    "minor-seventh",
    "minor-major-seventh",
    "half-diminished-seventh",
    "diminished-seventh",
    "augmented-seventh",
    "augmented-major-seventh",
    "suspended-seventh",
    "suspended-major-seventh",
    "italian-sixth",
    "german-sixth",
    "french-sixth",
)
VARIATION_KINDS = ("none", *VARIATIONS)
TEXTURE_KINDS = ("none", *TEXTURES)
#: What a section is for; a role of another name is ``other``.
ROLES = (
    "none",
    "other",
    "intro",
    "verse",
    "prechorus",
    "chorus",
    "bridge",
    "instrumental",
    "outro",
    "exposition",
    "development",
    "recapitulation",
    "coda",
    "refrain",
    "episode",
)

# --- Tables: starts and ends in ticks of 1/24 quarter, ends exclusive ------------------------

#: Onset and duration (1 or more) in 1/24 quarters, MIDI pitch, velocity 1..127, track from 0,
#: and how much later (above 0) or earlier the note was played than it is written, in 1/480
#: quarters; 0 where the source is notation.
NOTE_DTYPE = np.dtype(
    [
        ("onset", np.int32),
        ("duration", np.int32),
        ("pitch", np.int8),
        ("velocity", np.int8),
        ("track", np.int8),
        ("timing", np.int16),
    ]
)
#: A bar; ``is_pickup`` is 1 for an incomplete first one.
BAR_DTYPE = np.dtype(
    [
        ("start", np.int32),
        ("end", np.int32),
        ("numerator", np.int16),
        ("denominator", np.int16),
        ("is_pickup", np.int8),
    ]
)
#: A local key: pitch class of the tonic 0..11, place in `MODES`.
KEY_DTYPE = np.dtype(
    [("start", np.int32), ("end", np.int32), ("tonic", np.int8), ("mode", np.int8)]
)
#: A chord: pitch classes of root and bass 0..11 (-1: none), bit p of ``mask`` set where pitch
#: class p belongs to it, place in `QUALITIES`. Spans without a chord have mask 0.
CHORD_DTYPE = np.dtype(
    [
        ("start", np.int32),
        ("end", np.int32),
        ("root", np.int8),
        ("bass", np.int8),
        ("mask", np.int16),
        ("quality", np.int8),
    ]
)
#: A cadence: onset of its last chord, place in `CADENCE_KINDS` (never 0).
CADENCE_DTYPE = np.dtype([("tick", np.int32), ("kind", np.int8)])
#: A phrase: its cadence (`CADENCE_KINDS`), the dynamic mark's velocity (`DYNAMICS`; 0: none),
#: place in `TEXTURE_KINDS`, register in semitones (`REGISTERS`), quarters a minute (0: none).
PHRASE_DTYPE = np.dtype(
    [
        ("start", np.int32),
        ("end", np.int32),
        ("cadence", np.int8),
        ("dynamics", np.int8),
        ("texture", np.int8),
        ("register", np.int8),
        ("tempo", np.float32),
    ]
)
#: A labelled span. ``label`` counts the piece's labels in order of appearance from 0;
#: ``occurrence`` counts this label's from 0; ``reference`` is the start of its first span, -1
#: where this is the first; ``variation`` is a place in `VARIATION_KINDS`, ``role`` in `ROLES`.
LABEL_DTYPE = np.dtype(
    [
        ("start", np.int32),
        ("end", np.int32),
        ("label", np.int16),
        ("occurrence", np.int16),
        ("reference", np.int32),
        ("variation", np.int8),
        ("role", np.int8),
    ]
)

#: The tables of `PlanArrays` and their dtypes, in the order of the fields.
PLAN_TABLES: dict[str, np.dtype[Any]] = {
    "bars": BAR_DTYPE,
    "keys": KEY_DTYPE,
    "chords": CHORD_DTYPE,
    "cadences": CADENCE_DTYPE,
    "phrases": PHRASE_DTYPE,
    "sections": LABEL_DTYPE,
    "themes": LABEL_DTYPE,
}


@dataclass(frozen=True, eq=False)
class PlanArrays:
    """A plan on ticks of 1/24 quarter; a pickup comes first, so bar 1 starts at its length.

    Attributes
    ----------
    length : int
        Ticks of the whole piece.
    bars : np.ndarray, shape (n_bars,), `BAR_DTYPE`
    keys : np.ndarray, shape (n_keys,), `KEY_DTYPE`
        Contiguous; equal neighbours joined; the first also holds for the pickup.
    chords : np.ndarray, shape (n_chords,), `CHORD_DTYPE`
        Ascending; nothing in a pickup, which no plan gives a chord.
    cadences : np.ndarray, shape (n_cadences,), `CADENCE_DTYPE`
    phrases : np.ndarray, shape (n_phrases,), `PHRASE_DTYPE`
        Contiguous from 0 to ``length``.
    sections, themes : np.ndarray, `LABEL_DTYPE`
        Section labels, and theme labels of phrases; contiguous where every phrase has one.

    All arrays are read-only and ascend by their first field.
    """

    length: int
    bars: NDArray[Any]
    keys: NDArray[Any]
    chords: NDArray[Any]
    cadences: NDArray[Any]
    phrases: NDArray[Any]
    sections: NDArray[Any]
    themes: NDArray[Any]

    def __post_init__(self) -> None:
        for name, dtype in PLAN_TABLES.items():
            object.__setattr__(self, name, table(getattr(self, name), dtype))


@dataclass(frozen=True, eq=False)
class ScoreArrays:
    """A score on ticks of 1/24 quarter.

    Attributes
    ----------
    length : int
        Ticks of the whole piece; the last bar may reach beyond.
    notes : np.ndarray, shape (n_notes,), `NOTE_DTYPE`
        Sorted by onset, track, pitch, duration.
    bars : np.ndarray, shape (n_bars,), `BAR_DTYPE`
    n_moved : int
        Notes whose onset or end lay off the grid.
    n_merged : int
        Notes dropped because another of the same track, onset and pitch stands there.
    """

    length: int
    notes: NDArray[Any]
    bars: NDArray[Any]
    n_moved: int = 0
    n_merged: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", table(self.notes, NOTE_DTYPE))
        object.__setattr__(self, "bars", table(self.bars, BAR_DTYPE))


@dataclass(frozen=True)
class PhraseMark:
    """Where a phrase of a corpus' piece really ends, which a plan of whole bars cannot say.

    Attributes
    ----------
    end : Fraction
        Quarters from the piece's start, pickup included.
    cadence : str
        One of `CADENCE_KINDS`.
    onset : Fraction or None
        Of the cadence's last chord; None without a cadence.
    """

    end: Fraction
    cadence: str = "none"
    onset: Fraction | None = None


def table(rows: Iterable[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A read-only structured array of rows (tuples in the order of the fields)."""
    if isinstance(rows, np.ndarray) and rows.dtype == dtype:
        made = rows if rows.base is None and not rows.flags.writeable else rows.copy()
    else:
        made = np.array([tuple(row) for row in rows], dtype=dtype)
    made.flags.writeable = False
    return made


def to_grid(ticks: NDArray[Any], ticks_per_quarter: int) -> NDArray[np.int64]:
    """The nearest 1/24 quarter of each tick; halves go up.

    >>> to_grid(np.array([0, 480, 160, 30]), 480).tolist()
    [0, 24, 8, 2]
    """
    values = np.asarray(ticks, dtype=np.int64)
    result: NDArray[np.int64] = (2 * TICKS * values + ticks_per_quarter) // (2 * ticks_per_quarter)
    return result


def quarters_to_grid(quarters: Fraction) -> int:
    """The nearest 1/24 quarter; halves go up."""
    return int((2 * TICKS * quarters + 1) // 2)
