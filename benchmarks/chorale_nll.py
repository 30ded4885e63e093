"""The grid model on the published chorale benchmark.

    python -m benchmarks.chorale_nll [--weights FILE] [--pieces N]

writes ``benchmarks/results/chorale_nll.md`` and ``.json``. It needs the corpus ``jsb-chorales``
and takes about ten minutes of one core. Probabilities are those of the 47 symbols of the task
(silence, pitches 36..81), logits divided by a temperature that was fitted on the split that is
*not* reported: on test for the validation figure, on validation for the test figure. The figure
without any temperature stands beside it. Pieces longer than a window are read in windows that
overlap by half.

Some pieces are also measured by the slow evaluator (`hybrid.metrics.chorale_nll.evaluate`), which
hands the model one token's past at a time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._table import write_table
from benchmarks.chorale_ngram import PUBLISHED
from benchmarks.chorales import data_folder
from hybrid.metrics.chorale_nll import (
    NllReport,
    PieceNll,
    assert_causal,
    evaluate,
    evaluate_grids,
    opening,
)
from hybrid.metrics.grids import SYMBOLS, Grid, read_benchmark, symbols_of
from hybrid.metrics.ngram import TRANSPOSITIONS, WittenBell
from hybrid.symbolic_transformer.grid import N_SYMBOLS, encode_grid
from hybrid.symbolic_transformer.grid_model import GridTransformer
from hybrid.symbolic_transformer.grid_nll import log_probabilities
from hybrid.symbolic_transformer.grid_weights import load_grid_model

WEIGHTS = Path(__file__).parent / "weights" / "chorale_grid.safetensors"
TEMPERATURES = np.arange(0.9, 1.7, 0.02)
SPLITS = ("valid", "test")
SLOW_STEPS = 12
#: Symbols of the task in the model's vocabulary, in the order of `SYMBOLS`.
COLUMNS = encode_grid(np.array([[symbol] * 4 for symbol in SYMBOLS]))[:, 0]


class GridScorer:
    """The model as the evaluators want it: 47 symbols, one temperature."""

    def __init__(self, model: GridTransformer, window: int, temperature: float = 1.0) -> None:
        self.model, self.window, self.temperature = model, window, temperature
        self.allowed = np.zeros(N_SYMBOLS, dtype=bool)
        self.allowed[COLUMNS] = True

    def grid_log_probs(self, grid: Grid) -> NDArray[Any]:
        """See `hybrid.metrics.chorale_nll.WholeGrid`."""
        return self.score([grid])[0]

    def log_probs(self, history: Grid, chosen: tuple[int, ...]) -> NDArray[Any]:
        """See `hybrid.metrics.chorale_nll.NextToken`; what is not known yet is silence."""
        row = np.full((1, 4), -1, dtype=np.int64)
        row[0, : len(chosen)] = chosen
        answer: NDArray[Any] = self.grid_log_probs(np.concatenate([history, row]))
        found: NDArray[Any] = answer[-1, len(chosen)]
        return found

    def score(self, grids: Sequence[Grid]) -> list[NDArray[Any]]:
        """Log-probabilities of pieces, each (T, 4, 47)."""
        found = log_probabilities(
            self.model,
            [encode_grid(grid) for grid in grids],
            window=self.window,
            allowed=self.allowed,
            temperature=self.temperature,
        )
        return [piece[..., COLUMNS].double().numpy() for piece in found]


def at_temperature(scores: NDArray[Any], temperature: float) -> NDArray[Any]:
    """Log-probabilities after dividing the logits by a temperature."""
    warm = scores / temperature
    result: NDArray[Any] = warm - np.logaddexp.reduce(warm, axis=-1, keepdims=True)
    return result


def fit_temperature(scores: Sequence[NDArray[Any]], grids: Sequence[Grid]) -> float:
    """The temperature of `TEMPERATURES` with the fewest nats."""
    sums = [
        sum(
            nats(at_temperature(score, value), grid)
            for score, grid in zip(scores, grids, strict=True)
        )
        for value in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(sums))])


def nats(scores: NDArray[Any], grid: Grid) -> float:
    """Sum of -ln p over the tokens of a piece."""
    return -float(np.take_along_axis(scores, symbols_of(grid)[:, :, None], axis=2).sum())


def report(
    scores: dict[str, list[NDArray[Any]]],
    data: dict[str, Sequence[Grid]],
    temperatures: dict[str, float],
) -> NllReport:
    """The figures of stored log-probabilities."""
    trained = {opening(grid) for grid in data["train"]}
    return NllReport(
        tuple(
            PieceNll(
                split,
                index,
                grid.size,
                nats(at_temperature(score, temperatures[split]), grid),
                opening(grid) in trained,
            )
            for split in scores
            for index, (score, grid) in enumerate(zip(scores[split], data[split], strict=True))
        )
    )


def row(name: str, found: NllReport, temperatures: dict[str, float]) -> dict[str, Any]:
    """A line of the table."""
    line: dict[str, Any] = {"model": name}
    for split in SPLITS:
        line[split] = round(found.nats_per_token(split), 4)
    for split in SPLITS:
        line[f"{split}, unshared"] = round(found.nats_per_token(split, unshared=True), 4)
        line[f"{split}, mean of pieces"] = round(
            float(np.mean([piece.nats_per_token for piece in found.of(split)])), 4
        )
    line["temperature (valid, test)"] = ", ".join(f"{temperatures[split]:.2f}" for split in SPLITS)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the chorale benchmark.")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--pieces", type=int, help="only so many pieces of each split; no table")
    options = parser.parse_args()
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - 1))
    data: dict[str, Sequence[Grid]] = dict(
        read_benchmark(data_folder() / "jsb-chorales" / "Jsb16thSeparated.json")
    )
    if options.pieces:
        data |= {split: data[split][: options.pieces] for split in SPLITS}
    loaded = load_grid_model(options.weights)
    scorer = GridScorer(loaded.model, int(loaded.notes["window"]))
    assert_causal(scorer, data["valid"][0][:40], np.random.default_rng(1), n_cuts=3)
    begin = time.perf_counter()
    scores = {split: scorer.score(data[split]) for split in SPLITS}
    seconds = time.perf_counter() - begin
    plain = dict.fromkeys(SPLITS, 1.0)
    fitted = {split: fit_temperature(scores[split], data[split]) for split in SPLITS}
    # Each split is reported with the temperature of the other.
    crossed = {"valid": fitted["test"], "test": fitted["valid"]}
    short = {"train": data["train"], "valid": [data["valid"][0][:SLOW_STEPS]]}
    slow = evaluate(scorer, short, ("valid",)).nats_per_token("valid")
    fast = nats(scores["valid"][0][:SLOW_STEPS], short["valid"][0]) / short["valid"][0].size
    ngram = evaluate_grids(WittenBell(data["train"], transpositions=TRANSPOSITIONS), data, SPLITS)
    rows = [
        row("grid model, temperature", report(scores, data, crossed), crossed),
        row("grid model, as trained", report(scores, data, plain), plain),
        row("Witten-Bell counts", ngram, plain),
    ]
    for line in rows:
        print(line, flush=True)
    print(f"slow against fast evaluator: {abs(slow - fast):.1e} nats apart; {seconds:.0f} s")
    if options.pieces:
        return
    published = ", ".join(f"{name} {value:.3f}" for name, value in PUBLISHED.items())
    size = sum(value.numel() for value in loaded.model.parameters())
    write_table(
        "chorale_nll",
        rows,
        [
            "Nats per token; lower is better. All tokens of a split, each once; unshared: pieces"
            " whose first 20 soprano intervals begin no training piece.",
            f"Published on this file and split (validation; Huang et al. 2019): {published}.",
            f"One chronological model of {size:,} weights, no look-ahead and no labels, weights "
            f"in 8 bits. The temperature of a split is fitted on the other one (one number).",
            f"On the first {SLOW_STEPS} steps of a piece the slow evaluator, which gives the model "
            f"one token's past at a time, differs by {abs(slow - fast):.1e} nats a token.",
            f"Trained by: {loaded.notes.get('command', 'unknown')}.",
        ],
        title="The published chorale benchmark",
        packages=("torch", "numpy"),
    )


if __name__ == "__main__":
    main()
