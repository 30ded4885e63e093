"""The table that says which piece of the benchmark each chorale of other corpora is.

Written by ``tools/chorale_splits.py`` from the notes (`..chorale_matching`),
since the comparison takes minutes. What is validated or tested on in the benchmark must not be
trained on under another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hybrid.core.errors import FormatError
from hybrid.core.resources import resource_path
from hybrid.symbolic_transformer.chorale_matching import Match

FILE = "chorale_splits.tsv"
_COLUMNS = ("corpus", "piece", "split", "number", "similarity", "tune", "semitones", "scale")


def format_splits(matches: Mapping[tuple[str, str], Match]) -> str:
    """The table's text: one line for each (corpus, piece), sorted."""
    lines = ["\t".join(_COLUMNS)]
    for (corpus, piece), match in sorted(matches.items()):
        lines.append(
            f"{corpus}\t{piece}\t{match.split}\t{match.number}\t{match.similarity:.3f}\t"
            f"{match.tune:.3f}\t{match.semitones}\t{match.scale[0]}:{match.scale[1]}"
        )
    return "\n".join(lines) + "\n"


def parse_splits(text: str) -> dict[tuple[str, str], Match]:
    """The inverse of `format_splits`.

    Raises
    ------
    FormatError
        If a line does not have its columns; the message names it.
    """
    lines = text.splitlines()
    if not lines or tuple(lines[0].split("\t")) != _COLUMNS:
        raise FormatError(f"a table of splits must begin with {' '.join(_COLUMNS)}")
    found = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            corpus, piece, split, index, similarity, tune, semitones, scale = line.split("\t")
            ours, _, theirs = scale.partition(":")
            found[corpus, piece] = Match(
                split,
                int(index),
                float(similarity),
                float(tune),
                int(semitones),
                (int(ours), int(theirs)),
            )
        except ValueError:
            raise FormatError(
                f"line {number} of the splits must be a match, got {line!r}"
            ) from None
    return found


def chorale_splits(corpora: Iterable[str] | None = None) -> dict[tuple[str, str], Match]:
    """The most similar piece of the benchmark for each (corpus, piece).

    Parameters
    ----------
    corpora : iterable of str, optional
        ``bach_chorales``, ``roman_numerals``, ``music21``; all where left out.

    Notes
    -----
    `Match.is_same` says whether it is that piece; else it is the nearest one, perhaps another
    harmonisation of its tune (`Match.is_same_tune`).
    """
    text = resource_path("symbolic_transformer", FILE).read_text(encoding="utf-8")
    wanted = None if corpora is None else frozenset(corpora)
    return {
        key: match
        for key, match in parse_splits(text).items()
        if wanted is None or key[0] in wanted
    }


__all__ = ["FILE", "chorale_splits", "format_splits", "parse_splits"]
