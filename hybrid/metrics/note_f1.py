"""How many notes of a transcription are right, counted by mir_eval.

A note is right if its onset lies within 50 ms of one of the reference of its pitch, each counted
once; with ends, its end must lie within 50 ms or a fifth of the note's length too.

References
----------
Raffel, C., et al. (2014). mir_eval: a transparent implementation of common MIR metrics. ISMIR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError

ONSET_SECONDS, PITCH_CENTS = 0.05, 50.0
END_SHARE, END_SECONDS = 0.2, 0.05


@dataclass(frozen=True)
class NoteScores:
    """Counts over one or many recordings, and what follows from them.

    Attributes
    ----------
    n_reference, n_estimate : int
        Notes.
    n_right, n_right_with_ends : int
    """

    n_reference: int = 0
    n_estimate: int = 0
    n_right: int = 0
    n_right_with_ends: int = 0

    @property
    def precision(self) -> float:
        """Share of the estimate's notes that are right; nan without notes."""
        return self.n_right / self.n_estimate if self.n_estimate else float("nan")

    @property
    def recall(self) -> float:
        """Share of the reference's notes that are found; nan without notes."""
        return self.n_right / self.n_reference if self.n_reference else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; nan where neither has notes."""
        return _f1(self.n_right, self.n_reference + self.n_estimate)

    @property
    def f1_with_ends(self) -> float:
        """The same where ends count too."""
        return _f1(self.n_right_with_ends, self.n_reference + self.n_estimate)

    def __add__(self, other: NoteScores) -> NoteScores:
        return NoteScores(
            *(mine + yours for mine, yours in zip(self._counts(), other._counts(), strict=True))
        )

    def _counts(self) -> tuple[int, ...]:
        return tuple(asdict(self).values())

    def to_dict(self) -> dict[str, float | None]:
        """Plain values for JSON; what is not a number is None."""
        found: dict[str, float | None] = dict(asdict(self))
        for name in ("precision", "recall", "f1", "f1_with_ends"):
            value = getattr(self, name)
            found[name] = None if value != value else round(value, 4)
        return found


def _f1(n_right: int, n_both: int) -> float:
    return 2 * n_right / n_both if n_both else float("nan")


def total(scores: Iterable[NoteScores]) -> NoteScores:
    """All counts added up: every note counts once."""
    return sum(scores, NoteScores())


def note_scores(reference: NDArray[Any], estimate: NDArray[Any]) -> NoteScores:
    """Compare notes.

    Parameters
    ----------
    reference, estimate : np.ndarray, structured
        With fields ``onset`` and ``end`` in seconds, and ``pitch``, 0..127.

    Raises
    ------
    ConfigError
        If mir_eval is missing, or a note ends before it begins.
    """
    try:
        from mir_eval import transcription
    except ImportError as error:
        raise ConfigError("note F1 must have the package mir_eval, got none") from error

    sides = []
    for name, notes in (("reference", reference), ("estimate", estimate)):
        intervals = np.stack([notes["onset"], notes["end"]], axis=1).astype(np.float64)
        if len(intervals) and (intervals[:, 1] < intervals[:, 0]).any():
            raise ConfigError(
                f"notes of the {name} must end after they begin, got one that does not"
            )
        hertz = 440.0 * 2.0 ** ((notes["pitch"].astype(np.float64) - 69) / 12)
        sides += [intervals, hertz]
    if not len(reference) or not len(estimate):
        return NoteScores(len(reference), len(estimate))
    counts = [
        len(
            transcription.match_notes(
                *sides,
                onset_tolerance=ONSET_SECONDS,
                pitch_tolerance=PITCH_CENTS,
                offset_ratio=share,
                offset_min_tolerance=END_SECONDS,
            )
        )
        for share in (None, END_SHARE)
    ]
    return NoteScores(len(reference), len(estimate), *counts)
