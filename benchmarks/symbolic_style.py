"""Sets of four-part pieces beside Bach: style, a classifier, part-writing, copied music.

    python -m benchmarks.symbolic_style [--set NAME=PATH ...] [--pieces N] [--seed S]

Always measured are engine `rules`, the n-gram and Bach himself; ``--set`` adds others, each an
.npz of grids or a folder of scores (`hybrid.metrics.sets`). Writes
``benchmarks/results/symbolic_style.md`` and ``.json``. It needs the corpus ``jsb-chorales``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.seeds import stage_rng
from hybrid.metrics.classifier import WINDOW_ROWS, TwoSample, two_sample_test
from hybrid.metrics.copying import Copied, CopyIndex
from hybrid.metrics.distances import FeatureDistance, compare_sets
from hybrid.metrics.features import FEATURES, SHORTEST_QUARTERS, features_of
from hybrid.metrics.grids import ROWS_PER_QUARTER, Grid, grid_of_score, read_benchmark
from hybrid.metrics.ngram import WittenBell
from hybrid.metrics.part_writing import PartWriting, hard_rate, part_writing
from hybrid.metrics.patterns import KINDS, PATTERN_NOTES, hash_rows
from hybrid.metrics.sets import read_set

BACH = "Bach"
RULES = "engine rules"
NGRAM = "n-gram"
#: Bach's chorales of the benchmark have 25 to 160 quarters, about half a minute to two.
MINUTES = (0.5, 1.3)
N_MADE_UP = 2_000_000
N_DRAWS = 2000

Copies = list[dict[str, Copied]]


@dataclass(frozen=True, eq=False)
class Measured:
    """Everything about one set."""

    n_pieces: int
    distances: tuple[FeatureDistance, ...]
    told: TwoSample
    writing: list[PartWriting]
    copies: Copies


def rules_pieces(n: int, seed: int) -> list[Grid]:
    """Chorales of the engine `rules` as grids."""
    from hybrid.pipeline import compose

    rng = stage_rng(seed, "symbolic_style", "minutes")
    grids: list[Grid] = []
    for number in range(2 * n):
        if len(grids) == n:
            break
        minutes = round(float(rng.uniform(*MINUTES)), 2)
        try:
            piece = compose(form="chorale", minutes=minutes, seed=1000 * seed + number)
        except ConfigError:  # the grammar has no piece of this length
            continue
        assert piece.score is not None
        grids.append(grid_of_score(piece.score)[0])
    return grids


def ngram_pieces(train: Sequence[Grid], n: int, seed: int) -> list[Grid]:
    """Samples of the count model, as long as training pieces."""
    rng = stage_rng(seed, "symbolic_style", "n-gram")
    model = WittenBell(train)
    return [model.sample(len(train[int(rng.integers(len(train)))]), rng) for _ in range(n)]


def measure(
    name: str,
    generated: Sequence[Grid],
    held_out: Sequence[Grid],
    index: CopyIndex,
    seed: int,
    *,
    copied: Sequence[Grid] | None = None,
    checked: Sequence[Grid] | None = None,
) -> Measured:
    """All figures of a set.

    Parameters
    ----------
    generated, held_out : grids
    index : CopyIndex
        Of the training pieces.
    copied, checked : grids, optional
        Looked up, and checked for part-writing, instead of ``generated``.
    """

    def rng(what: str) -> np.random.Generator:
        return stage_rng(seed, "symbolic_style", what, name)

    start = time.perf_counter()
    real = [features_of(grid) for grid in held_out]
    distances = compare_sets([features_of(grid) for grid in generated], real, rng("distances"))
    told = two_sample_test(generated, held_out, rng("classifier"))
    writing = [part_writing(grid) for grid in (generated if checked is None else checked)]
    copies = [index.measure(grid) for grid in (generated if copied is None else copied)]
    print(f"{name}: {time.perf_counter() - start:.0f} s, {told}", flush=True)
    return Measured(len(generated), distances, told, writing, copies)


def long_enough(grids: Iterable[Grid]) -> list[Grid]:
    """Pieces that the classifier and the features can read."""
    shortest = max(WINDOW_ROWS, SHORTEST_QUARTERS * ROWS_PER_QUARTER)
    return [grid for grid in grids if len(grid) >= shortest]


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def middle(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the middle 95%."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def summary_row(name: str, found: Measured, bach: Measured, seed: int) -> dict[str, Any]:
    told = found.told
    rate = hard_rate(found.writing, bach.writing, stage_rng(seed, "rate", name))
    ratios = np.array([row.ratio for row in found.distances])
    n_near = sum(row.ratio <= row.floor_high for row in found.distances)
    return {
        "set": name,
        "pieces": found.n_pieces,
        "classifier, 4 bars": interval(told.accuracy, told.low, told.high),
        "classifier, pieces": interval(told.piece_accuracy, told.piece_low, told.piece_high),
        "style: mean ratio": round(float(np.exp(np.log(ratios).mean())), 2),
        "features within the floor": f"{n_near} of {len(found.distances)}",
        "hard findings per 100 chords": interval(rate.per_100, rate.low, rate.high),
        "times Bach's": interval(rate.ratio, rate.ratio_low, rate.ratio_high),
    }


def style_rows(sets: dict[str, Measured]) -> list[dict[str, Any]]:
    rows = []
    bach = {row.feature: row for row in sets[BACH].distances}
    says = {feature.name: feature.says for feature in FEATURES}
    for feature in bach:
        row: dict[str, Any] = {"feature": f"{feature} ({says[feature]})"}
        for name, found in sets.items():
            mine = next((item for item in found.distances if item.feature == feature), None)
            if mine is not None:
                shown = interval(mine.ratio, mine.ratio_low, mine.ratio_high)
                row[name] = f"{shown}, {mine.overlap:.2f}"
        row["floor's 97.5%"] = round(bach[feature].floor_high, 2)
        row["floor's overlap"] = round(bach[feature].floor_overlap, 2)
        rows.append(row)
    return rows


def writing_rows(sets: dict[str, Measured], seed: int) -> list[dict[str, Any]]:
    rules = sorted({rule for found in sets.values() for p in found.writing for rule in p.findings})
    rows = []
    for rule in rules:
        row: dict[str, Any] = {"rule": rule}
        for name, found in sets.items():
            rng = stage_rng(seed, "rate", name, rule)
            rate = hard_rate(found.writing, sets[BACH].writing, rng, rule)
            row[name] = interval(rate.per_100, rate.low, rate.high)
        rows.append(row)
    return rows


def copying_rows(sets: dict[str, Measured], seed: int) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        bach = np.array([piece[kind].share for piece in sets[BACH].copies])
        for name, found in sets.items():
            shares = np.array([piece[kind].share for piece in found.copies])
            runs = np.array([piece[kind].longest for piece in found.copies])
            quarters = np.array([piece[kind].longest_quarters for piece in found.copies])
            rng = stage_rng(seed, "copying", kind, name)
            ratios = _means(shares, rng) / _means(bach, rng)
            rows.append(
                {
                    "patterns": kind,
                    "set": name,
                    "share found in training": interval(
                        float(shares.mean()), *middle(_means(shares, rng)), digits=3
                    ),
                    "times Bach's": interval(float(shares.mean() / bach.mean()), *middle(ratios)),
                    "longest run: median": float(np.median(runs)),
                    "95%": round(float(np.percentile(runs, 95)), 1),
                    "most": int(runs.max()),
                    "most in quarters": float(quarters.max()),
                }
            )
    return rows


def _means(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of bootstrap samples of pieces; (draws,)."""
    means: NDArray[np.float64] = values[
        rng.integers(len(values), size=(N_DRAWS, len(values)))
    ].mean(axis=1)
    return means


