"""ABC notation <-> Score."""

from __future__ import annotations

from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.abc_reader import abc_to_score, read_abc
from hybrid.io.abc_writer import score_to_abc
from hybrid.io.atomic import write_text

__all__ = ["abc_to_score", "read_abc", "score_to_abc", "write_abc"]


def write_abc(score: Score, path: str | Path) -> tuple[str, ...]:
    """Write ABC notation, whole or not at all; the same score, the same bytes.

    Returns
    -------
    tuple of str
        What ABC cannot hold, and what was moved, one line for each kind.

    Raises
    ------
    FormatError
        If the score has no tracks.
    HybridError
        If the system refuses to write.
    """
    if not score.tracks:
        raise FormatError("an ABC tune must have a voice: the score has no tracks")
    text, losses = score_to_abc(score)
    write_text(path, text)
    return losses
