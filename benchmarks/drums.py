"""The groove model: likelihood, likeness to held-out drumming, control, returns and speed.

    python -m benchmarks.drums --data PATH/groove.tar.xz [--part likelihood] [--part play]
        [--also GRU=PATH/groove.safetensors]

Two tables: `drums.md` (likelihood of held-out bars, beside counted baselines) and
`drums_play.md` (what is played: distances of distributions, whether conditions are kept,
whether returning sections return, speed). All rows of a table come from one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._drum_baselines import baseline_scores
from benchmarks._table import RESULTS, write_table
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section
from hybrid.core.seeds import stage_rng
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.drums.bars import BarTask, metre_cells, plan_bars
from hybrid.symbolic_transformer.drums.batches import LISTED, make_table
from hybrid.symbolic_transformer.drums.conditions import (
    COLUMNS,
    FEELS,
    METRES,
    feels,
)
from hybrid.symbolic_transformer.drums.data import Corpus, Performance, read_corpus
from hybrid.symbolic_transformer.drums.grid import Grid
from hybrid.symbolic_transformer.drums.kit import CRASH, HIGH_TOM, LOW_TOM
from hybrid.symbolic_transformer.drums.player import DRAWS, Player, Step
from hybrid.symbolic_transformer.drums.train import load_model, score
from hybrid.symbolic_transformer.drums.weights import Weights, read_weights
from hybrid.symbolic_transformer.drums.write import TEMPERATURE, PlayedBar, play_bars, write_drums

BASELINES = {
    "unigram": "each drum by itself",
    "position": "each drum given its place in the bar",
    "copy": "each drum given what it did a bar ago",
    "n-gram": "patterns given place, style, a bar, a step and two bars ago (Witten-Bell)",
}
#: Bars played for each style and value of a condition.
CONTROL_BARS = 32
#: Bars taken of each held-out performance for the distances.
LONGEST = 16


def likelihood(corpus: Corpus, models: dict[str, Path | None]) -> list[dict[str, Any]]:
    """Rows of nats on both held-out splits."""
    train = make_table(corpus.splits["train"])
    splits = ("validation", "test")
    tables = [make_table(corpus.splits[split]) for split in splits]
    found: dict[str, list[dict[str, Any]]] = {split: [] for split in splits}
    for kind, what in BASELINES.items():
        for split, result in zip(splits, baseline_scores(train, tables, kind), strict=True):
            found[split].append(_row(split, kind, what, asdict(result)))
            print(found[split][-1], flush=True)
    for name, path in models.items():
        model, _ = load_model(read_path(path))
        for told, what in (
            (LISTED, "told style, metre, tempo"),
            ((True,) * len(COLUMNS), "told also what is measured in the bar"),
        ):
            for split, table in zip(splits, tables, strict=True):
                result = score(model, table, told=told)
                found[split].append(_row(split, name, what, asdict(result)))
                print(found[split][-1], flush=True)
    return [row for split in splits for row in found[split]]


def read_path(path: Path | None) -> Path:
    """The file, or the one that ships."""
    from hybrid.core.resources import resource_path
    from hybrid.symbolic_transformer.drums.weights import SHIPPED

    return path or resource_path(*SHIPPED)


def _row(split: str, name: str, what: str, found: dict[str, float]) -> dict[str, Any]:
    return {
        "split": split,
        "model": name,
        "what it knows": what,
        "hits, nats a step": float(found["hits"]),
        "velocity, nats a stroke": float(found["velocity"]),
        "timing, nats a stroke": float(found["timing"]),
        "all, nats a step": float(found["total"]),
    }


# --- Likeness to held-out drumming -------------------------------------------------


def play_like(
    item: Performance, weights: Weights, rng: np.random.Generator, temperature: float
) -> Grid:
    """Play as many bars as a performance has, told what was measured in each of its bars."""
    player = Player(weights)
    steps: list[Step] = []
    bar = item.bar_steps
    tempo = float(np.log2(item.qpm / 120.0))
    nothing = np.zeros(28, dtype=np.float32)
    base = 20 * list(METRES).index(item.metre)
    for number in range(min(item.n_bars, LONGEST) * bar):
        inputs = [nothing] * 3
        for source, back in enumerate((1, bar)):
            if number >= back:
                inputs[source] = np.append(steps[number - back].features, np.float32(1.0))
        state = player.state(
            np.concatenate(inputs),
            tuple(item.conditions[number // bar].tolist()),
            base + number % bar,
            tempo,
        )
        steps.append(player.play(state, rng.random(DRAWS), temperature))
    return _grid(steps)


def _grid(steps: Sequence[Step]) -> Grid:
    return Grid(
        np.stack([step.hits for step in steps]),
        np.stack([step.velocities for step in steps]),
        np.stack([step.timings for step in steps]),
    )


def _cut(item: Performance) -> Grid:
    size = min(item.n_bars, LONGEST) * item.bar_steps
    return Grid(
        item.grid.hits[:size].copy(),
        item.grid.velocities[:size].copy(),
        item.grid.timings[:size].copy(),
    )


def independent(train: Sequence[Performance], item: Performance, rng: np.random.Generator) -> Grid:
    """Each drum drawn by itself with its share at the place in the bar; the rest from strokes."""
    same = [other for other in train if other.metre == item.metre]
    bars = np.concatenate([other.grid.hits.reshape(-1, item.bar_steps, 9) for other in same])
    size = min(item.n_bars, LONGEST)
    hits = rng.random((size, item.bar_steps, 9)) < bars.mean(0)
    hits = hits.reshape(-1, 9)
    velocities, timings = np.zeros((2, *hits.shape), dtype=np.int16)
    for drum in range(9):
        count = int(hits[:, drum].sum())
        for values, name in ((velocities, "velocities"), (timings, "timings")):
            pool = np.concatenate(
                [getattr(other.grid, name)[other.grid.hits[:, drum], drum] for other in same]
            )
            values[hits[:, drum], drum] = rng.choice(pool, count)
    return Grid(hits, velocities, timings)


def wasserstein(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Mean distance that values of one set move to become the other (equal quantiles)."""
    shares = (np.arange(2000) + 0.5) / 2000
    return float(np.abs(np.quantile(first, shares) - np.quantile(second, shares)).mean())


