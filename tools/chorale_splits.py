"""Write hybrid/symbolic_transformer/chorale_splits.tsv: which benchmark piece each chorale is.

    python -m tools.chorale_splits --from FOLDER

FOLDER holds the corpora jsb-chorales, bach_chorales and roman_numerals; the chorales of the
installed music21 are compared as well. Prints how many fall into each split, and the pairs
near the border. Takes a few minutes.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.chorales import read_chorales
from hybrid.cli.progress import Progress, progress
from hybrid.core.errors import HybridError
from hybrid.core.resources import resource_path
from hybrid.io.atomic import write_text
from hybrid.io.corpora import open_files
from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
from hybrid.symbolic_transformer.chorale_matching import (
    SAME_PIECE,
    Grid,
    Match,
    match_chorales,
    read_benchmark,
    score_grid,
    split_of,
)
from hybrid.symbolic_transformer.chorale_splits import FILE, format_splits

NEAR = 0.15  # what is printed: pairs this near the border


def music21_grids() -> dict[str, Grid]:
    """The four-part chorales of music21's corpus, by the name of their file."""
    from music21 import corpus

    grids = {}
    for path in corpus.corpora.CoreCorpus().getComposer("bach"):
        name = Path(path).stem
        if not name.startswith("bwv"):
            continue
        stream = corpus.parse(path)
        voices = [
            [part for part in stream.parts if voice in str(part.partName or part.id).lower()]
            for voice in ("soprano", "alto", "tenor", "bass")
        ]
        parts = [found[0] for found in voices if found]
        if len(parts) == 4:
            grids[name] = _stream_grid(parts)
    return grids


def _stream_grid(parts: list[object]) -> Grid:
    import numpy as np

    rows: list[list[int]] = []
    for voice, part in enumerate(parts):
        for note in part.flatten().notes:  # type: ignore[attr-defined]
            start = int(np.ceil(float(note.offset) * 4))
            end = int(np.ceil(float(note.offset + note.quarterLength) * 4))
            while len(rows) < end:
                rows.append([-1] * 4)
            pitch = max(item.midi for item in note.pitches)
            for step in range(start, end):
                rows[step][voice] = pitch
    return np.array(rows, dtype=np.int16).reshape(-1, 4)


def _sharing(show: Progress, stage: str) -> Callable[[int, int], None]:
    return lambda done, whole: show(stage, done / whole)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, default=None)
    given = parser.parse_args()
    [text] = [
        stream.read()
        for _, stream in open_files("jsb-chorales", given.folder, ("Jsb16thSeparated.json",))
    ]
    benchmark = read_benchmark(text)
    chorales, refused = read_chorale_corpus(given.folder)
    for line in refused:
        print(f"left out: {line}")
    grids: dict[str, dict[str, Grid]] = {
        "bach_chorales": {name: score_grid(score) for name, score in chorales.items()},
        "roman_numerals": {
            f"bach_chorale_{name}": score_grid(score)
            for name, score in read_chorales(given.folder).items()
        },
        "music21": music21_grids(),
    }
    found: dict[tuple[str, str], Match] = {}
    with progress() as show:
        for corpus, pieces in grids.items():
            matches = match_chorales(pieces, benchmark, _sharing(show, corpus))
            found |= {(corpus, name): match for name, match in matches.items()}
            counts = Counter(split_of(matches.get(name)) for name in pieces)
            print(f"{corpus}: {len(pieces)} pieces, {dict(sorted(counts.items()))}")
            for name, match in sorted(matches.items(), key=lambda item: item[1].similarity):
                if abs(match.similarity - SAME_PIECE) < NEAR or (
                    match.is_same_tune and not match.is_same
                ):
                    print(f"  {name}: {match.id} {match.similarity:.3f}, tune {match.tune:.3f}")
    output = given.output or resource_path("symbolic_transformer") / FILE
    write_text(output, format_splits(found))
    print(f"{output}: {len(found)} lines")


if __name__ == "__main__":
    try:
        main()
    except HybridError as error:
        raise SystemExit(f"error: {error}") from None
