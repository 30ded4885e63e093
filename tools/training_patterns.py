"""Make the files that say how much of a piece stands in the training pieces.

    python -m tools.training_patterns --built FOLDER

FOLDER holds chorale.npz, quartet.npz and pop.npz as `hybrid corpora build` writes them. Writes
``patterns-STYLE.npz`` beside the note model's weights; about ten minutes. The same pieces give
the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hybrid.io.atomic import write_bytes
from hybrid.symbolic_transformer.corpus import load_pieces
from hybrid.symbolic_transformer.memorisation import KIND, STYLES, build_index, index_path


def main() -> None:
    parser = argparse.ArgumentParser(description="Hash the patterns of the training pieces.")
    parser.add_argument("--built", type=Path, required=True, help="folder of the built corpora")
    folder: Path = parser.parse_args().built
    for style in STYLES:
        index = build_index(style, load_pieces(folder / f"{style}.npz"))
        content = index.to_bytes()
        write_bytes(index_path(style), content)
        print(
            f"{style}: {len(index.sources)} pieces, {index.n_patterns(KIND)} patterns, "
            f"{len(content) / 1e6:.2f} MB; held-out: {index.reference}",
            flush=True,
        )


if __name__ == "__main__":
    main()