def describe(grids: Sequence[Grid], bar_steps: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The distributions compared: strokes a bar (of 16 steps), velocity, timing, drums."""
    density, repeats = [], []
    for grid, size in zip(grids, bar_steps, strict=True):
        bars = grid.hits.reshape(-1, size, 9)
        density.append(16 * bars.sum((1, 2)) / size)
        both = (bars[1:] & bars[:-1]).sum((1, 2)) / np.maximum(
            (bars[1:] | bars[:-1]).sum((1, 2)), 1
        )
        repeats.append(both)
    share = np.sum([grid.hits.sum(0) for grid in grids], axis=0).astype(np.float64)
    return {
        "density": np.concatenate(density),
        "velocity": np.concatenate([grid.velocities[grid.hits] for grid in grids]),
        "timing": np.concatenate([grid.timings[grid.hits] for grid in grids]),
        "likeness": np.concatenate(repeats),
        "share": share / share.sum(),
    }


def distances(corpus: Corpus, weights: Weights) -> list[dict[str, Any]]:
    """Rows: how far each set is from the test performances."""
    test = [item for item in corpus.splits["test"] if not item.is_fill]
    sizes = [item.bar_steps for item in test]
    real = describe([_cut(item) for item in test], sizes)
    rng = stage_rng(1, "benchmark", "drums")
    others = [item for item in corpus.splits["validation"] if not item.is_fill]
    sets: dict[str, dict[str, NDArray[Any]]] = {
        "validation performances": describe(
            [_cut(item) for item in others], [item.bar_steps for item in others]
        ),
        "each drum by itself at its place": describe(
            [independent(corpus.splits["train"], item, rng) for item in test], sizes
        ),
    }
    played = {
        heat: [play_like(item, weights, rng, heat) for item in test] for heat in (1.0, TEMPERATURE)
    }
    for heat, grids in played.items():
        sets[f"model, temperature {heat:g}"] = describe(grids, sizes)
    rows = []
    for name, found in sets.items():
        mixed = (found["share"] + real["share"]) / 2
        divergence = sum(
            0.5 * float((part * np.log2(np.maximum(part, 1e-12) / mixed)).sum())
            for part in (found["share"], real["share"])
        )
        rows.append(
            {
                "what": "distance to the test performances",
                "of": name,
                "strokes a bar": wasserstein(found["density"], real["density"]),
                "velocity": wasserstein(found["velocity"], real["velocity"]),
                "timing, 1/120 step": wasserstein(found["timing"], real["timing"]),
                "likeness to the bar before": wasserstein(found["likeness"], real["likeness"]),
                "drums, bits": divergence,
            }
        )
    return rows + memory(corpus, test, played[1.0])


# --- Control ------------------------------------------------------------------------


def _tasks(style: str, n_bars: int, **values: Any) -> list[BarTask]:
    metre = Metre.parse("4/4")
    cells = metre_cells(metre)[0]
    task = BarTask("play", cells, start=0, quarters=4, qpm=110.0, style=style)  # type: ignore[arg-type]
    tasks = [replace(task, fresh=number % 8 == 0) for number in range(n_bars)]
    return [replace(one, **values) for one in tasks]


def _played(bars: Sequence[PlayedBar]) -> Grid:
    return _grid([step for bar in bars for step in bar.steps])


def control(weights: Weights) -> list[dict[str, Any]]:
    """Rows: what is measured in bars for each value of a condition."""
    rows: list[dict[str, Any]] = []
    rng = stage_rng(2, "benchmark", "drums")

    def measure(what: str, of: str, **values: Any) -> Grid:
        grids = [
            _played(play_bars(_tasks(style, CONTROL_BARS, **values), rng, weights))
            for style in ("rock", "funk", "latin")
        ]
        hits = np.concatenate([grid.hits for grid in grids])
        loud = np.concatenate([grid.velocities[grid.hits] for grid in grids])
        rows.append(
            {
                "what": what,
                "of": of,
                "strokes a bar": 16 * hits.sum() / len(hits),
                "velocity": float(loud.mean()),
                "toms a bar": 16 * hits[:, LOW_TOM : HIGH_TOM + 1].sum() / len(hits),
                "crash on the downbeat": float(hits[::16, CRASH].mean()),
                "bars in triplets": float(np.mean([feels(grid, 16).mean() for grid in grids])),
            }
        )
        return grids[0]

    for level in range(5):
        measure("density asked", str(level), density=level)
    for level in range(5):
        measure("intensity asked", str(level), intensity=level)
    for feel in FEELS:
        measure("feel asked", feel, feel=feel)
    for role, place in (("beat", "start"), ("beat", "middle"), ("beat", "end"), ("fill", "end")):
        measure("role and place asked", f"{role}, {place}", role=role, place=place)
    return rows


# --- Returning sections, memory, speed -----------------------------------------------


def form(labels: str, bars: int, style: str = "pop", variation: str | None = None) -> FormPlan:
    """A plan in 4/4, a phrase to each section."""
    return FormPlan(
        key=Key.parse("C major"),
        metre=Metre.parse("4/4"),
        tempo_qpm=110.0,
        style=style,
        instruments=("drums",),
        sections=tuple(
            Section(label=label, phrases=(Phrase(bars=bars, theme=label, variation=variation),))
            for label in labels
        ),
    )


def returns(weights: Weights, seeds: int) -> list[dict[str, Any]]:
    """Rows: strokes shared (of all) between bars of sections, the fills left out."""
    alike: list[float] = []
    unlike: list[float] = []
    opened: list[bool] = []
    plan = form("ABABCBA", 8)
    for seed in range(seeds):
        for style in ("rock", "funk", "hiphop", "latin"):
            tasks = plan_bars(plan, style=style)
            played = play_bars(tasks, stage_rng(seed, "returns"), weights, TEMPERATURE)
            hits = _played(played).hits.reshape(7, 8, 16, 9)[:, :7]
            opened += hits[1:, 0, 0, CRASH].tolist()
            for one in range(7):
                for two in range(one):
                    both = (hits[one] & hits[two]).sum((1, 2))
                    share = both / np.maximum((hits[one] | hits[two]).sum((1, 2)), 1)
                    same = "ABABCBA"[one] == "ABABCBA"[two]
                    (alike if same else unlike).extend(share.tolist())
    return [
        {
            "what": "strokes shared by aligned bars",
            "of": "sections of one label",
            "share": float(np.mean(alike)),
        },
        {"what": "", "of": "sections of two labels", "share": float(np.mean(unlike))},
        {
            "what": "crash on a section's first downbeat, after a fill",
            "of": "model",
            "share": float(np.mean(opened)),
        },
    ]


def memory(
    corpus: Corpus, test: Sequence[Performance], played: Sequence[Grid]
) -> list[dict[str, Any]]:
    """Rows: bars whose hits stand so in the training data, beside test bars that do."""
    known = set()
    for item in corpus.splits["train"]:
        for bar in item.grid.hits.reshape(item.n_bars, -1):
            known.add((item.metre, bar.tobytes()))
    rows = []
    for name, grids in (
        ("test performances", [_cut(item) for item in test]),
        ("model, told the same, temperature 1", played),
    ):
        found = [
            (item.metre, bar.tobytes()) in known
            for item, grid in zip(test, grids, strict=True)
            for bar in grid.hits.reshape(-1, item.bar_steps * 9)
        ]
        what = "bars whose hits are those of a training bar"
        rows.append({"what": what, "of": name, "share": float(np.mean(found))})
    return rows


def speed(weights: Weights) -> list[dict[str, Any]]:
    """Rows: seconds of processor time for 100 bars of 4/4."""
    plan = form("ABABC", 20, style="pop")
    times = []
    for seed in range(5):
        start = time.process_time()
        write_drums(plan, stage_rng(seed, "speed"), weights=weights)
        times.append(time.process_time() - start)
    start = time.process_time()
    read_weights()
    reading = time.process_time() - start
    return [
        {"what": "processor seconds", "of": "100 bars, best of 5", "seconds": min(times)},
        {"what": "", "of": "100 bars, median of 5", "seconds": float(np.median(times))},
        {"what": "", "of": "reading the weights", "seconds": reading},
    ]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="groove.tar.xz or the folder it unpacks to")
    parser.add_argument("--part", choices=("all", "likelihood", "play"), default="all")
    parser.add_argument("--weights", type=Path, help="weights to measure; the shipped ones if none")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="weights whose likelihood is set beside",
    )
    parser.add_argument("--seeds", type=int, default=2, help="of the forms that return")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the tables go")
    options = parser.parse_args()
    data = options.data or (
        Path(__file__).parents[2] / "shared" / "data" / "groove" / "groove.tar.xz"
    )
    corpus = read_corpus(data)
    if options.part != "likelihood":
        write_play(corpus, read_weights(options.weights), options.seeds, options.folder)
    if options.part != "play":
        models: dict[str, Path | None] = {"transformer": options.weights}
        for item in options.also:
            name, _, path = item.partition("=")
            models[name] = Path(path)
        write_likelihood(corpus, models, options.folder)


def write_play(corpus: Corpus, weights: Weights, seeds: int, folder: Path) -> None:
    """Measure what is played and write its table."""
    rows = [
        *speed(weights),
        *control(weights),
        *returns(weights, seeds),
        *distances(corpus, weights),
    ]
    write_table(
        "drums_play",
        rows,
        [
            f"Control: 3 x {CONTROL_BARS} bars at 110 quarters a minute (rock, funk, latin), "
            "beginning anew every 8 bars, nothing told but the style, metre and the condition "
            "named; temperature 1. Every bar of a row is asked the same, so a row of starts has "
            "a crash in many bars.",
            f"Sections: {seeds} seeds x 4 styles of the form ABABCBA, 8 bars each, temperature "
            f"{TEMPERATURE:g}; strokes in both bars by strokes in either; last bars left out.",
            f"Distances: Wasserstein-1 between the pooled values of up to {LONGEST} bars of each "
            "test beat and as many bars played under the same conditions (style, metre, tempo; in "
            "each bar feel, role, place, density, intensity); drums: Jensen-Shannon divergence of "
            "their shares. The validation row is what another set of the same drummers differs by.",
        ],
        title="What the groove model plays",
        packages=("numpy",),
        folder=folder,
    )


def write_likelihood(corpus: Corpus, models: dict[str, Path | None], folder: Path) -> None:
    """Score models and baselines and write their table."""
    write_table(
        "drums",
        likelihood(corpus, models),
        [
            "Groove MIDI Dataset, official split; sixteenths, nine drums. A step holds all nine "
            "drums: hits, and for each stroke a velocity bin (4 of 128) and a timing bin (1/24 "
            "step).",
            "The row to hold beside the baselines is the one told only what the data's list says "
            "(style, metre, tempo); feel, role, place, density and intensity are read from the bar "
            "itself, so telling them tells something of its notes.",
            "No reference bar is given in any row.",
        ],
        title="Held-out likelihood of drums",
        packages=("numpy", "torch"),
        folder=folder,
    )


if __name__ == "__main__":
    main()
