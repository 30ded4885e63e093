"""Several runs in one call: ``python -m hybrid.harmony.train_runs --data DIR --out DIR``.

Needs NumPy, torch and safetensors only, so that it works on a rented machine from a bare
checkout. ``DIR`` holds ``harmony_train.npz`` and ``harmony_valid.npz`` (`hybrid.harmony.corpus`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hybrid.core.errors import ConfigError
from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.corpus import Piece, load_pieces
from hybrid.harmony.examples import (
    GPL_GROUPS,
    Example,
    Mixture,
    collect_vocabulary,
    make_examples,
    plain_example,
)
from hybrid.harmony.labels import Vocabulary
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.train import run
from hybrid.harmony.train_config import PRESETS
from hybrid.harmony.validation import Validation


def prepare(
    train: Sequence[Piece], mixture: Mixture, with_gpl: bool
) -> tuple[list[Example], Vocabulary]:
    """Examples (made on all processors) and their vocabulary."""
    used = [piece for piece in train if with_gpl or piece.group not in GPL_GROUPS]
    # One seed for all runs, so that runs of one call can share their examples.
    return make_examples(used, mixture, 0), collect_vocabulary(used)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the harmony analyser.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--minutes", type=float, default=1.0, help="of training for each run")
    parser.add_argument(
        "--runs", default="base:0", help="presets and seeds, such as base:0,base:1,conv:0"
    )
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps")
    parser.add_argument("--device", default="", help="cpu or cuda; what is there by default")
    parser.add_argument("--resume", action="store_true", help="go on where a run stopped")
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--smoke", action="store_true", help="a tiny run that proves the way")
    options = parser.parse_args(arguments)
    train = load_pieces(options.data / "harmony_train.npz")
    valid = load_pieces(options.data / "harmony_valid.npz")
    runs, steps = options.runs, options.steps
    if options.smoke:
        runs, steps = "smoke:0", steps or 20
        train, valid = train[:12], valid[:4]
    words = [(word, *word.partition(":")[::2]) for word in runs.split(",")]
    for _, name, _seed in words:
        if name not in PRESETS:
            raise ConfigError(f"--runs must name one of {', '.join(PRESETS)}, got {name!r}")
    begun = time.monotonic()
    valid_examples = [plain_example(piece) for piece in valid]
    kinds = {(PRESETS[name].mixture, PRESETS[name].with_gpl) for _, name, _seed in words}
    # Before the device is touched: the processes that make the examples are forks.
    prepared = {kind: prepare(train, *kind) for kind in sorted(kinds, key=str)}
    print(f"examples made in {time.monotonic() - begun:.1f} s", flush=True)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    table: dict[str, Any] = {}
    models: dict[Vocabulary, list[HarmonyModel]] = {}
    loaded: tuple[Any, ExcerptPool, Validation] | None = None
    for word, name, seed in words:
        config = PRESETS[name]
        kind = (config.mixture, config.with_gpl)
        examples, vocabulary = prepared[kind]
        if loaded is None or loaded[0] != kind:
            loaded = (
                kind,
                ExcerptPool(examples, vocabulary, device),
                Validation.of(valid, valid_examples, vocabulary, device),
            )
        print(f"=== {word}", flush=True)
        model, result = run(
            config,
            loaded[1],
            vocabulary,
            loaded[2],
            options.out / word.replace(":", "-"),
            60 * options.minutes,
            int(seed or 0),
            max_steps=steps,
            resume=options.resume,
            start=options.start,
            log=lambda text: print(text, flush=True),
        )
        means = result["validation"]["mean over groups"]
        table[word] = {
            "key": means["key"],
            "full": means["full"],
            "steps": result["steps"],
            "seconds": result["seconds"],
        }
        print(json.dumps({word: table[word]}), flush=True)
        models.setdefault(vocabulary, []).append(model)
        (options.out / "runs.json").write_text(json.dumps(table, indent=1))
    for vocabulary, group in models.items():
        if len(group) > 1:
            check = Validation.of(valid, valid_examples, vocabulary, device)
            print(f"=== mean of {len(group)} models", flush=True)
            print(check.summary(group).table(), flush=True)
    print(f"all done in {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
