"""Humdrum **kern <-> Score."""

from __future__ import annotations

from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.atomic import write_text
from hybrid.io.kern_reader import kern_to_score, read_kern
from hybrid.io.kern_writer import score_to_kern

__all__ = ["kern_to_score", "read_kern", "score_to_kern", "write_kern"]


def write_kern(score: Score, path: str | Path) -> tuple[str, ...]:
    """Write Humdrum **kern, whole or not at all; the same score, the same bytes.

    Returns
    -------
    tuple of str
        What kern cannot hold, and what was moved, one line for each kind.

    Raises
    ------
    FormatError
        If the score has no tracks.
    HybridError
        If the system refuses to write.
    """
    if not score.tracks:
        raise FormatError("a kern file must have a spine: the score has no tracks")
    text, losses = score_to_kern(score)
    write_text(path, text)
    return losses
