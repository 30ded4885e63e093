"""What each part of the grid model is worth on the published chorale benchmark.

    python -m benchmarks.chorale_ablation [--updates N] [--threads N] [--keep FOLDER]
        [--only NAME,...]

writes ``benchmarks/results/chorale_ablation.md`` and ``.json``. The same small model is trained on
the 229 training chorales once for each row, with the same settings, seed and number of updates, and
one thing left out; the figure is nats a token of the validation pieces with the averaged weights,
as trained (no temperature). A small model and few updates: read the differences, not the figures.
The shipped model has none of these parts left out but the table of distances.

With ``--keep`` runs are kept in a folder and a run that was stopped goes on there. Needs the corpus
``jsb-chorales``. About eight minutes a row on one core with matrix units.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.symbolic_transformer.pools import GridPool
from hybrid.symbolic_transformer.train import Corpora, Trainer
from hybrid.symbolic_transformer.train_config import TrainConfig
from hybrid.symbolic_transformer.training_data import BENCHMARK_FILE, read_benchmark

TRUNK: dict[str, Any] = {
    "width": 192,
    "layers": 4,
    "heads": 6,
    "hidden": 384,
    "dropout": 0.3,
    "relative": False,
}
WHOLE = "whole (relative rotations)"
SEEDS = {"whole, another seed": 2}
#: Name of a row: changes to the trunk, changes to the model, whether pieces are transposed.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    WHOLE: ({}, {}, True),
    "whole, another seed": ({}, {}, True),
    "with the learned table of distances too": ({"relative": True}, {}, True),
    "no relative attention (no rotations, no table)": ({"rotary": False}, {}, True),
    "no transposition": ({}, {}, False),
    "no metre features": ({}, {"metre": False}, True),
    "no earlier notes as features": ({}, {"history": False}, True),
    "no intervals between voices": ({}, {"intervals": False}, True),
    "no logits by interval": ({}, {"relative_output": False}, True),
}


def settings(trunk: dict[str, Any], model: dict[str, Any], updates: int, seed: int) -> TrainConfig:
    """The settings of a row."""
    return TrainConfig(
        kind="grid",
        mixture={"chorales": 1.0},
        model={**model, "trunk": TRUNK | trunk},
        updates=updates,
        batch=8,
        window=192,
        rate=1.5e-3,
        warmup=min(50, updates // 5),
        average=0.99,
        check_every=updates,
        save_every=max(1, updates // 4),
        precision="bf16",
        seed=seed,
    )


def corpora(is_transposed: bool) -> Corpora:
    """The benchmark's own training and validation pieces."""
    device = torch.device("cpu")
    pieces = read_benchmark(data_folder() / "jsb-chorales" / BENCHMARK_FILE)
    pools = {
        split: GridPool(pieces[split], [0] * len(pieces[split]), device)
        for split in ("train", "valid")
    }
    if not is_transposed:
        spans = pools["train"].spans
        spans.low, spans.high = torch.zeros_like(spans.low), torch.zeros_like(spans.high)
    return Corpora({"chorales": pools["train"]}, {"chorales": pools["valid"]})


def measure(name: str, updates: int, folder: Path) -> dict[str, Any]:
    """One row: trained and measured."""
    trunk, model, is_transposed = ROWS[name]
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        settings(trunk, model, updates, SEEDS.get(name, 1)), corpora(is_transposed), folder
    )
    trainer.run()
    last = trainer.history[-1]
    return {
        "model": name,
        "weights": sum(value.numel() for value in trainer.model.parameters()),
        "train": round(last["train"], 3),
        "valid": round(last["chorales"], 4),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="rows that begin with one of these, with commas between")
    parser.add_argument("--keep", type=Path, help="folder of the runs")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = options.only.split(",") if options.only else [""]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        place = options.keep or Path(scratch)
        for number, name in enumerate(ROWS):
            if any(name.startswith(start) for start in wanted):
                rows.append(measure(name, options.updates, place / str(number)))
                print(rows[-1], flush=True)
    for row in rows:
        row["worse than the first by"] = round(row["valid"] - rows[0]["valid"], 4)
    write_table(
        "chorale_ablation",
        rows,
        [
            f"{options.updates} updates of 8 excerpts of 192 sixteenths, seed 1, chorales alone; "
            "nats a token of the 76 validation pieces as trained, without a temperature.",
            "One run a row: what another seed changes was not measured unless a row says so.",
        ],
        title="Parts of the grid model left out",
        packages=("torch",),
    )


if __name__ == "__main__":
    main()
