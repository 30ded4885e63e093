"""The count model on the published chorale benchmark: the figure that a model must beat.

    python -m benchmarks.chorale_ngram

writes ``benchmarks/results/chorale_ngram.md`` and ``.json``. It needs the corpus
``jsb-chorales``. Figures come from the fast evaluator; on some pieces they are held
against the slow one, which hands a model one token's past at a time.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.core.errors import FormatError
from hybrid.metrics.chorale_nll import assert_causal, evaluate, evaluate_grids
from hybrid.metrics.grids import read_benchmark
from hybrid.metrics.ngram import THREE_NEIGHBOURS, TRANSPOSITIONS, TWO_NEIGHBOURS, WittenBell

SPLITS = ("valid", "test")
PUBLISHED = {
    "Transformer, absolute positions": 0.417,
    "Music Transformer, relative": 0.357,
    "Music Transformer, relative pitch and time": 0.335,
}
SLOW_PIECES = 5


def main() -> None:
    try:
        data = read_benchmark(data_folder() / "jsb-chorales" / "Jsb16thSeparated.json")
    except FormatError as error:
        print(f"skipped: {error}")
        return
    rows: list[dict[str, Any]] = []
    worst = 0.0
    for name, features in (("two", TWO_NEIGHBOURS), ("three", THREE_NEIGHBOURS)):
        for moves, how in (((0,), "as written"), (TRANSPOSITIONS, "-5..+6 semitones")):
            start = time.perf_counter()
            model = WittenBell(data["train"], features=features, transpositions=moves)
            counted = time.perf_counter() - start
            report = evaluate_grids(model, data, SPLITS)
            slow = evaluate(model, data, SPLITS, limit=SLOW_PIECES)
            fast = {(piece.split, piece.index): piece.nats for piece in report.pieces}
            worst = max(
                worst, *(abs(p.nats - fast[p.split, p.index]) / p.n_tokens for p in slow.pieces)
            )
            assert_causal(model, data["valid"][0], np.random.default_rng(1))
            row: dict[str, Any] = {"neighbours": name, "training": how}
            for split in SPLITS:
                row[split] = round(report.nats_per_token(split), 4)
                row[f"{split}, unshared"] = round(report.nats_per_token(split, unshared=True), 4)
            row["counting (s)"] = round(counted, 1)
            rows.append(row)
            print(row, flush=True)
    published = ", ".join(f"{name} {value:.3f}" for name, value in PUBLISHED.items())
    n_unshared = [len(report.of(split, unshared=True)) for split in SPLITS]
    notes = [
        "Nats per token, mean over all tokens of a split; 47 symbols, time order, S A T B.",
        f"Unshared: pieces whose first 20 soprano intervals open no training piece "
        f"({n_unshared[0]} of {len(data['valid'])} and {n_unshared[1]} of {len(data['test'])}).",
        "Contexts grow in this order: voice, its previous pitch, sixteenth of the quarter, "
        "rows held (up to 8), then the last two or three tokens in reading order.",
        f"The slow evaluator agrees on {SLOW_PIECES} pieces of each split within "
        f"{worst:.0e} nats per token.",
        f"Published, validation (Huang et al. 2019, Table 2): {published}.",
    ]
    text, _ = write_table(
        "chorale_ngram", rows, notes, title="The n-gram yardstick", packages=("numpy",)
    )
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
