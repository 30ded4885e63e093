"""MusicXML <-> Score: plain (.musicxml, .xml) and compressed (.mxl)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from hybrid.core.analysis import Analysis
from hybrid.core.score import Score
from hybrid.io.atomic import write_bytes
from hybrid.io.musicxml_reader import musicxml_to_score, read_musicxml
from hybrid.io.musicxml_writer import score_to_musicxml

__all__ = ["musicxml_to_score", "read_musicxml", "score_to_musicxml", "write_musicxml"]

_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container>
<rootfiles>
<rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>
</rootfiles>
</container>
"""
_MIME = "application/vnd.recordare.musicxml"


def write_musicxml(
    score: Score, path: str | Path, analysis: Analysis | None = None
) -> tuple[str, ...]:
    """Write MusicXML 4.0, whole or not at all; the same score, the same bytes.

    Parameters
    ----------
    score : Score
        Notes that lie on no written place (a performance) are moved to the nearest one.
    path : str or Path
        ``.mxl`` is compressed.
    analysis : Analysis, optional
        Its Roman numerals stand under the last part, its chord symbols over the first.

    Returns
    -------
    tuple of str
        What MusicXML cannot hold, and what was moved, one line for each kind.

    Raises
    ------
    HybridError
        If the system refuses to write.
    """
    text, losses = score_to_musicxml(score, analysis)
    target = Path(path)
    data = text.encode("utf-8")
    write_bytes(target, _compressed(data) if target.suffix.lower() == ".mxl" else data)
    return losses


def _compressed(data: bytes) -> bytes:
    """A compressed MusicXML file; the time in it is the oldest that zip can say."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        # The mimetype comes first and plain, so that programs see it without unpacking.
        for name, body, method in (
            ("mimetype", _MIME.encode(), zipfile.ZIP_STORED),
            ("META-INF/container.xml", _CONTAINER.encode(), zipfile.ZIP_DEFLATED),
            ("score.musicxml", data, zipfile.ZIP_DEFLATED),
        ):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body, method)
    return stream.getvalue()
