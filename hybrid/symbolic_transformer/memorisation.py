"""How much of a piece stands in the pieces that the note model was trained on.

Beside the weights lies a file of hashed patterns for each style: eight notes of a voice with
their rhythm, in any key, of every piece of the split ``train`` (`hybrid.metrics.copying`). Each
also holds what the pieces of the split ``test`` of that style have in common with the training
pieces, because much of music is common stock. ``python -m tools.training_patterns`` makes them.

Chorales keep all patterns. Quartets and songs keep one of `KEEP`: their shares are estimates,
and their runs are measured between patterns that were kept, so they are short by some notes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER, Score, Track, make_notes
from hybrid.metrics.copying import CopyIndex
from hybrid.symbolic_transformer.corpus import CorpusPiece
from hybrid.symbolic_transformer.event_weights import WeightsInfo
from hybrid.symbolic_transformer.tables import TICKS, ScoreArrays

STYLES = ("chorale", "quartet", "pop")
#: Of how many patterns one is kept.
KEEP = {"chorale": 1, "quartet": 4, "pop": 4}
#: Of the weights that ship; the patterns lie beside them.
FOLDER = Path(__file__).parent / "weights"
WEIGHTS = "notes.safetensors"
#: The kind of pattern of `hybrid.metrics.patterns`.
KIND = "notes"


def index_path(style: str) -> Path:
    """Where a style's file lies."""
    return FOLDER / f"patterns-{style}.npz"


def build_index(style: str, pieces: Iterable[CorpusPiece]) -> CopyIndex:
    """Hash the patterns of the training pieces, and look the test pieces up in them.

    Parameters
    ----------
    style : str
        One of `STYLES`.
    pieces : iterable of CorpusPiece
        Of this style.

    Raises
    ------
    ConfigError
        If the style is unknown, or the pieces of a split are missing.
    """
    if style not in KEEP:
        raise ConfigError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
    whole = tuple(pieces)
    splits = {
        split: [(piece.name, score_of(piece.score)) for piece in whole if piece.split == split]
        for split in ("train", "test")
    }
    index = CopyIndex.build(style, splits["train"], keep=KEEP[style], kinds=(KIND,))
    return index.with_reference(score for _, score in splits["test"])


def score_of(arrays: ScoreArrays) -> Score:
    """A training piece as a score with the tracks that it has; written times only."""
    unit = TICKS_PER_QUARTER // TICKS
    tracks = []
    for number in sorted(set(arrays.notes["track"].tolist())):
        own = arrays.notes[arrays.notes["track"] == number]
        rows = zip(
            (own["onset"].astype(int) * unit).tolist(),
            (own["duration"].astype(int) * unit).tolist(),
            own["pitch"].tolist(),
            strict=True,
        )
        tracks.append(Track(f"track {number}", make_notes(list(rows))))
    return Score(tuple(tracks), ticks_per_quarter=TICKS_PER_QUARTER)


def is_shipped(info: WeightsInfo | None) -> bool:
    """Whether weights are those that ship: other ones may have been trained on other pieces."""
    return info is not None and info.sha256 == _shipped_hash()


@lru_cache(maxsize=1)
def _shipped_hash() -> str:
    return hashlib.sha256((FOLDER / WEIGHTS).read_bytes()).hexdigest()


@lru_cache(maxsize=len(STYLES))
def shipped_index(style: str) -> CopyIndex:
    """The index of a style that ships.

    Raises
    ------
    FormatError
        If the file is missing or another one.
    """
    return CopyIndex.load(index_path(style))


def look_up(
    score: Score, style: str, quarters: tuple[float, float] | None = None
) -> dict[str, Any]:
    """What a score has in common with the training pieces of each style.

    Parameters
    ----------
    score : Score
        With notes.
    style : str
        The style that it was written in, whose held-out pieces it is to be held against.
    quarters : (float, float), optional
        Only patterns with a note between these times.

    Returns
    -------
    dict
        Plain values: ``pattern``; ``style``; ``training``, for each style the number of pieces,
        and of the score the patterns looked up, the share of them (0..1) that stand in those
        pieces, and the longest run in notes and quarters, where it begins, and in which piece it
        is; ``held_out``, mean, median, 95th percentile and maximum of share and run over the
        test pieces of ``style``.
    """
    training: dict[str, Any] = {}
    for name in STYLES:
        index = shipped_index(name)
        found = index.measure(score, quarters)[KIND]
        training[name] = {
            "pieces": len(index.sources),
            "kept": f"1 of {index.keep}",
            "patterns": found.n_patterns,
            "share": round(found.share, 4),
            "longest_run": found.longest,
            "longest_quarters": round(found.longest_quarters, 3),
            "at_quarter": round(found.at_quarter, 3),
            "piece": found.source,
        }
    reference = shipped_index(style).reference
    return {
        "pattern": "8 notes of a voice with their rhythm, in any key",
        "style": style,
        "training": training,
        "held_out": {
            "pieces": reference["pieces"],
            "share": reference[KIND]["share"],
            "longest_run": reference[KIND]["longest"],
            "longest_quarters": reference[KIND]["longest_quarters"],
        },
    }


def in_words(found: Mapping[str, Any]) -> str:
    """One line of what `look_up` found in the score's own style.

    Examples
    --------
    >>> own = {"share": 0.125, "longest_run": 11, "piece": "corpus/7"}
    >>> reference = {"share": {"mean": 0.1, "max": 0.31}, "longest_run": {"mean": 12.4}}
    >>> in_words({"style": "pop", "training": {"pop": own}, "held_out": reference})
    '12% of the eight-note patterns stand in training pieces, longest run 11 notes (corpus/7); ...
    """
    own, real = found["training"][found["style"]], found["held_out"]
    run = f"longest run {own['longest_run']} notes ({own['piece']})"
    return (
        f"{own['share']:.0%} of the eight-note patterns stand in training pieces"
        f"{', ' + run if own['longest_run'] else ''}; held-out {found['style']} pieces: "
        f"{real['share']['mean']:.0%} (at most {real['share']['max']:.0%}), "
        f"{real['longest_run']['mean']:.0f} notes"
    )


__all__ = [
    "KEEP",
    "STYLES",
    "build_index",
    "in_words",
    "index_path",
    "is_shipped",
    "look_up",
    "score_of",
    "shipped_index",
]