def index_rows(index: CopyIndex, name: str, seed: int) -> list[dict[str, Any]]:
    """Size, speed and errors of an index, with a piece of two minutes."""
    from hybrid.pipeline import compose

    data = index.to_bytes()
    loading = _seconds(lambda: CopyIndex.from_bytes(data))
    score = compose(form="chorale", minutes=2.0, seed=seed).score
    assert score is not None
    loaded = CopyIndex.from_bytes(data)
    loaded.measure(score)
    looking = _seconds(lambda: loaded.measure(score))
    # No pattern of music has this first token: any that is found is found wrongly.
    rng = stage_rng(seed, "symbolic_style", "made up")
    made_up = rng.integers(0, 20_000, size=(N_MADE_UP, PATTERN_NOTES - 1))
    made_up[:, 0] = 10**9
    wrong = float(loaded.contains("notes", hash_rows(made_up)).mean())
    return [
        {
            "index": name,
            "patterns": " + ".join(str(index.n_patterns(kind)) for kind in KINDS),
            "bytes": len(data),
            "load (ms)": round(1000 * loading, 1),
            "two-minute piece (ms)": round(1000 * looking, 1),
            "found wrongly, measured": f"{wrong:.1e}",
            "expected": f"{index.n_patterns('notes') / 2**32:.1e}",
        }
    ]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def near_duplicates(pieces: Sequence[tuple[str, Grid]], index: CopyIndex) -> list[str]:
    """Held-out pieces most of whose textures are in one training piece's neighbourhood."""
    found = []
    for name, grid in pieces:
        texture = index.measure(grid)["texture"]
        if texture.longest >= len(grid) / 2:
            found.append(
                f"{name} ({texture.share:.0%} of its textures, {texture.longest} of {len(grid)} "
                f"sixteenths in a row from {texture.source})"
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--pieces", type=int, default=150, help="of each set made here")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    others = [item.partition("=") for item in options.set]
    if not all(name and path for name, _, path in others):
        parser.error("--set must be NAME=PATH")
    try:
        data = read_benchmark(data_folder() / "jsb-chorales" / "Jsb16thSeparated.json")
        extra = {name: list(read_set(Path(path)).values()) for name, _, path in others}
    except FormatError as error:
        print(f"skipped: {error}")
        return
    seed = options.seed
    named = [(f"{split} {i}", g) for split in ("valid", "test") for i, g in enumerate(data[split])]
    held_out = [grid for _, grid in named]
    index = CopyIndex.build(
        "jsb-chorales", [(f"train {i}", grid) for i, grid in enumerate(data["train"])]
    )
    made = {
        RULES: rules_pieces(options.pieces, seed),
        NGRAM: ngram_pieces(data["train"], options.pieces, seed),
        **extra,
    }
    sets = {
        BACH: measure(BACH, data["train"], held_out, index, seed, copied=held_out, checked=held_out)
    }
    for name, grids in made.items():
        sets[name] = measure(name, long_enough(grids), held_out, index, seed)
    twice = near_duplicates(named, index)
    notes = [
        f"Corpus: the {len(held_out)} validation and test pieces of jsb-chorales. Every set is "
        "read on its grid of sixteenths, where held and repeated notes look the same.",
        "Bach's row is what no set can better: training pieces beside the held-out ones "
        "(classifier, style), held-out pieces (part-writing), held-out pieces looked up in "
        "training (copied).",
        "Classifier: share judged rightly with 95% interval; 0.5 is perfect. Folds by piece, as "
        "many generated as real. Its worth shows in the n-gram's row.",
        "Style: ratio of the set's distance from the corpus to the distance of two halves of the "
        "corpus (interval over 50 draws of halves), then the overlapping area. The summary has "
        "the geometric mean over the features; within the floor are those whose ratio two halves "
        "of the corpus reach in 97.5% of the draws.",
        "Part-writing: hard rules of the set `chorale`, chords inferred, no fermatas, bars or "
        "spelling for any set (so an augmented second may be a minor third). Intervals: bootstrap "
        "over pieces.",
        "Copied: patterns of eight notes of a voice (run in notes) and of two quarters of all "
        "voices (run in sixteenths), in any key. The rules engine has no training set: its row "
        "shows what is common stock.",
        "Held-out pieces that a training piece contains for half or more of their length: "
        f"{'; '.join(twice) or 'none'}.",
        f"Index: 32 bits a pattern; wrongly found is the share of {N_MADE_UP:,} made-up patterns.",
    ]
    text, _ = write_table(
        "symbolic_style",
        [summary_row(name, found, sets[BACH], seed) for name, found in sets.items()],
        notes,
        title="Four-part pieces beside Bach",
        packages=("numpy", "torch"),
        sections={
            "Style, feature by feature": style_rows(sets),
            "Hard findings per 100 chords": writing_rows(sets, seed),
            "Copied from training pieces": copying_rows(sets, seed),
            "The index of patterns": index_rows(index, "jsb-chorales, train", seed),
        },
    )
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
