"""Training pieces of a style from the corpora they come from, every file of them checked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hybrid.core.errors import ConfigError, CorpusError
from hybrid.io.corpora import corpus_folder, corpus_info, data_home, fetch, is_fetched, verify
from hybrid.symbolic_transformer import chorale_pieces, pop_corpus, quartet_corpus
from hybrid.symbolic_transformer.corpus import CorpusPiece, save_pieces

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]


class Counts(Protocol):
    """What happened while a corpus was read."""

    def lines(self) -> tuple[str, ...]:
        """One line for each kind of thing."""


@dataclass(frozen=True)
class Builder:
    """How the pieces of a style are read.

    ``read`` is called with the folder of the corpora and a progress (pieces done, pieces in
    all), and gives the pieces and, filled once they are read, the counts.
    """

    corpora: tuple[str, ...]
    read: Callable[[Path, Callable[[int, int], None]], tuple[Iterator[CorpusPiece], Counts]]


def _read_chorales(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[Iterator[CorpusPiece], Counts]:
    counts = chorale_pieces.ChoraleCounts()
    return chorale_pieces.read_chorale_pieces(folder, counts, progress), counts


def _read_quartets(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[Iterator[CorpusPiece], Counts]:
    counts = quartet_corpus.QuartetCounts()
    return quartet_corpus.read_quartets(folder, counts, progress), counts


def _read_pop(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[Iterator[CorpusPiece], Counts]:
    counts = pop_corpus.PopCounts()
    return pop_corpus.read_pop(folder, counts, progress), counts


BUILDERS: dict[str, Builder] = {
    "chorale": Builder(chorale_pieces.CORPORA, _read_chorales),
    "pop": Builder(pop_corpus.CORPORA, _read_pop),
    "quartet": Builder(quartet_corpus.CORPORA, _read_quartets),
}


def default_output(name: str) -> Path:
    """Where a style's pieces go: ``built/NAME.npz`` in the data folder."""
    return data_home() / "built" / f"{name}.npz"


def build(
    name: str,
    output: str | Path | None = None,
    *,
    from_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, tuple[str, ...]]:
    """Build the training pieces of a style; the same corpora, the same bytes.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    output : str or Path, optional
        File to write, whole or not at all; `default_output` where left out.
    from_dir : str or Path, optional
        Folder that holds the corpora's folders. Where left out, corpora come from the data
        folder, and those that are not there from the network.
    progress : callable, optional

    Returns
    -------
    path : Path
    lines : tuple of str
        What was read, what was left out and why.

    Raises
    ------
    ConfigError
        If there is no such style.
    CorpusError
        If a corpus cannot be had, or differs from its manifest, or gives no piece.
    """
    if name not in BUILDERS:
        raise ConfigError(f"what is built must be one of {', '.join(BUILDERS)}; got {name!r}")
    builder = BUILDERS[name]
    show: Progress = progress if progress is not None else lambda stage, share: None
    target = default_output(name) if output is None else Path(output)
    with tempfile.TemporaryDirectory(prefix="hybrid-") as place:
        folder = Path(place)
        for corpus in builder.corpora:
            _gather(corpus, folder, from_dir, show)
        pieces, counts = builder.read(folder, lambda done, whole: show("read", done / whole))
        found = list(pieces)
        if not found:
            raise CorpusError(
                f"the corpora of {name!r} must have a piece that can be read, got none"
            )
        sources = [f"{corpus} {corpus_info(corpus).content.sha256}" for corpus in builder.corpora]
        show("write", 0.0)
        save_pieces(target, name, found, sources)
    return target, counts.lines()


def _gather(corpus: str, folder: Path, from_dir: str | Path | None, show: Progress) -> None:
    """Put a corpus into a folder, every file of it checked."""
    stage = f"check {corpus}"
    if from_dir is None and is_fetched(corpus):
        show(stage, 0.0)
        verify(corpus)
        (folder / corpus).symlink_to(corpus_folder(corpus), target_is_directory=True)
        return
    fetch(
        corpus,
        folder / corpus,
        from_dir=from_dir,
        progress=lambda done, whole: show(stage, done / whole if whole else 0.0),
    )


__all__ = ["BUILDERS", "Builder", "build", "default_output"]
