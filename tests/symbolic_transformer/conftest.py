"""Corpora of two or three tiny pieces, in folders as `hybrid corpora fetch` leaves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hybrid.io.atomic import FILE_LIST

Corpora = Callable[[Mapping[str, Mapping[str, bytes | str]]], Path]


@pytest.fixture
def corpora(tmp_path: Path) -> Corpora:
    """Writes {corpus: {path: content}} and gives the folder that holds the corpora."""

    def write(content: Mapping[str, Mapping[str, bytes | str]]) -> Path:
        top = tmp_path / "corpora"
        for corpus, files in content.items():
            for path, data in files.items():
                target = top / corpus / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data.encode() if isinstance(data, str) else data)
            (top / corpus / FILE_LIST).write_text("\n".join(files))
        return top

    return write
