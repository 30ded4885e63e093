"""How well the learned engine keeps plans, beside the engine `rules` and itself unguided.

    python -m benchmarks.symbolic_control [--plans N] [--minutes M]

writes ``benchmarks/results/symbolic_control.md`` and ``.json``. The same N plans a style go to each
engine. Chords: planned chords of which what sounds consists for the most part; bass: chords whose
bass is the planned one; cadences: planned ones that the finder hears, which shares no code with
any engine; themes: share of onset-pitch pairs of the leading line that come back where a theme
returns, and between themes that are not the same; errors: hard rule findings per 100 chords.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._table import write_table
from hybrid.core.engine import Engine
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import analyse, make_plan
from hybrid.rules import RulesEngine
from hybrid.symbolic_transformer.event_engine import TransformerEngine

STYLES: dict[str, dict[str, Any]] = {
    "chorale": {"form": "chorale", "texture": "chorale"},
    "quartet": {
        "form": "ternary",
        "style": "quartet",
        "texture": "counterpoint",
        "instruments": ("quartet",),
    },
    "pop": {"form": "verse-chorus", "style": "pop"},
}
ENGINES: dict[str, Callable[[], Engine]] = {
    "rules": RulesEngine,
    "transformer": TransformerEngine,
    "transformer, unguided": lambda: TransformerEngine(guided=False),
}
MEASURES = ("chords", "bass", "cadences", "themes_same", "themes_other")


def measure(engine: Engine, style: str, seed: int, minutes: float) -> dict[str, float]:
    """Figures of one piece; a measure that its plan has no case of is left out."""
    plan = make_plan(seed=seed, minutes=minutes, **STYLES[style])
    begin = time.process_time()
    score, _ = engine.fill(plan, stage_rng(seed, "fill", engine.name))
    seconds = time.process_time() - begin
    analysis, agreement = analyse(plan, score)
    values = agreement.to_dict()
    found = {name: float(values[name]) for name in MEASURES if values.get(name) is not None}
    n_chords = sum(len(item.phrase.chords) for item in plan.phrases())
    return found | {
        "errors": 100 * analysis.count("error") / n_chords,
        "CPU seconds a minute": seconds / (plan.seconds / 60),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how plans are kept.")
    parser.add_argument("--plans", type=int, default=100, help="plans a style")
    parser.add_argument("--minutes", type=float, default=0.5, help="length of a plan")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for style in STYLES:
        for name, make in ENGINES.items():
            engine = make()
            found = [measure(engine, style, seed, options.minutes) for seed in range(options.plans)]
            line: dict[str, Any] = {"style": style, "engine": name}
            for key in (*MEASURES, "errors", "CPU seconds a minute"):
                values = [item[key] for item in found if key in item]
                line[key.replace("_", ", ")] = round(float(np.mean(values)), 3) if values else None
            rows.append(line)
            print(line, flush=True)
    write_table(
        "symbolic_control",
        rows,
        [
            f"Means over {options.plans} plans of {options.minutes:g} minutes a style; goal for "
            "chords 0.95. Errors are hard rule findings per 100 planned chords.",
            "CPU seconds for a minute of music: one thread, without start-up.",
        ],
        title="Plans kept",
        packages=("torch", "numpy"),
    )


if __name__ == "__main__":
    main()
