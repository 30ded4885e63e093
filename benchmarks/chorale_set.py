"""Four-part chorales by the engine `transformer`, as a set for `benchmarks.symbolic_style`.

    python -m benchmarks.chorale_set -o FILE [--pieces N] [--seed S]

The plans are drawn as for the set of engine `rules`: form `chorale`, 0.5 to 1.3 minutes. A file
that is there already is added to, so that a run can be stopped and taken up again; a piece depends
on its number alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.symbolic_style import MINUTES
from hybrid.core.errors import ConfigError
from hybrid.core.seeds import stage_rng
from hybrid.metrics.grids import Grid, grid_of_score
from hybrid.metrics.sets import read_set, write_set
from hybrid.pipeline import compose


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a set of chorales.")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".npz to write")
    parser.add_argument("--pieces", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    pieces: dict[str, Grid] = dict(read_set(given.output)) if given.output.exists() else {}
    # The same lengths in the same order as engine `rules` is asked for.
    rng = stage_rng(given.seed, "symbolic_style", "minutes")
    for number in range(2 * given.pieces):
        if len(pieces) >= given.pieces:
            break
        minutes = round(float(rng.uniform(*MINUTES)), 2)
        name = f"{number:04d}"
        if name in pieces:
            continue
        seed = 1000 * given.seed + number
        try:
            piece = compose(form="chorale", minutes=minutes, seed=seed, engine="transformer")
        except ConfigError:  # the grammar has no piece of this length
            continue
        assert piece.score is not None
        pieces[name] = grid_of_score(piece.score)[0]
        write_set(pieces, given.output)
        print(f"{len(pieces)} of {given.pieces}: {piece.headline}", flush=True)


if __name__ == "__main__":
    main()
