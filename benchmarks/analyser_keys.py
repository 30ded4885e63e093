"""What a network that hears only keys adds to the harmony analyser, honestly chosen.

    python -m benchmarks.analyser_keys KEYS [--archives DIR]

``KEYS`` are weights of `hybrid.harmony.key_model`. Its keys are averaged with the analyser's in
pieces of some length and more. Weight and length are chosen three ways: on all validation pieces,
for each group by the other groups, and for each fifth of every group by the other pieces. The
first flatters; the second measures music of a kind that chose nothing, the third new pieces of
the same kinds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.corpus import Piece, load_pieces
from hybrid.harmony.decode import decode, path_spans
from hybrid.harmony.evaluation import FIGURES, compare
from hybrid.harmony.examples import known_spelling, scale_rows
from hybrid.harmony.features import FRAME_TICKS, PieceArrays, piece_arrays
from hybrid.harmony.folders import build
from hybrid.harmony.frame_scores import network_scores
from hybrid.harmony.inference import Floats, HarmonyNetwork
from hybrid.harmony.key_network import KeyNetwork
from hybrid.harmony.shipped import load_analyser

WEIGHTS = (0.25, 0.5, 1.0, 2.0)
#: Eighths from which on a piece is long enough.
LENGTHS = (0, 80, 120, 160, 200, 240, 320, 480)
FOLDS, REPEATS = 5, 40
#: Choices: weight and length; the first is the analyser alone.
CHOICES = ((0.0, 0), *((weight, length) for weight in WEIGHTS for length in LENGTHS))


class _ReadOnce(HarmonyNetwork):
    """Keeps what it read last, since every weight asks for the same two readings."""

    def __init__(self, network: HarmonyNetwork) -> None:
        self.__dict__.update(network.__dict__)
        self._kept: dict[int, tuple[PieceArrays, tuple[Floats, Floats, Floats]]] = {}

    def read(self, arrays: PieceArrays) -> tuple[Floats, Floats, Floats]:
        if id(arrays) not in self._kept:
            if len(self._kept) > 1:
                self._kept.clear()
            self._kept[id(arrays)] = (arrays, super().read(arrays))
        return self._kept[id(arrays)][1]


@dataclass(frozen=True, eq=False)
class Counts:
    """Right frames in key and in full, and all frames: shape (choices, pieces, 3)."""

    table: NDArray[np.float64]
    groups: NDArray[np.str_]

    def means(self, used: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Key and full, mean over groups, of some pieces: shape (choices, 2)."""
        found = []
        for group in np.unique(self.groups):
            total = self.table[:, used & (self.groups == group)].sum(axis=1)
            if total[0, 2]:
                found.append(total[:, :2] / total[:, 2:])
        mean: NDArray[np.float64] = np.mean(found, axis=0)
        return mean

    def held_out(self, fold: NDArray[np.integer], figure: int) -> NDArray[np.float64]:
        """Key and full where each fold is read with what is best for the others: shape (2,)."""
        chosen = np.zeros((1, *self.table.shape[1:]))
        for one in np.unique(fold):
            best = int(self.means(fold != one)[:, figure].argmax())
            chosen[0, fold == one] = self.table[best, fold == one]
        mean: NDArray[np.float64] = Counts(chosen, self.groups).means(fold >= 0)[0]
        return mean


def count(
    pieces: Sequence[Piece], analyser: Analyser, keys: KeyNetwork, log: Callable[[str], None]
) -> Counts:
    """Read every piece with every weight."""
    places = [FIGURES.index("key"), FIGURES.index("full")]
    network = _ReadOnce(analyser.models[0])
    table = np.zeros((len(CHOICES), len(pieces), 3))
    for at, piece in enumerate(pieces):
        spelling = known_spelling(piece)
        arrays = piece_arrays(piece.notes, piece.bars, spelling, piece.end)
        scaled = scale_rows(piece.notes, piece.bars, -2)
        halved = piece_arrays(*scaled, spelling, piece.end // 2)
        heard = keys.frame_keys(arrays)
        rows = {}
        for weight in (0.0, *WEIGHTS):
            scores = network_scores(
                [network],
                arrays,
                halved,
                analyser.decoding.halved,
                more_keys=heard,
                more_weight=weight,
            )
            path = decode(scores, analyser.decoding)
            spans = path_spans(scores, path, network.vocabulary, FRAME_TICKS, piece.end)
            found = [compare(one, spans) for one in piece.readings]
            right = np.sum([[one.right[place] for place in places] for one in found], axis=0)
            rows[weight] = [*right, sum(one.frames for one in found)]
        for choice, (weight, length) in enumerate(CHOICES):
            table[choice, at] = rows[weight if arrays.n_frames >= length else 0.0]
        log(f"{at + 1} of {len(pieces)}: {piece.group}, {piece.name}")
    return Counts(table, np.array([piece.group for piece in pieces]))


def fifths(groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for every piece; each group is dealt out evenly."""
    fold = np.zeros(len(groups), np.int64)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        fold[rows] = (np.arange(len(rows)) + rng.integers(FOLDS)) % FOLDS
    return fold


def rows_of(counts: Counts) -> list[dict[str, Any]]:
    """The three ways to choose, by either figure, beside the analyser alone."""
    means = counts.means(np.ones(len(counts.groups), bool))
    rows = [_row("the analyser alone", means[0])]
    for figure, name in enumerate(("key", "full")):
        best = int(means[:, figure].argmax())
        weight, length = CHOICES[best]
        chosen = f"weight {weight:g} from {length} eighths"
        rows.append(_row(f"{chosen}, best for {name} on all pieces", means[best]))
        by_group = np.unique(counts.groups, return_inverse=True)[1]
        rows.append(
            _row(f"chosen for {name} by the other groups", counts.held_out(by_group, figure))
        )
        rng = np.random.default_rng(0)
        dealt = [counts.held_out(fifths(counts.groups, rng), figure) for _ in range(REPEATS)]
        rows.append(
            _row(f"chosen for {name} by four fifths of every group", np.mean(dealt, axis=0))
        )
    return rows


def _row(name: str, values: NDArray[np.float64]) -> dict[str, Any]:
    return {"": name, "key": f"{100 * values[0]:.1f}", "full": f"{100 * values[1]:.1f}"}


def main() -> None:
    """Measure and write ``results/analyser_keys.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", type=Path, help="weights that hear keys")
    parser.add_argument("--archives", type=Path, help="harmony_train.npz and harmony_valid.npz")
    options = parser.parse_args()
    keys = KeyNetwork.load(options.keys)
    with tempfile.TemporaryDirectory() as folder:
        archives = options.archives
        if archives is None:
            archives = Path(folder)
            build(data_folder() / "roman_numerals", archives)
        pieces = load_pieces(archives / "harmony_valid.npz")
    counts = count(pieces, load_analyser(), keys, lambda text: print(text, flush=True))
    write_table(
        "analyser_keys",
        rows_of(counts),
        title="A network that hears only keys, averaged with the harmony analyser",
        notes=[
            "Per cent of 32nd notes of the validation split that are right, mean over groups.",
            f"{len(CHOICES)} pairs of weight and least length are tried.",
            f"Fifths: mean of {REPEATS} ways to deal the pieces of each group into {FOLDS} folds.",
        ],
        packages=("numpy",),
    )


if __name__ == "__main__":
    main()
