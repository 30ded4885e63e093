"""What the loop of `hybrid.repair` does to composed pieces: before and after, Bach's beside.

    python -m benchmarks.repair_loop [--plans 100] [--minutes 0.5] [--engines transformer rules]

The same plans a style go to each engine. Its notes are analysed, mended and analysed again. The
table is written at the end. ``--pieces FILE`` keeps the figures of single pieces: a run that
is cut off goes on there, several runs add to one table, and ``--table`` only writes it.
``--warnings`` has warnings mended as well as errors.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import write_table
from benchmarks.chorales import data_folder, read_chorales
from benchmarks.symbolic_control import STYLES
from hybrid.core.engine import Engine
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import load_analyser, make_engine, make_plan, rules_for
from hybrid.repair.loop import RepairSettings, mend
from hybrid.repair.reading import Reading, read_score


def figures(reading: Reading, prefix: str) -> dict[str, float]:
    """Figures of one reading; errors and warnings per 100 planned chords."""
    n = max(len(reading.fits), 1)
    return {
        f"errors {prefix}": 100 * reading.analysis.count("error") / n,
        f"warnings {prefix}": 100 * reading.analysis.count("warning") / n,
        f"chords {prefix}": reading.agreement.chords,
        f"bass {prefix}": reading.agreement.bass,
        f"cadences {prefix}": reading.agreement.cadences,
        f"analyser, nats {prefix}": float("nan")
        if reading.likelihood is None
        else reading.likelihood,
    }


def measure(
    name: str, engine: Engine, style: str, seed: int, minutes: float, warnings: bool = False
) -> dict[str, float]:
    """One plan filled and mended."""
    plan = make_plan(seed=seed, minutes=minutes, **STYLES[style])
    start = time.process_time()
    score, trace = engine.fill(plan, stage_rng(seed, "fill", engine.name))
    filled = time.process_time()
    engines = [engine] if name == "rules" else [engine, make_engine("rules")]
    done = mend(
        plan,
        score,
        trace,
        engines,
        rules_for(plan),
        seed,
        RepairSettings(severities=("error", "warning") if warnings else ("error",)),
        load_analyser,
        name != "rules",
    )
    ended = time.process_time()
    taken = [repair for repair in done.repairs if repair.is_mended]
    analyser = load_analyser()
    before = read_score(plan, score, rules_for(plan), analyser)
    after = read_score(plan, done.score, rules_for(plan), analyser)
    return {
        **figures(before, "before"),
        **figures(after, "after"),
        "repairs": len(taken),
        "by pitches": sum(repair.maker == "nudge" for repair in taken),
        "refills": sum(repair.maker != "nudge" for repair in taken),
        "not mended": len(done.repairs) - len(taken),
        "candidates": sum(repair.n_candidates for repair in done.repairs),
        "remarks": sum(doubt.agrees for doubt in done.after.doubts),
        "notes changed, share": done.n_changed / max(score.n_notes, 1),
        "CPU s to write": filled - start,
        "CPU s to mend": ended - filled,
    }


def bach() -> dict[str, Any]:
    """Bach's own figures under people's analyses, as if those were the plan."""
    from hybrid.symbolic_transformer.roman_text import read_roman_text
    from hybrid.theory import check
    from hybrid.theory.agreement import fit_chords

    folder = data_folder() / "roman_numerals" / "bach_chorales"
    errors = warnings = chords = kept = basses = 0
    for name, score in read_chorales().items():
        text = (folder / f"bach_chorale_{name}" / "analysis.txt").read_text(encoding="utf-8")
        fits = fit_chords(read_roman_text(text, score, name), score)
        chords += len(fits)
        kept += sum(fit.kept for fit in fits)
        basses += sum(fit.has_bass for fit in fits)
        found = [item.severity for item in check(score)]
        errors += found.count("error")
        warnings += found.count("warning")
    return {
        "style": "chorale",
        "engine": "Bach, 80 chorales",
        "plans": 80,
        "errors after": round(100 * errors / chords, 2),
        "warnings after": round(100 * warnings / chords, 1),
        "chords after": round(kept / chords, 3),
        "bass after": round(basses / chords, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100, help="plans a style")
    parser.add_argument("--minutes", type=float, default=0.5, help="length of a plan")
    parser.add_argument("--engines", nargs="+", default=["transformer", "rules"])
    parser.add_argument("--styles", nargs="+", default=list(STYLES))
    parser.add_argument(
        "--pieces", type=Path, help="file that figures of single pieces are added to (JSON lines)"
    )
    parser.add_argument("--warnings", action="store_true", help="mend warnings too")
    parser.add_argument("--table", action="store_true", help="only write the table of --pieces")
    options = parser.parse_args()
    found = _read(options.pieces)
    for name in [] if options.table else options.engines:
        engine = make_engine(name)
        label = f"{name}, warnings too" if options.warnings else name
        # Style by style for each seed, so that a run that is cut off has as many plans of each.
        for seed, style in itertools.product(range(options.plans), options.styles):
            row: dict[str, Any] = {"style": style, "engine": label, "seed": seed}
            if any(row.items() <= other.items() for other in found):
                continue
            row |= measure(name, engine, style, seed, options.minutes, options.warnings)
            print(row, flush=True)
            found.append(row)
            if options.pieces:
                with options.pieces.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(row) + "\n")
    write([bach(), *means(_read(options.pieces) or found)], options.minutes)


def _read(path: Path | None) -> list[dict[str, Any]]:
    """Figures of pieces that were measured before."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def means(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each engine and style."""
    rows = []
    for engine, style in sorted({(row["engine"], row["style"]) for row in found}, reverse=True):
        own = [row for row in found if (row["engine"], row["style"]) == (engine, style)]
        line: dict[str, Any] = {"style": style, "engine": engine, "plans": len(own)}
        for key in own[0]:
            if key not in line and key != "seed":
                line[key] = round(float(np.nanmean([row[key] for row in own])), 3)
        rows.append(line)
    return rows


def write(rows: list[dict[str, Any]], minutes: float) -> None:
    names = ("errors", "warnings", "chords", "bass", "cadences", "analyser, nats")
    first = []
    for row in rows:
        line = {key: row[key] for key in ("style", "engine", "plans")}
        for name in names:
            before, after = row.get(f"{name} before"), row.get(f"{name} after")
            if after is not None:
                line[name] = f"{after:g}" if before is None else f"{before:g} -> {after:g}"
        first.append(line)
    kept = {"style", "engine"}
    work = [
        {
            key: value
            for key, value in row.items()
            if key in kept or not key.endswith(("before", "after"))
        }
        for row in rows
        if "repairs" in row
    ]
    write_table(
        "repair_loop",
        first,
        [
            f"Means over plans of {minutes:g} minutes, before and after the loop. Errors and "
            "warnings per 100 planned chords (Bach's: per 100 chords of people's analyses); "
            "chords, bass and cadences: shares of the plan that are kept; analyser: mean log "
            "probability of the planned triads and basses.",
            "Repairs, candidates and times are means a piece; `by pitches` counts repairs by one "
            "or two other pitches, the rest were written by an engine; `remarks` are places where "
            "the analyser disagrees with the plan and the notes do not, which stay as they are.",
        ],
        title="Pieces before and after the loop",
        packages=("torch", "numpy"),
        sections={"What it took, a piece": work},
    )


if __name__ == "__main__":
    main()
